//! One request on its way: whose, in which language, under which session; and which page a path is.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use maud::{Markup, html};

use super::{
    Answer, Asked, Interface, Trouble, application, chain, exception,
    form::{Form, decode_pairs},
    holder, home, letter, lists, own, page, party, receipt,
    session::{COOKIE, HOLDER_COOKIE, Session, Sessions, Trust},
    task, telephone, today,
    words::{Language, Say},
};
use crate::{
    authority::{Actor, Authority, StoryError},
    ports::{CardNumber, HolderReference, NotAnIdentifier, Role},
    rules::{Day, Refusal, calendar::day_of},
    x509::UnixTime,
};

/// The cookie of the chosen language.
const LANGUAGE: &str = "jitsuin-language";

/// A request of an admitted client.
pub(super) struct Visit<'a> {
    pub(super) asked: &'a Asked,
    pub(super) authority: &'a Authority,
    pub(super) actor: &'a Actor,
    pub(super) interface: &'a dyn Interface,
    pub(super) language: Language,
    pub(super) session: Session,
    pub(super) now: UnixTime,
    /// Whether the form is of a session that has ended: it is shown again, and nothing is done.
    pub(super) ended: bool,
    /// Whether the form was sent for the other language alone: it is shown in it, as far as it is filled in, and nothing is done.
    pub(super) translates: bool,
}

/// How a page can end otherwise than shown.
pub(super) enum Stop {
    Trouble(Box<Trouble>),
    Story(StoryError),
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(Box::new(trouble))
    }
}

impl From<StoryError> for Stop {
    fn from(error: StoryError) -> Self {
        Self::Story(error)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Story(refusal.into())
    }
}

pub(super) type Shown = Result<Answer, Stop>;

impl Visit<'_> {
    pub(super) fn say<'s>(&self, say: &'s Say) -> &'s str {
        say.in_language(self.language)
    }

    /// One of two texts.
    pub(super) fn either<'s>(&self, ja: &'s str, en: &'s str) -> &'s str {
        match self.language {
            Language::Japanese => ja,
            Language::English => en,
        }
    }

    pub(super) fn today(&self) -> Day {
        day_of(self.now)
    }

    /// Whether the actor is a municipality's counter, which acts; operators and auditors look.
    pub(super) fn acts(&self) -> bool {
        self.actor.role() == Some(Role::Municipality)
    }

    /// Parameters of the query.
    pub(super) fn query(&self) -> Form {
        Form::new(decode_pairs(self.asked.query.as_deref().unwrap_or_default().as_bytes()).unwrap_or_default())
    }

    /// What was sent.
    pub(super) fn form(&self) -> Result<Form, Stop> {
        let pairs = decode_pairs(&self.asked.form);
        let pairs = pairs.ok_or_else(|| {
            Refusal::new("T-01", "the form cannot be read: it is not UTF-8, or a field is there twice")
                .with_ja("フォームの内容を読み取れません（文字コードがUTF-8ではないか、同じ項目が重複しています）。")
        })?;
        Ok(Form::new(pairs).without_my_number(self.interface))
    }

    /// A page.
    pub(super) fn page(&self, status: u16, title: &Say, content: &Markup) -> Answer {
        self.framed(status, (title, content), page::Switch::Link)
    }

    /// A page that no address leads back to.
    pub(super) fn once(&self, title: &Say, content: &Markup) -> Answer {
        self.framed(200, (title, content), page::Switch::None)
    }

    /// A page around the form with the identifier `task`: the other language takes along what is typed in it.
    pub(super) fn sheet(&self, status: u16, title: &Say, content: &Markup) -> Answer {
        self.framed(status, (title, content), page::Switch::Form)
    }

    fn framed(&self, status: u16, (title, content): (&Say, &Markup), switch: page::Switch) -> Answer {
        Answer {
            status,
            content_type: "text/html; charset=utf-8",
            location: None,
            cookies: Vec::new(),
            rule: None,
            turned_away: false,
            body: page::whole(Some((self, switch)), self.language, title, content).into_string().into_bytes(),
        }
    }

    pub(super) fn ok(&self, title: &Say, content: &Markup) -> Shown {
        Ok(self.page(200, title, content))
    }

    /// A fresh key for a form.
    pub(super) fn fresh_key(&self) -> Result<String, Stop> {
        let octets = random::<16>(self.authority).map_err(Stop::from)?;
        Ok(format!("console-{}", URL_SAFE_NO_PAD.encode(octets)))
    }
}

/// Sends the browser on, to a path of the console.
pub(super) fn see(path: &str) -> Answer {
    Answer {
        status: 303,
        content_type: "text/plain; charset=utf-8",
        location: Some(path.to_owned()),
        cookies: Vec::new(),
        rule: None,
        turned_away: false,
        body: Vec::new(),
    }
}

