//! Lists by number, from the store, where they are kept for ten years (rules §8.3): for those who verify an old signature,
//! and for whoever wants to see what was published.
//!
//! The address names the number, so the octets behind it never change and may be kept for ever, and nobody takes a list of
//! last year for the current one: what ended is served here, and never at the address in the certificates. What the store
//! cannot tell is 503, not 404, and no cache keeps either.
//!
//! Bounds: some lists are read at a time, and the octets of those that are still being sent are counted, whoever is slow to
//! take them. A list in a file takes no place in memory: of it there are two pieces.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{StatusCode, http::request::Parts};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Inner, NumberedLists, files::PKIX_CRL};
use crate::{
    http::representation::{Content, DateProves, Encoding, Freshness, Reply, Representation, text, unavailable},
    limits::{NUMBERED_OCTETS, NUMBERED_READERS},
    ports::{CrlRecord, ListOctets},
    revocation::{
        entity_tag::{entity_tag, tag_of_digest},
        lists::ListKey,
    },
    x509::UnixTime,
};

/// What a place in memory stands for.
const PLACE_OCTETS: usize = 1024;
const PLACES: usize = NUMBERED_OCTETS / PLACE_OCTETS;

/// When to ask again while others are served: a list is read in less than a second.
const BUSY_RETRY_SECONDS: u16 = 5;

/// When to ask again for what the store could not tell.
const FAILED_RETRY_SECONDS: u16 = 60;

/// The store's lists, some at a time.
pub(super) struct Shelf {
    lists: Option<NumberedLists>,
    readers: Arc<Semaphore>,
    places: Arc<Semaphore>,
    all_places: usize,
}

/// A list that was asked for by its number, and the places in memory that it takes until it is sent.
struct Numbered {
    record: CrlRecord,
    etag: String,
    _places: OwnedSemaphorePermit,
}

/// Why there is no list to send.
#[derive(Debug, PartialEq, Eq)]
enum Missing {
    Unknown,
    Busy,
    Unavailable,
}

impl Shelf {
    pub(super) fn new(lists: Option<NumberedLists>) -> Self {
        Self::bounded(lists, NUMBERED_READERS, PLACES)
    }

    fn bounded(lists: Option<NumberedLists>, readers: usize, places: usize) -> Self {
        let [readers, free] = [readers, places].map(|count| Arc::new(Semaphore::new(count)));
        Self { lists, readers, places: free, all_places: places }
    }

    async fn find(&self, key: ListKey, number: u64) -> Result<Numbered, Missing> {
        let lists = self.lists.clone().ok_or(Missing::Unknown)?;
        let reader = Arc::clone(&self.readers).try_acquire_owned().map_err(|_| Missing::Busy)?;
        let read = move || {
            // The place is given back when the store has answered, also if nobody waits for it any more.
            let _reader = reader;
            let tag = |record: &CrlRecord| match &record.der {
                ListOctets::Memory(octets) => entity_tag(octets),
                ListOctets::File(file) => tag_of_digest(&file.digest),
            };
            lists(key, number).map(|found| found.map(|record| (tag(&record), record)))
        };
        let (etag, record) = match tokio::task::spawn_blocking(read).await {
            Ok(Ok(found)) => found.ok_or(Missing::Unknown)?,
            Ok(Err(error)) => {
                let (kind, generation, scope) = key;
                tracing::warn!(%kind, generation, scope = scope.word(), number, %error, "a list cannot be read");
                return Err(Missing::Unavailable);
            }
            Err(_) => return Err(Missing::Unavailable),
        };
        let places = record.der.len().div_ceil(PLACE_OCTETS).min(self.all_places);
        let places = u32::try_from(places).map_err(|_| Missing::Busy)?;
        let places = Arc::clone(&self.places).try_acquire_many_owned(places).map_err(|_| Missing::Busy)?;
        Ok(Numbered { record, etag, _places: places })
    }
}

