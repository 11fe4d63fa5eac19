//! The runbook of `docs/operations.md` against the program: every command is one, every test that it names is there and every
//! step names one, and what it quotes is what is printed.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use clap::Parser;
use jitsuin::cli::Cli;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn document() -> String {
    fs::read_to_string(root().join("docs/operations.md")).unwrap()
}

fn runbook(text: &str) -> &str {
    text.split("\n## Runbook\n").nth(1).unwrap().split("\n## ").next().unwrap()
}

/// All Rust below a folder, as one text.
fn sources(folder: &str) -> String {
    let (mut left, mut text) = (vec![root().join(folder)], String::new());
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|end| end == "rs") {
            text += &fs::read_to_string(path).unwrap();
        }
    }
    text
}

/// The commands in the shell blocks of a document, lines that go on joined and remarks left out.
fn commands(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    let lines = |block: &str| {
        let joined = block.replace("\\\n", " ");
        let bare = joined.lines().map(|line| line.split(" #").next().unwrap().trim().to_owned());
        bare.filter(|line| !line.is_empty()).collect::<Vec<_>>()
    };
    blocks.flat_map(lines).collect()
}

/// Why the program would not take a command.
fn refused(command: &str) -> Option<String> {
    // A recipient that reads like one.
    let recipient = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
    let told = Cli::try_parse_from(command.replace("age1…", recipient).split_whitespace()).err()?;
    Some(format!("{command}: {told}"))
}

/// Names of tests: what stands between backticks and reads like a sentence.
fn tests_named(text: &str) -> BTreeSet<String> {
    let quoted = text.split("```").step_by(2).flat_map(|part| part.split('`').skip(1).step_by(2));
    let reads = |word: &&str| {
        word.matches('_').count() >= 3
            && word.bytes().all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'_')
    };
    quoted.filter(reads).map(str::to_owned).collect()
}

/// The numbered steps of a chapter, each with what belongs to it.
fn steps(chapter: &str) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    let todo = chapter.split("**To do**").nth(1).unwrap_or_default();
    for line in todo.split("**Certain afterwards**").next().unwrap().lines() {
        let is_new = line.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
        match steps.last_mut() {
            _ if is_new => steps.push(line.to_owned()),
            Some(step) => *step = format!("{step}\n{line}"),
            None => {}
        }
    }
    steps
}

/// What stands between « and », in pieces where something is filled in.
fn quotes(text: &str) -> Vec<String> {
    let inside = text.split('«').skip(1).map(|rest| rest.split('»').next().unwrap());
    let pieces = inside.flat_map(|quote| quote.split('…').map(str::to_owned).collect::<Vec<_>>());
    let plain = |piece: String| piece.split_whitespace().collect::<Vec<_>>().join(" ");
    pieces.map(plain).filter(|piece| piece.len() > 8).collect()
}

/// Program text with the strings that go on over several lines put together.
fn unbroken(sources: &str) -> String {
    let mut text = String::new();
    for part in sources.split("\\\n") {
        text += if text.is_empty() { part } else { part.trim_start() };
    }
    text
}

#[test]
fn every_command_of_the_document_is_one_that_the_program_takes() {
    let all = commands(&document());
    let own: Vec<_> = all.iter().filter(|line| line.starts_with("jitsuin ")).collect();
    assert!(own.len() > 35, "{own:#?}");
    let wrong: Vec<_> = own.iter().filter_map(|command| refused(command)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let others: BTreeSet<_> = all.iter().filter(|line| !line.starts_with("jitsuin ")).collect();
    assert!(others.iter().all(|line| line.starts_with("age-keygen ")), "{others:?}");
}

#[test]
fn every_step_names_a_test_that_is_there_or_says_that_it_is_done_by_hand() {
    let (text, tests) = (document(), sources("tests"));
    let missing: Vec<_> =
        tests_named(&text).into_iter().filter(|name| !tests.contains(&format!("fn {name}()"))).collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
    let mut count = 0;
    for chapter in runbook(&text).split("\n### ").skip(1) {
        let name = chapter.lines().next().unwrap();
        for part in ["**Seen**", "**To do**", "**Certain afterwards**"] {
            assert!(chapter.contains(part), "{name}: {part}");
        }
        let steps = steps(chapter);
        assert!(!steps.is_empty(), "{name}");
        for step in steps {
            assert!(step.contains("*By hand*") || !tests_named(&step).is_empty(), "{name}: {step}");
            assert!(
                !step.contains("```sh") || !tests_named(&step).is_empty(),
                "{name}: a command is run by a test: {step}"
            );
            count += 1;
        }
    }
    assert!(count > 45, "{count} steps");
}

#[test]
fn what_the_document_quotes_is_what_the_program_prints() {
    let program = unbroken(&sources("src"));
    let text = document();
    let quoted = quotes(runbook(&text).split_once("\n### ").unwrap().1);
    assert!(quoted.len() > 15, "{quoted:#?}");
    let wrong: Vec<_> = quoted.into_iter().filter(|piece| !program.contains(piece.as_str())).collect();
    assert!(wrong.is_empty(), "nothing prints {wrong:#?}");
}

#[test]
fn what_is_wrong_is_found() {
    assert!(refused("jitsuin generation add --kind nobody").is_some());
    assert!(refused("jitsuin generation forget --kind sign").is_some());
    assert_eq!(refused("jitsuin generation list --dir DIR"), None);
    let chapter = "### x\n**To do**\n\n1. one (`a_test_of_this`)\n\n   ```sh\n   jitsuin check\n   ```\n2. two\n**Certain afterwards**: 3. no";
    assert_eq!(steps(chapter).len(), 2);
    assert_eq!(tests_named(&steps(chapter)[0]), ["a_test_of_this".to_owned()].into());
    assert!(tests_named(&steps(chapter)[1]).is_empty());
    assert_eq!(quotes("«the clock … is\nwrong today» and «no»"), ["the clock", "is wrong today"]);
}
