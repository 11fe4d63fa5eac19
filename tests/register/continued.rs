//! Moving in with a card that does not go on: the holder is here all the same (M-01).

use jitsuin::{
    authority::{
        change::{Presented, RegisterChange, RegisterEvent},
        end::AwaitedStep,
    },
    ports::CardNumber,
    rules::CertificateState::*,
};

use crate::{
    feed::*,
    house::{House, ITAMI, Person, SUGINAMI, day, municipality, refusal, rule},
};

/// The holder moves to Itami on 1 April, as Suginami announced.
fn leaving() -> (House, Person) {
    let (house, person) = housed();
    report(&house, SUGINAMI, &announcement(&person)).unwrap();
    (house, person)
}

fn announcement(person: &Person) -> RegisterChange {
    out(person, "S-1", "2026-03-20", ITAMI, "2026-03-25")
}

fn arrival(person: &Person, edit: impl Fn(&mut Presented)) -> RegisterChange {
    let mut presented = presented(person);
    presented.iter_mut().for_each(edit);
    RegisterChange { presented, ..event(person, "I-1", "2026-03-26", RegisterEvent::MoveIn) }
}

fn flawed(person: &Person) -> Vec<(&'static str, RegisterChange)> {
    vec![
        ("PIN", arrival(person, |card| card.register_pin = false)),
        ("追記欄", arrival(person, |card| card.addendum_has_room = false)),
        ("no such card", arrival(person, |card| card.card = CardNumber::parse("CARD-9").unwrap())),
    ]
}

#[test]
fn m_01_whatever_is_wrong_with_the_card_the_holder_has_moved_in_and_has_until_the_deadline() {
    for by_hand in [false, true] {
        for place in 0..3 {
            let (house, person) = leaving();
            let (words, mut change) = flawed(&person).swap_remove(place);
            if by_hand {
                change = RegisterChange { number: None, notified: change.event_day, ..change };
            }
            let effects = report(&house, ITAMI, &change).unwrap();
            let refusal = effects.not_continued.expect("what is wrong with the card is told");
            assert!(refusal.rule == "M-01" && refusal.detail.contains(words), "{refusal}");
            assert_eq!(effects.waits, None);
            let awaited = effects.awaited.expect("what is to be done is told");
            assert_eq!((awaited.step, awaited.last_day), (AwaitedStep::CardPresented, day("2026-06-24")), "{words}");
            assert_eq!(house.dossier(&person).holder.municipality.to_string(), ITAMI);
            assert_eq!(states(&house, &person), (Live, Revoked));
            // Nothing is continued: the ninety days run, and then the card is void.
            house.set_clock("2026-06-24T03:00:00Z");
            assert_eq!(house.authority.run_deadlines(), Ok(0));
            house.set_clock("2026-06-24T15:00:00Z");
            assert_eq!(house.authority.run_deadlines(), Ok(1));
            assert_eq!((states(&house, &person), house.dossier(&person).cards[0].void), ((Revoked, Revoked), true));
            house.check();
        }
    }
}

#[test]
fn m_01_the_card_goes_on_when_what_was_missing_is_there() {
    for place in 0..3 {
        let (house, person) = leaving();
        let (_, change) = flawed(&person).swap_remove(place);
        report(&house, ITAMI, &change).unwrap();
        report(&house, ITAMI, &continued(&person, "I-2", "2026-03-30")).unwrap();
        assert_eq!(house.store.register().deadline(&person.holder()).unwrap(), None);
        assert_eq!(states(&house, &person), (Live, Revoked));
    }
    let (house, person) = leaving();
    let effects = report(&house, ITAMI, &arrival(&person, |_| {})).unwrap();
    assert_eq!((effects.not_continued, effects.awaited), (None, None), "a card in order goes on at once");
}

#[test]
fn m_01_a_card_that_has_expired_or_is_void_does_not_go_on() {
    let (house, person) = leaving();
    house.set_clock("2036-03-01T03:00:00Z");
    let late = RegisterChange { moved_in: None, ..arrival(&person, |_| {}) };
    let late = RegisterChange { event_day: Some(day("2036-02-20")), number: None, ..late };
    assert_eq!(rule(report(&house, ITAMI, &late)), "M-01", "ten years from the plan");

    let (house, person) = leaving();
    house.authority.revoke(&crate::house::municipality(SUGINAMI), &house.once(), &returned(&person)).unwrap();
    let by_hand = RegisterChange { number: None, ..arrival(&person, |_| {}) };
    let effects = report(&house, ITAMI, &by_hand).unwrap();
    assert_eq!(effects.not_continued.unwrap().rule, "M-01");
    assert_eq!(house.dossier(&person).holder.municipality.to_string(), ITAMI);
}

