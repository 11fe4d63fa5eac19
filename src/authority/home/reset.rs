//! A PIN is set again at a convenience store (P-08): reserved from home with the key of the other certificate, whose PIN is known
//! then; granted to the kiosk within 24 hours, once. The PIN itself goes from the kiosk to the card and never comes here.
//!
//! A reservation is kept as an answer under its number, among those of nobody's credential: it lives for a day, is asked for by one
//! key, and must be used once, which is what answers are. The name has a space, which no credential's has.

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{Claimed, Signed, SignedApplication, live};
use crate::{
    authority::{Actor, Authority, Once, StoryError, once::keep},
    kind::Kind,
    ports::{CardNumber, Change, Dossier, HolderReference, Step},
    rules::{
        DraftNumber, HomeWish, Refusal,
        pin::PinSituation,
        shop::{CardPin, Shop, ShopVisit, decide_reservation, decide_shop_reset, reserved_until},
    },
    x509::{Serial, UnixTime},
};

/// Under whose name reservations are kept, and those that were used.
const RESERVED: &str = "pin reset";
const USED: &str = "pin reset used";

/// A reservation that was made. It names nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    /// Its number, which the holder takes to the kiosk.
    pub reservation: String,
    /// Whose PIN is to be set.
    pub kind: Kind,
    /// The last instant at which a kiosk takes it.
    pub until: UnixTime,
}

/// What a kiosk says when the holder stands there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShopRequest {
    /// The number of the reservation.
    pub reservation: String,
    /// Which chain.
    pub shop: Shop,
    /// The number of the card that lies in the kiosk.
    pub card: CardNumber,
    /// Which PIN is to be set.
    pub pin: CardPin,
    /// Whether the face of the applicant was matched with the photograph in the chip.
    pub face_matched: bool,
}

/// The kiosk may set the PIN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopReset {
    /// Whose PIN.
    pub kind: Kind,
    /// When it was granted.
    pub at: UnixTime,
}

/// What is kept of a reservation.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    kind: Kind,
    holder: HolderReference,
    card: CardNumber,
    /// Of the certificate whose PIN is to be set.
    serial: Serial,
    reserved: UnixTime,
}

impl Authority {
    /// Reserves the reset of a PIN.
    ///
    /// # Errors
    /// [`StoryError::Refused`] with the rule: `P-08`, `P-10`; otherwise as the error says.
    pub fn reserve_pin_reset(
        &self,
        actor: &Actor,
        once: &Once,
        request: &SignedApplication,
    ) -> Result<Reserved, StoryError> {
        let read = Claimed::read(HomeWish::ResetPin, &request.cms.0);
        let subject = Claimed::subject(&read);
        self.tell(actor, once, &subject, |telling| {
            let signed = self.signed_at_home(telling, read.clone()?)?;
            let kept = reservation(&signed, telling.now)?;
            let mut number = [0; 16];
            let entropy = &self.parts().entropy;
            entropy.fill(&mut number).map_err(|error| StoryError::Unavailable(error.to_string()))?;
            let number = DraftNumber(number).to_string();
            let reserved =
                Reserved { reservation: number.clone(), kind: kept.kind, until: reserved_until(kept.reserved) };
            let subject = format!("card/{}", kept.card);
            let detail = serde_json::json!({ "kind": kept.kind, "until": reserved.until, "text": signed.digest });
            let audit = telling.audit("pin-reset.reserved", subject, detail.to_string());
            let digest = digest_of(&number)?;
            let steps = vec![
                keep((RESERVED, &number, digest), &kept)?,
                // Both certificates are still live when this commits.
                Step::Holder(signed.dossier.holder.clone()),
                telling.answer(&reserved)?,
            ];
            self.store().commit(Change { steps, audit })?;
            Ok(reserved)
        })
    }

