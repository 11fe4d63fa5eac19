//! What goes wrong, what readiness says of it, and that it says so no longer when it is mended.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use jitsuin::{
    http::{
        freshness::Channel,
        operator::{Check, OperatorService},
        server::{self, Plain},
    },
    limits::CANARIES_WATCHED,
    ports::Clock,
    scope::CrlScope,
};

use crate::aviary::{Aviary, BOUNDS, PERIOD};

#[test]
fn a_delta_that_does_not_appear_fails_readiness_by_name_and_figure_until_it_does() {
    let aviary = Aviary::new();
    aviary.turn();
    aviary.full.store(true, SeqCst);
    aviary.pass(1125);
    assert!(aviary.house.authority.publish_changed().is_err());
    aviary.turn();
    assert_eq!(aviary.ready(), Ok(()), "the bound itself is allowed");
    aviary.pass(1);
    assert_eq!(
        aviary.faults(),
        "sign delta: a revocation is not to be seen after 1126 s; the bound is 1125 s; \
         auth delta: a revocation is not to be seen after 1126 s; the bound is 1125 s"
    );
    assert_eq!(aviary.unseen(Channel::Delta), [1126.0; 2], "it grows, whatever was measured before");
    aviary.full.store(false, SeqCst);
    aviary.house.authority.publish_changed().unwrap();
    aviary.turn();
    assert_eq!(aviary.ready(), Ok(()));
    assert_eq!(aviary.took(Channel::Delta), [Some(1126.0); 2], "late as it was");
}

