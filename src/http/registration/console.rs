//! The console's way through the door: the same client certificate, pace, turns, log and notes as every other request.
//!
//! What a form changes goes to the routes of this listener ([`ROUTES`]) as the JSON that a program would send, so that it is read,
//! decided, remembered and noted as any other.

use std::{sync::Arc, time::Instant};

use axum::{body::Body, extract::Request, response::Response};
use bytes::Bytes;
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{self, CONTENT_TYPE, HeaderName, HeaderValue, SET_COOKIE},
};
use serde_json::Value;

use super::{
    ROUTES, Route, body,
    call::{Asked as Sent, Call, Stop},
    door::{Door, log_name, may_come},
    my_number::has_my_number,
    turns::Work,
};
use crate::{
    authority::{Actor, Authority, StoryError},
    console::{Answer, Asked, Console, HEADERS, Interface, SCRIPT, SEAL, STYLE, Trouble},
    http::{access::PeerCertificate, problem::Problem},
};

/// What never changes while the service runs.
const FIXED: [(&str, &str, &str); 3] = [
    ("/console/style.css", "text/css; charset=utf-8", STYLE),
    ("/console/script.js", "text/javascript; charset=utf-8", SCRIPT),
    ("/console/seal.svg", "image/svg+xml", SEAL),
];

impl Door {
    /// Answers a page.
    pub(super) async fn page(self: Arc<Self>, console: Arc<Console>, request: Request) -> Response {
        let began = Instant::now();
        let peer = request.extensions().get::<PeerCertificate>().copied();
        let (head, sent) = request.into_parts();
        let mut asked = asked(&head.method, &head.uri, &head.headers, peer);
        let mut client = String::new();
        let outcome = self.show((peer, began), &console, &mut asked, (&head.headers, sent, &mut client)).await;
        let answer = outcome.unwrap_or_else(|problem| Console::refuse(&asked, &trouble_of(&problem)));
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let took = began.elapsed();
        self.record_page(status, took);
        // Never the path, which names people.
        tracing::info!(
            client,
            route = "/console",
            status = status.as_u16(),
            rule = answer.rule.as_deref(),
            ?took,
            "registration"
        );
        response(answer, status)
    }

    /// The way of a page. What looks the same to everybody is shown to whoever came through the handshake: who is turned away sees
    /// a page too.
    async fn show(
        self: &Arc<Self>,
        (peer, began): (Option<PeerCertificate>, Instant),
        console: &Arc<Console>,
        asked: &mut Asked,
        (headers, sent, client): (&HeaderMap, Body, &mut String),
    ) -> Result<Answer, Problem> {
        self.admit(peer, None, began)?;
        if let Some((_, content_type, text)) = FIXED.iter().find(|(path, ..)| *path == asked.path) {
            return Ok(fixed(content_type, text));
        }
        let actor = self.identify(peer).await?;
        log_name(&actor).clone_into(client);
        self.turn(console, &actor, asked, (headers, sent)).await
    }

    async fn turn(
        self: &Arc<Self>,
        console: &Arc<Console>,
        actor: &Arc<Actor>,
        asked: &mut Asked,
        (headers, sent): (&HeaderMap, Body),
    ) -> Result<Answer, Problem> {
        if asked.sends_form {
            is_form(headers)?;
            asked.form = self.read_body(sent).await?.to_vec();
        }
        let work = if asked.sends_form { Work::Writes } else { Work::Reads };
        let (door, console, actor, asked) = (Arc::clone(self), Arc::clone(console), Arc::clone(actor), asked.clone());
        self.bridge(work, move |authority| {
            let answer = console.answer(&asked, authority, &actor, &Inside { door: &door, authority, actor: &actor });
            if answer.turned_away {
                door.note_now(authority, &actor, "POST /console", "T-08");
            }
            answer
        })
        .await
    }
}

/// The JSON interface from within, as one actor.
struct Inside<'a> {
    door: &'a Door,
    authority: &'a Authority,
    actor: &'a Actor,
}

impl Inside<'_> {
    fn tell(
        &self,
        (route, parameters): (&Route, Vec<(String, String)>),
        key: &str,
        request: (&str, &Value),
    ) -> Result<Value, Stop> {
        may_come(self.actor, route)?;
        let (path, value) = request;
        let octets = serde_json::to_vec(value).map_err(|error| StoryError::Fault(error.to_string()))?;
        body::inspect(&octets)?;
        let key = Some(body::checked_key(key)?);
        let path = path.to_owned();
        let sent = Sent { method: Method::POST, path, parameters, query: Vec::new(), key, body: Bytes::from(octets) };
        let reply = (route.tell)(&Call::within(self.authority, self.actor, &sent))?;
        serde_json::from_slice(&reply.body).map_err(|error| StoryError::Fault(error.to_string()).into())
    }
}

