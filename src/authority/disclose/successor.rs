//! From a certificate that was replaced to the holder's newest of the kind, under the holder's consent (section 8.1).
//!
//! The newest is found by way of the holder, not of the links from predecessor to successor: a consent is to know the
//! person's certificates, old and new, and a certificate that was revoked before a new one was asked for has no link to
//! it. So renewals, however many, a new card, a move and a revocation with a new issue in between are all followed; and
//! while no certificate of the kind is live, nothing is told and nothing says why.

use serde::Serialize;

use super::{Found, Question};
use crate::{
    authority::{Actor, Authority, StoryError},
    kind::Kind,
    ports::{CertificateRecord, ConsentRecord, Dossier},
    rules::{AskedTimes, CertificateState, ConsentScope, Query},
    x509::{Serial, UnixTime},
};

/// The holder's newest certificate of the kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SuccessorAnswer {
    /// Which kind.
    pub kind: Kind,
    /// Its serial number (新しい証明書の発行の番号).
    pub serial: Serial,
    /// Whether it is another than the one that was asked about; if not, there is no newer one.
    pub replaced: bool,
}

/// What a query under consent is decided on.
pub(super) struct UnderConsent {
    pub(super) consent: Option<ConsentRecord>,
    pub(super) dossier: Dossier,
}

impl UnderConsent {
    /// The certificate of the kind that is live, if one is. Rule E-04: there is one at most, and it is the newest.
    pub(super) fn live(&self, kind: Kind, now: UnixTime) -> Option<&CertificateRecord> {
        let live =
            |one: &&CertificateRecord| one.kind == kind && one.state == CertificateState::Live && now <= one.not_after;
        self.dossier.certificates.iter().find(live).filter(|_| self.dossier.holder.registered)
    }
}

impl Authority {
    /// Tells the serial number of the holder's newest certificate of the kind.
    ///
    /// # Errors
    /// [`StoryError::Refused`] by an `L-` rule or `T-09`; otherwise as the error says.
    pub fn tell_successor(
        &self,
        actor: &Actor,
        (kind, serial): (Kind, &Serial),
    ) -> Result<SuccessorAnswer, StoryError> {
        let question = Question { query: Query::Successor, kind, serial, times: AskedTimes::default() };
        self.ask(actor, &question, |found| {
            let known = self.under_consent(actor, found, ConsentScope::Successor)?;
            let newest = known.live(kind, found.now);
            found.decide(|subject| {
                subject.consent = known.consent.is_some();
                subject.newer = newest.is_some();
            })?;
            let newest = newest.ok_or_else(|| StoryError::Fault("a successor was decided that is not there".into()))?;
            Ok(SuccessorAnswer { kind, serial: newest.serial, replaced: newest.index != found.certificate().index })
        })
    }

    /// The holder of the certificate, and the consent to the relying party for this, on which the answer then rests.
    pub(super) fn under_consent(
        &self,
        actor: &Actor,
        found: &Found,
        scope: ConsentScope,
    ) -> Result<UnderConsent, StoryError> {
        let holder = &found.certificate().holder;
        let dossier = self.store().dossier(holder)?;
        let dossier = dossier.ok_or_else(|| StoryError::Corrupt("a certificate without its holder".into()))?;
        let consents = self.store().consents(holder)?;
        let consent = consents.into_iter().find(|one| one.allows(actor.name(), scope, found.now));
        if let Some(consent) = &consent {
            found.rest_on(consent.number, dossier.holder.version);
        }
        Ok(UnderConsent { consent, dossier })
    }
}
