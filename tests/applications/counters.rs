//! Two counters, or eight, at once.

use std::{sync::Barrier, thread};

use jitsuin::{
    authority::{Once, StoryError, enrol::Enrolment},
    kind::Kind,
    rules::application::{ApplicationEvent as On, ApplicationState as At},
};
use serde_json::json;

use crate::{
    scene::*,
    town::{House, SUGINAMI, municipality, once, refusal, rule},
};

/// Tells `story` eight times at once.
pub(crate) fn at_once<T: Send>(story: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(8);
    let (barrier, story) = (&barrier, &story);
    thread::scope(|scope| {
        let tell = |number| {
            move || {
                barrier.wait();
                story(number)
            }
        };
        let tellers: Vec<_> = (0..8).map(|number| scope.spawn(tell(number))).collect();
        tellers.into_iter().map(|teller| teller.join().unwrap()).collect()
    })
}

#[test]
fn of_many_who_lead_it_on_one_comes_first_and_the_others_are_told() {
    for (_room, house) in engines() {
        for (number, (state, event)) in
            [(At::Received, On::SendInquiry), (At::ReplyReceived, On::Verify), (At::Issued, On::WriteFailed)]
                .into_iter()
                .enumerate()
        {
            let case = bring(&house, &format!("TEST-{number}"), state);
            let version = record(&house, &case).version;
            let told = at_once(|_| advance(&house, &case, &body(event)));
            assert_eq!(told.iter().filter(|one| one.is_ok()).count(), 1, "{told:?}");
            for other in told.into_iter().filter(Result::is_err) {
                assert_eq!(rule(other), "A-01");
            }
            assert_eq!(record(&house, &case).version, version + 1);
            check_bound(&house, &case);
        }
    }
}

#[test]
fn the_same_event_from_many_under_one_key_is_one_event_and_one_answer() {
    for (_room, house) in engines() {
        let case = bring(&house, "TEST-1", At::SentToCa);
        let version = record(&house, &case).version;
        let send = event(&body(On::Send));
        let told =
            at_once(|_| house.authority.advance(&municipality(SUGINAMI), &once("send"), &case.number, &send).unwrap());
        assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
        assert_eq!(record(&house, &case).version, version + 1);
        let other = Once { digest: [2; 32], ..once("send") };
        assert_eq!(rule(house.authority.advance(&municipality(SUGINAMI), &other, &case.number, &send)), "T-07");
    }
}

#[test]
fn a_counter_that_saw_an_older_version_is_told_what_there_is_now() {
    let house = House::new();
    let case = bring(&house, "TEST-1", At::SentToCa);
    let seen = record(&house, &case).version;
    let send = json!({"event": "send", "version": seen});
    advance(&house, &case, &send).unwrap();
    let refused = refusal(advance(&house, &case, &send));
    assert_eq!(refused.rule, "A-01");
    assert!(refused.detail.contains(&format!("{} is", seen + 1)) && refused.detail.contains("possible"), "{refused}");
    assert_eq!(record(&house, &case).version, seen + 1);
    advance(&house, &case, &json!({"event": "send", "version": seen + 1})).unwrap();
}

#[test]
fn many_who_ask_for_the_certificates_get_one_pair() {
    for (_room, house) in engines() {
        let case = bring(&house, "TEST-1", At::SentToCa);
        let enrolments: Vec<_> = (0..8)
            .map(|_| Enrolment { application: Some(case.number), ..case.person.enrolment(&Kind::BOTH) })
            .collect();
        let told = at_once(|number| {
            let enrolment = enrolments[number].clone();
            issue(&house, &Case { enrolment, person: case.person.clone(), ..case }, &fresh())
        });
        assert_eq!(told.iter().filter(|one| one.is_ok()).count(), 1, "{told:?}");
        for other in told.into_iter().filter(Result::is_err) {
            match other {
                Err(StoryError::InProgress) => {}
                refused => assert_eq!(rule(refused), "A-01"),
            }
        }
        assert_eq!(certificates(&house, &case.person).len(), 2);
        assert_eq!(record(&house, &case).state, At::Issued);
        check_bound(&house, &case);
    }
}

#[test]
fn a_rejection_and_an_issuance_at_once_leave_one_of_them() {
    for (_room, house) in engines() {
        for round in 0..6 {
            let case = bring(&house, &format!("TEST-{round}"), At::SentToCa);
            let told = at_once(|number| match number {
                0..4 => advance(&house, &case, &body(On::Reject)).is_ok(),
                _ => issue(&house, &case, &fresh()).is_ok(),
            });
            let state = record(&house, &case).state;
            assert!(matches!(state, At::Rejected | At::Issued), "{state:?}");
            assert_eq!(told[..4].iter().filter(|done| **done).count(), usize::from(state == At::Rejected));
            check_bound(&house, &case);
        }
    }
}
