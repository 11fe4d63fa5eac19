//! What a holder is told once it is done: what goes on, what has to be done elsewhere, and from when (W-06 to W-09, M-03,
//! C-12). Others' rules are told as theirs; they change nothing here.

use serde::Serialize;

use super::{
    Cause, CertificateState, Effect, Ground, Replacement,
    calendar::{Day, day_text, plus_months},
};
use crate::kind::Kind;

/// Months for which insurers go on taking a card whose AUTH has expired (W-07).
const GRACE_MONTHS: u16 = 3;

/// Something the holder is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// e-Tax takes the new SIGN from that day on, and it has to be registered there again: its serial number is another,
    /// and the tax office reads the list of the day (W-08).
    TaxOfficeFrom(#[serde(with = "day_text")] Day),
    /// The registration for family registers at convenience stores has to be done again (W-08).
    RegisterAtConvenienceStoreAgain,
    /// The card remains a proof of identity, and the certificate can be issued again at any time, free of charge (W-06).
    CardGoesOn,
    /// Insurers go on taking the card for a while (W-07).
    Insurance(InsuranceGrace),
    /// SIGN ended and can be issued again in the same visit (M-03).
    SignCanBeIssuedAgain,
    /// What may be written by hand into the field 電子証明書の有効期限 of the card (W-09); it need not be.
    MayBeWrittenOnCard(String),
}

/// Until when insurers take a card whose AUTH has expired. Sources differ on the counting (C-12), and it is theirs to say:
/// the certificate is expired throughout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct InsuranceGrace {
    /// Counted from the last day: the day to tell, since it is safe by either.
    #[serde(with = "day_text")]
    pub from_last_day: Day,
    /// Counted from the end of that month.
    #[serde(with = "day_text")]
    pub from_end_of_month: Day,
    /// What the certificate is all the while.
    pub state: CertificateState,
}

/// What insurers make of an AUTH that expired after a last day.
#[must_use]
pub fn insurance_grace(last_day: Day) -> InsuranceGrace {
    let later = |day| plus_months(day, GRACE_MONTHS).unwrap_or(Day::MAX);
    let end_of_month = |day: Day| {
        let length = time::util::days_in_month(day.month(), day.year());
        day.replace_day(length).unwrap_or(day)
    };
    InsuranceGrace {
        from_last_day: later(last_day),
        from_end_of_month: end_of_month(later(last_day)),
        state: CertificateState::Expired,
    }
}

/// What is told after certificates were issued on a day, each with its last one.
#[must_use]
pub fn told_after_issue(issued: &[(Kind, Replacement, Day)], issue_day: Day) -> Vec<Told> {
    let replaced = |kind: Kind| issued.iter().any(|(issued, what, _)| *issued == kind && *what != Replacement::First);
    let mut told = Vec::new();
    if replaced(Kind::Sign) {
        told.push(Told::TaxOfficeFrom(issue_day.next_day().unwrap_or(Day::MAX)));
    }
    if Kind::BOTH.into_iter().any(replaced) {
        told.push(Told::RegisterAtConvenienceStoreAgain);
    }
    // The field has room for one date: that on which the first of them ends.
    if let Some(first) = issued.iter().map(|(.., last_day)| *last_day).min() {
        told.push(Told::MayBeWrittenOnCard(format!(
            "{}年{}月{}日",
            first.year(),
            u8::from(first.month()),
            first.day()
        )));
    }
    told
}

/// What is told of a certificate that has expired, beside a card that ends on a day; nothing before.
#[must_use]
pub fn told_after_expiry(kind: Kind, last_day: Day, card_last_day: Day, today: Day) -> Vec<Told> {
    let mut told = Vec::new();
    if today <= last_day {
        return told;
    }
    if today <= card_last_day {
        told.push(Told::CardGoesOn);
        let grace = insurance_grace(last_day);
        if kind == Kind::Auth && today <= grace.from_end_of_month {
            told.push(Told::Insurance(grace));
        }
    }
    told
}

