//! An event that is told again, under its number.

use super::{
    RegisterChange, RegisterEvent, card,
    history::{self, Said},
    register::cause_of,
};
use crate::{
    authority::{
        Authority, StoryError,
        end::{Effects, StatusChange, invalidity_date},
        once::Telling,
    },
    ports::{CertificateRecord, Revocation},
    rules::{Cause, Day, Refusal, calendar::day_of},
};

impl Authority {
    /// What became of an event of that number when it first came; of one that waited then and has taken effect since, what that
    /// was.
    pub(super) fn known_event(
        &self,
        telling: &Telling<'_>,
        change: &RegisterChange,
    ) -> Result<Option<Effects>, StoryError> {
        let Some(number) = &change.number else { return Ok(None) };
        let known = self.store().register().register_entry(telling.actor.municipality()?, number)?;
        let Some(known) = known else { return Ok(None) };
        let today = day_of(telling.now);
        match history::said(&known)? {
            Said::Reported { change: first, event_day, effects, card } if change.says((&first, event_day), today) => {
                if effects.waits.is_none() {
                    return Ok(Some(*effects));
                }
                Ok(Some(self.since_it_waited((known.id, &first, event_day), *effects, card.map(|card| *card))?))
            }
            _ => {
                let detail = "the register's number stands for another event; each event has its own";
                Err(Refusal::new("T-13", detail)
                    .with_ja("この異動番号は別の異動に使われています。異動ごとに別の番号を付けてください。")
                    .into())
            }
        }
    }

    /// What an event has come to that waited when it was answered.
    fn since_it_waited(
        &self,
        (id, change, event_day): (u64, &RegisterChange, Day),
        waiting: Effects,
        card: Option<Refusal>,
    ) -> Result<Effects, StoryError> {
        let Some(dossier) = self.store().dossier(&change.holder)? else { return Ok(waiting) };
        let fold = self.history(&dossier.holder)?.fold_at(id);
        if !fold.takes(id) {
            return Ok(waiting);
        }
        let cause = cause_of(change, card.as_ref());
        let changes: Vec<StatusChange> =
            dossier.certificates.iter().filter_map(|one| ended_by(one, cause, event_day)).collect();
        let ended = changes.iter().find_map(|change| {
            let of = dossier.certificates.iter().find(|one| one.kind == change.kind && one.serial == change.serial);
            of.and_then(|one| one.revocation.as_ref()).map(|revocation| revocation.revocation_date)
        });
        // Only of the last move something is still awaited.
        let last = fold.is_last_move(id);
        let left = card::left_behind(change, event_day, fold.left_behind(), &dossier);
        let outlook = card::Outlook::of((change, event_day), (card, fold.too_late().cloned(), left), &dossier);
        let awaited = outlook.awaited(change.change, &fold.register).filter(|_| last);
        let not_continued = outlook.not_continued.filter(|_| last || change.change != RegisterEvent::MoveIn);
        let recorded_at = ended.unwrap_or(waiting.recorded_at);
        Ok(Effects { changes, awaited, not_continued, ..Effects::none(cause, recorded_at) })
    }
}

/// How a certificate ended, if an event of that cause and day ended it.
fn ended_by(one: &CertificateRecord, cause: Cause, event_day: Day) -> Option<StatusChange> {
    let of = |revocation: &&Revocation| {
        let dated = invalidity_date(Some(event_day), revocation.revocation_date);
        revocation.cause == cause && dated.is_ok_and(|dated| dated == revocation.invalidity_date)
    };
    let revocation = one.revocation.as_ref().filter(of)?;
    Some(StatusChange {
        kind: one.kind,
        serial: one.serial,
        state: one.state,
        reason: Some(revocation.reason),
        invalidity_date: revocation.invalidity_date,
    })
}
