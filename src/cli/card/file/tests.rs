//! Power cuts at every step of a write, on a disk that forgets what was not synced.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Mutex},
};

use super::*;
use crate::{card::StatusWord, kind::Kind, signer::KeyKind, x509::Name};

const SELECT: &[u8] = b"\x00\xA4\x04\x0C\x0A\xD3\x92\xF0\x00\x26\x01\x00\x00\x00\x01";
const HIT: &[u8] = b"\x00\x20\x00\x98\x041234";
const MISS: &[u8] = b"\x00\x20\x00\x98\x040000";
const CHANGE: &[u8] = b"\x00\x24\x01\x98\x045678";
/// Steps of a write.
const STEPS: usize = 4;

/// Files by number, and the names they have: as programs see them, and as they are after a power cut.
#[derive(Clone, Default)]
struct State {
    files: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// Steps that are still done; the one after fails.
    left: usize,
    /// Whether the failing step is done all the same, or half.
    persists: bool,
}

#[derive(Clone, Default)]
struct ModelDisk(Arc<Mutex<State>>);

impl ModelDisk {
    /// Whether the step is done, and what it says.
    fn step(&self, act: impl FnOnce(&mut State, bool)) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let fails = state.left == 0;
        if !fails {
            state.left -= 1;
        }
        if !fails || state.persists {
            act(&mut state, fails);
        }
        if fails { Err(io::Error::other("the disk fails")) } else { Ok(()) }
    }

    /// What can lie under a name after a power cut now.
    fn after_power_cut(&self, path: &Path) -> Vec<Option<Vec<u8>>> {
        let state = self.0.lock().unwrap();
        let mut outcomes = Vec::new();
        for names in [&state.names, &state.durable_names] {
            match names.get(path).map(|number| &state.files[*number]) {
                None => outcomes.push(None),
                Some((_, Some(synced))) => outcomes.push(Some(synced.clone())),
                Some((written, None)) => {
                    outcomes.extend([Vec::new(), written[..written.len() / 2].to_vec(), written.clone()].map(Some));
                }
            }
        }
        outcomes
    }
}

impl Disk for ModelDisk {
    fn write(&self, path: &Path, octets: &[u8]) -> io::Result<()> {
        self.step(|state, fails| {
            let written = if fails { &octets[..octets.len() / 2] } else { octets };
            state.files.push((written.to_vec(), None));
            let number = state.files.len() - 1;
            state.names.insert(path.into(), number);
        })
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        self.step(|state, _| {
            let number = state.names[path];
            state.files[number].1 = Some(state.files[number].0.clone());
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|state, _| {
            let number = state.names.remove(from).expect("the file that was written");
            state.names.insert(to.into(), number);
        })
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        self.step(|state, _| state.durable_names = state.names.clone())
    }
}

/// A card with an AUTH PIN on a disk that holds it durably.
fn on_a_model_disk() -> (CardFile, ModelDisk, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("taro.card");
    let mut card = Card::blank(*b"0000000000000001");
    card.set_pin(Kind::Auth, b"1234").unwrap();
    let disk = ModelDisk::default();
    disk.0.lock().unwrap().left = usize::MAX;
    let seal = Seal::new("passphrase", 4, &SystemEntropy::default()).unwrap();
    let lock = lock(&path).unwrap();
    let file = CardFile { path, card, seal, disk: Box::new(disk.clone()), _lock: lock };
    file.save().unwrap();
    (file, disk, folder)
}

fn tries(image: &[u8]) -> Option<u8> {
    let (_, image) = Seal::open(image, "passphrase").expect("a whole file");
    Card::of_image(&image, SoftKey::load).expect("a card").summary().auth.tries_left
}

/// Sends commands, the last of which meets a disk that fails after some steps, and cuts the power.
fn broken_off(commands: &[&[u8]], left: usize, persists: bool) -> (Reply, Vec<Option<u8>>) {
    let (mut file, disk, _folder) = on_a_model_disk();
    let (last, before) = commands.split_last().unwrap();
    for command in before {
        file.exchange(command);
    }
    (disk.0.lock().unwrap().left, disk.0.lock().unwrap().persists) = (left, persists);
    let reply = file.exchange(last);
    let outcomes = disk.after_power_cut(&file.path);
    let tries = outcomes.iter().map(|outcome| tries(outcome.as_deref().expect("the card is there"))).collect();
    (reply, tries)
}

#[test]
fn a_power_cut_at_every_step_leaves_the_card_before_or_after() {
    for persists in [false, true] {
        for left in 0..STEPS {
            let (reply, after) = broken_off(&[SELECT, MISS, MISS], left, persists);
            assert_eq!(reply.status(), StatusWord::MEMORY_FAILURE, "step {left}");
            assert!(after.iter().all(|tries| matches!(tries, Some(1 | 2))), "step {left}: {after:?}");
            let (reply, after) = broken_off(&[SELECT, MISS, HIT], left, persists);
            assert_eq!(reply.status(), StatusWord::MEMORY_FAILURE, "step {left}");
            assert!(after.iter().all(|tries| matches!(tries, Some(2 | 3))), "step {left}: {after:?}");
        }
    }
}

#[test]
fn what_was_answered_survives_every_power_cut() {
    let (reply, after) = broken_off(&[SELECT, MISS], STEPS, false);
    assert_eq!(reply.status(), StatusWord::tries_left(2));
    assert_eq!(after, [Some(2), Some(2)]);
    let (reply, after) = broken_off(&[SELECT, MISS, HIT], STEPS, false);
    assert_eq!(reply.status(), StatusWord::DONE);
    assert_eq!(after, [Some(3), Some(3)]);
}

/// Nothing is written where nothing changed, so a full disk does not stop the card from being read.
#[test]
fn an_answer_that_changes_nothing_needs_no_disk() {
    let (reply, _) = broken_off(&[SELECT], 0, false);
    assert_eq!(reply.status(), StatusWord::DONE);
    let (reply, _) = broken_off(&[SELECT, b"\x00\x20\x00\x98"], 0, false);
    assert_eq!(reply.status(), StatusWord::tries_left(3));
}

/// Otherwise whoever breaks off the write learns which PIN is right, and starts again with all its tries.
#[test]
fn where_a_try_cannot_be_written_a_hit_is_told_no_more_than_a_miss() {
    for left in 0..STEPS {
        for pin in [HIT, MISS] {
            let (reply, _) = broken_off(&[SELECT, pin], left, false);
            assert_eq!(reply.octets(), [0x65, 0x81], "step {left}");
        }
    }
}

/// Otherwise whoever fills the disk may guess PINs for nothing.
#[test]
fn on_a_disk_that_fails_tries_run_out_all_the_same() {
    let (mut file, disk, _folder) = on_a_model_disk();
    disk.0.lock().unwrap().left = 0;
    for left in [2, 1, 0] {
        file.exchange(SELECT);
        assert_eq!(file.exchange(MISS).octets(), [0x65, 0x81]);
        assert_eq!(file.card().summary().auth.tries_left, Some(left));
    }
    file.exchange(SELECT);
    assert_eq!(file.exchange(HIT).status(), StatusWord::PIN_UNUSABLE);
}

#[test]
fn a_changed_pin_is_the_old_or_the_new_one() {
    for left in 0..=STEPS {
        let (mut file, disk, _folder) = on_a_model_disk();
        file.exchange(SELECT);
        file.exchange(HIT);
        disk.0.lock().unwrap().left = left;
        let reply = file.exchange(CHANGE).status();
        assert_eq!(reply, if left < STEPS { StatusWord::MEMORY_FAILURE } else { StatusWord::DONE });
        for outcome in disk.after_power_cut(&file.path) {
            let (_, image) = Seal::open(&outcome.unwrap(), "passphrase").unwrap();
            let mut card = Card::of_image(&image, SoftKey::load).unwrap();
            let mut is = |pin: &[u8]| {
                card.exchange(SELECT, &Salts(SystemEntropy::default()));
                let verify = [&[0, 0x20, 0, 0x98, 4][..], pin].concat();
                card.exchange(&verify, &Salts(SystemEntropy::default())).status() == StatusWord::DONE
            };
            assert!(is(b"5678") != is(b"1234"));
        }
    }
}

#[test]
fn a_card_comes_back_from_its_file_with_key_and_tries() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("taro.card");
    let name = Name::new(vec![crate::x509::Attribute::common_name("JITSUIN-TEST")]).unwrap();
    let mut file = CardFile::create(&path, "passphrase", Card::blank(*b"0000000000000001")).unwrap();
    file.issue(|card| card.make_key(Kind::Auth, &name, || SoftKey::generate(KeyKind::P256))).unwrap();
    file.issue(|card| card.set_pin(Kind::Auth, b"1234")).unwrap();
    file.exchange(SELECT);
    assert_eq!(file.exchange(MISS).status(), StatusWord::tries_left(2));
    let image = file.card().image();
    drop(file);
    let file = CardFile::open(&path, "passphrase").unwrap();
    assert_eq!(file.card().image(), image);
    assert!(!beside(&path, "new").exists());
}

