//! Shamir's secret sharing over the passphrase: any `threshold` of the shares give it, fewer give nothing.
//!
//! Nothing: for every passphrase of the same length in blocks there is one polynomial through the shares at hand, and all are
//! equally likely. So a share must never be published in a form that it can be compared with, not even as a digest: who has one
//! share less than needed could then try passphrases at the speed of SHA-256 instead of scrypt.

use rand_core::{Infallible, TryCryptoRng, TryRng};
use vsss_rs::Gf256;
use zeroize::Zeroizing;

use super::share::{ServiceId, Share, Splitting};
use crate::{
    limits::KEY_SHARES,
    ports::{Entropy, EntropyError},
};

/// A passphrase is filled up with zeros to a multiple of this, which says little of its length. No passphrase has a zero in it.
pub(super) const BLOCK: usize = 32;

/// How many shares there are to be, and how many are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quorum {
    threshold: u8,
    count: u8,
}

/// Why there is no such quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    /// One would be enough.
    #[error("a share that opens the keys alone is a copy of the passphrase; at least 2 must be needed (--threshold 2)")]
    OneIsEnough,
    /// Only one.
    #[error("one share is no sharing; make at least 2, better more than are needed, for one may be lost (--shares)")]
    OneShare,
    /// More are needed than there are.
    #[error(
        "{0} shares can never be put together where there are only {1}; the threshold must not be above the shares"
    )]
    AboveShares(u8, u8),
    /// Too many.
    #[error("{0} shares are more than {KEY_SHARES}")]
    TooMany(u8),
}

impl Quorum {
    /// So many of so many.
    ///
    /// # Errors
    /// [`QuorumError`].
    pub fn new(threshold: u8, count: u8) -> Result<Self, QuorumError> {
        match (threshold, count) {
            (_, ..=1) => Err(QuorumError::OneShare),
            (..=1, _) => Err(QuorumError::OneIsEnough),
            (_, count) if count > KEY_SHARES => Err(QuorumError::TooMany(count)),
            (threshold, count) if threshold > count => Err(QuorumError::AboveShares(threshold, count)),
            _ => Ok(Self { threshold, count }),
        }
    }

    /// How many are needed.
    #[must_use]
    pub fn threshold(self) -> u8 {
        self.threshold
    }

    /// How many there are.
    #[must_use]
    pub fn count(self) -> u8 {
        self.count
    }
}

/// The passphrase was not shared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// There is no randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The library refused, or what it made does not give the passphrase back.
    #[error("the passphrase could not be shared: {0}")]
    Library(String),
}

/// Why shares give no passphrase.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CombineError {
    /// Fewer than are needed.
    #[error("{have} of the {needed} shares that are needed; ask {} more of the holders", needed - have)]
    TooFew {
        /// How many there are.
        have: u8,
        /// How many are needed.
        needed: u8,
    },
    /// They do not belong together, though each is whole: one was made up.
    #[error("the shares contradict each other: one of them is not what was given out, though its checksum is right")]
    Contradictory,
}

/// Shares a passphrase out, and proves that the first and the last of them give it back.
///
/// # Errors
/// [`SplitError`].
pub fn split(
    passphrase: &str,
    quorum: Quorum,
    service: ServiceId,
    entropy: &dyn Entropy,
) -> Result<Vec<Share>, SplitError> {
    let mut splitting = [0; 4];
    entropy.fill(&mut splitting)?;
    let Quorum { threshold, count } = quorum;
    let mut secret = Zeroizing::new(vec![0; passphrase.len().next_multiple_of(BLOCK).max(BLOCK)]);
    secret[..passphrase.len()].copy_from_slice(passphrase.as_bytes());
    let mut dice = Dice { entropy, failed: false };
    let values = Gf256::split_bytes(threshold.into(), count.into(), secret.as_slice(), &mut dice);
    let values = values.map_err(|error| SplitError::Library(error.to_string()))?;
    if dice.failed {
        return Err(EntropyError.into()); // the shares were made of zeros
    }
    let share = |octets: Vec<u8>| {
        let octets = Zeroizing::new(octets);
        let value = Zeroizing::new(octets[1..].to_vec());
        Share { service, splitting: Splitting(splitting), threshold, count, number: octets[0], value }
    };
    let shares: Vec<Share> = values.into_iter().map(share).collect();
    let needed = usize::from(threshold);
    for some in [&shares[..needed], &shares[shares.len() - needed..]] {
        if combine(some).ok().as_deref().map(String::as_str) != Some(passphrase) {
            return Err(SplitError::Library("the shares do not give it back".into()));
        }
    }
    Ok(shares)
}

