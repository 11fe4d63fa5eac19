//! What a service does by itself, behind its open doors: lists that are due, what was left half done, deadlines, snapshots.
//!
//! All of it on threads of its own that step back behind those who answer and those who write. A list of ten million entries
//! keeps a core busy for seconds; at equal rank whoever asks meanwhile would wait for the kernel to take that core away.

use std::{sync::Arc, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    time::MissedTickBehavior,
};

use super::{failure::Failure, house::House, roles::Roles};
use crate::{
    http::server::Shutdown,
    limits::{COMPRESS_PERIOD, NODE_PERIOD, PROMPT_PERIOD, RECOVERY_GRACE, TIMER_PERIOD, UPKEEP_NICENESS},
};

/// The upkeep of a running service. Goes on until the service shuts down; dropped, it waits for what has begun.
pub struct Upkeep(Runtime);

impl Upkeep {
    /// Starts the timers of a process with these roles.
    ///
    /// # Errors
    /// [`Failure`] when their threads cannot be started.
    pub fn start(house: &Arc<House>, shutdown: &Shutdown, roles: Roles) -> Result<Self, Failure> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_time().thread_name("upkeep").on_thread_start(step_back).build();
        let runtime = runtime.map_err(Failure::fault)?;
        if roles.publisher {
            runtime.spawn(prompt(Arc::clone(house), shutdown.clone()));
        }
        if !roles.publisher || house.confirmed.is_some() {
            runtime.spawn(take_up(Arc::clone(house), shutdown.clone()));
        }
        if house.confirmed.is_some() {
            runtime.spawn(confirm(Arc::clone(house), shutdown.clone()));
        }
        runtime.spawn(compress(Arc::clone(house), shutdown.clone()));
        runtime.spawn(keep_status(Arc::clone(house), shutdown.clone()));
        runtime.spawn(keep_checkpoints(Arc::clone(house), shutdown.clone()));
        runtime.spawn(timer(Arc::clone(house), shutdown.clone(), roles));
        Ok(Self(runtime))
    }

    /// Does a piece of work as the timers do theirs, and waits for it.
    ///
    /// # Panics
    /// If the work does.
    pub fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        match self.0.block_on(self.0.spawn_blocking(work)) {
            Ok(done) => done,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// Puts this thread, and those it starts, behind the others (Linux keeps a niceness for each thread). They still get a tenth of
/// what each of those gets: starved of the processor altogether, lists would end before the next ones are made.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), UPKEEP_NICENESS) {
        tracing::debug!(%error, "upkeep runs at the rank of those who answer");
    }
}

/// Publishes what is due, finishes what was left, ends what waited too long, and renews responder certificates, again and again.
/// A failure is logged and tried again at the next turn; readiness tells what is overdue.
async fn timer(house: Arc<House>, mut shutdown: Shutdown, roles: Roles) {
    let mut ticks = tokio::time::interval(TIMER_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            _ = ticks.tick() => {}
        }
        let house = Arc::clone(&house);
        let turn = tokio::task::spawn_blocking(move || house.turn(RECOVERY_GRACE, roles));
        if let Err(error) = turn.await {
            tracing::error!(%error, "the timer's work panicked");
        }
    }
}

/// Publishes at once what revocations ask for. After a failure it waits for a turn of the timer, which tries too.
async fn prompt(house: Arc<House>, mut shutdown: Shutdown) {
    let mut pause = PROMPT_PERIOD;
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let house = Arc::clone(&house);
        let published = tokio::task::spawn_blocking(move || house.authority.publish_changed()).await;
        pause = match published {
            Ok(Ok(published)) => {
                if !published.is_empty() {
                    tracing::info!(lists = published.len(), "published, because certificates were revoked or held");
                }
                PROMPT_PERIOD
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "lists could not be published at once");
                TIMER_PERIOD
            }
            Err(error) => {
                tracing::error!(%error, "publishing at once panicked");
                TIMER_PERIOD
            }
        };
    }
}

/// Takes up the lists that another process published.
async fn take_up(house: Arc<House>, mut shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(TIMER_PERIOD) => {}
        }
        let house = Arc::clone(&house);
        match tokio::task::spawn_blocking(move || house.authority.load_lists()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the lists of others could not be taken up"),
            Err(error) => tracing::error!(%error, "taking up the lists of others panicked"),
        }
    }
}

