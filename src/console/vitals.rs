//! What the process measures of itself, as its `/metrics` has it: OCSP answers, how fast they are given, and how soon a revocation is
//! seen.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{page::instant, visit::Visit, words};
use crate::{kind::Kind, x509::UnixTime};

/// The ways of asking OCSP, as the routes of the status listener are called, and for people.
const ROUTES: [(&str, &str); 2] = [("ocsp-post", "POST"), ("ocsp-get", "GET")];

/// One measure: a line of the text format.
#[derive(Debug, PartialEq)]
struct Measure<'a> {
    name: &'a str,
    labels: BTreeMap<&'a str, &'a str>,
    value: f64,
}

/// All measures of a process.
pub(super) struct Measures<'a>(Vec<Measure<'a>>);

impl<'a> Measures<'a> {
    pub(super) fn read(text: &'a str) -> Self {
        Self(text.lines().filter_map(read).collect())
    }

    /// Those of a name with these labels.
    fn of<'s>(&'s self, name: &'s str, labels: &'s [(&str, &str)]) -> impl Iterator<Item = &'s Measure<'a>> {
        let has = |one: &Measure<'a>| labels.iter().all(|(label, value)| one.labels.get(label) == Some(value));
        self.0.iter().filter(move |one| one.name == name && has(one))
    }

    fn one(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.of(name, labels).next().map(|one| one.value)
    }
}

/// A line `name{label="word",…} value`; our labels are words without escapes.
fn read(line: &str) -> Option<Measure<'_>> {
    let (series, value) = line.rsplit_once(' ').filter(|_| !line.starts_with('#'))?;
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let pairs = labels.strip_suffix('}')?.split(',').filter(|pair| !pair.is_empty());
    let labels = pairs.map(|pair| pair.split_once('=').map(|(label, word)| (label, word.trim_matches('"'))));
    Some(Measure { name, labels: labels.collect::<Option<_>>()?, value: value.parse().ok()? })
}

/// The end of the bucket in which that share of the answers is, seconds; none where they took longer than any.
fn within(measures: &Measures<'_>, kind: &str, share: f64) -> Option<f64> {
    let labels = [("listener", "status"), ("kind", kind)];
    let mut buckets: Vec<(f64, f64)> = measures
        .of("jitsuin_http_request_seconds_bucket", &labels)
        .filter_map(|one| Some((one.labels.get("le")?.parse().ok()?, one.value)))
        .collect();
    buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
    let all = buckets.last()?.1;
    buckets.iter().find(|(_, count)| *count >= all * share).map(|(end, _)| *end).filter(|end| end.is_finite())
}

fn seconds(value: f64) -> String {
    match value {
        value if value < 1.0 => format!("{} ms", (value * 100_000.0).round() / 100.0),
        value if value < 120.0 => format!("{} s", (value * 10.0).round() / 10.0),
        value if value < 7_200.0 => format!("{} min", (value / 60.0).round()),
        value => format!("{} h", (value / 3_600.0).round()),
    }
}

/// OCSP: how many, how fast.
pub(super) fn ocsp(visit: &Visit<'_>, measures: &Measures<'_>) -> Markup {
    let count = |kind| measures.one("jitsuin_http_request_seconds_count", &[("listener", "status"), ("kind", kind)]);
    let answers = |kind: Kind| {
        let of_ca = measures
            .of("jitsuin_ocsp_answers_total", &[])
            .filter(move |one| one.labels.get("ca") == Some(&kind.word()) && one.value > 0.0);
        let mut told: Vec<_> = of_ca.map(|one| (*one.labels.get("status").unwrap_or(&""), one.value)).collect();
        told.sort_by_key(|(status, _)| *status);
        told
    };
    html! {
        section aria-labelledby="ocsp" {
            h2 id="ocsp" { (visit.either("OCSPの応答", "OCSP answers")) }
            @if ROUTES.iter().all(|(kind, _)| count(kind).is_none()) {
                p { (visit.either(
                    "この処理はOCSPに応答していません。応答する処理の運用者用リスナーの /metrics をご覧ください。",
                    "This process answers no OCSP. See /metrics at the operator listener of the process that does.",
                )) }
            } @else {
                @match measures.one("jitsuin_ocsp_answers_per_second", &[]) {
                    Some(rate) => { p { (visit.either("直近1分間：毎秒", "In the last minute, a second: ")) " " strong { (format!("{rate:.1}")) } } }
                    None => { p { (visit.either("毎秒の件数は、起動から10秒後に表示します。", "The rate is shown some ten seconds after the start.")) } }
                }
                (table("ocsp", &html! {
                    th scope="col" { (visit.either("方法", "By")) } th.number scope="col" { (visit.either("起動からの件数", "Since the start")) }
                    th.number scope="col" { (visit.either("半数の応答時間", "Half within")) } th.number scope="col" { (visit.either("99%の応答時間", "99% within")) }
                }, &html! { @for (kind, name) in ROUTES { tr {
                    th scope="row" { (name) } td.number { (count(kind).unwrap_or_default()) }
                    @for share in [0.5, 0.99] { td.number {
                        @if count(kind).unwrap_or_default() > 0.0 { (within(measures, kind, share).map_or_else(|| "> 10 s".to_owned(), seconds)) } @else { "–" }
                    } }
                } } }))
                ul.figures { @for kind in Kind::BOTH { @let told = answers(kind); @if !told.is_empty() { li {
                    (visit.say(&words::kind(kind))) ": " @for (status, number) in told { (status) " " (number) " " }
                } } } }
            }
        }
    }
}

