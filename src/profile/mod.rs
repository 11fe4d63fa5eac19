//! What is in a certificate, to the byte, and the check of the octets before they are signed.
//!
//! Two variants: `compat` is the layout seen on real cards and nothing more; `open` adds what ordinary clients need
//! (URIs beside the directory names, authorityInfoAccess in both kinds).

use serde::{Deserialize, Serialize};

use crate::{
    kind::Kind,
    municipality::Municipality,
    x509::{Attribute, Name, NotAName, UnixTime},
};

pub mod access;
pub mod audit;
pub mod authority;
pub mod canary;
pub mod facts;
pub mod holder;
pub mod lint;
pub mod locations;

/// Which of the two layouts the certificates follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// With URIs and authorityInfoAccess, for ordinary clients.
    #[default]
    Open,
    /// Exactly as on real cards, for software written against them.
    Compat,
}

/// What one operator's certificates have in common.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The layout.
    pub variant: Variant,
    /// O of every name.
    pub organization: String,
    /// The second OU of the CA names.
    pub agency: String,
    /// The Japanese name of the signing CA, in its subjectAltName.
    pub sign_name_ja: String,
    /// The Japanese name of the authentication CA.
    pub auth_name_ja: String,
    /// Policy of signing certificates, content octets of the OID.
    pub sign_policy: Vec<u8>,
    /// Policy of authentication certificates.
    pub auth_policy: Vec<u8>,
    /// Where the certification practice statement is published.
    pub cps_uri: String,
    /// The public address of the status listener, without a slash at its end: `http://127.0.0.1:8080`.
    pub base_uri: String,
}

/// An extension as it is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Content octets of extnID.
    pub oid: &'static [u8],
    /// critical.
    pub critical: bool,
    /// The octets inside extnValue.
    pub value: Vec<u8>,
}

impl Extension {
    fn new(oid: &'static [u8], value: Vec<u8>) -> Self {
        Self { oid, critical: false, value }
    }

    fn critical(oid: &'static [u8], value: Vec<u8>) -> Self {
        Self { oid, critical: true, value }
    }
}

/// Everything of a certificate but its serial number, its key and its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The issuer's name.
    pub issuer: Name,
    /// The subject's name.
    pub subject: Name,
    /// First instant of validity.
    pub not_before: UnixTime,
    /// Last instant of validity.
    pub not_after: UnixTime,
    /// Extensions in their order.
    pub extensions: Vec<Extension>,
}

impl Profile {
    /// The one name of a CA, the same in every generation: C, O, OU (what it is for), OU (the agency).
    ///
    /// # Errors
    /// [`NotAName`] for a configured value that no name can carry.
    pub fn ca_name(&self, kind: Kind) -> Result<Name, NotAName> {
        Name::new(vec![
            Attribute::country("JP"),
            Attribute::organization(&self.organization),
            Attribute::organizational_unit(purpose(kind)),
            Attribute::organizational_unit(&self.agency),
        ])
    }

    /// The CA's Japanese name, which is its subjectAltName and its holders' issuerAltName.
    ///
    /// # Errors
    /// As for [`Profile::ca_name`].
    pub fn ca_name_ja(&self, kind: Kind) -> Result<Name, NotAName> {
        let name = match kind {
            Kind::Sign => &self.sign_name_ja,
            Kind::Auth => &self.auth_name_ja,
        };
        Name::new(vec![
            Attribute::country("JP"),
            Attribute::organization(&self.organization),
            Attribute::organizational_unit(name),
        ])
    }

    /// The directory name of a municipality's partition, the same in certificates and in its list.
    ///
    /// # Errors
    /// As for [`Profile::ca_name`].
    pub fn distribution_point(&self, kind: Kind, place: &Municipality) -> Result<Name, NotAName> {
        Name::new(vec![
            Attribute::country("JP"),
            Attribute::organization(&self.organization),
            Attribute::organizational_unit(purpose(kind)),
            Attribute::organizational_unit("CRL Distribution Points"),
            Attribute::organizational_unit(place.prefecture_romaji),
            Attribute::common_name(&format!("{} CRLDP", place.romaji)),
        ])
    }

    /// The certificate policy of a kind, content octets of the OID.
    #[must_use]
    pub fn policy(&self, kind: Kind) -> &[u8] {
        match kind {
            Kind::Sign => &self.sign_policy,
            Kind::Auth => &self.auth_policy,
        }
    }
}

/// The first OU of the CA names and of the partitions' names.
fn purpose(kind: Kind) -> &'static str {
    match kind {
        Kind::Sign => "JPKI for digital signature",
        Kind::Auth => "JPKI for user authentication",
    }
}
