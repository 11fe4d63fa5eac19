//! What becomes of a departure with the card that is reported of who is on the move, abroad already, or hardly known.

use jitsuin::{
    authority::{
        application::ApplicationRequest,
        change::{RegisterChange, RegisterEvent},
    },
    kind::Kind,
    rules::{Asked, Cause, CertificateState::*},
};
use serde_json::json;

use crate::{
    feed::*,
    house::{House, ITAMI, Person, SUGINAMI, day, municipality, refusal, rule},
};

const ABROAD: RegisterEvent = RegisterEvent::OverseasMoveWithContinuedUse;

fn by_hand(change: &RegisterChange) -> RegisterChange {
    RegisterChange { number: None, ..change.clone() }
}

/// The rule and the case of a refusal.
fn case_of(refusal: &jitsuin::rules::Refusal) -> (&str, Option<&str>) {
    (&refusal.rule, refusal.case.as_deref())
}

/// Who has applied in Suginami and has nothing yet.
fn applicant() -> (House, Person) {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    house.set_clock("2026-04-01T03:00:00Z");
    let request: ApplicationRequest = serde_json::from_value(json!({
        "procedure": "new-issue", "applicant": "agent", "agent": "AGENT-7", "kinds": ["auth"],
        "holder": {"reference": person.reference, "birth": person.birth.to_string()},
        "card": {"number": person.card, "issue_day": person.card_issue_day.to_string()},
    }))
    .unwrap();
    house.authority.receive(&municipality(SUGINAMI), &house.once(), &request).unwrap();
    (house, person)
}

#[test]
fn r_20_of_a_card_that_the_service_does_not_know_the_register_is_taken_at_its_word() {
    for numbered in [true, false] {
        let (house, person) = applicant();
        let leaving = event(&person, "S-1", "2026-03-20", ABROAD);
        let leaving = if numbered { leaving } else { by_hand(&leaving) };
        assert_eq!(report(&house, SUGINAMI, &leaving).unwrap().waits, None);
        // Still recorded, in 戸籍の附票: what was applied for can be issued, and who comes back is recorded again.
        house.issue(&municipality(SUGINAMI), Asked::New, &person.enrolment(&[Kind::Auth])).unwrap();
        house.set_clock("2026-04-10T03:00:00Z");
        let back = event(&person, "I-1", "2026-04-09", RegisterEvent::Registration);
        assert_eq!(report(&house, ITAMI, &back).unwrap().waits, None);
        assert_eq!(house.dossier(&person).holder.municipality.to_string(), ITAMI);
        house.check();
    }
    let (house, person) = applicant();
    let early = event(&person, "S-1", "2024-05-26", ABROAD);
    assert_eq!(rule(report(&house, SUGINAMI, &early)), "R-20", "no card went on then");
}

#[test]
fn r_19_an_applicant_who_left_without_the_card_and_comes_back_is_recorded_and_issued_to() {
    for town in [SUGINAMI, ITAMI] {
        let (house, person) = applicant();
        report(&house, SUGINAMI, &event(&person, "S-1", "2026-03-20", RegisterEvent::OverseasMove)).unwrap();
        let pair = person.enrolment(&Kind::BOTH);
        assert_eq!(rule(house.issue(&municipality(SUGINAMI), Asked::New, &pair)), "E-01");
        report(&house, town, &event(&person, "X-1", "2026-03-30", RegisterEvent::Registration)).unwrap();
        // The card of before is void; the next is not.
        assert_eq!(rule(house.issue(&municipality(town), Asked::New, &pair)), "E-03");
        let next = person.with_card("CARD-2", "2026-03-30").enrolment(&Kind::BOTH);
        house.issue(&municipality(town), Asked::New, &next).unwrap();
        house.check();
    }
}

#[test]
fn r_20_while_a_move_is_announced_it_waits_for_its_cancellation() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-03-20", ITAMI, "2026-03-25")).unwrap();
    let leaving = event(&person, "S-3", "2026-03-24", ABROAD);
    assert_eq!(case_of(&refusal(report(&house, SUGINAMI, &by_hand(&leaving)))), ("R-20", Some("moving")));
    let waits = report(&house, SUGINAMI, &leaving).unwrap().waits.unwrap();
    assert_eq!(case_of(&waits), ("R-20", Some("moving")));
    report(&house, SUGINAMI, &event(&person, "S-2", "2026-03-23", RegisterEvent::MoveOutCancelled)).unwrap();
    assert_eq!(report(&house, SUGINAMI, &leaving).unwrap().waits, None);
    assert_eq!(
        (house.store.register().deadline(&person.holder()).unwrap(), states(&house, &person)),
        (None, (Live, Revoked))
    );
    house.check();
}

