//! OCSP over HTTP (RFC 6960 appendix A, RFC 5019 §5 and §6).
//!
//! An answer that is at hand, or that a quick key signs, is given where the request is read: nothing waits and nothing is
//! allocated for it. A slow key signs elsewhere; when too many wait for it, the reply is 503 with tryLater in it, and
//! Retry-After.

use std::{cell::RefCell, sync::Arc};

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, StatusCode,
    body::Body,
    header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};

use super::{
    Inner, StatusReply,
    body::Octets,
    memo::Memo,
    reply::{Version, cacheable, reply, uncached},
    signing::Signature,
};
use crate::{
    http::{
        ocsp_path,
        representation::{DateProves, Encoding, Freshness, Representation, is_conditional, text},
        server::{BodyError, read_body},
    },
    limits::OCSP_REQUEST_OCTETS,
    revocation::{
        answer::{Answer, Next},
        entity_tag::EntityTag,
    },
    x509::{
        UnixTime,
        ocsp::{ErrorStatus, error_response},
    },
};

const OCSP_REQUEST: &str = "application/ocsp-request";
const OCSP_RESPONSE: &str = "application/ocsp-response";

/// When to come again after too many asked at once: what waits then is signed in less.
const BUSY_RETRY_SECONDS: u16 = 1;

/// Octets of decoded requests that a thread keeps the memory for.
const SCRATCH_OCTETS: usize = 4 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static MEMO: RefCell<Memo<Given>> = const { RefCell::new(Memo::new()) };
}

/// An answer, or why there is none.
pub(super) type Answered = Result<Arc<Answer>, Unanswered>;

/// Why there is no signed answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// The request, or the service, is so that OCSP has an error for it.
    Error(ErrorStatus),
    /// Too many wait for a slow key, or it has not signed in time.
    Busy,
}

/// An answer with what its headers tell of it, if anyone may keep it.
#[derive(Clone)]
pub(super) struct Given {
    answer: Arc<Answer>,
    version: Option<Version>,
}

impl From<Arc<Answer>> for Given {
    fn from(answer: Arc<Answer>) -> Self {
        let version = answer.etag.map(|etag| Version::new(etag.as_str(), answer.this_update));
        Self { answer, version }
    }
}

/// How far one gets without waiting.
pub(super) enum Asked<T> {
    /// To the end.
    Now(Result<T, Unanswered>),
    /// To the queue before a slow key.
    Later(Signature),
}

