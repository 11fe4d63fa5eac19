//! A store that cannot write, a house that is full, and logs that tell nobody's secrets.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use jitsuin::{
    http::{registration::Pace, server::Bounds},
    store::{Fault, MemoryStore},
};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    desk::{Desk, done, refusal},
    house::{House, pair},
};

const NONE: u8 = 0;
const LOST: u8 = 1;
const KEPT: u8 = 2;

/// A house whose store fails by a switch: writes from then on are lost, or kept and reported as failed.
fn fragile() -> (House, Arc<AtomicU8>) {
    let switch = Arc::new(AtomicU8::new(NONE));
    let seen = Arc::clone(&switch);
    let store = MemoryStore::with_faults(move |_| match seen.load(Ordering::SeqCst) {
        NONE => Fault::None,
        LOST => Fault::Lost,
        _ => Fault::Kept,
    });
    (House::new(Arc::new(store)), switch)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_write_is_503_and_the_same_request_works_when_it_can_again() {
    let (house, switch) = fragile();
    let open = house.open();
    let suginami = Desk::suginami(&open);
    let application = pair(1);
    switch.store(LOST, Ordering::SeqCst);
    let failed = suginami.post_under("key-1", "/v1/certificates", &application).await;
    assert_eq!(refusal(&failed), (503, ""));
    assert_eq!(failed.headers["retry-after"], "5");
    assert!(!failed.body.to_string().contains("fault"), "{}", failed.body);
    // Reading goes on, and what is malformed is told so though it cannot be noted.
    done(suginami.get("/v1/whoami").await);
    assert_eq!(refusal(&suginami.text("/v1/holds", "{").await), (400, "T-01"));
    switch.store(NONE, Ordering::SeqCst);
    assert_eq!(refusal(&suginami.get("/v1/cards/CARD-000001").await), (404, "T-09"), "nothing is half done");
    done(suginami.post_under("key-1", "/v1/certificates", &application).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_was_kept_and_reported_as_failed_is_finished_and_answered_by_its_key() {
    let (house, switch) = fragile();
    let open = house.open();
    let suginami = Desk::suginami(&open);
    // So that the next write is the reservation.
    done(suginami.post("/v1/certificates", &pair(2)).await);
    let application = pair(1);
    switch.store(KEPT, Ordering::SeqCst);
    let failed = suginami.post_under("key-1", "/v1/certificates", &application).await;
    assert_eq!(refusal(&failed), (503, ""));
    switch.store(NONE, Ordering::SeqCst);
    // Reserved, not signed: nobody gets a second pair meanwhile, and whoever asks again has the first finished.
    let other = suginami.post("/v1/certificates", &pair(1)).await;
    assert_eq!((refusal(&other), other.headers["retry-after"].to_str().unwrap()), ((409, ""), "1"));
    let answered = done(suginami.post_under("key-1", "/v1/certificates", &application).await);
    let card = done(suginami.get("/v1/cards/CARD-000001").await);
    assert_eq!(card["certificates"].as_array().unwrap().len(), 2);
    assert_eq!(open.house.authority.recover(Duration::ZERO).unwrap(), 0, "nothing is left");
    assert_eq!(card["certificates"][0]["pem"], answered["certificates"][0]["pem"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_house_says_so_at_once() {
    let open =
        House::memory().open_with(Pace { stories: 0, wait: Duration::ZERO, ..Pace::default() }, Bounds::default());
    let answer = Desk::suginami(&open).get("/v1/whoami").await;
    assert_eq!(refusal(&answer), (503, ""));
    assert_eq!(answer.headers["retry-after"], "1");
}

/// Lines of the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The one log of the process: a thread's own would miss events that another test's thread saw first.
#[tokio::test(flavor = "multi_thread")]
async fn logs_name_the_client_the_route_and_the_rule_and_no_person() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(log.clone())
        .with_max_level(tracing::Level::TRACE)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    done(suginami.post("/v1/certificates", &pair(1)).await);
    done(suginami.get("/v1/cards/CARD-000001").await);
    done(suginami.get("/v1/holders/TEST-000001").await);
    refusal(&suginami.post("/v1/holds", &json!({"card": "CARD-000009"})).await);
    refusal(&suginami.post("/v1/holds", &json!({"my_number": "123456789018"})).await);
    refusal(&suginami.text("/v1/holds", "{\"TEST-000001\":").await);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let ours: Vec<&str> = text.lines().filter(|line| line.contains("jitsuin::")).collect();
    for word in ["client=\"13115\"", "route=\"/v1/cards/{number}\"", "rule=\"T-09\"", "rule=\"T-10\"", "status=201"] {
        assert!(ours.iter().any(|line| line.contains(word)), "{word} is missing in\n{}", ours.join("\n"));
    }
    for secret in ["実印", "TEST-0000", "CARD-0000", "123456789018", "1980", "BEGIN"] {
        assert!(!ours.iter().any(|line| line.contains(secret)), "{secret} is in\n{}", ours.join("\n"));
    }
}
