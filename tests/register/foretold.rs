//! What `/v1/decisions` says of a case is what issuing then comes to, as far as a case can say it (E-01, E-02, E-03).

use jitsuin::{
    authority::{
        application::ApplicationRequest,
        change::{RegisterChange, RegisterEvent},
    },
    kind::Kind,
    rules::{Asked, CounterDecision},
};
use serde_json::{Value, json};

use crate::{
    feed::*,
    house::{House, ITAMI, Person, SUGINAMI, day, municipality, refusal},
};

/// The rule and the case of a refusal; none: it can be done.
type Told = Option<(String, Option<String>)>;

fn said(rule: &str, case: Option<&str>) -> Told {
    Some((rule.into(), case.map(Into::into)))
}

/// Decides about the person's AUTH anew, with the fields of a patch.
fn decided(house: &House, town: &str, person: &Person, patch: &Value) -> CounterDecision {
    let mut facts = json!({
        "today": jitsuin::rules::calendar::day_of(house.now()).to_string(),
        "procedure": "new-issue", "applicant": "holder", "kinds": ["auth"],
        "holder": { "birth": person.birth.to_string() }, "card": { "last_day": "2035-02-17" }, "certificates": {},
    });
    facts.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
    house.authority.decide(&municipality(town), None, &serde_json::from_value(facts).unwrap()).unwrap()
}

fn why_not(decision: &CounterDecision) -> Told {
    let one = decision.refusals.first().map(|one| &one.refusal.refusal);
    assert_eq!(decision.allowed, one.is_none(), "{decision:?}");
    one.and_then(|one| said(&one.rule, one.case.as_deref()))
}

fn issued(house: &House, town: &str, person: &Person) -> Told {
    let done = house.issue(&municipality(town), Asked::New, &person.enrolment(&[Kind::Auth]));
    if done.is_ok() {
        return None;
    }
    let refusal = refusal(done);
    said(&refusal.rule, refusal.case.as_deref())
}

#[test]
fn e_03_a_card_that_was_not_presented_in_time_takes_nothing_and_the_decision_says_so() {
    for (planned, moved_in, notified, today, expected) in [
        ("2026-04-01", "2026-04-01", "2026-04-01", "2026-06-30", None),
        ("2026-04-01", "2026-04-01", "2026-04-01", "2026-07-01", said("E-03", Some("over"))),
        ("2026-04-01", "2026-04-01", "2026-04-16", "2026-04-16", said("E-03", Some("over"))),
        ("2026-04-01", "2026-05-02", "2026-05-02", "2026-05-02", said("E-03", Some("over"))),
    ] {
        for new in [false, true] {
            let (house, person) = housed();
            let revoked = person.revocation(jitsuin::rules::Cause::HolderApplication, Some(&Kind::BOTH));
            house.authority.revoke(&municipality(SUGINAMI), &house.once(), &revoked).unwrap();
            house.set_clock(&format!("{today}T03:00:00Z"));
            report(&house, SUGINAMI, &out(&person, "S-1", "2026-04-01", ITAMI, planned)).unwrap();
            let arrival = event(&person, "I-1", moved_in, RegisterEvent::MoveIn);
            let arrival = RegisterChange { moved_in: Some(day(moved_in)), notified: Some(day(notified)), ..arrival };
            report(&house, ITAMI, &arrival).unwrap();
            let moving = json!({ "planned": planned, "moved_in": moved_in, "notified": notified });
            let new_card = if new { json!("missed-deadline") } else { Value::Null };
            let patch = json!({ "moving": moving, "new_card": new_card });
            let card = if new { person.clone().with_card("CARD-2", today) } else { person.clone() };
            let expected = expected.clone().filter(|_| !new);
            assert_eq!(why_not(&decided(&house, ITAMI, &person, &patch)), expected, "{today} {notified} {new}");
            assert_eq!(issued(&house, ITAMI, &card), expected, "{today} {notified} {new}");
        }
    }
}

