//! The model's register: what municipalities reported of a person, and what that makes of where the person lives and of what
//! ends by itself (sections 3.2 and 3.3 of the rule book).
//!
//! The entries stand in the order of the register, not of their arrival: by the day of the notice, by the order that the
//! register gave, what has a number before what has none. What a counter did on the day itself happened when it was told,
//! before all that was told later of that day. Two towns do not number together, so on one day an entry may make way for
//! another. What does not fit where it stands has no effect, and waits.

use std::collections::BTreeSet;

use jitsuin::{
    authority::{change::RegisterEvent as Event, end::Effects},
    rules::Cause,
};

use crate::{
    days::Day,
    request::{Report, TOWNS},
};

/// Days between a planned day and the day of moving that are still one move.
const SLIP: i32 = 366;

/// What an entry says.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    Reported {
        report: Box<Report>,
        happened: Day,
        /// What was answered when it came.
        answer: Option<Box<Effects>>,
        /// By which rule the card that was shown does not go on.
        card: Option<&'static str>,
    },
    /// A period that ran out, over since that day.
    RanOut { cause: Cause, since: Day },
}

/// An entry of the register.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) town: usize,
    /// When the register recorded it.
    pub(crate) day: Day,
    /// When the service was told.
    pub(crate) told: Day,
    pub(crate) said: Said,
    /// It has had its effect; nothing ends twice by it.
    pub(crate) struck: bool,
    /// How many entries were there before it.
    pub(crate) rank: usize,
}

impl Entry {
    /// Whether a counter did it that day, and gave it no place.
    fn at_counter(&self) -> bool {
        let Said::Reported { report, .. } = &self.said else { return false };
        report.number.is_none() && report.order.unwrap_or(0) == 0 && self.told == self.day
    }

    fn place(&self) -> (Day, u32, bool, &str, &str) {
        let (order, number) = match &self.said {
            Said::Reported { report, .. } => (report.order.unwrap_or(0), report.number.as_deref()),
            Said::RanOut { .. } => (u32::MAX, None),
        };
        let town = number.map_or("", |_| TOWNS[self.town]);
        (self.day, order, number.is_none(), number.unwrap_or(""), town)
    }
}

/// Towns, a bit each.
pub(crate) type Towns = u32;

pub(crate) const fn only(town: usize) -> Towns {
    1 << town
}

/// What an entry does to certificates: by which cause, of which day, and of what was issued until when; none: of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blow {
    pub(crate) cause: Cause,
    pub(crate) day: Day,
    pub(crate) until: Option<Day>,
    /// A card that one of these towns issued on that last day is a new one.
    pub(crate) fresh: Towns,
}

/// A move that was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaving {
    pub(crate) to: usize,
    pub(crate) planned: Option<Day>,
    pub(crate) missed: bool,
    /// The rank of the entry that says so.
    pub(crate) said_by: usize,
}

/// A card that has to be presented after a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unshown {
    /// Where the person has lived on the day of the notice, from this move on.
    pub(crate) towns: Towns,
    pub(crate) notified: Day,
    /// 転入届 came more than 14 days after moving in, or more than 30 after the planned day.
    pub(crate) late: bool,
    pub(crate) onward: Option<Day>,
    /// The rank of the entry that says so.
    pub(crate) said_by: usize,
}

impl Unshown {
    /// The first day on which the card is void (M-02).
    pub(crate) fn void(&self) -> Day {
        if self.late {
            return self.notified;
        }
        let ninety_first = self.notified + 91;
        self.onward.map_or(ninety_first, |onward| ninety_first.min(onward + 1))
    }

    /// Whether it is this that ran out, by an entry of that rank: what is told later was not known.
    fn ran_out(&self, since: Day, rank: usize) -> bool {
        self.void() == since && self.said_by < rank
    }
}

/// Where the register has a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Residence {
    pub(crate) home: usize,
    pub(crate) registered: bool,
    pub(crate) birth: Day,
    pub(crate) leaving: Option<Leaving>,
    pub(crate) unshown: Vec<Unshown>,
    /// Something on the card was changed since the person came to live here.
    rewritten: bool,
    /// Abroad with a card that goes on: recorded here still.
    pub(crate) abroad: bool,
    /// Which town recorded that the person is off the register or abroad, and when.
    gone: Option<(usize, Day)>,
}

