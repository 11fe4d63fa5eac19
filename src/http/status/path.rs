//! The paths of lists.

use std::str::FromStr;

use crate::{kind::Kind, revocation::lists::ListKey, scope::CrlScope};

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
        let mut parts = path.strip_prefix("/crl/")?.strip_suffix(".crl")?.split('/');
        let kind: Kind = parts.next()?.parse().ok()?;
        let mut word = parts.next()?;
        // A generation has at most three digits and a municipality has five.
        let generation = match written(word) {
            Some(1) => return None,
            Some(generation) => {
                word = parts.next()?;
                generation
            }
            None => 1,
        };
        let scope = CrlScope::from_word(word)?;
        let number = match parts.next() {
            Some(digits) => Some(written(digits)?),
            None => None,
        };
        parts.next().is_none().then_some(Self { key: (kind, generation, scope), number })
    }
}

/// A number as it is written: without a sign, and without a zero before other digits.
fn written<T: FromStr>(digits: &str) -> Option<T> {
    let is_canonical = match digits.as_bytes() {
        [b'0'] => true,
        [first, ..] => matches!(first, b'1'..=b'9'),
        [] => false,
    };
    if is_canonical { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::profile::locations::{crl_path, numbered_crl_path};

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same(
            path in "/crl/(sign|auth)(/[0-9]{1,3}|/\\+2|)/(full|ca|delta|[0-9]{4,6}|[0-9]{5}-delta)(/[0-9]{1,20}|/|)\\.crl",
        ) {
            if let Some(ListPath { key: (kind, generation, scope), number }) = ListPath::parse(&path) {
                let again = match number {
                    None => crl_path(kind, generation, &scope),
                    Some(number) => numbered_crl_path(kind, generation, &scope, number),
                };
                prop_assert_eq!(again, path);
            }
        }

        #[test]
        fn what_is_written_is_read_the_same(
            is_sign: bool, generation: u8, code in "[0-9]{5}", scope in 0..5, number in proptest::option::of(any::<u64>()),
        ) {
            let (kind, code) = (if is_sign { Kind::Sign } else { Kind::Auth }, code.parse().unwrap());
            let scope = match scope {
                0 => CrlScope::Full,
                1 => CrlScope::Authorities,
                2 => CrlScope::FullDelta,
                3 => CrlScope::Municipality(code),
                _ => CrlScope::MunicipalityDelta(code),
            };
            let path = match number {
                None => crl_path(kind, generation, &scope),
                Some(number) => numbered_crl_path(kind, generation, &scope, number),
            };
            prop_assert_eq!(ListPath::parse(&path), Some(ListPath { key: (kind, generation, scope), number }));
        }
    }

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