#[test]
fn one_program_at_a_time_plays_a_card() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("taro.card");
    let file = CardFile::create(&path, "passphrase", Card::blank(*b"0000000000000001")).unwrap();
    assert!(matches!(CardFile::open(&path, "passphrase"), Err(CardFileError::InUse(_))));
    let again = CardFile::create(&path, "passphrase", Card::blank(*b"0000000000000001"));
    assert!(matches!(again, Err(CardFileError::InUse(_))));
    drop(file);
    let again = CardFile::create(&path, "passphrase", Card::blank(*b"0000000000000001"));
    assert!(matches!(again, Err(CardFileError::Exists(_))));
    assert!(CardFile::open(&path, "passphrase").is_ok());
}

#[test]
fn a_file_that_was_changed_or_is_open_to_others_is_refused_and_left_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("taro.card");
    drop(CardFile::create(&path, "passphrase", Card::blank(*b"0000000000000001")).unwrap());
    let good = fs::read(&path).unwrap();
    let told = |octets: &[u8]| {
        fs::write(&path, octets).unwrap();
        let refused = CardFile::open(&path, "passphrase").err().expect("a refusal").to_string();
        assert_eq!(fs::read(&path).unwrap(), octets);
        assert!(refused.contains("taro.card"), "{refused}");
        refused
    };
    let mut bent = good.clone();
    *bent.last_mut().unwrap() ^= 1;
    assert!(told(&bent).contains("was changed or cut off"));
    assert!(told(&good[..good.len() - 1]).contains("was changed or cut off"));
    assert!(told(&good[..40]).contains("cut off"));
    assert!(told(b"").contains("no card file"));
    assert!(told(&[b' '; CARD_FILE_OCTETS + 1]).contains("too large"));
    fs::write(&path, &good).unwrap();
    assert!(matches!(CardFile::open(&path, "Passphrase"), Err(CardFileError::Seal(_, SealError::Passphrase))));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(told(&good).contains("chmod 600"));
    assert!(CardFile::open(&folder.path().join("nobody.card"), "passphrase").is_err());
    assert!(!folder.path().join("nobody.card.lock").exists());
}
