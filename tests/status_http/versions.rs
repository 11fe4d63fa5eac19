//! HTTP as clients in the field speak it: versions, Host, and forms of the request target (RFC 9112 §3).

use std::io::Write;

use jitsuin::kind::Kind;

use crate::{
    running::{Running, connect, exchange, read},
    support::AUTH_1,
};

/// A running listener, and the path and answer of a GET that everyone gets alike.
fn known() -> (Running, String, Vec<u8>) {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let path = running.ocsp_path(AUTH_1, 1);
    let body = running.get(&path).body;
    (running, path, body)
}

#[test]
fn http_1_0_needs_no_host_and_may_have_one() {
    let (running, path, body) = known();
    for host in ["", "Host: x\r\n", "Host: 127.0.0.1:8080\r\n"] {
        let answer = exchange(running.address, format!("GET {path} HTTP/1.0\r\n{host}\r\n").as_bytes());
        assert_eq!((answer.status, &answer.body), (200, &body), "{host}");
    }
}

#[test]
fn a_post_of_http_1_0_is_answered() {
    let (running, _, _) = known();
    let request = running.house.request(AUTH_1, 1);
    let head = format!(
        "POST /ocsp HTTP/1.0\r\nContent-Type: application/ocsp-request\r\nContent-Length: {}\r\n\r\n",
        request.len()
    );
    let answer = exchange(running.address, &[head.as_bytes(), &request].concat());
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/ocsp-response")));
    assert_eq!(answer.body, running.post(&request).body);
}

#[test]
fn the_host_is_taken_with_and_without_a_port_and_whatever_it_says() {
    let (running, path, body) = known();
    let address = running.address;
    for host in ["127.0.0.1".into(), address.to_string(), "status.invalid".into(), "[::1]:8080".into(), String::new()] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = exchange(address, request.as_bytes());
        assert_eq!((answer.status, &answer.body), (200, &body), "{host}");
    }
}

#[test]
fn http_1_1_without_a_host_or_with_two_is_400() {
    let (running, path, _) = known();
    for hosts in ["", "Host: a\r\nHost: a\r\n"] {
        let request = format!("GET {path} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        let answer = exchange(running.address, request.as_bytes());
        assert_eq!((answer.status, answer.header("cache-control")), (400, Some("no-store")), "{hosts:?}");
    }
}

#[test]
fn the_absolute_form_of_a_target_is_the_same_resource() {
    let (running, path, body) = known();
    for authority in ["status.invalid", "status.invalid:8080", "127.0.0.1"] {
        for version in ["1.0", "1.1"] {
            let request = format!(
                "GET http://{authority}{path} HTTP/{version}\r\nHost: {authority}\r\nConnection: close\r\n\r\n"
            );
            let answer = exchange(running.address, request.as_bytes());
            assert_eq!((answer.status, &answer.body), (200, &body), "{authority} {version}");
        }
    }
    let request = running.house.request(AUTH_1, 1);
    let head = format!(
        "POST http://status.invalid/ocsp HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: application/ocsp-request\r\nContent-Length: {}\r\n\r\n",
        request.len()
    );
    assert_eq!(exchange(running.address, &[head.as_bytes(), &request].concat()).body, running.post(&request).body);
}

#[test]
fn one_connection_of_http_1_1_carries_many_requests() {
    let (running, path, body) = known();
    let mut stream = connect(running.address);
    let more = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let last = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(format!("{more}{more}{last}").as_bytes()).unwrap();
    // The first head is split off; the rest follows in what is read as its body.
    let all = read(stream);
    let heads = all.body.windows(15).filter(|window| *window == b"HTTP/1.1 200 OK").count();
    assert_eq!((all.status, heads), (200, 2));
    assert!(all.body.ends_with(&body));
}

#[test]
fn a_request_target_of_no_resource_is_refused() {
    let (running, _, _) = known();
    for (line, status) in [("OPTIONS * HTTP/1.1", 404), ("GET x HTTP/1.1", 404), ("GET /../ocsp HTTP/1.1", 404)] {
        let request = format!("{line}\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert_eq!(exchange(running.address, request.as_bytes()).status, status, "{line}");
    }
}
