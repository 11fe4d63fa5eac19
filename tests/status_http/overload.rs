//! When more is asked of a slow key than it can sign soon.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    sync::{Arc, mpsc},
};

use jitsuin::{
    http::{server::Bounds, status::StatusSources},
    kind::Kind,
    ports::{Clock, Signer, SignerError},
    revocation::responder::Delegate,
    x509::{
        SignatureAlgorithm,
        ocsp::{ErrorStatus, error_response},
    },
};

use crate::{
    running::{Gate, Running, connect, read},
    support::{AUTH_1, House, SIGN_1, TestClock, TestSigner},
};

/// An RSA key that tells when it is asked, and signs when it is let.
struct GatedSigner {
    inner: TestSigner,
    asked: mpsc::SyncSender<()>,
    gate: Gate,
}

impl Signer for GatedSigner {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.inner.algorithm()
    }

    fn spki(&self) -> &[u8] {
        self.inner.spki()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let _ = self.asked.try_send(());
        self.gate.pass();
        self.inner.sign(message)
    }

    fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.inner.sign_digest(digest)
    }
}

/// A listener whose authentication CA has a gated responder, for whose signature one request may wait.
fn gated() -> (Running, Gate, mpsc::Receiver<()>) {
    gated_for(1)
}

/// For whose signature so many may wait.
fn gated_for(places: usize) -> (Running, Gate, mpsc::Receiver<()>) {
    gated_with(|sources| sources.signing_queue = places)
}

fn gated_with(set: impl FnOnce(&mut StatusSources)) -> (Running, Gate, mpsc::Receiver<()>) {
    let house = House::new(TestClock::real());
    let (asked, asks) = mpsc::sync_channel(16);
    let gate = Gate::new(true);
    let inner = TestSigner::rsa();
    let signer = Arc::new(GatedSigner { inner, asked, gate: gate.clone() });
    let certificate = responder_certificate(&house, &signer.inner);
    let renewed = Delegate::new(signer, certificate).unwrap();
    house.desk.responder().replace_delegate((Kind::Auth, 1), renewed).unwrap();
    let running = Running::with_sources(house, Bounds::default(), set);
    (running, gate, asks)
}

fn responder_certificate(house: &House, signer: &TestSigner) -> Vec<u8> {
    let now = house.clock.now();
    let serial = jitsuin::x509::Serial::from_octets(&[0x51]).unwrap();
    let validity = (now, now + std::time::Duration::from_secs(86_400));
    let issuer = &house.issuers[AUTH_1];
    let (profile, key) = (crate::support::profile(), signer.public_key());
    jitsuin::ca::ceremony::ocsp_responder(&profile, issuer, &key, &serial, validity).unwrap()
}

