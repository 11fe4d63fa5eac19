//! The names under which the registers know a person and a card, and the service its clients.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

/// Why a text is no identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnIdentifier {
    /// Empty, too long, or with a character outside the set.
    #[error("an identifier has 1 to 64 of the characters A-Z a-z 0-9 and -")]
    Form,
    /// Twelve digits, in one or in three groups of four, are how a 個人番号 (My Number) looks; the service never takes one (rule
    /// N-09). In other groups, or beside more digits, they are the register's own.
    #[error("twelve digits look like a 個人番号, which this service never takes (N-09)")]
    MyNumber,
}

/// The characters and lengths every identifier shares.
fn parse(text: String) -> Result<String, NotAnIdentifier> {
    // On cards it is printed in groups of four.
    let digits = |group: &str| if group.bytes().all(|octet| octet.is_ascii_digit()) { group.len() } else { 0 };
    let groups = text.split('-').map(digits);
    if groups.clone().eq([12]) || groups.eq([4; 3]) {
        return Err(NotAnIdentifier::MyNumber);
    }
    let fits =
        (1..=64).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
    if fits { Ok(text) } else { Err(NotAnIdentifier::Form) }
}

/// What the service's own names begin with: no text from outside can, for it has a point.
const OWN: &str = "jitsuin.";

/// Defines an identifier type; they differ in nothing but what they name.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(String);

        impl $name {
            /// Takes an identifier of 1 to 64 letters, digits and hyphens.
            ///
            /// # Errors
            /// [`NotAnIdentifier`] for another form, and for what looks like a 個人番号.
            pub fn parse(text: impl Into<String>) -> Result<Self, NotAnIdentifier> {
                parse(text.into()).map(Self)
            }

            /// A name of the service's own (a canary's): [`parse`](Self::parse) takes none of its form, so nobody outside can
            /// ask for it, nor claim it.
            ///
            /// # Errors
            /// [`NotAnIdentifier`] where `name` alone is none.
            pub fn own(name: impl Into<String>) -> Result<Self, NotAnIdentifier> {
                parse(name.into()).map(|name| Self(format!("{OWN}{name}")))
            }

            /// An identifier as the store keeps it: from outside, or the service's own.
            ///
            /// # Errors
            /// [`NotAnIdentifier`] for what is neither.
            pub fn recorded(text: impl Into<String>) -> Result<Self, NotAnIdentifier> {
                let text = text.into();
                match text.strip_prefix(OWN) {
                    Some(name) => Self::own(name),
                    None => Self::parse(text),
                }
            }

            /// Whether it is the service's own.
            #[must_use]
            pub fn is_own(&self) -> bool {
                self.0.starts_with(OWN)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                Self::parse(String::deserialize(input)?).map_err(de::Error::custom)
            }
        }
    };
}

identifier! {
    /// The register's opaque name for a person, the same in every municipality; never the 個人番号.
    HolderReference
}
identifier! {
    /// The number printed on a card; a person's next card has another.
    CardNumber
}

identifier! {
    /// The municipality's opaque name for who acts for a holder; never a person's name.
    AgentReference
}

identifier! {
    /// The resident register's own number for one of its events, unique within the municipality.
    EventNumber
}

/// The name of a credential, which names files too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialName(String);

/// The text names no credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 40 of the characters a-z 0-9 and -")]
pub struct NotACredentialName;

impl FromStr for CredentialName {
    type Err = NotACredentialName;

    fn from_str(text: &str) -> Result<Self, NotACredentialName> {
        let fits = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
        let is_name = (1..=40).contains(&text.len()) && text.bytes().all(fits);
        if is_name { Ok(Self(text.into())) } else { Err(NotACredentialName) }
    }
}

impl CredentialName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_a_form_and_are_never_a_my_number() {
        assert!(HolderReference::parse("TEST-000001").is_ok());
        for number in ["123456789018", "1234-5678-9018"] {
            assert_eq!(HolderReference::parse(number), Err(NotAnIdentifier::MyNumber), "{number}");
        }
        for of_the_register in
            ["2026-00012345", "2026-11-220001", "2026-0001-2345-6789", "202611-220001", "1234567890123"]
        {
            assert!(EventNumber::parse(of_the_register).is_ok(), "{of_the_register}");
        }
        let long = "A".repeat(65);
        for bad in ["", "a b", "氏名", "a/b", "a\n", long.as_str()] {
            assert_eq!(CardNumber::parse(bad), Err(NotAnIdentifier::Form), "{bad}");
        }
        assert!(serde_json::from_str::<CardNumber>("\"123456789018\"").is_err());
    }

    #[test]
    fn the_name_of_a_credential_is_one_of_a_file_everywhere() {
        for name in ["a", "e-filing", "13115", "-", &"a".repeat(40)] {
            assert_eq!(name.parse::<CredentialName>().unwrap().as_str(), name);
        }
        for bad in ["", "A", "a b", "a/b", "..", "a.b", "a_b", "名", "a\n", &"a".repeat(41)] {
            assert_eq!(bad.parse::<CredentialName>(), Err(NotACredentialName), "{bad}");
        }
    }

    #[test]
    fn the_service_s_own_names_are_kept_but_never_taken_from_outside() {
        let own = HolderReference::own("canary-2026-11-02").unwrap();
        assert!(own.is_own());
        assert_eq!(own.as_str(), "jitsuin.canary-2026-11-02");
        assert_eq!(HolderReference::recorded(own.as_str()), Ok(own.clone()));
        assert_eq!(HolderReference::parse(own.as_str()), Err(NotAnIdentifier::Form));
        assert!(serde_json::from_str::<HolderReference>(&format!("\"{own}\"")).is_err());
        assert!(!HolderReference::recorded("TEST-000001").unwrap().is_own());
        for bad in ["jitsuin.", "jitsuin.a b", "jitsuin.jitsuin.a", "jitsuin", ".a", "jitsuin.123456789018"] {
            let known = HolderReference::recorded(bad);
            assert!(known.is_err() || known.is_ok_and(|known| !known.is_own()), "{bad}");
        }
    }
}
