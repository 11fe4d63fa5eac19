//! What is kept of a person goes whole, when every term is over, and not a day before; what is left names nobody.

use jitsuin::{
    kind::Kind::{Auth, Sign},
    ports::{
        ApplicationNumber, ApplicationRecord, CertificateRecord, ErasedCertificate, ExceptionRecord, Retained, Step,
        Store, StoreError, written::Digest,
    },
    rules::{
        CertificateState::{Expired, Live, Revoked},
        Day, Query,
        application::ApplicationState,
        calendar::last_instant,
    },
    x509::UnixTime,
};
use time::macros::date;

use crate::{
    Open,
    fixture::*,
    registration::{exception, text},
};

fn of(store: &dyn Store, number: u64) -> Option<Retained> {
    let all = store.retained(None, 99).unwrap();
    all.into_iter().find(|one| one.holder == reference(number))
}

/// Seconds since the beginning of the fixtures to the last instant of a day.
fn end_of(day: Day) -> i64 {
    last_instant(day).seconds() - at(0).seconds()
}

fn erase(store: &dyn Store, second: i64, person: &Retained) -> Result<(), StoreError> {
    store.commit(change_at(second, vec![Step::Erase(Box::new(person.clone()))]))
}

#[track_caller]
fn conflicts(store: &dyn Store, second: i64, person: &Retained) {
    let before = everything(store);
    let refused = erase(store, second, person);
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    assert_eq!(everything(store), before);
}

/// Person 1 with a row in every table; person 2 beside.
fn two_lives(store: &dyn Store) {
    store.allocate(Sign, 64).unwrap();
    store.allocate(Auth, 64).unwrap();
    commit(store, vec![Step::Credential(credential(1, "e-filing"))]).unwrap();
    commit(store, vec![Step::RelyingParty(party("e-filing", 100))]).unwrap();
    enrol(store, 1);
    enrol(store, 2);
    let paired = |kind, index| CertificateRecord { pair: Some(1), ..reservation(kind, index, 1) };
    commit(store, vec![reserve(paired(Sign, 1)), reserve(paired(Auth, 1)), Step::RegisterText(Box::new(text(1)))])
        .unwrap();
    commit(store, vec![issue(Sign, 1), issue(Auth, 1)]).unwrap();
    live(store, Sign, 2, 2);
    commit(store, vec![status(Sign, 1, Live, Revoked)]).unwrap();
    for second in 0..3 {
        commit(store, vec![disclosure("e-filing", Some((1, 1)), second, 1)]).unwrap();
    }
    commit(store, vec![disclosure_of(Query::Pair, "e-filing", None, 3, 1)]).unwrap();
    commit(store, vec![Step::Consent(Box::new(consent(1, 1, "e-filing")))]).unwrap();
    commit(store, vec![Step::Consent(Box::new(consent(2, 2, "e-filing")))]).unwrap();
    commit(store, vec![Step::Register(Box::new(register_entry(1, Some("2026-1"))))]).unwrap();
    commit(store, vec![Step::Register(Box::new(register_entry(2, Some("2026-2"))))]).unwrap();
    commit(store, vec![Step::Deadline { holder: reference(1), day: Some(date!(2030 - 01 - 02)) }]).unwrap();
    commit(store, vec![Step::Notice(Box::new(notice(1)))]).unwrap();
    commit(store, vec![Step::Notice(Box::new(notice(2)))]).unwrap();
    let own = ApplicationRecord { holder: reference(1), card: card_number(1), ..application(1) };
    commit(store, vec![Step::Application(Box::new(own.clone()))]).unwrap();
    let own = ApplicationRecord { version: 1, state: ApplicationState::Withdrawn, ..own };
    commit(store, vec![Step::Application(Box::new(own))]).unwrap();
    commit(store, vec![Step::Exception(Box::new(exception(1)))]).unwrap();
    commit(store, vec![Step::Exception(Box::new(exception(2)))]).unwrap();
}

/// Long after everything: the fixtures begin on 2027-01-15.
const LATER: i64 = 16 * 366 * 86_400;

