//! The files of a backup, put down as they come.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::super::{
    backup::{
        archive::Take,
        check_room,
        manifest::{KEYS, LISTS, Manifest, Member},
    },
    failure::Failure,
};
use crate::signer::keyfile;

/// Puts files down in a directory that is empty.
pub(super) struct Unpack<'a> {
    pub(super) to: &'a Path,
}

impl Take for Unpack<'_> {
    fn manifest(&mut self, manifest: &Manifest) -> io::Result<()> {
        check_room(self.to, manifest.octets()).map_err(|failure| io::Error::other(failure.to_string()))
    }

    fn file(&mut self, member: &Member) -> io::Result<Box<dyn Write + '_>> {
        if let Some((directory, _)) = member.name.split_once('/') {
            let directory = self.to.join(directory);
            let made = if member.name.starts_with(KEYS) || member.name.starts_with(LISTS) {
                keyfile::make_private_directory(&directory).map_err(io::Error::other)
            } else {
                fs::create_dir_all(&directory)
            };
            made?;
        }
        Ok(Box::new(Durable(private(&self.to.join(&member.name))?)))
    }
}

/// A file that is on the disk when it is flushed.
struct Durable(File);

impl Write for Durable {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.sync_all()
    }
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Forces the names of everything in a directory, and in those in it, to the disk; the files are there already.
///
/// # Errors
/// [`Failure`].
pub(super) fn settle(directory: &Path) -> Result<(), Failure> {
    let settle = || {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                File::open(path)?.sync_all()?;
            }
        }
        File::open(directory)?.sync_all()
    };
    settle().map_err(|error: io::Error| Failure::fault(format!("{}: {error}", directory.display())))
}

/// Copies the keys from where they are kept.
///
/// # Errors
/// [`Failure`]; also where the backup has keys of its own.
pub(super) fn copy_keys(from: &Path, to: &Path, has_own: bool) -> Result<(), Failure> {
    if has_own {
        return Err(Failure::usage("the backup holds the keys: leave out --keys"));
    }
    let named = |error: io::Error| Failure::refused(format!("--keys {}: {error}", from.display()));
    let directory = to.join(KEYS);
    keyfile::make_private_directory(&directory).map_err(Failure::fault)?;
    for entry in fs::read_dir(from).map_err(named)? {
        let path = entry.map_err(named)?.path();
        let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|end| end == "pem")) else {
            continue;
        };
        let copy = || {
            let mut file = private(&directory.join(name))?;
            io::copy(&mut File::open(&path)?, &mut file)?;
            file.sync_all()
        };
        copy().map_err(named)?;
    }
    Ok(())
}
