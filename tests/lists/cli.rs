//! `jitsuin crl`, beside a store that is open for writing, as under a running service.

use std::{
    path::Path,
    process::{Command, Output},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use jitsuin::{kind::Kind, rules::Cause, scope::CrlScope, store::SqliteStore, x509::UnixTime};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    bench::list,
    house::{House, Person, operator},
};

fn crl(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jitsuin"));
    command.env_remove("JITSUIN_PASSPHRASE").arg("crl").args(arguments).arg("--dir").arg(directory);
    command.output().expect("the program runs")
}

fn said(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// What it printed as JSON; it must have done what it was asked.
#[track_caller]
fn json(directory: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = crl(directory, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}{}", said(&output.stdout), said(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn fails(directory: &Path, arguments: &[&str], code: i32, word: &str) -> String {
    let output = crl(directory, arguments);
    let (told, failed) = (said(&output.stdout), said(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}{failed}");
    assert!(told.contains(word) || failed.contains(word), "{arguments:?}: {told}{failed}");
    told
}

/// A service's directory with a house at work in it, now: one revoked before the first lists, and after them another, and
/// a hold that began and ended.
fn service() -> (TempDir, House, [Person; 3]) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("jitsuin.toml"), "").unwrap();
    let house = House::on(Arc::new(SqliteStore::open(&directory.path().join("jitsuin.sqlite")).unwrap()));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let set = |before: i64| house.clock.set(UnixTime::from_seconds(now - before).unwrap());
    set(7200);
    let people = ["1", "2", "3"].map(|number| Person::new(&format!("TEST-{number}")));
    people.iter().for_each(|person| drop(house.pair(person)));
    house.revoke(&people[0], Cause::CardDamaged, None).unwrap();
    house.hold(&people[2]).unwrap();
    house.authority.publish(&operator()).unwrap();
    set(3600);
    house.revoke(&people[1], Cause::KeyCompromise, Some(&[Kind::Auth])).unwrap();
    house.release(&people[2]).unwrap();
    house.authority.publish_due().unwrap();
    set(60);
    house.authority.publish(&operator()).unwrap();
    (directory, house, people)
}

#[test]
fn list_shows_the_newest_of_every_scope() {
    let (directory, ..) = service();
    let lines = json(directory.path(), &["list"]);
    assert_eq!(lines.len(), 14);
    let line = |scope: &str| lines.iter().find(|line| line["kind"] == "auth" && line["scope"] == scope).unwrap();
    assert_eq!((line("full")["number"].as_u64(), line("full")["entries"].as_u64()), (Some(3), Some(2)));
    assert_eq!((line("delta")["number"].as_u64(), line("delta")["base"].as_u64()), (Some(3), Some(1)));
    assert_eq!(line("ca")["number"], 2);
    for line in &lines {
        assert!((60..600).contains(&line["age"].as_i64().unwrap()) && line["ended"] == false, "{line}");
        assert!(line["octets"].as_u64().unwrap() > 200);
    }
    let text = said(&crl(directory.path(), &["list"]).stdout);
    assert!(text.lines().count() == 15 && text.contains("13115-delta"), "{text}");
}

#[test]
fn every_list_that_was_published_verifies_by_number_and_by_file() {
    let (directory, house, _) = service();
    let verdicts = json(directory.path(), &["verify"]);
    assert!(verdicts.len() == 14 && verdicts.iter().all(|one| one["faults"] == serde_json::json!([])));
    for (scope, number, base, follows) in [
        ("full", 1, None, None),
        ("delta", 2, Some(1), None),
        ("full", 3, None, Some(1)),
        ("delta", 3, Some(1), Some(2)),
        ("13115-delta", 2, Some(1), None),
    ] {
        let number_text = number.to_string();
        let of = json(directory.path(), &["verify", "--ca", "auth", "--scope", scope, "--number", &number_text]);
        let [verdict] = of.as_slice() else { panic!("{of:?}") };
        assert_eq!(verdict["number"].as_u64(), Some(number), "{scope} {number}");
        assert_eq!((verdict["base"].as_u64(), verdict["follows"].as_u64()), (base, follows), "{scope} {number}");
        assert_eq!(verdict["newest"], number == 3);
    }
    let der = list(&house, Kind::Sign, CrlScope::Full).der.clone();
    let file = directory.path().join("list");
    std::fs::write(&file, &der).unwrap();
    let path = file.to_str().unwrap();
    assert_eq!(json(directory.path(), &["verify", path])[0]["number"], 3);
    let pem = Command::new("openssl").args(["crl", "-inform", "DER", "-in", path]).output().unwrap();
    std::fs::write(&file, pem.stdout).unwrap();
    assert_eq!(json(directory.path(), &["verify", path])[0]["scope"], "full");
}

