//! The doctor beside a running service, while holds, releases and revocations stream in.

use std::{process::Command, time::Duration};

use jitsuin::cli::doctor::Channel;
use serde_json::Value;

use crate::town::Town;

const RESIDENTS: u64 = 1000;

fn doctor(town: &Town, arguments: &[&str]) -> (Option<i32>, Value, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jitsuin"));
    command.env_remove("JITSUIN_PASSPHRASE").args(["doctor", "status", "--json", "--dir"]).arg(&town.directory);
    let output = command.args(arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default(), said)
}

#[test]
fn two_thousand_certificates_under_a_stream_of_revocations_contradict_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut town = Town::found(&directory.path().join("town"));
    town.settle(RESIDENTS, 8, |_| {});
    let passphrase = town.directory.join("passphrase");
    let once = || doctor(&town, &["--passphrase-file", passphrase.to_str().unwrap()]);
    // A walk over so few takes a fraction of a second, in which a busy machine may let nothing happen; none may find anything.
    let is_told = |(code, found, _): &(Option<i32>, Value, String)| *code != Some(0) || found["arrived"] != 0;
    let look = || (0..50).map(|_| once()).find(is_told).unwrap();
    let ((code, found, said), streamed) = town.under_a_stream(4, Duration::ZERO, look);
    println!("{streamed:?} {found:#}");
    assert_eq!((code, &found["told"], said.as_str()), (Some(0), &Value::Array(Vec::new()), ""));
    assert!(found["arrived"].as_u64().unwrap() > 0, "nothing streamed in: {found}");
    assert!(streamed.failed == 0 && streamed.publications > 0 && streamed.holds > 0, "{streamed:?}");
    assert!(streamed.releases + streamed.revocations > 0, "{streamed:?}");
    assert_eq!(town.certificates(), 2 * RESIDENTS);
    for channel in ["table", "index", "ocsp"] {
        assert_eq!(found["channels"][channel]["compared"], 2 * RESIDENTS, "{channel}");
    }

    // Of a sample, lists and table are whole all the same.
    let (code, found, _) = doctor(&town, &["--sample", "100"]);
    assert_eq!((code, &found["channels"]["ocsp"]["compared"]), (Some(0), &Value::from(200)));
    assert_eq!(found["channels"]["table"]["compared"], 2 * RESIDENTS);
    let elsewhere = ["--operator-url", &format!("http://{}", town.addresses.status)];
    let (code, _, said) = doctor(&town, &elsewhere);
    assert!(code == Some(1) && said.contains("does not tell jitsuin_status_position"), "{code:?} {said}");

    let directory = town.directory.clone();
    town.close();
    let without = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jitsuin"));
        let output = command.args(["doctor", "status", "--dir"]).arg(&directory).args(arguments).output().unwrap();
        let said = |octets| String::from_utf8(octets).unwrap();
        (output.status.code(), said(output.stdout), said(output.stderr))
    };
    let (code, told, said) = without(&[]);
    assert_eq!(code, Some(1), "{told}{said}");
    assert!(said.contains("does not answer") && said.contains("OCSP, OCSP, never issued not asked"), "{said}");
    assert!(told.contains(&format!("{:24} {:>9}", Channel::Ocsp, "not asked")), "{told}");
    assert_eq!(without(&["--offline"]).0, Some(0));
    std::fs::remove_file(directory.join("jitsuin.toml")).unwrap();
    assert_eq!(without(&["--offline"]).0, Some(3));
}
