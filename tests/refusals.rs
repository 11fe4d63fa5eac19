//! The table of refusals is whole: what the code can refuse is in the catalogue, what is in the catalogue can be refused,
//! and `docs/refusals.md` is that table. `GOLDEN=write` writes it again.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{collections::BTreeSet, fs, path::Path};

use jitsuin::rules::{
    Cause, Origin,
    catalogue::{self, CASES, NOT_YET_REACHED, RULES},
};

const DOCUMENT: &str = "docs/refusals.md";

/// Sources that name rules without refusing by them: the catalogue itself, the causes, and files of tests.
const TABLES: [&str; 17] = [
    "catalogue.rs",
    "catalogue/applying.rs",
    "cases/applying.rs",
    "cases/certificates.rs",
    "cases/mod.rs",
    "catalogue/certificates.rs",
    "catalogue/relying.rs",
    "catalogue/requests.rs",
    "catalogue/validity.rs",
    "cause.rs",
    "cause_table.rs",
    "counter/property.rs",
    "counter/tests.rs",
    "counter/towns.rs",
    "procedure_table.rs",
    "statute.rs",
    "rules/warning.rs",
];

/// The ids of rules that stand as literals in the sources, tests and comments left out.
fn raised(folder: &Path, ids: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            raised(&path, ids);
        } else if path.extension().is_some_and(|end| end == "rs") && !TABLES.iter().any(|name| path.ends_with(name)) {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            // A warning names its rule and refuses nothing.
            let refuses =
                |line: &&str| !["//", "warn(", "(\""].iter().any(|begin| line.trim_start().starts_with(begin));
            for line in code.lines().filter(refuses) {
                ids.extend(line.split('"').skip(1).step_by(2).filter(|literal| is_id(literal)).map(str::to_owned));
            }
        }
    }
}

fn is_id(literal: &str) -> bool {
    let octets = literal.as_bytes();
    octets.len() == 4
        && octets[0].is_ascii_uppercase()
        && octets[1] == b'-'
        && octets[2..].iter().all(u8::is_ascii_digit)
}

/// One of the service's own rules: the doors refuse by them, beside the stories.
fn own(id: &str) -> bool {
    id.starts_with("T-")
}

/// Files whose refusals no page shows: they answer commands and programs of operators, in English.
const ENGLISH: [&str; 7] = [
    "authority/approval.rs",
    "authority/bulk.rs",
    "authority/compromise.rs",
    "authority/credential.rs",
    "authority/municipality.rs",
    "authority/relying_party.rs",
    "notice/due.rs",
];

/// What stands after the argument list that begins here.
fn after_arguments(code: &str) -> &str {
    let (mut depth, mut quoted, mut escaped) = (1, false, false);
    for (at, octet) in code.bytes().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return code[at + 1..].trim_start();
        }
    }
    ""
}

/// The refusals in a folder that have no Japanese words, by file and line.
fn english_only(folder: &Path, found: &mut Vec<String>) -> usize {
    let mut all = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all += english_only(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") && !ENGLISH.iter().any(|name| path.ends_with(name)) {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for (at, begin) in code.match_indices("Refusal::new(") {
                all += 1;
                if !after_arguments(&code[at + begin.len()..]).starts_with(".with_ja(") {
                    found.push(format!("{}:{}", path.display(), code[..at].lines().count()));
                }
            }
        }
    }
    all
}

#[test]
fn what_a_page_may_show_says_its_case_in_japanese_too() {
    let mut found = Vec::new();
    let all = ["src/rules", "src/authority", "src/console"].map(|folder| english_only(Path::new(folder), &mut found));
    assert_eq!(found, [""; 0], "these refusals have no Japanese words");
    assert!(all.iter().sum::<usize>() > 200, "{all:?}: the files are not where they were");
}

/// The rules of the causes that are reported as revocations: `authority/revoke.rs` refuses by them where the kinds do not fit.
fn reported() -> impl Iterator<Item = &'static str> {
    let other = [Cause::Renewal, Cause::CaKeyCompromise, Cause::CardExpired, Cause::CardLost, Cause::CardFound];
    let revoked = move |cause: &Cause| !other.contains(cause) && cause.origin() != Origin::RegisterChange;
    Cause::ALL.into_iter().filter(revoked).map(Cause::rule)
}

