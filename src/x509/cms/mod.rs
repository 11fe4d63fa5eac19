//! Signed messages: CMS SignedData with its content inside and one signer (RFC 5652 §3, §5).
//!
//! [`SignedMessage::from_der`] walks strict DER; [`SignedMessage::verify`] checks digest and signature under the key of a
//! certificate that the caller has from its own store. Certificates that come with the message are neither trusted nor
//! looked at. What verifies is the content and that the key signed it; the signer's own time is a claim.
//!
//! Signed attributes are required, though §5.3 lets them be absent for id-data. A signature without them is one over bare
//! text: it could have been asked of the card by anybody for anything, while one over attributes says that it is meant as
//! a message with this digest; and where both are taken, the attributes of one message can pass for the content of
//! another.
//!
//! # Why
//! Why our own reader: the `cms` crate of RustCrypto (0.2, and the 0.3 candidates) models the whole of RFC 5652 with every
//! field open, verifies nothing, and keeps what it read only as values, so that the octets under the signature would have
//! to be written again and hoped to be the same; it would bring a second DER stack into the service besides. The part a
//! consent needs is one shape of a few dozen lines over the reader that the rest of the house stands on.

use ring::{
    digest,
    signature::{self, UnparsedPublicKey, VerificationAlgorithm},
};

use super::{
    Serial, UnixTime,
    certificate::Tbs,
    der::{DerError, OCTET_STRING, Reader, SET, write_length},
    oid,
    spki::{KeyAlgorithm, SubjectPublicKey, WeakKey},
};
use crate::limits::{CMS_ATTRIBUTES, CMS_CERTIFICATES, CMS_OCTETS};

mod read;
#[cfg(test)]
mod tests;

/// Why a signed message is refused; the text is for the one who sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CmsError {
    /// It is longer than any message with a short text.
    #[error("the signed message is longer than {CMS_OCTETS} octets")]
    TooLong,
    /// It is no strict DER, or of another shape than RFC 5652 §5.
    #[error("the signed message: {0}")]
    Der(#[from] DerError),
    /// It is BER with indefinite lengths, as tools write when they stream.
    #[error(
        "the signed message is streamed BER with indefinite lengths; write it as DER (in OpenSSL: without -stream)"
    )]
    Streamed,
    /// ContentInfo holds something else than SignedData.
    #[error("the content type {0} is not SignedData (1.2.840.113549.1.7.2)")]
    NotSigned(String),
    /// The version is not that which the fields ask for (§5.1, §5.3).
    #[error("a version of the signed message does not fit its fields")]
    Version,
    /// The encapsulated content is not plain data.
    #[error("the signed content has the type {0}; it must be plain data (1.2.840.113549.1.7.1)")]
    ContentType(String),
    /// The content is not inside.
    #[error("the signed content is not inside the message; sign with the content attached (in OpenSSL: -nodetach)")]
    Detached,
    /// The digest algorithm is none of SHA-2.
    #[error("the digest algorithm {0} is not in use: SHA-256, SHA-384 and SHA-512 are")]
    Digest(String),
    /// The digest algorithms of message and signer differ, or are several.
    #[error("the message must name one digest algorithm, which is the signer's")]
    DigestAlgorithms,
    /// More certificates than a chain has, or something that is no certificate.
    #[error("the message may bring at most {CMS_CERTIFICATES} X.509 certificates; it needs none")]
    Certificates,
    /// Revocation lists come with it.
    #[error("the message brings revocation information, which is not taken")]
    RevocationInfo,
    /// No signer, or several.
    #[error("the message must have exactly one signer")]
    Signers,
    /// There are no signed attributes.
    #[error("the message must have signed attributes (in OpenSSL: without -noattr)")]
    NoSignedAttributes,
    /// The signed attributes are not as §5.3 and §11 want them.
    #[error("the signed attributes: {0}")]
    Attributes(&'static str),
    /// There are unsigned attributes, which anyone could have added.
    #[error("the message has unsigned attributes, which are not taken")]
    UnsignedAttributes,
    /// The signature algorithm is not in use, or not with this digest.
    #[error("the signature algorithm {0} with {1} is not in use")]
    Signature(String, DigestAlgorithm),
    /// The key is not one a holder may have.
    #[error("the signer's certificate: {0}")]
    Key(#[from] WeakKey),
    /// The signer is named by something else than the certificate.
    #[error("the message names another signer than the certificate")]
    OtherSigner,
    /// The content is not that which was signed.
    #[error("the content is not that which was signed")]
    OtherContent,
    /// The signature does not verify.
    #[error("the signature does not verify under the certificate's key")]
    BadSignature,
}

/// A digest of the SHA-2 family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl std::fmt::Display for DigestAlgorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        })
    }
}

