//! Who may come where: each role at each route, and what an auditor and the call centre are told there.

use std::collections::BTreeMap;

use hyper::Method;
use jitsuin::{
    http::registration::{ROUTES, Route},
    ports::Role,
    rules::CertificateState,
};
use serde_json::{Value, json};

use crate::{
    desk::{Desk, done, fresh_key, refusal},
    house::{House, Open, pair},
};

/// Every route with whom its door lets in: Operator, Municipality, Relying party, Auditor, Call centre. What comes of it the
/// story decides.
const DOORS: &[(&str, &str)] = &[
    ("POST /v1/certificates", "OM---"),
    ("POST /v1/renewals", "OM---"),
    ("POST /v1/revocations", "OM---"),
    ("POST /v1/holds", "OM--C"),
    ("POST /v1/releases", "OM---"),
    ("POST /v1/bulk/revocations", "OM---"),
    ("POST /v1/bulk/foresight", "OM-A-"),
    ("POST /v1/register-changes", "OM---"),
    ("GET /v1/notices", "OM-A-"),
    ("GET /v1/notices/due", "OM-A-"),
    ("POST /v1/notices/{number}/sent", "OM---"),
    ("GET /v1/forecast", "OM-A-"),
    ("POST /v1/crls", "O----"),
    ("POST /v1/compromises", "O----"),
    ("GET /v1/certificates/{kind}/{serial}", "OM-A-"),
    ("GET /v1/cards/{number}", "OM-A-"),
    ("GET /v1/holders/{reference}", "OM-A-"),
    ("POST /v1/decisions", "OM-A-"),
    ("POST /v1/wordings", "OM-A-"),
    ("POST /v1/exceptions", "OM---"),
    ("GET /v1/exceptions", "OM-A-"),
    ("GET /v1/exceptions/{digest}", "OM-A-"),
    ("POST /v1/exceptions/{digest}/approvals", "OM---"),
    ("POST /v1/applications", "OM---"),
    ("GET /v1/applications", "OM-A-"),
    ("GET /v1/applications/{id}", "OM-A-"),
    ("POST /v1/applications/{id}/events", "OM---"),
    ("GET /v1/applications/{id}/letter", "OM-A-"),
    ("GET /v1/notices/{number}/letter", "OM-A-"),
    ("GET /v1/certificates/{kind}/{serial}/letter", "OM-A-"),
    ("GET /v1/status/{kind}/{serial}", "--R--"),
    ("GET /v1/pairs/{kind}/{serial}", "--R--"),
    ("GET /v1/usage", "--R--"),
    ("GET /v1/relying-parties", "O--A-"),
    ("POST /v1/relying-parties", "O----"),
    ("POST /v1/suspensions", "O----"),
    ("POST /v1/reinstatements", "O----"),
    ("GET /v1/relying-parties/{name}/usage", "O--A-"),
    ("GET /v1/holders/{reference}/disclosures", "OM-A-"),
    ("GET /v1/holders/{reference}/consents", "OM-A-"),
    ("POST /v1/consents/draft", "OMR--"),
    ("POST /v1/consents", "OMR--"),
    ("POST /v1/withdrawals", "OMR--"),
    ("POST /v1/home/revocations", "OMR--"),
    ("POST /v1/home/pin-resets", "OMR--"),
    ("POST /v1/pin-resets", "OMR--"),
    ("GET /v1/successors/{kind}/{serial}", "--R--"),
    ("GET /v1/facts/{serial}", "--R--"),
    ("GET /v1/credentials", "O--A-"),
    ("GET /v1/municipalities", "O--A-"),
    ("POST /v1/municipalities", "O----"),
    ("POST /v1/credentials", "O----"),
    ("POST /v1/credentials/{name}/revocation", "O----"),
    ("GET /v1/audit", "O--A-"),
    ("GET /v1/counts", "O--A-"),
    ("GET /v1/whoami", "OMRAC"),
    ("GET /openapi.json", "OMRAC"),
];

const CLIENTS: [(char, Role, &str); 5] = [
    ('O', Role::Operator, "operator-1"),
    ('M', Role::Municipality, "13115"),
    ('R', Role::RelyingParty, "e-filing"),
    ('A', Role::Auditor, "auditor-1"),
    ('C', Role::CallCentre, "call-centre-1"),
];

