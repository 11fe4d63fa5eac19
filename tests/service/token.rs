//! A service whose CAs and responders have their keys in a token: made, checked, started, and read by OpenSSL.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use jitsuin::signer::{KeyKind, PrivateKey, keyfile::write_unencrypted_throw_away};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    kill::{application, client_of},
    process::{jitsuin, serve_by},
    site::Site,
};

pub(super) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "73517351";
pub(super) const KEYS: [(&str, KeyKind); 4] = [
    ("sign-1", KeyKind::Rsa2048),
    ("auth-1", KeyKind::P256),
    ("responder-sign-1", KeyKind::P256),
    ("responder-auth-1", KeyKind::Rsa2048),
];

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A command for which SoftHSM has its tokens in this directory.
pub(super) fn with_token(mut command: Command, directory: &Path) -> Command {
    command.env("SOFTHSM2_CONF", directory.join("softhsm2.conf"));
    command
}

/// A token with the four keys, under a PIN that is in a file.
pub(super) fn make_token(directory: &Path) {
    let tokens = directory.join("tokens");
    fs::create_dir(&tokens).expect("a directory");
    fs::write(directory.join("softhsm2.conf"), format!("directories.tokendir = {}\n", tokens.display()))
        .expect("written");
    let pin = directory.join("pin");
    fs::write(&pin, PIN).expect("written");
    fs::set_permissions(&pin, fs::Permissions::from_mode(0o600)).expect("its mode");
    let tool = |arguments: &[&str]| {
        let mut tool = with_token(Command::new("softhsm2-util"), directory);
        let output = tool.args(arguments).args(["--pin", PIN]).output();
        let output = output.expect("softhsm2-util is there (Debian package softhsm2; scripts/test installs it)");
        assert!(output.status.success(), "{}", said(&output));
    };
    tool(&["--init-token", "--free", "--label", "jitsuin", "--so-pin", "15371537"]);
    for (id, (label, kind)) in ["01", "02", "03", "04"].into_iter().zip(KEYS) {
        let file = directory.join(label);
        write_unencrypted_throw_away(&file, &PrivateKey::generate(kind).expect("a key")).expect("written");
        tool(&["--import", file.to_str().expect("a path"), "--token", "jitsuin", "--label", label, "--id", id]);
        fs::remove_file(file).expect("removed");
    }
}

fn uri(directory: &Path, label: &str) -> String {
    uri_by(Path::new(MODULE), directory, label)
}

fn uri_by(module: &Path, directory: &Path, label: &str) -> String {
    let (module, pin) = (module.display(), directory.join("pin"));
    format!("pkcs11:token=jitsuin;object={label}?module-path={module}&pin-source=file:{}", pin.display())
}

/// A service with these keys in the token.
fn site_on(directory: TempDir, labels: &[&str]) -> Site {
    let init = with_token(jitsuin(), directory.path());
    site_by(directory, labels, Path::new(MODULE), init)
}

/// The same by another module, and a command that finds it.
pub(super) fn site_by(directory: TempDir, labels: &[&str], module: &Path, mut init: Command) -> Site {
    let named = |label: &str| format!("{label}={}", uri_by(module, directory.path(), label));
    let options: Vec<_> = labels.iter().flat_map(|label| ["--token-key".to_owned(), named(label)]).collect();
    Site::made(directory, (&mut init, &options))
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"))
}

