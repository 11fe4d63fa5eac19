//! «Counted» and «Settled»: relying parties, what they were told, and since when an event is known.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use jitsuin::{
    kind::Kind::{Auth, Sign},
    ports::{RelyingPartyRecord, Role, Step, Store, StoreError, Suspension},
    rules::{
        CertificateState::{Held, Live, Revoked},
        Query,
    },
};
use time::macros::date;

use crate::{Open, fixture::*};

/// A party with its credential and a quota.
fn agreed(store: &dyn Store, name: &str, quota: u32) -> RelyingPartyRecord {
    let record = party(name, quota);
    let octet = name.bytes().fold(100, u8::wrapping_add);
    commit(store, vec![Step::Credential(credential(octet, name)), Step::RelyingParty(record)]).unwrap();
    store.relying_party(name).unwrap().unwrap()
}

#[track_caller]
fn refuses(store: &dyn Store, steps: Vec<Step>) -> StoreError {
    let before = everything(store);
    let refused = commit(store, steps).unwrap_err();
    assert_eq!(everything(store), before, "{refused}");
    refused
}

#[track_caller]
fn conflicts(store: &dyn Store, steps: Vec<Step>) {
    let refused = refuses(store, steps);
    assert!(matches!(refused, StoreError::Conflict(_)), "{refused:?}");
}

pub(crate) fn terms_are_agreed_with_who_has_a_relying_partys_credential(open: Open) {
    let (_dir, store) = crate::fresh(open);
    conflicts(&*store, vec![Step::RelyingParty(party("nobody", 5))]);
    let mut counter = credential(1, "counter");
    counter.role = Role::Municipality;
    commit(&*store, vec![Step::Credential(counter)]).unwrap();
    conflicts(&*store, vec![Step::RelyingParty(party("counter", 5))]);
    let known = agreed(&*store, "e-filing", 5);
    assert_eq!(known, RelyingPartyRecord { version: 1, ..party("e-filing", 5) });
    assert_eq!(store.relying_parties().unwrap(), [known]);
    assert_eq!(store.relying_party("nobody").unwrap(), None);
}

pub(crate) fn a_party_changes_only_at_the_version_that_was_read(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let read = agreed(&*store, "e-filing", 5);
    let suspended = Some(Suspension { since: at(3), reason: "目的外利用, \"quoted\"".into() });
    commit(&*store, vec![Step::RelyingParty(RelyingPartyRecord { suspended: suspended.clone(), ..read.clone() })])
        .unwrap();
    conflicts(&*store, vec![Step::RelyingParty(read.clone())]);
    conflicts(&*store, vec![Step::RelyingParty(RelyingPartyRecord { version: 0, ..read.clone() })]);
    let known = store.relying_party("e-filing").unwrap().unwrap();
    assert_eq!(known, RelyingPartyRecord { suspended, version: 2, ..read });
}

pub(crate) fn an_answer_is_recorded_only_under_the_terms_by_which_it_was_decided(open: Open) {
    let (_dir, store) = crate::fresh(open);
    conflicts(&*store, vec![disclosure("e-filing", None, 0, 1)]);
    let read = agreed(&*store, "e-filing", 5);
    let suspended = Some(Suspension { since: at(3), reason: "x".into() });
    commit(&*store, vec![Step::RelyingParty(RelyingPartyRecord { suspended, ..read })]).unwrap();
    conflicts(&*store, vec![disclosure("e-filing", None, 0, 1)]);
    commit(&*store, vec![disclosure("e-filing", None, 0, 2)]).unwrap();
}

pub(crate) fn a_disclosure_names_a_certificate_of_its_holder_or_none(open: Open) {
    let (_dir, store) = crate::fresh(open);
    agreed(&*store, "e-filing", 5);
    enrol(&*store, 1);
    enrol(&*store, 2);
    live(&*store, Auth, 7, 1);
    conflicts(&*store, vec![disclosure("e-filing", Some((7, 2)), 0, 1)]);
    conflicts(&*store, vec![disclosure("e-filing", Some((8, 1)), 0, 1)]);
    commit(&*store, vec![disclosure("e-filing", Some((7, 1)), 0, 1), disclosure("e-filing", None, 0, 1)]).unwrap();
    let told = store.disclosures(&reference(1), u64::MAX, 9).unwrap();
    assert_eq!(told.iter().map(|one| (one.number, one.of.clone())).collect::<Vec<_>>(), [(1, Some((7, reference(1))))]);
    assert_eq!(store.disclosures(&reference(2), u64::MAX, 9).unwrap(), []);
}

pub(crate) fn disclosures_are_read_newest_first_and_in_pages(open: Open) {
    let (_dir, store) = crate::fresh(open);
    agreed(&*store, "e-filing", 100);
    enrol(&*store, 1);
    live(&*store, Auth, 7, 1);
    for second in 0..7 {
        commit(&*store, vec![disclosure("e-filing", Some((7, 1)), second, 1)]).unwrap();
    }
    let page = |before, limit| -> Vec<u64> {
        store.disclosures(&reference(1), before, limit).unwrap().iter().map(|one| one.number).collect()
    };
    assert_eq!(page(u64::MAX, 3), [7, 6, 5]);
    assert_eq!(page(5, 3), [4, 3, 2]);
    assert_eq!(page(2, usize::MAX), [1]);
    assert_eq!(page(1, 3), [0; 0]);
}

