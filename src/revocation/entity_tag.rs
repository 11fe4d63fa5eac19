//! Strong entity tags (RFC 9110 §8.8.3).

use ring::digest::{SHA256, digest};

use crate::x509::hex;

/// A strong entity tag with its quotes: 128 bits of the SHA-256 of the octets, so equal octets have equal tags on every
/// node and after every restart, and no others do.
#[must_use]
pub fn entity_tag(octets: &[u8]) -> String {
    format!("\"{}\"", head(octets))
}

/// The same tag, where the SHA-256 of the octets is known already.
#[must_use]
pub fn tag_of_digest(digest: &[u8; 32]) -> String {
    format!("\"{}\"", hex(&digest[..16]))
}

/// As [`entity_tag`], for octets in gzip, which is told: `"0a1b…-gzip"`. The digest is that of the coded octets: another
/// version of the compressor makes others of the same list.
#[must_use]
pub fn gzip_tag(octets: &[u8]) -> String {
    format!("\"{}-gzip\"", head(octets))
}

fn head(octets: &[u8]) -> String {
    hex(&digest(&SHA256, octets).as_ref()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_32_digits_in_quotes_and_other_octets_have_another() {
        assert_eq!(entity_tag(b""), "\"e3b0c44298fc1c149afbf4c8996fb924\"");
        assert_eq!(gzip_tag(b""), "\"e3b0c44298fc1c149afbf4c8996fb924-gzip\"");
        assert_ne!(entity_tag(b"a"), entity_tag(b"b"));
    }
}
