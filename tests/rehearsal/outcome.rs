//! The model, second half: what an allowed request does to a person's record.

use jitsuin::{
    authority::issue::Issuance,
    kind::Kind::{self, Auth, Sign},
    ports::CertificateRecord,
    rules::{Asked, Cause},
    x509::RevocationReason as Reason,
};

use crate::{
    days::{self, Day},
    ledger::{Ledger, Residence, Towns, only},
    record::{Card, Certificate, Change, End, Record, State, voids_cards},
    request::{Application, Moment, Who},
};

/// What a cause does to a certificate of a kind (section 3.2 of the rule book, written down once more).
enum Effect {
    Keep,
    Revoke(Reason),
    Hold,
    Release,
}

fn effect(cause: Cause, kind: Kind) -> Effect {
    use Cause::*;
    let code = match (cause, kind) {
        (MinorCorrection | CardExpired, _) => return Effect::Keep,
        (RegisterEntryChanged | MoveOut | OverseasMoveWithContinuedUse | FaceAuthenticationOn, Auth) => {
            return Effect::Keep;
        }
        (CardLost, _) => return Effect::Hold,
        (CardFound, Auth) => return Effect::Release,
        (RegisterEntryChanged | MoveOut | OverseasMoveWithContinuedUse | MoveInMissed | OverseasMove, Sign) => 3,
        (RecordError, _) => 3,
        (KeyCompromise | CardReissuedAfterLoss, _) => 1,
        (CaKeyCompromise, _) => 2,
        (DuplicateIssue | Renewal, _) => 4,
        (DiscardedBeforeDelivery, _) => 0,
        _ => 5,
    };
    Effect::Revoke(Reason::from_code(code).expect("a code of RFC 5280"))
}

/// What is struck.
pub(crate) struct Strike<'a> {
    pub(crate) cause: Cause,
    pub(crate) kinds: &'a [Kind],
    pub(crate) card: Option<usize>,
    pub(crate) event: Option<Day>,
    /// Only what was issued until that day: what is later knew of it, and what is of the card goes by the card's day.
    pub(crate) until: Option<Day>,
    /// Cards of that last day that one of these towns issued are new ones.
    pub(crate) fresh: Towns,
}

impl Certificate {
    fn change(&self, end: End) -> Change {
        Change {
            kind: self.kind,
            serial: self.serial,
            town: self.town,
            last: self.last,
            state: self.state,
            end: self.end.unwrap_or(end),
        }
    }

    /// Ends it. What was held is over since the hold (C-08).
    pub(crate) fn end(&mut self, reason: Reason, cause: Cause, event: Option<i64>, now: Moment) -> Change {
        let since = self.end.map_or(now.at, |hold| hold.since);
        let end = End { since, reason, event: event.filter(|event| *event < since), cause };
        (self.state, self.end) = (State::Revoked, Some(end));
        self.change(end)
    }

    fn strike(&mut self, strike: &Strike<'_>, now: Moment) -> Option<Change> {
        let event = strike.event.filter(|day| *day < now.day).map(days::first_second);
        match (effect(strike.cause, self.kind), self.state) {
            (Effect::Keep, _) | (_, State::Revoked) => None,
            (Effect::Revoke(reason), _) => Some(self.end(reason, strike.cause, event, now)),
            (Effect::Hold, State::Live) => {
                let hold = End { since: now.at, reason: Reason::CertificateHold, event, cause: strike.cause };
                (self.state, self.end) = (State::Held, Some(hold));
                Some(self.change(hold))
            }
            (Effect::Release, State::Held) => {
                let hold = self.end.take()?;
                self.state = State::Live;
                Some(self.change(hold))
            }
            (Effect::Hold | Effect::Release, _) => None,
        }
    }
}

impl Record {
    /// Strikes what stands, AUTH before SIGN.
    pub(crate) fn strike(&mut self, strike: &Strike<'_>, now: Moment) -> Vec<Change> {
        let mut changes = Vec::new();
        let before = |day: Day| strike.until.is_none_or(|until| day <= until);
        let old: Vec<bool> = (0..self.cards.len()).map(|place| self.is_old(place, strike)).collect();
        for kind in Kind::BOTH.into_iter().filter(|kind| strike.kinds.contains(kind)) {
            for one in &mut self.certificates {
                let on_card = strike.card.is_none_or(|card| card == one.card);
                // A found card releases what is held; a SIGN issued since is not touched.
                let meant = strike.cause != Cause::CardFound || one.state == State::Held;
                let early = if voids_cards(strike.cause) { old[one.card] } else { before(days::of(one.from)) };
                if one.kind == kind && on_card && meant && early && one.stands(now) {
                    changes.extend(one.strike(strike, now));
                }
            }
        }
        if let (Cause::FaceAuthenticationOn, Some(card)) = (strike.cause, strike.card) {
            self.cards[card].face = true;
        }
        if voids_cards(strike.cause) {
            for (place, card) in self.cards.iter_mut().enumerate() {
                card.void |= strike.card.is_none_or(|struck| struck == place) && old[place];
            }
        }
        changes
    }

