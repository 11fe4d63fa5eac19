//! The headers of replies with an OCSP answer or a list, without an allocation.
//!
//! Headers go into the map that the request came with: hyper takes it back afterwards and reads the next request into it.
//! Values that are the same for many replies are kept: those that tell which answer it is with the answer, and others by the
//! thread for as long as they are asked for one after the other. What is left is written into a piece of memory that each
//! thread has for it, and which it gets back when it has been sent. Everything is as
//! [`Representation`](crate::http::representation::Representation) has it, which answers where a request has conditions; a test
//! holds the two together.

use std::cell::RefCell;

use bytes::{BufMut, Bytes, BytesMut};
use hyper::{
    HeaderMap, Response,
    header::{
        ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, ETAG, EXPIRES, HeaderValue,
        LAST_MODIFIED, VARY,
    },
};

use super::{StatusReply, body::Octets, files};
use crate::{http::representation::Encoding, x509::UnixTime};

const OCSP_RESPONSE: HeaderValue = HeaderValue::from_static("application/ocsp-response");
const PKIX_CRL: HeaderValue = HeaderValue::from_static(files::PKIX_CRL);
const BYTES: HeaderValue = HeaderValue::from_static("bytes");
const BY_ENCODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");
const BEGINNING: HeaderValue = HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT");
const STALE: HeaderValue = HeaderValue::from_static("max-age=0, public, no-transform, must-revalidate");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Octets of the memory for values; those of some eighty replies fit.
const ARENA_OCTETS: usize = 16 * 1024;
/// Octets that the values of one reply may have.
const REPLY_OCTETS: usize = 256;

thread_local! {
    static WRITER: RefCell<Writer> = RefCell::new(Writer::new());
}

/// What a thread writes values with.
struct Writer {
    arena: BytesMut,
    /// The second that Date was written for, and how.
    date: (UnixTime, HeaderValue),
    /// The same of Expires, which is the same for all whom a cache may keep for a minute of the hour that they live.
    expires: (UnixTime, HeaderValue),
    /// The last max-age in seconds, and the Cache-Control with it.
    cache_control: (u64, HeaderValue),
    /// The last day that a date was written of, and how it begins.
    day: (u64, [u8; DAY]),
}

/// Which octets of a resource they are, as headers tell it.
#[derive(Clone, Debug)]
pub(super) struct Version {
    etag: HeaderValue,
    last_modified: HeaderValue,
}

impl Version {
    /// By a strong entity tag with its quotes, and the time of its making, which is never later than Date: an answer is not
    /// given before its thisUpdate. In memory of its own, to be kept with what it tells of.
    pub(super) fn new(etag: &str, this_update: UnixTime) -> Self {
        let date = WRITER.with_borrow_mut(|writer| writer.imf_fixdate(this_update));
        let both = Bytes::from([etag.as_bytes(), &date].concat());
        Self { etag: header_value(both.slice(..etag.len())), last_modified: header_value(both.slice(etag.len()..)) }
    }
}

/// What is told of a list in one of its forms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'a> {
    /// Strong, with its quotes.
    pub(super) etag: &'a str,
    pub(super) this_update: UnixTime,
    /// Until when a cache may give it out.
    pub(super) expires: UnixTime,
    pub(super) encoding: Encoding,
    /// How many there are.
    pub(super) octets: u64,
}

/// For an answer that a cache may keep until then; `headers` are used up. Content-Length is hyper's to write.
pub(super) fn cacheable(mut headers: HeaderMap, version: Version, expires: UnixTime, now: UnixTime) -> HeaderMap {
    headers.clear();
    WRITER.with_borrow_mut(|writer| {
        writer.arena.reserve(REPLY_OCTETS);
        writer.cacheable(&mut headers, version, expires, now);
    });
    headers.insert(CONTENT_TYPE, OCSP_RESPONSE);
    headers
}

