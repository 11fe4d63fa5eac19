//! What the register reports between the visits of who has nothing yet but an application.

use jitsuin::{
    authority::{
        StoryError,
        change::{RegisterChange, RegisterEvent},
        end::Effects,
    },
    kind::Kind,
    rules::{Asked, application::ApplicationEvent as On, application::ApplicationState as At},
};
use serde_json::json;

use crate::{
    scene::*,
    town::{House, ITAMI, Person, SUGINAMI, municipality, refusal, rule},
};

fn report(house: &House, from: &str, change: &RegisterChange) -> Result<Effects, StoryError> {
    house.authority.change(&municipality(from), &fresh(), change)
}

fn leaving(person: &Person) -> RegisterChange {
    RegisterChange { to: Some(ITAMI.parse().unwrap()), ..person.change(RegisterEvent::MoveOut) }
}

/// The states of two visits before anything is issued, and what is refused there once the holder is gone.
const ON_THE_WAY: [(At, On); 8] = [
    (At::Received, On::SendInquiry),
    (At::InquirySent, On::ReplyHandedIn),
    (At::InquiryReturned, On::SendInquiry),
    (At::ReplyReceived, On::Verify),
    (At::ReplyDefective, On::SendInquiry),
    (At::Verified, On::GenerateKey),
    (At::KeyGenerated, On::Send),
    (At::SentToCa, On::Send),
];

#[test]
fn e_01_of_who_has_died_between_the_visits_nothing_is_issued_and_the_application_can_be_ended() {
    for (_room, house) in engines() {
        for (place, (state, next)) in ON_THE_WAY.into_iter().enumerate() {
            let case = bring(&house, &format!("TEST-{place}"), state);
            let death = case.person.change(RegisterEvent::Death);
            let effects = report(&house, SUGINAMI, &death).unwrap();
            assert_eq!((effects.rule.as_str(), effects.changes.len(), effects.waits), ("R-15", 0, None));
            assert_eq!(rule(advance(&house, &case, &body(next))), "E-01", "{state:?}");
            assert_eq!(record(&house, &case).state, state, "a refusal changes nothing");
            let house = house.reopen();
            // Neither for the application nor straight.
            let told = refusal(issue(&house, &case, &fresh()));
            let expected = if state == At::SentToCa { "E-01" } else { "A-01" };
            assert_eq!(told.rule, expected, "{state:?}");
            let straight = case.person.enrolment(&Kind::BOTH);
            assert_eq!(rule(house.issue(&municipality(SUGINAMI), Asked::New, &straight)), "E-01");
            assert_eq!(rule(receive(&house, &case.person, &json!({}))), "E-01");
            assert_eq!(rule(report(&house, SUGINAMI, &death)), "E-01", "once");
            advance(&house, &case, &body(On::Reject)).unwrap();
            assert!(certificates(&house, &case.person).is_empty());
            check_bound(&house, &case);
        }
    }
}

#[test]
fn e_02_who_has_moved_between_the_visits_is_issued_nothing_here_and_applies_there() {
    for (place, (state, next)) in ON_THE_WAY.into_iter().enumerate() {
        let house = House::new();
        let case = bring(&house, &format!("TEST-{place}"), state);
        report(&house, SUGINAMI, &leaving(&case.person)).unwrap();
        report(&house, ITAMI, &case.person.change(RegisterEvent::MoveIn)).unwrap();
        assert_eq!(rule(advance(&house, &case, &body(next))), "E-02", "{state:?}");
        let straight = case.person.enrolment(&Kind::BOTH);
        assert_eq!(rule(house.issue(&municipality(SUGINAMI), Asked::New, &straight)), "E-02");
        advance(&house, &case, &body(On::Reject)).unwrap();
        house.issue(&municipality(ITAMI), Asked::New, &straight).unwrap();
        house.check();
    }
}

#[test]
fn e_02_who_has_left_by_the_planned_day_is_issued_nothing_until_the_move_is_taken_back() {
    for (place, (state, next)) in ON_THE_WAY.into_iter().enumerate() {
        let house = House::new();
        let case = bring(&house, &format!("TEST-{place}"), state);
        let day = Some(crate::town::day("2025-10-26"));
        let number = Some(jitsuin::ports::EventNumber::parse("S-1").unwrap());
        let left = RegisterChange { number, event_day: day, planned: day, ..leaving(&case.person) };
        report(&house, SUGINAMI, &left).unwrap();
        let told = refusal(advance(&house, &case, &body(next)));
        assert_eq!((&*told.rule, told.case.as_deref()), ("E-02", Some("moved-out")), "{state:?}");
        assert_eq!(record(&house, &case).state, state, "a refusal changes nothing");
        if state == At::SentToCa {
            assert_eq!(rule(issue(&house, &case, &fresh())), "E-02");
        }
        report(&house, SUGINAMI, &case.person.change(RegisterEvent::MoveOutCancelled)).unwrap();
        if matches!(state, At::Verified | At::KeyGenerated | At::SentToCa) {
            advance(&house, &case, &body(next)).unwrap();
        }
        assert!(certificates(&house, &case.person).is_empty());
        house.check();
    }
}

