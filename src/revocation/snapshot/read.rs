//! Reading a snapshot: in one pass, straight into the tables of a new index. Nothing of it is used before its last octet was
//! found right.

use std::io::{self, ErrorKind, Read};

use super::{
    Lineage, Refused,
    file::{self, Binding, DIGEST, EVENT, Follows, HEAD, LABEL, Label},
};
use crate::{
    kind::Kind,
    limits::SNAPSHOT_EVENTS,
    ports::StatusEvent,
    revocation::index::{LEAF, Leaf, PER_WORD, Status, StatusIndex},
};

/// Words of the records of a leaf, if each were a long one.
const MOST_RECORDS: usize = 3 * LEAF * PER_WORD as usize;

/// A snapshot that is whole and of this service. Whether it is of the store's history shows when it
/// [follows](Self::follow) the store.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) index: StatusIndex,
    /// The position when its writing began.
    pub(super) from: u64,
    /// The position when its writing ended.
    pub(super) through: u64,
    /// The events before that.
    pub(super) events: Vec<StatusEvent>,
}

impl Snapshot {
    /// The position of the last event that it knows of.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.through
    }

    /// What it knows of an index number of a CA.
    #[must_use]
    pub fn status(&self, kind: Kind, index: u64) -> Status {
        self.index.status(kind, index)
    }

    /// The index number of a CA from which on it knows of none.
    #[must_use]
    pub fn end(&self, kind: Kind) -> u64 {
        self.index.table(kind).leaves() * LEAF as u64 * PER_WORD
    }

    /// The last events up to that position, which a store must have too.
    #[must_use]
    pub fn last_events(&self) -> &[StatusEvent] {
        &self.events
    }
}

/// Reads a snapshot of the service with that lineage.
///
/// # Errors
/// [`Refused`].
pub fn read(input: &mut impl Read, lineage: &Lineage) -> Result<Snapshot, Refused> {
    let mut head = [0; HEAD];
    fill(input, &mut head)?;
    let from = check_head(&head, lineage)?;
    let index = StatusIndex::default();
    let (mut leaf, mut payload, mut binding) = (Leaf::default(), Vec::new(), Binding::new(&head));
    let (mut leaves, mut before) = (0, None);
    loop {
        let mut octets = [0; LABEL];
        fill(input, &mut octets)?;
        let label = Label::read(&octets).ok_or(Refused::Damaged("a part is of no known kind"))?;
        payload.resize(length(label)?, 0);
        fill(input, &mut payload)?;
        if !file::is_whole(&octets, &payload) {
            return Err(Refused::Damaged("a checksum is wrong"));
        }
        let Follows::Leaf(kind) = label.follows else {
            let (through, events) = end(&payload, (label.number, leaves), binding)?;
            return match (from <= through, input.read(&mut [0]).map_err(Refused::Unreadable)?) {
                (true, 0) => Ok(Snapshot { index, from, through, events }),
                (true, _) => Err(Refused::Damaged("something follows on its end")),
                (false, _) => Err(Refused::Damaged("it begins after its end")),
            };
        };
        binding.add(&octets);
        leaves += 1;
        let place = (Kind::BOTH.iter().position(|other| *other == kind), label.number);
        if before.replace(place).is_some_and(|before| place <= before) {
            return Err(Refused::Damaged("its parts are not in order"));
        }
        take(&mut leaf, &payload);
        let restored = index.table(kind).restore(label.number.into(), &leaf);
        restored.ok_or(Refused::Damaged("a part says what cannot be"))?;
    }
}

fn check_head(head: &[u8; HEAD], lineage: &Lineage) -> Result<u64, Refused> {
    if head[..8] != *file::MAGIC {
        return Err(Refused::NotASnapshot);
    }
    if head[8..12] != file::VERSION.to_le_bytes() {
        return Err(Refused::OtherVersion);
    }
    if head[12..16] != file::crc(&[&head[16..]]) {
        return Err(Refused::Damaged("the checksum of its head is wrong"));
    }
    if head[16..24] != *file::VOCABULARY {
        return Err(Refused::OtherVersion);
    }
    lineage.check(&head[24..120])?;
    file::words(&head[120..]).next().ok_or(Refused::Truncated)
}

/// Octets after a label.
fn length(label: Label) -> Result<usize, Refused> {
    let (first, second) = (usize::from(label.first), label.second as usize);
    match label.follows {
        Follows::Leaf(_) if first == LEAF && second <= MOST_RECORDS => Ok(8 * (first + second)),
        Follows::End if first <= SNAPSHOT_EVENTS && second == 0 => Ok(8 + first * EVENT + DIGEST),
        _ => Err(Refused::Damaged("a part is of no possible size")),
    }
}

fn take(leaf: &mut Leaf, payload: &[u8]) {
    let (bits, records) = payload.split_at((8 * LEAF).min(payload.len()));
    leaf.bits.clear();
    leaf.bits.extend(file::words(bits));
    leaf.records.clear();
    leaf.records.extend(file::words(records));
}

/// The position and the events at the end of the file.
fn end(payload: &[u8], counts: (u32, u32), binding: Binding) -> Result<(u64, Vec<StatusEvent>), Refused> {
    let (rest, digest) = payload.split_at(payload.len().saturating_sub(DIGEST));
    if counts.0 != counts.1 || digest != binding.digest() {
        return Err(Refused::Damaged("its parts do not belong together"));
    }
    let (position, events) = rest.split_at(rest.len().min(8));
    let through = file::words(position).next().ok_or(Refused::Truncated)?;
    let read: Option<Vec<_>> = events.chunks(EVENT).map(file::read_event).collect();
    let events = read.ok_or(Refused::Damaged("an event says what cannot be"))?;
    // As many as there are, up to the last one, without gaps.
    let first = through.saturating_sub(SNAPSHOT_EVENTS as u64) + 1;
    let expected = first..through.saturating_add(1);
    match expected.eq(events.iter().map(|event| event.position)) {
        true => Ok((through, events)),
        false => Err(Refused::Damaged("its events are not its last ones")),
    }
}

fn fill(input: &mut impl Read, octets: &mut [u8]) -> Result<(), Refused> {
    let refuse = |error: io::Error| match error.kind() {
        ErrorKind::UnexpectedEof => Refused::Truncated,
        _ => Refused::Unreadable(error),
    };
    input.read_exact(octets).map_err(refuse)
}
