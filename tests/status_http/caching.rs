//! What caches are told, a rule a test (RFC 9110, RFC 9111, RFC 5019 §6).

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use jitsuin::{
    http::{server::Bounds, status::StatusSources},
    kind::Kind,
    ports::{AccessListRecord, Clock, CrlRecord},
    scope::CrlScope,
};

use crate::{
    running::{Answer, LIST, Running},
    support::{AUTH_1, Hash, House, LIFE, SIGN_1, SIGN_2, TestClock, ocsp_request},
};

#[test]
fn a_get_answer_may_be_cached_until_next_update() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let answer = running.get(&running.ocsp_path(AUTH_1, 1));
    let life = LIFE.as_secs();
    let cache = format!("max-age={life}, public, no-transform, must-revalidate");
    assert_eq!(answer.header("cache-control"), Some(cache.as_str()));
    let date = |name| httpdate::parse_http_date(answer.header(name).unwrap()).unwrap();
    assert_eq!(date("expires").duration_since(date("date")).unwrap(), LIFE);
    assert_eq!(date("last-modified"), date("date"));
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
}

#[test]
fn max_age_of_a_kept_answer_counts_down() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let path = running.ocsp_path(AUTH_1, 1);
    let first = running.get(&path);
    running.house.clock.advance(600);
    let second = running.get(&path);
    assert_eq!(first.body, second.body);
    assert_eq!(first.header("expires"), second.header("expires"));
    let rest = format!("max-age={}, ", LIFE.as_secs() - 600);
    assert!(second.header("cache-control").unwrap().starts_with(&rest));
}

#[test]
fn a_post_answer_is_never_cached() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let answer = running.post(&running.house.request(AUTH_1, 1));
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    assert_eq!((answer.header("etag"), answer.header("expires")), (None, None));
}

#[test]
fn a_get_with_nonce_and_one_about_what_was_never_issued_are_not_cached() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let id = running.house.cert_id(AUTH_1, Hash::Sha1, running.house.serial(Kind::Auth, 1).octets());
    let nonce = STANDARD.encode(ocsp_request(&[id], Some(&[7; 32])));
    for path in [format!("/ocsp/{nonce}"), running.ocsp_path(AUTH_1, 2)] {
        let answer = running.get(&path);
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
        assert_eq!(answer.header("etag"), None);
    }
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    running.publish(1, LIFE);
    for path in [running.ocsp_path(AUTH_1, 1).as_str(), LIST, "/ca/auth.cer", "/crl/none.crl"] {
        let (get, head) = (running.get(path), running.send("HEAD", path, &[], &[]));
        assert_eq!((head.head, head.body), (get.head, vec![]), "{path}");
        assert!(!get.body.is_empty());
    }
}

#[test]
fn other_methods_get_405_with_those_allowed() {
    let running = Running::new();
    running.publish(1, LIFE);
    for (method, path, allowed) in [
        ("GET", "/ocsp", "POST"),
        ("GET", "/ocsp/", "POST"),
        ("DELETE", "/ocsp", "POST"),
        ("PUT", "/ocsp/MAA=", "GET, HEAD"),
        ("DELETE", LIST, "GET, HEAD"),
        ("OPTIONS", "/ca/sign.cer", "GET, HEAD"),
    ] {
        let answer = running.send(method, path, &[], &[]);
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
    }
}

#[test]
fn a_list_is_served_with_validators_and_for_an_hour_at_most() {
    let running = Running::new();
    let der = running.publish(1, Duration::from_secs(48 * 3600));
    let answer = running.get(LIST);
    assert_eq!((answer.status, &answer.body), (200, &der));
    assert_eq!(answer.header("content-type"), Some("application/pkix-crl"));
    assert!(answer.header("cache-control").unwrap().starts_with("max-age=3600, public"));
    let (tag, modified) = (answer.header("etag").unwrap(), answer.header("last-modified").unwrap());
    assert_eq!(running.get_with(LIST, &[("If-None-Match", tag)]).status, 304);
    assert_eq!(running.get_with(LIST, &[("If-Modified-Since", modified)]).status, 304);
    running.house.clock.advance(1);
    running.publish(2, LIFE);
    assert_eq!(running.get_with(LIST, &[("If-None-Match", tag)]).status, 200);
    assert_eq!(running.get_with(LIST, &[("If-Modified-Since", modified)]).status, 200);
}

#[test]
fn a_list_is_never_cached_or_served_past_its_end() {
    let running = Running::new();
    running.publish(1, Duration::from_secs(60));
    assert!(running.get(LIST).header("cache-control").unwrap().starts_with("max-age=60, "));
    running.house.clock.advance(60);
    let answer = running.get(LIST);
    assert_eq!((answer.status, answer.header("cache-control")), (503, Some("no-store")));
    assert!(String::from_utf8(answer.body).unwrap().contains("the list ended"));
    running.publish(2, LIFE);
    assert_eq!(running.get(LIST).status, 200);
}

