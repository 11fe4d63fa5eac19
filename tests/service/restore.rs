//! The worst day: a service is saved under load, goes on, and is lost. What `jitsuin restore` makes of the backup, of published
//! lists and of a status snapshot is held against what was acknowledged.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jitsuin::{
    cli::layout::Layout, config::Config, http::client::Client, kind::Kind, ports::Store, rules::CertificateState,
    store::SqliteStore,
};
use serde_json::{Value, json};

use super::{
    backup::{Keeper, backup, text},
    kill::{application, client_of},
    process::{PASSPHRASE, Running, jitsuin, serve},
    site::Site,
};

fn store(directory: &Path) -> SqliteStore {
    let config = Config::load(&Layout::configuration(directory)).expect("a configuration");
    SqliteStore::open_read_only(&config.store.path).expect("the store")
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("text")
}

fn restore(from: &Path, to: &Path, keeper: &Keeper, options: &[&str]) -> Output {
    let mut command = jitsuin();
    command.args(["--json", "restore", "--from"]).arg(from).arg("--to").arg(to);
    command.arg("--identity").arg(&keeper.identity).args(options).output().expect("it runs")
}

/// What became of a pair that was issued.
type Pairs = Mutex<BTreeMap<u32, BTreeSet<String>>>;

struct Town {
    client: Client,
    runtime: tokio::runtime::Runtime,
    count: AtomicU32,
    pairs: Pairs,
}

impl Town {
    fn new(site: &Site) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        Self { client: client_of(site), runtime, count: AtomicU32::new(0), pairs: Mutex::default() }
    }

    fn post(&self, addresses: &Value, path: &str, key: &str, body: &Value) -> Value {
        let url = format!("https://{}{path}", addresses["registration"].as_str().expect("an address"));
        let answer = self.runtime.block_on(self.client.post_json(&url, key, body)).expect("an answer");
        assert!(answer.status.is_success(), "{path} {} {}", answer.status, answer.body);
        answer.body
    }

    fn issue(&self, addresses: &Value) -> u32 {
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        let body = self.post(
            addresses,
            "/v1/certificates",
            &format!("issue-{number}"),
            &application(&format!("TEST-{number}")),
        );
        let list = body["certificates"].as_array().expect("certificates");
        let serials = list.iter().map(|one| one["serial"].as_str().expect("a serial").to_owned()).collect();
        self.pairs.lock().expect("pairs").insert(number, serials);
        number
    }

    fn issue_some(&self, addresses: &Value, count: usize) -> Vec<u32> {
        (0..count).map(|_| self.issue(addresses)).collect()
    }

    fn revoke(&self, addresses: &Value, number: u32) {
        let body = json!({ "card": format!("CARD-TEST-{number}"), "cause": "card-returned" });
        self.post(addresses, "/v1/revocations", &format!("end-{number}"), &body);
    }

    fn hold(&self, addresses: &Value, number: u32) {
        let body = json!({ "card": format!("CARD-TEST-{number}") });
        self.post(addresses, "/v1/holds", &format!("end-{number}"), &body);
    }

    fn serials(&self, numbers: &[u32]) -> BTreeSet<String> {
        let pairs = self.pairs.lock().expect("pairs");
        numbers.iter().flat_map(|number| pairs[number].iter().cloned()).collect()
    }
}

/// The state of every certificate that a store has, by serial number.
fn states(directory: &Path) -> BTreeMap<String, CertificateState> {
    let store = store(directory);
    let of = |kind| store.certificates(kind, 0, 100_000).expect("read").0;
    Kind::BOTH.into_iter().flat_map(of).map(|one| (one.serial.to_string(), one.state)).collect()
}

fn numbers(directory: &Path) -> BTreeMap<(Kind, String), u64> {
    let lists = store(directory).newest_crls().expect("lists");
    lists.iter().map(|one| ((one.kind, one.scope.word()), one.number)).collect()
}

