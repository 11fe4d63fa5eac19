//! Moving: announced, told, forgotten, abroad and back (R-13, R-16 to R-20, M-01, M-02).

use jitsuin::{
    authority::change::RegisterEvent as Event,
    kind::Kind::Sign,
    rules::{
        Asked, Cause,
        deadline::{self, Move, MoveState},
    },
};

use crate::{
    days::{self, Day},
    life::Act,
    person::{Person, Visit},
    request::{Request, TAKING_PART, TOWNS, Who},
};

impl Person {
    pub(crate) fn leave(&mut self, visit: &mut Visit<'_, '_>) {
        let home = self.case.record.home;
        let to = (home + 1 + self.dice.below(TAKING_PART - 1)) % TAKING_PART;
        let to = if self.dice.percent(4) && home != TAKING_PART { TAKING_PART } else { to };
        if to == home {
            return;
        }
        let arrival = Request::Change { event: Event::MoveIn, to: None, birth: None, day: None };
        if self.dice.percent(8) {
            // Out of order: the arrival is reported before the departure.
            self.ask(visit, Who::Town(to), &arrival);
        }
        let day = self.not_long_ago(visit);
        let request = Request::Change { event: Event::MoveOut, to: Some(to), birth: None, day };
        if !self.ask_home(visit, &request).is_yes() {
            return;
        }
        let planned = visit.today() + self.dice.between(0, 30);
        if self.dice.percent(10)
            && let Some(card) = self.card_in_hand(visit.today())
        {
            // Too soon: the new municipality is not the residence yet.
            let application = self.application(Asked::New, &[Sign], card);
            self.ask(visit, Who::Town(to), &Request::Issue(application));
        }
        if self.dice.percent(20) {
            self.sign_again(visit);
        }
        match self.dice.below(100) {
            0..=4 => visit.later(self.dice.between(1, 20), Act::CancelMove),
            5..=14 => visit.on(planned + 31, Act::Missed(planned)),
            _ => visit.on(planned + self.dice.between(0, 14), Act::Arrive(to)),
        }
    }

    pub(crate) fn arrive(&mut self, visit: &mut Visit<'_, '_>, town: usize) {
        let day = self.not_long_ago(visit);
        let request = Request::Change { event: Event::MoveIn, to: None, birth: None, day };
        if !self.ask(visit, Who::Town(town), &request).is_yes() {
            return;
        }
        if self.dice.percent(5) {
            self.ask(visit, Who::Town(town), &request);
        }
        if town == TAKING_PART {
            self.apply_for_missing(visit);
            visit.later(self.dice.between(30, 700), Act::Leave);
        } else if self.dice.percent(5) {
            visit.later(91, Act::CardNotPresented(visit.today()));
        } else {
            self.sign_again(visit);
        }
    }

    /// the clerk's timer, by the rule that says when it has run out.
    pub(crate) fn miss(&mut self, visit: &mut Visit<'_, '_>, planned: Day) {
        let one = Move { planned: days::date(planned), moved_in: None, notified: None, presented: None };
        let today = days::date(visit.today());
        assert_eq!(deadline::decide_move(&one, today), MoveState::NoticeMissed);
        let eve = today.previous_day().expect("a day before");
        assert!(visit.today() > planned + 31 || matches!(deadline::decide_move(&one, eve), MoveState::AwaitsNotice(_)));
        let to = self.case.record.moving_to;
        self.report(visit, Event::MoveInMissed);
        if let (Some(to), true) = (to, self.dice.percent(60)) {
            visit.later(self.dice.between(1, 200), Act::Arrive(to));
        }
    }

    /// M-02, R-18: ninety days after 転入届 the card is void.
    pub(crate) fn card_not_presented(&mut self, visit: &mut Visit<'_, '_>, notified: Day) {
        let day = Some(days::date(notified));
        let one = Move { planned: days::date(notified), moved_in: day, notified: day, presented: None };
        assert_eq!(deadline::decide_move(&one, days::date(visit.today())), MoveState::CardMissed);
        let eve = days::date(visit.today() - 1);
        assert!(visit.today() > notified + 91 || matches!(deadline::decide_move(&one, eve), MoveState::AwaitsCard(_)));
        self.end_card(visit, Cause::CardVoidAfterMove);
        self.next_card(visit, 200);
    }

    pub(crate) fn go_overseas(&mut self, visit: &mut Visit<'_, '_>) {
        if self.stay.is_none() && self.dice.percent(50) {
            self.report(visit, Event::OverseasMoveWithContinuedUse);
            self.sign_again(visit);
        } else if self.report(visit, Event::OverseasMove) {
            if self.dice.percent(20) {
                self.apply_for_missing(visit);
            }
            visit.later(self.dice.between(100, 2500), Act::Back);
        }
    }

    /// Recorded again, here or elsewhere; the card is void and a new one is made.
    pub(crate) fn come_back(&mut self, visit: &mut Visit<'_, '_>) {
        let town = self.dice.below(TOWNS.len());
        let request = Request::Change { event: Event::Registration, to: None, birth: None, day: None };
        if self.ask(visit, Who::Town(town), &request).is_yes() {
            self.sign_again(visit);
        } else if !self.case.record.registered {
            visit.later(10, Act::Back);
        }
    }
}
