//! The story of a canary: a certificate of the service's own is issued, and revoked, to see how soon the world can know.
//!
//! It takes the way of every certificate: reserve, sign, record; and it is revoked through the same steps. What sets it
//! apart is its holder: a name of the service's own, which no request can carry ([`HolderReference::own`]), one for each day,
//! so that no dossier grows for ever. The register does not have that holder, and no municipality is the holder's, so no
//! counter finds it, not even by the serial number. An operator does.
//!
//! Its partition is that of the first municipality by code that takes part: only those have lists, and every node that is
//! asked finds the same one.
//!
//! Rule E-04 holds for canaries too: of a day at most one of a kind stands, also where two turns run at once. What a crash leaves
//! standing is the canary of the next turn. Statistics by state count canaries; the holder's name tells them apart
//! (`holder LIKE 'jitsuin.canary-%'`), as do the audit's actions `canary.*`.

use super::{Actor, Authority, Once, StoryError, end::Strike, issue::detail, once::Telling};
use crate::{
    ca::{Prepared, Reserved, issue::Approved},
    kind::Kind,
    limits::CONFLICT_RETRIES,
    municipality::{self, Municipality, MunicipalityCode},
    ports::{CardNumber, CardRecord, CertificateRecord, Change, Dossier, HolderRecord, HolderReference, Step},
    rules::{
        Cause, CertificateState, Day,
        calendar::{day_of, last_instant, plus_days},
    },
    x509::{Serial, UnixTime, VerifiedRequest},
};

/// Days after that of its issue on which a canary is still valid.
const DAYS: u16 = 2;

/// A canary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// Which kind.
    pub kind: Kind,
    /// Which generation of the CA signed it.
    pub generation: u8,
    /// Its serial number.
    pub serial: Serial,
    /// Whose list carries it.
    pub municipality: MunicipalityCode,
    /// When it was issued.
    pub not_before: UnixTime,
    /// Its last instant.
    pub not_after: UnixTime,
    /// When it was revoked.
    pub revoked: Option<UnixTime>,
    holder: HolderReference,
    index: u64,
}

/// Why there is no canary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCanary {
    /// No municipality takes part yet: nothing is issued, so nothing can be revoked.
    #[error("no municipality takes part yet")]
    NoPlace,
    /// As many as a day may have were issued today.
    #[error("{0} canaries were issued today; no more than that a day")]
    Enough(u16),
    /// It could not be issued now.
    #[error(transparent)]
    Story(#[from] StoryError),
}

impl From<crate::ports::StoreError> for NoCanary {
    fn from(error: crate::ports::StoreError) -> Self {
        Self::Story(error.into())
    }
}

impl Authority {
    /// The canary of a kind that stands: one that an earlier turn left, or a new one with the key of `request`.
    ///
    /// # Errors
    /// [`NoCanary`]; [`StoryError::InProgress`] and [`StoryError::Conflict`] where another turn is at work on one.
    pub fn canary(&self, kind: Kind, most_a_day: u16, request: &VerifiedRequest) -> Result<Canary, NoCanary> {
        let now = self.parts().clock.now();
        let dossiers = self.canary_dossiers(now)?;
        let mut known = dossiers.iter().flat_map(|dossier| &dossier.certificates);
        match known.find(|one| one.kind == kind && one.is_current(now)) {
            Some(one) if one.state == CertificateState::Reserved => Err(StoryError::InProgress.into()),
            Some(left) => Ok(Canary::new(left)),
            None => self.issue_canary(kind, most_a_day, request, now),
        }
    }

    fn issue_canary(
        &self,
        kind: Kind,
        most_a_day: u16,
        request: &VerifiedRequest,
        now: UnixTime,
    ) -> Result<Canary, NoCanary> {
        let place = self.canary_place()?;
        let (holder, card) = bearer(day_of(now))?;
        let dossier = self.store().dossier(&holder.reference)?;
        let issued = dossier.iter().flat_map(|dossier| &dossier.certificates).filter(|one| one.kind == kind).count();
        if issued >= usize::from(most_a_day) {
            return Err(NoCanary::Enough(most_a_day));
        }
        let holder = dossier.map_or(holder, |known| known.holder);
        let parts = self.parts();
        let issuer = self.issuing(kind, last_instant(card.last_day)).map_err(StoryError::from)?;
        let index = self.indexes.next(self.store(), kind)?;
        let approved = Approved {
            request,
            holder: &holder.reference,
            card: &card.number,
            place,
            facts: None,
            not_before: now,
            not_after: last_instant(card.last_day),
            index,
            serial: parts.serials.serial(kind, index),
            pair: None,
            predecessor: None,
        };
        let prepared = Prepared::canary(&parts.profile, issuer, &approved);
        let prepared = prepared.map_err(|error| StoryError::Fault(error.to_string()))?;
        let canary = Canary::new(prepared.record());
        let told = detail(std::iter::once(prepared.record()));
        let turn = Turn::new(now);
        let audit = |action: &str| turn.telling().audit(action, subject(&canary), told.clone());
        let steps = vec![Step::Holder(holder), Step::Card(card)];
        let change = Change { steps, audit: audit("canary.reserved") };
        let reserved = Reserved::reserve(self.store(), vec![prepared], change, Vec::new())?;
        match self.finish(&reserved, audit("canary.issued"), None) {
            Ok(()) => Ok(canary),
            Err(fault @ (StoryError::Fault(_) | StoryError::Refused(_))) => {
                self.discard(&reserved, audit("canary.discarded"), Vec::new())?;
                Err(fault.into())
            }
            // What is reserved now is finished by recovery, and is the canary of a later turn.
            Err(error) => Err(error.into()),
        }
    }

