//! A person who lived, moved, renewed and died is erased when the last term is over; what is left is told on, and names nobody.

use std::{fs, path::Path, sync::Arc};

use jitsuin::{
    authority::{change::RegisterEvent, erase},
    kind::Kind,
    ports::{
        Store,
        written::{self, Digest, Facet},
    },
    revocation::index::Status,
    rules::{Asked, CertificateState, Day},
    store::{MemoryStore, SqliteStore},
    x509::Serial,
};
use time::macros::date;

use crate::house::{ADDRESS, House, NAME, Person, SUGINAMI, at, municipality, operator};

/// The last day on which anything of the person must be kept: ten years after the validity of what was issued last should end.
const LAST: Day = date!(2045 - 02 - 17);

fn gone() -> Person {
    Person::new("TEST-0001")
}

/// The person, with every certificate there was, oldest first: kind, index, serial, SHA-256. Another goes on living.
fn live_and_die(house: &House) -> Vec<(Kind, u64, Serial, Vec<u8>)> {
    let suginami = municipality(SUGINAMI);
    let issue =
        |person: &Person, asked, kinds: &[Kind]| house.issue(&suginami, asked, &person.enrolment(kinds)).unwrap();
    house.pair(&gone());
    house.set_clock("2026-04-01T03:00:00Z");
    house.change(&gone().on("2026-03-20"), RegisterEvent::Move).unwrap();
    issue(&gone(), Asked::New, &[Kind::Sign]);
    house.set_clock("2029-12-01T03:00:00Z");
    let exchanged = gone().with_card("CARD-0002", "2029-12-01");
    issue(&exchanged, Asked::Renewal, &Kind::BOTH);
    let other = Person::new("TEST-0002").born("1975-05-05").with_card("CARD-0003", "2029-12-01");
    issue(&other, Asked::New, &[Kind::Auth]);
    house.authority.publish(&operator()).unwrap();
    house.set_clock("2030-06-01T03:00:00Z");
    house.change(&exchanged, RegisterEvent::Death).unwrap();
    house.authority.publish(&operator()).unwrap();
    // The other has a new card by and by.
    house.set_clock("2039-12-01T03:00:00Z");
    issue(&other.with_card("CARD-0004", "2039-12-01"), Asked::New, &[Kind::Auth]);
    let dossier = house.dossier(&gone());
    assert!(dossier.certificates.iter().all(|one| one.state == CertificateState::Revoked));
    let told = |one: &jitsuin::ports::CertificateRecord| {
        let digest = Digest::octets(one.certificate.as_ref().unwrap()).as_ref().to_vec();
        (one.kind, one.index, one.serial, digest)
    };
    dossier.certificates.iter().map(told).collect()
}

fn sqlite(path: &Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(path).unwrap())
}

fn contains(octets: &[u8], part: &str) -> bool {
    octets.windows(part.len()).any(|window| window == part.as_bytes())
}

/// Every file of the database.
fn files(directory: &Path) -> Vec<u8> {
    let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.is_file()).flat_map(|path| fs::read(path).unwrap()).collect()
}

/// Whether the store is what its audit says.
fn is_sound(path: &Path) {
    let found = SqliteStore::open_read_only(path).unwrap().examine(&[], 100).unwrap();
    assert_eq!(found.findings, []);
}

/// What is left of the person where it must be, and where it must not be.
fn names_nobody(store: &dyn Store, certificates: &[(Kind, u64, Serial, Vec<u8>)]) {
    assert_eq!(store.dossier(&gone().holder()).unwrap(), None);
    for (kind, index, serial, digest) in certificates {
        assert_eq!(store.certificate(*kind, serial).unwrap(), None);
        let left = store.erased(*kind, serial).unwrap().unwrap();
        assert_eq!((left.stub.index, left.stub.state), (*index, CertificateState::Revoked));
        assert_eq!(left.stub.digest.map(Vec::from).as_ref(), Some(digest), "who shows it is told that it was issued");
    }
}

