//! The limit of HTTP: a constant answer on the same server.

use std::{convert::Infallible, net::SocketAddr};

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
};

/// Serves those octets with those headers to whoever asks for whatever.
pub(crate) fn start(headers: HeaderMap, body: Vec<u8>, shutdown: &Shutdown) -> Workers {
    let body = Bytes::from(body);
    let make = move |()| {
        let (headers, body) = (headers.clone(), body.clone());
        service_fn(move |request: Request<Incoming>| {
            let (headers, body) = (headers.clone(), body.clone());
            async move {
                if request.method() == Method::POST {
                    read_body(request.into_body(), OCSP_REQUEST_OCTETS, REQUEST_TIMEOUT).await.unwrap();
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
    let field = |(name, value): (&str, &str)| {
        (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap())
    };
    fields.map(field).collect()
}
