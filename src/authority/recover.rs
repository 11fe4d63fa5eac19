//! The story of recovering: what a crash or a full disk left reserved is signed and recorded, or discarded whole.

use std::time::Duration;

use super::{Actor, Authority, StoryError};
use crate::{audit::Draft, ca::Reserved, ports::CertificateRecord};

impl Authority {
    /// Finishes reservations that are older than `grace`, pair by pair; a start-up gives zero. It returns how many
    /// certificates were finished or discarded.
    ///
    /// Finishing is safe at any time: a request that is still at work on the same reservation finds it issued.
    ///
    /// # Errors
    /// [`StoryError::Unavailable`] when the store cannot write; what was done before stays done.
    pub fn recover(&self, grace: Duration) -> Result<usize, StoryError> {
        let now = self.parts().clock.now();
        let mut left = self.store().reserved()?;
        left.retain(|record| record.not_before + grace <= now);
        let mut count = 0;
        while let Some(first) = left.pop() {
            let together = |other: &mut CertificateRecord| other.holder == first.holder;
            let mut records: Vec<CertificateRecord> = left.extract_if(.., together).collect();
            records.push(first);
            count += records.len();
            self.finish_or_discard(records)?;
        }
        Ok(count)
    }

    /// Signs and records reservations of one holder, or discards them where they can never be.
    pub(super) fn finish_or_discard(&self, records: Vec<CertificateRecord>) -> Result<(), StoryError> {
        let audit = |action: &str| Draft {
            at: self.parts().clock.now(),
            actor: Actor::service().audit_name(),
            action: action.into(),
            subject: records.first().map(|record| format!("holder/{}", record.holder)).unwrap_or_default(),
            detail: super::issue::detail(records.iter()),
        };
        let (finished, discarded) = (audit("pair.issued"), audit("pair.discarded"));
        let reserved: Vec<Reserved> = records.into_iter().filter_map(Reserved::from_record).collect();
        match self.finish(&reserved, finished, None) {
            Err(StoryError::Fault(_) | StoryError::Refused(_)) => self.discard(&reserved, discarded, Vec::new()),
            done => done,
        }
    }
}
