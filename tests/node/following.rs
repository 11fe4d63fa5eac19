//! While the store is there.

use std::{collections::BTreeSet, fs, sync::Arc};

use jitsuin::{
    kind::Kind,
    ports::{Clock, Store},
    scope::CrlScope,
    x509::ocsp::SingleStatus,
};

use crate::world::World;

#[test]
fn what_one_house_issues_and_revokes_the_node_beside_it_says_at_once() {
    let world = World::new();
    let node = world.node(&world.exported("node"));
    let serial = world.issue(1);
    node.turn();
    let told = world.ask(&node, &serial).unwrap();
    assert_eq!((told.status, told.at, told.produced), (SingleStatus::Good, node.clock.now(), node.clock.now()));
    world.revoke(1);
    // The event itself brings it; no turn of the node is waited for.
    assert!(world.ask(&node, &serial).unwrap().is_revoked());
    node.turn();
    assert_eq!((node.hearing().lag, node.hearing().trouble), (0, None));
}

#[test]
fn a_list_that_is_published_is_taken_up_and_none_of_a_lower_number_ever() {
    const FULL: (Kind, u8, CrlScope) = (Kind::Auth, 1, CrlScope::Full);
    let world = World::new();
    let node = world.node(&world.exported("node"));
    let first = node.lists().find(&FULL).unwrap();
    let old = world.twin();
    world.issue(1);
    world.revoke(1);
    world.clock.advance(60);
    world.house.authority.publish(&jitsuin::authority::Actor::service()).unwrap();
    node.turn();
    let second = node.lists().find(&FULL).unwrap();
    assert!(second.number > first.number && second.entries == 1);
    let of_house = world.house.authority.parts().lists.find(&FULL).unwrap();
    assert_eq!(second.der, of_house.der, "octet by octet");
    // An older copy of the store neither takes the list away nor puts the first in its place.
    let directory = node.layout.directory().to_owned();
    node.close();
    let behind = world.node_on(&directory, Arc::new(old));
    assert_eq!(behind.lists().find(&FULL).unwrap().number, second.number);
}

#[test]
fn a_list_that_the_ca_did_not_sign_is_not_served() {
    let world = World::new();
    let directory = world.exported("node");
    let node = world.node(&directory);
    let before = node.lists().all().len();
    node.close();
    world.cut(true);
    let path = directory.join("lists/auth-1-full.crl");
    let mut octets = fs::read(&path).unwrap();
    let last = octets.len() - 1;
    octets[last] ^= 1;
    fs::write(&path, octets).unwrap();
    let node = world.node(&directory);
    assert_eq!(node.lists().all().len(), before - 1);
    assert!(node.lists().find(&(Kind::Auth, 1, CrlScope::Full)).is_none());
    // It is not lost: the store has it.
    world.cut(false);
    node.turn();
    assert_eq!(node.lists().all().len(), before);
}

#[test]
fn a_renewed_responder_certificate_comes_by_the_store_and_stays_on_file() {
    let world = World::new();
    let directory = world.exported("node");
    let node = world.node(&directory);
    let end = |node: &jitsuin::cli::node::Node| {
        let delegates: Vec<_> = node.desk.responder().delegates(world.clock.now()).collect();
        delegates.iter().map(|(_, delegate)| delegate.not_after()).min().unwrap()
    };
    let before = end(&node);
    world.clock.advance(20 * 86_400);
    world.house.renew_delegates().unwrap();
    node.turn();
    let renewed = end(&node);
    assert!(renewed > before, "{before} {renewed}");
    node.close();
    world.cut(true);
    assert_eq!(end(&world.node(&directory)), renewed);
}

#[test]
fn of_two_publishers_at_once_one_makes_each_number() {
    let world = World::new();
    let other = world.another_house();
    world.clock.advance(2 * 86_400);
    std::thread::scope(|scope| {
        for house in [&world.house, &other] {
            scope.spawn(|| {
                for _ in 0..3 {
                    let made = house.authority.publish(&jitsuin::authority::Actor::service());
                    assert!(made.is_ok(), "{made:?}");
                }
            });
        }
    });
    let lists = |house: &jitsuin::cli::house::House| {
        house.authority.load_lists().unwrap();
        let all = house.authority.parts().lists.all();
        all.into_iter().map(|(key, list)| (key, list.number, list.etag.clone())).collect::<BTreeSet<_>>()
    };
    assert_eq!(lists(&world.house), lists(&other));
    let entries = world.line.audit_after(0, usize::MAX).unwrap();
    let published = entries.iter().filter(|entry| entry.draft.action == "crl.published");
    let numbers: Vec<_> = published
        .map(|entry| {
            let detail: serde_json::Value = serde_json::from_str(&entry.draft.detail).unwrap();
            let complete = entry.draft.subject.replace("delta", "full");
            (complete, entry.draft.subject.clone(), detail["number"].as_u64().unwrap())
        })
        .collect();
    let distinct: BTreeSet<_> = numbers.iter().collect();
    assert_eq!((distinct.len(), numbers.len() > 8), (numbers.len(), true), "{numbers:?}");
}
