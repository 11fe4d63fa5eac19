//! What happens in a life: each act asks for something and puts the next ones in the diary.
//!
//! How often things happen is invented, and more often than in the country, so that few people meet every rule.

use jitsuin::{
    authority::change::RegisterEvent as Event,
    kind::Kind::{self, Auth, Sign},
    rules::{Asked, Cause},
};

use crate::{
    days::{self, Day},
    person::{Person, Visit},
    request::{Place, Report, Request, TAKING_PART, TOWNS, Who},
};

/// What can be due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// The first application.
    Begin,
    /// The renewal of that plan.
    Renew(u32),
    Fifteen,
    Move,
    Leave,
    Arrive(usize),
    /// No 転入届 came; the planned day.
    /// No 転入届 came, and nobody noted the planned day.
    Missed,
    CancelMove,
    /// The card is presented after a move.
    Show,
    /// The feed brings something of the past.
    Deliver(usize),
    /// An application that was filed goes on.
    GoOn(Place),
    MailBack(Place),
    Withdraw(Place),
    /// Something is asked at the counter for which no certificate is issued.
    Counter,
    FaceOff,
    Marry,
    Correct,
    MinorCorrection,
    Lose,
    Find,
    Damage,
    Return,
    FaceAuthentication,
    Overseas,
    Back,
    /// From abroad, with a card that went on.
    BackWithCard,
    EndOne,
    RecordError,
    /// Asks for what is missing.
    Missing,
    BecomeWard,
    /// The period of stay ends soon.
    Stay,
    /// Asks for something odd.
    Odd,
    Die,
}

/// What recurs, and how often in a thousand years.
const RECURRING: [(Act, u32); 14] = [
    (Act::Move, 42),
    (Act::Leave, 42),
    (Act::Marry, 10),
    (Act::Correct, 6),
    (Act::MinorCorrection, 12),
    (Act::Lose, 25),
    (Act::Damage, 10),
    (Act::Return, 5),
    (Act::FaceAuthentication, 9),
    (Act::Overseas, 6),
    (Act::EndOne, 12),
    (Act::RecordError, 3),
    (Act::Odd, 110),
    (Act::Counter, 12),
];

impl Person {
    /// Fills the diary at the beginning of the rehearsal, or at birth.
    pub(crate) fn begin(&mut self, visit: &mut Visit<'_, '_>) {
        let today = visit.today();
        let first = match self.age(today) {
            ..1 => self.dice.between(5, 300),
            _ if self.dice.percent(80) => self.dice.between(1, 900),
            _ => self.dice.between(1, 4500),
        };
        visit.later(first, Act::Begin);
        for (act, rate) in RECURRING {
            visit.later(self.dice.wait(rate), act);
        }
        if self.age(today) < 15 && self.dice.percent(60) {
            visit.on(days::birthday_after(self.birth, self.birth, 15) - 1, Act::Fifteen);
        }
        if self.age(today) >= 18 && self.dice.percent(2) {
            visit.later(self.dice.between(1, 4000), Act::BecomeWard);
        }
        let chance = match self.age(today) {
            ..50 => 1,
            50..70 => 8,
            _ => 60,
        };
        visit.later(self.dice.wait(chance), Act::Die);
        if self.dice.percent(4) {
            let stay = today + self.dice.between(200, 1100);
            self.stay = Some(stay);
            visit.on(stay - self.dice.between(0, 100), Act::Stay);
        }
    }

