//! Setting a PIN again at a convenience store (P-08, P-09), and where PINs are set and changed at all (P-05, P-06).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, Time, UtcOffset, macros::time};

use super::{
    Refusal,
    pin::{PinReset, PinSituation, decide_pin_reset},
    procedure::{Applicant, Course},
};
use crate::{kind::Kind, x509::UnixTime};

/// The kiosks' hours, in Japan.
const HOURS: std::ops::RangeInclusive<Time> = time!(06:30)..=time!(23:00);
/// How long a reservation holds.
const RESERVATION: Duration = Duration::from_secs(24 * 3600);

/// A PIN of the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardPin {
    /// Of the signing certificate.
    Sign,
    /// Of the authentication certificate.
    Auth,
    /// 住民基本台帳用暗証番号.
    Register,
    /// 券面事項入力補助用暗証番号.
    FaceOfCard,
}

/// A chain of shops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shop {
    /// Seven-Eleven, and the kiosks of Aeon: both certificates.
    Both,
    /// Lawson, FamilyMart, Ministop: SIGN only.
    SignOnly,
}

/// A visit to a kiosk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShopVisit {
    /// When the reservation was made on the telephone.
    pub reserved: UnixTime,
    /// When the holder stands at the kiosk.
    pub at: UnixTime,
    /// Which chain.
    pub shop: Shop,
    /// Whether the applicant's face was matched with the photograph in the chip.
    pub face_matched: bool,
}

/// Decides whether the reset of a certificate's PIN is reserved for a kiosk.
///
/// # Errors
/// `P-08` for a situation that needs the counter; `P-10` as for [`decide_pin_reset`].
pub fn decide_reservation(situation: &PinSituation) -> Result<(), Refusal> {
    match decide_pin_reset(situation)? {
        PinReset::Shop => Ok(()),
        PinReset::Counter => {
            let detail = "both certificates have to be live, and the PIN of the other one known; go to the counter";
            Err(Refusal::new("P-08", detail).with_ja(
                "両方の電子証明書が有効で、もう一方の暗証番号が分かっている必要があります。窓口で手続してください。",
            ))
        }
    }
}

/// The last instant at which a kiosk takes a reservation.
#[must_use]
pub fn reserved_until(reserved: UnixTime) -> UnixTime {
    reserved + RESERVATION
}

/// Decides whether a PIN is set again at a kiosk.
///
/// # Errors
/// `P-09` for a PIN that is no certificate's; `P-08` for the hour, the reservation, the chain, the face, or a situation that
/// needs the counter; `P-10` as for [`decide_pin_reset`].
pub fn decide_shop_reset(pin: CardPin, situation: &PinSituation, visit: &ShopVisit) -> Result<Kind, Refusal> {
    let kind = match pin {
        CardPin::Sign => Kind::Sign,
        CardPin::Auth => Kind::Auth,
        CardPin::Register | CardPin::FaceOfCard => {
            return Err(Refusal::new("P-09", "this PIN of four digits is set again at the counter only")
                .with_ja("この4桁の暗証番号は、窓口でのみ初期化できます。"));
        }
    };
    let refused = |detail: &str, ja: &'static str| Err(Refusal::new("P-08", detail).with_ja(ja));
    decide_reservation(situation)?;
    if kind == Kind::Auth && visit.shop == Shop::SignOnly {
        return refused(
            "this chain sets the PIN of the signing certificate only",
            "この店舗で初期化できるのは署名用の暗証番号に限ります。",
        );
    }
    if !(visit.reserved..=reserved_until(visit.reserved)).contains(&visit.at) {
        return refused(
            "a reservation holds for 24 hours; make another",
            "予約の有効時間は24時間です。あらためて予約してください。",
        );
    }
    if !HOURS.contains(&clock_in_japan(visit.at)) {
        return refused("the kiosks work from 06:30 to 23:00", "利用時間は6時30分から23時までです。");
    }
    if !visit.face_matched {
        return refused(
            "the face was not matched with the photograph in the chip",
            "顔写真との照合ができませんでした。",
        );
    }
    Ok(kind)
}

fn clock_in_japan(at: UnixTime) -> Time {
    let japan = UtcOffset::from_hms(9, 0, 0).unwrap_or(UtcOffset::UTC);
    OffsetDateTime::from_unix_timestamp(at.seconds()).map_or(Time::MIDNIGHT, |at| at.to_offset(japan).time())
}

/// Who sets the PIN when keys are written (規6②, 42②; P-05).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinSetter {
    /// The holder, at the terminal.
    Holder,
    /// The statutory agent, at the terminal.
    StatutoryAgent,
    /// The counter, from the holder's sealed paper, which it then forgets.
    SealedPaper,
}

/// Decides who sets the PIN.
#[must_use]
pub const fn pin_setter(applicant: Applicant, course: Course) -> PinSetter {
    match (applicant, course) {
        (Applicant::Holder, _) => PinSetter::Holder,
        // The holder did not come along, so the reply to the inquiry speaks.
        (Applicant::StatutoryAgent, Course::TwoVisits(_)) => PinSetter::SealedPaper,
        (Applicant::StatutoryAgent, _) => PinSetter::StatutoryAgent,
        (Applicant::Agent | Applicant::HouseholdMember, _) => PinSetter::SealedPaper,
    }
}