/// For a list; `headers` are used up.
pub(super) fn list(mut headers: HeaderMap, told: Told<'_>, now: UnixTime) -> HeaderMap {
    headers.clear();
    WRITER.with_borrow_mut(|writer| {
        writer.arena.reserve(REPLY_OCTETS);
        let last_modified = writer.date(told.this_update.min(now));
        let version = Version { etag: writer.value(told.etag.as_bytes()), last_modified };
        writer.cacheable(&mut headers, version, told.expires, now);
        headers.insert(VARY, BY_ENCODING);
        headers.insert(ACCEPT_RANGES, BYTES);
        headers.insert(CONTENT_TYPE, PKIX_CRL);
        put_decimal(&mut writer.arena, told.octets);
        headers.insert(CONTENT_LENGTH, writer.value(&[]));
    });
    if told.encoding == Encoding::Gzip {
        headers.insert(CONTENT_ENCODING, GZIP);
    }
    headers
}

/// For octets that belong to this request alone; `headers` are used up. Content-Length is hyper's to write.
pub(super) fn uncached(mut headers: HeaderMap, now: UnixTime) -> HeaderMap {
    headers.clear();
    headers.insert(DATE, WRITER.with_borrow_mut(|writer| writer.now(now)));
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(CONTENT_TYPE, OCSP_RESPONSE);
    headers
}

/// A reply (200) of these headers and octets.
pub(super) fn reply(headers: HeaderMap, octets: impl Into<Octets>) -> StatusReply {
    let mut reply = Response::new(octets.into());
    *reply.headers_mut() = headers;
    reply
}

impl Writer {
    fn new() -> Self {
        Self {
            arena: BytesMut::with_capacity(ARENA_OCTETS),
            date: (UnixTime::EPOCH, BEGINNING),
            expires: (UnixTime::EPOCH, BEGINNING),
            cache_control: (0, STALE),
            day: (0, day(0)),
        }
    }

    /// What all that may be kept is told with.
    fn cacheable(&mut self, headers: &mut HeaderMap, version: Version, expires: UnixTime, now: UnixTime) {
        headers.insert(DATE, self.now(now));
        headers.insert(LAST_MODIFIED, version.last_modified);
        headers.insert(EXPIRES, self.expires(expires));
        headers.insert(ETAG, version.etag);
        let age = expires.seconds().saturating_sub(now.seconds()).max(0).unsigned_abs();
        headers.insert(CACHE_CONTROL, self.cache_control(age));
    }

    /// Date, which is the same for all replies of a second.
    fn now(&mut self, now: UnixTime) -> HeaderValue {
        if self.date.0 != now {
            // In memory of its own: it would keep that of the others for a second.
            let date = Bytes::copy_from_slice(&self.imf_fixdate(now));
            self.date = (now, header_value(date));
        }
        self.date.1.clone()
    }

    fn expires(&mut self, at: UnixTime) -> HeaderValue {
        if self.expires.0 != at {
            self.expires = (at, self.date(at));
        }
        self.expires.1.clone()
    }

    fn cache_control(&mut self, age: u64) -> HeaderValue {
        if self.cache_control.0 != age {
            self.arena.put_slice(b"max-age=");
            put_decimal(&mut self.arena, age);
            self.cache_control = (age, self.value(b", public, no-transform, must-revalidate"));
        }
        self.cache_control.1.clone()
    }

    fn date(&mut self, at: UnixTime) -> HeaderValue {
        let date = self.imf_fixdate(at);
        self.value(&date)
    }

    /// What was written last, with this behind it.
    fn value(&mut self, rest: &[u8]) -> HeaderValue {
        self.arena.put_slice(rest);
        header_value(self.arena.split().freeze())
    }

    /// IMF-fixdate (RFC 9110 §5.6.7): `Sat, 03 Jan 2026 03:04:05 GMT`. Nothing here is dated before 1970.
    ///
    /// Why not httpdate, which writes those of lists: it goes by way of a String, and a reply has three.
    fn imf_fixdate(&mut self, at: UnixTime) -> [u8; 29] {
        let seconds = at.seconds().max(0).unsigned_abs();
        let (days, second) = (seconds / 86_400, (seconds % 86_400) as u32);
        if self.day.0 != days {
            self.day = (days, day(days));
        }
        let mut out = *b"Day, 00 Mon 0000 00:00:00 GMT";
        out[..DAY].copy_from_slice(&self.day.1);
        for (place, number) in [(17, second / 3600), (20, second / 60 % 60), (23, second % 60)] {
            out[place..place + 2].copy_from_slice(&pair(number));
        }
        out
    }
}

