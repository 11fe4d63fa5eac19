//! Any requests in any order, by anybody, about people and cards in any state: the service answers as the model says, its state
//! is legal after each, and what is told again gives the same.
//!
//! `tests/stories/random.rs` asks for what a counter might; here requests need not make sense, and another engine must come
//! to the same end.

use std::sync::Arc;

use jitsuin::{
    authority::change::RegisterEvent as Event,
    kind::Kind::{self, Auth, Sign},
    ports::Store,
    rules::{Asked, Cause},
    store::{MemoryStore, SqliteStore},
};
use proptest::{prelude::*, sample::select};

use crate::{
    ask::{Case, Desk, Tally},
    compare::Depth,
    days::{self, Day},
    lists::ListBook,
    request::{Application, AskedCard, Moment, Request, TOWNS, Who},
    world::{self, KEEPERS_CARD, World},
};

const EVENTS: [Event; 12] = [
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
];

/// What is asked; days are counted from the day of the asking.
#[derive(Clone, Debug)]
enum What {
    Issue { asked: Asked, kinds: &'static [Kind], card: usize, end: End, slip: Slip, fails: u32 },
    Revoke { cause: Cause, kinds: Option<&'static [Kind]>, card: usize, event: Option<i32> },
    Hold(usize),
    Release(usize),
    Change { event: Event, to: Option<usize>, birth: Option<i32>, day: Option<i32> },
}

/// What an application says of the end of the card.
#[derive(Clone, Copy, Debug)]
enum End {
    Nothing,
    Printed(i32),
    Stay(i32),
}

/// What is wrong with an application, or unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slip {
    Nothing,
    Birth,
    Ward,
    NoWard,
    NotApplied,
    Keepers,
}

#[derive(Clone, Debug)]
struct Step {
    days: i32,
    who: Option<Who>,
    person: usize,
    what: What,
}

fn kinds() -> impl Strategy<Value = &'static [Kind]> {
    select(vec![&Kind::BOTH[..], &Kind::BOTH, &[Auth], &[Sign]])
}

/// Mostly the first two cards.
fn card() -> impl Strategy<Value = usize> {
    select(vec![0usize, 0, 0, 1, 1, 2, 3])
}

fn day() -> impl Strategy<Value = Option<i32>> {
    select(vec![None, None, None, Some(0), Some(-1), Some(-40), Some(-20_000), Some(1)])
}

