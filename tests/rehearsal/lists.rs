//! Every list that is published, held against what the model says must be on it, to the entry and the date.

use std::collections::BTreeMap;

use jitsuin::{
    kind::Kind,
    revocation::lists::{ListKey, PublishedList},
    scope::CrlScope,
    x509::{CrlEntry, CrlView, RevocationReason, Serial, UnixTime},
};

use crate::{
    days::{self, Day},
    record::{Change, State},
    request::{Moment, TAKING_PART, TOWNS},
    world::World,
};

type Entries = BTreeMap<Serial, Listed>;

/// An entry, and what decides whether a list has it.
#[derive(Clone, Copy, Debug)]
struct Listed {
    entry: CrlEntry,
    town: usize,
    last: Day,
}

/// What lists must say of one CA.
#[derive(Debug, Default)]
struct Chapter {
    /// Held or revoked now; those that are over leave with the second list after their end.
    ended: Entries,
    /// What changed since the complete lists were made.
    since: Entries,
}

/// What lists must say, and what they said.
#[derive(Debug, Default)]
pub(crate) struct ListBook {
    sign: Chapter,
    auth: Chapter,
    /// When the complete lists were made: the last ones and those before.
    made: [i64; 2],
    numbers: BTreeMap<ListKey, u64>,
    pub(crate) published: u64,
    pub(crate) entries: u64,
    pub(crate) largest: u64,
    pub(crate) largest_octets: usize,
    pub(crate) largest_delta: u64,
}

impl ListBook {
    pub(crate) fn note(&mut self, change: &Change) {
        let chapter = match change.kind {
            Kind::Sign => &mut self.sign,
            Kind::Auth => &mut self.auth,
        };
        let released = change.state == State::Live;
        let reason = if released { RevocationReason::RemoveFromCrl } else { change.end.reason };
        let time = |at| UnixTime::from_seconds(at).expect("a time");
        let entry = CrlEntry {
            serial: change.serial,
            revocation_date: time(change.end.since),
            reason,
            invalidity_date: change.end.event.filter(|_| !released).map(time),
        };
        let listed = Listed { entry, town: change.town, last: change.last };
        chapter.since.insert(change.serial, listed);
        if released {
            chapter.ended.remove(&change.serial);
        } else {
            chapter.ended.insert(change.serial, listed);
        }
    }

    /// Publishes what is due and reads it.
    pub(crate) fn publish(&mut self, world: &World, now: Moment) {
        let published =
            world.authority.publish_due().unwrap_or_else(|error| panic!("{}: {error}", days::text(now.day)));
        assert!(published.iter().all(|list| list.this_update.seconds() == now.at));
        let complete = published.iter().any(|list| list.scope == "full");
        if complete {
            self.turn_the_page(now);
        }
        let served = world.authority.parts().lists.all();
        let partitions = TAKING_PART + 1;
        let first = self.published == 0;
        let deltas = if first { 0 } else { 2 * partitions };
        assert_eq!(served.len(), 2 * (partitions + 1) + deltas, "lists are missing");
        let due = if complete { 2 * (partitions + 1) } else { 0 } + deltas;
        assert_eq!(published.len(), due, "another number of lists than were due: {published:?}");
        for (key, list) in &served {
            assert!(now.at < list.next_update.seconds(), "{key:?} is over and served");
            let number = self.numbers.insert(*key, list.number).unwrap_or(0);
            if number != list.number {
                assert!(list.number > number, "{key:?}");
                self.read(*key, list, now);
            } else {
                assert!(list.this_update.seconds() < now.at && !complete, "{key:?}");
            }
        }
    }

    /// New complete lists: what was over when the last ones were made is gone, and deltas begin again.
    fn turn_the_page(&mut self, now: Moment) {
        self.made = [self.made[1], now.at];
        let [before, _] = self.made;
        for chapter in [&mut self.sign, &mut self.auth] {
            chapter.ended.retain(|_, listed| days::last_second(listed.last) >= before);
        }
    }

    fn read(&mut self, (kind, generation, scope): ListKey, list: &PublishedList, now: Moment) {
        let view = CrlView::from_der(&list.der).expect("a list");
        let found: Vec<CrlEntry> = view.entries().map(|entry| entry.expect("an entry")).collect();
        assert_eq!((found.len() as u64, view.number), (list.entries, list.number));
        let chapter = match kind {
            Kind::Sign => &mut self.sign,
            Kind::Auth => &mut self.auth,
        };
        let town = scope.municipality().map(|code| TOWNS.iter().position(|town| *town == code.to_string()));
        let is_meant = |listed: &&Listed| town.is_none_or(|town| town == Some(listed.town));
        // Beside new complete lists, the deltas that lead to them from the ones before.
        let base = if view.delta_base.is_some() && self.made[1] == now.at { self.made[0] } else { self.made[1] };
        let expected: Vec<CrlEntry> = match (scope, view.delta_base) {
            (CrlScope::Authorities, _) => Vec::new(),
            (_, None) => chapter.ended.values().filter(is_meant).map(|listed| listed.entry).collect(),
            (_, Some(_)) => {
                let current = |listed: &&Listed| days::last_second(listed.last) >= base;
                chapter.since.values().filter(is_meant).filter(current).map(|listed| listed.entry).collect()
            }
        };
        if found != expected {
            let missing: Vec<_> = expected.iter().filter(|one| !found.contains(one)).collect();
            let extra: Vec<_> = found.iter().filter(|one| !expected.contains(one)).collect();
            panic!(
                "{kind} {generation} {} on {}: missing {missing:#?}, not expected {extra:#?}",
                scope.word(),
                days::text(now.day)
            );
        }
        self.published += 1;
        self.entries += list.entries;
        if view.delta_base.is_none() {
            self.largest = self.largest.max(list.entries);
            self.largest_octets = self.largest_octets.max(list.der.len());
        } else {
            self.largest_delta = self.largest_delta.max(list.entries);
        }
    }

    /// After all lists of a round were read: what the complete ones tell, no later delta tells.
    pub(crate) fn begin_again(&mut self, now: Moment) {
        if self.made[1] == now.at {
            self.sign.since.clear();
            self.auth.since.clear();
        }
    }
}
