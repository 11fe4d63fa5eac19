//! What a clerk does: a form, its request, its receipt.
//!
//! A form bears its `Idempotency-Key` in its address. Sent twice it is done once; and who comes back to the address of a form that was
//! sent gets the receipt.

use maud::{Markup, html};
use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::{
    Answer, Trouble, exception,
    fields::{self, Fields},
    form::Form,
    page::{heading, trouble, what_is_wrong},
    receipt,
    visit::{Shown, Stop, Visit, nothing_here, see},
    words::Say,
};
use crate::{
    authority::{at_counter::Particulars, lookup::HolderStatus},
    ports::{CardNumber, HolderReference},
    rules::Refusal,
    x509::hex::hex,
};

/// Something a clerk does.
pub(super) struct Task {
    /// Its word in paths.
    pub(super) word: &'static str,
    pub(super) title: fn() -> Say,
    /// Whether it is done with a void card too.
    pub(super) takes_void_cards: bool,
    /// The route of the JSON interface.
    route: &'static str,
    fields: Fields,
    /// The body, with what is wrong noted in the form.
    body: fn(&mut Form, Option<&Case>) -> Value,
    /// What is said before it is done.
    note: Option<fn() -> Say>,
}

/// For whom, and with which card.
pub(super) struct Case {
    pub(super) status: HolderStatus,
    pub(super) card: CardNumber,
    pub(super) known: Particulars,
}

/// What is done with a resident's card.
pub(super) static TASKS: [Task; 7] = [
    Task {
        word: "renewal",
        title: || Say::new("更新", "Renewal"),
        takes_void_cards: false,
        route: "/v1/renewals",
        fields: fields::enrolment,
        body: fields::enrolment_body,
        note: Some(|| {
            Say::new("古い電子証明書はただちに失効します（V-13）。", "The old certificate is revoked at once (V-13).")
        }),
    },
    Task {
        word: "issue",
        title: || Say::new("発行・再発行", "Issue or reissue"),
        takes_void_cards: false,
        route: "/v1/certificates",
        fields: fields::enrolment,
        body: fields::enrolment_body,
        note: None,
    },
    Task {
        word: "change",
        title: || Say::new("転居・氏名変更等の届出", "Move or change of name"),
        takes_void_cards: true,
        route: "/v1/register-changes",
        fields: fields::change,
        body: fields::change_body,
        note: Some(|| {
            Say::new(
                "署名用電子証明書は失効します。利用者証明用は失効しません（R-13）。同じ来庁で再発行できます。",
                "The signing certificate is revoked, the authentication certificate stays (R-13). It can be issued again in this visit.",
            )
        }),
    },
    Task {
        word: "revocation",
        title: || Say::new("失効", "Revocation"),
        takes_void_cards: false,
        route: "/v1/revocations",
        fields: fields::revocation,
        body: fields::revocation_body,
        note: Some(|| {
            Say::new(
                "失効は取り消せません。暗証番号は不要です（P-10）。",
                "A revocation cannot be undone. No PIN is needed (P-10).",
            )
        }),
    },
    Task {
        word: "hold",
        title: || Say::new("一時停止（紛失）", "Hold (card lost)"),
        takes_void_cards: false,
        route: "/v1/holds",
        fields: fields::confirmation,
        body: fields::card_body,
        note: Some(|| {
            Say::new(
                "両方の電子証明書を一時停止します。署名用は解除しても有効に戻りません（C-08）。",
                "Both certificates are held. The signing certificate does not come back by a release (C-08).",
            )
        }),
    },
    Task {
        word: "release",
        title: || Say::new("一時停止の解除", "Release (card found)"),
        takes_void_cards: false,
        route: "/v1/releases",
        fields: fields::confirmation,
        body: fields::card_body,
        note: Some(|| {
            Say::new(
                "本人がカードを持って来庁した場合に限ります（R-22）。",
                "Only for who has come with the card (R-22).",
            )
        }),
    },
    Task {
        word: "application",
        title: || {
            Say::new(
                "申請を受け付ける（代理人・初期化・顔認証・返納）",
                "Take an application (agents, PIN reset, face authentication, return)",
            )
        },
        takes_void_cards: false,
        route: "/v1/applications",
        fields: fields::application,
        body: fields::application_body,
        note: Some(|| {
            Say::new(
                "2回の来庁が必要かどうかは、受付時に判定します。",
                "Whether it takes two visits is decided when it is taken.",
            )
        }),
    },
];

