use std::{
    env,
    os::unix::fs::symlink,
    process::{Command, abort},
};

use pkcs8::{
    LineEnding,
    der::{Encode, asn1::OctetString, pem::encode_string},
    pkcs5::pbes2::Parameters,
};
use tempfile::TempDir;

use super::*;
use crate::signer::KeyKind;

const OLD: &str = "JITSUIN-TEST the old passphrase";
const NEW: &str = "JITSUIN-TEST the new passphrase";
const NAMES: [&str; 2] = ["a.pem", "b.pem"];

/// A key file that costs nothing to open.
fn write_cheap(path: &Path, key: &PrivateKey) {
    let scheme = Parameters::generate_pbkdf2_sha256_aes256cbc(1, &[7; 16], [7; 16]).unwrap();
    let encrypted_data = OctetString::new(scheme.encrypt(OLD, key.pkcs8()).unwrap()).unwrap();
    let info = pkcs8::EncryptedPrivateKeyInfoOwned { encryption_algorithm: scheme.into(), encrypted_data };
    let pem = encode_string("ENCRYPTED PRIVATE KEY", LineEnding::LF, &info.to_der().unwrap()).unwrap();
    fs::write(path, pem).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// `keys` with two keys and a README, in a room of its own.
fn house() -> (TempDir, PathBuf, Vec<PrivateKey>) {
    let room = TempDir::new().unwrap();
    let keys = room.path().join("keys");
    keyfile::make_private_directory(&keys).unwrap();
    let made: Vec<_> = NAMES.iter().map(|_| PrivateKey::generate(KeyKind::P256).unwrap()).collect();
    for (name, key) in NAMES.iter().zip(&made) {
        write_cheap(&keys.join(name), key);
    }
    fs::write(keys.join("README.md"), "keys").unwrap();
    (room, keys, made)
}

/// Which passphrase opens every key, each being the one it was.
fn opens_with(keys: &Path, made: &[PrivateKey]) -> Vec<&'static str> {
    let all = |passphrase: &&&str| {
        NAMES
            .iter()
            .zip(made)
            .all(|(name, key)| keyfile::read_encrypted(&keys.join(name), passphrase).is_ok_and(|found| found == *key))
    };
    [&OLD, &NEW].into_iter().filter(all).copied().collect()
}

