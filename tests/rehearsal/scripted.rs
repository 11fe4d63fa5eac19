//! Few lives to the day: what chance would hardly ever play.

use std::sync::Arc;

use jitsuin::{
    authority::change::RegisterEvent as Event,
    kind::Kind,
    rules::{
        Asked,
        application::{ApplicationEvent as On, ApplicationState as At},
    },
    store::MemoryStore,
};

use crate::{
    any_order::{Play, begin},
    any_step::{Ask, End, Slip, What},
    record::State,
    request::{Report, Request, Shown, Step, Who},
    send::Answer,
};

/// Somebody with a pair, a hundred days later.
fn settled() -> Play {
    let mut play = Play::new(Arc::new(MemoryStore::new()));
    begin().iter().for_each(|ask| play.take(ask));
    play.pass(100);
    play
}

fn sign(play: &mut Play) {
    let what = What::Issue {
        asked: Asked::New,
        kinds: &[Kind::Sign],
        card: 0,
        end: End::Nothing,
        slip: Slip::Nothing,
        fails: 0,
    };
    play.take(&Ask { days: 0, who: None, person: 0, what });
    assert!(play.cases[0].record.good(Kind::Sign, play.now).is_some());
}

fn feed(play: &mut Play, from: usize, number: &str, event: Event, ago: i32, edit: impl Fn(&mut Report)) {
    let day = play.now.day - ago;
    let mut report = Report { number: Some(number.into()), day: Some(day), notified: Some(day), ..Report::of(event) };
    edit(&mut report);
    play.ask(0, Who::Town(from), &Request::Change(report));
}

/// An event that others of before push out of its place, and others bring back into it, has had its effect: the certificate that
/// was issued after it says what is true.
#[test]
fn an_event_ends_what_it_ends_once_though_its_place_is_in_doubt_for_a_while() {
    let mut play = settled();
    feed(&mut play, 0, "A-9", Event::NameChange, 0, |report| report.notified = None);
    play.pass(1);
    sign(&mut play);
    play.pass(1);
    let planned = play.now.day;
    // Of the days before, late: away and back again.
    feed(&mut play, 0, "A-1", Event::MoveOut, 9, |report| (report.to, report.planned) = (Some(1), Some(planned)));
    feed(&mut play, 1, "B-1", Event::MoveIn, 8, |_| ());
    feed(&mut play, 1, "B-2", Event::MoveOut, 7, |report| (report.to, report.planned) = (Some(0), Some(planned)));
    feed(&mut play, 0, "A-2", Event::MoveIn, 6, |_| ());
    assert_eq!(play.cases[0].record.home, 0);
    let ends: Vec<_> = play.cases[0].record.certificates.iter().map(|one| (one.kind, one.state)).collect();
    let expected = [(Kind::Auth, State::Live), (Kind::Sign, State::Revoked), (Kind::Sign, State::Live)];
    assert_eq!(ends, expected);
}

/// What a deadline ended it ended once: a move that is announced later has a deadline of its own, though the one of before passed
/// after its announcement, as far as the service was told.
#[test]
fn a_deadline_that_passed_is_not_that_of_a_move_that_is_told_of_late() {
    let mut play = settled();
    let planned = play.now.day;
    feed(&mut play, 0, "A-1", Event::MoveOut, 0, |report| (report.to, report.planned) = (Some(1), Some(planned)));
    play.pass(31);
    play.turn();
    let what = What::Issue {
        asked: Asked::New,
        kinds: &[Kind::Auth],
        card: 0,
        end: End::Nothing,
        slip: Slip::Nothing,
        fails: 0,
    };
    let issue = Ask { days: 0, who: None, person: 0, what };
    play.take(&issue);
    assert!(play.cases[0].record.good(Kind::Auth, play.now).is_none(), "E-02");
    // It had been taken back, and was announced once more before the deadline passed.
    feed(&mut play, 0, "A-2", Event::MoveOutCancelled, 20, |_| ());
    play.take(&issue);
    let again = play.now.day;
    feed(&mut play, 0, "A-3", Event::MoveOut, 2, |report| (report.to, report.planned) = (Some(1), Some(again)));
    play.pass(30);
    play.turn();
    assert!(play.cases[0].record.good(Kind::Auth, play.now).is_some());
    play.pass(1);
    play.turn();
    assert!(play.cases[0].record.good(Kind::Auth, play.now).is_none());
}

/// So it has where the planned day is the same: what was issued in between ends with it.
#[test]
fn a_move_that_is_told_of_late_with_the_same_planned_day_is_missed_for_itself() {
    let mut play = settled();
    let planned = play.now.day;
    feed(&mut play, 0, "A-1", Event::MoveOut, 0, |report| (report.to, report.planned) = (Some(1), Some(planned)));
    play.pass(40);
    play.turn();
    feed(&mut play, 0, "A-2", Event::MoveOutCancelled, 20, |_| ());
    let what = What::Issue {
        asked: Asked::New,
        kinds: &[Kind::Auth],
        card: 0,
        end: End::Nothing,
        slip: Slip::Nothing,
        fails: 0,
    };
    play.take(&Ask { days: 0, who: None, person: 0, what });
    assert!(play.cases[0].record.good(Kind::Auth, play.now).is_some());
    feed(&mut play, 0, "A-3", Event::MoveOut, 15, |report| (report.to, report.planned) = (Some(1), Some(planned)));
    assert!(play.cases[0].record.good(Kind::Auth, play.now).is_some());
    play.turn();
    assert!(play.cases[0].record.good(Kind::Auth, play.now).is_none(), "R-17");
}

#[test]
fn m_02_a_card_presented_after_the_ninety_days_is_refused_though_no_timer_ran() {
    let mut play = settled();
    let planned = play.now.day;
    feed(&mut play, 0, "A-1", Event::MoveOut, 0, |report| (report.to, report.planned) = (Some(1), Some(planned)));
    feed(&mut play, 1, "B-1", Event::MoveIn, 0, |_| ());
    let shown = Shown { card: "C-TEST-A-0".into(), pin: true, face: false, room: true };
    let show = |report: &mut Report| report.shown = Some(shown.clone());
    play.pass(91);
    let late = Report { shown: Some(shown.clone()), ..Report::of(Event::ContinuedUse) };
    let answer = play.ask(0, Who::Town(1), &Request::Change(late));
    assert_eq!(answer, Answer::Refused("M-02".into()));
    // The feed tells of the day before: it was in time.
    feed(&mut play, 1, "B-2", Event::ContinuedUse, 1, show);
    play.turn();
    assert!(play.cases[0].record.good(Kind::Auth, play.now).is_some());
}

/// The last day of a certificate passes while it lies on the counter's desk.
#[test]
fn what_has_expired_before_it_was_handed_over_is_not_handed_over() {
    let mut play = settled();
    feed(&mut play, 0, "A-1", Event::NameChange, 0, |_| ());
    let lead = Ask { days: 0, who: None, person: 0, what: What::Lead(1) };
    // Received, verified, keys made, sent, issued, written to the card.
    (0..6).for_each(|_| play.take(&lead));
    assert_eq!(play.cases[0].record.files[0].at, At::WrittenToCard);
    play.pass(2000);
    assert_eq!(play.ask(0, Who::Town(0), &Request::Advance(0, Step::of(On::HandOver))), Answer::Refused("A-01".into()));
    assert!(play.ask(0, Who::Town(0), &Request::Advance(0, Step::of(On::WriteFailed))).is_yes());
}
