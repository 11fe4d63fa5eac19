//! Making a certificate revocation list; the gate that it passes before it is published is beside.

use crate::{
    ports::{Signer, SignerError},
    x509::{CrlEntry, CrlHeader, CrlTotals, CrlWriteError, CrlWriter, Name, SubjectPublicKey, UnixTime, certificate},
};

mod gate;
mod kept;

pub use gate::{Changes, DeltaWitnesses, GateError, Witnesses, gate, gate_delta};
pub use kept::{KeptError, check_kept};

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
    /// The key did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The list did not pass the gate; the old one stays.
    #[error("the list was not published: {0}")]
    Gate(#[from] GateError),
}

/// Writes and signs a list. Entries are in order of serial number.
///
/// # Errors
/// [`ListError`].
pub fn sign(order: &ListOrder<'_>, entries: &[CrlEntry], signer: &dyn Signer) -> Result<Vec<u8>, ListError> {
    let algorithm = signer.algorithm();
    let key_id = order.public_key.key_id();
    let header = CrlHeader {
        algorithm,
        issuer: order.issuer,
        this_update: order.this_update,
        next_update: order.next_update,
        authority_key_id: &key_id,
        number: order.number,
        delta_base: order.delta_base,
        issuing_distribution_point: order.scope,
        freshest_crl: order.freshest,
    };
    let totals: CrlTotals = entries.iter().collect();
    let mut writer = CrlWriter::new(&header, totals, Vec::with_capacity(header.tbs_length(totals)))?;
    for entry in entries {
        writer.entry(entry)?;
    }
    let tbs = writer.finish()?;
    let signature = signer.sign(&tbs)?;
    Ok(certificate::assemble(&tbs, algorithm, &signature))
}
