//! Every kind of edit of the database, done as somebody would who may write the file: the triggers are dropped, the edit is
//! made, the triggers are put back. The examination names the row, and the entry that says otherwise.

#![expect(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

#[allow(dead_code, clippy::allow_attributes, reason = "each test takes what it needs of the fixture")]
#[path = "store_contract/fixture.rs"]
mod fixture;
#[path = "audit_tampering/on_postgres.rs"]
mod on_postgres;
#[allow(dead_code, clippy::allow_attributes, reason = "each test takes its part of the server")]
#[path = "support/postgres.rs"]
mod pg;

use std::{
    fs,
    path::{Path, PathBuf},
};

use jitsuin::{
    audit::{AuditEntry, Examination, Finding, GENESIS, Known},
    authority::erase::erase,
    kind::Kind::{self, Auth, Sign},
    ports::{ApplicationRecord, CertificateRecord, ExceptionRecord, RegisterTextRecord, Role, Step, Store},
    rules::{
        CertificateState::{Held, Live, Revoked},
        DraftNumber, Query,
        calendar::last_instant,
    },
    scope::CrlScope,
    store::{SqliteOptions, SqliteStore},
};
use rusqlite::{Connection, params};
use tempfile::TempDir;
use time::macros::date;

use fixture::*;

/// Octets from which on a list of these tests lies in a file.
const LONG: u64 = 1000;

/// A store with something in every table.
struct Town {
    directory: TempDir,
    /// After how many entries checkpoints were taken.
    known: Vec<Known>,
}

impl Town {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("jitsuin.db");
        let options = SqliteOptions { long_list: LONG, ..SqliteOptions::default() };
        let store = SqliteStore::open_with(&path, options).unwrap();
        let mut known = Vec::new();
        live_in(&store, &mut |store| {
            let marks = store.marks().unwrap();
            known.push(Known { fence: marks.fence, entry: marks.entry, seal: marks.seal, at: marks.at });
        });
        drop(store);
        Self { directory, known }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("jitsuin.db")
    }

    /// A copy that somebody edited, and what is found in it.
    fn edited(&self, edit: impl FnOnce(&Connection)) -> Examination {
        let copy = TempDir::new().unwrap();
        let path = copy.path().join("jitsuin.db");
        fs::copy(self.path(), &path).unwrap();
        let lists = |path: &Path| PathBuf::from(format!("{}.crl", path.display()));
        fs::create_dir(lists(&path)).unwrap();
        for list in fs::read_dir(lists(&self.path())).unwrap() {
            let list = list.unwrap();
            fs::copy(list.path(), lists(&path).join(list.file_name())).unwrap();
        }
        without_triggers(&path, edit);
        examine(&path, &self.known)
    }
}

fn examine(path: &Path, known: &[Known]) -> Examination {
    SqliteStore::open_read_only(path).unwrap().examine(known, 100).unwrap()
}

/// Opens the database as a tool would, takes the triggers away, edits, and puts them back.
fn without_triggers(path: &Path, edit: impl FnOnce(&Connection)) {
    let sql = Connection::open(path).unwrap();
    sql.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON").unwrap();
    let triggers: Vec<(String, String)> = {
        let mut query = sql.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").unwrap();
        query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap()
    };
    triggers.iter().for_each(|(name, _)| sql.execute_batch(&format!("DROP TRIGGER {name}")).unwrap());
    edit(&sql);
    let is_there = |name: &str| {
        let found =
            sql.query_row("SELECT count(*) FROM sqlite_schema WHERE name = ?1", [name], |row| row.get::<_, i64>(0));
        found.unwrap() > 0
    };
    for (name, text) in triggers.iter().filter(|(name, _)| !is_there(name)) {
        // Those of a table that is gone cannot be put back.
        assert!(sql.execute_batch(text).is_ok() || text.contains("notice") || text.contains("exception"), "{name}");
    }
}