#[test]
fn certificates_answers_and_lists_by_keys_in_a_token_verify() {
    let directory = tempfile::tempdir().expect("a directory");
    make_token(directory.path());
    let site = site_on(directory, &KEYS.map(|(label, _)| label));
    for (label, _) in KEYS {
        assert!(!site.path().join("keys").join(format!("{label}.pem")).exists(), "{label} is in the token alone");
    }
    site.configure("enabled = true", "enabled = false");
    let checked = with_token(jitsuin(), &site.aside()).args(["check", "--json", "--dir"]).arg(site.path()).output();
    let checked = checked.expect("check runs");
    assert!(checked.status.success(), "{}", said(&checked));
    let found: Value = serde_json::from_slice(&checked.stdout).expect("JSON");
    for one in found["authorities"].as_array().expect("authorities") {
        assert_eq!((&one["key_in_token"], &one["responder_key_in_token"]), (&true.into(), &true.into()), "{one}");
    }

    let (_running, addresses) = serve_by(&mut with_token(jitsuin(), &site.aside()), &site.path());
    let url = format!("https://{}/v1/certificates", addresses["registration"].as_str().expect("an address"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let issued = runtime.block_on(client_of(&site).post_json(&url, "key-1", &application("TEST-1")));
    let issued: Value = issued.expect("an answer").body;
    let certificates = issued["certificates"].as_array().unwrap_or_else(|| panic!("{issued}"));
    for kind in ["sign", "auth"] {
        let one = certificates.iter().find(|one| one["kind"] == kind).unwrap_or_else(|| panic!("{issued}"));
        let pem = one["pem"].as_str().unwrap_or_else(|| panic!("{one}"));
        others_agree(&site, kind, pem, addresses["status"].as_str().expect("an address"));
    }
}

/// OpenSSL verifies the certificate with the list of its CA, and the answer about it.
fn others_agree(site: &Site, kind: &str, certificate: &str, status: &str) {
    let path = |name: String| site.aside().join(name).to_str().expect("a path").to_owned();
    let [pem, list] = [path(format!("{kind}.pem")), path(format!("{kind}.crl"))];
    fs::write(&pem, certificate).expect("written");
    let issuer = site.path().join(format!("certificates/{kind}-1.pem"));
    let issuer = issuer.to_str().expect("a path");
    let verified = run("openssl", &["verify", "-CAfile", issuer, &pem]);
    assert!(verified.status.success(), "{kind}: {}", said(&verified));

    let fetched = run("curl", &["-sSf", "-o", &list, &format!("http://{status}/crl/{kind}/full.crl")]);
    assert!(fetched.status.success(), "{kind}: {}", said(&fetched));
    let verified = run("openssl", &["crl", "-inform", "DER", "-in", &list, "-CAfile", issuer, "-noout"]);
    assert!(said(&verified).contains("verify OK"), "{kind}: {}", said(&verified));

    let answered = format!("http://{status}/ocsp");
    let answered = run("openssl", &["ocsp", "-issuer", issuer, "-cert", &pem, "-url", &answered, "-CAfile", issuer]);
    let told = said(&answered);
    assert!(told.contains("Response verify OK") && told.contains(": good"), "{kind}: {told}");
}

#[test]
fn a_service_whose_token_is_gone_says_so_of_every_key_and_changes_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    make_token(directory.path());
    let site = site_on(directory, &["sign-1", "responder-auth-1"]);
    fs::rename(site.aside().join("tokens"), site.aside().join("away")).expect("moved");
    fs::create_dir(site.aside().join("tokens")).expect("an empty place");
    for command in ["check", "serve"] {
        let output = with_token(jitsuin(), &site.aside()).args([command, "--dir"]).arg(site.path()).output();
        let output = output.expect("it runs");
        assert_eq!(output.status.code(), Some(3), "{command}: {}", said(&output));
        for label in ["sign-1", "responder-auth-1"] {
            let told = said(&output);
            assert!(told.contains(&format!("{label} (pkcs11:token=jitsuin;object={label}")), "{command}: {told}");
            assert!(told.contains("there is no token `jitsuin`"), "{command}: {told}");
        }
    }
}

#[test]
fn init_with_a_key_that_is_not_in_the_token_makes_nothing() {
    let directory: TempDir = tempfile::tempdir().expect("a directory");
    make_token(directory.path());
    let service = directory.path().join("service");
    for (option, code, words) in [
        (format!("auth-1={}", uri(directory.path(), "auth-9")), 3, "the token has no private key `auth-9`"),
        (format!("auth-2={}", uri(directory.path(), "auth-1")), 2, "first generation"),
        (format!("access={}", uri(directory.path(), "auth-1")), 2, "a key in a token is that of a CA"),
        (format!("auth-1={}&pin-value={PIN}", uri(directory.path(), "auth-1")), 2, "pin-value would put the PIN"),
    ] {
        let mut init = with_token(jitsuin(), directory.path());
        let output = init.args(["init", "--token-key", &option, "--dir"]).arg(&service).output().expect("init runs");
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        assert!(said(&output).contains(words), "{}", said(&output));
        assert!(!said(&output).contains(PIN), "a PIN that was typed where none belongs is not repeated");
        assert!(!service.exists());
    }
}

#[test]
fn the_configuration_says_what_the_keys_in_the_token_are_and_one_that_says_otherwise_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    make_token(directory.path());
    // By default `--ca-key p-256`, and sign-1 in the token is RSA.
    let site = site_on(directory, &["sign-1"]);
    let check =
        || with_token(jitsuin(), &site.aside()).args(["check", "--dir"]).arg(site.path()).output().expect("it runs");
    let written = fs::read_to_string(site.path().join("jitsuin.toml")).expect("the configuration");
    assert!(written.contains("sign_ca = \"rsa-2048\"\n") && written.contains("auth_ca = \"p-256\"\n"), "{written}");
    let checked = check();
    assert!(checked.status.success(), "{}", said(&checked));

    site.configure("sign_ca = \"rsa-2048\"", "sign_ca = \"p-256\"");
    let checked = check();
    assert_eq!(checked.status.code(), Some(3), "{}", said(&checked));
    assert!(
        said(&checked).contains("keys.sign_ca says p-256, and sign-1, which is in a token, is rsa-2048"),
        "{}",
        said(&checked)
    );
}