#[test]
fn a_full_signing_queue_is_503_with_try_later_at_once_and_never_cached() {
    let (running, gate, asks) = gated();
    (1..=3).for_each(|index| running.house.live(Kind::Auth, index));
    std::thread::scope(|scope| {
        let closed = gate.close();
        let first = scope.spawn(|| running.get(&running.ocsp_path(AUTH_1, 1)));
        asks.recv().unwrap();
        let later = error_response(ErrorStatus::TryLater);
        let get = running.get(&running.ocsp_path(AUTH_1, 2));
        let post = running.post(&running.house.request(AUTH_1, 3));
        for answer in [get, post] {
            assert_eq!((answer.status, answer.body.as_slice()), (503, later));
            assert_eq!(answer.header("retry-after"), Some("1"));
            assert_eq!(answer.header("content-type"), Some("application/ocsp-response"));
            assert_eq!((answer.header("cache-control"), answer.header("etag")), (Some("no-store"), None));
        }
        drop(closed);
        assert!(later.len() < first.join().unwrap().body.len(), "who was there first is answered");
    });
    assert_ne!(running.get(&running.ocsp_path(AUTH_1, 2)).body, error_response(ErrorStatus::TryLater));
    let text = running.metrics.render();
    assert!(text.contains(r#"jitsuin_ocsp_answers_total{ca="none",status="try-later"} 2"#), "{text}");
}

#[test]
fn a_key_that_hangs_is_503_with_try_later_when_the_wait_is_over_and_signs_when_it_is_back() {
    let (running, gate, asks) = gated_with(|sources| {
        (sources.signing_queue, sources.signature_wait) = (8, std::time::Duration::from_millis(50));
    });
    running.house.live(Kind::Auth, 1);
    let closed = gate.close();
    for answer in [running.get(&running.ocsp_path(AUTH_1, 1)), running.post(&running.house.request(AUTH_1, 1))] {
        assert_eq!((answer.status, answer.body.as_slice()), (503, error_response(ErrorStatus::TryLater)));
        assert_eq!((answer.header("retry-after"), answer.header("cache-control")), (Some("1"), Some("no-store")));
    }
    asks.recv().unwrap();
    drop(closed);
    while running.get(&running.ocsp_path(AUTH_1, 1)).status != 200 {}
}

#[test]
fn a_full_signing_queue_keeps_nobody_from_what_is_at_hand() {
    let (running, gate, asks) = gated();
    (1..=2).for_each(|index| running.house.live(Kind::Auth, index));
    running.house.live(Kind::Sign, 1);
    let kept = running.get(&running.ocsp_path(AUTH_1, 1));
    asks.recv().unwrap();
    std::thread::scope(|scope| {
        let closed = gate.close();
        let waiting = scope.spawn(|| running.get(&running.ocsp_path(AUTH_1, 2)));
        asks.recv().unwrap();
        assert_eq!(running.get(&running.ocsp_path(AUTH_1, 1)).body, kept.body, "a kept answer");
        assert!(running.get(&running.ocsp_path(SIGN_1, 1)).header("etag").is_some(), "another CA with a quick key");
        assert_eq!(running.get("/ca/auth.cer").status, 200);
        drop(closed);
        waiting.join().unwrap();
    });
}

#[test]
fn who_hangs_up_leaves_a_place_in_the_queue_taken_until_the_key_has_signed() {
    let (running, gate, asks) = gated();
    (1..=2).for_each(|index| running.house.live(Kind::Auth, index));
    let closed = gate.close();
    let mut impatient = connect(running.address);
    let request = format!("GET {} HTTP/1.1\r\nHost: status.invalid\r\n\r\n", running.ocsp_path(AUTH_1, 1));
    impatient.write_all(request.as_bytes()).unwrap();
    asks.recv().unwrap();
    impatient.shutdown(Shutdown::Write).unwrap();
    assert_eq!(impatient.read(&mut [0]).unwrap(), 0, "the server has let go of the connection");
    assert_eq!(running.get(&running.ocsp_path(AUTH_1, 2)).body, error_response(ErrorStatus::TryLater));
    drop(closed);
}

/// Of two who came at once, the one that was not turned away.
fn waiting(first: TcpStream, second: TcpStream) -> TcpStream {
    let refused = |stream: &TcpStream| {
        stream.set_nonblocking(true).unwrap();
        let seen = stream.peek(&mut [0]).is_ok();
        stream.set_nonblocking(false).unwrap();
        seen
    };
    loop {
        for (one, other) in [(&first, &second), (&second, &first)] {
            if refused(one) {
                assert_eq!(read(one.try_clone().unwrap()).status, 503);
                return other.try_clone().unwrap();
            }
        }
        std::thread::yield_now();
    }
}

#[test]
fn who_hangs_up_before_the_key_had_time_gives_the_place_to_the_next() {
    // Every core signs one; one more waits.
    let cores = std::thread::available_parallelism().unwrap().get();
    let (running, gate, asks) = gated_for(cores + 1);
    (1..=cores as u64 + 2).for_each(|index| running.house.live(Kind::Auth, index));
    let request = |index| {
        let path = running.ocsp_path(AUTH_1, index);
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").into_bytes()
    };
    let closed = gate.close();
    let ask = |index| {
        let mut stream = connect(running.address);
        stream.write_all(&request(index)).unwrap();
        stream
    };
    let signing: Vec<_> = (1..=cores as u64).map(ask).collect();
    signing.iter().for_each(|_| asks.recv().unwrap());
    let next = cores as u64 + 1;
    // There is one place, and two come.
    let mut impatient = waiting(ask(next), ask(next));
    impatient.shutdown(Shutdown::Write).unwrap();
    assert_eq!(impatient.read(&mut [0]).unwrap(), 0, "the server has let go of the connection");
    // And of all that belonged to it, when it has served others.
    (0..8).for_each(|_| assert_eq!(running.get("/ca/auth.cer").status, 200));
    let patient = waiting(ask(next + 1), ask(next + 1));
    drop(closed);
    assert_eq!(read(patient).status, 200);
    assert!(signing.into_iter().all(|stream| read(stream).status == 200));
    assert_eq!(asks.try_iter().count(), 1, "for who is gone nothing is signed");
}

#[test]
fn a_crowd_is_turned_away_at_once_and_whoever_comes_after_it_is_answered() {
    let (running, gate, asks) = gated_for(4);
    (1..=50).for_each(|index| running.house.live(Kind::Auth, index));
    let closed = gate.close();
    let statuses: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = (1..=40)
            .map(|index| {
                let path = running.ocsp_path(AUTH_1, index);
                scope.spawn({
                    let running = &running;
                    move || running.get(&path).status
                })
            })
            .collect();
        asks.recv().unwrap();
        // All but the four are answered while no key signs.
        while asked.iter().filter(|thread| thread.is_finished()).count() < 36 {
            std::thread::yield_now();
        }
        drop(closed);
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 503).count(), 36);
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 4);
    for index in 41..=50 {
        assert_eq!(running.get(&running.ocsp_path(AUTH_1, index)).status, 200, "{index}");
    }
}

#[test]
fn many_who_ask_about_one_certificate_at_once_cost_few_signatures() {
    let (running, gate, asks) = gated_for(16);
    running.house.live(Kind::Auth, 1);
    let path = running.ocsp_path(AUTH_1, 1);
    let closed = gate.close();
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..12).map(|_| scope.spawn(|| running.get(&path).status)).collect();
        asks.recv().unwrap();
        drop(closed);
        assert!(asked.into_iter().all(|thread| thread.join().unwrap() == 200));
    });
    let cores = std::thread::available_parallelism().unwrap().get();
    assert!(asks.try_iter().count() < cores, "each core may have begun one before the first was there");
}
