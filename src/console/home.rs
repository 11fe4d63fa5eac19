//! What is seen first, by role; at a counter: find a resident, and what waits.

use maud::{Markup, html};

use super::{
    Answer, application,
    form::{Field, Form},
    operator,
    page::{heading, what_is_wrong},
    party, plot, telephone,
    visit::{Shown, Stop, Visit, see},
    words::Say,
};
use crate::{
    authority::StoryError,
    ports::{CardNumber, HolderReference, Role},
};

pub(super) fn show(visit: &Visit<'_>) -> Shown {
    match visit.actor.role() {
        Some(Role::Municipality) => counter(visit, 200, &Form::default()),
        Some(Role::Operator | Role::Auditor) => operator::show(visit),
        Some(Role::RelyingParty) => party::show(visit),
        Some(Role::CallCentre | Role::Holder) | None => telephone::show(visit),
    }
}

/// Finds a card or a holder by what was typed, in any width.
pub(super) fn find(visit: &Visit<'_>) -> Shown {
    let mut form = visit.form()?;
    let sought = form.identifier("sought");
    if form.is_wrong() || visit.ended {
        return not_found(visit, 422, &form);
    }
    let holder = match CardNumber::parse(sought.clone()) {
        Ok(number) => found(visit.authority.look_up_card(visit.actor, &number))?,
        Err(_) => None,
    };
    let holder = match (holder, HolderReference::parse(sought)) {
        (None, Ok(reference)) => found(visit.authority.look_up_holder(visit.actor, &reference))?,
        (found, _) => found,
    };
    match holder {
        Some(status) => Ok(see(&format!("/console/holders/{}", status.holder))),
        None => {
            form.wrong(
                "sought",
                Say::new(
                    "該当する方・カードがありません（他の市区町村の住民は表示されません）",
                    "no such holder or card; residents of other municipalities are not shown",
                ),
            );
            not_found(visit, 404, &form)
        }
    }
}

fn found<T>(told: Result<T, StoryError>) -> Result<Option<T>, Stop> {
    match told {
        Ok(found) => Ok(Some(found)),
        Err(StoryError::Refused(refusal)) if refusal.rule == "T-09" => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn not_found(visit: &Visit<'_>, status: u16, form: &Form) -> Shown {
    if visit.acts() { counter(visit, status, form) } else { Ok(visit.page(status, &title(), &search(visit, form))) }
}

fn title() -> Say {
    Say::new("窓口", "Counter")
}

fn counter(visit: &Visit<'_>, status: u16, form: &Form) -> Result<Answer, Stop> {
    let open = visit.authority.applications(visit.actor, None, None)?;
    let forecast = visit.authority.forecast(visit.actor, (None, None))?;
    let exceptions = visit.authority.waiting_exceptions(visit.actor)?.len();
    let content = html! {
        (heading(visit, &title()))
        (what_is_wrong(visit, form))
        (search(visit, form))
        @if exceptions > 0 {
            p.note { a href="/console/exceptions" {
                (visit.either("二人目の承認を待つ例外があります：", "Exceptions wait for a second officer: ")) (exceptions)
            } }
        }
        p.actions { a.button href="/console/new" { (visit.either("はじめての方に発行する", "Issue to a new holder")) } }
        section aria-labelledby="waiting" {
            h2 id="waiting" { (visit.either("手続き中の申請", "Applications under way")) }
            (application::table(visit, &open.applications))
        }
        section aria-labelledby="renewals" {
            h2 id="renewals" { (visit.either("これから3か月の更新の見込み", "Renewals to expect in three months")) }
            (plot::renewals(visit, &forecast.days))
        }
    };
    Ok(visit.page(status, &title(), &content))
}

/// The field by which a resident is found.
pub(super) fn search(visit: &Visit<'_>, form: &Form) -> Markup {
    let label = Say::new("カード番号または整理番号", "Card number or holder reference");
    let help = Say::new(
        "全角でも入力できます。個人番号は入力しないでください。",
        "Full-width is fine. Never type a 個人番号.",
    );
    html! {
        form.find method="post" action="/console/find" {
            input type="hidden" name="token" value=(visit.session.token);
            (Field::new("sought", &label).help(&help).line(visit, form))
            button.primary { (visit.either("探す", "Find")) }
        }
    }
}
