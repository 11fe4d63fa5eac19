//! Every rule has a test named after it: the ids of `data/rules.tsv` against the names of the tests, without exceptions.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use jitsuin::rules::{Cause, catalogue};

/// The rules, in the order of the file: id and text.
fn rules() -> Vec<(String, String)> {
    let text = fs::read_to_string("data/rules.tsv").unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| line.split_once('\t').map(|(id, says)| (id.to_owned(), says.to_owned())).unwrap()).collect()
}

/// The functions that a test runner runs, in a source text.
fn tests_of(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut marked = false;
    for line in text.lines().map(str::trim) {
        match line {
            "#[test]" => marked = true,
            _ if line.starts_with("#[ignore") => marked = false,
            _ => {
                let function = line.strip_prefix("fn ").or_else(|| line.strip_prefix("async fn "));
                let name = function.and_then(|rest| rest.split(['(', '<']).next());
                if let Some(name) = name {
                    names.extend(marked.then(|| name.to_owned()));
                    marked = false;
                }
            }
        }
    }
    names
}

/// The ids that the name of a test begins with: `f_03_f_04_a_card` has `F-03` and `F-04`.
fn ids_of(name: &str) -> Vec<String> {
    let words: Vec<&str> = name.split('_').collect();
    let id = |pair: &[&str]| {
        let (letter, number) = (pair[0], *pair.get(1)?);
        let letter = letter.bytes().next().filter(|octet| letter.len() == 1 && octet.is_ascii_lowercase())?;
        let digits = number.len() == 2 && number.bytes().all(|octet| octet.is_ascii_digit());
        digits.then(|| format!("{}-{number}", char::from(letter.to_ascii_uppercase())))
    };
    words.chunks(2).map_while(id).collect()
}

/// Every test of the project, with its file.
fn collect(folder: &Path, tests: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, tests);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let file = path.to_string_lossy().into_owned();
            tests.extend(tests_of(&fs::read_to_string(&path).unwrap()).into_iter().map(|name| (file.clone(), name)));
        }
    }
}

fn named() -> BTreeMap<String, Vec<String>> {
    let mut tests = Vec::new();
    for folder in ["src", "tests"] {
        collect(Path::new(folder), &mut tests);
    }
    assert!(tests.len() > 500, "the search finds the tests: {}", tests.len());
    let mut named = BTreeMap::<String, Vec<String>>::new();
    for (file, name) in tests {
        for id in ids_of(&name) {
            named.entry(id).or_default().push(format!("{file}: {name}"));
        }
    }
    named
}

#[test]
fn every_rule_has_a_test_named_after_it() {
    let named = named();
    let without: Vec<String> = rules().into_iter().map(|(id, _)| id).filter(|id| !named.contains_key(id)).collect();
    assert_eq!(without, Vec::<String>::new(), "rules without a test");
}

#[test]
fn no_test_is_named_after_a_rule_that_does_not_exist() {
    let known: BTreeSet<String> = rules().into_iter().map(|(id, _)| id).collect();
    let strangers: BTreeMap<_, _> = named().into_iter().filter(|(id, _)| !known.contains(id)).collect();
    assert_eq!(strangers, BTreeMap::new());
}

#[test]
fn the_ids_are_complete_and_in_order() {
    const LAST: [(char, u8); 12] = [
        ('E', 13),
        ('D', 6),
        ('V', 18),
        ('R', 33),
        ('M', 5),
        ('P', 10),
        ('F', 9),
        ('N', 9),
        ('W', 9),
        ('O', 5),
        ('C', 16),
        ('A', 7),
    ];
    // The rule book has no.
    let given = |letter: char, number: u8| letter != 'R' || !(5..=9).contains(&number);
    let expected: Vec<String> = LAST
        .iter()
        .flat_map(|(letter, last)| (1..=*last).filter(|number| given(*letter, *number)).map(move |n| (letter, n)))
        .map(|(letter, number)| format!("{letter}-{number:02}"))
        .collect();
    let ids: Vec<String> = rules().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, expected);
}

#[test]
fn every_rule_says_something_of_its_own_in_a_line() {
    let mut said = BTreeSet::new();
    for (id, says) in rules() {
        assert!(says.len() > 15 && says.len() < 160 && says.ends_with('.') && !says.contains('\t'), "{id}: {says}");
        assert!(said.insert(says), "{id} says what another rule says");
    }
}

#[test]
fn whatever_refuses_or_ends_is_a_rule_of_the_list() {
    let known: BTreeSet<String> = rules().into_iter().map(|(id, _)| id).collect();
    // Those for relying parties (L-) and about requests (T-) are the service's own: see `src/http/problem.rs`.
    for rule in catalogue::RULES.iter().filter(|rule| !rule.id.starts_with(['L', 'T'])) {
        assert!(known.contains(rule.id), "{} refuses and is in no list", rule.id);
    }
    for cause in Cause::ALL {
        assert!(known.contains(cause.rule()), "{cause}");
    }
}

// The check itself must be able to fail.

#[test]
fn only_functions_that_run_count_as_tests() {
    let text = "#[test]\nfn e_01_a() {}\nfn e_02_b() {}\n#[test]\n#[ignore = \"slow\"]\nfn e_03_c() {}\n\
                // #[test]\nfn e_04_d() {}\n    #[test]\n    fn e_05_e(\n    ) {}\n";
    assert_eq!(tests_of(text), ["e_01_a", "e_05_e"]);
}

#[test]
fn a_name_begins_with_its_ids_and_may_go_on_as_it_likes() {
    let rows: [(&str, &[&str]); 7] = [
        ("e_05_a_child", &["E-05"]),
        ("f_03_f_04_m_04_a_card", &["F-03", "F-04", "M-04"]),
        ("e_05", &["E-05"]),
        ("e_5_a_child", &[]),
        ("a_child_e_05", &[]),
        ("example_05_birthday", &[]),
        ("e_055_x", &[]),
    ];
    for (name, ids) in rows {
        assert_eq!(ids_of(name), ids, "{name}");
    }
}
