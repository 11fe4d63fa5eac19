//! Preconditions of a GET or HEAD (RFC 9110 §13), in the order of §13.2.2.
//!
//! Tags decide alone where they are present: If-Modified-Since beside If-None-Match, and If-Unmodified-Since beside
//! If-Match, are ignored. A date that is no date, is there twice, or lies in our future is ignored too: a client whose clock
//! runs ahead would otherwise hear "not modified" about every list until its time has come.

use std::time::UNIX_EPOCH;

use hyper::{
    HeaderMap,
    header::{HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE},
};

use crate::x509::UnixTime;

/// What of a representation its Last-Modified proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateProves {
    /// Nothing: another version may have been made in the same second. Dates in conditions are ignored.
    Nothing,
    /// Which version it is, but not in which form: forms in content codings share the date (RFC 9110 §8.8.1).
    Version,
    /// The very octets.
    Octets,
}

/// What preconditions are held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validators<'a> {
    /// A strong entity tag with its quotes.
    pub(super) etag: &'a str,
    /// Last-Modified as it is sent.
    pub(super) last_modified: UnixTime,
    /// What it is good for.
    pub(super) date_proves: DateProves,
}

/// What preconditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Send what is asked for.
    Met,
    /// The client has it: 304.
    NotModified,
    /// The client wants only what is gone: 412.
    Failed,
}

impl Validators<'_> {
    /// Holds all preconditions but If-Range against the validators.
    pub(super) fn check(&self, headers: &HeaderMap, now: UnixTime) -> Condition {
        let failed = if headers.contains_key(IF_MATCH) {
            !values(headers, &IF_MATCH).any(|list| is_star(list) || tags(list).any(|tag| tag == self.etag))
        } else {
            self.dates(headers, &IF_UNMODIFIED_SINCE).is_some_and(|(modified, date)| date < modified)
        };
        if failed {
            return Condition::Failed;
        }
        let known = if headers.contains_key(IF_NONE_MATCH) {
            values(headers, &IF_NONE_MATCH).any(|list| is_star(list) || tags(list).any(|tag| weak(tag) == self.etag))
        } else {
            let since = self.dates(headers, &IF_MODIFIED_SINCE).filter(|(_, date)| *date <= now.seconds());
            since.is_some_and(|(modified, date)| modified <= date)
        };
        if known { Condition::NotModified } else { Condition::Met }
    }

    /// Whether a Range counts: If-Range is absent, or names these very octets. A weak tag never does; a date does if it is
    /// Last-Modified to the second and no other octets ever had it (§13.1.5, §8.8.2.2).
    pub(super) fn range_counts(&self, headers: &HeaderMap) -> bool {
        if !headers.contains_key(IF_RANGE) {
            return true;
        }
        if single(headers, &IF_RANGE).is_some_and(|value| value == self.etag) {
            return true;
        }
        let exact = self.dates(headers, &IF_RANGE).is_some_and(|(modified, date)| modified == date);
        exact && self.date_proves == DateProves::Octets
    }

    /// Last-Modified and the date of a header, in seconds, if they can be compared.
    fn dates(&self, headers: &HeaderMap, name: &HeaderName) -> Option<(i64, i64)> {
        if self.date_proves == DateProves::Nothing {
            return None;
        }
        let date = httpdate::parse_http_date(single(headers, name)?).ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some((self.last_modified.seconds(), i64::try_from(date.as_secs()).ok()?))
    }
}

fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).map(str::trim)
}

/// The value of a header that is there once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = values(headers, name);
    values.next().filter(|_| headers.get_all(name).iter().count() == 1)
}

fn is_star(list: &str) -> bool {
    list == "*"
}

/// The tags of a list. Our own hold no commas, so a foreign one that does is only cut into pieces that match nothing.
fn tags(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim)
}

