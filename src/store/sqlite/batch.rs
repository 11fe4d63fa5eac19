//! One transaction of the writer: each change whole or not at all, one commit for all.
//!
//! # Why
//! A savepoint makes SQLite copy every page that a change touches, in case the change is taken back. Almost none is: stories
//! decide by what they read, and are refused only where another came between. So a batch is done without savepoints first, and
//! if a change is refused after it has written something, everything is taken back and done again, each change behind its own.

use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{
    counts::Moves,
    error::{Trouble, store_error},
    read, rows,
    steps::{Steps, Taken},
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
pub(super) struct Tip {
    /// Position of the last audit entry.
    pub(super) entry: u64,
    /// Its seal.
    pub(super) seal: Seal,
    /// The latest time of any entry.
    pub(super) at: Option<UnixTime>,
    /// Position of the last status event.
    pub(super) event: u64,
    /// What the batch has changed in the counts so far.
    moves: Moves,
}

impl Tip {
    /// Reads both ends.
    pub(super) fn read(sql: &Connection) -> rusqlite::Result<Self> {
        let last: Option<(i64, Seal)> = sql
            .prepare_cached("SELECT position, seal FROM audit_entry ORDER BY position DESC LIMIT 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let at: Option<i64> = sql.prepare_cached("SELECT max(at) FROM audit_entry")?.query_row([], |row| row.get(0))?;
        let (entry, seal) = last.unwrap_or((0, GENESIS));
        Ok(Self {
            entry: rows::unsigned(entry)?,
            seal,
            at: at.map(rows::instant).transpose()?,
            event: read::last_event(sql)?,
            moves: Moves::default(),
        })
    }
}

/// What became of each task, in order, and the events after `followed`.
type Committed = (Vec<Result<Done, StoreError>>, Vec<StatusEvent>);

/// Does a batch of changes and allocations, and commits.
///
/// # Errors
/// When the engine fails; then nothing of the batch is to be taken as done.
pub(super) fn commit(sql: &mut Connection, followed: u64, tasks: &[Task]) -> Result<Committed, StoreError> {
    match Batch::begin(sql, followed, Care::Hopeful)?.commit(tasks) {
        Err(Halt::HalfDone) => {}
        Err(Halt::Engine(failed)) => return Err(failed),
        Ok(committed) => return Ok(committed),
    }
    Batch::begin(sql, followed, Care::Savepoints)?.commit(tasks).map_err(|halt| match halt {
        Halt::Engine(failed) => failed,
        Halt::HalfDone => StoreError::Unavailable("a change was not taken back".to_owned()),
    })
}

/// How a refused change is taken back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Care {
    /// With the whole batch, which is then done again.
    Hopeful,
    /// Alone, by its savepoint.
    Savepoints,
}

/// Why a batch was not committed.
enum Halt {
    /// A change was refused halfway, and has no savepoint.
    HalfDone,
    /// The engine failed.
    Engine(StoreError),
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Engine(error)
    }
}

struct Batch<'a> {
    sql: Transaction<'a>,
    tip: Tip,
    events: Vec<StatusEvent>,
    care: Care,
}

impl<'a> Batch<'a> {
    fn begin(sql: &'a mut Connection, followed: u64, care: Care) -> Result<Self, StoreError> {
        let sql = sql.transaction_with_behavior(TransactionBehavior::Immediate).map_err(store_error)?;
        // Usually none: only what an earlier commit left behind that reported failure and yet happened.
        let events = read::events_after(&sql, followed)?;
        let tip = Tip::read(&sql).map_err(store_error)?;
        Ok(Self { sql, tip, events, care })
    }

