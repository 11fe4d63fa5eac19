//! Slow signatures, off the threads that connections are served on.
//!
//! A thread a core signs for the whole listener; what waits is counted, and one more than may wait is turned away at once. Who
//! hangs up while waiting is passed over, and gives way to the next as soon as the queue is full.
//!
//! Why no `spawn_blocking`: each runtime has threads of its own, so a listener on `n` cores would sign on `n²` threads at a
//! time and every signature would take `n` times as long; and what waits there is signed also for who is gone.

use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
};

use tokio::sync::oneshot;

use crate::{
    revocation::answer::{Answer, AnswerDesk, Unsigned},
    x509::ocsp::ErrorStatus,
};

/// What becomes of a decision that waits: an answer, a refusal, or nothing if signing it panicked.
pub(super) type Signature = oneshot::Receiver<Result<Arc<Answer>, ErrorStatus>>;

/// The queue before the slow keys.
pub(super) struct SigningPool {
    shared: Arc<Shared>,
    started: OnceLock<()>,
}

struct Shared {
    desk: Arc<AnswerDesk>,
    queue: Mutex<Queue>,
    wanted: Condvar,
    places: usize,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    /// Those being signed; they have places too.
    busy: usize,
    closed: bool,
}

struct Job {
    unsigned: Unsigned,
    reply: oneshot::Sender<Result<Arc<Answer>, ErrorStatus>>,
}

impl SigningPool {
    /// A pool in which so many may be waiting or being signed. Its threads start when the first slow signature is asked for.
    pub(super) fn new(desk: Arc<AnswerDesk>, places: usize) -> Self {
        let shared = Shared { desk, queue: Mutex::default(), wanted: Condvar::new(), places };
        Self { shared: Arc::new(shared), started: OnceLock::new() }
    }

    /// Takes a place in the queue; nothing if there is none.
    pub(super) fn sign(&self, unsigned: Unsigned) -> Option<Signature> {
        self.started.get_or_init(|| self.start());
        let (reply, signature) = oneshot::channel();
        let mut queue = self.shared.queue();
        if queue.waiting.len() + queue.busy >= self.shared.places {
            queue.waiting.retain(|job| !job.reply.is_closed());
        }
        if queue.waiting.len() + queue.busy >= self.shared.places {
            return None;
        }
        queue.waiting.push_back(Job { unsigned, reply });
        drop(queue);
        self.shared.wanted.notify_one();
        Some(signature)
    }

    fn start(&self) {
        for number in 0..thread::available_parallelism().map_or(1, NonZeroUsize::get) {
            let shared = Arc::clone(&self.shared);
            let started = thread::Builder::new().name(format!("signing-{number}")).spawn(move || shared.work());
            if let Err(error) = started {
                // With no thread at all every request finds the queue full, once it is.
                tracing::error!(%error, "a thread that signs could not be started");
            }
        }
    }
}

impl Drop for SigningPool {
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        queue.closed = true;
        queue.waiting.clear();
        self.shared.wanted.notify_all();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics under this lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            let signed = catch_unwind(AssertUnwindSafe(|| self.desk.sign(job.unsigned)));
            // The place is given back before the answer, so that who was answered finds it free.
            self.queue().busy -= 1;
            if let Ok(signed) = signed {
                // Who hung up does not hear it.
                let _ = job.reply.send(signed);
            }
        }
    }

    /// The next for whom somebody waits; nothing once the pool is gone.
    fn next(&self) -> Option<Job> {
        let mut queue = self.queue();
        loop {
            if queue.closed {
                return None;
            }
            match queue.waiting.pop_front() {
                Some(job) if job.reply.is_closed() => {}
                Some(job) => {
                    queue.busy += 1;
                    return Some(job);
                }
                None => queue = self.wanted.wait(queue).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}
