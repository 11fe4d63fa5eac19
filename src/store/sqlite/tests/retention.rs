//! What a tool cannot erase, and plans of the queries about one person.

use rusqlite::Connection;

use crate::store::{
    sql::retention::{OLD_ANSWERS, REFERENCES},
    sqlite::migrations::migrate,
};

const ERASE: &str = "UPDATE certificate SET holder = NULL, card = NULL, tbs = x'', certificate = NULL, digest = zeroblob(32), erased = 9
    WHERE ca_index = 0";

/// The last instant of 2041-02-17 in Japan.
const LAST: i64 = 2_244_725_999;

/// A revoked SIGN that should have ended on 2031-02-17, with its text, a live one of another, and what was told of the first.
fn opened() -> Connection {
    let mut sql = Connection::open_in_memory().unwrap();
    migrate(&mut sql).unwrap();
    sql.execute_batch(
        "INSERT INTO holder VALUES ('A', '13115', NULL, '1980-02-17', 0, 1, 1, NULL), ('B', '13115', NULL, '1980-02-17', 0, 1, 1, NULL);
         INSERT INTO card (number, holder, issue_day, application_day, last_day, void)
         VALUES ('C', 'A', '2026-01-15', '2026-01-15', '2036-02-17', 0), ('D', 'B', '2026-01-15', '2026-01-15', '2036-02-17', 0);
         INSERT INTO certificate (kind, generation, ca_index, serial, holder, card, municipality, not_before,
           not_after, state, revocation_date, reason, cause, key_digest, tbs, certificate)
         VALUES (1, 1, 0, x'01', 'A', 'C', '13115', 100, 1929106799, 'revoked', 300, 5, 'card-found', zeroblob(32), x'', x'3000'),
           (1, 1, 1, x'02', 'B', 'D', '13115', 100, 1929106799, 'live', NULL, NULL, NULL, randomblob(32), x'', x'3000');
         INSERT INTO register_text (ca_index, name, address, substituted) VALUES (0, 'a', 'b', '{}');
         INSERT INTO credential (fingerprint, role, name, active, certificate)
         VALUES (zeroblob(32), 'relying-party', 'e', 1, x'01');
         INSERT INTO relying_party VALUES ('e', 't', '', '', 9, '2030-01-01', NULL, NULL, 1);
         INSERT INTO disclosure (number, at, party, query, kind, ca_index, holder, blind)
         VALUES (1, 1929106799, 'e', 'status', 1, 0, 'A', zeroblob(16));",
    )
    .unwrap();
    enter(&sql, 1, LAST);
    sql
}

fn enter(sql: &Connection, position: i64, at: i64) {
    let entry = "INSERT INTO audit_entry (position, at, actor, action, subject, detail, seal)
        VALUES (?1, ?2, 'service', 'test', 'x', '{}', zeroblob(32))";
    sql.execute(entry, [position, at]).unwrap();
}

#[track_caller]
fn refused(sql: &Connection, statement: &str, because: &str) {
    let told = sql.execute(statement, []).unwrap_err().to_string();
    assert!(told.contains(because), "{statement}: {told}");
}

#[test]
fn a_tool_too_is_held_to_the_term_and_to_the_whole_of_an_erasure() {
    let sql = opened();
    let forget = "UPDATE disclosure SET holder = NULL, blind = NULL";
    refused(&sql, ERASE, "ten years");
    refused(&sql, forget, "append-only");
    refused(&sql, "DELETE FROM register_text", "kept with it");
    enter(&sql, 2, LAST + 1);
    for (statement, because) in [
        ("UPDATE certificate SET holder = NULL, card = NULL WHERE ca_index = 0", "never changes"),
        ("UPDATE certificate SET certificate = NULL WHERE ca_index = 0", "never changes"),
        ("UPDATE certificate SET digest = zeroblob(32) WHERE ca_index = 0", "never changes"),
        ("UPDATE certificate SET erased = 9 WHERE ca_index = 0", "CHECK"),
        ("UPDATE certificate SET erased = 9, holder = NULL, card = NULL WHERE ca_index = 0", "CHECK"),
        ("UPDATE certificate SET erased = 9, holder = NULL, certificate = NULL WHERE ca_index = 0", "CHECK"),
        (
            "UPDATE certificate SET erased = 9, holder = NULL, card = NULL, certificate = NULL WHERE ca_index = 1",
            "ten years",
        ),
        (
            "UPDATE certificate SET erased = 9, holder = NULL, card = NULL, certificate = NULL, serial = x'03'",
            "never changes",
        ),
        ("DELETE FROM certificate WHERE ca_index = 0", "never forgotten"),
        ("DELETE FROM register_text", "kept with it"),
        ("UPDATE disclosure SET holder = NULL", "append-only"),
        ("UPDATE disclosure SET holder = 'B', blind = NULL", "append-only"),
        ("UPDATE disclosure SET holder = NULL, blind = NULL, ca_index = NULL", "append-only"),
        ("DELETE FROM disclosure", "append-only"),
    ] {
        refused(&sql, statement, because);
    }
    sql.execute(ERASE, []).unwrap();
    sql.execute("DELETE FROM register_text", []).unwrap();
    sql.execute(forget, []).unwrap();
    for (statement, because) in [
        (ERASE, "never changes"),
        ("UPDATE certificate SET digest = randomblob(32) WHERE ca_index = 0", "never changes"),
        ("UPDATE certificate SET certificate = x'3000' WHERE ca_index = 0", "never changes"),
        ("UPDATE certificate SET tbs = x'3000' WHERE ca_index = 0", "never changes"),
        (
            "UPDATE certificate SET holder = 'A', card = 'C', digest = NULL, erased = NULL, certificate = x'3000' WHERE ca_index = 0",
            "never changes",
        ),
        ("UPDATE disclosure SET holder = 'A'", "append-only"),
        ("INSERT INTO certificate SELECT 9, kind, generation, ca_index, serial, holder, card, municipality, not_before, not_after,
           state, revocation_date, reason, invalidity_date, cause, pair, predecessor, successor, randomblob(32), tbs,
           certificate, digest, erased FROM certificate WHERE ca_index = 0", "UNIQUE"),
    ] {
        refused(&sql, statement, because);
    }
    sql.execute("DELETE FROM card WHERE number = 'C'", []).unwrap();
    sql.execute("DELETE FROM holder WHERE reference = 'A'", []).unwrap();
    refused(&sql, "DELETE FROM card WHERE number = 'D'", "FOREIGN KEY");
    let whole: String = sql.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
}

#[test]
fn what_is_kept_of_a_person_and_old_answers_are_found_by_indexes() {
    let sql = opened();
    let own = ["holder", "application", "exception"];
    let queries = own.map(|table| {
        let column = if table == "holder" { "reference" } else { "holder" };
        format!("SELECT * FROM {table} WHERE {column} = ?1")
    });
    let rests = "SELECT 1 FROM application WHERE answer_client = ?1 AND answer_key = ?1".to_owned();
    for query in queries.iter().chain([&rests]).map(String::as_str).chain([REFERENCES, OLD_ANSWERS]) {
        let mut plan = sql.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
        let values = rusqlite::params_from_iter(vec![0; plan.parameter_count()]);
        let steps: Vec<String> = plan.query_map(values, |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        assert!(steps.iter().all(|step| !step.starts_with("SCAN") && !step.contains("TEMP")), "{query}: {steps:?}");
    }
}
