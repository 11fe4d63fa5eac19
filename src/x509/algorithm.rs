//! The signature algorithms a CA key of this service may use (profile, "Keys and signatures").

use super::{
    der::{DerError, Reader, SEQUENCE},
    oid,
};

/// sha256WithRSAEncryption, ecdsa-with-SHA256 on P-256, or ecdsa-with-SHA384 on P-384.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256; its parameters are NULL (RFC 4055 §5).
    RsaSha256,
    /// ECDSA on P-256 with SHA-256; parameters absent (RFC 5758 §3.2).
    EcdsaP256Sha256,
    /// ECDSA on P-384 with SHA-384; parameters absent.
    EcdsaP384Sha384,
}

/// The algorithm is none of the three, or its parameters are not as the RFCs want them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnsupportedSignature {
    /// The AlgorithmIdentifier is no strict DER.
    #[error("the signature algorithm: {0}")]
    Der(#[from] DerError),
    /// It names SHA-1, for which collisions are for sale.
    #[error("SHA-1 signatures are refused: use SHA-256 or SHA-384")]
    Sha1,
    /// It names RSASSA-PSS.
    #[error("RSASSA-PSS is refused: use sha256WithRSAEncryption")]
    Pss,
    /// It names anything else.
    #[error(
        "the signature algorithm {0} is not in use: sha256WithRSAEncryption, ecdsa-with-SHA256 and ecdsa-with-SHA384 are"
    )]
    Unknown(String),
    /// NULL is missing for RSA, or something stands there for ECDSA.
    #[error("the parameters of the signature algorithm are not as its RFC wants them")]
    Parameters,
}

impl SignatureAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::RsaSha256, Self::EcdsaP256Sha256, Self::EcdsaP384Sha384];

    /// The whole DER of the AlgorithmIdentifier.
    #[must_use]
    pub const fn algorithm_identifier(self) -> &'static [u8] {
        match self {
            Self::RsaSha256 => b"\x30\x0D\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0B\x05\x00",
            Self::EcdsaP256Sha256 => b"\x30\x0A\x06\x08\x2A\x86\x48\xCE\x3D\x04\x03\x02",
            Self::EcdsaP384Sha384 => b"\x30\x0A\x06\x08\x2A\x86\x48\xCE\x3D\x04\x03\x03",
        }
    }

    /// The content octets of the algorithm's OID.
    #[must_use]
    pub const fn oid(self) -> &'static [u8] {
        match self {
            Self::RsaSha256 => oid::RSA_SHA256,
            Self::EcdsaP256Sha256 => oid::ECDSA_SHA256,
            Self::EcdsaP384Sha384 => oid::ECDSA_SHA384,
        }
    }

    /// The hash of the message that is signed.
    #[must_use]
    pub fn digest(self) -> &'static ring::digest::Algorithm {
        match self {
            Self::RsaSha256 | Self::EcdsaP256Sha256 => &ring::digest::SHA256,
            Self::EcdsaP384Sha384 => &ring::digest::SHA384,
        }
    }

    /// Reads an AlgorithmIdentifier where the reader stands.
    ///
    /// # Errors
    /// [`UnsupportedSignature`] for any octets other than one of the three identifiers.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, UnsupportedSignature> {
        let identifier = reader.read_tlv(SEQUENCE)?;
        match Self::ALL.into_iter().find(|algorithm| algorithm.algorithm_identifier() == identifier) {
            Some(algorithm) => Ok(algorithm),
            None => Err(Self::fault(identifier)),
        }
    }

    /// Why an identifier is not one of ours.
    fn fault(identifier: &[u8]) -> UnsupportedSignature {
        let oid = Reader::new(identifier).sequence(|identifier| {
            let oid = identifier.oid()?;
            if !identifier.is_empty() {
                identifier.any()?;
            }
            Ok::<_, DerError>(oid)
        });
        match oid {
            Err(fault) => UnsupportedSignature::Der(fault),
            Ok(oid::RSA_SHA1 | oid::ECDSA_SHA1) => UnsupportedSignature::Sha1,
            Ok(oid::RSA_PSS) => UnsupportedSignature::Pss,
            Ok(oid) if Self::ALL.iter().any(|algorithm| algorithm.oid() == oid) => UnsupportedSignature::Parameters,
            Ok(oid) => UnsupportedSignature::Unknown(oid::to_text(oid)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::der::{NULL, OID, build, tlv};

    fn read(oid: &[u8], parameters: Option<&[u8]>) -> Result<SignatureAlgorithm, UnsupportedSignature> {
        let identifier = build(SEQUENCE, |out| {
            tlv(out, OID, oid);
            if let Some(content) = parameters {
                tlv(out, NULL, content);
            }
        });
        SignatureAlgorithm::read(&mut Reader::new(&identifier))
    }

    #[test]
    fn rsa_carries_null_and_ecdsa_nothing() {
        assert_eq!(read(oid::RSA_SHA256, Some(&[])), Ok(SignatureAlgorithm::RsaSha256));
        assert_eq!(read(oid::ECDSA_SHA256, None), Ok(SignatureAlgorithm::EcdsaP256Sha256));
        assert_eq!(read(oid::ECDSA_SHA384, None), Ok(SignatureAlgorithm::EcdsaP384Sha384));
        assert_eq!(read(oid::RSA_SHA256, None), Err(UnsupportedSignature::Parameters));
        assert_eq!(read(oid::ECDSA_SHA256, Some(&[])), Err(UnsupportedSignature::Parameters));
        assert_eq!(read(oid::RSA_SHA256, Some(&[0])), Err(UnsupportedSignature::Parameters));
    }

    #[test]
    fn what_is_refused_is_named() {
        assert_eq!(read(oid::RSA_SHA1, Some(&[])), Err(UnsupportedSignature::Sha1));
        assert_eq!(read(oid::ECDSA_SHA1, None), Err(UnsupportedSignature::Sha1));
        assert_eq!(read(oid::RSA_PSS, None), Err(UnsupportedSignature::Pss));
        let sha512 = oid::parse("1.2.840.113549.1.1.13").unwrap();
        assert_eq!(read(&sha512, Some(&[])), Err(UnsupportedSignature::Unknown("1.2.840.113549.1.1.13".to_owned())));
        assert!(matches!(
            SignatureAlgorithm::read(&mut Reader::new(&[0x30, 2, 6, 0])),
            Err(UnsupportedSignature::Der(_))
        ));
    }
}