pub(super) fn nothing_here() -> Stop {
    Refusal::new("T-09", "there is no such page").with_ja("このページはありません。").into()
}

/// A reference or a number in a path; what has not even the form names nothing that exists.
pub(super) fn named<T>(parsed: Result<T, NotAnIdentifier>) -> Result<T, Stop> {
    parsed.map_err(|error| {
        Refusal::new(if error == NotAnIdentifier::MyNumber { "T-10" } else { "T-09" }, error.to_string())
            .with_ja(if error == NotAnIdentifier::MyNumber {
                "個人番号と思われる番号です。個人番号は入力しないでください。"
            } else {
                "番号の形式が正しくありません。"
            })
            .into()
    })
}

pub(super) fn answer(
    sessions: &Sessions,
    asked: &Asked,
    authority: &Authority,
    (actor, interface): (&Actor, &dyn Interface),
) -> Answer {
    let now = authority.parts().clock.now();
    let name = if actor.holder().is_some() { HOLDER_COOKIE } else { COOKIE };
    let cookie = cookie(asked, name);
    let read = if asked.sends_form { decode_pairs(&asked.form) } else { None };
    let is_readable = read.is_some();
    let typed = read.unwrap_or_default();
    let chosen = typed.get("language").and_then(|tag| Language::from_tag(tag));
    let language = chosen.unwrap_or_else(|| language(asked));
    let Ok(nonce) = random::<16>(authority) else {
        return refuse(asked, &interface.trouble(StoryError::Unavailable("no randomness".into())));
    };
    let session = sessions.enter(cookie, &asked.fingerprint, (now, nonce));
    let mut visit =
        Visit { asked, authority, actor, interface, language, session, now, ended: false, translates: false };
    let forged = is_readable && {
        let token = typed.get("token").map_or("", String::as_str);
        let trust = sessions.trust((cookie, token), &asked.fingerprint, now);
        // A page of before the last start, or whose cookie is gone: what was typed is shown again, where the browser vouches that it was typed here.
        let lapsed = trust == Trust::Forged && is_of_here(asked);
        visit.ended = trust == Trust::Ended || lapsed;
        (trust == Trust::Forged && !lapsed) || !comes_from_here(asked)
    };
    visit.translates = chosen.is_some() && !forged;
    let shown = match asked.sends_form && !is_readable {
        true => visit.form().and_then(|_| Err(nothing_here())),
        false if forged => Err(forgery()),
        false => show(&visit),
    };
    let mut answer = shown.unwrap_or_else(|stop| {
        let trouble = match stop {
            Stop::Trouble(trouble) => *trouble,
            Stop::Story(error) => interface.trouble(error),
        };
        let content = html! { (page::heading(&visit, &not_possible())) (page::trouble(&visit, &trouble)) };
        let mut answer = visit.page(trouble.status, &not_possible(), &content);
        answer.rule.clone_from(&trouble.rule);
        answer
    });
    answer.turned_away = forged;
    if visit.translates {
        answer.cookies.push(language_cookie(language));
    }
    if visit.session.is_new && answer.content_type.starts_with("text/html") {
        answer.cookies.push(format!("{name}={}; Path=/; Secure; HttpOnly; SameSite=Strict", visit.session.cookie));
    }
    answer
}

fn not_possible() -> Say {
    Say::new("できませんでした", "Not possible")
}

/// The page for who is not admitted, who may choose a language all the same.
pub(super) fn refuse(asked: &Asked, trouble: &Trouble) -> Answer {
    let chosen = asked.path.strip_prefix("/console/language/").filter(|_| !asked.sends_form);
    if let Some(answer) = chosen.and_then(|tag| in_other_language(asked, tag)) {
        return answer;
    }
    let language = language(asked);
    let title = not_possible();
    let content = html! { h1 { (title.in_language(language)) } (page::trouble_in(language, trouble)) };
    Answer {
        status: trouble.status,
        content_type: "text/html; charset=utf-8",
        location: None,
        cookies: Vec::new(),
        rule: trouble.rule.clone(),
        turned_away: false,
        body: page::whole(None, language, &title, &content).into_string().into_bytes(),
    }
}

