//! The resident register's events, what the law ends by itself, and the letters that follow.

use jitsuin::authority::change::{RegisterChange, RegisterEvent};

use crate::{
    feed::{continued, event, out, report},
    house::{House, ITAMI, Person, SUGINAMI, municipality, once},
    table::{Row, Story, words},
};

/// A resident with a pair; it is noon of 2026-04-01 in Japan.
fn housed(house: &House) -> Person {
    let person = Person::new("TEST-1");
    house.pair(&person);
    house.set_clock("2026-04-01T03:00:00Z");
    person
}

fn announced(house: &House, person: &Person) {
    report(house, SUGINAMI, &out(person, "S-1", "2026-03-20", ITAMI, "2026-03-25")).unwrap();
}

/// The resident has moved to Itami, and the card is to be presented there.
pub(crate) fn arrived(house: &House, person: &Person) {
    house.pair(person);
    house.set_clock("2026-04-01T03:00:00Z");
    announced(house, person);
    report(house, ITAMI, &event(person, "I-1", "2026-03-26", RegisterEvent::MoveIn)).unwrap();
}

fn reporting(from: &'static str, change: RegisterChange) -> Story {
    Box::new(move |house| words(house.authority.change(&municipality(from), &once("story"), &change)))
}

pub(crate) fn rows() -> Vec<Row> {
    let mut all = of_the_feed();
    all.extend(by_hand());
    all.extend(deadlines());
    all.push(Row::new("several events in one request", "change_each", |house| {
        let person = housed(house);
        report(house, SUGINAMI, &event(&person, "S-1", "2026-03-20", RegisterEvent::MinorCorrection)).unwrap();
        let changes = [
            Ok(event(&person, "S-1", "2026-03-20", RegisterEvent::MinorCorrection)),
            Ok(event(&person, "S-2", "2026-03-21", RegisterEvent::Move)),
            Ok(event(&Person::new("TEST-9"), "S-3", "2026-03-21", RegisterEvent::Death)),
        ];
        Box::new(move |house| words(house.authority.change_each(&municipality(SUGINAMI), &once("story"), &changes)))
    }));
    all.push(Row::new("a letter is sent", "notice_sent", |house| {
        let person = housed(house);
        report(house, SUGINAMI, &event(&person, "S-1", "2026-03-20", RegisterEvent::Move)).unwrap();
        Box::new(|house| words(house.authority.notice_sent(&municipality(SUGINAMI), &once("story"), 1)))
    }));
    all
}

/// Events with the register's numbers.
fn of_the_feed() -> Vec<Row> {
    vec![
        Row::new("a move out is announced with its days", "change", |house| {
            let person = housed(house);
            reporting(SUGINAMI, out(&person, "S-1", "2026-03-20", ITAMI, "2026-03-25"))
        }),
        Row::new("an arrival that waits for its announcement", "change", |house| {
            let person = housed(house);
            reporting(ITAMI, event(&person, "I-1", "2026-03-26", RegisterEvent::MoveIn))
        }),
        Row::new("the announcement of who has arrived", "change", |house| {
            let person = housed(house);
            report(house, ITAMI, &event(&person, "I-1", "2026-03-26", RegisterEvent::MoveIn)).unwrap();
            reporting(SUGINAMI, out(&person, "S-1", "2026-03-20", ITAMI, "2026-03-25"))
        }),
        Row::new("an arrival", "change", |house| {
            let person = housed(house);
            announced(house, &person);
            reporting(ITAMI, event(&person, "I-1", "2026-03-26", RegisterEvent::MoveIn))
        }),
        Row::new("a card presented after the move", "change", |house| {
            let person = Person::new("TEST-1");
            arrived(house, &person);
            reporting(ITAMI, continued(&person, "I-2", "2026-04-01"))
        }),
        Row::new("an event that the feed has told before", "change", |house| {
            let person = housed(house);
            announced(house, &person);
            reporting(SUGINAMI, out(&person, "S-1", "2026-03-20", ITAMI, "2026-03-25"))
        }),
    ]
}

/// Events that a counter reports, without numbers.
fn by_hand() -> Vec<Row> {
    let row = |what: RegisterEvent, before: Option<RegisterEvent>| {
        Row::new(&format!("{what:?} reported by hand"), "change", move |house| {
            let person = housed(house);
            let change = |what| {
                let to = (what == RegisterEvent::MoveOut).then(|| ITAMI.parse().unwrap());
                RegisterChange { to, ..person.change(what) }
            };
            before.into_iter().for_each(|before| drop(report(house, SUGINAMI, &change(before)).unwrap()));
            reporting(SUGINAMI, change(what))
        })
    };
    vec![
        row(RegisterEvent::MoveInMissed, Some(RegisterEvent::MoveOut)),
        row(RegisterEvent::MoveOutCancelled, Some(RegisterEvent::MoveOut)),
        row(RegisterEvent::NameChange, None),
        row(RegisterEvent::Correction, None),
        row(RegisterEvent::MinorCorrection, None),
        row(RegisterEvent::OverseasMove, None),
        row(RegisterEvent::OverseasMoveWithContinuedUse, None),
        row(RegisterEvent::Registration, Some(RegisterEvent::OverseasMove)),
    ]
}

fn deadlines() -> Vec<Row> {
    let turn = |name: &str, before: fn(&House)| {
        Row::new(name, "run_deadlines", move |house| {
            before(house);
            Box::new(|house| words(house.authority.run_deadlines()))
        })
        .settled()
    };
    vec![
        turn("R-17: thirty days after the planned day", |house| {
            let person = housed(house);
            announced(house, &person);
            house.set_clock("2026-05-01T03:00:00Z");
        }),
        turn("R-18: ninety days after the move without the card", |house| {
            let person = Person::new("TEST-1");
            arrived(house, &person);
            house.set_clock("2026-08-01T03:00:00Z");
        }),
    ]
}
