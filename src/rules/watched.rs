//! Which changes of the register end SIGN: the fields that are watched (R-13, R-14, N-06 to N-08, C-16), and what each kind
//! records (N-01).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Cause;
use crate::kind::Kind;

/// A field of the resident record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// 氏名.
    Name,
    /// 旧氏, in the register since 2019 (N-07).
    FormerName,
    /// 通称 of a foreign resident (N-06).
    CommonName,
    /// 氏名の振り仮名, in the register since 2025 (N-08).
    NameKana,
    /// 出生の年月日.
    Birth,
    /// 男女の別.
    Sex,
    /// 住所.
    Address,
}

impl Field {
    /// Every field.
    pub const ALL: [Self; 7] =
        [Self::Name, Self::FormerName, Self::CommonName, Self::NameKana, Self::Birth, Self::Sex, Self::Address];
}

/// What a certificate of a kind records of its holder: SIGN the four facts, AUTH nothing (N-01).
#[must_use]
pub const fn recorded(kind: Kind) -> &'static [Field] {
    match kind {
        Kind::Sign => &[Field::Name, Field::Birth, Field::Sex, Field::Address],
        Kind::Auth => &[],
    }
}

/// The fields whose change ends SIGN. A setting: 振り仮名 is not among those of 法7 and is not watched by default; once it
/// counts as one of the four facts it can be (N-08). The facts that SIGN records are always watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeSet<Field>", into = "BTreeSet<Field>")]
pub struct WatchedFields(BTreeSet<Field>);

impl Default for WatchedFields {
    fn default() -> Self {
        Self::from(BTreeSet::from([Field::FormerName, Field::CommonName]))
    }
}

impl From<BTreeSet<Field>> for WatchedFields {
    fn from(mut fields: BTreeSet<Field>) -> Self {
        fields.extend(recorded(Kind::Sign));
        Self(fields)
    }
}

impl From<WatchedFields> for BTreeSet<Field> {
    fn from(WatchedFields(fields): WatchedFields) -> Self {
        fields
    }
}

/// 軽微な修正 (規20; R-14): changes of a text that leave what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MinorChange {
    /// A plainer form of a character (常用平易な文字).
    PlainerCharacter,
    /// 文字の同定: a character found to be another form of a known one.
    CharacterIdentified,
    /// A change of 行政区画, 郡, 区 or 町字.
    AdministrativeDivision,
    /// 地番変更.
    LotNumber,
    /// 住居表示の実施 (C-16; an old page of 南足柄市 has it end SIGN).
    ResidentialAddressing,
    /// The name of a building, or its lessor.
    Building,
}

impl MinorChange {
    /// Every minor change.
    pub const ALL: [Self; 6] = [
        Self::PlainerCharacter,
        Self::CharacterIdentified,
        Self::AdministrativeDivision,
        Self::LotNumber,
        Self::ResidentialAddressing,
        Self::Building,
    ];

    /// Whether it can be the reason of a change of the field.
    #[must_use]
    pub const fn explains(self, field: Field) -> bool {
        match self {
            Self::PlainerCharacter | Self::CharacterIdentified => !matches!(field, Field::Birth | Field::Sex),
            Self::AdministrativeDivision | Self::LotNumber | Self::ResidentialAddressing | Self::Building => {
                matches!(field, Field::Address)
            }
        }
    }
}

/// Decides which cause a change of fields is; each comes with the minor change that explains it, if one does. Nothing
/// changed, or nothing that is watched, is a minor correction.
#[must_use]
pub fn decide_register_change(changed: &[(Field, Option<MinorChange>)], watched: &WatchedFields) -> Cause {
    let counts = |(field, minor): &(Field, Option<MinorChange>)| {
        watched.0.contains(field) && !minor.is_some_and(|minor| minor.explains(*field))
    };
    if changed.iter().any(counts) { Cause::RegisterEntryChanged } else { Cause::MinorCorrection }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Effect;

    fn ends_sign(changed: &[(Field, Option<MinorChange>)], watched: &WatchedFields) -> bool {
        let cause = decide_register_change(changed, watched);
        assert_eq!(cause.effect(Kind::Auth), Effect::Keep, "AUTH records none of it");
        cause.effect(Kind::Sign) != Effect::Keep
    }

    #[test]
    fn r_13_n_01_a_change_of_what_sign_records_ends_it_whatever_the_setting() {
        let none = WatchedFields::from(BTreeSet::new());
        for field in recorded(Kind::Sign) {
            for watched in [&WatchedFields::default(), &none] {
                assert!(ends_sign(&[(*field, None)], watched), "{field:?}");
            }
        }
        assert_eq!(recorded(Kind::Sign).len(), 4);
        assert_eq!(recorded(Kind::Auth), []);
        assert!(!ends_sign(&[], &WatchedFields::default()));
    }

    #[test]
    fn n_06_n_07_a_common_or_former_name_is_watched_too() {
        // 杉並区: 「旧氏又は外国人住民の方の通称を含む」.
        for field in [Field::CommonName, Field::FormerName] {
            assert!(ends_sign(&[(field, None)], &WatchedFields::default()), "{field:?}");
            assert!(!ends_sign(&[(field, None)], &WatchedFields::from(BTreeSet::new())), "a setting");
        }
    }

    #[test]
    fn n_08_a_reading_that_is_added_ends_nothing_until_the_setting_says_so() {
        let kana = [(Field::NameKana, None)];
        assert!(!ends_sign(&kana, &WatchedFields::default()));
        let watched: WatchedFields = serde_json::from_str(r#"["name-kana"]"#).unwrap();
        assert!(ends_sign(&kana, &watched));
        assert!(ends_sign(&[(Field::Address, None)], &watched), "the four facts stay watched");
        assert!(serde_json::from_str::<WatchedFields>(r#"["nickname"]"#).is_err());
    }

    #[test]
    fn r_14_c_16_a_minor_correction_ends_nothing_where_it_explains_the_change() {
        for minor in MinorChange::ALL {
            for field in Field::ALL {
                let ended = ends_sign(&[(field, Some(minor))], &WatchedFields::default());
                let explained = minor.explains(field) || field == Field::NameKana;
                assert_eq!(ended, !explained, "{minor:?} {field:?}");
            }
            assert!(minor.explains(Field::Address) && !minor.explains(Field::Birth) && !minor.explains(Field::Sex));
        }
        let both = [(Field::Address, Some(MinorChange::ResidentialAddressing)), (Field::Name, None)];
        assert!(ends_sign(&both, &WatchedFields::default()), "the marriage of the same day still counts");
    }
}
