//! `docs/card.md` is run as it is written.

use std::{fs, net::TcpListener, path::PathBuf, process::Command};

use super::said;
use crate::demo::Demo;

/// The shell blocks of a chapter of `docs/card.md`.
fn blocks(chapter: &str) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/card.md");
    let text = fs::read_to_string(path).expect("the document");
    let chapter = text.split(&format!("\n## {chapter}\n")).nth(1).expect("the chapter").split("\n## ").next();
    let chapter = chapter.unwrap_or_default();
    chapter.split("```sh\n").skip(1).filter_map(|block| block.split("```").next()).map(str::to_owned).collect()
}

/// Lines that are no continuation of the one before.
fn commands(lines: &str) -> usize {
    lines.lines().filter(|line| !line.starts_with("  ")).count()
}

/// A port that nobody has.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

#[test]
fn the_document_leads_from_nothing_to_a_signed_message_or_a_login_in_ten_commands() {
    let demo = Demo::start();
    let blocks = blocks("From nothing to a signed message or a login");
    let [message, login, afterwards] = blocks.as_slice() else { panic!("{blocks:?}") };
    let to_the_card = message.split("jitsuin card sign").next().unwrap_or_default();
    assert!(commands(message) <= 10, "{message}");
    assert!(commands(to_the_card) + commands(login) <= 10, "{to_the_card}{login}");
    let port = free_port().to_string();
    let listens = format!("until (: > /dev/tcp/127.0.0.1/{port}) 2> /dev/null; do sleep 0.1; done");
    let login = login.replace("44330", &port).replace("sleep 1", &listens);
    let script = format!("trap 'kill $(jobs -p)' EXIT\n{message}{login}{afterwards}");
    let script = script.replace("/tmp/demo", &demo.directory.to_string_lossy());
    let program = PathBuf::from(env!("CARGO_BIN_EXE_jitsuin"));
    let path =
        format!("{}:{}", program.parent().expect("its directory").display(), std::env::var("PATH").expect("one"));
    let ran = Command::new("bash").args(["-euc", &script]).env("PATH", path).output().expect("bash");
    assert!(ran.status.success(), "{}", said(&ran));
    let read = |name: &str| fs::read(demo.directory.join(name)).expect(name);
    assert_eq!(read("read"), read("taro.json"));
    assert!(said(&ran).contains("200 ok") && said(&ran).contains("Client certificate"), "{}", said(&ran));
    assert!(said(&ran).contains("AUTH") && said(&ran).contains("is revoked"), "{}", said(&ran));
}
