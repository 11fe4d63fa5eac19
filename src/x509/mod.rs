//! The nouns of RFC 5280, 5652, 6960 and 2986: strict DER in and out, no input or output, no clock.

pub mod algorithm;
pub mod certificate;
pub mod cms;
pub mod crl;
pub mod csr;
pub mod der;
pub mod extension;
pub mod hex;
pub mod jws;
pub mod name;
pub mod ocsp;
pub mod oid;
pub mod places;
pub mod reason;
pub mod serial;
pub mod spki;
pub mod time;

pub use algorithm::{SignatureAlgorithm, UnsupportedSignature};
pub use certificate::{CertificateFault, CertificateView, Extension, Tbs, assemble};
pub use cms::{CmsError, DigestAlgorithm, SignedMessage, SignerIdentifier};
pub use crl::{
    CrlEntry, CrlFault, CrlHeader, CrlSnapshot, CrlStream, CrlTail, CrlTotals, CrlView, CrlWriteError, CrlWriter,
};
pub use csr::{CertificationRequest, CsrError, VerifiedRequest};
pub use extension::{GeneralName, OnlyContains};
pub use hex::{hex, octets_of_hex};
pub use name::{Attribute, Name, NotAName};
pub use places::StatusPlaces;
pub use reason::{NotAReason, RevocationReason};
pub use serial::{NotASerial, Serial};
pub use spki::{BadSignature, KeyAlgorithm, SubjectPublicKey, WeakKey};
pub use time::{NotATime, UnixTime};
