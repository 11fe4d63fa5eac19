//! What a delta says, and when one appears because something was revoked.

use std::{collections::BTreeMap, sync::atomic::Ordering::SeqCst};

use jitsuin::{
    authority::{
        Authority,
        publish::{OnRevocation, Schedule},
    },
    kind::Kind,
    rules::{Cause, Policy},
    scope::CrlScope,
    store::MemoryStore,
    x509::{CrlView, RevocationReason, Serial},
};

use crate::{
    bench::{entries, list, numbers, place, two_towns},
    house::{House, ITAMI, Person, SUGINAMI, municipality, operator},
};

fn reasons(house: &House, kind: Kind, scope: CrlScope) -> BTreeMap<Serial, RevocationReason> {
    entries(&list(house, kind, scope).der).into_iter().map(|entry| (entry.serial, entry.reason)).collect()
}

#[test]
fn a_delta_names_the_newest_complete_list_and_has_its_scope() {
    let (house, ..) = two_towns();
    house.authority.publish(&operator()).unwrap();
    for (now, number, base) in [
        ("2026-04-01T03:15:00Z", 2, 1),
        ("2026-04-01T03:30:00Z", 3, 1),
        ("2026-04-02T03:00:00Z", 4, 1),
        ("2026-04-02T03:15:00Z", 5, 4),
    ] {
        house.set_clock(now);
        house.authority.publish_due().unwrap();
        for kind in Kind::BOTH {
            for scope in [CrlScope::Full, place(SUGINAMI), place(ITAMI)] {
                let (base_list, delta) = (list(&house, kind, scope), list(&house, kind, scope.delta().unwrap()));
                let (complete, delta) =
                    (CrlView::from_der(&base_list.der).unwrap(), CrlView::from_der(&delta.der).unwrap());
                assert_eq!((delta.number, delta.delta_base), (number, Some(base)), "{now} {scope:?}");
                assert_eq!(delta.issuing_distribution_point, complete.issuing_distribution_point);
                assert_eq!((delta.issuer, delta.authority_key_id), (complete.issuer, complete.authority_key_id));
                assert_eq!(delta.next_update.seconds() - delta.this_update.seconds(), 3600);
                assert!(complete.freshest_crl.is_some() && delta.freshest_crl.is_none());
            }
            let own = list(&house, kind, CrlScope::Authorities);
            assert_eq!(CrlView::from_der(&own.der).unwrap().freshest_crl, None, "they change once in years");
        }
    }
}

