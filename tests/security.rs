//! What `SECURITY.md` and `docs/retention.md` name is there: every file, every test, every table.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// What stands between backticks, code blocks left out.
fn quoted(text: &str) -> Vec<String> {
    let prose: Vec<&str> = text.split("```").step_by(2).collect();
    prose.iter().flat_map(|part| part.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// Whether a quoted word names a file or folder of this repository.
fn is_path(word: &str) -> bool {
    let file = word.split("::").next().unwrap();
    let known = ["Cargo.toml", "Cargo.lock", "deny.toml", "keys/"].contains(&file);
    let inside =
        ["src/", "tests/", "docs/", "scripts/", "fuzz/", "benches/"].iter().any(|folder| file.starts_with(folder));
    known || inside
}

/// What is wrong with the paths and tests of a document.
fn broken(text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    for word in quoted(text).into_iter().filter(|word| is_path(word)) {
        let (file, test) = word.split_once("::").map_or((word.as_str(), None), |(file, test)| (file, Some(test)));
        let path = root().join(file);
        if !path.exists() {
            broken.push(format!("{file} is not there"));
        } else if let Some(test) = test {
            let source = fs::read_to_string(&path).unwrap();
            let (_, after) = source.split_once(&format!("fn {test}(")).map_or(("", ""), |parts| parts);
            if after.is_empty() {
                broken.push(format!("{file} has no test {test}"));
            }
        }
    }
    broken
}

#[test]
fn every_file_and_test_that_is_named_is_there() {
    for document in ["SECURITY.md", "docs/retention.md"] {
        let text = read(document);
        assert_eq!(broken(&text), Vec::<String>::new(), "{document}");
    }
    let named = quoted(&read("SECURITY.md"));
    assert!(named.iter().filter(|word| is_path(word)).count() > 50, "{named:?}");
}

#[test]
fn what_is_not_there_is_found() {
    let text = "`src/no/such.rs`, `tests/security.rs::no_such_test`, `tests/security.rs::what_is_not_there_is_found`, `jitsuin`";
    assert_eq!(broken(text), ["src/no/such.rs is not there", "tests/security.rs has no test no_such_test"]);
}

#[test]
fn every_threat_that_is_called_defended_names_what_shows_it_or_stands_by_files_alone() {
    let text = read("SECURITY.md");
    let defended = text.split("## What is defended").nth(1).unwrap().split("## What is not defended").next().unwrap();
    let rows = defended.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| threat"));
    let mut count = 0;
    for row in rows {
        assert!(quoted(row).iter().any(|word| is_path(word)), "nothing shows {row}");
        count += 1;
    }
    assert!(count > 20, "{count}");
}

/// The tables that the migrations make, but for those that another replaces.
fn tables() -> BTreeSet<String> {
    let folders = ["sqlite", "postgres"].map(|engine| root().join(format!("src/store/{engine}/migrations")));
    let mut tables = BTreeSet::new();
    for entry in folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()) {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let made = text.split("CREATE TABLE ").skip(1);
        tables.extend(made.map(|rest| rest.split([' ', '(']).next().unwrap().to_owned()));
    }
    tables
}

#[test]
fn every_table_has_its_retention_and_every_retention_its_table() {
    let text = read("docs/retention.md");
    let first = text.split("## What is outside the store").next().unwrap();
    let rows = first.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let told: BTreeSet<String> = rows.map(str::to_owned).collect();
    assert_eq!(told, tables());
}