fn what() -> impl Strategy<Value = What> {
    use Slip::*;
    let asked = select(vec![Asked::New, Asked::New, Asked::Renewal]);
    let slip = select(vec![Nothing, Nothing, Nothing, Nothing, Nothing, Birth, Ward, NoWard, NotApplied, Keepers]);
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
    let to = prop_oneof![2 => Just(None), 1 => (0..TOWNS.len()).prop_map(Some)];
    let birth = prop_oneof![8 => Just(None), 1 => select(vec![Some(-2), Some(30_000)])];
    let change = (select(&EVENTS[..]), to, birth, day()).prop_map(|(event, to, birth, day)| What::Change {
        event,
        to,
        birth,
        day,
    });
    let leave =
        (0..TOWNS.len()).prop_map(|to| What::Change { event: Event::MoveOut, to: Some(to), birth: None, day: None });
    prop_oneof![
        10 => issue,
        3 => revoke,
        2 => likely,
        2 => card().prop_map(What::Hold),
        2 => card().prop_map(What::Release),
        4 => change,
        1 => leave,
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let who = prop_oneof![
        8 => Just(None),
        2 => (0..TOWNS.len()).prop_map(|town| Some(Who::Town(town))),
        1 => Just(Some(Who::Operator)),
    ];
    let days = select(vec![0, 0, 0, 1, 6, 7, 40, 91, 400, 1500, 1650, 1826]);
    (days, who, 0..2usize, what()).prop_map(|(days, who, person, what)| Step { days, who, person, what })
}

/// Two people on a store.
struct Play {
    world: World,
    cases: [Case; 2],
    lists: ListBook,
    now: Moment,
    published: Day,
}

/// Somebody of 20, and a child who turns 15 on the way; both on a leap day.
const BIRTHS: [(i32, u32, u32); 2] = [(2004, 2, 29), (2016, 2, 29)];

impl Play {
    fn new(store: Arc<dyn Store>) -> Self {
        let day = days::number(2026, 1, 5);
        let now = Moment { day, at: days::first_second(day) + 36_000 };
        let world = World::new(store, now, world::schedule(7, 1));
        let cases = ["TEST-A", "TEST-B"].map(|name| Case { kept: Some(Vec::new()), ..Case::new(name.into()) });
        Self { world, cases, lists: ListBook::default(), now, published: day - 1 }
    }

    fn request(&self, step: &Step, first: Day) -> Request {
        let (case, today) = (&self.cases[step.person], self.now.day);
        let number = |card: &usize| format!("C-{}-{card}", case.reference);
        match &step.what {
            What::Issue { asked, kinds, card, end, slip, fails } => {
                let issued = first + *card as i32 * 1200;
                let (year, month, day) = BIRTHS[step.person];
                let born = days::number(year, month, day);
                let known = if case.record.known { case.record.birth } else { born };
                let birth = if *slip == Slip::Birth { known - 1 } else { known };
                let number = if *slip == Slip::Keepers { KEEPERS_CARD.into() } else { number(card) };
                let applied = (*slip != Slip::NotApplied).then_some(issued - 30);
                let (last, stay) = match end {
                    End::Nothing => (None, None),
                    End::Printed(after) => (Some(issued + after), None),
                    End::Stay(after) => (None, Some(today + after)),
                };
                let ward = match slip {
                    Slip::Ward => Some(true),
                    Slip::NoWard => Some(false),
                    _ => None,
                };
                let card = AskedCard { number, issued, applied, last, stay };
                Request::Issue(Application { asked: *asked, kinds, birth, ward, card, fails: *fails })
            }
            What::Revoke { cause, kinds, card, event } => {
                let event = event.map(|day| today + day);
                Request::Revoke { card: number(card), cause: *cause, kinds: *kinds, event }
            }
            What::Hold(card) => Request::Hold { card: number(card) },
            What::Release(card) => Request::Release { card: number(card) },
            What::Change { event, to, birth, day } => Request::Change {
                event: *event,
                to: *to,
                birth: birth.map(|days| case.record.birth + days),
                day: day.map(|day| today + day),
            },
        }
    }

    fn take(&mut self, step: &Step) {
        let first = days::number(2026, 1, 5);
        self.now.day += step.days;
        self.now.at += i64::from(step.days) * 86_400 + 1;
        self.world.set_clock(self.now);
        let request = self.request(step, first);
        let home = self.cases[step.person].record.home;
        let who = step.who.unwrap_or(Who::Town(if let Request::Change { event: Event::MoveIn, .. } = request {
            self.cases[step.person].record.moving_to.unwrap_or(home)
        } else {
            home
        }));
        let (mut tally, mut changes) = (Tally::default(), Vec::new());
        let mut desk = Desk { world: &self.world, now: self.now, tally: &mut tally, changes: &mut changes };
        self.cases[step.person].ask(&mut desk, who, &request);
        changes.iter().for_each(|change| self.lists.note(change));
        self.compare();
        if self.published < self.now.day {
            self.published = self.now.day;
            self.lists.publish(&self.world, self.now);
            self.lists.begin_again(self.now);
        }
    }

    fn compare(&self) {
        for case in &self.cases {
            case.compare(&self.world, self.now, Depth::Whole);
        }
    }

    fn audit_entries(&self) -> usize {
        self.world.store.audit_after(0, usize::MAX).expect("the store reads").len()
    }

    /// All that does not depend on keys and serial numbers.
    fn shape(&self) -> String {
        let lives = self.cases.each_ref().map(|case| {
            let mut record = case.record.clone();
            let nobody = jitsuin::x509::Serial::from_octets(&[1]).expect("a serial");
            record.certificates.iter_mut().for_each(|one| one.serial = nobody);
            record
        });
        format!("{lives:#?} {} lists with {} entries", self.lists.published, self.lists.entries)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_requests_in_any_order_leave_a_legal_state_and_told_again_the_same(
        steps in proptest::collection::vec(step(), 6..40),
    ) {
        let mut play = Play::new(Arc::new(MemoryStore::new()));
        steps.iter().for_each(|step| play.take(step));
        let (entries, shape) = (play.audit_entries(), play.shape());
        play.cases.iter().for_each(|case| case.resend(&play.world));
        play.compare();
        prop_assert_eq!(play.audit_entries(), entries, "what was told before is no act");
        play.world.restart();
        play.compare();

        let folder = world::folder();
        let store = SqliteStore::open(&folder.path().join("jitsuin.db")).expect("a database");
        let mut again = Play::new(Arc::new(store));
        steps.iter().for_each(|step| again.take(step));
        prop_assert_eq!(again.shape(), shape);
    }
}
