//! The strict DER reader.

use der::{Decode, asn1};
use jitsuin::x509::{
    der::{self as ours, DerError, Element, Reader},
    oid,
};

/// What the reader accepts is written again to the same octets, level by level and type by type; `well_formed` says of the
/// whole what the walk finds; and the `der` crate, strict too, means the same.
pub fn check(data: &[u8]) {
    let walked = walk(data, jitsuin::limits::DER_DEPTH);
    assert_eq!(ours::well_formed(data), walked);
    let mut reader = Reader::new(data);
    let first = reader.any();
    if let Ok(theirs) = asn1::AnyRef::from_der(data) {
        let element = first.expect("the `der` crate reads it");
        assert_eq!((element.content, reader.is_empty()), (theirs.value(), true));
    }
    if let Ok(element) = first {
        assert_eq!([element.der, reader.rest()].concat(), data);
        check_types(element.der);
    }
}

/// Writes every level again.
fn walk(data: &[u8], levels: usize) -> Result<(), DerError> {
    let deeper = levels.checked_sub(1).ok_or(DerError::TooDeep)?;
    let mut reader = Reader::new(data);
    while !reader.is_empty() {
        let before = reader.rest();
        let Element { tag, content, der } = reader.any()?;
        assert_eq!([der, reader.rest()].concat(), before, "nothing is lost between elements");
        let mut again = Vec::new();
        ours::tlv(&mut again, tag, content);
        assert_eq!(again, der);
        assert_eq!(ours::element_length(content.len()), der.len());
        if tag & 0x20 != 0 {
            walk(content, deeper)?;
        }
    }
    Ok(())
}

/// Reads one element as every type there is.
fn check_types(der: &[u8]) {
    let write = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        out
    };
    let same = |out: Vec<u8>| assert_eq!(out, der);
    let integer = Reader::new(der).integer();
    assert_eq!(integer.is_ok(), asn1::IntRef::from_der(der).is_ok(), "INTEGER");
    if let Ok(content) = integer.as_ref().filter_positive() {
        same(write(&|out| ours::unsigned_integer(out, content)));
    }
    let unsigned = Reader::new(der).unsigned();
    assert_eq!(unsigned.ok(), u64::from_der(der).ok());
    if let Ok(number) = unsigned {
        same(write(&|out| ours::integer(out, number)));
    }
    let boolean = Reader::new(der).boolean();
    assert_eq!(boolean.ok(), bool::from_der(der).ok());
    if let Ok(value) = boolean {
        same(write(&|out| ours::boolean(out, value)));
    }
    if let Ok(content) = Reader::new(der).oid() {
        let text = oid::to_text(content);
        // The `der` crate cuts an arc to 32 bits.
        let short = oid::arcs(content).iter().all(|arc| u32::try_from(*arc).is_ok());
        if let (Ok(theirs), true) = (asn1::ObjectIdentifier::from_der(der), short) {
            assert_eq!(text, theirs.to_string());
        }
    }
    assert_eq!(Reader::new(der).null().is_ok(), asn1::Null::from_der(der).is_ok());
    let bits = Reader::new(der).bit_string();
    // The `der` crate lets unused bits be set.
    if let (Ok((unused, octets)), Ok(theirs)) = (bits, asn1::BitStringRef::from_der(der)) {
        assert_eq!((unused, octets), (theirs.unused_bits(), theirs.raw_bytes()));
    }
    if let Ok(octets) = Reader::new(der).bit_octets() {
        same(write(&|out| ours::bit_string(out, octets)));
    }
    if let Ok(time) = Reader::new(der).time() {
        same(write(&|out| ours::time(out, time)));
    }
    if let Ok(time) = Reader::new(der).generalized_time() {
        same(write(&|out| ours::generalized_time(out, time)));
        if let Ok(theirs) = asn1::GeneralizedTime::from_der(der) {
            assert_eq!(time.seconds(), theirs.to_unix_duration().as_secs() as i64);
        }
    }
    let _ = Reader::new(der).default_false(ours::BOOLEAN);
}

/// Keeps what is not negative.
trait FilterPositive<'a> {
    fn filter_positive(self) -> Result<&'a [u8], ()>;
}

impl<'a> FilterPositive<'a> for Result<&&'a [u8], &DerError> {
    fn filter_positive(self) -> Result<&'a [u8], ()> {
        self.ok().filter(|content| content[0] < 0x80).copied().ok_or(())
    }
}
