//! A service in bad company: a program that locks its store, and a client that opens connections and says nothing.

use std::{
    net::{SocketAddr, TcpStream},
    process::Command,
    time::{Duration, Instant},
};

use jitsuin::{cli::layout::Layout, config::Config, http::client::Client, limits};
use serde_json::Value;

use super::{
    kill::{application, client_of},
    process::{Running, jitsuin, serve, serve_by},
    site::Site,
};

/// Writers that come while the store is locked.
const WRITERS: usize = 40;

/// A service whose only writers are those of the test.
fn quiet_site() -> Site {
    let site = Site::new();
    site.configure("enabled = true", "enabled = false");
    site
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn address(addresses: &Value, listener: &str) -> SocketAddr {
    addresses[listener].as_str().and_then(|address| address.parse().ok()).expect("an address")
}

/// Status, body and seconds of a GET over a connection of its own.
pub(crate) fn get(url: &str) -> (u16, String, f64) {
    let format = "\n%{http_code} %{time_total}";
    let told = Command::new("curl").args(["--silent", "--max-time", "60", "--write-out", format, url]).output();
    let text = String::from_utf8(told.expect("curl is there").stdout).expect("text");
    let (body, figures) = text.rsplit_once('\n').expect("figures");
    let (status, seconds) = figures.split_once(' ').expect("two of them");
    (status.parse().expect("a status"), body.to_owned(), seconds.parse().expect("seconds"))
}

/// What readiness says, and in how many seconds.
pub(crate) fn ready(addresses: &Value) -> (u16, Value, f64) {
    let (status, body, seconds) = get(&format!("http://{}/readyz", address(addresses, "operator")));
    (status, serde_json::from_str(&body).expect("JSON"), seconds)
}

/// What the check of that name says is wrong.
fn cause(readiness: &Value, name: &str) -> String {
    let checks = readiness["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["name"] == name).expect(name);
    check["cause"].as_str().unwrap_or("").to_owned()
}

/// Sends applications side by side: status, whether it says when to come again, and how long it took.
fn apply(client: &Client, url: &str, bodies: &[(String, Value)]) -> Vec<(u16, bool, Duration)> {
    let runtime = runtime();
    runtime.block_on(async {
        let mut all = tokio::task::JoinSet::new();
        for (holder, body) in bodies {
            let (client, url, holder, body) = (client.clone(), url.to_owned(), holder.clone(), body.clone());
            all.spawn(async move {
                let began = Instant::now();
                let answer = client.post_json(&url, &format!("key-{holder}"), &body).await.expect("an answer");
                (answer.status.as_u16(), answer.headers.contains_key("retry-after"), began.elapsed())
            });
        }
        all.join_all().await
    })
}

#[test]
fn a_store_that_is_locked_from_outside_is_told_of_at_once_and_nothing_is_lost_or_done_twice() {
    let site = quiet_site();
    let (_running, addresses) = serve(&site.path());
    let url = format!("https://{}/v1/certificates", address(&addresses, "registration"));
    let client = client_of(&site);
    let bodies: Vec<_> = (0..WRITERS)
        .map(|number| format!("TEST-{number:03}"))
        .map(|holder| (holder.clone(), application(&holder)))
        .collect();
    assert_eq!(apply(&client, &url, &bodies[..1])[0].0, 201);
    assert_eq!(ready(&addresses).0, 200);

    let config = Config::load(&Layout::configuration(&site.path())).expect("a configuration");
    let foreign = rusqlite::Connection::open(&config.store.path).expect("the database");
    foreign.execute_batch("BEGIN IMMEDIATE").expect("locked");
    std::thread::scope(|scope| {
        let writers = scope.spawn(|| apply(&client, &url, &bodies[1..]));
        for _ in 0..2 {
            let (status, readiness, seconds) = ready(&addresses);
            assert_eq!(status, 503, "{readiness}");
            assert!(cause(&readiness, "store").contains("another program holds a lock"), "{readiness}");
            // Half a second for the writer; the rest is this machine's.
            assert!(seconds < 3.0, "{seconds} s");
        }
        for (status, when, took) in writers.join().expect("writers") {
            assert!([429, 503].contains(&status) && when, "{status}");
            assert!(took < 2 * limits::QUEUE_WAIT, "turned away after {took:?}");
        }
    });
    // And those that come later.
    for (status, when, took) in apply(&client, &url, &bodies[1..]) {
        assert!([429, 503].contains(&status) && when && took < 2 * limits::QUEUE_WAIT, "{status} {took:?}");
    }
    foreign.execute_batch("ROLLBACK").expect("unlocked");

    let (status, readiness, _) = ready(&addresses);
    assert_eq!(status, 200, "{readiness}");
    // The one that was acknowledged has its first answer; the others were not done, and are now.
    let again = apply(&client, &url, &bodies);
    assert!(again.iter().all(|(status, ..)| *status == 201), "{again:?}");
    let pairs = "SELECT count(*) FROM audit_entry WHERE action = 'pair.issued'";
    assert_eq!(foreign.query_row(pairs, [], |row| row.get::<_, i64>(0)), Ok(WRITERS as i64));
    let verified = jitsuin().args(["audit", "verify", "--dir"]).arg(site.path()).output().expect("verify runs");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

/// Starts a service under a limit of open files: `-Sn` the soft one, `-n` the hard one too.
fn limited(site: &Site, limit: &str) -> (Running, Value) {
    let script = format!("ulimit {limit}; exec \"$0\" \"$@\"");
    let mut shell = Command::new("sh");
    let binary = jitsuin();
    shell.args(["-c", &script]).arg(binary.get_program());
    for (name, value) in binary.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    serve_by(&mut shell, &site.path())
}

/// Connections over which nothing is said.
fn idle(address: SocketAddr, many: usize) -> Vec<TcpStream> {
    (0..many).map(|_| TcpStream::connect(address).expect("a place in the kernel's queue")).collect()
}

#[test]
fn a_client_with_more_idle_connections_than_the_soft_limit_of_open_files_keeps_nobody_out() {
    let site = quiet_site();
    let (_running, addresses) = limited(&site, "-Sn 300");
    let registration = address(&addresses, "registration");
    let (client, url) = (client_of(&site), format!("https://{registration}/v1/certificates"));
    // Whoever comes after them on the same listener is taken after them.
    let idle = [idle(registration, 350), idle(address(&addresses, "status"), 350)];
    let body = application("TEST-1");
    assert_eq!(apply(&client, &url, &[("TEST-1".into(), body)])[0].0, 201);
    assert_eq!(get(&format!("http://{}/nowhere", address(&addresses, "status"))).0, 404);
    let (status, readiness, _) = ready(&addresses);
    assert_eq!(status, 200, "{readiness}");
    drop(idle);
}

#[test]
fn where_no_more_open_files_are_to_be_had_a_listener_that_is_full_takes_nothing_from_the_others() {
    let site = quiet_site();
    // A third of what the store and the log leave: 48 connections for each listener.
    let (_running, addresses) = limited(&site, "-n 400");
    let registration = address(&addresses, "registration");
    let (client, url) = (client_of(&site), format!("https://{registration}/v1/certificates"));
    let full = idle(address(&addresses, "status"), 450);
    assert_eq!(apply(&client, &url, &[("TEST-1".into(), application("TEST-1"))])[0].0, 201);
    assert_eq!(ready(&addresses).0, 200, "the store and the log have theirs");
    drop(full);
    let full = idle(registration, 450);
    assert_eq!(get(&format!("http://{}/nowhere", address(&addresses, "status"))).0, 404);
    assert_eq!(ready(&addresses).0, 200);
    drop(full);
    assert_eq!(apply(&client, &url, &[("TEST-2".into(), application("TEST-2"))])[0].0, 201, "and it is open again");
}
