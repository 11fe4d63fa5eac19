//! A small HTTP client: JSON over mutual TLS to the registration listener, octets over HTTP for OCSP and lists.
//!
//! The demo and the command line speak to the service through it like any other client.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::Body,
    header::{ACCEPT, CONTENT_TYPE},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::Value;
use tokio::time::timeout;
use tokio_rustls::rustls::{
    self, ClientConfig, RootCertStore,
    crypto::ring::default_provider,
    sign::{CertifiedKey, SingleCertAndKey},
};

use crate::limits::{ANSWER_OCTETS, REQUEST_TIMEOUT};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The CA, the certificate or the key is no PEM of that kind.
    #[error("the {0} cannot be read: {1}")]
    Pem(&'static str, rustls_pki_types::pem::Error),
    /// Certificate and key cannot be used for TLS.
    #[error("the certificate or key cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    /// The URL or a header is none.
    #[error("the request cannot be made: {0}")]
    Request(#[from] hyper::http::Error),
    /// No connection, no handshake, or it broke; with the causes.
    #[error("{url} does not answer: {cause}")]
    Connection {
        /// What was asked.
        url: String,
        /// The chain of causes.
        cause: String,
    },
    /// No whole answer in time.
    #[error("{0} did not answer in time")]
    TimedOut(String),
    /// The answer is longer than the client takes: [`ANSWER_OCTETS`] unless it was told otherwise.
    #[error("the answer of {0} is too long")]
    TooLong(String),
    /// The answer is not JSON where JSON was asked for.
    #[error("the answer of {url} is no JSON ({status})")]
    NotJson {
        /// What was asked.
        url: String,
        /// The status it came with.
        status: StatusCode,
    },
}

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer<B> {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: B,
}

/// A client; clones share its connections.
#[derive(Clone)]
pub struct Client {
    inner: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    time: Duration,
    longest: usize,
}

impl Client {
    /// A client that trusts the servers of `ca` and shows `certificate` with its key; all PEM, the key PKCS#8.
    ///
    /// # Errors
    /// [`ClientError::Pem`], [`ClientError::Tls`].
    pub fn new(ca: &[u8], certificate: &[u8], key: &[u8]) -> Result<Self, ClientError> {
        let chain = CertificateDer::pem_slice_iter(certificate).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| ClientError::Pem("certificate", error))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| ClientError::Pem("key", error))?;
        let key = default_provider().key_provider.load_private_key(key)?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            // Of the certificates of cards rustls cannot tell: their certificatePolicies is critical, which it does not know.
            Ok(()) | Err(rustls::Error::InvalidCertificate(_)) => {}
            Err(other) => return Err(other.into()),
        }
        let resolver = Arc::new(SingleCertAndKey::from(certified));
        Ok(Self::with(trusting(Some(ca))?.with_client_cert_resolver(resolver)))
    }

    /// A client without a certificate: for the status listener, and with `ca` to see how the registration listener
    /// refuses strangers.
    ///
    /// # Errors
    /// As for [`Client::new`].
    pub fn anonymous(ca: Option<&[u8]>) -> Result<Self, ClientError> {
        Ok(Self::with(trusting(ca)?.with_no_client_auth()))
    }

    fn with(tls: ClientConfig) -> Self {
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        Self {
            inner: legacy::Client::builder(TokioExecutor::new()).build(connector),
            time: REQUEST_TIMEOUT * 2,
            longest: ANSWER_OCTETS,
        }
    }

    /// Waits no longer than that for an answer.
    #[must_use]
    pub fn within(self, time: Duration) -> Self {
        Self { time, ..self }
    }

    /// Takes answers of so many octets.
    #[must_use]
    pub fn taking(self, longest: usize) -> Self {
        Self { longest, ..self }
    }

    /// POSTs JSON under an `Idempotency-Key` and gives the JSON that comes back, problems included.
    ///
    /// # Errors
    /// [`ClientError`] where no JSON came back.
    pub async fn post_json(&self, url: &str, key: &str, body: &Value) -> Result<Answer<Value>, ClientError> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(url)
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", key)
            .body(Full::from(body.to_string()))?;
        json(url, self.send(request).await?)
    }

    /// GETs JSON.
    ///
    /// # Errors
    /// As for [`Client::post_json`].
    pub async fn get_json(&self, url: &str) -> Result<Answer<Value>, ClientError> {
        json(url, self.get(url).await?)
    }

    /// GETs octets.
    ///
    /// # Errors
    /// [`ClientError`] where no answer came.
    pub async fn get(&self, url: &str) -> Result<Answer<Bytes>, ClientError> {
        self.send(Request::get(url).header(ACCEPT, "*/*").body(Full::default())?).await
    }

    /// POSTs octets.
    ///
    /// # Errors
    /// [`ClientError`] where no answer came.
    pub async fn post(
        &self,
        url: &str,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> Result<Answer<Bytes>, ClientError> {
        self.send(Request::post(url).header(CONTENT_TYPE, content_type).body(Full::new(body.into()))?).await
    }

    /// Sends any request.
    ///
    /// # Errors
    /// [`ClientError`] where no answer came.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer<Bytes>, ClientError> {
        let url = request.uri().to_string();
        timeout(self.time, self.exchange(request, &url)).await.map_err(|_| ClientError::TimedOut(url))?
    }

    async fn exchange(&self, request: Request<Full<Bytes>>, url: &str) -> Result<Answer<Bytes>, ClientError> {
        let broken = |error: &dyn std::error::Error| ClientError::Connection { url: url.into(), cause: causes(error) };
        let (head, body) = self.inner.request(request).await.map_err(|error| broken(&error))?.into_parts();
        if body.size_hint().lower() > self.longest as u64 {
            return Err(ClientError::TooLong(url.into()));
        }
        let body = Limited::new(body, self.longest).collect().await.map_err(|error| match error {
            long if long.is::<LengthLimitError>() => ClientError::TooLong(url.into()),
            error => broken(&*error),
        })?;
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
    }
}

