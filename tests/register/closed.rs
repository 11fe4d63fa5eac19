//! C-09: the statute counts, people are told a day earlier, and a closed last day carries over where the town lets it.

use jitsuin::{
    authority::{
        change::{RegisterChange, RegisterEvent},
        end::AwaitedStep,
    },
    kind::Kind,
    rules::{CertificateState::*, Counters, counter::Town, procedure::CounterPolicy},
};

use crate::{
    feed::*,
    house::{House, ITAMI, Person, SUGINAMI, day, rule},
};

/// A town that lets closed days carry over, beside others that do not.
fn carrying(town: &str) -> Counters {
    let counter = CounterPolicy { closed_days_carry_over: true, ..CounterPolicy::default() };
    Counters { towns: [(town.parse().unwrap(), Town { counter, ..Town::default() })].into(), ..Counters::default() }
}

/// A resident who moved to Itami by a notice of Sunday, 2026-04-05: ninety days later it is Saturday, 2026-07-04.
fn moved(counters: Counters) -> (House, Person, RegisterChange) {
    let (house, person) = housed();
    let house = house.reopen_under(counters);
    house.set_clock("2026-04-05T03:00:00Z");
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-04-01", ITAMI, "2026-04-01")).unwrap();
    let arrival = noticed(event(&person, "I-1", "2026-04-05", RegisterEvent::MoveIn));
    (house, person, arrival)
}

fn due(house: &House, person: &Person) -> Option<jitsuin::rules::Day> {
    house.store.register().deadline(&person.holder()).unwrap()
}

#[test]
fn c_09_people_are_told_the_day_before_the_law_s_and_the_law_s_day_counts() {
    let (house, person, arrival) = moved(Counters::default());
    let told = report(&house, ITAMI, &arrival).unwrap().awaited.unwrap();
    assert_eq!((told.step, told.by, told.last_day), (AwaitedStep::CardPresented, day("2026-07-03"), day("2026-07-04")));
    assert_eq!(report(&house, ITAMI, &arrival).unwrap().awaited, Some(told), "told again");
    assert_eq!(due(&house, &person), Some(day("2026-07-05")));
    house.set_clock("2026-07-05T03:00:00Z");
    assert_eq!(house.authority.run_deadlines(), Ok(1));
    assert_eq!(states(&house, &person), (Revoked, Revoked));
}

#[test]
fn c_09_a_closed_last_day_carries_over_in_the_town_that_lets_it() {
    let (house, person, arrival) = moved(carrying(ITAMI));
    let told = report(&house, ITAMI, &arrival).unwrap().awaited.unwrap();
    assert_eq!(
        (told.by, told.last_day),
        (day("2026-07-03"), day("2026-07-06")),
        "the earlier day is told all the same"
    );
    assert_eq!(due(&house, &person), Some(day("2026-07-07")));
    house.set_clock("2026-07-06T03:00:00Z");
    assert_eq!(house.authority.run_deadlines(), Ok(0));
    assert_eq!(states(&house, &person), (Live, Revoked));
    let on_monday = RegisterChange { number: None, ..continued(&person, "I-2", "2026-07-06") };
    report(&house, ITAMI, &on_monday).unwrap();
    assert_eq!(due(&house, &person), None);
    house.set_clock("2026-08-01T03:00:00Z");
    assert_eq!((house.authority.run_deadlines(), states(&house, &person).0), (Ok(0), Live));
}

#[test]
fn c_09_on_the_day_after_the_next_open_one_it_is_too_late_there_too() {
    let (house, person, arrival) = moved(carrying(ITAMI));
    report(&house, ITAMI, &arrival).unwrap();
    house.set_clock("2026-07-07T03:00:00Z");
    let late = RegisterChange { number: None, ..continued(&person, "I-2", "2026-07-07") };
    assert_eq!(rule(report(&house, ITAMI, &late)), "M-02");
    assert_eq!(house.authority.run_deadlines(), Ok(1));
    assert_eq!(states(&house, &person), (Revoked, Revoked));
    assert_eq!(house.authority.run_deadlines(), Ok(0), "once");
}

#[test]
fn c_09_it_is_the_new_town_s_setting_that_counts() {
    let (house, person, arrival) = moved(carrying(SUGINAMI));
    assert_eq!(report(&house, ITAMI, &arrival).unwrap().awaited.unwrap().last_day, day("2026-07-04"));
    house.set_clock("2026-07-06T03:00:00Z");
    let late = RegisterChange { number: None, ..continued(&person, "I-2", "2026-07-06") };
    assert_eq!(rule(report(&house, ITAMI, &late)), "M-02");
}

#[test]
fn what_is_awaited_is_told_after_a_move_and_after_nothing_else() {
    let (house, person) = housed();
    let leaving = report(&house, SUGINAMI, &out(&person, "S-1", "2026-04-01", ITAMI, "2026-04-10")).unwrap();
    let told = leaving.awaited.unwrap();
    assert_eq!((told.step, told.by, told.last_day), (AwaitedStep::MoveInNotice, day("2026-05-09"), day("2026-05-10")));
    let json = serde_json::to_value(told).unwrap();
    assert_eq!(json, serde_json::json!({"step": "move-in-notice", "by": "2026-05-09", "last_day": "2026-05-10"}));
    let renamed = report(&house, SUGINAMI, &event(&person, "S-2", "2026-04-01", RegisterEvent::NameChange)).unwrap();
    assert_eq!(renamed.awaited, None);
    let arrival =
        RegisterChange { presented: presented(&person), ..event(&person, "I-1", "2026-04-01", RegisterEvent::MoveIn) };
    assert_eq!(report(&house, ITAMI, &arrival).unwrap().awaited, None, "the card was presented at once");
    // Who has died awaits nothing, and an event that waits promises nothing.
    let (house, person) = housed();
    let early = report(&house, ITAMI, &event(&person, "I-1", "2026-04-01", RegisterEvent::MoveIn));
    assert!(early.is_err() || early.unwrap().awaited.is_none());
    report(&house, SUGINAMI, &event(&person, "S-1", "2026-03-01", RegisterEvent::Death)).unwrap();
    let waits = report(&house, SUGINAMI, &out(&person, "S-2", "2026-03-02", ITAMI, "2026-03-02")).unwrap();
    assert!(waits.awaited.is_none() && waits.waits.is_some());
    assert_eq!(house.newest(&person, Kind::Auth).state, Revoked);
}