/// Something happens to every kind of row.
fn live_in(store: &SqliteStore, checkpoint: &mut dyn FnMut(&SqliteStore)) {
    let take = |steps: Vec<Step>| commit(store, steps).unwrap();
    for kind in Kind::BOTH {
        take(vec![Step::Authority(authority(kind, 1))]);
        store.allocate(kind, 64).unwrap();
    }
    take(vec![Step::Municipality(suginami())]);
    take(vec![Step::Municipality(itami())]);
    take(vec![Step::Credential(credential(1, "e-filing"))]);
    take(vec![Step::Credential(jitsuin::ports::CredentialRecord {
        role: Role::Operator,
        ..credential(2, "operator-1")
    })]);
    for of in 1..=4 {
        enrol(store, of);
    }
    checkpoint(store);
    let pair = |kind: Kind, index: u64, other: u64, of: u64| CertificateRecord {
        pair: Some(other),
        ..reservation(kind, index, of)
    };
    let text =
        RegisterTextRecord { index: 1, name: "山田".into(), address: "杉並区".into(), substituted: "{}".into() };
    take(vec![
        reserve(pair(Auth, 1, 1, 1)),
        reserve(pair(Sign, 1, 1, 1)),
        Step::RegisterText(Box::new(text)),
        Step::Answer(answer("13115", "key-1", b"reserved")),
    ]);
    take(vec![issue(Auth, 1), issue(Sign, 1)]);
    live(store, Sign, 2, 2);
    live(store, Auth, 2, 2);
    live(store, Sign, 3, 3);
    take(vec![status(Sign, 2, Live, Held)]);
    take(vec![status(Sign, 3, Live, Revoked)]);
    take(vec![
        Step::Forget { client: "13115".into(), key: "key-0".into() },
        Step::Answer(answer("13115", "key-2", b"x")),
    ]);
    // One that takes another's place, beside the AUTH that stays.
    let next = CertificateRecord { predecessor: Some(1), ..pair(Sign, 4, 1, 1) };
    take(vec![reserve(next)]);
    take(vec![status(Sign, 1, Live, Revoked), issue(Sign, 4)]);
    checkpoint(store);
    for number in 1..=3 {
        take(vec![Step::Crl(crl(CrlScope::Full, number))]);
    }
    let mut draft = store.draft_list(LONG).unwrap();
    std::io::Write::write_all(&mut draft, &[7; LONG as usize]).unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, &[7; LONG as usize]);
    let der = draft.keep(digest.as_ref().try_into().unwrap()).unwrap();
    take(vec![Step::Crl(jitsuin::ports::CrlRecord { der, ..crl(CrlScope::Municipality(suginami()), 1) })]);
    take(vec![Step::RelyingParty(party("e-filing", 100))]);
    for second in 0..3 {
        take(vec![disclosure("e-filing", Some((1, 1)), second, 1)]);
    }
    take(vec![Step::Refused { party: "e-filing".into(), query: Query::Pair, at: at(1), count: 2 }]);
    take(vec![Step::Consent(Box::new(consent(1, 1, "e-filing")))]);
    take(vec![Step::Consent(Box::new(consent(2, 2, "e-filing")))]);
    let end = jitsuin::ports::ConsentEnd {
        at: at(5),
        cause: jitsuin::ports::ConsentEndCause::Withdrawn,
        declaration: Some(signed(9)),
    };
    take(vec![Step::EndConsent { number: DraftNumber([1; 16]), end }]);
    take(vec![
        Step::Register(Box::new(register_entry(1, Some("2026-1")))),
        Step::Deadline { holder: reference(1), day: Some(date!(2030 - 01 - 02)) },
    ]);
    take(vec![Step::Register(Box::new(register_entry(1, None)))]);
    take(vec![Step::Notice(Box::new(notice(1)))]);
    take(vec![Step::Notice(Box::new(notice(2)))]);
    take(vec![Step::NoticeSent { number: 1, at: at(9) }]);
    take(vec![Step::Compromise { kind: Auth, generation: 1, at: at(9), settled: false }]);
    take(vec![Step::Credential(credential(3, "gone"))]);
    let end = jitsuin::ports::CredentialRevocation { at: at(9), reason: jitsuin::x509::RevocationReason::Superseded };
    let gone = jitsuin::ports::CredentialRecord { active: false, revocation: Some(end), ..credential(3, "gone") };
    take(vec![Step::Credential(gone), access_list(0, 5)]);
    take(vec![Step::Application(Box::new(application(1)))]);
    take(vec![Step::Application(Box::new(application(2)))]);
    take(vec![Step::Application(Box::new(ApplicationRecord {
        version: 1,
        due: Some(date!(2027 - 01 - 01)),
        ..application(2)
    }))]);
    let exception = ExceptionRecord {
        digest: [5; 32],
        municipality: suginami(),
        holder: reference(4),
        card: card_number(4),
        reason: "the guardian asks for it".into(),
        asked_by: "municipality/13115".into(),
        asked: at(3),
        approved: None,
        used: None,
        version: 0,
    };
    take(vec![Step::Exception(Box::new(exception.clone()))]);
    take(vec![Step::Exception(Box::new(ExceptionRecord {
        version: 1,
        approved: Some(("operator/o".into(), at(4))),
        ..exception
    }))]);
    take(vec![lost(Sign, 50, Revoked)]);
    store.commit(change_at(20, Vec::new())).unwrap();
    checkpoint(store);
    store.commit(change_at(21, Vec::new())).unwrap();
}

#[test]
fn in_an_untouched_store_there_is_nothing_to_find() {
    let town = Town::new();
    let examined = examine(&town.path(), &town.known);
    assert_eq!(examined.findings, []);
    assert!(examined.is_clean() && examined.not_covered.is_empty());
    assert_eq!((examined.checkpoints, examined.vouched), (3, Some(at(20))));
    assert!(examined.rows > 50, "{}", examined.rows);
    assert_eq!(town.edited(|_| ()).findings, [], "dropping the triggers and putting them back leaves nothing");
}

