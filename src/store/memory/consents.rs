//! Consents in the plain model.

use crate::{
    ports::{ConsentEnd, ConsentRecord, Duplicate, HolderReference, StoreError},
    rules::DraftNumber,
    store::refusal,
};

/// Every consent, oldest first.
#[derive(Clone, Default)]
pub(super) struct Consents(Vec<ConsentRecord>);

type Done = Result<(), StoreError>;

impl Consents {
    fn knows(&self, digest: [u8; 32]) -> bool {
        let withdrawal = |one: &ConsentRecord| one.ended.as_ref()?.declaration.as_ref().map(|signed| signed.digest);
        self.0.iter().any(|one| one.declaration.digest == digest || withdrawal(one) == Some(digest))
    }

    pub(super) fn standing(&mut self, number: DraftNumber) -> Result<&mut ConsentRecord, StoreError> {
        let found = self.0.iter_mut().find(|one| one.number == number && one.ended.is_none());
        found.ok_or(StoreError::Conflict(refusal::CONSENT))
    }

    pub(super) fn give(&mut self, record: ConsentRecord) -> Done {
        if !record.is_new() {
            return Err(StoreError::Conflict(refusal::NEW_CONSENT));
        }
        if self.knows(record.declaration.digest) || self.0.iter().any(|one| one.number == record.number) {
            return Err(StoreError::Duplicate(Duplicate::Declaration));
        }
        let same = |one: &ConsentRecord| one.holder == record.holder && one.party == record.party;
        if self.0.iter().any(|one| same(one) && one.ended.is_none()) {
            return Err(StoreError::Conflict(refusal::CONSENT));
        }
        self.0.push(record);
        Ok(())
    }

    pub(super) fn end(&mut self, number: DraftNumber, end: ConsentEnd) -> Done {
        if end.declaration.as_ref().is_some_and(|signed| self.knows(signed.digest)) {
            return Err(StoreError::Duplicate(Duplicate::Declaration));
        }
        self.standing(number)?.ended = Some(end);
        Ok(())
    }

    /// Forgets those of a holder.
    pub(super) fn erase(&mut self, holder: &HolderReference) {
        self.0.retain(|one| one.holder != *holder);
    }

    pub(super) fn of_holder(&self, holder: &HolderReference) -> Vec<ConsentRecord> {
        self.0.iter().filter(|one| one.holder == *holder).cloned().collect()
    }
}