/// The lists of a service, as whoever downloaded them last has them.
fn published(directory: &Path, to: &Path) -> Vec<PathBuf> {
    fs::create_dir_all(to).expect("a directory");
    let lists = store(directory).newest_crls().expect("lists");
    let write = |list: &jitsuin::ports::CrlRecord| {
        let path = to.join(format!("{}-{}.crl", list.kind, list.scope.word()));
        fs::write(&path, &*list.der.whole().expect("a list")).expect("written");
        path
    };
    lists.iter().map(write).collect()
}

fn stop(mut running: Running) {
    running.signal("TERM");
    assert!(running.0.wait().expect("it ends").success());
}

/// What a service was, and what is left of it.
struct Lost {
    site: Site,
    town: Town,
    keeper: Keeper,
    saved: PathBuf,
    lists: Vec<PathBuf>,
    before: Vec<u32>,
    during: Vec<u32>,
    after: Vec<u32>,
}

/// The directory in which a keeper keeps checkpoints.
fn keeper_of(site: &Site) -> PathBuf {
    site.aside().join("keeper")
}

/// A service that was saved under load, went on, and stopped for ever.
fn lost(options: &[&str]) -> Lost {
    let site = Site::new();
    fs::create_dir(keeper_of(&site)).unwrap();
    site.configure("keeper = \"\"", &format!("keeper = \"{}\"", utf8(&keeper_of(&site))));
    site.configure("enabled = true", "enabled = false");
    let keeper = Keeper::new(&site.aside());
    let saved = site.aside().join("saved.age");
    let town = Town::new(&site);
    let (running, addresses) = serve(&site.path());
    let before = town.issue_some(&addresses, 8);
    town.revoke(&addresses, before[0]);
    let going = AtomicBool::new(true);
    let during = std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut issued = Vec::new();
            while going.load(Ordering::SeqCst) || issued.is_empty() {
                issued.push(town.issue(&addresses));
            }
            issued
        });
        let made = backup(&site, &saved, &[&["--recipient", &keeper.recipient][..], options].concat());
        going.store(false, Ordering::SeqCst);
        assert!(made.status.success(), "{}", text(&made));
        load.join().expect("the load")
    });
    let after = town.issue_some(&addresses, 4);
    for number in [before[1], after[0]] {
        town.revoke(&addresses, number);
    }
    town.hold(&addresses, before[2]);
    // Times are of whole seconds; what comes now is later than the backup.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    // It stops in order, so that there is a snapshot; its last lists are published.
    stop(running);
    let publish = jitsuin().args(["crl", "publish", "--dir"]).arg(site.path()).output().expect("it runs");
    assert!(publish.status.success(), "{}", text(&publish));
    let lists = published(&site.path(), &site.aside().join("published"));
    Lost { site, town, keeper, saved, lists, before, during, after }
}

impl Lost {
    fn restore(&self, to: &Path, options: &[&str]) -> Output {
        restore(&self.saved, to, &self.keeper, options)
    }

    fn crl_options(&self) -> Vec<&str> {
        self.lists.iter().flat_map(|path| ["--crl", utf8(path)]).collect()
    }

    fn state(&self, states: &BTreeMap<String, CertificateState>, number: u32) -> BTreeSet<Option<&'static str>> {
        let word = |state: &CertificateState| match state {
            CertificateState::Live => "live",
            CertificateState::Held => "held",
            CertificateState::Revoked => "revoked",
            _ => "other",
        };
        self.town.serials(&[number]).iter().map(|serial| states.get(serial).map(word)).collect()
    }
}

