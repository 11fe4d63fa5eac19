//! `jitsuin restore`: makes a service of a backup.
//!
//! Nothing stands in the directory before all of it was found right: it is made beside and moved as a whole. Then the store
//! leaps (`authority/restore.rs`), learns again what published lists and a snapshot know, and a checkpoint under the new fence
//! says that this copy goes on and no other does.
//!
//! | file | what lives there |
//! |---|---|
//! | `unpack` | the files of the backup, put down as they come |
//! | `standing` | whether what was put down is one service: chain, lists, keys |
//! | `evidence` | what others know: checkpoints, published lists, a snapshot |
//! | `report` | what is told, and kept in `restore-report.json` |

mod evidence;
mod finish;
mod report;
mod signed;
mod standing;
mod unpack;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use self::{
    evidence::Evidence,
    report::{Gap, Window},
    standing::{Standing, tell_keeper},
};
pub use self::{report::Report, signed::sign_report};
use super::{
    Output,
    backup::{age::Opening, archive, manifest::Manifest, open},
    failure::Failure,
    files,
    init::{Staging, staging_name, sweep},
    passphrase::{Purpose, Sources},
    world::{SystemClock, SystemEntropy},
};
use crate::{
    authority::restore::{Issuers, Lesson, Pupil, decide_leap, leap, learn_access_list, learn_credentials},
    kind::Kind,
    ports::{AuthorityRecord, Clock, Entropy, Store},
    revocation::crl::ListEntries,
    x509::{CertificateView, Serial, UnixTime, hex},
};

/// The report, in the directory of the restored service.
pub const REPORT: &str = "restore-report.json";

/// From what, to where, and what else is known.
#[derive(Args, Debug)]
pub struct RestoreArgs {
    /// The backup.
    #[arg(long, value_name = "FILE", required_unless_present = "finish")]
    from: Option<PathBuf>,
    /// Where to make the service: a directory that does not exist or is empty.
    #[arg(long, value_name = "DIR", required_unless_present = "finish")]
    to: Option<PathBuf>,
    /// A file with the identity that opens the backup (`AGE-SECRET-KEY-1…`).
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// A file with the passphrase of the backup.
    #[arg(long, value_name = "FILE", conflicts_with = "identity")]
    passphrase_file: Option<PathBuf>,
    /// The directory with the private keys, where the backup does not hold them; they are copied.
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// A file with the passphrase of the keys; otherwise JITSUIN_PASSPHRASE, a systemd credential, or a question.
    #[arg(long, value_name = "FILE")]
    key_passphrase_file: Option<PathBuf>,
    /// Checkpoints that were kept elsewhere; the newest tells how far the lost service had come.
    #[arg(long, value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// A list that the lost service published, DER or PEM: its revocations are learnt again.
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,
    /// A snapshot of the status index of the lost service, newer than the backup: its revocations are learnt again.
    #[arg(long, value_name = "FILE")]
    status_snapshot: Option<PathBuf>,
    /// When the lost service wrote for the last time, such as 2026-11-22T05:00:00Z; otherwise now.
    #[arg(long, value_name = "TIME")]
    lost_until: Option<UnixTime>,
    /// Sign the checkpoint of a service in this directory that was restored without its keys, now that they are there.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["from", "to"])]
    finish: Option<PathBuf>,
}

/// Restores.
///
/// # Errors
/// [`Failure`]; then the directory is as it was.
pub fn run(args: &RestoreArgs, out: &Output) -> Result<(), Failure> {
    if let Some(directory) = &args.finish {
        return finish::run(directory, &args.key_passphrase()?, out);
    }
    let (Some(from), Some(to)) = (&args.from, &args.to) else { return Err(Failure::usage("say --from FILE --to DIR")) };
    let opening = open::opening(args.identity.as_deref(), args.passphrase_file.as_deref())?;
    let report = restore_by((from, &opening), to, &args.lost(), &|| args.key_passphrase())?;
    out.print(&report, || report.to_string())
}

/// What is left of a service that was lost.
#[derive(Clone, Debug, Default)]
pub struct Lost {
    /// The directory with its keys, where the backup does not hold them.
    pub keys: Option<PathBuf>,
    /// Files with checkpoints.
    pub checkpoints: Vec<PathBuf>,
    /// Lists that it published.
    pub lists: Vec<PathBuf>,
    /// A snapshot of its status index.
    pub snapshot: Option<PathBuf>,
    /// When it wrote for the last time; none: it may have done so until now.
    pub until: Option<UnixTime>,
}

/// Restores the backup in a file, as it is opened, to a directory that does not exist or is empty.
///
/// # Errors
/// [`Failure`]; then the directory is as it was.
pub fn restore(
    from: (&Path, &Opening),
    to: &Path,
    lost: &Lost,
    passphrase: &Zeroizing<String>,
) -> Result<Report, Failure> {
    restore_by(from, to, lost, &|| Ok(passphrase.clone()))
}