impl Residence {
    pub(crate) fn new(home: usize, birth: Day) -> Self {
        Self {
            home,
            registered: true,
            birth,
            leaving: None,
            unshown: Vec::new(),
            rewritten: false,
            abroad: false,
            gone: None,
        }
    }

    /// What ends by itself first, and when.
    pub(crate) fn due(&self) -> Option<(Day, Cause)> {
        if !self.registered {
            return None;
        }
        let missed = self.leaving.filter(|one| !one.missed).and_then(|one| one.planned);
        let missed = missed.map(|planned| (planned + 31, Cause::MoveInMissed));
        let void = self.unshown.iter().map(|one| (one.void(), Cause::CardVoidAfterMove)).min();
        missed.into_iter().chain(void).min()
    }

    /// Whether the person has left by what was announced: the planned day is over, or the arrival was missed.
    pub(crate) fn has_left(&self, day: Day) -> bool {
        self.leaving.is_some_and(|one| one.missed || one.planned.is_some_and(|planned| planned < day))
    }

    /// By which rule no card is shown for 継続利用 on a day.
    fn unshowable(&self, day: Day) -> Option<&'static str> {
        match self.unshown.last().filter(|last| last.onward.is_none()) {
            None => Some("M-01"),
            Some(last) if last.late => Some("M-01"),
            Some(last) => (day > last.notified + 90).then_some("M-02"),
        }
    }

    /// By which rule nothing is done to a card: it goes on after a move, or is written on anew.
    pub(crate) fn untouchable(&self, day: Day) -> Option<&'static str> {
        let awaited = self.unshown.last().is_some_and(|last| last.onward.is_none());
        self.unshowable(day).filter(|_| awaited || !self.rewritten)
    }

    /// Every rule by which an entry does not fit here.
    fn objections(&self, entry: &Entry) -> Vec<&'static str> {
        let mut rules = Vec::new();
        let mut object = |is: bool, rule| {
            if is {
                rules.push(rule);
            }
        };
        let (report, happened, card) = match &entry.said {
            Said::Reported { report, happened, card, .. } => (report, *happened, *card),
            Said::RanOut { cause: Cause::MoveInMissed, since } => {
                // A period runs out of what was known then.
                let of_this = |one: Leaving| {
                    let open = !one.missed && one.said_by < entry.rank;
                    open && one.planned.is_some_and(|planned| planned + 31 == *since)
                };
                object(!self.leaving.is_some_and(of_this), "R-17");
                return rules;
            }
            Said::RanOut { since, .. } => {
                object(!self.unshown.iter().any(|one| one.ran_out(*since, entry.rank)), "M-02");
                return rules;
            }
        };
        let event = report.event;
        let to = self.leaving.map(|one| one.to);
        object(event == Event::MoveIn && to != Some(entry.town), "E-02");
        object(!matches!(event, Event::MoveIn | Event::Registration) && self.home != entry.town, "E-02");
        let moves = [Event::Move, Event::MoveOut, Event::OverseasMove, Event::OverseasMoveWithContinuedUse];
        object(self.abroad && moves.contains(&event), "E-01");
        object(event == Event::OverseasMoveWithContinuedUse && to.is_some(), "R-20");
        let back = event == Event::Registration;
        object(if back { self.registered && !self.abroad } else { !self.registered }, "E-01");
        let elsewhere = self.gone.is_some_and(|(town, day)| town != entry.town && entry.day <= day);
        object(back && elsewhere, "E-01");
        object(event == Event::MoveInMissed && to.is_none(), "R-17");
        object(event == Event::MoveOutCancelled && to.is_none(), "R-16");
        if event == Event::MoveIn {
            let moved_in = report.moved_in.unwrap_or(happened);
            let planned = self.leaving.and_then(|one| one.planned);
            object(planned.is_some_and(|planned| (planned - moved_in).abs() > SLIP), "M-01");
        }
        if event == Event::ContinuedUse {
            rules.extend(card);
            rules.extend(self.untouchable(happened));
        }
        rules
    }

    /// The entry takes its effect.
    fn take(&mut self, entry: &Entry) -> Blow {
        let (report, happened, card) = match &entry.said {
            Said::Reported { report, happened, card, .. } => (report, *happened, *card),
            Said::RanOut { cause, since } => return self.run_out(*cause, *since, entry.rank),
        };
        match report.event {
            Event::MoveOut => {
                self.leaving =
                    report.to.map(|to| Leaving { to, planned: report.planned, missed: false, said_by: entry.rank });
            }
            Event::MoveIn => self.arrive(report, entry, (happened, card)),
            Event::Registration => {
                let unshown = self.unshown.drain(..).filter(|_| self.abroad).collect();
                *self = Self { unshown, ..Self::new(entry.town, self.birth) };
            }
            Event::MoveOutCancelled => self.leaving = None,
            Event::MoveInMissed => {
                self.leaving = self.leaving.map(|one| Leaving { missed: true, ..one });
            }
            Event::ContinuedUse => {
                self.unshown.pop_if(|last| last.onward.is_none());
                self.rewritten = false;
            }
            Event::Correction => (self.birth, self.rewritten) = (report.birth.unwrap_or(self.birth), true),
            Event::Death | Event::OverseasMove => {
                (self.registered, self.gone) = (false, Some((entry.town, entry.day)));
            }
            Event::Move | Event::NameChange => self.rewritten = true,
            Event::OverseasMoveWithContinuedUse => {
                self.go_on(happened, entry);
                self.gone = Some((entry.town, entry.day));
                (self.abroad, self.registered) = (card.is_none(), card.is_none());
            }
            Event::MinorCorrection => {}
        }
        let cause = came_of(report, card);
        let until = report.notified.map(|noticed| if cause == Cause::OverseasMove { entry.day } else { noticed });
        Blow { cause, day: happened, until, fresh: 0 }
    }

    fn arrive(&mut self, report: &Report, entry: &Entry, (happened, card): (Day, Option<&'static str>)) {
        let moved_in = report.moved_in.unwrap_or(happened);
        let planned = self.leaving.and_then(|one| one.planned).unwrap_or(entry.day);
        self.go_on(moved_in, entry);
        let late = entry.day > moved_in + 14 || entry.day > planned + 30;
        if late || report.shown.is_none() || card.is_some() {
            let (towns, notified, said_by) = (only(entry.town), entry.day, entry.rank);
            self.unshown.push(Unshown { towns, notified, late, onward: None, said_by });
        }
        (self.home, self.leaving, self.rewritten, self.abroad) = (entry.town, None, false, false);
    }

    /// Whoever moves on leaves undone what was to be done here.
    fn go_on(&mut self, day: Day, entry: &Entry) {
        for one in &mut self.unshown {
            one.onward = Some(one.onward.unwrap_or(day).min(day));
            if one.notified == entry.day {
                one.towns |= only(entry.town);
            }
        }
    }

    fn run_out(&mut self, cause: Cause, since: Day, rank: usize) -> Blow {
        if cause == Cause::MoveInMissed {
            self.leaving = self.leaving.map(|one| Leaving { missed: true, ..one });
            return Blow { cause, day: since, until: None, fresh: 0 };
        }
        // A card that was issued after the move is not the one that had to be presented.
        let last = self.unshown.iter().filter(|one| one.ran_out(since, rank)).max_by_key(|one| one.notified);
        let (until, fresh) = (last.map(|one| one.notified), last.map_or(0, |one| one.towns));
        self.unshown.retain(|one| !one.ran_out(since, rank));
        Blow { cause, day: since, until, fresh }
    }
}

