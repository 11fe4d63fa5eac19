//! «Atomic», «serial», «append-only» and «followed»: what holds of changes together, also from many threads.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use jitsuin::{
    audit::{self, GENESIS, Marks, Of},
    kind::Kind::{self, Auth, Sign},
    ports::{CertificateRecord, CrlRecord, Follower, StatusEvent, Step, Store, StoreError},
    rules::CertificateState::{Expired, Held, Live, Reserved, Revoked},
    scope::CrlScope,
    x509::{RevocationReason, Serial, UnixTime},
};

use crate::{Open, fixture::*};

const THREADS: u64 = 8;

pub(crate) fn a_refused_last_step_leaves_nothing_not_even_the_entry(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    live(&*store, Auth, 0, 1);
    let log = Log::following(&*store, 0);
    let before = everything(&*store);
    let mut renewed = holder(1);
    renewed.version = 1;
    let refused = commit(
        &*store,
        vec![
            Step::Holder(renewed),
            Step::Holder(holder(2)),
            Step::Card(card(2, 2)),
            reserve(reservation(Sign, 0, 1)),
            issue(Sign, 0),
            status(Auth, 0, Live, Held),
            Step::Answer(answer("client", "key-1", b"x")),
            Step::Crl(crl(CrlScope::Full, 1)),
            Step::Authority(authority(Sign, 1)),
            Step::Municipality(itami()),
            Step::Credential(credential(1, "a")),
            status(Sign, 0, Held, Revoked),
        ],
    );
    assert!(matches!(refused, Err(StoreError::Conflict(_))));
    assert_eq!(everything(&*store), before);
    assert_eq!(log.positions(), [1]);
    // The next change takes the places that the refused one did not.
    commit(&*store, vec![status(Auth, 0, Live, Held)]).unwrap();
    assert_eq!(log.positions(), [1, 2]);
    assert_chain(&*store);
}

pub(crate) fn a_change_without_steps_still_writes_its_entry(open: Open) {
    let (_dir, store) = crate::fresh(open);
    commit(&*store, vec![]).unwrap();
    let entries = store.audit_after(0, 10).unwrap();
    assert_eq!(entries, [change(vec![]).audit.seal(Some(Vec::new()), 1, &GENESIS)]);
}

pub(crate) fn entries_are_read_in_pages(open: Open) {
    let (_dir, store) = crate::fresh(open);
    (0..5).for_each(|second| store.commit(change_at(second, vec![])).unwrap());
    let page = |position, limit| -> Vec<u64> {
        store.audit_after(position, limit).unwrap().iter().map(|entry| entry.position).collect()
    };
    assert_eq!(page(0, 2), [1, 2]);
    assert_eq!(page(2, 2), [3, 4]);
    assert_eq!(page(4, 2), [5]);
    assert!(page(5, 2).is_empty() && page(u64::MAX, 2).is_empty() && page(0, 0).is_empty());
}

pub(crate) fn an_index_is_given_once_to_one_of_many_threads(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let store = &*store;
    let ranges: Vec<_> = thread::scope(|scope| {
        let take = |number| move || [1, 3, 2].map(|count| store.allocate(Sign, count + number % 2).unwrap());
        let threads: Vec<_> = (0..THREADS).map(|number| scope.spawn(take(number))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let given: Vec<u64> = ranges.into_iter().flatten().collect();
    let distinct: HashSet<u64> = given.iter().copied().collect();
    assert_eq!(distinct.len(), given.len());
    assert_eq!(distinct.into_iter().max(), Some(given.len() as u64 - 1), "dense from 0");
    assert_eq!(store.allocate(Auth, 0).unwrap(), 0..0, "each kind has its own");
    assert_eq!(store.allocate(Auth, 2).unwrap(), 0..2);
}

pub(crate) fn of_many_who_read_one_version_one_writes(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    let (store, won) = (&*store, &AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(move || {
                for version in 1..=5 {
                    let mut record = holder(1);
                    record.version = version;
                    match commit(store, vec![Step::Holder(record)]) {
                        Ok(()) => drop(won.fetch_add(1, Ordering::SeqCst)),
                        Err(error) => assert!(matches!(error, StoreError::Conflict(_)), "{error}"),
                    }
                }
            });
        }
    });
    let version = store.dossier(&reference(1)).unwrap().unwrap().holder.version;
    assert_eq!(version, 1 + won.load(Ordering::SeqCst));
}

pub(crate) fn a_dossier_is_read_at_one_instant(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    live(&*store, Auth, 0, 1);
    live(&*store, Sign, 0, 1);
    let (store, done) = (&*store, &AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    let dossier = store.dossier(&reference(1)).unwrap().unwrap();
                    let held = dossier.holder.version.is_multiple_of(2);
                    let expected = if held { Held } else { Live };
                    assert!(dossier.certificates.iter().all(|one| one.state == expected), "{dossier:?}");
                    assert_eq!(dossier.cards[0].void, held);
                }
            });
        }
        for version in 1..=60 {
            let (from, to) = if version % 2 == 1 { (Live, Held) } else { (Held, Live) };
            let (mut person, mut medium) = (holder(1), card(1, 1));
            person.version = version;
            medium.void = to == Held;
            let halves = vec![status(Auth, 0, from, to), status(Sign, 0, from, to)];
            let steps = [vec![Step::Holder(person)], halves, vec![Step::Card(medium)]].concat();
            commit(store, steps).unwrap();
        }
        done.store(true, Ordering::SeqCst);
    });
}

