//! What runs by itself or for the operator: lists, canaries, indexes; exceptions of two officers; files of revocations.

use jitsuin::{
    authority::{TurnedAway, Wording, canary::NoCanary, enrol::Enrolment, exception::ExceptionRequest},
    cli::canary::throw_away_key,
    kind::Kind,
    ports::RequestDigest,
    rules::{Asked, Cause},
};
use serde_json::json;

use crate::{
    house::{House, Person, SUGINAMI, municipality, once, operator},
    table::{Row, Told, pair, words},
};

pub(crate) fn rows() -> Vec<Row> {
    [lists(), canaries(), exceptions(), others()].into_iter().flatten().collect()
}

/// A pair that is held since the last lists.
fn listed(house: &House) {
    let person = Person::new("TEST-1");
    house.pair(&person);
    house.authority.publish(&operator()).unwrap();
    house.set_clock("2026-04-01T03:00:00Z");
    house.hold(&person).unwrap();
}

fn lists() -> Vec<Row> {
    vec![
        Row::new("lists on demand, once a key", "publish_once", |house| {
            listed(house);
            Box::new(|house| words(house.authority.publish_once(&operator(), &once("story"))))
        })
        .another(),
        Row::new("lists on demand", "publish", |house| {
            listed(house);
            Box::new(|house| words(house.authority.publish(&operator())))
        })
        .another(),
        Row::new("lists that are due", "publish_due", |house| {
            listed(house);
            Box::new(|house| words(house.authority.publish_due()))
        })
        .another(),
        Row::new("the first lists", "publish_due", |_| Box::new(|house| words(house.authority.publish_due())))
            .another(),
        Row::new("lists of what has changed", "publish_changed", |house| {
            listed(house);
            house.authority.publish_due().unwrap();
            house.set_clock("2026-04-01T03:30:00Z");
            house.release(&Person::new("TEST-1")).unwrap();
            Box::new(|house| words(house.authority.publish_changed()))
        })
        .another(),
    ]
}

fn canaries() -> Vec<Row> {
    vec![
        Row::new("a canary", "canary", |house| {
            house.set_clock("2026-04-01T03:00:00Z");
            let keys: Vec<_> = (0..16).map(|_| throw_away_key().unwrap()).collect();
            let next = std::cell::Cell::new(0);
            Box::new(move |house| {
                // A new key for each turn.
                let key = &keys[next.replace(next.get() + 1) % keys.len()];
                match house.authority.canary(Kind::Sign, 30, key) {
                    Ok(canary) => Ok(Told::Words(format!("{canary:?}"))),
                    Err(NoCanary::Story(error)) => Err(error),
                    Err(other) => panic!("{other}"),
                }
            })
        })
        .another(),
        Row::new("a canary is revoked", "revoke_canary", |house| {
            house.set_clock("2026-04-01T03:00:00Z");
            let canary = house.authority.canary(Kind::Sign, 30, &throw_away_key().unwrap()).unwrap();
            house.set_clock("2026-04-01T03:01:00Z");
            Box::new(move |house| {
                house.authority.revoke_canary(&canary).map(|canary| Told::Words(format!("{canary:?}")))
            })
        })
        .settled(),
        Row::new("a canary that no key signs", "canary", |house| {
            house.set_clock("2026-04-01T03:00:00Z");
            let keys: Vec<_> = (0..16).map(|_| throw_away_key().unwrap()).collect();
            let next = std::cell::Cell::new(0);
            Box::new(move |house| {
                let key = &keys[next.replace(next.get() + 1) % keys.len()];
                house.fuse.store(1, std::sync::atomic::Ordering::SeqCst);
                let told = house.authority.canary(Kind::Sign, 30, key);
                house.fuse.store(0, std::sync::atomic::Ordering::SeqCst);
                match told {
                    Ok(canary) => Ok(Told::Words(format!("{canary:?}"))),
                    Err(NoCanary::Story(error)) => Err(error),
                    Err(other) => panic!("{other}"),
                }
            })
        })
        .fickle(),
    ]
}

