//! The writer's queue as it is measured: what waits, since when a transaction runs, and how long such take of late.
//!
//! # Why
//! What a newcomer waits for is the transaction that runs and those that are full before theirs. With an empty queue that is
//! nothing, whatever the last one took: so a store that was slow and is not any more is found out by the next who asks, and
//! nobody is turned away by a memory.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::limits::COMMIT_BATCH;

/// Reads a watch that only runs forward; where it began does not matter.
pub type Stopwatch = fn() -> Duration;

#[derive(Default)]
struct Figures {
    /// Changes that nobody has begun.
    waiting: usize,
    /// When the transaction that runs began.
    began: Option<Duration>,
    /// What a transaction takes: the last one and those before it, each with half the weight of the next.
    usual: Duration,
}

/// The measured queue. Without a watch it says that nobody waits.
pub(in crate::store) struct Load {
    watch: Option<Stopwatch>,
    figures: Mutex<Figures>,
}

impl Load {
    pub(in crate::store) fn new(watch: Option<Stopwatch>) -> Self {
        Self { watch, figures: Mutex::default() }
    }

    /// So many changes come.
    pub(in crate::store) fn comes(&self, changes: usize) {
        self.lock().waiting += changes;
    }

    /// They went away again: the queue is full, or the transaction that runs hangs.
    pub(in crate::store) fn turns_away(&self, changes: usize) {
        let mut figures = self.lock();
        figures.waiting = figures.waiting.saturating_sub(changes);
    }

    /// A transaction takes so many of them.
    pub(in crate::store) fn begins(&self, changes: usize) {
        let now = self.watch.map(|watch| watch());
        let mut figures = self.lock();
        figures.waiting = figures.waiting.saturating_sub(changes);
        figures.began = now;
    }

    /// The transaction is over and its callers are answered.
    pub(in crate::store) fn ends(&self) {
        let now = self.watch.map(|watch| watch());
        let mut figures = self.lock();
        if let (Some(now), Some(began)) = (now, figures.began.take()) {
            figures.usual = (figures.usual + now.saturating_sub(began)) / 2;
        }
    }

    /// How long a change that came now would wait before its transaction begins.
    pub(in crate::store) fn wait(&self) -> Duration {
        let Some(now) = self.watch.map(|watch| watch()) else { return Duration::ZERO };
        let figures = self.lock();
        let Some(began) = figures.began else { return Duration::ZERO };
        let elapsed = now.saturating_sub(began);
        // One that takes longer than usual may take as long again as it already did.
        let left = if elapsed <= figures.usual { figures.usual - elapsed } else { elapsed };
        let full = u32::try_from(figures.waiting / COMMIT_BATCH).unwrap_or(u32::MAX);
        left.saturating_add(figures.usual.max(elapsed).saturating_mul(full))
    }

    /// How long the transaction that runs has been running.
    pub(in crate::store) fn running(&self) -> Duration {
        let Some(now) = self.watch.map(|watch| watch()) else { return Duration::ZERO };
        self.lock().began.map_or(Duration::ZERO, |began| now.saturating_sub(began))
    }

    fn lock(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static HANDS: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    }

    fn watch() -> Duration {
        HANDS.get()
    }

    fn pass(millis: u64) {
        HANDS.set(HANDS.get() + Duration::from_millis(millis));
    }

    /// A queue whose last transactions took that long.
    fn used_to(millis: u64) -> Load {
        let load = Load::new(Some(watch));
        for _ in 0..32 {
            load.comes(1);
            load.begins(1);
            pass(millis);
            load.ends();
        }
        load
    }

    fn wait(load: &Load) -> u64 {
        u64::try_from(load.wait().as_micros().div_ceil(1000)).unwrap()
    }

    #[test]
    fn nobody_waits_where_nothing_is_written_however_slow_it_was() {
        let load = used_to(5000);
        assert_eq!(wait(&load), 0);
        load.comes(COMMIT_BATCH * 3);
        assert_eq!(wait(&load), 0, "the writer takes them this very moment");
    }

    #[test]
    fn a_newcomer_waits_for_what_is_left_of_the_transaction_that_runs_and_for_the_full_ones() {
        let load = used_to(40);
        load.begins(1);
        pass(10);
        assert_eq!(wait(&load), 30);
        load.comes(COMMIT_BATCH - 1);
        assert_eq!(wait(&load), 30, "there is a place in the next");
        load.comes(COMMIT_BATCH + 1);
        assert_eq!(wait(&load), 30 + 2 * 40);
        load.begins(COMMIT_BATCH);
        assert_eq!(wait(&load), 40 + 40);
        load.turns_away(COMMIT_BATCH);
        assert_eq!(wait(&load), 40);
    }

    #[test]
    fn a_transaction_that_hangs_is_waited_for_longer_and_longer_and_forgotten_when_it_is_over() {
        let load = used_to(2);
        load.begins(1);
        pass(1);
        assert_eq!(wait(&load), 1);
        pass(99);
        assert_eq!(wait(&load), 100);
        pass(900);
        assert_eq!(wait(&load), 1000);
        load.ends();
        assert_eq!(wait(&load), 0);
        for _ in 0..12 {
            load.begins(1);
            pass(2);
            load.ends();
        }
        load.begins(1);
        assert_eq!(wait(&load), 3, "a dozen quick ones outweigh it");
    }

    #[test]
    fn without_a_watch_nobody_is_said_to_wait() {
        let load = Load::new(None);
        load.comes(COMMIT_BATCH * 9);
        load.begins(1);
        pass(9000);
        assert_eq!(load.wait(), Duration::ZERO);
    }
}
