//! Applications: received once, changed at the version that was read, ended once.

use jitsuin::{
    kind::Kind,
    ports::{
        ApplicationFilter, ApplicationNumber, ApplicationRecord, InquiryRecord, IssuingRecord, Step, Store, StoreError,
    },
    rules::application::{ApplicationState, Defect},
};
use time::macros::date;

use crate::{Open, fixture::*};

fn put(record: &ApplicationRecord) -> Step {
    Step::Application(Box::new(record.clone()))
}

#[track_caller]
fn conflicts(store: &dyn Store, record: &ApplicationRecord) {
    let before = everything(store);
    let refused = commit(store, vec![put(record)]);
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    assert_eq!(everything(store), before);
}

fn read(store: &dyn Store, number: u8) -> ApplicationRecord {
    store.applications().application(&ApplicationNumber([number; 16])).unwrap().unwrap()
}

fn numbers(store: &dyn Store, filter: &ApplicationFilter, after: u64, limit: usize) -> Vec<u8> {
    store.applications().select(filter, after, limit).unwrap().iter().map(|one| one.number.0[0]).collect()
}

pub(crate) fn an_application_is_received_once_and_keeps_what_was_asked(open: Open) {
    let (_dir, store) = crate::fresh(open);
    commit(&*store, vec![put(&application(1))]).unwrap();
    assert_eq!(read(&*store, 1), ApplicationRecord { place: 1, version: 1, ..application(1) });
    conflicts(&*store, &application(1));
    let state = ApplicationState::InquirySent;
    for more in [
        ApplicationRecord { state, ..application(2) },
        ApplicationRecord { due: Some(date!(2027 - 01 - 01)), ..application(2) },
        ApplicationRecord { defect: Some(Defect::NoPin), ..application(2) },
        ApplicationRecord { rule: Some("E-03".into()), ..application(2) },
        ApplicationRecord { issuing: Some(IssuingRecord::default()), ..application(2) },
        ApplicationRecord { version: 1, ..application(2) },
    ] {
        conflicts(&*store, &more);
    }
    let other = ApplicationRecord { number: ApplicationNumber([1; 16]), version: 1, state, ..application(2) };
    commit(&*store, vec![put(&other)]).unwrap();
    assert_eq!(read(&*store, 1), ApplicationRecord { place: 1, version: 2, state, changed: at(2), ..application(1) });
}

pub(crate) fn an_application_changes_only_at_the_version_that_was_read(open: Open) {
    let (_dir, store) = crate::fresh(open);
    commit(&*store, vec![put(&application(1))]).unwrap();
    let inquiry = InquiryRecord { round: 2, posted: date!(2026 - 12 - 31), address: "京".into() };
    let issuing = IssuingRecord { auth: Some(7), sign: None, client: "13115".into(), key: "key".into() };
    let next = ApplicationRecord {
        state: ApplicationState::SentToCa,
        changed: at(9),
        due: Some(date!(2027 - 01 - 30)),
        inquiry: Some(inquiry),
        defect: Some(Defect::SealBroken),
        issuing: Some(issuing),
        ..read(&*store, 1)
    };
    conflicts(&*store, &ApplicationRecord { version: 2, ..next.clone() });
    commit(&*store, vec![put(&next)]).unwrap();
    assert_eq!(read(&*store, 1), ApplicationRecord { version: 2, ..next.clone() });
    conflicts(&*store, &next);
    assert_eq!(store.applications().application_of(Kind::Auth, 7).unwrap(), Some(read(&*store, 1)));
    assert_eq!(store.applications().application_of(Kind::Sign, 7).unwrap(), None);
    // A certificate is of one application.
    commit(&*store, vec![put(&application(2))]).unwrap();
    let same = ApplicationRecord { issuing: next.issuing.clone(), ..read(&*store, 2) };
    conflicts(&*store, &same);
    commit(&*store, vec![put(&ApplicationRecord { issuing: None, ..read(&*store, 1) })]).unwrap();
    assert_eq!(store.applications().application_of(Kind::Auth, 7).unwrap(), None);
    commit(&*store, vec![put(&same)]).unwrap();
}

