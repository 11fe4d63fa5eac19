//! OCSP answers at a third of the highest rate, while a national list is made and revocations stream in.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Scale,
    load::{self, Connection},
    pace::{self, Paced},
    population::Population,
    raw,
    report::{
        Figure::{Octets, Rate, Seconds},
        Goal, Report,
    },
    schedule::Schedule,
    service::Service,
};

/// Keep-alive connections.
const CONNECTIONS: usize = 64;
/// Certificates that are revoked in a second.
const REVOCATIONS: f64 = 1000.0;

pub(crate) fn ocsp(report: &mut Report, scale: Scale) {
    let ended = scale.pick(500_000, 10_000_000);
    let mut service = Service::start(Population { ended, pairs: scale.pick(10_000, 100_000) });
    let highest = highest(&service, Duration::from_secs(scale.pick(2, 5)));
    let schedule = Schedule { rate: highest / 3.0, lines: CONNECTIONS };
    let at_rest = Duration::from_secs(scale.pick(4, 20));
    let (address, requests) = (service.address, service.requests.clone());
    let alone = pace::ask(address, &requests, schedule, |began| began.elapsed() < at_rest);
    let beside = beside_computing(&service, schedule, Duration::from_secs(scale.pick(2, 10)));
    let before = service.cpu();
    let (busy, worked) = {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let asking = scope.spawn(|| pace::ask(address, &requests, schedule, |_| !over.load(SeqCst)));
            let worked = service.work(REVOCATIONS);
            over.store(true, SeqCst);
            (asking.join().unwrap(), worked)
        })
    };
    let cpu = service.cpu() - before;
    let p99 = |paced: &Paced| Seconds(paced.latencies.at(0.99));
    report.line("ocsp-under-load", (p99(&busy), p99(&alone)), Goal::AtMost(GOAL));
    report.note(format_args!(
        "p99 from when a request was due, {} of at most {} over {CONNECTIONS} connections (came: {}); {}",
        Rate(schedule.rate),
        Rate(highest),
        Rate(busy.rate),
        Spread(&busy)
    ));
    report.note(format_args!(
        "meanwhile: full list of {:.0} entries ({}) served after {}, the last other list after {}; {:.0} certificates revoked, {} for {}, p99 {}; \
         {:.2} of {} cores busy in the service",
        worked.entries,
        Octets(worked.octets),
        Seconds(worked.full_seconds),
        Seconds(worked.list_seconds),
        worked.revoked,
        Rate(worked.revoked / worked.revoking_seconds.max(0.001)),
        Seconds(worked.revoking_seconds),
        Seconds(worked.revocation_p99),
        cpu / worked.list_seconds,
        raw::cores(),
    ));
    report.note(format_args!("without list and revocations: {}", Spread(&alone)));
    report.note(format_args!("instead beside another process that computes on every core: {}", Spread(&beside)));
}

/// What p99 may be of that without list and revocations: see `docs/performance.md`.
const GOAL: f64 = 2.0;

struct Spread<'a>(&'a Paced);

impl fmt::Display for Spread<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Paced { latencies, client, .. } = self.0;
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| Seconds(latencies.at(share)));
        let (worst, count) = (Seconds(latencies.worst()), latencies.count());
        write!(
            f,
            "p50 {p50}, p99 {p99}, p99.9 {p999}, max {worst} of {count} answers; client {} each",
            Seconds(*client)
        )
    }
}

/// Answers a second when the next request is sent as soon as there is an answer: by the wall, client and service sharing the
/// machine as they do afterwards.
fn highest(service: &Service, time: Duration) -> f64 {
    let threads = raw::cores();
    let run = |_| {
        let open = |_| Connection::open(service.address, 1 << 14);
        let mut connections: Vec<_> = (0..CONNECTIONS.div_ceil(threads)).map(open).collect();
        load::run(&mut connections, &service.requests, time / 10);
        let began = Instant::now();
        let (count, _) = load::run(&mut connections, &service.requests, time);
        count as f64 / began.elapsed().as_secs_f64()
    };
    thread::scope(|scope| {
        let run = &run;
        let running: Vec<_> = (0..threads).map(|number| scope.spawn(move || run(number))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

/// The same question while a process that has nothing to do with the service keeps every core busy: what the operating
/// system's turns alone do to it.
fn beside_computing(service: &Service, schedule: Schedule, time: Duration) -> Paced {
    let directory = crate::server::directory();
    let mut other = crate::server::spawn("compute", &raw::cores().to_string(), directory.path());
    let paced = pace::ask(service.address, &service.requests, schedule, |began| began.elapsed() < time);
    drop(other.stdin.take());
    other.wait().unwrap();
    paced
}

/// Computes on so many threads until standard input ends.
pub(crate) fn compute(threads: usize) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !over.load(SeqCst) {
                    std::hint::black_box(ring::digest::digest(&ring::digest::SHA256, &[7; 65_536]));
                }
            });
        }
        std::io::Read::read_to_end(&mut std::io::stdin(), &mut Vec::new()).unwrap();
        over.store(true, SeqCst);
    });
}
