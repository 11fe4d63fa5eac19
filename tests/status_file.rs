//! The file of the status index on a real store: a node that starts from it says what a node says that read every event, and
//! whatever else lies in the file's place is told in the log and replaced.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part of the house")]
#[path = "stories/house.rs"]
mod house;

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use house::{House, Person};
use jitsuin::{
    cli::status_file::StatusFile,
    kind::Kind,
    ports::Store,
    revocation::{
        index::{Status, StatusIndex},
        serial::SerialPermutation,
        snapshot::Lineage,
    },
    rules::Cause,
    store::SqliteStore,
};
use tempfile::TempDir;

/// A service on a store of its own.
struct Node {
    house: House,
    directory: TempDir,
}

impl Node {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("jitsuin.sqlite")).unwrap();
        Self { house: House::on(Arc::new(store)), directory }
    }

    /// So many persons of that name get a pair; the third of every four loses it, the fourth holds it.
    fn settle(&self, name: &str, count: usize) {
        for number in 0..count {
            let person = Person::new(&format!("{name}-{number}"));
            self.house.pair(&person);
            match number % 4 {
                2 => drop(self.house.revoke(&person, Cause::CardReturned, None).unwrap()),
                3 => drop(self.house.hold(&person).unwrap()),
                _ => {}
            }
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("status.snapshot")
    }

    /// Its file, as a process finds it that starts now.
    fn file(&self) -> StatusFile {
        let parts = self.house.authority.parts();
        StatusFile::new(self.path(), Lineage::new(&self.house.store.authorities().unwrap(), &parts.serials))
    }

    /// The store's last event.
    fn events(&self) -> u64 {
        self.house.authority.parts().index.position()
    }

    /// What a start says in the log, and whether it went on from the file; its index is held against all events.
    fn start(&self) -> (String, bool) {
        let (file, store) = (self.file(), self.house.store.as_ref());
        let (opened, log) = logged(|| file.open(store).unwrap());
        assert_same(&opened.index, store);
        (log + &opened.behind.unwrap_or_default(), file.position() > 0)
    }

    fn keep(&self) {
        let file = self.file();
        file.keep(&file.open(self.house.store.as_ref()).unwrap().index).unwrap();
    }
}

fn assert_same(index: &StatusIndex, store: &dyn Store) {
    let fold = Arc::new(StatusIndex::default());
    store.follow(0, Arc::clone(&fold) as _).unwrap();
    assert_eq!(index.position(), fold.position());
    for (kind, number) in Kind::BOTH.into_iter().flat_map(|kind| (0..1000).map(move |number| (kind, number))) {
        assert_eq!(index.status(kind, number), fold.status(kind, number), "{kind} {number}");
    }
}

/// What something says in the log.
fn logged<T>(work: impl FnOnce() -> T) -> (T, String) {
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);
    impl Write for Page {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(octets)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let page = Page::default();
    let writer = page.clone();
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let value = tracing::subscriber::with_default(log, work);
    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    (value, text)
}

#[test]
fn a_node_goes_on_from_its_file_and_follows_the_store_from_then_on() {
    let node = Node::new();
    node.settle("A", 8);
    let file = node.file();
    let index = file.open(node.house.store.as_ref()).unwrap().index;
    assert_eq!(file.position(), 0, "there was no file");
    let written = file.keep(&index).unwrap().unwrap();
    assert_eq!(written.position, node.events());
    assert_eq!(fs::metadata(node.path()).unwrap().len(), written.octets);
    assert_eq!(fs::metadata(node.path()).unwrap().permissions().mode() & 0o777, 0o600);

    node.settle("B", 4);
    node.house.release(&Person::new("A-3")).unwrap();
    let file = node.file();
    let (index, log) = logged(|| file.open(node.house.store.as_ref()).unwrap().index);
    assert!(log.contains("goes on from its snapshot"), "{log}");
    assert_eq!(file.position(), written.position);
    assert_same(&index, node.house.store.as_ref());
    node.settle("C", 4);
    assert_same(&index, node.house.store.as_ref());
    let held = (0..1000).filter(|number| matches!(index.status(Kind::Auth, *number), Status::Revoked(_))).count();
    assert_eq!(held, 7, "a half of sixteen, less the one that was found");
}

