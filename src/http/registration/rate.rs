//! How often each client may ask: a token bucket for each credential, in memory, before anything of a request is looked at.
//!
//! A client that runs wild, or whose key was stolen, must not take the turns of the others. The bucket belongs to the
//! certificate that the handshake proved, so that nobody is held up by another who comes from the same address, and nothing is
//! read from the store to turn somebody away. Files of many lines have a quota of their own: each of those requests is worth
//! hundreds, and they must not take away the counter's own.
//!
//! Why in memory, and anew after a start: it protects this process; what counts for longer, the quota of the day of a relying
//! party (`L-06`), is in the store.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use metrics::Counter;

use crate::{http::metrics::Metrics, limits};

/// How often one client may ask. A rate of 0 sets no bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Requests a second in the long run.
    pub a_second: f64,
    /// Requests that may come at once after a rest; at least one.
    pub at_once: u32,
}

/// The rates of the registration listener.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Of all requests but those of files.
    pub requests: Rate,
    /// Of requests with many lines of a file.
    pub bulk: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        let rate = |(a_second, at_once)| Rate { a_second: f64::from(a_second), at_once };
        Self { requests: rate(limits::CLIENT_RATE), bulk: rate(limits::CLIENT_BULK_RATE) }
    }
}

/// Which quota a request takes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Quota {
    Requests,
    Bulk,
}

/// The buckets of all clients.
pub(super) struct Buckets {
    rates: Rates,
    buckets: Mutex<HashMap<([u8; 32], Quota), Bucket>>,
    /// Requests turned away, of each quota.
    limited: [Counter; 2],
}

struct Bucket {
    /// What is left, in requests.
    tokens: f64,
    at: Instant,
    /// Whether the last request was turned away, so that the log tells of each time that begins and not of each request.
    empty: bool,
}

/// Who asks too often: when there is room for one request again, and whether that just began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TooOften {
    pub(super) wait: Duration,
    pub(super) begins: bool,
}

impl Buckets {
    pub(super) fn new(rates: Rates, metrics: &Metrics) -> Self {
        let limited = ["requests", "bulk"]
            .map(|quota| metrics.counter("jitsuin_registration_limited_total", &[("quota", quota)]));
        Self { rates, buckets: Mutex::default(), limited }
    }

    /// Takes a request of the credential with this fingerprint from its quota.
    pub(super) fn take(&self, fingerprint: [u8; 32], quota: Quota, now: Instant) -> Result<(), TooOften> {
        let (rate, limited) = match quota {
            Quota::Requests => (self.rates.requests, &self.limited[0]),
            Quota::Bulk => (self.rates.bulk, &self.limited[1]),
        };
        if rate.a_second <= 0.0 {
            return Ok(());
        }
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= limits::CLIENT_BUCKETS {
            let rates = self.rates;
            buckets.retain(|(_, quota), bucket| !bucket.is_full(rates.of(*quota), now));
        }
        let full = Bucket { tokens: rate.most(), at: now, empty: false };
        let taken = buckets.entry((fingerprint, quota)).or_insert(full).take(rate, now);
        if taken.is_err() {
            limited.increment(1);
        }
        taken
    }
}

impl Rate {
    /// What a bucket holds.
    fn most(self) -> f64 {
        self.at_once.max(1).into()
    }
}

impl Rates {
    fn of(self, quota: Quota) -> Rate {
        match quota {
            Quota::Requests => self.requests,
            Quota::Bulk => self.bulk,
        }
    }
}

impl Bucket {
    fn tokens_at(&self, rate: Rate, now: Instant) -> f64 {
        let come = now.saturating_duration_since(self.at).as_secs_f64() * rate.a_second;
        (self.tokens + come).min(rate.most())
    }

    /// Whether it says no more than a new one would.
    fn is_full(&self, rate: Rate, now: Instant) -> bool {
        self.tokens_at(rate, now) >= rate.most()
    }

