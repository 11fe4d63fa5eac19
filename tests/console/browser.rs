//! A browser without eyes.

use std::{cell::RefCell, collections::BTreeMap};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{HeaderMap, Request};
use jitsuin::{http::client::Client, ports::Role};

use crate::house::{Credential, Open, request};

/// A page as it came.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// Where it is, after what was followed.
    pub(crate) path: String,
}

/// A form as it stands in a page.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) fields: BTreeMap<String, String>,
}

impl Form {
    pub(crate) fn with(mut self, fields: &[(&str, &str)]) -> Self {
        self.fields.extend(fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
        self
    }
}

pub(crate) struct Browser<'a> {
    origin: &'a str,
    client: Client,
    pub(crate) credential: Credential,
    cookies: RefCell<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(open: &'a Open, role: Role, name: &str) -> Self {
        Self::at((open, &open.url), open.house.admit(role, name))
    }

    /// Of a person with the card in its reader.
    pub(crate) fn at_home(open: &'a Open, card: Credential) -> Self {
        Self::at((open, &open.holders), card)
    }

    fn at((open, origin): (&'a Open, &'a str), credential: Credential) -> Self {
        Self { origin, client: open.client_of(&credential), credential, cookies: RefCell::default() }
    }

    pub(crate) fn suginami(open: &'a Open) -> Self {
        Self::new(open, Role::Municipality, "13115")
    }

    pub(crate) fn forget_cookies(&self) {
        self.cookies.borrow_mut().clear();
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        let mut page = self.exchange(path, None, &[]).await;
        for _ in 0..5 {
            let Some(next) = page.headers.get("location") else { break };
            let next = next.to_str().unwrap().to_owned();
            page = self.exchange(&next, None, &[]).await;
        }
        page
    }

    /// Sends a form and follows.
    pub(crate) async fn send(&self, form: &Form) -> Page {
        let page = self.send_as(form, &[]).await;
        match page.headers.get("location") {
            Some(next) => self.get(next.to_str().unwrap()).await,
            None => page,
        }
    }

    /// Sends a form with these headers and does not follow.
    pub(crate) async fn send_as(&self, form: &Form, headers: &[(&str, &str)]) -> Page {
        let pairs: Vec<_> =
            form.fields.iter().map(|(name, text)| format!("{}={}", encoded(name), encoded(text))).collect();
        self.exchange(&form.action, Some(pairs.join("&")), headers).await
    }

    async fn exchange(&self, path: &str, form: Option<String>, headers: &[(&str, &str)]) -> Page {
        let mut request = Request::builder().uri(format!("{}{path}", self.origin)).method(if form.is_some() {
            "POST"
        } else {
            "GET"
        });
        let cookies: Vec<_> = self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        if form.is_some() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::new(Bytes::from(form.unwrap_or_default()));
        let answer = self.client.send(request.body(body).unwrap()).await.unwrap();
        for cookie in answer.headers.get_all("set-cookie") {
            let (pair, _) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
        }
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        // On a Japanese page the case is told in Japanese, whatever was refused.
        let english = text.contains("<html lang=\"ja\"") && text.contains("class=\"detail\" lang=\"en\"");
        assert!(!english, "a refusal in English on {path}:\n{text}");
        Page { status: answer.status.as_u16(), headers: answer.headers, text, path: path.to_owned() }
    }

    /// Issues the pair of a new holder by hand and gives the page of the receipt.
    pub(crate) async fn issue(&self, number: u32) -> Page {
        let form = self.get("/console/new").await.form("/console/new");
        self.send(&form.with(&new_holder(number)).with(&[("auth", &request()), ("sign", &request())])).await
    }
}

/// What a clerk types of a new holder.
pub(crate) fn new_holder(number: u32) -> [(&'static str, &'static str); 7] {
    let names = [("TEST-000001", "CARD-000001"), ("TEST-000002", "CARD-000002"), ("TEST-000003", "CARD-000003")];
    let (reference, card) = names[number as usize - 1];
    [
        ("reference", reference),
        ("birth", "昭和５５年２月１７日"),
        ("card", card),
        ("card_issue_day", "R8.11.1"),
        ("name", "実印 太郎"),
        ("address", "東京都杉並区阿佐谷南1-15-1"),
        ("sex", "1"),
    ]
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut text, octet| {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => text.push(char::from(octet)),
            b' ' => text.push('+'),
            other => text.push_str(&format!("%{other:02X}")),
        }
        text
    })
}

impl Page {
    /// The form that goes to that path: its hidden fields, typed texts and chosen words.
    pub(crate) fn form(&self, to: &str) -> Form {
        let forms = self.text.split("<form").skip(1).map(|form| form.split("</form>").next().unwrap());
        let found = forms.into_iter().find(|form| attribute(form, "action").starts_with(to));
        Self::read(found.unwrap_or_else(|| panic!("no form to {to} in {}", self.text)))
    }

    /// The form of an application's event.
    pub(crate) fn event(&self, event: &str) -> Form {
        let forms = self.text.split("<form").skip(1).map(|form| form.split("</form>").next().unwrap());
        let named = format!("value=\"{event}\"");
        Self::read(
            forms
                .into_iter()
                .find(|form| form.contains(&named))
                .unwrap_or_else(|| panic!("no {event} in {}", self.text)),
        )
    }

    fn read(form: &str) -> Form {
        let mut fields = BTreeMap::new();
        for input in form.split("<input").skip(1) {
            let input = input.split('>').next().unwrap();
            let box_not_ticked = input.contains("checkbox") && !input.contains(" checked");
            if !box_not_ticked {
                fields.insert(attribute(input, "name"), attribute(input, "value"));
            }
        }
        for area in form.split("<textarea").skip(1) {
            let text = area.split_once('>').unwrap().1.split("</textarea>").next().unwrap();
            fields.insert(attribute(area, "name"), plain(text.strip_prefix('\n').unwrap_or(text)));
        }
        for select in form.split("<select").skip(1) {
            let options: Vec<_> = select.split("</select>").next().unwrap().split("<option").skip(1).collect();
            let chosen = options.iter().find(|option| option.contains(" selected")).or(options.first()).unwrap();
            fields.insert(attribute(select, "name"), attribute(chosen, "value"));
        }
        Form { action: attribute(form, "action"), fields }
    }

    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.text.contains(text), "`{text}` is not on {} ({}):\n{}", self.path, self.status, self.text);
        self
    }

    pub(crate) fn says_nothing_of(&self, text: &str) -> &Self {
        assert!(!self.text.contains(text), "`{text}` is on {} ({}):\n{}", self.path, self.status, self.text);
        self
    }

    pub(crate) fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}\n{}", self.path, self.text);
        self
    }
}

fn attribute(tag: &str, name: &str) -> String {
    let begin = format!(" {name}=\"");
    let tag = tag.split('>').next().unwrap();
    tag.split_once(&begin).map(|(_, rest)| plain(rest.split('"').next().unwrap())).unwrap_or_default()
}

fn plain(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}
