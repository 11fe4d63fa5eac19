//! The real clock and the real randomness.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use ring::rand::{SecureRandom, SystemRandom};

use crate::{
    ports::{Clock, Entropy, EntropyError},
    x509::{Serial, UnixTime},
};

/// The clock of the operating system. If it is set back, the store refuses to write and readiness tells (decision: a clock
/// that went back stops writing); hiding it here would put dates of the future into certificates.
///
/// It can run behind: the demonstration has a past, in which certificates were issued that have expired by now.
#[derive(Debug, Default)]
pub struct SystemClock {
    behind: AtomicI64,
}

impl SystemClock {
    /// A clock that runs so many days behind.
    #[must_use]
    pub fn days_behind(days: u16) -> Self {
        let clock = Self::default();
        clock.fall_behind(days);
        clock
    }

    /// From now on it runs so many days behind; 0: it shows the present.
    pub fn fall_behind(&self, days: u16) {
        self.behind.store(i64::from(days) * 86_400, Ordering::Relaxed);
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX) - self.behind.load(Ordering::Relaxed);
        UnixTime::from_seconds(now).unwrap_or(UnixTime::EPOCH)
    }
}

/// Time since this was first asked; it never goes back.
#[must_use]
pub fn stopwatch() -> Duration {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGAN.elapsed()
}

/// The randomness of the operating system.
#[derive(Debug)]
pub struct SystemEntropy(SystemRandom);

impl Default for SystemEntropy {
    fn default() -> Self {
        Self(SystemRandom::new())
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, octets: &mut [u8]) -> Result<(), EntropyError> {
        self.0.fill(octets).map_err(|_| EntropyError)
    }
}

/// A random serial of 17 octets, for certificates that are nobody's card: CAs and TLS.
///
/// # Errors
/// [`EntropyError`].
pub fn random_serial(entropy: &dyn Entropy) -> Result<Serial, EntropyError> {
    let mut octets = [0x40; 17];
    entropy.fill(&mut octets[1..])?;
    Serial::from_octets(&octets).map_err(|_| EntropyError)
}