#[test]
fn e_02_of_a_known_holder_who_has_moved_no_inquiry_is_sent_and_no_reply_taken() {
    for (state, next) in [(At::Received, On::SendInquiry), (At::InquirySent, On::ReplyHandedIn)] {
        let house = House::new();
        let person = Person::new("TEST-1");
        house.pair(&person);
        house.change(&person, RegisterEvent::NameChange).unwrap();
        let received = receive(&house, &person, &json!({"kinds": ["sign"]})).unwrap();
        let case = Case::new(person, &received, &[Kind::Sign]);
        go(&house, &case, &way(state));
        report(&house, SUGINAMI, &leaving(&case.person)).unwrap();
        report(&house, ITAMI, &case.person.change(RegisterEvent::MoveIn)).unwrap();
        assert_eq!(rule(advance(&house, &case, &body(next))), "E-02");
        go(&house, &case, &[On::Withdraw]);
        house.check();
    }
}

#[test]
fn a_change_that_ends_nothing_of_who_has_nothing_lets_the_application_go_on() {
    for (_room, house) in engines() {
        let case = bring(&house, "TEST-1", At::ReplyReceived);
        report(&house, SUGINAMI, &case.person.change(RegisterEvent::NameChange)).unwrap();
        report(&house, SUGINAMI, &leaving(&case.person)).unwrap();
        report(&house, SUGINAMI, &case.person.change(RegisterEvent::MoveOutCancelled)).unwrap();
        go(&house, &case, &[On::Verify, On::GenerateKey, On::Send, On::Issue, On::WriteToCard, On::HandOver]);
        check_bound(&house, &case);
        // Late, of before: what was issued stays.
        let late = RegisterChange {
            event_day: Some(crate::town::day("2025-10-20")),
            notified: Some(crate::town::day("2025-10-20")),
            ..case.person.change(RegisterEvent::Move)
        };
        report(&house, SUGINAMI, &late).unwrap();
        assert_eq!(house.state(&case.person, Kind::Sign), jitsuin::rules::CertificateState::Live);
    }
}

#[test]
fn r_26_a_corrected_date_of_birth_is_not_the_one_of_the_application() {
    let house = House::new();
    let case = bring(&house, "TEST-1", At::ReplyReceived);
    let birth = Some(crate::town::day("1980-02-18"));
    let corrected = RegisterChange { birth, ..case.person.change(RegisterEvent::Correction) };
    report(&house, SUGINAMI, &corrected).unwrap();
    assert_eq!(rule(advance(&house, &case, &body(On::Verify))), "R-26");
}

#[test]
fn of_who_has_no_open_application_in_the_town_nothing_is_kept() {
    let house = House::new();
    let stranger = Person::new("TEST-9");
    assert_eq!(rule(report(&house, SUGINAMI, &stranger.change(RegisterEvent::Death))), "T-09");
    // Another town is told nothing of it.
    let case = bring(&house, "TEST-1", At::InquirySent);
    assert_eq!(rule(report(&house, ITAMI, &case.person.change(RegisterEvent::Death))), "T-09");
    assert!(house.store.dossier(&case.person.holder()).unwrap().is_none());
    // What has ended, or waits too long, is no application.
    let ended = bring(&house, "TEST-2", At::Withdrawn);
    assert_eq!(rule(report(&house, SUGINAMI, &ended.person.change(RegisterEvent::Death))), "T-09");
    house.set_clock("2026-02-01T03:00:00Z");
    assert_eq!(rule(report(&house, SUGINAMI, &case.person.change(RegisterEvent::Death))), "T-09");
    house.check();
}

#[test]
fn an_event_of_the_feed_is_kept_for_an_applicant_in_any_order() {
    let house = House::new();
    let case = bring(&house, "TEST-1", At::InquirySent);
    let number = |text: &str| Some(jitsuin::ports::EventNumber::parse(text).unwrap());
    let of = |change: RegisterChange, text| RegisterChange {
        number: number(text),
        event_day: Some(crate::town::day("2025-10-27")),
        ..change
    };
    let back = of(case.person.change(RegisterEvent::MoveOutCancelled), "S-2");
    assert_eq!(report(&house, SUGINAMI, &back).unwrap().waits.unwrap().rule, "R-16");
    let death = of(case.person.change(RegisterEvent::Death), "S-3");
    let first = report(&house, SUGINAMI, &death).unwrap();
    assert_eq!(report(&house, SUGINAMI, &death).unwrap(), first);
    assert_eq!(rule(advance(&house, &case, &body(On::ReplyHandedIn))), "E-01");
    go(&house, &case, &[On::Withdraw]);
    house.check();
}

#[test]
fn m_01_of_who_has_applied_only_the_card_that_is_presented_goes_on_and_of_a_holder_another_does_not() {
    let house = House::new();
    let case = bring(&house, "TEST-1", At::InquirySent);
    let known = Person::new("TEST-2");
    house.pair(&known);
    let arrive = |person: &Person| {
        report(&house, SUGINAMI, &leaving(person)).unwrap();
        let shown = json!({"card": "CARD-9", "register_pin": true, "addendum_has_room": true});
        let presented = Some(serde_json::from_value(shown).unwrap());
        report(&house, ITAMI, &RegisterChange { presented, ..person.change(RegisterEvent::MoveIn) }).unwrap()
    };
    let taken = arrive(&case.person);
    assert_eq!((taken.not_continued, taken.awaited), (None, None));
    let told = arrive(&known).not_continued.unwrap();
    assert_eq!((&*told.rule, told.case.as_deref()), ("M-01", Some("no-card")));
    assert!(told.explanation().unwrap().way_ja.contains("電子証明書をまだ発行していない"));
}
