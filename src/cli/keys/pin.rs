//! Where the PIN of a token comes from.

use std::{
    env,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::{
    limits::PIN_OCTETS,
    signer::{
        keyfile,
        token::{Pin, PinError, PinSource},
    },
};

/// The environment variable with the PIN of tokens for which the configuration names no file.
pub const PIN_VARIABLE: &str = "JITSUIN_PIN";
/// The systemd credential with it, a file in `$CREDENTIALS_DIRECTORY`.
pub const PIN_CREDENTIAL: &str = "jitsuin-pin";

/// Where the PIN comes from: the first that is there decides. It is read anew for each login, so that it need not be kept.
pub(super) struct PinOfProcess {
    /// `pin-source`.
    pub(super) file: Option<PathBuf>,
}

impl PinSource for PinOfProcess {
    fn pin(&self) -> Result<Pin, PinError> {
        if let Some(path) = &self.file {
            return Pin::read(path);
        }
        if let Some(value) = env::var_os(PIN_VARIABLE) {
            return Pin::from_line(Zeroizing::new(value.as_encoded_bytes().to_vec()));
        }
        let credential =
            env::var_os("CREDENTIALS_DIRECTORY").map(|directory| Path::new(&directory).join(PIN_CREDENTIAL));
        match credential.filter(|path| !matches!(path.try_exists(), Ok(false))) {
            Some(path) => of_credential(&path),
            None => Err(PinError::NoSource(format!(
                "no pin-source=file:/PATH in its URI, no {PIN_VARIABLE} in the environment, \
                 no systemd credential `{PIN_CREDENTIAL}`"
            ))),
        }
    }
}

/// The mode of a credential is not checked: systemd keeps others out by the directory and an access list.
fn of_credential(path: &Path) -> Result<Pin, PinError> {
    let unreadable = |cause| keyfile::KeyFileError::Io { path: path.into(), action: "read", cause };
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(keyfile::KeyFileError::NotAFile { path: path.into() }.into());
    }
    // One line end, and one octet more than can be right, into memory that does not grow.
    let most = PIN_OCTETS + 3;
    let mut octets = Zeroizing::new(Vec::with_capacity(most));
    File::open(path).and_then(|file| file.take(most as u64).read_to_end(&mut octets)).map_err(unreadable)?;
    Pin::from_line(octets)
}
