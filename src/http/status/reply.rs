//! Replies with an OCSP answer, without an allocation.
//!
//! Headers go into the map that the request came with: hyper takes it back afterwards and reads the next request into it.
//! Values that change are written into a piece of memory that each thread has for them, and which it gets back when they
//! have been sent. Everything is as [`Representation`](crate::http::representation::Representation) has it, which answers
//! where a request has conditions; a test holds the two together.

use std::{cell::RefCell, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::Full;
use hyper::{
    HeaderMap, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, DATE, ETAG, EXPIRES, HeaderValue, LAST_MODIFIED},
};

use crate::{http::representation::Reply, revocation::answer::Answer, x509::UnixTime};

const OCSP_RESPONSE: HeaderValue = HeaderValue::from_static("application/ocsp-response");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Octets of the memory for values; those of a hundred replies fit.
const ARENA_OCTETS: usize = 16 * 1024;
/// Octets that the values of one reply may have.
const REPLY_OCTETS: usize = 256;

thread_local! {
    static ARENA: RefCell<BytesMut> = RefCell::new(BytesMut::with_capacity(ARENA_OCTETS));
}

/// 200 with an answer that a cache may keep for so long, at most until its nextUpdate; `headers` are used up.
pub(super) fn cacheable(mut headers: HeaderMap, answer: &Answer, etag: &str, life: Duration, now: UnixTime) -> Reply {
    let expires = answer.next_update.min(now + life);
    let age = expires.seconds().saturating_sub(now.seconds()).max(0).unsigned_abs();
    ARENA.with_borrow_mut(|arena| {
        begin(&mut headers, arena, now, answer.der.len());
        headers.insert(LAST_MODIFIED, value(arena, &imf_fixdate(answer.this_update.min(now))));
        headers.insert(EXPIRES, value(arena, &imf_fixdate(expires)));
        headers.insert(ETAG, value(arena, etag.as_bytes()));
        arena.put_slice(b"max-age=");
        put_decimal(arena, age);
        headers.insert(CACHE_CONTROL, value(arena, b", public, no-transform, must-revalidate"));
    });
    finish(headers, answer.der.clone())
}

/// 200 with octets that belong to this request alone; `headers` are used up.
pub(super) fn uncached(mut headers: HeaderMap, octets: Bytes, now: UnixTime) -> Reply {
    ARENA.with_borrow_mut(|arena| begin(&mut headers, arena, now, octets.len()));
    headers.insert(CACHE_CONTROL, NO_STORE);
    finish(headers, octets)
}

fn begin(headers: &mut HeaderMap, arena: &mut BytesMut, now: UnixTime, length: usize) {
    headers.clear();
    arena.reserve(REPLY_OCTETS);
    headers.insert(DATE, value(arena, &imf_fixdate(now)));
    headers.insert(CONTENT_TYPE, OCSP_RESPONSE);
    put_decimal(arena, length as u64);
    headers.insert(CONTENT_LENGTH, value(arena, b""));
}

fn finish(headers: HeaderMap, octets: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(octets));
    *reply.status_mut() = StatusCode::OK;
    *reply.headers_mut() = headers;
    reply
}

/// What was written last, with this behind it.
fn value(arena: &mut BytesMut, rest: &[u8]) -> HeaderValue {
    arena.put_slice(rest);
    HeaderValue::from_maybe_shared(arena.split().freeze()).expect("digits, letters and quotes are visible ASCII")
}

