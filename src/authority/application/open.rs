//! One application at a time for the same.

use super::{ApplicationRequest, Filed};
use crate::{
    authority::{Authority, StoryError, issue::new_holder},
    limits::APPLICATION_PAGE,
    municipality::MunicipalityCode,
    ports::{ApplicationFilter, ApplicationRecord, Dossier, HolderReference},
    rules::{Day, Refusal, application::word, calendar::day_of, era::in_japanese, procedure::Procedure},
};

impl Authority {
    /// Refuses an application while another is open for the same, or has another date of birth of a holder who is
    /// new to the store: no record says which is right, and nobody has two. What a municipality took that the holder has left stands
    /// in nobody's way: it comes to nothing.
    ///
    /// A holder whom the store knows is read at their version, so of two counters at once one comes first. Of somebody who is
    /// new to the store two could pass at once; then the second comes to nothing, for nobody gets two certificates of a kind
    /// (E-04).
    pub(super) fn only_one_open(
        &self,
        own: MunicipalityCode,
        (request, is_new): (&ApplicationRequest, bool),
        today: Day,
    ) -> Result<(), StoryError> {
        let about = Some((request.holder.reference.clone(), Some(request.card.number.clone())));
        let filter = ApplicationFilter { municipality: Some(own), about, ..ApplicationFilter::default() };
        for record in self.store().applications().select(&filter, 0, APPLICATION_PAGE)? {
            // What waited too long is not revived, whether or not the timer came by.
            if record.due.is_some_and(|due| due < today) {
                continue;
            }
            let open = Filed::of(&record)?.request;
            let same_person = open.holder.reference == request.holder.reference;
            if is_new && same_person && open.holder.birth != request.holder.birth {
                return Err(other_birth(&record).into());
            }
            if same(&record, &open, request) {
                return Err(refusal(&record).into());
            }
        }
        Ok(())
    }
}

impl Authority {
    /// Somebody whom the store does not know, as the open application for certificates has them that a municipality took: what its
    /// register reports of them from now on counts for what becomes of the application. None, if it took none.
    ///
    /// # Errors
    /// As the store says.
    pub(in crate::authority) fn first_applicant(
        &self,
        own: MunicipalityCode,
        holder: &HolderReference,
        today: Day,
    ) -> Result<Option<Dossier>, StoryError> {
        let about = Some((holder.clone(), None));
        let filter = ApplicationFilter { municipality: Some(own), about, ..ApplicationFilter::default() };
        for record in self.store().applications().select(&filter, 0, APPLICATION_PAGE)? {
            let request = Filed::of(&record)?.request;
            if request.procedure.issues() && record.due.is_none_or(|due| today <= due) {
                let holder = new_holder(self.taking_part(own)?, &request.holder);
                return Ok(Some(Dossier { holder, cards: Vec::new(), certificates: Vec::new() }));
            }
        }
        Ok(None)
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

fn other_birth(record: &ApplicationRecord) -> Refusal {
    let detail = format!(
        "application {} of {}, which is open, has another date of birth of the holder; check it, and end the wrong one first",
        record.number,
        day_of(record.received)
    );
    Refusal::new("R-26", detail)
        .with_ja(format!(
            "受付中の申請 {}（{}受付）の生年月日と異なります。確認のうえ、誤っている申請を先に終了してください。",
            record.number,
            in_japanese(day_of(record.received))
        ))
        .in_case("birth")
}

fn refusal(record: &ApplicationRecord) -> Refusal {
    let (state, day) = (word(&record.state), day_of(record.received));
    let detail = format!(
        "application {} of {day} is open for the same (`{state}`); carry it on, or have it withdrawn or rejected first",
        record.number
    );
    let ja = format!(
        "申請 {}（{}受付）が受付中です。続けて処理するか、先に取下げまたは不受理としてください。",
        record.number,
        in_japanese(day)
    );
    Refusal::new("A-07", detail).with_ja(ja)
}
