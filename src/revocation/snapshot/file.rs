//! The parts of the file, as octets.

use std::sync::LazyLock;

use ring::digest::{Context, SHA256, digest};

use super::Lineage;
use crate::{
    kind::Kind,
    ports::StatusEvent,
    revocation::index::{Long, pack_long, read_long},
    rules::{Cause, CertificateState},
    x509::{RevocationReason, UnixTime},
};

/// The first octets of the file.
pub(super) const MAGIC: &[u8; 8] = b"JITSUIN\n";
/// Rises with every change of the format.
pub(super) const VERSION: u32 = 1;
/// Octets of the head.
pub(super) const HEAD: usize = 128;
/// Octets of what comes before the words of a leaf, or before the end.
pub(super) const LABEL: usize = 16;
/// Octets of an event.
pub(super) const EVENT: usize = 48;
/// Octets of the digest.
pub(super) const DIGEST: usize = 32;

/// The places of causes and reasons in their tables are what records are made of: other tables, another vocabulary.
pub(super) static VOCABULARY: LazyLock<[u8; 8]> = LazyLock::new(|| {
    let causes = Cause::ALL.iter().map(|cause| cause.word());
    let words: Vec<_> = causes.chain(RevocationReason::ALL.iter().map(|reason| reason.word())).collect();
    let mut head = [0; 8];
    head.copy_from_slice(&digest(&SHA256, words.join(" ").as_bytes()).as_ref()[..8]);
    head
});

/// The head of a file.
pub(super) fn head(lineage: &Lineage, from: u64) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(MAGIC);
    head[8..12].copy_from_slice(&VERSION.to_le_bytes());
    head[16..24].copy_from_slice(&*VOCABULARY);
    head[24..120].copy_from_slice(&lineage.octets());
    head[120..].copy_from_slice(&from.to_le_bytes());
    let crc = crc(&[&head[16..]]);
    head[12..16].copy_from_slice(&crc);
    head
}

/// What follows a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    /// A leaf of a CA's table.
    Leaf(Kind),
    /// The end.
    End,
}

/// What stands before a leaf or the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) follows: Follows,
    /// Words of bits, or events.
    pub(super) first: u16,
    /// The leaf's number, or how many there were.
    pub(super) number: u32,
    /// Words of records.
    pub(super) second: u32,
}

impl Label {
    /// The label with the CRC of itself and of what follows.
    pub(super) fn seal(self, payload: &[u8]) -> [u8; LABEL] {
        let mut octets = [0; LABEL];
        (octets[0], octets[1]) = match self.follows {
            Follows::Leaf(kind) => (1, kind.id()),
            Follows::End => (2, 0),
        };
        octets[2..4].copy_from_slice(&self.first.to_le_bytes());
        octets[4..8].copy_from_slice(&self.number.to_le_bytes());
        octets[8..12].copy_from_slice(&self.second.to_le_bytes());
        let crc = crc(&[&octets[..12], payload]);
        octets[12..].copy_from_slice(&crc);
        octets
    }

    /// Reads a label; its CRC cannot be held against anything yet.
    pub(super) fn read(octets: &[u8; LABEL]) -> Option<Self> {
        let follows = match (octets[0], octets[1]) {
            (1, id) => Follows::Leaf(Kind::from_id(id)?),
            (2, 0) => Follows::End,
            _ => return None,
        };
        let number = |at: usize| u32::from_le_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]]);
        Some(Self { follows, first: u16::from_le_bytes([octets[2], octets[3]]), number: number(4), second: number(8) })
    }
}

/// Whether the CRC of a label is that of itself and of what follows.
pub(super) fn is_whole(label: &[u8; LABEL], payload: &[u8]) -> bool {
    label[12..] == crc(&[&label[..12], payload])
}

/// The CRC-32 of several runs of octets. Flipped bits are what it is for, at several times the speed of SHA-256.
pub(super) fn crc(runs: &[&[u8]]) -> [u8; 4] {
    let mut crc = crc32fast::Hasher::new();
    runs.iter().for_each(|run| crc.update(run));
    crc.finalize().to_le_bytes()
}

/// The digest that binds head and leaves together.
pub(super) struct Binding(Context);

impl Binding {
    pub(super) fn new(head: &[u8; HEAD]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(head);
        Self(context)
    }

    pub(super) fn add(&mut self, label: &[u8; LABEL]) {
        self.0.update(label);
    }

    pub(super) fn digest(self) -> [u8; DIGEST] {
        self.0.finish().as_ref().try_into().expect("SHA-256 has 32 octets")
    }
}

/// The words of octets; a rest of less than eight is left out.
pub(super) fn words(octets: &[u8]) -> impl ExactSizeIterator<Item = u64> {
    octets.as_chunks().0.iter().map(|octets| u64::from_le_bytes(*octets))
}

/// An event: position, recorded, index, CA id, state, whether there is a revocation, 5 zeros, the revocation.
pub(super) fn event_octets(event: &StatusEvent) -> [u8; EVENT] {
    let state = CertificateState::ALL.iter().position(|state| *state == event.state).unwrap_or_default();
    let revocation = event.revocation.as_ref();
    let [date, invalidity] = revocation.map_or([0; 2], pack_long);
    let kind = [event.kind.id(), state as u8, u8::from(revocation.is_some()), 0, 0, 0, 0, 0];
    let words = [event.position, event.recorded.seconds() as u64, event.index, u64::from_le_bytes(kind)];
    let mut octets = [0; EVENT];
    for (slot, word) in octets.as_chunks_mut().0.iter_mut().zip(words.into_iter().chain([date, invalidity])) {
        *slot = word.to_le_bytes();
    }
    octets
}

/// Reads an event; none for what nobody writes.
pub(super) fn read_event(octets: &[u8]) -> Option<StatusEvent> {
    let read: Vec<_> = words(octets).collect();
    let &[position, recorded, index, kind, date, invalidity] = read.as_slice() else { return None };
    let [kind, state, revoked, zeros @ ..] = kind.to_le_bytes();
    let long: Long = [date, invalidity];
    let revocation = match (revoked, zeros == [0; 5]) {
        (0, true) => None,
        (1, true) => Some(read_long(long)?),
        _ => return None,
    };
    Some(StatusEvent {
        position,
        kind: Kind::from_id(kind)?,
        index,
        state: *CertificateState::ALL.get(usize::from(state))?,
        revocation,
        recorded: UnixTime::from_seconds(recorded as i64).ok()?,
    })
}
