//! Turns: how many stories are told at a time, and who is let in while the store is behind.

use std::sync::Arc;

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{Audience, Pace, Route};
use crate::{http::problem::Problem, limits::READINGS_IN_FLIGHT, ports::Store};

/// What a request does with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Writes,
    Reads,
}

impl Work {
    /// What relying parties are told is written down too.
    pub(super) fn of(route: &Route) -> Self {
        if route.writes || route.audience == Audience::RelyingParties { Self::Writes } else { Self::Reads }
    }
}

/// The places, and how long one may wait for them.
pub(super) struct Turns {
    writing: Arc<Semaphore>,
    reading: Arc<Semaphore>,
    pace: Pace,
}

impl Turns {
    pub(super) fn new(pace: Pace) -> Self {
        let places = |many| Arc::new(Semaphore::new(many));
        Self { writing: places(pace.stories), reading: places(pace.stories.min(READINGS_IN_FLIGHT)), pace }
    }

    /// Waits for a turn. What writes is turned away while the store's queue is longer than the pace allows: before it began, so
    /// that nothing of it is there.
    pub(super) async fn take(&self, work: Work, store: &dyn Store) -> Result<OwnedSemaphorePermit, Problem> {
        let places = match work {
            Work::Writes => &self.writing,
            Work::Reads => &self.reading,
        };
        self.admit(work, store)?;
        match timeout(self.pace.wait, Arc::clone(places).acquire_owned()).await {
            // The queue may have grown while it waited for its turn.
            Ok(Ok(turn)) => self.admit(work, store).map(|()| turn),
            _ if work == Work::Writes => Err(Problem::busy(store.queue_wait())),
            _ => Err(Problem::unavailable(1)),
        }
    }

    /// Whether the store's queue is short enough for one more.
    fn admit(&self, work: Work, store: &dyn Store) -> Result<(), Problem> {
        if work == Work::Reads {
            return Ok(());
        }
        let wait = store.queue_wait();
        if wait <= self.pace.queue { Ok(()) } else { Err(Problem::busy(wait)) }
    }
}
