//! The register's events, deadlines, notices and ends.

use jitsuin::{
    kind::Kind,
    ports::{EventNumber, NoticeRecord, RegisterEntry, Step, Store, StoreError},
    rules::{Cause, CertificateState::*},
};
use time::macros::date;

use crate::{Open, fixture::*};

#[track_caller]
fn conflicts(store: &dyn Store, steps: Vec<Step>) {
    let before = everything(store);
    assert!(matches!(commit(store, steps), Err(StoreError::Conflict(_))));
    assert_eq!(everything(store), before);
}

fn entry(of: u64, number: Option<&str>) -> Step {
    Step::Register(Box::new(register_entry(of, number)))
}

fn deadline(of: u64, day: Option<jitsuin::rules::Day>) -> Step {
    Step::Deadline { holder: reference(of), day }
}

pub(crate) fn an_event_bears_its_number_once_in_a_municipality(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    commit(&*store, vec![entry(1, Some("E-1")), entry(1, None), entry(1, None)]).unwrap();
    conflicts(&*store, vec![entry(1, None), entry(1, Some("E-1"))]);
    conflicts(&*store, vec![entry(2, Some("E-2"))]);
    let elsewhere = RegisterEntry { municipality: itami(), ..register_entry(1, Some("E-1")) };
    commit(&*store, vec![Step::Register(Box::new(elsewhere.clone()))]).unwrap();
    let entries = store.register().register_entries(&reference(1)).unwrap();
    assert_eq!(entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), [1, 2, 3, 4], "a refused one leaves no gap");
    let number = EventNumber::parse("E-1").unwrap();
    let found = |place| store.register().register_entry(place, &number).unwrap();
    assert_eq!(found(suginami()), Some(RegisterEntry { id: 1, ..register_entry(1, Some("E-1")) }));
    assert_eq!(found(itami()), Some(RegisterEntry { id: 4, ..elsewhere }));
    assert!(store.register().register_entries(&reference(2)).unwrap().is_empty());
}

pub(crate) fn a_holder_has_one_deadline_and_it_is_found_from_its_day_on(open: Open) {
    let (_dir, store) = crate::fresh(open);
    (1..4).for_each(|of| enrol(&*store, of));
    let (first, second) = (date!(2028 - 02 - 29), date!(2028 - 03 - 01));
    commit(&*store, vec![deadline(1, Some(second)), deadline(2, Some(first)), deadline(3, Some(first))]).unwrap();
    conflicts(&*store, vec![deadline(1, None), deadline(4, Some(first))]);
    let due = |day, limit| store.register().deadlines(day, limit).unwrap();
    assert!(due(date!(2028 - 02 - 28), 9).is_empty());
    assert_eq!(due(first, 9), [reference(2), reference(3)]);
    assert_eq!(due(second, 9), [reference(2), reference(3), reference(1)], "the longest overdue first");
    assert_eq!(due(second, 1), [reference(2)]);
    commit(&*store, vec![deadline(2, None), deadline(3, Some(second)), deadline(2, None)]).unwrap();
    assert_eq!(due(second, 9), [reference(1), reference(3)]);
    let deadline = |of| store.register().deadline(&reference(of)).unwrap();
    assert_eq!([deadline(1), deadline(2), deadline(9)], [Some(second), None, None]);
}

