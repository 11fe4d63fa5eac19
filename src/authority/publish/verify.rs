//! Looking at lists that were published: with the store and the certificates of the CAs, without a key.
//!
//! What the gate asked before a list went out can be asked again, ten years later: the list before it, its base and the
//! events between are all kept.
//!
//! A list is read as it comes, however long it is, several times over; in memory there is an entry of it at a time, and what
//! the events between two lists changed.

use std::cmp::Ordering;

use serde::Serialize;

use super::{ended::ended, journal};
use crate::{
    authority::StoryError,
    kind::Kind,
    ports::{AuthorityRecord, CrlRecord, ListOctets, Store},
    revocation::{
        authorities,
        crl::{self, Changes, DeltaWitnesses, ListEntries, ListOrder, Outline, Witnesses},
        lists::ListKey,
    },
    scope::CrlScope,
    x509::{CertificateView, CrlEntry, CrlFault, Name, RevocationReason, Serial, SubjectPublicKey, UnixTime},
};

/// What is found out about a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Which CA.
    pub kind: Kind,
    /// Which generation.
    pub generation: u8,
    /// The word of its scope.
    pub scope: String,
    /// cRLNumber.
    pub number: u64,
    /// Of a delta: the number of the complete list that it updates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<u64>,
    /// The number of the list that it followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows: Option<u64>,
    /// thisUpdate.
    pub this_update: UnixTime,
    /// nextUpdate.
    pub next_update: UnixTime,
    /// Whether it is the newest of its scope.
    pub newest: bool,
    /// Everything that is wrong with it, a sentence each; nothing if it is as it should be.
    pub faults: Vec<String>,
}

/// An entry that two lists do not share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which certificate.
    pub serial: Serial,
    /// What the second list did with its entry.
    pub what: What,
    /// Why, as far as the store knows.
    pub why: String,
}

/// What a list did with an entry of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// It has one more.
    Added,
    /// It does not have it.
    Removed,
    /// It tells of it otherwise.
    Changed,
}

/// The list could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// The octets are no list.
    #[error("this is no list: {0}")]
    NotAList(String),
    /// Another CA signed it.
    #[error("no CA of this service signed it, by its issuer and key identifier")]
    Stranger,
    /// No list of this scope was ever published.
    #[error("this service publishes no list of its scope")]
    Scope,
    /// The store failed.
    #[error(transparent)]
    Story(#[from] StoryError),
    /// What was found out could not be told.
    #[error("{0}")]
    Untold(String),
}

impl From<CrlFault> for Unknown {
    fn from(fault: CrlFault) -> Self {
        Self::NotAList(fault.to_string())
    }
}

impl From<crate::ports::StoreError> for Unknown {
    fn from(error: crate::ports::StoreError) -> Self {
        Self::Story(error.into())
    }
}

/// A list with the CA generation that should have signed it.
pub struct Listed<'a> {
    store: &'a dyn Store,
    authority: AuthorityRecord,
    scope: CrlScope,
    der: ListOctets,
    outline: Result<Outline, CrlFault>,
    /// Number, thisUpdate and nextUpdate as the store says them, if it comes from there.
    row: Option<(u64, UnixTime, UnixTime)>,
}

impl<'a> Listed<'a> {
    /// Finds out whose list these octets are and what they speak for, by issuer, key identifier and
    /// issuingDistributionPoint.
    ///
    /// # Errors
    /// [`Unknown`] for what is none of ours.
    pub fn identify(store: &'a dyn Store, der: ListOctets) -> Result<Self, Unknown> {
        let outline = Outline::read(&der)?;
        let signed = |record: &AuthorityRecord| {
            public_key(record).is_ok_and(|(name, key)| {
                name.der() == outline.issuer() && key.key_id()[..] == *outline.authority_key_id()
            })
        };
        let authority = store.authorities()?.into_iter().find(signed).ok_or(Unknown::Stranger)?;
        let speaks_for_same = |known: &CrlRecord| {
            (known.kind, known.generation, known.scope.is_delta())
                == (authority.kind, authority.generation, outline.delta_base().is_some())
                && Outline::read(&known.der)
                    .is_ok_and(|known| known.issuing_distribution_point() == outline.issuing_distribution_point())
        };
        let scope = store.newest_crls()?.into_iter().find(speaks_for_same).ok_or(Unknown::Scope)?.scope;
        Ok(Self { store, authority, scope, der, outline: Ok(outline), row: None })
    }

