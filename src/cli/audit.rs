//! `jitsuin audit verify`: follows the chain of seals.

use std::path::Path;

use serde::Serialize;

use super::{Output, failure::Failure, layout::Layout};
use crate::{
    audit::{self, GENESIS},
    config::Config,
    ports::Store,
    store::SqliteStore,
    x509::hex,
};

/// Entries read at a time.
const PAGE: usize = 10_000;

#[derive(Debug, Serialize)]
struct Verified {
    entries: u64,
    seal: String,
}

/// Follows the chain from the first entry to the last. The service may be running.
///
/// # Errors
/// [`Failure`] naming the first entry that does not follow.
pub fn verify(directory: &Path, out: &Output) -> Result<(), Failure> {
    let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
    let store = SqliteStore::open_read_only(&config.store.path).map_err(Failure::refused)?;
    let (mut position, mut seal) = (0, GENESIS);
    loop {
        let page = store.audit_after(position, PAGE).map_err(Failure::fault)?;
        if page.is_empty() {
            break;
        }
        (position, seal) = audit::follow(&page, position, seal).map_err(Failure::fault)?;
    }
    let verified = Verified { entries: position, seal: hex(&seal) };
    out.print(&verified, || format!("{} entries, unbroken, sealed {}", verified.entries, verified.seal))
}
