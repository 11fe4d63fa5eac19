//! What it takes until a revocation is seen, channel by channel, as a client over HTTP sees it.

use std::time::Duration;

use jitsuin::{http::freshness::Channel, kind::Kind, scope::CrlScope};

use crate::aviary::{Aviary, PERIOD, canary, listed};

const DAY: i64 = 24 * 3600;

#[test]
fn ocsp_tells_of_it_at_once_and_through_a_cache_when_the_cache_has_forgotten() {
    let aviary = Aviary::new();
    aviary.turn();
    for channel in [Channel::OcspPost, Channel::OcspGet] {
        assert_eq!(aviary.took(channel), [Some(0.0); 2], "{channel:?}");
        assert_eq!(aviary.unseen(channel), [0.0; 2]);
    }
    assert_eq!(aviary.took(Channel::OcspCached), [None; 2], "a cache that asked before may say good for a minute");
    assert_eq!(aviary.freshness.pause(), Duration::from_secs(5));
    aviary.pass(59);
    assert_eq!(aviary.freshness.pause(), Duration::from_secs(1), "no longer than the cache keeps it");
    aviary.pass(2);
    assert_eq!(aviary.freshness.pause(), Duration::ZERO, "at once, if a turn took longer than that");
    aviary.pass(-2);
    aviary.turn();
    assert_eq!((aviary.took(Channel::OcspCached), aviary.unseen(Channel::OcspCached)), ([None; 2], [59.0; 2]));
    aviary.pass(1);
    aviary.turn();
    assert_eq!(aviary.took(Channel::OcspCached), [Some(60.0); 2]);
    assert_eq!(aviary.unseen(Channel::OcspCached), [0.0; 2]);
    assert_eq!((aviary.ready(), aviary.freshness.pause()), (Ok(()), Duration::from_secs(5)));
}

#[test]
fn ocsp_is_measured_to_the_microsecond() {
    use std::sync::atomic::Ordering::SeqCst;
    let mut aviary = Aviary::new();
    aviary.turn_deaf();
    aviary.turn();
    aviary.silence();
    aviary.speak();
    aviary.ahead.fetch_add(1_234, SeqCst);
    aviary.turn();
    assert_eq!(aviary.took(Channel::OcspPost), [Some(0.001_234); 2]);
    let line = |le: &str| format!("jitsuin_freshness_seconds_bucket{{ca=\"sign\",channel=\"ocsp-post\",le=\"{le}\"}}");
    assert_eq!((aviary.metric(&line("0.001")), aviary.metric(&line("0.005"))), (Some(0.0), Some(1.0)));
}

#[test]
fn the_delta_tells_of_it_when_it_is_published() {
    let aviary = Aviary::new();
    aviary.turn();
    assert_eq!((aviary.took(Channel::Delta), aviary.unseen(Channel::Delta)), ([None; 2], [0.0; 2]));
    aviary.pass(42);
    aviary.turn();
    assert_eq!(aviary.unseen(Channel::Delta), [42.0; 2], "it is waited for");
    assert!(!aviary.house.authority.publish_changed().unwrap().is_empty());
    aviary.turn();
    assert_eq!((aviary.took(Channel::Delta), aviary.unseen(Channel::Delta)), ([Some(42.0); 2], [0.0; 2]));
    assert_eq!(aviary.took(Channel::Full), [None; 2], "a delta is not the full list");
}

#[test]
fn the_lists_tell_of_it_with_their_next_edition_and_the_round_is_complete() {
    let aviary = Aviary::new();
    aviary.turn();
    for channel in [Channel::Municipal, Channel::Full] {
        assert_eq!(aviary.took(channel), [None; 2], "{channel:?}");
    }
    aviary.pass(DAY - 600);
    aviary.house.authority.publish_due().unwrap();
    aviary.turn();
    for channel in [Channel::Municipal, Channel::Full, Channel::Delta] {
        assert_eq!(aviary.took(channel), [Some((DAY - 600) as f64); 2], "{channel:?}");
    }
    let now = aviary.house.now().seconds() as f64;
    assert_eq!(aviary.metric("jitsuin_canary_complete_timestamp_seconds{ca=\"sign\"}"), Some(now));
    assert_eq!(aviary.metric("jitsuin_canary_round_timestamp_seconds{ca=\"auth\"}"), Some(now), "the next one");
    assert_eq!(aviary.ready(), Ok(()));
}

