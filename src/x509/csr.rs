//! PKCS#10 certification requests: a public key and the proof that its private half signed (RFC 2986).
//!
//! The request's subject and attributes are ignored on purpose: registration decides what a certificate says. They are
//! still read strictly, so that nothing malformed gets as far as the store.
//!
//! Why our own gate: measured, x509-parser and rcgen take trailing octets, and x509-parser verifies SHA-1 and RSA-1024.
//! Why x509-parser behind it: a request is the one piece of DER from outside that ends inside a certificate, so two
//! readers that share no code must find the same key in it.

use x509_parser::prelude::{FromDer, X509CertificationRequest};

use super::{
    Name, SignatureAlgorithm, SubjectPublicKey,
    algorithm::UnsupportedSignature,
    der::{self, DerError, Reader, SEQUENCE, context_constructed},
    spki::WeakKey,
};
use crate::limits::CSR_OCTETS;

/// CertificationRequestInfo with this subject and key and no attributes, to be signed and put together by
/// [`assemble`](super::assemble) (RFC 2986 §4.1).
#[must_use]
pub fn request_info(subject: &Name, spki: &[u8]) -> Vec<u8> {
    der::build(SEQUENCE, |out| {
        der::integer(out, 0);
        out.extend_from_slice(subject.der());
        out.extend_from_slice(spki);
        der::tlv(out, context_constructed(0), &[]);
    })
}

/// Why a certification request is refused; the text is for the one who sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    /// It is longer than any request for a key in use.
    #[error("the certification request is longer than {CSR_OCTETS} octets")]
    TooLong,
    /// It is no strict DER, or of another shape than RFC 2986 §4.
    #[error("the certification request: {0}")]
    Der(#[from] DerError),
    /// The second parser reads another key in it, or none.
    #[error("the certification request is read differently by two parsers")]
    Ambiguous,
    /// It is not version 1 (written 0).
    #[error("the certification request is not of version 1")]
    Version,
    /// Its signature algorithm is not in use.
    #[error("the certification request: {0}")]
    Signature(#[from] UnsupportedSignature),
    /// Its key is not one a holder may have.
    #[error("the certification request: {0}")]
    Key(#[from] WeakKey),
    /// Its signature does not verify under its own key.
    #[error("the certification request is not signed by the key it asks for")]
    NoProofOfPossession,
}

/// A well-formed request for a holder's key, its signature not yet verified.
#[derive(Clone, Debug)]
pub struct CertificationRequest {
    info: Vec<u8>,
    spki: SubjectPublicKey,
    algorithm: SignatureAlgorithm,
    signature: Vec<u8>,
}

impl CertificationRequest {
    /// Reads a whole request; the cheap checks first, so that a bad one costs little.
    ///
    /// # Errors
    /// [`CsrError`] for anything but strict DER of at most [`CSR_OCTETS`] octets, version 1, with a signature algorithm in use and a
    /// key that [`SubjectPublicKey::holder_key`] lets pass.
    pub fn from_der(der: &[u8]) -> Result<Self, CsrError> {
        if der.len() > CSR_OCTETS {
            return Err(CsrError::TooLong);
        }
        let mut reader = Reader::new(der);
        let request = reader.sequence(|request| {
            let info = request.read_tlv(SEQUENCE)?;
            let spki = read_info(info)?;
            let algorithm = SignatureAlgorithm::read(request)?;
            let signature = request.bit_octets()?.to_vec();
            Ok::<_, CsrError>(Self { info: info.to_vec(), spki, algorithm, signature })
        })?;
        reader.finish()?;
        der::well_formed(der)?;
        match X509CertificationRequest::from_der(der) {
            Ok(([], other)) if other.certification_request_info.subject_pki.raw == request.spki.der() => Ok(request),
            _ => Err(CsrError::Ambiguous),
        }
    }

    /// Verifies that the requested key signed the request: proof of possession.
    ///
    /// # Errors
    /// [`CsrError::NoProofOfPossession`] if it did not.
    pub fn verify(self) -> Result<VerifiedRequest, CsrError> {
        match self.spki.verify_with_digest_of(self.algorithm, &self.info, &self.signature) {
            Ok(()) => Ok(VerifiedRequest { spki: self.spki }),
            Err(_) => Err(CsrError::NoProofOfPossession),
        }
    }
}

/// A holder's public key with proof that the sender has the private one. Only [`CertificationRequest::verify`] makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRequest {
    spki: SubjectPublicKey,
}

impl VerifiedRequest {
    /// The key to certify.
    #[must_use]
    pub fn spki(&self) -> &SubjectPublicKey {
        &self.spki
    }

    /// The key to certify, kept.
    #[must_use]
    pub fn into_spki(self) -> SubjectPublicKey {
        self.spki
    }
}

/// `CertificationRequestInfo ::= SEQUENCE { version, subject, subjectPKInfo, attributes [0] }` (RFC 2986 §4.1).
fn read_info(info: &[u8]) -> Result<SubjectPublicKey, CsrError> {
    Reader::new(info).sequence(|info| {
        if info.unsigned()? != 0 {
            return Err(CsrError::Version);
        }
        read_subject(info)?;
        let spki = info.read_tlv(SEQUENCE)?;
        read_attributes(info)?;
        Ok(SubjectPublicKey::from_der(spki)?.holder_key()?)
    })
}

/// Name ::= SEQUENCE OF SET OF SEQUENCE { OID, ANY }; the string types are the sender's affair.
fn read_subject(info: &mut Reader<'_>) -> Result<(), DerError> {
    info.sequence(|rdns| {
        while !rdns.is_empty() {
            rdns.nested(der::SET, |set| {
                while !set.is_empty() {
                    set.sequence(|pair| pair.oid().and_then(|_| pair.any()))?;
                }
                Ok::<_, DerError>(())
            })?;
        }
        Ok(())
    })
}

/// `Attributes ::= [0] SET OF SEQUENCE { OID, SET OF ANY }`; RFC 2986 wants the field even when empty, some senders omit it.
fn read_attributes(info: &mut Reader<'_>) -> Result<(), DerError> {
    let Some(attributes) = info.optional(context_constructed(0))? else { return Ok(()) };
    let mut attributes = Reader::new(attributes);
    while !attributes.is_empty() {
        attributes.sequence(|attribute| attribute.oid().and_then(|_| attribute.read(der::SET)))?;
    }
    Ok(())
}
