//! The period of stay of a foreign resident, which bounds the card and both certificates (E-10, V-16, V-17; section 2.4).

use serde::{Deserialize, Serialize};

use super::{
    Holding, Policy, Refusal,
    calendar::{Day, day_text},
    card_term::{special_period_last_day, transitional_last_day},
    era::in_japanese,
    window::renewal_window,
};
use crate::kind::Kind;

/// 在留の区分, as far as it decides about cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResidenceStatus {
    /// 永住者.
    PermanentResident,
    /// 特別永住者.
    SpecialPermanentResident,
    /// 高度専門職2号.
    HighlySkilledProfessional,
    /// Any other 中長期在留者.
    MidToLongTerm,
    /// 一時庇護許可者.
    TemporaryRefuge,
    /// 仮滞在許可者.
    ProvisionalStay,
    /// 出生による経過滞在者.
    TransitionalByBirth,
    /// 国籍喪失による経過滞在者.
    TransitionalByLoss,
    /// Any other, such as 短期滞在: not in the resident register.
    Other,
}

/// A foreign resident's stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stay {
    /// The status.
    pub status: ResidenceStatus,
    /// The last day of 在留期間, 上陸期間 or 仮滞在期間.
    #[serde(default, with = "day_text::option")]
    pub last_day: Option<Day>,
    /// The day of birth or of the loss of nationality, for a transitional stay.
    #[serde(default, with = "day_text::option")]
    pub since: Option<Day>,
    /// Whether an application for a change or extension is pending (特例期間, 入管法20⑤).
    #[serde(default)]
    pub application_pending: bool,
    /// Whether the card had the two months of the special period for this end before; they are given once.
    #[serde(default)]
    pub special_period_used: bool,
}

/// Decides the last day that a stay allows the card (section 2.4); none where it sets no bound.
///
/// # Errors
/// `E-10` for a status without a record in the register, a day that the status needs and that is not given, and a stay that
/// is over.
pub fn decide_stay_bound(stay: &Stay, today: Day) -> Result<Option<Day>, Refusal> {
    use ResidenceStatus::*;
    check_begin(stay, today)?;
    let missing = |what: &str, ja: &str| {
        Refusal::new("E-10", format!("give {what}; the card ends with it"))
            .with_ja(format!("{ja}を入力してください。カードの有効期間が決まります。"))
            .in_case("days")
    };
    let last_day = match stay.status {
        PermanentResident | SpecialPermanentResident | HighlySkilledProfessional => return Ok(None),
        Other => {
            let detail = "this status of residence is not recorded in the resident register; cards are not issued";
            return Err(Refusal::new("E-10", detail)
                .with_ja("この在留資格の方は住民票に記録されないため、カードを交付できません。")
                .in_case("no-record"));
        }
        TransitionalByBirth | TransitionalByLoss => {
            let since = stay.since.ok_or_else(|| {
                missing("the day of birth or of the loss of nationality", "出生の日または国籍喪失の日")
            })?;
            transitional_last_day(since).unwrap_or(Day::MAX)
        }
        MidToLongTerm | TemporaryRefuge | ProvisionalStay => {
            let ordinary =
                stay.last_day.ok_or_else(|| missing("the last day of the period of stay", "在留期間の満了日"))?;
            if stay.application_pending && !stay.special_period_used {
                special_period_last_day(ordinary).unwrap_or(Day::MAX)
            } else {
                ordinary
            }
        }
    };
    if last_day < today {
        let detail = format!(
            "the stay allows a card until {last_day}; its extension has to be granted and requested at the counter first"
        );
        return Err(Refusal::new("E-10", detail).with_ja(format!(
            "在留期間により、カードは{}までです。先に在留期間の更新の許可を受け、\
             窓口で有効期間の変更を申請してください。",
            in_japanese(last_day)
        )));
    }
    Ok(Some(last_day))
}

/// Refuses a stay that begins after today, or after it ended (E-10).
fn check_begin(stay: &Stay, today: Day) -> Result<(), Refusal> {
    let Some(since) = stay.since else { return Ok(()) };
    if let Some(last_day) = stay.last_day.filter(|last_day| *last_day < since) {
        let detail = format!("the stay ended on {last_day}, before it began on {since}");
        return Err(Refusal::new("E-10", detail)
            .with_ja(format!(
                "在留期間の満了日（{}）が開始日（{}）より前です。",
                in_japanese(last_day),
                in_japanese(since)
            ))
            .in_case("days"));
    }
    if since > today {
        return Err(Refusal::new("E-10", format!("the stay begins on {since}, which is to come"))
            .with_ja(format!("在留の開始日（{}）が未来の日付です。", in_japanese(since)))
            .in_case("days"));
    }
    Ok(())
}

