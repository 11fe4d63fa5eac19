//! Processor time, memory and order statistics, as Linux tells them under /proc.

use std::{
    fs,
    path::Path,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::report::Report;

/// What Linux tells of a whole machine, and of children, it tells in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// The fields of /proc/…/stat after the name of the program, from the state on.
fn stat(path: &str) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let (_, fields) = text.rsplit_once(") ").unwrap();
    fields.split(' ').map(str::to_owned).collect()
}

fn ticks(fields: &[String]) -> Duration {
    TICK * fields.iter().map(|field| field.parse::<u32>().unwrap()).sum()
}

/// The processor time of a process in its threads, to the nanosecond; those that have ended are not counted.
pub(crate) fn cpu_of(process: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    // A thread may end while the others are read.
    let times = threads.filter_map(|thread| ran(&thread.ok()?.path().join("schedstat")));
    times.sum()
}

/// The processor time of this process in all its threads, also those that have ended.
pub(crate) fn own_cpu() -> Duration {
    of(clock_gettime(ClockId::ProcessCPUTime))
}

/// The processor time of this thread.
fn thread_cpu() -> Duration {
    of(clock_gettime(ClockId::ThreadCPUTime))
}

fn of(time: Timespec) -> Duration {
    time.try_into().unwrap()
}

/// The time on a processor, from the file that tells it of a thread.
fn ran(schedstat: &Path) -> Option<Duration> {
    let text = fs::read_to_string(schedstat).ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}

/// How long one call takes this thread, by its processor time over half a second or more.
pub(crate) fn seconds_each(mut call: impl FnMut()) -> f64 {
    let (before, began, mut calls) = (thread_cpu(), Instant::now(), 0_u32);
    // The time is read seldom, so that reading it costs nothing.
    while began.elapsed() < Duration::from_millis(600) {
        for _ in 0..16 {
            call();
        }
        calls += 16;
    }
    (thread_cpu() - before).as_secs_f64() / f64::from(calls)
}

/// The processor time of one run, in all threads, and its wall time: the least of three means over 0.4 seconds or a run.
pub(crate) fn least<T>(mut run: impl FnMut() -> T) -> (Duration, Duration) {
    let mut mean = |_| {
        let (before, began, mut runs) = (own_cpu(), Instant::now(), 0);
        while runs == 0 || began.elapsed() < Duration::from_millis(400) {
            drop(run());
            runs += 1;
        }
        ((own_cpu() - before) / runs, began.elapsed() / runs)
    };
    let all = [0, 1, 2].map(&mut mean);
    (all.iter().map(|one| one.0).min().unwrap(), all.iter().map(|one| one.1).min().unwrap())
}

/// The processor time of a run that can be done only once, in all threads, and its wall time.
pub(crate) fn once(run: impl FnOnce()) -> (Duration, Duration) {
    let (before, began) = (own_cpu(), Instant::now());
    run();
    (own_cpu() - before, began.elapsed())
}

/// Octets resident in memory now (`VmRSS`), or at most since [`forget_peak`] (`VmHWM`).
pub(crate) fn resident(field: &str) -> f64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_matches([':', '\t', ' ', 'k', 'B']).parse::<f64>().unwrap() * 1024.0
}

/// The peak of resident memory is counted from here on.
pub(crate) fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// The value below which that share of the values lies.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() as f64 * share) as usize).min(values.len() - 1)]
}

/// The lower quartile: what others on the machine disturb only ever adds.
pub(crate) fn quartile(values: &mut [f64]) -> f64 {
    percentile(values, 0.25)
}

/// Reads what a child printed: the numbers of its last line.
pub(crate) fn numbers(child: Child) -> Vec<f64> {
    numbers_if_any(child).expect("the child failed")
}

/// The same of a child that may not come to its end.
pub(crate) fn numbers_if_any(child: Child) -> Option<Vec<f64>> {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().last().filter(|_| output.status.success())?;
    Some(line.split(' ').map(|number| number.parse().unwrap()).collect())
}

/// How much of the machine others use meanwhile: it tells how far wall times are to be trusted.
pub(crate) struct Others {
    began: Instant,
    machine: Duration,
    own: Duration,
}

impl Others {
    pub(crate) fn watch() -> Self {
        let (machine, own) = Self::used();
        Self { began: Instant::now(), machine, own }
    }

    /// What the machine has worked, and what this process and its children have.
    fn used() -> (Duration, Duration) {
        let text = fs::read_to_string("/proc/stat").unwrap();
        let fields: Vec<_> = text.lines().next().unwrap().split_ascii_whitespace().map(str::to_owned).collect();
        // user, nice, system; then irq, softirq. Idle and iowait are no work.
        let machine = ticks(&fields[1..4]) + ticks(&fields[6..8]);
        (machine, ticks(&stat("/proc/self/stat")[11..15]))
    }

    pub(crate) fn tell(&self, report: &Report) {
        let (machine, own) = Self::used();
        let others = (machine - self.machine).saturating_sub(own.saturating_sub(self.own));
        let cores = others.as_secs_f64() / self.began.elapsed().as_secs_f64();
        if cores > 0.1 {
            let all = thread::available_parallelism().map_or(1, usize::from);
            report.note(format_args!("others used {cores:.1} of {all} cores meanwhile: wall times are too long"));
        }
    }
}
