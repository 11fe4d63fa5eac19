//! The line that tells how far it is.

use std::{
    io::{IsTerminal, Write, stderr},
    time::{Duration, Instant},
};

/// How far a file is.
pub(super) struct Progress {
    began: Instant,
    told: Option<Instant>,
    terminal: bool,
    total: u64,
    /// Lines that had an outcome before.
    before: u64,
    /// Lines that have one since.
    pub(super) since: u64,
}

impl Progress {
    pub(super) fn new(total: u64, before: u64) -> Self {
        Self { began: Instant::now(), told: None, terminal: stderr().is_terminal(), total, before, since: 0 }
    }

    /// So many lines more, and so many refused in all; told every now and then.
    pub(super) fn advance(&mut self, lines: usize, refused: u64) {
        self.since += lines as u64;
        let pause = if self.terminal { Duration::from_millis(200) } else { Duration::from_secs(5) };
        if self.told.get_or_insert(self.began).elapsed() >= pause {
            self.told = Some(Instant::now());
            let (begin, end) = if self.terminal { ("\r\x1b[K", "") } else { ("", "\n") };
            let text = line(self.total, self.before + self.since, refused, (self.since, self.began.elapsed()));
            let _closed = write!(stderr(), "{begin}{text}{end}").and_then(|()| stderr().flush());
        }
    }

    /// The line is over.
    pub(super) fn end(&self) {
        if self.terminal && self.told.is_some() {
            let _closed = write!(stderr(), "\r\x1b[K");
        }
    }

    /// Seconds since it began.
    pub(super) fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }
}

fn line(total: u64, known: u64, refused: u64, (since, elapsed): (u64, Duration)) -> String {
    let rate = since as f64 / elapsed.as_secs_f64().max(0.001);
    let left = (total.saturating_sub(known)) as f64 / rate.max(0.001);
    let share = 100 * known / total.max(1);
    format!("{known} of {total} lines ({share} %), {refused} refused, {rate:.0}/s, {} left", duration(left))
}

/// Seconds as people say them.
pub(super) fn duration(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_the_rate_of_this_run_and_the_time_that_is_left_by_it() {
        let text = line(100_000, 50_000, 3, (20_000, Duration::from_secs(10)));
        assert_eq!(text, "50000 of 100000 lines (50 %), 3 refused, 2000/s, 25 s left");
        assert!(line(0, 0, 0, (0, Duration::ZERO)).starts_with("0 of 0 lines (0 %)"));
    }

    #[test]
    fn a_duration_is_told_in_two_units() {
        for (seconds, text) in [(0.0, "0 s"), (0.2, "1 s"), (61.0, "1 min 1 s"), (7260.0, "2 h 1 min")] {
            assert_eq!(duration(seconds), text);
        }
    }
}
