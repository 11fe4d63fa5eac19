//! From the register's text to the certificate's: how a counter sends it, and what it is shown before anything is issued
//! (N-01 to N-05).
//!
//! A counter sends the texts of the certificate ready made, with their flags, or those of the register as they are. Then the
//! service puts substitutes by the operator's table and the applicant's wishes, says which, and keeps the register's text
//! beside the certificate.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Actor, Authority, StoryError, enrol::Facts, once::unreadable};
use crate::{
    kind::Kind,
    limits::{ADDRESS_CHARACTERS, NAME_CHARACTERS},
    ports::{CertificateRecord, RegisterTextRecord},
    profile::facts::facts_of,
    rules::{
        Day, FlaggedText, FourFacts, Refusal,
        substitution::{Rendered, Substituted, Substitutes, render},
    },
    x509::CertificateView,
};

/// Name and address as the register writes them, and what the applicant wishes for characters that certificates do not hold.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterText {
    /// 氏名.
    pub name: String,
    /// 住所 from the prefecture on.
    pub address: String,
    /// Substitutes, or kana, for characters of the name: the character or `U+XXXX`, and what is to stand for it.
    #[serde(default)]
    pub name_substitutes: BTreeMap<String, String>,
    /// The same for the address.
    #[serde(default)]
    pub address_substitutes: BTreeMap<String, String>,
}

/// The four facts without the birth: ready made, or as the register has them.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "WordingForm", rename_all = "kebab-case")]
pub enum Wording {
    /// As they are to stand in the certificate.
    Certificate(Facts),
    /// As the register writes them.
    Register {
        /// Name and address.
        text: RegisterText,
        /// 1 男, 2 女, 3 不明.
        sex: String,
    },
}

/// Both forms as they come in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WordingForm {
    name: Option<String>,
    name_flags: Option<String>,
    address: Option<String>,
    address_flags: Option<String>,
    sex: String,
    register: Option<RegisterText>,
}

/// What a text of the register becomes. It holds personal data and does not print itself.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Worded {
    /// The text of the register.
    pub register: String,
    /// The text of the certificate.
    pub certificate: String,
    /// One flag a character of it: `1` where the register has another (N-05).
    pub flags: String,
    /// What was put for what (代替文字情報), for the applicant to see (N-04).
    pub substituted: Vec<Substituted>,
}

impl std::fmt::Debug for Worded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Worded({} substitutes)", self.substituted.len())
    }
}

/// What name and address become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WordedFacts {
    /// 氏名.
    pub name: Worded,
    /// 住所.
    pub address: Worded,
}

/// What is kept beside a certificate: what stands for what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    name: Vec<Substituted>,
    address: Vec<Substituted>,
}

/// The register's text that a certificate was made from. It holds personal data and does not print itself.
pub(super) struct Beside {
    name: String,
    address: String,
    substituted: Kept,
}

/// The facts of a certificate, and the register's text where they were made from it.
pub(super) struct FactsMade {
    pub(super) facts: FourFacts,
    pub(super) beside: Option<Beside>,
}

impl TryFrom<WordingForm> for Wording {
    type Error = &'static str;

    fn try_from(form: WordingForm) -> Result<Self, Self::Error> {
        let WordingForm { name, name_flags, address, address_flags, sex, register } = form;
        let flagged = name_flags.is_some() || address_flags.is_some();
        match (name, address, register) {
            (Some(name), Some(address), None) => {
                Ok(Self::Certificate(Facts { name, name_flags, address, address_flags, sex }))
            }
            (None, None, Some(text)) if !flagged => Ok(Self::Register { text, sex }),
            _ => {
                Err("the facts have `name` and `address` as they are to stand in the certificate, or `register` alone")
            }
        }
    }
}

impl From<Facts> for Wording {
    fn from(facts: Facts) -> Self {
        Self::Certificate(facts)
    }
}

impl Wording {
    /// The facts with the date of birth that the register gives, substitutes put.
    ///
    /// # Errors
    /// `N-01`, `N-02`, `N-03`, `N-05`; the detail begins with the fact.
    pub fn facts(&self, birth: Day, table: &Substitutes) -> Result<FourFacts, Refusal> {
        self.made(birth, table).map(|made| made.facts)
    }

    /// The facts, and the register's text beside them where they were made from it.
    ///
    /// # Errors
    /// `N-01`, `N-02`, `N-03`, `N-05`; the detail begins with the fact.
    pub(super) fn made(&self, birth: Day, table: &Substitutes) -> Result<FactsMade, Refusal> {
        let (text, sex) = match self {
            Self::Certificate(facts) => {
                return Ok(FactsMade { facts: facts.with_birth(birth)?, beside: None });
            }
            Self::Register { text, sex } => (text, sex),
        };
        let (name, address) = text.rendered(table)?;
        let facts = Facts {
            name: name.text.text().to_owned(),
            name_flags: Some(name.text.flags().to_owned()),
            address: address.text.text().to_owned(),
            address_flags: Some(address.text.flags().to_owned()),
            sex: sex.clone(),
        };
        let beside = Beside {
            name: text.name.clone(),
            address: text.address.clone(),
            substituted: Kept { name: name.substituted, address: address.substituted },
        };
        Ok(FactsMade { facts: facts.with_birth(birth)?, beside: Some(beside) })
    }
}

