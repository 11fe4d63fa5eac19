//! A text of the signing certificate with its substitution flags (N-05).

use std::fmt;

use super::{Refusal, characters::decide_characters};

/// The full-width space that separates the parts of a name, and the building in an address.
const SPACE: char = '\u{3000}';

/// A text of the certificate with one flag a character, full-width spaces included: `1` where the register has another
/// character (N-05).
///
/// Every character is one that the certificate may hold (N-02).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FlaggedText {
    text: String,
    flags: String,
}

impl FlaggedText {
    /// Takes a text and its flags; without flags, no character is a substitute.
    ///
    /// # Errors
    /// `N-01` for an empty text, `N-02` for a character that certificates do not hold, `N-05` for half-width
    /// characters, spaces at an end or other than U+3000, and flags that are not one `0` or `1` a character.
    pub fn new(text: &str, flags: Option<&str>) -> Result<Self, Refusal> {
        if text.is_empty() {
            return Err(Refusal::new("N-01", "the text is empty").with_ja("入力されていません。"));
        }
        check_widths(text)?;
        let text = decide_characters(text)?;
        if text.starts_with(SPACE) || text.ends_with(SPACE) {
            return Err(Refusal::new("N-05", "the text begins or ends with a space")
                .with_ja("先頭または末尾に空白があります。"));
        }
        let characters = text.chars().count();
        let flags = flags.map_or_else(|| "0".repeat(characters), str::to_owned);
        if flags.len() != characters || !flags.bytes().all(|flag| matches!(flag, b'0' | b'1')) {
            let detail = format!("{characters} characters need {characters} flags, each 0 or 1");
            return Err(Refusal::new("N-05", detail)
                .with_ja(format!("{characters}文字には代替文字の有無（0または1）が{characters}個必要です。")));
        }
        Ok(Self { text: text.to_owned(), flags })
    }

    /// The text, full-width.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The flags, one octet `0` or `1` a character.
    #[must_use]
    pub fn flags(&self) -> &str {
        &self.flags
    }

    /// The same for a text of at most so many characters.
    ///
    /// # Errors
    /// `N-01` for a longer one, and those of [`new`](Self::new).
    pub fn bounded(text: &str, flags: Option<&str>, most: usize) -> Result<Self, Refusal> {
        // Counting octets first keeps the work within the bound too: no character has more than four.
        if text.len() > 4 * most || text.chars().count() > most {
            return Err(Refusal::new("N-01", format!("the text has more than {most} characters"))
                .with_ja(format!("{most}文字を超えています。")));
        }
        Self::new(text, flags)
    }
}

impl fmt::Debug for FlaggedText {
    /// The length only: logs hold no names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FlaggedText({} characters)", self.flags.len())
    }
}

/// Refuses what has a full-width form, and every space but U+3000.
fn check_widths(text: &str) -> Result<(), Refusal> {
    for (index, character) in text.chars().enumerate() {
        let place = index + 1;
        if character.is_whitespace() && character != SPACE {
            let detail =
                format!("character {place} is U+{:04X}; separate by the full-width space U+3000", u32::from(character));
            return Err(Refusal::new("N-05", detail).with_ja(format!(
                "{place}文字目（U+{:04X}）は使えない空白です。全角の空白で区切ってください。",
                u32::from(character)
            )));
        }
        if matches!(character, '!'..='~' | '\u{FF61}'..='\u{FF9F}') {
            return Err(Refusal::new("N-05", format!("character {place} is half-width; write it full-width"))
                .with_ja(format!("{place}文字目が半角です。全角で入力してください。")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str, flags: Option<&str>) -> String {
        FlaggedText::new(text, flags).unwrap_err().rule.into_owned()
    }

    #[test]
    fn without_flags_no_character_is_a_substitute() {
        let text = FlaggedText::new("実印　太郎", None).unwrap();
        assert_eq!((text.text(), text.flags()), ("実印　太郎", "00000"));
        assert_eq!(FlaggedText::new("実印　太郎", Some("00001")).unwrap().flags(), "00001");
    }

    #[test]
    fn n_05_flags_of_another_length_or_kind_are_refused() {
        for flags in ["", "0", "000", "0x", "2 ", "\u{660}"] {
            assert_eq!(rule("実印", Some(flags)), "N-05", "{flags}");
        }
    }

    #[test]
    fn bounds_count_characters_not_octets() {
        assert!(FlaggedText::bounded("実印", None, 2).is_ok());
        assert_eq!(FlaggedText::bounded("実印実", None, 2).unwrap_err().rule, "N-01");
        assert_eq!(FlaggedText::bounded(&"x".repeat(9), None, 2).unwrap_err().rule, "N-01");
    }

    #[test]
    fn the_refusal_names_the_place() {
        assert!(FlaggedText::new("実印 太", None).unwrap_err().detail.contains("character 3 is U+0020"));
        assert!(FlaggedText::new("実印A", None).unwrap_err().detail.contains("character 3 is half-width"));
    }
}
