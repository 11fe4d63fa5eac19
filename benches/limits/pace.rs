//! A client that asks at a fixed rate, whatever the answers do: each connection is a line of a [`Schedule`].

use std::{
    fs,
    net::SocketAddr,
    sync::{Barrier, OnceLock},
    thread,
    time::Instant,
};

use crate::{
    load::Connection,
    schedule::{Quantiles, Schedule},
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

/// Asks by the schedule, over a connection for each of its lines, for as long as `goes_on`.
pub(crate) fn ask(
    address: SocketAddr,
    requests: &[Vec<u8>],
    schedule: Schedule,
    goes_on: impl Fn(Instant) -> bool + Sync,
) -> Paced {
    // Threads inherit it: by itself, Linux wakes a sleeper up to 50 µs late. Where it cannot be set, latencies have that.
    let _ = fs::write("/proc/self/timerslack_ns", "1");
    let (ready, began, before) = (Barrier::new(schedule.lines), OnceLock::new(), crate::meter::own_cpu());
    let run = |number: usize| {
        let (mut line, mut connection) = (schedule.line(number), Connection::open(address, 1 << 14));
        let mut requests = requests.iter().cycle().skip(number % requests.len());
        connection.send(&requests.next().unwrap()[..]);
        connection.skip();
        ready.wait();
        let began = *began.get_or_init(Instant::now);
        while goes_on(began) {
            thread::sleep(line.due().saturating_sub(began.elapsed()));
            connection.send(requests.next().unwrap());
            connection.skip();
            line.answered(began.elapsed());
        }
        line.latencies()
    };
    let latencies: Vec<f64> = thread::scope(|scope| {
        let run = &run;
        let running: Vec<_> = (0..schedule.lines).map(|number| scope.spawn(move || run(number))).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let seconds = began.get().unwrap().elapsed().as_secs_f64();
    let client = (crate::meter::own_cpu() - before).as_secs_f64() / latencies.len() as f64;
    Paced { rate: latencies.len() as f64 / seconds, client, latencies: Quantiles::of(latencies) }
}
