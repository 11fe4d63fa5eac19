//! What comes before long: the letters before the end (有効期限通知) that are due on a day, and how many renewals to expect.
//!
//! Both are read from the live certificates of residents in order of their end; nothing else is looked at.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::{Actor, Authority, StoryError, Words, words};
use crate::{
    kind::Kind,
    limits::{FORECAST_DAYS, NOTICE_PAGE},
    municipality::MunicipalityCode,
    ports::{CardNumber, EndingPlace, EndingRecord, HolderReference},
    rules::{
        Day, Policy, Refusal,
        calendar::{birthday_in, day_of, day_text, last_instant, minus_months, plus_days, plus_months},
        notice::{NoNotice, Notice, NoticeFacts, decide_notice},
        renewal_window,
    },
    x509::{Serial, UnixTime},
};

/// A certificate whose holder is to be told of its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DueNotice {
    /// The holder.
    pub holder: HolderReference,
    /// The card.
    pub card: CardNumber,
    /// Which kind.
    pub kind: Kind,
    /// Its serial number.
    pub serial: Serial,
    /// Its last day.
    #[serde(with = "day_text")]
    pub last_day: Day,
    /// The first day on which it can be renewed.
    #[serde(with = "day_text")]
    pub renewal_opens: Day,
    /// Whether the card ends with it, and is what has to be renewed (W-05).
    pub renew_the_card: bool,
    /// Why no letter goes out by post (V-18).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_letter: Option<NoNotice>,
    /// The letter; none where none goes out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub letter: Option<Words>,
}

/// The letters of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DueNotices {
    /// The day.
    #[serde(with = "day_text")]
    pub day: Day,
    /// By end, kind and index.
    pub due: Vec<DueNotice>,
    /// Present when there are more: `after` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// How many certificates of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PerKind {
    /// 署名用.
    pub sign: u64,
    /// 利用者証明用.
    pub auth: u64,
}

/// A day on which renewals begin or end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForecastDay {
    /// The day.
    #[serde(with = "day_text")]
    pub day: Day,
    /// Certificates that can be renewed from this day on.
    pub opens: PerKind,
    /// Certificates whose last day it is.
    pub ends: PerKind,
}

/// A forecast of renewals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// Days on which there is something, in order.
    pub days: Vec<ForecastDay>,
}

impl Authority {
    /// The letters that are due on a day (none: today) in the actor's municipality. Each certificate is due on one day, three
    /// months before its end; the letter may go out for a month from then on (W-01).
    ///
    /// # Errors
    /// [`StoryError::Refused`] by `E-02` for everyone but a municipality, by `T-01` for an `after` that no answer gave;
    /// otherwise as the error says.
    pub fn notices_due(&self, actor: &Actor, day: Option<Day>, after: Option<&str>) -> Result<DueNotices, StoryError> {
        let own = actor.municipality()?;
        let day = day.unwrap_or_else(|| day_of(self.parts().clock.now()));
        let after = after.map(parse_place).transpose()?;
        let Some((first, last)) = last_days(day) else { return Ok(DueNotices { day, due: Vec::new(), next: None }) };
        let between = (first_instant(first), last_instant(last));
        let mut found = self.store().register().endings(own, between, after, NOTICE_PAGE + 1)?;
        let more = found.len() > NOTICE_PAGE;
        found.truncate(NOTICE_PAGE);
        let next = found.last().filter(|_| more).map(place_text);
        let due = found.iter().map(|one| due(one, &self.parts().policy)).collect();
        Ok(DueNotices { day, due, next })
    }

    /// Renewals to expect in the actor's municipality on the days from the first (none: today) to the last (none: three
    /// months on), if nobody moves and nothing ends before.
    ///
    /// # Errors
    /// [`StoryError::Refused`] by `E-02` for everyone but a municipality, by `T-01` for days out of order or too many;
    /// otherwise as the error says.
    pub fn forecast(&self, actor: &Actor, (from, to): (Option<Day>, Option<Day>)) -> Result<Forecast, StoryError> {
        self.forecast_of(actor.municipality()?, (from, to))
    }

