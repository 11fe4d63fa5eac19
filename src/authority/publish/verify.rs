//! Looking at lists that were published: with the store and the certificates of the CAs, without a key.
//!
//! What the gate asked before a list went out can be asked again, ten years later: the list before it, its base and the
//! events between are all kept.

use std::borrow::Cow;

use serde::Serialize;

use super::journal::Journal;
use crate::{
    authority::StoryError,
    kind::Kind,
    ports::{AuthorityRecord, CrlRecord, ListOctets, Store},
    revocation::{
        crl::{self, DeltaWitnesses, ListOrder, Witnesses},
        lists::ListKey,
    },
    scope::CrlScope,
    x509::{CertificateView, CrlEntry, CrlView, Name, RevocationReason, Serial, SubjectPublicKey, UnixTime},
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
    /// In memory, wherever it is kept: whoever looks at a list takes the time and the room.
    der: ListOctets,
    /// Number, thisUpdate and nextUpdate as the store says them, if it comes from there.
    row: Option<(u64, UnixTime, UnixTime)>,
}

impl<'a> Listed<'a> {
    /// Finds out whose list these octets are and what they speak for, by issuer, key identifier and
    /// issuingDistributionPoint.
    ///
    /// # Errors
    /// [`Unknown`] for what is none of ours.
    pub fn identify(store: &'a dyn Store, der: Vec<u8>) -> Result<Self, Unknown> {
        let view = CrlView::from_der(&der).map_err(|error| Unknown::NotAList(error.to_string()))?;
        let signed = |record: &AuthorityRecord| {
            public_key(record)
                .is_ok_and(|(name, key)| name.der() == view.issuer && key.key_id() == view.authority_key_id)
        };
        let authority = store.authorities()?.into_iter().find(signed).ok_or(Unknown::Stranger)?;
        let speaks_for_same = |known: &CrlRecord| {
            (known.kind, known.generation, known.scope.is_delta())
                == (authority.kind, authority.generation, view.delta_base.is_some())
                && known.der.whole().is_ok_and(|known| {
                    CrlView::from_der(&known)
                        .is_ok_and(|known| known.issuing_distribution_point == view.issuing_distribution_point)
                })
        };
        let scope = store.newest_crls()?.into_iter().find(speaks_for_same).ok_or(Unknown::Scope)?.scope;
        Ok(Self { store, authority, scope, der: der.into(), row: None })
    }

    /// A list of the store.
    ///
    /// # Errors
    /// [`Unknown::Stranger`] if the store has lost its CA.
    pub fn stored(store: &'a dyn Store, record: CrlRecord) -> Result<Self, Unknown> {
        let signed = |one: &AuthorityRecord| (one.kind, one.generation) == (record.kind, record.generation);
        let authority = store.authorities()?.into_iter().find(signed).ok_or(Unknown::Stranger)?;
        let row = Some((record.number, record.this_update, record.next_update));
        // Octets that are gone are none, and no list.
        let der = match record.der {
            ListOctets::Memory(_) => record.der,
            ListOctets::File(_) => record.der.whole().map(Cow::into_owned).unwrap_or_default().into(),
        };
        Ok(Self { store, authority, scope: record.scope, der, row })
    }

