//! What happens around a certificate without ending one: no ground in law (R-31 to R-33, E-11, V-04, V-16).
//!
//! Five grounds end a certificate, and no other does. This file says so of what is often taken for a sixth, and what
//! the counter may say instead.

use serde::{Deserialize, Serialize};

use super::{Cause, Effect, procedure::Procedure};
use crate::kind::Kind;

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occurrence {
    /// The holder becomes a 成年被後見人.
    GuardianshipBegins,
    /// The card has locked a PIN.
    PinLocked,
    /// The smartphone is lost; the card is not.
    PhoneLost,
    /// The holder turns 15 (E-11).
    TurnsFifteen,
    /// The card's validity was extended (V-16, C-07).
    CardExtended,
    /// The certificate's handwritten end date on the card is missing or wrong (W-09).
    WrongDateOnCard,
}

impl Occurrence {
    /// Every occurrence.
    pub const ALL: [Self; 6] = [
        Self::GuardianshipBegins,
        Self::PinLocked,
        Self::PhoneLost,
        Self::TurnsFifteen,
        Self::CardExtended,
        Self::WrongDateOnCard,
    ];

    /// What the counter may advise. It is for the holder to ask for; nothing of it happens by itself.
    #[must_use]
    pub const fn advice(self) -> Option<Procedure> {
        match self {
            Self::GuardianshipBegins => Some(Procedure::Revocation),
            Self::PinLocked => Some(Procedure::PinReset),
            Self::TurnsFifteen => Some(Procedure::NewIssue),
            Self::CardExtended => Some(Procedure::Renewal),
            Self::PhoneLost | Self::WrongDateOnCard => None,
        }
    }

    /// What it does to a certificate in a medium.
    #[must_use]
    pub const fn effect(self, medium: Medium) -> Effect {
        match (self, medium) {
            (Self::PhoneLost, Medium::Phone) => Effect::Hold,
            _ => Effect::Keep,
        }
    }
}

/// Where a certificate is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Medium {
    /// On the card.
    Card,
    /// On a smartphone, derived from the card's.
    Phone,
}

/// What a cause that struck a certificate in one medium does to the person's certificate of a kind in another: those on the
/// phone follow those of the card by the same cause, and never the other way.
#[must_use]
pub fn cascade(cause: Cause, struck: Medium, other: Medium, kind: Kind) -> Effect {
    match (struck, other) {
        (Medium::Card, _) => cause.effect(kind),
        (Medium::Phone, Medium::Phone) => cause.effect(kind),
        (Medium::Phone, Medium::Card) => Effect::Keep,
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::rules::{Ground, decide_eligibility};

    #[test]
    fn r_31_r_33_e_11_w_09_what_is_no_ground_ends_nothing_on_the_card_and_is_advised_at_most() {
        let rows = [
            (Occurrence::GuardianshipBegins, Some(Procedure::Revocation)),
            (Occurrence::PinLocked, Some(Procedure::PinReset)),
            (Occurrence::PhoneLost, None),
            (Occurrence::TurnsFifteen, Some(Procedure::NewIssue)),
            (Occurrence::CardExtended, Some(Procedure::Renewal)),
            (Occurrence::WrongDateOnCard, None),
        ];
        assert_eq!(rows.map(|(occurrence, _)| occurrence), Occurrence::ALL);
        for (occurrence, advice) in rows {
            assert_eq!(occurrence.effect(Medium::Card), Effect::Keep, "{occurrence:?}");
            assert_eq!(occurrence.advice(), advice);
            let word = serde_json::to_value(occurrence).unwrap();
            assert!(word.as_str().unwrap().parse::<Cause>().is_err(), "it cannot be reported as a cause");
        }
    }

    #[test]
    fn e_11_turning_fifteen_issues_nothing_and_makes_an_application_possible() {
        let birth = date!(2009 - 10 - 01);
        for medium in [Medium::Card, Medium::Phone] {
            assert_eq!(Occurrence::TurnsFifteen.effect(medium), Effect::Keep);
        }
        assert_eq!(Occurrence::TurnsFifteen.advice(), Some(Procedure::NewIssue));
        let decide = |today| decide_eligibility(Kind::Sign, birth, false, today).is_ok();
        assert_eq!((decide(date!(2024 - 09 - 30)), decide(date!(2024 - 10 - 01))), (false, true));
    }

    #[test]
    fn r_32_the_phone_follows_the_card_and_the_card_never_the_phone() {
        for cause in Cause::ALL {
            for kind in Kind::BOTH {
                let on_card = cascade(cause, Medium::Card, Medium::Card, kind);
                assert_eq!(cascade(cause, Medium::Card, Medium::Phone, kind), on_card, "the same cause: {cause}");
                assert_eq!(cascade(cause, Medium::Phone, Medium::Card, kind), Effect::Keep, "{cause}");
            }
        }
        assert_eq!(Occurrence::PhoneLost.effect(Medium::Card), Effect::Keep);
        assert_eq!(Occurrence::PhoneLost.effect(Medium::Phone), Effect::Hold);
    }

    #[test]
    fn v_04_c_04_no_end_of_auth_but_one_that_strikes_the_pair_ends_sign() {
        // 各務原市 (2017) lists the revocation of AUTH as an end of SIGN; 法15 does not.
        for cause in Cause::ALL {
            let both = Kind::BOTH.map(|kind| cause.effect(kind) != Effect::Keep);
            if cause.applies_per_kind() {
                assert!(matches!(cause.ground(), Ground::Application | Ground::RecordError | Ground::CaKeyCompromise));
            } else {
                assert_ne!(both, [true, false], "{cause} ends AUTH and with it nothing of SIGN's own");
            }
        }
    }
}
