//! The lists of a status node, on its disk: a file each, of which the newest stays. What the store gives is copied, read back, and
//! served from the copy; a start without the store finds it there.
//!
//! A file is a line of JSON, which says what the list is, and the list, DER. It is written whole or not at all.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::{
    kind::Kind,
    limits::{LIST_PIECE_OCTETS, LONG_LIST_OCTETS},
    ports::{AuthorityRecord, CrlRecord, ListFile, ListOctets, ListSource},
    revocation::{
        crl::check_kept,
        lists::{ListKey, PublishedLists},
    },
    scope::CrlScope,
    x509::{CertificateView, Name, SubjectPublicKey, UnixTime, hex, octets_of_hex},
};

/// The first line of a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    kind: Kind,
    generation: u8,
    scope: String,
    number: u64,
    this_update: UnixTime,
    next_update: UnixTime,
    position: u64,
    entries: u64,
    octets: u64,
    sha256: String,
}

/// The lists, served and on the disk.
pub(super) struct Shelf {
    directory: PathBuf,
    issuers: BTreeMap<(Kind, u8), (Name, SubjectPublicKey)>,
    pub(super) lists: Arc<PublishedLists>,
    /// Why a list is not served, by list.
    failures: Mutex<BTreeMap<ListKey, String>>,
}

/// A list that begins after the first line.
struct Behind {
    file: File,
    begin: u64,
}

impl ListSource for Behind {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(into, self.begin + offset)
    }
}

impl Shelf {
    /// The lists in that directory of those authorities, which are served from now on; those that cannot be are told in the log.
    ///
    /// # Errors
    /// What a certificate or the directory is wrong by.
    pub(super) fn open(directory: PathBuf, authorities: &[AuthorityRecord]) -> Result<Self, String> {
        fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        let mut issuers = BTreeMap::new();
        for record in authorities {
            let told = |cause: String| format!("the certificate of {} {}: {cause}", record.kind, record.generation);
            let tbs = CertificateView::from_der(&record.certificate).map_err(|error| told(error.to_string()))?.tbs;
            let name = Name::from_der(tbs.subject).map_err(|error| told(error.to_string()))?;
            let key = SubjectPublicKey::from_der(tbs.spki).map_err(|error| told(error.to_string()))?;
            issuers.insert((record.kind, record.generation), (name, key));
        }
        let shelf = Self { directory, issuers, lists: Arc::default(), failures: Mutex::default() };
        for entry in fs::read_dir(&shelf.directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "crl") {
                shelf.load(&path);
            }
        }
        Ok(shelf)
    }

    fn load(&self, path: &Path) {
        let read = read(path).map_err(|error| error.to_string());
        match read.and_then(|record| self.check(&record).map(|()| record)) {
            Ok(record) => self.lists.put(record),
            Err(cause) => tracing::warn!(path = %path.display(), cause, "a list on file is not served"),
        }
    }

    /// Serves a list of the store from now on, if it is newer than what is served, and what it says it is. `highest` is the highest
    /// number that the store has of its scope.
    pub(super) fn take(&self, record: CrlRecord, highest: u64) {
        let key = (record.kind, record.generation, record.scope);
        let served = self.lists.find(&key);
        if served.as_ref().is_some_and(|served| served.number >= record.number) {
            return;
        }
        let number = record.number;
        let taken = match number < highest {
            true => Err(format!("number {highest} was published after it")),
            false => self.copy(record),
        };
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        match taken {
            Ok(record) => {
                self.lists.put_after(record, served.map(|served| served.this_update));
                failures.remove(&key);
            }
            Err(cause) => {
                let (kind, generation, scope) = (key.0, key.1, key.2.word());
                tracing::error!(%kind, generation, scope, number, cause, "a list of the store is not served");
                failures.insert(key, format!("{kind} {generation} {scope} {number}: {cause}"));
            }
        }
    }

    /// Why a list of the store is not served, of the first such.
    pub(super) fn failure(&self) -> Option<String> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).values().next().cloned()
    }

    /// Whether a record is the list that it says it is.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn check(&self, record: &CrlRecord) -> Result<(), String> {
        let issuer = self.issuers.get(&(record.kind, record.generation));
        let (name, key) = issuer.ok_or("this node does not know the CA generation that signed it; restart it")?;
        check_kept(record, name, key).map_err(|error| error.to_string())
    }

    /// Copies it to its place, if the copy is what the record says.
    fn copy(&self, record: CrlRecord) -> Result<CrlRecord, String> {
        // What is not the CA's is not even written.
        self.check(&record)?;
        let path = self.directory.join(format!("{}-{}-{}.crl", record.kind, record.generation, record.scope.word()));
        let fresh = path.with_extension("new");
        let told = |error: io::Error| format!("{}: {error}", path.display());
        match write(&fresh, &record) {
            Ok(()) => {}
            // A disk that is full keeps nobody from getting the newest list; only the next start has an older one.
            Err(error) if matches!(record.der, ListOctets::Memory(_)) => {
                tracing::error!(path = %path.display(), %error, "a list is served, and not on file");
                return Ok(record);
            }
            Err(error) => return Err(told(error)),
        }
        let copied = read(&fresh).map_err(told)?;
        self.check(&copied).inspect_err(|_| drop(fs::remove_file(&fresh)))?;
        fs::rename(&fresh, &path).and_then(|()| File::open(&self.directory)?.sync_all()).map_err(told)?;
        Ok(copied)
    }
}

fn write(path: &Path, record: &CrlRecord) -> io::Result<()> {
    let mut sha256 = Context::new(&SHA256);
    each_piece(&record.der, |piece| {
        sha256.update(piece);
        Ok(())
    })?;
    let head = Head {
        kind: record.kind,
        generation: record.generation,
        scope: record.scope.word(),
        number: record.number,
        this_update: record.this_update,
        next_update: record.next_update,
        position: record.position,
        entries: record.entries,
        octets: record.der.length(),
        sha256: hex(sha256.finish().as_ref()),
    };
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    serde_json::to_writer(&mut file, &head)?;
    file.write_all(b"\n")?;
    each_piece(&record.der, |piece| file.write_all(piece))?;
    file.sync_all()
}

fn each_piece(der: &ListOctets, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let (mut reader, mut piece) = (der.reader(), vec![0; LIST_PIECE_OCTETS]);
    loop {
        match reader.read(&mut piece)? {
            0 => return Ok(()),
            read => take(&piece[..read])?,
        }
    }
}

fn read(path: &Path) -> io::Result<CrlRecord> {
    let damaged = |what: &'static str| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut file = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    (&mut file).take(HEAD_OCTETS).read_until(b'\n', &mut line)?;
    let head: Head = serde_json::from_slice(&line)?;
    let scope = CrlScope::from_word(&head.scope).ok_or_else(|| damaged("no scope"))?;
    let der = if head.octets <= LONG_LIST_OCTETS {
        let mut octets = Vec::new();
        file.take(LONG_LIST_OCTETS).read_to_end(&mut octets)?;
        octets.into()
    } else {
        let digest = octets_of_hex(&head.sha256).ok_or_else(|| damaged("no digest"))?;
        let source = Arc::new(Behind { file: file.into_inner(), begin: line.len() as u64 });
        ListOctets::File(ListFile { source, length: head.octets, digest })
    };
    Ok(CrlRecord {
        kind: head.kind,
        generation: head.generation,
        scope,
        number: head.number,
        this_update: head.this_update,
        next_update: head.next_update,
        position: head.position,
        entries: head.entries,
        der,
    })
}

/// What the first line takes at most.
const HEAD_OCTETS: u64 = 4096;
