//! A list, as it was fetched, held against the events.
//!
//! The list, its base and what the events say are all in order of serial number, and walked side by side: of lists one entry is in
//! memory at a time, however long they are. One out of order is told of as that, and of its entries nothing more.

use std::{cmp::Ordering, collections::BTreeMap, iter::Peekable};

use super::{Contradiction, Ledger, Said};
use crate::{
    ports::{AuthorityRecord, CrlRecord, ListOctets},
    revocation::{
        authorities,
        crl::{ListEntries, Outline},
    },
    scope::CrlScope,
    x509::{CrlEntry, CrlFault, Name, RevocationReason, Serial, SubjectPublicKey, UnixTime},
};

/// What is known of a list that was fetched.
#[derive(Clone, Copy)]
pub struct Kept<'a> {
    /// The list of that number in the store.
    pub record: &'a CrlRecord,
    /// The list of the family before it.
    pub previous: Option<&'a CrlRecord>,
    /// Of a delta: the complete list that it names.
    pub base: Option<Base<'a>>,
    /// Name and key of the CA generation.
    pub issuer: (&'a Name, &'a SubjectPublicKey),
    /// The directory name that its issuingDistributionPoint must carry; the full list has none.
    pub partition: Option<&'a Name>,
    /// Every CA generation: of which of their own certificates their lists tell.
    pub authorities: &'a [AuthorityRecord],
    /// Before and after it was fetched.
    pub fetched: (UnixTime, UnixTime),
}

/// The base of a delta.
#[derive(Clone, Copy)]
pub struct Base<'a> {
    /// As the store keeps it.
    pub record: &'a CrlRecord,
    /// The complete list before it.
    pub previous: Option<&'a CrlRecord>,
}

/// The name of a list in what is told of it: `13115 list 7`, `delta 9`.
fn channel(record: &CrlRecord) -> String {
    let CrlRecord { generation, scope, number, .. } = record;
    match scope {
        CrlScope::FullDelta => format!("delta {generation}/{number}"),
        CrlScope::MunicipalityDelta(code) => format!("{code} delta {generation}/{number}"),
        CrlScope::Authorities => format!("CA list {generation}/{number}"),
        CrlScope::Full => format!("full list {generation}/{number}"),
        CrlScope::Municipality(code) => format!("{code} list {generation}/{number}"),
    }
}

/// What is wrong with a list, as it was fetched: itself first, then entry by entry. With it the number of certificates that
/// were compared: those that it lists and those that it should.
#[must_use]
pub fn examine(ledger: &Ledger, list: &ListOctets, kept: &Kept<'_>) -> (Vec<Contradiction>, usize) {
    match Outline::read(list) {
        Ok(outline) => examine_read(ledger, (list, &outline), kept),
        Err(error) => (vec![of_list(kept, error.to_string())], 0),
    }
}

/// As [`examine`], of a list that was read once.
#[must_use]
pub fn examine_read(
    ledger: &Ledger,
    (list, outline): (&ListOctets, &Outline),
    kept: &Kept<'_>,
) -> (Vec<Contradiction>, usize) {
    let faults = faults(ledger, (list, outline), kept);
    let mut found: Vec<_> = faults.into_iter().map(|says| of_list(kept, says.to_owned())).collect();
    if !outline.is_in_order {
        return (found, 0);
    }
    let walked = match (&kept.base, outline.delta_base()) {
        (None, None) => complete(ledger, list, kept),
        // Without its base a delta says nothing; that it lacks one is told above.
        (None, Some(_)) => return (found, 0),
        (Some(base), _) => delta(ledger, list, (kept, base)),
    };
    let (wrong, compared) = match walked {
        Ok(walked) => walked,
        Err(says) => {
            found.push(of_list(kept, says));
            return (found, 0);
        }
    };
    let position = kept.record.position;
    let told = |said: Option<&CrlEntry>| said.map_or_else(|| "nothing".to_owned(), describe);
    found.extend(wrong.into_iter().map(|(serial, (says, truth))| {
        let truth = format!("{} (position {position})", told(truth.as_ref()));
        Contradiction::of_certificate((kept.record.kind, serial), channel(kept.record), told(says.as_ref()), truth)
    }));
    (found, compared)
}

fn of_list(kept: &Kept<'_>, says: String) -> Contradiction {
    Contradiction::of_channel(kept.record.kind, channel(kept.record), says)
}

fn describe(entry: &CrlEntry) -> String {
    match entry.reason {
        RevocationReason::RemoveFromCrl => format!("released, held since {}", entry.revocation_date),
        _ => Said::from(entry).to_string(),
    }
}

