//! A consent's life at the doors.

use std::sync::Arc;

use jitsuin::{kind::Kind, rules::Query, store::SqliteStore};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    citizen::Citizen,
    desk::{Desk, done, refusal},
    house::{House, Open},
    party::{agree, agreed},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_is_drafted_signed_recorded_replaced_and_withdrawn() {
    let open = House::memory().open();
    let (suginami, party) = (Desk::suginami(&open), agreed(&open, "e-filing"));
    let citizen = Citizen::new(1);
    let serial = citizen.apply(&suginami, "/v1/certificates", &citizen.application(false)).await;

    let draft = done(party.post("/v1/consents/draft", &json!({"serial": serial, "scopes": ["successor"]})).await);
    let text = draft["text"].as_str().unwrap();
    assert!(
        text.contains("e-filing") && text.contains(&serial) && text.contains("2036-11-02T23:59:59+09:00"),
        "{text}"
    );
    let signed = citizen.sign(text);
    assert_eq!(citizen.verified_by_openssl(signed["cms"].as_str().unwrap(), &open.house), text);
    let given = done(party.post_under("key-1", "/v1/consents", &signed).await);
    assert_eq!((&given["party"], &given["scopes"]), (&"e-filing".into(), &json!(["successor"])));
    assert!(!given.to_string().contains("TEST-"), "nothing says who the holder is");
    assert_eq!(done(party.post_under("key-1", "/v1/consents", &signed).await), given, "told once");
    assert_eq!(refusal(&party.post("/v1/consents", &signed).await), (409, "L-13"), "used once");

    // A newer one takes its place, both are kept.
    let ask = json!({"serial": serial, "scopes": ["facts", "successor"]});
    let draft = done(party.post("/v1/consents/draft", &ask).await);
    // As OpenSSL signs by default: text made canonical, other digests, named by the key.
    let wider = citizen.sign_with(draft["text"].as_str().unwrap(), "-md sha384 -keyid -nocerts");
    done(suginami.post("/v1/consents", &json!({"cms": wider})).await);
    let path = format!("/v1/holders/{}/consents", citizen.reference());
    let listed = done(suginami.get(&path).await);
    let seen = |listed: &serde_json::Value| -> Vec<_> {
        listed.as_array().unwrap().iter().map(|one| (one["in_force"] == true, one["cause"].clone())).collect()
    };
    assert_eq!(seen(&listed), [(false, "replaced".into()), (true, json!(null))]);
    assert_eq!(listed[1]["scopes"], json!(["successor", "facts"]));
    assert_eq!(listed[1]["cms"], wider);

    // Withdrawn by the holder's signature, through whomever.
    let portal = agreed(&open, "portal");
    let ask = json!({"serial": serial, "withdraw_from": "e-filing"});
    let draft = done(portal.post("/v1/consents/draft", &ask).await);
    let end = citizen.sign(draft["text"].as_str().unwrap());
    let withdrawn = done(portal.post("/v1/withdrawals", &end).await);
    assert_eq!((&withdrawn["party"], &withdrawn["number"]), (&"e-filing".into(), &listed[1]["number"]));
    assert_eq!(refusal(&portal.post("/v1/withdrawals", &end).await), (409, "L-13"));
    assert_eq!(refusal(&party.post("/v1/consents", &json!({"cms": wider})).await), (409, "L-13"), "not revived");
    assert_eq!(seen(&done(suginami.get(&path).await)), [(false, "replaced".into()), (false, "withdrawn".into())]);

    // The audit names nobody.
    let audit = open.house.store.audit_after(0, 1000).unwrap();
    let of_consents: Vec<_> = audit.iter().filter(|entry| entry.draft.action.starts_with("consent.")).collect();
    assert_eq!(of_consents.len(), 3);
    for entry in audit.iter().filter(|entry| entry.draft.subject.starts_with("declaration/")) {
        assert!(!format!("{entry:?}").contains("TEST-"), "{entry:?}");
    }
    jitsuin::audit::follow(&audit, 0, jitsuin::audit::GENESIS).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counter_withdraws_for_who_cannot_sign() {
    let open = House::memory().open();
    let (suginami, itami, operator) = (Desk::suginami(&open), Desk::itami(&open), Desk::operator(&open));
    let party = agreed(&open, "e-filing");
    let citizen = Citizen::new(1);
    let rsa = citizen.application_with(false, "-newkey rsa:2048");
    let serial = citizen.apply(&suginami, "/v1/certificates", &rsa).await;
    let draft = done(party.post("/v1/consents/draft", &json!({"serial": serial, "scopes": ["facts"]})).await);
    done(party.post("/v1/consents", &citizen.sign(draft["text"].as_str().unwrap())).await);
    let end = json!({"holder": citizen.reference(), "party": "e-filing"});
    for stranger in [&itami, &operator, &party] {
        assert_eq!(refusal(&stranger.post("/v1/withdrawals", &end).await), (403, "E-02"));
    }
    let other = json!({"holder": citizen.reference(), "party": "portal"});
    assert_eq!(refusal(&suginami.post("/v1/withdrawals", &other).await), (404, "T-09"));
    // Moved: the certificate is gone, the consent is not, and it is the new municipality's to end.
    let leave = json!({"holder": citizen.reference(), "change": "move-out", "to": "28207"});
    done(suginami.post("/v1/register-changes", &leave).await);
    done(itami.post("/v1/register-changes", &json!({"holder": citizen.reference(), "change": "move-in"})).await);
    assert_eq!(refusal(&suginami.post("/v1/withdrawals", &end).await), (403, "E-02"));
    let path = format!("/v1/holders/{}/consents", citizen.reference());
    assert_eq!(refusal(&suginami.get(&path).await), (404, "T-09"));
    assert_eq!(done(itami.get(&path).await)[0]["in_force"], true);
    done(itami.post("/v1/withdrawals", &end).await);
    assert_eq!(done(operator.get(&path).await)[0]["in_force"], false);
    assert_eq!(refusal(&itami.post("/v1/withdrawals", &end).await), (404, "T-09"), "once is enough");
}

/// What a relying party is told of a person's certificates over the years, on whatever store.
async fn a_life_with_consent(open: Open) {
    let (suginami, itami) = (Desk::suginami(&open), Desk::itami(&open));
    let (party, other) = (agreed(&open, "e-filing"), agreed(&open, "portal"));
    let citizen = Citizen::new(1);
    let first = citizen.apply(&suginami, "/v1/certificates", &citizen.application(false)).await;
    let (successor, facts) = (format!("/v1/successors/sign/{first}"), format!("/v1/facts/{first}"));
    for path in [&successor, &facts] {
        assert_eq!(refusal(&party.get(path).await), (403, "L-09"), "no consent yet");
    }
    let ask = json!({"serial": first, "scopes": ["successor", "facts"]});
    let draft = done(party.post("/v1/consents/draft", &ask).await);
    let signed = citizen.sign(draft["text"].as_str().unwrap());
    done(party.post("/v1/consents", &signed).await);
    let newest = |serial: &str, replaced: bool| json!({"kind": "sign", "serial": serial, "replaced": replaced});
    assert_eq!(done(party.get(&successor).await), newest(&first, false));
    assert_eq!(done(party.get(&facts).await), json!({"changed": false}));
    for path in [&successor, &facts] {
        assert_eq!(refusal(&other.get(path).await), (403, "L-09"), "nobody consented to this one");
        assert_eq!(refusal(&suginami.get(path).await), (403, "T-08"));
    }

    // The holder moves: the signing certificate ends, and until there is a new one nothing is told.
    let leave = json!({"holder": citizen.reference(), "change": "move-out", "to": "28207"});
    done(suginami.post("/v1/register-changes", &leave).await);
    for path in [&successor, &facts] {
        assert_eq!(refusal(&party.get(path).await), (404, "L-11"));
    }
    let card = json!({"card": "CARD-000001", "register_pin": true, "addendum_has_room": true});
    let arrive = json!({"holder": citizen.reference(), "change": "move-in", "presented": card});
    done(itami.post("/v1/register-changes", &arrive).await);
    let mut application = citizen.application(true);
    application["facts"]["address"] = "兵庫県伊丹市千僧１丁目１番地".into();
    application["facts"]["address_flags"] = "00000000001000".into();
    let second = citizen.apply(&itami, "/v1/certificates", &application).await;
    assert_ne!(first, second);
    assert_eq!(done(party.get(&successor).await), newest(&second, true));
    let told = done(party.get(&facts).await);
    assert_eq!((&told["changed"], &told["facts"]["address"]), (&true.into(), &application["facts"]["address"]));
    assert_eq!(told["facts"]["address_flags"], "00000000001000");
    assert_eq!(told["facts"]["birth"], "1980-02-17");
    assert!(!told.to_string().contains(&second), "facts do not say which certificate");
    assert_eq!(done(party.get(&format!("/v1/facts/{second}")).await), json!({"changed": false}));

    // Renewed, and renewed again: a chain from the first to the last. The recognition has to be renewed too.
    let mut last = second.clone();
    for days in [1480, 1830] {
        open.house.clock.advance_days(days);
        assert_eq!(refusal(&party.get(&successor).await), (403, "L-02"));
        agree(&open, "e-filing", &Query::ALL);
        let mut renewal = citizen.application(false);
        renewal["facts"] = application["facts"].clone();
        last = citizen.apply(&itami, "/v1/renewals", &renewal).await;
        assert_eq!(done(party.get(&successor).await), newest(&last, true));
        assert_eq!(done(party.get(&facts).await), told);
    }
    assert_eq!(done(party.get(&format!("/v1/successors/sign/{second}")).await), newest(&last, true));

    // Withdrawn with the card of today.
    let ask = json!({"serial": last, "withdraw_from": "e-filing"});
    let draft = done(party.post("/v1/consents/draft", &ask).await);
    done(party.post("/v1/withdrawals", &citizen.sign(draft["text"].as_str().unwrap())).await);
    for path in [&successor, &facts] {
        assert_eq!(refusal(&party.get(path).await), (403, "L-09"));
    }
    assert_eq!(refusal(&party.post("/v1/consents", &signed).await), (409, "L-13"));

    // Everything stands in the ledger, told or withheld, and nothing else.
    let holder = jitsuin::ports::HolderReference::parse(citizen.reference()).unwrap();
    let ledger = open.house.store.disclosures(&holder, u64::MAX, 1000).unwrap();
    assert!(ledger.iter().all(|entry| matches!(entry.query, Query::Successor | Query::Facts)));
    assert!(ledger.iter().all(|entry| entry.kind == Kind::Sign));
    let withheld = |rule: &str| ledger.iter().filter(|entry| entry.withheld.as_deref() == Some(rule)).count();
    assert_eq!((withheld("L-09"), withheld("L-11")), (6, 2));
    assert_eq!(ledger.iter().filter(|entry| entry.withheld.is_none()).count(), 2 + 3 + 4 + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_with_consent_in_memory() {
    a_life_with_consent(House::memory().open()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_with_consent_on_sqlite() {
    let room = TempDir::new().unwrap();
    let store = SqliteStore::open(&room.path().join("jitsuin.db")).unwrap();
    a_life_with_consent(House::new(Arc::new(store)).open()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_ends_with_its_last_day() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let party = agreed(&open, "e-filing");
    let citizen = Citizen::new(1);
    let serial = citizen.apply(&suginami, "/v1/certificates", &citizen.application(false)).await;
    let draft = done(party.post("/v1/consents/draft", &json!({"serial": serial, "scopes": ["successor"]})).await);
    let given = done(party.post("/v1/consents", &citizen.sign(draft["text"].as_str().unwrap())).await);
    assert_eq!(given["ends"], "2036-11-02T14:59:59Z");
    let path = format!("/v1/successors/auth/{}", auth_serial(&done(suginami.get("/v1/holders/TEST-000001").await)));
    assert_eq!(done(party.get(&path).await)["replaced"], false, "one consent for both kinds");
    let facts = format!("/v1/facts/{serial}");
    assert_eq!(refusal(&party.get(&facts).await), (403, "L-09"), "not for what was not allowed");
    // A hold is not the end of a certificate, but while it lasts nothing is told.
    done(suginami.post("/v1/holds", &json!({"card": "CARD-000001"})).await);
    assert_eq!(refusal(&party.get(&path).await), (404, "L-11"));
    done(suginami.post("/v1/releases", &json!({"card": "CARD-000001"})).await);
    done(party.get(&path).await);
    // Nobody renews: the certificate expires, then the consent.
    open.house.clock.advance_days(3653);
    agree(&open, "e-filing", &Query::ALL);
    assert_eq!(refusal(&party.get(&path).await), (404, "L-11"), "the consent stands on its last day");
    open.house.clock.advance_days(1);
    assert_eq!(refusal(&party.get(&path).await), (403, "L-09"));
}

fn auth_serial(holder: &Value) -> String {
    let certificates = holder["certificates"].as_array().unwrap();
    let auth = certificates.iter().find(|one| one["kind"] == "auth").unwrap();
    auth["serial"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_who_died_nothing_is_told_and_nothing_says_why() {
    let open = House::memory().open();
    let (suginami, party) = (Desk::suginami(&open), agreed(&open, "e-filing"));
    let citizen = Citizen::new(1);
    let serial = citizen.apply(&suginami, "/v1/certificates", &citizen.application(false)).await;
    let ask = json!({"serial": serial, "scopes": ["successor", "facts"]});
    let draft = done(party.post("/v1/consents/draft", &ask).await);
    done(party.post("/v1/consents", &citizen.sign(draft["text"].as_str().unwrap())).await);
    let path = format!("/v1/successors/sign/{serial}");
    let held = done(suginami.post("/v1/holds", &json!({"card": "CARD-000001"})).await);
    assert_eq!(held["rule"], "R-21");
    let of_the_held = party.get(&path).await;
    done(suginami.post("/v1/register-changes", &json!({"holder": citizen.reference(), "change": "death"})).await);
    let of_the_dead = party.get(&path).await;
    assert_eq!(refusal(&of_the_dead), (404, "L-11"));
    assert_eq!(of_the_held.body, of_the_dead.body);
}
