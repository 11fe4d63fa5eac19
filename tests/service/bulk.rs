//! `jitsuin bulk` beside a running service: killed again and again, every line is done exactly once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use jitsuin::{
    cli::layout::Layout,
    config::Config,
    kind::Kind,
    ports::{CertificateRecord, HolderReference, ListedEvent, Store},
    rules::CertificateState,
    store::SqliteStore,
};
use serde_json::{Value, json};

use super::{
    kill::application,
    process::{Running, jitsuin, serve},
    site::Site,
};

/// Lines of each file.
const LINES: usize = 90;

fn store(site: &Site) -> SqliteStore {
    let config = Config::load(&Layout::configuration(&site.path())).expect("a configuration");
    SqliteStore::open_read_only(&config.store.path).expect("the store")
}

fn write(site: &Site, name: &str, lines: &[String]) -> PathBuf {
    let path = site.aside().join(name);
    fs::write(&path, lines.join("\n") + "\n").expect("written");
    path
}

fn holder(number: usize) -> String {
    format!("TEST-{number:04}")
}

fn issues() -> Vec<String> {
    (0..LINES).map(|number| application(&holder(number)).to_string()).collect()
}

/// A revocation for each card; the last lines are a card that is none, a card that was there before, and no JSON.
fn revocations() -> Vec<String> {
    let card = |number: usize| format!("CARD-{}", holder(number));
    let lost = |card: String| json!({ "card": card, "cause": "card-returned" }).to_string();
    let sign = |card: String| json!({ "card": card, "cause": "holder-application", "kinds": ["sign"] }).to_string();
    let mut lines: Vec<String> = (0..LINES).map(card).map(lost).collect();
    lines.extend([lost("CARD-NOBODY".into()), sign(card(3)), "{\"card\":".into()]);
    lines
}

fn bulk(site: &Site, what: &str, file: &Path, (name, url): (&str, &str), more: &[&str]) -> Command {
    let mut command = jitsuin();
    command.args(["--json", "bulk", what, "--as", name, "--url", url, "--file"]).arg(file).args(more);
    command.arg("--dir").arg(site.path());
    command
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|octets| String::from_utf8_lossy(octets).into_owned()).concat()
}

fn address(addresses: &Value) -> String {
    format!("https://{}", addresses["registration"].as_str().expect("an address"))
}

/// Starts a bulk and kills it when the result file has so many lines more; whether it was still at work.
fn killed_after(mut command: Command, result: &Path, more: usize) -> bool {
    let lines = || fs::read_to_string(result).unwrap_or_default().lines().count();
    let (begin, since) = (lines(), Instant::now());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
    while lines() < begin + more {
        if child.try_wait().expect("its state").is_some() {
            return false;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "nothing happens");
        std::thread::yield_now();
    }
    child.kill().expect("killed");
    child.wait().expect("waited for");
    true
}

/// Sends a file with several kills of the sender, and of the service with it, and then to its end.
fn sent_in_spite_of_kills(
    site: &Site,
    what: &str,
    file: &Path,
    name: &str,
    steps: &[usize],
) -> (Running, String, Output) {
    let result = PathBuf::from(format!("{}.result.jsonl", file.display()));
    let (mut running, mut addresses) = serve(&site.path());
    let mut kills = 0;
    for (round, more) in steps.iter().enumerate() {
        let url = address(&addresses);
        kills += usize::from(killed_after(bulk(site, what, file, (name, &url), &["--at-once", "4"]), &result, *more));
        if round % 2 == 1 {
            running.kill();
            (running, addresses) = serve(&site.path());
        }
    }
    assert!(kills > 1, "it was too quick to be killed");
    let url = address(&addresses);
    let output = bulk(site, what, file, (name, &url), &[]).output().expect("it runs");
    (running, url, output)
}

/// The outcome of each line in a result file.
fn outcomes(file: &Path, end: &str) -> BTreeMap<u64, Value> {
    let text = fs::read_to_string(format!("{}.{end}.jsonl", file.display())).expect("a result file");
    let mut lines = BTreeMap::new();
    for line in text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")) {
        let Some(number) = line["line"].as_u64() else { continue };
        assert!(lines.insert(number, line).is_none(), "line {number} has two outcomes");
    }
    lines
}

fn certificates(store: &SqliteStore, number: usize) -> Vec<CertificateRecord> {
    let reference = HolderReference::parse(holder(number)).expect("a reference");
    store.dossier(&reference).expect("read").expect("known").certificates
}

fn states(store: &SqliteStore, number: usize) -> Vec<(Kind, CertificateState)> {
    certificates(store, number).iter().map(|one| (one.kind, one.state)).collect()
}

fn indexes(store: &SqliteStore, number: usize) -> Vec<(Kind, u64)> {
    certificates(store, number).iter().map(|one| (one.kind, one.index)).collect()
}

