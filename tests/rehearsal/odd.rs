//! What a counter asks for by mistake.

use jitsuin::{
    authority::change::RegisterEvent as Event,
    kind::Kind::{self, Auth, Sign},
    rules::{Asked, Cause},
};

use crate::{
    person::{Person, Visit},
    request::{AskedCard, Report, Request, TAKING_PART, TOWNS, Who},
};

impl Person {
    /// Requests that a counter makes by mistake: nearly all of them are to be refused.
    pub(crate) fn ask_oddly(&mut self, visit: &mut Visit<'_, '_>) {
        let today = visit.today();
        let (Some(number), Some(card)) = (self.card_number(), self.card_in_hand(today)) else { return };
        let revoke = |cause, kinds, event| Request::Revoke { card: number.clone(), cause, kinds, event };
        let change = |event, to, birth, day| Request::Change(Report { to, birth, day, ..Report::of(event) });
        let wrong_card = |change: &dyn Fn(&mut AskedCard)| {
            let mut wrong = card.clone();
            change(&mut wrong);
            wrong
        };
        let home = self.case.record.home;
        let odd = match self.dice.below(24) {
            0 => revoke(Cause::Renewal, Some(&Kind::BOTH[..]), None),
            1 => revoke(Cause::CardLost, None, None),
            2 => revoke(Cause::Death, None, None),
            3 => revoke(Cause::HolderApplication, None, None),
            4 => revoke(Cause::CardReturned, Some(&[Auth]), None),
            5 => revoke(Cause::HolderApplication, Some(&Kind::BOTH), Some(today + 1)),
            6 => revoke(Cause::KeyCompromise, Some(&[Sign]), Some(self.case.record.birth - 1)),
            7 => Request::Revoke { card: "C-NOBODY".into(), cause: Cause::CardReturned, kinds: None, event: None },
            8 => Request::Hold { card: "C-NOBODY".into() },
            9 => Request::Release { card: number.clone() },
            // While the service waits for something, a town's mistake would be taken for what happened.
            10..=18 if !self.has_come_through() => return,
            10 => change(Event::MoveOut, Some(home), None, None),
            11 => change(Event::MoveOut, None, None, None),
            12 => change(Event::Move, Some((home + 1) % TAKING_PART), None, None),
            13 => change(Event::NameChange, None, Some(self.birth), None),
            14 => change(Event::Correction, None, Some(today + 1), None),
            15 => change(Event::MoveInMissed, None, None, None),
            16 => change(Event::MoveOutCancelled, None, None, None),
            17 => change(Event::Registration, None, None, None),
            18 => change(Event::Death, None, None, Some(today + 1)),
            19 => {
                let asked = self.dice.pick(&[Asked::New, Asked::Renewal]);
                let kinds = self.dice.pick(&[&Kind::BOTH[..], &[Auth], &[Sign]]);
                Request::Issue(self.application(asked, kinds, card))
            }
            20 => {
                let wrong = wrong_card(&|card| card.number = crate::world::KEEPERS_CARD.into());
                Request::Issue(self.application(Asked::New, &Kind::BOTH, wrong))
            }
            21 => {
                let wrong = wrong_card(&|card| card.issued -= 1);
                Request::Issue(self.application(Asked::New, &[Sign], wrong))
            }
            22 => {
                let wrong = wrong_card(&|card| card.last = Some(card.issued + 11 * 366 + 366));
                Request::Issue(self.application(Asked::Renewal, &[Auth], wrong))
            }
            _ => {
                let wrong = wrong_card(&|card| card.number.push_str("-TOMORROW"));
                let wrong = AskedCard { issued: today + 1, applied: None, ..wrong };
                Request::Issue(self.application(Asked::New, &Kind::BOTH, wrong))
            }
        };
        let who = match self.dice.below(10) {
            0 => Who::Operator,
            1 => Who::Town(self.dice.below(TOWNS.len())),
            _ => self.home(),
        };
        let change = matches!(odd, Request::Change(_));
        if change && !self.has_come_through() {
            // Where the service lags behind, nobody could say what its taking this would mean for what really is.
            return;
        }
        let answer = self.ask(visit, who, &odd);
        if answer.is_yes() {
            if change {
                // What is taken is what is.
                let record = &self.case.record;
                (self.lives.home, self.lives.to, self.lives.registered) =
                    (record.home, record.moving_to, record.registered);
            }
            self.plan_renewal(visit);
        }
    }
}
