//! What a report must be whatever the register has: days that can be, and nothing said that belongs to another event.

use std::borrow::Cow;

use super::{Presented, RegisterChange, RegisterEvent, arrived::LeftAt, history::History, issuing_place};
use crate::{
    limits::MOVE_SLIP_DAYS,
    municipality::MunicipalityCode,
    ports::{CardRecord, CertificateRecord, Dossier, Revocation},
    rules::{
        Cause, CertificateState, Day, Refusal,
        calendar::{birthday_in, day_of, plus_days},
        deadline::{CardPresented, check_card},
        era::in_japanese,
        overseas::{Departure, decide_continued_use_abroad},
    },
};

/// The days of an event, none left open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Days {
    /// When it happened.
    pub(super) event: Day,
    /// When the register recorded it.
    pub(super) recorded: Day,
}

type Checked = Result<(), Refusal>;

/// Checks a report, as far as it says by itself whether it can be.
pub(super) fn change(change: &RegisterChange, reporter: MunicipalityCode, today: Day) -> Result<Days, Refusal> {
    destination(change, reporter)?;
    let days = days(change, today)?;
    birth(change, today)?;
    moving(change, &days)?;
    visit(change)?;
    Ok(days)
}

/// Checks what of a report only those are told whom the holder has to do with: nothing is of a day before the holder's birth, and
/// of a visit about the card alone nothing is left to record where the card does not go on.
pub(super) fn of_holder(
    (change, days): (&RegisterChange, &Days),
    dossier: &Dossier,
    card: Option<&Refusal>,
) -> Checked {
    let event = days.event;
    if event < dossier.holder.birth {
        let detail = format!("the event is of {event}, before the holder was born");
        return Err(Refusal::new("R-01", detail)
            .with_ja(format!("異動日（{}）が生年月日より前です。", in_japanese(event)))
            .in_case("impossible-day"));
    }
    match (change.change, card) {
        (RegisterEvent::ContinuedUse, Some(refusal)) => Err(refusal.clone()),
        (RegisterEvent::OverseasMoveWithContinuedUse, Some(refusal)) => Err(instead(refusal)),
        _ => Ok(()),
    }
}

/// The same refusal, with what to report of a departure after which the card does not go on.
fn instead(refusal: &Refusal) -> Refusal {
    refusal.clone().reworded(
        |detail| format!("{detail}; report `overseas-move`, with which the card ends (R-19)"),
        |detail| format!("{detail}カードが失効する国外転出として届け出てください（R-19）。"),
    )
}

/// Why a report by hand is refused whose card had to be presented in a municipality before the holder moved on: who is there to
/// read it can still do what is right.
pub(super) fn by_hand(change: &RegisterChange, left: Option<&LeftAt>) -> Checked {
    match (change.change, left) {
        (RegisterEvent::ContinuedUse, Some(left)) => Err(left.moved_on()),
        (RegisterEvent::OverseasMoveWithContinuedUse, Some(left)) => Err(instead(&left.departed())),
        _ => Ok(()),
    }
}

fn destination(change: &RegisterChange, reporter: MunicipalityCode) -> Checked {
    match (change.change, change.to) {
        (RegisterEvent::MoveOut, Some(to)) if to != reporter => issuing_place(to),
        (RegisterEvent::MoveOut, _) => {
            Err(Refusal::new("R-16", "say to which other municipality").with_ja("転出先の市区町村を入力してください。"))
        }
        (_, Some(_)) => Err(Refusal::new("R-16", "only moving out has a destination")
            .with_ja("転出先を入力するのは転出の場合に限ります。")),
        (_, None) => Ok(()),
    }
}

fn days(change: &RegisterChange, today: Day) -> Result<Days, Refusal> {
    let refused = |detail: String, ja: String| Err(Refusal::new("R-01", detail).with_ja(ja).in_case("impossible-day"));
    let event = change.event_day.unwrap_or(today);
    let unsaid = if change.number.is_some() { event } else { today };
    let noticed = change.notified.unwrap_or(unsaid);
    // Notice of leaving the country (国外転出届) is given before, and the register records it on the day.
    let ahead = matches!(change.change, RegisterEvent::OverseasMove | RegisterEvent::OverseasMoveWithContinuedUse);
    let recorded = if ahead && !apart(noticed, event) { noticed.max(event) } else { noticed };
    if event > today {
        let ja = format!("異動日（{}）が未来の日付です。異動があってから届け出てください。", in_japanese(event));
        return refused(format!("the event is of {event}, which is to come; report it when it has happened"), ja);
    }
    if recorded > today {
        let ja = format!("届出日（{}）が未来の日付です。", in_japanese(recorded));
        return refused(format!("the notice is of {recorded}, which is to come"), ja);
    }
    if recorded < event {
        let ja = format!("届出日（{}）が異動日（{}）より前です。", in_japanese(recorded), in_japanese(event));
        return refused(format!("the notice is of {recorded}, before the event of {event}"), ja);
    }
    Ok(Days { event, recorded })
}

