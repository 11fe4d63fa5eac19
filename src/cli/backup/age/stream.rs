//! The payload: pieces of 64 KiB, each sealed under its number (STREAM).

use std::io::{self, BufRead, ErrorKind, Read, Write};

use ring::aead::{Aad, LessSafeKey, Nonce};

use super::{PIECE, TAG, cipher};

/// The number of a piece, and whether it is the last, as a nonce.
fn nonce(number: u64, is_last: bool) -> Nonce {
    let mut octets = [0; 12];
    // Of 11 octets; a file of 2^64 pieces does not exist.
    octets[3..11].copy_from_slice(&number.to_be_bytes());
    octets[11] = u8::from(is_last);
    Nonce::assume_unique_for_key(octets)
}

/// A file that is being sealed. Without [`finish`](Self::finish) it is not whole, and shows it.
pub struct Sealed<W> {
    out: W,
    key: LessSafeKey,
    piece: Vec<u8>,
    number: u64,
}

impl<W: Write> Sealed<W> {
    pub(super) fn new(out: W, key: &[u8; 32]) -> Self {
        Self { out, key: cipher(key), piece: Vec::with_capacity(PIECE + TAG), number: 0 }
    }

    fn seal(&mut self, is_last: bool) -> io::Result<()> {
        let sealed = self.key.seal_in_place_append_tag(nonce(self.number, is_last), Aad::empty(), &mut self.piece);
        sealed.map_err(|_| io::Error::other("a piece could not be sealed"))?;
        self.out.write_all(&self.piece)?;
        self.piece.clear();
        self.number += 1;
        Ok(())
    }

    /// Seals the end, and gives back what it was written to.
    ///
    /// # Errors
    /// As writing.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Sealed<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        // A full piece waits for one more octet: it may be the last.
        if self.piece.len() == PIECE && !octets.is_empty() {
            self.seal(false)?;
        }
        let taken = octets.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&octets[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A file that is being opened.
pub struct Opened<R> {
    input: R,
    key: LessSafeKey,
    piece: Vec<u8>,
    /// How much of the piece was read on.
    taken: usize,
    number: u64,
    is_over: bool,
}

impl<R: BufRead> Opened<R> {
    pub(super) fn new(input: R, key: &[u8; 32]) -> Self {
        Self { input, key: cipher(key), piece: Vec::new(), taken: 0, number: 0, is_over: false }
    }

    fn next(&mut self) -> io::Result<()> {
        let mut piece = std::mem::take(&mut self.piece);
        piece.clear();
        self.input.by_ref().take((PIECE + TAG) as u64).read_to_end(&mut piece)?;
        let is_last = self.input.fill_buf()?.is_empty();
        let opened =
            self.key.open_in_place(nonce(self.number, is_last), Aad::empty(), &mut piece).map(|text| text.len());
        // An empty piece ends only an empty file.
        let Some(length) = opened.ok().filter(|length| *length > 0 || self.number == 0) else {
            let what = if is_last { "damaged or cut off" } else { "damaged" };
            let from = self.number * PIECE as u64;
            let told = format!("it is {what} after {from} octets of its content (piece {})", self.number + 1);
            return Err(io::Error::new(ErrorKind::InvalidData, told));
        };
        piece.truncate(length);
        (self.piece, self.taken, self.is_over) = (piece, 0, is_last);
        self.number += 1;
        Ok(())
    }
}

impl<R: BufRead> Read for Opened<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.piece.len() && !self.is_over {
            self.next()?;
        }
        let taken = into.len().min(self.piece.len() - self.taken);
        into[..taken].copy_from_slice(&self.piece[self.taken..self.taken + taken]);
        self.taken += taken;
        Ok(taken)
    }
}