#[test]
fn a_service_that_is_lost_comes_back_without_giving_anything_twice() {
    let lost = lost(&["--with-keys"]);
    let to = lost.site.aside().join("restored");
    let restored = lost.restore(&to, &lost.crl_options());
    assert!(restored.status.success(), "{}", text(&restored));
    let report: Value = serde_json::from_slice(&restored.stdout).expect("JSON");
    let kept: Value = serde_json::from_slice(&fs::read(to.join("restore-report.json")).unwrap()).unwrap();
    assert_eq!(kept, report);
    assert_eq!((&report["fence"]["before"], &report["fence"]["now"]), (&json!(1), &json!(2)), "{report}");

    let is = |word| BTreeSet::from([Some(word)]);
    let known = states(&to);
    assert_eq!(lost.state(&known, lost.before[0]), is("revoked"), "before the backup");
    assert_eq!(lost.state(&known, lost.before[1]), is("revoked"), "learnt again");
    assert_eq!(lost.state(&known, lost.before[2]), is("held"), "learnt again");
    for number in &lost.before[3..] {
        assert_eq!(lost.state(&known, *number), is("live"), "{number} was acknowledged before the backup");
    }
    for number in &lost.after {
        assert_eq!(lost.state(&known, *number), BTreeSet::from([None]), "{number} is of the loss window");
    }
    let told: BTreeSet<_> =
        report["lost"].as_array().unwrap().iter().map(|one| one["serial"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told, lost.town.serials(&lost.after[..1]), "what the lists know of the loss window is told");
    assert_eq!(report["learnt"].as_array().unwrap().len(), 4);
    let revoked = &report["lost"][0];
    assert_eq!(
        (&revoked["outcome"], revoked["municipality"].as_str().map(str::len)),
        (&json!("listed"), Some(5)),
        "{report}"
    );

    let (running, addresses) = serve(&to);
    // Issued and revoked in the loss window: the lists go on saying so.
    for list in published(&to, &lost.site.aside().join("after")) {
        let name = list.file_name().unwrap().to_str().unwrap();
        let (kind, is_complete) = (name.split('-').next().unwrap(), !name.contains("-ca") && !name.contains("delta"));
        let read =
            Command::new("openssl").args(["crl", "-inform", "DER", "-noout", "-text", "-in"]).arg(&list).output();
        let read = text(&read.expect("openssl"));
        for one in report["lost"].as_array().unwrap().iter().filter(|one| is_complete && one["kind"] == kind) {
            let serial = one["serial"].as_str().unwrap();
            let of_place = name.contains("full") || name.contains(one["municipality"].as_str().unwrap());
            assert_eq!(read.contains(&format!("Serial Number: {serial}")), of_place, "{name}: {read}");
        }
    }
    let given = lost.town.serials(&[&lost.before[..], &lost.during, &lost.after].concat());
    let fresh = lost.town.issue_some(&addresses, 6);
    assert!(given.is_disjoint(&lost.town.serials(&fresh)), "a serial number was given twice");
    stop(running);
    let (old, new) = (numbers(&lost.site.path()), numbers(&to));
    for (list, number) in &old {
        assert!(new[list] > *number, "{list:?}: {} after {number}", new[list]);
    }
    let verified = jitsuin().args(["audit", "verify", "--dir"]).arg(&to).output().expect("it runs");
    assert!(verified.status.success(), "{}", text(&verified));
    let why = jitsuin()
        .args(["--json", "why", revoked["serial"].as_str().unwrap(), "--dir"])
        .arg(&to)
        .output()
        .expect("it runs");
    let why: Value = serde_json::from_slice(&why.stdout).expect("JSON");
    assert_eq!((&why["erased"]["lost"], &why["erased"]["state"]), (&json!(true), &json!("revoked")), "{why}");
    let scopes: Vec<_> = why["erased"]["lists"].as_array().unwrap().iter().map(|list| &list["scope"]).collect();
    assert!(scopes.contains(&&json!("full")) && scopes.contains(&&revoked["municipality"]), "{why}");
}

#[test]
fn a_status_snapshot_knows_everything_that_was_lost() {
    let lost = lost(&["--with-keys"]);
    let to = lost.site.aside().join("restored");
    let snapshot = lost.site.path().join("status.snapshot");
    let restored = lost.restore(&to, &["--status-snapshot", utf8(&snapshot)]);
    assert!(restored.status.success(), "{}", text(&restored));
    let report: Value = serde_json::from_slice(&restored.stdout).expect("JSON");
    let told: BTreeSet<_> =
        report["lost"].as_array().unwrap().iter().map(|one| one["serial"].as_str().unwrap().to_owned()).collect();
    let known = states(&to);
    let missing = |number: &&u32| lost.state(&known, **number).contains(&None);
    let expected: Vec<_> = lost.during.iter().chain(&lost.after).filter(missing).copied().collect();
    assert_eq!(told, lost.town.serials(&expected), "good ones too");
    assert_eq!(lost.state(&known, lost.before[1]), BTreeSet::from([Some("revoked")]));
    assert_eq!(lost.state(&known, lost.before[2]), BTreeSet::from([Some("held")]));
}

#[test]
fn without_its_keys_it_is_restored_as_far_as_is_right() {
    let lost = lost(&[]);
    let to = lost.site.aside().join("restored");
    let restored = lost.restore(&to, &lost.crl_options());
    assert!(restored.status.success(), "{}", text(&restored));
    let report: Value = serde_json::from_slice(&restored.stdout).expect("JSON");
    let missing: Vec<_> = report["missing_keys"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    for name in ["keys/sign-1.pem", "keys/auth-1.pem", "keys/serial-1.pem", "keys/access.pem", "keys/registration.pem"]
    {
        assert!(missing.contains(&name), "{missing:?}");
    }
    assert_eq!(
        lost.state(&states(&to), lost.before[1]),
        BTreeSet::from([Some("revoked")]),
        "no key is needed to learn"
    );
    let waits = jitsuin().args(["restore", "--finish"]).arg(&to).output().expect("it runs");
    assert_eq!(waits.status.code(), Some(3), "{}", text(&waits));
    assert!(text(&waits).contains("keys are missing"), "{}", text(&waits));

    does_not_start(&to, "");

    // With the keys from where they were kept it is as if they had been in it.
    let other = lost.site.aside().join("with keys");
    let keys = lost.site.path().join("keys");
    let restored = lost.restore(&other, &["--keys", utf8(&keys)]);
    assert!(restored.status.success(), "{}", text(&restored));
    drop(serve(&other));

    // Meanwhile that copy goes on, which the first one, whose restore is not finished, did not know.
    let bring_keys = |to: &Path| {
        fs::create_dir(to.join("keys")).unwrap();
        for entry in fs::read_dir(&keys).unwrap() {
            let from = entry.unwrap().path();
            fs::copy(&from, to.join("keys").join(from.file_name().unwrap())).unwrap();
        }
    };
    let finish = |to: &Path| jitsuin().args(["restore", "--finish"]).arg(to).output().expect("it runs");
    bring_keys(&to);
    let refused = finish(&to);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));
    assert!(text(&refused).contains("another copy of this service goes on, under fence 2"), "{}", text(&refused));
    does_not_start(&to, "");
    drop(serve(&other));

    // The next one asks the keeper, which takes no key, and goes on beyond that copy.
    let third = lost.site.aside().join("third");
    let restored = lost.restore(&third, &lost.crl_options());
    let report: Value = serde_json::from_slice(&restored.stdout).expect("JSON");
    assert_eq!((&report["fence"]["before"], &report["fence"]["now"]), (&json!(1), &json!(3)), "{report}");
    bring_keys(&third);
    let finished = finish(&third);
    assert!(finished.status.success(), "{}", text(&finished));
    does_not_start(&other, "superseded");
    let (running, addresses) = serve(&third);
    lost.town.issue(&addresses);
    stop(running);
    let (old, new) = (numbers(&other), numbers(&third));
    for (list, number) in &old {
        assert!(new[list] > *number, "{list:?}: {} after {number}", new[list]);
    }
}

