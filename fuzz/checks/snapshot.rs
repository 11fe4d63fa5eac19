//! The snapshot of the status index, which a start reads instead of every event there ever was.

use std::sync::Arc;

use jitsuin::{
    kind::Kind,
    ports::{AuthorityRecord, Follower},
    revocation::{
        index::StatusIndex,
        serial::SerialPermutation,
        snapshot::{Lineage, Refused, Snapshot, read, write},
    },
};
use ring::digest::{SHA256, digest};

/// Octets of the head.
const HEAD: usize = 128;
/// Octets of a label.
const LABEL: usize = 16;
/// Octets of an event.
const EVENT: usize = 48;
/// Octets of the digest at the end.
const DIGEST: usize = 32;

/// The first octet chooses: 0, a file as it is; any other, one whose checksums and digest are made right first, since they
/// would stop the fuzzer at the door.
///
/// A snapshot that is read and goes on from its own events is written and read again to the same.
pub fn check(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    let lineage = lineage();
    let file = if *mode == 0 { data.to_vec() } else { sealed(data) };
    let Ok(snapshot) = read(&mut &file[..], &lineage) else { return };
    let Some(index) = followed(snapshot) else { return };
    let written = octets(&index, &lineage);
    let again = read(&mut &written[..], &lineage).expect("what we write we read");
    assert_eq!(again.position(), index.position());
    for kind in Kind::BOTH {
        let end = again.end(kind);
        let near = (0..64).chain(end.saturating_sub(4)..end.saturating_add(4)).chain([end / 2, u64::MAX]);
        near.for_each(|number| assert_eq!(again.status(kind, number), index.status(kind, number), "{kind} {number}"));
    }
    assert_eq!(octets(&followed(again).expect("it follows itself"), &lineage), written);
}

/// The house to which all snapshots here belong.
#[must_use]
pub fn lineage() -> Lineage {
    let permutation = SerialPermutation::new(1, b"JITSUIN-TEST-KEY").expect("a serial key");
    Lineage::new(&Kind::BOTH.map(|kind| AuthorityRecord::new(kind, 1, vec![kind.id()])), &permutation)
}

/// The snapshot of an index.
#[must_use]
pub fn octets(index: &StatusIndex, lineage: &Lineage) -> Vec<u8> {
    let mut octets = Vec::new();
    let told = write(index, lineage, &mut octets).expect("memory does not fail");
    assert_eq!(told.octets, octets.len() as u64);
    octets
}

/// The index that goes on from a snapshot in a store that has just its last events; none if that store would need more.
fn followed(snapshot: Snapshot) -> Option<Arc<StatusIndex>> {
    let (events, through) = (snapshot.last_events().to_vec(), snapshot.position());
    let before = events.first().map_or(through, |event| event.position - 1);
    let follow = |after: u64, follower: Arc<dyn Follower>| {
        follower.apply(&events[usize::try_from(after.saturating_sub(before)).expect("few")..]);
        Ok(())
    };
    match snapshot.follow(|after, follower| if after < before { Ok(()) } else { follow(after, follower) }) {
        Ok(index) => Some(index),
        Err(Refused::Ahead { .. }) => None,
        Err(other) => panic!("its own events are not those it knows: {other}"),
    }
}

/// The file with this house's head, and with every checksum and the digest as they must be.
#[must_use]
pub fn sealed(data: &[u8]) -> Vec<u8> {
    let mut file = octets(&StatusIndex::default(), &lineage());
    file.truncate(HEAD);
    if let Some(from) = data.get(..8) {
        file[120..].copy_from_slice(from);
    }
    let head = crc32fast::hash(&file[16..]).to_le_bytes();
    file[12..16].copy_from_slice(&head);
    let (mut rest, mut binding) = (data.get(8..).unwrap_or_default(), file.clone());
    while let Some((label, after)) = rest.split_at_checked(LABEL) {
        let first = usize::from(u16::from_le_bytes([label[2], label[3]]));
        let second = u32::from_le_bytes([label[8], label[9], label[10], label[11]]) as usize;
        let is_leaf = label[0] == 1;
        let length = if is_leaf { 8 * (first + second) } else { 8 + first * EVENT };
        let Some((payload, after)) = after.split_at_checked(length) else { break };
        let mut part = [label, payload].concat();
        if !is_leaf {
            part.extend_from_slice(digest(&SHA256, &binding).as_ref());
        }
        let crc = crc32fast::hash(&[&part[..12], &part[LABEL..]].concat()).to_le_bytes();
        part[12..LABEL].copy_from_slice(&crc);
        binding.extend_from_slice(&part[..LABEL]);
        file.extend(part);
        rest = after;
    }
    file.extend_from_slice(rest);
    file
}

/// What [`check`] takes to come past its checksums: a file without what it makes itself.
#[must_use]
pub fn bare(file: &[u8]) -> Vec<u8> {
    let end = file.len().saturating_sub(DIGEST);
    [&[1], &file[120..end]].concat()
}
