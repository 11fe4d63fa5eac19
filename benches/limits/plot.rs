//! Plots with logarithmic axes, as SVG that is legible on light and on dark ground. `tests/bench_logic.rs` holds it to its scales.

use std::fmt::Write;

/// What an axis counts, for its labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Count,
    Seconds,
    Octets,
}

impl Unit {
    /// A power of ten in this unit.
    pub(crate) fn label(self, power: i32) -> String {
        let [small, large] = match self {
            Self::Count => return format!("10{}", superscript(power)),
            Self::Seconds => [&["ns", "µs", "ms", "s"][..], &[]],
            Self::Octets => [&["B"][..], &["kB", "MB", "GB", "TB"]],
        };
        // Units of 10⁻³, 10⁰, 10³…: the one at or below the power.
        let units: Vec<_> = small.iter().chain(large).collect();
        let lowest = 3 * (1 - small.len() as i32);
        let which = ((power - lowest).div_euclid(3)).clamp(0, units.len() as i32 - 1);
        let left = power - lowest - 3 * which;
        match left {
            0..=5 => format!("{} {}", 10_u32.pow(left as u32), units[which as usize]),
            _ => format!("10{} {}", superscript(left), units[which as usize]),
        }
    }
}

fn superscript(number: i32) -> String {
    let digit = |digit: char| match digit {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        other => char::from_u32(0x2070 + other as u32 - '0' as u32).unwrap_or(other),
    };
    number.to_string().chars().map(digit).collect()
}

/// A logarithmic scale from one power of ten to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decades {
    pub(crate) from: i32,
    pub(crate) to: i32,
}

impl Decades {
    /// The narrowest that has all those values, of which each is positive; a decade at least.
    pub(crate) fn around(values: impl IntoIterator<Item = f64>) -> Self {
        let (mut from, mut to) = (i32::MAX, i32::MIN);
        for value in values {
            assert!(value > 0.0 && value.is_finite(), "{value} has no place on a logarithmic scale");
            // What is a power of ten but for rounding is one.
            let power = value.log10();
            let power = if (power - power.round()).abs() < 1e-9 { power.round() } else { power };
            from = from.min(power.floor() as i32);
            to = to.max(power.ceil() as i32);
        }
        assert!(from <= to, "nothing to plot");
        Self { from, to: to.max(from + 1) }
    }

    /// Where a value is: 0 at the beginning, 1 at the end.
    pub(crate) fn place(self, value: f64) -> f64 {
        (value.log10() - f64::from(self.from)) / f64::from(self.to - self.from)
    }

    fn powers(self) -> impl Iterator<Item = i32> {
        self.from..=self.to
    }
}

/// One line of a plot.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// A plot.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) x: (String, Unit),
    pub(crate) y: (String, Unit),
    pub(crate) series: Vec<Series>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 52.0;
const BOTTOM: f64 = 64.0;
/// Height of a line of the legend.
const LEGEND: f64 = 20.0;

/// Colours that those who see no red or no green tell apart too; marks differ as well.
const STYLE: &str = "\
text{font:13px system-ui,'DejaVu Sans',sans-serif;fill:#24292f}.title{font-size:16px;font-weight:600}\
.ground{fill:#fff}.grid{stroke:#d0d7de;stroke-width:1}.frame{fill:none;stroke:#57606a;stroke-width:1}\
.s{fill:none;stroke-width:2}.s0{stroke:#0072b2}.s1{stroke:#d55e00}.s2{stroke:#007a59}.s3{stroke:#9a3d7e}\
.m0{fill:#0072b2}.m1{fill:#d55e00}.m2{fill:#007a59}.m3{fill:#9a3d7e}.s2{stroke-dasharray:7 4}.s3{stroke-dasharray:2 4}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ground{fill:#0d1117}.grid{stroke:#30363d}.frame{stroke:#8b949e}\
.s0{stroke:#56b4e9}.s1{stroke:#ffa657}.s2{stroke:#3fd0a4}.s3{stroke:#e39bc9}\
.m0{fill:#56b4e9}.m1{fill:#ffa657}.m2{fill:#3fd0a4}.m3{fill:#e39bc9}}";