/// A tag for weak comparison (§8.8.3.2).
fn weak(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"0a1b\"";
    const BEFORE: &str = "Fri, 02 Jan 2026 03:04:04 GMT";
    const MODIFIED: &str = "Fri, 02 Jan 2026 03:04:05 GMT";
    const AFTER: &str = "Sat, 03 Jan 2026 00:00:00 GMT";
    const FUTURE: &str = "Sun, 04 Jan 2026 00:00:00 GMT";

    fn at(text: &str) -> UnixTime {
        text.parse().unwrap()
    }

    fn validators() -> Validators<'static> {
        Validators { etag: TAG, last_modified: at("2026-01-02T03:04:05Z"), date_proves: DateProves::Octets }
    }

    fn headers(headers: &[(HeaderName, &str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    fn check(list: &[(HeaderName, &str)]) -> Condition {
        validators().check(&headers(list), at("2026-01-03T03:04:05Z"))
    }

    #[test]
    fn a_known_tag_is_not_modified_whether_alone_weak_in_a_list_or_a_star() {
        for value in [TAG, "W/\"0a1b\"", "\"x\", \"0a1b\"", "\"x\",W/\"0a1b\"", "*", " \"0a1b\" "] {
            assert_eq!(check(&[(IF_NONE_MATCH, value)]), Condition::NotModified, "{value}");
        }
        assert_eq!(check(&[(IF_NONE_MATCH, "\"x\""), (IF_NONE_MATCH, TAG)]), Condition::NotModified, "two headers");
    }

    #[test]
    fn an_unknown_tag_is_met() {
        for value in ["\"x\"", "0a1b", "", "\"0a1b", "\"a,\"0a1b", "w/\"0a1b\"", "W/W/\"0a1b\"", "**", "\"0A1B\""] {
            assert_eq!(check(&[(IF_NONE_MATCH, value)]), Condition::Met, "{value}");
        }
    }

    #[test]
    fn a_date_counts_only_without_a_tag() {
        for date in [MODIFIED, AFTER, "Friday, 02-Jan-26 03:04:05 GMT", "Fri Jan  2 03:04:05 2026"] {
            assert_eq!(check(&[(IF_MODIFIED_SINCE, date)]), Condition::NotModified, "{date}");
            assert_eq!(check(&[(IF_MODIFIED_SINCE, date), (IF_NONE_MATCH, "\"x\"")]), Condition::Met);
        }
        assert_eq!(check(&[(IF_MODIFIED_SINCE, BEFORE), (IF_NONE_MATCH, TAG)]), Condition::NotModified);
    }

    #[test]
    fn a_date_that_is_none_or_lies_ahead_or_is_there_twice_is_ignored() {
        for date in [BEFORE, FUTURE, "1767323045", "", "yesterday", "Fri, 02 Jan 2026 03:04:05 JST", "Thu, 01 Jan 1970"]
        {
            assert_eq!(check(&[(IF_MODIFIED_SINCE, date)]), Condition::Met, "{date}");
        }
        assert_eq!(check(&[(IF_MODIFIED_SINCE, AFTER), (IF_MODIFIED_SINCE, AFTER)]), Condition::Met);
    }

    #[test]
    fn where_a_date_proves_nothing_dates_are_ignored() {
        let dateless = Validators { date_proves: DateProves::Nothing, ..validators() };
        for (name, date) in [(IF_MODIFIED_SINCE, MODIFIED), (IF_UNMODIFIED_SINCE, BEFORE)] {
            assert_eq!(dateless.check(&headers(&[(name, date)]), at("2026-01-03T03:04:05Z")), Condition::Met);
        }
        assert!(!dateless.range_counts(&headers(&[(IF_RANGE, MODIFIED)])));
    }

    #[test]
    fn if_match_wants_the_very_octets_and_goes_before_all_others() {
        for (value, expected) in [
            (TAG, Condition::Met),
            ("*", Condition::Met),
            ("\"x\", \"0a1b\"", Condition::Met),
            ("W/\"0a1b\"", Condition::Failed),
            ("\"x\"", Condition::Failed),
            ("", Condition::Failed),
        ] {
            assert_eq!(check(&[(IF_MATCH, value)]), expected, "{value}");
        }
        assert_eq!(check(&[(IF_MATCH, "\"x\""), (IF_NONE_MATCH, TAG)]), Condition::Failed);
        assert_eq!(check(&[(IF_MATCH, TAG), (IF_UNMODIFIED_SINCE, BEFORE)]), Condition::Met);
        assert_eq!(check(&[(IF_UNMODIFIED_SINCE, BEFORE)]), Condition::Failed);
        for date in [MODIFIED, FUTURE, "yesterday"] {
            assert_eq!(check(&[(IF_UNMODIFIED_SINCE, date)]), Condition::Met, "{date}");
        }
    }

    #[test]
    fn if_range_takes_the_strong_tag_or_the_exact_date_of_what_never_had_another() {
        let counts = |value| validators().range_counts(&headers(&[(IF_RANGE, value)]));
        assert!(validators().range_counts(&HeaderMap::new()));
        assert!(counts(TAG) && counts(MODIFIED));
        for bad in ["W/\"0a1b\"", "\"x\"", "*", "\"x\", \"0a1b\"", "", BEFORE, AFTER, FUTURE, "yesterday"] {
            assert!(!counts(bad), "{bad}");
        }
        let weak = Validators { date_proves: DateProves::Version, ..validators() };
        assert!(!weak.range_counts(&headers(&[(IF_RANGE, MODIFIED)])));
        assert!(weak.range_counts(&headers(&[(IF_RANGE, TAG)])));
        assert!(!validators().range_counts(&headers(&[(IF_RANGE, TAG), (IF_RANGE, TAG)])), "it is one value");
    }
}
