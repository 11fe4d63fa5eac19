//! How a certificate takes the place of what was to be signed.

use crate::{
    kind::Kind,
    store::{
        SqliteOptions,
        sql::{counts::Moves, read, steps::Steps},
        sqlite::open::Place,
    },
    x509::{
        UnixTime,
        der::{OCTET_STRING, SEQUENCE, build, nested, tlv},
    },
};

const TBS: &str = "SELECT tbs FROM certificate";

#[test]
fn the_certificate_takes_the_place_of_what_was_to_be_signed_and_nothing_else_does() {
    let dir = tempfile::TempDir::new().unwrap();
    let sql = Place::new(&dir.path().join("jitsuin.db"), SqliteOptions::default()).open_to_write().unwrap();
    let tbs = build(SEQUENCE, |out| tlv(out, OCTET_STRING, &[7; 900]));
    let certificate = |tbs: &[u8]| {
        build(SEQUENCE, |out| {
            out.extend_from_slice(tbs);
            nested(out, SEQUENCE, |_| ());
            tlv(out, OCTET_STRING, &[9; 70]);
        })
    };
    sql.execute_batch(
        "INSERT INTO holder VALUES ('A', '13115', NULL, '1980-02-17', 0, 1, 1, NULL);
         INSERT INTO card (number, holder, issue_day, application_day, last_day, void)
         VALUES ('C', 'A', '2026-01-15', '2026-01-15', '2036-02-17', 0);",
    )
    .unwrap();
    let row = "INSERT INTO certificate (kind, generation, ca_index, serial, holder, card, municipality, not_before, not_after,
          state, key_digest, tbs) VALUES (1, 1, 0, x'01', 'A', 'C', '13115', 100, 900, 'reserved', zeroblob(32), ?1)";
    sql.execute(row, [&tbs]).unwrap();

    let mut other = tbs.clone();
    other[500] ^= 1;
    let take = "UPDATE certificate SET state = 'live', tbs = x'', certificate = ?1";
    for refused in [take, "UPDATE certificate SET tbs = ?1", "UPDATE certificate SET tbs = x'', key_digest = ?1"] {
        let refused = sql.execute(refused, [certificate(&other)]).unwrap_err().to_string();
        assert!(refused.contains("never changes"), "{refused}");
    }
    let whole = certificate(&tbs);
    let mut events = Vec::new();
    Steps::new(&sql, (0, UnixTime::EPOCH, Moves::default()), &mut events).issue(Kind::Sign, 0, &whole).unwrap();
    let kept: Vec<u8> = sql.query_row(TBS, [], |row| row.get(0)).unwrap();
    assert!(kept.is_empty(), "it is kept once");
    let (records, _) = read::certificates(&sql, Kind::Sign, 0, 9).unwrap();
    assert_eq!((&records[0].tbs, records[0].certificate.as_ref()), (&tbs, Some(&whole)));
    assert!(sql.execute("UPDATE certificate SET tbs = ?1", [&tbs]).is_err(), "nor does it come back");
}
