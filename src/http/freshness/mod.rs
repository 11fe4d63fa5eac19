//! Freshness measured: how soon after a revocation is acknowledged the world can know of it, channel by channel.
//!
//! On a timer a canary is issued, OCSP is asked about it (so that every cache has a `good` to forget), and it is revoked.
//! From then on the status listener is asked over HTTP, as by any client: OCSP by POST and by GET, the delta, the list of
//! the municipality, the full list, until each has told of the revocation. What it took is in `/metrics`; what takes longer
//! than it may fails readiness, by name and figure, until it is mended. A channel that cannot be asked fails too.
//!
//! Why a turn is a function: [`Freshness::turn`] waits for nothing but answers, and every time it reads is given to it, so a
//! test tells days of it in a moment; [`Freshness::run`] is the only one that sleeps.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use crate::{
    authority::{
        Authority, StoryError,
        canary::{Canary, NoCanary},
    },
    http::{client::ClientError, metrics::Metrics, operator::Check, server::Shutdown},
    kind::Kind,
    limits::{CANARY_RETRY, FRESHNESS_PAUSE, FRESHNESS_POLL, FRESHNESS_STALLED},
    revocation::lists::ListKey,
    scope::CrlScope,
    x509::{Serial, UnixTime, VerifiedRequest},
};

mod board;
mod probe;
mod show;

pub use board::{Bounds, Channel, Micros};

use board::{Board, Breach, SECOND, micros};
use probe::Probe;
use show::Meters;

/// What the canaries are made with.
pub struct Plan {
    /// From one canary of a CA to the next.
    pub period: Duration,
    /// Canaries of a CA a day at most.
    pub most_a_day: u16,
    /// How long a revocation may stay unseen.
    pub bounds: Bounds,
    /// Makes a key, proves its possession, and throws the private half away.
    pub throw_away_key: Box<dyn Fn() -> Result<VerifiedRequest, String> + Send + Sync>,
    /// Microseconds that only go forward.
    pub stopwatch: Box<dyn Fn() -> Micros + Send + Sync>,
}

/// Canaries, and who looks for them.
pub struct Freshness {
    authority: Arc<Authority>,
    probe: Probe,
    plan: Arc<Plan>,
    board: Mutex<Board>,
    meters: Meters,
    /// Whether the canaries of an earlier process were taken over.
    adopted: AtomicBool,
    /// When a turn last ended; the beginning of time before the first.
    turned: AtomicI64,
}

impl Freshness {
    /// Looks at the status listener at that address. Nothing happens before the first [`turn`](Self::turn).
    ///
    /// # Errors
    /// [`ClientError`] where no client can be made.
    pub fn new(
        authority: Arc<Authority>,
        status: SocketAddr,
        plan: Plan,
        metrics: &Metrics,
    ) -> Result<Arc<Self>, ClientError> {
        let probe = Probe::new(status, Arc::clone(&authority.parts().issuers))?;
        let board = Mutex::new(Board::new(plan.bounds, (plan.stopwatch)()));
        let freshness = Arc::new(Self {
            authority,
            probe,
            plan: Arc::new(plan),
            board,
            meters: Meters::new(metrics),
            adopted: AtomicBool::new(false),
            turned: AtomicI64::new(Micros::MIN),
        });
        show::show(&freshness, metrics);
        Ok(freshness)
    }

    /// `freshness`: every revocation that should be seen is seen, canaries are issued, and somebody looks. Before the first
    /// turn there is nothing to say.
    #[must_use]
    pub fn check(self: &Arc<Self>) -> Check {
        let this = Arc::clone(self);
        Check::new("freshness", move || this.verdict())
    }

    fn verdict(&self) -> Result<(), String> {
        let (now, turned) = (self.now(), self.turned.load(Ordering::SeqCst));
        if turned == Micros::MIN {
            return Ok(());
        }
        if now - turned > micros(FRESHNESS_STALLED) {
            return Err(format!("nobody has looked for {} s", (now - turned) / SECOND));
        }
        let faults = self.board().faults(now);
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }

    /// Takes turns until shutdown, and looks finely while OCSP has yet to tell of a revocation.
    pub async fn run(self: Arc<Self>, mut shutdown: Shutdown) {
        self.begin();
        loop {
            tokio::select! {
                () = shutdown.requested() => return,
                () = self.turn_and_settle() => {}
            }
            tokio::select! {
                () = shutdown.requested() => return,
                () = tokio::time::sleep(self.pause()) => {}
            }
        }
    }

    /// How long to rest before the next turn: until the next poll, or until a cache forgets, whichever comes first. Otherwise
    /// what is seen through a cache would be late by up to a poll, which is all that its bound leaves.
    #[must_use]
    pub fn pause(&self) -> Duration {
        let (now, forgets) = (self.now(), self.board().next_forgetting());
        let rest = forgets.map(|at| Duration::from_micros(u64::try_from(at - now).unwrap_or(0)));
        rest.map_or(FRESHNESS_POLL, |rest| rest.min(FRESHNESS_POLL))
    }

