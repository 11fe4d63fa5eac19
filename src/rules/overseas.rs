//! Moving abroad: whether the card goes on, and what another card costs then (M-05).

use serde::{Deserialize, Serialize};
use time::macros::date;

use super::{
    Cause, Refusal,
    calendar::{Day, day_text, plus_days},
    fee::NewCard,
};

/// The first day on which a card can go on abroad.
const CONTINUED_USE_FROM: Day = date!(2024 - 05 - 27);
/// Days after departure within which a void card is made anew free of charge (M-05).
const FREE_DAYS: u16 = 90;

/// A move abroad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Departure {
    /// The planned day of moving, from 国外転出届.
    #[serde(with = "day_text")]
    pub departs: Day,
    /// Whether the holder is a Japanese national, who is then recorded in 戸籍の附票.
    pub national: bool,
    /// The card's last day.
    #[serde(with = "day_text")]
    pub card_last_day: Day,
    /// Whether the card is void or suspended.
    pub card_void: bool,
}

/// Decides whether 継続利用 can be done today for a card that is to go on abroad.
///
/// # Errors
/// `R-20` naming what stands against it: the card then ends with the move.
pub fn decide_continued_use_abroad(one: &Departure, today: Day) -> Result<(), Refusal> {
    let refused = |detail: &str, ja: &'static str| Err(Refusal::new("R-20", detail).with_ja(ja));
    if !one.national {
        return refused(
            "the card of a foreign resident ends with the move abroad",
            "外国人住民のカードは国外転出により失効します。",
        );
    }
    if one.departs < CONTINUED_USE_FROM {
        return refused("before 2024-05-27 no card went on abroad", "国外転出後の継続利用は令和6年5月27日からです。");
    }
    if today >= one.departs {
        return refused(
            "it is done by the day before the planned day of moving",
            "継続利用の手続は、転出予定日の前日までです。",
        );
    }
    if one.card_void || one.card_last_day < one.departs {
        return refused("the card is void, suspended or expired", "カードが失効、一時停止中または有効期間満了です。");
    }
    Ok(())
}

/// The cause that a move abroad is, by the day on which 継続利用 was done, if it was.
#[must_use]
pub fn departure_cause(one: &Departure, continued: Option<Day>) -> Cause {
    match continued {
        Some(day) if decide_continued_use_abroad(one, day).is_ok() => Cause::OverseasMoveWithContinuedUse,
        _ => Cause::OverseasMove,
    }
}

/// Why another card is made for who lives abroad and whose card the departure made void: free within 90 days (M-05).
#[must_use]
pub fn new_card_abroad(departed: Day, today: Day) -> NewCard {
    let last = plus_days(departed, FREE_DAYS).unwrap_or(Day::MAX);
    if today <= last { NewCard::OverseasInTime } else { NewCard::MissedDeadline }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kind::Kind,
        rules::{Effect, fee::decide_fee},
    };

    fn departure() -> Departure {
        Departure {
            departs: date!(2025 - 04 - 01),
            national: true,
            card_last_day: date!(2030 - 07 - 07),
            card_void: false,
        }
    }

    #[test]
    fn r_20_a_national_s_card_goes_on_if_it_is_done_by_the_day_before() {
        let eve = date!(2025 - 03 - 31);
        assert_eq!(decide_continued_use_abroad(&departure(), eve), Ok(()));
        let cause = departure_cause(&departure(), Some(eve));
        assert_eq!((cause.rule(), cause.effect(Kind::Auth), cause.voids_card()), ("R-20", Effect::Keep, false));
        assert_ne!(cause.effect(Kind::Sign), Effect::Keep);
        let bad = [
            (Departure { national: false, ..departure() }, eve),
            (Departure { card_void: true, ..departure() }, eve),
            (Departure { card_last_day: date!(2025 - 03 - 30), ..departure() }, eve),
            (Departure { departs: date!(2024 - 05 - 26), ..departure() }, date!(2024 - 05 - 01)),
            (departure(), date!(2025 - 04 - 01)),
            (departure(), date!(2025 - 04 - 02)),
        ];
        for (one, day) in bad {
            assert_eq!(decide_continued_use_abroad(&one, day).unwrap_err().rule, "R-20", "{one:?} {day}");
            assert_eq!(departure_cause(&one, Some(day)).rule(), "R-19");
        }
    }

    #[test]
    fn r_19_without_continued_use_the_card_ends_with_the_move_and_both_certificates() {
        let cause = departure_cause(&departure(), None);
        assert_eq!((cause.rule(), cause.voids_card()), ("R-19", true));
        for kind in Kind::BOTH {
            assert_ne!(cause.effect(kind), Effect::Keep);
        }
    }

    #[test]
    fn m_05_a_card_that_departure_made_void_is_free_within_ninety_days() {
        let departed = date!(2025 - 04 - 01);
        for (today, yen) in [(departed, 0), (date!(2025 - 06 - 30), 0), (date!(2025 - 07 - 01), 1000)] {
            assert_eq!(decide_fee(Some(new_card_abroad(departed, today)), 2).total_yen(), yen, "{today}");
        }
    }
}
