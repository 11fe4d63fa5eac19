//! The holder revokes from home: SIGN with its own signature, AUTH only with that of SIGN (O-01, O-02).

use super::{Claimed, Signed, SignedApplication};
use crate::{
    authority::{
        Actor, Authority, Once, StoryError,
        end::{Effects, Strike},
        revoke::check_ends,
    },
    kind::Kind,
    ports::{CertificateRecord, Change, Dossier, Step},
    rules::{
        Cause, HomeWish,
        online::{OnlineFacts, decide_home_revocation},
    },
    x509::UnixTime,
};

impl Authority {
    /// Revokes what the holder asks for, with the cause of an application. It names its certificates, which come once, so
    /// one that is handed in again finds nothing left.
    ///
    /// # Errors
    /// [`StoryError::Refused`] with the rule: `O-01` and `O-02`; `R-01` where what it names has ended; otherwise as the error says.
    pub fn revoke_from_home(
        &self,
        actor: &Actor,
        once: &Once,
        request: &SignedApplication,
    ) -> Result<Effects, StoryError> {
        let read = Claimed::read(HomeWish::Revoke, &request.cms.0);
        let subject = Claimed::subject(&read);
        self.tell(actor, once, &subject, |telling| {
            let signed = self.signed_at_home(telling, read.clone()?)?;
            let named = may_revoke(&signed, telling.now)?;
            let kinds: Vec<Kind> = named.iter().map(|one| one.kind).collect();
            let certificates = named.into_iter().cloned().collect();
            let strike = Strike { cause: Cause::HolderApplication, kinds: &kinds, event_day: None };
            let struck = Dossier { certificates, ..signed.dossier.clone() };
            let (mut steps, effects) = strike.decide(self, telling, &struck)?;
            check_ends(strike.cause, effects.changes.len())?;
            // The certificate that signed is still live when this commits.
            steps.push(Step::Holder(signed.dossier.holder.clone()));
            steps.push(telling.answer(&effects)?);
            let audit =
                telling.audit("certificate.revoked", format!("card/{}", signed.signer.card), told(&signed, &effects)?);
            self.store().commit(Change { steps, audit })?;
            Ok(effects)
        })
    }
}

/// The certificates that may be revoked by this signature.
fn may_revoke(signed: &Signed, now: UnixTime) -> Result<Vec<&CertificateRecord>, StoryError> {
    let facts = OnlineFacts {
        sign_live: signed.live(Kind::Sign, now).is_some(),
        signed_with: signed.signed_with(now),
        old_pin_known: false,
    };
    for one in signed.application.certificates() {
        decide_home_revocation(one.kind, &facts)?;
    }
    Ok(signed.named()?)
}

/// What the audit says: what changed, and by whose signature over which text.
fn told(signed: &Signed, effects: &Effects) -> Result<String, StoryError> {
    let mut detail = serde_json::to_value(effects).map_err(|error| StoryError::Fault(error.to_string()))?;
    detail["signed_with"] = format!("{}/{}", signed.signer.kind, signed.signer.serial).into();
    detail["text"] = signed.digest.clone().into();
    Ok(detail.to_string())
}
