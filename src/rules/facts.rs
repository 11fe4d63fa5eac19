//! The four facts (基本4情報) that a signing certificate says of its holder (N-01, N-05; profile, "The four facts").

use std::fmt;

use serde::{Deserialize, Serialize};
use time::macros::date;

use super::{
    FlaggedText, Refusal,
    calendar::{Day, day_text},
};
use crate::limits::{ADDRESS_CHARACTERS, NAME_CHARACTERS};

/// 男女の別, as in the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sex {
    /// 男: `1`.
    #[serde(rename = "1")]
    Male,
    /// 女: `2`.
    #[serde(rename = "2")]
    Female,
    /// 不明: `3`.
    #[serde(rename = "3")]
    Unknown,
}

impl Sex {
    /// Its digit in the certificate.
    #[must_use]
    pub const fn digit(self) -> char {
        match self {
            Self::Male => '1',
            Self::Female => '2',
            Self::Unknown => '3',
        }
    }

    /// Reads the digit.
    ///
    /// # Errors
    /// `N-01` for anything but `1`, `2` or `3`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        match text {
            "1" => Ok(Self::Male),
            "2" => Ok(Self::Female),
            "3" => Ok(Self::Unknown),
            _ => Err(Refusal::new("N-01", "the sex is 1 (male), 2 (female) or 3 (unknown)")
                .with_ja("性別は1（男）、2（女）、3（不明）のいずれかです。")),
        }
    }
}

/// The four facts as they come in and are stored: nothing checked but the form of the day.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FourFactsForm {
    /// 氏名, parts separated by U+3000.
    pub name: String,
    /// The flags of the name; none: no substitute.
    #[serde(default)]
    pub name_flags: Option<String>,
    /// 出生の年月日, `YYYY-MM-DD`.
    #[serde(with = "day_text")]
    pub birth: Day,
    /// 男女の別: `1`, `2` or `3`.
    pub sex: String,
    /// 住所 from the prefecture on, full-width.
    pub address: String,
    /// The flags of the address; none: no substitute.
    #[serde(default)]
    pub address_flags: Option<String>,
}

impl fmt::Debug for FourFactsForm {
    /// No content: logs hold no names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FourFactsForm")
    }
}

/// The four facts, fit for a certificate. JSON form is [`FourFactsForm`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "FourFactsForm", into = "FourFactsForm")]
pub struct FourFacts {
    name: FlaggedText,
    birth: Day,
    sex: Sex,
    address: FlaggedText,
}

impl FourFacts {
    /// Checks and takes the facts.
    ///
    /// # Errors
    /// `N-01` for a fact that is empty, too long or not one; `N-02` and `N-05` as for [`FlaggedText::new`], and for a
    /// name with two spaces in a row. The detail begins with the fact.
    pub fn parse(form: &FourFactsForm) -> Result<Self, Refusal> {
        let of = |fact: &'static str, ja: &'static str| move |refusal: Refusal| refusal.said_of(fact, ja);
        let name = FlaggedText::bounded(&form.name, form.name_flags.as_deref(), NAME_CHARACTERS)
            .map_err(of("name", "氏名"))?;
        if name.text().contains("\u{3000}\u{3000}") {
            return Err(of("name", "氏名")(
                Refusal::new("N-05", "two spaces in a row; separate the parts by one U+3000")
                    .with_ja("空白が2つ続いています。全角の空白1つで区切ってください。"),
            ));
        }
        let address = FlaggedText::bounded(&form.address, form.address_flags.as_deref(), ADDRESS_CHARACTERS);
        Ok(Self {
            name,
            birth: form.birth,
            sex: Sex::parse(&form.sex).map_err(of("sex", "性別"))?,
            address: address.map_err(of("address", "住所"))?,
        })
    }

    /// 氏名.
    #[must_use]
    pub const fn name(&self) -> &FlaggedText {
        &self.name
    }

