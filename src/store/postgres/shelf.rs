//! Long lists in pieces: written to a file of this node, read back, and then put into the database, a piece a row.
//!
//! All before the list's own row is committed: a row never speaks of a list that is not there. A crash leaves pieces without a
//! row, which are kept: the list was signed. Memory holds a piece at a time.

use std::{
    io::{self, Read as _, Write},
    sync::{Arc, Mutex, PoisonError},
};

use ring::digest::{Algorithm, Digest};

use super::readers::Readers;
use crate::{
    ports::{ListDraft, ListFile, ListOctets, ListSource, StoreError},
    store::sql::{Read, Shelves, first, params, run},
};

/// Octets of a piece.
pub(super) const PIECE: usize = 256 * 1024;

/// The lists of a database.
#[derive(Clone)]
pub(super) struct Shelf(pub(super) Arc<Readers>);

impl Shelves for Shelf {
    fn list(&self, digest: [u8; 32], length: u64) -> ListOctets {
        let source = Pieces { readers: Arc::clone(&self.0), digest, last: Mutex::default() };
        ListOctets::File(ListFile { source: Arc::new(source), length, digest })
    }
}

/// A list in its rows, and the piece that was read last.
struct Pieces {
    readers: Arc<Readers>,
    digest: [u8; 32],
    last: Mutex<(u64, Arc<Vec<u8>>)>,
}

impl Pieces {
    fn piece(&self, number: u64) -> io::Result<Arc<Vec<u8>>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0 == number && !last.1.is_empty() {
            return Ok(Arc::clone(&last.1));
        }
        let query = "SELECT octets FROM list_piece WHERE digest = ?1 AND number = ?2";
        let values = params![self.digest, i64::try_from(number).unwrap_or(i64::MAX)];
        let read = |found: Result<Option<Vec<u8>>, StoreError>| found.map_err(io::Error::other);
        let piece = read(self.readers.read(|sql| first(sql, query, values, |row| row.get(0))))?;
        let piece = Arc::new(piece.unwrap_or_default());
        if piece.is_empty() && number == 0 {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the list is not in the database"));
        }
        *last = (number, Arc::clone(&piece));
        Ok(piece)
    }
}

impl ListSource for Pieces {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let size = PIECE as u64;
        let piece = self.piece(offset / size)?;
        let within = usize::try_from(offset % size).unwrap_or(usize::MAX);
        let Some(rest) = piece.get(within..) else { return Ok(0) };
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// A list on its way: a file, until it is kept.
pub(super) struct Draft {
    pub(super) file: Box<dyn ListDraft>,
    pub(super) shelf: Shelf,
}

impl Write for Draft {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.file.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl ListDraft for Draft {
    fn begin_digest(&mut self, algorithm: &'static Algorithm) {
        self.file.begin_digest(algorithm);
    }

    fn end_digest(&mut self) -> io::Result<Digest> {
        self.file.end_digest()
    }

    fn overwrite_front(&mut self, front: &[u8]) -> io::Result<()> {
        self.file.overwrite_front(front)
    }

    fn read_back(&mut self) -> io::Result<ListOctets> {
        self.file.read_back()
    }

    fn keep(mut self: Box<Self>, digest: [u8; 32]) -> io::Result<ListOctets> {
        let list = self.file.read_back()?;
        let (mut reader, mut number, mut length) = (list.reader(), 0, 0);
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            reader.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
            if piece.is_empty() {
                break;
            }
            length += piece.len() as u64;
            let put = "INSERT INTO list_piece (digest, number, octets) VALUES (?1, ?2, ?3)
                ON CONFLICT (digest, number) DO NOTHING";
            let put = |sql: &dyn crate::store::sql::Engine| -> Read<()> {
                run(sql, put, params![digest, number, piece]).map(drop)
            };
            self.shelf.0.write(put).map_err(io::Error::other)?;
            number += 1;
        }
        Ok(self.shelf.list(digest, length))
    }
}
