//! PINs (暗証番号): their form, their locks, and where they are set again (P-01 to P-10).
//!
//! The service never sees a PIN: the card takes it, and the counter between the two forgets it. This file decides for
//! whoever stands at the card; what it holds is wiped from memory.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Refusal, calendar::Day};
use crate::kind::Kind;

/// A PIN of the right form, in the form that the card stores. It does not print itself and is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin {
    kind: Kind,
    characters: Zeroizing<String>,
}

impl Pin {
    /// Which certificate's.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// What the card compares.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.characters.as_bytes()
    }

    /// What is unwise about it, though allowed (P-04): short, or made of the day of birth.
    #[must_use]
    pub fn advice(&self, birth: Option<Day>) -> Vec<PinAdvice> {
        let mut advice = Vec::new();
        if self.kind == Kind::Sign && self.characters.len() < 8 {
            advice.push(PinAdvice::Short);
        }
        if birth.is_some_and(|birth| birthday_digits(birth).iter().any(|digits| self.characters.contains(digits))) {
            advice.push(PinAdvice::Birthday);
        }
        advice
    }
}

impl std::fmt::Debug for Pin {
    /// Never the PIN.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pin({})", self.kind)
    }
}

/// What is unwise about a PIN (P-04).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinAdvice {
    /// Fewer than eight characters.
    Short,
    /// The day of birth is in it.
    Birthday,
}

/// Month and day, and the year.
fn birthday_digits(birth: Day) -> [String; 2] {
    [format!("{:02}{:02}", u8::from(birth.month()), birth.day()), format!("{:04}", birth.year())]
}

/// Misses in a row after which the card locks the PIN (P-03). Nothing but a reset at the counter or shop opens it again.
#[must_use]
pub const fn tries(kind: Kind) -> u8 {
    match kind {
        Kind::Sign => 5,
        Kind::Auth => 3,
    }
}

/// How often a PIN was missed in a row. It lives on the card alone; the service has neither PIN nor count, and a lock ends
/// no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinLock {
    kind: Kind,
    misses: u8,
}

impl PinLock {
    /// None missed yet, or the PIN reset (P-07).
    #[must_use]
    pub const fn open(kind: Kind) -> Self {
        Self { kind, misses: 0 }
    }

    /// Whether no PIN is taken any more. No time passes that would change it.
    #[must_use]
    pub const fn is_locked(self) -> bool {
        self.misses >= tries(self.kind)
    }

    /// The count after an entry: a hit clears it unless it is locked.
    #[must_use]
    pub const fn after(self, hit: bool) -> Self {
        let misses = match (self.is_locked(), hit) {
            (true, _) => self.misses,
            (false, true) => 0,
            (false, false) => self.misses + 1,
        };
        Self { misses, ..self }
    }
}

/// Takes a PIN as it is typed: letters are stored upper-case, so lower-case ones are raised (P-02, C-10).
///
/// # Errors
/// `P-01` for another form: SIGN has 6 to 16 of A-Z and 0-9 with at least one of each, AUTH has exactly 4 digits. The
/// detail never quotes what was typed.
pub fn decide_pin(kind: Kind, typed: &str) -> Result<Pin, Refusal> {
    let characters = Zeroizing::new(typed.to_ascii_uppercase());
    let digits = characters.bytes().filter(u8::is_ascii_digit).count();
    let letters = characters.bytes().filter(u8::is_ascii_uppercase).count();
    let (detail, ja) = match kind {
        Kind::Sign if digits + letters != characters.len() => {
            ("SIGN: a PIN is made of A-Z and 0-9", "署名用の暗証番号は英大文字（A〜Z）と数字です。")
        }
        Kind::Sign if !(6..=16).contains(&characters.len()) => {
            ("SIGN: a PIN has 6 to 16 characters", "署名用の暗証番号は6文字以上16文字以下です。")
        }
        Kind::Sign if digits == 0 || letters == 0 => (
            "SIGN: a PIN has at least one letter and one digit",
            "署名用の暗証番号には英字と数字がそれぞれ1文字以上必要です。",
        ),
        Kind::Auth if digits != 4 || characters.len() != 4 => {
            ("AUTH: a PIN has exactly 4 digits", "利用者証明用の暗証番号は数字4桁です。")
        }
        _ => return Ok(Pin { kind, characters }),
    };
    Err(Refusal::new("P-01", detail).with_ja(ja))
}

/// Where a PIN can be set again (P-07, P-08, P-09).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinReset {
    /// At a convenience store within a day of the reservation made on the telephone, 06:30 to 23:00.
    Shop,
    /// At the counter only.
    Counter,
}

