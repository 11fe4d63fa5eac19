//! Municipalities that the holder has nothing to do with, as far as is known yet: they learn nothing and change nothing, and what
//! they report has its effect once it turns out that the holder lived there.

use jitsuin::{
    authority::change::{RegisterChange, RegisterEvent},
    limits::{REGISTER_STRANGERS_WAITING, REGISTER_WAITING, REGISTER_WAITING_OF_STRANGER},
    ports::CardNumber,
    rules::CertificateState::*,
};

use crate::{
    feed::*,
    house::{House, ITAMI, Person, SUGINAMI, day, rule},
};

/// What anybody can see, and what the holder has.
fn seen(house: &House, person: &Person) -> String {
    format!("{} {:?}", outcome(house, person), (notices(house, SUGINAMI), notices(house, ITAMI)))
}

#[test]
fn a_stranger_is_told_the_same_whatever_is_true_and_nothing_changes() {
    let (house, person) = housed();
    let before = seen(&house, &person);
    let mut card = continued(&person, "I-5", "2026-03-20");
    card.presented.as_mut().unwrap().card = CardNumber::parse("CARD-9").unwrap();
    let mut no_pin = continued(&person, "I-6", "2026-03-20");
    no_pin.presented.as_mut().unwrap().register_pin = false;
    let mut told = std::collections::BTreeSet::new();
    for change in [
        event(&person, "I-1", "2026-03-20", RegisterEvent::Move),
        event(&person, "I-2", "2026-03-20", RegisterEvent::Death),
        event(&person, "I-3", "1970-01-01", RegisterEvent::Move),
        continued(&person, "I-4", "2026-03-20"),
        card,
        no_pin,
        event(&person, "I-7", "2026-03-20", RegisterEvent::MoveInMissed),
        event(&person, "I-8", "2026-03-20", RegisterEvent::OverseasMove),
        out(&person, "I-9", "2026-03-20", SUGINAMI, "2026-03-25"),
    ] {
        let by_hand = RegisterChange { number: None, planned: None, ..change.clone() };
        assert_eq!(rule(report(&house, ITAMI, &by_hand)), "E-02", "{by_hand:?}");
        let effects = report(&house, ITAMI, &change).unwrap();
        assert!(effects.changes.is_empty() && effects.not_continued.is_none() && effects.awaited.is_none());
        told.insert(effects.waits.expect("it waits").to_string());
        assert_eq!(seen(&house, &person), before, "{change:?}");
        assert_eq!(last_action(&house), "register.waiting");
    }
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(house.authority.run_deadlines(), Ok(0));
    assert_eq!(seen(&house, &person), before);
    house.check();
}

#[test]
fn a_stranger_is_not_told_what_is_presented_with_an_arrival_or_when_the_holder_was_born() {
    let (house, person) = housed();
    let arrival = |number, card: &str, on| RegisterChange {
        presented: presented(&person)
            .map(|one| jitsuin::authority::change::Presented { card: CardNumber::parse(card).unwrap(), ..one }),
        ..event(&person, number, on, RegisterEvent::MoveIn)
    };
    let own = person.card();
    let first = report(&house, ITAMI, &arrival("I-1", own.as_str(), "2026-03-20")).unwrap();
    for (number, card, on) in [("I-2", "CARD-9", "2026-03-20"), ("I-3", own.as_str(), "1970-01-01")] {
        let other = report(&house, ITAMI, &arrival(number, card, on)).unwrap();
        assert_eq!((other.waits, other.not_continued), (first.waits.clone(), None), "{card} {on}");
        let by_hand = RegisterChange { number: None, ..arrival("I-9", card, on) };
        assert_eq!(rule(report(&house, ITAMI, &by_hand)), "E-02");
    }
}

#[test]
fn what_comes_before_the_holder_is_known_to_live_there_has_its_effect_when_that_is_known() {
    let events = |person: &Person| {
        vec![
            (SUGINAMI, out(person, "S-1", "2026-03-20", ITAMI, "2026-03-25")),
            (ITAMI, event(person, "I-1", "2026-03-26", RegisterEvent::MoveIn)),
            (ITAMI, event(person, "I-2", "2026-03-28", RegisterEvent::NameChange)),
            (ITAMI, out(person, "I-3", "2026-03-29", "13113", "2026-03-30")),
            ("13113", event(person, "B-1", "2026-03-30", RegisterEvent::MoveIn)),
            ("13113", event(person, "B-2", "2026-03-31", RegisterEvent::Death)),
        ]
    };
    let in_order = {
        let (house, person) = housed();
        events(&person).iter().for_each(|(from, change)| drop(report(&house, from, change).unwrap()));
        outcome(&house, &person)
    };
    let (house, person) = housed();
    for (from, change) in events(&person).iter().skip(1).rev() {
        assert_eq!(report(&house, from, change).unwrap().waits.unwrap().rule, "E-02", "{change:?}");
        assert_eq!(states(&house, &person), (Live, Live));
    }
    report(&house, SUGINAMI, &events(&person)[0].1).unwrap();
    assert_eq!(states(&house, &person), (Revoked, Revoked));
    assert_eq!(outcome(&house, &person), in_order);
    house.check();
}

