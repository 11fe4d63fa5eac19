//! Exceptions (E-07), a signing certificate for a child or a ward: the first officer asks for one beneath the form that was refused, the
//! second approves it on a page of its own, and then the first sends the very form, which is still there.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::{
    Trouble,
    form::{Field, Form, both, tick},
    page::{day, heading, trouble, what_is_wrong},
    visit::{Shown, Visit, nothing_here, see},
    words::Say,
};
use crate::{authority::exception::ExceptionStatus, limits::EXCEPTION_REASON_CHARACTERS, ports::RequestDigest};

/// Whether the form asks for an exception instead of certificates.
pub(super) fn is_asked(form: &Form) -> bool {
    form.ticked("ask")
}

/// Notes what is wrong with the fields of an exception, and gives the body that asks for one around that of the request.
pub(super) fn body(form: &mut Form, route: &str, request: &Value) -> Value {
    let reason = form.needed("reason", *EXCEPTION_REASON_CHARACTERS.end());
    let characters = reason.chars().filter(|letter| !letter.is_whitespace()).count();
    if !EXCEPTION_REASON_CHARACTERS.contains(&characters) {
        form.wrong(
            "reason",
            Say::new("10文字以上の文で入力してください", "write a sentence of at least ten characters"),
        );
    }
    if !form.ticked("agent_present") {
        form.wrong("agent_present", Say::new("法定代理人の来庁が必要です", "the statutory agent has to be present"));
    }
    let present = form.ticked("agent_present");
    json!({ "reason": reason, "agent_present": present, "renewal": route == "/v1/renewals", "request": request })
}

/// The fields by which an exception is asked for: once the rules have refused without one, and while they are filled in. Below the
/// button that issues, so that Enter in a field never asks for an exception.
pub(super) fn fields(visit: &Visit<'_>, form: &Form, refused: Option<&Trouble>) -> Markup {
    let rule = refused.and_then(|refused| refused.rule.as_deref()).unwrap_or_default();
    let wanted = matches!(rule, "E-05" | "E-06" | "E-07") || !form.text("reason").is_empty() || is_asked(form);
    let reason = Say::new("例外とする理由", "Why an exception is made");
    let help = Say::new(
        "監査で確認されます。10文字以上で具体的に。",
        "Auditors read it: a sentence of at least ten characters.",
    );
    html! {
        @if wanted { fieldset {
            legend { (both(visit.language, &Say::new("例外を求める（E-07）", "Ask for an exception (E-07)"))) }
            p.help { (visit.either(
                "15歳未満の方・成年被後見人の署名用電子証明書は、法定代理人が来庁し、別の職員が承認したときに限り、当日中に発行できます。",
                "A signing certificate for a child under 15 or an adult ward: only with the statutory agent present, once another officer has approved it, and on this day.",
            )) }
            (Field::new("reason", &reason).help(&help).longest(*EXCEPTION_REASON_CHARACTERS.end()).lines(visit, form, 3))
            div id="agent_present" { (tick(visit, form, "agent_present", &Say::new("法定代理人が来庁しています", "The statutory agent is here"))) }
            button name="ask" value="1" { (visit.either("承認を求める", "Ask the second officer")) }
        } }
    }
}

/// What is said once it was asked for.
pub(super) fn waits(visit: &Visit<'_>) -> Markup {
    html! {
        p.note role="status" {
            strong { (visit.either("例外の承認を求めました。", "The exception was asked for.")) } " "
            (visit.either(
                "別の職員が「承認を待つ例外」の画面で承認したら、入力内容を変えずに、下のボタンで発行してください。この画面は開いたままにしてください。",
                "Once another officer has approved it, issue by the button below without changing anything. Leave this page open.",
            ))
        }
    }
}

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
        (what_is_wrong(visit, &Form::default()))
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
            @if one.asked_by == visit.actor.audit_name() {
                p.help { (visit.either("別の職員の承認を待っています。", "It waits for another officer.")) }
            } @else {
                form method="post" action={ "/console/exceptions/" (one.exception) "?key=" (key) } {
                    input type="hidden" name="token" value=(visit.session.token);
                    button.primary { (visit.either("二人目として承認する", "Approve as the second officer")) }
                }
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
