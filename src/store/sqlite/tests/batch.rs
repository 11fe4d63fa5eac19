//! Changes that are refused within a batch.

use rusqlite::Connection;

use crate::{
    audit::{self, Draft, GENESIS},
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{Change, Step, StoreError, written::Written},
    store::{
        SqliteOptions, refusal,
        sql::{NONE, Task, Tip, all, rows},
        sqlite::{desk::commit, open::Place},
    },
    x509::UnixTime,
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

    let codes = all(&sql, "SELECT code FROM municipality ORDER BY code", NONE, |row| row.get::<_, String>(0));
    let codes: Vec<MunicipalityCode> = codes.unwrap().iter().map(|code| code.parse().unwrap()).collect();
    assert_eq!(codes, ["01101", "13115"].map(|code| code.parse().unwrap()));
    let entries = all(&sql, "SELECT * FROM audit_entry ORDER BY position", NONE, rows::audit_entry).unwrap();
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
