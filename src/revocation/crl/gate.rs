//! The publish gate: a signed list is read back and held against its order, its predecessor and the events, and only what
//! passes replaces the list before.
//!
//! Why so much suspicion: the largest CAs have published lists that had lost entries, whose number had jumped back, whose
//! scope had shrunk. Each came from one query that everybody trusted. So what one query made, another source judges: a
//! complete list comes from the table of certificates and is judged by the events since its predecessor; a delta comes from the
//! events and is judged by the table.
//!
//! Everything is in order of serial number: the list, its entries, the list before, the events. So they are walked side by
//! side, once, in memory that does not grow with them. What the walk finds wrong is told only when the list turned out to be
//! the one that was ordered.

use std::{collections::btree_map::Values, iter::Peekable, mem};

use super::{
    Changes, ListOrder,
    said::{Said, followed_by, same_scope},
};
use crate::{
    ports::{ListOctets, ListReader},
    x509::{CrlEntry, CrlFault, CrlSnapshot, CrlStream, RevocationReason, Serial, crl::SnapshotEntries},
};

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
    /// The list before.
    pub previous: Option<&'a ListOctets>,
    /// What the events between the positions of the two lists say, without certificates that were over when the list before
    /// was made. Where they were taken beside entries ([`ChangesBeside`](super::ChangesBeside)), beside those of this list.
    pub changes: &'a Changes,
    /// Whether the certificate of an entry was over when the list before was made.
    pub is_over: &'a dyn Fn(&CrlEntry) -> bool,
    /// Whether the status index has the certificate as held or revoked: for entries of which neither tells.
    pub is_ended: &'a dyn Fn(&CrlEntry) -> bool,
}

/// What a delta is held against.
#[derive(Clone, Copy)]
pub struct DeltaWitnesses<'a> {
    /// The complete list that it updates.
    pub base: &'a ListOctets,
    /// The delta before.
    pub previous: Option<&'a ListOctets>,
    /// Whether the record of the certificate agrees with an entry, or has moved on since.
    pub agrees: &'a dyn Fn(&CrlEntry) -> bool,
}

/// Reads a signed complete list back and holds it against its order, its entries, the list before and the events. What
/// passes may be published; its SHA-256.
///
/// # Errors
/// [`GateError`], the first thing found wrong.
pub fn gate(
    list: &ListOctets,
    order: &ListOrder<'_>,
    entries: &CrlSnapshot,
    witnesses: Witnesses<'_>,
) -> Result<[u8; 32], GateError> {
    follow(list, order, Some(entries), witnesses)
}

/// As [`gate`], for a list of long ago: what it was made from is gone, so its entries stand for themselves, and must be in
/// order. Nothing of it is kept in memory.
///
/// # Errors
/// As for [`gate`].
pub fn gate_again(list: &ListOctets, order: &ListOrder<'_>, witnesses: Witnesses<'_>) -> Result<[u8; 32], GateError> {
    follow(list, order, None, witnesses)
}

fn follow(
    list: &ListOctets,
    order: &ListOrder<'_>,
    entries: Option<&CrlSnapshot>,
    witnesses: Witnesses<'_>,
) -> Result<[u8; 32], GateError> {
    let mut walk = Walk::new(witnesses)?;
    let (said, digest) = as_ordered(list, order, entries, |new| walk.pass(new))?;
    walk.finish(&said)?;
    Ok(digest)
}

/// The list before and the events, walked beside a list.
struct Walk<'a> {
    witnesses: Witnesses<'a>,
    previous: Option<CrlStream<ListReader<'a>>>,
    /// The next entry of the list before.
    old: Option<CrlEntry>,
    changes: Peekable<Values<'a, Serial, CrlEntry>>,
    /// Entries of the new list that passed.
    passed: usize,
    /// The first thing wrong with an entry of either list, and the first event that is not told.
    wrong: Result<(), GateError>,
    untold: Result<(), GateError>,
}

impl<'a> Walk<'a> {
    fn new(witnesses: Witnesses<'a>) -> Result<Self, GateError> {
        let mut previous = witnesses.previous.map(|list| CrlStream::open(list.reader())).transpose()?;
        let old = next(&mut previous)?;
        let changes = witnesses.changes.values().peekable();
        Ok(Self { witnesses, previous, old, changes, passed: 0, wrong: Ok(()), untold: Ok(()) })
    }

