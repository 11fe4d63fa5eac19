//! The timer ends what waited too long.

use super::subject;
use crate::{
    audit::Draft,
    authority::{Actor, Authority, StoryError},
    limits::APPLICATION_PAGE,
    ports::{ApplicationFilter, ApplicationRecord, Change, Step, StoreError},
    rules::{
        application::{ApplicationEvent, decide_application},
        calendar::day_of,
    },
};

impl Authority {
    /// Ends every application whose last day has passed, each once, however long the service stood still; gives how many.
    ///
    /// # Errors
    /// As the store says; what was done before stays done.
    pub fn lapse_applications(&self) -> Result<usize, StoryError> {
        let now = self.parts().clock.now();
        let filter = ApplicationFilter { due_before: Some(day_of(now)), ..ApplicationFilter::default() };
        let (mut after, mut count) = (0, 0);
        loop {
            let late = self.store().applications().select(&filter, after, APPLICATION_PAGE)?;
            let Some(last) = late.last() else { return Ok(count) };
            after = last.place;
            for record in late {
                count += usize::from(self.lapse(record, now)?);
            }
        }
    }

    /// Ends one, unless a counter came first: then the next turn looks again.
    fn lapse(&self, record: ApplicationRecord, now: crate::x509::UnixTime) -> Result<bool, StoryError> {
        let Ok(state) = decide_application(record.state, ApplicationEvent::Lapse) else {
            return Err(StoryError::Corrupt(format!("application {} is due and cannot lapse", record.number)));
        };
        let detail = serde_json::json!({
            "event": ApplicationEvent::Lapse, "from": record.state, "to": state, "version": record.version + 1,
            "due": record.due.map(|due| due.to_string()),
        });
        let audit = Draft {
            at: now,
            actor: Actor::service().audit_name(),
            action: "application.advanced".into(),
            subject: subject(&record.number),
            detail: detail.to_string(),
        };
        let lapsed = ApplicationRecord { state, changed: now, due: None, inquiry: None, ..record };
        match self.store().commit(Change { steps: vec![Step::Application(Box::new(lapsed))], audit }) {
            Err(StoreError::Conflict(_)) => Ok(false),
            done => Ok(done.map(|()| true)?),
        }
    }
}