impl Interface for Inside<'_> {
    fn post(&self, path: &str, key: &str, body: &Value) -> Result<Value, Box<Trouble>> {
        let route =
            ROUTES.iter().filter(|route| route.writes).find_map(|route| Some((route, parameters(route.path, path)?)));
        let Some(route) = route else {
            return Err(Box::new(self.trouble(StoryError::Fault(format!("no route {path}")))));
        };
        let (subject, told) = (route.0, self.tell(route, key, (path, body)));
        let trouble = |stop| match stop {
            Stop::Door(problem) => {
                if let Some(rule) = problem.rule() {
                    self.door.note_now(
                        self.authority,
                        self.actor,
                        &format!("{} {}", subject.method, subject.path),
                        rule,
                    );
                }
                trouble_of(&problem)
            }
            Stop::Story(error) => self.trouble(error),
        };
        told.map_err(|stop| Box::new(trouble(stop)))
    }

    fn trouble(&self, error: StoryError) -> Trouble {
        trouble_of(&Problem::of(error, self.authority.parts().clock.now()))
    }

    fn measures(&self) -> String {
        self.door.measures()
    }

    fn has_my_number(&self, text: &str) -> bool {
        has_my_number(text)
    }
}

/// The parameters of a path by the route's own, if it is one of it.
fn parameters(route: &str, path: &str) -> Option<Vec<(String, String)>> {
    let (mut known, mut given) = (route.split('/'), path.split('/'));
    let mut found = Vec::new();
    loop {
        match (known.next(), given.next()) {
            (None, None) => return Some(found),
            (Some(name), Some(value)) => match name.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => found.push((name.to_owned(), value.to_owned())),
                None if name == value => {}
                None => return None,
            },
            _ => return None,
        }
    }
}

/// A problem as the console reads it: its JSON.
fn trouble_of(problem: &Problem) -> Trouble {
    let read = serde_json::to_value(problem).ok().and_then(|json| serde_json::from_value(json).ok());
    read.unwrap_or_else(|| Trouble {
        status: 500,
        title: "Internal Server Error".into(),
        detail: String::new(),
        detail_ja: None,
        rule: None,
        article: None,
        says_ja: None,
        way: None,
        way_ja: None,
        earliest: None,
    })
}

fn asked(method: &Method, uri: &hyper::Uri, headers: &HeaderMap, peer: Option<PeerCertificate>) -> Asked {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    // HTTP/2 may split cookies (RFC 9113 §8.2.3).
    let cookies: Vec<_> = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).collect();
    Asked {
        sends_form: method == Method::POST,
        path: uri.path().to_owned(),
        query: uri.query().map(str::to_owned),
        form: Vec::new(),
        cookie: (!cookies.is_empty()).then(|| cookies.join("; ")),
        accept_language: text(header::ACCEPT_LANGUAGE),
        origin: text(header::ORIGIN),
        fetch_site: text(HeaderName::from_static("sec-fetch-site")),
        host: uri.authority().map(ToString::to_string).or_else(|| text(header::HOST)),
        fingerprint: peer.map(|peer| peer.fingerprint).unwrap_or_default(),
    }
}

fn is_form(headers: &HeaderMap) -> Result<(), Problem> {
    let essence =
        headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(|value| value.split(';').next());
    match essence {
        Some(essence) if essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") => Ok(()),
        _ => Err(Problem::refused("T-02", "the console takes forms: application/x-www-form-urlencoded")
            .with_ja("画面のフォームから送信してください。")),
    }
}

fn fixed(content_type: &'static str, text: &str) -> Answer {
    Answer {
        status: 200,
        content_type,
        location: None,
        cookies: Vec::new(),
        rule: None,
        turned_away: false,
        body: text.as_bytes().to_vec(),
    }
}

fn response(answer: Answer, status: StatusCode) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(location) = answer.location.and_then(|location| HeaderValue::from_str(&location).ok()) {
        headers.insert(header::LOCATION, location);
    }
    for cookie in answer.cookies.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
        headers.append(SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_that_of_a_route_piece_by_piece() {
        let found = parameters("/v1/applications/{id}/events", "/v1/applications/AB12/events");
        assert_eq!(found, Some(vec![("id".to_owned(), "AB12".to_owned())]));
        assert_eq!(parameters("/v1/holds", "/v1/holds"), Some(Vec::new()));
        for other in ["/v1/hold", "/v1/holds/", "/v1/holds/x", "/v1", "", "/v1/HOLDS"] {
            assert_eq!(parameters("/v1/holds", other), None, "{other}");
        }
    }
}
