//! How a 個人番号 (My Number) is known, which this service never takes (rule N-09, T-10): by its names, and by its looks.

/// Names under which a 個人番号 would come, in lower case without `_`, `-` and spaces.
const MY_NUMBER: [&str; 7] =
    ["mynumber", "individualnumber", "kojinbango", "kojinbangou", "個人番号", "マイナンバー", "ﾏｲﾅﾝﾊﾞｰ"];

/// Whether a field is one for a 個人番号, by its name.
pub(super) fn is_my_number(name: &str) -> bool {
    let name: String =
        name.chars().filter(|letter| !matches!(letter, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect();
    MY_NUMBER.contains(&name.as_str())
}

/// Whether what looks like a 個人番号 stands somewhere in a text (rule N-09): twelve digits by themselves, of any width, in one
/// or in the three groups that cards print, whatever their check digit; with commas, in the four groups of a table's cell too.
/// Digits in a longer word, as in base64, are no number; nor is a number of more groups, such as that of a bank's card.
pub(super) fn has_my_number(text: &str) -> bool {
    if is_one_word(text) {
        return stands_in_word(text);
    }
    stands_in_text(text, separates, [1, 3]) || stands_in_text(text, |letter| matches!(letter, ',' | '，'), [3, 4])
}

/// The same, by what separates the groups, and how many groups one may have.
fn stands_in_text(text: &str, separates: impl Fn(char) -> bool, groups: [usize; 2]) -> bool {
    let mut numbers = Numbers { of: groups, ..Numbers::default() };
    let (mut digits, mut word, mut gap) = (true, 0, Gap::Other);
    for letter in text.chars() {
        let plain = match letter {
            '０'..='９' => '0',
            other => other,
        };
        // A stroke is a letter of base64, unless four digits stand alone before it.
        let divides = plain == '/' && separates(plain) && (word, digits) == (4, true);
        if plain.is_ascii_alphanumeric() || (matches!(plain, '+' | '/' | '=') && !divides) {
            (word, digits) = (word + 1, digits && plain.is_ascii_digit());
            continue;
        }
        if word > 0 {
            numbers.group(if digits { word } else { 0 }, gap);
        }
        gap = match gap {
            _ if !separates(plain) => Gap::Other,
            _ if word > 0 && !plain.is_whitespace() => Gap::Tight,
            Gap::Other if word == 0 => Gap::Other,
            _ => Gap::Loose,
        };
        (word, digits) = (0, true);
    }
    if word > 0 {
        numbers.group(if digits { word } else { 0 }, gap);
    }
    numbers.ends();
    numbers.found
}

/// What stands between two groups of digits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// One mark that separates: a number goes on.
    Tight,
    /// A space, or several: a number may go on.
    Loose,
    /// Anything else.
    Other,
}

/// The groups of digits of a text, as they come.
#[derive(Default)]
struct Numbers {
    /// How many groups a number may have; of twelve digits together.
    of: [usize; 2],
    /// How many groups of the number that is read now, all of the same length; 0: of different ones.
    count: usize,
    length: usize,
    /// How many groups of four came one after another.
    fours: usize,
    found: bool,
}

impl Numbers {
    /// A group of so many digits, 0 for a word, after what stands before it.
    fn group(&mut self, digits: usize, gap: Gap) {
        if gap == Gap::Tight && digits > 0 && self.count > 0 {
            (self.count, self.length) = (self.count + 1, if digits == self.length { digits } else { 0 });
            return;
        }
        self.number_ends();
        if gap != Gap::Loose || digits == 0 {
            self.fours_end();
        }
        (self.count, self.length) = (usize::from(digits > 0), digits);
    }

    /// The number ends: it may be one part of several.
    fn number_ends(&mut self) {
        self.found |= self.of.contains(&self.count) && self.count * self.length == 12;
        if self.length == 4 {
            self.fours += self.count;
        } else {
            self.fours_end();
        }
        (self.count, self.length) = (0, 0);
    }

    fn fours_end(&mut self) {
        self.found |= self.fours == 3;
        self.fours = 0;
    }

    fn ends(&mut self) {
        self.number_ends();
        self.fours_end();
    }
}

/// Whether a text is one word of letters, digits and hyphens, as references and numbers of a register are.
fn is_one_word(text: &str) -> bool {
    text.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
}

/// The same in one word: there a number with more digits before or after it is the register's own, and so is a UUID.
fn stands_in_word(word: &str) -> bool {
    let hexadecimal = |group: &str| if group.bytes().all(|octet| octet.is_ascii_hexdigit()) { group.len() } else { 0 };
    if word.split('-').map(hexadecimal).eq([8, 4, 4, 4, 12]) {
        return false;
    }
    let digits = |group: &str| if group.bytes().all(|octet| octet.is_ascii_digit()) { group.len() } else { 0 };
    let groups: Vec<usize> = word.split('-').map(digits).collect();
    groups.split(|group| *group == 0).any(|run| run == [12] || run == [4; 3])
}

/// Whether it may stand between the groups of a number that is written in groups: a space, a point or stroke, or whatever passes
/// for a hyphen: every dash of Unicode (category Pd), the minus sign, the mark for long vowels.
fn separates(letter: char) -> bool {
    const DASHES: [char; 35] = [
        '-',
        '\u{58A}',
        '\u{5BE}',
        '\u{1400}',
        '\u{1806}',
        '\u{2010}',
        '\u{2011}',
        '\u{2012}',
        '\u{2013}',
        '\u{2014}',
        '\u{2015}',
        '\u{2E17}',
        '\u{2E1A}',
        '\u{2E3A}',
        '\u{2E3B}',
        '\u{2E40}',
        '\u{2E5D}',
        '\u{301C}',
        '\u{3030}',
        '\u{30A0}',
        '\u{FE31}',
        '\u{FE32}',
        '\u{FE58}',
        '\u{FE63}',
        '\u{FF0D}',
        '\u{10D6E}',
        '\u{10EAD}', // Pd
        '\u{AD}',
        '\u{2043}',
        '\u{2212}',
        '\u{2500}',
        '\u{2501}',
        '\u{30FC}',
        '\u{FF5E}',
        '\u{FF70}',
    ];
    const STROKES: [char; 9] = ['.', '/', '_', '\u{B7}', '\u{30FB}', '\u{FF0E}', '\u{FF0F}', '\u{FF3F}', '\u{FF65}'];
    letter.is_whitespace() || DASHES.contains(&letter) || STROKES.contains(&letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_09_twelve_digits_in_groups_are_a_my_number_whatever_stands_between() {
        let dashes = "-\u{58A}\u{5BE}\u{1400}\u{1806}‐‑‒–—―\u{2E3A}〜〰゠︱︲﹘﹣－−ーｰ─．.／/・･·_ \u{3000}\u{A0}";
        for dash in dashes.chars() {
            let number = format!("1234{dash}5678{dash}9012");
            for text in [number.clone(), format!("伊丹市{number}"), format!("１２３４{dash}５６７８{dash}９０１２号")]
            {
                assert!(has_my_number(&text), "{text} U+{:04X}", u32::from(dash));
            }
            for text in
                [format!("123{dash}5678{dash}9012"), format!("1234{dash}5678"), format!("1{dash}2{dash}345678901")]
            {
                assert!(!has_my_number(&text), "{text} U+{:04X}", u32::from(dash));
            }
        }
        // Base64 has strokes and digits, and no number in them.
        for text in ["abcd/1234/5678/9012/efgh", "1234/5678/9012abcd", "MIIB/1234+5678/9012=", "1234:5678:9012"] {
            assert!(!has_my_number(text), "{text}");
        }
    }
}