    /// What was due before the first turn is due now; a service that opens its doors long after it was made is not late.
    fn begin(&self) {
        let now = self.now();
        *self.board() = Board::new(self.plan.bounds, now);
    }

    async fn turn_and_settle(&self) {
        self.turn().await;
        let until = self.now() + micros(self.plan.bounds.ocsp);
        while self.board().awaits_ocsp() && self.now() < until {
            tokio::time::sleep(FRESHNESS_PAUSE).await;
            self.look_at_ocsp().await;
        }
    }

    /// Issues and revokes the canaries that are due, and looks in every channel once.
    pub async fn turn(&self) {
        if !self.adopted.load(Ordering::SeqCst) {
            self.adopt().await;
        }
        let due = self.board().due(self.now());
        for kind in due.into_iter().filter(|_| self.adopted.load(Ordering::SeqCst)) {
            self.round(kind).await;
        }
        self.look_at_ocsp().await;
        self.look_at_lists().await;
        let now = self.now();
        let breaches = self.board().breaches(now);
        for breach in breaches {
            match breach {
                Breach::Begins(fault) => tracing::warn!(fault, "a channel is past its bound"),
                Breach::Ends(kind, channel) => tracing::info!(%kind, channel = channel.word(), "back within its bound"),
            }
        }
        self.turned.store(now, Ordering::SeqCst);
    }

    /// Takes over what an earlier process issued: what it left standing is due at once, what it revoked is looked for.
    async fn adopt(&self) {
        let known = self.blocking(|authority, _| authority.canaries()).await;
        let (now, at) = (self.now(), self.authority.parts().clock.now());
        let mut board = self.board();
        match known {
            Ok(canaries) => {
                let ago = |then: UnixTime| (at.seconds() - then.seconds()).max(0) * SECOND;
                for canary in canaries {
                    let next = now - ago(canary.not_before) + micros(self.plan.period);
                    match canary.revoked {
                        Some(revoked) => board.adopt(canary, now - ago(revoked), next),
                        None => board.failed(canary.kind, "one was left standing".into(), now),
                    }
                }
                self.adopted.store(true, Ordering::SeqCst);
            }
            Err(error) => {
                tracing::warn!(%error, "the canaries of an earlier run cannot be read");
                for kind in Kind::BOTH {
                    self.meters.round(kind, "failed");
                    board.failed(kind, error.to_string(), now + self.retry());
                }
            }
        }
    }

    /// One canary of a CA: issued, asked about, revoked, asked about.
    async fn round(&self, kind: Kind) {
        let canary = match self.blocking(move |authority, plan| issue(authority, plan, kind)).await {
            Ok(canary) => canary,
            Err(NoCanary::Story(error)) => return self.no_round(kind, &error),
            Err(reason) => {
                tracing::info!(%kind, %reason, "no canary");
                self.meters.round(kind, "skipped");
                let now = self.now();
                return self.board().excused(kind, now, now + self.retry());
            }
        };
        let cached_until = self.prime(&canary).await;
        let end = canary.clone();
        match self.blocking(move |authority, _| authority.revoke_canary(&end)).await {
            Ok(canary) => {
                let since = self.now();
                self.meters.round(kind, "done");
                self.board().revoked(canary, since, cached_until, since + micros(self.plan.period));
                self.look_at_ocsp().await;
            }
            Err(error) => self.no_round(kind, &error),
        }
    }

    fn no_round(&self, kind: Kind, error: &StoryError) {
        tracing::warn!(%kind, %error, "no canary could be issued and revoked");
        let busy = matches!(error, StoryError::InProgress | StoryError::Conflict);
        self.meters.round(kind, if busy { "skipped" } else { "failed" });
        let next = self.now() + self.retry();
        self.board().failed(kind, error.to_string(), next);
    }

    /// Asks OCSP about a canary that is good, so that there is an answer to forget; until when a cache may keep it.
    async fn prime(&self, canary: &Canary) -> Micros {
        let at = self.authority.parts().clock.now();
        let by_post = self.probe.post(canary, at).await;
        let by_get = self.probe.get(canary, at).await;
        let now = self.now();
        let not_good = |revoked: bool| if revoked { Err("a canary that stands is revoked".into()) } else { Ok(()) };
        let kept = by_get.as_ref().map_or(0, |(_, kept)| micros(*kept));
        self.note(canary.kind, Channel::OcspPost, by_post.and_then(not_good));
        self.note(canary.kind, Channel::OcspGet, by_get.and_then(|(revoked, _)| not_good(revoked)));
        now + kept
    }

