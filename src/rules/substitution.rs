//! From the text of the register to the text of the certificate: substitutes, kana, widths (N-02 to N-05).
//!
//! The register and the face of the card keep their characters (N-04); only the certificate has others, each flagged.
//!
//! | in the register | in the certificate | flag |
//! |---|---|---|
//! | a character of JIS X 0208 or 0212 | itself | 0 |
//! | half-width letters, digits, signs, kana | their full-width forms | 0 |
//! | a space | U+3000 | 0 |
//! | a letter and a combining mark that have one character together | that character | 0 |
//! | a character with a variation selector (IVS) | the character as above, or its substitute | 1 |
//! | any other, if the applicant wishes a substitute or the operator's table has one | the substitute | 1 |
//! | any other | refused: the counter gives kana | - |

use std::collections::BTreeMap;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::{FlaggedText, Refusal, characters::is_allowed};

/// Characters that a substitute may have: kana are longer than what they stand for.
const SUBSTITUTE_CHARACTERS: usize = 16;

/// Substitutes (代替文字) by the character that they stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Substitutes(BTreeMap<char, String>);

/// The text of a certificate beside the text of the register that it stands for.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// What the certificate says.
    pub text: FlaggedText,
    /// What was put for what, in order: 代替文字情報, shown to the applicant (N-04).
    pub substituted: Vec<(String, String)>,
}

impl std::fmt::Debug for Rendered {
    /// The number of substitutes only: logs hold no names.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rendered({} substitutes)", self.substituted.len())
    }
}

impl Substitutes {
    /// Reads an operator's table: a line a character, the character and its substitute separated by a tab; empty lines and
    /// lines that begin with `#` are left out. A character that certificates do not hold may be written `U+XXXX`.
    ///
    /// # Errors
    /// `N-03` naming the line, for another form, a character given twice, one that needs no substitute, or a substitute
    /// that certificates do not hold.
    pub fn parse(table: &str) -> Result<Self, Refusal> {
        let mut substitutes = Self::default();
        for (number, line) in table.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let refused = |detail: &str| Refusal::new("N-03", format!("line {}: {detail}", number + 1));
            let (left, substitute) =
                line.split_once('\t').ok_or_else(|| refused("a character, a tab, its substitute"))?;
            let character = single(left).ok_or_else(|| refused("the left side is one character, or U+XXXX"))?;
            if substitutes.0.contains_key(&character) {
                return Err(refused("the character has a substitute already"));
            }
            substitutes.set(character, substitute).map_err(|refusal| refused(&refusal.detail))?;
        }
        Ok(substitutes)
    }

    /// Sets the substitute of a character.
    ///
    /// # Errors
    /// `N-03` for a character that needs none, or a substitute that certificates do not hold.
    pub fn set(&mut self, character: char, substitute: &str) -> Result<(), Refusal> {
        if is_allowed(character) {
            return Err(Refusal::new("N-03", format!("{character} needs no substitute")));
        }
        let length = substitute.chars().count();
        if !(1..=SUBSTITUTE_CHARACTERS).contains(&length) || !substitute.chars().all(is_allowed) {
            return Err(Refusal::new("N-03", "a substitute has 1 to 16 characters of JIS X 0208 or JIS X 0212"));
        }
        self.0.insert(character, substitute.to_owned());
        Ok(())
    }

    /// The substitute of a character.
    #[must_use]
    pub fn of(&self, character: char) -> Option<&str> {
        self.0.get(&character).map(String::as_str)
    }
}

fn single(text: &str) -> Option<char> {
    if let Some(code) = text.strip_prefix("U+") {
        return u32::from_str_radix(code, 16).ok().and_then(char::from_u32);
    }
    let mut characters = text.chars();
    characters.next().filter(|_| characters.next().is_none())
}

