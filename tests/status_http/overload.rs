//! When more is asked of a slow key than it can sign soon.

use std::{
    io::{Read, Write},
    net::Shutdown,
    sync::{Arc, mpsc},
};

use jitsuin::{
    http::server::Bounds,
    kind::Kind,
    ports::{Clock, Signer, SignerError},
    revocation::responder::Delegate,
    x509::{
        SignatureAlgorithm,
        ocsp::{ErrorStatus, error_response},
    },
};

use crate::{
    running::{Gate, Running, connect},
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
    let house = House::new(TestClock::real());
    let (asked, asks) = mpsc::sync_channel(16);
    let gate = Gate::new(true);
    let inner = TestSigner::rsa();
    let signer = Arc::new(GatedSigner { inner, asked, gate: gate.clone() });
    let certificate = responder_certificate(&house, &signer.inner);
    let renewed = Delegate::new(signer, certificate).unwrap();
    house.desk.responder().replace_delegate((Kind::Auth, 1), renewed).unwrap();
    let running = Running::with_sources(house, Bounds::default(), |sources| sources.signing_queue = 1);
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
