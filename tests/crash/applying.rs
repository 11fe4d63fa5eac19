//! Applications: every step of the table of an application, and everything that can be applied for.

use jitsuin::{
    authority::application::ApplicationRequest,
    kind::Kind,
    rules::{
        Cause,
        application::{ApplicationEvent as On, ApplicationState as At, NEXT},
    },
};
use serde_json::{Value, json};

use crate::{
    house::{House, ITAMI, Person, SUGINAMI, municipality, once},
    scene::{Case, advance, asked, body, bring, event, fresh, go, in_person, issue, receive},
    table::{Row, Story, pair, words},
};

pub(crate) fn rows() -> Vec<Row> {
    let steps = NEXT.iter().filter(|(from, on, _)| (*from, *on) != (At::Verified, On::CarryOut));
    let mut all: Vec<Row> = steps.map(|(from, on, to)| step(*from, *on, *to)).collect();
    all.extend(taken());
    all.extend(carried_out());
    all.push(Row::new("certificates of an application asked for again with another key", "issue", |house| {
        let case = bring(house, "TEST-1", At::Issued);
        Box::new(move |house| pair(issue(house, &case, &once("story"))))
    }));
    all
}

/// A step of the table, but for those that are carried out.
fn step(from: At, on: On, to: At) -> Row {
    let name = format!("an application {from:?}, {on:?}, {to:?}");
    match on {
        On::Lapse => Row::new(&name, "lapse_applications", move |house| {
            let _case = bring(house, "TEST-1", from);
            house.set_clock("2026-03-01T03:00:00Z");
            Box::new(|house| words(house.authority.lapse_applications()))
        })
        .settled(),
        On::Issue => Row::new(&name, "issue", move |house| {
            let case = bring(house, "TEST-1", from);
            Box::new(move |house| pair(issue(house, &case, &once("story"))))
        }),
        _ => Row::new(&name, "advance", move |house| {
            let case = match (from, on) {
                // Without a letter only who comes in person is verified.
                (At::Received, On::Verify) => in_town(house, &Person::new("TEST-1"), &in_person("new-issue")),
                _ => bring(house, "TEST-1", from),
            };
            advancing(case, on)
        }),
    }
}

fn advancing(case: Case, on: On) -> Story {
    let request = event(&body(on));
    Box::new(move |house| {
        words(house.authority.advance(&municipality(SUGINAMI), &once("story"), &case.number, &request))
    })
}

fn in_town(house: &House, person: &Person, change: &Value) -> Case {
    let received = receive(house, person, change).unwrap();
    Case::new(person.clone(), &received, &Kind::BOTH)
}

fn receiving(request: ApplicationRequest) -> Story {
    Box::new(move |house| words(house.authority.receive(&municipality(SUGINAMI), &once("story"), &request)))
}

/// Applications as they are taken.
fn taken() -> Vec<Row> {
    let first = |change: fn() -> Value| move |_: &House| receiving(asked(&Person::new("TEST-1"), &change()));
    vec![
        Row::new("an application by an agent", "receive", first(|| json!({}))),
        Row::new("an application in person", "receive", first(|| in_person("new-issue"))),
        Row::new("an application to renew", "receive", |house| {
            let person = Person::new("TEST-1");
            house.pair(&person);
            house.set_clock("2029-12-01T03:00:00Z");
            receiving(asked(&person, &in_person("renewal")))
        }),
        Row::new("an application that is refused", "receive", |house| {
            let person = Person::new("TEST-1");
            house.pair(&person);
            receiving(asked(&person, &in_person("renewal")))
        }),
    ]
}

/// What is applied for and carried out without certificates being issued.
fn carried_out() -> Vec<Row> {
    let row = |procedure: &'static str, before: fn(&House, &Person)| {
        Row::new(&format!("an application for {procedure} is carried out"), "advance", move |house| {
            let person = Person::new("TEST-1");
            house.pair(&person);
            before(house, &person);
            let mut change = in_person(procedure);
            change["kinds"] = json!([]);
            let case = in_town(house, &person, &change);
            advance(house, &case, &body(On::Verify)).unwrap();
            advancing(case, On::CarryOut)
        })
    };
    let face = |house: &House, person: &Person| drop(house.revoke(person, Cause::FaceAuthenticationOn, None).unwrap());
    vec![
        row("face-authentication-on", |_, _| {}),
        row("face-authentication-off", face),
        row("card-return", |_, _| {}),
        row("revocation", |_, _| {}),
        row("release", |house, person| drop(house.hold(person).unwrap())),
        row("pin-reset", |_, _| {}),
        Row::new("an application for continued-use is carried out", "advance", |house| {
            let person = Person::new("TEST-1");
            crate::reporting::arrived(house, &person);
            let mut change = in_person("continued-use");
            change["kinds"] = json!([]);
            let request = asked(&person, &change);
            let received = house.authority.receive(&municipality(ITAMI), &fresh(), &request).unwrap();
            let case = Case::new(person, &received, &Kind::BOTH);
            let verify = event(&body(On::Verify));
            house.authority.advance(&municipality(ITAMI), &fresh(), &case.number, &verify).unwrap();
            let request = event(&body(On::CarryOut));
            Box::new(move |house| {
                words(house.authority.advance(&municipality(ITAMI), &once("story"), &case.number, &request))
            })
        }),
        Row::new("certificates of an application on the same day", "issue", |house| {
            let person = Person::new("TEST-1");
            let case = in_town(house, &person, &in_person("new-issue"));
            go(house, &case, &[On::Verify, On::GenerateKey, On::Send]);
            Box::new(move |house| pair(issue(house, &case, &once("story"))))
        }),
    ]
}
