//! `jitsuin drill restore|failover|key-loss`: loses a service, the machine that publishes, or a CA's key on purpose, on scratch data of
//! its own, and does what [`docs/operations.md`](../../../docs/operations.md) says.
//!
//! `restore`: a service is made in a directory that goes afterwards. Counters issue and revoke side by side while a backup is made; then
//! they go on, lists are published, and the service is lost: nothing of it is used any more but the backup and what others keep
//! (its lists, its status snapshot, its checkpoints). What is restored is held against what was acknowledged. The report, with
//! times and with what was lost, is signed with the audit key of the restored service.

mod ask;
mod failover;
mod key_loss;
mod load;
mod verdict;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
    sync::Arc,
    time::Duration,
};

use clap::{Args, Subcommand};
use serde::Serialize;
use zeroize::Zeroizing;

use self::{
    load::{Counters, Ledger},
    verdict::{Check, Verdict},
};
use super::{
    Output,
    backup::{self, age::Identity},
    credential::Protection,
    failure::Failure,
    files,
    house::House,
    init, passphrase,
    restore::{self, Lost},
    world::{SystemClock, SystemEntropy, stopwatch},
};
use crate::{
    authority::Actor,
    config::Config,
    ports::{Clock, Entropy, ListOctets},
    signer::{KeyKind, keyfile},
    x509::UnixTime,
};

/// What to practise.
#[derive(Debug, Subcommand)]
pub enum DrillCommand {
    /// Lose a service between two backups, and restore it.
    Restore(DrillArgs),
    /// Lose the machine that publishes while counters are at work: a mirror answers until the service is restored.
    Failover(DrillArgs),
    /// Lose the passphrase, then a CA's key: end what it signed, add the next generation, and issue to everybody anew.
    KeyLoss(DrillArgs),
}

/// How.
#[derive(Args, Debug)]
pub struct DrillArgs {
    /// Pairs that are issued before the backup, and again after it.
    #[arg(long, default_value_t = 40)]
    pairs: usize,
    /// The signed report; a file that does not exist.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Where to play it: a directory that does not exist, and is kept; otherwise a temporary one.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Practises.
///
/// # Errors
/// [`Failure`]; a fault when something that must hold did not.
pub fn run(command: &DrillCommand, out: &Output) -> Result<(), Failure> {
    match command {
        DrillCommand::Restore(args) => practise(args, out, restore_drill),
        DrillCommand::Failover(args) => practise(args, out, failover::play),
        DrillCommand::KeyLoss(args) => practise(args, out, key_loss::play),
    }
}

/// What a drill came to.
trait Outcome: Serialize + std::fmt::Display {
    fn checks(&self) -> &[Check];
}

/// Plays one on a stage of its own, and writes its report.
fn practise<R: Outcome>(
    args: &DrillArgs,
    out: &Output,
    play: fn(&Stage, &DrillArgs) -> Result<R, Failure>,
) -> Result<(), Failure> {
    let temporary = env::temp_dir().join(format!("jitsuin-drill-{}", process::id()));
    let directory = args.dir.clone().unwrap_or_else(|| temporary.clone());
    let directory = std::path::absolute(directory).map_err(Failure::fault)?;
    let drilled = Stage::set(&directory).and_then(|stage| {
        let report = play(&stage, args)?;
        let place = stage.place("service");
        let signed = restore::sign_report(&place, &stage.passphrase, "jitsuin-drill+jwt", &report)?;
        Ok((report, signed))
    });
    if args.dir.is_none() {
        // Throw-away keys do not outlive their drill.
        let _ = fs::remove_dir_all(&temporary);
    }
    let (report, signed) = drilled?;
    if let (Some(path), Some(signed)) = (&args.report, &signed) {
        files::write_private(path, signed).map_err(Failure::refused)?;
    }
    out.print(&report, || report.to_string())?;
    match report.checks().iter().filter(|check| !check.holds).count() {
        0 => Ok(()),
        1 => Err(Failure::fault("1 check did not hold")),
        failed => Err(Failure::fault(format!("{failed} checks did not hold"))),
    }
}

/// What the drill of a restore found.
#[derive(Debug, Serialize)]
struct Report {
    drill: &'static str,
    began: UnixTime,
    version: &'static str,
    times: Times,
    /// Pairs acknowledged before the backup began, while it was made, and after.
    acknowledged: [usize; 3],
    /// Pairs of the loss window that the restored service does not know.
    lost_pairs: usize,
    /// Revocations of the loss window that it learnt again.
    learnt: usize,
    restore: serde_json::Value,
    checks: Vec<Check>,
}

/// In milliseconds.
#[derive(Debug, Default, Serialize)]
struct Times {
    backup: u128,
    restore: u128,
    /// From the beginning of the restore to the first pair that was issued again.
    until_issuing: u128,
}

/// A stage: a service, and what others keep of it.
struct Stage {
    directory: PathBuf,
    passphrase: Zeroizing<String>,
    clock: Arc<SystemClock>,
    ledger: Arc<Ledger>,
}

fn restore_drill(stage: &Stage, args: &DrillArgs) -> Result<Report, Failure> {
    let began = stage.clock.now();
    let mut times = Times::default();
    let house = stage.open("service")?;
    let identity = identity()?;
    let recipient = identity.recipient().map_err(Failure::fault)?;
    let counters = Counters::of(&house, &stage.ledger);
    counters.issue(args.pairs)?;
    counters.revoke(args.pairs / 5)?;
    house.authority.publish(&Actor::service())?;
    stage.ledger.next_phase();

    let file = stage.place("backup.age");
    let sealing = backup::age::Sealing::Recipients(vec![recipient]);
    let watch = stopwatch();
    counters.issue_while(|| backup::save(&stage.place("service"), &file, &sealing, true).map(drop))?;
    times.backup = (stopwatch() - watch).as_millis();
    stage.ledger.next_phase();

    counters.issue(args.pairs)?;
    counters.revoke(args.pairs / 4)?;
    let before = verdict::published(house.authority.publish(&Actor::service())?);
    house.keep_status();
    let lost = stage.keep(&house)?;
    drop(house);
    fs::rename(stage.place("service"), stage.place("lost")).map_err(Failure::fault)?;

    let watch = stopwatch();
    let opening = backup::age::Opening::Identities(vec![identity]);
    let told = restore::restore((&file, &opening), &stage.place("service"), &lost, &stage.passphrase)?;
    times.restore = (stopwatch() - watch).as_millis();
    let house = stage.open("service")?;
    let after = verdict::published(house.authority.publish_due()?);
    stage.ledger.next_phase();
    Counters::of(&house, &stage.ledger).issue(1)?;
    times.until_issuing = (stopwatch() - watch).as_millis();
    Counters::of(&house, &stage.ledger).issue(args.pairs.saturating_sub(1))?;
    let Verdict { mut checks, lost_pairs, learnt } = verdict::reach(&house, &stage.ledger, (&before, &after))?;
    let refused = stage.open("lost").is_err_and(|failure| failure.is_refused());
    checks.push(Check { what: "the copy that was lost refuses to go on".into(), holds: refused });
    Ok(Report {
        drill: "restore",
        began,
        version: env!("CARGO_PKG_VERSION"),
        times,
        acknowledged: stage.ledger.phases(),
        lost_pairs,
        learnt,
        restore: serde_json::to_value(&told).map_err(Failure::fault)?,
        checks,
    })
}

impl Stage {
    /// Makes a service with weak but quick keys of P-256 for both CAs.
    fn set(directory: &Path) -> Result<Self, Failure> {
        keyfile::make_private_directory(directory).map_err(Failure::refused)?;
        let passphrase = passphrase::random(&SystemEntropy::default()).map_err(Failure::fault)?;
        let clock = Arc::new(SystemClock::default());
        let mut config = Config::default();
        (config.keys.sign_ca, config.keys.auth_ca) = (KeyKind::P256, KeyKind::P256);
        config.audit.keeper = directory.join("keeper");
        // Whoever drills is alone.
        config.approvals.required = false;
        keyfile::make_private_directory(&config.audit.keeper).map_err(Failure::refused)?;
        let plan = init::Plan {
            config,
            municipalities: vec![load::PLACE.parse().map_err(Failure::fault)?],
            passphrase: &passphrase,
            protection: Protection::ThrowAway,
            clock: Arc::clone(&clock),
        };
        let stage = Self { directory: directory.into(), passphrase: passphrase.clone(), clock, ledger: Arc::default() };
        init::run(&stage.place("service"), &plan)?;
        Ok(stage)
    }

