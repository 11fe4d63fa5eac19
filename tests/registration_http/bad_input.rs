//! What bad input gets: a 4xx with a clear cause and a rule, an audit entry, and no change.

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::StatusCode;
use jitsuin::{
    http::client::Answer,
    ports::{Role, Store},
};
use serde_json::{Value, json};

use crate::{
    desk::{Desk, done, fresh_key, refusal},
    house::{House, Open, pair, request},
};

/// Everything but the audit that a refused request could have changed.
fn remains(open: &Open) -> String {
    let store: &dyn Store = &*open.house.store;
    let holders = ["TEST-000001", "TEST-000002", "TEST-000009"];
    let dossiers = holders.map(|holder| store.dossier(&holder.parse_reference()).unwrap());
    format!("{dossiers:?} {:?} {:?}", store.counts().unwrap(), store.reserved().unwrap())
}

trait ParseReference {
    fn parse_reference(&self) -> jitsuin::ports::HolderReference;
}

impl ParseReference for str {
    fn parse_reference(&self) -> jitsuin::ports::HolderReference {
        jitsuin::ports::HolderReference::parse(self).unwrap()
    }
}

/// The request was refused so, noted in the audit by its rule alone, and changed nothing.
async fn refused(open: &Open, status: u16, rule: &str, ask: impl Future<Output = Answer<Value>>) -> Answer<Value> {
    let before = (remains(open), open.house.store.audit_after(0, 10_000).unwrap().len());
    let answer = ask.await;
    assert_eq!(refusal(&answer), (status, rule), "{}", answer.body);
    assert_eq!(remains(open), before.0);
    let audit = open.house.store.audit_after(0, 10_000).unwrap();
    let [entry] = &audit[before.1..] else { panic!("{rule}: {} entries", audit.len() - before.1) };
    assert_eq!(entry.draft.detail, json!({ "rule": rule }).to_string());
    assert!(["request.refused", "request.malformed"].contains(&entry.draft.action.as_str()));
    assert_eq!(entry.draft.actor, "municipality/13115");
    answer
}

