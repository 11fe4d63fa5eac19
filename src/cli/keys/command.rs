//! `jitsuin keys list|check|generate|replace|rotate-passphrase`.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use clap::Subcommand;
use zeroize::Zeroizing;

use super::{
    generate::{self, NewKey},
    list, replace, rotate,
};
use crate::{
    cli::{
        Output, ServiceArgs,
        failure::Failure,
        layout::Layout,
        passphrase::{Purpose, Sources},
    },
    config::{Config, tokens::KeyName},
    signer::KeyKind,
};

/// What is to be done with the keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// List every key: where it is, its public half, its certificate and until when that holds. The service may be running.
    ///
    /// With --passphrase-file or --passphrase-from-shares each is opened too, and compared with its certificate.
    List(ServiceArgs),
    /// Open every key, have it sign once, and compare it with its certificate. The service may be running.
    Check(ServiceArgs),
    /// Make a key for a generation to come, and print its public half and a certification request. The service may be running.
    Generate {
        /// Which service.
        #[command(flatten)]
        service: ServiceArgs,
        /// What kind of key; otherwise as the configuration says.
        #[arg(long)]
        kind: Option<KeyKind>,
        /// Its name: sign-2, auth-2, responder-sign-2, access-2, audit-1.
        name: String,
    },
    /// Make another key for the OCSP responder of a generation in use, because the old one may be in other hands. The service must be
    /// stopped; its next start certifies the key.
    Replace {
        /// Which service.
        #[command(flatten)]
        service: ServiceArgs,
        /// Its name: responder-sign-1, responder-auth-1. Where the configuration names a key in a token, that is the other key.
        name: KeyName,
    },
    /// Encrypt all key files under a new passphrase: all or none. The service must be stopped.
    RotatePassphrase {
        /// Which service.
        #[command(flatten)]
        service: ServiceArgs,
        /// A file with the new passphrase; otherwise it is asked for.
        #[arg(long)]
        new_passphrase_file: Option<PathBuf>,
    },
}

/// Runs a command.
///
/// # Errors
/// [`Failure`] with everything that is in the way.
pub fn run(command: &KeysCommand, out: &Output) -> Result<(), Failure> {
    let (KeysCommand::List(service)
    | KeysCommand::Check(service)
    | KeysCommand::Generate { service, .. }
    | KeysCommand::Replace { service, .. }
    | KeysCommand::RotatePassphrase { service, .. }) = command;
    let config = Config::load(&Layout::configuration(&service.dir)).map_err(Failure::refused)?;
    let layout = Layout::new(&service.dir, &config);
    let place = (&layout, &config);
    match command {
        KeysCommand::List(service) => {
            let passphrase = if service.names_passphrase() { Some(service.passphrase(Purpose::Open)?) } else { None };
            list::list(place, passphrase.as_deref().map(String::as_str), out)
        }
        KeysCommand::Check(service) => list::check(place, &service.passphrase(Purpose::Open)?, out),
        KeysCommand::Generate { service, kind, name } => {
            let name: NewKey = name.parse().map_err(Failure::usage)?;
            let made = generate::generate(place, &service.passphrase(Purpose::Open)?, (name, *kind))?;
            out.print(&made, || made.to_string())
        }
        KeysCommand::Replace { service, name } => {
            let replaced = replace::replace(place, &service.passphrase(Purpose::Open)?, *name)?;
            out.print(&replaced, || replaced.text())
        }
        KeysCommand::RotatePassphrase { service, new_passphrase_file } => {
            let _hold = generate::hold(layout.keys())?;
            let old = service.passphrase(Purpose::Open)?;
            let new = new_passphrase(new_passphrase_file.as_deref())?;
            let rotated = rotate::rotate(place, (&old, &new))?;
            let left = rotated.left.as_ref().map(|path| path.display().to_string());
            out.print(&serde_json::json!({ "keys": rotated.keys, "left": left }), || {
                let count = rotated.keys.len();
                let left = left.as_ref().map_or_else(String::new, |path| {
                    format!("\nThe old files could not be removed: delete {path}, which the old passphrase still opens.")
                });
                format!(
                    "{count} key files open with the new passphrase, and only with that. Put it where the service gets it \
                     before you start it.\nCopies and backups made before still open with the old one.{left}"
                )
            })
        }
    }
}

/// From a file or the terminal: an environment variable would be inherited by too many.
fn new_passphrase(file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    if file.is_none() && !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Failure::refused("no new passphrase: no --new-passphrase-file, and no terminal to ask at"));
    }
    let sources = Sources { variable: None, credentials: None, ..Sources::of_process(file.map(Path::to_path_buf)) };
    let of_option = |error| match file {
        Some(_) => Failure::refused(format!("--new-passphrase-file: {error}")),
        None => Failure::refused(error),
    };
    sources.read(Purpose::New).map_err(of_option)
}