    /// The next entry of the new list.
    fn pass(&mut self, new: &CrlEntry) -> Result<(), CrlFault> {
        while let Some(gone) = self.old.filter(|old| old.serial < new.serial) {
            self.drop_old(&gone)?;
        }
        while let Some(change) = self.changes.next_if(|change| change.serial < new.serial) {
            self.untold = mem::replace(&mut self.untold, Ok(())).and_then(|()| tells(None, change));
        }
        let change = self.changes.next_if(|change| change.serial == new.serial);
        let is_told = change == Some(new) || self.witnesses.changes.tells(self.passed);
        self.passed += 1;
        if let Some(change) = change.filter(|_| !is_told) {
            self.untold = mem::replace(&mut self.untold, Ok(())).and_then(|()| tells(Some(new), change));
        }
        match self.old.filter(|old| old.serial == new.serial) {
            Some(old) => {
                if old != *new && !is_told {
                    self.note(|_| Err(GateError::Altered(new.serial)));
                }
                self.old = next(&mut self.previous)?;
            }
            None if is_told => {}
            None => self.note(
                |witnesses| {
                    if (witnesses.is_ended)(new) { Ok(()) } else { Err(GateError::Unexplained(new.serial)) }
                },
            ),
        }
        Ok(())
    }

    /// An entry that only the list before has.
    fn drop_old(&mut self, old: &CrlEntry) -> Result<(), CrlFault> {
        self.note(|witnesses| {
            let change = witnesses.changes.get(&old.serial);
            let released = change.is_some_and(|change| change.reason == RevocationReason::RemoveFromCrl);
            let lawful = (released && old.reason == RevocationReason::CertificateHold) || (witnesses.is_over)(old);
            if lawful { Ok(()) } else { Err(GateError::Lost(old.serial)) }
        });
        self.old = next(&mut self.previous)?;
        Ok(())
    }

