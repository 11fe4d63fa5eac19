//! The status listener: OCSP, lists and CA certificates, for anyone.
//!
//! | resource | methods | cached |
//! |---|---|---|
//! | `/ocsp` | POST `application/ocsp-request` | never |
//! | `/ocsp/{base64}` | GET, HEAD (RFC 6960 A.1) | up to nextUpdate, unless it has a nonce or was never issued |
//! | `/crl/…` | GET, HEAD | up to an hour, never past nextUpdate |
//! | `/ca/…` | GET, HEAD | up to an hour |
//!
//! A list past its nextUpdate is not served: a client that cannot get a list knows that it knows nothing, and one that
//! gets a stale list may not look at its dates. What is no OCSP request gets the OCSP answer malformedRequest with HTTP
//! status 200, as clients read only those (RFC 6960 A.2).

use std::{
    collections::HashMap,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::Incoming,
    header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
    service::Service,
};
use ring::digest;
use tokio::sync::Semaphore;

use super::{
    metrics::{AnswerMeter, Metrics, RequestMeter},
    ocsp_path,
    representation::{Reply, Representation, is_read, method_not_allowed, text, uncached},
    server::{BodyError, read_body},
};
use crate::{
    kind::Kind,
    limits::{DELTA_MAX_AGE, FILE_MAX_AGE, OCSP_REQUEST_OCTETS, OCSP_SIGNING_QUEUE, REQUEST_TIMEOUT},
    ports::{AuthorityRecord, Clock},
    profile::locations::{OCSP_PATH, ca_path, crl_path},
    revocation::{
        answer::{Answer, AnswerDesk, Next},
        lists::{ListKey, PublishedList, PublishedLists},
    },
    scope::CrlScope,
    x509::{
        CertificateFault, CertificateView, UnixTime,
        ocsp::{ErrorStatus, error_response},
    },
};

const OCSP_REQUEST: &str = "application/ocsp-request";
const OCSP_RESPONSE: &str = "application/ocsp-response";
const PKIX_CRL: &str = "application/pkix-crl";
const PKIX_CERT: &str = "application/pkix-cert";

/// What the status listener serves from.
pub struct StatusSources {
    /// OCSP.
    pub desk: Arc<AnswerDesk>,
    /// The lists.
    pub lists: Arc<PublishedLists>,
    /// Every generation of both CAs.
    pub authorities: Vec<AuthorityRecord>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How long a client may take for its body.
    pub body_timeout: Duration,
    /// How long a cache may keep the answer to an OCSP GET, at most until its nextUpdate: the longest that a revocation
    /// stays unseen by those who ask through one.
    pub answer_max_age: Duration,
}

impl StatusSources {
    /// Sources with the usual bound on the time of a body, whose answers caches may keep for their whole life.
    #[must_use]
    pub fn new(
        desk: Arc<AnswerDesk>,
        lists: Arc<PublishedLists>,
        authorities: Vec<AuthorityRecord>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { desk, lists, authorities, clock, body_timeout: REQUEST_TIMEOUT, answer_max_age: Duration::MAX }
    }
}

/// A CA certificate, ready to send.
struct AuthorityFile {
    der: Bytes,
    etag: String,
    not_before: UnixTime,
}

