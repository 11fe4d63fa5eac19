//! Lists that must not leave the house: known incidents of other CAs, keys that do not sign, stores that lie or fail. The old
//! list stays served, the reason is shown, and it is tried again.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};

use jitsuin::{
    authority::{StoryError, end::Effects},
    kind::Kind,
    ports::{Change, Step},
    profile::{Profile, Variant},
    rules::Cause,
    scope::CrlScope,
    store::{Fault, MemoryStore, SqliteStore},
    x509::{CrlEntry, UnixTime},
};

use crate::{
    bench::{entries, list, place, two_towns},
    house::{House, Person, SUGINAMI, operator, profile},
    liar::{Liar, published},
};

/// Publishing what is due stops at these signing lists for this reason; they are still served as they were; the others are
/// published; and when the cause is gone so is the failure.
#[track_caller]
fn is_stopped(store: &Liar, house: &House, scopes: &[CrlScope], reason: &str) {
    let before: Vec<_> = scopes.iter().map(|scope| list(house, Kind::Sign, *scope)).collect();
    let other = list(house, Kind::Auth, CrlScope::Full).number;
    let outcome = house.authority.publish_due();
    assert!(matches!(&outcome, Err(StoryError::Fault(detail)) if detail.contains(reason)), "{outcome:?}");
    for (scope, before) in scopes.iter().zip(&before) {
        assert_eq!(list(house, Kind::Sign, *scope).der, before.der, "the old list stays");
    }
    assert_eq!(list(house, Kind::Auth, CrlScope::Full).number, other + 1, "the others go on");
    let failures = house.authority.publication_failures();
    let failed: Vec<_> = failures.iter().map(|((kind, _, scope), _)| (*kind, *scope)).collect();
    assert_eq!(failed, scopes.iter().map(|scope| (Kind::Sign, *scope)).collect::<Vec<_>>());
    assert!(failures.iter().all(|(_, failure)| failure.cause.contains(reason) && failure.at == house.now()));
    let shown = house.authority.check_publishing().unwrap_err();
    assert!(shown.contains(reason) && shown.contains(&format!("sign 1 {}", scopes[0].word())), "{shown}");
    store.repent();
    house.authority.publish_due().unwrap();
    assert_eq!((house.authority.publication_failures(), house.authority.check_publishing()), (Vec::new(), Ok(())));
    for (scope, before) in scopes.iter().zip(&before) {
        assert_eq!(list(house, Kind::Sign, *scope).number, before.number + 1);
    }
}

#[test]
fn incident_an_entry_is_dropped_before_its_certificate_is_over() {
    let (store, house, [dropped, ..]) = published();
    store.lie(move |_, entries| entries.retain(|entry| entry.serial != dropped));
    let reason = format!("it lost the entry of {dropped}");
    is_stopped(&store, &house, &[CrlScope::Full, place(SUGINAMI)], &reason);
}

#[test]
fn incident_the_number_jumps_back() {
    let (store, house, _) = published();
    // A node that came up with the lists of two days ago, as from an old copy of the database.
    let old: Vec<_> = house
        .store
        .newest_crls()
        .unwrap()
        .iter()
        .map(|one| house.store.crl(one.kind, one.generation, one.scope, 1.max(one.number - 2)))
        .filter_map(|found| found.unwrap())
        .collect();
    *store.newest.lock().unwrap() = Some(old);
    store.is_old_copy.store(true, SeqCst);
    let stale = house.reopen();
    stale.authority.load_lists().unwrap();
    assert_eq!(list(&stale, Kind::Sign, CrlScope::Full).number, 1);
    let outcome = stale.authority.publish_due();
    assert!(matches!(&outcome, Err(StoryError::Fault(detail)) if detail.contains("number 2")), "{outcome:?}");
    assert_eq!(house.store.newest_crls().unwrap().len(), 8, "what the liar says");
    let failures = stale.authority.publication_failures();
    assert!(failures[0].1.cause.contains("does not follow"), "{failures:?}");
    store.repent();
    assert_eq!(list(&house, Kind::Sign, CrlScope::Full).number, 3, "the old list stays");
    // With the truth it goes on where it was.
    stale.authority.load_lists().unwrap();
    stale.authority.publish_due().unwrap();
    assert_eq!(list(&stale, Kind::Sign, CrlScope::Full).number, 4);
    assert_eq!(stale.authority.publication_failures(), []);
}

#[test]
fn incident_the_scope_shrinks_to_a_part_of_the_certificates() {
    let (store, house, [.., elsewhere]) = published();
    // The full list is asked for and the list of a town is given.
    store.lie(move |scope, entries| {
        if scope == CrlScope::Full {
            entries.retain(|entry| entry.serial != elsewhere);
        }
    });
    is_stopped(&store, &house, &[CrlScope::Full], &format!("it lost the entry of {elsewhere}"));
}