impl Inner {
    pub(super) async fn ocsp_post<B>(&self, headers: HeaderMap, body: B, now: UnixTime) -> StatusReply
    where
        B: Body<Data = Bytes> + Unpin,
    {
        if !is_ocsp_request(&headers) {
            let sentence = format!("the body of a POST here is {OCSP_REQUEST}");
            return refuse_body(StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence, now);
        }
        match read_body(body, OCSP_REQUEST_OCTETS, self.body_timeout).await {
            Ok(body) => {
                let answered = match self.ask(&body, now) {
                    Asked::Now(answered) => answered,
                    Asked::Later(signature) => self.signed(signature).await,
                };
                match answered {
                    Ok(answer) => alone(headers, answer, now),
                    Err(why) => unanswered(headers, why, now),
                }
            }
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

    /// Asks what a path has in base64; a path that this thread has seen is not read again.
    pub(super) fn ask_in_path(&self, base64: &str, now: UnixTime) -> Asked<Given> {
        let known = MEMO.with_borrow(|memo| memo.find(base64, |given| self.desk.would_give(&given.answer, now)));
        if let Some(given) = known {
            self.answers.record(Ok(given.answer.first));
            return Asked::Now(Ok(given));
        }
        let asked = SCRATCH.with_borrow_mut(|scratch| {
            scratch.clear();
            scratch.shrink_to(SCRATCH_OCTETS);
            if ocsp_path::decode_into(base64, scratch) {
                self.ask(scratch, now)
            } else {
                Asked::Now(Err(Unanswered::Error(ErrorStatus::MalformedRequest)))
            }
        });
        match asked {
            Asked::Now(answered) => Asked::Now(answered.map(|answer| {
                let given = Given::from(answer);
                if given.version.is_some() {
                    MEMO.with_borrow_mut(|memo| memo.put(base64, given.clone()));
                }
                given
            })),
            Asked::Later(signature) => Asked::Later(signature),
        }
    }

    /// The reply to a GET or HEAD.
    pub(super) fn ocsp_got(
        &self,
        given: Result<Given, Unanswered>,
        method: &Method,
        headers: HeaderMap,
        now: UnixTime,
    ) -> StatusReply {
        let (answer, version) = match given {
            Ok(Given { answer, version: Some(version) }) => (answer, version),
            Ok(Given { answer, version: None }) => return alone(headers, answer, now),
            Err(why) => return unanswered(headers, why, now),
        };
        let expires = answer.next_update.min(now + self.answer_max_age);
        if !is_conditional(&headers) {
            return reply(cacheable(headers, version, expires, now), answer);
        }
        let representation = Representation {
            content_type: OCSP_RESPONSE,
            last_modified: answer.this_update,
            // A certificate may be good and revoked within one second, and who has the good answer must not hear "not
            // modified" then. The tag tells; and an answer is hardly longer than a 304.
            date_proves: DateProves::Nothing,
            freshness: Freshness::Until(expires),
            octets: Bytes::from(answer.der()).into(),
            encoding: Encoding::Only,
            etag: answer.etag.as_ref().map_or("", EntityTag::as_str),
            // A part of an answer tells nothing.
            ranges: false,
        };
        representation.reply(method, &headers, now).map(Octets::from)
    }

    /// Asks the desk; quick keys sign here, and slow ones on other threads, where no more wait than can be served soon.
    fn ask(&self, request: &[u8], now: UnixTime) -> Asked<Arc<Answer>> {
        Asked::Now(self.count(match self.desk.prepare(request, now) {
            Ok(Next::Give(answer)) => Ok(answer),
            Ok(Next::Sign(unsigned)) if unsigned.is_slow() => match self.signing.sign(unsigned) {
                Some(signature) => return Asked::Later(signature),
                None => Err(Unanswered::Busy),
            },
            Ok(Next::Sign(unsigned)) => self.desk.sign(unsigned).map_err(Unanswered::Error),
            Err(status) => Err(Unanswered::Error(status)),
        }))
    }

    /// Waits for a slow key, but not for one that hangs: whoever gives up leaves the queue.
    pub(super) async fn signed(&self, signature: Signature) -> Answered {
        self.count(match tokio::time::timeout(self.signature_wait, signature).await {
            Ok(signed) => signed.unwrap_or(Err(ErrorStatus::InternalError)).map_err(Unanswered::Error),
            Err(_) => Err(Unanswered::Busy),
        })
    }

    fn count(&self, answered: Answered) -> Answered {
        self.answers.record(answered.as_deref().map(|answer| answer.first).map_err(|why| why.status()));
        answered
    }
}

impl Unanswered {
    const fn status(self) -> ErrorStatus {
        match self {
            Self::Error(status) => status,
            Self::Busy => ErrorStatus::TryLater,
        }
    }
}

/// An error of OCSP, with HTTP status 200, as clients read only those; but 503 for who comes in a crowd, for what stands between
/// us and them reads only that.
fn unanswered(headers: HeaderMap, why: Unanswered, now: UnixTime) -> StatusReply {
    let octets = error_response(why.status());
    let mut reply = reply(uncached(headers, now), Bytes::from_static(octets));
    if why == Unanswered::Busy {
        *reply.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(BUSY_RETRY_SECONDS));
    }
    reply
}

/// An answer that belongs to this request alone.
fn alone(headers: HeaderMap, answer: Arc<Answer>, now: UnixTime) -> StatusReply {
    reply(uncached(headers, now), answer)
}

/// A refusal that leaves a body unread, so nothing more can come on the connection.
fn refuse_body(status: StatusCode, sentence: String, now: UnixTime) -> StatusReply {
    let mut reply = text(status, sentence, now).map(Octets::from);
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

/// Whether Content-Type is application/ocsp-request, in any case and with any parameters.
fn is_ocsp_request(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else { return false };
    if value == OCSP_REQUEST {
        return true;
    }
    let media_type = value.to_str().ok();
    let media_type = media_type.and_then(|value| value.split(';').next());
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case(OCSP_REQUEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_type_is_read_as_http_wants_it() {
        let says = |value: &'static str| {
            is_ocsp_request(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]))
        };
        assert!(says("application/ocsp-request") && says("Application/OCSP-Request; charset=binary"));
        assert!(!says("application/json") && !says("") && !is_ocsp_request(&HeaderMap::new()));
    }
}