fn rotate(keys: &Path, (old, new): (&str, &str), tell: &mut dyn FnMut(Progress)) -> Result<Rotated, RotateError> {
    Rotation::open(keys, old)?.perform(new, tell)
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn refused(keys: &Path, passphrases: (&str, &str)) -> String {
    let mut told = Vec::new();
    let refusal = rotate(keys, passphrases, &mut |progress| told.push(progress)).unwrap_err();
    assert!(!told.contains(&Progress::Begun), "{told:?}");
    refusal.to_string()
}

#[test]
fn every_key_is_the_same_under_the_new_passphrase_and_nothing_is_left_beside() {
    let (room, keys, made) = house();
    fs::set_permissions(keys.join("b.pem"), fs::Permissions::from_mode(0o400)).unwrap();
    let rotated = rotate(&keys, (OLD, NEW), &mut |_| ()).unwrap();
    assert_eq!((rotated.keys, rotated.left), (NAMES.map(str::to_owned).to_vec(), None));
    assert_eq!(opens_with(&keys, &made), [NEW]);
    assert_eq!(names(&keys), ["README.md", "a.pem", "b.pem"]);
    assert_eq!(names(room.path()), ["keys"]);
    let mode = |path: &Path| path.metadata().unwrap().mode() & 0o7777;
    assert_eq!([mode(&keys), mode(&keys.join("a.pem")), mode(&keys.join("b.pem"))], [0o700, 0o600, 0o400]);
}

#[test]
fn openssl_opens_a_rotated_key_with_the_new_passphrase_only() {
    let (_room, keys, _) = house();
    rotate(&keys, (OLD, NEW), &mut |_| ()).unwrap();
    let opens = |passphrase: &str| {
        let mut openssl = Command::new("openssl");
        openssl.args(["pkey", "-noout", "-passin", &format!("pass:{passphrase}"), "-in"]).arg(keys.join("a.pem"));
        openssl.output().unwrap().status.success()
    };
    assert!(opens(NEW) && !opens(OLD));
}

#[test]
fn a_wrong_passphrase_is_refused_with_every_key_that_it_does_not_open() {
    let (room, keys, made) = house();
    let refusal = refused(&keys, ("another passphrase", NEW));
    assert!(NAMES.iter().all(|name| refusal.contains(name)), "{refusal}");
    assert_eq!((opens_with(&keys, &made), names(room.path())), (vec![OLD], vec!["keys".to_owned()]));
}

#[test]
fn a_key_of_another_passphrase_or_mode_stops_all() {
    let (_room, keys, made) = house();
    let stranger = keys.join("d.pem");
    keyfile::write_encrypted(&stranger, &made[0], NEW).unwrap();
    let refusal = refused(&keys, (OLD, NEW));
    assert!(refusal.contains("d.pem") && !refusal.contains("a.pem"), "{refusal}");
    fs::remove_file(stranger).unwrap();
    fs::set_permissions(keys.join("b.pem"), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(refused(&keys, (OLD, NEW)).contains("chmod 600"));
    fs::set_permissions(keys.join("b.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(opens_with(&keys, &made), [OLD]);
}

#[test]
fn what_is_no_file_among_the_keys_is_refused_rather_than_lost() {
    let (room, keys, made) = house();
    fs::create_dir(keys.join("old")).unwrap();
    symlink(room.path().join("elsewhere"), keys.join("link.pem")).unwrap();
    fs::write(keys.join("database"), vec![0; KEY_FILE_OCTETS + 1]).unwrap();
    let refusal = refused(&keys, (OLD, NEW));
    for name in ["old", "link.pem", "database"] {
        assert!(refusal.contains(name), "{refusal}");
    }
    assert_eq!(opens_with(&keys, &made), [OLD]);
}

#[test]
fn a_directory_without_keys_or_none_is_refused() {
    let room = TempDir::new().unwrap();
    assert!(matches!(rotate(room.path(), (OLD, NEW), &mut |_| ()), Err(RotateError::Empty(_))));
    let none = rotate(&room.path().join("none"), (OLD, NEW), &mut |_| ());
    assert!(matches!(none, Err(RotateError::Io { action: "read", .. })));
}

#[test]
fn a_rotation_through_a_link_changes_the_directory_behind_it() {
    let (room, keys, made) = house();
    let link = room.path().join("link");
    symlink(&keys, &link).unwrap();
    rotate(&link, (OLD, NEW), &mut |_| ()).unwrap();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(opens_with(&keys, &made), [NEW]);
}

#[test]
fn where_the_directory_beside_cannot_be_made_nothing_is_changed() {
    let (room, keys, made) = house();
    let beside = room.path().join("keys.rotating");
    fs::write(&beside, "a file in the way").unwrap();
    assert!(matches!(rotate(&keys, (OLD, NEW), &mut |_| ()), Err(RotateError::Io { .. })));
    assert_eq!(opens_with(&keys, &made), [OLD]);
    assert!(beside.is_file());
}

/// Where the child of the test below is killed, and which directory it rotates.
const KILL: &str = "JITSUIN_TEST_ROTATE_UNTIL";
const KEYS: &str = "JITSUIN_TEST_ROTATE_KEYS";

/// Not a test of its own: the child that is killed at a step.
#[test]
fn child_that_is_killed() {
    let (Ok(until), Some(keys)) = (env::var(KILL), env::var_os(KEYS)) else { return };
    let mut steps = until.parse::<usize>().unwrap();
    rotate(Path::new(&keys), (OLD, NEW), &mut |_| {
        if steps == 0 {
            abort();
        }
        steps -= 1;
    })
    .unwrap();
}

#[test]
fn killed_at_any_step_every_key_opens_with_one_passphrase_and_the_next_rotation_goes_through() {
    let (_room, keys, _) = house();
    let mut steps = Vec::new();
    rotate(&keys, (OLD, NEW), &mut |progress| steps.push(progress)).unwrap();
    let exchanged = steps.iter().position(|step| *step == Progress::Exchanged).unwrap();
    assert!(exchanged >= 7 && steps.len() >= exchanged + 5, "{steps:?}");
    for (until, step) in steps.iter().enumerate() {
        let (room, keys, made) = house();
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "signer::rotate::tests::child_that_is_killed", "--nocapture"]);
        let ended = child.env(KILL, until.to_string()).env(KEYS, &keys).output().unwrap();
        assert!(!ended.status.success(), "the child of step {until} was not killed");
        let force = if until < exchanged { OLD } else { NEW };
        assert_eq!(opens_with(&keys, &made), [force], "killed after {step:?}");
        assert_eq!(names(&keys), ["README.md", "a.pem", "b.pem"], "killed after {step:?}");

        let other = if force == OLD { NEW } else { OLD };
        rotate(&keys, (force, other), &mut |_| ()).unwrap();
        assert_eq!(opens_with(&keys, &made), [other], "after {step:?}");
        assert_eq!(names(room.path()), ["keys"], "after {step:?}");
    }
}
