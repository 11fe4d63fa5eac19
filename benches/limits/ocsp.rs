//! OCSP: an answer that is at hand, and one that is signed for a nonce.

use std::{process::Command, sync::Arc, time::Duration};

use jitsuin::{
    kind::Kind,
    ports::{Follower, StatusEvent},
    revocation::lists::PublishedLists,
    rules::CertificateState,
    signer::KeyKind,
    x509::UnixTime,
};

use crate::{
    Scale, constant,
    house::House,
    load, raw,
    report::{
        Figure::{Rate, Seconds},
        Goal, Report,
    },
    server::{Serving, Wares},
};

/// Certificates in the index.
const CERTIFICATES: u64 = 1_000_000;
/// Of which so many are asked for.
const ASKED: u64 = 1000;
/// Keep-alive connections.
const CONNECTIONS: usize = 64;

/// What the child serves: a million live certificates, and requests for a thousand of them.
pub(crate) fn wares(what: &str) -> Wares {
    // `cached:N` is that of N certificates.
    let (what, certificates) =
        what.split_once(':').map_or((what, CERTIFICATES), |(what, n)| (what, n.parse().unwrap()));
    let responder = if what == "nonce-rsa2048" { KeyKind::Rsa2048 } else { KeyKind::P256 };
    let house = House::to_answer(responder);
    let live = |index| StatusEvent {
        position: index + 1,
        kind: Kind::Auth,
        index,
        state: CertificateState::Live,
        revocation: None,
        recorded: UnixTime::EPOCH,
    };
    for from in (0..certificates).step_by(10_000) {
        house.index.apply(&(from..from + 10_000).map(live).collect::<Vec<_>>());
    }
    let request = |number: u64| {
        let serial = house.serials.serial(Kind::Auth, number * 7919 % certificates);
        if what == "cached" {
            return load::get(&load::ocsp_path(&house.request(Kind::Auth, &serial, None)));
        }
        let nonce = ring::digest::digest(&ring::digest::SHA256, &number.to_be_bytes());
        load::post(&house.request(Kind::Auth, &serial, Some(nonce.as_ref())))
    };
    let requests = (0..ASKED).map(request).collect();
    let signer = (what != "cached").then(|| Arc::new(raw::signer(responder)));
    Wares { house, lists: Arc::new(PublishedLists::default()), signer, requests }
}

fn rounds(scale: Scale) -> (usize, Duration) {
    (scale.pick(10, 40), Duration::from_millis(scale.pick(250, 500)))
}

pub(crate) fn cached(report: &mut Report, scale: Scale) {
    let serving = Serving::start("cached");
    let ([ours, constant, bare], octets) = serving.cost(CONNECTIONS, rounds(scale));
    report.line("ocsp-cached", (Rate(1.0 / ours), Rate(1.0 / constant)), Goal::AtLeast(0.9));
    report.note(format_args!(
        "CPU of the server for a request {} (constant {}, constant without headers {}), body of {octets:.0} octets",
        Seconds(ours),
        Seconds(constant),
        Seconds(bare)
    ));
    wrk(report, scale, &serving);
}

pub(crate) fn nonce_p256(report: &mut Report, scale: Scale) {
    nonce(report, scale, ("ocsp-nonce-p256", "nonce-p256", KeyKind::P256));
}

pub(crate) fn nonce_rsa(report: &mut Report, scale: Scale) {
    nonce(report, scale, ("ocsp-nonce-rsa2048", "nonce-rsa2048", KeyKind::Rsa2048));
}

fn nonce(report: &mut Report, scale: Scale, (name, what, key): (&str, &str, KeyKind)) {
    let serving = Serving::start(what);
    let ([ours, constant, signing], octets) = serving.cost(CONNECTIONS, rounds(scale));
    let sign = raw::sign(key, constant::TBS_OCTETS);
    report.line(name, (Rate(1.0 / ours), Rate(1.0 / (sign.least() + constant))), Goal::AtLeast(0.9));
    report.note(format_args!(
        "CPU of the server for a request {} ({}, constant {}, constant that signs {}), body of \
         {octets:.0} octets",
        Seconds(ours),
        sign,
        Seconds(constant),
        Seconds(signing)
    ));
}

/// The same with a client that is not ours, where it is installed. It asks for one certificate.
fn wrk(report: &mut Report, scale: Scale, serving: &Serving) {
    if Command::new("wrk").arg("-v").output().is_err() {
        report.note("ocsp-cached-wrk is not measured: wrk is not installed (apt-get install wrk)");
        return;
    }
    let request = String::from_utf8(serving.requests[0].clone()).unwrap();
    let path = request.split(' ').nth(1).unwrap();
    let seconds = format!("-d{}s", scale.pick(3, 15));
    let ask = |number: usize| {
        let url = format!("http://{}{path}", serving.addresses[number]);
        let before = serving.cpu();
        let output = Command::new("wrk").args(["-t1", "-c64", &seconds, &url]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains("Non-2xx"), "{text}");
        let words: Vec<_> = text.split_whitespace().collect();
        let before_word = |word| words[words.iter().position(|one| *one == word).unwrap() - 1];
        let after_word = |word| words[words.iter().position(|one| *one == word).unwrap() + 1];
        let count: f64 = before_word("requests").parse().unwrap();
        let rate: f64 = after_word("Requests/sec:").parse().unwrap();
        ((serving.cpu() - before) / count, rate)
    };
    let ((ours, rate), (constant, limit)) = (ask(0), ask(1));
    report.line("ocsp-cached-wrk", (Rate(1.0 / ours), Rate(1.0 / constant)), Goal::AtLeast(0.9));
    report.note(format_args!("by CPU of the server; wrk saw {} of ours and {} constants", Rate(rate), Rate(limit)));
}
