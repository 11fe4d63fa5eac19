//! The certificates of the service itself: the CA's self-signed one and its delegated OCSP responder's.

use super::{
    Content, Extension, Profile,
    holder::{IssuerReference, LayoutError},
};
use crate::{
    kind::Kind,
    scope::CrlScope,
    x509::{
        Attribute, Name, Serial, UnixTime,
        extension::{self, GeneralName, usage},
        oid,
    },
};

/// Lays out the self-signed certificate of a CA generation.
///
/// # Errors
/// [`LayoutError`] for a configured value that no name can carry.
pub fn certificate_authority(
    profile: &Profile,
    kind: Kind,
    generation: u8,
    key_id: &[u8; 20],
    (not_before, not_after): (UnixTime, UnixTime),
) -> Result<Content, LayoutError> {
    let name = profile.ca_name(kind)?;
    let name_ja = profile.ca_name_ja(kind)?;
    let names = profile.distribution_names(kind, generation, &CrlScope::Authorities)?;
    Ok(Content {
        issuer: name.clone(),
        subject: name,
        not_before,
        not_after,
        extensions: vec![
            Extension::critical(oid::KEY_USAGE, extension::key_usage(usage::KEY_CERT_SIGN | usage::CRL_SIGN)),
            Extension::new(oid::SUBJECT_ALT_NAME, extension::general_names(&[GeneralName::Directory(&name_ja)])),
            Extension::critical(oid::BASIC_CONSTRAINTS, extension::basic_constraints(true, None)),
            Extension::new(oid::CRL_DISTRIBUTION_POINTS, extension::distribution_point(&names.general_names())),
            Extension::new(oid::SUBJECT_KEY_IDENTIFIER, extension::subject_key_identifier(key_id)),
        ],
    })
}

/// A generation on one side of a link certificate.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// Which generation.
    pub generation: u8,
    /// keyIdentifier of its key.
    pub key_id: &'a [u8; 20],
    /// The serial number of its self-signed certificate.
    pub serial: &'a Serial,
}

/// Lays out a link certificate (RFC 4210 §4.4): the key of one generation under that of another, in the CA's one name.
///
/// It says of the subject's key what that one's self-signed certificate says, but for where it is looked up whether it was
/// revoked, which is with its issuer.
///
/// # Errors
/// [`LayoutError`] for a configured value that no name can carry.
pub fn link(
    profile: &Profile,
    kind: Kind,
    subject: Side<'_>,
    issuer: Side<'_>,
    validity: (UnixTime, UnixTime),
) -> Result<Content, LayoutError> {
    let mut content = certificate_authority(profile, kind, issuer.generation, subject.key_id, validity)?;
    let own = extension::authority_key_identifier(issuer.key_id, Some((&content.issuer, issuer.serial)));
    content.extensions.push(Extension::new(oid::AUTHORITY_KEY_IDENTIFIER, own));
    Ok(content)
}

/// Lays out the certificate of a delegated OCSP responder (RFC 6960 §4.2.2.2): OCSPSigning only, and
/// id-pkix-ocsp-nocheck, because it is short-lived instead of revocable.
///
/// # Errors
/// [`LayoutError`] for a configured value that no name can carry.
pub fn ocsp_responder(
    profile: &Profile,
    issuer: &IssuerReference,
    key_id: &[u8; 20],
    (not_before, not_after): (UnixTime, UnixTime),
) -> Result<Content, LayoutError> {
    let issuer_name = profile.ca_name(issuer.kind)?;
    let subject = Name::new(vec![
        Attribute::country("JP"),
        Attribute::organization(&profile.organization),
        Attribute::common_name(&format!("OCSP responder {} {}", issuer.kind, issuer.generation)),
    ])?;
    let authority_key = extension::authority_key_identifier(&issuer.key_id, Some((&issuer_name, &issuer.serial)));
    Ok(Content {
        issuer: issuer_name,
        subject,
        not_before,
        not_after,
        extensions: vec![
            Extension::critical(oid::KEY_USAGE, extension::key_usage(usage::DIGITAL_SIGNATURE)),
            Extension::new(oid::EXTENDED_KEY_USAGE, extension::extended_key_usage(&[oid::OCSP_SIGNING])),
            Extension::new(oid::OCSP_NO_CHECK, extension::ocsp_no_check()),
            Extension::new(oid::AUTHORITY_KEY_IDENTIFIER, authority_key),
            Extension::new(oid::SUBJECT_KEY_IDENTIFIER, extension::subject_key_identifier(key_id)),
        ],
    })
}
