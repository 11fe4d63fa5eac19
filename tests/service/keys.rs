//! `jitsuin keys` and what a start says of keys that do not fit.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use jitsuin::signer::{KeyKind, PrivateKey, keyfile::write_encrypted};
use serde_json::Value;

use super::{
    process::{PASSPHRASE, jitsuin, serve},
    site::Site,
    weak_keys::weaken,
};

const NEW: &str = "JITSUIN-TEST the next passphrase";

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Runs a command on the service in `directory`.
pub(crate) fn on(directory: &Path, arguments: &[&str]) -> Output {
    jitsuin().args(arguments).arg("--dir").arg(directory).output().expect("it runs")
}

/// The JSON that a command prints, however it ends.
fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

/// A private file with a line.
pub(crate) fn private(directory: &Path, name: &str, line: &str) -> String {
    let path = directory.join(name);
    fs::write(&path, format!("{line}\n")).expect("written");
    set_mode(&path, 0o600);
    path.to_str().expect("a path").to_owned()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode");
}

#[track_caller]
pub(crate) fn refused(output: &Output, words: &[&str]) {
    assert_eq!(output.status.code(), Some(3), "{}", said(output));
    let told = String::from_utf8_lossy(&output.stderr);
    for words in words {
        assert!(told.contains(words), "`{words}` is missing in: {told}");
    }
}

#[track_caller]
pub(crate) fn done(output: &Output) {
    assert!(output.status.success(), "{}", said(output));
}

/// Every file under a directory with its octets, but not what a reader of SQLite leaves: shared memory, and a journal with
/// nothing in it.
fn everything(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(everything(&path));
        } else {
            let octets = fs::read(&path).expect("a file");
            let name = path.to_str().expect("a path");
            if !(name.ends_with("-shm") || name.ends_with("-wal") && octets.is_empty()) {
                files.insert(path, octets);
            }
        }
    }
    files
}

/// Whether OpenSSL opens the key with the passphrase.
fn openssl_opens(key: &Path, passphrase: &str) -> bool {
    let mut openssl = Command::new("openssl");
    openssl.args(["pkey", "-noout", "-passin", &format!("pass:{passphrase}"), "-in"]).arg(key);
    openssl.output().expect("openssl runs").status.success()
}

#[test]
fn keys_are_listed_without_the_passphrase_and_compared_with_it() {
    let site = Site::new();
    let mut command = jitsuin();
    let listed = command.env_remove("JITSUIN_PASSPHRASE").args(["keys", "list", "--json", "--dir"]).arg(site.path());
    let listed = listed.output().expect("it runs");
    done(&listed);
    let closed = json(&listed);
    let names: Vec<_> =
        closed.as_array().expect("a list").iter().map(|one| one["name"].as_str().expect("a name")).collect();
    let wanted = ["sign-1", "auth-1", "responder-sign-1", "responder-auth-1", "serial-1", "access", "registration"];
    assert!(wanted.iter().all(|name| names.contains(name)), "{names:?}");
    for one in closed.as_array().expect("a list") {
        assert_eq!((&one["opened"], &one["matches"]), (&false.into(), &Value::Null), "{one}");
        assert_eq!(one["problems"], serde_json::json!([]), "{one}");
    }
    let script =
        "openssl x509 -in certificates/sign-1.pem -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum";
    let openssl = Command::new("sh").args(["-c", script]).current_dir(site.path()).output().expect("openssl runs");
    let digest = closed[0]["public_key_sha256"].as_str().expect("a digest");
    assert!(said(&openssl).starts_with(digest), "{digest}: {}", said(&openssl));

    let file = private(&site.aside(), "passphrase", PASSPHRASE);
    let listed = on(&site.path(), &["keys", "list", "--json", "--passphrase-file", &file]);
    done(&listed);
    for one in json(&listed)
        .as_array()
        .expect("a list")
        .iter()
        .filter(|one| wanted.contains(&one["name"].as_str().unwrap_or("")))
    {
        assert_eq!((&one["opened"], &one["matches"]), (&true.into(), &true.into()), "{one}");
    }
    done(&on(&site.path(), &["keys", "check"]));
}

