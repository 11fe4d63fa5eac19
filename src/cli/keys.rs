//! The keys that certify and answer, wherever they are: in files that the passphrase opens, or in tokens.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use zeroize::Zeroizing;

use super::{failure::Failure, layout::Layout};
use crate::{
    config::{Config, tokens::KeyName},
    limits::PIN_OCTETS,
    ports::Signer,
    signer::{
        TokenSigner, keyfile,
        token::{Pin, PinError, PinSource},
    },
};

/// The environment variable with the PIN of tokens for which the configuration names no file.
pub const PIN_VARIABLE: &str = "JITSUIN_PIN";
/// The systemd credential with it, a file in `$CREDENTIALS_DIRECTORY`.
pub const PIN_CREDENTIAL: &str = "jitsuin-pin";

/// The keys of one service.
pub(super) struct Keys<'a> {
    layout: &'a Layout,
    passphrase: &'a str,
    tokens: BTreeMap<KeyName, Arc<TokenSigner>>,
}

impl<'a> Keys<'a> {
    /// Finds every key that the configuration says is in a token, and has each sign once.
    ///
    /// # Errors
    /// [`Failure`] with all of them that cannot be used.
    pub(super) fn new(layout: &'a Layout, config: &Config, passphrase: &'a str) -> Result<Self, Failure> {
        let (mut tokens, mut failures) = (BTreeMap::new(), Vec::new());
        for (name, uri) in config.tokens.iter() {
            let pins = Arc::new(PinOfProcess { file: uri.pin_file().map(Path::to_path_buf) });
            match TokenSigner::open(uri.clone(), pins, config.keys.token_sessions.into()) {
                Ok(signer) => drop(tokens.insert(name, Arc::new(signer))),
                Err(error) => failures.push(format!("{name} ({uri}): {error}")),
            }
        }
        match failures.as_slice() {
            [] => Ok(Self { layout, passphrase, tokens }),
            _ => Err(Failure::refused(format!("keys in tokens cannot be used:\n  {}", failures.join("\n  ")))),
        }
    }

    /// A key, ready to sign.
    ///
    /// # Errors
    /// [`Failure`] for a file that is missing, unreadable or not opened by the passphrase.
    pub(super) fn signer(&self, name: KeyName) -> Result<Arc<dyn Signer>, Failure> {
        if let Some(signer) = self.in_token(name) {
            return Ok(signer);
        }
        let signer = keyfile::read_signer(&self.layout.key(name), self.passphrase).map_err(Failure::refused)?;
        Ok(Arc::new(signer))
    }

    /// A key, if it is in a token.
    pub(super) fn in_token(&self, name: KeyName) -> Option<Arc<dyn Signer>> {
        self.tokens.get(&name).map(|signer| Arc::clone(signer) as Arc<dyn Signer>)
    }
}

/// Where the PIN comes from: the first that is there decides. It is read anew for each login, so that it need not be kept.
struct PinOfProcess {
    /// `pin-source`.
    file: Option<PathBuf>,
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