/// Whether `serve` refuses to start, and says that.
#[track_caller]
fn does_not_start(directory: &Path, said: &str) {
    let output = jitsuin().args(["serve", "--dir"]).arg(directory).output().expect("it runs");
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains(said), "{}", text(&output));
}

#[test]
fn of_several_copies_of_one_service_the_last_one_that_was_restored_goes_on() {
    let lost = lost(&["--with-keys"]);
    let [first, second] = ["first", "second"].map(|name| lost.site.aside().join(name));
    let fence = |to: &Path| {
        let restored = lost.restore(to, &[]);
        assert!(restored.status.success(), "{}", text(&restored));
        let report: Value = serde_json::from_slice(&restored.stdout).expect("JSON");
        assert_eq!(report["checkpoint"], "done");
        assert!(
            report["keeper"].as_str().is_some_and(|path| path.starts_with(utf8(&keeper_of(&lost.site)))),
            "{report}"
        );
        report["fence"]["now"].as_u64()
    };
    assert_eq!(fence(&first), Some(2));
    does_not_start(&lost.site.path(), "superseded");
    let (running, addresses) = serve(&first);
    let given = lost.town.issue_some(&addresses, 3);
    stop(running);
    // The keeper tells of the first copy, so that the same backup is restored beyond it.
    assert_eq!(fence(&second), Some(3));
    does_not_start(&first, "superseded");
    let (running, addresses) = serve(&second);
    let fresh = lost.town.issue_some(&addresses, 3);
    assert!(lost.town.serials(&given).is_disjoint(&lost.town.serials(&fresh)), "a serial number was given twice");
    stop(running);
    let old = numbers(&first);
    assert!(numbers(&second).iter().all(|(list, number)| *number > old[list]));
}