    /// 出生の年月日.
    #[must_use]
    pub const fn birth(&self) -> Day {
        self.birth
    }

    /// 出生の年月日 as in the certificate: `EYYYYMMDD`, the era digit and the Gregorian date.
    #[must_use]
    pub fn birth_digits(&self) -> String {
        let (year, month, day) = self.birth.to_calendar_date();
        format!("{}{year:04}{:02}{day:02}", era_digit(self.birth), u8::from(month))
    }

    /// 男女の別.
    #[must_use]
    pub const fn sex(&self) -> Sex {
        self.sex
    }

    /// 住所.
    #[must_use]
    pub const fn address(&self) -> &FlaggedText {
        &self.address
    }
}

impl TryFrom<FourFactsForm> for FourFacts {
    type Error = Refusal;

    fn try_from(form: FourFactsForm) -> Result<Self, Refusal> {
        Self::parse(&form)
    }
}

impl From<FourFacts> for FourFactsForm {
    fn from(facts: FourFacts) -> Self {
        Self {
            name: facts.name.text().to_owned(),
            name_flags: Some(facts.name.flags().to_owned()),
            birth: facts.birth,
            sex: facts.sex.digit().to_string(),
            address: facts.address.text().to_owned(),
            address_flags: Some(facts.address.flags().to_owned()),
        }
    }
}

