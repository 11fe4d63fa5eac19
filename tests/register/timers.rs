//! What the law ends by itself: thirty days after the planned day, fourteen and ninety days after the move; on leap days, after
//! an outage, and with two nodes at work.

use std::{
    sync::{Arc, Barrier},
    thread,
};

use jitsuin::{
    authority::change::{RegisterChange, RegisterEvent},
    kind::Kind,
    ports::Store,
    rules::{Asked, CertificateState::*},
    store::{MemoryStore, SqliteStore},
    x509::RevocationReason,
};

use crate::{
    feed::*,
    house::{House, ITAMI, Person, SUGINAMI, at, day, municipality, rule},
};

fn due(house: &House, person: &Person) -> Option<jitsuin::rules::Day> {
    house.store.register().deadline(&person.holder()).unwrap()
}

/// Runs the timer; whether something passed.
fn turn(house: &House, now: &str) -> bool {
    house.set_clock(now);
    house.authority.run_deadlines().unwrap() > 0
}

#[test]
fn r_17_auth_ends_on_the_thirty_first_day_after_the_planned_one() {
    // Planned day, the last instant of the thirtieth day in Japan, and the first of the next; across a leap day and not.
    for (planned, last, first) in [
        ("2026-04-10", "2026-05-10T14:59:59Z", "2026-05-10T15:00:00Z"),
        ("2028-01-30", "2028-02-29T14:59:59Z", "2028-02-29T15:00:00Z"),
        ("2028-02-29", "2028-03-30T14:59:59Z", "2028-03-30T15:00:00Z"),
        ("2027-01-30", "2027-03-01T14:59:59Z", "2027-03-01T15:00:00Z"),
    ] {
        let (house, person) = housed();
        house.set_clock(&format!("{planned}T03:00:00Z"));
        report(&house, SUGINAMI, &out(&person, "S-1", planned, ITAMI, planned)).unwrap();
        assert!(!turn(&house, last), "{planned}");
        assert_eq!(states(&house, &person), (Live, Revoked), "{planned}");
        assert!(turn(&house, first), "{planned}");
        assert_eq!(states(&house, &person), (Revoked, Revoked), "{planned}");
        let end = house.newest(&person, Kind::Auth).revocation.unwrap();
        assert_eq!((end.cause.rule(), end.reason), ("R-17", RevocationReason::CessationOfOperation));
        assert_eq!((end.revocation_date, end.invalidity_date), (at(first), None), "on its day");
        assert!(!house.dossier(&person).cards[0].void);
        assert_eq!((due(&house, &person), last_action(&house).as_str()), (None, "deadline.passed"));
        let entries = house.store.audit_after(0, usize::MAX).unwrap().len();
        assert!(!turn(&house, first), "once");
        assert_eq!(house.store.audit_after(0, usize::MAX).unwrap().len(), entries);
        house.check();
    }
}

#[test]
fn a_deadline_missed_while_the_service_was_down_is_dated_by_its_day() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-03-20", ITAMI, "2026-04-10")).unwrap();
    house.set_clock("2026-06-01T03:00:00Z");
    let house = house.reopen();
    assert_eq!(house.authority.run_deadlines(), Ok(1));
    let end = house.newest(&person, Kind::Auth).revocation.unwrap();
    assert_eq!((end.revocation_date, end.invalidity_date), (house.now(), Some(at("2026-05-10T15:00:00Z"))));
    assert_eq!(house.reopen().authority.run_deadlines(), Ok(0));
}

