//! The file of the status index: read at start, written on a timer and at the end.

use std::{
    fs::{self, File},
    io::{self, BufReader, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use crate::{
    limits::SNAPSHOT_SYNC_OCTETS,
    ports::{Store, StoreError},
    revocation::{
        index::StatusIndex,
        snapshot::{self, Lineage, Refused, Snapshot, Written},
    },
};

/// Where the snapshots of one service's status index are kept.
pub struct StatusFile {
    path: PathBuf,
    lineage: Lineage,
    /// Held by whoever writes.
    writing: Mutex<()>,
    /// The position of the last snapshot that was written or read.
    position: AtomicU64,
}

/// An index that follows its store.
pub struct Opened {
    /// The index.
    pub index: Arc<StatusIndex>,
    /// Why the store is older than its snapshot, or another, if it is.
    pub behind: Option<String>,
}

impl Opened {
    /// Both.
    #[must_use]
    pub fn into_parts(self) -> (Arc<StatusIndex>, Option<String>) {
        (self.index, self.behind)
    }
}

impl StatusFile {
    /// Whether there is a snapshot of this service that knows of events after `event`, the store's last, in a sentence.
    #[must_use]
    pub fn ahead(&self, event: u64) -> Option<String> {
        let file = File::open(&self.path).ok()?;
        let snapshot = snapshot::read(&mut BufReader::with_capacity(READ_OCTETS, file), &self.lineage).ok()?;
        let (path, through) = (self.path.display(), snapshot.position());
        (through > event).then(|| format!("{path}: the snapshot of the status index knows of event {through}"))
    }

    /// The snapshots of the service of that lineage, kept in that file.
    #[must_use]
    pub fn new(path: PathBuf, lineage: Lineage) -> Self {
        Self { path, lineage, writing: Mutex::default(), position: AtomicU64::new(0) }
    }

    /// The position of the last event in the newest snapshot; 0 if there is none.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position.load(Relaxed)
    }

    /// An index that follows a store: from the snapshot on, if there is one that can be used, or else from the beginning. A
    /// snapshot that is refused is told in the log; the next one takes its place. One that knows of events that the store does not
    /// have is a reason not to open the store.
    ///
    /// # Errors
    /// [`StoreError`] of the following.
    pub fn open(&self, store: &dyn Store) -> Result<Opened, StoreError> {
        let (began, path) = (Instant::now(), self.path.display());
        let mut behind = None;
        match self.resume(store) {
            Ok(Some((position, index))) => {
                let (took, reached) = (began.elapsed(), index.position());
                tracing::info!(%path, position, reached, ?took, "the status index goes on from its snapshot");
                return Ok(Opened { index, behind: None });
            }
            Ok(None) => {}
            Err(refused @ (Refused::Ahead { .. } | Refused::OtherHistory { .. })) => {
                behind = Some(format!("{path}: the snapshot of the status index is of this service, but {refused}"));
            }
            Err(refused) => {
                tracing::warn!(%path, %refused, "the snapshot of the status index is refused; rebuilding it")
            }
        }
        let index = Arc::new(StatusIndex::default());
        store.follow(0, Arc::clone(&index) as _)?;
        let (took, position) = (began.elapsed(), index.position());
        tracing::info!(position, ?took, "the status index is built from all events");
        Ok(Opened { index, behind })
    }

    /// An index of the snapshot without a store: `None` if there is no snapshot.
    ///
    /// # Errors
    /// [`Refused`] for a snapshot that cannot be used; also one that is not whole without a store.
    pub fn alone(&self) -> Result<Option<StatusIndex>, Refused> {
        let Some(snapshot) = self.read()? else { return Ok(None) };
        let position = snapshot.position();
        let index = snapshot.alone().ok_or(Refused::Damaged("it needs events that only its store has"))?;
        self.position.store(position, Relaxed);
        Ok(Some(index))
    }

    fn resume(&self, store: &dyn Store) -> Result<Option<(u64, Arc<StatusIndex>)>, Refused> {
        let Some(snapshot) = self.read()? else { return Ok(None) };
        let position = snapshot.position();
        let index = snapshot.follow(|after, follower| store.follow(after, follower))?;
        self.position.store(position, Relaxed);
        Ok(Some((position, index)))
    }

    fn read(&self) -> Result<Option<Snapshot>, Refused> {
        // Opening a pipe would wait for its other end.
        let opened = fs::metadata(&self.path).and_then(|found| match found.is_file() {
            true => File::open(&self.path),
            false => Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file")),
        });
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Refused::Unreadable(error)),
        };
        snapshot::read(&mut BufReader::with_capacity(READ_OCTETS, file), &self.lineage).map(Some)
    }

    /// Writes a snapshot, if there was an event since the last one. The one before is there until the new one is whole and on
    /// the disk. Only its owner may read it (mode 0600): it tells the causes.
    ///
    /// # Errors
    /// Those of the file system; then the one before stays.
    pub fn keep(&self, index: &StatusIndex) -> io::Result<Option<Written>> {
        // Whoever panicked here left at most a file that the next one overwrites.
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if index.position() <= self.position() {
            return Ok(None);
        }
        let fresh = self.path.with_extension("new");
        let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        let mut file = Steady { file, since: 0 };
        let written = snapshot::write(index, &self.lineage, &mut file)?;
        file.file.sync_all()?;
        fs::rename(&fresh, &self.path)?;
        let directory = self.path.parent().filter(|directory| !directory.as_os_str().is_empty());
        File::open(directory.unwrap_or(".".as_ref()))?.sync_all()?;
        self.position.store(written.position, Relaxed);
        Ok(Some(written))
    }
}

/// Octets that are read at once where fewer are wanted; what is larger goes straight where it belongs.
const READ_OCTETS: usize = 4 * 1024;

/// A file that is forced to the disk a little at a time, so that the store's own fsync never waits behind all of it.
struct Steady {
    file: File,
    since: usize,
}

impl Write for Steady {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let written = self.file.write(octets)?;
        self.since += written;
        if self.since >= SNAPSHOT_SYNC_OCTETS {
            self.since = 0;
            self.file.sync_data()?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
