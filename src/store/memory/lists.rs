//! Long lists as from a file: to be read by place, and not in memory as far as anybody can tell.

use std::{
    io::{self, Write},
    sync::Arc,
};

use ring::digest::{Algorithm, Digest};

use crate::ports::{ListDraft, ListFile, ListOctets, ListSource, MemoryDraft};

/// A long list that is being made.
#[derive(Default)]
pub(super) struct LongDraft(MemoryDraft);

struct Kept(ListOctets);

impl ListSource for Kept {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        io::Read::read(&mut &self.0[from..], into)
    }
}

impl Write for LongDraft {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl ListDraft for LongDraft {
    fn begin_digest(&mut self, algorithm: &'static Algorithm) {
        self.0.begin_digest(algorithm);
    }

    fn end_digest(&mut self) -> io::Result<Digest> {
        self.0.end_digest()
    }

    fn overwrite_front(&mut self, front: &[u8]) -> io::Result<()> {
        self.0.overwrite_front(front)
    }

    fn read_back(&mut self) -> io::Result<ListOctets> {
        let octets = self.0.read_back()?;
        Ok(file(octets, [0; 32]))
    }

    fn keep(self: Box<Self>, digest: [u8; 32]) -> io::Result<ListOctets> {
        Ok(file(self.0.into_octets().into(), digest))
    }
}

fn file(octets: ListOctets, digest: [u8; 32]) -> ListOctets {
    ListOctets::File(ListFile { length: octets.length(), source: Arc::new(Kept(octets)), digest })
}
