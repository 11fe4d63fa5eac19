//! The lists that are being served, ready to send: short ones in memory, long ones from their files.
//!
//! The publish story puts a list here after the store has it; the status listener only reads. A list that is replaced
//! lives on for the downloads that are under way.
//!
//! Why a list is compressed after it is served and not before: a revocation that is published at once is seen at once, and
//! a service that starts with some thousand lists opens its doors in seconds. Until [`PublishedLists::compress`] came by,
//! a list goes out as it is.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use arc_swap::ArcSwap;

use super::{
    entity_tag::{entity_tag, tag_of_digest},
    gzip::Gzip,
};
use crate::{
    kind::Kind,
    limits::COMPRESSED_LIST_OCTETS,
    ports::{CrlRecord, ListOctets},
    scope::CrlScope,
    x509::UnixTime,
};

/// Which list.
pub type ListKey = (Kind, u8, CrlScope);

/// A published list, ready to send.
#[derive(Debug, PartialEq, Eq)]
pub struct PublishedList {
    /// DER of the CertificateList; a long one lies in a file.
    pub der: ListOctets,
    /// The strong entity tag of these octets, with its quotes.
    pub etag: String,
    /// thisUpdate.
    pub this_update: UnixTime,
    /// nextUpdate; after it the list is not served any more.
    pub next_update: UnixTime,
    /// cRLNumber.
    pub number: u64,
    /// Entries.
    pub entries: u64,
    /// The last status event that it takes into account.
    pub position: u64,
    /// Whether thisUpdate tells it apart from the list that it replaced, to the second.
    pub is_dated: bool,
    /// Its smaller form, once it was looked for.
    gzip: OnceLock<Option<Gzip>>,
}

/// All lists being served.
#[derive(Debug, Default)]
pub struct PublishedLists {
    lists: ArcSwap<HashMap<ListKey, Arc<PublishedList>>>,
    /// The numbers of lists that the store has and that must not be sent.
    withheld: ArcSwap<HashMap<ListKey, u64>>,
}

impl PublishedLists {
    /// The list for a kind, generation and scope.
    #[must_use]
    pub fn find(&self, key: &ListKey) -> Option<Arc<PublishedList>> {
        self.lists.load().get(key).cloned()
    }

    /// Every list.
    #[must_use]
    pub fn all(&self) -> Vec<(ListKey, Arc<PublishedList>)> {
        let mut all: Vec<_> = self.lists.load().iter().map(|(key, list)| (*key, Arc::clone(list))).collect();
        all.sort_by_key(|(key, _)| *key);
        all
    }

    /// Serves a list from now on, unless a newer one of its scope is being served.
    pub fn put(&self, record: CrlRecord) {
        let replaced = self.find(&(record.kind, record.generation, record.scope));
        self.put_after(record, replaced.map(|replaced| replaced.this_update));
    }

    /// As [`Self::put`], where the caller knows the thisUpdate of the list that it replaced: after a restart only the store
    /// does.
    pub fn put_after(&self, record: CrlRecord, replaced: Option<UnixTime>) {
        let key = (record.kind, record.generation, record.scope);
        let list = Arc::new(PublishedList::new(record, replaced));
        self.lists.rcu(|lists| {
            let mut lists = HashMap::clone(lists);
            if lists.get(&key).is_none_or(|served| served.number < list.number) {
                lists.insert(key, Arc::clone(&list));
            }
            lists
        });
        self.withheld.rcu(|withheld| {
            let mut withheld = HashMap::clone(withheld);
            if withheld.get(&key).is_some_and(|number| *number < list.number) {
                withheld.remove(&key);
            }
            withheld
        });
    }

    /// Notes that the store has a list of this number that must not be sent. The next one follows it all the same.
    pub fn withhold(&self, key: ListKey, number: u64) {
        self.withheld.rcu(|withheld| {
            let mut withheld = HashMap::clone(withheld);
            withheld.entry(key).and_modify(|highest| *highest = number.max(*highest)).or_insert(number);
            withheld
        });
    }

    /// The number of the list that is not sent, until a later one takes its place.
    #[must_use]
    pub fn withheld(&self, key: &ListKey) -> Option<u64> {
        self.withheld.load().get(key).copied()
    }