#[test]
fn one_key_in_two_roles_is_refused_and_both_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    make_token(directory.path());
    let service = directory.path().join("service");
    // The same object by its label, and by its identifier.
    let by_id = uri(directory.path(), "auth-1").replace("object=auth-1", "id=%02");
    for (options, code, words) in [
        (
            [("sign-1", uri(directory.path(), "auth-1")), ("auth-1", by_id.clone())],
            3,
            "sign-1 and auth-1 are the same key",
        ),
        (
            [("auth-1", uri(directory.path(), "auth-1")), ("responder-auth-1", by_id)],
            3,
            "auth-1 and responder-auth-1 are the same key",
        ),
        (
            [("sign-1", uri(directory.path(), "auth-1")), ("auth-1", uri(directory.path(), "auth-1"))],
            2,
            "sign-1 and auth-1 are the same key",
        ),
    ] {
        let mut init = with_token(jitsuin(), directory.path());
        let options = options.iter().flat_map(|(name, uri)| ["--token-key".to_owned(), format!("{name}={uri}")]);
        let output = init.arg("init").args(options).arg("--dir").arg(&service).output().expect("init runs");
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        assert!(said(&output).contains(words), "{words}: {}", said(&output));
        assert!(!service.exists());
    }
}

#[test]
fn one_key_in_two_files_is_refused_by_every_command_that_opens_them() {
    let site = Site::new();
    let keys = site.path().join("keys");
    fs::copy(keys.join("sign-1.pem"), keys.join("responder-sign-1.pem")).expect("copied");
    for command in [&["check"][..], &["serve"], &["keys", "check"]] {
        let output = jitsuin().args(command).arg("--dir").arg(site.path()).output().expect("it runs");
        assert_eq!(output.status.code(), Some(3), "{command:?}: {}", said(&output));
        assert!(
            said(&output).contains("sign-1 and responder-sign-1 are the same key"),
            "{command:?}: {}",
            said(&output)
        );
    }
}
