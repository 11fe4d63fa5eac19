//! A holder's record in the register, and what an entry makes of it.

use super::{
    RegisterChange, RegisterEvent,
    arrived::{Arrived, LeftAt, LeftBehind, next},
    check::apart,
    history::{Blow, Entry, Issued, Said},
};
use crate::{
    authority::end::{Awaited, AwaitedStep},
    municipality::MunicipalityCode,
    ports::{CardRecord, CertificateRecord},
    rules::{
        Cause, Day, Refusal,
        deadline::{
            CardPresented, Deadline, Move, MoveState, check_planned, decide_continued_use, decide_move, moved_out,
            notice_deadline, presented_before,
        },
        era::in_japanese,
    },
};

mod fits;

/// A card as it has to be (M-01); whether one is, was checked when it was presented.
const IN_ORDER: CardPresented = CardPresented {
    card_last_day: Day::MAX,
    void: false,
    suspended: false,
    register_pin: true,
    face_authentication: false,
    addendum_has_room: true,
};

/// A move that was announced (転出届) and not completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Announced {
    to: MunicipalityCode,
    planned: Option<Day>,
    missed: bool,
    /// The id of the entry that announced it.
    entry: u64,
}

impl Announced {
    /// The first day on which the arrival is missed; none: it has been already, or nobody said when it is planned.
    fn missed_from(&self) -> Option<Day> {
        let planned = self.planned.filter(|_| !self.missed)?;
        Some(next(notice_deadline(planned).last_day))
    }
}

/// A holder's record in the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::authority) struct Register {
    pub(in crate::authority) municipality: MunicipalityCode,
    pub(in crate::authority) birth: Day,
    pub(in crate::authority) registered: bool,
    moving: Option<Announced>,
    /// Oldest first.
    arrived: Vec<Arrived>,
    /// Whether the card was presented after the last move, or change.
    presented: bool,
    /// Whether what is printed on the card was changed since the holder came to live here.
    face_changed: bool,
    /// Whether the holder lives abroad with a card that goes on: recorded here still, in 戸籍の附票 (E-01, R-20).
    abroad: bool,
    /// Who recorded that the holder is off the register, or abroad, and on which day.
    gone: Option<(MunicipalityCode, Day)>,
}

/// What an event is to the certificates: a departure with a card that does not go on is one without.
pub(super) fn cause_of(change: &RegisterChange, card: Option<&Refusal>) -> Cause {
    match change.change {
        RegisterEvent::OverseasMoveWithContinuedUse if card.is_some() => Cause::OverseasMove,
        event => event.cause(),
    }
}

pub(super) type Taken = Result<Option<Blow>, Refusal>;

impl Register {
    /// Nobody's; whatever it begins with, the first entry of a history says what it is.
    pub(super) const fn nobodys(municipality: MunicipalityCode) -> Self {
        Self {
            municipality,
            birth: Day::MIN,
            registered: false,
            moving: None,
            arrived: Vec::new(),
            presented: false,
            face_changed: false,
            abroad: false,
            gone: None,
        }
    }

    /// Where the holder has announced to move.
    pub(in crate::authority) fn moving_to(&self) -> Option<MunicipalityCode> {
        self.moving.map(|moving| moving.to)
    }

    /// The first day on which something ends by itself, and by which cause.
    pub(in crate::authority) fn due(&self) -> Option<(Day, Cause)> {
        let missed = self.moving.and_then(|moving| moving.missed_from()).map(|day| (day, Cause::MoveInMissed));
        let void = self.arrived.iter().map(|one| (one.void_from(), Cause::CardVoidAfterMove));
        missed.into_iter().chain(void).min().filter(|_| self.registered)
    }

    /// What the holder has to do before long, and by when: the day that people are told (C-09).
    pub(in crate::authority) fn awaited(&self) -> Option<Awaited> {
        let of = |step, deadline: Deadline| Awaited { step, by: deadline.told, last_day: deadline.last_day };
        let moving = self.moving.filter(|moving| !moving.missed).and_then(|moving| moving.planned);
        let notice = moving.map(|planned| of(AwaitedStep::MoveInNotice, notice_deadline(planned)));
        let in_time =
            |one: &&Arrived| decide_move(&one.is, one.notified) != MoveState::NoticeLate && one.left.is_none();
        let card = self.arrived.iter().rev().find(in_time).map(|one| of(AwaitedStep::CardPresented, one.deadline()));
        notice.or(card).filter(|_| self.registered)
    }

