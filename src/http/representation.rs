//! An immutable octet string served with everything caches and downloads need: validators, freshness, 304, 412, HEAD, one
//! range of it, and a content coding (RFC 9110, RFC 9111).
//!
//! A content coding makes another representation of the same resource (RFC 9110 §8.4): it has its own entity tag, and ranges
//! and lengths count its octets, not those it decodes to. Which one a client gets is settled by Accept-Encoding alone, also
//! when it asks for a range; so a download that goes on under another Accept-Encoding finds that its If-Range does not
//! match, and gets the whole.

use std::{
    ops::Range,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, Response, StatusCode,
    header::{
        ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG,
        EXPIRES, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE,
        RETRY_AFTER, VARY,
    },
    http::response::Builder,
};

pub use self::{
    condition::DateProves,
    content::{Content, ReplyBody},
};
use self::{
    condition::{Condition, Validators},
    range::{Portion, portion},
};
use crate::{limits::NUMBERED_MAX_AGE, x509::UnixTime};

mod condition;
mod content;
pub(super) mod negotiation;
mod range;

/// What the status and operator listeners answer with.
pub type Reply = Response<ReplyBody>;

/// How long a cache may give a representation out without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Until then.
    Until(UnixTime),
    /// For ever: its address names these octets and no others (RFC 8246).
    Forever,
}

/// What Accept-Encoding had to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Nothing: the resource has one form.
    Only,
    /// It chose the octets as they are.
    Identity,
    /// It chose gzip.
    Gzip,
}

/// A representation of a resource that may be cached.
#[derive(Clone, Debug)]
pub struct Representation<'a> {
    /// Content-Type.
    pub content_type: &'static str,
    /// The octets as they are sent.
    pub octets: Content,
    /// The coding they are in.
    pub encoding: Encoding,
    /// A strong entity tag with its quotes.
    pub etag: &'a str,
    /// When these octets were made.
    pub last_modified: UnixTime,
    /// What that time is good for in conditions.
    pub date_proves: DateProves,
    /// How long they are fresh.
    pub freshness: Freshness,
    /// Whether a part of them is of use.
    pub ranges: bool,
}

impl Representation<'_> {
    /// The reply to a GET or HEAD with these headers: 200 or the range that was asked for (206), 304 for who has the same
    /// octets, 412 or 416 for who asks for what there is not.
    #[must_use]
    pub fn reply(&self, method: &Method, headers: &HeaderMap, now: UnixTime) -> Reply {
        // An origin server with a clock never sends a Last-Modified later than its Date (RFC 9110 §8.8.2.1).
        let last_modified = self.last_modified.min(now);
        let validators = Validators { etag: self.etag, last_modified, date_proves: self.date_proves };
        match validators.check(headers, now) {
            Condition::Met => (),
            Condition::NotModified => {
                return finish(self.head(last_modified, now).status(StatusCode::NOT_MODIFIED), Bytes::new());
            }
            Condition::Failed => {
                return text(
                    StatusCode::PRECONDITION_FAILED,
                    "what the request asks for on a condition has changed",
                    now,
                );
            }
        }
        // RFC 9110 §14.2: range handling is defined for GET alone.
        let mut ranges = headers.get_all(RANGE).iter().filter(|_| self.ranges && method == Method::GET);
        let portion = match (ranges.next().and_then(|value| value.to_str().ok()), ranges.next()) {
            (Some(value), None) if validators.range_counts(headers) => portion(value, self.octets.len()),
            _ => Portion::Whole,
        };
        match portion {
            Portion::Whole => self.whole(self.head(last_modified, now)),
            Portion::Part(range) => self.part(self.head(last_modified, now), range),
            Portion::Unsatisfiable => self.unsatisfiable(now),
        }
    }

    /// The headers that 200, 206 and 304 share (RFC 9110 §15.4.5).
    fn head(&self, last_modified: UnixTime, now: UnixTime) -> Builder {
        let (expires, cache) = match self.freshness {
            Freshness::Until(expires) => {
                let age = expires.seconds().saturating_sub(now.seconds()).max(0);
                (expires, format!("max-age={age}, public, no-transform, must-revalidate"))
            }
            Freshness::Forever => {
                let age = NUMBERED_MAX_AGE.as_secs();
                (now + NUMBERED_MAX_AGE, format!("public, max-age={age}, immutable, no-transform"))
            }
        };
        let mut builder = Response::builder()
            .header(DATE, date(now))
            .header(LAST_MODIFIED, date(last_modified))
            .header(EXPIRES, date(expires))
            .header(ETAG, self.etag)
            .header(CACHE_CONTROL, cache);
        if self.encoding != Encoding::Only {
            builder = builder.header(VARY, "Accept-Encoding");
        }
        if self.ranges { builder.header(ACCEPT_RANGES, "bytes") } else { builder }
    }

    fn whole(&self, builder: Builder) -> Reply {
        finish(self.content(builder, self.octets.len()), self.octets.slice(0..self.octets.len()))
    }

    fn part(&self, builder: Builder, range: Range<usize>) -> Reply {
        let content_range = format!("bytes {}-{}/{}", range.start, range.end - 1, self.octets.len());
        let builder = builder.status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, content_range);
        finish(self.content(builder, range.len()), self.octets.slice(range))
    }

    fn content(&self, builder: Builder, length: usize) -> Builder {
        let builder = builder.header(CONTENT_TYPE, self.content_type).header(CONTENT_LENGTH, length);
        match self.encoding {
            Encoding::Gzip => builder.header(CONTENT_ENCODING, "gzip"),
            Encoding::Only | Encoding::Identity => builder,
        }
    }

    fn unsatisfiable(&self, now: UnixTime) -> Reply {
        let length = self.octets.len();
        let sentence = format!("it has {length} octets, and none of them are in the range");
        let mut reply = text(StatusCode::RANGE_NOT_SATISFIABLE, sentence, now);
        let value = HeaderValue::try_from(format!("bytes */{length}")).expect("digits are visible ASCII");
        reply.headers_mut().insert(CONTENT_RANGE, value);
        reply
    }
}

