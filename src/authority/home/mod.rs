//! The stories of what a holder applies for from home: the text is signed with the card, and whoever has a way to the service hands
//! it in, a portal or a counter. Who hands it in has no say in it, and learns nothing of a certificate until the signature is found
//! good.
//!
//! Nothing of the text is kept but what the audit says of it and its digest: the message holds the signing certificate, and with it
//! name and address.

use ring::digest::{SHA256, digest};
use serde::Deserialize;

use super::{Authority, StoryError, consent::MessageDer, once::Telling};
use crate::{
    kind::Kind,
    ports::{CardNumber, CardRecord, CertificateRecord, Dossier},
    rules::{CertificateState, HomeApplication, HomeWish, Named, Refusal},
    x509::{CertificateView, SignedMessage, UnixTime, hex},
};

mod draft;
mod reset;
mod revoke;

pub use reset::{Reserved, ShopRequest, ShopReset};

/// An application that the holder signed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedApplication {
    /// CMS SignedData with the text within.
    pub cms: MessageDer,
}

/// An application with the message that carries it, its signature not yet verified.
#[derive(Clone)]
struct Claimed<'a> {
    message: SignedMessage<'a>,
    application: HomeApplication,
}

/// An application that a certificate of this service signed, with everything about its holder; whether it is live is still to be
/// decided. Only [`Authority::signed_at_home`] builds it.
struct Signed {
    application: HomeApplication,
    /// SHA-256 of the text, in hex.
    digest: String,
    signer: CertificateRecord,
    dossier: Dossier,
}

impl<'a> Claimed<'a> {
    fn read(wish: HomeWish, der: &'a [u8]) -> Result<Self, Refusal> {
        let unreadable = |error: crate::x509::CmsError| {
            Refusal::new(wish.rule(), error.to_string()).with_ja("署名データ（CMS）を読み取れません。").in_case("text")
        };
        let message = SignedMessage::from_der(der).map_err(unreadable)?;
        let application = HomeApplication::parse(wish, message.claimed_content())?;
        Ok(Self { message, application })
    }

    /// How the audit names what came in, whatever it is; it names nobody.
    fn subject(read: &Result<Self, Refusal>) -> String {
        let named = |claimed: &Self| {
            let Named { kind, serial } = claimed.application.signer();
            format!("certificate/{kind}/{serial}")
        };
        read.as_ref().map_or_else(|_| "application/unreadable".into(), named)
    }
}

impl Authority {
    /// Checks an application as far as it can be checked without its holder, then the signature.
    fn signed_at_home(&self, telling: &Telling<'_>, claimed: Claimed<'_>) -> Result<Signed, StoryError> {
        let Claimed { message, application } = claimed;
        let (rule, Named { kind, serial }) = (application.wish().rule(), application.signer());
        if application.service() != self.parts().profile.organization {
            return Err(Refusal::new(rule, "the application is to another service")
                .with_ja("別のサービスへの申請です。")
                .in_case("text")
                .into());
        }
        application.decide_fresh(telling.now)?;
        let alike = || {
            let detail = "no certificate of this service, as the application names it, made this signature";
            Refusal::new(rule, detail)
                .with_ja("申請に記載された、このサービスの電子証明書による署名ではありません。")
                .in_case("signature")
        };
        let signer = self.store().certificate(kind, &serial)?.ok_or_else(alike)?;
        let der = signer.certificate.as_deref().ok_or_else(alike)?;
        let view = CertificateView::from_der(der)
            .map_err(|error| StoryError::Corrupt(format!("a stored certificate cannot be read: {error}")))?;
        let text = message.verify(&view.tbs).map_err(|_| alike())?;
        let dossier = self.store().dossier(&signer.holder)?;
        let dossier = dossier.ok_or_else(|| StoryError::Corrupt("a certificate without a holder".into()))?;
        // Who came in by a card hands in what is the own.
        if telling.actor.holder().is_some_and(|own| *own != dossier.holder.reference) {
            return Err(alike().into());
        }
        Ok(Signed { digest: hex(digest(&SHA256, text).as_ref()), application, signer, dossier })
    }
}

impl Signed {
    /// The card whose key signed.
    fn card(&self) -> Result<&CardRecord, StoryError> {
        let card = self.dossier.card(&self.signer.card);
        card.ok_or_else(|| StoryError::Corrupt("a certificate without a card".into()))
    }

    /// The live certificate of a kind on that card.
    fn live(&self, kind: Kind, now: UnixTime) -> Option<&CertificateRecord> {
        standing_on(&self.dossier, kind, &self.signer.card, now)
    }

    /// The kind of the key that signed, if its certificate is live.
    fn signed_with(&self, now: UnixTime) -> Option<Kind> {
        let kind = self.signer.kind;
        self.live(kind, now).filter(|one| one.index == self.signer.index).map(|_| kind)
    }

    /// The certificates that the application names.
    ///
    /// # Errors
    /// The rule of the wish where one is not on the card that signed.
    fn named(&self) -> Result<Vec<&CertificateRecord>, Refusal> {
        let on_card = |named: &Named| {
            let here = |one: &&CertificateRecord| {
                (one.kind, one.serial) == (named.kind, named.serial) && one.card == self.signer.card
            };
            self.dossier.certificates.iter().find(here).ok_or_else(|| {
                let detail = "the application names a certificate that is not on the card that signed it";
                Refusal::new(self.application.wish().rule(), detail)
                    .with_ja("申請に記載された電子証明書は、署名したカードのものではありません。")
                    .in_case("another-card")
            })
        };
        self.application.certificates().iter().map(on_card).collect()
    }
}

/// The live certificate of a kind.
fn live(dossier: &Dossier, kind: Kind, now: UnixTime) -> Option<&CertificateRecord> {
    let stands = |one: &&CertificateRecord| one.kind == kind && one.state == CertificateState::Live;
    dossier.certificates.iter().filter(stands).find(|one| now <= one.not_after)
}

/// The same, if it is on that card.
fn standing_on<'a>(
    dossier: &'a Dossier,
    kind: Kind,
    card: &CardNumber,
    now: UnixTime,
) -> Option<&'a CertificateRecord> {
    live(dossier, kind, now).filter(|one| one.card == *card)
}