    /// Revokes a canary, as its holder's own application would, and gives it back with the time of that; one that is
    /// revoked already, with the time of then.
    ///
    /// # Errors
    /// As the store says; [`StoryError::Corrupt`] where it does not know the canary.
    pub fn revoke_canary(&self, canary: &Canary) -> Result<Canary, StoryError> {
        let turn = Turn::new(self.parts().clock.now());
        for _ in 0..CONFLICT_RETRIES {
            let dossier = self.store().dossier(&canary.holder)?;
            let unknown = || StoryError::Corrupt(format!("no canary {}", canary.serial));
            let dossier = dossier.ok_or_else(unknown)?;
            let is_it = |one: &&CertificateRecord| (one.kind, one.index) == (canary.kind, canary.index);
            let known = dossier.certificates.iter().find(is_it).ok_or_else(unknown)?;
            if known.revocation.is_some() {
                return Ok(Canary::new(known));
            }
            let strike = Strike { cause: Cause::HolderApplication, kinds: &[canary.kind], event_day: None };
            let (mut steps, effects) = strike.decide(self, &turn.telling(), &dossier)?;
            if effects.changes.is_empty() {
                return Err(StoryError::Fault(format!("canary {} was over before it was revoked", canary.serial)));
            }
            steps.push(Step::Holder(dossier.holder));
            let told = serde_json::to_string(&effects).map_err(|error| StoryError::Fault(error.to_string()))?;
            let audit = turn.telling().audit("canary.revoked", subject(canary), told);
            match self.store().commit(Change { steps, audit }).map_err(StoryError::from) {
                Err(StoryError::Conflict) => {}
                Ok(()) => return Ok(Canary { revoked: Some(turn.now), ..canary.clone() }),
                Err(error) => return Err(error),
            }
        }
        Err(StoryError::Conflict)
    }

    /// The canaries that were signed and are not over, oldest first: what start-up goes on looking for.
    ///
    /// # Errors
    /// As the store says.
    pub fn canaries(&self) -> Result<Vec<Canary>, StoryError> {
        let now = self.parts().clock.now();
        let dossiers = self.canary_dossiers(now)?;
        let known = dossiers.iter().flat_map(|dossier| &dossier.certificates);
        let known = known.filter(|one| one.certificate.is_some() && now <= one.not_after);
        let mut canaries: Vec<_> = known.map(Canary::new).collect();
        canaries.sort_by_key(|one| (one.not_before, one.kind));
        Ok(canaries)
    }

    /// The dossiers of the days whose canaries may still be valid, the newest first.
    fn canary_dossiers(&self, now: UnixTime) -> Result<Vec<Dossier>, StoryError> {
        let days = std::iter::successors(Some(day_of(now)), |day| day.previous_day());
        let mut dossiers = Vec::new();
        for day in days.take(usize::from(DAYS) + 1) {
            dossiers.extend(self.store().dossier(&bearer(day)?.0.reference)?);
        }
        Ok(dossiers)
    }

    fn canary_place(&self) -> Result<&'static Municipality, NoCanary> {
        let first = self.store().municipalities()?.into_iter().min().ok_or(NoCanary::NoPlace)?;
        let unknown = || StoryError::Corrupt(format!("no municipality {first}"));
        municipality::find(first).ok_or_else(|| unknown().into())
    }
}

impl Canary {
    fn new(record: &CertificateRecord) -> Self {
        Self {
            kind: record.kind,
            generation: record.generation,
            serial: record.serial,
            municipality: record.municipality,
            not_before: record.not_before,
            not_after: record.not_after,
            revoked: record.revocation.as_ref().map(|end| end.revocation_date),
            holder: record.holder.clone(),
            index: record.index,
        }
    }
}

/// The circumstances of a turn: the service acts, and there is no request to answer.
struct Turn {
    actor: Actor,
    once: Once,
    now: UnixTime,
}

impl Turn {
    fn new(now: UnixTime) -> Self {
        Self { actor: Actor::service(), once: Once { key: String::new(), digest: [0; 32] }, now }
    }

    fn telling(&self) -> Telling<'_> {
        Telling { actor: &self.actor, once: &self.once, now: self.now }
    }
}

fn subject(canary: &Canary) -> String {
    format!("holder/{}", canary.holder)
}

/// The holder of a day's canaries and the card of them, as they are when nothing was issued yet.
fn bearer(day: Day) -> Result<(HolderRecord, CardRecord), StoryError> {
    let impossible = |_| StoryError::Fault(format!("{day} names no canary"));
    let name = format!("canary-{day}");
    let reference = HolderReference::own(name.clone()).map_err(impossible)?;
    let number = CardNumber::own(name).map_err(impossible)?;
    let nowhere = "00000".parse().map_err(|_| StoryError::Fault("00000 is no code".into()))?;
    let last_day = plus_days(day, DAYS).unwrap_or(day);
    let card = CardRecord {
        number,
        holder: reference.clone(),
        issue_day: day,
        application_day: day,
        last_day,
        void: false,
        face_authentication: false,
    };
    let holder = HolderRecord {
        reference,
        // No municipality has this code, so no counter acts for the holder (E-02).
        municipality: nowhere,
        moving_to: None,
        birth: day,
        ward: false,
        // Nor does the register have one (E-01).
        registered: false,
        version: 0,
    };
    Ok((holder, card))
}
