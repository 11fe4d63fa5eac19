//! What a history comes to: its entries in the register's order, each if it fits, and what that does now.

use std::collections::BTreeSet;

use super::history::{Blow, Entry, History, Register};
use crate::{
    municipality::MunicipalityCode,
    rules::{Cause, Refusal},
};

/// What a history comes to.
#[derive(Debug)]
pub(in crate::authority) struct Fold {
    pub(in crate::authority) register: Register,
    /// The ids of what fits, in its order, with what it does.
    taken: Vec<(u64, Option<Blow>)>,
    /// Why the new entry does not fit.
    refusal: Option<Refusal>,
    waiting: usize,
    /// Municipalities that the holder has to do with.
    known: BTreeSet<MunicipalityCode>,
    /// Of how many recorded entries it is.
    count: usize,
}

impl Fold {
    pub(super) fn of(before: &Entry, entries: &[Entry], more: Option<&Entry>) -> Self {
        let register = Register::nobodys(before.municipality);
        let (taken, known, count) = (Vec::new(), BTreeSet::new(), entries.len());
        let mut fold = Self { register, taken, refusal: None, waiting: 0, known, count };
        fold.day(vec![before]);
        let mut rest: Vec<&Entry> = entries.iter().chain(more).collect();
        rest.sort_by(|one, other| one.place().cmp(&other.place()));
        for day in rest.chunk_by(|one, other| one.day == other.day) {
            fold.day(day.to_vec());
        }
        fold
    }

    /// The entries of one day: what fits, the first first, until nothing more does.
    fn day(&mut self, mut waiting: Vec<&Entry>) {
        while let Some((at, register, blow)) = waiting.iter().enumerate().find_map(|(at, entry)| {
            let mut register = self.register.clone();
            register.take(entry).ok().map(|blow| (at, register, blow))
        }) {
            let entry = waiting.remove(at);
            self.known.extend([register.municipality].into_iter().chain(register.moving_to()));
            self.taken.push((entry.id, blow));
            self.register = register;
        }
        self.waiting += waiting.len();
        let arrives = waiting.iter().filter(|entry| entry.change().is_some_and(|change| change.change.arrives()));
        self.known.extend(arrives.map(|entry| entry.municipality));
        if let Some(new) = waiting.iter().find(|entry| entry.id == u64::MAX) {
            self.refusal = self.register.clone().take(new).err();
        }
    }

    /// Why the new entry does not fit; none: it does.
    pub(in crate::authority) fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// How many entries do not fit.
    pub(in crate::authority) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether the holder has to do with a municipality: lived there, announced to move there, or was reported to arrive.
    pub(in crate::authority) fn knows(&self, municipality: MunicipalityCode) -> bool {
        self.known.contains(&municipality)
    }

    /// Whether an entry fits.
    pub(super) fn takes(&self, id: u64) -> bool {
        self.taken.iter().any(|(taken, _)| *taken == id)
    }

    /// What the entries of a history do that fit now and never did before, in their order: an entry that others put out of its
    /// place and back into it has had its effect. Who is off the register keeps nothing, however new it is.
    pub(in crate::authority) fn blows_since(&self, before: &Self, history: &History) -> Vec<Blow> {
        let fresh = self.taken.iter().filter(|(id, _)| !before.takes(*id) && !history.had_effect(*id, before.count));
        let gone = |cause| !self.register.registered && matches!(cause, Cause::Death | Cause::OverseasMove);
        fresh
            .filter_map(|(_, blow)| *blow)
            .map(|blow| if gone(blow.cause) { Blow { until: None, ..blow } } else { blow })
            .collect()
    }
}
