//! The rows, and how each is told with every write gone wrong.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    time::Duration,
};

use jitsuin::{
    authority::{StoryError, issue::Issuance},
    ports::{ApplicationStore, RegisterStore, Store},
    store::{Fault, MemoryStore, PostgresOptions, SqliteStore},
};
use serde::Serialize;
use tempfile::TempDir;

use crate::{
    house::House,
    invariants::{acts, check, check_lists, state},
    pg,
    ward::Warded,
    weather::{Bad, Under, Weather},
};

/// What a story answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    Words(String),
    Pair(Issuance),
}

pub(crate) type Outcome = Result<Told, StoryError>;

/// A story that can be told again: the same request under the same key, where it has one.
pub(crate) type Story = Box<dyn Fn(&House) -> Outcome>;

/// What telling it again means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// The same answer, and nothing happens: it has a key.
    Same,
    /// It finds nothing left to do: a timer's turn.
    Settled,
    /// It is another question, or another list; each is recorded.
    Another,
    /// Its key fails besides: only what holds at all times is asked for.
    Fickle,
}

pub(crate) struct Row {
    pub(crate) name: String,
    /// The function of the authority that it tells.
    pub(crate) of: &'static str,
    pub(crate) again: Again,
    pub(crate) prepare: Box<dyn Fn(&House) -> Story>,
}

impl Row {
    pub(crate) fn new(name: &str, of: &'static str, prepare: impl Fn(&House) -> Story + 'static) -> Self {
        Self { name: name.into(), of, again: Again::Same, prepare: Box::new(prepare) }
    }

    pub(crate) fn settled(self) -> Self {
        Self { again: Again::Settled, ..self }
    }

    pub(crate) fn fickle(self) -> Self {
        Self { again: Again::Fickle, ..self }
    }

    pub(crate) fn another(self) -> Self {
        Self { again: Again::Another, ..self }
    }
}

/// An answer in words.
pub(crate) fn words(told: Result<impl Serialize, StoryError>) -> Outcome {
    told.map(|told| Told::Words(serde_json::to_string(&told).unwrap()))
}

pub(crate) fn pair(told: Result<Issuance, StoryError>) -> Outcome {
    told.map(Told::Pair)
}

/// Every row.
pub(crate) fn rows() -> Vec<Row> {
    let mut all: Vec<Row> = crate::pairs::rows();
    all.extend(crate::applying::rows());
    all.extend(crate::reporting::rows());
    all.extend(crate::consenting::rows());
    all.extend(crate::asking::rows());
    all.extend(crate::keeping::rows());
    all.extend(crate::ending::rows());
    all.extend(crate::admitting::rows());
    all
}

/// A process on a store that has what the house's store has: its start-up is behind it.
fn process<S>(house: &House, store: Under<S>) -> House
where
    S: Store + RegisterStore + ApplicationStore + 'static,
{
    let started = house.beside(Arc::new(Warded(store)));
    started.authority.recover(Duration::ZERO).unwrap();
    started.authority.load_lists().unwrap();
    started.authority.watch_changes().unwrap();
    started
}

/// The process after it: started on the same store when the weather is fine again.
fn restarted(house: &House) -> House {
    let next = house.reopen();
    next.authority.recover(Duration::ZERO).unwrap();
    next.authority.load_lists().unwrap();
    next.authority.watch_changes().unwrap();
    next
}

/// How the story ends where nothing goes wrong.
pub(crate) struct Calm {
    pub(crate) weather: Weather,
    told: Outcome,
    state: String,
    acts: Vec<String>,
    /// What the story itself told the audit.
    pub(crate) new_acts: Vec<String>,
}

pub(crate) fn calm<S>(row: &Row, house: &House, store: S, story: &Story) -> Calm
where
    S: Store + RegisterStore + ApplicationStore + 'static,
{
    let weather = Weather::default();
    let before = acts(house).len();
    let house = process(house, Under::new(store, &weather));
    let told = story(&house);
    delivered(&house, &told, &row.name);
    check(&house, &row.name);
    let acts = acts(&house);
    Calm { weather, told, state: state(&house), new_acts: acts[before..].to_vec(), acts }
}

