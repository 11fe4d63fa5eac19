//! The renewal window: the last three months of a certificate, or of a card (V-11).

use std::ops::RangeInclusive;

use super::{
    Policy, Refusal,
    calendar::{Day, minus_months, plus_days},
    era::in_japanese,
};

/// Months before its last day in which a certificate may be renewed (規13, 規49).
const WINDOW_MONTHS: u16 = 3;

/// The days on which a certificate with this last day may be renewed (V-11): from the first on which less than three
/// months remain, to the last one itself. The policy shifts the opening (C-06), never past the last day.
#[must_use]
pub fn renewal_window(last_day: Day, policy: &Policy) -> RangeInclusive<Day> {
    let exactly_three_months = minus_months(last_day, WINDOW_MONTHS).unwrap_or(Day::MIN);
    let opens = plus_days(exactly_three_months, u16::from(policy.renewal_offset_days)).unwrap_or(last_day);
    opens.min(last_day)..=last_day
}

/// Refuses a renewal on a day outside the window of the live certificate, naming the day it opens (V-12, V-14).
pub(super) fn check_window(last_day: Day, today: Day, policy: &Policy) -> Result<(), Refusal> {
    let window = renewal_window(last_day, policy);
    if today < *window.start() {
        let opens = window.start();
        let detail = format!(
            "valid until {last_day}: it can be renewed from {opens} on; a new one before would end a year sooner"
        );
        return Err(Refusal::new("V-12", detail)
            .with_ja(format!(
                "{}まで有効です。更新は{}からできます。それより前に発行すると、満了日が1年早くなります。",
                in_japanese(last_day),
                in_japanese(*opens)
            ))
            .possible_from(*opens));
    }
    if today > last_day {
        let detail = format!("expired after {last_day}: it cannot be renewed, but it can be issued again at any time");
        return Err(Refusal::new("V-14", detail)
            .with_ja(format!("{}に満了しています。更新はできませんが、いつでも発行できます。", in_japanese(last_day)))
            .possible_from(today));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn c_06_v_11_the_window_can_be_shifted_but_not_past_the_last_day() {
        let last = date!(2023 - 07 - 07);
        let opens =
            |renewal_offset_days| *renewal_window(last, &Policy { renewal_offset_days, ..Policy::default() }).start();
        assert_eq!(opens(0), date!(2023 - 04 - 07));
        assert_eq!(opens(1), date!(2023 - 04 - 08));
        assert_eq!(opens(2), date!(2023 - 04 - 09));
        assert_eq!(opens(255), last);
        assert!(renewal_window(Day::MIN, &Policy::default()).contains(&Day::MIN));
    }

    #[test]
    fn v_11_the_cities_worked_days_are_ours() {
        // 練馬区, 練馬区, 茨木市.
        for (last, opens) in [
            (date!(2023 - 07 - 07), date!(2023 - 04 - 08)),
            (date!(2023 - 05 - 28), date!(2023 - 03 - 01)),
            (date!(2023 - 11 - 20), date!(2023 - 08 - 21)),
        ] {
            assert_eq!(renewal_window(last, &Policy::default()), opens..=last);
        }
    }

    #[test]
    fn v_12_v_14_outside_the_window_the_refusal_says_what_is_possible() {
        let last = date!(2025 - 07 - 07);
        let check = |today| check_window(last, today, &Policy::default());
        assert_eq!(check(date!(2025 - 04 - 08)), Ok(()));
        assert_eq!(check(last), Ok(()));
        let early = check(date!(2025 - 04 - 07)).unwrap_err();
        assert_eq!(early.rule, "V-12");
        assert!(early.detail.contains("from 2025-04-08 on"), "{early}");
        assert_eq!(early.earliest, Some(date!(2025 - 04 - 08)));
        let late = check(date!(2025 - 07 - 08)).unwrap_err();
        assert_eq!(late.rule, "V-14");
        assert!(late.detail.contains("issued again"), "{late}");
    }
}
