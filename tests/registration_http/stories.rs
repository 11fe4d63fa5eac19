//! What counters and operators do all day, in memory and on SQLite.

use std::{process::Command, sync::Arc};

use hyper::StatusCode;
use jitsuin::{audit, ports::Role, store::SqliteStore};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    desk::{Desk, done, refusal},
    house::{House, Open, at, pair, request},
};

/// `kind → state` of all certificates of a holder, oldest first.
fn states(holder: &Value) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let certificates = holder["certificates"].as_array().unwrap();
    certificates.iter().map(|one| (word(&one["kind"]), word(&one["state"]))).collect()
}

fn expect(holder: &Value, states: &[(&str, &str)]) {
    let found = self::states(holder);
    let found: Vec<_> = found.iter().map(|(kind, state)| (kind.as_str(), state.as_str())).collect();
    assert_eq!(found, states);
}

fn openssl(room: &TempDir, arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).current_dir(room.path()).output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_is_issued_and_openssl_verifies_it_under_the_ca_that_came_with_it() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let answer = suginami.post("/v1/certificates", &pair(1)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    assert_eq!(answer.headers["location"], "/v1/cards/CARD-000001");
    let issued = answer.body["certificates"].as_array().unwrap().clone();
    assert_eq!(issued.iter().map(|one| one["kind"].as_str().unwrap()).collect::<Vec<_>>(), ["auth", "sign"]);
    let room = TempDir::new().unwrap();
    for one in issued {
        std::fs::write(room.path().join("certificate.pem"), one["pem"].as_str().unwrap()).unwrap();
        std::fs::write(room.path().join("ca.pem"), one["issuer_pem"].as_str().unwrap()).unwrap();
        let now = suginami.open.house.authority.parts().clock.now().seconds().to_string();
        openssl(&room, &["verify", "-attime", &now, "-CAfile", "ca.pem", "certificate.pem"]);
        let serial = openssl(&room, &["x509", "-in", "certificate.pem", "-noout", "-serial"]);
        assert_eq!(serial.trim(), format!("serial={}", one["serial"].as_str().unwrap()));
    }
    let audit = open.house.store.audit_after(0, 100).unwrap();
    assert!(audit::follow(&audit, 0, audit::GENESIS).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_issued_is_found_by_serial_card_and_holder() {
    let open = House::memory().open();
    let (suginami, operator) = (Desk::suginami(&open), Desk::operator(&open));
    let issued = done(suginami.post("/v1/certificates", &pair(1)).await);
    for one in issued["certificates"].as_array().unwrap() {
        let path = format!("/v1/certificates/{}/{}", one["kind"].as_str().unwrap(), one["serial"].as_str().unwrap());
        let found = done(suginami.get(&path).await);
        assert_eq!(
            (&found["pem"], &found["issuer_pem"], &found["state"]),
            (&one["pem"], &one["issuer_pem"], &"live".into())
        );
        let lower = path.to_lowercase();
        assert_eq!(done(operator.get(&lower).await), found, "tools print serials in either case");
    }
    let by_card = done(suginami.get("/v1/cards/CARD-000001").await);
    assert_eq!(by_card, done(operator.get("/v1/holders/TEST-000001").await));
    expect(&by_card, &[("auth", "live"), ("sign", "live")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_is_told_who_they_are() {
    let open = House::memory().open();
    let expected = json!({"name":"13115","role":"municipality","municipality":"13115","municipality_name":"杉並区"});
    assert_eq!(done(Desk::suginami(&open).get("/v1/whoami").await), expected);
    assert_eq!(done(Desk::operator(&open).get("/v1/whoami").await), json!({"name":"operator-1","role":"operator"}));
    let relying_party = Desk::new(&open, Role::RelyingParty, "e-filing");
    assert_eq!(done(relying_party.get("/v1/whoami").await), json!({"name":"e-filing","role":"relying-party"}));
    assert!(done(relying_party.get("/openapi.json").await)["paths"].is_object());
}

/// A counter's year, told on whatever store.
async fn a_year_at_the_counter(open: Open) {
    let (suginami, itami, operator) = (Desk::suginami(&open), Desk::itami(&open), Desk::operator(&open));
    // Person 1 loses the card and finds it again.
    done(suginami.post("/v1/certificates", &pair(1)).await);
    let held = done(operator.post("/v1/holds", &json!({"card": "CARD-000001"})).await);
    assert_eq!((&held["rule"], held["changes"].as_array().unwrap().len()), (&"R-21".into(), 2));
    let by_phone = operator.post("/v1/releases", &json!({"card": "CARD-000001"})).await;
    assert_eq!(refusal(&by_phone), (403, "E-02"), "found cards come to the counter");
    done(suginami.post("/v1/releases", &json!({"card": "CARD-000001"})).await);
    expect(&done(suginami.get("/v1/cards/CARD-000001").await), &[("auth", "live"), ("sign", "revoked")]);
    // Person 2 wants no signing certificate any more.
    done(suginami.post("/v1/certificates", &pair(2)).await);
    let end = json!({"card": "CARD-000002", "cause": "holder-application", "kinds": ["sign"]});
    let ended = done(suginami.post("/v1/revocations", &end).await);
    assert_eq!(ended["changes"][0]["reason"], "cessationOfOperation");
    expect(&done(suginami.get("/v1/cards/CARD-000002").await), &[("auth", "live"), ("sign", "revoked")]);
    assert_eq!(refusal(&suginami.post("/v1/revocations", &end).await), (422, "R-01"), "nothing is left");
    // Person 3 moves to Itami, signs no more, and gets a new signing certificate there.
    done(suginami.post("/v1/certificates", &pair(3)).await);
    let leave = json!({"holder": "TEST-000003", "change": "move-out", "to": "28207"});
    let left = done(suginami.post("/v1/register-changes", &leave).await);
    assert_eq!(left["changes"][0]["kind"], "sign");
    assert_eq!(refusal(&itami.get("/v1/holders/TEST-000003").await), (404, "T-09"), "not yet theirs");
    done(itami.post("/v1/register-changes", &json!({"holder": "TEST-000003", "change": "move-in"})).await);
    assert_eq!(refusal(&suginami.get("/v1/holders/TEST-000003").await), (404, "T-09"), "not theirs any more");
    let mut again = pair(3);
    again["requests"] = json!({"sign": request()});
    again["facts"]["address"] = "兵庫県伊丹市千僧１丁目１番地".into();
    done(itami.post("/v1/certificates", &again).await);
    let moved = done(itami.get("/v1/holders/TEST-000003").await);
    expect(&moved, &[("auth", "live"), ("sign", "revoked"), ("sign", "live")]);
    let ends: Vec<_> = [0, 2].map(|number| moved["certificates"][number]["not_after"].clone()).into();
    assert_eq!(ends[0], ends[1], "the new one follows the one that was kept");
    // Person 4 renews in the window, and not before.
    done(suginami.post("/v1/certificates", &pair(4)).await);
    assert_eq!(refusal(&suginami.post("/v1/renewals", &pair(4)).await), (422, "V-12"));
    open.house.clock.advance_days(1480);
    let renewed = done(suginami.post("/v1/renewals", &pair(4)).await);
    assert_eq!(renewed["certificates"].as_array().unwrap().len(), 2);
    let four = [("auth", "revoked"), ("sign", "revoked"), ("auth", "live"), ("sign", "live")];
    expect(&done(suginami.get("/v1/holders/TEST-000004").await), &four);
    // And dies.
    let death = json!({"holder": "TEST-000004", "change": "death", "event_day": "2030-11-20"});
    let died = done(suginami.post("/v1/register-changes", &death).await);
    assert_eq!(died["changes"][0]["invalidity_date"], "2030-11-19T15:00:00Z");
    assert_eq!(refusal(&suginami.post("/v1/certificates", &pair(4)).await), (422, "E-01"));
    // The operator publishes: two CAs, full, authorities and two municipalities each.
    let lists = done(operator.post("/v1/crls", &json!({})).await);
    assert_eq!(lists.as_array().unwrap().len(), 8);
    let of_suginami = lists.as_array().unwrap().iter().find(|list| list["scope"] == "13115" && list["kind"] == "sign");
    assert_eq!(of_suginami.unwrap()["entries"], 5);
    assert_eq!(refusal(&suginami.post("/v1/crls", &json!({})).await), (403, "T-08"));
    let audit = open.house.store.audit_after(0, 1000).unwrap();
    assert!(audit::follow(&audit, 0, audit::GENESIS).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_at_the_counter_in_memory() {
    a_year_at_the_counter(House::memory().open()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_at_the_counter_on_sqlite() {
    let room = TempDir::new().unwrap();
    let store = SqliteStore::open(&room.path().join("jitsuin.db")).unwrap();
    a_year_at_the_counter(House::new(Arc::new(store)).open()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_removed_is_recorded_again_where_they_live_now() {
    let open = House::memory().open();
    let (suginami, itami, operator) = (Desk::suginami(&open), Desk::itami(&open), Desk::operator(&open));
    done(suginami.post("/v1/certificates", &pair(1)).await);
    let change = |word: &str| json!({"holder": "TEST-000001", "change": word});
    let again = change("registration");
    assert_eq!(refusal(&itami.post("/v1/register-changes", &again).await), (422, "E-01"), "recorded already");
    for (word, rule) in [("move-in-missed", "R-17"), ("move-out-cancelled", "R-16")] {
        let refused = suginami.post("/v1/register-changes", &change(word)).await;
        assert_eq!(refusal(&refused), (422, rule), "{word}: no move was announced");
    }
    done(suginami.post("/v1/register-changes", &change("overseas-move")).await);
    let shibuya = Desk::new(&open, Role::Municipality, "13113");
    for stranger in [&operator, &shibuya] {
        assert_eq!(refusal(&stranger.post("/v1/register-changes", &again).await), (403, "E-02"));
    }
    assert_eq!(refusal(&itami.get("/v1/holders/TEST-000001").await), (404, "T-09"), "not yet theirs");

    let early = itami.post("/v1/register-changes", &again).await;
    assert_eq!(refusal(&early), (422, "E-01"), "two municipalities do not order the events of a day together");
    assert_eq!(early.body["earliest"], "2026-11-03");
    open.house.clock.advance_days(1);
    let recorded = done(itami.post("/v1/register-changes", &again).await);
    assert_eq!((&recorded["rule"], &recorded["changes"]), (&"R-13".into(), &json!([])));
    assert_eq!(refusal(&suginami.get("/v1/holders/TEST-000001").await), (404, "T-09"), "not theirs any more");
    let holder = done(itami.get("/v1/holders/TEST-000001").await);
    expect(&holder, &[("auth", "revoked"), ("sign", "revoked")]);
    assert_eq!(refusal(&itami.post("/v1/certificates", &pair(1)).await), (422, "E-03"), "the card is void");
    let mut next = pair(1);
    next["card"]["number"] = "CARD-000011".into();
    assert_eq!(refusal(&itami.post("/v1/certificates", &next).await), (422, "E-03"), "so is any other of before");
    next["card"]["issue_day"] = "2026-11-03".into();
    done(itami.post("/v1/certificates", &next).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counter_discards_what_it_could_not_write_to_the_card() {
    let open = House::memory().open();
    let (suginami, itami, operator) = (Desk::suginami(&open), Desk::itami(&open), Desk::operator(&open));
    done(suginami.post("/v1/certificates", &pair(1)).await);
    let discard = json!({"card": "CARD-000001", "cause": "discarded-before-delivery", "kinds": ["sign"]});
    for stranger in [&itami, &operator] {
        assert_eq!(refusal(&stranger.post("/v1/revocations", &discard).await), (403, "E-02"));
    }
    let unnamed = json!({"card": "CARD-000001", "cause": "discarded-before-delivery"});
    assert_eq!(refusal(&suginami.post("/v1/revocations", &unnamed).await), (422, "R-29"));
    expect(&done(suginami.get("/v1/cards/CARD-000001").await), &[("auth", "live"), ("sign", "live")]);

    let discarded = done(suginami.post("/v1/revocations", &discard).await);
    assert_eq!((&discarded["rule"], discarded["changes"].as_array().unwrap().len()), (&"R-29".into(), 1));
    assert_eq!(discarded["changes"][0]["reason"], "unspecified");
    let mut again = pair(1);
    again["requests"] = json!({"sign": request()});
    done(suginami.post("/v1/certificates", &again).await);
    let card = done(suginami.get("/v1/cards/CARD-000001").await);
    expect(&card, &[("auth", "live"), ("sign", "revoked"), ("sign", "live")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_municipality_that_takes_no_part_is_known_and_issues_nothing() {
    let open = House::memory().open();
    let shibuya = Desk::new(&open, Role::Municipality, "13113");
    done(shibuya.get("/v1/whoami").await);
    assert_eq!(refusal(&shibuya.post("/v1/certificates", &pair(1)).await), (403, "E-02"));
    assert_eq!(refusal(&Desk::operator(&open).get("/v1/holders/TEST-000001").await), (404, "T-09"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_again_gets_the_first_answer_byte_for_byte() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let application = pair(1);
    let body = application.to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", "key-1")];
    let first = suginami.raw("/v1/certificates", &headers, body.clone()).await;
    // Whatever happens in between, and however late.
    done(suginami.post("/v1/holds", &json!({"card": "CARD-000001"})).await);
    open.house.clock.advance_days(3);
    let again = suginami.raw("/v1/certificates", &headers, body).await;
    assert_eq!(again.status, StatusCode::CREATED);
    assert_eq!(again.body.to_string(), first.body.to_string());
    assert_eq!(again.headers["location"], first.headers["location"]);
    expect(&done(suginami.get("/v1/cards/CARD-000001").await), &[("auth", "held"), ("sign", "held")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_good_for_one_request_of_one_client() {
    let open = House::memory().open();
    let (suginami, itami) = (Desk::suginami(&open), Desk::itami(&open));
    done(suginami.post_under("key-1", "/v1/certificates", &pair(1)).await);
    let other_body = suginami.post_under("key-1", "/v1/certificates", &pair(2)).await;
    assert_eq!(refusal(&other_body), (422, "T-07"));
    let card = json!({"card": "CARD-000001"});
    done(suginami.post_under("key-2", "/v1/holds", &card).await);
    let other_path = suginami.post_under("key-2", "/v1/releases", &card).await;
    assert_eq!(refusal(&other_path), (422, "T-07"));
    let noted = open.house.store.audit_after(0, 100).unwrap();
    let noted = noted.iter().filter(|entry| entry.draft.detail == r#"{"rule":"T-07"}"#).count();
    assert_eq!(noted, 2);
    // Another client's key is its own.
    done(itami.post_under("key-1", "/v1/certificates", &pair(3)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_remembered_too() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let hold = json!({"card": "CARD-000001"});
    let first = suginami.post_under("key-1", "/v1/holds", &hold).await;
    assert_eq!(refusal(&first), (404, "T-09"));
    done(suginami.post("/v1/certificates", &pair(1)).await);
    assert_eq!(suginami.post_under("key-1", "/v1/holds", &hold).await.body, first.body);
    done(suginami.post_under("key-2", "/v1/holds", &hold).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_many_times_at_once_issues_one_pair() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let application = pair(1);
    let ask = || suginami.post_under("key-1", "/v1/certificates", &application);
    let answers = tokio::join!(ask(), ask(), ask(), ask(), ask(), ask(), ask(), ask());
    let answers: [_; 8] = answers.into();
    let told: Vec<_> = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).collect();
    assert!(!told.is_empty() && told.iter().all(|answer| answer.body == told[0].body));
    for other in answers.iter().filter(|answer| answer.status != StatusCode::CREATED) {
        assert_eq!(refusal(other), (409, ""));
        assert_eq!(other.headers["retry-after"], "1");
    }
    expect(&done(suginami.get("/v1/cards/CARD-000001").await), &[("auth", "live"), ("sign", "live")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_kind_and_result() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    done(suginami.post("/v1/certificates", &pair(1)).await);
    suginami.post("/v1/certificates", &pair(1)).await;
    suginami.get("/v1/nowhere").await;
    let text = open.metrics.render();
    for (kind, result) in [("issue", "ok"), ("issue", "refused"), ("other", "refused")] {
        let line =
            format!(r#"jitsuin_http_requests_total{{listener="registration",kind="{kind}",result="{result}"}} 1"#);
        assert!(text.contains(&line), "{line} is missing in\n{text}");
    }
    assert_eq!(open.house.authority.parts().clock.now(), at(crate::house::MORNING));
}
