//! What befalls a running service: disks, clocks, descriptors and clients. In each case: what is answered, that statuses go on,
//! that it recovers by itself (or what the operator has to do), and that nothing acknowledged is lost. The runbook is
//! `docs/faults.md`; it names these tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

#[path = "faults/clients.rs"]
mod clients;
#[path = "faults/clock.rs"]
mod clock;
#[path = "faults/disk.rs"]
mod disk;
#[path = "faults/stricken.rs"]
mod stricken;

/// Every file of Rust in these directories of the tests.
fn tests_in(directories: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut left: Vec<PathBuf> = directories.iter().map(|directory| root.join(directory)).collect();
    let mut all = String::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(path).expect("read").map(|entry| entry.expect("an entry").path()));
        } else if path.extension().is_some_and(|end| end == "rs") {
            all += &fs::read_to_string(path).expect("text");
        }
    }
    all
}

#[test]
fn the_runbook_names_every_test_of_a_fault_and_none_that_is_not_there() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md")).expect("the runbook");
    let is_test = |word: &&str| {
        word.matches('_').count() > 3
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || b"_0123456789".contains(&byte))
    };
    let named: Vec<&str> = text.split('`').filter(is_test).collect();
    assert!(named.len() > 15, "the runbook is written in another way");
    let all = tests_in(&[""]);
    let missing: Vec<_> = named.iter().filter(|name| !all.contains(&format!("fn {name}()"))).collect();
    assert!(missing.is_empty(), "there are no such tests: {missing:#?}");
    let of_faults = tests_in(&["service/faults", "service/commands.rs", "service/kill.rs"]);
    let written = of_faults.split("#[test]\nfn ").skip(1).map(|test| test.split("()").next().unwrap_or_default());
    let untold: Vec<_> = written.filter(|name| !named.contains(name)).collect();
    assert!(untold.is_empty(), "the runbook does not tell of {untold:#?}");
}
