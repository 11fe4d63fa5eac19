//! The registration listener: stories told over mutual TLS, JSON in and out.
//!
//! [`ROUTES`] is the whole listener, a line a route; `docs/openapi.json` describes it, and a test holds the two together.
//! Every request goes the same way (`door`): who is it, may they come here at all, the body within its bounds, then one
//! route's function on a thread of its own, then JSON or a [`Problem`](super::problem::Problem).

use std::{convert::Infallible, io, net::TcpListener, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{RawPathParams, Request, rejection::RawPathParamsRejection},
    response::{Redirect, Response},
    routing::{MethodFilter, on},
};
use hyper::{Method, body::Incoming, service::service_fn};
use tower::ServiceExt;

use self::{
    answer::Reply,
    body::{Empty, read},
    call::{Call, Stop},
    door::Door,
};
use super::{
    access::{Access, PeerCertificate},
    metrics::Metrics,
    server::{self, Bounds, Shutdown},
};
use crate::{
    authority::{Authority, enrol::Enrolment, hold::HoldRequest, revoke::RevocationRequest},
    console::Console,
    limits,
    ports::Role,
    rules::Asked,
};

mod answer;
mod application;
mod body;
mod bulk;
mod call;
mod compromise;
mod consent;
mod console;
mod credential;
mod decision;
mod door;
mod exception;
mod home;
mod letter;
mod my_number;
mod oversight;
mod party;
mod query;
mod rate;
mod register;
mod turns;

pub use body::inspect;
pub use rate::{Rate, Rates};

/// The description of this listener for programs, OpenAPI 3.1.
pub const OPENAPI: &str = include_str!("../../docs/openapi.json");

/// Whom a route lets in at all; the stories decide the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every admitted client.
    Everyone,
    /// Municipalities, operators and relying parties: those by whom consents come.
    Parties,
    /// Parties, and holders for themselves.
    Home,
    /// Municipalities, operators and the call centre: the desks that hold a lost card.
    HoldDesks,
    /// Municipalities and operators.
    Staff,
    /// Operators.
    Operators,
    /// Relying parties; whether terms are agreed with them the stories say.
    RelyingParties,
}

/// What a route does, on a thread where it may wait.
type Tell = fn(&Call<'_>) -> Result<Reply, Stop>;

/// One route of the listener.
#[derive(Debug)]
pub struct Route {
    /// GET or POST.
    pub method: Method,
    /// The path with its parameters in braces; also what logs and the audit call the route.
    pub path: &'static str,
    /// The kind of request in metrics.
    pub kind: &'static str,
    /// Whom it lets in.
    pub audience: Audience,
    /// The parameters of its query; a route without any takes no query.
    pub query: &'static [&'static str],
    /// Whether it may change something: then it needs an Idempotency-Key, and the audit notes who was turned away.
    pub writes: bool,
    tell: Tell,
}

impl Route {
    /// Whether a client of that role may come at all. A holder comes by the console alone, for what can be done from home. An
    /// auditor comes where nothing is changed and an operator may come, and nowhere else.
    #[must_use]
    pub fn lets_in(&self, role: Option<Role>) -> bool {
        let role = match role {
            Some(Role::Auditor) if self.writes => return false,
            Some(Role::Auditor) => Some(Role::Operator),
            other => other,
        };
        match self.audience {
            Audience::Everyone => role != Some(Role::Holder),
            Audience::Parties => {
                matches!(role, Some(Role::Municipality | Role::Operator | Role::RelyingParty))
            }
            Audience::Home => {
                matches!(role, Some(Role::Municipality | Role::Operator | Role::RelyingParty | Role::Holder))
            }
            Audience::HoldDesks => matches!(role, Some(Role::Municipality | Role::Operator | Role::CallCentre)),
            Audience::Staff => matches!(role, Some(Role::Municipality | Role::Operator)),
            Audience::Operators => role == Some(Role::Operator),
            Audience::RelyingParties => role == Some(Role::RelyingParty),
        }
    }

    /// Whether a request has many lines of a file, and so a quota of its own.
    fn is_bulk(&self) -> bool {
        self.path.starts_with("/v1/bulk/")
    }
}

