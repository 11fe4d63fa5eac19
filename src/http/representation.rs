//! An immutable octet string served with everything caches need: validators, freshness, 304 and HEAD (RFC 9110, RFC 9111).

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Response, StatusCode,
    header::{
        ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, DATE, ETAG, EXPIRES, HeaderValue, IF_MODIFIED_SINCE,
        IF_NONE_MATCH, LAST_MODIFIED,
    },
    http::response::Builder,
};

use crate::x509::UnixTime;

/// What the status and operator listeners answer with.
pub type Reply = Response<Full<Bytes>>;

/// A representation of a resource that may be cached.
#[derive(Clone, Debug)]
pub struct Representation<'a> {
    /// Content-Type.
    pub content_type: &'static str,
    /// The octets.
    pub octets: Bytes,
    /// A strong entity tag with its quotes.
    pub etag: &'a str,
    /// When these octets were made.
    pub last_modified: UnixTime,
    /// Until when a cache may give them out without asking.
    pub expires: UnixTime,
}

impl Representation<'_> {
    /// The reply to a GET or HEAD with these headers: 200, or 304 for who has the same octets.
    #[must_use]
    pub fn reply(&self, headers: &HeaderMap, now: UnixTime) -> Reply {
        let age = self.expires.seconds().saturating_sub(now.seconds()).max(0);
        let builder = Response::builder()
            .header(DATE, date(now))
            .header(LAST_MODIFIED, date(self.last_modified))
            .header(EXPIRES, date(self.expires))
            .header(ETAG, self.etag)
            .header(CACHE_CONTROL, format!("max-age={age}, public, no-transform, must-revalidate"));
        if self.is_known(headers) {
            return finish(builder.status(StatusCode::NOT_MODIFIED), Bytes::new());
        }
        let builder = builder.header(CONTENT_TYPE, self.content_type).header(CONTENT_LENGTH, self.octets.len());
        finish(builder, self.octets.clone())
    }

    /// Whether the client has it already. If-None-Match decides alone where it is present (RFC 9110 §13.1.3).
    fn is_known(&self, headers: &HeaderMap) -> bool {
        if headers.contains_key(IF_NONE_MATCH) {
            let mut values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
            return values.any(|value| names(value, self.etag));
        }
        let since = headers.get(IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
        let since = since.and_then(|text| httpdate::parse_http_date(text).ok());
        since.and_then(|since| since.duration_since(UNIX_EPOCH).ok()).is_some_and(|since| {
            i64::try_from(since.as_secs()).is_ok_and(|since| self.last_modified.seconds() <= since)
        })
    }
}

/// Whether a list of entity tags is `*` or names `etag`, by weak comparison (RFC 9110 §8.8.3.2). Our own tags hold no
/// commas, so a foreign tag that does is only cut into pieces that match nothing.
fn names(list: &str, etag: &str) -> bool {
    list.trim() == "*" || list.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag)
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

/// IMF-fixdate (RFC 9110 §5.6.7); nothing here is dated before 1970.
fn date(at: UnixTime) -> String {
    let seconds = u64::try_from(at.seconds()).unwrap_or(0);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

fn finish(builder: Builder, octets: Bytes) -> Reply {
    builder.body(Full::new(octets)).expect("every header value is made of visible ASCII by this module's callers")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"0a1b\"";

    fn at(text: &str) -> UnixTime {
        text.parse().unwrap()
    }

    fn reply(headers: &[(hyper::header::HeaderName, &str)]) -> Reply {
        let representation = Representation {
            content_type: "application/pkix-crl",
            octets: Bytes::from_static(&[1, 2, 3]),
            etag: TAG,
            last_modified: at("2026-01-02T03:04:05Z"),
            expires: at("2026-01-04T03:04:05Z"),
        };
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        representation.reply(&headers, at("2026-01-03T03:04:05Z"))
    }

    fn header(reply: &Reply, name: hyper::header::HeaderName) -> &str {
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
    }

    #[test]
    fn a_known_tag_is_304_whether_alone_weak_in_a_list_or_a_star() {
        for value in [TAG, "W/\"0a1b\"", "\"x\", \"0a1b\"", "*", " \"0a1b\" "] {
            let reply = reply(&[(IF_NONE_MATCH, value)]);
            assert_eq!(reply.status(), StatusCode::NOT_MODIFIED, "{value}");
            assert_eq!(header(&reply, ETAG), TAG);
            for name in [CACHE_CONTROL, DATE, EXPIRES, LAST_MODIFIED] {
                assert!(reply.headers().contains_key(name));
            }
            assert!(!reply.headers().contains_key(CONTENT_TYPE));
        }
        for value in ["\"x\"", "0a1b", "", "\"0a1b", "\"a,\"0a1b"] {
            assert_eq!(reply(&[(IF_NONE_MATCH, value)]).status(), StatusCode::OK, "{value}");
        }
    }

    #[test]
    fn a_date_counts_only_without_a_tag() {
        let later = "Fri, 02 Jan 2026 03:04:05 GMT";
        assert_eq!(reply(&[(IF_MODIFIED_SINCE, later)]).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(reply(&[(IF_MODIFIED_SINCE, later), (IF_NONE_MATCH, "\"x\"")]).status(), StatusCode::OK);
        for earlier in ["Fri, 02 Jan 2026 03:04:04 GMT", "1767323045", "", "yesterday"] {
            assert_eq!(reply(&[(IF_MODIFIED_SINCE, earlier)]).status(), StatusCode::OK, "{earlier}");
        }
    }
}
