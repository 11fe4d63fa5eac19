//! A form: what was typed, what is wrong with it, and how a field looks.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde::de::DeserializeOwned;

use super::{
    Interface, date,
    visit::Visit,
    words::{Language, Say},
};
use crate::rules::{Day, era::in_japanese};

/// What was typed, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Form {
    typed: BTreeMap<String, String>,
    wrong: BTreeMap<&'static str, Say>,
}

/// Reads `application/x-www-form-urlencoded`; nothing for what is not UTF-8, or has a field twice.
pub(super) fn decode_pairs(octets: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut pairs = BTreeMap::new();
    for piece in octets.split(|octet| *octet == b'&').filter(|piece| !piece.is_empty()) {
        let equals = piece.iter().position(|octet| *octet == b'=');
        let (name, value) = equals.map_or((piece, &piece[..0]), |at| (&piece[..at], &piece[at + 1..]));
        if pairs.insert(decode(name)?, decode(value)?).is_some() {
            return None;
        }
    }
    Some(pairs)
}

fn decode(octets: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(octets.len());
    let mut rest = octets.iter();
    while let Some(octet) = rest.next() {
        decoded.push(match octet {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(*rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high << 4 | low).ok()?
            }
            other => *other,
        });
    }
    String::from_utf8(decoded).ok().map(|text| text.replace("\r\n", "\n"))
}

/// A text as the value of a parameter.
pub(super) fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, octet| {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => encoded.push(char::from(octet)),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
        encoded
    })
}

impl Form {
    pub(super) fn new(typed: BTreeMap<String, String>) -> Self {
        Self { typed, wrong: BTreeMap::new() }
    }

    /// Forgets what looks like a 個人番号, and says so at the field: it is not even shown again. Requests for certificates and
    /// signed messages are base64, in which digits are no number.
    pub(super) fn without_my_number(mut self, interface: &dyn Interface) -> Self {
        // Nothing that is signed is as short as a number that was typed into the wrong field.
        let is_long = |text: &str| text.len() > 64;
        let plain = |name: &str, text: &str| match name {
            "token" => false,
            "auth" | "sign" | "cms" => !is_long(text),
            _ => true,
        };
        let found: Vec<_> = self
            .typed
            .iter()
            .filter(|(name, text)| plain(name, text) && interface.has_my_number(text))
            .map(|(name, _)| name.clone())
            .collect();
        for name in found {
            self.typed.remove(&name);
            self.typed.insert("my-number".into(), name);
        }
        self
    }

    /// The field in which a 個人番号 was.
    pub(super) fn my_number_in(&self) -> Option<&str> {
        self.typed.get("my-number").map(String::as_str)
    }

    /// As it was typed.
    pub(super) fn text(&self, name: &str) -> &str {
        self.typed.get(name).map_or("", String::as_str)
    }

    /// Whether a box is ticked.
    pub(super) fn ticked(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }

    /// Fills in what was not typed.
    pub(super) fn fill(&mut self, name: &str, text: impl Into<String>) {
        self.typed.entry(name.to_owned()).or_insert_with(|| text.into());
    }

    pub(super) fn is_wrong(&self) -> bool {
        !self.wrong.is_empty() || self.my_number_in().is_some()
    }

    pub(super) fn wrong(&mut self, name: &'static str, say: Say) {
        self.wrong.entry(name).or_insert(say);
    }

    pub(super) fn what_is_wrong(&self) -> impl Iterator<Item = (&'static str, &Say)> {
        self.wrong.iter().map(|(name, say)| (*name, say))
    }

    /// A text that has to be there, at most so long, without the spaces around it.
    pub(super) fn needed(&mut self, name: &'static str, longest: usize) -> String {
        let text = self.text(name).trim().to_owned();
        if self.my_number_in() == Some(name) {
            self.wrong(name, my_number());
        } else if text.is_empty() {
            self.wrong(name, Say::new("入力してください", "fill this in"));
        } else if text.chars().count() > longest {
            self.wrong(name, Say::new(format!("{longest}文字までです"), format!("at most {longest} characters")));
        }
        text
    }

