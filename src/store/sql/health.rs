//! Whether a store is fit to be written.

use std::sync::OnceLock;

use crate::ports::StoreError;

/// Whether stored data has been seen to contradict itself; then nothing is written any more.
#[derive(Debug, Default)]
pub(in crate::store) struct Health {
    corrupt: OnceLock<String>,
    /// Why somebody said that nothing is to be written any more.
    stopped: OnceLock<String>,
}

impl Health {
    /// # Errors
    /// [`StoreError::Corrupt`] with what was seen first, [`StoreError::Stopped`] with the cause.
    pub(in crate::store) fn check(&self) -> Result<(), StoreError> {
        if let Some(seen) = self.corrupt.get() {
            return Err(StoreError::Corrupt(seen.clone()));
        }
        self.stopped.get().map_or(Ok(()), |cause| Err(StoreError::Stopped(cause.clone())))
    }

    /// From now on nothing is to be written.
    pub(in crate::store) fn stop(&self, cause: &str) {
        self.stopped.get_or_init(|| cause.to_owned());
    }

    /// Passes an error on, and remembers a contradiction.
    pub(in crate::store) fn note(&self, error: StoreError) -> StoreError {
        if let StoreError::Corrupt(seen) = &error {
            tracing::error!(cause = seen, "stored data contradicts itself; writing stops");
            self.corrupt.get_or_init(|| seen.clone());
        }
        error
    }
}
