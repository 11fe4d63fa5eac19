//! The fold, and readers beside it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread,
};

use super::*;
use crate::{
    revocation::{
        serial::SerialPermutation,
        snapshot::{self, Lineage},
    },
    rules::Cause,
    x509::{RevocationReason, UnixTime},
};

fn event(position: u64, index: u64, state: CertificateState) -> StatusEvent {
    let ended = matches!(state, CertificateState::Held | CertificateState::Revoked);
    let revocation = ended.then_some(Revocation {
        revocation_date: UnixTime::EPOCH,
        reason: RevocationReason::CertificateHold,
        invalidity_date: None,
        cause: Cause::CardLost,
    });
    StatusEvent { position, kind: Kind::Auth, index, state, revocation, recorded: UnixTime::EPOCH }
}

#[test]
fn what_was_never_issued_is_never_good() {
    let index = StatusIndex::default();
    index.apply(&[event(1, 70, CertificateState::Live)]);
    for (other, kind) in [(69, Kind::Auth), (71, Kind::Auth), (70, Kind::Sign), (u64::MAX, Kind::Auth)] {
        assert_eq!(index.status(kind, other), Status::NeverIssued, "{kind} {other}");
    }
    assert_eq!(index.status(Kind::Auth, 70), Status::Good);
}

#[test]
fn a_hold_ends_with_its_release_and_a_replayed_event_changes_nothing() {
    let index = StatusIndex::default();
    let story =
        [event(1, 5, CertificateState::Live), event(2, 5, CertificateState::Held), event(3, 5, CertificateState::Live)];
    index.apply(&story[..2]);
    assert!(matches!(index.status(Kind::Auth, 5), Status::Revoked(_)));
    index.apply(&story);
    assert_eq!(index.status(Kind::Auth, 5), Status::Good);
    index.apply(&story[1..2]);
    assert_eq!(index.status(Kind::Auth, 5), Status::Good);
    assert_eq!(index.position(), 3);
}

#[test]
fn neighbours_in_a_word_do_not_disturb_each_other() {
    let index = StatusIndex::default();
    for number in 0..100 {
        let state = if number % 3 == 0 { CertificateState::Revoked } else { CertificateState::Live };
        index.apply(&[event(number + 1, number, state)]);
    }
    for number in 0..100 {
        let revoked = matches!(index.status(Kind::Auth, number), Status::Revoked(_));
        assert_eq!(revoked, number % 3 == 0, "{number}");
    }
}

/// Certificates in the race: most share a word of bits, so that they share a chain of records too.
const RUNNERS: [u64; 4] = [0, 1, 31, 300_000];

/// The n-th state of a certificate in the race: every field of it tells n.
fn nth(n: u64) -> Status {
    if n == 0 {
        return Status::NeverIssued;
    }
    // Some of what ends goes straight over into another end.
    if n % 3 == 1 {
        return Status::Good;
    }
    // One in two takes a long record.
    let date = 1_000_000_000 + n as i64 + if n.is_multiple_of(4) { 8_000_000_000 } else { 0 };
    let time = |seconds| UnixTime::from_seconds(seconds).unwrap();
    Status::Revoked(Revocation {
        revocation_date: time(date),
        reason: RevocationReason::ALL[n as usize % 8],
        invalidity_date: (!n.is_multiple_of(5)).then(|| time(date - n as i64)),
        cause: Cause::ALL[n as usize % 23],
    })
}

/// The race's event at a position: each certificate in turn comes into its next state.
fn race_event(position: u64) -> StatusEvent {
    let runners = RUNNERS.len() as u64;
    let (n, index) = ((position - 1) / runners + 1, RUNNERS[((position - 1) % runners) as usize]);
    let (state, revocation) = match nth(n) {
        Status::Revoked(revocation) => (CertificateState::Revoked, Some(revocation)),
        _ => (CertificateState::Live, None),
    };
    StatusEvent { position, kind: Kind::Auth, index, state, revocation, recorded: UnixTime::EPOCH }
}

/// How many states a runner has gone through after the event at a position.
fn states_at(runner: usize, position: u64) -> u64 {
    (position + (RUNNERS.len() - 1 - runner) as u64) / RUNNERS.len() as u64
}

