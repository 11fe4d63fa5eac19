//! A running listener, and plain octets as its client.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::Command,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use jitsuin::{
    http::{
        metrics::Metrics,
        server::{Bounds, ShutdownTrigger, Workers, shutdown},
        status::{StatusService, StatusSources},
    },
    kind::Kind,
    ports::{Clock, CrlRecord, ListOctets, Store},
    revocation::lists::PublishedLists,
    scope::CrlScope,
    store::MemoryStore,
};

use crate::support::{House, LIFE, TestClock};

pub(crate) const SHORT: Duration = Duration::from_millis(50);

/// A status listener on a free port, and what it serves from.
pub(crate) struct Running {
    pub(crate) house: House,
    pub(crate) lists: Arc<PublishedLists>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) address: SocketAddr,
    workers: Option<Workers>,
    trigger: ShutdownTrigger,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.trigger.stop();
        if let Some(workers) = self.workers.take() {
            workers.join().unwrap();
        }
    }
}

impl Running {
    pub(crate) fn new() -> Self {
        Self::with(House::new(TestClock::real()), Bounds::default())
    }

    pub(crate) fn with(house: House, bounds: Bounds) -> Self {
        Self::with_sources(house, bounds, |_| ())
    }

    /// Whose sources are changed before it starts.
    pub(crate) fn with_sources(house: House, bounds: Bounds, change: impl FnOnce(&mut StatusSources)) -> Self {
        let (lists, metrics) = (Arc::new(PublishedLists::default()), Arc::new(Metrics::new()));
        let mut sources = StatusSources::new(
            Arc::clone(&house.desk),
            Arc::clone(&lists),
            house.authorities.clone(),
            Arc::<TestClock>::clone(&house.clock),
        );
        sources.body_timeout = bounds.body;
        change(&mut sources);
        let service = StatusService::new(sources, &metrics).unwrap();
        let (trigger, shutdown) = shutdown();
        let any = "127.0.0.1:0".parse().unwrap();
        let workers = Workers::start(any, 2, move |()| service.clone(), bounds, &shutdown).unwrap();
        let address = workers.address();
        Self { house, lists, metrics, address, workers: Some(workers), trigger }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], &[])
    }

    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, &[])
    }

    pub(crate) fn post(&self, request: &[u8]) -> Answer {
        self.send("POST", "/ocsp", &[("Content-Type", "application/ocsp-request")], request)
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: status.invalid\r\nConnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if method == "POST" {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        exchange(self.address, &[head.as_bytes(), body].concat())
    }

    pub(crate) fn publish(&self, number: u64, life: Duration) -> Vec<u8> {
        self.put(number, life, vec![0x30, 1, number as u8])
    }

    /// Puts octets that get smaller, and makes their smaller forms.
    pub(crate) fn publish_long(&self, number: u64) -> Vec<u8> {
        let der = long_list(number);
        self.put(number, LIFE, der.clone());
        self.lists.compress();
        der
    }

    /// As [`Self::publish_long`], from a file and without a smaller form.
    pub(crate) fn publish_file(&self, number: u64) -> Vec<u8> {
        let der = (0..50).flat_map(|piece| long_list(number + piece)).collect::<Vec<_>>();
        let mut draft = MemoryStore::with_long_lists(1).draft_list(der.len() as u64).unwrap();
        draft.write_all(&der).unwrap();
        let digest = ring::digest::digest(&ring::digest::SHA256, &der);
        let file = draft.keep(digest.as_ref().try_into().unwrap()).unwrap();
        assert!(matches!(file, ListOctets::File(_)));
        self.put_octets(number, LIFE, file);
        der
    }

    fn put(&self, number: u64, life: Duration, der: Vec<u8>) -> Vec<u8> {
        self.put_octets(number, life, der.clone().into());
        der
    }

    fn put_octets(&self, number: u64, life: Duration, der: ListOctets) {
        let now = self.house.clock.now();
        self.lists.put(CrlRecord {
            kind: Kind::Sign,
            generation: 1,
            scope: place(),
            number,
            this_update: now,
            next_update: now + life,
            position: 0,
            entries: 0,
            der,
        });
    }

    pub(crate) fn ocsp_path(&self, issuer: usize, index: u64) -> String {
        format!("/ocsp/{}", STANDARD.encode(self.house.request(issuer, index)))
    }
}

/// Octets as a list has them, some that look random beside some that repeat.
pub(crate) fn long_list(number: u64) -> Vec<u8> {
    let entry = |at: u64| {
        let digest = ring::digest::digest(&ring::digest::SHA256, &(number * 1000 + at).to_be_bytes());
        [&[0x30, 0x22, 0x02, 0x11, 0x01], &digest.as_ref()[..16], b"\x17\x0d261101000000Z"].concat()
    };
    (0..200).flat_map(entry).collect()
}

pub(crate) fn place() -> CrlScope {
    CrlScope::Municipality("13115".parse().unwrap())
}

pub(crate) const LIST: &str = "/crl/sign/13115.crl";

/// What came back over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Sends octets and reads until the server closes.
pub(crate) fn exchange(address: SocketAddr, octets: &[u8]) -> Answer {
    let mut stream = connect(address);
    stream.write_all(octets).unwrap();
    read(stream)
}

pub(crate) fn read(mut stream: TcpStream) -> Answer {
    let mut whole = Vec::new();
    stream.read_to_end(&mut whole).unwrap();
    let end = whole.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head");
    let head = String::from_utf8(whole[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: whole[end + 4..].to_vec() }
}

/// A CA certificate as PEM in a directory of its own.
pub(crate) fn pem(house: &House, issuer: usize) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    let base64 = STANDARD.encode(&house.authorities[issuer].certificate);
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
    let text = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
    fs::write(&path, text).unwrap();
    (directory, path)
}

/// `openssl ocsp` about serials of an issuer; its standard output, and whether it verified the answer.
pub(crate) fn openssl(running: &Running, issuer: usize, serials: &[String], options: &[&str]) -> (String, bool) {
    let (_directory, ca) = pem(&running.house, issuer);
    let mut command = Command::new("openssl");
    command.arg("ocsp").args(options).args(["-issuer".as_ref(), ca.as_os_str(), "-CAfile".as_ref(), ca.as_os_str()]);
    command.arg("-url").arg(format!("http://{}/ocsp", running.address));
    serials.iter().for_each(|serial| {
        command.args(["-serial", serial]);
    });
    let output = command.output().expect("openssl is installed");
    let verified = output.status.success() && String::from_utf8_lossy(&output.stderr).contains("Response verify OK");
    (String::from_utf8(output.stdout).unwrap(), verified)
}

pub(crate) fn serial(running: &Running, kind: Kind, index: u64) -> String {
    format!("0x{}", running.house.serial(kind, index))
}

/// Where threads of the server wait until a test lets them go on.
#[derive(Clone)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn new(open: bool) -> Self {
        Self(Arc::new((Mutex::new(open), Condvar::new())))
    }

    pub(crate) fn pass(&self) {
        drop(self.0.1.wait_while(self.0.0.lock().unwrap(), |open| !*open).unwrap());
    }

    fn set(&self, open: bool) {
        *self.0.0.lock().unwrap() = open;
        self.0.1.notify_all();
    }

    /// Closes it until the guard is dropped, so that a test that fails leaves nobody waiting.
    pub(crate) fn close(&self) -> Closed {
        self.set(false);
        Closed(self.clone())
    }
}

/// A gate that is closed as long as this lives.
pub(crate) struct Closed(Gate);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.set(true);
    }
}
