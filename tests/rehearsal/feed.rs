//! What really happens to a person, and how the service comes to know of it: by hand at the counter, or by the numbered
//! events of the feed, which come at once or late, twice, and in any order.

use jitsuin::{authority::change::RegisterEvent as Event, kind::Kind, rules::Cause};

use crate::{
    days::Day,
    life::Act,
    person::{Person, Visit},
    request::{Report, Request, Who},
    send::Answer,
};

/// Where a person really lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lives {
    pub(crate) home: usize,
    /// Where to a move is announced.
    pub(crate) to: Option<usize>,
    pub(crate) registered: bool,
    /// With a card that goes on.
    pub(crate) abroad: bool,
    /// A day, and how many events there were on it.
    pub(crate) today: (Day, u32),
}

/// An event of the feed.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    town: usize,
    report: Report,
    /// The service has it.
    arrived: bool,
}

impl Lives {
    fn live_on(&mut self, event: Event, report: &Report) {
        match event {
            Event::MoveOut => self.to = report.to,
            Event::MoveIn => (self.home, self.to) = (self.to.unwrap_or(self.home), None),
            Event::MoveOutCancelled => self.to = None,
            Event::Death | Event::OverseasMove => self.registered = false,
            Event::Registration => (self.registered, self.to, self.abroad) = (true, None, false),
            Event::OverseasMoveWithContinuedUse => self.abroad = true,
            _ => {}
        }
    }

    /// The place among the events of the day.
    fn place(&mut self, today: Day) -> u32 {
        let count = if self.today.0 == today { self.today.1 + 1 } else { 0 };
        self.today = (today, count);
        count
    }
}

impl Person {
    /// Something happens, and the register is told today. Gives whether the service has carried it out by now.
    pub(crate) fn happen(&mut self, visit: &mut Visit<'_, '_>, event: Event, edit: &dyn Fn(&mut Report, bool)) -> bool {
        let today = visit.today();
        let town = if event == Event::MoveIn { self.lives.to.unwrap_or(self.lives.home) } else { self.lives.home };
        let place = self.lives.place(today);
        let order = if place > 0 || self.dice.percent(30) { Some(place) } else { None };
        let mut report = Report { order, ..Report::of(event) };
        if self.dice.percent(25) && self.tell_by_hand(visit, town, &report, edit) {
            let mut told = report;
            edit(&mut told, true);
            self.lives.live_on(event, &told);
            return true;
        }
        edit(&mut report, false);
        self.lives.live_on(event, &report);
        // What happened before today is noted today; without the day of the notice it happened today.
        report.day = self.not_long_ago(visit);
        let dated = report.day.is_some_and(|day| day < today) || self.dice.percent(60);
        (report.day, report.notified) = (Some(report.day.unwrap_or(today)), dated.then_some(today));
        if event == Event::OverseasMoveWithContinuedUse {
            // The notice of it was some day before.
            report.day = Some(today);
            report.notified = dated.then_some(today - self.dice.between(1, 20));
        }
        report.number = Some(format!("{}-{:05}", self.case.reference, self.post.len()));
        let post = self.post.len();
        self.post.push(Post { town, report, arrived: false });
        if self.dice.percent(8) {
            // Once more, some day.
            visit.later(self.dice.between(1, 40), Act::Deliver(post));
        }
        // What the next event builds on comes late more often than not.
        let builds = matches!(event, Event::MoveOut | Event::OverseasMove);
        let (late, longest) = if builds { (55, 30) } else { (28, 9) };
        if self.dice.percent(late) {
            visit.later(self.dice.between(1, longest), Act::Deliver(post));
            return false;
        }
        self.deliver_now(visit, post)
    }

    fn tell_by_hand(
        &mut self,
        visit: &mut Visit<'_, '_>,
        town: usize,
        report: &Report,
        edit: &dyn Fn(&mut Report, bool),
    ) -> bool {
        let mut report = report.clone();
        edit(&mut report, true);
        report.day = self.not_long_ago(visit);
        let of_one_town = report.event != Event::Registration;
        let request = Request::Change(report);
        // Registering is for whichever town says that it does: there is no wrong one.
        if of_one_town && self.dice.percent(3) {
            self.ask(visit, Who::Town((town + 1) % crate::request::TOWNS.len()), &request);
        }
        self.ask(visit, Who::Town(town), &request).is_yes()
    }