/// What the card is like when a PIN has to be set again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinSituation {
    /// Whether both certificates are live.
    pub both_live: bool,
    /// Whether the PIN of the other certificate is known and not locked.
    pub other_pin_known: bool,
    /// Whether the card is a 顔認証マイナンバーカード.
    pub face_authentication: bool,
}

/// Decides where the PIN of a certificate can be set again.
///
/// # Errors
/// `P-10` for a face-authentication card, which has no PIN.
pub fn decide_pin_reset(situation: &PinSituation) -> Result<PinReset, Refusal> {
    if situation.face_authentication {
        return Err(Refusal::new("P-10", "a face-authentication card has no PIN")
            .with_ja("顔認証マイナンバーカードには暗証番号がありません。"));
    }
    let shop = situation.both_live && situation.other_pin_known;
    Ok(if shop { PinReset::Shop } else { PinReset::Counter })
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn p_01_sign_has_letters_and_digits_six_to_sixteen() {
        for good in ["ABC123", "1A1111", "ABCDEFGHIJKLMN12", "A1B2C3D4"] {
            assert!(decide_pin(Kind::Sign, good).is_ok(), "{good}");
        }
        let bad = [
            "",
            "A1B2C",
            "ABCDEFGHIJKLMNO12",
            "ABCDEF",
            "123456",
            "ABC 123",
            "ABC-123",
            "ＡＢＣ１２３",
            "ABC123\n",
            "ABCé123",
        ];
        for bad in bad {
            let refusal = decide_pin(Kind::Sign, bad).unwrap_err();
            assert_eq!(refusal.rule, "P-01", "{bad}");
            assert!(bad.is_empty() || !refusal.detail.contains(bad), "the detail quotes the PIN");
        }
    }

    #[test]
    fn p_01_auth_has_four_digits() {
        assert!(decide_pin(Kind::Auth, "0000").is_ok());
        for bad in ["", "123", "12345", "123A", "１２３４", " 1234", "12 4"] {
            assert_eq!(decide_pin(Kind::Auth, bad).unwrap_err().rule, "P-01", "{bad}");
        }
    }

    #[test]
    fn p_02_c_10_lower_case_is_raised() {
        assert_eq!(decide_pin(Kind::Sign, "abc123").unwrap().as_bytes(), b"ABC123");
    }

    #[test]
    fn p_03_the_card_locks_after_five_and_three_misses_in_a_row_and_stays_locked() {
        let after = |kind, entries: &str| entries.chars().fold(PinLock::open(kind), |lock, one| lock.after(one == 'h'));
        let rows = [
            (Kind::Sign, "mmmm", false),
            (Kind::Sign, "mmmmm", true),
            (Kind::Sign, "mmmmhmmmm", false),
            (Kind::Sign, "mmmmmhhh", true),
            (Kind::Auth, "mm", false),
            (Kind::Auth, "mmm", true),
            (Kind::Auth, "mmhmm", false),
            (Kind::Auth, "mmmhhhhhh", true),
        ];
        for (kind, entries, locked) in rows {
            assert_eq!(after(kind, entries).is_locked(), locked, "{kind} {entries}");
        }
        let long = "m".repeat(1000);
        assert!(after(Kind::Sign, &long).is_locked(), "no overflow");
    }

    #[test]
    fn p_04_advice_is_given_and_nothing_refused() {
        let birth = Some(date!(1980 - 02 - 17));
        let advice = |kind, text, birth| decide_pin(kind, text).unwrap().advice(birth);
        assert_eq!(advice(Kind::Sign, "A1B2C3", birth), [PinAdvice::Short]);
        assert_eq!(advice(Kind::Sign, "TARO1980X", birth), [PinAdvice::Birthday]);
        assert_eq!(advice(Kind::Auth, "0217", birth), [PinAdvice::Birthday]);
        assert_eq!(advice(Kind::Auth, "0217", None), []);
        assert_eq!(advice(Kind::Sign, "XK4PL9QZ", birth), []);
    }

    #[test]
    fn p_08_the_shop_resets_one_pin_by_the_other() {
        for bits in 0..4_u8 {
            let situation =
                PinSituation { both_live: bits & 1 != 0, other_pin_known: bits & 2 != 0, face_authentication: false };
            let expected = if bits == 3 { PinReset::Shop } else { PinReset::Counter };
            assert_eq!(decide_pin_reset(&situation), Ok(expected));
        }
    }

    #[test]
    fn p_10_a_card_without_pins_has_none_to_reset() {
        let situation = PinSituation { both_live: true, other_pin_known: true, face_authentication: true };
        assert_eq!(decide_pin_reset(&situation).unwrap_err().rule, "P-10");
    }

    #[test]
    fn a_pin_does_not_print_itself() {
        assert_eq!(format!("{:?}", decide_pin(Kind::Sign, "SECRET1").unwrap()), "Pin(sign)");
    }
}
