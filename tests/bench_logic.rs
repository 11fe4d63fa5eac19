//! What `scripts/bench` reckons with: its schedule of an open loop, its quantiles, the scales of its plots. Figures that nobody
//! can check by hand rest on it.
//!
//! The files are the benchmark's own; a benchmark without the test harness runs no tests.

#[path = "../benches/limits/plot.rs"]
mod plot;
#[path = "../benches/limits/schedule.rs"]
mod schedule;

use std::time::Duration;

use plot::{Decades, Plot, Series, Unit};
use schedule::{Quantiles, Schedule};

const MS: Duration = Duration::from_millis(1);

/// All lines against a server that answers one request after the other, each in `service` from when it began.
fn play(schedule: Schedule, count: usize, service: impl Fn(Duration) -> Duration) -> Vec<f64> {
    let mut lines: Vec<_> = (0..schedule.lines).map(|number| (schedule.line(number), Duration::ZERO)).collect();
    let mut free = Duration::ZERO;
    for _ in 0..count {
        let (line, idle) = lines.iter_mut().min_by_key(|(line, idle)| line.due().max(*idle)).expect("a line");
        let begun = line.due().max(*idle).max(free);
        free = begun + service(begun);
        line.answered(free);
        *idle = free;
    }
    lines.into_iter().flat_map(|(line, _)| line.latencies()).collect()
}

#[test]
fn requests_are_evenly_spaced_over_all_lines_and_none_is_left_out() {
    let schedule = Schedule { rate: 1000.0, lines: 7 };
    let mut lines: Vec<_> = (0..7).map(|number| schedule.line(number)).collect();
    for request in 0..10_000_u32 {
        let line = &mut lines[request as usize % 7];
        assert_eq!(line.due(), Duration::from_secs_f64(f64::from(request) / 1000.0));
        line.answered(line.due());
    }
}

#[test]
fn a_rate_that_does_not_divide_a_second_does_not_drift() {
    let mut line = Schedule { rate: 30_000.0, lines: 1 }.line(0);
    (0..3_000_000).for_each(|_| line.answered(Duration::ZERO));
    assert_eq!(line.due(), Duration::from_secs(100));
}

#[test]
fn quick_answers_take_what_they_take() {
    let latencies = play(Schedule { rate: 100.0, lines: 4 }, 1000, |_| MS);
    assert_eq!(latencies.len(), 1000);
    assert!(latencies.iter().all(|latency| (latency - 0.001).abs() < 1e-9));
}

#[test]
fn whoever_was_due_during_a_stall_waited_for_its_end() {
    // A second of nothing from second 2 on, at a hundred a second: a closed loop would have seen one slow answer.
    let stall = |begun: Duration| if begun == MS * 2000 { MS * 1000 } else { MS / 10 };
    let latencies = play(Schedule { rate: 100.0, lines: 4 }, 1000, stall);
    let slow = latencies.iter().filter(|latency| **latency > 0.5).count();
    assert!((49..=52).contains(&slow), "{slow} requests waited for more than half of it");
    assert!(Quantiles::of(latencies).worst() >= 1.0);
}

#[test]
fn a_server_that_is_too_slow_falls_behind_without_bound() {
    let latencies = play(Schedule { rate: 1000.0, lines: 8 }, 4000, |_| MS * 2);
    let worst = Quantiles::of(latencies).worst();
    assert!((3.9..4.1).contains(&worst), "the last of 4 s of requests, answered in 8 s, waited {worst} s");
}

#[test]
fn an_answer_before_its_time_took_no_negative_time() {
    let mut line = Schedule { rate: 1.0, lines: 1 }.line(5);
    line.answered(Duration::from_secs(1));
    assert_eq!(line.latencies(), [0.0]);
}

#[test]
fn quantiles_are_by_nearest_rank() {
    let all = Quantiles::of((1..=1000).rev().map(f64::from).collect());
    assert_eq!([0.0, 0.001, 0.5, 0.99, 0.999, 1.0].map(|share| all.at(share)), [1.0, 1.0, 500.0, 990.0, 999.0, 1000.0]);
    assert_eq!((all.worst(), all.count()), (1000.0, 1000));
}

#[test]
fn one_value_is_every_quantile() {
    let one = Quantiles::of(vec![7.0]);
    assert_eq!([0.0, 0.5, 0.99, 1.0].map(|share| one.at(share)), [7.0; 4]);
}

#[test]
#[should_panic = "nothing was measured"]
fn nothing_has_no_quantiles() {
    let _none = Quantiles::of(Vec::new());
}