/// All entries of a person.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    pub(crate) first: Residence,
    /// In the order of their arrival.
    pub(crate) entries: Vec<Entry>,
}

/// What a ledger comes to.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) end: Residence,
    /// The places of those that fit, in the order of the register, and what they do.
    pub(crate) fitting: Vec<(usize, Blow)>,
    /// The rules by which the entry that came last does not fit.
    pub(crate) objections: Vec<&'static str>,
    /// What the moves have left undone; where the entry that came last fits, what they had then.
    pub(crate) undone: Vec<Unshown>,
    /// Of which towns the others are.
    pub(crate) waiting: Vec<usize>,
    /// Towns where the person lived, or meant to move.
    pub(crate) towns: BTreeSet<usize>,
}

impl Story {
    /// Whether one more of a town, counted already, has room among those that wait: strangers have a part of it.
    pub(crate) fn has_room(&self, town: usize) -> bool {
        let of = |town| self.waiting.iter().filter(|one| **one == town).count();
        let strangers = self.waiting.iter().filter(|one| !self.towns.contains(*one)).count();
        self.waiting.len() <= 64 && (self.towns.contains(&town) || of(town) <= 16 && strangers <= 32)
    }
}

impl Ledger {
    pub(crate) fn new(first: Residence) -> Self {
        Self { first, entries: Vec::new() }
    }