/// Knocks with an empty body, and something for each parameter of the path.
async fn knock(desk: &Desk<'_>, route: &Route) -> (u16, Value) {
    let filled = [("{kind}", "sign"), ("{serial}", "0102"), ("{number}", "1"), ("{reference}", "TEST-000001")];
    let filled = filled.iter().fold(route.path.to_owned(), |path, (name, value)| path.replace(name, value));
    let path = filled.replace("{digest}", "00").replace("{id}", "00").replace("{name}", "nobody");
    let answer = match route.method {
        Method::GET => desk.get(&path).await,
        _ => desk.post_under(&fresh_key(), &path, &json!({})).await,
    };
    (answer.status.as_u16(), answer.body)
}

fn is_turned_away(status: u16, body: &Value) -> bool {
    assert_ne!(status, 429, "the test asks too often");
    status == 403 && body["rule"] == "T-08" && body["detail"].as_str().unwrap().starts_with("this is not for ")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_route_lets_in_the_roles_it_is_for_and_no_other() {
    let open = House::memory().open();
    assert_eq!(CLIENTS.map(|(_, role, _)| role).len(), Role::ALL.len());
    let mut found = BTreeMap::new();
    for (letter, role, name) in CLIENTS {
        let desk = Desk::new(&open, role, name);
        for route in &ROUTES {
            let (status, body) = knock(&desk, route).await;
            let letter = if is_turned_away(status, &body) { '-' } else { letter };
            found.entry(format!("{} {}", route.method, route.path)).or_insert_with(String::new).push(letter);
        }
    }
    let expected: BTreeMap<String, String> = DOORS.iter().map(|(path, who)| ((*path).into(), (*who).into())).collect();
    assert_eq!(found, expected);
}

/// Suginami with one holder, and an open listener.
async fn town() -> Open {
    let open = House::memory().open();
    done(Desk::suginami(&open).post("/v1/certificates", &pair(1)).await);
    open
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_is_told_what_an_operator_is_told_and_changes_nothing() {
    let open = town().await;
    let (auditor, operator) = (Desk::new(&open, Role::Auditor, "auditor-1"), Desk::operator(&open));
    let card = done(operator.get("/v1/cards/CARD-000001").await);
    let serial = card["certificates"][0]["serial"].as_str().unwrap().to_owned();
    let kind = card["certificates"][0]["kind"].as_str().unwrap().to_owned();
    for path in [
        "/v1/cards/CARD-000001",
        "/v1/holders/TEST-000001",
        "/v1/holders/TEST-000001/disclosures",
        "/v1/holders/TEST-000001/consents",
        &format!("/v1/certificates/{kind}/{serial}"),
        "/v1/relying-parties",
        "/v1/credentials",
        "/v1/municipalities",
        "/v1/audit",
        "/v1/counts",
    ] {
        assert_eq!(done(auditor.get(path).await), done(operator.get(path).await), "{path}");
    }
    let before = open.house.store.audit_after(0, usize::MAX).unwrap().len();
    for (path, body) in [
        ("/v1/holds", json!({ "card": "CARD-000001" })),
        ("/v1/revocations", json!({ "card": "CARD-000001", "cause": "card-returned" })),
        ("/v1/crls", json!({})),
        ("/v1/credentials/operator-1/revocation", json!({})),
    ] {
        assert_eq!(refusal(&auditor.post(path, &body).await), (403, "T-08"), "{path}");
    }
    let entries = open.house.store.audit_after(0, usize::MAX).unwrap();
    assert!(entries[before..].iter().all(|entry| entry.draft.action == "request.refused"), "{entries:?}");
    assert_eq!(entries.len(), before + 4, "who tried is on record");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_is_read_from_a_position_on() {
    let open = town().await;
    let auditor = Desk::new(&open, Role::Auditor, "auditor-1");
    let whole = done(auditor.get("/v1/audit").await);
    let stored = open.house.store.audit_after(0, usize::MAX).unwrap();
    assert_eq!(whole["entries"].as_array().unwrap().len(), stored.len());
    assert_eq!(whole.get("next"), None);
    let rest = done(auditor.get("/v1/audit?from=3").await);
    assert_eq!(rest["entries"][0], whole["entries"][2]);
    assert_eq!(rest["entries"][0]["position"], 3);
    assert_eq!(done(auditor.get("/v1/audit?from=1000000").await)["entries"], json!([]));
    for bad in ["from=x", "from=-1", "after=1", "from="] {
        assert_eq!(refusal(&auditor.get(&format!("/v1/audit?{bad}")).await), (400, "T-01"), "{bad}");
    }
    let live = json!({ "kind": "sign", "state": "live", "count": 1 });
    assert!(done(auditor.get("/v1/counts").await)["counts"].as_array().unwrap().contains(&live));
}

#[tokio::test(flavor = "multi_thread")]
async fn r_21_the_call_centre_holds_for_every_municipality_and_reads_out_a_receipt() {
    let open = town().await;
    let centre = Desk::new(&open, Role::CallCentre, "call-centre-1");
    let key = fresh_key();
    let held = done(centre.post_under(&key, "/v1/holds", &json!({ "card": "CARD-000001" })).await);
    let receipt = &held["receipt"];
    let number = receipt["number"].as_str().unwrap();
    assert!(number.len() == 11 && number.starts_with("H-"), "{number}");
    assert_eq!(
        receipt["kinds"],
        json!([{ "kind": "auth", "effect": "releasable" }, { "kind": "sign", "effect": "final" }])
    );
    // Nothing of the person: the answer has the card's certificates and no more.
    let text = held.to_string();
    assert!(["TEST-000001", "13115", "1980", "杉並"].iter().all(|word| !text.contains(word)), "{text}");
    // The same request again has the same receipt, and the audit has it.
    assert_eq!(done(centre.post_under(&key, "/v1/holds", &json!({ "card": "CARD-000001" })).await), held);
    let entries = open.house.store.audit_after(0, usize::MAX).unwrap();
    let entry = entries.iter().find(|entry| entry.draft.action == "certificate.held").unwrap();
    assert!(entry.draft.detail.contains(number) && entry.draft.actor == "call-centre/call-centre-1", "{entry:?}");
    // What is told comes true at the counter.
    let counter = Desk::new(&open, Role::Municipality, "13115-second");
    let released = done(counter.post("/v1/releases", &json!({ "card": "CARD-000001" })).await);
    let state = |kind: &str| {
        let changes = released["changes"].as_array().unwrap();
        changes.iter().find(|change| change["kind"] == kind).unwrap()["state"].clone()
    };
    assert_eq!(state("auth"), json!(CertificateState::Live));
    assert_eq!(state("sign"), json!(CertificateState::Revoked));
    assert_eq!(released.get("receipt"), None);
    // A second loss: the signing certificate is over.
    let again = done(centre.post("/v1/holds", &json!({ "card": "CARD-000001" })).await);
    assert_eq!(again["receipt"]["kinds"][1], json!({ "kind": "sign", "effect": "nothing" }));
    assert_ne!(again["receipt"]["number"], receipt["number"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_21_the_call_centre_holds_and_does_nothing_else() {
    let open = town().await;
    let centre = Desk::new(&open, Role::CallCentre, "call-centre-1");
    assert_eq!(refusal(&centre.post("/v1/holds", &json!({ "card": "CARD-000009" })).await), (404, "T-09"));
    done(centre.post("/v1/holds", &json!({ "card": "CARD-000001" })).await);
    assert_eq!(refusal(&centre.post("/v1/holds", &json!({ "card": "CARD-000001" })).await), (422, "R-21"));
    assert_eq!(refusal(&centre.post("/v1/releases", &json!({ "card": "CARD-000001" })).await), (403, "T-08"));
    let ended = json!({ "card": "CARD-000001", "cause": "card-returned" });
    assert_eq!(refusal(&centre.post("/v1/revocations", &ended).await), (403, "T-08"));
    for path in
        ["/v1/cards/CARD-000001", "/v1/holders/TEST-000001", "/v1/audit", "/v1/credentials", "/v1/municipalities"]
    {
        assert_eq!(refusal(&centre.get(path).await), (403, "T-08"), "{path}");
    }
    assert_eq!(done(centre.get("/v1/whoami").await)["role"], "call-centre");
}