/// What is wrong with a list apart from its entries.
fn faults(ledger: &Ledger, (der, list): (&ListOctets, &Outline), kept: &Kept<'_>) -> Vec<&'static str> {
    let record = kept.record;
    let (name, key) = kept.issuer;
    let (number, this_update, next_update) = (list.number(), list.this_update(), list.next_update());
    let names_partition = match (list.issuing_distribution_point(), kept.partition) {
        (None, None) => true,
        (Some(point), Some(name)) => point.windows(name.der().len()).any(|part| part == name.der()),
        _ => false,
    };
    let follows = kept.previous.is_none_or(|previous| {
        (previous.number, previous.this_update, previous.position)
            <= (record.number, record.this_update, record.position)
            && previous.number < number
            && previous.this_update <= this_update
            && previous.position <= record.position
    });
    let based = kept.base.as_ref().is_none_or(|base| {
        base.record.number < number && base.record.this_update <= this_update && base.record.position <= record.position
    });
    let says = [
        (list.verify(der, key).is_ok(), "its signature does not verify"),
        (list.issuer() == name.der() && list.authority_key_id() == key.key_id(), "it names another issuer"),
        (list.is_of(&record.der), "it is not the list of this number in the store"),
        ((this_update, next_update) == (record.this_update, record.next_update), "its dates are others"),
        (this_update <= kept.fetched.1, "it is of the future"),
        (kept.fetched.0 < next_update, "it is past its nextUpdate"),
        (list.is_in_order, "its entries are not in order, or one is there twice"),
        (names_partition, "it speaks for another partition"),
        (follows, "it does not follow the list before"),
        (list.delta_base().is_some() == record.scope.is_delta(), "it is a delta where none is due, or the reverse"),
        (list.delta_base() == kept.base.as_ref().map(|base| base.record.number), "its base is not in the store"),
        (based, "its base does not come before it"),
        (record.position <= ledger.position(), "it takes events into account that are not there"),
    ];
    says.into_iter().filter(|(holds, _)| !holds).map(|(_, says)| says).collect()
}

/// By certificate what the list says and what it should, where the two differ.
type Wrong = BTreeMap<Serial, (Option<CrlEntry>, Option<CrlEntry>)>;

fn complete(ledger: &Ledger, list: &ListOctets, kept: &Kept<'_>) -> Result<(Wrong, usize), String> {
    let key = (kept.record.kind, kept.record.generation, kept.record.scope);
    if key.2 == CrlScope::Authorities {
        let listed = read(list)?.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
        let is_listed = |serial: &Serial| listed.iter().any(|entry| entry.serial == *serial);
        let due = authorities::due(kept.authorities, (key.0, key.1), (kept.record.this_update, &is_listed));
        let due = due.map_err(|error| error.to_string())?;
        return differences(read(list)?, due.into_values().map(Ok)).map_err(unreadable);
    }
    let bound = kept.previous.map_or(UnixTime::EPOCH, |list| list.this_update);
    differences(read(list)?, ledger.ended(key, kept.record.position, bound).map(Ok)).map_err(unreadable)
}

/// A delta tells what changed since its base; applied to it, both say what the events say.
fn delta(ledger: &Ledger, list: &ListOctets, (kept, base): (&Kept<'_>, &Base<'_>)) -> Result<(Wrong, usize), String> {
    let key = (kept.record.kind, kept.record.generation, kept.record.scope.complete());
    let (position, over) = (kept.record.position, base.record.this_update);
    let changes = || ledger.changed(key, (base.record.position, position), over).map(Ok);
    // Certificates that were over when the base was made stay as it says: no delta speaks of them any more.
    let bound = base.previous.map_or(UnixTime::EPOCH, |list| list.this_update);
    let before = ledger.ended(key, base.record.position, bound).map(Ok);
    let (told, count) = differences(read(list)?, changes()).map_err(unreadable)?;
    let of_base = |error: CrlFault| format!("its base cannot be read: {error}");
    let on = ListEntries::of(&base.record.der).map_err(of_base)?;
    let (mut wrong, compared) = differences(applied(on, read(list)?), applied(before, changes())).map_err(of_base)?;
    wrong.extend(told);
    Ok((wrong, compared.max(count)))
}

fn read(list: &ListOctets) -> Result<ListEntries<'_>, String> {
    ListEntries::of(list).map_err(unreadable)
}

fn unreadable(error: CrlFault) -> String {
    error.to_string()
}

type Told = Result<CrlEntry, CrlFault>;

/// What changes make of entries; both in order, and so is what comes of it.
fn applied(entries: impl Iterator<Item = Told>, changes: impl Iterator<Item = Told>) -> impl Iterator<Item = Told> {
    let pairs = Pairs { one: entries.peekable(), other: changes.peekable() };
    pairs.filter_map(|pair| match pair {
        Err(fault) => Some(Err(fault)),
        Ok((entry, change)) => change.or(entry).filter(|one| one.reason != RevocationReason::RemoveFromCrl).map(Ok),
    })
}

/// What two say of each certificate of which either says something; each is in order.
struct Pairs<A: Iterator, B: Iterator> {
    one: Peekable<A>,
    other: Peekable<B>,
}

impl<A: Iterator<Item = Told>, B: Iterator<Item = Told>> Iterator for Pairs<A, B> {
    type Item = Result<(Option<CrlEntry>, Option<CrlEntry>), CrlFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let order = match (self.one.peek(), self.other.peek()) {
            (None, None) => return None,
            (Some(Ok(one)), Some(Ok(other))) => one.serial.cmp(&other.serial),
            (Some(Err(_)), _) | (Some(_), None) => Ordering::Less,
            (_, Some(_)) => Ordering::Greater,
        };
        let one = if order == Ordering::Greater { None } else { self.one.next() };
        let other = if order == Ordering::Less { None } else { self.other.next() };
        Some(one.transpose().and_then(|one| Ok((one, other.transpose()?))))
    }
}

/// Where what is said differs from the truth, and about how many certificates there was anything to compare.
fn differences(
    says: impl Iterator<Item = Told>,
    truth: impl Iterator<Item = Told>,
) -> Result<(Wrong, usize), CrlFault> {
    let (mut wrong, mut compared) = (Wrong::new(), 0);
    for pair in (Pairs { one: says.peekable(), other: truth.peekable() }) {
        let (says, truth) = pair?;
        compared += 1;
        if let Some(one) = says.or(truth).filter(|_| says != truth) {
            wrong.insert(one.serial, (says, truth));
        }
    }
    Ok((wrong, compared))
}
