//! Making one list: read, sign, gate. Several hands may make lists of one run at a time; what is made is no list before it
//! is stored (`shelve`).

use std::{
    collections::HashSet,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    Family,
    ended::{Ended, ended},
    journal::{Journal, each_entry},
    plan::Task,
};
use crate::{
    authority::{Authority, StoryError},
    limits::LONG_LIST_ENTRIES,
    ports::{CrlRecord, ListDraft, ListOctets},
    revocation::{
        authorities,
        crl::{self, Changes, ChangesBeside, DeltaWitnesses, GateError, ListError, ListOrder, Witnesses},
        index::Status,
        lists::{ListKey, PublishedList},
    },
    rules::CertificateState,
    scope::CrlScope,
    x509::{CrlEntry, CrlSnapshot, NotAName, OnlyContains, RevocationReason, Serial, UnixTime, extension},
};

/// A list that was made and passed the gate, or why there is none.
pub(super) struct Made {
    pub(super) key: ListKey,
    /// Whether it is worth nothing unless the list made before it is stored: a delta beside its complete list.
    pub(super) is_beside: bool,
    pub(super) list: Result<Passed, StoryError>,
}

/// A list that passed the gate.
pub(super) struct Passed {
    /// With the octets of the draft.
    record: CrlRecord,
    draft: Box<dyn ListDraft>,
    digest: [u8; 32],
}

impl Passed {
    /// Whether it lies in a file.
    pub(super) fn is_long(&self) -> bool {
        matches!(self.record.der, ListOctets::File(_))
    }

    /// Makes its octets last where the store will find them.
    pub(super) fn keep(self) -> Result<CrlRecord, StoryError> {
        let der = self.draft.keep(self.digest).map_err(unwritten)?;
        Ok(CrlRecord { der, ..self.record })
    }
}

/// The maker of the lists of one run.
pub(super) struct Press<'a> {
    authority: &'a Authority,
    journal: Mutex<Journal>,
    /// Had by whoever makes a long list: a snapshot of ten million entries takes 240 MB, and two would take twice that.
    long: Mutex<()>,
}

/// What a complete list is to carry, up to which event; and the turn to make a long one.
type Reading<'a> = (Option<MutexGuard<'a, ()>>, CrlSnapshot, u64);

/// What a delta is to be.
struct DeltaPlan<'a> {
    base: &'a PublishedList,
    number: u64,
    /// The last event that it takes into account.
    position: u64,
    this_update: UnixTime,
}

impl<'a> Press<'a> {
    /// A press with the events since the complete lists that are served, or as many as there is room for.
    pub(super) fn new(authority: &'a Authority, journal: Journal) -> Self {
        Self { authority, journal: Mutex::new(journal), long: Mutex::default() }
    }

