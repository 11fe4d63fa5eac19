//! While the store is away, and when what comes back is not the store that it was.

use std::{fs, sync::Arc};

use jitsuin::{
    kind::Kind,
    ports::Clock,
    scope::CrlScope,
    x509::ocsp::{ErrorStatus, SingleStatus},
};

use crate::world::World;

/// `[ocsp] response_life`, by default.
const LIFE: i64 = 3600;

#[test]
fn a_node_that_is_cut_off_speaks_of_the_last_instant_that_it_knows_and_after_an_answers_life_not_at_all() {
    let world = World::new();
    let node = world.node(&world.exported("node"));
    let serial = world.issue(1);
    node.turn();
    let known = world.clock.now();
    world.cut(true);
    for (passed, answers) in [(1, true), (LIFE / 2 + 1, true), (LIFE - 1, true), (LIFE, false), (2 * LIFE, false)] {
        world.clock.advance(known.seconds() + passed - world.clock.now().seconds());
        node.turn();
        match world.ask(&node, &serial) {
            Ok(told) => {
                assert!(answers, "{passed}");
                assert_eq!(
                    (told.status, told.at, told.until.seconds()),
                    (SingleStatus::Good, known, known.seconds() + LIFE)
                );
            }
            Err(error) => assert_eq!((error, answers), (ErrorStatus::TryLater, false), "{passed}"),
        }
    }
    let trouble = node.hearing().trouble.unwrap();
    assert_eq!((trouble.since.seconds(), trouble.is_grave), (known.seconds() + 1, false));
    assert_eq!(node.hearing().heard, Some(known));
    world.cut(false);
    node.turn();
    assert_eq!(world.ask(&node, &serial).unwrap().at, world.clock.now());
    assert_eq!(node.hearing().trouble, None);
}

#[test]
fn a_store_that_hangs_in_the_middle_of_a_look_is_away_too() {
    let world = World::new();
    let node = world.node(&world.exported("node"));
    node.turn();
    let known = world.clock.now();
    // No turn ends any more: what one would find, nobody knows.
    for (passed, is_away) in [(1, false), (5, false), (6, true), (60, true)] {
        world.clock.advance(known.seconds() + passed - world.clock.now().seconds());
        let trouble = node.hearing().trouble;
        assert_eq!(trouble.is_some(), is_away, "{passed}");
        assert!(trouble.is_none_or(|trouble| trouble.since == known && !trouble.is_grave), "{passed}");
    }
    node.turn();
    assert_eq!(node.hearing().trouble, None);
}

#[test]
fn an_answer_that_was_kept_is_not_given_again_by_a_node_that_knows_nothing_any_more() {
    let world = World::new();
    let node = world.node(&world.exported("node"));
    let serial = world.issue(1);
    node.turn();
    assert!(world.ask(&node, &serial).is_ok());
    // The clock goes back: how old what is known is nobody can tell.
    world.cut(true);
    world.clock.advance(-7200);
    node.turn();
    assert_eq!(world.ask(&node, &serial), Err(ErrorStatus::TryLater));
}

#[test]
fn a_node_starts_without_its_store_and_follows_when_it_is_back() {
    let world = World::new();
    let directory = world.exported("node");
    let node = world.node(&directory);
    let (live, revoked) = (world.issue(1), world.issue(2));
    world.revoke(2);
    node.turn();
    let (known, lists) = (world.clock.now(), node.lists().all().len());
    node.close();
    drop(node);
    world.cut(true);
    world.clock.advance(600);
    let node = world.node(&directory);
    let told = world.ask(&node, &live).unwrap();
    assert_eq!((told.status, told.at), (SingleStatus::Good, known));
    assert!(world.ask(&node, &revoked).unwrap().is_revoked());
    assert_eq!(node.lists().all().len(), lists);
    assert!(node.lists().find(&(Kind::Sign, 1, CrlScope::Full)).is_some());
    world.cut(false);
    world.revoke(1);
    node.turn();
    assert!(world.ask(&node, &live).unwrap().is_revoked());
}

