//! What is to be published when: pure decisions over the lists that are served.

use std::time::Duration;

use crate::{limits::PROMPT_PAUSE, revocation::lists::PublishedList, scope::CrlScope, x509::UnixTime};

/// How often lists appear and how long they are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// From one complete list to the next.
    pub period: Duration,
    /// From thisUpdate to nextUpdate of a complete list; longer than the period, so that one missed day harms nobody.
    pub window: Duration,
    /// From one delta to the next.
    pub delta_period: Duration,
    /// From thisUpdate to nextUpdate of a delta; longer than its period.
    pub delta_window: Duration,
    /// Whether the lists of the municipalities have deltas too, or the full list alone.
    pub municipal_deltas: bool,
    /// What a revocation or hold brings about before the next turn of the schedule.
    pub on_revocation: OnRevocation,
}

impl Default for Schedule {
    /// A day and two; a quarter of an hour and an hour; every list has its deltas, and they appear on revocation.
    fn default() -> Self {
        Self {
            period: Duration::from_secs(24 * 3600),
            window: Duration::from_secs(48 * 3600),
            delta_period: Duration::from_secs(15 * 60),
            delta_window: Duration::from_secs(3600),
            municipal_deltas: true,
            on_revocation: OnRevocation::Delta,
        }
    }
}

/// What a revocation or hold brings about before the next turn of the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRevocation {
    /// Nothing.
    Off,
    /// The deltas of the lists concerned.
    Delta,
    /// The complete list of the municipality concerned, and the delta of the full list.
    Partition,
}

/// Why lists are published now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    /// Somebody asked for every list.
    Demand,
    /// The schedule.
    Schedule,
    /// Certificates were revoked or held.
    Change,
}

/// What is to be made of one scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// A complete list, and beside it the delta that leads to it from the one before.
    Complete,
    /// A delta to the complete list that is served.
    Delta,
}

/// The lists of one scope that are served.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Served<'a> {
    pub(super) complete: Option<&'a PublishedList>,
    pub(super) delta: Option<&'a PublishedList>,
    /// The highest number that is given, as the store says, and not served.
    pub(super) withheld: u64,
}

impl Served<'_> {
    /// The last event that whoever takes both lists knows of.
    pub(super) fn position(&self) -> u64 {
        let position = |list: Option<&PublishedList>| list.map_or(0, |list| list.position);
        position(self.complete).max(position(self.delta))
    }

    /// The number that the next list bears.
    pub(super) fn next_number(&self) -> u64 {
        let number = |list: Option<&PublishedList>| list.map_or(0, |list| list.number);
        number(self.complete).max(number(self.delta)).max(self.withheld) + 1
    }

    /// When whoever takes both was told the last time.
    fn told(&self) -> Option<UnixTime> {
        self.complete.into_iter().chain(self.delta).map(|list| list.this_update).max()
    }

    /// Whether the delta beside the complete list, or to the first one, was not made: what is served leads no further than
    /// to the list before.
    fn lacks_delta(&self) -> bool {
        self.complete.is_some_and(|base| self.delta.is_none_or(|delta| delta.number < base.number))
    }

    /// A delta is never made in the second of its base: lists of one scope that are issued at the same time bear one number
    /// (RFC 5280 §5.2.3).
    fn has_older_base(&self, now: UnixTime) -> bool {
        self.complete.is_some_and(|base| base.this_update < now)
    }
}

impl Schedule {
    /// The deltas to a complete list, if it has any.
    #[must_use]
    pub fn delta_of(&self, scope: CrlScope) -> Option<CrlScope> {
        scope.delta().filter(|delta| self.municipal_deltas || delta.municipality().is_none())
    }

    /// What is due by the schedule.
    pub(super) fn due(&self, scope: CrlScope, served: Served<'_>, now: UnixTime) -> Option<Task> {
        if served.complete.is_none_or(|list| list.this_update + self.period <= now) {
            return Some(Task::Complete);
        }
        let is_due = served.lacks_delta() || served.told().is_some_and(|told| told + self.delta_period <= now);
        (self.delta_of(scope).is_some() && served.has_older_base(now) && is_due).then_some(Task::Delta)
    }

    /// What a change in the scope brings about, at once or when the pause is over.
    pub(super) fn prompted(&self, scope: CrlScope) -> Option<Task> {
        match (self.on_revocation, scope) {
            (OnRevocation::Off, _) => None,
            (OnRevocation::Partition, CrlScope::Municipality(_)) => Some(Task::Complete),
            _ => self.delta_of(scope).map(|_| Task::Delta),
        }
    }

    /// Whether the pause between two lists that changes bring about is over: a stream of revocations makes one list a
    /// pause, and the first after a quiet time does not wait.
    pub(super) fn may_prompt(&self, task: Task, served: Served<'_>, now: UnixTime) -> bool {
        let rested = served.told().is_none_or(|told| told + PROMPT_PAUSE <= now);
        rested && (task == Task::Complete || served.has_older_base(now))
    }
}
