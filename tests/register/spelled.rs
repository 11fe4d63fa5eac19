//! An event that comes again with its defaults spelled out is the same event (T-13).

use jitsuin::authority::change::{RegisterChange, RegisterEvent};

use crate::{
    feed::*,
    house::{ITAMI, SUGINAMI, day, rule},
};

/// Ways to say the same of an event of 20 March, and ways to say something else.
fn ways(plain: &RegisterChange) -> (Vec<RegisterChange>, Vec<RegisterChange>) {
    let same = vec![plain.clone(), RegisterChange { order: Some(0), ..plain.clone() }];
    let other = vec![
        RegisterChange { order: Some(1), ..plain.clone() },
        RegisterChange { event_day: Some(day("2026-03-19")), ..plain.clone() },
        // Left out, it is today.
        RegisterChange { event_day: None, ..plain.clone() },
        // Certificates that were issued since would stay.
        RegisterChange { notified: plain.event_day, ..plain.clone() },
    ];
    (same, other)
}

#[test]
fn an_event_with_its_defaults_spelled_out_is_the_same_in_either_order() {
    for first in 0..2 {
        let (house, person) = housed();
        let (same, other) = ways(&event(&person, "S-1", "2026-03-20", RegisterEvent::Move));
        let effects = report(&house, SUGINAMI, &same[first]).unwrap();
        for again in &same {
            assert_eq!(report(&house, SUGINAMI, again).unwrap(), effects, "{again:?}");
        }
        for again in &other {
            assert_eq!(rule(report(&house, SUGINAMI, again)), "T-13", "{again:?}");
        }
    }
}

#[test]
fn the_day_of_moving_in_is_that_of_the_event_unless_it_is_said() {
    for first in 0..2 {
        let (house, person) = housed();
        report(&house, SUGINAMI, &out(&person, "S-1", "2026-03-20", ITAMI, "2026-03-25")).unwrap();
        let plain = event(&person, "I-1", "2026-03-26", RegisterEvent::MoveIn);
        let moved_in = |on| RegisterChange { moved_in: Some(day(on)), ..plain.clone() };
        let same = [plain.clone(), moved_in("2026-03-26")];
        let effects = report(&house, ITAMI, &same[first]).unwrap();
        assert_eq!(report(&house, ITAMI, &same[1 - first]).unwrap(), effects);
        assert_eq!(rule(report(&house, ITAMI, &moved_in("2026-03-25"))), "T-13");
    }
}

#[test]
fn a_day_left_out_is_that_on_which_the_event_was_first_told() {
    let (house, person) = housed();
    let plain = RegisterChange { event_day: None, ..event(&person, "S-1", "2026-04-01", RegisterEvent::Move) };
    let effects = report(&house, SUGINAMI, &plain).unwrap();
    let dated = |on| RegisterChange { event_day: Some(day(on)), ..plain.clone() };
    assert_eq!(report(&house, SUGINAMI, &dated("2026-04-01")).unwrap(), effects, "what today is");
    house.set_clock("2026-04-03T03:00:00Z");
    assert_eq!(report(&house, SUGINAMI, &plain).unwrap(), effects, "sent again, it is as it was");
    assert_eq!(report(&house, SUGINAMI, &dated("2026-04-01")).unwrap(), effects);
    assert_eq!(rule(report(&house, SUGINAMI, &dated("2026-04-03"))), "T-13");
}