/// What an edit must be found as: the table, the beginning of the key, a part of the words, and whether an entry says otherwise.
type Expected = (&'static str, &'static str, &'static str, bool);

const EDITS: &[(&str, Expected)] = &[
    // Rows changed.
    ("UPDATE holder SET birth = '1999-01-01' WHERE reference = 'TEST-000001'", ("holder", "TEST-000001", "not what was written", true)),
    ("UPDATE holder SET ward = 1, version = version + 1 WHERE reference = 'TEST-000002'", ("holder", "TEST-000002", "not what was written", true)),
    ("UPDATE card SET last_day = '2039-01-01' WHERE number = 'CARD-000001'", ("card", "CARD-000001", "not what was written", true)),
    ("UPDATE card SET face_authentication = 1 WHERE number = 'CARD-000002'", ("card", "CARD-000002", "not what was written", true)),
    ("UPDATE certificate SET not_after = not_after + 1 WHERE kind = 1 AND ca_index = 2", ("certificate", "sign 2", "what was reserved is not", true)),
    ("UPDATE certificate SET serial = x'0102' WHERE kind = 2 AND ca_index = 2", ("certificate", "auth 2", "what was reserved is not", true)),
    ("UPDATE certificate SET municipality = '28207' WHERE kind = 2 AND ca_index = 2", ("certificate", "auth 2", "what was reserved is not", true)),
    ("UPDATE certificate SET certificate = x'3000' WHERE kind = 1 AND ca_index = 2", ("certificate", "sign 2", "the certificate is not", true)),
    ("UPDATE certificate SET certificate = NULL WHERE kind = 1 AND ca_index = 3", ("certificate", "sign 3", "the certificate is not", true)),
    ("UPDATE certificate SET pair = NULL WHERE kind = 2 AND ca_index = 1", ("certificate", "auth 1", "the other of its pair", true)),
    ("UPDATE certificate SET pair = 2 WHERE kind = 1 AND ca_index = 4", ("certificate", "sign 4", "the other of its pair", true)),
    ("UPDATE certificate SET successor = NULL WHERE kind = 1 AND ca_index = 1", ("certificate", "sign 1", "which replaced it", false)),
    ("UPDATE certificate SET successor = 3 WHERE kind = 1 AND ca_index = 1", ("certificate", "sign 1", "names it as predecessor", false)),
    // What hides the content is part of it.
    ("UPDATE holder SET blind = randomblob(16) WHERE reference = 'TEST-000002'", ("holder", "TEST-000002", "not what was written", true)),
    ("UPDATE holder SET blind = NULL WHERE reference = 'TEST-000002'", ("holder", "TEST-000002", "not what was written", true)),
    ("UPDATE application SET state_blind = NULL WHERE id = 2", ("application", "0202", "where it stands is not", true)),
    ("UPDATE deadline SET blind = NULL", ("deadline", "TEST-000001", "not what was written", true)),
    // A revocation undone, in the row alone and in both.
    (
        "UPDATE certificate SET state = 'live', revocation_date = NULL, reason = NULL, invalidity_date = NULL, cause = NULL
         WHERE kind = 1 AND ca_index = 3",
        ("certificate", "sign 3", "it is live, and was revoked", true),
    ),
    (
        "UPDATE certificate SET state = 'live', revocation_date = NULL, reason = NULL, invalidity_date = NULL, cause = NULL
         WHERE kind = 1 AND ca_index = 3;
         UPDATE status_event SET state = 'live', revocation_date = NULL, reason = NULL, invalidity_date = NULL, cause = NULL
         WHERE kind = 1 AND ca_index = 3",
        ("status_event", "", "was sign 3 revoked", true),
    ),
    ("UPDATE certificate SET revocation_date = revocation_date - 5 WHERE kind = 1 AND ca_index = 3", ("certificate", "sign 3", "its state is not", true)),
    ("UPDATE certificate SET cause = 'card-lost' WHERE kind = 1 AND ca_index = 3", ("certificate", "sign 3", "its state is not", true)),
    ("UPDATE status_event SET reason = 5 WHERE state = 'held'", ("status_event", "", "what it tells is not", true)),
    ("UPDATE status_event SET recorded = recorded - 5 WHERE position = 5", ("status_event", "5", "its time is earlier", false)),
    ("UPDATE crl SET der = x'01' WHERE scope = 'full' AND number = 2", ("crl", "sign 1 full 2", "the list is not", true)),
    ("UPDATE crl SET next_update = next_update + 1 WHERE scope = 'full' AND number = 3", ("crl", "sign 1 full 3", "the list is not", true)),
    ("UPDATE crl_newest SET number = 2 WHERE scope = 'full'", ("crl_newest", "1 1 full", "number 3", false)),
    ("UPDATE authority SET certificate = x'01' WHERE kind = 1", ("authority", "sign 1", "its certificate is not", true)),
    ("UPDATE authority SET compromised = NULL WHERE kind = 2", ("authority", "auth 1", "its compromise is not", true)),
    ("UPDATE authority SET compromised = 8 WHERE kind = 1", ("authority", "sign 1", "no entry wrote it", false)),
    ("UPDATE authority SET old_with_new = x'01', new_with_old = x'02' WHERE kind = 1", ("authority", "sign 1", "its certificate is not", true)),
    ("UPDATE authority SET first_index = 1 WHERE kind = 1", ("authority", "sign 1", "no entry wrote it", false)),
    ("UPDATE credential SET active = 0 WHERE name = 'e-filing'", ("credential", "0101", "not what was written", true)),
    ("UPDATE credential SET role = 'operator' WHERE name = 'e-filing'", ("credential", "0101", "not what was written", true)),
    ("UPDATE credential SET active = 1, revoked_at = NULL, reason = NULL WHERE name = 'gone'", ("credential", "0303", "not what was written", true)),
    ("UPDATE credential SET revoked_at = revoked_at + 1 WHERE name = 'gone'", ("credential", "0303", "not what was written", true)),
    ("UPDATE credential SET active = 2 WHERE name = 'operator-1'", ("credential", "", "impossible value of column active", false)),
    ("UPDATE credential SET revoked_at = 9, reason = 4 WHERE name = 'operator-1'", ("credential", "0202", "not what was written", true)),
    ("UPDATE credential SET revoked_at = 9 WHERE name = 'operator-1'", ("credential", "", "cannot be read", false)),
    ("UPDATE credential SET reason = 4 WHERE name = 'operator-1'", ("credential", "", "cannot be read", false)),
    ("UPDATE certificate SET reason = 4 WHERE kind = 1 AND ca_index = 4", ("certificate", "", "cannot be read", false)),
    ("UPDATE certificate SET revocation_date = 9, reason = 4, cause = 'card-lost' WHERE kind = 1 AND ca_index = 4", ("certificate", "sign 4", "its state is not", true)),
    ("UPDATE card SET void = 2 WHERE number = 'CARD-000002'", ("card", "", "impossible value of column void", false)),
    ("UPDATE answer SET at = at - 86400 WHERE key = 'key-1'", ("answer", "13115 key-1", "when it was given is not", true)),
    ("UPDATE certificate SET municipality = '28207' WHERE kind = 1 AND ca_index = 50", ("certificate", "sign 50", "what is left of", true)),
    ("UPDATE certificate SET not_after = not_after - 9 WHERE kind = 1 AND ca_index = 50", ("certificate", "sign 50", "what is left of", true)),
    ("UPDATE certificate SET revocation_date = 9 WHERE kind = 1 AND ca_index = 50", ("certificate", "sign 50", "its state is not", true)),
    ("UPDATE certificate SET erased = erased - 9 WHERE kind = 1 AND ca_index = 50", ("certificate", "sign 50", "when it was erased is not", true)),
    ("DELETE FROM certificate WHERE kind = 1 AND ca_index = 50", ("certificate", "sign 50", "missing", true)),
    ("UPDATE access_list SET der = x'01'", ("access_list", "5", "not what was written", true)),
    ("DELETE FROM access_list", ("access_list", "5", "the row is missing", true)),
    ("INSERT INTO access_list VALUES (6, 0, 1, 0, x'01')", ("access_list", "6", "no entry wrote it", false)),
    ("UPDATE answer SET outcome = x'00' WHERE key = 'key-1'", ("answer", "13115 key-1", "not what was written", true)),
    ("UPDATE consent SET ends = ends + 1 WHERE number = x'01010101010101010101010101010101'", ("consent", "0101", "what was consented to is not", true)),
    ("UPDATE consent SET ended = NULL, cause = NULL, withdrawal_digest = NULL, withdrawal = NULL", ("consent", "0101", "its end is not", true)),
    ("UPDATE register_entry SET said = '{\"x\":1}' WHERE id = 1", ("register_entry", "1", "not what was written", true)),
    ("UPDATE deadline SET day = '2031-01-02'", ("deadline", "TEST-000001", "not what was written", true)),
    ("UPDATE notice SET holder = 'TEST-000003' WHERE number = 2", ("notice", "2", "what it says is not", true)),
    ("UPDATE notice SET sent = NULL WHERE number = 1", ("notice", "1", "when it was sent is not", true)),
    ("UPDATE relying_party SET daily_quota = 999999", ("relying_party", "e-filing", "not what was written", true)),
    ("UPDATE disclosure SET party = 'nobody' WHERE number = 2", ("disclosure", "2", "not what was written", true)),
    ("UPDATE usage SET answered = 1 WHERE answered > 0", ("usage", "e-filing", "answers, and the ledger has", false)),
    ("UPDATE usage SET refused = 9 WHERE refused > 0", ("usage", "e-filing", "how many were refused is not", true)),
    ("UPDATE application SET asked = '{}' WHERE id = 1", ("application", "0101", "what was applied for is not", true)),
    ("UPDATE application SET state = 'rejected', due = NULL WHERE id = 2", ("application", "0202", "where it stands is not", true)),
    ("UPDATE register_text SET name = '佐藤'", ("register_text", "1", "not what was written", true)),
    ("UPDATE exception SET approved_by = 'operator/other'", ("exception", "0505", "how far it is is not", true)),
    ("UPDATE exception SET holder = 'TEST-000001'", ("exception", "0505", "what was asked for is not", true)),
    ("UPDATE state_count SET count = count + 1 WHERE kind = 1 AND state = 'live'", ("state_count", "1 live", "it counts", false)),
    ("UPDATE next_index SET value = 2 WHERE kind = 1", ("certificate", "1 3", "none that its CA has given", false)),
    ("UPDATE fence SET value = 2", ("fence", "", "it stands at 2", false)),
    ("UPDATE number_floor SET value = 5 WHERE kind = 1", ("number_floor", "sign", "it is 5", false)),
    ("UPDATE ending SET not_after = 0", ("ending", "certificate", "its end is", false)),
    // Rows that cannot be.
    ("UPDATE certificate SET state = 'good' WHERE kind = 1 AND ca_index = 3", ("certificate", "", "cannot be read", false)),
    ("UPDATE holder SET birth = 'never' WHERE reference = 'TEST-000001'", ("holder", "", "cannot be read", false)),
    // Rows deleted.
    ("DELETE FROM certificate WHERE kind = 1 AND ca_index = 3", ("certificate", "sign 3", "missing", true)),
    ("DELETE FROM holder WHERE reference = 'TEST-000004'", ("holder", "TEST-000004", "the row is missing", true)),
    ("DELETE FROM card WHERE number = 'CARD-000004'", ("card", "CARD-000004", "the row is missing", true)),
    ("DELETE FROM status_event WHERE state = 'revoked' AND ca_index = 3", ("status_event", "", "the row is missing", true)),
    ("DELETE FROM status_event WHERE position = (SELECT max(position) FROM status_event)", ("status_event", "", "the row is missing", true)),
    ("DELETE FROM crl WHERE scope = 'full' AND number = 1", ("crl", "sign 1 full 1", "the row is missing", true)),
    ("DELETE FROM credential WHERE name = 'operator-1'", ("credential", "0202", "the row is missing", true)),
    ("DELETE FROM answer WHERE key = 'key-2'", ("answer", "13115 key-2", "the row is missing", true)),
    ("DELETE FROM municipality WHERE code = '28207'", ("municipality", "28207", "the row is missing", true)),
    ("DELETE FROM authority WHERE kind = 2", ("authority", "auth 1", "the row is missing", true)),
    ("DELETE FROM consent WHERE ended IS NULL", ("consent", "0202", "the row is missing", true)),
    ("DELETE FROM register_entry WHERE id = 2", ("register_entry", "2", "the row is missing", true)),
    ("DELETE FROM deadline", ("deadline", "TEST-000001", "the row is missing", true)),
    ("DELETE FROM notice WHERE number = 2", ("notice", "2", "the row is missing", true)),
    ("DELETE FROM relying_party", ("relying_party", "e-filing", "the row is missing", true)),
    ("DELETE FROM disclosure WHERE number = 2", ("disclosure", "2", "the row is missing", true)),
    ("DELETE FROM usage WHERE refused > 0", ("usage", "e-filing", "the row is missing", true)),
    ("DELETE FROM application WHERE id = 1", ("application", "0101", "the row is missing", true)),
    ("DELETE FROM register_text", ("register_text", "1", "the row is missing", true)),
    ("DELETE FROM exception", ("exception", "0505", "the row is missing", true)),
    ("DELETE FROM state_count WHERE state = 'revoked' AND kind = 1", ("state_count", "1 revoked", "it is missing", false)),
    ("DELETE FROM ending", ("ending", "certificate", "not among those to come", false)),
    // Rows put in.
    ("INSERT INTO municipality VALUES ('01101')", ("municipality", "01101", "no entry wrote it", false)),
    ("INSERT INTO credential VALUES (zeroblob(32), 'operator', 'operator-9', NULL, 1, x'01', NULL, NULL)", ("credential", "0000", "no entry wrote it", false)),
    (
        "INSERT INTO holder VALUES ('TEST-999999', '13115', NULL, '1980-01-01', 0, 1, 1, NULL)",
        ("holder", "TEST-999999", "no entry wrote it", false),
    ),
    (
        "INSERT INTO certificate (kind, generation, ca_index, serial, holder, card, municipality, not_before, not_after, state,
           key_digest, tbs, certificate) VALUES (1, 1, 9, x'09', 'TEST-000004', 'CARD-000004', '13115', 0, 9, 'live',
           randomblob(32), x'00', x'3000'); UPDATE state_count SET count = count + 1 WHERE kind = 1 AND state = 'live'",
        ("certificate", "sign 9", "no entry wrote it", false),
    ),
    (
        "INSERT INTO status_event (position, kind, ca_index, state, recorded)
         SELECT max(position) + 1, 1, 3, 'live', max(recorded) FROM status_event",
        ("status_event", "", "no entry wrote it", false),
    ),
    ("INSERT INTO answer (client, key, digest, outcome) VALUES ('13115', 'key-9', zeroblob(32), x'00')", ("answer", "13115 key-9", "no entry wrote it", false)),
    (
        "INSERT INTO crl (kind, generation, scope, number, this_update, next_update, position, entries, der)
         VALUES (1, 1, 'full', 4, 0, 1, 0, 0, x'01')",
        ("crl", "sign 1 full 4", "no entry wrote it", false),
    ),
    (
        "INSERT INTO disclosure (number, at, party, query, kind) VALUES (4, 9, 'e-filing', 'pair', 1)",
        ("disclosure", "4", "no entry wrote it", false),
    ),
    ("INSERT INTO probe VALUES (x'00')", ("probe", "rowid", "empty", false)),
    // Rows in another order.
    (
        "UPDATE status_event SET position = -1 WHERE position = 1; UPDATE status_event SET position = 1 WHERE position = 2;
         UPDATE status_event SET position = 2 WHERE position = -1",
        ("status_event", "1", "what it tells is not", true),
    ),
    (
        "UPDATE disclosure SET number = -1 WHERE number = 1; UPDATE disclosure SET number = 1 WHERE number = 3;
         UPDATE disclosure SET number = 3 WHERE number = -1",
        ("disclosure", "1", "not what was written", true),
    ),
    (
        "UPDATE application SET id = -1 WHERE id = 1; UPDATE application SET id = 1 WHERE id = 2;
         UPDATE application SET id = 2 WHERE id = -1",
        ("application", "0202", "what was applied for was put in", false),
    ),
    (
        "UPDATE certificate SET id = -1 WHERE id = 3; UPDATE certificate SET id = 3 WHERE id = 4;
         UPDATE certificate SET id = 4 WHERE id = -1",
        ("certificate", "sign 2", "stands behind a row", true),
    ),
    (
        "UPDATE crl SET id = 99 WHERE scope = 'full' AND number = 1",
        ("crl", "sign 1 full 1", "stands behind a row", true),
    ),
    ("UPDATE status_event SET recorded = recorded + 9 WHERE position = 8", ("status_event", "8", "recorded", true)),
    // The chain.
    ("UPDATE audit_entry SET actor = 'nobody' WHERE position = 9", ("audit_entry", "9", "not what was sealed", true)),
    ("UPDATE audit_entry SET at = at + 1 WHERE position = 9", ("audit_entry", "9", "not what was sealed", true)),
    ("UPDATE audit_entry SET written = x'' WHERE position = 9", ("audit_entry", "9", "not what was sealed", true)),
    ("UPDATE audit_entry SET written = NULL WHERE position = 9", ("audit_entry", "9", "not what was sealed", true)),
    ("UPDATE audit_entry SET seal = randomblob(32) WHERE position = 9", ("audit_entry", "9", "not what was sealed", true)),
    ("DELETE FROM audit_entry WHERE position = 9", ("audit_entry", "9", "entry 9 is missing", false)),
    ("DELETE FROM audit_entry WHERE position BETWEEN 9 AND 11", ("audit_entry", "9", "entries 9 to 11 are missing", false)),
    (
        "UPDATE audit_entry SET position = -1 WHERE position = 9; UPDATE audit_entry SET position = 9 WHERE position = 10;
         UPDATE audit_entry SET position = 10 WHERE position = -1",
        ("audit_entry", "9", "not what was sealed", true),
    ),
    (
        "INSERT INTO audit_entry SELECT position + 1, at, actor, 'certificate.released', subject, detail, seal, written
         FROM audit_entry ORDER BY position DESC LIMIT 1",
        ("audit_entry", "", "not what was sealed", true),
    ),
    // The schema.
    ("DROP TABLE notice", ("notice", "", "cannot be read", false)),
    ("DROP TABLE exception", ("(schema)", "table exception", "missing", false)),
    ("DROP INDEX card_of_holder", ("(schema)", "index card_of_holder", "missing", false)),
    ("CREATE TABLE hidden (x)", ("(schema)", "table hidden", "no migration made it", false)),
    (
        "CREATE TRIGGER certificate_stays BEFORE DELETE ON certificate BEGIN SELECT 1; END",
        ("(schema)", "trigger certificate_stays", "another", false),
    ),
];

