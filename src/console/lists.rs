//! The revocation lists in the operating room: which are served, until when; one is verified, all are published anew.

use std::time::Duration;

use maud::{Markup, html};
use serde_json::json;

use super::{
    operator,
    page::instant,
    visit::{Shown, Stop, Visit, nothing_here, see},
};
use crate::{
    authority::publish::verify::Verdict,
    kind::Kind,
    limits::LONG_LIST_OCTETS,
    revocation::lists::{ListKey, PublishedList},
};

/// Lists that are shown: of a country there are thousands.
const SHOWN: usize = 200;

/// Publishes every list now. A double click is one act, as its key is one.
pub(super) fn publish(visit: &Visit<'_>) -> Shown {
    visit.actor.operator()?;
    let key = visit.query().text("key").to_owned();
    if visit.ended {
        return operator::page(visit, 403, None);
    }
    match visit.interface.post("/v1/crls", &key, &json!({})) {
        Ok(_) => Ok(see("/console/#lists")),
        Err(refused) => {
            let mut answer = operator::page(visit, refused.status, Some(&refused))?;
            answer.rule.clone_from(&refused.rule);
            Ok(answer)
        }
    }
}

pub(super) fn show(visit: &Visit<'_>) -> Result<Markup, Stop> {
    let lists = visit.authority.parts().lists.all();
    Ok(html! {
        section aria-labelledby="lists" {
            h2 id="lists" { (visit.either("失効リスト（CRL）", "Revocation lists")) }
            @if let Some(verdict) = asked(visit)? { (told(visit, &verdict)) }
            div.scroll tabindex="0" role="group" aria-labelledby="lists" { table {
                thead { tr {
                    th scope="col" { (visit.either("種類", "CA")) } th scope="col" { (visit.either("範囲", "Scope")) } th.number scope="col" { (visit.either("番号", "Number")) }
                    th.number scope="col" { (visit.either("件数", "Entries")) } th.number scope="col" { (visit.either("大きさ", "Size")) }
                    th.number scope="col" { (visit.either("作成からの時間", "Age")) } th scope="col" { (visit.either("次回", "Next update")) }
                    th scope="col" { (visit.either("検証", "Verify")) }
                } }
                tbody { @for (key, list) in lists.iter().take(SHOWN) { (row(visit, key, list)) } }
            } }
            @if visit.actor.operator().is_ok() {
                form.publish method="post" action={ "/console/publish?key=" (visit.fresh_key()?) } {
                    input type="hidden" name="token" value=(visit.session.token);
                    p.actions { button { (visit.either("すべてのリストを今すぐ公開する", "Publish every list now")) } }
                }
            }
        }
    })
}

fn row(visit: &Visit<'_>, key: &ListKey, list: &PublishedList) -> Markup {
    let (kind, generation, scope) = key;
    let name = format!("{} {generation} {}", kind.word(), scope.word());
    let age = Duration::from_secs((visit.now.seconds() - list.this_update.seconds()).max(0).cast_unsigned()).as_secs();
    html! {
        tr {
            td { (kind.word()) " " (generation) } td { (scope.word()) } td.number { (list.number) } td.number { (list.entries) }
            td.number { (size(list.der.length())) }
            td.number { (format!("{} h {:02} min", age / 3600, age / 60 % 60)) }
            td { (instant(visit, list.next_update)) @if list.next_update <= visit.now { " " strong { (visit.either("期限切れ", "past its end")) } } }
            td { @if list.der.length() < LONG_LIST_OCTETS {
                a href=(format!("/console/?verify={}#lists", word(key))) aria-label=(visit.either(&format!("{name} を検証する"), &format!("Verify {name}"))) {
                    (visit.either("検証する", "verify"))
                }
            } @else { code { "jitsuin crl verify" } } }
        }
    }
}

/// A list by a word that an address can bear.
fn word((kind, generation, scope): &ListKey) -> String {
    format!("{}.{generation}.{}", kind.word(), scope.word())
}

fn size(octets: u64) -> String {
    match octets {
        0..10_000 => format!("{octets} B"),
        10_000..10_000_000 => format!("{} kB", octets / 1000),
        _ => format!("{} MB", octets / 1_000_000),
    }
}

/// The verdict on the list that the address names, if it names one.
fn asked(visit: &Visit<'_>) -> Result<Option<Verdict>, Stop> {
    let query = visit.query();
    let named = query.text("verify");
    if named.is_empty() {
        return Ok(None);
    }
    let lists = visit.authority.parts().lists.all();
    let (key, list) = lists.into_iter().find(|(key, _)| word(key) == named).ok_or_else(nothing_here)?;
    // A long one takes minutes: its command has the time.
    if list.der.length() >= LONG_LIST_OCTETS {
        return Err(nothing_here());
    }
    Ok(Some(visit.authority.verify_list(visit.actor, &key)?))
}

fn told(visit: &Visit<'_>, verdict: &Verdict) -> Markup {
    let Verdict { kind, generation, scope, number, faults, .. } = verdict;
    let which = format!("{} {generation} {scope} {number}", Kind::word(*kind));
    html! {
        @if faults.is_empty() {
            p.verified role="status" { span aria-hidden="true" { "✓ " } code { (which) } " "
                (visit.either("署名、番号、失効の記録のすべてが一致しています", "signature, number and every revocation up to it are right")) }
        } @else {
            div.trouble role="alert" {
                p { "✕ " code { (which) } " " (visit.either("正しくありません", "is not right")) }
                ul lang="en" { @for fault in faults { li { (fault) } } }
            }
        }
    }
}
