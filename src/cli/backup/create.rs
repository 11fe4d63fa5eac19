//! Saving.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process,
};

use serde::Serialize;

use super::{
    super::{
        Output,
        failure::Failure,
        passphrase::Purpose,
        world::{SystemClock, SystemEntropy, stopwatch},
    },
    BackupArgs,
    age::Sealing,
    archive,
    contents::{Contents, Scratch, check_room},
    manifest::{FORMAT, Manifest},
    open::passphrase_of,
};
use crate::{audit::Marks, ports::Clock};

/// A backup that was made.
#[derive(Debug, Serialize)]
pub struct Made {
    /// Where it is.
    pub file: PathBuf,
    /// How long it is.
    pub octets: u64,
    /// How many files are in it.
    pub files: usize,
    /// Whether the private keys are.
    pub keys: bool,
    /// How far the store had come.
    pub marks: Marks,
    /// How long it took.
    pub milliseconds: u128,
}

pub(super) fn run(args: &BackupArgs, to: &Path, out: &Output) -> Result<(), Failure> {
    let sealing = match (args.recipient.as_slice(), &args.passphrase_file) {
        ([], Some(path)) => Sealing::Passphrase(passphrase_of(path, Purpose::New)?),
        ([], None) => {
            return Err(Failure::usage("say --recipient age1… or --passphrase-file FILE: a backup is sealed"));
        }
        (recipients, _) => Sealing::Recipients(recipients.to_vec()),
    };
    let scratch = args.scratch.as_deref().unwrap_or(&args.dir);
    let made = save_by((&args.dir, scratch), to, &sealing, args.with_keys)?;
    out.print(&made, || text(&made))
}

/// Saves the service in a directory to a file that does not exist.
///
/// # Errors
/// [`Failure`]; then there is no such file.
pub fn save(directory: &Path, to: &Path, sealing: &Sealing, with_keys: bool) -> Result<Made, Failure> {
    save_by((directory, directory), to, sealing, with_keys)
}

fn save_by(
    (directory, scratch): (&Path, &Path),
    to: &Path,
    sealing: &Sealing,
    with_keys: bool,
) -> Result<Made, Failure> {
    let began = stopwatch();
    refuse_occupied(to)?;
    let made_at = SystemClock::default().now();
    let scratch = Scratch::new(scratch)?;
    let Contents { service, marks, mut sources } = Contents::gather(directory, &scratch, with_keys)?;
    let members = sources.iter().map(|source| source.member.clone()).collect();
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let manifest = Manifest { format: FORMAT.into(), version, made_at, service, marks, keys: with_keys, members };
    check_room(parent(to), manifest.octets())?;
    let partial = Partial::new(to)?;
    let octets = partial.fill(sealing, |out| archive::write(out, &manifest, &mut sources))?;
    partial.stand()?;
    let milliseconds = (stopwatch() - began).as_millis();
    Ok(Made { file: to.into(), octets, files: sources.len(), keys: with_keys, marks: manifest.marks, milliseconds })
}

fn text(made: &Made) -> String {
    let Made { file, octets, files, marks, .. } = made;
    let keys = if made.keys {
        "The private keys are in it, encrypted with their own passphrase, which is not."
    } else {
        "The private keys are not in it: keep them elsewhere, for a service without its keys is over."
    };
    format!(
        "{}: {octets} octets, {files} files, up to audit entry {} of {}.\n{keys}\nTo read it whole: jitsuin backup --verify {}",
        file.display(),
        marks.entry,
        marks.at,
        file.display()
    )
}

fn refuse_occupied(to: &Path) -> Result<(), Failure> {
    match to.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::refused(format!("{}: {error}", to.display()))),
        Ok(_) => Err(Failure::refused(format!("{} exists already; a backup is never overwritten", to.display()))),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file beside the one that it will be; it goes unless it is made to stand.
struct Partial<'a> {
    to: &'a Path,
    path: PathBuf,
    file: File,
}

impl<'a> Partial<'a> {
    fn new(to: &'a Path) -> Result<Self, Failure> {
        let mut name = OsString::from(".");
        name.push(to.file_name().ok_or_else(|| Failure::usage(format!("{} is no file", to.display())))?);
        name.push(format!(".partial-{}", process::id()));
        let path = parent(to).join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let named = |error| Failure::refused(format!("{}: {error}", path.display()));
        Ok(Self { to, file: file.map_err(named)?, path })
    }

    /// Seals what `write` writes into it; gives its length.
    fn fill(
        &self,
        sealing: &Sealing,
        write: impl FnOnce(super::age::Sealed<BufWriter<&File>>) -> io::Result<super::age::Sealed<BufWriter<&File>>>,
    ) -> Result<u64, Failure> {
        let fault = |error: io::Error| Failure::fault(format!("{}: {error}", self.to.display()));
        let out = BufWriter::with_capacity(256 * 1024, &self.file);
        let sealed = sealing.begin(out, &SystemEntropy::default()).map_err(Failure::fault)?;
        let mut out = write(sealed).and_then(super::age::Sealed::finish).map_err(fault)?;
        out.flush().and_then(|()| self.file.sync_all()).map_err(fault)?;
        Ok(self.file.metadata().map_err(fault)?.len())
    }

    /// Gives it its name, which nobody took meanwhile.
    fn stand(self) -> Result<(), Failure> {
        // Renaming would go over a file that came meanwhile; a second name does not.
        let named = match fs::hard_link(&self.path, self.to) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                refuse_occupied(self.to)?;
                fs::rename(&self.path, self.to)
            }
            named => named,
        };
        let directory = named.and_then(|()| File::open(parent(self.to))?.sync_all());
        directory.map_err(|error| Failure::fault(format!("{}: {error}", self.to.display())))
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        // Of a file that stands this was the other name.
        let _ = fs::remove_file(&self.path);
    }
}
