//! Who asked about a holder: each disclosure that the ledger has, newest first.

use maud::{Markup, html};

use super::super::{
    page::{heading, instant},
    visit::{Shown, Visit, nothing_here},
    words::{self, Say},
};
use crate::{authority::relying_party::HolderDisclosure, limits::DISCLOSURE_PAGE, ports::HolderReference};

pub(super) fn show(visit: &Visit<'_>, holder: &HolderReference) -> Shown {
    let query = visit.query();
    let before = match query.text("before") {
        "" => None,
        number => Some(number.parse().map_err(|_| nothing_here())?),
    };
    let asked = visit.authority.disclosures(visit.actor, holder, before)?;
    let title = Say::new("照会の記録", "Who asked about me");
    let content = html! {
        (heading(visit, &title))
        p { (visit.either(
            "署名検証者・利用者証明検証者が、あなたの電子証明書について照会した記録です。失効リスト（CRL）とOCSPで確認したときは、誰が確認したかは残りません。",
            "What relying parties asked here about your certificates. Who reads the public lists or asks by OCSP leaves no name.",
        )) }
        @if asked.is_empty() { p { (visit.either("照会はありません", "Nobody asked.")) } }
        @else { (table(visit, &asked)) }
        @if let Some(last) = asked.last().filter(|_| asked.len() == DISCLOSURE_PAGE) {
            p.actions { a.button href={ "/console/asked?before=" (last.number) } { (visit.either("さらに前の記録", "Earlier")) } }
        }
    };
    visit.ok(&title, &content)
}

fn table(visit: &Visit<'_>, asked: &[HolderDisclosure]) -> Markup {
    html! {
        div.scroll.lines.stack tabindex="0" role="group" aria-label=(visit.either("照会の一覧", "Queries")) { table {
            thead { tr {
                th scope="col" { (visit.either("日時", "When")) } th scope="col" { (visit.either("照会者", "Who")) }
                th scope="col" { (visit.either("照会した事項", "What")) } th scope="col" { (visit.either("電子証明書", "Certificate")) }
                th scope="col" { (visit.either("結果", "Outcome")) }
            } }
            tbody { @for one in asked { tr {
                td { (instant(visit, one.at)) }
                td { @if one.title.is_empty() { (one.party) } @else { (one.title) } }
                td { (visit.say(&words::query(one.query))) }
                td { (visit.say(&words::kind(one.kind))) @if let Some(serial) = one.serial { br; span.serial { (serial) } } }
                td { @match &one.withheld {
                    None => { (visit.either("回答した", "answered")) }
                    Some(rule) => { (visit.either("回答していない ", "not answered ")) code { (rule) } }
                } }
            } } }
        } }
    }
}
