//! The operator's commands where the store is on PostgreSQL: those that read, beside a running service and without one; those that
//! change something ask a running service, or write themselves where no node is connected; those that want the service stopped
//! refuse while one is; those that work on a file say so and do nothing.

use std::{
    ffi::OsStr,
    os::unix::fs::PermissionsExt,
    process::Output,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    approvals::approve,
    kill::{application, client_of, moved},
    pg::Server,
    process::{PASSPHRASE, jitsuin, serve, serve_by, serve_with},
    site::Site,
    storms::{get, ready},
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

/// Commands that want the service stopped; each leaves it as it was.
const STOPPED: [&str; 3] = ["generation add --kind auth", "keys replace responder-auth-1", "erase --run --compact"];

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
    a_municipality_takes_part(&site);
    assert!(done(&site, "crl publish").to_string().contains("\"scope\":\"full\""));
    assert_eq!(done(&site, "erase --run")["done"], true);
    let refused = |words: &str, why: &str| {
        let refused = run(&site, words);
        assert_eq!(refused.status.code(), Some(3), "{words}: {}", said(&refused));
        assert!(said(&refused).contains(why), "{words}: {}", said(&refused));
    };
    let passphrase = new_passphrase(&site);
    let kept = site.aside().join("kept.backup");
    refused(&format!("backup --to {} --passphrase-file {passphrase}", kept.display()), "docs/postgres.md");
    let fresh = format!("--new-passphrase-file {passphrase}");
    let stopped = STOPPED.map(str::to_owned).into_iter().chain([format!("keys rotate-passphrase {fresh}")]);
    stopped.for_each(|words| refused(&words, "are connected to its database from"));

    running.signal("TERM");
    drop(running);
    read_all("without a service");
    done(&site, "credential issue --role auditor another-office");
    assert_eq!(state("another-office"), Some(Value::Bool(true)));
    done(&site, "credential disable another-office");
    done(&site, "municipality add 01102");
    assert_eq!(state("01102"), Some(Value::Bool(true)));
    assert!(done(&site, "crl publish").to_string().contains("\"scope\":\"01102\""));
    assert_eq!(done(&site, "generation add --kind sign")["generation"], 2);
    done(&site, "keys replace responder-auth-1");
    done(&site, "erase --run --compact");
    done(&site, &format!("keys rotate-passphrase {fresh}"));
    assert_eq!(done(&site, "audit verify")["findings"], serde_json::json!([]));
    let mut command = jitsuin();
    let (running, _) = serve_by(command.env("JITSUIN_PASSPHRASE", NEW_PASSPHRASE), &site.path());
    let listed = done(&site, "generation list").to_string();
    assert!(listed.contains("\"generation\":2"), "{listed}");
    running.signal("TERM");
}

/// Of the keys, from the rotation on.
const NEW_PASSPHRASE: &str = "JITSUIN-TEST quite another one";

fn new_passphrase(site: &Site) -> String {
    let path = site.aside().join("new-passphrase");
    std::fs::write(&path, NEW_PASSPHRASE).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");
    path.display().to_string()
}