    /// Makes what is to be made of a scope, in the order in which it is to be stored.
    pub(super) fn make(&self, family: &Family<'_>, task: Task) -> Vec<Made> {
        let now = self.authority.parts().clock.now();
        let delta_scope = self.authority.parts().schedule.delta_of(family.key.2);
        let delta_key = delta_scope.map(|scope| (family.key.0, family.key.1, scope));
        // More than a delta tells of; the next one builds on the list that is made now.
        let (task, delta_key) =
            if self.journal().speaks_for(family.key) { (task, delta_key) } else { (Task::Complete, None) };
        match (task, &family.complete, delta_key) {
            (Task::Complete, base, delta_key) => {
                let complete = self.complete(family, now);
                let plan = match (&complete, base) {
                    (Ok(Passed { record, .. }), Some(base)) => {
                        Some(DeltaPlan { base, number: record.number, position: record.position, this_update: now })
                    }
                    _ => None,
                };
                let beside = plan.zip(delta_key).map(|(plan, key)| (key, self.delta(family, key, &plan)));
                let mut made = vec![Made { key: family.key, is_beside: false, list: complete }];
                made.extend(beside.map(|(key, list)| Made { key, is_beside: true, list }));
                made
            }
            (Task::Delta, Some(base), Some(key)) => {
                let reached = self.journal().read_all(self.authority.store());
                let list = reached.and_then(|position| {
                    let number = family.served().next_number();
                    self.delta(family, key, &DeltaPlan { base, number, position, this_update: now })
                });
                vec![Made { key, is_beside: false, list }]
            }
            (Task::Delta, ..) => Vec::new(),
        }
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a complete list.
    fn complete(&self, family: &Family<'_>, this_update: UnixTime) -> Result<Passed, StoryError> {
        let (parts, store) = (self.authority.parts(), self.authority.store());
        let (key, previous) = (family.key, family.complete.as_deref());
        let (kind, generation, scope) = key;
        // An expired certificate leaves only after a list that still had it and was made after its end (RFC 5280 §3.3).
        let not_over_before = previous.map_or(UnixTime::EPOCH, |list| list.this_update);
        let (_turn, mut entries, position) =
            self.read(key, not_over_before, previous.map_or(0, |list| list.entries))?;
        let span = (previous.map_or(0, |list| list.position), position, not_over_before);
        let mut changes = self.changes(key, span, &entries)?;
        let is_of_authorities = scope == CrlScope::Authorities;
        if is_of_authorities {
            let ended = authorities::revoked(&store.authorities()?, (kind, generation), this_update);
            let ended = ended.map_err(|error| StoryError::Fault(error.to_string()))?;
            (entries, changes) = (ended.values().collect(), ended.values().copied().collect());
        }
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
        let record = |serial: &Serial| ended(store, kind, serial).ok().flatten();
        let witnesses = Witnesses {
            previous: previous.map(|list| &list.der),
            changes: &changes,
            is_over: &|gone| record(&gone.serial).is_some_and(|one| one.not_after < not_over_before),
            is_ended: &|new| is_of_authorities || self.authority.index_has_ended(key, new),
        };
        let (draft, der, digest) =
            self.print(family, &order, &entries, |list| crl::gate(list, &order, &entries, witnesses))?;
        let record = CrlRecord {
            kind,
            generation,
            scope,
            number: order.number,
            this_update,
            next_update: order.next_update,
            position,
            entries: entries.totals().entries(),
            der,
        };
        Ok(Passed { record, draft, digest })
    }

    /// What the events of a scope say, beside what its list is to carry: as the journal has them, or read again.
    fn changes(
        &self,
        key: ListKey,
        (after, until, bound): (u64, u64, UnixTime),
        entries: &CrlSnapshot,
    ) -> Result<Changes, StoryError> {
        let (store, mut changes) = (self.authority.store(), ChangesBeside::new(entries));
        let mut journal = self.journal();
        if journal.speaks_for(key) {
            journal.read_to(store, until)?;
            journal.entries(key, (until, bound)).for_each(|entry| changes.take(entry));
        } else {
            drop(journal);
            each_entry(store, key, (after, until, bound), &mut |entry| changes.take(entry))?;
        }
        Ok(changes.into_changes())
    }

    /// Reads what a complete list is to carry. Long ones are read and made one at a time. Which are long the list before tells;
    /// one that became long is read again when its turn has come, for nobody may wait while the store is being read.
    fn read(&self, (kind, generation, scope): ListKey, bound: UnixTime, known: u64) -> Result<Reading<'_>, StoryError> {
        let take_turn = || self.long.lock().unwrap_or_else(PoisonError::into_inner);
        let mut turn = (known > LONG_LIST_ENTRIES).then(take_turn);
        loop {
            let (mut entries, mut is_whole) = (CrlSnapshot::default(), true);
            let mut take = |entry: &CrlEntry| {
                is_whole = turn.is_some() || entries.totals().entries() < LONG_LIST_ENTRIES;
                if is_whole {
                    entries.push(entry);
                }
            };
            let position = self.authority.store().each_revoked(kind, generation, scope, bound, &mut take)?;
            if is_whole {
                return Ok((turn, entries, position));
            }
            drop(entries);
            turn = Some(take_turn());
        }
    }

    /// Makes a delta.
    fn delta(&self, family: &Family<'_>, key: ListKey, plan: &DeltaPlan<'_>) -> Result<Passed, StoryError> {
        let DeltaPlan { base, number, position, this_update } = *plan;
        // Certificates that were over when the base was made are on no complete list that follows it either.
        let changes: Changes = self.journal().entries(key, (position, base.this_update)).copied().collect();
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
        let (draft, der, digest) =
            self.print(family, &order, &entries, |list| crl::gate_delta(list, &order, &entries, witnesses))?;
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
        Ok(Passed { record, draft, digest })
    }

    /// Writes and signs a list where the store will find it, and has it pass the gate.
    fn print(
        &self,
        family: &Family<'_>,
        order: &ListOrder<'_>,
        entries: &CrlSnapshot,
        gate: impl FnOnce(&ListOctets) -> Result<[u8; 32], GateError>,
    ) -> Result<Printed, StoryError> {
        let begin = |octets| self.authority.store().draft_list(octets);
        let mut draft = crl::print(order, entries, family.issuer.signer(), begin).map_err(fault)?;
        let list = draft.read_back().map_err(unwritten)?;
        let digest = gate(&list).map_err(gate_fault)?;
        Ok((draft, list, digest))
    }

    /// The changes that the records of their certificates contradict, and no later event explains.
    fn strays(&self, key: ListKey, changes: &Changes, position: u64) -> Result<HashSet<Serial>, StoryError> {
        let store = self.authority.store();
        let mut strays = Vec::new();
        for entry in changes.values() {
            let record = ended(store, key.0, &entry.serial)?;
            if !record.is_some_and(|record| agrees(&record, entry)) {
                strays.push(entry);
            }
        }
        if !strays.is_empty() {
            let mut journal = self.journal();
            journal.read_all(store)?;
            strays.retain(|entry| !journal.has_moved_on(key, &entry.serial, position));
        }
        Ok(strays.into_iter().map(|entry| entry.serial).collect())
    }
}

/// Where a list was written that passed the gate, its octets and their SHA-256.
type Printed = (Box<dyn ListDraft>, ListOctets, [u8; 32]);

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
fn agrees(record: &Ended, entry: &CrlEntry) -> bool {
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
