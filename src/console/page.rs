//! The frame of every page, and what all pages share.

use maud::{DOCTYPE, Markup, html};

use super::{
    Trouble, date,
    form::{Form, both, encode},
    own,
    visit::Visit,
    words::{self, Language, Say},
};
use crate::{
    municipality,
    rules::{CertificateState, Day, calendar::day_of, era::in_japanese},
    x509::UnixTime,
};

/// How a page goes over into the other language.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Switch {
    /// By a link.
    Link,
    /// By sending its form, which loses nothing that is typed there.
    Form,
    /// Not at all: the page is shown once.
    None,
}

/// A page in its frame; without a visit, for who is not admitted.
pub(super) fn whole(visit: Option<(&Visit<'_>, Switch)>, language: Language, title: &Say, content: &Markup) -> Markup {
    let say = |ja: &'static str, en: &'static str| if language == Language::Japanese { ja } else { en };
    html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title.in_language(language)) " · jitsuin 実印" }
                link rel="stylesheet" href="/console/style.css";
                link rel="icon" href="/console/seal.svg" type="image/svg+xml";
                script src="/console/script.js" defer {}
            }
            body {
                a.skip href="#main" { (say("本文へ", "Skip to the content")) }
                header.top {
                    a.brand href="/console/" { img src="/console/seal.svg" alt="" width="28" height="28"; span { "jitsuin" } span.beside lang="ja" { "実印" } }
                    @if let Some((visit, _)) = visit { (who(visit)) (navigation(visit)) }
                    (other_language(visit, language))
                }
                main id="main" { (content) }
                footer {
                    p { (say("個人番号（マイナンバー）は入力しないでください。このサービスは受け取りません。", "Never type a 個人番号 (My Number) here; this service takes none.")) }
                }
            }
        }
    }
}