pub(crate) fn what_was_acknowledged_is_seen_by_who_reads_afterwards(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let store = &*store;
    thread::scope(|scope| {
        for number in 0..THREADS {
            scope.spawn(move || {
                for step in 0..5 {
                    let of = number * 100 + step;
                    enrol(store, of);
                    assert!(store.dossier(&reference(of)).unwrap().is_some());
                    assert_eq!(store.holder_of_card(&card_number(of)).unwrap(), Some(reference(of)));
                }
            });
        }
    });
}

/// A follower that insists on order and on whole sequences, and tells how far it is.
struct Strict(AtomicU64);

impl Follower for Strict {
    fn apply(&self, events: &[StatusEvent]) {
        for event in events {
            let before = self.0.fetch_add(1, Ordering::SeqCst);
            assert_eq!(event.position, before + 1, "a gap, a doubling or a wrong order");
        }
    }
}

/// Threads issue and revoke while others begin to follow; every acknowledged event has reached every follower.
pub(crate) fn followers_miss_nothing_whenever_they_begin(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let store = &*store;
    let early = Arc::new(Strict(AtomicU64::new(0)));
    store.follow(0, early.clone()).unwrap();
    thread::scope(|scope| {
        for number in 0..THREADS {
            let early = early.clone();
            scope.spawn(move || {
                for step in 0..6 {
                    let of = 1 + number * 100 + step;
                    let index = store.allocate(Sign, 1).unwrap().start;
                    enrol(store, of);
                    let before = early.0.load(Ordering::SeqCst);
                    commit(store, vec![reserve(reservation(Sign, index, of)), issue(Sign, index)]).unwrap();
                    assert!(early.0.load(Ordering::SeqCst) > before, "acknowledged before it was followed");
                    commit(store, vec![status(Sign, index, Live, Revoked)]).unwrap();
                }
            });
        }
        for _ in 0..4 {
            let early = early.clone();
            scope.spawn(move || {
                for _ in 0..5 {
                    let after = early.0.load(Ordering::SeqCst) / 2;
                    store.follow(after, Arc::new(Strict(AtomicU64::new(after)))).unwrap();
                }
            });
        }
    });
    let last = THREADS * 6 * 2;
    assert_eq!(early.0.load(Ordering::SeqCst), last);
    assert_eq!(Log::following(store, 0).positions(), (1..=last).collect::<Vec<_>>());
    assert_eq!(store.audit_after(0, usize::MAX).unwrap().len() as u64, THREADS * 6 * 3);
    assert_chain(store);
}

