//! How long requests took, in buckets.
//!
//! Why not the recorder's histograms: they keep every sample with its time until [`Metrics::upkeep`](super::Metrics::upkeep)
//! comes by, 1.3 MB a second of them at 80,000 answers, and fold them then; both cost more than finding the status of a
//! certificate. Here a request is two additions, and memory is 13 numbers.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use super::{BUCKETS, Labels};

/// Upper ends of [`BUCKETS`] in nanoseconds.
const ENDS: [u64; BUCKETS.len()] = {
    let (mut ends, mut at) = ([0; BUCKETS.len()], 0);
    while at < ends.len() {
        ends[at] = (BUCKETS[at] * 1e9 + 0.5) as u64;
        at += 1;
    }
    ends
};

/// A histogram of seconds.
#[derive(Debug, Default)]
pub(super) struct Latency {
    /// Each bucket without those below it; the last is all that took longer.
    counts: [AtomicU64; ENDS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Latency {
    pub(super) fn record(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = ENDS.iter().position(|end| took <= *end).unwrap_or(ENDS.len());
        self.counts[bucket].fetch_add(1, Relaxed);
        self.nanoseconds.fetch_add(took, Relaxed);
    }

    #[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other number")]
    fn render(&self, out: &mut String, name: &str, labels: &str) {
        let mut count = 0;
        let ends = BUCKETS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
        for (bucket, end) in self.counts.iter().zip(ends) {
            count += bucket.load(Relaxed);
            let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{end}\"}} {count}");
        }
        let seconds = self.nanoseconds.load(Relaxed) as f64 / 1e9;
        let _ = writeln!(out, "{name}_sum{{{labels}}} {seconds}\n{name}_count{{{labels}}} {count}");
    }
}

/// All of a process, by name and labels.
#[derive(Debug, Default)]
pub(super) struct Latencies(Mutex<BTreeMap<&'static str, BTreeMap<String, Arc<Latency>>>>);

impl Latencies {
    /// The one of these labels, which are words of ours and need no escapes; there is at least one.
    pub(super) fn of(&self, name: &'static str, labels: Labels<'_>) -> Arc<Latency> {
        let labels: Vec<_> = labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(name).or_default().entry(labels.join(",")).or_default())
    }

    /// How many there were of a name whose labels have one of these texts.
    pub(super) fn count(&self, name: &str, having: &[&str]) -> Option<u64> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = all.get(name)?.iter().filter(|(labels, _)| having.iter().any(|text| labels.contains(text)));
        rows.map(|(_, latency)| latency.counts.iter().map(|count| count.load(Relaxed)).sum::<u64>())
            .reduce(|sum, count| sum + count)
    }

    /// Appends the text format of all of them.
    pub(super) fn render(&self, out: &mut String) {
        for (name, rows) in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = writeln!(out, "# TYPE {name} histogram");
            rows.iter().for_each(|(labels, latency)| latency.render(out, name, labels));
            out.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_all_that_took_no_longer() {
        let all = Latencies::default();
        let latency = all.of("seconds", &[("a", "b")]);
        for nanoseconds in [0, 50_000, 50_001, 1_000_000_000, 10_000_000_001] {
            latency.record(Duration::from_nanos(nanoseconds));
        }
        assert!(Arc::ptr_eq(&latency, &all.of("seconds", &[("a", "b")])));
        let mut text = String::new();
        all.render(&mut text);
        assert!(text.starts_with("# TYPE seconds histogram\nseconds_bucket{a=\"b\",le=\"0.00005\"} 2\n"), "{text}");
        for line in [
            "seconds_bucket{a=\"b\",le=\"0.0001\"} 3",
            "seconds_bucket{a=\"b\",le=\"0.25\"} 3",
            "seconds_bucket{a=\"b\",le=\"1\"} 4",
            "seconds_bucket{a=\"b\",le=\"10\"} 4",
            "seconds_bucket{a=\"b\",le=\"+Inf\"} 5",
            "seconds_sum{a=\"b\"} 11.000100002",
            "seconds_count{a=\"b\"} 5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}
