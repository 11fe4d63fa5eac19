//! Until when the certificates are valid (sections 2.1 to 2.4).
//!
//! AUTH is decided first, because its end bounds SIGN (V-02, V-03). Whether today is a day on which a renewal may be
//! asked for is decided in [`replacement`](super::replacement); here `renewing` says that it was.

use serde::{Deserialize, Deserializer, Serialize, de};

use super::{
    Policy, Refusal,
    calendar::{Day, day_text, last_instant, nth_birthday_after},
    card_term::{CardFacts, check_order, decide_card_last_day},
    eligibility::decide_eligibility,
    era::in_japanese,
    window::{check_window, renewal_window},
};
use crate::{kind::Kind, x509::UnixTime};

/// The birthday after the day of issue on which a certificate ends: the 5th, renewed in its window the 6th (V-01,
/// V-02).
const BIRTHDAYS: u16 = 5;

/// What the last days of a pair follow from; one line of `jitsuin validity --jsonl`.
///
/// Only `birth` and `issue_day` are always needed. Without `card_last_day`, `card_issue_day` is. Days are Asia/Tokyo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidityFacts {
    /// Day of birth.
    #[serde(with = "day_text")]
    pub birth: Day,
    /// The day on which the certificates are issued (発行年月日, V-08), not the day the card is handed over.
    #[serde(with = "day_text")]
    pub issue_day: Day,
    /// The day the card was issued.
    #[serde(default, with = "day_text::option")]
    pub card_issue_day: Option<Day>,
    /// The day the card was applied for; none: the day it was issued.
    #[serde(default, with = "day_text::option")]
    pub card_application_day: Option<Day>,
    /// The last day of the card; none: derived from the three other days of the card and the stay.
    ///
    /// Give it for an exchanged card (11th or 6th birthday), which these facts cannot tell from another:
    /// [`decide_card_last_day`].
    #[serde(default, with = "day_text::option")]
    pub card_last_day: Option<Day>,
    /// The last day of the period of stay of a foreign resident, none where it sets no bound (section 2.4).
    ///
    /// The caller has put in what extends it: two months of special period 特例期間
    /// ([`special_period_last_day`](super::card_term::special_period_last_day)), or the sixty days of a transitional
    /// stay. It bounds a derived card only: a given `card_last_day` already knows it, and an extended stay does not
    /// lengthen a card by itself.
    #[serde(default, with = "day_text::option")]
    pub stay_last_day: Option<Day>,
    /// The last day of a live AUTH that the holder has: kept, so that it bounds SIGN; or, where `renewing` names AUTH,
    /// replaced, so that its window is checked.
    #[serde(default, with = "day_text::option")]
    pub auth_last_day: Option<Day>,
    /// The kinds whose live certificate is replaced within its renewal window.
    #[serde(default)]
    pub renewing: Renewing,
}

/// The kinds whose live certificate is replaced within its window. JSON form is a list of kinds, `["auth","sign"]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Renewing {
    /// AUTH is renewed.
    pub auth: bool,
    /// SIGN is renewed.
    pub sign: bool,
}

impl Renewing {
    /// No certificate is renewed.
    pub const NEITHER: Self = Self { auth: false, sign: false };
    /// Both certificates are renewed.
    pub const BOTH: Self = Self { auth: true, sign: true };

    /// Whether this kind is renewed.
    #[must_use]
    pub const fn contains(self, kind: Kind) -> bool {
        match kind {
            Kind::Auth => self.auth,
            Kind::Sign => self.sign,
        }
    }
}

impl Serialize for Renewing {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(Kind::BOTH.into_iter().filter(|kind| self.contains(*kind)))
    }
}

impl<'de> Deserialize<'de> for Renewing {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Kinds;

        impl<'de> de::Visitor<'de> for Kinds {
            type Value = Renewing;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of \"auth\" and \"sign\"")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut kinds: A) -> Result<Renewing, A::Error> {
                let mut renewing = Renewing::NEITHER;
                while let Some(kind) = kinds.next_element()? {
                    match kind {
                        Kind::Auth => renewing.auth = true,
                        Kind::Sign => renewing.sign = true,
                    }
                }
                Ok(renewing)
            }
        }
        input.deserialize_seq(Kinds)
    }
}

