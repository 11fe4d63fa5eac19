//! A store whose n-th write goes wrong, on any engine; and what was written on the way.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard},
};

use jitsuin::{
    ports::{ApplicationStore, Change, RegisterStore, Store, StoreError},
    store::Fault,
};

use crate::ward::Ward;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    /// At which write, from 1.
    pub(crate) at: u64,
    pub(crate) fault: Fault,
    /// Whether the process is gone with it: nothing that comes after is done either.
    pub(crate) dead: bool,
}

#[derive(Default)]
struct Sky {
    writes: u64,
    bad: Option<Bad>,
    gone: bool,
    steps: BTreeSet<String>,
}

/// Counts the writes of a store and decides what befalls them; clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Weather(Arc<Mutex<Sky>>);

impl Weather {
    pub(crate) fn bad(bad: Bad) -> Self {
        let weather = Self::default();
        weather.sky().bad = Some(bad);
        weather
    }

    fn sky(&self) -> MutexGuard<'_, Sky> {
        self.0.lock().unwrap()
    }

    /// From now on nothing goes wrong.
    pub(crate) fn clear(&self) {
        let mut sky = self.sky();
        (sky.bad, sky.gone) = (None, false);
    }

    pub(crate) fn writes(&self) -> u64 {
        self.sky().writes
    }

    /// The name of each step that was asked for.
    pub(crate) fn steps(&self) -> BTreeSet<String> {
        self.sky().steps.clone()
    }

    /// What befalls a call; true with it at the instant at which it happens.
    fn meet(&self, write: bool) -> (Fault, bool) {
        let mut sky = self.sky();
        if sky.gone {
            return (Fault::Lost, false);
        }
        if !write {
            return (Fault::None, false);
        }
        sky.writes += 1;
        match sky.bad.filter(|bad| bad.at == sky.writes) {
            None => (Fault::None, false),
            Some(bad) => {
                sky.gone = bad.dead;
                (bad.fault, true)
            }
        }
    }
}

/// A store under that weather. `struck` is called at the instant of the fault: before a write that is lost, after one that is
/// kept.
pub(crate) struct Under<S> {
    pub(crate) inner: S,
    pub(crate) weather: Weather,
    pub(crate) struck: Box<dyn Fn() + Send + Sync>,
}

impl<S> Under<S> {
    pub(crate) fn new(inner: S, weather: &Weather) -> Self {
        Self { inner, weather: weather.clone(), struck: Box::new(|| {}) }
    }
}

impl<S: Store + RegisterStore + ApplicationStore> Ward for Under<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.inner
    }

    fn changing(&self, change: &Change) {
        // «Holder(HolderRecord {», «Status {»: the name is what comes first.
        let name = |step| format!("{step:?}").chars().take_while(|letter| letter.is_alphanumeric()).collect();
        self.weather.sky().steps.extend(change.steps.iter().map(name));
    }

    fn meet<T>(&self, method: &'static str, call: impl FnOnce(&S) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let (fault, now) = self.weather.meet(["commit", "commit_each", "allocate"].contains(&method));
        match fault {
            Fault::None => return call(&self.inner),
            Fault::Kept => drop(call(&self.inner)?),
            Fault::Lost => {}
        }
        if now {
            (self.struck)();
        }
        Err(StoreError::Unavailable(format!("fault {fault:?}")))
    }
}
