//! Abroad and back: whether the card goes on, and who records the holder again (E-01).

use jitsuin::{
    authority::change::{RegisterChange, RegisterEvent},
    kind::Kind,
    rules::{Asked, CertificateState::*, Refusal},
};

use crate::{
    feed::*,
    house::{House, ITAMI, Person, SUGINAMI, day, municipality, refusal, rule},
};

const ABROAD: RegisterEvent = RegisterEvent::OverseasMoveWithContinuedUse;

fn abroad(person: &Person, on: &str) -> RegisterChange {
    event(person, "S-9", on, ABROAD)
}

/// Both by the feed and by hand it is refused by R-20, says what to send instead, and changes nothing.
fn stays_behind(house: &House, person: &Person, on: &str) -> Refusal {
    let before = (outcome(house, person), notices(house, SUGINAMI));
    let by_hand = RegisterChange { number: None, ..abroad(person, on) };
    assert_eq!(rule(report(house, SUGINAMI, &by_hand)), "R-20");
    let refused = refusal(report(house, SUGINAMI, &abroad(person, on)));
    assert!(refused.rule == "R-20" && refused.detail.contains("`overseas-move`"), "{refused}");
    assert_eq!((outcome(house, person), notices(house, SUGINAMI)), before);
    assert_eq!(last_action(house), "request.refused");
    // The number is free: the move is reported as what it is.
    report(house, SUGINAMI, &event(person, "S-9", on, RegisterEvent::OverseasMove)).unwrap();
    assert_eq!(states(house, person), (Revoked, Revoked));
    house.check();
    refused
}

#[test]
fn r_20_the_card_of_a_foreign_resident_ends_with_the_move() {
    let house = House::new();
    let person = Person::new("TEST-1");
    let mut asked = person.enrolment(&Kind::BOTH);
    asked.card.stay_last_day = Some(day("2028-03-15"));
    house.issue(&municipality(SUGINAMI), Asked::New, &asked).unwrap();
    house.set_clock("2026-04-01T03:00:00Z");
    assert!(stays_behind(&house, &person, "2026-03-20").detail.contains("foreign"));
}

#[test]
fn r_20_a_void_card_does_not_go_on_abroad() {
    let (house, person) = housed();
    house.revoke(&person.clone().on("2026-03-10"), jitsuin::rules::Cause::CardReturned, None).unwrap();
    stays_behind(&house, &person, "2026-03-20");
}

#[test]
fn r_20_a_card_that_was_returned_after_the_move_had_gone_on_abroad() {
    let (house, person) = housed();
    house.revoke(&person.clone().on("2026-03-25"), jitsuin::rules::Cause::CardReturned, None).unwrap();
    assert!(report(&house, SUGINAMI, &abroad(&person, "2026-03-20")).unwrap().waits.is_none());
}

#[test]
fn r_20_a_suspended_card_does_not_go_on_abroad_but_for_a_move_of_before() {
    let (house, person) = housed();
    house.hold(&person).unwrap();
    let before = RegisterChange { number: None, ..abroad(&person, "2026-03-31") };
    report(&house, SUGINAMI, &before).unwrap();
    let (house, person) = housed();
    house.hold(&person).unwrap();
    stays_behind(&house, &person, "2026-04-01");
}

#[test]
fn r_20_an_expired_card_does_not_go_on_abroad() {
    let (house, person) = housed();
    house.set_clock("2035-04-01T03:00:00Z");
    let refused = refusal(report(&house, SUGINAMI, &abroad(&person, "2035-02-18")));
    assert_eq!(refused.rule, "R-20");
    report(&house, SUGINAMI, &abroad(&person, "2035-02-17")).expect("on its last day");
}

#[test]
fn r_20_no_card_went_on_abroad_before_it_was_possible() {
    let old_card = || {
        let (house, person) = (House::new(), Person::new("TEST-1").with_card("CARD-1", "2024-05-01"));
        house.pair(&person);
        (house, person)
    };
    let (house, person) = old_card();
    assert!(stays_behind(&house, &person, "2024-05-26").detail.contains("2024-05-27"));
    let (house, person) = old_card();
    report(&house, SUGINAMI, &abroad(&person, "2024-05-27")).unwrap();
    assert_eq!(states(&house, &person), (Live, Revoked));
}