#[test]
fn a_list_that_is_not_ours_or_not_as_published_does_not_verify() {
    let (directory, house, _) = service();
    let file = directory.path().join("list.der");
    let path = file.to_str().unwrap();
    let mut der = list(&house, Kind::Sign, CrlScope::Full).der.to_vec();
    *der.last_mut().unwrap() ^= 1;
    std::fs::write(&file, &der).unwrap();
    let told = fails(directory.path(), &["verify", path], 1, "another list of number 3 was published");
    assert!(told.contains("the signature does not verify"), "{told}");
    let strange = House::new();
    strange.authority.publish(&operator()).unwrap();
    std::fs::write(&file, &list(&strange, Kind::Sign, CrlScope::Full).der).unwrap();
    fails(directory.path(), &["verify", path], 3, "no CA of this service signed it");
    std::fs::write(&file, "no list").unwrap();
    fails(directory.path(), &["verify", path], 3, "this is no list");
    fails(directory.path(), &["verify", "absent.der"], 3, "absent.der");
    fails(directory.path(), &["verify", "--scope", "99999"], 3, "no such list");
    fails(directory.path(), &["verify", "--ca", "sign", "--scope", "full", "--number", "2"], 3, "no such list");
    fails(directory.path(), &["verify", "--scope", "everything"], 2, "CODE-delta");
}

#[test]
fn lists_of_the_store_that_cannot_be_read_are_named_and_the_others_judged_all_the_same() {
    let (directory, house, _) = service();
    let sql = rusqlite::Connection::open(directory.path().join("jitsuin.sqlite")).unwrap();
    sql.execute_batch(
        "DROP TRIGGER crl_never_changes;
         UPDATE crl SET der = x'00' WHERE kind = 1 AND scope = 'full' AND number = 3;
         UPDATE crl SET der = x'' WHERE kind = 2 AND scope = 'ca' AND number = 2;",
    )
    .unwrap();
    // An entry that has another extension than a reason.
    let mut der = list(&house, Kind::Auth, CrlScope::Full).der.to_vec();
    let reason = der.windows(5).position(|octets| octets == [6, 3, 0x55, 0x1D, 0x15]).unwrap();
    der[reason + 4] = 0x14;
    sql.execute("UPDATE crl SET der = ?1 WHERE kind = 2 AND scope = 'full' AND number = 3", [der]).unwrap();
    let told = fails(directory.path(), &["verify"], 1, "3 of 14 lists are not right");
    let line = |begins: &str| told.lines().find(|line| line.starts_with(begins)).map(|line| line.contains("no list"));
    assert_eq!((line("sign 1 full 3, until"), line("auth 1 ca 2, until")), (Some(true), Some(true)), "{told}");
    assert_eq!((line("auth 1 full 3"), line("sign 1 ca 2")), (Some(true), Some(false)), "{told}");
    assert!(fails(directory.path(), &["list"], 0, "").lines().count() > 14);
}

#[test]
fn what_is_wrong_with_a_signature_is_said_once() {
    let (directory, house, _) = service();
    let mut der = list(&house, Kind::Auth, CrlScope::Full).der.to_vec();
    *der.last_mut().unwrap() ^= 1;
    let sql = rusqlite::Connection::open(directory.path().join("jitsuin.sqlite")).unwrap();
    sql.execute_batch("DROP TRIGGER crl_never_changes").unwrap();
    sql.execute("UPDATE crl SET der = ?1 WHERE kind = 2 AND scope = 'full' AND number = 3", [der]).unwrap();
    let arguments = ["verify", "--ca", "auth", "--scope", "full"];
    let told = fails(directory.path(), &arguments, 1, "1 of 1 lists are not right");
    assert_eq!(told.matches("the signature does not verify").count(), 1, "{told}");
}

