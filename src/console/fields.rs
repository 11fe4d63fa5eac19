//! The fields of each task, and the body that they become: that of the JSON interface, field by field.

use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::{
    form::{Field, Form, both, tick},
    task::Case,
    today::{applicants, said},
    visit::Visit,
    words::{self, Say},
};
use crate::{
    authority::change::RegisterEvent,
    kind::Kind,
    rules::{
        Cause, Day, Sex,
        procedure::{Applicant, Procedure},
    },
};

/// How the fields of a form look.
pub(super) type Fields = fn(&Visit<'_>, &mut Form, Option<&Case>) -> Markup;

/// Characters of a certification request in PEM: RSA-4096 needs some 1,700.
const REQUEST_CHARACTERS: usize = 8192;
/// Characters of a name and an address of the register.
const NAME: usize = 200;
const ADDRESS: usize = 400;

fn say(ja: &str, en: &str) -> Say {
    Say::new(ja, en)
}

/// A day in the body.
fn text(day: Option<Day>) -> Value {
    day.map_or(Value::Null, |day| day.to_string().into())
}

pub(super) fn enrolment(visit: &Visit<'_>, form: &mut Form, case: Option<&Case>) -> Markup {
    let era = say("例：昭和55年2月17日、S55.2.17、1980-02-17", "1980-02-17, S55.2.17 or 昭和55年2月17日");
    html! {
        @if case.is_none() {
            fieldset {
                legend { (both(visit.language, &say("申請者とカード", "Applicant and card"))) }
                (Field::new("reference", &say("整理番号（住民票の参照番号）", "Holder reference of the register")).help(&say("個人番号ではありません", "never the 個人番号")).line(visit, form))
                (Field::new("birth", &say("生年月日", "Date of birth")).help(&era).date(visit, form))
                (Field::new("card", &say("カード番号", "Card number")).line(visit, form))
                (Field::new("card_issue_day", &say("カードの発行日", "Day of issue of the card")).help(&era).date(visit, form))
                (Field::new("stay_last_day", &say("在留期間の満了日（該当する方のみ）", "Last day of the stay, for foreign residents whose stay ends")).date(visit, form))
                (tick(visit, form, "ward", &say("成年被後見人", "Adult ward (成年被後見人)")))
            }
        }
        fieldset {
            legend { (both(visit.language, &say("署名用電子証明書に記載する事項", "What the signing certificate says"))) }
            (Field::new("name", &say("氏名（住民票のとおり）", "Name as in the register")).longest(NAME).help(&say("姓と名の間に空白", "a space between the parts")).line(visit, form))
            (Field::new("address", &say("住所（都道府県から）", "Address from the prefecture on")).longest(ADDRESS).line(visit, form))
            (Field::new("sex", &say("性別", "Sex")).choice(visit, form, &[
                (String::new(), say("選択してください", "choose")),
                ("1".into(), words::sex(Sex::Male)), ("2".into(), words::sex(Sex::Female)), ("3".into(), words::sex(Sex::Unknown)),
            ]))
            (Field::new("substitutes", &say("代替文字の希望（1行に1字）", "Substitutes that the applicant wishes, one a line"))
                .longest(1000).help(&say("例：𠮷＝ヨシ", "for example 𠮷=ヨシ")).lines(visit, form, 2))
        }
        fieldset {
            legend { (both(visit.language, &say("カードが作った鍵の証明書要求", "Requests for the keys that the card made"))) }
            p.help { (visit.either("PKCS#10（PEM）を貼り付けます。発行しない種類は空欄のままにします。", "Paste PKCS#10 (PEM). Leave empty what is not to be issued.")) }
            (request(visit, form, Kind::Auth))
            (request(visit, form, Kind::Sign))
        }
        @if !form.text("application").is_empty() { input type="hidden" name="application" value=(form.text("application")); }
    }
}

fn request(visit: &Visit<'_>, form: &Form, kind: Kind) -> Markup {
    let label = words::kind(kind);
    Field::new(kind.word(), &label).longest(REQUEST_CHARACTERS).file(visit, form)
}

pub(super) fn enrolment_body(form: &mut Form, case: Option<&Case>) -> Value {
    let (holder, card) = match case {
        Some(case) => (
            json!({ "reference": case.status.holder, "birth": case.known.birth.to_string() }),
            json!({ "number": case.card, "issue_day": case.known.card.issue_day.to_string() }),
        ),
        None => person_and_card(form),
    };
    let requests: Map<String, Value> =
        Kind::BOTH.iter().filter_map(|kind| Some((kind.word().to_owned(), read_request(form, *kind)?))).collect();
    let none = Kind::BOTH.iter().all(|kind| form.text(kind.word()).trim().is_empty());
    if none {
        form.wrong("auth", say("少なくとも1つの証明書要求が必要です", "at least one request is needed"));
    }
    let mut body = json!({ "holder": holder, "card": card, "requests": requests });
    if !form.text("sign").trim().is_empty() {
        body["facts"] = facts(form);
    }
    if form.ticked("application") {
        body["application"] = form.text("application").into();
    }
    body
}

fn person_and_card(form: &mut Form) -> (Value, Value) {
    let mut holder = json!({ "reference": form.identifier("reference"), "birth": text(form.date("birth")) });
    if form.ticked("ward") {
        holder["ward"] = true.into();
    }
    let mut card = json!({ "number": form.identifier("card"), "issue_day": text(form.date("card_issue_day")) });
    if let Some(day) = form.date_if_any("stay_last_day") {
        card["stay_last_day"] = day.to_string().into();
    }
    (holder, card)
}

fn facts(form: &mut Form) -> Value {
    let (name, address) = (form.needed("name", NAME), form.needed("address", ADDRESS));
    let sex = form.needed("sex", 1);
    let substitutes = substitutes(form);
    let in_text = |text: &str| -> Map<String, Value> {
        substitutes
            .iter()
            .filter(|(letter, _)| text.contains(letter.as_str()))
            .map(|(letter, other)| (letter.clone(), other.clone().into()))
            .collect()
    };
    json!({ "sex": sex, "register": {
        "name_substitutes": in_text(&name), "address_substitutes": in_text(&address), "name": name, "address": address,
    } })
}

fn substitutes(form: &mut Form) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let lines: Vec<_> =
        form.text("substitutes").lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    for line in lines {
        match line.split_once(['=', '＝']) {
            Some((letter, other)) if !letter.trim().is_empty() && !other.trim().is_empty() => {
                found.push((letter.trim().to_owned(), other.trim().to_owned()));
            }
            _ => form.wrong(
                "substitutes",
                say("「字＝代わりの字」の形で入力してください", "write the character, =, and what stands for it"),
            ),
        }
    }
    found
}

