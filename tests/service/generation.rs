//! `jitsuin generation`: a CA is rolled over, and a key is declared compromised, beside a running service and without one.

use std::{fs, os::unix::fs::PermissionsExt, process::Output};

use serde_json::Value;

use super::{
    approvals::approve,
    kill::{application, client_of},
    process::{jitsuin, serve},
    site::Site,
};

fn run(site: &Site, arguments: &[&str]) -> Output {
    jitsuin().arg("generation").args(arguments).arg("--dir").arg(site.path()).output().expect("the binary runs")
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|octets| String::from_utf8_lossy(octets).into_owned()).concat()
}

#[track_caller]
fn json(site: &Site, arguments: &[&str]) -> Value {
    let output = run(site, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[track_caller]
fn refuses(site: &Site, arguments: &[&str], word: &str) {
    let output = run(site, arguments);
    assert_eq!(output.status.code(), Some(3), "{arguments:?}: {}", said(&output));
    assert!(said(&output).contains(word), "{arguments:?}: {}", said(&output));
}

fn fingerprint(site: &Site, at: usize) -> String {
    json(site, &["list"])[at]["certificate_sha256"].as_str().expect("a fingerprint").to_owned()
}

#[test]
fn readiness_warns_of_a_ca_that_is_to_be_rolled_over_and_fails_while_one_cannot_issue() {
    let site = Site::of_one();
    site.configure("enabled = true", "enabled = false");
    let readiness = |addresses: &Value| {
        let url = format!("http://{}/readyz", addresses["operator"].as_str().expect("an address"));
        let told = std::process::Command::new("curl").args(["--silent", &url]).output().expect("curl is there");
        let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
        let check = |name: &str| {
            let all = told["checks"].as_array().expect("checks").iter();
            all.clone().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{told}")).clone()
        };
        (told["ready"].as_bool().expect("ready or not"), check("rollover"), check("generations"))
    };
    // A generation of seven years is due for the next one from its first day on.
    site.configure("ca_years = 10", "ca_years = 7");
    let (running, addresses) = serve(&site.path());
    assert!(readiness(&addresses).1["warning"].is_null());
    let client = client_of(&site);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let url = format!("https://{}/v1/certificates", addresses["registration"].as_str().expect("an address"));
    let answer = runtime.block_on(client.post_json(&url, "key-TEST-1", &application("TEST-1")));
    assert_eq!(answer.expect("an answer").status, 201);
    running.kill();
    let added = json(&site, &["add", "--kind", "sign"]);
    assert_eq!(added["generation"], 2);
    refuses(&site, &["add", "--kind", "sign"], "has issued nothing yet");
    let (running, addresses) = serve(&site.path());
    let (ready, rollover, generations) = readiness(&addresses);
    let word = rollover["warning"].as_str().expect("a warning");
    assert!(word.contains("the sign CA's generation 2 ends") && word.contains("`jitsuin generation add"), "{word}");
    assert!(ready && generations["ok"] == true, "{generations}");

    running.kill();
    let confirm = fingerprint(&site, 1);
    let told = json(&site, &["compromised", "--kind", "sign", "--generation", "2", "--confirm", &confirm]);
    assert_eq!(told["revoked"], 0, "{told}");
    let (running, addresses) = serve(&site.path());
    let (ready, rollover, generations) = readiness(&addresses);
    let cause = generations["cause"].as_str().expect("a cause");
    assert!(!ready && cause.starts_with("the key of the sign CA, generation 2, is compromised"), "{cause}");
    assert!(rollover["warning"].as_str().expect("a warning").contains("is compromised; add the next"), "{rollover}");
    running.kill();
    site.configure("ca_years = 7", "ca_years = 10");
    assert_eq!(json(&site, &["add", "--kind", "sign"])["generation"], 3);
    let (_running, addresses) = serve(&site.path());
    let (ready, rollover, generations) = readiness(&addresses);
    assert!(ready && generations["ok"] == true && rollover["warning"].is_null(), "{rollover} {generations}");
}

#[test]
fn a_restore_of_before_a_compromise_says_that_it_is_to_be_declared_again() {
    let site = Site::of_one();
    site.configure("enabled = true", "enabled = false");
    let (running, addresses) = serve(&site.path());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let url = format!("https://{}/v1/certificates", addresses["registration"].as_str().expect("an address"));
    let answer = runtime.block_on(client_of(&site).post_json(&url, "key-TEST-1", &application("TEST-1")));
    assert_eq!(answer.expect("an answer").status, 201);
    running.kill();
    assert_eq!(json(&site, &["add", "--kind", "sign"])["generation"], 2);
    let (file, secret) = (site.aside().join("backup.age"), site.aside().join("secret"));
    fs::write(&secret, "correct horse battery staple for a backup").expect("written");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("private");
    let mut save = jitsuin();
    save.args(["backup", "--with-keys", "--dir"]).arg(site.path()).arg("--to").arg(&file);
    let saved = save.arg("--passphrase-file").arg(&secret).output().expect("it runs");
    assert!(saved.status.success(), "{}", said(&saved));
    let confirm = fingerprint(&site, 0);
    let told = json(&site, &["compromised", "--kind", "sign", "--generation", "1", "--confirm", &confirm]);
    assert_eq!(told["revoked"], 1);
    let (running, addresses) = serve(&site.path());
    let fetch = |name: &str, path: &str| {
        let url = format!("http://{}{path}", addresses["status"].as_str().expect("an address"));
        let to = site.aside().join(name);
        let told = std::process::Command::new("curl").args(["--silent", "--fail", &url, "--output"]).arg(&to).output();
        assert!(told.expect("curl is there").status.success(), "{path}");
        to
    };
    // Its own list, and that of the generation whose link ended: each tells of the one key.
    let lists = [fetch("own.crl", "/crl/sign/ca.crl"), fetch("other.crl", "/crl/sign/2/ca.crl")];
    running.kill();
    for (number, list) in lists.iter().enumerate() {
        let to = site.aside().join(format!("restored-{number}"));
        let mut restore = jitsuin();
        restore.args(["restore", "--json", "--from"]).arg(&file).arg("--to").arg(&to).arg("--crl").arg(list);
        let restored = restore.arg("--passphrase-file").arg(&secret).output().expect("it runs");
        assert!(restored.status.success(), "{}", said(&restored));
        let report: Value = serde_json::from_slice(&restored.stdout).expect("JSON");
        let found = &report["compromised"];
        assert_eq!(found.as_array().map(Vec::len), Some(1), "{report}");
        assert_eq!((&found[0]["generation"], &found[0]["certificate_sha256"]), (&1.into(), &confirm.clone().into()));
        assert_eq!(report["lost"], serde_json::json!([]), "a CA's certificate is no lost holder's");
        let next = report["next"].to_string();
        assert!(next.contains("jitsuin generation compromised --dir /") && next.contains(&confirm), "{next}");
        assert!(next.contains(&format!("jitsuin serve --dir {}", to.display())), "{next}");
    }
}

#[test]
fn a_key_that_is_lost_is_declared_so_only_where_it_is_gone_and_the_service_goes_on_without_it() {
    let site = Site::of_one();
    site.configure("enabled = true", "enabled = false");
    let (running, addresses) = serve(&site.path());
    let client = client_of(&site);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let issue = |addresses: &Value, holder: &str| {
        let url = format!("https://{}/v1/certificates", addresses["registration"].as_str().expect("an address"));
        let answer = runtime.block_on(client.post_json(&url, &format!("key-{holder}"), &application(holder)));
        answer.expect("an answer").status.as_u16()
    };
    assert_eq!(issue(&addresses, "TEST-1"), 201);
    running.kill();
    let confirm = fingerprint(&site, 0);
    let lost = |generation: &'static str, confirm: &str| {
        let words = ["compromised", "--kind", "sign", "--generation", generation, "--key-lost", "--confirm"];
        words.map(str::to_owned).into_iter().chain([confirm.to_owned()]).collect::<Vec<_>>()
    };
    let refused = |generation, confirm: &str, word| {
        let words = lost(generation, confirm);
        refuses(&site, &words.iter().map(String::as_str).collect::<Vec<_>>(), word);
    };
    refused("1", &confirm, "sign-1 is there");
    let key = site.path().join("keys/sign-1.pem");
    fs::rename(&key, site.aside().join("safe.pem")).expect("moved");
    let start = jitsuin().args(["check", "--dir"]).arg(site.path()).output().expect("it runs");
    assert!(start.status.code() == Some(3) && said(&start).contains("sign-1.pem"), "{}", said(&start));
    refused("2", &confirm, "T-09");
    refused("1", &fingerprint(&site, 1), "T-01");
    // Something else is wrong too: nothing is changed.
    let other = site.path().join("keys/responder-auth-1.pem");
    fs::rename(&other, site.aside().join("other.pem")).expect("moved");
    refused("1", &confirm, "responder-auth-1.pem");
    assert_eq!(json(&site, &["list"])[0]["state"], "issuing");
    fs::rename(site.aside().join("other.pem"), &other).expect("back");

    let words = lost("1", &confirm);
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    assert_eq!(json(&site, &words)["revoked"], 1);
    assert_eq!(json(&site, &words)["revoked"], 0, "once");
    assert_eq!(json(&site, &["add", "--kind", "sign"])["links"].as_array().map(Vec::len), Some(0));
    let (running, addresses) = serve(&site.path());
    assert_eq!(issue(&addresses, "TEST-2"), 201);
    let fetch = |listener: &str, path: &str| {
        let url = format!("http://{}{path}", addresses[listener].as_str().expect("an address"));
        let told = std::process::Command::new("curl").args(["--silent", "--fail", &url]).output();
        told.expect("curl is there")
    };
    assert!(!fetch("status", "/crl/sign/full.crl").status.success(), "its last list tells of nothing");
    assert!(fetch("status", "/crl/sign/2/full.crl").status.success());
    let ready = fetch("operator", "/readyz");
    assert!(ready.status.success(), "{}", said(&ready));
    drop(running);
    let verified = jitsuin().args(["audit", "verify", "--dir"]).arg(site.path()).output().expect("it runs");
    assert!(verified.status.success(), "{}", said(&verified));
}

#[test]
fn a_ca_is_rolled_over_and_the_key_of_either_generation_may_be_declared_compromised() {
    let site = Site::new();
    site.configure("enabled = true", "enabled = false");
    let (running, addresses) = serve(&site.path());
    let client = client_of(&site);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let issue = |addresses: &Value, holder: &str| {
        let url = format!("https://{}/v1/certificates", addresses["registration"].as_str().expect("an address"));
        let answer = runtime.block_on(client.post_json(&url, &format!("key-{holder}"), &application(holder)));
        answer.expect("an answer").status.as_u16()
    };
    assert_eq!(issue(&addresses, "TEST-1"), 201);
    refuses(&site, &["add", "--kind", "sign"], "stop the service");
    running.kill();

    // The key of a generation before is none for the next.
    let keys = site.path().join("keys");
    fs::copy(keys.join("sign-1.pem"), keys.join("sign-2.pem")).expect("copied");
    refuses(&site, &["add", "--kind", "sign"], "this is the key of the sign CA, generation 1");
    fs::remove_file(keys.join("sign-2.pem")).expect("removed");

    let added = json(&site, &["add", "--kind", "sign"]);
    assert_eq!((added["generation"].as_u64(), added["links"].as_array().map(Vec::len)), (Some(2), Some(2)));
    let states = |site: &Site| {
        let lines = json(site, &["list"]);
        let word = |line: &Value| line["state"].as_str().expect("a state").to_owned();
        lines.as_array().expect("lines").iter().map(word).collect::<Vec<_>>()
    };
    assert_eq!(states(&site), ["answering", "issuing", "issuing"]);

    let (running, addresses) = serve(&site.path());
    assert_eq!(issue(&addresses, "TEST-2"), 201);
    let fetch = |path: &str| {
        let url = format!("http://{}{path}", addresses["status"].as_str().expect("an address"));
        let told =
            std::process::Command::new("curl").args(["--silent", "--fail", &url]).output().expect("curl is there");
        (told.status.success(), told.stdout)
    };
    for path in [
        "/ca/sign.cer",
        "/ca/sign/2.cer",
        "/ca/sign/2-old-with-new.cer",
        "/ca/sign/2-new-with-old.cer",
        "/crl/sign/2/full.crl",
    ] {
        assert!(fetch(path).0, "{path}");
    }
    assert!(!fetch("/ca/sign/1-old-with-new.cer").0);
    drop(running);

    let confirm = fingerprint(&site, 0);
    refuses(&site, &["compromised", "--kind", "sign", "--generation", "3", "--confirm", &confirm], "T-09");
    refuses(&site, &["compromised", "--kind", "sign", "--generation", "2", "--confirm", &confirm], "T-01");
    let compromised = ["compromised", "--kind", "sign", "--generation", "1", "--confirm", &confirm];
    refuses(&site, &compromised, "T-16");
    let what = ["compromise", "--kind", "sign", "--generation", "1"];
    let [one, two] = ["operator-1", "operator-2"].map(|name| approve(&site, &what, name));
    let told = json(&site, &[&compromised[..], &["--approval", &one, "--approval", &two]].concat());
    assert_eq!(told["revoked"], 1, "{told}");
    refuses(&site, &["compromised", "--kind", "sign", "--generation", "1", "--confirm", &confirm], "R-01");
    assert_eq!(states(&site), ["compromised", "issuing", "issuing"]);
}
