//! Applications on their way over days and weeks: the list, one of them, and what happens to it.

use maud::{Markup, html};
use serde_json::json;

use super::{
    Trouble,
    form::{Field, Form, both, tick},
    page::{day, facts, heading, instant, trouble, what_is_wrong},
    today::said,
    visit::{Shown, Stop, Visit, see},
    words::{self, Say},
};
use crate::{
    authority::application::ApplicationStatus,
    limits::REGISTER_ADDRESS_CHARACTERS,
    ports::ApplicationNumber,
    rules::{
        Refusal,
        application::{ApplicationEvent as On, ApplicationState},
        papers::Paper,
        procedure::Applicant,
    },
};

pub(super) fn list(visit: &Visit<'_>) -> Shown {
    let after = visit.query().text("after").parse().ok();
    let page = visit.authority.applications(visit.actor, None, after)?;
    let title = Say::new("手続き中の申請", "Applications under way");
    let content = html! {
        (heading(visit, &title))
        (table(visit, &page.applications))
        @if let Some(next) = page.next { p { a href={ "/console/applications?after=" (next) } { (visit.either("次のページ", "Next page")) } } }
    };
    visit.ok(&title, &content)
}

pub(super) fn table(visit: &Visit<'_>, applications: &[ApplicationStatus]) -> Markup {
    if applications.is_empty() {
        return html! { p { (visit.either("ありません", "none")) } };
    }
    html! {
        div.scroll.stack tabindex="0" role="group" aria-label=(visit.either("手続き中の申請", "Applications under way")) { table {
            thead { tr {
                th scope="col" { (visit.either("受付", "Received")) } th scope="col" { (visit.either("手続き", "Procedure")) }
                th scope="col" { (visit.either("整理番号", "Holder")) } th scope="col" { (visit.either("状態", "State")) }
                th scope="col" { (visit.either("期限", "Due")) } th scope="col" { (visit.either("次にすること", "Next step")) }
            } }
            tbody { @for one in applications { tr {
                td data-name=(visit.either("受付", "Received")) { (instant(visit, one.received)) }
                td { a href={ "/console/applications/" (one.application) } { (visit.say(&words::procedure(one.procedure))) } }
                td { a href={ "/console/holders/" (one.holder) } { (one.holder) } }
                td { (visit.say(&words::application_state(one.state))) }
                td data-name=[one.due.map(|_| visit.either("期限", "Due"))] { @if let Some(due) = one.due { (day(visit, due)) } }
                td data-name=[next_step(one).map(|_| visit.either("次", "Next"))] { @if let Some(next) = next_step(one) { (visit.say(&words::event(next))) } }
            } } }
        } }
    }
}

/// What leads on; ways out are no next step.
fn next_step(one: &ApplicationStatus) -> Option<On> {
    one.next.iter().copied().find(|event| leads_on(one, *event))
}

/// Whether an event is on the way that was decided when the application was taken: not out of it, and not round by a letter that one
/// visit does without.
fn leads_on(one: &ApplicationStatus, event: On) -> bool {
    match event {
        On::Withdraw | On::Reject | On::Lapse | On::WriteFailed | On::MailReturned | On::DefectFound => false,
        On::SendInquiry => one.visits == 2,
        _ => true,
    }
}

pub(super) fn number(text: &str) -> Result<ApplicationNumber, Stop> {
    text.parse().map_err(|_| {
        Refusal::new("T-09", "there is no such application").with_ja("その番号の申請はありません。").into()
    })
}

pub(super) fn show(visit: &Visit<'_>, text: &str) -> Shown {
    let key = visit.fresh_key()?;
    page(visit, text, (200, &Form::default(), None, &key))
}

type Again<'a> = (u16, &'a Form, Option<&'a Trouble>, &'a str);

