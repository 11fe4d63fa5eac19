//! Counters, latencies and gauges in the Prometheus text format.
//!
//! Labels come from short fixed lists (listener, route, result, CA, state): never a path, a serial or a client.
//! There is no global recorder: who counts is given its [`Metrics`], so tests see only their own.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use hyper::StatusCode;
use metrics::{Counter, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use self::{
    latency::{Latencies, Latency},
    minute::Minute,
};
use crate::{
    kind::Kind,
    ports::Clock,
    revocation::{index::StatusIndex, lists::PublishedLists, responder::Verdict},
    scope::CrlScope,
    x509::ocsp::ErrorStatus,
};

mod latency;
mod minute;

/// Upper ends of the latency buckets in seconds: a kept answer takes 10 µs, an RSA signature 1 ms, a commit some ms.
const BUCKETS: [f64; 12] = [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0, 10.0];

/// How long requests took, by listener and route.
const REQUEST_SECONDS: &str = "jitsuin_http_request_seconds";

/// The histogram of the seconds from a revocation to its sight.
pub const FRESHNESS: &str = "jitsuin_freshness_seconds";

/// Its buckets, seconds: OCSP tells of a revocation within milliseconds, a delta within a minute or its quarter of an hour, a
/// list within its day.
const FRESHNESS_BUCKETS: [f64; 16] =
    [0.001, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0, 30.0, 65.0, 120.0, 300.0, 900.0, 1_200.0, 21_600.0, 86_400.0, 172_800.0];

/// Name and value of each label.
pub type Labels<'a> = &'a [(&'static str, &'a str)];

type Collector = Box<dyn Fn(&Metrics) + Send + Sync>;

/// All measures of one process.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    latencies: Latencies,
    collectors: Mutex<Vec<Collector>>,
    minute: Mutex<Minute>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// Measures of which nothing has been taken yet.
    #[must_use]
    pub fn new() -> Self {
        let recorder = PrometheusBuilder::new()
            .set_buckets(&BUCKETS)
            .and_then(|builder| builder.set_buckets_for_metric(Matcher::Full(FRESHNESS.into()), &FRESHNESS_BUCKETS))
            .expect("the buckets are constants that are not empty")
            .build_recorder();
        Self {
            handle: recorder.handle(),
            recorder,
            latencies: Latencies::default(),
            collectors: Mutex::default(),
            minute: Mutex::default(),
        }
    }

    /// A counter; the handle is cheap to count with.
    pub fn counter(&self, name: &'static str, labels: Labels<'_>) -> Counter {
        self.recorder.register_counter(&key(name, labels), &METADATA)
    }

    /// A histogram of seconds; the handle is cheap to record with.
    pub fn histogram(&self, name: &'static str, labels: Labels<'_>) -> Histogram {
        self.recorder.register_histogram(&key(name, labels), &METADATA)
    }

    /// Sets a gauge of seconds with their fraction, or of any other number.
    pub fn set_fraction(&self, name: &'static str, labels: Labels<'_>, value: f64) {
        self.recorder.register_gauge(&key(name, labels), &METADATA).set(value);
    }

    /// Sets a gauge.
    #[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other number, and 2^53 of anything is enough")]
    pub fn set(&self, name: &'static str, labels: Labels<'_>, value: i64) {
        self.recorder.register_gauge(&key(name, labels), &METADATA).set(value as f64);
    }

    /// Has `collector` set its gauges whenever someone reads the metrics.
    pub fn on_scrape(&self, collector: impl Fn(&Self) + Send + Sync + 'static) {
        self.collectors.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(collector));
    }

    /// The Prometheus text format, version 0.0.4, after every collector has run.
    #[must_use]
    pub fn render(&self) -> String {
        self.collectors.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|collect| collect(self));
        let mut text = self.handle.render();
        self.latencies.render(&mut text);
        text
    }

    /// Folds what was recorded into histograms, and shows how many OCSP answers a second the last minute had; call it every
    /// [`METRICS_UPKEEP`](crate::limits::METRICS_UPKEEP).
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
        // `answered` has no such series where the status listener is in another process.
        if let Some(answered) = self.latencies.count(REQUEST_SECONDS, &["listener=\"status\",kind=\"ocsp"]) {
            let rate = self.minute.lock().unwrap_or_else(PoisonError::into_inner).rate(Instant::now(), answered);
            if let Some(rate) = rate {
                self.set_fraction("jitsuin_ocsp_answers_per_second", &[], rate);
            }
        }
    }
}