    /// Grants a kiosk to set a PIN, once for each reservation. Everything is decided anew: the certificates may have ended since.
    ///
    /// # Errors
    /// [`StoryError::Refused`] with the rule: `P-08`, `P-09`, `P-10`; otherwise as the error says.
    pub fn reset_pin_at_shop(
        &self,
        actor: &Actor,
        once: &Once,
        request: &ShopRequest,
    ) -> Result<ShopReset, StoryError> {
        self.tell(actor, once, &format!("card/{}", request.card), |telling| {
            let kept = self.reserved_for(request)?;
            let dossier = self.store().dossier(&kept.holder)?.ok_or_else(no_reservation)?;
            let visit = ShopVisit {
                reserved: kept.reserved,
                at: telling.now,
                shop: request.shop,
                face_matched: request.face_matched,
            };
            let situation = situation(&dossier, (&kept.card, true), telling.now);
            let stands = live(&dossier, kept.kind, telling.now).is_some_and(|one| one.serial == kept.serial);
            let situation = PinSituation { both_live: situation.both_live && stands, ..situation };
            let kind = decide_shop_reset(request.pin, &situation, &visit)?;
            if kind != kept.kind {
                return Err(Refusal::new("P-08", "the other PIN was reserved")
                    .with_ja("予約されているのは、もう一方の暗証番号です。")
                    .in_case("reservation")
                    .into());
            }
            let reset = ShopReset { kind, at: telling.now };
            let detail = serde_json::json!({ "kind": kind, "shop": request.shop }).to_string();
            let audit = telling.audit("pin-reset.granted", format!("card/{}", kept.card), detail);
            let digest = digest_of(&request.reservation)?;
            let steps = vec![
                keep((USED, &request.reservation, digest), &reset)?,
                Step::Holder(dossier.holder),
                telling.answer(&reset)?,
            ];
            self.store().commit(Change { steps, audit })?;
            Ok(reset)
        })
    }

    /// The reservation that a kiosk names, unused, for the card that lies in it.
    fn reserved_for(&self, request: &ShopRequest) -> Result<Kept, StoryError> {
        let number: DraftNumber = request.reservation.parse().map_err(|_| no_reservation())?;
        let number = number.to_string();
        let kept = self.told_before::<Kept>(RESERVED, &number)?.ok_or_else(no_reservation)?;
        if kept.card != request.card {
            return Err(no_reservation().into());
        }
        if self.told_before::<ShopReset>(USED, &number)?.is_some() {
            return Err(Refusal::new("P-08", "the reservation was used; make another")
                .with_ja("この予約は使用済みです。あらためて予約してください。")
                .in_case("reservation")
                .into());
        }
        Ok(kept)
    }
}

/// What is reserved, if it may be.
fn reservation(signed: &Signed, now: UnixTime) -> Result<Kept, StoryError> {
    let named = signed.named()?;
    let one = named.first().ok_or_else(no_reservation)?;
    // Who signs with the other key knows its PIN.
    let other_pin_known = signed.signed_with(now) == Some(one.kind.other());
    let of = situation(&signed.dossier, (&signed.card()?.number, other_pin_known), now);
    let stands = signed.live(one.kind, now).is_some_and(|live| live.index == one.index);
    decide_reservation(&PinSituation { both_live: of.both_live && stands, ..of })?;
    Ok(Kept {
        kind: one.kind,
        holder: signed.signer.holder.clone(),
        card: signed.signer.card.clone(),
        serial: one.serial,
        reserved: now,
    })
}

fn situation(dossier: &Dossier, (card, other_pin_known): (&CardNumber, bool), now: UnixTime) -> PinSituation {
    let here = |kind| live(dossier, kind, now).is_some_and(|one| one.card == *card);
    PinSituation {
        both_live: here(Kind::Auth) && here(Kind::Sign),
        other_pin_known,
        face_authentication: dossier.card(card).is_some_and(|card| card.face_authentication),
    }
}

fn no_reservation() -> Refusal {
    Refusal::new("P-08", "there is no such reservation for this card; make one")
        .with_ja("このカードの予約はありません。予約してください。")
        .in_case("reservation")
}

fn digest_of(number: &str) -> Result<[u8; 32], StoryError> {
    let octets = digest(&SHA256, number.as_bytes()).as_ref().try_into();
    octets.map_err(|_| StoryError::Fault("SHA-256 has 32 octets".into()))
}