/// A request in PEM or base64, as the interface takes it. What is in it the authority reads.
fn read_request(form: &mut Form, kind: Kind) -> Option<Value> {
    let typed = form.text(kind.word());
    let plain: String =
        typed.lines().filter(|line| !line.starts_with("-----")).flat_map(str::split_whitespace).collect();
    if typed.trim().is_empty() {
        return None;
    }
    let longest = typed.chars().count() > REQUEST_CHARACTERS;
    let fits = !plain.is_empty() && STANDARD.decode(&plain).is_ok() && !typed.contains("PRIVATE KEY");
    if longest || !fits {
        let wrong = say("PKCS#10の証明書要求（PEM）ではありません", "this is no PKCS#10 request in PEM or base64");
        form.wrong(kind.word(), wrong);
    }
    Some(plain.into())
}

pub(super) fn confirmation(visit: &Visit<'_>, form: &mut Form, _: Option<&Case>) -> Markup {
    confirm(visit, form)
}

fn confirm(visit: &Visit<'_>, form: &Form) -> Markup {
    let choices = [
        (String::new(), say("選択してください", "choose")),
        ("yes".to_owned(), say("確認しました", "I have checked card and person")),
    ];
    Field::new("confirmed", &say("カード番号と本人の確認", "Card and person")).choice(visit, form, &choices)
}

pub(super) fn card_body(form: &mut Form, case: Option<&Case>) -> Value {
    form.confirmed();
    json!({ "card": case.map(|case| &case.card) })
}

/// The causes that a counter reports by its form.
const CAUSES: [Cause; 7] = [
    Cause::HolderApplication,
    Cause::KeyCompromise,
    Cause::CardDamaged,
    Cause::CardReissuedAfterLoss,
    Cause::CardReissuedAfterDamage,
    Cause::CardReturned,
    Cause::DiscardedBeforeDelivery,
];

pub(super) fn revocation(visit: &Visit<'_>, form: &mut Form, _: Option<&Case>) -> Markup {
    let causes: Vec<_> = CAUSES.iter().map(|cause| (said(cause), words::cause(*cause))).collect();
    html! {
        (Field::new("cause", &say("失効の理由", "Why")).choice(visit, form, &causes))
        (kinds(visit, form, &say("失効する電子証明書（申請・鍵の漏えいの場合）", "Which certificates, where they are named by the cause")))
        (Field::new("event_day", &say("事由の生じた日（本日より前の場合）", "The day it happened, if before today")).date(visit, form))
        (confirm(visit, form))
    }
}

fn kinds(visit: &Visit<'_>, form: &Form, legend: &Say) -> Markup {
    html! {
        fieldset id="kinds" {
            legend { (both(visit.language, legend)) }
            @for (name, say) in form.what_is_wrong() { @if name == "kinds" { p.error { (visit.say(say)) } } }
            (tick(visit, form, "kind_auth", &words::kind(Kind::Auth)))
            (tick(visit, form, "kind_sign", &words::kind(Kind::Sign)))
        }
    }
}