#[test]
fn a_service_with_four_things_wrong_is_told_all_of_them_and_left_as_it_is() {
    let site = Site::new();
    let keys = site.path().join("keys");
    set_mode(&keys.join("sign-1.pem"), 0o644);
    let replace = |name: &str, passphrase: &str| {
        fs::remove_file(keys.join(name)).expect("removed");
        let key = PrivateKey::generate(KeyKind::P256).expect("a key");
        write_encrypted(&keys.join(name), &key, passphrase).expect("written");
    };
    replace("responder-auth-1.pem", PASSPHRASE);
    replace("access.pem", NEW);
    let tokens = site.aside().join("tokens");
    fs::create_dir(&tokens).expect("a directory");
    let conf = site.aside().join("softhsm2.conf");
    fs::write(&conf, format!("directories.tokendir = {}\n", tokens.display())).expect("written");
    let configuration = site.path().join("jitsuin.toml");
    let text = fs::read_to_string(&configuration).expect("the configuration");
    let module = "/usr/lib/softhsm/libsofthsm2.so";
    let token = format!("\n[keys.tokens]\nauth-1 = \"pkcs11:token=gone;object=auth-1?module-path={module}\"\n");
    fs::write(&configuration, text + &token).expect("written");

    let before = everything(&site.path());
    for command in [&["check"][..], &["serve"], &["keys", "check"]] {
        let output = jitsuin()
            .env("SOFTHSM2_CONF", &conf)
            .env("JITSUIN_PIN", "73517351")
            .args(command)
            .arg("--dir")
            .arg(site.path())
            .output()
            .expect("it runs");
        refused(&output, &["4 things do not fit; nothing was changed"]);
        refused(&output, &["sign-1.pem is open to others (mode 0644); run: chmod 600", "there is no token `gone`"]);
        refused(&output, &["the passphrase does not open", "access.pem"]);
        let told = said(&output);
        assert!(
            told.contains("responder-auth-1: ") && told.contains("match") || told.contains("another key"),
            "{told}"
        );
        assert!(everything(&site.path()) == before, "{command:?} changed something");
    }
}

#[test]
fn a_wrong_passphrase_is_one_cause_and_not_seven() {
    let site = Site::new();
    for command in [&["check"][..], &["serve"], &["keys", "check"]] {
        let output = jitsuin().env("JITSUIN_PASSPHRASE", NEW).args(command).arg("--dir").arg(site.path()).output();
        let output = output.expect("it runs");
        refused(&output, &["the passphrase opens none of the "]);
        assert_eq!(
            String::from_utf8_lossy(&output.stderr).lines().filter(|line| line.contains("passphrase")).count(),
            1
        );
    }
}

#[test]
fn a_database_that_is_none_is_told_together_with_the_keys() {
    let site = Site::new();
    fs::write(site.path().join("jitsuin.sqlite"), "no database").expect("written");
    set_mode(&site.path().join("keys/auth-1.pem"), 0o640);
    for command in ["check", "serve"] {
        refused(&on(&site.path(), &[command]), &["2 things", "jitsuin.sqlite: ", "auth-1.pem is open to others"]);
    }
    fs::remove_file(site.path().join("jitsuin.sqlite")).expect("removed");
    refused(&on(&site.path(), &["serve"]), &["2 things", "jitsuin.sqlite: "]);
    assert!(!site.path().join("jitsuin.sqlite").exists(), "a start makes no empty database");
}

#[test]
fn a_new_passphrase_opens_every_key_for_openssl_and_the_service_and_the_old_one_none() {
    let site = Site::new();
    let new = private(&site.aside(), "new", NEW);
    let rotated = on(&site.path(), &["keys", "rotate-passphrase", "--json", "--new-passphrase-file", &new]);
    done(&rotated);
    assert_eq!(json(&rotated)["left"], Value::Null);
    for name in ["sign-1.pem", "responder-sign-1.pem", "access.pem"] {
        let key = site.path().join("keys").join(name);
        assert!(openssl_opens(&key, NEW) && !openssl_opens(&key, PASSPHRASE), "{name}");
    }
    assert!(!site.path().join("keys.rotating").exists());
    refused(&on(&site.path(), &["check"]), &["the passphrase opens none of the"]);
    weaken(&site.path().join("keys"), NEW);
    done(&on(&site.path(), &["check", "--passphrase-file", &new]));
    done(&on(&site.path(), &["audit", "verify"]));
}

#[test]
fn a_rotation_that_may_not_be_is_refused_and_the_old_passphrase_stays() {
    let site = Site::new();
    let rotate = |old: &str, new: &str| {
        on(&site.path(), &["keys", "rotate-passphrase", "--passphrase-file", old, "--new-passphrase-file", new])
    };
    let [old, new, short, wrong] =
        [("old", PASSPHRASE), ("new", NEW), ("short", "short"), ("wrong", "not the passphrase")]
            .map(|(name, line)| private(&site.aside(), name, line));
    let before = everything(&site.path());
    refused(&rotate(&old, &old), &["the new passphrase is the old one"]);
    refused(&rotate(&old, &short), &["--new-passphrase-file: ", "shorter than 15 characters"]);
    refused(&rotate(&wrong, &new), &["the passphrase opens none of the"]);
    set_mode(Path::new(&new), 0o644);
    refused(&rotate(&old, &new), &["open to others"]);
    set_mode(Path::new(&new), 0o600);
    refused(&on(&site.path(), &["keys", "rotate-passphrase"]), &["--new-passphrase-file", "no terminal"]);
    assert!(everything(&site.path()) == before, "a refusal changes nothing");

    let (running, _) = serve(&site.path());
    refused(&rotate(&old, &new), &["stop the service first"]);
    drop(running);
    assert!(!site.path().join("keys.rotating").exists());
    done(&on(&site.path(), &["check"]));
}

