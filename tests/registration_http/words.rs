//! Refusals in words: where the rule stands, what would make it possible, and from when on.

use jitsuin::{ports::Role, rules::catalogue};
use serde_json::{Value, json};

use crate::{
    desk::{Desk, done, fresh_key, refusal},
    house::{House, pair, request},
};

/// The document has the words of its rule, and a day or none.
#[track_caller]
fn explained(body: &Value, rule: &str, earliest: Option<&str>) {
    let words = catalogue::explain(rule, body["case"].as_str()).unwrap();
    assert_eq!(body["title"], words.says, "{body}");
    assert_eq!(body["rule"], rule, "{body}");
    let expected = [words.source, words.says_ja, words.way, words.way_ja];
    assert_eq!(["article", "says_ja", "way", "way_ja"].map(|field| body[field].as_str().unwrap()), expected);
    assert_eq!(body.get("earliest").and_then(Value::as_str), earliest, "{body}");
    let case = body["detail_ja"].as_str().unwrap_or_else(|| panic!("no Japanese words in {body}"));
    assert!(case.ends_with('。') && !case.contains("  "), "{body}");
    assert!(body["title"].as_str().unwrap().len() > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn v_12_a_renewal_that_comes_early_is_told_the_day_and_again_the_same_when_it_is_repeated() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    done(suginami.post("/v1/certificates", &pair(1)).await);
    let (key, mut early) = (fresh_key(), pair(1));
    early["requests"] = json!({ "auth": request(), "sign": request() });
    let first = suginami.post_under(&key, "/v1/renewals", &early).await;
    assert_eq!(refusal(&first), (422, "V-12"));
    explained(&first.body, "V-12", Some("2030-11-18"));
    let entries = open.house.store.audit_after(0, 10_000).unwrap().len();
    let again = suginami.post_under(&key, "/v1/renewals", &early).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body), "the stored answer has the day too");
    assert_eq!(open.house.store.audit_after(0, 10_000).unwrap().len(), entries);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_refused_gets_the_words_of_the_rule() {
    let open = House::memory().open();
    let (suginami, itami) = (Desk::suginami(&open), Desk::itami(&open));
    done(suginami.post("/v1/certificates", &pair(1)).await);
    let mut other_keys = pair(1);
    other_keys["requests"] = json!({ "auth": request() });
    other_keys.as_object_mut().unwrap().remove("facts");
    explained(&suginami.post("/v1/certificates", &other_keys).await.body, "E-04", Some("2030-11-18"));
    let (card, kinds) = ("CARD-000001", json!(["sign"]));
    explained(&itami.post("/v1/holds", &json!({ "card": card })).await.body, "E-02", None);
    for (rule, cause, kinds) in [
        ("R-10", "holder-application", Value::Null),
        ("R-11", "key-compromise", Value::Null),
        ("R-12", "card-damaged", kinds.clone()),
        ("R-18", "card-void-after-move", kinds.clone()),
        ("R-23", "card-reissued-after-loss", kinds.clone()),
        ("R-24", "card-returned", kinds.clone()),
        ("R-30", "face-authentication-on", kinds),
    ] {
        let body = json!({ "card": card, "cause": cause, "kinds": kinds });
        explained(&suginami.post("/v1/revocations", &body).await.body, rule, None);
    }
    let party = Desk::new(&open, Role::RelyingParty, "e-filing");
    explained(&party.get("/v1/status/sign/01").await.body, "L-01", None);
    let nothing = suginami.get("/v1/cards/CARD-000009").await;
    assert_eq!(refusal(&nothing), (404, "T-09"));
    explained(&nothing.body, "T-09", None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_among_several_has_the_words_that_it_would_have_alone() {
    let open = House::memory().open();
    let (suginami, itami) = (Desk::suginami(&open), Desk::itami(&open));
    done(suginami.post("/v1/certificates", &pair(1)).await);
    let refused = |answer: &Value| answer["outcomes"][0]["refused"].clone();

    let event = json!({
        "holder": "TEST-000001", "change": "move", "number": "S-1", "event_day": "2026-11-01", "birth": "1980-02-18",
    });
    let alone = suginami.post("/v1/register-changes", &event).await.body;
    explained(&alone, "R-13", None);
    let together = done(suginami.post("/v1/register-changes", &json!({ "events": [event] })).await);
    assert_eq!(refused(&together), alone);

    let line = json!({ "card": "CARD-000001", "cause": "card-returned" });
    let alone = itami.post("/v1/revocations", &line).await.body;
    explained(&alone, "E-02", None);
    let lines = json!({ "lines": [{ "line": 1, "request": line }] });
    assert_eq!(refused(&done(itami.post("/v1/bulk/revocations", &lines).await)), alone);

    let mut early = pair(1);
    early["requests"] = json!({ "auth": request(), "sign": request() });
    let alone = suginami.post("/v1/renewals", &early).await.body;
    explained(&alone, "V-12", Some("2030-11-18"));
    let wishes = json!({ "lines": [{ "renew": early }] });
    assert_eq!(refused(&done(suginami.post("/v1/bulk/foresight", &wishes).await)), alone);

    // So has what could not even be read.
    let unread = done(suginami.text("/v1/register-changes", r#"{"events":[{"change":"moved"}]}"#).await);
    assert_eq!((&refused(&unread)["rule"], &refused(&unread)["status"]), (&json!("T-01"), &json!(400)));
    explained(&refused(&unread), "T-01", None);
}

#[tokio::test(flavor = "multi_thread")]
async fn m_01_a_move_that_is_taken_says_in_words_why_the_card_does_not_go_on() {
    let open = House::memory().open();
    let (suginami, itami) = (Desk::suginami(&open), Desk::itami(&open));
    done(suginami.post("/v1/certificates", &pair(1)).await);
    let event = |number: &str, what: &str| json!({ "holder": "TEST-000001", "change": what, "number": number, "event_day": "2026-11-01" });
    let mut arrival = event("I-1", "move-in");
    arrival["presented"] = json!({ "card": "CARD-000001", "register_pin": false, "addendum_has_room": true });
    let early = done(itami.post("/v1/register-changes", &arrival).await);
    let in_words = |said: &Value, rule: &str| {
        let words = catalogue::explain(rule, said["case"].as_str()).unwrap();
        assert_eq!(said["rule"], rule, "{said}");
        let expected = [words.source, words.says, words.says_ja, words.way, words.way_ja];
        assert_eq!(["article", "says", "says_ja", "way", "way_ja"].map(|one| said[one].as_str().unwrap()), expected);
    };
    in_words(&early["waits"], "E-02");
    assert_eq!(early.get("not_continued"), None, "it has not happened yet, as far as is known");

    let mut out = event("S-1", "move-out");
    (out["to"], out["planned"]) = ("28207".into(), "2026-11-01".into());
    done(suginami.post("/v1/register-changes", &out).await);
    arrival["number"] = "I-2".into();
    assert_eq!(done(itami.get("/v1/holders/TEST-000001").await)["municipality"], "28207");
    done(
        itami
            .post("/v1/register-changes", &json!({"holder": "TEST-000001", "change": "move-out", "to": "13113"}))
            .await,
    );
    let mut onward = arrival.clone();
    onward["number"] = "B-1".into();
    let shibuya = Desk::new(&open, Role::Municipality, "13113");
    let effects = done(shibuya.post("/v1/register-changes", &json!({ "events": [onward] })).await);
    assert_eq!(effects["outcomes"][0]["done"]["waits"]["rule"], "E-02", "of a day before the move was announced");
    let by_hand = json!({"holder": "TEST-000001", "change": "move-in", "presented": arrival["presented"]});
    let effects = done(shibuya.post("/v1/register-changes", &by_hand).await);
    in_words(&effects["not_continued"], "M-01");
    assert_eq!((effects.get("waits"), &effects["awaited"]), (None, &Value::Null), "the move before it was missed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_cannot_be_read_names_the_parameter_and_its_form_in_a_sentence() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    for (path, words) in [
        ("/v1/forecast?from=tomorrow", ["`from` must be a day", "YYYY-MM-DD"]),
        ("/v1/forecast?to=2027-02-29", ["`to` must be a day that exists", "YYYY-MM-DD"]),
        ("/v1/notices/due?day=15/01/2027", ["`day` must be a day", "YYYY-MM-DD"]),
        ("/v1/notices?after=x", ["`after` must be a whole number", "17"]),
        ("/v1/applications?state=open", ["`state` must be one of the words", "inquiry-sent"]),
        ("/v1/notices?after=1&after=2", ["`after` is there twice", "once"]),
    ] {
        let answer = suginami.get(path).await;
        assert_eq!(refusal(&answer), (400, "T-01"), "{path}");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(words.iter().all(|word| detail.contains(word)), "{path}: {detail}");
    }
}
