//! The way of every request: who is it, may they come here, the body, the story, the answer, the note.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{RawPathParams, Request},
    response::Response,
};
use bytes::Bytes;
use hyper::{Method, StatusCode, http::request};
use tokio::{task::spawn_blocking, time::timeout};

use super::{
    Pace, Route,
    answer::Reply,
    body::{self, idempotency_key, is_json},
    call::{Asked, Call, Stop},
    query::{self, Parameters},
    rate::{Buckets, Quota},
    turns::{Turns, Work},
};
use crate::{
    authority::{Actor, Authority, StoryError, TurnedAway},
    http::{
        access::PeerCertificate,
        metrics::{Metrics, RequestMeter},
        problem::Problem,
        server::{BodyError, read_body},
    },
    limits,
    ports::Role,
    x509::hex::hex,
};

/// The places of the meter: paths that lead nowhere, pages, and from there on the routes.
const OTHER: usize = 0;
const PAGES: usize = 1;
const ON_ROUTES: usize = 2;

/// What all requests share.
pub(super) struct Door {
    authority: Arc<Authority>,
    turns: Turns,
    buckets: Buckets,
    pace: Pace,
    meter: RequestMeter,
    metrics: Arc<Metrics>,
    notes: Notes,
}

impl Door {
    /// The door of a listener that has these routes, and pages.
    pub(super) fn new(
        (listener, routes): (&'static str, &[Route]),
        authority: Arc<Authority>,
        metrics: &Arc<Metrics>,
        pace: Pace,
    ) -> Self {
        let kinds: Vec<_> = ["other", "console"].into_iter().chain(routes.iter().map(|route| route.kind)).collect();
        Self {
            authority,
            turns: Turns::new(pace),
            buckets: Buckets::new(pace.rates, metrics),
            pace,
            meter: RequestMeter::new(metrics, listener, &kinds),
            metrics: Arc::clone(metrics),
            notes: Notes::default(),
        }
    }

    /// The measures of the process, as `/metrics` has them.
    pub(super) fn measures(&self) -> String {
        self.metrics.render()
    }

    /// Answers a request of a route.
    pub(super) async fn answer(
        &self,
        (number, route): (usize, &'static Route),
        parameters: Option<RawPathParams>,
        request: Request,
    ) -> Response {
        let parameters = parameters.iter().flatten().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let way = async |actor: &Arc<Actor>, request| self.tell(actor, route, parameters, request).await;
        self.follow(Some((number, route)), request, way).await
    }

    /// A path that leads nowhere.
    pub(super) async fn nowhere(&self, request: Request) -> Response {
        let nothing = || Problem::refused("T-09", "there is no such resource; GET /openapi.json has all");
        self.follow(None, request, async |_, _| Err(nothing().into())).await
    }

    /// A method that the resource does not know; the router adds Allow.
    pub(super) async fn otherwise(&self, request: Request) -> Response {
        let detail = format!("the resource does not know {}", request.method());
        self.follow(None, request, async |_, _| Err(Problem::refused("T-11", detail).into())).await
    }

    /// Names the client, goes the way, measures, logs and notes. Logs hold the route, never the path: paths name people.
    async fn follow(
        &self,
        route: Option<(usize, &'static Route)>,
        request: Request,
        way: impl AsyncFnOnce(&Arc<Actor>, Request) -> Result<Reply, Stop>,
    ) -> Response {
        let began = Instant::now();
        let peer = request.extensions().get().copied();
        let known = match self.admit(peer, route, began) {
            Ok(()) => self.identify(peer).await,
            Err(problem) => Err(problem),
        };
        let (actor, outcome) = match known {
            Ok(actor) => {
                let outcome = way(&actor, request).await;
                (Some(actor), outcome)
            }
            Err(problem) => (None, Err(problem.into())),
        };
        let (rule, response) = match outcome {
            Ok(reply) => (None, reply.into_response()),
            Err(stop) => {
                self.note(actor.as_ref(), route, &stop).await;
                let problem = match stop {
                    Stop::Door(problem) => problem,
                    Stop::Story(error) => Problem::of(error, self.authority.parts().clock.now()),
                };
                (problem.rule().map(str::to_owned), problem.into_response())
            }
        };
        let (number, path) = route.map_or((OTHER, "other"), |(number, route)| (ON_ROUTES + number, route.path));
        let (took, status) = (began.elapsed(), response.status());
        self.meter.record(number, status, took);
        let client = actor.as_deref().map_or("", log_name);
        tracing::info!(client, route = path, status = status.as_u16(), rule = rule.as_deref(), ?took, "registration");
        response
    }

    /// Measures a page.
    pub(super) fn record_page(&self, status: StatusCode, took: Duration) {
        self.meter.record(PAGES, status, took);
    }

    /// Whether the client does not ask too often. Before it is known who it is: whoever is turned away costs no look into the
    /// store, and no turn.
    pub(super) fn admit(
        &self,
        peer: Option<PeerCertificate>,
        route: Option<(usize, &'static Route)>,
        now: Instant,
    ) -> Result<(), Problem> {
        let peer = peer.ok_or_else(Problem::internal)?;
        let quota = if route.is_some_and(|(_, route)| route.is_bulk()) { Quota::Bulk } else { Quota::Requests };
        self.buckets.take(peer.fingerprint, quota, now).map_err(|too_often| {
            if too_often.begins {
                let credential = hex(&peer.fingerprint[..8]);
                tracing::warn!(credential, ?quota, "a client asks too often and is told to wait");
            }
            Problem::too_often(too_often.wait)
        })
    }

    /// The client whose certificate the handshake proved. Anew at each request: a credential may be switched off, a card held.
    pub(super) async fn identify(&self, peer: Option<PeerCertificate>) -> Result<Arc<Actor>, Problem> {
        let peer = peer.ok_or_else(Problem::internal)?;
        if let Some(serial) = peer.holder {
            let admit = move |authority: &Authority| authority.admit_holder(&serial, &peer.fingerprint);
            let known = self.bridge(Work::Reads, admit).await?;
            return known.map(Arc::new).map_err(|error| Problem::of(error, self.authority.parts().clock.now()));
        }
        let (known, now) = self
            .bridge(Work::Reads, move |authority| {
                let parts = authority.parts();
                (parts.store.credential(&peer.fingerprint), parts.clock.now())
            })
            .await?;
        let active = known.map_err(StoryError::from)?.filter(|credential| credential.active && now <= peer.not_after);
        let stranger = || {
            Problem::refused("T-08", "this certificate is not admitted; ask the operator")
                .with_ja("この証明書は登録されていません。運用者にお問い合わせください。")
        };
        active.map(|credential| Arc::new(Actor::client(&credential))).ok_or_else(stranger)
    }

    async fn tell(
        &self,
        actor: &Arc<Actor>,
        route: &'static Route,
        parameters: Parameters,
        request: Request,
    ) -> Result<Reply, Stop> {
        may_come(actor, route)?;
        let (head, body) = request.into_parts();
        let asked = self.read(route, parameters, &head, body).await?;
        let actor = Arc::clone(actor);
        self.bridge(Work::of(route), move |authority| {
            (route.tell)(&Call { authority, actor: &actor, body: &asked.body, request: &asked })
        })
        .await?
    }

    /// The request within its bounds, its head checked.
    async fn read(
        &self,
        route: &Route,
        parameters: Parameters,
        head: &request::Parts,
        body: Body,
    ) -> Result<Asked, Problem> {
        let mut asked = Asked {
            method: route.method.clone(),
            path: head.uri.path().to_owned(),
            parameters,
            query: query::parse(head.uri.query(), route.query)?,
            key: None,
            body: Bytes::new(),
        };
        if route.method == Method::POST {
            is_json(&head.headers)?;
            asked.body = self.read_body(body).await?;
            // Before anything else: what holds a 個人番号 is not even looked at.
            body::inspect(&asked.body)?;
        }
        if route.writes {
            asked.key = Some(idempotency_key(&head.headers)?);
        }
        Ok(asked)
    }

    /// Reads a body. Some of what is too large is taken in and thrown away, so that the client gets to read the answer.
    pub(super) async fn read_body(&self, mut body: Body) -> Result<Bytes, Problem> {
        let whole = read_body(&mut body, limits::JSON_BODY_OCTETS, self.pace.body).await;
        if let Err(BodyError::TooLarge(_)) = whole {
            let more = http_body_util::Limited::new(body, limits::REFUSED_BODY_OCTETS);
            let _ = timeout(limits::REFUSED_BODY_TIMEOUT, drain(more)).await;
        }
        Ok(whole?)
    }

    /// The one bridge from async to sync: a bounded number of threads, a bounded wait for one, and a bounded time on it.
    /// A story that takes longer goes on; the same request again gives its outcome.
    ///
    /// What writes is turned away while the store's queue is longer than the pace allows: before it began, so that nothing of
    /// it is there. What has begun goes through.
    pub(super) async fn bridge<T: Send + 'static>(
        &self,
        kind: Work,
        work: impl FnOnce(&Authority) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = self.turns.take(kind, &*self.authority.parts().store).await?;
        let authority = Arc::clone(&self.authority);
        let told = spawn_blocking(move || {
            let _turn = turn;
            work(&authority)
        });
        match timeout(limits::REQUEST_TIMEOUT, told).await {
            Ok(Ok(told)) => Ok(told),
            Ok(Err(error)) => {
                tracing::error!(%error, "a story broke down");
                Err(Problem::internal())
            }
            Err(_) => Err(Problem::unavailable(5)),
        }
    }

    /// Notes in the audit that a form was turned away, on a thread where that may wait.
    pub(super) fn note_now(&self, authority: &Authority, actor: &Actor, subject: &str, rule: &str) {
        let why = if rule == "T-08" { TurnedAway::Refused } else { TurnedAway::Malformed };
        if !self.notes.admit(log_name(actor), Instant::now()) {
            return;
        }
        if let Err(error) = authority.note(actor, why, subject, rule) {
            tracing::warn!(%error, "a refusal could not be noted in the audit");
        }
    }

    /// Notes in the audit that a client's write was turned away without a story's own entry. If that cannot be written, the
    /// client is answered all the same.
    async fn note(&self, actor: Option<&Arc<Actor>>, route: Option<(usize, &'static Route)>, stop: &Stop) {
        let (Some(actor), Some((_, route))) = (actor, route) else { return };
        let (why, rule) = match stop {
            Stop::Door(problem) => match problem.rule() {
                Some(rule @ "T-08") => (TurnedAway::Refused, rule.to_owned()),
                Some(rule) => (TurnedAway::Malformed, rule.to_owned()),
                None => return,
            },
            Stop::Story(StoryError::Refused(refusal)) if refusal.rule == "T-07" => (TurnedAway::Refused, "T-07".into()),
            Stop::Story(_) => return,
        };
        if !route.writes || !self.notes.admit(actor.name(), Instant::now()) {
            return;
        }
        let actor = Arc::clone(actor);
        let subject = format!("{} {}", route.method, route.path);
        match self.bridge(Work::Writes, move |authority| authority.note(&actor, why, &subject, &rule)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a refusal could not be noted in the audit"),
            Err(_) => tracing::warn!("a refusal could not be noted in the audit: no turn"),
        }
    }
}

pub(super) fn may_come(actor: &Actor, route: &Route) -> Result<(), Problem> {
    let role = match actor.role() {
        Some(Role::Municipality) => "a municipality",
        Some(Role::Operator) => "an operator",
        Some(Role::RelyingParty) => "a relying party",
        Some(Role::Auditor) => "an auditor",
        Some(Role::CallCentre) => "the call centre",
        Some(Role::Holder) => "holders",
        None => "the service",
    };
    if route.lets_in(actor.role()) {
        return Ok(());
    }
    Err(Problem::refused("T-08", format!("this is not for {role}")).with_ja("この役割では行えません。"))
}

async fn drain<B: hyper::body::Body + Unpin>(mut body: B) {
    use http_body_util::BodyExt;
    while let Some(Ok(_)) = body.frame().await {}
}

/// How logs name a client; holders, whom nothing in a log is to tell apart, have one name.
pub(super) fn log_name(actor: &Actor) -> &str {
    if actor.holder().is_some() { "holder" } else { actor.name() }
}

/// How many notes each client has had this minute; clients are few, for each has a credential, and all holders are one.
#[derive(Default)]
struct Notes(Mutex<HashMap<String, (Instant, u32)>>);

impl Notes {
    fn admit(&self, client: &str, now: Instant) -> bool {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = clients.entry(client.to_owned()).or_insert((now, 0));
        if now.duration_since(*since) >= Duration::from_secs(60) {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count <= limits::MALFORMED_NOTES
    }
}

impl Reply {
    fn into_response(self) -> Response {
        use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION};
        let mut response = Response::new(Body::from(self.body));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(location) = self.location {
            headers.insert(LOCATION, location);
            *response.status_mut() = StatusCode::CREATED;
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_errs_all_the_time_is_noted_so_many_times_a_minute() {
        let (notes, now) = (Notes::default(), Instant::now());
        let admitted = |client, at| (0..200).filter(|_| notes.admit(client, at)).count();
        assert_eq!(admitted("13115", now), 60);
        assert_eq!(admitted("28207", now), 60);
        assert_eq!(admitted("13115", now + Duration::from_secs(59)), 0);
        assert_eq!(admitted("13115", now + Duration::from_secs(60)), 60);
    }
}
