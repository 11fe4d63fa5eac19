//! A row a cause: what an event of the feed ends, from when on, and whether a letter tells of it.

use jitsuin::{
    authority::change::{RegisterChange, RegisterEvent},
    kind::Kind,
    rules::{
        Asked,
        CertificateState::{self, *},
    },
};

use crate::{
    feed::*,
    house::{ITAMI, Person, SUGINAMI, at, day, municipality, rule},
};

type Row = (fn(&Person) -> RegisterChange, &'static str, (CertificateState, CertificateState), bool, bool);

fn of(what: RegisterEvent) -> impl Fn(&Person) -> RegisterChange {
    move |person| event(person, "S-1", "2026-03-20", what)
}

/// Event; rule; AUTH and SIGN after it; whether the card is void; whether there is a letter.
const TABLE: &[Row] = &[
    (|person| of(RegisterEvent::Move)(person), "R-13", (Live, Revoked), false, true),
    (|person| of(RegisterEvent::NameChange)(person), "R-13", (Live, Revoked), false, true),
    (|person| of(RegisterEvent::Correction)(person), "R-13", (Live, Revoked), false, true),
    (|person| of(RegisterEvent::MinorCorrection)(person), "R-14", (Live, Live), false, false),
    (|person| of(RegisterEvent::Death)(person), "R-15", (Revoked, Revoked), true, false),
    (|person| out(person, "S-1", "2026-03-20", ITAMI, "2026-03-25"), "R-16", (Live, Revoked), false, true),
    (|person| of(RegisterEvent::OverseasMove)(person), "R-19", (Revoked, Revoked), true, true),
    (|person| of(RegisterEvent::OverseasMoveWithContinuedUse)(person), "R-20", (Live, Revoked), false, true),
];

#[test]
fn every_cause_ends_what_the_table_says_with_the_day_it_happened_and_a_letter() {
    for (change, rule, after, void, letter) in TABLE {
        let (house, person) = housed();
        let change = change(&person);
        let effects = report(&house, SUGINAMI, &change).unwrap();
        assert_eq!(effects.rule, *rule, "{change:?}");
        assert_eq!(states(&house, &person), *after, "{rule}");
        assert_eq!(house.dossier(&person).cards[0].void, *void, "{rule}");
        for change in &effects.changes {
            assert_eq!(change.invalidity_date, Some(at("2026-03-19T15:00:00Z")), "{rule}: first instant in Japan");
        }
        for kind in effects.changes.iter().map(|change| change.kind) {
            let end = house.newest(&person, kind).revocation.unwrap();
            assert_eq!(end.revocation_date, house.now(), "{rule}: it takes effect when it is recorded (R-01)");
        }
        let letters = notices(&house, SUGINAMI);
        assert_eq!(letters.len(), usize::from(*letter), "{rule}");
        for one in letters {
            assert_eq!((one.cause.rule(), one.event_day, one.sent), (*rule, change.event_day, None));
            let of = |kind| effects.changes.iter().find(|change| change.kind == kind).map(|change| change.serial);
            assert_eq!((one.sign, one.auth), (of(Kind::Sign), of(Kind::Auth)), "{rule}");
        }
        house.check();
    }
}

#[test]
fn the_same_event_twice_is_told_the_same_under_any_key() {
    for (change, rule, after, ..) in TABLE {
        let (house, person) = housed();
        let first = report(&house, SUGINAMI, &change(&person)).unwrap();
        let left = outcome(&house, &person);
        house.set_clock("2026-04-02T03:00:00Z");
        assert_eq!(report(&house, SUGINAMI, &change(&person)), Ok(first), "{rule}");
        assert_eq!((outcome(&house, &person), states(&house, &person)), (left, *after), "{rule}");
        assert_eq!(last_action(&house), "register.repeated");
        assert!(notices(&house, SUGINAMI).len() <= 1, "{rule}: one letter");
    }
}

#[test]
fn what_was_issued_after_the_register_knew_stays() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &event(&person, "S-2", "2026-03-25", RegisterEvent::Move)).unwrap();
    house.issue(&municipality(SUGINAMI), Asked::New, &person.enrolment(&[Kind::Sign])).unwrap();
    // Of a day before, and late.
    let late = noticed(event(&person, "S-1", "2026-03-20", RegisterEvent::NameChange));
    assert!(report(&house, SUGINAMI, &late).unwrap().changes.is_empty());
    assert_eq!(states(&house, &person), (Live, Live));
    // It happened before, but the register recorded it only today: the certificate says what was before.
    let unknown = event(&person, "S-3", "2026-03-20", RegisterEvent::NameChange);
    let unknown = RegisterChange { notified: Some(day("2026-04-01")), ..unknown };
    let effects = report(&house, SUGINAMI, &unknown).unwrap();
    assert_eq!(effects.changes[0].invalidity_date, Some(at("2026-03-19T15:00:00Z")));
    assert_eq!(states(&house, &person), (Live, Revoked));
}

