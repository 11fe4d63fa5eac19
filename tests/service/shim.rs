//! What stands between a child process and its system when a test wants it to: see `faults/shim.c`, which the C compiler that the
//! toolchain needs anyway makes. Why no library from elsewhere: it does what no package does (fail from a step on, and heal), in a
//! page.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use tempfile::TempDir;

/// Compiled once for the process, which under nextest is once a test.
fn library() -> &'static Path {
    static MADE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = MADE.get_or_init(|| {
        let room = tempfile::tempdir().expect("a directory");
        let path = room.path().join("shim.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/service/faults/shim.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&path).arg(source).arg("-ldl");
        let made = compiler.output().expect("a C compiler is there");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        (room, path)
    });
    path
}

/// What can be meddled with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slot {
    /// Seconds by which the clock of the day is wrong.
    Clock,
    /// The number of the error with which syncing fails; 0: it works.
    SyncError,
    /// The same for writing.
    WriteError,
    /// The step in which the process ends; 0: none.
    KillAt,
    /// Steps so far: writes, syncs, renames and removals of files.
    Steps,
    /// Whether half of what is written in the last step is written.
    Torn,
}

pub(crate) struct Shim {
    control: File,
    path: PathBuf,
    below: PathBuf,
    _room: TempDir,
}

impl Shim {
    /// For files below this directory.
    pub(crate) fn new(below: &Path) -> Self {
        let room = tempfile::tempdir().expect("a directory");
        let path = room.path().join("control");
        fs::write(&path, [0; 64]).expect("written");
        let control = File::options().read(true).write(true).open(&path).expect("opened");
        Self { control, path, below: below.canonicalize().expect("a directory"), _room: room }
    }

    /// Puts it before a command.
    pub(crate) fn before<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env("LD_PRELOAD", library()).env("JITSUIN_TEST_SHIM", &self.path);
        command.env("JITSUIN_TEST_SHIM_BELOW", &self.below)
    }

    pub(crate) fn set(&self, slot: Slot, value: i64) {
        self.control.write_all_at(&value.to_ne_bytes(), slot as u64 * 8).expect("written");
    }

    pub(crate) fn get(&self, slot: Slot) -> i64 {
        let mut octets = [0; 8];
        self.control.read_exact_at(&mut octets, slot as u64 * 8).expect("read");
        i64::from_ne_bytes(octets)
    }
}