/// What is told after a change of the register: where SIGN ended and the card goes on here, it can be issued again at once.
/// After a move to another municipality that is said there, when the card is presented.
#[must_use]
pub fn told_after_change(cause: Cause, sign_was_live: bool) -> Vec<Told> {
    let ended = sign_was_live && cause.effect(Kind::Sign) != Effect::Keep;
    let here = cause.ground() == Ground::RegisterChange && cause != Cause::MoveOut;
    let goes_on = here && cause.effect(Kind::Auth) == Effect::Keep && !cause.voids_card();
    if ended && goes_on { vec![Told::SignCanBeIssuedAgain] } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::rules::{Asked, LiveCertificate, Policy, decide_replacement, fee::decide_fee};

    #[test]
    fn w_06_an_expired_certificate_leaves_the_card_and_is_issued_again_at_any_time_for_nothing() {
        // 杉並区: 「再発行の手続きには、特に期限はありません」.
        let (last, card) = (date!(2025 - 07 - 07), date!(2030 - 07 - 07));
        assert_eq!(told_after_expiry(Kind::Sign, last, card, last), []);
        for today in [date!(2025 - 07 - 08), date!(2027 - 01 - 01), card] {
            assert_eq!(told_after_expiry(Kind::Sign, last, card, today), [Told::CardGoesOn]);
            let expired = Some(LiveCertificate { last_day: last, held: false });
            let again = decide_replacement(expired, Asked::New, today, &Policy::default());
            assert_eq!((again, decide_fee(None, 1).total_yen()), (Ok(Replacement::Reissue), 0));
        }
        assert_eq!(told_after_expiry(Kind::Sign, last, card, date!(2030 - 07 - 08)), [], "the card is over too");
    }

    #[test]
    fn w_07_c_12_insurers_have_a_grace_of_their_own_and_the_certificate_is_expired_all_the_while() {
        let grace = insurance_grace(date!(2025 - 11 - 10));
        assert_eq!((grace.from_last_day, grace.from_end_of_month), (date!(2026 - 02 - 10), date!(2026 - 02 - 28)));
        assert_eq!(grace.state, CertificateState::Expired);
        let card = date!(2030 - 11 - 10);
        let told = |kind, today| told_after_expiry(kind, date!(2025 - 11 - 10), card, today);
        assert_eq!(told(Kind::Auth, date!(2025 - 11 - 10)), []);
        for today in [date!(2025 - 11 - 11), date!(2026 - 02 - 28)] {
            assert_eq!(told(Kind::Auth, today), [Told::CardGoesOn, Told::Insurance(grace)]);
            assert_eq!(told(Kind::Sign, today), [Told::CardGoesOn], "insurers read AUTH");
        }
        assert_eq!(told(Kind::Auth, date!(2026 - 03 - 01)), [Told::CardGoesOn]);
    }

    #[test]
    fn w_08_w_09_a_new_sign_is_taken_by_the_tax_office_from_the_next_day() {
        let issue_day = date!(2025 - 02 - 28);
        let last = date!(2030 - 02 - 17);
        let told = |issued: &[(Kind, Replacement)]| {
            let issued: Vec<_> = issued.iter().map(|(kind, what)| (*kind, *what, last)).collect();
            told_after_issue(&issued, issue_day)
        };
        let written = Told::MayBeWrittenOnCard("2030年2月17日".to_owned());
        let again = Told::RegisterAtConvenienceStoreAgain;
        let tax = Told::TaxOfficeFrom(date!(2025 - 03 - 01));
        assert_eq!(told(&[(Kind::Sign, Replacement::Renewal)]), [tax.clone(), again.clone(), written.clone()]);
        assert_eq!(told(&[(Kind::Sign, Replacement::Reissue)]), [tax, again.clone(), written.clone()]);
        assert_eq!(told(&[(Kind::Auth, Replacement::Renewal)]), [again, written.clone()]);
        assert_eq!(told(&[(Kind::Auth, Replacement::First), (Kind::Sign, Replacement::First)]), [written]);
        assert_eq!(told(&[]), []);
    }

    #[test]
    fn w_09_the_date_for_the_card_is_that_of_the_certificate_that_ends_first() {
        let issued = [
            (Kind::Auth, Replacement::Renewal, date!(2030 - 07 - 07)),
            (Kind::Sign, Replacement::First, date!(2029 - 07 - 07)),
        ];
        let told = told_after_issue(&issued, date!(2025 - 05 - 21));
        assert!(told.contains(&Told::MayBeWrittenOnCard("2029年7月7日".to_owned())), "{told:?}");
    }

    #[test]
    fn m_03_after_a_move_sign_can_be_issued_again_in_the_same_visit_and_auth_goes_on() {
        for cause in Cause::ALL {
            let moved = matches!(cause.rule(), "R-13" | "R-20");
            assert_eq!(told_after_change(cause, true), vec![Told::SignCanBeIssuedAgain; usize::from(moved)], "{cause}");
            assert_eq!(told_after_change(cause, false), []);
        }
    }
}
