//! What cannot be is refused by its rule: nothing changes, and the attempt is in the audit.

use jitsuin::{
    authority::{
        Actor,
        change::{Presented, RegisterChange, RegisterEvent},
    },
    ports::{CardNumber, EventNumber},
    rules::CertificateState::*,
};

use crate::{
    feed::*,
    house::{House, ITAMI, Person, SUGINAMI, day, municipality, operator, relying_party, rule},
};

fn everything(house: &House, person: &Person) -> String {
    let entries = house.store.register().register_entries(&person.holder()).unwrap();
    format!("{:?} {entries:?} {:?}", house.dossier(person), notices(house, SUGINAMI))
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing_but_the_audit() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &event(&person, "S-1", "2026-03-20", RegisterEvent::MinorCorrection)).unwrap();
    let before = everything(&house, &person);
    let change = |what| event(&person, "S-2", "2026-03-20", what);
    let moving = || out(&person, "S-2", "2026-03-20", ITAMI, "2026-03-25");
    let on = |text: &str| Some(day(text));
    let card = |edit: fn(&mut Presented)| {
        let mut change = continued(&person, "S-2", "2026-03-20");
        change.presented.iter_mut().for_each(edit);
        change
    };
    let rows: Vec<(&str, &str, RegisterChange)> = vec![
        ("T-09", SUGINAMI, event(&Person::new("TEST-9"), "S-2", "2026-03-20", RegisterEvent::Move)),
        ("E-02", ITAMI, RegisterChange { number: None, ..change(RegisterEvent::Move) }),
        ("E-02", ITAMI, RegisterChange { number: None, ..change(RegisterEvent::Death) }),
        ("E-02", ITAMI, RegisterChange { number: None, ..continued(&person, "S-2", "2026-03-20") }),
        ("E-02", "01101", change(RegisterEvent::Registration)),
        ("T-13", SUGINAMI, event(&person, "S-1", "2026-03-20", RegisterEvent::Move)),
        ("T-13", SUGINAMI, event(&person, "S-1", "2026-03-21", RegisterEvent::MinorCorrection)),
        ("T-13", SUGINAMI, event(&Person::new("TEST-9"), "S-1", "2026-03-20", RegisterEvent::MinorCorrection)),
        ("R-01", SUGINAMI, event(&person, "S-2", "1980-02-16", RegisterEvent::Move)),
        ("R-01", SUGINAMI, event(&person, "S-2", "2026-04-02", RegisterEvent::Move)),
        ("R-01", SUGINAMI, RegisterChange { notified: on("2026-04-02"), ..change(RegisterEvent::Move) }),
        ("R-01", SUGINAMI, RegisterChange { notified: on("2026-03-19"), ..change(RegisterEvent::Move) }),
        ("R-16", SUGINAMI, change(RegisterEvent::MoveOut)),
        ("R-16", SUGINAMI, RegisterChange { planned: None, ..moving() }),
        ("R-16", SUGINAMI, RegisterChange { planned: on("2027-03-22"), ..moving() }),
        ("R-16", SUGINAMI, RegisterChange { planned: on("2025-03-18"), ..moving() }),
        ("R-16", SUGINAMI, RegisterChange { to: Some(SUGINAMI.parse().unwrap()), ..moving() }),
        ("E-02", SUGINAMI, RegisterChange { to: Some("99999".parse().unwrap()), ..moving() }),
        ("R-16", SUGINAMI, RegisterChange { planned: on("2026-03-25"), ..change(RegisterEvent::Move) }),
        ("M-01", SUGINAMI, RegisterChange { moved_in: on("2026-03-19"), ..change(RegisterEvent::Move) }),
        ("M-01", SUGINAMI, RegisterChange { moved_in: on("2026-03-21"), ..change(RegisterEvent::MoveIn) }),
        ("M-01", SUGINAMI, RegisterChange { presented: presented(&person), ..change(RegisterEvent::Death) }),
        ("M-01", SUGINAMI, change(RegisterEvent::ContinuedUse)),
        ("M-01", SUGINAMI, card(|card| card.register_pin = false)),
        ("M-01", SUGINAMI, card(|card| card.addendum_has_room = false)),
        ("T-09", SUGINAMI, card(|card| card.card = CardNumber::parse("CARD-9").unwrap())),
        ("R-13", SUGINAMI, RegisterChange { birth: on("1980-02-18"), ..change(RegisterEvent::Move) }),
        ("E-01", SUGINAMI, RegisterChange { birth: on("2026-04-02"), ..change(RegisterEvent::Correction) }),
    ];
    for (expected, from, change) in rows {
        assert_eq!(rule(report(&house, from, &change)), expected, "{change:?}");
        assert_eq!(everything(&house, &person), before, "{change:?}");
        assert_eq!(last_action(&house), "request.refused", "{change:?}");
    }
    for actor in [operator(), relying_party(), Actor::service()] {
        let refused = house.authority.change(&actor, &house.once(), &change(RegisterEvent::Death));
        assert_eq!(rule(refused), "E-02", "{actor:?}");
        assert_eq!(rule(house.authority.notices(&actor, None)), "E-02");
        assert_eq!(rule(house.authority.notices_due(&actor, None, None)), "E-02");
        assert_eq!(rule(house.authority.forecast(&actor, (None, None))), "E-02");
    }
    assert_eq!(everything(&house, &person), before);
    house.check();
}

