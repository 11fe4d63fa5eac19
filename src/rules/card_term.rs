//! The last day of the card, which bounds both certificates (V-05, V-17, section 2.4).

use super::{
    Policy, Refusal,
    calendar::{Day, age_on, nth_birthday_after, plus_days, plus_months},
    era::in_japanese,
    window::renewal_window,
};

/// Cards applied for before this day were made under majority at 20 (民法 before its amendment; V-05, C-05).
const MAJORITY_AT_18: Day = time::macros::date!(2022 - 04 - 01);

/// What the last day of a card follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardFacts {
    /// Day of birth.
    pub birth: Day,
    /// The day the card was issued; the age on it decides (C-05).
    pub issue_day: Day,
    /// The day the card was applied for; it decides whether majority is 18 or 20.
    pub application_day: Day,
    /// The last day of the period of stay; none for Japanese nationals, 永住者, 特別永住者 and 高度専門職2号.
    ///
    /// Its two extensions are computed before: [`special_period_last_day`] and [`transitional_last_day`].
    pub stay_last_day: Option<Day>,
    /// The last day of the card that was exchanged for this one, if it was (カ省29③).
    pub exchanged_last_day: Option<Day>,
}

/// Decides the last day of a card: the 10th birthday after its issue for adults, else the 5th (V-05), and never after
/// the period of stay (V-17). Exchanged in the last three months of the old card: the 11th, else the 6th.
///
/// # Errors
/// `V-05` for an impossible order of birth, application and issue, or a day beyond the year 9999; `E-10` for a stay
/// that ended before the card was issued.
pub fn decide_card_last_day(facts: &CardFacts, policy: &Policy) -> Result<Day, Refusal> {
    let &CardFacts { birth, issue_day, application_day, stay_last_day, exchanged_last_day } = facts;
    check_order(birth, application_day, issue_day)?;
    let majority = if application_day < MAJORITY_AT_18 { 20 } else { 18 };
    let adult = age_on(birth, issue_day).is_some_and(|age| age >= majority);
    let exchanged = exchanged_last_day.is_some_and(|last| renewal_window(last, policy).contains(&issue_day));
    let birthdays = if adult { 10 } else { 5 } + u16::from(exchanged);
    let ordinary = nth_birthday_after(birth, issue_day, birthdays).ok_or_else(|| {
        Refusal::new("V-05", "the card would end after the year 9999")
            .with_ja("カードの有効期間の満了日が9999年を超えます。")
    })?;
    match stay_last_day {
        Some(stay) if stay < issue_day => Err(Refusal::new(
            "E-10",
            format!(
                "the period of stay ended on {stay}, before the card was issued on {issue_day}; give the extended period"
            ),
        ).with_ja(format!("在留期間は{}に満了しており、カードの発行日（{}）より前です。\
                           更新後の在留期間を入力してください。", in_japanese(stay), in_japanese(issue_day)))),
        Some(stay) => Ok(ordinary.min(stay)),
        None => Ok(ordinary),
    }
}

/// Refuses a card that was applied for before birth or issued before it was applied for.
pub(super) fn check_order(birth: Day, application_day: Day, issue_day: Day) -> Result<(), Refusal> {
    if application_day < birth {
        return Err(Refusal::new(
            "V-05",
            format!("the card was applied for on {application_day}, before birth on {birth}"),
        )
        .with_ja(format!(
            "カードの申請日（{}）が生年月日（{}）より前です。",
            in_japanese(application_day),
            in_japanese(birth)
        )));
    }
    if issue_day < application_day {
        let detail = format!("the card was issued on {issue_day}, before it was applied for on {application_day}");
        return Err(Refusal::new("V-05", detail).with_ja(format!(
            "カードの発行日（{}）が申請日（{}）より前です。",
            in_japanese(issue_day),
            in_japanese(application_day)
        )));
    }
    Ok(())
}

/// The last day of stay in the special period 特例期間 (入管法20⑤): two months after the last day of stay, while an
/// application is pending. Once only, which the caller knows. `None` beyond the year 9999.
#[must_use]
pub fn special_period_last_day(stay_last_day: Day) -> Option<Day> {
    plus_months(stay_last_day, 2)
}

/// The last day of a transitional stay 経過滞在: the 60th day after birth or loss of nationality (初日不算入). `None` beyond the
/// year 9999.
#[must_use]
pub fn transitional_last_day(birth_or_loss: Day) -> Option<Day> {
    plus_days(birth_or_loss, 60)
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn adult() -> CardFacts {
        CardFacts {
            birth: date!(1990 - 07 - 07),
            issue_day: date!(2030 - 05 - 01),
            application_day: date!(2030 - 04 - 01),
            stay_last_day: None,
            exchanged_last_day: None,
        }
    }

    fn last_day(facts: CardFacts) -> Result<Day, Refusal> {
        decide_card_last_day(&facts, &Policy::default())
    }

    #[test]
    fn v_05_only_an_exchange_in_the_last_three_months_adds_a_year() {
        let exchanged = |last| last_day(CardFacts { exchanged_last_day: Some(last), ..adult() });
        assert_eq!(last_day(adult()), Ok(date!(2039 - 07 - 07)));
        assert_eq!(exchanged(date!(2030 - 07 - 07)), Ok(date!(2040 - 07 - 07)));
        assert_eq!(exchanged(date!(2030 - 08 - 01)), Ok(date!(2039 - 07 - 07)), "exactly three months remain");
        assert_eq!(exchanged(date!(2030 - 04 - 30)), Ok(date!(2039 - 07 - 07)), "the old card was over");
    }

    #[test]
    fn v_17_a_long_stay_does_not_lengthen_the_card() {
        let stay = |last| last_day(CardFacts { stay_last_day: Some(last), ..adult() });
        assert_eq!(stay(date!(2099 - 01 - 01)), Ok(date!(2039 - 07 - 07)));
        assert_eq!(stay(date!(2031 - 01 - 01)), Ok(date!(2031 - 01 - 01)));
    }

    #[test]
    fn v_05_e_10_impossible_orders_of_days_are_refused() {
        let rule = |facts| last_day(facts).unwrap_err().rule;
        assert_eq!(rule(CardFacts { application_day: date!(1990 - 07 - 06), ..adult() }), "V-05");
        assert_eq!(rule(CardFacts { application_day: date!(2030 - 05 - 02), ..adult() }), "V-05");
        assert_eq!(rule(CardFacts { stay_last_day: Some(date!(2030 - 04 - 30)), ..adult() }), "E-10");
        assert_eq!(rule(CardFacts { issue_day: date!(9995 - 01 - 01), ..adult() }), "V-05");
    }
}
