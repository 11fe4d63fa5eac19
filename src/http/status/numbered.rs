//! Lists by number, from the store, where they are kept for ten years (rules §8.3): for those who verify an old signature,
//! and for whoever wants to see what was published.
//!
//! The address names the number, so the octets behind it never change and may be kept for ever, and nobody takes a list of
//! last year for the current one: what ended is served here, and never at the address in the certificates. What the store
//! cannot tell is 503, not 404, and no cache keeps either.
//!
//! Bounds: some lists are read at a time, and the octets of those that are still being sent are counted, whoever is slow to
//! take them.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{Request, StatusCode, body::Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Inner, files::PKIX_CRL};
use crate::{
    http::representation::{Encoding, Freshness, Reply, Representation, text, unavailable},
    limits::{NUMBERED_OCTETS, NUMBERED_READERS},
    ports::{CrlRecord, Store},
    revocation::{entity_tag::entity_tag, lists::ListKey},
    x509::UnixTime,
};

/// What a place in memory stands for.
const PLACE_OCTETS: usize = 1024;
const PLACES: usize = NUMBERED_OCTETS / PLACE_OCTETS;

/// The store's lists, some at a time.
pub(super) struct Shelf {
    store: Option<Arc<dyn Store>>,
    readers: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// A list that was asked for by its number, and the places in memory that it takes until it is sent.
struct Numbered {
    record: CrlRecord,
    etag: String,
    _places: OwnedSemaphorePermit,
}

/// Why there is no list to send.
enum Missing {
    Unknown,
    Busy,
    Unavailable,
}

impl Shelf {
    pub(super) fn new(store: Option<Arc<dyn Store>>) -> Self {
        let [readers, places] = [NUMBERED_READERS, PLACES].map(|count| Arc::new(Semaphore::new(count)));
        Self { store, readers, places }
    }

    async fn find(&self, (kind, generation, scope): ListKey, number: u64) -> Result<Numbered, Missing> {
        let store = self.store.clone().ok_or(Missing::Unknown)?;
        let reader = Arc::clone(&self.readers).try_acquire_owned().map_err(|_| Missing::Busy)?;
        let read = move || {
            // The place is given back when the store has answered, also if nobody waits for it any more.
            let _reader = reader;
            let found = store.crl(kind, generation, scope, number);
            found.map(|found| found.map(|record| (entity_tag(&record.der), record)))
        };
        let (etag, record) = match tokio::task::spawn_blocking(read).await {
            Ok(Ok(found)) => found.ok_or(Missing::Unknown)?,
            Ok(Err(error)) => {
                tracing::warn!(%kind, generation, scope = scope.word(), number, %error, "a list cannot be read");
                return Err(Missing::Unavailable);
            }
            Err(_) => return Err(Missing::Unavailable),
        };
        let places = record.der.len().div_ceil(PLACE_OCTETS).min(PLACES);
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
    pub(super) async fn numbered(
        &self,
        key: ListKey,
        number: u64,
        request: &Request<Incoming>,
        now: UnixTime,
    ) -> Reply {
        match self.shelf.find(key, number).await {
            Ok(list) => {
                let (etag, this_update) = (list.etag.clone(), list.record.this_update);
                let representation = Representation {
                    content_type: PKIX_CRL,
                    octets: Bytes::from_owner(list),
                    encoding: Encoding::Only,
                    etag: &etag,
                    last_modified: Some(this_update),
                    freshness: Freshness::Forever,
                    ranges: true,
                };
                representation.reply(request.method(), request.headers(), now)
            }
            Err(Missing::Unknown) => text(StatusCode::NOT_FOUND, "no list of that number was published", now),
            Err(Missing::Busy) => {
                unavailable("too many lists are asked for by number; the current ones are served", 5, now)
            }
            Err(Missing::Unavailable) => {
                unavailable("old lists cannot be read now; the current ones are served", 60, now)
            }
        }
    }
}