#[test]
fn e_03_a_card_whose_certificate_is_held_is_suspended_whatever_is_said_of_it() {
    let (house, person) = housed();
    house.hold(&person).unwrap();
    let held = json!({ "last_day": "2030-10-27", "held": true });
    let patch = json!({ "certificates": { "auth": held, "sign": held } });
    let suspended = said("E-03", Some("suspended"));
    assert_eq!(why_not(&decided(&house, SUGINAMI, &person, &patch)), suspended);
    assert_eq!(issued(&house, SUGINAMI, &person), suspended);
    for procedure in ["pin-reset", "face-authentication-on", "continued-use"] {
        let mut patch = patch.clone();
        patch["procedure"] = procedure.into();
        patch["brought"] = json!({ "register_pin": true });
        patch["moving"] = json!({ "planned": "2026-04-01", "moved_in": "2026-04-01", "notified": "2026-04-01" });
        let foretold = why_not(&decided(&house, SUGINAMI, &person, &patch));
        let expected = if procedure == "continued-use" { said("M-01", Some("void")) } else { suspended.clone() };
        assert_eq!(foretold, expected, "{procedure}");
        assert_eq!(received(&house, &person, procedure), expected, "{procedure}");
    }
    // On a card that is new they are issued again.
    let new = json!({ "certificates": { "auth": held, "sign": held }, "kinds": ["auth", "sign"], "new_card": "lost" });
    assert_eq!(why_not(&decided(&house, SUGINAMI, &person, &new)), None);
    let card = person.clone().with_card("CARD-2", "2026-04-01");
    house.issue(&municipality(SUGINAMI), Asked::New, &card.enrolment(&Kind::BOTH)).unwrap();
}

fn received(house: &House, person: &Person, procedure: &str) -> Told {
    let request: ApplicationRequest = serde_json::from_value(json!({
        "procedure": procedure, "applicant": "holder",
        "holder": {"reference": person.reference, "birth": person.birth.to_string()},
        "card": {"number": person.card, "issue_day": person.card_issue_day.to_string()},
    }))
    .unwrap();
    let done = house.authority.receive(&municipality(SUGINAMI), &house.once(), &request);
    if done.is_ok() {
        return None;
    }
    let refusal = refusal(done);
    said(&refusal.rule, refusal.case.as_deref())
}

#[test]
fn e_01_of_who_is_off_the_register_nothing_but_an_end_is_foretold() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &event(&person, "S-1", "2026-04-01", RegisterEvent::Death)).unwrap();
    let nowhere = json!({ "birth": person.birth.to_string(), "registration": "none" });
    for procedure in ["pin-reset", "face-authentication-on", "face-authentication-off", "continued-use"] {
        let card = json!({ "last_day": "2035-02-17", "face_authentication": procedure == "face-authentication-off" });
        let patch = json!({ "holder": nowhere, "card": card, "procedure": procedure, "kinds": null });
        assert_eq!(why_not(&decided(&house, SUGINAMI, &person, &patch)), said("E-01", None), "{procedure}");
        assert_eq!(received(&house, &person, procedure), said("E-01", None), "{procedure}");
    }
    let patch = json!({ "holder": nowhere });
    assert_eq!(why_not(&decided(&house, SUGINAMI, &person, &patch)), said("E-01", None));
    assert_eq!(issued(&house, SUGINAMI, &person), said("E-01", None));
    let returned = json!({ "holder": nowhere, "procedure": "card-return", "kinds": null });
    assert_eq!(why_not(&decided(&house, SUGINAMI, &person, &returned)), None);
    let returned = person.revocation(jitsuin::rules::Cause::CardReturned, None);
    house.authority.revoke(&municipality(SUGINAMI), &house.once(), &returned).unwrap();
}

#[test]
fn e_01_abroad_the_decision_says_to_whom_the_service_issues() {
    let abroad =
        |person: &Person| json!({ "holder": { "birth": person.birth.to_string(), "registration": "overseas" } });
    let warned = |decision: &CounterDecision| decision.warnings.iter().any(|one| one.rule == "E-01");
    for (leaves, expected) in
        [(RegisterEvent::OverseasMoveWithContinuedUse, None), (RegisterEvent::OverseasMove, said("E-01", None))]
    {
        let (house, person) = housed();
        let revoked = person.revocation(jitsuin::rules::Cause::HolderApplication, Some(&Kind::BOTH));
        house.authority.revoke(&municipality(SUGINAMI), &house.once(), &revoked).unwrap();
        report(&house, SUGINAMI, &event(&person, "S-1", "2026-04-01", leaves)).unwrap();
        assert_eq!(issued(&house, SUGINAMI, &person), expected, "{leaves:?}");
        let decision = decided(&house, SUGINAMI, &person, &abroad(&person));
        assert_eq!((why_not(&decision), warned(&decision)), (None, true));
        assert!(!warned(&decided(&house, SUGINAMI, &person, &json!({}))));
    }
}
