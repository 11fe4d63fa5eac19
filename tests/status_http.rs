//! The status and operator listeners over real sockets: OpenSSL and plain octets as clients.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::{
    convert::Infallible,
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use jitsuin::{
    http::{
        metrics::{Metrics, show_lists},
        operator::{Check, OperatorService},
        server::{Bounds, Handshake, Plain, Shutdown, ShutdownTrigger, Workers, bind, bind_shared, serve, shutdown},
        status::{StatusService, StatusSources},
    },
    kind::Kind,
    ports::{Clock, CrlRecord},
    revocation::{lists::PublishedLists, responder::NeverIssued},
    scope::CrlScope,
    x509::{
        RevocationReason,
        ocsp::{ErrorStatus, error_response},
    },
};
use support::{AUTH_1, Hash, House, LIFE, SIGN_1, SIGN_2, TestClock, TestSigner, ocsp_request};
use tokio::sync::Notify;

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

// --- OCSP as clients ask --------------------------------------------------------------------------------------------

#[test]
fn openssl_posts_with_and_without_nonce_in_both_hashes_and_believes_every_answer() {
    let running = Running::new();
    for index in 1..=3 {
        running.house.live(Kind::Auth, index);
    }
    running.house.hold(Kind::Auth, 2);
    running.house.revoke(Kind::Auth, 3, RevocationReason::AffiliationChanged);
    let serials: Vec<_> = (1..=4).map(|index| serial(&running, Kind::Auth, index)).collect();
    for options in [&[][..], &["-no_nonce"], &["-sha256"], &["-sha256", "-no_nonce"]] {
        let (out, verified) = openssl(&running, AUTH_1, &serials, options);
        assert!(verified, "{options:?}\n{out}");
        let states: Vec<_> = serials
            .iter()
            .map(|serial| out.lines().find_map(|line| line.strip_prefix(serial)?.strip_prefix(": ")).unwrap())
            .collect();
        assert_eq!(states, ["good", "revoked", "revoked", "revoked"], "{options:?}");
        assert!(
            out.contains("Reason: affiliationChanged") && out.contains("Revocation Time: Jan  1 00:00:00 1970 GMT")
        );
    }
}

#[test]
fn openssl_tells_the_generations_of_one_name_apart() {
    let running = Running::new();
    running.house.live(Kind::Sign, 5);
    running.house.live(Kind::Sign, 1005);
    for (issuer, index) in [(SIGN_1, 5), (SIGN_2, 1005)] {
        let serial = serial(&running, Kind::Sign, index);
        let (out, verified) = openssl(&running, issuer, std::slice::from_ref(&serial), &[]);
        assert!(verified && out.contains(&format!("{serial}: good")), "{out}");
    }
}

#[test]
fn openssl_believes_an_rsa_responder_too() {
    let house = House::with(TestClock::real(), NeverIssued::Unknown, TestSigner::rsa);
    let running = Running::with(house, Bounds::default());
    running.house.live(Kind::Sign, 5);
    let serials = [5, 6].map(|index| serial(&running, Kind::Sign, index));
    let (out, verified) = openssl(&running, SIGN_1, &serials, &[]);
    assert!(verified && out.contains(": good") && out.contains(": unknown"), "{out}");
}

#[test]
fn a_request_of_openssl_is_answered_by_get_and_verified() {
    let running = Running::new();
    running.house.live(Kind::Sign, 5);
    let (directory, ca) = pem(&running.house, SIGN_1);
    let [request, response] = ["request.der", "response.der"].map(|name| directory.path().join(name));
    let serial = serial(&running, Kind::Sign, 5);
    let made = Command::new("openssl")
        .args(["ocsp".as_ref(), "-no_nonce".as_ref(), "-issuer".as_ref(), ca.as_os_str()])
        .args(["-serial".as_ref(), serial.as_ref(), "-reqout".as_ref(), request.as_os_str()])
        .output();
    assert!(made.unwrap().status.success());
    let answer = running.get(&format!("/ocsp/{}", STANDARD.encode(fs::read(&request).unwrap())));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/ocsp-response")));
    fs::write(&response, &answer.body).unwrap();
    let read = Command::new("openssl")
        .args(["ocsp".as_ref(), "-issuer".as_ref(), ca.as_os_str(), "-CAfile".as_ref(), ca.as_os_str()])
        .args(["-serial".as_ref(), serial.as_ref(), "-respin".as_ref(), response.as_os_str()])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&read.stderr).contains("Response verify OK"));
    assert!(String::from_utf8_lossy(&read.stdout).contains(": good"));
}

