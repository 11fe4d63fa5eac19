//! Opening a backup.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{
    super::{
        failure::Failure,
        passphrase::{Purpose, Sources},
    },
    age::{Identity, Opened, Opening},
};
use crate::{limits::BACKUP_HEADER_OCTETS, signer::keyfile::read_private};

/// With what a backup is opened, as the command line says.
///
/// # Errors
/// [`Failure`] for a file that is not private, or holds none.
pub fn opening(identity: Option<&Path>, passphrase: Option<&Path>) -> Result<Opening, Failure> {
    match (identity, passphrase) {
        (Some(path), None) => {
            let octets = read_private(path, BACKUP_HEADER_OCTETS).map_err(Failure::refused)?;
            let text = std::str::from_utf8(&octets).unwrap_or_default();
            let identities = Identity::read_all(text);
            let named = |error| Failure::refused(format!("{}: {error}", path.display()));
            identities.map(Opening::Identities).map_err(named)
        }
        (None, Some(path)) => Ok(Opening::Passphrase(passphrase_of(path, Purpose::Open)?)),
        _ => Err(Failure::usage("say --identity FILE or --passphrase-file FILE")),
    }
}

/// The passphrase of a backup.
///
/// # Errors
/// [`Failure`].
pub fn passphrase_of(path: &Path, purpose: Purpose) -> Result<Zeroizing<String>, Failure> {
    let file: Option<PathBuf> = Some(path.into());
    Sources { file, variable: None, credentials: None, terminal: None }.read(purpose).map_err(Failure::refused)
}

/// Begins to read a backup.
///
/// # Errors
/// [`Failure`] for what is none, or is sealed for others.
pub fn open(path: &Path, opening: &Opening) -> Result<Opened<BufReader<File>>, Failure> {
    let refused = |error: &dyn std::fmt::Display| Failure::refused(format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(|error| refused(&error))?;
    opening.open(BufReader::with_capacity(256 * 1024, file)).map_err(|error| refused(&error))
}
