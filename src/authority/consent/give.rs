//! Recording a consent that the holder signed.

use serde::{Deserialize, Serialize};

use super::{Claimed, MessageDer, Proven, latest, relying_party, said, standing};
use crate::{
    authority::{Actor, Authority, Once, StoryError},
    ports::{Change, ConsentEnd, ConsentEndCause, ConsentRecord, Role, Step},
    rules::{Act, ConsentScope, Particulars, Refusal, consent::decide_latest},
    x509::UnixTime,
};

/// A consent that the holder signed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedConsent {
    /// CMS SignedData with the text within.
    pub cms: MessageDer,
}

/// What was recorded; nothing of it says who the holder is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The number of the text.
    pub number: String,
    /// The relying party.
    pub party: String,
    /// What it may be told.
    pub scopes: Vec<ConsentScope>,
    /// Since when.
    pub given: UnixTime,
    /// Until when, unless the holder withdraws it.
    pub ends: UnixTime,
}

impl Authority {
    /// Records a consent: the relying party that it names hands it in, or the holder's municipality.
    ///
    /// # Errors
    /// [`StoryError::Refused`] with the rule; otherwise as the error says. In every case nothing is half done.
    pub fn consent(&self, actor: &Actor, once: &Once, request: &SignedConsent) -> Result<Given, StoryError> {
        let read = Claimed::read(&request.cms.0);
        let subject = Claimed::subject(&read);
        self.tell(actor, once, &subject, |telling| {
            let claimed = read.clone()?;
            let Act::Consent(scopes) = claimed.declaration.act().clone() else {
                return Err(Refusal::new("L-12", "this is a withdrawal; it goes to /v1/withdrawals")
                    .with_ja("これは同意の取消しです。")
                    .into());
            };
            if actor.role() != Some(Role::Municipality)
                && relying_party(actor)? != claimed.declaration.particulars().party
            {
                let detail = "the text names another relying party; only that one hands it in, or the municipality";
                return Err(Refusal::new("L-12", detail)
                    .with_ja("文面に記載された署名検証者等とは別の相手からの提出です。")
                    .into());
            }
            let Proven { declaration, record, dossier } = self.proven(telling, claimed)?;
            if actor.role() == Some(Role::Municipality) {
                actor.municipality_of(&dossier.holder)?;
            }
            let Particulars { party, serial, number, .. } = declaration.particulars().clone();
            let known = self.store().consents(&dossier.holder.reference)?;
            decide_latest(&declaration, latest(&known, &party))?;
            let given = Given {
                number: number.to_string(),
                party: party.clone(),
                scopes: scopes.clone(),
                given: telling.now,
                ends: declaration.until(),
            };
            let replaced = ConsentEnd { at: telling.now, cause: ConsentEndCause::Replaced, declaration: None };
            let mut steps: Vec<Step> = standing(&known, &party)
                .map(|one| Step::EndConsent { number: one.number, end: replaced })
                .into_iter()
                .collect();
            steps.push(Step::Consent(Box::new(ConsentRecord {
                number,
                holder: dossier.holder.reference.clone(),
                party,
                scopes,
                serial,
                given: telling.now,
                ends: declaration.until(),
                declaration: record,
                ended: None,
            })));
            // The certificate that signed is still live when this commits.
            steps.push(Step::Holder(dossier.holder));
            steps.push(telling.answer(&given)?);
            let audit = telling.audit("consent.given", &subject, said(&declaration));
            self.store().commit(Change { steps, audit })?;
            Ok(given)
        })
    }
}