const METADATA: Metadata<'static> = Metadata::new("jitsuin", Level::INFO, None);

fn key(name: &'static str, labels: Labels<'_>) -> Key {
    let labels: Vec<Label> = labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
    Key::from_parts(name, labels)
}

/// Counts the requests of one listener by route and result, and measures how long they took.
#[derive(Debug)]
pub struct RequestMeter {
    listener: &'static str,
    routes: Vec<RouteMeter>,
}

#[derive(Debug)]
struct RouteMeter {
    name: &'static str,
    results: [Counter; RESULTS.len()],
    seconds: Arc<Latency>,
}

const RESULTS: [&str; 4] = ["ok", "not-modified", "refused", "failed"];

impl RequestMeter {
    /// A meter for a listener and the names of its routes.
    #[must_use]
    pub fn new(metrics: &Metrics, listener: &'static str, routes: &[&'static str]) -> Self {
        let route = |name: &&'static str| RouteMeter {
            name,
            results: RESULTS.map(|result| {
                let labels = [("listener", listener), ("kind", *name), ("result", result)];
                metrics.counter("jitsuin_http_requests_total", &labels)
            }),
            seconds: metrics.latencies.of(REQUEST_SECONDS, &[("listener", listener), ("kind", name)]),
        };
        Self { listener, routes: routes.iter().map(route).collect() }
    }

    /// Takes down one answered request; `route` is the place of its name in the list given to [`new`](Self::new).
    pub fn record(&self, route: usize, status: StatusCode, took: Duration) {
        let Some(route) = self.routes.get(route) else { return };
        let result = match status {
            StatusCode::NOT_MODIFIED => 1,
            status if status.is_client_error() => 2,
            status if status.is_server_error() => 3,
            _ => 0,
        };
        route.results[result].increment(1);
        route.seconds.record(took);
        tracing::debug!(listener = self.listener, kind = route.name, status = status.as_u16(), ?took, "answered");
    }
}

/// OCSP answers by CA and by the state of the first certificate, and errors.
#[derive(Debug)]
pub struct AnswerMeter {
    sign: [Counter; Verdict::WORDS.len()],
    auth: [Counter; Verdict::WORDS.len()],
    errors: [(ErrorStatus, Counter); 5],
}

impl AnswerMeter {
    /// A meter with every count at zero.
    #[must_use]
    pub fn new(metrics: &Metrics) -> Self {
        let counter = |ca, status| metrics.counter("jitsuin_ocsp_answers_total", &[("ca", ca), ("status", status)]);
        let states = |kind: Kind| Verdict::WORDS.map(|word| counter(kind.word(), word));
        let errors = [
            (ErrorStatus::MalformedRequest, "malformed-request"),
            (ErrorStatus::InternalError, "internal-error"),
            (ErrorStatus::TryLater, "try-later"),
            (ErrorStatus::SigRequired, "sig-required"),
            (ErrorStatus::Unauthorized, "unauthorized"),
        ];
        Self {
            sign: states(Kind::Sign),
            auth: states(Kind::Auth),
            errors: errors.map(|(status, word)| (status, counter("none", word))),
        }
    }

    /// Takes down one answer, by the CA and the state of its first certificate.
    pub fn record(&self, answer: Result<(Kind, Verdict), ErrorStatus>) {
        let counter = match answer {
            Ok((Kind::Sign, verdict)) => self.sign.get(verdict.place()),
            Ok((Kind::Auth, verdict)) => self.auth.get(verdict.place()),
            Err(status) => self.errors.iter().find(|(error, _)| *error == status).map(|(_, counter)| counter),
        };
        if let Some(counter) = counter {
            counter.increment(1);
        }
    }
}