#[test]
fn without_the_day_of_the_notice_nothing_is_left_that_may_be_wrong() {
    let (house, person) = housed();
    // Before the pair was issued; whether the counter knew of it then, nobody says.
    report(&house, SUGINAMI, &event(&person, "S-1", "2025-10-01", RegisterEvent::Move)).unwrap();
    assert_eq!(states(&house, &person), (Live, Revoked));
    let (house, person) = housed();
    report(&house, SUGINAMI, &noticed(event(&person, "S-1", "2025-10-01", RegisterEvent::Move))).unwrap();
    assert_eq!(states(&house, &person), (Live, Live));
}

#[test]
fn who_is_off_the_register_keeps_nothing_however_new() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &noticed(event(&person, "S-1", "2025-10-01", RegisterEvent::Death))).unwrap();
    assert_eq!(states(&house, &person), (Revoked, Revoked), "though issued after that day");
}

#[test]
fn a_recorded_error_of_before_the_card_ends_nothing_once_it_is_known_to_be_one() {
    let (house, person) = housed();
    let again = noticed(event(&person, "S-2", "2025-10-20", RegisterEvent::Registration));
    assert_eq!(
        report(&house, SUGINAMI, &again).unwrap().waits.unwrap().rule,
        "E-01",
        "recorded already, as far as known"
    );
    let removed = noticed(event(&person, "S-1", "2025-10-01", RegisterEvent::Death));
    assert!(report(&house, SUGINAMI, &removed).unwrap().changes.is_empty());
    assert_eq!(states(&house, &person), (Live, Live));
    assert!(house.dossier(&person).holder.registered);
}

#[test]
fn an_arrival_waits_for_its_announcement_and_then_both_are_told() {
    let (house, person) = housed();
    let arrival = event(&person, "I-1", "2026-03-26", RegisterEvent::MoveIn);
    let waits = report(&house, ITAMI, &arrival).unwrap();
    assert_eq!(waits.waits.unwrap().rule, "E-02");
    assert_eq!((last_action(&house).as_str(), states(&house, &person)), ("register.waiting", (Live, Live)));
    assert_eq!(house.dossier(&person).holder.municipality.to_string(), SUGINAMI);
    // What the new municipality reports of its resident meanwhile waits with it; it may not do anything else.
    let name = event(&person, "I-2", "2026-03-28", RegisterEvent::NameChange);
    assert!(report(&house, ITAMI, &name).unwrap().waits.is_some());
    assert_eq!(rule(house.issue(&municipality(ITAMI), Asked::New, &person.enrolment(&[Kind::Sign]))), "E-02");

    let effects = report(&house, SUGINAMI, &out(&person, "S-1", "2026-03-20", ITAMI, "2026-03-25")).unwrap();
    assert_eq!((effects.waits, effects.changes.len()), (None, 1));
    let holder = house.dossier(&person).holder;
    assert_eq!((holder.municipality.to_string().as_str(), holder.moving_to), (ITAMI, None));
    assert_eq!(states(&house, &person), (Live, Revoked));
    let end = house.newest(&person, Kind::Sign).revocation.unwrap();
    assert_eq!(end.cause.rule(), "R-16", "the first in the register's order");
    assert!(notices(&house, SUGINAMI).is_empty() && notices(&house, ITAMI).len() == 1, "where the holder lives now");
    house.check();
}

