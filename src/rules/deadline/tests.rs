use time::macros::date;

use super::*;

fn moving() -> Move {
    Move {
        planned: date!(2024 - 03 - 25),
        moved_in: Some(date!(2024 - 03 - 28)),
        notified: Some(date!(2024 - 04 - 01)),
        presented: None,
    }
}

fn card() -> CardPresented {
    CardPresented {
        card_last_day: date!(2030 - 01 - 01),
        void: false,
        suspended: false,
        register_pin: true,
        face_authentication: false,
        addendum_has_room: true,
    }
}

#[test]
fn m_02_c_09_ninety_days_after_the_notice_the_card_is_void() {
    let deadline = continued_use_deadline(date!(2024 - 04 - 01));
    assert_eq!(deadline.last_day, date!(2024 - 06 - 30));
    assert_eq!(deadline.told, date!(2024 - 06 - 29));
    assert!(!deadline.has_passed(date!(2024 - 06 - 30)));
    assert!(deadline.has_passed(date!(2024 - 07 - 01)));
    assert_eq!(decide_move(&moving(), date!(2024 - 06 - 30)), MoveState::AwaitsCard(deadline));
    assert_eq!(decide_move(&moving(), date!(2024 - 07 - 01)), MoveState::CardMissed);
}

#[test]
fn c_09_a_closed_last_day_carries_over_where_the_town_lets_it_and_people_are_told_the_earlier_day() {
    let carries = CounterPolicy { closed_days_carry_over: true, ..CounterPolicy::default() };
    let deadline = continued_use_deadline(date!(2024 - 04 - 01));
    let carried = deadline.under(&carries);
    assert_eq!(carried.last_day, date!(2024 - 07 - 01), "2024-06-30 is a Sunday");
    assert_eq!((carried.told, deadline.under(&CounterPolicy::default())), (deadline.told, deadline));
    assert_eq!(decide_move(&moving(), date!(2024 - 07 - 01)), MoveState::CardMissed);
    assert_eq!(decide_move_under(&moving(), date!(2024 - 07 - 01), &carries), MoveState::AwaitsCard(carried));
    assert_eq!(decide_move_under(&moving(), date!(2024 - 07 - 02), &carries), MoveState::CardMissed);
    assert_eq!(decide_continued_use(&moving(), &card(), (date!(2024 - 07 - 01), &carries)), Ok(()));
    let late = decide_continued_use(&moving(), &card(), (date!(2024 - 07 - 02), &carries)).unwrap_err();
    assert!(late.detail.contains("2024-07-01"), "{late}");
}

#[test]
fn c_09_on_the_last_day_itself_people_are_told_that_it_is_today() {
    let deadline = continued_use_deadline(date!(2024 - 04 - 01));
    assert_eq!(deadline.told_on(date!(2024 - 06 - 28)), "by 2024-06-29");
    assert_eq!(deadline.told_on(date!(2024 - 06 - 29)), "by 2024-06-29");
    assert_eq!(deadline.told_on(date!(2024 - 06 - 30)), "today (2024-06-30), the last day");
    let carried = deadline.under(&CounterPolicy { closed_days_carry_over: true, ..CounterPolicy::default() });
    assert_eq!(carried.told_on(date!(2024 - 06 - 30)), "by 2024-07-01");
    assert_eq!(carried.told_on(date!(2024 - 07 - 01)), "today (2024-07-01), the last day");
    let silent = Move { moved_in: None, notified: None, ..moving() };
    let with = (date!(2024 - 04 - 24), &CounterPolicy::default());
    let first = decide_continued_use(&silent, &card(), with).unwrap_err();
    assert!(first.detail.ends_with("first, today (2024-04-24), the last day"), "{first}");
}

#[test]
fn r_17_without_a_notice_within_thirty_days_after_the_planned_day_auth_ends() {
    let silent = Move { moved_in: None, notified: None, ..moving() };
    let deadline = notice_deadline(silent.planned);
    assert_eq!(deadline.last_day, date!(2024 - 04 - 24));
    assert_eq!(decide_move(&silent, date!(2024 - 04 - 24)), MoveState::AwaitsNotice(deadline));
    assert_eq!(decide_move(&silent, date!(2024 - 04 - 25)), MoveState::NoticeMissed);
}

#[test]
fn r_18_a_notice_later_than_fourteen_days_after_moving_in_voids_the_card() {
    let notified = |day| Move { notified: Some(day), ..moving() };
    let today = date!(2024 - 05 - 01);
    assert!(matches!(decide_move(&notified(date!(2024 - 04 - 11)), today), MoveState::AwaitsCard(_)));
    assert_eq!(decide_move(&notified(date!(2024 - 04 - 12)), today), MoveState::NoticeLate);
    let late = Move { moved_in: None, ..notified(date!(2024 - 04 - 25)) };
    assert_eq!(decide_move(&late, today), MoveState::NoticeLate, "31 days after the planned day");
}

