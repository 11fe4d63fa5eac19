//! My certificates: both kinds, until when, why one ended, what to do now.

use maud::{Markup, html};

use super::{
    super::{
        form::both,
        page::{day, facts, heading, instant, state},
        visit::{Shown, Visit},
        words as common,
        words::Say,
    },
    words,
};
use crate::{
    authority::lookup::{CertificateStatus, HolderStatus},
    kind::Kind,
    ports::HolderReference,
    rules::{CertificateState, calendar::day_of},
};

pub(super) fn show(visit: &Visit<'_>, holder: &HolderReference) -> Shown {
    let status = visit.authority.look_up_holder(visit.actor, holder)?;
    let title = Say::new("わたしの電子証明書", "My certificates");
    let content = html! {
        (heading(visit, &title))
        div.pair { @for kind in Kind::BOTH { (newest(visit, &status, kind)) } }
        (cards(visit, &status))
        (all(visit, &status))
    };
    visit.ok(&title, &content)
}

/// The newest of a kind: what counts for its holder.
fn newest(visit: &Visit<'_>, status: &HolderStatus, kind: Kind) -> Markup {
    let one = status.certificates.iter().rev().find(|one| one.kind == kind && one.state != CertificateState::Reserved);
    let card = one.and_then(|one| status.cards.iter().find(|card| card.number == one.card));
    let next = words::next(kind, one.map(|one| (one, card)), visit.today());
    html! {
        section.certificate aria-labelledby={ "newest-" (kind.word()) } {
            h2 id={ "newest-" (kind.word()) } { (both(visit.language, &common::kind(kind))) }
            @match one {
                Some(one) => { (facts(&rows(visit, one))) }
                None => { p { (visit.either("発行されていません", "none was issued")) } }
            }
            p.note { strong { (visit.either("次にすること：", "What to do: ")) } (visit.say(&next)) }
        }
    }
}

fn rows(visit: &Visit<'_>, one: &CertificateStatus) -> Vec<(Markup, Markup)> {
    let mut rows = vec![
        (html! { (visit.either("状態", "State")) }, state(visit, one.state)),
        (html! { (visit.either("有効期限", "Last day")) }, day(visit, day_of(one.not_after))),
    ];
    if one.state == CertificateState::Live {
        rows.push((html! { (visit.either("更新できる日", "Renewal opens")) }, day(visit, one.renewal_opens)));
    }
    if let Some(revocation) = &one.revocation {
        rows.push((html! { (visit.either("理由", "Why")) }, why(visit, one)));
        rows.push((html! { (visit.either("日時", "Since")) }, instant(visit, revocation.revocation_date)));
    }
    rows.push((html! { (visit.either("発行", "Issued")) }, instant(visit, one.not_before)));
    rows.push((html! { (visit.either("発行の番号", "Serial number")) }, html! { span.serial { (one.serial) } }));
    rows
}

/// The cause, and the ground of the law that it is one of.
fn why(visit: &Visit<'_>, one: &CertificateStatus) -> Markup {
    html! {
        @if let Some(revocation) = &one.revocation {
            (visit.say(&common::cause(revocation.cause)))
            @if one.state == CertificateState::Revoked {
                " " span.beside { "（" (visit.say(&words::ground(revocation.cause.ground()))) "）" }
            }
        }
    }
}

fn cards(visit: &Visit<'_>, status: &HolderStatus) -> Markup {
    html! {
        section aria-labelledby="cards" {
            h2 id="cards" { (visit.either("マイナンバーカード", "My card")) }
            ul { @for card in status.cards.iter().rev() { li {
                code { (card.number) } " · "
                @if card.void { strong { (visit.either("失効したカード", "void")) } }
                @else { (visit.either("有効期限 ", "valid until ")) (day(visit, card.last_day)) }
            } } }
        }
    }
}

fn all(visit: &Visit<'_>, status: &HolderStatus) -> Markup {
    html! {
        section aria-labelledby="all" {
            h2 id="all" { (visit.either("これまでの電子証明書", "All certificates")) }
            div.scroll.stack tabindex="0" role="group" aria-labelledby="all" { table {
                thead { tr {
                    th scope="col" { (visit.either("種類・発行の番号", "Kind, serial number")) } th scope="col" { (visit.either("状態", "State")) }
                    th scope="col" { (visit.either("有効期限", "Last day")) } th scope="col" { (visit.either("理由", "Why")) }
                } }
                tbody { @for one in status.certificates.iter().rev() { tr {
                    td { (visit.say(&common::kind(one.kind))) br; span.serial { (one.serial) } }
                    td { (state(visit, one.state)) }
                    td data-name=(visit.either("有効期限", "Last day")) { (day(visit, day_of(one.not_after))) }
                    td { (why(visit, one)) }
                } } }
            } }
        }
    }
}
