//! The one answer of this floor that is not yes.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    calendar::{Day, day_text},
    catalogue::{self, Rule},
};

/// A request that the rules do not allow: which rule, and in plain words what would make it possible.
///
/// Text form is `V-12: valid until …`; JSON form is `{"rule":"V-12","detail":"…","detail_ja":"…","earliest":"2025-04-08"}`, what
/// there is not left out. The detail may quote a day or a character of what was given: it is for whoever asked. Logs
/// and metrics take the rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(deny_unknown_fields)]
#[error("{rule}: {detail}")]
pub struct Refusal {
    /// The id of the rule that refuses.
    pub rule: Cow<'static, str>,
    /// What is wrong in this case, in plain English.
    pub detail: String,
    /// The same in Japanese, for the counter's pages and the holder's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail_ja: Option<Cow<'static, str>>,
    /// The first day on which what would make it possible can be done, where a day is known: the opening of a window, a
    /// birthday, or today where another request will do.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "day_text::option")]
    pub earliest: Option<Day>,
    /// The case of the rule, where the catalogue has words of its own for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<Cow<'static, str>>,
}

impl Refusal {
    /// A refusal by that rule.
    #[must_use]
    pub fn new(rule: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self { rule: rule.into(), detail: detail.into(), detail_ja: None, earliest: None, case: None }
    }

    /// The same, with its detail in Japanese too.
    #[must_use]
    pub fn with_ja(self, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail_ja: Some(detail.into()), ..self }
    }

    /// The same, its details worked into other words; what has no Japanese words has none afterwards.
    #[must_use]
    pub fn reworded(self, en: impl FnOnce(&str) -> String, ja: impl FnOnce(&str) -> String) -> Self {
        Self { detail: en(&self.detail), detail_ja: self.detail_ja.map(|detail| ja(&detail).into()), ..self }
    }

    /// The same, said of one part of what was given: `name: …`.
    #[must_use]
    pub fn said_of(self, en: &str, ja: &str) -> Self {
        self.reworded(|detail| format!("{en}: {detail}"), |detail| format!("{ja}：{detail}"))
    }

    /// The same, with the first day on which what it asks for can be done.
    #[must_use]
    pub fn possible_from(self, day: Day) -> Self {
        Self { earliest: Some(day), ..self }
    }

    /// The same, in the words of that case of the rule.
    #[must_use]
    pub fn in_case(self, case: &'static str) -> Self {
        Self { case: Some(case.into()), ..self }
    }

    /// What the rule says in this case, where it stands and what would make the request possible, in both languages.
    #[must_use]
    pub fn explanation(&self) -> Option<Rule> {
        catalogue::explain(&self.rule, self.case.as_deref())
    }
}

/// A refusal with everything a counter shows: the case, and the rule in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedRefusal {
    /// The refusal of this case.
    #[serde(flatten)]
    pub refusal: Refusal,
    /// The rule, where the catalogue has it.
    #[serde(flatten)]
    pub explanation: Option<Rule>,
}

impl From<Refusal> for ExplainedRefusal {
    fn from(refusal: Refusal) -> Self {
        let explanation = refusal.explanation();
        Self { refusal, explanation }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn a_refusal_reads_as_rule_and_detail() {
        assert_eq!(Refusal::new("V-12", "too early").to_string(), "V-12: too early");
    }

    #[test]
    fn a_refusal_survives_json_and_one_stored_without_a_day_is_read() {
        let refusal = Refusal::new("E-05", "line one\nline two");
        let json = serde_json::to_string(&refusal).unwrap();
        assert_eq!(json, r#"{"rule":"E-05","detail":"line one\nline two"}"#);
        assert_eq!(serde_json::from_str::<Refusal>(&json).unwrap(), refusal);
        let dated = refusal.possible_from(date!(2030 - 09 - 15));
        let json = serde_json::to_string(&dated).unwrap();
        assert!(json.ends_with(r#","earliest":"2030-09-15"}"#), "{json}");
        assert_eq!(serde_json::from_str::<Refusal>(&json).unwrap(), dated);
    }

    #[test]
    fn a_refusal_in_a_case_has_the_words_of_the_case_also_when_it_was_stored() {
        let refusal = Refusal::new("E-05", "…").in_case("agent");
        let stored: Refusal = serde_json::from_str(&serde_json::to_string(&refusal).unwrap()).unwrap();
        assert_eq!(stored, refusal);
        let (agent, sign) = (stored.explanation().unwrap(), Refusal::new("E-05", "…").explanation().unwrap());
        assert!(agent.says_ja.contains("法定代理人") && sign.says_ja.contains("署名用"), "{agent:?} {sign:?}");
        let json = serde_json::to_value(ExplainedRefusal::from(stored)).unwrap();
        assert_eq!((json["case"].as_str(), json["way_ja"].as_str()), (Some("agent"), Some(agent.way_ja)));
    }

    #[test]
    fn details_are_reworded_in_both_languages_and_none_is_made_up() {
        let both = Refusal::new("N-05", "half-width").with_ja("半角です").said_of("name", "氏名");
        assert_eq!((both.detail.as_str(), both.detail_ja.as_deref()), ("name: half-width", Some("氏名：半角です")));
        let english = Refusal::new("N-05", "half-width").said_of("name", "氏名");
        assert_eq!((english.detail.as_str(), english.detail_ja), ("name: half-width", None));
        let json = serde_json::to_string(&both).unwrap();
        assert_eq!(json, r#"{"rule":"N-05","detail":"name: half-width","detail_ja":"氏名：半角です"}"#);
        assert_eq!(serde_json::from_str::<Refusal>(&json).unwrap(), both);
    }

    #[test]
    fn a_day_that_is_none_and_an_unknown_field_are_no_refusal() {
        for json in [
            r#"{"rule":"E-05","detail":"","earliest":"2030-02-30"}"#,
            r#"{"rule":"E-05","detail":"","earliest":20300215}"#,
            r#"{"rule":"E-05","detail":"","latest":"2030-02-15"}"#,
        ] {
            assert!(serde_json::from_str::<Refusal>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn explained_it_has_the_article_and_both_languages() {
        let explained = ExplainedRefusal::from(Refusal::new("V-12", "too early").possible_from(date!(2025 - 04 - 08)));
        let json = serde_json::to_value(&explained).unwrap();
        assert_eq!((json["rule"].as_str(), json["earliest"].as_str()), (Some("V-12"), Some("2025-04-08")));
        assert_eq!(json["article"], "規13, 49");
        for words in ["says", "says_ja", "way", "way_ja"] {
            assert!(json[words].as_str().is_some_and(|words| !words.is_empty()), "{json}");
        }
        let unknown = serde_json::to_value(ExplainedRefusal::from(Refusal::new("Z-99", "nothing"))).unwrap();
        assert_eq!((unknown["rule"].as_str(), unknown.get("says")), (Some("Z-99"), None));
    }
}
