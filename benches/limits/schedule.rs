//! When requests are due that come whether or not the ones before were answered: an open loop.
//!
//! A client that waits for an answer before it asks again asks less often the slower the answers are, and so hides how slow
//! they were (coordinated omission). Here each request has an instant of its own, fixed beforehand, and its latency counts from
//! that instant: whoever was kept waiting by the answer before is as late as a person behind them in a queue.
//!
//! Nothing here reads a clock: times are counted from the beginning. `tests/bench_logic.rs` holds it to that.

use std::time::Duration;

/// A fixed rate, spread evenly over lines (connections): the n-th request is due n/rate after the beginning, on line n mod lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    /// Requests a second.
    pub(crate) rate: f64,
    /// Lines; each has at most one request in flight.
    pub(crate) lines: usize,
}

impl Schedule {
    /// The requests of one line.
    pub(crate) fn line(self, number: usize) -> Line {
        Line { schedule: self, next: number as u64, latencies: Vec::new() }
    }

    fn due(self, request: u64) -> Duration {
        // From the number each time: a sum of intervals would drift.
        Duration::from_secs_f64(request as f64 / self.rate)
    }
}

/// One line: which request is next, and how long the answers took.
#[derive(Debug)]
pub(crate) struct Line {
    schedule: Schedule,
    next: u64,
    latencies: Vec<f64>,
}

impl Line {
    /// When the next request is due; it is sent then, or at once if that is over.
    pub(crate) fn due(&self) -> Duration {
        self.schedule.due(self.next)
    }

    /// The request that was due was answered at `at`.
    pub(crate) fn answered(&mut self, at: Duration) {
        self.latencies.push(at.saturating_sub(self.due()).as_secs_f64());
        self.next += self.schedule.lines as u64;
    }

    /// Seconds from when each request was due to its answer.
    pub(crate) fn latencies(self) -> Vec<f64> {
        self.latencies
    }
}

/// Values in order, to tell which share of them lies below what.
#[derive(Debug)]
pub(crate) struct Quantiles(Vec<f64>);

impl Quantiles {
    /// Of some values, at least one.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "nothing was measured");
        values.sort_unstable_by(f64::total_cmp);
        Self(values)
    }

    /// The least value that at least that share of all does not exceed (nearest rank).
    pub(crate) fn at(&self, share: f64) -> f64 {
        // A share of a count that is whole must stay so: 0.999 × 1000 is 999.0000000000001 or less, as the product falls.
        let rank = (share * self.0.len() as f64 - 1e-6).ceil() as usize;
        self.0[rank.clamp(1, self.0.len()) - 1]
    }

    /// The greatest.
    pub(crate) fn worst(&self) -> f64 {
        self.at(1.0)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}
