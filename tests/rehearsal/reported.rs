//! The model of what a municipality reports: whether it is taken, waits or is refused, and what it ends; and the periods that
//! run out by themselves.

use jitsuin::{
    authority::change::RegisterEvent as Event, authority::end::Effects, kind::Kind, rules::Cause, x509::Serial,
};

use crate::{
    days::{self, Day},
    filing::{File, is_over},
    ledger::{Blow, Entry, Ledger, Residence, Said, Story, Unshown, came_of},
    outcome::Strike,
    record::{Certificate, Change, End, Forbidden, Record, State, voids_cards},
    request::{Moment, Report, Shown, TAKING_PART, Who},
};

/// A letter that has to be there: what ended by what, and who sends it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Letter {
    pub(crate) holder: String,
    pub(crate) town: usize,
    pub(crate) at: i64,
    pub(crate) rule: &'static str,
    pub(crate) day: Day,
    pub(crate) auth: Option<Serial>,
    pub(crate) sign: Option<Serial>,
}

/// How an entry that is new would do.
pub(crate) enum Fit {
    Fits,
    /// It is recorded and waits for another, as these rules say.
    Waits(Forbidden),
}

fn entry(town: usize, (report, card): (&Report, Option<&'static str>), now: Moment) -> Entry {
    let happened = report.day.unwrap_or(now.day);
    let unsaid = if report.number.is_some() { happened } else { now.day };
    let noticed = report.notified.unwrap_or(unsaid);
    // Whoever leaves the country says so before; it is recorded on the day.
    let ahead = matches!(report.event, Event::OverseasMove | Event::OverseasMoveWithContinuedUse);
    let day = if ahead && (happened - 366..happened).contains(&noticed) { happened } else { noticed };
    let said = Said::Reported { report: Box::new(report.clone()), happened, answer: None, card };
    Entry { town, day, told: now.day, said, struck: false, rank: 0 }
}

/// With everything said that goes without saying of an event of that day.
fn said_out(report: &Report, happened: Day) -> Report {
    let moved_in = report.moved_in.or((report.event == Event::MoveIn).then_some(happened));
    Report { order: Some(report.order.unwrap_or(0)), day: Some(happened), moved_in, ..report.clone() }
}

impl Record {
    /// What was answered to an event of that number, and whether it was this one.
    pub(crate) fn reported(&self, who: Who, report: &Report, now: Moment) -> Option<(Effects, bool)> {
        let (ledger, Who::Town(town), Some(number)) = (self.ledger.as_ref()?, who, &report.number) else { return None };
        ledger.entries.iter().filter(|entry| entry.town == town).find_map(|entry| match &entry.said {
            Said::Reported { report: first, answer, happened, .. } if first.number.as_ref() == Some(number) => {
                let today = if first.day.is_none() { *happened } else { now.day };
                let same = said_out(first, *happened) == said_out(report, report.day.unwrap_or(today));
                Some((*answer.clone()?, same))
            }
            _ => None,
        })
    }

    /// The rules that forbid a report; none: it is taken, or waits.
    pub(crate) fn forbidden_report(&self, who: Who, report: &Report, now: Moment) -> Forbidden {
        match self.reported(who, report, now) {
            Some((_, true)) => return Vec::new(),
            Some((_, false)) => return vec!["T-13"],
            None => {}
        }
        let mut rules = Vec::new();
        let Who::Town(town) = who else { return vec!["E-02", "T-09"] };
        let Some(ledger) = &self.ledger else {
            let applicant = self.applicant(town, now);
            return applicant.map_or(vec!["T-09"], |known| known.forbidden_report(who, report, now));
        };
        if report.event == Event::Registration && town >= TAKING_PART {
            rules.push("E-02");
        }
        self.check_days(report, now, &mut rules);
        self.check_move(town, report, now, &mut rules);
        check_shown(report, &mut rules);
        let story = self.with(ledger, town, report, now);
        // Who has nothing to do with the person is told nothing of them.
        if story.objections.is_empty() || story.towns.contains(&town) {
            if report.day.unwrap_or(now.day) < self.birth {
                rules.push("R-01");
            }
            let whole = matches!(report.event, Event::ContinuedUse | Event::OverseasMoveWithContinuedUse);
            rules.extend(self.wrong_card(report, now).filter(|_| whole));
        }
        if report.number.is_none() && story.objections.is_empty() && self.is_behind(report, &story.undone, now) {
            rules.extend(match report.event {
                Event::ContinuedUse => Some("M-01"),
                Event::OverseasMoveWithContinuedUse => Some("R-20"),
                _ => None,
            });
        }
        if !rules.is_empty() || report.number.is_none() || !story.has_room(town) {
            rules.extend(story.objections);
        }
        rules
    }

    /// The record of who has only applied to a town, from the first report on.
    fn applicant(&self, town: usize, now: Moment) -> Option<Self> {
        let waits = |file: &&File| {
            file.town == town && file.filing.issues() && !is_over(file.at) && file.due.is_none_or(|due| now.day <= due)
        };
        let file = self.files.iter().find(waits).filter(|_| !self.known)?;
        let (birth, ward) = (file.filing.application.birth, file.filing.application.ward.unwrap_or(false));
        let ledger = Some(Ledger::new(Residence::new(town, birth)));
        Some(Self { known: true, registered: true, birth, ward, home: town, ledger, ..self.clone() })
    }

    /// Who has applied is known from the first report on.
    pub(crate) fn meet(&mut self, who: Who, now: Moment) {
        if let Who::Town(town) = who
            && let Some(known) = self.applicant(town, now)
        {
            *self = known;
        }
    }

    /// What an event ended that waited and has taken effect since, by what there is; none: it waits still.
    pub(crate) fn came_to_pass(&self, who: Who, report: &Report) -> Option<Vec<Serial>> {
        let ledger = self.ledger.as_ref()?;
        let (place, happened, cause) =
            ledger.entries.iter().enumerate().find_map(|(place, entry)| match &entry.said {
                Said::Reported { report: first, happened, card, .. }
                    if Who::Town(entry.town) == who && first.number == report.number =>
                {
                    Some((place, *happened, came_of(first, *card)))
                }
                _ => None,
            })?;
        ledger.story().fitting.iter().find(|(fits, _)| *fits == place)?;
        let dated = |since: i64, event: Option<i64>| {
            happened <= days::of(since) && event == (happened < days::of(since)).then(|| days::first_second(happened))
        };
        let by_it = |one: &&Certificate| {
            let end = one.end.filter(|_| one.state == State::Revoked);
            end.is_some_and(|end| end.cause == cause && dated(end.since, end.event))
        };
        Some(self.certificates.iter().filter(by_it).map(|one| one.serial).collect())
    }

    /// How an event that nothing forbids would do.
    pub(crate) fn fit(&self, who: Who, report: &Report, now: Moment) -> Fit {
        let (Some(ledger), Who::Town(town)) = (&self.ledger, who) else { return Fit::Fits };
        let objections = self.with(ledger, town, report, now).objections;
        if objections.is_empty() { Fit::Fits } else { Fit::Waits(objections) }
    }

    /// R-01, E-01, R-13: days that can be, and a date of birth with a correction only.
    fn check_days(&self, report: &Report, now: Moment, rules: &mut Forbidden) {
        let recorded = entry(0, (report, None), now).day;
        let happened = report.day.unwrap_or(now.day);
        if happened > now.day || recorded > now.day || recorded < happened {
            rules.push("R-01");
        }
        match (report.event, report.birth) {
            (Event::Correction, Some(birth)) if birth > now.day => rules.push("E-01"),
            (Event::Correction, _) | (_, None) => {}
            (_, Some(_)) => rules.push("R-13"),
        }
    }

    /// R-16, M-01: what is said of a move.
    fn check_move(&self, town: usize, report: &Report, now: Moment, rules: &mut Forbidden) {
        let recorded = entry(town, (report, None), now).day;
        let out = report.event == Event::MoveOut;
        if out != report.to.is_some() || report.to == Some(town) {
            rules.push("R-16");
        }
        match report.planned {
            Some(_) if !out => rules.push("R-16"),
            Some(planned) if (planned - recorded).abs() > 366 => rules.push("R-16"),
            None if out && report.number.is_some() => rules.push("R-16"),
            _ => {}
        }
        if report.moved_in.is_some_and(|day| report.event != Event::MoveIn || day > recorded) {
            rules.push("M-01");
        }
    }

    /// M-01: by which rule the card that is presented does not go on, whatever the move.
    fn wrong_card(&self, report: &Report, now: Moment) -> Option<&'static str> {
        if report.event == Event::OverseasMoveWithContinuedUse {
            return self.stays_behind(report, now).then_some("R-20");
        }
        let (shown, happened) = (report.shown.as_ref()?, report.day.unwrap_or(now.day));
        if self.cards.is_empty() {
            // Nobody told the service of a card; the register knows better.
            return (!shown.room || !(shown.pin || shown.face)).then_some("M-01");
        }
        let Some(place) = self.card_place(&shown.card) else {
            return Some(if report.event == Event::MoveIn { "M-01" } else { "T-09" });
        };
        // What voided it may be of a later day than an event of the feed.
        let card = &self.cards[place];
        let void = card.void && report.number.is_none();
        let other = shown.face && !card.face;
        let held = self.is_held_on(place, happened, now);
        let useless = void || held || card.last < happened;
        (other || useless || !shown.room || !(shown.pin || card.face)).then_some("M-01")
    }

    /// Whether the card does not go on abroad: void, suspended or over on that day, of a foreign resident, or too early.
    fn stays_behind(&self, report: &Report, now: Moment) -> bool {
        let happened = report.day.unwrap_or(now.day);
        if happened < days::number(2024, 5, 27) || report.notified.is_some_and(|noticed| noticed >= happened) {
            return true;
        }
        let had: Vec<usize> = (0..self.cards.len()).filter(|place| self.cards[*place].issued <= happened).collect();
        let Some(&place) = had.iter().rev().find(|place| !self.cards[**place].void).or(had.last()) else {
            // Of a card that nobody told of the register knows better; one that is told of was made later.
            return !self.cards.is_empty();
        };
        let card = &self.cards[place];
        let (mut births, year) = (vec![self.birth], days::civil(card.last).0);
        if let Some(ledger) = &self.ledger {
            births.push(ledger.first.birth);
            births.extend(ledger.entries.iter().filter_map(|entry| match &entry.said {
                Said::Reported { report, .. } => report.birth,
                Said::RanOut { .. } => None,
            }));
        }
        let foreign = births.iter().all(|birth| days::birthday(*birth, year) != card.last);
        let here = || self.certificates.iter().filter(|one| one.card == place);
        let since = |end: &End| end.event.map_or(days::of(end.since), days::of);
        let feed = |cause| [Cause::Death, Cause::OverseasMove, Cause::CardVoidAfterMove].contains(&cause);
        let mut voided = here().filter(|one| one.state == State::Revoked).filter_map(|one| one.end);
        let voided = voided.all(|end| {
            !voids_cards(end.cause) || since(&end) <= happened && !(report.number.is_some() && feed(end.cause))
        });
        let held = self.is_held_on(place, happened, now);
        foreign || card.last < happened || card.void && voided || held
    }

    /// Whether a card was suspended on a day and still is.
    fn is_held_on(&self, place: usize, day: Day, now: Moment) -> bool {
        let held = |one: &&Certificate| one.card == place && one.state == State::Held && !one.is_over(now);
        let since = |one: &Certificate| one.end.map(|hold| days::of(hold.since));
        self.certificates.iter().filter(held).any(|one| since(one).is_some_and(|since| since <= day))
    }

    /// Whether a card had to be shown after one of these moves, before the holder moved on.
    pub(crate) fn is_left_behind(&self, place: usize, undone: &[Unshown]) -> bool {
        let issued = self.cards[place].issued;
        let older = |one: &Unshown| issued < one.notified || issued == one.notified && !self.is_of(place, one.towns);
        undone.iter().any(|one| one.onward.is_some() && older(one))
    }

    /// The card that the holder has on a day; who leaves the country may have had one that is void by now.
    fn card_of(&self, event: Event, day: Day) -> Option<usize> {
        let had = (0..self.cards.len()).rev().filter(|place| self.cards[*place].issued <= day);
        let any = had.clone().next().filter(|_| event == Event::OverseasMoveWithContinuedUse);
        had.clone().find(|place| !self.cards[*place].void).or(any)
    }

    /// The same of the card that a report is about: that which is shown, or the one that the holder has.
    fn is_behind(&self, report: &Report, undone: &[Unshown], now: Moment) -> bool {
        let happened = report.day.unwrap_or(now.day);
        let place = match &report.shown {
            Some(shown) => self.card_place(&shown.card),
            None => self.card_of(report.event, happened),
        };
        place.is_some_and(|place| self.is_left_behind(place, undone))
    }

    /// Whether the answer has to say why the card does not go on: something is wrong with it, the notice is late, or it had to be
    /// shown after a move before this one.
    pub(crate) fn must_explain(&self, who: Who, report: &Report, waits: bool, now: Moment) -> bool {
        let (Some(ledger), Who::Town(town)) = (&self.ledger, who) else { return false };
        if waits {
            return false;
        }
        let undone = self.with(ledger, town, report, now).undone;
        let behind = self.is_behind(report, &undone, now);
        let late = undone.last().is_some_and(|one| one.late && one.onward.is_none());
        match report.event {
            Event::MoveIn if report.shown.is_some() => behind || late || self.wrong_card(report, now).is_some(),
            Event::MoveIn => behind || late && self.card_of(Event::MoveIn, report.day.unwrap_or(now.day)).is_some(),
            Event::ContinuedUse | Event::OverseasMoveWithContinuedUse => behind,
            _ => false,
        }
    }

    /// What the register would come to with a report.
    fn with(&self, ledger: &Ledger, town: usize, report: &Report, now: Moment) -> Story {
        let mut with = ledger.clone();
        with.push(entry(town, (report, self.wrong_card(report, now)), now));
        with.story()
    }

    /// A report is recorded, with its answer, and does what has its effect now.
    pub(crate) fn record_report(
        &mut self,
        (holder, who): (&str, Who),
        report: &Report,
        answer: &Effects,
        now: Moment,
    ) -> (Vec<Change>, Vec<Letter>) {
        let Who::Town(town) = who else { return (Vec::new(), Vec::new()) };
        let mut entry = entry(town, (report, self.wrong_card(report, now)), now);
        if let Said::Reported { answer: kept, .. } = &mut entry.said {
            *kept = Some(Box::new(answer.clone()));
        }
        if let Some(ledger) = &mut self.ledger {
            ledger.push(entry);
        }
        self.settle(holder, now)
    }

    /// A card is presented with an application: the same as if it were reported.
    pub(crate) fn present_card(&mut self, town: usize, card: &str, now: Moment) -> Vec<Change> {
        let face = self.card_place(card).is_some_and(|place| self.cards[place].face);
        let shown = Some(Shown { card: card.to_owned(), pin: true, face, room: true });
        let report = Report { shown, day: Some(now.day), ..Report::of(Event::ContinuedUse) };
        let entry = entry(town, (&report, None), now);
        self.ledger.iter_mut().for_each(|ledger| ledger.push(entry.clone()));
        self.settle("", now).0
    }

    /// What has run out by today has run out. Nothing, if nothing had to.
    pub(crate) fn turn(&mut self, holder: &str, now: Moment) -> Option<(Vec<Change>, Vec<Letter>)> {
        let (home, ledger) = (self.home, self.ledger.as_mut()?);
        let mut passed = 0;
        while let Some((since, cause)) = ledger.story().end.due().filter(|(day, _)| *day <= now.day) {
            let said = Said::RanOut { cause, since };
            ledger.push(Entry { town: home, day: now.day, told: now.day, said, struck: false, rank: 0 });
            passed += 1;
            assert!(passed < 100, "{holder}: {cause} of {since} does not pass");
        }
        (passed > 0).then(|| self.settle(holder, now))
    }

    /// The day on which something ends by itself.
    pub(crate) fn due(&self) -> Option<Day> {
        self.ledger.as_ref()?.story().end.due().map(|(day, _)| day)
    }

    fn settle(&mut self, holder: &str, now: Moment) -> (Vec<Change>, Vec<Letter>) {
        let Some(ledger) = &mut self.ledger else { return (Vec::new(), Vec::new()) };
        let (Residence { home, registered, birth, leaving, .. }, blows) = ledger.strike();
        (self.home, self.registered, self.birth) = (home, registered, birth);
        self.moving_to = leaving.map(|one| one.to);
        let (mut all, mut letters) = (Vec::new(), Vec::new());
        for Blow { cause, day, until, fresh } in blows {
            let strike = Strike { cause, kinds: &Kind::BOTH, card: None, event: Some(day), until, fresh };
            let changes = self.strike(&strike, now);
            let serial = |kind| changes.iter().find(|one| one.kind == kind).map(|one| one.serial);
            let (auth, sign) = (serial(Kind::Auth), serial(Kind::Sign));
            // Nobody is written to about a death.
            if !changes.is_empty() && cause != Cause::Death {
                let (holder, rule) = (holder.to_owned(), cause.rule());
                letters.push(Letter { holder, town: home, at: now.at, rule, day, auth, sign });
            }
            all.extend(changes);
        }
        (all, letters)
    }
}

/// A card is presented where one can go on (M-01).
fn check_shown(report: &Report, rules: &mut Forbidden) {
    let (needed, possible) = match report.event {
        Event::ContinuedUse => (true, true),
        Event::MoveIn => (false, true),
        _ => (false, false),
    };
    if report.shown.is_some() && !possible || report.shown.is_none() && needed {
        rules.push("M-01");
    }
}
