//! Ending a consent: by the holder's signature, or at the counter.

use serde::{Deserialize, Serialize};

use super::{Claimed, MessageDer, Proven, latest, standing};
use crate::{
    authority::{Actor, Authority, Once, StoryError, once::Telling},
    ports::{Change, ConsentEnd, ConsentEndCause, ConsentRecord, Dossier, HolderReference, SignedDeclaration, Step},
    rules::{Act, Refusal, consent::decide_latest},
    x509::UnixTime,
};

/// A withdrawal: signed by the holder, or told at the counter of the holder's municipality.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WithdrawalRequest {
    /// CMS SignedData with the text within.
    #[serde(default)]
    pub cms: Option<MessageDer>,
    /// At the counter: the holder.
    #[serde(default)]
    pub holder: Option<HolderReference>,
    /// At the counter: the relying party.
    #[serde(default)]
    pub party: Option<String>,
}

/// What was withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// The number of the consent.
    pub number: String,
    /// The relying party that is told nothing any more.
    pub party: String,
    /// Since when.
    pub withdrawn: UnixTime,
}

impl Authority {
    /// Ends a consent at once: by what the holder signed, handed in by any client, or at the counter of the holder's
    /// municipality.
    ///
    /// # Errors
    /// [`StoryError::Refused`] with the rule; otherwise as the error says. In every case nothing is half done.
    pub fn withdraw(&self, actor: &Actor, once: &Once, request: &WithdrawalRequest) -> Result<Withdrawn, StoryError> {
        match (&request.cms, &request.holder, &request.party) {
            (Some(cms), None, None) => self.withdraw_signed(actor, once, cms),
            (None, Some(holder), Some(party)) => self.withdraw_at_counter(actor, once, holder, party),
            _ => {
                let detail = "send either the signed withdrawal (cms) or, at the counter, holder and party";
                Err(Refusal::new("T-01", detail)
                    .with_ja("署名された取消し、または窓口での利用者と相手のどちらか一方を送信してください。")
                    .into())
            }
        }
    }

    fn withdraw_signed(&self, actor: &Actor, once: &Once, cms: &MessageDer) -> Result<Withdrawn, StoryError> {
        let read = Claimed::read(&cms.0);
        let subject = Claimed::subject(&read);
        self.tell(actor, once, &subject, |telling| {
            let claimed = read.clone()?;
            if *claimed.declaration.act() != Act::Withdrawal {
                return Err(Refusal::new("L-12", "this is a consent; it goes to /v1/consents")
                    .with_ja("これは同意です。取消しではありません。")
                    .into());
            }
            let Proven { declaration, record, dossier } = self.proven(telling, claimed)?;
            let party = &declaration.particulars().party;
            let known = self.store().consents(&dossier.holder.reference)?;
            let used = |one: &ConsentRecord| {
                one.ended
                    .as_ref()
                    .and_then(|end| end.declaration.as_ref())
                    .is_some_and(|old| old.digest == record.digest)
            };
            if known.iter().any(used) {
                return Err(Refusal::new("L-13", "the signed text was used before; draft it anew")
                    .with_ja("署名された文面はすでに使用されています。新しく作成してください。")
                    .into());
            }
            decide_latest(&declaration, latest(&known, party))?;
            self.end(telling, (dossier, &known), party, Some(record))
        })
    }

    fn withdraw_at_counter(
        &self,
        actor: &Actor,
        once: &Once,
        holder: &HolderReference,
        party: &str,
    ) -> Result<Withdrawn, StoryError> {
        self.tell(actor, once, "declaration/counter", |telling| {
            let dossier = self.store().dossier(holder)?;
            let dossier = dossier.ok_or_else(|| {
                Refusal::new("T-09", "there is no such holder").with_ja("その利用者は見つかりません。")
            })?;
            actor.municipality_of(&dossier.holder)?;
            let known = self.store().consents(holder)?;
            self.end(telling, (dossier, &known), party, None)
        })
    }

    fn end(
        &self,
        telling: &Telling<'_>,
        (dossier, known): (Dossier, &[ConsentRecord]),
        party: &str,
        declaration: Option<SignedDeclaration>,
    ) -> Result<Withdrawn, StoryError> {
        let found = standing(known, party).filter(|one| one.stands(telling.now));
        let found = found.ok_or_else(|| {
            Refusal::new("T-09", "there is no consent to this relying party in force")
                .with_ja("この相手への有効な同意はありません。")
        })?;
        let number = found.number;
        let withdrawn = Withdrawn { number: number.to_string(), party: party.to_owned(), withdrawn: telling.now };
        let signed = declaration.is_some();
        let end = ConsentEnd { at: telling.now, cause: ConsentEndCause::Withdrawn, declaration };
        let steps = vec![Step::EndConsent { number, end }, Step::Holder(dossier.holder), telling.answer(&withdrawn)?];
        let detail = serde_json::json!({ "party": party, "signed": signed }).to_string();
        let audit = telling.audit("consent.withdrawn", format!("declaration/{number}"), detail);
        self.store().commit(Change { steps, audit })?;
        Ok(withdrawn)
    }
}