fn is_found(examined: &Examination, (table, key, what, by_entry): Expected) -> bool {
    let is = |finding: &Finding| {
        let place = finding.table == table && finding.key.starts_with(key) && finding.what.contains(what);
        place && finding.entry.is_some() == by_entry
    };
    examined.findings.iter().any(is)
}

#[test]
fn every_kind_of_edit_is_named_by_table_and_key_with_the_entry_that_says_otherwise() {
    let town = Town::new();
    let mut unnamed = Vec::new();
    for (edit, expected) in EDITS.iter().filter(|(_, (table, ..))| !table.is_empty()) {
        let examined = town.edited(|sql| {
            sql.execute_batch(edit).unwrap_or_else(|error| panic!("{edit}: {error}"));
            assert!(
                sql.total_changes() > 0 || expected.0 == "(schema)" || edit.starts_with("DROP"),
                "{edit} does nothing"
            );
        });
        if !is_found(&examined, *expected) {
            unnamed.push(format!("{edit}\n  expected {expected:?}\n  found {:#?}", examined.findings));
        }
    }
    assert!(unnamed.is_empty(), "{}", unnamed.join("\n"));
}

/// Long after: everything that is due was erased. Person 4 has an exception whose term is not over.
fn grown_old() -> Town {
    let town = Town::new();
    let store = SqliteStore::open(&town.path()).unwrap();
    // What was asked for on 2027-01-15 is kept until 2042-01-14.
    erase(&store, last_instant(date!(2042 - 01 - 14)), date!(2042 - 01 - 14)).unwrap();
    assert_eq!(store.retained(None, 99).unwrap().iter().filter(|one| one.registered.is_some()).count(), 1);
    drop(store);
    town
}

