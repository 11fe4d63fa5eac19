//! Who may knock: at the registration listener by mutual TLS under the access CA, at the holders' under the CA of their cards.
//!
//! The handshake proves that the client has the key of a certificate that the access CA signed and that is valid now.
//! Whether that certificate is admitted, and as whom, the store says at every request, so that a credential which is
//! revoked is out at once, open connections included.
//!
//! The handshake is held against the access CA's list besides: who is on it gets no connection. A list that is not there, that
//! cannot be read or whose time is over lets nobody in, for nobody can tell then who is revoked. Each new list gets a verifier of
//! its own, made by the first handshake that meets it; handshakes under way end as they began.
//!
//! Holders, who show the AUTH certificates of their cards, have a listener of their own (`citizens`): whoever comes to one of the two
//! never gets as far as a request of the other.
//!
//! Why no resumption: a resumed session would skip the check of the certificate's validity, and a counter opens few
//! connections.

use std::{
    fmt, io,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use ring::digest;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
        client::danger::HandshakeSignatureValid,
        crypto::{CryptoProvider, ring::default_provider},
        pki_types::UnixTime as TlsTime,
        server::{
            NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier,
            danger::{ClientCertVerified, ClientCertVerifier},
        },
    },
    server::TlsStream,
};

use self::citizens::Citizens;
use super::server::Handshake;
use crate::{
    ports::AccessListRecord,
    signer::PrivateKey,
    x509::{Serial, UnixTime, certificate::CertificateView, extension, oid},
};

mod citizens;

/// The name of HTTP/2 over TLS (RFC 9113 §3.2).
const HTTP_2: &[u8] = b"h2";

/// Gives the access CA's list that handshakes are held against, or why there is none that can be relied on.
pub type AccessLists = Arc<dyn Fn() -> Result<Arc<AccessListRecord>, String> + Send + Sync>;

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
    /// At the holders' listener: its serial number, for it is the AUTH certificate of a card.
    pub holder: Option<Serial>,
}

/// What webpki verifies, and that the certificate says it is for clients: webpki takes one that says nothing of its use (RFC 5280
/// §4.2.1.12 allows it), the access CA never makes one.
struct ForClients {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
    /// Knows no list, and is asked nothing that a list would matter for.
    plain: Arc<dyn ClientCertVerifier>,
    lists: AccessLists,
    /// The verifier that holds certificates against the list which stood last.
    listed: RwLock<Option<Listed>>,
    /// Why nobody is let in, as it was logged last.
    told: Mutex<Option<String>>,
}

#[derive(Clone)]
struct Listed {
    list: Arc<AccessListRecord>,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl fmt::Debug for ForClients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForClients").field("plain", &self.plain).finish_non_exhaustive()
    }
}

impl ForClients {
    fn new(roots: RootCertStore, provider: Arc<CryptoProvider>, lists: AccessLists) -> Result<Self, AccessError> {
        let roots = Arc::new(roots);
        let plain = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider)).build()?;
        Ok(Self { roots, provider, plain, lists, listed: RwLock::default(), told: Mutex::default() })
    }

    /// The verifier for the list that stands now.
    fn listed(&self) -> Result<Arc<dyn ClientCertVerifier>, rustls::Error> {
        let list = (self.lists)().map_err(|cause| self.shut(cause))?;
        let known = self.listed.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known.filter(|known| Arc::ptr_eq(&known.list, &list)) {
            return Ok(known.verifier);
        }
        let der = CertificateRevocationListDer::from(list.der.clone());
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.roots), Arc::clone(&self.provider));
        let verifier = builder
            .with_crls([der])
            .build()
            .map_err(|error| self.shut(format!("the access CA's list {} cannot be used: {error}", list.number)))?;
        let listed = Listed { list, verifier: Arc::clone(&verifier) };
        *self.listed.write().unwrap_or_else(PoisonError::into_inner) = Some(listed);
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(verifier)
    }

    /// Nobody is let in. The log has the cause once, however many knock.
    fn shut(&self, cause: String) -> rustls::Error {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref() != Some(&cause) {
            tracing::error!(cause, "no client is let in: who is revoked cannot be told");
            *told = Some(cause);
        }
        CertificateError::UnknownRevocationStatus.into()
    }
}

