//! What the register has reported decides whether certificates are issued, and onto which card: before anything is signed, and
//! whether the timer came by or not (E-02, E-03, M-01).

use jitsuin::{
    authority::{
        StoryError,
        application::{ApplicationRequest, Received},
        change::{RegisterChange, RegisterEvent},
    },
    kind::Kind,
    rules::{Asked, Cause, CertificateState::*, Refusal},
};
use serde_json::{Value, json};

use crate::{
    feed::*,
    house::{House, ITAMI, Person, SUGINAMI, day, municipality, refusal, rule},
};

const THIRD: &str = "13113";
const BACK: RegisterEvent = RegisterEvent::Registration;

fn case_of(refusal: &Refusal) -> (&str, Option<&str>) {
    (&refusal.rule, refusal.case.as_deref())
}

fn issued(house: &House, town: &str, person: &Person, kinds: &[Kind]) -> Result<(), StoryError> {
    house.issue(&municipality(town), Asked::New, &person.enrolment(kinds)).map(drop)
}

/// Asserts that nothing is issued, and by which rule and case.
fn refused(house: &House, town: &str, person: &Person, why: (&str, &str)) {
    for kinds in [&[Kind::Auth][..], &Kind::BOTH] {
        let refusal = refusal(issued(house, town, person, kinds));
        assert_eq!(case_of(&refusal), (why.0, Some(why.1)), "{refusal}");
        assert!(refusal.explanation().is_some());
    }
}

fn applied(house: &House, town: &str, person: &Person, asked: &Value) -> Result<Received, StoryError> {
    let mut request = json!({
        "procedure": "new-issue", "applicant": "agent", "agent": "AGENT-7", "kinds": ["auth"],
        "holder": {"reference": person.reference, "birth": person.birth.to_string()},
        "card": {"number": person.card, "issue_day": person.card_issue_day.to_string()},
    });
    for (field, value) in asked.as_object().unwrap() {
        request[field] = value.clone();
    }
    let request: ApplicationRequest = serde_json::from_value(request).unwrap();
    house.authority.receive(&municipality(town), &house.once(), &request)
}

/// Who has applied in Suginami and has nothing yet; it is noon of 2026-04-01.
fn applicant() -> (House, Person) {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    house.takes_part(THIRD);
    house.set_clock("2026-04-01T03:00:00Z");
    applied(&house, SUGINAMI, &person, &json!({})).unwrap();
    (house, person)
}

/// Both are told: the timer came by, and it did not.
fn swept_or_not(house: &House, tell: impl Fn(&House)) {
    tell(house);
    house.authority.run_deadlines().unwrap();
    tell(house);
}

fn moved(person: &Person, on: &str) -> [(&'static str, RegisterChange); 2] {
    [(SUGINAMI, out(person, "S-1", on, ITAMI, on)), (ITAMI, event(person, "I-1", on, RegisterEvent::MoveIn))]
}

fn tell(house: &House, changes: &[(&str, RegisterChange)]) {
    for (from, change) in changes {
        assert_eq!(report(house, from, change).unwrap().waits, None, "{change:?}");
    }
}

#[test]
fn e_02_who_has_announced_a_move_is_issued_nothing_by_the_old_town_after_the_planned_day() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-03-20", ITAMI, "2026-04-01")).unwrap();
    // On the planned day the holder lives here still.
    let sign = house.issue(&municipality(SUGINAMI), Asked::New, &person.enrolment(&[Kind::Sign]));
    sign.unwrap();
    house.set_clock("2026-04-02T03:00:00Z");
    for now in ["2026-04-02T03:00:00Z", "2026-05-03T03:00:00Z"] {
        house.set_clock(now);
        swept_or_not(&house, |house| {
            let renewal = house.issue(&municipality(SUGINAMI), Asked::Renewal, &person.enrolment(&Kind::BOTH));
            assert_eq!(case_of(&refusal(renewal)), ("E-02", Some("moved-out")));
            refused(house, SUGINAMI, &person, ("E-02", "moved-out"));
            let new = person.clone().with_card("CARD-2", "2026-04-01");
            refused(house, SUGINAMI, &new, ("E-02", "moved-out"));
            let application = applied(house, SUGINAMI, &person, &json!({"procedure": "reissue"}));
            assert_eq!(case_of(&refusal(application)), ("E-02", Some("moved-out")));
        });
    }
    assert_eq!(states(&house, &person), (Revoked, Revoked), "R-17");
}

