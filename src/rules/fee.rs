//! What a visit costs (F-01 to F-06, M-04, M-05, C-11).

use serde::{Deserialize, Serialize};

/// Why a new card is made, if one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NewCard {
    /// The first card of this person.
    First,
    /// The card ends and the next one follows it (W-05).
    Expiry,
    /// 追記欄 is full.
    AddendumFull,
    /// The chip failed without the holder's fault.
    ChipFault,
    /// The card became void by a move abroad, and the holder asks within 90 days of departure (M-05).
    OverseasInTime,
    /// 紛失.
    Lost,
    /// Damaged by the holder's own fault.
    OwnFaultDamage,
    /// Void because a deadline of moving was missed (M-04).
    MissedDeadline,
    /// The one before was returned by the holder's own wish.
    VoluntaryReturn,
}

impl NewCard {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::First,
        Self::Expiry,
        Self::AddendumFull,
        Self::ChipFault,
        Self::OverseasInTime,
        Self::Lost,
        Self::OwnFaultDamage,
        Self::MissedDeadline,
        Self::VoluntaryReturn,
    ];

    /// Whether the holder pays for it.
    #[must_use]
    pub const fn is_charged(self) -> bool {
        matches!(self, Self::Lost | Self::OwnFaultDamage | Self::MissedDeadline | Self::VoluntaryReturn)
    }
}

/// What a visit costs, in yen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fee {
    /// For the card.
    pub card_yen: u16,
    /// For certificates, once a visit, whether one is issued or both.
    pub certificates_yen: u16,
}

impl Fee {
    /// All together.
    #[must_use]
    pub const fn total_yen(self) -> u16 {
        self.card_yen + self.certificates_yen
    }
}

/// A charged card (F-04).
pub(super) const CARD_YEN: u16 = 800;
/// The certificates on a charged card, one or both (F-03).
pub(super) const CERTIFICATES_YEN: u16 = 200;

/// Decides what a visit costs: nothing, unless the holder pays for a new card; then certificates cost too, if any are
/// issued (F-03). PIN reset, suspension and revocation are free (F-06), and so is every issue on the card that is there
/// (F-01, F-02; C-11).
#[must_use]
pub fn decide_fee(new_card: Option<NewCard>, certificates: usize) -> Fee {
    if !new_card.is_some_and(NewCard::is_charged) {
        return Fee::default();
    }
    Fee { card_yen: CARD_YEN, certificates_yen: if certificates == 0 { 0 } else { CERTIFICATES_YEN } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_01_f_02_f_06_c_11_everything_on_the_card_that_is_there_is_free() {
        for certificates in 0..=2 {
            assert_eq!(decide_fee(None, certificates).total_yen(), 0);
        }
    }

    #[test]
    fn f_03_f_04_m_04_a_card_by_own_fault_costs_with_certificates_a_thousand() {
        let charged = [NewCard::Lost, NewCard::OwnFaultDamage, NewCard::MissedDeadline, NewCard::VoluntaryReturn];
        for reason in charged {
            assert_eq!(decide_fee(Some(reason), 0), Fee { card_yen: 800, certificates_yen: 0 });
            for certificates in 1..=2 {
                assert_eq!(decide_fee(Some(reason), certificates).total_yen(), 1000, "{reason:?}");
            }
        }
        assert_eq!(NewCard::ALL.into_iter().filter(|reason| reason.is_charged()).collect::<Vec<_>>(), charged);
    }

    #[test]
    fn f_05_m_05_a_card_that_nobody_is_to_blame_for_is_free() {
        let free =
            [NewCard::First, NewCard::Expiry, NewCard::AddendumFull, NewCard::ChipFault, NewCard::OverseasInTime];
        for reason in free {
            assert_eq!(decide_fee(Some(reason), 2), Fee::default(), "{reason:?}");
        }
    }
}
