//! Name: a sequence of single-valued RDNs (RFC 5280 §4.1.2.4).

use std::fmt;

use super::{
    der::{self, DerError, IA5_STRING, OID, PRINTABLE_STRING, Reader, SEQUENCE, SET, UTF8_STRING},
    oid,
};

/// Characters of one attribute value: the largest upper bound of X.520 among the attributes in use (RFC 5280 appendix A.1).
const VALUE_CHARACTERS: usize = 128;

/// Attributes of one name; the longest of the profile has six.
const ATTRIBUTES: usize = 16;

/// Which string type carries an attribute value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StringKind {
    /// PrintableString: letters, digits, space and `'()+,-./:=?`.
    Printable,
    /// UTF8String.
    Utf8,
    /// IA5String: ASCII; read, but never written in our names.
    Ia5,
}

impl StringKind {
    const fn tag(self) -> u8 {
        match self {
            Self::Printable => PRINTABLE_STRING,
            Self::Utf8 => UTF8_STRING,
            Self::Ia5 => IA5_STRING,
        }
    }

    fn from_tag(tag: u8) -> Option<Self> {
        [Self::Printable, Self::Utf8, Self::Ia5].into_iter().find(|kind| kind.tag() == tag)
    }

    fn allows(self, text: &str) -> bool {
        match self {
            Self::Printable => {
                text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&octet))
            }
            Self::Utf8 => true,
            Self::Ia5 => text.is_ascii(),
        }
    }
}

/// One RDN with one attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Content octets of the attribute type.
    pub oid: Vec<u8>,
    /// The string type of the value.
    pub kind: StringKind,
    /// The value.
    pub value: String,
}

impl Attribute {
    /// An attribute as UTF8String.
    #[must_use]
    pub fn utf8(oid: &[u8], value: &str) -> Self {
        Self { oid: oid.to_vec(), kind: StringKind::Utf8, value: value.to_owned() }
    }

    /// An attribute as PrintableString.
    #[must_use]
    pub fn printable(oid: &[u8], value: &str) -> Self {
        Self { oid: oid.to_vec(), kind: StringKind::Printable, value: value.to_owned() }
    }

    /// C, as PrintableString.
    #[must_use]
    pub fn country(code: &str) -> Self {
        Self::printable(oid::COUNTRY, code)
    }

    /// O.
    #[must_use]
    pub fn organization(value: &str) -> Self {
        Self::utf8(oid::ORGANIZATION, value)
    }

    /// OU.
    #[must_use]
    pub fn organizational_unit(value: &str) -> Self {
        Self::utf8(oid::ORGANIZATIONAL_UNIT, value)
    }

    /// L.
    #[must_use]
    pub fn locality(value: &str) -> Self {
        Self::utf8(oid::LOCALITY, value)
    }

    /// CN.
    #[must_use]
    pub fn common_name(value: &str) -> Self {
        Self::utf8(oid::COMMON_NAME, value)
    }

    fn write(&self, out: &mut Vec<u8>) {
        der::nested(out, SET, |out| {
            der::nested(out, SEQUENCE, |out| {
                der::tlv(out, OID, &self.oid);
                der::tlv(out, self.kind.tag(), self.value.as_bytes());
            });
        });
    }

    fn read(rdns: &mut Reader<'_>) -> Result<Self, NotAName> {
        rdns.nested(SET, |set| {
            set.sequence(|pair| {
                let oid = pair.oid()?.to_vec();
                let element = pair.any()?;
                let kind = StringKind::from_tag(element.tag).ok_or(NotAName::StringType(element.tag))?;
                let value = std::str::from_utf8(element.content).map_err(|_| NotAName::Characters)?.to_owned();
                Ok(Self { oid, kind, value })
            })
        })
    }

    fn checked(&self) -> Result<(), NotAName> {
        if self.value.is_empty() || self.value.chars().count() > VALUE_CHARACTERS {
            return Err(NotAName::Length);
        }
        if !self.kind.allows(&self.value) || self.value.chars().any(char::is_control) {
            return Err(NotAName::Characters);
        }
        let two_capitals = self.value.len() == 2 && self.value.bytes().all(|octet| octet.is_ascii_uppercase());
        if self.oid == oid::COUNTRY && !(two_capitals && self.kind == StringKind::Printable) {
            return Err(NotAName::Country);
        }
        Ok(())
    }