impl RegisterText {
    fn rendered(&self, table: &Substitutes) -> Result<(Rendered, Rendered), Refusal> {
        let one = |(fact, ja): (&str, &str), text: &str, wishes: &BTreeMap<String, String>, most| {
            let rendered = Substitutes::wished(wishes).and_then(|wishes| render(text, &wishes, table, most));
            rendered.map_err(|refusal| refusal.said_of(fact, ja))
        };
        let name = one(("name", "氏名"), &self.name, &self.name_substitutes, NAME_CHARACTERS)?;
        Ok((name, one(("address", "住所"), &self.address, &self.address_substitutes, ADDRESS_CHARACTERS)?))
    }
}

impl Worded {
    fn new(register: &str, text: &FlaggedText, substituted: Vec<Substituted>) -> Self {
        let (certificate, flags) = (text.text().to_owned(), text.flags().to_owned());
        Self { register: register.to_owned(), certificate, flags, substituted }
    }
}

impl Beside {
    /// The record of it for the SIGN of an index.
    pub(super) fn record(&self, index: u64) -> Result<RegisterTextRecord, StoryError> {
        let substituted = serde_json::to_string(&self.substituted);
        let substituted = substituted.map_err(|error| StoryError::Fault(error.to_string()))?;
        Ok(RegisterTextRecord { index, name: self.name.clone(), address: self.address.clone(), substituted })
    }

    /// How many characters of the register have substitutes.
    pub(super) fn count(&self) -> usize {
        self.substituted.name.len() + self.substituted.address.len()
    }
}

/// The four facts that a stored certificate carries.
pub(super) fn facts_in(record: &CertificateRecord) -> Result<FourFacts, StoryError> {
    let corrupt = |error: &dyn std::fmt::Display| StoryError::Corrupt(format!("a stored certificate: {error}"));
    let der = record.certificate.as_deref().ok_or_else(|| corrupt(&"it is not there"))?;
    let view = CertificateView::from_der(der).map_err(|error| corrupt(&error))?;
    facts_of(&view.tbs).map_err(|error| corrupt(&error))
}

impl Authority {
    /// Shows what the texts of the register become in a certificate. Nothing is stored.
    ///
    /// # Errors
    /// `E-02` for who is neither a municipality nor an operator or auditor; `N-01`, `N-02`, `N-03`, `N-05` naming fact, character and place.
    pub fn show_wording(&self, actor: &Actor, text: &RegisterText) -> Result<WordedFacts, StoryError> {
        if !actor.oversees() {
            actor.municipality()?;
        }
        let (name, address) = text.rendered(&self.parts().substitutes)?;
        if name.text.text().contains("\u{3000}\u{3000}") {
            let detail = "name: two spaces in a row; separate the parts by one U+3000";
            return Err(Refusal::new("N-05", detail)
                .with_ja("氏名：空白が2つ続いています。全角の空白1つで区切ってください。")
                .into());
        }
        Ok(WordedFacts {
            name: Worded::new(&text.name, &name.text, name.substituted),
            address: Worded::new(&text.address, &address.text, address.substituted),
        })
    }

    /// The register's text that a certificate was made from, if it was, beside what the certificate says.
    pub(super) fn wording(&self, record: &CertificateRecord) -> Result<Option<WordedFacts>, StoryError> {
        if record.kind != Kind::Sign || record.certificate.is_none() {
            return Ok(None);
        }
        let Some(RegisterTextRecord { name, address, substituted, .. }) = self.store().register_text(record.index)?
        else {
            return Ok(None);
        };
        let facts = facts_in(record)?;
        let kept: Kept =
            serde_json::from_str(&substituted).map_err(|error| unreadable("the text beside a certificate", &error))?;
        Ok(Some(WordedFacts {
            name: Worded::new(&name, facts.name(), kept.name),
            address: Worded::new(&address, facts.address(), kept.address),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: serde_json::Value) -> Result<Wording, String> {
        serde_json::from_value(json).map_err(|error| error.to_string())
    }

    #[test]
    fn the_facts_come_ready_made_or_as_the_register_has_them_and_not_as_both() {
        let register = serde_json::json!({"name": "実", "address": "京"});
        assert!(matches!(read(serde_json::json!({"sex": "1", "register": register})), Ok(Wording::Register { .. })));
        assert!(matches!(
            read(serde_json::json!({"sex": "1", "name": "実", "address": "京"})),
            Ok(Wording::Certificate(_))
        ));
        for bad in [
            serde_json::json!({"sex": "1"}),
            serde_json::json!({"sex": "1", "name": "実"}),
            serde_json::json!({"sex": "1", "address": "京"}),
            serde_json::json!({"name": "実", "address": "京"}),
            serde_json::json!({"sex": "1", "name": "実", "address": "京", "register": register}),
            serde_json::json!({"sex": "1", "name": "実", "register": register}),
            serde_json::json!({"sex": "1", "name_flags": "1", "register": register}),
            serde_json::json!({"sex": "1", "register": {"name": "実"}}),
            serde_json::json!({"sex": "1", "register": {"name": "実", "address": "京", "kana": "ジツ"}}),
            serde_json::json!({"sex": "1", "name": "実", "address": "京", "kana": "ジツ"}),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }
}
