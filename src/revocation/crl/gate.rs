//! The publish gate: a signed list is read back and held against its order, its predecessor and the events, and only what
//! passes replaces the list before.
//!
//! Why so much suspicion: the largest CAs have published lists that had lost entries, whose number had jumped back, whose
//! scope had shrunk. Each came from one query that everybody trusted. So what one query made, another source judges: a
//! complete list comes from the table of certificates and is judged by the events since its predecessor; a delta comes from the
//! events and is judged by the table.

use std::collections::BTreeMap;

use super::ListOrder;
use crate::x509::{
    CrlEntry, CrlFault, CrlView, RevocationReason, Serial,
    der::{DerError, Reader, context_constructed},
};

/// The certificates whose status changed: the entry that each has from then on, or one with removeFromCRL for a released
/// hold.
pub type Changes = BTreeMap<Serial, CrlEntry>;

/// What a list can do wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// It cannot be read back.
    #[error(transparent)]
    Unreadable(#[from] CrlFault),
    /// Its signature does not verify under the CA's key.
    #[error("the signature does not verify")]
    Signature,
    /// It does not say what was ordered.
    #[error("it does not say what was ordered: {0}")]
    Order(&'static str),
    /// Its number has not risen.
    #[error("number {number} does not follow {previous}")]
    Number {
        /// Of the new list.
        number: u64,
        /// Of the previous one.
        previous: u64,
    },
    /// It is older than the previous list, or ends before it.
    #[error("it is older than the list before")]
    Older,
    /// It speaks for other certificates than the previous list, or than its base.
    #[error("its scope is not that of the list before")]
    Scope,
    /// It lost an entry that is neither over nor lawfully released.
    #[error("it lost the entry of {0}")]
    Lost(Serial),
    /// It tells of an entry otherwise than the list before, and no event says why.
    #[error("it changed the entry of {0}, and no event says why")]
    Altered(Serial),
    /// An event before its position ended or suspended a certificate, and it does not say so.
    #[error("it does not tell of the event that ended {0}")]
    Missing(Serial),
    /// An event before its position released a hold, and it still lists it.
    #[error("it lists {0}, whose hold was released")]
    Released(Serial),
    /// It lists a certificate that no event ended.
    #[error("it lists {0}, which no event ended")]
    Unexplained(Serial),
    /// The complete list that a delta names is not one that it can update.
    #[error("its base {0}")]
    Base(&'static str),
    /// A delta takes a revocation back that is none to take back.
    #[error("it takes back the revocation of {0}, which is final")]
    Revived(Serial),
    /// An entry of a delta is not what the certificate's record says.
    #[error("its entry of {0} contradicts the record of the certificate")]
    Contradicts(Serial),
}

/// What a complete list is held against.
#[derive(Clone, Copy)]
pub struct Witnesses<'a> {
    /// The list before, DER.
    pub previous: Option<&'a [u8]>,
    /// What the events between the positions of the two lists say, without certificates that were over when the list before
    /// was made.
    pub changes: &'a Changes,
    /// Whether the certificate of an entry was over when the list before was made.
    pub is_over: &'a dyn Fn(&CrlEntry) -> bool,
    /// Whether the status index has the certificate as held or revoked: for entries of which neither tells.
    pub is_ended: &'a dyn Fn(&CrlEntry) -> bool,
}

/// What a delta is held against.
#[derive(Clone, Copy)]
pub struct DeltaWitnesses<'a> {
    /// The complete list that it updates, DER.
    pub base: &'a [u8],
    /// The delta before, DER.
    pub previous: Option<&'a [u8]>,
    /// Whether the record of the certificate agrees with an entry, or has moved on since.
    pub agrees: &'a dyn Fn(&CrlEntry) -> bool,
}

