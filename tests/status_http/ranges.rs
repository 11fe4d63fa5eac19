//! Ranges (RFC 9110 §14), a rule a test.

use std::time::Duration;

use jitsuin::kind::Kind;

use crate::{
    running::{LIST, Running},
    support::AUTH_1,
};

const CA: &str = "/ca/auth.cer";

#[test]
fn lists_and_ca_certificates_say_that_they_come_in_ranges_and_ocsp_answers_do_not() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    running.publish_long(1);
    for path in [LIST, CA] {
        assert_eq!(running.get(path).header("accept-ranges"), Some("bytes"), "{path}");
    }
    let path = running.ocsp_path(AUTH_1, 1);
    let answer = running.get_with(&path, &[("Range", "bytes=0-9")]);
    assert_eq!((answer.status, answer.header("accept-ranges")), (200, None));
    assert_eq!(answer.body, running.get(&path).body);
}

#[test]
fn one_range_is_206_with_its_place_and_its_length() {
    let running = Running::new();
    let der = running.publish_long(1);
    let length = der.len();
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=100-", 100, length),
        ("bytes=-7", length - 7, length),
        ("bytes=0-99999999", 0, length),
        ("bytes=-99999999", 0, length),
    ] {
        let part = running.get_with(LIST, &[("Range", range)]);
        assert_eq!((part.status, part.body.as_slice()), (206, &der[from..to]), "{range}");
        let place = format!("bytes {from}-{}/{length}", to - 1);
        assert_eq!(part.header("content-range"), Some(place.as_str()));
        assert_eq!(part.header("content-length"), Some((to - from).to_string().as_str()));
        let whole = running.get(LIST);
        for name in ["content-type", "etag", "last-modified", "cache-control", "expires", "vary", "accept-ranges"] {
            assert_eq!(part.header(name), whole.header(name), "{name}");
        }
    }
}

#[test]
fn a_list_in_a_file_is_sent_as_one_in_memory() {
    let running = Running::new();
    running.publish_long(1);
    let short = running.get(LIST);
    let der = running.publish_file(2);
    let (whole, length) = (running.get(LIST), der.len());
    assert!(length > 2 * jitsuin::limits::LIST_PIECE_OCTETS);
    assert_eq!((whole.status, &whole.body), (200, &der));
    for name in ["content-type", "cache-control", "expires", "vary", "accept-ranges"] {
        assert_eq!(whole.header(name), short.header(name), "{name}");
    }
    assert_eq!(whole.header("content-length"), Some(length.to_string().as_str()));
    let tag = jitsuin::revocation::entity_tag::entity_tag(&der);
    assert_eq!(whole.header("etag"), Some(tag.as_str()));
    let head = running.send("HEAD", LIST, &[], &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), whole.header("content-length"));
    assert_eq!(running.get_with(LIST, &[("If-None-Match", &tag)]).status, 304);
    for (range, from, to) in [("bytes=0-0", 0, 1), ("bytes=9-300000", 9, 300_001), ("bytes=-7", length - 7, length)] {
        let part = running.get_with(LIST, &[("Range", range), ("If-Range", &tag)]);
        assert_eq!((part.status, part.body.as_slice()), (206, &der[from..to]), "{range}");
    }
    assert_eq!(running.get_with(LIST, &[("Range", "bytes=9999999-")]).status, 416);
    running.lists.compress();
    let coded = running.get_with(LIST, &[("Accept-Encoding", "gzip")]);
    assert_eq!(coded.header("content-encoding"), Some("gzip"));
    assert!(coded.body.len() < length);
}

#[test]
fn a_whole_answer_has_no_content_range() {
    let running = Running::new();
    assert_eq!(running.get(CA).header("content-range"), None);
}

#[test]
fn ranges_of_a_ca_certificate_come_together_again() {
    let running = Running::new();
    let [head, tail] = ["bytes=0-99", "bytes=100-"].map(|range| running.get_with(CA, &[("Range", range)]));
    assert_eq!([head.body, tail.body].concat(), running.get(CA).body);
}

#[test]
fn a_range_out_of_bounds_is_416_with_the_length_and_no_cache_keeps_it() {
    let running = Running::new();
    let length = running.publish_long(1).len();
    for range in [format!("bytes={length}-"), format!("bytes={length}-{length}"), "bytes=-0".into()] {
        let refused = running.get_with(LIST, &[("Range", &range)]);
        let place = format!("bytes */{length}");
        assert_eq!((refused.status, refused.header("content-range")), (416, Some(place.as_str())), "{range}");
        assert_eq!((refused.header("cache-control"), refused.header("etag")), (Some("no-store"), None));
    }
}

#[test]
fn a_malformed_range_another_unit_and_several_ranges_bring_the_whole() {
    let running = Running::new();
    let der = running.publish_long(1);
    for range in ["bytes=9-3", "bytes=a-z", "bytes", "items=0-1", "bytes=0-1,5-6", "bytes=0-,0-,0-", "bytes=-"] {
        let whole = running.get_with(LIST, &[("Range", range)]);
        assert_eq!((whole.status, &whole.body, whole.header("content-range")), (200, &der, None), "{range}");
    }
}