/// Reads until the race is over; every answer is one of the states between what was taken in before the question and what was
/// begun after the answer, and none is before the one seen last.
fn watch(index: &StatusIndex, race: &Race) {
    let mut last = [0; RUNNERS.len()];
    while !race.over.load(SeqCst) {
        for (runner, number) in RUNNERS.into_iter().enumerate() {
            let earliest = states_at(runner, index.position()).max(last[runner]);
            let found = index.status(Kind::Auth, number);
            let latest = states_at(runner, race.begun.load(SeqCst));
            let state = (earliest..=latest).find(|n| nth(*n) == found);
            assert!(state.is_some(), "{found:?} is none of the states {earliest} to {latest} of {number}");
            race.seen.fetch_add(u64::from(state > Some(last[runner])), SeqCst);
            last[runner] = state.unwrap_or_default();
        }
    }
}

#[derive(Default)]
struct Race {
    /// The last event that the writer has begun to hand over.
    begun: AtomicU64,
    /// Changes that readers saw.
    seen: AtomicU64,
    over: AtomicBool,
}

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, SeqCst);
    }
}

/// Ends the race, also when a reader has found something.
struct Over<'a>(&'a Race);

/// Runs the race on an index from its position on, until so many changes were seen, however busy the machine is.
fn run(index: &StatusIndex) {
    const SEEN: u64 = 50_000;
    /// What takes longer fails.
    const MOST: u64 = 100_000_000;
    let race = Race { begun: AtomicU64::new(index.position()), ..Race::default() };
    let end = thread::scope(|scope| {
        let readers: Vec<_> = (0..2).map(|_| scope.spawn(|| watch(index, &race))).collect();
        let _over = Over(&race);
        let mut position = index.position();
        while race.seen.load(SeqCst) < SEEN && readers.iter().all(|reader| !reader.is_finished()) {
            assert!(position < MOST, "the readers saw nothing of the race");
            let batch: Vec<_> = (position + 1..=position + 1 + position % 4).map(race_event).collect();
            position += batch.len() as u64;
            race.begun.store(position, SeqCst);
            index.apply(&batch);
        }
        position
    });
    for (runner, number) in RUNNERS.into_iter().enumerate() {
        assert_eq!(index.status(Kind::Auth, number), nth(states_at(runner, end)));
    }
    assert_eq!(index.revocations(Kind::Auth), RUNNERS.len() as u64);
}

#[test]
fn readers_beside_a_writer_see_states_that_were_whole_and_in_their_order() {
    run(&StatusIndex::default());
}

/// Some of the records stood in the snapshot, others come to those in the same word.
#[test]
fn and_so_they_do_in_an_index_that_came_out_of_a_snapshot() {
    let begun: Vec<_> = (1..=6).map(race_event).collect();
    let (index, mut octets) = (StatusIndex::default(), Vec::new());
    index.apply(&begun);
    let lineage = Lineage::new(&[], &SerialPermutation::new(1, &[0; 16]).unwrap());
    snapshot::write(&index, &lineage, &mut octets).unwrap();
    let snapshot = snapshot::read(&mut &octets[..], &lineage).unwrap();
    let follow = |after: u64, follower: Arc<dyn Follower>| {
        follower.apply(&begun[after as usize..]);
        Ok(())
    };
    run(&snapshot.follow(follow).unwrap());
}

#[test]
fn what_lies_beyond_the_end_of_the_table_stays_never_issued() {
    let index = StatusIndex::default();
    let mut last = event(2, 1 << 37, CertificateState::Revoked);
    index.apply(&[event(1, u64::MAX, CertificateState::Live), last.clone()]);
    assert_eq!(index.status(Kind::Auth, u64::MAX), Status::NeverIssued);
    assert_eq!(index.status(Kind::Auth, 1 << 37), Status::NeverIssued);
    (last.position, last.index) = (3, (1 << 37) - 1);
    index.apply(&[last]);
    assert!(matches!(index.status(Kind::Auth, (1 << 37) - 1), Status::Revoked(_)));
    assert_eq!(index.position(), 3);
}
