//! The certificate of the audit key, which signs checkpoints and nothing else.
//!
//! It is of no CA: a CA that could certify an audit key could also make one for a history of its own.

use super::{Content, Extension, holder::LayoutError};
use crate::x509::{
    Attribute, Name, UnixTime,
    extension::{self, usage},
    oid,
};

/// Lays out the self-signed certificate of an audit key.
///
/// # Errors
/// [`LayoutError`] for an organisation that no name can carry.
pub fn audit_key(
    organization: &str,
    generation: u8,
    key_id: &[u8; 20],
    (not_before, not_after): (UnixTime, UnixTime),
) -> Result<Content, LayoutError> {
    let name = Name::new(vec![
        Attribute::country("JP"),
        Attribute::organization(organization),
        Attribute::organizational_unit("audit"),
        Attribute::common_name(&format!("audit-{generation}")),
    ])?;
    Ok(Content {
        issuer: name.clone(),
        subject: name,
        not_before,
        not_after,
        extensions: vec![
            Extension::critical(oid::KEY_USAGE, extension::key_usage(usage::DIGITAL_SIGNATURE)),
            Extension::new(oid::SUBJECT_KEY_IDENTIFIER, extension::subject_key_identifier(key_id)),
        ],
    })
}