#[test]
fn a_node_that_ended_at_once_says_nothing_of_what_it_no_longer_knows() {
    let world = World::new();
    let directory = world.exported("node");
    let node = world.node(&directory);
    let serial = world.issue(1);
    node.turn();
    node.keep();
    assert!(directory.join("status.whole").exists());
    world.revoke(1);
    assert!(world.ask(&node, &serial).unwrap().is_revoked());
    assert!(!directory.join("status.whole").exists(), "the snapshot is not all of it any more");
    // As if it had been killed: the snapshot says good, and it was told revoked.
    world.cut(true);
    let again = world.node(&directory);
    assert_eq!(world.ask(&again, &serial), Err(ErrorStatus::TryLater));
    world.cut(false);
    again.turn();
    assert!(world.ask(&again, &serial).unwrap().is_revoked());
}

#[test]
fn a_node_without_a_snapshot_and_without_its_store_says_nothing() {
    let world = World::new();
    let directory = world.exported("node");
    let serial = world.issue(1);
    world.cut(true);
    let node = world.node(&directory);
    assert_eq!(world.ask(&node, &serial), Err(ErrorStatus::TryLater));
    // A snapshot that is damaged is none.
    fs::write(directory.join("status.snapshot"), b"JITSUIN\n").unwrap();
    let node = world.node(&directory);
    assert_eq!(world.ask(&node, &serial), Err(ErrorStatus::TryLater));
}

#[test]
fn a_store_that_is_behind_is_refused_and_the_node_goes_on_with_what_it_has() {
    let world = World::new();
    let directory = world.exported("node");
    let node = world.node(&directory);
    let serial = world.issue(1);
    let older = Arc::new(world.twin());
    world.revoke(1);
    node.turn();
    node.close();
    world.clock.advance(60);
    let node = world.node_on(&directory, older);
    let trouble = node.hearing().trouble.unwrap();
    assert!(trouble.is_grave && trouble.cause.contains("the store is behind"), "{trouble:?}");
    let told = world.ask(&node, &serial).unwrap();
    assert!(told.is_revoked() && told.at < world.clock.now(), "{told:?}");
    world.clock.advance(LIFE);
    node.turn();
    assert_eq!(world.ask(&node, &serial), Err(ErrorStatus::TryLater));
}

#[test]
fn a_store_that_went_another_way_is_refused() {
    let world = World::new();
    let directory = world.exported("node");
    let node = world.node(&directory);
    let serial = world.issue(1);
    let twin = Arc::new(world.twin());
    world.revoke(1);
    node.turn();
    node.close();
    // The other way: a copy of an earlier day that somebody went on with, with more events, and others.
    let other = world.house_on(twin.clone());
    let (two, three) = (world.issue_in(&other, 2), world.issue_in(&other, 3));
    let node = world.node_on(&directory, twin);
    let trouble = node.hearing().trouble.unwrap();
    assert!(trouble.is_grave && trouble.cause.contains("another history"), "{trouble:?}");
    assert!(world.ask(&node, &serial).unwrap().is_revoked());
    for unknown in [two, three] {
        assert_ne!(world.ask(&node, &unknown).unwrap().status, SingleStatus::Good, "nothing of it was taken in");
    }
}

#[test]
fn the_store_of_another_service_is_refused() {
    let world = World::new();
    let directory = world.exported("node");
    let node = world.node(&directory);
    let serial = world.issue(1);
    node.turn();
    node.close();
    let other = World::new();
    other.issue(1);
    let node = world.node_on(&directory, other.line.clone());
    let trouble = node.hearing().trouble.unwrap();
    assert!(trouble.is_grave && trouble.cause.contains("another service"), "{trouble:?}");
    assert_eq!(world.ask(&node, &serial).unwrap().status, SingleStatus::Good);
}
