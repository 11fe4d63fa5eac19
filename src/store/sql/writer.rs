//! The one writer: a thread that takes waiting changes together and commits them with one fsync.
//!
//! Nothing is remembered between batches but the position that followers have reached: the ends of the audit chain and
//! of the events are read at the beginning of each transaction, under the write lock. So a commit that failed, or that
//! failed and yet happened, needs no repair; the next batch finds what is there, and followers get what they missed.
//!
//! Who waits behind a transaction that hangs may go away: a change is either taken by the writer, and then its caller waits until
//! it is known what became of it, or taken back by its caller, and then nothing of it was begun and nothing will be.
//!
//! A follower that panics ends the writer: better no more writes than an index that missed an event.

use std::{
    ops::Range,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    batch::Committed,
    queue::{Load, Stopwatch},
};
use crate::{
    kind::Kind,
    limits,
    ports::{Change, Follower, StatusEvent, StoreError, written::Written},
};

/// What the writer is asked for.
pub(in crate::store) enum Task {
    /// A change, and what it will have written.
    Change(Change, Written),
    /// Changes in order, each for itself.
    Each(Vec<(Change, Written)>),
    /// The next indexes of a CA.
    Allocate(Kind, u64),
    /// Every event after a position, and those to come.
    Follow(u64, Arc<dyn Follower>),
    /// Whether it can write.
    Check,
    /// Every event that others have written.
    Look,
}

/// What the writer says when a task is done.
pub(in crate::store) enum Done {
    /// It is done.
    Whole,
    /// What became of each.
    Each(Vec<Result<(), StoreError>>),
    /// The indexes.
    Range(Range<u64>),
}

/// What became of a task.
pub(in crate::store) type Outcome = Result<Done, StoreError>;

impl Task {
    /// What is to be changed.
    pub(in crate::store) fn changes(&self) -> impl Iterator<Item = &Change> {
        let (one, several) = match self {
            Self::Change(change, _) => (Some(change), &[][..]),
            Self::Each(changes) => (None, &changes[..]),
            Self::Allocate(..) | Self::Follow(..) | Self::Check | Self::Look => (None, &[][..]),
        };
        one.into_iter().chain(several.iter().map(|(change, _)| change))
    }

    /// How many changes it is.
    fn weight(&self) -> usize {
        match self {
            Self::Change(..) | Self::Allocate(..) => 1,
            Self::Each(changes) => changes.len().max(1),
            Self::Follow(..) | Self::Check | Self::Look => 0,
        }
    }
}

struct Waiting {
    task: Task,
    reply: SyncSender<Outcome>,
    claim: Claim,
}

/// Who has a waiting task: whoever takes it first, the writer to do it or its caller to go away with it.
#[derive(Clone, Default)]
struct Claim(Arc<AtomicBool>);

impl Claim {
    /// Whether it was still to be had.
    fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// The way to the writer's thread; dropping it ends the thread after what already waits.
pub(in crate::store) struct Writer {
    queue: Option<Arc<SyncSender<Waiting>>>,
    load: Arc<Load>,
    /// How long a change waits behind a transaction that hangs.
    patience: Duration,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. `followed` is the last event so far; a change waits as long as `patience` behind a transaction that hangs.
    pub(in crate::store) fn start(
        bench: impl Bench,
        followed: u64,
        (watch, patience): (Option<Stopwatch>, Duration),
    ) -> Result<Self, StoreError> {
        let load = Arc::new(Load::new(watch));
        let desk = Desk { bench, load: Arc::clone(&load), followers: Vec::new(), followed };
        let (queue, waiting) = mpsc::sync_channel(limits::COMMIT_QUEUE);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || desk.run(&waiting))
            .map_err(|error| StoreError::Unavailable(format!("the writer did not start: {error}")))?;
        Ok(Self { queue: Some(Arc::new(queue)), load, patience, thread: Some(thread) })
    }

    /// Has the writer look for events of others when it has the time; does not wait.
    pub(in crate::store) fn nudge(&self) -> Nudge {
        Nudge { queue: self.queue.as_ref().map(Arc::downgrade), waiting: None }
    }