    fn place(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn open(&self, name: &str) -> Result<House, Failure> {
        House::open(&self.place(name), &self.passphrase, Arc::clone(&self.clock) as _)
    }

    /// What others keep: every list as it was published, the newest snapshot, the checkpoints.
    fn keep(&self, house: &House) -> Result<Lost, Failure> {
        let aside = self.place("kept");
        keyfile::make_private_directory(&aside).map_err(Failure::fault)?;
        let mut lost = Lost::default();
        for list in house.store.newest_crls().map_err(Failure::fault)? {
            let path = aside.join(format!("{}-{}-{}.crl", list.kind, list.generation, list.scope.word()));
            write_list(&path, &list.der)?;
            lost.lists.push(path);
        }
        let snapshot = aside.join("status.snapshot");
        fs::copy(house.layout.status_snapshot(), &snapshot).map_err(Failure::fault)?;
        lost.snapshot = Some(snapshot);
        // The keeper has every checkpoint already, and the restored configuration names it.
        house.checkpoints.take(&*house.store, self.clock.now()).map_err(Failure::fault)?;
        Ok(lost)
    }
}

fn write_list(path: &Path, list: &ListOctets) -> Result<(), Failure> {
    let whole = list.whole().map_err(Failure::fault)?;
    fs::write(path, whole).map_err(Failure::fault)
}

fn identity() -> Result<Identity, Failure> {
    let mut octets = Zeroizing::new([0; 32]);
    SystemEntropy::default().fill(octets.as_mut()).map_err(Failure::fault)?;
    Ok(Identity::from_octets(octets))
}

impl Outcome for Report {
    fn checks(&self) -> &[Check] {
        &self.checks
    }
}

/// Of so many milliseconds.
fn span(milliseconds: u128) -> Duration {
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX))
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Times { backup, restore, until_issuing } = self.times;
        writeln!(
            f,
            "Backup {:?}, restore {:?}, issuing again after {:?}.",
            span(backup),
            span(restore),
            span(until_issuing)
        )?;
        let [before, during, after] = self.acknowledged;
        writeln!(f, "Pairs acknowledged: {before} before the backup, {during} while it was made, {after} after it.")?;
        writeln!(f, "Lost with the window: {} pairs. Revocations learnt again: {}.", self.lost_pairs, self.learnt)?;
        verdict::write_checks(f, &self.checks)
    }
}
