//! Every call of the store on the status path made to fail, one at a time: no wrong signed answer leaves the house.
//!
//! The path is told as a tale ([`tale`]): a service starts, publishes, takes a revocation, a hold and a release, tells of them,
//! is asked for lists, finishes what was left, renews its responders, and starts again. First the tale is told on a store that
//! never fails, and every call is taken down. Then it is told once for each call and each way to fail; after every step, and
//! after the step that failed is done again, what OCSP answers and what lists say is held against the store's events and
//! against what was acknowledged ([`truth`]).
//!
//! A new call in a step makes its own rows. A new method of the store must say in [`CALLS`] whether it is on the path; one
//! that is must be met, and one that is not must not. A new step is a line in [`tale::STEPS`].
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part")]
#[path = "support/ward.rs"]
mod ward;

#[path = "support/weak_keys.rs"]
mod weak_keys;

#[path = "status_faults/faulty.rs"]
mod faulty;
#[path = "status_faults/tale.rs"]
mod tale;
#[path = "status_faults/truth.rs"]
mod truth;
#[path = "status_faults/world.rs"]
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    sync::Mutex,
    thread,
};

use faulty::{Call, Fails, When};
use tale::{STEPS, Told, tell};
use ward::methods;
use world::World;

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    /// On the status path: met in the tale, and made to fail.
    Path,
    /// Elsewhere; why nothing is signed by what it reads.
    Off(&'static str),
}

const REGISTER: On = On::Off("the feed's; tests/register makes each of its calls fail");

const APPLICATION: On = On::Off("an application's; tests/applications makes each of its calls fail");

/// Every method of the store.
const CALLS: &[(&str, On)] = &[
    ("commit", On::Path),
    ("commit_each", On::Path),
    ("allocate", On::Path),
    ("follow", On::Path),
    ("dossier", On::Path),
    ("holder_of_card", On::Path),
    ("certificate", On::Path),
    ("erased", On::Off("the auditor's and the doctor's; nothing is signed")),
    ("retained", On::Off("an erasure's, which signs nothing")),
    ("old_answers", On::Off("an erasure's, which signs nothing")),
    ("reserved", On::Path),
    ("answer", On::Path),
    ("each_revoked", On::Path),
    ("draft_list", On::Path),
    ("newest_crls", On::Path),
    (
        "crl",
        On::Off("`crl verify` and the doctor hold kept lists against it; a list by its number goes out as it was kept"),
    ),
    ("crl_before", On::Path),
    ("certificates", On::Off("the doctor's own reading; nothing is signed")),
    ("listed_events", On::Path),
    ("authorities", On::Path),
    ("municipalities", On::Path),
    ("credentials", On::Path),
    ("credential", On::Off("the registration listener's door, before any story")),
    ("access_list", On::Path),
    ("consents", On::Off("what is told under consent is not signed; tests/consent makes each call fail")),
    ("history", On::Off("a statement's; tests/statements makes each of its calls fail")),
    ("relying_parties", On::Off("the operator's list")),
    ("relying_party", On::Off("a statement's; tests/statements makes each of its calls fail")),
    ("disclosures", On::Off("the ledger is shown, not signed")),
    ("usage", On::Off("the ledger is shown, not signed")),
    ("register_text", On::Off("what is shown beside a certificate; it was signed before")),
    ("exception", On::Off("asked for who may not have SIGN; tests/applications makes each of its calls fail")),
    ("exceptions", On::Off("lists what waits for a second officer; registration only, one read")),
    ("counts", On::Off("metrics")),
    ("audit_after", On::Off("`audit verify`")),
    ("last_recorded", On::Off("readiness")),
    ("vouch", On::Off("a node's, before it says that it is up to date; no status is signed by it")),
    ("check_time", On::Off("readiness")),
    ("marks", On::Off("checkpoints'; no status is signed by them")),
    ("number_floor", On::Path),
    ("check_writable", On::Off("readiness")),
    ("register_entries", REGISTER),
    ("register_entry", REGISTER),
    ("deadlines", REGISTER),
    ("deadline", REGISTER),
    ("notices", REGISTER),
    ("notice", REGISTER),
    ("endings", REGISTER),
    ("ending_counts", REGISTER),
    ("application", APPLICATION),
    ("application_of", On::Path),
    ("select", APPLICATION),
];

