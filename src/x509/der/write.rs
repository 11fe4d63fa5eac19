//! The writing side: functions that append to one `Vec<u8>`.

use super::{BIT_STRING, BOOLEAN, GENERALIZED_TIME, INTEGER, NULL, UTC_TIME};
use crate::x509::UnixTime;

/// Number of octets that the length field of `content` octets takes.
#[must_use]
pub const fn length_octets(content: usize) -> usize {
    if content < 0x80 { 1 } else { 1 + significant_octets(content) }
}

/// Octets of a whole element with this many octets of content.
#[must_use]
pub const fn element_length(content: usize) -> usize {
    1 + length_octets(content) + content
}

/// Appends a length field.
pub fn write_length(out: &mut Vec<u8>, content: usize) {
    if content < 0x80 {
        out.push(content as u8);
        return;
    }
    let count = significant_octets(content);
    out.push(0x80 | count as u8);
    out.extend_from_slice(&content.to_be_bytes()[size_of::<usize>() - count..]);
}

/// Appends an element.
pub fn tlv(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    write_length(out, content.len());
    out.extend_from_slice(content);
}

/// Appends an element whose content `write_content` appends; the length is filled in afterwards.
///
/// Content of 128 octets or more is moved once to make room for its length; where that matters, compute the size first and
/// use [`write_length`].
pub fn nested(out: &mut Vec<u8>, tag: u8, write_content: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[tag, 0]);
    let start = out.len();
    write_content(out);
    let content = out.len() - start;
    if content < 0x80 {
        out[start - 1] = content as u8;
        return;
    }
    let count = significant_octets(content);
    out[start - 1] = 0x80 | count as u8;
    let octets = content.to_be_bytes();
    out.splice(start..start, octets[octets.len() - count..].iter().copied());
}

/// Builds one element with [`nested`] in a vector of its own.
#[must_use]
pub fn build(tag: u8, write_content: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    nested(&mut out, tag, write_content);
    out
}

/// Appends a BOOLEAN.
pub fn boolean(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(&[BOOLEAN, 1, if value { 0xFF } else { 0 }]);
}

/// Appends a NULL.
pub fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(&[NULL, 0]);
}

/// Appends an INTEGER.
pub fn integer(out: &mut Vec<u8>, value: u64) {
    unsigned_integer(out, &value.to_be_bytes());
}

/// Appends an INTEGER that is not negative, given as big-endian octets with any number of leading zeros.
pub fn unsigned_integer(out: &mut Vec<u8>, magnitude: &[u8]) {
    let leading = magnitude.iter().take_while(|octet| **octet == 0).count();
    let digits = &magnitude[leading..];
    let sign_octet = digits.first().is_none_or(|first| *first >= 0x80);
    out.push(INTEGER);
    write_length(out, digits.len() + usize::from(sign_octet));
    if sign_octet {
        out.push(0);
    }
    out.extend_from_slice(digits);
}

/// Appends a BIT STRING of whole octets: a key or a signature.
pub fn bit_string(out: &mut Vec<u8>, octets: &[u8]) {
    out.push(BIT_STRING);
    write_length(out, octets.len() + 1);
    out.push(0);
    out.extend_from_slice(octets);
}

/// Appends a Time: UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5).
pub fn time(out: &mut Vec<u8>, at: UnixTime) {
    if at.needs_generalized() { generalized_time(out, at) } else { tlv(out, UTC_TIME, &at.utc_time()) }
}

/// Appends a GeneralizedTime of whole seconds in UTC.
pub fn generalized_time(out: &mut Vec<u8>, at: UnixTime) {
    tlv(out, GENERALIZED_TIME, &at.generalized_time());
}

/// Octets of a number without leading zeros; 0 for 0.
const fn significant_octets(number: usize) -> usize {
    (usize::BITS - number.leading_zeros()).div_ceil(8) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::x509::der::{OCTET_STRING, Reader, SEQUENCE};

    #[test]
    fn lengths_grow_at_the_edges() {
        for (content, field) in [
            (0, &[0][..]),
            (127, &[127]),
            (128, &[0x81, 128]),
            (255, &[0x81, 255]),
            (256, &[0x82, 1, 0]),
            (65536, &[0x83, 1, 0, 0]),
        ] {
            let mut out = Vec::new();
            write_length(&mut out, content);
            assert_eq!(out, field);
            assert_eq!(length_octets(content), field.len());
        }
    }

    #[test]
    fn numbers_take_their_shortest_form() {
        for (value, der) in [(0, &[2, 1, 0][..]), (127, &[2, 1, 127]), (128, &[2, 2, 0, 128]), (256, &[2, 2, 1, 0])] {
            let mut out = Vec::new();
            integer(&mut out, value);
            assert_eq!(out, der);
        }
    }

    proptest! {
        #[test]
        fn nesting_equals_wrapping(content in proptest::collection::vec(any::<u8>(), 0..70_000)) {
            let nested = build(SEQUENCE, |out| tlv(out, OCTET_STRING, &content));
            let mut inner = Vec::new();
            tlv(&mut inner, OCTET_STRING, &content);
            let mut wrapped = Vec::new();
            tlv(&mut wrapped, SEQUENCE, &inner);
            prop_assert_eq!(&nested, &wrapped);
            prop_assert_eq!(nested.len(), element_length(element_length(content.len())));
            let mut reader = Reader::new(&nested);
            let read: Result<&[u8], crate::x509::der::DerError> = reader.sequence(Reader::octet_string);
            prop_assert_eq!(read, Ok(content.as_slice()));
        }

        #[test]
        fn numbers_are_read_as_written(value: u64) {
            let mut out = Vec::new();
            integer(&mut out, value);
            prop_assert_eq!(Reader::new(&out).unsigned(), Ok(value));
        }

        #[test]
        fn any_octets_are_refused_or_have_one_reading(octets in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut reader = Reader::new(&octets);
            if let Ok(element) = reader.any() {
                let mut again = Vec::new();
                tlv(&mut again, element.tag, element.content);
                prop_assert_eq!(again, element.der);
            }
        }
    }
}
