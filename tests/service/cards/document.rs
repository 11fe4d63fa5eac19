//! `docs/card.md` is run as it is written.

use std::{fs, path::PathBuf, process::Command};

use super::said;
use crate::demo::Demo;

/// The shell blocks of a chapter of `docs/card.md`.
fn blocks(chapter: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/card.md");
    let text = fs::read_to_string(path).expect("the document");
    let chapter = text.split(&format!("\n## {chapter}\n")).nth(1).expect("the chapter").split("\n## ").next();
    let chapter = chapter.unwrap_or_default();
    chapter.split("```sh\n").skip(1).filter_map(|block| block.split("```").next()).collect()
}

#[test]
fn the_document_leads_from_nothing_to_a_signed_message_in_ten_commands() {
    let demo = Demo::start();
    let script = blocks("From nothing to a signed message").replace("/tmp/demo", &demo.directory.to_string_lossy());
    let first = script.split("jitsuin card show").next().unwrap_or_default();
    let commands = first.lines().filter(|line| !line.starts_with("  ")).count();
    assert!(commands <= 10, "{commands} commands");
    let program = PathBuf::from(env!("CARGO_BIN_EXE_jitsuin"));
    let path =
        format!("{}:{}", program.parent().expect("its directory").display(), std::env::var("PATH").expect("one"));
    let ran = Command::new("bash").args(["-euc", &script]).env("PATH", path).output().expect("bash");
    assert!(ran.status.success(), "{}", said(&ran));
    let read = |name: &str| fs::read(demo.directory.join(name)).expect(name);
    assert_eq!(read("read"), read("taro.json"));
    assert!(said(&ran).contains("AUTH") && said(&ran).contains("is revoked"), "{}", said(&ran));
}
