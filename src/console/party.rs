//! A relying party's page: what it may ask, how much it asked, where the lists are.

use maud::html;

use super::{
    page::{day, facts, heading},
    visit::{Shown, Visit},
    words::{self, Say},
};
use crate::kind::Kind;

pub(super) fn show(visit: &Visit<'_>) -> Shown {
    let title = Say::new("ご利用状況", "Your usage");
    let terms = visit.authority.own_terms(visit.actor)?;
    let usage = visit.authority.usage(visit.actor, visit.actor.name(), (None, None))?;
    let today: u64 = usage.iter().filter(|one| one.day == visit.today()).map(|one| one.answered).sum();
    let base = &visit.authority.parts().profile.base_uri;
    let content = html! {
        (heading(visit, &title))
        @if terms.suspended.is_some() {
            p.trouble role="alert" { (visit.either("提供を停止しています。運用者にお問い合わせください。", "The service to you is suspended; ask the operator.")) }
        }
        (facts(&[
            (html! { (visit.either("名称", "Name")) }, html! { (terms.title) " " code { (terms.name) } }),
            (html! { (visit.either("区分", "Purposes")) },
             html! { @for one in &terms.purposes { (visit.say(&words::purpose(*one))) " " } }),
            (html! { (visit.either("照会できる事項", "Queries")) },
             html! { @for one in &terms.queries { (visit.say(&words::query(*one))) " " } }),
            (html! { (visit.either("本日の回答／上限", "Today, of the quota")) }, html! { (today) " / " (terms.daily_quota) }),
            (html! { (visit.either("認定期限", "Recognised until")) }, day(visit, terms.recognised_until)),
        ]))
        section aria-labelledby="usage" {
            h2 id="usage" { (visit.either("過去31日間", "The last 31 days")) }
            @if usage.is_empty() { p { (visit.either("照会はありません", "nothing was asked")) } }
            @else { div.scroll tabindex="0" role="group" aria-labelledby="usage" { table {
                thead { tr { th scope="col" { (visit.either("日", "Day")) } th scope="col" { (visit.either("照会", "Query")) } th.number scope="col" { (visit.either("回答", "Answered")) } th.number scope="col" { (visit.either("拒否", "Refused")) } } }
                tbody { @for one in &usage { tr { td { (day(visit, one.day)) } td { (visit.say(&words::query(one.query))) } td.number { (one.answered) } td.number { (one.refused) } } } }
            } } }
        }
        section aria-labelledby="places" {
            h2 id="places" { (visit.either("有効性の確認先", "Where validity is checked")) }
            ul {
                li { "OCSP: " code { (base) "/ocsp" } }
                @for kind in Kind::BOTH { li { "CRL " (visit.say(&words::kind(kind))) ": " code { (base) "/crl/" (kind.word()) "/full.crl" } } }
            }
        }
    };
    visit.ok(&title, &content)
}
