//! The lists that are being served, in memory and ready to send.
//!
//! The publish story puts a list here after the store has it; the status listener only reads. A list that is replaced
//! lives on for the downloads that are under way.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use ring::digest;

use crate::{kind::Kind, ports::CrlRecord, scope::CrlScope, x509::UnixTime};

/// Which list.
pub type ListKey = (Kind, u8, CrlScope);

/// A published list, ready to send.
#[derive(Debug, PartialEq, Eq)]
pub struct PublishedList {
    /// DER of the CertificateList.
    pub der: Vec<u8>,
    /// A strong entity tag with its quotes: the head of the SHA-256 of the octets.
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
}

/// All lists being served.
#[derive(Debug, Default)]
pub struct PublishedLists {
    lists: ArcSwap<HashMap<ListKey, Arc<PublishedList>>>,
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
        let key = (record.kind, record.generation, record.scope);
        let list = Arc::new(PublishedList::new(record));
        self.lists.rcu(|lists| {
            let mut lists = HashMap::clone(lists);
            if lists.get(&key).is_none_or(|served| served.number < list.number) {
                lists.insert(key, Arc::clone(&list));
            }
            lists
        });
    }
}

impl PublishedList {
    fn new(record: CrlRecord) -> Self {
        let digest = digest::digest(&digest::SHA256, &record.der);
        let head: String = digest.as_ref()[..16].iter().map(|octet| format!("{octet:02x}")).collect();
        Self {
            etag: format!("\"{head}\""),
            this_update: record.this_update,
            next_update: record.next_update,
            number: record.number,
            entries: record.entries,
            position: record.position,
            der: record.der,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            der: vec![number as u8],
        }
    }

    #[test]
    fn an_older_list_never_replaces_a_newer_one() {
        let lists = PublishedLists::default();
        for number in [2, 1, 3, 2] {
            lists.put(record(number));
        }
        let served = lists.find(&(Kind::Sign, 1, CrlScope::Full)).unwrap();
        assert_eq!((served.number, served.der.as_slice()), (3, &[3][..]));
        assert_eq!(lists.all().len(), 1);
    }

    #[test]
    fn other_octets_have_another_tag() {
        assert_ne!(PublishedList::new(record(1)).etag, PublishedList::new(record(2)).etag);
    }

    #[test]
    fn an_unknown_scope_has_no_list() {
        assert!(PublishedLists::default().find(&(Kind::Auth, 1, CrlScope::Authorities)).is_none());
    }
}
