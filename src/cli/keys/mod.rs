//! The keys that certify and answer, wherever they are: in files that the passphrase opens, or in tokens.
//!
//! `examine` opens everything that a service needs before anything is changed, and tells everything that does not fit at
//! once. [`command`] is `jitsuin keys`.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::{failure::Failure, layout::Layout};
use crate::{
    config::{Config, tokens::KeyName},
    ports::Signer,
    signer::{KeyKind, TokenSigner, keyfile},
};

mod apart;
pub(super) mod causes;
pub mod command;
pub(super) mod examine;
mod generate;
pub(super) mod list;
mod pin;
mod replace;
pub(super) mod roster;
pub(super) mod rotate;

pub(super) use generate::hold;
pub use pin::{PIN_CREDENTIAL, PIN_VARIABLE};

use causes::Causes;
use pin::PinOfProcess;

/// The keys of one service.
pub(super) struct Keys<'a> {
    layout: &'a Layout,
    config: &'a Config,
    passphrase: &'a str,
    tokens: BTreeMap<KeyName, Arc<TokenSigner>>,
    /// Those that were opened from their files already: each costs a derivation.
    files: BTreeMap<KeyName, Arc<dyn Signer>>,
}

impl<'a> Keys<'a> {
    /// Finds every key that the configuration says is in a token, and has each sign once.
    ///
    /// # Errors
    /// [`Failure`] with all of them that cannot be used.
    pub(super) fn new(layout: &'a Layout, config: &'a Config, passphrase: &'a str) -> Result<Self, Failure> {
        let mut causes = Causes::default();
        let keys = Self::find(layout, config, passphrase, &mut causes);
        causes.finish().map(|()| keys)
    }

    /// The same, with those that can be used; of the others it is noted why not.
    fn find(layout: &'a Layout, config: &'a Config, passphrase: &'a str, causes: &mut Causes) -> Self {
        let mut tokens = BTreeMap::new();
        for (name, _) in config.tokens.iter() {
            if let Some(signer) = causes.keep(token(config, name)) {
                tokens.insert(name, Arc::new(signer));
            }
        }
        Self { layout, config, passphrase, tokens, files: BTreeMap::new() }
    }

    /// Of them only those that answer: the responders'. A key that certifies is not looked for, wherever it is.
    pub(super) fn answering(
        (layout, config): (&'a Layout, &'a Config),
        passphrase: &'a str,
        causes: &mut Causes,
    ) -> Self {
        let names = config.tokens.iter().map(|(name, _)| name).filter(|name| name.responder);
        let open = |name| Some((name, Arc::new(causes.keep(token(config, name))?)));
        let tokens = names.filter_map(open).collect();
        Self { layout, config, passphrase, tokens, files: BTreeMap::new() }
    }

    /// Opens a key; where it cannot be, that is noted.
    fn open(&mut self, name: KeyName, causes: &mut Causes) -> Option<Arc<dyn Signer>> {
        if self.config.tokens.find(name).is_some() {
            return self.in_token(name); // or it is noted already
        }
        let signer: Arc<dyn Signer> =
            Arc::new(causes.key(keyfile::read_signer(&self.layout.key(name), self.passphrase))?);
        self.files.insert(name, Arc::clone(&signer));
        Some(signer)
    }

    /// Whether a key is neither in a token, by the configuration, nor in its file.
    fn is_missing(&self, name: KeyName) -> bool {
        self.config.tokens.find(name).is_none() && !self.layout.key(name).exists()
    }

    /// A key, ready to sign.
    ///
    /// # Errors
    /// [`Failure`] for a file that is missing, unreadable or not opened by the passphrase.
    pub(super) fn signer(&self, name: KeyName) -> Result<Arc<dyn Signer>, Failure> {
        if let Some(signer) = self.in_token(name).or_else(|| self.files.get(&name).cloned()) {
            return Ok(signer);
        }
        let signer = keyfile::read_signer(&self.layout.key(name), self.passphrase).map_err(Failure::refused)?;
        Ok(Arc::new(signer))
    }

    /// What kind of key a CA has in a token, if it has one there and the kind has a word in the configuration.
    pub(super) fn kind_in_token(&self, name: KeyName) -> Option<KeyKind> {
        KeyKind::of(self.tokens.get(&name)?.public_key().algorithm())
    }

    /// Every key that was opened, by its name, with its public half.
    fn opened(&self) -> impl Iterator<Item = (String, Vec<u8>)> {
        let tokens = self.tokens.iter().map(|(name, signer)| (name, signer.spki()));
        let all = tokens.chain(self.files.iter().map(|(name, signer)| (name, signer.spki())));
        all.map(|(name, spki)| (name.to_string(), spki.to_vec()))
    }

    /// A key, if it is in a token.
    pub(super) fn in_token(&self, name: KeyName) -> Option<Arc<dyn Signer>> {
        self.tokens.get(&name).map(|signer| Arc::clone(signer) as Arc<dyn Signer>)
    }
}

/// A key that the configuration says is in a token, found and tried; or why not, with its name and place.
fn token(config: &Config, name: KeyName) -> Result<TokenSigner, String> {
    let uri = config.tokens.find(name).ok_or_else(|| format!("{name} is in no token"))?;
    let pins = Arc::new(PinOfProcess { file: uri.pin_file().map(Path::to_path_buf) });
    TokenSigner::open(uri.clone(), pins, config.keys.token_sessions.into())
        .map_err(|error| format!("{name} ({uri}): {error}"))
}
