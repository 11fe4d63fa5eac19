//! A part of the population, and its diary.

use std::collections::BTreeMap;

use crate::{
    ask::{Desk, Tally},
    compare::Depth,
    days::{self, Day},
    life::Act,
    person::{Due, Person, Visit},
    record::Change,
    reported::Letter,
    request::Moment,
    stage::Plan,
    timers::{Agenda, Turn},
    world::World,
};

/// A part of the population, played by one thread at a time.
pub(crate) struct Troupe {
    pub(crate) people: Vec<Person>,
    /// By day and hour: who, and what.
    pub(crate) diary: BTreeMap<(Day, u8), Vec<(usize, Act)>>,
    pub(crate) tally: Tally,
    pub(crate) changes: Vec<Change>,
    pub(crate) letters: Vec<Letter>,
    pub(crate) agenda: Agenda,
    pub(crate) touched: Vec<usize>,
}

impl Troupe {
    fn keep(diary: &mut BTreeMap<(Day, u8), Vec<(usize, Act)>>, place: usize, dues: &mut Vec<Due>, end: Day) {
        for (day, hour, act) in dues.drain(..).filter(|(day, ..)| *day < end) {
            diary.entry((day, hour)).or_default().push((place, act));
        }
    }

    pub(crate) fn play(&mut self, world: &World, now: Moment, hour: u8, end: Day) {
        let Some(acts) = self.diary.remove(&(now.day, hour)) else { return };
        let mut dues = Vec::new();
        for (place, act) in acts {
            let person = &mut self.people[place];
            let asked = person.case.asked;
            let Self { tally, changes, letters, .. } = self;
            let mut desk = Desk { world, now, tally, changes, letters };
            person.act(&mut Visit { desk: &mut desk, diary: &mut dues }, act);
            Self::keep(&mut self.diary, place, &mut dues, end);
            if self.people[place].case.asked > asked {
                self.agenda.note(place, &self.people[place].case);
                self.touched.push(place);
            }
        }
    }

    /// What has to end by itself by now, by the model.
    pub(crate) fn turn(&mut self, turn: &mut Turn, now: Moment) {
        for place in self.agenda.due(now.day) {
            self.people[place].case.turn(turn, now);
            self.agenda.note(place, &self.people[place].case);
            self.touched.push(place);
        }
    }

    pub(crate) fn compare_touched(&mut self, world: &World, now: Moment) -> u64 {
        self.touched.sort_unstable();
        self.touched.dedup();
        for place in &self.touched {
            self.people[*place].case.compare(world, now, Depth::Today);
            self.people[*place].check_truth();
        }
        let count = self.touched.len() as u64;
        self.touched.clear();
        count
    }

    pub(crate) fn compare_index(&self, world: &World) {
        self.people.iter().for_each(|person| person.case.compare_index(world));
    }

    pub(crate) fn compare_all(&self, world: &World, now: Moment, depth: Depth) -> u64 {
        let known = self.people.iter().filter(|person| person.case.asked > 0);
        known.map(|person| person.case.compare(world, now, depth)).count() as u64
    }
}

/// Everybody, dealt to so many troupes. Who is born later is there from the beginning, in the diary only.
pub(crate) fn cast(plan: &Plan, world: &World, start: Moment, end: Day) -> Vec<Troupe> {
    let mut troupes: Vec<Troupe> = (0..plan.threads)
        .map(|_| Troupe {
            people: Vec::new(),
            diary: BTreeMap::new(),
            tally: Tally::default(),
            changes: Vec::new(),
            letters: Vec::new(),
            agenda: Agenda::default(),
            touched: Vec::new(),
        })
        .collect();
    let born = plan.people * plan.years as u64 * 8 / 1000;
    for number in 0..plan.people + born {
        let troupe = &mut troupes[(number % plan.threads as u64) as usize];
        let mut person = Person::new(number, plan.seed, 0);
        let birth = birth(plan, &mut person, number, start.day, end);
        person.birth = birth;
        let place = troupe.people.len();
        let now = Moment { day: birth.max(start.day), at: start.at };
        let mut dues = Vec::new();
        let Troupe { tally, changes, letters, .. } = troupe;
        let mut desk = Desk { world, now, tally, changes, letters };
        person.begin(&mut Visit { desk: &mut desk, diary: &mut dues });
        Troupe::keep(&mut troupe.diary, place, &mut dues, end);
        troupe.people.push(person);
    }
    troupes
}

/// Every fiftieth was born on a 29 February.
fn birth(plan: &Plan, person: &mut Person, number: u64, start: Day, end: Day) -> Day {
    let birth = if number < plan.people {
        start - person.dice.between(1, 88 * 365)
    } else {
        person.dice.between(start, end - 1)
    };
    let (year, ..) = days::civil(birth);
    let leap = (year - 3..=year).find(|year| days::is_leap(*year)).map(|year| days::number(year, 2, 29));
    leap.filter(|_| person.dice.percent(2) && number < plan.people).unwrap_or(birth)
}