struct Inner {
    desk: Arc<AnswerDesk>,
    lists: Arc<PublishedLists>,
    authorities: HashMap<String, AuthorityFile>,
    clock: Arc<dyn Clock>,
    body_timeout: Duration,
    answer_max_age: Duration,
    signing: Semaphore,
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
        let file = |record: AuthorityRecord| {
            let not_before = CertificateView::from_der(&record.certificate)?.tbs.not_before;
            let head: String = digest::digest(&digest::SHA256, &record.certificate).as_ref()[..16]
                .iter()
                .map(|octet| format!("{octet:02x}"))
                .collect();
            let file = AuthorityFile { der: record.certificate.into(), etag: format!("\"{head}\""), not_before };
            Ok((ca_path(record.kind, record.generation), file))
        };
        Ok(Self(Arc::new(Inner {
            desk: sources.desk,
            lists: sources.lists,
            authorities: sources.authorities.into_iter().map(file).collect::<Result<_, CertificateFault>>()?,
            clock: sources.clock,
            body_timeout: sources.body_timeout,
            answer_max_age: sources.answer_max_age,
            signing: Semaphore::new(OCSP_SIGNING_QUEUE),
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
        match route {
            Route::OcspPost if request.method() == Method::POST => self.ocsp_post(request, now).await,
            Route::OcspPost => method_not_allowed("POST", now),
            Route::OcspGet if is_read(request.method()) => self.ocsp_get(rest, request.headers(), now).await,
            Route::List | Route::Authority if is_read(request.method()) => self.file(rest, request.headers(), now),
            Route::OcspGet | Route::List | Route::Authority => method_not_allowed("GET, HEAD", now),
            Route::Other => text(StatusCode::NOT_FOUND, "this listener has /ocsp, /crl/ and /ca/", now),
        }
    }

    async fn ocsp_post(&self, request: Request<Incoming>, now: UnixTime) -> Reply {
        if !is_ocsp_request(request.headers()) {
            let sentence = format!("the body of a POST here is {OCSP_REQUEST}");
            return refuse_body(StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence, now);
        }
        match read_body(request.into_body(), OCSP_REQUEST_OCTETS, self.body_timeout).await {
            Ok(body) => match self.answer(&body, now).await {
                Ok(answer) => uncached(StatusCode::OK, OCSP_RESPONSE, octets(answer), now),
                Err(status) => ocsp_error(status, now),
            },
            Err(error) => {
                let status = match error {
                    BodyError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
                    BodyError::TooSlow => StatusCode::REQUEST_TIMEOUT,
                    BodyError::Broken => StatusCode::BAD_REQUEST,
                };
                refuse_body(status, error.to_string(), now)
            }
        }
    }

    async fn ocsp_get(&self, base64: &str, headers: &HeaderMap, now: UnixTime) -> Reply {
        let Some(request) = ocsp_path::decode(base64) else { return ocsp_error(ErrorStatus::MalformedRequest, now) };
        match self.answer(&request, now).await {
            Ok(answer) => match answer.etag.clone() {
                Some(etag) => {
                    let last_modified = answer.this_update;
                    let expires = answer.next_update.min(now + self.answer_max_age);
                    let (content_type, octets) = (OCSP_RESPONSE, octets(answer));
                    Representation { content_type, octets, etag: &etag, last_modified, expires }.reply(headers, now)
                }
                None => uncached(StatusCode::OK, OCSP_RESPONSE, octets(answer), now),
            },
            Err(status) => ocsp_error(status, now),
        }
    }

    /// The answer to a request; slow keys sign on other threads, and no more wait for them than can be served soon.
    async fn answer(&self, request: &[u8], now: UnixTime) -> Result<Arc<Answer>, ErrorStatus> {
        let answer = match self.desk.prepare(request, now) {
            Ok(Next::Give(answer)) => Ok(answer),
            Ok(Next::Sign(unsigned)) if unsigned.is_slow() => match self.signing.try_acquire() {
                Ok(_place) => {
                    let desk = Arc::clone(&self.desk);
                    let signed = tokio::task::spawn_blocking(move || desk.sign(unsigned)).await;
                    signed.unwrap_or(Err(ErrorStatus::InternalError))
                }
                Err(_) => Err(ErrorStatus::TryLater),
            },
            Ok(Next::Sign(unsigned)) => self.desk.sign(unsigned),
            Err(status) => Err(status),
        };
        self.answers.record(answer.as_deref().map(|answer| answer.first).map_err(|status| *status));
        answer
    }

    fn file(&self, path: &str, headers: &HeaderMap, now: UnixTime) -> Reply {
        if let Some(file) = self.authorities.get(path) {
            let expires = now + FILE_MAX_AGE;
            let (octets, etag, last_modified) = (file.der.clone(), file.etag.as_str(), file.not_before);
            return Representation { content_type: PKIX_CERT, octets, etag, last_modified, expires }
                .reply(headers, now);
        }
        let found = list_key(path).and_then(|key| Some((key, self.lists.find(&key)?)));
        let Some((key, list)) = found else {
            return text(StatusCode::NOT_FOUND, "there is no such list or certificate", now);
        };
        if list.next_update <= now {
            let sentence = format!("the list ended {} and its successor is not published yet", list.next_update);
            let mut reply = text(StatusCode::SERVICE_UNAVAILABLE, sentence, now);
            reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
            return reply;
        }
        let etag = list.etag.clone();
        let longest = if key.2.is_delta() { DELTA_MAX_AGE } else { FILE_MAX_AGE };
        let (last_modified, expires) = (list.this_update, list.next_update.min(now + longest));
        let octets = Bytes::from_owner(Served(list));
        Representation { content_type: PKIX_CRL, octets, etag: &etag, last_modified, expires }.reply(headers, now)
    }
}

/// Shared octets that are sent without being copied.
struct Served<T>(Arc<T>);

impl AsRef<[u8]> for Served<PublishedList> {
    fn as_ref(&self) -> &[u8] {
        &self.0.der
    }
}

impl AsRef<[u8]> for Served<Answer> {
    fn as_ref(&self) -> &[u8] {
        &self.0.der
    }
}

fn octets(answer: Arc<Answer>) -> Bytes {
    Bytes::from_owner(Served(answer))
}

fn ocsp_error(status: ErrorStatus, now: UnixTime) -> Reply {
    uncached(StatusCode::OK, OCSP_RESPONSE, Bytes::from_static(error_response(status)), now)
}

/// A refusal that leaves a body unread, so nothing more can come on the connection.
fn refuse_body(status: StatusCode, sentence: String, now: UnixTime) -> Reply {
    let mut reply = text(status, sentence, now);
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

/// Whether Content-Type is application/ocsp-request, in any case and with any parameters.
fn is_ocsp_request(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|value| value.split(';').next());
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case(OCSP_REQUEST))
}

/// The key of a list's path, if it is written as certificates carry it.
fn list_key(path: &str) -> Option<ListKey> {
    let mut parts = path.strip_prefix("/crl/")?.strip_suffix(".crl")?.split('/');
    let kind: Kind = parts.next()?.parse().ok()?;
    let second = parts.next()?;
    let (generation, word) = match parts.next() {
        Some(word) => (second.parse().ok()?, word),
        None => (1, second),
    };
    let scope = CrlScope::from_word(word)?;
    (crl_path(kind, generation, &scope) == path).then_some((kind, generation, scope))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_paths_are_read_as_certificates_carry_them() {
        let place = CrlScope::Municipality("13115".parse().unwrap());
        assert_eq!(list_key("/crl/sign/13115.crl"), Some((Kind::Sign, 1, place)));
        assert_eq!(list_key("/crl/auth/2/full.crl"), Some((Kind::Auth, 2, CrlScope::Full)));
        for bad in [
            "/crl/sign/1/full.crl",
            "/crl/sign/02/full.crl",
            "/crl/sign/300/full.crl",
            "/crl/sign/full",
            "/crl/both/full.crl",
            "/crl/sign/../full.crl",
            "/crl/sign//full.crl",
            "/crl/sign/2/2/full.crl",
            "/crl/",
        ] {
            assert_eq!(list_key(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_media_type_is_read_as_http_wants_it() {
        let says = |value: &'static str| {
            is_ocsp_request(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]))
        };
        assert!(says("application/ocsp-request") && says("Application/OCSP-Request; charset=binary"));
        assert!(!says("application/json") && !says("") && !is_ocsp_request(&HeaderMap::new()));
    }
}