#[test]
fn every_rule_that_the_code_refuses_by_is_explained_and_no_other() {
    let mut found = BTreeSet::new();
    for folder in ["src/rules", "src/authority"] {
        raised(Path::new(folder), &mut found);
    }
    found.extend(reported().map(str::to_owned));
    let mut doors = BTreeSet::new();
    raised(Path::new("src/http"), &mut doors);
    found.extend(doors.into_iter().filter(|id| own(id)));
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let explained: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert!(found.len() > 20, "the search finds the literals: {found:?}");
    assert_eq!(found.difference(&explained).collect::<Vec<_>>(), Vec::<&&str>::new(), "not explained");
    assert_eq!(explained.difference(&found).collect::<Vec<_>>(), Vec::<&&str>::new(), "never refused by");
}

/// The sources in a folder, tests left out.
fn sources(folder: &Path, texts: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, texts);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap().to_owned();
            texts.push((path.to_string_lossy().into_owned(), code));
        }
    }
}

#[test]
fn what_is_said_not_to_be_reached_yet_is_decided_where_no_door_asks() {
    /// Each decision alone that refuses by them, in its file.
    const ALONE: [(&str, &str); 4] = [
        ("src/rules/online.rs", "decide_online"),
        ("src/rules/shop.rs", "decide_pin_change"),
        ("src/rules/identification.rs", "check_language"),
        ("src/rules/admission.rs", "decide_legacy_import"),
    ];
    let mut texts = Vec::new();
    sources(Path::new("src"), &mut texts);
    for (file, decision) in ALONE {
        let asking = |(path, code): &&(String, String)| {
            let calls = |line: &str| line.contains(decision) && !line.trim_start().starts_with("//");
            path != file && !path.ends_with("rules/mod.rs") && code.lines().any(calls)
        };
        let asked: Vec<_> = texts.iter().filter(asking).map(|(path, _)| path).collect();
        assert_eq!(asked, Vec::<&String>::new(), "{decision} is asked: take its rules out of NOT_YET_REACHED");
        assert!(texts.iter().any(|(path, code)| path == file && code.contains(decision)), "{decision}");
    }
    for id in NOT_YET_REACHED {
        let literal = format!("\"{id}\"");
        let raising = |(path, code): &&(String, String)| {
            !TABLES.iter().any(|name| path.ends_with(name))
                && code.lines().any(|line| line.contains(&literal) && !line.trim_start().starts_with("//"))
        };
        let raised: Vec<_> = texts.iter().filter(raising).map(|(path, _)| path.as_str()).collect();
        assert!(
            !raised.is_empty() && raised.iter().all(|path| ALONE.iter().any(|(file, _)| file == path)),
            "{id}: {raised:?}"
        );
    }
}

#[test]
fn every_case_that_the_code_names_has_words_and_every_case_with_words_is_named() {
    let mut texts = Vec::new();
    sources(Path::new("src"), &mut texts);
    let code: String =
        texts.iter().filter(|(path, _)| !path.contains("catalogue/cases/")).map(|(_, code)| code.as_str()).collect();
    for case in &CASES {
        assert!(code.contains(&format!("\"{}\"", case.case)), "{} `{}` is never named", case.id, case.case);
    }
    for named in code.split(".in_case(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(CASES.iter().any(|case| case.case == named), "`{named}` has no words");
    }
}

#[test]
fn the_document_is_the_table() {
    let text = format!(
        "# Every refusal that a counter or a relying party can meet\n\n\
         Printed from `src/rules/catalogue.rs` by `GOLDEN=write cargo test --test refusals`. The answer of the service\n\
         carries the id, these words, and in its detail the case: which day, which certificate, which character.\n\n{}",
        catalogue::markdown()
    );
    if std::env::var_os("GOLDEN").is_some_and(|value| value == "write") {
        fs::write(DOCUMENT, &text).unwrap();
    }
    assert_eq!(
        fs::read_to_string(DOCUMENT).unwrap_or_default(),
        text,
        "run it with GOLDEN=write and read the difference"
    );
}
