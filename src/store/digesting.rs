//! A digest on a thread of its own: hashing a list takes as long as making and writing it, and there is more than one core.

use std::{
    io,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use ring::digest::{Algorithm, Context, Digest};

/// Pieces on their way: enough that neither side waits for the other's hiccups, and 2 MiB in all.
const PIECES: usize = 8;

/// A digest under way.
pub(super) struct Digesting {
    pieces: SyncSender<Vec<u8>>,
    /// What is hashed comes back, to be filled again.
    empty: Receiver<Vec<u8>>,
    thread: JoinHandle<Digest>,
    made: usize,
}

impl Digesting {
    /// Starts the thread.
    pub(super) fn start(algorithm: &'static Algorithm) -> io::Result<Self> {
        let (pieces, waiting) = sync_channel::<Vec<u8>>(PIECES);
        let (used, empty) = sync_channel(PIECES + 1);
        let hash = move || {
            let mut context = Context::new(algorithm);
            for piece in waiting {
                context.update(&piece);
                let _nobody_wants_it = used.try_send(piece);
            }
            context.finish()
        };
        let thread = thread::Builder::new().name("list-digest".to_owned()).spawn(hash)?;
        Ok(Self { pieces, empty, thread, made: 0 })
    }

    /// Takes the next octets; waits where the thread is behind.
    pub(super) fn update(&mut self, octets: &[u8]) -> io::Result<()> {
        let mut piece = if self.made < PIECES {
            self.made += 1;
            Vec::with_capacity(octets.len())
        } else {
            self.empty.recv().map_err(gone)?
        };
        piece.clear();
        piece.extend_from_slice(octets);
        self.pieces.send(piece).map_err(gone)
    }

    /// The digest of all of them.
    pub(super) fn finish(self) -> io::Result<Digest> {
        drop(self.pieces);
        self.thread.join().map_err(|_| io::Error::other("the thread that hashes panicked"))
    }
}

fn gone<E>(_: E) -> io::Error {
    io::Error::other("the thread that hashes ended")
}

#[cfg(test)]
mod tests {
    use ring::digest::{SHA256, SHA384, digest};

    use super::*;

    #[test]
    fn pieces_of_any_size_have_the_digest_of_the_whole() {
        for algorithm in [&SHA256, &SHA384] {
            for sizes in [&[][..], &[0], &[1, 0, 100_000, 3], &[4096; 50]] {
                let mut digesting = Digesting::start(algorithm).unwrap();
                let mut whole = Vec::new();
                for (number, size) in sizes.iter().enumerate() {
                    let piece = vec![number as u8; *size];
                    digesting.update(&piece).unwrap();
                    whole.extend(piece);
                }
                assert_eq!(digesting.finish().unwrap().as_ref(), digest(algorithm, &whole).as_ref());
            }
        }
    }
}
