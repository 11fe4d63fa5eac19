//! The characters a signing certificate may hold: JIS X 0208 level 1 and 2, and JIS X 0212 (N-02).
//!
//! Membership is read off the EUC-JP tables of the WHATWG encoding standard, with two corrections:
//!
//! - They also hold the extensions of NEC (row 13) and IBM (rows 89 and up): ①, 髙, 﨑 encode, but are in neither
//!   standard. Rows 1 to 8 and 16 to 84 are JIS X 0208.
//! - They map some positions of rows 1 and 2 as one vendor does: ～ and not 〜, － as well as −. Registers hold either,
//!   and both mean the same position of JIS X 0208, so **both are allowed**, and each is kept as it came.
//!
//! Together 12,952 characters. What is outside is refused here. Its replacement by an assigned look-alike (代替文字),
//! failing that by kana (N-03), is the business of whoever writes the text, who then flags it (N-05).

use std::sync::LazyLock;

use encoding_rs::EUC_JP;

use super::Refusal;

/// The other form of the positions 1-29, 1-33, 1-34, 1-61, 1-81, 1-82 and 2-44 of JIS X 0208: — 〜 ‖ − ¢ £ ¬.
const OTHER_FORMS: [char; 7] = ['\u{2014}', '\u{301C}', '\u{2016}', '\u{2212}', '\u{A2}', '\u{A3}', '\u{AC}'];

/// Whether a signing certificate may hold the character.
#[must_use]
pub fn is_allowed(character: char) -> bool {
    is_jis_x_0208(character) || OTHER_FORMS.contains(&character) || JIS_X_0212.binary_search(&character).is_ok()
}

/// Whether a character shows nothing where it stands, or changes how others show: controls, separators of lines, what turns the
/// direction of writing, joiners and tags. The variation selectors of ideographs are none of these: registers use them.
#[must_use]
pub fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}')
        || matches!(character, '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// Takes the text if every character of it is allowed.
///
/// # Errors
/// `N-02` naming the first other character and its place, counted from 1.
pub fn decide_characters(text: &str) -> Result<&str, Refusal> {
    match text.chars().enumerate().find(|(_, character)| !is_allowed(*character)) {
        None => Ok(text),
        Some((index, character)) => Err(outside(character, index + 1)),
    }
}

fn outside(character: char, place: usize) -> Refusal {
    let shown = if character.is_alphanumeric() { format!("{character} ") } else { String::new() };
    let code = u32::from(character);
    let detail = format!(
        "character {place}, {shown}(U+{code:04X}), is in neither JIS X 0208 nor JIS X 0212; write its substitute, or kana, and flag it"
    );
    Refusal::new("N-02", detail).with_ja(format!(
        "{place}文字目の{shown}（U+{code:04X}）は JIS X 0208 にも JIS X 0212 にもありません。\
         代替文字またはカナで入力し、代替文字であることを示してください。"
    ))
}

fn is_jis_x_0208(character: char) -> bool {
    let mut utf8 = [0; 4];
    let (octets, _, unmappable) = EUC_JP.encode(character.encode_utf8(&mut utf8));
    match *octets {
        [lead @ 0xA1..=0xFE, _] if !unmappable => matches!(lead - 0xA0, 1..=8 | 16..=84),
        _ => false,
    }
}

/// Every character of JIS X 0212, sorted. Encoders never write its three-octet form, so it is found by decoding all of
/// them.
static JIS_X_0212: LazyLock<Box<[char]>> = LazyLock::new(|| {
    let positions = (0xA1..=0xFE).flat_map(|row| (0xA1..=0xFE).map(move |cell| [0x8F, row, cell]));
    let mut characters: Vec<char> = positions
        .filter_map(|octets| {
            let text = EUC_JP.decode_without_bom_handling_and_without_replacement(&octets)?;
            text.chars().next()
        })
        .collect();
    characters.sort_unstable();
    characters.into_boxed_slice()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_02_the_two_standards_have_their_size() {
        let count = |test: &dyn Fn(char) -> bool| ('\0'..=char::MAX).filter(|character| test(*character)).count();
        // 6,879 positions; the minus sign is found in both its forms.
        assert_eq!(count(&is_jis_x_0208), 6_880);
        assert_eq!(JIS_X_0212.len(), 6_067);
        assert!(JIS_X_0212.is_sorted());
        // Python's euc_jp, with tables of its own, has the same but for the seven other forms that it writes one way
        // only.
        assert_eq!(count(&is_allowed), 12_952);
    }

    #[test]
    fn n_02_names_and_addresses_of_both_standards_are_allowed() {
        for text in ["実印　太郎", "東京都杉並区阿佐谷南１－１５－１", "辻邉邊齋藤", "丂仡鄧", "ＡＢＣ　ｅ", "々〆ヶ"]
        {
            assert_eq!(decide_characters(text), Ok(text));
        }
    }

    #[test]
    fn n_02_vendor_extensions_are_not_jis() {
        for character in ['①', '髙', '﨑', 'Ⅳ', '㈱', '℡', 'ⅰ'] {
            assert!(!is_allowed(character), "{character}");
        }
    }

    #[test]
    fn both_forms_of_dash_and_tilde_are_allowed() {
        for character in ['～', '〜', '∥', '‖', '－', '−', '―', '—', '￠', '¢', '￡', '£', '￢', '¬']
        {
            assert!(is_allowed(character), "{character}");
        }
    }

    #[test]
    fn half_width_control_and_combining_characters_are_not() {
        let outside = ['A', '1', ' ', '-', 'ｱ', '\n', '\0', '\u{301}', '\u{FE0F}', '\u{E0100}', '𠮷', '😀', '¥', '‾'];
        for character in outside.into_iter().chain('\0'..='\x7F') {
            assert!(!is_allowed(character), "{character:?}");
        }
    }

    #[test]
    fn the_refusal_names_character_and_place() {
        let refusal = decide_characters("実印　髙子").unwrap_err();
        assert_eq!(refusal.rule, "N-02");
        assert!(refusal.detail.contains("character 4, 髙 (U+9AD9)"), "{refusal}");
        let hidden = decide_characters("葛\u{E0100}").unwrap_err();
        assert!(hidden.detail.contains("character 2, (U+E0100)"), "{hidden}");
    }
}
