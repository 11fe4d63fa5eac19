//! The schema is that of the migrations: a trigger that is gone lets rows be changed that never do.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::{super::migrations, Examiner};
use crate::store::sql::{NONE, Read, Row, all};

/// Lines of SQLite's own check that are told.
const LINES: u32 = 20;

impl Examiner<'_> {
    pub(super) fn schema(&mut self) -> Read<()> {
        let check = format!("PRAGMA integrity_check({LINES})");
        for line in all(self.sql, &check, NONE, |row| row.get::<_, String>(0))? {
            if line != "ok" {
                self.found.find("(database)", "integrity_check", line, None);
            }
        }
        let broken = "SELECT \"table\", coalesce(rowid, 0), parent FROM pragma_foreign_key_check LIMIT 100";
        let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        for (table, id, parent) in all::<(String, i64, String)>(self.sql, broken, NONE, row)? {
            self.found.find(
                &table,
                format!("rowid {id}"),
                format!("it refers to a row of {parent} that is not there"),
                None,
            );
        }
        let mut own = Connection::open_in_memory()?;
        if migrations::migrate(&mut own).is_err() {
            self.found.find("(schema)", "", "the migrations cannot be read", None);
            return Ok(());
        }
        let (ours, here) = (objects(&own)?, objects(self.sql)?);
        for (name, text) in &ours {
            match here.get(name) {
                None => self.found.find("(schema)", name, "it is missing", None),
                Some(other) if other != text => {
                    self.found.find("(schema)", name, "it is another than the migrations made", None)
                }
                Some(_) => {}
            }
        }
        for name in here.keys().filter(|name| !ours.contains_key(*name)) {
            self.found.find("(schema)", name, "no migration made it", None);
        }
        Ok(())
    }
}

/// Every table, index and trigger with its text; not those of SQLite itself (its statistics).
fn objects(sql: &Connection) -> Read<BTreeMap<String, String>> {
    let query =
        "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    all(sql, query, NONE, |row| Ok((row.get(0)?, row.get(1)?))).map(BTreeMap::from_iter)
}