#[test]
fn a_move_that_is_completed_cancelled_or_over_is_not_missed() {
    let arrival = |person: &Person| {
        let arrival = event(person, "I-1", "2026-04-01", RegisterEvent::MoveIn);
        (ITAMI, RegisterChange { presented: presented(person), ..arrival })
    };
    let cancelled = |person: &Person| (SUGINAMI, event(person, "S-2", "2026-04-01", RegisterEvent::MoveOutCancelled));
    let death = |person: &Person| (SUGINAMI, event(person, "S-2", "2026-04-01", RegisterEvent::Death));
    for end in [arrival, cancelled, death] as [fn(&Person) -> (&'static str, RegisterChange); 3] {
        let (house, person) = housed();
        report(&house, SUGINAMI, &out(&person, "S-1", "2026-03-20", ITAMI, "2026-03-25")).unwrap();
        assert_eq!(due(&house, &person), Some(day("2026-04-25")));
        let (from, change) = end(&person);
        report(&house, from, &change).unwrap();
        assert_eq!(due(&house, &person), None, "{change:?}");
        assert!(!turn(&house, "2027-04-01T03:00:00Z"), "{change:?}");
    }
}

#[test]
fn without_a_planned_day_only_the_municipality_says_that_a_move_was_missed() {
    let (house, person) = housed();
    let out = RegisterChange { to: Some(ITAMI.parse().unwrap()), ..person.change(RegisterEvent::MoveOut) };
    report(&house, SUGINAMI, &out).unwrap();
    assert_eq!(due(&house, &person), None);
    house.change(&person, RegisterEvent::MoveInMissed).unwrap();
    assert_eq!(states(&house, &person), (Revoked, Revoked));
}

/// A resident who has moved to Itami by a notice of that day; the card is not presented.
fn arrived(planned: &str, moved_in: &str, notified: &str) -> (House, Person) {
    let (house, person) = housed();
    house.set_clock(&format!("{notified}T03:00:00Z"));
    let announced = day(planned).min(day(moved_in)).to_string();
    report(&house, SUGINAMI, &out(&person, "S-1", &announced, ITAMI, planned)).unwrap();
    let arrival = event(&person, "I-1", moved_in, RegisterEvent::MoveIn);
    let arrival = RegisterChange { moved_in: Some(day(moved_in)), notified: Some(day(notified)), ..arrival };
    report(&house, ITAMI, &arrival).unwrap();
    (house, person)
}

#[test]
fn m_02_the_card_is_void_on_the_ninety_first_day_after_the_notice() {
    for (notified, last, first) in [
        ("2026-04-01", "2026-06-30T14:59:59Z", "2026-06-30T15:00:00Z"),
        ("2027-12-01", "2028-02-29T14:59:59Z", "2028-02-29T15:00:00Z"),
        ("2026-12-01", "2027-03-01T14:59:59Z", "2027-03-01T15:00:00Z"),
    ] {
        let (house, person) = arrived(notified, notified, notified);
        assert!(!turn(&house, last), "{notified}");
        assert_eq!(states(&house, &person), (Live, Revoked));
        assert!(turn(&house, first), "{notified}");
        assert_eq!(states(&house, &person), (Revoked, Revoked));
        assert!(house.dossier(&person).cards[0].void);
        assert_eq!(house.newest(&person, Kind::Auth).revocation.unwrap().cause.rule(), "R-18");
        let letter = notices(&house, ITAMI).pop().unwrap();
        assert_eq!((letter.cause.rule(), letter.sign, letter.auth.is_some()), ("R-18", None, true));
        assert!(!turn(&house, first), "once");
        house.check();
    }
}

#[test]
fn r_18_a_notice_that_came_too_late_voids_the_card_at_the_next_turn() {
    for (planned, moved_in, notified, late) in [
        ("2026-04-01", "2026-04-01", "2026-04-15", false),
        ("2026-04-01", "2026-04-01", "2026-04-16", true),
        ("2026-04-01", "2026-05-01", "2026-05-01", false),
        ("2026-04-01", "2026-05-02", "2026-05-02", true),
        ("2028-02-15", "2028-02-15", "2028-02-29", false),
        ("2028-02-15", "2028-02-15", "2028-03-01", true),
    ] {
        let (house, person) = arrived(planned, moved_in, notified);
        assert_eq!(house.authority.run_deadlines(), Ok(usize::from(late)), "{moved_in} {notified}");
        assert_eq!(states(&house, &person).0, if late { Revoked } else { Live }, "{moved_in} {notified}");
        assert_eq!(house.dossier(&person).cards[0].void, late);
    }
}

#[test]
fn m_01_a_card_presented_in_time_goes_on() {
    let (house, person) = arrived("2026-04-01", "2026-04-01", "2026-04-02");
    assert_eq!(due(&house, &person), Some(day("2026-07-02")));
    house.set_clock("2026-07-01T03:00:00Z");
    assert!(report(&house, ITAMI, &continued(&person, "I-2", "2026-07-01")).unwrap().changes.is_empty());
    assert_eq!(due(&house, &person), None);
    assert!(!turn(&house, "2027-01-01T03:00:00Z"));
    assert_eq!(states(&house, &person), (Live, Revoked));
    let again = RegisterChange { number: None, ..continued(&person, "I-3", "2026-12-01") };
    assert_eq!(rule(report(&house, ITAMI, &again)), "M-01", "there is nothing left to present");
}

#[test]
fn m_02_a_card_presented_too_late_is_refused_at_the_counter() {
    let (house, person) = arrived("2026-04-01", "2026-04-01", "2026-04-02");
    house.set_clock("2026-07-02T03:00:00Z");
    let late = RegisterChange { number: None, ..continued(&person, "I-2", "2026-07-02") };
    assert_eq!(rule(report(&house, ITAMI, &late)), "M-02");
    // The feed tells late what was done in time.
    report(&house, ITAMI, &continued(&person, "I-2", "2026-07-01")).unwrap();
    assert_eq!(due(&house, &person), None);
}

#[test]
fn m_01_who_moves_on_before_presenting_the_card_loses_it() {
    let (house, person) = arrived("2026-04-01", "2026-04-01", "2026-04-02");
    house.set_clock("2026-05-01T03:00:00Z");
    report(&house, ITAMI, &out(&person, "I-2", "2026-05-01", SUGINAMI, "2026-05-05")).unwrap();
    house.set_clock("2026-05-06T03:00:00Z");
    let back = event(&person, "S-2", "2026-05-06", RegisterEvent::MoveIn);
    let effects = report(&house, SUGINAMI, &RegisterChange { presented: presented(&person), ..back }).unwrap();
    let refusal = effects.not_continued.expect("that the card does not go on is told");
    assert_eq!((&*refusal.rule, refusal.case.as_deref(), effects.awaited), ("M-01", Some("moved-on"), None));
    assert_eq!(due(&house, &person), Some(day("2026-05-07")));
    assert!(turn(&house, "2026-05-07T03:00:00Z"));
    assert!(house.dossier(&person).cards[0].void);
    assert_eq!(states(&house, &person), (Revoked, Revoked));
}

#[test]
fn a_card_issued_after_the_move_is_not_the_one_that_had_to_be_presented() {
    let (house, person) = arrived("2026-04-01", "2026-04-01", "2026-04-02");
    house.set_clock("2026-04-20T03:00:00Z");
    let next = person.clone().with_card("CARD-2", "2026-04-20");
    let old = jitsuin::authority::revoke::RevocationRequest {
        card: person.card(),
        cause: jitsuin::rules::Cause::CardReturned,
        kinds: None,
        event_day: None,
    };
    house.authority.revoke(&municipality(ITAMI), &house.once(), &old).unwrap();
    house.issue(&municipality(ITAMI), Asked::New, &next.enrolment(&Kind::BOTH)).unwrap();
    assert!(turn(&house, "2026-07-02T03:00:00Z"));
    assert_eq!(states(&house, &person), (Live, Live));
    assert_eq!(house.dossier(&person).cards.iter().map(|card| card.void).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn m_01_who_moves_on_is_told_so_too_when_the_arrival_had_to_wait() {
    let (house, person) = arrived("2026-04-01", "2026-04-01", "2026-04-02");
    house.set_clock("2026-05-06T03:00:00Z");
    let back = event(&person, "S-2", "2026-05-06", RegisterEvent::MoveIn);
    let back = RegisterChange { presented: presented(&person), ..back };
    let waiting = report(&house, SUGINAMI, &back).unwrap();
    assert!(waiting.waits.is_some() && waiting.not_continued.is_none(), "{waiting:?}");
    report(&house, ITAMI, &out(&person, "I-2", "2026-05-01", SUGINAMI, "2026-05-05")).unwrap();
    let since = report(&house, SUGINAMI, &back).unwrap();
    assert_eq!(since.not_continued.and_then(|refusal| refusal.case).as_deref(), Some("moved-on"));
    // The card was presented in Itami after all, and the feed tells it late.
    report(&house, ITAMI, &continued(&person, "I-3", "2026-04-20")).unwrap();
    assert_eq!(report(&house, SUGINAMI, &back).unwrap().not_continued, None);
    assert_eq!(due(&house, &person), None);
}

#[test]
fn m_01_a_card_that_is_new_since_the_move_goes_on_after_the_next() {
    for issued in ["2026-04-02", "2026-04-20"] {
        let (house, person) = arrived("2026-04-01", "2026-04-01", "2026-04-02");
        house.set_clock(&format!("{issued}T03:00:00Z"));
        let next = new_card(&house, &person, (ITAMI, issued));
        house.set_clock("2026-05-06T03:00:00Z");
        report(&house, ITAMI, &out(&person, "I-2", "2026-05-01", SUGINAMI, "2026-05-05")).unwrap();
        let back = event(&person, "S-2", "2026-05-06", RegisterEvent::MoveIn);
        let effects = report(&house, SUGINAMI, &RegisterChange { presented: presented(&next), ..back }).unwrap();
        assert_eq!((effects.not_continued, effects.awaited), (None, None), "{issued}");
        assert!(turn(&house, "2026-05-07T03:00:00Z"), "the old one is not awaited any more");
        assert_eq!(states(&house, &person), (Live, Revoked), "{issued}");
        assert!(!turn(&house, "2026-12-01T03:00:00Z"), "{issued}");
    }
}

/// The card is lost, and a town issues another with a pair.
fn new_card(house: &House, person: &Person, (town, issued): (&str, &str)) -> Person {
    let next = person.clone().with_card("CARD-2", issued);
    let lost = person.revocation(jitsuin::rules::Cause::CardReissuedAfterLoss, None);
    house.authority.revoke(&municipality(town), &house.once(), &lost).unwrap();
    house.issue(&municipality(town), Asked::New, &next.enrolment(&Kind::BOTH)).unwrap();
    next
}

#[test]
fn r_18_a_card_that_the_new_town_issues_on_the_day_of_the_notice_is_not_awaited() {
    let (house, person) = arrived("2026-04-01", "2026-04-01", "2026-04-02");
    new_card(&house, &person, (ITAMI, "2026-04-02"));
    assert!(turn(&house, "2026-07-02T03:00:00Z"));
    assert_eq!(states(&house, &person), (Live, Live));
    assert_eq!(house.dossier(&person).cards.iter().map(|card| card.void).collect::<Vec<_>>(), [true, false]);
    house.check();
}

#[test]
fn r_18_a_card_that_the_old_town_issued_on_the_day_of_the_notice_is_awaited() {
    let (house, person) = housed();
    house.set_clock("2026-04-02T01:00:00Z");
    new_card(&house, &person, (SUGINAMI, "2026-04-02"));
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-04-02", ITAMI, "2026-04-02")).unwrap();
    report(&house, ITAMI, &event(&person, "I-1", "2026-04-02", RegisterEvent::MoveIn)).unwrap();
    assert!(turn(&house, "2026-07-02T03:00:00Z"));
    assert_eq!(states(&house, &person), (Revoked, Revoked));
    assert!(house.dossier(&person).cards.iter().all(|card| card.void));
}

#[test]
fn a_backlog_of_an_outage_is_taken_whole_before_anything_passes() {
    // The announcement of a move forty days ago comes before the arrival that followed it in time.
    let (house, person) = housed();
    house.set_clock("2026-06-01T03:00:00Z");
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-04-05", ITAMI, "2026-04-10")).unwrap();
    let arrival = event(&person, "I-1", "2026-04-11", RegisterEvent::MoveIn);
    report(&house, ITAMI, &RegisterChange { presented: presented(&person), ..arrival }).unwrap();
    assert_eq!(house.authority.run_deadlines(), Ok(0));
    assert_eq!(states(&house, &person), (Live, Revoked));
}

#[test]
fn what_passed_stays_over_when_the_event_that_would_have_kept_it_comes_too_late() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &out(&person, "S-1", "2026-03-20", ITAMI, "2026-04-10")).unwrap();
    assert!(turn(&house, "2026-06-01T03:00:00Z"));
    let arrival = event(&person, "I-1", "2026-04-11", RegisterEvent::MoveIn);
    report(&house, ITAMI, &RegisterChange { presented: presented(&person), ..arrival }).unwrap();
    assert_eq!(states(&house, &person), (Revoked, Revoked), "what is final stays final");
    let holder = house.dossier(&person).holder;
    assert_eq!((holder.municipality.to_string().as_str(), holder.moving_to), (ITAMI, None));
    assert_eq!(due(&house, &person), None);
    assert!(!turn(&house, "2026-09-01T03:00:00Z"));
    assert!(!house.dossier(&person).cards[0].void, "the card was presented in time");
}

#[test]
fn a_planned_day_long_past_passes_once() {
    let (house, person) = housed();
    let late = RegisterChange { order: Some(5), ..out(&person, "S-1", "2026-04-01", ITAMI, "2025-12-01") };
    report(&house, SUGINAMI, &late).unwrap();
    assert_eq!(house.authority.run_deadlines(), Ok(1));
    assert_eq!((states(&house, &person), due(&house, &person)), ((Revoked, Revoked), None));
    report(&house, SUGINAMI, &event(&person, "S-2", "2026-04-01", RegisterEvent::MinorCorrection)).unwrap();
    assert_eq!(house.authority.run_deadlines(), Ok(0));
}

#[test]
fn of_many_nodes_at_the_turn_of_the_day_one_ends_it() {
    let directory = tempfile::tempdir().unwrap();
    let sqlite: Arc<dyn Store> = Arc::new(SqliteStore::open(&directory.path().join("jitsuin.db")).unwrap());
    for store in [sqlite, Arc::new(MemoryStore::new())] {
        let (house, person) = housed_on(store);
        report(&house, SUGINAMI, &out(&person, "S-1", "2026-03-20", ITAMI, "2026-04-10")).unwrap();
        house.set_clock("2026-05-11T03:00:00Z");
        let nodes: Vec<House> = (0..4).map(|_| house.reopen()).collect();
        let barrier = Barrier::new(nodes.len());
        thread::scope(|scope| {
            for node in &nodes {
                scope.spawn(|| {
                    barrier.wait();
                    node.authority.run_deadlines().unwrap();
                });
            }
        });
        assert_eq!(states(&house, &person), (Revoked, Revoked));
        let auth: Vec<_> = notices(&house, SUGINAMI).into_iter().filter(|one| one.auth.is_some()).collect();
        assert_eq!(auth.len(), 1, "one letter");
        let passed = house.store.register().register_entries(&person.holder()).unwrap();
        assert_eq!(passed.iter().filter(|entry| entry.said.contains("passed")).count(), 1);
        house.check();
    }
}
