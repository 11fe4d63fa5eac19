//! The lines that are printed.

use std::{fmt, fs, thread, time::Duration};

/// A figure with its unit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Figure {
    /// So many a second.
    Rate(f64),
    /// A time.
    Seconds(f64),
    /// Memory.
    Octets(f64),
}

impl Figure {
    fn value(self) -> f64 {
        match self {
            Self::Rate(value) | Self::Seconds(value) | Self::Octets(value) => value,
        }
    }
}

impl From<Duration> for Figure {
    fn from(time: Duration) -> Self {
        Self::Seconds(time.as_secs_f64())
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Rate(rate) => write!(f, "{rate:.0}/s"),
            Self::Seconds(time) if time >= 1.0 => write!(f, "{time:.3}s"),
            Self::Seconds(time) if time >= 0.001 => write!(f, "{:.2}ms", time * 1e3),
            Self::Seconds(time) => write!(f, "{:.2}us", time * 1e6),
            Self::Octets(octets) => write!(f, "{:.1}MiB", octets / 1_048_576.0),
        }
    }
}

/// What the ratio of ours to the limit should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// Of rates.
    AtLeast(f64),
    /// Of times and memory.
    AtMost(f64),
}

impl Goal {
    fn met(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(goal) => ratio >= goal,
            Self::AtMost(goal) => ratio <= goal,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(goal) => write!(f, ">={goal:.2}"),
            Self::AtMost(goal) => write!(f, "<={goal:.2}"),
        }
    }
}

/// What was printed, and what was missed.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Measure, ours, limit, ratio, goal, and whether it was met: for the table.
    rows: Vec<([String; 5], bool)>,
    met: usize,
    missed: Vec<String>,
    absent: Vec<&'static str>,
}

impl Report {
    /// One measure.
    pub(crate) fn line(&mut self, name: &str, (ours, limit): (Figure, Figure), goal: Goal) {
        let ratio = ours.value() / limit.value();
        println!("bench {name} ours={ours} limit={limit} ratio={ratio:.3} goal={goal}");
        let row = [format!("`{name}`"), ours.to_string(), limit.to_string(), format!("{ratio:.2}"), goal.to_string()];
        self.rows.push((row, goal.met(ratio)));
        if goal.met(ratio) {
            self.met += 1;
        } else {
            self.missed.push(format!("{name} {ratio:.3} (goal {goal})"));
        }
    }

    /// A measure of something that is not there.
    pub(crate) fn absent(&mut self, name: &'static str, until: &str) {
        println!("bench {name} not measured: {until}");
        self.absent.push(name);
    }

    /// A measure that is right or wrong.
    pub(crate) fn verdict(&mut self, name: &str, right: bool, words: impl fmt::Display) {
        println!("bench {name} {words}");
        let none = String::new;
        self.rows.push(([format!("`{name}`"), words.to_string(), none(), none(), none()], right));
        if right {
            self.met += 1;
        } else {
            self.missed.push(name.to_owned());
        }
    }

    /// A measure that came to no figure, though it should have.
    pub(crate) fn failed(&mut self, name: &str, why: impl fmt::Display) {
        println!("bench {name} failed: {why}");
        self.rows.push((
            [format!("`{name}`"), format!("failed: {why}"), String::new(), String::new(), String::new()],
            false,
        ));
        self.missed.push(format!("{name} failed"));
    }

    /// What else was seen; belongs to the line before.
    pub(crate) fn note(&self, words: impl fmt::Display) {
        println!("  {words}");
    }

    /// What it runs on.
    pub(crate) fn machine(&self) {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let info = read("/proc/cpuinfo");
        let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let load = read("/proc/loadavg");
        let load = load.split(' ').next().unwrap_or("?");
        println!("machine: {}, {cores} cores, load {load} before", model.trim_start_matches([' ', '\t', ':']));
    }

    /// The last lines: which goals were missed.
    pub(crate) fn end(&self, took: Duration) {
        println!("{} of {} goals met in {:.0} s", self.met, self.met + self.missed.len(), took.as_secs_f64());
        for missed in &self.missed {
            println!("missed: {missed}");
        }
    }

    /// The lines as a table for `docs/performance.md`; what missed its goal is bold.
    pub(crate) fn markdown(&self) {
        println!("\n| measure | ours | limit | ratio | goal |\n|---|---|---|---|---|");
        for ([name, ours, limit, ratio, goal], met) in &self.rows {
            let goal = goal.replace(">=", "≥ ").replace("<=", "≤ ");
            let [ours, ratio] = match (met, ratio.is_empty()) {
                (true, _) => [ours.clone(), ratio.clone()],
                (false, true) => [format!("**{ours}**"), String::new()],
                (false, false) => [ours.clone(), format!("**{ratio}**")],
            };
            println!("| {name} | {ours} | {limit} | {ratio} | {goal} |");
        }
    }
}