#[test]
fn a_scale_ends_at_the_powers_of_ten_around_its_values() {
    for (values, from, to) in [
        (&[1e4, 2e8][..], 4, 9),
        (&[3e-7, 0.02], -7, -1),
        (&[1e4, 1e8], 4, 8),
        // 10³ and 10⁻⁶ are no exact powers in binary.
        (&[1000.0, 0.000_001], -6, 3),
        (&[0.1 + 0.2, 3.0], -1, 1),
        (&[5.0], 0, 1),
        (&[100.0], 2, 3),
    ] {
        assert_eq!(Decades::around(values.iter().copied()), Decades { from, to }, "{values:?}");
    }
}

#[test]
fn a_decade_is_as_wide_as_any_other() {
    let scale = Decades { from: -3, to: 1 };
    for (value, place) in [(0.001, 0.0), (0.01, 0.25), (0.1, 0.5), (1.0, 0.75), (10.0, 1.0)] {
        assert!((scale.place(value) - place).abs() < 1e-12, "{value} is at {}", scale.place(value));
    }
    assert!((scale.place(2.0) - 0.75 - 2_f64.log10() / 4.0).abs() < 1e-12);
}

#[test]
#[should_panic = "no place on a logarithmic scale"]
fn zero_is_on_no_logarithmic_scale() {
    let _scale = Decades::around([1.0, 0.0]);
}

#[test]
#[should_panic = "nothing to plot"]
fn nothing_makes_no_scale() {
    let _scale = Decades::around([]);
}

#[test]
fn labels_name_powers_of_ten_in_the_unit() {
    let labels = |unit: Unit, powers: [i32; 5]| powers.map(|power| unit.label(power));
    assert_eq!(labels(Unit::Seconds, [-9, -7, -4, -1, 2]), ["1 ns", "100 ns", "100 µs", "100 ms", "100 s"]);
    assert_eq!(labels(Unit::Seconds, [-6, -3, 0, 3, 5]), ["1 µs", "1 ms", "1 s", "1000 s", "100000 s"]);
    assert_eq!(labels(Unit::Octets, [0, 2, 3, 8, 11]), ["1 B", "100 B", "1 kB", "100 MB", "100 GB"]);
    assert_eq!(labels(Unit::Count, [0, 4, 8, 9, -3]), ["10⁰", "10⁴", "10⁸", "10⁹", "10⁻³"]);
}

fn drawn(points: &[(f64, f64)]) -> String {
    let series = vec![Series { name: "a < b".into(), points: points.to_vec() }];
    let axis = |label: &str, unit| (label.to_owned(), unit);
    let (x, y) = (axis("certificates", Unit::Count), axis("time", Unit::Seconds));
    Plot { title: "N & time".into(), x, y, series }.svg()
}

#[test]
fn every_point_of_a_plot_lies_in_its_frame() {
    let svg = drawn(&[(1e4, 1e-6), (3e5, 2e-3), (2e8, 10.0)]);
    let attribute = |of: &str, name: &str| -> f64 {
        let at = of.find(&format!(" {name}=\"")).expect("the attribute") + name.len() + 3;
        of[at..].split('"').next().and_then(|value| value.parse().ok()).expect("a number")
    };
    let frame = svg.lines().find(|line| line.contains("class=\"frame\"")).expect("a frame");
    let [x, y, width, height] = ["x", "y", "width", "height"].map(|name| attribute(frame, name));
    let line = svg.lines().find(|line| line.starts_with("<polyline")).expect("a line");
    let points = line.split("points=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("points");
    let points: Vec<[f64; 2]> = points
        .split(' ')
        .map(|point| {
            let (x, y) = point.split_once(',').expect("two numbers");
            [x, y].map(|number| number.parse().expect("a number"))
        })
        .collect();
    assert_eq!(points.len(), 3);
    for [across, down] in &points {
        assert!((x..=x + width).contains(across) && (y..=y + height).contains(down), "{across} {down}");
    }
    // More is to the right and up; the first is in the corner, for both of its values are powers of ten.
    assert!(points.windows(2).all(|two| two[0][0] < two[1][0] && two[0][1] > two[1][1]));
    assert!((points[0][0] - x).abs() < 0.11 && (points[0][1] - y - height).abs() < 0.11);
}

#[test]
fn a_plot_is_well_formed_and_shows_names_as_they_are() {
    let svg = drawn(&[(10.0, 1.0), (100.0, 2.0)]);
    assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"));
    assert!(svg.contains("N &amp; time") && svg.contains("a &lt; b"));
    assert!(svg.contains("prefers-color-scheme:dark"), "legible on dark ground too");
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}