fn returned(person: &Person) -> jitsuin::authority::revoke::RevocationRequest {
    person.revocation(jitsuin::rules::Cause::CardReturned, None)
}

#[test]
fn m_01_r_18_a_notice_that_comes_too_late_says_so_and_the_next_turn_voids_the_card() {
    let (house, person) = leaving();
    let late = RegisterChange { moved_in: Some(day("2026-03-10")), ..arrival(&person, |_| {}) };
    let effects = report(&house, ITAMI, &late).unwrap();
    let refusal = effects.not_continued.unwrap();
    assert!(refusal.rule == "M-01" && refusal.detail.contains("too late"), "{refusal}");
    assert_eq!(effects.awaited, None, "nothing helps any more");
    assert_eq!(states(&house, &person), (Live, Revoked));
    assert_eq!(house.authority.run_deadlines(), Ok(1));
    assert_eq!((states(&house, &person), house.dossier(&person).cards[0].void), ((Revoked, Revoked), true));
}

#[test]
fn m_01_an_arrival_that_comes_twice_or_first_leaves_the_same() {
    for place in 0..3 {
        let (house, person) = leaving();
        let (_, change) = flawed(&person).swap_remove(place);
        let first = report(&house, ITAMI, &change).unwrap();
        assert_eq!(report(&house, ITAMI, &change).unwrap(), first, "twice");
        let in_order = outcome(&house, &person);

        let (house, person) = housed();
        let waits = report(&house, ITAMI, &change).unwrap();
        assert_eq!(
            (waits.waits.unwrap().rule.as_ref(), waits.not_continued),
            ("E-02", None),
            "told when it has happened"
        );
        report(&house, SUGINAMI, &announcement(&person)).unwrap();
        assert_eq!(outcome(&house, &person), in_order);
    }
}

/// The card is, or is not, a face-authentication card by the service's own record; and what the counter says.
fn shown(recorded: bool, said: Option<bool>, pin: bool) -> (House, Person, RegisterChange) {
    let (house, person) = housed();
    if recorded {
        house.revoke(&person, jitsuin::rules::Cause::FaceAuthenticationOn, None).unwrap();
    }
    report(&house, SUGINAMI, &announcement(&person)).unwrap();
    let change = arrival(&person, |card| (card.face_authentication, card.register_pin) = (said, pin));
    (house, person, change)
}

#[test]
fn m_01_whether_a_pin_is_needed_is_as_the_service_has_recorded_the_card() {
    for (recorded, said, pin, goes_on) in [
        (true, None, false, true),
        (true, Some(true), false, true),
        (true, None, true, true),
        (true, Some(false), false, false),
        (true, Some(false), true, false),
        (false, None, false, false),
        (false, Some(true), false, false),
        (false, Some(true), true, false),
        (false, Some(false), true, true),
    ] {
        let (house, person, change) = shown(recorded, said, pin);
        let effects = report(&house, ITAMI, &change).unwrap();
        let refused = effects.not_continued.map(|refusal| refusal.rule);
        assert_eq!(refused.is_none(), goes_on, "{recorded} {said:?} {pin}");
        assert!(refused.is_none_or(|rule| rule == "M-01"));
        assert_eq!(house.store.register().deadline(&person.holder()).unwrap().is_none(), goes_on);

        // A visit about the card alone is refused whole.
        let (house, person, change) = shown(recorded, said, pin);
        report(&house, ITAMI, &RegisterChange { presented: None, ..change.clone() }).unwrap();
        let visit = RegisterChange { presented: change.presented, ..continued(&person, "I-2", "2026-03-30") };
        let told = report(&house, ITAMI, &visit);
        if goes_on {
            told.unwrap();
        } else {
            assert_eq!(rule(told), "M-01", "{recorded} {said:?} {pin}");
        }
        house.check();
    }
}

#[test]
fn m_01_a_card_is_written_on_once_after_a_change_within_the_municipality() {
    let (house, person) = housed();
    let visit = |number| continued(&person, number, "2026-03-30");
    assert_eq!(report(&house, SUGINAMI, &visit("S-5")).unwrap().waits.unwrap().rule, "M-01", "nothing was changed");
    let by_hand = RegisterChange { number: None, event_day: None, ..visit("S-5") };
    assert_eq!(rule(report(&house, SUGINAMI, &by_hand)), "M-01");
    report(&house, SUGINAMI, &event(&person, "S-1", "2026-03-31", RegisterEvent::NameChange)).unwrap();
    report(&house, SUGINAMI, &by_hand).unwrap();
    assert_eq!(rule(report(&house, SUGINAMI, &by_hand)), "M-01", "it is done");
    assert_eq!(states(&house, &person), (Live, Revoked));
}