    fn note(&mut self, found: impl FnOnce(&Witnesses<'_>) -> Result<(), GateError>) {
        if self.wrong.is_ok() {
            self.wrong = found(&self.witnesses);
        }
    }

    fn finish(mut self, said: &Said) -> Result<(), GateError> {
        while let Some(gone) = self.old {
            self.drop_old(&gone)?;
        }
        if let Some(previous) = self.previous {
            followed_by(&Said::of(previous)?.0, said)?;
        }
        self.wrong?;
        self.untold?;
        self.changes.try_for_each(|change| tells(None, change))
    }
}

fn next(list: &mut Option<CrlStream<ListReader<'_>>>) -> Result<Option<CrlEntry>, CrlFault> {
    list.as_mut().map_or(Ok(None), CrlStream::entry)
}

/// Whether a list tells of an event, by its entry of the certificate.
fn tells(entry: Option<&CrlEntry>, change: &CrlEntry) -> Result<(), GateError> {
    match (change.reason, entry) {
        (RevocationReason::RemoveFromCrl, None) => Ok(()),
        (RevocationReason::RemoveFromCrl, Some(_)) => Err(GateError::Released(change.serial)),
        (_, Some(entry)) if entry == change => Ok(()),
        _ => Err(GateError::Missing(change.serial)),
    }
}

/// Reads a signed delta back and holds it against its order, its entries, its base, the delta before and the records of the
/// certificates. What passes may be published; its SHA-256.
///
/// # Errors
/// [`GateError`], the first thing found wrong.
pub fn gate_delta(
    list: &ListOctets,
    order: &ListOrder<'_>,
    entries: &CrlSnapshot,
    witnesses: DeltaWitnesses<'_>,
) -> Result<[u8; 32], GateError> {
    update(list, order, Some(entries), witnesses)
}

/// As [`gate_delta`], for a delta of long ago: its entries stand for themselves, and must be in order.
///
/// # Errors
/// As for [`gate_delta`].
pub fn gate_delta_again(
    list: &ListOctets,
    order: &ListOrder<'_>,
    witnesses: DeltaWitnesses<'_>,
) -> Result<[u8; 32], GateError> {
    update(list, order, None, witnesses)
}

fn update(
    list: &ListOctets,
    order: &ListOrder<'_>,
    entries: Option<&CrlSnapshot>,
    witnesses: DeltaWitnesses<'_>,
) -> Result<[u8; 32], GateError> {
    let (said, digest) = as_ordered(list, order, entries, |_| Ok(()))?;
    let ours = || Ours::of(list, entries);
    let mut revived = Ok(());
    let base = beside(witnesses.base, ours()?, |old, new| {
        let removed = new.is_some_and(|entry| entry.reason == RevocationReason::RemoveFromCrl);
        if removed && old.reason != RevocationReason::CertificateHold && revived.is_ok() {
            revived = Err(GateError::Revived(old.serial));
        }
    })?;
    updates(&said, &base)?;
    revived?;
    if let Some(previous) = witnesses.previous {
        let mut kept = Ok(());
        let previous = beside(previous, ours()?, |old, new| {
            if kept.is_ok() {
                kept = keeps(old, new);
            }
        })?;
        followed_by(&previous, &said)?;
        if previous.delta_base > said.delta_base {
            return Err(GateError::Base("is older than that of the delta before"));
        }
        if previous.delta_base == said.delta_base {
            kept?;
        }
    }
    let mut ours = ours()?;
    while let Some(entry) = ours.next()? {
        if !(witnesses.agrees)(&entry) {
            return Err(GateError::Contradicts(entry.serial));
        }
    }
    Ok(digest)
}

/// The entries of the list at the gate: what it was made from, or, where that is gone, as it says them.
enum Ours<'a> {
    Made(SnapshotEntries<'a>),
    Said(Box<CrlStream<ListReader<'a>>>),
}

impl<'a> Ours<'a> {
    fn of(list: &'a ListOctets, entries: Option<&'a CrlSnapshot>) -> Result<Self, CrlFault> {
        entries.map_or_else(
            || CrlStream::open(list.reader()).map(|stream| Self::Said(Box::new(stream))),
            |entries| Ok(Self::Made(entries.iter())),
        )
    }

    fn next(&mut self) -> Result<Option<CrlEntry>, CrlFault> {
        match self {
            Self::Made(entries) => Ok(entries.next()),
            Self::Said(stream) => stream.entry(),
        }
    }
}

/// Walks another list, each of its entries beside ours of the same certificate; what it says of itself.
fn beside(
    list: &ListOctets,
    mut ours: Ours<'_>,
    mut see: impl FnMut(&CrlEntry, Option<&CrlEntry>),
) -> Result<Said, CrlFault> {
    let mut stream = CrlStream::open(list.reader())?;
    let mut own = ours.next()?;
    while let Some(theirs) = stream.entry()? {
        while own.is_some_and(|entry| entry.serial < theirs.serial) {
            own = ours.next()?;
        }
        see(&theirs, own.as_ref().filter(|entry| entry.serial == theirs.serial));
    }
    Ok(Said::of(stream)?.0)
}

/// The list, if it can be read, is signed by the CA, and says what was ordered. Its entries pass by `see`.
fn as_ordered(
    list: &ListOctets,
    order: &ListOrder<'_>,
    entries: Option<&CrlSnapshot>,
    mut see: impl FnMut(&CrlEntry) -> Result<(), CrlFault>,
) -> Result<(Said, [u8; 32]), GateError> {
    let mut stream = CrlStream::open_hashing(list.reader())?;
    let (mut wanted, mut same) = (entries.map(CrlSnapshot::iter), entries.is_none_or(CrlSnapshot::is_in_order));
    let mut last = None;
    while let Some(found) = stream.entry()? {
        same = same
            && match &mut wanted {
                Some(wanted) => wanted.next() == Some(found),
                None => last.replace(found.serial).is_none_or(|last| last < found.serial),
            };
        if same {
            see(&found)?;
        }
    }
    same = same && wanted.is_none_or(|mut wanted| wanted.next().is_none());
    let (said, tail) = Said::of(stream)?;
    said.verify(list, order.public_key, &tail)?;
    let says = [
        ("issuer", said.issuer == order.issuer.der()),
        ("authorityKeyIdentifier", said.authority_key_id == order.public_key.key_id()),
        ("cRLNumber", said.number == order.number),
        ("thisUpdate", said.this_update == order.this_update),
        ("nextUpdate", said.next_update == order.next_update),
        ("issuingDistributionPoint", said.issuing_distribution_point.as_deref() == order.scope),
        ("deltaCRLIndicator", said.delta_base == order.delta_base),
        ("freshestCRL", tail.freshest_crl.as_deref() == order.freshest),
        ("revokedCertificates", same),
    ];
    let wrong = says.into_iter().find(|(_, holds)| !holds);
    let digest = tail.list_digest.unwrap_or_default();
    wrong.map_or(Ok((said, digest)), |(field, _)| Err(GateError::Order(field)))
}

/// A delta can be applied to its base (RFC 5280 §5.2.4).
fn updates(said: &Said, base: &Said) -> Result<(), GateError> {
    let rules = [
        (base.delta_base.is_none(), GateError::Base("is itself a delta")),
        (said.delta_base == Some(base.number), GateError::Base("is another than it names")),
        (base.number < said.number, GateError::Base("does not come before it")),
        (same_scope(said, base), GateError::Scope),
        (base.this_update <= said.this_update, GateError::Older),
    ];
    rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, broken)| Err(broken))
}

/// A delta tells of everything that the delta before to the same base told, and of what was final in the same words.
fn keeps(old: &CrlEntry, new: Option<&CrlEntry>) -> Result<(), GateError> {
    let new = new.ok_or(GateError::Lost(old.serial))?;
    let open = matches!(old.reason, RevocationReason::CertificateHold | RevocationReason::RemoveFromCrl);
    if open || new == old { Ok(()) } else { Err(GateError::Altered(old.serial)) }
}
