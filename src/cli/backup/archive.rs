//! The tar file inside a backup: the table of contents, then every file that it names, in its order and nothing else.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use ring::digest::{Context, SHA256};
use tar::{Archive, Builder, EntryType, Header};

use super::manifest::{BadManifest, Manifest, Member, NAME};
use crate::{
    limits::BACKUP_MANIFEST_OCTETS,
    x509::{UnixTime, hex},
};

/// Octets that are copied at a time.
const CHUNK: usize = 128 * 1024;

/// A file that goes into a backup.
pub struct Source {
    /// As the table of contents names it.
    pub member: Member,
    file: File,
}

/// Why an archive was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The octets cannot be had: decrypting failed, or the file ends.
    #[error("{0}")]
    Octets(io::Error),
    /// The table of contents.
    #[error(transparent)]
    Manifest(#[from] BadManifest),
    /// The table of contents is not the first file, or is too long to be one.
    #[error("it does not begin with a table of contents ({NAME})")]
    NoManifest,
    /// The file is not what the table of contents says.
    #[error("{0} is not the file that was saved: its SHA-256 is another")]
    Digest(String),
    /// Another file stands in its place, or nothing does.
    #[error("{0} is missing in its place")]
    Missing(String),
    /// More files than the table of contents names.
    #[error("{0} is in the archive, and not in its table of contents")]
    Surplus(String),
    /// What was read could not be put down.
    #[error("{0} cannot be written: {1}")]
    Sink(String, io::Error),
}

impl Source {
    /// The file at that path, as long as it is now; its digest is taken.
    ///
    /// # Errors
    /// As reading.
    pub fn open(name: impl Into<String>, path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let octets = file.metadata()?.len();
        let digest = Digesting::new(io::sink());
        let digest = copy(&mut (&mut file).take(octets), digest)?;
        let member = Member { name: name.into(), octets: digest.octets, sha256: digest.finish() };
        Ok(Self { member, file })
    }

    fn append<W: Write>(&mut self, to: &mut Builder<W>, at: UnixTime) -> io::Result<()> {
        let Member { name, octets, sha256 } = &self.member;
        self.file.seek(SeekFrom::Start(0))?;
        let mut reader = Witnessed { file: (&mut self.file).take(*octets), digest: Digesting::new(io::sink()) };
        to.append_data(&mut header(*octets, at), name, &mut reader)?;
        if reader.digest.octets != *octets || reader.digest.finish() != *sha256 {
            return Err(io::Error::other(format!("{name} changed while it was being saved; try again")));
        }
        Ok(())
    }
}

/// Writes an archive, and gives back what it was written to.
///
/// # Errors
/// As reading and writing; also when a file changes meanwhile.
pub fn write<W: Write>(out: W, manifest: &Manifest, sources: &mut [Source]) -> io::Result<W> {
    let mut builder = Builder::new(out);
    let json = serde_json::to_vec_pretty(manifest)?;
    builder.append_data(&mut header(json.len() as u64, manifest.made_at), NAME, &json[..])?;
    sources.iter_mut().try_for_each(|source| source.append(&mut builder, manifest.made_at))?;
    builder.into_inner()
}

fn header(octets: u64, at: UnixTime) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(octets);
    header.set_mode(0o600);
    header.set_mtime(u64::try_from(at.seconds()).unwrap_or(0));
    header
}

/// Where the files of an archive go.
pub trait Take {
    /// The table of contents, before any file. Refused, nothing more is read.
    ///
    /// # Errors
    /// Passed on.
    fn manifest(&mut self, manifest: &Manifest) -> io::Result<()>;

    /// Where the octets of this file go.
    ///
    /// # Errors
    /// Passed on.
    fn file(&mut self, member: &Member) -> io::Result<Box<dyn Write + '_>>;
}

