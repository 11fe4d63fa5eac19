//! What the doctor found, channel by channel.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use crate::{limits::CONTRADICTIONS_TOLD, revocation::census::Contradiction};

/// A channel that tells the status of certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// The status events, by which the others are judged.
    Events,
    /// The table of certificates.
    Table,
    /// The status index, folded anew from the events.
    Index,
    /// OCSP, about what was given out.
    Ocsp,
    /// OCSP, about what was never issued.
    NeverIssued,
    /// The full lists.
    FullLists,
    /// The deltas to them.
    FullDeltas,
    /// The municipalities' lists.
    MunicipalLists,
    /// The deltas to them.
    MunicipalDeltas,
    /// The lists of the CAs' own certificates.
    AuthorityLists,
}

impl Channel {
    const fn words(self) -> &'static str {
        match self {
            Self::Events => "status events",
            Self::Table => "table of certificates",
            Self::Index => "status index",
            Self::Ocsp => "OCSP",
            Self::NeverIssued => "OCSP, never issued",
            Self::FullLists => "full lists",
            Self::FullDeltas => "full lists with deltas",
            Self::MunicipalLists => "municipal lists",
            Self::MunicipalDeltas => "municipal with deltas",
            Self::AuthorityLists => "CA lists",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words())
    }
}

/// What was found in one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Tally {
    /// Certificates that were compared: for lists, those on the list or due there; for events, the events.
    pub compared: u64,
    /// Lists that were fetched, or answers.
    pub asked: u64,
    /// Contradictions.
    pub contradictions: u64,
    /// How long it took.
    pub seconds: f64,
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Findings {
    /// The last status event when the walk ended.
    pub position: u64,
    /// Status events that came in while it lasted.
    pub arrived: u64,
    /// The channels that were compared.
    pub channels: BTreeMap<Channel, Tally>,
    /// The channels that could not be asked without the service.
    pub not_asked: Vec<Channel>,
    /// The contradictions, the first [`CONTRADICTIONS_TOLD`] of them.
    pub told: Vec<Contradiction>,
}

impl Findings {
    /// How many contradictions there are, told or not.
    #[must_use]
    pub fn contradictions(&self) -> u64 {
        self.channels.values().map(|tally| tally.contradictions).sum()
    }

    /// The channels that were not asked, in words.
    #[must_use]
    pub fn not_asked(&self) -> String {
        self.not_asked.iter().map(Channel::to_string).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn note(&mut self, channel: Channel, found: impl IntoIterator<Item = Contradiction>) {
        let tally = self.channels.entry(channel).or_default();
        for one in found {
            tally.contradictions += 1;
            if self.told.len() < CONTRADICTIONS_TOLD {
                self.told.push(one);
            }
        }
    }

    pub(super) fn count(&mut self, channel: Channel, (asked, compared): (u64, u64), took: Duration) {
        let tally = self.channels.entry(channel).or_default();
        tally.asked += asked;
        tally.compared += compared;
        tally.seconds += took.as_secs_f64();
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.told.iter().try_for_each(|one| writeln!(f, "{one}"))?;
        let more = self.contradictions().saturating_sub(self.told.len() as u64);
        if more > 0 {
            writeln!(f, "and {more} more")?;
        }
        writeln!(f, "{:24} {:>9} {:>9} {:>15} {:>8}", "channel", "asked", "compared", "contradictions", "seconds")?;
        for (channel, tally) in &self.channels {
            let Tally { asked, compared, contradictions, seconds } = tally;
            writeln!(f, "{channel:24} {asked:>9} {compared:>9} {contradictions:>15} {seconds:>8.1}")?;
        }
        self.not_asked.iter().try_for_each(|channel| writeln!(f, "{channel:24} {:>9}", "not asked"))?;
        let (position, arrived, found) = (self.position, self.arrived, self.contradictions());
        write!(f, "{found} contradictions up to event {position}; {arrived} events came in meanwhile")
    }
}