/// What an edit of a store in which persons were erased must be found as.
const EDITS_OF_OLD: &[(&str, Expected)] = &[
    // Something comes back.
    (
        "INSERT INTO holder VALUES ('TEST-000001', '13115', NULL, '1980-02-29', 0, 1, 2, NULL)",
        ("holder", "TEST-000001", "is there, and was taken away", true),
    ),
    (
        "INSERT INTO register_text (ca_index, name, address, substituted) VALUES (1, 'a', 'b', '{}')",
        ("register_text", "1", "is there, and was taken away", true),
    ),
    (
        "UPDATE certificate SET erased = NULL, digest = NULL, holder = 'TEST-000004', card = 'CARD-000004', tbs = x'00', certificate = x'00'
         WHERE kind = 1 AND ca_index = 3",
        ("certificate", "sign 3", "what was reserved is not what was written", true),
    ),
    (
        "UPDATE disclosure SET holder = 'TEST-000004' WHERE number = 2",
        ("disclosure", "2", "not what was written", true),
    ),
    // What is left is changed.
    (
        "UPDATE certificate SET digest = randomblob(32) WHERE kind = 1 AND ca_index = 3",
        ("certificate", "sign 3", "the SHA-256 of the certificate is not what was written", true),
    ),
    (
        "UPDATE certificate SET serial = x'0102' WHERE kind = 1 AND ca_index = 3",
        ("certificate", "sign 3", "what is left of the erased certificate is not", true),
    ),
    (
        "UPDATE certificate SET pair = NULL WHERE kind = 2 AND ca_index = 1",
        ("certificate", "auth 1", "the other of its pair", true),
    ),
    (
        "UPDATE certificate SET state = 'expired', revocation_date = NULL, reason = NULL, invalidity_date = NULL, cause = NULL
         WHERE kind = 1 AND ca_index = 3",
        ("certificate", "sign 3", "its state is not", true),
    ),
    (
        "UPDATE certificate SET erased = erased + 86400 WHERE kind = 1 AND ca_index = 3",
        ("certificate", "sign 3", "when it was erased is not what was written", true),
    ),
    ("UPDATE certificate SET tbs = x'3000' WHERE kind = 1 AND ca_index = 3", ("certificate", "", "of an erased row", false)),
    (
        "UPDATE certificate SET certificate = x'3000' WHERE kind = 1 AND ca_index = 3",
        ("certificate", "", "of an erased row", false),
    ),
    ("DELETE FROM certificate WHERE kind = 1 AND ca_index = 3", ("certificate", "sign 3", "missing", true)),
    ("UPDATE disclosure SET ca_index = 2 WHERE number = 2", ("disclosure", "2", "what is left of it is not", true)),
    ("DELETE FROM disclosure WHERE number = 2", ("disclosure", "2", "the row is missing", true)),
    // Who still has a term is «erased».
    ("DELETE FROM holder WHERE reference = 'TEST-000004'", ("holder", "TEST-000004", "the row is missing", true)),
    ("DELETE FROM exception", ("exception", "0505", "the row is missing", true)),
    ("DELETE FROM application WHERE id = 1", ("application", "0101", "the row is missing", true)),
];

