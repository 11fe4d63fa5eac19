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
    house::{House, Open, pair},
};

/// A house where each client has `at_once` requests, and `files` with lines, and then one in a quarter of an hour or so: no test
/// takes as long.
fn scarce(at_once: u32, files: u32) -> Open {
    let rates = Rates { requests: Rate { a_second: 1, at_once }, bulk: Rate { a_second: 1, at_once: files } };
    House::memory().open_with(Pace { rates, ..Pace::default() }, Bounds::default())
}

/// Asks until it is refused; so many times it was not.
async fn until_refused(desk: &Desk<'_>) -> usize {
    for count in 0..1000 {
        if desk.get("/v1/whoami").await.status.as_u16() == 429 {
            return count;
        }
    }
    panic!("never refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_is_told_when_to_come_again_and_nothing_of_the_request_is_done_or_noted() {
    let open = scarce(20, 1);
    let (suginami, itami) = (Desk::suginami(&open), Desk::itami(&open));
    assert!(until_refused(&suginami).await >= 20);
    let before = open.house.store.audit_after(0, 1000).unwrap().len();
    let mut refused = 0;
    for number in 1..20 {
        let answer = suginami.post("/v1/certificates", &pair(number)).await;
        if answer.status.as_u16() == 429 {
            assert_eq!(refusal(&answer), (429, "T-14"));
            assert_eq!(answer.headers["retry-after"], "1");
            refused += 1;
            continue;
        }
        done(answer);
    }
    assert!(refused > 10, "{refused}");
    // Each that was let in made its two entries; the others made none, so that nobody fills the audit by asking.
    assert_eq!(open.house.store.audit_after(0, 1000).unwrap().len() - before, 2 * (19 - refused));
    let metrics = open.metrics.render();
    let limited =
        metrics.lines().find(|line| line.starts_with("jitsuin_registration_limited_total{quota=\"requests\"}"));
    let limited: usize = limited.unwrap().rsplit_once(' ').unwrap().1.parse().unwrap();
    assert_eq!(limited, refused + 1, "{metrics}");
    // Another client is not held up, nor a second certificate of the same town.
    done(itami.get("/v1/whoami").await);
    done(Desk::new(&open, Role::Municipality, "13115-second").get("/v1/whoami").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_have_a_quota_of_their_own_and_leave_the_counter_its_own() {
    let open = scarce(1000, 1);
    let operator = Desk::operator(&open);
    let nothing = json!({"lines": []});
    let mut seen = Vec::new();
    for _ in 0..50 {
        seen.push(operator.post("/v1/bulk/revocations", &nothing).await.status.as_u16());
    }
    assert!(seen.contains(&429) && seen[0] != 429, "{seen:?}");
    done(operator.get("/v1/whoami").await);
    assert!(open.metrics.render().contains("jitsuin_registration_limited_total{quota=\"requests\"} 0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_admitted_is_bound_too_and_so_are_paths_that_lead_nowhere() {
    let open = scarce(20, 1);
    let always = (crate::house::at(1_577_836_800), crate::house::at(2_840_140_800));
    let unknown = open.house.access.client("operator", "operator-9", always);
    let desk = Desk { open: &open, client: open.client_of(&unknown) };
    let mut seen = Vec::new();
    for _ in 0..60 {
        seen.push(desk.get("/nowhere").await.status.as_u16());
    }
    assert!(seen[..20].iter().all(|status| *status == 403), "{seen:?}");
    assert!(seen.contains(&429), "{seen:?}");
}
