//! May this applicant have a certificate of this kind on this day (E-05, E-06).
//!
//! The statute knows no limit of age (E-07). The exception that it leaves is taken by [`decide_eligibility_with`], and only
//! with an [`Exception`], which two persons have to make; [`decide_eligibility`] knows none.

use super::{
    Refusal,
    calendar::{Day, age_on, birthday_in},
    era::in_japanese,
    exception::Exception,
    procedure::CounterPolicy,
};
use crate::kind::Kind;

/// The age from which SIGN is issued (E-05): the age from which a seal may be registered, 印鑑登録.
pub const SIGN_AGE: u16 = 15;

/// The applicant may have a certificate of this kind. Only [`decide_eligibility`] builds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Eligible {
    kind: Kind,
    age: u16,
    by_exception: bool,
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

    /// Whether it took the exception of E-07, which the audit log then has to say.
    #[must_use]
    pub const fn by_exception(self) -> bool {
        self.by_exception
    }
}

/// Decides whether the applicant may have a certificate of the kind today; `ward` is a 成年被後見人.
///
/// # Errors
/// `E-01` for a birth after today, `E-05` for SIGN under 15, `E-06` for SIGN of a ward.
pub fn decide_eligibility(kind: Kind, birth: Day, ward: bool, today: Day) -> Result<Eligible, Refusal> {
    let age = age_on(birth, today).ok_or_else(|| unborn(birth, today))?;
    if kind == Kind::Sign && age < SIGN_AGE {
        let from = birthday_in(birth, birth.year() + i32::from(SIGN_AGE)).unwrap_or(Day::MAX);
        let detail = format!("a signing certificate is not issued under {SIGN_AGE}; it can be applied for from {from}");
        return Err(Refusal::new("E-05", detail)
            .with_ja(format!(
                "署名用電子証明書は{SIGN_AGE}歳未満の方には発行できません。{}から申請できます。",
                in_japanese(from)
            ))
            .possible_from(from));
    }
    if kind == Kind::Sign && ward {
        let detail = "a signing certificate is not issued to an adult ward; an authentication certificate is, the guardian acting";
        return Err(Refusal::new("E-06", detail).with_ja(
            "成年被後見人には署名用電子証明書を発行できません。利用者証明用は、成年後見人の申請により発行できます。",
        ));
    }
    Ok(Eligible { kind, age, by_exception: false })
}

/// The refusal of a birth after the day that is decided on.
pub(super) fn unborn(birth: Day, today: Day) -> Refusal {
    Refusal::new("E-01", format!("the day of birth {birth} is after the day of issue {today}"))
        .with_ja(format!("生年月日（{}）が発行日（{}）より後です。", in_japanese(birth), in_japanese(today)))
        .in_case("unborn")
}

/// Decides the same where an exception has been made for this person (E-07). It is taken only where the rule without it
/// refuses by age or guardianship, and only in a town that knows the exception (C-13).
///
/// # Errors
/// Those of [`decide_eligibility`].
pub fn decide_eligibility_with(
    kind: Kind,
    (birth, ward): (Day, bool),
    exception: Option<&Exception>,
    today: Day,
    policy: &CounterPolicy,
) -> Result<Eligible, Refusal> {
    decide_eligibility(kind, birth, ward, today).or_else(|refusal| {
        let excepted = exception.is_some() && policy.exception_path && matches!(&*refusal.rule, "E-05" | "E-06");
        let age = age_on(birth, today).filter(|_| excepted).ok_or(refusal)?;
        Ok(Eligible { kind, age, by_exception: true })
    })
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::rules::exception::ExceptionForm;

    #[test]
    fn e_07_c_13_only_an_exception_that_was_made_lets_a_child_or_ward_have_sign_and_only_where_towns_know_it() {
        let exception = Exception::parse(&ExceptionForm {
            reason: "申請者の強い希望により事前相談のうえ発行".to_owned(),
            decided_by: "officer-1".to_owned(),
            approved_by: "officer-2".to_owned(),
            agent_present: true,
        })
        .unwrap();
        // 伊丹市: 「発行を希望される場合は…事前にお問い合わせください」; others never do.
        let never = CounterPolicy { exception_path: false, ..CounterPolicy::default() };
        let today = date!(2025 - 01 - 01);
        for (person, rule) in [((date!(2015 - 09 - 15), false), "E-05"), ((date!(1950 - 01 - 01), true), "E-06")] {
            let decide = |exception, policy: &CounterPolicy| {
                decide_eligibility_with(Kind::Sign, person, exception, today, policy)
            };
            let taken = decide(Some(&exception), &CounterPolicy::default()).unwrap();
            assert!(taken.by_exception());
            assert_eq!(decide(None, &CounterPolicy::default()).unwrap_err().rule, rule);
            assert_eq!(decide(Some(&exception), &never).unwrap_err().rule, rule);
        }
        let unborn = (date!(2025 - 01 - 02), false);
        let refusal = decide_eligibility_with(Kind::Sign, unborn, Some(&exception), today, &CounterPolicy::default());
        assert_eq!(refusal.unwrap_err().rule, "E-01", "no exception lets the unborn have one");
        let adult = (date!(1990 - 01 - 01), false);
        let plain = decide_eligibility_with(Kind::Sign, adult, Some(&exception), today, &CounterPolicy::default());
        assert!(!plain.unwrap().by_exception(), "who needs none takes none");
    }

    #[test]
    fn e_05_c_13_a_child_gets_auth_and_not_sign() {
        let birth = date!(2015 - 09 - 15);
        let today = date!(2024 - 04 - 01);
        assert_eq!(decide_eligibility(Kind::Auth, birth, false, today).map(Eligible::age), Ok(8));
        let refusal = decide_eligibility(Kind::Sign, birth, false, today).unwrap_err();
        assert_eq!(refusal.rule, "E-05");
        assert!(refusal.detail.contains("2030-09-15"), "{refusal}");
        assert_eq!(refusal.earliest, Some(date!(2030 - 09 - 15)));
    }

    #[test]
    fn e_05_sign_is_issued_from_the_fifteenth_birthday_on() {
        let birth = date!(2009 - 10 - 01);
        assert_eq!(decide_eligibility(Kind::Sign, birth, false, date!(2024 - 09 - 30)).unwrap_err().rule, "E-05");
        assert_eq!(
            decide_eligibility(Kind::Sign, birth, false, date!(2024 - 10 - 01)).map(Eligible::kind),
            Ok(Kind::Sign)
        );
    }

    #[test]
    fn e_06_a_ward_gets_auth_and_not_sign() {
        let birth = date!(1950 - 01 - 01);
        let today = date!(2025 - 01 - 01);
        assert!(decide_eligibility(Kind::Auth, birth, true, today).is_ok());
        assert_eq!(decide_eligibility(Kind::Sign, birth, true, today).unwrap_err().rule, "E-06");
    }

    #[test]
    fn e_01_nobody_is_born_tomorrow() {
        for kind in Kind::BOTH {
            let refusal = decide_eligibility(kind, date!(2025 - 01 - 02), false, date!(2025 - 01 - 01)).unwrap_err();
            assert_eq!(refusal.rule, "E-01");
        }
    }
}