    /// A list of the store.
    ///
    /// # Errors
    /// [`Unknown::Stranger`] if the store has lost its CA.
    pub fn stored(store: &'a dyn Store, record: CrlRecord) -> Result<Self, Unknown> {
        let signed = |one: &AuthorityRecord| (one.kind, one.generation) == (record.kind, record.generation);
        let authority = store.authorities()?.into_iter().find(signed).ok_or(Unknown::Stranger)?;
        let row = Some((record.number, record.this_update, record.next_update));
        let outline = Outline::read(&record.der);
        Ok(Self { store, authority, scope: record.scope, der: record.der, outline, row })
    }

    /// Of which family it is.
    #[must_use]
    pub fn key(&self) -> ListKey {
        (self.authority.kind, self.authority.generation, self.scope)
    }

    /// Judges it: its signature, its place behind the list before, every event up to its position, and, if it is the newest of
    /// its scope, whether it is still good.
    ///
    /// # Errors
    /// [`Unknown`] where it cannot be read and does not come from the store, or the store fails.
    pub fn verify(&self, now: UnixTime) -> Result<Verdict, Unknown> {
        let (kind, generation, scope) = self.key();
        let list = match (self.outline(), self.row) {
            (Ok(list), _) => list,
            (Err(error), Some(row)) => return self.unreadable(row, &error),
            (Err(error), None) => return Err(error),
        };
        let number = list.number();
        let before = self.store.crl_before(kind, generation, scope, number)?;
        let newest = self.store.crl_before(kind, generation, scope, u64::MAX)?;
        let newest = newest.is_none_or(|newest| newest.number <= number);
        let mut faults = Vec::new();
        match self.store.crl(kind, generation, scope, number)? {
            Some(kept) if list.is_of(&kept.der) => match self.judge(list, &kept, before.as_ref()) {
                Ok(fault) => faults.extend(fault),
                Err(entry @ Unknown::NotAList(_)) => faults.push(entry.to_string()),
                Err(error) => return Err(error),
            },
            Some(_) => faults.push(format!("another list of number {number} was published")),
            None => faults.push(format!("no list of number {number} was published")),
        }
        let (_, key) = public_key(&self.authority)?;
        // Where the gate was asked it may have told already.
        let unsigned = crl::GateError::Signature.to_string();
        if list.verify(&self.der, &key).is_err() && !faults.contains(&unsigned) {
            faults.insert(0, unsigned);
        }
        if newest && list.next_update() <= now && !self.is_over(now) {
            faults.push(format!("it ended {} and has no successor", list.next_update()));
        }
        if list.this_update() > now {
            faults.push(format!("it is of {}, which is yet to come", list.this_update()));
        }
        Ok(Verdict {
            kind,
            generation,
            scope: scope.word(),
            number,
            base: list.delta_base(),
            follows: before.map(|before| before.number),
            this_update: list.this_update(),
            next_update: list.next_update(),
            newest,
            faults,
        })
    }

    /// The verdict on a list of the store that cannot be read: which one it should be, the store knows.
    fn unreadable(
        &self,
        (number, this_update, next_update): (u64, UnixTime, UnixTime),
        error: &Unknown,
    ) -> Result<Verdict, Unknown> {
        let (kind, generation, scope) = self.key();
        let newest = self.store.crl_before(kind, generation, scope, u64::MAX)?;
        Ok(Verdict {
            kind,
            generation,
            scope: scope.word(),
            number,
            base: None,
            follows: None,
            this_update,
            next_update,
            newest: newest.is_none_or(|newest| newest.number <= number),
            faults: vec![error.to_string()],
        })
    }

