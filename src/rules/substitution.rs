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
//! | a compatibility ideograph that is another form of a character | that character as above, or its substitute | 1 |
//! | any other, if the applicant wishes a substitute or the operator's table has one | the substitute | 1 |
//! | any other | refused: the counter gives kana | - |

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
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
    pub substituted: Vec<Substituted>,
}

/// A character of the register that stands otherwise in the certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Substituted {
    /// Its place in the register's text, from 1.
    pub place: usize,
    /// What the register has, with a variation selector or combining marks, if it has them.
    pub register: String,
    /// The same as code points, `U+9AD9`: not every screen has the character.
    pub code_points: String,
    /// What the certificate has.
    pub certificate: String,
    /// Where that comes from.
    pub by: Source,
}

/// Where a substitute comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The applicant wished it (N-04).
    Wish,
    /// The operator's table has it (N-03).
    Table,
    /// It is the same character without its variation.
    Variation,
}

/// A line of an operator's table that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Which, from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub problem: String,
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
    /// Every line of another form, with a character given twice or that needs no substitute, or with a substitute that
    /// certificates do not hold.
    pub fn parse(table: &str) -> Result<Self, Vec<BadLine>> {
        let (mut substitutes, mut bad) = (Self::default(), Vec::new());
        for (number, line) in table.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            if let Err(problem) = substitutes.line(line) {
                bad.push(BadLine { line: number + 1, problem });
            }
        }
        if bad.is_empty() { Ok(substitutes) } else { Err(bad) }
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let (left, substitute) = line.split_once('\t').ok_or("write a character, a tab, and its substitute")?;
        let character = single(left).ok_or("before the tab there is one character, or U+XXXX")?;
        if self.0.contains_key(&character) {
            return Err(format!("U+{:04X} has a substitute already", u32::from(character)));
        }
        self.set(character, substitute).map_err(|refusal| refusal.detail)
    }

    /// Takes what an applicant wishes: substitutes, or kana, by the character or `U+XXXX`.
    ///
    /// # Errors
    /// `N-03` for what is no single character, is given twice or needs no substitute, or a substitute that certificates do not
    /// hold.
    pub fn wished(wishes: &BTreeMap<String, String>) -> Result<Self, Refusal> {
        let mut substitutes = Self::default();
        for (left, substitute) in wishes {
            let character = single(left).ok_or_else(|| {
                Refusal::new("N-03", "a substitute stands for one character")
                    .with_ja("代替文字は1文字に対して指定してください。")
            })?;
            if substitutes.0.contains_key(&character) {
                return Err(Refusal::new("N-03", format!("{} has two substitutes", code_points(left)))
                    .with_ja(format!("{}に代替文字が2つ指定されています。", code_points(left))));
            }
            substitutes.set(character, substitute)?;
        }
        Ok(substitutes)
    }

    /// How many characters have one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each character with its substitute, by code point.
    pub fn iter(&self) -> impl Iterator<Item = (char, &str)> {
        self.0.iter().map(|(character, substitute)| (*character, substitute.as_str()))
    }

    /// Whether no character has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets the substitute of a character.
    ///
    /// # Errors
    /// `N-03` for a character that needs none, or a substitute that certificates do not hold.
    pub fn set(&mut self, character: char, substitute: &str) -> Result<(), Refusal> {
        if is_allowed(character) {
            return Err(Refusal::new("N-03", format!("{character} needs no substitute"))
                .with_ja(format!("{character}には代替文字は不要です。")));
        }
        let length = substitute.chars().count();
        if !(1..=SUBSTITUTE_CHARACTERS).contains(&length) || !substitute.chars().all(is_allowed) {
            return Err(Refusal::new("N-03", "a substitute has 1 to 16 characters of JIS X 0208 or JIS X 0212")
                .with_ja("代替文字は JIS X 0208 または JIS X 0212 の1〜16文字です。"));
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
/// `N-03` naming every character without a substitute and its place; `N-01` for a text that is empty or, rendered, longer than
/// `most` characters; `N-05` for control characters and misplaced spaces.
pub fn render(register: &str, wishes: &Substitutes, table: &Substitutes, most: usize) -> Result<Rendered, Refusal> {
    // No character has more than four octets, and none becomes shorter than a third of itself by composing.
    if register.len() > 16 * most {
        return Err(Refusal::new("N-01", format!("the text has more than {most} characters"))
            .with_ja(format!("{most}文字を超えています。")));
    }
    let (mut text, mut flags) = (String::new(), String::new());
    let (mut substituted, mut missing) = (Vec::new(), Vec::new());
    for (index, cluster) in clusters(register).into_iter().enumerate() {
        let place = index + 1;
        let varied = cluster.chars().any(|one| is_variation_selector(one) || is_compatibility_form(one));
        let plain: String = cluster.chars().filter(|one| !is_variation_selector(*one)).collect();
        let wide = widened(&plain);
        if wide.chars().all(is_allowed) && !varied {
            flags.extend(wide.chars().map(|_| '0'));
            text.push_str(&wide);
            continue;
        }
        // What is wished or listed for the form itself goes before its plain character.
        let found = substitute(&plain, wishes, table).or_else(|| substitute(&wide, wishes, table));
        let Some((certificate, by)) = found else {
            missing.push((place, cluster));
            continue;
        };
        flags.extend(certificate.chars().map(|_| '1'));
        text.push_str(&certificate);
        substituted.push(Substituted { place, code_points: code_points(&cluster), register: cluster, certificate, by });
    }
    if !missing.is_empty() {
        return Err(without_substitute(&missing));
    }
    Ok(Rendered { text: FlaggedText::bounded(&text, Some(&flags), most)?, substituted })
}

/// The substitute of a cluster: of its one character, or that character itself where only a variation is lost.
fn substitute(cluster: &str, wishes: &Substitutes, table: &Substitutes) -> Option<(String, Source)> {
    let mut characters = cluster.chars();
    let one = characters.next().filter(|_| characters.next().is_none())?;
    if is_allowed(one) {
        return Some((one.to_string(), Source::Variation));
    }
    let of = |substitutes: &Substitutes, by| substitutes.of(one).map(|found| (found.to_owned(), by));
    of(wishes, Source::Wish).or_else(|| of(table, Source::Table))
}

/// Names each character and its place: a single character is nobody's name.
fn without_substitute(missing: &[(usize, String)]) -> Refusal {
    let named: Vec<String> =
        missing.iter().map(|(place, cluster)| format!("character {place}, {}", shown(cluster))).collect();
    let has = if missing.len() == 1 { "has" } else { "have" };
    let named = named.join("; ");
    let places: Vec<String> =
        missing.iter().map(|(place, cluster)| format!("{place}文字目の{}", shown(cluster))).collect();
    let ja = format!(
        "{}に代替文字がありません。申請者の希望により、代替文字またはカナを指定してください。",
        places.join("、")
    );
    Refusal::new("N-03", format!("{named}, {has} no substitute; give one, or kana, as the applicant wishes"))
        .with_ja(ja)
}

/// The character, where it can be seen, and its code points.
fn shown(cluster: &str) -> String {
    let visible = cluster.chars().next().is_some_and(char::is_alphanumeric);
    let codes = code_points(cluster);
    if visible { format!("{cluster} ({codes})") } else { codes }
}

fn code_points(cluster: &str) -> String {
    let codes: Vec<String> = cluster.chars().map(|one| format!("U+{:04X}", u32::from(one))).collect();
    codes.join(" ")
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

/// CJK compatibility ideographs, which composition would silently replace: another form is another character (N-05).
fn is_compatibility_form(one: char) -> bool {
    matches!(one, '\u{F900}'..='\u{FAFF}' | '\u{2F800}'..='\u{2FA1F}')
}

/// Full-width forms, composed; what certificates hold already stays as it is.
fn widened(cluster: &str) -> String {
    if cluster.chars().all(is_allowed) {
        return cluster.to_owned();
    }
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
mod tests;
