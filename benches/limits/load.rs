//! A load of our own: keep-alive connections, a request in flight on each, replies read to their last octet.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};

/// One keep-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr, buffer: usize) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { stream, buffer: vec![0; buffer] }
    }

    /// To wait for an answer on.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(crate) fn send(&mut self, request: &[u8]) {
        self.stream.write_all(request).unwrap();
    }

    /// Reads one whole reply and throws its body away; asserts that it is a 200.
    pub(crate) fn skip(&mut self) -> usize {
        let (head, mut filled) = self.head();
        let octets = length(&self.buffer[..head]);
        let whole = head + octets;
        while filled < whole {
            filled += self.read(0);
        }
        assert_eq!(filled, whole, "one reply at a time");
        octets
    }

    /// Reads one whole reply that fits the buffer: its head and its body.
    pub(crate) fn reply(&mut self) -> (String, Vec<u8>) {
        let (head, mut filled) = self.head();
        let body = length(&self.buffer[..head]);
        while filled < head + body {
            filled += self.read(filled);
        }
        let text = String::from_utf8(self.buffer[..head].to_vec()).unwrap();
        (text, self.buffer[head..head + body].to_vec())
    }

    /// Reads until the head is there: its length, and how much was read.
    fn head(&mut self) -> (usize, usize) {
        let mut filled = 0;
        loop {
            filled += self.read(filled);
            if let Some(at) = self.buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
                assert!(self.buffer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&self.buffer[..at]));
                return (at + 4, filled);
            }
        }
    }

    fn read(&mut self, from: usize) -> usize {
        let read = self.stream.read(&mut self.buffer[from..]).unwrap();
        assert!(read > 0, "the server hung up");
        read
    }
}

/// Content-Length, wherever it stands and however it is written.
fn length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"\r\ncontent-length: ";
    let at = head.windows(NAME.len()).position(|window| window.eq_ignore_ascii_case(NAME)).unwrap() + NAME.len();
    head[at..]
        .iter()
        .take_while(|octet| octet.is_ascii_digit())
        .fold(0, |sum, digit| sum * 10 + usize::from(digit - 48))
}

/// Sends requests over all connections for that time; how many were answered, and the octets of their bodies.
pub(crate) fn run(connections: &mut [Connection], requests: &[Vec<u8>], time: Duration) -> (u64, u64) {
    let (began, mut next, mut count, mut octets) = (Instant::now(), requests.iter().cycle(), 0, 0);
    while began.elapsed() < time {
        for connection in &mut *connections {
            connection.send(next.next().unwrap());
        }
        for connection in &mut *connections {
            octets += connection.skip() as u64;
            count += 1;
        }
    }
    (count, octets)
}

/// The path of an OCSP GET, in base64 as RFC 6960 A.1 has it.
pub(crate) fn ocsp_path(request: &[u8]) -> String {
    let base64 = STANDARD.encode(request);
    format!("/ocsp/{}", base64.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"))
}

/// A GET with the headers that clients send.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n").into_bytes()
}

/// An OCSP request as a POST.
pub(crate) fn post(request: &[u8]) -> Vec<u8> {
    let mut whole = format!(
        "POST /ocsp HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nContent-Type: application/ocsp-request\r\n\
         Content-Length: {}\r\n\r\n",
        request.len()
    )
    .into_bytes();
    whole.extend_from_slice(request);
    whole
}