fn put_decimal(out: &mut BytesMut, mut number: u64) {
    let (mut digits, mut from) = ([0; 20], 20);
    loop {
        from -= 1;
        digits[from] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.put_slice(&digits[from..]);
}

/// IMF-fixdate (RFC 9110 §5.6.7): `Sat, 03 Jan 2026 03:04:05 GMT`. Nothing here is dated before 1970.
///
/// Why not httpdate, which writes those of lists: it goes by way of a String, and a reply has three.
fn imf_fixdate(at: UnixTime) -> [u8; 29] {
    let seconds = at.seconds().max(0).unsigned_abs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let mut out = *b"Day, 00 Mon 0000 00:00:00 GMT";
    // 1970-01-01 was a Thursday.
    let name = |names: &'static [u8], at: u64| &names[at as usize * 3..][..3];
    out[..3].copy_from_slice(name(b"ThuFriSatSunMonTueWed", days % 7));
    out[8..11].copy_from_slice(name(b"JanFebMarAprMayJunJulAugSepOctNovDec", month - 1));
    let pairs =
        [(5, day), (12, year / 100), (14, year % 100), (17, second / 3600), (20, second / 60 % 60), (23, second % 60)];
    for (place, number) in pairs {
        out[place] = b'0' + (number / 10) as u8;
        out[place + 1] = b'0' + (number % 10) as u8;
    }
    out
}

/// Year, month and day of the Gregorian calendar, so many days after 1970-01-01. The year is taken to begin in March, so that
/// the day that comes every four years is its last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use hyper::Method;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        http::representation::{DateProves, Encoding, Freshness, Representation, uncached as slow_uncached},
        kind::Kind,
        revocation::responder::Verdict,
    };

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds).unwrap()
    }

    fn answer(this_update: i64, life: i64) -> Answer {
        Answer {
            der: Bytes::from_static(&[0x30; 985]),
            this_update: at(this_update),
            next_update: at(this_update + life),
            first: (Kind::Auth, Verdict::Good),
            etag: Some("\"0123456789abcdef0123456789abcdef\"".into()),
        }
    }

    fn used() -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("of the request"))])
    }

    proptest! {
        #[test]
        fn dates_are_those_of_httpdate(seconds in 0_i64..=253_402_300_799) {
            let theirs = httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(seconds as u64));
            prop_assert_eq!(&imf_fixdate(at(seconds))[..], theirs.as_bytes());
        }

        #[test]
        fn a_cacheable_reply_is_that_of_its_representation(
            this_update in 0_i64..4_000_000_000, life in 1_i64..1_000_000, later in -10_i64..2_000_000, longest: u32,
        ) {
            let (answer, now) = (answer(this_update, life), at((this_update + later).max(0)));
            let longest = Duration::from_secs(longest.into());
            let etag = answer.etag.clone().unwrap();
            let representation = Representation {
                content_type: "application/ocsp-response",
                octets: answer.der.clone(),
                encoding: Encoding::Only,
                etag: &etag,
                last_modified: answer.this_update,
                date_proves: DateProves::Nothing,
                freshness: Freshness::Until(answer.next_update.min(now + longest)),
                ranges: false,
            };
            let (fast, slow) = (
                cacheable(used(), &answer, &etag, longest, now),
                representation.reply(&Method::GET, &HeaderMap::new(), now),
            );
            prop_assert_eq!((fast.status(), fast.headers()), (slow.status(), slow.headers()));
        }
    }

    #[test]
    fn an_uncached_reply_is_as_every_other_one() {
        let octets = Bytes::from_static(b"0123456789");
        let slow = slow_uncached(StatusCode::OK, "application/ocsp-response", octets.clone(), at(1_767_409_445));
        assert_eq!(uncached(used(), octets, at(1_767_409_445)).headers(), slow.headers());
    }

    #[test]
    fn leap_days_and_turns_of_the_century_are_written_right() {
        for (seconds, date) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] {
            assert_eq!(std::str::from_utf8(&imf_fixdate(at(seconds))), Ok(date));
        }
    }

    #[test]
    fn the_memory_of_a_thread_is_used_again() {
        let answer = answer(1_767_409_445, 3600);
        let etag = answer.etag.clone().unwrap();
        for _ in 0..1000 {
            drop(cacheable(HeaderMap::new(), &answer, &etag, Duration::MAX, at(1_767_409_446)));
        }
        ARENA.with_borrow(|arena| assert!(arena.capacity() <= ARENA_OCTETS));
    }
}
