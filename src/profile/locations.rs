//! Where the status listener serves lists, answers and CA certificates: the paths, and the URIs that certificates carry.
//!
//! A certificate never changes its partition nor its URI. Generations of a CA share one name but not one key, and a
//! list is signed by one key; so from the second generation on the number of the generation is part of the path.

use super::{Profile, Variant};
use crate::{
    kind::Kind,
    municipality,
    scope::CrlScope,
    x509::{Name, NotAName, extension::GeneralName},
};

/// The path of a list: `/crl/sign/13115.crl`, and `/crl/sign/2/13115.crl` for the second generation.
#[must_use]
pub fn crl_path(kind: Kind, generation: u8, scope: &CrlScope) -> String {
    format!("/crl/{}/{}.crl", generation_path(kind, generation), scope.word())
}

/// The path of one list by its number: `/crl/sign/13115/17.crl`, and `/crl/sign/2/13115/17.crl` for the second generation.
#[must_use]
pub fn numbered_crl_path(kind: Kind, generation: u8, scope: &CrlScope, number: u64) -> String {
    format!("/crl/{}/{}/{number}.crl", generation_path(kind, generation), scope.word())
}

/// The path of a CA certificate: `/ca/sign.cer`, and `/ca/sign/2.cer` for the second generation.
#[must_use]
pub fn ca_path(kind: Kind, generation: u8) -> String {
    format!("/ca/{}.cer", generation_path(kind, generation))
}

/// The paths of the link certificates between a generation and the one before: the older key under the newer one, then the newer
/// under the older: `/ca/sign/2-old-with-new.cer` and `/ca/sign/2-new-with-old.cer`.
#[must_use]
pub fn link_paths(kind: Kind, generation: u8) -> [String; 2] {
    ["old-with-new", "new-with-old"].map(|which| format!("/ca/{kind}/{generation}-{which}.cer"))
}

/// The path of the access CA's list.
pub const ACCESS_CRL_PATH: &str = "/crl/access.crl";

/// The URI of the access CA's list, where the status listener is reached at that address.
#[must_use]
pub fn access_crl_uri(base_uri: &str) -> String {
    format!("{}{ACCESS_CRL_PATH}", base_uri.trim_end_matches('/'))
}

/// The path of the OCSP responder, one for all CAs: the request names the issuer.
pub const OCSP_PATH: &str = "/ocsp";

fn generation_path(kind: Kind, generation: u8) -> String {
    if generation == 1 { kind.word().into() } else { format!("{kind}/{generation}") }
}

/// The names of one list: the directory name, and in `open` the URI. Certificates (cRLDistributionPoints) and the list
/// itself (issuingDistributionPoint) carry the very same, or clients find no match.
///
/// Those of a delta stand in its complete list alone (freshestCRL): the same directory entry, whose attribute
/// deltaRevocationList it is (RFC 4523), and its own URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistributionNames {
    directory: Name,
    uri: Option<String>,
}

impl DistributionNames {
    /// The names as they are encoded, the directory name first.
    #[must_use]
    pub fn general_names(&self) -> Vec<GeneralName<'_>> {
        let uri = self.uri.as_deref().map(GeneralName::Uri);
        std::iter::once(GeneralName::Directory(&self.directory)).chain(uri).collect()
    }
}

impl Profile {
    /// The URI of a list.
    #[must_use]
    pub fn crl_uri(&self, kind: Kind, generation: u8, scope: &CrlScope) -> String {
        format!("{}{}", self.base_uri, crl_path(kind, generation, scope))
    }

    /// The names of a list that has a distribution point. The full list has none: it is found beside the partitions. A delta's
    /// issuingDistributionPoint is that of its complete list, so ask with [`CrlScope::complete`] for that.
    ///
    /// # Errors
    /// [`NotAName`] for a configured value that no name can carry, or a municipality that does not exist.
    pub fn distribution_names(
        &self,
        kind: Kind,
        generation: u8,
        scope: &CrlScope,
    ) -> Result<DistributionNames, NotAName> {
        let directory = match scope {
            CrlScope::Municipality(code) | CrlScope::MunicipalityDelta(code) => {
                self.distribution_point(kind, municipality::find(*code).ok_or(NotAName::Attributes)?)?
            }
            CrlScope::Authorities | CrlScope::Full | CrlScope::FullDelta => self.ca_name(kind)?,
        };
        let uri = (self.variant == Variant::Open).then(|| self.crl_uri(kind, generation, scope));
        Ok(DistributionNames { directory, uri })
    }

    /// The URI of a CA certificate.
    #[must_use]
    pub fn ca_uri(&self, kind: Kind, generation: u8) -> String {
        format!("{}{}", self.base_uri, ca_path(kind, generation))
    }

    /// The URI of the OCSP responder.
    #[must_use]
    pub fn ocsp_uri(&self) -> String {
        format!("{}{OCSP_PATH}", self.base_uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_generation_has_the_short_path() {
        let place = CrlScope::Municipality("13115".parse().unwrap());
        assert_eq!(crl_path(Kind::Sign, 1, &place), "/crl/sign/13115.crl");
        assert_eq!(crl_path(Kind::Auth, 2, &CrlScope::Full), "/crl/auth/2/full.crl");
        assert_eq!(crl_path(Kind::Sign, 1, &CrlScope::FullDelta), "/crl/sign/delta.crl");
        assert_eq!(crl_path(Kind::Sign, 1, &place.delta().unwrap()), "/crl/sign/13115-delta.crl");
        assert_eq!(numbered_crl_path(Kind::Sign, 1, &place, 17), "/crl/sign/13115/17.crl");
        assert_eq!(numbered_crl_path(Kind::Auth, 2, &CrlScope::Full, 1), "/crl/auth/2/full/1.crl");
        assert_eq!(ca_path(Kind::Auth, 1), "/ca/auth.cer");
        assert_eq!(ca_path(Kind::Sign, 3), "/ca/sign/3.cer");
    }
}
