//! `jitsuin bulk` beside a running service: killed again and again, every line is done exactly once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Write},
    net::{SocketAddr, TcpListener, TcpStream},
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
    let site = Site::of_one();
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

/// The two lines of a run that say the same of every line: what would be done, and what was.
fn foreseen_and_done(site: &Site, what: &str, file: &Path, way: (&str, &str)) -> [Value; 2] {
    ["--dry-run", "--at-once=8"].map(|how| {
        let output = bulk(site, what, file, way, &[how]).output().expect("it runs");
        assert_eq!(output.status.code(), Some(3), "{}", said(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    })
}

/// Every line has the same outcome beforehand and afterwards, down to the words; the refused ones, and those with a note.
fn same_words(file: &Path) -> (BTreeMap<u64, String>, Vec<u64>) {
    let (foreseen, done) = (outcomes(file, "foresight"), outcomes(file, "result"));
    assert!(foreseen.keys().eq(done.keys()), "{foreseen:?}\n{done:?}");
    let (mut refused, mut noted) = (BTreeMap::new(), Vec::new());
    for (line, before) in &foreseen {
        let after = &done[line];
        assert_eq!((&before["refused"], &before["note"]), (&after["refused"], &after["note"]), "{before}\n{after}");
        refused.extend(before["refused"]["rule"].as_str().map(|rule| (*line, rule.to_owned())));
        noted.extend(before["note"].is_string().then_some(*line));
    }
    (refused, noted)
}

#[test]
fn of_a_doubled_line_the_clerk_reads_the_same_beforehand_and_afterwards() {
    let site = Site::of_one();
    let (_running, addresses) = serve(&site.path());
    let url = address(&addresses);
    // Holder 0 three times, the last on another's card; more lines than are under way, so that they would overtake each other.
    let mut lines: Vec<_> = (0..12).map(|number| application(&holder(number))).collect();
    let mut again = application(&holder(0));
    again["asked"] = "renewal".into();
    let mut other = application(&holder(77));
    other["card"] = lines[5]["card"].clone();
    lines.insert(1, application(&holder(0)));
    lines.insert(2, again);
    lines.insert(8, other);
    let lines: Vec<_> = lines.iter().map(Value::to_string).collect();
    let file = write(&site, "doubled-issue.jsonl", &lines);
    let [forecast, summary] = foreseen_and_done(&site, "issue", &file, ("13115", &url));
    assert_eq!((&forecast["done"], &summary["done"]), (&json!(12), &json!(12)));
    let (refused, noted) = same_words(&file);
    assert_eq!(refused, [(2, "E-04"), (3, "V-12"), (9, "E-03")].map(|(line, rule)| (line, rule.into())).into());
    assert_eq!(noted, [0; 0]);
    let dossier = store(&site).dossier(&HolderReference::parse(holder(0)).expect("a reference"));
    assert_eq!(dossier.expect("read").expect("known").certificates.len(), 2);

    let line = |number: usize, cause: &str, kinds: Value| {
        let mut line = json!({ "card": format!("CARD-{}", holder(number)), "cause": cause });
        if kinds.is_array() {
            line["kinds"] = kinds;
        }
        line.to_string()
    };
    let returned = |number| line(number, "card-returned", Value::Null);
    let sign = |number| line(number, "holder-application", json!(["sign"]));
    let whole = write(&site, "first.jsonl", &[returned(9)]);
    let first = bulk(&site, "revoke", &whole, ("operator-1", &url), &[]).output().expect("it runs");
    assert!(first.status.success(), "{}", said(&first));
    // Doubled; in two steps, then again; returned before; and far apart, in another load.
    let mut lines =
        vec![returned(0), returned(0), sign(1), sign(1), returned(1), returned(1), sign(1), returned(9), sign(9)];
    lines.extend((0..600).map(|_| line(500, "card-returned", Value::Null)));
    lines.extend([returned(0), sign(0), returned(2)]);
    let file = write(&site, "doubled-revoke.jsonl", &lines);
    let [forecast, summary] = foreseen_and_done(&site, "revoke", &file, ("operator-1", &url));
    assert_eq!(forecast["ended"], json!({ "auth": 3, "sign": 3 }), "{forecast}");
    let counts = |said: &Value| ["lines", "done", "idle"].map(|field| said[field].as_u64());
    assert_eq!(counts(&forecast), counts(&summary));
    assert_eq!(counts(&summary)[2], Some(4), "{summary}");
    let (refused, noted) = same_words(&file);
    assert_eq!(noted, [2, 6, 8, 610]);
    let rules = refused.iter().filter(|(_, rule)| *rule == "R-01").map(|(line, _)| *line).collect::<Vec<_>>();
    assert_eq!(rules, [4, 7, 9, 611]);
    assert_eq!(refused.len(), 4 + 600, "the rest are of no card");
}

/// Passes bytes on in both directions until either side ends.
fn pass_on(client: TcpStream, service: SocketAddr) {
    let Ok(upstream) = TcpStream::connect(service) else { return };
    let pairs = [(&client, &upstream), (&upstream, &client)];
    let pairs = pairs.map(|(from, to)| (from.try_clone().expect("a handle"), to.try_clone().expect("a handle")));
    for (mut from, mut to) in pairs {
        std::thread::spawn(move || {
            let _ended = io::copy(&mut from, &mut to);
            let _closed = to.shutdown(std::net::Shutdown::Write);
        });
    }
}

#[test]
fn a_file_that_is_changed_while_it_is_sent_has_no_result_and_no_run_goes_on_from_it() {
    let site = Site::of_one();
    let (_running, addresses) = serve(&site.path());
    let service: SocketAddr = addresses["registration"].as_str().expect("an address").parse().expect("one");
    let door = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}", door.local_addr().expect("an address"));
    let lines: Vec<_> = (0..3).map(|number| application(&holder(number)).to_string()).collect();
    let file = write(&site, "issue.jsonl", &lines);
    let mut command = bulk(&site, "issue", &file, ("13115", &url), &["--at-once", "1"]);
    let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    // It knocks when it has read the file once and comes with the first line.
    let (first, _) = door.accept().expect("a connection");
    let mut added = fs::OpenOptions::new().append(true).open(&file).expect("the file");
    writeln!(added, "{}", application(&holder(3))).expect("written");
    pass_on(first, service);
    std::thread::spawn(move || door.incoming().flatten().for_each(|one| pass_on(one, service)));
    let output = running.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("the file was changed while it was read"), "{}", said(&output));
    let result = fs::read_to_string(format!("{}.result.jsonl", file.display())).expect("a result file");
    let last: Value = serde_json::from_str(result.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last, json!({ "void": "the file was changed while it was read" }));

    // As it is now it is another file, and put back as it was no run goes on either.
    let changed = fs::read(&file).expect("the file");
    for content in [changed.clone(), (lines.join("\n") + "\n").into_bytes()] {
        fs::write(&file, content).expect("written");
        let again = bulk(&site, "issue", &file, ("13115", &url), &[]).output().expect("it runs");
        assert_eq!(again.status.code(), Some(2), "{}", said(&again));
        assert!(said(&again).contains("name another with --result"), "{}", said(&again));
        assert_eq!(fs::read_to_string(format!("{}.result.jsonl", file.display())).expect("a result file"), result);
    }
    // Under another result the lines are told of anew: what was done stands, and is seen by its rule.
    fs::write(&file, changed).expect("written");
    let new = format!("{}.new.jsonl", file.display());
    let anew = bulk(&site, "issue", &file, ("13115", &url), &["--result", &new]).output().expect("it runs");
    assert_eq!(anew.status.code(), Some(3), "{}", said(&anew));
    let told = outcomes(&file, "new");
    let rules: BTreeSet<_> = told.values().map(|line| line["refused"]["rule"].as_str()).collect();
    assert_eq!((told.len(), rules), (4, BTreeSet::from([Some("E-04")])));
    assert_eq!(actions(&store(&site), "pair.issued"), 4);
}
