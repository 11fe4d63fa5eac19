//! The reading side for lists of any length: the same strict walk as [`CrlView`](super::CrlView), over octets as they come.
//!
//! What a list says of itself stands at both its ends, so a walk has three parts: [`CrlStream::open`] reads up to the first
//! entry, the entries follow, and [`CrlStream::finish`] reads the extensions and the signature and gives the digests of what
//! went by. Nothing that was read is to be believed before that.

use std::{
    io::{ErrorKind, Read},
    mem,
};

use ring::digest::{Context, Digest, SHA256};

use super::{
    CrlEntry, CrlFault,
    decode::{self, Days},
    view::{CrlExtensions, read_entry},
};
use crate::x509::{
    RevocationReason, SignatureAlgorithm, UnixTime,
    der::{self, DerError, Reader, SEQUENCE, context_constructed},
};

/// Octets read at a time, and the most that anything but the entries may take: names, extensions, a signature.
const WINDOW: usize = 256 * 1024;
/// No entry of ours is longer (`encode`); one that is comes out as truncated.
const LONGEST_ENTRY: usize = 2 + 127;

/// A list as it goes by.
pub struct CrlStream<R> {
    window: Window<R>,
    /// signature, as the tbsCertList says it.
    pub algorithm: SignatureAlgorithm,
    /// issuer, the whole Name.
    pub issuer: Vec<u8>,
    /// thisUpdate.
    pub this_update: UnixTime,
    /// nextUpdate.
    pub next_update: UnixTime,
    /// Where the entries, the tbsCertList and the list end.
    ends: [u64; 3],
    removes: bool,
    days: Days,
}

/// What the end of a list says.
#[derive(Clone, Debug)]
pub struct CrlTail {
    /// keyIdentifier of authorityKeyIdentifier.
    pub authority_key_id: Vec<u8>,
    /// cRLNumber.
    pub number: u64,
    /// BaseCRLNumber, in a delta.
    pub delta_base: Option<u64>,
    /// The value of issuingDistributionPoint.
    pub issuing_distribution_point: Option<Vec<u8>>,
    /// The value of freshestCRL.
    pub freshest_crl: Option<Vec<u8>>,
    /// The octets of signatureValue.
    pub signature: Vec<u8>,
    /// Digest of the tbsCertList, by the algorithm's hash: what is signed.
    pub tbs_digest: Digest,
    /// SHA-256 of the whole list, where it was asked for.
    pub list_digest: Option<[u8; 32]>,
}

impl<R: Read> CrlStream<R> {
    /// Reads everything before the first entry.
    ///
    /// # Errors
    /// [`CrlFault`] for anything a [`CrlWriter`](super::CrlWriter) would not have written there.
    pub fn open(source: R) -> Result<Self, CrlFault> {
        Self::start(Window::new(source, None))
    }

    /// As [`Self::open`], and in the end there is the SHA-256 of the whole list too.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn open_hashing(source: R) -> Result<Self, CrlFault> {
        Self::start(Window::new(source, Some(Context::new(&SHA256))))
    }

    fn start(mut window: Window<R>) -> Result<Self, CrlFault> {
        let list_end = window.enter(SEQUENCE)?;
        let there = window.up_to(list_end)?;
        let head = der::head(there)?;
        if head.tag != SEQUENCE {
            return Err(DerError::Tag { expected: SEQUENCE, found: head.tag }.into());
        }
        let content = there.get(head.octets..).unwrap_or(&[]);
        let mut fields = Reader::new(content.get(..head.content).unwrap_or(content));
        let length = fields.rest().len();
        if fields.unsigned()? != 1 {
            return Err(CrlFault::Version);
        }
        let algorithm = SignatureAlgorithm::read(&mut fields)?;
        let issuer = fields.read_tlv(SEQUENCE)?.to_vec();
        let (this_update, next_update) = (fields.time()?, fields.time()?);
        if next_update <= this_update {
            return Err(CrlFault::Window);
        }
        let (read, has_list) = (length - fields.rest().len(), fields.peek() == Some(SEQUENCE));
        let tbs_end = window.position + (head.octets + head.content) as u64;
        if tbs_end > list_end {
            return Err(DerError::Truncated.into());
        }
        window.begin_inner(Context::new(algorithm.digest()));
        window.consume(head.octets + read);
        let mut entries_end = window.position;
        if has_list {
            entries_end = window.enter(SEQUENCE)?;
            if entries_end == window.position {
                return Err(CrlFault::EmptyList);
            }
        }
        if entries_end > tbs_end {
            return Err(DerError::Truncated.into());
        }
        let ends = [entries_end, tbs_end, list_end];
        Ok(Self { window, algorithm, issuer, this_update, next_update, ends, removes: false, days: Days::new() })
    }

    /// The next entry, checked; none after the last. Nothing follows a fault.
    ///
    /// # Errors
    /// [`CrlFault`].
    #[inline]
    pub fn entry(&mut self) -> Result<Option<CrlEntry>, CrlFault> {
        let [entries_end, ..] = self.ends;
        if self.window.position == entries_end {
            return Ok(None);
        }
        let octets = self.window.at_most(LONGEST_ENTRY, entries_end)?;
        if let Some((entry, read)) = decode::read(octets, &mut self.days) {
            self.removes |= entry.reason == RevocationReason::RemoveFromCrl;
            self.window.consume(read);
            return Ok(Some(entry));
        }
        let mut reader = Reader::new(octets);
        let length = reader.rest().len();
        // Whether it is a delta is told at the end.
        let entry = read_entry(&mut reader, true)?;
        self.removes |= entry.reason == RevocationReason::RemoveFromCrl;
        let read = length - reader.rest().len();
        self.window.consume(read);
        Ok(Some(entry))
    }

    /// Reads what follows the entries, of which those that were not asked for are checked too.
    ///
    /// # Errors
    /// [`CrlFault`], also where anything follows the list.
    pub fn finish(mut self) -> Result<CrlTail, CrlFault> {
        while self.entry()?.is_some() {}
        let [_, tbs_end, list_end] = self.ends;
        let mut tail = self.extensions(tbs_end)?;
        if self.removes && tail.delta_base.is_none() {
            return Err(CrlFault::Reason(RevocationReason::RemoveFromCrl.code()));
        }
        let mut rest = Reader::new(self.window.up_to(list_end)?);
        let length = rest.rest().len();
        if SignatureAlgorithm::read(&mut rest)? != self.algorithm {
            return Err(CrlFault::TwoAlgorithms);
        }
        tail.signature = rest.bit_octets()?.to_vec();
        rest.finish()?;
        self.window.consume(length);
        tail.list_digest = self.window.finish()?;
        Ok(tail)
    }

    fn extensions(&mut self, end: u64) -> Result<CrlTail, CrlFault> {
        let mut reader = Reader::new(self.window.up_to(end)?);
        let length = reader.rest().len();
        let said = reader.nested(context_constructed(0), |tagged| tagged.sequence(CrlExtensions::read))?;
        reader.finish()?;
        let (Some(authority_key_id), Some(number)) = (said.authority_key_id, said.number) else {
            return Err(CrlFault::MissingExtension);
        };
        let owned = |value: Option<&[u8]>| value.map(<[u8]>::to_vec);
        let mut tail = CrlTail {
            authority_key_id: authority_key_id.to_vec(),
            number,
            delta_base: said.delta_base,
            issuing_distribution_point: owned(said.issuing_distribution_point),
            freshest_crl: owned(said.freshest_crl),
            signature: Vec::new(),
            tbs_digest: ring::digest::digest(&SHA256, &[]),
            list_digest: None,
        };
        self.window.consume(length);
        if let Some(inner) = self.window.end_of_inner() {
            tail.tbs_digest = inner.finish();
        }
        Ok(tail)
    }
}