/// Puts shares of one splitting together, all different. If there are more than are needed, all must agree.
///
/// # Errors
/// [`CombineError`].
pub fn combine(shares: &[Share]) -> Result<Zeroizing<String>, CombineError> {
    let needed = shares.first().map_or(2, |share| share.threshold);
    let have = u8::try_from(shares.len()).unwrap_or(u8::MAX);
    if have < needed {
        return Err(CombineError::TooFew { have, needed });
    }
    let secret = interpolate(&shares[..needed.into()])?;
    if interpolate(shares)? != secret {
        return Err(CombineError::Contradictory);
    }
    let length = secret.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
    let text = std::str::from_utf8(&secret[..length]).map_err(|_| CombineError::Contradictory)?;
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(CombineError::Contradictory);
    }
    Ok(Zeroizing::new(text.to_owned()))
}

fn interpolate(shares: &[Share]) -> Result<Zeroizing<Vec<u8>>, CombineError> {
    let points: Vec<Vec<u8>> = shares.iter().map(|share| [&[share.number], share.value.as_slice()].concat()).collect();
    let points = Zeroizing::new(points);
    Gf256::combine_bytes(points.as_slice()).map(Zeroizing::new).map_err(|_| CombineError::Contradictory)
}

/// The port of randomness, as the library asks for it. What it makes after a failure must be thrown away.
struct Dice<'a> {
    entropy: &'a dyn Entropy,
    failed: bool,
}

impl TryRng for Dice<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut octets = [0; 4];
        self.try_fill_bytes(&mut octets)?;
        Ok(u32::from_le_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut octets = [0; 8];
        self.try_fill_bytes(&mut octets)?;
        Ok(u64::from_le_bytes(octets))
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Infallible> {
        self.failed |= self.entropy.fill(octets).is_err();
        Ok(())
    }
}

