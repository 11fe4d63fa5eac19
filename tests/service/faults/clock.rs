//! Clocks that are wrong.

use std::time::Duration;

use jitsuin::{ports::Store, store::SqliteStore};

use super::stricken::{Stricken, now};
use crate::{kill::application, process::jitsuin, shim::Slot};

const DAY: i64 = 86_400;

#[test]
fn a_clock_that_leaps_years_ahead_is_not_believed_and_everything_goes_on_by_the_machine_s_count() {
    let mut service = Stricken::new();
    service.shim.set(Slot::Clock, 400 * DAY);
    let (ready, said) = service.ready();
    // 400 days, to the second or one less.
    assert!(!ready && said.contains("leapt ahead by 345"), "{said}");
    let made = service.status();
    assert!(made < now() + Duration::from_secs(60), "no answer is signed for the future: {made}");
    service.issue("TEST-1");
    // Two turns of the timers: nothing is published for the future, and nothing ends.
    std::thread::sleep(Duration::from_secs(6));
    service.shim.set(Slot::Clock, 0);
    service.until(30, "it is ready again", |service| service.ready().0);
    service.issue("TEST-2");
    service.nothing_is_lost();
}

#[test]
fn a_service_that_starts_with_a_clock_of_years_ago_writes_nothing_and_goes_on_when_it_is_started_by_the_right_one() {
    let mut service = Stricken::new();
    service.issue("TEST-1");
    service.stop();
    let entries = entries(&service);
    // Before its CAs begin, and before anything that it has written.
    service.shim.set(Slot::Clock, -3 * 366 * DAY);
    service.start();
    let (ready, said) = service.ready();
    assert!(!ready && said.contains("the clock went back: the last entry is of"), "{said}");
    // A turn of the timers.
    std::thread::sleep(Duration::from_secs(6));
    // To this process the right time is a leap.
    service.shim.set(Slot::Clock, 0);
    let (ready, said) = service.ready();
    assert!(!ready && said.contains("the system's clock leapt ahead by"), "{said}");
    service.stop();
    assert_eq!(self::entries(&service), entries, "nothing was written");
    service.start();
    assert!(service.ready().0, "{}", service.ready().1);
    service.issue("TEST-2");
    service.nothing_is_lost();
}

fn entries(service: &Stricken) -> usize {
    let store = SqliteStore::open_read_only(&service.site.path().join("jitsuin.sqlite")).expect("the database");
    store.audit_after(0, usize::MAX).expect("entries").len()
}

#[test]
fn a_clock_that_leaps_beyond_every_client_certificate_turns_counters_away_and_statuses_go_on() {
    let mut service = Stricken::new();
    service.shim.set(Slot::Clock, 5 * 366 * DAY);
    let url = format!("https://{}/v1/whoami", service.address("registration"));
    let fresh = crate::kill::client_of(&service.site);
    assert!(service.runtime.block_on(fresh.get_json(&url)).is_err(), "TLS takes the system's word");
    assert!(service.status() < now() + Duration::from_secs(60));
    assert!(!service.ready().0);
    service.shim.set(Slot::Clock, 0);
    service.issue("TEST-1");
    service.until(30, "it is ready again", |service| service.ready().0);
    service.nothing_is_lost();
}

#[test]
fn a_clock_that_goes_back_stops_writing_until_it_is_right_again() {
    // Ten days on, so that the CAs are valid on the days before too.
    let mut service = Stricken::started(|shim| {
        shim.set(Slot::Clock, 10 * DAY);
        let mut command = jitsuin();
        shim.before(&mut command);
        command
    });
    service.issue("TEST-1");
    let body = application("TEST-2");
    service.shim.set(Slot::Clock, 9 * DAY);
    for _ in 0..2 {
        let (status, problem) = service.ask("TEST-2", &body);
        assert_eq!(status, 503, "{problem}");
    }
    assert_eq!(service.look("TEST-1").0, 200, "reading goes on");
    let (ready, said) = service.ready();
    assert!(!ready && said.contains("the clock went back"), "{said}");
    let wrong = Duration::from_secs(9 * 86_400);
    service.status_by(now() + wrong);
    // Within the tolerance it writes.
    service.shim.set(Slot::Clock, 10 * DAY - 20);
    service.insist("TEST-2", &body);
    service.shim.set(Slot::Clock, 10 * DAY);
    service.until(30, "it is ready again", |service| service.ready().0);
    service.issue("TEST-3");
    service.nothing_is_lost();
}
