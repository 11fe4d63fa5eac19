//! 継続利用 by application: carried out, it does what the register change does (M-01, M-02).

use jitsuin::{
    authority::{
        StoryError,
        application::{Advanced, Received},
        change::{RegisterChange, RegisterEvent},
    },
    kind::Kind,
    ports::ApplicationNumber,
    rules::{Cause, CertificateState::*, application::ApplicationEvent as On, application::ApplicationState as At},
};
use serde_json::{Value, json};

use crate::{
    scene::*,
    town::{House, ITAMI, Person, SUGINAMI, municipality, refusal, rule},
};

fn continued() -> Value {
    json!({"procedure": "continued-use", "applicant": "holder", "agent": null, "kinds": []})
}

/// A resident of Suginami who has moved to Itami on 1 December, without presenting the card.
fn moved(house: &House) -> Person {
    let person = Person::new("TEST-1");
    house.pair(&person);
    house.set_clock("2025-12-01T03:00:00Z");
    let out = RegisterChange { to: Some(ITAMI.parse().unwrap()), ..person.change(RegisterEvent::MoveOut) };
    house.authority.change(&municipality(SUGINAMI), &fresh(), &out).unwrap();
    house.authority.change(&municipality(ITAMI), &fresh(), &person.change(RegisterEvent::MoveIn)).unwrap();
    person
}

fn apply(house: &House, person: &Person, change: &Value) -> Result<Received, StoryError> {
    house.authority.receive(&municipality(ITAMI), &fresh(), &asked(person, change))
}

fn lead(house: &House, number: &ApplicationNumber, happens: On) -> Result<Advanced, StoryError> {
    house.authority.advance(&municipality(ITAMI), &fresh(), number, &event(&body(happens)))
}

fn due(house: &House, person: &Person) -> Option<String> {
    house.store.register().deadline(&person.holder()).unwrap().map(|day| day.to_string())
}

fn states(house: &House, person: &Person) -> [jitsuin::rules::CertificateState; 2] {
    Kind::BOTH.map(|kind| house.state(person, kind))
}

#[test]
fn m_01_carried_out_the_card_goes_on_and_nothing_is_awaited_any_more() {
    for (_room, house) in engines() {
        let person = moved(&house);
        assert_eq!(due(&house, &person).as_deref(), Some("2026-03-02"));
        // The ninetieth day.
        house.set_clock("2026-03-01T03:00:00Z");
        let received = apply(&house, &person, &continued()).unwrap();
        lead(&house, &received.application, On::Verify).unwrap();
        assert_eq!(due(&house, &person).as_deref(), Some("2026-03-02"), "not before it is done");
        let done = lead(&house, &received.application, On::CarryOut).unwrap();
        assert_eq!((done.state, done.next.len()), (At::Delivered, 0));
        assert_eq!(due(&house, &person), None);
        // Neither again, nor by the timer, nor by the register once more.
        let again = refusal(apply(&house, &person, &continued()));
        assert_eq!((&*again.rule, again.case.as_deref()), ("M-01", Some("done")));
        let house = house.reopen();
        house.set_clock("2026-03-02T03:00:00Z");
        assert_eq!(house.authority.run_deadlines(), Ok(0));
        assert_eq!((states(&house, &person), house.dossier(&person).cards[0].void), ([Live, Revoked], false));
        assert_eq!(rule(apply(&house, &person, &continued())), "M-01");
        house.check();
    }
}

#[test]
fn m_01_r_18_a_card_presented_by_application_goes_on_with_who_moves_on_the_same_day() {
    for order in [[0, 1], [1, 0]] {
        let house = House::new();
        let (person, third) = (moved(&house), "13113");
        house.takes_part(third);
        house.set_clock("2025-12-10T03:00:00Z");
        let received = apply(&house, &person, &continued()).unwrap();
        lead(&house, &received.application, On::Verify).unwrap();
        lead(&house, &received.application, On::CarryOut).unwrap();
        let numbered = |number: &str, what| {
            let event_day = Some(crate::town::day("2025-12-10"));
            let number = Some(jitsuin::ports::EventNumber::parse(number).unwrap());
            RegisterChange { number, event_day, ..person.change(what) }
        };
        let out = numbered("I-1", RegisterEvent::MoveOut);
        let out = RegisterChange { to: Some(third.parse().unwrap()), planned: out.event_day, ..out };
        let shown =
            serde_json::from_value(json!({"card": person.card, "register_pin": true, "addendum_has_room": true}));
        let arrival = RegisterChange { presented: Some(shown.unwrap()), ..numbered("C-1", RegisterEvent::MoveIn) };
        let events = [(ITAMI, out), (third, arrival)];
        order.iter().for_each(|at| {
            house.authority.change(&municipality(events[*at].0), &fresh(), &events[*at].1).unwrap();
        });
        assert_eq!(due(&house, &person), None, "{order:?}");
        house.set_clock("2025-12-11T03:00:00Z");
        assert_eq!(house.authority.run_deadlines(), Ok(0));
        assert_eq!((states(&house, &person), house.dossier(&person).cards[0].void), ([Live, Revoked], false));
        house.check();
    }
}