/// Octets that belong to this request alone: no cache keeps them.
#[must_use]
pub fn uncached(status: StatusCode, content_type: &'static str, octets: Bytes, now: UnixTime) -> Reply {
    let builder = Response::builder().status(status).header(DATE, date(now)).header(CACHE_CONTROL, "no-store");
    finish(builder.header(CONTENT_TYPE, content_type).header(CONTENT_LENGTH, octets.len()), octets)
}

/// A refusal in one plain sentence.
#[must_use]
pub fn text(status: StatusCode, sentence: impl Into<String>, now: UnixTime) -> Reply {
    let mut sentence = sentence.into();
    sentence.push('\n');
    uncached(status, "text/plain; charset=utf-8", sentence.into(), now)
}

/// A refusal for the time being (503) in one plain sentence, with the seconds after which to ask again.
#[must_use]
pub fn unavailable(sentence: impl Into<String>, seconds: u16, now: UnixTime) -> Reply {
    let mut reply = text(StatusCode::SERVICE_UNAVAILABLE, sentence, now);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    reply
}

/// The refusal of a method (405) with those that the resource has.
#[must_use]
pub fn method_not_allowed(allowed: &'static str, now: UnixTime) -> Reply {
    let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, format!("this resource answers to {allowed}"), now);
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}

/// GET, or HEAD, which hyper answers with the same headers and no octets.
#[must_use]
pub fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// Whether a request asks on a condition, or for a part: otherwise the reply is the whole (RFC 9110 §13.1, §14.2).
#[must_use]
pub fn is_conditional(headers: &HeaderMap) -> bool {
    // One walk over the few headers that there are: looking up five that are not there takes longer.
    headers
        .keys()
        .any(|name| matches!(*name, IF_MATCH | IF_NONE_MATCH | IF_MODIFIED_SINCE | IF_UNMODIFIED_SINCE | RANGE))
}

