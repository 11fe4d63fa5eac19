//! Long lists in files beside the database.
//!
//! A list is written under a name of its own (`1.draft`), read back, made durable, and then called by its SHA-256
//! (`0a1b….crl`), all before its row is committed: a row never speaks of a file that is not there. A crash leaves a draft,
//! which goes when the database is next opened for writing, or a list without a row, which is kept: it was signed.

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use ring::digest::{Algorithm, Digest};

use crate::{
    ports::{ListDraft, ListFile, ListOctets, ListSource, StoreError},
    store::{digesting::Digesting, sql::Shelves},
    x509::hex,
};

const DRAFT: &str = "draft";

/// The directory of a database's long lists; it is made when the first is.
#[derive(Clone, Debug)]
pub(in crate::store) struct Shelf {
    directory: PathBuf,
    drafts: Arc<AtomicU64>,
}

impl Shelf {
    /// Of the database at that path.
    pub(in crate::store) fn beside(database: &Path) -> Self {
        let mut directory = database.to_owned().into_os_string();
        directory.push(".crl");
        Self { directory: directory.into(), drafts: Arc::default() }
    }

    /// Removes the drafts that a crash left. Only for who holds the lock of the writer.
    pub(in crate::store) fn sweep(&self) -> io::Result<()> {
        let files = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            files => files?,
        };
        for file in files {
            let path = file?.path();
            if path.extension() == Some(OsStr::new(DRAFT)) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// A new draft.
    pub(in crate::store) fn draft(&self) -> Result<Box<dyn ListDraft>, StoreError> {
        let create = || {
            fs::create_dir_all(&self.directory)?;
            let number = self.drafts.fetch_add(1, Ordering::Relaxed);
            let path = self.directory.join(format!("{number}.{DRAFT}"));
            let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
            Ok(FileDraft {
                shelf: self.clone(),
                path,
                file: Arc::new(file),
                length: 0,
                digesting: None,
                is_kept: false,
            })
        };
        let unavailable = |error: io::Error| {
            StoreError::Unavailable(format!("no list can be written to {}: {error}", self.directory.display()))
        };
        Ok(Box::new(create().map_err(unavailable)?))
    }

    /// Where the list of that digest lies.
    pub(in crate::store) fn path(&self, digest: &[u8; 32]) -> PathBuf {
        self.directory.join(format!("{}.crl", hex(digest)))
    }
}

impl Shelves for Shelf {
    fn list(&self, digest: [u8; 32], length: u64) -> ListOctets {
        let source = Lying { path: self.path(&digest), file: OnceLock::new() };
        ListOctets::File(ListFile { source: Arc::new(source), length, digest })
    }
}

/// A list in its file, which is opened when it is first read.
struct Lying {
    path: PathBuf,
    file: OnceLock<Arc<File>>,
}

impl ListSource for Lying {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        if let Some(file) = self.file.get() {
            return file.read_at(into, offset);
        }
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.path.display()));
        let file = Arc::new(File::open(&self.path).map_err(named)?);
        self.file.get_or_init(|| file).read_at(into, offset)
    }
}

struct FileDraft {
    shelf: Shelf,
    path: PathBuf,
    file: Arc<File>,
    length: u64,
    digesting: Option<io::Result<Digesting>>,
    is_kept: bool,
}

impl FileDraft {
    fn octets(&self, path: PathBuf, digest: [u8; 32]) -> ListOctets {
        let source = Lying { path, file: OnceLock::from(Arc::clone(&self.file)) };
        ListOctets::File(ListFile { source: Arc::new(source), length: self.length, digest })
    }
}

impl Write for FileDraft {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let written = (&*self.file).write(octets)?;
        self.length += written as u64;
        if let Some(Ok(digesting)) = &mut self.digesting {
            digesting.update(&octets[..written])?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ListDraft for FileDraft {
    fn begin_digest(&mut self, algorithm: &'static Algorithm) {
        self.digesting = Some(Digesting::start(algorithm));
    }

    fn end_digest(&mut self) -> io::Result<Digest> {
        self.digesting.take().ok_or(io::ErrorKind::InvalidInput)??.finish()
    }

    fn overwrite_front(&mut self, front: &[u8]) -> io::Result<()> {
        self.file.write_all_at(front, 0)
    }

    fn read_back(&mut self) -> io::Result<ListOctets> {
        Ok(self.octets(self.path.clone(), [0; 32]))
    }

    fn keep(mut self: Box<Self>, digest: [u8; 32]) -> io::Result<ListOctets> {
        self.file.sync_all()?;
        let path = self.shelf.path(&digest);
        fs::rename(&self.path, &path)?;
        self.is_kept = true;
        // The name too.
        File::open(&self.shelf.directory)?.sync_all()?;
        Ok(self.octets(path, digest))
    }
}

impl Drop for FileDraft {
    fn drop(&mut self) {
        if !self.is_kept {
            // What stays goes when the database is next opened.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf() -> (tempfile::TempDir, Shelf) {
        let dir = tempfile::TempDir::new().unwrap();
        let shelf = Shelf::beside(&dir.path().join("jitsuin.db"));
        (dir, shelf)
    }

    fn names(dir: &tempfile::TempDir) -> Vec<String> {
        let files = fs::read_dir(dir.path().join("jitsuin.db.crl")).unwrap();
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn what_is_kept_is_found_under_its_digest_and_what_is_not_leaves_nothing() {
        let (dir, shelf) = shelf();
        drop(shelf.draft().unwrap());
        let mut draft = shelf.draft().unwrap();
        draft.write_all(b"_ist").unwrap();
        draft.overwrite_front(b"l").unwrap();
        assert_eq!(*draft.read_back().unwrap().whole().unwrap(), *b"list");
        let kept = draft.keep([7; 32]).unwrap();
        assert_eq!(names(&dir), [format!("{}.crl", "07".repeat(32))]);
        let again = shelf.list([7; 32], 4);
        assert_eq!(again, kept);
        assert_eq!(*again.whole().unwrap(), *b"list");
    }

    #[test]
    fn a_draft_that_a_crash_left_is_swept_and_lists_are_not() {
        let (dir, shelf) = shelf();
        shelf.sweep().unwrap();
        std::mem::forget(shelf.draft().unwrap());
        shelf.draft().unwrap().keep([8; 32]).unwrap();
        shelf.sweep().unwrap();
        assert_eq!(names(&dir), [format!("{}.crl", "08".repeat(32))]);
    }

    #[test]
    fn a_list_that_is_gone_or_too_short_is_no_list() {
        let (dir, shelf) = shelf();
        assert_eq!(shelf.list([9; 32], 4).whole().unwrap_err().kind(), io::ErrorKind::NotFound);
        let mut draft = shelf.draft().unwrap();
        draft.write_all(b"list").unwrap();
        draft.keep([9; 32]).unwrap();
        fs::write(dir.path().join("jitsuin.db.crl").join(format!("{}.crl", "09".repeat(32))), b"lis").unwrap();
        assert_eq!(shelf.list([9; 32], 4).whole().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
