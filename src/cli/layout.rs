//! Where things lie in a service's directory.
//!
//! ```text
//! DIR/jitsuin.toml                  the configuration
//! DIR/jitsuin.sqlite                the store (and its journal)
//! DIR/status.snapshot               what the status index starts from; deleting it costs the next start some time
//! DIR/status.whole                  of a status node: there while the snapshot has all that it ever took in
//! DIR/lists/                        of a status node: the newest of each list
//! DIR/checkpoints                   signed checkpoints of the audit, one a line
//! DIR/jitsuin.sqlite.crl/           long lists, each called by its SHA-256; part of the store: `jitsuin backup` saves both
//! DIR/restore-report.json           what is told of the restore that made this directory, if one did
//! DIR/keys/sign-1.pem               private keys, encrypted: CAs by generation, responders (unless they are in a token), serial
//!                                   numbers, access CA, TLS, audit
//! DIR/certificates/sign-1.pem       public certificates: the CAs', the responders', the access CA's, the TLS server's, the audit's
//! DIR/ceremony/transcript.json      what was made in the key ceremony, with its signatures beside it
//! DIR/credentials/operator-1.pem    client certificates to hand out, each with its key beside it
//! DIR/hsm/                          of a demonstration with `--token`: SoftHSM's files and PIN
//! ```

use std::path::{Path, PathBuf};

use crate::config::{Config, tokens::KeyName};

/// Where in the directory a token that is a program (SoftHSM) may have its files; `init` lets it be there before the service.
pub(super) const TOKEN_PLACE: &str = "hsm";

/// The files of one service.
#[derive(Clone, Debug)]
pub struct Layout {
    directory: PathBuf,
    keys: PathBuf,
}

impl Layout {
    /// The files of the service in `directory`, with the keys where its configuration says.
    #[must_use]
    pub fn new(directory: &Path, config: &Config) -> Self {
        Self { directory: directory.into(), keys: config.keys.directory.clone() }
    }

    /// The configuration of the service in `directory`.
    #[must_use]
    pub fn configuration(directory: &Path) -> PathBuf {
        directory.join("jitsuin.toml")
    }

    /// The directory of the service.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A file that a ceremony left.
    #[must_use]
    pub fn ceremony(&self, name: &str) -> PathBuf {
        self.directory.join("ceremony").join(name)
    }

    /// The snapshot of the status index.
    #[must_use]
    pub fn status_snapshot(&self) -> PathBuf {
        self.directory.join("status.snapshot")
    }

    /// The checkpoints of the audit.
    #[must_use]
    pub fn checkpoints(&self) -> PathBuf {
        self.directory.join("checkpoints")
    }

    /// The audit key.
    #[must_use]
    pub fn audit_key(&self) -> PathBuf {
        self.keys.join("audit-1.pem")
    }

    /// The directory of the private keys.
    #[must_use]
    pub fn keys(&self) -> &Path {
        &self.keys
    }

    /// The key of a CA generation or of its OCSP responder, where it is not in a token.
    #[must_use]
    pub fn key(&self, name: KeyName) -> PathBuf {
        self.keys.join(format!("{name}.pem"))
    }

    /// The key of the serial numbers.
    #[must_use]
    pub fn serial_key(&self) -> PathBuf {
        self.keys.join("serial-1.pem")
    }

    /// The key of the access CA.
    #[must_use]
    pub fn access_key(&self) -> PathBuf {
        self.keys.join("access.pem")
    }

    /// The key of the registration listener.
    #[must_use]
    pub fn tls_key(&self) -> PathBuf {
        self.keys.join("registration.pem")
    }

    /// The directory of the public certificates.
    #[must_use]
    pub fn certificates(&self) -> PathBuf {
        self.directory.join("certificates")
    }

    /// A public certificate by name: `sign-1`, `responder-auth-1`, `access`, `registration`.
    #[must_use]
    pub fn certificate(&self, name: &str) -> PathBuf {
        self.certificates().join(format!("{name}.pem"))
    }

    /// The directory of the client credentials.
    #[must_use]
    pub fn credentials(&self) -> PathBuf {
        self.directory.join("credentials")
    }
}
