//! The writing side: tbsCertList into any `Write`, entry by entry.

use std::io::{self, Write};

use super::CrlEntry;
use crate::x509::{
    Name, RevocationReason, SignatureAlgorithm, UnixTime,
    der::{self, INTEGER, SEQUENCE, context_constructed},
    extension, oid,
};

/// Why a list could not be written.
#[derive(Debug, thiserror::Error)]
pub enum CrlWriteError {
    /// The sink failed.
    #[error("writing the CRL: {0}")]
    Io(#[from] io::Error),
    /// The entries are not those that were counted, so the lengths already written are wrong.
    #[error("the CRL's entries changed between counting and writing")]
    Totals,
    /// removeFromCRL belongs in delta lists only (RFC 5280 §5.3.1).
    #[error("removeFromCRL in a list that is no delta")]
    RemoveFromCrl,
}

/// Everything in a tbsCertList but the entries. Extensions are written in the order of these fields.
#[derive(Clone, Copy, Debug)]
pub struct CrlHeader<'a> {
    /// signature.
    pub algorithm: SignatureAlgorithm,
    /// issuer.
    pub issuer: &'a Name,
    /// thisUpdate.
    pub this_update: UnixTime,
    /// nextUpdate; later than thisUpdate.
    pub next_update: UnixTime,
    /// keyIdentifier of authorityKeyIdentifier: picks the CA's generation.
    pub authority_key_id: &'a [u8],
    /// cRLNumber.
    pub number: u64,
    /// BaseCRLNumber of deltaCRLIndicator (critical): makes the list a delta.
    pub delta_base: Option<u64>,
    /// Value of issuingDistributionPoint (critical); none on the full list.
    pub issuing_distribution_point: Option<&'a [u8]>,
    /// Value of freshestCRL: where the delta to this list is.
    pub freshest_crl: Option<&'a [u8]>,
}

impl CrlHeader<'_> {
    /// Octets of the whole tbsCertList with these entries.
    #[must_use]
    pub fn tbs_length(&self, totals: CrlTotals) -> usize {
        let fields = self.fields().len() + self.extensions().len();
        der::element_length(fields + totals.list_length())
    }

    /// version, signature, issuer, thisUpdate, nextUpdate.
    fn fields(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(&[INTEGER, 1, 1]);
        out.extend_from_slice(self.algorithm.algorithm_identifier());
        out.extend_from_slice(self.issuer.der());
        der::time(&mut out, self.this_update);
        der::time(&mut out, self.next_update);
        out
    }

    /// crlExtensions, `[0]`.
    fn extensions(&self) -> Vec<u8> {
        let key_id = extension::authority_key_identifier(self.authority_key_id, None);
        let write = |out: &mut Vec<u8>| {
            extension::write(out, oid::AUTHORITY_KEY_IDENTIFIER, false, &key_id);
            extension::write(out, oid::CRL_NUMBER, false, &extension::crl_number(self.number));
            if let Some(base) = self.delta_base {
                extension::write(out, oid::DELTA_CRL_INDICATOR, true, &extension::crl_number(base));
            }
            if let Some(value) = self.issuing_distribution_point {
                extension::write(out, oid::ISSUING_DISTRIBUTION_POINT, true, value);
            }
            if let Some(value) = self.freshest_crl {
                extension::write(out, oid::FRESHEST_CRL, false, value);
            }
        };
        der::build(context_constructed(0), |out| der::nested(out, SEQUENCE, write))
    }
}

/// How many entries a list has and how many octets they take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CrlTotals {
    entries: u64,
    octets: usize,
}

impl CrlTotals {
    /// Counts one entry.
    pub fn add(&mut self, entry: &CrlEntry) {
        self.entries += 1;
        self.octets += entry.length();
    }

    /// Entries counted.
    #[must_use]
    pub fn entries(self) -> u64 {
        self.entries
    }

    /// Octets of revokedCertificates; none at all without entries (RFC 5280 §5.1.2.6).
    fn list_length(self) -> usize {
        if self.entries == 0 { 0 } else { der::element_length(self.octets) }
    }
}

impl<'a> FromIterator<&'a CrlEntry> for CrlTotals {
    fn from_iter<I: IntoIterator<Item = &'a CrlEntry>>(entries: I) -> Self {
        let mut totals = Self::default();
        entries.into_iter().for_each(|entry| totals.add(entry));
        totals
    }
}

/// A whole reasonCode extension up to its last octet, the code.
const REASON_PREFIX: &[u8] = b"\x30\x0A\x06\x03\x55\x1D\x15\x04\x03\x0A\x01";
/// A whole invalidityDate extension up to the 15 octets of its GeneralizedTime.
const INVALIDITY_PREFIX: &[u8] = b"\x30\x18\x06\x03\x55\x1D\x18\x04\x11\x18\x0F";

