//! Section 1.2 of the rule book, written down a second time as the table it is, and what the table leaves to say.

use super::*;

/// The table of section 1.2, transcribed: a row a procedure, a column each for holder, statutory agent, agent and
/// household member. S same day, T telephone, 2 two visits, r same day with the enclosed reply, m with a 委任状, s with a
/// sealed 委任状 that has the PIN, e with either, c if the holder came along, and lower case `a` as the agent.
const TABLE: &str = "
    new-issue               S S 2 s
    renewal                 S S r a
    reissue                 S S 2 s
    pin-reset               S S 2 2
    revocation              S S 2 a
    card-return             S S m a
    hold                    T T T T
    release                 S S r a
    face-authentication-on  S S e a
    face-authentication-off S c 2 a
    continued-use           S S 2 S
";

/// Every combination of what may be there, for a person for whom this applicant may act.
fn presences(procedure: Procedure, applicant: Applicant) -> Vec<Presence> {
    let papers = [None, Some(SealedPaper::Fits), Some(SealedPaper::Incomplete), Some(SealedPaper::WrongPin)];
    let holder_class = if applicant == Applicant::StatutoryAgent { HolderClass::Minor } else { HolderClass::Ordinary };
    let mut all = Vec::new();
    for (mandate, enclosed_reply) in papers.into_iter().flat_map(|one| papers.map(|other| (one, other))) {
        for bits in 0..8_u8 {
            all.push(Presence {
                holder_class,
                holder_came: bits & 1 != 0,
                mandate,
                enclosed_reply,
                expired: bits & 2 != 0,
                auth_on_card: bits & 4 != 0,
                face_authentication: procedure == Procedure::FaceAuthenticationOff,
            });
        }
    }
    all
}

fn same_day(cell: char, agent: char, procedure: Procedure, there: &Presence) -> bool {
    let reply = there.enclosed_reply == Some(SealedPaper::Fits);
    let mandate = matches!(there.mandate, Some(SealedPaper::Fits | SealedPaper::WrongPin));
    match cell {
        'S' => true,
        '2' => false,
        'r' => reply && !(procedure == Procedure::Renewal && there.expired),
        'm' => mandate,
        's' => there.mandate == Some(SealedPaper::Fits),
        'e' => there.auth_on_card && (mandate || reply),
        'c' => there.holder_came,
        'a' => same_day(agent, agent, procedure, there),
        other => panic!("{other}"),
    }
}

#[test]
fn c_01_the_courses_are_the_table_of_section_1_2() {
    let rows: Vec<&str> = TABLE.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(rows.len(), Procedure::ALL.len());
    let mut cases = 0;
    for (procedure, row) in Procedure::ALL.into_iter().zip(rows) {
        let (word, cells) = row.split_once(' ').unwrap();
        assert_eq!(serde_json::to_value(procedure).unwrap(), word);
        let cells: Vec<char> = cells.split_whitespace().map(|cell| cell.chars().next().unwrap()).collect();
        for (applicant, cell) in Applicant::ALL.into_iter().zip(&cells) {
            for there in presences(procedure, applicant) {
                let course = decide_procedure(procedure, applicant, &there, &CounterPolicy::default()).unwrap();
                cases += 1;
                if *cell == 'T' {
                    assert_eq!(course, Course::Telephone);
                    continue;
                }
                let expected = same_day(*cell, cells[2], procedure, &there);
                assert_eq!(course == Course::SameDay, expected, "{procedure:?} {applicant:?} {there:?}");
                assert_ne!(course, Course::Telephone);
            }
        }
    }
    assert_eq!(cases, 11 * 4 * 128);
}

#[test]
fn c_01_a_town_may_ask_every_agent_to_come_twice() {
    let there = Presence { enclosed_reply: Some(SealedPaper::Fits), ..Presence::default() };
    let strict = CounterPolicy { agent_same_day_with_enclosed_reply: false, ..CounterPolicy::default() };
    let decide = |policy: CounterPolicy| decide_procedure(Procedure::Renewal, Applicant::Agent, &there, &policy);
    assert_eq!(decide(CounterPolicy::default()), Ok(Course::SameDay));
    assert_eq!(decide(strict), Ok(Course::TwoVisits(Why::Switch)));
}

#[test]
fn two_visits_say_why() {
    let why = |procedure, there: Presence| match decide_procedure(
        procedure,
        Applicant::Agent,
        &there,
        &CounterPolicy::default(),
    ) {
        Ok(Course::TwoVisits(why)) => why,
        other => panic!("{other:?}"),
    };
    let reply = |paper| Presence { enclosed_reply: paper, ..Presence::default() };
    assert_eq!(why(Procedure::Renewal, reply(None)), Why::NoSealedPaper);
    assert_eq!(why(Procedure::Renewal, reply(Some(SealedPaper::WrongPin))), Why::WrongPin);
    assert_eq!(why(Procedure::Renewal, reply(Some(SealedPaper::Incomplete))), Why::Incomplete);
    let expired = Presence { expired: true, ..reply(Some(SealedPaper::Fits)) };
    assert_eq!(why(Procedure::Renewal, expired), Why::Expired);
    assert_eq!(why(Procedure::FaceAuthenticationOn, reply(Some(SealedPaper::Fits))), Why::NoAuth);
    assert_eq!(why(Procedure::NewIssue, Presence::default()), Why::Always);
}

