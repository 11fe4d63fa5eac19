//! What is printed: letters, slips, and the copy of a certificate (電子証明書の写し).

use maud::{Markup, html};
use pkcs8::der::pem::{LineEnding, encode_string};

use super::{
    Answer, application, holder,
    page::{day, facts, heading, instant},
    receipt::print_button,
    visit::{Shown, Stop, Visit, nothing_here, see},
    words::{self, Say},
};
use crate::{
    authority::{StoryError, wording::WordedFacts},
    kind::Kind,
    profile::facts::facts_of,
    rules::FlaggedText,
    x509::{CertificateView, Serial},
};

fn certificate_of((kind, serial): (&str, &str)) -> Result<(Kind, Serial), Stop> {
    Ok((kind.parse().map_err(|_| nothing_here())?, serial.parse().map_err(|_| nothing_here())?))
}

/// 電子証明書の写し, with the certificate in PEM.
pub(super) fn copy(visit: &Visit<'_>, named: (&str, &str)) -> Shown {
    let (kind, serial) = certificate_of(named)?;
    let one = visit.authority.look_up_certificate(visit.actor, kind, &serial)?;
    let title = Say::new("電子証明書の写し", "Copy of a certificate");
    let pem = one.certificate.as_deref().map(in_pem).transpose()?;
    let facts_within = one.certificate.as_deref().and_then(|der| written_in(visit, der, one.wording.as_ref()));
    let path = format!("/console/certificates/{}/{}/letter", kind.word(), one.serial);
    let content = html! {
        (heading(visit, &title))
        h2 { (visit.say(&words::kind(kind))) }
        p { a href={ "/console/holders/" (one.holder) } { (one.holder) } " · " code { (one.card) } }
        @if let Some(rows) = facts_within { (facts(&rows)) }
        (holder::certificate(visit, &one))
        @if let Some(pem) = &pem {
            details { summary { "PEM" } pre.pem tabindex="0" { (pem) } }
            p { a.button href=(format!("/console/certificates/{}/{}/pem", kind.word(), one.serial)) download=(format!("{}.pem", kind.word())) {
                (visit.either("カードに書き込むファイル（PEM）", "The file to write into the card (PEM)"))
            } }
        }
        p.print-only { (instant(visit, visit.now)) }
        (print_button(visit))
        @if visit.acts() && visit.authority.ending_letter(visit.actor, kind, &one.serial).is_ok() { p { a.button href=(path) { (visit.either("有効期限通知書", "Letter before the end")) } } }
    };
    visit.ok(&title, &content)
}

/// The certificate alone, as a terminal writes it into the card (RFC 8555 §9.1).
pub(super) fn pem(visit: &Visit<'_>, named: (&str, &str)) -> Shown {
    let (kind, serial) = certificate_of(named)?;
    let one = visit.authority.look_up_certificate(visit.actor, kind, &serial)?;
    let body = in_pem(one.certificate.as_deref().ok_or_else(nothing_here)?)?.into_bytes();
    let (status, content_type) = (200, "application/pem-certificate-chain");
    Ok(Answer { status, content_type, body, location: None, ..see("") })
}

fn in_pem(der: &[u8]) -> Result<String, StoryError> {
    encode_string("CERTIFICATE", LineEnding::LF, der).map_err(|error| StoryError::Fault(error.to_string()))
}

/// The four facts as a signing certificate has them, and beside them the letters of the register where they are others.
fn written_in(visit: &Visit<'_>, der: &[u8], worded: Option<&WordedFacts>) -> Option<Vec<(Markup, Markup)>> {
    let written = facts_of(&CertificateView::from_der(der).ok()?.tbs).ok()?;
    let beside = |text: &FlaggedText, register: Option<&String>| {
        let other = register.filter(|register| *register != text.text());
        html! { (text.text()) @if let Some(other) = other { " ← " (other) } }
    };
    let name = beside(written.name(), worded.map(|worded| &worded.name.register));
    let address = beside(written.address(), worded.map(|worded| &worded.address.register));
    let sex = html! { (visit.say(&words::sex(written.sex()))) };
    let rows = [
        ("氏名", "Name", name),
        ("生年月日", "Date of birth", day(visit, written.birth())),
        ("性別", "Sex", sex),
        ("住所", "Address", address),
    ];
    Some(rows.into_iter().map(|(ja, en, value)| (html! { (visit.either(ja, en)) }, value)).collect())
}

/// A letter as the authority words it, on paper: in Japanese, whatever the language of the page.
fn letter(visit: &Visit<'_>, title: &Say, text: &str) -> Shown {
    let content = html! {
        div.no-print { (heading(visit, title)) (print_button(visit)) }
        article.letter lang="ja" { pre { (text) } }
    };
    visit.ok(title, &content)
}

/// 照会書兼回答書.
pub(super) fn inquiry(visit: &Visit<'_>, number: &str) -> Shown {
    let text = visit.authority.inquiry_letter(visit.actor, &application::number(number)?)?;
    letter(visit, &Say::new("照会書兼回答書", "Inquiry and reply form"), &text)
}

/// 有効期限通知書.
pub(super) fn ending(visit: &Visit<'_>, named: (&str, &str)) -> Shown {
    let (kind, serial) = certificate_of(named)?;
    let text = visit.authority.ending_letter(visit.actor, kind, &serial)?;
    letter(visit, &Say::new("有効期限通知書", "Letter before the end"), &text)
}

/// 受付票: what was applied for, and what to bring next time.
pub(super) fn slip(visit: &Visit<'_>, number: &str) -> Shown {
    let one = visit.authority.application(visit.actor, &application::number(number)?)?;
    let title = Say::new("受付票", "Slip");
    let second = if one.visits == 2 { &one.papers.second } else { &one.papers.first };
    let content = html! {
        (heading(visit, &title))
        (facts(&[
            (html! { (visit.either("受付番号", "Number")) }, html! { code { (one.application) } }),
            (html! { (visit.either("手続き", "Procedure")) }, html! { (visit.say(&words::procedure(one.procedure))) }),
            (html! { (visit.either("受付", "Received")) }, instant(visit, one.received)),
            (html! { (visit.either("来庁者", "Who comes")) }, html! { (visit.say(&words::applicant(one.applicant))) }),
            (html! { (visit.either("状態", "State")) }, html! { (visit.say(&words::application_state(one.state))) }),
        ]))
        h2 { (visit.either("お持ちいただくもの", "What to bring")) }
        ul.papers { @for paper in second { li { (visit.say(&words::paper(*paper))) } } }
        @if let Some(due) = one.due { p { strong { (visit.either("期限：", "By: ")) (super::page::day(visit, due)) } } }
        (print_button(visit))
    };
    visit.ok(&title, &content)
}
