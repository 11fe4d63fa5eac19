//! The operator listener: is it alive, is it ready, and what does it measure.
//!
//! | path | answer |
//! |---|---|
//! | `/healthz` | 200 while the process answers at all |
//! | `/readyz` | 200 if every check holds, else 503; JSON says which failed and why, and what is to be expected |
//! | `/metrics` | Prometheus text |
//!
//! `/readyz` answers within a second, also where a check hangs: that check then is what is wrong. Checks that hang hold a thread
//! each, so only so many are begun.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use hyper::{Request, StatusCode, body::Incoming, service::Service};
use serde::Serialize;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task,
    time::timeout,
};

use super::{
    metrics::{Metrics, RequestMeter},
    representation::{Reply, is_read, method_not_allowed, text, uncached},
    server::Shutdown,
};
use crate::{
    limits::{METRICS_UPKEEP, READINESS_ANSWER, READINESS_LOOKS},
    ports::Clock,
    revocation::{
        answer::AnswerDesk,
        lists::{ListKey, PublishedList, PublishedLists},
    },
    scope::CrlScope,
};

/// Something that must hold for the service to be ready.
pub struct Check {
    name: &'static str,
    look: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// Whether the service is not ready while it fails; otherwise it only warns.
    grave: bool,
    /// Whether it failed when it was last looked at.
    failing: AtomicBool,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Check({})", self.name)
    }
}

impl Check {
    /// A check by name; `look` may block for a moment, and says in one sentence what is wrong.
    pub fn new(name: &'static str, look: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self { name, look: Box::new(look), grave: true, failing: AtomicBool::new(false) }
    }

    /// A check that warns and leaves the service ready: what it finds does no harm yet.
    pub fn warning(name: &'static str, look: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self { grave: false, ..Self::new(name, look) }
    }

    /// Looks, and says what is wrong.
    ///
    /// # Errors
    /// What is wrong, in a sentence.
    pub fn look(&self) -> Result<(), String> {
        (self.look)()
    }

    /// What is wrong now. Logged when it begins and when it ends, not whenever somebody asks.
    fn finding(&self) -> Finding {
        let (name, cause) = (self.name, self.look().err());
        let failed = self.failing.swap(cause.is_some(), Ordering::SeqCst);
        match &cause {
            Some(cause) if !failed => tracing::warn!(check = name, cause, grave = self.grave, "a check fails"),
            None if failed => tracing::info!(check = name, "a check holds again"),
            _ => {}
        }
        let (cause, warning) = if self.grave { (cause, None) } else { (None, cause) };
        Finding { name, ok: cause.is_none(), cause, warning }
    }

    /// `lists`: there are lists, and none has passed its nextUpdate.
    #[must_use]
    pub fn lists_fresh(lists: Arc<PublishedLists>, clock: Arc<dyn Clock>) -> Self {
        Self::new("lists", move || {
            let (now, all) = (clock.now(), lists.all());
            let stale = all.iter().filter(|(_, list)| list.next_update <= now).count();
            match (all.first(), all.iter().find(|(_, list)| list.next_update <= now)) {
                (None, _) => Err("no list has been published yet".into()),
                (_, None) => Ok(()),
                (_, Some(((kind, generation, scope), list))) => Err(format!(
                    "{stale} of {} lists are past their end, first {kind} {generation} {}, which ended {}",
                    all.len(),
                    scope.word(),
                    list.next_update
                )),
            }
        })
    }

    /// `lists-due`: warns of lists that are older than `bound` says they may get, long before they end. The bound is that of
    /// the schedule and not half of a list's life: by default that half is the very period, and would warn every day.
    #[must_use]
    pub fn lists_due(
        lists: Arc<PublishedLists>,
        clock: Arc<dyn Clock>,
        bound: impl Fn(&CrlScope) -> Duration + Send + Sync + 'static,
    ) -> Self {
        Self::warning("lists-due", move || {
            let (now, all) = (clock.now(), lists.all());
            let is_late = |(key, list): &&(ListKey, Arc<PublishedList>)| list.this_update + bound(&key.2) < now;
            let late: Vec<_> = all.iter().filter(is_late).collect();
            let Some(((kind, generation, scope), list)) = late.iter().min_by_key(|(_, list)| list.next_update) else {
                return Ok(());
            };
            let (count, of, word) = (late.len(), all.len(), scope.word());
            let (made, end) = (list.this_update, list.next_update);
            Err(format!(
                "{count} of {of} lists should have been replaced; first to end {kind} {generation} {word} of {made}, at {end}"
            ))
        })
    }

