//! What a status node knows of certificates, on the disk: the snapshot of its index, and a mark beside it that says that it is all the
//! node ever knew, and of when.
//!
//! The mark (`status.whole`) is taken away before the first event after the snapshot is taken in, and written when a snapshot has all
//! of them again. A node that starts without its store answers only under a mark: so it never speaks of an older state than it did
//! before, whatever ended it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::{
    cli::{files, layout::Layout, status_file::StatusFile},
    ports::Follower,
    ports::StatusEvent,
    revocation::{confirmed::Confirmed, index::StatusIndex, snapshot::Lineage},
    x509::UnixTime,
};

/// The mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    /// The last event of the snapshot.
    position: u64,
    /// When the store was known to have no other.
    confirmed: UnixTime,
}

/// The index with its file and mark.
pub(super) struct Kept {
    pub(super) index: Arc<StatusIndex>,
    pub(super) confirmed: Arc<Confirmed>,
    file: StatusFile,
    path: PathBuf,
    /// Whether the mark is there; held by whoever takes events in or writes the mark.
    is_whole: Mutex<bool>,
}

impl Kept {
    /// Opens what the node left; an index with nothing in it where that is nothing or cannot be used.
    pub(super) fn open(layout: &Layout, lineage: Lineage) -> Self {
        let file = StatusFile::new(layout.status_snapshot(), lineage);
        let path = layout.directory().join("status.whole");
        let index = file.alone().unwrap_or_else(|refused| {
            tracing::warn!(%refused, "the snapshot of the status index is refused; the store has to tell everything");
            None
        });
        let index = index.unwrap_or_default();
        let mark = read(&path).filter(|mark| mark.position == index.position());
        let confirmed = Arc::new(Confirmed::since(mark.map(|mark| mark.confirmed)));
        Self { index: Arc::new(index), confirmed, file, path, is_whole: Mutex::new(mark.is_some()) }
    }

    /// The position of the newest snapshot.
    pub(super) fn position(&self) -> u64 {
        self.file.position()
    }

    /// Whether there is nothing to be lost by a sudden end.
    pub(super) fn is_whole(&self) -> bool {
        *self.mark()
    }

    /// Writes what is not on the disk yet, with its mark unless something came in between.
    ///
    /// # Errors
    /// Those of the file system; then the snapshot before stays, and the mark stays away.
    pub(super) fn keep(&self) -> io::Result<()> {
        self.file.keep(&self.index)?;
        let mut is_whole = self.mark();
        let position = self.index.position();
        let Some(confirmed) = self.confirmed.at().filter(|_| position == self.file.position()) else { return Ok(()) };
        let mark = serde_json::to_vec(&Mark { position, confirmed })?;
        files::replace_octets(&self.path, &mark).map_err(io::Error::other)?;
        *is_whole = true;
        Ok(())
    }

    fn mark(&self) -> MutexGuard<'_, bool> {
        self.is_whole.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower for Kept {
    fn apply(&self, events: &[StatusEvent]) {
        let mut is_whole = self.mark();
        let is_news = events.last().is_some_and(|last| last.position > self.index.position());
        if *is_whole && is_news {
            match files::remove(&self.path) {
                Ok(()) => *is_whole = false,
                // A revocation that is not told does more harm than a mark that stays: the next event tries again.
                Err(error) => tracing::error!(%error, "the mark of the snapshot could not be taken away"),
            }
        }
        self.index.apply(events);
    }
}

fn read(path: &Path) -> Option<Mark> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