/// The address of a listener from the same machine: of one that listens everywhere, on the loopback.
#[must_use]
pub fn reachable(mut listener: SocketAddr) -> SocketAddr {
    if listener.ip().is_unspecified() {
        listener.set_ip(match listener {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    listener
}

type Trusting = rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

fn trusting(ca: Option<&[u8]>) -> Result<Trusting, ClientError> {
    let mut roots = RootCertStore::empty();
    for certificate in ca.into_iter().flat_map(CertificateDer::pem_slice_iter) {
        roots.add(certificate.map_err(|error| ClientError::Pem("CA", error))?)?;
    }
    let builder = ClientConfig::builder_with_provider(default_provider().into());
    Ok(builder
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_root_certificates(roots))
}

fn json(url: &str, answer: Answer<Bytes>) -> Result<Answer<Value>, ClientError> {
    let Answer { status, headers, body } = answer;
    match serde_json::from_slice(&body) {
        Ok(body) => Ok(Answer { status, headers, body }),
        Err(_) => Err(ClientError::NotJson { url: url.into(), status }),
    }
}

/// An error with all that caused it, for hyper's own text stops at the first.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
    };

    use super::*;

    #[tokio::test]
    async fn an_answer_is_taken_up_to_the_length_that_the_client_was_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map(Result::unwrap) {
                let _ = stream.read(&mut [0; 1024]).unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n0123456789").unwrap();
            }
        });
        let client = Client::anonymous(None).unwrap();
        assert_eq!(client.clone().taking(10).get(&url).await.unwrap().body.len(), 10);
        assert!(matches!(client.taking(9).get(&url).await, Err(ClientError::TooLong(_))));
    }

    #[test]
    fn a_listener_on_every_address_is_reached_on_this_machine() {
        for (listen, reached) in
            [("0.0.0.0:8443", "127.0.0.1:8443"), ("[::]:8443", "[::1]:8443"), ("192.0.2.1:8443", "192.0.2.1:8443")]
        {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), reached);
        }
    }
}
