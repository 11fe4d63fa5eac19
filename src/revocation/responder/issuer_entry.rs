//! Whom the responder speaks for, and by whose key: a CA generation and its delegate (RFC 6960 §2.6, §4.2.2.2).

use std::sync::Arc;

use arc_swap::ArcSwap;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

use crate::{
    kind::Kind,
    ports::{AuthorityRecord, Signer},
    x509::{
        CertificateFault, CertificateView, Serial, SubjectPublicKey, UnixTime, WeakKey, extension,
        ocsp::{CertId, CertIdHash, ResponseTemplate},
        oid,
    },
};

/// The key and certificate that sign answers for one CA generation (RFC 6960 §2.6).
pub struct Delegate {
    signer: Arc<dyn Signer>,
    certificate: Vec<u8>,
    template: ResponseTemplate,
    serial: Serial,
    pub(super) validity: (UnixTime, UnixTime),
}

/// Why a CA generation cannot be answered for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponderError {
    /// A certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateFault),
    /// A key in a certificate is of no kind in use.
    #[error(transparent)]
    Key(#[from] WeakKey),
    /// The responder's key is not the one in its certificate.
    #[error("the key of the OCSP responder does not match its certificate")]
    OtherKey,
    /// The responder's certificate does not say OCSPSigning, which RFC 6960 §4.2.2.2 asks for.
    #[error("the certificate of the OCSP responder lacks the key purpose OCSPSigning")]
    Purpose,
    /// The responder's certificate was not signed by the CA generation.
    #[error("the certificate of the OCSP responder was not issued by the {0} CA, generation {1}")]
    OtherIssuer(Kind, u8),
    /// There is no such CA generation.
    #[error("there is no {0} CA of generation {1}")]
    NoIssuer(Kind, u8),
}

impl Delegate {
    /// Takes a responder's key with its certificate, DER.
    ///
    /// # Errors
    /// [`ResponderError`] if the certificate cannot be read, is another key's, or is not for OCSP.
    pub fn new(signer: Arc<dyn Signer>, certificate: Vec<u8>) -> Result<Self, ResponderError> {
        let tbs = CertificateView::from_der(&certificate)?.tbs;
        if tbs.spki != signer.spki() {
            return Err(ResponderError::OtherKey);
        }
        let purpose = extension::extended_key_usage(&[oid::OCSP_SIGNING]);
        if tbs.extension(oid::EXTENDED_KEY_USAGE).is_none_or(|found| found.value != purpose) {
            return Err(ResponderError::Purpose);
        }
        let key_hash = SubjectPublicKey::from_der(tbs.spki)?.key_id();
        let (serial, validity) = (tbs.serial, (tbs.not_before, tbs.not_after));
        let template = ResponseTemplate::new(&key_hash, signer.algorithm(), &certificate);
        Ok(Self { signer, template, serial, validity, certificate })
    }

    /// Under which name the store keeps the newest certificate of a generation's responder, for those who have the key and not
    /// the CA's.
    #[must_use]
    pub fn place(kind: Kind, generation: u8) -> String {
        format!("responder {kind} {generation}")
    }

    /// Its key.
    #[must_use]
    pub fn signer(&self) -> &dyn Signer {
        &*self.signer
    }

    /// Its key, to go on with under another certificate.
    #[must_use]
    pub fn shared_signer(&self) -> Arc<dyn Signer> {
        Arc::clone(&self.signer)
    }

    /// Its certificate, DER, which goes along with every answer.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// What all its answers have in common.
    #[must_use]
    pub fn template(&self) -> &ResponseTemplate {
        &self.template
    }

    /// The serial number of its certificate.
    #[must_use]
    pub fn serial(&self) -> &Serial {
        &self.serial
    }

    /// The last instant at which its answers are worth anything.
    #[must_use]
    pub fn not_after(&self) -> UnixTime {
        self.validity.1
    }

    /// Whether signing takes so long that it must not be done where connections are served.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        self.signer.is_slow()
    }
}

/// One CA generation as CertIDs name it.
pub struct IssuerEntry {
    pub(super) kind: Kind,
    pub(super) generation: u8,
    pub(super) first_index: u64,
    pub(super) serial: Serial,
    key: SubjectPublicKey,
    /// issuerNameHash and issuerKeyHash.
    sha1: (Vec<u8>, [u8; 20]),
    sha256: (Vec<u8>, [u8; 32]),
    /// The CA's first instant: every certificate it ever issued stays in the index, however long it has expired, so the
    /// cutoff of RFC 6960 §4.4.4 is the same in all answers.
    pub(super) archive_cutoff: UnixTime,
    /// The last instant at which it is answered for: the CA's, which no certificate of it outlives.
    pub(super) not_after: UnixTime,
    pub(super) delegate: ArcSwap<Delegate>,
}

impl IssuerEntry {
    /// Takes a stored generation and its responder.
    ///
    /// # Errors
    /// [`ResponderError`] if the CA certificate cannot be read or did not issue the responder's.
    pub fn new(record: &AuthorityRecord, delegate: Delegate) -> Result<Self, ResponderError> {
        let tbs = CertificateView::from_der(&record.certificate)?.tbs;
        let key = SubjectPublicKey::from_der(tbs.spki)?;
        let entry = Self {
            kind: record.kind,
            generation: record.generation,
            first_index: record.first_index,
            serial: tbs.serial,
            sha1: (digest(&SHA1_FOR_LEGACY_USE_ONLY, tbs.subject).as_ref().to_vec(), key.key_id()),
            sha256: (digest(&SHA256, tbs.subject).as_ref().to_vec(), key.key_sha256()),
            archive_cutoff: tbs.not_before,
            not_after: tbs.not_after,
            delegate: ArcSwap::from_pointee(delegate),
            key,
        };
        entry.admit(&entry.delegate.load())?;
        Ok(entry)
    }

    /// The same, which nobody answers for after the end of its responder's certificate: the CA's key is lost, and certifies no other.
    #[must_use]
    pub fn with_last_delegate(self) -> Self {
        let not_after = self.not_after.min(self.delegate.load().not_after());
        Self { not_after, ..self }
    }

    /// Lets only a delegate pass that this generation certified.
    pub(super) fn admit(&self, delegate: &Delegate) -> Result<(), ResponderError> {
        let issued = CertificateView::from_der(&delegate.certificate)?;
        issued.verify(&self.key).map_err(|_| ResponderError::OtherIssuer(self.kind, self.generation))
    }

    pub(super) fn is_named_by(&self, id: &CertId<'_>) -> bool {
        match id.hash {
            CertIdHash::Sha1 => id.name_hash == self.sha1.0 && id.key_hash == self.sha1.1,
            CertIdHash::Sha256 => id.name_hash == self.sha256.0 && id.key_hash == self.sha256.1,
            CertIdHash::Other => false,
        }
    }
}
