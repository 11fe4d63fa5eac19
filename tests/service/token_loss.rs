//! A token in another process (by p11-kit), which is killed, stopped and started again while a service signs with it: a
//! network module in small. Its library says of a token that was away that it is away, until it is ended and begun anew.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use jitsuin::http::client::{Answer, Client};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::{
    kill::{application, client_of, live, serials},
    process::{Log, Running, jitsuin, serve_telling},
    site::Site,
    token::{KEYS, MODULE, make_token, site_by, with_token},
};

/// Answers that fail one after another: enough to tell a line in the log for each from a few.
const REFUSED: usize = 40;
/// OCSPResponse with responseStatus internalError (RFC 6960 §4.2.1).
const INTERNAL_ERROR: &[u8] = b"\x30\x03\x0A\x01\x02";

/// The library that speaks to the other process, wherever this system has it.
fn remote_module() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").expect("a directory").map(|entry| entry.expect("an entry").path());
    let mut places = folders.map(|folder| folder.join("pkcs11/p11-kit-client.so"));
    places.find(|path| path.exists()).expect("p11-kit-client.so (Debian package p11-kit-modules)")
}

/// The process with the token, and those that it starts, one for each connection.
struct Server(Child);

impl Server {
    fn start(directory: &Path) -> Self {
        let socket = directory.join("socket");
        // One that was killed leaves it.
        let _ = fs::remove_file(&socket);
        let mut command = with_token(Command::new("p11-kit"), directory);
        command.args(["server", "--foreground", "--provider", MODULE, "--name"]).arg(socket).arg("pkcs11:");
        let child = command.stdout(Stdio::piped()).process_group(0).spawn();
        let mut child = child.expect("p11-kit is there (Debian package p11-kit; scripts/test installs it)");
        // It says where it is when it listens.
        let mut said = String::new();
        BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut said).expect("a line");
        assert!(said.contains("P11_KIT_SERVER_ADDRESS"), "{said}");
        Self(child)
    }

    fn signal(&self, name: &str) {
        let group = format!("-{}", self.0.id());
        assert!(Command::new("kill").args(["-s", name, "--", &group]).status().expect("kill is there").success());
    }

    fn kill(mut self) {
        self.signal("KILL");
        self.0.wait().expect("it ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.signal("KILL");
            let _ = self.0.wait();
        }
    }
}

/// A service whose keys are all in the other process.
struct Scene {
    site: Site,
    running: Running,
    log: Log,
    status: String,
    registration: String,
    operator: String,
    counter: Client,
    anyone: Client,
    runtime: Runtime,
}

impl Scene {
    fn open() -> (Self, Server) {
        let directory = tempfile::tempdir().expect("a directory");
        make_token(directory.path());
        let server = Server::start(directory.path());
        let module = remote_module();
        let init = remotely(jitsuin(), directory.path());
        let site = site_by(directory, &KEYS.map(|(label, _)| label), &module, init);
        // A canary would sign on its own.
        site.configure("enabled = true", "enabled = false");
        let mut command = remotely(jitsuin(), &site.aside());
        let (running, addresses, log) = serve_telling(&mut command, &site.path(), &[]);
        let address = |name: &str| addresses[name].as_str().expect("an address").to_owned();
        let scene = Self {
            running,
            log,
            status: format!("http://{}", address("status")),
            registration: address("registration"),
            operator: address("operator"),
            counter: client_of(&site),
            anyone: Client::anonymous(None).expect("a client"),
            runtime: Runtime::new().expect("a runtime"),
            site,
        };
        (scene, server)
    }

    fn server(&self) -> Server {
        Server::start(&self.site.aside())
    }

    fn issue(&self, holder: &str, body: &Value) -> Answer<Value> {
        let url = format!("https://{}/v1/certificates", self.registration);
        let key = format!("key-{holder}");
        let sent = self.counter.post_json(&url, &key, body);
        self.runtime.block_on(sent).expect("an answer")
    }

    /// A request about a certificate, by OpenSSL.
    fn question(&self, kind: &str, pem: &str, nonce: &str) -> Vec<u8> {
        let file = |name: &str| self.site.aside().join(name);
        fs::write(file("asked.pem"), pem).expect("written");
        let mut openssl = Command::new("openssl");
        openssl.args(["ocsp", nonce, "-issuer"]).arg(self.site.path().join(format!("certificates/{kind}-1.pem")));
        openssl.arg("-cert").arg(file("asked.pem")).arg("-reqout").arg(file("question.der"));
        assert!(openssl.output().expect("openssl is there").status.success());
        fs::read(file("question.der")).expect("a question")
    }

    fn ask(&self, question: &[u8]) -> Vec<u8> {
        let url = format!("{}/ocsp", self.status);
        let sent = self.anyone.post(&url, "application/ocsp-request", question.to_vec());
        self.runtime.block_on(sent).expect("an answer").body.to_vec()
    }

