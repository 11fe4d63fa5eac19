//! Where checkpoints are kept, what a store must fit before it is written, and that a superseded copy stops.
//!
//! A checkpoint is a line in `DIR/checkpoints`, and, where the configuration names a keeper (an outside disk, a share, a medium
//! that is written once), the same line in a file there, which is called by the service's lineage. A line that a crash cut off
//! never was one: the next takes its place.

mod file;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use self::file::last;
pub use self::file::{append, first_line, lines};
use super::{failure::Failure, files, layout::Layout, status_file::StatusFile};
use crate::{
    audit::{AuditKey, Checkpoint, GENESIS, Known, Seal},
    ca::checkpoint::{self, CheckpointError},
    config::Config,
    ports::{Marks, Signer, Store, StoreError},
    revocation::snapshot::Lineage,
    x509::UnixTime,
};

/// The places of one service's checkpoints.
#[derive(Clone, Debug)]
pub struct Places {
    /// Beside the store.
    pub own: PathBuf,
    /// Outside, if there is a keeper.
    pub keeper: Option<PathBuf>,
}

impl Places {
    /// As the configuration says.
    #[must_use]
    pub fn new(layout: &Layout, config: &Config, lineage: &Lineage) -> Self {
        let keeper = Some(&config.audit.keeper).filter(|path| !path.as_os_str().is_empty());
        let name = lineage.digest().chars().take(16).collect::<String>() + ".checkpoints";
        Self { own: layout.checkpoints(), keeper: keeper.map(|directory| directory.join(name)) }
    }

    /// As the configuration says, without the serial key: then nobody knows the lineage by which the keeper calls its file, but the
    /// key that signed it is known.
    ///
    /// # Errors
    /// [`Failure`] for a keeper that cannot be read.
    pub fn without_lineage(layout: &Layout, config: &Config, key: &AuditKey) -> Result<Self, Failure> {
        let keeper = &config.audit.keeper;
        let keeper = if keeper.as_os_str().is_empty() { None } else { kept_for(keeper, key)? };
        Ok(Self { own: layout.checkpoints(), keeper })
    }

    /// Both.
    fn each(&self) -> impl Iterator<Item = &Path> {
        [Some(&self.own), self.keeper.as_ref()].into_iter().flatten().map(PathBuf::as_path)
    }

    /// The newest checkpoint of both places, and everything that is wrong with them.
    #[must_use]
    pub fn newest(&self, key: &AuditKey) -> (Option<Checkpoint>, Vec<String>) {
        let (mut newest, mut causes) = (None::<Checkpoint>, Vec::new());
        if let Some(directory) = self.keeper.as_deref().and_then(Path::parent)
            && !directory.is_dir()
        {
            causes.push(format!("{}: the keeper of checkpoints is not there", directory.display()));
            return (newest, causes);
        }
        for path in self.each() {
            match last(path, key) {
                Ok(Some(found)) if newest.as_ref().is_none_or(|newest| found.age() > newest.age()) => {
                    newest = Some(found)
                }
                Ok(_) => {}
                Err(cause) => causes.push(format!("{}: {cause}", path.display())),
            }
        }
        (newest, causes)
    }

    /// Every checkpoint, in order of entry, each once; what is wrong with lines, with the file and the number of the line.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn all(&self, key: &AuditKey) -> io::Result<(Vec<Known>, Vec<WrongLine>)> {
        let (mut known, mut wrong) = (Vec::new(), Vec::new());
        for path in self.each() {
            let mut before = None;
            for (number, line) in (1..).zip(lines(path)?) {
                let place = || format!("{} line {number}", path.display());
                match Checkpoint::open(&line?, key) {
                    Err(error) => wrong.push((place(), error.to_string())),
                    Ok(found) => {
                        if before.is_some_and(|before| before > found.age()) {
                            wrong.push((place(), "it is older than the one before it".to_owned()));
                        }
                        before = Some(found.age());
                        known.push(Known::from(&found));
                    }
                }
            }
        }
        known.sort_by_key(|known| (known.entry, known.fence, known.seal));
        known.dedup();
        Ok((known, wrong))
    }
}

