//! The hot path of a status answer, alone: what `scripts/callgrind` counts the instructions of.
//!
//! `hot-path WORK COUNT` answers so many requests in one thread, without sockets: the service behind the status listener gets
//! them as hyper would hand them over, and takes them all the way to the reply.
//!
//! | work | what |
//! |---|---|
//! | `cached-get` | GET of an answer that is at hand |
//! | `cached-post` | POST of the same |
//! | `nonce` | POST with a nonce, to a responder whose key takes no time: all but the signature |
//! | `nonce-p256` | the same with a P-256 key |

#![expect(clippy::unwrap_used, reason = "what cannot go on has no count")]

use std::{
    env,
    hint::black_box,
    pin::pin,
    process::ExitCode,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Request,
    header::{ACCEPT, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT},
    service::Service,
};
use jitsuin::{
    ca::ceremony,
    http::{
        metrics::Metrics,
        status::{StatusReply, StatusService, StatusSources},
    },
    kind::Kind,
    ports::{Clock, Signer, SignerError},
    revocation::{lists::PublishedLists, responder::Delegate},
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    x509::{Serial, SignatureAlgorithm, SubjectPublicKey},
};

#[path = "../tests/support/mod.rs"]
mod support;

use support::{AUTH_1, Hash, House, TestClock};

/// Certificates that are asked about, in turn.
const CERTIFICATES: u64 = 64;

/// A P-256 key that has signed already.
struct Signed(SoftwareSigner, Vec<u8>);

impl Signer for Signed {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }

    fn spki(&self) -> &[u8] {
        self.0.spki()
    }

    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.1.clone())
    }

    fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.0.sign_digest(digest)
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [work, count] = arguments.as_slice() else { return usage() };
    let Ok(count) = count.parse::<usize>() else { return usage() };
    if !["cached-get", "cached-post", "nonce", "nonce-p256"].contains(&work.as_str()) {
        return usage();
    }
    let house = House::new(TestClock::at("2026-04-01T00:00:00Z"));
    (0..CERTIFICATES).for_each(|index| house.live(Kind::Auth, index));
    house.desk.responder().replace_delegate((Kind::Auth, 1), delegate(&house, work == "nonce")).unwrap();
    let sources = StatusSources::new(
        Arc::clone(&house.desk),
        Arc::new(PublishedLists::default()),
        house.authorities.clone(),
        Arc::<TestClock>::clone(&house.clock) as Arc<dyn Clock>,
    );
    let service = StatusService::new(sources, &Metrics::new()).unwrap();
    let questions: Vec<Question> = (0..CERTIFICATES).map(|index| Question::new(&house, work, index)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    // hyper reads the next request into the headers of the reply before.
    let mut headers = HeaderMap::new();
    // In the first round answers are signed, and memory is taken.
    for question in &questions {
        headers = answer(&service, question.ask(headers)).into_parts().0.headers;
    }
    for question in questions.iter().cycle().take(count) {
        headers = counted(&service, question.ask(headers)).into_parts().0.headers;
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: hot-path cached-get|cached-post|nonce|nonce-p256 COUNT");
    ExitCode::from(2)
}

/// A responder for the authentication CA, with a real key or one that has signed already.
fn delegate(house: &House, signed: bool) -> Delegate {
    let signer = SoftwareSigner::new(&PrivateKey::generate(KeyKind::P256).unwrap()).unwrap();
    let (now, issuer) = (house.clock.now(), &house.issuers[AUTH_1]);
    let (serial, key) = (Serial::from_octets(&[0x51]).unwrap(), SubjectPublicKey::from_der(signer.spki()).unwrap());
    let validity = (now, now + Duration::from_secs(86_400));
    let certificate = ceremony::ocsp_responder(&support::profile(), issuer, &key, &serial, validity).unwrap();
    // Of a length that half of all have, and the same in every run: how an answer is framed depends on it.
    let signature = std::iter::repeat_with(|| signer.sign(&[7; 230]).unwrap()).find(|one| one.len() == 71).unwrap();
    let signer: Arc<dyn Signer> = if signed { Arc::new(Signed(signer, signature)) } else { Arc::new(signer) };
    Delegate::new(signer, certificate).unwrap()
}

/// A request as it is made again and again.
struct Question {
    uri: hyper::Uri,
    body: Option<Bytes>,
}

impl Question {
    fn new(house: &House, work: &str, index: u64) -> Self {
        let id = house.cert_id(AUTH_1, Hash::Sha1, house.serial(Kind::Auth, index).octets());
        let nonce = work.starts_with("nonce").then_some([0x5A; 32]);
        let der = support::ocsp_request(&[id], nonce.as_ref().map(|nonce| &nonce[..]));
        if work == "cached-get" {
            // As most clients write it.
            let path = STANDARD.encode(der).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
            Self { uri: format!("/ocsp/{path}").parse().unwrap(), body: None }
        } else {
            Self { uri: "/ocsp".parse().unwrap(), body: Some(der.into()) }
        }
    }

    fn ask(&self, mut headers: HeaderMap) -> Request<Full<Bytes>> {
        headers.clear();
        headers.insert(HOST, HeaderValue::from_static("127.0.0.1:8080"));
        headers.insert(USER_AGENT, HeaderValue::from_static("hot-path"));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        if self.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/ocsp-request"));
        }
        let method = if self.body.is_some() { "POST" } else { "GET" };
        let body = Full::new(self.body.clone().unwrap_or_default());
        let mut request = Request::builder().method(method).uri(self.uri.clone()).body(body).unwrap();
        *request.headers_mut() = headers;
        request
    }
}

/// What is counted: `scripts/callgrind` knows it by its name.
#[inline(never)]
fn counted(service: &StatusService, request: Request<Full<Bytes>>) -> StatusReply {
    black_box(answer(service, black_box(request)))
}

fn answer(service: &StatusService, request: Request<Full<Bytes>>) -> StatusReply {
    let answering = pin!(service.call(request));
    match answering.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(reply)) if reply.status() == 200 => reply,
        Poll::Ready(Ok(reply)) => panic!("{}", reply.status()),
        Poll::Pending => panic!("nothing here waits"),
    }
}