#[test]
fn m_01_a_card_goes_on_only_with_everything_in_place() {
    let today = date!(2024 - 04 - 10);
    assert_eq!(decide_continued_use(&moving(), &card(), (today, &CounterPolicy::default())), Ok(()));
    let face = CardPresented { register_pin: false, face_authentication: true, ..card() };
    assert_eq!(decide_continued_use(&moving(), &face, (today, &CounterPolicy::default())), Ok(()));
    let bad = [
        CardPresented { register_pin: false, ..card() },
        CardPresented { void: true, ..card() },
        CardPresented { suspended: true, ..card() },
        CardPresented { addendum_has_room: false, ..card() },
        CardPresented { card_last_day: date!(2024 - 04 - 09), ..card() },
    ];
    for card in bad {
        assert_eq!(
            decide_continued_use(&moving(), &card, (today, &CounterPolicy::default())).unwrap_err().rule,
            "M-01",
            "{card:?}"
        );
    }
    let silent = Move { moved_in: None, notified: None, ..moving() };
    assert!(
        decide_continued_use(&silent, &card(), (today, &CounterPolicy::default()))
            .unwrap_err()
            .detail
            .contains("2024-04-23")
    );
    let done = Move { presented: Some(date!(2024 - 04 - 02)), ..moving() };
    assert_eq!(decide_move(&done, date!(2030 - 01 - 01)), MoveState::Continued);
    assert_eq!(decide_continued_use(&done, &card(), (today, &CounterPolicy::default())).unwrap_err().rule, "M-01");
}

#[test]
fn m_01_of_a_card_that_is_void_suspended_or_expired_the_words_fit() {
    let today = date!(2024 - 04 - 10);
    let refused = |card| check_card(&card, today).unwrap_err();
    let cases = [
        (CardPresented { void: true, suspended: true, ..card() }, "void"),
        (CardPresented { suspended: true, ..card() }, "suspended"),
        (CardPresented { card_last_day: date!(2024 - 04 - 09), ..card() }, "2024-04-09"),
    ];
    for (card, word) in cases {
        let refusal = refused(card);
        assert_eq!((&*refusal.rule, refusal.case.as_deref()), ("M-01", Some("void")));
        assert!(refusal.detail.contains(word), "{refusal}");
        assert_eq!(refusal.detail.contains("release"), word == "suspended", "{refusal}");
    }
}

#[test]
fn m_01_r_01_a_move_that_cannot_have_been_is_refused_and_one_that_can_is_not() {
    let (birth, today) = (date!(1990 - 07 - 07), date!(2024 - 04 - 05));
    let rows = [
        (moving(), None),
        (Move { notified: Some(today), ..moving() }, None),
        (Move { notified: Some(date!(2024 - 04 - 10)), ..moving() }, Some("R-01")),
        (Move { moved_in: Some(date!(2024 - 04 - 10)), ..moving() }, Some("R-01")),
        (Move { presented: Some(date!(2024 - 04 - 06)), ..moving() }, Some("R-01")),
        (Move { moved_in: Some(date!(1990 - 07 - 06)), ..moving() }, Some("R-01")),
        (Move { moved_in: Some(date!(2024 - 04 - 02)), ..moving() }, Some("M-01")),
        (Move { presented: Some(date!(2024 - 03 - 31)), ..moving() }, Some("M-01")),
        (Move { notified: None, presented: Some(today), ..moving() }, Some("M-01")),
        (Move { planned: date!(2022 - 03 - 25), ..moving() }, Some("M-01")),
        // Who is late still moved.
        (Move { planned: date!(2023 - 12 - 25), ..moving() }, None),
        // What is planned may be to come, also for who is here already.
        (Move { planned: date!(2024 - 04 - 25), ..moving() }, None),
    ];
    for (one, rule) in rows {
        let decided = check_move_days(&one, birth, today);
        assert_eq!(decided.as_ref().err().map(|refusal| &*refusal.rule), rule, "{one:?}: {decided:?}");
        assert!(decided.err().is_none_or(|refusal| refusal.earliest.is_none() && refusal.case.is_some()), "{one:?}");
    }
}

#[test]
fn m_01_m_02_what_no_day_opens_any_more_names_none() {
    let policy = CounterPolicy::default();
    let decide = |one: Move, today| {
        decide_continued_use(&one, &card(), (today, &policy)).map_err(|one| (one.case, one.earliest))
    };
    let late = Move { notified: Some(date!(2024 - 04 - 12)), ..moving() };
    let done = Move { presented: Some(date!(2024 - 04 - 02)), ..moving() };
    let silent = Move { moved_in: None, notified: None, ..moving() };
    let today = date!(2024 - 04 - 20);
    assert_eq!(decide(late, today), Err((Some("notice-late".into()), None)));
    assert_eq!(decide(done, today), Err((Some("done".into()), None)));
    assert_eq!(decide(silent, date!(2024 - 04 - 25)), Err((Some("notice-late".into()), None)));
    assert_eq!(decide(moving(), date!(2024 - 07 - 01)), Err((None, None)));
    assert_eq!(decide(silent, today), Err((Some("notice-first".into()), Some(today))), "the notice can be handed in");
}

#[test]
fn m_02_a_card_presented_too_late_is_refused_with_the_day() {
    let refusal =
        decide_continued_use(&moving(), &card(), (date!(2024 - 07 - 01), &CounterPolicy::default())).unwrap_err();
    assert_eq!(refusal.rule, "M-02");
    assert!(refusal.detail.contains("2024-06-30"), "{refusal}");
}

#[test]
fn a_deadline_beyond_the_calendar_is_its_last_day() {
    assert_eq!(continued_use_deadline(Day::MAX).last_day, Day::MAX);
}
