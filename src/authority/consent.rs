//! The stories of consent: a text is drafted, the holder signs it, it is recorded; the holder withdraws it.
//!
//! The relying party drafts and hands in, the holder signs with the card, and only a live signing certificate of this
//! service counts. Who hands in a text learns nothing about a certificate: until a signature is found good, every fault of
//! certificate or signature is answered alike.
//!
//! A text is taken within a day of its drafting, once, and only if holder and relying party have declared nothing since it
//! was drafted: a consent that was kept back cannot undo a withdrawal, nor a wide one a narrower one that came after it.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::{Actor, Authority, Once, StoryError, once::Telling};
use crate::{
    kind::Kind,
    ports::{
        Change, ConsentEnd, ConsentEndCause, ConsentRecord, Dossier, HolderReference, Role, SignedDeclaration, Step,
    },
    rules::{
        Act, CertificateState, ConsentScope, Declaration, DraftNumber, Particulars, Party, Refusal,
        consent::{decide_latest, decide_scopes, not_canonical},
    },
    x509::{CertificateView, Serial, SignedMessage, UnixTime},
};

mod show;

pub use show::ConsentStatus;

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

/// A signed message, DER; base64 in JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageDer(pub Vec<u8>);

impl std::fmt::Debug for MessageDer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MessageDer({} octets)", self.0.len())
    }
}

impl<'de> Deserialize<'de> for MessageDer {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        STANDARD.decode(text).map(Self).map_err(|_| de::Error::custom("a signed message is DER in base64"))
    }
}

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

/// A declaration with the message that carries it, its signature not yet verified.
#[derive(Clone)]
struct Claimed<'a> {
    message: SignedMessage<'a>,
    der: &'a [u8],
    declaration: Declaration,
}

/// A declaration that a live signing certificate signed, with everything about its holder. Only
/// [`Authority::proven`] builds it.
struct Proven {
    declaration: Declaration,
    record: SignedDeclaration,
    dossier: Dossier,
}

impl<'a> Claimed<'a> {
    fn read(der: &'a [u8]) -> Result<Self, Refusal> {
        let message = SignedMessage::from_der(der).map_err(|error| Refusal::new("L-12", error.to_string()))?;
        let declaration = Declaration::parse(message.claimed_content())?;
        Ok(Self { message, der, declaration })
    }