/// To who is new to the service.
static ENROL: Task = Task {
    word: "new",
    title: || Say::new("はじめての方への発行", "Issue to a new holder"),
    takes_void_cards: false,
    route: "/v1/certificates",
    fields: fields::enrolment,
    body: fields::enrolment_body,
    note: None,
};

pub(super) fn enrol(visit: &Visit<'_>) -> Shown {
    visit.actor.municipality()?;
    tell(visit, &ENROL, None, "/console/new")
}

pub(super) fn of_card(visit: &Visit<'_>, (holder, card): (&HolderReference, &CardNumber), word: &str) -> Shown {
    let task = TASKS.iter().find(|task| task.word == word).ok_or_else(nothing_here)?;
    visit.actor.municipality()?;
    let status = visit.authority.look_up_holder(visit.actor, holder)?;
    let known = visit.authority.particulars(visit.actor, holder, card)?;
    let path = format!("/console/holders/{holder}/cards/{card}/{word}");
    tell(visit, task, Some(&Case { status, card: card.clone(), known }), &path)
}

/// A form on its way.
struct Sheet<'a> {
    task: &'a Task,
    case: Option<&'a Case>,
    path: &'a str,
    key: String,
    /// Whether an exception was asked for by it, and waits.
    waits: bool,
}

fn tell(visit: &Visit<'_>, task: &Task, case: Option<&Case>, path: &str) -> Shown {
    let query = visit.query();
    let key = query.text("key").to_owned();
    if key.is_empty() {
        return Ok(see(&format!("{path}?{}key={}", carried(&query), visit.fresh_key()?)));
    }
    let sheet = Sheet { task, case, path, key, waits: false };
    let told = visit.authority.remembered(visit.actor, &sheet.key)?;
    let receipt = told.as_ref().and_then(|told| receipt::path(visit, told, case, &sheet.key));
    if !visit.asked.sends_form {
        return Ok(receipt.map_or_else(|| sheet.show(visit, 200, query, None), |receipt| see(&receipt)));
    }
    let mut form = visit.form()?;
    if visit.translates && receipt.is_none() {
        return Ok(sheet.show(visit, 200, form, None));
    }
    let changed = told.is_none() && case.is_some_and(|case| form.text("seen") != seen(case));
    let body = (task.body)(&mut form, case);
    let asks = (exception::is_asked(&form) && task.excepts()).then(|| exception::body(&mut form, task.route, &body));
    if visit.ended || form.is_wrong() || changed {
        // A browser that goes back through its history may send an earlier attempt again.
        if let Some(receipt) = receipt {
            return Ok(see(&receipt));
        }
        let notice = changed.then(record_changed);
        let status = if visit.ended {
            403
        } else if changed {
            409
        } else {
            422
        };
        return Ok(sheet.show(visit, status, form, notice.as_ref().filter(|_| !visit.ended)));
    }
    match asks {
        Some(asks) => sheet.ask(visit, form, &asks),
        None => sheet.send(visit, form, &body),
    }
}

/// What a link to a form brings with it.
fn carried(query: &Form) -> String {
    let word = |name: &str| {
        Some(query.text(name)).filter(|text| !text.is_empty() && is_word(text)).map(|text| format!("{name}={text}&"))
    };
    ["procedure", "applicant", "application", "kinds"].iter().filter_map(|name| word(name)).collect()
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
}

/// What a clerk has seen of the holder: when it is another now, somebody else was quicker.
fn seen(case: &Case) -> String {
    hex(&digest(&SHA256, format!("{:?}", case.status).as_bytes()).as_ref()[..12])
}

