//! Octets as text.

use std::fmt::Write;

/// The octets in lower-case hexadecimal digits.
#[must_use]
pub fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::with_capacity(2 * octets.len()), |mut text, octet| {
        // Writing to a string does not fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// The octets of so many hexadecimal digits, in either case; none for anything else.
#[must_use]
pub fn octets_of_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut octets = [0; N];
    for (octet, at) in octets.iter_mut().zip((0..).step_by(2)) {
        *octet = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_has_two_digits() {
        assert_eq!(hex(&[0, 0x0A, 0xFF]), "000aff");
        assert_eq!(hex(&[]), "");
    }

    #[test]
    fn digits_are_read_back_in_either_case_and_nothing_else_is() {
        assert_eq!(octets_of_hex("000aFF"), Some([0, 0x0A, 0xFF]));
        for bad in ["", "000aF", "000aFFF", "+00aFF", "000aFG", "０００aFF"] {
            assert_eq!(octets_of_hex::<3>(bad), None, "{bad}");
        }
    }
}
