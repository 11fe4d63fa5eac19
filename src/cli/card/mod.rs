//! `jitsuin card`: virtual cards in files, and readers that they are put into.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Output,
    failure::Failure,
    passphrase::{Purpose, Sources},
    world::SystemEntropy,
};
use crate::{card::Card, ports::Entropy};

pub(super) mod disk;
pub mod file;
pub mod holder;
pub mod home;
pub mod key;
pub mod login;
pub mod seal;
pub mod serve;
pub mod show;
pub mod status;
pub mod terminal;
pub mod vpcd;

use file::{CardFile, CardFileError};
use seal::SealError;

/// How the names of card files end.
const EXTENSION: &str = "card";

/// What is to be done with a card.
#[derive(Debug, Subcommand)]
pub enum CardCommand {
    /// Make a card as it comes from the factory: no keys, no PINs, no certificates.
    New(CardArgs),
    /// List the cards in a directory (files *.card); those that another program plays are listed without what is in them.
    List {
        /// The directory.
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// A file with the passphrase of the cards; otherwise JITSUIN_PASSPHRASE, a systemd credential, or a question.
        #[arg(long)]
        passphrase_file: Option<PathBuf>,
    },
    /// Show what is on a card: certificates, last days, from when they can be renewed, tries left.
    Show(CardArgs),
    /// Put cards into virtual readers, until Ctrl-C or until the readers hang up.
    Serve(serve::ServeArgs),
    /// Change a PIN that is known.
    #[command(subcommand)]
    Pin(holder::PinCommand),
    /// Sign a file.
    Sign(holder::SignArgs),
    /// Log in to a server with the AUTH certificate (TLS client authentication), and print its answer.
    Login(login::LoginArgs),
    /// Read a certificate from a card.
    ExportCert(holder::ExportArgs),
    /// Revoke one's own certificates from home, by a signature of SIGN (O-01, O-02). It cannot be undone.
    Revoke(home::RevokeArgs),
    /// Ask the service for the status of both certificates, by OCSP and the revocation lists.
    Status(status::StatusArgs),
    /// Do to a card what the terminal of a municipality does: keys, certificates, PINs, face authentication, suspension.
    #[command(subcommand)]
    Terminal(terminal::TerminalCommand),
}

/// Which card, and who may open it.
#[derive(Args, Debug)]
pub struct CardArgs {
    /// The card's file.
    file: PathBuf,
    /// A file with the passphrase of the card; otherwise JITSUIN_PASSPHRASE, a systemd credential, or a question.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
}

impl CardArgs {
    /// The card's file.
    pub(super) fn path(&self) -> &Path {
        &self.file
    }

    /// Opens the card.
    pub(super) fn open(&self) -> Result<CardFile, Failure> {
        let passphrase =
            Sources::of_process(self.passphrase_file.clone()).read(Purpose::Open).map_err(Failure::fault)?;
        Ok(CardFile::open(&self.file, &passphrase)?)
    }
}

impl From<CardFileError> for Failure {
    fn from(error: CardFileError) -> Self {
        match error {
            CardFileError::Seal(_, SealError::Machine) | CardFileError::Unreadable(_) | CardFileError::Write(..) => {
                Self::fault(error)
            }
            other => Self::refused(other),
        }
    }
}

/// Runs a command.
///
/// # Errors
/// [`Failure`].
pub fn run(command: &CardCommand, out: &Output) -> Result<(), Failure> {
    match command {
        CardCommand::New(args) => new(args, out),
        CardCommand::List { dir, passphrase_file } => show::list(dir, passphrase_file.clone(), out),
        CardCommand::Show(args) => show::show(&args.open()?, out),
        CardCommand::Serve(args) => serve::run(args, out),
        CardCommand::Pin(command) => holder::pin(command, out),
        CardCommand::Sign(args) => holder::sign(args, out),
        CardCommand::Login(args) => login::run(args, out),
        CardCommand::ExportCert(args) => holder::export(args, out),
        CardCommand::Revoke(args) => home::revoke(args, out),
        CardCommand::Status(args) => status::run(args, out),
        CardCommand::Terminal(command) => terminal::run(command, out),
    }
}

#[derive(Serialize)]
struct New<'a> {
    file: &'a Path,
    serial: String,
}

fn new(args: &CardArgs, out: &Output) -> Result<(), Failure> {
    let passphrase = Sources::of_process(args.passphrase_file.clone()).read(Purpose::New).map_err(Failure::fault)?;
    let serial = serial()?;
    CardFile::create(&args.file, &passphrase, Card::blank(serial))?;
    let new = New { file: &args.file, serial: String::from_utf8_lossy(&serial).into_owned() };
    out.print(&new, || format!("{}: card {}, blank", new.file.display(), new.serial))
}

/// Sixteen random digits.
fn serial() -> Result<[u8; 16], Failure> {
    let mut octets = [0; 16];
    SystemEntropy::default().fill(&mut octets).map_err(Failure::fault)?;
    Ok(octets.map(|octet| b'0' + octet % 10))
}