/// Reads a signed complete list back and holds it against its order, its entries, the list before and the events. What
/// passes may be published.
///
/// # Errors
/// [`GateError`], the first thing found wrong.
pub fn gate(
    list: &[u8],
    order: &ListOrder<'_>,
    entries: &[CrlEntry],
    witnesses: Witnesses<'_>,
) -> Result<(), GateError> {
    let view = as_ordered(list, order, entries)?;
    let previous = witnesses.previous.map(CrlView::from_der).transpose()?;
    if let Some(previous) = &previous {
        succeeds(&view, previous)?;
    }
    let mut rest = entries.iter().peekable();
    for old in previous.iter().flat_map(CrlView::entries) {
        let old = old?;
        while let Some(new) = rest.next_if(|entry| entry.serial < old.serial) {
            witnesses.explain(new)?;
        }
        match rest.next_if(|entry| entry.serial == old.serial) {
            Some(new) if *new == old || witnesses.changes.get(&new.serial) == Some(new) => {}
            Some(_) => return Err(GateError::Altered(old.serial)),
            None => witnesses.let_go(&old)?,
        }
    }
    rest.try_for_each(|new| witnesses.explain(new))?;
    witnesses.changes.values().try_for_each(|change| tells(entries, change))
}

impl Witnesses<'_> {
    /// An entry that the list before did not have.
    fn explain(&self, new: &CrlEntry) -> Result<(), GateError> {
        let told = self.changes.get(&new.serial) == Some(new);
        if told || (self.is_ended)(new) { Ok(()) } else { Err(GateError::Unexplained(new.serial)) }
    }

    /// An entry that only the list before has.
    fn let_go(&self, old: &CrlEntry) -> Result<(), GateError> {
        let change = self.changes.get(&old.serial);
        let released = change.is_some_and(|change| change.reason == RevocationReason::RemoveFromCrl);
        let lawful = (released && old.reason == RevocationReason::CertificateHold) || (self.is_over)(old);
        if lawful { Ok(()) } else { Err(GateError::Lost(old.serial)) }
    }
}

/// Reads a signed delta back and holds it against its order, its entries, its base, the delta before and the records of the
/// certificates. What passes may be published.
///
/// # Errors
/// [`GateError`], the first thing found wrong.
pub fn gate_delta(
    list: &[u8],
    order: &ListOrder<'_>,
    entries: &[CrlEntry],
    witnesses: DeltaWitnesses<'_>,
) -> Result<(), GateError> {
    let view = as_ordered(list, order, entries)?;
    let base = CrlView::from_der(witnesses.base)?;
    updates(&view, &base)?;
    for old in base.entries() {
        let old = old?;
        let removed = find(entries, &old).is_some_and(|entry| entry.reason == RevocationReason::RemoveFromCrl);
        if removed && old.reason != RevocationReason::CertificateHold {
            return Err(GateError::Revived(old.serial));
        }
    }
    if let Some(previous) = witnesses.previous {
        let previous = CrlView::from_der(previous)?;
        succeeds(&view, &previous)?;
        if previous.delta_base > view.delta_base {
            return Err(GateError::Base("is older than that of the delta before"));
        }
        if previous.delta_base == view.delta_base {
            keeps(entries, &previous)?;
        }
    }
    let stray = entries.iter().find(|entry| !(witnesses.agrees)(entry));
    stray.map_or(Ok(()), |entry| Err(GateError::Contradicts(entry.serial)))
}

/// The list, if it can be read, is signed by the CA, and says what was ordered.
fn as_ordered<'a>(list: &'a [u8], order: &ListOrder<'_>, entries: &[CrlEntry]) -> Result<CrlView<'a>, GateError> {
    let view = CrlView::from_der(list)?;
    view.verify(order.public_key).map_err(|_| GateError::Signature)?;
    let says = [
        ("issuer", view.issuer == order.issuer.der()),
        ("authorityKeyIdentifier", view.authority_key_id == order.public_key.key_id()),
        ("cRLNumber", view.number == order.number),
        ("thisUpdate", view.this_update == order.this_update),
        ("nextUpdate", view.next_update == order.next_update),
        ("issuingDistributionPoint", view.issuing_distribution_point == order.scope),
        ("deltaCRLIndicator", view.delta_base == order.delta_base),
        ("freshestCRL", view.freshest_crl == order.freshest),
        ("revokedCertificates", same_entries(&view, entries)?),
    ];
    let wrong = says.into_iter().find(|(_, holds)| !holds);
    wrong.map_or(Ok(view), |(field, _)| Err(GateError::Order(field)))
}