/// Every method of the store is on the table, and those of the path are met.
fn is_whole(trace: &[Call]) {
    let listed: BTreeSet<_> = CALLS.iter().map(|(method, _)| *method).collect();
    assert_eq!(listed, methods().collect(), "a method of the store has no place on the table yet");
    for (method, on) in CALLS {
        let met = trace.iter().filter(|call| call.method == *method).count();
        match on {
            On::Path => assert!(met > 0, "{method} is on the path, and the tale does not meet it"),
            On::Off(why) => assert_eq!(met, 0, "{method} is met on the path; the table has: {why}"),
        }
    }
    for step in STEPS {
        assert!(trace.iter().any(|call| call.step == step.name), "{} meets no call", step.name);
    }
}

/// A row of the table: a call of a step, and a way to fail.
#[derive(Default)]
struct Row {
    /// How many calls failed, each once.
    calls: u64,
    /// How often the step went on in spite of it.
    went_on: u64,
    /// How often it failed and was done again.
    again: u64,
    /// OCSP answers that were signed, and those that were an unsigned error.
    answers: (u64, u64),
    /// Lists that were looked at.
    lists: u64,
}

/// Tells the tale for each call that fails this way, and gives the table.
fn table(world: &World, fails: Fails) -> String {
    let calm = tell(world, When::Never);
    assert!(calm.again.is_none() && calm.lists > 100 && calm.answers.0 > 100, "{calm:?}");
    let calls = chosen(fails, calm.trace);
    let rows: Mutex<BTreeMap<(usize, &str, &str), Row>> = Mutex::default();
    let next = Mutex::new(calls.iter());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some((number, call)) = next.lock().unwrap().next() else { return };
                    let told = tell(world, When::At(*number, fails));
                    assert_eq!(told.failed.as_ref(), Some(call), "the tale took another turn before call {number}");
                    let place = STEPS.iter().position(|step| step.name == call.step).unwrap();
                    let mut rows = rows.lock().unwrap();
                    let row = rows.entry((place, call.step, call.method)).or_default();
                    if row.calls == 0 {
                        truth::openssl_agrees(world, &told);
                    }
                    row.take(&told);
                }
            });
        }
    });
    let rows = rows.into_inner().unwrap();
    let met: u64 = rows.values().map(|row| row.calls).sum();
    assert_eq!(met, calls.len() as u64, "every chosen call failed once");
    written(fails, &rows)
}

/// The calls that fail, with their numbers: of the like calls of one step the first and the last, and each write that does
/// not happen or is reported as failed, for each is another list or another responder.
fn chosen(fails: Fails, trace: Vec<Call>) -> Vec<(u64, Call)> {
    let calls: Vec<(u64, Call)> = (1..).zip(trace).filter(|(_, call)| fails.concerns(call.method)).collect();
    let is_chosen = |at: &usize| {
        let (before, rest) = calls.split_at(*at);
        let (this, after) = rest.split_first().unwrap();
        let like = |calls: &[(u64, Call)]| calls.iter().filter(|(_, call)| *call == this.1).count();
        let each =
            ["commit", "commit_each"].contains(&this.1.method) && [Fails::Unavailable, Fails::Kept].contains(&fails);
        each || like(before) == 0 || like(after) == 0
    };
    (0..calls.len()).filter(is_chosen).map(|at| calls[at].clone()).collect()
}

impl Row {
    fn take(&mut self, told: &Told) {
        self.calls += 1;
        self.went_on += u64::from(told.again.is_none());
        self.again += u64::from(told.again.is_some());
        self.answers = (self.answers.0 + told.answers.0, self.answers.1 + told.answers.1);
        self.lists += told.lists;
    }
}

fn written(fails: Fails, rows: &BTreeMap<(usize, &str, &str), Row>) -> String {
    let mut text = format!(
        "{fails:?}\n{:18} {:15} {:>5} {:>8} {:>6} {:>15} {:>15} {:>6}\n",
        "step", "call", "calls", "went on", "again", "signed answers", "unsigned errors", "lists"
    );
    for ((_, step, method), row) in rows {
        let Row { calls, went_on, again, answers: (signed, unsigned), lists } = row;
        writeln!(
            text,
            "{step:18} {method:15} {calls:>5} {went_on:>8} {again:>6} {signed:>15} {unsigned:>15} {lists:>6}"
        )
        .unwrap();
    }
    text
}

#[test]
fn whichever_call_of_the_store_fails_and_however_nothing_wrong_is_signed() {
    let world = World::new();
    is_whole(&tell(&world, When::Never).trace);
    for fails in [Fails::Unavailable, Fails::Kept, Fails::Corrupt, Fails::Conflict, Fails::Outage] {
        println!("{}", table(&world, fails));
    }
}
