//! Files in the format of **age** (age-encryption.org/v1): what is written here, `age -d` opens, and the other way round.
//!
//! ```text
//! age-encryption.org/v1
//! -> X25519 EPHEMERAL-KEY          a stanza for each recipient; or, alone: -> scrypt SALT LOG-N
//! WRAPPED-FILE-KEY
//! --- MAC                          HMAC-SHA-256 over all before it
//! NONCE PIECE…                     pieces of 64 KiB, each sealed with ChaCha20-Poly1305, the last one marked
//! ```
//!
//! # Why not the crate `age`
//! Version 0.12 brings 91 crates beside our 220, among them a translator with seven crates of its own, and a pre-release of key
//! encapsulation; all for messages and recipients that we do not have. The two kinds of stanzas that backups need are an X25519
//! agreement and scrypt, both of which are in the tree already. `tests/backup` holds the program `age` against it in both directions.

mod header;
mod keys;
mod stream;

pub use self::{
    header::{Opening, Sealing},
    keys::{Identity, NotAKey, Recipient},
    stream::{Opened, Sealed},
};

/// Octets of the key of one file.
const FILE_KEY: usize = 16;
/// Octets of plain text in a piece.
const PIECE: usize = 64 * 1024;
/// Octets of the tag behind it.
const TAG: usize = 16;

/// Why a file could not be opened, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum AgeError {
    /// It begins with other octets, or its header is not as it should be.
    #[error("it is no file of age: {0}")]
    NotAge(&'static str),
    /// It is sealed with a passphrase, and none was given.
    #[error("it is sealed with a passphrase: say --passphrase-file")]
    WantsPassphrase,
    /// It is sealed to recipients, and no identity was given.
    #[error("it is sealed to recipients: say --identity")]
    WantsIdentity,
    /// The passphrase is another one.
    #[error("the passphrase does not open it")]
    Passphrase,
    /// It is sealed to others.
    #[error("none of the identities opens it: it is sealed to others")]
    Identity,
    /// The derivation of the key is set to cost more than is spent.
    #[error("its passphrase is stretched 2^{0} times; more than 2^{1} are not done")]
    TooDear(u8, u8),
    /// The header was changed after it was sealed.
    #[error("its header is damaged")]
    Header,
    /// The machine gives no randomness.
    #[error("no randomness to seal with")]
    Entropy,
    /// It could not be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// HKDF-SHA-256 of a secret, to 32 octets.
fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> zeroize::Zeroizing<[u8; 32]> {
    struct Octets32;
    impl ring::hkdf::KeyType for Octets32 {
        fn len(&self) -> usize {
            32
        }
    }
    let mut key = zeroize::Zeroizing::new([0; 32]);
    let extracted = ring::hkdf::Salt::new(ring::hkdf::HKDF_SHA256, salt).extract(secret);
    let filled = extracted.expand(&[info], Octets32).and_then(|expanded| expanded.fill(key.as_mut()));
    filled.expect("HKDF-SHA-256 gives up to 8,160 octets");
    key
}

/// ChaCha20-Poly1305 under a key.
fn cipher(key: &[u8; 32]) -> ring::aead::LessSafeKey {
    let key = ring::aead::UnboundKey::new(&ring::aead::CHACHA20_POLY1305, key).expect("a key of 32 octets");
    ring::aead::LessSafeKey::new(key)
}

#[cfg(test)]
mod tests;
