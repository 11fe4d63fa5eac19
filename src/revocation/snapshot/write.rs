//! Writing a snapshot.

use std::io::{self, Write};

use super::{
    Lineage,
    file::{self, Binding, Follows, Label},
};
use crate::{
    kind::Kind,
    revocation::index::{Leaf, StatusIndex},
};

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The last event that it takes into account.
    pub position: u64,
    /// Octets of the file.
    pub octets: u64,
}

/// Writes a snapshot of an index, a leaf (half a megabyte of memory at most) at a time. Neither readers nor writers of the
/// index wait for it.
///
/// # Errors
/// Those of `out`; what was written until then is no snapshot.
pub fn write(index: &StatusIndex, lineage: &Lineage, out: &mut impl Write) -> io::Result<Written> {
    let head = file::head(lineage, index.position());
    out.write_all(&head)?;
    let mut parts = Parts { out, binding: Binding::new(&head), leaves: 0, octets: head.len() as u64 };
    let (mut leaf, mut payload) = (Leaf::default(), Vec::new());
    for kind in Kind::BOTH {
        let table = index.table(kind);
        for number in 0..table.leaves() {
            table.copy(number, &mut leaf);
            if leaf.bits.iter().all(|bits| *bits == 0) {
                continue;
            }
            payload.clear();
            leaf.bits.iter().chain(&leaf.records).for_each(|word| payload.extend_from_slice(&word.to_le_bytes()));
            let (first, second) = (size(leaf.bits.len())?, size(leaf.records.len())?);
            parts.leaf(Label { follows: Follows::Leaf(kind), first, number: size(number)?, second }, &payload)?;
        }
    }
    let (position, events) = index.last_events();
    payload.clear();
    payload.extend_from_slice(&position.to_le_bytes());
    events.iter().for_each(|event| payload.extend_from_slice(&file::event_octets(event)));
    parts.end(size(events.len())?, payload).map(|octets| Written { position, octets })
}

/// A count as the file has it; the tables hold no more.
fn size<N, S: TryFrom<N>>(count: N) -> io::Result<S> {
    S::try_from(count).map_err(|_| io::Error::other("the status index is larger than a snapshot can be"))
}

struct Parts<'a, W> {
    out: &'a mut W,
    binding: Binding,
    leaves: u32,
    octets: u64,
}

impl<W: Write> Parts<'_, W> {
    fn leaf(&mut self, label: Label, payload: &[u8]) -> io::Result<()> {
        let label = label.seal(payload);
        self.binding.add(&label);
        self.leaves += 1;
        self.put(&label, payload)
    }

    fn end(mut self, events: u16, mut payload: Vec<u8>) -> io::Result<u64> {
        let label = Label { follows: Follows::End, first: events, number: self.leaves, second: 0 };
        let binding = std::mem::replace(&mut self.binding, Binding::new(&[0; file::HEAD]));
        payload.extend_from_slice(&binding.digest());
        self.put(&label.seal(&payload), &payload)?;
        self.out.flush()?;
        Ok(self.octets)
    }

    fn put(&mut self, label: &[u8], payload: &[u8]) -> io::Result<()> {
        self.out.write_all(label)?;
        self.out.write_all(payload)?;
        self.octets += (label.len() + payload.len()) as u64;
        Ok(())
    }
}
