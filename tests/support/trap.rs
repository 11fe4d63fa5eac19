//! A store of which one call fails when the trap is set; with it every call after it, if the process is said to be gone.

use std::sync::{Arc, Mutex};

use jitsuin::{
    ports::StoreError,
    store::{Fault, MemoryStore},
};

use crate::ward::{Ward, Warded};

/// What fails, how many calls from now, and whether everything after it fails too: the process is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trap {
    pub(crate) write: bool,
    pub(crate) fault: Fault,
    pub(crate) left: u64,
    pub(crate) dead: bool,
}

impl Trap {
    /// Each way in which a call can fail: reading, writing that is lost, writing that is kept and reported as failed.
    pub(crate) const WAYS: [(bool, Fault); 3] = [(false, Fault::Lost), (true, Fault::Lost), (true, Fault::Kept)];
}

/// Who sets it, and meets every call.
#[derive(Default)]
pub(crate) struct Trapped {
    inner: MemoryStore,
    trap: Mutex<Option<Trap>>,
}

impl Trapped {
    pub(crate) fn store() -> Arc<Warded<Self>> {
        Arc::new(Warded(Self::default()))
    }

    pub(crate) fn set(&self, trap: Trap) {
        *self.trap.lock().unwrap() = Some(trap);
    }

    /// Whether the trap was met; it is taken away.
    pub(crate) fn disarm(&self) -> bool {
        self.trap.lock().unwrap().take().is_none_or(|trap| trap.left == 0)
    }

    /// Counts a call down.
    fn count(&self, write: bool) -> Fault {
        let mut trap = self.trap.lock().unwrap();
        let Some(set) = trap.as_mut() else { return Fault::None };
        if set.left == 0 {
            return Fault::Lost;
        }
        if set.write != write {
            return Fault::None;
        }
        set.left -= 1;
        if set.left > 0 {
            return Fault::None;
        }
        let fault = set.fault;
        if !set.dead {
            *trap = None;
        }
        fault
    }
}

impl Ward for Trapped {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    fn meet<T>(
        &self,
        method: &'static str,
        call: impl FnOnce(&MemoryStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self.count(["commit", "allocate"].contains(&method)) {
            Fault::None => return call(&self.inner),
            Fault::Kept => drop(call(&self.inner)?),
            Fault::Lost => {}
        }
        Err(StoreError::Unavailable("the test said so".into()))
    }
}
