//! Making one list: read, sign, gate, store, serve.

use std::{collections::HashSet, io};

use super::{Family, Publication, journal::Journal, plan::Task};
use crate::{
    audit::Draft,
    authority::{Actor, Authority, StoryError},
    ports::{CertificateRecord, Change, CrlRecord, ListOctets, Step, StoreError},
    revocation::{
        crl::{self, Changes, DeltaWitnesses, GateError, ListError, ListOrder, Witnesses},
        index::Status,
        lists::{ListKey, PublishedList},
    },
    rules::CertificateState,
    scope::CrlScope,
    x509::{CrlEntry, CrlSnapshot, NotAName, OnlyContains, RevocationReason, Serial, UnixTime, extension},
};

/// What became of a list: published, made by another node meanwhile, or neither.
type Outcome = (ListKey, Result<Option<Publication>, StoryError>);

/// The maker of the lists of one run.
pub(super) struct Press<'a> {
    authority: &'a Authority,
    actor: &'a Actor,
    journal: Journal,
}

/// What a delta is to be.
struct DeltaPlan<'a> {
    base: &'a PublishedList,
    number: u64,
    /// The last event that it takes into account.
    position: u64,
    this_update: UnixTime,
}

impl<'a> Press<'a> {
    /// A press with the events since the complete lists that are served.
    pub(super) fn new(authority: &'a Authority, actor: &'a Actor, journal: Journal) -> Self {
        Self { authority, actor, journal }
    }

    /// Makes what is to be made of a scope.
    pub(super) fn make(&mut self, family: &Family<'_>, task: Task) -> Vec<Outcome> {
        let now = self.authority.parts().clock.now();
        let delta_scope = self.authority.parts().schedule.delta_of(family.key.2);
        let delta_key = delta_scope.map(|scope| (family.key.0, family.key.1, scope));
        match (task, &family.complete, delta_key) {
            (Task::Complete, base, delta_key) => {
                let complete = self.complete(family, now);
                let plan = match (&complete, base) {
                    (Ok(Some(made)), Some(base)) => {
                        Some(DeltaPlan { base, number: made.number, position: made.position, this_update: now })
                    }
                    _ => None,
                };
                let mut outcomes = vec![(family.key, complete.map(|made| made.as_ref().map(Publication::new)))];
                if let (Some(plan), Some(key)) = (plan, delta_key) {
                    outcomes.push((key, self.delta(family, key, &plan)));
                }
                outcomes
            }
            (Task::Delta, Some(base), Some(key)) => {
                let outcome = self.journal.read_all(self.authority.store()).and_then(|position| {
                    let number = family.served().next_number();
                    self.delta(family, key, &DeltaPlan { base, number, position, this_update: now })
                });
                vec![(key, outcome)]
            }
            (Task::Delta, ..) => Vec::new(),
        }
    }

    /// Makes a complete list; none if another node was faster.
    fn complete(&mut self, family: &Family<'_>, this_update: UnixTime) -> Result<Option<CrlRecord>, StoryError> {
        let (parts, store) = (self.authority.parts(), self.authority.store());
        let (key, previous) = (family.key, family.complete.as_deref());
        let (kind, generation, scope) = key;
        // An expired certificate leaves only after a list that still had it and was made after its end (RFC 5280 §3.3).
        let not_over_before = previous.map_or(UnixTime::EPOCH, |list| list.this_update);
        let mut entries = CrlSnapshot::default();
        let position =
            store.each_revoked(kind, generation, scope, not_over_before, &mut |entry| entries.push(entry))?;
        self.journal.read_to(store, position)?;
        let changes = self.journal.changes(key, position, not_over_before);
        let scope_value = self.authority.issuing_distribution_point(key).map_err(unnamed)?;
        let freshest = self.authority.freshest(key).map_err(unnamed)?;
        let order = ListOrder {
            issuer: family.issuer.name(),
            public_key: family.issuer.public_key(),
            number: family.served().next_number(),
            this_update,
            next_update: this_update + parts.schedule.window,
            scope: scope_value.as_deref(),
            delta_base: None,
            freshest: freshest.as_deref(),
        };
        let record = |serial: &Serial| store.certificate(kind, serial).ok().flatten();
        let witnesses = Witnesses {
            previous: previous.map(|list| &list.der),
            changes: &changes,
            is_over: &|gone| record(&gone.serial).is_some_and(|one| one.not_after < not_over_before),
            is_ended: &|new| self.authority.index_has_ended(key, new),
        };
        let der = self.print(family, &order, &entries, |list| crl::gate(list, &order, &entries, witnesses))?;
        self.keep(CrlRecord {
            kind,
            generation,
            scope,
            number: order.number,
            this_update,
            next_update: order.next_update,
            position,
            entries: entries.totals().entries(),
            der,
        })
    }