const fn get(path: &'static str, kind: &'static str, audience: Audience, tell: Tell) -> Route {
    asking(path, kind, audience, &[], tell)
}

/// A GET whose query may have these parameters.
const fn asking(
    path: &'static str,
    kind: &'static str,
    audience: Audience,
    query: &'static [&'static str],
    tell: Tell,
) -> Route {
    Route { method: Method::GET, path, kind, audience, query, writes: false, tell }
}

const fn post(path: &'static str, kind: &'static str, audience: Audience, tell: Tell) -> Route {
    Route { method: Method::POST, path, kind, audience, query: &[], writes: true, tell }
}

/// A POST that asks in its body and changes nothing.
const fn what_if(
    path: &'static str,
    kind: &'static str,
    audience: Audience,
    query: &'static [&'static str],
    tell: Tell,
) -> Route {
    Route { method: Method::POST, path, kind, audience, query, writes: false, tell }
}

/// The whole listener.
pub static ROUTES: [Route; 57] = [
    post("/v1/certificates", "issue", Audience::Staff, |call| issue(call, Asked::New)),
    post("/v1/renewals", "renew", Audience::Staff, |call| issue(call, Asked::Renewal)),
    post("/v1/revocations", "revoke", Audience::Staff, |call| {
        let request = read::<RevocationRequest>(call.body)?;
        Reply::ok(&call.authority.revoke(call.actor, &call.once()?, &request)?)
    }),
    post("/v1/holds", "hold", Audience::HoldDesks, |call| {
        let request = read::<HoldRequest>(call.body)?;
        Reply::ok(&call.authority.hold(call.actor, &call.once()?, &request)?)
    }),
    post("/v1/releases", "release", Audience::Staff, |call| {
        let request = read::<HoldRequest>(call.body)?;
        Reply::ok(&call.authority.release(call.actor, &call.once()?, &request)?)
    }),
    bulk::REVOKE,
    bulk::FORESEE,
    register::CHANGE,
    register::NOTICES,
    register::DUE,
    register::SENT,
    register::FORECAST,
    post("/v1/crls", "publish", Audience::Operators, |call| {
        let Empty {} = read(call.body)?;
        Reply::ok(&call.authority.publish_once(call.actor, &call.once()?)?)
    }),
    compromise::COMPROMISE,
    get("/v1/certificates/{kind}/{serial}", "certificate", Audience::Staff, |call| {
        let found =
            call.authority.look_up_certificate(call.actor, call.parameter("kind")?, &call.parameter("serial")?)?;
        Reply::ok(&answer::certificate(call.authority, &found)?)
    }),
    get("/v1/cards/{number}", "card", Audience::Staff, |call| {
        let found = call.authority.look_up_card(call.actor, &call.identifier("number")?)?;
        Reply::ok(&answer::holder(call.authority, &found)?)
    }),
    get("/v1/holders/{reference}", "holder", Audience::Staff, |call| {
        let found = call.authority.look_up_holder(call.actor, &call.identifier("reference")?)?;
        Reply::ok(&answer::holder(call.authority, &found)?)
    }),
    decision::DECIDE,
    decision::WORD,
    exception::ASK,
    exception::LIST,
    exception::ONE,
    exception::APPROVE,
    application::RECEIVE,
    application::LIST,
    application::ONE,
    application::EVENT,
    letter::INQUIRY,
    letter::ENDED,
    letter::ENDING,
    party::STATUS,
    party::PAIR,
    party::OWN_USAGE,
    party::PARTIES,
    party::AGREE,
    party::SUSPEND,
    party::REINSTATE,
    party::USAGE,
    party::DISCLOSURES,
    home::REVOKE,
    home::RESERVE,
    home::RESET,
    consent::LIST,
    consent::DRAFT,
    consent::GIVE,
    consent::WITHDRAW,
    consent::SUCCESSOR,
    consent::FACTS,
    credential::PLACES,
    credential::JOIN,
    credential::LIST,
    credential::ISSUE,
    credential::REVOKE,
    oversight::AUDIT,
    oversight::COUNTS,
    get("/v1/whoami", "whoami", Audience::Everyone, |call| Reply::ok(&answer::whoami(call.actor))),
    get("/openapi.json", "openapi", Audience::Everyone, |_| Ok(Reply::text(OPENAPI))),
];

