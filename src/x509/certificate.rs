//! Certificate: the outer SEQUENCE put together, and a strict walk over our own DER (RFC 5280 §4.1).
//!
//! The walk is for the lint and for start-up, which read what this service wrote; what comes from outside is x509-parser's.

use super::{
    BadSignature, NotASerial, Serial, SignatureAlgorithm, SubjectPublicKey, UnixTime, UnsupportedSignature,
    der::{self, BOOLEAN, DerError, Reader, SEQUENCE, context_constructed},
    oid,
};

/// Puts tbs, algorithm and signature together: a Certificate or a CertificateList.
#[must_use]
pub fn assemble(tbs: &[u8], algorithm: SignatureAlgorithm, signature: &[u8]) -> Vec<u8> {
    let identifier = algorithm.algorithm_identifier();
    let content = tbs.len() + identifier.len() + der::element_length(1 + signature.len());
    let mut out = Vec::with_capacity(der::element_length(content));
    out.push(SEQUENCE);
    der::write_length(&mut out, content);
    out.extend_from_slice(tbs);
    out.extend_from_slice(identifier);
    der::bit_string(&mut out, signature);
    out
}

/// Why octets are no certificate of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// It is no strict DER, or of another shape.
    #[error("the certificate: {0}")]
    Der(#[from] DerError),
    /// It is not of version 3 (written 2).
    #[error("the certificate is not of version 3")]
    Version,
    /// Its serial number breaks RFC 5280 §4.1.2.2.
    #[error("the certificate: {0}")]
    Serial(#[from] NotASerial),
    /// Its signature algorithm is not in use.
    #[error("the certificate: {0}")]
    Signature(#[from] UnsupportedSignature),
    /// The algorithm inside differs from the one outside (RFC 5280 §4.1.1.2).
    #[error("the certificate names two signature algorithms")]
    TwoAlgorithms,
    /// It has no extensions.
    #[error("the certificate has no extensions")]
    NoExtensions,
    /// It has an extension twice (RFC 5280 §4.2).
    #[error("the certificate has the extension {0} twice")]
    Twice(String),
}

/// One extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Content octets of extnID.
    pub oid: &'a [u8],
    /// critical.
    pub critical: bool,
    /// The octets inside extnValue.
    pub value: &'a [u8],
}

impl<'a> Extension<'a> {
    /// Reads an Extension where the reader stands; it is the same in certificates, lists and OCSP.
    ///
    /// # Errors
    /// [`DerError`] unless it is `SEQUENCE { OID, BOOLEAN DEFAULT FALSE, OCTET STRING }`.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, DerError> {
        reader.sequence(|extension| {
            let oid = extension.oid()?;
            let critical = extension.default_false(BOOLEAN)?;
            Ok(Self { oid, critical, value: extension.octet_string()? })
        })
    }
}

/// The fields of a TBSCertificate, borrowed.
#[derive(Clone, Debug)]
pub struct Tbs<'a> {
    /// The whole TBSCertificate: what is signed.
    pub der: &'a [u8],
    /// serialNumber.
    pub serial: Serial,
    /// signature.
    pub algorithm: SignatureAlgorithm,
    /// issuer, the whole Name.
    pub issuer: &'a [u8],
    /// notBefore.
    pub not_before: UnixTime,
    /// notAfter, the last second of validity.
    pub not_after: UnixTime,
    /// subject, the whole Name.
    pub subject: &'a [u8],
    /// The whole SubjectPublicKeyInfo.
    pub spki: &'a [u8],
    /// The extensions in order.
    pub extensions: Vec<Extension<'a>>,
}

impl<'a> Tbs<'a> {
    /// Walks a whole TBSCertificate. Unique identifiers are refused (RFC 5280 §4.1.2.8).
    ///
    /// # Errors
    /// [`CertificateFault`] for anything but strict DER of version 3 with extensions, none of them twice.
    pub fn from_der(der: &'a [u8]) -> Result<Self, CertificateFault> {
        let mut reader = Reader::new(der);
        let tbs = reader.sequence(|tbs| {
            if tbs.nested(context_constructed(0), Reader::unsigned)? != 2 {
                return Err(CertificateFault::Version);
            }
            let serial = Serial::from_octets(tbs.integer()?)?;
            let algorithm = SignatureAlgorithm::read(tbs)?;
            let issuer = tbs.read_tlv(SEQUENCE)?;
            let (not_before, not_after) =
                tbs.sequence(|validity| Ok::<_, DerError>((validity.time()?, validity.time()?)))?;
            let subject = tbs.read_tlv(SEQUENCE)?;
            let spki = tbs.read_tlv(SEQUENCE)?;
            if tbs.is_empty() {
                return Err(CertificateFault::NoExtensions);
            }
            let extensions = tbs.nested(context_constructed(3), |tagged| tagged.sequence(read_extensions))?;
            Ok(Self { der, serial, algorithm, issuer, not_before, not_after, subject, spki, extensions })
        })?;
        reader.finish()?;
        Ok(tbs)
    }

    /// The extension with these content octets of extnID.
    #[must_use]
    pub fn extension(&self, oid: &[u8]) -> Option<Extension<'a>> {
        self.extensions.iter().find(|extension| extension.oid == oid).copied()
    }
}

/// A whole Certificate, borrowed.
#[derive(Clone, Debug)]
pub struct CertificateView<'a> {
    /// The signed part.
    pub tbs: Tbs<'a>,
    /// The octets of signatureValue.
    pub signature: &'a [u8],
}

