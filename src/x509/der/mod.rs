//! Strict DER (X.690 §10): one encoding for one value, and everything else refused.
//!
//! [`Reader`] walks borrowed octets without allocating; the functions of the writing side append to one `Vec<u8>`.
//! Only single-octet tags exist here, because RFC 5280, 6960 and 2986 need no others.

mod fault;
mod read;
mod write;

pub use fault::DerError;
pub use read::{Element, Head, Reader, head, well_formed};
pub use write::{
    bit_string, boolean, build, element_length, generalized_time, integer, length_octets, nested, null, time, tlv,
    unsigned_integer, write_length,
};

/// BOOLEAN.
pub const BOOLEAN: u8 = 0x01;
/// INTEGER.
pub const INTEGER: u8 = 0x02;
/// BIT STRING.
pub const BIT_STRING: u8 = 0x03;
/// OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// NULL.
pub const NULL: u8 = 0x05;
/// OBJECT IDENTIFIER.
pub const OID: u8 = 0x06;
/// ENUMERATED.
pub const ENUMERATED: u8 = 0x0A;
/// UTF8String.
pub const UTF8_STRING: u8 = 0x0C;
/// PrintableString.
pub const PRINTABLE_STRING: u8 = 0x13;
/// IA5String.
pub const IA5_STRING: u8 = 0x16;
/// UTCTime.
pub const UTC_TIME: u8 = 0x17;
/// GeneralizedTime.
pub const GENERALIZED_TIME: u8 = 0x18;
/// SEQUENCE and SEQUENCE OF, always constructed.
pub const SEQUENCE: u8 = 0x30;
/// SET and SET OF, always constructed.
pub const SET: u8 = 0x31;

/// `[number]` around a primitive: IMPLICIT tagging of a string, a BOOLEAN and the like.
#[must_use]
pub const fn context(number: u8) -> u8 {
    0x80 | number
}

/// `[number]` around something constructed: EXPLICIT tagging, or IMPLICIT tagging of a SEQUENCE.
#[must_use]
pub const fn context_constructed(number: u8) -> u8 {
    0xA0 | number
}