fn page(visit: &Visit<'_>, text: &str, (status, form, refused, key): Again<'_>) -> Shown {
    let one = visit.authority.application(visit.actor, &number(text)?)?;
    let title = Say::new("申請", "Application");
    let path = format!("/console/applications/{}", one.application);
    let (on, out): (Vec<On>, Vec<On>) = one.next.iter().partition(|event| leads_on(&one, **event));
    let content = html! {
        (heading(visit, &title))
        @if let Some(refused) = refused { (trouble(visit, refused)) }
        (what_is_wrong(visit, form))
        (about(visit, &one))
        @if one.letter.is_some() { p { a.button href={ (path) "/letter" } { (visit.either("照会書兼回答書を印刷", "Print the inquiry letter")) } } }
        p { a.button href={ (path) "/slip" } { (visit.either("受付票を印刷", "Print the slip")) } }
        @if !on.is_empty() {
            h2 { (visit.either("次にすること", "Next step")) }
            @for event in on { (event_form(visit, form, (&one, &path, key), event)) }
        }
        @if !out.is_empty() {
            details.out open[refused.is_some()] {
                summary { (visit.either("そのほか", "Something else")) }
                @for event in out { (event_form(visit, form, (&one, &path, key), event)) }
            }
        }
        (papers(visit, &one))
    };
    Ok(visit.page(status, &title, &content))
}

fn about(visit: &Visit<'_>, one: &ApplicationStatus) -> Markup {
    let mut rows = vec![
        (html! { (visit.either("手続き", "Procedure")) }, html! { (visit.say(&words::procedure(one.procedure))) }),
        (
            html! { (visit.either("状態", "State")) },
            html! { strong { (visit.say(&words::application_state(one.state))) } },
        ),
        (
            html! { (visit.either("申請者", "Holder")) },
            html! { a href={ "/console/holders/" (one.holder) } { (one.holder) } " · " code { (one.card) } },
        ),
        (
            html! { (visit.either("来庁者", "Who comes")) },
            html! { (visit.say(&words::applicant(one.applicant))) @if let Some(agent) = &one.agent { " " code { (agent) } } },
        ),
        (
            html! { (visit.either("来庁回数", "Visits")) },
            html! { (one.visits) (visit.either("回", "")) @if let Some(why) = one.why { " — " (visit.say(&words::why(why))) } },
        ),
        (html! { (visit.either("受付", "Received")) }, instant(visit, one.received)),
    ];
    if !one.kinds.is_empty() {
        let kinds = html! { @for kind in &one.kinds { (visit.say(&words::kind(*kind))) " " } };
        rows.push((html! { (visit.either("電子証明書", "Certificates")) }, kinds));
    }
    if let Some(due) = one.due {
        rows.push((html! { (visit.either("期限", "Due")) }, day(visit, due)));
    }
    if let Some(defect) = one.defect {
        rows.push((html! { (visit.either("不備", "Defect")) }, html! { (visit.say(&words::defect(defect))) }));
    }
    for bound in &one.certificates {
        let path = format!("/console/certificates/{}/{}", bound.kind.word(), bound.serial);
        rows.push((html! { (visit.say(&words::kind(bound.kind))) }, html! { a.serial href=(path) { (bound.serial) } }));
    }
    facts(&rows)
}

fn papers(visit: &Visit<'_>, one: &ApplicationStatus) -> Markup {
    let list = |papers: &[Paper]| html! { ul.papers { @for paper in papers { li { (both(visit.language, &words::paper(*paper))) } } } };
    html! {
        h2 { (visit.either("必要なもの", "What to bring")) }
        @if one.visits == 2 { h3 { (visit.either("1回目", "First visit")) } }
        (list(&one.papers.first))
        @if one.visits == 2 { h3 { (visit.either("2回目", "Second visit")) } (list(&one.papers.second)) }
    }
}