    /// Makes a delta; none if another node was faster.
    fn delta(
        &mut self,
        family: &Family<'_>,
        key: ListKey,
        plan: &DeltaPlan<'_>,
    ) -> Result<Option<Publication>, StoryError> {
        let DeltaPlan { base, number, position, this_update } = *plan;
        // Certificates that were over when the base was made are on no complete list that follows it either.
        let changes = self.journal.changes(key, position, base.this_update);
        let strays = self.strays(key, &changes, position)?;
        let entries: CrlSnapshot = changes.values().collect();
        let scope_value = self.authority.issuing_distribution_point(key).map_err(unnamed)?;
        let order = ListOrder {
            issuer: family.issuer.name(),
            public_key: family.issuer.public_key(),
            number,
            this_update,
            next_update: this_update + self.authority.parts().schedule.delta_window,
            scope: scope_value.as_deref(),
            delta_base: Some(base.number),
            freshest: None,
        };
        let witnesses = DeltaWitnesses {
            base: &base.der,
            previous: family.delta.as_ref().map(|list| &list.der),
            agrees: &|entry| !strays.contains(&entry.serial),
        };
        let der = self.print(family, &order, &entries, |list| crl::gate_delta(list, &order, &entries, witnesses))?;
        let (kind, generation, scope) = key;
        let record = CrlRecord {
            kind,
            generation,
            scope,
            number,
            this_update,
            next_update: order.next_update,
            position,
            entries: entries.totals().entries(),
            der,
        };
        Ok(self.keep(record)?.as_ref().map(Publication::new))
    }

    /// Writes and signs a list where the store will find it, and keeps it if it passes the gate.
    fn print(
        &self,
        family: &Family<'_>,
        order: &ListOrder<'_>,
        entries: &CrlSnapshot,
        gate: impl FnOnce(&ListOctets) -> Result<[u8; 32], GateError>,
    ) -> Result<ListOctets, StoryError> {
        let begin = |octets| self.authority.store().draft_list(octets);
        let mut draft = crl::print(order, entries, family.issuer.signer(), begin).map_err(fault)?;
        let digest = gate(&draft.read_back().map_err(unwritten)?).map_err(gate_fault)?;
        draft.keep(digest).map_err(unwritten)
    }

    /// The changes that the records of their certificates contradict, and no later event explains.
    fn strays(&mut self, key: ListKey, changes: &Changes, position: u64) -> Result<HashSet<Serial>, StoryError> {
        let store = self.authority.store();
        let mut strays = Vec::new();
        for entry in changes.values() {
            let record = store.certificate(key.0, &entry.serial)?;
            if !record.is_some_and(|record| agrees(&record, entry)) {
                strays.push(entry);
            }
        }
        if !strays.is_empty() {
            self.journal.read_all(store)?;
            strays.retain(|entry| !self.journal.has_moved_on(key, entry, position));
        }
        Ok(strays.into_iter().map(|entry| entry.serial).collect())
    }

