//! Who is told what: letters about what ended, letters before the end, and what to expect.

use std::sync::Arc;

use jitsuin::{
    authority::change::{RegisterChange, RegisterEvent},
    kind::Kind,
    ports::Store,
    rules::{Asked, notice::NoNotice},
    store::{MemoryStore, SqliteStore},
};

use crate::{
    feed::*,
    house::{ADDRESS, House, ITAMI, NAME, Person, SUGINAMI, day, municipality, rule},
};

#[test]
fn a_letter_says_what_ended_why_and_what_to_do_and_waits_until_it_is_sent() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &event(&person, "S-1", "2026-03-20", RegisterEvent::Move)).unwrap();
    let suginami = municipality(SUGINAMI);
    let waiting = house.authority.notices(&suginami, None).unwrap();
    let letter = &waiting.notices[0];
    assert_eq!((letter.number, letter.rule.as_str(), waiting.next), (1, "R-13", None));
    assert_eq!(letter.certificates[0].serial, house.newest(&person, Kind::Sign).serial);
    assert!(letter.why.ja.contains("住民票") && letter.why.en.contains("resident register"));
    assert!(letter.next.ja.contains("再発行") && letter.next.en.contains("same visit"));
    let json = serde_json::to_string(&waiting).unwrap();
    for secret in [NAME, ADDRESS, "1980", "CARD-"] {
        assert!(!json.contains(secret), "{secret}");
    }
    assert!(house.authority.notices(&municipality(ITAMI), None).unwrap().notices.is_empty());
    assert!(house.authority.notices(&suginami, Some(1)).unwrap().notices.is_empty());

    house.set_clock("2026-04-02T03:00:00Z");
    let sent = house.authority.notice_sent(&suginami, &house.once(), 1).unwrap();
    assert_eq!(sent.sent, Some(house.now()));
    house.set_clock("2026-04-03T03:00:00Z");
    assert_eq!(house.authority.notice_sent(&suginami, &house.once(), 1), Ok(sent), "sent once");
    assert!(house.authority.notices(&suginami, None).unwrap().notices.is_empty());
    house.check();
}

#[test]
fn about_a_death_no_letter_is_written_and_nothing_names_one() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-03-20", ITAMI, "2026-03-25")).unwrap();
    report(&house, SUGINAMI, &event(&person, "S-2", "2026-03-21", RegisterEvent::Death)).unwrap();
    let letters = house.authority.notices(&municipality(SUGINAMI), None).unwrap();
    assert_eq!(letters.notices.len(), 1, "the one about the move, which came before");
    assert!(!serde_json::to_string(&letters).unwrap().contains("death"));
}

#[test]
fn each_event_that_ends_something_has_its_own_letter() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-03-20", ITAMI, "2026-03-25")).unwrap();
    house.set_clock("2026-05-01T03:00:00Z");
    house.authority.run_deadlines().unwrap();
    let letters = house.authority.notices(&municipality(SUGINAMI), None).unwrap().notices;
    let told: Vec<_> = letters.iter().map(|one| (one.rule.as_str(), one.certificates[0].kind)).collect();
    assert_eq!(told, [("R-16", Kind::Sign), ("R-17", Kind::Auth)]);
    assert!(letters[0].next.ja.contains("90日"), "M-03: what to do at the new place");
}

/// Persons whose certificates end on many days, in two municipalities.
fn town(store: Arc<dyn Store>) -> House {
    let house = House::on(store);
    for (number, birth) in
        ["1980-05-28", "1980-05-29", "1980-05-30", "1980-05-31", "1980-02-17", "1981-06-01"].iter().enumerate()
    {
        house.pair(&Person::new(&format!("TEST-{number}")).born(birth));
    }
    house
}

fn engines() -> (tempfile::TempDir, [Arc<dyn Store>; 2]) {
    let directory = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(&directory.path().join("jitsuin.db")).unwrap();
    (directory, [Arc::new(sqlite), Arc::new(MemoryStore::new())])
}

