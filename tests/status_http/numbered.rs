//! Lists by their numbers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use jitsuin::{
    http::{server::Bounds, status::NumberedLists},
    kind::Kind,
    limits::NUMBERED_READERS,
    ports::{CrlRecord, StoreError},
    revocation::lists::ListKey,
};

use crate::{
    running::{Gate, LIST, Running, long_list, place},
    support::{House, LIFE, TestClock},
};

/// Lists 1 and 2 of Suginami, of both generations of the signing CA; the octets tell them apart.
fn stored(clock: &TestClock) -> impl Fn(ListKey, u64) -> Option<CrlRecord> + use<> {
    let now = jitsuin::ports::Clock::now(clock);
    move |(kind, generation, scope), number| {
        let known = kind == Kind::Sign && scope == place() && (1..=2).contains(&number);
        known.then(|| CrlRecord {
            kind,
            generation,
            scope,
            number,
            this_update: now,
            next_update: now + LIFE,
            position: 0,
            entries: 0,
            der: long_list(u64::from(generation) * 10 + number).into(),
        })
    }
}

fn running(make: impl FnOnce(&TestClock) -> NumberedLists) -> Running {
    let house = House::new(TestClock::real());
    let lists = make(&house.clock);
    Running::with_sources(house, Bounds::default(), |sources| sources.numbered = Some(lists))
}

fn with_lists() -> Running {
    running(|clock| {
        let stored = stored(clock);
        Arc::new(move |key, number| Ok(stored(key, number)))
    })
}

#[test]
fn a_list_is_served_by_its_number_and_may_be_kept_for_ever() {
    let running = with_lists();
    for (path, seed) in [("/crl/sign/13115/1.crl", 11), ("/crl/sign/13115/2.crl", 12), ("/crl/sign/2/13115/1.crl", 21)]
    {
        let answer = running.get(path);
        assert_eq!((answer.status, &answer.body), (200, &long_list(seed)), "{path}");
        assert_eq!(answer.header("content-type"), Some("application/pkix-crl"));
        assert!(answer.header("cache-control").unwrap().starts_with("public, max-age=31536000, immutable"));
        let date = |name| httpdate::parse_http_date(answer.header(name).unwrap()).unwrap();
        assert_eq!(date("expires").duration_since(date("date")).unwrap().as_secs(), 31_536_000);
        assert_eq!(date("last-modified"), date("date"));
    }
}

#[test]
fn it_has_validators_ranges_and_head() {
    let running = with_lists();
    let path = "/crl/sign/13115/1.crl";
    let whole = running.get(path);
    let (tag, modified) = (whole.header("etag").unwrap(), whole.header("last-modified").unwrap());
    assert_eq!(running.get_with(path, &[("If-None-Match", tag)]).status, 304);
    assert_eq!(running.get_with(path, &[("If-Modified-Since", modified)]).status, 304);
    for condition in [tag, modified] {
        let part = running.get_with(path, &[("Range", "bytes=-9"), ("If-Range", condition)]);
        assert_eq!((part.status, part.body.as_slice()), (206, &whole.body[whole.body.len() - 9..]));
    }
    let head = running.send("HEAD", path, &[], &[]);
    assert_eq!((head.head, head.body), (whole.head.clone(), vec![]));
    assert_eq!(running.send("POST", path, &[], &[]).header("allow"), Some("GET, HEAD"));
    let other = running.get("/crl/sign/13115/2.crl");
    assert_ne!(other.header("etag"), Some(tag));
    assert_eq!(whole.header("vary"), None);
}

#[test]
fn an_ended_list_is_served_by_its_number_and_never_as_the_current_one() {
    let running = with_lists();
    running.publish(1, Duration::from_secs(60));
    running.house.clock.advance(LIFE.as_secs() as i64 + 1);
    assert_eq!(running.get(LIST).status, 503);
    let old = running.get("/crl/sign/13115/1.crl");
    assert_eq!((old.status, old.body), (200, long_list(11)));
}

