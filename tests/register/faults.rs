//! A store that fails at each call of each story: nothing is half done, and the same again comes to the same end.

use std::sync::Arc;

use jitsuin::{
    authority::{StoryError, change::RegisterEvent},
    store::Fault,
};

use crate::{
    feed::*,
    house::{House, ITAMI, Person, SUGINAMI, municipality, once},
    trap::{Trap, Trapped},
    ward::Warded,
};

fn world() -> (House, Person, Arc<Warded<Trapped>>) {
    let store = Trapped::store();
    let (house, person) = housed_on(Arc::clone(&store) as Arc<_>);
    (house, person, store)
}

type Prepare = fn(&House, &Person);
type Tell = fn(&House, &Person) -> Result<String, StoryError>;

fn told<T: std::fmt::Debug>(outcome: Result<T, StoryError>) -> Result<String, StoryError> {
    outcome.map(|outcome| format!("{outcome:?}"))
}

/// Everything that a story may change, and how many letters there are.
fn shape(house: &House, person: &Person) -> String {
    let letters = [SUGINAMI, ITAMI].map(|of| notices(house, of).len());
    let entries = house.store.register().register_entries(&person.holder()).unwrap().len();
    format!("{} {letters:?} {entries}", outcome(house, person))
}

fn every_call_fails(name: &str, prepare: Prepare, tell: Tell) {
    let (house, person, _) = world();
    prepare(&house, &person);
    let before = shape(&house, &person);
    tell(&house, &person).unwrap();
    let after = shape(&house, &person);
    assert_ne!(before, after, "{name}");
    let mut tried = 0;
    for (write, fault) in Trap::WAYS {
        for left in 1.. {
            let (house, person, store) = world();
            prepare(&house, &person);
            let trap = Trap { write, fault, left, dead: false };
            store.set(trap);
            let outcome = tell(&house, &person);
            if !store.disarm() {
                assert!(outcome.is_ok(), "no call was left to fail");
                break;
            }
            tried += 1;
            assert!(matches!(outcome, Err(StoryError::Unavailable(_))), "{name} {trap:?}: {outcome:?}");
            let kept = fault == Fault::Kept;
            let left = shape(&house, &person);
            // Of several events some may have been taken.
            let expected = if kept || name == "several" && left == after { &after } else { &before };
            assert!(left == *expected || name == "several" && left == before, "{name} {trap:?}: {left}");
            tell(&house, &person).unwrap();
            assert_eq!(shape(&house, &person), after, "{name} {trap:?}");
            house.check();
        }
    }
    assert!(tried >= 4, "{name}: {tried}");
}

#[test]
fn an_event_of_the_feed_is_taken_whole_or_not_at_all() {
    every_call_fails(
        "a move out",
        |_, _| {},
        |house, person| {
            let change = out(person, "S-1", "2026-03-20", ITAMI, "2026-03-25");
            told(house.authority.change(&municipality(SUGINAMI), &once("story"), &change))
        },
    );
}

#[test]
fn an_announcement_that_completes_an_arrival_is_taken_whole_or_not_at_all() {
    let arrive: Prepare = |house, person| {
        report(house, ITAMI, &event(person, "I-1", "2026-03-26", RegisterEvent::MoveIn)).unwrap();
    };
    every_call_fails("the announcement", arrive, |house, person| {
        told(report(house, SUGINAMI, &out(person, "S-1", "2026-03-20", ITAMI, "2026-03-25")))
    });
}

#[test]
fn a_deadline_passes_whole_or_not_at_all() {
    let announce: Prepare = |house, person| {
        report(house, SUGINAMI, &out(person, "S-1", "2026-03-20", ITAMI, "2026-03-25")).unwrap();
        house.set_clock("2026-05-01T03:00:00Z");
    };
    every_call_fails("the deadline", announce, |house, _| told(house.authority.run_deadlines()));
}

#[test]
fn a_letter_is_sent_or_waits() {
    let ended: Prepare = |house, person| {
        report(house, SUGINAMI, &event(person, "S-1", "2026-03-20", RegisterEvent::Move)).unwrap();
    };
    every_call_fails("the letter", ended, |house, _| {
        told(house.authority.notice_sent(&municipality(SUGINAMI), &once("story"), 1))
    });
}

#[test]
fn several_events_go_on_where_they_broke_off() {
    let first: Prepare = |house, person| {
        report(house, SUGINAMI, &event(person, "S-1", "2026-03-20", RegisterEvent::MinorCorrection)).unwrap();
    };
    every_call_fails("several", first, |house, person| {
        let changes = [
            Ok(event(person, "S-1", "2026-03-20", RegisterEvent::MinorCorrection)),
            Ok(event(person, "S-2", "2026-03-21", RegisterEvent::Move)),
        ];
        told(house.authority.change_each(&municipality(SUGINAMI), &once("both"), &changes))
    });
}