    /// A reference or a number, in any width.
    pub(super) fn identifier(&mut self, name: &'static str) -> String {
        let text = date::folded(&self.needed(name, 64));
        let fits = text.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
        if !fits {
            self.wrong(name, Say::new("英数字とハイフンで入力してください", "letters A to Z, digits and hyphens only"));
        }
        text
    }

    /// That who fills it in has looked at card and person: nothing but the word of the choice says so.
    pub(super) fn confirmed(&mut self) {
        if !self.needed("confirmed", 3).is_empty() && self.text("confirmed") != "yes" {
            self.wrong("confirmed", Say::new("選択肢から選んでください", "choose one of these"));
        }
    }

    /// The one of several that was chosen; what no choice offers is told at the field, and nothing is taken for it.
    pub(super) fn chosen<T: DeserializeOwned>(&mut self, name: &'static str) -> Option<T> {
        let chosen = serde_json::from_value(self.text(name).into()).ok();
        if chosen.is_none() {
            self.wrong(name, Say::new("選択肢から選んでください", "choose one of these"));
        }
        chosen
    }

    /// The same, of those that the form offers: what the interface takes besides is not done by this form.
    pub(super) fn one_of<T: DeserializeOwned + PartialEq>(&mut self, name: &'static str, offered: &[T]) -> Option<T> {
        let chosen = self.chosen(name).filter(|chosen| offered.contains(chosen));
        if chosen.is_none() {
            self.wrong(name, Say::new("選択肢から選んでください", "choose one of these"));
        }
        chosen
    }

    /// A date that has to be there.
    pub(super) fn date(&mut self, name: &'static str) -> Option<Day> {
        if self.needed(name, 40).is_empty() {
            return None;
        }
        self.date_if_any(name)
    }

    /// A date that may be left out.
    pub(super) fn date_if_any(&mut self, name: &'static str) -> Option<Day> {
        let text = self.text(name).trim();
        if text.is_empty() {
            return None;
        }
        match date::read(text) {
            Ok(day) => Some(day),
            Err(say) => {
                self.wrong(name, say);
                None
            }
        }
    }
}

fn my_number() -> Say {
    Say::new(
        "個人番号（マイナンバー）のように見えます。このサービスは個人番号を受け取りません。入力内容は破棄しました",
        "this looks like a 個人番号 (My Number), which this service never takes; what was typed here was thrown away",
    )
}

/// A field with its label and a word of help.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) name: &'static str,
    pub(super) label: &'a Say,
    pub(super) help: Option<&'a Say>,
    pub(super) longest: usize,
}

impl<'a> Field<'a> {
    pub(super) const fn new(name: &'static str, label: &'a Say) -> Self {
        Self { name, label, help: None, longest: 64 }
    }

    pub(super) const fn help(self, help: &'a Say) -> Self {
        Self { help: Some(help), ..self }
    }

    pub(super) const fn longest(self, longest: usize) -> Self {
        Self { longest, ..self }
    }

    /// A line of text.
    pub(super) fn line(self, visit: &Visit<'_>, form: &Form) -> Markup {
        self.around(visit, form, &html! {
            input id=(self.name) name=(self.name) value=(form.text(self.name)) maxlength=(self.longest) autocomplete="off"
                aria-describedby=[self.described(form)] aria-invalid=[self.invalid(form)];
        })
    }

    /// A date, with the other calendar beside it.
    pub(super) fn date(self, visit: &Visit<'_>, form: &Form) -> Markup {
        let read = date::read(form.text(self.name)).ok();
        self.around(visit, form, &html! {
            input.date id=(self.name) name=(self.name) value=(form.text(self.name)) maxlength="40" autocomplete="off"
                aria-describedby=[self.described(form)] aria-invalid=[self.invalid(form)];
            @if let Some(day) = read { output.read for=(self.name) { (in_japanese(day)) " " (day) } }
        })
    }