fn actions(store: &SqliteStore, action: &str) -> usize {
    store.audit_after(0, usize::MAX).expect("read").iter().filter(|entry| entry.draft.action == action).count()
}

#[test]
fn killed_again_and_again_every_line_is_done_exactly_once() {
    let site = Site::new();
    let file = write(&site, "issue.jsonl", &issues());
    let (running, url, output) = sent_in_spite_of_kills(&site, "issue", &file, "13115", &[6, 9, 5, 12]);
    assert!(output.status.success(), "{}", said(&output));
    let summary: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&summary["lines"], &summary["done"]), (&json!(LINES), &json!(LINES)));
    // Of the 32 the first may be the heading, and the last of each run cut off.
    assert!(summary["before"].as_u64() >= Some(27), "{summary}");
    let told = outcomes(&file, "result");
    let reading = store(&site);
    assert_eq!(told.len(), LINES);
    for number in 0..LINES {
        // A pair that was reserved when the service was killed is finished by its start, not made anew.
        let live = states(&reading, number);
        assert_eq!(live, [(Kind::Auth, CertificateState::Live), (Kind::Sign, CertificateState::Live)], "{number}");
        assert_eq!(told[&(number as u64 + 1)]["done"]["certificates"].as_array().map(Vec::len), Some(2));
    }
    assert_eq!(actions(&reading, "pair.issued"), LINES);

    let file = write(&site, "revoke.jsonl", &revocations());
    let foreseen = bulk(&site, "revoke", &file, ("operator-1", &url), &["--dry-run"]).output().expect("it runs");
    assert_eq!(foreseen.status.code(), Some(3), "{}", said(&foreseen));
    let forecast: Value = serde_json::from_slice(&foreseen.stdout).expect("JSON");
    assert_eq!(forecast["done"], LINES, "{forecast}");
    assert_eq!(forecast["refused"], json!({ "R-01": 1, "T-01": 1, "T-09": 1 }), "{forecast}");
    assert_eq!(forecast["ended"], json!({ "auth": LINES, "sign": LINES }), "{forecast}");
    // What has ended since the list was made counts too: the service's own canary.
    let ended = |one: &ListedEvent| one.event.kind == Kind::Sign && one.event.state != CertificateState::Live;
    let canaries = reading.listed_events(0, usize::MAX).expect("events").iter().filter(|one| ended(one)).count();
    assert!(canaries > 0, "none of the lines has ended yet");
    assert_eq!(forecast["lists"]["sign"]["entries_then"], LINES + canaries, "{forecast}");
    assert_eq!(actions(&reading, "certificate.revoked"), 0, "a dry run changes nothing");
    drop(running);

    let (_running, url, output) = sent_in_spite_of_kills(&site, "revoke", &file, "operator-1", &[1, 1]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let told = outcomes(&file, "result");
    assert_eq!(told.len(), LINES + 3);
    let rule = |line: usize| told[&(line as u64)]["refused"]["rule"].as_str().map(str::to_owned);
    assert_eq!(
        [rule(LINES + 1), rule(LINES + 2), rule(LINES + 3)],
        ["T-09", "R-01", "T-01"].map(|rule| Some(rule.into()))
    );
    let reading = store(&site);
    for number in 0..LINES {
        let revoked = states(&reading, number);
        assert_eq!(revoked, [(Kind::Auth, CertificateState::Revoked), (Kind::Sign, CertificateState::Revoked)]);
    }
    assert_eq!(actions(&reading, "certificate.revoked"), LINES);
    // The service's own canaries have events too.
    let own: BTreeSet<_> = (0..LINES).flat_map(|number| indexes(&reading, number)).collect();
    let events = reading.listed_events(0, usize::MAX).expect("events");
    let ends = events.iter().map(|one| &one.event).filter(|event| event.state == CertificateState::Revoked);
    assert_eq!(ends.filter(|event| own.contains(&(event.kind, event.index))).count(), 2 * LINES);

    // Nothing is left to do, and another file's result is not touched.
    let again = bulk(&site, "revoke", &file, ("operator-1", &url), &[]).output().expect("it runs");
    assert_eq!(again.status.code(), Some(3), "{}", said(&again));
    let result = format!("{}.result.jsonl", file.display());
    let other = write(&site, "other.jsonl", &["{}".to_owned()]);
    let refused =
        bulk(&site, "revoke", &other, ("operator-1", &url), &["--result", &result]).output().expect("it runs");
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert_eq!(outcomes(&file, "result").len(), LINES + 3);
    let verified = jitsuin().args(["audit", "verify", "--dir"]).arg(site.path()).output().expect("verify runs");
    assert!(verified.status.success(), "{}", said(&verified));
}
