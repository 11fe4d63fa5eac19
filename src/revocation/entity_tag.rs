//! Strong entity tags (RFC 9110 §8.8.3).

use ring::digest::{Context, SHA256, digest};

use crate::x509::hex;

/// A strong entity tag with its quotes: 128 bits of the SHA-256 of the octets, so equal octets have equal tags on every
/// node and after every restart, and no others do.
#[must_use]
pub fn entity_tag(octets: &[u8]) -> String {
    format!("\"{}\"", head(octets))
}

/// An [`entity_tag`] that lies where its owner lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityTag([u8; 34]);

impl EntityTag {
    /// The tag of octets that lie in parts.
    #[must_use]
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut context = Context::new(&SHA256);
        parts.into_iter().for_each(|part| context.update(part));
        let mut tag = [b'"'; 34];
        let digits = context.finish();
        for (pair, octet) in tag[1..33].chunks_exact_mut(2).zip(digits.as_ref()) {
            pair.copy_from_slice(&[DIGITS[usize::from(octet >> 4)], DIGITS[usize::from(octet & 0xF)]]);
        }
        Self(tag)
    }

    /// The tag with its quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits and quotes are ASCII")
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

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
        assert_eq!(EntityTag::of([&b"ab"[..], b"", b"c"]).as_str(), entity_tag(b"abc"));
    }
}