#[test]
fn in_a_store_in_which_persons_were_erased_there_is_nothing_to_find() {
    let town = grown_old();
    let examined = examine(&town.path(), &town.known);
    assert_eq!(examined.findings, []);
    assert!(examined.not_covered.is_empty());
}

#[test]
fn what_comes_back_after_an_erasure_and_what_is_changed_of_what_is_left_is_named() {
    let town = grown_old();
    let mut unnamed = Vec::new();
    for (edit, expected) in EDITS_OF_OLD {
        let examined = town.edited(|sql| {
            sql.execute_batch(edit).unwrap_or_else(|error| panic!("{edit}: {error}"));
            assert!(sql.total_changes() > 0, "{edit} does nothing");
        });
        if !is_found(&examined, *expected) {
            unnamed.push(format!("{edit}\n  expected {expected:?}\n  found {:#?}", examined.findings));
        }
    }
    assert!(unnamed.is_empty(), "{}", unnamed.join("\n"));
}

#[test]
fn an_erasure_that_no_entry_tells_of_is_named_row_by_row() {
    let town = Town::new();
    let examined = town.edited(|sql| {
        sql.execute_batch(
            "UPDATE certificate SET holder = NULL, card = NULL, tbs = x'', certificate = NULL, digest = zeroblob(32), erased = 9
             WHERE kind = 1 AND ca_index = 3;
             UPDATE disclosure SET holder = NULL, blind = NULL WHERE number = 2;
             DELETE FROM register_text; DELETE FROM card WHERE number = 'CARD-000003';
             DELETE FROM holder WHERE reference = 'TEST-000003'",
        )
        .unwrap();
    });
    for expected in [
        ("certificate", "sign 3", "what is left of the erased certificate is not what was written", true),
        ("certificate", "sign 3", "the SHA-256 of the certificate is not", true),
        ("disclosure", "2", "what is left of it is not what was written", true),
        ("register_text", "1", "the row is missing", true),
        ("card", "CARD-000003", "the row is missing", true),
        ("holder", "TEST-000003", "the row is missing", true),
    ] {
        assert!(is_found(&examined, expected), "{expected:?}: {:#?}", examined.findings);
    }
}