/// Freshness: how long after a canary's revocation each channel told of it, and whether one is late.
pub(super) fn freshness(visit: &Visit<'_>, measures: &Measures<'_>) -> Markup {
    let mut lanes: Vec<_> = measures.of("jitsuin_freshness_bound_seconds", &[]).collect();
    lanes.sort_by_key(|lane| &lane.labels);
    let about = |lane: &Measure<'_>, name: &str| {
        let labels: Vec<_> = lane.labels.iter().map(|(label, word)| (*label, *word)).collect();
        measures.one(name, &labels)
    };
    html! {
        section aria-labelledby="freshness" {
            h2 id="freshness" { (visit.either("失効が見えるまでの時間（カナリア証明書）", "How soon a revocation is seen (canaries)")) }
            @if lanes.is_empty() {
                p { (visit.either(
                    "この処理では測っていません。設定の [canary] と、測る処理の /metrics をご覧ください。",
                    "Not measured in this process: see [canary] in the configuration, and /metrics of the process that measures.",
                )) }
            } @else {
                @for kind in Kind::BOTH { @if let Some(at) = when(measures, kind) {
                    p { (visit.say(&words::kind(kind))) (visit.either("：最後に全経路で確認 ", ": last seen everywhere ")) (instant(visit, at)) }
                } }
                (table("freshness", &html! {
                    th scope="col" { "CA" } th scope="col" { (visit.either("経路", "Channel")) } th.number scope="col" { (visit.either("最後の計測", "Last took")) }
                    th.number scope="col" { (visit.either("まだ見えない", "Unseen for")) } th.number scope="col" { (visit.either("上限", "Bound")) } th scope="col" { (visit.either("判定", "Holds")) }
                }, &html! { @for lane in &lanes {
                    @let unseen = about(lane, "jitsuin_freshness_unseen_seconds").unwrap_or_default();
                    tr {
                        td { (lane.labels.get("ca").unwrap_or(&"")) } td { code { (lane.labels.get("channel").unwrap_or(&"")) } }
                        td.number { (about(lane, "jitsuin_freshness_last_seconds").map_or_else(|| "–".to_owned(), seconds)) }
                        td.number { @if unseen > 0.0 { (seconds(unseen)) } @else { "–" } }
                        td.number { (seconds(lane.value)) }
                        td { @if unseen > lane.value { strong { "✕ " (visit.either("遅れています", "late")) } } @else { "✓" } }
                    }
                } }))
            }
        }
    }
}

fn when(measures: &Measures<'_>, kind: Kind) -> Option<UnixTime> {
    let at = measures.one("jitsuin_canary_complete_timestamp_seconds", &[("ca", kind.word())])?;
    #[expect(clippy::cast_possible_truncation, reason = "seconds of a time that fits a certificate")]
    UnixTime::from_seconds(at as i64).ok()
}

fn table(id: &str, head: &Markup, rows: &Markup) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-labelledby=(id) { table { thead { tr { (head) } } tbody { (rows) } } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_its_labels_and_what_is_none_is_left_out() {
        let text = "# TYPE a counter\na{b=\"c\",d=\"e\"} 3\nf 0.5\n\ng{h=\"i\"} x\nk{l} 1\n";
        let measures = Measures::read(text);
        assert_eq!(
            (measures.0.len(), measures.one("a", &[("d", "e")]), measures.one("f", &[])),
            (2, Some(3.0), Some(0.5))
        );
        assert_eq!((measures.one("a", &[("d", "x")]), measures.one("k", &[])), (None, None));
    }

    #[test]
    fn the_share_is_that_of_its_bucket_and_none_beyond_the_last() {
        let bucket = |end: &str, count| {
            format!(
                "jitsuin_http_request_seconds_bucket{{listener=\"status\",kind=\"ocsp-get\",le=\"{end}\"}} {count}\n"
            )
        };
        let text =
            [("0.001", 90), ("0.005", 98), ("10", 99), ("+Inf", 100)].map(|(end, count)| bucket(end, count)).concat();
        let measures = Measures::read(&text);
        let share = |share| within(&measures, "ocsp-get", share);
        assert_eq!([share(0.5), share(0.95), share(0.99), share(1.0)], [Some(0.001), Some(0.005), Some(10.0), None]);
        assert_eq!(within(&measures, "ocsp-post", 0.5), None);
        assert_eq!([0.000_05, 0.001, 1.5, 86_400.0].map(seconds), ["0.05 ms", "1 ms", "1.5 s", "24 h"]);
    }
}
