//! The limit of HTTP: a constant answer on the same server.

use std::{convert::Infallible, hint::black_box, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Response,
    body::Incoming,
    header::{HeaderName, HeaderValue},
    service::service_fn,
};
use jitsuin::{
    http::server::{Bounds, Shutdown, Workers, read_body},
    limits::{OCSP_REQUEST_OCTETS, REQUEST_TIMEOUT},
    ports::Signer,
    signer::SoftwareSigner,
};

/// Octets that a signing constant signs: as many as the ResponseData that is signed for a nonce.
pub(crate) const TBS_OCTETS: usize = 230;

/// Serves those octets with those headers to whoever asks for whatever; with a signer, signs something each time.
pub(crate) fn start(
    headers: HeaderMap,
    body: Vec<u8>,
    signer: Option<Arc<SoftwareSigner>>,
    shutdown: &Shutdown,
) -> Workers {
    let body = Bytes::from(body);
    let make = move |()| {
        let (headers, body, signer) = (headers.clone(), body.clone(), signer.clone());
        service_fn(move |request: Request<Incoming>| {
            let (headers, body, signer) = (headers.clone(), body.clone(), signer.clone());
            async move {
                if request.method() == Method::POST {
                    read_body(request.into_body(), OCSP_REQUEST_OCTETS, REQUEST_TIMEOUT).await.unwrap();
                }
                if let Some(signer) = signer {
                    black_box(signer.sign(&[7; TBS_OCTETS]).unwrap());
                }
                let mut reply = Response::new(Full::new(body));
                *reply.headers_mut() = headers;
                Ok::<_, Infallible>(reply)
            }
        })
    };
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    Workers::start(address, 1, make, Bounds::default(), shutdown).unwrap()
}

/// The headers of a reply, as they came.
pub(crate) fn headers(head: &str) -> HeaderMap {
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let field =
        |(name, value): (&str, &str)| (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
    fields.map(field).collect()
}