impl<'a> CertificateView<'a> {
    /// Walks a whole Certificate. The signature is not verified; see [`verify`](Self::verify).
    ///
    /// # Errors
    /// [`CertificateFault`] for anything but strict DER with the same algorithm inside and outside.
    pub fn from_der(der: &'a [u8]) -> Result<Self, CertificateFault> {
        let mut reader = Reader::new(der);
        let view = reader.sequence(|certificate| {
            let tbs = Tbs::from_der(certificate.read_tlv(SEQUENCE)?)?;
            if SignatureAlgorithm::read(certificate)? != tbs.algorithm {
                return Err(CertificateFault::TwoAlgorithms);
            }
            Ok(Self { tbs, signature: certificate.bit_octets()? })
        })?;
        reader.finish()?;
        Ok(view)
    }

    /// Verifies the signature under the issuer's key.
    ///
    /// # Errors
    /// [`BadSignature`] if another key made it, or another algorithm.
    pub fn verify(&self, issuer: &SubjectPublicKey) -> Result<(), BadSignature> {
        issuer.verify(self.tbs.algorithm, self.tbs.der, self.signature)
    }
}

fn read_extensions<'a>(list: &mut Reader<'a>) -> Result<Vec<Extension<'a>>, CertificateFault> {
    let mut extensions: Vec<Extension<'a>> = Vec::with_capacity(8);
    while !list.is_empty() {
        let extension = Extension::read(list)?;
        if extensions.iter().any(|earlier| earlier.oid == extension.oid) {
            return Err(CertificateFault::Twice(oid::to_text(extension.oid)));
        }
        extensions.push(extension);
    }
    if extensions.is_empty() { Err(CertificateFault::NoExtensions) } else { Ok(extensions) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::{Attribute, Name, extension};

    const SPKI: [u8; 2] = [0x30, 0];

    fn tbs(version: u64, extensions: &[&[u8]]) -> Vec<u8> {
        let name = Name::new(vec![Attribute::common_name("A")]).unwrap();
        der::build(SEQUENCE, |out| {
            der::nested(out, context_constructed(0), |out| der::integer(out, version));
            der::integer(out, 7);
            out.extend_from_slice(SignatureAlgorithm::EcdsaP256Sha256.algorithm_identifier());
            out.extend_from_slice(name.der());
            der::nested(out, SEQUENCE, |out| {
                der::time(out, UnixTime::EPOCH);
                der::time(out, "2050-01-01T00:00:00Z".parse().unwrap());
            });
            out.extend_from_slice(name.der());
            out.extend_from_slice(&SPKI);
            der::nested(out, context_constructed(3), |out| {
                der::nested(out, SEQUENCE, |out| {
                    extensions.iter().for_each(|oid| extension::write(out, oid, true, &extension::ocsp_no_check()));
                });
            });
        })
    }

    #[test]
    fn the_fields_come_out_in_order() {
        let tbs = tbs(2, &[oid::KEY_USAGE, oid::OCSP_NO_CHECK]);
        let whole = assemble(&tbs, SignatureAlgorithm::EcdsaP256Sha256, &[1, 2, 3]);
        let view = CertificateView::from_der(&whole).unwrap();
        assert_eq!((view.tbs.der, view.signature), (tbs.as_slice(), &[1, 2, 3][..]));
        assert_eq!((view.tbs.serial.octets(), view.tbs.spki), (&[7][..], &SPKI[..]));
        assert_eq!((view.tbs.not_before.seconds(), view.tbs.not_after.seconds()), (0, 2_524_608_000));
        let order: Vec<&[u8]> = view.tbs.extensions.iter().map(|extension| extension.oid).collect();
        assert_eq!(order, [oid::KEY_USAGE, oid::OCSP_NO_CHECK]);
        let expected = Extension { oid: oid::OCSP_NO_CHECK, critical: true, value: &[5, 0] };
        assert_eq!(view.tbs.extension(oid::OCSP_NO_CHECK), Some(expected));
        assert_eq!(view.tbs.extension(oid::CRL_NUMBER), None);
    }

    #[test]
    fn certificates_of_another_shape_are_refused() {
        let walk = |tbs: &[u8]| Tbs::from_der(tbs).map(|_| ());
        let good = tbs(2, &[oid::KEY_USAGE]);
        assert_eq!(walk(&good), Ok(()));
        assert_eq!(walk(&[&good[..], &[0]].concat()), Err(DerError::Trailing.into()));
        assert_eq!(walk(&tbs(1, &[oid::KEY_USAGE])), Err(CertificateFault::Version));
        assert_eq!(walk(&tbs(2, &[])), Err(CertificateFault::NoExtensions));
        let twice = tbs(2, &[oid::KEY_USAGE, oid::CRL_NUMBER, oid::KEY_USAGE]);
        assert_eq!(walk(&twice), Err(CertificateFault::Twice("2.5.29.15".to_owned())));
        let outside = assemble(&good, SignatureAlgorithm::RsaSha256, &[1]);
        assert_eq!(CertificateView::from_der(&outside).map(|_| ()), Err(CertificateFault::TwoAlgorithms));
        let with_signature = assemble(&good, SignatureAlgorithm::EcdsaP256Sha256, &[1]);
        for length in 0..with_signature.len() {
            assert!(CertificateView::from_der(&with_signature[..length]).is_err(), "truncated to {length}");
        }
    }
}