    /// Does every task and commits.
    fn commit(mut self, tasks: &[Task]) -> Result<Committed, Halt> {
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
                Task::Follow(..) | Task::Check => Ok(Done::Whole),
            });
        }
        self.tip.moves.write(&self.sql)?;
        self.sql.commit().map_err(store_error)?;
        Ok((outcomes, self.events))
    }

    /// Does one thing; where it is refused, nothing of it stays.
    fn attempt<T>(
        &mut self,
        work: impl FnOnce(&Self, &mut Vec<StatusEvent>) -> Result<(T, Tip), Trouble>,
    ) -> Result<Result<T, StoreError>, Halt> {
        self.mark("SAVEPOINT change")?;
        let (told, written) = (self.events.len(), self.sql.total_changes());
        let mut events = std::mem::take(&mut self.events);
        let outcome = work(self, &mut events);
        self.events = events;
        let outcome = match outcome {
            Ok((value, tip)) => {
                self.tip = tip;
                Ok(value)
            }
            Err(Trouble::Refused(_)) if self.care == Care::Hopeful && self.sql.total_changes() != written => {
                return Err(Halt::HalfDone);
            }
            Err(Trouble::Refused(refused)) => {
                self.events.truncate(told);
                self.mark("ROLLBACK TO change")?;
                Err(refused)
            }
            Err(Trouble::Engine(failed)) => return Err(failed.into()),
        };
        self.mark("RELEASE change")?;
        Ok(outcome)
    }

    fn mark(&self, command: &str) -> Result<(), StoreError> {
        if self.care == Care::Hopeful {
            return Ok(());
        }
        let run = |sql: &Connection| sql.prepare_cached(command)?.execute([]);
        run(&self.sql).map(drop).map_err(store_error)
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
        let steps = Steps::new(&self.sql, (tip.event, recorded, tip.moves), events).blinded(written.blinds());
        let Taken { last_event: event, moves, given } = steps.take(&change.steps)?;
        let (entry, seal) = self.seal(change.audit.clone(), written.complete(&given))?;
        Ok(((), Tip { entry, seal, at: Some(recorded), event, moves }))
    }

    /// Writes an entry at the end of the chain.
    fn seal(&self, draft: Draft, written: Vec<u8>) -> Result<(u64, Seal), Trouble> {
        let entry = draft.seal(Some(written), self.tip.entry + 1, &self.tip.seal);
        let draft = &entry.draft;
        self.sql
            .prepare_cached(
                "INSERT INTO audit_entry (position, at, actor, action, subject, detail, seal, written)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                rows::int(entry.position)?,
                draft.at.seconds(),
                draft.actor,
                draft.action,
                draft.subject,
                draft.detail,
                entry.seal,
                entry.written
            ])?;
        Ok((entry.position, entry.seal))
    }

    fn allocate(&self, kind: Kind, count: u64) -> Result<Range<u64>, Trouble> {
        let first: i64 = self
            .sql
            .prepare_cached("SELECT value FROM next_index WHERE kind = ?1")?
            .query_row([kind.id()], |row| row.get(0))?;
        let next = first.checked_add(rows::int(count)?).ok_or(Trouble::conflict(refusal::OUTSIDE))?;
        self.sql
            .prepare_cached("UPDATE next_index SET value = ?2 WHERE kind = ?1")?
            .execute(params![kind.id(), next])?;
        let unsigned = |value| rows::unsigned(value).map_err(Trouble::from);
        Ok(unsigned(first)?..unsigned(next)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit,
        municipality::MunicipalityCode,
        ports::Step,
        store::{SqliteOptions, sqlite::open::Place},
    };

    fn at(second: i64) -> UnixTime {
        UnixTime::from_seconds(1_800_000_000 + second).unwrap()
    }

    fn change(second: i64, steps: Vec<Step>) -> Task {
        let word = String::new;
        let audit = Draft { at: at(second), actor: word(), action: word(), subject: word(), detail: word() };
        let written = Written::of(&steps);
        Task::Change(Change { steps, audit }, written)
    }

    fn municipality(code: &str) -> Step {
        Step::Municipality(code.parse().unwrap())
    }

    /// Commits the tasks together; what became of each.
    fn together(sql: &mut Connection, tasks: Vec<Task>) -> Vec<Result<(), StoreError>> {
        let (outcomes, events) = commit(sql, 0, &tasks).unwrap();
        assert!(events.is_empty());
        outcomes.into_iter().map(|outcome| outcome.map(drop)).collect()
    }

    #[test]
    fn a_refused_change_in_a_batch_leaves_nothing_and_the_others_go_on() {
        let dir = tempfile::TempDir::new().unwrap();
        let place = Place::new(&dir.path().join("jitsuin.db"), SqliteOptions::default());
        let mut sql = place.open_to_write().unwrap();
        let nothing_to_issue = || Step::Issue { kind: Kind::Sign, index: 0, certificate: Vec::new() };
        let outcomes = together(
            &mut sql,
            vec![
                change(0, vec![municipality("13115")]),
                change(0, vec![municipality("28207"), nothing_to_issue()]),
                Task::Allocate(Kind::Sign, 5),
                Task::Allocate(Kind::Sign, u64::MAX),
                change(0, vec![municipality("01101")]),
            ],
        );
        let (conflict, outside) = (StoreError::Conflict(refusal::STATE), StoreError::Conflict(refusal::OUTSIDE));
        assert_eq!(outcomes, [Ok(()), Err(conflict), Ok(()), Err(outside), Ok(())]);

        let codes = read::all(&sql, "SELECT code FROM municipality ORDER BY code", [], |row| row.get::<_, String>(0));
        let codes: Vec<MunicipalityCode> = codes.unwrap().iter().map(|code| code.parse().unwrap()).collect();
        assert_eq!(codes, ["01101", "13115"].map(|code| code.parse().unwrap()));
        let entries = read::all(&sql, "SELECT * FROM audit_entry ORDER BY position", [], rows::audit_entry).unwrap();
        let tip = Tip::read(&sql).unwrap();
        assert_eq!(audit::follow(&entries, 0, GENESIS), Ok((2, tip.seal)));
    }

    #[test]
    fn within_a_batch_too_the_clock_may_not_creep_back() {
        let dir = tempfile::TempDir::new().unwrap();
        let place = Place::new(&dir.path().join("jitsuin.db"), SqliteOptions::default());
        let mut sql = place.open_to_write().unwrap();
        let outcomes = together(&mut sql, [1000, 950, 930, 940].map(|second| change(second, Vec::new())).into());
        assert_eq!(outcomes, [Ok(()), Ok(()), Err(StoreError::ClockWentBack { last: at(1000) }), Ok(())]);
    }
}