#[test]
fn what_was_reported_of_a_day_on_which_the_holder_lived_elsewhere_never_happens() {
    let (house, person) = housed();
    report(&house, ITAMI, &event(&person, "I-1", "2026-03-25", RegisterEvent::Death)).unwrap();
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-03-20", ITAMI, "2026-03-26")).unwrap();
    report(&house, ITAMI, &event(&person, "I-2", "2026-03-26", RegisterEvent::MoveIn)).unwrap();
    assert_eq!(states(&house, &person), (Live, Revoked));
    assert!(house.dossier(&person).holder.registered);
    house.check();
}

#[test]
fn strangers_have_a_part_of_the_room_and_each_of_them_a_part_of_that() {
    let (house, person) = housed();
    let waits = |from: &str, number: usize| {
        report(&house, from, &event(&person, &format!("X-{number}"), "2026-03-20", RegisterEvent::NameChange))
    };
    for from in [ITAMI, "13113"] {
        for number in 0..REGISTER_WAITING_OF_STRANGER {
            assert!(waits(from, number).unwrap().waits.is_some(), "{from} {number}");
        }
        assert_eq!(rule(waits(from, 1000)), "E-02", "{from}");
    }
    assert_eq!(2 * REGISTER_WAITING_OF_STRANGER, REGISTER_STRANGERS_WAITING);
    assert_eq!(rule(waits("01101", 0)), "E-02", "of all strangers together");
    let own = |number: usize| {
        let change = RegisterEvent::Registration;
        report(&house, SUGINAMI, &event(&person, &format!("S-{number}"), "2026-03-20", change))
    };
    for number in 0..REGISTER_WAITING - REGISTER_STRANGERS_WAITING {
        assert!(own(number).unwrap().waits.is_some(), "{number}");
    }
    assert_eq!(rule(own(1000)), "E-01", "the whole room");
    // Who turns out to have to do with the holder has room again.
    report(&house, SUGINAMI, &out(&person, "S-9999", "2026-03-19", ITAMI, "2026-03-25")).unwrap();
    report(&house, ITAMI, &event(&person, "I-1", "2026-03-20", RegisterEvent::MoveIn)).unwrap();
    assert_eq!(house.dossier(&person).holder.municipality.to_string(), ITAMI);
    house.check();
}

/// A registration of a day, after the death that Suginami recorded on 20 March, in either order of arrival.
fn registered_on(from: &str, on: &str) -> [bool; 2] {
    [false, true].map(|first| {
        let (house, person) = housed();
        let death = event(&person, "S-1", "2026-03-20", RegisterEvent::Death);
        let again = event(&person, "X-1", on, RegisterEvent::Registration);
        if first {
            assert_eq!(report(&house, from, &again).unwrap().waits.unwrap().rule, "E-01");
        }
        report(&house, SUGINAMI, &death).unwrap();
        if !first {
            let effects = report(&house, from, &again).unwrap();
            assert_eq!(effects.waits.is_none(), house.dossier(&person).holder.registered);
        }
        house.check();
        let holder = house.dossier(&person).holder;
        assert_eq!(holder.municipality.to_string(), if holder.registered { from } else { SUGINAMI });
        holder.registered
    })
}

#[test]
fn e_01_a_registration_by_another_municipality_is_of_a_later_day_than_what_it_follows() {
    assert_eq!(registered_on(ITAMI, "2026-03-19"), [false; 2]);
    assert_eq!(registered_on(ITAMI, "2026-03-20"), [false; 2], "of the same day");
    assert_eq!(registered_on(ITAMI, "2026-03-21"), [true; 2]);
    assert_eq!(registered_on(SUGINAMI, "2026-03-20"), [true; 2], "who recorded it may take it back on that day");
    let (house, person) = housed();
    report(&house, SUGINAMI, &event(&person, "S-1", "2026-04-01", RegisterEvent::OverseasMove)).unwrap();
    let by_hand = RegisterChange { event_day: Some(day("2026-04-01")), ..person.change(RegisterEvent::Registration) };
    assert_eq!(rule(report(&house, ITAMI, &by_hand)), "E-01");
    house.set_clock("2026-04-02T03:00:00Z");
    report(&house, ITAMI, &person.change(RegisterEvent::Registration)).unwrap();
    assert_eq!(house.dossier(&person).holder.municipality.to_string(), ITAMI);
}
