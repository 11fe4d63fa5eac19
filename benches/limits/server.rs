//! A process that serves: ours, the same octets as a constant, and another constant that explains the difference.
//!
//! The three have the same server code in the same process, a thread each, and only one is asked at a time; so the
//! process's time between two readings is that one's.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use hyper::HeaderMap;
use jitsuin::{
    http::{
        metrics::Metrics,
        server::{self, Bounds, Shutdown, Workers},
        status::{StatusService, StatusSources},
    },
    limits::METRICS_UPKEEP,
    revocation::lists::PublishedLists,
    signer::SoftwareSigner,
};

use crate::{
    constant, download,
    house::House,
    load::{self, Connection},
    meter, ocsp,
};

/// What a child serves.
pub(crate) struct Wares {
    pub(crate) house: House,
    pub(crate) lists: Arc<PublishedLists>,
    /// What the other constant signs with; without it, it has no headers.
    pub(crate) signer: Option<Arc<SoftwareSigner>>,
    /// Whole HTTP requests.
    pub(crate) requests: Vec<Vec<u8>>,
}

/// Serves until standard input ends.
pub(crate) fn child(what: &str, directory: &Path) {
    let wares = match what.split_once(':') {
        Some(("list", entries)) => download::wares(entries.parse().unwrap()),
        _ => ocsp::wares(what),
    };
    let (_trigger, shutdown) = server::shutdown();
    let ours = status(&wares.house, Arc::clone(&wares.lists), &shutdown);
    let mut connection = Connection::open(ours.address(), 1 << 20);
    // The limit gets what ours answers, to the octet; a list that does not fit the buffer is taken from its shelf.
    let (headers, body) = match wares.lists.find(&download::LONG) {
        Some(list) => {
            connection.send(&load::get(download::SMALLEST));
            let (small, _) = connection.reply();
            let mut headers = constant::headers(&small);
            headers.insert("content-length", list.der.length().into());
            (headers, list.der.whole().unwrap().into_owned())
        }
        None => {
            connection.send(&wares.requests[0]);
            let (head, body) = connection.reply();
            (constant::headers(&head), body)
        }
    };
    let same = constant::start(headers.clone(), body.clone(), None, &shutdown);
    let other = match wares.signer {
        Some(signer) => constant::start(headers, body, Some(signer), &shutdown),
        None => constant::start(HeaderMap::new(), body, None, &shutdown),
    };
    keep_requests(directory, &wares.requests);
    println!("{} {} {}", ours.address(), same.address(), other.address());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// The status listener of a house, on one thread.
pub(crate) fn status(house: &House, lists: Arc<PublishedLists>, shutdown: &Shutdown) -> Workers {
    let metrics = Arc::new(Metrics::new());
    let sources =
        StatusSources::new(Arc::clone(&house.desk), lists, house.authorities.clone(), Arc::clone(&house.clock) as _);
    // As it is configured where nobody says otherwise.
    let sources = StatusSources { answer_max_age: Duration::from_secs(60), ..sources };
    let service = StatusService::new(sources, &metrics).unwrap();
    // As the operator listener does it in a whole service.
    thread::spawn(move || {
        loop {
            thread::sleep(METRICS_UPKEEP);
            metrics.upkeep();
        }
    });
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    Workers::start(address, 1, move |()| service.clone(), Bounds::default(), shutdown).unwrap()
}

/// Leaves requests for whoever started this process.
pub(crate) fn keep_requests(directory: &Path, requests: &[Vec<u8>]) {
    fs::write(directory.join("requests"), pack(requests)).unwrap();
}

/// The requests that a child left.
pub(crate) fn requests(directory: &Path) -> Vec<Vec<u8>> {
    unpack(&fs::read(directory.join("requests")).unwrap())
}

fn pack(requests: &[Vec<u8>]) -> Vec<u8> {
    requests.iter().flat_map(|one| [&(one.len() as u32).to_be_bytes()[..], one].concat()).collect()
}

fn unpack(mut octets: &[u8]) -> Vec<Vec<u8>> {
    let mut requests = Vec::new();
    while let Some((length, rest)) = octets.split_first_chunk::<4>() {
        let (one, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        requests.push(one.to_vec());
        octets = rest;
    }
    requests
}

/// Starts this program as a child that works in a process of its own.
pub(crate) fn spawn(role: &str, what: &str, directory: &Path) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.arg(format!("child-{role}")).arg(what).arg(directory);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// A child that serves.
pub(crate) struct Serving {
    child: Child,
    /// Ours, the same octets as a constant, the other constant.
    pub(crate) addresses: [SocketAddr; 3],
    pub(crate) requests: Vec<Vec<u8>>,
}

impl Serving {
    pub(crate) fn start(what: &str) -> Self {
        let directory = directory();
        let mut child = spawn("serve", what, directory.path());
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let addresses: Vec<SocketAddr> = line.split_whitespace().map(|one| one.parse().unwrap()).collect();
        let requests = requests(directory.path());
        Self { child, addresses: addresses.try_into().unwrap(), requests }
    }

    /// Processor seconds that the server has used.
    pub(crate) fn cpu(&self) -> f64 {
        meter::cpu_of(self.child.id()).as_secs_f64()
    }

    /// Asks each of the three in turn for some rounds; processor seconds of the server for each request, the lower
    /// quartile of the rounds, and octets of body in a request.
    pub(crate) fn cost(&self, connections: usize, (rounds, time): (usize, Duration)) -> ([f64; 3], f64) {
        let buffer = if connections < 8 { 1 << 20 } else { 1 << 14 };
        let open = |address| (0..connections).map(|_| Connection::open(address, buffer)).collect::<Vec<_>>();
        let mut clients = self.addresses.map(open);
        for client in &mut clients {
            load::run(client, &self.requests, time);
        }
        let mut costs: [Vec<f64>; 3] = Default::default();
        let mut octets_each = 0.0;
        for _ in 0..rounds {
            for (client, costs) in clients.iter_mut().zip(&mut costs) {
                let before = self.cpu();
                let (count, octets) = load::run(client, &self.requests, time);
                costs.push((self.cpu() - before) / count as f64);
                octets_each = octets as f64 / count as f64;
            }
        }
        (costs.map(|mut costs| meter::quartile(&mut costs)), octets_each)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A directory on the disk that the program was built on, not in memory.
pub(crate) fn directory() -> tempfile::TempDir {
    tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}
