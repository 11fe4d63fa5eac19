//! The certificate of a canary: the service's own, issued and revoked to see how soon the world can know.
//!
//! To whoever checks it, it is a holder's certificate in all but two things: its name says what it is, and it says nothing
//! of a person. A signing canary carries no four facts, for there are none.

use super::{
    Content, Profile,
    holder::{self, Holding, IssuerReference, LayoutError},
};
use crate::{
    kind::Kind,
    x509::{Attribute, Name},
};

/// What a canary's CN begins with; 14 opaque characters follow, which make it unique per CA.
pub const COMMON_NAME: &str = "JITSUIN-CANARY-";

/// Lays out a canary's certificate: subject `C=JP, CN=JITSUIN-CANARY-…` in both kinds.
///
/// # Errors
/// [`LayoutError`].
pub fn content(profile: &Profile, issuer: &IssuerReference, holding: &Holding<'_>) -> Result<Content, LayoutError> {
    let extensions = match (issuer.kind, holding.facts) {
        (_, Some(_)) => return Err(LayoutError::Facts),
        (Kind::Sign, None) => holder::sign_extensions(profile, issuer, holding, None)?,
        (Kind::Auth, None) => holder::auth_extensions(profile, issuer, holding)?,
    };
    let common_name = format!("{COMMON_NAME}{}", holder::opaque(&holding.serial));
    Ok(Content {
        issuer: profile.ca_name(issuer.kind)?,
        subject: Name::new(vec![Attribute::country("JP"), Attribute::common_name(&common_name)])?,
        not_before: holding.not_before,
        not_after: holding.not_after,
        extensions,
    })
}