/// Where a PIN is set or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinPlace {
    /// At home, on one's own computer or telephone.
    Home,
    /// At the counter.
    Counter,
}

/// Decides whether a PIN can be set or changed there (P-06).
///
/// # Errors
/// `P-06` at home without the old PIN, as for the first one.
pub fn decide_pin_change(place: PinPlace, old_pin_known: bool) -> Result<(), Refusal> {
    if place == PinPlace::Home && !old_pin_known {
        return Err(Refusal::new("P-06", "a PIN is set for the first time, or without the old one, at the counter")
            .with_ja("暗証番号の初めての設定と、元の暗証番号が分からない場合の再設定は窓口で行います。"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::procedure::Why;

    const READY: PinSituation = PinSituation { both_live: true, other_pin_known: true, face_authentication: false };

    fn at(text: &str) -> UnixTime {
        text.parse().unwrap()
    }

    fn visit() -> ShopVisit {
        let noon = at("2025-04-01T03:00:00Z");
        ShopVisit { reserved: noon, at: noon, shop: Shop::Both, face_matched: true }
    }

    #[test]
    fn p_08_a_kiosk_sets_a_pin_by_the_other_in_its_hours_within_a_day_of_the_reservation() {
        assert_eq!(decide_shop_reset(CardPin::Sign, &READY, &visit()), Ok(Kind::Sign));
        assert_eq!(decide_shop_reset(CardPin::Auth, &READY, &visit()), Ok(Kind::Auth));
        let lawson = ShopVisit { shop: Shop::SignOnly, ..visit() };
        assert_eq!(decide_shop_reset(CardPin::Sign, &READY, &lawson), Ok(Kind::Sign));
        assert_eq!(decide_shop_reset(CardPin::Auth, &READY, &lawson).unwrap_err().rule, "P-08");
        let rows = [
            ("2025-04-01T03:00:00Z", "2025-04-02T03:00:00Z", true),
            ("2025-04-01T03:00:00Z", "2025-04-02T03:00:01Z", false),
            ("2025-04-01T03:00:01Z", "2025-04-01T03:00:00Z", false),
            ("2025-03-31T21:00:00Z", "2025-03-31T21:29:59Z", false),
            ("2025-03-31T21:00:00Z", "2025-03-31T21:30:00Z", true),
            ("2025-04-01T13:00:00Z", "2025-04-01T14:00:00Z", true),
            ("2025-04-01T13:00:00Z", "2025-04-01T14:00:01Z", false),
        ];
        for (reserved, when, done) in rows {
            let visit = ShopVisit { reserved: at(reserved), at: at(when), ..visit() };
            let decided = decide_shop_reset(CardPin::Sign, &READY, &visit).map_err(|refusal| refusal.rule);
            assert_eq!(decided, if done { Ok(Kind::Sign) } else { Err("P-08".into()) }, "{reserved} {when}");
        }
        let stranger = ShopVisit { face_matched: false, ..visit() };
        assert_eq!(decide_shop_reset(CardPin::Sign, &READY, &stranger).unwrap_err().rule, "P-08");
        for situation in [PinSituation { both_live: false, ..READY }, PinSituation { other_pin_known: false, ..READY }]
        {
            let refusal = decide_shop_reset(CardPin::Sign, &situation, &visit()).unwrap_err();
            assert!(refusal.rule == "P-08" && refusal.detail.contains("counter"), "{refusal}");
        }
        let face = PinSituation { face_authentication: true, ..READY };
        assert_eq!(decide_shop_reset(CardPin::Sign, &face, &visit()).unwrap_err().rule, "P-10");
    }

    #[test]
    fn p_09_the_other_two_pins_are_set_again_at_the_counter_only() {
        for pin in [CardPin::Register, CardPin::FaceOfCard] {
            assert_eq!(decide_shop_reset(pin, &READY, &visit()).unwrap_err().rule, "P-09", "{pin:?}");
        }
    }

    #[test]
    fn p_05_the_applicant_sets_the_pin_or_the_sealed_paper_says_it() {
        let two = Course::TwoVisits(Why::Always);
        let rows = [
            (Applicant::Holder, Course::SameDay, PinSetter::Holder),
            (Applicant::StatutoryAgent, Course::SameDay, PinSetter::StatutoryAgent),
            (Applicant::StatutoryAgent, two, PinSetter::SealedPaper),
            (Applicant::Agent, Course::SameDay, PinSetter::SealedPaper),
            (Applicant::Agent, two, PinSetter::SealedPaper),
            (Applicant::HouseholdMember, Course::SameDay, PinSetter::SealedPaper),
        ];
        for (applicant, course, setter) in rows {
            assert_eq!(pin_setter(applicant, course), setter, "{applicant:?} {course:?}");
        }
    }

    #[test]
    fn p_06_at_home_a_pin_is_changed_by_the_old_one_and_never_set_first() {
        // 吹田市: 「パスワードは、ご自宅のパソコンでも変更できます。(初期設定はご自宅ではできません。)」
        for (place, known, done) in [
            (PinPlace::Home, true, true),
            (PinPlace::Home, false, false),
            (PinPlace::Counter, true, true),
            (PinPlace::Counter, false, true),
        ] {
            let decided = decide_pin_change(place, known).map_err(|refusal| refusal.rule);
            assert_eq!(decided, if done { Ok(()) } else { Err("P-06".into()) }, "{place:?} {known}");
        }
    }
}