    fn label(&self) -> String {
        let known = [
            (oid::COUNTRY, "C"),
            (oid::ORGANIZATION, "O"),
            (oid::ORGANIZATIONAL_UNIT, "OU"),
            (oid::LOCALITY, "L"),
            (oid::STATE_OR_PROVINCE, "ST"),
            (oid::COMMON_NAME, "CN"),
            (oid::SERIAL_NUMBER, "serialNumber"),
        ];
        let label = known.into_iter().find(|(oid, _)| *oid == self.oid).map(|(_, label)| label.to_owned());
        label.unwrap_or_else(|| oid::to_text(&self.oid))
    }
}

/// Why attributes or octets are no name of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAName {
    /// It is no strict DER, or an RDN has several attributes.
    #[error("a name: {0}")]
    Der(#[from] DerError),
    /// There is no attribute, or more than 16.
    #[error("a name has 1 to {ATTRIBUTES} attributes")]
    Attributes,
    /// A value is empty or longer than 128 characters.
    #[error("an attribute of a name has 1 to {VALUE_CHARACTERS} characters")]
    Length,
    /// A value has characters that its string type does not carry, or control characters.
    #[error("an attribute of a name has characters that its string type does not carry")]
    Characters,
    /// A country is no PrintableString of two capital letters.
    #[error("the country of a name is a PrintableString of two capital letters")]
    Country,
    /// A value is neither PrintableString nor UTF8String nor IA5String.
    #[error("an attribute of a name has the string type {0:#04x}")]
    StringType(u8),
}

/// A distinguished name. Attributes may repeat, and their order matters; two names are equal when their DER is.
///
/// It prints in the order of its encoding, `C=JP, O=JITSUIN-TEST, OU=…`, with the escapes of RFC 4514 §2.4.
#[derive(Clone)]
pub struct Name {
    attributes: Vec<Attribute>,
    der: Vec<u8>,
}

impl Name {
    /// A name of these attributes in this order, each an RDN of its own.
    ///
    /// # Errors
    /// [`NotAName`] for no attribute, or a value its type cannot carry.
    pub fn new(attributes: Vec<Attribute>) -> Result<Self, NotAName> {
        if !(1..=ATTRIBUTES).contains(&attributes.len()) {
            return Err(NotAName::Attributes);
        }
        attributes.iter().try_for_each(Attribute::checked)?;
        let der = der::build(SEQUENCE, |out| attributes.iter().for_each(|attribute| attribute.write(out)));
        Ok(Self { attributes, der })
    }

    /// Reads a name, to compare or print it.
    ///
    /// # Errors
    /// [`NotAName`] for anything [`Name::new`] would not have written, IA5String values aside.
    pub fn from_der(der: &[u8]) -> Result<Self, NotAName> {
        let mut reader = Reader::new(der);
        let attributes = reader.sequence(|rdns| {
            let mut attributes = Vec::new();
            while !rdns.is_empty() && attributes.len() <= ATTRIBUTES {
                attributes.push(Attribute::read(rdns)?);
            }
            Ok::<_, NotAName>(attributes)
        })?;
        reader.finish()?;
        Self::new(attributes)
    }

