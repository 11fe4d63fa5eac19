//! What must not be seen, in every spelling in which it could be.

use std::fmt::Write;

/// A name, an address and a day of birth that stand nowhere else, and the register's own spelling of the name.
pub(crate) const NAME: &str = "漏洩　禁子";
/// As the register has it: the first character has a substitute.
pub(crate) const REGISTER_NAME: &str = "髙洩 禁子";
/// A place that there is not.
pub(crate) const ADDRESS: &str = "東京都杉並区漏洩町９丁目８番７号";
/// Where the holder moves to.
pub(crate) const NEW_ADDRESS: &str = "兵庫県伊丹市禁洩町６丁目５番";
/// Where a letter is posted to.
pub(crate) const LETTER_ADDRESS: &str = "東京都杉並区漏洩町３丁目洩荘";
/// Nobody else's.
pub(crate) const BIRTH: &str = "1971-03-19";

/// Parts that give a person away, shorter than the whole, so that a piece that was cut out is found too.
const PARTS: [&str; 8] = ["漏洩", "髙洩", "禁子", "禁洩", "洩荘", "1971-03-19", "19710319", "1971, month"];

/// The references of persons and cards: names to who has the register. They are in the audit and in what the own municipality
/// is told, and nowhere in the log.
const REFERENCES: [&str; 2] = ["TEST-0000", "CARD-0000"];

/// What of the holder's facts stands in a text, under any spelling; nothing if it is clean.
pub(crate) fn facts_in(text: &str) -> Option<String> {
    find(text, &PARTS)
}

/// The same with references.
pub(crate) fn anything_in(text: &str) -> Option<String> {
    facts_in(text).or_else(|| find(text, &REFERENCES))
}

fn find(text: &str, parts: &[&str]) -> Option<String> {
    let lower = text.to_lowercase();
    let spelled = parts.iter().flat_map(|part| spellings(part));
    spelled.into_iter().find(|spelling| lower.contains(&spelling.to_lowercase()))
}

/// As it is, as `Debug` writes octets, as hex, as a list of numbers, as JSON escapes, and as a URL has it.
fn spellings(part: &str) -> Vec<String> {
    let each = |form: fn(&mut String, u8)| {
        part.bytes().fold(String::new(), |mut text, octet| {
            form(&mut text, octet);
            text
        })
    };
    let list = part.bytes().map(|octet| octet.to_string()).collect::<Vec<_>>().join(", ");
    let json = part.encode_utf16().fold(String::new(), |mut text, unit| {
        write!(text, "\\u{unit:04x}").unwrap();
        text
    });
    let rust: String = part.chars().map(|character| character.escape_unicode().to_string()).collect();
    vec![
        part.to_owned(),
        each(|text, octet| write!(text, "\\x{octet:02x}").unwrap()),
        each(|text, octet| write!(text, "{octet:02x}").unwrap()),
        each(|text, octet| write!(text, "%{octet:02x}").unwrap()),
        list,
        json,
        rust,
    ]
}

#[test]
fn a_mark_is_found_in_every_spelling() {
    let octets = NAME.as_bytes();
    let hex: String = octets.iter().map(|octet| format!("{octet:02X}")).collect();
    for text in [
        format!("name={NAME}"),
        format!("{NAME:?}"),
        format!("{octets:?}"),
        format!("body={}", octets.escape_ascii()),
        format!("der={hex}"),
        NAME.escape_unicode().to_string(),
        "\\u6f0f\\u6d29".into(),
        "/v1/holders/%E6%BC%8F%E6%B4%A9".into(),
        format!("{:?}", time::macros::date!(1971 - 03 - 19)),
    ] {
        assert!(facts_in(&text).is_some(), "{text}");
    }
    assert!(anything_in("route=/v1/cards/CARD-000001").is_some());
    for clean in ["client=\"13115\" route=\"/v1/cards/{number}\"", "兵庫県", "1971", ""] {
        assert_eq!(anything_in(clean), None, "{clean}");
    }
}
