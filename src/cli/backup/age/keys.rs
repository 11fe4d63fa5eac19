//! Recipients (`age1…`) and identities (`AGE-SECRET-KEY-1…`): X25519 keys in Bech32 (BIP 173).

use std::{fmt, str::FromStr};

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use bech32::{Bech32, Hrp, primitives::decode::CheckedHrpstring};
use zeroize::Zeroizing;

use super::{AgeError, derive};

const RECIPIENT: &str = "age";
const IDENTITY: &str = "age-secret-key-";
const INFO: &[u8] = b"age-encryption.org/v1/X25519";

/// The text is no key of age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    /// Not `age1…`, as `age-keygen -y` prints it.
    #[error("a recipient is age1 and 58 letters, as `age-keygen -y` prints it")]
    Recipient,
    /// No line `AGE-SECRET-KEY-1…`, as `age-keygen` writes it.
    #[error("an identity is a line AGE-SECRET-KEY-1…, as `age-keygen` writes it")]
    Identity,
}

/// Whom a file is sealed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipient([u8; 32]);

/// What opens files that are sealed to its recipient.
pub struct Identity(Zeroizing<[u8; 32]>);

impl FromStr for Recipient {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        octets(text, RECIPIENT).map(|octets| Self(*octets)).ok_or(NotAKey::Recipient)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = bech32::encode::<Bech32>(Hrp::parse_unchecked(RECIPIENT), &self.0).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

fn octets(text: &str, prefix: &str) -> Option<Zeroizing<[u8; 32]>> {
    let parsed = CheckedHrpstring::new::<Bech32>(text).ok()?;
    if parsed.hrp() != Hrp::parse_unchecked(prefix) || parsed.byte_iter().len() != 32 {
        return None;
    }
    let mut octets = Zeroizing::new([0; 32]);
    octets.iter_mut().zip(parsed.byte_iter()).for_each(|(to, from)| *to = from);
    Some(octets)
}

impl Identity {
    /// The identities in the text of a file of `age-keygen`: one a line, beside comments.
    ///
    /// # Errors
    /// [`NotAKey`] for any other line, and where there is none.
    pub fn read_all(text: &str) -> Result<Vec<Self>, NotAKey> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let all: Vec<_> = lines.map(|line| octets(line, IDENTITY).map(Self)).collect::<Option<_>>().unwrap_or_default();
        if all.is_empty() { Err(NotAKey::Identity) } else { Ok(all) }
    }

    /// The identity of these 32 octets, which must be random.
    #[must_use]
    pub fn from_octets(octets: Zeroizing<[u8; 32]>) -> Self {
        Self(octets)
    }

    /// Its recipient.
    ///
    /// # Errors
    /// [`AgeError::Entropy`] when the machine cannot compute it.
    pub fn recipient(&self) -> Result<Recipient, AgeError> {
        let public = self.private()?.compute_public_key().map_err(|_| AgeError::Entropy)?;
        public.as_ref().try_into().map(Recipient).map_err(|_| AgeError::Entropy)
    }

    fn private(&self) -> Result<PrivateKey, AgeError> {
        PrivateKey::from_private_key(&X25519, self.0.as_ref()).map_err(|_| AgeError::Entropy)
    }

    /// The key that wraps the file key in a stanza with this ephemeral key.
    pub(super) fn unwrapping(&self, ephemeral: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, AgeError> {
        let own = self.recipient()?;
        agree(&self.private()?, ephemeral, (ephemeral, &own.0)).ok_or(AgeError::Identity)
    }
}

impl Recipient {
    /// A new ephemeral key, and the key that wraps the file key for this recipient with it.
    pub(super) fn wrapping(&self) -> Result<([u8; 32], Zeroizing<[u8; 32]>), AgeError> {
        let private = PrivateKey::generate(&X25519).map_err(|_| AgeError::Entropy)?;
        let public = private.compute_public_key().map_err(|_| AgeError::Entropy)?;
        let public: [u8; 32] = public.as_ref().try_into().map_err(|_| AgeError::Entropy)?;
        let key = agree(&private, &self.0, (&public, &self.0)).ok_or(AgeError::NotAge("a recipient is no point"))?;
        Ok((public, key))
    }
}

/// None for a point of low order, which agrees with everybody on the same.
fn agree(own: &PrivateKey, with: &[u8; 32], salt: (&[u8; 32], &[u8; 32])) -> Option<Zeroizing<[u8; 32]>> {
    let salt = [&salt.0[..], &salt.1[..]].concat();
    let with = UnparsedPublicKey::new(&X25519, with);
    agreement::agree(own, with, (), |shared| Ok(derive(shared, &salt, INFO))).ok()
}
