//! Whatever the way in which the events of a life come, they leave the same.

use std::sync::Arc;

use jitsuin::{
    authority::change::{RegisterChange, RegisterEvent},
    ports::{EventNumber, Store},
    rules::Day,
    store::{MemoryStore, SqliteStore},
};
use proptest::prelude::*;

use crate::{
    feed::{continued, event, housed_on, out, outcome, presented, report},
    house::{House, ITAMI, Person, SUGINAMI, day, refusal, rule},
};

const PLACES: [&str; 3] = [SUGINAMI, ITAMI, "13113"];

/// A life as the register has it, in which every event fits.
struct Life {
    person: Person,
    today: Day,
    place: usize,
    moving: Option<usize>,
    awaits_card: bool,
    registered: bool,
    abroad: bool,
    events: Vec<(&'static str, RegisterChange)>,
}

impl Life {
    fn new(person: &Person) -> Self {
        Self {
            person: person.clone(),
            today: day("2025-11-01"),
            place: 0,
            moving: None,
            awaits_card: false,
            registered: true,
            abroad: false,
            events: Vec::new(),
        }
    }

    fn push(&mut self, from: usize, what: RegisterEvent, edit: impl FnOnce(&mut RegisterChange)) {
        let number = self.events.len();
        let mut change = RegisterChange {
            // Numbers that do not follow.
            number: Some(EventNumber::parse(format!("E-{}-{number}", (number * 7) % 10)).unwrap()),
            order: Some(number as u32),
            event_day: Some(self.today),
            ..RegisterChange::new(self.person.holder(), what)
        };
        edit(&mut change);
        self.events.push((PLACES[from], change));
    }

    /// Goes on with whatever can happen next.
    fn live(&mut self, choice: u8, days: u8) {
        use RegisterEvent as E;
        (0..days).for_each(|_| self.today = self.today.next_day().unwrap());
        let (place, planned) = (self.place, Some(self.today));
        if !self.registered {
            let place = usize::from(choice) % 3;
            self.push(place, E::Registration, |_| {});
            (self.place, self.moving, self.awaits_card, self.registered) = (place, None, false, true);
            return self.live_on();
        }
        if self.abroad {
            return self.live_abroad(choice);
        }
        match (choice % 12, self.moving) {
            (0..=3, Some(to)) => {
                let card = presented(&self.person).filter(|_| choice.is_multiple_of(2));
                self.awaits_card = card.is_none();
                self.push(to, E::MoveIn, |change| change.presented = card);
                (self.place, self.moving) = (to, None);
                self.live_on();
            }
            (4, Some(_)) => {
                self.push(place, E::MoveOutCancelled, |_| {});
                self.moving = None;
            }
            (0..=4, None) => {
                let to = (place + 1 + usize::from(choice / 12) % 2) % 3;
                self.push(place, E::MoveOut, |change| {
                    (change.to, change.planned) = (Some(PLACES[to].parse().unwrap()), planned);
                });
                self.moving = Some(to);
            }
            (5 | 6, _) if self.awaits_card => {
                let card = presented(&self.person);
                self.push(place, E::ContinuedUse, |change| change.presented = card);
                self.awaits_card = false;
            }
            (5, _) => self.push(place, E::MinorCorrection, |_| {}),
            (6, _) => self.push(place, E::NameChange, |_| {}),
            (7, _) => self.push(place, E::Move, |_| {}),
            (8, _) => self.push(place, E::Correction, |change| change.birth = Some(day("1980-03-17"))),
            (9, None) => {
                self.push(place, E::OverseasMoveWithContinuedUse, |_| {});
                self.abroad = true;
                self.live_on();
            }
            (9, _) => self.push(place, E::MinorCorrection, |_| {}),
            (10, _) if choice < 128 => self.push(place, E::MinorCorrection, |_| {}),
            (10, _) => {
                self.push(place, E::OverseasMove, |_| {});
                self.registered = false;
            }
            _ => {
                self.push(place, E::Death, |_| {});
                self.registered = false;
            }
        }
    }

    /// Back, or what can happen to who is abroad with the card.
    fn live_abroad(&mut self, choice: u8) {
        use RegisterEvent as E;
        let place = self.place;
        match choice % 6 {
            0..=2 => {
                let back = usize::from(choice / 6) % 3;
                self.push(back, E::Registration, |_| {});
                (self.place, self.abroad, self.awaits_card) = (back, false, false);
                self.live_on();
            }
            3 => self.push(place, E::NameChange, |_| {}),
            4 => self.push(place, E::Correction, |change| change.birth = Some(day("1980-03-17"))),
            _ => {
                self.push(place, E::Death, |_| {});
                (self.registered, self.abroad) = (false, false);
            }
        }
    }

