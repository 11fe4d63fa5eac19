//! One transaction of the writer: each change whole or not at all, one commit for all.
//!
//! # Why
//! Savepoints cost both engines, and almost no change is taken back: stories decide by what they read, and are refused only
//! where another came between. So an engine does a batch hopefully first, without; and if a change is refused after it has
//! written something, everything is taken back and done again with care.

use std::ops::Range;

use super::{
    Engine, Read, Trouble,
    counts::Moves,
    engine::{first, only, put, run},
    params, read, rows,
    steps::{Steps, Taken},
    value::NONE,
    writer::{Done, Task},
};
use crate::{
    audit::{Draft, GENESIS, Seal},
    kind::Kind,
    limits,
    ports::{Change, StatusEvent, StoreError, written::Written},
    store::refusal,
    x509::UnixTime,
};

/// Where the store's two sequences end.
#[derive(Clone, Copy)]
pub(in crate::store) struct Tip {
    /// Position of the last audit entry.
    pub(in crate::store) entry: u64,
    /// Its seal.
    pub(in crate::store) seal: Seal,
    /// The latest time of any entry.
    pub(in crate::store) at: Option<UnixTime>,
    /// Position of the last status event.
    pub(in crate::store) event: u64,
    /// What the batch has changed in the counts so far.
    moves: Moves,
}

impl Tip {
    /// Reads both ends.
    pub(in crate::store) fn read(sql: &dyn Engine) -> Read<Self> {
        let last = "SELECT position, seal FROM audit_entry ORDER BY position DESC LIMIT 1";
        let last: Option<(i64, Seal)> = first(sql, last, NONE, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let ends = "SELECT (SELECT max(at) FROM audit_entry), (SELECT coalesce(max(position), 0) FROM status_event)";
        let (at, event): (Option<i64>, i64) = only(sql, ends, NONE, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (entry, seal) = last.unwrap_or((0, GENESIS));
        Ok(Self {
            entry: rows::unsigned(entry)?,
            seal,
            at: at.map(rows::instant).transpose()?,
            event: rows::unsigned(event)?,
            moves: Moves::default(),
        })
    }
}

/// What became of each task, in order, and the events after `followed`.
pub(in crate::store) type Committed = (Vec<Result<Done, StoreError>>, Vec<StatusEvent>);

/// How a refused change is taken back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Care {
    /// With the whole batch, which is then done again.
    Hopeful,
    /// Alone, by its savepoint.
    Savepoints,
}

/// Why a batch was not done.
pub(in crate::store) enum Halt {
    /// A change was refused halfway, and has no savepoint.
    HalfDone,
    /// The engine failed.
    Engine(StoreError),
}

impl Halt {
    /// Why a statement that belongs to no change alone ended the transaction.
    pub(in crate::store) fn of(sql: &dyn Engine, care: Care, failed: StoreError) -> Self {
        if care == Care::Hopeful && sql.is_spoilt() { Self::HalfDone } else { Self::Engine(failed) }
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Engine(error)
    }
}

/// The changes of one transaction, which an engine begins before and commits after.
pub(in crate::store) struct Batch<'a> {
    sql: &'a (dyn Engine + 'a),
    tip: Tip,
    events: Vec<StatusEvent>,
    care: Care,
}

impl<'a> Batch<'a> {
    /// Reads where the store is, in a transaction that nobody else writes beside.
    pub(in crate::store) fn begin(sql: &'a dyn Engine, followed: u64, care: Care) -> Result<Self, StoreError> {
        let tip = Tip::read(sql)?;
        // Usually none: only what other nodes wrote, or an earlier commit that reported failure and yet happened.
        let events = read::events_up_to(sql, followed, tip.event)?;
        Ok(Self { sql, tip, events, care })
    }

    /// Where the store is before.
    pub(in crate::store) fn tip(&self) -> Tip {
        self.tip
    }