/// IMF-fixdate (RFC 9110 §5.6.7); nothing here is dated before 1970.
fn date(at: UnixTime) -> String {
    let seconds = u64::try_from(at.seconds()).unwrap_or(0);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

fn finish(builder: Builder, octets: impl Into<ReplyBody>) -> Reply {
    builder.body(octets.into()).expect("every header value is made of visible ASCII by this module's callers")
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, IF_RANGE};

    use super::*;

    const TAG: &str = "\"0a1b\"";

    fn at(text: &str) -> UnixTime {
        text.parse().unwrap()
    }

    fn representation() -> Representation<'static> {
        Representation {
            content_type: "application/pkix-crl",
            octets: Bytes::from_static(&[1, 2, 3]).into(),
            encoding: Encoding::Identity,
            etag: TAG,
            last_modified: at("2026-01-02T03:04:05Z"),
            date_proves: DateProves::Version,
            freshness: Freshness::Until(at("2026-01-04T03:04:05Z")),
            ranges: true,
        }
    }

    fn ask(representation: &Representation<'_>, method: &Method, headers: &[(HeaderName, &str)]) -> Reply {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        representation.reply(method, &headers, at("2026-01-03T03:04:05Z"))
    }

    fn reply(headers: &[(HeaderName, &str)]) -> Reply {
        ask(&representation(), &Method::GET, headers)
    }

    fn header(reply: &Reply, name: HeaderName) -> &str {
        reply.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn dates_are_real_http_dates() {
        let reply = reply(&[]);
        assert_eq!(reply.status(), StatusCode::OK);
        assert_eq!(header(&reply, DATE), "Sat, 03 Jan 2026 03:04:05 GMT");
        assert_eq!(header(&reply, LAST_MODIFIED), "Fri, 02 Jan 2026 03:04:05 GMT");
        assert_eq!(header(&reply, EXPIRES), "Sun, 04 Jan 2026 03:04:05 GMT");
    }

    #[test]
    fn max_age_ends_with_expires() {
        assert_eq!(header(&reply(&[]), CACHE_CONTROL), "max-age=86400, public, no-transform, must-revalidate");
        let ended = Representation { freshness: Freshness::Until(at("2026-01-01T00:00:00Z")), ..representation() };
        let reply = ask(&ended, &Method::GET, &[]);
        assert_eq!(header(&reply, CACHE_CONTROL), "max-age=0, public, no-transform, must-revalidate");
    }

    #[test]
    fn last_modified_is_never_later_than_date() {
        let ahead = Representation { last_modified: at("2026-01-03T03:04:06Z"), ..representation() };
        let reply = ask(&ahead, &Method::GET, &[]);
        assert_eq!(header(&reply, LAST_MODIFIED), header(&reply, DATE));
    }

    #[test]
    fn not_modified_has_the_headers_that_a_cache_updates_and_no_content() {
        let reply = reply(&[(IF_NONE_MATCH, TAG), (RANGE, "bytes=9-")]);
        assert_eq!((reply.status(), header(&reply, ETAG)), (StatusCode::NOT_MODIFIED, TAG));
        for name in [CACHE_CONTROL, DATE, EXPIRES, LAST_MODIFIED, VARY] {
            assert!(reply.headers().contains_key(name));
        }
        for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_RANGE] {
            assert!(!reply.headers().contains_key(name));
        }
    }

    #[test]
    fn a_range_that_cannot_be_satisfied_is_refused_only_if_it_counts() {
        let refused = reply(&[(RANGE, "bytes=3-")]);
        assert_eq!(
            (refused.status(), header(&refused, CONTENT_RANGE)),
            (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */3")
        );
        assert_eq!(header(&refused, CACHE_CONTROL), "no-store");
        assert_eq!(reply(&[(RANGE, "bytes=3-"), (IF_RANGE, "\"x\"")]).status(), StatusCode::OK);
        assert_eq!(reply(&[(RANGE, "bytes=3-"), (IF_MATCH, "\"x\"")]).status(), StatusCode::PRECONDITION_FAILED);
        assert_eq!(ask(&representation(), &Method::HEAD, &[(RANGE, "bytes=3-")]).status(), StatusCode::OK);
        assert_eq!(reply(&[(RANGE, "bytes=0-0"), (RANGE, "bytes=1-1")]).status(), StatusCode::OK, "two headers");
        let whole = Representation { ranges: false, ..representation() };
        let reply = ask(&whole, &Method::GET, &[(RANGE, "bytes=3-")]);
        assert_eq!((reply.status(), header(&reply, ACCEPT_RANGES)), (StatusCode::OK, ""));
    }
}