fn issue(call: &Call<'_>, asked: Asked) -> Result<Reply, Stop> {
    let enrolment = read::<Enrolment>(call.body)?;
    let issuance = call.authority.issue(call.actor, &call.once()?, asked, &enrolment)?;
    Reply::created(&answer::issuance(call.authority, &issuance)?, &format!("/v1/cards/{}", issuance.card))
}

/// How much at a time and how long; [`limits`] has the reasons. Tests choose less.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Stories told at a time.
    pub stories: usize,
    /// For a turn to be told.
    pub wait: Duration,
    /// For the store's writer: while a change would wait longer, requests that write are turned away.
    pub queue: Duration,
    /// For a body.
    pub body: Duration,
    /// Of each client.
    pub rates: Rates,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            stories: limits::STORIES_IN_FLIGHT,
            wait: limits::STORY_WAIT,
            queue: limits::QUEUE_WAIT,
            body: limits::REQUEST_TIMEOUT,
            rates: Rates::default(),
        }
    }
}

/// The registration listener, ready to serve.
#[derive(Clone)]
pub struct Registration(Router);

impl Registration {
    /// Tells the stories of `authority`.
    #[must_use]
    pub fn new(authority: Arc<Authority>, metrics: &Arc<Metrics>, pace: Pace) -> Self {
        let door = Arc::new(Door::new(("registration", &ROUTES), authority, metrics, pace));
        let mut router = Router::new();
        for (number, route) in ROUTES.iter().enumerate() {
            let door = Arc::clone(&door);
            let handler = move |parameters: Result<RawPathParams, RawPathParamsRejection>, request: Request| async move {
                door.answer((number, route), parameters.ok(), request).await
            };
            // GET answers HEAD too.
            let filter = if route.method == Method::GET { MethodFilter::GET } else { MethodFilter::POST };
            router = router.route(route.path, on(filter, handler));
        }
        Self(with_pages(router, door))
    }

    /// The holders' listener: their pages of the console, and nothing else. However many come after the news has told of their
    /// cards, the counters' turns are the counters'.
    #[must_use]
    pub fn for_holders(authority: Arc<Authority>, metrics: &Arc<Metrics>, pace: Pace) -> Self {
        let pace = Pace { stories: pace.stories.min(limits::HOLDERS_IN_FLIGHT), ..pace };
        // Who types the bare address is a person.
        let router = Router::new().route("/", on(MethodFilter::GET, async || Redirect::to("/console/")));
        Self(with_pages(router, Arc::new(Door::new(("holders", &[]), authority, metrics, pace))))
    }

    /// Serves until shutdown.
    ///
    /// # Errors
    /// As for [`server::serve`].
    pub async fn serve(
        self,
        listener: TcpListener,
        access: Access,
        bounds: Bounds,
        shutdown: Shutdown,
    ) -> io::Result<()> {
        let make = move |peer: PeerCertificate| {
            let router = self.0.clone();
            service_fn(move |mut request: hyper::Request<Incoming>| {
                request.extensions_mut().insert(peer);
                let router = router.clone();
                async move { router.oneshot(request.map(Body::new)).await as Result<Response, Infallible> }
            })
        };
        server::serve(listener, access, make, bounds, shutdown).await
    }
}

/// Adds the console, and what there is to say of paths and methods that are not there.
fn with_pages(mut router: Router, door: Arc<Door>) -> Router {
    let console = Arc::new(Console::default());
    for path in ["/console", "/console/", "/console/{*page}"] {
        let (door, console) = (Arc::clone(&door), Arc::clone(&console));
        let page = move |request: Request| Arc::clone(&door).page(Arc::clone(&console), request);
        router = router.route(path, on(MethodFilter::GET.or(MethodFilter::POST), page));
    }
    let (nowhere, otherwise) = (Arc::clone(&door), door);
    router
        .fallback(move |request: Request| async move { nowhere.nowhere(request).await })
        .method_not_allowed_fallback(move |request: Request| async move { otherwise.otherwise(request).await })
}