    /// The whole DER, a SEQUENCE.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The attributes in order.
    #[must_use]
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The value of the last CN.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        let last = self.attributes.iter().rev().find(|attribute| attribute.oid == oid::COMMON_NAME);
        last.map(|attribute| attribute.value.as_str())
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Name {}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, attribute) in self.attributes.iter().enumerate() {
            write!(f, "{}{}=", if at == 0 { "" } else { ", " }, attribute.label())?;
            let last = attribute.value.chars().count() - 1;
            for (at, character) in attribute.value.chars().enumerate() {
                let outer_space = character == ' ' && (at == 0 || at == last);
                if outer_space || "\"+,;<>\\".contains(character) || (at == 0 && character == '#') {
                    f.write_str("\\")?;
                }
                write!(f, "{character}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn issuer() -> Name {
        Name::new(vec![
            Attribute::country("JP"),
            Attribute::organization("JITSUIN-TEST"),
            Attribute::organizational_unit("JPKI for digital signature"),
            Attribute::organizational_unit("試験機構"),
        ])
        .unwrap()
    }

    #[test]
    fn a_repeated_unit_stays_in_its_place() {
        assert_eq!(issuer().to_string(), "C=JP, O=JITSUIN-TEST, OU=JPKI for digital signature, OU=試験機構");
        assert_eq!(Name::from_der(issuer().der()).unwrap(), issuer());
        let mut swapped = issuer().attributes().to_vec();
        swapped.swap(2, 3);
        assert_ne!(Name::new(swapped).unwrap(), issuer());
    }

    #[test]
    fn the_country_is_printable_and_the_rest_utf8() {
        let name = Name::new(vec![Attribute::country("JP"), Attribute::common_name("A")]).unwrap();
        let der =
            *b"\x30\x19\x31\x0B\x30\x09\x06\x03\x55\x04\x06\x13\x02JP\x31\x0A\x30\x08\x06\x03\x55\x04\x03\x0C\x01A";
        assert_eq!(name.der(), der);
        assert_eq!(name.common_name(), Some("A"));
    }

    #[test]
    fn special_characters_are_escaped_for_humans() {
        let name = Name::new(vec![Attribute::common_name("#a,b+ ")]).unwrap();
        assert_eq!(name.to_string(), "CN=\\#a\\,b\\+\\ ");
    }

    #[test]
    fn values_their_type_cannot_carry_are_refused() {
        for (attribute, fault) in [
            (Attribute::country("Jp"), NotAName::Country),
            (Attribute::country("JPN"), NotAName::Country),
            (Attribute::utf8(oid::COUNTRY, "JP"), NotAName::Country),
            (Attribute::printable(oid::LOCALITY, "区"), NotAName::Characters),
            (Attribute::printable(oid::LOCALITY, "a_b"), NotAName::Characters),
            (Attribute::common_name("a\0b"), NotAName::Characters),
            (Attribute::common_name(""), NotAName::Length),
            (Attribute::common_name(&"漢".repeat(129)), NotAName::Length),
        ] {
            assert_eq!(Name::new(vec![attribute.clone()]), Err(fault), "{attribute:?}");
        }
        assert_eq!(Name::new(vec![]), Err(NotAName::Attributes));
    }

    #[test]
    fn names_of_another_shape_are_refused() {
        let two_in_one = b"\x30\x16\x31\x14\x30\x08\x06\x03\x55\x04\x03\x0C\x01A\x30\x08\x06\x03\x55\x04\x03\x0C\x01B";
        assert_eq!(Name::from_der(two_in_one), Err(NotAName::Der(DerError::Trailing)));
        let teletex = b"\x30\x0C\x31\x0A\x30\x08\x06\x03\x55\x04\x03\x14\x01A";
        assert_eq!(Name::from_der(teletex), Err(NotAName::StringType(0x14)));
        assert_eq!(Name::from_der(&[issuer().der(), &[0]].concat()), Err(NotAName::Der(DerError::Trailing)));
    }

    proptest! {
        #[test]
        fn names_are_read_as_written(values in proptest::collection::vec("[^\\p{C}]{1,40}", 1..8)) {
            let attributes = values.iter().map(|value| Attribute::locality(value)).collect();
            let name = Name::new(attributes).unwrap();
            let read = Name::from_der(name.der()).unwrap();
            prop_assert_eq!(read.attributes(), name.attributes());
        }

        #[test]
        fn a_flipped_byte_never_reads_as_the_same_name(at in 0usize..200, bit in 0u8..8) {
            let mut der = issuer().der().to_vec();
            let at = at % der.len();
            der[at] ^= 1 << bit;
            prop_assert!(Name::from_der(&der) != Ok(issuer()));
        }
    }
}