/// Seals the whole chain anew, as who knows how.
fn seal_anew(sql: &Connection) {
    let entries = entries(sql);
    let mut previous = GENESIS;
    for (position, entry) in (1..).zip(entries) {
        let sealed = entry.draft.seal(entry.written, position, &previous);
        previous = sealed.seal;
        let update = "UPDATE audit_entry SET position = ?2, seal = ?3 WHERE position = ?1";
        sql.execute(update, params![entry.position as i64, position as i64, sealed.seal]).unwrap();
    }
}

fn entries(sql: &Connection) -> Vec<AuditEntry> {
    let path = PathBuf::from(sql.path().unwrap());
    SqliteStore::open_read_only(&path).unwrap().audit_after(0, usize::MAX).unwrap()
}

#[test]
fn a_chain_that_was_edited_and_sealed_anew_is_caught_by_the_checkpoints() {
    let town = Town::new();
    let [first, second, third] = town.known[..] else { panic!("three checkpoints") };
    for (edit, (from, to)) in [
        ("UPDATE audit_entry SET actor = 'nobody' WHERE position = 2", (1, first.entry)),
        ("DELETE FROM audit_entry WHERE position = 2", (1, first.entry)),
        (
            &*format!("UPDATE audit_entry SET written = NULL WHERE position = {}", second.entry),
            (first.entry + 1, second.entry),
        ),
        (
            &*format!("UPDATE audit_entry SET at = 0 WHERE position = {}", third.entry - 1),
            (second.entry + 1, third.entry),
        ),
    ] {
        let examined = town.edited(|sql| {
            sql.execute_batch(edit).unwrap();
            seal_anew(sql);
        });
        let place = format!("something from entry {from} to {to} was changed");
        let by_entry = is_found(&examined, ("audit_entry", &*to.to_string().leak(), place.leak(), false));
        assert!(by_entry, "{edit}: {:#?}", examined.findings);
    }
}