    fn take(&mut self, rate: Rate, now: Instant) -> Result<(), TooOften> {
        self.tokens = self.tokens_at(rate, now);
        self.at = self.at.max(now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            self.empty = false;
            return Ok(());
        }
        let wait = Duration::from_secs_f64((1.0 - self.tokens) / rate.a_second);
        let begins = !std::mem::replace(&mut self.empty, true);
        Err(TooOften { wait, begins })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: [u8; 32] = [1; 32];
    const YOURS: [u8; 32] = [2; 32];

    fn buckets(a_second: f64, at_once: u32) -> (Buckets, Instant) {
        let rate = Rate { a_second, at_once };
        (
            Buckets::new(Rates { requests: rate, bulk: Rate { a_second: 1.0, at_once: 1 } }, &Metrics::new()),
            Instant::now(),
        )
    }

    fn admitted(buckets: &Buckets, who: [u8; 32], now: Instant) -> usize {
        (0..100).filter(|_| buckets.take(who, Quota::Requests, now).is_ok()).count()
    }

    #[test]
    fn a_client_has_so_many_at_once_and_so_many_a_second_and_no_more_for_a_long_rest() {
        let (buckets, now) = buckets(4.0, 10);
        assert_eq!(admitted(&buckets, MINE, now), 10);
        assert_eq!(admitted(&buckets, MINE, now + Duration::from_millis(999)), 3);
        assert_eq!(
            admitted(&buckets, MINE, now + Duration::from_millis(1001)),
            1,
            "what was left of the second before"
        );
        assert_eq!(admitted(&buckets, MINE, now + Duration::from_millis(2001)), 4);
        assert_eq!(admitted(&buckets, MINE, now + Duration::from_secs(3600)), 10);
    }

    #[test]
    fn another_client_and_another_quota_are_not_held_up() {
        let (buckets, now) = buckets(4.0, 10);
        assert_eq!(admitted(&buckets, MINE, now), 10);
        assert_eq!(admitted(&buckets, YOURS, now), 10);
        assert!(buckets.take(MINE, Quota::Bulk, now).is_ok(), "files have their own");
        assert!(buckets.take(MINE, Quota::Bulk, now).is_err());
        assert_eq!(admitted(&buckets, MINE, now + Duration::from_secs(1)), 4, "and take nothing from the counter's");
    }

    #[test]
    fn who_is_turned_away_is_told_when_there_is_room_and_the_log_once() {
        let (buckets, now) = buckets(4.0, 1);
        let take = |after| buckets.take(MINE, Quota::Requests, now + Duration::from_millis(after));
        assert_eq!(take(0), Ok(()));
        assert_eq!(take(0), Err(TooOften { wait: Duration::from_millis(250), begins: true }));
        assert_eq!(take(0).map_err(|no| no.begins), Err(false));
        assert_eq!(take(125).map_err(|no| no.wait.as_millis()), Err(125));
        assert_eq!(take(251), Ok(()), "asking in between costs nothing");
        assert_eq!(take(251).map_err(|no| no.begins), Err(true));
    }

    #[test]
    fn a_rate_of_nothing_is_no_bound_and_a_clock_that_stands_gives_nothing() {
        let (free, now) = buckets(0.0, 0);
        assert_eq!(admitted(&free, MINE, now), 100);
        assert!(free.buckets.lock().unwrap().is_empty());
        let (bound, now) = buckets(1.0, 0);
        assert_eq!(admitted(&bound, MINE, now), 1);
        assert_eq!(admitted(&bound, MINE, now.checked_sub(Duration::from_secs(9)).unwrap_or(now)), 0);
    }

    #[test]
    fn clients_that_rest_take_no_memory() {
        let (buckets, now) = buckets(1000.0, 1000);
        let client = |number: usize| {
            let mut fingerprint = [0; 32];
            fingerprint[..8].copy_from_slice(&number.to_be_bytes());
            fingerprint
        };
        for number in 0..limits::CLIENT_BUCKETS {
            buckets.take(client(number), Quota::Requests, now).unwrap();
        }
        assert_eq!(buckets.buckets.lock().unwrap().len(), limits::CLIENT_BUCKETS);
        buckets.take(MINE, Quota::Requests, now + Duration::from_secs(1)).unwrap();
        assert_eq!(buckets.buckets.lock().unwrap().len(), 1);
    }
}
