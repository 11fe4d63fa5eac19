//! Connections that read, lent to whoever asks.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Connections that nobody has, and how many are lent; whoever comes beyond the bound waits for one.
pub(in crate::store) struct Pool<C> {
    /// So many are lent at a time.
    bound: usize,
    state: Mutex<State<C>>,
    returned: Condvar,
}

struct State<C> {
    idle: Vec<C>,
    lent: usize,
}

/// A connection of the pool. It goes back if its reading went well, and is closed if not, with its transaction.
pub(in crate::store) struct Lent<'a, C> {
    pool: &'a Pool<C>,
    /// Absent until it is opened, and when it is to be closed.
    pub(in crate::store) connection: Option<C>,
}

impl<C> Drop for Lent<'_, C> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.lent -= 1;
        state.idle.extend(self.connection.take());
        self.pool.returned.notify_one();
    }
}

impl<C> Pool<C> {
    /// One that lends so many at a time.
    pub(in crate::store) fn new(bound: usize) -> Self {
        Self { bound, state: Mutex::new(State { idle: Vec::new(), lent: 0 }), returned: Condvar::new() }
    }

    /// Lends one, or the room for one.
    pub(in crate::store) fn lend(&self) -> Lent<'_, C> {
        let full = |state: &mut State<C>| state.lent >= self.bound;
        let mut state = self.returned.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        state.lent += 1;
        Lent { pool: self, connection: state.idle.pop() }
    }

    /// Closes those that nobody has.
    pub(in crate::store) fn clear(&self) {
        let idle = std::mem::take(&mut self.lock().idle);
        drop(idle);
    }

    fn lock(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