#[test]
fn e_02_who_stays_after_all_or_has_arrived_is_issued_to_again() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-02-20", ITAMI, "2026-02-20")).unwrap();
    house.authority.run_deadlines().unwrap();
    refused(&house, SUGINAMI, &person, ("E-02", "moved-out"));
    report(&house, SUGINAMI, &event(&person, "S-2", "2026-03-30", RegisterEvent::MoveOutCancelled)).unwrap();
    issued(&house, SUGINAMI, &person, &Kind::BOTH).unwrap();
    let (house, person) = housed();
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-03-20", ITAMI, "2026-03-20")).unwrap();
    refused(&house, SUGINAMI, &person, ("E-02", "moved-out"));
    report(&house, ITAMI, &event(&person, "I-1", "2026-03-30", RegisterEvent::MoveIn)).unwrap();
    issued(&house, ITAMI, &person, &[Kind::Sign]).unwrap();
    house.check();
}

#[test]
fn e_02_a_move_that_the_town_itself_said_was_missed_is_over_too() {
    let (house, person) = housed();
    let leaving = RegisterChange { to: Some(ITAMI.parse().unwrap()), ..person.change(RegisterEvent::MoveOut) };
    report(&house, SUGINAMI, &leaving).unwrap();
    issued(&house, SUGINAMI, &person, &[Kind::Sign]).unwrap();
    house.change(&person, RegisterEvent::MoveInMissed).unwrap();
    refused(&house, SUGINAMI, &person, ("E-02", "moved-out"));
}

#[test]
fn r_17_that_passed_late_is_of_its_own_move_and_of_no_later_one() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-02-15", ITAMI, "2026-02-15")).unwrap();
    assert_eq!((house.authority.run_deadlines(), states(&house, &person)), (Ok(1), (Revoked, Revoked)));
    report(&house, SUGINAMI, &event(&person, "S-2", "2026-03-12", RegisterEvent::MoveOutCancelled)).unwrap();
    issued(&house, SUGINAMI, &person, &Kind::BOTH).unwrap();
    let effects = report(&house, SUGINAMI, &out(&person, "S-3", "2026-03-30", ITAMI, "2026-04-01")).unwrap();
    assert_eq!(effects.awaited.map(|awaited| awaited.last_day), Some(day("2026-05-01")));
    let due = || house.store.register().deadline(&person.holder()).unwrap();
    assert_eq!(due(), Some(day("2026-05-02")));
    assert_eq!((house.authority.run_deadlines(), states(&house, &person).0), (Ok(0), Live));
    house.set_clock("2026-05-02T03:00:00Z");
    assert_eq!((house.authority.run_deadlines(), states(&house, &person).0, due()), (Ok(1), Revoked, None));
    house.check();
}

#[test]
fn r_17_that_passed_is_of_no_move_that_is_told_of_later_though_it_has_the_same_planned_day() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-02-15", ITAMI, "2026-02-15")).unwrap();
    assert_eq!((house.authority.run_deadlines(), states(&house, &person)), (Ok(1), (Revoked, Revoked)));
    report(&house, SUGINAMI, &event(&person, "S-2", "2026-03-12", RegisterEvent::MoveOutCancelled)).unwrap();
    issued(&house, SUGINAMI, &person, &Kind::BOTH).unwrap();
    // Announced again in its time, and told only now: its thirty days are over, as those of the first.
    report(&house, SUGINAMI, &out(&person, "S-3", "2026-03-12", ITAMI, "2026-02-15")).unwrap();
    let due = || house.store.register().deadline(&person.holder()).unwrap();
    assert_eq!(due(), Some(day("2026-03-18")));
    refused(&house, SUGINAMI, &person, ("E-02", "moved-out"));
    assert_eq!((house.authority.run_deadlines(), states(&house, &person)), (Ok(1), (Revoked, Revoked)));
    assert_eq!(house.newest(&person, Kind::Auth).revocation.unwrap().cause.rule(), "R-17");
    assert_eq!((house.authority.run_deadlines(), due()), (Ok(0), None));
    house.check();
}

#[test]
fn r_18_that_passed_is_of_no_arrival_that_is_told_of_later_though_it_is_of_the_same_day() {
    let (house, person) = housed();
    house.takes_part(THIRD);
    house.set_clock("2026-07-01T03:00:00Z");
    tell(&house, &moved(&person, "2026-04-01"));
    assert_eq!((house.authority.run_deadlines(), states(&house, &person)), (Ok(1), (Revoked, Revoked)));
    // A card of the town of the notice, of that day, is a new one.
    let new = person.clone().with_card("CARD-2", "2026-04-01");
    issued(&house, ITAMI, &new, &Kind::BOTH).unwrap();
    // The holder had moved on that very day: there the new card had to be presented.
    let onward = RegisterChange { order: Some(1), ..out(&person, "I-2", "2026-04-01", THIRD, "2026-04-01") };
    let arrival = RegisterChange { order: Some(2), ..event(&person, "T-1", "2026-04-01", RegisterEvent::MoveIn) };
    tell(&house, &[(ITAMI, onward), (THIRD, arrival)]);
    assert_eq!(house.authority.run_deadlines(), Ok(1));
    assert_eq!(states(&house, &new), (Revoked, Revoked));
    assert!(house.dossier(&person).cards.iter().all(|card| card.void));
    assert_eq!(house.authority.run_deadlines(), Ok(0));
    house.check();
}