/// `body` with the field at `pointer` as `value`.
fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[field] = value;
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let good = pair(1);
    let text = good.to_string();
    let doubled = format!("{},{}", &text[..text.len() - 1], &text[1..]);
    for body in
        ["", "{", "null", "[]", "\"\"", "{}", &text[..text.len() - 1], &format!("{text}{{}}"), &doubled, "\u{0}"]
    {
        refused(&open, 400, "T-01", suginami.text("/v1/certificates", body)).await;
    }
    for pointer in ["/surprise", "/holder/surprise", "/card/surprise", "/facts/surprise", "/requests/surprise"] {
        let body = with(good.clone(), pointer, json!(1));
        let answer = refused(&open, 400, "T-01", suginami.post("/v1/certificates", &body)).await;
        assert!(answer.body["detail"].as_str().unwrap().contains("surprise"), "it says which field");
    }
    let bad = [
        ("/holder/birth", json!("1980-02-30")),
        ("/holder/birth", json!(19_800_217)),
        ("/holder/reference", json!("a b")),
        ("/holder/reference", json!(null)),
        ("/holder/ward", json!("no")),
        ("/card/number", json!("")),
        ("/card/issue_day", json!("2026-1-1")),
        ("/requests/auth", json!("not base64!")),
        ("/requests", json!([])),
        ("/holder", json!(["TEST-000001", "1980-02-17", false])),
    ];
    for (pointer, value) in bad {
        let body = with(good.clone(), pointer, value);
        refused(&open, 400, "T-01", suginami.post("/v1/certificates", &body)).await;
    }
    for (path, body) in [
        ("/v1/revocations", json!({"card": "CARD-000001", "cause": "boredom"})),
        ("/v1/revocations", json!({"card": "CARD-000001", "cause": "death", "kinds": ["both"]})),
        ("/v1/holds", json!({"card": "CARD-000001", "until": "2027-01-01"})),
        ("/v1/releases", json!({})),
        ("/v1/releases", json!(["CARD-000001"])),
        ("/v1/register-changes", json!({"holder": "TEST-000001", "change": "move-out", "to": "Itami"})),
    ] {
        refused(&open, 400, "T-01", suginami.post(path, &body)).await;
    }
    let query = || suginami.text("/v1/holds?card=CARD-000001", "{\"card\":\"CARD-000001\"}");
    assert_eq!(query().await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_no_json_is_refused_and_the_next_request_served() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    for octets in [64 * 1024 + 1, 512 * 1024, 1000 * 1024] {
        let body = format!("{{\"card\":\"{}\"}}", "x".repeat(octets));
        refused(&open, 413, "T-03", suginami.text("/v1/holds", &body)).await;
    }
    let key = fresh_key();
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=euc-jp"] {
        let headers = [("content-type", content_type), ("idempotency-key", key.as_str())];
        refused(&open, 415, "T-02", suginami.raw("/v1/holds", &headers, "{}")).await;
    }
    refused(&open, 415, "T-02", suginami.raw("/v1/holds", &[("idempotency-key", key.as_str())], "{}")).await;
    done(suginami.post("/v1/certificates", &pair(1)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_without_a_good_idempotency_key_is_refused() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let long = "k".repeat(129);
    for keys in [&[][..], &[""], &["a b"], &["a", "b"], &[long.as_str()]] {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(keys.iter().map(|key| ("idempotency-key", *key)));
        refused(&open, 400, "T-07", suginami.raw("/v1/holds", &headers, r#"{"card":"CARD-000001"}"#)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_my_number_is_refused_before_anything_else() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    for name in ["my_number", "MyNumber", "individual-number", "kojin_bango", "個人番号", "マイナンバー"] {
        for parent in ["", "/holder", "/card", "/facts", "/requests"] {
            let body = with(pair(1), &format!("{parent}/{name}"), json!("123456789018"));
            let answer = refused(&open, 422, "T-10", suginami.post("/v1/certificates", &body)).await;
            assert!(!answer.body.to_string().contains("123456789018"));
        }
    }
    // A key and everything else may be missing.
    let headers = [("content-type", "application/json")];
    refused(&open, 422, "T-10", suginami.raw("/v1/holds", &headers, "{\"個人番号\":1,")).await;
    // Where the number itself is sent as somebody's name.
    let body = with(pair(1), "/holder/reference", json!("123456789018"));
    refused(&open, 422, "T-10", suginami.post("/v1/certificates", &body)).await;
    assert_eq!(refusal(&suginami.get("/v1/holders/123456789018").await), (422, "T-10"));
    let audit = format!("{:?}", open.house.store.audit_after(0, 10_000).unwrap());
    assert!(!audit.contains("123456789018") && !audit.contains('番'), "not a trace of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_certification_requests_are_refused() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let der = STANDARD.decode(request()).unwrap();
    let mut foreign_signature = der.clone();
    *foreign_signature.last_mut().unwrap() ^= 1;
    let trailing = [&der[..], &[0]].concat();
    let truncated = &der[..der.len() - 1];
    // 30 80 … 00 00 instead of 30 82 length …
    assert_eq!(der[..2], [0x30, 0x81]);
    let indefinite = [&[0x30, 0x80], &der[3..], &[0, 0]].concat();
    for bad in [&foreign_signature[..], &trailing, truncated, &indefinite, &[], b"no DER", &[0x30; 5000]] {
        let body = with(pair(1), "/requests/sign", STANDARD.encode(bad).into());
        refused(&open, 422, "T-04", suginami.post("/v1/certificates", &body)).await;
    }
    let nothing = with(pair(1), "/requests", json!({}));
    refused(&open, 422, "T-04", suginami.post("/v1/certificates", &nothing)).await;
    let weak = openssl_request(&["rsa:1024"]);
    let body = with(pair(1), "/requests/auth", STANDARD.encode(weak).into());
    refused(&open, 422, "T-05", suginami.post("/v1/certificates", &body)).await;
}

/// A request from OpenSSL for a new key of that kind, DER.
fn openssl_request(kind: &[&str]) -> Vec<u8> {
    let mut openssl = std::process::Command::new("openssl");
    openssl.args(["req", "-new", "-nodes", "-keyout", "/dev/null", "-outform", "DER", "-subj", "/CN=x", "-newkey"]);
    let output = openssl.args(kind).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn what_openssl_asks_for_is_issued() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let mut application = with(pair(1), "/requests/auth", STANDARD.encode(openssl_request(&["rsa:2048"])).into());
    let curve = openssl_request(&["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]);
    application["requests"]["sign"] = STANDARD.encode(curve).into();
    done(suginami.post("/v1/certificates", &application).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_certified_once() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let first = pair(1);
    let twice = with(first.clone(), "/requests/auth", first["requests"]["sign"].clone());
    refused(&open, 409, "T-06", suginami.post("/v1/certificates", &twice)).await;
    done(suginami.post("/v1/certificates", &first).await);
    let somebody_else_s = with(pair(2), "/requests/auth", first["requests"]["auth"].clone());
    refused(&open, 409, "T-06", suginami.post("/v1/certificates", &somebody_else_s)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_rules_do_not_allow_is_refused_by_its_rule() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    done(suginami.post("/v1/certificates", &pair(1)).await);
    refused(&open, 409, "E-04", suginami.post("/v1/certificates", &pair(1))).await;
    let bad = [
        ("/facts/name_flags", json!("000"), "N-05"),
        ("/facts/address_flags", json!("0"), "N-05"),
        ("/facts/name", json!("実印 太郎"), "N-05"),
        ("/facts/name", json!("髙橋　花子"), "N-02"),
        ("/facts/sex", json!("9"), "N-01"),
        ("/facts", json!(null), "N-01"),
        ("/holder/ward", json!(true), "E-06"),
        ("/card/number", json!("CARD-000001"), "E-03"),
    ];
    for (pointer, value, rule) in bad {
        refused(&open, 422, rule, suginami.post("/v1/certificates", &with(pair(9), pointer, value))).await;
    }
    let unborn = suginami.post("/v1/certificates", &with(pair(9), "/holder/birth", json!("2026-11-03"))).await;
    assert_eq!(refusal(&unborn).0, 422);
    let unknown_place = json!({"holder": "TEST-000001", "change": "move-out", "to": "99999"});
    refused(&open, 403, "E-02", suginami.post("/v1/register-changes", &unknown_place)).await;
    for (path, body) in [
        ("/v1/holds", json!({"card": "CARD-000009"})),
        ("/v1/revocations", json!({"card": "CARD-000009", "cause": "card-damaged"})),
        ("/v1/register-changes", json!({"holder": "TEST-000009", "change": "death"})),
    ] {
        refused(&open, 404, "T-09", suginami.post(path, &body)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_municipality_acts_for_its_own_residents_only() {
    let open = House::memory().open();
    let (suginami, itami) = (Desk::suginami(&open), Desk::itami(&open));
    let issued = done(itami.post("/v1/certificates", &pair(1)).await);
    for (path, body) in [
        ("/v1/certificates", pair(1)),
        ("/v1/renewals", pair(1)),
        ("/v1/holds", json!({"card": "CARD-000001"})),
        ("/v1/releases", json!({"card": "CARD-000001"})),
        ("/v1/revocations", json!({"card": "CARD-000001", "cause": "card-damaged"})),
        ("/v1/register-changes", json!({"holder": "TEST-000001", "change": "death"})),
        ("/v1/register-changes", json!({"holder": "TEST-000001", "change": "move-in"})),
    ] {
        refused(&open, 403, "E-02", suginami.post(path, &body)).await;
    }
    // To look, it does not even exist.
    let serial = issued["certificates"][0]["serial"].as_str().unwrap();
    for path in ["/v1/cards/CARD-000001", "/v1/holders/TEST-000001", &format!("/v1/certificates/auth/{serial}")] {
        let hidden = suginami.get(path).await;
        assert_eq!(refusal(&hidden), (404, "T-09"));
        let absent = suginami.get(&path.replace("000001", "000009").replace(serial, "1234")).await;
        assert_eq!(hidden.body, absent.body, "{path}: no difference tells that it exists");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_stay_in_their_rooms() {
    let open = House::memory().open();
    let (operator, relying_party) = (Desk::operator(&open), Desk::new(&open, Role::RelyingParty, "e-filing"));
    for (path, body) in [
        ("/v1/certificates", pair(1)),
        ("/v1/renewals", pair(1)),
        ("/v1/holds", json!({"card": "CARD-000001"})),
        ("/v1/crls", json!({})),
    ] {
        assert_eq!(refusal(&relying_party.post(path, &body).await), (403, "T-08"), "{path}");
    }
    assert_eq!(refusal(&relying_party.get("/v1/cards/CARD-000001").await), (403, "T-08"));
    assert_eq!(refusal(&operator.post("/v1/certificates", &pair(1)).await), (403, "E-02"), "through the mayor only");
    let suginami = Desk::suginami(&open);
    refused(&open, 403, "T-08", suginami.post("/v1/crls", &json!({}))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_methods_that_are_not_there() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    for path in
        ["/", "/v1", "/v1/", "/v2/whoami", "/v1/certificates/sign", "/v1/certificates/both/12", "/v1/cards/a%2Fb"]
    {
        assert_eq!(refusal(&suginami.get(path).await), (404, "T-09"), "{path}");
    }
    for serial in ["xyz", "00", &"7".repeat(50), "%ff", "1%00"] {
        let path = format!("/v1/certificates/sign/{serial}");
        assert_eq!(refusal(&suginami.get(&path).await), (404, "T-09"), "{path}");
    }
    let get = suginami.get("/v1/holds").await;
    assert_eq!((refusal(&get), get.headers["allow"].to_str().unwrap()), ((405, "T-11"), "POST"));
    let post = suginami.post("/v1/whoami", &json!({})).await;
    assert_eq!((refusal(&post), post.headers["allow"].to_str().unwrap()), ((405, "T-11"), "GET,HEAD"));
}
