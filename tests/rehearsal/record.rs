//! The model: what the service must have on record of one person, and what it must answer, plainly from the rule book.
//!
//! It differs from the service on purpose: it names *every* rule that forbids a request, in no order; the service must allow
//! what none forbids, and otherwise name one of them.

use jitsuin::{
    kind::Kind::{self, Auth, Sign},
    ports::ApplicationNumber,
    rules::{Asked, Cause, application::ApplicationState},
    x509::{RevocationReason as Reason, Serial},
};

use crate::{
    days::{self, Day},
    filing::File,
    ledger::{Blow, Ledger, Said, Towns, Unshown, only},
    request::{Application, Moment, Request, TAKING_PART, Who},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Live,
    Held,
    Revoked,
}

/// The end or the hold of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) since: i64,
    pub(crate) reason: Reason,
    /// When it happened, where that was before.
    pub(crate) event: Option<i64>,
    pub(crate) cause: Cause,
}

#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) kind: Kind,
    pub(crate) serial: Serial,
    pub(crate) town: usize,
    /// Place of its card.
    pub(crate) card: usize,
    pub(crate) from: i64,
    pub(crate) last: Day,
    pub(crate) state: State,
    pub(crate) end: Option<End>,
    /// Not discarded before it was signed.
    pub(crate) signed: bool,
    /// A later application noted that it is over.
    pub(crate) noted: bool,
}

impl Certificate {
    pub(crate) fn is_over(&self, now: Moment) -> bool {
        self.last < now.day
    }

    /// Live or held, and not over.
    pub(crate) fn stands(&self, now: Moment) -> bool {
        self.state != State::Revoked && !self.is_over(now)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Card {
    pub(crate) number: String,
    pub(crate) issued: Day,
    pub(crate) applied: Day,
    pub(crate) last: Day,
    pub(crate) void: bool,
    /// 顔認証マイナンバーカード.
    pub(crate) face: bool,
}

/// What becomes of a certificate, as lists must tell it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) kind: Kind,
    pub(crate) serial: Serial,
    pub(crate) town: usize,
    pub(crate) last: Day,
    pub(crate) state: State,
    /// How it ended; of a release, the hold that is over.
    pub(crate) end: End,
}

/// What the service knows of a person; all of it empty until the first application that is not refused.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    pub(crate) known: bool,
    pub(crate) registered: bool,
    pub(crate) birth: Day,
    pub(crate) ward: bool,
    pub(crate) home: usize,
    pub(crate) moving_to: Option<usize>,
    pub(crate) cards: Vec<Card>,
    pub(crate) certificates: Vec<Certificate>,
    /// What the register told; of who is known.
    pub(crate) ledger: Option<Ledger>,
    /// What was filed, in order.
    pub(crate) files: Vec<File>,
}

/// The rules that forbid a request; none: it is allowed.
pub(crate) type Forbidden = Vec<&'static str>;

/// The last day of a card (V-05, カ省26, 29③).
pub(crate) fn card_last(birth: Day, issued: Day, applied: Day, stay: Option<Day>, exchanged: Option<Day>) -> Day {
    let majority = if applied < days::number(2022, 4, 1) { 20 } else { 18 };
    let mut count = if days::age(birth, issued) >= majority { 10 } else { 5 };
    if exchanged.is_some_and(|old| days::window_opens(old) <= issued && issued <= old) {
        count += 1;
    }
    let ordinary = days::birthday_after(birth, issued, count);
    stay.map_or(ordinary, |stay| stay.min(ordinary))
}

pub(crate) fn voids_cards(cause: Cause) -> bool {
    use Cause::*;
    [Death, CardVoidAfterMove, OverseasMove, CardReissuedAfterLoss, CardReissuedAfterDamage, CardReturned]
        .contains(&cause)
}

impl Record {
    /// The newest certificate of a kind; one that was discarded unsigned never was one.
    pub(crate) fn newest(&self, kind: Kind) -> Option<&Certificate> {
        self.certificates.iter().rev().find(|one| one.kind == kind && one.signed)
    }

    pub(crate) fn standing(&self, kind: Kind, now: Moment) -> Option<&Certificate> {
        self.certificates.iter().find(|one| one.kind == kind && one.stands(now))
    }

    pub(crate) fn good(&self, kind: Kind, now: Moment) -> Option<&Certificate> {
        self.standing(kind, now).filter(|one| one.state == State::Live)
    }

    pub(crate) fn card_place(&self, number: &str) -> Option<usize> {
        self.cards.iter().position(|card| card.number == number)
    }