    /// Two municipalities do not order their events together: what follows is of another day.
    fn live_on(&mut self) {
        self.today = self.today.next_day().unwrap();
    }
}

/// A house with a resident, where all the events have happened and none was reported.
fn town(store: Arc<dyn Store>) -> (House, Person) {
    let (house, person) = housed_on(store);
    house.takes_part(PLACES[2]);
    (house, person)
}

/// Reports events in this order; each is taken or waits, from wherever it comes.
fn deliver(house: &House, events: &[(&'static str, RegisterChange)]) {
    for (from, change) in events {
        report(house, from, change).unwrap_or_else(|error| panic!("{error}: {change:?}"));
    }
}

fn ends(store: Arc<dyn Store>, events: &[(&'static str, RegisterChange)], timers: bool) -> String {
    let (house, person) = town(store);
    deliver(&house, events);
    let due = outcome(&house, &person);
    if timers {
        house.authority.run_deadlines().unwrap();
        let once = outcome(&house, &person);
        assert_eq!(house.authority.run_deadlines(), Ok(0), "once");
        assert_eq!(outcome(&house, &person), once);
    }
    house.check();
    format!("{due}\n{}", outcome(&house, &person))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_shuffle_with_any_doubles_leaves_what_the_order_leaves(
        choices in prop::collection::vec((any::<u8>(), 0u8..12), 1..12),
        keys in prop::collection::vec(any::<u32>(), 12),
        doubles in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..6),
        on_disk in prop::bool::weighted(0.25),
    ) {
        let mut life = Life::new(&Person::new("TEST-1"));
        choices.into_iter().for_each(|(choice, days)| life.live(choice, days));
        prop_assume!(life.today <= day("2026-04-01"));
        let mut shuffled: Vec<_> = life.events.iter().cloned().zip(keys).collect();
        shuffled.sort_by_key(|(_, key)| *key);
        let mut shuffled: Vec<_> = shuffled.into_iter().map(|(event, _)| event).collect();
        for (what, place) in doubles {
            let event = what.get(&life.events).clone();
            shuffled.insert(place.index(shuffled.len() + 1), event);
        }
        let in_order = ends(Arc::new(MemoryStore::new()), &life.events, true);
        let directory = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = if on_disk {
            Arc::new(SqliteStore::open(&directory.path().join("jitsuin.db")).unwrap())
        } else {
            Arc::new(MemoryStore::new())
        };
        prop_assert_eq!(ends(store, &shuffled, true), in_order, "{:#?}", shuffled);
    }
}

#[test]
fn the_lives_that_are_tried_have_every_event_in_them() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..400u32 {
        let mut life = Life::new(&Person::new("TEST-1"));
        let mut state = seed;
        for _ in 0..11 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            life.live((state >> 24) as u8, 1);
        }
        seen.extend(life.events.iter().map(|(_, change)| format!("{:?}", change.change)));
    }
    assert_eq!(seen.len(), 12, "all but the deadline that a municipality reports itself: {seen:?}");
}

#[test]
fn in_order_nothing_waits() {
    let (house, person) = town(Arc::new(MemoryStore::new()));
    let mut life = Life::new(&person);
    for choice in [6, 0, 2, 7, 0, 1, 5, 8, 11, 1, 9] {
        life.live(choice, 2);
    }
    for (from, change) in &life.events {
        assert_eq!(report(&house, from, change).unwrap().waits, None, "{change:?}");
    }
}

const TODAY: &str = "2026-04-01";

/// Somebody who has moved to Itami ten days ago, and presents the card only today.
fn arrived() -> (House, Person) {
    let (house, person) = town(Arc::new(MemoryStore::new()));
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-03-21", ITAMI, "2026-03-22")).unwrap();
    let arrival = event(&person, "I-1", "2026-03-23", RegisterEvent::MoveIn);
    report(&house, ITAMI, &RegisterChange { moved_in: Some(day("2026-03-22")), ..arrival }).unwrap();
    (house, person)
}

/// The card is presented at the counter, and nobody numbers that.
fn visit(person: &Person) -> RegisterChange {
    RegisterChange { number: None, event_day: None, ..continued(person, "I-9", TODAY) }
}

/// On to the third town today: announced, and there.
fn onward(person: &Person) -> [(&'static str, RegisterChange); 2] {
    let arrival = event(person, "C-1", TODAY, RegisterEvent::MoveIn);
    let arrival = RegisterChange { presented: presented(person), ..arrival };
    [(ITAMI, out(person, "I-2", TODAY, PLACES[2], TODAY)), (PLACES[2], arrival)]
}

#[test]
fn m_01_r_18_what_the_counter_did_comes_before_what_is_recorded_later_on_that_day() {
    let mut ends = Vec::new();
    // By place: the visit, the announcement, the arrival.
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [2, 0, 1]] {
        let (house, person) = arrived();
        let [announced, there] = onward(&person);
        let all = [(ITAMI, visit(&person)), announced, there];
        order.iter().for_each(|at| drop(report(&house, all[*at].0, &all[*at].1).unwrap()));
        assert_eq!(house.store.register().deadline(&person.holder()).unwrap(), None, "{order:?}");
        assert_eq!(house.dossier(&person).holder.municipality.to_string(), PLACES[2], "{order:?}");
        ends.push(outcome(&house, &person));
        house.set_clock("2026-09-01T03:00:00Z");
        assert_eq!(house.authority.run_deadlines(), Ok(0), "{order:?}");
        house.check();
    }
    assert!(ends.iter().all(|end| *end == ends[0]), "{ends:#?}");
}

#[test]
fn e_02_once_the_holder_is_elsewhere_the_counter_has_nothing_to_continue() {
    let (house, person) = arrived();
    onward(&person).iter().for_each(|(from, change)| drop(report(&house, from, change).unwrap()));
    assert_eq!(rule(report(&house, ITAMI, &visit(&person))), "E-02");
    assert_eq!(house.store.register().deadline(&person.holder()).unwrap(), Some(day("2026-04-02")));
}

#[test]
fn m_01_what_changes_later_on_the_day_of_the_visit_is_written_on_the_card_at_another_one() {
    let (house, person) = town(Arc::new(MemoryStore::new()));
    let change = |number, on| event(&person, number, on, RegisterEvent::NameChange);
    report(&house, SUGINAMI, &change("S-1", "2026-03-31")).unwrap();
    report(&house, SUGINAMI, &visit(&person)).unwrap();
    report(&house, SUGINAMI, &change("S-0", TODAY)).unwrap();
    report(&house, SUGINAMI, &visit(&person)).unwrap();
    let done = refusal(report(&house, SUGINAMI, &visit(&person)));
    assert_eq!((&*done.rule, done.case.as_deref()), ("M-01", Some("done")));
}

#[test]
fn what_fits_only_before_what_the_counter_did_has_its_place_there() {
    let (house, person) = town(Arc::new(MemoryStore::new()));
    report(&house, SUGINAMI, &out(&person, "S-2", "2026-03-31", ITAMI, TODAY)).unwrap();
    let arrival = RegisterChange { presented: presented(&person), ..person.change(RegisterEvent::MoveIn) };
    report(&house, ITAMI, &arrival).unwrap();
    // The old town corrected the date of birth that morning, and sends it now.
    let corrected = event(&person, "S-1", TODAY, RegisterEvent::Correction);
    let corrected = RegisterChange { birth: Some(day("1980-03-17")), ..corrected };
    assert_eq!(report(&house, SUGINAMI, &corrected).unwrap().waits, None);
    let holder = house.dossier(&person).holder;
    assert_eq!((holder.birth, holder.municipality.to_string().as_str()), (day("1980-03-17"), ITAMI));
    house.check();
}

#[test]
fn what_the_counter_did_comes_after_what_was_recorded_before_it() {
    let (house, person) = town(Arc::new(MemoryStore::new()));
    let first = RegisterChange { order: Some(3), ..out(&person, "S-9", TODAY, ITAMI, TODAY) };
    report(&house, SUGINAMI, &first).unwrap();
    let elsewhere = RegisterChange { to: Some(PLACES[2].parse().unwrap()), ..person.change(RegisterEvent::MoveOut) };
    report(&house, SUGINAMI, &elsewhere).unwrap();
    let moving_to = |house: &House| house.dossier(&person).holder.moving_to.map(|to| to.to_string());
    assert_eq!(moving_to(&house).as_deref(), Some(PLACES[2]));
    // An earlier one that comes late does not undo it.
    report(&house, SUGINAMI, &RegisterChange { order: Some(1), ..out(&person, "S-8", TODAY, ITAMI, TODAY) }).unwrap();
    assert_eq!(moving_to(&house).as_deref(), Some(PLACES[2]));
    report(&house, SUGINAMI, &RegisterChange { order: Some(4), ..out(&person, "S-7", TODAY, ITAMI, TODAY) }).unwrap();
    assert_eq!(moving_to(&house).as_deref(), Some(ITAMI));
}
