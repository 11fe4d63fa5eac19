//! Clients that are gone, slow, idle or too many; descriptors that are used up.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use jitsuin::limits::HEADER_TIMEOUT;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

use super::stricken::Stricken;
use crate::{kill::application, process::jitsuin, site::Site};

#[test]
fn a_client_that_is_gone_in_the_middle_finds_its_request_done_once_when_it_comes_again() {
    let mut service = Stricken::new();
    let url = format!("https://{}/v1/certificates", service.address("registration"));
    let mut gone = 0;
    for number in 1..=24_u64 {
        let (holder, body) = (format!("TEST-{number}"), application(&format!("TEST-{number}")));
        // From before the handshake is over to after the answer.
        let hasty = crate::kill::client_of(&service.site).within(Duration::from_millis(number * 2));
        let key = format!("key-{holder}");
        let sent = hasty.post_json(&url, &key, &body);
        gone += u32::from(service.runtime.block_on(sent).is_err());
        drop(hasty);
        service.insist(&holder, &body);
    }
    assert!(gone > 0, "everybody stayed");
    service.nothing_is_lost();
}

/// Opens connections that say nothing, as many as can be had up to `count`.
fn idle(address: &str, count: usize) -> Vec<TcpStream> {
    let address = address.parse().expect("an address");
    let open = |_| TcpStream::connect_timeout(&address, Duration::from_secs(2)).ok();
    (0..count).map_while(open).collect()
}

#[test]
fn ten_thousand_idle_connections_end_by_themselves_and_statuses_are_answered_within_the_time_for_a_head() {
    let limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(20_000);
    setrlimit(Resource::Nofile, Rlimit { current: Some(hard), maximum: limit.maximum })
        .expect("the soft limit is ours");
    let mut service = Stricken::new();
    // What the hard limit allows this process, which needs some for itself.
    let count = usize::try_from(hard.saturating_sub(300)).unwrap_or(usize::MAX).min(10_000);
    let idle = idle(service.address("status"), count);
    println!("{} of {count} connections", idle.len());
    assert!(idle.len() * 2 > count, "{} of {count}", idle.len());
    let began = Instant::now();
    service.status();
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    // The other doors have places of their own.
    service.issue("TEST-1");
    drop(idle);
    service.until(30, "it is ready", |service| service.ready().0);
    service.nothing_is_lost();
}

#[test]
fn slow_clients_at_both_doors_keep_nobody_waiting() {
    let mut service = Stricken::new();
    let mut slow: Vec<TcpStream> = Vec::new();
    for door in ["status", "registration", "operator"] {
        slow.extend(idle(service.address(door), 300));
    }
    // An octet now and then, of a head that never ends.
    for turn in 0..10 {
        for stream in &mut slow {
            let _ended = stream.write(&b"POST /ocsp "[turn..=turn]);
        }
        let began = Instant::now();
        service.status();
        service.issue(&format!("TEST-{}", turn + 1));
        assert!(began.elapsed() < HEADER_TIMEOUT, "{:?}", began.elapsed());
    }
    drop(slow);
    service.nothing_is_lost();
}

/// The service with its log kept.
fn logged(site: &Site) -> (crate::process::Running, Value, Arc<Mutex<Vec<String>>>) {
    let mut command = jitsuin();
    command.args(["serve", "--dir"]).arg(site.path()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    let serving = |line: &String| line.contains("\"message\":\"serving\"");
    let line = lines.find(serving).expect("it serves");
    let addresses = serde_json::from_str::<Value>(&line).expect("JSON")["fields"].clone();
    let log = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&log);
    thread::spawn(move || lines.for_each(|line| kept.lock().expect("log").push(line)));
    (crate::process::Running(child), addresses, log)
}

#[test]
fn descriptors_that_are_used_up_are_logged_now_and_then_and_connections_are_taken_again_when_there_are_some() {
    let site = Site::new();
    let (running, addresses, log) = logged(&site);
    let pid = running.0.id().to_string();
    let limit = |soft: &str| {
        let set = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={soft}:")]).status();
        assert!(set.expect("prlimit is there").success());
    };
    let status = addresses["status"].as_str().expect("an address");
    let answered = || {
        let mut stream = TcpStream::connect(status).expect("the kernel takes it");
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("set");
        let asked = b"GET /ca/sign.cer HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
        stream.write_all(asked).expect("written");
        let mut octets = Vec::new();
        stream.read_to_end(&mut octets).is_ok() && octets.starts_with(b"HTTP/1.1 200")
    };
    assert!(answered());
    let soft = {
        let told =
            Command::new("prlimit").args(["--pid", &pid, "--nofile", "--output", "SOFT", "--noheadings"]).output();
        String::from_utf8(told.expect("prlimit is there").stdout).expect("text").trim().to_owned()
    };
    limit("5");
    let waiting: Vec<_> = (0..20).map(|_| TcpStream::connect(status).expect("the kernel takes it")).collect();
    // A hundred tries of each thread that listens.
    thread::sleep(Duration::from_secs(2));
    limit(&soft);
    drop(waiting);
    let began = Instant::now();
    while !answered() {
        assert!(began.elapsed() < Duration::from_secs(10), "connections are not taken again");
    }
    let told = log.lock().expect("log").iter().filter(|line| line.contains("cannot be accepted")).count();
    // A line each at first, however many tries there were.
    let cores = thread::available_parallelism().map_or(1, usize::from);
    assert!((1..=cores + 2).contains(&told), "{told} lines");
}
