//! A service that was made for a test, and is gone with it.

use std::{fs, path::PathBuf, process::Command};

use tempfile::TempDir;

use super::{
    process::{PASSPHRASE, jitsuin},
    weak_keys::weaken,
};

/// A service with free ports, whose log is JSON and whose keys open at once.
pub(crate) struct Site(TempDir);

impl Site {
    pub(crate) fn new() -> Self {
        Self::made(tempfile::tempdir().expect("a directory"), (&mut jitsuin(), &[]))
    }

    /// One that a single operator runs: no act takes two.
    pub(crate) fn of_one() -> Self {
        Self::made(tempfile::tempdir().expect("a directory"), (&mut jitsuin(), &["--single-operator".into()]))
    }

    /// Made by a command with an environment and options of its own.
    pub(crate) fn made(directory: TempDir, (command, options): (&mut Command, &[String])) -> Self {
        let site = Self(directory);
        let init = command.args(["init", "--ca-key", "p-256"]).args(options).arg("--dir").arg(site.path());
        let made = init.output().expect("init runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        weaken(&site.path().join("keys"), PASSPHRASE);
        for port in ["8080", "8443", "9090"] {
            site.configure(&format!("\"127.0.0.1:{port}\""), "\"127.0.0.1:0\"");
        }
        site.configure("format = \"text\"", "format = \"json\"");
        site
    }

    /// A directory beside the service.
    pub(crate) fn aside(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("service")
    }

    /// Changes the configuration.
    #[track_caller]
    pub(crate) fn configure(&self, from: &str, to: &str) {
        let path = self.path().join("jitsuin.toml");
        let text = fs::read_to_string(&path).expect("the configuration");
        assert!(text.contains(from), "{from}");
        fs::write(&path, text.replacen(from, to, 1)).expect("written");
    }
}
