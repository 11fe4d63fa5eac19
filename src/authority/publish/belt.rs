//! What several hands make, one takes off in order.
//!
//! Outcomes are taken in the order of their tasks, however long each took, so that what is recorded is what one hand alone would
//! have recorded. Hands run ahead of what was taken only so far ([`LISTS_AHEAD`]): what waits takes room.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::{limits::LISTS_AHEAD, ports::Hands};

/// Does `make` for every task, and `take` with what was made: in order, as many at a time as are ready, until it breaks off. What
/// was made and not taken by then is dropped.
pub(super) fn carry<T: Sync, M: Send>(
    hands: Option<&dyn Hands>,
    tasks: &[T],
    make: impl Fn(&T) -> M + Sync,
    mut take: impl FnMut(Vec<M>) -> ControlFlow<()>,
) {
    if let Some(hands) = hands.filter(|_| tasks.len() > 1) {
        let belt = Belt::new(tasks.len(), LISTS_AHEAD.max(hands.count() + 1));
        let work = || belt.work(|number| make(&tasks[number]));
        let mut meanwhile = || belt.take_off(&mut take);
        if hands.lend(&work, &mut meanwhile).is_ok() {
            return;
        }
    }
    for task in tasks {
        if take(vec![make(task)]).is_break() {
            return;
        }
    }
}

/// Tasks by number, from 0, and what was made of them.
struct Belt<M> {
    tasks: usize,
    ahead: usize,
    state: Mutex<State<M>>,
    moved: Condvar,
}

struct State<M> {
    /// The next task that nobody has begun.
    next: usize,
    /// The first task whose outcome was not taken.
    taken: usize,
    made: BTreeMap<usize, M>,
    is_stopped: bool,
}

/// Stops the belt when it goes, unless all went well: whoever waits at it must not wait for somebody who panicked.
struct Brake<'a, M>(&'a Belt<M>, bool);

impl<M> Drop for Brake<'_, M> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.lock().is_stopped = true;
            self.0.moved.notify_all();
        }
    }
}

impl<M> Belt<M> {
    fn new(tasks: usize, ahead: usize) -> Self {
        let state = State { next: 0, taken: 0, made: BTreeMap::new(), is_stopped: false };
        Self { tasks, ahead, state: Mutex::new(state), moved: Condvar::new() }
    }

    /// One hand.
    fn work(&self, make: impl Fn(usize) -> M) {
        let mut brake = Brake(self, false);
        while let Some(number) = self.claim() {
            let made = make(number);
            self.lock().made.insert(number, made);
            self.moved.notify_all();
        }
        brake.1 = true;
    }

    /// The next task, when there is room for what comes of it.
    fn claim(&self) -> Option<usize> {
        let waits = |state: &mut State<M>| {
            !state.is_stopped && state.next < self.tasks && state.next >= state.taken + self.ahead
        };
        let mut state = self.moved.wait_while(self.lock(), waits).unwrap_or_else(PoisonError::into_inner);
        if state.is_stopped || state.next == self.tasks {
            return None;
        }
        state.next += 1;
        Some(state.next - 1)
    }

    /// Whoever takes.
    fn take_off(&self, take: &mut impl FnMut(Vec<M>) -> ControlFlow<()>) {
        // Whatever ends it: nobody takes what is made after.
        let _brake = Brake(self, false);
        loop {
            let ready = self.ready();
            if ready.is_empty() || take(ready).is_break() {
                return;
            }
        }
    }

