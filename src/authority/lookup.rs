//! Looking up a certificate, a card or a holder. Nothing is shown of another municipality's residents.

use serde::Serialize;

use super::{Actor, Authority, StoryError, wording::WordedFacts};
use crate::{
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{CardNumber, CardRecord, CertificateRecord, Dossier, HolderRecord, HolderReference, Revocation},
    rules::{
        CertificateState, Day, Refusal,
        calendar::{day_of, day_text},
        renewal_window,
    },
    x509::{Serial, UnixTime},
};

/// A certificate as the counter sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateStatus {
    /// Which kind.
    pub kind: Kind,
    /// Which generation of the CA.
    pub generation: u8,
    /// Its serial number.
    pub serial: Serial,
    /// The holder.
    pub holder: HolderReference,
    /// The card.
    pub card: CardNumber,
    /// The municipality that issued it.
    pub municipality: MunicipalityCode,
    /// First instant of validity.
    pub not_before: UnixTime,
    /// Last instant of validity.
    pub not_after: UnixTime,
    /// The first day on which it may be renewed (rule V-11).
    #[serde(with = "day_text")]
    pub renewal_opens: Day,
    /// Its state now; past its notAfter a live one is expired.
    pub state: CertificateState,
    /// When and why it ended or is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation: Option<Revocation>,
    /// The other certificate of the pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pair: Option<Serial>,
    /// The one before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<Serial>,
    /// The one after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successor: Option<Serial>,
    /// The register's text beside that of the certificate, where it was made from it; of a SIGN only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wording: Option<WordedFacts>,
    /// The certificate, DER; not part of the JSON, where it stands as PEM.
    #[serde(skip)]
    pub certificate: Option<Vec<u8>>,
}

/// A holder, the cards and the certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HolderStatus {
    /// The register's name for the person.
    pub holder: HolderReference,
    /// The municipality of residence.
    pub municipality: MunicipalityCode,
    /// Whether the register still has the person.
    pub registered: bool,
    /// Cards, oldest first.
    pub cards: Vec<CardStatus>,
    /// Certificates, oldest first.
    pub certificates: Vec<CertificateStatus>,
}

/// A card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CardStatus {
    /// Its number.
    pub number: CardNumber,
    /// Last day of its validity.
    #[serde(with = "day_text")]
    pub last_day: Day,
    /// Whether it is void.
    pub void: bool,
    /// Whether it is a 顔認証マイナンバーカード.
    pub face_authentication: bool,
}

impl Authority {
    /// A holder's cards and certificates.
    ///
    /// # Errors
    /// `T-09` if there is none that the actor may see.
    pub fn look_up_holder(&self, actor: &Actor, holder: &HolderReference) -> Result<HolderStatus, StoryError> {
        let dossier = self.store().dossier(holder)?.filter(|dossier| may_see(actor, &dossier.holder));
        let dossier = dossier.ok_or_else(|| nothing("holder", "利用者"))?;
        self.status(&dossier)
    }

    /// The holder of a card, with cards and certificates.
    ///
    /// # Errors
    /// `T-09` if there is none that the actor may see.
    pub fn look_up_card(&self, actor: &Actor, card: &CardNumber) -> Result<HolderStatus, StoryError> {
        let holder = self.store().holder_of_card(card)?.ok_or_else(|| nothing("card", "カード"))?;
        self.look_up_holder(actor, &holder).map_err(|error| match error {
            StoryError::Refused(_) => nothing("card", "カード").into(),
            other => other,
        })
    }

    /// A certificate.
    ///
    /// # Errors
    /// `T-09` if there is none that the actor may see.
    pub fn look_up_certificate(
        &self,
        actor: &Actor,
        kind: Kind,
        serial: &Serial,
    ) -> Result<CertificateStatus, StoryError> {
        let record = self.store().certificate(kind, serial)?.ok_or_else(|| nothing("certificate", "電子証明書"))?;
        let dossier = self.store().dossier(&record.holder)?.filter(|dossier| may_see(actor, &dossier.holder));
        let dossier = dossier.ok_or_else(|| nothing("certificate", "電子証明書"))?;
        let found = dossier.certificates.iter().find(|one| one.kind == kind && one.serial == *serial);
        let found = found.ok_or_else(|| StoryError::Corrupt("a certificate without its holder".into()))?;
        self.certificate_status(found, &dossier, self.parts().clock.now())
    }

    fn status(&self, dossier: &Dossier) -> Result<HolderStatus, StoryError> {
        let now = self.parts().clock.now();
        let card = |card: &CardRecord| CardStatus {
            number: card.number.clone(),
            last_day: card.last_day,
            void: card.void,
            face_authentication: card.face_authentication,
        };
        Ok(HolderStatus {
            holder: dossier.holder.reference.clone(),
            municipality: dossier.holder.municipality,
            registered: dossier.holder.registered,
            cards: dossier.cards.iter().map(card).collect(),
            certificates: dossier
                .certificates
                .iter()
                .map(|certificate| self.certificate_status(certificate, dossier, now))
                .collect::<Result<_, _>>()?,
        })
    }

    fn certificate_status(
        &self,
        one: &CertificateRecord,
        dossier: &Dossier,
        now: UnixTime,
    ) -> Result<CertificateStatus, StoryError> {
        let serial = |kind: Kind, index: Option<u64>| {
            let other = dossier.certificates.iter().find(|other| other.kind == kind && Some(other.index) == index);
            other.map(|other| other.serial)
        };
        let over = now > one.not_after && matches!(one.state, CertificateState::Live | CertificateState::Held);
        Ok(CertificateStatus {
            kind: one.kind,
            generation: one.generation,
            serial: one.serial,
            holder: one.holder.clone(),
            card: one.card.clone(),
            municipality: one.municipality,
            not_before: one.not_before,
            not_after: one.not_after,
            renewal_opens: *renewal_window(day_of(one.not_after), &self.parts().policy).start(),
            state: if over { CertificateState::Expired } else { one.state },
            revocation: one.revocation.clone(),
            pair: serial(one.kind.other(), one.pair),
            predecessor: serial(one.kind, one.predecessor),
            successor: serial(one.kind, one.successor),
            wording: self.wording(one)?,
            certificate: one.certificate.clone(),
        })
    }
}

pub(super) fn may_see(actor: &Actor, holder: &HolderRecord) -> bool {
    actor.oversees() || actor.municipality_of(holder).is_ok() || actor.holder() == Some(&holder.reference)
}

fn nothing(what: &str, ja: &str) -> Refusal {
    Refusal::new("T-09", format!("there is no such {what}")).with_ja(format!("その{ja}は見つかりません。"))
}