pub(crate) fn a_notice_waits_until_it_is_sent_once(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    let new = |record| Step::Notice(Box::new(record));
    commit(&*store, vec![new(notice(1)), new(notice(1)), new(notice(1))]).unwrap();
    for bad in [
        NoticeRecord { cause: Cause::Death, ..notice(1) },
        NoticeRecord { sent: Some(at(1)), ..notice(1) },
        NoticeRecord { sign: None, auth: None, ..notice(1) },
        notice(2),
    ] {
        conflicts(&*store, vec![new(notice(1)), new(bad)]);
    }
    let waiting = |after, limit| -> Vec<u64> {
        let found = store.register().notices(suginami(), after, limit).unwrap();
        found.iter().map(|one| one.number).collect()
    };
    assert_eq!((waiting(0, 9), waiting(1, 1), waiting(3, 9)), (vec![1, 2, 3], vec![2], vec![]));
    assert!(store.register().notices(itami(), 0, 9).unwrap().is_empty());
    let sent = |number| Step::NoticeSent { number, at: at(20) };
    commit(&*store, vec![sent(2)]).unwrap();
    conflicts(&*store, vec![sent(1), sent(2)]);
    conflicts(&*store, vec![sent(4)]);
    assert_eq!(waiting(0, 9), [1, 3]);
    let found = store.register().notice(2).unwrap();
    assert_eq!(found, Some(NoticeRecord { number: 2, sent: Some(at(20)), ..notice(1) }));
    assert_eq!(store.register().notice(u64::MAX).unwrap(), None);
}

pub(crate) fn ends_are_those_of_live_certificates_where_their_holders_live(open: Open) {
    let (_dir, store) = crate::fresh(open);
    (1..3).for_each(|of| enrol(&*store, of));
    commit(&*store, vec![reserve(reservation(Kind::Sign, 0, 1))]).unwrap();
    let found = |place, after| store.register().endings(place, always(), after, 9).unwrap();
    let ends = |place| -> Vec<(Kind, u64)> { found(place, None).iter().map(|one| (one.kind, one.index)).collect() };
    assert!(ends(suginami()).is_empty(), "reserved only");
    commit(&*store, vec![issue(Kind::Sign, 0)]).unwrap();
    live(&*store, Kind::Auth, 0, 1);
    live(&*store, Kind::Auth, 1, 2);
    let all = [(Kind::Sign, 0), (Kind::Auth, 0), (Kind::Auth, 1)];
    assert_eq!(ends(suginami()), all);
    // In pages; a page begins after the place where the one before ended.
    let mut seen = Vec::new();
    let mut after = None;
    while let Some(one) = store.register().endings(suginami(), always(), after, 1).unwrap().pop() {
        seen.push((one.kind, one.index));
        after = Some((one.not_after, one.kind, one.index));
    }
    assert_eq!(seen, all);
    let one = &found(suginami(), None)[0];
    let record = reservation(Kind::Sign, 0, 1);
    assert_eq!(
        (one.serial, &one.holder, &one.card, one.not_after),
        (record.serial, &record.holder, &record.card, record.not_after)
    );
    assert_eq!((one.birth, one.card_last_day), (date!(1980 - 02 - 29), date!(2036 - 02 - 28)));
    let counts = store.register().ending_counts(suginami(), always()).unwrap();
    assert_eq!(counts.iter().map(|one| (one.kind, one.count)).collect::<Vec<_>>(), [(Kind::Sign, 1), (Kind::Auth, 2)]);
    let (before, after) = ((at(-9), record.not_after + std::time::Duration::from_secs(1)), always().1);
    assert!(store.register().ending_counts(suginami(), (before.1, after)).unwrap().is_empty());

    commit(&*store, vec![status(Kind::Sign, 0, Live, Held)]).unwrap();
    assert_eq!(ends(suginami()), [(Kind::Auth, 0), (Kind::Auth, 1)], "a held one is not renewed");
    let mut moved = store.dossier(&reference(1)).unwrap().unwrap().holder;
    moved.municipality = itami();
    commit(&*store, vec![Step::Holder(moved)]).unwrap();
    assert_eq!((ends(suginami()), ends(itami())), (vec![(Kind::Auth, 1)], vec![(Kind::Auth, 0)]));
    commit(&*store, vec![status(Kind::Sign, 0, Held, Revoked), status(Kind::Auth, 1, Live, Expired)]).unwrap();
    assert_eq!((ends(suginami()), ends(itami())), (vec![], vec![(Kind::Auth, 0)]));
}

fn always() -> (jitsuin::x509::UnixTime, jitsuin::x509::UnixTime) {
    (jitsuin::x509::UnixTime::EPOCH, at(1_000_000_000))
}
