//! The register's text of a certificate, kept once; exceptions, approved by another and used once.

use jitsuin::{
    kind::Kind,
    ports::{ExceptionRecord, RegisterTextRecord, Step, Store, StoreError},
};

use crate::{Open, fixture::*};

pub(crate) fn text(index: u64) -> RegisterTextRecord {
    let substituted = r#"{"name":[],"address":[]}"#.to_owned();
    RegisterTextRecord { index, name: "髙橋 𠮷子".into(), address: "葛\u{E0100}荘".into(), substituted }
}

fn keep(record: &RegisterTextRecord) -> Step {
    Step::RegisterText(Box::new(record.clone()))
}

pub(crate) fn exception(octet: u8) -> ExceptionRecord {
    ExceptionRecord {
        digest: [octet; 32],
        municipality: suginami(),
        holder: reference(octet.into()),
        card: card_number(octet.into()),
        reason: "事前に相談があった".into(),
        asked_by: "municipality/13115".into(),
        asked: at(octet.into()),
        approved: None,
        used: None,
        version: 0,
    }
}

fn put(record: &ExceptionRecord) -> Step {
    Step::Exception(Box::new(record.clone()))
}

fn read(store: &dyn Store, octet: u8) -> ExceptionRecord {
    store.exception(&[octet; 32]).unwrap().unwrap()
}

#[track_caller]
fn conflicts(store: &dyn Store, steps: Vec<Step>) {
    let before = everything(store);
    let refused = commit(store, steps);
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    assert_eq!(everything(store), before);
}

pub(crate) fn a_text_is_kept_once_beside_a_reserved_signing_certificate(open: Open) {
    let (_dir, store) = crate::fresh(open);
    commit(&*store, vec![Step::Holder(holder(1)), Step::Card(card(1, 1))]).unwrap();
    assert_eq!(store.register_text(5).unwrap(), None);
    conflicts(&*store, vec![keep(&text(5))]);
    // In the change that reserves it, after the reservation.
    let reserve_it = || reserve(reservation(Kind::Sign, 5, 1));
    conflicts(&*store, vec![keep(&text(5)), reserve_it()]);
    conflicts(&*store, vec![reserve_it(), keep(&RegisterTextRecord { name: String::new(), ..text(5) })]);
    commit(&*store, vec![reserve_it(), keep(&text(5))]).unwrap();
    assert_eq!(store.register_text(5).unwrap(), Some(text(5)));
    conflicts(&*store, vec![keep(&RegisterTextRecord { name: "他".into(), ..text(5) })]);
    commit(&*store, vec![reserve(reservation(Kind::Auth, 6, 1))]).unwrap();
    conflicts(&*store, vec![keep(&text(6))]);
    commit(&*store, vec![issue(Kind::Sign, 5)]).unwrap();
    assert_eq!(store.register_text(5).unwrap(), Some(text(5)));
    assert_eq!(store.register_text(u64::MAX).unwrap(), None);
}

pub(crate) fn a_text_comes_too_late_for_what_is_issued(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let steps = vec![Step::Holder(holder(1)), Step::Card(card(1, 1)), reserve(reservation(Kind::Sign, 5, 1))];
    commit(&*store, steps).unwrap();
    commit(&*store, vec![issue(Kind::Sign, 5)]).unwrap();
    conflicts(&*store, vec![keep(&text(5))]);
}

pub(crate) fn an_exception_is_asked_for_once_and_approved_by_another(open: Open) {
    let (_dir, store) = crate::fresh(open);
    assert_eq!(store.exception(&[1; 32]).unwrap(), None);
    let approved = Some(("operator/o".to_owned(), at(9)));
    for more in [
        ExceptionRecord { approved: approved.clone(), ..exception(1) },
        ExceptionRecord { used: Some(1), ..exception(1) },
        ExceptionRecord { version: 1, ..exception(1) },
    ] {
        conflicts(&*store, vec![put(&more)]);
    }
    commit(&*store, vec![put(&exception(1))]).unwrap();
    assert_eq!(read(&*store, 1), ExceptionRecord { version: 1, ..exception(1) });
    conflicts(&*store, vec![put(&exception(1))]);
    let own = Some(("municipality/13115".to_owned(), at(9)));
    conflicts(&*store, vec![put(&ExceptionRecord { approved: own.clone(), ..read(&*store, 1) })]);
    let disguised = ExceptionRecord { asked_by: "operator/p".into(), approved: own, ..read(&*store, 1) };
    conflicts(&*store, vec![put(&disguised)]);
    conflicts(&*store, vec![put(&ExceptionRecord { used: Some(7), ..read(&*store, 1) })]);
    let next = ExceptionRecord { approved: approved.clone(), reason: "他".into(), ..read(&*store, 1) };
    conflicts(&*store, vec![put(&ExceptionRecord { version: 2, ..next.clone() })]);
    commit(&*store, vec![put(&next)]).unwrap();
    assert_eq!(read(&*store, 1), ExceptionRecord { approved, version: 2, ..exception(1) }, "what was asked stays");
    conflicts(&*store, vec![put(&next)]);
    let other = Some(("operator/p".to_owned(), at(9)));
    conflicts(&*store, vec![put(&ExceptionRecord { approved: other, ..read(&*store, 1) })]);
    conflicts(&*store, vec![put(&ExceptionRecord { approved: None, ..read(&*store, 1) })]);
}

pub(crate) fn an_exception_is_used_once_and_for_one_certificate(open: Open) {
    let (_dir, store) = crate::fresh(open);
    for octet in [1, 2] {
        commit(&*store, vec![put(&exception(octet))]).unwrap();
        let approved = Some(("operator/o".to_owned(), at(9)));
        commit(&*store, vec![put(&ExceptionRecord { approved, ..read(&*store, octet) })]).unwrap();
    }
    commit(&*store, vec![put(&ExceptionRecord { used: Some(7), ..read(&*store, 1) })]).unwrap();
    assert_eq!((read(&*store, 1).used, read(&*store, 1).version), (Some(7), 3));
    conflicts(&*store, vec![put(&ExceptionRecord { used: Some(8), ..read(&*store, 1) })]);
    conflicts(&*store, vec![put(&ExceptionRecord { used: Some(7), ..read(&*store, 2) })]);
    commit(&*store, vec![put(&ExceptionRecord { used: Some(8), ..read(&*store, 2) })]).unwrap();
}

pub(crate) fn exceptions_of_a_municipality_come_in_the_order_in_which_they_were_asked_for(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let of = |since: u8, limit| store.exceptions(suginami(), at(since.into()), limit).unwrap();
    assert_eq!(of(0, 10), Vec::new());
    let elsewhere = ExceptionRecord { municipality: itami(), ..exception(4) };
    for record in
        [exception(1), exception(3), elsewhere, exception(5), ExceptionRecord { digest: [6; 32], ..exception(5) }]
    {
        commit(&*store, vec![put(&record)]).unwrap();
    }
    let digests = |found: Vec<ExceptionRecord>| found.iter().map(|one| one.digest[0]).collect::<Vec<_>>();
    assert_eq!(digests(of(0, 10)), [1, 3, 5, 6]);
    assert_eq!(digests(of(3, 10)), [3, 5, 6], "of that instant too");
    assert_eq!(digests(of(4, 10)), [5, 6]);
    assert_eq!(digests(of(0, 2)), [1, 3]);
    assert_eq!(digests(of(6, 10)), Vec::<u8>::new());
    assert_eq!(of(3, 1), [ExceptionRecord { version: 1, ..exception(3) }]);
}
