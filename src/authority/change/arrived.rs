//! Moves after which a card is to be presented, and what it ends with if it is not (M-01, M-02, R-18).

use super::history::Blow;
use crate::{
    municipality::MunicipalityCode,
    ports::{CardRecord, CertificateRecord},
    rules::{
        Cause, Day, Refusal,
        deadline::{Deadline, Move, MoveState, continued_use_deadline, decide_move},
        era::in_japanese,
        procedure::CounterPolicy,
    },
};

/// A completed move after which the card was not presented; and when the holder moved on before doing so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arrived {
    pub(super) is: Move,
    /// Where to.
    pub(super) town: MunicipalityCode,
    pub(super) notified: Day,
    pub(super) left: Option<Day>,
    /// Whose cards of the day of the notice are new ones: this municipality's, and those of where the holder moved on that day.
    pub(super) new_of: Vec<MunicipalityCode>,
    /// As the municipality that took the notice counts (C-09).
    pub(super) policy: CounterPolicy,
    /// The id of the entry that reported it.
    pub(super) entry: u64,
}

impl Arrived {
    pub(super) fn deadline(&self) -> Deadline {
        continued_use_deadline(self.notified).under(&self.policy)
    }

    /// The first day on which the card is void (M-02, R-18).
    pub(super) fn void_from(&self) -> Day {
        if decide_move(&self.is, self.notified) == MoveState::NoticeLate {
            return self.notified;
        }
        let last_day = self.deadline().last_day;
        next(self.left.map_or(last_day, |left| left.min(last_day)))
    }

    /// The holder moves on, on a day, by what a municipality recorded on another.
    pub(super) fn leave(&mut self, day: Day, (town, recorded): (MunicipalityCode, Day)) {
        self.left = Some(self.left.map_or(day, |left| left.min(day)));
        if recorded == self.notified {
            self.new_of.push(town);
        }
    }

    /// Why a card that was to be presented takes no certificate any more.
    pub(super) fn not_presented(&self) -> Refusal {
        let detail = format!(
            "the card had to be presented in municipality {} after moving in, and was not in time: it is void since {} (R-18); \
             apply for a new one",
            self.town,
            self.void_from()
        );
        Refusal::new("E-03", detail)
            .with_ja(format!(
                "転入後、市区町村{}で期限までにカードの提示がなかったため、\
                 {}に失効しています（R-18）。再交付を申請してください。",
                self.town,
                in_japanese(self.void_from())
            ))
            .in_case("over")
    }

    /// What the card, not presented by then, ends with.
    pub(super) fn blow(&self, since: Day) -> Blow {
        let (until, new_of) = (Some(self.notified), self.new_of.clone());
        Blow { cause: Cause::CardVoidAfterMove, event_day: since, until, new_of }
    }
}

/// Completed moves after which a card was not presented before the holder moved on.
#[derive(Clone, Debug, Default)]
pub(super) struct LeftBehind(pub(super) Vec<Arrived>);

impl LeftBehind {
    /// After which of these moves a card had to be presented (M-01, R-18); none: it goes on, as far as they go.
    pub(super) fn of(&self, card: &CardRecord, certificates: &[CertificateRecord]) -> Option<LeftAt> {
        let struck = |one: &&Arrived| one.blow(one.notified).strikes_card(card, certificates);
        self.0.iter().find(struck).map(|one| LeftAt(one.town))
    }
}

/// The municipality in which a card had to be presented, and was not.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeftAt(pub(super) MunicipalityCode);

impl LeftAt {
    /// Why the card does not go on after the next move (M-01).
    pub(super) fn moved_on(self) -> Refusal {
        let detail = format!(
            "the card was not presented in municipality {} before the holder moved on: it is void the day after; apply for a \
             new one",
            self.0
        );
        Refusal::new("M-01", detail)
            .with_ja(format!(
                "市区町村{}でカードを提示しないまま次の転出をしたため、カードは翌日に失効します。\
                 再交付を申請してください。",
                self.0
            ))
            .in_case("moved-on")
    }

    /// Why it does not go on abroad.
    pub(super) fn departed(self) -> Refusal {
        let detail = format!(
            "the card was not presented in municipality {} after moving in there; if it was before leaving, report that first \
             (`continued-use`)",
            self.0
        );
        Refusal::new("R-20", detail)
            .with_ja(format!(
                "市区町村{}への転入後にカードの提示がありません。転出前に提示していた場合は、\
                 先に継続利用を届け出てください。",
                self.0
            ))
            .in_case("not-presented")
    }
}

pub(super) fn next(day: Day) -> Day {
    day.next_day().unwrap_or(Day::MAX)
}