/// A child of ten, whose name the register writes half-width.
fn child() -> Enrolment {
    let person = Person::new("TEST-1").born("2015-05-05");
    let facts = json!({"sex": "1", "register": {"name": "実印 Taro", "address": "東京都杉並区試験町1"}});
    let facts = Some(serde_json::from_value::<Wording>(facts).unwrap());
    Enrolment { facts, ..person.enrolment(&Kind::BOTH) }
}

fn asking(enrolment: &Enrolment) -> ExceptionRequest {
    let reason = "海外の学校の出願に署名が要るため、事前に相談があった".to_owned();
    ExceptionRequest { reason, agent_present: true, renewal: false, request: enrolment.clone() }
}

fn exceptions() -> Vec<Row> {
    let digest = |enrolment: &Enrolment| RequestDigest(enrolment.digest(Asked::New).unwrap());
    vec![
        Row::new("an exception is asked for", "ask_exception", |_| {
            let asked = asking(&child());
            Box::new(move |house| words(house.authority.ask_exception(&municipality(SUGINAMI), &once("story"), &asked)))
        }),
        Row::new("an exception is approved", "approve_exception", move |house| {
            let enrolment = child();
            house.authority.ask_exception(&municipality(SUGINAMI), &house.once(), &asking(&enrolment)).unwrap();
            let digest = digest(&enrolment);
            Box::new(move |house| words(house.authority.approve_exception(&operator(), &once("story"), &digest)))
        }),
        Row::new("a pair with the register's wording, by an exception", "issue", move |house| {
            let enrolment = child();
            house.authority.ask_exception(&municipality(SUGINAMI), &house.once(), &asking(&enrolment)).unwrap();
            house.authority.approve_exception(&operator(), &house.once(), &digest(&enrolment)).unwrap();
            Box::new(move |house| {
                pair(house.authority.issue(&municipality(SUGINAMI), &once("story"), Asked::New, &enrolment))
            })
        }),
    ]
}

fn others() -> Vec<Row> {
    vec![
        Row::new("a file of revocations", "revoke_each", |house| {
            let people: Vec<_> = (0..3).map(|number| Person::new(&format!("TEST-{number}"))).collect();
            people.iter().for_each(|person| drop(house.pair(person)));
            let unknown = Person::new("TEST-9");
            let requests = people.iter().chain([&unknown]).map(|one| Ok(one.revocation(Cause::CardReturned, None)));
            let lines: Vec<_> = requests.enumerate().map(|(line, one)| (once(&format!("story {line}")), one)).collect();
            Box::new(move |house| words(house.authority.revoke_each(&operator(), &lines)))
        }),
        Row::new("indexes are taken in advance", "stock_indexes", |_| {
            Box::new(|house| words(house.authority.stock_indexes()))
        })
        .settled(),
        Row::new("a request that could not be read", "note", |_| {
            let rule = |house: &House, why| {
                house.authority.note(&municipality(SUGINAMI), why, "POST /v1/certificates", "T-01")
            };
            Box::new(move |house| words(rule(house, TurnedAway::Malformed)))
        })
        .another(),
        Row::new("a request of who may not", "note", |_| {
            Box::new(|house| {
                words(house.authority.note(&operator(), TurnedAway::Refused, "POST /v1/certificates", "T-08"))
            })
        })
        .another(),
        Row::new("a pair that no key signs", "issue", |_| {
            let enrolment = Person::new("TEST-1").enrolment(&Kind::BOTH);
            Box::new(move |house| {
                house.fuse.store(2, std::sync::atomic::Ordering::SeqCst);
                let told = house.authority.issue(&municipality(SUGINAMI), &once("story"), Asked::New, &enrolment);
                house.fuse.store(0, std::sync::atomic::Ordering::SeqCst);
                pair(told)
            })
        })
        .fickle(),
    ]
}