#[test]
fn what_was_never_published_is_404_and_no_cache_keeps_that() {
    let running = with_lists();
    for path in [
        "/crl/sign/13115/3.crl",
        "/crl/sign/13115/0.crl",
        "/crl/sign/13115/18446744073709551615.crl",
        "/crl/sign/13115/18446744073709551616.crl",
        "/crl/auth/13115/1.crl",
        "/crl/sign/full/1.crl",
        "/crl/sign/99999/1.crl",
        "/crl/sign/13115/01.crl",
        "/crl/sign/1/13115/1.crl",
        "/crl/sign/13115/1",
        "/crl/sign/13115/../13115/1.crl",
    ] {
        let answer = running.get(path);
        assert_eq!((answer.status, answer.header("cache-control")), (404, Some("no-store")), "{path}");
    }
}

#[test]
fn without_a_store_there_are_no_lists_by_number() {
    assert_eq!(Running::new().get("/crl/sign/13115/1.crl").status, 404);
}

#[test]
fn a_store_that_fails_is_503_whatever_the_client_has_and_the_current_list_is_served_on() {
    let fails = Arc::new(AtomicBool::new(false));
    let running = running(|clock| {
        let (stored, fails) = (stored(clock), Arc::clone(&fails));
        Arc::new(move |key, number| match fails.load(Ordering::SeqCst) {
            true if number == 1 => Err(StoreError::Unavailable("gone".into())),
            true => Err(StoreError::Corrupt("a row that is none".into())),
            false => Ok(stored(key, number)),
        })
    });
    running.publish(3, LIFE);
    let tag = running.get("/crl/sign/13115/1.crl").header("etag").unwrap().to_owned();
    fails.store(true, Ordering::SeqCst);
    for path in ["/crl/sign/13115/1.crl", "/crl/sign/13115/2.crl", "/crl/sign/13115/9.crl"] {
        for headers in [&[][..], &[("If-None-Match", tag.as_str())], &[("Range", "bytes=0-0")]] {
            let answer = running.get_with(path, headers);
            assert_eq!((answer.status, answer.header("retry-after")), (503, Some("60")), "{path} {headers:?}");
            assert_eq!((answer.header("cache-control"), answer.header("etag")), (Some("no-store"), None));
            assert!(!String::from_utf8(answer.body).unwrap().contains("row"), "what failed is for the log");
        }
    }
    assert_eq!(running.get(LIST).status, 200);
    fails.store(false, Ordering::SeqCst);
    assert_eq!(running.get_with("/crl/sign/13115/1.crl", &[("If-None-Match", &tag)]).status, 304);
}

#[test]
fn more_readers_than_the_store_is_asked_to_bear_are_503_until_there_is_a_place() {
    let (entered, enters) = mpsc::sync_channel(NUMBERED_READERS);
    let gate = Gate::new(true);
    let running = running(|clock| {
        let (stored, gate) = (stored(clock), gate.clone());
        Arc::new(move |key, number| {
            let _ = entered.try_send(());
            gate.pass();
            Ok(stored(key, number))
        })
    });
    running.publish(3, LIFE);
    std::thread::scope(|scope| {
        let closed = gate.close();
        let get = || running.get("/crl/sign/13115/1.crl").status;
        let readers: Vec<_> = (0..NUMBERED_READERS).map(|_| scope.spawn(get)).collect();
        readers.iter().for_each(|_| enters.recv().unwrap());
        let refused = running.get("/crl/sign/13115/2.crl");
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
        assert_eq!(refused.header("cache-control"), Some("no-store"));
        assert_eq!(running.get(LIST).status, 200, "the current list waits for nobody");
        drop(closed);
        assert!(readers.into_iter().all(|reader| reader.join().unwrap() == 200));
    });
    assert_eq!(running.get("/crl/sign/13115/2.crl").status, 200);
}

#[test]
fn requests_by_number_are_counted_with_those_for_lists() {
    let running = with_lists();
    running.get("/crl/sign/13115/1.crl");
    running.get("/crl/sign/13115/9.crl");
    let text = running.metrics.render();
    for (result, count) in [("ok", 1), ("refused", 1)] {
        let line = format!(r#"jitsuin_http_requests_total{{listener="status",kind="crl",result="{result}"}} {count}"#);
        assert!(text.contains(&line), "{text}");
    }
}
