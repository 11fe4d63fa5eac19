//! The exception that the statute leaves: SIGN for a person under 15 or an adult ward (E-07).
//!
//! 法3 knows no limit of age; that towns do not issue is practice, and 「希望される場合は事前に問合せ」 is the way out of it. Here
//! it takes a reason, two officers and the agent's presence. An [`Exception`] cannot be had otherwise, and the decision that
//! took one says so, for the audit log.

use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::limits::EXCEPTION_REASON_CHARACTERS;

/// An exception as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExceptionForm {
    /// Why, in words that an auditor can follow.
    pub reason: String,
    /// The officer who took the consultation.
    pub decided_by: String,
    /// The second officer, who approved.
    pub approved_by: String,
    /// Whether the statutory agent stands at the counter.
    pub agent_present: bool,
}

/// An exception that was made. JSON form is [`ExceptionForm`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ExceptionForm", into = "ExceptionForm")]
pub struct Exception(ExceptionForm);

impl Exception {
    /// Makes the exception.
    ///
    /// # Errors
    /// `E-07` for a reason that is none, an approval by nobody or by the same person, and an absent agent.
    pub fn parse(form: &ExceptionForm) -> Result<Self, Refusal> {
        let refused = |detail: &str, ja: &'static str| Err(Refusal::new("E-07", detail).with_ja(ja));
        check_asked(&form.reason, form.agent_present)?;
        let [decided, approved] = [&form.decided_by, &form.approved_by].map(|name| name.trim().to_lowercase());
        if decided.is_empty() || approved.is_empty() {
            let detail = "an exception names the officer who decided and the officer who approved";
            return refused(detail, "決定した職員と承認した職員の両方の名前が必要です。");
        }
        if decided == approved {
            let detail = "nobody approves their own exception; a second officer does";
            return refused(detail, "自分が決定した例外を自分で承認することはできません。別の職員が承認します。");
        }
        Ok(Self(form.clone()))
    }

    /// What was asked for, and by whom it was approved.
    #[must_use]
    pub const fn form(&self) -> &ExceptionForm {
        &self.0
    }
}

/// Checks what can be asked for before a second officer has looked at it: the reason, and that the agent is there.
///
/// # Errors
/// `E-07` for a reason that is none, and an absent agent.
pub fn check_asked(reason: &str, agent_present: bool) -> Result<(), Refusal> {
    let characters = reason.split_whitespace().map(|word| word.chars().count()).sum::<usize>();
    if !EXCEPTION_REASON_CHARACTERS.contains(&characters) || reason.chars().count() > 2 * characters {
        return Err(Refusal::new("E-07", "an exception needs its reason, in a sentence")
            .with_ja("例外の理由を文章で入力してください。"));
    }
    if !agent_present {
        return Err(
            Refusal::new("E-07", "the statutory agent has to be present").with_ja("法定代理人の同席が必要です。")
        );
    }
    Ok(())
}

impl TryFrom<ExceptionForm> for Exception {
    type Error = Refusal;

    fn try_from(form: ExceptionForm) -> Result<Self, Refusal> {
        Self::parse(&form)
    }
}

impl From<Exception> for ExceptionForm {
    fn from(Exception(form): Exception) -> Self {
        form
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> ExceptionForm {
        ExceptionForm {
            reason: "海外の学校の出願に署名が要るため、事前に相談があった".to_owned(),
            decided_by: "officer-1".to_owned(),
            approved_by: "officer-2".to_owned(),
            agent_present: true,
        }
    }

    #[test]
    fn e_07_an_exception_takes_a_reason_two_officers_and_the_agent() {
        assert_eq!(Exception::parse(&form()).unwrap().form(), &form());
        let bad = [
            ExceptionForm { reason: String::new(), ..form() },
            ExceptionForm { reason: "希望".to_owned(), ..form() },
            ExceptionForm { reason: " \n".repeat(40), ..form() },
            ExceptionForm { reason: "希".repeat(1001), ..form() },
            ExceptionForm { approved_by: "officer-1".to_owned(), ..form() },
            ExceptionForm { approved_by: " Officer-1 ".to_owned(), ..form() },
            ExceptionForm { approved_by: "  ".to_owned(), ..form() },
            ExceptionForm { decided_by: String::new(), ..form() },
            ExceptionForm { agent_present: false, ..form() },
        ];
        for form in bad {
            assert_eq!(Exception::parse(&form).unwrap_err().rule, "E-07", "{form:?}");
        }
    }

    #[test]
    fn e_07_json_makes_no_exception_that_the_rule_would_not() {
        let json = serde_json::to_value(form()).unwrap();
        assert!(serde_json::from_value::<Exception>(json.clone()).is_ok());
        for (key, value) in [("approved_by", "officer-1"), ("reason", ""), ("automatic", "yes")] {
            let mut bad = json.clone();
            bad[key] = value.into();
            assert!(serde_json::from_value::<Exception>(bad).is_err(), "{key}");
        }
    }
}
