//! One application at a time for the same.

use super::{ApplicationRequest, Filed};
use crate::{
    authority::{Authority, StoryError},
    limits::APPLICATION_PAGE,
    municipality::MunicipalityCode,
    ports::{ApplicationFilter, ApplicationRecord},
    rules::{Day, Refusal, application::word, calendar::day_of, procedure::Procedure},
};

impl Authority {
    /// Refuses an application while another is open for the same. What a municipality took that the holder has left stands
    /// in nobody's way: it comes to nothing.
    ///
    /// A holder whom the store knows is read at their version, so of two counters at once one comes first. Of somebody who is
    /// new to the store two could pass at once; then the second comes to nothing, for nobody gets two certificates of a kind
    /// (E-04).
    pub(super) fn only_one_open(
        &self,
        own: MunicipalityCode,
        request: &ApplicationRequest,
        today: Day,
    ) -> Result<(), StoryError> {
        let about = Some((request.holder.reference.clone(), request.card.number.clone()));
        let filter = ApplicationFilter { municipality: Some(own), about, ..ApplicationFilter::default() };
        for record in self.store().applications().select(&filter, 0, APPLICATION_PAGE)? {
            // What waited too long is not revived, whether or not the timer came by.
            let over = record.due.is_some_and(|due| due < today);
            if !over && same(&record, &Filed::of(&record)?.request, request) {
                return Err(refusal(&record).into());
            }
        }
        Ok(())
    }
}

/// Whether two applications cannot both be carried out: for the same certificates of a holder, the same about a card, or about one
/// card for two holders.
fn same(record: &ApplicationRecord, open: &ApplicationRequest, asked: &ApplicationRequest) -> bool {
    if record.holder != asked.holder.reference {
        return true;
    }
    let overlap = |one: &[_], other: &[_]| one.iter().any(|kind| other.contains(kind));
    match (open.procedure.issues(), asked.procedure.issues()) {
        (true, true) => overlap(&open.kinds, &asked.kinds),
        (false, false) if open.procedure == asked.procedure && record.card == asked.card.number => {
            open.procedure != Procedure::Revocation || overlap(&open.struck(), &asked.struck())
        }
        // Ending a certificate does not wait for the next one to be issued.
        _ => false,
    }
}

fn refusal(record: &ApplicationRecord) -> Refusal {
    let (state, day) = (word(&record.state), day_of(record.received));
    let detail = format!(
        "application {} of {day} is open for the same (`{state}`); carry it on, or have it withdrawn or rejected first",
        record.number
    );
    Refusal::new("A-07", detail)
}
