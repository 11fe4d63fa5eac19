//! An event that waited, told again after it has taken effect: the answer says what that was.

use jitsuin::{
    authority::{
        change::{RegisterChange, RegisterEvent},
        end::AwaitedStep,
    },
    kind::Kind,
    rules::CertificateState::*,
};

use crate::{
    feed::*,
    house::{ITAMI, SUGINAMI, day, rule},
};

#[test]
fn an_arrival_that_waited_says_what_it_did_once_the_departure_has_come() {
    let (house, person) = housed();
    let arrival = event(&person, "I-1", "2026-03-26", RegisterEvent::MoveIn);
    let first = report(&house, ITAMI, &arrival).unwrap();
    assert_eq!(first.waits.as_ref().unwrap().rule, "E-02");
    assert_eq!(report(&house, ITAMI, &arrival).unwrap(), first, "it waits still");
    let out = report(&house, SUGINAMI, &out(&person, "S-1", "2026-03-20", ITAMI, "2026-03-25")).unwrap();
    assert_eq!(out.changes.len(), 1, "SIGN ended by the departure");
    let told = report(&house, ITAMI, &arrival).unwrap();
    assert_eq!((told.waits, told.changes.len()), (None, 0));
    let awaited = told.awaited.unwrap();
    assert_eq!((awaited.step, awaited.last_day), (AwaitedStep::CardPresented, day("2026-06-24")));
    assert_eq!(last_action(&house), "register.repeated");
    // Under the number nothing else can be told, and the past is not told as what is awaited.
    assert_eq!(rule(report(&house, ITAMI, &RegisterChange { order: Some(3), ..arrival.clone() })), "T-13");
    report(&house, ITAMI, &continued(&person, "I-2", "2026-03-30")).unwrap();
    assert_eq!(report(&house, ITAMI, &arrival).unwrap().awaited, None, "the card was presented");
    house.check();
}

#[test]
fn a_flawed_card_is_told_of_once_the_arrival_has_happened() {
    let (house, person) = housed();
    let mut arrival =
        RegisterChange { presented: presented(&person), ..event(&person, "I-1", "2026-03-26", RegisterEvent::MoveIn) };
    arrival.presented.iter_mut().for_each(|card| card.register_pin = false);
    assert_eq!(report(&house, ITAMI, &arrival).unwrap().not_continued, None);
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-03-20", ITAMI, "2026-03-25")).unwrap();
    assert_eq!(report(&house, ITAMI, &arrival).unwrap().not_continued.unwrap().rule, "M-01");
}

#[test]
fn what_ended_by_an_event_that_waited_is_told_with_its_day() {
    let (house, person) = housed();
    let death = event(&person, "I-2", "2026-03-28", RegisterEvent::Death);
    assert!(report(&house, ITAMI, &death).unwrap().waits.is_some());
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-03-20", ITAMI, "2026-03-25")).unwrap();
    assert!(report(&house, ITAMI, &death).unwrap().waits.is_some(), "not arrived yet");
    house.set_clock("2026-04-02T03:00:00Z");
    report(&house, ITAMI, &event(&person, "I-1", "2026-03-26", RegisterEvent::MoveIn)).unwrap();
    house.set_clock("2026-04-03T03:00:00Z");
    let told = report(&house, ITAMI, &death).unwrap();
    assert_eq!(
        (told.waits, told.rule.as_str(), told.recorded_at.to_string()),
        (None, "R-15", "2026-04-02T03:00:00Z".into())
    );
    let [auth] = &told.changes[..] else { panic!("AUTH alone ended by it: {:?}", told.changes) };
    assert_eq!((auth.kind, auth.state), (Kind::Auth, Revoked));
    assert_eq!(auth.invalidity_date.unwrap().to_string(), "2026-03-27T15:00:00Z");
    house.check();
}
