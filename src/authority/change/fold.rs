//! What a history comes to: its entries in the register's order, each if it fits, and what that does now.

use std::collections::BTreeSet;

use super::{
    history::{Blow, Entry, History},
    register::Register,
};
use crate::{
    limits::{REGISTER_STRANGERS_WAITING, REGISTER_WAITING, REGISTER_WAITING_OF_STRANGER},
    municipality::MunicipalityCode,
    rules::{Cause, Refusal},
};

/// What a history comes to.
#[derive(Debug)]
pub(in crate::authority) struct Fold {
    pub(in crate::authority) register: Register,
    /// The ids of what fits, in its order, with what it does.
    taken: Vec<(u64, Option<Blow>)>,
    /// The last announcement of a move, or arrival, that fits.
    last_move: Option<u64>,
    /// Why the new entry does not fit.
    refusal: Option<Refusal>,
    /// Where the new entry is an arrival that fits: why no card goes on after it.
    too_late: Option<Refusal>,
    /// Who sent what does not fit.
    waiting: Vec<MunicipalityCode>,
    /// Municipalities where the holder lived, or meant to move.
    tied: BTreeSet<MunicipalityCode>,
    /// Of how many recorded entries it is.
    count: usize,
}

impl Fold {
    pub(super) fn of(before: &Entry, entries: &[Entry], more: Option<&Entry>) -> Self {
        let register = Register::nobodys(before.municipality);
        let (taken, waiting, tied) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut fold = Self {
            register,
            taken,
            last_move: None,
            refusal: None,
            too_late: None,
            waiting,
            tied,
            count: entries.len(),
        };
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
            self.tied.extend([register.municipality].into_iter().chain(register.moving_to()));
            self.taken.push((entry.id, blow));
            if entry.moves() {
                self.last_move = Some(entry.id);
            }
            if entry.id == u64::MAX {
                self.too_late = register.too_late();
            }
            self.register = register;
        }
        self.waiting.extend(waiting.iter().map(|entry| entry.municipality));
        if let Some(new) = waiting.iter().find(|entry| entry.id == u64::MAX) {
            self.refusal = self.register.clone().take(new).err();
        }
    }

    /// Why the new entry does not fit; none: it does.
    pub(in crate::authority) fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// Where the new entry is an arrival that fits: why no card goes on after it.
    pub(super) fn too_late(&self) -> Option<&Refusal> {
        self.too_late.as_ref()
    }

    /// Whether the holder has to do with a municipality: lived there, or announced to move there.
    pub(super) fn is_tied_to(&self, municipality: MunicipalityCode) -> bool {
        self.tied.contains(&municipality)
    }

    /// Whether what does not fit is not too much, with the new entry of that municipality. What comes from strangers has a part
    /// of the room only, and each of them a part of that: nobody takes it from those whom the holder has to do with.
    pub(super) fn has_room_for(&self, municipality: MunicipalityCode) -> bool {
        let of_it = self.waiting.iter().filter(|one| **one == municipality).count();
        let strangers = self.waiting.iter().filter(|one| !self.is_tied_to(**one)).count();
        let room_for_stranger = of_it <= REGISTER_WAITING_OF_STRANGER && strangers <= REGISTER_STRANGERS_WAITING;
        self.waiting.len() <= REGISTER_WAITING && (self.is_tied_to(municipality) || room_for_stranger)
    }

    /// Whether an entry is the last announcement or arrival.
    pub(super) fn is_last_move(&self, id: u64) -> bool {
        self.last_move == Some(id)
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
