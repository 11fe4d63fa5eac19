//! The counter page of one card among a million certificates: server time of the console, from the request to the octets of the page.
//!
//! In the process, without TLS: what is measured is the page and its queries, of one reader at a time, a different card each.

use std::{sync::Arc, time::Instant};

use jitsuin::{
    authority::StoryError,
    cli::{house::House, world::SystemClock},
    console::{Asked, Console, Interface, Trouble},
    ports::Clock,
    rules,
};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    Scale, house,
    population::{self, Population},
    report::{Figure, Goal, Report},
    server, service,
};

/// Pages that are asked for.
const PAGES: usize = 200;
/// Seconds that issue 9 allows a page.
const ALLOWED: f64 = 0.050;

/// A page that only reads asks nothing of the JSON interface.
struct Reads;

impl Interface for Reads {
    fn post(&self, path: &str, _: &str, _: &Value) -> Result<Value, Box<Trouble>> {
        panic!("a page that is only shown posts to {path}")
    }

    fn trouble(&self, error: StoryError) -> Trouble {
        panic!("{error}")
    }

    fn measures(&self) -> String {
        String::new()
    }

    fn has_my_number(&self, _: &str) -> bool {
        false
    }
}

/// Measures the pages of cards among a million certificates; quick: 100,000.
pub(crate) fn page(report: &mut Report, scale: Scale) {
    let pairs = scale.pick(50_000, 500_000);
    let (directory, clock) = (server::directory(), Arc::new(SystemClock::default()));
    let passphrase = Zeroizing::new(String::from("JITSUIN-TEST passphrase"));
    let place = directory.path().join("service");
    drop(service::found(&place, &passphrase, &clock));
    let open = || House::open(&place, &passphrase, Arc::clone(&clock) as _).unwrap();
    let house = open();
    let (actor, one) = (house::actor_of_the_place(), &house::enrolments(1)[0]);
    let once = house::once("issue", one.card.number.as_str());
    house.authority.issue(&actor, &once, rules::Asked::New, one).unwrap();
    let (database, serials) = (house.config.store.path.clone(), house.authority.parts().serials.clone());
    drop(house);
    population::fill(&database, &serials, (Population { ended: 0, pairs }, clock.now()));
    let house = open();
    let console = Console::default();
    let mut times = Vec::new();
    for number in 0..PAGES as u64 {
        // Far from each other, so that no page of the store is warm from the card before.
        let card = number * 7919 % pairs;
        let asked = Asked { path: format!("/console/holders/COPY-{card:08}"), ..Asked::default() };
        let began = Instant::now();
        let answer = console.answer(&asked, &house.authority, &actor, &Reads);
        times.push(began.elapsed().as_secs_f64());
        let text = String::from_utf8(answer.body).unwrap();
        assert!(answer.status == 200 && text.contains(&format!("COPY-CARD-{card:08}")), "{}: {text}", answer.status);
    }
    times.sort_by(f64::total_cmp);
    let [median, p99] = [PAGES / 2, PAGES * 99 / 100].map(|place| times[place]);
    report.line("console-counter", (Figure::Seconds(p99), Figure::Seconds(ALLOWED)), Goal::AtMost(1.0));
    report.note(format_args!(
        "p99 of {PAGES} pages among {} certificates; median {:.2} ms",
        2 * (pairs + 1),
        median * 1e3
    ));
}