fn event_form(visit: &Visit<'_>, form: &Form, (one, path, key): (&ApplicationStatus, &str, &str), event: On) -> Markup {
    if event == On::Issue {
        let issue = format!("/console/holders/{}/cards/{}/issue?application={}", one.holder, one.card, one.application);
        return html! { p.actions { a.button.primary href=(issue) { (visit.say(&words::event(event))) } } };
    }
    html! {
        form.event method="post" action={ (path) "/events?key=" (key) } {
            input type="hidden" name="token" value=(visit.session.token);
            input type="hidden" name="event" value=(said(&event));
            input type="hidden" name="version" value=(one.version);
            (event_fields(visit, form, one, event))
            button.primary[leads_on(one, event)] { (visit.say(&words::event(event))) }
        }
    }
}

fn event_fields(visit: &Visit<'_>, form: &Form, one: &ApplicationStatus, event: On) -> Markup {
    let address = Say::new("発送先の住所（住民票のとおり、転送不要）", "Address of the register, not to be forwarded");
    let agent = Say::new("回答書を持参した代理人の整理番号", "Reference of who brings it");
    let rule = Say::new("不受理の根拠となる規則", "The rule that does not allow it");
    html! {
        @match event {
            On::SendInquiry => {
                (Field::new("address", &address).longest(REGISTER_ADDRESS_CHARACTERS).line(visit, form))
                @if one.state == ApplicationState::InquiryReturned {
                    (tick(visit, form, "confirmed", &Say::new("住所を確認し直した", "The address was looked up again")))
                }
            }
            On::ReplyHandedIn => {
                @if one.applicant != Applicant::Holder { (Field::new("agent", &agent).line(visit, form)) }
                (tick(visit, form, "sealed", &Say::new("封がされている", "The seal is whole")))
                (tick(visit, form, "pin_fits", &Say::new("暗証番号欄が正しく記入されている", "The PIN field is filled in, in the right form")))
                (tick(visit, form, "facts_agree", &Say::new("4情報が住民票と一致する", "Its facts are those of the register")))
                (tick(visit, form, "application_is_there", &Say::new("1回目の申請書の原本がある", "The original application is there")))
            }
            On::Reject => { (Field::new("rule", &rule).help(&Say::new("例：E-03", "for example E-03")).line(visit, form)) }
            _ => {}
        }
    }
}

pub(super) fn advance(visit: &Visit<'_>, text: &str) -> Shown {
    let key = visit.query().text("key").to_owned();
    let mut form = visit.form()?;
    let event = super::today::word::<On>(form.text("event"))
        .ok_or_else(|| Refusal::new("T-01", "the form names no event").with_ja("操作が選ばれていません。"))?;
    let mut body = json!({ "event": event });
    if let Ok(version) = form.text("version").parse::<u64>() {
        body["version"] = version.into();
    }
    match event {
        On::SendInquiry => {
            let address = form.needed("address", REGISTER_ADDRESS_CHARACTERS);
            body["inquiry"] = json!({ "address": address, "confirmed": form.ticked("confirmed") });
        }
        On::ReplyHandedIn => {
            let [sealed, pin_fits, facts_agree, there] =
                ["sealed", "pin_fits", "facts_agree", "application_is_there"].map(|name| form.ticked(name));
            body["reply"] = json!({ "sealed": sealed, "pin_fits": pin_fits, "facts_agree": facts_agree, "application_is_there": there });
            if !form.text("agent").trim().is_empty() {
                body["reply"]["agent"] = form.identifier("agent").into();
            }
        }
        On::Reject => body["rule"] = form.identifier("rule").into(),
        _ => {}
    }
    if visit.ended || form.is_wrong() {
        return page(visit, text, (if visit.ended { 403 } else { 422 }, &form, None, &key));
    }
    let number = number(text)?;
    match visit.interface.post(&format!("/v1/applications/{number}/events"), &key, &body) {
        Ok(_) => Ok(see(&format!("/console/applications/{number}"))),
        Err(refused) => {
            let key = if refused.rule.is_some() { visit.fresh_key()? } else { key };
            let mut answer = page(visit, text, (refused.status, &form, Some(&refused), &key))?;
            answer.rule.clone_from(&refused.rule);
            Ok(answer)
        }
    }
}
