//! Who may knock at the registration listener: mutual TLS under the access CA.
//!
//! The handshake proves that the client has the key of a certificate that the access CA signed and that is valid now.
//! Whether that certificate is admitted, and as whom, the store says at every request, so that a credential which is
//! switched off is out at once, open connections included.
//!
//! Why no resumption: a resumed session would skip the check of the certificate's validity, and a counter opens few
//! connections.

use std::{io, sync::Arc};

use ring::digest;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
        client::danger::HandshakeSignatureValid,
        crypto::ring::default_provider,
        pki_types::UnixTime as TlsTime,
        server::{
            NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier,
            danger::{ClientCertVerified, ClientCertVerifier},
        },
    },
    server::TlsStream,
};

use super::server::Handshake;
use crate::{
    signer::PrivateKey,
    x509::{UnixTime, certificate::CertificateView, extension, oid},
};

/// The name of HTTP/2 over TLS (RFC 9113 §3.2).
const HTTP_2: &[u8] = b"h2";

/// Why the listener cannot speak TLS.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The access CA's certificate is no trust anchor.
    #[error("the access CA's certificate cannot be used: {0}")]
    Authority(rustls::Error),
    /// The verifier of client certificates cannot be built.
    #[error("client certificates cannot be verified: {0}")]
    Verifier(#[from] VerifierBuilderError),
    /// The listener's certificate and key do not belong together, or cannot be used.
    #[error("the listener's certificate or key cannot be used: {0}")]
    Certificate(rustls::Error),
}

/// The certificate that a client proved to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    /// SHA-256 of its DER: the key of a credential in the store.
    pub fingerprint: [u8; 32],
    /// Its last instant; a connection may outlive it.
    pub not_after: UnixTime,
}

/// What webpki verifies, and that the certificate says it is for clients: webpki takes one that says nothing of its use (RFC 5280
/// §4.2.1.12 allows it), the access CA never makes one.
#[derive(Debug)]
struct ForClients(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for ForClients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: TlsTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.0.verify_client_cert(certificate, others, now)?;
        let view = CertificateView::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
        let wanted = extension::extended_key_usage(&[oid::CLIENT_AUTH]);
        match view.tbs.extension(oid::EXTENDED_KEY_USAGE) {
            Some(usage) if usage.value == wanted => Ok(verified),
            _ => Err(CertificateError::InvalidPurpose.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// TLS 1.2 or 1.3 with a client certificate of the access CA.
#[derive(Clone)]
pub struct Access(TlsAcceptor);

impl Access {
    /// Trusts `authority` (the access CA, DER) and shows `certificate` (DER) with its key.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn new(authority: &[u8], certificate: &[u8], key: &PrivateKey) -> Result<Self, AccessError> {
        let provider = Arc::new(default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority.to_vec())).map_err(AccessError::Authority)?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?;
        let chain = vec![CertificateDer::from(certificate.to_vec())];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.pkcs8().to_vec()));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(AccessError::Certificate)?
            .with_client_cert_verifier(Arc::new(ForClients(verifier)))
            .with_single_cert(chain, key)
            .map_err(AccessError::Certificate)?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![HTTP_2.to_vec(), b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

impl Handshake for Access {
    type Stream = TlsStream<TcpStream>;
    type Peer = PeerCertificate;

    async fn shake(&self, stream: TcpStream) -> io::Result<(Self::Stream, Self::Peer)> {
        let stream = self.0.accept(stream).await?;
        let (_, connection) = stream.get_ref();
        let first = connection.peer_certificates().and_then(<[_]>::first);
        let certificate = first.ok_or_else(|| io::Error::other("the client showed no certificate"))?;
        let peer = PeerCertificate::new(certificate).ok_or_else(|| io::Error::other("a certificate without end"))?;
        Ok((stream, peer))
    }

    fn speaks_http2(stream: &Self::Stream) -> bool {
        stream.get_ref().1.alpn_protocol() == Some(HTTP_2)
    }
}

impl PeerCertificate {
    fn new(der: &[u8]) -> Option<Self> {
        let fingerprint = digest::digest(&digest::SHA256, der).as_ref().try_into().ok()?;
        let not_after = CertificateView::from_der(der).ok()?.tbs.not_after;
        Some(Self { fingerprint, not_after })
    }
}
