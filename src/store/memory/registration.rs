//! The register's text beside certificates, and exceptions, in the plain model.

use super::state::{Done, conflict};
use crate::{
    municipality::MunicipalityCode,
    ports::{ExceptionRecord, RegisterTextRecord},
    store::refusal,
    x509::UnixTime,
};

/// Every text and every exception.
#[derive(Clone, Default)]
pub(super) struct Registration {
    pub(super) texts: Vec<RegisterTextRecord>,
    pub(super) exceptions: Vec<ExceptionRecord>,
}

impl Registration {
    /// Keeps the text of a reservation.
    pub(super) fn text(&mut self, record: RegisterTextRecord) -> Done {
        if record.name.is_empty() || record.address.is_empty() {
            return conflict(refusal::OUTSIDE);
        }
        if self.text_of(record.index).is_some() {
            return conflict(refusal::REGISTER_TEXT);
        }
        self.texts.push(record);
        Ok(())
    }

    pub(super) fn text_of(&self, index: u64) -> Option<RegisterTextRecord> {
        self.texts.iter().find(|one| one.index == index).cloned()
    }

    pub(super) fn put(&mut self, record: ExceptionRecord) -> Done {
        if !record.is_sound() || (record.version == 0 && !record.is_new()) {
            return conflict(refusal::NO_EXCEPTION);
        }
        let used = |one: &ExceptionRecord| one.digest != record.digest && one.used == record.used;
        if record.used.is_some() && self.exceptions.iter().any(used) {
            return conflict(refusal::OUTSIDE);
        }
        let known = self.exceptions.iter_mut().find(|one| one.digest == record.digest);
        match (known, record.version) {
            (None, 0) => self.exceptions.push(ExceptionRecord { version: 1, ..record }),
            (Some(known), version) if version == known.version && goes_on(known, &record) => {
                *known = ExceptionRecord {
                    approved: record.approved,
                    used: record.used,
                    version: version + 1,
                    ..known.clone()
                };
            }
            _ => return conflict(refusal::EXCEPTION),
        }
        Ok(())
    }

    pub(super) fn exception(&self, digest: &[u8; 32]) -> Option<ExceptionRecord> {
        self.exceptions.iter().find(|one| one.digest == *digest).cloned()
    }

    pub(super) fn exceptions(
        &self,
        municipality: MunicipalityCode,
        since: UnixTime,
        limit: usize,
    ) -> Vec<ExceptionRecord> {
        let asked = |one: &&ExceptionRecord| one.municipality == municipality && one.asked >= since;
        self.exceptions.iter().filter(asked).take(limit).cloned().collect()
    }
}

/// Used once, approved once, and by another than asked.
fn goes_on(known: &ExceptionRecord, next: &ExceptionRecord) -> bool {
    let same = known.approved.is_none() || known.approved == next.approved;
    let by_another = next.approved.as_ref().is_none_or(|(by, _)| *by != known.asked_by);
    known.used.is_none() && same && by_another
}