pub(crate) fn followers_get_live_held_and_revoked_but_neither_reserved_nor_expired(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    let log = Log::following(&*store, 0);
    commit(&*store, vec![reserve(reservation(Auth, 0, 1))]).unwrap();
    assert!(log.events().is_empty());
    commit(&*store, vec![issue(Auth, 0), status(Auth, 0, Live, Held), status(Auth, 0, Held, Live)]).unwrap();
    commit(&*store, vec![status(Auth, 0, Live, Expired)]).unwrap();
    commit(&*store, vec![reserve(reservation(Auth, 1, 1)), status(Auth, 1, Reserved, Revoked)]).unwrap();
    let told: Vec<_> = log
        .events()
        .iter()
        .map(|event| (event.position, event.index, event.state, event.revocation.is_some()))
        .collect();
    assert_eq!(told, [(1, 0, Live, false), (2, 0, Held, true), (3, 0, Live, false), (4, 1, Revoked, true)]);
    assert_eq!(Log::following(&*store, 2).positions(), [3, 4]);
    assert!(Log::following(&*store, 4).positions().is_empty());
}

pub(crate) fn a_follower_ahead_of_the_store_is_refused(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let ahead = store.follow(1, Arc::new(Log::default()));
    assert!(matches!(ahead, Err(StoreError::Corrupt(_))));
    enrol(&*store, 1);
}

pub(crate) fn a_list_carries_what_is_held_or_revoked_in_its_scope_by_serial(open: Open) {
    let (_dir, store) = crate::fresh(open);
    // Lengths and first octets in which the order of numbers is not the order of octets.
    let serials: [&[u8]; 5] = [&[0x7F], &[0, 0x80], &[1, 0], &[0x20, 0, 0], &[0x10, 0, 0, 0]];
    for (number, octets) in serials.iter().enumerate().rev() {
        let number = number as u64;
        enrol(&*store, number);
        let mut record = reservation(Sign, number, number);
        record.serial = Serial::from_octets(octets).unwrap();
        record.not_after = at(100 + number as i64);
        record.municipality = if number < 2 { suginami() } else { itami() };
        record.generation = if number == 4 { 2 } else { 1 };
        commit(&*store, vec![reserve(record)]).unwrap();
    }
    commit(&*store, vec![status(Sign, 0, Reserved, Revoked), issue(Sign, 1), status(Sign, 1, Live, Held)]).unwrap();
    for index in 2..5 {
        commit(&*store, vec![issue(Sign, index), status(Sign, index, Live, Revoked)]).unwrap();
    }
    let listed = |generation, scope, bound| -> Vec<usize> {
        let (entries, position) = store.revoked(Sign, generation, scope, at(bound)).unwrap();
        assert_eq!(position, 9);
        let place = |serial: Serial| serials.iter().position(|octets| *octets == serial.octets()).unwrap();
        entries.iter().map(|entry| place(entry.serial)).collect()
    };
    assert_eq!(listed(1, CrlScope::Full, 0), [0, 1, 2, 3]);
    assert_eq!(listed(1, CrlScope::Full, 101), [1, 2, 3], "the bound itself is in");
    assert_eq!(listed(1, CrlScope::Full, 104), [0; 0]);
    assert_eq!(listed(2, CrlScope::Full, 104), [4]);
    assert_eq!(listed(1, CrlScope::Municipality(suginami()), 0), [0, 1]);
    assert_eq!(listed(1, CrlScope::Municipality(itami()), 103), [3]);
    assert_eq!(listed(1, CrlScope::Authorities, 0), [0; 0]);
    assert!(store.revoked(Auth, 1, CrlScope::Full, at(0)).unwrap().0.is_empty());
    commit(&*store, vec![status(Sign, 1, Held, Live)]).unwrap();
    assert_eq!(store.revoked(Sign, 1, CrlScope::Full, at(0)).unwrap().0.len(), 3);
}

pub(crate) fn a_list_keeps_a_hold_that_the_end_of_validity_overtook(open: Open) {
    let (_dir, store) = crate::fresh(open);
    for index in 0..4 {
        enrol(&*store, index);
        live(&*store, Auth, index, index);
    }
    commit(&*store, vec![status(Auth, 0, Live, Held), status(Auth, 0, Held, Expired)]).unwrap();
    commit(&*store, vec![status(Auth, 1, Live, Held), status(Auth, 1, Held, Live), status(Auth, 1, Live, Expired)])
        .unwrap();
    commit(&*store, vec![status(Auth, 2, Live, Expired)]).unwrap();
    let serial = one(&*store, Auth, 0, 0).serial;
    let not_after = one(&*store, Auth, 0, 0).not_after;
    for scope in [CrlScope::Full, CrlScope::Municipality(suginami())] {
        let (entries, _) = store.revoked(Auth, 1, scope, not_after).unwrap();
        let entries: Vec<_> = entries.iter().map(|entry| (entry.serial, entry.reason)).collect();
        assert_eq!(entries, [(serial, RevocationReason::CertificateHold)]);
        let later = not_after + std::time::Duration::from_secs(1);
        assert!(store.revoked(Auth, 1, scope, later).unwrap().0.is_empty());
    }
}