/// Every answer that was given is kept: its certificates are there.
fn delivered(house: &House, told: &Outcome, case: &str) {
    if let Ok(Told::Pair(issuance)) = told {
        let issued = house.authority.issued(issuance).unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(issued.len(), issuance.certificates.len(), "{case}");
    }
}

/// The request comes again after the fault, until what was left reserved is finished; then nothing may be lost, done twice or
/// half done.
fn again(row: &Row, house: &House, story: &Story, calm: &Calm, case: &str) {
    let told = match story(house) {
        Err(StoryError::InProgress) => {
            house.authority.recover(Duration::ZERO).unwrap();
            story(house)
        }
        told => told,
    };
    house.authority.recover(Duration::ZERO).unwrap();
    check(house, case);
    if row.again == Again::Fickle {
        return;
    }
    if row.again == Again::Another {
        // Another question or list: it is answered as it would have been at first.
        assert_eq!(told.is_ok(), calm.told.is_ok(), "{case}: {told:?}");
        if row.of.starts_with("publish") {
            check_lists(house, case);
        }
        return;
    }
    assert_eq!(state(house), calm.state, "{case}");
    assert_eq!(acts(house), calm.acts, "{case}");
    if row.again == Again::Same {
        assert_eq!(told.is_ok(), calm.told.is_ok(), "{case}: {told:?}");
        delivered(house, &told, case);
        assert_eq!(story(house), told, "{case}: the answer changed");
    } else {
        assert!(told.is_ok(), "{case}: {told:?}");
        story(house).unwrap();
    }
    assert_eq!((state(house), acts(house)), (calm.state.clone(), calm.acts.clone()), "{case}: it was done again");
}

/// The write that went wrong was told of.
fn told_of(row: &Row, (told, bad): (&Outcome, Bad), case: &str) {
    // What is there after all may be found to be there by who looks.
    let may_find_it = bad.fault == Fault::Kept && !bad.dead && row.again != Again::Same;
    let told_so = matches!(told, Err(StoryError::Unavailable(_) | StoryError::Fault(_)));
    assert!(told_so || may_find_it, "{case}: {told:?}");
}

fn in_memory(row: &Row) -> usize {
    let store = Arc::new(MemoryStore::new());
    let house = House::on(Arc::clone(&store) as Arc<_>);
    let story = (row.prepare)(&house);
    let calm = calm(row, &house, store.twin(), &story);
    let writes = calm.weather.writes();
    assert!((1..=20).contains(&writes), "{}: {writes} writes", row.name);
    let mut cases = 0;
    for at in 1..=writes {
        for fault in [Fault::Lost, Fault::Kept] {
            for (dead, recover_first) in [(false, true), (false, false), (true, true)] {
                let bad = Bad { at, fault, dead };
                let case = format!("{}, {bad:?}, recovery first: {recover_first}", row.name);
                let weather = Weather::bad(bad);
                let mut house = process(&house, Under::new(store.twin(), &weather));
                told_of(row, (&story(&house), bad), &case);
                weather.clear();
                if dead {
                    house = restarted(&house);
                }
                if recover_first {
                    house.authority.recover(Duration::ZERO).unwrap();
                    check(&house, &case);
                }
                again(row, &house, &story, &calm, &case);
                cases += 1;
            }
        }
    }
    cases
}

/// The files of a database as they lie there: what a process that is gone leaves behind.
fn image(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let name = file.file_name();
        // What maps the log in memory is made anew by whoever opens it.
        if file.file_type().unwrap().is_file() && !name.to_string_lossy().ends_with("-shm") {
            fs::copy(file.path(), to.join(name)).unwrap();
        }
    }
}

const DATABASE: &str = "jitsuin.db";

/// The database of `from` as it lies there, opened in `to`.
fn opened(from: &Path, to: &Path) -> SqliteStore {
    image(from, to);
    SqliteStore::open(&to.join(DATABASE)).unwrap()
}