#[test]
fn a_key_for_the_next_generation_is_made_while_the_service_runs_and_no_other() {
    let site = Site::new();
    let (running, _) = serve(&site.path());
    let made = on(&site.path(), &["keys", "generate", "--json", "sign-2"]);
    done(&made);
    drop(running);
    let made = json(&made);
    assert_eq!((&made["name"], &made["kind"]), (&"sign-2".into(), &"p-256".into()));
    let request = site.aside().join("request.pem");
    fs::write(&request, made["certification_request"].as_str().expect("a request")).expect("written");
    let mut openssl = Command::new("openssl");
    let verified =
        openssl.args(["req", "-verify", "-noout", "-subject", "-in"]).arg(&request).output().expect("openssl runs");
    assert!(verified.status.success() && said(&verified).contains("JITSUIN-TEST"), "{}", said(&verified));
    assert!(openssl_opens(&site.path().join("keys/sign-2.pem"), PASSPHRASE));

    for (name, words) in [
        ("sign-2", "exists already"),
        ("sign-1", "in use already"),
        ("responder-auth-1", "in use already"),
        ("auth-3", "the next generation of the auth CA is 2"),
    ] {
        refused(&on(&site.path(), &["keys", "generate", name]), &[words]);
    }
    assert_eq!(on(&site.path(), &["keys", "generate", "../sign-2"]).status.code(), Some(2));
    let mut other = jitsuin();
    other.env("JITSUIN_PASSPHRASE", NEW).args(["keys", "generate", "auth-2", "--dir"]).arg(site.path());
    refused(&other.output().expect("it runs"), &["the passphrase does not open", "serial-1.pem"]);
    assert!(!site.path().join("keys/auth-2.pem").exists());

    let listed = json(&on(&site.path(), &["keys", "list", "--json"]));
    let next =
        listed.as_array().expect("a list").iter().find(|one| one["name"] == "sign-2").expect("the new key").clone();
    assert_eq!((&next["purpose"], &next["not_after"]), (&"not-in-use".into(), &Value::Null));
    done(&on(&site.path(), &["check"]));
    done(&on(&site.path(), &["keys", "check"]));
}

/// SHA-256 of the public key in a certificate, by OpenSSL.
fn key_of(certificate: &Path) -> String {
    let words = "openssl x509 -in \"$0\" -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r";
    let digest = Command::new("sh").args(["-c", words]).arg(certificate).output().expect("openssl is there");
    String::from_utf8(digest.stdout).expect("digits")[..64].to_owned()
}

#[test]
fn another_key_of_a_responder_is_certified_by_the_next_start_and_openssl_takes_its_answers() {
    let site = Site::new();
    let replace = |name: &str| on(&site.path(), &["--json", "keys", "replace", name]);
    let (running, _) = serve(&site.path());
    refused(&replace("responder-sign-1"), &["another jitsuin holds this database"]);
    drop(running);
    let before = everything(&site.path());
    refused(&replace("sign-1"), &["is the key of a CA: it is not replaced", "generation compromised"]);
    refused(&replace("responder-sign-2"), &["there is no generation 2"]);
    let other = private(&site.aside(), "wrong", "not the passphrase");
    refused(
        &on(&site.path(), &["keys", "replace", "responder-sign-1", "--passphrase-file", &other]),
        &["the passphrase does not open"],
    );
    assert!(everything(&site.path()) == before, "a refusal changes nothing");

    let certificate = site.path().join("certificates/responder-sign-1.pem");
    let old = key_of(&certificate);
    let replaced = replace("responder-sign-1");
    done(&replaced);
    let told = json(&replaced);
    assert!(told["old_not_after"].is_string() && !certificate.exists(), "{told}");
    let (_running, addresses) = serve(&site.path());
    assert_eq!(told["public_key_sha256"], key_of(&certificate).as_str());
    assert_ne!(key_of(&certificate), old);
    let issuer = site.path().join("certificates/sign-1.pem");
    let url = format!("{}/ocsp", addresses["status"].as_str().expect("an address"));
    let mut openssl = Command::new("openssl");
    // OpenSSL wants the issuer before the serial.
    openssl.args(["ocsp", "-issuer"]).arg(&issuer).args(["-serial", "0x0102", "-url", &url, "-CAfile"]).arg(&issuer);
    let answered = openssl.output().expect("openssl is there");
    assert!(said(&answered).contains("Response verify OK"), "{}", said(&answered));
    let shown = said(&on(&site.path(), &["audit", "show", "--subject", "key/"]));
    assert!(shown.contains("key.replacing") && shown.contains("key.replaced"), "{shown}");
    done(&on(&site.path(), &["audit", "verify"]));
}
