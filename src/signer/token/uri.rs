//! The name of a key in a token: a PKCS#11 URI (RFC 7512), read strictly.
//!
//! ```text
//! pkcs11:token=JITSUIN-TEST;object=sign-1?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/jitsuin/pin
//! ```
//!
//! | attribute | what it says | |
//! |---|---|---|
//! | `token` | label of the token | this or `serial` |
//! | `serial` | serial number of the token, where labels repeat | |
//! | `object` | label of the private key (CKA_LABEL) | this or `id` |
//! | `id` | identifier of the private key (CKA_ID), octets as `%0A` | |
//! | `type` | `private`, and nothing else | optional |
//! | `module-path` | the vendor's library: a path from the root | required |
//! | `pin-source` | `file:` and a path from the root: a file that only its owner may read | optional |
//!
//! Why our own reader and not a crate: a URI that is read loosely names another key than was meant. An attribute that we do
//! not look at (`manufacturer`, `model`, `slot-id`, …) is refused, as are repetitions and characters that the RFC wants
//! escaped.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use crate::limits::TOKEN_URI_OCTETS;

/// A private key in a token, and how to get at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenUri {
    text: String,
    module: PathBuf,
    pin_file: Option<PathBuf>,
    token: Option<String>,
    serial: Option<String>,
    object: Option<String>,
    id: Option<Vec<u8>>,
}

