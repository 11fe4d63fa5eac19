//! How it is known who stands at the counter, and papers in other languages (D-03, D-04, D-06).

use serde::{Deserialize, Serialize};

use super::{
    Refusal,
    calendar::{Day, day_text},
    papers::decide_photo_id,
    procedure::{Applicant, CounterPolicy},
};

/// A document that is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Its name, as in [`PHOTO_IDS`](super::papers::PHOTO_IDS).
    pub name: String,
    /// The day it was issued, where that decides.
    #[serde(default, with = "day_text::option")]
    pub issued: Option<Day>,
}

/// How somebody is identified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identification {
    /// By a document with a photograph (D-02).
    Photo(&'static str),
    /// By an inquiry to the registered address, its reply and a document that the mayor accepts (規5①二; D-03).
    Inquiry,
}

/// Decides how somebody is identified, by the first document that does.
///
/// # Errors
/// `D-04` for anybody but the holder without a document with a photograph: the inquiry stands in for the holder's alone.
pub fn decide_identification(applicant: Applicant, shown: &[Document]) -> Result<Identification, Refusal> {
    let mut refusal = Refusal::new("D-04", "who acts for the holder shows an official document with a photograph")
        .with_ja("代理人は、官公署が発行した顔写真付きの本人確認書類を提示してください。");
    for document in shown {
        match decide_photo_id(&document.name, document.issued) {
            Ok(known) => return Ok(Identification::Photo(known)),
            Err(other) => refusal = other,
        }
    }
    if applicant == Applicant::Holder { Ok(Identification::Inquiry) } else { Err(refusal) }
}

/// Refuses a paper in a foreign language without a translation that names who made it (規78; D-06), where the town demands
/// one.
///
/// # Errors
/// `D-06`.
pub fn check_language(foreign: bool, translator: Option<&str>, policy: &CounterPolicy) -> Result<(), Refusal> {
    let named = translator.is_some_and(|name| !name.trim().is_empty());
    if foreign && policy.translation && !named {
        return Err(Refusal::new(
            "D-06",
            "the paper is in a foreign language and has no translation naming its translator",
        )
        .with_ja("外国語の書類には、翻訳者を明らかにした訳文が必要です。"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(name: &str) -> Document {
        Document { name: name.to_owned(), issued: None }
    }

    #[test]
    fn d_03_a_holder_without_a_photo_id_is_asked_by_post_and_an_agent_is_refused() {
        let none: [&[Document]; 3] =
            [&[], &[document("健康保険証")], &[document("学生証"), document("運転経歴証明書")]];
        for shown in none {
            assert_eq!(decide_identification(Applicant::Holder, shown), Ok(Identification::Inquiry));
            for applicant in [Applicant::StatutoryAgent, Applicant::Agent, Applicant::HouseholdMember] {
                // 吹田市, 伊丹市: 「お持ちでない場合は受付できません」.
                assert_eq!(decide_identification(applicant, shown).unwrap_err().rule, "D-04");
            }
        }
        let shown = [document("健康保険証"), document("旅券")];
        for applicant in Applicant::ALL {
            assert_eq!(decide_identification(applicant, &shown), Ok(Identification::Photo("旅券")));
        }
    }

    #[test]
    fn d_06_a_foreign_paper_needs_a_translation_that_names_its_translator_where_the_town_demands_it() {
        let lenient = CounterPolicy { translation: false, ..CounterPolicy::default() };
        let rows = [
            (false, None, true),
            (true, None, false),
            (true, Some(""), false),
            (true, Some(" \u{3000}"), false),
            (true, Some("JITSUIN-TEST"), true),
        ];
        for (foreign, translator, taken) in rows {
            let decided = check_language(foreign, translator, &CounterPolicy::default());
            assert_eq!(decided.map_err(|refusal| refusal.rule), if taken { Ok(()) } else { Err("D-06".into()) });
            assert_eq!(check_language(foreign, translator, &lenient), Ok(()));
        }
    }
}
