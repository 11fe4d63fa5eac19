//! Indexes for new certificates, taken from the store in blocks so that not every issue waits for one.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use crate::{
    kind::Kind,
    limits::INDEX_BLOCK,
    ports::{Store, StoreError},
};

/// What is left of the block of each CA.
#[derive(Debug, Default)]
pub(super) struct Indexes {
    sign: Mutex<Range<u64>>,
    auth: Mutex<Range<u64>>,
}

impl Indexes {
    /// An index that was never given before and never will be again. A crash leaves the rest of a block unused, which
    /// the status index knows as never issued.
    pub(super) fn next(&self, store: &dyn Store, kind: Kind) -> Result<u64, StoreError> {
        let block = match kind {
            Kind::Sign => &self.sign,
            Kind::Auth => &self.auth,
        };
        let mut block = block.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = block.next() {
            return Ok(index);
        }
        *block = store.allocate(kind, INDEX_BLOCK)?;
        block.next().ok_or_else(|| StoreError::Corrupt("an empty block of indexes".into()))
    }
}