#[test]
fn r_18_the_first_card_of_who_applied_elsewhere_is_not_awaited_after_the_move() {
    let house = House::new();
    let person = Person::new("TEST-1").with_card("CARD-1", "2025-12-01");
    house.set_clock("2025-12-01T03:00:00Z");
    receive(&house, &person, &json!({})).unwrap();
    let out = RegisterChange { to: Some(ITAMI.parse().unwrap()), ..person.change(RegisterEvent::MoveOut) };
    house.authority.change(&municipality(SUGINAMI), &fresh(), &out).unwrap();
    house.authority.change(&municipality(ITAMI), &fresh(), &person.change(RegisterEvent::MoveIn)).unwrap();
    house.issue(&municipality(ITAMI), jitsuin::rules::Asked::New, &person.enrolment(&Kind::BOTH)).unwrap();
    house.set_clock("2026-03-02T03:00:00Z");
    assert_eq!(house.authority.run_deadlines(), Ok(1));
    assert_eq!((states(&house, &person), house.dossier(&person).cards[0].void), ([Live, Live], false));
    house.check();
}

#[test]
fn m_02_what_was_verified_in_time_is_not_carried_out_too_late() {
    let house = House::new();
    let person = moved(&house);
    house.set_clock("2026-03-01T03:00:00Z");
    let received = apply(&house, &person, &continued()).unwrap();
    lead(&house, &received.application, On::Verify).unwrap();
    house.set_clock("2026-03-02T03:00:00Z");
    assert_eq!(rule(lead(&house, &received.application, On::CarryOut)), "M-02", "before the timer comes by");
    assert_eq!(house.authority.run_deadlines(), Ok(1));
    assert_eq!(rule(lead(&house, &received.application, On::CarryOut)), "M-01", "the card is void");
    assert_eq!(states(&house, &person), [Revoked, Revoked]);
    let reject = json!({"event": "reject", "rule": "M-02"});
    house.authority.advance(&municipality(ITAMI), &fresh(), &received.application, &event(&reject)).unwrap();
    assert_eq!(rule(apply(&house, &person, &continued())), "M-01");
    house.check();
}

#[test]
fn m_01_a_card_that_is_void_suspended_expired_or_full_does_not_go_on_at_any_step() {
    let full = json!({"procedure": "continued-use", "applicant": "holder", "agent": null, "kinds": [],
        "presence": {"addendum_full": true}});
    let house = House::new();
    let person = moved(&house);
    let refused = refusal(apply(&house, &person, &full));
    assert!(refused.rule == "M-01" && refused.detail.contains("追記欄"), "{refused}");
    for ends in ["void", "suspended"] {
        let house = House::new();
        let person = moved(&house);
        let received = apply(&house, &person, &continued()).unwrap();
        lead(&house, &received.application, On::Verify).unwrap();
        if ends == "void" {
            let returned = person.revocation(Cause::CardReturned, None);
            house.authority.revoke(&municipality(ITAMI), &fresh(), &returned).unwrap();
        } else {
            let lost = jitsuin::authority::hold::HoldRequest { card: person.card() };
            house.authority.hold(&municipality(ITAMI), &fresh(), &lost).unwrap();
        }
        let before = (record_of(&house, &received), due(&house, &person));
        let refused = refusal(lead(&house, &received.application, On::CarryOut));
        assert_eq!((&*refused.rule, refused.case.as_deref()), ("M-01", Some("void")), "{ends}");
        assert!(refused.detail.contains(ends), "{refused}");
        assert_eq!((record_of(&house, &received), due(&house, &person)), before);
        assert_eq!(entries(&house).pop().unwrap().draft.action, "request.refused");
    }
    let house = House::new();
    let person = Person { card_last_day: Some(crate::town::day("2025-12-05")), ..Person::new("TEST-1") };
    house.pair(&person);
    house.change(&person, RegisterEvent::Move).unwrap();
    house.set_clock("2025-12-06T03:00:00Z");
    assert_eq!(rule(receive(&house, &person, &continued())), "M-01", "the card has expired");
}

