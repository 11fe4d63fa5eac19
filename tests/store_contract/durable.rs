//! «Durable»: what an engine that outlives the process keeps.

use jitsuin::{
    kind::Kind::{Auth, Sign},
    ports::{Step, StoreError},
    rules::CertificateState::{Held, Live},
    scope::CrlScope,
};

use crate::{Open, fixture::*, together::assert_chain};

pub(crate) fn everything_is_there_after_reopening(open: Open) {
    let (dir, store) = crate::fresh(open);
    for of in [1, 2] {
        enrol(&*store, of);
        live(&*store, Auth, of, of);
    }
    commit(&*store, vec![status(Auth, 2, Live, Held), reserve(reservation(Sign, 7, 1))]).unwrap();
    commit(&*store, vec![Step::Answer(answer("client", "key-1", b"x")), Step::Municipality(itami())]).unwrap();
    commit(&*store, vec![Step::Crl(crl(CrlScope::Full, 1)), Step::Authority(authority(Sign, 1))]).unwrap();
    commit(&*store, vec![Step::Consent(Box::new(consent(1, 1, "a")))]).unwrap();
    commit(&*store, vec![Step::Credential(credential(1, "a")), Step::RelyingParty(party("a", 1))]).unwrap();
    commit(&*store, vec![disclosure("a", Some((1, 1)), 0, 1)]).unwrap();
    let before = everything(&*store);
    drop(store);
    let store = open(dir.path());
    assert_eq!(everything(&*store), before);
    assert_eq!(commit(&*store, vec![disclosure("a", None, 1, 1)]), Err(StoreError::OverQuota));
    // Chain, positions and numbers go on where they ended.
    commit(&*store, vec![status(Auth, 2, Held, Live), Step::Crl(crl(CrlScope::Full, 2))]).unwrap();
    assert_eq!(Log::following(&*store, 3).positions(), [4]);
    assert_chain(&*store);
}

pub(crate) fn indexes_are_not_given_again_after_reopening(open: Open) {
    let (dir, store) = crate::fresh(open);
    assert_eq!(store.allocate(Sign, 256).unwrap(), 0..256);
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.allocate(Sign, 1).unwrap(), 256..257);
    assert_eq!(store.allocate(Auth, 1).unwrap(), 0..1);
}

pub(crate) fn the_clock_guard_remembers_the_latest_time(open: Open) {
    let (dir, store) = crate::fresh(open);
    store.commit(change_at(1000, vec![])).unwrap();
    store.commit(change_at(950, vec![])).unwrap();
    drop(store);
    let store = open(dir.path());
    let refused = store.commit(change_at(930, vec![]));
    assert_eq!(refused, Err(StoreError::ClockWentBack { last: at(1000) }));
}
