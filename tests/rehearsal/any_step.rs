//! Whatever might be asked, with sense or without.

use jitsuin::{
    authority::change::RegisterEvent as Event,
    kind::Kind::{self, Auth, Sign},
    rules::{
        Asked, Cause,
        application::{ApplicationEvent as On, Defect},
        procedure::{Applicant, Procedure, SealedPaper},
    },
};
use proptest::{prelude::*, sample::select};

use crate::request::{Brought, Step, TOWNS, Who};

const EVENTS: [Event; 13] = [
    Event::Move,
    Event::MoveOut,
    Event::MoveIn,
    Event::MoveInMissed,
    Event::MoveOutCancelled,
    Event::Registration,
    Event::NameChange,
    Event::Correction,
    Event::MinorCorrection,
    Event::Death,
    Event::OverseasMove,
    Event::OverseasMoveWithContinuedUse,
    Event::ContinuedUse,
];

/// What is asked; days are counted from the day of the asking.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Issue {
        asked: Asked,
        kinds: &'static [Kind],
        card: usize,
        end: End,
        slip: Slip,
        fails: u32,
    },
    Revoke {
        cause: Cause,
        kinds: Option<&'static [Kind]>,
        card: usize,
        event: Option<i32>,
    },
    Hold(usize),
    Release(usize),
    Change(Told),
    /// What the feed brought before comes again.
    Again(usize),
    Receive {
        procedure: Procedure,
        applicant: Applicant,
        papers: [Option<SealedPaper>; 2],
        kinds: &'static [Kind],
        card: usize,
        odd: u8,
    },
    /// The next thing for an application, or whatever else.
    Lead(usize),
    Advance(usize, Step),
    IssueFor {
        of: usize,
        again: bool,
        fails: u32,
        other: bool,
    },
    /// The timers run.
    Turn,
    Restart,
}

/// A report; days are counted from the day of the asking.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) event: Event,
    /// One of a few numbers; none: by hand. Numbers from 100 on are new.
    pub(crate) number: Option<usize>,
    pub(crate) order: Option<u32>,
    pub(crate) to: Option<usize>,
    pub(crate) planned: Option<i32>,
    pub(crate) moved_in: Option<i32>,
    /// Of which card; and what is wrong with it: 1 no PIN, 2 no room, 3 face authentication and no PIN.
    pub(crate) shown: Option<(usize, u8)>,
    pub(crate) birth: Option<i32>,
    pub(crate) day: Option<i32>,
    pub(crate) notified: Option<i32>,
}

/// What an application says of the end of the card.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Nothing,
    Printed(i32),
    Stay(i32),
}

/// What is wrong with an application, or unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    Nothing,
    Birth,
    Ward,
    NoWard,
    NotApplied,
    Keepers,
}

#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) days: i32,
    pub(crate) who: Option<Who>,
    pub(crate) person: usize,
    pub(crate) what: What,
}

fn kinds() -> impl Strategy<Value = &'static [Kind]> {
    select(vec![&Kind::BOTH[..], &Kind::BOTH, &[Auth], &[Sign]])
}

/// Mostly the first two cards.
fn card() -> impl Strategy<Value = usize> {
    select(vec![0usize, 0, 0, 0, 0, 0, 1, 1, 2, 3])
}

fn day() -> impl Strategy<Value = Option<i32>> {
    select(vec![None, None, None, Some(0), Some(-1), Some(-40), Some(-20_000), Some(1)])
}

fn what() -> impl Strategy<Value = What> {
    use Slip::{NoWard, NotApplied, Nothing, Ward};
    let asked = select(vec![Asked::New, Asked::New, Asked::Renewal]);
    let slip =
        select(vec![Nothing, Nothing, Nothing, Nothing, Nothing, Slip::Birth, Ward, NoWard, NotApplied, Slip::Keepers]);
    let end = prop_oneof![
        6 => Just(End::Nothing),
        1 => select(vec![-10, 400, 3000, 3660, 6000]).prop_map(End::Printed),
        1 => select(vec![-10, 0, 30, 400, 2000]).prop_map(End::Stay),
    ];
    let fails = select(vec![0u32, 0, 0, 0, 0, 0, 0, 1, 2]);
    let issue = (asked, kinds(), card(), end, slip, fails).prop_map(|(asked, kinds, card, end, slip, fails)| {
        What::Issue { asked, kinds, card, end, slip, fails: fails.min(kinds.len() as u32) }
    });
    let named = prop_oneof![Just(None), kinds().prop_map(Some), Just(Some(&[][..]))];
    let revoke = (select(&Cause::ALL[..]), named, card(), day()).prop_map(|(cause, kinds, card, event)| What::Revoke {
        cause,
        kinds,
        card,
        event,
    });
    let likely = (kinds(), card()).prop_map(|(kinds, card)| What::Revoke {
        cause: Cause::HolderApplication,
        kinds: Some(kinds),
        card,
        event: None,
    });
    prop_oneof![
        8 => issue,
        3 => revoke,
        2 => likely,
        2 => card().prop_map(What::Hold),
        2 => card().prop_map(What::Release),
        3 => told(false).prop_map(What::Change),
        9 => told(true).prop_map(What::Change),
        2 => (0..20usize).prop_map(What::Again),
        6 => receive(),
        14 => (0..4usize).prop_map(What::Lead),
        3 => (0..4usize, any_event()).prop_map(|(of, step)| What::Advance(of, step)),
        2 => (0..4usize, any::<bool>(), select(vec![0u32, 0, 0, 1, 2]), prop::bool::weighted(0.2))
            .prop_map(|(of, again, fails, other)| What::IssueFor { of, again, fails, other }),
        5 => Just(What::Turn),
        1 => Just(What::Restart),
    ]
}