fn birth(change: &RegisterChange, today: Day) -> Checked {
    match (change.change, change.birth) {
        (RegisterEvent::Correction, Some(birth)) if birth > today => {
            Err(Refusal::new("E-01", format!("the date of birth {birth} is to come"))
                .with_ja(format!("生年月日（{}）が未来の日付です。", in_japanese(birth)))
                .in_case("unborn"))
        }
        (RegisterEvent::Correction, _) | (_, None) => Ok(()),
        (_, Some(_)) => Err(Refusal::new("R-13", "only a correction gives a date of birth")
            .with_ja("生年月日を入力するのは職権修正の場合に限ります。")),
    }
}

/// The planned day with moving out, the day of moving in with that, and both near the notice.
fn moving(change: &RegisterChange, days: &Days) -> Checked {
    let out = change.change == RegisterEvent::MoveOut;
    match change.planned {
        Some(_) if !out => {
            return Err(planned_day(
                "only moving out has a planned day (転出予定日)",
                "転出予定日を入力するのは転出の場合に限ります。",
            ));
        }
        None if out && change.number.is_some() => {
            return Err(planned_day("say the planned day of moving (転出予定日)", "転出予定日を入力してください。"));
        }
        Some(planned) if apart(planned, days.recorded) => {
            let detail =
                format!("moving is planned for {planned}, more than a year from the notice of {}", days.recorded);
            let (planned, noticed) = (in_japanese(planned), in_japanese(days.recorded));
            let ja = format!("転出予定日（{planned}）が届出日（{noticed}）から1年を超えて離れています。");
            return Err(planned_day(detail, ja));
        }
        _ => {}
    }
    match change.moved_in {
        Some(_) if change.change != RegisterEvent::MoveIn => {
            Err(Refusal::new("M-01", "only moving in has a day of moving in")
                .with_ja("転入した日を入力するのは転入の場合に限ります。")
                .in_case("days"))
        }
        Some(day) if day > days.recorded => {
            let detail = format!("moved in on {day}, after the notice (転入届) of {}", days.recorded);
            Err(Refusal::new("M-01", detail)
                .with_ja(format!(
                    "転入した日（{}）が転入届の日（{}）より後です。",
                    in_japanese(day),
                    in_japanese(days.recorded)
                ))
                .in_case("days"))
        }
        _ => Ok(()),
    }
}

/// The refusal of a planned day that is missing, out of place, or too far from its notice.
fn planned_day(detail: impl Into<String>, ja: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new("R-16", detail).with_ja(ja).in_case("planned")
}

/// Whether two days lie further apart than a slip of the pen allows.
pub(super) fn apart(one: Day, other: Day) -> bool {
    let (early, late) = (one.min(other), one.max(other));
    plus_days(early, MOVE_SLIP_DAYS).is_some_and(|bound| late > bound)
}

/// A card is presented where one can go on, and nowhere else (M-01).
fn visit(change: &RegisterChange) -> Checked {
    match (change.change, change.presented.is_some()) {
        (RegisterEvent::ContinuedUse, false) => {
            Err(Refusal::new("M-01", "say which card was presented").with_ja("提示されたカードを入力してください。"))
        }
        (RegisterEvent::ContinuedUse | RegisterEvent::MoveIn, _) | (_, false) => Ok(()),
        (_, true) => Err(Refusal::new("M-01", "a card is presented after moving in")
            .with_ja("カードの提示を記録するのは転入後に限ります。")),
    }
}

/// Why the card does not go on after an event, as far as the event's place in the register does not matter (M-01, R-20).
pub(super) fn card(
    (change, days): (&RegisterChange, &Days),
    (dossier, history): (&Dossier, &History),
    today: Day,
) -> Checked {
    if change.change == RegisterEvent::OverseasMoveWithContinuedUse {
        return abroad((change, days.event), (dossier, history), today);
    }
    presented(change, dossier, (days.event, today))
}