/// The file of a keeper whose checkpoints name that key.
fn kept_for(keeper: &Path, key: &AuditKey) -> Result<Option<PathBuf>, Failure> {
    let unreadable = |error: io::Error| Failure::refused(format!("{}: {error}", keeper.display()));
    for file in fs::read_dir(keeper).map_err(unreadable)? {
        let path = file.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "checkpoints")
            && first_line(&path).map_err(unreadable)?.is_some_and(|line| key.is_named_by(&line))
        {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// The files with checkpoints of a service whose audit key has no certificate: its own, and any in its keeper, for nobody knows
/// without key and lineage which is whose.
///
/// # Errors
/// [`Failure`] for what cannot be read.
pub fn left_without_key(layout: &Layout, config: &Config) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |path: &Path, error: io::Error| Failure::fault(format!("{}: {error}", path.display()));
    let mut places = vec![layout.checkpoints()];
    let keeper = &config.audit.keeper;
    if !keeper.as_os_str().is_empty() {
        for file in fs::read_dir(keeper).map_err(|error| unreadable(keeper, error))? {
            let path = file.map_err(|error| unreadable(keeper, error))?.path();
            places.extend(Some(path).filter(|path| path.extension().is_some_and(|is| is == "checkpoints")));
        }
    }
    let has_line = |path: &PathBuf| fs::metadata(path).is_ok_and(|file| file.len() > 0);
    Ok(places.into_iter().filter(has_line).collect())
}

/// Refuses to write a store that is older than its checkpoints, or another, for who has no passphrase and so not the lineage.
///
/// # Errors
/// [`Failure`] with all causes; when something cannot be read; and when there are checkpoints but no audit key that they could
/// be held against.
pub fn guard(store: &dyn Store, (layout, config): (&Layout, &Config)) -> Result<(), Failure> {
    let Some(key) = audit_key(layout)? else {
        let (left, gone) = (layout.checkpoints(), layout.certificate(AUDIT));
        let told = || {
            let (left, gone) = (left.display(), gone.display());
            Failure::refused(format!("{left} has checkpoints, but the audit key is gone: {gone} is missing"))
        };
        return if left.exists() { Err(told()) } else { Ok(()) };
    };
    let (newest, mut causes) = Places::without_lineage(layout, config, &key)?.newest(&key);
    if let Some(newest) = newest {
        let marks = store.marks().map_err(Failure::fault)?;
        let there = seal_at(store, newest.marks.entry).map_err(Failure::fault)?;
        causes.extend(newest.misfits(&newest.lineage, &marks, there).iter().map(ToString::to_string));
    }
    causes.extend(missing(store, (layout, config))?);
    refuse(&causes)
}

/// What there is to say where a service has an audit key and not one checkpoint of it: `init` takes the first, so they were lost
/// or taken away, and nothing tells any more how far the store had come.
///
/// # Errors
/// [`Failure`] when something cannot be read.
pub fn missing(store: &dyn Store, (layout, config): (&Layout, &Config)) -> Result<Option<String>, Failure> {
    let Some(key) = audit_key(layout)? else { return Ok(None) };
    let places = Places::without_lineage(layout, config, &key)?;
    let (newest, causes) = places.newest(&key);
    if newest.is_some() || !causes.is_empty() {
        return Ok(None);
    }
    // Whoever is cut off between the first key of the audit and its first checkpoint goes on.
    let entry = store.marks().map_err(Failure::fault)?.entry;
    let entry = store.audit_after(entry.saturating_sub(1), 1).map_err(Failure::fault)?;
    let is_first = entry.first().is_some_and(|one| one.draft.action == KEY_MADE && one.draft.subject == AUDIT_SUBJECT);
    let told = || format!("{}: has no checkpoint, though the audit has its key", places.own.display());
    Ok((!is_first).then(told))
}

/// A line that is no checkpoint of that key: the file and the number of the line, and what is wrong.
pub type WrongLine = (String, String);

/// What a store must fit: everything that does not, in a sentence each.
///
/// # Errors
/// [`StoreError`] of the reading.
pub fn misfits(store: &dyn Store, newest: &Checkpoint, lineage: &Lineage) -> Result<Vec<String>, StoreError> {
    let marks = store.marks()?;
    let there = seal_at(store, newest.marks.entry)?;
    Ok(newest.misfits(&lineage.digest(), &marks, there).iter().map(ToString::to_string).collect())
}

fn seal_at(store: &dyn Store, position: u64) -> Result<Option<Seal>, StoreError> {
    let Some(before) = position.checked_sub(1) else { return Ok(Some(GENESIS)) };
    let found = store.audit_after(before, 1)?;
    Ok(found.first().filter(|entry| entry.position == position).map(|entry| entry.seal))
}

/// Refuses to open a store that is older than it was, or another: all causes at once.
///
/// # Errors
/// [`Failure`] unless there are no causes.
pub fn refuse(causes: &[String]) -> Result<(), Failure> {
    refusal(causes).map_or(Ok(()), |told| Err(Failure::refused(told)))
}

/// What is told of a store that is older than it was, or another; nothing where nothing says so.
#[must_use]
pub fn refusal(causes: &[String]) -> Option<String> {
    if causes.is_empty() {
        return None;
    }
    Some(format!(
        "this store is an older copy, or another than its checkpoints tell of; nothing was changed:\n  {}\n\
         If it was put in the place of a lost one, bring it to date with `jitsuin restore`, which leaves a gap in serial numbers \
         and CRL numbers; see docs/audit.md",
        causes.join("\n  ")
    ))
}

/// What says that a store is older than it was, or another: checkpoints, and the snapshot of the status index.
///
/// # Errors
/// [`Failure`] when something cannot be read, and when there are checkpoints but no audit key that they could be held against.
pub fn of_older_copy(
    store: &dyn Store,
    (layout, config): (&Layout, &Config),
    lineage: &Lineage,
) -> Result<Vec<String>, Failure> {
    let places = Places::new(layout, config, lineage);
    let mut causes = match audit_key(layout)? {
        Some(key) => causes(store, &places, (&key, lineage))?,
        None => match places.each().find(|path| path.exists()) {
            Some(left) => {
                let (left, gone) = (left.display(), layout.certificate(AUDIT));
                let told = format!("{left} has checkpoints, but the audit key is gone: {} is missing", gone.display());
                return Err(Failure::refused(told));
            }
            None => Vec::new(),
        },
    };
    let event = store.marks().map_err(Failure::fault)?.event;
    causes.extend(StatusFile::new(layout.status_snapshot(), lineage.clone()).ahead(event));
    Ok(causes)
}

/// Who takes the checkpoints of a running service.
pub struct Checkpoints {
    places: Places,
    lineage: Lineage,
    key: AuditKey,
    signer: Arc<dyn Signer>,
    /// Held by whoever takes one: how far the last one went, and why there is none, if the last turn failed.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: Option<Marks>,
    failure: Option<String>,
}

/// Why no checkpoint was taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be signed.
    #[error(transparent)]
    Sign(#[from] CheckpointError),
    /// It could not be kept there.
    #[error("{0}: {1}")]
    Keep(String, io::Error),
    /// The keeper tells of another copy.
    #[error("{0}")]
    Superseded(String),
}

impl Checkpoints {
    /// With the key that signs them and its certificate, DER.
    ///
    /// # Errors
    /// [`Failure`] unless they belong together.
    pub fn new(
        places: Places,
        lineage: Lineage,
        (certificate, signer): (&[u8], Arc<dyn Signer>),
    ) -> Result<Self, Failure> {
        let key = checkpoint::key(certificate, &*signer).map_err(Failure::refused)?;
        Ok(Self { places, lineage, key, signer, state: Mutex::default() })
    }

    /// Everything that keeps the store from being opened.
    ///
    /// # Errors
    /// [`Failure`] when the store cannot be read.
    pub fn causes(&self, store: &dyn Store) -> Result<Vec<String>, Failure> {
        causes(store, &self.places, (&self.key, &self.lineage))
    }

    /// Takes a checkpoint, if something was written since the last one; whether it did. Where the keeper knows of another copy
    /// that goes on, the store is stopped.
    ///
    /// # Errors
    /// [`NotTaken`]; the next turn tries again.
    pub fn take(&self, store: &dyn Store, now: UnixTime) -> Result<bool, NotTaken> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = self.attempt(store, now, &mut state.last);
        state.failure = taken.as_ref().err().map(ToString::to_string);
        taken
    }

    /// Whether the last turn went well: for readiness.
    ///
    /// # Errors
    /// Why not, in a sentence.
    pub fn check(&self) -> Result<(), String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failure.clone().map_or(Ok(()), |cause| Err(format!("no checkpoint was taken: {cause}")))
    }

    fn attempt(&self, store: &dyn Store, now: UnixTime, last: &mut Option<Marks>) -> Result<bool, NotTaken> {
        self.stop_if_superseded(store)?;
        let marks = store.marks()?;
        if last.as_ref() == Some(&marks) {
            return Ok(false);
        }
        let checkpoint = Checkpoint { taken: now, lineage: self.lineage.digest(), marks };
        let line = checkpoint::sign(&checkpoint, &self.key, &*self.signer)?;
        for path in self.places.each() {
            append(path, &line).map_err(|error| NotTaken::Keep(path.display().to_string(), error))?;
        }
        *last = Some(checkpoint.marks);
        Ok(true)
    }

    /// The keeper's newest checkpoint must be one of this very history.
    fn stop_if_superseded(&self, store: &dyn Store) -> Result<(), NotTaken> {
        let Some(keeper) = &self.places.keeper else { return Ok(()) };
        let newest = last(keeper, &self.key);
        let newest = newest.map_err(|cause| NotTaken::Keep(keeper.display().to_string(), io::Error::other(cause)))?;
        let Some(newest) = newest else { return Ok(()) };
        let misfits = misfits(store, &newest, &self.lineage)?;
        if misfits.is_empty() {
            return Ok(());
        }
        let cause = format!("writing has stopped: another copy of this service goes on ({})", misfits.join("; "));
        store.stop_writing(&cause);
        Err(NotTaken::Superseded(cause))
    }
}

