//! `jitsuin ceremony`: keys that no one person can open.
//!
//! The passphrase of the keys is shared out by Shamir's scheme: any so many of the holders give it together, fewer give nothing.
//! What needs the passphrase takes shares in its stead (`--passphrase-from-shares`, `--ask-shares`) and never shows it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::{
    InitArgs, Output, ServiceArgs,
    failure::Failure,
    files,
    keys::{hold, rotate::rotate},
    layout::Layout,
    passphrase::{self, Purpose},
    world::{SystemClock, SystemEntropy},
};
use crate::{
    audit::Draft,
    config::Config,
    ports::{Change, Clock},
    signer::keyfile,
};

mod perform;
mod procedure;
mod script;
pub mod share;
pub mod sharing;
mod sheet;
pub mod transcript;
pub(super) mod unlock;

use procedure::Reader;
use sharing::{Quorum, split};
use sheet::Sheets;
use transcript::Participant;

/// What is to be done.
#[derive(Debug, Subcommand)]
pub enum CeremonyCommand {
    /// Print the procedure of a ceremony, with the commands, to be followed and signed. Nothing is made.
    Script(ScriptArgs),
    /// Make a service whose passphrase nobody has alone: `init`, shares and a signed transcript.
    Perform(Box<PerformArgs>),
    /// Share out the passphrase of a service that exists.
    Split(SplitArgs),
    /// Put shares together and see that they open the keys; nothing is shown.
    Combine(CombineArgs),
}

/// Into how many shares, how many are needed, and where their sheets are written.
#[derive(Args, Debug)]
struct SheetsArgs {
    /// How many shares there are to be.
    #[arg(long)]
    shares: u8,
    /// How many of them open the keys.
    #[arg(long)]
    threshold: u8,
    /// Where the sheets are written: a directory that does not exist or is empty, best in memory (/dev/shm).
    #[arg(long)]
    out: PathBuf,
    /// Who gets a share, in the order of the shares; left out, the sheet has a line to fill in.
    #[arg(long)]
    holder: Vec<String>,
}

impl SheetsArgs {
    /// How many shares, and how many are needed.
    ///
    /// # Errors
    /// [`Failure`] for numbers that cannot be, and for more holders than shares.
    fn quorum(&self) -> Result<Quorum, Failure> {
        if self.holder.len() > usize::from(self.shares) {
            return Err(Failure::usage("there are more holders than shares"));
        }
        Quorum::new(self.threshold, self.shares).map_err(Failure::usage)
    }
}

/// What is made in a ceremony, and who is there.
#[derive(Args, Debug)]
pub struct PerformArgs {
    #[command(flatten)]
    init: InitArgs,
    #[command(flatten)]
    sheets: SheetsArgs,
    /// Who is there, for the transcript: ROLE=NAME, once for each.
    #[arg(long, value_name = "ROLE=NAME")]
    participant: Vec<Participant>,
    /// The procedure that is followed, as `ceremony script` printed it. Two of the participants type the first eight digits of its
    /// SHA-256.
    #[arg(long, value_name = "FILE")]
    procedure: Option<PathBuf>,
    /// Without a terminal: who follows it, and the digits by their word; given twice.
    #[arg(long, value_name = "NAME=DIGITS")]
    read_by: Vec<Reader>,
}

/// Which passphrase is shared out, and how.
#[derive(Args, Debug)]
pub struct SplitArgs {
    #[command(flatten)]
    service: ServiceArgs,
    #[command(flatten)]
    sheets: SheetsArgs,
    /// Make a new passphrase at random, which nobody sees, and encrypt the keys under that: the old one, and its shares, open
    /// nothing any more. The service must be stopped.
    #[arg(long)]
    renew: bool,
}

