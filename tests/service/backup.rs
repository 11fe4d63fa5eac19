//! `jitsuin backup` as an operator uses it, and the program `age` as the second opinion on what it writes.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use super::{process::jitsuin, site::Site};

/// An identity that `age-keygen` made, and what it opens.
pub(crate) struct Keeper {
    pub(crate) identity: PathBuf,
    pub(crate) recipient: String,
}

impl Keeper {
    pub(crate) fn new(directory: &Path) -> Self {
        let identity = directory.join("identity.txt");
        let made = Command::new("age-keygen").arg("-o").arg(&identity).output().expect("age-keygen is there");
        assert!(made.status.success());
        let told = Command::new("age-keygen").arg("-y").arg(&identity).output().expect("age-keygen is there");
        Self { identity, recipient: String::from_utf8(told.stdout).expect("text").trim().to_owned() }
    }
}

pub(crate) fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|octets| String::from_utf8_lossy(octets).into_owned()).concat()
}

/// Saves the service, and gives what was said.
pub(crate) fn backup(site: &Site, to: &Path, options: &[&str]) -> Output {
    jitsuin()
        .args(["--json", "backup", "--dir"])
        .arg(site.path())
        .arg("--to")
        .arg(to)
        .args(options)
        .output()
        .expect("it runs")
}

pub(crate) fn verify(file: &Path, options: &[&str]) -> Output {
    jitsuin().args(["--json", "backup", "--verify"]).arg(file).args(options).output().expect("it runs")
}

fn private(path: &Path, line: &str) {
    fs::write(path, line).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("its mode");
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// The files of a directory, without the companions that whoever reads a database makes.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.ends_with("-shm") && !name.ends_with("-wal"));
    names.sort();
    names
}

#[test]
fn age_and_tar_open_a_backup_without_us() {
    let site = Site::new();
    let keeper = Keeper::new(&site.aside());
    let file = site.aside().join("saved.age");
    let before = names(&site.path());
    let made = backup(&site, &file, &["--with-keys", "--recipient", &keeper.recipient]);
    assert!(made.status.success(), "{}", text(&made));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(names(&site.path()), before, "nothing is left in the service");

    let plain = site.aside().join("saved.tar");
    let opened = Command::new("age")
        .args(["-d", "-i", utf8(&keeper.identity), "-o", utf8(&plain)])
        .arg(&file)
        .output()
        .expect("age is there");
    assert!(opened.status.success(), "{}", text(&opened));
    let unpacked = site.aside().join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    let tar = Command::new("tar").arg("xf").arg(&plain).arg("-C").arg(&unpacked).output().expect("tar is there");
    assert!(tar.status.success(), "{}", text(&tar));
    let manifest: Value = serde_json::from_slice(&fs::read(unpacked.join("manifest.json")).unwrap()).unwrap();
    let members = manifest["members"].as_array().unwrap();
    let lines: String = members
        .iter()
        .map(|one| format!("{}  {}\n", one["sha256"].as_str().unwrap(), one["name"].as_str().unwrap()))
        .collect();
    fs::write(unpacked.join("sums"), lines).unwrap();
    let sums = Command::new("sha256sum")
        .args(["--check", "--strict", "sums"])
        .current_dir(&unpacked)
        .output()
        .expect("sha256sum is there");
    assert!(sums.status.success(), "{}", text(&sums));
    for name in ["jitsuin.toml", "jitsuin.sqlite", "certificates/sign-1.pem", "keys/sign-1.pem", "keys/serial-1.pem"] {
        assert!(members.iter().any(|one| one["name"] == name), "{name}");
    }
    assert!(members.iter().all(|one| !one["name"].as_str().unwrap().starts_with("credentials")));

    // And the other way round: what `age` seals is read.
    let again = site.aside().join("again.age");
    let sealed = Command::new("age")
        .args(["-r", &keeper.recipient, "-o", utf8(&again)])
        .arg(&plain)
        .output()
        .expect("age is there");
    assert!(sealed.status.success(), "{}", text(&sealed));
    let verified = verify(&again, &["--identity", utf8(&keeper.identity)]);
    assert!(verified.status.success(), "{}", text(&verified));
    let told: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!(
        (&told["files"], &told["keys"], &told["marks"]),
        (&members.len().into(), &names(&site.path().join("keys")).len().into(), &manifest["marks"]),
        "{told}"
    );
}