#[test]
fn moving_in_more_than_a_year_from_the_plan_waits_and_by_hand_is_refused() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &out(&person, "S-1", "2025-11-01", ITAMI, "2025-03-01")).unwrap();
    let arrival = event(&person, "I-1", "2026-03-26", RegisterEvent::MoveIn);
    let by_hand = RegisterChange { number: None, ..arrival.clone() };
    assert_eq!(rule(report(&house, ITAMI, &by_hand)), "M-01");
    assert_eq!(report(&house, ITAMI, &arrival).unwrap().waits.unwrap().rule, "M-01");
    assert_eq!(house.dossier(&person).holder.municipality.to_string(), SUGINAMI);
}

#[test]
fn words_and_days_that_do_not_exist_cannot_be_read() {
    let base = r#"{"holder":"TEST-1","change":"move","number":"S-1","event_day":"2026-03-20"}"#;
    assert!(serde_json::from_str::<RegisterChange>(base).is_ok());
    for (from, to) in [
        ("2026-03-20", "2026-02-30"),
        ("2026-03-20", "2027-02-29"),
        ("\"move\"", "\"moved\""),
        ("\"move\"", "\"before\""),
        ("S-1", "S 1"),
        ("S-1", "1234-5678-9012"),
        ("S-1", ""),
        ("event_day", "day"),
    ] {
        let text = base.replacen(from, to, 1);
        assert!(serde_json::from_str::<RegisterChange>(&text).is_err(), "{text}");
    }
    assert!(EventNumber::parse("x".repeat(65)).is_err());
}

#[test]
fn so_many_events_of_one_holder_may_wait_and_no_more() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &out(&person, "S-0", "2026-03-18", ITAMI, "2026-03-25")).unwrap();
    let waits = |number: usize| {
        let change = event(&person, &format!("I-{number}"), "2026-03-20", RegisterEvent::NameChange);
        report(&house, ITAMI, &change)
    };
    for number in 0..jitsuin::limits::REGISTER_WAITING {
        assert!(waits(number).unwrap().waits.is_some(), "{number}");
    }
    assert_eq!(rule(waits(1000)), "E-02");
    assert_eq!(states(&house, &person), (Live, Revoked));
    report(&house, SUGINAMI, &event(&person, "S-1", "2026-03-20", RegisterEvent::OverseasMove)).unwrap();
    assert_eq!(states(&house, &person), (Revoked, Revoked), "the municipality of residence is not kept from reporting");
    house.check();
}

#[test]
fn a_municipality_marks_its_own_notices_only() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &event(&person, "S-1", "2026-03-20", RegisterEvent::Move)).unwrap();
    let sent = |from, number| house.authority.notice_sent(&municipality(from), &house.once(), number);
    assert_eq!(rule(sent(ITAMI, 1)), "T-09");
    assert_eq!(rule(sent(SUGINAMI, 2)), "T-09");
    assert_eq!(rule(sent(SUGINAMI, u64::MAX)), "T-09");
    assert_eq!(notices(&house, SUGINAMI).len(), 1);
    assert_eq!(last_action(&house), "request.refused");
}
