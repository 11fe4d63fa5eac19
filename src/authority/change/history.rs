//! What a holder's record is, from everything the register reported, in whatever order that came.
//!
//! The events follow by the day on which the register recorded them, then by the order it gave them, then by number; what was
//! reported by hand comes after what was numbered, in order of arrival. On one day an event may make way for one that stands
//! before it: two municipalities do not number together. An event that does not fit has no effect.

use serde::{Deserialize, Serialize};

use super::{RegisterChange, RegisterEvent, check::apart, fold::Fold};
use crate::{
    authority::{
        StoryError,
        end::{Awaited, AwaitedStep, Effects},
    },
    municipality::MunicipalityCode,
    ports::{EventNumber, HolderRecord, HolderReference, RegisterEntry, Step},
    rules::{
        Cause, Counters, Day, Policy, Refusal,
        calendar::day_text,
        deadline::{
            CardPresented, Deadline, Move, MoveState, continued_use_deadline, decide_continued_use, decide_move,
            notice_deadline,
        },
        procedure::CounterPolicy,
    },
};

/// What an entry of the register says, as the store keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::authority) enum Said {
    /// The record before the first event.
    Before {
        moving_to: Option<MunicipalityCode>,
        #[serde(with = "day_text")]
        birth: Day,
        registered: bool,
    },
    /// An event, as it was sent; when it happened; and what became of it when it first came.
    Reported {
        change: Box<RegisterChange>,
        #[serde(with = "day_text")]
        event_day: Day,
        effects: Effects,
    },
    /// A deadline that passed, and since when what it ends is over.
    Passed {
        cause: Cause,
        #[serde(with = "day_text")]
        since: Day,
    },
}

/// What the register reported, in its place.
#[derive(Clone, Debug)]
pub(in crate::authority) struct Entry {
    pub(in crate::authority) id: u64,
    pub(in crate::authority) municipality: MunicipalityCode,
    pub(in crate::authority) number: Option<EventNumber>,
    pub(in crate::authority) day: Day,
    pub(in crate::authority) said: Said,
    /// How the municipality counts (C-09); of no matter but where somebody arrives.
    pub(in crate::authority) policy: CounterPolicy,
}

/// Reads what an entry says.
pub(in crate::authority) fn said(record: &RegisterEntry) -> Result<Said, StoryError> {
    let corrupt = |error| StoryError::Corrupt(format!("register entry {} cannot be read: {error}", record.id));
    serde_json::from_str(&record.said).map_err(corrupt)
}

impl Entry {
    fn read(record: RegisterEntry, counters: &Counters) -> Result<Self, StoryError> {
        let said = said(&record)?;
        let RegisterEntry { id, municipality, number, day, .. } = record;
        let policy = counters.settings(Policy::default(), Some(municipality)).counter;
        Ok(Self { id, municipality, number, day, said, policy })
    }

    /// As the store keeps it.
    pub(in crate::authority) fn record(&self, holder: &HolderReference) -> Result<RegisterEntry, StoryError> {
        Ok(RegisterEntry {
            id: self.id,
            holder: holder.clone(),
            municipality: self.municipality,
            number: self.number.clone(),
            day: self.day,
            said: serde_json::to_string(&self.said).map_err(|error| StoryError::Fault(error.to_string()))?,
        })
    }

    pub(super) fn change(&self) -> Option<&RegisterChange> {
        match &self.said {
            Said::Reported { change, .. } => Some(change),
            Said::Before { .. } | Said::Passed { .. } => None,
        }
    }

    pub(super) fn place(&self) -> impl Ord + '_ {
        let order = match &self.said {
            Said::Reported { change, .. } => change.order.unwrap_or_default(),
            Said::Before { .. } => 0,
            // What passes at the end of a day comes after everything of the day.
            Said::Passed { .. } => u32::MAX,
        };
        (self.day, order, self.number.is_none(), self.number.as_ref(), self.municipality, self.id)
    }
}