pub(crate) fn an_ended_application_keeps_no_address_and_changes_no_more(open: Open) {
    let (_dir, store) = crate::fresh(open);
    for (number, state) in ApplicationState::ALL.into_iter().filter(|state| state.is_final()).enumerate() {
        let number = number as u8 + 1;
        commit(&*store, vec![put(&application(number))]).unwrap();
        let inquiry = Some(InquiryRecord { round: 1, posted: date!(2026 - 12 - 31), address: "京".into() });
        let rule = Some("E-03".to_owned());
        let ended = ApplicationRecord { state, rule, ..read(&*store, number) };
        conflicts(&*store, &ApplicationRecord { inquiry, ..ended.clone() });
        conflicts(&*store, &ApplicationRecord { due: Some(date!(2027 - 01 - 01)), ..ended.clone() });
        commit(&*store, vec![put(&ended)]).unwrap();
        assert_eq!(read(&*store, number), ApplicationRecord { version: 2, ..ended });
        conflicts(&*store, &read(&*store, number));
    }
}

pub(crate) fn applications_are_found_by_municipality_state_and_last_day(open: Open) {
    let (_dir, store) = crate::fresh(open);
    for number in 1..=6 {
        let municipality = if number == 3 { itami() } else { suginami() };
        commit(&*store, vec![put(&ApplicationRecord { municipality, ..application(number) })]).unwrap();
    }
    let put_in = |number, state, due| {
        commit(&*store, vec![put(&ApplicationRecord { state, due, ..read(&*store, number) })]).unwrap();
    };
    put_in(2, ApplicationState::InquirySent, Some(date!(2027 - 01 - 31)));
    put_in(3, ApplicationState::InquirySent, Some(date!(2027 - 02 - 01)));
    put_in(4, ApplicationState::Withdrawn, None);
    let all = ApplicationFilter::default();
    assert_eq!(numbers(&*store, &all, 0, 99), [1, 2, 3, 5, 6]);
    assert_eq!(numbers(&*store, &all, 2, 2), [3, 5]);
    assert!(numbers(&*store, &all, u64::MAX, 99).is_empty());
    assert!(numbers(&*store, &all, 0, 0).is_empty());
    let own = ApplicationFilter { municipality: Some(suginami()), ..all };
    assert_eq!(numbers(&*store, &own, 0, 99), [1, 2, 5, 6]);
    let withdrawn = ApplicationFilter { state: Some(ApplicationState::Withdrawn), ..own.clone() };
    assert_eq!(numbers(&*store, &withdrawn, 0, 99), [4]);
    let about = |holder, card| ApplicationFilter {
        about: Some((application(holder).holder, Some(application(card).card))),
        ..own.clone()
    };
    assert_eq!(numbers(&*store, &about(2, 5), 0, 99), [2, 5], "of the holder, and about the card");
    assert_eq!(numbers(&*store, &about(2, 2), 0, 99), [2], "once");
    let of_holder = ApplicationFilter { about: Some((application(2).holder, None)), ..about(2, 2) };
    assert_eq!(numbers(&*store, &of_holder, 0, 99), [2], "of the holder, whatever the card");
    assert_eq!(numbers(&*store, &about(3, 4), 0, 99), [] as [u8; 0], "taken elsewhere, and ended");
    assert_eq!(numbers(&*store, &ApplicationFilter { municipality: None, ..about(3, 4) }, 0, 99), [3]);
    let due = |day| ApplicationFilter { due_before: Some(day), ..ApplicationFilter::default() };
    for (day, late) in [(31, &[][..]), (32, &[2]), (33, &[2, 3]), (365, &[2, 3])] {
        let before = time::Date::from_ordinal_date(2027, day).unwrap();
        assert_eq!(numbers(&*store, &due(before), 0, 99), late, "{before}");
    }
}