    pub(super) fn take(&mut self, entry: &Entry) -> Taken {
        match &entry.said {
            Said::Before { moving_to, birth, registered } => {
                let moving = moving_to.map(|to| Announced { to, planned: None, missed: false, entry: entry.id });
                let (birth, registered) = (*birth, *registered);
                *self = Self { birth, registered, moving, ..Self::nobodys(entry.municipality) };
                Ok(None)
            }
            Said::Passed { cause, since } => self.pass((*cause, *since), entry.id),
            Said::Reported { change, event_day, card, .. } => {
                self.fits(change, entry)?;
                self.happen((change, entry), (*event_day, card.as_deref()))?;
                let cause = cause_of(change, card.as_deref());
                // Without the day of the notice nobody knows whether what was issued meanwhile says what is true now.
                let until = change.notified.map(|noticed| if cause.voids_card() { entry.day } else { noticed });
                Ok(Some(Blow { cause, event_day: *event_day, until, new_of: Vec::new() }))
            }
        }
    }

    /// A deadline passes: from that day on something is over. It is of the moves that the service had been told of when it passed;
    /// one that is told of later has its own, of the same days too.
    fn pass(&mut self, (cause, since): (Cause, Day), passed: u64) -> Taken {
        if cause == Cause::MoveInMissed {
            let of_it = |moving: &&mut Announced| moving.missed_from() == Some(since) && moving.entry < passed;
            let moving = self.moving.as_mut().filter(of_it);
            let moving = moving.ok_or_else(|| {
                Refusal::new("R-17", "no move is awaited").with_ja("転入届を待っている異動はありません。")
            })?;
            moving.missed = true;
            return Ok(Some(Blow { cause, event_day: since, until: None, new_of: Vec::new() }));
        }
        let of_it = |one: &Arrived| one.void_from() == since && one.entry < passed;
        // A card that was issued after the move is not the one that had to be presented.
        let over = self.arrived.iter().filter(|one| of_it(one)).max_by_key(|one| one.notified);
        let over = over.ok_or_else(|| {
            Refusal::new("M-02", "no card is to be presented after a move")
                .with_ja("カードの提示を待っている異動はありません。")
        })?;
        let (blow, before_the_last) = (over.blow(since), over.left.is_some());
        self.arrived.retain(|one| !of_it(one));
        self.presented &= before_the_last;
        Ok(Some(blow))
    }

    fn happen(
        &mut self,
        (change, entry): (&RegisterChange, &Entry),
        (event_day, card): (Day, Option<&Refusal>),
    ) -> Result<(), Refusal> {
        match change.change {
            RegisterEvent::MoveOut => {
                let announced = |to| Announced { to, planned: change.planned, missed: false, entry: entry.id };
                self.moving = change.to.map(announced);
            }
            RegisterEvent::MoveIn => self.arrive((change, entry), (event_day, card))?,
            RegisterEvent::Registration => {
                let birth = self.birth;
                // A card that was left behind on the way abroad does not live again by coming back.
                let arrived = if self.abroad { std::mem::take(&mut self.arrived) } else { Vec::new() };
                *self = Self { birth, arrived, registered: true, ..Self::nobodys(entry.municipality) };
            }
            // A late arrival can still be reported by the municipality that was announced.
            RegisterEvent::MoveInMissed => {
                self.moving = self.moving.map(|moving| Announced { missed: true, ..moving });
            }
            RegisterEvent::MoveOutCancelled => self.moving = None,
            RegisterEvent::ContinuedUse => {
                card.map_or(Ok(()), |refusal| Err(refusal.clone()))?;
                self.card_to_update(event_day)?;
                if self.awaits_card() {
                    self.arrived.pop();
                }
                (self.face_changed, self.presented) = (false, true);
            }
            RegisterEvent::Correction => (self.birth, self.face_changed) = (change.birth.unwrap_or(self.birth), true),
            RegisterEvent::Move | RegisterEvent::NameChange => self.face_changed = true,
            RegisterEvent::Death | RegisterEvent::OverseasMove => {
                (self.registered, self.gone) = (false, Some((entry.municipality, entry.day)));
            }
            RegisterEvent::OverseasMoveWithContinuedUse => {
                // Who has left has left, whatever becomes of the card.
                self.leave(event_day, entry);
                (self.registered, self.abroad) = (card.is_none(), card.is_none());
                self.gone = Some((entry.municipality, entry.day));
            }
            RegisterEvent::MinorCorrection => {}
        }
        Ok(())
    }

    /// The holder is here, whatever becomes of the card.
    fn arrive(
        &mut self,
        (change, entry): (&RegisterChange, &Entry),
        (event_day, card): (Day, Option<&Refusal>),
    ) -> Result<(), Refusal> {
        let moved_in = change.moved_in.unwrap_or(event_day);
        let planned = self.moving.and_then(|moving| moving.planned);
        if let Some(planned) = planned.filter(|planned| apart(*planned, moved_in)) {
            let detail = format!("moved in on {moved_in}, more than a year from the planned {planned}");
            return Err(Refusal::new("M-01", detail)
                .with_ja(format!(
                    "転入した日（{}）が転出予定日（{}）から1年を超えて離れています。",
                    in_japanese(moved_in),
                    in_japanese(planned)
                ))
                .in_case("days"));
        }
        self.leave(moved_in, entry);
        let notified = entry.day;
        let is = Move {
            planned: planned.unwrap_or(notified),
            moved_in: Some(moved_in),
            notified: Some(notified),
            presented: None,
        };
        let in_time = matches!(decide_move(&is, notified), MoveState::AwaitsCard(_));
        self.presented = change.presented.is_some() && card.is_none() && in_time;
        if !self.presented {
            let town = entry.municipality;
            let (new_of, policy) = (vec![town], entry.policy);
            self.arrived.push(Arrived { is, town, notified, left: None, new_of, policy, entry: entry.id });
        }
        (self.municipality, self.moving) = (entry.municipality, None);
        (self.face_changed, self.abroad) = (false, false);
        Ok(())
    }

