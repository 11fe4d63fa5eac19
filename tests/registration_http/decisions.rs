//! What-ifs: a case in, a decision out, and nothing written.

use std::sync::Arc;

use jitsuin::{
    config::Config,
    http::client::Answer,
    ports::Role,
    rules::{CounterFacts, CounterSettings, Counters, decide_counter},
    store::MemoryStore,
};
use serde_json::{Value, json};

use crate::{
    desk::{Desk, done, refusal},
    house::{House, Open},
};

const PATH: &str = "/v1/decisions";

/// 伊丹市 and 天理市 do otherwise.
fn counters() -> Counters {
    let text = "[counters.towns.28207]\nbranches = false\nby_appointment = true\nagent_same_day_with_enclosed_reply = false\n\
                [counters.towns.29204]\nrenewal_yen = 200\n";
    Config::parse(text, std::path::Path::new("")).unwrap().counters.rules()
}

fn open() -> Open {
    House::with_counters(Arc::new(MemoryStore::new()), counters()).open()
}

/// An adult's renewal in its window, in person, on a card that goes on; with the fields of a patch.
fn case(patch: Value) -> Value {
    let mut case = json!({
        "today": "2025-05-21",
        "procedure": "renewal",
        "applicant": "holder",
        "holder": { "birth": "1990-07-07" },
        "card": { "last_day": "2030-07-07" },
        "certificates": { "auth": { "last_day": "2025-07-07" }, "sign": { "last_day": "2025-07-07" } },
    });
    case.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
    case
}

fn by_agent() -> Value {
    case(json!({ "applicant": "agent", "brought": { "enclosed_reply": "fits" } }))
}

/// Asks without an Idempotency-Key; whatever the answer, nothing was written.
async fn ask(desk: &Desk<'_>, path: &str, body: impl ToString) -> Answer<Value> {
    let entries = || desk.open.house.store.audit_after(0, 10_000).unwrap().len();
    let before = entries();
    let answer = desk.raw(path, &[("content-type", "application/json")], body.to_string()).await;
    assert_eq!(entries(), before, "{}", answer.body);
    answer
}

