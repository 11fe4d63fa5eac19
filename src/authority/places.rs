//! Which municipalities take part, remembered: they are nearly two thousand, and each request asks for one.
//!
//! Who takes part does so for good: the store has no step that ends it. So a yes is remembered and a no is asked for again.

use std::{
    collections::BTreeSet,
    sync::{PoisonError, RwLock},
};

use crate::{
    municipality::MunicipalityCode,
    ports::{Store, StoreError},
};

/// Those that were seen to take part.
#[derive(Debug, Default)]
pub(super) struct Places(RwLock<BTreeSet<MunicipalityCode>>);

impl Places {
    /// Whether a municipality takes part.
    pub(super) fn takes_part(&self, store: &dyn Store, code: MunicipalityCode) -> Result<bool, StoreError> {
        if self.0.read().unwrap_or_else(PoisonError::into_inner).contains(&code) {
            return Ok(true);
        }
        let now: BTreeSet<_> = store.municipalities()?.into_iter().collect();
        let found = now.contains(&code);
        // By readings at once the older may come last: it takes nothing away.
        self.0.write().unwrap_or_else(PoisonError::into_inner).extend(now);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::Draft,
        ports::{Change, Step},
        store::MemoryStore,
        x509::UnixTime,
    };

    fn code(text: &str) -> MunicipalityCode {
        text.parse().unwrap()
    }

    fn join(store: &MemoryStore, text: &str) {
        let word = String::new;
        let audit = Draft { at: UnixTime::EPOCH, actor: word(), action: word(), subject: word(), detail: word() };
        store.commit(Change { steps: vec![Step::Municipality(code(text))], audit }).unwrap();
    }

    #[test]
    fn who_joins_while_the_service_runs_takes_part_at_once() {
        let (store, places) = (MemoryStore::new(), Places::default());
        join(&store, "13115");
        for _ in 0..2 {
            assert_eq!(places.takes_part(&store, code("13115")), Ok(true));
            assert_eq!(places.takes_part(&store, code("28207")), Ok(false));
        }
        join(&store, "28207");
        assert_eq!(places.takes_part(&store, code("28207")), Ok(true));
        assert_eq!(places.takes_part(&store, code("13115")), Ok(true));
    }

    #[test]
    fn who_took_part_once_is_not_asked_for_again_and_who_did_not_is() {
        let (store, empty, places) = (MemoryStore::new(), MemoryStore::new(), Places::default());
        join(&store, "13115");
        assert_eq!(places.takes_part(&store, code("13115")), Ok(true));
        assert_eq!(places.takes_part(&empty, code("13115")), Ok(true));
        assert_eq!(places.takes_part(&empty, code("28207")), Ok(false));
    }
}