    /// The octets.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
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
        let view = match (self.view(), self.row) {
            (Ok(view), _) => view,
            (Err(error), Some(row)) => return self.unreadable(row, &error),
            (Err(error), None) => return Err(error),
        };
        let before = self.store.crl_before(kind, generation, scope, view.number)?;
        let newest = self.store.crl_before(kind, generation, scope, u64::MAX)?;
        let newest = newest.is_none_or(|newest| newest.number <= view.number);
        let mut faults = Vec::new();
        match self.store.crl(kind, generation, scope, view.number)? {
            Some(kept) if kept.der.is_same(&self.der) => match self.judge(&view, &kept, before.as_ref()) {
                Ok(fault) => faults.extend(fault),
                Err(entry @ Unknown::NotAList(_)) => faults.push(entry.to_string()),
                Err(error) => return Err(error),
            },
            Some(_) => faults.push(format!("another list of number {} was published", view.number)),
            None => faults.push(format!("no list of number {} was published", view.number)),
        }
        let (_, key) = public_key(&self.authority)?;
        // Where the gate was asked it may have told already.
        let unsigned = crl::GateError::Signature.to_string();
        if view.verify(&key).is_err() && !faults.contains(&unsigned) {
            faults.insert(0, unsigned);
        }
        if newest && view.next_update <= now {
            faults.push(format!("it ended {} and has no successor", view.next_update));
        }
        if view.this_update > now {
            faults.push(format!("it is of {}, which is yet to come", view.this_update));
        }
        Ok(Verdict {
            kind,
            generation,
            scope: scope.word(),
            number: view.number,
            base: view.delta_base,
            follows: before.map(|before| before.number),
            this_update: view.this_update,
            next_update: view.next_update,
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

    fn view(&self) -> Result<CrlView<'_>, Unknown> {
        CrlView::from_der(&self.der).map_err(|error| Unknown::NotAList(error.to_string()))
    }

    /// The entries, in order.
    ///
    /// # Errors
    /// [`Unknown::NotAList`].
    pub fn entries(&self) -> Result<Vec<CrlEntry>, Unknown> {
        let entries: Result<_, _> = self.view()?.entries().collect();
        entries.map_err(|error: crate::x509::CrlFault| Unknown::NotAList(error.to_string()))
    }

    /// Asks the gate again, with what the store has kept; what it finds wrong.
    fn judge(
        &self,
        view: &CrlView<'_>,
        kept: &CrlRecord,
        before: Option<&CrlRecord>,
    ) -> Result<Option<String>, Unknown> {
        let (name, key) = public_key(&self.authority)?;
        let order = ListOrder {
            issuer: &name,
            public_key: &key,
            number: view.number,
            this_update: view.this_update,
            next_update: view.next_update,
            scope: view.issuing_distribution_point,
            delta_base: view.delta_base,
            freshest: view.freshest_crl,
        };
        let outcome = match view.delta_base {
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
        let mut journal = Journal::new([(self.key(), since)]);
        journal.read_to(self.store, kept.position)?;
        let changes = journal.changes(self.key(), kept.position, last);
        let record = |entry: &CrlEntry| self.store.certificate(kept.kind, &entry.serial).ok().flatten();
        let witnesses = Witnesses {
            previous: before.map(|list| &list.der),
            changes: &changes,
            is_over: &|gone| record(gone).is_some_and(|one| one.not_after < last),
            is_ended: &|new| record(new).is_some_and(|one| one.revocation.is_some()),
        };
        Ok(crl::gate(&self.der, order, &self.entries()?.iter().collect(), witnesses).map(drop))
    }

    fn judge_delta(
        &self,
        order: &ListOrder<'_>,
        kept: &CrlRecord,
        (base, before): (&CrlRecord, Option<&CrlRecord>),
    ) -> Result<Result<(), crl::GateError>, Unknown> {
        let complete = (kept.kind, kept.generation, kept.scope.complete());
        let mut journal = Journal::new([(complete, base.position)]);
        journal.read_to(self.store, kept.position)?;
        let changes = journal.changes(complete, kept.position, base.this_update);
        let entries = self.entries()?;
        let untold =
            changes.values().find(|change| entries.binary_search_by_key(&change.serial, |one| one.serial).is_err());
        if let Some(change) = untold {
            return Ok(Err(crl::GateError::Missing(change.serial)));
        }
        let witnesses = DeltaWitnesses {
            base: &base.der,
            previous: before.map(|list| &list.der),
            agrees: &|entry| changes.get(&entry.serial) == Some(entry),
        };
        Ok(crl::gate_delta(&self.der, order, &entries.iter().collect(), witnesses).map(drop))
    }

    /// What the entries of a later list differ in, by serial number, and why.
    ///
    /// # Errors
    /// [`Unknown`] where a list cannot be read, or the store fails.
    pub fn differences(&self, later: &Self) -> Result<Vec<Difference>, Unknown> {
        let (old, new) = (self.entries()?, later.entries()?);
        let last = self.view()?.this_update;
        let find = |list: &[CrlEntry], serial: &Serial| {
            list.binary_search_by_key(serial, |entry| entry.serial).ok().and_then(|at| list.get(at).copied())
        };
        let mut differences = Vec::new();
        for entry in &new {
            match find(&old, &entry.serial) {
                None => differences.push(self.added(entry)?),
                Some(before) if before != *entry => differences.push(Difference {
                    serial: entry.serial,
                    what: What::Changed,
                    why: format!(
                        "{} of {}, then {} of {}",
                        before.reason, before.revocation_date, entry.reason, entry.revocation_date
                    ),
                }),
                Some(_) => {}
            }
        }
        for entry in old.iter().filter(|entry| find(&new, &entry.serial).is_none()) {
            differences.push(self.removed(entry, last, later)?);
        }
        differences.sort_by_key(|difference| difference.serial);
        Ok(differences)
    }

    fn added(&self, entry: &CrlEntry) -> Result<Difference, Unknown> {
        let record = self.store.certificate(self.authority.kind, &entry.serial)?;
        let cause = record.and_then(|record| record.revocation).map(|end| format!(", {}", end.cause));
        let why = format!("{} of {}{}", entry.reason, entry.revocation_date, cause.unwrap_or_default());
        Ok(Difference { serial: entry.serial, what: What::Added, why })
    }

    /// `last`: when the first list was made.
    fn removed(&self, entry: &CrlEntry, last: UnixTime, later: &Self) -> Result<Difference, Unknown> {
        let record = self.store.certificate(self.authority.kind, &entry.serial)?;
        let (base, other) = (self.view()?.delta_base, later.view()?.delta_base);
        let why = match record {
            _ if base < other => "told by the later base".into(),
            None => "lost: no such certificate is known".into(),
            Some(record) if record.not_after < last => format!("over since {}", record.not_after),
            Some(_) if entry.reason == RevocationReason::CertificateHold => "released from its hold".into(),
            Some(record) => format!("lost: it is not over before {}", record.not_after),
        };
        Ok(Difference { serial: entry.serial, what: What::Removed, why })
    }
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
