//! What an operator meets who erases: said first, done on demand, refused while the service runs and where the day is not to be
//! believed.

use std::process::Output;

use jitsuin::{
    audit::Draft,
    authority::erase,
    ports::{Change, Store},
    rules::calendar::day_of,
    store::SqliteStore,
    x509::UnixTime,
};
use rusqlite::Connection;
use serde_json::Value;

use super::{
    kill::{application, client_of, serials},
    process::{jitsuin, serve},
    site::Site,
};

fn run(site: &Site, arguments: &[&str]) -> Output {
    jitsuin().args(arguments).arg("--dir").arg(site.path()).output().expect("it runs")
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn report(site: &Site, arguments: &[&str]) -> Value {
    let output = run(site, &[&["--json", "erase"], arguments].concat());
    assert!(output.status.success(), "{}", told(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[track_caller]
fn refused(site: &Site, arguments: &[&str], code: i32, because: &str) {
    let output = run(site, &[&["erase"], arguments].concat());
    assert!(output.status.code() == Some(code) && told(&output).contains(because), "{}", told(&output));
}

/// As if every answer had been given so many days before.
fn make_answers_older(site: &Site, days: i64) {
    let sql = Connection::open(site.path().join("jitsuin.sqlite")).expect("the database");
    let trigger: String = sql
        .query_row("SELECT sql FROM sqlite_schema WHERE name = 'answer_never_changes'", [], |row| row.get(0))
        .expect("the trigger");
    sql.execute_batch("DROP TRIGGER answer_never_changes").expect("dropped");
    assert!(
        sql.execute("UPDATE answer SET at = at - ?1 WHERE client <> 'the service'", [days * 86_400])
            .expect("made older")
            > 0
    );
    sql.execute_batch(&trigger).expect("put back");
}

/// Serves, has a pair issued for TEST-1, and stops; the serial numbers.
fn issued(site: &Site) -> Vec<String> {
    site.configure("enabled = true", "enabled = false");
    let (mut running, addresses) = serve(&site.path());
    let client = client_of(site);
    let url = format!("https://{}/v1/certificates", addresses["registration"].as_str().expect("an address"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let answer = runtime.block_on(client.post_json(&url, "key-1", &application("TEST-1"))).expect("an answer");
    assert!(answer.status.is_success());
    assert!(report(site, &[])["rows"].as_object().expect("rows").is_empty(), "asking disturbs nobody");
    refused(site, &["--run"], 3, "stop it to erase");
    running.signal("TERM");
    assert!(running.0.wait().expect("it ends").success());
    serials(&answer.body).into_iter().collect()
}

#[test]
fn why_tells_of_an_erased_certificate_that_it_was_issued_and_of_nobody() {
    let site = Site::new();
    let serials = issued(&site);
    assert_eq!(serials.len(), 2);
    let before: Value = serde_json::from_slice(&run(&site, &["--json", "why", &serials[0]]).stdout).expect("JSON");
    let digest = &before["certificates"][0]["certificate_sha256"];
    // Nobody can wait for it: as the service would do it thirty years from now.
    let path = site.path().join("jitsuin.sqlite");
    let store = SqliteStore::open(&path).expect("the store");
    let last = store.last_recorded().expect("it reads").expect("an entry");
    let later = UnixTime::from_seconds(last.seconds() + 30 * 366 * 86_400).expect("a time");
    let done = erase::erase(&store, later, day_of(later)).expect("erased");
    assert_eq!((done.persons, done.rows["certificate"]), (1, 2), "{done:?}");
    store.empty_journal(false).expect("emptied");
    drop(store);

    let octets = std::fs::read(&path).expect("the database");
    for part in ["花子", "試験町", "1980-02-17"] {
        assert!(!octets.windows(part.len()).any(|window| window == part.as_bytes()), "{part}");
    }
    for serial in &serials {
        let why = run(&site, &["--json", "why", serial]);
        assert!(why.status.success(), "{}", told(&why));
        let why: Value = serde_json::from_slice(&why.stdout).expect("JSON");
        assert_eq!(why["erased"]["serial"], serial.as_str());
        assert!(why["certificates"].as_array().expect("none").is_empty());
        assert!(why["entries"].as_array().expect("entries").len() >= 2, "how it was issued, and that it was erased");
        assert!(*serial != serials[0] || why["erased"]["certificate_sha256"] == *digest, "{why}");
    }
    let text = told(&run(&site, &["why", &serials[0]]));
    assert!(text.contains("was issued by 13115") && text.contains("was erased on"), "{text}");
    let verified = run(&site, &["audit", "verify"]);
    assert!(verified.status.success(), "{}", told(&verified));
}

#[test]
fn what_is_due_is_said_first_and_erased_on_demand_and_the_audit_holds() {
    let site = Site::new();
    issued(&site);
    refused(&site, &["--as-of", "2999-01-01"], 3, "a day to come");
    refused(&site, &["--as-of", "2026-02-30"], 2, "YYYY-MM-DD");
    refused(&site, &["--compact"], 2, "--run");
    make_answers_older(&site, 400);
    let due = report(&site, &[]);
    assert_eq!((&due["done"], &due["persons"]), (&Value::Bool(false), &Value::from(0)));
    let count = due["rows"]["answer"].as_u64().expect("answers");
    assert!(count > 0);
    let text = told(&run(&site, &["erase"]));
    assert!(text.contains("Nothing was changed") && text.contains("answer"), "{text}");
    let done = report(&site, &["--run", "--compact"]);
    assert_eq!((&done["done"], &done["rows"]["answer"]), (&Value::Bool(true), &Value::from(count)));
    assert!(report(&site, &["--run"])["rows"].as_object().expect("rows").is_empty());
    let journal = std::fs::metadata(site.path().join("jitsuin.sqlite-wal")).map_or(0, |file| file.len());
    assert_eq!(journal, 0);
    let verified = run(&site, &["audit", "verify"]);
    assert!(verified.status.success(), "{}", told(&verified));
    let shown = told(&run(&site, &["audit", "show", "--subject", "retention/", "--from", "1"]));
    assert!(shown.contains("retention.begun") && shown.contains("retention.erased"), "{shown}");

    // A clock that went back is not believed.
    let store = SqliteStore::open(&site.path().join("jitsuin.sqlite")).expect("the store");
    let last = store.last_recorded().expect("it reads").expect("an entry");
    let at = UnixTime::from_seconds(last.seconds() + 86_400).expect("a time");
    let word = |word: &str| word.to_owned();
    let audit = Draft { at, actor: word("test"), action: word("test.ahead"), subject: word("x"), detail: word("{}") };
    store.commit(Change { steps: Vec::new(), audit }).expect("a day ahead");
    drop(store);
    refused(&site, &["--run"], 3, "the clock went back");
    refused(&site, &[], 3, "the clock went back");
}