#[test]
fn ten_years_after_the_last_validity_nothing_names_the_dead_and_their_certificates_are_revoked_for_ever() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("jitsuin.db");
    let house = House::on(sqlite(&path));
    let certificates = live_and_die(&house);
    assert_eq!(certificates.len(), 5);

    // The last day of the term, and the first after it.
    house.set_clock("2045-02-17T14:59:59Z");
    let due = erase::survey(&*house.store, LAST).unwrap();
    assert_eq!((due.persons, due.rows.keys().copied().collect::<Vec<_>>()), (0, vec!["answer"]));
    erase::erase(&*house.store, house.now(), LAST).unwrap();
    assert!(house.store.dossier(&gone().holder()).unwrap().is_some());
    let [before, backup] = ["before", "backup"].map(|name| room.path().join(name));
    let house = house.move_to(|| {
        assert!(contains(&files(room.path()), NAME) && contains(&files(room.path()), "1980-02-17"));
        for copy in [&before, &backup] {
            fs::create_dir(copy).unwrap();
            fs::copy(&path, copy.join("jitsuin.db")).unwrap();
        }
        sqlite(&path)
    });
    house.set_clock("2045-02-17T15:00:00Z");
    let store = Arc::clone(&house.store);
    let erased = erase::erase(&*store, house.now(), date!(2045 - 02 - 18)).unwrap();
    assert_eq!((erased.persons, erased.rows["certificate"], erased.oldest), (1, 5, Some(LAST)));
    names_nobody(&*store, &certificates);

    // Status is told on by who was there, and by who starts anew.
    let again = house.reopen();
    for authority in [&house.authority, &again.authority] {
        for (kind, index, ..) in &certificates {
            let told = authority.parts().index.status(*kind, *index);
            assert!(matches!(told, Status::Revoked(_)), "{kind} {index}: {told:?}");
        }
    }
    house.authority.publish(&operator()).unwrap();
    // Numbers go on.
    let next = house.issue(
        &municipality(SUGINAMI),
        Asked::New,
        &Person::new("TEST-0003").born("1975-05-05").with_card("CARD-0009", "2045-02-01").enrolment(&[Kind::Auth]),
    );
    next.unwrap();
    let serials: Vec<_> = certificates.iter().map(|(.., serial, _)| *serial).collect();
    let new = house.dossier(&Person::new("TEST-0003")).certificates.remove(0);
    assert!(!serials.contains(&new.serial) && certificates.iter().all(|(_, index, ..)| *index < new.index + 1));

    let empty = SqliteStore::empty_journal;
    drop((again, store));
    let house = house.move_to(|| {
        let store = SqliteStore::open(&path).unwrap();
        empty(&store, false).unwrap();
        drop(store);
        let octets = fs::read(&path).unwrap();
        for part in [NAME, ADDRESS, "1980-02-17", "阿佐谷"] {
            assert!(!contains(&octets, part), "{part}");
        }
        let journal = fs::read(room.path().join("jitsuin.db-wal")).unwrap_or_default();
        assert!(journal.is_empty(), "{}", journal.len());
        // The reference stays in the audit alone, and so does the card's number.
        let sql = rusqlite::Connection::open(&path).unwrap();
        let tables: Vec<String> = {
            let mut query =
                sql.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'audit_entry'").unwrap();
            query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        for table in tables {
            let mut query = sql.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let columns = query.column_count();
            let mut rows = query.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let of = |column| format!("{:?}", row.get_ref(column).unwrap());
                let row: String = (0..columns).map(of).collect();
                let text = "TEST-0001".as_bytes();
                assert!(!row.contains(&format!("{text:?}")) && !row.contains("TEST-0001"), "{table}: {row}");
            }
        }
        sqlite(&path)
    });
    is_sound(&path);
    drop(house);

    // An older copy brings everything back, and erasing it again takes it away again.
    let old = backup.join("jitsuin.db");
    let store = SqliteStore::open(&old).unwrap();
    assert!(store.dossier(&gone().holder()).unwrap().is_some());
    erase::erase(&store, at("2045-03-01T03:00:00Z"), date!(2045 - 03 - 01)).unwrap();
    names_nobody(&store, &certificates);
    store.empty_journal(true).unwrap();
    drop(store);
    assert!(!contains(&files(&backup), NAME) && contains(&files(&before), NAME));
    is_sound(&old);
}

#[test]
fn both_engines_have_the_same_left_of_a_life() {
    let left = |store: Arc<dyn Store>| {
        let house = House::on(Arc::clone(&store));
        let certificates = live_and_die(&house);
        let erased = erase::erase(&*store, at("2045-03-01T03:00:00Z"), date!(2045 - 03 - 01)).unwrap();
        names_nobody(&*store, &certificates);
        let stubs: Vec<_> =
            certificates.iter().map(|(kind, _, serial, _)| store.erased(*kind, serial).unwrap()).collect();
        let stubs =
            stubs.into_iter().flatten().map(|one| (one.stub.kind, one.stub.index, one.stub.not_after, one.erased));
        let kept: Vec<_> = store.retained(None, 9).unwrap().iter().map(|one| one.rows()).collect();
        (erased, stubs.collect::<Vec<_>>(), kept, store.counts().unwrap())
    };
    let room = tempfile::tempdir().unwrap();
    let sqlite = sqlite(&room.path().join("jitsuin.db"));
    assert_eq!(left(sqlite), left(Arc::new(MemoryStore::new())));
}

#[test]
fn who_has_the_audit_cannot_guess_what_a_row_says_and_the_same_row_written_twice_is_not_known_again() {
    let room = tempfile::tempdir().unwrap();
    let said = |store: Arc<dyn Store>| {
        let house = House::on(Arc::clone(&store));
        live_and_die(&house);
        let holder = house.dossier(&gone()).holder;
        let mut contents = Vec::new();
        for entry in store.audit_after(0, usize::MAX).unwrap() {
            for item in written::items(&entry.written.unwrap()).map(Result::unwrap) {
                if item.facet == Facet::Holder && item.key == b"TEST-0001" {
                    contents.push(item.content.to_vec());
                }
            }
        }
        (Digest::holder(&holder, 0), contents)
    };
    let (guess, contents) = said(Arc::new(MemoryStore::new()));
    assert_eq!(contents.last().map(Vec::as_slice), Some(guess.as_ref()), "without a blind the guess is right");
    let (guess, contents) = said(sqlite(&room.path().join("jitsuin.db")));
    assert!(contents.len() > 2 && contents.iter().all(|content| content.len() == 32));
    assert!(!contents.iter().any(|content| content == guess.as_ref()));
}