/// A card that is extended along with the stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardExtension {
    /// The card's new last day.
    pub last_day: Day,
    /// The live certificates, which keep their last day, each with the first day on which it can be renewed. The
    /// extension itself ends none of them, and lengthens none (V-16, C-07).
    pub renewals: Vec<(Kind, Day)>,
}

/// Decides the extension of a card after the stay was extended, on the holder's own request: it is never automatic.
/// `ordinary` is the last day that the card would have without a stay (V-05).
///
/// # Errors
/// Those of [`decide_stay_bound`]; `E-10` for a card that is over, and for a stay that does not let it last longer.
pub fn decide_card_extension(
    (card_last_day, ordinary): (Day, Day),
    stay: &Stay,
    holding: Holding,
    today: Day,
    policy: &Policy,
) -> Result<CardExtension, Refusal> {
    if card_last_day < today {
        let detail = format!("the card was valid until {card_last_day}; it cannot be extended, a new one is issued");
        return Err(Refusal::new("E-10", detail)
            .with_ja(format!(
                "カードの有効期間は{}までで、変更できません。新しいカードを交付します。",
                in_japanese(card_last_day)
            ))
            .possible_from(today));
    }
    let last_day = decide_stay_bound(stay, today)?.map_or(ordinary, |bound| bound.min(ordinary));
    if last_day <= card_last_day {
        let detail =
            format!("the card is valid until {card_last_day} already, and the stay does not let it last longer");
        return Err(Refusal::new("E-10", detail).with_ja(format!(
            "カードはすでに{}まで有効で、在留期間により延ばすことはできません。",
            in_japanese(card_last_day)
        )));
    }
    let bounded = [(Kind::Auth, holding.auth), (Kind::Sign, holding.sign)].into_iter().filter_map(|(kind, one)| {
        let one = one.filter(|one| !one.held && (today..=card_last_day).contains(&one.last_day))?;
        Some((kind, *renewal_window(one.last_day, policy).start()))
    });
    let renewals = bounded.map(|(kind, opens)| (kind, opens.max(today))).collect();
    Ok(CardExtension { last_day, renewals })
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::rules::{Cause, LiveCertificate};

    const TODAY: Day = date!(2026 - 02 - 01);

    fn stay(status: ResidenceStatus) -> Stay {
        Stay {
            status,
            last_day: Some(date!(2026 - 03 - 15)),
            since: Some(date!(2025 - 12 - 10)),
            application_pending: false,
            special_period_used: false,
        }
    }

    #[test]
    fn e_10_a_stay_that_is_to_come_or_ended_before_it_began_is_none() {
        let inverted = Stay { since: Some(date!(2026 - 03 - 16)), ..stay(ResidenceStatus::MidToLongTerm) };
        assert_eq!(decide_stay_bound(&inverted, date!(2026 - 03 - 16)).unwrap_err().rule, "E-10");
        for status in [ResidenceStatus::MidToLongTerm, ResidenceStatus::TransitionalByBirth] {
            let since = |since| Stay { since: Some(since), last_day: None, ..stay(status) };
            let to_come = Stay { last_day: Some(date!(2027 - 01 - 01)), ..since(date!(2026 - 02 - 02)) };
            assert_eq!(decide_stay_bound(&to_come, TODAY).unwrap_err().rule, "E-10", "{status:?}");
            let begun = Stay { since: Some(TODAY), ..to_come };
            assert!(decide_stay_bound(&begun, TODAY).is_ok(), "{status:?}");
        }
    }

    #[test]
    fn e_10_each_status_has_its_bound() {
        use ResidenceStatus::*;
        let bounds = [
            (PermanentResident, Ok(None)),
            (SpecialPermanentResident, Ok(None)),
            (HighlySkilledProfessional, Ok(None)),
            (MidToLongTerm, Ok(Some(date!(2026 - 03 - 15)))),
            (TemporaryRefuge, Ok(Some(date!(2026 - 03 - 15)))),
            (ProvisionalStay, Ok(Some(date!(2026 - 03 - 15)))),
            (TransitionalByBirth, Ok(Some(date!(2026 - 02 - 08)))),
            (TransitionalByLoss, Ok(Some(date!(2026 - 02 - 08)))),
            (Other, Err("E-10".into())),
        ];
        for (status, bound) in bounds {
            assert_eq!(decide_stay_bound(&stay(status), TODAY).map_err(|refusal| refusal.rule), bound, "{status:?}");
        }
        for (status, day) in [(MidToLongTerm, date!(2026 - 03 - 16)), (TransitionalByBirth, date!(2026 - 02 - 09))] {
            assert_eq!(decide_stay_bound(&stay(status), day).unwrap_err().rule, "E-10", "over, or impossible");
        }
        for status in [MidToLongTerm, TransitionalByLoss] {
            let unknown = Stay { last_day: None, since: None, ..stay(status) };
            assert_eq!(decide_stay_bound(&unknown, TODAY).unwrap_err().rule, "E-10");
        }
    }

    #[test]
    fn e_10_the_special_period_adds_two_months_once_only() {
        let pending = Stay { application_pending: true, ..stay(ResidenceStatus::MidToLongTerm) };
        assert_eq!(decide_stay_bound(&pending, TODAY), Ok(Some(date!(2026 - 05 - 15))));
        assert_eq!(decide_stay_bound(&pending, date!(2026 - 05 - 15)), Ok(Some(date!(2026 - 05 - 15))));
        assert_eq!(decide_stay_bound(&pending, date!(2026 - 05 - 16)).unwrap_err().rule, "E-10");
        let again = Stay { special_period_used: true, ..pending };
        assert_eq!(decide_stay_bound(&again, TODAY), Ok(Some(date!(2026 - 03 - 15))));
        assert_eq!(decide_stay_bound(&again, date!(2026 - 03 - 16)).unwrap_err().rule, "E-10");
    }

    #[test]
    fn v_16_c_07_an_extended_card_ends_and_lengthens_no_certificate_and_offers_their_renewal() {
        let one = |last_day| Some(LiveCertificate { last_day, held: false });
        let old = date!(2026 - 03 - 15);
        let extended =
            Stay { last_day: Some(date!(2029 - 03 - 15)), since: None, ..stay(ResidenceStatus::MidToLongTerm) };
        let decide = |holding, today| {
            decide_card_extension((old, date!(2033 - 06 - 30)), &extended, holding, today, &Policy::default())
        };
        let pair = Holding { auth: one(old), sign: one(old) };
        let now = decide(pair, TODAY).unwrap();
        assert_eq!(now.last_day, date!(2029 - 03 - 15));
        assert_eq!(now.renewals, [(Kind::Auth, TODAY), (Kind::Sign, TODAY)], "in the same visit");
        let opens = date!(2025 - 12 - 16);
        assert_eq!(decide(pair, date!(2025 - 10 - 01)).unwrap().renewals, [(Kind::Auth, opens), (Kind::Sign, opens)]);
        assert_eq!(decide(Holding::default(), TODAY).unwrap().renewals, []);
        assert!(Cause::ALL.iter().all(|cause| !cause.word().contains("exten")), "no cause ends one for it");
    }

    #[test]
    fn v_17_v_16_a_card_is_extended_to_the_earlier_of_stay_and_birthday_and_while_it_is_valid() {
        let ordinary = date!(2027 - 06 - 30);
        let long = Stay { last_day: Some(date!(2031 - 03 - 15)), ..stay(ResidenceStatus::MidToLongTerm) };
        let decide = |stay: &Stay, today| {
            let days = (date!(2026 - 03 - 15), ordinary);
            decide_card_extension(days, stay, Holding::default(), today, &Policy::default())
        };
        assert_eq!(decide(&long, TODAY).unwrap().last_day, ordinary);
        let permanent = stay(ResidenceStatus::PermanentResident);
        assert_eq!(decide(&permanent, TODAY).unwrap().last_day, ordinary);
        let late = decide(&long, date!(2026 - 03 - 16)).unwrap_err();
        assert_eq!((late.rule.as_ref(), late.earliest), ("E-10", Some(date!(2026 - 03 - 16))));
        let same = stay(ResidenceStatus::MidToLongTerm);
        assert_eq!(decide(&same, TODAY).unwrap_err().rule, "E-10", "nothing to gain");
    }
}