#[test]
fn a_get_is_read_in_every_spelling_of_base64() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let plain = STANDARD.encode(running.house.request(AUTH_1, 1));
    let escaped = plain.replace('+', "%2B").replace('/', "%2F").replace('=', "%3d");
    let url_safe = plain.replace('+', "-").replace('/', "_");
    let unpadded = plain.trim_end_matches('=').to_owned();
    let first = running.get(&format!("/ocsp/{plain}"));
    assert_eq!(first.status, 200);
    for path in [escaped, url_safe, unpadded, format!("/{plain}"), format!("//{plain}")] {
        assert_eq!(running.get(&format!("/ocsp/{path}")).body, first.body, "{path}");
    }
    let absolute = format!("GET http://status.invalid/ocsp/{plain} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(exchange(running.address, absolute.as_bytes()).body, first.body);
    let old = format!("GET /ocsp/{plain} HTTP/1.0\r\n\r\n");
    assert_eq!(exchange(running.address, old.as_bytes()).body, first.body);
}

#[test]
fn garbage_gets_malformed_request_over_get_and_post_and_is_not_cached() {
    let running = Running::new();
    let malformed = error_response(ErrorStatus::MalformedRequest);
    for path in ["/ocsp/garbage!", "/ocsp/%", "/ocsp/MAA=", "/ocsp/a/b/c", "/ocsp/%00"] {
        let answer = running.get(path);
        assert_eq!((answer.status, answer.body.as_slice()), (200, malformed), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("content-type"), Some("application/ocsp-response"));
    }
    for body in [&[][..], b"garbage", &[0x30, 0]] {
        let answer = running.post(body);
        assert_eq!((answer.status, answer.body.as_slice()), (200, malformed));
    }
}

#[test]
fn an_unknown_issuer_is_unauthorized_and_not_cached() {
    let running = Running::new();
    let id = support::cert_id(Hash::Sha1, b"name", b"key", &[1]);
    let answer = running.get(&format!("/ocsp/{}", STANDARD.encode(ocsp_request(&[id], None))));
    assert_eq!(answer.body, error_response(ErrorStatus::Unauthorized));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

// --- headers, a rule a test -----------------------------------------------------------------------------------------

#[test]
fn a_get_answer_may_be_cached_until_next_update() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let answer = running.get(&running.ocsp_path(AUTH_1, 1));
    let life = LIFE.as_secs();
    let cache = format!("max-age={life}, public, no-transform, must-revalidate");
    assert_eq!(answer.header("cache-control"), Some(cache.as_str()));
    let date = |name| httpdate::parse_http_date(answer.header(name).unwrap()).unwrap();
    assert_eq!(date("expires").duration_since(date("date")).unwrap(), LIFE);
    assert_eq!(date("last-modified"), date("date"));
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
}

#[test]
fn max_age_of_a_kept_answer_counts_down() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let path = running.ocsp_path(AUTH_1, 1);
    let first = running.get(&path);
    running.house.clock.advance(600);
    let second = running.get(&path);
    assert_eq!(first.body, second.body);
    assert_eq!(first.header("expires"), second.header("expires"));
    let rest = format!("max-age={}, ", LIFE.as_secs() - 600);
    assert!(second.header("cache-control").unwrap().starts_with(&rest));
}

#[test]
fn a_post_answer_is_never_cached() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let answer = running.post(&running.house.request(AUTH_1, 1));
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    assert_eq!((answer.header("etag"), answer.header("expires")), (None, None));
}

