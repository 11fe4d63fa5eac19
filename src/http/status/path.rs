//! The paths of lists.

use crate::{
    kind::Kind,
    profile::locations::{crl_path, numbered_crl_path},
    revocation::lists::ListKey,
    scope::CrlScope,
};

/// Which list a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ListPath {
    /// Kind, generation and scope.
    pub(super) key: ListKey,
    /// Its number; none for the current one.
    pub(super) number: Option<u64>,
}

impl ListPath {
    /// Reads a path, if it is written as certificates carry it: one list has one address, and none of them says `..`.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let parts: Vec<_> = path.strip_prefix("/crl/")?.strip_suffix(".crl")?.splitn(5, '/').collect();
        let kind: Kind = parts.first()?.parse().ok()?;
        // A generation has at most three digits and a municipality has five.
        let generation: Option<u8> = parts.get(1)?.parse().ok();
        let (word, number) = match &parts[1 + usize::from(generation.is_some())..] {
            [word] => (word, None),
            [word, number] => (word, Some(number.parse().ok()?)),
            _ => return None,
        };
        let (generation, scope) = (generation.unwrap_or(1), CrlScope::from_word(word)?);
        let written = match number {
            None => crl_path(kind, generation, &scope),
            Some(number) => numbered_crl_path(kind, generation, &scope, number),
        };
        (written == path).then_some(Self { key: (kind, generation, scope), number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_paths_are_read_as_certificates_carry_them() {
        let place = CrlScope::Municipality("13115".parse().unwrap());
        for (path, key, number) in [
            ("/crl/sign/13115.crl", (Kind::Sign, 1, place), None),
            ("/crl/auth/2/full.crl", (Kind::Auth, 2, CrlScope::Full), None),
            ("/crl/sign/13115/17.crl", (Kind::Sign, 1, place), Some(17)),
            ("/crl/auth/2/full/1.crl", (Kind::Auth, 2, CrlScope::Full), Some(1)),
            (
                "/crl/auth/255/13115-delta/18446744073709551615.crl",
                (Kind::Auth, 255, place.delta().unwrap()),
                Some(u64::MAX),
            ),
            ("/crl/sign/full/0.crl", (Kind::Sign, 1, CrlScope::Full), Some(0)),
        ] {
            assert_eq!(ListPath::parse(path), Some(ListPath { key, number }), "{path}");
        }
    }

    #[test]
    fn one_list_has_one_address() {
        for bad in [
            "/crl/sign/1/full.crl",
            "/crl/sign/02/full.crl",
            "/crl/sign/+2/full.crl",
            "/crl/sign/300/full.crl",
            "/crl/sign/full",
            "/crl/both/full.crl",
            "/crl/sign/../full.crl",
            "/crl/sign//full.crl",
            "/crl/sign/2/2/full.crl",
            "/crl/sign/1/full/17.crl",
            "/crl/sign/full/017.crl",
            "/crl/sign/full/+17.crl",
            "/crl/sign/full/-1.crl",
            "/crl/sign/full/.crl",
            "/crl/sign/full/18446744073709551616.crl",
            "/crl/sign/full/17/.crl",
            "/crl/sign/2/full/17/18.crl",
            "/crl/sign/17.crl",
            "/crl/sign/2.crl",
            "/crl/sign.crl",
            "/crl/.crl",
            "/crl/",
        ] {
            assert_eq!(ListPath::parse(bad), None, "{bad}");
        }
    }
}
