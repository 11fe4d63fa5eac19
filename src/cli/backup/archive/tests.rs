use std::collections::BTreeMap;

use super::*;
use crate::{
    audit::{GENESIS, Marks, Of},
    cli::backup::manifest::{CONFIGURATION, DATABASE, FORMAT, Service},
};

const LIST: &str = "jitsuin.sqlite.crl/0707070707070707070707070707070707070707070707070707070707070707.crl";

/// Keeps everything.
#[derive(Default)]
struct Keep {
    files: BTreeMap<String, Vec<u8>>,
}

impl Take for Keep {
    fn manifest(&mut self, _: &Manifest) -> io::Result<()> {
        Ok(())
    }

    fn file(&mut self, member: &Member) -> io::Result<Box<dyn Write + '_>> {
        Ok(Box::new(self.files.entry(member.name.clone()).or_default()))
    }
}

fn contents() -> Vec<(&'static str, Vec<u8>)> {
    let octets = |length: usize| (0..length).map(|at| (at % 251) as u8).collect();
    vec![
        (CONFIGURATION, octets(700)),
        ("certificates/sign-1.pem", octets(0)),
        (DATABASE, octets(300_000)),
        (LIST, octets(512)),
    ]
}

fn sources(directory: &Path) -> Vec<Source> {
    let write = |(number, (name, octets)): (usize, (&str, Vec<u8>))| {
        let path = directory.join(number.to_string());
        std::fs::write(&path, octets).unwrap();
        Source::open(name, &path).unwrap()
    };
    contents().into_iter().enumerate().map(write).collect()
}

fn manifest(sources: &[Source]) -> Manifest {
    let of = Of::default();
    let marks = Marks { fence: 1, at: UnixTime::EPOCH, entry: 0, seal: GENESIS, event: 0, indexes: of, lists: of };
    Manifest {
        format: FORMAT.into(),
        version: "0".into(),
        made_at: UnixTime::EPOCH,
        service: Service { sign: "s".into(), auth: "a".into() },
        marks,
        keys: false,
        members: sources.iter().map(|source| source.member.clone()).collect(),
    }
}

/// An archive, and where the content of each of its files begins.
fn archive() -> (Vec<u8>, BTreeMap<String, usize>) {
    let directory = tempfile::tempdir().unwrap();
    let mut sources = sources(directory.path());
    let octets = write(Vec::new(), &manifest(&sources), &mut sources).unwrap();
    let mut archive = Archive::new(&octets[..]);
    let place = |entry: tar::Entry<'_, &[u8]>| {
        (String::from_utf8(entry.path_bytes().into_owned()).unwrap(), entry.raw_file_position() as usize)
    };
    let places = archive.entries().unwrap().map(|entry| place(entry.unwrap())).collect();
    (octets, places)
}

fn refused(octets: &[u8]) -> String {
    read(octets, &mut Keep::default()).unwrap_err().to_string()
}

#[test]
fn what_was_saved_is_read_in_its_order() {
    let (octets, places) = archive();
    let mut keep = Keep::default();
    let manifest = read(&octets[..], &mut keep).unwrap();
    assert_eq!(
        manifest.members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>(),
        contents().iter().map(|it| it.0).collect::<Vec<_>>()
    );
    assert_eq!(keep.files, contents().into_iter().map(|(name, octets)| (name.to_owned(), octets)).collect());
    assert_eq!(places.values().min(), Some(&places[NAME]), "the table of contents is the first");
}

#[test]
fn a_flipped_bit_in_any_file_is_refused_by_its_name() {
    let (octets, places) = archive();
    for (name, content) in contents().into_iter().filter(|(_, content)| !content.is_empty()) {
        for at in [0, content.len() / 2, content.len() - 1] {
            let mut damaged = octets.clone();
            damaged[places[name] + at] ^= 4;
            assert_eq!(refused(&damaged), format!("{name} is not the file that was saved: its SHA-256 is another"));
        }
    }
}

