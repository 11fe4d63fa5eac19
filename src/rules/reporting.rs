//! Who reports a cause, and how: the last column of the table in section 3.2.

use serde::{Deserialize, Serialize};

use super::{Cause, Refusal};

/// By which way a cause becomes known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// At the counter, by the holder or who acts for them.
    Counter,
    /// Online, signed (section 1.6).
    Online,
    /// By telephone, day and night.
    Telephone,
    /// From the resident register, by itself.
    Register,
    /// From the card system.
    CardSystem,
    /// Found by the agency, ex officio.
    Agency,
}

impl Way {
    /// Every way.
    pub const ALL: [Self; 6] =
        [Self::Counter, Self::Online, Self::Telephone, Self::Register, Self::CardSystem, Self::Agency];
}

/// What taking a report obliges to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Obligations {
    /// Whether the holder has to be told at once (法15②, 34②; R-26).
    pub tell_holder: bool,
    /// Whether it has to be published at once (法15③; R-27).
    pub publish: bool,
    /// Whether who reported has to be recorded, since no paper is left of it.
    pub record_caller: bool,
    /// Whether card and PIN have to be shown.
    pub card_and_pin: bool,
}

/// The ways by which a cause is reported. Nobody reports the end of a card's validity: the calendar brings it.
#[must_use]
pub const fn ways(cause: Cause) -> &'static [Way] {
    match cause {
        Cause::HolderApplication => &[Way::Counter, Way::Online],
        Cause::CardReturned => &[Way::Counter, Way::CardSystem],
        Cause::KeyCompromise
        | Cause::CardDamaged
        | Cause::CardFound
        | Cause::CardReissuedAfterLoss
        | Cause::CardReissuedAfterDamage
        | Cause::Renewal
        | Cause::DiscardedBeforeDelivery
        | Cause::FaceAuthenticationOn => &[Way::Counter],
        Cause::RegisterEntryChanged
        | Cause::MinorCorrection
        | Cause::Death
        | Cause::MoveOut
        | Cause::MoveInMissed
        | Cause::OverseasMove
        | Cause::OverseasMoveWithContinuedUse => &[Way::Register],
        Cause::CardVoidAfterMove => &[Way::CardSystem],
        Cause::CardLost => &[Way::Telephone],
        Cause::CardExpired => &[],
        Cause::RecordError | Cause::DuplicateIssue | Cause::CaKeyCompromise => &[Way::Agency],
    }
}

/// Decides whether a cause is taken by a way, and what follows for who takes it.
///
/// # Errors
/// `A-04` naming the ways that there are.
pub fn decide_report(cause: Cause, way: Way) -> Result<Obligations, Refusal> {
    let known = ways(cause);
    if !known.contains(&way) {
        let ways = serde_json::to_string(known).unwrap_or_default();
        return Err(Refusal::new("A-04", format!("{cause} ({}) is reported by one of {ways}", cause.rule()))
            .with_ja("この理由は、この方法では受け付けられません。"));
    }
    Ok(Obligations {
        tell_holder: matches!(cause, Cause::RecordError | Cause::DuplicateIssue),
        publish: cause == Cause::CaKeyCompromise,
        record_caller: way == Way::Telephone,
        card_and_pin: cause == Cause::CardFound,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Origin;

    /// Each cause of a rule is reported by these ways and by no other.
    #[track_caller]
    fn reported(rule: &str, by: &[Way]) {
        let causes: Vec<Cause> = Cause::ALL.into_iter().filter(|cause| cause.rule() == rule).collect();
        assert!(!causes.is_empty(), "{rule}");
        for (cause, way) in causes.into_iter().flat_map(|cause| Way::ALL.map(|way| (cause, way))) {
            match decide_report(cause, way) {
                Ok(_) => assert!(by.contains(&way), "{cause} by {way:?}"),
                Err(refusal) => assert_eq!((refusal.rule.as_ref(), by.contains(&way)), ("A-04", false), "{cause}"),
            }
        }
    }

    #[test]
    fn r_10_the_holder_applies_at_the_counter_or_online() {
        reported("R-10", &[Way::Counter, Way::Online]);
    }

    #[test]
    fn r_11_r_12_r_23_a_leak_a_damage_and_another_card_are_reported_at_the_counter() {
        for rule in ["R-11", "R-12", "R-23"] {
            reported(rule, &[Way::Counter]);
        }
    }

    #[test]
    fn r_13_r_14_r_15_r_16_r_17_r_19_r_20_changes_of_the_register_come_from_the_register() {
        for rule in ["R-13", "R-14", "R-15", "R-16", "R-17", "R-19", "R-20"] {
            reported(rule, &[Way::Register]);
        }
    }

    #[test]
    fn r_18_r_24_the_card_system_knows_what_became_void_and_the_counter_what_was_returned() {
        reported("R-18", &[Way::CardSystem]);
        reported("R-24", &[Way::Counter, Way::CardSystem]);
    }

    #[test]
    fn r_21_a_loss_is_told_by_telephone_and_who_called_is_recorded() {
        reported("R-21", &[Way::Telephone]);
        assert!(decide_report(Cause::CardLost, Way::Telephone).unwrap().record_caller);
    }

    #[test]
    fn r_22_a_suspension_ends_at_the_counter_with_card_and_pin_and_never_by_telephone() {
        reported("R-22", &[Way::Counter]);
        assert!(decide_report(Cause::CardFound, Way::Counter).unwrap().card_and_pin);
        assert!(!decide_report(Cause::HolderApplication, Way::Counter).unwrap().card_and_pin, "P-10");
    }

    #[test]
    fn r_25_nobody_reports_that_a_card_expired() {
        reported("R-25", &[]);
    }

    #[test]
    fn r_26_the_agency_finds_an_error_and_tells_the_holder() {
        reported("R-26", &[Way::Agency]);
        for cause in Cause::ALL {
            let told = ways(cause).iter().any(|way| decide_report(cause, *way).unwrap().tell_holder);
            assert_eq!(told, cause.rule() == "R-26", "{cause}");
        }
    }

    #[test]
    fn r_27_a_lost_key_of_the_ca_is_published() {
        reported("R-27", &[Way::Agency]);
        for cause in Cause::ALL {
            let published = ways(cause).iter().any(|way| decide_report(cause, *way).unwrap().publish);
            assert_eq!(published, cause == Cause::CaKeyCompromise, "{cause}");
        }
    }

    #[test]
    fn r_28_r_29_r_30_renewal_discard_and_face_authentication_happen_at_the_counter() {
        for rule in ["R-28", "R-29", "R-30"] {
            reported(rule, &[Way::Counter]);
        }
    }

    #[test]
    fn a_04_the_ways_agree_with_where_a_cause_comes_from() {
        for cause in Cause::ALL {
            let register = ways(cause).contains(&Way::Register);
            assert_eq!(register, cause.origin() == Origin::RegisterChange, "{cause}");
            let refusal = Way::ALL.into_iter().find_map(|way| decide_report(cause, way).err()).unwrap();
            assert!(refusal.detail.contains(cause.rule()), "{refusal}");
        }
    }
}
