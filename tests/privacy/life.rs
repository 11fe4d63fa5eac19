//! A marked person's life at the counters, with everything that can go wrong on the way.

use std::sync::Arc;

use jitsuin::{http::client::Answer, ports::Role, store::SqliteStore};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    citizen::Citizen,
    desk::{Desk, done, fresh_key},
    house::{House, Open},
    log,
    marks::{ADDRESS, BIRTH, LETTER_ADDRESS, NAME, NEW_ADDRESS, REGISTER_NAME, anything_in, facts_in},
    party::agreed,
};

/// The marked person's application for a pair, signed for by a citizen with keys.
pub(crate) fn application(citizen: &Citizen) -> Value {
    let mut application = citizen.application(false);
    application["holder"]["birth"] = BIRTH.into();
    application["facts"] = json!({"name": NAME, "address": ADDRESS, "sex": "2"});
    application
}

fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
    body
}

/// The person's own counter sends what it should not: whatever is refused, it may be told its own words, and the log may not.
async fn blunders(suginami: &Desk<'_>, good: &Value) {
    let post = async |path, body: &Value| assert!(suginami.post(path, body).await.status.is_client_error(), "{body}");
    for (pointer, value) in [
        ("/facts/漏洩禁子", json!(1)),
        ("/facts/sex", json!("漏洩")),
        ("/facts/name_flags", json!("漏洩")),
        ("/facts/name", json!(["漏洩　禁子"])),
        ("/facts/name", json!("漏洩　禁子\u{1F600}")),
        ("/facts", json!({"sex": "2", "register": {"name": "漏洩\u{1F600}禁子", "address": ADDRESS}})),
        ("/holder/birth", json!("19710319")),
        ("/holder/birth", json!("漏洩")),
        ("/holder/reference", json!("漏洩禁子")),
        ("/card/number", json!("漏洩禁子")),
        ("/card/issue_day", json!(BIRTH)),
        ("/requests/sign", json!("漏洩禁子")),
        ("/holder/ward", json!(true)),
    ] {
        post("/v1/certificates", &with(good.clone(), pointer, value)).await;
    }
    let text = good.to_string();
    assert_eq!(suginami.text("/v1/certificates", &text[..text.len() - 1]).await.status.as_u16(), 400);
    assert_eq!(suginami.text("/v1/certificates", &format!("{text}漏洩禁子")).await.status.as_u16(), 400);
    let long = format!("\"{}\"", NAME.repeat(10_000));
    assert_eq!(suginami.text("/v1/certificates", &long).await.status.as_u16(), 413);
    let key = fresh_key();
    let plain = [("content-type", "text/plain"), ("idempotency-key", key.as_str())];
    assert_eq!(suginami.raw("/v1/certificates", &plain, text.clone()).await.status.as_u16(), 415);
    for path in [
        "/v1/holders/%E6%BC%8F%E6%B4%A9%E7%A6%81%E5%AD%90",
        "/v1/certificates/sign/%E6%BC%8F%E6%B4%A9",
        "/v1/%E6%BC%8F%E6%B4%A9/%E7%A6%81%E5%AD%90",
        "/v1/notices?after=%E6%BC%8F%E6%B4%A9",
        "/v1/notices?%E6%BC%8F%E6%B4%A9=1",
        "/v1/notices/due?day=19710319",
    ] {
        assert!(suginami.get(path).await.status.is_client_error(), "{path}");
    }
}

/// Whether what another client is told has anything of the person; what it sent itself, a reference, it may hear again.
#[track_caller]
fn tells_nothing(what: &str, answer: &Answer<Value>) {
    assert!(answer.status.is_client_error(), "{what}: {}", answer.body);
    let (headers, body) = (format!("{:?}", answer.headers), answer.body.to_string());
    assert_eq!(facts_in(&body).or(facts_in(&headers)), None, "{what}: {body}");
}