fn other_language(visit: Option<(&Visit<'_>, Switch)>, language: Language) -> Markup {
    let tag = language.other().tag();
    let name = if language == Language::Japanese { "English" } else { "日本語" };
    html! {
        @if let Some((_, Switch::Form)) = visit {
            // Enter in a field presses the first button of its form in the page: that is one that sends, and not the next.
            button.unseen form="task" tabindex="-1" aria-hidden="true" {}
            button.language form="task" name="language" value=(tag) lang=(tag) { (name) }
        } @else if !matches!(visit, Some((_, Switch::None))) {
            a.language lang=(tag) hreflang=(tag)
                href={ "/console/language/" (tag) "?to=" (encode(&visit.map_or_else(|| "/console/".into(), |(visit, _)| here(visit)))) } {
                (name)
            }
        }
    }
}

/// The page to come back to in the other language; where only a form leads to, the page that the form is on.
fn here(visit: &Visit<'_>) -> String {
    let path = visit.asked.path.as_str();
    let page = match path {
        path if !visit.asked.sends_form => path,
        "/console/find" | "/console/publish" => "/console/",
        path if path.starts_with("/console/exceptions/") => "/console/exceptions",
        path => path.strip_suffix("/events").unwrap_or(path),
    };
    let query = visit.asked.query.as_ref().filter(|_| page == path);
    query.map_or_else(|| page.to_owned(), |query| format!("{page}?{query}"))
}

fn who(visit: &Visit<'_>) -> Markup {
    let place = visit.actor.municipality().ok().and_then(municipality::find);
    html! {
        p.who {
            @if let Some(role) = visit.actor.role() { span.role { (visit.say(&words::role(role))) } " " }
            @if let Some(place) = place { strong { (visit.either(place.name, place.romaji)) } " " }
            @if visit.actor.holder().is_none() { span.name { (visit.actor.name()) } }
        }
    }
}

fn navigation(visit: &Visit<'_>) -> Markup {
    let mut links = vec![("/console/", visit.either("ホーム", "Home"))];
    if visit.acts() {
        links.push(("/console/new", visit.either("新規発行", "New holder")));
        links.push(("/console/applications", visit.either("申請一覧", "Applications")));
    }
    if visit.actor.holder().is_some() {
        links.extend(own::LINKS.map(|(path, ja, en)| (path, visit.either(ja, en))));
    }
    if visit.actor.oversees() {
        links.push(("/console/audit", visit.either("監査記録", "Audit")));
    }
    html! {
        nav aria-label=(visit.either("主なページ", "Main pages")) {
            ul { @for (path, label) in links {
                li { a href=(path) aria-current=[(visit.asked.path == path).then_some("page")] { (label) } }
            } }
        }
    }
}

/// The heading of a page.
pub(super) fn heading(visit: &Visit<'_>, title: &Say) -> Markup {
    html! { h1 { (both(visit.language, title)) } }
}

/// A day by both calendars.
pub(super) fn day(visit: &Visit<'_>, day: Day) -> Markup {
    html! {
        time datetime=(day) {
            @match visit.language {
                Language::Japanese => { (in_japanese(day)) }
                Language::English => { (day) " " span.beside lang="ja" { (in_japanese(day).split('（').next().unwrap_or_default()) } }
            }
        }
    }
}

/// An instant: the day in Japan, and the time of day there.
pub(super) fn instant(visit: &Visit<'_>, at: UnixTime) -> Markup {
    let local = (at.seconds() + 9 * 3600).rem_euclid(86_400);
    html! { (day(visit, day_of(at))) " " (format!("{:02}:{:02}", local / 3600, local / 60 % 60)) }
}

/// A state, with a mark that does not depend on colour.
pub(super) fn state(visit: &Visit<'_>, state: CertificateState) -> Markup {
    let mark = match state {
        CertificateState::Live => "●",
        CertificateState::Held => "■",
        CertificateState::Revoked => "✕",
        CertificateState::Expired | CertificateState::Reserved => "○",
    };
    html! { span.state.(state.word()) { span aria-hidden="true" { (mark) } " " (visit.say(&words::state(state))) } }
}

/// What was refused, why, and what to do next.
pub(super) fn trouble(visit: &Visit<'_>, trouble: &Trouble) -> Markup {
    trouble_in(visit.language, trouble)
}

pub(super) fn trouble_in(language: Language, trouble: &Trouble) -> Markup {
    let japanese = language == Language::Japanese;
    let fault = words::fault(trouble.status).filter(|_| trouble.rule.is_none() && trouble.says_ja.is_none());
    let own = fault.as_ref().map(|fault| fault.in_language(language));
    let title = own.or(trouble.says_ja.as_deref().filter(|_| japanese));
    let way = if japanese { trouble.way_ja.as_ref() } else { trouble.way.as_ref() };
    let earliest = trouble.earliest.as_deref().and_then(|day| date::read(day).ok());
    html! {
        section.trouble role="alert" {
            h2 lang=[(japanese && title.is_none()).then_some("en")] { (title.unwrap_or(&trouble.title)) }
            p.detail lang=[(japanese && trouble.detail_ja.is_none()).then_some("en")] {
                (trouble.detail_ja.as_deref().filter(|_| japanese).unwrap_or(&trouble.detail))
            }
            @if let Some(way) = way { p.way { strong { (if japanese { "次にすること：" } else { "What to do: " }) } (way) } }
            @if let Some(day) = earliest {
                p.earliest { strong { (if japanese { "できるようになる日：" } else { "Possible from: " }) }
                    time datetime=(day) { (in_japanese(day)) @if !japanese { " " (day) } } }
            }
            @if let Some(rule) = &trouble.rule {
                p.rule { (if japanese { "規則 " } else { "Rule " }) code { (rule) }
                    @if let Some(article) = trouble.article.as_ref().filter(|article| *article != "-") { " · " span lang="ja" { (article) } } }
            }
        }
    }
}

/// What is wrong with the fields, above them, each with a link to its field.
pub(super) fn what_is_wrong(visit: &Visit<'_>, form: &Form) -> Markup {
    html! {
        @if form.is_wrong() {
            section.trouble role="alert" {
                h2 { (visit.either("入力内容を確認してください", "Please check what you typed")) }
                ul { @for (name, say) in form.what_is_wrong() { li { a href={ "#" (name) } { (visit.say(say)) } } } }
                @if form.my_number_in().is_some() {
                    p { (visit.either("個人番号は受け取りません（T-10）", "No 個人番号 is taken (T-10)")) }
                }
            }
        }
        @if visit.ended {
            section.trouble role="alert" {
                h2 { (visit.either("しばらく操作がなかったため、まだ送信していません", "Nothing was sent: the page had rested too long")) }
                p { (visit.either("入力内容は残っています。確認して、もう一度送信してください。", "What you typed is still here. Look through it and send it again.")) }
            }
        }
    }
}

/// Rows of a name and what stands for it.
pub(super) fn facts(rows: &[(Markup, Markup)]) -> Markup {
    html! { dl.facts { @for (name, value) in rows { div { dt { (name) } dd { (value) } } } } }
}
