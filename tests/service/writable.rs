//! What keeps a service from writing is named before it is started, and refused in the same words and with the same exit code by
//! whoever has to write; what is there already is not written over.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Output},
};

use super::{
    process::jitsuin,
    shim::{Shim, Slot},
    site::Site,
};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_clock_that_is_behind_is_refused_in_the_same_words_by_whoever_looks_or_writes() {
    let site = Site::of_one();
    let shim = Shim::new(&site.path());
    shim.set(Slot::Clock, -3600);
    let fresh = site.aside().join("fresh");
    fs::write(&fresh, "another passphrase of enough length\n").expect("written");
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600)).expect("its mode");
    let fresh = fresh.to_str().expect("a path");
    for words in [
        &["check"][..],
        &["crl", "publish"],
        &["keys", "rotate-passphrase", "--new-passphrase-file", fresh],
        &["credential", "revoke", "13115"],
    ] {
        let mut command = jitsuin();
        let output = shim.before(&mut command).args(words).arg("--dir").arg(site.path()).output().expect("it runs");
        assert_eq!(output.status.code(), Some(3), "{words:?}: {}", said(&output));
        assert!(said(&output).contains("the clock went back: the last entry is of"), "{words:?}: {}", said(&output));
        assert!(!said(&output).contains("internal fault"), "{words:?}: {}", said(&output));
    }
    let checked = jitsuin().args(["check", "--dir"]).arg(site.path()).output().expect("it runs");
    assert!(checked.status.success(), "{}", said(&checked));
}

#[test]
fn a_medium_that_is_read_only_is_named_by_check() {
    let site = Site::new();
    let mounted = "mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\" && shift && exec \"$@\"";
    let of_check = jitsuin();
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", mounted, "sh"]).arg(site.path());
    command.arg(of_check.get_program()).args(of_check.get_args()).args(["check", "--dir"]).arg(site.path());
    command.envs(of_check.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().expect("unshare is there (Debian package util-linux)");
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let database = site.path().join("jitsuin.sqlite");
    let words = format!("{} cannot be written: Read-only file system", database.display());
    assert!(said(&output).contains(&words), "{}", said(&output));
}

#[test]
fn a_file_that_is_there_is_not_written_over_and_that_is_what_is_said() {
    let site = Site::new();
    let there = site.aside().join("there");
    fs::write(&there, "mine").expect("written");
    let output = jitsuin().args(["audit", "export", "--to"]).arg(&there).arg("--dir").arg(site.path()).output();
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let words = format!("{}: is there already, and is not written over", there.display());
    assert!(said(&output).contains(&words), "{}", said(&output));
    assert_eq!(fs::read_to_string(&there).expect("read"), "mine");
}

#[test]
fn a_damaged_last_checkpoint_is_named_by_its_line_and_the_others_are_not_denied() {
    let site = Site::new();
    let path = site.path().join("checkpoints");
    let kept = fs::read_to_string(&path).expect("checkpoints");
    fs::write(&path, format!("{kept}garbage\n")).expect("written");
    let number = kept.lines().count() + 1;
    let output = jitsuin().args(["audit", "verify", "--dir"]).arg(site.path()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains(&format!("its last line, number {number}, is no checkpoint")), "{}", said(&output));
    assert!(!said(&output).contains("there are none"), "{}", said(&output));
}
