//! A client that asks at a fixed rate, whatever the answers do: each connection is a line of a [`Schedule`].
//!
//! One thread for all lines: with a thread for each, a question costs two turns of the scheduler, and 33,000 a second took a whole
//! core of the machine that was to be measured.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{
    load::Connection,
    schedule::{Line, Quantiles, Schedule},
};

/// How long answers took, in seconds since they were due.
#[derive(Debug)]
pub(crate) struct Paced {
    pub(crate) latencies: Quantiles,
    /// Answers a second that came.
    pub(crate) rate: f64,
    /// Processor seconds of the client for each.
    pub(crate) client: f64,
}

/// Asks by the schedule, over a connection for each of its lines, for as long as `goes_on`; then waits for what was asked.
pub(crate) fn ask(
    address: SocketAddr,
    requests: &[Vec<u8>],
    schedule: Schedule,
    goes_on: impl Fn(Instant) -> bool,
) -> Paced {
    // By itself, Linux wakes a sleeper up to 50 µs late. Where it cannot be set, latencies have that.
    let _ = fs::write("/proc/thread-self/timerslack_ns", "1");
    let mut requests = requests.iter().cycle();
    let mut lines: Vec<_> = (0..schedule.lines).map(|number| Asking::begin(address, schedule.line(number))).collect();
    for one in &mut lines {
        one.connection.send(requests.next().unwrap());
        one.connection.skip();
    }
    let (before, began) = (crate::meter::own_cpu(), Instant::now());
    loop {
        let is_open = goes_on(began);
        let mut next = None;
        for one in lines.iter_mut().filter(|one| is_open && !one.is_asked) {
            let due = one.line.due();
            if due <= began.elapsed() {
                one.connection.send(requests.next().unwrap());
                one.is_asked = true;
            } else {
                next = Some(next.map_or(due, |next| due.min(next)));
            }
        }
        if !is_open && lines.iter().all(|one| !one.is_asked) {
            break;
        }
        let answered = await_answers(&lines, next.map(|due| due.saturating_sub(began.elapsed())));
        for number in answered {
            let one = &mut lines[number];
            one.connection.skip();
            one.line.answered(began.elapsed());
            one.is_asked = false;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let latencies: Vec<_> = lines.into_iter().flat_map(|one| one.line.latencies()).collect();
    let client = (crate::meter::own_cpu() - before).as_secs_f64() / latencies.len() as f64;
    Paced { rate: latencies.len() as f64 / seconds, client, latencies: Quantiles::of(latencies) }
}

/// A line on its connection.
struct Asking {
    line: Line,
    connection: Connection,
    is_asked: bool,
}

impl Asking {
    fn begin(address: SocketAddr, line: Line) -> Self {
        Self { line, connection: Connection::open(address, 1 << 14), is_asked: false }
    }
}

/// Waits until an answer is there or the time is over; the lines that have one.
fn await_answers(lines: &[Asking], time: Option<Duration>) -> Vec<usize> {
    let asked: Vec<_> = (0..lines.len()).filter(|number| lines[*number].is_asked).collect();
    let stream = |number: &usize| -> &TcpStream { lines[*number].connection.stream() };
    let mut waits: Vec<_> = asked.iter().map(|number| PollFd::new(stream(number), PollFlags::IN)).collect();
    let time = time.map(|time| Timespec { tv_sec: time.as_secs() as i64, tv_nsec: time.subsec_nanos().into() });
    poll(&mut waits, time.as_ref()).unwrap();
    asked.into_iter().zip(waits).filter(|(_, wait)| !wait.revents().is_empty()).map(|(number, _)| number).collect()
}