/// Shows age, rest of life, size and number of the lists being served, by CA, generation and scope; the lists of the
/// municipalities are shown as one: the oldest, the first to end, the octets of all.
pub fn show_lists(metrics: &Metrics, lists: Arc<PublishedLists>, clock: Arc<dyn Clock>) {
    metrics.on_scrape(move |metrics| {
        let now = clock.now().seconds();
        let mut rows = BTreeMap::new();
        for ((kind, generation, scope), list) in lists.all() {
            let row = rows.entry((kind, generation, scope_word(&scope))).or_insert(ListRow::default());
            row.count += 1;
            row.age = row.age.max(now - list.this_update.seconds());
            row.rest = row.rest.min(list.next_update.seconds() - now);
            row.octets += i64::try_from(list.der.length()).unwrap_or(i64::MAX);
            row.entries += i64::try_from(list.entries).unwrap_or(i64::MAX);
            row.number = row.number.max(i64::try_from(list.number).unwrap_or(i64::MAX));
        }
        for ((kind, generation, scope), row) in rows {
            let generation = generation.to_string();
            let labels = [("ca", kind.word()), ("generation", generation.as_str()), ("scope", scope)];
            metrics.set("jitsuin_crl_lists", &labels, row.count);
            metrics.set("jitsuin_crl_age_seconds", &labels, row.age);
            metrics.set("jitsuin_crl_rest_seconds", &labels, row.rest);
            metrics.set("jitsuin_crl_octets", &labels, row.octets);
            metrics.set("jitsuin_crl_entries", &labels, row.entries);
            metrics.set("jitsuin_crl_number", &labels, row.number);
        }
    });
}

struct ListRow {
    count: i64,
    age: i64,
    rest: i64,
    octets: i64,
    entries: i64,
    number: i64,
}

impl Default for ListRow {
    fn default() -> Self {
        Self { count: 0, age: 0, rest: i64::MAX, octets: 0, entries: 0, number: 0 }
    }
}

const fn scope_word(scope: &CrlScope) -> &'static str {
    match scope {
        CrlScope::Full => "full",
        CrlScope::Municipality(_) => "municipality",
        CrlScope::Authorities => "ca",
        CrlScope::FullDelta => "delta",
        CrlScope::MunicipalityDelta(_) => "municipality-delta",
    }
}

/// Shows how many certificates there are of each kind and state, as `count` finds them; the service's own canaries are
/// counted too (`jitsuin_canary_rounds_total` says how many).
pub fn show_certificates(
    metrics: &Metrics,
    count: impl Fn() -> Vec<(Kind, &'static str, u64)> + Send + Sync + 'static,
) {
    metrics.on_scrape(move |metrics| {
        for (kind, state, number) in count() {
            let labels = [("kind", kind.word()), ("state", state)];
            metrics.set("jitsuin_certificates", &labels, i64::try_from(number).unwrap_or(i64::MAX));
        }
    });
}

/// Shows the last status event that OCSP answers take into account.
pub fn show_position(metrics: &Metrics, index: Arc<StatusIndex>) {
    metrics.on_scrape(move |metrics| {
        metrics.set("jitsuin_status_position", &[], i64::try_from(index.position()).unwrap_or(i64::MAX));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_listener_route_and_result() {
        let metrics = Metrics::new();
        let meter = RequestMeter::new(&metrics, "status", &["ocsp-get", "crl"]);
        for (route, status) in [(0, 200), (0, 200), (0, 304), (1, 404), (1, 503), (9, 200)] {
            meter.record(route, StatusCode::from_u16(status).unwrap(), Duration::from_millis(3));
        }
        let text = metrics.render();
        for line in [
            r#"jitsuin_http_requests_total{listener="status",kind="ocsp-get",result="ok"} 2"#,
            r#"jitsuin_http_requests_total{listener="status",kind="ocsp-get",result="not-modified"} 1"#,
            r#"jitsuin_http_requests_total{listener="status",kind="crl",result="refused"} 1"#,
            r#"jitsuin_http_requests_total{listener="status",kind="crl",result="failed"} 1"#,
            r#"jitsuin_http_request_seconds_bucket{listener="status",kind="crl",le="0.0025"} 0"#,
            r#"jitsuin_http_request_seconds_bucket{listener="status",kind="crl",le="0.005"} 2"#,
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn collectors_run_at_every_scrape() {
        let metrics = Metrics::new();
        let count = std::sync::atomic::AtomicU64::new(6);
        let next = move || count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        show_certificates(&metrics, move || vec![(Kind::Sign, "live", next())]);
        assert!(metrics.render().contains(r#"jitsuin_certificates{kind="sign",state="live"} 6"#));
        assert!(metrics.render().contains(r#"jitsuin_certificates{kind="sign",state="live"} 7"#));
    }
}