#[test]
fn a_get_with_nonce_and_one_about_what_was_never_issued_are_not_cached() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let id = running.house.cert_id(AUTH_1, Hash::Sha1, running.house.serial(Kind::Auth, 1).octets());
    let nonce = STANDARD.encode(ocsp_request(&[id], Some(&[7; 32])));
    for path in [format!("/ocsp/{nonce}"), running.ocsp_path(AUTH_1, 2)] {
        let answer = running.get(&path);
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
        assert_eq!(answer.header("etag"), None);
    }
}

#[test]
fn the_tag_of_a_get_answer_makes_a_304_until_the_state_changes() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let path = running.ocsp_path(AUTH_1, 1);
    let tag = running.get(&path).header("etag").unwrap().to_owned();
    let same = running.get_with(&path, &[("If-None-Match", &tag)]);
    assert_eq!((same.status, same.body.len(), same.header("etag")), (304, 0, Some(tag.as_str())));
    running.house.hold(Kind::Auth, 1);
    let changed = running.get_with(&path, &[("If-None-Match", &tag)]);
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    running.publish(1, LIFE);
    for path in [running.ocsp_path(AUTH_1, 1).as_str(), LIST, "/ca/auth.cer", "/crl/none.crl"] {
        let (get, head) = (running.get(path), running.send("HEAD", path, &[], &[]));
        assert_eq!((head.head, head.body), (get.head, vec![]), "{path}");
        assert!(!get.body.is_empty());
    }
}

#[test]
fn other_methods_get_405_with_those_allowed() {
    let running = Running::new();
    running.publish(1, LIFE);
    for (method, path, allowed) in [
        ("GET", "/ocsp", "POST"),
        ("GET", "/ocsp/", "POST"),
        ("DELETE", "/ocsp", "POST"),
        ("PUT", "/ocsp/MAA=", "GET, HEAD"),
        ("DELETE", LIST, "GET, HEAD"),
        ("OPTIONS", "/ca/sign.cer", "GET, HEAD"),
    ] {
        let answer = running.send(method, path, &[], &[]);
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
    }
}

#[test]
fn a_list_is_served_with_validators_and_for_an_hour_at_most() {
    let running = Running::new();
    let der = running.publish(1, Duration::from_secs(48 * 3600));
    let answer = running.get(LIST);
    assert_eq!((answer.status, &answer.body), (200, &der));
    assert_eq!(answer.header("content-type"), Some("application/pkix-crl"));
    assert!(answer.header("cache-control").unwrap().starts_with("max-age=3600, public"));
    let (tag, modified) = (answer.header("etag").unwrap(), answer.header("last-modified").unwrap());
    assert_eq!(running.get_with(LIST, &[("If-None-Match", tag)]).status, 304);
    assert_eq!(running.get_with(LIST, &[("If-Modified-Since", modified)]).status, 304);
    running.house.clock.advance(1);
    running.publish(2, LIFE);
    assert_eq!(running.get_with(LIST, &[("If-None-Match", tag)]).status, 200);
    assert_eq!(running.get_with(LIST, &[("If-Modified-Since", modified)]).status, 200);
}

#[test]
fn a_list_is_never_cached_or_served_past_its_end() {
    let running = Running::new();
    running.publish(1, Duration::from_secs(60));
    assert!(running.get(LIST).header("cache-control").unwrap().starts_with("max-age=60, "));
    running.house.clock.advance(60);
    let answer = running.get(LIST);
    assert_eq!((answer.status, answer.header("cache-control")), (503, Some("no-store")));
    assert!(String::from_utf8(answer.body).unwrap().contains("the list ended"));
    running.publish(2, LIFE);
    assert_eq!(running.get(LIST).status, 200);
}

#[test]
fn every_ca_generation_s_certificate_is_served() {
    let running = Running::new();
    for (issuer, path) in [(SIGN_1, "/ca/sign.cer"), (SIGN_2, "/ca/sign/2.cer"), (AUTH_1, "/ca/auth.cer")] {
        let answer = running.get(path);
        assert_eq!((answer.status, &answer.body), (200, &running.house.authorities[issuer].certificate));
        assert_eq!(answer.header("content-type"), Some("application/pkix-cert"));
        assert_eq!(running.get_with(path, &[("If-None-Match", answer.header("etag").unwrap())]).status, 304);
    }
}

