//! Backups and what opens them: files of age, the archive inside, its table of contents, keys.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
};

use jitsuin::{
    cli::backup::{
        age::{Identity, Opening, Recipient, Sealing},
        archive::{self, Take},
        manifest::{Manifest, Member},
    },
    ports::{Entropy, EntropyError},
    x509::hex,
};
use ring::digest::{SHA256, digest};
use zeroize::Zeroizing;

/// The first octet chooses how the rest is read: 0 a file of age; 1 the archive inside one; 2 a table of contents; 3 a text of
/// keys; any other, content that is sealed here, changed at a place that the next three octets choose, and opened again.
pub fn check(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    match mode {
        0 => check_age(data),
        1 => check_archive(data),
        2 => check_manifest(data),
        3 => check_keys(data),
        _ => check_sealed(data),
    }
}

/// An identity that everybody knows.
#[must_use]
pub fn identity() -> Identity {
    Identity::from_octets(Zeroizing::new(*b"JITSUIN-TEST identity of nobody!"))
}

/// Gives what everybody can foresee.
struct Foreseen;

impl Entropy for Foreseen {
    fn fill(&self, octets: &mut [u8]) -> Result<(), EntropyError> {
        octets.fill(0x5A);
        Ok(())
    }
}

/// Content sealed to [`identity`]. The ephemeral key is another each time.
#[must_use]
pub fn sealed(content: &[u8]) -> Vec<u8> {
    let sealing = Sealing::Recipients(vec![identity().recipient().expect("a recipient")]);
    let mut out = sealing.begin(Vec::new(), &Foreseen).expect("memory does not fail");
    out.write_all(content).expect("memory does not fail");
    out.finish().expect("memory does not fail")
}

fn opened(file: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let mut opened = Opening::Identities(vec![identity()]).open(file).ok()?;
    opened.read_to_end(&mut content).ok()?;
    Some(content)
}

fn check_age(data: &[u8]) {
    if let Some(content) = opened(data) {
        assert!(content.len() < data.len(), "a header and tags stand around it");
        assert_eq!(opened(&sealed(&content)), Some(content), "what we seal we open");
    }
}

/// Whatever octet of a sealed file is changed or missing, nothing of another content comes out.
fn check_sealed(data: &[u8]) {
    let Some(([low, high, change], content)) = data.split_first_chunk() else { return };
    let file = sealed(content);
    assert_eq!(opened(&file).as_deref(), Some(content));
    let at = usize::from(u16::from_le_bytes([*low, *high])) % file.len();
    assert_eq!(opened(&file[..at]), None, "cut at {at}");
    if *change != 0 {
        let mut file = file;
        file[at] ^= change;
        assert_eq!(opened(&file), None, "changed at {at}");
    }
}

/// Keeps every file that an archive has.
#[derive(Default)]
pub struct Shelf {
    files: BTreeMap<String, Vec<u8>>,
}

impl Take for Shelf {
    fn manifest(&mut self, manifest: &Manifest) -> io::Result<()> {
        check_names(manifest);
        Ok(())
    }

    fn file(&mut self, member: &Member) -> io::Result<Box<dyn Write + '_>> {
        assert!(!self.files.contains_key(&member.name), "no file comes twice");
        Ok(Box::new(self.files.entry(member.name.clone()).or_default()))
    }
}

/// No name leads out of the directory, and none is there twice.
fn check_names(manifest: &Manifest) {
    for member in &manifest.members {
        let fine = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', '\0', ':']);
        assert!(member.name.split('/').count() <= 2 && member.name.split('/').all(fine), "{}", member.name);
        assert_eq!(manifest.members.iter().filter(|other| other.name == member.name).count(), 1);
    }
}

/// What an archive holds.
#[must_use]
pub fn taken(data: &[u8]) -> Option<(Manifest, Shelf)> {
    let mut shelf = Shelf::default();
    archive::read(data, &mut shelf).ok().map(|manifest| (manifest, shelf))
}

/// An archive that is read has just the files that its table of contents names, with those digests.
fn check_archive(data: &[u8]) {
    let Some((manifest, shelf)) = taken(data) else { return };
    let taken: u64 = shelf.files.values().map(|octets| octets.len() as u64).sum();
    assert_eq!((shelf.files.len(), taken), (manifest.members.len(), manifest.octets()));
    for member in &manifest.members {
        assert_eq!(hex(digest(&SHA256, &shelf.files[&member.name]).as_ref()), member.sha256);
    }
}

fn check_manifest(data: &[u8]) {
    let Ok(manifest) = Manifest::parse(data) else { return };
    check_names(&manifest);
    let _ = (manifest.octets(), manifest.count_in("keys"));
    let again = Manifest::parse(&serde_json::to_vec(&manifest).expect("JSON")).expect("what we write we read");
    assert_eq!(again, manifest);
}

fn check_keys(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(recipient) = text.parse::<Recipient>() {
        assert_eq!(recipient.to_string(), text.to_ascii_lowercase());
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#')).count();
    if let Ok(identities) = Identity::read_all(text) {
        assert_eq!(identities.len(), lines);
        assert!(identities.iter().all(|identity| identity.recipient().is_ok()));
    }
}
