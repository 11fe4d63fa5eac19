//! A store that fails at each call while an exception is asked for, approved and used, or a card is switched: what two officers
//! made is used exactly once, the register's text stands beside exactly the SIGN that was made from it, and a card is switched
//! together with the end of its SIGN or not at all.

use std::{sync::Arc, time::Duration};

use jitsuin::{
    authority::{
        Actor, StoryError, Wording,
        enrol::Enrolment,
        exception::{ExceptionRequest, ExceptionState},
    },
    kind::Kind,
    ports::RequestDigest,
    rules::{Asked, CertificateState, application::ApplicationEvent as On},
    store::Fault,
};
use serde_json::{Value, json};

use crate::{
    scene::*,
    town::{House, Person, SUGINAMI, municipality, once, operator},
    trap::{Trap, Trapped},
    ward::Warded,
};

fn world() -> (House, Arc<Warded<Trapped>>) {
    let store = Trapped::store();
    (House::on(Arc::clone(&store) as Arc<_>), store)
}

/// A child of ten, whose name the register writes half-width.
fn child() -> (Person, Enrolment) {
    let person = Person::new("TEST-1").born("2015-05-05");
    let mut enrolment = person.enrolment(&Kind::BOTH);
    let facts = json!({"sex": "1", "register": {"name": "実印 Taro", "address": "東京都杉並区試験町1"}});
    enrolment.facts = Some(serde_json::from_value::<Wording>(facts).unwrap());
    (person, enrolment)
}

fn asking(enrolment: &Enrolment) -> ExceptionRequest {
    let reason = "海外の学校の出願に署名が要るため、事前に相談があった".to_owned();
    ExceptionRequest { reason, agent_present: true, renewal: false, request: enrolment.clone() }
}

fn digest(enrolment: &Enrolment) -> RequestDigest {
    RequestDigest(enrolment.digest(Asked::New).unwrap())
}

type Story = fn(&House, &Enrolment) -> Result<Value, StoryError>;

fn value(told: impl serde::Serialize) -> Value {
    serde_json::to_value(told).unwrap()
}

const STORIES: [Story; 3] = [
    |house, enrolment| {
        house.authority.ask_exception(&municipality(SUGINAMI), &once("ask"), &asking(enrolment)).map(value)
    },
    |house, enrolment| house.authority.approve_exception(&operator(), &once("approve"), &digest(enrolment)).map(value),
    |house, enrolment| house.authority.issue(&municipality(SUGINAMI), &once("issue"), Asked::New, enrolment).map(value),
];

/// Used exactly where a SIGN was reserved by it, with the text beside exactly that one.
fn check(house: &House, (person, enrolment): &(Person, Enrolment)) {
    let signs: Vec<_> = certificates(house, person).into_iter().filter(|one| one.kind == Kind::Sign).collect();
    let record = house.store.exception(&digest(enrolment).0).unwrap();
    assert_eq!(record.as_ref().and_then(|record| record.used), signs.first().map(|one| one.index));
    assert!(signs.len() <= 1);
    for index in 0..8 {
        let text = house.store.register_text(index).unwrap();
        assert_eq!(text.is_some(), signs.iter().any(|one| one.index == index), "{index}");
    }
    house.check();
}

#[test]
fn e_07_an_exception_at_every_call_that_fails_is_used_once() {
    let mut tried = 0;
    for step in 0..STORIES.len() {
        for dead in [false, true] {
            for (write, fault) in Trap::WAYS {
                for left in 1.. {
                    let (house, store) = world();
                    let case = child();
                    STORIES[..step].iter().for_each(|story| drop(story(&house, &case.1).unwrap()));
                    let trap = Trap { write, fault, left, dead };
                    store.set(trap);
                    let told = STORIES[step](&house, &case.1);
                    let met = store.disarm();
                    assert_eq!(told.is_err(), met, "{trap:?}");
                    let house = house.reopen();
                    house.authority.recover(Duration::ZERO).unwrap();
                    check(&house, &case);
                    if step < 2 {
                        assert!(certificates(&house, &case.0).is_empty(), "nothing is issued before it is approved");
                    }
                    let again = STORIES[step](&house, &case.1).unwrap_or_else(|error| panic!("{trap:?}: {error}"));
                    assert_eq!(STORIES[step](&house, &case.1), Ok(again));
                    STORIES[step..].iter().for_each(|story| drop(story(&house, &case.1).unwrap()));
                    house.authority.recover(Duration::ZERO).unwrap();
                    check(&house, &case);
                    let seen = house.authority.exception(&operator(), &digest(&case.1)).unwrap();
                    assert_eq!(seen.state, ExceptionState::Used, "{trap:?}");
                    if !met {
                        break;
                    }
                    tried += 1;
                }
            }
        }
    }
    assert!(tried >= 30, "{tried}");
}

#[test]
fn e_07_of_two_who_issue_at_once_one_uses_it_and_who_asked_does_not_approve_after_a_restart_either() {
    let (house, _) = world();
    let case = child();
    STORIES[0](&house, &case.1).unwrap();
    let house = house.reopen();
    let own: &Actor = &municipality(SUGINAMI);
    let approve = |actor, key| house.authority.approve_exception(actor, &once(key), &digest(&case.1));
    assert_eq!(crate::town::rule(approve(own, "own")), "E-07");
    approve(&operator(), "other").unwrap();
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let issue = |key| {
            let (house, enrolment) = (&house, &case.1);
            scope.spawn(move || house.authority.issue(&municipality(SUGINAMI), &once(key), Asked::New, enrolment))
        };
        ["a", "b", "c"].map(issue).map(|one| one.join().unwrap()).into()
    });
    assert_eq!(outcomes.iter().filter(|one| one.is_ok()).count(), 1, "{outcomes:?}");
    check(&house, &case);
}

#[test]
fn r_30_switching_a_card_at_every_call_that_fails_ends_sign_with_it_or_does_nothing() {
    for (write, fault) in Trap::WAYS {
        for left in 1.. {
            let (house, store) = world();
            let person = Person::new("TEST-1");
            house.pair(&person);
            let asked =
                json!({"procedure": "face-authentication-on", "applicant": "holder", "agent": null, "kinds": []});
            let received = receive(&house, &person, &asked).unwrap();
            let case = Case::new(person, &received, &[]);
            advance(&house, &case, &body(On::Verify)).unwrap();
            let carry_out = || {
                let request = crate::scene::event(&body(On::CarryOut));
                house.authority.advance(&municipality(SUGINAMI), &once("story"), &case.number, &request)
            };
            store.set(Trap { write, fault, left, dead: false });
            let told = carry_out();
            let met = store.disarm();
            assert_eq!(told.is_err(), met);
            let dossier = house.store.dossier(&case.person.holder()).unwrap().unwrap();
            let sign = dossier.newest(Kind::Sign).unwrap().state;
            let switched = dossier.cards[0].face_authentication;
            assert_eq!(switched, sign == CertificateState::Revoked, "both or neither");
            assert_eq!(switched, record(&house, &case).state.is_final());
            assert!(!(fault == Fault::Lost && met && switched));
            let first = carry_out().unwrap();
            assert_eq!(carry_out().unwrap(), first);
            house.check();
            if !met {
                break;
            }
        }
    }
}