fn same_entries(view: &CrlView<'_>, entries: &[CrlEntry]) -> Result<bool, GateError> {
    let mut wanted = entries.iter();
    for found in view.entries() {
        if wanted.next() != Some(&found?) {
            return Ok(false);
        }
    }
    Ok(wanted.next().is_none() && entries.is_sorted_by(|one, next| one.serial < next.serial))
}

/// A list comes after the one before of its family: number, dates, scope.
fn succeeds(view: &CrlView<'_>, previous: &CrlView<'_>) -> Result<(), GateError> {
    if view.number <= previous.number {
        return Err(GateError::Number { number: view.number, previous: previous.number });
    }
    // A nextUpdate before the previous one is lawful: the operator chose a shorter window.
    if view.this_update < previous.this_update {
        return Err(GateError::Older);
    }
    let same_family = same_scope(view, previous) && view.delta_base.is_some() == previous.delta_base.is_some();
    if same_family { Ok(()) } else { Err(GateError::Scope) }
}

/// Same issuer, same key, and a distribution point that speaks for the same certificates: the directory name and the flags.
/// The URI beside them may move with the service; clients find the match by the name (RFC 5280 §6.3.3 (b)(2)(i)).
fn same_scope(view: &CrlView<'_>, other: &CrlView<'_>) -> bool {
    let scopes = [view, other].map(|list| list.issuing_distribution_point.map(point_scope).transpose());
    (view.issuer, view.authority_key_id) == (other.issuer, other.authority_key_id)
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

/// A delta can be applied to its base (RFC 5280 §5.2.4).
fn updates(view: &CrlView<'_>, base: &CrlView<'_>) -> Result<(), GateError> {
    let rules = [
        (base.delta_base.is_none(), GateError::Base("is itself a delta")),
        (view.delta_base == Some(base.number), GateError::Base("is another than it names")),
        (base.number < view.number, GateError::Base("does not come before it")),
        (same_scope(view, base), GateError::Scope),
        (base.this_update <= view.this_update, GateError::Older),
    ];
    rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, broken)| Err(broken))
}

/// A delta tells of everything that the delta before to the same base told, and of what was final in the same words.
fn keeps(entries: &[CrlEntry], previous: &CrlView<'_>) -> Result<(), GateError> {
    for old in previous.entries() {
        let old = old?;
        let new = find(entries, &old).ok_or(GateError::Lost(old.serial))?;
        let open = matches!(old.reason, RevocationReason::CertificateHold | RevocationReason::RemoveFromCrl);
        if !open && *new != old {
            return Err(GateError::Altered(old.serial));
        }
    }
    Ok(())
}

fn tells(entries: &[CrlEntry], change: &CrlEntry) -> Result<(), GateError> {
    match (change.reason, find(entries, change)) {
        (RevocationReason::RemoveFromCrl, None) => Ok(()),
        (RevocationReason::RemoveFromCrl, Some(_)) => Err(GateError::Released(change.serial)),
        (_, Some(entry)) if entry == change => Ok(()),
        _ => Err(GateError::Missing(change.serial)),
    }
}

/// The entry of the same certificate.
fn find<'a>(entries: &'a [CrlEntry], other: &CrlEntry) -> Option<&'a CrlEntry> {
    entries.binary_search_by_key(&other.serial, |entry| entry.serial).ok().and_then(|at| entries.get(at))
}