#[test]
fn letters_before_the_end_are_due_three_months_before_it() {
    let (_directory, engines) = engines();
    for store in engines {
        let house = town(store);
        let due = |from: &str, on: &str| house.authority.notices_due(&municipality(from), Some(day(on)), None).unwrap();
        // Five birthdays from 2025-10-27: ends of 2030-05-28 to -31 all have 2030-02-28 three months before them.
        let letters = due(SUGINAMI, "2030-02-28");
        assert_eq!((letters.due.len(), letters.next.as_deref()), (8, None));
        for one in &letters.due {
            assert_eq!((one.renewal_opens, one.renew_the_card), (day("2030-03-01"), false));
            let letter = one.letter.as_ref().unwrap();
            assert!(letter.ja.contains("2030-03-01") && letter.ja.contains(&one.last_day.to_string()));
        }
        assert!(due(SUGINAMI, "2030-02-27").due.is_empty());
        assert_eq!(due(SUGINAMI, "2030-03-01").due.len(), 2, "the end of 2030-06-01");
        assert!(due(ITAMI, "2030-02-28").due.is_empty());

        // Who moves is told by the new municipality, and of what ended nobody is told.
        let mover = Person::new("TEST-0");
        house.set_clock("2026-04-01T03:00:00Z");
        report(&house, SUGINAMI, &out(&mover, "S-1", "2026-03-20", ITAMI, "2026-03-25")).unwrap();
        report(&house, ITAMI, &event(&mover, "I-1", "2026-03-26", RegisterEvent::MoveIn)).unwrap();
        let kinds: Vec<_> = due(ITAMI, "2030-02-28").due.iter().map(|one| (one.kind, one.holder.clone())).collect();
        assert_eq!(kinds, [(Kind::Auth, mover.holder())]);
        assert_eq!(due(SUGINAMI, "2030-02-28").due.len(), 6);
        house.hold(&Person::new("TEST-1")).unwrap();
        assert_eq!(due(SUGINAMI, "2030-02-28").due.len(), 4, "what is held cannot be renewed");
        house.release(&Person::new("TEST-1")).unwrap();
        assert_eq!(due(SUGINAMI, "2030-02-28").due.len(), 5);
    }
}

#[test]
fn v_18_whoever_ends_with_the_stay_gets_no_letter() {
    let house = House::new();
    let person = Person::new("TEST-1");
    let mut enrolment = person.enrolment(&[Kind::Auth]);
    enrolment.card.stay_last_day = Some(day("2027-03-15"));
    house.issue(&municipality(SUGINAMI), Asked::New, &enrolment).unwrap();
    let due = house.authority.notices_due(&municipality(SUGINAMI), Some(day("2026-12-15")), None).unwrap().due;
    assert_eq!((due.len(), due[0].no_letter, &due[0].letter), (1, Some(NoNotice::EndsWithStay), &None));
}

#[test]
fn w_05_where_the_card_ends_too_the_letter_says_so() {
    let house = House::new();
    // A minor's card ends with the fifth birthday, like the certificate.
    house
        .issue(&municipality(SUGINAMI), Asked::New, &Person::new("TEST-1").born("2015-09-15").enrolment(&[Kind::Auth]))
        .unwrap();
    let due = house.authority.notices_due(&municipality(SUGINAMI), Some(day("2030-06-15")), None).unwrap().due;
    assert!(due[0].renew_the_card && due[0].letter.as_ref().unwrap().en.contains("new card"));
}

#[test]
fn a_forecast_counts_what_opens_and_what_ends_on_each_day() {
    let (_directory, engines) = engines();
    for store in engines {
        let house = town(store);
        let suginami = municipality(SUGINAMI);
        let forecast = |from, to| house.authority.forecast(&suginami, (Some(day(from)), Some(day(to)))).unwrap().days;
        let days = forecast("2030-02-01", "2030-06-30");
        let told: Vec<_> = days.iter().map(|one| (one.day.to_string(), one.opens.auth, one.ends.sign)).collect();
        let expected = [
            ("2030-02-17", 0, 1),
            ("2030-03-01", 4, 0),
            ("2030-03-02", 1, 0),
            ("2030-05-28", 0, 1),
            ("2030-05-29", 0, 1),
            ("2030-05-30", 0, 1),
            ("2030-05-31", 0, 1),
            ("2030-06-01", 0, 1),
        ];
        assert_eq!(told, expected.map(|(day, opens, ends)| (day.to_owned(), opens, ends)));
        assert!(forecast("2026-01-01", "2026-12-31").is_empty());
        for (from, to) in [("2030-02-02", "2030-02-01"), ("2030-01-01", "2031-01-02")] {
            assert_eq!(rule(house.authority.forecast(&suginami, (Some(day(from)), Some(day(to))))), "T-01");
        }
        assert!(house.authority.forecast(&municipality(ITAMI), (None, None)).unwrap().days.is_empty());
    }
}

#[test]
fn a_batch_of_letters_follows_the_holder() {
    // The holder has moved on when a late event of the old municipality ends something: the new one tells.
    let (house, person) = housed();
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-03-20", ITAMI, "2026-03-25")).unwrap();
    report(&house, ITAMI, &event(&person, "I-1", "2026-03-26", RegisterEvent::MoveIn)).unwrap();
    house.issue(&municipality(ITAMI), Asked::New, &person.enrolment(&[Kind::Sign])).unwrap();
    let late = noticed(event(&person, "S-2", "2026-03-19", RegisterEvent::NameChange));
    assert!(report(&house, SUGINAMI, &late).unwrap().changes.is_empty(), "issued after the register knew");
    let today = RegisterChange {
        notified: Some(day("2026-04-01")),
        ..event(&person, "I-2", "2026-03-30", RegisterEvent::NameChange)
    };
    assert_eq!(report(&house, ITAMI, &today).unwrap().changes.len(), 1);
    assert_eq!(notices(&house, ITAMI).len(), 1);
}
