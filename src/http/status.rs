//! The status listener: OCSP, lists and CA certificates, for anyone.
//!
//! | resource | methods | cached |
//! |---|---|---|
//! | `/ocsp` | POST `application/ocsp-request` | never |
//! | `/ocsp/{base64}` | GET, HEAD (RFC 6960 A.1) | up to nextUpdate, unless it has a nonce or was never issued |
//! | `/crl/{sign,auth}/{scope}.crl` | GET, HEAD, ranges; in gzip for who asks | up to an hour (a delta: a minute), never past nextUpdate |
//! | `/crl/{sign,auth}/{scope}/{number}.crl` | GET, HEAD, ranges | for ever: that number is that list |
//! | `/crl/access.crl` | GET, HEAD, ranges | up to a minute: the list of revoked clients of the registration listener |
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
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use hyper::{
    Method, Request, Response, StatusCode, Version, body::Body, header::HOST, http::request::Parts, service::Service,
};

use self::{
    body::Octets,
    files::{AuthorityFile, authority_files},
    numbered::Shelf,
    ocsp::{Asked, Given},
    path::ListPath,
    signing::SigningPool,
};
use super::{
    access::AccessLists,
    metrics::{AnswerMeter, Metrics, RequestMeter},
    representation::{is_read, method_not_allowed, text},
};
use crate::{
    limits::{OCSP_SIGNATURE_WAIT, OCSP_SIGNING_QUEUE, REQUEST_TIMEOUT},
    ports::{AuthorityRecord, Clock, CrlRecord, StoreError},
    profile::locations::OCSP_PATH,
    revocation::{
        answer::AnswerDesk,
        lists::{ListKey, PublishedLists},
    },
    x509::{CertificateFault, UnixTime},
};

mod body;
mod files;
mod memo;
mod numbered;
mod ocsp;
mod path;
mod reply;
mod signing;

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
    /// The access CA's list; without it there is none.
    pub access_list: Option<AccessLists>,
    /// Every generation of both CAs.
    pub authorities: Vec<AuthorityRecord>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How long a client may take for its body.
    pub body_timeout: Duration,
    /// How long a cache may keep the answer to an OCSP GET, at most until its nextUpdate: the longest that a revocation
    /// stays unseen by those who ask through one.
    pub answer_max_age: Duration,
    /// OCSP answers that may wait for a slow key; further ones are 503 with tryLater.
    pub signing_queue: usize,
    /// How long one waits for it; after that it is 503 with tryLater too.
    pub signature_wait: Duration,
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
            access_list: None,
            authorities,
            clock,
            body_timeout: REQUEST_TIMEOUT,
            answer_max_age: Duration::MAX,
            signing_queue: OCSP_SIGNING_QUEUE,
            signature_wait: OCSP_SIGNATURE_WAIT,
        }
    }
}

struct Inner {
    desk: Arc<AnswerDesk>,
    lists: Arc<PublishedLists>,
    shelf: Shelf,
    access_list: Option<AccessLists>,
    authorities: HashMap<String, AuthorityFile>,
    clock: Arc<dyn Clock>,
    body_timeout: Duration,
    answer_max_age: Duration,
    signature_wait: Duration,
    signing: SigningPool,
    meter: RequestMeter,
    answers: AnswerMeter,
}

/// What the status listener answers with.
pub type StatusReply = Response<Octets>;

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
            signing: SigningPool::new(Arc::clone(&sources.desk), sources.signing_queue),
            desk: sources.desk,
            lists: sources.lists,
            shelf: Shelf::new(sources.numbered),
            access_list: sources.access_list,
            authorities: authority_files(sources.authorities)?,
            clock: sources.clock,
            body_timeout: sources.body_timeout,
            answer_max_age: sources.answer_max_age,
            signature_wait: sources.signature_wait,
            meter: RequestMeter::new(metrics, "status", &Route::WORDS),
            answers: AnswerMeter::new(metrics),
        })))
    }
}

impl<B> Service<Request<B>> for StatusService
where
    B: Body<Data = Bytes> + Unpin + Send + 'static,
{
    type Response = StatusReply;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<B>) -> Answering {
        let (began, now) = (Instant::now(), self.0.clock.now());
        let (parts, body) = request.into_parts();
        let (route, rest) = Route::of(parts.uri.path());
        let done = |reply: StatusReply| {
            // On this way not even the count of who shares `Inner` is touched: every core would want it.
            self.0.meter.record(route as usize, reply.status(), began.elapsed());
            Answering(Step::Done(Some(reply)))
        };
        let inner = || Arc::clone(&self.0);
        match route {
            Route::OcspGet | Route::List if !is_read(&parts.method) || !names_its_host(&parts) => {}
            Route::OcspGet => {
                let signature = match self.0.ask_in_path(rest, now) {
                    Asked::Now(given) => return done(self.0.ocsp_got(given, &parts.method, parts.headers, now)),
                    Asked::Later(signature) => signature,
                };
                let inner = inner();
                return Answering::wait(async move {
                    let given = inner.signed(signature).await.map(Given::from);
                    let reply = inner.ocsp_got(given, &parts.method, parts.headers, now);
                    inner.meter.record(route as usize, reply.status(), began.elapsed());
                    reply
                });
            }
            Route::List => {
                if let Some(ListPath { key, number: None }) = ListPath::parse(rest) {
                    return done(self.0.current(key, &parts.method, parts.headers, now));
                }
            }
            Route::OcspPost | Route::Authority | Route::Other => {}
        }
        let inner = inner();
        Answering::wait(async move {
            let reply = inner.reply(route, parts, body, now).await;
            inner.meter.record(route as usize, reply.status(), began.elapsed());
            reply
        })
    }
}

/// A reply that is there, or is being made.
pub struct Answering(Step);

enum Step {
    Done(Option<StatusReply>),
    Wait(Pin<Box<dyn Future<Output = StatusReply> + Send>>),
}

impl Answering {
    fn wait(reply: impl Future<Output = StatusReply> + Send + 'static) -> Self {
        Self(Step::Wait(Box::pin(reply)))
    }
}

impl Future for Answering {
    type Output = Result<StatusReply, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Step::Done(reply) => Poll::Ready(Ok(reply.take().expect("a future is not polled after its end"))),
            Step::Wait(reply) => reply.as_mut().poll(context).map(Ok),
        }
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
    async fn reply<B>(&self, route: Route, parts: Parts, body: B, now: UnixTime) -> StatusReply
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let reply = match route {
            _ if !names_its_host(&parts) => {
                text(StatusCode::BAD_REQUEST, "a request of HTTP/1.1 has one Host header", now)
            }
            Route::OcspPost if parts.method == Method::POST => return self.ocsp_post(parts.headers, body, now).await,
            Route::OcspPost => method_not_allowed("POST", now),
            Route::List if is_read(&parts.method) => return self.list(parts, now).await,
            Route::Authority if is_read(&parts.method) => self.authority(&parts, now),
            Route::OcspGet | Route::List | Route::Authority => method_not_allowed("GET, HEAD", now),
            Route::Other => text(StatusCode::NOT_FOUND, "this listener has /ocsp, /crl/ and /ca/", now),
        };
        reply.map(Octets::from)
    }
}

/// RFC 9112 §3.2: HTTP/1.1 without a Host, or with two, is refused. What it says does not matter: there is one service here,
/// and clients write it with the port and without. HTTP/1.0 needs none.
fn names_its_host(parts: &Parts) -> bool {
    match parts.headers.get_all(HOST).iter().count() {
        0 => parts.version != Version::HTTP_11,
        count => count == 1,
    }
}
