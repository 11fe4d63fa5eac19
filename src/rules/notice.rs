//! The notice that a certificate ends soon (有効期限通知), and what a counter says to those who bring it (W-01 to W-09, V-18).

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{
    Policy,
    calendar::{Day, minus_months},
    window::renewal_window,
};

/// What a notice follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeFacts {
    /// The certificate's last day.
    pub last_day: Day,
    /// The card's last day.
    pub card_last_day: Day,
    /// Whether the card's last day is that of a period of stay (在留期間).
    pub ends_with_stay: bool,
    /// Whether the holder has registered another place to stay (居所).
    pub stays_elsewhere: bool,
}

/// What is done for a holder whose certificate ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A letter to the registered address, 転送不要, with the 照会書兼回答書 for agents (W-01).
    Post {
        /// The days on which it goes out: three to two months before the end.
        sent: RangeInclusive<Day>,
        /// The days on which the certificate can be renewed; printed in the letter (W-03).
        window: RangeInclusive<Day>,
        /// Whether the card ends with it, and is what has to be renewed (W-05).
        renew_the_card: bool,
    },
    /// None by post; renewal is possible without it (W-02).
    None {
        /// Why.
        because: NoNotice,
        /// The days on which the certificate can be renewed.
        window: RangeInclusive<Day>,
    },
}

/// Why no letter goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoNotice {
    /// The end is that of the period of stay, which may be extended (V-18).
    EndsWithStay,
    /// The holder is registered to stay elsewhere (W-02).
    StaysElsewhere,
}

/// Decides about the notice.
#[must_use]
pub fn decide_notice(facts: &NoticeFacts, policy: &Policy) -> Notice {
    let window = renewal_window(facts.last_day, policy);
    if facts.ends_with_stay && facts.card_last_day == facts.last_day {
        return Notice::None { because: NoNotice::EndsWithStay, window };
    }
    if facts.stays_elsewhere {
        return Notice::None { because: NoNotice::StaysElsewhere, window };
    }
    let before = |months| minus_months(facts.last_day, months).unwrap_or(Day::MIN);
    Notice::Post { sent: before(3)..=before(2), window, renew_the_card: facts.card_last_day == facts.last_day }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn facts() -> NoticeFacts {
        NoticeFacts {
            last_day: date!(2025 - 07 - 07),
            card_last_day: date!(2030 - 07 - 07),
            ends_with_stay: false,
            stays_elsewhere: false,
        }
    }

    fn decide(facts: NoticeFacts) -> Notice {
        decide_notice(&facts, &Policy::default())
    }

    #[test]
    fn w_01_w_03_a_letter_goes_out_three_to_two_months_before_and_says_when_the_window_opens() {
        let Notice::Post { sent, window, renew_the_card } = decide(facts()) else { panic!("no letter") };
        assert_eq!(sent, date!(2025 - 04 - 07)..=date!(2025 - 05 - 07));
        assert_eq!(window, date!(2025 - 04 - 08)..=date!(2025 - 07 - 07));
        assert!(sent.start() < window.start(), "it may arrive before the window opens");
        assert!(!renew_the_card);
    }

    #[test]
    fn w_05_where_the_card_ends_too_the_card_is_renewed() {
        let both = NoticeFacts { card_last_day: facts().last_day, ..facts() };
        assert!(matches!(decide(both), Notice::Post { renew_the_card: true, .. }));
    }

    #[test]
    fn v_18_w_02_no_letter_where_the_stay_ends_or_the_holder_stays_elsewhere() {
        let stay = NoticeFacts { card_last_day: facts().last_day, ends_with_stay: true, ..facts() };
        let elsewhere = NoticeFacts { stays_elsewhere: true, ..facts() };
        for (facts, because) in [(stay, NoNotice::EndsWithStay), (elsewhere, NoNotice::StaysElsewhere)] {
            let window = date!(2025 - 04 - 08)..=date!(2025 - 07 - 07);
            assert_eq!(decide(facts), Notice::None { because, window });
        }
    }

    #[test]
    fn v_18_a_certificate_that_ends_before_the_stay_has_its_letter() {
        let before = NoticeFacts { ends_with_stay: true, ..facts() };
        assert!(matches!(decide(before), Notice::Post { .. }));
    }
}
