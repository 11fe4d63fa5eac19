//! The places that issue: every municipality, special ward and ward of a designated city, with its code and names.
//!
//! The table is `data/municipalities.tsv`; what is in it, where it comes from and how it is romanised is told in
//! `data/README.md`.

use std::{fmt, str::FromStr, sync::LazyLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

static TABLE: LazyLock<Vec<Municipality>> =
    LazyLock::new(|| include_str!("../data/municipalities.tsv").lines().filter_map(Municipality::parse).collect());

/// The designated cities (指定都市): their wards issue, they themselves do not (rule E-02).
const DESIGNATED_CITIES: [&[u8; 5]; 20] = [
    b"01100", b"04100", b"11100", b"12100", b"14100", b"14130", b"14150", b"15100", b"22100", b"22130", b"23100",
    b"26100", b"27100", b"27140", b"28100", b"33100", b"34100", b"40100", b"40130", b"43100",
];

/// A 全国地方公共団体コード without its check digit: two digits of the prefecture (JIS X 0401), three of the place (JIS X 0402).
///
/// Text form is the five digits; the form of six digits is read too. A code need not be in use: see [`issuing_place`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MunicipalityCode([u8; 5]);

/// One place that issues certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Municipality {
    /// The code, which is also the place's key in URLs, in the store and in common names.
    pub code: MunicipalityCode,
    /// The prefecture: `東京都`.
    pub prefecture: &'static str,
    /// The name without its 郡; a ward has its city before it: `杉並区`, `札幌市中央区`.
    pub name: &'static str,
    /// The reading of the name in full-width katakana: `スギナミク`.
    pub kana: &'static str,
    /// The prefecture in romaji, printable ASCII: `Tokyo-to`.
    pub prefecture_romaji: &'static str,
    /// The name in romaji, printable ASCII, unique in its prefecture: `Suginami-ku`, `Sapporo-shi Chuo-ku`.
    pub romaji: &'static str,
}

/// Why a text or a code names no place that issues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MunicipalityError {
    /// The text is not five or six ASCII digits.
    #[error("a municipality code has five digits, or six with its check digit")]
    NotACode,
    /// The sixth digit is not the check digit of the first five.
    #[error("the check digit of {code} is {expected}, not {given}")]
    CheckDigit {
        /// The first five digits.
        code: MunicipalityCode,
        /// The digit that was given.
        given: char,
        /// The digit that follows from the code.
        expected: char,
    },
    /// The code of a prefecture, which keeps no resident register.
    #[error("{0} is a prefecture; its municipalities issue")]
    Prefecture(MunicipalityCode),
    /// The code of a designated city, whose wards issue (rule E-02).
    #[error("{0} is a designated city; its wards issue")]
    DesignatedCity(MunicipalityCode),
    /// No place has this code.
    #[error("no municipality has the code {0}")]
    Unknown(MunicipalityCode),
}

/// Every place that issues, in the order of the codes.
#[must_use]
pub fn all() -> &'static [Municipality] {
    &TABLE
}

/// The place with that code, if it issues.
#[must_use]
pub fn find(code: MunicipalityCode) -> Option<&'static Municipality> {
    let at = all().binary_search_by_key(&code, |place| place.code).ok()?;
    all().get(at)
}

/// The place with that code, or why it does not issue.
///
/// # Errors
/// [`MunicipalityError::Prefecture`], [`MunicipalityError::DesignatedCity`] or [`MunicipalityError::Unknown`].
pub fn issuing_place(code: MunicipalityCode) -> Result<&'static Municipality, MunicipalityError> {
    find(code).ok_or_else(|| {
        if code.0.ends_with(b"000") && all().iter().any(|place| place.code.0[..2] == code.0[..2]) {
            MunicipalityError::Prefecture(code)
        } else if DESIGNATED_CITIES.contains(&&code.0) {
            MunicipalityError::DesignatedCity(code)
        } else {
            MunicipalityError::Unknown(code)
        }
    })
}

impl Municipality {
    /// Reads a line of the table; `None` for a comment. A test holds every other line to be read.
    fn parse(line: &'static str) -> Option<Self> {
        let mut fields = line.split('\t');
        let (code, with_check_digit) = (fields.next()?, fields.next()?.parse().ok()?);
        let place = Self {
            code: code.parse().ok().filter(|code| *code == with_check_digit)?,
            prefecture: fields.next()?,
            name: fields.next()?,
            kana: fields.next()?,
            prefecture_romaji: fields.next()?,
            romaji: fields.next()?,
        };
        fields.next().is_none().then_some(place)
    }
}

