//! May this applicant have a certificate of this kind on this day (E-05, E-06).
//!
//! The statute knows no limit of age (E-07); the exception it leaves, by consultation and a second person's approval,
//! is a procedure and never an answer of [`decide_eligibility`].

use super::{
    Refusal,
    calendar::{Day, age_on, birthday_in},
};
use crate::kind::Kind;

/// The age from which SIGN is issued (E-05): the age from which a seal may be registered, 印鑑登録.
pub const SIGN_AGE: u16 = 15;

/// The applicant may have a certificate of this kind. Only [`decide_eligibility`] builds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Eligible {
    kind: Kind,
    age: u16,
}

impl Eligible {
    /// The kind that was decided on.
    #[must_use]
    pub const fn kind(self) -> Kind {
        self.kind
    }

    /// The applicant's age in years on the day.
    #[must_use]
    pub const fn age(self) -> u16 {
        self.age
    }
}

/// Decides whether the applicant may have a certificate of the kind today; `ward` is a 成年被後見人.
///
/// # Errors
/// `E-01` for a birth after today, `E-05` for SIGN under 15, `E-06` for SIGN of a ward.
pub fn decide_eligibility(kind: Kind, birth: Day, ward: bool, today: Day) -> Result<Eligible, Refusal> {
    let age = age_on(birth, today)
        .ok_or_else(|| Refusal::new("E-01", format!("the day of birth {birth} is after the day of issue {today}")))?;
    if kind == Kind::Sign && age < SIGN_AGE {
        let from = birthday_in(birth, birth.year() + i32::from(SIGN_AGE)).unwrap_or(Day::MAX);
        let detail = format!("a signing certificate is not issued under {SIGN_AGE}; it can be applied for from {from}");
        return Err(Refusal::new("E-05", detail));
    }
    if kind == Kind::Sign && ward {
        let detail = "a signing certificate is not issued to an adult ward; an authentication certificate is, the guardian acting";
        return Err(Refusal::new("E-06", detail));
    }
    Ok(Eligible { kind, age })
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn a_child_gets_auth_and_not_sign() {
        let birth = date!(2015 - 09 - 15);
        let today = date!(2024 - 04 - 01);
        assert_eq!(decide_eligibility(Kind::Auth, birth, false, today).map(Eligible::age), Ok(8));
        let refusal = decide_eligibility(Kind::Sign, birth, false, today).unwrap_err();
        assert_eq!(refusal.rule, "E-05");
        assert!(refusal.detail.contains("2030-09-15"), "{refusal}");
    }

    #[test]
    fn sign_is_issued_from_the_fifteenth_birthday_on() {
        let birth = date!(2009 - 10 - 01);
        assert_eq!(decide_eligibility(Kind::Sign, birth, false, date!(2024 - 09 - 30)).unwrap_err().rule, "E-05");
        assert_eq!(
            decide_eligibility(Kind::Sign, birth, false, date!(2024 - 10 - 01)).map(Eligible::kind),
            Ok(Kind::Sign)
        );
    }

    #[test]
    fn a_ward_gets_auth_and_not_sign() {
        let birth = date!(1950 - 01 - 01);
        let today = date!(2025 - 01 - 01);
        assert!(decide_eligibility(Kind::Auth, birth, true, today).is_ok());
        assert_eq!(decide_eligibility(Kind::Sign, birth, true, today).unwrap_err().rule, "E-06");
    }

    #[test]
    fn nobody_is_born_tomorrow() {
        for kind in Kind::BOTH {
            let refusal = decide_eligibility(kind, date!(2025 - 01 - 02), false, date!(2025 - 01 - 01)).unwrap_err();
            assert_eq!(refusal.rule, "E-01");
        }
    }
}
