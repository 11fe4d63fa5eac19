//! The deadlines of moving, after which a card or a certificate ends (M-01, M-02, R-17, R-18, C-09).
//!
//! Every period counts from the day after its event (初日不算入, 民法140): "within 90 days" of 1 April ends with 30 June, and
//! what is void is void from the first instant of 1 July.

use serde::{Deserialize, Serialize};

use super::{
    Refusal,
    calendar::{Day, day_text, plus_days},
    closed::open_from,
    era::in_japanese,
    procedure::CounterPolicy,
};
use crate::{limits::MOVE_SLIP_DAYS, municipality::MunicipalityCode};

/// Days after moving in within which 転入届 is due (R-18, M-01).
const MOVE_IN_DAYS: u16 = 14;
/// Days after the planned day of moving within which 転入届 keeps AUTH alive (R-17, M-01).
const PLANNED_DAYS: u16 = 30;
/// Days after 転入届 within which the card has to be presented (R-18, M-02).
const CONTINUED_USE_DAYS: u16 = 90;

/// A deadline. Days beyond the year 9999 are its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Deadline {
    /// The last day on which the step can be taken.
    #[serde(with = "day_text")]
    pub last_day: Day,
    /// The day that people are told: a day earlier, as towns count the first day too (C-09).
    #[serde(with = "day_text")]
    pub told: Day,
}

impl Deadline {
    fn after(day: Day, days: u16) -> Self {
        let last_day = plus_days(day, days).unwrap_or(Day::MAX);
        Self { last_day, told: last_day.previous_day().unwrap_or(last_day) }
    }

    /// Whether it has passed on a day; what depended on it is over from the first instant of the day after the last.
    #[must_use]
    pub fn has_passed(&self, today: Day) -> bool {
        today > self.last_day
    }

    /// By when to do it, as it is told on a day: by the day that people are told while that is to come, then by the last day itself.
    #[must_use]
    pub fn told_on(&self, today: Day) -> String {
        let Self { last_day, told } = *self;
        if last_day == today {
            return format!("today ({today}), the last day");
        }
        format!("by {}", if told < today { last_day } else { told })
    }

    /// The same, moved to the next open day where the last one is closed and the municipality lets it (C-09). People are told
    /// the same day as before: it is safe by either counting.
    #[must_use]
    pub fn under(self, policy: &CounterPolicy) -> Self {
        let last_day = if policy.closed_days_carry_over { open_from(self.last_day) } else { self.last_day };
        Self { last_day, ..self }
    }
}

/// A move from one municipality to another, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// The planned day of moving, from 転出届.
    #[serde(with = "day_text")]
    pub planned: Day,
    /// The day the holder moved in, once 転入届 tells it.
    #[serde(default, with = "day_text::option")]
    pub moved_in: Option<Day>,
    /// The day of 転入届.
    #[serde(default, with = "day_text::option")]
    pub notified: Option<Day>,
    /// The day on which the card was presented for 継続利用.
    #[serde(default, with = "day_text::option")]
    pub presented: Option<Day>,
}

/// What a move has come to on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveState {
    /// 転入届 can still be handed in until then.
    AwaitsNotice(Deadline),
    /// No 転入届 within 30 days after the planned day: AUTH ends.
    NoticeMissed,
    /// 転入届 came, but later than 14 days after moving in or 30 days after the planned day: the card is void.
    NoticeLate,
    /// The card can still be presented until then (M-02).
    AwaitsCard(Deadline),
    /// The card was not presented within 90 days: it is void.
    CardMissed,
    /// The card goes on in the new municipality.
    Continued,
}

/// Until when 転入届 is due, from the planned day alone.
#[must_use]
pub fn notice_deadline(planned: Day) -> Deadline {
    Deadline::after(planned, PLANNED_DAYS)
}

/// Refuses the day after the planned day of a move: the holder has left, and nothing is issued in the old municipality any more,
/// nor in the new one before 転入届 (E-02, R-16).
///
/// # Errors
/// `E-02`.
pub fn check_planned((planned, to): (Option<Day>, Option<MunicipalityCode>), today: Day) -> Result<(), Refusal> {
    if planned.is_some_and(|planned| planned < today) { Err(moved_out(planned, to)) } else { Ok(()) }
}

