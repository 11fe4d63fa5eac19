//! How many a second, over the last minute.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// What a rate is reckoned over.
const SPAN: Duration = Duration::from_secs(60);

/// Counts of the last minute with their instants, oldest first.
#[derive(Debug, Default)]
pub(super) struct Minute(VecDeque<(Instant, u64)>);

impl Minute {
    /// Takes down a count that only rises, and gives its rate since the oldest count within the minute.
    #[expect(clippy::cast_precision_loss, reason = "a rate of 2^53 a second there is not")]
    pub(super) fn rate(&mut self, now: Instant, count: u64) -> Option<f64> {
        while self.0.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= SPAN) {
            self.0.pop_front();
        }
        let oldest = self.0.front().copied();
        self.0.push_back((now, count));
        let (at, before) = oldest?;
        let seconds = now.duration_since(at).as_secs_f64();
        (seconds > 0.0).then(|| count.saturating_sub(before) as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_minute() {
        let (mut minute, begin) = (Minute::default(), Instant::now());
        let at = |second| begin + Duration::from_secs(second);
        assert_eq!(minute.rate(at(0), 1_000), None, "of one count there is none");
        assert_eq!(minute.rate(at(5), 1_050), Some(10.0));
        for second in (10..=60).step_by(5) {
            assert_eq!(minute.rate(at(second), 1_000 + 10 * second), Some(10.0));
        }
        // Then nobody asks any more: what is older than a minute is forgotten.
        for second in (65..=115).step_by(5) {
            assert!(minute.rate(at(second), 1_600) < Some(10.0), "{second}");
        }
        assert_eq!(minute.rate(at(120), 1_600), Some(0.0));
        assert!(minute.0.len() < 15, "{}", minute.0.len());
    }
}
