//! Time and randomness. Nothing below the doors reads either by itself.

use std::time::Duration;

use crate::x509::UnixTime;

/// The time of day.
///
/// A story reads it once and passes the instant on, so that everything one request writes carries one time.
pub trait Clock: Send + Sync {
    /// The current instant, cut to whole seconds.
    fn now(&self) -> UnixTime;

    /// By how much the time that it is given has leapt ahead of the time that it tells; zero while it believes what it is given.
    fn leap(&self) -> Duration {
        Duration::ZERO
    }
}

/// Random octets fit for keys and identifiers.
pub trait Entropy: Send + Sync {
    /// Fills `octets` whole.
    ///
    /// # Errors
    /// [`EntropyError`] when the source gives nothing; then `octets` must not be used.
    fn fill(&self, octets: &mut [u8]) -> Result<(), EntropyError>;
}

/// The source of randomness gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the source of randomness gave nothing")]
pub struct EntropyError;