    /// Does every task: what became of each, and where the store is then.
    pub(in crate::store) fn take(mut self, tasks: &[Task]) -> Result<(Committed, Tip), Halt> {
        let mut outcomes = Vec::with_capacity(tasks.len());
        for task in tasks {
            outcomes.push(match task {
                Task::Change(change, written) => {
                    self.attempt(|batch, events| batch.change((change, written), events))?.map(|()| Done::Whole)
                }
                Task::Each(changes) => {
                    let each = changes
                        .iter()
                        .map(|(change, written)| self.attempt(|batch, events| batch.change((change, written), events)));
                    Ok(Done::Each(each.collect::<Result<_, _>>()?))
                }
                Task::Allocate(kind, count) => {
                    self.attempt(|batch, _| Ok((batch.allocate(*kind, *count)?, batch.tip)))?.map(Done::Range)
                }
                Task::Follow(..) | Task::Check | Task::Look => Ok(Done::Whole),
            });
        }
        self.tip.moves.write(self.sql).map_err(|failed| Halt::of(self.sql, self.care, failed))?;
        Ok(((outcomes, self.events), self.tip))
    }

    /// Does one thing; where it is refused, nothing of it stays.
    fn attempt<T>(
        &mut self,
        work: impl FnOnce(&Self, &mut Vec<StatusEvent>) -> Result<(T, Tip), Trouble>,
    ) -> Result<Result<T, StoreError>, Halt> {
        self.with_care(Engine::mark)?;
        let (told, written) = (self.events.len(), self.sql.touched());
        let mut events = std::mem::take(&mut self.events);
        let outcome = work(self, &mut events);
        self.events = events;
        let outcome = match outcome {
            Ok((value, tip)) => {
                self.tip = tip;
                Ok(value)
            }
            Err(_) if self.care == Care::Hopeful && self.sql.is_spoilt() => return Err(Halt::HalfDone),
            Err(Trouble::Refused(_)) if self.care == Care::Hopeful && self.sql.touched() != written => {
                return Err(Halt::HalfDone);
            }
            Err(Trouble::Refused(refused)) => {
                self.events.truncate(told);
                self.with_care(Engine::take_back)?;
                Err(refused)
            }
            Err(Trouble::Engine(failed)) => return Err(failed.into()),
        };
        self.with_care(Engine::release)?;
        Ok(outcome)
    }

    fn with_care(&self, mark: fn(&(dyn Engine + 'a)) -> Read<()>) -> Result<(), StoreError> {
        if self.care == Care::Hopeful { Ok(()) } else { Ok(mark(self.sql)?) }
    }

    /// The steps of a change, and its entry; the new ends.
    fn change(
        &self,
        (change, written): (&Change, &Written),
        events: &mut Vec<StatusEvent>,
    ) -> Result<((), Tip), Trouble> {
        let tip = self.tip;
        if let Some(last) = tip.at
            && change.audit.at + limits::CLOCK_TOLERANCE < last
        {
            return Err(Trouble::Refused(StoreError::ClockWentBack { last }));
        }
        let recorded = tip.at.map_or(change.audit.at, |last| last.max(change.audit.at));
        let steps = Steps::new(self.sql, (tip.event, recorded, tip.moves), events).blinded(written.blinds());
        let Taken { last_event: event, moves, given } = steps.take(&change.steps)?;
        let (entry, seal) = self.seal(change.audit.clone(), written.complete(&given))?;
        Ok(((), Tip { entry, seal, at: Some(recorded), event, moves }))
    }

    /// Writes an entry at the end of the chain.
    fn seal(&self, draft: Draft, written: Vec<u8>) -> Result<(u64, Seal), Trouble> {
        let entry = draft.seal(Some(written), self.tip.entry + 1, &self.tip.seal);
        let draft = &entry.draft;
        put(
            self.sql,
            "INSERT INTO audit_entry (position, at, actor, action, subject, detail, seal, written)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                rows::int(entry.position)?,
                draft.at.seconds(),
                draft.actor,
                draft.action,
                draft.subject,
                draft.detail,
                entry.seal,
                entry.written
            ],
            1,
        )?;
        Ok((entry.position, entry.seal))
    }

    fn allocate(&self, kind: Kind, count: u64) -> Result<Range<u64>, Trouble> {
        let next = "SELECT value FROM next_index WHERE kind = ?1";
        let first: i64 = only(self.sql, next, [kind.id()], |row| row.get(0))?;
        let next = first.checked_add(rows::int(count)?).ok_or(Trouble::conflict(refusal::OUTSIDE))?;
        run(self.sql, "UPDATE next_index SET value = ?2 WHERE kind = ?1", params![kind.id(), next])?;
        let unsigned = |value| rows::unsigned(value).map_err(Trouble::from);
        Ok(unsigned(first)?..unsigned(next)?)
    }
}
