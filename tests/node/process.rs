//! The node as an operator starts it.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::{weak_keys::weaken, world::PASSPHRASE};

fn jitsuin() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jitsuin"));
    command.env("JITSUIN_PASSPHRASE", PASSPHRASE).env_remove("RUST_LOG");
    command
}

/// A child that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(directory: &Path, roles: &str) -> (Running, Value) {
    let mut command = jitsuin();
    command.args(["serve", "--roles", roles, "--dir"]).arg(directory).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let (running, mut told) = (Running(child), String::new());
    loop {
        let mut line = String::new();
        assert!(log.read_line(&mut line).unwrap() > 0, "serve ended: {told}");
        let fields = serde_json::from_str::<Value>(&line).ok().map(|line| line["fields"].clone());
        if let Some(fields) = fields.filter(|fields| fields["message"] == "serving") {
            std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
            return (running, fields);
        }
        told += &line;
    }
}

fn refused(words: &[&str], directory: &Path) -> (Option<i32>, String) {
    let output = jitsuin().args(words).arg("--dir").arg(directory).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The HTTP status and the body.
fn get(address: &Value, path: &str) -> (String, String) {
    let url = format!("http://{}{path}", address.as_str().unwrap());
    let told = Command::new("curl").args(["--silent", "--write-out", "\n%{http_code}", &url]).output().unwrap();
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

/// A service on free ports.
fn service(directory: &Path) {
    let made = jitsuin().args(["init", "--ca-key", "p-256", "--single-operator", "--dir"]).arg(directory).output();
    assert!(made.unwrap().status.success());
    weaken(&directory.join("keys"), PASSPHRASE);
    let path = directory.join("jitsuin.toml");
    let mut text = fs::read_to_string(&path).unwrap().replace("format = \"text\"", "format = \"json\"");
    for port in ["8080", "8443", "9090"] {
        text = text.replacen(&format!("\"127.0.0.1:{port}\""), "\"127.0.0.1:0\"", 1);
    }
    fs::write(path, text.replace("enabled = true", "enabled = false")).unwrap();
}

#[test]
fn a_status_node_starts_with_nothing_but_the_keys_that_answer() {
    let place = tempfile::tempdir().unwrap();
    let (service_dir, node) = (place.path().join("service"), place.path().join("node"));
    service(&service_dir);
    let export = ["node", "export", "--to", node.to_str().unwrap()];
    let (code, told) = refused(&export, &service_dir);
    assert_eq!(code, Some(0), "{told}");
    let mut keys: Vec<_> = fs::read_dir(node.join("keys"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    keys.sort();
    assert_eq!(keys, ["responder-auth-1.pem", "responder-sign-1.pem", "serial-1.pem"]);
    for absent in ["jitsuin.sqlite", "credentials", "checkpoints", "ceremony", "keys/sign-1.pem", "keys/audit-1.pem"] {
        assert!(!node.join(absent).exists(), "{absent}");
    }
    let (code, told) = refused(&export, &service_dir);
    assert!(code == Some(3) && told.contains("exists already"), "{told}");

    // With the store away it serves, and says that it knows nothing.
    let (running, addresses) = serve(&node, "status");
    assert!(addresses["registration"].is_null() && addresses["roles"] == "status", "{addresses}");
    let (status, ready) = get(&addresses["operator"], "/readyz");
    assert!(status == "503" && ready.contains("away since") && ready.contains("OCSP is tryLater"), "{ready}");
    drop(running);

    // With the store it is ready, beside the process that writes.
    let path = node.join("jitsuin.toml");
    let text = fs::read_to_string(&path).unwrap();
    let store = format!("\"{}\"", service_dir.join("jitsuin.sqlite").display());
    fs::write(&path, text.replace("\"jitsuin.sqlite\"", &store)).unwrap();
    let (_writing, of_writer) = serve(&service_dir, "registration,publisher");
    assert!(of_writer["status"].is_null() && of_writer["registration"].is_string(), "{of_writer}");
    let (_running, addresses) = serve(&node, "status");
    let (status, ready) = get(&addresses["operator"], "/readyz");
    assert_eq!(status, "200", "{ready}");
    assert_eq!(get(&addresses["status"], "/crl/sign/full.crl").0, "200");
    assert_eq!(get(&addresses["status"], "/ca/sign.cer").0, "200");
    for absent in ["/v1/certificates", "/openapi.json", "/console/"] {
        assert_eq!(get(&addresses["status"], absent).0, "404", "{absent}");
    }
    let (_, metrics) = get(&addresses["operator"], "/metrics");
    for name in ["jitsuin_status_lag_events 0", "jitsuin_status_store_away 0", "jitsuin_status_heard_seconds "] {
        assert!(metrics.lines().any(|line| line.starts_with(name)), "{name} in\n{metrics}");
    }
}

#[test]
fn roles_that_are_none_and_a_node_without_the_keys_of_its_roles_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let (service_dir, node) = (place.path().join("service"), place.path().join("node"));
    service(&service_dir);
    for roles in ["stauts", "", "status,status", "all"] {
        let (code, told) = refused(&["serve", "--roles", roles], &service_dir);
        assert!(code == Some(2) && told.contains("--roles"), "{roles}: {told}");
    }
    assert_eq!(refused(&["node", "export", "--to", node.to_str().unwrap()], &service_dir).0, Some(0));
    let (code, told) = refused(&["serve", "--roles", "status,registration"], &node);
    assert!(code == Some(3) && told.contains("keys/access.pem"), "{told}");
    // A service's own directory is no node's: whoever starts it as one learns how to make one.
    let (code, told) = refused(&["serve", "--roles", "status"], &service_dir);
    assert!(code == Some(3) && told.contains("jitsuin node export"), "{told}");
    for (file, cause) in
        [("keys/responder-auth-1.pem", "responder-auth-1"), ("certificates/responder-sign-1.pem", "responder-sign-1")]
    {
        let (from, to) = (node.join(file), node.join("aside"));
        fs::rename(&from, &to).unwrap();
        let (code, told) = refused(&["serve", "--roles", "status"], &node);
        assert!(code == Some(3) && told.contains(cause), "{file}: {told}");
        fs::rename(&to, &from).unwrap();
    }
}