/// Others try everything about the person.
async fn strangers(stranger: &Desk<'_>, serial: &str, good: &Value) {
    for path in [
        "/v1/holders/TEST-000001",
        "/v1/cards/CARD-000001",
        "/v1/holders/TEST-000001/consents",
        "/v1/holders/TEST-000001/disclosures",
    ] {
        let answer = stranger.get(path).await;
        tells_nothing(path, &answer);
        let other = if path.contains("CARD") { "TEST-000001" } else { "CARD-000001" };
        assert!(!answer.body.to_string().contains(other), "{path}: {}", answer.body);
    }
    for path in [format!("/v1/certificates/sign/{serial}"), format!("/v1/facts/{serial}")] {
        let answer = stranger.get(&path).await;
        tells_nothing(&path, &answer);
        assert_eq!(anything_in(&answer.body.to_string()), None, "{path}: {}", answer.body);
    }
    // Without a word of the person's own facts, which would come back as what was sent.
    let mut other = good.clone();
    other["holder"]["birth"] = "1999-12-31".into();
    other["facts"] = json!({"name": "実印　太郎", "address": "東京都杉並区阿佐谷南１丁目１５番１号", "sex": "1"});
    for (path, body) in [
        ("/v1/certificates", other.clone()),
        ("/v1/renewals", other),
        ("/v1/revocations", json!({"card": "CARD-000001", "cause": "card-lost"})),
        ("/v1/holds", json!({"card": "CARD-000001"})),
        ("/v1/releases", json!({"card": "CARD-000001"})),
        ("/v1/register-changes", json!({"holder": "TEST-000001", "change": "minor-correction"})),
        ("/v1/withdrawals", json!({"holder": "TEST-000001", "party": "e-filing"})),
    ] {
        tells_nothing(path, &stranger.post(path, &body).await);
    }
}

/// An application by post: its letter has the register's address.
async fn by_post(suginami: &Desk<'_>, itami: &Desk<'_>) {
    let mut pair = crate::house::pair(2);
    let received = json!({"procedure": "new-issue", "applicant": "agent", "agent": "AGENT-7", "kinds": ["auth", "sign"],
        "holder": {"reference": "TEST-000002", "birth": BIRTH}, "card": pair["card"].take()});
    let received = done(suginami.post("/v1/applications", &received).await);
    let path = format!("/v1/applications/{}", received["application"].as_str().unwrap());
    let send = json!({"event": "send-inquiry", "inquiry": {"address": LETTER_ADDRESS}});
    done(suginami.post(&format!("{path}/events"), &send).await);
    assert!(suginami.post(&format!("{path}/events"), &send).await.status.is_client_error());
    let letter = suginami.client.get(&suginami.open.url(&format!("{path}/letter"))).await.unwrap();
    assert!(String::from_utf8(letter.body.to_vec()).unwrap().contains(LETTER_ADDRESS));
    for path in [path.clone(), format!("{path}/letter")] {
        tells_nothing(&path, &itami.get(&path).await);
    }
    tells_nothing("events", &itami.post(&format!("{path}/events"), &json!({"event": "withdraw"})).await);
    done(suginami.post(&format!("{path}/events"), &json!({"event": "withdraw"})).await);
}

/// Leaves for Itami, is corrected, arrives and gets a new signing certificate there.
async fn moves(suginami: &Desk<'_>, itami: &Desk<'_>, citizen: &Citizen) {
    let correct =
        json!({"holder": "TEST-000001", "change": "minor-correction", "number": "S-1", "event_day": "2026-11-01"});
    done(suginami.post("/v1/register-changes", &correct).await);
    let leave = json!({"holder": "TEST-000001", "change": "move-out", "to": "28207"});
    done(suginami.post("/v1/register-changes", &leave).await);
    let card = json!({"card": "CARD-000001", "register_pin": true, "addendum_has_room": true});
    let arrive = json!({"holder": "TEST-000001", "change": "move-in", "presented": card});
    done(itami.post("/v1/register-changes", &arrive).await);
    let mut again = citizen.application(true);
    again["holder"]["birth"] = BIRTH.into();
    again["facts"] = json!({"sex": "2", "register": {"name": REGISTER_NAME, "address": NEW_ADDRESS}});
    let issued = done(itami.post("/v1/certificates", &again).await);
    assert_eq!(issued["wording"]["name"]["register"], REGISTER_NAME);
    done(itami.get("/v1/notices").await);
    tells_nothing("the place that was left", &suginami.get("/v1/holders/TEST-000001").await);
}