#[test]
fn what_does_not_exist_is_404_in_words() {
    let running = Running::new();
    running.publish(1, LIFE);
    for path in ["/", "/crl/sign/13114.crl", "/crl/auth/13115.crl", "/crl/sign/1/13115.crl", "/ca/sign/3.cer", "/ocspx"]
    {
        let answer = running.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("text/plain; charset=utf-8")), "{path}");
    }
}

// --- oversized, slow and wrong --------------------------------------------------------------------------------------

#[test]
fn a_body_of_another_type_is_415() {
    let running = Running::new();
    for headers in [&[][..], &[("Content-Type", "application/json")], &[("Content-Type", "application/ocsp-response")]]
    {
        assert_eq!(running.send("POST", "/ocsp", headers, &running.house.request(AUTH_1, 1)).status, 415);
    }
}

#[test]
fn a_body_that_says_it_is_too_long_is_413_before_it_is_sent() {
    let running = Running::new();
    let head =
        "POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\nContent-Length: 32769\r\n\r\n";
    let answer = exchange(running.address, head.as_bytes());
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
}

#[test]
fn a_body_in_chunks_is_bounded_too() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let chunk = |octets: &[u8]| [format!("{:x}\r\n", octets.len()).as_bytes(), octets, b"\r\n"].concat();
    let head = "POST /ocsp HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/ocsp-request\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    let request = running.house.request(AUTH_1, 1);
    let (one, two) = request.split_at(20);
    let good = [head.as_bytes(), &chunk(one), &chunk(two), &chunk(&[])].concat();
    assert_eq!(exchange(running.address, &good).body, running.post(&request).body);
    let long = [head.as_bytes(), &chunk(&[0; 20_000]), &chunk(&[0; 12_769])].concat();
    assert_eq!(exchange(running.address, &long).status, 413);
    let broken = [head.as_bytes(), b"zz\r\n"].concat();
    assert_eq!(exchange(running.address, &broken).status, 400);
}

#[test]
fn a_body_that_does_not_come_is_408() {
    let running = Running::with(House::new(TestClock::real()), Bounds { body: SHORT, ..Bounds::default() });
    let head =
        "POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\nContent-Length: 9\r\n\r\n1234";
    let answer = exchange(running.address, head.as_bytes());
    assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
}

#[test]
fn a_head_that_does_not_come_ends_the_connection() {
    let running = Running::with(House::new(TestClock::real()), Bounds { head: SHORT, ..Bounds::default() });
    for begun in ["", "GET /ca/sign.cer HTTP/1.1\r\nHost: x\r\n", "GET /ca/sign.cer HTTP/1.1\r\nHost: x\r\n\r\n"] {
        let mut stream = connect(running.address);
        stream.write_all(begun.as_bytes()).unwrap();
        // Ends when the server closes; the last one after its answer, as an idle connection.
        stream.read_to_end(&mut Vec::new()).unwrap();
    }
}

