//! Preconditions (RFC 9110 §13), a rule a test.

use std::time::Duration;

use der::Decode;
use jitsuin::{kind::Kind, x509::RevocationReason};
use x509_ocsp::{BasicOcspResponse, CertStatus, OcspResponse};

use crate::{
    caching::cacheable,
    running::{Answer, LIST, Running},
    support::{AUTH_1, LIFE},
};

#[test]
fn the_tag_of_a_get_answer_makes_a_304_until_the_state_changes() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let path = running.ocsp_path(AUTH_1, 1);
    let tag = running.get(&path).header("etag").unwrap().to_owned();
    let same = running.get_with(&path, &[("If-None-Match", &tag)]);
    assert_eq!((same.status, same.body.len(), same.header("etag")), (304, 0, Some(tag.as_str())));
    running.house.hold(Kind::Auth, 1);
    let changed = running.get_with(&path, &[("If-None-Match", &tag)]);
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
}

#[test]
fn if_none_match_knows_a_tag_alone_weak_in_a_list_or_as_a_star() {
    let running = Running::new();
    for path in cacheable(&running) {
        let tag = running.get(&path).header("etag").unwrap().to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), format!("W/\"x\",W/{tag}"), "*".into()]
        {
            let answer = running.get_with(&path, &[("If-None-Match", &known)]);
            assert_eq!((answer.status, answer.body.len()), (304, 0), "{path} {known}");
            assert_eq!(answer.header("etag"), Some(tag.as_str()));
            for name in ["date", "cache-control", "expires", "last-modified"] {
                assert!(answer.header(name).is_some(), "{name}");
            }
            for name in ["content-type", "content-length", "content-range"] {
                assert_eq!(answer.header(name), None);
            }
        }
        for other in ["\"x\"", tag.trim_matches('"'), "", "W/*"] {
            assert_eq!(running.get_with(&path, &[("If-None-Match", other)]).status, 200, "{path} {other}");
        }
        let head = running.send("HEAD", &path, &[("If-None-Match", &tag)], &[]);
        assert_eq!(head.status, 304);
    }
}

#[test]
fn if_modified_since_is_ignored_beside_if_none_match() {
    let running = Running::new();
    for path in &cacheable(&running)[1..] {
        let modified = running.get(path).header("last-modified").unwrap().to_owned();
        let since = ("If-Modified-Since", modified.as_str());
        assert_eq!(running.get_with(path, &[since]).status, 304, "{path}");
        assert_eq!(running.get_with(path, &[since, ("If-None-Match", "\"x\"")]).status, 200, "{path}");
    }
}

#[test]
fn if_modified_since_with_no_date_an_earlier_one_or_one_that_lies_ahead_is_answered_whole() {
    let running = Running::new();
    for path in cacheable(&running) {
        let modified = httpdate::parse_http_date(running.get(&path).header("last-modified").unwrap()).unwrap();
        let second = Duration::from_secs(1);
        for date in [httpdate::fmt_http_date(modified - second), httpdate::fmt_http_date(modified + second)] {
            assert_eq!(running.get_with(&path, &[("If-Modified-Since", &date)]).status, 200, "{path} {date}");
        }
        for bad in ["yesterday", "1767323045", "", "2026-01-02T03:04:05Z", "Fri, 31 Feb 2026 00:00:00 GMT"] {
            assert_eq!(running.get_with(&path, &[("If-Modified-Since", bad)]).status, 200, "{path} {bad}");
        }
    }
}

#[test]
fn a_list_of_the_same_second_as_the_one_before_is_not_told_from_it_by_its_date() {
    let running = Running::new();
    running.publish(1, LIFE);
    let modified = running.get(LIST).header("last-modified").unwrap().to_owned();
    let second = running.publish(2, LIFE);
    let answer = running.get_with(LIST, &[("If-Modified-Since", &modified)]);
    assert_eq!((answer.status, &answer.body), (200, &second));
    assert_eq!(answer.header("last-modified"), Some(modified.as_str()));
}

#[test]
fn a_condition_that_wants_other_octets_is_412() {
    let running = Running::new();
    for path in cacheable(&running) {
        let whole = running.get(&path);
        let tag = whole.header("etag").unwrap();
        for (name, value, status) in [
            ("If-Match", tag.to_owned(), 200),
            ("If-Match", "*".into(), 200),
            ("If-Match", format!("W/{tag}"), 412),
            ("If-Match", "\"x\"".into(), 412),
            ("If-Unmodified-Since", whole.header("last-modified").unwrap().into(), 200),
            (
                "If-Unmodified-Since",
                "Thu, 01 Jan 2015 00:00:00 GMT".into(),
                if path.starts_with("/ocsp") { 200 } else { 412 },
            ),
        ] {
            let answer = running.get_with(&path, &[(name, &value)]);
            assert_eq!(answer.status, status, "{path} {name}: {value}");
            assert_eq!(answer.header("cache-control") == Some("no-store"), status == 412);
        }
    }
}

#[test]
fn a_cached_answer_dies_the_moment_the_state_changes_by_get_and_by_post() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let (path, request) = (running.ocsp_path(AUTH_1, 1), running.house.request(AUTH_1, 1));
    let good = running.get(&path);
    let tag = good.header("etag").unwrap();
    assert_eq!((word(&good), running.get(&path).body == good.body), ("good", true), "it is kept");
    assert_eq!(running.get_with(&path, &[("If-None-Match", tag)]).status, 304);
    running.house.revoke(Kind::Auth, 1, RevocationReason::KeyCompromise);
    assert_eq!(word(&running.post(&request)), "revoked");
    let revoked = running.get(&path);
    assert_eq!(word(&revoked), "revoked");
    assert_ne!(revoked.header("etag"), Some(tag));
    // Both were signed in the same second, so their dates do not tell them apart.
    let modified = good.header("last-modified").unwrap();
    assert_eq!(revoked.header("last-modified"), Some(modified));
    for condition in [("If-None-Match", tag), ("If-Modified-Since", modified)] {
        let answer = running.get_with(&path, &[condition]);
        assert_eq!((answer.status, word(&answer)), (200, "revoked"), "{condition:?}");
    }
}

/// The state of the one certificate in an answer.
fn word(answer: &Answer) -> &'static str {
    let response = OcspResponse::from_der(&answer.body).unwrap().response_bytes.unwrap();
    let basic = BasicOcspResponse::from_der(response.response.as_bytes()).unwrap();
    match basic.tbs_response_data.responses[0].cert_status {
        CertStatus::Good(_) => "good",
        CertStatus::Revoked(_) => "revoked",
        CertStatus::Unknown(_) => "unknown",
    }
}
