//! Threads that are lent for a piece of work.

/// Threads that are lent for a piece of work: how many, and at which priority, is the lender's affair.
///
/// Why a port: the stories are called, they do not run (`tests/floors.rs`). Without hands a story does the same alone.
pub trait Hands: Send + Sync {
    /// How many there are at most; at least one.
    fn count(&self) -> usize;

    /// Has every hand do `work` once, all at the same time, while the caller does `meanwhile`; returns when all are done. A hand
    /// that panics panics here, when the others are done.
    ///
    /// # Errors
    /// [`NoHands`] where not one thread can be had; then nothing was done.
    fn lend(&self, work: &(dyn Fn() + Sync), meanwhile: &mut dyn FnMut()) -> Result<(), NoHands>;
}

/// No thread can be had now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no thread can be had")]
pub struct NoHands;
