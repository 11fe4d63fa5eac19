//! The letters that municipalities have to send: each that the model says is there once, and no other.

use jitsuin::{authority::Once, kind::Kind, rules::Cause};

use crate::{
    days,
    person::Person,
    record::State,
    reported::Letter,
    request::{Moment, TAKING_PART, TOWNS, Who},
    world::World,
};

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct LetterBook {
    /// The number of the last one of each town.
    last: [u64; TOWNS.len()],
    pub(crate) found: u64,
    /// How often one was marked as sent.
    pub(crate) sent: u64,
    pub(crate) before_the_end: u64,
}

impl LetterBook {
    /// Reads what is new, and holds it against what the day must have brought.
    pub(crate) fn read(&mut self, world: &World, mut expected: Vec<Letter>, now: Moment) {
        let mut found = Vec::new();
        for (town, code) in TOWNS.iter().enumerate() {
            let code = code.parse().expect("a code");
            let new = world.store.register().notices(code, self.last[town], 10_000).expect("the store reads");
            for record in new {
                self.last[town] = self.last[town].max(record.number);
                assert_ne!(record.cause, Cause::Death, "a letter that names a death: {record:?}");
                found.push(Letter {
                    holder: record.holder.to_string(),
                    town,
                    at: record.at.seconds(),
                    rule: record.cause.rule(),
                    day: days::number_of(record.event_day.expect("a day")),
                    auth: record.auth,
                    sign: record.sign,
                });
                if record.number.is_multiple_of(16) {
                    self.send(world, town, record.number);
                }
            }
        }
        self.found += found.len() as u64;
        expected.sort();
        found.sort();
        if expected != found {
            let missing: Vec<_> = expected.iter().filter(|one| !found.contains(one)).collect();
            let extra: Vec<_> = found.iter().filter(|one| !expected.contains(one)).collect();
            panic!("letters of {}: missing {missing:#?}, not expected {extra:#?}", days::text(now.day));
        }
    }

    /// A letter goes out: once, however often that is told.
    fn send(&mut self, world: &World, town: usize, number: u64) {
        for time in 0..2 {
            let once = Once { key: format!("letter-{number}-{time}"), digest: [7; 32] };
            let sent = world.authority.notice_sent(world.actor(Who::Town(town)), &once, number).expect("it is there");
            let told = format!("{} {}", sent.why.en, sent.next.en).to_lowercase();
            assert!(!["death", "died", "deceased"].iter().any(|word| told.contains(word)), "{told}");
            self.sent += 1;
        }
    }

    /// The letters before the end (W-01) that are due today: of every live certificate that ends in three months.
    pub(crate) fn read_due<'p>(
        &mut self,
        world: &World,
        people: impl Iterator<Item = &'p Person> + Clone,
        now: Moment,
    ) {
        for town in 0..TAKING_PART {
            let here = |person: &&Person| person.case.record.known && person.case.record.home == town;
            let mut expected: Vec<(String, Kind, String)> = people
                .clone()
                .filter(here)
                .flat_map(|person| {
                    let record = &person.case.record;
                    let due = |one: &&crate::record::Certificate| {
                        one.state == State::Live && record.registered && days::months_away(one.last, -3) == now.day
                    };
                    let of = |one: &crate::record::Certificate| {
                        (person.case.reference.clone(), one.kind, one.serial.to_string())
                    };
                    record.certificates.iter().filter(due).map(of)
                })
                .collect();
            let actor = world.actor(Who::Town(town));
            let page = world.authority.notices_due(actor, None, None).expect("the store reads");
            assert_eq!(page.next, None);
            let mut found: Vec<_> =
                page.due.iter().map(|one| (one.holder.to_string(), one.kind, one.serial.to_string())).collect();
            expected.sort();
            found.sort();
            assert_eq!(found, expected, "letters before the end, {}", days::text(now.day));
            self.before_the_end += found.len() as u64;
        }
    }
}