    /// The card that the holder uses: the newest that is not void and bears a certificate.
    pub(crate) fn card_in_use(&self) -> Option<usize> {
        let bears = |place: usize| self.certificates.iter().any(|one| one.card == place && one.signed);
        (0..self.cards.len()).rev().find(|place| !self.cards[*place].void && bears(*place))
    }

    /// The last day that the card of an application has or gets.
    pub(crate) fn card_last_day(&self, asked: &Application) -> Day {
        let card = &asked.card;
        let known = self.card_place(&card.number).map(|place| self.cards[place].last);
        let exchanged = self.card_in_use().map(|place| self.cards[place].last);
        let birth = if self.known { self.birth } else { asked.birth };
        let derived = || card_last(birth, card.issued, card.applied.unwrap_or(card.issued), card.stay, exchanged);
        card.last.or(known).unwrap_or_else(derived)
    }

    /// Without what keys, serial numbers and random numbers make different each time.
    pub(crate) fn forget_answers(&mut self) {
        let entries = self.ledger.iter_mut().flat_map(|ledger| &mut ledger.entries);
        for entry in entries {
            if let Said::Reported { answer, .. } = &mut entry.said {
                *answer = None;
            }
        }
        for file in &mut self.files {
            file.number = ApplicationNumber([0; 16]);
            file.issued = None;
        }
    }

    pub(crate) fn forbidden(&self, who: Who, request: &Request, now: Moment) -> Forbidden {
        match request {
            Request::Issue(application) => self.forbidden_issue(who, application, now),
            Request::Revoke { card, cause, kinds, event } => {
                self.forbidden_revocation(who, card, (*cause, *kinds, *event), now)
            }
            Request::Hold { card } => self.forbidden_hold(who, card, now),
            Request::Release { card } => self.forbidden_release(who, card, now),
            Request::Change(report) => self.forbidden_report(who, report, now),
            Request::Receive(filing) => self.forbidden_filing(who, filing, now),
            Request::Advance(place, step) => self.forbidden_step(who, *place, step, now),
            Request::IssueFor { of, application, again } => {
                self.forbidden_issue_for(who, (*of, *again), application, now)
            }
        }
    }

    pub(crate) fn is_home(&self, who: Who) -> bool {
        who == Who::Town(self.home)
    }

    pub(crate) fn forbidden_issue(&self, who: Who, asked: &Application, now: Moment) -> Forbidden {
        let mut rules = self.forbidden_by_register(who, asked, now);
        rules.extend(self.forbidden_by_record(who, asked, now));
        rules
    }

    /// What the register told of the person and of what became of cards (E-02, E-03, M-01, R-20).
    fn forbidden_by_register(&self, who: Who, asked: &Application, now: Moment) -> Forbidden {
        let Some(story) = self.ledger.as_ref().map(Ledger::story) else { return Vec::new() };
        let mut rules = Vec::new();
        if story.end.has_left(now.day) {
            rules.push("E-02");
        }
        let place = self.card_place(&asked.card.number);
        let here = if let Who::Town(town) = who { only(town) } else { 0 };
        let day = place.map_or(asked.card.issued, |place| self.cards[place].issued);
        let from = place.map_or(here, |place| self.first_town(place));
        let of_before = |until: Day, fresh: Towns| day < until || day == until && from & fresh == 0;
        for one in story.end.unshown.iter().filter(|one| of_before(one.notified, one.towns)) {
            if one.onward.is_some() {
                rules.push(if story.end.abroad { "R-20" } else { "M-01" });
            }
            if one.void() <= now.day {
                rules.push("E-03");
            }
        }
        let ended = |blow: &Blow| {
            voids_cards(blow.cause) && blow.until.map_or(day < blow.day, |until| of_before(until, blow.fresh))
        };
        if place.is_none() && story.fitting.iter().any(|(_, blow)| ended(blow)) {
            rules.push("E-03");
        }
        rules
    }

    /// The town of the first certificate on a card.
    fn first_town(&self, place: usize) -> Towns {
        self.certificates.iter().find(|one| one.card == place).map_or(0, |one| only(one.town))
    }

    /// Whether a card is void by a move after which it was not shown in time.
    fn is_overdue(&self, place: usize, now: Moment) -> bool {
        let Some(story) = self.ledger.as_ref().map(Ledger::story) else { return false };
        let day = self.cards[place].issued;
        let struck = |until: Day, fresh: Towns| day < until || day == until && self.first_town(place) & fresh == 0;
        let over = |one: &Unshown| one.void() <= now.day && struck(one.notified, one.towns);
        let passed = |blow: &Blow| {
            blow.cause == Cause::CardVoidAfterMove && blow.until.is_none_or(|until| struck(until, blow.fresh))
        };
        story.end.unshown.iter().any(over) || story.fitting.iter().any(|(_, blow)| passed(blow))
    }

