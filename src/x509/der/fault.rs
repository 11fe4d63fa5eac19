//! What can be wrong with octets that should be DER.

use crate::limits::DER_DEPTH;

/// Why octets are not the DER that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DerError {
    /// The octets end before the element does.
    #[error("the DER is truncated")]
    Truncated,
    /// Octets follow where the structure ends.
    #[error("octets follow the end of the DER")]
    Trailing,
    /// Another element stands where this one was expected.
    #[error("expected DER tag {expected:#04x}, found {found:#04x}")]
    Tag {
        /// The tag the structure asks for.
        expected: u8,
        /// The tag that was there.
        found: u8,
    },
    /// A tag number of 31 or more, which none of our structures uses.
    #[error("a DER tag of more than one octet")]
    HighTag,
    /// The indefinite length of BER.
    #[error("an indefinite length: the encoding is BER, not DER")]
    IndefiniteLength,
    /// A length in more octets than it needs, or beyond 32 bits.
    #[error("a length that is not in its shortest form")]
    Length,
    /// The content of a value breaks the rules of its type.
    #[error("a DER {0} with impossible content")]
    Content(&'static str),
    /// More levels than [`DER_DEPTH`].
    #[error("DER nested more than {DER_DEPTH} levels deep")]
    TooDeep,
}
