//! Holding the tables against the audit: every edit that did not go through the writer is named.

use std::collections::BTreeSet;

use super::{PostgresStore, transfer};
use crate::{
    audit::{Examination, Known},
    ports::StoreError,
    store::{
        sql::{Base, Engine, NONE, Read, all},
        sqlite::Mirror,
    },
};

/// What keeps rows as they are, one to a line: tables that last and show every row, their columns, triggers that fire, what they do,
/// constraints that hold for every row, and indexes; and rules, which rewrite statements, of which no migration makes one.
const RULES: &str = r#"SELECT rule FROM (
      SELECT 'trigger ' || c.relname || ' ' || t.tgname AS rule FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND c.relnamespace = current_schema()::regnamespace
      UNION ALL SELECT 'function ' || proname || ' ' || md5(prosrc) FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
      UNION ALL SELECT 'constraint ' || c.relname || ' ' || k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
        WHERE k.contype IN ('p', 'u', 'f', 'c') AND k.convalidated AND k.connamespace = current_schema()::regnamespace
      UNION ALL SELECT 'index ' || c.relname || ' ' || i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
        JOIN pg_class c ON c.oid = x.indrelid WHERE x.indisvalid AND i.relnamespace = current_schema()::regnamespace
      UNION ALL SELECT 'table ' || relname FROM pg_class WHERE relkind = 'r' AND relpersistence = 'p' AND NOT relrowsecurity
        AND relnamespace = current_schema()::regnamespace
      UNION ALL SELECT 'column ' || c.relname || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
          || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
        WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND c.relnamespace = current_schema()::regnamespace
      UNION ALL SELECT 'rule ' || c.relname || ' ' || r.rulename FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
        WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
    ) AS rules ORDER BY rule COLLATE "C""#;

/// Those that the migrations make; `tests/postgres.rs` holds it against a database that they made.
const MADE: &str = include_str!("migrations/rules.txt");

impl PostgresStore {
    /// Holds the store against its audit, and the audit against checkpoints, as [`SqliteStore::examine`] does and by the same
    /// examiner: every row of one instant is brought to a scratch database of this machine, as large as the store.
    ///
    /// # Errors
    /// [`StoreError`] when the server cannot be read, or there is no room; what is read and wrong is a finding.
    ///
    /// [`SqliteStore::examine`]: crate::store::SqliteStore::examine
    pub fn examine(&self, checkpoints: &[Known], told: usize) -> Result<Examination, StoreError> {
        self.readers.read_unhurried(|sql| {
            let (mirror, mut unfit) = (Mirror::new()?, Vec::new());
            transfer::mirror(sql, mirror.engine(), &mut |table, key, why| unfit.push((table, key, why)))?;
            let mut found = mirror.examine(&self.shelf, checkpoints, told)?;
            for (table, key, why) in unfit {
                found.find(table, key, why, None);
            }
            rules(sql, &mut found)?;
            Ok(found)
        })
    }

    /// What keeps rows as they are in this database, one to a line.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn rules(&self) -> Result<String, StoreError> {
        let lines: Vec<String> = Base::read(self, |sql| all(sql, RULES, NONE, |row| row.get(0)))?;
        Ok(lines.iter().map(|line| format!("{line}\n")).collect())
    }
}

/// Whether the rules that the migrations made are in force: who takes one away can change what never changes.
fn rules(sql: &dyn Engine, found: &mut Examination) -> Read<()> {
    let here: BTreeSet<String> = all(sql, RULES, NONE, |row| row.get(0))?.into_iter().collect();
    let made: BTreeSet<String> = MADE.lines().map(str::to_owned).collect();
    for rule in made.difference(&here) {
        found.find("(schema)", rule, "it is not in force, or another than the migrations made", None);
    }
    for rule in here.difference(&made) {
        found.find("(schema)", rule, "no migration made it", None);
    }
    Ok(())
}
