//! One person: what they have, and the ways in which they ask for things.

use jitsuin::{
    kind::Kind::{self, Auth, Sign},
    rules::Asked,
};

use crate::{
    ask::{Case, Desk},
    days::{self, Day},
    dice::Dice,
    feed::{Lives, Post},
    life::Act,
    record::{State, card_last},
    request::{Application, AskedCard, Moment, Request, Who},
    send::Answer,
};

/// When something is to happen: the day, and in which of its three hours.
pub(crate) type Due = (Day, u8, Act);

pub(crate) struct Person {
    pub(crate) case: Case,
    pub(crate) dice: Dice,
    pub(crate) birth: Day,
    /// The last day of the period of stay of a foreign resident.
    pub(crate) stay: Option<Day>,
    pub(crate) ward: bool,
    /// Where the first application is made.
    pub(crate) town: usize,
    cards: u32,
    /// Counts plans of renewal: a plan that was overtaken is dropped.
    pub(crate) plan: u32,
    /// Dead, or left for good.
    pub(crate) gone: bool,
    /// Whether the card in the hand is a face-authentication card.
    pub(crate) face: bool,
    /// Where the person really lives, whatever the service knows of it.
    pub(crate) lives: Lives,
    /// What the towns send to the service, in the order in which it happened.
    pub(crate) post: Vec<Post>,
}

/// What a person does at a visit: asks, and puts things in the diary.
pub(crate) struct Visit<'d, 'w> {
    pub(crate) desk: &'d mut Desk<'w>,
    pub(crate) diary: &'d mut Vec<Due>,
}

impl Visit<'_, '_> {
    pub(crate) fn now(&self) -> Moment {
        self.desk.now
    }

    pub(crate) fn today(&self) -> Day {
        self.desk.now.day
    }

    pub(crate) fn later(&mut self, in_days: i32, act: Act) {
        self.diary.push((self.today() + in_days.max(1), 1, act));
    }

    pub(crate) fn on(&mut self, day: Day, act: Act) {
        self.diary.push((day.max(self.today() + 1), 1, act));
    }
}

impl Person {
    pub(crate) fn new(number: u64, seed: u64, birth: Day) -> Self {
        let mut dice = Dice::new(seed, number);
        let town = dice.below(crate::request::TAKING_PART);
        let case = Case::new(format!("TEST-{number:06}"));
        let lives = Lives { home: town, to: None, registered: true, abroad: false, today: (0, 0) };
        let (stay, ward, cards, plan, gone, face, post) = (None, false, 0, 0, false, false, Vec::new());
        Self { case, dice, birth, stay, ward, town, cards, plan, gone, face, lives, post }
    }

    pub(crate) fn age(&self, today: Day) -> i32 {
        days::age(self.birth, today)
    }

    pub(crate) fn may_sign(&self, today: Day) -> bool {
        self.age(today) >= 15 && !self.ward && !self.face
    }

    /// The counter of residence.
    pub(crate) fn home(&self) -> Who {
        Who::Town(if self.case.record.known { self.case.record.home } else { self.town })
    }

    pub(crate) fn good(&self, kind: Kind, now: Moment) -> bool {
        self.case.record.good(kind, now).is_some()
    }

    /// Asks; now and then twice, as after a broken line.
    pub(crate) fn ask(&mut self, visit: &mut Visit<'_, '_>, who: Who, request: &Request) -> Answer {
        match self.dice.below(300) {
            0..=8 => self.case.ask_again(visit.desk, who, request, false),
            9 => self.case.ask_again(visit.desk, who, request, true),
            _ => self.case.ask(visit.desk, who, request),
        }
    }

    pub(crate) fn ask_home(&mut self, visit: &mut Visit<'_, '_>, request: &Request) -> Answer {
        self.ask(visit, self.home(), request)
    }

    /// A card that was never used.
    pub(crate) fn new_card(&mut self, today: Day, issued_before: i32) -> AskedCard {
        self.cards += 1;
        self.face = false;
        let issued = (today - issued_before).max(self.birth);
        let applied = (issued - self.dice.between(14, 60)).max(self.birth);
        let stay = self.stay.filter(|stay| *stay >= today || self.dice.percent(20));
        let number = format!("C-{}-{}", self.case.reference, self.cards);
        AskedCard { number, issued, applied: Some(applied), last: None, stay }
    }

