//! What a tool cannot rewrite of exceptions and texts.

use rusqlite::Connection;

use crate::store::sqlite::migrations::migrate;

#[test]
fn exceptions_and_texts_cannot_be_rewritten_with_a_tool() {
    let mut sql = Connection::open_in_memory().unwrap();
    migrate(&mut sql).unwrap();
    sql.execute_batch(
        "PRAGMA foreign_keys = OFF;
         INSERT INTO register_text (ca_index, name, address, substituted) VALUES (7, 'a', 'b', '{}');
         INSERT INTO exception (digest, municipality, holder, card, reason, asked_by, asked, version)
         VALUES (zeroblob(32), '13115', 'A', 'C', 'why', 'municipality/13115', 900, 1)",
    )
    .unwrap();
    let refused = |statement: &str| sql.execute(statement, []).unwrap_err().to_string();
    for (statement, reason) in [
        ("UPDATE register_text SET name = 'x'", "never changes"),
        ("DELETE FROM register_text", "kept with it"),
        ("UPDATE exception SET reason = 'x', version = 2", "never changes"),
        ("UPDATE exception SET approved_by = 'municipality/13115', approved = 1, version = 2", "CHECK"),
        ("UPDATE exception SET approved_by = 'operator/o', version = 2", "CHECK"),
        ("UPDATE exception SET used = 7, version = 2", "CHECK"),
        ("UPDATE exception SET approved_by = 'operator/o', approved = 1", "raises the version"),
        ("DELETE FROM exception", "kept"),
    ] {
        let told = refused(statement);
        assert!(told.contains(reason), "{statement}: {told}");
    }
    sql.execute("UPDATE exception SET approved_by = 'operator/o', approved = 1, version = 2", []).unwrap();
    assert!(refused("UPDATE exception SET approved_by = 'operator/p', version = 3").contains("approved once"));
    sql.execute("UPDATE exception SET used = 7, version = 3", []).unwrap();
    assert!(refused("UPDATE exception SET used = 8, version = 4").contains("used once"));
}