fn restore_by(
    (from, opening): (&Path, &Opening),
    to: &Path,
    lost: &Lost,
    passphrase: &dyn Fn() -> Result<Zeroizing<String>, Failure>,
) -> Result<Report, Failure> {
    sweep(to, "restore")?;
    refuse_occupied(to)?;
    let opened = open::open(from, opening)?;
    let staging = Staging::new(&staging_name(to, "restore"))?;
    let manifest = archive::read(opened, &mut unpack::Unpack { to: staging.path() })
        .map_err(|error| Failure::refused(format!("{} cannot be relied on: {error}", from.display())))?;
    if let Some(keys) = lost.keys.as_deref() {
        unpack::copy_keys(keys, staging.path(), manifest.keys)?;
    }
    let now = SystemClock::default().now();
    let standing = Standing::examine(staging.path(), Some(&manifest), passphrase)?;
    let evidence = Evidence::gather(lost, &standing, staging.path())?;
    let mut report = go_on(lost, &manifest, (&standing, &evidence), now)?;
    let (checkpoint, line) = standing.checkpoint(now)?;
    report.checkpoint = checkpoint;
    report.complete((from, to), &standing);
    write(&report, staging.path())?;
    let lineage = standing.lineage().cloned();
    // It closes the database before its directory is moved.
    drop(standing);
    unpack::settle(staging.path())?;
    staging.move_to(to)?;
    // Only now: what a keeper is told stops the copy from before.
    if let (Some(lineage), Some(line)) = (lineage, line) {
        report.keeper(tell_keeper(to, &lineage, &line));
        write(&report, to)?;
    }
    Ok(report)
}

fn write(report: &Report, directory: &Path) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(report).map_err(Failure::fault)?;
    files::replace(&directory.join(REPORT), &json).map_err(Failure::fault)
}

/// Leaps, and learns again.
fn go_on(
    lost: &Lost,
    manifest: &Manifest,
    (standing, evidence): (&Standing, &Evidence),
    now: UnixTime,
) -> Result<Report, Failure> {
    let before = standing.store.marks().map_err(Failure::fault)?;
    let window = Window::decide(before.at, evidence.latest.as_ref(), (lost.until, now))?;
    let to = decide_leap(&before, &evidence.marks, evidence.numbers, (now, window.length()));
    // What is left out begins where the backup ends: nobody knows more for certain.
    let gap = |from: u64, to: u64| Gap { from, to, count: to - from };
    let mut report = Report::begun(now, manifest.clone(), window, (before.fence, to.fence));
    for kind in Kind::BOTH {
        let (indexes, numbers) =
            ((before.indexes.of(kind), to.indexes.of(kind)), (before.lists.of(kind), to.numbers.of(kind)));
        report.indexes_left_out.insert(kind, gap(indexes.0, indexes.1));
        report.numbers_left_out.insert(kind, gap(numbers.0 + 1, numbers.1 + 1));
    }
    let mut word = [0; 16];
    SystemEntropy::default().fill(&mut word).map_err(Failure::fault)?;
    let detail = json!({
        "backup": manifest.made_at, "entry": before.entry, "fence": to.fence, "lost_until": window.until,
        "indexes": { "sign": to.indexes.sign, "auth": to.indexes.auth },
        "numbers": { "sign": to.numbers.sign, "auth": to.numbers.auth }, "word": hex(&word),
    });
    leap(&*standing.store, now, to, detail.to_string())?;
    if let Some(entries) = &evidence.access {
        report.credentials = Some(learn_credentials(&*standing.store, now, entries)?);
    }
    if let Some(list) = &evidence.access_list {
        learn_access_list(&*standing.store, now, list)?;
    }
    let mut learn = |lesson: &Lesson| report.learn(lesson);
    let mut ended: Vec<&AuthorityRecord> = Vec::new();
    let issuers = standing.serials().map(|serials| Issuers::new(serials, &standing.records)).transpose();
    let issuers = issuers.map_err(Failure::fault)?;
    let mut pupil = Pupil::new(&*standing.store, issuers.as_ref(), now, &mut learn);
    for list in &evidence.lists {
        let mut told = Vec::new();
        for entry in ListEntries::of(&list.der).map_err(Failure::fault)? {
            let entry = entry.map_err(Failure::fault)?;
            let is_it = |record: &&AuthorityRecord| record.kind == list.list.kind && is_of(record, &entry.serial);
            match standing.records.iter().find(is_it) {
                Some(record) => told.push(record),
                None => pupil.entry(list.list, &entry)?,
            }
        }
        // Who tells of its own end tells of everything that it signed for the others too, and they stand.
        let is_own = told.iter().any(|record| record.generation == list.generation);
        told.retain(|record| record.compromise.is_none() && (!is_own || record.generation == list.generation));
        ended.append(&mut told);
    }
    pupil.commit()?;
    if let (Some(snapshot), Some(serials)) = (&evidence.snapshot, standing.serials()) {
        Kind::BOTH.into_iter().try_for_each(|kind| pupil.snapshot(kind, snapshot, serials))?;
    }
    ended.into_iter().for_each(|record| report.compromised(record));
    Ok(report)
}

/// Whether a serial number is that of the generation's own certificate: no holder's.
fn is_of(record: &AuthorityRecord, serial: &Serial) -> bool {
    CertificateView::from_der(&record.certificate).is_ok_and(|view| view.tbs.serial == *serial)
}

impl RestoreArgs {
    fn lost(&self) -> Lost {
        Lost {
            keys: self.keys.clone(),
            checkpoints: self.checkpoints.clone(),
            lists: self.crl.clone(),
            snapshot: self.status_snapshot.clone(),
            until: self.lost_until,
        }
    }

    fn key_passphrase(&self) -> Result<Zeroizing<String>, Failure> {
        Sources::of_process(self.key_passphrase_file.clone()).read(Purpose::Open).map_err(Failure::refused)
    }
}

fn refuse_occupied(directory: &Path) -> Result<(), Failure> {
    match fs::read_dir(directory).map(|entries| entries.count()) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Failure::refused(format!(
            "{} is not empty; a backup is restored to a new or empty directory, and nothing was changed",
            directory.display()
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::refused(format!("{}: {error}", directory.display()))),
    }
}