#[test]
fn head_ignores_a_range() {
    let running = Running::new();
    running.publish_long(1);
    let plain = running.send("HEAD", LIST, &[], &[]);
    for range in ["bytes=0-9", "bytes=99999999-"] {
        assert_eq!(running.send("HEAD", LIST, &[("Range", range)], &[]).head, plain.head, "{range}");
    }
}

#[test]
fn if_range_with_the_tag_lets_a_download_go_on_and_any_other_begins_it_anew() {
    let running = Running::new();
    running.publish_long(1);
    let tag = running.get(LIST).header("etag").unwrap().to_owned();
    let range = |condition: &str| running.get_with(LIST, &[("Range", "bytes=10-"), ("If-Range", condition)]).status;
    assert_eq!(range(&tag), 206);
    for other in [format!("W/{tag}"), "\"x\"".into(), "*".into(), format!("\"x\", {tag}"), "yesterday".into()] {
        assert_eq!(range(&other), 200, "{other}");
    }
    running.house.clock.advance(1);
    let second = running.publish_long(2);
    let whole = running.get_with(LIST, &[("Range", "bytes=10-"), ("If-Range", &tag)]);
    assert_eq!((whole.status, &whole.body), (200, &second), "the list was replaced while it was downloaded");
    let beyond = [("Range", "bytes=99999999-"), ("If-Range", "\"x\"")];
    assert_eq!(running.get_with(LIST, &beyond).status, 200, "a range that does not count is never unsatisfiable");
}

#[test]
fn if_range_with_a_date_is_good_only_where_it_is_last_modified_and_nothing_else_ever_had_it() {
    let running = Running::new();
    running.publish_long(1);
    let range = |path: &str, date: &str| running.get_with(path, &[("Range", "bytes=10-"), ("If-Range", date)]).status;
    let modified = running.get(CA).header("last-modified").unwrap().to_owned();
    assert_eq!(range(CA, &modified), 206);
    let at = httpdate::parse_http_date(&modified).unwrap();
    for other in [at - Duration::from_secs(1), at + Duration::from_secs(1)] {
        assert_eq!(range(CA, &httpdate::fmt_http_date(other)), 200);
    }
    // The forms of a list, in gzip and not, have the same date and other octets (RFC 9110 §8.8.1).
    let list = running.get(LIST).header("last-modified").unwrap().to_owned();
    assert_eq!(range(LIST, &list), 200);
}

#[test]
fn a_condition_on_the_whole_goes_before_a_range() {
    let running = Running::new();
    running.publish_long(1);
    let tag = running.get(LIST).header("etag").unwrap().to_owned();
    let range = ("Range", "bytes=10-");
    assert_eq!(running.get_with(LIST, &[range, ("If-None-Match", &tag)]).status, 304);
    assert_eq!(running.get_with(LIST, &[range, ("If-None-Match", "\"x\"")]).status, 206);
    assert_eq!(running.get_with(LIST, &[range, ("If-Match", &tag)]).status, 206);
    assert_eq!(running.get_with(LIST, &[range, ("If-Match", "\"x\"")]).status, 412);
}

#[test]
fn a_range_of_a_coded_list_counts_the_coded_octets_under_their_own_tag() {
    let running = Running::new();
    running.publish_long(1);
    let gzip = ("Accept-Encoding", "gzip");
    let whole = running.get_with(LIST, &[gzip]);
    let part = running.get_with(LIST, &[gzip, ("Range", "bytes=10-19")]);
    assert_eq!((part.status, part.body.as_slice()), (206, &whole.body[10..20]));
    assert_eq!((part.header("content-encoding"), part.header("etag")), (Some("gzip"), whole.header("etag")));
    let place = format!("bytes 10-19/{}", whole.body.len());
    assert_eq!(part.header("content-range"), Some(place.as_str()));
    let tag = whole.header("etag").unwrap();
    let resumed = [("Range", "bytes=10-"), ("If-Range", tag)];
    assert_eq!(running.get_with(LIST, &[gzip, resumed[0], resumed[1]]).status, 206);
    assert_eq!(running.get_with(LIST, &resumed).status, 200, "another Accept-Encoding, other octets");
}

#[test]
fn an_ended_list_is_not_served_in_pieces_either() {
    let running = Running::new();
    running.publish(1, Duration::from_secs(60));
    let tag = running.get(LIST).header("etag").unwrap().to_owned();
    running.house.clock.advance(60);
    for headers in
        [[("Range", "bytes=0-0"), ("If-Range", tag.as_str())], [("If-None-Match", &tag), ("Range", "bytes=0-0")]]
    {
        let answer = running.get_with(LIST, &headers);
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("60")));
    }
}
