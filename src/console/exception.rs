//! Exceptions that wait for the second officer (E-07): a signing certificate for a child or a ward.

use maud::{Markup, html};
use serde_json::json;

use super::{
    Trouble,
    page::{day, heading, trouble, what_is_wrong},
    visit::{Shown, Visit, nothing_here, see},
    words::Say,
};
use crate::{authority::exception::ExceptionStatus, ports::RequestDigest};

pub(super) fn list(visit: &Visit<'_>) -> Shown {
    page(visit, 200, None, &visit.fresh_key()?)
}

/// What waits, with the form by which it is approved. One key serves: a form under it that was sent for one is another act for the next.
fn page(visit: &Visit<'_>, status: u16, refused: Option<&Trouble>, key: &str) -> Shown {
    let waiting = visit.authority.waiting_exceptions(visit.actor)?;
    let title = Say::new("承認を待つ例外（E-07）", "Exceptions that wait (E-07)");
    let content = html! {
        (heading(visit, &title))
        @if let Some(refused) = refused { (trouble(visit, refused)) }
        (what_is_wrong(visit, &super::form::Form::default()))
        @if waiting.is_empty() { p { (visit.either("ありません", "none")) } }
        @for one in &waiting { (exception(visit, one, key)) }
    };
    Ok(visit.page(status, &title, &content))
}

fn exception(visit: &Visit<'_>, one: &ExceptionStatus, key: &str) -> Markup {
    html! {
        section.card {
            h2 { (one.holder) " · " code { (one.card) } }
            p { (visit.either("理由：", "Reason: ")) (one.reason) }
            p { (visit.either("求めた職員：", "Asked by ")) code { (one.asked_by) } " · " (visit.either("有効な日：", "for ")) (day(visit, one.day)) }
            form method="post" action={ "/console/exceptions/" (one.exception) "?key=" (key) } {
                input type="hidden" name="token" value=(visit.session.token);
                button.primary { (visit.either("二人目として承認する", "Approve as the second officer")) }
            }
        }
    }
}

pub(super) fn approve(visit: &Visit<'_>, text: &str) -> Shown {
    let digest: RequestDigest = text.parse().map_err(|_| nothing_here())?;
    let key = visit.query().text("key").to_owned();
    if visit.ended {
        return page(visit, 403, None, &key);
    }
    match visit.interface.post(&format!("/v1/exceptions/{digest}/approvals"), &key, &json!({})) {
        Ok(_) => Ok(see("/console/exceptions")),
        Err(refused) => {
            let mut answer = page(visit, refused.status, Some(&refused), &visit.fresh_key()?)?;
            answer.rule.clone_from(&refused.rule);
            Ok(answer)
        }
    }
}
