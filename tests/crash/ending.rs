//! A CA key that others may have: what its generation issued ends, for the operator and for a start that finds the work half done.

use jitsuin::{
    audit::Draft,
    authority::compromise::{CompromiseRequest, fingerprint},
    kind::Kind,
    ports::{AuthorityRecord, Change, Step},
};

use crate::{
    house::{House, Person, once, operator},
    table::{Row, words},
};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("a compromise", "compromise", |house| {
            standing_and_held(house);
            let request = asked(house);
            Box::new(move |house| words(house.authority.compromise(&operator(), &once("story"), &request)))
        }),
        Row::new("a compromise of which nothing stands", "compromise", |house| {
            let request = asked(house);
            Box::new(move |house| words(house.authority.compromise(&operator(), &once("story"), &request)))
        }),
        Row::new("a compromise of another certificate than is confirmed", "compromise", |house| {
            standing_and_held(house);
            let request = CompromiseRequest { kind: Kind::Auth, ..asked(house) };
            Box::new(move |house| words(house.authority.compromise(&operator(), &once("story"), &request)))
        }),
        Row::new("a start after half a compromise", "settle_compromises", |house| {
            standing_and_held(house);
            note(house);
            Box::new(|house| words(house.authority.settle_compromises()))
        })
        .settled(),
    ]
}

/// Two pairs, one of them held.
fn standing_and_held(house: &House) {
    let people = ["TEST-1", "TEST-2"].map(Person::new);
    people.iter().for_each(|person| drop(house.pair(person)));
    house.hold(&people[1]).unwrap();
    house.set_clock("2026-04-01T03:00:00Z");
}

fn record(house: &House) -> AuthorityRecord {
    house.store.authorities().unwrap().into_iter().find(|one| one.kind == Kind::Sign).unwrap()
}

fn asked(house: &House) -> CompromiseRequest {
    CompromiseRequest { kind: Kind::Sign, generation: 1, confirm: fingerprint(&record(house)), approvals: Vec::new() }
}

/// The first commit of a compromise, after which the process was killed.
fn note(house: &House) {
    let step = Step::Compromise { kind: Kind::Sign, generation: 1, at: house.now(), settled: false };
    let audit = Draft {
        at: house.now(),
        actor: "operator/operator-1".into(),
        action: "generation.compromised".into(),
        subject: "ca/sign/1".into(),
        detail: serde_json::json!({ "certificate_sha256": fingerprint(&record(house)) }).to_string(),
    };
    house.store.commit(Change { steps: vec![step], audit }).unwrap();
}
