//! What is possible and yet unwise: what the counter tells who applies, before and after.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{calendar::Day, deadline::Deadline, era::in_japanese};

/// Something to be told along with a yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Warning {
    /// The rule it follows from.
    pub rule: Cow<'static, str>,
    /// Plain English.
    pub detail: String,
    /// The same in Japanese.
    pub detail_ja: String,
}

impl Warning {
    fn new(rule: &'static str, detail: String, detail_ja: String) -> Self {
        Self { rule: rule.into(), detail, detail_ja }
    }

    /// SIGN ends earlier than it would by its birthdays, and before AUTH (V-02).
    #[must_use]
    pub fn sign_ends_before_auth(sign: Day, auth: Day) -> Self {
        let [sign_ja, auth_ja] = [sign, auth].map(in_japanese);
        let detail_ja = format!("署名用は{sign_ja}まで有効で、利用者証明用（{auth_ja}まで）より先に満了します。");
        Self::new("V-02", format!("SIGN ends on {sign}, before AUTH on {auth}"), detail_ja)
    }

    /// AUTH, which stays, bounds SIGN, and could be renewed (V-15).
    #[must_use]
    pub fn sign_ends_with_auth(auth: Day) -> Self {
        let detail = format!("SIGN ends with AUTH on {auth}; issued after AUTH is renewed, it lasts longer");
        let auth = in_japanese(auth);
        let detail_ja = format!(
            "署名用は利用者証明用と同じ{auth}に満了します。利用者証明用を先に更新すると、より長く有効になります。"
        );
        Self::new("V-15", detail, detail_ja)
    }

    /// The card ends soon, and what is on it (W-05).
    #[must_use]
    pub fn card_ends(last_day: Day) -> Self {
        let detail = format!("the card ends on {last_day} and everything on it; renew the card");
        let last_day = in_japanese(last_day);
        let detail_ja =
            format!("カード自体が{last_day}に満了し、電子証明書も同時に満了します。カードの更新をご案内ください。");
        Self::new("W-05", detail, detail_ja)
    }

    /// A card has to be presented after a move before the reply to an inquiry is due (M-02).
    #[must_use]
    pub fn card_to_present(deadline: Deadline, today: Day) -> Self {
        let detail = format!("the card has to be presented {}, or it is void", deadline.told_on(today));
        let detail_ja = format!("カードは{}までに提示しないと失効します。", in_japanese(deadline.told));
        Self::new("M-02", detail, detail_ja)
    }

    /// SIGN has other characters than the register (N-04).
    #[must_use]
    pub fn substitutes(count: usize) -> Self {
        let detail = format!("SIGN has {count} substitutes for characters of the register; show them to the applicant");
        let detail_ja = format!("署名用電子証明書に代替文字が{count}文字あります。申請者に確認してもらってください。");
        Self::new("N-04", detail, detail_ja)
    }

    /// Abroad, only a card that goes on has certificates (E-01).
    #[must_use]
    pub fn abroad() -> Self {
        let detail = "abroad, certificates are issued to who left with a card that goes on (`overseas-move-with-continued-use`); \
                      who left without is refused until the resident register has them again (`registration`)";
        let detail_ja = "国外転出者に発行できるのは、カードの継続利用の手続をして転出した方に限ります。\
                         手続をせずに転出した方は、再び住民票に記録されるまで発行できません。";
        Self::new("E-01", detail.into(), detail_ja.into())
    }
}

/// As answers keep it: those of before it had Japanese words are one text, `… (W-05)`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Text(String),
    Whole { rule: String, detail: String, detail_ja: String },
}

impl From<Stored> for Warning {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Whole { rule, detail, detail_ja } => Self { rule: rule.into(), detail, detail_ja },
            Stored::Text(text) => {
                let parts = text.strip_suffix(')').and_then(|text| text.rsplit_once(" ("));
                let (detail, rule) = parts.unwrap_or((&text, ""));
                Self { rule: rule.to_owned().into(), detail: detail.to_owned(), detail_ja: detail.to_owned() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn both_languages_say_the_day() {
        let warning = Warning::card_ends(date!(2031 - 02 - 17));
        assert!(warning.detail.contains("2031-02-17"), "{warning:?}");
        assert!(warning.detail_ja.contains("令和13年2月17日"), "{warning:?}");
        let json = serde_json::to_string(&warning).unwrap();
        assert_eq!(serde_json::from_str::<Warning>(&json).unwrap(), warning);
    }

    #[test]
    fn an_answer_of_before_is_read() {
        let old: Warning =
            serde_json::from_str(r#""SIGN ends on 2031-02-17, before AUTH on 2031-03-01 (V-02)""#).unwrap();
        assert_eq!((&*old.rule, old.detail.as_str()), ("V-02", "SIGN ends on 2031-02-17, before AUTH on 2031-03-01"));
        assert_eq!(old.detail_ja, old.detail);
    }
}
