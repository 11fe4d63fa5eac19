//! Drafting a text for a holder to sign.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{relying_party, said};
use crate::{
    authority::{Actor, Authority, Once, StoryError},
    ports::Change,
    rules::{Act, ConsentScope, Declaration, DraftNumber, Particulars, Refusal},
    x509::{Serial, UnixTime},
};

/// What a relying party asks to have drafted: a consent to itself, or a withdrawal from whom it names.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftRequest {
    /// The serial number of the signing certificate that is to sign.
    pub serial: Serial,
    /// What the holder is to allow.
    #[serde(default)]
    pub scopes: Option<Vec<ConsentScope>>,
    /// The relying party from which the holder withdraws.
    #[serde(default)]
    pub withdraw_from: Option<String>,
}

/// A text to be signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drafted {
    /// The text, lines ended by CRLF.
    pub text: String,
    /// Its octets in base64: what is signed.
    pub base64: String,
    /// The last instant at which it is taken.
    pub sign_until: UnixTime,
}

impl Authority {
    /// Drafts a text for a holder to sign. Nothing is looked up about the certificate.
    ///
    /// # Errors
    /// [`StoryError::Refused`] with the rule; otherwise as the error says.
    pub fn draft(&self, actor: &Actor, once: &Once, request: &DraftRequest) -> Result<Drafted, StoryError> {
        self.tell(actor, once, "declaration/new", |telling| {
            let (act, party) = match (&request.scopes, &request.withdraw_from) {
                (Some(scopes), None) => (Act::Consent(in_order(scopes)?), relying_party(actor)?),
                (None, Some(party)) => (Act::Withdrawal, party.as_str()),
                _ => {
                    let detail =
                        "say either what the holder is to allow (scopes) or from whom to withdraw (withdraw_from)";
                    return Err(Refusal::new("T-01", detail)
                        .with_ja("同意の対象か、取消しの相手のどちらか一方を指定してください。")
                        .into());
                }
            };
            let title = self.addressee(party, &act, telling.now)?;
            let mut number = [0; 16];
            let entropy = &self.parts().entropy;
            entropy.fill(&mut number).map_err(|error| StoryError::Unavailable(error.to_string()))?;
            let particulars = Particulars {
                service: self.parts().profile.organization.clone(),
                party: party.to_owned(),
                title,
                serial: request.serial,
                drafted: telling.now,
                number: DraftNumber(number),
            };
            let declaration = Declaration::new(act, particulars)?;
            let text = declaration.text();
            let drafted = Drafted { base64: STANDARD.encode(&text), text, sign_until: declaration.sign_until() };
            let subject = format!("declaration/{}", DraftNumber(number));
            let audit = telling.audit("declaration.drafted", subject, said(&declaration));
            self.store().commit(Change { steps: vec![telling.answer(&drafted)?], audit })?;
            Ok(drafted)
        })
    }
}

/// The scopes in the order of the text.
fn in_order(asked: &[ConsentScope]) -> Result<Vec<ConsentScope>, Refusal> {
    let scopes: Vec<_> = ConsentScope::ALL.into_iter().filter(|scope| asked.contains(scope)).collect();
    if scopes.is_empty() || scopes.len() != asked.len() {
        return Err(Refusal::new("T-01", "name `successor`, `facts` or both, none of them twice")
            .with_ja("同意の対象を重複なく1つ以上選んでください。"));
    }
    Ok(scopes)
}
