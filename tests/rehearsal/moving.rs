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
    request::{Report, Request, Shown, TAKING_PART, TOWNS, Who},
};

impl Person {
    pub(crate) fn leave(&mut self, visit: &mut Visit<'_, '_>) {
        let home = self.lives.home;
        let to = (home + 1 + self.dice.below(TAKING_PART - 1)) % TAKING_PART;
        let to = if self.dice.percent(4) && home != TAKING_PART { TAKING_PART } else { to };
        if to == home || self.lives.to.is_some() || !self.lives.registered || self.lives.abroad {
            return;
        }
        if self.dice.percent(5) {
            // By hand, the arrival cannot come before the departure.
            self.ask(visit, Who::Town(to), &Request::Change(Report::of(Event::MoveIn)));
        }
        let planned = visit.today() + if self.dice.percent(40) { 0 } else { self.dice.between(0, 30) };
        let noted = self.dice.percent(75);
        self.happen(visit, Event::MoveOut, &|report, by_hand| {
            (report.to, report.planned) = (Some(to), (noted || !by_hand).then_some(planned));
        });
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
        self.plan_arrival(visit, to, planned);
    }

    /// The timer ends what comes too late; where nobody noted the planned day, the town does.
    fn plan_arrival(&mut self, visit: &mut Visit<'_, '_>, to: usize, planned: Day) {
        match self.dice.below(100) {
            0..=4 => visit.later(self.dice.between(1, 20), Act::CancelMove),
            5..=17 => {
                visit.on(planned + 31, Act::Missed);
                if self.dice.percent(60) {
                    visit.on(planned + self.dice.between(31, 230), Act::Arrive(to));
                }
            }
            // The thirtieth day, and the one after it.
            18..=21 => visit.on(planned + self.dice.between(30, 31), Act::Arrive(to)),
            22..=55 => visit.on(planned + self.dice.between(0, 2), Act::Arrive(to)),
            _ => visit.on(planned + self.dice.between(0, 14), Act::Arrive(to)),
        }
    }

    pub(crate) fn stay_after_all(&mut self, visit: &mut Visit<'_, '_>) {
        if self.lives.to.is_some() {
            self.happen(visit, Event::MoveOutCancelled, &|_, _| ());
            self.sign_again(visit);
        }
    }

    pub(crate) fn arrive(&mut self, visit: &mut Visit<'_, '_>, town: usize) {
        if self.lives.to != Some(town) || !self.lives.registered {
            return;
        }
        let today = visit.today();
        // Moved in so many days ago: on the fifteenth the notice is late.
        let ago = if self.dice.percent(85) { self.dice.between(0, 12) } else { self.dice.between(13, 16) };
        let moved_in = self.dice.percent(60).then_some(today - ago);
        let manner = self.dice.below(100);
        let shown = if manner < 60 { self.shown(visit) } else { None };
        self.happen(visit, Event::MoveIn, &|report, _| {
            (report.moved_in, report.shown) = (moved_in, shown.clone());
        });
        if manner >= 60 {
            match manner {
                60..=85 => visit.later(self.dice.between(1, 89), Act::Show),
                86..=88 => visit.later(90, Act::Show),
                89..=91 => visit.later(91, Act::Show),
                // Never: the card is void after ninety days, but not one that was made after the move.
                _ if self.dice.percent(40) => {
                    self.end_card(visit, Cause::CardReissuedAfterLoss);
                    self.next_card(visit, 60);
                }
                _ => self.next_card(visit, 400),
            }
        }
        if town == TAKING_PART {
            self.apply_for_missing(visit);
            visit.later(self.dice.between(30, 700), Act::Leave);
        } else if !self.dice.percent(5) {
            self.sign_again(visit);
        }
    }

    /// The card as it is put on the counter; now and then something is wrong with it.
    fn shown(&mut self, visit: &Visit<'_, '_>) -> Option<Shown> {
        let card = self.card_in_hand(visit.today())?.number;
        let (pin, room) = (!self.face && !self.dice.percent(3), !self.dice.percent(3));
        Some(Shown { card, pin, face: self.face, room })
    }

    /// 継続利用, some time after the move.
    pub(crate) fn show_card(&mut self, visit: &mut Visit<'_, '_>) {
        let Some(shown) = self.shown(visit) else { return };
        if self.lives.registered {
            self.happen(visit, Event::ContinuedUse, &|report, _| report.shown = Some(shown.clone()));
        }
    }

    /// R-17, by hand: the service was not told the planned day.
    pub(crate) fn miss(&mut self, visit: &mut Visit<'_, '_>) {
        let planned = days::date(visit.today() - 31);
        let one = Move { planned, moved_in: None, notified: None, presented: None };
        let today = days::date(visit.today());
        assert_eq!(deadline::decide_move(&one, today), MoveState::NoticeMissed);
        if self.dice.percent(40) && self.has_come_through() {
            self.report(visit, Event::MoveInMissed);
        }
    }

    pub(crate) fn go_overseas(&mut self, visit: &mut Visit<'_, '_>) {
        if !self.lives.registered || self.lives.abroad {
            return;
        }
        if self.stay.is_none() && self.dice.percent(50) {
            if self.lives.to.is_some() {
                self.happen(visit, Event::MoveOutCancelled, &|_, _| ());
            }
            self.happen(visit, Event::OverseasMoveWithContinuedUse, &|_, _| ());
            self.sign_again(visit);
            visit.later(self.dice.between(100, 900), Act::BackWithCard);
        } else {
            self.happen(visit, Event::OverseasMove, &|_, _| ());
            if self.dice.percent(20) {
                self.apply_for_missing(visit);
            }
            let wait = if self.dice.percent(35) { self.dice.between(1, 5) } else { self.dice.between(100, 2500) };
            visit.later(wait, Act::Back);
        }
    }

    /// Recorded again, here or elsewhere; the card is void and a new one is made.
    pub(crate) fn come_back(&mut self, visit: &mut Visit<'_, '_>) {
        if !self.lives.registered {
            self.register_again(visit);
        }
    }

    /// Back with the card that went on abroad: recorded again, here or elsewhere.
    pub(crate) fn come_back_with_card(&mut self, visit: &mut Visit<'_, '_>) {
        let gone = self.lives.abroad && self.has_come_through() && self.is_gone();
        if gone || self.lives.registered && self.lives.to.is_none() && self.is_abroad() {
            self.register_again(visit);
        }
    }

    fn register_again(&mut self, visit: &mut Visit<'_, '_>) {
        let town = self.dice.below(TOWNS.len());
        if town == TAKING_PART {
            // It does not take part, and the service cannot take the registration.
            self.ask(visit, Who::Town(town), &Request::Change(Report::of(Event::Registration)));
            let again = if self.lives.registered { Act::BackWithCard } else { Act::Back };
            visit.later(10, again);
            return;
        }
        self.lives.home = town;
        self.happen(visit, Event::Registration, &|_, _| ());
        self.sign_again(visit);
    }
}