#[test]
fn a_backup_without_the_keys_says_so_and_has_none() {
    let site = Site::new();
    let keeper = Keeper::new(&site.aside());
    let file = site.aside().join("saved.age");
    let made = backup(&site, &file, &["--recipient", &keeper.recipient]);
    assert!(made.status.success(), "{}", text(&made));
    let verified = verify(&file, &["--identity", utf8(&keeper.identity)]);
    let told: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!(told["keys"], 0, "{told}");
}

#[test]
fn what_is_damaged_cut_or_another_s_is_not_verified() {
    let site = Site::new();
    let keeper = Keeper::new(&site.aside());
    let file = site.aside().join("saved.age");
    assert!(backup(&site, &file, &["--recipient", &keeper.recipient]).status.success());
    let octets = fs::read(&file).unwrap();
    let bad = site.aside().join("bad.age");
    let by_keeper = ["--identity", utf8(&keeper.identity)];
    let refused = |content: &[u8], options: &[&str]| {
        fs::write(&bad, content).unwrap();
        let output = verify(&bad, options);
        assert_eq!(output.status.code(), Some(3), "{}", text(&output));
        text(&output)
    };
    for at in [30, 120, 190, octets.len() / 2, octets.len() - 1] {
        let mut flipped = octets.clone();
        flipped[at] ^= 1;
        refused(&flipped, &by_keeper);
    }
    for length in [0, 20, 250, octets.len() / 2, octets.len() - 1] {
        refused(&octets[..length], &by_keeper);
    }
    let aside = site.aside().join("another");
    fs::create_dir(&aside).unwrap();
    let another = Keeper::new(&aside);
    assert!(refused(&octets, &["--identity", utf8(&another.identity)]).contains("none of the identities"));
    let passphrase = site.aside().join("passphrase");
    private(&passphrase, "JITSUIN-TEST passphrase\n");
    assert!(refused(&octets, &["--passphrase-file", utf8(&passphrase)]).contains("--identity"));
    assert!(refused(b"PK\x03\x04 something else", &by_keeper).contains("no file of age"));
}

#[test]
fn nothing_is_saved_where_it_should_not_be() {
    let site = Site::new();
    let keeper = Keeper::new(&site.aside());
    let file = site.aside().join("saved.age");
    let weak = site.aside().join("weak");
    private(&weak, "too short\n");
    for (options, code, said) in [
        (&[][..], 2, "a backup is sealed"),
        (&["--recipient", "age1nobody"], 2, "a recipient is age1"),
        (&["--recipient", &keeper.recipient, "--passphrase-file", "x"], 2, "cannot be used with"),
        (&["--passphrase-file", utf8(&weak)], 3, "shorter than"),
        (&["--passphrase-file", "/nonexistent"], 3, "/nonexistent"),
        (&["--recipient", &keeper.recipient, "--scratch", "/nonexistent/there"], 3, "/nonexistent/there"),
    ] {
        let refused = backup(&site, &file, options);
        assert_eq!(refused.status.code(), Some(code), "{options:?} {}", text(&refused));
        assert!(text(&refused).contains(said), "{}", text(&refused));
        assert!(!file.exists());
    }
    fs::write(&file, b"something else").unwrap();
    let refused = backup(&site, &file, &["--recipient", &keeper.recipient]);
    assert!(refused.status.code() == Some(3) && text(&refused).contains("never overwritten"), "{}", text(&refused));
    assert_eq!(fs::read(&file).unwrap(), b"something else");
    let nowhere = jitsuin()
        .args(["backup", "--dir", "/nonexistent", "--to"])
        .arg(site.aside().join("x"))
        .args(["--recipient", &keeper.recipient])
        .output()
        .unwrap();
    assert_eq!(nowhere.status.code(), Some(3), "{}", text(&nowhere));
    assert!(names(&site.aside()).iter().all(|name| !name.contains("partial")), "{:?}", names(&site.aside()));
}

#[test]
fn what_a_crash_left_in_the_service_goes_with_the_next_backup() {
    let site = Site::new();
    let keeper = Keeper::new(&site.aside());
    let left = site.path().join(".backup-4194305");
    fs::create_dir(&left).unwrap();
    for name in ["lock", "jitsuin.sqlite"] {
        fs::write(left.join(name), b"").unwrap();
    }
    let made = backup(&site, &site.aside().join("saved.age"), &["--recipient", &keeper.recipient]);
    assert!(made.status.success(), "{}", text(&made));
    assert!(!left.exists());
}
