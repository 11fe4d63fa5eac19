//! Lists that the store gives back otherwise than they were put there: not served, said to be so, and replaced.

use jitsuin::{
    kind::Kind,
    ports::{CrlRecord, StoreError},
    scope::CrlScope,
    x509::{CrlView, UnixTime},
};

use crate::{
    bench::{entries, list, place, two_towns},
    house::{House, SUGINAMI},
    liar::published,
};

const FULL: (Kind, u8, CrlScope) = (Kind::Sign, 1, CrlScope::Full);

fn is_full(record: &CrlRecord) -> bool {
    (record.kind, record.generation, record.scope) == FULL
}

/// What a disk, a copy or a hand can make of a list, and what is said of it.
type Damage = fn(&mut CrlRecord);

fn damages() -> Vec<(&'static str, Damage)> {
    vec![
        ("the signature does not verify", |record| {
            let mut der = record.der.to_vec();
            *der.last_mut().unwrap() ^= 1;
            record.der = der.into();
        }),
        ("DER", |record| record.der = vec![0].into()),
        ("DER", |record| record.der = Vec::new().into()),
        ("thisUpdate", |record| record.this_update = UnixTime::EPOCH),
        ("nextUpdate", |record| record.next_update = record.next_update + std::time::Duration::from_secs(86_400)),
    ]
}

#[test]
fn a_list_that_the_store_gives_back_damaged_is_not_served_but_replaced() {
    for (reason, damage) in damages() {
        let (store, house, _) = published();
        let kept = list(&house, Kind::Sign, CrlScope::Full);
        store.damage(move |record| {
            if is_full(record) && record.number == 3 {
                damage(record);
            }
        });
        let reopened = house.reopen();
        reopened.authority.load_lists().unwrap();
        let lists = &reopened.authority.parts().lists;
        assert_eq!(lists.find(&FULL), None, "{reason}");
        assert!(lists.find(&(Kind::Auth, 1, CrlScope::Full)).is_some(), "the others are served");
        let shown = reopened.authority.check_publishing().unwrap_err();
        assert!(shown.contains(reason) && shown.contains("sign 1 full"), "{shown}");
        reopened.authority.publish_due().unwrap();
        let successor = list(&reopened, Kind::Sign, CrlScope::Full);
        assert_eq!((successor.number, entries(&successor.der)), (kept.number + 1, entries(&kept.der)), "{reason}");
        assert_eq!(reopened.authority.check_publishing(), Ok(()));
        assert_eq!(lists.withheld(&FULL), None);
    }
}

#[test]
fn a_damaged_delta_is_not_served_and_the_next_one_bears_a_higher_number() {
    let (store, house, _) = published();
    house.set_clock("2026-04-03T03:20:00Z");
    house.authority.publish_due().unwrap();
    let delta = (Kind::Sign, 1, CrlScope::FullDelta);
    assert_eq!(house.authority.parts().lists.find(&delta).unwrap().number, 4);
    store.damage(|record| {
        if record.scope == CrlScope::FullDelta {
            record.der = record.der[..10].to_vec().into();
        }
    });
    let reopened = house.reopen();
    reopened.authority.load_lists().unwrap();
    assert_eq!(reopened.authority.parts().lists.find(&delta), None);
    assert_eq!(list(&reopened, Kind::Sign, CrlScope::Full).number, 3, "its base is");
    reopened.authority.publish_due().unwrap();
    let next = reopened.authority.parts().lists.find(&delta).unwrap();
    assert_eq!((next.number, CrlView::from_der(&next.der).unwrap().delta_base), (5, Some(3)));
}

#[test]
fn a_list_is_not_the_newest_because_the_store_says_so() {
    let (store, house, _) = published();
    let first = house.store.crl(Kind::Sign, 1, CrlScope::Full, 1).unwrap().unwrap();
    let mut newest = house.store.newest_crls().unwrap();
    *newest.iter_mut().find(|one| is_full(one)).unwrap() = first;
    *store.newest.lock().unwrap() = Some(newest);
    let reopened = house.reopen();
    reopened.authority.load_lists().unwrap();
    assert_eq!(reopened.authority.parts().lists.find(&FULL), None);
    let shown = reopened.authority.check_publishing().unwrap_err();
    assert!(shown.contains("number 3 was published after it"), "{shown}");
    reopened.authority.publish_due().unwrap();
    assert_eq!(list(&reopened, Kind::Sign, CrlScope::Full).number, 4);
}

#[test]
fn a_damaged_list_is_not_to_be_had_by_its_number_either() {
    let (store, house, _) = published();
    assert_eq!(house.authority.kept_list(FULL, 2).unwrap().map(|list| list.number), Some(2));
    assert_eq!(house.authority.kept_list(FULL, 9), Ok(None));
    for (reason, damage) in damages() {
        store.damage(damage);
        let outcome = house.authority.kept_list(FULL, 2);
        assert!(matches!(&outcome, Err(StoreError::Corrupt(detail)) if detail.contains(reason)), "{outcome:?}");
    }
}

#[test]
fn a_list_of_another_ca_is_not_served_in_the_place_of_one() {
    let (store, house, _) = published();
    let other = house.store.crl(Kind::Auth, 1, CrlScope::Full, 3).unwrap().unwrap();
    store.damage(move |record| {
        if is_full(record) {
            record.der.clone_from(&other.der);
        }
    });
    let reopened = house.reopen();
    reopened.authority.load_lists().unwrap();
    assert_eq!(reopened.authority.parts().lists.find(&FULL), None);
}

#[test]
fn of_two_lists_of_one_second_the_date_tells_nothing_after_a_restart_either() {
    let dated = |house: &House| list(house, Kind::Sign, place(SUGINAMI)).is_dated;
    let (house, ..) = two_towns();
    house.authority.publish_due().unwrap();
    let reopen = || {
        let reopened = house.reopen();
        reopened.authority.load_lists().unwrap();
        reopened
    };
    assert!(dated(&house) && dated(&reopen()));
    house.authority.publish(&crate::house::operator()).unwrap();
    assert!(!dated(&house) && !dated(&reopen()));
}
