//! What goes into a backup, and where it is gathered.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process,
};

use super::{
    super::{failure::Failure, layout::Layout},
    archive::Source,
    manifest::{
        CERTIFICATES, CHECKPOINTS, CONFIGURATION, DATABASE, KEYS, LISTS, ORIGINAL, SNAPSHOT, SUBSTITUTES, Service,
    },
};
use crate::{
    audit::Marks,
    config::Config,
    kind::Kind,
    ports::{AuthorityRecord, Store},
    signer::keyfile,
    store::SqliteStore,
    x509::hex,
};

/// Everything that goes into a backup, found.
pub(super) struct Contents {
    /// Which service.
    pub(super) service: Service,
    /// How far the copied store had come.
    pub(super) marks: Marks,
    /// The files, in order.
    pub(super) sources: Vec<Source>,
}

/// A private directory for the copy of the database; it goes when dropped, or, after a crash, with the next backup.
pub(super) struct Scratch {
    path: PathBuf,
    _lock: File,
}

const SCRATCH: &str = ".backup-";
const LOCK: &str = "lock";

impl Scratch {
    /// A new one in that directory.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) fn new(within: &Path) -> Result<Self, Failure> {
        sweep(within);
        let path = within.join(format!("{SCRATCH}{}", process::id()));
        keyfile::make_private_directory(&path).map_err(Failure::refused)?;
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path.join(LOCK));
        let lock = lock.and_then(|lock| lock.lock().map(|()| lock));
        lock.map(|lock| Self { path: path.clone(), _lock: lock }).map_err(|error| named(&path, error))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed goes with the next backup.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes what a crash left: a scratch directory whose lock nobody holds.
fn sweep(within: &Path) {
    for entry in fs::read_dir(within).into_iter().flatten().flatten() {
        let is_scratch = entry.file_name().to_str().is_some_and(|name| name.starts_with(SCRATCH));
        let lock = || File::open(entry.path().join(LOCK)).ok();
        if is_scratch && lock().is_some_and(|lock| lock.try_lock().is_ok()) {
            // Whoever may not remove it has no use for the room either.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Refuses to fill a disk: a store that cannot write is worse than a backup that is missing.
///
/// # Errors
/// [`Failure`] with what is there and what is needed.
pub fn check_room(directory: &Path, octets: u64) -> Result<(), Failure> {
    let disk = rustix::fs::statvfs(directory).map_err(|error| named(directory, error.into()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    // A tenth stays free for whoever else writes there.
    if free / 10 * 9 >= octets {
        return Ok(());
    }
    let place = directory.display();
    Err(Failure::refused(format!(
        "{place} has {free} octets of room, and the backup needs {octets} and a tenth more there"
    )))
}

impl Contents {
    /// Finds everything, copies the database to `scratch`, and digests it all.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) fn gather(directory: &Path, scratch: &Scratch, with_keys: bool) -> Result<Self, Failure> {
        let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
        let layout = Layout::new(directory, &config);
        let store = SqliteStore::open_read_only(crate::cli::stores::file(&config)?).map_err(Failure::refused)?;
        let mut sources = configuration(directory, &config, scratch)?;
        sources.extend(pem_files(&layout.certificates(), CERTIFICATES)?);
        if with_keys {
            sources.extend(pem_files(layout.keys(), KEYS)?);
        }
        // Before the database, so that neither knows more than it.
        for (name, path) in [(CHECKPOINTS, directory.join(CHECKPOINTS)), (SNAPSHOT, layout.status_snapshot())] {
            sources.extend(if_there(name, &path)?);
        }
        check_room(&scratch.path, store.octets().map_err(Failure::fault)?)?;
        let copy = scratch.file(DATABASE);
        store.copy_to(&copy).map_err(Failure::fault)?;
        let copied = SqliteStore::open_read_only(&copy).map_err(Failure::fault)?;
        sources.push(source(DATABASE, &copy)?);
        // The copy names them as its own; they lie beside the original.
        let lists = config.store.path.as_os_str().to_owned();
        let lists = PathBuf::from([lists, ".crl".into()].into_iter().collect::<std::ffi::OsString>());
        for list in copied.long_lists().map_err(Failure::fault)? {
            let file = format!("{}.crl", hex(&list.digest));
            let saved = source(&format!("{LISTS}/{file}"), &lists.join(file))?;
            if (saved.member.octets, &saved.member.sha256) != (list.octets, &hex(&list.digest)) {
                return Err(Failure::fault(format!("the list {} is damaged", saved.member.name)));
            }
            sources.push(saved);
        }
        let marks = copied.marks().map_err(Failure::fault)?;
        let service = service(&copied.authorities().map_err(Failure::fault)?);
        Ok(Self { service, marks, sources })
    }
}

/// Which service has these CAs.
#[must_use]
pub fn service(authorities: &[AuthorityRecord]) -> Service {
    let digest = |kind| {
        let first = authorities.iter().find(|one| (one.kind, one.generation) == (kind, 1));
        let digest = first.map(|one| ring::digest::digest(&ring::digest::SHA256, &one.certificate));
        digest.map(|digest| hex(digest.as_ref())).unwrap_or_default()
    };
    Service { sign: digest(Kind::Sign), auth: digest(Kind::Auth) }
}

/// The configuration, with its files where a restored service has them; as it is, if they are there already.
fn configuration(directory: &Path, config: &Config, scratch: &Scratch) -> Result<Vec<Source>, Failure> {
    let original = Layout::configuration(directory);
    let table = &config.characters.substitutes;
    let has_table = !table.as_os_str().is_empty();
    let mut sources = Vec::new();
    if has_table {
        sources.push(source(SUBSTITUTES, table)?);
    }
    let is_usual = (&config.store.path, &config.keys.directory) == (&directory.join(DATABASE), &directory.join(KEYS))
        && (!has_table || *table == directory.join(SUBSTITUTES));
    if is_usual {
        sources.push(source(CONFIGURATION, &original)?);
        return Ok(sources);
    }
    let mut moved = config.clone();
    (moved.store.path, moved.keys.directory) = (DATABASE.into(), KEYS.into());
    if has_table {
        moved.characters.substitutes = SUBSTITUTES.into();
    }
    let text = moved.template().map_err(Failure::fault)?;
    let path = scratch.file(CONFIGURATION);
    fs::write(&path, text).map_err(|error| named(&path, error))?;
    sources.extend([source(CONFIGURATION, &path)?, source(ORIGINAL, &original)?]);
    Ok(sources)
}

/// The PEM files of a directory, by name.
fn pem_files(directory: &Path, name: &str) -> Result<Vec<Source>, Failure> {
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut files: Vec<_> =
        entries.map_err(|error| named(directory, error))?.iter().map(fs::DirEntry::file_name).collect();
    files.sort();
    let pem = files.iter().filter_map(|file| file.to_str().filter(|file| file.ends_with(".pem")));
    pem.map(|file| source(&format!("{name}/{file}"), &directory.join(file))).collect()
}

fn if_there(name: &str, path: &Path) -> Result<Option<Source>, Failure> {
    if path.try_exists().map_err(|error| named(path, error))? { source(name, path).map(Some) } else { Ok(None) }
}

fn source(name: &str, path: &Path) -> Result<Source, Failure> {
    Source::open(name, path).map_err(|error| named(path, error))
}

fn named(path: &Path, error: io::Error) -> Failure {
    Failure::fault(format!("{}: {error}", path.display()))
}
