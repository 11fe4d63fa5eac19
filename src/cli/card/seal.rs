//! The seal of a card file: encrypted and authenticated under a passphrase.
//!
//! ```text
//! "JITSUIN CARD 1\n"   15 octets
//! N                    scrypt's cost as a power of two, 1 octet; r = 8, p = 1
//! salt                 16 octets
//! check                16 octets: HMAC-SHA-256 over all before it, cut; tells another passphrase from a damaged file
//! nonce                12 octets, random, new each time
//! image ‖ tag          AES-256-GCM; all before it is authenticated too
//! ```
//!
//! scrypt gives 64 octets: the key of the cipher and the key of the check. They are derived once and kept while the card is open, for
//! a card is written at each PIN. Random nonces under one key are good for 2^32 writes (NIST SP 800-38D §8.3).
//!
//! # Why not the container of the key files, or age
//! PBES2 with CBC, which OpenSSL opens, does not authenticate: a changed file would be another card. A file of age with a passphrase
//! would be stretched anew at every write.

use pkcs8::pkcs5::scrypt;
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hmac,
};
use zeroize::Zeroizing;

use crate::ports::Entropy;

const MAGIC: &[u8; 15] = b"JITSUIN CARD 1\n";
/// scrypt's cost for new files: 64 MiB and about 0.2 s.
pub(super) const LOG_N: u8 = 16;
/// The highest cost that a file may ask for: 256 MiB and about a second.
const MOST_LOG_N: u8 = 18;
const SALT: usize = 16;
const CHECK: usize = 16;
const NONCE: usize = 12;
/// Octets before the nonce.
const HEADER: usize = MAGIC.len() + 1 + SALT + CHECK;
const TAG: usize = 16;

/// Why a file was not opened, or not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It begins otherwise.
    #[error("it is no card file of this version")]
    NotACardFile,
    /// It is shorter than any.
    #[error("it is cut off")]
    CutOff,
    /// Opening it is set to cost more than is spent, or nothing.
    #[error("it asks for a derivation of the key that is not done (2^{0})")]
    Cost(u8),
    /// The check is another.
    #[error("the passphrase does not open it")]
    Passphrase,
    /// The tag is another.
    #[error("it was changed or cut off since it was written; the card cannot be used, and the file is left as it is")]
    Damaged,
    /// The machine gave no randomness or memory.
    #[error("there is no randomness or memory to seal it with")]
    Machine,
}

/// The keys of one card file.
pub(super) struct Seal {
    header: [u8; HEADER],
    key: LessSafeKey,
}

impl Seal {
    /// A new seal with that passphrase.
    pub(super) fn new(passphrase: &str, log_n: u8, entropy: &dyn Entropy) -> Result<Self, SealError> {
        let mut salt = [0; SALT];
        entropy.fill(&mut salt).map_err(|_| SealError::Machine)?;
        let (header, key) = derive(passphrase, log_n, &salt)?;
        Ok(Self { header, key })
    }

    /// Whether a file begins as a card file does, as far as it goes.
    pub(super) fn is_on(file: &[u8]) -> bool {
        !file.is_empty() && file.iter().zip(MAGIC).all(|(octet, expected)| octet == expected)
    }

    /// Opens a file: its seal, and the image inside.
    pub(super) fn open(file: &[u8], passphrase: &str) -> Result<(Self, Zeroizing<Vec<u8>>), SealError> {
        if !Self::is_on(file) {
            return Err(SealError::NotACardFile);
        }
        let (written, rest) = file.split_first_chunk::<HEADER>().ok_or(SealError::CutOff)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE>().ok_or(SealError::CutOff)?;
        let log_n = written[MAGIC.len()];
        if !(1..=MOST_LOG_N).contains(&log_n) {
            return Err(SealError::Cost(log_n));
        }
        let (header, key) = derive(passphrase, log_n, &written[MAGIC.len() + 1..][..SALT])?;
        if header != *written {
            return Err(SealError::Passphrase);
        }
        let mut image = Zeroizing::new(body.to_vec());
        let aad = Aad::from([&header[..], nonce].concat());
        let length = key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut image)
            .map_err(|_| SealError::Damaged)?
            .len();
        image.truncate(length);
        Ok((Self { header, key }, image))
    }

    /// A whole file with this image.
    pub(super) fn seal(&self, image: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE];
        entropy.fill(&mut nonce).map_err(|_| SealError::Machine)?;
        let before = [&self.header[..], &nonce].concat();
        let mut body = Vec::with_capacity(image.len() + TAG);
        body.extend_from_slice(image);
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&before), &mut body)
            .map_err(|_| SealError::Machine)?;
        Ok([before, body].concat())
    }
}

