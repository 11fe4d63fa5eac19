//! When the stored data contradicts itself: the log says where, and not what stood there.

use std::sync::Arc;

use jitsuin::store::SqliteStore;
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    citizen::Citizen,
    desk::{Desk, done},
    house::House,
    life::application,
    log,
    marks::{ADDRESS, REGISTER_NAME, anything_in, facts_in},
};

/// What somebody wrote into the database by hand: the trigger that forbids it, the change, and who stumbles over it.
const SPOILED: [(&str, &str, &str); 6] = [
    (
        "register_text_never_changes",
        "UPDATE register_text SET substituted = '{\"漏洩禁子\": 1}'",
        "/v1/cards/CARD-000001",
    ),
    ("register_text_never_changes", "UPDATE register_text SET substituted = '\"漏洩禁子\"'", "/v1/cards/CARD-000001"),
    ("", "UPDATE holder SET municipality = '漏洩禁子1'", "/v1/cards/CARD-000001"),
    ("answer_never_changes", "UPDATE answer SET outcome = CAST('{\"漏洩禁子\": \"CARD-000001\"}' AS BLOB)", ""),
    ("answer_never_changes", "UPDATE answer SET outcome = CAST('{\"Done\": {\"card\": [\"漏洩禁子\"]}}' AS BLOB)", ""),
    ("register_entry_never_changes", "UPDATE register_entry SET said = '{\"漏洩禁子\": \"1971-03-19\"}'", "change"),
];

async fn stumbles(trigger: &str, change: &str, over: &str) -> Value {
    let room = TempDir::new().unwrap();
    let path = room.path().join("jitsuin.sqlite");
    let open = House::new(Arc::new(SqliteStore::open(&path).unwrap())).open();
    let suginami = Desk::suginami(&open);
    let citizen = Citizen::new(1);
    let mut good = application(&citizen);
    good["facts"] = json!({"sex": "2", "register": {"name": REGISTER_NAME, "address": ADDRESS}});
    done(suginami.post_under("key-1", "/v1/certificates", &good).await);
    let correct =
        json!({"holder": "TEST-000001", "change": "minor-correction", "number": "S-1", "event_day": "2026-11-01"});
    done(suginami.post("/v1/register-changes", &correct).await);
    let spoil = Connection::open(&path).unwrap();
    if !trigger.is_empty() {
        spoil.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    spoil.execute_batch("PRAGMA ignore_check_constraints = ON").unwrap();
    assert!(spoil.execute(change, []).unwrap() > 0, "{change}");
    let answer = match over {
        "" => suginami.post_under("key-1", "/v1/certificates", &good).await,
        "change" => {
            let next = json!({"holder": "TEST-000001", "change": "minor-correction", "number": "S-2", "event_day": "2026-11-01"});
            suginami.post("/v1/register-changes", &next).await
        }
        path => suginami.get(path).await,
    };
    assert_eq!(answer.status.as_u16(), 500, "{change}: {}", answer.body);
    answer.body
}

#[tokio::test(flavor = "multi_thread")]
async fn what_contradicts_itself_is_logged_by_its_place_and_not_by_what_it_says() {
    log::listen();
    for (trigger, change, over) in SPOILED {
        let before = log::heard().len();
        let body = stumbles(trigger, change, over).await;
        assert_eq!(facts_in(&body.to_string()), None, "{change}: {body}");
        let heard = log::heard();
        let heard = &heard[before..];
        assert!(heard.lines().any(|line| line.contains("ERROR")), "the operator is told: {change}");
        for line in heard.lines() {
            assert_eq!(anything_in(line), None, "{change}: {line}");
        }
    }
}
