//! How often each client may ask: whoever asks too often is told when to come again, and nobody else is held up.

use jitsuin::{
    http::{
        registration::{Pace, Rate, Rates},
        server::Bounds,
    },
    ports::Role,
};
use serde_json::json;

use crate::{
    desk::{Desk, done, refusal},
    house::{House, Open, at, pair},
};

/// A house where each client has `at_once` requests, and one with lines of a file, and the next in a quarter of an hour: no test
/// takes as long.
fn scarce(at_once: u32) -> Open {
    let rate = |at_once| Rate { a_second: 0.001, at_once };
    let rates = Rates { requests: rate(at_once), bulk: rate(1) };
    House::memory().open_with(Pace { rates, ..Pace::default() }, Bounds::default())
}

fn limited(open: &Open, quota: &str) -> u64 {
    let metrics = open.metrics.render();
    let name = format!("jitsuin_registration_limited_total{{quota=\"{quota}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_is_told_when_to_come_again_and_nothing_of_the_request_is_done_or_noted() {
    let open = scarce(3);
    let (suginami, itami) = (Desk::suginami(&open), Desk::itami(&open));
    let second = Desk::new(&open, Role::Municipality, "13115-second");
    done(suginami.get("/v1/whoami").await);
    done(suginami.post_under("key-1", "/v1/certificates", &pair(1)).await);
    assert_eq!(refusal(&suginami.text("/v1/holds", "{").await), (400, "T-01"), "what is refused counts too");
    let entries = open.house.store.audit_after(0, 1000).unwrap().len();
    for number in 2..20 {
        let answer = suginami.post("/v1/certificates", &pair(number)).await;
        assert_eq!(refusal(&answer), (429, "T-15"));
        let wait: u32 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((900..=1000).contains(&wait), "{wait}");
    }
    assert_eq!(refusal(&suginami.get("/v1/whoami").await), (429, "T-15"));
    assert_eq!(open.house.store.audit_after(0, 1000).unwrap().len(), entries, "nobody fills the audit by asking");
    assert_eq!((limited(&open, "requests"), limited(&open, "bulk")), (19, 0));
    // Another client is not held up, nor a second certificate of the same town.
    done(itami.get("/v1/whoami").await);
    done(second.get("/v1/cards/CARD-000001").await);
    assert_eq!(refusal(&second.get("/v1/cards/CARD-000002").await), (404, "T-09"));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_have_a_quota_of_their_own_and_leave_the_counter_its_own() {
    let open = scarce(2);
    let operator = Desk::operator(&open);
    let file = json!({"lines": []});
    let first = operator.post("/v1/bulk/revocations", &file).await;
    assert_ne!(first.status.as_u16(), 429, "{}", first.body);
    assert_eq!(refusal(&operator.post("/v1/bulk/revocations", &file).await), (429, "T-15"));
    assert_eq!(refusal(&operator.post("/v1/bulk/foresight", &file).await), (429, "T-15"));
    done(operator.get("/v1/whoami").await);
    done(operator.get("/v1/whoami").await);
    assert_eq!((limited(&open, "requests"), limited(&open, "bulk")), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_admitted_is_bound_too_and_so_are_paths_that_lead_nowhere() {
    let open = scarce(2);
    let unknown = open.house.access.client("operator", "operator-9", (at(1_577_836_800), at(2_840_140_800)));
    let stranger = Desk { open: &open, client: open.client_of(&unknown) };
    assert_eq!(refusal(&stranger.get("/v1/whoami").await), (403, "T-08"));
    assert_eq!(refusal(&stranger.get("/v1/whoami").await), (403, "T-08"));
    assert_eq!(refusal(&stranger.get("/v1/whoami").await), (429, "T-15"));
    let itami = Desk::itami(&open);
    for _ in 0..2 {
        assert_eq!(refusal(&itami.get("/v1/nowhere/at/all").await), (404, "T-09"));
    }
    let url = open.url("/v1/nowhere/at/all");
    assert_eq!(itami.client.get_json(&url).await.unwrap().status.as_u16(), 429);
}
