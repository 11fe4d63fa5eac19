//! How a module is begun anew while others use it.
//!
//! Some modules find a device that was away only when they are ended and begun again (C_Finalize, C_Initialize), and PKCS#11
//! leaves open what becomes of a call that is inside meanwhile. So whoever calls is counted, and whoever ends waits until
//! nobody is inside and lets nobody in. What was opened in an earlier life of the module is not used in a later one: its
//! numbers may be another's by then, of a session or of a key.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The lives of a module, one after another.
#[derive(Default)]
pub(super) struct Lives {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    life: u64,
    inside: usize,
    ending: bool,
}

/// Whoever holds this may call the module.
pub(super) struct Inside<'a> {
    lives: &'a Lives,
    /// The number of the life that it belongs to.
    pub(super) life: u64,
}

/// Somebody is inside and does not come out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Occupied;

/// Lets the others in again, whatever becomes of the work.
struct Ending<'a>(&'a Lives);

impl Lives {
    /// Goes inside; waits while the module is being begun anew.
    pub(super) fn enter(&self) -> Inside<'_> {
        let state = self.changed.wait_while(self.state(), |state| state.ending);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.inside += 1;
        Inside { lives: self, life: state.life }
    }

    /// Does what ends this life and begins the next, unless somebody else has done so since.
    ///
    /// # Errors
    /// [`Occupied`] when somebody stays inside for so long: a call that hangs. Nothing was done then.
    pub(super) fn renew(&self, life: u64, wait: Duration, work: impl FnOnce()) -> Result<(), Occupied> {
        let others = self.changed.wait_timeout_while(self.state(), wait, |state| state.ending && state.life == life);
        let (mut state, _) = others.unwrap_or_else(PoisonError::into_inner);
        if state.life != life {
            return Ok(());
        }
        if state.ending {
            return Err(Occupied);
        }
        state.ending = true;
        let ending = Ending(self);
        let alone = self.changed.wait_timeout_while(state, wait, |state| state.inside > 0);
        let (mut state, _) = alone.unwrap_or_else(PoisonError::into_inner);
        let occupied = state.inside > 0;
        // Even if the work fails: what was opened before is not to be used any more.
        state.life += u64::from(!occupied);
        drop(state);
        if occupied {
            return Err(Occupied);
        }
        work();
        drop(ending);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.state().ending = false;
        self.0.changed.notify_all();
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut state = self.lives.state();
        state.inside -= 1;
        let wanted = state.ending && state.inside == 0;
        drop(state);
        if wanted {
            self.lives.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
        thread,
    };

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_life_is_ended_once_however_many_saw_it_fail() {
        let (lives, ended) = (Lives::default(), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    lives
                        .renew(0, LONG, || {
                            ended.fetch_add(1, SeqCst);
                        })
                        .expect("nobody is inside");
                    assert_eq!(lives.enter().life, 1, "the next life has begun when it returns");
                });
            }
        });
        assert_eq!(ended.load(SeqCst), 1);
    }

    #[test]
    fn nobody_is_inside_while_the_module_is_begun_anew() {
        let (lives, inside) = (Lives::default(), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        let guard = lives.enter();
                        inside.fetch_add(1, SeqCst);
                        inside.fetch_sub(1, SeqCst);
                        drop(guard);
                    }
                });
            }
            for life in 0..200 {
                lives.renew(life, LONG, || assert_eq!(inside.load(SeqCst), 0)).expect("they come out");
            }
        });
    }

    #[test]
    fn who_does_not_come_out_keeps_the_life_and_nobody_out() {
        let lives = Lives::default();
        let stuck = lives.enter();
        assert_eq!(lives.renew(0, Duration::ZERO, || panic!("somebody is inside")), Err(Occupied));
        assert_eq!(lives.enter().life, 0, "others go in as before");
        drop(stuck);
        assert_eq!(lives.renew(0, Duration::ZERO, || ()), Ok(()));
        assert_eq!(lives.enter().life, 1);
    }
}
