//! A relying party's page: what it may ask, how much it asked, where the lists are, and the test certificates of a test service.

use maud::{Markup, html};
use pkcs8::der::pem::{LineEnding, encode_string};

use super::{
    Answer,
    page::{day, facts, heading, state},
    visit::{Shown, Stop, Visit, nothing_here},
    words::{self, Say},
};
use crate::{
    authority::{
        StoryError,
        sample::{Sample, is_test_service},
    },
    kind::Kind,
    rules::{CertificateState, calendar::day_of},
};

pub(super) fn show(visit: &Visit<'_>) -> Shown {
    let title = Say::new("ご利用状況", "Your usage");
    let terms = visit.authority.own_terms(visit.actor)?;
    let usage = visit.authority.usage(visit.actor, visit.actor.name(), (None, None))?;
    let today: u64 = usage.iter().filter(|one| one.day == visit.today()).map(|one| one.answered).sum();
    let base = &visit.authority.parts().profile.base_uri;
    let content = html! {
        (heading(visit, &title))
        @if terms.suspended.is_some() {
            p.trouble role="alert" { (visit.either("提供を停止しています。運用者にお問い合わせください。", "The service to you is suspended; ask the operator.")) }
        }
        (facts(&[
            (html! { (visit.either("名称", "Name")) }, html! { (terms.title) " " code { (terms.name) } }),
            (html! { (visit.either("区分", "Purposes")) },
             html! { @for one in &terms.purposes { (visit.say(&words::purpose(*one))) " " } }),
            (html! { (visit.either("照会できる事項", "Queries")) },
             html! { @for one in &terms.queries { (visit.say(&words::query(*one))) " " } }),
            (html! { (visit.either("本日の回答／上限", "Today, of the quota")) }, html! { (today) " / " (terms.daily_quota) }),
            (html! { (visit.either("認定期限", "Recognised until")) }, day(visit, terms.recognised_until)),
        ]))
        section aria-labelledby="usage" {
            h2 id="usage" { (visit.either("過去31日間", "The last 31 days")) }
            @if usage.is_empty() { p { (visit.either("照会はありません", "nothing was asked")) } }
            @else { div.scroll tabindex="0" role="group" aria-labelledby="usage" { table {
                thead { tr { th scope="col" { (visit.either("日", "Day")) } th scope="col" { (visit.either("照会", "Query")) } th.number scope="col" { (visit.either("回答", "Answered")) } th.number scope="col" { (visit.either("拒否", "Refused")) } } }
                tbody { @for one in &usage { tr { td { (day(visit, one.day)) } td { (visit.say(&words::query(one.query))) } td.number { (one.answered) } td.number { (one.refused) } } } }
            } } }
        }
        (samples(visit)?)
        section aria-labelledby="places" {
            h2 id="places" { (visit.either("有効性の確認先", "Where validity is checked")) }
            ul {
                li { "OCSP: " code { (base) "/ocsp" } }
                @for kind in Kind::BOTH { li { "CRL " (visit.say(&words::kind(kind))) ": " code { (base) "/crl/" (kind.word()) "/full.crl" } } }
            }
        }
    };
    visit.ok(&title, &content)
}

/// Test certificates in every state, where the service is a test service.
fn samples(visit: &Visit<'_>) -> Result<Markup, Stop> {
    if !is_test_service(&visit.authority.parts().profile.organization) {
        return Ok(html! {});
    }
    let samples = visit.authority.samples(visit.actor)?;
    Ok(html! {
        section aria-labelledby="samples" {
            h2 id="samples" { (visit.either("試験用の電子証明書", "Test certificates")) }
            p.help { (visit.either(
                "この試験用サービスが発行した架空の方の電子証明書です。PEMファイルには発行者の証明書も入っています。",
                "Of made-up people, issued by this test service. Each PEM file has the issuer's certificate too.",
            )) }
            @if samples.is_empty() { p { (visit.either("まだ発行されていません", "none has been issued yet")) } }
            @else { div.scroll.lines.stack tabindex="0" role="group" aria-labelledby="samples" { table {
                thead { tr {
                    th scope="col" { (visit.either("種類", "Kind")) } th scope="col" { (visit.either("状態", "State")) } th scope="col" { (visit.either("有効期限", "Until")) }
                    th scope="col" { (visit.either("発行の番号", "Serial number")) } th scope="col" { (visit.either("ファイル", "File")) }
                } }
                tbody { @for one in &samples { tr {
                    td { (visit.say(&words::kind(one.kind))) } td { (state(visit, one.state)) } td data-name=(visit.either("有効期限", "Until")) { (day(visit, day_of(one.not_after))) }
                    td.serial { (one.serial) } td { a href={ "/console/samples/" (file(one)) } download { (file(one)) } }
                } } }
            } } }
        }
    })
}

/// By the words of OCSP.
fn file(one: &Sample) -> String {
    let state = if one.state == CertificateState::Live { "good" } else { one.state.word() };
    format!("{}-{state}.pem", one.kind.word())
}

/// A test certificate and its issuer's, as PEM (RFC 8555 §9.1).
pub(super) fn sample(visit: &Visit<'_>, name: &str) -> Shown {
    let samples = visit.authority.samples(visit.actor)?;
    let one = samples.iter().find(|one| file(one) == name).ok_or_else(nothing_here)?;
    let mut body = String::new();
    for der in [&one.certificate, &one.issuer] {
        let pem = encode_string("CERTIFICATE", LineEnding::LF, der);
        body.push_str(&pem.map_err(|error| StoryError::Fault(error.to_string()))?);
    }
    Ok(Answer {
        status: 200,
        content_type: "application/pem-certificate-chain",
        location: None,
        cookies: Vec::new(),
        rule: None,
        turned_away: false,
        body: body.into_bytes(),
    })
}
