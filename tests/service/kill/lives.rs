//! Holders whose certificates are issued, held, released, revoked and applied for, and what was acknowledged of it.

use std::{
    collections::{BTreeSet, VecDeque},
    net::SocketAddr,
    sync::Mutex,
    time::Duration,
};

use jitsuin::http::client::Client;
use serde_json::{Value, json};

use super::application;

/// What is spoken to.
pub(super) struct Doors {
    pub(super) counter: Client,
    pub(super) operator: Client,
    pub(super) stranger: Client,
    pub(super) registration: String,
    pub(super) status: String,
}

impl Doors {
    pub(super) fn new((counter, operator): &(Client, Client), addresses: &Value) -> Self {
        let of = |name: &str| addresses[name].as_str().expect("an address").parse::<SocketAddr>().expect("an address");
        Self {
            counter: counter.clone(),
            operator: operator.clone(),
            stranger: Client::anonymous(None).expect("a client"),
            registration: format!("https://{}", of("registration")),
            status: format!("http://{}", of("status")),
        }
    }
}

/// What the certificates of a holder are, as far as is known outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    Nothing,
    Live,
    Held,
    /// The card was found: AUTH goes on, SIGN does not come back.
    Found,
    Revoked,
}

impl Stand {
    /// The state of SIGN.
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Live => "live",
            Self::Held => "held",
            Self::Found | Self::Revoked => "revoked",
        }
    }

    const fn auth(self) -> &'static str {
        match self {
            Self::Found => "live",
            other => other.sign(),
        }
    }
}

/// A request of a life, and what the certificates are after it.
#[derive(Clone)]
struct Act {
    path: &'static str,
    body: Value,
    then: Stand,
}

/// A holder, with everything that will be asked for them.
#[derive(Clone)]
pub(super) struct Life {
    pub(super) holder: String,
    acts: Vec<Act>,
    /// The number of the application, where there is one.
    application: Option<String>,
    /// Acts that were sent, and of those the acknowledged.
    pub(super) sent: usize,
    pub(super) acknowledged: usize,
    /// The serials that were acknowledged.
    pub(super) serials: BTreeSet<String>,
    /// That of the SIGN.
    pub(super) sign: Option<String>,
}

impl Life {
    fn new(number: usize) -> Self {
        let holder = format!("TEST-{number}");
        let (issue, card) = (application(&holder), format!("CARD-{holder}"));
        let act = |path, body: Value, then| Act { path, body, then };
        let issued = |body| act("/v1/certificates", body, Stand::Live);
        let held = || act("/v1/holds", json!({ "card": card }), Stand::Held);
        let released = || act("/v1/releases", json!({ "card": card }), Stand::Found);
        let revoked = || act("/v1/revocations", json!({"card": card, "cause": "card-returned"}), Stand::Revoked);
        let step = |event: &str, then| act("/events", json!({ "event": event }), then);
        let acts = match number % 4 {
            0 => vec![issued(issue), held(), released()],
            1 => vec![issued(issue), held(), revoked()],
            2 => vec![issued(issue), revoked()],
            _ => vec![
                act("/v1/applications", applied(&issue), Stand::Nothing),
                step("verify", Stand::Nothing),
                step("generate-key", Stand::Nothing),
                step("send", Stand::Nothing),
                issued(issue),
                step("write-to-card", Stand::Live),
                step("hand-over", Stand::Live),
            ],
        };
        let serials = BTreeSet::new();
        Self { holder, acts, application: None, sent: 0, acknowledged: 0, serials, sign: None }
    }

    fn is_over(&self) -> bool {
        self.acknowledged == self.acts.len()
    }

    /// What the certificates are after so many acts.
    pub(super) fn stand(&self, acts: usize) -> Stand {
        acts.checked_sub(1).map_or(Stand::Nothing, |last| self.acts[last].then)
    }

    /// The next request: path, key and body. Sent again it is the same.
    fn next(&self) -> (String, String, Value) {
        let act = &self.acts[self.acknowledged];
        let (mut path, mut body) = (act.path.to_owned(), act.body.clone());
        if let Some(number) = &self.application {
            match act.path {
                "/events" => path = format!("/v1/applications/{number}/events"),
                _ => body["application"] = number.as_str().into(),
            }
        }
        (path, format!("{}-{}", self.holder, self.acknowledged), body)
    }

    fn acknowledge(&mut self, answer: &Value) {
        if let Some(list) = answer["certificates"].as_array() {
            let of = |one: &Value| one["serial"].as_str().expect("a serial").to_owned();
            self.serials = list.iter().map(of).collect();
            self.sign = list.iter().find(|one| one["kind"] == "sign").map(of);
        }
        if let Some(number) = answer["application"].as_str() {
            self.application = Some(number.to_owned());
        }
        self.acknowledged += 1;
    }

