//! What came of a form: shown, and printed (受付票).

use maud::{Markup, html};

use super::{
    page::{day, facts, heading, instant, state},
    task::Case,
    visit::{Shown, Visit, nothing_here},
    words::{self, Say},
};
use crate::{
    authority::{
        at_counter::Remembered,
        end::{AwaitedStep, Effects, Held},
        issue::Issuance,
    },
    ports::HolderReference,
    rules::calendar::day_of,
};

/// Where the receipt is: that of an application is its page. Of who was new, the card that was named tells whose it is.
pub(super) fn path(visit: &Visit<'_>, told: &Remembered, case: Option<&Case>, key: &str) -> Option<String> {
    let of = |holder: &HolderReference| format!("/console/holders/{holder}/receipts/{key}");
    match (told, case) {
        (Remembered::Received(received), _) => Some(format!("/console/applications/{}", received.application)),
        (Remembered::Advanced(advanced), _) => Some(format!("/console/applications/{}", advanced.application)),
        (_, Some(case)) => Some(of(&case.status.holder)),
        (Remembered::Issued(issued), None) => {
            let found = visit.authority.look_up_card(visit.actor, &issued.card).ok()?;
            Some(of(&found.holder))
        }
        (Remembered::Ended(_), None) => None,
    }
}

pub(super) fn show(visit: &Visit<'_>, holder: &HolderReference, key: &str) -> Shown {
    let status = visit.authority.look_up_holder(visit.actor, holder)?;
    let told = visit.authority.remembered(visit.actor, key)?.ok_or_else(nothing_here)?;
    let is_holder_s = match &told {
        Remembered::Issued(issued) => status.cards.iter().any(|card| card.number == issued.card),
        Remembered::Ended(effects) => effects.changes.iter().all(|change| {
            status.certificates.iter().any(|one| (one.kind, &one.serial) == (change.kind, &change.serial))
        }),
        Remembered::Received(_) | Remembered::Advanced(_) => false,
    };
    let (title, content) = match &told {
        Remembered::Issued(issued) if is_holder_s => (Say::new("発行しました", "Issued"), issuance(visit, issued)),
        Remembered::Ended(effects) if is_holder_s => (Say::new("受け付けました", "Done"), ended(visit, effects)),
        _ => return Err(nothing_here()),
    };
    let content = html! {
        (heading(visit, &title))
        p.whose { a href={ "/console/holders/" (holder) } { (holder) } }
        (content)
        p.print-only { (visit.either("発行元：実印", "jitsuin")) " " (instant(visit, visit.now)) }
        (print_button(visit))
        p.actions { a.button.primary href={ "/console/holders/" (holder) } { (visit.either("電子証明書の画面へ", "To the certificates")) } }
    };
    visit.ok(&title, &content)
}

/// Hidden without script, where the browser's own menu prints.
pub(super) fn print_button(visit: &Visit<'_>) -> Markup {
    html! { p.no-print { button data-print hidden type="button" { (visit.either("印刷する", "Print")) } } }
}

fn issuance(visit: &Visit<'_>, issued: &Issuance) -> Markup {
    html! {
        @for one in &issued.certificates {
            section.certificate {
                h2 { (visit.say(&words::kind(one.kind))) }
                (facts(&[
                    (html! { (visit.either("有効期限", "Last day")) }, day(visit, day_of(one.not_after))),
                    (html! { (visit.either("発行", "Issued")) }, instant(visit, one.not_before)),
                    (html! { (visit.either("発行の番号", "Serial number")) },
                     html! { a.serial href={ "/console/certificates/" (one.kind.word()) "/" (one.serial) } { (one.serial) } }),
                ]))
            }
        }
        (facts(&[
            (html! { (visit.either("カード", "Card")) }, html! { code { (issued.card) } " " (visit.either("有効期限 ", "until ")) (day(visit, issued.card_last_day)) }),
            (html! { (visit.either("更新できる日", "Renewal opens")) }, day(visit, issued.renewal_opens)),
        ]))
        @if !issued.warnings.is_empty() {
            h2 { (visit.either("お客様に伝えること", "What the holder is told")) }
            ul { @for one in &issued.warnings { li { (visit.either(&one.detail_ja, &one.detail)) " " code { (one.rule) } } } }
        }
    }
}

fn ended(visit: &Visit<'_>, effects: &Effects) -> Markup {
    html! {
        (facts(&[
            (html! { (visit.either("事由", "Cause")) }, html! { (visit.say(&words::cause(effects.cause))) " " code { (effects.rule) } }),
            (html! { (visit.either("日時", "Recorded")) }, instant(visit, effects.recorded_at)),
        ]))
        @if let Some(receipt) = &effects.receipt {
            p.number { (visit.either("受付番号 ", "Receipt ")) strong { (receipt.number) } }
            ul { @for one in &receipt.kinds { li { (visit.say(&words::kind(one.kind))) "：" (held(visit, one.effect)) } } }
        }
        @if effects.changes.is_empty() { p { (visit.either("失効した電子証明書はありません", "no certificate changed")) } }
        @else {
            ul { @for change in &effects.changes { li {
                (visit.say(&words::kind(change.kind))) " " span.serial { (change.serial) } " → " (state(visit, change.state))
            } } }
        }
        @if let Some(awaited) = &effects.awaited {
            p { strong {
                @match awaited.step {
                    AwaitedStep::MoveInNotice => { (visit.either("転入届の期限：", "Notice of moving in by: ")) }
                    AwaitedStep::CardPresented => { (visit.either("継続利用の期限：", "Present the card by: ")) }
                }
                (day(visit, awaited.by))
            } }
        }
    }
}

pub(super) fn held(visit: &Visit<'_>, effect: Held) -> &'static str {
    match effect {
        Held::Releasable => visit.either("一時停止（解除で有効に戻ります）", "held; its release brings it back"),
        Held::Final => visit.either(
            "一時停止（解除時に失効し、新たに発行します）",
            "held; its release revokes it, and a new one is issued",
        ),
        Held::HeldBefore => visit.either("すでに一時停止中", "was held before"),
        Held::Nothing => visit.either("対象なし", "none stands"),
    }
}