#[test]
fn e_01_who_is_abroad_moves_nowhere_before_coming_back() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &event(&person, "S-1", "2026-03-10", ABROAD)).unwrap();
    let before = outcome(&house, &person);
    for (number, change) in [
        ("S-2", event(&person, "S-2", "2026-03-11", RegisterEvent::Move)),
        ("S-3", out(&person, "S-3", "2026-03-11", ITAMI, "2026-03-15")),
        ("S-4", event(&person, "S-4", "2026-03-11", ABROAD)),
        ("S-5", event(&person, "S-5", "2026-03-11", RegisterEvent::OverseasMove)),
    ] {
        let refused = refusal(report(&house, SUGINAMI, &by_hand(&change)));
        assert_eq!(case_of(&refused), ("E-01", Some("departed")), "{number}");
        assert_eq!(report(&house, SUGINAMI, &change).unwrap().waits, Some(refused), "{number}");
        assert_eq!(outcome(&house, &person), before, "{number}");
    }
    // What becomes of the person all the same is recorded there.
    for what in [RegisterEvent::NameChange, RegisterEvent::Correction, RegisterEvent::MinorCorrection] {
        let change = RegisterChange { number: None, ..event(&person, "S-6", "2026-03-12", what) };
        assert_eq!(report(&house, SUGINAMI, &change).unwrap().waits, None, "{what:?}");
    }
    report(&house, SUGINAMI, &event(&person, "S-9", "2026-03-20", RegisterEvent::Death)).unwrap();
    assert_eq!(states(&house, &person), (Revoked, Revoked));
}

#[test]
fn r_20_a_departure_that_did_not_happen_is_taken_back_and_reported_as_it_was() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &event(&person, "S-1", "2026-03-10", ABROAD)).unwrap();
    report(&house, SUGINAMI, &event(&person, "S-2", "2026-03-10", RegisterEvent::Registration)).unwrap();
    report(&house, SUGINAMI, &event(&person, "S-3", "2026-03-10", RegisterEvent::OverseasMove)).unwrap();
    assert_eq!((states(&house, &person), house.dossier(&person).holder.registered), ((Revoked, Revoked), false));
}

#[test]
fn r_20_it_is_done_by_the_day_before_where_the_day_of_the_notice_is_told() {
    for (notified, taken) in [("2026-03-19", true), ("2026-02-20", true), ("2026-03-20", false), ("2026-03-25", false)]
    {
        for numbered in [true, false] {
            let (house, person) = housed();
            let leaving = event(&person, "S-1", "2026-03-20", ABROAD);
            let leaving = RegisterChange { notified: Some(day(notified)), ..leaving };
            let leaving = if numbered { leaving } else { by_hand(&leaving) };
            let told = report(&house, SUGINAMI, &leaving);
            if taken {
                assert_eq!((told.unwrap().waits, states(&house, &person)), (None, (Live, Revoked)), "{notified}");
            } else {
                let refused = refusal(told);
                assert!(refused.rule == "R-20" && refused.detail.contains("day before"), "{refused}");
            }
        }
    }
    let (house, person) = housed();
    let slip = RegisterChange { notified: Some(day("2025-03-01")), ..event(&person, "S-1", "2026-03-20", ABROAD) };
    assert_eq!(rule(report(&house, SUGINAMI, &slip)), "R-01", "more than a year before");
}

#[test]
fn r_20_a_sign_that_was_issued_between_the_notice_and_the_departure_is_the_one_for_abroad() {
    for (what, after) in [(ABROAD, (Live, Live)), (RegisterEvent::OverseasMove, (Revoked, Revoked))] {
        let (house, person) = housed();
        house.set_clock("2026-03-15T03:00:00Z");
        house.revoke(&person, Cause::HolderApplication, Some(&[Kind::Sign])).unwrap();
        house.issue(&municipality(SUGINAMI), Asked::New, &person.enrolment(&[Kind::Sign])).unwrap();
        house.set_clock("2026-04-01T03:00:00Z");
        let leaving = RegisterChange { notified: Some(day("2026-03-10")), ..event(&person, "S-1", "2026-03-20", what) };
        report(&house, SUGINAMI, &leaving).unwrap();
        assert_eq!(states(&house, &person), after, "{what:?}");
        // Its place in the register is the day of the move.
        assert_eq!(
            report(&house, SUGINAMI, &event(&person, "S-0", "2026-03-19", RegisterEvent::Move)).unwrap().waits,
            None
        );
        house.check();
    }
}

#[test]
fn r_20_a_card_that_was_issued_after_the_day_of_the_move_is_not_the_one_that_went_on() {
    let (house, person) = housed();
    let leaving = event(&person, "S-1", "2025-01-20", ABROAD);
    for change in [by_hand(&leaving), leaving] {
        assert_eq!(case_of(&refusal(report(&house, SUGINAMI, &change))), ("R-20", Some("later-card")));
    }
    assert_eq!(states(&house, &person), (Live, Live));
}

/// Arrived in Itami on 1 April, and the card not presented; today is 20 April.
fn arrived() -> (House, Person) {
    let (house, person) = housed();
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-04-01", ITAMI, "2026-04-01")).unwrap();
    report(&house, ITAMI, &event(&person, "I-1", "2026-04-01", RegisterEvent::MoveIn)).unwrap();
    house.set_clock("2026-04-20T03:00:00Z");
    (house, person)
}