    /// Does what is due.
    pub(crate) fn act(&mut self, visit: &mut Visit<'_, '_>, act: Act) {
        if let Act::Deliver(post) = act {
            return self.deliver(visit, post);
        }
        if self.gone {
            return;
        }
        if let Some((_, rate)) = RECURRING.iter().find(|(recurring, _)| *recurring == act) {
            visit.later(self.dice.wait(*rate), act);
        }
        let known = self.case.record.known;
        match act {
            Act::Begin => self.first_application(visit),
            Act::Die if !known => self.gone = true,
            Act::BecomeWard => self.ward = true,
            Act::Stay => self.stay_ends(visit),
            // Who is not known to the service is not known to it under any event.
            Act::Move | Act::Die if !known && self.dice.percent(10) => {
                self.report(visit, Event::Move);
            }
            // An application goes on, though nobody knows the holder yet.
            Act::GoOn(place) => self.go_on(visit, place),
            Act::MailBack(place) => self.mail_comes_back(visit, place),
            Act::Withdraw(place) => self.withdraw(visit, place),
            _ if !known => {}
            Act::Renew(plan) if plan == self.plan => self.renew(visit),
            Act::Renew(_) | Act::Deliver(_) => {}
            Act::Fifteen => self.turn_fifteen(visit),
            Act::Move => self.something_changes(visit, &[Event::Move]),
            Act::Leave => self.leave(visit),
            Act::Arrive(town) => self.arrive(visit, town),
            Act::Missed => self.miss(visit),
            Act::CancelMove => self.stay_after_all(visit),
            Act::Show => self.show_card(visit),
            Act::Marry => {
                let moves = self.dice.percent(60);
                self.something_changes(
                    visit,
                    if moves { &[Event::NameChange, Event::Move] } else { &[Event::NameChange] },
                );
            }
            Act::Correct => self.correct(visit),
            Act::MinorCorrection => self.something_changes(visit, &[Event::MinorCorrection]),
            Act::Counter => self.ask_at_the_counter(visit),
            Act::FaceOff => self.end_face_authentication(visit),
            Act::Lose => self.lose(visit),
            Act::Find => self.find(visit),
            Act::Damage => {
                let cause = self.dice.pick(&[Cause::CardDamaged, Cause::CardReissuedAfterDamage]);
                self.end_card(visit, cause);
                self.next_card(visit, 40);
            }
            Act::Return => {
                // Some clerks report what only the timer knows (M-02).
                let cause = if self.dice.percent(20) { Cause::CardVoidAfterMove } else { Cause::CardReturned };
                self.end_card(visit, cause);
                self.next_card(visit, 900);
            }
            Act::FaceAuthentication => self.take_face_authentication(visit),
            Act::Overseas => self.go_overseas(visit),
            Act::Back => self.come_back(visit),
            Act::BackWithCard => self.come_back_with_card(visit),
            Act::EndOne => self.end_one(visit),
            Act::RecordError => self.record_error(visit),
            Act::Missing => self.apply_for_missing(visit),
            Act::Odd => self.ask_oddly(visit),
            Act::Die => self.die(visit),
        }
    }

    /// A day on which it may have happened: today, or not long ago.
    pub(crate) fn not_long_ago(&mut self, visit: &Visit<'_, '_>) -> Option<Day> {
        let birth = self.case.record.birth.max(self.birth);
        let day = (visit.today() - self.dice.between(0, 12)).max(birth);
        self.dice.percent(70).then_some(day)
    }

    /// A change of the register, reported by the municipality of residence; sometimes twice, as two messages.
    pub(crate) fn report(&mut self, visit: &mut Visit<'_, '_>, event: Event) -> bool {
        let day = self.not_long_ago(visit);
        let request = Request::Change(Report { day, ..Report::of(event) });
        if self.dice.percent(2) {
            let elsewhere = Who::Town((self.case.record.home + 1) % TOWNS.len());
            self.ask(visit, elsewhere, &request);
        }
        let answer = self.ask_home(visit, &request);
        if self.dice.percent(3) {
            self.ask_home(visit, &request);
        }
        answer.is_yes()
    }

    /// A new SIGN in the same visit, or some day.
    pub(crate) fn sign_again(&mut self, visit: &mut Visit<'_, '_>) {
        if self.dice.percent(65) {
            self.apply_for_missing(visit);
        } else {
            visit.later(self.dice.between(1, 400), Act::Missing);
        }
    }

    pub(crate) fn next_card(&mut self, visit: &mut Visit<'_, '_>, within: i32) {
        if self.dice.percent(80) {
            visit.later(self.dice.between(1, within), Act::Missing);
        }
    }

