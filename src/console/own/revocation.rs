//! 失効申請 from home (O-01, O-02): the holder chooses, signs the text with SIGN by the own software, and hands in what came of it.
//!
//! The login alone revokes nothing: AUTH's PIN has four digits and is typed everywhere, SIGN's is that of the registered seal.

use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{Markup, html};
use serde_json::{Value, json};

use super::super::{
    Answer, Trouble,
    form::{Field, Form},
    page::{facts, heading, instant, trouble, what_is_wrong},
    receipt::print_button,
    visit::{Shown, Stop, Visit, nothing_here, see},
    words::{self, Say},
};
use crate::{
    authority::{StoryError, end::Effects},
    kind::Kind,
    limits::CMS_OCTETS,
    rules::{HomeApplication, HomeWish},
    x509::{SignedMessage, UnixTime},
};

/// The words of the choice, as they stand in the address.
const CHOICES: [(&str, &[Kind]); 3] =
    [("sign", &[Kind::Sign]), ("auth", &[Kind::Auth]), ("both", &[Kind::Auth, Kind::Sign])];

/// Of base64, with the ends of its lines.
const CMS_CHARACTERS: usize = CMS_OCTETS / 2 * 3;

fn title() -> Say {
    Say::new("失効の申請", "Apply for revocation")
}

/// What is chosen first; then the text, and where to hand in what was signed.
pub(super) fn show(visit: &Visit<'_>) -> Shown {
    match visit.query().text("kinds") {
        "" => choose(visit),
        chosen => {
            let one = chosen_by(chosen)?;
            Ok(sheet(visit, (200, one), &Form::default(), (&key(visit)?, None))?)
        }
    }
}

/// The text as a file, octet for octet what is to be signed.
pub(super) fn text(visit: &Visit<'_>) -> Shown {
    let query = visit.query();
    let (_, kinds) = chosen_by(query.text("kinds"))?;
    let made =
        query.text("made").parse().ok().and_then(|made| UnixTime::from_seconds(made).ok()).ok_or_else(nothing_here)?;
    let text = visit.authority.draft_home_revocation(visit.actor, kinds, Some(made))?.text();
    let (status, content_type, body) = (200, "text/plain; charset=utf-8", text.into_bytes());
    Ok(Answer { status, content_type, body, location: None, ..see("") })
}

/// Hands in a signed text.
pub(super) fn send(visit: &Visit<'_>) -> Shown {
    let one = chosen_by(visit.query().text("kinds"))?;
    let key = key(visit)?;
    let mut form = visit.form()?;
    if visit.translates {
        return sheet(visit, (200, one), &form, (&key, None));
    }
    let cms = signed(&mut form, one.1);
    if visit.ended || form.is_wrong() {
        return sheet(visit, (if visit.ended { 403 } else { 422 }, one), &form, (&key, None));
    }
    match visit.interface.post("/v1/home/revocations", &key, &json!({ "cms": cms })) {
        // Where AUTH has ended, no other page would be shown: this one is the receipt.
        Ok(told) => done(visit, told),
        Err(refused) => {
            let next = if refused.rule.is_some() { visit.fresh_key()? } else { key };
            let mut answer = sheet(visit, (refused.status, one), &form, (&next, Some(&refused)))?;
            answer.rule.clone_from(&refused.rule);
            Ok(answer)
        }
    }
}

fn chosen_by(word: &str) -> Result<(&'static str, &'static [Kind]), Stop> {
    CHOICES.into_iter().find(|(known, _)| *known == word).ok_or_else(nothing_here)
}

/// The key of the form that is in the address, or of a new one.
fn key(visit: &Visit<'_>) -> Result<String, Stop> {
    let query = visit.query();
    if query.text("key").is_empty() { visit.fresh_key() } else { Ok(query.text("key").to_owned()) }
}

fn choose(visit: &Visit<'_>) -> Shown {
    let title = title();
    let mut open = Vec::new();
    let mut refused = None;
    for (word, kinds) in CHOICES {
        match visit.authority.draft_home_revocation(visit.actor, kinds, None) {
            Ok(_) => open.push((word, kinds)),
            Err(StoryError::Refused(refusal)) => refused = Some(visit.interface.trouble(refusal.into())),
            Err(other) => return Err(other.into()),
        }
    }
    let content = html! {
        (heading(visit, &title))
        (warning(visit))
        @if let Some(refused) = refused.filter(|_| open.is_empty()) { (trouble(visit, &refused)) }
        @else {
            h2 { (visit.either("どれを失効させますか", "Which shall end?")) }
            ul.tasks { @for (word, kinds) in open {
                li { a.button href={ "/console/revocation?kinds=" (word) } { (visit.say(&together(kinds))) } }
            } }
        }
    };
    visit.ok(&title, &content)
}

fn together(kinds: &[Kind]) -> Say {
    match kinds {
        [one] => words::kind(*one),
        _ => Say::new("両方", "Both"),
    }
}

fn warning(visit: &Visit<'_>) -> Markup {
    html! {
        p.note { (visit.either(
            "失効は取り消せません。申請には、署名用電子証明書による署名が必要です（O-01、O-02）。新しい電子証明書は窓口で発行します。",
            "It cannot be undone. The application is signed with the signing certificate (O-01, O-02). A new certificate is issued at the counter.",
        )) }
        p { (visit.either(
            "カードを紛失したときや、暗証番号を他人に知られたときは、ここでは届け出られません。コールセンターに電話して一時停止し、窓口で届け出てください（O-03）。",
            "A card that is lost, or a PIN that others know, is not reported here: have the card held by telephone, and report it at the counter (O-03).",
        )) }
    }
}

