//! Two moves, and what the answers say of a card that was not presented in between (M-01, R-18).

use jitsuin::{
    authority::{
        change::{Presented, RegisterChange, RegisterEvent},
        end::AwaitedStep,
    },
    kind::Kind,
    rules::{Asked, Cause, CertificateState::*},
};

use crate::{
    feed::*,
    house::{House, ITAMI, Person, SUGINAMI, day, municipality, refusal},
};

const THIRD: &str = "13113";

/// In Itami since 1 April, and the card not presented; the move to the third town is announced for 6 May, which is today.
fn moving_on() -> (House, Person) {
    let (house, person) = housed();
    house.takes_part(THIRD);
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-04-01", ITAMI, "2026-04-01")).unwrap();
    report(&house, ITAMI, &event(&person, "I-1", "2026-04-01", RegisterEvent::MoveIn)).unwrap();
    house.set_clock("2026-05-06T03:00:00Z");
    report(&house, ITAMI, &out(&person, "I-2", "2026-05-01", THIRD, "2026-05-06")).unwrap();
    (house, person)
}

fn new_card(house: &House, person: &Person, (town, issued): (&str, &str)) -> Person {
    let next = person.clone().with_card("CARD-2", issued);
    let lost = person.revocation(Cause::CardReissuedAfterLoss, None);
    house.authority.revoke(&municipality(town), &house.once(), &lost).unwrap();
    house.issue(&municipality(town), Asked::New, &next.enrolment(&Kind::BOTH)).unwrap();
    next
}

#[test]
fn m_01_r_18_of_a_card_that_was_left_behind_nothing_is_awaited_whether_it_is_presented_or_not() {
    fn arrival(person: &Person, pin: Option<bool>) -> RegisterChange {
        let presented = presented(person).filter(|_| pin.is_some());
        let presented = presented.map(|one| Presented { register_pin: pin == Some(true), ..one });
        RegisterChange { presented, ..event(person, "C-1", "2026-05-06", RegisterEvent::MoveIn) }
    }
    for pin in [None, Some(true), Some(false)] {
        let (house, person) = moving_on();
        let effects = report(&house, THIRD, &arrival(&person, pin)).unwrap();
        assert_eq!(effects.not_continued.and_then(|refusal| refusal.case).as_deref(), Some("moved-on"));
        assert_eq!((effects.waits, effects.awaited), (None, None));
        house.set_clock("2026-05-07T03:00:00Z");
        assert_eq!((house.authority.run_deadlines(), states(&house, &person)), (Ok(1), (Revoked, Revoked)));
    }
}

#[test]
fn m_01_of_a_card_that_is_new_since_the_move_the_presentation_is_awaited() {
    let (house, person) = moving_on();
    new_card(&house, &person, (ITAMI, "2026-05-04"));
    let effects = report(&house, THIRD, &event(&person, "C-1", "2026-05-06", RegisterEvent::MoveIn)).unwrap();
    let awaited = effects.awaited.unwrap();
    assert_eq!((awaited.step, awaited.last_day), (AwaitedStep::CardPresented, day("2026-08-04")));
    assert_eq!(effects.not_continued, None);
}

#[test]
fn m_01_a_notice_that_came_too_late_says_so_without_the_card_too() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-03-01", ITAMI, "2026-03-05")).unwrap();
    let late = event(&person, "I-1", "2026-03-30", RegisterEvent::MoveIn);
    let effects = report(&house, ITAMI, &RegisterChange { moved_in: Some(day("2026-03-06")), ..late }).unwrap();
    let told = effects.not_continued.unwrap();
    assert_eq!((told.case.as_deref(), effects.awaited), (Some("notice-late"), None));
}

#[test]
fn m_01_r_18_a_visit_with_a_card_that_was_left_behind_says_so_however_it_is_told() {
    let (house, person) = moving_on();
    report(&house, THIRD, &event(&person, "C-1", "2026-05-06", RegisterEvent::MoveIn)).unwrap();
    let before = outcome(&house, &person);
    let visit = continued(&person, "C-2", "2026-05-06");
    let refused = refusal(report(&house, THIRD, &RegisterChange { number: None, ..visit.clone() }));
    assert_eq!((&*refused.rule, refused.case.as_deref()), ("M-01", Some("moved-on")));
    assert_eq!(outcome(&house, &person), before);
    // The feed may bring the visit in Itami late.
    let effects = report(&house, THIRD, &visit).unwrap();
    assert_eq!(effects.not_continued, Some(refused));
    let again = RegisterChange { number: None, ..visit };
    let refused = refusal(report(&house, THIRD, &again));
    assert_eq!((&*refused.rule, refused.case.as_deref()), ("M-01", Some("moved-on")));
    report(&house, ITAMI, &continued(&person, "I-3", "2026-04-20")).unwrap();
    house.set_clock("2026-12-01T03:00:00Z");
    assert_eq!((house.authority.run_deadlines(), states(&house, &person)), (Ok(0), (Live, Revoked)));
}