    /// Whether a card is one that was there before what strikes it.
    fn is_old(&self, place: usize, strike: &Strike<'_>) -> bool {
        let Some(until) = strike.until else { return true };
        let issued = self.cards[place].issued;
        issued < until || issued == until && !self.is_of(place, strike.fresh)
    }

    /// Whether one of these towns issued the first certificate on a card.
    pub(crate) fn is_of(&self, place: usize, towns: Towns) -> bool {
        self.certificates.iter().find(|one| one.card == place).is_some_and(|one| only(one.town) & towns != 0)
    }

    /// The last day that a certificate of a kind gets (V-01, V-02).
    pub(crate) fn last_day(&self, asked: &Application, kind: Kind, now: Moment) -> Day {
        let birth = if self.known { self.birth } else { asked.birth };
        let birthdays = if self.as_what(asked, kind, now.day) == Asked::Renewal { 6 } else { 5 };
        let own = days::birthday_after(birth, now.day, birthdays).min(self.card_last_day(asked));
        match kind {
            Auth => own,
            Sign if asked.asks(Auth) => own.min(self.last_day(asked, Auth, now)),
            Sign => self.standing(Auth, now).map_or(own, |auth| own.min(auth.last)),
        }
    }

    /// The holder and the card as an application leaves them, whether or not the CA then signs; the place of the card.
    fn enrol(&mut self, who: Who, asked: &Application, now: Moment) -> usize {
        let last = self.card_last_day(asked);
        if let (false, Who::Town(town)) = (self.known, who) {
            (self.known, self.registered, self.home, self.birth) = (true, true, town, asked.birth);
            self.ledger = Some(Ledger::new(Residence::new(town, asked.birth)));
        }
        self.ward = asked.ward.unwrap_or(self.ward);
        for kind in asked.kinds {
            let newest = self.certificates.iter_mut().rev().find(|one| one.kind == *kind && one.signed);
            if let Some(over) = newest.filter(|one| one.state != State::Revoked && one.is_over(now)) {
                over.noted = true;
            }
        }
        if let Some(place) = self.card_place(&asked.card.number) {
            self.cards[place].last = last;
            return place;
        }
        let applied = asked.card.applied.unwrap_or(asked.card.issued);
        let number = asked.card.number.clone();
        self.cards.push(Card { number, issued: asked.card.issued, applied, last, void: false, face: false });
        self.cards.len() - 1
    }

    /// The certificates are issued, and what they take the place of ends (V-13, R-28).
    pub(crate) fn issue(&mut self, who: Who, asked: &Application, answer: &Issuance, now: Moment) -> Vec<Change> {
        let lasts = asked.kinds.iter().map(|kind| (*kind, self.last_day(asked, *kind, now))).collect::<Vec<_>>();
        let place = self.enrol(who, asked, now);
        let mut changes = Vec::new();
        for (kind, last) in lasts {
            let old = self.certificates.iter_mut().find(|one| one.kind == kind && one.stands(now));
            changes.extend(old.map(|old| old.end(Reason::Superseded, Cause::Renewal, None, now)));
            let serial = answer.certificates.iter().find(|one| one.kind == kind).expect("it was asked for").serial;
            let (town, card, from) = (self.home, place, now.at);
            let (state, end, signed, noted) = (State::Live, None, true, false);
            let new = Certificate { kind, serial, town, card, from, last, state, end, signed, noted };
            self.certificates.push(new);
        }
        for (other, card) in self.cards.iter_mut().enumerate() {
            card.void |= other != place;
        }
        changes
    }

    /// The CA did not sign: the reservations are discarded, and what stood stands. `reserved` are theirs.
    pub(crate) fn discard(
        &mut self,
        who: Who,
        asked: &Application,
        reserved: &[CertificateRecord],
        now: Moment,
    ) -> Vec<Change> {
        let lasts = asked.kinds.iter().map(|kind| (*kind, self.last_day(asked, *kind, now))).collect::<Vec<_>>();
        let card = self.enrol(who, asked, now);
        let mut changes = Vec::new();
        for (kind, last) in lasts {
            let Some(record) = reserved.iter().find(|one| one.kind == kind) else { continue };
            let end =
                End { since: now.at, reason: Reason::Unspecified, event: None, cause: Cause::DiscardedBeforeDelivery };
            let (serial, town, from, state) = (record.serial, self.home, now.at, State::Revoked);
            let (end, signed, noted) = (Some(end), false, false);
            let new = Certificate { kind, serial, town, card, from, last, state, end, signed, noted };
            changes.push(new.change(new.end.expect("it has ended")));
            self.certificates.push(new);
        }
        changes
    }
}