/// The digit of the era a day lies in: 1明治 2大正 3昭和 4平成 5令和, and 0 for days before 明治.
///
/// An era begins on the day of its proclamation, or as proclaimed: 大正 and 昭和 the same day, 平成 and 令和 on the day given,
/// 明治 back to the first day of its year (1868-01-25).
#[must_use]
pub fn era_digit(day: Day) -> char {
    const ERAS: [(Day, char); 5] = [
        (date!(2019 - 05 - 01), '5'),
        (date!(1989 - 01 - 08), '4'),
        (date!(1926 - 12 - 25), '3'),
        (date!(1912 - 07 - 30), '2'),
        (date!(1868 - 01 - 25), '1'),
    ];
    ERAS.into_iter().find(|(first, _)| *first <= day).map_or('0', |(_, digit)| digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> FourFactsForm {
        FourFactsForm {
            name: "実印　太郎".to_owned(),
            name_flags: None,
            birth: date!(1980 - 02 - 17),
            sex: "1".to_owned(),
            address: "東京都杉並区阿佐谷南１丁目１５番１号　区役所荘１０２".to_owned(),
            address_flags: None,
        }
    }

    fn named(name: &str) -> FourFactsForm {
        FourFactsForm { name: name.to_owned(), ..form() }
    }

    fn rule(form: &FourFactsForm) -> String {
        FourFacts::parse(form).unwrap_err().rule.into_owned()
    }

    #[test]
    fn n_01_n_05_the_test_card_s_facts_read_as_seen() {
        let facts = FourFacts::parse(&form()).unwrap();
        assert_eq!(facts.birth_digits(), "319800217");
        assert_eq!(facts.name().flags(), "00000");
        assert_eq!(facts.sex().digit(), '1');
        assert_eq!(facts.address().flags().len(), facts.address().text().chars().count());
    }

    #[test]
    fn facts_survive_json() {
        let facts = FourFacts::parse(&FourFactsForm { name_flags: Some("01000".to_owned()), ..form() }).unwrap();
        let json = serde_json::to_string(&facts).unwrap();
        assert_eq!(serde_json::from_str::<FourFacts>(&json).unwrap(), facts);
    }

    #[test]
    fn one_name_or_three_are_names_too() {
        for name in ["実印", "ＪＩＴＳＵＩＮ　ＴＥＳＴ　ＴＡＲＯ", "あ"] {
            assert!(FourFacts::parse(&named(name)).is_ok(), "{name}");
        }
    }

    #[test]
    fn names_are_separated_by_one_full_width_space_inside() {
        let bad = [
            "実印 太郎",
            "実印\u{A0}太郎",
            "実印\t太郎",
            "実印\n太郎",
            "実印\u{2003}太郎",
            "　実印",
            "実印　",
            "実印　　太郎",
            "　",
        ];
        for name in bad {
            assert_eq!(rule(&named(name)), "N-05", "{name:?}");
        }
    }

    #[test]
    fn half_width_text_is_refused() {
        for name in ["Jitsuin", "実印　Taro", "ｼﾞﾂｲﾝ", "実印-太郎", "実印　1"] {
            assert_eq!(rule(&named(name)), "N-05", "{name}");
        }
        assert_eq!(rule(&FourFactsForm { address: "東京都杉並区1-1".to_owned(), ..form() }), "N-05");
    }

    #[test]
    fn n_02_characters_outside_the_standards_are_refused() {
        for name in ["髙橋　花子", "山﨑　花子", "𠮷田　太郎", "葛\u{E0100}城　太郎", "か\u{3099}", "実印\0"]
        {
            assert_eq!(rule(&named(name)), "N-02", "{name:?}");
        }
    }

    #[test]
    fn empty_and_over_long_facts_are_refused() {
        assert_eq!(rule(&named("")), "N-01");
        assert_eq!(rule(&FourFactsForm { address: String::new(), ..form() }), "N-01");
        assert!(FourFacts::parse(&named(&"実".repeat(NAME_CHARACTERS))).is_ok());
        assert_eq!(rule(&named(&"実".repeat(NAME_CHARACTERS + 1))), "N-01");
        let address = |length| FourFactsForm { address: "東".repeat(length), ..form() };
        assert!(FourFacts::parse(&address(ADDRESS_CHARACTERS)).is_ok());
        assert_eq!(rule(&address(ADDRESS_CHARACTERS + 1)), "N-01");
    }

    #[test]
    fn flags_are_one_digit_a_character_the_space_counted() {
        for flags in ["", "0000", "000000", "00002", "0000 ", "００００００", "0000\u{660}"] {
            let form = FourFactsForm { name_flags: Some(flags.to_owned()), ..form() };
            assert_eq!(rule(&form), "N-05", "{flags}");
        }
        let form = FourFactsForm { address_flags: Some("0".to_owned()), ..form() };
        assert!(FourFacts::parse(&form).unwrap_err().detail.starts_with("address: "));
    }

    #[test]
    fn the_sex_is_one_of_three_digits() {
        for sex in ["", "0", "4", "12", "１", "男"] {
            assert_eq!(rule(&FourFactsForm { sex: sex.to_owned(), ..form() }), "N-01", "{sex}");
        }
    }

    #[test]
    fn n_05_eras_begin_on_their_day() {
        let boundaries = [
            (date!(1868 - 01 - 25), '0', '1'),
            (date!(1912 - 07 - 30), '1', '2'),
            (date!(1926 - 12 - 25), '2', '3'),
            (date!(1989 - 01 - 08), '3', '4'),
            (date!(2019 - 05 - 01), '4', '5'),
        ];
        for (first, before, from) in boundaries {
            assert_eq!(era_digit(first.previous_day().unwrap()), before, "before {first}");
            assert_eq!(era_digit(first), from, "{first}");
        }
    }

    #[test]
    fn an_impossible_or_unknown_field_is_refused() {
        let json = serde_json::to_value(form()).unwrap();
        assert!(serde_json::from_value::<FourFacts>(json.clone()).is_ok());
        for (key, value) in [("birth", "1980-02-30"), ("number", "1"), ("sex", "M")] {
            let mut bad = json.clone();
            bad[key] = value.into();
            assert!(serde_json::from_value::<FourFacts>(bad).is_err(), "{key}");
        }
    }

    #[test]
    fn debug_output_holds_no_personal_data() {
        let shown = format!("{:?} {:?}", form(), FourFacts::parse(&form()).unwrap().name());
        assert!(!shown.contains('実') && !shown.contains('東'), "{shown}");
    }
}
