//! Holders: the AUTH certificate of a card, under the CA for user authentication.
//!
//! The handshake proves who has the key of a certificate that the CA signed, and nothing of time or revocation: of a certificate that
//! has ended the holder gets a page which says so and what to do, where a broken connection would say nothing. Who is let in the store
//! says at every request (`Authority::admit_holder`).
//!
//! Why not webpki: it refuses every certificate whose certificatePolicies is critical, as those of cards are. What is left for it to
//! say is little: the certificate has to be, octet for octet, one that the store has.

use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer, alg_id};
use tokio_rustls::rustls::{
    self, CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key},
    pki_types::UnixTime as TlsTime,
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

use super::{AccessError, check_usage};
use crate::x509::{KeyAlgorithm, SubjectPublicKey, UnixTime, certificate::CertificateView};

/// The generations of the CA.
#[derive(Debug)]
pub(super) struct Citizens {
    generations: Vec<Generation>,
    /// The names by which a client finds the certificate to show: those of all generations are one.
    hints: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
struct Generation {
    /// Its name, DER: that of all generations.
    subject: Vec<u8>,
    not_after: UnixTime,
    key: SubjectPublicKey,
    hint: DistinguishedName,
}

impl Citizens {
    /// Trusts these certificates of the CA, DER.
    pub(super) fn new(generations: &[Vec<u8>], algorithms: WebPkiSupportedAlgorithms) -> Result<Self, AccessError> {
        let generations = generations.iter().map(|der| Generation::new(der)).collect::<Result<Vec<_>, _>>()?;
        let mut hints: Vec<_> = generations.iter().map(|generation| generation.hint.clone()).collect();
        hints.dedup_by(|one, other| one.as_ref() == other.as_ref());
        Ok(Self { generations, hints, algorithms })
    }

    /// Verifies that a generation that has not ended signed the certificate. Generations have one name: which of them it was, the
    /// signature says.
    fn verify(&self, certificate: &CertificateView<'_>, now: TlsTime) -> Result<(), rustls::Error> {
        let lives = |one: &&Generation| i64::try_from(now.as_secs()).is_ok_and(|now| now <= one.not_after.seconds());
        let of_its_name: Vec<_> =
            self.generations.iter().filter(|one| one.subject == certificate.tbs.issuer).filter(lives).collect();
        if of_its_name.is_empty() {
            return Err(CertificateError::UnknownIssuer.into());
        }
        let is_signed = of_its_name.iter().any(|one| certificate.verify(&one.key).is_ok());
        if is_signed { Ok(()) } else { Err(CertificateError::BadSignature.into()) }
    }

    /// In TLS 1.2 a scheme names a hash and a kind of key, whatever its curve (RFC 5246 §7.4.1.4.1).
    fn verify_by_scheme(
        &self,
        spki: &[u8],
        message: &[u8],
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let refused = || rustls::Error::from(CertificateError::BadSignature);
        let key = SubjectPublicKey::from_der(spki).map_err(|_| CertificateError::BadEncoding)?;
        let identifier = match key.algorithm() {
            KeyAlgorithm::Rsa(_) => alg_id::RSA_ENCRYPTION,
            KeyAlgorithm::P256 => alg_id::ECDSA_P256,
            KeyAlgorithm::P384 => alg_id::ECDSA_P384,
        };
        let named = self.algorithms.mapping.iter().find(|(scheme, _)| *scheme == signature.scheme);
        let (_, algorithms) = named.ok_or_else(refused)?;
        let verifies = algorithms
            .iter()
            .filter(|algorithm| algorithm.public_key_alg_id() == identifier)
            .any(|algorithm| algorithm.verify_signature(key.key(), message, signature.signature()).is_ok());
        if verifies { Ok(HandshakeSignatureValid::assertion()) } else { Err(refused()) }
    }
}

impl ClientCertVerifier for Citizens {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        now: TlsTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let view = viewed(certificate)?;
        self.verify(&view, now)?;
        check_usage(&view).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verify_by_scheme(viewed(certificate)?.tbs.spki, message, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let spki = SubjectPublicKeyInfoDer::from(viewed(certificate)?.tbs.spki);
        verify_tls13_signature_with_raw_key(message, &spki, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn viewed<'a>(certificate: &'a CertificateDer<'_>) -> Result<CertificateView<'a>, rustls::Error> {
    CertificateView::from_der(certificate).map_err(|_| CertificateError::BadEncoding.into())
}

impl Generation {
    fn new(der: &[u8]) -> Result<Self, AccessError> {
        let unusable = || AccessError::Authority(CertificateError::BadEncoding.into());
        let tbs = CertificateView::from_der(der).map_err(|_| unusable())?.tbs;
        let key = SubjectPublicKey::from_der(tbs.spki).map_err(|_| unusable())?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(der.to_vec())).map_err(AccessError::Authority)?;
        let hint = roots.subjects().pop().ok_or_else(unusable)?;
        Ok(Self { subject: tbs.subject.to_vec(), not_after: tbs.not_after, key, hint })
    }
}