/// Of a list that takes more than one page, and of one that takes one.
pub(crate) fn a_list_is_as_of_one_event_whatever_happens_while_it_is_read(open: Open) {
    const MANY: u64 = 24;
    let (_dir, store) = crate::fresh(open);
    for index in 0..MANY {
        enrol(&*store, index);
        let record = reservation(Auth, index, index);
        let municipality = if index % 3 == 0 { suginami() } else { itami() };
        commit(&*store, vec![reserve(CertificateRecord { municipality, ..record }), issue(Auth, index)]).unwrap();
        if index % 2 == 0 {
            commit(&*store, vec![status(Auth, index, Live, Held)]).unwrap();
        }
    }
    let (store, done, read) = (&*store, &AtomicBool::new(false), &AtomicU64::new(0));
    let seen = thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut seen = Vec::new();
            while !done.load(Ordering::SeqCst) {
                for scope in [CrlScope::Full, CrlScope::Municipality(itami())] {
                    seen.push((scope, store.revoked(Auth, 1, scope, at(0)).unwrap()));
                }
                read.fetch_add(1, Ordering::SeqCst);
            }
            seen
        });
        // Some come to an end; the others go on changing for as long as lists are read.
        let change = |index: u64, round: u64| {
            let next = match state_of(store, Auth, index, index) {
                Held if index < 4 && round > 40 => vec![status(Auth, index, Held, Revoked)],
                Held if index < 8 && round > 40 => vec![status(Auth, index, Held, Expired)],
                Held => vec![status(Auth, index, Held, Live)],
                Live => vec![status(Auth, index, Live, Held)],
                _ => Vec::new(),
            };
            commit(store, next).unwrap();
        };
        let mut round = 0;
        while round < 120 || read.load(Ordering::SeqCst) < 20 {
            // Forth and back through the rows, so that some change behind the page and some before it.
            change(if round % 2 == 0 { round * 7 % MANY } else { MANY - 1 - round * 5 % MANY }, round);
            round += 1;
        }
        // At least this has happened after lists were read.
        change(MANY - 1, round);
        done.store(true, Ordering::SeqCst);
        reading.join().unwrap()
    });
    let events = store.listed_events(0, usize::MAX).unwrap();
    assert!(seen.iter().any(|(_, (_, position))| *position < events.len() as u64), "nothing happened meanwhile");
    for (scope, (entries, position)) in seen {
        let mut expected = BTreeMap::new();
        for event in events.iter().take_while(|event| event.event.position <= position) {
            if scope.municipality().is_none_or(|place| place == event.municipality) {
                expected.insert(event.serial, event.event.revocation.as_ref().map(|end| end.reason));
            }
        }
        let expected: Vec<_> = expected.into_iter().filter_map(|(serial, reason)| Some((serial, reason?))).collect();
        let found: Vec<_> = entries.iter().map(|entry| (entry.serial, entry.reason)).collect();
        assert_eq!(found, expected, "{scope:?} as of {position}");
    }
}