#[test]
fn a_list_that_ended_without_a_successor_does_not_verify() {
    let (directory, house, _) = service();
    house.clock.set(UnixTime::from_seconds(house.now().seconds() + 60).unwrap());
    drop(house);
    let old = tempfile::tempdir().unwrap();
    std::fs::write(old.path().join("jitsuin.toml"), "").unwrap();
    let stale = House::on(Arc::new(SqliteStore::open(&old.path().join("jitsuin.sqlite")).unwrap()));
    stale.authority.publish(&operator()).unwrap();
    fails(old.path(), &["verify"], 1, "and has no successor");
    assert!(json(old.path(), &["list"]).iter().all(|line| line["ended"] == true));
    assert!(crl(directory.path(), &["verify"]).status.success());
}

#[test]
fn diff_says_what_was_added_and_removed_and_why() {
    let (directory, house, people) = service();
    let found = json(directory.path(), &["diff", "1", "3", "--ca", "auth", "--scope", "full"]);
    let serial = |person: &Person| house.newest(person, Kind::Auth).serial.to_string();
    let of = |person: &Person| found.iter().find(|one| one["serial"] == serial(person)).cloned().unwrap_or_default();
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(of(&people[1])["what"], "added");
    assert!(of(&people[1])["why"].as_str().unwrap().starts_with("keyCompromise of "), "{found:?}");
    assert!(of(&people[1])["why"].as_str().unwrap().ends_with(", key-compromise"), "{found:?}");
    assert_eq!(
        (&of(&people[2])["what"], &of(&people[2])["why"]),
        (&"removed".into(), &"released from its hold".into())
    );
    let text = said(&crl(directory.path(), &["diff", "1", "1", "--ca", "auth", "--scope", "full"]).stdout);
    assert_eq!(text, "the entries are the same\n");
    let file = directory.path().join("list.der");
    std::fs::write(&file, &list(&house, Kind::Auth, CrlScope::Full).der).unwrap();
    let path = file.to_str().unwrap();
    assert_eq!(json(directory.path(), &["diff", "1", path, "--ca", "auth", "--scope", "full"]), found);
    fails(directory.path(), &["diff", "1", "3"], 2, "say --ca and --scope");
    fails(directory.path(), &["diff", "1", "2", "--ca", "auth", "--scope", "full"], 3, "no list auth 1 full 2");
    fails(directory.path(), &["diff", path, "3", "--ca", "sign", "--scope", "full"], 3, "of different CAs");
}

#[test]
fn a_service_that_runs_and_cannot_be_asked_publishes_nothing() {
    let (directory, house, _) = service();
    fails(directory.path(), &["publish"], 3, "to speak to it as operator-1 takes");
    assert_eq!(list(&house, Kind::Sign, CrlScope::Full).number, 3);
}

#[test]
fn publish_makes_every_list_anew() {
    let parent = tempfile::tempdir().unwrap();
    let (directory, passphrase) = (parent.path().join("service"), parent.path().join("passphrase"));
    std::fs::write(&passphrase, "a passphrase of the occasion\n").unwrap();
    std::fs::set_permissions(&passphrase, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let secret = passphrase.to_str().unwrap();
    let mut init = Command::new(env!("CARGO_BIN_EXE_jitsuin"));
    init.args(["init", "--ca-key", "p-256", "--passphrase-file", secret, "--dir"]).arg(&directory);
    let made = init.output().unwrap();
    assert!(made.status.success(), "{}", said(&made.stderr));
    let lines = json(&directory, &["list"]);
    assert!(lines.len() == 6 && lines.iter().all(|line| line["number"] == 1), "{lines:?}");
    let published = json(&directory, &["publish", "--passphrase-file", secret]);
    assert!(published.len() == 10 && published.iter().all(|line| line["number"] == 2), "{published:?}");
    assert_eq!(json(&directory, &["verify"]).len(), 10);
}