/// Why the card that is presented does not go on (M-01).
fn presented(change: &RegisterChange, dossier: &Dossier, (day, today): (Day, Day)) -> Checked {
    let Some(presented) = &change.presented else { return Ok(()) };
    // With moving in, it is the visit of somebody who is known, with a card that is not theirs.
    let rule = if change.change == RegisterEvent::MoveIn { "M-01" } else { "T-09" };
    let card = dossier.card(&presented.card);
    if dossier.cards.is_empty() {
        // Of who has no card yet that the service knows, the register is taken at its word.
        return check_card(&unknown(presented), day);
    }
    let card = card.ok_or_else(|| {
        let none =
            Refusal::new(rule, "the holder has no such card").with_ja("この方のカードとして登録されていません。");
        if rule == "M-01" { none.in_case("no-card") } else { none }
    })?;
    if presented.face_authentication.is_some_and(|seen| seen != card.face_authentication) {
        let recorded = if card.face_authentication { "a face-authentication card" } else { "an ordinary card" };
        let detail = format!("the card is recorded as {recorded}; apply for the change of face authentication first");
        let recorded_ja =
            if card.face_authentication { "顔認証マイナンバーカード" } else { "通常のカード" };
        let ja = format!("記録では{recorded_ja}です。先に顔認証の設定または解除を申請してください。");
        return Err(Refusal::new("M-01", detail).with_ja(ja).in_case("face-record"));
    }
    check_card(
        &CardPresented {
            card_last_day: card.last_day,
            // What voided the card may be of a later day; then presenting it before changes nothing.
            void: card.void && change.number.is_none(),
            suspended: held_on(card, (day, today), dossier),
            register_pin: presented.register_pin,
            face_authentication: card.face_authentication,
            addendum_has_room: presented.addendum_has_room,
        },
        day,
    )
}

/// A card that the service does not know, as the counter saw it.
fn unknown(presented: &Presented) -> CardPresented {
    CardPresented {
        card_last_day: Day::MAX,
        void: false,
        suspended: false,
        register_pin: presented.register_pin,
        face_authentication: presented.face_authentication.unwrap_or_default(),
        addendum_has_room: presented.addendum_has_room,
    }
}

/// Why the card does not go on abroad. It is the one that the holder had on the day of the move; of one that the service
/// does not know, what the register says is taken.
fn abroad((change, departs): (&RegisterChange, Day), (dossier, history): (&Dossier, &History), today: Day) -> Checked {
    // Where it is not told when notice was given, the municipality saw to it.
    let done = change.notified.or(departs.previous_day()).unwrap_or(departs);
    let decide = |national, card_last_day, card_void| {
        decide_continued_use_abroad(&Departure { departs, national, card_last_day, card_void }, done)
    };
    let issued = |card: &&CardRecord| card.issue_day <= departs;
    let mut cards = dossier.cards.iter().rev().filter(issued);
    let Some(card) = cards.clone().find(|card| !card.void).or(cards.next()) else {
        let first = dossier.cards.first().map_or(Ok(()), |first| {
            let detail = format!("the holder's card was issued on {}, and the move is of {departs}", first.issue_day);
            let (card, departs) = (in_japanese(first.issue_day), in_japanese(departs));
            let ja = format!("カードの発行日（{card}）が国外転出の日（{departs}）より後です。");
            Err(Refusal::new("R-20", detail).with_ja(ja).in_case("later-card"))
        });
        return first.and_then(|()| decide(true, Day::MAX, false));
    };
    let births = history.births().chain([dossier.holder.birth]);
    // The card of a foreign resident ends with the stay, where that ends before the birthday of V-05.
    let national = births.into_iter().any(|birth| birthday_in(birth, card.last_day.year()) == Some(card.last_day));
    let void = void_on(card, (change, departs), dossier) || held_on(card, (departs, today), dossier);
    decide(national, card.last_day, void)
}

/// Whether a card was void on a day, as far as its certificates tell since when it is. What another event of the feed did to it
/// is a matter of their order.
fn void_on(card: &CardRecord, (change, day): (&RegisterChange, Day), dossier: &Dossier) -> bool {
    let voided = dossier.certificates.iter().filter(|one| one.card == card.number).filter_map(|one| {
        one.revocation
            .as_ref()
            .filter(|revocation| one.state == CertificateState::Revoked && revocation.cause.voids_card())
    });
    let register = |cause| matches!(cause, Cause::Death | Cause::OverseasMove | Cause::CardVoidAfterMove);
    let before = |one: &Revocation| {
        let since = day_of(one.invalidity_date.unwrap_or(one.revocation_date));
        since <= day && !(change.number.is_some() && register(one.cause))
    };
    card.void && voided.into_iter().all(before)
}

/// Whether a card was suspended on a day (一時停止) and still is today: a hold is over with the certificate's last day.
fn held_on(card: &CardRecord, (day, today): (Day, Day), dossier: &Dossier) -> bool {
    let held = |one: &&CertificateRecord| {
        one.card == card.number && one.state == CertificateState::Held && day_of(one.not_after) >= today
    };
    let since = |one: &CertificateRecord| one.revocation.as_ref().map(|hold| day_of(hold.revocation_date));
    dossier.certificates.iter().filter(held).any(|one| since(one).is_some_and(|since| since <= day))
}
