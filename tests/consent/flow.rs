//! A consent's life at the doors.

use jitsuin::ports::Role;
use serde_json::json;

use crate::{
    citizen::Citizen,
    desk::{Desk, done, refusal},
    house::House,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_is_drafted_signed_recorded_replaced_and_withdrawn() {
    let open = House::memory().open();
    let (suginami, party) = (Desk::suginami(&open), Desk::new(&open, Role::RelyingParty, "e-filing"));
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
    let portal = Desk::new(&open, Role::RelyingParty, "portal");
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
    let party = Desk::new(&open, Role::RelyingParty, "e-filing");
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
