//! The real clock and the real randomness.

use std::{
    num::NonZeroUsize,
    sync::{
        LazyLock,
        atomic::{AtomicI64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use ring::rand::{SecureRandom, SystemRandom};

use crate::{
    limits::LIST_HANDS,
    ports::{Clock, Entropy, EntropyError, Hands, NoHands},
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

/// Threads of this machine, lent to the maker of lists.
#[derive(Clone, Copy, Debug)]
pub struct Threads(NonZeroUsize);

impl Threads {
    /// Of every core but one, at most [`LIST_HANDS`]: whoever answers always has that core, and a half of each other, whatever is
    /// being made. On a machine with one core, one.
    #[must_use]
    pub fn beside_answers() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::of((cores - 1).min(LIST_HANDS))
    }

    /// So many, at least one.
    #[must_use]
    pub fn of(count: usize) -> Self {
        Self(NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN))
    }
}

impl Hands for Threads {
    fn count(&self) -> usize {
        self.0.get()
    }

    fn lend(&self, work: &(dyn Fn() + Sync), meanwhile: &mut dyn FnMut()) -> Result<(), NoHands> {
        thread::scope(|scope| {
            let begin = |number| thread::Builder::new().name(format!("list-{number}")).spawn_scoped(scope, work);
            // Where not all of them can be had, fewer do.
            let lent = (0..self.count()).map_while(|number| begin(number).ok()).count();
            if lent == 0 {
                return Err(NoHands);
            }
            meanwhile();
            Ok(())
        })
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
