//! The snapshot of the status index: what a node starts from instead of folding every event there ever was.
//!
//! A file of three parts, numbers little-endian:
//!
//! | part | octets |
//! |---|---|
//! | head | `JITSUIN⏎`, version (4), CRC (4), vocabulary (8), the two CAs (32 each), the serial key (32), position at its beginning (8) |
//! | leaf | what follows (1), CA id (1), words of bits (2), number (4), words of records (4), CRC (4); those words |
//! | end | what follows (1), 0 (1), events (2), leaves (4), 0 (4), CRC (4); position at its end (8), the events (48 each), SHA-256 of the head and of the first 16 octets of every leaf (32) |
//!
//! A CRC goes over the rest of its part, so what a disk or a copy changes is found where it stands; the digest binds the
//! parts together, so that none is missing, doubled or of another file. It is no signature: who can write where the store
//! lies can write into the store.
//!
//! **Taken beside a writer.** Nobody waits while the leaves are copied, so they may know of events that came after the first
//! position. What an event does to a certificate is the same whatever was before, so the events after the first position,
//! folded onto such leaves in order, give what all of them give: the snapshot is whole from the second position on. A store
//! that does not get that far is refused.
//!
//! **The same history.** The snapshot carries the last events before its second position, and they are held against the
//! store's: a store that was restored from a backup and went another way is found by them.

mod file;
mod lineage;
mod read;
mod resume;
mod write;

pub use self::{
    lineage::Lineage,
    read::{Snapshot, read},
    write::{Written, write},
};
use crate::{kind::Kind, ports::StoreError};

/// Why a snapshot is not used. The index is then folded from the store's events.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The file begins with other octets.
    #[error("it is no snapshot of a status index")]
    NotASnapshot,
    /// Another version of the format, or other causes and reasons than this program knows.
    #[error("it is of another version")]
    OtherVersion,
    /// The CA's first certificate is another.
    #[error("it is of another {0} CA")]
    OtherAuthority(Kind),
    /// The serial numbers are permuted with another key.
    #[error("it is of another serial key")]
    OtherSerialKey,
    /// The file is too short.
    #[error("it ends in the middle")]
    Truncated,
    /// A checksum is wrong, or what it says cannot be.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    /// The store's last event is before the snapshot's.
    #[error("it is of the future: it knows of event {through}, which the store does not have")]
    Ahead {
        /// The last event that the snapshot may know of.
        through: u64,
    },
    /// An event of the store is not what the snapshot says it was.
    #[error("it is of another history: event {position} of the store is another one")]
    OtherHistory {
        /// The event.
        position: u64,
    },
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// The store cannot be followed now.
    #[error("what came after it cannot be read: {0}")]
    Store(StoreError),
}

#[cfg(test)]
mod tests;