/// The refusal of who has announced a move to another municipality and has left by it (E-02).
#[must_use]
pub fn moved_out(planned: Option<Day>, to: Option<MunicipalityCode>) -> Refusal {
    let to_ja = to.map_or_else(|| "他の市区町村".into(), |to| format!("市区町村{to}"));
    let planned_ja = planned.map_or_else(String::new, |planned| format!("（予定日 {}）", in_japanese(planned)));
    let to = to.map_or_else(|| "another municipality".into(), |to| format!("municipality {to}"));
    let planned = planned.map_or_else(String::new, |planned| format!(", planned for {planned}"));
    let detail = format!(
        "the holder announced a move to {to} (転出届){planned}, and it is over: certificates are issued once the arrival there is \
         recorded (`move-in`), or here once the move is taken back (`move-out-cancelled`)"
    );
    Refusal::new("E-02", detail)
        .with_ja(format!(
            "{to_ja}への転出届{planned_ja}が出ており、予定日を過ぎています。\
             転入先で転入届が記録された後に転入先で、\
             または転出が取り消された後に当市区町村で発行できます。"
        ))
        .in_case("moved-out")
}

/// Until when the card has to be presented after 転入届 (M-02).
#[must_use]
pub fn continued_use_deadline(notified: Day) -> Deadline {
    Deadline::after(notified, CONTINUED_USE_DAYS)
}

/// Decides what a move has come to (M-01, M-02), by the statute.
#[must_use]
pub fn decide_move(one: &Move, today: Day) -> MoveState {
    decide_move_under(one, today, &CounterPolicy::default())
}

/// The same where the municipality may let a closed last day carry over (C-09): that of presenting the card, which is its own.
#[must_use]
pub fn decide_move_under(one: &Move, today: Day, policy: &CounterPolicy) -> MoveState {
    let by_plan = notice_deadline(one.planned);
    let Some(notified) = one.notified else {
        return if by_plan.has_passed(today) { MoveState::NoticeMissed } else { MoveState::AwaitsNotice(by_plan) };
    };
    let by_arrival = one.moved_in.map(|day| Deadline::after(day, MOVE_IN_DAYS));
    if by_plan.has_passed(notified) || by_arrival.is_some_and(|deadline| deadline.has_passed(notified)) {
        return MoveState::NoticeLate;
    }
    let card = continued_use_deadline(notified).under(policy);
    match one.presented {
        Some(presented) if card.has_passed(presented) => MoveState::CardMissed,
        Some(_) => MoveState::Continued,
        None if card.has_passed(today) => MoveState::CardMissed,
        None => MoveState::AwaitsCard(card),
    }
}

/// What the counter sees when a card is presented for 継続利用.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardPresented {
    /// The card's last day.
    pub card_last_day: Day,
    /// Whether it is void.
    pub void: bool,
    /// Whether it is suspended (一時停止).
    pub suspended: bool,
    /// Whether 住基用PIN was entered; a face-authentication card has none and needs none.
    pub register_pin: bool,
    /// Whether it is a face-authentication card.
    pub face_authentication: bool,
    /// Whether 追記欄 has room; without, the card is made anew, free of charge (F-05).
    pub addendum_has_room: bool,
}

/// Refuses days of a move that cannot be, as the feed of the register does.
///
/// # Errors
/// `R-01` for a day to come or before birth, `M-01` for days in an order in which nobody moves: in before the notice of it, and
/// the card presented after that.
pub fn check_move_days(one: &Move, birth: Day, today: Day) -> Result<(), Refusal> {
    let impossible =
        |detail: String, ja: String| Err(Refusal::new("R-01", detail).with_ja(ja).in_case("impossible-day"));
    for (what, what_ja, day) in [
        ("moved in", "転入した日", one.moved_in),
        ("the notice of moving in", "転入届の日", one.notified),
        ("presented", "カードの提示日", one.presented),
    ] {
        let Some(day) = day else { continue };
        let ja = format!("{what_ja}（{}）", in_japanese(day));
        if day > today {
            return impossible(format!("{what} on {day}, which is to come"), format!("{ja}が未来の日付です。"));
        }
        if day < birth {
            return impossible(
                format!("{what} on {day}, before the holder was born"),
                format!("{ja}が生年月日より前です。"),
            );
        }
    }
    let contradicts = |detail: String, ja: String| Err(Refusal::new("M-01", detail).with_ja(ja).in_case("days"));
    if let (Some(moved_in), Some(notified)) = (one.moved_in, one.notified)
        && moved_in > notified
    {
        let ja =
            format!("転入した日（{}）が転入届の日（{}）より後です。", in_japanese(moved_in), in_japanese(notified));
        return contradicts(format!("moved in on {moved_in}, after the notice (転入届) of {notified}"), ja);
    }
    if let Some(moved_in) = one.moved_in.filter(|moved_in| days_apart(one.planned, *moved_in)) {
        let (moved, planned) = (in_japanese(moved_in), in_japanese(one.planned));
        let ja = format!("転入した日（{moved}）が転出予定日（{planned}）から1年を超えて離れています。");
        return contradicts(format!("moved in on {moved_in}, more than a year from the planned {}", one.planned), ja);
    }
    match (one.notified, one.presented) {
        (None, Some(_)) => contradicts(
            "the card was presented, and there is no notice of moving in (転入届)".into(),
            "カードの提示日がありますが、転入届の日がありません。".into(),
        ),
        (Some(notified), Some(presented)) if presented < notified => {
            let (shown, moved) = (in_japanese(presented), in_japanese(notified));
            contradicts(
                format!("the card was presented on {presented}, before the notice (転入届) of {notified}"),
                format!("カードの提示日（{shown}）が転入届の日（{moved}）より前です。"),
            )
        }
        _ => Ok(()),
    }
}