#[test]
fn another_town_s_event_about_a_first_applicant_is_refused_and_taken_once_the_departure_is_there() {
    let (house, person) = applicant();
    let [(_, leaving), (_, arrival)] = moved(&person, "2026-03-20");
    // Itami is not told who has applied elsewhere; nor does its event say where somebody lives.
    for change in [arrival.clone(), event(&person, "I-2", "2026-03-20", RegisterEvent::NameChange)] {
        assert_eq!(rule(report(&house, ITAMI, &change)), "T-09");
        assert_eq!(house.store.dossier(&person.holder()).unwrap(), None);
    }
    tell(&house, &[(SUGINAMI, leaving), (ITAMI, arrival)]);
    assert_eq!(house.dossier(&person).holder.municipality.to_string(), ITAMI);
    house.check();
}

#[test]
fn e_02_a_first_applicant_who_missed_the_arrival_is_issued_nothing() {
    let (house, person) = applicant();
    tell(&house, &[(SUGINAMI, out(&person, "S-1", "2026-02-01", ITAMI, "2026-02-01"))]);
    swept_or_not(&house, |house| refused(house, SUGINAMI, &person, ("E-02", "moved-out")));
}

#[test]
fn e_03_a_first_applicant_s_card_that_had_to_be_presented_takes_nothing_and_a_new_one_does() {
    for (on, late) in [("2025-12-01", None), ("2026-02-01", Some("2026-03-01"))] {
        let (house, person) = applicant();
        let [leaving, (_, arrival)] = moved(&person, on);
        let recorded = late.unwrap_or(on);
        let arrival = RegisterChange { moved_in: Some(day(on)), event_day: Some(day(recorded)), ..arrival };
        tell(&house, &[leaving, (ITAMI, arrival)]);
        swept_or_not(&house, |house| refused(house, ITAMI, &person, ("E-03", "over")));
        // What the town of the notice issues on that day is new.
        issued(&house, ITAMI, &person.clone().with_card("CARD-2", recorded), &Kind::BOTH).unwrap();
        assert_eq!(house.authority.run_deadlines(), Ok(0));
        assert_eq!(states(&house, &person), (Live, Live));
        house.check();
    }
}

#[test]
fn m_01_a_first_applicant_s_card_that_was_presented_goes_on() {
    let visit =
        |person: &Person| RegisterChange { presented: presented(person), ..moved(person, "2025-12-01")[1].1.clone() };
    let alone = |person: &Person| continued(person, "I-2", "2026-02-01");
    for with_arrival in [true, false] {
        let (house, person) = applicant();
        let [leaving, arrival] = moved(&person, "2025-12-01");
        tell(&house, &[leaving]);
        if with_arrival {
            let effects = report(&house, ITAMI, &visit(&person)).unwrap();
            assert_eq!((effects.waits, effects.not_continued, effects.awaited), (None, None, None));
        } else {
            tell(&house, &[arrival]);
            assert_eq!(report(&house, ITAMI, &alone(&person)).unwrap().waits, None);
        }
        assert_eq!(house.authority.run_deadlines(), Ok(0));
        issued(&house, ITAMI, &person, &Kind::BOTH).unwrap();
        house.set_clock("2027-04-01T03:00:00Z");
        assert_eq!((house.authority.run_deadlines(), states(&house, &person)), (Ok(0), (Live, Live)));
        house.check();
    }
}

#[test]
fn m_01_what_is_wrong_with_a_card_that_the_service_does_not_know_is_told_all_the_same() {
    let (house, person) = applicant();
    let [leaving, (_, arrival)] = moved(&person, "2026-03-20");
    tell(&house, &[leaving]);
    let mut arrival = RegisterChange { presented: presented(&person), ..arrival };
    arrival.presented.as_mut().unwrap().register_pin = false;
    let effects = report(&house, ITAMI, &arrival).unwrap();
    assert_eq!(effects.not_continued.as_ref().map(case_of), Some(("M-01", Some("pin"))));
    assert!(effects.awaited.is_some());
    // Of who has a card, another is not taken at anybody's word.
    let (house, person) = housed();
    tell(&house, &moved(&person, "2026-03-20"));
    let other = person.clone().with_card("CARD-2", "2026-03-01");
    assert_eq!(rule(report(&house, ITAMI, &continued(&other, "I-2", "2026-03-30"))), "T-09");
}