#[test]
fn every_ca_generation_s_certificate_is_served() {
    let running = Running::new();
    for (issuer, path) in [(SIGN_1, "/ca/sign.cer"), (SIGN_2, "/ca/sign/2.cer"), (AUTH_1, "/ca/auth.cer")] {
        let answer = running.get(path);
        assert_eq!((answer.status, &answer.body), (200, &running.house.authorities[issuer].certificate));
        assert_eq!(answer.header("content-type"), Some("application/pkix-cert"));
        assert_eq!(running.get_with(path, &[("If-None-Match", answer.header("etag").unwrap())]).status, 304);
    }
}

#[test]
fn what_does_not_exist_is_404_in_words() {
    let running = Running::new();
    running.publish(1, LIFE);
    for path in ["/", "/crl/sign/13114.crl", "/crl/auth/13115.crl", "/crl/sign/1/13115.crl", "/ca/sign/3.cer", "/ocspx"]
    {
        let answer = running.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("text/plain; charset=utf-8")), "{path}");
    }
}

/// One path of each kind that may be cached, all of them in place.
pub(crate) fn cacheable(running: &Running) -> [String; 3] {
    running.house.live(Kind::Auth, 1);
    running.publish(1, LIFE);
    [running.ocsp_path(AUTH_1, 1), LIST.into(), "/ca/auth.cer".into()]
}

fn seconds(text: &str) -> i64 {
    let at = httpdate::parse_http_date(text).unwrap();
    at.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}

fn max_age(answer: &Answer) -> i64 {
    let cache = answer.header("cache-control").unwrap();
    cache.split(", ").find_map(|word| word.strip_prefix("max-age=")).unwrap().parse().unwrap()
}

#[test]
fn date_is_the_second_of_the_answer_and_there_is_no_age() {
    let running = Running::new();
    let paths = cacheable(&running);
    for _ in 0..2 {
        let now = running.house.clock.now().seconds();
        for path in paths.iter().map(String::as_str).chain(["/none", "/ocsp/garbage!", "/crl/none.crl", "/ocsp"]) {
            let answer = running.get(path);
            assert_eq!(seconds(answer.header("date").unwrap()), now, "{path}");
            assert_eq!(answer.header("age"), None);
            assert_eq!(answer.head.to_lowercase().matches("\ndate:").count(), 1);
        }
        running.house.clock.advance(1000);
    }
}

#[test]
fn expires_is_date_plus_max_age() {
    let running = Running::new();
    for path in cacheable(&running) {
        let answer = running.get(&path);
        let rest = seconds(answer.header("expires").unwrap()) - seconds(answer.header("date").unwrap());
        assert_eq!((rest, rest > 0), (max_age(&answer), true), "{path}");
    }
}

#[test]
fn max_age_never_exceeds_next_update() {
    let bound = |answer_max_age| {
        let change = |sources: &mut StatusSources| sources.answer_max_age = answer_max_age;
        let running = Running::with_sources(House::new(TestClock::real()), Bounds::default(), change);
        running.house.live(Kind::Auth, 1);
        running.publish(1, Duration::from_secs(10));
        (max_age(&running.get(&running.ocsp_path(AUTH_1, 1))), max_age(&running.get(LIST)))
    };
    assert_eq!(bound(Duration::from_secs(60)), (60, 10));
    assert_eq!(bound(Duration::MAX), (LIFE.as_secs() as i64, 10));
}

#[test]
fn a_delta_is_fresh_for_a_minute_at_most() {
    let running = Running::new();
    let now = running.house.clock.now();
    running.lists.put(CrlRecord {
        kind: Kind::Sign,
        generation: 1,
        scope: CrlScope::FullDelta,
        number: 2,
        this_update: now,
        next_update: now + LIFE,
        position: 0,
        entries: 0,
        der: vec![0x30, 0].into(),
    });
    assert_eq!(max_age(&running.get("/crl/sign/delta.crl")), 60);
}

#[test]
fn a_tag_is_strong_the_same_for_the_same_octets_and_another_for_others() {
    let running = Running::new();
    let mut tags: Vec<_> = cacheable(&running)
        .iter()
        .map(|path| {
            let [first, second] = [running.get(path), running.get(path)];
            assert_eq!(first.header("etag"), second.header("etag"), "{path}");
            first.header("etag").unwrap().to_owned()
        })
        .collect();
    assert!(tags.iter().all(|tag| tag.len() == 34 && tag.starts_with('"') && tag.ends_with('"')));
    tags.push(running.get("/ca/sign.cer").header("etag").unwrap().to_owned());
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4);
}

#[test]
fn last_modified_is_never_later_than_date() {
    let running = Running::new();
    running.publish(1, LIFE);
    running.house.clock.advance(-60);
    for path in [LIST, "/ca/auth.cer"] {
        let answer = running.get(path);
        assert_eq!(answer.header("last-modified"), answer.header("date"), "{path}");
    }
}

