//! What a holder's record is, from everything the register reported, in whatever order that came.
//!
//! The events follow by the day on which the register recorded them, then by the order it gave them, then by number. What a
//! counter did on the day itself, by hand or with an application, happened when it was recorded: events of that day that are
//! recorded later come after it. What it reports of another day comes after what was numbered, in order of arrival. On one day
//! an event may make way for one that stands before it: two municipalities do not number together. An event that does not fit
//! has no effect.

use serde::{Deserialize, Serialize};

use super::{RegisterChange, RegisterEvent, fold::Fold};
use crate::{
    authority::{StoryError, end::Effects, once::unreadable},
    municipality::MunicipalityCode,
    ports::{CardRecord, CertificateRecord, EventNumber, HolderRecord, HolderReference, RegisterEntry, Step},
    rules::{
        Cause, Counters, Day, Policy, Refusal,
        calendar::{day_of, day_text},
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
    /// An event, as it was sent; when it happened; what became of it when it first came; and why the card that was presented
    /// with it does not go on, whenever the event fits (M-01).
    Reported {
        change: Box<RegisterChange>,
        #[serde(with = "day_text")]
        event_day: Day,
        effects: Box<Effects>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        card: Option<Box<Refusal>>,
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
    serde_json::from_str(&record.said).map_err(|error| unreadable(&format!("register entry {}", record.id), &error))
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

    /// Whether it announces a move, or is an arrival.
    pub(super) fn moves(&self) -> bool {
        let moving = |event| matches!(event, RegisterEvent::MoveOut | RegisterEvent::MoveIn);
        matches!(&self.said, Said::Reported { change, .. } if moving(change.change))
    }

    pub(super) fn place(&self) -> impl Ord + '_ {
        let order = match &self.said {
            Said::Reported { change, .. } => change.order.unwrap_or_default(),
            Said::Before { .. } => 0,
            // What passes at the end of a day comes after everything of the day.
            Said::Passed { .. } => u32::MAX,
        };
        let numbered_by = self.number.as_ref().map(|number| (number, self.municipality));
        (self.day, order, numbered_by.is_none(), numbered_by, self.id)
    }

    /// Whether a counter did it on the day itself and gave it no place: it happened when it was recorded.
    pub(super) fn happened_as_recorded(&self) -> bool {
        match &self.said {
            Said::Reported { change, effects, .. } => {
                let unplaced = self.number.is_none() && change.order.unwrap_or_default() == 0;
                unplaced && day_of(effects.recorded_at) == self.day
            }
            Said::Before { .. } | Said::Passed { .. } => false,
        }
    }

    /// Whether it is something that passed by itself, at the end of a day.
    pub(super) fn passed(&self) -> bool {
        matches!(self.said, Said::Passed { .. })
    }
}

/// What an event does to certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::authority) struct Blow {
    pub(in crate::authority) cause: Cause,
    pub(in crate::authority) event_day: Day,
    /// What was issued later knew of it already; none: whatever stands.
    pub(in crate::authority) until: Option<Day>,
    /// Whose cards of that last day are new as well: those that the municipality of a new residence issued itself.
    pub(in crate::authority) new_of: Vec<MunicipalityCode>,
}

impl Blow {
    /// Whether a card was issued early enough to be struck.
    pub(super) fn strikes_card(&self, card: &CardRecord, certificates: &[CertificateRecord]) -> bool {
        self.strikes(Issued::of(card, certificates))
    }

    /// The same.
    pub(super) fn strikes(&self, card: Issued) -> bool {
        self.until.is_none_or(|until| {
            let new = || card.town.is_some_and(|town| self.new_of.contains(&town));
            card.day < until || card.day == until && !new()
        })
    }

    /// Whether it strikes a card that nobody told the service of before: where it strikes whatever stands, that is what was
    /// issued before it happened.
    pub(super) fn strikes_unknown(&self, card: Issued) -> bool {
        self.cause.voids_card() && self.strikes(card) && (self.until.is_some() || card.day < self.event_day)
    }
}

/// When a card was issued, and by which municipality its first certificate is; none: there is none.
#[derive(Clone, Copy, Debug)]
pub(in crate::authority) struct Issued {
    pub(in crate::authority) day: Day,
    pub(in crate::authority) town: Option<MunicipalityCode>,
}

impl Issued {
    /// Of a card that is recorded.
    pub(in crate::authority) fn of(card: &CardRecord, certificates: &[CertificateRecord]) -> Self {
        let first = certificates.iter().find(|one| one.card == card.number);
        Self { day: card.issue_day, town: first.map(|one| one.municipality) }
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

    /// Every date of birth that the holder was recorded with, the right ones and others.
    pub(super) fn births(&self) -> impl Iterator<Item = Day> {
        [&self.before].into_iter().chain(&self.entries).filter_map(|entry| match &entry.said {
            Said::Before { birth, .. } => Some(*birth),
            Said::Reported { change, .. } => change.birth,
            Said::Passed { .. } => None,
        })
    }

    /// Adds an entry.
    pub(in crate::authority) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// What it comes to.
    pub(in crate::authority) fn fold(&self) -> Fold {
        Fold::of(&self.before, (&self.entries, None), u64::MAX)
    }

    /// The same, and what one of its entries finds.
    pub(super) fn fold_at(&self, id: u64) -> Fold {
        Fold::of(&self.before, (&self.entries, None), id)
    }

    /// Whether an entry has had its effect: it fitted when one of the first so many entries came, be it only for a while.
    pub(super) fn had_effect(&self, id: u64, entries: usize) -> bool {
        let recorded = self.entries[..entries].iter().any(|entry| entry.id == id);
        recorded
            && (1..=entries).any(|count| Fold::of(&self.before, (&self.entries[..count], None), u64::MAX).takes(id))
    }

    /// What it comes to with one entry more.
    pub(in crate::authority) fn fold_with(&self, more: &Entry) -> Fold {
        Fold::of(&self.before, (&self.entries, Some(more)), u64::MAX)
    }
}