#[test]
fn a_keeper_that_is_away_is_told_when_it_is_back() {
    let lost = lost(&["--with-keys"]);
    let (keeper, away) = (keeper_of(&lost.site), lost.site.aside().join("away"));
    fs::rename(&keeper, &away).unwrap();
    let to = lost.site.aside().join("restored");
    let restored = lost.restore(&to, &[]);
    assert!(restored.status.success(), "{}", text(&restored));
    let report: Value = serde_json::from_slice(&restored.stdout).expect("JSON");
    assert!(report["keeper"].is_null() && text(&restored).contains("--finish"), "{report}");
    does_not_start(&to, "the keeper of checkpoints is not there");
    fs::rename(&away, &keeper).unwrap();
    let finish = || jitsuin().args(["restore", "--finish"]).arg(&to).output().expect("it runs");
    let finished = finish();
    assert!(finished.status.success(), "{}", text(&finished));
    assert!(finish().status.code() == Some(3), "it is finished once");
    drop(serve(&to));
    does_not_start(&lost.site.path(), "superseded");
}

/// A backup that was opened, changed by `change`, and closed again with a table of contents that fits.
fn forged(lost: &Lost, name: &str, change: impl FnOnce(&Path)) -> PathBuf {
    use jitsuin::cli::backup::{archive, manifest::Manifest};
    let directory = lost.site.aside().join(name);
    fs::create_dir(&directory).unwrap();
    let plain = directory.join("tar");
    let opened = Command::new("age")
        .args(["-d", "-i", utf8(&lost.keeper.identity), "-o", utf8(&plain)])
        .arg(&lost.saved)
        .output()
        .unwrap();
    assert!(opened.status.success(), "{}", text(&opened));
    assert!(Command::new("tar").arg("xf").arg(&plain).arg("-C").arg(&directory).status().unwrap().success());
    change(&directory);
    let mut manifest = Manifest::parse(&fs::read(directory.join("manifest.json")).unwrap()).unwrap();
    let mut sources: Vec<_> = manifest
        .members
        .iter()
        .map(|member| archive::Source::open(&member.name, &directory.join(&member.name)).unwrap())
        .collect();
    manifest.members = sources.iter().map(|source| source.member.clone()).collect();
    fs::write(&plain, archive::write(Vec::new(), &manifest, &mut sources).unwrap()).unwrap();
    let sealed = directory.join("forged.age");
    let age =
        Command::new("age").args(["-r", &lost.keeper.recipient, "-o", utf8(&sealed)]).arg(&plain).output().unwrap();
    assert!(age.status.success(), "{}", text(&age));
    sealed
}

