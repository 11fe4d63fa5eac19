//! `jitsuin doctor status`: walks every serial that was ever given out, asks every channel about it, and prints what does not
//! agree.
//!
//! It only reads, beside a running service too, and while revocations stream in: every comparison names the position of
//! the event up to which it must hold ([`census`](crate::revocation::census)), so nothing is asked twice until it fits.
//!
//! Exit codes: 0 when every channel was asked and all agree (with `--offline`: every channel that can be asked without the
//! service); 1 for a contradiction, and where the service does not answer; 3 where there is no service to look at.

mod lists;
mod report;
mod service;
mod walk;

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::{Args, Subcommand};

use super::{
    Output,
    failure::Failure,
    house::profile,
    layout::Layout,
    passphrase::{Purpose, Sources},
    stores,
    world::SystemClock,
};
use crate::{config::Config, revocation::serial::SerialPermutation, signer::keyfile};

pub use report::{Channel, Findings, Tally};
pub use service::{Service, Urls};
pub use walk::Doctor;

/// What to look at.
#[derive(Debug, Subcommand)]
pub enum DoctorCommand {
    /// Hold every channel that tells the status of certificates against the status events: the table, the index, OCSP, the
    /// lists and their deltas. The service should be running.
    Status(StatusArgs),
}

/// How to look at it.
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// The service's directory.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Ask OCSP about some N certificates of each CA, spread evenly, instead of all; everything else is compared whole.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    sample: Option<u64>,
    /// Compare what the store has, without the running service: OCSP is not asked, and lists are those kept in the store.
    #[arg(long)]
    offline: bool,
    /// Where the status listener is, if not where the configuration says.
    #[arg(long, value_name = "URL", conflicts_with = "offline")]
    status_url: Option<String>,
    /// Where the operator listener is, if not where the configuration says.
    #[arg(long, value_name = "URL", conflicts_with = "offline")]
    operator_url: Option<String>,
    /// A file with the passphrase of the keys: with it, indexes that no certificate has are asked about too, and each
    /// serial number is held against its index.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
}

/// Does it.
///
/// # Errors
/// [`Failure`]: a fault for contradictions and for a service that does not answer, refused where there is none.
pub fn run(command: &DoctorCommand, out: &Output) -> Result<(), Failure> {
    let DoctorCommand::Status(args) = command;
    let config = Config::load(&Layout::configuration(&args.dir)).map_err(Failure::refused)?;
    let store = stores::read_only(&config)?;
    let (profile, clock) = (profile(&config)?, SystemClock::default());
    let mut unreachable = None;
    let service = match args.offline {
        true => None,
        false => {
            let urls = Urls::of(&config).or(args.status_url.as_deref(), args.operator_url.as_deref());
            Service::find(urls)?.map_err(|cause| unreachable = Some(cause)).ok()
        }
    };
    let doctor = Doctor {
        store: &*store,
        service: service.as_ref(),
        profile: &profile,
        clock: &clock,
        sample: args.sample,
        serials: serials(args, &config)?,
    };
    let mut progress = Progress::new();
    let findings = doctor.examine(&mut |channel, done, of| progress.show(channel, done, of))?;
    progress.end();
    out.print(&findings, || findings.to_string())?;
    match (findings.contradictions(), unreachable) {
        (0, None) => Ok(()),
        (0, Some(cause)) => {
            Err(Failure::fault(format!("{cause}: {} not asked (--offline does without)", findings.not_asked())))
        }
        (count, _) => Err(Failure::fault(format!("{count} contradictions"))),
    }
}

/// The secret between serials and indexes, where the passphrase is at hand.
fn serials(args: &StatusArgs, config: &Config) -> Result<Option<SerialPermutation>, Failure> {
    let Some(file) = &args.passphrase_file else { return Ok(None) };
    let passphrase = Sources::of_process(Some(file.clone())).read(Purpose::Open).map_err(Failure::refused)?;
    let path = Layout::new(&args.dir, config).serial_key();
    let key = keyfile::read_serial_key(&path, &passphrase).map_err(Failure::refused)?;
    SerialPermutation::new(1, key.octets()).map(Some).map_err(Failure::fault)
}

/// A line that is written over itself, where somebody looks at it.
struct Progress {
    shown: bool,
    last: Instant,
}

/// How often the line is written.
const PROGRESS: Duration = Duration::from_millis(100);

impl Progress {
    fn new() -> Self {
        Self { shown: io::stderr().is_terminal(), last: Instant::now() }
    }

    fn show(&mut self, channel: Channel, done: u64, of: u64) {
        if self.shown && self.last.elapsed() >= PROGRESS {
            self.last = Instant::now();
            // Who cannot see it does not miss it.
            let _ = write!(io::stderr(), "\r\x1b[K{channel}: {done} of {of}");
        }
    }

    fn end(&self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
