//! `jitsuin backup`: saves a service, beside it while it runs, to one sealed file; and reads such a file whole.
//!
//! ```text
//! FILE                         a file of age (see `age`), which `age -d` opens
//!   manifest.json              what follows, with SHA-256 and length of each; when, of which service, how far it had come
//!   jitsuin.toml               the configuration
//!   certificates/…             the public certificates
//!   keys/…                     the private keys, each encrypted as it was; only with --with-keys
//!   checkpoints                the signed checkpoints
//!   status.snapshot            the snapshot of the status index
//!   jitsuin.sqlite             the store, as of one instant
//!   jitsuin.sqlite.crl/…       its long lists
//! ```
//!
//! Everything streams: what is in memory does not grow with the store. On the disk there is a copy of the database until the
//! backup is done.

pub mod age;
pub mod archive;
mod contents;
mod create;
pub mod manifest;
pub mod open;
mod verify;

use std::path::PathBuf;

use clap::Args;

use self::age::Recipient;
pub use self::{
    contents::{check_room, service},
    create::{Made, save},
    verify::ago,
};
use super::{Output, failure::Failure};

/// What to save, to where, for whom; or what to look at.
#[derive(Args, Debug)]
pub struct BackupArgs {
    /// The service's directory. The service may be running.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Save it to this file, which must not exist.
    #[arg(long, value_name = "FILE", required_unless_present = "verify", conflicts_with = "verify")]
    to: Option<PathBuf>,
    /// Save the private keys too (each is encrypted with the passphrase of the keys); otherwise they must be kept elsewhere.
    #[arg(long, requires = "to")]
    with_keys: bool,
    /// Who can open it: `age1…`, as `age-keygen` prints it. May be said several times.
    #[arg(long, value_name = "age1…", requires = "to")]
    recipient: Vec<Recipient>,
    /// A file with the passphrase of the backup, to save or to look at; it is another one than that of the keys.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["recipient", "identity"])]
    passphrase_file: Option<PathBuf>,
    /// Where the copy of the database is made meanwhile; otherwise in the service's directory.
    #[arg(long, value_name = "DIR", requires = "to")]
    scratch: Option<PathBuf>,
    /// Read this backup to its end, and say what it holds and how old it is.
    #[arg(long, value_name = "FILE")]
    verify: Option<PathBuf>,
    /// A file with the identity that opens it (`AGE-SECRET-KEY-1…`).
    #[arg(long, value_name = "FILE", requires = "verify")]
    identity: Option<PathBuf>,
}

/// Does it.
///
/// # Errors
/// [`Failure`]; then there is no backup, or it is not to be relied on.
pub fn run(args: &BackupArgs, out: &Output) -> Result<(), Failure> {
    match (&args.to, &args.verify) {
        (Some(to), _) => create::run(args, to, out),
        (None, Some(file)) => {
            verify::run(file, &open::opening(args.identity.as_deref(), args.passphrase_file.as_deref())?, out)
        }
        (None, None) => Err(Failure::usage("say --to FILE or --verify FILE")),
    }
}