/// The time of the last entry in the backup.
fn saved_until(lost: &Lost) -> String {
    let verified = super::backup::verify(&lost.saved, &["--identity", utf8(&lost.keeper.identity)]);
    let told: Value = serde_json::from_slice(&verified.stdout).expect("JSON");
    told["marks"]["at"].as_str().expect("a time").to_owned()
}

/// Edits the database of an opened backup behind the schema's back.
fn sql(statements: &'static str) -> impl FnOnce(&Path) {
    move |directory| {
        let sql = rusqlite::Connection::open(directory.join("jitsuin.sqlite")).unwrap();
        let triggers: Vec<String> = {
            let mut names = sql.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").unwrap();
            names.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        triggers.iter().for_each(|name| sql.execute_batch(&format!("DROP TRIGGER {name}")).unwrap());
        sql.execute_batch(statements).unwrap();
    }
}

#[test]
fn nothing_stands_in_the_directory_unless_all_of_it_is_right() {
    let lost = lost(&["--with-keys"]);
    let to = lost.site.aside().join("restored");
    let refused = |from: &Path, options: &[&str], said: &str| {
        let output = restore(from, &to, &lost.keeper, options);
        assert_eq!(output.status.code(), Some(3), "{said}: {}", text(&output));
        assert!(text(&output).contains(said), "{said}: {}", text(&output));
        let left: Vec<_> = fs::read_dir(lost.site.aside()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().contains("restore")), "{said}: {left:?}");
    };
    let octets = fs::read(&lost.saved).unwrap();
    let bad = lost.site.aside().join("bad.age");
    for at in [octets.len() / 3, octets.len() - 1] {
        let mut flipped = octets.clone();
        flipped[at] ^= 1;
        fs::write(&bad, flipped).unwrap();
        refused(&bad, &[], "damaged");
    }
    fs::write(&bad, &octets[..octets.len() - 70_000]).unwrap();
    refused(&bad, &[], "damaged or cut off");

    for (name, edit, said) in [
        ("newer", "PRAGMA user_version = 9999", "use the newer program"),
        ("chain", "UPDATE audit_entry SET detail = detail || ' ' WHERE position = 5", "entry 5 is not what was sealed"),
        (
            "shorter",
            "DELETE FROM audit_entry WHERE position = (SELECT max(position) FROM audit_entry)",
            "another one than the backup says",
        ),
        (
            "list",
            "UPDATE crl SET der = substr(der, 1, length(der) - 1) WHERE number = (SELECT number FROM crl_newest WHERE scope = 'full' AND kind = 1) AND scope = 'full' AND kind = 1",
            "the list sign 1 full",
        ),
        ("fence", "UPDATE fence SET value = 7", "another one than the backup says"),
        // Sealed anew from its end on, so that the chain is whole: only the checkpoints know better.
        (
            "resealed",
            "UPDATE audit_entry SET seal = zeroblob(32) WHERE position = (SELECT max(position) FROM audit_entry)",
            "another one than the backup says",
        ),
        (
            "serial",
            "UPDATE certificate SET serial = x'4000112233445566778899AABBCCDDEEFF' WHERE kind = 1 AND ca_index = (SELECT min(ca_index) FROM certificate WHERE kind = 1)",
            "the serial key is not the one",
        ),
    ] {
        refused(&forged(&lost, name, sql(edit)), &[], said);
    }
    let other = Site::new();
    let steal = |name: &'static str| {
        let from = other.path().join(name);
        move |directory: &Path| assert!(fs::copy(from, directory.join(name)).unwrap() > 0)
    };
    refused(&forged(&lost, "other CA key", steal("keys/auth-1.pem")), &[], "");
    refused(&forged(&lost, "other serial key", steal("keys/serial-1.pem")), &[], "the serial key is not the one");
    refused(&forged(&lost, "other database", steal("jitsuin.sqlite")), &[], "another one than the backup says");

    let checkpoints = other.path().join("checkpoints");
    refused(&lost.saved, &["--checkpoints", utf8(&checkpoints)], "not signed by the audit key");
    refused(&lost.saved, &["--checkpoints", "/nonexistent"], "no such file");
    // Everything that does not fit is told at once.
    let (wrong, foreign) =
        (lost.site.aside().join("wrong"), published(&other.path(), &lost.site.aside().join("foreign")));
    fs::write(&wrong, "another passphrase").unwrap();
    let all = ["--checkpoints", utf8(&checkpoints), "--crl", utf8(&wrong), "--crl", utf8(&foreign[0])];
    let all = [&all[..], &["--key-passphrase-file", utf8(&wrong)]].concat();
    for said in
        ["4 things do not fit", "not signed by the audit key", "this is no list", "no CA of this service", "passphrase"]
    {
        refused(&lost.saved, &all, said);
    }
    refused(&forged(&lost, "other checkpoints", steal("checkpoints")), &[], "not signed by the audit key");
    let foreign = published(&other.path(), &lost.site.aside().join("foreign"));
    refused(&lost.saved, &["--crl", utf8(&foreign[0])], "no CA of this service signed it");
    let mut forged_list = fs::read(&lost.lists[0]).unwrap();
    let end = forged_list.len() - 1;
    forged_list[end] ^= 1;
    let path = lost.site.aside().join("forged.crl");
    fs::write(&path, forged_list).unwrap();
    refused(&lost.saved, &["--crl", utf8(&path)], "forged.crl");
    let snapshot = lost.site.aside().join("foreign.snapshot");
    let mut octets = fs::read(lost.site.path().join("status.snapshot")).unwrap();
    let middle = octets.len() / 2;
    octets[middle] ^= 1;
    fs::write(&snapshot, octets).unwrap();
    refused(&lost.saved, &["--status-snapshot", utf8(&snapshot)], "foreign.snapshot");
    refused(&lost.saved, &["--lost-until", "2020-01-01T00:00:00Z"], "which is after 2020");
    refused(
        &lost.saved,
        &[&["--lost-until", &saved_until(&lost)], &lost.crl_options()[..]].concat(),
        "the lost service wrote on",
    );
    assert!(!to.exists());

    let wrong = jitsuin()
        .env("JITSUIN_PASSPHRASE", "another passphrase of the keys")
        .args(["restore", "--from"])
        .arg(&lost.saved)
        .arg("--to")
        .arg(&to)
        .arg("--identity")
        .arg(&lost.keeper.identity)
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(3), "{}", text(&wrong));
    assert!(text(&wrong).contains("the passphrase opens none") && !to.exists(), "{}", text(&wrong));
    assert_ne!(PASSPHRASE, "another passphrase of the keys");

    fs::create_dir(&to).unwrap();
    fs::write(to.join("something"), b"of somebody").unwrap();
    let occupied = lost.restore(&to, &[]);
    assert!(text(&occupied).contains("is not empty"), "{}", text(&occupied));
    assert_eq!(fs::read_dir(&to).unwrap().count(), 1);
    fs::remove_file(to.join("something")).unwrap();
    let restored = lost.restore(&to, &[]);
    assert!(restored.status.success(), "{}", text(&restored));
    assert_eq!(fs::metadata(to.join("keys/sign-1.pem")).unwrap().permissions().mode() & 0o777, 0o600);
}

