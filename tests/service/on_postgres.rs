//! The operator's commands where the store is on PostgreSQL: those that read, beside a running service and without one; those that
//! change something ask a running service; those that work on a file say so and do nothing.

use std::process::Output;

use serde_json::Value;

use super::{
    kill::moved,
    pg::Server,
    process::{PASSPHRASE, jitsuin, serve},
    site::Site,
};

/// Runs a command on the service, whatever its passphrase is for.
fn run(site: &Site, words: &str) -> Output {
    let mut command = jitsuin();
    command.arg("--json").args(words.split(' ')).arg("--dir").arg(site.path());
    command.env("JITSUIN_PASSPHRASE", PASSPHRASE).output().expect("it runs")
}

#[track_caller]
fn done(site: &Site, words: &str) -> Value {
    let output = run(site, words);
    assert!(output.status.success(), "{words}: {}", said(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|octets| String::from_utf8_lossy(octets).into_owned()).concat()
}

/// Commands that only read, and a word of what each tells.
const READING: [(&str, &str); 10] = [
    ("audit verify", "\"findings\":[]"),
    ("audit show", "authority.created"),
    ("generation list", "\"generation\":1"),
    ("crl list", "\"scope\":\"full\""),
    ("crl verify --ca auth --scope full", "\"faults\":[]"),
    ("credential list", "operator-1"),
    ("relying-party list", "["),
    ("relying-party usage", "["),
    ("check", "\"municipalities\":"),
    ("doctor status --offline", "{"),
];

/// Commands that work on a file.
const OF_A_FILE: [&str; 3] = ["crl publish", "erase", "generation add --kind auth"];

#[test]
fn commands_read_the_store_on_postgresql_ask_the_service_for_changes_and_refuse_what_takes_a_file() {
    let server = Server::start(&[]);
    server.client("postgres").batch_execute("CREATE DATABASE service").expect("a database");
    let site = moved(&[&server]);
    let read_all = |when: &str| {
        for (words, word) in READING {
            let told = done(&site, words).to_string();
            assert!(told.contains(word), "{when}, {words}: {told}");
        }
    };
    let (running, addresses) = serve(&site.path());
    let registration = addresses["registration"].as_str().expect("an address");
    site.configure("registration = \"127.0.0.1:0\"", &format!("registration = \"{registration}\""));
    read_all("beside a service");

    done(&site, "credential issue --role auditor audit-office");
    let state = |name: &str| {
        let listed = done(&site, "credential list");
        let found = listed.as_array().expect("a list").iter().find(|one| one["name"] == name).cloned();
        found.map(|one| one["active"].clone())
    };
    assert_eq!(state("audit-office"), Some(Value::Bool(true)));
    done(&site, "credential disable audit-office");
    assert_eq!(state("audit-office"), Some(Value::Bool(false)));
    for words in OF_A_FILE {
        let refused = run(&site, words);
        assert_eq!(refused.status.code(), Some(3), "{words}: {}", said(&refused));
        assert!(said(&refused).contains("docs/postgres.md"), "{words}: {}", said(&refused));
    }

    running.signal("TERM");
    drop(running);
    read_all("without a service");
    // Nobody is there to ask, and the store is not written past everybody's back.
    let alone = run(&site, "credential issue --role auditor another-office");
    assert!(!alone.status.success(), "{}", said(&alone));
    assert_eq!(state("another-office"), None);
}
