//! `[keys.tokens]`: the keys that are in a token, by the names of the files they would otherwise be in.

use std::{collections::BTreeMap, fmt, str::FromStr};

use super::{reader::Reader, section::toml_text};
use crate::{kind::Kind, signer::TokenUri};

/// The name of a key that may be in a token: `sign-1`, `auth-2`, `responder-sign-1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyName {
    /// Whether it is the key of the CA's OCSP responder, not of the CA itself.
    pub responder: bool,
    /// Which CA.
    pub kind: Kind,
    /// Which generation of it, from 1.
    pub generation: u8,
}

/// The text names no key that may be in a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a key in a token is that of a CA (sign-1, auth-1 and further generations) or of its OCSP responder (responder-sign-1)"
)]
pub struct NotAKeyName;

impl KeyName {
    /// The key of a CA generation.
    #[must_use]
    pub const fn ca(kind: Kind, generation: u8) -> Self {
        Self { responder: false, kind, generation }
    }

    /// The key of its OCSP responder.
    #[must_use]
    pub const fn responder(kind: Kind, generation: u8) -> Self {
        Self { responder: true, kind, generation }
    }
}

impl FromStr for KeyName {
    type Err = NotAKeyName;

    fn from_str(text: &str) -> Result<Self, NotAKeyName> {
        let (responder, rest) = text.strip_prefix("responder-").map_or((false, text), |rest| (true, rest));
        let (kind, generation) = rest.split_once('-').ok_or(NotAKeyName)?;
        let kind = kind.parse::<Kind>().map_err(|_| NotAKeyName)?;
        let name = Self { responder, kind, generation: generation.parse().map_err(|_| NotAKeyName)? };
        // One spelling each: no +1, no 01.
        if name.generation > 0 && name.to_string() == text { Ok(name) } else { Err(NotAKeyName) }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { responder, kind, generation } = self;
        write!(f, "{}{kind}-{generation}", if *responder { "responder-" } else { "" })
    }
}

/// The keys that are in tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens(BTreeMap<KeyName, TokenUri>);

/// Why a key cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokensError {
    /// It has a place already.
    #[error("{0} is there twice")]
    Twice(KeyName),
    /// Another name has the same key.
    #[error("{0} and {1} are the same key; each has one of its own")]
    SameKey(KeyName, KeyName),
}

impl Tokens {
    /// Where a key is, if it is in a token.
    #[must_use]
    pub fn find(&self, name: KeyName) -> Option<&TokenUri> {
        self.0.get(&name)
    }

    /// Every key with its place.
    pub fn iter(&self) -> impl Iterator<Item = (KeyName, &TokenUri)> {
        self.0.iter().map(|(name, uri)| (*name, uri))
    }

    /// Says where a key is.
    ///
    /// # Errors
    /// [`TokensError`] if that is said already, or of another key.
    pub fn add(&mut self, name: KeyName, uri: TokenUri) -> Result<(), TokensError> {
        if let Some((other, _)) = self.0.iter().find(|(_, other)| other.is_same_key(&uri)) {
            return Err(if *other == name { TokensError::Twice(name) } else { TokensError::SameKey(*other, name) });
        }
        if self.0.contains_key(&name) {
            return Err(TokensError::Twice(name));
        }
        self.0.insert(name, uri);
        Ok(())
    }

    /// Reads the section; what is wrong is noted.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let mut tokens = Self::default();
        for (text, line, uri) in reader.entries("keys.tokens") {
            let added = text.parse().map_err(|error: NotAKeyName| error.to_string());
            let added = added.and_then(|name| tokens.add(name, uri).map_err(|error| error.to_string()));
            if let Err(problem) = added {
                reader.refuse(Some(line), format!("keys.tokens.{text}"), problem);
            }
        }
        tokens
    }

    /// The section as the template has it, or an example where no key is in a token.
    pub(super) fn text(&self) -> String {
        let mut text = format!("\n{ABOUT}");
        if self.0.is_empty() {
            return text + EXAMPLE;
        }
        text += "[keys.tokens]\n";
        for (name, uri) in &self.0 {
            text += &format!("{name} = {}\n", toml_text(uri).unwrap_or_default());
        }
        text
    }
}

const ABOUT: &str = "\
# Keys that are in a token (PKCS#11: a hardware security module, or SoftHSM) and never leave it: of a CA, sign-1 or auth-1, or
# of its OCSP responder, responder-sign-1 or responder-auth-1. Each is named by a PKCS#11 URI (RFC 7512). The PIN is in the
# file that pin-source names, else in the environment variable JITSUIN_PIN, else in the systemd credential `jitsuin-pin`. See
# docs/keys.md.
";

const EXAMPLE: &str = "\
# An example:
# [keys.tokens]
# sign-1 = \"pkcs11:token=jitsuin;object=sign-1?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/jitsuin/pin\"
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for text in ["sign-1", "auth-1", "sign-255", "responder-sign-1", "responder-auth-20"] {
            assert_eq!(text.parse::<KeyName>().unwrap().to_string(), text);
        }
        assert_eq!("responder-auth-2".parse(), Ok(KeyName::responder(Kind::Auth, 2)));
        assert_eq!("sign-1".parse(), Ok(KeyName::ca(Kind::Sign, 1)));
    }

    #[test]
    fn other_names_are_no_keys_of_a_token() {
        for text in [
            "",
            "sign",
            "sign-",
            "sign-0",
            "sign-01",
            "sign-+1",
            "sign-256",
            "sign-1.pem",
            "Sign-1",
            "serial-1",
            "access",
            "registration",
            "responder-1",
            "responder-responder-sign-1",
            "sign-1-1",
        ] {
            assert_eq!(text.parse::<KeyName>(), Err(NotAKeyName), "{text}");
        }
    }
}