    /// Stores a list and serves it; none if another node stored one of the same number first, which is served then.
    fn keep(&self, record: CrlRecord) -> Result<Option<CrlRecord>, StoryError> {
        let publication = Publication::new(&record);
        let audit = Draft {
            at: record.this_update,
            actor: self.actor.audit_name(),
            action: "crl.published".into(),
            subject: format!("crl/{}/{}/{}", record.kind, record.generation, record.scope.word()),
            detail: serde_json::to_string(&publication).map_err(|error| StoryError::Fault(error.to_string()))?,
        };
        let lists = &self.authority.parts().lists;
        if let Err(error) = self.authority.store().commit(Change { steps: vec![Step::Crl(record.clone())], audit }) {
            // It may be there all the same, or another node's; then that is served, and the next one follows it.
            self.authority.load_lists()?;
            let served = lists.find(&(record.kind, record.generation, record.scope));
            return match served {
                Some(served) if served.number >= record.number => Ok((served.der == record.der).then_some(record)),
                Some(served) if matches!(error, StoreError::Conflict(_)) => Err(StoryError::Fault(format!(
                    "number {} does not follow what the store has, though {} is served",
                    record.number, served.number
                ))),
                _ => Err(error.into()),
            };
        }
        lists.put(record.clone());
        Ok(Some(record))
    }
}

impl Authority {
    /// The value of issuingDistributionPoint, the same for a complete list and its deltas. The full list has none: it is
    /// complete, and several validators in the field refuse any list with a critical one.
    fn issuing_distribution_point(&self, (kind, generation, scope): ListKey) -> Result<Option<Vec<u8>>, NotAName> {
        let scope = scope.complete();
        let only = match scope {
            CrlScope::Municipality(_) => OnlyContains::UserCerts,
            CrlScope::Authorities => OnlyContains::CaCerts,
            _ => return Ok(None),
        };
        let names = self.parts().profile.distribution_names(kind, generation, &scope)?;
        Ok(Some(extension::issuing_distribution_point(&names.general_names(), only)))
    }

    /// The value of freshestCRL of a complete list that has deltas, in both variants: it is not critical, and whoever does
    /// not know it loses nothing. Certificates carry none.
    fn freshest(&self, (kind, generation, scope): ListKey) -> Result<Option<Vec<u8>>, NotAName> {
        let Some(delta) = self.parts().schedule.delta_of(scope) else { return Ok(None) };
        let names = self.parts().profile.distribution_names(kind, generation, &delta)?;
        Ok(Some(extension::distribution_point(&names.general_names())))
    }

    /// Whether the status index has the certificate of an entry as held or revoked.
    fn index_has_ended(&self, (kind, ..): ListKey, entry: &CrlEntry) -> bool {
        let index = self.parts().serials.index(kind, entry.serial.octets());
        index.is_some_and(|index| matches!(self.parts().index.status(kind, index), Status::Revoked(_)))
    }
}

/// Whether the table of certificates says of a certificate what an event said.
fn agrees(record: &CertificateRecord, entry: &CrlEntry) -> bool {
    match (&record.revocation, entry.reason) {
        (None, RevocationReason::RemoveFromCrl) => true,
        // The end of validity overtook the hold.
        (None, RevocationReason::CertificateHold) => record.state == CertificateState::Expired,
        (Some(end), reason) => {
            (end.reason, end.revocation_date, end.invalidity_date)
                == (reason, entry.revocation_date, entry.invalidity_date)
        }
        (None, _) => false,
    }
}

fn fault(error: ListError) -> StoryError {
    match error {
        ListError::Store(error) => error.into(),
        error => StoryError::Fault(error.to_string()),
    }
}

/// The disk is full, or gone; the list before is still served.
fn unwritten(error: io::Error) -> StoryError {
    StoryError::Fault(format!("the list could not be written: {error}"))
}

fn gate_fault(error: GateError) -> StoryError {
    fault(error.into())
}

fn unnamed(error: NotAName) -> StoryError {
    StoryError::Fault(error.to_string())
}

impl Publication {
    fn new(record: &CrlRecord) -> Self {
        Self {
            kind: record.kind,
            generation: record.generation,
            scope: record.scope.word(),
            number: record.number,
            entries: record.entries,
            this_update: record.this_update,
            next_update: record.next_update,
        }
    }
}