impl CrlEntry {
    /// Octets of the whole entry.
    #[must_use]
    pub fn length(&self) -> usize {
        2 + self.content_length()
    }

    /// Always under 128, so every length inside takes one octet: 22 + 17 + 2 + 12 + 26 at most.
    fn content_length(&self) -> usize {
        let time = if self.revocation_date.needs_generalized() { 17 } else { 15 };
        let extensions = match self.extensions_length() {
            0 => 0,
            octets => 2 + octets,
        };
        2 + self.serial.octets().len() + time + extensions
    }

    fn extensions_length(&self) -> usize {
        let reason = if self.reason == RevocationReason::Unspecified { 0 } else { REASON_PREFIX.len() + 1 };
        reason + self.invalidity_date.map_or(0, |_| INVALIDITY_PREFIX.len() + 15)
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[SEQUENCE, self.content_length() as u8]);
        der::tlv(out, INTEGER, self.serial.octets());
        der::time(out, self.revocation_date);
        let extensions = self.extensions_length();
        if extensions > 0 {
            out.extend_from_slice(&[SEQUENCE, extensions as u8]);
        }
        if self.reason != RevocationReason::Unspecified {
            out.extend_from_slice(REASON_PREFIX);
            out.push(self.reason.code());
        }
        if let Some(at) = self.invalidity_date {
            out.extend_from_slice(INVALIDITY_PREFIX);
            out.extend_from_slice(&at.generalized_time());
        }
    }
}

/// Writes one tbsCertList: [`new`](Self::new), every entry, [`finish`](Self::finish). Give it a buffered sink.
pub struct CrlWriter<W> {
    out: W,
    expected: CrlTotals,
    written: CrlTotals,
    is_delta: bool,
    extensions: Vec<u8>,
    scratch: Vec<u8>,
}

impl<W: Write> CrlWriter<W> {
    /// Writes everything before the first entry.
    ///
    /// # Errors
    /// [`CrlWriteError::Io`] if the sink fails.
    pub fn new(header: &CrlHeader<'_>, totals: CrlTotals, mut out: W) -> Result<Self, CrlWriteError> {
        let (fields, extensions) = (header.fields(), header.extensions());
        let mut start = Vec::with_capacity(fields.len() + 16);
        start.push(SEQUENCE);
        der::write_length(&mut start, fields.len() + totals.list_length() + extensions.len());
        start.extend_from_slice(&fields);
        if totals.entries > 0 {
            start.push(SEQUENCE);
            der::write_length(&mut start, totals.octets);
        }
        out.write_all(&start)?;
        let (written, is_delta) = (CrlTotals::default(), header.delta_base.is_some());
        Ok(Self { out, expected: totals, written, is_delta, extensions, scratch: Vec::with_capacity(96) })
    }

    /// Writes one entry.
    ///
    /// # Errors
    /// [`CrlWriteError`] if the sink fails, or a list that is no delta is told to remove something.
    pub fn entry(&mut self, entry: &CrlEntry) -> Result<(), CrlWriteError> {
        if entry.reason == RevocationReason::RemoveFromCrl && !self.is_delta {
            return Err(CrlWriteError::RemoveFromCrl);
        }
        self.written.add(entry);
        self.scratch.clear();
        entry.write(&mut self.scratch);
        Ok(self.out.write_all(&self.scratch)?)
    }

    /// Writes what follows the entries and gives the sink back, not flushed.
    ///
    /// # Errors
    /// [`CrlWriteError`] if the sink fails, or the entries were not those counted.
    pub fn finish(mut self) -> Result<W, CrlWriteError> {
        if self.written != self.expected {
            return Err(CrlWriteError::Totals);
        }
        self.out.write_all(&self.extensions)?;
        Ok(self.out)
    }
}

/// What stands before a tbsCertList of this length in the whole CertificateList, whose signature must be known by then.
///
/// A small list is put together by [`assemble`](crate::x509::assemble); a large one is hashed in one pass, signed, and written as
/// header, tbs once more, trailer.
#[must_use]
pub fn outer_header(tbs_length: usize, algorithm: SignatureAlgorithm, signature: &[u8]) -> Vec<u8> {
    let mut out = vec![SEQUENCE];
    der::write_length(&mut out, tbs_length + outer_trailer(algorithm, signature).len());
    out
}

/// What follows the tbsCertList: the algorithm again and the signature.
#[must_use]
pub fn outer_trailer(algorithm: SignatureAlgorithm, signature: &[u8]) -> Vec<u8> {
    let mut out = algorithm.algorithm_identifier().to_vec();
    der::bit_string(&mut out, signature);
    out
}
