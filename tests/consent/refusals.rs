//! What is refused, by which rule, and that nothing of it stays.

use base64::{Engine, engine::general_purpose::STANDARD};
use jitsuin::{
    ports::{HolderReference, Role, Suspension},
    rules::{Purpose, Query},
};
use serde_json::{Value, json};

use crate::{
    citizen::Citizen,
    desk::{Desk, done, refusal},
    house::{House, Open},
    party::{agree, agree_as, agreed},
};

/// A drafted consent of the holder to the relying party that asks.
async fn drafted(party: &Desk<'_>, serial: &str) -> String {
    let ask = json!({"serial": serial, "scopes": ["successor", "facts"]});
    done(party.post("/v1/consents/draft", &ask).await)["text"].as_str().unwrap().to_owned()
}

/// The request that ends a numbered person's certificate.
type End = fn(u32) -> Value;

fn kept(open: &Open, citizen: &Citizen) -> usize {
    open.house.store.consents(&HolderReference::parse(citizen.reference()).unwrap()).unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_are_for_relying_parties_within_their_terms() {
    let open = House::memory().open();
    let (suginami, operator) = (Desk::suginami(&open), Desk::operator(&open));
    let stranger = Desk::new(&open, Role::RelyingParty, "stranger");
    let party = agreed(&open, "e-filing");
    let ask = json!({"serial": "0ABC", "scopes": ["facts"]});
    done(party.post("/v1/consents/draft", &ask).await);
    for staff in [&suginami, &operator] {
        assert_eq!(refusal(&staff.post("/v1/consents/draft", &ask).await), (403, "T-08"));
    }
    assert_eq!(refusal(&stranger.post("/v1/consents/draft", &ask).await), (403, "L-01"));
    agree(&open, "e-filing", &[Query::Status, Query::Successor]);
    assert_eq!(refusal(&party.post("/v1/consents/draft", &ask).await), (403, "L-05"));
    agree_as(&open, "e-filing", &Query::ALL, |record| {
        record.terms.purposes.remove(&Purpose::Signature);
    });
    assert_eq!(refusal(&party.post("/v1/consents/draft", &ask).await), (403, "L-04"));
    done(party.post("/v1/consents/draft", &json!({"serial": "0ABC", "scopes": ["successor"]})).await);
    agree_as(&open, "e-filing", &Query::ALL, |record| {
        let since = open.house.authority.parts().clock.now();
        record.suspended = Some(Suspension { since, reason: "a test".into() });
    });
    assert_eq!(refusal(&party.post("/v1/consents/draft", &ask).await), (403, "L-03"));
    // Whoever it is and however it stands with the service: withdrawing is always possible.
    let withdraw = json!({"serial": "0ABC", "withdraw_from": "e-filing"});
    for anyone in [&stranger, &suginami, &operator, &party] {
        done(anyone.post("/v1/consents/draft", &withdraw).await);
    }
    let nobody = json!({"serial": "0ABC", "withdraw_from": "nobody"});
    assert_eq!(refusal(&party.post("/v1/consents/draft", &nobody).await), (403, "L-01"));
    agree(&open, "e-filing", &Query::ALL);
    for body in [
        json!({"serial": "0ABC"}),
        json!({"serial": "0ABC", "scopes": []}),
        json!({"serial": "0ABC", "scopes": ["facts", "facts"]}),
        json!({"serial": "0ABC", "scopes": ["status"]}),
        json!({"serial": "0ABC", "scopes": "facts"}),
        json!({"serial": "0ABC", "scopes": ["facts"], "withdraw_from": "e-filing"}),
        json!({"serial": "xyz", "scopes": ["facts"]}),
        json!({"scopes": ["facts"]}),
        json!({"serial": "0ABC", "scopes": ["facts"], "title": "another"}),
    ] {
        assert_eq!(refusal(&party.post("/v1/consents/draft", &body).await), (400, "T-01"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_that_is_not_the_holders_own_is_refused() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let (party, portal) = (agreed(&open, "e-filing"), agreed(&open, "portal"));
    let (citizen, other) = (Citizen::new(1), Citizen::new(2));
    let serial = citizen.apply(&suginami, "/v1/certificates", &citizen.application(false)).await;
    let others = other.apply(&suginami, "/v1/certificates", &other.application(false)).await;
    let text = drafted(&party, &serial).await;
    let withdraw = json!({"serial": serial, "withdraw_from": "e-filing"});
    let withdrawal = done(party.post("/v1/consents/draft", &withdraw).await)["text"].as_str().unwrap().to_owned();
    let unknown = drafted(&party, "0ABC").await;
    let good = citizen.sign(&text)["cms"].as_str().unwrap().to_owned();
    let flipped = |at: usize| {
        let mut octets = STANDARD.decode(&good).unwrap();
        let at = octets.len() - at;
        octets[at] ^= 1;
        STANDARD.encode(octets)
    };
    let cases: Vec<(&str, String)> = vec![
        ("nothing", String::new()),
        ("no DER", STANDARD.encode("not DER")),
        ("another's card", other.sign_with(&text, "-binary")),
        ("own card under another's number", citizen.sign_with(&drafted(&party, &others).await, "-binary")),
        ("a number of nobody", citizen.sign_with(&unknown, "-binary")),
        ("no attributes", citizen.sign_with(&text, "-binary -noattr")),
        ("streamed", citizen.sign_with(&text, "-binary -stream")),
        ("SHA-1", citizen.sign_with(&text, "-binary -md sha1")),
        ("a broken signature", flipped(1)),
        ("another letter", citizen.sign_with(&text.replace("e-filing", "e-fi1ing"), "-binary")),
        ("another title", citizen.sign_with(&text.replace("試験用", "本番用"), "-binary")),
        ("another service", citizen.sign_with(&text.replace("From: JITSUIN-TEST", "From: JITSUIN"), "-binary")),
        ("line ends lost", citizen.sign_with(&text.replace("\r\n", "\n"), "-binary")),
        ("a longer time", citizen.sign_with(&text.replace("2036-11-02T23", "2037-11-02T23"), "-binary")),
        ("a withdrawal", citizen.sign_with(&withdrawal, "-binary")),
        ("no text of ours", citizen.sign_with("I agree to everything", "-binary")),
    ];
    let mut bodies = Vec::new();
    for (what, cms) in &cases {
        let refused = party.post("/v1/consents", &json!({"cms": cms})).await;
        assert_eq!(refusal(&refused), (422, "L-12"), "{what}");
        bodies.push((*what, refused.body));
    }
    let body = |what: &str| &bodies.iter().find(|(known, _)| *known == what).unwrap().1;
    for alike in ["own card under another's number", "a number of nobody", "a broken signature"] {
        assert_eq!(body(alike), body("another's card"), "what fails does not tell which certificates there are");
    }
    let consent = json!({"cms": good});
    assert_eq!(refusal(&party.post("/v1/withdrawals", &consent).await), (422, "L-12"));
    assert_eq!(refusal(&portal.post("/v1/consents", &consent).await), (422, "L-12"), "another relying party's text");
    for body in [json!({"cms": "%"}), json!({}), json!({"cms": good, "holder": "TEST-000001"}), json!({"cms": null})] {
        assert_eq!(refusal(&party.post("/v1/consents", &body).await), (400, "T-01"));
    }
    for body in [
        json!({}),
        json!({"cms": good, "party": "e-filing"}),
        json!({"holder": "TEST-000001"}),
        json!({"party": "e-filing"}),
        json!({"cms": good, "holder": "TEST-000001", "party": "e-filing"}),
    ] {
        assert_eq!(refusal(&suginami.post("/v1/withdrawals", &body).await), (400, "T-01"), "{body}");
    }
    assert_eq!(refusal(&Desk::operator(&open).post("/v1/consents", &consent).await), (403, "T-08"));
    assert_eq!(refusal(&Desk::itami(&open).post("/v1/consents", &consent).await), (403, "E-02"));
    let signed_withdrawal = citizen.sign(&withdrawal);
    assert_eq!(refusal(&party.post("/v1/withdrawals", &signed_withdrawal).await), (404, "T-09"), "none is in force");
    let nobody = json!({"holder": "TEST-000009", "party": "e-filing"});
    assert_eq!(refusal(&suginami.post("/v1/withdrawals", &nobody).await), (404, "T-09"));
    assert_eq!((kept(&open, &citizen), kept(&open, &other)), (0, 0));
    // And after all that, the good one is as good as ever.
    done(party.post("/v1/consents", &consent).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_that_changed_since_the_draft_refuse_it() {
    let open = House::memory().open();
    let (suginami, party) = (Desk::suginami(&open), agreed(&open, "e-filing"));
    let citizen = Citizen::new(1);
    let serial = citizen.apply(&suginami, "/v1/certificates", &citizen.application(false)).await;
    let signed = citizen.sign(&drafted(&party, &serial).await);
    agree_as(&open, "e-filing", &Query::ALL, |record| record.title = "another title".into());
    assert_eq!(refusal(&party.post("/v1/consents", &signed).await), (422, "L-12"));
    agree(&open, "e-filing", &[Query::Successor]);
    assert_eq!(refusal(&party.post("/v1/consents", &signed).await), (403, "L-05"));
    agree_as(&open, "e-filing", &Query::ALL, |record| {
        let since = open.house.authority.parts().clock.now();
        record.suspended = Some(Suspension { since, reason: "a test".into() });
    });
    assert_eq!(refusal(&suginami.post("/v1/consents", &signed).await), (403, "L-03"));
    assert_eq!(kept(&open, &citizen), 0);
    agree(&open, "e-filing", &Query::ALL);
    done(suginami.post("/v1/consents", &signed).await);
    // Terms that go, go for what is told too; the consent stays and is of use again when they come back.
    let path = format!("/v1/facts/{serial}");
    done(party.get(&path).await);
    agree(&open, "e-filing", &[Query::Successor]);
    assert_eq!(refusal(&party.get(&path).await), (403, "L-05"));
    agree_as(&open, "e-filing", &Query::ALL, |record| record.terms.daily_quota = 1);
    assert_eq!(refusal(&party.get(&path).await), (429, "L-06"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_good_for_a_day_and_not_for_undoing_what_came_after_it() {
    let open = House::memory().open();
    let (suginami, party) = (Desk::suginami(&open), agreed(&open, "e-filing"));
    let citizen = Citizen::new(1);
    let serial = citizen.apply(&suginami, "/v1/certificates", &citizen.application(false)).await;
    let old = citizen.sign(&drafted(&party, &serial).await);
    open.house.clock.advance(86_401);
    assert_eq!(refusal(&party.post("/v1/consents", &old).await), (409, "L-13"));
    // The relying party keeps the wide one back, hands in the narrow one, and then tries the wide one.
    let wide = citizen.sign(&drafted(&party, &serial).await);
    open.house.clock.advance(1);
    let narrow = json!({"serial": serial, "scopes": ["successor"]});
    let narrow = done(party.post("/v1/consents/draft", &narrow).await)["text"].as_str().unwrap().to_owned();
    done(party.post("/v1/consents", &citizen.sign(&narrow)).await);
    assert_eq!(refusal(&party.post("/v1/consents", &wide).await), (409, "L-13"));
    // So with one that was kept back until the holder withdrew at the counter.
    let spare = citizen.sign(&drafted(&party, &serial).await);
    open.house.clock.advance(1);
    done(suginami.post("/v1/withdrawals", &json!({"holder": citizen.reference(), "party": "e-filing"})).await);
    assert_eq!(refusal(&party.post("/v1/consents", &spare).await), (409, "L-13"));
    assert_eq!(refusal(&party.get(&format!("/v1/facts/{serial}")).await), (403, "L-09"));
    // And a withdrawal of yesterday does not end the consent of today.
    let ask = json!({"serial": serial, "withdraw_from": "e-filing"});
    let early = done(party.post("/v1/consents/draft", &ask).await)["text"].as_str().unwrap().to_owned();
    open.house.clock.advance(1);
    done(party.post("/v1/consents", &citizen.sign(&drafted(&party, &serial).await)).await);
    assert_eq!(refusal(&party.post("/v1/withdrawals", &citizen.sign(&early)).await), (409, "L-13"));
    done(party.get(&format!("/v1/facts/{serial}")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_live_signing_certificate_declares_anything() {
    let open = House::memory().open();
    let (suginami, party) = (Desk::suginami(&open), agreed(&open, "e-filing"));
    let refused = async |citizen: &Citizen, serial: &str| {
        let signed = citizen.sign(&drafted(&party, serial).await);
        assert_eq!(refusal(&party.post("/v1/consents", &signed).await), (422, "L-14"));
        let ask = json!({"serial": serial, "withdraw_from": "e-filing"});
        let text = done(party.post("/v1/consents/draft", &ask).await)["text"].as_str().unwrap().to_owned();
        assert_eq!(refusal(&party.post("/v1/withdrawals", &citizen.sign(&text)).await), (422, "L-14"));
        assert_eq!(kept(&open, citizen), 0);
    };
    let ends: [(&str, End); 4] = [
        ("/v1/holds", |number| json!({"card": format!("CARD-{number:06}")})),
        (
            "/v1/revocations",
            |number| json!({"card": format!("CARD-{number:06}"), "cause": "holder-application", "kinds": ["sign"]}),
        ),
        ("/v1/register-changes", |number| json!({"holder": format!("TEST-{number:06}"), "change": "name-change"})),
        ("/v1/register-changes", |number| json!({"holder": format!("TEST-{number:06}"), "change": "death"})),
    ];
    for (number, (path, end)) in (1..).zip(ends) {
        let citizen = Citizen::new(number);
        let serial = citizen.apply(&suginami, "/v1/certificates", &citizen.application(false)).await;
        done(suginami.post(path, &end(number)).await);
        refused(&citizen, &serial).await;
    }
    // Signed while it was live, handed in after the end.
    let citizen = Citizen::new(9);
    let serial = citizen.apply(&suginami, "/v1/certificates", &citizen.application(false)).await;
    let signed = citizen.sign(&drafted(&party, &serial).await);
    done(suginami.post("/v1/holds", &json!({"card": "CARD-000009"})).await);
    assert_eq!(refusal(&party.post("/v1/consents", &signed).await), (422, "L-14"));
    // Expired.
    let citizen = Citizen::new(10);
    let serial = citizen.apply(&suginami, "/v1/certificates", &citizen.application(false)).await;
    open.house.clock.advance_days(2200);
    agree(&open, "e-filing", &Query::ALL);
    refused(&citizen, &serial).await;
}
