//! A card that is presented at the counter with an application, as if the register had reported it (M-01).

use super::{Presented, RegisterChange, RegisterEvent, card, check, new_entry, recorded, settle::Settlement};
use crate::{
    authority::{Authority, StoryError, end::Effects, once::Telling},
    ports::{Dossier, Step},
    rules::calendar::day_of,
};

impl Authority {
    /// The steps by which a card that is presented at the counter today goes on, or is written on, as if it had been reported;
    /// the record and the next deadline among them.
    ///
    /// # Errors
    /// `M-01`, `M-02` where it does not, and whatever else the register has against it.
    pub(in crate::authority) fn continue_card(
        &self,
        telling: &Telling<'_>,
        dossier: Dossier,
        presented: Presented,
    ) -> Result<(Vec<Step>, Effects), StoryError> {
        let (today, holder) = (day_of(telling.now), dossier.holder.reference.clone());
        let change = RegisterChange {
            presented: Some(presented),
            event_day: Some(today),
            ..RegisterChange::new(holder, RegisterEvent::ContinuedUse)
        };
        let reporter = telling.actor.municipality()?;
        let days = check::change(&change, reporter, today)?;
        let history = self.history(&dossier.holder)?;
        check::card((&change, &days), (&dossier, &history), today)?;
        let entry = new_entry(&change, (reporter, self.counter(reporter)), (&days, None), telling.now);
        let (before, after) = (history.fold(), history.fold_with(&entry));
        let left = card::left_behind(&change, today, after.left_behind(), &dossier);
        after.refusal().map_or(Ok(()), |refusal| Err(card::said_of(&change, refusal, left)))?;
        check::by_hand(&change, left.as_ref())?;
        let settled = Settlement::new(self, telling, dossier, &after)?.strike(&after.blows_since(&before, &history))?;
        let changes = settled.changes().to_vec();
        let effects = Effects { changes, ..Effects::none(change.change.cause(), telling.now) };
        Ok((recorded((&history, &entry, &effects), settled)?, effects))
    }
}
