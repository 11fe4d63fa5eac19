//! What a counter's page shows of one resident: the case filled in from the record, and what was told before.
//!
//! A program has the register beside it and sends every fact of a case; a clerk would have to type what the service knows. Here the
//! record fills in the case, and the same decision is asked as by everybody ([`decide_counter`]).

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Actor, Authority, StoryError,
    application::{Advanced, Received},
    end::Effects,
    issue::Issuance,
    lookup::may_see,
};
use crate::{
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{CardNumber, CardRecord, Dossier, HolderReference},
    rules::{
        CertificateState, CounterDecision, CounterFacts, Day, Holding, Refusal,
        admission::{CardOnHand, HolderFacts, Registration},
        calendar::day_of,
        counter::Brought,
        decide_counter,
        desk::{Channel, Desk},
        procedure::{Applicant, Procedure},
        replacement::LiveCertificate,
        stay::Stay,
    },
};

/// What the record has of a resident beside what everybody sees who looks them up. It does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Particulars {
    /// Date of birth.
    pub birth: Day,
    /// Whether they are a 成年被後見人.
    pub ward: bool,
    /// Where they have announced to move (転出届).
    pub moving_to: Option<MunicipalityCode>,
    /// The card, as it is recorded.
    pub card: CardRecord,
}

impl std::fmt::Debug for Particulars {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Particulars").field("card", &self.card.number).finish_non_exhaustive()
    }
}

/// What is asked for at the counter; the rest of the case is on record.
#[derive(Clone, Debug)]
pub struct CounterWish {
    /// What.
    pub procedure: Procedure,
    /// Who comes.
    pub applicant: Applicant,
    /// What was brought.
    pub brought: Brought,
    /// At which desk.
    pub desk: Desk,
}

/// An answer that was a yes.
#[derive(Clone, Debug)]
pub enum Remembered {
    /// Certificates were issued.
    Issued(Issuance),
    /// Certificates ended, were held or released, or a change of the register was taken.
    Ended(Box<Effects>),
    /// An application was taken.
    Received(Received),
    /// An application was led on.
    Advanced(Advanced),
}

impl Authority {
    /// The particulars of a resident and one of their cards, for the municipality of residence.
    ///
    /// # Errors
    /// `T-09` if there is no such card of a resident.
    pub fn particulars(
        &self,
        actor: &Actor,
        holder: &HolderReference,
        card: &CardNumber,
    ) -> Result<Particulars, StoryError> {
        let (dossier, card) = self.resident_with(actor, holder, card)?;
        let holder = dossier.holder;
        Ok(Particulars { birth: holder.birth, ward: holder.ward, moving_to: holder.moving_to, card })
    }

    /// Decides a resident's case of today by what is recorded and what was brought. A decision that is no is an answer.
    ///
    /// # Errors
    /// `T-09` if there is no such card of a resident.
    pub fn decide_resident(
        &self,
        actor: &Actor,
        (holder, card): (&HolderReference, &CardNumber),
        wish: &CounterWish,
    ) -> Result<CounterDecision, StoryError> {
        let (dossier, card) = self.resident_with(actor, holder, card)?;
        let today = day_of(self.parts().clock.now());
        let facts = CounterFacts {
            today,
            procedure: wish.procedure,
            applicant: wish.applicant,
            holder: HolderFacts {
                birth: dossier.holder.birth,
                ward: dossier.holder.ward,
                registration: if dossier.holder.registered { Registration::Resident } else { Registration::None },
                stay: None::<Stay>,
            },
            card: CardOnHand {
                last_day: card.last_day,
                void: card.void,
                suspended: false,
                face_authentication: card.face_authentication,
                addendum_full: false,
            },
            certificates: standing(&dossier),
            kinds: None,
            brought: wish.brought.clone(),
            desk: wish.desk,
            channel: Channel::Counter,
            new_card: None,
            exception: None,
            moving: None,
            // A card that does not end on a birthday ends with the stay, and its holder is told at the counter.
            stays_elsewhere: false,
        };
        let parts = self.parts();
        Ok(decide_counter(&facts, &parts.counters.settings(parts.policy, Some(dossier.holder.municipality))))
    }

    /// What the actor was told under a key, if that was a yes that a counter gets: the page of a form that was sent shows its
    /// receipt, however often it is asked for.
    ///
    /// # Errors
    /// As for all reading.
    pub fn remembered(&self, actor: &Actor, key: &str) -> Result<Option<Remembered>, StoryError> {
        let Some(told) = self.told_before::<Value>(actor.name(), key)? else { return Ok(None) };
        let read = |told: Value| {
            None.or_else(|| as_told(&told).map(Remembered::Issued))
                .or_else(|| as_told(&told).map(|effects| Remembered::Ended(Box::new(effects))))
                .or_else(|| as_told(&told).map(Remembered::Received))
                .or_else(|| as_told(&told).map(Remembered::Advanced))
        };
        Ok(read(told))
    }

    fn resident_with(
        &self,
        actor: &Actor,
        holder: &HolderReference,
        card: &CardNumber,
    ) -> Result<(Dossier, CardRecord), StoryError> {
        let dossier = self.store().dossier(holder)?.filter(|dossier| may_see(actor, &dossier.holder));
        let found = dossier.and_then(|dossier| dossier.card(card).cloned().map(|card| (dossier, card)));
        found.ok_or_else(|| {
            Refusal::new("T-09", "there is no such card of a resident")
                .with_ja("この市区町村の住民のカードとして登録されていません。")
                .into()
        })
    }
}

fn as_told<T: DeserializeOwned>(told: &Value) -> Option<T> {
    T::deserialize(told).ok()
}

/// What of each kind is issued and not revoked, expired ones too.
fn standing(dossier: &Dossier) -> Holding {
    let of = |kind| {
        let newest = dossier.newest(kind)?;
        let held = newest.state == CertificateState::Held;
        let stands = held || newest.state == CertificateState::Live;
        stands.then(|| LiveCertificate { last_day: day_of(newest.not_after), held })
    };
    Holding { auth: of(Kind::Auth), sign: of(Kind::Sign) }
}