#[test]
fn an_end_that_was_cut_off_is_known_by_the_newest_checkpoint_and_what_nobody_vouches_for_is_said() {
    let town = Town::new();
    let last = town.known[2].entry;
    let cut = |from: u64| {
        town.edited(|sql| {
            sql.execute("DELETE FROM audit_entry WHERE position >= ?1", [from as i64]).unwrap();
        })
    };
    let examined = cut(last - 1);
    let what = format!("the chain ends with entry {}, and a checkpoint tells of entry {last}", last - 2);
    assert!(is_found(&examined, ("audit_entry", "", what.leak(), false)), "{:#?}", examined.findings);
    // After the newest checkpoint only what the tables say helps, and an entry without rows leaves nothing there.
    let examined = cut(last + 1);
    assert_eq!((examined.findings.as_slice(), examined.vouched), (&[][..], Some(at(20))));
}

#[test]
fn a_list_whose_file_was_changed_or_is_gone_is_named() {
    let town = Town::new();
    let lists = PathBuf::from(format!("{}.crl", town.path().display()));
    let file = fs::read_dir(&lists).unwrap().next().unwrap().unwrap().path();
    for damage in [Some([8; LONG as usize].as_slice()), Some(&[7; 10]), None] {
        match damage {
            Some(octets) => fs::write(&file, octets).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        let examined = examine(&town.path(), &town.known);
        assert!(is_found(&examined, ("crl", "sign 1 13115 1", "the list is not", true)), "{:#?}", examined.findings);
    }
}

#[test]
fn of_many_findings_the_first_are_told_and_the_rest_counted() {
    let town = Town::new();
    let copy = TempDir::new().unwrap();
    let path = copy.path().join("jitsuin.db");
    fs::copy(town.path(), &path).unwrap();
    without_triggers(&path, |sql| sql.execute_batch("UPDATE card SET void = 1; UPDATE holder SET ward = 1").unwrap());
    let examined = SqliteStore::open_read_only(&path).unwrap().examine(&town.known, 3).unwrap();
    assert_eq!((examined.findings.len(), examined.is_clean()), (3, false));
    assert!(examined.further >= 5, "{}", examined.further);
}

#[test]
fn rows_of_before_schema_10_are_counted_as_not_covered() {
    let town = Town::new();
    let examined = town.edited(|sql| {
        sql.execute_batch("UPDATE audit_entry SET written = NULL WHERE position < 40").unwrap();
        seal_anew(sql);
    });
    let other: Vec<_> = examined.findings.iter().filter(|finding| !finding.what.contains("sealed anew")).collect();
    assert!(other.is_empty(), "{other:#?}");
    assert!(
        examined.not_covered["holder"] == 4 && examined.not_covered["certificate"] > 4,
        "{:?}",
        examined.not_covered
    );
}