fn on_sqlite(row: &Row) -> usize {
    let room = TempDir::new().unwrap();
    let house = House::on(Arc::new(SqliteStore::open(&room.path().join(DATABASE)).unwrap()));
    let story = (row.prepare)(&house);
    let copy = TempDir::new().unwrap();
    let calm = calm(row, &house, opened(room.path(), copy.path()), &story);
    let mut cases = 0;
    for at in 1..=calm.weather.writes() {
        for fault in [Fault::Lost, Fault::Kept] {
            let bad = Bad { at, fault, dead: true };
            let case = format!("{} on SQLite, {bad:?}", row.name);
            let (copy, left) = (TempDir::new().unwrap(), Arc::new(TempDir::new().unwrap()));
            let store = opened(room.path(), copy.path());
            let (from, to) = (copy.path().to_owned(), Arc::clone(&left));
            let struck = Box::new(move || image(&from, to.path()));
            let died = process(&house, Under { inner: store, weather: Weather::bad(bad), struck });
            told_of(row, (&story(&died), bad), &case);
            drop(died);
            let store = SqliteStore::open(&left.path().join(DATABASE)).unwrap();
            let next = process(&house, Under::new(store, &Weather::default()));
            check(&next, &case);
            again(row, &next, &story, &calm, &case);
            cases += 1;
        }
    }
    cases
}

/// The same on a server, which outlives the process: what is there then is what the process left.
fn on_postgres(row: &Row) -> usize {
    let room = TempDir::new().unwrap();
    let house = House::on(Arc::new(pg::open(room.path(), PostgresOptions::default())));
    let story = (row.prepare)(&house);
    let from = pg::image(room.path());
    // The image put its connections out, which it finds when it uses them.
    assert!((0..10).any(|_| house.store.check_writable().is_ok()), "{}: it has no connection", row.name);
    let opened = || {
        let copy = TempDir::new().unwrap();
        pg::copied(&from, copy.path());
        let store = pg::open(copy.path(), PostgresOptions::default());
        (copy, store)
    };
    let (_copy, store) = opened();
    let calm = calm(row, &house, store, &story);
    let mut cases = 0;
    for at in 1..=calm.weather.writes() {
        for fault in [Fault::Lost, Fault::Kept] {
            let bad = Bad { at, fault, dead: true };
            let case = format!("{} on PostgreSQL, {bad:?}", row.name);
            let (copy, store) = opened();
            let died = process(&house, Under { inner: store, weather: Weather::bad(bad), struck: Box::new(|| ()) });
            told_of(row, (&story(&died), bad), &case);
            drop(died);
            let store = pg::open(copy.path(), PostgresOptions::default());
            let next = process(&house, Under::new(store, &Weather::default()));
            check(&next, &case);
            again(row, &next, &story, &calm, &case);
            drop(next);
            pg::dropped(copy.path());
            cases += 1;
        }
    }
    cases
}

/// Tells every so-manieth row, in tests that run side by side: most of a row on SQLite is waiting for its disk. Every row that
/// fails is told of, not only the first.
fn each(engine: fn(&Row) -> usize, part: usize, of: usize) {
    let rows: Vec<Row> = rows().into_iter().skip(part).step_by(of).collect();
    let told: Vec<_> = rows.iter().map(|row| catch_unwind(AssertUnwindSafe(|| engine(row))).ok()).collect();
    let failed: Vec<_> = rows.iter().zip(&told).filter(|(_, told)| told.is_none()).map(|(row, _)| &row.name).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    println!("{} stories, {} cases", rows.len(), told.into_iter().flatten().sum::<usize>());
}

#[test]
fn whichever_write_of_whichever_story_fails_it_ends_as_if_none_had() {
    each(in_memory, 0, 2);
}

#[test]
fn whichever_write_of_whichever_other_story_fails_it_ends_as_if_none_had() {
    each(in_memory, 1, 2);
}

#[test]
fn whichever_write_of_whichever_story_is_the_last_of_the_process_sqlite_opens_again_as_if_it_had_ended_well() {
    each(on_sqlite, 0, 2);
}

#[test]
fn whichever_write_of_whichever_other_story_is_the_last_of_the_process_sqlite_opens_again_as_if_it_had_ended_well() {
    each(on_sqlite, 1, 2);
}

#[test]
fn whichever_write_of_whichever_story_is_the_last_of_the_process_postgres_has_all_of_it_or_nothing() {
    each(on_postgres, 0, 2);
}

#[test]
fn whichever_write_of_whichever_other_story_is_the_last_of_the_process_postgres_has_all_of_it_or_nothing() {
    each(on_postgres, 1, 2);
}