fn sheet(
    visit: &Visit<'_>,
    (status, (word, kinds)): (u16, (&str, &[Kind])),
    form: &Form,
    (key, refused): (&str, Option<&Trouble>),
) -> Shown {
    let title = title();
    let application = visit.authority.draft_home_revocation(visit.actor, kinds, None)?;
    let cms = Say::new("署名した申請書（CMS）", "The signed application (CMS)");
    let help = Say::new(
        "利用者クライアントソフトで署名したファイルの内容（PEMまたはbase64）です。",
        "What your software made of it, in PEM or base64.",
    );
    let content = html! {
        (heading(visit, &title))
        @if let Some(refused) = refused { (trouble(visit, refused)) }
        (what_is_wrong(visit, form))
        (warning(visit))
        (to_be_signed(visit, word, &application))
        form.task id="task" method="post" action={ "/console/revocation?kinds=" (word) "&key=" (key) } {
            h2 { (visit.either("2. 署名した申請書を提出する", "2. Hand in what you signed")) }
            input type="hidden" name="token" value=(visit.session.token);
            (Field::new("cms", &cms).help(&help).longest(CMS_CHARACTERS).file(visit, form))
            p.actions {
                button.primary { (visit.say(&together(kinds))) (visit.either("を失効させる", ": revoke")) }
                a.button href="/console/" { (visit.either("やめる", "Cancel")) }
            }
        }
    };
    Ok(visit.sheet(status, &title, &content))
}

fn to_be_signed(visit: &Visit<'_>, word: &str, application: &HomeApplication) -> Markup {
    let file = format!("/console/revocation/text?kinds={word}&made={}", application.made().seconds());
    html! {
        section aria-labelledby="text" {
            h2 id="text" { (visit.either("1. 申請書に署名する", "1. Sign the application")) }
            pre.pem lang="ja" tabindex="0" { (application.text()) }
            p { a.button href=(file) download="revocation.txt" { (visit.either("申請書を保存する", "Save the application")) } }
            p.help { (visit.either(
                "保存したファイルに署名用電子証明書で署名してください（CMS形式、本文を含める）。24時間以内に提出してください。",
                "Sign the file as it is with the signing certificate (CMS, the text within), and hand it in within 24 hours.",
            )) }
            pre.pem tabindex="0" { "jitsuin card sign CARD --in revocation.txt --out revocation.cms --cms" }
        }
    }
}

/// A message in PEM or base64, as the interface takes it. What it ends is what the button says; whether it is the holder's word, the
/// authority decides.
fn signed(form: &mut Form, kinds: &[Kind]) -> String {
    let typed = form.needed("cms", CMS_CHARACTERS);
    let plain: String =
        typed.lines().filter(|line| !line.starts_with("-----")).flat_map(str::split_whitespace).collect();
    let der = STANDARD.decode(&plain).ok().filter(|der| !der.is_empty() && !typed.contains("PRIVATE KEY"));
    let Some(der) = der else {
        form.wrong(
            "cms",
            Say::new("署名した申請書（CMS）ではありません", "this is no signed application in PEM or base64"),
        );
        return plain;
    };
    let others = named_in(&der).filter(|named| named.as_slice() != kinds);
    if let Some(named) = others {
        let Say { ja, en } = together(&named);
        form.wrong(
            "cms",
            Say::new(
                format!("この申請書は別の申請（{ja}）のものです。この画面の申請書に署名してください"),
                format!("this application is another ({en}): sign the one on this page"),
            ),
        );
    }
    plain
}

/// The kinds that an application names, AUTH first; nothing for what is none.
fn named_in(der: &[u8]) -> Option<Vec<Kind>> {
    let message = SignedMessage::from_der(der).ok()?;
    let application = HomeApplication::parse(HomeWish::Revoke, message.claimed_content()).ok()?;
    Some(Kind::BOTH.into_iter().filter(|kind| application.certificates().iter().any(|one| one.kind == *kind)).collect())
}

fn done(visit: &Visit<'_>, told: Value) -> Shown {
    let effects: Effects = serde_json::from_value(told).map_err(|error| StoryError::Fault(error.to_string()))?;
    let title = Say::new("失効しました", "Revoked");
    let rows: Vec<_> = effects
        .changes
        .iter()
        .map(|one| (html! { (visit.say(&words::kind(one.kind))) }, html! { span.serial { (one.serial) } }))
        .collect();
    let auth_ended = effects.changes.iter().any(|one| one.kind == Kind::Auth);
    let content = html! {
        (heading(visit, &title))
        p { (instant(visit, effects.recorded_at)) }
        (facts(&rows))
        p.note { (visit.either(
            "必要になったときは、カードをお持ちのうえ住民票のある市区町村の窓口で新しい電子証明書を申請してください。",
            "When you need one again, apply with the card at the counter of your municipality.",
        )) }
        (print_button(visit))
        @if auth_ended {
            p { (visit.either(
                "利用者証明用電子証明書が失効したため、この窓口はもう開けません。この画面を印刷するか、ブラウザーを閉じてください。",
                "The authentication certificate has ended, so this window does not open any more: print this page, or close the browser.",
            )) }
        } @else { p.actions { a.button.primary href="/console/" { (visit.either("わたしの電子証明書へ", "To my certificates")) } } }
    };
    Ok(visit.once(&title, &content))
}