/// Digits, letters and quotes.
fn header_value(octets: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(octets).expect("it is visible ASCII")
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

/// Octets of a date up to its hours.
const DAY: usize = 17;

/// `Sat, 03 Jan 2026 `, so many days after 1970-01-01, which was a Thursday.
fn day(days: u64) -> [u8; DAY] {
    let (year, month, day) = civil(days);
    let name = |names: &'static [u8], at: u64| &names[at as usize * 3..][..3];
    let mut out = *b"Day, 00 Mon 0000 ";
    out[..3].copy_from_slice(name(b"ThuFriSatSunMonTueWed", days % 7));
    out[8..11].copy_from_slice(name(b"JanFebMarAprMayJunJulAugSepOctNovDec", month - 1));
    for (place, number) in [(5, day), (12, year / 100), (14, year % 100)] {
        out[place..place + 2].copy_from_slice(&pair(number as u32));
    }
    out
}

/// Two digits.
fn pair(number: u32) -> [u8; 2] {
    [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]
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
    use std::time::Duration;

    use hyper::{Method, StatusCode};
    use proptest::prelude::*;

    use super::*;
    use crate::http::representation::{DateProves, Freshness, Representation, uncached as slow_uncached};

    const TAG: &str = "\"0123456789abcdef0123456789abcdef\"";
    const OCTETS: &[u8] = &[0x30; 985];

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds).unwrap()
    }

    fn imf_fixdate(at: UnixTime) -> [u8; 29] {
        WRITER.with_borrow_mut(|writer| writer.imf_fixdate(at))
    }

    /// All but what hyper writes.
    fn but_length(mut headers: HeaderMap) -> HeaderMap {
        headers.remove(CONTENT_LENGTH);
        headers
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
        fn the_headers_of_a_cacheable_answer_are_those_of_its_representation(
            this_update in 0_i64..4_000_000_000, expires in 0_i64..5_000_000_000, now in 0_i64..5_000_000_000,
        ) {
            let (this_update, expires, now) = (at(this_update.min(now)), at(expires), at(now));
            let representation = Representation {
                content_type: "application/ocsp-response",
                octets: Bytes::from_static(OCTETS).into(),
                encoding: Encoding::Only,
                etag: TAG,
                last_modified: this_update,
                date_proves: DateProves::Nothing,
                freshness: Freshness::Until(expires),
                ranges: false,
            };
            let slow = representation.reply(&Method::GET, &HeaderMap::new(), now);
            let version = Version::new(TAG, this_update);
            prop_assert_eq!(cacheable(used(), version, expires, now), but_length(slow.headers().clone()));
        }

        #[test]
        fn the_headers_of_a_list_are_those_of_its_representation(
            this_update in 0_i64..4_000_000_000, expires in 0_i64..5_000_000_000, octets in 0_usize..3000, coded: bool,
        ) {
            let (this_update, expires, now) = (at(this_update), at(expires), at(1_767_409_445));
            let encoding = if coded { Encoding::Gzip } else { Encoding::Identity };
            let representation = Representation {
                content_type: "application/pkix-crl",
                octets: Bytes::from(vec![0x30; octets]).into(),
                encoding,
                etag: TAG,
                last_modified: this_update,
                date_proves: DateProves::Version,
                freshness: Freshness::Until(expires),
                ranges: true,
            };
            let told = Told { etag: TAG, this_update, expires, encoding, octets: octets as u64 };
            let slow = representation.reply(&Method::GET, &HeaderMap::new(), now);
            // In the same order too: a client that compares a HEAD with a GET may see it.
            let fast = list(used(), told, now);
            prop_assert_eq!(fast.iter().collect::<Vec<_>>(), slow.headers().iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn uncached_headers_are_as_every_other_ones() {
        let slow =
            slow_uncached(StatusCode::OK, "application/ocsp-response", Bytes::from_static(OCTETS), at(1_767_409_445));
        assert_eq!(uncached(used(), at(1_767_409_445)), but_length(slow.headers().clone()));
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
        let (this_update, expires) = (at(1_767_409_445), at(1_767_413_045));
        for octets in 0..1000 {
            let told = Told { etag: TAG, this_update, expires, encoding: Encoding::Identity, octets };
            drop(list(HeaderMap::new(), told, this_update));
        }
        WRITER.with_borrow(|writer| assert!(writer.arena.capacity() <= ARENA_OCTETS));
    }
}
