//! What a status answer takes from the heap: nothing that is given again by GET, and one piece by POST.
//!
//! The service gets requests as hyper hands them over, with the headers of the reply before (hyper reads the next request into
//! them); a thread counts its own allocations.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Request,
    header::{CONTENT_TYPE, HOST, HeaderValue},
    service::Service,
};
use jitsuin::{
    http::{
        metrics::Metrics,
        status::{StatusReply, StatusService, StatusSources},
    },
    kind::Kind,
    revocation::lists::PublishedLists,
};

#[path = "support/mod.rs"]
mod support;

use support::{AUTH_1, House, TestClock};

const ROUNDS: u64 = 1000;

fn service(house: &House) -> StatusService {
    let lists = Arc::new(PublishedLists::default());
    let clock = Arc::<TestClock>::clone(&house.clock);
    let sources = StatusSources::new(Arc::clone(&house.desk), lists, house.authorities.clone(), clock);
    StatusService::new(sources, &Metrics::new()).unwrap()
}

fn answer(service: &StatusService, request: Request<Full<Bytes>>) -> StatusReply {
    match pin!(service.call(request)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(reply)) => reply,
        Poll::Pending => panic!("nothing here waits"),
    }
}

/// How often memory was taken in so many rounds of asking about a certificate.
fn allocations(method: &str) -> u64 {
    let house = House::new(TestClock::at("2026-04-01T00:00:00Z"));
    house.live(Kind::Auth, 1);
    let der = Bytes::from(house.request(AUTH_1, 1));
    let path = format!("/ocsp/{}", STANDARD.encode(&der).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"));
    let (uri, body) = if method == "GET" { (path.as_str(), Bytes::new()) } else { ("/ocsp", der) };
    let service = service(&house);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    let (mut headers, mut taken) = (HeaderMap::with_capacity(16), 0);
    for round in 0..=ROUNDS {
        headers.clear();
        headers.insert(HOST, HeaderValue::from_static("x"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/ocsp-request"));
        let mut request = Request::builder().method(method).uri(uri).body(Full::new(body.clone())).unwrap();
        *request.headers_mut() = std::mem::take(&mut headers);
        let mut request = Some(request);
        let counted = allocation_counter::measure(|| {
            let reply = answer(&service, request.take().unwrap());
            assert_eq!(reply.status(), 200);
            headers = reply.into_parts().0.headers;
        });
        // The first answer is signed.
        taken += if round == 0 { 0 } else { counted.count_total };
    }
    taken
}

#[test]
fn an_answer_that_is_at_hand_takes_no_memory_by_get() {
    assert_eq!(allocations("GET"), 0);
}

#[test]
fn an_answer_that_is_at_hand_takes_memory_once_by_post() {
    assert_eq!(allocations("POST"), ROUNDS);
}