#[test]
fn a_delta_tells_what_changed_since_its_base_and_nothing_else() {
    let (house, one, other) = two_towns();
    let person = |number: &str| {
        let person = Person::new(&format!("TEST-{number}")).with_card(&format!("CARD-{number}"), "2026-04-01");
        house.pair(&person);
        person
    };
    let [before, released, revoked, again] = ["3", "4", "5", "6"].map(person);
    house.revoke(&before, Cause::CardDamaged, None).unwrap();
    for held in [&released, &revoked] {
        house.hold(held).unwrap();
    }
    house.authority.publish(&operator()).unwrap();
    house.set_clock("2026-04-01T03:20:00Z");
    house.release(&released).unwrap();
    house.revoke(&revoked, Cause::KeyCompromise, Some(&Kind::BOTH)).unwrap();
    house.revoke(&one, Cause::KeyCompromise, Some(&[Kind::Auth])).unwrap();
    // Held and released between two lists: no list has it, and the delta may say that it is none.
    house.hold(&again).unwrap();
    house.release(&again).unwrap();
    house.pair(&Person::new("TEST-7").with_card("CARD-7", "2026-04-01"));
    house.authority.publish_due().unwrap();

    let serial = |person: &Person| house.newest(person, Kind::Auth).serial;
    let expected = BTreeMap::from([
        (serial(&released), RevocationReason::RemoveFromCrl),
        (serial(&revoked), RevocationReason::KeyCompromise),
        (serial(&one), RevocationReason::KeyCompromise),
        (serial(&again), RevocationReason::RemoveFromCrl),
    ]);
    assert_eq!(reasons(&house, Kind::Auth, CrlScope::FullDelta), expected);
    assert_eq!(reasons(&house, Kind::Auth, place(SUGINAMI).delta().unwrap()), expected);
    assert_eq!(reasons(&house, Kind::Auth, place(ITAMI).delta().unwrap()), BTreeMap::new());
    let held = entries(&list(&house, Kind::Auth, CrlScope::Full).der);
    let held = held.iter().find(|entry| entry.serial == serial(&released)).unwrap();
    let taken_back = entries(&list(&house, Kind::Auth, CrlScope::FullDelta).der);
    let taken_back = taken_back.iter().find(|entry| entry.serial == serial(&released)).unwrap();
    assert_eq!(taken_back.revocation_date, held.revocation_date, "it names the entry that it withdraws");

    // Everything stays in later deltas to the same base, and leaves with the next one.
    house.set_clock("2026-04-01T03:40:00Z");
    let end = other.revocation(Cause::KeyCompromise, Some(&[Kind::Auth]));
    house.authority.revoke(&municipality(ITAMI), &house.once(), &end).unwrap();
    house.authority.publish_due().unwrap();
    assert_eq!(reasons(&house, Kind::Auth, CrlScope::FullDelta).len(), 5);
    assert_eq!(reasons(&house, Kind::Auth, place(ITAMI).delta().unwrap()).len(), 1);
    house.authority.publish(&operator()).unwrap();
    house.set_clock("2026-04-01T04:00:00Z");
    house.authority.publish_due().unwrap();
    assert_eq!(reasons(&house, Kind::Auth, CrlScope::FullDelta).len(), 0);
    assert_eq!(list(&house, Kind::Auth, CrlScope::Full).entries, 4);
}

#[test]
fn what_ended_stays_in_every_delta_until_a_complete_list_had_it() {
    let (house, one, _) = two_towns();
    // The last complete list before the end of the certificate, a revocation after it, and then its end.
    house.set_clock("2030-02-17T12:00:00Z");
    house.authority.publish(&operator()).unwrap();
    house.set_clock("2030-02-17T14:00:00Z");
    house.revoke(&one, Cause::KeyCompromise, Some(&[Kind::Auth])).unwrap();
    let serial = house.newest(&one, Kind::Auth).serial;
    for now in ["2030-02-17T14:00:01Z", "2030-02-17T15:00:00Z", "2030-02-18T11:00:00Z"] {
        house.set_clock(now);
        house.authority.publish_due().unwrap();
        assert!(reasons(&house, Kind::Auth, CrlScope::FullDelta).contains_key(&serial), "{now}");
    }
    house.set_clock("2030-02-18T12:00:00Z");
    house.authority.publish_due().unwrap();
    assert!(reasons(&house, Kind::Auth, CrlScope::Full).contains_key(&serial), "once on a complete list past its end");
    house.set_clock("2030-02-19T12:00:00Z");
    house.authority.publish_due().unwrap();
    assert!(!reasons(&house, Kind::Auth, CrlScope::Full).contains_key(&serial));
    assert!(!reasons(&house, Kind::Auth, CrlScope::FullDelta).contains_key(&serial));
}