    /// What is ready, in order; nothing at the end.
    fn ready(&self) -> Vec<M> {
        let waits = |state: &mut State<M>| {
            !state.is_stopped && state.taken < self.tasks && !state.made.contains_key(&state.taken)
        };
        let mut state = self.moved.wait_while(self.lock(), waits).unwrap_or_else(PoisonError::into_inner);
        let mut ready = Vec::new();
        while !state.is_stopped
            && let Some(made) = {
                let taken = state.taken;
                state.made.remove(&taken)
            }
        {
            ready.push(made);
            state.taken += 1;
        }
        self.moved.notify_all();
        ready
    }

    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::{
            Barrier,
            atomic::{AtomicUsize, Ordering::SeqCst},
        },
        thread,
    };

    use super::*;
    use crate::ports::NoHands;

    struct Lent(usize);

    impl Hands for Lent {
        fn count(&self) -> usize {
            self.0.max(1)
        }

        fn lend(&self, work: &(dyn Fn() + Sync), meanwhile: &mut dyn FnMut()) -> Result<(), NoHands> {
            if self.0 == 0 {
                return Err(NoHands);
            }
            thread::scope(|scope| {
                (0..self.0).for_each(|_| drop(scope.spawn(work)));
                meanwhile();
            });
            Ok(())
        }
    }

    fn each(hands: Option<&dyn Hands>, tasks: usize, end: usize) -> Vec<usize> {
        let (tasks, mut taken) = ((0..tasks).collect::<Vec<_>>(), Vec::new());
        let make = |task: &usize| task * 10;
        carry(hands, &tasks, make, |made| {
            taken.extend(made);
            if taken.len() >= end { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        taken
    }

    #[test]
    fn everything_is_taken_once_and_in_order_by_however_many_hands() {
        for tasks in [0, 1, 2, 500] {
            let wanted: Vec<_> = (0..tasks).map(|task| task * 10).collect();
            for hands in [None, Some(Lent(0)), Some(Lent(1)), Some(Lent(4)), Some(Lent(40))] {
                let hands = hands.as_ref().map(|hands| hands as &dyn Hands);
                assert_eq!(each(hands, tasks, usize::MAX), wanted, "{tasks} by {:?}", hands.map(Hands::count));
            }
        }
    }

    #[test]
    fn tasks_are_done_side_by_side_and_the_slowest_first_holds_nobody_up() {
        let (tasks, together, done) = ([0, 1, 2, 3, 4, 5], Barrier::new(3), AtomicUsize::new(0));
        let mut taken = Vec::new();
        let make = |task: &usize| {
            if *task < 3 {
                together.wait();
            }
            while *task == 0 && done.load(SeqCst) < 5 {
                thread::yield_now();
            }
            done.fetch_add(1, SeqCst);
            *task
        };
        carry(Some(&Lent(3)), &tasks, make, |made| {
            taken.extend(made);
            ControlFlow::Continue(())
        });
        assert_eq!(taken, tasks);
    }

    #[test]
    fn nobody_runs_further_ahead_than_there_is_room_and_nothing_is_taken_after_the_end() {
        let (tasks, begun, taken) = ((0..1000).collect::<Vec<usize>>(), AtomicUsize::new(0), AtomicUsize::new(0));
        let make = |task: &usize| {
            begun.fetch_max(*task, SeqCst);
            assert!(*task < taken.load(SeqCst) + 2 * LISTS_AHEAD + 8, "what is being taken counts as taken");
        };
        carry(Some(&Lent(4)), &tasks, make, |made| {
            let before = taken.fetch_add(made.len(), SeqCst);
            assert!(made.len() <= LISTS_AHEAD.max(5));
            if before + made.len() > 300 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(taken.load(SeqCst) <= 300 + LISTS_AHEAD.max(5));
        assert!(begun.load(SeqCst) <= taken.load(SeqCst) + LISTS_AHEAD.max(5));
    }

    #[test]
    fn whoever_panics_is_waited_for_by_nobody() {
        let tasks: Vec<usize> = (0..100).collect();
        let by_maker = || {
            let make = |task: &usize| assert_ne!(*task, 7, "the test said so");
            carry(Some(&Lent(3)), &tasks, make, |_| ControlFlow::Continue(()));
        };
        let by_taker = || carry(Some(&Lent(3)), &tasks, |_| (), |_| panic!("the test said so"));
        assert!(catch_unwind(AssertUnwindSafe(by_maker)).is_err());
        assert!(catch_unwind(AssertUnwindSafe(by_taker)).is_err());
    }
}