    /// Hands a task over and waits for its outcome, or goes away with it while the writer hangs.
    pub(in crate::store) fn ask(&self, task: Task) -> Outcome {
        let (reply, outcome) = mpsc::sync_channel(1);
        let (queue, weight) = (self.queue.as_ref().ok_or_else(stopped)?, task.weight());
        let (is_check, claim) = (matches!(task, Task::Check), Claim::default());
        self.load.comes(weight);
        match queue.try_send(Waiting { task, reply, claim: claim.clone() }) {
            Ok(()) if is_check => self.looked(&outcome, &claim),
            Ok(()) => self.became(&outcome, &claim, weight),
            Err(TrySendError::Full(_)) => {
                self.load.turns_away(weight);
                Err(StoreError::Unavailable(format!("busy: {} changes are waiting", limits::COMMIT_QUEUE)))
            }
            Err(TrySendError::Disconnected(_)) => Err(stopped()),
        }
    }

    /// What became of a change. It is taken back while the transaction before it hangs; one that the writer has begun is waited
    /// for, however long: only then is it known.
    fn became(&self, outcome: &Receiver<Outcome>, claim: &Claim, weight: usize) -> Outcome {
        loop {
            match outcome.recv_timeout(self.patience) {
                Ok(outcome) => return outcome,
                Err(RecvTimeoutError::Disconnected) => return Err(stopped()),
                Err(RecvTimeoutError::Timeout) if weight == 0 || self.load.running() < self.patience => {}
                Err(RecvTimeoutError::Timeout) if claim.take() => {
                    self.load.turns_away(weight);
                    let running = self.load.running();
                    return Err(StoreError::Unavailable(format!(
                        "busy: a transaction has been running for {running:.0?}"
                    )));
                }
                Err(RecvTimeoutError::Timeout) => return outcome.recv().map_err(|_| stopped())?,
            }
        }
    }

    /// What a check found. It is not worth a long wait: no answer is one too.
    fn looked(&self, outcome: &Receiver<Outcome>, claim: &Claim) -> Outcome {
        match outcome.recv_timeout(limits::WRITER_ANSWER) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Disconnected) => Err(stopped()),
            Err(RecvTimeoutError::Timeout) => {
                claim.take();
                let (silent, running) = (limits::WRITER_ANSWER, self.load.running());
                let since = Some(format!("; its transaction has been running for {running:.1?}"));
                let since = since.filter(|_| !running.is_zero()).unwrap_or_default();
                Err(StoreError::Unavailable(format!(
                    "the writer has not answered for {silent:?}{since}: another program holds a lock on the database, or its disk \
                     or its server hangs or is away"
                )))
            }
        }
    }

    /// Hands a task over without waiting, if there is room.
    #[cfg(test)]
    pub(in crate::store) fn send(&self, task: Task) -> Option<Receiver<Outcome>> {
        let (reply, outcome) = mpsc::sync_channel(1);
        self.queue.as_ref()?.try_send(Waiting { task, reply, claim: Claim::default() }).ok().map(|()| outcome)
    }

    /// How long a change that came now would wait.
    pub(in crate::store) fn queue_wait(&self) -> Duration {
        self.load.wait()
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the writer has stopped".to_owned())
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        // The last reference may be a follower's, dropped on the writer's own thread.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            // A writer that panicked has said so; there is nothing left to wait for.
            let _ended = thread.join();
        }
    }
}

/// What wakes the writer to look for events of others.
pub(in crate::store) struct Nudge {
    queue: Option<Weak<SyncSender<Waiting>>>,
    /// What becomes of the last look.
    waiting: Option<Receiver<Outcome>>,
}

impl Nudge {
    /// Wakes it, if it is there and has no look before it; whether it is there. Who is busy writing finds those events anyway.
    pub(in crate::store) fn look(&mut self) -> bool {
        let Some(queue) = self.queue.as_ref().and_then(Weak::upgrade) else { return false };
        if self.waiting.as_ref().is_some_and(|last| matches!(last.try_recv(), Err(TryRecvError::Empty))) {
            return true;
        }
        let (reply, outcome) = mpsc::sync_channel(1);
        let look = Waiting { task: Task::Look, reply, claim: Claim::default() };
        self.waiting = queue.try_send(look).ok().map(|()| outcome);
        true
    }
}

