//! All key files of a directory under a new passphrase, all or none.
//!
//! The new files are made in a directory beside the old one, which then changes places with it in **one step** of the file
//! system (`renameat2` with `RENAME_EXCHANGE`):
//!
//! | step | on disk when the process is killed after it | opens with |
//! |---|---|---|
//! | every key is opened with the old passphrase | as before | the old |
//! | `keys.rotating` is made beside `keys`; each key is written into it, encrypted anew, and synced | a directory beside | the old |
//! | each new file is opened with the new passphrase and is the same key; the directory and its name are synced | the same | the old |
//! | `keys` and `keys.rotating` change places | the old files beside | **the new** |
//! | the change is synced; only now are the old files removed | some or none of the old files beside | the new |
//!
//! After a power cut the directory `keys` is the old or the new one, whole: a file system that has the exchange has it in
//! its journal, and neither directory loses a file before its turn. What lies beside is removed by the next rotation.
//!
//! # Why
//! Why not a rename for each file: between two of them the service would have two passphrases. Why no journal of our own:
//! then every reader of a key would have to know of it, and `openssl pkey -in` would not.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use zeroize::Zeroizing;

use super::{
    key::PrivateKey,
    keyfile::{self, KeyFileError},
};
use crate::limits::KEY_FILE_OCTETS;

/// Why nothing was rotated: the old passphrase is in force.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// Keys that the old passphrase does not open, or that cannot be read or written; and how many others it opens.
    #[error("{}", lines(.0))]
    Keys(Vec<KeyFileError>, usize),
    /// Things among the keys that are neither keys nor small files.
    #[error("{}", .0.join("\n"))]
    Foreign(Vec<String>),
    /// There is no key.
    #[error("there is no key file in {}", .0.display())]
    Empty(PathBuf),
    /// The file system failed.
    #[error("cannot {action} {}: {cause}", .path.display())]
    Io {
        /// What was to be done.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
    /// The two directories cannot change places.
    #[error(
        "{} and the directory beside it cannot change places in one step ({cause}): the file system must have \
         RENAME_EXCHANGE (ext4, XFS, Btrfs and tmpfs do, NFS does not), and the directory must not be a mount point itself",
        .path.display()
    )]
    Exchange {
        /// The directory of the keys.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
    /// A new file is not the key it was made from.
    #[error("{} was not written as it should have been", .0.display())]
    Different(PathBuf),
}

fn lines(errors: &[KeyFileError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// How far a rotation is; told before the next step begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Every key is open; nothing was changed.
    Opened,
    /// The directory beside is there.
    Begun,
    /// So many new files are there.
    Written(usize),
    /// Every new file was opened with the new passphrase.
    Verified,
    /// The new directory is durable.
    Synced,
    /// The directories have changed places: the new passphrase is in force.
    Exchanged,
    /// And that is durable.
    Settled,
    /// So many old files are gone.
    Removed(usize),
}

/// What was rotated; the new passphrase is in force.
#[derive(Debug)]
pub struct Rotated {
    /// The keys, by the names of their files.
    pub keys: Vec<String>,
    /// Old files that could not be removed: the old passphrase opens them still.
    pub left: Option<PathBuf>,
}

/// Every key of a directory, opened with the old passphrase; nothing was changed yet.
pub struct Rotation {
    directory: PathBuf,
    items: Vec<Item>,
}

impl Rotation {
    /// Opens every key in `directory`. Only one process may rotate or add keys at a time.
    ///
    /// # Errors
    /// [`RotateError`], with every key that does not open.
    pub fn open(directory: &Path, old: &str) -> Result<Self, RotateError> {
        let directory = directory.canonicalize().map_err(failed("read", directory))?;
        let items = open_all(&directory, old)?;
        Ok(Self { directory, items })
    }

    /// The names of the key files.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let key = |item: &&Item| matches!(item.content, Content::Key(_));
        self.items.iter().filter(key).map(|item| item.name.as_str())
    }

    /// Encrypts every key anew. Files that are no keys (a README) go along; owner and mode of each stay.
    ///
    /// # Errors
    /// [`RotateError`]; then every key opens with the old passphrase, as before.
    pub fn perform(self, new: &str, tell: &mut dyn FnMut(Progress)) -> Result<Rotated, RotateError> {
        let Self { directory, items } = &self;
        let beside = beside(directory);
        tell(Progress::Opened);
        sweep(&beside).map_err(failed("remove", &beside))?;
        let prepared = prepare(directory, &beside, items, new, tell);
        let exchanged = prepared.and_then(|()| {
            renameat_with(CWD, directory, CWD, &beside, RenameFlags::EXCHANGE)
                .map_err(|cause| RotateError::Exchange { path: directory.clone(), cause: cause.into() })
        });
        if let Err(error) = exchanged {
            // What cannot be removed is swept by the next rotation.
            let _ = sweep(&beside);
            return Err(error);
        }
        tell(Progress::Exchanged);
        // From here on the new passphrase is in force, whatever fails. Unless that is durable, the old files stay.
        let left = sync_parent(&beside).and_then(|()| {
            tell(Progress::Settled);
            remove(&beside, tell)
        });
        Ok(Rotated { keys: self.keys().map(str::to_owned).collect(), left: left.err().map(|_| beside) })
    }
}