/// Which shares.
#[derive(Args, Debug)]
pub struct CombineArgs {
    #[command(flatten)]
    service: ServiceArgs,
    /// Write the passphrase to this new file, which only its owner may read: for a service that starts without people. Best in
    /// memory, to be deleted at once.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// What the printed procedure says.
#[derive(Args, Debug)]
pub struct ScriptArgs {
    /// The service's directory, as it stands in the commands.
    #[arg(long, default_value = "/var/lib/jitsuin")]
    dir: PathBuf,
    /// How many shares there are to be.
    #[arg(long, default_value_t = 5)]
    shares: u8,
    /// How many of them open the keys.
    #[arg(long, default_value_t = 3)]
    threshold: u8,
    /// Where the sheets are written, as it stands in the commands.
    #[arg(long, default_value = "/dev/shm/shares")]
    out: PathBuf,
    /// The organisation, as it stands in the commands.
    #[arg(long, default_value = "JITSUIN-TEST")]
    organisation: String,
}

/// Runs a command.
///
/// # Errors
/// [`Failure`].
pub fn run(command: &CeremonyCommand, out: &Output) -> Result<(), Failure> {
    match command {
        CeremonyCommand::Script(args) => {
            let quorum = Quorum::new(args.threshold, args.shares).map_err(Failure::usage)?;
            let text = script::script(args, quorum);
            out.print(&serde_json::json!({ "script": text }), || text.clone())
        }
        CeremonyCommand::Perform(args) => perform::perform(args, out),
        CeremonyCommand::Split(args) => split_existing(args, out),
        CeremonyCommand::Combine(args) => combine(args, out),
    }
}

/// Shares out the passphrase that a service has, or a new one that takes its place.
fn split_existing(args: &SplitArgs, out: &Output) -> Result<(), Failure> {
    let quorum = args.sheets.quorum()?;
    let directory = &args.service.dir;
    let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
    let layout = Layout::new(directory, &config);
    let service = unlock::service_id(directory)?;
    let _hold = hold(layout.keys())?;
    let present = args.service.passphrase(Purpose::Open)?;
    opens(&layout, &present)?;
    let entropy = SystemEntropy::default();
    let fresh = if args.renew { Some(passphrase::random(&entropy).map_err(Failure::fault)?) } else { None };
    let mut sheets = Sheets::new(&args.sheets.out, directory)?;
    let shares = split(fresh.as_ref().unwrap_or(&present), quorum, service, &entropy).map_err(Failure::fault)?;
    sheets.write(&shares, &args.sheets.holder, SystemClock::default().now())?;
    note_sharing(&config, &args.sheets)?;
    // The shares of the new passphrase are durable before it is in force: whenever this breaks off, holders can open the keys.
    let renewed = fresh.as_ref().map_or(Ok(()), |fresh| rotate((&layout, &config), (&present, fresh)).map(drop));
    if let Err(failure) = renewed {
        if !failure.is_refused() {
            sheets.keep(); // the new passphrase may be in force
        }
        return Err(failure);
    }
    let files = sheets.keep();
    out.print(&serde_json::json!({ "shares": files, "threshold": args.sheets.threshold, "renewed": args.renew }), || {
        let (count, threshold, place) = (args.sheets.shares, args.sheets.threshold, args.sheets.out.display());
        let renewed = if args.renew {
            "The keys have a new passphrase, which nobody has seen; the old one, and its shares, open nothing any more.\n"
        } else {
            "The passphrase is the one it was: whoever knew it can still open the keys alone (--renew makes a new one).\n"
        };
        format!(
            "{renewed}{threshold} of the {count} shares in {place} give it. Print each sheet, give it to its holder, and \
             destroy the files."
        )
    })
}

/// Notes in the audit that so many can open the keys together from now on.
fn note_sharing(config: &Config, sheets: &SheetsArgs) -> Result<(), Failure> {
    let advice = "stop the service first: who can open its keys is noted in its audit, and nothing was shared";
    let store = super::stores::alone(config).map_err(|shared| shared.advise(advice))?;
    let audit = Draft {
        at: SystemClock::default().now(),
        actor: "console".into(),
        action: "passphrase.shared".into(),
        subject: "keys".into(),
        detail: serde_json::json!({ "shares": sheets.shares, "threshold": sheets.threshold }).to_string(),
    };
    Ok(store.commit(Change { steps: Vec::new(), audit })?)
}

/// Refuses a passphrase that does not open the keys.
fn opens(layout: &Layout, passphrase: &Zeroizing<String>) -> Result<(), Failure> {
    keyfile::read_serial_key(&layout.serial_key(), passphrase).map(drop).map_err(Failure::refused)
}

fn combine(args: &CombineArgs, out: &Output) -> Result<(), Failure> {
    let service = &args.service;
    if service.passphrase_file.is_some() {
        return Err(Failure::usage(
            "shares are to be put together, not a passphrase file; see --passphrase-from-shares",
        ));
    }
    let passphrase = if service.passphrase_from_shares.is_empty() {
        unlock::ask(&service.dir)?
    } else {
        unlock::read(&service.dir, &service.passphrase_from_shares)?
    };
    let config = Config::load(&Layout::configuration(&service.dir)).map_err(Failure::refused)?;
    let layout = Layout::new(&service.dir, &config);
    opens(&layout, &passphrase).map_err(|failure| {
        Failure::refused(format!(
            "{failure}\nThe shares are of an earlier passphrase of this service, or it was changed since"
        ))
    })?;
    if let Some(path) = &args.out {
        files::write_private(path, &passphrase).map_err(Failure::refused)?;
    }
    let written = args.out.as_ref().map(|path| path.display().to_string());
    out.print(&serde_json::json!({ "opens": true, "file": written }), || match &written {
        Some(path) => format!(
            "The shares open the keys. The passphrase is in {path}: delete it as soon as the service has read it."
        ),
        None => "The shares open the keys.".into(),
    })
}