/// The last days of a pair, decided. JSON form is the output line of `jitsuin validity --jsonl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Validity {
    /// The last day of the card.
    #[serde(with = "day_text")]
    pub card_last_day: Day,
    /// The last day of AUTH: the one to be issued, or the one that is kept.
    #[serde(with = "day_text")]
    pub auth_last_day: Day,
    /// The last day of SIGN, unless it is refused.
    #[serde(with = "day_text::option")]
    pub sign_last_day: Option<Day>,
    /// notAfter of AUTH (V-09).
    pub auth_not_after: UnixTime,
    /// notAfter of SIGN, unless it is refused.
    pub sign_not_after: Option<UnixTime>,
    /// The first day on which AUTH may be renewed (V-11). SIGN never ends later; it is renewed along with AUTH (V-15).
    #[serde(with = "day_text")]
    pub renewal_opens: Day,
    /// The rule that refuses SIGN: `E-05` under 15.
    pub sign_refused: Option<&'static str>,
}

/// Decides until when the certificates issued on `issue_day` are valid (section 2.3). That notAfter stays within the
/// issuing CA's is for the CA to check.
///
/// # Errors
/// `E-01` for a birth after the issue; `V-05` for impossible days of the card and a card that is over; `E-10` for a
/// stay that is over; `V-12` and `V-14` for an AUTH that is not in its window or expired; `V-01` for an end beyond the
/// year 9999. What contradicts itself: `V-05` for a card that outlasts the stay, `V-14` for a renewal of an AUTH that is not there,
/// `V-01` for an AUTH that outlasts its card.
pub fn decide_validity(facts: &ValidityFacts, policy: &Policy) -> Result<Validity, Refusal> {
    let validity = decide_validity_with(facts, false, policy)?;
    check_contradictions(facts, validity.card_last_day)?;
    Ok(validity)
}

/// Refuses facts that cannot be of one person on one day: where they are recorded, other rules see to it.
fn check_contradictions(facts: &ValidityFacts, card_last_day: Day) -> Result<(), Refusal> {
    if let Some(stay) = facts.stay_last_day.filter(|stay| *stay < card_last_day) {
        let detail = format!("the card says {card_last_day}, but the stay lets it last until {stay} only");
        return Err(Refusal::new("V-05", detail).with_ja(format!(
            "カードの有効期間は{}までですが、在留期間により{}までしか有効にできません。",
            in_japanese(card_last_day),
            in_japanese(stay)
        )));
    }
    match facts.auth_last_day {
        None if facts.renewing.auth => {
            let detail = "give auth_last_day: AUTH is renewed where a live one is replaced, and in its window";
            Err(Refusal::new("V-14", detail)
                .with_ja("更新前の利用者証明用電子証明書の満了日を入力してください。")
                .in_case("contradiction"))
        }
        Some(kept) if !facts.renewing.auth && kept > card_last_day => {
            let detail = format!("AUTH cannot be valid until {kept}: the card is valid until {card_last_day} only");
            Err(Refusal::new("V-01", detail)
                .with_ja(format!(
                    "利用者証明用の満了日（{}）がカードの満了日（{}）より後です。",
                    in_japanese(kept),
                    in_japanese(card_last_day)
                ))
                .in_case("after-card"))
        }
        _ => Ok(()),
    }
}

/// The same, where an exception lets somebody under 15 have SIGN (E-07).
///
/// # Errors
/// Those of [`decide_validity`].
pub fn decide_validity_with(facts: &ValidityFacts, excepted: bool, policy: &Policy) -> Result<Validity, Refusal> {
    decide_eligibility(Kind::Auth, facts.birth, false, facts.issue_day)?;
    let card_last_day = card_last_day(facts, policy)?;
    let kept_auth = kept_auth_last_day(facts, policy)?;
    let auth_last_day = match kept_auth {
        Some(kept) => kept,
        None => by_birthdays(facts, Kind::Auth)?.min(card_last_day),
    };
    let sign = match decide_eligibility(Kind::Sign, facts.birth, false, facts.issue_day) {
        // The only rule of SIGN that a day of birth can break.
        Err(_) if !excepted => Err("E-05"),
        _ => Ok(by_birthdays(facts, Kind::Sign)?.min(auth_last_day).min(card_last_day)),
    };
    Ok(Validity {
        card_last_day,
        auth_last_day,
        sign_last_day: sign.ok(),
        auth_not_after: last_instant(auth_last_day),
        sign_not_after: sign.ok().map(last_instant),
        renewal_opens: *renewal_window(auth_last_day, policy).start(),
        sign_refused: sign.err(),
    })
}