/// Whether two days of one move lie further apart than a slip of the pen allows.
fn days_apart(one: Day, other: Day) -> bool {
    let (early, late) = (one.min(other), one.max(other));
    plus_days(early, MOVE_SLIP_DAYS).is_some_and(|bound| late > bound)
}

/// Decides whether the card goes on (M-01), by the municipality's own calendar (C-09).
///
/// # Errors
/// `M-01` naming what is missing, `M-02` when the 90 days have passed.
pub fn decide_continued_use(
    one: &Move,
    card: &CardPresented,
    (today, policy): (Day, &CounterPolicy),
) -> Result<(), Refusal> {
    let refused = |case, detail: &str, ja: &'static str| Err(Refusal::new("M-01", detail).with_ja(ja).in_case(case));
    match decide_move_under(one, today, policy) {
        MoveState::AwaitsNotice(deadline) => {
            let detail = format!("hand in the notice of moving in (転入届) first, {}", deadline.told_on(today));
            return refused("notice-first", &detail, "先に転入届を提出してください。")
                .map_err(|refusal| refusal.possible_from(today));
        }
        MoveState::NoticeMissed | MoveState::NoticeLate => {
            // No day opens it any more.
            let detail = "the notice of moving in (転入届) came too late: the card is void; apply for a new one";
            return refused(
                "notice-late",
                detail,
                "転入届が期限を過ぎたため、カードは失効しています。再交付を申請してください。",
            );
        }
        MoveState::CardMissed => {
            let last = one.notified.map_or(Day::MAX, |day| continued_use_deadline(day).under(policy).last_day);
            let detail = format!("the card could be presented until {last}: it is void; apply for a new one");
            let ja = format!(
                "カードの提示期限は{}でした。カードは失効しています。再交付を申請してください。",
                in_japanese(last)
            );
            return Err(Refusal::new("M-02", detail).with_ja(ja));
        }
        MoveState::Continued => return Err(presented_before()),
        MoveState::AwaitsCard(_) => {}
    }
    check_card(card, today)
}

/// The refusal of a card that goes on already (M-01).
#[must_use]
pub fn presented_before() -> Refusal {
    Refusal::new("M-01", "the card was presented before; nothing is left to do")
        .with_ja("継続利用の手続は済んでいます。")
        .in_case("done")
}

/// Decides whether a card presented on a day can go on at all, whatever the move has come to (M-01).
///
/// # Errors
/// `M-01` naming what is missing.
pub fn check_card(card: &CardPresented, today: Day) -> Result<(), Refusal> {
    let refused = |case, detail: &str, ja: &str| Err(Refusal::new("M-01", detail).with_ja(ja.to_owned()).in_case(case));
    if card.void {
        return refused(
            "void",
            "the card is void; apply for a new one",
            "カードは失効しています。再交付を申請してください。",
        );
    }
    if card.card_last_day < today {
        let detail = format!("the card's last day was {}; apply for a new one", card.card_last_day);
        let ja =
            format!("カードの有効期間は{}までです。新しいカードを申請してください。", in_japanese(card.card_last_day));
        return refused("void", &detail, &ja);
    }
    if card.suspended {
        let detail = "the card is suspended (一時停止); release it when it is found, or apply for a new one";
        let ja = "カードは一時停止中です。見つかった場合は解除し、見つからない場合は再交付を申請してください。";
        return refused("void", detail, ja);
    }
    if !card.addendum_has_room {
        let detail = "there is no room left on the card (追記欄); it is made anew, free of charge";
        return refused("no-room", detail, "カードの追記欄に余白がありません。無料で再交付します。");
    }
    if !card.register_pin && !card.face_authentication {
        let detail = "enter the register PIN (住民基本台帳用暗証番号), or have it reset";
        return refused("pin", detail, "住民基本台帳用暗証番号を入力するか、初期化してください。");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