pub(crate) fn a_person_is_erased_whole_and_what_is_left_names_nobody(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let store = &*store;
    two_lives(store);
    let person = of(store, 1).unwrap();
    assert_eq!(person.rows().len(), 11, "a row in every table: {:?}", person.rows());
    assert!(person.rows().iter().all(|(table, count)| *count > 0 || *table == "answer"));
    conflicts(store, 100, &person);
    store.commit(change_at(LATER, Vec::new())).unwrap();
    // The authentication certificate is still live in the record.
    conflicts(store, LATER, &person);
    store.commit(change_at(LATER, vec![status(Auth, 1, Live, Expired)])).unwrap();
    // Not what is there: what was read before, another's, or less than all.
    conflicts(store, LATER, &person);
    let person = of(store, 1).unwrap();
    for other in [
        Retained { holder: reference(2), ..person.clone() },
        Retained { consents: Vec::new(), ..person.clone() },
        Retained { cards: Vec::new(), ..person.clone() },
        Retained { certificates: person.certificates[..1].to_vec(), ..person.clone() },
    ] {
        conflicts(store, LATER, &other);
    }
    let (lists, events, counts) = (
        store.revoked(Sign, 1, jitsuin::scope::CrlScope::Full, at(0)).unwrap(),
        store.listed_events(0, 99).unwrap(),
        store.counts().unwrap(),
    );
    let usage = store.usage(None, date!(2026 - 01 - 01), date!(2030 - 01 - 01)).unwrap();

    erase(store, LATER, &person).unwrap();
    assert_eq!(of(store, 1), None);
    assert_eq!((store.dossier(&reference(1)).unwrap(), store.holder_of_card(&card_number(1)).unwrap()), (None, None));
    for kind in [Sign, Auth] {
        let serial = reservation(kind, 1, 1).serial;
        assert_eq!((store.certificate(kind, &serial).unwrap(), store.history(kind, &serial).unwrap()), (None, None));
        let left = store.erased(kind, &serial).unwrap().unwrap();
        let stub = person.certificates.iter().find(|one| one.kind == kind).unwrap().clone();
        let digest = Digest::octets(format!("certificate {kind} 1").as_bytes());
        assert_eq!(stub.digest.as_ref().map(|digest| &digest[..]), Some(digest.as_ref()));
        let revocation = left.revocation.clone();
        assert_eq!(revocation.is_some(), stub.state == Revoked);
        assert_eq!(left, ErasedCertificate { stub, erased: at(LATER), revocation });
        assert!(store.certificates(kind, 1, 9).unwrap().0.iter().all(|one| one.index != 1));
    }
    assert_eq!(store.register_text(1).unwrap(), None);
    assert_eq!(store.applications().application(&ApplicationNumber([1; 16])).unwrap(), None);
    assert_eq!(store.exception(&[1; 32]).unwrap(), None);
    assert_eq!(
        (store.consents(&reference(1)).unwrap(), store.disclosures(&reference(1), 99, 99).unwrap()),
        (vec![], vec![])
    );
    assert_eq!((store.register().deadline(&reference(1)).unwrap(), store.register().notice(1).unwrap()), (None, None));
    assert!(store.register().register_entries(&reference(1)).unwrap().is_empty());
    conflicts(store, LATER, &person);

    // Lists, answers and counts are what they were, and so is the other person.
    assert_eq!(store.revoked(Sign, 1, jitsuin::scope::CrlScope::Full, at(0)).unwrap(), lists);
    assert_eq!((store.listed_events(0, 99).unwrap(), store.counts().unwrap()), (events, counts));
    assert_eq!(store.usage(None, date!(2026 - 01 - 01), date!(2030 - 01 - 01)).unwrap(), usage);
    assert_eq!(of(store, 2).unwrap().rows().len(), 7, "{:?}", of(store, 2).unwrap().rows());
}

pub(crate) fn nothing_of_an_erased_person_is_given_again_and_the_person_may_come_back(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let store = &*store;
    two_lives(store);
    store.commit(change_at(LATER, vec![status(Auth, 1, Live, Expired)])).unwrap();
    erase(store, LATER, &of(store, 1).unwrap()).unwrap();
    let take = |steps| store.commit(change_at(LATER, steps));
    take(vec![Step::Holder(holder(1)), Step::Card(card(1, 1))]).unwrap();
    let one = reservation(Sign, 1, 1);
    let again = |record: CertificateRecord| take(vec![reserve(record)]).unwrap_err();
    let serial = CertificateRecord { index: 9, key_digest: [9; 32], ..one.clone() };
    let index = CertificateRecord { serial: reservation(Sign, 9, 1).serial, key_digest: [9; 32], ..one.clone() };
    let key = CertificateRecord { key_digest: one.key_digest, ..reservation(Sign, 9, 1) };
    for taken in [serial, index, key] {
        assert!(matches!(again(taken), StoreError::Duplicate(_)));
    }
    // Who was erased is nobody's predecessor.
    let next = CertificateRecord { predecessor: Some(1), ..reservation(Sign, 9, 1) };
    assert!(matches!(again(next), StoreError::Conflict(_)));
    take(vec![reserve(reservation(Sign, 9, 1))]).unwrap();
    take(vec![issue(Sign, 9)]).unwrap();
    let person = of(store, 1).unwrap();
    assert_eq!(person.certificates.iter().map(|one| one.index).collect::<Vec<_>>(), [9]);
    assert!(person.disclosures.is_empty() && person.entries.is_empty());
}

