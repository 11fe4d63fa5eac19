//! Oversized, slow and wrong.

use std::io::{Read, Write};

use jitsuin::{http::server::Bounds, kind::Kind};

use crate::{
    running::{Running, SHORT, connect, exchange},
    support::{AUTH_1, House, TestClock},
};

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
