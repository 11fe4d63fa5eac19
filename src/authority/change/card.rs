//! What an answer says of the card after a move: what is awaited, and why it does not go on (M-01, R-18, R-20).

use super::{
    RegisterChange, RegisterEvent,
    arrived::{LeftAt, LeftBehind},
    register::Register,
};
use crate::{
    authority::end::{Awaited, AwaitedStep},
    ports::{CardRecord, Dossier},
    rules::{Day, Refusal},
};

/// The card that an event is about: the one that is presented, else the one that the holder has on the day.
fn card_of<'a>(change: &RegisterChange, day: Day, dossier: &'a Dossier) -> Option<&'a CardRecord> {
    match &change.presented {
        Some(presented) => dossier.card(&presented.card),
        None => {
            let mut cards = dossier.cards.iter().rev().filter(|card| card.issue_day <= day);
            let departs = change.change == RegisterEvent::OverseasMoveWithContinuedUse;
            cards.clone().find(|card| !card.void).or_else(|| cards.next().filter(|_| departs))
        }
    }
}

/// Where that card had to be presented before the holder moved on.
pub(super) fn left_behind(change: &RegisterChange, day: Day, moves: &LeftBehind, dossier: &Dossier) -> Option<LeftAt> {
    card_of(change, day, dossier).and_then(|card| moves.of(card, &dossier.certificates))
}

/// Why an event does not fit: of a card that is over with the day, that.
pub(super) fn said_of(change: &RegisterChange, refusal: &Refusal, left: Option<LeftAt>) -> Refusal {
    let of_card = change.change == RegisterEvent::ContinuedUse && refusal.rule == "M-01";
    left.filter(|_| of_card).map_or_else(|| refusal.clone(), LeftAt::moved_on)
}

/// What becomes of the card after an event that fits.
#[derive(Debug)]
pub(super) struct Outlook {
    /// Why it does not go on.
    pub(super) not_continued: Option<Refusal>,
    /// No card goes on any more.
    over: bool,
}

impl Outlook {
    /// By what is wrong with the card itself, the notice that came too late, and where it had to be presented before: what
    /// nothing mends is told first.
    pub(super) fn of(
        (change, day): (&RegisterChange, Day),
        (card, too_late, left): (Option<Refusal>, Option<Refusal>, Option<LeftAt>),
        dossier: &Dossier,
    ) -> Self {
        // Of what the service does not know nothing is said.
        let known = change.presented.is_some() || card_of(change, day, dossier).is_some();
        let moved_on = left.map(LeftAt::moved_on);
        let over = moved_on.is_some() || too_late.is_some();
        let not_continued = match change.change {
            RegisterEvent::MoveIn => moved_on.or(too_late).or(card).filter(|_| known),
            RegisterEvent::ContinuedUse => moved_on,
            RegisterEvent::OverseasMoveWithContinuedUse => {
                card.map(|refusal| departed(&refusal)).or(left.map(LeftAt::departed))
            }
            _ => None,
        };
        Self { not_continued, over }
    }

    /// What a move leaves the holder to do.
    pub(super) fn awaited(&self, event: RegisterEvent, register: &Register) -> Option<Awaited> {
        let moving = matches!(event, RegisterEvent::MoveOut | RegisterEvent::MoveIn);
        let open = |awaited: &Awaited| moving && !(self.over && awaited.step == AwaitedStep::CardPresented);
        register.awaited().filter(open)
    }
}

/// What was said of a departure with a card that does not go on, once it has happened.
fn departed(refusal: &Refusal) -> Refusal {
    refusal.clone().reworded(
        |detail| format!("{detail}; the departure was taken as `overseas-move`, with which the card ends (R-19)"),
        |detail| format!("{detail}カードが失効する国外転出として受け付けました（R-19）。"),
    )
}
