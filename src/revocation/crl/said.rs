//! What a list says of itself, apart from its entries.

use super::GateError;
use crate::{
    ports::{ListOctets, ListReader},
    x509::{
        CrlFault, CrlStream, CrlTail, CrlView, SignatureAlgorithm, SubjectPublicKey, UnixTime,
        der::{DerError, Reader, context_constructed},
    },
};

/// What a list says of itself.
pub(super) struct Said {
    pub(super) algorithm: SignatureAlgorithm,
    pub(super) issuer: Vec<u8>,
    pub(super) this_update: UnixTime,
    pub(super) next_update: UnixTime,
    pub(super) authority_key_id: Vec<u8>,
    pub(super) number: u64,
    pub(super) delta_base: Option<u64>,
    pub(super) issuing_distribution_point: Option<Vec<u8>>,
}

impl From<&CrlView<'_>> for Said {
    fn from(view: &CrlView<'_>) -> Self {
        Self {
            algorithm: view.algorithm,
            issuer: view.issuer.to_vec(),
            this_update: view.this_update,
            next_update: view.next_update,
            authority_key_id: view.authority_key_id.to_vec(),
            number: view.number,
            delta_base: view.delta_base,
            issuing_distribution_point: view.issuing_distribution_point.map(<[u8]>::to_vec),
        }
    }
}

impl Said {
    /// Reads a list to its end.
    pub(super) fn of(mut stream: CrlStream<ListReader<'_>>) -> Result<(Self, CrlTail), CrlFault> {
        let issuer = std::mem::take(&mut stream.issuer);
        let (algorithm, this_update, next_update) = (stream.algorithm, stream.this_update, stream.next_update);
        let tail = stream.finish()?;
        let said = Self {
            algorithm,
            issuer,
            this_update,
            next_update,
            authority_key_id: tail.authority_key_id.clone(),
            number: tail.number,
            delta_base: tail.delta_base,
            issuing_distribution_point: tail.issuing_distribution_point.clone(),
        };
        Ok((said, tail))
    }

    /// Verifies the signature of the list that was read. One in memory is verified whole, by another library than the one
    /// that signs.
    pub(super) fn verify(&self, list: &ListOctets, key: &SubjectPublicKey, tail: &CrlTail) -> Result<(), GateError> {
        let verified = match list {
            ListOctets::Memory(octets) => CrlView::from_der(octets)?.verify(key),
            ListOctets::File(_) => key.verify_digest(self.algorithm, tail.tbs_digest.as_ref(), &tail.signature),
        };
        verified.map_err(|_| GateError::Signature)
    }
}

/// A list comes after the one before of its family: number, dates, scope.
pub(super) fn followed_by(previous: &Said, said: &Said) -> Result<(), GateError> {
    if said.number <= previous.number {
        return Err(GateError::Number { number: said.number, previous: previous.number });
    }
    // A nextUpdate before the previous one is lawful: the operator chose a shorter window.
    if said.this_update < previous.this_update {
        return Err(GateError::Older);
    }
    let same_family = same_scope(said, previous) && said.delta_base.is_some() == previous.delta_base.is_some();
    if same_family { Ok(()) } else { Err(GateError::Scope) }
}

/// Same issuer, same key, and a distribution point that speaks for the same certificates: the directory name and the flags.
/// The URI beside them may move with the service; clients find the match by the name (RFC 5280 §6.3.3 (b)(2)(i)).
pub(super) fn same_scope(one: &Said, other: &Said) -> bool {
    let scopes = [one, other].map(|list| list.issuing_distribution_point.as_deref().map(point_scope).transpose());
    (&one.issuer, &one.authority_key_id) == (&other.issuer, &other.authority_key_id)
        && matches!(scopes, [Ok(one), Ok(another)] if one == another)
}

/// The directory name of an issuingDistributionPoint, and what follows its names: the flags.
fn point_scope(point: &[u8]) -> Result<(Option<&[u8]>, &[u8]), DerError> {
    Reader::new(point).sequence(|point| {
        let mut directory = None;
        if point.peek() == Some(context_constructed(0)) {
            point.nested(context_constructed(0), |name| {
                name.nested(context_constructed(0), |names| {
                    while !names.is_empty() {
                        let one = names.any()?;
                        directory = directory.or((one.tag == context_constructed(4)).then_some(one.content));
                    }
                    Ok::<_, DerError>(())
                })
            })?;
        }
        let flags = point.rest();
        while !point.is_empty() {
            point.any()?;
        }
        Ok((directory, flags))
    })
}
