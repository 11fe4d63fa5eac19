//! Reading what a client sent, strictly: one JSON value, no field twice, none unknown, never a 個人番号.

use std::{cell::Cell, collections::HashSet, fmt};

use hyper::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use ring::digest as sha2;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor},
};

use super::{
    call::Stop,
    my_number::{has_my_number, is_my_number},
};
use crate::{http::problem::Problem, limits::IDEMPOTENCY_KEY_OCTETS, ports::NotAnIdentifier, rules::Refusal};

/// A body without content: `{}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Empty {}

/// The fields that are lists; all others are objects or plain values.
const LISTS: [&str; 9] =
    ["approvals", "documents", "events", "kinds", "lines", "proof", "purposes", "queries", "scopes"];

/// The fields with a digit a character of a text, `0` or `1` (N-05).
const FLAGS: [&str; 2] = ["address_flags", "name_flags"];

const MY_NUMBER_JA: &str =
    "個人番号（マイナンバー）と思われる番号が含まれています。このサービスは個人番号を受け取りません。";

/// Reads an inspected body.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Stop> {
    serde_json::from_slice(body).map_err(|error| Problem::from(unreadable(&error)).into())
}

/// The refusal of JSON that is not what the route takes: `T-10` for what looks like a 個人番号, else `T-01`.
pub(super) fn unreadable(error: &serde_json::Error) -> Refusal {
    let detail = error.to_string();
    if detail.contains(&NotAnIdentifier::MyNumber.to_string()) {
        Refusal::new("T-10", detail).with_ja(MY_NUMBER_JA)
    } else {
        Refusal::new("T-01", detail).with_ja("項目の値または形式が正しくありません。")
    }
}

/// Looks through a whole body before anything is made of it.
///
/// # Errors
/// `T-10` for a 個人番号 by any of its names, or by its looks, at any depth, whatever else is wrong; `T-01` for what is not one JSON value,
/// has a field twice, or a list where none belongs: serde would take it for an object, field by field.
pub fn inspect(body: &[u8]) -> Result<(), Problem> {
    let found = Found::default();
    let look = Look { found: &found, may_list: false, flags: false };
    let mut input = serde_json::Deserializer::from_slice(body);
    let seen = look.deserialize(&mut input).and_then(|()| input.end());
    if found.my_number.get() {
        let detail = "the request has a 個人番号, or a field for one; this service never takes one: leave it out and do not log it";
        return Err(Problem::refused("T-10", detail).with_ja(MY_NUMBER_JA));
    }
    seen.map_err(|error| Problem::refused("T-01", error.to_string()))?;
    match (found.doubled.get(), found.listed.get()) {
        (true, _) => Err(Problem::refused("T-01", "a field is there twice")),
        (_, true) => Err(Problem::refused("T-01", "there is a list where an object or a value belongs")),
        (false, false) => Ok(()),
    }
}

/// What a look through a body found.
#[derive(Default)]
struct Found {
    my_number: Cell<bool>,
    doubled: Cell<bool>,
    listed: Cell<bool>,
}

/// Walks a JSON value and keeps nothing of it but what it found.
#[derive(Clone, Copy)]
struct Look<'a> {
    found: &'a Found,
    may_list: bool,
    /// Substitution flags (N-05): of a text of twelve characters they are twelve digits.
    flags: bool,
}

impl Look<'_> {
    fn look_at(self, text: &str) {
        let flags = self.flags && text.bytes().all(|flag| matches!(flag, b'0' | b'1'));
        if !flags && has_my_number(text) {
            self.found.my_number.set(true);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.look_at(&number.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.look_at(text);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if !self.may_list {
            self.found.listed.set(true);
        }
        while items.next_element_seed(Self { may_list: false, flags: false, ..self })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = fields.next_key::<String>()? {
            if is_my_number(&name) {
                self.found.my_number.set(true);
            }
            let (may_list, flags) = (LISTS.contains(&name.as_str()), FLAGS.contains(&name.as_str()));
            fields.next_value_seed(Self { may_list, flags, ..self })?;
            if !names.insert(name) {
                self.found.doubled.set(true);
            }
        }
        Ok(())
    }
}

/// Checks that the body says it is JSON, in UTF-8, as it is.
///
/// # Errors
/// `T-02`.
pub(super) fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let only = types.next().filter(|_| types.next().is_none());
    let json = only.and_then(|value| value.to_str().ok()).is_some_and(|value| {
        let mut parts = value.split(';').map(str::trim);
        let essence = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
        let utf_8 = |part: &str| part.is_empty() || part.replace('"', "").eq_ignore_ascii_case("charset=utf-8");
        essence && parts.all(utf_8)
    });
    if !json {
        return Err(Problem::refused("T-02", "send Content-Type: application/json"));
    }
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(Problem::refused("T-02", "send the body without Content-Encoding"));
    }
    Ok(())
}

