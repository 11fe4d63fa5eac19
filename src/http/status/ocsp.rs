//! OCSP over HTTP (RFC 6960 appendix A, RFC 5019 §5 and §6).

use std::sync::Arc;

use bytes::Bytes;
use hyper::{
    HeaderMap, Request, StatusCode,
    body::Incoming,
    header::{CONNECTION, CONTENT_TYPE, HeaderValue},
};

use super::Inner;
use crate::{
    http::{
        ocsp_path,
        representation::{DateProves, Encoding, Freshness, Reply, Representation, text, uncached},
        server::{BodyError, read_body},
    },
    limits::OCSP_REQUEST_OCTETS,
    revocation::answer::{Answer, Next},
    x509::{
        UnixTime,
        ocsp::{ErrorStatus, error_response},
    },
};

const OCSP_REQUEST: &str = "application/ocsp-request";
const OCSP_RESPONSE: &str = "application/ocsp-response";

impl Inner {
    pub(super) async fn ocsp_post(&self, request: Request<Incoming>, now: UnixTime) -> Reply {
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

    pub(super) async fn ocsp_get(&self, base64: &str, request: &Request<Incoming>, now: UnixTime) -> Reply {
        let Some(asked) = ocsp_path::decode(base64) else { return ocsp_error(ErrorStatus::MalformedRequest, now) };
        let answer = match self.answer(&asked, now).await {
            Ok(answer) => answer,
            Err(status) => return ocsp_error(status, now),
        };
        let Some(etag) = answer.etag.clone() else {
            return uncached(StatusCode::OK, OCSP_RESPONSE, octets(answer), now);
        };
        let representation = Representation {
            content_type: OCSP_RESPONSE,
            last_modified: answer.this_update,
            // A certificate may be good and revoked within one second, and who has the good answer must not hear "not
            // modified" then. The tag tells; and an answer is hardly longer than a 304.
            date_proves: DateProves::Nothing,
            freshness: Freshness::Until(answer.next_update.min(now + self.answer_max_age)),
            octets: octets(answer).into(),
            encoding: Encoding::Only,
            etag: &etag,
            // A part of an answer tells nothing.
            ranges: false,
        };
        representation.reply(request.method(), request.headers(), now)
    }

    /// The answer to a request; slow keys sign on other threads, and no more wait for them than can be served soon.
    async fn answer(&self, request: &[u8], now: UnixTime) -> Result<Arc<Answer>, ErrorStatus> {
        let answer = match self.desk.prepare(request, now) {
            Ok(Next::Give(answer)) => Ok(answer),
            Ok(Next::Sign(unsigned)) if unsigned.is_slow() => match Arc::clone(&self.signing).try_acquire_owned() {
                Ok(place) => {
                    let desk = Arc::clone(&self.desk);
                    let sign = move || {
                        // The place is given back when the key has signed, also if nobody waits for it any more.
                        let _place = place;
                        desk.sign(unsigned)
                    };
                    let signed = tokio::task::spawn_blocking(sign).await;
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
}

/// An answer that is sent without being copied.
struct Served(Arc<Answer>);

impl AsRef<[u8]> for Served {
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