    /// Whether its CA generation has ended, so that nothing follows its last lists.
    fn is_over(&self, now: UnixTime) -> bool {
        CertificateView::from_der(&self.authority.certificate).is_ok_and(|view| view.tbs.not_after < now)
    }

    fn outline(&self) -> Result<&Outline, Unknown> {
        self.outline.as_ref().map_err(|fault| fault.clone().into())
    }

    /// Asks the gate again, with what the store has kept; what it finds wrong.
    fn judge(&self, list: &Outline, kept: &CrlRecord, before: Option<&CrlRecord>) -> Result<Option<String>, Unknown> {
        let (name, key) = public_key(&self.authority)?;
        let order = ListOrder {
            issuer: &name,
            public_key: &key,
            number: list.number(),
            this_update: list.this_update(),
            next_update: list.next_update(),
            scope: list.issuing_distribution_point(),
            delta_base: list.delta_base(),
            freshest: list.freshest_crl(),
        };
        let outcome = match list.delta_base() {
            None => self.judge_complete(&order, kept, before)?,
            Some(base) => {
                let complete = kept.scope.complete();
                match self.store.crl(kept.kind, kept.generation, complete, base)? {
                    Some(base) => self.judge_delta(&order, kept, (&base, before))?,
                    None => return Ok(Some(format!("its base, number {base}, was never published"))),
                }
            }
        };
        Ok(outcome.err().map(|error| error.to_string()))
    }

    fn judge_complete(
        &self,
        order: &ListOrder<'_>,
        kept: &CrlRecord,
        before: Option<&CrlRecord>,
    ) -> Result<Result<(), crl::GateError>, Unknown> {
        let (since, last) = before.map_or((0, UnixTime::EPOCH), |list| (list.position, list.this_update));
        let changes = match kept.scope {
            CrlScope::Authorities => self.ended_authorities(order.this_update)?,
            _ => journal::changes(self.store, self.key(), (since, kept.position, last))?,
        };
        let is_of_authorities = kept.scope == CrlScope::Authorities;
        let record = |entry: &CrlEntry| ended(self.store, kept.kind, &entry.serial).ok().flatten();
        let witnesses = Witnesses {
            previous: before.map(|list| &list.der),
            changes: &changes,
            is_over: &|gone| record(gone).is_some_and(|one| one.not_after < last),
            is_ended: &|new| is_of_authorities || record(new).is_some_and(|one| one.revocation.is_some()),
        };
        Ok(crl::gate_again(&self.der, order, witnesses).map(drop))
    }

    /// What a list of CAs' own certificates had to say.
    fn ended_authorities(&self, this_update: UnixTime) -> Result<Changes, Unknown> {
        let listed = ListEntries::of(&self.der)?.collect::<Result<Vec<_>, _>>()?;
        let is_listed = |serial: &Serial| listed.iter().any(|entry| entry.serial == *serial);
        let (kind, generation, _) = self.key();
        let due = authorities::due(&self.store.authorities()?, (kind, generation), (this_update, &is_listed));
        let due = due.map_err(|error| StoryError::Fault(error.to_string()))?;
        Ok(due.into_values().collect())
    }

    fn judge_delta(
        &self,
        order: &ListOrder<'_>,
        kept: &CrlRecord,
        (base, before): (&CrlRecord, Option<&CrlRecord>),
    ) -> Result<Result<(), crl::GateError>, Unknown> {
        let complete = (kept.kind, kept.generation, kept.scope.complete());
        let changes = journal::changes(self.store, complete, (base.position, kept.position, base.this_update))?;
        if let Some(untold) = untold(ListEntries::of(&self.der)?, &changes)? {
            return Ok(Err(crl::GateError::Missing(untold)));
        }
        let witnesses = DeltaWitnesses {
            base: &base.der,
            previous: before.map(|list| &list.der),
            agrees: &|entry| changes.get(&entry.serial) == Some(entry),
        };
        Ok(crl::gate_delta_again(&self.der, order, witnesses).map(drop))
    }