#[test]
fn r_18_r_20_a_card_that_was_not_presented_after_moving_in_does_not_go_on_abroad() {
    let (house, person) = arrived();
    let leaving = event(&person, "I-3", "2026-04-20", ABROAD);
    let before = outcome(&house, &person);
    assert_eq!(case_of(&refusal(report(&house, ITAMI, &by_hand(&leaving)))), ("R-20", Some("not-presented")));
    assert_eq!(outcome(&house, &person), before);
    let told = report(&house, ITAMI, &leaving).unwrap();
    assert_eq!((told.waits, case_of(&told.not_continued.unwrap())), (None, ("R-20", Some("not-presented"))));
    // The feed may bring the visit late; else the card is void the day after.
    assert_eq!(states(&house, &person), (Live, Revoked));
    house.set_clock("2026-04-21T03:00:00Z");
    // Coming back does not keep it.
    let back = event(&person, "S-2", "2026-04-21", RegisterEvent::Registration);
    assert_eq!(report(&house, SUGINAMI, &back).unwrap().waits, None);
    assert_eq!((house.authority.run_deadlines(), states(&house, &person)), (Ok(1), (Revoked, Revoked)));
    assert!(house.dossier(&person).cards[0].void);
    house.check();
}

#[test]
fn r_18_r_20_of_what_waited_it_is_told_too_that_the_card_did_not_go_on() {
    let (house, person) = housed();
    house.set_clock("2026-04-20T03:00:00Z");
    let leaving = event(&person, "I-3", "2026-04-20", ABROAD);
    assert_eq!(report(&house, ITAMI, &leaving).unwrap().waits.unwrap().rule, "E-02");
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-04-01", ITAMI, "2026-04-01")).unwrap();
    report(&house, ITAMI, &event(&person, "I-1", "2026-04-01", RegisterEvent::MoveIn)).unwrap();
    // As long as the card could have been presented, and when it is void.
    for (turn, auth) in [("2026-04-20", Live), ("2026-04-21", Revoked), ("2026-12-01", Revoked)] {
        house.set_clock(&format!("{turn}T03:00:00Z"));
        house.authority.run_deadlines().unwrap();
        assert_eq!(states(&house, &person).0, auth, "{turn}");
        let told = report(&house, ITAMI, &leaving).unwrap();
        assert_eq!(
            (told.waits, case_of(&told.not_continued.unwrap())),
            (None, ("R-20", Some("not-presented"))),
            "{turn}"
        );
    }
}

#[test]
fn r_20_a_visit_that_the_feed_tells_late_lets_the_card_go_on_abroad() {
    let (house, person) = arrived();
    report(&house, ITAMI, &event(&person, "I-3", "2026-04-20", ABROAD)).unwrap();
    report(&house, ITAMI, &continued(&person, "I-2", "2026-04-19")).unwrap();
    house.set_clock("2026-09-01T03:00:00Z");
    assert_eq!((house.authority.run_deadlines(), states(&house, &person)), (Ok(0), (Live, Revoked)));
    let (house, person) = arrived();
    report(&house, ITAMI, &continued(&person, "I-2", "2026-04-19")).unwrap();
    let leaving = by_hand(&event(&person, "I-3", "2026-04-20", ABROAD));
    assert_eq!(report(&house, ITAMI, &leaving).unwrap().not_continued, None);
}

#[test]
fn r_20_of_what_waited_and_is_not_possible_the_departure_is_taken_and_that_is_told() {
    let house = House::new();
    let person = Person::new("TEST-1");
    let mut asked = person.enrolment(&Kind::BOTH);
    asked.card.stay_last_day = Some(day("2028-03-15"));
    house.issue(&municipality(SUGINAMI), Asked::New, &asked).unwrap();
    house.set_clock("2026-04-01T03:00:00Z");
    let leaving = event(&person, "I-2", "2026-03-30", ABROAD);
    assert_eq!(report(&house, ITAMI, &leaving).unwrap().waits.unwrap().rule, "E-02");
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-03-20", ITAMI, "2026-03-25")).unwrap();
    let arrival = event(&person, "I-1", "2026-03-26", RegisterEvent::MoveIn);
    report(&house, ITAMI, &RegisterChange { presented: presented(&person), ..arrival }).unwrap();
    // As with `overseas-move`: nothing is alive, and who comes back can be recorded.
    assert_eq!((states(&house, &person), house.dossier(&person).holder.registered), ((Revoked, Revoked), false));
    assert!(house.dossier(&person).cards[0].void);
    let told = report(&house, ITAMI, &leaving).unwrap();
    assert_eq!((told.rule.as_str(), told.cause, told.waits), ("R-19", Cause::OverseasMove, None));
    assert_eq!(told.changes.iter().map(|one| one.kind).collect::<Vec<_>>(), [Kind::Auth]);
    let why = told.not_continued.unwrap();
    assert!(why.rule == "R-20" && why.detail.contains("foreign") && why.detail.contains("R-19"), "{why}");
    report(&house, SUGINAMI, &event(&person, "S-2", "2026-03-31", RegisterEvent::Registration)).unwrap();
    assert!(house.dossier(&person).holder.registered);
    house.check();
}
