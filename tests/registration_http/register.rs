//! The register's feed over the wire: events one by one and together, letters and forecasts.

use serde_json::{Value, json};

use crate::{
    desk::{Desk, done, refusal},
    house::{House, pair},
};

fn event(number: &str, what: &str) -> Value {
    json!({"holder": "TEST-000001", "change": what, "number": number, "event_day": "2026-11-01"})
}

/// What became of each of several events: the rule, and whether it was refused.
fn told(outcomes: &Value) -> Vec<(String, bool)> {
    let one = |outcome: &Value| {
        let (word, what) = outcome.as_object().unwrap().iter().next().unwrap();
        (what["rule"].as_str().unwrap().to_owned(), word == "refused")
    };
    outcomes["outcomes"].as_array().unwrap().iter().map(one).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_one_by_one_or_together_each_with_its_own_outcome() {
    let open = House::memory().open();
    let (suginami, itami) = (Desk::suginami(&open), Desk::itami(&open));
    done(suginami.post("/v1/certificates", &pair(1)).await);
    let mut out = event("S-1", "move-out");
    out["to"] = "28207".into();
    out["planned"] = "2026-11-02".into();
    let first = done(suginami.post("/v1/register-changes", &out).await);
    assert_eq!(first["rule"], "R-16");
    assert_eq!(done(suginami.post("/v1/register-changes", &out).await), first, "under another key");
    let batch = json!({"events": [out, event("S-2", "minor-correction"), event("S-3", "name-change")]});
    let together = done(suginami.post("/v1/register-changes", &batch).await);
    let expected = [("R-16", false), ("R-14", false), ("R-13", false)];
    assert_eq!(told(&together), expected.map(|(rule, refused)| (rule.to_owned(), refused)));

    let mut arrival = event("I-1", "move-in");
    arrival["presented"] = json!({"card": "CARD-000001", "register_pin": true, "addendum_has_room": true});
    done(itami.post("/v1/register-changes", &arrival).await);
    let here = done(itami.get("/v1/holders/TEST-000001").await);
    assert_eq!(here["municipality"], "28207");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_event_among_several_is_refused_alone() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    done(suginami.post("/v1/certificates", &pair(1)).await);
    let mut no_such_day = event("S-2", "move");
    no_such_day["event_day"] = "2026-02-30".into();
    let mut stranger = event("S-3", "move");
    stranger["holder"] = "TEST-000009".into();
    let unnumbered = json!({"holder": "TEST-000001", "change": "move"});
    let batch = json!({"events": [
        event("S-1", "minor-correction"), no_such_day, stranger, unnumbered, event("S-1", "move"),
        event("S-5", "moved"), "S-6", event("S-7", "move"),
    ]});
    let answer = suginami.text("/v1/register-changes", &batch.to_string()).await;
    let expected = ["R-14", "T-01", "T-09", "T-01", "T-13", "T-01", "T-01", "R-13"];
    let rules: Vec<String> = told(&done(answer)).into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(rules, expected);
    let entries = open.house.store.audit_after(0, 1000).unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.draft.action == "request.refused").count(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_events_and_bodies_that_are_no_batch_are_refused_whole() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    done(suginami.post("/v1/certificates", &pair(1)).await);
    let many: Vec<Value> = (0..101).map(|number| event(&format!("S-{number}"), "move")).collect();
    let refused = suginami.post("/v1/register-changes", &json!({"events": many})).await;
    assert_eq!(refusal(&refused), (413, "T-03"));
    // No event is taken of a batch in which one has a 個人番号: what was sent with it is not to be kept.
    let mut my_number = event("S-4", "death");
    my_number["number"] = "123456789018".into();
    let refused = suginami.post("/v1/register-changes", &json!({"events": [event("S-3", "death"), my_number]})).await;
    assert_eq!(refusal(&refused), (422, "T-10"));
    for body in [json!({"events": {}}), json!({"events": [], "holder": "TEST-000001"}), json!({"events": null})] {
        assert_eq!(refusal(&suginami.post("/v1/register-changes", &body).await), (400, "T-01"), "{body}");
    }
    assert_eq!(told(&done(suginami.post("/v1/register-changes", &json!({"events": []})).await)), []);
    let number = event("S-1", "minor-correction");
    done(suginami.post("/v1/register-changes", &number).await);
    let other = suginami.post("/v1/register-changes", &event("S-1", "death")).await;
    assert_eq!(refusal(&other), (409, "T-13"));
    let card = done(suginami.get("/v1/cards/CARD-000001").await);
    assert!(card["certificates"].as_array().unwrap().iter().all(|one| one["state"] == "live"), "{card}");
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_wait_for_the_municipality_until_they_are_sent() {
    let open = House::memory().open();
    let (suginami, itami) = (Desk::suginami(&open), Desk::itami(&open));
    done(suginami.post("/v1/certificates", &pair(1)).await);
    done(suginami.post("/v1/register-changes", &event("S-1", "move")).await);
    let letters = done(suginami.get("/v1/notices?after=0").await);
    assert_eq!((&letters["notices"][0]["number"], &letters["notices"][0]["rule"]), (&json!(1), &json!("R-13")));
    assert_eq!(done(itami.get("/v1/notices").await)["notices"], json!([]));
    assert_eq!(refusal(&itami.post("/v1/notices/1/sent", &json!({})).await), (404, "T-09"));
    assert_eq!(refusal(&suginami.post("/v1/notices/x/sent", &json!({})).await), (404, "T-09"));
    let sent = done(suginami.post("/v1/notices/1/sent", &json!({})).await);
    assert!(sent["sent"].is_string());
    assert_eq!(done(suginami.get("/v1/notices").await)["notices"], json!([]));
    assert_eq!(refusal(&Desk::operator(&open).get("/v1/notices").await), (403, "E-02"));
    assert_eq!(refusal(&suginami.get("/v1/notices?after=x").await), (400, "T-01"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_and_what_is_to_come_is_told_by_day() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let issued = done(suginami.post("/v1/certificates", &pair(1)).await);
    let opens = issued["renewal_opens"].as_str().unwrap().to_owned();
    let (year, rest) = opens.split_at(4);
    let forecast = done(suginami.get(&format!("/v1/forecast?from={year}-01-01&to={year}-12-31")).await);
    let days = forecast["days"].as_array().unwrap();
    let day = days.iter().find(|day| day["day"] == opens.as_str()).unwrap();
    assert_eq!(day["opens"], json!({"sign": 1, "auth": 1}), "{rest}");
    let eve = opens.parse_day().previous_day().unwrap();
    let due = done(suginami.get(&format!("/v1/notices/due?day={eve}")).await);
    assert_eq!(due["due"].as_array().unwrap().len(), 2, "{due}");
    assert!(due["due"][0]["letter"]["ja"].as_str().unwrap().contains(&opens));
    for bad in
        ["/v1/notices/due?day=2026-02-30", "/v1/notices/due?after=x", "/v1/forecast?from=2027-01-01&to=2026-01-01"]
    {
        assert_eq!(refusal(&suginami.get(bad).await), (400, "T-01"), "{bad}");
    }
}

trait ParseDay {
    fn parse_day(&self) -> jitsuin::rules::Day;
}

impl ParseDay for str {
    fn parse_day(&self) -> jitsuin::rules::Day {
        jitsuin::rules::calendar::parse_day(self).unwrap()
    }
}