impl DigestAlgorithm {
    fn from_oid(oid: &[u8]) -> Option<Self> {
        match oid {
            oid::SHA256 => Some(Self::Sha256),
            oid::SHA384 => Some(Self::Sha384),
            oid::SHA512 => Some(Self::Sha512),
            _ => None,
        }
    }

    fn of(self, octets: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, octets)
    }
}

/// The family of the signature; the digest stands beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// RSASSA-PKCS1-v1_5.
    Rsa,
    /// ECDSA.
    Ecdsa,
}

/// How a message names its signer's certificate (§5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignerIdentifier<'a> {
    /// issuerAndSerialNumber.
    IssuerAndSerial {
        /// The issuer, a whole Name.
        issuer: &'a [u8],
        /// The certificate's serial number.
        serial: Serial,
    },
    /// subjectKeyIdentifier.
    KeyIdentifier(&'a [u8]),
}

/// A well-formed signed message, its signature not yet verified; borrowed.
#[derive(Clone, Debug)]
pub struct SignedMessage<'a> {
    content: &'a [u8],
    signer: SignerIdentifier<'a>,
    digest: DigestAlgorithm,
    family: Family,
    /// The elements of the signed attributes, without the tag that they come under.
    attributes: &'a [u8],
    message_digest: &'a [u8],
    signing_time: Option<UnixTime>,
    signature: &'a [u8],
}

impl<'a> SignedMessage<'a> {
    /// The content before anything is verified: good for finding the certificate that it names, and for nothing else.
    #[must_use]
    pub fn claimed_content(&self) -> &'a [u8] {
        self.content
    }

    /// Whose certificate it says it was signed with.
    #[must_use]
    pub fn signer(&self) -> SignerIdentifier<'a> {
        self.signer
    }

    /// When it says it was signed (§11.3); nobody but the signer vouches for it.
    #[must_use]
    pub fn claimed_signing_time(&self) -> Option<UnixTime> {
        self.signing_time
    }

    /// The content, if the key of this certificate signed it (§5.4, §5.6).
    ///
    /// # Errors
    /// [`CmsError::OtherSigner`], [`CmsError::Key`], [`CmsError::OtherContent`], [`CmsError::Signature`] where algorithm
    /// and key do not fit, and [`CmsError::BadSignature`].
    pub fn verify(&self, certificate: &Tbs<'_>) -> Result<&'a [u8], CmsError> {
        if !self.names(certificate) {
            return Err(CmsError::OtherSigner);
        }
        if self.digest.of(self.content).as_ref() != self.message_digest {
            return Err(CmsError::OtherContent);
        }
        let key = SubjectPublicKey::from_der(certificate.spki)?.holder_key()?;
        let algorithm = self.verification(key.algorithm())?;
        let verified = UnparsedPublicKey::new(algorithm, key.key()).verify(&self.signed_octets(), self.signature);
        verified.map(|()| self.content).map_err(|_| CmsError::BadSignature)
    }

    fn names(&self, certificate: &Tbs<'_>) -> bool {
        match self.signer {
            SignerIdentifier::IssuerAndSerial { issuer, serial } => {
                issuer == certificate.issuer && serial == certificate.serial
            }
            SignerIdentifier::KeyIdentifier(id) => {
                let own = certificate.extension(oid::SUBJECT_KEY_IDENTIFIER);
                own.is_some_and(|own| Reader::new(own.value).read(OCTET_STRING) == Ok(id))
            }
        }
    }

    /// The attributes under the tag of SET OF instead of their own `[0]` (§5.4).
    fn signed_octets(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.attributes.len() + 6);
        out.push(SET);
        write_length(&mut out, self.attributes.len());
        out.extend_from_slice(self.attributes);
        out
    }

    fn verification(&self, key: KeyAlgorithm) -> Result<&'static dyn VerificationAlgorithm, CmsError> {
        Ok(match (key, self.family, self.digest) {
            (KeyAlgorithm::Rsa(_), Family::Rsa, DigestAlgorithm::Sha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (KeyAlgorithm::Rsa(_), Family::Rsa, DigestAlgorithm::Sha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (KeyAlgorithm::Rsa(_), Family::Rsa, DigestAlgorithm::Sha512) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (KeyAlgorithm::P256, Family::Ecdsa, DigestAlgorithm::Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
            (KeyAlgorithm::P256, Family::Ecdsa, DigestAlgorithm::Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
            (KeyAlgorithm::P384, Family::Ecdsa, DigestAlgorithm::Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
            (KeyAlgorithm::P384, Family::Ecdsa, DigestAlgorithm::Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
            // ring has no ECDSA with SHA-512.
            (_, Family::Rsa, digest) => return Err(CmsError::Signature(format!("RSA under a key of {key}"), digest)),
            (_, Family::Ecdsa, digest) => {
                return Err(CmsError::Signature(format!("ECDSA under a key of {key}"), digest));
            }
        })
    }
}
