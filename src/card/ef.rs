//! The application's files: what each holds and by which identifier it is selected (profile, "The card").

use crate::kind::Kind;

/// An elementary file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ef {
    /// `0006`
    TokenInfo,
    /// `0001`, `000A`
    Certificate(Kind),
    /// `0002`, `000B`
    CaCertificate(Kind),
    /// `001A`, `0017`
    Key(Kind),
    /// `001B`, `0018`
    Pin(Kind),
}

impl Ef {
    /// The EF with that identifier.
    pub(super) const fn of_identifier(identifier: u16) -> Option<Self> {
        match identifier {
            0x0001 => Some(Self::Certificate(Kind::Sign)),
            0x0002 => Some(Self::CaCertificate(Kind::Sign)),
            0x0006 => Some(Self::TokenInfo),
            0x000A => Some(Self::Certificate(Kind::Auth)),
            0x000B => Some(Self::CaCertificate(Kind::Auth)),
            0x0017 => Some(Self::Key(Kind::Auth)),
            0x0018 => Some(Self::Pin(Kind::Auth)),
            0x001A => Some(Self::Key(Kind::Sign)),
            0x001B => Some(Self::Pin(Kind::Sign)),
            _ => None,
        }
    }

    /// The EF with that short identifier: the low five bits of the long one.
    pub(super) const fn of_short_identifier(octet: u8) -> Option<Self> {
        Self::of_identifier(octet as u16)
    }
}

/// Octets of EF `0006`.
pub(super) const TOKEN_INFO_OCTETS: usize = 160;

/// The content of EF `0006`, laid out as a CK_TOKEN_INFO of PKCS#11 with 32-bit numbers, big-endian.
///
/// The label is the real card's, because clients look for it; the manufacturer is not.
pub(super) fn token_info(serial: &[u8; 16]) -> [u8; TOKEN_INFO_OCTETS] {
    /// flags (login required, user PIN initialised, random number generator, token initialised), sessions, PIN lengths, and
    /// four sizes of memory that are not told.
    const NUMBERS: [u32; 11] = [0x0000_040D, 1, 0, 1, 0, 16, 6, u32::MAX, u32::MAX, u32::MAX, u32::MAX];
    let mut content = [b' '; TOKEN_INFO_OCTETS];
    let mut put = |at: usize, octets: &[u8]| content[at..at + octets.len()].copy_from_slice(octets);
    put(0, b"JPKIAPICCTOKEN2");
    put(32, b"JITSUIN-TEST");
    put(64, b"VIRTUAL CARD");
    put(80, serial);
    for (at, number) in NUMBERS.iter().enumerate() {
        put(96 + 4 * at, &number.to_be_bytes());
    }
    put(140, &[3, 0, 1, 0]); // versions of hardware and firmware
    content
}