#[test]
fn a_service_whose_addresses_moved_goes_on_publishing_to_the_same_directory_names() {
    let (_, house, _) = published();
    let elsewhere = Profile { base_uri: "http://moved.example".into(), ..profile(Variant::Open) };
    for moved in [profile(Variant::Compat), elsewhere] {
        let moved = house.reopen_with(&Arc::new(moved));
        moved.authority.load_lists().unwrap();
        let before = list(&moved, Kind::Sign, place(SUGINAMI)).number;
        moved.authority.publish(&operator()).unwrap();
        assert_eq!(moved.authority.publication_failures(), []);
        assert!(list(&moved, Kind::Sign, place(SUGINAMI)).number > before);
    }
}

#[test]
fn a_revocation_that_the_query_overlooks_is_missed_by_the_events() {
    let (store, house, _) = published();
    let fresh = Person::new("TEST-4").with_card("CARD-4", "2026-04-04");
    house.pair(&fresh);
    house.revoke(&fresh, Cause::KeyCompromise, Some(&[Kind::Sign])).unwrap();
    let serial = house.newest(&fresh, Kind::Sign).serial;
    store.lie(move |_, entries| entries.retain(|entry| entry.serial != serial));
    let reason = format!("it does not tell of the event that ended {serial}");
    is_stopped(&store, &house, &[CrlScope::Full, place(SUGINAMI)], &reason);
}

#[test]
fn an_entry_out_of_nowhere_is_kept_back() {
    let (store, house, _) = published();
    let stranger = Person::new("TEST-4").with_card("CARD-4", "2026-04-04");
    house.pair(&stranger);
    let serial = house.newest(&stranger, Kind::Sign).serial;
    store.lie(move |scope, entries| {
        if let Some(first) = entries.first().copied().filter(|_| scope == CrlScope::Full) {
            entries.push(CrlEntry { serial, ..first });
            entries.sort_by_key(|entry| entry.serial);
        }
    });
    is_stopped(&store, &house, &[CrlScope::Full], "which no event ended");
}

#[test]
fn a_lost_event_stops_everything() {
    let (store, house, _) = published();
    let fresh = Person::new("TEST-4").with_card("CARD-4", "2026-04-04");
    house.pair(&fresh);
    house.revoke(&fresh, Cause::KeyCompromise, Some(&Kind::BOTH)).unwrap();
    let before = house.authority.parts().lists.all();
    store.lost_event.store(before[0].1.position + 2, SeqCst);
    let outcome = house.authority.publish_due();
    assert!(matches!(&outcome, Err(StoryError::Corrupt(detail)) if detail.contains("missing")), "{outcome:?}");
    assert_eq!(house.authority.parts().lists.all(), before);
}

#[test]
fn a_key_that_does_not_sign_keeps_the_old_list_and_is_asked_again() {
    let (store, house, _) = published();
    house.fuse.store(1, SeqCst);
    is_stopped(&store, &house, &[CrlScope::Full], "the test said so");
}

#[test]
fn of_two_nodes_that_publish_the_same_one_is_refused_and_serves_what_the_other_made() {
    let (_, house, _) = published();
    let other = house.reopen();
    other.authority.load_lists().unwrap();
    let made = house.authority.publish_due().unwrap();
    assert_eq!(made.len(), 14);
    assert_eq!(other.authority.publish_due(), Ok(Vec::new()), "it comes too late for every list");
    assert_eq!(other.authority.parts().lists.all(), house.authority.parts().lists.all());
    assert_eq!(other.authority.publication_failures(), []);
}

#[test]
fn who_asks_for_lists_finds_what_was_revoked_before_on_them_though_another_node_made_some_without_it_first() {
    let (house, person, _) = two_towns();
    house.authority.publish_due().unwrap();
    let other = house.reopen();
    other.authority.load_lists().unwrap();
    house.authority.publish(&operator()).unwrap();
    // What the first has made tells nothing of this, and its number is the next that the other would take.
    house.revoke(&person, Cause::KeyCompromise, Some(&Kind::BOTH)).unwrap();
    let made = other.authority.publish(&operator()).unwrap();
    assert!(!made.is_empty());
    for kind in Kind::BOTH {
        let served = list(&other, kind, CrlScope::Full);
        assert_eq!(entries(&served.der.whole().unwrap()).len(), 1, "{kind}");
        assert_eq!(served.number, 3, "after the list of the first");
    }
    // Where that is only the schedule's turn, the next one makes up for it.
    assert_eq!(other.authority.publication_failures(), []);
}