/// Holds the fields that are expected, at any depth.
#[track_caller]
fn expect(says: &str, expected: &Value, found: &Value) {
    match (expected, found) {
        (Value::Object(fields), Value::Object(_)) => {
            fields.iter().for_each(|(key, value)| expect(&format!("{says} / {key}"), value, &found[key]));
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            items.iter().zip(others).for_each(|(item, other)| expect(says, item, other));
        }
        _ => assert_eq!(expected, found, "{says}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_towns_tell_people_is_what_their_counters_are_answered() {
    let open = open();
    let (suginami, itami) = (Desk::suginami(&open), Desk::itami(&open));
    let child = json!({ "birth": "2015-09-15" });
    let rows = [
        (
            &suginami,
            "in person",
            case(json!({})),
            json!({"allowed": true, "course": "same-day", "desk": "walk-in", "total_yen": 0}),
        ),
        (&itami, "事前予約制です", case(json!({})), json!({"allowed": true, "desk": "by-appointment"})),
        (
            &itami,
            "各支所分室等ではお手続きできません",
            case(json!({ "desk": "branch" })),
            json!({"allowed": false, "course": null, "refusals": [{"rule": "W-04", "article": "-"}]}),
        ),
        (&suginami, "区民事務所でも", case(json!({ "desk": "branch" })), json!({"allowed": true})),
        (
            &suginami,
            "a day early",
            case(json!({ "today": "2025-04-07", "kinds": ["auth"] })),
            json!({"allowed": false, "refusals": [{"kind": "auth", "rule": "V-12", "earliest": "2025-04-08", "article": "規13, 49"}]}),
        ),
        (
            &suginami,
            "a child",
            case(
                json!({ "procedure": "new-issue", "applicant": "statutory-agent", "holder": child, "certificates": {} }),
            ),
            json!({"allowed": true, "refusals": [{"kind": "sign", "rule": "E-05", "earliest": "2030-09-15"}],
                   "certificates": [{"kind": "auth", "outcome": "issued"}]}),
        ),
        (
            &suginami,
            "by an agent who has no reply with him",
            case(json!({ "applicant": "agent" })),
            json!({"course": {"two-visits": "no-sealed-paper"}, "reply_by": "2025-06-20",
                   "visits": [{"visit": "first"}, {"visit": "second"}]}),
        ),
        (
            &suginami,
            "a lost card, anew",
            case(json!({ "procedure": "new-issue", "certificates": {}, "new_card": "lost" })),
            json!({"allowed": true, "fee": {"card_yen": 800, "certificates_yen": 200}, "total_yen": 1000}),
        ),
        (
            &suginami,
            "by telephone",
            case(json!({ "procedure": "hold" })),
            json!({"course": "telephone", "visits": [], "certificates": [{"outcome": "held"}, {"outcome": "held"}]}),
        ),
        (
            &suginami,
            "face authentication",
            case(json!({ "procedure": "face-authentication-on" })),
            json!({"card_steps": ["revoke-sign", "disable-pins", "print", "set-flag"]}),
        ),
        (
            &suginami,
            "the day after the planned day of moving, before the notice of moving in",
            case(json!({ "moving": { "planned": "2025-05-20" } })),
            json!({"allowed": false, "refusals": [{"rule": "E-02", "case": "moved-out"}]}),
        ),
        (
            &suginami,
            "on the planned day of moving",
            case(json!({ "moving": { "planned": "2025-05-21" } })),
            json!({"allowed": true}),
        ),
        (
            &suginami,
            "a stay that ends",
            case(
                json!({ "holder": { "birth": "1990-07-07", "stay": { "status": "mid-to-long-term", "last_day": "2025-05-20" } } }),
            ),
            json!({"allowed": false, "refusals": [{"rule": "E-10"}, {"rule": "E-10"}]}),
        ),
        (
            &suginami,
            "through the immigration agency",
            case(json!({ "channel": "immigration-agency" })),
            json!({"allowed": false, "refusals": [{"rule": "E-13"}]}),
        ),
        (
            &suginami,
            "an exception that nobody approved",
            case(json!({ "exception": { "reason": "海外の学校の出願に署名が要るため", "decided_by": "officer-1",
                                        "approved_by": "", "agent_present": true } })),
            json!({"allowed": false, "refusals": [{"rule": "E-07"}]}),
        ),
    ];
    for (desk, says, case, expected) in rows {
        let answer = ask(desk, PATH, &case).await;
        assert_eq!(answer.status, 200, "{says}: {}", answer.body);
        expect(says, &expected, &answer.body);
        // As accepted, it is documented.
        done(desk.post(PATH, &case).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c_01_a_municipality_s_switch_changes_the_outcome_and_an_operator_may_ask_for_any() {
    let open = open();
    let (suginami, itami, operator) = (Desk::suginami(&open), Desk::itami(&open), Desk::operator(&open));
    let (same, two) = (json!("same-day"), json!({"two-visits": "switch"}));
    let rows = [
        (&suginami, "", &same),
        (&itami, "", &two),
        (&itami, "?municipality=28207", &two),
        (&operator, "", &same),
        (&operator, "?municipality=28207", &two),
        (&operator, "?municipality=282073", &two),
        (&operator, "?municipality=13115", &same),
    ];
    for (desk, query, course) in rows {
        let decided = done(ask(desk, &format!("{PATH}{query}"), by_agent()).await);
        assert_eq!(decided["course"], *course, "{query}");
    }
    let tenri = done(ask(&operator, &format!("{PATH}?municipality=29204"), case(json!({}))).await);
    assert_eq!(tenri["total_yen"], 200, "C-11");
    for (desk, query, no) in [
        (&suginami, "?municipality=28207", (403, "E-02")),
        (&operator, "?municipality=28100", (400, "T-01")),
        (&operator, "?municipality=itami", (400, "T-01")),
        (&operator, "?municipality=", (400, "T-01")),
        (&operator, "?municipality=13115&municipality=28207", (400, "T-01")),
        (&operator, "?day=2025-05-21", (400, "T-01")),
    ] {
        assert_eq!(refusal(&ask(desk, &format!("{PATH}{query}"), by_agent()).await), no, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_case_is_is_refused_and_not_even_noted() {
    let open = open();
    let suginami = Desk::suginami(&open);
    let malformed = [
        json!({ "today": "2025-02-30" }),
        json!({ "today": "2025-5-21" }),
        json!({ "today": null }),
        json!({ "procedure": "extension" }),
        json!({ "applicant": "neighbour" }),
        json!({ "desk": "kiosk" }),
        json!({ "channel": "online" }),
        json!({ "kinds": ["phone"] }),
        json!({ "kinds": "sign" }),
        json!({ "surprise": 1 }),
        json!({ "holder": { "birth": "1990-07-07", "name": "実印　太郎" } }),
        json!({ "holder": {} }),
        json!({ "holder": ["1990-07-07"] }),
        json!({ "card": { "last_day": "2030-07-07", "number": "CARD-1" } }),
        json!({ "certificates": { "auth": { "last_day": "2025-13-07" } } }),
        json!({ "brought": { "documents": "旅券" } }),
        json!({ "brought": { "documents": [{ "name": "旅券", "number": "1" }] } }),
        json!({ "new_card": "stolen" }),
        json!({ "moving": { "planned": "2025-02-29" } }),
    ];
    for patch in malformed {
        let answer = ask(&suginami, PATH, case(patch.clone())).await;
        assert_eq!(refusal(&answer), (400, "T-01"), "{patch}: {}", answer.body);
    }
    for body in ["", "{", "[]", "null", "{}", "{\"today\":\"2025-05-21\",\"today\":\"2025-05-21\"}"] {
        assert_eq!(refusal(&ask(&suginami, PATH, body).await), (400, "T-01"), "{body}");
    }
    let numbers = [
        json!({ "my_number": "x" }),
        json!({ "holder": { "birth": "1990-07-07", "個人番号": "x" } }),
        json!({ "brought": { "documents": [{ "name": "123456789012" }] } }),
        json!({ "brought": { "documents": [{ "name": "マイナンバーカード １２３４　５６７８　９０１２" }] } }),
        json!({ "holder": 123_456_789_012_u64 }),
        json!({ "exception": { "reason": "番号 1234-5678-9012", "decided_by": "a", "approved_by": "b", "agent_present": true } }),
    ];
    for patch in numbers {
        let answer = ask(&suginami, PATH, case(patch.clone())).await;
        assert_eq!(refusal(&answer), (422, "T-10"), "{patch}");
        assert!(!answer.body.to_string().contains("9012"), "it is not told back");
    }
    let plain = suginami.raw(PATH, &[("content-type", "text/plain")], case(json!({})).to_string()).await;
    assert_eq!(refusal(&plain), (415, "T-02"));
    assert_eq!(refusal(&ask(&suginami, PATH, "x".repeat(100_000)).await), (413, "T-03"));
    let party = Desk::new(&open, Role::RelyingParty, "e-filing");
    assert_eq!(refusal(&ask(&party, PATH, case(json!({}))).await), (403, "T-08"));
    assert_eq!(refusal(&suginami.get(PATH).await), (405, "T-11"));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_it_is_the_decision_of_the_rules() {
    let open = open();
    let suginami = Desk::suginami(&open);
    for patch in [
        json!({}),
        json!({ "applicant": "agent" }),
        json!({ "procedure": "card-return" }),
        json!({ "today": "2024-01-01" }),
    ] {
        let case = case(patch);
        let facts: CounterFacts = serde_json::from_value(case.clone()).unwrap();
        let expected = serde_json::to_value(decide_counter(&facts, &CounterSettings::default())).unwrap();
        assert_eq!(done(ask(&suginami, PATH, &case).await), expected);
    }
}