/// What an engine does for the writer, on one connection at a time.
pub(in crate::store) trait Bench: Send + 'static {
    /// Does tasks in one transaction: what became of each, and every event after `followed`.
    ///
    /// # Errors
    /// When the engine fails; then nothing of it is to be taken as done.
    fn commit(&mut self, followed: u64, tasks: &[Task]) -> Result<Committed, StoreError>;

    /// Every event after a position.
    ///
    /// # Errors
    /// As for all reading; [`StoreError::Corrupt`] if the store has not reached that position.
    fn events_after(&mut self, position: u64) -> Result<Vec<StatusEvent>, StoreError>;

    /// The next events after a position short of the last.
    ///
    /// # Errors
    /// As for all reading; [`StoreError::Corrupt`] if one is missing.
    fn events_chunk(&mut self, after: u64) -> Result<Vec<StatusEvent>, StoreError>;

    /// Whether it can write.
    ///
    /// # Errors
    /// Why it cannot.
    fn check(&mut self) -> Result<(), StoreError>;
}

/// The writer's own side.
struct Desk<B> {
    bench: B,
    load: Arc<Load>,
    followers: Vec<Arc<dyn Follower>>,
    /// The last event that the followers have.
    followed: u64,
}

impl<B: Bench> Desk<B> {
    fn run(mut self, queue: &Receiver<Waiting>) {
        while let Ok(first) = queue.recv() {
            let (mut changes, mut waiting, mut next) = (0, Vec::new(), Some(first));
            while let Some(one) = next {
                // What its caller went away with is not there any more.
                if one.claim.take() {
                    changes += one.task.weight();
                    waiting.push(one);
                }
                let room = changes < limits::COMMIT_BATCH && waiting.len() < limits::COMMIT_BATCH;
                next = room.then(|| queue.try_recv().ok()).flatten();
            }
            let (writes, others): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|one| one.task.weight() > 0);
            if !writes.is_empty() {
                self.load.begins(changes);
                self.write(writes);
                self.load.ends();
            }
            for Waiting { task, reply, .. } in others {
                let outcome = match task {
                    Task::Follow(after, follower) => self.follow(after, follower),
                    Task::Look => self.look(),
                    _ => self.bench.check(),
                };
                // Who no longer waits needs no answer.
                let _gone = reply.send(outcome.map(|()| Done::Whole));
            }
        }
    }

    /// Commits a batch, tells the followers, then the callers.
    fn write(&mut self, writes: Vec<Waiting>) {
        let (tasks, replies): (Vec<_>, Vec<_>) = writes.into_iter().map(|one| (one.task, one.reply)).unzip();
        let outcomes = match self.bench.commit(self.followed, &tasks) {
            Ok((outcomes, events)) => {
                self.tell(&events);
                outcomes
            }
            Err(cause) => {
                tracing::error!(%cause, changes = replies.len(), "the store did not commit");
                replies.iter().map(|_| Err(cause.clone())).collect()
            }
        };
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            let _gone = reply.send(outcome);
        }
    }

    fn tell(&mut self, events: &[StatusEvent]) {
        if let Some(last) = events.last() {
            self.followers.iter().for_each(|follower| follower.apply(events));
            self.followed = last.position;
        }
    }

    /// Gives a new follower what it lacks. The writer does nothing else meanwhile, so no event falls between.
    fn follow(&mut self, after: u64, follower: Arc<dyn Follower>) -> Result<(), StoreError> {
        self.look()?;
        if after > self.followed {
            let last = self.followed;
            return Err(StoreError::Corrupt(format!("a follower is at event {after}, the store at {last}")));
        }
        let mut reached = after;
        while reached < self.followed {
            let events = self.bench.events_chunk(reached)?;
            reached += events.len() as u64;
            follower.apply(&events);
        }
        self.followers.push(follower);
        Ok(())
    }

    /// Tells the followers what others have written.
    fn look(&mut self) -> Result<(), StoreError> {
        let missed = self.bench.events_after(self.followed)?;
        self.tell(&missed);
        Ok(())
    }
}
