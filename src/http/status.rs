//! The status listener: OCSP, lists and CA certificates, for anyone.
//!
//! | resource | methods | cached |
//! |---|---|---|
//! | `/ocsp` | POST `application/ocsp-request` | never |
//! | `/ocsp/{base64}` | GET, HEAD (RFC 6960 A.1) | up to nextUpdate, unless it has a nonce or was never issued |
//! | `/crl/{sign,auth}/{scope}.crl` | GET, HEAD, ranges; in gzip for who asks | up to an hour (a delta: a minute), never past nextUpdate |
//! | `/crl/{sign,auth}/{scope}/{number}.crl` | GET, HEAD, ranges | for ever: that number is that list |
//! | `/ca/{sign,auth}.cer` | GET, HEAD, ranges | up to an hour |
//!
//! From the second generation of a CA on, its number follows the kind: `/crl/sign/2/full.crl`. The scope is `full`, `delta`,
//! `ca`, a municipality's code, or the code with `-delta`.
//!
//! A list past its nextUpdate is not served: a client that cannot get a list knows that it knows nothing, and one that
//! gets a stale list may not look at its dates. By its number, which says what it is, it can be had for ten years. What is
//! no OCSP request gets the OCSP answer malformedRequest with HTTP status 200, as clients read only those (RFC 6960 A.2).
//!
//! No answer has an Age: nothing here is a cache. A kept OCSP answer has the thisUpdate of its making as Last-Modified, and
//! its max-age counts down to its nextUpdate.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use hyper::{Method, Request, StatusCode, Version, body::Incoming, header::HOST, service::Service};
use tokio::sync::Semaphore;

use self::{
    files::{AuthorityFile, authority_files},
    numbered::Shelf,
};
use super::{
    metrics::{AnswerMeter, Metrics, RequestMeter},
    representation::{Reply, is_read, method_not_allowed, text},
};
use crate::{
    limits::{OCSP_SIGNING_QUEUE, REQUEST_TIMEOUT},
    ports::{AuthorityRecord, Clock, CrlRecord, StoreError},
    profile::locations::OCSP_PATH,
    revocation::{
        answer::AnswerDesk,
        lists::{ListKey, PublishedLists},
    },
    x509::{CertificateFault, UnixTime},
};

mod files;
mod numbered;
mod ocsp;
mod path;

/// Finds a list by its number, as [`Store::crl`](crate::ports::Store::crl) does; may block.
pub type NumberedLists = Arc<dyn Fn(ListKey, u64) -> Result<Option<CrlRecord>, StoreError> + Send + Sync>;

/// What the status listener serves from.
pub struct StatusSources {
    /// OCSP.
    pub desk: Arc<AnswerDesk>,
    /// The lists.
    pub lists: Arc<PublishedLists>,
    /// Lists by number; without it there are none.
    pub numbered: Option<NumberedLists>,
    /// Every generation of both CAs.
    pub authorities: Vec<AuthorityRecord>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How long a client may take for its body.
    pub body_timeout: Duration,
    /// How long a cache may keep the answer to an OCSP GET, at most until its nextUpdate: the longest that a revocation
    /// stays unseen by those who ask through one.
    pub answer_max_age: Duration,
    /// OCSP answers that may wait for a slow key; further ones are tryLater.
    pub signing_queue: usize,
}

impl StatusSources {
    /// Sources with the usual bounds, without lists by number, whose answers caches may keep for their whole life.
    #[must_use]
    pub fn new(
        desk: Arc<AnswerDesk>,
        lists: Arc<PublishedLists>,
        authorities: Vec<AuthorityRecord>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            desk,
            lists,
            numbered: None,
            authorities,
            clock,
            body_timeout: REQUEST_TIMEOUT,
            answer_max_age: Duration::MAX,
            signing_queue: OCSP_SIGNING_QUEUE,
        }
    }
}