/// The `Idempotency-Key`: one header of visible ASCII characters. Its quotes, if any, are part of it.
///
/// # Errors
/// `T-07` (400).
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else {
        return Err(Problem::idempotency_key("every POST needs an Idempotency-Key: a fresh random text for each act"));
    };
    // What is no text has not the form of a key either.
    let key = value.to_str().ok().filter(|_| values.next().is_none());
    checked_key(key.unwrap_or_default())
}

/// The same, of a key that did not come in a header.
///
/// # Errors
/// `T-07` (400).
pub(super) fn checked_key(key: &str) -> Result<String, Problem> {
    let fits = (1..=IDEMPOTENCY_KEY_OCTETS).contains(&key.len()) && key.bytes().all(|octet| octet.is_ascii_graphic());
    let form = || {
        Problem::idempotency_key("the Idempotency-Key has 1 to 128 visible ASCII characters, once")
            .with_ja("送信番号の形式が正しくありません。画面を開き直してください。")
    };
    fits.then(|| key.to_owned()).ok_or_else(form)
}

/// SHA-256 over the parts, each with its length before it (8 octets, big-endian).
pub(super) fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = sha2::Context::new(&sha2::SHA256);
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.finish().as_ref());
    digest
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn rule(body: &str) -> Option<String> {
        inspect(body.as_bytes()).err().map(|problem| problem.rule().unwrap().to_owned())
    }

    #[test]
    fn a_my_number_is_found_under_every_name_at_every_depth() {
        for name in [
            "my_number",
            "MyNumber",
            "MY-NUMBER",
            "mynumber",
            "individual_number",
            "Kojin-Bango",
            "個人番号",
            "マイナンバー",
        ] {
            for body in [
                format!(r#"{{"{name}":"1"}}"#),
                format!(r#"{{"a":[{{"b":{{"{name}":null}}}}]}}"#),
                // Whatever else is wrong with it.
                format!(r#"{{"x":1,"x":2,"{name}":123"#),
            ] {
                assert_eq!(rule(&body).as_deref(), Some("T-10"), "{body}");
            }
        }
        assert_eq!(rule(r#"{"m\u0079_number":1}"#).as_deref(), Some("T-10"), "escapes hide nothing");
    }

    #[test]
    fn a_my_number_is_found_by_its_looks_too() {
        for text in [
            "123456789012",
            "１２３４５６７８９０１２",
            "1234-5678-9012",
            "1234 5678 9012",
            "１２３４　５６７８　９０１２",
            "1234 - 5678 - 9012",
            "1234-5678 -9012",
            "No-1234-5678-9012",
            "REF-123456789012",
            "a716-446655440000",
            "番号は123456789012です",
            "No 123456789012.",
            "2026/11/22 1234 5678 9012",
            "2026/11/22 1234-5678 -9012",
            "2026 1234-5678-9012",
            "番号 2026 123456789012",
            "1234-5678-9012 3456-7890-1234",
            "1234-5678-9012,3456-7890-1234",
            "3456,1234-5678-9012",
            "123456789012,234567890123",
            "1234,5678,9012",
            "１２３４，５６７８，９０１２",
            "番号 123,456,789,012",
        ] {
            let body = serde_json::json!({"a": {"reason": text}}).to_string();
            assert_eq!(rule(&body).as_deref(), Some("T-10"), "{body}");
        }
        assert_eq!(rule(r#"{"number":123456789012}"#).as_deref(), Some("T-10"));
        for text in [
            "",
            "12345678901",
            "1234567890123",
            "CARD123456789012",
            "ab/123456789012+cd==",
            "0120-95-0178",
            "2026-11-22 0001",
            "2026-00012345",
            "2026-0001-2345-6789",
            "2026-123456789012",
            "12345678-1234-4123-8123-123456789012",
            "東京都杉並区試験町１丁目２番３号　１０２",
            "1234 5678 9012 3456",
            "1234 - 5678 - 9012 - 3456",
            "カード 1234-5678-9012-3456 の件",
            "１２３４　５６７８　９０１２　３４５６",
            "番号 2026-123456789012",
            "1234,5678,9012,3456",
            "123,456,789,012,345",
            "1,123,456,789,012",
            "2024、2025、2026年",
            "2024, 2025, 2026",
            "123 456 789 012",
        ] {
            assert_eq!(rule(&serde_json::json!({"reason": text}).to_string()), None, "{text}");
        }
    }

    #[test]
    fn n_05_the_flags_of_twelve_characters_are_no_my_number() {
        for name in ["name_flags", "address_flags"] {
            let body = |flags: &str| serde_json::json!({"facts": { (name): flags }}).to_string();
            assert_eq!(rule(&body("000000000000")), None);
            assert_eq!(rule(&body("010000000001")), None);
            assert_eq!(rule(&body("123456789012")).as_deref(), Some("T-10"), "{name}");
        }
        assert_eq!(rule(r#"{"address":"000000000000"}"#).as_deref(), Some("T-10"));
    }

    #[test]
    fn other_names_and_values_are_nobody_s_my_number() {
        for body in
            [r#"{"number":"my_number"}"#, r#"{"card":{"number":1}}"#, r#"{"kinds":["個人番号"]}"#, "{}", " null "]
        {
            assert_eq!(rule(body), None, "{body}");
        }
    }

    #[test]
    fn what_is_not_one_json_value_without_doubles_is_refused() {
        for body in [
            "",
            "{",
            "{}{}",
            "{\"a\":1,}",
            "{'a':1}",
            "\u{feff}{}",
            "NaN",
            r#"{"a":1,"a":1}"#,
            r#"[{"a":{"b":1,"b":2}}]"#,
        ] {
            assert_eq!(rule(body).as_deref(), Some("T-01"), "{body}");
        }
        for body in ["[]", r#"{"holder":["TEST-1"]}"#, r#"{"kinds":[["sign"]]}"#, r#"{"kinds":{"kinds":1,"a":[]}}"#] {
            assert_eq!(rule(body).as_deref(), Some("T-01"), "{body}");
        }
        assert_eq!(inspect(b"{\"a\":\"\xff\"}").unwrap_err().rule(), Some("T-01"));
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(rule(&deep).as_deref(), Some("T-01"), "depth is bounded");
    }

    #[test]
    fn json_must_be_called_json() {
        let with = |value: &str| HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_str(value).unwrap())]);
        for good in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            assert!(is_json(&with(good)).is_ok(), "{good}");
        }
        for bad in ["", "text/plain", "application/jsonp", "application/json; charset=shift_jis", "application/x+json"]
        {
            assert!(is_json(&with(bad)).is_err(), "{bad}");
        }
        assert!(is_json(&HeaderMap::new()).is_err());
        let mut packed = with("application/json");
        packed.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(is_json(&packed).is_err());
    }

    #[test]
    fn an_idempotency_key_is_one_short_visible_text() {
        let with = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            values.iter().for_each(|value| {
                headers.append("idempotency-key", HeaderValue::from_bytes(value.as_bytes()).unwrap());
            });
            idempotency_key(&headers).ok()
        };
        let long = "k".repeat(128);
        assert_eq!(with(&["8e03978e-40d5"]).as_deref(), Some("8e03978e-40d5"));
        assert_eq!(with(&[&long]).as_deref(), Some(long.as_str()));
        for bad in [&[][..], &[""], &["a b"], &["鍵"], &["a", "a"], &[&"k".repeat(129)]] {
            assert_eq!(with(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_digest_tells_apart_what_is_cut_elsewhere() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_eq!(digest(&[b"ab", b"c"]), digest(&[b"ab", b"c"]));
    }
}