#[test]
fn a_delta_with_a_new_base_is_no_reason_to_wait_for_what_the_base_says() {
    let aviary = Aviary::new();
    aviary.turn();
    aviary.pass(DAY - 600);
    aviary.house.authority.publish_due().unwrap();
    aviary.pass(900);
    aviary.house.authority.publish_due().unwrap();
    assert!(listed(&aviary.house, Kind::Sign, CrlScope::FullDelta).is_empty(), "told by the base");
    aviary.turn();
    assert_eq!(aviary.took(Channel::Delta), [Some((DAY + 300) as f64); 2], "seen on the full list");
}

#[test]
fn a_canary_comes_every_period_and_not_sooner() {
    let aviary = Aviary::new();
    for (pass, rounds) in [(0, 1.0), (5, 1.0), (PERIOD - 6, 1.0), (1, 2.0), (1, 2.0), (3 * PERIOD, 3.0)] {
        aviary.pass(pass);
        aviary.turn();
        assert_eq!(aviary.rounds("done"), [rounds; 2], "after {pass} s more");
    }
    assert_eq!((aviary.rounds("failed"), aviary.rounds("skipped")), ([0.0; 2], [0.0; 2]));
}

#[test]
fn a_restart_neither_forgets_what_is_waited_for_nor_makes_another_canary() {
    let before = Aviary::new();
    before.turn();
    before.pass(100);
    let after = before.restarted();
    after.turn();
    assert_eq!(after.rounds("done"), [0.0; 2], "the next is due a period after the last");
    assert_eq!((after.unseen(Channel::Delta), after.unseen(Channel::OcspPost)), ([100.0; 2], [0.0; 2]));
    assert_eq!(after.took(Channel::OcspPost), [None; 2], "seen at the first look: who knows since when");
    after.pass(20);
    after.house.authority.publish_changed().unwrap();
    after.turn();
    assert_eq!(after.took(Channel::Delta), [Some(120.0); 2], "not seen at the first look, so it is known");
    after.pass(PERIOD - 120);
    after.turn();
    assert_eq!(after.rounds("done"), [1.0; 2]);
}

#[test]
fn a_canary_that_a_crash_left_standing_is_revoked_on_the_first_turn() {
    let before = Aviary::new();
    let left = canary(&before.house, Kind::Sign).unwrap();
    before.pass(30);
    let after = before.restarted();
    after.turn();
    let record = after.house.store.certificate(Kind::Sign, &left.serial).unwrap().unwrap();
    assert_eq!(record.revocation.map(|end| end.revocation_date), Some(after.house.now()));
    assert_eq!(after.rounds("done"), [1.0; 2]);
    assert_eq!(after.took(Channel::OcspPost), [Some(0.0); 2]);
    assert_eq!(after.house.authority.canaries().unwrap().len(), 2, "no other in its place");
}

#[test]
fn a_canary_that_is_over_is_not_waited_for_for_ever() {
    let aviary = Aviary::new();
    aviary.turn();
    // Three days without anything, also without turns; then lists that need not tell of it any more.
    for _ in 0..4 {
        aviary.pass(DAY);
        aviary.house.authority.publish_due().unwrap();
    }
    aviary.turn();
    for channel in [Channel::Delta, Channel::Municipal, Channel::Full] {
        assert_eq!((aviary.took(channel), aviary.unseen(channel)), ([None; 2], [0.0; 2]), "{channel:?}");
    }
    assert_eq!(aviary.ready(), Ok(()));
}
