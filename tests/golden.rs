//! Golden files: every kind of object that the service signs, octet for octet, each with a readable dump beside it.
//!
//! `GOLDEN=write cargo test --test golden` writes them anew; the diff is read against the profile, line by line. Keys, instants
//! and the serial key are fixed and RSA signatures with PKCS#1 v1.5 are deterministic, so nothing differs by chance.

use std::{fs, path::PathBuf};

#[path = "golden/dump.rs"]
mod dump;
#[path = "golden/files.rs"]
mod files;
#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part of the house")]
#[path = "stories/house.rs"]
mod house;
#[path = "golden/layout.rs"]
mod layout;
#[path = "golden/second_opinion.rs"]
mod second_opinion;

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

#[test]
fn what_is_signed_is_what_the_golden_files_say() {
    let write = std::env::var("GOLDEN").is_ok_and(|what| what == "write");
    let mut different = Vec::new();
    for (name, der) in files::all() {
        let path = directory().join(format!("{name}.der"));
        let text = dump::dump(&der);
        if write {
            fs::create_dir_all(path.parent().expect("a directory")).expect("the directory");
            fs::write(&path, &der).expect("the octets");
            fs::write(path.with_extension("txt"), &text).expect("the dump");
        }
        if fs::read(&path).ok().as_deref() != Some(&der) {
            different.push(format!("{name}.der"));
        }
        if fs::read_to_string(path.with_extension("txt")).ok().as_ref() != Some(&text) {
            different.push(format!("{name}.txt"));
        }
    }
    different.extend(left_over().into_iter().map(|path| format!("{path} is written by nobody")));
    assert!(different.is_empty(), "read the diff, then GOLDEN=write: {different:#?}");
}

/// Files that no object stands for any more.
fn left_over() -> Vec<String> {
    let names: Vec<String> = files::all().into_iter().map(|(name, _)| name).collect();
    let mut left = Vec::new();
    for folder in ["open", "compat", "access"] {
        for file in fs::read_dir(directory().join(folder)).expect("the folder") {
            let path = file.expect("a file").path();
            let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
            if !names.contains(&format!("{folder}/{stem}")) {
                left.push(path.display().to_string());
            }
        }
    }
    left
}

/// A golden file, as it is committed.
fn golden(name: &str) -> Vec<u8> {
    fs::read(directory().join(format!("{name}.der"))).unwrap_or_else(|error| panic!("{name}: {error}"))
}
