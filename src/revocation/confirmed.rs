//! Since when an index is known to be all that its store has: what a node goes by whose store may be away.
//!
//! Whoever answers from a copy can only say what was true when the copy was last held against its original. That instant is the
//! thisUpdate of its answers (RFC 6960 §2.4: the most recent time at which the status is known to have been correct), and their life is
//! counted from it: cut off, a node says less and less, and after one life of an answer nothing.

use std::{
    sync::atomic::{AtomicI64, Ordering::SeqCst},
    time::Duration,
};

use crate::x509::UnixTime;

/// The last instant at which an index was known to be what its store had, by the clock of whoever confirms.
#[derive(Debug)]
pub struct Confirmed(AtomicI64);

impl Confirmed {
    /// Known since that instant; `None`: never yet.
    #[must_use]
    pub fn since(at: Option<UnixTime>) -> Self {
        Self(AtomicI64::new(at.map_or(i64::MIN, UnixTime::seconds)))
    }

    /// Notes that it was so at that instant, also where the clock was set back.
    pub fn confirm(&self, at: UnixTime) {
        self.0.store(at.seconds(), SeqCst);
    }

    /// The last instant; `None`: never yet.
    #[must_use]
    pub fn at(&self) -> Option<UnixTime> {
        UnixTime::from_seconds(self.0.load(SeqCst)).ok()
    }

    /// Whether that is new enough to be told: no longer ago than the life of an answer.
    ///
    /// # Errors
    /// Since when it is not, in a sentence.
    pub fn check(&self, now: UnixTime, life: Duration) -> Result<(), String> {
        match self.at() {
            Some(at) if now < at + life => Ok(()),
            Some(at) => {
                Err(format!("the index was last what the store had at {at}, an answer's life ago: OCSP is tryLater"))
            }
            None => Err("the index was not yet held against the store: OCSP is tryLater".into()),
        }
    }
}