#[test]
fn r_20_a_corrected_date_of_birth_makes_nobody_a_foreign_resident() {
    let (house, person) = housed();
    let birth = Some(day("1980-02-18"));
    let corrected = RegisterChange { birth, ..event(&person, "S-1", "2026-03-01", RegisterEvent::Correction) };
    report(&house, SUGINAMI, &corrected).unwrap();
    report(&house, SUGINAMI, &abroad(&person, "2026-03-20")).unwrap();
    assert_eq!(states(&house, &person), (Live, Revoked));
}

#[test]
fn r_20_a_stranger_is_told_nothing_of_the_card() {
    let (house, person) = housed();
    house.revoke(&person, jitsuin::rules::Cause::CardReturned, None).unwrap();
    let effects = report(&house, ITAMI, &event(&person, "I-1", "2026-03-20", ABROAD)).unwrap();
    assert_eq!(effects.waits.unwrap().rule, "E-02");
}

/// After each way abroad, who can record the holder again, and since when; in either order of arrival.
#[test]
fn e_01_who_comes_back_is_recorded_again_by_any_municipality() {
    for (away, auth) in [(ABROAD, Live), (RegisterEvent::OverseasMove, Revoked)] {
        for from in [SUGINAMI, ITAMI] {
            let leaving = |person: &Person| event(person, "S-1", "2026-03-10", away);
            let back = |person: &Person| event(person, "X-1", "2026-03-30", RegisterEvent::Registration);
            let (house, person) = housed();
            report(&house, SUGINAMI, &leaving(&person)).unwrap();
            assert_eq!(states(&house, &person), (auth, Revoked), "{away:?}");
            let effects = report(&house, from, &back(&person)).unwrap();
            assert_eq!(effects.waits, None, "{away:?} {from}");
            let holder = house.dossier(&person).holder;
            assert_eq!((holder.municipality.to_string().as_str(), holder.registered), (from, true));
            assert_eq!(states(&house, &person), (auth, Revoked));
            assert_eq!(rule(report(&house, from, &person.change(RegisterEvent::Registration))), "E-01", "once");
            let in_order = outcome(&house, &person);
            house.check();

            let (house, person) = housed();
            assert_eq!(report(&house, from, &back(&person)).unwrap().waits.unwrap().rule, "E-01");
            report(&house, SUGINAMI, &leaving(&person)).unwrap();
            assert_eq!(outcome(&house, &person), in_order, "{away:?} {from}");
        }
    }
}

#[test]
fn e_01_r_20_recorded_elsewhere_is_of_a_later_day_and_nobody_moves_in_from_abroad() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &abroad(&person, "2026-03-20")).unwrap();
    let same_day = event(&person, "I-1", "2026-03-20", RegisterEvent::Registration);
    assert_eq!(report(&house, ITAMI, &same_day).unwrap().waits.unwrap().rule, "E-01");
    for from in [SUGINAMI, ITAMI] {
        let arrival = event(&person, "X-2", "2026-03-25", RegisterEvent::MoveIn);
        assert_eq!(report(&house, from, &arrival).unwrap().waits.unwrap().rule, "E-02", "no 転出届: `registration`");
    }
    assert_eq!(house.dossier(&person).holder.municipality.to_string(), SUGINAMI);
    report(&house, SUGINAMI, &event(&person, "S-10", "2026-03-20", RegisterEvent::Registration)).unwrap();
    house.check();
}

#[test]
fn r_20_a_sign_that_was_issued_for_abroad_ends_when_the_holder_comes_back() {
    let (house, person) = housed();
    let noticed = RegisterChange { notified: Some(day("2026-03-19")), ..abroad(&person, "2026-03-20") };
    report(&house, SUGINAMI, &noticed).unwrap();
    house.issue(&municipality(SUGINAMI), Asked::New, &person.enrolment(&[Kind::Sign])).expect("附票管理市町村 (E-01)");
    house.set_clock("2026-05-01T03:00:00Z");
    let back = event(&person, "I-1", "2026-04-30", RegisterEvent::Registration);
    report(&house, ITAMI, &back).unwrap();
    assert_eq!(states(&house, &person), (Live, Revoked));
    house.issue(&municipality(ITAMI), Asked::New, &person.enrolment(&[Kind::Sign])).unwrap();
    house.check();
}