    /// Asks OCSP, by POST and by GET.
    async fn look_at_ocsp(&self) {
        let now = self.now();
        self.board().asks(now);
        for kind in Kind::BOTH {
            let at = self.authority.parts().clock.now();
            let wanted = self.board().wanted(kind, Channel::OcspPost, self.now());
            for canary in wanted {
                let told = self.probe.post(&canary, at).await;
                if !self.take(&canary, &[Channel::OcspPost], told) {
                    break;
                }
            }
            let mut wanted = self.board().wanted(kind, Channel::OcspGet, self.now());
            let cached = self.board().wanted(kind, Channel::OcspCached, self.now());
            wanted.extend(cached.into_iter().filter(|one| !wanted.contains(one)).collect::<Vec<_>>());
            for canary in wanted {
                let told = self.probe.get(&canary, at).await.map(|(revoked, _)| revoked);
                if !self.take(&canary, &[Channel::OcspGet, Channel::OcspCached], told) {
                    break;
                }
            }
        }
    }

    /// Takes down what OCSP says of a canary that was revoked. Gives whether there was an answer: where there was none, the
    /// next question would only wait too.
    fn take(&self, canary: &Canary, channels: &[Channel], told: Result<bool, String>) -> bool {
        let (asked, answered) = (channels.first().copied().unwrap_or(Channel::OcspPost), told.is_ok());
        match told {
            Ok(true) => {
                channels.iter().for_each(|channel| self.sight(canary, *channel));
                self.note(canary.kind, asked, Ok(()));
            }
            Ok(false) => {
                let waits = self.board().awaits(canary, asked);
                self.board().not_yet(canary, asked);
                // Once told, a revocation is never taken back.
                let outcome = if waits { Ok(()) } else { Err("it says good of what it called revoked".into()) };
                self.note(canary.kind, asked, outcome);
            }
            Err(cause) => self.note(canary.kind, asked, Err(cause)),
        }
        answered
    }

    /// Reads every list on which a canary is awaited, or should stand.
    async fn look_at_lists(&self) {
        for kind in Kind::BOTH {
            // The delta first: what the full list has by then, whoever takes both has too.
            for channel in [Channel::Delta, Channel::Municipal, Channel::Full] {
                let wanted = self.board().wanted(kind, channel, self.now());
                let mut keys: Vec<_> = wanted.iter().map(|canary| list_of(canary, channel)).collect();
                keys.sort_unstable();
                keys.dedup();
                for key in keys {
                    let here: Vec<_> = wanted.iter().filter(|canary| list_of(canary, channel) == key).collect();
                    self.look_at_list(key, channel, &here).await;
                }
            }
        }
    }

    async fn look_at_list(&self, key: ListKey, channel: Channel, wanted: &[&Canary]) {
        let serials: Vec<Serial> = wanted.iter().map(|canary| canary.serial).collect();
        let read = self.probe.list(key, &serials, self.authority.parts().clock.now()).await;
        if let Ok(Some(listing)) = &read {
            // The oldest last: of many that a list tells of at once, what is shown is what the worst took.
            for canary in wanted.iter().rev() {
                if listing.present.contains(&canary.serial) {
                    self.sight(canary, channel);
                    if channel == Channel::Full {
                        self.sight(canary, Channel::Delta);
                    }
                } else if listing.this_update.is_some_and(|made| canary.not_after < made) {
                    self.board().over(canary, channel);
                } else {
                    self.board().not_yet(canary, channel);
                }
            }
        }
        self.note(key.0, channel, read.map(drop));
    }

    fn sight(&self, canary: &Canary, channel: Channel) {
        let (now, at) = (self.now(), self.authority.parts().clock.now());
        let took = self.board().sight(canary, channel, now, at);
        if let Some(took) = took {
            self.meters.seen(canary.kind, channel, took);
        }
    }

    fn note(&self, kind: Kind, channel: Channel, outcome: Result<(), String>) {
        if outcome.is_err() {
            self.meters.unreachable(kind, channel);
        }
        let now = self.now();
        self.board().answered(kind, channel, now, outcome);
    }

    /// Runs a story where it may wait for the store.
    async fn blocking<T: Send + 'static, E: From<StoryError> + Send + 'static>(
        &self,
        story: impl FnOnce(&Authority, &Plan) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let (authority, plan) = (Arc::clone(&self.authority), Arc::clone(&self.plan));
        let told = tokio::task::spawn_blocking(move || story(&authority, &plan)).await;
        told.unwrap_or_else(|error| Err(StoryError::Fault(error.to_string()).into()))
    }

    fn retry(&self) -> Micros {
        micros(CANARY_RETRY.min(self.plan.period))
    }

    fn now(&self) -> Micros {
        (self.plan.stopwatch)()
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn issue(authority: &Authority, plan: &Plan, kind: Kind) -> Result<Canary, NoCanary> {
    let request = (plan.throw_away_key)().map_err(StoryError::Fault)?;
    authority.canary(kind, plan.most_a_day, &request)
}

/// The list of a channel that tells of a canary.
fn list_of(canary: &Canary, channel: Channel) -> ListKey {
    let scope = match channel {
        Channel::Delta => CrlScope::FullDelta,
        Channel::Municipal => CrlScope::Municipality(canary.municipality),
        _ => CrlScope::Full,
    };
    (canary.kind, canary.generation, scope)
}
