//! The checklist of a case: what a clerk has to know about this resident, this procedure and who comes today.

use maud::{Markup, html};
use serde::de::DeserializeOwned;

use super::{
    Trouble, date,
    form::{Field, Form, both, tick},
    page::{day, heading, state, trouble},
    visit::{Shown, Visit},
    words::{self, Say},
};
use crate::{
    authority::at_counter::CounterWish,
    ports::{CardNumber, HolderReference},
    rules::{
        CertificateState, CounterDecision,
        counter::{Brought, CounterRefusal, KindOutcome, Outcome},
        desk::{Desk, DeskTerms},
        papers::Visit as Which,
        procedure::{Applicant, Course, Procedure, SealedPaper},
    },
};

/// A word of a rule, as it stands in JSON.
pub(super) fn word<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(text.into()).ok()
}

/// The word of something in JSON.
pub(super) fn said(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

pub(super) fn show(visit: &Visit<'_>, (holder, card): (&HolderReference, &CardNumber)) -> Shown {
    let form = visit.query();
    let wish = CounterWish {
        procedure: word(form.text("procedure")).unwrap_or(Procedure::Renewal),
        applicant: word(form.text("applicant")).unwrap_or(Applicant::Holder),
        brought: brought(&form),
        desk: word(form.text("desk")).unwrap_or(Desk::TownHall),
    };
    let decision = visit.authority.decide_resident(visit.actor, (holder, card), &wish)?;
    let title = Say::new("今日の手続きの確認", "Today's checklist");
    let back = format!("/console/holders/{holder}");
    let content = html! {
        (heading(visit, &title))
        p { a href=(back) { (holder) } " · " code { (card) } " · " (day(visit, visit.today())) }
        div.columns {
            form.case method="get" action={ (back) "/cards/" (card) "/today" } { (case(visit, &form, &wish)) }
            div { (told(visit, &wish, &decision)) (next(visit, &format!("{back}/cards/{card}"), &wish, &decision)) }
        }
    };
    visit.ok(&title, &content)
}

fn brought(form: &Form) -> Brought {
    Brought {
        holder_came: form.ticked("holder_came"),
        mandate: word::<SealedPaper>(form.text("mandate")),
        enclosed_reply: word::<SealedPaper>(form.text("enclosed_reply")),
        documents: None,
        proof_of_power: date::read(form.text("proof_of_power")).ok(),
        same_household: form.ticked("same_household"),
        parenthood_on_record: form.ticked("parenthood_on_record"),
        register_pin: form.ticked("register_pin"),
    }
}

pub(super) fn procedures() -> Vec<(String, Say)> {
    Procedure::ALL.iter().map(|one| (said(one), words::procedure(*one))).collect()
}

pub(super) fn applicants() -> Vec<(String, Say)> {
    Applicant::ALL.iter().map(|one| (said(one), words::applicant(*one))).collect()
}

fn case(visit: &Visit<'_>, form: &Form, wish: &CounterWish) -> Markup {
    let mut form = Form::new(
        [
            "holder_came",
            "mandate",
            "enclosed_reply",
            "proof_of_power",
            "same_household",
            "parenthood_on_record",
            "register_pin",
            "desk",
        ]
        .into_iter()
        .filter(|name| form.ticked(name))
        .map(|name| (name.to_owned(), form.text(name).to_owned()))
        .collect(),
    );
    form.fill("procedure", said(&wish.procedure));
    form.fill("applicant", said(&wish.applicant));
    let papers = [
        (String::new(), Say::new("なし", "not there")),
        (said(&SealedPaper::Fits), Say::new("記入・封入済み", "filled in and sealed")),
        (said(&SealedPaper::Incomplete), Say::new("開封済み・記入漏れ", "open or incomplete")),
        (said(&SealedPaper::WrongPin), Say::new("暗証番号が不一致", "its PIN is not the card's")),
    ];
    let desks = [
        (said(&Desk::TownHall), Say::new("本庁", "Town hall")),
        (said(&Desk::Branch), Say::new("支所・出張所", "Branch office")),
        (said(&Desk::PostOffice), Say::new("郵便局", "Post office")),
    ];
    let label = |ja, en| Say::new(ja, en);
    html! {
        (Field::new("procedure", &label("手続き", "Procedure")).choice(visit, &form, &procedures()))
        (Field::new("applicant", &label("来庁者", "Who comes")).choice(visit, &form, &applicants()))
        (Field::new("desk", &label("受付場所", "Desk")).choice(visit, &form, &desks))
        fieldset {
            legend { (both(visit.language, &label("持参したもの", "What was brought"))) }
            (Field::new("enclosed_reply", &label("更新案内に同封の照会書兼回答書", "Reply form of the notice")).choice(visit, &form, &papers))
            (Field::new("mandate", &label("委任状", "Mandate")).choice(visit, &form, &papers))
            (tick(visit, &form, "holder_came", &label("本人も来庁", "The holder came along")))
            (tick(visit, &form, "same_household", &label("法定代理人は同一世帯", "The statutory agent is of the household")))
            (tick(visit, &form, "parenthood_on_record", &label("当市区町村の戸籍で親子関係を確認できる", "Parenthood is on record here")))
            (tick(visit, &form, "register_pin", &label("住基用暗証番号を入力した", "The register PIN was entered")))
        }
        button.primary { (visit.either("確認する", "Check")) }
    }
}

fn told(visit: &Visit<'_>, wish: &CounterWish, decision: &CounterDecision) -> Markup {
    let all = |one: &&CounterRefusal| one.kind.is_none() || !decision.allowed;
    html! {
        section.decision.no[!decision.allowed] aria-labelledby="decision" {
            h2 id="decision" {
                (visit.say(&words::procedure(wish.procedure))) "："
                @if decision.allowed { (visit.either("できます", "possible")) } @else { (visit.either("今日はできません", "not possible today")) }
            }
            @for one in decision.refusals.iter().filter(all) { (refusal(visit, one)) }
            @if decision.allowed { (course(visit, decision)) (certificates(visit, &decision.certificates)) (fee(visit, decision)) }
            @for one in decision.refusals.iter().filter(|one| decision.allowed && one.kind.is_some()) { (refusal(visit, one)) }
            @if !decision.warnings.is_empty() {
                h3 { (visit.either("注意", "Mind")) }
                ul { @for one in &decision.warnings { li { (visit.either(&one.detail_ja, &one.detail)) " " code { (one.rule) } } } }
            }
            @if !decision.card_steps.is_empty() {
                h3 { (visit.either("カードの処理（この順で）", "What is done to the card, in this order")) }
                ol { @for step in &decision.card_steps { li { (visit.say(&words::face_step(*step))) } } }
            }
            @if !decision.told.is_empty() {
                h3 { (visit.either("お客様に伝えること", "What the holder is told")) }
                ul { @for one in &decision.told { li { (visit.say(&words::told(one))) } } }
            }
        }
    }
}

fn refusal(visit: &Visit<'_>, one: &CounterRefusal) -> Markup {
    let explained = &one.refusal;
    let words = explained.explanation;
    let shown = Trouble {
        status: 422,
        title: words.map_or("The rules do not allow it", |words| words.says).to_owned(),
        detail: explained.refusal.detail.clone(),
        detail_ja: explained.refusal.detail_ja.as_deref().map(str::to_owned),
        rule: Some(explained.refusal.rule.to_string()),
        article: words.map(|words| words.source.to_owned()),
        says_ja: words.map(|words| words.says_ja.to_owned()),
        way: words.map(|words| words.way.to_owned()),
        way_ja: words.map(|words| words.way_ja.to_owned()),
        earliest: explained.refusal.earliest.map(|day| day.to_string()),
    };
    html! {
        @if let Some(kind) = one.kind { p.of { (visit.say(&words::kind(kind))) } }
        (trouble(visit, &shown))
    }
}

fn course(visit: &Visit<'_>, decision: &CounterDecision) -> Markup {
    html! {
        p.course {
            @match decision.course {
                Some(Course::SameDay) => { strong { (visit.either("1回の来庁で終わります", "Done in one visit")) } }
                Some(Course::TwoVisits(why)) => {
                    strong { (visit.either("2回の来庁が必要です", "It takes two visits")) } " — " (visit.say(&words::why(why)))
                }
                Some(Course::Telephone) => { strong { (visit.either("電話で受け付けます（24時間365日）", "By telephone, day and night")) } }
                None => {}
            }
            @if decision.desk == Some(DeskTerms::ByAppointment) { " · " strong { (visit.either("予約制", "by appointment")) } }
        }
        @for one in &decision.visits {
            h3 {
                @match (one.visit, decision.visits.len()) {
                    (_, 1) => { (visit.either("必要なもの", "What to bring")) }
                    (Which::First, _) => { (visit.either("1回目に必要なもの", "For the first visit")) }
                    (Which::Second, _) => { (visit.either("2回目に必要なもの", "For the second visit")) }
                }
            }
            ul.papers { @for paper in &one.papers { li { (both(visit.language, &words::paper(*paper))) } } }
        }
        @if let Some(by) = decision.reply_by { p { (visit.either("回答書の期限：", "Reply by: ")) (day(visit, by)) } }
    }
}

fn certificates(visit: &Visit<'_>, outcomes: &[KindOutcome]) -> Markup {
    html! {
        @if !outcomes.is_empty() {
            h3 { (visit.either("電子証明書はどうなるか", "What becomes of the certificates")) }
            ul { @for one in outcomes { li {
                (visit.say(&words::kind(one.kind))) "："
                @match one.outcome {
                    Outcome::Issued { last_day, renewal_opens, .. } => {
                        (visit.either("発行、有効期限 ", "issued, until ")) (day(visit, last_day))
                        (visit.either("（更新できる日 ", " (renewal opens ")) (day(visit, renewal_opens)) (visit.either("）", ")"))
                    }
                    Outcome::Kept { last_day } => { (visit.either("そのまま、有効期限 ", "stays as it is, until ")) (day(visit, last_day)) }
                    Outcome::Ends => { (state(visit, CertificateState::Revoked)) }
                    Outcome::Held => { (state(visit, CertificateState::Held)) }
                    Outcome::Released => { (state(visit, CertificateState::Live)) }
                }
            } } }
        }
    }
}

fn fee(visit: &Visit<'_>, decision: &CounterDecision) -> Markup {
    html! {
        p.fee {
            (visit.either("手数料：", "Fee: "))
            strong { @if decision.total_yen == 0 { (visit.either("無料", "none")) } @else { (decision.total_yen) (visit.either("円", " yen")) } }
        }
    }
}

fn next(visit: &Visit<'_>, path: &str, wish: &CounterWish, decision: &CounterDecision) -> Markup {
    let task = match wish.procedure {
        _ if !decision.allowed || !visit.acts() => None,
        _ if matches!(decision.course, Some(Course::TwoVisits(_))) => Some("application"),
        Procedure::NewIssue | Procedure::Reissue => Some("issue"),
        Procedure::Renewal => Some("renewal"),
        Procedure::Revocation => Some("revocation"),
        Procedure::Hold => Some("hold"),
        Procedure::Release => Some("release"),
        _ => Some("application"),
    };
    html! {
        @if let Some(task) = task {
            p.actions { a.button.primary href={ (path) "/" (task) "?procedure=" (said(&wish.procedure)) "&applicant=" (said(&wish.applicant)) } {
                (visit.either("この手続きに進む", "Go on with it"))
            } }
        }
    }
}