#[test]
fn a_hold_that_the_end_of_validity_overtook_leaves_after_a_list_that_had_it() {
    let (house, one, _) = two_towns();
    house.hold(&one).unwrap();
    let serial = house.newest(&one, Kind::Auth).serial;
    house.set_clock("2030-02-17T12:00:00Z");
    house.authority.publish(&operator()).unwrap();
    house.set_clock("2030-02-18T03:00:00Z");
    // A new pair on a new card: the held certificate becomes one that is over.
    house.pair(&one.clone().with_card("CARD-NEW", "2030-02-18"));
    let state = house.store.certificate(Kind::Auth, &serial).unwrap().unwrap().state;
    assert_eq!(state, jitsuin::rules::CertificateState::Expired);
    for (now, listed) in [("2030-02-18T12:00:00Z", true), ("2030-02-19T12:00:00Z", false)] {
        house.set_clock(now);
        house.authority.publish_due().unwrap();
        assert_eq!(reasons(&house, Kind::Auth, CrlScope::Full).contains_key(&serial), listed, "{now}");
        assert_eq!(reasons(&house, Kind::Auth, place(SUGINAMI)).contains_key(&serial), listed, "{now}");
    }
    assert_eq!(house.authority.publication_failures(), []);
}

#[test]
fn a_delta_that_failed_beside_its_complete_list_is_made_at_the_next_turn() {
    let (house, ..) = two_towns();
    house.authority.publish(&operator()).unwrap();
    house.set_clock("2026-04-01T03:15:00Z");
    house.authority.publish_due().unwrap();
    house.set_clock("2026-04-01T03:20:00Z");
    // The full list of SIGN is signed, and then the delta that leads to it is not.
    house.fuse.store(2, SeqCst);
    house.authority.publish(&operator()).unwrap_err();
    let served = |scope| list(&house, Kind::Sign, scope).number;
    assert_eq!((served(CrlScope::Full), served(CrlScope::FullDelta)), (3, 2));
    assert_eq!(house.authority.publication_failures().len(), 1);
    house.set_clock("2026-04-01T03:20:05Z");
    let due = house.authority.publish_due().unwrap();
    assert_eq!((numbers(&due, Kind::Sign), numbers(&due, Kind::Auth)), (vec![("delta", 4)], vec![]));
    let delta = list(&house, Kind::Sign, CrlScope::FullDelta);
    assert_eq!(CrlView::from_der(&delta.der).unwrap().delta_base, Some(3));
    assert_eq!(house.authority.publication_failures(), []);
    house.set_clock("2026-04-01T03:20:10Z");
    assert_eq!(house.authority.publish_due(), Ok(Vec::new()), "once");
}

/// Two towns with another schedule, watched, with a list of every scope.
fn scheduled(schedule: Schedule) -> (House, Person, Person) {
    let mut house = House::with_policy(std::sync::Arc::new(MemoryStore::new()), Policy::default());
    house.reschedule(schedule);
    let (one, other) = (Person::new("TEST-1"), Person::new("TEST-2"));
    house.pair(&one);
    house.pair(&other);
    house.set_clock("2026-04-01T03:00:00Z");
    house.authority.watch_changes().unwrap();
    house.authority.publish_due().unwrap();
    assert_eq!(changed(&house.authority), []);
    (house, one, other)
}

fn changed(authority: &Authority) -> Vec<(String, u64)> {
    let published = authority.publish_changed().unwrap();
    assert!(published.iter().all(|one| one.kind == Kind::Auth), "only AUTH was touched: {published:?}");
    numbers(&published, Kind::Auth).into_iter().map(|(scope, number)| (scope.to_owned(), number)).collect()
}

fn expected<const N: usize>(published: [(&str, u64); N]) -> Vec<(String, u64)> {
    published.map(|(scope, number)| (scope.to_owned(), number)).into()
}

