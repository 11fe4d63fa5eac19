//! How cards and certificates end: lost and found, returned, damaged, applied for, in error, and by death.

use jitsuin::{
    authority::change::RegisterEvent as Event,
    kind::Kind::{self, Auth, Sign},
    rules::{Asked, Cause},
};

use crate::{
    life::Act,
    person::{Person, Visit},
    request::{Request, Who},
};

impl Person {
    /// The number of the card in use, or of the last one.
    pub(crate) fn card_number(&self) -> Option<String> {
        let record = &self.case.record;
        let place = record.card_in_use().or(record.cards.len().checked_sub(1))?;
        Some(record.cards[place].number.clone())
    }

    pub(crate) fn end_card(&mut self, visit: &mut Visit<'_, '_>, cause: Cause) -> bool {
        let Some(card) = self.card_number() else { return false };
        let event = self.not_long_ago(visit);
        let who = if self.dice.percent(15) { Who::Operator } else { self.home() };
        self.ask(visit, who, &Request::Revoke { card, cause, kinds: None, event }).is_yes()
    }

    pub(crate) fn lose(&mut self, visit: &mut Visit<'_, '_>) {
        let Some(card) = self.card_number() else { return };
        let request = Request::Hold { card: card.clone() };
        let who = if self.dice.percent(70) { Who::Operator } else { self.home() };
        if !self.ask(visit, who, &request).is_yes() {
            return;
        }
        if self.dice.percent(15) {
            self.ask(visit, who, &request);
        }
        if self.dice.percent(15)
            && let Some(held) = self.card_in_hand(visit.today())
        {
            self.apply(visit, Asked::New, &[Sign], held);
        }
        match self.dice.below(100) {
            0..=54 => {
                let hour = self.dice.below(3) as u8;
                visit.diary.push((visit.today() + self.dice.between(1, 90), hour, Act::Find));
            }
            55..=79 => {
                self.end_card(visit, Cause::CardReissuedAfterLoss);
                self.next_card(visit, 60);
            }
            80..=89 => {
                let new = self.new_card(visit.today(), 0);
                let kinds: &'static [Kind] = if self.may_sign(visit.today()) { &Kind::BOTH } else { &[Auth] };
                self.apply(visit, Asked::New, kinds, new);
            }
            // The end of validity overtakes the hold, or the card is found after years.
            _ => visit.later(self.dice.between(90, 2500), Act::Find),
        }
    }

    pub(crate) fn find(&mut self, visit: &mut Visit<'_, '_>) {
        let Some(card) = self.card_number() else { return };
        let request = Request::Release { card };
        if self.dice.percent(10) {
            self.ask(visit, Who::Operator, &request);
        }
        if self.ask_home(visit, &request).is_yes() {
            self.plan_renewal(visit);
            self.sign_again(visit);
        }
    }

    pub(crate) fn end_one(&mut self, visit: &mut Visit<'_, '_>) {
        let Some(card) = self.card_number() else { return };
        let kinds = self.dice.pick(&[&[Auth][..], &[Sign], &Kind::BOTH]);
        let cause = if self.dice.percent(75) { Cause::HolderApplication } else { Cause::KeyCompromise };
        let request = Request::Revoke { card, cause, kinds: Some(kinds), event: self.not_long_ago(visit) };
        if self.ask_home(visit, &request).is_yes() && self.dice.percent(70) {
            visit.later(self.dice.between(1, 300), Act::Missing);
        }
        if self.dice.percent(10) {
            self.ask_home(visit, &request);
        }
    }

    pub(crate) fn record_error(&mut self, visit: &mut Visit<'_, '_>) {
        let Some(card) = self.card_number() else { return };
        let cause = self.dice.pick(&[Cause::RecordError, Cause::DuplicateIssue]);
        let request = Request::Revoke { card, cause, kinds: Some(&[Sign]), event: None };
        if self.dice.percent(30) {
            self.ask_home(visit, &request);
        }
        if self.ask(visit, Who::Operator, &request).is_yes() {
            self.sign_again(visit);
        }
    }

    pub(crate) fn die(&mut self, visit: &mut Visit<'_, '_>) {
        if self.dice.percent(10)
            && let Some(card) = self.card_number()
        {
            self.ask(visit, Who::Operator, &Request::Hold { card });
        }
        if !self.lives.registered {
            // Abroad: nobody reports it.
            self.gone = true;
            return;
        }
        self.happen(visit, Event::Death, &|_, _| ());
        if self.dice.percent(15) {
            self.apply_for_missing(visit);
        }
        if self.dice.percent(20) {
            self.end_card(visit, Cause::CardReturned);
        }
        if self.dice.percent(2) {
            // It was an error, or 失踪宣告 is taken back.
            visit.later(self.dice.between(5, 400), Act::Back);
        } else {
            self.gone = true;
        }
    }
}