/// Renders a text of the register for the certificate; what the applicant wishes goes before the operator's table (N-04).
///
/// # Errors
/// `N-03` naming a character without a substitute and its place; `N-01` for a text that is empty or, rendered, longer than
/// `most` characters; `N-05` for control characters and misplaced spaces.
pub fn render(register: &str, wishes: &Substitutes, table: &Substitutes, most: usize) -> Result<Rendered, Refusal> {
    // No character has more than four octets, and none becomes shorter than a third of itself by composing.
    if register.len() > 16 * most {
        return Err(Refusal::new("N-01", format!("the text has more than {most} characters")));
    }
    let (mut text, mut flags, mut substituted) = (String::new(), String::new(), Vec::new());
    for (index, cluster) in clusters(register).into_iter().enumerate() {
        let selected = cluster.chars().any(is_variation_selector);
        let plain: String = cluster.chars().filter(|one| !is_variation_selector(*one)).collect();
        let wide = widened(&plain);
        if wide.chars().all(is_allowed) && !selected {
            flags.extend(wide.chars().map(|_| '0'));
            text.push_str(&wide);
            continue;
        }
        let substitute = substitute(&wide, wishes, table).ok_or_else(|| without_substitute(&cluster, index + 1))?;
        flags.extend(substitute.chars().map(|_| '1'));
        text.push_str(&substitute);
        substituted.push((cluster, substitute));
    }
    Ok(Rendered { text: FlaggedText::bounded(&text, Some(&flags), most)?, substituted })
}

/// The substitute of a cluster: of its one character, or that character itself where only a variation selector is lost.
fn substitute(wide: &str, wishes: &Substitutes, table: &Substitutes) -> Option<String> {
    let mut characters = wide.chars();
    let one = characters.next().filter(|_| characters.next().is_none())?;
    if is_allowed(one) {
        return Some(one.to_string());
    }
    wishes.of(one).or_else(|| table.of(one)).map(str::to_owned)
}

fn without_substitute(cluster: &str, place: usize) -> Refusal {
    let codes: Vec<String> = cluster.chars().map(|one| format!("U+{:04X}", u32::from(one))).collect();
    let detail = format!(
        "character {place} ({}) has no substitute; give one, or kana, as the applicant wishes",
        codes.join(" ")
    );
    Refusal::new("N-03", detail)
}

/// Cuts a text into characters with what belongs to them: combining marks, half-width voicing marks, variation selectors.
fn clusters(text: &str) -> Vec<String> {
    let mut clusters: Vec<String> = Vec::new();
    for one in text.chars() {
        let joins = is_combining_mark(one) || is_variation_selector(one) || matches!(one, '\u{FF9E}' | '\u{FF9F}');
        match clusters.last_mut() {
            Some(last) if joins => last.push(one),
            _ => clusters.push(one.into()),
        }
    }
    clusters
}

