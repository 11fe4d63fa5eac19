//! Numbers of lists and their floor.

use crate::{
    kind::Kind,
    ports::{CrlRecord, Step},
    scope::CrlScope,
    store::{
        SqliteOptions,
        sql::{counts::Moves, read, steps::Steps},
        sqlite::open::Place,
    },
    x509::UnixTime,
};

fn crl(kind: Kind, number: u64) -> CrlRecord {
    CrlRecord {
        kind,
        generation: 1,
        scope: CrlScope::Full,
        number,
        this_update: UnixTime::EPOCH,
        next_update: UnixTime::EPOCH,
        position: 0,
        entries: 0,
        der: vec![1].into(),
    }
}

#[test]
fn lists_of_a_ca_go_on_above_its_floor_and_the_other_s_as_they_were() {
    let dir = tempfile::TempDir::new().unwrap();
    let sql = Place::new(&dir.path().join("jitsuin.db"), SqliteOptions::default()).open_to_write().unwrap();
    let take = |record: CrlRecord| {
        let mut events = Vec::new();
        let steps = Steps::new(&sql, (0, UnixTime::EPOCH, Moves::default()), &mut events);
        steps.take(&[Step::Crl(record)]).map(drop).map_err(|_| "refused")
    };
    take(crl(Kind::Sign, 1)).unwrap();
    take(crl(Kind::Auth, 1)).unwrap();
    sql.execute("UPDATE number_floor SET value = 100 WHERE kind = 1", []).unwrap();
    let marks = read::marks(&sql).unwrap();
    assert_eq!((marks.lists.sign, marks.lists.auth), (100, 1), "numbers up to the floor count as given");
    for number in [2, 100, 102] {
        assert_eq!(take(crl(Kind::Sign, number)), Err("refused"), "{number}");
    }
    take(crl(Kind::Sign, 101)).unwrap();
    take(crl(Kind::Sign, 102)).unwrap();
    take(crl(Kind::Auth, 2)).unwrap();
    for statement in [
        "UPDATE number_floor SET value = 99 WHERE kind = 1",
        "DELETE FROM number_floor",
        "UPDATE fence SET value = 1",
        "UPDATE fence SET value = 0",
        "DELETE FROM fence",
        "INSERT INTO fence VALUES (2, 2)",
        "INSERT INTO crl (kind, generation, scope, number, this_update, next_update, position, entries, der)
         VALUES (1, 1, '13115', 100, 0, 0, 0, 0, x'01')",
    ] {
        assert!(sql.execute(statement, []).is_err(), "{statement}");
    }
    sql.execute("UPDATE fence SET value = value + 1", []).unwrap();
    assert_eq!(read::marks(&sql).unwrap().fence, 2);
}
