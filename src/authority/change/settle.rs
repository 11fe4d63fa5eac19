//! Carrying out what follows from the register: certificates end, cards are void, the holder's record, the next deadline and
//! the notices are as they have to be from now on. Events and deadlines share it.

use super::{fold::Fold, history::Blow};
use crate::{
    authority::{
        Authority, StoryError,
        end::{Effects, StatusChange, Strike},
        once::Telling,
    },
    kind::Kind,
    ports::{CardRecord, Dossier, HolderRecord, NoticeRecord, Step},
    rules::{Cause, CertificateState, calendar::day_of},
};

/// The steps that are to be taken, as far as they are known.
pub(in crate::authority) struct Settlement<'a> {
    authority: &'a Authority,
    telling: &'a Telling<'a>,
    /// As read, with what is ended here.
    dossier: Dossier,
    holder: HolderRecord,
    steps: Vec<Step>,
    changes: Vec<StatusChange>,
}

impl<'a> Settlement<'a> {
    /// The record and the next deadline, as the register has them; nothing has ended yet.
    pub(in crate::authority) fn new(
        authority: &'a Authority,
        telling: &'a Telling<'a>,
        dossier: Dossier,
        fold: &Fold,
    ) -> Result<Self, StoryError> {
        let register = &fold.register;
        let holder = HolderRecord {
            municipality: register.municipality,
            moving_to: register.moving_to(),
            birth: register.birth,
            registered: register.registered,
            ..dossier.holder.clone()
        };
        let due = Step::Deadline { holder: holder.reference.clone(), day: register.due().map(|(day, _)| day) };
        let steps = vec![Step::Holder(holder.clone()), due];
        Ok(Self { authority, telling, dossier, holder, steps, changes: Vec::new() })
    }

    /// Ends what each event ends of what still stands, and writes the notices.
    pub(in crate::authority) fn strike(mut self, blows: &[Blow]) -> Result<Self, StoryError> {
        for blow in blows {
            self.blow(blow)?;
        }
        Ok(self)
    }

    fn blow(&mut self, blow: &Blow) -> Result<(), StoryError> {
        let strike = Strike { cause: blow.cause, kinds: &Kind::BOTH, event_day: Some(blow.event_day) };
        let (steps, effects) = strike.decide(self.authority, self.telling, &self.struck_by(blow))?;
        self.steps.extend(steps);
        let Dossier { cards, certificates, .. } = &mut self.dossier;
        let voided =
            |card: &&mut CardRecord| blow.cause.voids_card() && !card.void && blow.strikes_card(card, certificates);
        for card in cards.iter_mut().filter(voided) {
            card.void = true;
            self.steps.push(Step::Card(card.clone()));
        }
        for change in &effects.changes {
            let ended = self.dossier.certificates.iter_mut();
            ended.filter(|one| one.serial == change.serial).for_each(|one| one.state = CertificateState::Revoked);
        }
        self.steps.extend(self.notice(blow, &effects));
        self.changes.extend(effects.changes);
        Ok(())
    }

    /// The dossier with what an event can end: what was issued later is of a register that knew of it, and what ends with its
    /// card ends whenever it was issued.
    fn struck_by(&self, blow: &Blow) -> Dossier {
        let mut dossier = self.dossier.clone();
        // When it was reported it was of a day of the holder's life; the date of birth may have been corrected since.
        dossier.holder.birth = dossier.holder.birth.min(blow.event_day);
        let Some(until) = blow.until else { return dossier };
        let Dossier { cards, certificates, .. } = &self.dossier;
        dossier.certificates.retain(|one| {
            if !blow.cause.voids_card() {
                return day_of(one.not_before) <= until;
            }
            let card = cards.iter().find(|card| card.number == one.card);
            card.is_none_or(|card| blow.strikes_card(card, certificates))
        });
        dossier
    }

    /// The letter about it. About a death none is written: nobody reads it, or somebody else.
    fn notice(&self, blow: &Blow, effects: &Effects) -> Option<Step> {
        let serial = |kind| effects.changes.iter().find(|one| one.kind == kind).map(|one| one.serial);
        let (sign, auth) = (serial(Kind::Sign), serial(Kind::Auth));
        let told = blow.cause != Cause::Death && (sign.is_some() || auth.is_some());
        let record = || NoticeRecord {
            number: 0,
            at: self.telling.now,
            municipality: self.holder.municipality,
            holder: self.holder.reference.clone(),
            cause: blow.cause,
            event_day: Some(blow.event_day),
            sign,
            auth,
            sent: None,
        };
        told.then(|| Step::Notice(Box::new(record())))
    }

    /// The holder as from now on.
    pub(in crate::authority) fn holder(&self) -> &HolderRecord {
        &self.holder
    }

    /// What ends.
    pub(in crate::authority) fn changes(&self) -> &[StatusChange] {
        &self.changes
    }

    /// The steps.
    pub(in crate::authority) fn into_steps(self) -> Vec<Step> {
        self.steps
    }
}