fn record_changed() -> Trouble {
    Trouble {
        status: 409,
        title: "Nothing was done: the record has changed since this page was shown".into(),
        detail: "another desk, or the resident register, was quicker; look at the certificates again and send the form if it still fits".into(),
        detail_ja: Some("別の窓口または住民記録の異動が先に反映されました。\
                         電子証明書の状態を確認してください。".into()),
        rule: None,
        article: None,
        says_ja: Some("まだ何もしていません：この画面を表示した後に記録が変わりました".into()),
        way: Some("Look at the certificates again. What you typed is still here.".into()),
        way_ja: Some("電子証明書の状態を確認してから、もう一度送信してください。入力内容は残っています。".into()),
        earliest: None,
    }
}

impl Task {
    /// Whether it issues, so that an exception may be made for it.
    fn excepts(&self) -> bool {
        matches!(self.route, "/v1/certificates" | "/v1/renewals")
    }
}

impl Sheet<'_> {
    /// Asks for an exception. The form stays, under a key of its own, to be sent once the exception is approved.
    fn ask(self, visit: &Visit<'_>, form: Form, asks: &Value) -> Shown {
        match visit.interface.post("/v1/exceptions", &self.key, asks) {
            Ok(_) => {
                let key = visit.fresh_key()?;
                Ok(Sheet { key, waits: true, ..self }.show(visit, 200, form, None))
            }
            Err(refused) => self.refused(visit, form, &refused),
        }
    }

    /// Asks the interface. A refusal is shown above what was typed, under a fresh key; what could not be answered now, under the same.
    fn send(self, visit: &Visit<'_>, form: Form, body: &Value) -> Shown {
        let refused = match visit.interface.post(self.task.route, &self.key, body) {
            Ok(_) => {
                let told = visit.authority.remembered(visit.actor, &self.key)?;
                let path = told.as_ref().and_then(|told| receipt::path(visit, told, self.case, &self.key));
                return Ok(see(&path.ok_or_else(|| {
                    Stop::from(
                        Refusal::new("T-09", "the answer is not kept any more")
                            .with_ja("控えの保存期間が過ぎています。"),
                    )
                })?));
            }
            Err(refused) => refused,
        };
        self.refused(visit, form, &refused)
    }

    fn refused(self, visit: &Visit<'_>, form: Form, refused: &Trouble) -> Shown {
        let key = if refused.rule.is_some() { visit.fresh_key()? } else { self.key };
        let mut answer = Sheet { key, ..self }.show(visit, refused.status, form, Some(refused));
        answer.rule.clone_from(&refused.rule);
        Ok(answer)
    }

    fn show(&self, visit: &Visit<'_>, status: u16, mut form: Form, refused: Option<&Trouble>) -> Answer {
        let title = (self.task.title)();
        let fields = (self.task.fields)(visit, &mut form, self.case);
        let content = html! {
            (heading(visit, &title))
            @if let Some(case) = self.case { (whose(visit, case)) }
            @if let Some(refused) = refused { (trouble(visit, refused)) }
            (what_is_wrong(visit, &form))
            @if self.waits { (exception::waits(visit)) }
            @if let Some(note) = self.task.note { p.note { (visit.say(&note())) } }
            form.task id="task" method="post" action={ (self.path) "?key=" (self.key) } {
                input type="hidden" name="token" value=(visit.session.token);
                @if let Some(case) = self.case { input type="hidden" name="seen" value=(seen(case)); }
                (fields)
                p.actions {
                    button.primary { (visit.say(&title)) }
                    @if let Some(case) = self.case {
                        a.button href={ "/console/holders/" (case.status.holder) } { (visit.either("やめる", "Cancel")) }
                    }
                }
                @if self.task.excepts() && !self.waits { (exception::fields(visit, &form, refused)) }
            }
        };
        visit.sheet(status, &title, &content)
    }
}

fn whose(visit: &Visit<'_>, case: &Case) -> Markup {
    html! {
        p.whose {
            a href={ "/console/holders/" (case.status.holder) } { (case.status.holder) } " · " code { (case.card) }
            " · " (visit.either("生年月日 ", "born ")) (super::page::day(visit, case.known.birth))
        }
    }
}
