//! The reading side: a strict walk over a list of ours, for the publish gate.
//!
//! Why not x509-parser: measured, a million entries cost it 605 MiB; this walk allocates nothing.

use super::CrlEntry;
use crate::x509::{
    BadSignature, Extension, NotASerial, RevocationReason, Serial, SignatureAlgorithm, SubjectPublicKey, UnixTime,
    UnsupportedSignature,
    der::{DerError, ENUMERATED, Reader, SEQUENCE, context, context_constructed},
    oid,
};

/// Why octets are no list of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrlFault {
    /// It is no strict DER, or of another shape.
    #[error("the CRL: {0}")]
    Der(#[from] DerError),
    /// It is not of version 2 (written 1).
    #[error("the CRL is not of version 2")]
    Version,
    /// Its signature algorithm is not in use.
    #[error("the CRL: {0}")]
    Signature(#[from] UnsupportedSignature),
    /// The algorithm inside differs from the one outside (RFC 5280 §5.1.1.2).
    #[error("the CRL names two signature algorithms")]
    TwoAlgorithms,
    /// nextUpdate is not after thisUpdate.
    #[error("the CRL's nextUpdate is not after its thisUpdate")]
    Window,
    /// revokedCertificates is there but empty (RFC 5280 §5.1.2.6).
    #[error("the CRL's revokedCertificates is present and empty")]
    EmptyList,
    /// An extension is missing that every list has: authorityKeyIdentifier or cRLNumber.
    #[error("the CRL has no authorityKeyIdentifier or no cRLNumber")]
    MissingExtension,
    /// An extension is unknown, there twice, or critical where it must not be and the reverse.
    #[error("the CRL has the extension {0} unknown, twice or with the wrong criticality")]
    WrongExtension(String),
    /// An entry's serial number breaks RFC 5280 §4.1.2.2.
    #[error("a CRL entry: {0}")]
    Serial(#[from] NotASerial),
    /// Its octets could not be had.
    #[error("the CRL cannot be read: {0}")]
    Unavailable(String),
    /// An entry's reason is `unspecified`, unknown, or removeFromCRL in a list that is no delta.
    #[error("a CRL entry has the reason code {0}, which may not stand there")]
    Reason(u8),
}

/// A whole CertificateList, borrowed. Entries are walked by [`entries`](Self::entries) and checked there.
#[derive(Clone, Copy, Debug)]
pub struct CrlView<'a> {
    /// The whole tbsCertList: what is signed.
    pub tbs: &'a [u8],
    /// signature.
    pub algorithm: SignatureAlgorithm,
    /// issuer, the whole Name.
    pub issuer: &'a [u8],
    /// thisUpdate.
    pub this_update: UnixTime,
    /// nextUpdate.
    pub next_update: UnixTime,
    /// keyIdentifier of authorityKeyIdentifier.
    pub authority_key_id: &'a [u8],
    /// cRLNumber.
    pub number: u64,
    /// BaseCRLNumber, in a delta.
    pub delta_base: Option<u64>,
    /// The value of issuingDistributionPoint.
    pub issuing_distribution_point: Option<&'a [u8]>,
    /// The value of freshestCRL.
    pub freshest_crl: Option<&'a [u8]>,
    /// The octets of signatureValue.
    pub signature: &'a [u8],
    revoked: &'a [u8],
}

impl<'a> CrlView<'a> {
    /// Walks everything but the entries. The signature is not verified; see [`verify`](Self::verify).
    ///
    /// # Errors
    /// [`CrlFault`] for anything a [`CrlWriter`](super::CrlWriter) would not have written.
    pub fn from_der(der: &'a [u8]) -> Result<Self, CrlFault> {
        let mut reader = Reader::new(der);
        let view = reader.sequence(|list| {
            let tbs = list.read_tlv(SEQUENCE)?;
            let algorithm = SignatureAlgorithm::read(list)?;
            let view = read_tbs(tbs, list.bit_octets()?)?;
            if view.algorithm == algorithm { Ok(view) } else { Err(CrlFault::TwoAlgorithms) }
        })?;
        reader.finish()?;
        Ok(view)
    }

    /// The entries in order, each checked as it comes; nothing follows a fault.
    #[must_use]
    pub fn entries(&self) -> Entries<'a> {
        Entries { reader: Reader::new(self.revoked), is_delta: self.delta_base.is_some() }
    }

    /// Verifies the signature under the issuer's key.
    ///
    /// # Errors
    /// [`BadSignature`] if another key made it, or another algorithm.
    pub fn verify(&self, issuer: &SubjectPublicKey) -> Result<(), BadSignature> {
        issuer.verify(self.algorithm, self.tbs, self.signature)
    }
}

/// The walk over the entries of a list.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    reader: Reader<'a>,
    is_delta: bool,
}

impl Iterator for Entries<'_> {
    type Item = Result<CrlEntry, CrlFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let entry = read_entry(&mut self.reader, self.is_delta);
        if entry.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(entry)
    }
}

