//! The audit: its newest entries, and the chain of seals followed stretch by stretch.

use maud::{Markup, html};

use super::{
    page::{heading, instant},
    visit::{Shown, Stop, Visit},
    words::Say,
};
use crate::authority::glance::{Newest, Stretch};

/// Entries of the audit on a page.
const ENTRIES: usize = 50;

/// Entries, and whether they follow each other.
pub(super) fn entries(visit: &Visit<'_>, newest: &Newest) -> Markup {
    html! {
        section aria-labelledby="entries" {
            h2 id="entries" { (visit.either("監査記録（新しい順）", "Audit, newest first")) }
            @match &newest.broken {
                None => { p.verified { span aria-hidden="true" { "✓ " } (visit.either("表示中の記録の封印は連続しています", "the seals of the entries shown follow each other")) } }
                Some(broken) => { p.trouble role="alert" lang="en" { "✕ " (broken) } }
            }
            div.scroll.lines tabindex="0" role="group" aria-labelledby="entries" { table {
                thead { tr {
                    th.number scope="col" { (visit.either("番号", "Entry")) } th scope="col" { (visit.either("日時", "When")) } th scope="col" { (visit.either("誰が", "Who")) }
                    th scope="col" { (visit.either("何を", "What")) } th scope="col" { (visit.either("対象", "About")) } th scope="col" { (visit.either("封印", "Seal")) }
                } }
                tbody { @for entry in &newest.entries { tr {
                    td.number { (entry.position) } td { (instant(visit, entry.at)) } td { (entry.actor) } td { code { (entry.action) } }
                    td { (entry.subject) } td { code { (entry.seal.get(..12).unwrap_or_default()) "…" } }
                } } }
            } }
        }
    }
}

pub(super) fn audit(visit: &Visit<'_>) -> Shown {
    let until = visit.query().text("until").parse().ok();
    let newest = visit.authority.newest_entries(visit.actor, until, ENTRIES)?;
    let title = Say::new("監査記録", "Audit");
    let content = html! {
        (heading(visit, &title))
        (verification(visit)?)
        (entries(visit, &newest))
        @if let Some(older) = newest.older { p { a href={ "/console/audit?until=" (older) } { (visit.either("前の記録", "Older entries")) } } }
    };
    visit.ok(&title, &content)
}

/// The form that follows the chain from its first entry, and how far it came.
fn verification(visit: &Visit<'_>) -> Result<Markup, Stop> {
    let from = visit.query().text("verify").parse::<u64>().ok();
    let stretch = from.map(|from| visit.authority.follow_audit(visit.actor, from)).transpose()?;
    let (next, label) = match &stretch {
        Some(Stretch { last, end, broken: None, .. }) if last < end => {
            (last + 1, visit.either("続きを検証する", "Verify what follows"))
        }
        _ => (1, visit.either("最初から封印を検証する", "Verify the seals from the first entry")),
    };
    Ok(html! {
        section aria-labelledby="verify" {
            h2 id="verify" { (visit.either("封印の検証", "The chain of seals")) }
            @if let Some(stretch) = &stretch { (told(visit, stretch)) }
            form.verify method="get" action="/console/audit" {
                input type="hidden" name="verify" value=(next);
                button { (label) }
            }
            p.help {
                (visit.either("署名されたチェックポイントと各表との一致は、次のコマンドで検証します：", "The signed checkpoints, and that the tables agree: ")) code { "jitsuin audit verify" }
            }
        }
    })
}

fn told(visit: &Visit<'_>, stretch: &Stretch) -> Markup {
    let Stretch { first, last, end, broken } = stretch;
    html! {
        @match broken {
            Some(broken) => { p.trouble role="alert" { "✕ " (visit.either("鎖が切れています：", "The chain is broken: ")) span lang="en" { (broken) } } }
            None => { p.verified role="status" {
                span aria-hidden="true" { "✓ " } (first) "–" (last) " / " (end) " "
                @if *first == 1 && last == end { (visit.either("すべての記録の封印が連続しています", "every entry follows the one before it")) }
                @else { (visit.either("この範囲の記録の封印は連続しています", "the entries of this stretch follow each other")) }
            } }
        }
    }
}