    /// The holder moves on: a card that was to be presented here had to be by then.
    fn leave(&mut self, day: Day, entry: &Entry) {
        self.arrived.iter_mut().for_each(|one| one.leave(day, (entry.municipality, entry.day)));
    }

    /// Whether a card in order goes on if it is presented on a day, after the last move (M-01, M-02).
    ///
    /// # Errors
    /// `M-01` where no card is awaited, or not any more, or the notice came too late; `M-02` when the 90 days have passed.
    pub(in crate::authority) fn continued_use(&self, day: Day) -> Result<(), Refusal> {
        let last = self.arrived.last();
        let Some(last) = last.filter(|last| last.left.is_none()) else {
            let none = || {
                Refusal::new("M-01", "no card is to be presented after a move")
                    .with_ja("継続利用のためにカードの提示を待っている転入はありません。")
                    .in_case("no-move")
            };
            let moved_on = || last.map_or_else(none, |last| LeftAt(last.town).moved_on());
            return Err(if self.presented { presented_before() } else { moved_on() });
        };
        decide_continued_use(&last.is, &IN_ORDER, (day, &last.policy))
    }

    /// Whether there is anything to do to the card on a day: it goes on after a move, or what is printed on it changed (券面更新).
    ///
    /// # Errors
    /// As [`continued_use`](Self::continued_use).
    pub(in crate::authority) fn card_to_update(&self, day: Day) -> Result<(), Refusal> {
        if self.face_changed && !self.awaits_card() { Ok(()) } else { self.continued_use(day) }
    }

    /// The same of a card: one that had to be presented before the holder moved on does not go on any more.
    ///
    /// # Errors
    /// As [`continued_use`](Self::continued_use).
    pub(in crate::authority) fn card_goes_on(
        &self,
        (card, certificates): (&CardRecord, &[CertificateRecord]),
        day: Day,
    ) -> Result<(), Refusal> {
        let left = self.left_behind().of(card, certificates);
        left.map_or_else(|| self.card_to_update(day), |left| Err(left.moved_on()))
    }

    /// Whether certificates are issued on a day to who lives here: with the planned day of moving, the holder has left, whoever
    /// records the arrival.
    ///
    /// # Errors
    /// `E-02` after the planned day of a move, and where the arrival was missed.
    pub(in crate::authority) fn lives_here(&self, today: Day) -> Result<(), Refusal> {
        let Some(Announced { to, planned, missed, .. }) = self.moving else { return Ok(()) };
        if missed { Err(moved_out(planned, Some(to))) } else { check_planned((planned, Some(to)), today) }
    }

    /// Whether a card takes certificates on a day, as far as it had to be presented after a move.
    ///
    /// # Errors
    /// `M-01`, abroad `R-20`, where it was not presented before the holder moved on; `E-03` where its time is over.
    pub(super) fn card_presented(&self, card: Issued, today: Day) -> Result<(), Refusal> {
        let mut awaited = self.arrived.iter().filter(|one| one.blow(one.void_from()).strikes(card));
        let Some(one) = awaited.find(|one| one.left.is_some() || one.void_from() <= today) else { return Ok(()) };
        match one.left {
            Some(_) if self.abroad => Err(LeftAt(one.town).departed()),
            Some(_) => Err(LeftAt(one.town).moved_on()),
            None => Err(one.not_presented()),
        }
    }

    /// Whether a card had to be presented after a move, and the time for it is over.
    pub(super) fn card_is_overdue(&self, card: Issued, today: Day) -> bool {
        self.arrived.iter().any(|one| one.void_from() <= today && one.blow(one.void_from()).strikes(card))
    }

    /// Whether the card was not presented yet after the last move.
    fn awaits_card(&self) -> bool {
        self.arrived.last().is_some_and(|last| last.left.is_none())
    }

    /// Why no card goes on after the arrival that was recorded last, whatever card is presented: the notice came too late.
    pub(super) fn too_late(&self) -> Option<Refusal> {
        let last = self.arrived.last().filter(|last| last.left.is_none())?;
        decide_continued_use(&last.is, &IN_ORDER, (last.notified, &last.policy)).err()
    }

    /// The moves after which no card was presented before the holder moved on.
    pub(super) fn left_behind(&self) -> LeftBehind {
        LeftBehind(self.arrived.iter().filter(|one| one.left.is_some()).cloned().collect())
    }
}