    /// Lines of text.
    pub(super) fn lines(self, visit: &Visit<'_>, form: &Form, rows: u8) -> Markup {
        self.around(visit, form, &html! {
            textarea id=(self.name) name=(self.name) rows=(rows) maxlength=(self.longest) spellcheck="false" autocomplete="off"
                aria-describedby=[self.described(form)] aria-invalid=[self.invalid(form)] {
                // A textarea swallows the first line feed.
                "\n" (form.text(self.name))
            }
        })
    }

    /// Lines of text that a file may fill, where there is script.
    pub(super) fn file(self, visit: &Visit<'_>, form: &Form) -> Markup {
        let large = visit.either("このファイルは大きすぎます", "This file is too large");
        let choose = format!("{} {}", visit.either("ファイルから", "From a file:"), visit.say(self.label));
        self.around(visit, form, &html! {
            textarea id=(self.name) name=(self.name) rows="4" maxlength=(self.longest) spellcheck="false" autocomplete="off"
                data-file=(choose) data-large=(large) aria-describedby=[self.described(form)] aria-invalid=[self.invalid(form)] {
                "\n" (form.text(self.name))
            }
        })
    }

    /// One of several.
    pub(super) fn choice(self, visit: &Visit<'_>, form: &Form, choices: &[(String, Say)]) -> Markup {
        self.around(visit, form, &html! {
            select id=(self.name) name=(self.name) aria-describedby=[self.described(form)] aria-invalid=[self.invalid(form)] {
                @for (value, say) in choices {
                    option value=(value) selected[form.text(self.name) == value] { (visit.say(say)) }
                }
            }
        })
    }

    fn described(&self, form: &Form) -> Option<String> {
        let ids = [
            self.help.map(|_| format!("{}-help", self.name)),
            self.error(form).map(|_| format!("{}-error", self.name)),
        ];
        let ids: Vec<_> = ids.into_iter().flatten().collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    fn invalid(&self, form: &Form) -> Option<&'static str> {
        self.error(form).map(|_| "true")
    }

    fn error(&self, form: &Form) -> Option<Say> {
        if form.my_number_in() == Some(self.name) {
            return Some(my_number());
        }
        form.wrong.get(self.name).cloned()
    }

    fn around(&self, visit: &Visit<'_>, form: &Form, control: &Markup) -> Markup {
        html! {
            div.field.wrong[self.error(form).is_some()] {
                label for=(self.name) { (both(visit.language, self.label)) }
                @if let Some(help) = self.help { p.help id={ (self.name) "-help" } { (visit.say(help)) } }
                @if let Some(error) = self.error(form) { p.error id={ (self.name) "-error" } { (visit.say(&error)) } }
                (control)
            }
        }
    }
}

/// A box to tick.
pub(super) fn tick(visit: &Visit<'_>, form: &Form, name: &str, label: &Say) -> Markup {
    html! {
        label.tick {
            input type="checkbox" name=(name) value="1" checked[form.ticked(name)];
            span { (both(visit.language, label)) }
        }
    }
}

/// The word, and that of the other language beside it.
pub(super) fn both(language: Language, say: &Say) -> Markup {
    html! {
        (say.in_language(language)) " "
        span.beside lang=(language.other().tag()) { (say.in_language(language.other())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_with_its_escapes_and_each_field_once() {
        let read = decode_pairs("a=%E5%AE%9F+1&b=&c=x%0D%0Ay&d".as_bytes()).unwrap();
        let expected = [("a", "実 1"), ("b", ""), ("c", "x\ny"), ("d", "")];
        assert!(read.iter().map(|(name, text)| (name.as_str(), text.as_str())).eq(expected), "{read:?}");
        for bad in ["a=1&a=2", "a=%", "a=%4", "a=%zz", "a=%ff", "%ff=1", "a=1&%61=2"] {
            assert_eq!(decode_pairs(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(decode_pairs(b""), Some(BTreeMap::new()));
        let text = "/console/?a=実 1&b=%25+";
        assert_eq!(decode_pairs(format!("to={}", encode(text)).as_bytes()).unwrap()["to"], text);
    }
}