#[test]
fn a_flipped_bit_in_any_head_or_in_the_table_of_contents_is_refused() {
    let (octets, places) = archive();
    for place in places.values() {
        // Name, size, checksum and kind of the entry.
        for at in [0, 130, 150, 156] {
            let mut damaged = octets.clone();
            damaged[place - 512 + at] ^= 1;
            assert!(read(&damaged[..], &mut Keep::default()).is_err(), "octet {at} before {place}");
        }
    }
    let text = octets[places[NAME]..].windows(6).position(|part| part == b"sha256").unwrap();
    for at in [text, text + 12] {
        let mut damaged = octets.clone();
        damaged[places[NAME] + at] ^= 1;
        assert!(read(&damaged[..], &mut Keep::default()).is_err());
    }
}

#[test]
fn an_archive_that_is_cut_anywhere_is_refused() {
    let (octets, places) = archive();
    let ends = places.values().flat_map(|place| [*place - 512, *place - 1, *place, *place + 1]);
    for length in ends.chain([0, 511]).filter(|length| *length < octets.len()) {
        assert!(read(&octets[..length], &mut Keep::default()).is_err(), "{length} octets");
    }
}

#[test]
fn files_are_neither_missing_nor_added_nor_in_another_order() {
    let directory = tempfile::tempdir().unwrap();
    let mut all = sources(directory.path());
    let full = manifest(&all);
    let mut swapped = sources(directory.path());
    swapped.swap(1, 2);
    assert!(refused(&write(Vec::new(), &full, &mut swapped).unwrap()).contains("missing in its place"));
    let last = all.pop().unwrap();
    assert_eq!(refused(&write(Vec::new(), &full, &mut all).unwrap()), format!("{LIST} is missing in its place"));
    let fewer = manifest(&all);
    all.push(last);
    let surplus = refused(&write(Vec::new(), &fewer, &mut all).unwrap());
    assert_eq!(surplus, format!("{LIST} is in the archive, and not in its table of contents"));
}

#[test]
fn something_behind_the_end_is_refused_and_filling_is_not() {
    let (octets, _) = archive();
    assert!(read(&[&octets[..], &[0; 9000]].concat()[..], &mut Keep::default()).is_ok());
    assert!(read(&[&octets[..], &[0; 9000], &[1]].concat()[..], &mut Keep::default()).is_err());
}

#[test]
fn what_does_not_begin_with_a_table_of_contents_is_no_backup() {
    let mut builder = Builder::new(Vec::new());
    builder.append_data(&mut header(2, UnixTime::EPOCH), DATABASE, &b"ab"[..]).unwrap();
    assert!(matches!(read(&builder.into_inner().unwrap()[..], &mut Keep::default()), Err(Unreadable::NoManifest)));
    let mut builder = Builder::new(Vec::new());
    let mut link = header(0, UnixTime::EPOCH);
    link.set_entry_type(EntryType::Symlink);
    builder.append_link(&mut link, NAME, "/etc/passwd").unwrap();
    assert!(matches!(read(&builder.into_inner().unwrap()[..], &mut Keep::default()), Err(Unreadable::NoManifest)));
    assert!(read(&b""[..], &mut Keep::default()).is_err() && read(&[7; 2000][..], &mut Keep::default()).is_err());
}

#[test]
fn a_file_that_changes_while_it_is_saved_spoils_the_backup() {
    for change in [&b"shorter"[..], &[9; 700]] {
        let directory = tempfile::tempdir().unwrap();
        let mut sources = sources(directory.path());
        std::fs::write(directory.path().join("0"), change).unwrap();
        let refused = write(Vec::new(), &manifest(&sources), &mut sources).unwrap_err().to_string();
        assert!(refused.contains("changed while it was being saved"), "{refused}");
    }
}

#[test]
fn a_file_that_grows_is_saved_as_long_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let mut sources = sources(directory.path());
    let mut longer = contents()[0].1.clone();
    longer.extend(b"another line");
    std::fs::write(directory.path().join("0"), longer).unwrap();
    let octets = write(Vec::new(), &manifest(&sources), &mut sources).unwrap();
    let mut keep = Keep::default();
    read(&octets[..], &mut keep).unwrap();
    assert_eq!(keep.files[CONFIGURATION], contents()[0].1);
}
