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
use rustix::time::{ClockId, clock_gettime};

use crate::{
    limits::{CLOCK_TOLERANCE, LIST_HANDS},
    ports::{Clock, Entropy, EntropyError, Hands, NoHands},
    x509::{Serial, UnixTime},
};

/// The clock of the operating system. If it is set back, the store refuses to write and readiness tells (decision: a clock
/// that went back stops writing); hiding it here would put dates of the future into certificates.
///
/// If it leaps ahead of what the machine itself has counted since this was last asked, it is not believed: the service goes on by
/// that count, and readiness tells, until the system's clock is right again or the service is started anew.
///
/// It can run behind: the demonstration has a past, in which certificates were issued that have expired by now.
///
/// # Why
/// What is written and signed under a date of the future cannot be taken back: no other entry could be written until that date
/// comes, deadlines would pass that have not, and an answer «good» could be kept until it lies, years after a revocation.
#[derive(Debug, Default)]
pub struct SystemClock {
    behind: AtomicI64,
    course: Course,
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

    /// The second in which we are, and by how many the system's clock is ahead of it.
    fn look(&self) -> (i64, i64) {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.course.follow(i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX), machine_seconds())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        let now = self.look().0 - self.behind.load(Ordering::Relaxed);
        UnixTime::from_seconds(now).unwrap_or(UnixTime::EPOCH)
    }

    fn leap(&self) -> Duration {
        Duration::from_secs(self.look().1.unsigned_abs())
    }
}

/// Seconds since the machine was started, also those in which it slept. Nobody sets this.
fn machine_seconds() -> i64 {
    #[cfg(target_os = "linux")]
    const COUNT: ClockId = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    const COUNT: ClockId = ClockId::Monotonic;
    clock_gettime(COUNT).tv_sec
}

/// By how much the system's clock was ahead of the machine's count when it was last believed.
#[derive(Debug)]
struct Course(AtomicI64);

/// What [`Course`] is before anybody looked.
const NOWHERE: i64 = i64::MIN;

impl Default for Course {
    fn default() -> Self {
        Self(AtomicI64::new(NOWHERE))
    }
}

impl Course {
    /// The second in which we are, by the system's clock and the machine's count, and by how many the former is ahead of it. Small
    /// corrections are followed; of one that went back, who writes decides.
    fn follow(&self, system: i64, machine: i64) -> (i64, i64) {
        let tolerance = CLOCK_TOLERANCE.as_secs().cast_signed();
        let (course, seen) = (self.0.load(Ordering::Relaxed), system.saturating_sub(machine));
        let leap = if course == NOWHERE { 0 } else { seen.saturating_sub(course) };
        if leap > tolerance {
            return (course + machine, leap);
        }
        if leap >= -tolerance {
            self.0.store(seen, Ordering::Relaxed);
        }
        (system, 0)
    }
}

/// Whether what others are doing is done within half a second.
pub(super) fn comes_about(is_done: impl Fn() -> bool) -> bool {
    const TURNS: u32 = 25;
    (0..TURNS).any(|turn| {
        if turn > 0 {
            thread::sleep(Duration::from_millis(20));
        }
        is_done()
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    #[test]
    fn a_clock_that_leaps_ahead_is_not_believed_until_it_is_right_again() {
        let course = Course::default();
        assert_eq!(course.follow(NOW, 1000), (NOW, 0));
        assert_eq!(course.follow(NOW + 61 + 10, 1010), (NOW + 10, 61), "beyond the tolerance");
        let years = 5 * 366 * 86_400;
        assert_eq!(course.follow(NOW + years + 20, 1020), (NOW + 20, years));
        assert_eq!(course.follow(NOW + years + 3620, 4620), (NOW + 3620, years), "however long it goes on");
        assert_eq!(course.follow(NOW + 3630, 4630), (NOW + 3630, 0));
    }

    #[test]
    fn small_corrections_are_followed_both_ways_and_add_up() {
        let course = Course::default();
        course.follow(NOW, 0);
        for turn in 1..100 {
            assert_eq!(course.follow(NOW + turn * 60, 0), (NOW + turn * 60, 0), "60 s more each time");
        }
        assert_eq!(course.follow(NOW + 98 * 60, 0), (NOW + 98 * 60, 0));
    }

    #[test]
    fn a_clock_that_went_back_is_shown_as_it_is_and_the_way_back_is_no_leap() {
        let course = Course::default();
        course.follow(NOW, 0);
        assert_eq!(course.follow(NOW - 86_400, 5), (NOW - 86_400, 0), "the store refuses to write");
        assert_eq!(course.follow(NOW + 10, 10), (NOW + 10, 0));
        assert_eq!(course.follow(NOW + 71 + 10, 10), (NOW + 10, 71));
    }

    #[test]
    fn a_machine_that_slept_has_counted_it() {
        let course = Course::default();
        course.follow(NOW, 0);
        assert_eq!(course.follow(NOW + 86_400, 86_400), (NOW + 86_400, 0));
    }

    #[test]
    fn the_demonstration_s_past_is_no_leap() {
        let clock = SystemClock::days_behind(3000);
        let past = clock.now();
        clock.fall_behind(0);
        assert!(past + Duration::from_secs(2999 * 86_400) < clock.now());
        assert_eq!(clock.leap(), Duration::ZERO);
    }
}