    pub(crate) fn forbidden_by_record(&self, who: Who, asked: &Application, now: Moment) -> Forbidden {
        let today = now.day;
        let mut rules = Vec::new();
        let takes_part = matches!(who, Who::Town(town) if town < TAKING_PART);
        if !takes_part || (self.known && !self.is_home(who)) {
            rules.push("E-02");
        }
        if self.known && !self.registered {
            rules.push("E-01");
        }
        if self.known && self.birth != asked.birth {
            rules.push("R-26");
        }
        let birth = if self.known { self.birth } else { asked.birth };
        if birth > today {
            rules.push("E-01");
            return rules;
        }
        if asked.asks(Sign) && days::age(birth, today) < 15 {
            rules.push("E-05");
        }
        if asked.asks(Sign) && asked.ward.unwrap_or(self.known && self.ward) {
            rules.push("E-06");
        }
        rules.extend(
            asked
                .kinds
                .iter()
                .filter_map(|kind| self.forbidden_replacement(*kind, self.as_what(asked, *kind, today), today)),
        );
        if self.gains_nothing(asked, today) {
            rules.push("V-15");
        }
        rules.extend(self.forbidden_card(asked, birth, now));
        rules
    }

    /// Whether a kind is renewed or issued anew: as it was asked for, or as the day has it (example 28).
    pub(crate) fn as_what(&self, asked: &Application, kind: Kind, today: Day) -> Asked {
        let live = self.newest(kind).is_some_and(|one| one.state == State::Live && one.last >= today);
        match (asked.of_the_day, live) {
            (false, _) => asked.asked,
            (true, true) => Asked::Renewal,
            (true, false) => Asked::New,
        }
    }

