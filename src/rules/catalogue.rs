//! Every rule that refuses, in plain words: what it says, where it stands, and what would make the request possible.
//!
//! The detail of a [`Refusal`](super::Refusal) speaks of the case; the words here speak of the rule, in English for the
//! developer and in Japanese for the counter. `docs/refusals.md` is printed from this table.

use serde::Serialize;

mod applying;
mod cases;
mod certificates;
mod relying;
mod requests;
mod validity;

/// A rule that refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its id in the rule book.
    #[serde(skip)]
    pub id: &'static str,
    /// Where it stands: 法 the Act, 令 its order, 規 its ordinance, 番令 and カ省 those of the My Number Act; `-` for practice.
    #[serde(rename = "article")]
    pub source: &'static str,
    /// What it says.
    pub says: &'static str,
    /// The same in Japanese.
    pub says_ja: &'static str,
    /// What would make the request possible.
    pub way: &'static str,
    /// The same in Japanese.
    pub way_ja: &'static str,
}

/// A row of the table: id and source; English; Japanese; the way in both.
const fn rule(
    (id, source): (&'static str, &'static str),
    (says, says_ja): (&'static str, &'static str),
    (way, way_ja): (&'static str, &'static str),
) -> Rule {
    Rule { id, source, says, says_ja, way, way_ja }
}

/// A case of a rule in which other words fit than those of the rule: the statutory agent who has to come (E-05) is not helped by
/// what is said of a signing certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// The id of the rule.
    pub id: &'static str,
    /// The case, a kebab-case word.
    pub case: &'static str,
    /// What the rule says in it.
    pub says: &'static str,
    /// The same in Japanese.
    pub says_ja: &'static str,
    /// What would make the request possible.
    pub way: &'static str,
    /// The same in Japanese.
    pub way_ja: &'static str,
}

/// Every case with words of its own, by id and case.
pub static CASES: [Case; cases::PARTS[0].len() + cases::PARTS[1].len()] = joined(cases::PARTS);

/// Rules of what is not done from home, of a PIN that is changed where nobody asks the service, and of papers and imports that no counter sends yet: decided here,
/// and asked by no door.
pub const NOT_YET_REACHED: [&str; 5] = ["D-06", "E-12", "O-03", "O-04", "P-06"];

/// The files of the table; by id, one goes on where the other ends.
const PARTS: [&[Rule]; 5] = [applying::RULES, relying::RULES, certificates::RULES, requests::RULES, validity::RULES];

/// Every rule that refuses, by id; the service's own are `T-`.
pub static RULES: [Rule; PARTS[0].len() + PARTS[1].len() + PARTS[2].len() + PARTS[3].len() + PARTS[4].len()] =
    joined(PARTS);

const fn joined<T: Copy, const P: usize, const N: usize>(parts: [&[T]; P]) -> [T; N] {
    let mut all = [parts[0][0]; N];
    let (mut at, mut part, mut row) = (0, 0, 0);
    while at < N {
        if row == parts[part].len() {
            (part, row) = (part + 1, 0);
        }
        all[at] = parts[part][row];
        (at, row) = (at + 1, row + 1);
    }
    all
}

/// The rule of that id, if it refuses.
#[must_use]
pub fn find(id: &str) -> Option<&'static Rule> {
    RULES.binary_search_by(|rule| rule.id.cmp(id)).ok().map(|at| &RULES[at])
}

/// The rule in the words of that case, or in its own where the case has none.
#[must_use]
pub fn explain(id: &str, case: Option<&str>) -> Option<Rule> {
    let rule = *find(id)?;
    let case = case.and_then(|case| CASES.iter().find(|one| (one.id, one.case) == (id, case)));
    Some(match case {
        Some(&Case { says, says_ja, way, way_ja, .. }) => Rule { says, says_ja, way, way_ja, ..rule },
        None => rule,
    })
}

/// The tables as Markdown, for `docs/refusals.md`: what a client can meet, then what none can yet.
#[must_use]
pub fn markdown() -> String {
    let (later, met): (Vec<_>, Vec<_>) = RULES.iter().partition(|rule| NOT_YET_REACHED.contains(&rule.id));
    format!(
        "{}\n## Not yet reached by any counter\n\n\
         These rules are decided in `src/rules`, and no door asks them yet: what is not done from home, papers in a\n\
         foreign language, the import of old certificates.\n\n{}",
        table(&met),
        table(&later)
    )
}

fn table(rules: &[&Rule]) -> String {
    let mut text = String::from("| rule | source | what it says | what would make it possible |\n|---|---|---|---|\n");
    for Rule { id, source, says, says_ja, way, way_ja } in rules {
        text.push_str(&format!("| {id} | {source} | {says}<br>{says_ja} | {way}<br>{way_ja} |\n"));
        for Case { case, says, says_ja, way, way_ja, .. } in CASES.iter().filter(|case| case.id == *id) {
            text.push_str(&format!("| {id} `{case}` | | {says}<br>{says_ja} | {way}<br>{way_ja} |\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_every_rule_is_found() {
        for rule in &RULES {
            assert_eq!(find(rule.id), Some(rule));
        }
        for other in ["", "E-00", "E-4", "T-99", "Z-99"] {
            assert_eq!(find(other), None, "{other}");
        }
    }

    #[test]
    fn every_rule_and_case_says_something_in_both_languages() {
        let rules = RULES.iter().map(|rule| (rule.id, [rule.says, rule.way], [rule.says_ja, rule.way_ja]));
        let cases = CASES.iter().map(|case| (case.id, [case.says, case.way], [case.says_ja, case.way_ja]));
        for (id, english, japanese) in rules.chain(cases) {
            assert!(english.iter().all(|text| !text.is_empty()), "{id}");
            for japanese in japanese {
                assert!(japanese.chars().any(|one| ('\u{3041}'..='\u{30FE}').contains(&one)), "{id}: {japanese}");
            }
            for text in english.into_iter().chain(japanese) {
                assert!(!text.ends_with(['.', '。', ' ']) && !text.contains('|'), "{id}: {text}");
            }
        }
        assert!(RULES.iter().all(|rule| !rule.source.is_empty()));
    }

    #[test]
    fn a_case_is_of_a_rule_and_has_words_that_are_not_the_rule_s() {
        assert!(CASES.is_sorted_by(|one, next| (one.id, one.case) < (next.id, next.case)));
        for Case { id, case, says, .. } in &CASES {
            let rule = find(id).unwrap();
            assert_ne!(rule.says, *says, "{id} {case}");
            let explained = explain(id, Some(case)).unwrap();
            assert_eq!((explained.says, explained.source), (*says, rule.source));
        }
        assert_eq!(explain("E-05", Some("no such case")), find("E-05").copied());
        assert_eq!(explain("E-05", None), find("E-05").copied());
        assert_eq!(explain("Z-99", Some("agent")), None);
        assert!(NOT_YET_REACHED.iter().all(|id| find(id).is_some()));
    }
}
