//! `jitsuin relying-party` beside a running service and without one.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

use super::{
    process::{jitsuin, serve},
    site::Site,
};

impl Site {
    fn run(&self, arguments: &[&str]) -> Output {
        jitsuin().arg("relying-party").args(arguments).arg("--dir").arg(self.path()).output().expect("the binary runs")
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    #[track_caller]
    fn fails(&self, arguments: &[&str], code: i32, word: &str) {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(word), "{arguments:?}: {}", said(&output));
    }

    /// Asks by curl with the credential of that name as it was given out; status and body.
    fn ask(&self, address: &str, name: &str, path: &str) -> (u16, Value) {
        let credentials = self.path().join("credentials");
        let passphrase = fs::read_to_string(credentials.join(format!("{name}.passphrase"))).expect("its passphrase");
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--write-out", "\n%{http_code}", "--cacert"])
            .arg(self.path().join("certificates/access.pem"))
            .arg("--cert")
            .arg(credentials.join(format!("{name}.pem")))
            .arg("--key")
            .arg(credentials.join(format!("{name}.key")))
            .args(["--pass", passphrase.trim_end()])
            .arg(format!("https://{address}{path}"))
            .output()
            .expect("curl runs");
        assert!(output.status.success(), "{}", said(&output));
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let (body, status) = text.rsplit_once('\n').expect("a status");
        (status.parse().expect("a status"), serde_json::from_str(body).expect("JSON"))
    }
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|octets| String::from_utf8_lossy(octets).into_owned()).concat()
}

/// A day so many days from now, as `date` says it for Japan.
fn day(ahead: i32) -> String {
    let mut date = Command::new("date");
    let output = date.env("TZ", "Asia/Tokyo").args(["-d", &format!("{ahead} days"), "+%F"]).output().expect("date");
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

fn add<'a>(name: &'a str, until: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let terms = [
        "add",
        name,
        "--title",
        "電子申告",
        "--purpose",
        "signature,authentication",
        "--query",
        "status,status-at,pair",
        "--quota",
        "3",
        "--recognised-until",
        until,
    ];
    [&terms, more].concat()
}

fn nobody(path: &Path, name: &str) -> bool {
    ["pem", "key", "passphrase"].iter().all(|suffix| !path.join(format!("credentials/{name}.{suffix}")).exists())
}

#[test]
fn relying_parties_are_agreed_with_suspended_and_counted_while_the_service_runs_and_while_it_does_not() {
    let site = Site::of_one();
    let (until, later) = (day(100), day(200));
    // Stopped: straight into the store.
    let added = site.json(&add("e-filing", &until, &[]));
    assert_eq!(added["relying_party"]["recognised_until"], until.as_str());
    assert_eq!(added["credential"]["certificate"], json!(site.path().join("credentials/e-filing.pem")));
    // The credential that `init` gave out gets terms, and no other.
    let known = site.json(&add("relying-party-1", &until, &[]));
    assert_eq!(known.get("credential"), None);

    let (running, told) = serve(&site.path());
    let address = told["registration"].as_str().expect("an address").to_owned();
    site.fails(&["suspend", "e-filing", "--reason", "x"], 3, "does not say");
    site.configure("registration = \"127.0.0.1:0\"", &format!("registration = \"{address}\""));
    let status = "/v1/status/sign/0102030405";
    assert_eq!(site.ask(&address, "e-filing", status).1["rule"], "T-09", "admitted, and nobody has the number");
    // Running: over the registration listener; with the next request it holds.
    let suspended = site.json(&["suspend", "e-filing", "--reason", "目的外利用"]);
    assert_eq!(suspended["suspended"]["reason"], "目的外利用");
    assert_eq!(site.ask(&address, "e-filing", status).1["rule"], "L-03");
    site.json(&["reinstate", "e-filing"]);
    assert_eq!(site.ask(&address, "e-filing", status).1["rule"], "T-09");
    let renewed = site.json(&add("e-filing", &later, &[]));
    assert_eq!(renewed["relying_party"]["recognised_until"], later.as_str());
    let portal = site.json(&add("portal", &until, &[]));
    assert!(portal["credential"]["key"].is_string());
    assert_eq!(site.ask(&address, "portal", status).1["rule"], "T-09", "given out while it runs, and admitted");
    for _ in 0..2 {
        site.ask(&address, "e-filing", status);
    }
    assert_eq!(site.ask(&address, "e-filing", status), (429, site.ask(&address, "e-filing", status).1));

    // Reading goes on beside it.
    let listed = site.json(&["list"]);
    let names: Vec<_> = listed.as_array().expect("a list").iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["e-filing", "portal", "relying-party-1"]);
    let usage = site.json(&["usage", "e-filing"]);
    let usage = &usage.as_array().expect("a list")[0];
    assert_eq!((&usage["query"], &usage["answered"]), (&json!("status"), &json!(3)));
    assert!(usage["refused"].as_u64() >= Some(3), "{usage}");
    assert_eq!(site.json(&["usage", "--from", &day(1), "--to", &day(2)]), json!([]));
    let text = said(&site.run(&["list"]));
    assert!(text.contains("電子申告") && text.contains("3 a day"), "{text}");

    // What is refused is refused by its rule, either way, and leaves no files.
    let refusals = |site: &Site| {
        site.fails(&["suspend", "nobody", "--reason", "x"], 3, "T-09");
        site.fails(&["reinstate", "e-filing"], 3, "T-09");
        site.fails(&add("late", &day(400), &[]), 3, "L-02");
        site.fails(&add("operator-1", &until, &[]), 3, "T-08");
        assert!(nobody(&site.path(), "late"));
    };
    refusals(&site);
    let key = site.path().join("credentials/operator-1.key");
    fs::rename(&key, key.with_extension("away")).expect("moved");
    site.fails(&["suspend", "e-filing", "--reason", "x"], 3, "operator-1.key");
    fs::rename(key.with_extension("away"), &key).expect("moved");

    running.kill();
    refusals(&site);
    site.json(&["suspend", "portal", "--reason", "ended"]);
    let listed = site.json(&["list"]);
    assert_eq!(listed[1]["suspended"]["reason"], "ended");
    let verified = jitsuin().args(["audit", "verify", "--dir"]).arg(site.path()).output().expect("runs");
    assert!(verified.status.success(), "{}", said(&verified));
}

#[test]
fn what_makes_no_sense_is_a_matter_of_usage() {
    let site = Site::new();
    let until = day(100);
    for (arguments, word) in [
        (add("E Filing", &until, &[]), "a name has"),
        (add("e-filing", "tomorrow", &[]), "YYYY-MM-DD"),
        (vec!["add", "e-filing", "--title", "x", "--query", "status", "--quota", "1"], "--purpose"),
        (vec!["suspend", "e-filing"], "--reason"),
        (vec!["usage", "--from", "2026-02-30"], "YYYY-MM-DD"),
    ] {
        site.fails(&arguments, 2, word);
    }
    site.fails(&["usage", "nobody"], 3, "nobody");
    assert_eq!(site.json(&["list"]), json!([]));
}
