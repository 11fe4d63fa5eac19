//! The four steps in which a card file is replaced, so that a test can break off after each.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Where card files are written.
pub(in crate::cli) trait Disk: Send {
    /// Writes a file of mode 0600, in place of one that a crash left there.
    fn write(&self, path: &Path, octets: &[u8]) -> io::Result<()>;
    /// Has the file's octets survive a power cut.
    fn sync(&self, path: &Path) -> io::Result<()>;
    /// Gives the file the name of another, which is gone then.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Has the names in a directory survive a power cut.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
}

/// The file system.
pub(in crate::cli) struct RealDisk;

impl Disk for RealDisk {
    fn write(&self, path: &Path, octets: &[u8]) -> io::Result<()> {
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(octets)
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

/// Replaces a file: when this returns, the new one survives a power cut; when it fails, one of the two does.
pub(in crate::cli) fn replace(disk: &dyn Disk, path: &Path, octets: &[u8]) -> io::Result<()> {
    let fresh = beside(path, "new");
    disk.write(&fresh, octets)?;
    disk.sync(&fresh)?;
    disk.rename(&fresh, path)?;
    let directory = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    disk.sync_directory(directory)
}

/// `FILE.WORD`
pub(in crate::cli) fn beside(path: &Path, word: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(word);
    name.into()
}