    /// One entry more.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.entries.push(Entry { rank: self.entries.len(), ..entry });
    }

    /// What the register has, by everything that is known now.
    pub(crate) fn story(&self) -> Story {
        let mut places: Vec<usize> = (0..self.entries.len()).collect();
        places.sort_by(|one, other| self.entries[*one].place().cmp(&self.entries[*other].place()));
        let towns = BTreeSet::from([self.first.home]);
        let end = self.first.clone();
        let (fitting, objections, undone, waiting) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut story = Story { end, fitting, objections, undone, waiting, towns };
        while let Some(first) = places.first() {
            let day = self.entries[*first].day;
            let of_day = places.iter().take_while(|place| self.entries[**place].day == day).count();
            self.live_through(places.drain(..of_day).collect(), &mut story);
        }
        story
    }

    fn live_through(&self, mut left: Vec<usize>, story: &mut Story) {
        while let Some(next) = self.next_of(&left, &story.end) {
            let place = left.remove(next);
            let blow = story.end.take(&self.entries[place]);
            story.fitting.push((place, blow));
            if place + 1 == self.entries.len() {
                story.undone.clone_from(&story.end.unshown);
            }
            story.towns.insert(story.end.home);
            story.towns.extend(story.end.leaving.map(|one| one.to));
        }
        for place in left {
            if place + 1 == self.entries.len() {
                story.undone.clone_from(&story.end.unshown);
            }
            let entry = &self.entries[place];
            if matches!(entry.said, Said::Reported { .. }) {
                story.waiting.push(entry.town);
            }
            if place + 1 == self.entries.len() {
                story.objections = story.end.objections(entry);
            }
        }
    }

    /// Which of what is left of a day comes next, by its place in the list.
    fn next_of(&self, left: &[usize], now: &Residence) -> Option<usize> {
        let entry = |at: usize| &self.entries[left[at]];
        let fits = |at: &usize| now.objections(entry(*at)).is_empty();
        let (counter, register): (Vec<usize>, Vec<usize>) =
            (0..left.len()).filter(fits).partition(|at| entry(*at).at_counter());
        let (Some(&act), Some(&first)) = (counter.first(), register.first()) else {
            return counter.into_iter().chain(register).next();
        };
        let ran_out = |at: usize| matches!(entry(at).said, Said::RanOut { .. });
        if ran_out(first) {
            return Some(act);
        }
        // The one and then the other.
        let both = |one: usize, other: usize| {
            let mut then = now.clone();
            then.take(entry(one));
            then.objections(entry(other)).is_empty()
        };
        let told_before = register.iter().any(|at| left[*at] < left[act] && !ran_out(*at));
        let register_first = told_before || !both(act, first) && both(first, act);
        Some(if register_first { first } else { act })
    }

    /// What has its effect only now, in the order of the register. Whoever is off the register keeps nothing, however new.
    pub(crate) fn strike(&mut self) -> (Residence, Vec<Blow>) {
        let story = self.story();
        let mut blows = Vec::new();
        for (place, blow) in story.fitting {
            if std::mem::replace(&mut self.entries[place].struck, true) {
                continue;
            }
            let gone = !story.end.registered && matches!(blow.cause, Cause::Death | Cause::OverseasMove);
            blows.push(if gone { Blow { until: None, ..blow } } else { blow });
        }
        (story.end, blows)
    }
}

/// What came of it: who leaves the country with a card that does not go on leaves it without.
pub(crate) fn came_of(report: &Report, card: Option<&'static str>) -> Cause {
    let without = report.event == Event::OverseasMoveWithContinuedUse && card.is_some();
    if without { Cause::OverseasMove } else { cause_of(report.event) }
}

/// What a change of the register is to the certificates (section 3.2, once more).
pub(crate) fn cause_of(event: Event) -> Cause {
    match event {
        Event::Move | Event::MoveIn | Event::Registration | Event::NameChange | Event::Correction => {
            Cause::RegisterEntryChanged
        }
        Event::MoveOutCancelled | Event::ContinuedUse | Event::MinorCorrection => Cause::MinorCorrection,
        Event::Death => Cause::Death,
        Event::MoveOut => Cause::MoveOut,
        Event::MoveInMissed => Cause::MoveInMissed,
        Event::OverseasMove => Cause::OverseasMove,
        Event::OverseasMoveWithContinuedUse => Cause::OverseasMoveWithContinuedUse,
    }
}