    /// The feed brings it, or brings it again.
    pub(crate) fn deliver(&mut self, visit: &mut Visit<'_, '_>, post: usize) {
        self.deliver_now(visit, post);
        let Post { town, report, .. } = self.post[post].clone();
        if self.post[post].arrived && self.dice.percent(5) {
            // The number was given twice.
            let other = Report { event: Event::MinorCorrection, to: None, planned: None, ..report };
            let other = Report { moved_in: None, shown: None, birth: None, order: Some(77), ..other };
            self.ask(visit, Who::Town(town), &Request::Change(other));
        }
    }

    fn deliver_now(&mut self, visit: &mut Visit<'_, '_>, post: usize) -> bool {
        let Post { town, report, arrived } = self.post[post].clone();
        let answer = self.ask(visit, Who::Town(town), &Request::Change(report.clone()));
        let of_the_card = matches!(report.event, Event::ContinuedUse | Event::OverseasMoveWithContinuedUse);
        if answer.is_refused() && !arrived && of_the_card {
            // What is wrong with the card does not mend.
            self.post[post].arrived = true;
            self.lives.abroad &= report.event == Event::ContinuedUse;
            return false;
        }
        if matches!(answer, Answer::Refused(_)) && !arrived {
            // It comes from a town that the service does not connect with the person yet; the feed sends it again.
            visit.later(self.dice.between(1, 3), Act::Deliver(post));
        }
        self.post[post].arrived |= matches!(answer, Answer::Done(_));
        answer.is_yes() && !arrived
    }

    /// Whether the service has everything that happened.
    pub(crate) fn has_come_through(&self) -> bool {
        self.post.iter().all(|post| post.arrived)
    }

    /// Whether the person has gone abroad with a card that goes on, and everybody knows.
    pub(crate) fn is_abroad(&self) -> bool {
        let ledger = self.case.record.ledger.as_ref();
        self.has_come_through() && ledger.is_some_and(|ledger| ledger.story().end.abroad)
    }

    /// Whether the person has left with a card that does not go on, as turned out when the departure took its effect.
    pub(crate) fn is_gone(&self) -> bool {
        let fitting =
            |ledger: &crate::ledger::Ledger| ledger.story().fitting.into_iter().next_back().map(|(_, blow)| blow.cause);
        self.case.record.ledger.as_ref().and_then(fitting) == Some(Cause::OverseasMove)
    }

    /// Whatever the order in which it came: once it is all there, the register has what really is.
    pub(crate) fn check_truth(&self) {
        let record = &self.case.record;
        if record.known && self.has_come_through() {
            // Whose card did not go on after all has left without it.
            let left = self.lives.abroad && self.is_gone();
            let (found, really) = ((record.home, record.registered), (self.lives.home, self.lives.registered && !left));
            assert_eq!(found, really, "{}: {:?}\n{:#?}\n{record:#?}", self.case.reference, self.lives, self.post);
        }
    }

    /// Something of the register changes, and a new SIGN is needed. Of who is not registered nothing can be reported.
    pub(crate) fn something_changes(&mut self, visit: &mut Visit<'_, '_>, events: &[Event]) {
        if !self.lives.registered {
            if self.dice.percent(30) && self.has_come_through() {
                self.report(visit, events[0]);
            }
            return;
        }
        let mut known = true;
        for event in events {
            known &= self.happen(visit, *event, &|_, _| ());
        }
        if !known && self.dice.percent(35) {
            self.do_not_wait(visit);
        }
        if events != [Event::MinorCorrection] {
            self.sign_again(visit);
        }
    }

    /// The counter knows what the service will hear of late, and issues anew at once: what is issued today knew of it.
    fn do_not_wait(&mut self, visit: &mut Visit<'_, '_>) {
        if let Some(card) = self.card_number() {
            let (cause, kinds) = (Cause::HolderApplication, Some(&[Kind::Sign][..]));
            self.ask_home(visit, &Request::Revoke { card, cause, kinds, event: None });
            self.apply_for_missing(visit);
        }
    }
}
