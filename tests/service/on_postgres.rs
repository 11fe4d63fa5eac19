//! The operator's commands where the store is on PostgreSQL: those that read, beside a running service and without one; those that
//! change something ask a running service; those that work on a file say so and do nothing.

use std::process::Output;

use serde_json::Value;

use super::{
    approvals::approve,
    kill::{application, client_of, moved},
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
    relying_parties_come_and_go(&site);
    a_key_is_declared_compromised(&site, registration);
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

/// Terms with a relying party are agreed, suspended and taken up again, through the service.
fn relying_parties_come_and_go(site: &Site) {
    let state = || {
        let listed = done(site, "relying-party list");
        let found = listed.as_array().expect("a list").iter().find(|one| one["name"] == "clinic").cloned();
        found.map(|one| one["suspended"].clone())
    };
    assert_eq!(state(), None);
    let (today, days) = (time::OffsetDateTime::now_utc().date(), time::Duration::days(100));
    let terms = format!("--purpose signature --query status,pair --quota 100 --recognised-until {}", today + days);
    done(site, &format!("relying-party add clinic --title Clinic {terms}"));
    let suspended = |of: Option<Value>| of.is_some_and(|one| one.is_object());
    assert!(state().is_some() && !suspended(state()));
    done(site, "relying-party suspend clinic --reason unpaid");
    assert!(suspended(state()), "{:?}", state());
    done(site, "relying-party reinstate clinic");
    assert!(!suspended(state()), "{:?}", state());
}

/// With the approval of the other operator everything of a generation ends; lists, audit and `why` tell of it.
fn a_key_is_declared_compromised(site: &Site, registration: &str) {
    let (client, runtime) = (client_of(site), tokio::runtime::Runtime::new().expect("a runtime"));
    let url = format!("https://{registration}/v1/certificates");
    let answer = runtime.block_on(client.post_json(&url, "one", &application("TEST-PG")));
    let body = answer.expect("an answer").body;
    let of = |kind: &str| {
        let all = body["certificates"].as_array().expect("a pair").iter();
        all.clone().find(|one| one["kind"] == kind).expect("one")["serial"].as_str().expect("a serial").to_owned()
    };
    assert!(done(site, &format!("why {}", of("sign"))).to_string().contains("issue"));
    let newest = || {
        let listed = done(site, "crl list");
        let all = listed.as_array().expect("lists").iter();
        let full = all.filter(|one| one["kind"] == "sign" && one["scope"] == "full").map(|one| one["number"].as_u64());
        full.max().flatten().expect("a number")
    };
    let before = newest();
    let listed = done(site, "generation list");
    let of_sign = listed.as_array().expect("a list").iter().find(|one| one["kind"] == "sign").expect("one").clone();
    let confirm = of_sign["certificate_sha256"].as_str().expect("a fingerprint");
    let words = format!("generation compromised --kind sign --generation 1 --confirm {confirm}");
    let alone = run(site, &words);
    assert!(!alone.status.success() && said(&alone).contains("T-16"), "{}", said(&alone));
    let approval = approve(site, &["compromise", "--kind", "sign", "--generation", "1"], "operator-2");
    done(site, &format!("{words} --approval {approval}"));
    assert_eq!(done(site, "generation list")[0]["state"], "compromised");
    let differences = done(site, &format!("crl diff {before} {} --ca sign --scope full", newest())).to_string();
    assert!(differences.to_lowercase().contains(&of("sign").to_lowercase()), "{differences}");
    let told = done(site, &format!("why {}", of("sign"))).to_string();
    assert!(told.contains("ca-compromise") || told.contains("CACompromise") || told.contains("compromise"), "{told}");

    let file = site.aside().join("audit.jsonl");
    done(site, &format!("audit export --to {}", file.display()));
    let text = std::fs::read_to_string(&file).expect("written");
    assert!(text.lines().any(|line| line.contains("generation.compromised")), "the export tells of it");
}