#[test]
fn a_snapshot_is_written_only_after_an_event_and_the_one_before_stays_where_it_cannot_be() {
    let node = Node::new();
    let file = node.file();
    let index = file.open(node.house.store.as_ref()).unwrap().index;
    assert!(file.keep(&index).unwrap().is_none(), "nothing has happened yet");
    assert!(!node.path().exists());
    node.settle("A", 4);
    assert!(file.keep(&index).unwrap().is_some() && file.keep(&index).unwrap().is_none());
    let before = fs::read(node.path()).unwrap();
    node.settle("B", 1);
    // A directory stands where the new file is written.
    fs::create_dir(node.directory.path().join("status.new")).unwrap();
    assert!(file.keep(&index).is_err());
    assert_eq!(fs::read(node.path()).unwrap(), before);
    fs::remove_dir(node.directory.path().join("status.new")).unwrap();
    // What a crash left of an earlier one is in nobody's way.
    fs::write(node.directory.path().join("status.new"), [0; 1 << 20]).unwrap();
    assert!(file.keep(&index).unwrap().is_some());
    assert!(node.start().1 && !node.directory.path().join("status.new").exists());
}

#[test]
fn whatever_lies_in_the_place_of_the_file_is_told_and_the_index_is_rebuilt() {
    let node = Node::new();
    node.settle("A", 8);
    node.keep();
    let right = fs::read(node.path()).unwrap();
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut octets = right.clone();
        change(&mut octets);
        octets
    };
    let middle = right.len() / 2;
    for (octets, told) in [
        (Vec::new(), "it ends in the middle"),
        (changed(&|octets| octets.truncate(middle)), "it ends in the middle"),
        (changed(&|octets| octets.truncate(right.len() - 1)), "it ends in the middle"),
        (changed(&|octets| octets[middle] ^= 0x10), "it is damaged: a checksum is wrong"),
        (changed(&|octets| octets[8] = 200), "it is of another version"),
        (b"SQLite format 3\0".repeat(64), "it is no snapshot of a status index"),
    ] {
        fs::write(node.path(), octets).unwrap();
        let (log, resumed) = node.start();
        assert!(!resumed && log.contains("WARN") && log.contains(told), "{told}: {log}");
        node.keep();
        assert!(node.start().1, "the next one takes its place");
    }
    fs::remove_file(node.path()).unwrap();
    fs::create_dir(node.path()).unwrap();
    let (log, resumed) = node.start();
    assert!(!resumed && log.contains("it cannot be read"), "{log}");
}

#[test]
fn the_file_of_another_service_or_of_another_key_is_refused() {
    let (node, other) = (Node::new(), Node::new());
    for node in [&node, &other] {
        node.settle("A", 4);
        node.keep();
    }
    fs::copy(other.path(), node.path()).unwrap();
    let (log, resumed) = node.start();
    assert!(!resumed && log.contains("it is of another sign CA"), "{log}");
    node.keep();
    let authorities = node.house.store.authorities().unwrap();
    let serials = SerialPermutation::new(2, b"JITSUIN-TEST-KEY").unwrap();
    let rekeyed = StatusFile::new(node.path(), Lineage::new(&authorities, &serials));
    let (_, log) = logged(|| rekeyed.open(node.house.store.as_ref()).unwrap());
    assert!(log.contains("it is of another serial key"), "{log}");
}

#[test]
fn a_new_generation_of_a_ca_does_not_make_the_file_another_s() {
    let node = Node::new();
    node.settle("A", 4);
    node.keep();
    let node = Node { house: node.house.next_generation(), directory: node.directory };
    node.settle("B", 4);
    assert!(node.start().1);
}

/// A backup is put back, and life goes on from there.
#[test]
fn a_store_that_was_put_back_is_not_followed_from_a_file_of_its_lost_future() {
    let node = Node::new();
    node.settle("A", 4);
    let backup = node.directory.path().join("backup.sqlite");
    back_up(&node.directory.path().join("jitsuin.sqlite"), &backup);
    let (past, lost) = (node.events(), 12);
    node.settle("LOST", lost);
    node.keep();
    let path = node.path();
    let kept = fs::read(&path).unwrap();
    let Node { house, directory } = node;
    let house = house.move_to(|| Arc::new(SqliteStore::open(&backup).unwrap()));
    let node = Node { house, directory };
    assert_eq!(node.events(), past);
    let (log, resumed) = node.start();
    assert!(!resumed && log.contains("it is of the future"), "{log}");
    node.settle("OTHER", lost + 8);
    fs::write(&path, kept).unwrap();
    let (log, resumed) = node.start();
    assert!(!resumed && log.contains("it is of another history"), "{log}");
    node.keep();
    assert!(node.start().1);
}

fn back_up(from: &Path, to: &Path) {
    let connection = rusqlite::Connection::open(from).unwrap();
    connection.execute("VACUUM INTO ?1", [to.to_str().unwrap()]).unwrap();
}