/// With the approval of the other operator a municipality comes in while the service runs; its lists appear by themselves.
fn a_municipality_takes_part(site: &Site) {
    let alone = run(site, "municipality add 01101");
    assert!(!alone.status.success() && said(&alone).contains("T-16"), "{}", said(&alone));
    let approved = ["credential", "--role", "municipality", "--municipality", "01101", "01101"];
    let approval = approve(site, &approved, "operator-2");
    let added = done(site, &format!("municipality add 01101 --approval {approval}"));
    assert!(std::fs::exists(added["key"].as_str().expect("a file")).expect("asked"), "{added}");
    let again = run(site, "municipality add 01101");
    assert!(said(&again).contains("takes part already"), "{}", said(&again));
    let began = Instant::now();
    while !done(site, "crl list").to_string().contains("\"scope\":\"01101\"") {
        assert!(began.elapsed() < Duration::from_secs(60), "its lists do not appear");
        std::thread::sleep(Duration::from_millis(200));
    }
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

/// What docs/postgres.md gives to the role of a status node.
const OF_STATUS: &str = "CREATE ROLE jitsuin_status LOGIN;
    GRANT USAGE ON SCHEMA public TO jitsuin_status;
    GRANT SELECT ON jitsuin_schema, fence, next_index, number_floor, status_event, audit_entry, authority, crl, crl_newest, list_piece,
        access_list TO jitsuin_status;
    GRANT SELECT (kind, ca_index, generation, serial, municipality, not_after) ON certificate TO jitsuin_status;";

#[test]
fn a_status_node_follows_by_a_role_that_may_read_what_it_needs_and_write_nothing() {
    let server = Server::start(&[]);
    server.client("postgres").batch_execute("CREATE DATABASE service").expect("a database");
    let site = moved(&[&server]);
    let (running, addresses) = serve(&site.path());
    let status = site.aside().join("status");
    let export = jitsuin().args(["node", "export", "--dir"]).arg(site.path()).arg("--to").arg(&status).output();
    assert!(export.as_ref().is_ok_and(|told| told.status.success()), "{export:?}");
    let configuration = status.join("jitsuin.toml");
    let text = std::fs::read_to_string(&configuration).expect("a configuration");
    std::fs::write(&configuration, text.replace("user=jitsuin ", "user=jitsuin_status ")).expect("written");
    let mut owner = server.client("service");
    owner.batch_execute(OF_STATUS).expect("granted");

    let only_status = ["--roles", "status"].map(OsStr::new);
    let (node, at_node) = serve_with(&mut jitsuin(), &status, &only_status);
    comes_to(&at_node, 200);
    // What is issued now comes to it.
    let (client, runtime) = (client_of(&site), tokio::runtime::Runtime::new().expect("a runtime"));
    let url = format!("https://{}/v1/certificates", addresses["registration"].as_str().expect("an address"));
    let answer = runtime.block_on(client.post_json(&url, "one", &application("TEST-PG"))).expect("an answer");
    assert!(answer.status.is_success(), "{}", answer.body);
    let position = |of: &Value| {
        let metrics = get(&format!("http://{}/metrics", of["operator"].as_str().expect("an address"))).1;
        let line = metrics.lines().find_map(|line| line.strip_prefix("jitsuin_status_position "));
        line.and_then(|position| position.parse::<u64>().ok()).expect("a position")
    };
    let (began, wanted) = (Instant::now(), position(&addresses));
    assert!(wanted > 0);
    while position(&at_node) < wanted {
        assert!(began.elapsed() < Duration::from_secs(20), "{wanted}: {}", ready(&at_node).1);
        std::thread::sleep(Duration::from_millis(100));
    }
    comes_to(&at_node, 200);
    // From what is there too, and from what it kept.
    node.signal("TERM");
    drop(node);
    let (node, at_node) = serve_with(&mut jitsuin(), &status, &only_status);
    comes_to(&at_node, 200);
    let connection = server.connection("service").replace("user=jitsuin", "user=jitsuin_status");
    let mut reader = postgres::Client::connect(&connection, postgres::NoTls).expect("connected");
    for denied in [
        "SELECT 1 FROM holder",
        "SELECT holder FROM certificate",
        "UPDATE fence SET value = value",
        "SELECT 1 FROM fence FOR UPDATE",
    ] {
        assert!(reader.batch_execute(denied).is_err(), "{denied}");
    }
    // Statuses go on while a CA is rolled over: nodes that write are stopped, this one is not, and misses nothing until the new
    // generation issues.
    running.signal("TERM");
    drop(running);
    assert_eq!(done(&site, "generation add --kind auth")["generation"], 2);
    let began = Instant::now();
    while !ready(&at_node).1.to_string().contains("the CA generations of the store have changed") {
        assert!(began.elapsed() < Duration::from_secs(20), "{}", ready(&at_node).1);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(ready(&at_node).0, 200);
    let (running, addresses) = serve(&site.path());
    let url = format!("https://{}/v1/certificates", addresses["registration"].as_str().expect("an address"));
    let answer = runtime.block_on(client.post_json(&url, "two", &application("TEST-PG-2"))).expect("an answer");
    assert!(answer.status.is_success(), "{}", answer.body);
    comes_to(&at_node, 503);
    let told = ready(&at_node).1.to_string();
    assert!(
        told.contains("generation 2 of the auth CA issues") && !told.contains("lists-taken\",\"ok\":false"),
        "{told}"
    );
    [node, running].iter().for_each(|one| one.signal("TERM"));
}

/// Waits until readiness has that status, and the store is not away.
#[track_caller]
fn comes_to(addresses: &Value, wanted: u16) {
    let began = Instant::now();
    loop {
        let (status, told, _) = ready(addresses);
        if status == wanted && !told.to_string().contains("away since") {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{status}: {told}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
