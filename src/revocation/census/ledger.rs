//! The fold of the status events that can be asked about any position.

use std::collections::{BTreeMap, HashMap};

use super::{Contradiction, End, Said};
use crate::{
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{Follower, ListedEvent},
    revocation::{index::StatusIndex, lists::ListKey},
    scope::CrlScope,
    x509::{CrlEntry, RevocationReason, Serial, UnixTime},
};

/// Every status event, folded: one number a certificate, and the whole history of those that were ever held or revoked.
#[derive(Debug, Default)]
pub struct Ledger {
    position: u64,
    /// By index: the position of the event that issued it; 0 while there is none.
    born: HashMap<Kind, Vec<u64>>,
    lives: HashMap<(Kind, u64), Life>,
    /// The lives, by what lists speak for.
    partitions: BTreeMap<(Kind, u8, MunicipalityCode), Vec<u64>>,
    /// The same fold by the code that answers OCSP.
    index: StatusIndex,
}

/// The history of a certificate that was ever held or revoked.
#[derive(Debug)]
struct Life {
    serial: Serial,
    not_after: UnixTime,
    turns: Vec<(u64, Said)>,
}

impl Life {
    fn at(&self, position: u64) -> Said {
        let before = self.turns.iter().take_while(|(turn, _)| *turn <= position);
        before.last().map_or(Said::NeverIssued, |(_, said)| *said)
    }

    /// What the last change after one position and up to another makes of the entry of a list.
    fn change(&self, after: u64, until: u64) -> Option<CrlEntry> {
        let within = |(turn, _): &&(u64, Said)| after < *turn && *turn <= until;
        let (at, said) = self.turns.iter().rev().find(within)?;
        match said {
            Said::Ended(end) => Some(self.entry(end)),
            _ => match self.at(at - 1) {
                // The entry that takes a hold back keeps the date of the hold.
                Said::Ended(hold) => Some(CrlEntry {
                    reason: RevocationReason::RemoveFromCrl,
                    invalidity_date: None,
                    ..self.entry(&hold)
                }),
                // That it came to life is no change of any list.
                _ => None,
            },
        }
    }

    fn entry(&self, end: &End) -> CrlEntry {
        CrlEntry { serial: self.serial, revocation_date: end.date, reason: end.reason, invalidity_date: end.invalidity }
    }
}

impl Ledger {
    /// The last event taken in.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Takes in the next events, and tells of those that are missing or say nothing.
    pub fn take(&mut self, events: &[ListedEvent]) -> Vec<Contradiction> {
        let mut found = Vec::new();
        for row in events {
            let event = &row.event;
            let wrong = |says: String| Contradiction::of_channel(event.kind, "events", says);
            if event.position != self.position + 1 {
                let (from, to) = (self.position + 1, event.position - 1);
                found.push(wrong(format!("those at positions {from} to {to} are missing")));
            }
            self.position = event.position;
            match Said::of(event.state, event.revocation.as_ref()) {
                Some(said) if said != Said::NeverIssued => self.turn(row, said),
                _ => found.push(wrong(format!("the one at position {} says nothing", event.position))),
            }
        }
        let plain: Vec<_> = events.iter().map(|row| row.event.clone()).collect();
        self.index.apply(&plain);
        found
    }

    fn turn(&mut self, row: &ListedEvent, said: Said) {
        let (kind, index, position) = (row.event.kind, row.event.index, row.event.position);
        let born = self.born.entry(kind).or_default();
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        if said == Said::Good && !self.lives.contains_key(&(kind, index)) {
            if born.len() <= at {
                born.resize(at + 1, 0);
            }
            born[at] = position;
            return;
        }
        let birth = born.get(at).copied().filter(|birth| *birth > 0);
        let partition = self.partitions.entry((kind, row.generation, row.municipality)).or_default();
        let life = self.lives.entry((kind, index)).or_insert_with(|| {
            partition.push(index);
            let turns = birth.map(|birth| (birth, Said::Good)).into_iter().collect();
            Life { serial: row.serial, not_after: row.not_after, turns }
        });
        life.turns.push((position, said));
    }

    /// What the events up to a position say of a certificate.
    #[must_use]
    pub fn at(&self, kind: Kind, index: u64, position: u64) -> Said {
        if let Some(life) = self.lives.get(&(kind, index)) {
            return life.at(position);
        }
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        let born = self.born.get(&kind).and_then(|born| born.get(at)).copied().unwrap_or(0);
        if born > 0 && born <= position { Said::Good } else { Said::NeverIssued }
    }

    /// What the events say of a certificate at each position from one to another, without repetition.
    #[must_use]
    pub fn between(&self, kind: Kind, index: u64, from: u64, to: u64) -> Vec<Said> {
        let mut said = vec![self.at(kind, index, from)];
        match self.lives.get(&(kind, index)) {
            Some(life) => {
                let later = life.turns.iter().filter(|(turn, _)| from < *turn && *turn <= to);
                said.extend(later.map(|(_, said)| *said));
            }
            None => said.push(self.at(kind, index, to)),
        }
        said.dedup();
        said
    }

    /// What the status index makes of all events.
    #[must_use]
    pub fn folded(&self, kind: Kind, index: u64) -> Said {
        self.index.status(kind, index).into()
    }

    fn lives_in(&self, (kind, generation, scope): ListKey) -> impl Iterator<Item = &Life> {
        let in_scope = move |code: &MunicipalityCode| match scope.complete() {
            CrlScope::Authorities => false,
            complete => complete.municipality().is_none_or(|only| only == *code),
        };
        let partitions = self.partitions.iter();
        let wanted =
            partitions.filter(move |((of, number, code), _)| *of == kind && *number == generation && in_scope(code));
        wanted.flat_map(move |(_, indexes)| indexes.iter().filter_map(move |index| self.lives.get(&(kind, *index))))
    }

    /// What a complete list of a scope says after the events up to `position`, of certificates that were not over before
    /// `bound`; in order of serial number.
    #[must_use]
    pub fn ended(&self, key: ListKey, position: u64, bound: UnixTime) -> BTreeMap<Serial, CrlEntry> {
        let listed = self.lives_in(key).filter(|life| life.not_after >= bound);
        let entry = |life: &Life| match life.at(position) {
            Said::Ended(end) => Some((life.serial, life.entry(&end))),
            _ => None,
        };
        listed.filter_map(entry).collect()
    }

    /// What changed for the lists of a scope after one position and up to another, of certificates that were not over
    /// before `bound`.
    #[must_use]
    pub fn changed(&self, key: ListKey, (after, until): (u64, u64), bound: UnixTime) -> BTreeMap<Serial, CrlEntry> {
        let listed = self.lives_in(key).filter(|life| life.not_after >= bound);
        listed.filter_map(|life| Some((life.serial, life.change(after, until)?))).collect()
    }
}