/// What an event does to certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::authority) struct Blow {
    pub(in crate::authority) cause: Cause,
    pub(in crate::authority) event_day: Day,
    /// What was issued later knew of it already; none: whatever stands.
    pub(in crate::authority) until: Option<Day>,
}

/// A move that was announced (転出届) and not completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Announced {
    to: MunicipalityCode,
    planned: Option<Day>,
    missed: bool,
}

/// A completed move after which the card was not presented; and when the holder moved on before doing so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Arrived {
    is: Move,
    notified: Day,
    left: Option<Day>,
    /// As the municipality that took the notice counts (C-09).
    policy: CounterPolicy,
}

impl Arrived {
    fn deadline(&self) -> Deadline {
        continued_use_deadline(self.notified).under(&self.policy)
    }

    /// The first day on which the card is void (M-02, R-18).
    fn void_from(&self) -> Day {
        if decide_move(&self.is, self.notified) == MoveState::NoticeLate {
            return self.notified;
        }
        let last_day = self.deadline().last_day;
        next(self.left.map_or(last_day, |left| left.min(last_day)))
    }
}

fn next(day: Day) -> Day {
    day.next_day().unwrap_or(Day::MAX)
}

/// A holder's record in the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::authority) struct Register {
    pub(in crate::authority) municipality: MunicipalityCode,
    pub(in crate::authority) birth: Day,
    pub(in crate::authority) registered: bool,
    moving: Option<Announced>,
    /// Oldest first.
    arrived: Vec<Arrived>,
}

pub(super) type Taken = Result<Option<Blow>, Refusal>;

impl Register {
    /// Nobody's; whatever it begins with, the first entry of a history says what it is.
    pub(super) const fn nobodys(municipality: MunicipalityCode) -> Self {
        Self { municipality, birth: Day::MIN, registered: false, moving: None, arrived: Vec::new() }
    }

    /// Where the holder has announced to move.
    pub(in crate::authority) fn moving_to(&self) -> Option<MunicipalityCode> {
        self.moving.map(|moving| moving.to)
    }

    /// The first day on which something ends by itself, and by which cause.
    pub(in crate::authority) fn due(&self) -> Option<(Day, Cause)> {
        let moving = self.moving.filter(|moving| !moving.missed).and_then(|moving| moving.planned);
        let missed = moving.map(|planned| (next(notice_deadline(planned).last_day), Cause::MoveInMissed));
        let void = self.arrived.iter().map(|one| (one.void_from(), Cause::CardVoidAfterMove));
        missed.into_iter().chain(void).min().filter(|_| self.registered)
    }

    /// What the holder has to do before long, and by when: the day that people are told (C-09).
    pub(in crate::authority) fn awaited(&self) -> Option<Awaited> {
        let of = |step, deadline: Deadline| Awaited { step, by: deadline.told, last_day: deadline.last_day };
        let moving = self.moving.filter(|moving| !moving.missed).and_then(|moving| moving.planned);
        let notice = moving.map(|planned| of(AwaitedStep::MoveInNotice, notice_deadline(planned)));
        let in_time =
            |one: &&Arrived| decide_move(&one.is, one.notified) != MoveState::NoticeLate && one.left.is_none();
        let card = self.arrived.iter().rev().find(in_time).map(|one| of(AwaitedStep::CardPresented, one.deadline()));
        notice.or(card).filter(|_| self.registered)
    }

    pub(super) fn take(&mut self, entry: &Entry) -> Taken {
        match &entry.said {
            Said::Before { moving_to, birth, registered } => {
                let moving = moving_to.map(|to| Announced { to, planned: None, missed: false });
                let (birth, registered) = (*birth, *registered);
                *self = Self { municipality: entry.municipality, birth, registered, moving, arrived: Vec::new() };
                Ok(None)
            }
            Said::Passed { cause, since } => self.pass(*cause, *since),
            Said::Reported { change, event_day, .. } => {
                self.fits(change, entry.municipality)?;
                self.happen((change, entry), *event_day)?;
                // Without the day of the notice nobody knows whether what was issued meanwhile says what is true now.
                Ok(Some(Blow { cause: change.change.cause(), event_day: *event_day, until: change.notified }))
            }
        }
    }

