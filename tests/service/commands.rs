//! Commands of the operator that end in the middle: at a write, sync, rename or removal of a file, before it or with half of it
//! done. The same command again ends well, or the service is as it was; the database opens, and the audit is whole.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use jitsuin::{authority::compromise::fingerprint, kind::Kind, ports::Store, store::SqliteStore};

use serde_json::Value;

use super::{
    process::{PASSPHRASE, jitsuin},
    shim::{Shim, Slot},
    site::Site,
};

/// Runs a command on a service through the shim.
fn run(shim: &Shim, directory: &Path, words: &[&str]) -> Output {
    let mut command = jitsuin();
    command.args(words).arg("--dir").arg(directory).env("JITSUIN_PASSPHRASE", PASSPHRASE);
    shim.before(&mut command).output().expect("it runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// As the refusal says: what it names is removed, and the command run once more.
fn remove_and_run(shim: &Shim, directory: &Path, words: &[&str], refused: &Output) -> Output {
    assert_eq!(refused.status.code(), Some(3));
    let named: Vec<String> = said(refused).lines().filter(|line| line.starts_with('/')).map(str::to_owned).collect();
    assert!(!named.is_empty(), "{}", said(refused));
    named.iter().for_each(|path| fs::remove_file(path).expect("it is there"));
    run(shim, directory, words)
}

/// A copy of a service; nobody runs it.
fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("read").map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            copied(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// How many entries the audit has, which is verified.
fn verified(directory: &Path, case: &str) -> u64 {
    let verified = jitsuin().args(["audit", "verify", "--json", "--dir"]).arg(directory).output().expect("it runs");
    assert!(verified.status.success(), "{case}: {}", said(&verified));
    let told: Value = serde_json::from_slice(&verified.stdout).expect("JSON");
    told["entries"].as_u64().expect("a number")
}

/// Whether a generation was added before the command was killed, whose lists the next start makes.
fn is_added(again: &Output) -> bool {
    again.status.code() == Some(3) && said(again).contains("has issued nothing yet")
}

fn generations(directory: &Path) -> usize {
    let store = SqliteStore::open_read_only(&directory.join("jitsuin.sqlite")).expect("the database");
    store.authorities().expect("the generations").len()
}

/// About so many steps of a command are tried, all over it; all of them if `JITSUIN_EVERY_STEP` is set.
const TRIED: i64 = 8;

/// Stands for the SHA-256 of the first CA certificate for signatures.
const CONFIRMED: &str = "SHA256";

const COMMANDS: &[&[&str]] = &[
    &["municipality", "add", "28207"],
    &["credential", "issue", "--role", "operator", "operator-3"],
    &["credential", "disable", "13115"],
    &["generation", "add", "--kind", "sign"],
    &["generation", "compromised", "--kind", "sign", "--generation", "1", "--key-lost", "--confirm", CONFIRMED],
    &["keys", "replace", "responder-auth-1"],
    // Its responder's certificate is missing, and is made first.
    &["crl", "publish"],
];

/// The words of a command on this site.
fn filled(site: &Site, words: &[&str]) -> Vec<String> {
    let store = SqliteStore::open_read_only(&site.path().join("jitsuin.sqlite")).expect("the database");
    let authorities = store.authorities().expect("the generations");
    let sign = authorities.iter().find(|one| one.kind == Kind::Sign).expect("a CA for signatures");
    words.iter().map(|word| if *word == CONFIRMED { fingerprint(sign) } else { (*word).to_owned() }).collect()
}

/// As [`copied_without_responder`]; without the key of the CA too, where the command says that it is lost.
fn copied_for(site: &Site, name: &str, words: &[&str]) -> PathBuf {
    let copy = copied_without_responder(site, name);
    if words.contains(&"--key-lost") {
        fs::remove_file(copy.join("keys/sign-1.pem")).expect("it is there");
    }
    copy
}

/// A copy of the service that lacks the certificate of a responder, which whoever opens it makes anew.
fn copied_without_responder(site: &Site, name: &str) -> PathBuf {
    let copy = site.aside().join(name);
    copied(&site.path(), &copy);
    fs::remove_file(copy.join("certificates/responder-sign-1.pem")).expect("it is there");
    copy
}

#[test]
fn a_command_killed_at_a_write_is_done_or_the_same_again_ends_well() {
    let site = Site::of_one();
    for words in COMMANDS {
        let filled = filled(&site, words);
        let words: &[&str] = &filled.iter().map(String::as_str).collect::<Vec<_>>();
        let calm = copied_for(&site, "calm", words);
        let shim = Shim::new(&site.aside());
        let told = run(&shim, &calm, words);
        assert!(told.status.success(), "{words:?}: {}", said(&told));
        let steps = shim.get(Slot::Steps);
        assert!(steps > 3, "{words:?}: {steps}");
        let expected = verified(&calm, "calm");
        let generations_after = generations(&calm);
        fs::remove_dir_all(&calm).expect("removed");
        let every = std::env::var_os("JITSUIN_EVERY_STEP").is_some();
        let stride = if every { 1 } else { (steps / TRIED).max(1) };
        for step in (1..=steps).step_by(usize::try_from(stride).expect("a stride")) {
            let case = format!("{words:?}, step {step} of {steps}");
            let copy = copied_for(&site, "copy", words);
            let shim = Shim::new(&site.aside());
            shim.set(Slot::KillAt, step);
            shim.set(Slot::Torn, step % 2);
            let told = run(&shim, &copy, words);
            // Now and then it takes a few steps fewer, and ends well.
            assert!(told.status.code().is_none() || step > steps * 3 / 4, "{case}: {}", said(&told));
            let left = verified(&copy, &case);
            shim.set(Slot::KillAt, 0);
            let again = run(&shim, &copy, words);
            let again =
                if said(&again).contains("broken off") { remove_and_run(&shim, &copy, words, &again) } else { again };
            // It was done already, and says so; else it is done now.
            let done = left == expected || is_added(&again);
            assert!(again.status.success() || done && again.status.code() == Some(3), "{case}: {}", said(&again));
            let _whole = verified(&copy, &case);
            assert_eq!(generations(&copy), generations_after, "{case}: another generation was added");
            fs::remove_dir_all(&copy).expect("removed");
        }
        println!("{words:?}: {steps} steps");
    }
}

/// Words with a dot between quotes, in lines that write an act.
fn acts_of(text: &str) -> BTreeSet<String> {
    let is_act = |word: &&str| {
        let letters =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        word.split_once('.').is_some_and(|(subject, act)| letters(subject) && letters(act))
    };
    let writing = text.lines().filter(|line| line.contains("commit(") || line.contains("action: "));
    writing.flat_map(|line| line.split('"').filter(is_act).map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn every_act_of_the_command_line_is_among_those_that_are_killed() {
    let site = Site::of_one();
    let mut acted = BTreeSet::new();
    for words in COMMANDS {
        let filled = filled(&site, words);
        let words: &[&str] = &filled.iter().map(String::as_str).collect::<Vec<_>>();
        let copy = copied_for(&site, "copy", words);
        let told = run(&Shim::new(&site.aside()), &copy, words);
        assert!(told.status.success(), "{words:?}: {}", said(&told));
        let store = SqliteStore::open_read_only(&copy.join("jitsuin.sqlite")).expect("the database");
        let entries = store.audit_after(0, usize::MAX).expect("entries");
        acted.extend(entries.into_iter().map(|entry| entry.draft.action));
        drop(store);
        fs::remove_dir_all(&copy).expect("removed");
    }
    let sources = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli")).expect("read");
    let files = sources.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    let written: BTreeSet<String> = files.flat_map(|path| acts_of(&fs::read_to_string(path).expect("text"))).collect();
    assert!(written.len() >= 5, "the sources are written in another way: {written:?}");
    // Once in the life of a service of before there were checkpoints, and tested in `service/audit.rs`.
    let missing: Vec<_> = written.difference(&acted).filter(|act| *act != "key.made").collect();
    assert!(missing.is_empty(), "commands that no test kills write {missing:?}");
}

#[test]
fn an_init_that_is_broken_off_is_made_anew() {
    let room = tempfile::tempdir().expect("a directory");
    let place = room.path().join("service");
    let init = |shim: &Shim| {
        let mut command = jitsuin();
        command.args(["init", "--ca-key", "p-256", "--dir"]).arg(&place);
        shim.before(&mut command).output().expect("it runs")
    };
    let calm = Shim::new(room.path());
    assert!(init(&calm).status.success());
    let steps = calm.get(Slot::Steps);
    fs::remove_dir_all(&place).expect("removed");
    // Most of the time goes into the keys' passphrases: some steps stand for all.
    for step in [steps / 2, steps - 1] {
        let shim = Shim::new(room.path());
        shim.set(Slot::KillAt, step);
        let told = init(&shim);
        // Now and then it takes a few steps fewer, and ends well.
        assert!(told.status.code().is_none() || step > steps * 3 / 4, "step {step}: {}", said(&told));
        shim.set(Slot::KillAt, 0);
        let again = init(&shim);
        if !again.status.success() {
            assert_eq!(again.status.code(), Some(3), "step {step}: {}", said(&again));
            let mut serve = jitsuin();
            let served = serve.args(["check", "--dir"]).arg(&place).output().expect("it runs");
            let whole = served.status.success();
            assert!(!whole || step > steps / 2, "step {step}: half a service is no service: {}", said(&served));
            fs::remove_dir_all(&place).expect("removed");
            assert!(init(&shim).status.success(), "step {step}");
        }
        let _whole = verified(&place, &format!("step {step}"));
        let beside: Vec<_> = fs::read_dir(room.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
        let left = beside.iter().find(|name| name.to_string_lossy().starts_with(".service.init-"));
        assert_eq!(left, None, "step {step}: half a service lies about");
        fs::remove_dir_all(&place).expect("removed");
    }
}
