//! The call centre's desk: the card of who telephones is held. No resident is shown, and nothing else is done there: a release
//! wants the holder, with the card, at a counter.

use maud::{Markup, html};
use serde_json::json;

use super::{
    Answer, Trouble,
    form::{Field, Form},
    page::{facts, heading, instant, trouble, what_is_wrong},
    receipt,
    visit::{Shown, Stop, Visit, nothing_here, see},
    words::{self, Say},
};
use crate::{
    authority::{
        at_counter::Remembered,
        end::{Effects, HoldReceipt},
    },
    ports::Role,
};

fn title() -> Say {
    Say::new("電話による一時停止", "Hold by telephone")
}

/// What the call centre sees first: an empty form.
pub(super) fn show(visit: &Visit<'_>) -> Shown {
    Ok(sheet(visit, 200, &Form::default(), (&visit.fresh_key()?, None)))
}

/// The form under its key; once it was done, its receipt.
pub(super) fn hold(visit: &Visit<'_>) -> Shown {
    at_this_desk(visit)?;
    let key = visit.query().text("key").to_owned();
    if key.is_empty() {
        return Ok(see("/console/"));
    }
    match (told_before(visit, &key)?, visit.asked.sends_form) {
        (Some(_), false) => Ok(see(&receipt_at(&key))),
        (None, false) => Ok(sheet(visit, 200, &Form::default(), (&key, None))),
        (told, true) => send(visit, &key, told.is_some()),
    }
}

/// What the caller is told: the number to name it by, and what comes next. Neither serial numbers nor names.
pub(super) fn receipt(visit: &Visit<'_>, key: &str) -> Shown {
    at_this_desk(visit)?;
    let (effects, told) = told_before(visit, key)?.ok_or_else(nothing_here)?;
    done(visit, &effects, &told)
}

fn at_this_desk(visit: &Visit<'_>) -> Result<(), Stop> {
    (visit.actor.role() == Some(Role::CallCentre)).then_some(()).ok_or_else(nothing_here)
}

fn receipt_at(key: &str) -> String {
    format!("/console/holds/{key}")
}

fn told_before(visit: &Visit<'_>, key: &str) -> Result<Option<(Effects, HoldReceipt)>, Stop> {
    let Some(Remembered::Ended(effects)) = visit.authority.remembered(visit.actor, key)? else { return Ok(None) };
    let told = effects.receipt.clone();
    Ok(told.map(|told| (*effects, told)))
}

/// Holds the card. The same form again, by a double click or the browser's history, is told what came of it; the page with another card
/// in it is a call of its own.
fn send(visit: &Visit<'_>, key: &str, told: bool) -> Shown {
    let mut form = visit.form()?;
    if visit.translates {
        return Ok(sheet(visit, 200, &form, (key, None)));
    }
    let card = form.identifier("card");
    form.confirmed();
    if told && form.is_wrong() {
        return Ok(see(&receipt_at(key)));
    }
    if visit.ended || form.is_wrong() {
        return Ok(sheet(visit, if visit.ended { 403 } else { 422 }, &form, (key, None)));
    }
    let refused = match visit.interface.post("/v1/holds", key, &json!({ "card": card })) {
        Ok(_) => return Ok(see(&receipt_at(key))),
        Err(refused) => refused,
    };
    // What a rule refused is remembered under its key; after a fault the same act is asked for again.
    let next = if refused.rule.is_some() { visit.fresh_key()? } else { key.to_owned() };
    let mut answer = sheet(visit, refused.status, &form, (&next, Some(&refused)));
    answer.rule.clone_from(&refused.rule);
    Ok(answer)
}

fn sheet(visit: &Visit<'_>, status: u16, form: &Form, (key, refused): (&str, Option<&Trouble>)) -> Answer {
    let title = title();
    let content = html! {
        (heading(visit, &title))
        @if let Some(refused) = refused { (trouble(visit, refused)) }
        (what_is_wrong(visit, form))
        p.note { (visit.either(
            "電話では一時停止だけができます（R-21）。解除は、本人がカードを持って住民票のある市区町村の窓口で行います（R-22）。この画面では住民の情報は表示しません。",
            "By telephone a card is only held (R-21). It is released at the counter of the holder's municipality, for the holder with the card (R-22). No resident is shown here.",
        )) }
        form.task id="task" method="post" action={ "/console/hold?key=" (key) } {
            input type="hidden" name="token" value=(visit.session.token);
            (fields(visit, form))
            p.actions { button.primary { (visit.either("一時停止する", "Hold the card")) } }
        }
    };
    visit.sheet(status, &title, &content)
}

fn fields(visit: &Visit<'_>, form: &Form) -> Markup {
    let card = Say::new("カード番号", "Card number");
    let help = Say::new(
        "全角でも入力できます。個人番号は聞かず、入力もしないでください。",
        "Full-width is fine. Never ask for or type a 個人番号.",
    );
    let confirmed = Say::new("通話での確認", "On the telephone");
    let choices = [
        (String::new(), Say::new("選択してください", "choose")),
        ("yes".to_owned(), Say::new("本人とカード番号を確認しました", "I have checked the caller and the number")),
    ];
    html! {
        (Field::new("card", &card).help(&help).line(visit, form))
        (Field::new("confirmed", &confirmed).choice(visit, form, &choices))
    }
}

fn done(visit: &Visit<'_>, effects: &Effects, told: &HoldReceipt) -> Shown {
    let title = Say::new("一時停止しました", "Held");
    let rows: Vec<_> = told
        .kinds
        .iter()
        .map(|one| {
            let kind = words::kind(one.kind);
            (html! { (visit.say(&kind)) }, html! { (receipt::held(visit, one.effect)) })
        })
        .collect();
    let content = html! {
        (heading(visit, &title))
        p.number { (visit.either("受付番号 ", "Receipt ")) strong { (told.number) } }
        @if let Some(card) = &told.card { p { (visit.either("カード番号 ", "Card ")) code { (card) } } }
        p { (instant(visit, effects.recorded_at)) }
        (facts(&rows))
        p.note { (visit.either(
            "お客様にお伝えください：受付番号、見つかったときは本人がカードを持って市区町村の窓口で解除すること、見つからないときは窓口で再発行を申請すること。",
            "Tell the caller: the receipt's number; that a card which is found is released at the municipality's counter, by the holder with the card; that one which is not found is made anew there.",
        )) }
        (receipt::print_button(visit))
        p.actions { a.button.primary href="/console/" { (visit.either("次の電話へ", "To the next call")) } }
    };
    visit.ok(&title, &content)
}
