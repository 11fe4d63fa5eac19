//! The fees that the agency sets (法67, 法60; F-07 to F-09, C-11): a table, not constants.

use serde::{Deserialize, Serialize};

use super::fee::{CARD_YEN, CERTIFICATES_YEN, Fee, NewCard};
use crate::kind::Kind;

/// What the agency charges, in yen, with the approval of the minister; a municipality may collect it (F-07). What the table
/// leaves out is charged as today: a card by own fault and its certificates, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeeTable {
    /// A card that the holder pays for (F-04).
    pub card_yen: u16,
    /// The certificates on such a card, one or both (F-03).
    pub certificates_yen: u16,
    /// A renewal in the window on the card that is there. Free; 天理市 writes of 200 (C-11).
    pub renewal_yen: u16,
    /// One check of a SIGN by a relying party: 20 by law, free for the time being (F-08).
    pub sign_check_yen: u16,
    /// One check of an AUTH: 2 by law, free for the time being (F-08).
    pub auth_check_yen: u16,
    /// A request for the disclosure of one's own record, for which a fee may be approved (F-09).
    pub disclosure_yen: u16,
}

impl Default for FeeTable {
    fn default() -> Self {
        Self {
            card_yen: CARD_YEN,
            certificates_yen: CERTIFICATES_YEN,
            renewal_yen: 0,
            sign_check_yen: 0,
            auth_check_yen: 0,
            disclosure_yen: 0,
        }
    }
}

impl FeeTable {
    /// What a visit costs; `renewed` says whether a certificate is renewed on the card that is there.
    #[must_use]
    pub fn visit(&self, new_card: Option<NewCard>, certificates: usize, renewed: bool) -> Fee {
        let some = |yen| if certificates == 0 { 0 } else { yen };
        match new_card {
            Some(reason) if reason.is_charged() => {
                Fee { card_yen: self.card_yen, certificates_yen: some(self.certificates_yen) }
            }
            None if renewed => Fee { card_yen: 0, certificates_yen: some(self.renewal_yen) },
            _ => Fee::default(),
        }
    }

    /// What a relying party pays for so many checks of a kind.
    #[must_use]
    pub fn checks(&self, kind: Kind, checks: u64) -> u64 {
        let yen = match kind {
            Kind::Sign => self.sign_check_yen,
            Kind::Auth => self.auth_check_yen,
        };
        u64::from(yen).saturating_mul(checks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::fee::decide_fee;

    fn table(json: &str) -> FeeTable {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn f_07_the_agency_sets_the_fees_and_by_default_they_are_those_of_the_rules() {
        let default = table("{}");
        let set = table(r#"{"card_yen":1500,"certificates_yen":300}"#);
        for reason in NewCard::ALL {
            for certificates in 0..=2 {
                assert_eq!(default.visit(Some(reason), certificates, false), decide_fee(Some(reason), certificates));
                let expected = match (reason.is_charged(), certificates) {
                    (false, _) => 0,
                    (true, 0) => 1500,
                    (true, _) => 1800,
                };
                assert_eq!(set.visit(Some(reason), certificates, false).total_yen(), expected, "{reason:?}");
            }
        }
        for bad in [r#"{"card_yen":-1}"#, r#"{"card":800}"#, r#"{"card_yen":"800"}"#] {
            assert!(serde_json::from_str::<FeeTable>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn c_11_a_renewal_is_free_unless_the_table_says_otherwise() {
        let tenri = FeeTable { renewal_yen: 200, ..FeeTable::default() };
        for certificates in 1..=2 {
            assert_eq!(FeeTable::default().visit(None, certificates, true).total_yen(), 0);
            assert_eq!(tenri.visit(None, certificates, true).total_yen(), 200);
            assert_eq!(tenri.visit(None, certificates, false).total_yen(), 0, "a reissue is no renewal");
        }
        assert_eq!(tenri.visit(None, 0, true).total_yen(), 0);
    }

    #[test]
    fn f_08_a_check_is_free_for_the_time_being_and_priced_by_kind_when_it_is_not() {
        for kind in Kind::BOTH {
            assert_eq!(FeeTable::default().checks(kind, 1_000_000), 0);
        }
        let by_law = FeeTable { sign_check_yen: 20, auth_check_yen: 2, ..FeeTable::default() };
        assert_eq!((by_law.checks(Kind::Sign, 3), by_law.checks(Kind::Auth, 3)), (60, 6));
        assert_eq!(by_law.checks(Kind::Sign, u64::MAX), u64::MAX, "no overflow");
    }

    #[test]
    fn f_09_a_disclosure_costs_what_the_table_says_and_nothing_by_default() {
        assert_eq!(table("{}").disclosure_yen, 0);
        assert_eq!(table(r#"{"disclosure_yen":300}"#).disclosure_yen, 300);
    }
}