fn show(visit: &Visit<'_>) -> Shown {
    let path = visit.asked.path.strip_prefix("/console").unwrap_or_default();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if let Some(holder) = visit.actor.holder() {
        return own::show(visit, holder, &parts);
    }
    let holder = |text: &str| named(HolderReference::parse(text));
    let card = |text: &str| named(CardNumber::parse(text));
    match (visit.asked.sends_form, parts.as_slice()) {
        (false, []) => home::show(visit),
        (false, ["language", tag]) => choose_language(visit, tag),
        (true, ["find"]) => home::find(visit),
        (_, ["hold"]) => telephone::hold(visit),
        (false, ["holds", key]) => telephone::receipt(visit, key),
        (false, ["find"]) => Ok(see("/console/")),
        (false, ["certificates", kind, serial]) => letter::copy(visit, (kind, serial)),
        (false, ["certificates", kind, serial, "pem"]) => letter::pem(visit, (kind, serial)),
        (false, ["certificates", kind, serial, "letter"]) => letter::ending(visit, (kind, serial)),
        (_, ["new"]) => task::enrol(visit),
        (false, ["holders", reference]) => holder::show(visit, &holder(reference)?),
        (false, ["holders", reference, "receipts", key]) => receipt::show(visit, &holder(reference)?, key),
        (false, ["holders", reference, "cards", number, "today"]) => {
            today::show(visit, (&holder(reference)?, &card(number)?))
        }
        (_, ["holders", reference, "cards", number, task]) => {
            task::of_card(visit, (&holder(reference)?, &card(number)?), task)
        }
        (false, ["applications"]) => application::list(visit),
        (false, ["applications", number]) => application::show(visit, number),
        (true, ["applications", number, "events"]) => application::advance(visit, number),
        (false, ["applications", number, "letter"]) => letter::inquiry(visit, number),
        (false, ["applications", number, "slip"]) => letter::slip(visit, number),
        (false, ["exceptions"]) => exception::list(visit),
        (true, ["exceptions", digest]) => exception::approve(visit, digest),
        (true, ["publish"]) => lists::publish(visit),
        (false, ["samples", file]) => party::sample(visit, file),
        (false, ["audit"]) => chain::audit(visit),
        _ => Err(nothing_here()),
    }
}

pub(super) fn choose_language(visit: &Visit<'_>, tag: &str) -> Shown {
    in_other_language(visit.asked, tag).ok_or_else(nothing_here)
}

fn in_other_language(asked: &Asked, tag: &str) -> Option<Answer> {
    let language = Language::from_tag(tag)?;
    let query = decode_pairs(asked.query.as_deref().unwrap_or_default().as_bytes()).unwrap_or_default();
    let to = query.get("to").map_or("", String::as_str);
    // Only a page of the console: nobody is sent elsewhere by a link that looks like ours, nor up out of it.
    let plain = to.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"/-_.?=&%+".contains(&octet));
    let climbs = to.contains("//") || to.to_ascii_lowercase().replace("%2e", ".").contains("..");
    let mut answer = see(if plain && !climbs && to.starts_with("/console/") { to } else { "/console/" });
    answer.cookies.push(language_cookie(language));
    Some(answer)
}

fn language_cookie(language: Language) -> String {
    format!("{LANGUAGE}={}; Path=/console; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax", language.tag())
}

fn language(asked: &Asked) -> Language {
    Language::of(cookie(asked, LANGUAGE), asked.accept_language.as_deref())
}

/// A cookie by name (RFC 6265 §5.4).
fn cookie<'a>(asked: &'a Asked, name: &str) -> Option<&'a str> {
    let pairs = asked.cookie.as_deref()?.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Whether the browser says that the form was on a page of this host. A client that says nothing of it is judged by the token.
fn comes_from_here(asked: &Asked) -> bool {
    let site = asked.fetch_site.as_deref().is_none_or(|site| matches!(site, "same-origin" | "none"));
    site && asked.origin.as_ref().is_none_or(|origin| Some(origin) == own_origin(asked).as_ref())
}

/// Whether the browser vouches that the form was on a page of this host.
fn is_of_here(asked: &Asked) -> bool {
    let site = asked.fetch_site.as_deref() == Some("same-origin");
    site && asked.origin.is_some() && asked.origin == own_origin(asked)
}

fn own_origin(asked: &Asked) -> Option<String> {
    asked.host.as_ref().map(|host| format!("https://{host}"))
}

fn forgery() -> Stop {
    Refusal::new(
        "T-08",
        "this form is not of a page that was shown to you here; open the page again and send it from there",
    )
    .with_ja("このフォームは、この画面から送信されたものではありません。画面を開き直して送信してください。")
    .into()
}

pub(super) fn random<const N: usize>(authority: &Authority) -> Result<[u8; N], StoryError> {
    let mut octets = [0; N];
    let filled = authority.parts().entropy.fill(&mut octets);
    filled.map(|()| octets).map_err(|error| StoryError::Unavailable(error.to_string()))
}
