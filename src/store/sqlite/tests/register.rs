//! Plans of the queries about the register's events.

use crate::store::{
    SqliteOptions,
    sql::register::{COUNTS, DEADLINE, DUE, ENDINGS, ENTRIES, ENTRY, NOTICE, WAITING},
    sqlite::open::Place,
};

#[test]
fn every_query_goes_by_an_index() {
    let dir = tempfile::TempDir::new().unwrap();
    let sql = Place::new(&dir.path().join("jitsuin.db"), SqliteOptions::default()).open_to_write().unwrap();
    for query in [ENTRIES, ENTRY, DUE, DEADLINE, NOTICE, WAITING, COUNTS, ENDINGS] {
        let mut plan = sql.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
        let count = plan.parameter_count();
        let values = rusqlite::params_from_iter(vec![0; count]);
        let steps = plan.query_map(values, |row| row.get::<_, String>(3)).unwrap();
        for step in steps.map(Result::unwrap) {
            assert!(step.starts_with("SEARCH "), "{query}: {step}");
        }
    }
}
