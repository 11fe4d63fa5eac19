//! Every rule that refuses, in plain words: what it says, where it stands, and what would make the request possible.
//!
//! The detail of a [`Refusal`](super::Refusal) speaks of the case; the words here speak of the rule, in English for the
//! developer and in Japanese for the counter. `docs/refusals.md` is printed from this table.

use serde::Serialize;

mod applying;
mod certificates;
mod relying;

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

/// The files of the table; by id, one goes on where the other ends.
const PARTS: [&[Rule]; 3] = [applying::RULES, relying::RULES, certificates::RULES];

/// Every rule that refuses, by id. The service's own (`T-`) are with the doors.
pub static RULES: [Rule; PARTS[0].len() + PARTS[1].len() + PARTS[2].len()] = joined(PARTS);

const fn joined<const N: usize>(parts: [&[Rule]; 3]) -> [Rule; N] {
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

/// The table as Markdown, for `docs/refusals.md`.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from("| rule | source | what it says | what would make it possible |\n|---|---|---|---|\n");
    for Rule { id, source, says, says_ja, way, way_ja } in &RULES {
        text.push_str(&format!("| {id} | {source} | {says}<br>{says_ja} | {way}<br>{way_ja} |\n"));
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
        for other in ["", "E-00", "E-4", "T-01", "Z-99"] {
            assert_eq!(find(other), None, "{other}");
        }
    }

    #[test]
    fn every_rule_says_something_in_both_languages() {
        for Rule { id, source, says, says_ja, way, way_ja } in &RULES {
            assert!([source, says, way].iter().all(|text| !text.is_empty()), "{id}");
            for japanese in [says_ja, way_ja] {
                assert!(japanese.chars().any(|one| ('\u{3041}'..='\u{30FE}').contains(&one)), "{id}: {japanese}");
            }
            for text in [says, way, says_ja, way_ja] {
                assert!(!text.ends_with(['.', '。', ' ']) && !text.contains('|'), "{id}: {text}");
            }
        }
    }
}
