//! A card in a file that is written before an answer goes out (see [`crate::card`]).

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::{
    disk::{Disk, RealDisk, beside, replace},
    key::SoftKey,
    seal::{LOG_N, Seal, SealError},
};
use crate::{
    card::{Card, IssuerRefusal, NoRandomness, NotACard, Randomness, Reply},
    cli::world::SystemEntropy,
    limits::CARD_FILE_OCTETS,
    ports::Entropy,
    signer::{KeyFileError, keyfile::read_private},
};

/// Why a card file was not opened, made or written. Each names the file, which is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum CardFileError {
    /// There is one already.
    #[error("{path} exists already; a card is never overwritten", path = .0.display())]
    Exists(PathBuf),
    /// Another program has it open.
    #[error("{path} is in use: another program plays this card", path = .0.display())]
    InUse(PathBuf),
    /// It cannot be read, or others may.
    #[error(transparent)]
    Unreadable(#[from] KeyFileError),
    /// It was not opened.
    #[error("{path}: {cause}", path = .0.display(), cause = .1)]
    Seal(PathBuf, #[source] SealError),
    /// It was opened, and is not what this program sealed.
    #[error("{path}: {cause}", path = .0.display(), cause = .1)]
    NotACard(PathBuf, #[source] NotACard),
    /// The operating system refused to write it.
    #[error("{path} cannot be written: {cause}", path = .0.display(), cause = .1)]
    Write(PathBuf, #[source] io::Error),
    /// The issuer channel refused; nothing was changed.
    #[error(transparent)]
    Refused(#[from] IssuerRefusal),
}

/// An open card. Nobody else opens it as long as this lives.
pub struct CardFile {
    path: PathBuf,
    card: Card<SoftKey>,
    seal: Seal,
    disk: Box<dyn Disk>,
    /// Locked until it is closed.
    _lock: File,
}

impl CardFile {
    /// Seals a card into a new file of mode 0600.
    ///
    /// # Errors
    /// [`CardFileError::Exists`], [`CardFileError::InUse`], [`CardFileError::Write`].
    pub fn create(path: &Path, passphrase: &str, card: Card<SoftKey>) -> Result<Self, CardFileError> {
        let lock = lock(path)?;
        if path.symlink_metadata().is_ok() {
            return Err(CardFileError::Exists(path.into()));
        }
        let seal = Seal::new(passphrase, LOG_N, &SystemEntropy::default());
        let seal = seal.map_err(|cause| CardFileError::Seal(path.into(), cause))?;
        let file = Self { path: path.into(), card, seal, disk: Box::new(RealDisk), _lock: lock };
        file.save()?;
        Ok(file)
    }

    /// Opens a card file.
    ///
    /// # Errors
    /// All of [`CardFileError`] but [`CardFileError::Exists`], [`CardFileError::Write`] and [`CardFileError::Refused`].
    pub fn open(path: &Path, passphrase: &str) -> Result<Self, CardFileError> {
        // No lock is left beside what is no card.
        if !Seal::is_on(&read_private(path, CARD_FILE_OCTETS)?) {
            return Err(CardFileError::Seal(path.into(), SealError::NotACardFile));
        }
        let lock = lock(path)?;
        let octets = read_private(path, CARD_FILE_OCTETS)?;
        let (seal, image) = Seal::open(&octets, passphrase).map_err(|cause| CardFileError::Seal(path.into(), cause))?;
        let card =
            Card::of_image(&image, SoftKey::load).map_err(|cause| CardFileError::NotACard(path.into(), cause))?;
        Ok(Self { path: path.into(), card, seal, disk: Box::new(RealDisk), _lock: lock })
    }

    /// The card, to look at.
    #[must_use]
    pub fn card(&self) -> &Card<SoftKey> {
        &self.card
    }

    /// Takes the power and gives it again.
    pub fn reset(&mut self) {
        self.card.reset();
    }

    /// Has the card answer; what the answer changed is durable when it is given. If it cannot be written, the answer is 6581, to a PIN
    /// that is right as to one that is wrong.
    pub fn exchange(&mut self, apdu: &[u8]) -> Reply {
        let reply = self.card.exchange(apdu, &Salts(SystemEntropy::default()));
        let is_written = reply.changed() || reply.tried();
        if !is_written || self.save().is_ok() { reply } else { self.card.memory_failed() }
    }

    /// Does something through the issuer channel, and writes the card.
    ///
    /// # Errors
    /// [`CardFileError::Refused`] where the card refuses; [`CardFileError::Write`]: then close it, for the file may be as before.
    pub fn issue<T>(
        &mut self,
        act: impl FnOnce(&mut Card<SoftKey>) -> Result<T, IssuerRefusal>,
    ) -> Result<T, CardFileError> {
        let done = act(&mut self.card)?;
        self.save()?;
        Ok(done)
    }

    fn save(&self) -> Result<(), CardFileError> {
        let sealed = self.seal.seal(&self.card.image(), &SystemEntropy::default());
        let sealed = sealed.map_err(|cause| CardFileError::Seal(self.path.clone(), cause))?;
        replace(&*self.disk, &self.path, &sealed).map_err(|cause| CardFileError::Write(self.path.clone(), cause))
    }
}

struct Salts(SystemEntropy);

impl Randomness for Salts {
    fn fill(&self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        self.0.fill(octets).map_err(|_| NoRandomness)
    }
}

/// Locks a file of its own beside the card: the card's is another after each write.
fn lock(path: &Path) -> Result<File, CardFileError> {
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(beside(path, "lock"));
    let file = opened.map_err(|cause| CardFileError::Write(path.into(), cause))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(CardFileError::InUse(path.into())),
        Err(TryLockError::Error(cause)) => Err(CardFileError::Write(path.into(), cause)),
    }
}

#[cfg(test)]
mod tests;
