//! The same edits of a store on PostgreSQL, by somebody who may do anything there: found as the same.

use jitsuin::store::{PostgresOptions, PostgresStore, SqliteStore};

use super::{EDITS, Town, is_found, pg};

/// Of the edits every so many: each takes a database of its own, and all of them 40 seconds.
const EVERY: usize = 3;

/// A statement of SQLite as one of PostgreSQL: octets are written otherwise.
fn translated(edit: &str) -> String {
    let mut text = edit.replace("randomblob(16)", "decode(md5(random()::text), 'hex')");
    text = text.replace("randomblob(32)", "sha256(random()::text::bytea)");
    text = text.replace("zeroblob(32)", "decode(repeat('00', 32), 'hex')");
    while let Some(begin) = text.find("x'") {
        text.replace_range(begin..begin + 2, r"'\x");
    }
    text
}

fn options(town: &Town) -> PostgresOptions {
    PostgresOptions { spool: town.directory.path().to_owned(), ..PostgresOptions::default() }
}

#[test]
fn the_examination_of_a_store_on_postgresql_finds_the_same_and_rules_that_are_gone() {
    let town = Town::new();
    let place = town.directory.path();
    let sqlite = SqliteStore::open(&town.path()).unwrap();
    PostgresStore::take_over(&pg::database(place), options(&town), &sqlite).unwrap();
    let untouched = pg::image(place);
    let examined = |place: &std::path::Path| {
        let store = PostgresStore::open_read_only(&pg::database(place), options(&town)).unwrap();
        store.examine(&town.known, 100).unwrap()
    };
    let found = examined(place);
    assert_eq!(found.findings, []);
    assert!(found.is_clean() && found.rows > 50 && found.checkpoints == 3, "{found:?}");

    // What is said of SQLite's own schema has its own words here.
    let edits: Vec<_> = EDITS.iter().filter(|(_, (table, ..))| !matches!(*table, "" | "(schema)" | "probe")).collect();
    let edits: Vec<_> = edits.into_iter().step_by(EVERY).collect();
    let mut refused = Vec::new();
    for (number, (edit, expected)) in edits.iter().enumerate() {
        let place = place.join(number.to_string());
        pg::copied(&untouched, &place);
        let connection = pg::database(&place);
        let mut client = postgres::Client::connect(&connection, postgres::NoTls).unwrap();
        client.batch_execute("SET session_replication_role = replica").unwrap();
        match client.batch_execute(&translated(edit)) {
            Ok(()) => {
                drop(client);
                let found = examined(&place);
                assert!(is_found(&found, *expected), "{edit}: {:?}", found.findings);
            }
            // What no row can be, the server itself does not take, or it is written in SQLite's words.
            Err(error) => refused.push(format!("{edit}: {error:?}")),
        }
        pg::dropped(&place);
    }
    let done = edits.len() - refused.len();
    assert!(done > 25 && refused.len() < done / 4, "{done} edits were made, these were refused: {refused:#?}");

    for (rule, edit) in [
        ("trigger certificate", "ALTER TABLE certificate DISABLE TRIGGER USER"),
        ("constraint holder", "ALTER TABLE holder DROP CONSTRAINT holder_pkey CASCADE"),
        ("rule municipality nobody", "CREATE RULE nobody AS ON INSERT TO municipality DO INSTEAD NOTHING"),
        ("table usage", "ALTER TABLE usage SET UNLOGGED"),
        ("table disclosure", "ALTER TABLE disclosure ENABLE ROW LEVEL SECURITY"),
        ("column authority settled", "ALTER TABLE authority ALTER COLUMN settled SET DEFAULT 1"),
        ("column municipality more", "ALTER TABLE municipality ADD COLUMN more text"),
        ("table probe", "DROP TABLE probe"),
        (
            "trigger municipality spy",
            "CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER spy BEFORE INSERT ON municipality FOR EACH ROW EXECUTE FUNCTION spy()",
        ),
    ] {
        let place = place.join("rule");
        pg::copied(&untouched, &place);
        let mut client = postgres::Client::connect(&pg::database(&place), postgres::NoTls).unwrap();
        client.batch_execute(edit).unwrap();
        drop(client);
        let found = examined(&place);
        assert!(
            found.findings.iter().any(|one| one.table == "(schema)" && one.key.starts_with(rule)),
            "{rule}: {:?}",
            found.findings
        );
        pg::dropped(&place);
    }
}

#[test]
fn the_rules_on_record_are_those_that_the_migrations_make() {
    let room = tempfile::TempDir::new().unwrap();
    let options = PostgresOptions { spool: room.path().to_owned(), ..PostgresOptions::default() };
    let here = PostgresStore::open_read_only(&pg::database(room.path()), options).unwrap().rules().unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/postgres/migrations/rules.txt");
    if std::env::var_os("GOLDEN").is_some_and(|mode| mode == "write") {
        std::fs::write(path, &here).unwrap();
    }
    assert_eq!(here, std::fs::read_to_string(path).unwrap(), "GOLDEN=write takes it anew");
    assert!(here.lines().count() > 100, "{here}");
}
