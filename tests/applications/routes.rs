//! The routes: what a counter sends and sees, and what never gets in.

use hyper::StatusCode;
use jitsuin::ports::Role;
use serde_json::{Value, json};

use crate::{
    desk::{Desk, done, refusal},
    house::{House, pair, request},
};

fn application(number: u32) -> Value {
    let Value::Object(mut pair) = pair(number) else { panic!("a pair is an object") };
    json!({
        "procedure": "new-issue", "applicant": "agent", "agent": "AGENT-7", "kinds": ["auth", "sign"],
        "holder": pair.remove("holder"), "card": pair.remove("card"),
    })
}

fn events(received: &Value) -> String {
    format!("/v1/applications/{}/events", received["application"].as_str().unwrap())
}

fn reply() -> Value {
    json!({"agent": "AGENT-7", "sealed": true, "pin_fits": true, "facts_agree": true, "application_is_there": true})
}

#[tokio::test(flavor = "multi_thread")]
async fn two_visits_from_the_first_to_the_card() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let answer = suginami.post("/v1/applications", &application(1)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let received = answer.body.clone();
    let path = format!("/v1/applications/{}", received["application"].as_str().unwrap());
    assert_eq!(answer.headers["location"], path.as_str());
    assert_eq!(
        (&received["visits"], &received["why"], &received["state"]),
        (&2.into(), &"always".into(), &"received".into())
    );
    assert_eq!(received["papers"]["second"], json!(["card", "agent-photo-id", "posted-reply", "first-application"]));
    let post = async |body: Value| done(suginami.post(&events(&received), &body).await);
    let sent =
        post(json!({"event": "send-inquiry", "version": 1, "inquiry": {"address": "東京都杉並区試験町１丁目"}})).await;
    assert_eq!(
        (&sent["from"], &sent["state"], &sent["due"]),
        (&"received".into(), &"inquiry-sent".into(), &"2026-12-02".into())
    );
    let seen = done(suginami.get(&path).await);
    let letter = json!({
        "holder": "TEST-000001", "application": received["application"], "address": "東京都杉並区試験町１丁目",
        "do_not_forward": true, "round": 1, "posted": "2026-11-02", "reply_by": "2026-12-02",
    });
    assert_eq!(seen["letter"], letter);
    open.house.clock.advance_days(14);
    post(json!({"event": "reply-handed-in", "reply": reply()})).await;
    let verified = post(json!({"event": "verify"})).await;
    assert_eq!((&verified["outlook"]["auth"], &verified["outlook"]["sign"]), (&"first".into(), &"first".into()));
    post(json!({"event": "generate-key"})).await;
    post(json!({"event": "send"})).await;
    assert_eq!(refusal(&suginami.post(&events(&received), &json!({"event": "issue"})).await), (422, "A-01"));
    let mut enrolment = pair(1);
    enrolment["application"] = received["application"].clone();
    let issued = done(suginami.post("/v1/certificates", &enrolment).await);
    let again = done(suginami.post("/v1/certificates", &enrolment).await);
    assert_eq!(again, issued, "under another key, for the same application");
    post(json!({"event": "write-to-card"})).await;
    assert_eq!(post(json!({"event": "hand-over"})).await["next"], json!([]));
    let seen = done(suginami.get(&path).await);
    assert_eq!(seen["state"], "delivered");
    assert!(seen.get("letter").is_none());
    for (one, bound) in issued["certificates"].as_array().unwrap().iter().zip(seen["certificates"].as_array().unwrap())
    {
        assert_eq!((&one["kind"], &one["serial"]), (&bound["kind"], &bound["serial"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_never_gets_in() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let received = done(suginami.post("/v1/applications", &application(1)).await);
    let entries = open.house.store.audit_after(0, 1000).unwrap().len();
    for name in ["pin", "PIN", "sign_pin", "auth_pin", "new_pin", "暗証番号"] {
        let mut request = application(2);
        request[name] = "1234".into();
        assert_eq!(refusal(&suginami.post("/v1/applications", &request).await), (400, "T-01"), "{name}");
        for part in ["holder", "card", "presence"] {
            let mut request = application(2);
            request["presence"] = json!({});
            request[part][name] = "1234".into();
            assert_eq!(refusal(&suginami.post("/v1/applications", &request).await), (400, "T-01"), "{part}.{name}");
        }
        let event = json!({"event": "withdraw", name: "1234"});
        assert_eq!(refusal(&suginami.post(&events(&received), &event).await), (400, "T-01"), "{name}");
        let mut brought = reply();
        brought[name] = "ABC123".into();
        let event = json!({"event": "reply-handed-in", "reply": brought});
        assert_eq!(refusal(&suginami.post(&events(&received), &event).await), (400, "T-01"), "reply.{name}");
        let event = json!({"event": "send-inquiry", "inquiry": {"address": "東京都", name: "1234"}});
        assert_eq!(refusal(&suginami.post(&events(&received), &event).await), (400, "T-01"), "inquiry.{name}");
        let mut enrolment = pair(2);
        enrolment[name] = "1234".into();
        assert_eq!(refusal(&suginami.post("/v1/certificates", &enrolment).await), (400, "T-01"), "{name}");
    }
    let told = format!("{:?}", &open.house.store.audit_after(0, 1000).unwrap()[entries..]);
    assert!(!told.contains("1234") && !told.contains("ABC123"), "{told}");
    let seen = done(suginami.get(&format!("/v1/applications/{}", received["application"].as_str().unwrap())).await);
    assert_eq!((&seen["state"], &seen["version"]), (&"received".into(), &1.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_municipality_lists_its_own_by_state_and_page() {
    let open = House::memory().open();
    let (suginami, itami, operator) = (Desk::suginami(&open), Desk::itami(&open), Desk::operator(&open));
    let mut all = Vec::new();
    for number in 1..=103 {
        all.push(done(suginami.post("/v1/applications", &application(number)).await));
    }
    done(suginami.post(&events(&all[0]), &json!({"event": "withdraw"})).await);
    let letter = json!({"event": "send-inquiry", "inquiry": {"address": "東京都杉並区試験町１丁目"}});
    done(suginami.post(&events(&all[1]), &letter).await);
    let numbers = |page: &Value| {
        let list = page["applications"].as_array().unwrap();
        list.iter().map(|one| one["application"].clone()).collect::<Vec<_>>()
    };
    let first = done(suginami.get("/v1/applications").await);
    assert_eq!(first["applications"].as_array().unwrap().len(), 100);
    let waiting = &first["applications"][0];
    assert_eq!((&waiting["state"], &waiting["due"]), (&"inquiry-sent".into(), &"2026-12-02".into()));
    assert!(waiting.get("letter").is_none(), "no addresses in lists");
    let second = done(suginami.get(&format!("/v1/applications?after={}", first["next"])).await);
    assert!(second.get("next").is_none());
    let expected: Vec<_> = all[1..].iter().map(|one| one["application"].clone()).collect();
    assert_eq!([numbers(&first), numbers(&second)].concat(), expected, "all that wait, each once, in order");
    let withdrawn = done(suginami.get("/v1/applications?state=withdrawn").await);
    assert_eq!(numbers(&withdrawn), [all[0]["application"].clone()]);
    assert!(numbers(&done(itami.get("/v1/applications").await)).is_empty());
    for bad in ["state=gone", "state=", "after=x", "holder=TEST-000001"] {
        assert_eq!(refusal(&suginami.get(&format!("/v1/applications?{bad}")).await), (400, "T-01"), "{bad}");
    }
    assert_eq!(refusal(&operator.get("/v1/applications").await), (403, "E-02"));
    let own = format!("/v1/applications/{}", all[2]["application"].as_str().unwrap());
    done(suginami.get(&own).await);
    assert_eq!(refusal(&itami.get(&own).await), (404, "T-09"));
    assert_eq!(refusal(&itami.post(&events(&all[2]), &json!({"event": "withdraw"})).await), (404, "T-09"));
    assert_eq!(refusal(&operator.post(&events(&all[2]), &json!({"event": "withdraw"})).await), (403, "E-02"));
    for stranger in ["/v1/applications/1", &format!("/v1/applications/{}", "0".repeat(32))] {
        assert_eq!(refusal(&suginami.get(stranger).await), (404, "T-09"));
    }
    let party = Desk::new(&open, Role::RelyingParty, "e-filing");
    assert_eq!(refusal(&party.get("/v1/applications").await), (403, "T-08"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_under_its_key_gets_the_first_answer_and_is_refused_for_ever_or_never() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let received = done(suginami.post_under("key-1", "/v1/applications", &application(1)).await);
    assert_eq!(done(suginami.post_under("key-1", "/v1/applications", &application(1)).await), received);
    let path = events(&received);
    let refused = suginami.post_under("key-2", &path, &json!({"event": "verify"})).await;
    assert_eq!(refusal(&refused), (422, "A-01"));
    assert!(refused.body["detail"].as_str().unwrap().contains("send-inquiry"), "{}", refused.body);
    let inquiry = json!({"event": "send-inquiry", "inquiry": {"address": "東京都杉並区試験町１丁目"}});
    let sent = done(suginami.post_under("key-3", &path, &inquiry).await);
    done(suginami.post(&path, &json!({"event": "withdraw"})).await);
    assert_eq!(done(suginami.post_under("key-3", &path, &inquiry).await), sent);
    assert_eq!(refusal(&suginami.post_under("key-3", &path, &json!({"event": "withdraw"})).await), (422, "T-07"));
    let mut other = pair(1);
    other["application"] = received["application"].clone();
    other["requests"] = json!({"auth": request(), "sign": request()});
    assert_eq!(refusal(&suginami.post("/v1/certificates", &other).await), (422, "A-01"));
}