/// Some octets of the source, and the digests of those that went by.
struct Window<R> {
    source: R,
    octets: Vec<u8>,
    /// What is not consumed: `octets[start..end]`.
    start: usize,
    end: usize,
    /// How many were consumed since the beginning.
    position: u64,
    /// From here on the octets belong to the inner digest, and from here on to the outer.
    inner_from: usize,
    outer_from: usize,
    inner: Option<Context>,
    outer: Option<Context>,
}

impl<R: Read> Window<R> {
    fn new(source: R, outer: Option<Context>) -> Self {
        let octets = vec![0; WINDOW];
        Self { source, octets, start: 0, end: 0, position: 0, inner_from: 0, outer_from: 0, inner: None, outer }
    }

    /// Passes the head of an element with this tag; where it ends.
    fn enter(&mut self, tag: u8) -> Result<u64, CrlFault> {
        let head = der::head(self.available(6)?)?;
        if head.tag != tag {
            return Err(DerError::Tag { expected: tag, found: head.tag }.into());
        }
        self.consume(head.octets);
        Ok(self.position + head.content as u64)
    }

    /// What is there, at least so many octets unless the source ends.
    #[inline]
    fn available(&mut self, wanted: usize) -> Result<&[u8], CrlFault> {
        if self.end - self.start < wanted {
            self.fill(wanted)?;
        }
        Ok(&self.octets[self.start..self.end])
    }

    /// So many octets, or those up to `end`.
    #[inline]
    fn at_most(&mut self, wanted: usize, end: u64) -> Result<&[u8], CrlFault> {
        let left = usize::try_from(end - self.position).unwrap_or(usize::MAX).min(wanted);
        let there = self.available(left)?;
        there.get(..left).ok_or_else(|| DerError::Truncated.into())
    }

    /// Everything up to `end`, or as much of it as a window holds.
    fn up_to(&mut self, end: u64) -> Result<&[u8], CrlFault> {
        self.at_most(WINDOW, end)
    }

    #[inline]
    fn consume(&mut self, octets: usize) {
        self.start += octets;
        self.position += octets as u64;
    }

    #[cold]
    fn fill(&mut self, wanted: usize) -> Result<(), CrlFault> {
        self.digest();
        self.octets.copy_within(self.start..self.end, 0);
        self.end -= mem::take(&mut self.start);
        (self.inner_from, self.outer_from) = (0, 0);
        while self.end < wanted.min(WINDOW) {
            match self.source.read(&mut self.octets[self.end..]) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(CrlFault::Unavailable(error.to_string())),
            }
        }
        Ok(())
    }

    /// Takes what was consumed into the digests.
    fn digest(&mut self) {
        if let Some(inner) = &mut self.inner {
            inner.update(&self.octets[self.inner_from..self.start]);
        }
        if let Some(outer) = &mut self.outer {
            outer.update(&self.octets[self.outer_from..self.start]);
        }
        (self.inner_from, self.outer_from) = (self.start, self.start);
    }

    /// What is consumed from here on belongs to a digest of its own.
    fn begin_inner(&mut self, context: Context) {
        self.inner_from = self.start;
        self.inner = Some(context);
    }

    fn end_of_inner(&mut self) -> Option<Context> {
        self.digest();
        self.inner.take()
    }

    /// The end of the source too.
    fn finish(mut self) -> Result<Option<[u8; 32]>, CrlFault> {
        if !self.available(1)?.is_empty() {
            return Err(DerError::Trailing.into());
        }
        self.digest();
        let digest = self.outer.map(|outer| outer.finish());
        Ok(digest.and_then(|digest| digest.as_ref().try_into().ok()))
    }
}
