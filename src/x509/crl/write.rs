//! The writing side: tbsCertList into any `Write`, entry by entry.

use std::io::{self, Write};

use super::{CrlEntry, CrlSnapshot, encode::Encoder, snapshot};
use crate::x509::{
    Name, RevocationReason, SignatureAlgorithm, UnixTime,
    der::{self, INTEGER, SEQUENCE, context_constructed},
    extension, oid,
};

/// Entries are handed to the sink in pieces of this many octets: they stay in the second cache, and a sink that hashes or
/// writes to a file is asked once for some five thousand of them.
const BLOCK: usize = 256 * 1024;

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

/// Writes one tbsCertList: [`new`](Self::new), every entry, [`finish`](Self::finish). The sink gets large pieces.
pub struct CrlWriter<W> {
    out: W,
    expected: CrlTotals,
    written: u64,
    is_delta: bool,
    extensions: Vec<u8>,
    encoder: Encoder,
    flushed: usize,
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
        let room = totals.octets.min(BLOCK);
        Ok(Self {
            out,
            expected: totals,
            written: 0,
            is_delta: header.delta_base.is_some(),
            extensions,
            encoder: Encoder::new(room),
            flushed: 0,
        })
    }

    /// Writes one entry.
    ///
    /// # Errors
    /// [`CrlWriteError`] if the sink fails, or a list that is no delta is told to remove something.
    #[inline]
    pub fn entry(&mut self, entry: &CrlEntry) -> Result<(), CrlWriteError> {
        if entry.reason == RevocationReason::RemoveFromCrl && !self.is_delta {
            return Err(CrlWriteError::RemoveFromCrl);
        }
        self.written += 1;
        self.encoder.entry(entry);
        if self.encoder.octets().len() >= BLOCK { self.flush() } else { Ok(()) }
    }

    /// Writes every entry of a snapshot.
    ///
    /// # Errors
    /// As for [`Self::entry`].
    pub fn entries(&mut self, entries: &CrlSnapshot) -> Result<(), CrlWriteError> {
        for mut rest in entries.blocks() {
            while !rest.is_empty() {
                let (count, removes) = self.encoder.fill(&mut rest, snapshot::plain, RevocationReason::RemoveFromCrl);
                self.written += count;
                if removes && !self.is_delta {
                    return Err(CrlWriteError::RemoveFromCrl);
                }
                if self.encoder.is_full() {
                    self.flush()?;
                } else if !rest.is_empty() {
                    let (entry, after) = snapshot::unpack(rest).ok_or(CrlWriteError::Totals)?;
                    self.entry(&entry)?;
                    rest = after;
                }
            }
        }
        Ok(())
    }

    #[cold]
    fn flush(&mut self) -> Result<(), CrlWriteError> {
        self.flushed += self.encoder.octets().len();
        self.out.write_all(self.encoder.octets())?;
        self.encoder.clear();
        Ok(())
    }

    /// Writes what follows the entries and gives the sink back, not flushed.
    ///
    /// # Errors
    /// [`CrlWriteError`] if the sink fails, or the entries were not those counted.
    pub fn finish(mut self) -> Result<W, CrlWriteError> {
        self.flush()?;
        if (self.written, self.flushed) != (self.expected.entries, self.expected.octets) {
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