fn derive(passphrase: &str, log_n: u8, salt: &[u8]) -> Result<([u8; HEADER], LessSafeKey), SealError> {
    let cost = scrypt::Params::new(log_n, 8, 1).map_err(|_| SealError::Cost(log_n))?;
    let mut keys = Zeroizing::new([0; 64]);
    scrypt::scrypt(passphrase.as_bytes(), salt, &cost, keys.as_mut()).map_err(|_| SealError::Machine)?;
    let (cipher, check) = keys.split_at(32);
    let mut header = [0; HEADER];
    let (before, tag) = header.split_at_mut(HEADER - CHECK);
    before.copy_from_slice(&[&MAGIC[..], &[log_n], salt].concat());
    tag.copy_from_slice(&hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, check), before).as_ref()[..CHECK]);
    let key = UnboundKey::new(&AES_256_GCM, cipher).map_err(|_| SealError::Machine)?;
    Ok((header, LessSafeKey::new(key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::world::SystemEntropy;

    fn sealed() -> Vec<u8> {
        let entropy = SystemEntropy::default();
        Seal::new("passphrase", 4, &entropy).unwrap().seal(b"the image of a card", &entropy).unwrap()
    }

    fn opened(file: &[u8], passphrase: &str) -> Result<Vec<u8>, SealError> {
        Seal::open(file, passphrase).map(|(_, image)| image.to_vec())
    }

    #[test]
    fn what_was_sealed_is_opened_by_its_passphrase_alone() {
        let file = sealed();
        assert_eq!(opened(&file, "passphrase").unwrap(), b"the image of a card");
        for other in ["", "Passphrase", "passphrase "] {
            assert_eq!(opened(&file, other), Err(SealError::Passphrase));
        }
    }

    #[test]
    fn no_two_files_are_alike() {
        let entropy = SystemEntropy::default();
        let seal = Seal::new("passphrase", 4, &entropy).unwrap();
        let files = [seal.seal(b"image", &entropy).unwrap(), seal.seal(b"image", &entropy).unwrap()];
        assert_ne!(files[0][HEADER..], files[1][HEADER..]);
        assert_eq!(Seal::open(&files[1], "passphrase").unwrap().1[..], *b"image");
    }

    #[test]
    fn every_changed_octet_is_refused_and_says_which_part_it_was() {
        let file = sealed();
        for at in 0..file.len() {
            for change in [1, 0x80] {
                let mut bent = file.clone();
                bent[at] ^= change;
                let refused = opened(&bent, "passphrase").unwrap_err();
                let cost = MAGIC.len();
                let expected = match at {
                    _ if at < cost => SealError::NotACardFile,
                    _ if at == cost && change == 0x80 => SealError::Cost(0x84),
                    _ if at < HEADER => SealError::Passphrase,
                    _ => SealError::Damaged,
                };
                assert_eq!(refused, expected, "octet {at}");
            }
        }
    }

    #[test]
    fn every_shorter_or_longer_file_is_refused() {
        let file = sealed();
        for length in 0..file.len() {
            let expected = match length {
                0 => SealError::NotACardFile,
                _ if length < HEADER + NONCE => SealError::CutOff,
                _ => SealError::Damaged,
            };
            assert_eq!(opened(&file[..length], "passphrase"), Err(expected), "{length} octets");
        }
        assert_eq!(opened(&[&file[..], &[0]].concat(), "passphrase"), Err(SealError::Damaged));
    }

    #[test]
    fn a_cost_that_is_not_paid_is_refused_before_it_is_paid() {
        for log_n in [0, MOST_LOG_N + 1, 40, 255] {
            let mut file = sealed();
            file[MAGIC.len()] = log_n;
            assert_eq!(opened(&file, "passphrase"), Err(SealError::Cost(log_n)));
        }
    }
}