struct Inner {
    desk: Arc<AnswerDesk>,
    lists: Arc<PublishedLists>,
    shelf: Shelf,
    authorities: HashMap<String, AuthorityFile>,
    clock: Arc<dyn Clock>,
    body_timeout: Duration,
    answer_max_age: Duration,
    signing: Arc<Semaphore>,
    meter: RequestMeter,
    answers: AnswerMeter,
}

/// The service behind the status listener; clones share everything.
#[derive(Clone)]
pub struct StatusService(Arc<Inner>);

impl StatusService {
    /// Serves from these sources and counts in these metrics.
    ///
    /// # Errors
    /// [`CertificateFault`] for a CA certificate that cannot be read.
    pub fn new(sources: StatusSources, metrics: &Metrics) -> Result<Self, CertificateFault> {
        Ok(Self(Arc::new(Inner {
            desk: sources.desk,
            lists: sources.lists,
            shelf: Shelf::new(sources.numbered),
            authorities: authority_files(sources.authorities)?,
            clock: sources.clock,
            body_timeout: sources.body_timeout,
            answer_max_age: sources.answer_max_age,
            signing: Arc::new(Semaphore::new(sources.signing_queue)),
            meter: RequestMeter::new(metrics, "status", &Route::WORDS),
            answers: AnswerMeter::new(metrics),
        })))
    }
}

impl Service<Request<Incoming>> for StatusService {
    type Response = Reply;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let (began, now) = (Instant::now(), inner.clock.now());
            let (route, rest) = Route::of(request.uri().path());
            let rest = rest.to_owned();
            let reply = inner.reply(route, &rest, request, now).await;
            inner.meter.record(route as usize, reply.status(), began.elapsed());
            Ok(reply)
        })
    }
}

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    OcspPost,
    OcspGet,
    List,
    Authority,
    Other,
}

impl Route {
    /// The words of the metrics, in the order of the variants.
    const WORDS: [&str; 5] = ["ocsp-post", "ocsp-get", "crl", "ca", "other"];

    /// The route of a path, with what the route does not say yet.
    fn of(path: &str) -> (Self, &str) {
        match path.strip_prefix(OCSP_PATH) {
            Some("" | "/") => return (Self::OcspPost, ""),
            Some(rest) if rest.starts_with('/') => return (Self::OcspGet, rest),
            _ => (),
        }
        if path.starts_with("/crl/") {
            (Self::List, path)
        } else if path.starts_with("/ca/") {
            (Self::Authority, path)
        } else {
            (Self::Other, path)
        }
    }
}

impl Inner {
    async fn reply(&self, route: Route, rest: &str, request: Request<Incoming>, now: UnixTime) -> Reply {
        if !names_its_host(&request) {
            return text(StatusCode::BAD_REQUEST, "a request of HTTP/1.1 has one Host header", now);
        }
        match route {
            Route::OcspPost if request.method() == Method::POST => self.ocsp_post(request, now).await,
            Route::OcspPost => method_not_allowed("POST", now),
            Route::OcspGet if is_read(request.method()) => self.ocsp_get(rest, &request, now).await,
            Route::List if is_read(request.method()) => self.list(&request, now).await,
            Route::Authority if is_read(request.method()) => self.authority(&request, now),
            Route::OcspGet | Route::List | Route::Authority => method_not_allowed("GET, HEAD", now),
            Route::Other => text(StatusCode::NOT_FOUND, "this listener has /ocsp, /crl/ and /ca/", now),
        }
    }
}

/// RFC 9112 §3.2: HTTP/1.1 without a Host, or with two, is refused. What it says does not matter: there is one service here,
/// and clients write it with the port and without. HTTP/1.0 needs none.
fn names_its_host(request: &Request<Incoming>) -> bool {
    match request.headers().get_all(HOST).iter().count() {
        0 => request.version() < Version::HTTP_11,
        count => count == 1,
    }
}