/// Holds a signed report against the certificate in it, by OpenSSL, and that certificate against the audit of the drill's service.
fn verified_report(report: &Path, directory: &Path) -> Value {
    let jws = fs::read_to_string(report).unwrap();
    let parts: Vec<&str> = jws.trim().split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("no compact JWS: {jws}") };
    let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let told: Value = serde_json::from_slice(&decoded(header)).unwrap();
    assert_eq!((told["alg"].as_str(), told["typ"].as_str()), (Some("ES256"), Some("jitsuin-drill+jwt")));
    let certificate = STANDARD.decode(told["x5c"][0].as_str().unwrap()).unwrap();
    // R and S side by side (RFC 7518 §3.4), as ECDSA-Sig-Value for OpenSSL.
    let raw = decoded(signature);
    let integer = |half: &[u8]| {
        let first = half.iter().position(|octet| *octet != 0).unwrap();
        let sign = if half[first] > 0x7f { vec![0] } else { Vec::new() };
        let octets = [sign, half[first..].to_vec()].concat();
        [vec![2, octets.len() as u8], octets].concat()
    };
    let both = [integer(&raw[..32]), integer(&raw[32..])].concat();
    fs::write(directory.join("signature"), [vec![0x30, both.len() as u8], both].concat()).unwrap();
    fs::write(directory.join("signed"), format!("{header}.{payload}")).unwrap();
    fs::write(directory.join("certificate.der"), certificate).unwrap();
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", text(&output));
        output.stdout
    };
    let own = openssl("x509 -in service/certificates/audit-1.pem -outform DER");
    assert_eq!(fs::read(directory.join("certificate.der")).unwrap(), own);
    let key = openssl("x509 -inform DER -in certificate.der -noout -pubkey");
    fs::write(directory.join("key.pem"), key).unwrap();
    openssl("dgst -sha256 -verify key.pem -signature signature signed");
    serde_json::from_slice(&decoded(payload)).unwrap()
}