impl ClientCertVerifier for ForClients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.plain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: TlsTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.listed()?.verify_client_cert(certificate, others, now)?;
        let view = CertificateView::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
        check_usage(&view).map(|()| verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.plain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.plain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.plain.supported_verify_schemes()
    }
}

/// TLS 1.2 or 1.3 with a client certificate.
#[derive(Clone)]
pub struct Access {
    acceptor: TlsAcceptor,
    is_for_holders: bool,
}

impl Access {
    /// Trusts `authority` (the access CA, DER) for whom `lists` does not revoke, and shows `certificate` (DER) with its key.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn new(
        authority: &[u8],
        (certificate, key): (&[u8], &PrivateKey),
        lists: AccessLists,
    ) -> Result<Self, AccessError> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority.to_vec())).map_err(AccessError::Authority)?;
        let verifier = ForClients::new(roots, Arc::new(default_provider()), lists)?;
        Ok(Self { acceptor: acceptor(Arc::new(verifier), (certificate, key))?, is_for_holders: false })
    }

    /// Trusts the generations of the CA for user authentication (DER) for holders, and shows `certificate` (DER) with its key.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn for_holders(generations: &[Vec<u8>], (certificate, key): (&[u8], &PrivateKey)) -> Result<Self, AccessError> {
        let verifier = Citizens::new(generations, default_provider().signature_verification_algorithms)?;
        Ok(Self { acceptor: acceptor(Arc::new(verifier), (certificate, key))?, is_for_holders: true })
    }
}

fn acceptor(
    verifier: Arc<dyn ClientCertVerifier>,
    (certificate, key): (&[u8], &PrivateKey),
) -> Result<TlsAcceptor, AccessError> {
    let chain = vec![CertificateDer::from(certificate.to_vec())];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.pkcs8().to_vec()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(AccessError::Certificate)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(AccessError::Certificate)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![HTTP_2.to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Whether a certificate says that it is for clients and for nothing else.
fn check_usage(certificate: &CertificateView<'_>) -> Result<(), rustls::Error> {
    let wanted = extension::extended_key_usage(&[oid::CLIENT_AUTH]);
    match certificate.tbs.extension(oid::EXTENDED_KEY_USAGE) {
        Some(usage) if usage.value == wanted => Ok(()),
        _ => Err(CertificateError::InvalidPurpose.into()),
    }
}

impl Handshake for Access {
    type Stream = TlsStream<TcpStream>;
    type Peer = PeerCertificate;

    async fn shake(&self, stream: TcpStream) -> io::Result<(Self::Stream, Self::Peer)> {
        let stream = self.acceptor.accept(stream).await?;
        let (_, connection) = stream.get_ref();
        let first = connection.peer_certificates().and_then(<[_]>::first);
        let certificate = first.ok_or_else(|| io::Error::other("the client showed no certificate"))?;
        let peer = PeerCertificate::new(certificate, self.is_for_holders)
            .ok_or_else(|| io::Error::other("a certificate without end"))?;
        Ok((stream, peer))
    }

    fn speaks_http2(stream: &Self::Stream) -> bool {
        stream.get_ref().1.alpn_protocol() == Some(HTTP_2)
    }
}

impl PeerCertificate {
    fn new(der: &[u8], is_holder: bool) -> Option<Self> {
        let fingerprint = digest::digest(&digest::SHA256, der).as_ref().try_into().ok()?;
        let tbs = CertificateView::from_der(der).ok()?.tbs;
        Some(Self { fingerprint, not_after: tbs.not_after, holder: is_holder.then_some(tbs.serial) })
    }
}