#[test]
fn m_01_a_visit_about_the_card_alone_is_refused_whole() {
    let (house, person) = leaving();
    report(&house, ITAMI, &RegisterChange { presented: None, ..arrival(&person, |_| {}) }).unwrap();
    let before = outcome(&house, &person);
    let with = |edit: fn(&mut Presented)| {
        let mut change = continued(&person, "I-2", "2026-03-30");
        change.presented.iter_mut().for_each(edit);
        rule(report(&house, ITAMI, &change))
    };
    assert_eq!(with(|card| card.register_pin = false), "M-01");
    assert_eq!(with(|card| card.addendum_has_room = false), "M-01");
    assert_eq!(with(|card| card.card = CardNumber::parse("CARD-9").unwrap()), "T-09");
    assert_eq!(outcome(&house, &person), before);
}

fn suspend(house: &House, person: &Person, town: &str) {
    let card = jitsuin::authority::hold::HoldRequest { card: person.card() };
    house.authority.hold(&municipality(town), &house.once(), &card).unwrap();
}

#[test]
fn m_01_e_03_a_suspended_card_does_not_go_on_by_the_feed_either() {
    let (house, person) = leaving();
    report(&house, ITAMI, &RegisterChange { presented: None, ..arrival(&person, |_| {}) }).unwrap();
    suspend(&house, &person, ITAMI);
    let before = outcome(&house, &person);
    let today = continued(&person, "I-2", "2026-04-01");
    for change in [today.clone(), RegisterChange { number: None, event_day: None, ..today.clone() }] {
        let refused = refusal(report(&house, ITAMI, &change));
        assert_eq!((&*refused.rule, refused.case.as_deref()), ("M-01", Some("void")), "{refused}");
        assert!(refused.detail.contains("suspended") && refused.detail.contains("release"), "{refused}");
        assert_eq!(outcome(&house, &person), before);
    }
    // The day before it was not suspended yet.
    report(&house, ITAMI, &continued(&person, "I-3", "2026-03-31")).unwrap();
    assert_eq!(house.store.register().deadline(&person.holder()).unwrap(), None);
}

#[test]
fn m_01_e_03_who_moves_in_with_a_suspended_card_has_until_the_deadline_to_have_it_released() {
    let (house, person) = leaving();
    suspend(&house, &person, SUGINAMI);
    house.set_clock("2026-04-05T03:00:00Z");
    let late = |number, on| RegisterChange { event_day: Some(day(on)), ..renumbered(arrival(&person, |_| {}), number) };
    let effects = report(&house, ITAMI, &late("I-1", "2026-04-04")).unwrap();
    let refused = effects.not_continued.expect("what is wrong with the card is told");
    assert_eq!((&*refused.rule, refused.case.as_deref()), ("M-01", Some("void")));
    assert_eq!(effects.awaited.map(|awaited| awaited.step), Some(AwaitedStep::CardPresented));
    assert_eq!(house.dossier(&person).holder.municipality.to_string(), ITAMI);
    let card = jitsuin::authority::hold::HoldRequest { card: person.card() };
    house.authority.release(&municipality(ITAMI), &house.once(), &card).unwrap();
    report(&house, ITAMI, &continued(&person, "I-2", "2026-04-05")).unwrap();
    assert_eq!((states(&house, &person), house.authority.run_deadlines()), ((Live, Revoked), Ok(0)));
    assert_eq!(house.store.register().deadline(&person.holder()).unwrap(), None);
}

fn renumbered(change: RegisterChange, number: &str) -> RegisterChange {
    RegisterChange { number: Some(jitsuin::ports::EventNumber::parse(number).unwrap()), ..change }
}

#[test]
fn m_01_a_card_that_goes_on_already_is_refused_in_those_words() {
    let (house, person) = leaving();
    report(&house, ITAMI, &arrival(&person, |_| {})).unwrap();
    let again = RegisterChange { number: None, event_day: None, ..continued(&person, "I-2", "2026-04-01") };
    let refused = refusal(report(&house, ITAMI, &again));
    assert_eq!((&*refused.rule, refused.case.as_deref()), ("M-01", Some("done")));
    let (house, person) = housed();
    let refused = refusal(report(&house, SUGINAMI, &again));
    assert_eq!((&*refused.rule, refused.case.as_deref()), ("M-01", Some("no-move")), "{}", person.reference);
}