fn sometimes<T: Clone + std::fmt::Debug + 'static>(values: Vec<T>, weight: f64) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(weight, select(values))
}

/// A report by hand, or an event of the feed; most of them such as a town could make.
fn told(numbered: bool) -> impl Strategy<Value = Told> {
    let number = if numbered {
        prop_oneof![9 => Just(Some(100)), 1 => (0..4usize).prop_map(Some)].boxed()
    } else {
        Just(None).boxed()
    };
    let event = prop_oneof![
        3 => select(&EVENTS[..]),
        2 => Just(Event::MoveOut),
        2 => Just(Event::MoveIn),
        1 => Just(Event::ContinuedUse),
        1 => Just(Event::Registration),
    ];
    let days = (
        sometimes(vec![0, 0, 0, -1, -1, -5, -5, -40, -40, -95, -95, -130, -400, -20_000, 1], 0.7),
        sometimes(vec![0, 0, 0, 0, 1, 2, 4, 14, 30, -1], 0.7),
        sometimes(vec![0, -1, -14, -15, -45, -400, 1], 0.3),
        sometimes(vec![0, 5, -10, -40, 300, 400], 0.8),
    );
    let rest = (
        sometimes(vec![0u32, 1, 2], 0.3),
        0..TOWNS.len(),
        prop::bool::weighted(0.06),
        sometimes(vec![(0usize, 0u8), (0, 0), (0, 0), (1, 0), (2, 0), (0, 1), (0, 2), (0, 3), (9, 0)], 0.5),
        prop::bool::weighted(0.06),
        sometimes(vec![-2, -2, 30_000], 0.5),
    );
    (event, number, days, rest).prop_map(|(event, number, (day, notified, moved_in, planned), rest)| {
        let (order, to, slip, shown, odd, birth) = rest;
        let out = (event == Event::MoveOut) != slip;
        let arrives = matches!(event, Event::MoveIn | Event::ContinuedUse) != odd;
        Told {
            event,
            number,
            order,
            to: out.then_some(to),
            planned: planned.filter(|_| out),
            moved_in: moved_in.filter(|_| (event == Event::MoveIn) != odd),
            shown: shown.filter(|_| arrives),
            birth: birth.filter(|_| (event == Event::Correction) != odd),
            day,
            // So many days after the event; hardly ever one that is to come.
            notified: notified.map(|after| (day.unwrap_or(0) + after).min(if after == 30 { 30 } else { 0 })),
        }
    })
}

fn receive() -> impl Strategy<Value = What> {
    let procedure = prop_oneof![
        3 => Just(Procedure::NewIssue),
        3 => Just(Procedure::Renewal),
        2 => Just(Procedure::Reissue),
        2 => select(&Procedure::ALL[..]),
    ];
    let paper = || {
        prop::option::of(select(vec![
            SealedPaper::Fits,
            SealedPaper::Fits,
            SealedPaper::Incomplete,
            SealedPaper::WrongPin,
        ]))
    };
    let odd = select(vec![0u8, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5]);
    let applicant = prop_oneof![
        3 => Just(Applicant::Holder),
        2 => Just(Applicant::Agent),
        2 => select(&Applicant::ALL[..]),
    ];
    (procedure, applicant, [paper(), paper()], kinds(), card(), odd).prop_map(
        |(procedure, applicant, papers, kinds, card, odd)| What::Receive {
            procedure,
            applicant,
            papers,
            kinds,
            card,
            odd,
        },
    )
}

fn any_event() -> impl Strategy<Value = Step> {
    let brought = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>())
        .prop_map(|(same_agent, sealed, pin, facts, paper)| Brought { same_agent, sealed, pin, facts, paper });
    let brought = prop_oneof![2 => Just(Brought::GOOD), 1 => brought];
    let defect = prop::option::of(select(vec![Defect::NoPin, Defect::SealBroken]));
    let rule = select(vec!["E-03", "E-02", "X-99"]);
    (select(&On::ALL[..]), prop::bool::weighted(0.1), any::<bool>(), brought, defect, rule).prop_map(
        |(on, stale, confirmed, brought, defect, rule)| Step {
            on,
            stale,
            confirmed: confirmed && on == On::SendInquiry,
            brought: Some(brought).filter(|_| on == On::ReplyHandedIn),
            defect: defect.filter(|_| on == On::DefectFound),
            rule: Some(rule).filter(|_| on == On::Reject),
        },
    )
}

pub(crate) fn step() -> impl Strategy<Value = Ask> {
    let who = prop_oneof![
        8 => Just(None),
        2 => (0..TOWNS.len()).prop_map(|town| Some(Who::Town(town))),
        1 => Just(Some(Who::Operator)),
    ];
    let days = select(vec![0, 0, 0, 0, 1, 1, 6, 7, 29, 31, 40, 91, 400, 1500, 1650, 1826]);
    (days, who, 0..2usize, what()).prop_map(|(days, who, person, what)| Ask { days, who, person, what })
}