    /// Holds what the service says of the holder against what was acknowledged and sent.
    async fn check(&self, doors: &Doors) {
        let url = format!("{}/v1/holders/{}", doors.registration, self.holder);
        let answer = doors.counter.get_json(&url).await.expect("an answer");
        let none = Vec::new();
        let list = answer.body["certificates"].as_array().unwrap_or(&none);
        assert!(answer.status == 200 || answer.status == 404, "{}", answer.body);
        assert!(matches!(list.len(), 0 | 2), "half of a pair, or two: {} {}", self.holder, answer.body);
        let of = |kind: &str| list.iter().find(|one| one["kind"] == kind).and_then(|one| one["state"].as_str());
        let state = (of("auth").unwrap_or(""), of("sign").unwrap_or(""));
        let possible: Vec<_> = (self.acknowledged..=self.sent).map(|acts| self.stand(acts)).collect();
        let fits = possible.iter().any(|stand| (stand.auth(), stand.sign()) == state);
        assert!(fits, "{}: {state:?}, and it can only be {possible:?}", self.holder);
        if !self.serials.is_empty() {
            let serials = list.iter().map(|one| one["serial"].as_str().expect("a serial").to_owned()).collect();
            assert_eq!(self.serials, serials, "{}", self.holder);
        }
    }
}

/// The application that an enrolment carries out, by the holder in person.
fn applied(enrolment: &Value) -> Value {
    json!({
        "procedure": "new-issue", "applicant": "holder", "holder": enrolment["holder"], "card": enrolment["card"],
        "kinds": ["auth", "sign"],
    })
}

/// Everybody's life.
pub(super) struct Book {
    lives: Mutex<Vec<Life>>,
    /// Those that are not over and that no counter has in hand.
    open: Mutex<VecDeque<usize>>,
    /// Those that were at work when the service was killed.
    touched: Mutex<BTreeSet<usize>>,
    /// The number of the first, and how much more the next one has.
    first: usize,
    step: usize,
}

impl Book {
    /// Of holders whose numbers begin there and are so far apart.
    pub(super) fn of(first: usize, step: usize) -> Self {
        let (lives, open, touched) = Default::default();
        Self { lives, open, touched, first, step }
    }

    /// Leads one life more to its end; none if the service is gone before.
    pub(super) async fn lead_one(&self, doors: &Doors) -> Option<Life> {
        let place = self.take(true)?;
        let is_over = lead(doors, self, place).await;
        is_over.then(|| self.with(place, |life| life.clone()))
    }

    /// One that was broken off, or a new one.
    fn take(&self, number_of_new: bool) -> Option<usize> {
        let known = self.open.lock().expect("open").pop_front();
        let place = known.or_else(|| {
            number_of_new.then(|| {
                let mut lives = self.lives.lock().expect("lives");
                let life = Life::new(self.first + self.step * lives.len());
                lives.push(life);
                lives.len() - 1
            })
        })?;
        self.touched.lock().expect("touched").insert(place);
        Some(place)
    }

    fn with<T>(&self, place: usize, work: impl FnOnce(&mut Life) -> T) -> T {
        work(&mut self.lives.lock().expect("lives")[place])
    }

    pub(super) fn all(&self) -> Vec<Life> {
        self.lives.lock().expect("lives").clone()
    }

    /// Those that were at work when the service was killed are as was acknowledged.
    pub(super) async fn look_again(&self, doors: &Doors) {
        let touched = std::mem::take(&mut *self.touched.lock().expect("touched"));
        for place in touched {
            let life = self.with(place, |life| life.clone());
            life.check(doors).await;
        }
    }

    pub(super) async fn look_at_all(&self, doors: &Doors) {
        for life in self.all() {
            assert!(life.is_over(), "{}", life.holder);
            life.check(doors).await;
        }
    }

    /// How many acts were acknowledged.
    pub(super) fn acknowledged(&self) -> usize {
        self.lives.lock().expect("lives").iter().map(|life| life.acknowledged).sum()
    }

    pub(super) fn told(&self) -> String {
        let lives = self.all();
        let acts = self.acknowledged();
        let count = |stand| lives.iter().filter(|life| life.stand(life.acknowledged) == stand).count();
        assert!(acts > 0, "no round was long enough to do anything");
        format!("{} holders, {acts} acknowledged acts, {} revoked at the end", lives.len(), count(Stand::Revoked))
    }
}

/// Leads lives on until the service is gone.
pub(super) async fn counter(doors: &Doors, book: &Book) {
    while let Some(place) = book.take(true) {
        if !lead(doors, book, place).await {
            book.open.lock().expect("open").push_back(place);
            return;
        }
    }
}

/// Leads every life to its end.
pub(super) async fn finish(doors: &Doors, book: &Book) {
    while let Some(place) = book.take(false) {
        assert!(lead(doors, book, place).await, "nobody killed it");
    }
}

/// Leads a life to its end; false if the service is gone before.
async fn lead(doors: &Doors, book: &Book, place: usize) -> bool {
    while !book.with(place, |life| life.is_over()) {
        let (path, key, body) = book.with(place, |life| {
            life.sent = life.acknowledged + 1;
            life.next()
        });
        match doors.counter.post_json(&format!("{}{path}", doors.registration), &key, &body).await {
            Ok(answer) if matches!(answer.status.as_u16(), 200 | 201) => {
                book.with(place, |life| life.acknowledge(&answer.body));
            }
            // Busy, or being finished: it may be asked again.
            Ok(answer) if matches!(answer.status.as_u16(), 409 | 429 | 503) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Ok(answer) => panic!("{path} {key}: {} {}", answer.status, answer.body),
            Err(_) => return false,
        }
    }
    true
}