#[test]
fn heads_beyond_the_limits_are_refused() {
    let running = Running::new();
    for head in [
        format!("GET /ocsp/{} HTTP/1.1\r\n\r\n", "A".repeat(200_000)),
        format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "A".repeat(200_000)),
        format!("GET / HTTP/1.1\r\n{}\r\n", "X: 1\r\n".repeat(200)),
        "no http\r\n\r\n".into(),
    ] {
        let mut stream = connect(running.address);
        // The server may close before all of it is sent.
        let _ = stream.write_all(head.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(running.get("/ca/sign.cer").status, 200, "and the listener serves on");
}

#[test]
fn requests_and_answers_are_counted_without_paths_or_serials() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    running.get(&running.ocsp_path(AUTH_1, 1));
    running.post(&running.house.request(AUTH_1, 2));
    running.post(b"garbage");
    running.get("/crl/secret.crl");
    let text = running.metrics.render();
    for line in [
        r#"jitsuin_http_requests_total{listener="status",kind="ocsp-post",result="ok"} 2"#,
        r#"jitsuin_http_requests_total{listener="status",kind="crl",result="refused"} 1"#,
        r#"jitsuin_ocsp_answers_total{ca="auth",status="good"} 1"#,
        r#"jitsuin_ocsp_answers_total{ca="auth",status="never-issued"} 1"#,
        r#"jitsuin_ocsp_answers_total{ca="none",status="malformed-request"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    assert!(!text.contains("secret") && !text.contains(&running.house.serial(Kind::Auth, 1).to_string()));
}

// --- the operator listener ------------------------------------------------------------------------------------------

#[test]
fn readiness_names_what_failed_and_why() {
    let running = Running::new();
    let clock: Arc<dyn Clock> = Arc::<TestClock>::clone(&running.house.clock);
    show_lists(&running.metrics, Arc::clone(&running.lists), Arc::clone(&clock));
    let checks = vec![
        Check::lists_fresh(Arc::clone(&running.lists), Arc::clone(&clock)),
        Check::delegates_valid(Arc::clone(&running.house.desk), Arc::clone(&clock)),
        Check::new("store", || Ok(())),
    ];
    let service = OperatorService::new(Arc::clone(&running.metrics), checks, clock);
    let (address, _trigger, _thread) = serve_here(move |()| service.clone(), Plain, Bounds::default());
    let get = |path: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = exchange(address, head.as_bytes());
        (answer.status, String::from_utf8(answer.body).unwrap())
    };
    let ready = |lists: &str, ocsp: &str| {
        let (status, body) = get("/readyz");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let cause = |at: usize| body["checks"][at]["cause"].as_str().unwrap_or("").to_owned();
        assert!(cause(0).contains(lists) && cause(0).is_empty() == lists.is_empty(), "{body}");
        assert!(cause(1).contains(ocsp) && cause(1).is_empty() == ocsp.is_empty(), "{body}");
        assert_eq!((&body["checks"][2]["name"], &body["checks"][2]["ok"]), (&"store".into(), &true.into()));
        assert_eq!(body["ready"], lists.is_empty() && ocsp.is_empty());
        assert_eq!(status, if lists.is_empty() && ocsp.is_empty() { 200 } else { 503 });
    };
    assert_eq!(get("/healthz").0, 200);
    ready("no list has been published yet", "");
    running.publish(1, Duration::from_secs(60));
    ready("", "");
    assert!(
        get("/metrics").1.contains(r#"jitsuin_crl_rest_seconds{ca="sign",generation="1",scope="municipality"} 60"#)
    );
    running.house.clock.advance(60);
    ready("1 of 1 lists are past their end, first sign 1 13115", "");
    running.publish(2, Duration::from_secs(90 * 86_400));
    running.house.clock.advance(31 * 86_400);
    ready("", "the responder certificate of the sign CA, generation 1, ended");
    assert_eq!(get("/").0, 404);
}

// --- how every listener serves --------------------------------------------------------------------------------------

/// Serves with a runtime on a thread of its own.
fn serve_here<M, S, H>(make: M, handshake: H, bounds: Bounds) -> (SocketAddr, ShutdownTrigger, JoinHandle<()>)
where
    H: Handshake,
    M: Fn(H::Peer) -> S + Send + Sync + 'static,
    S: hyper::service::Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Send + 'static,
    S::Future: Send,
{
    let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let (trigger, shutdown): (_, Shutdown) = shutdown();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(serve(listener, handshake, make, bounds, shutdown)).unwrap();
    });
    (address, trigger, thread)
}

type Body = http_body_util::Full<bytes::Bytes>;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// A gate that requests wait at.
#[derive(Default)]
struct Gate {
    entered: Notify,
    open: Notify,
}