#[test]
fn m_01_a_new_card_that_goes_on_already_is_refused_as_done_though_another_was_left_behind() {
    let (house, person) = moving_on();
    let next = new_card(&house, &person, (ITAMI, "2026-05-04"));
    report(&house, THIRD, &event(&next, "C-1", "2026-05-06", RegisterEvent::MoveIn)).unwrap();
    let visit = RegisterChange { number: None, ..continued(&next, "C-2", "2026-05-06") };
    assert_eq!(report(&house, THIRD, &visit).unwrap().not_continued, None);
    let refused = refusal(report(&house, THIRD, &visit));
    assert_eq!((&*refused.rule, refused.case.as_deref()), ("M-01", Some("done")));
}

/// From Suginami to Itami and on to the third town on one day, on which a town issues another card.
fn two_moves_on_a_day(issues: &str, presented_there: bool) -> (House, Person) {
    let (house, person) = housed();
    house.takes_part(THIRD);
    let on = "2026-04-01";
    let moves = [
        (SUGINAMI, out(&person, "S-1", on, ITAMI, on)),
        (ITAMI, event(&person, "I-1", on, RegisterEvent::MoveIn)),
        (ITAMI, out(&person, "I-2", on, THIRD, on)),
        (THIRD, event(&person, "T-1", on, RegisterEvent::MoveIn)),
    ];
    let mut holder = person.clone();
    let mut issued = false;
    for (from, change) in &moves {
        let from = *from;
        // The old town's card is issued before the move, the new town's after it.
        if issues == SUGINAMI && !issued {
            (holder, issued) = (new_card(&house, &person, (SUGINAMI, on)), true);
        }
        report(&house, from, change).unwrap();
        if issues == from && change.change == RegisterEvent::MoveIn {
            (holder, issued) = (new_card(&house, &person, (from, on)), true);
        }
    }
    if presented_there {
        report(&house, THIRD, &continued(&holder, "T-2", on)).unwrap();
    }
    (house, holder)
}

#[test]
fn r_18_a_card_that_is_issued_after_two_moves_of_a_day_is_nowhere_awaited() {
    for (issues, presented, turns, auth) in [
        // By the third town: new.
        (THIRD, false, ["2026-04-02", "2026-07-02"], Live),
        // By Itami: to be presented in the third town only.
        (ITAMI, false, ["2026-04-02", "2026-04-02"], Live),
        (ITAMI, false, ["2026-04-02", "2026-07-02"], Revoked),
        (ITAMI, true, ["2026-04-02", "2026-07-02"], Live),
        // By Suginami: it was left behind in Itami.
        (SUGINAMI, true, ["2026-04-02", "2026-04-02"], Revoked),
    ] {
        let (house, person) = two_moves_on_a_day(issues, presented);
        for turn in turns {
            house.set_clock(&format!("{turn}T03:00:00Z"));
            house.authority.run_deadlines().unwrap();
        }
        assert_eq!(states(&house, &person).0, auth, "{issues} {presented} {turns:?}");
        assert_eq!(house.dossier(&person).card(&person.card()).unwrap().void, auth == Revoked, "{issues} {turns:?}");
        house.check();
    }
}

#[test]
fn what_a_death_has_ended_stays_ended_where_the_holder_had_moved_before_as_turns_out() {
    let events = |person: &Person| {
        [
            (SUGINAMI, event(person, "S-2", "2026-03-29", RegisterEvent::Death)),
            (SUGINAMI, out(person, "S-1", "2026-03-24", ITAMI, "2026-03-27")),
            (ITAMI, event(person, "I-1", "2026-03-27", RegisterEvent::MoveIn)),
        ]
    };
    for (order, auth) in [([0, 1, 2], Revoked), ([1, 2, 0], Live)] {
        let (house, person) = housed();
        let waits = order.map(|at| {
            let (from, change) = &events(&person)[at];
            report(&house, from, change).unwrap().waits.is_some()
        });
        assert_eq!(waits, [false, false, auth == Live], "{order:?}");
        let dossier = house.dossier(&person);
        assert_eq!((dossier.holder.municipality.to_string().as_str(), dossier.holder.registered), (ITAMI, true));
        assert_eq!((states(&house, &person).0, dossier.cards[0].void), (auth, auth == Revoked), "{order:?}");
    }
}