fn card_last_day(facts: &ValidityFacts, policy: &Policy) -> Result<Day, Refusal> {
    let issue_day = facts.issue_day;
    let dated = facts.card_issue_day.or(facts.card_application_day);
    if let Some(card_issue_day) = dated {
        check_order(facts.birth, facts.card_application_day.unwrap_or(card_issue_day), card_issue_day)?;
        if card_issue_day > issue_day {
            let detail = format!("the card was issued on {card_issue_day}, after the certificates on {issue_day}");
            return Err(Refusal::new("V-05", detail).with_ja(format!(
                "カードの発行日（{}）が電子証明書の発行日（{}）より後です。",
                in_japanese(card_issue_day),
                in_japanese(issue_day)
            )));
        }
    }
    if let Some(stay) = facts.stay_last_day.filter(|stay| *stay < issue_day) {
        let detail = format!(
            "the period of stay ended on {stay}; give its extension, once it is granted or in the special period"
        );
        return Err(Refusal::new("E-10", detail).with_ja(format!(
            "在留期間は{}に満了しています。更新または特例期間による満了日を入力してください。",
            in_japanese(stay)
        )));
    }
    let last_day = match (facts.card_last_day, facts.card_issue_day) {
        (Some(last_day), _) => last_day,
        (None, Some(card_issue_day)) => derived_card_last_day(facts, card_issue_day, policy)?,
        (None, None) => {
            return Err(Refusal::new("V-05", "give card_last_day, or card_issue_day to derive it from")
                .with_ja("カードの有効期間の満了日または発行日を入力してください。"));
        }
    };
    if last_day < issue_day {
        let detail = format!("the card was valid until {last_day}; certificates can be issued on a new card");
        return Err(Refusal::new("V-05", detail)
            .with_ja(format!("カードの有効期間は{}までです。新しいカードには発行できます。", in_japanese(last_day)))
            .in_case("over"));
    }
    Ok(last_day)
}

fn derived_card_last_day(facts: &ValidityFacts, issue_day: Day, policy: &Policy) -> Result<Day, Refusal> {
    let card = CardFacts {
        birth: facts.birth,
        issue_day,
        application_day: facts.card_application_day.unwrap_or(issue_day),
        stay_last_day: facts.stay_last_day,
        exchanged_last_day: None,
    };
    decide_card_last_day(&card, policy)
}

/// The last day of the AUTH that goes on; none where AUTH is issued now.
fn kept_auth_last_day(facts: &ValidityFacts, policy: &Policy) -> Result<Option<Day>, Refusal> {
    let Some(last_day) = facts.auth_last_day else { return Ok(None) };
    if facts.renewing.auth {
        check_window(last_day, facts.issue_day, policy)?;
        return Ok(None);
    }
    if last_day < facts.issue_day {
        let detail =
            format!("the authentication certificate expired after {last_day}; issue it again along with this one");
        return Err(Refusal::new("V-14", detail)
            .with_ja(format!(
                "利用者証明用電子証明書は{}に満了しています。署名用とあわせて発行してください。",
                in_japanese(last_day)
            ))
            .possible_from(facts.issue_day));
    }
    Ok(Some(last_day))
}

fn by_birthdays(facts: &ValidityFacts, kind: Kind) -> Result<Day, Refusal> {
    let birthdays = BIRTHDAYS + u16::from(facts.renewing.contains(kind));
    nth_birthday_after(facts.birth, facts.issue_day, birthdays).ok_or_else(|| {
        Refusal::new("V-01", "the certificate would end after the year 9999")
            .with_ja("電子証明書の満了日が9999年を超えます。")
    })
}

#[cfg(test)]
mod tests;
