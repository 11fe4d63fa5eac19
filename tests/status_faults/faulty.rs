//! A store of which one call fails.

use std::sync::{Arc, Mutex};

use jitsuin::{ports::StoreError, store::MemoryStore};

use crate::ward::{Ward, Warded};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fails {
    /// It does not happen: the engine cannot.
    Unavailable,
    /// It does not happen: what is stored contradicts itself.
    Corrupt,
    /// It does not happen: something changed since it was read.
    Conflict,
    /// It happens, and is reported as failed.
    Kept,
    /// It does not happen, and neither does anything after it, until the step is done again.
    Outage,
}

impl Fails {
    /// Whether a method can fail like that: only what changes something can happen and be reported as failed.
    pub(crate) fn concerns(self, method: &str) -> bool {
        self != Self::Kept || ["commit", "commit_each", "allocate", "follow"].contains(&method)
    }

    fn error(self) -> StoreError {
        match self {
            Self::Unavailable | Self::Kept | Self::Outage => StoreError::Unavailable(format!("the test: {self:?}")),
            Self::Corrupt => StoreError::Corrupt("the test said so".into()),
            Self::Conflict => StoreError::Conflict("the test said so"),
        }
    }
}

/// Which call fails, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Never,
    At(u64, Fails),
}

/// A call of the tale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) step: &'static str,
    pub(crate) method: &'static str,
}

#[derive(Default)]
struct Course {
    step: &'static str,
    trace: Vec<Call>,
    failed: Option<Call>,
    /// The store is gone until somebody mends it.
    gone: bool,
}

/// Who lets the call fail; the store inside never does.
pub(crate) struct Faulty {
    pub(crate) inner: MemoryStore,
    when: When,
    course: Mutex<Course>,
}

impl Faulty {
    pub(crate) fn new(inner: MemoryStore, when: When) -> Arc<Warded<Self>> {
        Arc::new(Warded(Self { inner, when, course: Mutex::default() }))
    }

    /// From now on calls belong to this step.
    pub(crate) fn step(&self, step: &'static str) {
        self.course.lock().unwrap().step = step;
    }

    /// The store is back.
    pub(crate) fn mend(&self) {
        self.course.lock().unwrap().gone = false;
    }

    pub(crate) fn trace(&self) -> Vec<Call> {
        self.course.lock().unwrap().trace.clone()
    }

    pub(crate) fn failed(&self) -> Option<Call> {
        self.course.lock().unwrap().failed.clone()
    }
}

impl Ward for Faulty {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    fn meet<T>(
        &self,
        method: &'static str,
        call: impl FnOnce(&MemoryStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let fails = {
            let mut course = self.course.lock().unwrap();
            let this = Call { step: course.step, method };
            course.trace.push(this.clone());
            match self.when {
                When::At(number, fails) if course.trace.len() as u64 == number => {
                    course.failed = Some(this);
                    course.gone = fails == Fails::Outage;
                    Some(fails)
                }
                When::At(_, fails) if course.gone => Some(fails),
                _ => None,
            }
        };
        match fails {
            None => call(&self.inner),
            Some(fails) => {
                if fails == Fails::Kept {
                    call(&self.inner)?;
                }
                Err(fails.error())
            }
        }
    }
}
