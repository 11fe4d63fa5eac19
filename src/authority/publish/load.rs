//! Taking up the lists that the store has kept: at the start, and where another node was faster.

use super::{Failure, Family, Task, journal::last_ends};
use crate::{
    authority::{Authority, StoryError},
    ports::{CrlRecord, StoreError},
    revocation::{
        crl::{KeptError, check_kept},
        lists::ListKey,
    },
    scope::CrlScope,
    x509::UnixTime,
};

impl Authority {
    /// Serves the newest lists of the store: start-up. Deltas that the schedule makes no more are left out: nothing replaces
    /// them, so they end, and a service that waits for that would never be ready again. So are the lists of a generation that has ended or whose key is
    /// lost.
    ///
    /// A list that is not what was put there, or not the newest of its scope, is not served: the reason stands in
    /// [`Self::publication_failures`] until a list with a higher number takes its place, which is due at once.
    ///
    /// # Errors
    /// As the store says.
    pub fn load_lists(&self) -> Result<(), StoryError> {
        let schedule = &self.parts().schedule;
        let is_made = |scope: CrlScope| !scope.is_delta() || schedule.delta_of(scope.complete()) == Some(scope);
        let now = self.parts().clock.now();
        for record in self.store().newest_crls()?.into_iter().filter(|record| is_made(record.scope)) {
            let issuer = self.parts().issuers.generation(record.kind, record.generation);
            if issuer.is_some_and(|issuer| !issuer.lists(now)) {
                continue;
            }
            self.take_up(record)?;
        }
        Ok(())
    }

    fn take_up(&self, record: CrlRecord) -> Result<(), StoryError> {
        let key = (record.kind, record.generation, record.scope);
        if self.parts().lists.find(&key).is_some_and(|served| served.number >= record.number) {
            return Ok(());
        }
        let (highest, before) = self.neighbours(&record)?;
        if record.number < highest {
            // Another may have come after it was read.
            let is_later = |one: &CrlRecord| (one.kind, one.generation, one.scope) == key && one.number > record.number;
            if let Some(later) = self.store().newest_crls()?.into_iter().find(is_later) {
                return self.take_up(later);
            }
        }
        let newest = if record.number < highest { Err(KeptError::Superseded(highest)) } else { Ok(()) };
        match self.check_kept(&record).and(newest) {
            Ok(()) => self.parts().lists.put_after(record, before),
            Err(error) => self.withhold(key, highest, &error),
        }
        Ok(())
    }

    /// Forgets what could not be published where nothing is left to publish: another node was quicker, or what somebody asked for
    /// is not due. What the store keeps and cannot be served is not forgotten.
    pub(super) fn forget_overtaken(
        &self,
        families: &[Family<'_>],
        due: &[(&Family<'_>, Task)],
    ) -> Result<(), StoryError> {
        if self.publication_failures().is_empty() {
            return Ok(());
        }
        let after = families.iter().map(|family| family.served().position()).min().unwrap_or(0);
        let ends = last_ends(self.store(), after)?;
        let is_told =
            |family: &&Family<'_>| ends.get(&family.key).is_none_or(|position| *position <= family.served().position());
        let is_due = |family: &&Family<'_>| due.iter().any(|(one, _)| one.key == family.key);
        for family in families.iter().filter(|family| is_told(family) && !is_due(family)) {
            let (kind, generation, scope) = family.key;
            for scope in [Some(scope), scope.delta()].into_iter().flatten() {
                let key = (kind, generation, scope);
                if self.parts().lists.withheld(&key).is_none() {
                    self.publisher.failures().remove(&key);
                }
            }
        }
        Ok(())
    }

    /// The highest number of its scope, and when the list before it was made.
    fn neighbours(&self, record: &CrlRecord) -> Result<(u64, Option<UnixTime>), StoryError> {
        let (kind, generation, scope) = (record.kind, record.generation, record.scope);
        let last = self.store().crl_before(kind, generation, scope, u64::MAX)?;
        let before = self.store().crl_before(kind, generation, scope, record.number)?;
        let highest = last.map_or(record.number, |last| last.number.max(record.number));
        Ok((highest, before.map(|before| before.this_update)))
    }

    fn withhold(&self, key: ListKey, number: u64, error: &KeptError) {
        self.parts().lists.withhold(key, number);
        let failure = Failure {
            at: self.parts().clock.now(),
            cause: format!("number {number} is kept by the store, and is not served: {error}"),
        };
        self.note_failure(key, failure);
    }

    /// A list by its number, as it was published.
    ///
    /// # Errors
    /// As the store says; [`StoreError::Corrupt`] if the list is not what was put there.
    pub fn kept_list(&self, key: ListKey, number: u64) -> Result<Option<CrlRecord>, StoreError> {
        let (kind, generation, scope) = key;
        let Some(record) = self.store().crl(kind, generation, scope, number)? else { return Ok(None) };
        match self.check_kept(&record) {
            Ok(()) => Ok(Some(record)),
            Err(error) => Err(StoreError::Corrupt(format!("{kind} {generation} {} {number}: {error}", scope.word()))),
        }
    }

    /// A generation that is not loaded signs nothing and is asked for nothing; readiness tells of it.
    fn check_kept(&self, record: &CrlRecord) -> Result<(), KeptError> {
        let issuer = self.parts().issuers.generation(record.kind, record.generation);
        issuer.map_or(Ok(()), |issuer| check_kept(record, issuer.name(), issuer.public_key()))
    }
}
