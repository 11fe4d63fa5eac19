//! What ends by itself: each day the timers run, unless the service is down, and end what has to end and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use jitsuin::ports::ApplicationFilter;

use crate::{
    ask::Case,
    days::{self, Day},
    dice::Dice,
    record::Change,
    reported::Letter,
    request::Moment,
    world::World,
};

/// When something of whom ends by itself, by the model.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    days: BTreeSet<(Day, usize)>,
    of: BTreeMap<usize, Day>,
}

impl Agenda {
    /// Notes anew what is ahead of a person.
    pub(crate) fn note(&mut self, place: usize, case: &Case) {
        if let Some(day) = self.of.remove(&place) {
            self.days.remove(&(day, place));
        }
        if let Some(day) = case.next_end() {
            self.of.insert(place, day);
            self.days.insert((day, place));
        }
    }

    pub(crate) fn due(&self, today: Day) -> Vec<usize> {
        self.days.iter().take_while(|(day, _)| *day <= today).map(|(_, place)| *place).collect()
    }
}

/// What a turn must come to.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub(crate) passed: usize,
    pub(crate) lapsed: usize,
    pub(crate) changes: Vec<Change>,
    pub(crate) letters: Vec<Letter>,
}

impl Case {
    /// The first day on which a turn ends something.
    fn next_end(&self) -> Option<Day> {
        let files = self.record.files.iter().filter_map(|file| file.due).map(|due| due + 1);
        self.record.due().into_iter().chain(files).min()
    }

    pub(crate) fn turn(&mut self, turn: &mut Turn, now: Moment) {
        if let Some((changes, letters)) = self.record.turn(&self.reference, now) {
            turn.passed += 1;
            turn.changes.extend(changes);
            turn.letters.extend(letters);
        }
        turn.lapsed += self.record.files.iter_mut().map(|file| usize::from(file.lapses(now.day))).sum::<usize>();
    }
}

/// Lets the timers run, and holds them against the model. Nothing that is due is left.
pub(crate) fn run(world: &World, turn: &Turn, now: Moment) {
    let today = days::text(now.day);
    assert_eq!(world.authority.run_deadlines(), Ok(turn.passed), "deadlines of the register, {today}");
    assert_eq!(world.authority.lapse_applications(), Ok(turn.lapsed), "applications, {today}");
    let left = world.store.register().deadlines(days::date(now.day), 1).expect("the store reads");
    assert!(left.is_empty(), "{today}: nothing ends for {left:?}");
    let filter = ApplicationFilter { due_before: Some(days::date(now.day)), ..ApplicationFilter::default() };
    let left = world.store.applications().select(&filter, 0, 1).expect("the store reads");
    assert!(left.is_empty(), "{today}: stuck past its last day: {left:?}");
}

/// The days on which the timers do not run.
pub(crate) fn outages(seed: u64, first: Day, end: Day) -> BTreeSet<Day> {
    let mut dice = Dice::new(seed, u64::MAX);
    let mut days = BTreeSet::new();
    for day in first..end {
        if dice.below(120) == 0 {
            let length = dice.between(1, 8);
            days.extend(day..day + length);
        }
    }
    days
}