/// Why a text names no key in a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// It is something else, such as the name of a file.
    #[error("not a PKCS#11 URI (pkcs11:token=…;object=…?module-path=…)")]
    Scheme,
    /// More octets than any such name needs (`limits::TOKEN_URI_OCTETS`).
    #[error("a PKCS#11 URI has at most {TOKEN_URI_OCTETS} octets")]
    TooLong,
    /// A part without `=`, or without a name.
    #[error("`{0}` is not NAME=VALUE")]
    NotAPair(String),
    /// An attribute that is not known, or not in this half.
    #[error("`{0}` is not known {1}")]
    Unknown(String, &'static str),
    /// The PIN itself; which is not repeated here.
    #[error("pin-value would put the PIN into the configuration: write pin-source=file:/PATH")]
    PinValue,
    /// A name that changes when a slot is plugged.
    #[error("slots change their numbers: name the token by token= or serial=, not by `{0}`")]
    Slot(String),
    /// The same attribute twice.
    #[error("`{0}` is there twice")]
    Twice(&'static str),
    /// An attribute with nothing after `=`.
    #[error("`{0}` is empty")]
    Empty(&'static str),
    /// A character that the RFC wants escaped.
    #[error("in `{0}`, write {1:?} as its octets, each % and two hexadecimal digits (RFC 7512)")]
    Unescaped(&'static str, char),
    /// A percent sign without two hexadecimal digits.
    #[error("in `{0}`, % is not followed by two hexadecimal digits")]
    Escape(&'static str),
    /// Text that is not UTF-8, or has control characters.
    #[error("`{0}` is not text in UTF-8")]
    NotText(&'static str),
    /// A value that no token can have.
    #[error("`{0}` is longer than the {1} octets that a token has for it")]
    LongValue(&'static str, usize),
    /// The key is said to be another kind of object.
    #[error("type is `private`: it is the private key that signs")]
    Type,
    /// A path that depends on where the service is started.
    #[error("`{0}` must be a path from the root")]
    Relative(&'static str),
    /// A PIN from something other than a file.
    #[error("pin-source is `file:` and a path from the root; programs are not run")]
    PinSource,
    /// Something that must be there.
    #[error("{0} is missing")]
    Missing(&'static str),
}

impl TokenUri {
    /// The vendor's library.
    #[must_use]
    pub fn module(&self) -> &Path {
        &self.module
    }

    /// The file with the PIN, if one is named.
    #[must_use]
    pub fn pin_file(&self) -> Option<&Path> {
        self.pin_file.as_deref()
    }

    /// The label of the key.
    #[must_use]
    pub fn object(&self) -> Option<&str> {
        self.object.as_deref()
    }

    /// The identifier of the key.
    #[must_use]
    pub fn id(&self) -> Option<&[u8]> {
        self.id.as_deref()
    }

    /// Whether a token with this label and serial number is the one that is named.
    #[must_use]
    pub fn is_on(&self, label: &str, serial: &str) -> bool {
        self.token.as_deref().is_none_or(|token| token == label)
            && self.serial.as_deref().is_none_or(|number| number == serial)
    }

    /// Whether both name the same private key, as far as can be told without asking the token.
    #[must_use]
    pub fn is_same_key(&self, other: &Self) -> bool {
        let parts = |uri: &Self| (uri.token.clone(), uri.serial.clone(), uri.object.clone(), uri.id.clone());
        self.module == other.module && parts(self) == parts(other)
    }

    /// The token in words.
    pub(super) fn token_words(&self) -> String {
        let label = self.token.as_ref().map(|token| format!("`{token}`"));
        let serial = self.serial.as_ref().map(|serial| format!("with serial number {serial}"));
        [label, serial].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// The key in words.
    pub(super) fn key_words(&self) -> String {
        let label = self.object.as_ref().map(|object| format!("`{object}`"));
        let id = self.id.as_ref().map(|id| format!("with identifier {}", crate::x509::hex(id)));
        [label, id].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

impl FromStr for TokenUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        if text.len() > TOKEN_URI_OCTETS {
            return Err(UriError::TooLong);
        }
        let rest = text.strip_prefix("pkcs11:").ok_or(UriError::Scheme)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut path = Pairs::read(path, ';', "before the `?`", &["token", "serial", "object", "id", "type"])?;
        let mut query = Pairs::read(query, '&', "after the `?`", &["module-path", "pin-source"])?;
        let uri = Self {
            text: text.to_owned(),
            token: path.text("token", LABEL)?,
            serial: path.text("serial", SERIAL)?,
            object: path.text("object", OBJECT)?,
            id: path.octets("id", OBJECT)?,
            module: query.text("module-path", TOKEN_URI_OCTETS)?.ok_or(UriError::Missing("module-path"))?.into(),
            pin_file: query.text("pin-source", TOKEN_URI_OCTETS)?.map(|source| pin_file(&source)).transpose()?,
        };
        if path.text("type", OBJECT)?.is_some_and(|kind| kind != "private") {
            return Err(UriError::Type);
        }
        match &uri {
            Self { token: None, serial: None, .. } => Err(UriError::Missing("token (or serial)")),
            Self { object: None, id: None, .. } => Err(UriError::Missing("object (or id)")),
            Self { module, .. } if !module.is_absolute() => Err(UriError::Relative("module-path")),
            _ => Ok(uri),
        }
    }
}

/// Octets of a token's label and serial number (PKCS#11, CK_TOKEN_INFO), and a bound on those of objects.
const LABEL: usize = 32;
const SERIAL: usize = 16;
const OBJECT: usize = 255;

fn pin_file(source: &str) -> Result<PathBuf, UriError> {
    let path = source.strip_prefix("file:").ok_or(UriError::PinSource)?;
    // `file:///PATH` says the same (RFC 8089).
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.starts_with('/') { Ok(path.into()) } else { Err(UriError::Relative("pin-source")) }
}

/// The attributes of one half, each at most once.
struct Pairs<'a>(Vec<(&'static str, &'a str, char)>);

impl<'a> Pairs<'a> {
    fn read(half: &'a str, separator: char, place: &'static str, known: &[&'static str]) -> Result<Self, UriError> {
        let mut pairs = Vec::new();
        for part in half.split(separator).filter(|_| !half.is_empty()) {
            // Before anything of it is shown: it may be a PIN.
            if part.starts_with("pin-value") {
                return Err(UriError::PinValue);
            }
            let (name, value) = part.split_once('=').ok_or_else(|| UriError::NotAPair(part.to_owned()))?;
            if name.starts_with("slot-") {
                return Err(UriError::Slot(name.to_owned()));
            }
            let Some(known) = known.iter().find(|known| **known == name) else {
                return Err(UriError::Unknown(name.to_owned(), place));
            };
            if pairs.iter().any(|(other, _, _)| other == known) {
                return Err(UriError::Twice(known));
            }
            pairs.push((*known, value, separator));
        }
        Ok(Self(pairs))
    }

    fn octets(&mut self, name: &'static str, most: usize) -> Result<Option<Vec<u8>>, UriError> {
        let Some((_, value, separator)) = self.0.iter().find(|(own, _, _)| *own == name) else { return Ok(None) };
        let octets = unescape(name, value, if *separator == ';' { b"&" } else { b"/?|" })?;
        match octets.len() {
            0 => Err(UriError::Empty(name)),
            length if length > most => Err(UriError::LongValue(name, most)),
            _ => Ok(Some(octets)),
        }
    }

    fn text(&mut self, name: &'static str, most: usize) -> Result<Option<String>, UriError> {
        let Some(octets) = self.octets(name, most)? else { return Ok(None) };
        let text = String::from_utf8(octets).map_err(|_| UriError::NotText(name))?;
        if text.chars().any(char::is_control) { Err(UriError::NotText(name)) } else { Ok(Some(text)) }
    }
}

/// Undoes the escapes; what stands for itself is pk11-pchar or pk11-qchar (RFC 7512 §2.3).
fn unescape(name: &'static str, value: &str, also: &[u8]) -> Result<Vec<u8>, UriError> {
    let digit = |octet: &u8| char::from(*octet).to_digit(16);
    let (mut octets, mut rest) = (Vec::with_capacity(value.len()), value.as_bytes());
    while let [first, tail @ ..] = rest {
        rest = tail;
        match *first {
            b'%' => {
                let (Some(high), Some(low)) = (tail.first().and_then(digit), tail.get(1).and_then(digit)) else {
                    return Err(UriError::Escape(name));
                };
                octets.push(u8::try_from(high << 4 | low).unwrap_or_default());
                rest = &tail[2..];
            }
            octet
                if octet.is_ascii_alphanumeric() || b"-._~:[]@!$'()*+,=".contains(&octet) || also.contains(&octet) =>
            {
                octets.push(octet);
            }
            _ => {
                let at = value.len() - tail.len() - 1;
                return Err(UriError::Unescaped(name, value[at..].chars().next().unwrap_or_default()));
            }
        }
    }
    Ok(octets)
}

impl TryFrom<String> for TokenUri {
    type Error = UriError;

    fn try_from(text: String) -> Result<Self, UriError> {
        text.parse()
    }
}

impl From<TokenUri> for String {
    fn from(uri: TokenUri) -> Self {
        uri.text
    }
}

impl fmt::Display for TokenUri {
    /// As it was written. There is no PIN in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "pkcs11:token=T;object=k?module-path=/lib/p.so";

    fn parse(text: &str) -> Result<TokenUri, UriError> {
        text.parse()
    }

    #[test]
    fn every_attribute_is_read_and_its_escapes_undone() {
        let text = "pkcs11:token=JITSUIN%2DTEST%20%E7%BD%B2%E5%90%8D;serial=a1b2;object=sign-1;id=%00%ffA;type=private\
                    ?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/jitsuin/pin%3F";
        let uri = parse(text).unwrap();
        assert_eq!(uri.module(), Path::new("/usr/lib/softhsm/libsofthsm2.so"));
        assert_eq!(uri.pin_file(), Some(Path::new("/etc/jitsuin/pin?")));
        assert_eq!((uri.object(), uri.id()), (Some("sign-1"), Some(&[0x00, 0xFF, b'A'][..])));
        assert!(uri.is_on("JITSUIN-TEST 署名", "a1b2"));
        assert!(!uri.is_on("JITSUIN-TEST", "a1b2") && !uri.is_on("JITSUIN-TEST 署名", "a1b3"));
        assert_eq!(uri.to_string(), text);
        assert_eq!(uri.token_words(), "`JITSUIN-TEST 署名` with serial number a1b2");
        assert_eq!(uri.key_words(), "`sign-1` with identifier 00ff41");
    }

    #[test]
    fn one_name_of_token_and_key_is_enough_and_order_is_free() {
        for text in [
            GOOD,
            "pkcs11:id=%01;serial=9?module-path=/p.so",
            "pkcs11:object=k;token=T?pin-source=file:///pin&module-path=/p.so",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_text_goes_through_serde_and_back() {
        let uri = parse(GOOD).unwrap();
        let json = serde_json::to_string(&uri).unwrap();
        assert_eq!(serde_json::from_str::<TokenUri>(&json).unwrap(), uri);
        assert!(serde_json::from_str::<TokenUri>("\"sign-1.pem\"").is_err());
    }

    #[test]
    fn the_same_key_is_known_under_another_spelling() {
        let uri = parse(GOOD).unwrap();
        assert!(uri.is_same_key(&parse("pkcs11:object=%6b;token=T?module-path=/lib/p.so&pin-source=file:/p").unwrap()));
        for other in ["pkcs11:token=T;object=l?module-path=/lib/p.so", "pkcs11:token=T;object=k?module-path=/lib/q.so"]
        {
            assert!(!uri.is_same_key(&parse(other).unwrap()), "{other}");
        }
    }

    #[test]
    fn what_is_loose_or_meaningless_is_refused() {
        use UriError::*;
        let cases = [
            ("", Scheme),
            ("keys/sign-1.pem", Scheme),
            ("PKCS11:token=T", Scheme),
            ("pkcs11:", Missing("module-path")),
            ("pkcs11:token=T;object=k", Missing("module-path")),
            ("pkcs11:object=k?module-path=/p", Missing("token (or serial)")),
            ("pkcs11:token=T?module-path=/p", Missing("object (or id)")),
            ("pkcs11:token=T;object=k?module-path=p.so", Relative("module-path")),
            ("pkcs11:token=T;object=k?module-path=/p&pin-source=file:pin", Relative("pin-source")),
            ("pkcs11:token=T;object=k?module-path=/p&pin-source=file://host/pin", Relative("pin-source")),
            ("pkcs11:token=T;object=k?module-path=/p&pin-source=|cat%20pin", PinSource),
            ("pkcs11:token=T;object=k?module-path=/p&pin-source=/pin", PinSource),
            ("pkcs11:token=T;object=k;type=public?module-path=/p", Type),
            ("pkcs11:token=T;object=k;type=cert?module-path=/p", Type),
            ("pkcs11:token=;object=k?module-path=/p", Empty("token")),
            ("pkcs11:token=T;id=?module-path=/p", Empty("id")),
            ("pkcs11:token=T;token=U;object=k?module-path=/p", Twice("token")),
            ("pkcs11:token=T;object=k?module-path=/p&module-path=/q", Twice("module-path")),
            ("pkcs11:token=T;;object=k?module-path=/p", NotAPair(String::new())),
            ("pkcs11:token=T;object=k;?module-path=/p", NotAPair(String::new())),
            ("pkcs11:token;object=k?module-path=/p", NotAPair("token".into())),
            ("pkcs11:slot-id=0;object=k?module-path=/p", Slot("slot-id".into())),
            ("pkcs11:model=M;token=T;object=k?module-path=/p", Unknown("model".into(), "before the `?`")),
            ("pkcs11:token=T;module-path=/p;object=k", Unknown("module-path".into(), "before the `?`")),
            ("pkcs11:token=T;object=k?module-name=softhsm2", Unknown("module-name".into(), "after the `?`")),
            ("pkcs11:token=T;object=k?module-path=/p&x-y=1", Unknown("x-y".into(), "after the `?`")),
            ("pkcs11:Token=T;object=k?module-path=/p", Unknown("Token".into(), "before the `?`")),
            ("pkcs11:token=a b;object=k?module-path=/p", Unescaped("token", ' ')),
            ("pkcs11:token=署;object=k?module-path=/p", Unescaped("token", '署')),
            ("pkcs11:token=T;object=a/b?module-path=/p", Unescaped("object", '/')),
            ("pkcs11:token=T;object=k#x?module-path=/p", Unescaped("object", '#')),
            ("pkcs11:token=T;object=k?module-path=/a b", Unescaped("module-path", ' ')),
            ("pkcs11:token=T;object=k%4?module-path=/p", Escape("object")),
            ("pkcs11:token=T;object=k%?module-path=/p", Escape("object")),
            ("pkcs11:token=T;object=k%gg?module-path=/p", Escape("object")),
            ("pkcs11:token=T;object=%FF?module-path=/p", NotText("object")),
            ("pkcs11:token=T;object=a%00?module-path=/p", NotText("object")),
            ("pkcs11:token=T;object=a%0Ab?module-path=/p", NotText("object")),
        ];
        for (text, why) in cases {
            assert_eq!(parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn what_no_token_can_hold_is_refused() {
        let uri = |token: usize, serial: usize, id: usize| {
            let (token, serial, id) = ("t".repeat(token), "s".repeat(serial), "%00".repeat(id));
            parse(&format!("pkcs11:token={token};serial={serial};id={id}?module-path=/p"))
        };
        assert!(uri(32, 16, 255).is_ok());
        assert_eq!(uri(33, 16, 255), Err(UriError::LongValue("token", 32)));
        assert_eq!(uri(32, 17, 255), Err(UriError::LongValue("serial", 16)));
        assert_eq!(uri(32, 16, 256), Err(UriError::LongValue("id", 255)));
        assert_eq!(parse(&format!("{GOOD}{}", "x".repeat(TOKEN_URI_OCTETS))), Err(UriError::TooLong));
    }

    #[test]
    fn a_pin_in_the_uri_is_refused_and_not_repeated() {
        for part in ["pin-value=73517", "pin-value73517", "pin-value=73517&pin-source=file:/p"] {
            let refusal = parse(&format!("{GOOD}&{part}")).unwrap_err();
            assert_eq!(refusal, UriError::PinValue);
            assert!(!format!("{refusal} {refusal:?}").contains("73517"));
        }
    }

    #[test]
    fn whatever_the_octets_it_is_read_or_refused_and_never_a_panic() {
        for at in 0..=GOOD.len() {
            for inserted in ["%", "%2", "é", ";", "?", "&", "=", "\0", "\u{10FFFF}"] {
                let text = format!("{}{inserted}{}", &GOOD[..at], &GOOD[at..]);
                if let Ok(uri) = parse(&text) {
                    assert_eq!(String::from(uri), text);
                }
            }
        }
    }
}