    /// Tells what the entries of a later list differ in, in order of serial number, and why.
    ///
    /// # Errors
    /// [`Unknown`] where a list cannot be read or is out of order, the store fails, or `tell` does.
    pub fn differences(
        &self,
        later: &Self,
        tell: &mut dyn FnMut(Difference) -> Result<(), Unknown>,
    ) -> Result<(), Unknown> {
        let (first, second) = (self.outline()?, later.outline()?);
        if !(first.is_in_order && second.is_in_order) {
            return Err(Unknown::NotAList("its entries are not in order".into()));
        }
        let (mut old, mut new) = (ListEntries::of(&self.der)?, ListEntries::of(&later.der)?);
        let (mut one, mut other) = (old.next().transpose()?, new.next().transpose()?);
        loop {
            let order = match (&one, &other) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(one), Some(other)) => one.serial.cmp(&other.serial),
            };
            let gone = if order == Ordering::Greater { None } else { one.take() };
            let come = if order == Ordering::Less { None } else { other.take() };
            let difference = match (gone, come) {
                (Some(gone), None) => {
                    Some(self.removed(&gone, first.this_update(), first.delta_base() < second.delta_base())?)
                }
                (None, Some(come)) => Some(self.added(&come)?),
                (Some(gone), Some(come)) if gone != come => Some(changed(&gone, &come)),
                _ => None,
            };
            difference.map_or(Ok(()), &mut *tell)?;
            if gone.is_some() {
                one = old.next().transpose()?;
            }
            if come.is_some() {
                other = new.next().transpose()?;
            }
        }
    }

    fn added(&self, entry: &CrlEntry) -> Result<Difference, Unknown> {
        let record = ended(self.store, self.authority.kind, &entry.serial)?;
        let cause = record.and_then(|record| record.revocation).map(|end| format!(", {}", end.cause));
        let why = format!("{} of {}{}", entry.reason, entry.revocation_date, cause.unwrap_or_default());
        Ok(Difference { serial: entry.serial, what: What::Added, why })
    }

    /// `last`: when the first list was made.
    fn removed(&self, entry: &CrlEntry, last: UnixTime, is_rebased: bool) -> Result<Difference, Unknown> {
        let record = ended(self.store, self.authority.kind, &entry.serial)?;
        let why = match record {
            _ if is_rebased => "told by the later base".into(),
            None => "lost: no such certificate is known".into(),
            Some(record) if record.not_after < last => format!("over since {}", record.not_after),
            Some(_) if entry.reason == RevocationReason::CertificateHold => "released from its hold".into(),
            Some(record) => format!("lost: it is not over before {}", record.not_after),
        };
        Ok(Difference { serial: entry.serial, what: What::Removed, why })
    }
}

fn changed(before: &CrlEntry, after: &CrlEntry) -> Difference {
    let told = |entry: &CrlEntry| format!("{} of {}", entry.reason, entry.revocation_date);
    Difference { serial: after.serial, what: What::Changed, why: format!("{}, then {}", told(before), told(after)) }
}

/// A change of which a list has no entry at all; its entries are in order.
fn untold(mut entries: ListEntries<'_>, changes: &Changes) -> Result<Option<Serial>, Unknown> {
    let mut entry = entries.next().transpose()?;
    for CrlEntry { serial, .. } in changes.values() {
        while entry.is_some_and(|entry| entry.serial < *serial) {
            entry = entries.next().transpose()?;
        }
        if entry.is_none_or(|entry| entry.serial != *serial) {
            return Ok(Some(*serial));
        }
    }
    Ok(None)
}

/// Name and key of a CA generation.
fn public_key(authority: &AuthorityRecord) -> Result<(Name, SubjectPublicKey), StoryError> {
    let (kind, generation) = (authority.kind, authority.generation);
    let corrupt = |detail: String| StoryError::Corrupt(format!("{kind} CA, generation {generation}: {detail}"));
    let view = CertificateView::from_der(&authority.certificate).map_err(|error| corrupt(error.to_string()))?;
    let name = Name::from_der(view.tbs.subject).map_err(|error| corrupt(error.to_string()))?;
    let key = SubjectPublicKey::from_der(view.tbs.spki).map_err(|error| corrupt(error.to_string()))?;
    Ok((name, key))
}