#[test]
fn a_revocation_brings_about_the_deltas_concerned_and_a_stream_of_them_one_a_minute() {
    let (house, one, other) = scheduled(Schedule::default());
    house.revoke(&one, Cause::KeyCompromise, Some(&[Kind::Auth])).unwrap();
    assert_eq!(changed(&house.authority), [], "not in the second of the base");
    house.set_clock("2026-04-01T03:01:00Z");
    assert_eq!(changed(&house.authority), expected([("delta", 2), ("13115-delta", 2)]));
    assert_eq!(changed(&house.authority), []);
    house.set_clock("2026-04-01T03:01:30Z");
    house.revoke(&other, Cause::KeyCompromise, Some(&[Kind::Auth])).unwrap();
    for now in ["2026-04-01T03:01:30Z", "2026-04-01T03:01:59Z"] {
        house.set_clock(now);
        assert_eq!(changed(&house.authority), [], "{now}: the pause");
    }
    house.set_clock("2026-04-01T03:02:00Z");
    assert_eq!(changed(&house.authority), expected([("delta", 3), ("13115-delta", 3)]));
    assert_eq!(list(&house, Kind::Auth, CrlScope::FullDelta).entries, 2);
    // The schedule counts from there.
    house.set_clock("2026-04-01T03:16:59Z");
    let due = house.authority.publish_due().unwrap();
    assert_eq!(numbers(&due, Kind::Auth), [("28207-delta", 2)]);
}

#[test]
fn an_issuance_brings_about_nothing() {
    let (house, ..) = scheduled(Schedule::default());
    house.set_clock("2026-04-01T03:05:00Z");
    house.pair(&Person::new("TEST-3").with_card("CARD-3", "2026-04-01"));
    assert_eq!(changed(&house.authority), []);
}

#[test]
fn what_was_revoked_while_the_service_was_down_is_published_when_it_comes_back() {
    let (house, one, _) = scheduled(Schedule::default());
    house.revoke(&one, Cause::KeyCompromise, Some(&[Kind::Auth])).unwrap();
    house.set_clock("2026-04-01T03:05:00Z");
    let reopened = house.reopen();
    reopened.authority.load_lists().unwrap();
    reopened.authority.watch_changes().unwrap();
    assert_eq!(changed(&reopened.authority), expected([("delta", 2), ("13115-delta", 2)]));
    let served = reopened.authority.parts().lists.all();
    assert!(served.len() == 10, "{}", served.len());
}

#[test]
fn the_switch_decides_what_a_revocation_brings_about() {
    let of = |on_revocation, municipal_deltas| {
        let (house, one, _) = scheduled(Schedule { on_revocation, municipal_deltas, ..Schedule::default() });
        house.set_clock("2026-04-01T03:05:00Z");
        house.revoke(&one, Cause::KeyCompromise, Some(&[Kind::Auth])).unwrap();
        let made = changed(&house.authority);
        let names = CrlView::from_der(&list(&house, Kind::Auth, place(SUGINAMI)).der).unwrap().freshest_crl.is_some();
        assert_eq!(names, municipal_deltas, "a base points to a delta only where there are any");
        made
    };
    assert_eq!(of(OnRevocation::Off, true), []);
    assert_eq!(of(OnRevocation::Delta, false), expected([("delta", 2)]));
    assert_eq!(of(OnRevocation::Partition, false), expected([("delta", 2), ("13115", 2)]));
    let partition = of(OnRevocation::Partition, true);
    assert_eq!(partition, expected([("delta", 2), ("13115", 2), ("13115-delta", 2)]));
}

#[test]
fn deltas_that_are_made_no_more_are_left_behind_at_the_next_start() {
    let (house, ..) = scheduled(Schedule::default());
    house.set_clock("2026-04-01T03:15:00Z");
    house.authority.publish_due().unwrap();
    let delta = CrlScope::MunicipalityDelta(SUGINAMI.parse().unwrap());
    let served = |house: &House, scope| house.authority.parts().lists.find(&(Kind::Sign, 1, scope)).is_some();
    assert!(served(&house, delta));
    let mut house = house.reopen();
    house.authority.load_lists().unwrap();
    assert!(served(&house, delta));
    house.reschedule(Schedule { municipal_deltas: false, ..Schedule::default() });
    house.authority.load_lists().unwrap();
    assert!(!served(&house, delta), "it would end one day, and no other would take its place");
    for scope in [CrlScope::FullDelta, CrlScope::Full, place(SUGINAMI)] {
        assert!(served(&house, scope), "{scope:?}");
    }
}
