//! A resident: both certificates, until when, from when on they can be renewed, why they ended; and what can be done.

use maud::{Markup, html};

use super::{
    form::both,
    page::{day, facts, heading, instant, state},
    task::TASKS,
    visit::{Shown, Visit},
    words::{self, Say},
};
use crate::{
    authority::lookup::{CardStatus, CertificateStatus, HolderStatus},
    kind::Kind,
    municipality,
    ports::HolderReference,
    rules::{CertificateState, calendar::day_of},
};

pub(super) fn show(visit: &Visit<'_>, reference: &HolderReference) -> Shown {
    let status = visit.authority.look_up_holder(visit.actor, reference)?;
    let title = Say::new(format!("{reference} の電子証明書"), format!("Certificates of {reference}"));
    let place = municipality::find(status.municipality);
    let content = html! {
        (heading(visit, &title))
        p.resident {
            @if let Some(place) = place { (visit.either(place.name, place.romaji)) " · " }
            @if status.registered { (visit.either("住民票に記載あり", "recorded in the register")) }
            @else { strong { (visit.either("住民票の記載なし", "not in the register any more")) } }
        }
        div.pair { @for kind in Kind::BOTH { (newest(visit, &status, kind)) } }
        h2 { (visit.either("カードと手続き", "Cards and what can be done")) }
        @for one in status.cards.iter().rev() { (card(visit, &status, one)) }
        (earlier(visit, &status))
    };
    visit.ok(&title, &content)
}

fn newest(visit: &Visit<'_>, status: &HolderStatus, kind: Kind) -> Markup {
    let one = status.certificates.iter().rev().find(|one| one.kind == kind && one.state != CertificateState::Reserved);
    html! {
        section.certificate aria-labelledby={ "newest-" (kind.word()) } {
            h2 id={ "newest-" (kind.word()) } { (both(visit.language, &words::kind(kind))) }
            @match one {
                Some(one) => { (certificate(visit, one)) }
                None => { p { (visit.either("発行されていません", "none was issued")) } }
            }
        }
    }
}

/// The facts of a certificate.
pub(super) fn certificate(visit: &Visit<'_>, one: &CertificateStatus) -> Markup {
    let (end, opens, today) = (day_of(one.not_after), one.renewal_opens, visit.today());
    let live = one.state == CertificateState::Live;
    let open = html! {
        (day(visit, opens)) " "
        @if live && today >= opens { strong.open { (visit.either("更新できます", "can be renewed now")) } }
    };
    let mut rows = vec![
        (html! { (visit.either("状態", "State")) }, state(visit, one.state)),
        (html! { (visit.either("有効期限", "Last day")) }, day(visit, end)),
    ];
    if live {
        rows.push((html! { (visit.either("更新できる日", "Renewal opens")) }, open));
    }
    if let Some(revocation) = &one.revocation {
        let why = html! { (visit.say(&words::cause(revocation.cause))) " " code { (revocation.cause.rule()) } };
        rows.push((html! { (visit.either("理由", "Why")) }, why));
        rows.push((html! { (visit.either("日時", "Since")) }, instant(visit, revocation.revocation_date)));
    }
    rows.push((html! { (visit.either("発行", "Issued")) }, instant(visit, one.not_before)));
    rows.push((
        html! { (visit.either("発行の番号", "Serial number")) },
        html! { a.serial href={ "/console/certificates/" (one.kind.word()) "/" (one.serial) } { (one.serial) } },
    ));
    facts(&rows)
}

fn card(visit: &Visit<'_>, status: &HolderStatus, one: &CardStatus) -> Markup {
    let path = format!("/console/holders/{}/cards/{}", status.holder, one.number);
    html! {
        section.card aria-labelledby={ "card-" (one.number) } {
            h3 id={ "card-" (one.number) } { (visit.either("カード ", "Card ")) code { (one.number) } }
            p {
                (visit.either("有効期限 ", "Valid until ")) (day(visit, one.last_day))
                @if one.void { " · " strong { (visit.either("失効したカード", "void")) } }
                @if one.face_authentication { " · " strong { (visit.either("顔認証カード", "face authentication")) } }
            }
            @if visit.acts() && status.registered {
                ul.tasks {
                    li { a.button.primary href={ (path) "/today" } { (visit.either("今日の手続きを確認する", "Today's checklist")) } }
                    @for task in TASKS.iter().filter(|task| !one.void || task.takes_void_cards) {
                        li { a.button href={ (path) "/" (task.word) } { (visit.say(&(task.title)())) } }
                    }
                }
            }
        }
    }
}

fn earlier(visit: &Visit<'_>, status: &HolderStatus) -> Markup {
    html! {
        section aria-labelledby="all" {
            h2 id="all" { (visit.either("これまでの電子証明書", "All certificates")) }
            div.scroll.stack tabindex="0" role="group" aria-labelledby="all" { table {
                thead { tr {
                    th scope="col" { (visit.either("種類", "Kind")) } th scope="col" { (visit.either("発行の番号", "Serial number")) }
                    th scope="col" { (visit.either("状態", "State")) } th scope="col" { (visit.either("有効期限", "Last day")) }
                    th scope="col" { (visit.either("理由", "Why")) }
                } }
                tbody { @for one in status.certificates.iter().rev() { tr {
                    td { (visit.say(&words::kind(one.kind))) }
                    td { a.serial href={ "/console/certificates/" (one.kind.word()) "/" (one.serial) } { (one.serial) } }
                    td { (state(visit, one.state)) }
                    td data-name=(visit.either("有効期限", "Last day")) { (day(visit, day_of(one.not_after))) }
                    td { @if let Some(revocation) = &one.revocation { (visit.say(&words::cause(revocation.cause))) } }
                } } }
            } }
        }
    }
}