    /// How the audit names what came in, whatever it is; it names nobody.
    fn subject(read: &Result<Self, Refusal>) -> String {
        let number = read.as_ref().map(|claimed| claimed.declaration.particulars().number.to_string());
        format!("declaration/{}", number.as_deref().unwrap_or("unreadable"))
    }
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
                    return Err(Refusal::new("T-01", detail).into());
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
                return Err(Refusal::new("L-12", "this is a withdrawal; it goes to /v1/withdrawals").into());
            };
            if actor.role() != Some(Role::Municipality)
                && relying_party(actor)? != claimed.declaration.particulars().party
            {
                let detail = "the text names another relying party; only that one hands it in, or the municipality";
                return Err(Refusal::new("L-12", detail).into());
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
                Err(Refusal::new("T-01", detail).into())
            }
        }
    }

    fn withdraw_signed(&self, actor: &Actor, once: &Once, cms: &MessageDer) -> Result<Withdrawn, StoryError> {
        let read = Claimed::read(&cms.0);
        let subject = Claimed::subject(&read);
        self.tell(actor, once, &subject, |telling| {
            let claimed = read.clone()?;
            if *claimed.declaration.act() != Act::Withdrawal {
                return Err(Refusal::new("L-12", "this is a consent; it goes to /v1/consents").into());
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
                return Err(Refusal::new("L-13", "the signed text was used before; draft it anew").into());
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
            let dossier = dossier.ok_or_else(|| Refusal::new("T-09", "there is no such holder"))?;
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
        let found = found.ok_or_else(|| Refusal::new("T-09", "there is no consent to this relying party in force"))?;
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

    /// Checks a declaration as far as it can be checked without its holder, then the signature, then that the certificate
    /// is live now.
    fn proven(&self, telling: &Telling<'_>, claimed: Claimed<'_>) -> Result<Proven, StoryError> {
        let Claimed { message, der, declaration } = claimed;
        let Particulars { service, party, title, serial, .. } = declaration.particulars();
        let known = self.addressee(party, declaration.act(), telling.now)?;
        if *title != known || *service != self.parts().profile.organization {
            return Err(not_canonical().into());
        }
        declaration.decide_fresh(telling.now)?;
        let alike =
            || Refusal::new("L-12", "no certificate of this service, as the text names it, made this signature");
        let record = self.store().certificate(Kind::Sign, serial)?.ok_or_else(alike)?;
        let certificate = record.certificate.as_deref().ok_or_else(alike)?;
        let certificate = CertificateView::from_der(certificate)
            .map_err(|error| StoryError::Corrupt(format!("a stored certificate cannot be read: {error}")))?;
        let text = message.verify(&certificate.tbs).map_err(|_| alike())?;
        let dossier = self.store().dossier(&record.holder)?;
        let dossier = dossier.ok_or_else(|| StoryError::Corrupt("a certificate without a holder".into()))?;
        let live = dossier.certificates.iter().any(|one| {
            (one.kind, one.index, one.state) == (Kind::Sign, record.index, CertificateState::Live)
                && telling.now <= one.not_after
        });
        if !live || !dossier.holder.registered {
            let detail = "the signing certificate is not live; the holder signs with the one that is";
            return Err(Refusal::new("L-14", detail).into());
        }
        let digest = digest(&SHA256, text).as_ref().try_into();
        let digest = digest.map_err(|_| StoryError::Fault("SHA-256 has 32 octets".into()))?;
        Ok(Proven { declaration, record: SignedDeclaration { digest, message: der.to_vec() }, dossier })
    }

    /// The title of the relying party that a declaration names.
    ///
    /// # Errors
    /// `L-01` for one that is not registered; for a consent also as [`decide_scopes`] says. A withdrawal from whomever is
    /// taken.
    fn addressee(&self, party: &str, act: &Act, now: UnixTime) -> Result<String, StoryError> {
        let known = self.store().relying_party(party)?;
        let known = known.ok_or_else(|| Refusal::new("L-01", "no terms are agreed with this relying party"))?;
        if let Act::Consent(scopes) = act {
            let standing = Party { terms: &known.terms, suspended: known.suspended.is_some() };
            decide_scopes(standing, scopes, now)?;
        }
        Ok(known.title)
    }
}

/// The name of the relying party that asks.
fn relying_party(actor: &Actor) -> Result<&str, Refusal> {
    let own = Some(actor.name()).filter(|_| actor.role() == Some(Role::RelyingParty));
    own.ok_or_else(|| Refusal::new("T-08", "a relying party asks for consent to itself; nobody else does"))
}

/// The scopes in the order of the text.
fn in_order(asked: &[ConsentScope]) -> Result<Vec<ConsentScope>, Refusal> {
    let scopes: Vec<_> = ConsentScope::ALL.into_iter().filter(|scope| asked.contains(scope)).collect();
    if scopes.is_empty() || scopes.len() != asked.len() {
        return Err(Refusal::new("T-01", "name `successor`, `facts` or both, none of them twice"));
    }
    Ok(scopes)
}

fn standing<'a>(known: &'a [ConsentRecord], party: &str) -> Option<&'a ConsentRecord> {
    known.iter().find(|one| one.party == party && one.ended.is_none())
}

/// When holder and relying party last declared something.
fn latest(known: &[ConsentRecord], party: &str) -> Option<UnixTime> {
    let own = known.iter().filter(|one| one.party == party);
    own.map(|one| one.ended.as_ref().map_or(one.given, |end| end.at.max(one.given))).max()
}

/// What the audit says of a declaration.
fn said(declaration: &Declaration) -> String {
    let scopes = match declaration.act() {
        Act::Consent(scopes) => scopes.clone(),
        Act::Withdrawal => Vec::new(),
    };
    serde_json::json!({ "party": declaration.particulars().party, "scopes": scopes }).to_string()
}