    /// What could not be signed is signed when it is asked for again under its key: to the same public keys, and once.
    fn issued_after_all(&self, holder: &str, body: &Value) {
        let answer = self.issue(holder, body);
        assert_eq!(answer.status, 201, "{holder}: {}", answer.body);
        let live = self.runtime.block_on(live(&self.counter, &self.registration, holder));
        assert_eq!(live, serials(&answer.body), "{holder} has this pair and no other");
    }

    /// Asks `/readyz` until its word of the tokens is this one. Nobody signs meanwhile.
    fn until_tokens(&self, said: impl Fn(&Value) -> bool) {
        loop {
            let url = format!("http://{}/readyz", self.operator);
            let ready = self.runtime.block_on(self.anyone.get_json(&url)).expect("an answer").body;
            if ready["checks"].as_array().expect("checks").iter().any(|check| check["name"] == "tokens" && said(check))
            {
                return;
            }
            thread::yield_now();
        }
    }

    fn nothing_of(&self, holder: &str) {
        let live = self.runtime.block_on(live(&self.counter, &self.registration, holder));
        assert!(live.is_empty(), "{holder}: {live:?}");
    }
}

/// A command for which the token is in the other process.
fn remotely(mut command: Command, directory: &Path) -> Command {
    command.env("P11_KIT_SERVER_ADDRESS", format!("unix:path={}", directory.join("socket").display()));
    command
}

fn pem_of<'a>(answer: &'a Value, kind: &str) -> &'a str {
    let list = answer["certificates"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let one = list.iter().find(|one| one["kind"] == kind).unwrap_or_else(|| panic!("{answer}"));
    one["pem"].as_str().expect("PEM")
}

#[test]
fn a_token_that_is_killed_and_started_again_under_a_service_is_signed_with_again() {
    let (scene, server) = Scene::open();
    let first = scene.issue("TEST-1", &application("TEST-1"));
    assert_eq!(first.status, 201, "{}", first.body);
    let kinds = ["sign", "auth"];
    let plain = kinds.map(|kind| scene.question(kind, pem_of(&first.body, kind), "-no_nonce"));
    let fresh = kinds.map(|kind| scene.question(kind, pem_of(&first.body, kind), "-nonce"));
    let kept = plain.each_ref().map(|question| scene.ask(question));
    assert!(kept.iter().chain(&fresh.each_ref().map(|question| scene.ask(question))).all(|answer| answer.len() > 100));

    scene.until_tokens(|check| check["ok"] == true);
    server.kill();
    scene.until_tokens(|check| check["cause"].as_str().is_some_and(|cause| cause.contains("sign-1: ")));
    let second = application("TEST-2");
    let refused = scene.issue("TEST-2", &second);
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.body["title"].is_string(), "{}", refused.body);
    assert_eq!(scene.issue("TEST-2", &second).status, 503, "asked again while it is away, nothing is given up");
    scene.nothing_of("TEST-2");
    for _ in 0..REFUSED {
        assert_eq!(scene.ask(&fresh[0]), INTERNAL_ERROR);
    }
    assert_eq!(plain.each_ref().map(|question| scene.ask(question)), kept, "answers at hand go on");

    let server = scene.server();
    scene.until_tokens(|check| check["ok"] == true);
    for question in &fresh {
        assert!(scene.ask(question).len() > 100, "every key signs again, also with sessions that were idle");
    }
    scene.issued_after_all("TEST-2", &second);

    // In the middle of signatures: who waits is answered when the token goes on.
    let third = application("TEST-3");
    server.signal("STOP");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| scene.issue("TEST-3", &third));
        assert_eq!(plain.each_ref().map(|question| scene.ask(question)), kept, "answers at hand go on");
        server.signal("CONT");
        assert_eq!(waiting.join().expect("an answer").status, 201);
    });
    // And refused when it is killed.
    let fourth = application("TEST-4");
    server.signal("STOP");
    let hangs = |check: &Value| check["cause"].as_str().is_some_and(|cause| cause.contains("has not answered"));
    scene.until_tokens(hangs);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| scene.issue("TEST-4", &fourth));
        assert_eq!(plain.each_ref().map(|question| scene.ask(question)), kept, "answers at hand go on");
        server.kill();
        let refused = waiting.join().expect("an answer");
        assert_eq!(refused.status, 503, "{}", refused.body);
    });
    scene.nothing_of("TEST-4");
    let _server = scene.server();
    scene.issued_after_all("TEST-4", &fourth);
    ended_well(scene);
}

/// The audit's chain is whole, and the log is not a line for each failure.
fn ended_well(scene: Scene) {
    let Scene { site, mut running, log, .. } = scene;
    running.signal("TERM");
    assert!(running.0.wait().expect("it ends").success());
    let told = log.join().expect("a log");
    let failures = told.lines().filter(|line| line.contains("a key in a token did not sign")).count();
    assert!((1..=REFUSED / 2).contains(&failures), "{failures} lines in\n{told}");
    assert!(told.contains("a key in a token signs again"), "{told}");
    assert!(!told.contains("73517351"), "no PIN is in the log");
    let verified = jitsuin().args(["audit", "verify", "--dir"]).arg(site.path()).output().expect("verify runs");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}