/// Everything that the checkpoints say against a store.
///
/// # Errors
/// [`Failure`] when the store cannot be read.
pub fn causes(
    store: &dyn Store,
    places: &Places,
    (key, lineage): (&AuditKey, &Lineage),
) -> Result<Vec<String>, Failure> {
    let (newest, mut causes) = places.newest(key);
    if let Some(newest) = newest {
        causes.extend(misfits(store, &newest, lineage).map_err(Failure::fault)?);
    }
    Ok(causes)
}

/// The audit key of a service by its certificate; none if it has none, as one that was made before there were checkpoints.
///
/// # Errors
/// [`Failure`] for a certificate that is none of an audit key.
pub fn audit_key(layout: &Layout) -> Result<Option<AuditKey>, Failure> {
    let path = layout.certificate(AUDIT);
    if !path.exists() {
        return Ok(None);
    }
    let certificate = files::read_certificate(&path).map_err(Failure::refused)?;
    AuditKey::of_certificate(&certificate).map(Some).map_err(Failure::refused)
}

/// The name of the audit key and of its certificate.
pub const AUDIT: &str = "audit-1";

/// What the audit says of the first audit key of a service that had none, and about what.
pub const KEY_MADE: &str = "key.made";
/// The audit's subject for [`AUDIT`].
pub const AUDIT_SUBJECT: &str = "key/audit-1";