    /// A deadline passes: from that day on something is over.
    fn pass(&mut self, cause: Cause, since: Day) -> Taken {
        let blow = |until| Blow { cause, event_day: since, until };
        if cause == Cause::MoveInMissed {
            let moving = self.moving.as_mut().filter(|moving| !moving.missed);
            let moving = moving.ok_or_else(|| Refusal::new("R-17", "no move is awaited"))?;
            moving.missed = true;
            return Ok(Some(blow(None)));
        }
        // A card that was issued after the move is not the one that had to be presented.
        let over = self.arrived.iter().filter(|one| one.void_from() <= since).map(|one| one.notified).max();
        let over = over.ok_or_else(|| Refusal::new("M-02", "no card is to be presented after a move"))?;
        self.arrived.retain(|one| one.void_from() > since);
        Ok(Some(blow(Some(over))))
    }

    /// Whether this municipality may report this of the holder now.
    fn fits(&self, change: &RegisterChange, reporter: MunicipalityCode) -> Result<(), Refusal> {
        match change.change {
            RegisterEvent::MoveIn if self.moving_to() != Some(reporter) => {
                let detail = "the municipality of residence has not announced this move (転出届)";
                return Err(Refusal::new("E-02", detail));
            }
            // Who is not recorded lives in no municipality: the one that records reports it.
            RegisterEvent::MoveIn | RegisterEvent::Registration => {}
            _ if self.municipality != reporter => {
                return Err(Refusal::new("E-02", format!("the holder is not a resident of municipality {reporter}")));
            }
            _ => {}
        }
        match (change.change, self.registered) {
            (RegisterEvent::Registration, true) => {
                return Err(Refusal::new("E-01", "the holder is recorded in the resident register already"));
            }
            (RegisterEvent::Registration, false) | (_, true) => {}
            (_, false) => return Err(Refusal::new("E-01", "the holder is not recorded in the resident register")),
        }
        match change.change {
            RegisterEvent::MoveInMissed if self.moving.is_none() => {
                Err(Refusal::new("R-17", "no move to another municipality was announced (転出届)"))
            }
            RegisterEvent::MoveOutCancelled if self.moving.is_none() => {
                Err(Refusal::new("R-16", "no move to another municipality was announced (転出届)"))
            }
            _ => Ok(()),
        }
    }

    fn happen(&mut self, (change, entry): (&RegisterChange, &Entry), event_day: Day) -> Result<(), Refusal> {
        match change.change {
            RegisterEvent::MoveOut => {
                self.moving = change.to.map(|to| Announced { to, planned: change.planned, missed: false });
            }
            RegisterEvent::MoveIn => self.arrive(change, entry, event_day)?,
            RegisterEvent::Registration => {
                (self.municipality, self.moving, self.registered) = (entry.municipality, None, true);
                self.arrived.clear();
            }
            // A late arrival can still be reported by the municipality that was announced.
            RegisterEvent::MoveInMissed => {
                self.moving = self.moving.map(|moving| Announced { missed: true, ..moving });
            }
            RegisterEvent::MoveOutCancelled => self.moving = None,
            RegisterEvent::ContinuedUse => self.go_on(event_day)?,
            RegisterEvent::Correction => self.birth = change.birth.unwrap_or(self.birth),
            RegisterEvent::Death | RegisterEvent::OverseasMove => self.registered = false,
            RegisterEvent::Move
            | RegisterEvent::NameChange
            | RegisterEvent::MinorCorrection
            | RegisterEvent::OverseasMoveWithContinuedUse => {}
        }
        Ok(())
    }

