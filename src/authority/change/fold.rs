//! What a history comes to: its entries in the register's order, each if it fits, and what that does now.

use std::collections::BTreeSet;

use super::{
    arrived::LeftBehind,
    history::{Blow, Entry, History, Issued},
    register::Register,
};
use crate::{
    limits::{REGISTER_STRANGERS_WAITING, REGISTER_WAITING, REGISTER_WAITING_OF_STRANGER},
    municipality::MunicipalityCode,
    rules::{Cause, Day, Refusal, era::in_japanese},
};

/// What a history comes to.
#[derive(Debug)]
pub(in crate::authority) struct Fold {
    pub(in crate::authority) register: Register,
    /// The ids of what fits, in its order, with what it does.
    taken: Vec<(u64, Option<Blow>)>,
    /// The last announcement of a move, or arrival, that fits.
    last_move: Option<u64>,
    /// The id of the entry of which more is told.
    watched: u64,
    /// Why it does not fit.
    refusal: Option<Refusal>,
    /// Where it fits: why no card goes on after it, the notice of moving in being late.
    too_late: Option<Refusal>,
    /// The moves after which no card was presented before the holder moved on: where it fits, as it finds them.
    left_behind: LeftBehind,
    /// Who sent what does not fit.
    waiting: Vec<MunicipalityCode>,
    /// Municipalities where the holder lived, or meant to move.
    tied: BTreeSet<MunicipalityCode>,
    /// Of how many recorded entries it is.
    count: usize,
}

impl Fold {
    /// Of the entries and perhaps a new one, told what that one finds whose id is `watched`; the new one has the last there is.
    pub(super) fn of(before: &Entry, (entries, more): (&[Entry], Option<&Entry>), watched: u64) -> Self {
        let register = Register::nobodys(before.municipality);
        let (taken, waiting, tied) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut fold = Self {
            register,
            taken,
            last_move: None,
            watched,
            refusal: None,
            too_late: None,
            left_behind: LeftBehind::default(),
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
        while let Some(Next { at, register, blow }) = next_of(&self.register, &waiting) {
            let entry = waiting.remove(at);
            self.tied.extend([register.municipality].into_iter().chain(register.moving_to()));
            self.taken.push((entry.id, blow));
            if entry.moves() {
                self.last_move = Some(entry.id);
            }
            if entry.id == self.watched {
                (self.too_late, self.left_behind) = (register.too_late(), register.left_behind());
            }
            self.register = register;
        }
        self.waiting.extend(waiting.iter().filter(|entry| !entry.passed()).map(|entry| entry.municipality));
        if let Some(new) = waiting.iter().find(|entry| entry.id == self.watched) {
            self.refusal = self.register.clone().take(new).err();
            self.left_behind = self.register.left_behind();
        }
    }

    /// Why the watched entry does not fit; none: it does.
    pub(in crate::authority) fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// Where the watched entry fits: why no card goes on after it, the notice of moving in being late.
    pub(super) fn too_late(&self) -> Option<&Refusal> {
        self.too_late.as_ref()
    }

    /// The moves after which no card was presented before the holder moved on, as the watched entry finds them.
    pub(super) fn left_behind(&self) -> &LeftBehind {
        &self.left_behind
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

    /// Whether a card takes certificates on a day, by what the register reported of the holder; one that is recorded is void by what
    /// has ended it, and of any other the register tells.
    ///
    /// # Errors
    /// `E-03`, `M-01` and `R-20`.
    pub(in crate::authority) fn card_takes_certificates(
        &self,
        (card, recorded): (Issued, bool),
        today: Day,
    ) -> Result<(), Refusal> {
        self.register.card_presented(card, today)?;
        let mut blows = self.taken.iter().filter_map(|(_, blow)| blow.as_ref()).filter(|_| !recorded);
        blows.find(|blow| blow.strikes_unknown(card)).map_or(Ok(()), |blow| {
            let (rule, day) = (blow.cause.rule(), blow.event_day);
            let detail =
                format!("the card is of {}, and cards of before {day} are void ({rule}); take a new one", card.day);
            Err(Refusal::new("E-03", detail)
                .with_ja(format!(
                    "カードの発行日は{}ですが、{}より前のカードは失効しています（{rule}）。\
                     新しいカードの交付を受けてください。",
                    in_japanese(card.day),
                    in_japanese(day)
                ))
                .in_case("over"))
        })
    }

    /// Whether a card is void by a move after which it was not presented in time, whether or not the timer came by.
    pub(in crate::authority) fn is_void_after_move(&self, card: Issued, today: Day) -> bool {
        let passed = |blow: &Blow| blow.cause == Cause::CardVoidAfterMove && blow.strikes(card);
        let mut blows = self.taken.iter().filter_map(|(_, blow)| blow.as_ref());
        self.register.card_is_overdue(card, today) || blows.any(passed)
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
            .filter_map(|(_, blow)| blow.clone())
            .map(|blow| if gone(blow.cause) { Blow { until: None, ..blow } } else { blow })
            .collect()
    }
}

/// The entry that comes next, and what it does.
struct Next {
    at: usize,
    register: Register,
    blow: Option<Blow>,
}

impl Next {
    fn of(register: &Register, (at, entry): (usize, &Entry)) -> Option<Self> {
        let mut register = register.clone();
        register.take(entry).ok().map(|blow| Self { at, register, blow })
    }
}

/// Which of the entries of a day comes next: the first that fits, by its place. What a counter did happened when it was recorded:
/// it comes after what was recorded before and fits, and before what was recorded later, unless that fits only before it.
fn next_of(register: &Register, waiting: &[&Entry]) -> Option<Next> {
    let all = || waiting.iter().enumerate().map(|(at, entry)| (at, *entry));
    let first = |of_counter| {
        let mut of_kind = all().filter(move |(_, entry)| entry.happened_as_recorded() == of_counter);
        of_kind.find_map(|one| Next::of(register, one))
    };
    let (placed, done) = match (first(false), first(true)) {
        (Some(placed), Some(done)) => (placed, done),
        (placed, done) => return placed.or(done),
    };
    let (event, act) = (waiting[placed.at], waiting[done.at]);
    if event.passed() {
        return Some(done);
    }
    let before = |(at, entry): (usize, &Entry)| {
        let earlier = entry.id < act.id && !entry.passed() && !entry.happened_as_recorded();
        earlier && Next::of(register, (at, entry)).is_some()
    };
    let fits_only_before =
        || Next::of(&done.register, (0, event)).is_none() && Next::of(&placed.register, (0, act)).is_some();
    Some(if all().any(before) || fits_only_before() { placed } else { done })
}