/// A file of the directory.
struct Item {
    name: String,
    like: Metadata,
    content: Content,
}

enum Content {
    Key(PrivateKey),
    Other(Zeroizing<Vec<u8>>),
}

/// `keys.rotating` beside `keys`.
fn beside(directory: &Path) -> PathBuf {
    let mut name = directory.file_name().unwrap_or_default().to_os_string();
    name.push(".rotating");
    directory.with_file_name(name)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RotateError {
    let path = path.to_owned();
    move |cause| RotateError::Io { action, path, cause }
}

/// Reads everything, and refuses all that does not fit at once.
fn open_all(directory: &Path, passphrase: &str) -> Result<Vec<Item>, RotateError> {
    let (mut items, mut locked, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed("read", directory))? {
        paths.push(entry.map_err(failed("read", directory))?.path());
    }
    paths.sort();
    for path in paths {
        let like = path.symlink_metadata().map_err(failed("read", &path))?;
        let name = path.file_name().and_then(|name| name.to_str());
        let (Some(name), true) = (name, like.is_file()) else {
            foreign.push(format!("{} is no file; only keys and small files can be among the keys", path.display()));
            continue;
        };
        if name.starts_with(".new-key-") {
            continue; // what a write that was cut off left
        }
        let content = if path.extension().is_some_and(|extension| extension == "pem") {
            keyfile::read_encrypted(&path, passphrase).map(Content::Key).map_err(|error| locked.push(error))
        } else if like.len() > KEY_FILE_OCTETS as u64 {
            foreign.push(format!("{} is too large to be among the keys", path.display()));
            Err(())
        } else {
            let octets = fs::read(&path).map_err(failed("read", &path))?;
            Ok(Content::Other(Zeroizing::new(octets)))
        };
        items.extend(content.ok().map(|content| Item { name: name.to_owned(), like, content }));
    }
    match (locked.is_empty(), foreign.is_empty()) {
        (false, _) => {
            let opened = items.iter().filter(|item| matches!(item.content, Content::Key(_))).count();
            Err(RotateError::Keys(locked, opened))
        }
        (_, false) => Err(RotateError::Foreign(foreign)),
        _ if items.iter().any(|item| matches!(item.content, Content::Key(_))) => Ok(items),
        _ => Err(RotateError::Empty(directory.into())),
    }
}

/// Makes the new directory, whole and durable.
fn prepare(
    directory: &Path,
    beside: &Path,
    items: &[Item],
    passphrase: &str,
    tell: &mut dyn FnMut(Progress),
) -> Result<(), RotateError> {
    DirBuilder::new().mode(0o700).create(beside).map_err(failed("make", beside))?;
    tell(Progress::Begun);
    for (written, item) in items.iter().enumerate() {
        let path = beside.join(&item.name);
        match &item.content {
            Content::Key(key) => keyfile::write_encrypted(&path, key, passphrase).map_err(one)?,
            Content::Other(octets) => write_other(&path, octets).map_err(failed("write", &path))?,
        }
        take_after(&path, &item.like).map_err(failed("give its owner to", &path))?;
        tell(Progress::Written(written + 1));
    }
    for item in items {
        if let Content::Key(key) = &item.content {
            let path = beside.join(&item.name);
            if keyfile::read_encrypted(&path, passphrase).map_err(one)? != *key {
                return Err(RotateError::Different(path));
            }
        }
    }
    tell(Progress::Verified);
    let like = directory.metadata().map_err(failed("read", directory))?;
    let synced = take_after(beside, &like).and_then(|()| sync_parent(beside));
    synced.map_err(failed("write", beside))?;
    tell(Progress::Synced);
    Ok(())
}

fn one(error: KeyFileError) -> RotateError {
    RotateError::Keys(vec![error], 0)
}

fn write_other(path: &Path, octets: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(octets)
}

/// Gives a file or directory the owner and mode of another, durably: run by root, a rotation must not lock the service out.
fn take_after(path: &Path, like: &Metadata) -> io::Result<()> {
    let own = path.metadata()?;
    if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
        chown(path, Some(like.uid()), Some(like.gid()))?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(like.mode() & 0o7777))?;
    File::open(path)?.sync_all()
}

fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

/// Removes what an earlier rotation left beside: new files that were never in force, or old ones that are no more.
fn sweep(beside: &Path) -> io::Result<()> {
    if beside.symlink_metadata().is_ok() { remove(beside, &mut |_| ()) } else { Ok(()) }
}

fn remove(beside: &Path, tell: &mut dyn FnMut(Progress)) -> io::Result<()> {
    for (removed, entry) in fs::read_dir(beside)?.enumerate() {
        fs::remove_file(entry?.path())?;
        tell(Progress::Removed(removed + 1));
    }
    fs::remove_dir(beside)?;
    sync_parent(beside)
}

#[cfg(test)]
mod tests;