    /// The same for one municipality, whoever asks.
    pub(in crate::authority) fn forecast_of(
        &self,
        own: MunicipalityCode,
        (from, to): (Option<Day>, Option<Day>),
    ) -> Result<Forecast, StoryError> {
        let from = from.unwrap_or_else(|| day_of(self.parts().clock.now()));
        let to = to.or_else(|| plus_months(from, 3)).unwrap_or(Day::MAX);
        if from > to || plus_days(from, FORECAST_DAYS).is_some_and(|bound| to >= bound) {
            let detail = format!("`from` and `to` are days in order, at most {FORECAST_DAYS}");
            return Err(Refusal::new("T-01", detail).into());
        }
        // Windows open three months before the end, or some days later by policy; none opens after it.
        let policy = &self.parts().policy;
        let last = plus_months(to, 4).unwrap_or(Day::MAX);
        let counts = self.store().register().ending_counts(own, (first_instant(from), last_instant(last)))?;
        let mut days: BTreeMap<Day, (PerKind, PerKind)> = BTreeMap::new();
        for one in counts {
            let end = day_of(one.not_after);
            let opens = *renewal_window(end, policy).start();
            days.entry(opens).or_default().0.add(one.kind, one.count);
            days.entry(end).or_default().1.add(one.kind, one.count);
        }
        let days = days.into_iter().filter(|(day, _)| (from..=to).contains(day));
        Ok(Forecast { days: days.map(|(day, (opens, ends))| ForecastDay { day, opens, ends }).collect() })
    }
}

impl PerKind {
    fn add(&mut self, kind: Kind, count: u64) {
        match kind {
            Kind::Sign => self.sign += count,
            Kind::Auth => self.auth += count,
        }
    }
}

fn first_instant(day: Day) -> UnixTime {
    day.previous_day().map_or(UnixTime::EPOCH, |eve| last_instant(eve) + Duration::from_secs(1))
}

/// The last days whose letter is due on a day: up to four, where the months before have fewer days; or none.
fn last_days(day: Day) -> Option<(Day, Day)> {
    let first = plus_months(day, 3)?;
    let due = |last: &Day| minus_months(*last, 3) == Some(day);
    let mut days = (0..4).filter_map(|more| plus_days(first, more)).filter(due);
    let first = days.next()?;
    Some((first, days.next_back().unwrap_or(first)))
}

fn due(one: &EndingRecord, policy: &Policy) -> DueNotice {
    let last_day = day_of(one.not_after);
    let facts = NoticeFacts {
        last_day,
        card_last_day: one.card_last_day,
        ends_with_stay: ends_with_stay(one),
        stays_elsewhere: false,
    };
    let (window, renew_the_card, no_letter) = match decide_notice(&facts, policy) {
        Notice::Post { window, renew_the_card, .. } => (window, renew_the_card, None),
        Notice::None { because, window } => (window, one.card_last_day == last_day, Some(because)),
    };
    let opens = *window.start();
    let kind_ja = if one.kind == Kind::Sign { "署名用" } else { "利用者証明用" };
    DueNotice {
        holder: one.holder.clone(),
        card: one.card.clone(),
        kind: one.kind,
        serial: one.serial,
        last_day,
        renewal_opens: opens,
        renew_the_card,
        letter: no_letter.is_none().then(|| words::ends_soon(kind_ja, last_day, opens, renew_the_card)),
        no_letter,
    }
}

/// A card ends on a birthday by V-05; where it does not, it ends with the period of stay.
pub(in crate::authority) fn ends_with_stay(one: &EndingRecord) -> bool {
    birthday_in(one.birth, one.card_last_day.year()) != Some(one.card_last_day)
}

fn place_text(one: &EndingRecord) -> String {
    format!("{}-{}-{}", one.not_after.seconds(), one.kind.id(), one.index)
}

fn parse_place(text: &str) -> Result<EndingPlace, Refusal> {
    let parse = || {
        let mut parts = text.split('-');
        let end = UnixTime::from_seconds(parts.next()?.parse().ok()?).ok()?;
        let kind = Kind::from_id(parts.next()?.parse().ok()?)?;
        let index = parts.next()?.parse().ok()?;
        parts.next().is_none().then_some((end, kind, index))
    };
    parse().ok_or_else(|| Refusal::new("T-01", "`after` is what `next` of the page before said"))
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn every_last_day_is_due_on_one_day() {
        let mut last = date!(2023 - 01 - 01);
        while last < date!(2029 - 01 - 01) {
            let day = minus_months(last, 3).unwrap();
            let (first, end) = last_days(day).unwrap();
            assert!((first..=end).contains(&last), "{last}");
            assert_eq!(minus_months(first, 3), Some(day));
            last = last.next_day().unwrap();
        }
        assert_eq!(last_days(date!(2023 - 02 - 28)), Some((date!(2023 - 05 - 28), date!(2023 - 05 - 31))));
        assert_eq!(last_days(date!(2023 - 11 - 30)), None, "29 and 30 February 2024 aside, nothing ends then");
    }

    #[test]
    fn a_place_is_what_a_page_gave() {
        for bad in ["", "1", "1-1", "1-3-1", "1-1-1-1", "x-1-1", "1-1--1"] {
            assert_eq!(parse_place(bad).unwrap_err().rule, "T-01", "{bad}");
        }
        assert_eq!(parse_place("60-2-7"), Ok((UnixTime::from_seconds(60).unwrap(), Kind::Auth, 7)));
    }
}