#[test]
fn a_store_that_fails_at_any_write_leaves_lists_that_follow_each_other() {
    for fault in [Fault::Lost, Fault::Kept] {
        for at in 1..=14 {
            let countdown = Arc::new(AtomicU64::new(0));
            let counter = Arc::clone(&countdown);
            let store = MemoryStore::with_faults(move |_| {
                let due = counter.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)) == Ok(1);
                if due { fault } else { Fault::None }
            });
            let house = House::on(Arc::new(store));
            house.authority.publish_due().unwrap();
            house.set_clock("2026-04-01T03:00:00Z");
            countdown.store(at, SeqCst);
            let outcome = house.authority.publish(&operator());
            // Fourteen lists are fourteen writes; one that happened all the same is no failure.
            let fails = fault == Fault::Lost;
            assert_eq!(outcome.is_err(), fails, "{fault:?} at {at}: {outcome:?}");
            assert_eq!(house.authority.publication_failures().len(), usize::from(fails));
            house.set_clock("2026-04-02T03:00:00Z");
            house.authority.publish_due().unwrap();
            assert_eq!(house.authority.publication_failures(), []);
            let stored = house.store.newest_crls().unwrap();
            let served = house.authority.parts().lists.all();
            assert!(stored.iter().zip(&served).all(|(stored, (_, served))| stored.der == served.der));
            house.check();
        }
    }
}

#[test]
fn lists_made_while_revocations_stream_in_contradict_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(&directory.path().join("jitsuin.db")).unwrap();
    for house in [House::on(Arc::new(sqlite)), House::new()] {
        let people: Vec<_> = (0..6).map(|number| Person::new(&format!("TEST-{number}"))).collect();
        people.iter().for_each(|person| drop(house.pair(person)));
        house.authority.watch_changes().unwrap();
        house.authority.publish_due().unwrap();
        let (over, house) = (AtomicBool::new(false), &house);
        std::thread::scope(|scope| {
            let publishing = scope.spawn(|| {
                let mut deltas = 0;
                while !over.load(SeqCst) {
                    house.clock.set(house.now() + std::time::Duration::from_secs(901));
                    let due = house.authority.publish_due().unwrap();
                    deltas += due.iter().filter(|one| one.scope.ends_with("delta") && one.entries > 0).count();
                    house.clock.set(house.now() + std::time::Duration::from_secs(61));
                    house.authority.publish_changed().unwrap();
                    house.authority.publish(&operator()).unwrap();
                }
                deltas
            });
            // A request that read the clock before it was moved may come too late; then it is sent again.
            let insist = |ask: &dyn Fn() -> Result<Effects, StoryError>| {
                let refused = |outcome: &Result<Effects, StoryError>| matches!(outcome, Err(StoryError::Refused(_)));
                (0..1000).map(|_| ask()).find(|outcome| outcome.is_ok() || refused(outcome))
            };
            let mut told = Vec::new();
            for round in 0..20 {
                for person in &people[..4] {
                    told.push(insist(&|| house.hold(person)));
                    told.push(insist(&|| house.release(person)));
                }
                if round == 10 {
                    told.push(insist(&|| house.revoke(&people[4], Cause::KeyCompromise, Some(&Kind::BOTH))));
                }
            }
            over.store(true, SeqCst);
            assert!(told.iter().all(|outcome| matches!(outcome, Some(Ok(_)))), "{told:?}");
            assert!(publishing.join().unwrap() > 0, "no delta was made in between");
        });
        assert_eq!(house.authority.publication_failures(), []);
        house.set_clock("2027-04-01T03:00:00Z");
        house.authority.publish(&operator()).unwrap();
        for kind in Kind::BOTH {
            let listed = entries(&list(house, kind, CrlScope::Full).der);
            assert_eq!(listed, house.store.revoked(kind, 1, CrlScope::Full, UnixTime::EPOCH).unwrap().0);
        }
        house.check();
    }
}

#[test]
fn entries_survive_the_whole_tale() {
    let (_, house, [one, two, three]) = published();
    house.authority.publish_due().unwrap();
    let full: Vec<_> = entries(&list(&house, Kind::Sign, CrlScope::Full).der).iter().map(|one| one.serial).collect();
    let mut expected = vec![one, two, three];
    expected.sort();
    assert_eq!(full, expected);
    // Every list is still there, by number.
    for number in 1..=4 {
        let kept = house.store.crl(Kind::Sign, 1, CrlScope::Full, number).unwrap().unwrap();
        assert_eq!(kept.entries, 3);
    }
    let outcome = house.store.commit(Change {
        steps: vec![Step::Crl(house.store.crl(Kind::Sign, 1, CrlScope::Full, 4).unwrap().unwrap())],
        audit: house.store.audit_after(0, 1).unwrap().remove(0).draft,
    });
    assert!(outcome.is_err(), "no list is written twice");
}