    /// The card in the hand, as the counter reads it; its end is printed anew where the stay has been extended.
    pub(crate) fn card_in_hand(&mut self, today: Day) -> Option<AskedCard> {
        let record = &self.case.record;
        let place = record.card_in_use().or_else(|| record.cards.iter().rposition(|card| !card.void))?;
        let card = record.cards[place].clone();
        let last = self.stay.map(|stay| {
            let printed = card_last(self.case.record.birth, card.issued, card.applied, Some(stay), None);
            printed.max(card.last)
        });
        // Nobody prints again the end of a card that is over, and a counter may leave out the day of the application.
        let last = last.filter(|_| card.last >= today);
        let applied = Some(card.applied).filter(|_| !self.dice.percent(10));
        Some(AskedCard { number: card.number, issued: card.issued, applied, last, stay: self.stay })
    }

    pub(crate) fn application(&mut self, asked: Asked, kinds: &'static [Kind], card: AskedCard) -> Application {
        let ward = if self.ward || self.dice.percent(30) { Some(self.ward) } else { None };
        // Where nothing is issued, nothing can fail to be signed.
        let fails =
            if self.dice.below(400) == 0 && !kinds.is_empty() { 1 + self.dice.below(kinds.len()) as u32 } else { 0 };
        let of_the_day = false;
        Application { asked, of_the_day, kinds, birth: self.birth, ward, card, fails }
    }

    /// Applies at home, and has what comes of it at once: as from a town whose own desk keeps the applications.
    pub(crate) fn apply_at_once(
        &mut self,
        visit: &mut Visit<'_, '_>,
        asked: Asked,
        kinds: &'static [Kind],
        card: AskedCard,
    ) -> Answer {
        let application = self.application(asked, kinds, card);
        let mut answer = self.ask_home(visit, &Request::Issue(application.clone()));
        if answer == Answer::Failed {
            // The counter asks again, with new keys and a new Idempotency-Key.
            let again = Application { fails: 0, ..application };
            answer = self.ask_home(visit, &Request::Issue(again));
        }
        if answer.is_yes() {
            if self.dice.percent(1) {
                self.discard(visit, kinds);
            }
            self.plan_renewal(visit);
        }
        answer
    }

    /// Writing to the card failed, or the holder left: what was issued ends, and is issued again.
    fn discard(&mut self, visit: &mut Visit<'_, '_>, kinds: &'static [Kind]) {
        let Some(card) = self.case.record.newest(kinds[0]).map(|one| one.card) else { return };
        let number = self.case.record.cards[card].number.clone();
        let cause = jitsuin::rules::Cause::DiscardedBeforeDelivery;
        let request = Request::Revoke { card: number, cause, kinds: Some(kinds), event: None };
        if self.dice.percent(20) {
            self.ask(visit, Who::Operator, &request);
        }
        self.ask_home(visit, &request);
        if let Some(card) = self.card_in_hand(visit.today()) {
            let application = self.application(Asked::New, kinds, card);
            self.ask_home(visit, &Request::Issue(Application { fails: 0, ..application }));
        }
    }

    /// In which manner the next end will be met.
    pub(crate) fn plan_renewal(&mut self, visit: &mut Visit<'_, '_>) {
        self.plan += 1;
        let now = visit.now();
        let live = self.case.record.certificates.iter().filter(|one| one.stands(now) && one.state == State::Live);
        let Some(last) = live.map(|one| one.last).min() else { return };
        let opens = days::window_opens(last);
        let (plan, dice) = (self.plan, &mut self.dice);
        let manner = dice.below(100);
        let day = match manner {
            0..=14 => opens - 1,
            15..=29 => opens,
            30..=64 => dice.between(opens, last),
            65..=74 => last,
            75..=84 => last + 1,
            85..=94 => last + dice.between(2, 300),
            _ => return,
        };
        visit.on(day, Act::Renew(plan));
        if manner < 15 {
            visit.on(opens, Act::Renew(plan));
        }
        if (75..=84).contains(&manner) {
            // The paper is ready the evening before, and it is too late by a night.
            visit.diary.push((day.max(visit.today() + 1), 0, Act::Renew(plan)));
        }
    }

    /// Applies for what is missing, on the card in the hand or on a new one.
    pub(crate) fn apply_for_missing(&mut self, visit: &mut Visit<'_, '_>) {
        let now = visit.now();
        let missing: &'static [Kind] = match (self.good(Auth, now), self.good(Sign, now) || !self.may_sign(now.day)) {
            (true, true) => return,
            (true, false) => &[Sign],
            (false, true) => &[Auth],
            (false, false) => &Kind::BOTH,
        };
        let today = visit.today();
        let usable = self.case.record.card_in_use().is_some_and(|place| self.case.record.cards[place].last >= today);
        let card = match self.card_in_hand(today) {
            Some(card) if usable || self.dice.percent(5) => card,
            _ => {
                let before = self.dice.between(0, 20);
                self.new_card(today, before)
            }
        };
        self.apply(visit, Asked::New, missing, card);
    }
}