#[test]
fn two_municipalities_on_one_day_need_not_number_together() {
    let (house, person) = housed();
    let day = "2026-03-20";
    // By number the arrival would come before the announcement.
    report(&house, ITAMI, &event(&person, "A-1", day, RegisterEvent::MoveIn)).unwrap();
    report(&house, SUGINAMI, &out(&person, "B-1", day, ITAMI, day)).unwrap();
    assert_eq!(house.dossier(&person).holder.municipality.to_string(), ITAMI);
}

#[test]
fn the_order_of_the_register_counts_on_one_day() {
    for orders in [[1, 2], [2, 1]] {
        let (house, person) = housed();
        let announced =
            RegisterChange { order: Some(orders[0]), ..out(&person, "S-1", "2026-03-20", ITAMI, "2026-03-25") };
        let cancelled = event(&person, "S-2", "2026-03-20", RegisterEvent::MoveOutCancelled);
        let cancelled = RegisterChange { order: Some(orders[1]), ..cancelled };
        report(&house, SUGINAMI, &announced).unwrap();
        report(&house, SUGINAMI, &cancelled).unwrap();
        // On one day an event makes way for the one that it needs, so that both take effect either way.
        assert_eq!(house.dossier(&person).holder.moving_to, None, "{orders:?}");
    }
}

#[test]
fn several_events_are_each_told_for_themselves() {
    let (house, person) = housed();
    let refusal = jitsuin::rules::Refusal::new("T-01", "no event");
    let changes = [
        Ok(event(&person, "S-1", "2026-03-20", RegisterEvent::MinorCorrection)),
        Err(refusal.clone()),
        Ok(event(&Person::new("TEST-9"), "S-2", "2026-03-20", RegisterEvent::Move)),
        Ok(RegisterChange::new(person.holder(), RegisterEvent::Death)),
        Ok(event(&person, "S-3", "2026-03-20", RegisterEvent::Move)),
    ];
    let once = house.once();
    let tell = || house.authority.change_each(&municipality(SUGINAMI), &once, &changes).unwrap();
    let outcomes = tell();
    let told: Vec<String> = outcomes.iter().map(|one| serde_json::to_value(one).unwrap().to_string()).collect();
    for (told, expected) in told.iter().zip(["\"R-14\"", "\"T-01\"", "\"T-09\"", "\"T-01\"", "\"R-13\""]) {
        assert!(told.contains(expected), "{told}");
    }
    assert_eq!(states(&house, &person), (Live, Revoked));
    assert_eq!(tell(), outcomes, "the same request again");
}

#[test]
fn what_an_event_has_ended_it_does_not_end_again_on_the_same_day() {
    let (house, person) = housed();
    house.change(&person, RegisterEvent::Move).unwrap();
    report(&house, SUGINAMI, &event(&person, "S-1", "2026-04-01", RegisterEvent::NameChange)).unwrap();
    // In the same visit.
    house.issue(&municipality(SUGINAMI), Asked::New, &person.enrolment(&[Kind::Sign])).unwrap();
    house.change(&person, RegisterEvent::MinorCorrection).unwrap();
    report(&house, SUGINAMI, &noticed(event(&person, "S-2", "2026-03-01", RegisterEvent::NameChange))).unwrap();
    assert_eq!(states(&house, &person), (Live, Live));
}