fn read_tbs<'a>(der: &'a [u8], signature: &'a [u8]) -> Result<CrlView<'a>, CrlFault> {
    Reader::new(der).sequence(|tbs| {
        if tbs.unsigned()? != 1 {
            return Err(CrlFault::Version);
        }
        let algorithm = SignatureAlgorithm::read(tbs)?;
        let issuer = tbs.read_tlv(SEQUENCE)?;
        let (this_update, next_update) = (tbs.time()?, tbs.time()?);
        if next_update <= this_update {
            return Err(CrlFault::Window);
        }
        let revoked = match tbs.optional(SEQUENCE)? {
            Some([]) => return Err(CrlFault::EmptyList),
            list => list.unwrap_or(&[]),
        };
        let extensions = tbs.nested(context_constructed(0), |tagged| tagged.sequence(CrlExtensions::read))?;
        let (Some(authority_key_id), Some(number)) = (extensions.authority_key_id, extensions.number) else {
            return Err(CrlFault::MissingExtension);
        };
        let CrlExtensions { delta_base, issuing_distribution_point, freshest_crl, .. } = extensions;
        Ok(CrlView {
            tbs: der,
            algorithm,
            issuer,
            this_update,
            next_update,
            authority_key_id,
            number,
            delta_base,
            issuing_distribution_point,
            freshest_crl,
            signature,
            revoked,
        })
    })
}

#[derive(Default)]
pub(super) struct CrlExtensions<'a> {
    pub(super) authority_key_id: Option<&'a [u8]>,
    pub(super) number: Option<u64>,
    pub(super) delta_base: Option<u64>,
    pub(super) issuing_distribution_point: Option<&'a [u8]>,
    pub(super) freshest_crl: Option<&'a [u8]>,
}

impl<'a> CrlExtensions<'a> {
    pub(super) fn read(list: &mut Reader<'a>) -> Result<Self, CrlFault> {
        let mut known = Self::default();
        while !list.is_empty() {
            let extension = Extension::read(list)?;
            let wrong = || CrlFault::WrongExtension(oid::to_text(extension.oid));
            let twice = match (extension.oid, extension.critical) {
                (oid::AUTHORITY_KEY_IDENTIFIER, false) => {
                    known.authority_key_id.replace(key_id(extension.value)?).is_some()
                }
                (oid::CRL_NUMBER, false) => known.number.replace(crl_number(extension.value)?).is_some(),
                (oid::DELTA_CRL_INDICATOR, true) => known.delta_base.replace(crl_number(extension.value)?).is_some(),
                (oid::ISSUING_DISTRIBUTION_POINT, true) => {
                    known.issuing_distribution_point.replace(extension.value).is_some()
                }
                (oid::FRESHEST_CRL, false) => known.freshest_crl.replace(extension.value).is_some(),
                _ => return Err(wrong()),
            };
            if twice {
                return Err(wrong());
            }
        }
        Ok(known)
    }
}

fn key_id(value: &[u8]) -> Result<&[u8], DerError> {
    let mut reader = Reader::new(value);
    let key_id = reader.sequence(|identifier| identifier.read(context(0)))?;
    reader.finish().map(|()| key_id)
}

fn crl_number(value: &[u8]) -> Result<u64, DerError> {
    let mut reader = Reader::new(value);
    let number = reader.unsigned()?;
    reader.finish().map(|()| number)
}

pub(super) fn read_entry(list: &mut Reader<'_>, is_delta: bool) -> Result<CrlEntry, CrlFault> {
    list.sequence(|entry| {
        let serial = Serial::from_octets(entry.integer()?)?;
        let revocation_date = entry.time()?;
        let (mut reason, mut invalidity_date) = (None, None);
        if !entry.is_empty() {
            entry.sequence(|extensions| {
                while !extensions.is_empty() {
                    let extension = Extension::read(extensions)?;
                    let twice = match (extension.oid, extension.critical) {
                        (oid::REASON_CODE, false) => reason.replace(read_reason(extension.value, is_delta)?).is_some(),
                        (oid::INVALIDITY_DATE, false) => invalidity_date.replace(read_date(extension.value)?).is_some(),
                        _ => true,
                    };
                    if twice {
                        return Err(CrlFault::WrongExtension(oid::to_text(extension.oid)));
                    }
                }
                if reason.is_none() && invalidity_date.is_none() {
                    return Err(DerError::Content("Extensions").into());
                }
                Ok(())
            })?;
        }
        let reason = reason.unwrap_or(RevocationReason::Unspecified);
        Ok(CrlEntry { serial, revocation_date, reason, invalidity_date })
    })
}

fn read_reason(value: &[u8], is_delta: bool) -> Result<RevocationReason, CrlFault> {
    let mut reader = Reader::new(value);
    let &[code] = reader.read(ENUMERATED)? else { return Err(DerError::Content("CRLReason").into()) };
    reader.finish()?;
    match RevocationReason::from_code(code) {
        None | Some(RevocationReason::Unspecified) => Err(CrlFault::Reason(code)),
        Some(RevocationReason::RemoveFromCrl) if !is_delta => Err(CrlFault::Reason(code)),
        Some(reason) => Ok(reason),
    }
}

fn read_date(value: &[u8]) -> Result<UnixTime, DerError> {
    let mut reader = Reader::new(value);
    let date = reader.generalized_time()?;
    reader.finish().map(|()| date)
}