impl Plot {
    /// The plot as a whole SVG file.
    pub(crate) fn svg(&self) -> String {
        let all = || self.series.iter().flat_map(|series| &series.points);
        let across = Decades::around(all().map(|point| point.0));
        let up = Decades::around(all().map(|point| point.1));
        let top = TOP + LEGEND * self.series.len() as f64;
        let at = |(x, y): (f64, f64)| {
            (LEFT + across.place(x) * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up.place(y) * (HEIGHT - BOTTOM - top))
        };
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
             height=\"{HEIGHT}\" role=\"img\">\n<title>{0}</title>\n<style>{STYLE}</style>\n\
             <rect class=\"ground\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"6\"/>\n\
             <text class=\"title\" x=\"{LEFT}\" y=\"28\">{0}</text>\n",
            escape(&self.title)
        );
        self.axes(&mut out, (across, up), at);
        for (number, series) in self.series.iter().enumerate() {
            let colour = number % 4;
            let places: Vec<_> = series.points.iter().map(|point| at(*point)).collect();
            let line: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            write(&mut out, format_args!("<polyline class=\"s s{colour}\" points=\"{}\"/>", line.join(" ")));
            places.iter().for_each(|place| write(&mut out, format_args!("{}", mark(colour, *place))));
            let (x, y) = (LEFT + 14.0, TOP + LEGEND * number as f64);
            write(&mut out, format_args!("<path class=\"s s{colour}\" d=\"M{} {y}h28\"/>", x - 14.0));
            write(&mut out, format_args!("{}", mark(colour, (x, y))));
            write(&mut out, format_args!("<text x=\"{}\" y=\"{}\">{}</text>", x + 24.0, y + 4.5, escape(&series.name)));
        }
        out + "</svg>\n"
    }

    /// Grid, frame, labels and units.
    fn axes(&self, out: &mut String, (across, up): (Decades, Decades), at: impl Fn((f64, f64)) -> (f64, f64)) {
        let value = |power: i32| 10_f64.powi(power);
        let ((left, bottom), (right, top)) =
            (at((value(across.from), value(up.from))), at((value(across.to), value(up.to))));
        for power in across.powers() {
            let (x, _) = at((value(power), value(up.from)));
            write(out, format_args!("<path class=\"grid\" d=\"M{x:.1} {top:.1}V{bottom:.1}\"/>"));
            let label = self.x.1.label(power);
            write(
                out,
                format_args!("<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>", bottom + 20.0),
            );
        }
        for power in up.powers() {
            let (_, y) = at((value(across.from), value(power)));
            write(out, format_args!("<path class=\"grid\" d=\"M{left:.1} {y:.1}H{right:.1}\"/>"));
            let label = self.y.1.label(power);
            write(
                out,
                format_args!("<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>", left - 8.0, y + 4.5),
            );
        }
        let (width, height) = (right - left, bottom - top);
        let frame = format!("x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"");
        write(out, format_args!("<rect class=\"frame\" {frame}/>"));
        let (middle, across) = (f64::midpoint(left, right), escape(&self.x.0));
        write(
            out,
            format_args!("<text x=\"{middle:.1}\" y=\"{}\" text-anchor=\"middle\">{across}</text>", HEIGHT - 18.0),
        );
        let (middle, up) = (f64::midpoint(top, bottom), escape(&self.y.0));
        write(
            out,
            format_args!(
                "<text transform=\"translate(20 {middle:.1}) rotate(-90)\" text-anchor=\"middle\">{up}</text>"
            ),
        );
    }
}

/// A line of the file; writing to memory does not fail.
fn write(out: &mut String, line: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{line}");
}

/// A mark at a place, of another form for each colour.
fn mark(colour: usize, (x, y): (f64, f64)) -> String {
    match colour {
        0 => format!("<circle class=\"m0\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>"),
        1 => format!("<rect class=\"m1\" x=\"{:.1}\" y=\"{:.1}\" width=\"8\" height=\"8\"/>", x - 4.0, y - 4.0),
        2 => format!("<path class=\"m2\" d=\"M{x:.1} {:.1}l5 9h-10z\"/>", y - 5.0),
        _ => format!("<path class=\"m3\" d=\"M{x:.1} {:.1}l5 5l-5 5l-5 -5z\"/>", y - 5.0),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