    /// `ocsp`: every CA generation that has not ended has a responder certificate that is still valid.
    #[must_use]
    pub fn delegates_valid(desk: Arc<AnswerDesk>, clock: Arc<dyn Clock>) -> Self {
        Self::new("ocsp", move || {
            let now = clock.now();
            let ended = desk.responder().delegates(now).find(|(_, delegate)| delegate.not_after() <= now);
            ended.map_or(Ok(()), |((kind, generation), delegate)| {
                let end = delegate.not_after();
                Err(format!("the responder certificate of the {kind} CA, generation {generation}, ended {end}"))
            })
        })
    }
}

/// One line of `/readyz`.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    name: &'static str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// What will become a cause if nobody does anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

/// The body of `/readyz`.
#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    checks: Vec<Finding>,
}

struct Inner {
    metrics: Arc<Metrics>,
    meter: RequestMeter,
    checks: Vec<Check>,
    clock: Arc<dyn Clock>,
    /// For the looks under way.
    places: Arc<Semaphore>,
    /// What the look that began last has found.
    latest: Mutex<Findings>,
}

/// What a look at the checks has found so far.
type Findings = Arc<Mutex<Vec<Finding>>>;

/// The service behind the operator listener; clones share everything.
#[derive(Clone)]
pub struct OperatorService(Arc<Inner>);

const ROUTES: [&str; 4] = ["healthz", "readyz", "metrics", "other"];

impl OperatorService {
    /// Shows these metrics and runs these checks.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>, checks: Vec<Check>, clock: Arc<dyn Clock>) -> Self {
        let meter = RequestMeter::new(&metrics, "operator", &ROUTES);
        let places = Arc::new(Semaphore::new(READINESS_LOOKS));
        Self(Arc::new(Inner { metrics, meter, checks, clock, places, latest: Mutex::default() }))
    }

    /// Keeps the measures small until shutdown; run it beside the listener.
    pub async fn upkeep(self, mut shutdown: Shutdown) {
        let mut ticks = tokio::time::interval(METRICS_UPKEEP);
        loop {
            tokio::select! {
                () = shutdown.requested() => return,
                _ = ticks.tick() => self.0.metrics.upkeep(),
            }
        }
    }

    async fn reply(self, request: Request<Incoming>) -> Reply {
        let began = Instant::now();
        let route = match request.uri().path() {
            "/healthz" => 0,
            "/readyz" => 1,
            "/metrics" => 2,
            _ => 3,
        };
        let now = self.0.clock.now();
        let reply = match route {
            3 => text(StatusCode::NOT_FOUND, "this listener has /healthz, /readyz and /metrics", now),
            _ if !is_read(request.method()) => method_not_allowed("GET, HEAD", now),
            0 => text(StatusCode::OK, "alive", now),
            1 => Arc::clone(&self.0).readiness().await,
            _ => {
                // Collectors may wait for the store; the thread that serves connections may not.
                let inner = Arc::clone(&self.0);
                let body = task::spawn_blocking(move || inner.metrics.render()).await.unwrap_or_default();
                uncached(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", body.into(), now)
            }
        };
        self.0.meter.record(route, reply.status(), began.elapsed());
        reply
    }
}

impl Inner {
    /// What the checks find, as far as they answer in time.
    async fn readiness(self: Arc<Self>) -> Reply {
        let (own, mut began) = (Findings::default(), false);
        let looking = timeout(READINESS_ANSWER, async {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return };
            began = true;
            *locked(&self.latest) = Arc::clone(&own);
            let (inner, findings) = (Arc::clone(&self), Arc::clone(&own));
            // Checks may wait for the store; the thread that serves connections may not.
            let _ended = task::spawn_blocking(move || inner.look(&findings, place)).await;
        });
        let looked = looking.await;
        // Without a place: as far as the last has come that has one.
        let found = if began { own } else { Arc::clone(&*locked(&self.latest)) };
        let mut checks = locked(&found).clone();
        // Who breaks down or does not answer is the first that has found nothing.
        if let Some(silent) = self.checks.get(checks.len()) {
            let cause = match looked {
                Ok(_) => "the check broke down".to_owned(),
                Err(_) => format!("no answer within {READINESS_ANSWER:?}; what comes after it was not looked at"),
            };
            checks.push(Finding { name: silent.name, ok: false, cause: Some(cause), warning: None });
        }
        let readiness = Readiness { ready: checks.iter().all(|check| check.ok), checks };
        let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let body = serde_json::to_vec(&readiness).unwrap_or_default();
        uncached(status, "application/json", body.into(), self.clock.now())
    }

    /// Looks at one check after the other. The place is free again when all have answered, which may be after who asked has.
    fn look(&self, findings: &Findings, _place: OwnedSemaphorePermit) {
        for check in &self.checks {
            let finding = check.finding();
            locked(findings).push(finding);
        }
    }
}

fn locked<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Service<Request<Incoming>> for OperatorService {
    type Response = Reply;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.reply(request).await) })
    }
}
