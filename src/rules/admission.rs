//! May a certificate of this kind be put on this card for this person today: everything about person and card that section
//! 1.1 asks, in its order (E-01, E-03, E-05 to E-12).

use serde::{Deserialize, Serialize};
use time::macros::date;

use super::{
    CertificateState, Refusal,
    calendar::{Day, day_text, plus_days},
    eligibility::{Eligible, decide_eligibility_with},
    era::in_japanese,
    exception::Exception,
    face_authentication::check_sign_can_be_stored,
    procedure::CounterPolicy,
    stay::{Stay, decide_stay_bound},
};
use crate::kind::Kind;

/// The first day on which who lives abroad may hold certificates, through the municipality of 本籍 (E-01).
const OVERSEAS_FROM: Day = date!(2024 - 05 - 27);
/// The last day on which certificates were issued on 住民基本台帳カード (E-12).
const LEGACY_UNTIL: Day = date!(2015 - 12 - 22);
/// Their validity of three years, at its longest.
const LEGACY_DAYS: u16 = 3 * 365 + 1;

/// Where a person is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Registration {
    /// In the resident register 住民基本台帳.
    #[default]
    Resident,
    /// Abroad, in 戸籍の附票, as a Japanese national.
    Overseas,
    /// Nowhere, or no more.
    None,
}

/// The person a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HolderFacts {
    /// Day of birth.
    #[serde(with = "day_text")]
    pub birth: Day,
    /// Whether they are a 成年被後見人.
    #[serde(default)]
    pub ward: bool,
    /// Where they are recorded.
    #[serde(default)]
    pub registration: Registration,
    /// Their stay, for foreign residents.
    #[serde(default)]
    pub stay: Option<Stay>,
}

/// The card a certificate is to be put on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardOnHand {
    /// Its last day.
    #[serde(with = "day_text")]
    pub last_day: Day,
    /// Whether it is void.
    #[serde(default)]
    pub void: bool,
    /// Whether it is suspended (一時停止).
    #[serde(default)]
    pub suspended: bool,
    /// Whether it is a 顔認証マイナンバーカード.
    #[serde(default)]
    pub face_authentication: bool,
    /// Whether 追記欄 is full.
    #[serde(default)]
    pub addendum_full: bool,
}

/// Decides whether the card can take a certificate.
///
/// # Errors
/// `E-03` for a card that is void, suspended or over.
pub fn check_card(card: &CardOnHand, today: Day) -> Result<(), Refusal> {
    if card.void {
        Err(void_card())
    } else if card.suspended {
        // A suspended card can be released at once; a new card is there when it is there.
        Err(suspended_card().possible_from(today))
    } else if card.last_day < today {
        let last_day = in_japanese(card.last_day);
        Err(Refusal::new("E-03", format!("the card was valid until {}; take a new card", card.last_day))
            .with_ja(format!("カードの有効期間は{last_day}までです。新しいカードの交付を受けてください。"))
            .in_case("over"))
    } else {
        Ok(())
    }
}

/// The refusal of what needs a card that is valid (E-03).
#[must_use]
pub fn void_card() -> Refusal {
    Refusal::new("E-03", "the card is void; certificates need a valid card")
        .with_ja("カードは失効しています。電子証明書の発行には有効なカードが必要です。")
        .in_case("over")
}

/// The refusal of what a card that is suspended does not take (E-03).
#[must_use]
pub fn suspended_card() -> Refusal {
    Refusal::new("E-03", "the card is suspended (一時停止); release it when it is found, or take a new card")
        .with_ja("カードは一時停止中です。見つかった場合は解除し、見つからない場合は再交付を受けてください。")
        .in_case("suspended")
}

