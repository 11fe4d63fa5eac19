//! `jitsuin credential` beside a running service and without one; what becomes of who was revoked after a restart, and after a
//! restore from an older backup.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use jitsuin::{
    ports::{CredentialRecord, Store},
    store::SqliteStore,
};
use serde_json::{Value, json};

use super::{
    backup::{Keeper, backup, text},
    process::{PASSPHRASE, Running, jitsuin, serve},
    site::Site,
};

/// Runs `jitsuin credential`; who speaks to a running service needs no passphrase of its keys.
fn credential(directory: &Path, words: &[&str], passphrase: bool) -> Output {
    run(directory, &[&["credential"], words].concat(), passphrase)
}

fn run(directory: &Path, words: &[&str], passphrase: bool) -> Output {
    let mut command = jitsuin();
    command.arg("--json").args(words).arg("--dir").arg(directory);
    if !passphrase {
        command.env_remove("JITSUIN_PASSPHRASE");
    }
    command.output().expect("it runs")
}

#[track_caller]
fn done(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[track_caller]
fn refused(output: &Output, word: &str) {
    assert_eq!(output.status.code(), Some(3), "{}", text(output));
    assert!(text(output).contains(word), "{word}: {}", text(output));
}

/// Starts it, and writes into the configuration where it is reached.
fn start(site: &Site, before: &str) -> (Running, Value, String) {
    let (running, told) = serve(&site.path());
    let address = told["registration"].as_str().expect("an address").to_owned();
    site.configure(&format!("registration = \"{before}\""), &format!("registration = \"{address}\""));
    (running, told, address)
}

fn stop(mut running: Running) {
    running.signal("TERM");
    assert!(running.0.wait().expect("it ends").success());
}

/// Whether a client with that credential gets through the handshake; the role that it is told.
fn comes_in(site: &Site, address: &str, name: &str) -> Option<Value> {
    let credentials = site.path().join("credentials");
    let passphrase = fs::read_to_string(credentials.join(format!("{name}.passphrase"))).expect("its passphrase");
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--cacert"])
        .arg(site.path().join("certificates/access.pem"))
        .arg("--cert")
        .arg(credentials.join(format!("{name}.pem")))
        .arg("--key")
        .arg(credentials.join(format!("{name}.key")))
        .args(["--pass", passphrase.trim_end()])
        .arg(format!("https://{address}/v1/whoami"))
        .output()
        .expect("curl runs");
    let told = || serde_json::from_slice::<Value>(&output.stdout).expect("JSON")["role"].clone();
    output.status.success().then(told)
}

/// The list as the status listener serves it.
fn list(site: &Site, told: &Value) -> PathBuf {
    let path = site.aside().join("access.crl");
    let url = format!("http://{}/crl/access.crl", told["status"].as_str().expect("an address"));
    let got = Command::new("curl").args(["--silent", "--show-error", "--fail", "-o"]).arg(&path).arg(url).output();
    let got = got.expect("curl runs");
    assert!(got.status.success(), "{}", text(&got));
    path
}

/// What OpenSSL reads in it: its number, and how many it revokes.
fn read(list: &Path) -> (u64, usize) {
    let mut openssl = Command::new("openssl");
    let output = openssl.args(["crl", "-inform", "DER", "-noout", "-text", "-in"]).arg(list).output().expect("openssl");
    let said = text(&output);
    assert!(said.contains("Access CA"), "{said}");
    let number = said.split("X509v3 CRL Number:").nth(1).expect("a number").split_whitespace().next().expect("digits");
    (number.parse().expect("a number"), said.matches("Serial Number:").count())
}

/// What OpenSSL says of a credential by the list.
fn verified(site: &Site, list: &Path, name: &str) -> String {
    let pem = list.with_extension("pem");
    let mut openssl = Command::new("openssl");
    let turned = openssl.args(["crl", "-inform", "DER", "-in"]).arg(list).arg("-out").arg(&pem).output();
    assert!(turned.expect("openssl").status.success());
    let output = Command::new("openssl")
        .args(["verify", "-crl_check", "-CAfile"])
        .arg(site.path().join("certificates/access.pem"))
        .arg("-CRLfile")
        .arg(&pem)
        .arg(site.path().join(format!("credentials/{name}.pem")))
        .output();
    text(&output.expect("openssl"))
}

fn stored(directory: &Path, name: &str) -> CredentialRecord {
    let store = SqliteStore::open_read_only(&directory.join("jitsuin.sqlite")).expect("the store");
    store.credentials().expect("credentials").into_iter().find(|one| one.name == name).expect("it is there")
}

#[test]
fn credentials_are_given_out_and_revoked_beside_a_running_service_and_without_one() {
    let site = Site::of_one();
    let path = site.path();
    let (running, told, address) = start(&site, "127.0.0.1:0");
    let (first, none) = read(&list(&site, &told));
    assert_eq!(none, 0);

    let written = done(&credential(&path, &["issue", "--role", "auditor", "audit-office"], false));
    assert_eq!(written["key"], json!(path.join("credentials/audit-office.key")));
    assert_eq!(comes_in(&site, &address, "audit-office"), Some(json!("auditor")));
    assert!(verified(&site, &list(&site, &told), "audit-office").contains(": OK"));
    // Broken off after the service had certified the key: the same command again ends it.
    let given = path.join("credentials/audit-office.pem");
    let certificate = fs::read(&given).expect("the certificate");
    fs::remove_file(&given).expect("removed");
    done(&credential(&path, &["issue", "--role", "auditor", "audit-office"], false));
    assert_eq!(fs::read(&given).expect("the certificate"), certificate);
    // Names are given once, and what is refused leaves nothing.
    refused(&credential(&path, &["issue", "--role", "auditor", "operator-1"], false), "");
    let place = ["issue", "--role", "municipality", "--municipality", "13101", "chiyoda"];
    refused(&credential(&path, &place, false), "does not take part");
    assert!(!path.join("credentials/chiyoda.key").exists());
    assert_eq!(credential(&path, &["issue", "--role", "municipality", "x"], false).status.code(), Some(2));

    // A municipality comes in, and lists are made, by the running service too.
    let join = || run(&path, &["municipality", "add", "28207"], false);
    let joined = done(&join());
    assert_eq!(joined["key"], json!(path.join("credentials/28207.key")));
    assert_eq!(comes_in(&site, &address, "28207"), Some(json!("municipality")));
    let given = path.join("credentials/28207.pem");
    let certificate = fs::read(&given).expect("the certificate");
    refused(&join(), "takes part already");
    fs::remove_file(&given).expect("removed");
    assert_eq!(done(&join()), joined, "broken off, and ended");
    assert_eq!(fs::read(&given).expect("the certificate"), certificate);
    let published = done(&run(&path, &["crl", "publish"], false));
    assert!(published.as_array().expect("lists").iter().any(|list| list["scope"] == "28207"), "{published}");

    let told_so = done(&credential(&path, &["revoke", "audit-office", "--reason", "keyCompromise"], false));
    assert_eq!((&told_so["active"], &told_so["revocation"]["reason"]), (&json!(false), &json!("keyCompromise")));
    assert_eq!(comes_in(&site, &address, "audit-office"), None);
    let (second, one) = read(&list(&site, &told));
    assert!(second > first && one == 1, "{first} {second} {one}");
    assert!(verified(&site, &list(&site, &told), "audit-office").contains("certificate revoked"));
    refused(&credential(&path, &["disable", "operator-1"], false), "T-08");
    refused(&credential(&path, &["disable", "nobody"], false), "T-09");
    // Another operator's credential will do, once the first one is over.
    done(&credential(&path, &["issue", "--role", "operator", "operator-2"], false));
    done(&credential(&path, &["disable", "operator-1", "--reason", "superseded"], false));
    done(&credential(&path, &["disable", "relying-party-1"], false));
    stop(running);

    // Stopped: to revoke takes no passphrase, and the list follows before anybody is let in.
    done(&credential(&path, &["disable", "13115"], false));
    refused(&credential(&path, &["disable", "operator-2"], false), "last operator");
    done(&credential(&path, &["issue", "--role", "call-centre", "lost-cards"], true));
    let (running, told, again) = start(&site, &address);
    let (third, four) = read(&list(&site, &told));
    assert!(third > second && four == 4, "{second} {third} {four}");
    for (name, role) in [("operator-2", "operator"), ("lost-cards", "call-centre")] {
        assert_eq!(comes_in(&site, &again, name), Some(json!(role)));
    }
    for name in ["audit-office", "operator-1", "relying-party-1", "13115"] {
        assert_eq!(comes_in(&site, &again, name), None, "{name}");
        assert!(verified(&site, &list(&site, &told), name).contains("certificate revoked"), "{name}");
    }
    running.kill();
    // After a crash too, and the list that stands goes on standing.
    let (running, told, last) = start(&site, &again);
    assert_eq!(read(&list(&site, &told)), (third, 4));
    assert_eq!(comes_in(&site, &last, "13115"), None);
    stop(running);
    let audit = jitsuin().args(["audit", "verify", "--dir"]).arg(&path).output().expect("it runs");
    assert!(audit.status.success(), "{}", text(&audit));
}

#[test]
fn an_older_copy_of_the_store_takes_neither_a_credential_nor_its_end() {
    let site = Site::new();
    let path = site.path();
    let older = site.aside().join("older.sqlite");
    fs::copy(path.join("jitsuin.sqlite"), &older).expect("copied");
    let (running, ..) = start(&site, "127.0.0.1:0");
    stop(running);
    fs::copy(&older, path.join("jitsuin.sqlite")).expect("copied");
    for words in [&["disable", "relying-party-1"][..], &["issue", "--role", "auditor", "audit-office"]] {
        refused(&credential(&path, words, true), "older copy");
    }
    let added = jitsuin().args(["municipality", "add", "28207", "--dir"]).arg(&path).output().expect("it runs");
    refused(&added, "older copy");
    assert!(stored(&path, "relying-party-1").active);
}

#[test]
fn a_restore_learns_from_the_access_ca_s_list_whom_it_does_not_let_in_again() {
    let site = Site::new();
    let keeper = Keeper::new(&site.aside());
    let saved = site.aside().join("saved.age");
    let made = backup(&site, &saved, &["--with-keys", "--recipient", &keeper.recipient]);
    assert!(made.status.success(), "{}", text(&made));
    let (running, told, _) = start(&site, "127.0.0.1:0");
    done(&credential(&site.path(), &["issue", "--role", "auditor", "audit-office"], false));
    for name in ["relying-party-1", "audit-office"] {
        done(&credential(&site.path(), &["revoke", name, "--reason", "keyCompromise"], false));
    }
    let kept = list(&site, &told);
    let (number, _) = read(&kept);
    let end = stored(&site.path(), "relying-party-1").revocation.expect("its end");
    running.kill();

    let restore = |to: &Path, options: &[&str]| {
        let mut command = jitsuin();
        command.env("JITSUIN_PASSPHRASE", PASSPHRASE).args(["--json", "restore", "--from"]).arg(&saved);
        let output = command.arg("--to").arg(to).arg("--identity").arg(&keeper.identity).args(options).output();
        done(&output.expect("it runs"))
    };
    // Without the list it cannot be known, and the report says what is to be done.
    let unknowing = site.aside().join("unknowing");
    let report = restore(&unknowing, &[]);
    assert!(report["next"].to_string().contains("jitsuin credential revoke"), "{report}");
    assert!(stored(&unknowing, "relying-party-1").active);

    let knowing = site.aside().join("knowing");
    let report = restore(&knowing, &["--crl", kept.to_str().expect("text")]);
    assert!(!report["next"].to_string().contains("jitsuin credential revoke"), "{report}");
    let learnt = report["credentials"].as_array().expect("credentials");
    assert_eq!(learnt.len(), 2);
    assert!(learnt.iter().any(|one| one["name"] == "relying-party-1"), "{learnt:?}");
    let record = stored(&knowing, "relying-party-1");
    assert!(!record.active);
    assert_eq!(record.revocation, Some(end), "with the date and the reason that the list has");
    // Its first list bears a number that the lost one never gave, and has the revocation.
    let (_running, told) = serve(&knowing);
    let url = format!("http://{}/crl/access.crl", told["status"].as_str().expect("an address"));
    let after = site.aside().join("after.crl");
    let got = Command::new("curl").args(["--silent", "--fail", "-o"]).arg(&after).arg(url).status();
    assert!(got.expect("curl runs").success());
    let (later, entries) = read(&after);
    assert!(later > number && entries == 1, "{number} {later} {entries}");
}