impl AsRef<[u8]> for Numbered {
    fn as_ref(&self) -> &[u8] {
        &self.record.der
    }
}

impl Inner {
    pub(super) async fn numbered(&self, key: ListKey, number: u64, request: &Parts, now: UnixTime) -> Reply {
        match self.shelf.find(key, number).await {
            Ok(list) => {
                let (etag, this_update) = (list.etag.clone(), list.record.this_update);
                let representation = Representation {
                    content_type: PKIX_CRL,
                    octets: match &list.record.der {
                        ListOctets::File(file) => Content::File(file.clone()),
                        ListOctets::Memory(_) => Bytes::from_owner(list).into(),
                    },
                    encoding: Encoding::Only,
                    etag: &etag,
                    last_modified: this_update,
                    date_proves: DateProves::Octets,
                    freshness: Freshness::Forever,
                    ranges: true,
                };
                representation.reply(&request.method, &request.headers, now)
            }
            Err(Missing::Unknown) => text(StatusCode::NOT_FOUND, "no list of that number was published", now),
            Err(Missing::Busy) => unavailable(
                "too many lists are asked for by number; the current ones are served",
                BUSY_RETRY_SECONDS,
                now,
            ),
            Err(Missing::Unavailable) => {
                unavailable("old lists cannot be read now; the current ones are served", FAILED_RETRY_SECONDS, now)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kind::Kind, ports::StoreError, scope::CrlScope};

    const KEY: ListKey = (Kind::Sign, 1, CrlScope::Full);

    /// Lists of as many places as their number says, one reader, and ten places.
    fn shelf() -> Shelf {
        let list = |(kind, generation, scope): ListKey, number: u64| match number {
            0 => Err(StoreError::Unavailable("gone".into())),
            100.. => Ok(None),
            _ => Ok(Some(CrlRecord {
                kind,
                generation,
                scope,
                number,
                this_update: UnixTime::EPOCH,
                next_update: UnixTime::EPOCH,
                position: 0,
                entries: 0,
                der: vec![7; usize::try_from(number).unwrap() * PLACE_OCTETS].into(),
            })),
        };
        Shelf::bounded(Some(Arc::new(list)), 1, 10)
    }

    async fn missing(shelf: &Shelf, number: u64) -> Option<Missing> {
        shelf.find(KEY, number).await.err()
    }

    #[tokio::test]
    async fn what_is_being_sent_takes_its_places_until_it_is_sent() {
        let shelf = shelf();
        let [six, four] = [shelf.find(KEY, 6).await.ok().unwrap(), shelf.find(KEY, 4).await.ok().unwrap()];
        assert_eq!(missing(&shelf, 1).await, Some(Missing::Busy));
        drop(four);
        assert_eq!(missing(&shelf, 5).await, Some(Missing::Busy));
        assert_eq!(missing(&shelf, 4).await, None);
        drop(six);
        assert_eq!(missing(&shelf, 10).await, None);
    }

    #[tokio::test]
    async fn a_list_of_more_than_all_places_passes_alone() {
        let shelf = Shelf::bounded(shelf().lists, 1, 3);
        let one = shelf.find(KEY, 1).await.ok().unwrap();
        assert_eq!(missing(&shelf, 9).await, Some(Missing::Busy));
        drop(one);
        assert_eq!(missing(&shelf, 9).await, None);
    }

    #[tokio::test]
    async fn what_the_store_cannot_tell_is_not_unknown() {
        let shelf = shelf();
        assert_eq!(missing(&shelf, 100).await, Some(Missing::Unknown));
        assert_eq!(missing(&shelf, 0).await, Some(Missing::Unavailable));
        assert_eq!(missing(&Shelf::new(None), 1).await, Some(Missing::Unknown));
        assert_eq!(missing(&Shelf::bounded(shelf.lists, 0, 10), 1).await, Some(Missing::Busy));
    }
}