pub(crate) fn the_quota_is_that_of_a_day_in_japan_and_of_all_queries_together(open: Open) {
    let (_dir, store) = crate::fresh(open);
    agreed(&*store, "e-filing", 2);
    agreed(&*store, "other", 1);
    // 1,800,000,000 is 17:00 in Japan on 2027-01-15: 25,200 seconds before midnight.
    let midnight = 25_200;
    let ask = |query, second, party: &str| commit(&*store, vec![disclosure_of(query, party, None, second, 1)]);
    ask(Query::Status, 0, "e-filing").unwrap();
    ask(Query::Pair, midnight - 1, "e-filing").unwrap();
    let over = refuses(&*store, vec![disclosure("e-filing", None, midnight - 1, 1)]);
    assert_eq!(over, StoreError::OverQuota);
    ask(Query::Facts, midnight, "e-filing").unwrap();
    ask(Query::Facts, 0, "other").unwrap();
    let refused = Step::Refused { party: "e-filing".into(), query: Query::Pair, at: at(1), count: 3 };
    commit(&*store, vec![refused.clone(), refused]).unwrap();
    ask(Query::Status, midnight + 1, "e-filing").unwrap();
    assert_eq!(ask(Query::Status, midnight + 2, "e-filing"), Err(StoreError::OverQuota));

    let (first, second) = (date!(2027 - 01 - 15), date!(2027 - 01 - 16));
    let line = |(party, day, query, answered, refused)| usage_record(party, day, query, answered, refused);
    let expected = [
        ("e-filing", first, Query::Status, 1, 0),
        ("e-filing", first, Query::Pair, 1, 6),
        ("other", first, Query::Facts, 1, 0),
        ("e-filing", second, Query::Status, 1, 0),
        ("e-filing", second, Query::Facts, 1, 0),
    ]
    .map(line);
    assert_eq!(store.usage(None, first, second).unwrap(), expected);
    assert_eq!(store.usage(Some("other"), first, second).unwrap(), expected[2..3]);
    assert_eq!(store.usage(Some("e-filing"), second, second).unwrap(), expected[3..]);
    assert_eq!(store.usage(None, second, first).unwrap(), []);
    let nobody = Step::Refused { party: "nobody".into(), query: Query::Pair, at: at(1), count: 1 };
    conflicts(&*store, vec![nobody]);
}

pub(crate) fn of_many_who_ask_at_once_none_is_told_beyond_the_quota(open: Open) {
    let (_dir, store) = crate::fresh(open);
    agreed(&*store, "e-filing", 50);
    let (told, over) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    match commit(&*store, vec![disclosure("e-filing", None, 0, 1)]) {
                        Ok(()) => told.fetch_add(1, Ordering::SeqCst),
                        Err(StoreError::OverQuota) => over.fetch_add(1, Ordering::SeqCst),
                        Err(error) => panic!("{error}"),
                    };
                }
            });
        }
    });
    assert_eq!((told.into_inner(), over.into_inner()), (50, 110));
    let usage = store.usage(None, date!(2027 - 01 - 15), date!(2027 - 01 - 15)).unwrap();
    assert_eq!(usage.iter().map(|one| one.answered).sum::<u64>(), 50);
}

pub(crate) fn an_event_is_recorded_when_its_change_is_and_never_before_the_last_entry(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    let log = Log::following(&*store, 0);
    let change = |second, steps| store.commit(change_at(second, steps)).unwrap();
    change(100, vec![reserve(reservation(Auth, 0, 1))]);
    // Clocks that were read earlier than what was recorded last: within the tolerance, and never back in the record.
    change(60, vec![issue(Auth, 0)]);
    change(200, vec![]);
    change(150, vec![status(Auth, 0, Live, Held)]);
    change(201, vec![status(Auth, 0, Held, Live), status(Auth, 0, Live, Revoked)]);
    let recorded: Vec<_> = log.events().iter().map(|event| event.recorded).collect();
    assert_eq!(recorded, [100, 200, 201, 201].map(at));
}

pub(crate) fn a_history_is_the_certificate_with_its_own_events(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    enrol(&*store, 2);
    live(&*store, Auth, 0, 1);
    live(&*store, Sign, 0, 1);
    commit(&*store, vec![status(Auth, 0, Live, Held)]).unwrap();
    live(&*store, Auth, 1, 2);
    commit(&*store, vec![status(Auth, 0, Held, Revoked), reserve(reservation(Sign, 1, 2))]).unwrap();
    let serial = |kind, index| reservation(kind, index, 0).serial;
    let history = store.history(Auth, &serial(Auth, 0)).unwrap().unwrap();
    assert_eq!(history.certificate, one(&*store, Auth, 0, 1));
    let events = history.events.iter().map(|event| (event.position, event.state)).collect::<Vec<_>>();
    assert_eq!((events, history.position), (vec![(1, Live), (3, Held), (5, Revoked)], 5));
    assert!(history.is_issued());
    let reserved = store.history(Sign, &serial(Sign, 1)).unwrap().unwrap();
    assert!(reserved.events.is_empty() && !reserved.is_issued());
    assert_eq!(store.history(Sign, &serial(Auth, 0)).unwrap(), None);
}

/// What a party's record keeps survives in every form.
pub(crate) fn every_set_of_purposes_and_queries_is_kept(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let mut record = agreed(&*store, "e-filing", u32::MAX);
    for bits in 0..1_u8 << 5 {
        let chosen = Query::ALL.into_iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
        record.terms.queries = chosen.map(|(_, query)| query).collect();
        record.terms.purposes = if bits == 0 { BTreeSet::new() } else { record.terms.purposes };
        commit(&*store, vec![Step::RelyingParty(record.clone())]).unwrap();
        record.version += 1;
        assert_eq!(store.relying_party("e-filing").unwrap().as_ref(), Some(&record));
    }
}