fn ticked_kinds(form: &Form) -> Vec<&'static str> {
    [(Kind::Auth, "kind_auth"), (Kind::Sign, "kind_sign")]
        .into_iter()
        .filter(|(_, name)| form.ticked(name))
        .map(|(kind, _)| kind.word())
        .collect()
}

pub(super) fn revocation_body(form: &mut Form, case: Option<&Case>) -> Value {
    form.confirmed();
    let cause = form.one_of("cause", &CAUSES).unwrap_or(Cause::HolderApplication);
    let mut body = json!({ "card": case.map(|case| &case.card), "cause": cause });
    if cause.applies_per_kind() {
        let kinds = ticked_kinds(form);
        if kinds.is_empty() {
            form.wrong("kinds", say("失効する電子証明書を選択してください", "choose which certificates are revoked"));
        }
        body["kinds"] = json!(kinds);
    }
    if let Some(day) = form.date_if_any("event_day") {
        body["event_day"] = day.to_string().into();
    }
    body
}

/// The changes of the register that a counter reports by hand.
const CHANGES: [RegisterEvent; 4] =
    [RegisterEvent::Move, RegisterEvent::NameChange, RegisterEvent::Correction, RegisterEvent::MinorCorrection];

fn change_word(event: RegisterEvent) -> Say {
    match event {
        RegisterEvent::Move => say("転居（市区町村内）", "move within the municipality"),
        RegisterEvent::NameChange => say("氏名の変更（旧氏・通称を含む）", "change of name"),
        RegisterEvent::Correction => say("住所等の訂正", "correction of address or sex"),
        _ => say("軽微な修正（失効しません）", "minor correction, which ends nothing"),
    }
}

pub(super) fn change(visit: &Visit<'_>, form: &mut Form, _: Option<&Case>) -> Markup {
    let changes: Vec<_> = CHANGES.iter().map(|event| (said(event), change_word(*event))).collect();
    html! {
        (Field::new("change", &say("届出の種類", "What changed")).choice(visit, form, &changes))
        (Field::new("event_day", &say("異動日（本日より前の場合）", "The day it happened, if before today")).date(visit, form))
        (confirm(visit, form))
    }
}

pub(super) fn change_body(form: &mut Form, case: Option<&Case>) -> Value {
    form.confirmed();
    let change = form.one_of("change", &CHANGES).unwrap_or(RegisterEvent::Move);
    let mut body = json!({ "holder": case.map(|case| &case.status.holder), "change": change });
    if let Some(day) = form.date_if_any("event_day") {
        body["event_day"] = day.to_string().into();
    }
    body
}

pub(super) fn application(visit: &Visit<'_>, form: &mut Form, _: Option<&Case>) -> Markup {
    let agent = say("代理人の整理番号（本人以外の場合）", "Your own reference for who acts, unless the holder comes");
    let applied: Vec<_> = Procedure::ALL
        .iter()
        .filter(|one| !matches!(one, Procedure::Hold))
        .map(|one| (said(one), words::procedure(*one)))
        .collect();
    html! {
        (Field::new("procedure", &say("手続き", "Procedure")).choice(visit, form, &applied))
        (Field::new("applicant", &say("来庁者", "Who comes")).choice(visit, form, &applicants()))
        (Field::new("agent", &agent).line(visit, form))
        (kinds(visit, form, &say("発行・失効する電子証明書（該当する場合）", "Which certificates, where they are issued or revoked")))
        (tick(visit, form, "holder_came", &say("本人も来庁", "The holder came along")))
        (tick(visit, form, "addendum_full", &say("追記欄に余白がない", "No room left on the card (追記欄)")))
    }
}

pub(super) fn application_body(form: &mut Form, case: Option<&Case>) -> Value {
    let procedure = form.chosen("procedure").unwrap_or(Procedure::Renewal);
    let applicant = form.chosen("applicant").unwrap_or(Applicant::Holder);
    let Some(case) = case else { return Value::Null };
    let mut body = json!({
        "procedure": procedure, "applicant": applicant,
        "holder": { "reference": case.status.holder, "birth": case.known.birth.to_string() },
        "card": { "number": case.card, "issue_day": case.known.card.issue_day.to_string() },
        "presence": { "holder_came": form.ticked("holder_came"), "addendum_full": form.ticked("addendum_full") },
    });
    if procedure.issues() || procedure == Procedure::Revocation {
        let kinds = ticked_kinds(form);
        if kinds.is_empty() {
            form.wrong("kinds", say("電子証明書を選択してください", "choose which certificates"));
        }
        body["kinds"] = json!(kinds);
    }
    if applicant != Applicant::Holder {
        body["agent"] = form.identifier("agent").into();
    }
    body
}
