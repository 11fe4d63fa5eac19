//! What is found when a store is held against its audit.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Checkpoint, Seal};
use crate::x509::UnixTime;

/// Something in the store that is not what its audit says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The table; `checkpoints` for the file of checkpoints.
    pub table: String,
    /// Which row of it.
    pub key: String,
    /// What differs, in words.
    pub what: String,
    /// The entry that says otherwise, where one does.
    pub entry: Option<u64>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Examination {
    /// The first findings, as many as were asked for.
    pub findings: Vec<Finding>,
    /// How many there are besides.
    pub further: u64,
    /// Entries of the chain.
    pub entries: u64,
    /// The last seal, hexadecimal digits.
    pub seal: String,
    /// Checkpoints that the chain was held against.
    pub checkpoints: u64,
    /// The time of the newest one's last entry: nobody vouches for what came after.
    pub vouched: Option<UnixTime>,
    /// Rows that were held against the entry that wrote them.
    pub rows: u64,
    /// Rows of entries that do not tell what they wrote, by table: they are older than schema 10.
    pub not_covered: BTreeMap<String, u64>,
    /// How many findings are told.
    #[serde(skip)]
    pub told: usize,
}

/// What an examination must know of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The fence.
    pub fence: u64,
    /// The position of the last entry.
    pub entry: u64,
    /// Its seal.
    pub seal: Seal,
    /// Its time.
    pub at: UnixTime,
}

impl From<&Checkpoint> for Known {
    fn from(checkpoint: &Checkpoint) -> Self {
        let marks = &checkpoint.marks;
        Self { fence: marks.fence, entry: marks.entry, seal: marks.seal, at: marks.at }
    }
}

impl Examination {
    /// One that tells so many findings and counts the rest.
    #[must_use]
    pub fn telling(told: usize) -> Self {
        Self { told, ..Self::default() }
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.further == 0
    }

    /// Notes a finding.
    pub fn find(&mut self, table: &str, key: impl Into<String>, what: impl Into<String>, entry: Option<u64>) {
        if self.findings.len() < self.told {
            let (table, key, what) = (table.to_owned(), key.into(), what.into());
            self.findings.push(Finding { table, key, what, entry });
        } else {
            self.further += 1;
        }
    }
}