/// Decides whether a certificate of the kind may be put on the card for the person.
///
/// # Errors
/// `E-01` for who is not recorded, `E-03` for the card, `E-09` for SIGN on a face-authentication card, `E-10` for the stay,
/// `E-05` and `E-06` where no exception was made.
pub fn decide_admission(
    kind: Kind,
    holder: &HolderFacts,
    card: &CardOnHand,
    exception: Option<&Exception>,
    (today, policy): (Day, &CounterPolicy),
) -> Result<Eligible, Refusal> {
    check_registration(holder, today)?;
    check_card(card, today)?;
    if kind == Kind::Sign {
        check_sign_can_be_stored(card.face_authentication)?;
    }
    if let Some(stay) = &holder.stay {
        check_stay(stay, card, today)?;
    }
    decide_eligibility_with(kind, (holder.birth, holder.ward), exception, today, policy)
}

/// Refuses a stay that is over, and a card that outlasts the stay (E-10): certificates follow the card, so its change comes
/// first.
fn check_stay(stay: &Stay, card: &CardOnHand, today: Day) -> Result<(), Refusal> {
    match decide_stay_bound(stay, today)? {
        Some(bound) if card.last_day > bound => {
            let detail = format!(
                "the card says {}, but the stay lets it last until {bound} only; report the change of the card first",
                card.last_day
            );
            Err(Refusal::new("E-10", detail)
                .with_ja(format!(
                    "カードの有効期間は{}までですが、在留期間により{}までしか有効にできません。\
                     先にカードの有効期間の変更を届け出てください。",
                    in_japanese(card.last_day),
                    in_japanese(bound)
                ))
                .in_case("card-longer"))
        }
        _ => Ok(()),
    }
}

/// Refuses who is not recorded (E-01).
///
/// # Errors
/// `E-01`.
pub fn check_registration(holder: &HolderFacts, today: Day) -> Result<(), Refusal> {
    match holder.registration {
        Registration::Resident => Ok(()),
        Registration::None => Err(Refusal::new("E-01", "the person is not recorded in the resident register")
            .with_ja("住民基本台帳に記録がありません。")),
        Registration::Overseas if holder.stay.is_some() => {
            Err(Refusal::new("E-01", "only Japanese nationals abroad are recorded in 戸籍の附票")
                .with_ja("国外に転出した方のうち、戸籍の附票に記録されるのは日本国民に限ります。")
                .in_case("abroad"))
        }
        Registration::Overseas if today < OVERSEAS_FROM => {
            let detail = format!("nationals abroad hold certificates from {OVERSEAS_FROM} on");
            Err(Refusal::new("E-01", detail)
                .with_ja(format!("国外に転出した日本国民への発行は{}からです。", in_japanese(OVERSEAS_FROM)))
                .in_case("abroad")
                .possible_from(OVERSEAS_FROM))
        }
        Registration::Overseas => Ok(()),
    }
}

/// The kinds that a first card comes with: each that the person may have and has not declined in its box 「不要」 (E-08).
/// What was declined or refused then can be applied for on any later day.
#[must_use]
pub fn kinds_with_first_card(
    holder: &HolderFacts,
    card: &CardOnHand,
    declined: &[Kind],
    (today, policy): (Day, &CounterPolicy),
) -> Vec<Kind> {
    let wanted = Kind::BOTH.into_iter().filter(|kind| !declined.contains(kind));
    wanted.filter(|kind| decide_admission(*kind, holder, card, None, (today, policy)).is_ok()).collect()
}

/// A certificate of a 住民基本台帳カード, as it is imported (E-12): expired, and there for the record only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegacyCertificate {
    /// Its last day at the latest: three years after its issue.
    pub last_day: Day,
    /// Its state, which is final.
    pub state: CertificateState,
}

