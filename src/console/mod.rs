//! The console: pages for who looks rather than reads JSON, behind the registration listener.
//!
//! A page knows no door. The listener hands it who asks and what ([`Asked`]), and takes back a page ([`Answer`]). What a page shows it
//! reads by the stories that the JSON routes tell, as the same actor; what a form changes goes through the JSON interface itself
//! ([`Interface`]): the fields become the body that a program would send, under an `Idempotency-Key` that the form bears. So there is no
//! second copy of a rule, of who may do what, or of what is noted in the audit, and a double click is one act.
//!
//! | file | what is in it |
//! |---|---|
//! | `session` | the cookie, the token of forms |
//! | `page`, `words`, `date`, `style.css` | the frame of every page, both languages, 和暦 |
//! | `form` | fields: what was typed, what is wrong with it |
//! | `visit` | one request on its way, and the paths |
//! | `home`, `holder`, `today` | the counter: its desk, a resident, the checklist of a case |
//! | `telephone` | the call centre: a card is held |
//! | `own` | a holder's own window, by the certificate of the own card |
//! | `task`, `fields`, `receipt` | what a clerk does, and what came of it |
//! | `application`, `exception`, `letter` | applications over weeks, the second officer, what is printed |
//! | `operator`, `lists`, `vitals`, `chain` | the operating room: counts and parties, lists, measures, the audit |
//! | `party`, `plot` | a relying party, pictures |
//!
//! # Why
//! Sessions keep no state and end with the process: with several registration nodes a form is sent to the node that showed it, or is
//! shown again. Every task works without script; the one script fills a field from a file.

use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;

use crate::authority::{Actor, Authority, StoryError};

mod application;
mod chain;
mod date;
mod exception;
mod fields;
mod form;
mod holder;
mod home;
mod letter;
mod lists;
mod operator;
mod own;
mod page;
mod party;
mod plot;
mod receipt;
mod session;
mod task;
mod telephone;
mod today;
mod visit;
mod vitals;
mod words;

/// What the browser asks.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Whether it sends a form.
    pub sends_form: bool,
    /// The path, from `/console` on.
    pub path: String,
    /// The query.
    pub query: Option<String>,
    /// The form, `application/x-www-form-urlencoded`.
    pub form: Vec<u8>,
    /// `Cookie`.
    pub cookie: Option<String>,
    /// `Accept-Language`.
    pub accept_language: Option<String>,
    /// `Origin`.
    pub origin: Option<String>,
    /// `Sec-Fetch-Site`.
    pub fetch_site: Option<String>,
    /// The host that the browser speaks to, with its port.
    pub host: Option<String>,
    /// SHA-256 of the client certificate.
    pub fingerprint: [u8; 32],
}

/// What the browser is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// `Location`, where it is sent on.
    pub location: Option<String>,
    /// `Set-Cookie`, each.
    pub cookies: Vec<String>,
    /// The rule that refused, for the log and, where nothing else noted it, the audit.
    pub rule: Option<String>,
    /// Whether the form was turned away before anything was asked of the interface.
    pub turned_away: bool,
    /// The octets.
    pub body: Vec<u8>,
}

/// The headers of every page: nothing comes from another host or inside a page, nothing is framed, nothing is kept.
pub const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'",
    ),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    // With `no-referrer` browsers send forms with `Origin: null`.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

/// The one stylesheet.
pub const STYLE: &str = include_str!("style.css");
/// The one script.
pub const SCRIPT: &str = include_str!("script.js");
/// The sign of the house.
pub const SEAL: &str = include_str!("seal.svg");

/// An answer other than yes, as the JSON interface words it (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Trouble {
    /// The HTTP status.
    pub status: u16,
    /// What the rule says, in English, or what went wrong.
    pub title: String,
    /// What is wrong in this case, in English.
    pub detail: String,
    /// The same in Japanese, where it has been said.
    #[serde(default)]
    pub detail_ja: Option<String>,
    /// The rule.
    #[serde(default)]
    pub rule: Option<String>,
    /// Where it stands.
    #[serde(default)]
    pub article: Option<String>,
    /// What the rule says, in Japanese.
    #[serde(default)]
    pub says_ja: Option<String>,
    /// What would make it possible, in English.
    #[serde(default)]
    pub way: Option<String>,
    /// The same in Japanese.
    #[serde(default)]
    pub way_ja: Option<String>,
    /// The first day on which it is possible, `YYYY-MM-DD`.
    #[serde(default)]
    pub earliest: Option<String>,
}

/// The JSON interface of the listener, as the actor of the page.
pub trait Interface {
    /// Sends a request that changes something, under an `Idempotency-Key`.
    ///
    /// # Errors
    /// The problem, as a program would get it.
    fn post(&self, path: &str, key: &str, body: &Value) -> Result<Value, Box<Trouble>>;

    /// What a story's error is as a problem.
    fn trouble(&self, error: StoryError) -> Trouble;

    /// The measures of this process in the Prometheus text format, as its `/metrics` has them.
    fn measures(&self) -> String;

    /// Whether a text has what looks like a 個人番号.
    fn has_my_number(&self, text: &str) -> bool;
}

/// The console of a service.
#[derive(Default)]
pub struct Console(OnceLock<session::Sessions>);

impl Console {
    /// Answers a request of an admitted client; may block.
    #[must_use]
    pub fn answer(&self, asked: &Asked, authority: &Authority, actor: &Actor, interface: &dyn Interface) -> Answer {
        // The secret is drawn at the first request: the port of randomness is there then, and may be asked again if it fails.
        let sessions = match (self.0.get(), visit::random(authority)) {
            (Some(sessions), _) => sessions,
            (None, Ok(secret)) => self.0.get_or_init(|| session::Sessions::new(&secret)),
            (None, Err(error)) => return Self::refuse(asked, &interface.trouble(error)),
        };
        visit::answer(sessions, asked, authority, (actor, interface))
    }

    /// The page for who is not admitted, or when there is no page to show.
    #[must_use]
    pub fn refuse(asked: &Asked, trouble: &Trouble) -> Answer {
        visit::refuse(asked, trouble)
    }
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Console")
    }
}
