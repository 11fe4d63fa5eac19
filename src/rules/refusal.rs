//! The one answer of this floor that is not yes.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A request that the rules do not allow: which rule, and in plain words what would make it possible.
///
/// Text form is `V-12: valid until …`; JSON form is `{"rule":"V-12","detail":"…"}`. The detail may quote a day or a
/// character of what was given: it is for whoever asked. Logs and metrics take the rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(deny_unknown_fields)]
#[error("{rule}: {detail}")]
pub struct Refusal {
    /// The id of the rule that refuses.
    pub rule: Cow<'static, str>,
    /// Plain English for the person at the counter.
    pub detail: String,
}

impl Refusal {
    /// A refusal by that rule.
    #[must_use]
    pub fn new(rule: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self { rule: rule.into(), detail: detail.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_reads_as_rule_and_detail() {
        assert_eq!(Refusal::new("V-12", "too early").to_string(), "V-12: too early");
    }

    #[test]
    fn a_refusal_survives_json() {
        let refusal = Refusal::new("E-05", "line one\nline two");
        let json = serde_json::to_string(&refusal).unwrap();
        assert_eq!(json, r#"{"rule":"E-05","detail":"line one\nline two"}"#);
        assert_eq!(serde_json::from_str::<Refusal>(&json).unwrap(), refusal);
    }
}