#[test]
fn m_02_a_reply_about_a_card_that_waits_to_be_presented_is_due_before_the_card_is_void() {
    let by_agent = json!({"procedure": "continued-use", "kinds": []});
    // Told is the day before the ninetieth.
    let rows = [
        ("2025-12-05", "2026-01-04", None),
        ("2026-01-29", "2026-02-28", None),
        ("2026-01-30", "2026-02-28", Some("by 2026-02-28")),
        ("2026-02-27", "2026-02-28", Some("by 2026-02-28")),
        ("2026-02-28", "2026-02-28", Some("by 2026-02-28")),
        ("2026-03-01", "2026-03-01", Some("today (2026-03-01), the last day")),
    ];
    for (today, due, warned) in rows {
        let house = House::new();
        let person = moved(&house);
        house.set_clock(&format!("{today}T03:00:00Z"));
        let received = apply(&house, &person, &by_agent).unwrap();
        assert_eq!(received.visits, 2);
        let warned = warned.map(|by| format!("the card has to be presented {by}, or it is void"));
        let told: Vec<_> = received.warnings.into_iter().map(|one| (one.rule, one.detail)).collect();
        assert_eq!(told, Vec::from_iter(warned.map(|detail| ("M-02".into(), detail))), "{today}");
        let due = crate::town::day(due);
        assert_eq!(lead(&house, &received.application, On::SendInquiry).unwrap().due, Some(due), "{today}");
        assert_eq!(lead(&house, &received.application, On::MailReturned).unwrap().due, Some(due), "{today}");
        assert_eq!(lead(&house, &received.application, On::SendInquiry).unwrap().due, Some(due), "{today}");
        house.set_clock(&format!("{due}T03:00:00Z"));
        lead(&house, &received.application, On::ReplyHandedIn).unwrap();
        lead(&house, &received.application, On::Verify).unwrap();
        lead(&house, &received.application, On::CarryOut).unwrap();
        assert_eq!(self::due(&house, &person), None);
        house.check();
    }
    // A renewal has its whole term, and one visit no letter.
    let house = House::new();
    let person = moved(&house);
    house.set_clock("2026-02-27T03:00:00Z");
    assert!(apply(&house, &person, &continued()).unwrap().warnings.is_empty());
    let sign = json!({"procedure": "reissue", "kinds": ["sign"]});
    let received = apply(&house, &person, &sign).unwrap();
    let sent = lead(&house, &received.application, On::SendInquiry).unwrap();
    assert_eq!((received.warnings.len(), sent.due), (0, Some(crate::town::day("2026-03-29"))));
}

fn record_of(house: &House, received: &Received) -> jitsuin::ports::ApplicationRecord {
    house.store.applications().application(&received.application).unwrap().unwrap()
}

#[test]
fn m_01_what_is_printed_on_a_card_is_renewed_once() {
    let house = House::new();
    let person = Person::new("TEST-1");
    house.pair(&person);
    house.change(&person, RegisterEvent::NameChange).unwrap();
    let received = receive(&house, &person, &continued()).unwrap();
    let case = Case::new(person, &received, &[]);
    go(&house, &case, &[On::Verify, On::CarryOut]);
    assert_eq!(rule(receive(&house, &case.person, &continued())), "M-01");
    assert_eq!(states(&house, &case.person), [Live, Revoked]);
    house.change(&case.person, RegisterEvent::Move).unwrap();
    receive(&house, &case.person, &continued()).expect("something else has changed");
    house.check();
}

#[test]
fn m_01_presented_with_the_register_meanwhile_nothing_is_left_to_carry_out() {
    let house = House::new();
    let person = moved(&house);
    let received = apply(&house, &person, &continued()).unwrap();
    lead(&house, &received.application, On::Verify).unwrap();
    let presented =
        serde_json::from_value(json!({"card": person.card, "register_pin": true, "addendum_has_room": true}));
    let visit = RegisterChange { presented: Some(presented.unwrap()), ..person.change(RegisterEvent::ContinuedUse) };
    house.authority.change(&municipality(ITAMI), &fresh(), &visit).unwrap();
    assert_eq!(rule(lead(&house, &received.application, On::CarryOut)), "M-01");
    let house = house.reopen();
    assert_eq!(rule(house.authority.change(&municipality(ITAMI), &fresh(), &visit)), "M-01");
    house.check();
}

#[test]
fn m_01_a_face_authentication_card_goes_on_without_a_pin() {
    let house = House::new();
    let person = Person::new("TEST-1");
    house.pair(&person);
    house.revoke(&person, Cause::FaceAuthenticationOn, None).unwrap();
    house.change(&person, RegisterEvent::Move).unwrap();
    let received = receive(&house, &person, &continued()).unwrap();
    go(&house, &Case::new(person, &received, &[]), &[On::Verify, On::CarryOut]);
}

#[test]
fn e_09_a_face_authentication_card_that_is_new_to_the_service_is_recorded_as_the_counter_saw_it() {
    let house = House::new();
    let person = Person::new("TEST-1");
    let seen = json!({"procedure": "new-issue", "applicant": "holder", "agent": null, "kinds": ["auth"],
        "presence": {"face_authentication": true}});
    let received = receive(&house, &person, &seen).unwrap();
    let case = Case::new(person, &received, &[Kind::Auth]);
    go(&house, &case, &[On::Verify, On::GenerateKey, On::Send, On::Issue, On::WriteToCard, On::HandOver]);
    assert!(house.dossier(&case.person).cards[0].face_authentication);
    let sign = case.person.enrolment(&[Kind::Sign]);
    assert_eq!(rule(house.issue(&municipality(SUGINAMI), jitsuin::rules::Asked::New, &sign)), "E-09");
    house.change(&case.person, RegisterEvent::Move).unwrap();
    let no_pin = json!({"card": case.person.card, "register_pin": false, "addendum_has_room": true});
    let presented = Some(serde_json::from_value(no_pin).unwrap());
    let visit = RegisterChange { presented, ..case.person.change(RegisterEvent::ContinuedUse) };
    house.authority.change(&municipality(SUGINAMI), &fresh(), &visit).unwrap();
    house.check();
}
