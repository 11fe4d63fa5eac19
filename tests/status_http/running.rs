//! A running listener, and plain octets as its client.

const SHORT: Duration = Duration::from_millis(50);

/// A status listener on a free port, and what it serves from.
struct Running {
    house: House,
    lists: Arc<PublishedLists>,
    metrics: Arc<Metrics>,
    address: SocketAddr,
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
    fn new() -> Self {
        Self::with(House::new(TestClock::real()), Bounds::default())
    }

    fn with(house: House, bounds: Bounds) -> Self {
        let (lists, metrics) = (Arc::new(PublishedLists::default()), Arc::new(Metrics::new()));
        let mut sources = StatusSources::new(
            Arc::clone(&house.desk),
            Arc::clone(&lists),
            house.authorities.clone(),
            Arc::<TestClock>::clone(&house.clock),
        );
        sources.body_timeout = bounds.body;
        let service = StatusService::new(sources, &metrics).unwrap();
        let (trigger, shutdown) = shutdown();
        let any = "127.0.0.1:0".parse().unwrap();
        let workers = Workers::start(any, 2, move |()| service.clone(), bounds, &shutdown).unwrap();
        let address = workers.address();
        Self { house, lists, metrics, address, workers: Some(workers), trigger }
    }

    fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], &[])
    }

    fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, &[])
    }

    fn post(&self, request: &[u8]) -> Answer {
        self.send("POST", "/ocsp", &[("Content-Type", "application/ocsp-request")], request)
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
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

    fn publish(&self, number: u64, life: Duration) -> Vec<u8> {
        let now = self.house.clock.now();
        let der = vec![0x30, 1, number as u8];
        self.lists.put(CrlRecord {
            kind: Kind::Sign,
            generation: 1,
            scope: CrlScope::Municipality("13115".parse().unwrap()),
            number,
            this_update: now,
            next_update: now + life,
            position: 0,
            entries: 0,
            der: der.clone(),
        });
        der
    }

    fn ocsp_path(&self, issuer: usize, index: u64) -> String {
        format!("/ocsp/{}", STANDARD.encode(self.house.request(issuer, index)))
    }
}

const LIST: &str = "/crl/sign/13115.crl";

/// What came back over the wire.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Sends octets and reads until the server closes.
fn exchange(address: SocketAddr, octets: &[u8]) -> Answer {
    let mut stream = connect(address);
    stream.write_all(octets).unwrap();
    read(stream)
}

fn read(mut stream: TcpStream) -> Answer {
    let mut whole = Vec::new();
    stream.read_to_end(&mut whole).unwrap();
    let end = whole.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head");
    let head = String::from_utf8(whole[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: whole[end + 4..].to_vec() }
}

/// A CA certificate as PEM in a directory of its own.
fn pem(house: &House, issuer: usize) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    let base64 = STANDARD.encode(&house.authorities[issuer].certificate);
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
    let text = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
    fs::write(&path, text).unwrap();
    (directory, path)
}

/// `openssl ocsp` about serials of an issuer; its standard output, and whether it verified the answer.
fn openssl(running: &Running, issuer: usize, serials: &[String], options: &[&str]) -> (String, bool) {
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

fn serial(running: &Running, kind: Kind, index: u64) -> String {
    format!("0x{}", running.house.serial(kind, index))
}