/// A drill on a stage that is kept; what it said, which is what its signed report says.
fn drilled(name: &str) -> Value {
    let room = tempfile::tempdir().unwrap();
    let (stage, report) = (room.path().join("stage"), room.path().join("report.jws"));
    let mut drill = jitsuin();
    drill.args(["--json", "drill", name, "--pairs", "10", "--dir"]).arg(&stage).arg("--report").arg(&report);
    let drill = drill.output().expect("it runs");
    assert!(drill.status.success(), "{}", text(&drill));
    let told: Value = serde_json::from_slice(&drill.stdout).expect("JSON");
    assert!(told["checks"].as_array().unwrap().iter().all(|check| check["holds"] == true), "{told}");
    assert_eq!(verified_report(&report, &stage), told);
    told
}

#[test]
fn the_drill_of_a_failover_tells_how_old_the_answers_of_the_mirror_were_and_what_was_lost() {
    let told = drilled("failover");
    let count = |name: &str| told["mirror"][name].as_u64().unwrap();
    assert!(count("right") > 0 && count("outdated") > 0 && count("missing") > 0 && count("lists") > 0, "{told}");
    assert!(told["lost_pairs"].as_u64() > Some(0) && told["lost_revocations"].as_u64() > Some(0), "{told}");
    assert!(told["learnt"].as_u64() > Some(0), "{told}");
}

#[test]
fn the_drill_of_a_lost_key_ends_all_of_its_ca_and_issues_anew_to_everybody() {
    let told = drilled("key-loss");
    assert_eq!((told["revoked"].as_u64(), told["reissued"].as_u64()), (Some(10), Some(10)), "{told}");
}

#[test]
fn the_drill_of_a_restore_is_signed_by_the_restored_service() {
    assert_eq!(drilled("restore")["drill"], "restore");
}

#[test]
fn the_drill_holds_what_it_checks() {
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("report.jws");
    let drill = jitsuin()
        .args(["--json", "drill", "restore", "--pairs", "10", "--report"])
        .arg(&report)
        .output()
        .expect("it runs");
    assert!(drill.status.success(), "{}", text(&drill));
    let told: Value = serde_json::from_slice(&drill.stdout).expect("JSON");
    assert!(told["learnt"].as_u64() > Some(0) && told["lost_pairs"].as_u64() > Some(0), "{told}");
    assert!(told["checks"].as_array().unwrap().iter().all(|check| check["holds"] == true), "{told}");
}