#[test]
fn e_05_e_06_who_cannot_act_alone_is_acted_for_but_may_stop_a_card() {
    for (class, rule) in [(HolderClass::Minor, "E-05"), (HolderClass::Ward, "E-06")] {
        for procedure in Procedure::ALL {
            let face_authentication = procedure == Procedure::FaceAuthenticationOff;
            let papers = (Some(SealedPaper::Fits), Some(SealedPaper::Fits));
            let there = Presence {
                holder_class: class,
                face_authentication,
                mandate: papers.0,
                enclosed_reply: papers.1,
                ..Presence::default()
            };
            for applicant in [Applicant::Holder, Applicant::Agent, Applicant::HouseholdMember] {
                let decided = decide_procedure(procedure, applicant, &there, &CounterPolicy::default());
                match (procedure, applicant) {
                    (Procedure::Hold, _) => assert_eq!(decided, Ok(Course::Telephone)),
                    (Procedure::ContinuedUse, Applicant::HouseholdMember) => assert_eq!(decided, Ok(Course::SameDay)),
                    _ => assert_eq!(decided.unwrap_err().rule, rule, "{procedure:?} {applicant:?}"),
                }
            }
            let decided = decide_procedure(procedure, Applicant::StatutoryAgent, &there, &CounterPolicy::default());
            assert!(decided.is_ok(), "{procedure:?}: {decided:?}");
        }
    }
}

#[test]
fn d_05_nobody_else_has_a_statutory_agent() {
    for procedure in [Procedure::NewIssue, Procedure::Renewal, Procedure::Hold] {
        let there = Presence::default();
        let refusal = decide_procedure(procedure, Applicant::StatutoryAgent, &there, &CounterPolicy::default());
        assert_eq!(refusal.unwrap_err().rule, "D-05");
    }
}

#[test]
fn p_07_a_pin_is_reset_the_same_day_for_the_holder_and_in_two_visits_for_an_agent() {
    // 吹田市: 「代理人が申請する場合は即日での初期化はできません」, whatever the agent brings.
    for (applicant, class, same_day) in [
        (Applicant::Holder, HolderClass::Ordinary, true),
        (Applicant::StatutoryAgent, HolderClass::Minor, true),
        (Applicant::StatutoryAgent, HolderClass::Ward, true),
        (Applicant::Agent, HolderClass::Ordinary, false),
        (Applicant::HouseholdMember, HolderClass::Ordinary, false),
    ] {
        for paper in [None, Some(SealedPaper::Fits)] {
            let there = Presence { holder_class: class, mandate: paper, enclosed_reply: paper, ..Presence::default() };
            let course = decide_procedure(Procedure::PinReset, applicant, &there, &CounterPolicy::default());
            let expected = if same_day { Course::SameDay } else { Course::TwoVisits(Why::Always) };
            assert_eq!(course, Ok(expected), "{applicant:?} {paper:?}");
        }
    }
}

#[test]
fn p_10_a_face_authentication_card_has_no_pin_to_reset() {
    let there = Presence { face_authentication: true, ..Presence::default() };
    for applicant in [Applicant::Holder, Applicant::Agent, Applicant::HouseholdMember] {
        let refusal = decide_procedure(Procedure::PinReset, applicant, &there, &CounterPolicy::default());
        assert_eq!(refusal.unwrap_err().rule, "P-10");
    }
}

#[test]
fn e_09_face_authentication_is_switched_only_to_the_other_side() {
    for (procedure, face_authentication) in
        [(Procedure::FaceAuthenticationOn, true), (Procedure::FaceAuthenticationOff, false)]
    {
        let there = Presence { face_authentication, ..Presence::default() };
        let refusal = decide_procedure(procedure, Applicant::Holder, &there, &CounterPolicy::default());
        assert_eq!(refusal.unwrap_err().rule, "E-09");
    }
}

#[test]
fn what_is_not_known_of_the_day_is_refused() {
    assert!(serde_json::from_str::<Presence>(r#"{"mandat":"fits"}"#).is_err());
    assert!(serde_json::from_str::<CounterPolicy>(r#"{"reply_days":-1}"#).is_err());
    let presence: Presence = serde_json::from_str(r#"{"mandate":"wrong-pin"}"#).unwrap();
    assert_eq!(presence, Presence { mandate: Some(SealedPaper::WrongPin), ..Presence::default() });
}
