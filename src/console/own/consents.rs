//! 住所等提供同意状況: the consents of a holder, to whom, to what, until when, and how one is taken back.

use maud::{Markup, html};

use super::super::{
    page::{heading, instant},
    visit::{Shown, Visit},
    words::{self, Say},
};
use crate::{authority::consent::ConsentStatus, ports::HolderReference};

pub(super) fn show(visit: &Visit<'_>, holder: &HolderReference) -> Shown {
    let consents = visit.authority.consents(visit.actor, holder)?;
    let title = Say::new("情報提供の同意", "My consents");
    let content = html! {
        (heading(visit, &title))
        p { (visit.either(
            "事業者に、新しい電子証明書の発行の番号や最新の基本4情報（氏名・住所・生年月日・性別）を知らせることについての、あなたの同意です。",
            "What you agreed to: that a relying party is told the number of your newest certificate, or your latest four facts.",
        )) }
        @if consents.is_empty() { p { (visit.either("同意はありません", "There is none.")) } }
        @else { (table(visit, &consents)) }
        p.note { (visit.either(
            "同意を取り消すには、署名用電子証明書で署名した取消しを事業者に渡すか、住民票のある市区町村の窓口で申し出てください（O-05）。",
            "To take a consent back, hand a withdrawal that you signed with the signing certificate to the relying party, or say so at the counter of your municipality (O-05).",
        )) }
    };
    visit.ok(&title, &content)
}

fn table(visit: &Visit<'_>, consents: &[ConsentStatus]) -> Markup {
    html! {
        div.scroll.lines.stack tabindex="0" role="group" aria-label=(visit.either("同意の一覧", "Consents")) { table {
            thead { tr {
                th scope="col" { (visit.either("相手", "To")) } th scope="col" { (visit.either("内容", "What")) }
                th scope="col" { (visit.either("同意した日時", "Given")) } th scope="col" { (visit.either("状態", "State")) }
                th scope="col" { (visit.either("番号", "Number")) }
            } }
            tbody { @for one in consents.iter().rev() { tr {
                td { (one.party) }
                td { @for scope in &one.scopes { (visit.say(&words::scope(*scope))) " " } }
                td data-name=(visit.either("同意", "Given")) { (instant(visit, one.given)) }
                td data-name=(visit.either("状態", "State")) { (state(visit, one)) }
                td.serial data-name=(visit.either("番号", "Number")) { (one.number) }
            } } }
        } }
    }
}

fn state(visit: &Visit<'_>, one: &ConsentStatus) -> Markup {
    html! {
        @match (one.ended, one.cause) {
            (Some(at), Some(cause)) => { (visit.say(&words::consent_end(cause))) " " (instant(visit, at)) }
            _ if one.in_force => { strong { (visit.either("有効", "in force")) } (visit.either("、期限 ", ", until ")) (instant(visit, one.ends)) }
            _ => { (visit.either("期限切れ ", "over since ")) (instant(visit, one.ends)) }
        }
    }
}
