//! What events changed, as a complete list is held against it.
//!
//! Why two parts: after a mass revocation nearly every change is an entry of the new list, word for word. Of those a bit a
//! certificate is enough, by their place in the list; what is left is what the list does not say, or says otherwise, which is
//! little where all is right.

use std::collections::{BTreeMap, btree_map::Values};

use crate::x509::{CrlEntry, CrlSnapshot, Serial, crl::SnapshotIndex};

/// The certificates whose status changed: the entry that each has from then on, or one with removeFromCRL for a released
/// hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// By place in a list: whether the last that the certificate came to is its entry there.
    told: Vec<u64>,
    others: BTreeMap<Serial, CrlEntry>,
}

impl Changes {
    /// Nothing changed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What a certificate came to last.
    pub fn insert(&mut self, entry: CrlEntry) {
        self.others.insert(entry.serial, entry);
    }

    /// What a certificate came to, unless the entry of the list says just that.
    #[must_use]
    pub fn get(&self, serial: &Serial) -> Option<&CrlEntry> {
        self.others.get(serial)
    }

    /// What is not an entry of the list word for word, in order of serial number.
    pub fn values(&self) -> Values<'_, Serial, CrlEntry> {
        self.others.values()
    }

    /// Whether the entry at a place of the list is what the events say.
    pub(super) fn tells(&self, place: usize) -> bool {
        self.told.get(place / 64).is_some_and(|bits| bits >> (place % 64) & 1 == 1)
    }

    fn set(&mut self, place: usize, is_told: bool) {
        if self.told.len() <= place / 64 {
            self.told.resize(place / 64 + 1, 0);
        }
        let bit = 1 << (place % 64);
        if is_told { self.told[place / 64] |= bit } else { self.told[place / 64] &= !bit }
    }
}

impl FromIterator<CrlEntry> for Changes {
    fn from_iter<I: IntoIterator<Item = CrlEntry>>(entries: I) -> Self {
        let mut changes = Self::new();
        entries.into_iter().for_each(|entry| changes.insert(entry));
        changes
    }
}

/// Changes as they come, beside the entries of the list that is to tell of them; these are in order.
pub struct ChangesBeside<'a> {
    entries: &'a CrlSnapshot,
    /// Made for the first change: most lists have none.
    index: Option<SnapshotIndex<'a>>,
    changes: Changes,
}

impl<'a> ChangesBeside<'a> {
    /// Nothing changed yet.
    #[must_use]
    pub fn new(entries: &'a CrlSnapshot) -> Self {
        Self { entries, index: None, changes: Changes::new() }
    }

    /// The next event made this of a certificate.
    pub fn take(&mut self, entry: &CrlEntry) {
        let found = self.index.get_or_insert_with(|| self.entries.index()).find(&entry.serial);
        let is_told = found.is_some_and(|(_, own)| own == *entry);
        if let Some((place, _)) = found {
            self.changes.set(place, is_told);
        }
        if is_told {
            self.changes.others.remove(&entry.serial);
        } else {
            self.changes.insert(*entry);
        }
    }

    /// All of them.
    #[must_use]
    pub fn into_changes(self) -> Changes {
        self.changes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::x509::{RevocationReason, UnixTime};

    fn entry(number: u8, reason: RevocationReason) -> CrlEntry {
        CrlEntry {
            serial: Serial::from_octets(&[1, number]).unwrap(),
            revocation_date: UnixTime::EPOCH,
            reason,
            invalidity_date: None,
        }
    }

    const REASONS: [RevocationReason; 3] =
        [RevocationReason::CertificateHold, RevocationReason::RemoveFromCrl, RevocationReason::KeyCompromise];

    proptest! {
        #[test]
        fn beside_a_list_changes_are_what_they_are_by_themselves(
            listed in proptest::collection::btree_map(any::<u8>(), 0..3_usize, 0..200),
            events in proptest::collection::vec((any::<u8>(), 0..3_usize), 0..400),
        ) {
            let list: Vec<_> = listed.iter().map(|(number, reason)| entry(*number, REASONS[*reason])).collect();
            let events: Vec<_> = events.iter().map(|(number, reason)| entry(*number, REASONS[*reason])).collect();
            let snapshot: CrlSnapshot = list.iter().collect();
            let mut beside = ChangesBeside::new(&snapshot);
            events.iter().for_each(|event| beside.take(event));
            let beside = beside.into_changes();
            let plain: Changes = events.iter().copied().collect();
            for (place, own) in list.iter().enumerate() {
                prop_assert_eq!(beside.tells(place), plain.get(&own.serial) == Some(own));
                prop_assert!(!plain.tells(place));
            }
            let untold: Vec<_> = plain.values().filter(|change| !list.contains(change)).collect();
            prop_assert_eq!(beside.values().collect::<Vec<_>>(), untold);
        }
    }
}
