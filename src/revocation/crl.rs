//! Making a certificate revocation list; the gate that it passes before it is published is beside.

use crate::{
    ports::{ListDraft, MemoryDraft, Signer, SignerError, StoreError},
    x509::{
        CrlEntry, CrlHeader, CrlSnapshot, CrlWriteError, CrlWriter, KeyAlgorithm, Name, SignatureAlgorithm,
        SubjectPublicKey, UnixTime,
        crl::{outer_header, outer_trailer},
    },
};

mod changes;
mod gate;
mod kept;
mod outline;
mod said;

pub use changes::{Changes, ChangesBeside};
pub use gate::{DeltaWitnesses, GateError, Witnesses, gate, gate_again, gate_delta, gate_delta_again};
pub use kept::{KeptError, check_kept};
pub use outline::{ListEntries, Outline};

/// Everything that a list says but its entries.
#[derive(Clone, Copy, Debug)]
pub struct ListOrder<'a> {
    /// The CA's name.
    pub issuer: &'a Name,
    /// The CA generation's public key.
    pub public_key: &'a SubjectPublicKey,
    /// The list's number.
    pub number: u64,
    /// thisUpdate.
    pub this_update: UnixTime,
    /// nextUpdate.
    pub next_update: UnixTime,
    /// Value of issuingDistributionPoint; the full list and its deltas have none.
    pub scope: Option<&'a [u8]>,
    /// Of a delta: the number of the complete list that it updates.
    pub delta_base: Option<u64>,
    /// Value of freshestCRL: where a complete list has its delta. A delta has none (RFC 5280 §5.2.6).
    pub freshest: Option<&'a [u8]>,
}

/// Why no list was made.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The list could not be written.
    #[error(transparent)]
    Write(#[from] CrlWriteError),
    /// There is no place for it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The list did not pass the gate; the old one stays.
    #[error("the list was not published: {0}")]
    Gate(#[from] GateError),
}

impl ListOrder<'_> {
    fn header<'a>(&'a self, algorithm: SignatureAlgorithm, key_id: &'a [u8]) -> CrlHeader<'a> {
        CrlHeader {
            algorithm,
            issuer: self.issuer,
            this_update: self.this_update,
            next_update: self.next_update,
            authority_key_id: key_id,
            number: self.number,
            delta_base: self.delta_base,
            issuing_distribution_point: self.scope,
            freshest_crl: self.freshest,
        }
    }

    /// Octets of the key's longest signature: of RSA there is no other, of ECDSA nearly all are a few octets shorter (two
    /// INTEGERs in a SEQUENCE, each a sign octet longer than the field at most).
    fn longest_signature(&self) -> usize {
        match self.public_key.algorithm() {
            KeyAlgorithm::Rsa(bits) => usize::from(bits).div_ceil(8),
            KeyAlgorithm::P256 => 2 + 2 * (2 + 33),
            KeyAlgorithm::P384 => 2 + 2 * (2 + 49),
        }
    }
}

/// Writes and signs a list in memory. Entries are in order of serial number.
///
/// # Errors
/// [`ListError`].
pub fn sign(order: &ListOrder<'_>, entries: &[CrlEntry], signer: &dyn Signer) -> Result<Vec<u8>, ListError> {
    let memory = |octets| Ok(MemoryDraft::with_capacity(usize::try_from(octets).unwrap_or(0)));
    Ok(print(order, &entries.iter().collect(), signer, memory)?.into_octets())
}

/// Writes and signs a list into a draft: `begin` makes one for at most so many octets. Entries are in order of serial
/// number.
///
/// One pass: what precedes the tbsCertList is as long as it would be with the longest signature, and its octets are written
/// last, when the signature is known. Why no gap is needed for an ECDSA signature that turns out shorter: it stands at the
/// end, and only the outer length tells of it, which takes as many octets for all signatures of a key unless the list's length
/// is within a few octets of a power of 256. There the tbsCertList is written once more, behind the shorter length; it is the
/// same, so the signature is.
///
/// # Errors
/// [`ListError`].
pub fn print<D: ListDraft>(
    order: &ListOrder<'_>,
    entries: &CrlSnapshot,
    signer: &dyn Signer,
    begin: impl Fn(u64) -> Result<D, StoreError>,
) -> Result<D, ListError> {
    let (algorithm, key_id) = (signer.algorithm(), order.public_key.key_id());
    let header = order.header(algorithm, &key_id);
    let tbs_length = header.tbs_length(entries.totals());
    let longest = vec![0; order.longest_signature()];
    let front = outer_header(tbs_length, algorithm, &longest);
    let octets = (front.len() + tbs_length + outer_trailer(algorithm, &longest).len()) as u64;
    let tbs = |front: &[u8]| {
        let mut draft = begin(octets)?;
        draft.write_all(front).map_err(CrlWriteError::from)?;
        draft.begin_digest(algorithm.digest());
        let mut writer = CrlWriter::new(&header, entries.totals(), draft)?;
        writer.entries(entries)?;
        let mut draft = writer.finish()?;
        let digest = draft.end_digest().map_err(CrlWriteError::from)?;
        Ok::<_, ListError>((draft, digest))
    };
    let (mut draft, digest) = tbs(&front)?;
    let signature = signer.sign_digest(digest.as_ref())?;
    let right = outer_header(tbs_length, algorithm, &signature);
    if right.len() == front.len() {
        draft.overwrite_front(&right).map_err(CrlWriteError::from)?;
    } else {
        drop(draft);
        (draft, _) = tbs(&right)?;
    }
    draft.write_all(&outer_trailer(algorithm, &signature)).map_err(CrlWriteError::from)?;
    Ok(draft)
}