#[test]
fn content_length_counts_the_octets_of_every_answer() {
    let running = Running::new();
    for path in cacheable(&running).iter().map(String::as_str).chain(["/none", "/ocsp", "/ocsp/garbage!"]) {
        let answer = running.get(path);
        assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()), "{path}");
        assert_eq!(answer.header("transfer-encoding"), None);
    }
}

#[test]
fn every_resource_has_its_content_type() {
    let running = Running::new();
    for (path, expected) in cacheable(&running).iter().map(String::as_str).chain(["/none"]).zip([
        "application/ocsp-response",
        "application/pkix-crl",
        "application/pkix-cert",
        "text/plain; charset=utf-8",
    ]) {
        assert_eq!(running.get(path).header("content-type"), Some(expected), "{path}");
    }
    assert_eq!(running.post(b"garbage").header("content-type"), Some("application/ocsp-response"));
}

#[test]
fn no_cache_keeps_a_refusal() {
    let running = Running::new();
    running.publish(1, Duration::from_secs(1));
    running.house.clock.advance(1);
    for (method, path, status) in [
        ("GET", "/none", 404),
        ("GET", "/crl/sign/99999.crl", 404),
        ("GET", "/ca/sign/9.cer", 404),
        ("GET", "/ocsp", 405),
        ("DELETE", LIST, 405),
        ("POST", "/ocsp", 415),
        ("GET", LIST, 503),
    ] {
        let answer = running.send(method, path, &[], &[]);
        assert_eq!((answer.status, answer.header("cache-control")), (status, Some("no-store")), "{method} {path}");
        assert_eq!((answer.header("etag"), answer.header("expires")), (None, None));
    }
}

#[test]
fn a_list_that_is_not_fit_to_be_sent_is_503_until_its_successor_is_there_and_not_404() {
    let running = Running::new();
    assert_eq!(running.get(LIST).status, 404, "none was ever published");
    running.lists.withhold((Kind::Sign, 1, crate::running::place()), 7);
    let answer = running.get(LIST);
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("60")));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let der = running.publish(8, LIFE);
    assert_eq!((running.get(LIST).status, running.get(LIST).body), (200, der));
    running.lists.withhold((Kind::Sign, 1, crate::running::place()), 9);
    assert_eq!(running.get(LIST).status, 200, "what is served is sound, and stays until it ends");
}

#[test]
fn an_ended_list_is_503_with_the_seconds_to_wait_whatever_the_client_has() {
    let running = Running::new();
    running.publish(1, Duration::from_secs(60));
    let first = running.get(LIST);
    let (tag, modified) = (first.header("etag").unwrap(), first.header("last-modified").unwrap());
    running.house.clock.advance(59);
    assert_eq!(max_age(&running.get(LIST)), 1);
    running.house.clock.advance(1);
    for headers in [&[][..], &[("If-None-Match", tag)], &[("If-Modified-Since", modified)], &[("If-None-Match", "*")]] {
        let answer = running.get_with(LIST, headers);
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("60")), "{headers:?}");
    }
    assert_eq!(running.send("HEAD", LIST, &[], &[]).status, 503);
}

#[test]
fn the_access_ca_s_list_is_served_for_a_minute_at_most_and_not_past_its_end() {
    let record = |number: u64, life: u64| {
        let this_update = TestClock::real().now();
        let next_update = this_update + Duration::from_secs(life);
        let der = format!("list {number}").into_bytes();
        Arc::new(AccessListRecord { number, this_update, next_update, entries: 0, der })
    };
    let standing = Arc::new(Mutex::new(Ok(record(1, 1000))));
    let lists = Arc::clone(&standing);
    let change = |sources: &mut StatusSources| {
        sources.access_list = Some(Arc::new(move || lists.lock().unwrap().clone()));
    };
    let running = Running::with_sources(House::new(TestClock::real()), Bounds::default(), change);
    let path = "/crl/access.crl";
    let first = running.get(path);
    assert_eq!((first.status, first.body.as_slice()), (200, &b"list 1"[..]));
    assert_eq!(first.header("content-type"), Some("application/pkix-crl"));
    assert_eq!(max_age(&first), 60);
    let tag = first.header("etag").unwrap().to_owned();
    assert_eq!(running.get_with(path, &[("If-None-Match", &tag)]).status, 304);
    assert_eq!(running.send("HEAD", path, &[], &[]).status, 200);
    assert_eq!(running.send("POST", path, &[], &[]).status, 405);
    *standing.lock().unwrap() = Ok(record(2, 10));
    let second = running.get_with(path, &[("If-None-Match", &tag)]);
    assert_eq!((second.status, second.body.as_slice()), (200, &b"list 2"[..]));
    assert!(max_age(&second) <= 10);
    *standing.lock().unwrap() = Err("the access CA's list 2 ended".to_owned());
    let ended = running.get(path);
    assert_eq!(ended.status, 503);
    assert!(ended.header("retry-after").is_some());
    // A listener without an access CA has none.
    assert_eq!(Running::new().get(path).status, 404);
}