impl TryCryptoRng for Dice<'_> {}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::cli::world::SystemEntropy;

    const PASSPHRASE: &str = "correct horse 判子 battery staple";
    const SERVICE: ServiceId = ServiceId([7; 8]);

    fn shares(threshold: u8, count: u8) -> Vec<Share> {
        let quorum = Quorum::new(threshold, count).unwrap();
        split(PASSPHRASE, quorum, SERVICE, &SystemEntropy::default()).unwrap()
    }

    #[test]
    fn any_of_the_shares_that_are_enough_give_the_passphrase() {
        let shares = shares(3, 5);
        assert_eq!(shares.iter().map(|share| share.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        for a in 0..5 {
            for b in (0..5).filter(|b| *b != a) {
                for c in (0..5).filter(|c| ![a, b].contains(c)) {
                    let some = [shares[a].clone(), shares[b].clone(), shares[c].clone()];
                    assert_eq!(combine(&some).unwrap().as_str(), PASSPHRASE);
                }
            }
        }
        assert_eq!(combine(&shares).unwrap().as_str(), PASSPHRASE);
    }

    #[test]
    fn every_quorum_within_the_bounds_gives_it_back() {
        for (threshold, count) in [(2, 2), (2, 32), (32, 32), (5, 9)] {
            assert_eq!(combine(&shares(threshold, count)[..threshold.into()]).unwrap().as_str(), PASSPHRASE);
        }
    }

    #[test]
    fn one_share_less_is_refused_and_would_fit_every_passphrase() {
        let mut shares = shares(3, 5);
        shares.truncate(2);
        assert_eq!(combine(&shares), Err(CombineError::TooFew { have: 2, needed: 3 }));
        // For each passphrase there is a third share that gives it: the two that are there do not tell which is right.
        for (at, wanted) in shares[0].value.clone().iter().enumerate() {
            let mut met = [false; 256];
            for third in 0..=255_u8 {
                let points = vec![vec![1, *wanted], vec![2, shares[1].value[at]], vec![3, third]];
                met[usize::from(Gf256::combine_bytes(points).unwrap()[0])] = true;
            }
            assert!(met.iter().all(|met| *met), "octet {at}");
        }
        assert_eq!(combine(&[]), Err(CombineError::TooFew { have: 0, needed: 2 }));
    }

    #[test]
    fn two_splittings_of_one_passphrase_have_nothing_in_common() {
        let (one, other) = (shares(2, 2), shares(2, 2));
        assert_ne!(one[0].splitting, other[0].splitting);
        assert!(one.iter().zip(&other).all(|(one, other)| one.value != other.value));
        let mixed = [one[0].clone(), other[1].clone()];
        assert_ne!(combine(&mixed).ok().as_deref().map(String::as_str), Some(PASSPHRASE));
    }

    #[test]
    fn coefficients_are_drawn_from_the_whole_field() {
        // In `sharks` they were never zero (RUSTSEC-2024-0398): a share of a secret of zeros then never was.
        let quorum = Quorum::new(2, 2).unwrap();
        let mut met = [false; 256];
        for _ in 0..200 {
            let shares = split(&"x".repeat(32), quorum, SERVICE, &SystemEntropy::default()).unwrap();
            for octet in shares[0].value.iter() {
                met[usize::from(octet ^ b'x')] = true;
            }
        }
        assert!(met.iter().all(|met| *met));
    }

    #[test]
    fn a_share_too_many_that_was_bent_is_noticed() {
        let mut shares = shares(2, 3);
        shares[2].value[0] ^= 1;
        assert_eq!(combine(&shares), Err(CombineError::Contradictory));
    }

    #[test]
    fn a_quorum_that_protects_nothing_or_never_meets_is_refused() {
        for (threshold, count, error) in [
            (1, 5, QuorumError::OneIsEnough),
            (0, 5, QuorumError::OneIsEnough),
            (1, 1, QuorumError::OneShare),
            (2, 1, QuorumError::OneShare),
            (0, 0, QuorumError::OneShare),
            (6, 5, QuorumError::AboveShares(6, 5)),
            (2, 33, QuorumError::TooMany(33)),
        ] {
            assert_eq!(Quorum::new(threshold, count), Err(error));
        }
    }

    #[test]
    fn the_length_of_a_passphrase_shows_in_blocks_only() {
        let length = |passphrase: &str| {
            let quorum = Quorum::new(2, 2).unwrap();
            split(passphrase, quorum, SERVICE, &SystemEntropy::default()).unwrap()[0].value.len()
        };
        assert_eq!([length("x"), length(&"x".repeat(32)), length(&"x".repeat(33))], [32, 32, 64]);
    }

    #[test]
    fn without_randomness_nothing_is_shared() {
        struct Dry(AtomicU32);
        impl Entropy for Dry {
            fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
                let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
                left.map(drop).map_err(|_| EntropyError)
            }
        }
        for left in [0, 1, 20] {
            let quorum = Quorum::new(2, 2).unwrap();
            let refused = split(PASSPHRASE, quorum, SERVICE, &Dry(left.into()));
            assert_eq!(refused, Err(SplitError::Entropy(EntropyError)), "{left}");
        }
    }
}