    /// Serves no list of a generation any more: it has ended.
    pub fn retire(&self, kind: Kind, generation: u8) {
        let stays = |key: &ListKey| (key.0, key.1) != (kind, generation);
        if self.lists.load().keys().all(stays) && self.withheld.load().keys().all(stays) {
            return;
        }
        self.lists.rcu(|lists| {
            lists
                .iter()
                .filter(|(key, _)| stays(key))
                .map(|(key, list)| (*key, Arc::clone(list)))
                .collect::<HashMap<_, _>>()
        });
        self.withheld.rcu(|withheld| {
            withheld
                .iter()
                .filter(|(key, _)| stays(key))
                .map(|(key, number)| (*key, *number))
                .collect::<HashMap<_, _>>()
        });
    }

    /// Makes the smaller form of every list that has none yet. It takes a second for some 30 MB of lists, so it has a
    /// thread of its own.
    pub fn compress(&self) {
        for (key, list) in self.all() {
            // One that was replaced in the meantime is not worth the time.
            if list.gzip.get().is_none() && self.find(&key).is_some_and(|served| Arc::ptr_eq(&served, &list)) {
                list.compress();
            }
        }
    }
}

impl PublishedList {
    fn new(record: CrlRecord, replaced: Option<UnixTime>) -> Self {
        Self {
            etag: match &record.der {
                ListOctets::Memory(octets) => entity_tag(octets),
                ListOctets::File(file) => tag_of_digest(&file.digest),
            },
            this_update: record.this_update,
            next_update: record.next_update,
            number: record.number,
            entries: record.entries,
            position: record.position,
            is_dated: replaced.is_none_or(|replaced| replaced < record.this_update),
            gzip: OnceLock::new(),
            der: record.der,
        }
    }

    /// Its form in gzip: none before it is made, nor where it would not be smaller.
    #[must_use]
    pub fn gzip(&self) -> Option<&Gzip> {
        self.gzip.get()?.as_ref()
    }

    fn compress(&self) {
        self.gzip.get_or_init(|| {
            let worth = usize::try_from(self.der.length()).is_ok_and(|octets| COMPRESSED_LIST_OCTETS.contains(&octets));
            if worth { Gzip::smaller(self.der.reader()) } else { None }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: ListKey = (Kind::Sign, 1, CrlScope::Full);

    fn record(number: u64) -> CrlRecord {
        CrlRecord {
            kind: Kind::Sign,
            generation: 1,
            scope: CrlScope::Full,
            number,
            this_update: UnixTime::EPOCH,
            next_update: UnixTime::EPOCH,
            position: 0,
            entries: 0,
            der: vec![number as u8].into(),
        }
    }

    fn long(number: u64, octets: usize) -> CrlRecord {
        CrlRecord { der: vec![7; octets].into(), ..record(number) }
    }

    #[test]
    fn an_older_list_never_replaces_a_newer_one() {
        let lists = PublishedLists::default();
        for number in [2, 1, 3, 2] {
            lists.put(record(number));
        }
        let served = lists.find(&KEY).unwrap();
        assert_eq!((served.number, &*served.der), (3, &[3][..]));
        assert_eq!(lists.all().len(), 1);
    }

    #[test]
    fn a_list_is_served_before_it_is_compressed_and_compressed_once() {
        let lists = PublishedLists::default();
        lists.put(long(1, 5000));
        let list = lists.find(&KEY).unwrap();
        assert_eq!(list.gzip(), None);
        lists.compress();
        let made = list.gzip().unwrap().octets.as_ptr();
        lists.compress();
        assert_eq!(list.gzip().unwrap().octets.as_ptr(), made);
    }

    #[test]
    fn a_list_that_fits_a_packet_stays_as_it_is() {
        let lists = PublishedLists::default();
        for (number, octets, coded) in [(1, 1023, false), (2, 1024, true)] {
            lists.put(long(number, octets));
            lists.compress();
            assert_eq!(lists.find(&KEY).unwrap().gzip().is_some(), coded, "{octets}");
        }
    }

    #[test]
    fn a_list_of_the_same_second_as_the_one_before_is_not_told_apart_by_its_date() {
        let lists = PublishedLists::default();
        for (number, second, dated) in [(1, 5, true), (2, 5, false), (3, 6, true)] {
            lists.put(CrlRecord { this_update: UnixTime::from_seconds(second).unwrap(), ..record(number) });
            assert_eq!(lists.find(&KEY).unwrap().is_dated, dated, "{number}");
        }
    }

    #[test]
    fn an_unknown_scope_has_no_list() {
        assert!(PublishedLists::default().find(&(Kind::Auth, 1, CrlScope::Authorities)).is_none());
    }
}