/// Reads an archive to its very end, and holds every file against the table of contents.
///
/// # Errors
/// [`Unreadable`]; then nothing of what was taken is to be believed.
pub fn read(mut input: impl Read, take: &mut dyn Take) -> Result<Manifest, Unreadable> {
    let manifest = read_entries(&mut input, take)?;
    // The last octet tells that none is missing; behind the end of an archive there is only filling.
    let mut rest = [0; 4096];
    loop {
        match input.read(&mut rest).map_err(Unreadable::Octets)? {
            0 => return Ok(manifest),
            count if rest[..count].iter().all(|octet| *octet == 0) => {}
            _ => return Err(Unreadable::Surplus("something".into())),
        }
    }
}

fn read_entries(input: &mut impl Read, take: &mut dyn Take) -> Result<Manifest, Unreadable> {
    let mut archive = Archive::new(input);
    let mut entries = archive.entries().map_err(Unreadable::Octets)?;
    let first = entries.next().ok_or(Unreadable::NoManifest)?.map_err(Unreadable::Octets)?;
    let is_manifest = first.path_bytes().as_ref() == NAME.as_bytes() && is_plain(first.header());
    if !is_manifest || first.size() > BACKUP_MANIFEST_OCTETS {
        return Err(Unreadable::NoManifest);
    }
    let mut json = Vec::new();
    first.take(BACKUP_MANIFEST_OCTETS).read_to_end(&mut json).map_err(Unreadable::Octets)?;
    let manifest = Manifest::parse(&json)?;
    take.manifest(&manifest).map_err(|error| Unreadable::Sink("the backup".into(), error))?;
    for member in &manifest.members {
        let missing = || Unreadable::Missing(member.name.clone());
        let entry = entries.next().ok_or_else(missing)?.map_err(Unreadable::Octets)?;
        let is_it = entry.path_bytes().as_ref() == member.name.as_bytes() && entry.size() == member.octets;
        if !is_it || !is_plain(entry.header()) {
            return Err(missing());
        }
        let sink = |error| Unreadable::Sink(member.name.clone(), error);
        let mut out = take.file(member).map_err(sink)?;
        let digest = copy_told(entry, Digesting::new(&mut *out)).map_err(|failed| match failed {
            Failed::Reading(error) => Unreadable::Octets(error),
            Failed::Writing(error) => sink(error),
        })?;
        if digest.octets != member.octets || digest.finish() != member.sha256 {
            return Err(Unreadable::Digest(member.name.clone()));
        }
        out.flush().map_err(sink)?;
    }
    match entries.next() {
        None => Ok(manifest),
        Some(Ok(entry)) => Err(Unreadable::Surplus(String::from_utf8_lossy(&entry.path_bytes()).into_owned())),
        Some(Err(error)) => Err(Unreadable::Octets(error)),
    }
}

fn is_plain(header: &Header) -> bool {
    header.entry_type() == EntryType::Regular
}

/// Counts and digests what goes through it.
struct Digesting<W> {
    out: W,
    octets: u64,
    context: Context,
}

impl<W: Write> Digesting<W> {
    fn new(out: W) -> Self {
        Self { out, octets: 0, context: Context::new(&SHA256) }
    }

    fn finish(self) -> String {
        hex(self.context.finish().as_ref())
    }
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let written = self.out.write(octets)?;
        self.context.update(&octets[..written]);
        self.octets += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Digests what is read from it.
struct Witnessed<R> {
    file: R,
    digest: Digesting<io::Sink>,
}

impl<R: Read> Read for Witnessed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.digest.write_all(&into[..read])?;
        Ok(read)
    }
}

enum Failed {
    Reading(io::Error),
    Writing(io::Error),
}

fn copy<W: Write>(from: &mut impl Read, to: Digesting<W>) -> io::Result<Digesting<W>> {
    copy_told(from, to).map_err(|failed| match failed {
        Failed::Reading(error) | Failed::Writing(error) => error,
    })
}

/// Copies, and tells which side failed.
fn copy_told<W: Write>(mut from: impl Read, mut to: Digesting<W>) -> Result<Digesting<W>, Failed> {
    let mut chunk = vec![0; CHUNK];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(to),
            Ok(count) => to.write_all(&chunk[..count]).map_err(Failed::Writing)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failed::Reading(error)),
        }
    }
}

#[cfg(test)]
mod tests;
