//! A list, as it was fetched, held against the events.

use std::collections::BTreeMap;

use super::{Contradiction, Ledger, Said};
use crate::{
    ports::{CrlRecord, ListOctets},
    scope::CrlScope,
    x509::{CrlEntry, CrlFault, CrlView, Name, RevocationReason, Serial, SubjectPublicKey, UnixTime},
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

type Entries = BTreeMap<Serial, CrlEntry>;

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
pub fn examine(ledger: &Ledger, der: &[u8], kept: &Kept<'_>) -> (Vec<Contradiction>, usize) {
    let whole = |says: String| Contradiction::of_channel(kept.record.kind, channel(kept.record), says);
    let (view, entries) = match read(der) {
        Ok(read) => read,
        Err(error) => return (vec![whole(error.to_string())], 0),
    };
    let mut found: Vec<_> = faults(ledger, der, &view, kept).into_iter().map(|says| whole(says.to_owned())).collect();
    let (wrong, compared) = match (&kept.base, view.delta_base) {
        (None, None) => complete(ledger, &entries, kept),
        // Without its base a delta says nothing; that it lacks one is told above.
        (None, Some(_)) => return (found, 0),
        (Some(base), _) => match base_entries(base) {
            Ok(on) => delta(ledger, &entries, &on, (kept, base)),
            Err(error) => {
                found.push(whole(format!("its base cannot be read: {error}")));
                return (found, 0);
            }
        },
    };
    let position = kept.record.position;
    let told = |said: Option<&CrlEntry>| said.map_or_else(|| "nothing".to_owned(), describe);
    found.extend(wrong.into_iter().map(|(serial, (says, truth))| {
        let truth = format!("{} (position {position})", told(truth.as_ref()));
        Contradiction::of_certificate((kept.record.kind, serial), channel(kept.record), told(says.as_ref()), truth)
    }));
    (found, compared)
}

fn describe(entry: &CrlEntry) -> String {
    match entry.reason {
        RevocationReason::RemoveFromCrl => format!("released, held since {}", entry.revocation_date),
        _ => Said::from(entry).to_string(),
    }
}

fn base_entries(base: &Base<'_>) -> Result<Entries, CrlFault> {
    let der = base.record.der.whole().map_err(|error| CrlFault::Unavailable(error.to_string()))?;
    Ok(read(&der)?.1)
}

fn read(der: &[u8]) -> Result<(CrlView<'_>, Entries), CrlFault> {
    let view = CrlView::from_der(der)?;
    let entries = view.entries().map(|entry| entry.map(|entry| (entry.serial, entry)));
    Ok((view, entries.collect::<Result<_, _>>()?))
}

fn is_kept(der: &[u8], kept: &ListOctets) -> bool {
    kept.whole().is_ok_and(|kept| *kept == *der)
}

/// What is wrong with a list apart from its entries.
fn faults(ledger: &Ledger, der: &[u8], view: &CrlView<'_>, kept: &Kept<'_>) -> Vec<&'static str> {
    let record = kept.record;
    let (name, key) = kept.issuer;
    let sorted = view.entries().filter_map(Result::ok).is_sorted_by(|one, next| one.serial < next.serial);
    let names_partition = match (view.issuing_distribution_point, kept.partition) {
        (None, None) => true,
        (Some(point), Some(name)) => point.windows(name.der().len()).any(|part| part == name.der()),
        _ => false,
    };
    let follows = kept.previous.is_none_or(|previous| {
        (previous.number, previous.this_update, previous.position)
            <= (record.number, record.this_update, record.position)
            && previous.number < view.number
            && previous.this_update <= view.this_update
            && previous.position <= record.position
    });
    let based = kept.base.as_ref().is_none_or(|base| {
        base.record.number < view.number
            && base.record.this_update <= view.this_update
            && base.record.position <= record.position
    });
    let says = [
        (view.verify(key).is_ok(), "its signature does not verify"),
        (view.issuer == name.der() && view.authority_key_id == key.key_id(), "it names another issuer"),
        (is_kept(der, &record.der), "it is not the list of this number in the store"),
        ((view.this_update, view.next_update) == (record.this_update, record.next_update), "its dates are others"),
        (view.this_update <= kept.fetched.1, "it is of the future"),
        (kept.fetched.0 < view.next_update, "it is past its nextUpdate"),
        (sorted, "its entries are not in order, or one is there twice"),
        (names_partition, "it speaks for another partition"),
        (follows, "it does not follow the list before"),
        (view.delta_base.is_some() == record.scope.is_delta(), "it is a delta where none is due, or the reverse"),
        (view.delta_base == kept.base.as_ref().map(|base| base.record.number), "its base is not in the store"),
        (based, "its base does not come before it"),
        (record.position <= ledger.position(), "it takes events into account that are not there"),
    ];
    says.into_iter().filter(|(holds, _)| !holds).map(|(_, says)| says).collect()
}

/// By certificate what the list says and what it should, where the two differ.
type Wrong = BTreeMap<Serial, (Option<CrlEntry>, Option<CrlEntry>)>;

fn complete(ledger: &Ledger, entries: &Entries, kept: &Kept<'_>) -> (Wrong, usize) {
    let key = (kept.record.kind, kept.record.generation, kept.record.scope);
    let bound = kept.previous.map_or(UnixTime::EPOCH, |list| list.this_update);
    let truth = ledger.ended(key, kept.record.position, bound);
    (differences(entries, &truth), compared(entries, &truth))
}

/// A delta tells what changed since its base; applied to it, both say what the events say.
fn delta(ledger: &Ledger, entries: &Entries, on: &Entries, (kept, base): (&Kept<'_>, &Base<'_>)) -> (Wrong, usize) {
    let key = (kept.record.kind, kept.record.generation, kept.record.scope.complete());
    let (position, over) = (kept.record.position, base.record.this_update);
    let changes = ledger.changed(key, (base.record.position, position), over);
    let mut applied = on.clone();
    for (serial, entry) in entries {
        match entry.reason {
            RevocationReason::RemoveFromCrl => applied.remove(serial),
            _ => applied.insert(*serial, *entry),
        };
    }
    // Certificates that were over when the base was made stay as it says: no delta speaks of them any more.
    let bound = base.previous.map_or(UnixTime::EPOCH, |list| list.this_update);
    let mut truth = ledger.ended(key, base.record.position, bound);
    for (serial, entry) in &changes {
        truth.remove(serial);
        if entry.reason != RevocationReason::RemoveFromCrl {
            truth.insert(*serial, *entry);
        }
    }
    let mut wrong = differences(&applied, &truth);
    wrong.extend(differences(entries, &changes));
    (wrong, compared(&applied, &truth).max(compared(entries, &changes)))
}

fn differences(says: &Entries, truth: &Entries) -> Wrong {
    let mut wrong = Wrong::new();
    for (serial, entry) in says {
        if truth.get(serial) != Some(entry) {
            wrong.insert(*serial, (Some(*entry), truth.get(serial).copied()));
        }
    }
    let missing = truth.iter().filter(|(serial, _)| !says.contains_key(serial));
    wrong.extend(missing.map(|(serial, entry)| (*serial, (None, Some(*entry)))));
    wrong
}

fn compared(says: &Entries, truth: &Entries) -> usize {
    truth.len() + says.keys().filter(|serial| !truth.contains_key(serial)).count()
}
