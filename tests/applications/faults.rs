//! A store that fails at each call of each story, or is cut off there for good until a restart: never a certificate without its
//! application advanced, never two, and the same request again comes to the same end.

use std::{sync::Arc, time::Duration};

use jitsuin::{
    authority::{StoryError, change::RegisterEvent},
    rules::application::{ApplicationEvent as On, ApplicationState as At},
    store::Fault,
};
use serde_json::Value;

use crate::{
    scene::*,
    town::{House, SUGINAMI, municipality, once},
    trap::{Trap, Trapped},
    ward::Warded,
};

struct World {
    house: House,
    store: Arc<Warded<Trapped>>,
    case: Case,
}

impl World {
    fn new(state: At) -> Self {
        let store = Trapped::store();
        let house = House::on(Arc::clone(&store) as Arc<_>);
        let case = bring(&house, "TEST-1", state);
        Self { house, store, case }
    }
}

type Story = fn(&House, &Case) -> Result<Value, StoryError>;

fn issuing(house: &House, case: &Case) -> Result<Value, StoryError> {
    issue(house, case, &once("story")).map(|told| serde_json::to_value(told).unwrap())
}

fn event_of(event: On, house: &House, case: &Case) -> Result<Value, StoryError> {
    let request = crate::scene::event(&body(event));
    let told = house.authority.advance(&municipality(SUGINAMI), &once("story"), &case.number, &request);
    told.map(|told| serde_json::to_value(told).unwrap())
}

fn every_call_fails(begin: At, end: At, story: Story) {
    let mut tried = 0;
    for dead in [false, true] {
        for (write, fault) in Trap::WAYS {
            for left in 1.. {
                let world = World::new(begin);
                let World { house, case, .. } = &world;
                let trap = Trap { write, fault, left, dead };
                world.store.set(trap);
                let told = story(house, case);
                if !world.store.disarm() {
                    assert!(told.is_ok(), "no call was left to fail: {told:?}");
                    break;
                }
                tried += 1;
                check_bound(house, case);
                let house = &house.reopen();
                if dead {
                    house.authority.recover(Duration::ZERO).unwrap();
                    check_bound(house, case);
                }
                // The same request again, until what was left reserved is finished.
                let again = match story(house, case) {
                    Err(StoryError::InProgress) => {
                        house.authority.recover(Duration::ZERO).unwrap();
                        story(house, case).unwrap()
                    }
                    told => told.unwrap_or_else(|error| panic!("{trap:?}: {error}")),
                };
                house.authority.recover(Duration::ZERO).unwrap();
                assert_eq!(story(house, case).unwrap(), again, "{trap:?}");
                assert_eq!(record(house, case).state, end, "{trap:?}");
                check_bound(house, case);
                assert!(certificates(house, &case.person).len() <= 2, "{trap:?}: one pair");
            }
        }
    }
    assert!(tried >= 8, "{tried}");
}

#[test]
fn issuing_at_every_call_that_fails() {
    every_call_fails(At::SentToCa, At::Issued, issuing);
    every_call_fails(At::SentToCa, At::Issued, issuing);
}

#[test]
fn discarding_at_every_call_that_fails() {
    every_call_fails(At::Issued, At::DiscardedBeforeDelivery, |house, case| event_of(On::WriteFailed, house, case));
}

#[test]
fn verifying_posting_and_handing_over_at_every_call_that_fails() {
    every_call_fails(At::ReplyReceived, At::Verified, |house, case| event_of(On::Verify, house, case));
    every_call_fails(At::Received, At::InquirySent, |house, case| event_of(On::SendInquiry, house, case));
    every_call_fails(At::WrittenToCard, At::Delivered, |house, case| event_of(On::HandOver, house, case));
}

#[test]
fn the_timer_at_every_call_that_fails_ends_each_once() {
    for (write, fault) in Trap::WAYS {
        for left in 1.. {
            let World { house, store, case } = World::new(At::InquirySent);
            let other = bring(&house, "TEST-2", At::InquirySent);
            house.set_clock("2026-03-01T03:00:00Z");
            store.set(Trap { write, fault, left, dead: false });
            let told = house.authority.lapse_applications();
            let met = store.disarm();
            house.authority.lapse_applications().unwrap();
            for case in [&case, &other] {
                assert_eq!(record(&house, case).state, At::Lapsed);
                let lapses = steps_told(&house, case).len();
                assert_eq!(lapses, 3, "received, sent and lapsed, each once");
            }
            house.check();
            if !met {
                assert_eq!(told, Ok(2));
                break;
            }
        }
    }
}

#[test]
fn an_application_taken_at_every_call_that_fails_is_one_application() {
    for (write, fault) in Trap::WAYS {
        for left in 1.. {
            let World { house, store, case } = World::new(At::Received);
            let request = asked(&crate::town::Person::new("TEST-2"), &serde_json::json!({}));
            let take = || house.authority.receive(&municipality(SUGINAMI), &once("story"), &request);
            store.set(Trap { write, fault, left, dead: false });
            let told = take();
            let met = store.disarm();
            assert_eq!(told.is_err(), met);
            let first = take().unwrap();
            assert_eq!(take().unwrap(), first);
            let all = house.store.applications().select(&Default::default(), 0, 10).unwrap();
            assert_eq!(all.iter().map(|one| one.number).collect::<Vec<_>>(), [case.number, first.application]);
            if !met {
                break;
            }
        }
    }
}

#[test]
fn what_died_between_reserving_and_signing_is_discarded_and_the_application_is_not_stuck() {
    let world = World::new(At::SentToCa);
    let World { house, store, case } = &world;
    // The store is gone after the reservation; the holder dies before the service is back.
    // Two allocations come before it.
    let dead = Trap { write: true, fault: Fault::Kept, left: 3, dead: true };
    store.set(dead);
    assert!(issuing(house, case).is_err());
    store.disarm();
    let house = house.reopen();
    let waiting = || record(&house, case);
    assert!(waiting().issuing.is_some());
    assert_eq!(waiting().state, At::SentToCa);
    let reject = || advance(&house, case, &body(On::Reject));
    assert_eq!(reject(), Err(StoryError::InProgress), "it may be signed in a moment");
    house.change(&case.person, RegisterEvent::Death).unwrap();
    assert_eq!(house.authority.recover(Duration::ZERO), Ok(0));
    check_bound(&house, case);
    assert_eq!(crate::town::rule(issue(&house, case, &fresh())), "E-01");
    reject().unwrap();
    assert_eq!(waiting().state, At::Rejected);
    check_bound(&house, case);
}
