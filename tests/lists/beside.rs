//! Several publishers on one store: one makes the lists, another takes over when they are late, and no number is given twice.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use jitsuin::{
    authority::{Authority, Parts},
    kind::Kind,
    revocation::{index::StatusIndex, lists::PublishedLists},
    rules::Cause,
    scope::CrlScope,
};

use crate::{
    bench::two_towns,
    house::{House, ITAMI, municipality, operator},
};

/// Another process on the same store, with the same keys.
fn beside(house: &House) -> Authority {
    let (of, index) = (house.authority.parts(), Arc::<StatusIndex>::default());
    of.store.follow(0, Arc::clone(&index) as _).unwrap();
    let other = Authority::new(Parts {
        store: Arc::clone(&of.store),
        clock: Arc::clone(&of.clock),
        entropy: Arc::clone(&of.entropy),
        issuers: Arc::clone(&of.issuers),
        serials: of.serials.clone(),
        profile: Arc::clone(&of.profile),
        policy: of.policy,
        counters: of.counters.clone(),
        substitutes: Arc::clone(&of.substitutes),
        index,
        lists: Arc::new(PublishedLists::default()),
        schedule: of.schedule,
        control: of.control.clone(),
    });
    other.load_lists().unwrap();
    other.watch_changes().unwrap();
    other
}

/// How many lists it makes by its timers, after it has taken up what others made.
fn turn(of: &Authority) -> usize {
    of.load_lists().unwrap();
    of.publish_due().unwrap().len() + of.publish_changed().unwrap().len()
}

#[test]
fn one_publisher_makes_the_lists_until_they_are_late() {
    let (house, one, two) = two_towns();
    house.authority.watch_changes().unwrap();
    let leader = &house.authority;
    leader.publish_beside_others();
    assert_eq!(turn(leader), 8, "there was none");
    let other = beside(&house);
    other.publish_beside_others();
    let later = |seconds| house.set_clock(&(house.now() + Duration::from_secs(seconds)).to_string());

    for seconds in [30, 900] {
        later(seconds);
        assert_eq!(turn(&other), 0, "what is due is left to whoever made the last");
        assert_eq!(turn(leader), 6, "the deltas");
    }
    assert_eq!(turn(&other), 0);

    // A revocation too.
    later(120);
    house.revoke(&one, Cause::CardDamaged, None).unwrap();
    assert_eq!(turn(&other), 0);
    assert!(turn(leader) > 0);
    assert_eq!(turn(&other), 0, "it is told already");

    // The leader is gone: what waits is told after a while, and the other leads from then on.
    later(120);
    let (itami, request) = (municipality(ITAMI), two.revocation(Cause::CardDamaged, None));
    house.authority.revoke(&itami, &house.once(), &request).unwrap();
    assert_eq!(turn(&other), 0);
    later(89);
    assert_eq!(turn(&other), 0);
    later(1);
    let told = turn(&other);
    assert!(told > 0, "nobody told it");
    assert_eq!(turn(leader), 0, "whoever led before, and comes back, takes up what was made and waits");
    let newest = |of: &Authority| of.parts().lists.find(&(Kind::Sign, 1, CrlScope::FullDelta)).unwrap().number;
    assert_eq!(newest(leader), newest(&other));

    // What both make all the same is there once.
    later(7 * 86_400);
    other.load_lists().unwrap();
    leader.load_lists().unwrap();
    let (by_other, by_leader) = (other.publish_due().unwrap().len(), leader.publish_due().unwrap().len());
    assert!(by_other + by_leader >= 8, "{by_other} {by_leader}");
    assert_eq!(newest_numbers(leader), newest_numbers(&other));
    house.check();
}

fn newest_numbers(of: &Authority) -> Vec<(String, u64)> {
    of.load_lists().unwrap();
    let mut all: Vec<_> =
        of.parts().lists.all().into_iter().map(|(key, list)| (format!("{key:?}"), list.number)).collect();
    all.sort();
    all
}

#[test]
fn what_one_could_not_publish_is_forgotten_once_another_has_and_nothing_is_left_to_tell() {
    let (house, one, _) = two_towns();
    let unlucky = &house.authority;
    unlucky.watch_changes().unwrap();
    unlucky.publish_beside_others();
    assert_eq!(turn(unlucky), 8);
    let other = beside(&house);
    other.publish_beside_others();
    house.set_clock(&(house.now() + Duration::from_secs(60)).to_string());
    house.fuse.store(1, SeqCst);
    unlucky.publish(&operator()).unwrap_err();
    assert_eq!(unlucky.publication_failures().len(), 1);
    other.load_lists().unwrap();
    other.publish(&operator()).unwrap();
    turn(unlucky);
    assert_eq!(unlucky.check_publishing(), Ok(()), "the list is there, and newer than the fault");
    // Something that no list tells of: the fault stays until one does.
    house.set_clock(&(house.now() + Duration::from_secs(60)).to_string());
    house.revoke(&one, Cause::CardDamaged, None).unwrap();
    house.fuse.store(1, SeqCst);
    unlucky.publish(&operator()).unwrap_err();
    unlucky.publish_due().unwrap();
    unlucky.check_publishing().unwrap_err();
    other.load_lists().unwrap();
    other.publish(&operator()).unwrap();
    turn(unlucky);
    assert_eq!(unlucky.check_publishing(), Ok(()));
}
