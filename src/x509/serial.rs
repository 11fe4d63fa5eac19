//! CertificateSerialNumber: a positive INTEGER of at most 20 octets (RFC 5280 §4.1.2.2).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limits::SERIAL_OCTETS;

/// A serial number: the content octets of its DER INTEGER, minimal and positive.
///
/// Text form is upper-case hex of those octets without separators, as `openssl x509 -serial` prints it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial {
    length: u8,
    octets: [u8; SERIAL_OCTETS],
}

/// The octets are no serial number: empty, longer than 20, zero, negative or not minimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a serial number is a positive INTEGER of 1 to 20 octets in its shortest form")]
pub struct NotASerial;

impl Serial {
    /// Takes the content octets of a DER INTEGER.
    ///
    /// # Errors
    /// [`NotASerial`] unless they are a positive number of at most 20 octets in its shortest form.
    pub fn from_octets(octets: &[u8]) -> Result<Self, NotASerial> {
        let minimal = match octets {
            [] | [0] => false,
            [0, second, ..] => *second >= 0x80,
            [first, ..] => *first < 0x80,
        };
        if !minimal || octets.len() > SERIAL_OCTETS {
            return Err(NotASerial);
        }
        let mut padded = [0; SERIAL_OCTETS];
        padded[..octets.len()].copy_from_slice(octets);
        Ok(Self { length: octets.len() as u8, octets: padded })
    }

    /// The content octets of the DER INTEGER.
    #[must_use]
    #[inline]
    pub fn octets(&self) -> &[u8] {
        &self.octets[..usize::from(self.length)]
    }

    /// The serial number of so many of these octets, which were one's own once: what a snapshot gives back.
    #[inline]
    pub(super) fn from_own(length: usize, mut octets: [u8; SERIAL_OCTETS]) -> Self {
        let length = length.min(SERIAL_OCTETS);
        // What follows is none of it; a loop of fixed length is a few instructions, a copy of unknown length is a call.
        for (at, octet) in octets.iter_mut().enumerate() {
            *octet = if at < length { *octet } else { 0 };
        }
        Self { length: length as u8, octets }
    }

    /// The content octets, followed by zeros: an encoder copies them at once.
    #[inline]
    pub(super) const fn padded(&self) -> &[u8; SERIAL_OCTETS] {
        &self.octets
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.octets().iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Serial {
    type Err = NotASerial;

    /// Reads upper- or lower-case hex, with or without the leading `00` and with an odd digit count, as tools print it.
    fn from_str(hex: &str) -> Result<Self, NotASerial> {
        let digits = hex.trim_start_matches('0').as_bytes();
        if digits.is_empty() || digits.len() > 2 * SERIAL_OCTETS {
            return Err(NotASerial);
        }
        let mut octets = Vec::with_capacity(SERIAL_OCTETS + 1);
        for pair in digits.rchunks(2) {
            let value = pair.iter().try_fold(0u8, |value, digit| {
                let digit = char::from(*digit).to_digit(16).ok_or(NotASerial)?;
                Ok(value << 4 | digit as u8)
            })?;
            octets.insert(0, value);
        }
        if octets[0] >= 0x80 {
            octets.insert(0, 0);
        }
        Self::from_octets(&octets)
    }
}

impl Serialize for Serial {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Serial {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(input)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_positive_minimal_numbers_are_serials() {
        assert!(Serial::from_octets(&[1]).is_ok());
        assert!(Serial::from_octets(&[0, 0x80]).is_ok());
        assert!(Serial::from_octets(&[0x7F; 20]).is_ok());
        for bad in [&[][..], &[0], &[0, 1], &[0x80], &[0xFF; 20], &[1; 21]] {
            assert_eq!(Serial::from_octets(bad), Err(NotASerial), "{bad:?}");
        }
    }

    #[test]
    fn hex_is_read_as_tools_print_it() {
        let serial = Serial::from_octets(&[0, 0xAB, 0x0C]).unwrap();
        for text in ["AB0C", "ab0c", "00AB0C"] {
            assert_eq!(text.parse(), Ok(serial));
        }
        assert_eq!("1AB".parse(), Serial::from_octets(&[1, 0xAB]));
        for bad in ["", "00", "0x12", "12 34", "-1", &"7F".repeat(21)] {
            assert_eq!(bad.parse::<Serial>(), Err(NotASerial), "{bad}");
        }
    }
}
