//! The chain of entries, beside the checkpoints of it.

use super::{Examiner, Leap, scratch::PAIR};
use crate::{
    audit::{self, AuditEntry, BrokenChain, GENESIS, Known, Of, Seal},
    ports::written::{self, Facet, Item},
    store::sql::{Engine, Read, rows},
    x509::{UnixTime, hex},
};

/// Where the walk along the chain is.
struct Walk<'k> {
    position: u64,
    /// The latest time so far: events are recorded at it.
    latest: UnixTime,
    /// The seal of the entry before; none behind a gap, where nobody knows it.
    seal: Option<Seal>,
    /// Checkpoints not met yet, in order of entry.
    ahead: &'k [Known],
    /// The last entry that a checkpoint vouches for.
    vouched: u64,
    /// Whether a checkpoint has been found not to fit; those behind it do not either.
    is_other: bool,
    /// Whether an entry told what it wrote.
    tells: bool,
}

impl Examiner<'_> {
    pub(super) fn chain(&mut self, checkpoints: &[Known]) -> Read<()> {
        let mut walk = Walk {
            position: 0,
            latest: UnixTime::EPOCH,
            seal: Some(GENESIS),
            ahead: checkpoints,
            vouched: 0,
            is_other: false,
            tells: false,
        };
        self.found.checkpoints = checkpoints.len() as u64;
        self.found.vouched = checkpoints.last().map(|known| known.at);
        let sql = self.sql;
        sql.each("SELECT * FROM audit_entry ORDER BY position", &[], &mut |row| {
            match rows::audit_entry(row) {
                Ok(entry) => self.entry(&entry, &mut walk)?,
                Err(error) => {
                    let position: i64 = row.get("position").unwrap_or(-1);
                    self.found.find("audit_entry", position.to_string(), format!("it cannot be read: {error}"), None);
                    (walk.position, walk.seal) = (walk.position + 1, None);
                }
            }
            Ok(true)
        })?;
        self.found.entries = walk.position;
        self.found.seal = hex(&walk.seal.unwrap_or(GENESIS));
        // A restore that went another way is met before the end of what it left.
        let missing = walk.ahead.iter().filter(|known| self.is_of_this_history(known)).max_by_key(|known| known.entry);
        if let Some(known) = missing.filter(|_| !walk.is_other) {
            let (knows, has, at) = (known.entry, walk.position, known.at);
            let what = format!(
                "the chain ends with entry {has}, and a checkpoint tells of entry {knows} of {at}: its end was cut off"
            );
            self.found.find("audit_entry", format!("{}", has + 1), what, None);
        }
        Ok(())
    }

    /// Whether a checkpoint is of this history: one that was taken behind a place where a restore went another way is not.
    fn is_of_this_history(&self, known: &Known) -> bool {
        !self.leaps.iter().any(|leap| leap.fence > known.fence && leap.entry <= known.entry)
    }

    fn entry(&mut self, entry: &AuditEntry, walk: &mut Walk<'_>) -> Read<()> {
        let key = entry.position.to_string();
        let expected = walk.position + 1;
        let previous = if entry.position == expected { walk.seal } else { None };
        if entry.position != expected {
            let last = entry.position.saturating_sub(1);
            let what = match last == expected {
                true => format!("entry {expected} is missing"),
                false => format!("entries {expected} to {last} are missing"),
            };
            self.found.find("audit_entry", expected.to_string(), what, None);
        }
        let broken = previous.map(|seal| audit::follow([entry], walk.position, seal));
        if let Some(Err(BrokenChain::Seal(_) | BrokenChain::Gap { .. })) = broken {
            let what = "it is not what was sealed: it was changed, put in or moved";
            self.found.find("audit_entry", &key, what, Some(entry.position));
        }
        (walk.position, walk.seal) = (entry.position, Some(entry.seal));
        self.items(entry, walk)?;
        self.held_against(entry, walk);
        Ok(())
    }

    /// Takes over what the entry wrote.
    fn items(&mut self, entry: &AuditEntry, walk: &mut Walk<'_>) -> Read<()> {
        walk.latest = walk.latest.max(entry.draft.at);
        let key = entry.position.to_string();
        let Some(octets) = &entry.written else {
            self.is_covered = false;
            if walk.tells {
                let what = "it does not tell what it wrote, and entries before it do";
                self.found.find("audit_entry", key, what, None);
            }
            return Ok(());
        };
        walk.tells = true;
        for item in written::items(octets) {
            match item {
                Ok(item) => self.item(&item, (entry.position, walk.latest))?,
                Err(error) => self.found.find("audit_entry", &key, error.to_string(), None),
            }
        }
        Ok(())
    }

    fn item(&mut self, item: &Item<'_>, (entry, recorded): (u64, UnixTime)) -> Read<()> {
        let Item { facet, key, content } = *item;
        let put = |facet: u8, key: &[u8], content: &[u8]| self.scratch.put(facet, key, content, (entry, recorded));
        match (facet, content.split_at_checked(9), content.split_at_checked(32)) {
            (Facet::Event, Some((certificate, state)), _) => {
                put(Facet::State as u8, certificate, state)?;
                return put(facet as u8, key, &recorded_event(recorded, content));
            }
            // Both certificates of a pair name each other, whichever was reserved last.
            (Facet::Reserved, _, Some((_, other @ [_, ..]))) => {
                put(PAIR, key, other)?;
                if let Some((kind, own)) = key.split_first() {
                    put(PAIR, &[&[3_u8.wrapping_sub(*kind)], other].concat(), own)?;
                }
            }
            (Facet::Fence, ..) => {
                let number = |at: usize| content.get(8 * at..8 * at + 8).map_or(0, sum);
                let of = |at| Of { sign: number(at), auth: number(at + 1) };
                self.leaps.push(Leap { entry, fence: number(0), indexes: of(1), floors: of(3) });
            }
            (Facet::Refused, ..) => {
                let before = self.scratch.take(facet as u8, key)?.map_or(0, |last| sum(&last.content));
                return put(facet as u8, key, &before.saturating_add(sum(content)).to_be_bytes());
            }
            _ => {}
        }
        put(facet as u8, key, content)
    }

    /// Holds the entry against the checkpoints of it.
    fn held_against(&mut self, entry: &AuditEntry, walk: &mut Walk<'_>) {
        while let Some((known, ahead)) = walk.ahead.split_first()
            && known.entry <= entry.position
        {
            walk.ahead = ahead;
            if !self.is_of_this_history(known) || known.entry < entry.position {
                continue;
            }
            if known.seal == entry.seal {
                walk.vouched = known.entry;
            } else if !walk.is_other {
                walk.is_other = true;
                let (from, to, at) = (walk.vouched + 1, known.entry, known.at);
                let what = format!(
                    "the checkpoint of {at} has another seal: something from entry {from} to {to} was changed, and the chain sealed anew"
                );
                self.found.find("audit_entry", to.to_string(), what, None);
            }
        }
    }
}

/// A status event with the time at which it must have been recorded.
pub(super) fn recorded_event(recorded: UnixTime, event: &[u8]) -> Vec<u8> {
    [&recorded.seconds().to_be_bytes(), event].concat()
}

/// A number of as many octets as it has.
fn sum(octets: &[u8]) -> u64 {
    octets.iter().fold(0, |sum, octet| sum << 8 | u64::from(*octet))
}
