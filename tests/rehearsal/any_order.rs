//! Any requests in any order, by anybody, about people and cards in any state: the register's events by hand and by the feed,
//! applications at once and over weeks, and the timers in between. The service answers as the model says, its state is legal
//! after each, and what is told again gives the same.
//!
//! `tests/stories/random.rs` asks for what a counter might; here requests need not make sense, and another engine must come
//! to the same end.

use std::sync::Arc;

use jitsuin::{
    authority::change::RegisterEvent as Event,
    kind::Kind::{self, Auth, Sign},
    ports::Store,
    rules::{
        Asked,
        application::{ApplicationEvent as On, ApplicationState as At},
        procedure::{Applicant, Procedure, SealedPaper},
    },
    store::{MemoryStore, SqliteStore},
};
use proptest::prelude::*;

use crate::{
    any_step::{Ask, End, Slip, Told, What, step},
    ask::{Case, Desk, Tally},
    compare::Depth,
    course::{Class, class},
    days::{self, Day},
    filing::is_over,
    letters::LetterBook,
    lists::ListBook,
    record::Change,
    reported::Letter,
    request::{Application, AskedCard, Brought, Filing, Moment, Place, Report, Request, Shown, Step, Who},
    send::Answer,
    timers::{self, Turn},
    world::{self, KEEPERS_CARD, World},
};

/// Two people on a store.
pub(crate) struct Play {
    pub(crate) world: World,
    pub(crate) cases: [Case; 2],
    lists: ListBook,
    pub(crate) now: Moment,
    published: Day,
    letters: LetterBook,
    /// What the feed brought.
    fed: Vec<(usize, Who, Report)>,
    turns: Counted,
}

#[derive(Default)]
struct Counted {
    passed: usize,
    lapsed: usize,
}

/// Somebody of 20, and a child who turns 15 on the way; both on a leap day.
const BIRTHS: [(i32, u32, u32); 2] = [(2004, 2, 29), (2016, 2, 29)];

