//! What the operating room looks at, in few and bounded reads: whether all is well, the newest entries of the audit and whether they
//! follow each other, and the renewals to come of one municipality.

use super::{
    Actor, Authority, StoryError, notice::due::Forecast, oversee::SealedEntry, relying_party::RelyingPartyStatus,
};
use crate::{
    audit::{GENESIS, follow},
    municipality::MunicipalityCode,
    ports::Role,
    rules::{Day, Refusal},
};

/// Something that must hold, and whether it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign {
    /// What, as `/readyz` calls it.
    pub name: &'static str,
    /// What is wrong, in a sentence, if anything.
    pub cause: Option<String>,
}

/// Some of the newest entries of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newest {
    /// The newest first.
    pub entries: Vec<SealedEntry>,
    /// Where the chain of these breaks, if it does. What is before them only `jitsuin audit verify` says.
    pub broken: Option<String>,
    /// The position before them, where there are older ones.
    pub older: Option<u64>,
}

impl Authority {
    /// Whether what the authority sees to itself holds: the store, the lists, the access CA's list. `/readyz` looks at more.
    ///
    /// # Errors
    /// `T-08` unless an operator or an auditor asks.
    pub fn signs(&self, actor: &Actor) -> Result<Vec<Sign>, StoryError> {
        actor.overseer()?;
        let now = self.parts().clock.now();
        let lists = self.parts().lists.all();
        let stale = lists.iter().filter(|(_, list)| list.next_update <= now).count();
        let stale = match (lists.len(), stale) {
            (0, _) => Some("no list has been published yet".to_owned()),
            (_, 0) => None,
            (all, stale) => Some(format!("{stale} of {all} lists are past their end")),
        };
        Ok(vec![
            Sign { name: "store", cause: self.store().check_writable().err().map(|error| error.to_string()) },
            Sign { name: "lists", cause: stale },
            Sign { name: "publishing", cause: self.check_publishing().err() },
            Sign { name: "access-list", cause: self.access_list().err() },
        ])
    }

    /// The `count` newest entries up to position `until` (none: the end), each checked to follow the one before it.
    ///
    /// # Errors
    /// `T-08` unless an operator or an auditor asks; as for all reading.
    pub fn newest_entries(&self, actor: &Actor, until: Option<u64>, count: usize) -> Result<Newest, StoryError> {
        actor.overseer()?;
        let end = self.store().marks()?.entry;
        let until = until.unwrap_or(end).min(end);
        let first = until.saturating_sub(count as u64);
        // One more, whose seal the first of them follows.
        let mut entries = self.store().audit_after(first.saturating_sub(1), count + 1)?;
        entries.truncate(usize::try_from(until - first.saturating_sub(1)).unwrap_or(count + 1));
        let before = if first == 0 { None } else { Some(entries.remove(0)) };
        let (position, seal) = before.map_or((0, GENESIS), |entry| (entry.position, entry.seal));
        let broken = follow(&entries, position, seal).err().map(|error| error.to_string());
        let newest = entries.into_iter().rev().map(SealedEntry::from).collect();
        Ok(Newest { entries: newest, broken, older: (first > 0).then_some(first) })
    }

    /// Renewals to expect in one municipality in three months from today, for operators and auditors.
    ///
    /// # Errors
    /// `T-08` for everybody else; as for all reading.
    pub fn forecast_for(&self, actor: &Actor, municipality: MunicipalityCode) -> Result<Forecast, StoryError> {
        actor.overseer()?;
        self.forecast_of(municipality, (None::<Day>, None))
    }

    /// What is agreed with the relying party that asks.
    ///
    /// # Errors
    /// `T-08` for everybody else; `T-09` where no terms are agreed; as for all reading.
    pub fn own_terms(&self, actor: &Actor) -> Result<RelyingPartyStatus, StoryError> {
        if actor.role() != Some(Role::RelyingParty) {
            return Err(Refusal::new("T-08", "only a relying party may ask for this").into());
        }
        let record = self.store().relying_party(actor.name())?;
        let none = || Refusal::new("T-09", "no terms are agreed with this relying party");
        Ok(record.ok_or_else(none)?.into())
    }

    /// The municipalities that take part, for operators and auditors.
    ///
    /// # Errors
    /// `T-08` for everybody else; as for all reading.
    pub fn municipalities(&self, actor: &Actor) -> Result<Vec<MunicipalityCode>, StoryError> {
        actor.overseer()?;
        Ok(self.store().municipalities()?)
    }
}