impl MunicipalityCode {
    /// The code of no place: stands where it is not known which one issued.
    pub const NOWHERE: Self = Self(*b"00000");

    /// The sixth digit: 11 less the remainder by 11 of the digits weighted 6, 5, 4, 3, 2; only its last digit.
    #[must_use]
    pub fn check_digit(self) -> char {
        let sum: u32 = self.0.iter().zip([6, 5, 4, 3, 2]).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
        char::from(b'0' + ((11 - sum % 11) % 10) as u8)
    }
}

impl FromStr for MunicipalityCode {
    type Err = MunicipalityError;

    /// Reads five digits, or six of which the last must be the check digit.
    fn from_str(text: &str) -> Result<Self, MunicipalityError> {
        let digits = text.as_bytes();
        let Some((&first, rest)) = digits.split_first_chunk::<5>() else { return Err(MunicipalityError::NotACode) };
        if rest.len() > 1 || !digits.iter().all(u8::is_ascii_digit) {
            return Err(MunicipalityError::NotACode);
        }
        let (code, expected) = (Self(first), Self(first).check_digit());
        match rest.first().map(|digit| char::from(*digit)) {
            Some(given) if given != expected => Err(MunicipalityError::CheckDigit { code, given, expected }),
            _ => Ok(code),
        }
    }
}

impl fmt::Display for MunicipalityCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(str::from_utf8(&self.0).unwrap_or_default())
    }
}

impl fmt::Debug for MunicipalityCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for MunicipalityCode {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MunicipalityCode {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(input)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> MunicipalityCode {
        text.parse().unwrap()
    }

    #[test]
    fn a_code_is_read_with_and_without_its_check_digit() {
        for (five, six) in [("13115", "131156"), ("28207", "282073"), ("40101", "401013"), ("01101", "011011")] {
            assert_eq!(code(five), code(six));
            assert_eq!(code(six).to_string(), five);
        }
    }

    #[test]
    fn every_other_check_digit_is_refused() {
        for digit in '0'..='9' {
            let read = format!("13115{digit}").parse::<MunicipalityCode>();
            let expected = MunicipalityError::CheckDigit { code: code("13115"), given: digit, expected: '6' };
            assert_eq!(read, if digit == '6' { Ok(code("13115")) } else { Err(expected) });
        }
    }

    #[test]
    fn other_texts_are_no_code() {
        for bad in ["", "1311", "1311567", "13115 ", "+1311", "1311a", "１３１１５", "13-15", "1311\u{661}"] {
            assert_eq!(bad.parse::<MunicipalityCode>(), Err(MunicipalityError::NotACode), "{bad}");
        }
    }

    #[test]
    fn a_code_is_a_string_in_json() {
        assert_eq!(serde_json::to_string(&code("01101")).unwrap(), "\"01101\"");
        assert_eq!(serde_json::from_str::<MunicipalityCode>("\"011011\"").unwrap(), code("01101"));
        for bad in ["13115", "\"131157\"", "null", "\"\""] {
            assert!(serde_json::from_str::<MunicipalityCode>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_line_with_a_wrong_check_digit_or_another_number_of_fields_is_not_read() {
        let line = "13115\t131156\t東京都\t杉並区\tスギナミク\tTokyo-to\tSuginami-ku";
        assert!(Municipality::parse(line).is_some());
        assert_eq!(Municipality::parse("13115\t131157\t東京都\t杉並区\tスギナミク\tTokyo-to\tSuginami-ku"), None);
        assert_eq!(Municipality::parse("13114\t131156\t東京都\t杉並区\tスギナミク\tTokyo-to\tSuginami-ku"), None);
        assert_eq!(Municipality::parse("13115\t131156\t東京都\t杉並区\tスギナミク\tTokyo-to"), None);
        assert_eq!(Municipality::parse("13115\t131156\t東京都\t杉並区\tスギナミク\tTokyo-to\tSuginami-ku\t"), None);
    }

    #[test]
    fn each_designated_city_has_wards_and_does_not_issue() {
        let mut cities = std::collections::BTreeSet::new();
        for city in DESIGNATED_CITIES {
            let next = all().partition_point(|place| place.code.0 < *city);
            let (city_name, _) = all()[next].romaji.split_once("-shi ").unwrap();
            assert!(cities.insert(city_name), "{city_name}");
            let city = MunicipalityCode(*city);
            assert_eq!(issuing_place(city), Err(MunicipalityError::DesignatedCity(city)));
        }
        let of_wards = all().iter().filter_map(|place| Some(place.romaji.split_once("-shi ")?.0));
        assert_eq!(of_wards.collect::<std::collections::BTreeSet<_>>(), cities);
    }
}