fn gated(gate: &Arc<Gate>) -> impl Fn(()) -> GatedService + Send + Sync + 'static {
    let gate = Arc::clone(gate);
    move |()| GatedService(Arc::clone(&gate))
}

struct GatedService(Arc<Gate>);

impl hyper::service::Service<Request<Incoming>> for GatedService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, _request: Request<Incoming>) -> Self::Future {
        let gate = Arc::clone(&self.0);
        Box::pin(async move {
            gate.entered.notify_one();
            gate.open.notified().await;
            Ok(Response::new(Body::from("drained")))
        })
    }
}

fn wait(notify: &Notify) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(notify.notified());
}

#[test]
fn shutdown_answers_what_is_in_flight_ends_what_is_idle_and_takes_nothing_new() {
    let gate = Arc::new(Gate::default());
    let (address, trigger, thread) = serve_here(gated(&gate), Plain, Bounds::default());
    let mut idle = connect(address);
    let mut busy = connect(address);
    busy.write_all(REQUEST).unwrap();
    wait(&gate.entered);
    trigger.stop();
    assert_eq!(idle.read(&mut [0; 1]).unwrap(), 0, "the idle connection ends while the other is in flight");
    gate.open.notify_one();
    assert_eq!(read(busy).body, b"drained");
    thread.join().unwrap();
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn shutdown_cuts_off_what_takes_longer_than_the_drain() {
    let gate = Arc::new(Gate::default());
    let (address, trigger, thread) = serve_here(gated(&gate), Plain, Bounds { drain: SHORT, ..Bounds::default() });
    let mut busy = connect(address);
    busy.write_all(REQUEST).unwrap();
    wait(&gate.entered);
    trigger.stop();
    thread.join().unwrap();
    assert_eq!(busy.read(&mut [0; 1]).unwrap_or(0), 0);
}

#[test]
fn no_more_connections_are_served_than_there_are_places() {
    struct Present(Arc<AtomicUsize>);
    impl Drop for Present {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let (present, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let make = move |()| {
        seen.fetch_max(present.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let here = Arc::new(Present(Arc::clone(&present)));
        service_fn(move |_: Request<Incoming>| {
            let here = Arc::clone(&here);
            async move {
                tokio::task::yield_now().await;
                drop(here);
                Ok(Response::new(Body::default()))
            }
        })
    };
    let (address, _trigger, _thread) = serve_here(make, Plain, Bounds { connections: 2, ..Bounds::default() });
    let clients: Vec<_> = (0..16).map(|_| std::thread::spawn(move || exchange(address, REQUEST).status)).collect();
    assert!(clients.into_iter().all(|client| client.join().unwrap() == 200));
    assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
}

/// A handshake that fails, or never comes to an end.
struct Rude {
    hangs: bool,
}

impl Handshake for Rude {
    type Stream = tokio::net::TcpStream;
    type Peer = ();

    async fn shake(&self, stream: tokio::net::TcpStream) -> std::io::Result<(tokio::net::TcpStream, ())> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        drop(stream);
        Err(std::io::Error::other("no"))
    }
}

#[test]
fn a_handshake_that_fails_or_hangs_ends_only_its_connection() {
    for hangs in [false, true] {
        let bounds = Bounds { handshake: SHORT, ..Bounds::default() };
        let (address, trigger, thread) = serve_here(gated(&Arc::default()), Rude { hangs }, bounds);
        for _ in 0..3 {
            assert_eq!(connect(address).read(&mut [0; 1]).unwrap_or(0), 0);
        }
        trigger.stop();
        thread.join().unwrap();
    }
}

#[test]
fn workers_share_one_port_and_nobody_else_does() {
    let listeners = bind_shared("127.0.0.1:0".parse().unwrap(), 3).unwrap();
    let address = listeners[0].local_addr().unwrap();
    assert!(listeners.iter().all(|listener| listener.local_addr().unwrap() == address));
    assert!(bind(address).is_err());
    assert!(bind_shared(address, 2).is_err(), "a second service would take half of the first one's requests");
    drop(listeners);
    assert!(bind_shared(address, 2).is_ok());
}