#[test]
fn m_01_a_first_applicant_s_card_is_presented_by_application_too() {
    let (house, person) = applicant();
    tell(&house, &moved(&person, "2026-03-20"));
    let asked = json!({"procedure": "continued-use", "applicant": "holder", "agent": null, "kinds": []});
    let received = applied(&house, ITAMI, &person, &asked).unwrap();
    for event in ["verify", "carry-out"] {
        let request = serde_json::from_value(json!({ "event": event })).unwrap();
        house.authority.advance(&municipality(ITAMI), &house.once(), &received.application, &request).unwrap();
    }
    assert_eq!(case_of(&refusal(applied(&house, ITAMI, &person, &asked))), ("M-01", Some("done")));
    issued(&house, ITAMI, &person, &Kind::BOTH).unwrap();
    house.set_clock("2027-04-01T03:00:00Z");
    assert_eq!((house.authority.run_deadlines(), states(&house, &person)), (Ok(0), (Live, Live)));
    house.check();
}

#[test]
fn e_03_a_card_of_before_what_ended_all_cards_takes_nothing() {
    for end in [RegisterEvent::OverseasMove, RegisterEvent::Death] {
        let (house, person) = applicant();
        tell(
            &house,
            &[
                (SUGINAMI, event(&person, "S-1", "2026-03-20", end)),
                (SUGINAMI, event(&person, "S-2", "2026-03-30", BACK)),
            ],
        );
        refused(&house, SUGINAMI, &person, ("E-03", "over"));
        let application = applied(&house, SUGINAMI, &person, &json!({"kinds": ["sign"]}));
        assert_eq!(case_of(&refusal(application)), ("E-03", Some("over")));
        issued(&house, SUGINAMI, &person.clone().with_card("CARD-2", "2026-03-30"), &Kind::BOTH).unwrap();
        house.check();
        // So it is of a second card that somebody had all along.
        let (house, person) = housed();
        tell(
            &house,
            &[
                (SUGINAMI, event(&person, "S-1", "2026-03-20", end)),
                (SUGINAMI, event(&person, "S-2", "2026-03-30", BACK)),
            ],
        );
        refused(&house, SUGINAMI, &person.clone().with_card("CARD-2", "2026-03-19"), ("E-03", "over"));
        issued(&house, SUGINAMI, &person.clone().with_card("CARD-2", "2026-03-30"), &Kind::BOTH).unwrap();
        house.check();
    }
}

#[test]
fn m_01_onto_a_card_that_was_left_behind_nothing_is_issued() {
    let (house, person) = housed();
    house.takes_part(THIRD);
    tell(&house, &moved(&person, "2026-03-20"));
    tell(
        &house,
        &[
            (ITAMI, out(&person, "I-2", "2026-03-30", THIRD, "2026-04-01")),
            (THIRD, event(&person, "T-1", "2026-04-01", RegisterEvent::MoveIn)),
        ],
    );
    let sign = || refusal(issued(&house, THIRD, &person, &[Kind::Sign]));
    assert_eq!(case_of(&sign()), ("M-01", Some("moved-on")), "it is void tomorrow");
    // The visit is told late: the card goes on.
    report(&house, ITAMI, &continued(&person, "I-3", "2026-03-25")).unwrap();
    issued(&house, THIRD, &person, &[Kind::Sign]).unwrap();
    house.check();
}

#[test]
fn r_20_onto_a_card_that_was_not_presented_before_leaving_the_country_nothing_is_issued() {
    let (house, person) = housed();
    tell(&house, &moved(&person, "2026-03-20"));
    tell(&house, &[(ITAMI, event(&person, "I-2", "2026-04-01", RegisterEvent::OverseasMoveWithContinuedUse))]);
    let sign = refusal(issued(&house, ITAMI, &person, &[Kind::Sign]));
    assert_eq!(case_of(&sign), ("R-20", Some("not-presented")));
}

#[test]
fn m_02_a_card_is_reported_void_after_a_move_where_the_register_has_one_and_its_time_is_over() {
    let (house, person) = housed();
    let void = || house.revoke(&person, Cause::CardVoidAfterMove, None);
    assert_eq!(case_of(&refusal(void())), ("M-02", Some("no-move")));
    tell(&house, &moved(&person, "2026-03-20"));
    let void = || {
        house.authority.revoke(&municipality(ITAMI), &house.once(), &person.revocation(Cause::CardVoidAfterMove, None))
    };
    assert_eq!(case_of(&refusal(void())), ("M-02", Some("no-move")), "it can be presented yet");
    house.set_clock("2026-06-19T03:00:00Z");
    assert_eq!(void().unwrap().rule, "R-18");
    assert!(house.dossier(&person).cards[0].void);
}