#[test]
fn readyz_is_503_with_the_channel_in_it_and_200_after_the_mend() {
    let aviary = Aviary::new();
    let socket = server::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let clock = Arc::clone(&aviary.house.clock) as Arc<dyn Clock>;
    let operator = OperatorService::new(Arc::clone(&aviary.metrics), vec![aviary.freshness.check()], clock);
    let (trigger, shutdown) = server::shutdown();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let serving = runtime.spawn(server::serve(socket, Plain, move |()| operator.clone(), Default::default(), shutdown));
    let readyz = || aviary.get(&format!("{url}/readyz"));
    assert_eq!(readyz().0, 200, "before the first turn there is nothing to say");
    aviary.turn();
    assert_eq!(readyz().0, 200);
    aviary.pass(31 * 3600);
    let (status, body) = readyz();
    assert_eq!(status, 503);
    assert!(body.contains("nobody has looked for 111600 s"), "{body}");
    aviary.turn();
    let (status, body) = readyz();
    assert_eq!(status, 503);
    for said in
        ["sign full: a revocation is not to be seen after 111600 s; the bound is 108000 s", "auth municipal", "delta"]
    {
        assert!(body.contains(said), "{said} is not in {body}");
    }
    aviary.house.authority.publish_due().unwrap();
    aviary.turn();
    assert_eq!(readyz(), (200, r#"{"ready":true,"checks":[{"name":"freshness","ok":true}]}"#.into()));
    let (_, metrics) = aviary.get(&format!("{url}/metrics"));
    assert!(metrics.contains("jitsuin_freshness_last_seconds{ca=\"sign\",channel=\"full\"} 111600"), "{metrics}");
    trigger.stop();
    runtime.block_on(serving).unwrap().unwrap();
}

#[test]
fn a_listener_that_is_silent_is_a_failure_of_every_channel() {
    let mut aviary = Aviary::new();
    aviary.turn();
    aviary.silence();
    aviary.pass(5);
    aviary.turn();
    assert_eq!(aviary.ready(), Ok(()), "once may be chance");
    aviary.pass(5);
    aviary.turn();
    let faults = aviary.faults();
    for channel in ["ocsp-post", "ocsp-get", "delta", "municipal", "full"] {
        for ca in ["sign", "auth"] {
            let said = format!("{ca} {channel}: out of reach for 5 s");
            assert!(faults.contains(&said), "{said} is not in {faults}");
        }
    }
    let unreachable = aviary.lane("jitsuin_freshness_unreachable_total", jitsuin::kind::Kind::Sign, Channel::Full);
    assert_eq!(unreachable, Some(2.0));
    aviary.speak();
    aviary.turn();
    assert_eq!(aviary.ready(), Ok(()));
}

#[test]
fn ocsp_that_goes_on_saying_good_fails_readiness_by_name_and_figure() {
    let mut aviary = Aviary::new();
    aviary.turn_deaf();
    aviary.turn();
    assert_eq!((aviary.took(Channel::OcspPost), aviary.ready()), ([None; 2], Ok(())));
    aviary.pass(6);
    aviary.turn();
    let faults = aviary.faults();
    for said in ["sign ocsp-post", "sign ocsp-get", "auth ocsp-post", "auth ocsp-get"] {
        let said = format!("{said}: a revocation is not to be seen after 6 s; the bound is 5 s");
        assert!(faults.contains(&said), "{said} is not in {faults}");
    }
    aviary.silence();
    aviary.speak();
    aviary.turn();
    assert_eq!((aviary.took(Channel::OcspPost), aviary.ready()), ([Some(6.0); 2], Ok(())));
}

#[test]
fn ocsp_that_takes_a_revocation_back_is_out_of_order() {
    let mut aviary = Aviary::new();
    aviary.turn();
    assert_eq!(aviary.took(Channel::OcspPost), [Some(0.0); 2]);
    aviary.turn_deaf();
    for _ in 0..2 {
        aviary.pass(5);
        aviary.turn();
    }
    let faults = aviary.faults();
    assert!(
        faults.contains("auth ocsp-post: out of reach for 5 s: it says good of what it called revoked"),
        "{faults}"
    );
    aviary.silence();
    aviary.speak();
    aviary.turn();
    assert_eq!(aviary.ready(), Ok(()));
}

#[test]
fn without_a_store_freshness_is_unmeasured_and_the_next_try_mends_it() {
    let aviary = Aviary::new();
    aviary.turn();
    aviary.full.store(true, SeqCst);
    aviary.pass(3600);
    aviary.turn();
    assert_eq!(aviary.rounds("failed"), [1.0; 2]);
    aviary.pass(59);
    aviary.turn();
    assert_eq!(aviary.rounds("failed"), [1.0; 2], "not before a minute has passed");
    aviary.pass(1);
    aviary.turn();
    assert_eq!(aviary.rounds("failed"), [2.0; 2]);
    aviary.pass(2 * 3600);
    aviary.turn();
    let faults = aviary.faults();
    assert!(faults.contains("sign: unmeasured for 10860 s; the bound is 7205 s: not available: "), "{faults}");
    aviary.full.store(false, SeqCst);
    aviary.pass(60);
    aviary.house.authority.recover(Duration::from_secs(10)).unwrap();
    aviary.house.authority.publish_changed().unwrap();
    aviary.turn();
    assert_eq!((aviary.rounds("done"), aviary.ready()), ([2.0; 2], Ok(())));
}

#[test]
fn a_store_that_fails_between_issue_and_revocation_leaves_the_canary_for_the_next_try() {
    for kept in [false, true] {
        let aviary = Aviary::new();
        // The reservation takes a block of indexes, itself and the certificate; the revocation is the fourth write.
        aviary.full_at(4, kept);
        aviary.turn();
        assert_eq!(aviary.rounds("failed"), [1.0, 0.0], "SIGN comes first");
        aviary.pass(60);
        aviary.turn();
        assert_eq!(aviary.rounds("done"), [1.0; 2]);
        assert!(aviary.house.authority.canaries().unwrap().iter().all(|one| one.revoked.is_some()));
        assert_eq!(aviary.ready(), Ok(()));
        aviary.house.check();
    }
}

#[test]
fn a_clock_that_goes_back_stops_the_canaries_and_not_the_looking() {
    let aviary = Aviary::new();
    aviary.turn();
    // The stopwatch goes on.
    aviary.pass(-7200);
    aviary.ahead.fetch_add((7200 + 3600) * 1_000_000, SeqCst);
    aviary.turn();
    assert_eq!((aviary.rounds("done"), aviary.rounds("failed")), ([1.0; 2], [1.0; 2]));
    assert_eq!(aviary.unseen(Channel::Full), [3600.0; 2]);
    aviary.ahead.fetch_add(3606 * 1_000_000, SeqCst);
    aviary.turn();
    assert!(aviary.faults().contains("auth: unmeasured for 7206 s; the bound is 7205 s: the clock"));
    aviary.pass(7200 + 7206);
    aviary.ahead.fetch_sub((7200 + 7206) * 1_000_000, SeqCst);
    aviary.pass(60);
    aviary.house.authority.publish_changed().unwrap();
    aviary.turn();
    assert_eq!((aviary.rounds("done"), aviary.ready()), ([2.0; 2], Ok(())));
}

#[test]
fn a_key_that_does_not_sign_is_counted_and_tried_again() {
    let aviary = Aviary::new();
    aviary.house.fuse.store(1, SeqCst);
    aviary.turn();
    let failed = aviary.rounds("failed");
    assert_eq!(failed.iter().sum::<f64>(), 1.0, "{failed:?}");
    assert_eq!(aviary.ready(), Ok(()));
    aviary.pass(60);
    aviary.turn();
    assert_eq!(aviary.rounds("done"), [1.0; 2]);
    assert_eq!(aviary.rounds("failed"), failed);
}

#[test]
fn lists_that_are_late_are_a_warning_long_before_they_end() {
    let aviary = Aviary::new();
    let (lists, clock) = (&aviary.house.authority.parts().lists, Arc::clone(&aviary.house.clock) as Arc<dyn Clock>);
    let bound = |scope: &CrlScope| if scope.is_delta() { BOUNDS.delta } else { BOUNDS.list };
    let due = Check::lists_due(Arc::clone(lists), Arc::clone(&clock), bound);
    let fresh = Check::lists_fresh(Arc::clone(lists), Arc::clone(&clock));
    assert_eq!((due.look(), fresh.look()), (Ok(()), Ok(())));
    aviary.pass(30 * 3600 - 600);
    assert_eq!(due.look(), Ok(()), "the bound itself is allowed");
    aviary.pass(1);
    assert_eq!(fresh.look(), Ok(()), "they are good for eighteen hours more");
    let warned = due.look().unwrap_err();
    assert!(
        warned.starts_with("8 of 8 lists should have been replaced; first to end sign 1 full of 2025-"),
        "{warned}"
    );
    let (status, body) = readyz(&aviary, due, clock);
    assert_eq!(status, 200, "a warning does not take the service away");
    assert!(body.contains(r#"{"name":"lists-due","ok":true,"warning":"8 of 8 lists"#), "{body}");
    aviary.house.authority.publish_due().unwrap();
    let due = Check::lists_due(Arc::clone(lists), Arc::clone(&aviary.house.clock) as Arc<dyn Clock>, bound);
    assert_eq!(due.look(), Ok(()));
}

/// What a listener with that one check says.
fn readyz(aviary: &Aviary, check: Check, clock: Arc<dyn Clock>) -> (u16, String) {
    let socket = server::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/readyz", socket.local_addr().unwrap());
    let operator = OperatorService::new(Arc::clone(&aviary.metrics), vec![check], clock);
    let (trigger, shutdown) = server::shutdown();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let serving = runtime.spawn(server::serve(socket, Plain, move |()| operator.clone(), Default::default(), shutdown));
    let answer = aviary.get(&url);
    trigger.stop();
    runtime.block_on(serving).unwrap().unwrap();
    answer
}

#[test]
fn where_lists_stand_still_for_weeks_the_oldest_and_the_newest_canary_are_watched() {
    let aviary = Aviary::new();
    let rounds = CANARIES_WATCHED as i64 + 10;
    for _ in 0..rounds {
        aviary.turn();
        aviary.pass(PERIOD);
    }
    assert_eq!(aviary.rounds("done"), [rounds as f64; 2]);
    assert_eq!(aviary.unseen(Channel::Full), [(rounds * PERIOD) as f64; 2], "the oldest says since when");
    assert_eq!(aviary.unseen(Channel::OcspPost), [0.0; 2]);
    aviary.turn();
    let faults = aviary.faults();
    assert!(!faults.contains("ocsp-post") && faults.contains("out of reach"), "{faults}");
    aviary.house.authority.publish_due().unwrap();
    aviary.turn();
    assert_eq!((aviary.unseen(Channel::Full), aviary.ready()), ([0.0; 2], Ok(())));
}
