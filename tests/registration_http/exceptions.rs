//! The exception of E-07: two officers, the agent, the exact request, one day, once.

use std::sync::Arc;

use jitsuin::{config::Config, http::client::Answer, ports::Role, store::MemoryStore};
use serde_json::{Value, json};

use crate::{
    desk::{Desk, done, refusal},
    house::{House, Open, pair, request},
};

const REASON: &str = "海外の学校の出願に署名が要るため、事前に相談があった";

/// A pair for a child of ten.
fn child(number: u32) -> Value {
    let mut request = pair(number);
    request["holder"]["birth"] = "2016-05-05".into();
    request
}

fn asking(request: &Value) -> Value {
    json!({"reason": REASON, "agent_present": true, "request": request})
}

fn approvals(asked: &Value) -> String {
    format!("{}/approvals", path(asked))
}

fn path(asked: &Value) -> String {
    format!("/v1/exceptions/{}", asked["exception"].as_str().unwrap())
}

/// The second officer of Suginami.
fn second(open: &Open) -> Desk<'_> {
    Desk::new(open, Role::Municipality, "13115-second")
}

fn detail(answer: &Answer<Value>) -> String {
    answer.body["detail"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn e_07_what_two_officers_made_is_issued_once_and_the_audit_tells_of_both() {
    for approver in ["second", "operator"] {
        let open = House::memory().open();
        let (suginami, operator) = (Desk::suginami(&open), Desk::operator(&open));
        let request = child(1);
        let refused = suginami.post("/v1/certificates", &request).await;
        assert_eq!(refusal(&refused), (422, "E-05"), "never by itself");
        let answer = suginami.post("/v1/exceptions", &asking(&request)).await;
        assert_eq!(answer.status.as_u16(), 201, "{}", answer.body);
        let asked = answer.body.clone();
        assert_eq!(answer.headers["location"], path(&asked).as_str());
        assert_eq!((&asked["state"], &asked["asked_by"]), (&"asked".into(), &"municipality/13115".into()));
        let early = suginami.post("/v1/certificates", &request).await;
        assert_eq!(refusal(&early), (422, "E-07"));
        assert!(detail(&early).contains("second officer"), "{}", early.body);
        let second = if approver == "second" { second(&open) } else { operator };
        let approved = done(second.post(&approvals(&asked), &json!({})).await);
        assert_eq!(approved["state"], "approved");
        let issued = done(suginami.post("/v1/certificates", &request).await);
        assert_eq!(issued["certificates"].as_array().unwrap().len(), 2);
        let used = done(suginami.get(&path(&asked)).await);
        assert_eq!(used["state"], "used");
        assert_ne!(used["approved_by"], used["asked_by"]);
        // Once: another request needs another.
        assert_eq!(refusal(&suginami.post("/v1/certificates", &request).await), (422, "E-07"));
        let entries = open.house.store.audit_after(0, 1000).unwrap();
        let of = |action: &str| {
            let entry = entries.iter().find(|entry| entry.draft.action == action).unwrap();
            serde_json::from_str::<Value>(&entry.draft.detail).unwrap()
        };
        assert_eq!(
            (&of("exception.asked")["rule"], &of("exception.asked")["approved_by"]),
            (&"E-07".into(), &json!(null))
        );
        let reserved = &of("pair.reserved")["exception"];
        assert_eq!(reserved, &of("exception.approved"), "{approver}");
        assert_eq!(reserved["request"], asked["exception"]);
        assert!(entries.iter().all(|entry| !entry.draft.detail.contains("海外")), "the reason may speak of a person");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e_07_nobody_approves_their_own_and_nobody_of_another_town_sees_it() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let asked = done(suginami.post("/v1/exceptions", &asking(&child(1))).await);
    let own = suginami.post(&approvals(&asked), &json!({})).await;
    assert_eq!(refusal(&own), (422, "E-07"));
    assert!(detail(&own).contains("nobody approves their own"), "{}", own.body);
    let itami = Desk::itami(&open);
    assert_eq!(refusal(&itami.get(&path(&asked)).await), (404, "T-09"));
    assert_eq!(refusal(&itami.post(&approvals(&asked), &json!({})).await), (404, "T-09"));
    let party = Desk::new(&open, Role::RelyingParty, "e-filing");
    assert_eq!(refusal(&party.get(&path(&asked)).await), (403, "T-08"));
    assert_eq!(
        refusal(&suginami.post("/v1/certificates", &child(1)).await),
        (422, "E-05"),
        "another request: other keys"
    );
    let operator = Desk::operator(&open);
    assert_eq!(refusal(&operator.post("/v1/exceptions", &asking(&child(2))).await), (403, "E-02"));
    done(second(&open).post(&approvals(&asked), &json!({})).await);
    let again = operator.post(&approvals(&asked), &json!({})).await;
    assert_eq!(refusal(&again), (422, "E-07"), "approved once");
    for bad in ["0", &"G".repeat(64), &"A5".repeat(32)] {
        assert_eq!(refusal(&suginami.get(&format!("/v1/exceptions/{bad}")).await), (404, "T-09"), "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e_07_it_holds_for_the_exact_request_alone() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let good = child(1);
    let asked = done(suginami.post("/v1/exceptions", &asking(&good)).await);
    done(second(&open).post(&approvals(&asked), &json!({})).await);
    let with = |edit: &dyn Fn(&mut Value)| {
        let mut other = good.clone();
        edit(&mut other);
        other
    };
    for other in [
        with(&|one| one["requests"]["sign"] = request().into()),
        with(&|one| one["requests"]["auth"] = request().into()),
        with(&|one| drop(one["requests"].as_object_mut().unwrap().remove("auth"))),
        with(&|one| one["facts"]["name"] = "実印　次郎".into()),
        with(&|one| one["facts"]["name_flags"] = "10000".into()),
        with(&|one| one["facts"]["sex"] = "2".into()),
        with(&|one| one["holder"]["reference"] = "TEST-000009".into()),
        with(&|one| one["holder"]["birth"] = "2016-05-06".into()),
        with(&|one| one["card"]["number"] = "CARD-000009".into()),
        with(&|one| one["card"]["issue_day"] = "2026-10-31".into()),
    ] {
        assert_eq!(refusal(&suginami.post("/v1/certificates", &other).await), (422, "E-05"));
    }
    let renewal = suginami.post("/v1/renewals", &good).await;
    assert_eq!(refusal(&renewal), (422, "E-05"), "asked for as a new issue");
    // It is Suginami's: from elsewhere it is a request like any other.
    assert_eq!(refusal(&Desk::itami(&open).post("/v1/certificates", &good).await), (422, "E-05"));
    done(suginami.post("/v1/certificates", &good).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn e_07_it_ends_with_the_day_on_which_the_agent_was_there() {
    let open = House::memory().open();
    let (suginami, second) = (Desk::suginami(&open), second(&open));
    let (approved, waiting) = (child(1), child(2));
    let asked = done(suginami.post("/v1/exceptions", &asking(&approved)).await);
    done(second.post(&approvals(&asked), &json!({})).await);
    let late = done(suginami.post("/v1/exceptions", &asking(&waiting)).await);
    open.house.clock.advance_days(1);
    assert_eq!(refusal(&suginami.post("/v1/certificates", &approved).await), (422, "E-07"));
    assert_eq!(refusal(&second.post(&approvals(&late), &json!({})).await), (422, "E-07"));
    assert_eq!(done(suginami.get(&path(&late)).await)["state"], "over");
    let again = suginami.post("/v1/exceptions", &asking(&approved)).await;
    assert_eq!(refusal(&again), (422, "E-07"), "the same keys are asked for once");
}

#[tokio::test(flavor = "multi_thread")]
async fn e_07_without_reason_agent_or_need_it_is_not_asked_for() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let mut only_auth = child(1);
    only_auth["requests"].as_object_mut().unwrap().remove("sign");
    only_auth.as_object_mut().unwrap().remove("facts");
    let mut bad_fact = child(1);
    bad_fact["facts"]["name"] = "髙橋".into();
    let mut bad_key = child(1);
    bad_key["requests"]["sign"] = "AAAA".into();
    let with = |name: &str, value: Value| {
        let mut body = asking(&child(1));
        body[name] = value;
        body
    };
    for (body, rule) in [
        (with("reason", "".into()), (422, "E-07")),
        (with("reason", "希望".into()), (422, "E-07")),
        (with("reason", "理由 ".repeat(501).into()), (422, "E-07")),
        (with("agent_present", false.into()), (422, "E-07")),
        (with("reason", format!("番号は 1234-5678-9012 です。{REASON}").into()), (422, "T-10")),
        (with("approved_by", "operator/operator-1".into()), (400, "T-01")),
        (asking(&pair(1)), (422, "E-07")),
        (asking(&only_auth), (422, "E-07")),
        (asking(&bad_fact), (422, "N-02")),
        (asking(&bad_key), (422, "T-04")),
        (json!({"reason": REASON, "agent_present": true}), (400, "T-01")),
    ] {
        assert_eq!(refusal(&suginami.post("/v1/exceptions", &body).await), rule, "{body}");
    }
    let mut ward = pair(3);
    ward["holder"]["ward"] = true.into();
    done(suginami.post("/v1/exceptions", &asking(&ward)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn c_13_a_town_that_knows_no_exception_takes_none() {
    let text = "[counters.towns.13115]\nexception_path = false\n";
    let counters = Config::parse(text, std::path::Path::new("")).unwrap().counters.rules();
    let open = House::with_counters(Arc::new(MemoryStore::new()), counters).open();
    let refused = Desk::suginami(&open).post("/v1/exceptions", &asking(&child(1))).await;
    assert_eq!(refusal(&refused), (422, "E-07"));
    assert!(detail(&refused).contains("C-13"), "{}", refused.body);
    done(Desk::itami(&open).post("/v1/exceptions", &asking(&child(2))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn e_07_the_second_officer_finds_what_waits_oldest_first_and_of_their_own_town_alone() {
    let room = tempfile::TempDir::new().unwrap();
    let sqlite = jitsuin::store::SqliteStore::open(&room.path().join("jitsuin.db")).unwrap();
    for open in [House::memory().open(), House::new(Arc::new(sqlite)).open()] {
        let (suginami, itami, second) = (Desk::suginami(&open), Desk::itami(&open), second(&open));
        assert_eq!(done(second.get("/v1/exceptions").await), json!({"exceptions": []}));
        let mut asked = Vec::new();
        for number in 1..=3 {
            asked.push(done(suginami.post("/v1/exceptions", &asking(&child(number))).await));
        }
        done(itami.post("/v1/exceptions", &asking(&child(4))).await);
        let waiting = done(second.get("/v1/exceptions").await);
        assert_eq!(waiting, json!({ "exceptions": asked }));
        assert_eq!(waiting["exceptions"][0]["asked_by"], "municipality/13115");
        done(second.post(&approvals(&waiting["exceptions"][1]), &json!({})).await);
        let left = json!({"exceptions": [asked[0], asked[2]]});
        assert_eq!(done(suginami.get("/v1/exceptions").await), left, "what is approved waits no longer");
        assert_eq!(done(itami.get("/v1/exceptions").await)["exceptions"].as_array().unwrap().len(), 1);
        let party = Desk::new(&open, Role::RelyingParty, "e-filing");
        assert_eq!(refusal(&party.get("/v1/exceptions").await), (403, "T-08"));
        assert_eq!(refusal(&Desk::operator(&open).get("/v1/exceptions").await), (403, "E-02"));
        assert_eq!(refusal(&second.get("/v1/exceptions?after=1").await), (400, "T-01"));
        // They hold for their day.
        open.house.clock.advance_days(1);
        assert_eq!(done(second.get("/v1/exceptions").await), json!({"exceptions": []}));
        let next = done(suginami.post("/v1/exceptions", &asking(&child(5))).await);
        assert_eq!(done(second.get("/v1/exceptions").await), json!({ "exceptions": [next] }));
    }
}
