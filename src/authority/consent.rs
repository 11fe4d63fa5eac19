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
use serde::{Deserialize, Deserializer, de};

use super::{Actor, Authority, StoryError, once::Telling};
use crate::{
    kind::Kind,
    ports::{ConsentRecord, Dossier, Role, SignedDeclaration},
    rules::{
        Act, CertificateState, Declaration, Particulars, Party, Refusal,
        consent::{decide_scopes, not_canonical},
    },
    x509::{CertificateView, SignedMessage, UnixTime},
};

mod draft;
mod give;
mod show;
mod withdraw;

pub use draft::{DraftRequest, Drafted};
pub use give::{Given, SignedConsent};
pub use show::ConsentStatus;
pub use withdraw::{WithdrawalRequest, Withdrawn};

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
        let message = SignedMessage::from_der(der)
            .map_err(|error| Refusal::new("L-12", error.to_string()).with_ja("署名データ（CMS）を読み取れません。"))?;
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
        let alike = || {
            Refusal::new("L-12", "no certificate of this service, as the text names it, made this signature")
                .with_ja("文面に記載された、このサービスの電子証明書による署名ではありません。")
        };
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
            return Err(Refusal::new("L-14", detail)
                .with_ja("署名に使われた署名用電子証明書は有効ではありません。有効なもので署名してください。")
                .into());
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
        let known = known.ok_or_else(|| {
            Refusal::new("L-01", "no terms are agreed with this relying party")
                .with_ja("この署名検証者等とは取決めがありません。")
        })?;
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
    own.ok_or_else(|| {
        Refusal::new("T-08", "a relying party asks for consent to itself; nobody else does")
            .with_ja("同意を求められるのは署名検証者等本人に限ります。")
    })
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