/// Decides about the import of a certificate of a 住民基本台帳カード.
///
/// # Errors
/// `E-12` for one that was issued when none were any more, or that would not have expired.
pub fn decide_legacy_import(issued: Day, today: Day) -> Result<LegacyCertificate, Refusal> {
    if issued > LEGACY_UNTIL {
        let detail = format!("none was issued after {LEGACY_UNTIL}");
        return Err(Refusal::new("E-12", detail)
            .with_ja(format!("{}より後に発行されたものはありません。", in_japanese(LEGACY_UNTIL))));
    }
    let last_day = plus_days(issued, LEGACY_DAYS).unwrap_or(Day::MAX);
    if today <= last_day {
        let detail = format!("it may be valid until {last_day}; only what has expired is imported");
        return Err(Refusal::new("E-12", detail)
            .with_ja(format!(
                "{}まで有効な可能性があります。取り込むのは有効期間が満了したものに限ります。",
                in_japanese(last_day)
            ))
            .possible_from(last_day.next_day().unwrap_or(Day::MAX)));
    }
    Ok(LegacyCertificate { last_day, state: CertificateState::Expired })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{
        Asked, Event, LiveCertificate, Policy, Replacement, decide_replacement, decide_transition,
        stay::ResidenceStatus,
    };

    const TODAY: Day = date!(2025 - 05 - 01);

    fn holder() -> HolderFacts {
        HolderFacts { birth: date!(1990 - 07 - 07), ward: false, registration: Registration::Resident, stay: None }
    }

    fn card() -> CardOnHand {
        CardOnHand {
            last_day: date!(2030 - 07 - 07),
            void: false,
            suspended: false,
            face_authentication: false,
            addendum_full: false,
        }
    }

    fn decide(kind: Kind, holder: HolderFacts, card: CardOnHand, today: Day) -> Result<Eligible, String> {
        decide_admission(kind, &holder, &card, None, (today, &CounterPolicy::default()))
            .map_err(|refusal| refusal.rule.into_owned())
    }

    #[test]
    fn e_01_who_is_recorded_here_or_since_2024_abroad_is_admitted() {
        let short = Stay {
            status: ResidenceStatus::PermanentResident,
            last_day: None,
            since: None,
            application_pending: false,
            special_period_used: false,
        };
        let rows = [
            (Registration::Resident, None, TODAY, true),
            (Registration::Resident, Some(short), TODAY, true),
            (Registration::None, None, TODAY, false),
            (Registration::Overseas, None, TODAY, true),
            (Registration::Overseas, None, date!(2024 - 05 - 27), true),
            (Registration::Overseas, None, date!(2024 - 05 - 26), false),
            (Registration::Overseas, Some(short), TODAY, false),
        ];
        for (registration, stay, today, admitted) in rows {
            for kind in Kind::BOTH {
                let decided = decide(kind, HolderFacts { registration, stay, ..holder() }, card(), today);
                assert_eq!(decided.is_ok(), admitted, "{registration:?} {stay:?} {today}");
                assert!(admitted || decided == Err("E-01".to_owned()));
            }
        }
    }

    #[test]
    fn e_03_only_a_valid_card_takes_a_certificate() {
        let last_day = |last_day| CardOnHand { last_day, ..card() };
        let rows = [
            (card(), true),
            (last_day(TODAY), true),
            (last_day(date!(2025 - 04 - 30)), false),
            (CardOnHand { void: true, ..card() }, false),
            (CardOnHand { suspended: true, ..card() }, false),
        ];
        for (card, taken) in rows {
            for kind in Kind::BOTH {
                let expected = if taken { Ok(34) } else { Err("E-03".to_owned()) };
                assert_eq!(decide(kind, holder(), card, TODAY).map(Eligible::age), expected, "{card:?}");
            }
        }
    }

    #[test]
    fn e_08_what_was_declined_or_refused_with_the_card_is_issued_later_as_a_first_one() {
        let child = HolderFacts { birth: date!(2012 - 09 - 15), ..holder() };
        let face = CardOnHand { face_authentication: true, ..card() };
        let rows: [(HolderFacts, CardOnHand, &[Kind], &[Kind]); 6] = [
            (holder(), card(), &[], &[Kind::Auth, Kind::Sign]),
            (holder(), card(), &[Kind::Sign], &[Kind::Auth]),
            (holder(), card(), &[Kind::Auth], &[Kind::Sign]),
            (holder(), card(), &Kind::BOTH, &[]),
            (child, card(), &[], &[Kind::Auth]),
            (holder(), face, &[], &[Kind::Auth]),
        ];
        for (holder, card, declined, expected) in rows {
            let with = (TODAY, &CounterPolicy::default());
            assert_eq!(kinds_with_first_card(&holder, &card, declined, with), expected, "{declined:?}");
        }
        // 杉並区: 「交付申請のときには電子証明書を希望しなかったが、その後に必要になった場合」, on any day of the card.
        for today in [TODAY, date!(2028 - 01 - 01), card().last_day] {
            assert!(decide(Kind::Sign, holder(), card(), today).is_ok());
            assert_eq!(decide_replacement(None, Asked::New, today, &Policy::default()), Ok(Replacement::First));
        }
    }

    #[test]
    fn e_10_the_card_does_not_outlast_the_stay() {
        let stay = |last_day, application_pending, special_period_used| {
            let status = ResidenceStatus::MidToLongTerm;
            Some(Stay { status, last_day: Some(last_day), since: None, application_pending, special_period_used })
        };
        let end = card().last_day;
        let rows = [
            (stay(end, false, false), true),
            (stay(end.previous_day().unwrap(), false, false), false),
            (stay(date!(2030 - 05 - 07), true, false), true),
            (stay(date!(2030 - 05 - 06), true, false), false),
            (stay(date!(2030 - 05 - 07), true, true), false),
        ];
        for (stay, admitted) in rows {
            let decided = decide(Kind::Auth, HolderFacts { stay, ..holder() }, card(), TODAY);
            assert_eq!(decided.is_ok(), admitted, "{stay:?}");
            assert!(admitted || decided == Err("E-10".to_owned()));
        }
    }

    #[test]
    fn e_09_e_10_card_and_stay_are_asked_before_the_age() {
        let face = CardOnHand { face_authentication: true, ..card() };
        assert_eq!(decide(Kind::Sign, holder(), face, TODAY), Err("E-09".to_owned()));
        assert!(decide(Kind::Auth, holder(), face, TODAY).is_ok());
        let stay = Stay {
            status: ResidenceStatus::MidToLongTerm,
            last_day: Some(date!(2025 - 04 - 30)),
            since: None,
            application_pending: false,
            special_period_used: false,
        };
        for kind in Kind::BOTH {
            let over = HolderFacts { stay: Some(stay), ..holder() };
            assert_eq!(decide(kind, over, card(), TODAY), Err("E-10".to_owned()));
        }
    }

    #[test]
    fn e_12_what_was_on_a_register_card_is_imported_as_expired_and_never_renewed() {
        // 伊丹市: 「発行の日から3年間ですでに失効しています…更新はできません」.
        let today = date!(2026 - 01 - 05);
        for issued in [date!(2004 - 01 - 29), LEGACY_UNTIL] {
            let legacy = decide_legacy_import(issued, today).unwrap();
            assert_eq!(legacy.state, CertificateState::Expired);
            let one = LiveCertificate { last_day: legacy.last_day, held: false };
            let renewed = decide_replacement(Some(one), Asked::Renewal, today, &Policy::default());
            assert_eq!(renewed.unwrap_err().rule, "V-14");
            for event in [Event::Complete, Event::Hold, Event::Release, Event::Expire] {
                let revived = decide_transition(Kind::Sign, legacy.state, event, &Policy::default());
                assert_eq!(revived.unwrap_err().rule, "R-01");
            }
        }
        let late = decide_legacy_import(date!(2015 - 12 - 23), today).unwrap_err();
        assert_eq!(late.rule, "E-12");
        let valid = decide_legacy_import(LEGACY_UNTIL, date!(2018 - 12 - 22)).unwrap_err();
        assert_eq!((valid.rule.as_ref(), valid.earliest), ("E-12", Some(date!(2018 - 12 - 23))));
    }
}