async fn a_life(open: &Open) {
    let (suginami, itami) = (Desk::suginami(open), Desk::itami(open));
    let (party, other) = (agreed(open, "e-filing"), agreed(open, "portal"));
    let unknown = open.house.access.client(
        "operator",
        "nobody",
        (crate::house::at(1_577_836_800), crate::house::at(2_840_140_800)),
    );
    let unknown = Desk { open, client: open.client_of(&unknown) };
    let citizen = Citizen::new(1);
    let good = application(&citizen);
    blunders(&suginami, &good).await;
    let key = fresh_key();
    let serial = citizen.keep(&done(suginami.post_under(&key, "/v1/certificates", &good).await));
    assert_eq!(suginami.post("/v1/certificates", &good).await.status.as_u16(), 409);
    for desk in [&itami, &other, &unknown] {
        strangers(desk, &serial, &good).await;
    }
    // The same key of another client is another key.
    tells_nothing("another's key", &itami.post_under(&key, "/v1/holds", &json!({"card": "CARD-000001"})).await);
    let draft =
        done(party.post("/v1/consents/draft", &json!({"serial": serial, "scopes": ["facts", "successor"]})).await);
    done(party.post("/v1/consents", &citizen.sign(draft["text"].as_str().unwrap())).await);
    tells_nothing("no consent", &other.get(&format!("/v1/facts/{serial}")).await);
    done(suginami.post("/v1/wordings", &json!({"name": REGISTER_NAME, "address": ADDRESS})).await);
    by_post(&suginami, &itami).await;
    moves(&suginami, &itami, &citizen).await;
    let told = done(party.get(&format!("/v1/facts/{serial}")).await);
    assert!(facts_in(&told.to_string()).is_some(), "who has the consent is told: {told}");
    let operator = Desk::new(open, Role::Operator, "operator-1");
    done(operator.get("/v1/holders/TEST-000001").await);
    done(operator.post("/v1/crls", &json!({})).await);
    let mut child = crate::house::pair(3);
    child["holder"]["birth"] = "2016-05-05".into();
    child["facts"] = json!({"name": NAME, "address": ADDRESS, "sex": "2"});
    let ask = json!({"reason": "海外の学校の出願に署名が要るため", "agent_present": true, "request": child});
    done(suginami.post("/v1/exceptions", &ask).await);
    assert_eq!(anything_in(&open.metrics.render()), None, "metrics name nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_leaves_no_name_address_or_birth_in_logs_in_the_audit_or_with_strangers() {
    log::listen();
    let room = TempDir::new().unwrap();
    let store = SqliteStore::open(&room.path().join("jitsuin.sqlite")).unwrap();
    let open = House::new(Arc::new(store)).open();
    a_life(&open).await;
    let heard = log::heard();
    for voice in [" INFO ", "DEBUG ", "TRACE ", "jitsuin::http", "rustls", "client=\"13115\"", "rule=\"T-01\""] {
        assert!(heard.contains(voice), "nothing was heard of {voice}");
    }
    for line in heard.lines() {
        assert_eq!(anything_in(line), None, "{line}");
    }
    // The audit is never erased, so that what it holds stays: references, and nothing of the facts.
    for entry in open.house.store.audit_after(0, 10_000).unwrap() {
        assert_eq!(facts_in(&format!("{entry:?}")), None, "{entry:?}");
        assert_eq!(facts_in(&entry.draft.detail).or(facts_in(&entry.draft.subject)), None, "{entry:?}");
    }
}
