//! What holds of every decision, whatever the facts.

use proptest::{
    option,
    prelude::{Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest},
    sample::select,
};
use time::{Duration, macros::date};

use super::*;
use crate::rules::{LiveCertificate, Policy, admission::Registration, catalogue, window::renewal_window};

const FROM: Day = date!(2024 - 01 - 01);

fn near() -> impl Strategy<Value = Day> {
    (-40_i64..2600).prop_map(|days| FROM + Duration::days(days))
}

fn certificate() -> impl Strategy<Value = Option<LiveCertificate>> {
    option::of((near(), any::<bool>()).prop_map(|(last_day, held)| LiveCertificate { last_day, held }))
}

fn holder() -> impl Strategy<Value = HolderFacts> {
    let birth = (0_i64..33_000).prop_map(|days| date!(2025 - 06 - 01) - Duration::days(days));
    let registration = prop_oneof![8 => Just(Registration::Resident), 1 => Just(Registration::Overseas), 1 => Just(Registration::None)];
    (birth, any::<bool>(), any::<bool>(), registration).prop_map(|(birth, ward, rarely, registration)| HolderFacts {
        birth,
        ward: ward && rarely,
        registration,
        stay: None,
    })
}

fn card() -> impl Strategy<Value = CardOnHand> {
    (near(), 0_u8..64).prop_map(|(last_day, bits)| CardOnHand {
        last_day: last_day + Duration::days(800),
        void: bits == 1,
        suspended: bits == 2,
        face_authentication: bits & 12 == 12,
        addendum_full: bits & 48 == 48,
    })
}

fn facts() -> impl Strategy<Value = CounterFacts> {
    let kinds = option::of(prop_oneof![
        Just(vec![]),
        Just(vec![Kind::Auth]),
        Just(vec![Kind::Sign]),
        Just(vec![Kind::Sign, Kind::Auth]),
    ]);
    let what = (select(&Procedure::ALL[..]), select(&Applicant::ALL[..]), option::of(select(&NewCard::ALL[..])));
    let paper = || option::of(select(&[SealedPaper::Fits, SealedPaper::Incomplete, SealedPaper::WrongPin][..]));
    let brought = (any::<bool>(), paper(), paper(), any::<bool>());
    let whose = (holder(), card(), certificate(), certificate());
    (near(), what, whose, kinds, brought).prop_map(|(today, what, whose, kinds, brought)| {
        let (holder, card, auth, sign) = whose;
        CounterFacts {
            today,
            procedure: what.0,
            applicant: what.1,
            holder,
            card,
            certificates: Holding { auth, sign },
            kinds,
            brought: Brought {
                holder_came: brought.0,
                mandate: brought.1,
                enclosed_reply: brought.2,
                register_pin: brought.3,
                ..Brought::default()
            },
            desk: Desk::TownHall,
            channel: Channel::Counter,
            new_card: what.2,
            exception: None,
            moving: None,
            stays_elsewhere: false,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn a_decision_is_whole_and_within_its_bounds(facts in facts()) {
        let decision = decide_counter(&facts, &CounterSettings::default());
        for refusal in &decision.refusals {
            prop_assert!(catalogue::find(&refusal.refusal.refusal.rule).is_some(), "{:?}", refusal);
        }
        prop_assert_eq!(decision.allowed, decision.course.is_some());
        if !decision.allowed {
            prop_assert!(!decision.refusals.is_empty());
            prop_assert!(decision.certificates.is_empty() && decision.visits.is_empty() && decision.told.is_empty());
            return Ok(());
        }
        prop_assert_eq!(decision.reply_by.is_some(), decision.visits.len() == 2);
        prop_assert!(decision.total_yen == 0 || facts.new_card.is_some_and(NewCard::is_charged));
        let mut last = Vec::new();
        for one in &decision.certificates {
            match one.outcome {
                Outcome::Issued { last_day, renewal_opens, .. } => {
                    prop_assert!((facts.today..=facts.card.last_day).contains(&last_day));
                    prop_assert!(renewal_opens <= last_day);
                    last.push((one.kind, last_day));
                }
                // What ended on an earlier day neither goes on nor ends again.
                _ => prop_assert!(facts.certificates.of(one.kind).is_some_and(|one| one.last_day >= facts.today)),
            }
        }
        if let [(Kind::Auth, auth), (Kind::Sign, sign)] = last[..] {
            prop_assert!(sign <= auth);
        }
    }

    #[test]
    fn v_12_on_the_day_that_a_refusal_names_it_is_possible(facts in facts()) {
        let early = CounterFacts { procedure: Procedure::Renewal, ..facts };
        let decision = decide_counter(&early, &CounterSettings::default());
        for refusal in &decision.refusals {
            let Refusal { rule, earliest, .. } = &refusal.refusal.refusal;
            if rule == "V-12" {
                let (day, kind) = (earliest.unwrap(), refusal.kind.unwrap());
                prop_assert!(day > early.today);
                let last = early.certificates.of(kind).unwrap().last_day;
                prop_assert!(renewal_window(last, &Policy::default()).contains(&day));
                let then = CounterFacts { today: day, ..early.clone() };
                let again = decide_counter(&then, &CounterSettings::default());
                let same = |one: &CounterRefusal| one.kind == Some(kind) && one.refusal.refusal.rule == "V-12";
                prop_assert!(!again.refusals.iter().any(same));
            }
        }
    }
}
