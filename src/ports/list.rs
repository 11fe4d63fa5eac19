//! The octets of a published list, wherever the store keeps them: a short one in its row, a long one in a file.

use std::{
    borrow::Cow,
    fmt,
    io::{self, Read, Write},
    ops::Deref,
    sync::Arc,
};

use ring::digest::{self, Algorithm, Context, Digest};

/// Octets at rest that are read by place, by many at a time.
pub trait ListSource: Send + Sync {
    /// Reads from that octet on, as many as there are or as fit.
    ///
    /// # Errors
    /// As the place where they lie says; the octets may be gone.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;
}

/// A list in a place of its own. The digest is its name: a place never holds anything else.
#[derive(Clone)]
pub struct ListFile {
    /// How to read it.
    pub source: Arc<dyn ListSource>,
    /// Octets of the list.
    pub length: u64,
    /// SHA-256 of the list.
    pub digest: [u8; 32],
}

/// The DER of a list.
///
/// It dereferences to the octets in memory. A list in a file has none there: whoever may meet a long one asks for the
/// [`whole`](Self::whole) or reads it as a [`stream`](Self::reader).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListOctets {
    /// In memory; shared, not copied.
    Memory(Arc<Vec<u8>>),
    /// In a file.
    File(ListFile),
}

/// A list that is being made. It becomes one that can be read and kept by [`keep`](Self::keep); dropped before, it leaves
/// nothing behind.
pub trait ListDraft: Write + Send {
    /// From now on hashes what is written: the tbsCertList.
    fn begin_digest(&mut self, algorithm: &'static Algorithm);

    /// The digest of what was written since.
    ///
    /// # Errors
    /// As for writing; also where no digest was begun.
    fn end_digest(&mut self) -> io::Result<Digest>;

    /// Writes over the first octets, which are there.
    ///
    /// # Errors
    /// As for writing.
    fn overwrite_front(&mut self, front: &[u8]) -> io::Result<()>;

    /// What has been written so far, for the gate.
    ///
    /// # Errors
    /// As for writing.
    fn read_back(&mut self) -> io::Result<ListOctets>;

    /// Makes it last, under the SHA-256 of its octets: durable when this returns.
    ///
    /// # Errors
    /// As for writing.
    fn keep(self: Box<Self>, digest: [u8; 32]) -> io::Result<ListOctets>;
}

impl ListDraft for Box<dyn ListDraft> {
    fn begin_digest(&mut self, algorithm: &'static Algorithm) {
        (**self).begin_digest(algorithm);
    }

    fn end_digest(&mut self) -> io::Result<Digest> {
        (**self).end_digest()
    }

    fn overwrite_front(&mut self, front: &[u8]) -> io::Result<()> {
        (**self).overwrite_front(front)
    }

    fn read_back(&mut self) -> io::Result<ListOctets> {
        (**self).read_back()
    }

    fn keep(self: Box<Self>, digest: [u8; 32]) -> io::Result<ListOctets> {
        (*self).keep(digest)
    }
}

/// A draft in memory: of short lists, and of those that nobody keeps. It hashes what is written while that is still in the
/// processor's cache.
#[derive(Default)]
pub struct MemoryDraft {
    octets: Arc<Vec<u8>>,
    digest: Option<Context>,
}

impl MemoryDraft {
    /// With room for so many octets.
    #[must_use]
    pub fn with_capacity(octets: usize) -> Self {
        Self::over(Vec::with_capacity(octets))
    }

    /// In the memory of a former list, which the kernel need not clear once more.
    #[must_use]
    pub fn over(mut former: Vec<u8>) -> Self {
        former.clear();
        Self { octets: Arc::new(former), digest: None }
    }

    /// The octets.
    #[must_use]
    pub fn into_octets(self) -> Vec<u8> {
        Arc::unwrap_or_clone(self.octets)
    }
}

impl fmt::Debug for MemoryDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDraft").field("octets", &self.octets.len()).finish_non_exhaustive()
    }
}

impl Write for MemoryDraft {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        Arc::make_mut(&mut self.octets).extend_from_slice(octets);
        if let Some(digest) = &mut self.digest {
            digest.update(octets);
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ListDraft for MemoryDraft {
    fn begin_digest(&mut self, algorithm: &'static Algorithm) {
        self.digest = Some(Context::new(algorithm));
    }

    fn end_digest(&mut self) -> io::Result<Digest> {
        Ok(self.digest.take().ok_or(io::ErrorKind::InvalidInput)?.finish())
    }

    fn overwrite_front(&mut self, front: &[u8]) -> io::Result<()> {
        let there = Arc::make_mut(&mut self.octets).get_mut(..front.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        there.copy_from_slice(front);
        Ok(())
    }

    fn read_back(&mut self) -> io::Result<ListOctets> {
        Ok(ListOctets::Memory(Arc::clone(&self.octets)))
    }

    fn keep(self: Box<Self>, _digest: [u8; 32]) -> io::Result<ListOctets> {
        Ok(ListOctets::Memory(self.octets))
    }
}

/// A list read from its beginning.
pub enum ListReader<'a> {
    /// From memory.
    Memory(&'a [u8]),
    /// From a file; the next octet.
    File(&'a ListFile, u64),
}

impl ListOctets {
    /// Octets of the list.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::Memory(octets) => octets.len() as u64,
            Self::File(file) => file.length,
        }
    }

    /// The list from its beginning.
    #[must_use]
    pub fn reader(&self) -> ListReader<'_> {
        match self {
            Self::Memory(octets) => ListReader::Memory(octets),
            Self::File(file) => ListReader::File(file, 0),
        }
    }

    /// Whether both have the same octets; one in a file goes by its digest.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let digest = |octets: &[u8]| digest::digest(&digest::SHA256, octets);
        match (self, other) {
            (Self::File(file), Self::Memory(octets)) | (Self::Memory(octets), Self::File(file)) => {
                file.length == octets.len() as u64 && file.digest == digest(octets).as_ref()
            }
            (one, other) => one == other,
        }
    }

    /// All of it in memory: for tools that take their time, never on the way of an answer.
    ///
    /// # Errors
    /// As for [`ListSource::read_at`]; also when octets are missing.
    pub fn whole(&self) -> io::Result<Cow<'_, [u8]>> {
        match self {
            Self::Memory(octets) => Ok(Cow::Borrowed(octets)),
            Self::File(file) => file.whole().map(Cow::Owned),
        }
    }
}

impl ListFile {
    fn whole(&self) -> io::Result<Vec<u8>> {
        let mut octets = Vec::new();
        let read = ListReader::File(self, 0).read_to_end(&mut octets)?;
        if read as u64 == self.length { Ok(octets) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

impl Read for ListReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Memory(rest) => rest.read(into),
            Self::File(file, at) => {
                let read = file.source.read_at(*at, into)?;
                *at += read as u64;
                Ok(read)
            }
        }
    }
}

impl Deref for ListOctets {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Memory(octets) => octets,
            Self::File(_) => &[],
        }
    }
}

impl AsRef<[u8]> for ListOctets {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for ListOctets {
    fn from(octets: Vec<u8>) -> Self {
        Self::Memory(Arc::new(octets))
    }
}

impl PartialEq for ListFile {
    fn eq(&self, other: &Self) -> bool {
        (self.length, self.digest) == (other.length, other.digest)
    }
}

impl Eq for ListFile {}

impl fmt::Debug for ListFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListFile").field("length", &self.length).field("digest", &self.digest).finish_non_exhaustive()
    }
}