pub(crate) fn listed_events_are_the_events_with_their_certificates(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    enrol(&*store, 2);
    live(&*store, Auth, 5, 1);
    let mut elsewhere = reservation(Sign, 6, 2);
    elsewhere.municipality = itami();
    commit(&*store, vec![reserve(elsewhere), status(Sign, 6, Reserved, Revoked)]).unwrap();
    commit(&*store, vec![status(Auth, 5, Live, Held), status(Auth, 5, Held, Live)]).unwrap();
    let listed = store.listed_events(0, 100).unwrap();
    assert_eq!(listed.iter().map(|one| one.event.clone()).collect::<Vec<_>>(), Log::following(&*store, 0).events());
    for row in &listed {
        let of = if row.event.kind == Auth { 1 } else { 2 };
        let record = one(&*store, row.event.kind, row.event.index, of);
        let expected = (record.generation, record.serial, record.municipality, record.not_after);
        assert_eq!((row.generation, row.serial, row.municipality, row.not_after), expected);
    }
    let released: Vec<_> = listed.iter().map(|row| row.released).collect();
    assert_eq!(released, [None, None, None, Some(at(10))], "only the end of a hold says when it began");
    for (after, limit) in [(0, 2), (1, 3), (3, 100), (4, 1), (99, 1), (0, 0)] {
        let expected: Vec<_> = listed.iter().skip(after).take(limit).cloned().collect();
        assert_eq!(store.listed_events(after as u64, limit).unwrap(), expected);
    }
}

pub(crate) fn reservations_and_counts_are_as_recorded(open: Open) {
    let (_dir, store) = crate::fresh(open);
    assert!(store.counts().unwrap().is_empty());
    for (of, kind, index) in [(1, Sign, 5), (1, Auth, 9), (2, Sign, 3)] {
        if index != 9 {
            enrol(&*store, of);
        }
        commit(&*store, vec![reserve(reservation(kind, index, of))]).unwrap();
    }
    let reserved: Vec<_> = store.reserved().unwrap().iter().map(|one| (one.kind, one.index)).collect();
    assert_eq!(reserved, [(Sign, 5), (Auth, 9), (Sign, 3)], "oldest first");
    commit(&*store, vec![issue(Auth, 9), issue(Sign, 3)]).unwrap();
    let counts: Vec<_> = store.counts().unwrap().iter().map(|one| (one.kind, one.state, one.count)).collect();
    assert_eq!(counts, [(Sign, Reserved, 1), (Sign, Live, 1), (Auth, Live, 1)]);
    store.check_writable().unwrap();
    assert_eq!(store.audit_after(0, 100).unwrap().len(), 6, "asking writes nothing");
}

pub(crate) fn marks_tell_how_far_the_store_has_come(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let empty = Marks {
        fence: 1,
        at: UnixTime::EPOCH,
        entry: 0,
        seal: GENESIS,
        event: 0,
        indexes: Of::default(),
        lists: Of::default(),
    };
    assert_eq!(store.marks().unwrap(), empty);
    assert_eq!(Kind::BOTH.map(|kind| store.number_floor(kind).unwrap()), [0, 0]);

    enrol(&*store, 1);
    live(&*store, Sign, 0, 1);
    store.allocate(Auth, 7).unwrap();
    store.allocate(Sign, 3).unwrap();
    let municipal = CrlRecord { kind: Auth, ..crl(CrlScope::Municipality(suginami()), 1) };
    let lists = [crl(CrlScope::Full, 1), crl(CrlScope::Full, 2), municipal, crl(CrlScope::FullDelta, 3)];
    commit(&*store, lists.map(Step::Crl).into()).unwrap();
    store.commit(change_at(7, Vec::new())).unwrap();
    let last = store.audit_after(0, usize::MAX).unwrap().pop().unwrap();
    let marks = Marks {
        at: at(7),
        entry: last.position,
        seal: last.seal,
        event: 1,
        indexes: Of { sign: 3, auth: 7 },
        lists: Of { sign: 3, auth: 1 },
        ..empty
    };
    assert_eq!((last.position, store.marks().unwrap()), (5, marks));
}

pub(crate) fn a_store_that_is_stopped_says_why_and_goes_on_being_read(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    store.stop_writing("superseded");
    store.stop_writing("another cause");
    let stopped = StoreError::Stopped("superseded".into());
    assert_eq!(store.commit(change(Vec::new())), Err(stopped.clone()));
    assert_eq!(store.commit_each(vec![change(Vec::new())]), Err(stopped.clone()));
    assert_eq!(store.allocate(Sign, 1), Err(stopped.clone()));
    assert_eq!(store.check_writable(), Err(stopped));
    assert_eq!((store.marks().unwrap().entry, store.dossier(&reference(1)).unwrap().is_some()), (1, true));
}