    /// E-04, V-11 to V-14.
    fn forbidden_replacement(&self, kind: Kind, asked: Asked, today: Day) -> Option<&'static str> {
        let live = self.newest(kind).filter(|one| one.state == State::Live && one.last >= today);
        match (asked, live) {
            (Asked::New, Some(_)) => Some("E-04"),
            (Asked::New, None) => None,
            (Asked::Renewal, None) => Some("V-14"),
            (Asked::Renewal, Some(one)) => (today < days::window_opens(one.last)).then_some("V-12"),
        }
    }

    /// V-15: SIGN alone would end with an AUTH that ends no later than the SIGN there is.
    fn gains_nothing(&self, asked: &Application, today: Day) -> bool {
        let standing = |kind| self.newest(kind).filter(|one| one.state != State::Revoked && one.last >= today);
        match (standing(Auth), standing(Sign)) {
            (Some(auth), Some(sign)) => {
                let renewed = self.as_what(asked, Sign, today) == Asked::Renewal;
                renewed && asked.kinds == [Sign] && auth.last <= sign.last
            }
            _ => false,
        }
    }

    /// E-03, E-10, V-05: the card.
    fn forbidden_card(&self, asked: &Application, birth: Day, now: Moment) -> Forbidden {
        let (card, today) = (&asked.card, now.day);
        let mut rules = Vec::new();
        let mut forbid = |is: bool, rule| {
            if is {
                rules.push(rule);
            }
        };
        let place = self.card_place(&card.number);
        let known = place.map(|place| self.cards[place].applied);
        let applied = known.or(card.applied).unwrap_or(card.issued);
        forbid(card.number == crate::world::KEEPERS_CARD, "E-03");
        if let Some(known) = place.map(|place| &self.cards[place]) {
            forbid(known.void, "E-03");
            forbid(known.face && asked.asks(Sign), "E-09");
            forbid(known.issued != card.issued, "E-03");
            forbid(card.applied.is_some_and(|day| day != known.applied), "E-03");
            forbid(card.stay.is_some_and(|stay| stay < known.last), "E-10");
            forbid(card.last.is_some_and(|last| last < known.last), "V-05");
            let held = |one: &Certificate| Some(one.card) == place && one.state == State::Held && !one.is_over(now);
            forbid(self.certificates.iter().any(held), "E-03");
        }
        for kind in Kind::BOTH.into_iter().filter(|kind| !asked.asks(*kind)) {
            forbid(self.standing(kind, now).is_some_and(|one| Some(one.card) != place), "E-03");
        }
        forbid(applied < birth || card.issued < applied || card.issued > today, "V-05");
        forbid(card.stay.is_some_and(|stay| stay < card.issued.max(today)), "E-10");
        let longest = || card_last(birth, card.issued, applied, card.stay, Some(card.issued));
        forbid(card.last.is_some_and(|last| last > longest()), "V-05");
        forbid(self.card_last_day(asked) < today, "V-05");
        rules
    }

    pub(crate) fn forbidden_event_day(&self, day: Option<Day>, now: Moment) -> bool {
        day.is_some_and(|day| day < self.birth || day > now.day)
    }

    fn forbidden_revocation(
        &self,
        who: Who,
        card: &str,
        (cause, kinds, event): (Cause, Option<&[Kind]>, Option<Day>),
        now: Moment,
    ) -> Forbidden {
        use Cause::*;
        let Some(place) = self.card_place(card) else { return vec!["T-09"] };
        let mut rules = Vec::new();
        match cause {
            Renewal | CaKeyCompromise | CardExpired => rules.push("R-02"),
            CardLost | CardFound => rules.push("R-21"),
            RegisterEntryChanged
            | MinorCorrection
            | Death
            | MoveOut
            | MoveInMissed
            | OverseasMove
            | OverseasMoveWithContinuedUse => rules.push("R-13"),
            RecordError | DuplicateIssue if who != Who::Operator => rules.push("T-08"),
            RecordError | DuplicateIssue => {}
            DiscardedBeforeDelivery if !self.is_home(who) => rules.push("E-02"),
            _ if who != Who::Operator && !self.is_home(who) => rules.push("E-02"),
            _ => {}
        }
        let per_kind = match cause {
            HolderApplication => Some("R-10"),
            KeyCompromise => Some("R-11"),
            RecordError | DuplicateIssue => Some("R-26"),
            DiscardedBeforeDelivery => Some("R-29"),
            _ => None,
        };
        match (per_kind, kinds) {
            (Some(rule), None | Some([])) => rules.push(rule),
            (None, Some(_)) => rules.push(cause.rule()),
            _ => {}
        }
        let struck = |one: &Certificate| {
            let named = kinds.is_none_or(|kinds| kinds.contains(&one.kind));
            one.card == place && one.stands(now) && named && !(cause == FaceAuthenticationOn && one.kind == Auth)
        };
        let delivered = |one: &Certificate| {
            self.files
                .iter()
                .any(|file| file.at == ApplicationState::Delivered && file.serial(one.kind) == Some(one.serial))
        };
        if cause == DiscardedBeforeDelivery && self.certificates.iter().any(|one| struck(one) && delivered(one)) {
            rules.push("R-29");
        }
        if cause == CardVoidAfterMove && !self.is_overdue(place, now) {
            rules.push("M-02");
        }
        let certified =
            |day: Day| self.certificates.iter().filter(|one| struck(one)).any(|one| day < days::of(one.from));
        let nothing = !self.certificates.iter().any(struck) && !voids_cards(cause);
        let too_early = event.is_some_and(|day| match cause {
            KeyCompromise | HolderApplication | RecordError | DuplicateIssue | DiscardedBeforeDelivery => {
                certified(day)
            }
            CardDamaged | CardReissuedAfterLoss | CardReissuedAfterDamage | CardReturned | FaceAuthenticationOn => {
                day < self.cards[place].issued || certified(day)
            }
            _ => false,
        });
        if nothing || too_early || self.forbidden_event_day(event, now) {
            rules.push("R-01");
        }
        rules
    }

    fn any_on_card(&self, place: usize, state: State, now: Moment) -> bool {
        self.certificates.iter().any(|one| one.card == place && one.state == state && !one.is_over(now))
    }

    fn forbidden_hold(&self, who: Who, card: &str, now: Moment) -> Forbidden {
        let Some(place) = self.card_place(card) else { return vec!["T-09"] };
        let mut rules = Vec::new();
        if who != Who::Operator && !self.is_home(who) {
            rules.push("E-02");
        }
        if !self.any_on_card(place, State::Live, now) {
            rules.push("R-21");
        }
        rules
    }

    fn forbidden_release(&self, who: Who, card: &str, now: Moment) -> Forbidden {
        let Some(place) = self.card_place(card) else { return vec!["T-09"] };
        let mut rules = Vec::new();
        if !self.is_home(who) {
            rules.push("E-02");
        }
        if !self.any_on_card(place, State::Held, now) {
            rules.push("R-22");
        }
        rules
    }
}