fn is_variation_selector(one: char) -> bool {
    matches!(one, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// Full-width forms, composed.
fn widened(cluster: &str) -> String {
    if cluster.chars().any(|one| matches!(one, '\u{FF61}'..='\u{FF9F}')) {
        return cluster.nfkc().collect();
    }
    let wide = cluster.chars().map(|one| match one {
        ' ' | '\u{A0}' => '\u{3000}',
        '!'..='~' => char::from_u32(u32::from(one) + 0xFEE0).unwrap_or(one),
        other => other,
    });
    wide.nfc().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rendered(register: &str) -> Rendered {
        let table = Substitutes::parse("# 見本\n髙\t高\n﨑\t崎\nU+20BB7\t吉\n\u{E000}\tソト\n").unwrap();
        render(register, &Substitutes::default(), &table, 100).unwrap()
    }

    fn both(register: &str) -> (String, String) {
        let rendered = rendered(register);
        (rendered.text.text().to_owned(), rendered.text.flags().to_owned())
    }

    #[test]
    fn n_02_what_the_standards_have_stays() {
        assert_eq!(both("実印　太郎"), ("実印　太郎".into(), "00000".into()));
    }

    #[test]
    fn n_03_n_05_others_become_look_alikes_and_are_flagged() {
        assert_eq!(both("髙橋　𠮷子"), ("高橋　吉子".into(), "10010".into()));
        assert_eq!(rendered("髙﨑").substituted, [("髙".into(), "高".into()), ("﨑".into(), "崎".into())]);
    }

    #[test]
    fn n_03_kana_may_be_longer_than_what_it_stands_for() {
        assert_eq!(both("\u{E000}田"), ("ソト田".into(), "110".into()));
    }

    #[test]
    fn n_04_the_applicant_s_wish_goes_before_the_table() {
        let mut wishes = Substitutes::default();
        wishes.set('髙', "タカ").unwrap();
        let table = Substitutes::parse("髙\t高").unwrap();
        assert_eq!(render("髙橋", &wishes, &table, 10).unwrap().text.text(), "タカ橋");
        assert_eq!(render("髙橋", &Substitutes::default(), &table, 10).unwrap().text.text(), "高橋");
    }

    #[test]
    fn n_03_without_a_substitute_the_character_is_named_and_no_name_is() {
        let refusal = render("実髙", &Substitutes::default(), &Substitutes::default(), 10).unwrap_err();
        assert_eq!(refusal.rule, "N-03");
        assert!(refusal.detail.contains("character 2 (U+9AD9)"), "{refusal}");
    }

    #[test]
    fn n_05_widths_and_spaces_become_full() {
        assert_eq!(both("Taro TEST 1-2"), ("Ｔａｒｏ　ＴＥＳＴ　１－２".into(), "0".repeat(13)));
        assert_eq!(both("ｶﾞｷﾞﾊﾟｱ"), ("ガギパア".into(), "0000".into()));
        assert_eq!(both("か\u{3099}き"), ("がき".into(), "00".into()));
    }

    #[test]
    fn n_03_a_variation_is_the_plain_character_flagged() {
        assert_eq!(both("葛\u{E0100}城"), ("葛城".into(), "10".into()));
        assert_eq!(both("髙\u{E0101}"), ("高".into(), "1".into()));
    }

    #[test]
    fn n_05_misplaced_spaces_and_control_characters_are_refused() {
        let render = |text| render(text, &Substitutes::default(), &Substitutes::default(), 10).unwrap_err().rule;
        assert_eq!(render(" 実印"), "N-05");
        assert_eq!(render("実印\u{3000}"), "N-05");
        for text in ["実\n印", "実\u{200B}印", "\u{3099}", "実\u{301}", "\u{FFFD}", "\u{10FFFF}"] {
            assert_eq!(render(text), "N-03", "{text:?}");
        }
    }

    #[test]
    fn n_01_what_is_empty_or_too_long_is_refused() {
        let render = |text: &str| render(text, &Substitutes::default(), &Substitutes::default(), 3).map(|_| ());
        assert_eq!(render("").unwrap_err().rule, "N-01");
        assert_eq!(render("実印"), Ok(()));
        assert_eq!(render("実印太郎").unwrap_err().rule, "N-01");
        assert_eq!(render(&"実".repeat(100_000)).unwrap_err().rule, "N-01");
    }

    #[test]
    fn n_03_a_table_that_would_put_wrong_characters_is_refused_by_its_line() {
        for (table, line) in [
            ("髙高", "line 1"),
            ("髙\t高\n髙\t高", "line 2"),
            ("\n実\t印", "line 2"),
            ("髙\t髙", "line 1"),
            ("髙\t", "line 1"),
            ("髙髙\t高", "line 1"),
            ("U+D800\t高", "line 1"),
            ("髙\tABC", "line 1"),
        ] {
            let refusal = Substitutes::parse(table).unwrap_err();
            assert_eq!(refusal.rule, "N-03");
            assert!(refusal.detail.starts_with(line), "{table:?}: {refusal}");
        }
    }

    #[test]
    fn nothing_prints_a_name() {
        assert_eq!(format!("{:?}", rendered("髙橋")), "Rendered(1 substitutes)");
    }

    proptest! {
        #[test]
        fn whatever_is_rendered_can_stand_in_a_certificate_and_is_rendered_no_further(register in "\\PC{0,40}") {
            let none = Substitutes::default();
            if let Ok(first) = render(&register, &none, &none, 100) {
                let again = render(first.text.text(), &none, &none, 100).unwrap();
                prop_assert_eq!(again.text.text(), first.text.text());
                prop_assert!(again.substituted.is_empty());
            }
        }
    }
}