/// The audit chain is whole.
#[track_caller]
pub(crate) fn assert_chain(store: &dyn Store) {
    let entries = store.audit_after(0, usize::MAX).unwrap();
    let (last, _) = audit::follow(&entries, 0, GENESIS).unwrap();
    assert_eq!(last, entries.len() as u64);
}

pub(crate) fn certificates_are_read_in_pages_by_index_beside_the_last_event(open: Open) {
    let (_dir, store) = crate::fresh(open);
    assert_eq!(store.certificates(Sign, 0, 9), Ok((Vec::new(), 0)));
    for of in [4, 1, 7] {
        enrol(&*store, of);
        live(&*store, Sign, of, of);
    }
    commit(&*store, vec![reserve(reservation(Auth, 1, 1))]).unwrap();
    commit(&*store, vec![status(Sign, 4, Live, Revoked)]).unwrap();
    let page = |kind, from, limit| {
        let (page, position) = store.certificates(kind, from, limit).unwrap();
        assert_eq!(position, 4);
        page.iter().map(|one| (one.index, one.state)).collect::<Vec<_>>()
    };
    assert_eq!(page(Sign, 0, 2), [(1, Live), (4, Revoked)]);
    assert_eq!(page(Sign, 5, 2), [(7, Live)]);
    assert_eq!(page(Sign, 8, 2), []);
    assert_eq!(page(Sign, u64::MAX, 2), []);
    assert_eq!(page(Sign, 0, 0), []);
    assert_eq!(page(Auth, 0, 9), [(1, Reserved)]);
    assert_eq!(store.certificates(Sign, 1, 1).unwrap().0, [one(&*store, Sign, 1, 1)]);
}

pub(crate) fn of_several_changes_each_is_done_or_refused_for_itself(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    live(&*store, Auth, 0, 1);
    let log = Log::following(&*store, 0);
    let person = |of| change(vec![Step::Holder(holder(of)), Step::Card(card(of, of))]);
    let outcomes = store
        .commit_each(vec![
            change(vec![status(Auth, 0, Live, Held)]),
            // The first half of this is done, the second is refused: nothing of it stays.
            change(vec![Step::Municipality(itami()), status(Auth, 0, Held, Live), status(Auth, 0, Held, Live)]),
            person(2),
            change(vec![status(Auth, 0, Live, Revoked)]),
            person(2),
            change(vec![status(Auth, 0, Held, Revoked)]),
        ])
        .unwrap();
    let done: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(done, [true, false, true, false, false, true]);
    assert!(outcomes.iter().all(|one| matches!(one, Ok(()) | Err(StoreError::Conflict(_)))), "{outcomes:?}");
    let states: Vec<_> = log.events().iter().map(|event| (event.position, event.state)).collect();
    assert_eq!(states, [(1, Live), (2, Held), (3, Revoked)]);
    assert!(store.municipalities().unwrap().iter().all(|code| *code != itami()));
    assert!(store.dossier(&reference(2)).unwrap().is_some());
    assert_eq!(store.commit_each(Vec::new()), Ok(Vec::new()));
    assert_chain(&*store);
}

pub(crate) fn several_changes_from_many_threads_come_one_after_the_other(open: Open) {
    const EACH: u64 = 20;
    let (_dir, store) = crate::fresh(open);
    let (store, log) = (&*store, Log::following(&*store, 0));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                let of = |number: u64| thread * EACH + number;
                let enrolled =
                    |number| change(vec![Step::Holder(holder(of(number))), Step::Card(card(of(number), of(number)))]);
                let issued =
                    |number| change(vec![reserve(reservation(Sign, of(number), of(number))), issue(Sign, of(number))]);
                let changes = (0..EACH).flat_map(|number| [enrolled(number), issued(number), issued(number)]);
                let outcomes = store.commit_each(changes.collect()).unwrap();
                for (place, outcome) in outcomes.iter().enumerate() {
                    assert_eq!(outcome.is_ok(), place % 3 != 2, "{place}: {outcome:?}");
                }
            });
        }
    });
    assert_eq!(log.positions(), (1..=THREADS * EACH).collect::<Vec<_>>());
    assert_eq!(store.audit_after(0, usize::MAX).unwrap().len() as u64, THREADS * EACH * 2);
    assert_eq!(store.queue_wait(), std::time::Duration::ZERO, "nobody waits for a store at rest");
    assert_chain(store);
}
