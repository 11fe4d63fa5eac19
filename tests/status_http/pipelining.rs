//! Connections that are kept, requests that come before the answers went, and clients that take none.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
};

use jitsuin::{http::server::Bounds, kind::Kind, ports::Clock, x509::RevocationReason};

use crate::{
    running::{LIST, Running, SHORT, connect},
    support::{AUTH_1, House, LIFE, TestClock, TestSigner, delegate},
};

/// Reads one answer of a connection that goes on: its status and body.
fn next(stream: &mut TcpStream) -> (u16, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        stream.read_exact(&mut octet).unwrap();
        head.push(octet[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body)
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes()
}

fn post(request: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\nContent-Length: {}\r\n\r\n",
        request.len()
    );
    [head.as_bytes(), request].concat()
}

#[test]
fn a_hundred_requests_in_one_piece_are_answered_in_their_order() {
    let running = Running::new();
    (1..=5).for_each(|index| running.house.live(Kind::Auth, index));
    let list = running.publish(1, LIFE);
    let mut stream = connect(running.address);
    let (mut requests, mut expected) = (Vec::new(), Vec::new());
    for round in 0..20 {
        let index = round % 5 + 1;
        let answer = running.get(&running.ocsp_path(AUTH_1, index)).body;
        for (request, body) in [
            (get(&running.ocsp_path(AUTH_1, index)), answer.clone()),
            (post(&running.house.request(AUTH_1, index)), answer.clone()),
            (get(LIST), list.clone()),
            (get("/ca/sign.cer"), running.house.authorities[0].certificate.clone()),
            (get(&running.ocsp_path(AUTH_1, index)), answer),
        ] {
            requests.extend(request);
            expected.push((200, body));
        }
    }
    // In pieces that end anywhere.
    requests.chunks(997).for_each(|piece| stream.write_all(piece).unwrap());
    for expected in expected {
        assert_eq!(next(&mut stream), expected);
    }
}

#[test]
fn one_connection_hears_of_a_revocation_between_two_answers() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let mut stream = connect(running.address);
    let mut ask = || {
        stream.write_all(&get(&running.ocsp_path(AUTH_1, 1))).unwrap();
        next(&mut stream).1
    };
    let good = ask();
    assert_eq!(ask(), good);
    running.house.hold(Kind::Auth, 1);
    assert_ne!(ask(), good);
}

#[test]
fn one_connection_is_answered_anew_when_anything_changes_that_an_answer_depends_on() {
    let running = Running::new();
    let house = &running.house;
    house.live(Kind::Auth, 1);
    let mut stream = connect(running.address);
    let mut seen: Vec<Vec<u8>> = Vec::new();
    let mut changes = |what: &str| {
        let [first, second] = [(); 2].map(|()| {
            stream.write_all(&get(&running.ocsp_path(AUTH_1, 1))).unwrap();
            next(&mut stream).1
        });
        assert_eq!(first, second, "{what}");
        assert!(!seen.contains(&first), "{what}");
        seen.push(first);
    };
    changes("nothing yet");
    house.clock.advance(LIFE.as_secs() as i64 / 2);
    changes("half of its life is over");
    let renewed = delegate(&house.issuers[AUTH_1], TestSigner::p256(), house.clock.now(), 30);
    house.desk.responder().replace_delegate((Kind::Auth, 1), renewed).unwrap();
    changes("another responder speaks");
    house.hold(Kind::Auth, 1);
    changes("it is on hold");
    house.revoke(Kind::Auth, 1, RevocationReason::KeyCompromise);
    changes("it is revoked");
    house.clock.advance(31 * 86_400);
    changes("nobody speaks");
}

#[test]
fn an_answer_is_not_kept_back_for_the_rest_of_the_next_request() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let request = get(&running.ocsp_path(AUTH_1, 1));
    let (begun, rest) = request.split_at(30);
    let mut stream = connect(running.address);
    stream.write_all(&[&request[..], begun].concat()).unwrap();
    let first = next(&mut stream);
    stream.write_all(rest).unwrap();
    assert_eq!(next(&mut stream), first);
}

/// Asks again and again, and reads nothing, until nothing more can be sent.
fn glut(running: &Running) -> TcpStream {
    let mut stream = connect(running.address);
    stream.set_nonblocking(true).unwrap();
    let requests = get(&running.ocsp_path(AUTH_1, 1)).repeat(100);
    let mut full = 0;
    while full < 100 {
        match stream.write(&requests) {
            Ok(_) => full = 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                full += 1;
                std::thread::yield_now();
            }
            // Cut off already.
            Err(_) => break,
        }
    }
    stream
}

#[test]
fn clients_that_read_no_answer_are_cut_off_and_their_places_are_given_to_others() {
    let bounds = Bounds { connections: 2, body: SHORT, ..Bounds::default() };
    let running = Running::with(House::new(TestClock::real()), bounds);
    running.house.live(Kind::Auth, 1);
    let path = running.ocsp_path(AUTH_1, 1);
    let answer = running.get(&path);
    let deaf: Vec<_> = (0..6).map(|_| glut(&running)).collect();
    for _ in 0..6 {
        assert_eq!(running.get(&path).body, answer.body);
    }
    drop(deaf);
}