    fn arrive(&mut self, change: &RegisterChange, entry: &Entry, event_day: Day) -> Result<(), Refusal> {
        let moved_in = change.moved_in.unwrap_or(event_day);
        let planned = self.moving.and_then(|moving| moving.planned);
        if let Some(planned) = planned.filter(|planned| apart(*planned, moved_in)) {
            let detail = format!("moved in on {moved_in}, more than a year from the planned {planned}");
            return Err(Refusal::new("M-01", detail));
        }
        for one in &mut self.arrived {
            one.left = Some(one.left.map_or(moved_in, |left| left.min(moved_in)));
        }
        let notified = entry.day;
        let is = Move {
            planned: planned.unwrap_or(notified),
            moved_in: Some(moved_in),
            notified: Some(notified),
            presented: None,
        };
        let in_time = matches!(decide_move(&is, notified), MoveState::AwaitsCard(_));
        if change.presented.is_none() || !in_time {
            self.arrived.push(Arrived { is, notified, left: None, policy: entry.policy });
        }
        (self.municipality, self.moving) = (entry.municipality, None);
        Ok(())
    }

    /// The card is presented after the last move. What it has to be was checked before.
    fn go_on(&mut self, day: Day) -> Result<(), Refusal> {
        const IN_ORDER: CardPresented = CardPresented {
            card_last_day: Day::MAX,
            void: false,
            register_pin: true,
            face_authentication: false,
            addendum_has_room: true,
        };
        let last = self.arrived.last().filter(|last| last.left.is_none());
        let last = last.ok_or_else(|| Refusal::new("M-01", "no card is to be presented after a move"))?;
        decide_continued_use(&last.is, &IN_ORDER, (day, &last.policy))?;
        self.arrived.pop();
        Ok(())
    }
}

/// Everything the register reported of a holder.
#[derive(Debug)]
pub(in crate::authority) struct History {
    /// The record before the first event.
    before: Entry,
    entries: Vec<Entry>,
    stored: bool,
}

impl History {
    /// Reads it; of a holder of whom nothing was reported yet, the record as it is.
    pub(in crate::authority) fn read(
        records: Vec<RegisterEntry>,
        holder: &HolderRecord,
        counters: &Counters,
    ) -> Result<Self, StoryError> {
        let mut entries = records.into_iter().map(|record| Entry::read(record, counters));
        let Some(before) = entries.next().transpose()? else {
            let HolderRecord { municipality, moving_to, birth, registered, .. } = *holder;
            let said = Said::Before { moving_to, birth, registered };
            let before =
                Entry { id: 0, municipality, number: None, day: birth, said, policy: CounterPolicy::default() };
            return Ok(Self { before, entries: Vec::new(), stored: false });
        };
        if !matches!(before.said, Said::Before { .. }) {
            return Err(StoryError::Corrupt("a history does not begin with the record before it".into()));
        }
        Ok(Self { before, entries: entries.collect::<Result<_, _>>()?, stored: true })
    }

    /// The step that keeps the record before the first event, if the store does not have it.
    pub(in crate::authority) fn first_step(&self, holder: &HolderReference) -> Result<Option<Step>, StoryError> {
        if self.stored { Ok(None) } else { Ok(Some(Step::Register(Box::new(self.before.record(holder)?)))) }
    }

    /// Adds an entry.
    pub(in crate::authority) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// What it comes to.
    pub(in crate::authority) fn fold(&self) -> Fold {
        Fold::of(&self.before, &self.entries, None)
    }

    /// Whether an entry has had its effect: it fitted when one of the first so many entries came, be it only for a while.
    pub(super) fn had_effect(&self, id: u64, entries: usize) -> bool {
        let recorded = self.entries[..entries].iter().any(|entry| entry.id == id);
        recorded && (1..=entries).any(|count| Fold::of(&self.before, &self.entries[..count], None).takes(id))
    }

    /// What it comes to with one entry more.
    pub(in crate::authority) fn fold_with(&self, more: &Entry) -> Fold {
        Fold::of(&self.before, &self.entries, Some(more))
    }
}
