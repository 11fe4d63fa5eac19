//! The access CA and its TLS certificates: who may talk to the registration listener.
//!
//! A house of its own, apart from the two citizen CAs: its certificates say which municipality, relying party or
//! operator a client is, and nothing about holders.

use std::net::IpAddr;

use super::{Content, Extension, holder::LayoutError};
use crate::x509::{
    Attribute, Name, NotAName, UnixTime,
    extension::{self, GeneralName, usage},
    oid,
};

/// A name that a TLS server is reached by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerName {
    /// A DNS name.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

impl ServerName {
    /// As subjectAltName carries it.
    #[must_use]
    pub fn general_name(&self) -> GeneralName<'_> {
        match self {
            Self::Dns(name) => GeneralName::Dns(name),
            Self::Ip(address) => GeneralName::Ip(*address),
        }
    }
}

/// The name of the access CA.
///
/// # Errors
/// [`NotAName`] for an organisation that no name can carry.
pub fn access_ca_name(organization: &str) -> Result<Name, NotAName> {
    Name::new(vec![
        Attribute::country("JP"),
        Attribute::organization(organization),
        Attribute::common_name("Access CA"),
    ])
}

/// Lays out the access CA's self-signed certificate.
///
/// # Errors
/// [`LayoutError`] for an organisation that no name can carry.
pub fn access_ca(
    organization: &str,
    key_id: &[u8; 20],
    (not_before, not_after): (UnixTime, UnixTime),
) -> Result<Content, LayoutError> {
    let name = access_ca_name(organization)?;
    Ok(Content {
        issuer: name.clone(),
        subject: name,
        not_before,
        not_after,
        extensions: vec![
            Extension::critical(oid::KEY_USAGE, extension::key_usage(usage::KEY_CERT_SIGN | usage::CRL_SIGN)),
            Extension::critical(oid::BASIC_CONSTRAINTS, extension::basic_constraints(true, None)),
            Extension::new(oid::SUBJECT_KEY_IDENTIFIER, extension::subject_key_identifier(key_id)),
        ],
    })
}

/// The keys of a TLS certificate: the issuer's and its own, as key identifiers.
#[derive(Clone, Copy, Debug)]
pub struct KeyIds<'a> {
    /// subjectKeyIdentifier of the access CA.
    pub issuer: &'a [u8; 20],
    /// Of the certificate itself.
    pub subject: &'a [u8; 20],
}

/// Lays out the certificate of the registration listener.
///
/// # Errors
/// [`LayoutError`] for an organisation or a server name that no certificate can carry.
pub fn tls_server(
    organization: &str,
    names: &[ServerName],
    keys: KeyIds<'_>,
    validity: (UnixTime, UnixTime),
) -> Result<Content, LayoutError> {
    let general_names: Vec<GeneralName<'_>> = names.iter().map(ServerName::general_name).collect();
    let alt_names = Extension::new(oid::SUBJECT_ALT_NAME, extension::general_names(&general_names));
    leaf(organization, ("registration", "registration"), keys, validity, (oid::SERVER_AUTH, alt_names))
}

/// Lays out a client certificate: OU is the role, CN the client's name; `list` is the URI of the access CA's list.
///
/// # Errors
/// [`LayoutError`] for a name that no certificate can carry.
pub fn tls_client(
    organization: &str,
    (role, name): (&str, &str),
    (keys, list): (KeyIds<'_>, &str),
    validity: (UnixTime, UnixTime),
) -> Result<Content, LayoutError> {
    let list = extension::distribution_point(&[GeneralName::Uri(list)]);
    let list = Extension::new(oid::CRL_DISTRIBUTION_POINTS, list);
    leaf(organization, (role, name), keys, validity, (oid::CLIENT_AUTH, list))
}

fn leaf(
    organization: &str,
    (unit, name): (&str, &str),
    keys: KeyIds<'_>,
    (not_before, not_after): (UnixTime, UnixTime),
    (usage, own): (&[u8], Extension),
) -> Result<Content, LayoutError> {
    let subject = Name::new(vec![
        Attribute::country("JP"),
        Attribute::organization(organization),
        Attribute::organizational_unit(unit),
        Attribute::common_name(name),
    ])?;
    let extensions = vec![
        Extension::critical(oid::KEY_USAGE, extension::key_usage(usage::DIGITAL_SIGNATURE)),
        Extension::new(oid::EXTENDED_KEY_USAGE, extension::extended_key_usage(&[usage])),
        own,
        Extension::new(oid::AUTHORITY_KEY_IDENTIFIER, extension::authority_key_identifier(keys.issuer, None)),
        Extension::new(oid::SUBJECT_KEY_IDENTIFIER, extension::subject_key_identifier(keys.subject)),
    ];
    Ok(Content { issuer: access_ca_name(organization)?, subject, not_before, not_after, extensions })
}
