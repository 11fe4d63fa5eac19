//! The story of a deadline that passes: what the law ends without anybody's doing, the timer ends.
//!
//! Each commit stands on the version of the holder that it read, so of several nodes, or of a node and an event that comes
//! at the same time, one comes first and the other reads again. What passed is recorded beside the events, so that nothing
//! passes twice; what passed while the service was down is ended by its first turn.

use super::{
    Actor, Authority, Once, StoryError,
    change::{
        history::{Entry, History, Said},
        settle::Settlement,
    },
    end::Effects,
    once::Telling,
};
use crate::{
    limits::{CONFLICT_RETRIES, DEADLINE_PAGE},
    ports::{Change, HolderReference, Step},
    rules::{Cause, Day, calendar::day_of},
};

impl Authority {
    /// Ends what is over by today, in Japan. Run on a timer and at start-up. It returns of how many holders something passed.
    ///
    /// # Errors
    /// The first failure; the others were tried all the same, and what failed is tried at the next turn.
    pub fn run_deadlines(&self) -> Result<usize, StoryError> {
        let today = day_of(self.parts().clock.now());
        let mut passed = 0;
        loop {
            let due = self.store().register().deadlines(today, DEADLINE_PAGE)?;
            let mut failure = None;
            for holder in &due {
                match self.pass_deadline(holder) {
                    Ok(()) => passed += 1,
                    Err(error) => failure = failure.or(Some(error)),
                }
            }
            if let Some(failure) = failure {
                return Err(failure);
            }
            if due.len() < DEADLINE_PAGE {
                return Ok(passed);
            }
        }
    }

    fn pass_deadline(&self, holder: &HolderReference) -> Result<(), StoryError> {
        for _ in 0..CONFLICT_RETRIES {
            let (actor, once) = (Actor::service(), Once { key: String::new(), digest: [0; 32] });
            let telling = Telling { actor: &actor, once: &once, now: self.parts().clock.now() };
            match self.pass_now(&telling, holder) {
                Err(StoryError::Conflict) => {}
                done => return done,
            }
        }
        Err(StoryError::Unavailable("the holder's record changed too often".into()))
    }

    fn pass_now(&self, telling: &Telling<'_>, holder: &HolderReference) -> Result<(), StoryError> {
        let corrupt = || StoryError::Corrupt("a deadline of nobody".into());
        let today = day_of(telling.now);
        let dossier = self.store().dossier(holder)?.ok_or_else(corrupt)?;
        let mut history =
            History::read(self.store().register().register_entries(holder)?, &dossier.holder, &self.parts().counters)?;
        let before = history.fold();
        let mut steps: Vec<Step> = history.first_step(holder)?.into_iter().collect();
        let mut over: Vec<(Day, Cause)> = Vec::new();
        while let Some((since, cause)) = history.fold().register.due().filter(|(day, _)| *day <= today) {
            if over.contains(&(since, cause)) {
                return Err(StoryError::Unavailable("an entry of the register is of a day to come".into()));
            }
            // Numbers that no entry has, in order; the store gives the real ones.
            let id = u64::MAX - 1 - DEADLINE_PAGE as u64 + over.len() as u64;
            let municipality = dossier.holder.municipality;
            let (said, policy) = (Said::Passed { cause, since }, self.counter(municipality));
            let entry = Entry { id, municipality, number: None, day: today, said, policy };
            steps.push(Step::Register(Box::new(entry.record(holder)?)));
            history.push(entry);
            over.push((since, cause));
        }
        let after = history.fold();
        let settled = Settlement::new(self, telling, dossier, &after)?.strike(&after.blows_since(&before, &history))?;
        let effects = over.first().map(|(_, cause)| {
            let changes = settled.changes().to_vec();
            Effects { changes, ..Effects::none(*cause, telling.now) }
        });
        let detail = serde_json::to_string(&effects).map_err(|error| StoryError::Fault(error.to_string()))?;
        let audit = telling.audit("deadline.passed", format!("holder/{holder}"), detail);
        // The record at its version first: whoever was quicker makes this one read again.
        let steps = settled.into_steps().into_iter().chain(steps).collect();
        Ok(self.store().commit(Change { steps, audit })?)
    }
}
