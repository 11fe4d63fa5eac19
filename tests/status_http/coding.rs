//! Content codings (RFC 9110 §8.4, §12.5.3), a rule a test.

use std::io::Read;

use jitsuin::kind::Kind;

use crate::{
    running::{Answer, LIST, Running},
    support::AUTH_1,
};

const GZIP: (&str, &str) = ("Accept-Encoding", "gzip");

fn decoded(answer: &Answer) -> Vec<u8> {
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let mut octets = Vec::new();
    flate2::read::GzDecoder::new(&*answer.body).read_to_end(&mut octets).unwrap();
    octets
}

#[test]
fn a_list_comes_in_gzip_for_who_asks_and_decodes_to_the_octet() {
    let running = Running::new();
    let der = running.publish_long(1);
    let answer = running.get_with(LIST, &[GZIP]);
    assert_eq!((answer.status, decoded(&answer)), (200, der.clone()));
    assert!(answer.body.len() < der.len());
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
    assert_eq!(answer.header("content-type"), Some("application/pkix-crl"));
    assert!(answer.header("cache-control").unwrap().contains("no-transform"));
}

#[test]
fn who_does_not_ask_gets_the_list_as_it_is() {
    let running = Running::new();
    let der = running.publish_long(1);
    for headers in
        [&[][..], &[("Accept-Encoding", "")], &[("Accept-Encoding", "br")], &[("Accept-Encoding", "gzip;q=0")]]
    {
        let answer = running.get_with(LIST, headers);
        assert_eq!((answer.status, &answer.body, answer.header("content-encoding")), (200, &der, None), "{headers:?}");
    }
}

#[test]
fn weights_decide_between_forms() {
    let running = Running::new();
    running.publish_long(1);
    for (accept, expected) in [
        ("gzip;q=0.5, zstd;q=0.8", Some("gzip")),
        ("zstd", None),
        ("gzip;q=0.5, identity;q=0.8", None),
        ("gzip, *;q=0", Some("gzip")),
        ("deflate, gzip, br", Some("gzip")),
        ("*", None),
    ] {
        let answer = running.get_with(LIST, &[("Accept-Encoding", accept)]);
        assert_eq!((answer.status, answer.header("content-encoding")), (200, expected), "{accept}");
    }
    let two_headers = running.get_with(LIST, &[("Accept-Encoding", "identity;q=0.1"), GZIP]);
    assert_eq!(two_headers.header("content-encoding"), Some("gzip"));
}

#[test]
fn every_form_has_a_strong_tag_of_its_own_that_makes_a_304_for_that_form_alone() {
    let running = Running::new();
    running.publish_long(1);
    let plain = ("Accept-Encoding", "identity");
    let tags =
        [plain, GZIP].map(|accept| (accept, running.get_with(LIST, &[accept]).header("etag").unwrap().to_owned()));
    assert!(tags[1].1.ends_with("-gzip\""));
    for (accept, own) in &tags {
        assert!(own.starts_with('"'));
        for (_, tag) in &tags {
            let answer = running.get_with(LIST, &[*accept, ("If-None-Match", tag)]);
            assert_eq!(answer.status, if tag == own { 304 } else { 200 }, "{accept:?} {tag}");
            assert_eq!(answer.header("etag"), Some(own.as_str()));
        }
    }
}

#[test]
fn a_list_says_that_it_varies_by_accept_encoding_whatever_is_answered() {
    let running = Running::new();
    running.publish_long(1);
    let tag = running.get(LIST).header("etag").unwrap().to_owned();
    for (headers, status) in [
        (vec![], 200),
        (vec![GZIP], 200),
        (vec![("If-None-Match", tag.as_str())], 304),
        (vec![("Range", "bytes=0-0")], 206),
        (vec![("Accept-Encoding", "identity;q=0, br")], 406),
    ] {
        let answer = running.get_with(LIST, &headers);
        assert_eq!((answer.status, answer.header("vary")), (status, Some("Accept-Encoding")), "{headers:?}");
    }
}

#[test]
fn who_refuses_the_list_as_it_is_gets_a_coding_or_406() {
    let running = Running::new();
    running.publish_long(1);
    let ask = |accept| running.get_with(LIST, &[("Accept-Encoding", accept)]);
    assert_eq!(ask("identity;q=0, gzip").header("content-encoding"), Some("gzip"));
    assert_eq!(ask("identity;q=0, *").header("content-encoding"), Some("gzip"));
    for accept in ["identity;q=0", "*;q=0", "br, *;q=0"] {
        let refused = ask(accept);
        assert_eq!((refused.status, refused.header("cache-control")), (406, Some("no-store")), "{accept}");
    }
}

#[test]
fn a_list_that_fits_a_packet_or_is_not_compressed_yet_goes_as_it_is() {
    let running = Running::new();
    let short = running.publish(1, crate::support::LIFE);
    running.lists.compress();
    let answer = running.get_with(LIST, &[GZIP]);
    assert_eq!((&answer.body, answer.header("content-encoding")), (&short, None));
    assert_eq!(answer.header("vary"), Some("Accept-Encoding"), "the next one may be longer");
    assert_eq!(running.get_with(LIST, &[("Accept-Encoding", "identity;q=0, gzip")]).status, 406);
}

#[test]
fn the_coded_form_of_a_list_goes_with_it() {
    let running = Running::new();
    running.publish_long(1);
    let old = running.get_with(LIST, &[GZIP]);
    running.house.clock.advance(1);
    let new = running.publish_long(2);
    let answer = running.get_with(LIST, &[GZIP, ("If-None-Match", old.header("etag").unwrap())]);
    assert_eq!((answer.status, decoded(&answer)), (200, new));
}

#[test]
fn answers_and_ca_certificates_have_one_form_and_do_not_vary() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    for path in [running.ocsp_path(AUTH_1, 1).as_str(), "/ca/auth.cer"] {
        let plain = running.get(path);
        for accept in ["gzip, zstd", "identity;q=0"] {
            let answer = running.get_with(path, &[("Accept-Encoding", accept)]);
            assert_eq!((answer.status, &answer.body), (200, &plain.body), "{path}");
            assert_eq!((answer.header("content-encoding"), answer.header("vary")), (None, None));
        }
    }
}

#[test]
fn head_of_a_coded_list_has_the_headers_of_its_get() {
    let running = Running::new();
    running.publish_long(1);
    let (get, head) = (running.get_with(LIST, &[GZIP]), running.send("HEAD", LIST, &[GZIP], &[]));
    assert_eq!((head.head, head.body), (get.head, vec![]));
}