/// Notes every second that the status index is that of the store, which other nodes write too.
async fn confirm(house: Arc<House>, mut shutdown: Shutdown) {
    let mut trouble = None;
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(NODE_PERIOD) => {}
        }
        let house = Arc::clone(&house);
        let found = tokio::task::spawn_blocking(move || house.confirm()).await;
        let now = found.map_or_else(|error| Some(error.to_string()), Result::err);
        if now != trouble {
            match &now {
                Some(cause) => {
                    tracing::warn!(cause, "statuses speak of an earlier instant until the store is followed again")
                }
                None => tracing::info!("the store is followed again"),
            }
        }
        trouble = now;
    }
}

/// Makes the smaller forms of new lists, behind those who publish and those who download.
async fn compress(house: Arc<House>, mut shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(COMPRESS_PERIOD) => {}
        }
        let house = Arc::clone(&house);
        let made = tokio::task::spawn_blocking(move || house.authority.parts().lists.compress()).await;
        if let Err(error) = made {
            tracing::error!(%error, "compressing lists panicked");
        }
    }
}

/// Writes a snapshot of the status index now and then; nobody waits for it.
async fn keep_status(house: Arc<House>, mut shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(house.config.status.snapshot_period.duration()) => {}
        }
        let house = Arc::clone(&house);
        if let Err(error) = tokio::task::spawn_blocking(move || house.keep_status()).await {
            tracing::error!(%error, "writing the snapshot of the status index panicked");
        }
    }
}

/// Takes a checkpoint of the audit now and then.
async fn keep_checkpoints(house: Arc<House>, mut shutdown: Shutdown) {
    let mut pause = house.config.audit.checkpoint_period.duration();
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = house.config.audit.checkpoint_period.duration();
        let keeping = Arc::clone(&house);
        match tokio::task::spawn_blocking(move || keeping.keep_checkpoint()).await {
            Ok(true) => {}
            // Readiness says so until one is taken: a store that was away is asked again soon.
            Ok(false) => pause = pause.min(TIMER_PERIOD),
            Err(error) => tracing::error!(%error, "taking a checkpoint panicked"),
        }
    }
}

impl House {
    /// Takes a checkpoint, if anything was written since the last one; whether that went well. A failure shows in readiness, and the
    /// next turn tries again.
    pub(super) fn keep_checkpoint(&self) -> bool {
        let taken = self.checkpoints.take(&*self.store, self.clock.now());
        taken.inspect_err(|error| tracing::error!(%error, "no checkpoint was taken")).is_ok()
    }

    /// Writes a snapshot of the status index, if there was an event since the last one. Without it the next start takes longer,
    /// and nothing else is lost.
    pub(super) fn keep_status(&self) {
        match self.status.keep(&self.authority.parts().index) {
            Ok(None) => {}
            Ok(Some(written)) => {
                tracing::debug!(position = written.position, octets = written.octets, "kept the status index");
            }
            Err(error) => tracing::error!(%error, "the snapshot of the status index could not be written"),
        }
    }

    /// What a publisher does at a turn: lists, and what a deadline ends.
    fn publish_turn(&self) {
        match self.authority.publish_due() {
            Ok(published) if published.is_empty() => {}
            Ok(published) => tracing::info!(lists = published.len(), "published"),
            Err(error) => tracing::error!(%error, "lists could not be published"),
        }
        match self.authority.run_deadlines() {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "deadlines of the register passed"),
            Err(error) => tracing::error!(%error, "what a deadline ends could not be ended"),
        }
        match self.authority.lapse_applications() {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "ended applications whose last day has passed"),
            Err(error) => tracing::error!(%error, "applications whose last day has passed could not be ended"),
        }
    }

    /// One turn of the timer.
    fn turn(&self, grace: Duration, roles: Roles) {
        if roles.publisher {
            self.publish_turn();
        }
        if let Err(error) = self.authority.stock_indexes() {
            tracing::error!(%error, "no indexes were taken in advance");
        }
        match self.authority.recover(grace) {
            Ok(0) => {}
            Ok(count) => tracing::warn!(count, "finished certificates that were left reserved"),
            Err(error) => tracing::error!(%error, "reserved certificates could not be finished"),
        }
        match self.authority.keep_access_list() {
            Ok(false) => {}
            Ok(true) => tracing::info!("published the access CA's list"),
            Err(error) => tracing::error!(%error, "the access CA's list could not be made"),
        }
        if let Err(error) = self.renew_delegates() {
            tracing::error!(%error, "responder certificates could not be renewed");
        }
    }
}