pub(crate) fn each_record_keeps_the_person_to_the_last_instant_of_its_last_day(open: Open) {
    type Add = fn(&dyn Store);
    // Certificates of the fixtures should end on 2027-01-27 in Japan; what is handed in is of 2027-01-15.
    let table: [(Add, Day); 6] = [
        (|_| (), date!(2037 - 01 - 27)),
        (
            |store| commit(store, vec![Step::Register(Box::new(register_entry(1, None)))]).unwrap(),
            date!(2038 - 02 - 28),
        ),
        (
            |store| {
                let own = ApplicationRecord { holder: reference(1), ..application(1) };
                commit(store, vec![Step::Application(Box::new(own.clone()))]).unwrap();
                let own = ApplicationRecord { version: 1, state: ApplicationState::Withdrawn, ..own };
                commit(store, vec![Step::Application(Box::new(own))]).unwrap();
            },
            date!(2042 - 01 - 14),
        ),
        (|store| commit(store, vec![Step::Exception(Box::new(exception(1)))]).unwrap(), date!(2042 - 01 - 14)),
        (
            |store| {
                let late = jitsuin::ports::ConsentRecord { ends: end(date!(2028 - 02 - 29)), ..consent(1, 1, "e") };
                commit(store, vec![Step::Consent(Box::new(late))]).unwrap();
            },
            date!(2038 - 02 - 28),
        ),
        (
            |store| {
                let late = jitsuin::ports::NoticeRecord { at: end(date!(2027 - 06 - 01)), ..notice(1) };
                commit(store, vec![Step::Notice(Box::new(late))]).unwrap();
            },
            date!(2037 - 06 - 01),
        ),
    ];
    fn end(day: Day) -> UnixTime {
        last_instant(day)
    }
    for (add, last) in table {
        let (_dir, store) = crate::fresh(open);
        let store = &*store;
        enrol(store, 1);
        live(store, Sign, 1, 1);
        commit(store, vec![status(Sign, 1, Live, Revoked)]).unwrap();
        add(store);
        let person = of(store, 1).unwrap();
        let midnight = end_of(last);
        store.commit(change_at(midnight, Vec::new())).unwrap();
        conflicts(store, midnight, &person);
        store.commit(change_at(midnight + 1, Vec::new())).unwrap();
        erase(store, midnight + 1, &person).unwrap_or_else(|error| panic!("{last}: {error}"));
        assert_eq!(of(store, 1), None, "{last}");
    }
}

pub(crate) fn an_application_that_has_not_ended_is_kept_and_an_exception_may_be_all_there_is(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let store = &*store;
    commit(store, vec![Step::Application(Box::new(application(1)))]).unwrap();
    let asked = ExceptionRecord { holder: reference(902), ..exception(2) };
    commit(store, vec![Step::Exception(Box::new(asked))]).unwrap();
    store.commit(change_at(LATER, Vec::new())).unwrap();
    let all = store.retained(None, 99).unwrap();
    assert_eq!(all.iter().map(|one| one.holder.clone()).collect::<Vec<_>>(), [reference(901), reference(902)]);
    assert!(all.iter().all(|one| one.registered.is_none()));
    conflicts(store, LATER, &all[0]);
    erase(store, LATER, &all[1]).unwrap();
    assert_eq!(store.retained(None, 99).unwrap(), all[..1]);
}

pub(crate) fn what_is_kept_is_read_in_pages_in_the_order_of_references(open: Open) {
    let (_dir, store) = crate::fresh(open);
    for number in [3, 1, 2] {
        enrol(&*store, number);
    }
    commit(&*store, vec![Step::Application(Box::new(application(1)))]).unwrap();
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = store.retained(after.as_ref(), 2).unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.holder.clone());
        seen.extend(page.into_iter().map(|one| one.holder));
    }
    assert_eq!(seen, [1, 2, 3, 901].map(reference));
}

pub(crate) fn old_answers_are_those_of_before_that_no_application_rests_on(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let store = &*store;
    for (second, key) in [(0, "key-1"), (5, "key-2"), (9, "key-3"), (10, "key-4")] {
        store.commit(change_at(second, vec![Step::Answer(answer("client", key, b"x"))])).unwrap();
    }
    let rests = ApplicationRecord {
        issuing: Some(jitsuin::ports::IssuingRecord {
            auth: Some(1),
            sign: None,
            client: "client".into(),
            key: "key-2".into(),
        }),
        version: 1,
        state: ApplicationState::SentToCa,
        ..application(1)
    };
    store.commit(change_at(10, vec![Step::Application(Box::new(application(1)))])).unwrap();
    store.commit(change_at(10, vec![Step::Application(Box::new(rests))])).unwrap();
    let old = |after, limit| store.old_answers(at(10), after, limit).unwrap();
    let keys = |old: &[jitsuin::ports::OldAnswer]| old.iter().map(|one| one.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&old(0, 9)), ["key-1", "key-3"]);
    let first = old(0, 1);
    assert_eq!((keys(&first), first[0].at), (vec!["key-1".to_owned()], at(0)));
    assert_eq!(keys(&old(first[0].place, 9)), ["key-3"]);
    store.commit(change_at(10, vec![Step::Forget { client: "client".into(), key: "key-1".into() }])).unwrap();
    assert_eq!(keys(&old(0, 9)), ["key-3"]);
}
