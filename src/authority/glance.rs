//! What the operating room looks at, in few and bounded reads: whether all is well, the newest entries of the audit and whether they
//! follow each other, what ended certificates lately, what waits for a second person, and the renewals to come of one municipality.

use std::collections::BTreeMap;

use super::{
    Actor, Authority, StoryError,
    approval::DualControl,
    exception::ExceptionStatus,
    notice::due::Forecast,
    oversee::SealedEntry,
    publish::verify::{Listed, Unknown, Verdict},
    relying_party::RelyingPartyStatus,
};
use crate::{
    audit::{GENESIS, follow},
    kind::Kind,
    limits::{AUDIT_PAGE, AUDIT_STRETCH, CAUSES_COUNTED, MUNICIPALITIES_SEEN},
    municipality::MunicipalityCode,
    ports::{CrlRecord, Role},
    revocation::lists::ListKey,
    rules::{Cause, CertificateState, Day, Refusal},
    x509::UnixTime,
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

/// What held or ended certificates among the last changes of status, by cause and CA.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Causes {
    /// How many changes were looked through, issuance among them.
    pub changes: u64,
    /// Whether there never were others.
    pub are_all: bool,
    /// When the first of them was recorded.
    pub since: Option<UnixTime>,
    /// How often each cause held or ended a certificate.
    pub counts: BTreeMap<(Cause, Kind), u64>,
}

/// What waits for a second person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Whether acts that take two do (`T-16`). Their approvals come along with the act, so that none of them waits here.
    pub takes_two: bool,
    /// Exceptions of today that their second officer has not approved (`E-07`), by municipality.
    pub exceptions: Vec<(MunicipalityCode, Vec<ExceptionStatus>)>,
    /// Municipalities that were not looked at.
    pub unseen: usize,
}

/// A stretch of the audit that was followed seal by seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Its first entry.
    pub first: u64,
    /// Its last entry that follows.
    pub last: u64,
    /// The end of the chain.
    pub end: u64,
    /// Where it breaks, if it does.
    pub broken: Option<String>,
}

impl Authority {
    /// Judges the newest list of a scope, as `jitsuin crl verify` does: its signature, its number, and every event up to it.
    ///
    /// # Errors
    /// `T-08` unless an operator or an auditor asks; `T-09` for a list that was never published; as for all reading.
    pub fn verify_list(&self, actor: &Actor, key: &ListKey) -> Result<Verdict, StoryError> {
        actor.overseer()?;
        let is_asked = |record: &CrlRecord| (record.kind, record.generation, record.scope) == *key;
        let newest = self.store().newest_crls()?.into_iter().find(is_asked);
        let newest = newest.ok_or_else(|| {
            Refusal::new("T-09", "no such list was published").with_ja("その失効リストは公表されていません。")
        })?;
        let judged = Listed::stored(self.store(), newest).and_then(|list| list.verify(self.parts().clock.now()));
        judged.map_err(|unknown| match unknown {
            Unknown::Story(error) => error,
            other => StoryError::Corrupt(other.to_string()),
        })
    }

    /// What held or ended certificates among the last changes of status.
    ///
    /// # Errors
    /// `T-08` unless an operator or an auditor asks; as for all reading.
    pub fn causes(&self, actor: &Actor) -> Result<Causes, StoryError> {
        actor.overseer()?;
        let end = self.store().marks()?.event;
        let after = end.saturating_sub(CAUSES_COUNTED as u64);
        let events = self.store().listed_events(after, CAUSES_COUNTED)?;
        let mut counts = BTreeMap::new();
        for event in events.iter().map(|listed| &listed.event) {
            let ended = matches!(event.state, CertificateState::Held | CertificateState::Revoked);
            if let Some(revocation) = event.revocation.as_ref().filter(|_| ended) {
                *counts.entry((revocation.cause, event.kind)).or_default() += 1;
            }
        }
        let since = events.first().map(|listed| listed.event.recorded);
        Ok(Causes { changes: events.len() as u64, are_all: after == 0, since, counts })
    }

    /// What waits for a second person.
    ///
    /// # Errors
    /// `T-08` unless an operator or an auditor asks; as for all reading.
    pub fn waiting(&self, actor: &Actor) -> Result<Waiting, StoryError> {
        actor.overseer()?;
        let places = self.store().municipalities()?;
        let mut exceptions = Vec::new();
        for place in places.iter().take(MUNICIPALITIES_SEEN) {
            let waiting = self.waiting_in(*place)?;
            if !waiting.is_empty() {
                exceptions.push((*place, waiting));
            }
        }
        let takes_two = matches!(self.parts().control, DualControl::On(_));
        Ok(Waiting { takes_two, exceptions, unseen: places.len().saturating_sub(MUNICIPALITIES_SEEN) })
    }

    /// Follows the audit seal by seal from an entry on, a stretch of it. Stretch by stretch from entry 1 it is the whole chain; what
    /// its checkpoints sign, and whether the tables agree with it, `jitsuin audit verify` says.
    ///
    /// # Errors
    /// `T-08` unless an operator or an auditor asks; as for all reading.
    pub fn follow_audit(&self, actor: &Actor, first: u64) -> Result<Stretch, StoryError> {
        actor.overseer()?;
        let end = self.store().marks()?.entry;
        let first = first.clamp(1, end.max(1));
        let mut position = first - 1;
        let mut seal = match position {
            0 => GENESIS,
            before => self.store().audit_after(before - 1, 1)?.first().map_or(GENESIS, |entry| entry.seal),
        };
        let until = end.min(position + AUDIT_STRETCH);
        while position < until {
            let count = usize::try_from(until - position).unwrap_or(AUDIT_PAGE).min(AUDIT_PAGE);
            let entries = self.store().audit_after(position, count)?;
            if entries.is_empty() {
                let broken = Some(format!("entry {} is not there", position + 1));
                return Ok(Stretch { first, last: position, end, broken });
            }
            match follow(&entries, position, seal) {
                Ok(reached) => (position, seal) = reached,
                Err(error) => return Ok(Stretch { first, last: position, end, broken: Some(error.to_string()) }),
            }
        }
        Ok(Stretch { first, last: position, end, broken: None })
    }

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
            return Err(Refusal::new("T-08", "only a relying party may ask for this")
                .with_ja("署名検証者等だけが行えます。")
                .into());
        }
        let record = self.store().relying_party(actor.name())?;
        let none = || {
            Refusal::new("T-09", "no terms are agreed with this relying party")
                .with_ja("取決めがありません。運用者にお問い合わせください。")
        };
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