impl Play {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        let day = days::number(2026, 1, 5);
        let now = Moment { day, at: days::first_second(day) + 36_000 };
        let world = World::new(store, now, world::schedule(7, 1));
        let cases = ["TEST-A", "TEST-B"].map(|name| Case { kept: Some(Vec::new()), ..Case::new(name.into()) });
        let (lists, letters) = (ListBook::default(), LetterBook::default());
        Self { world, cases, lists, now, published: day - 1, letters, fed: Vec::new(), turns: Counted::default() }
    }

    fn number(&self, person: usize, card: usize) -> String {
        format!("C-{}-{card}", self.cases[person].reference)
    }

    /// What is asked; nothing where there is nothing to ask about.
    fn request(&self, step: &Ask, first: Day) -> Request {
        let (case, today) = (&self.cases[step.person], self.now.day);
        let number = |card: &usize| self.number(step.person, *card);
        let place = |of: usize| if case.record.files.is_empty() { 0 } else { of % case.record.files.len() };
        let files = &case.record.files;
        let open: Vec<Place> = (0..files.len()).filter(|of| !is_over(files[*of].at)).collect();
        match &step.what {
            What::Issue { asked, kinds, card, end, slip, fails } => {
                let application = self.application(step.person, (*card, *end, *slip), first);
                Request::Issue(Application { asked: *asked, kinds, fails: *fails, ..application })
            }
            What::Revoke { cause, kinds, card, event } => {
                let event = event.map(|day| today + day);
                Request::Revoke { card: number(card), cause: *cause, kinds: *kinds, event }
            }
            What::Hold(card) => Request::Hold { card: number(card) },
            What::Release(card) => Request::Release { card: number(card) },
            What::Change(told) => Request::Change(self.report(step.person, told)),
            What::Again(of) => match self.fed_before(*of) {
                Some((_, _, report)) => Request::Change(report.clone()),
                None => Request::Change(Report::of(Event::MinorCorrection)),
            },
            What::Receive { procedure, applicant, papers, kinds, card, odd } => {
                self.filing(step.person, (*procedure, *applicant, *papers), (kinds, *card, *odd), first)
            }
            What::Lead(of) if open.is_empty() => self.sensible(step.person, *of, first),
            What::Lead(of) => self.lead(step.person, open[of % open.len()]),
            What::Advance(of, step) => Request::Advance(place(*of), *step),
            What::IssueFor { of, again, fails, other } => {
                let of = place(*of);
                let filed = case.record.files.get(of).map(|file| file.filing.application.clone());
                let filed =
                    filed.unwrap_or_else(|| self.application(step.person, (0, End::Nothing, Slip::Nothing), first));
                let again = *again && case.has_keys(of);
                let kinds = if filed.kinds.is_empty() || *other && !again { &[Auth][..] } else { filed.kinds };
                let fails = if again { 0 } else { (*fails).min(kinds.len() as u32) };
                Request::IssueFor { of, application: Application { kinds, fails, ..filed }, again }
            }
            What::Turn | What::Restart => Request::Hold { card: "C-NOBODY".into() },
        }
    }

    fn application(&self, person: usize, (card, end, slip): (usize, End, Slip), first: Day) -> Application {
        let (case, today) = (&self.cases[person], self.now.day);
        // The last one comes only years later.
        let issued = first + [0, -60, -900, 1200].get(card).copied().unwrap_or(0);
        let (year, month, day) = BIRTHS[person];
        let born = days::number(year, month, day);
        let known = if case.record.known { case.record.birth } else { born };
        let birth = if slip == Slip::Birth { known - 1 } else { known };
        let number = if slip == Slip::Keepers { KEEPERS_CARD.into() } else { self.number(person, card) };
        let applied = (slip != Slip::NotApplied).then_some(issued - 30);
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
        let (asked, of_the_day, kinds) = (Asked::New, false, &Kind::BOTH[..]);
        Application { asked, of_the_day, kinds, birth, ward, card, fails: 0 }
    }

    fn report(&self, person: usize, told: &Told) -> Report {
        let (record, today) = (&self.cases[person].record, self.now.day);
        let number = told.number.map(|number| match number {
            100 => format!("N-{person}-{:04}", self.fed.len()),
            few => format!("F-{person}-{few}"),
        });
        let of = |day: Option<i32>| day.map(|day| today + day);
        let shown = told.shown.map(|(card, wrong)| Shown {
            card: self.number(person, card),
            pin: wrong != 1 && wrong != 3,
            face: wrong == 3,
            room: wrong != 2,
        });
        Report {
            event: told.event,
            number,
            order: told.order,
            to: told.to,
            planned: of(told.planned),
            moved_in: of(told.moved_in),
            shown,
            birth: told.birth.map(|days| record.birth + days),
            day: of(told.day),
            notified: of(told.notified),
        }
    }

    fn filing(
        &self,
        person: usize,
        (procedure, applicant, [mandate, enclosed]): (Procedure, Applicant, [Option<SealedPaper>; 2]),
        (kinds, card, odd): (&'static [Kind], usize, u8),
        first: Day,
    ) -> Request {
        let slip = match odd {
            1 => Slip::Ward,
            2 => Slip::NoWard,
            3 => Slip::Birth,
            _ => Slip::Nothing,
        };
        let application = self.application(person, (card, End::Nothing, slip), first);
        let of_the_day = procedure == Procedure::Renewal;
        let asked = if of_the_day { Asked::Renewal } else { Asked::New };
        let issues = matches!(procedure, Procedure::NewIssue | Procedure::Renewal | Procedure::Reissue);
        let kinds = if issues != (odd == 4) { kinds } else { &[] };
        let named = (applicant != Applicant::Holder) != (odd == 5);
        let application = Application { asked, of_the_day, kinds, ..application };
        let (came, face) = (card == 1, card == 2);
        Request::Receive(Filing { procedure, applicant, named, came, mandate, enclosed, face, application })
    }

    fn fed_before(&self, of: usize) -> Option<&(usize, Who, Report)> {
        self.fed.get(of % self.fed.len().max(1))
    }

    /// What a counter would take of the person today: what is missing, a renewal, or something without certificates.
    fn sensible(&self, person: usize, choice: usize, first: Day) -> Request {
        let (record, now) = (&self.cases[person].record, self.now);
        let mut application = self.application(person, (0, End::Nothing, Slip::NotApplied), first);
        if let Some(place) = record.card_in_use() {
            let card = &record.cards[place];
            (application.card.number, application.card.issued) = (card.number.clone(), card.issued);
        } else if record.cards.iter().any(|card| card.number == application.card.number) {
            application.card.number = format!("C-{}-new-{}", self.cases[person].reference, now.day);
            application.card.issued = now.day;
        }
        let class = class(application.birth, record.ward, now.day);
        let signs = class == Class::Ordinary;
        let kinds: &'static [Kind] =
            match (record.good(Auth, now).is_some(), record.good(Sign, now).is_some() || !signs) {
                (true, false) => &[Sign],
                (false, true) => &[Auth],
                _ if signs => &Kind::BOTH,
                _ => &[Auth],
            };
        let live = |kind: &Kind| record.good(*kind, now).is_some();
        let (procedure, kinds) = match kinds.iter().all(live) {
            true if choice == 3 => (Procedure::PinReset, &[][..]),
            true => (Procedure::Renewal, kinds),
            false => (Procedure::Reissue, kinds),
        };
        let of_the_day = procedure == Procedure::Renewal;
        let asked = if of_the_day { Asked::Renewal } else { Asked::New };
        let applicant = match class {
            _ if choice.is_multiple_of(2) => Applicant::Agent,
            Class::Ordinary => Applicant::Holder,
            _ => Applicant::StatutoryAgent,
        };
        let application = Application { asked, of_the_day, kinds, ..application };
        let named = applicant != Applicant::Holder;
        let (came, face, mandate, enclosed) = (true, false, None, None);
        Request::Receive(Filing { procedure, applicant, named, came, mandate, enclosed, face, application })
    }

    /// What comes next for an application.
    fn lead(&self, person: usize, of: Place) -> Request {
        let Some(file) = self.cases[person].record.files.get(of) else {
            return Request::Advance(of, Step::of(On::Withdraw));
        };
        let step = match file.at {
            At::Received if !file.two_visits => Step::of(On::Verify),
            At::Received | At::ReplyDefective => Step::of(On::SendInquiry),
            At::InquiryReturned => Step { confirmed: true, ..Step::of(On::SendInquiry) },
            At::InquirySent => Step { brought: Some(Brought::GOOD), ..Step::of(On::ReplyHandedIn) },
            At::ReplyReceived if file.defect.is_some() => Step::of(On::DefectFound),
            At::ReplyReceived => Step::of(On::Verify),
            At::Verified if !file.filing.issues() => Step::of(On::CarryOut),
            At::Verified => Step::of(On::GenerateKey),
            At::KeyGenerated => Step::of(On::Send),
            At::SentToCa => {
                let application = file.filing.application.clone();
                return Request::IssueFor { of, application, again: false };
            }
            At::Issued => Step::of(On::WriteToCard),
            _ => Step::of(On::HandOver),
        };
        Request::Advance(of, step)
    }

    /// Who asks, where the step does not say: who would.
    fn asker(&self, step: &Ask, request: &Request) -> Who {
        let record = &self.cases[step.person].record;
        let home = match request {
            Request::Change(Report { event: Event::MoveIn, .. }) => record.moving_to.unwrap_or((record.home + 1) % 3),
            Request::Advance(of, _) | Request::IssueFor { of, .. } => {
                record.files.get(*of).map_or(record.home, |file| file.town)
            }
            _ => record.home,
        };
        step.who.unwrap_or(Who::Town(home))
    }

    /// So much later.
    pub(crate) fn pass(&mut self, days: i32) {
        self.now.day += days;
        self.now.at += i64::from(days) * 86_400 + 1;
        self.world.set_clock(self.now);
    }

    pub(crate) fn take(&mut self, step: &Ask) {
        self.pass(step.days);
        match step.what {
            What::Turn => self.turn(),
            What::Restart => self.world.restart(),
            _ => {
                let request = self.request(step, days::number(2026, 1, 5));
                let (mut person, mut who) = (step.person, self.asker(step, &request));
                if let What::Again(of) = step.what
                    && let Some((of_whom, by, _)) = self.fed_before(of)
                {
                    (person, who) = (*of_whom, *by);
                }
                self.ask(person, who, &request);
                if let Request::Change(report) = request
                    && report.number.is_some()
                {
                    self.fed.push((person, who, report));
                }
            }
        }
        if self.published < self.now.day {
            self.published = self.now.day;
            self.lists.publish(&self.world, self.now);
            self.lists.begin_again(self.now);
        }
    }

    pub(crate) fn ask(&mut self, person: usize, who: Who, request: &Request) -> Answer {
        let (mut tally, mut changes, mut letters) = (Tally::default(), Vec::new(), Vec::new());
        let now = self.now;
        let mut desk =
            Desk { world: &self.world, now, tally: &mut tally, changes: &mut changes, letters: &mut letters };
        let answer = self.cases[person].ask(&mut desk, who, request);
        self.note(&changes, letters);
        answer
    }

    /// The timers run.
    pub(crate) fn turn(&mut self) {
        let mut turn = Turn::default();
        self.cases.iter_mut().for_each(|case| case.turn(&mut turn, self.now));
        timers::run(&self.world, &turn, self.now);
        (self.turns.passed, self.turns.lapsed) = (self.turns.passed + turn.passed, self.turns.lapsed + turn.lapsed);
        self.note(&turn.changes, turn.letters);
    }

    fn note(&mut self, changes: &[Change], letters: Vec<Letter>) {
        changes.iter().for_each(|change| self.lists.note(change));
        self.letters.read(&self.world, letters, self.now);
        self.compare();
    }

    fn compare(&self) {
        for case in &self.cases {
            case.compare(&self.world, self.now, Depth::Last);
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
            record.forget_answers();
            record
        });
        let Counted { passed, lapsed } = self.turns;
        let (lists, entries, letters) = (self.lists.published, self.lists.entries, self.letters.found);
        format!("{lives:#?} {lists} lists with {entries} entries, {letters} letters, {passed} passed, {lapsed} lapsed")
    }
}

/// Both are known, and have what they can have: most of what may be asked is about somebody.
pub(crate) fn begin() -> [Ask; 2] {
    [&Kind::BOTH[..], &[Auth]].map(|kinds| {
        let what = What::Issue { asked: Asked::New, kinds, card: 0, end: End::Nothing, slip: Slip::Nothing, fails: 0 };
        Ask { days: 0, who: None, person: usize::from(kinds.len() == 1), what }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_requests_in_any_order_leave_a_legal_state_and_told_again_the_same(
        begun in prop::bool::weighted(0.85),
        steps in proptest::collection::vec(step(), 6..60),
    ) {
        let steps: Vec<Ask> = begin().into_iter().filter(|_| begun).chain(steps).collect();
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