    fn first_application(&mut self, visit: &mut Visit<'_, '_>) {
        let today = visit.today();
        let before = if self.dice.percent(30) { self.dice.between(0, 2800) } else { self.dice.between(0, 20) };
        let card = self.new_card(today, before);
        let kinds: &'static [Kind] = match self.dice.below(100) {
            0..=4 => &[Auth],
            5..=6 => &[Sign],
            _ => &Kind::BOTH,
        };
        if self.dice.percent(3) {
            let application = self.application(Asked::New, kinds, card.clone());
            let who = self.dice.pick(&[Who::Town(TAKING_PART), Who::Operator]);
            self.ask(visit, who, &Request::Issue(application));
        }
        if !self.may_sign(today) && self.dice.percent(80) {
            self.apply(visit, Asked::New, &[Auth], card);
        } else if self.apply(visit, Asked::New, kinds, card.clone()).is_refused() {
            // Refused for SIGN: AUTH alone. Refused for the card: a new one.
            let card = if self.may_sign(today) { self.new_card(today, 3) } else { card };
            let kinds: &'static [Kind] = if self.may_sign(today) { kinds } else { &[Auth] };
            if self.apply(visit, Asked::New, kinds, card).is_refused() {
                visit.later(self.dice.between(30, 600), Act::Begin);
            }
        }
    }

    fn renew(&mut self, visit: &mut Visit<'_, '_>) {
        let (now, today) = (visit.now(), visit.today());
        let kinds: &'static [Kind] = match (self.good(Auth, now), self.good(Sign, now)) {
            (true, true) if self.dice.percent(6) => &[Sign],
            (true, true) => &Kind::BOTH,
            (true, false) => &[Auth],
            (false, true) => &[Sign],
            (false, false) => {
                // Too late by a night, or more: refused as a renewal, issued as new.
                if self.dice.percent(60)
                    && let Some(card) = self.card_in_hand(today)
                {
                    self.apply(visit, Asked::Renewal, &[Auth], card);
                }
                return self.apply_for_missing(visit);
            }
        };
        let Some(card) = self.card_in_hand(today) else { return };
        let ends = self.case.record.card_place(&card.number).map_or(today, |place| self.case.record.cards[place].last);
        let ends = card.last.unwrap_or(ends);
        let ends_too = days::window_opens(ends) <= today;
        let card = if ends_too && !self.dice.percent(15) { self.new_card(today, 0) } else { card };
        if self.apply(visit, Asked::Renewal, kinds, card).is_yes() {
            self.apply_for_missing(visit);
        }
    }

    fn turn_fifteen(&mut self, visit: &mut Visit<'_, '_>) {
        let Some(card) = self.card_in_hand(visit.today()) else { return };
        if self.age(visit.today()) < 15 {
            self.apply(visit, Asked::New, &[Sign], card);
            visit.later(1, Act::Fifteen);
        } else {
            self.apply_for_missing(visit);
        }
    }

    fn correct(&mut self, visit: &mut Visit<'_, '_>) {
        let birth = if self.dice.percent(40) { Some(self.birth - self.dice.between(1, 3)) } else { None };
        if !self.lives.registered {
            return;
        }
        if !self.happen(visit, Event::Correction, &|report, _| report.birth = birth) {
            self.birth = birth.unwrap_or(self.birth);
            return;
        }
        if birth.is_some()
            && let Some(card) = self.card_in_hand(visit.today())
        {
            // The paper still has the old date.
            self.apply(visit, Asked::New, &[Auth], card);
        }
        self.birth = birth.unwrap_or(self.birth);
        self.sign_again(visit);
    }

    /// The period of stay is extended, goes on for two months while that is decided, or ends.
    fn stay_ends(&mut self, visit: &mut Visit<'_, '_>) {
        let Some(stay) = self.stay else { return };
        match self.dice.below(100) {
            0..=9 => {
                let special = days::months_away(stay, 2);
                let theirs = jitsuin::rules::card_term::special_period_last_day(days::date(stay));
                assert_eq!(theirs, Some(days::date(special)));
                self.stay = Some(special);
                visit.on(special - self.dice.between(0, 30), Act::Stay);
            }
            10..=84 => {
                let extended = stay + self.dice.between(360, 1830);
                self.stay = Some(extended);
                visit.on(extended - self.dice.between(0, 100), Act::Stay);
            }
            // Not extended; who asks all the same is refused.
            _ => {
                visit.on(stay + self.dice.between(1, 100), Act::Missing);
                return;
            }
        }
        let today = visit.today();
        if self.dice.percent(70)
            && let Some(card) = self.card_in_hand(today)
        {
            let now = visit.now();
            let kinds: &'static [Kind] = if self.good(Sign, now) { &Kind::BOTH } else { &[Auth] };
            let asked = if self.good(Auth, now) { Asked::Renewal } else { Asked::New };
            self.apply(visit, asked, kinds, card);
        }
    }
}
