//! The reading side: a cursor over borrowed octets.

use super::{BIT_STRING, BOOLEAN, DerError, GENERALIZED_TIME, INTEGER, NULL, OCTET_STRING, OID, SEQUENCE, UTC_TIME};
use crate::{limits::DER_DEPTH, x509::UnixTime};

/// One element: its tag, its content and the whole of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// The identifier octet.
    pub tag: u8,
    /// The content octets.
    pub content: &'a [u8],
    /// Identifier, length and content octets.
    pub der: &'a [u8],
}

/// A cursor over the elements of one level.
///
/// Dropping it without [`finish`](Self::finish) says that trailing elements do not matter; nearly nobody may say so.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts before the first element.
    #[must_use]
    pub const fn new(der: &'a [u8]) -> Self {
        Self { rest: der }
    }

    /// What has not been read.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next element, if there is one.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Ends the level.
    ///
    /// # Errors
    /// [`DerError::Trailing`] if something was not read.
    pub const fn finish(self) -> Result<(), DerError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DerError::Trailing) }
    }

    /// Reads the next element, whatever it is.
    ///
    /// # Errors
    /// [`DerError`] if it is truncated, its tag has several octets, or its length is not definite and shortest.
    pub fn any(&mut self) -> Result<Element<'a>, DerError> {
        let Head { tag, octets, content } = head(self.rest)?;
        let after = &self.rest[octets..];
        let (content, rest) = after.split_at_checked(content).ok_or(DerError::Truncated)?;
        let der = &self.rest[..self.rest.len() - rest.len()];
        self.rest = rest;
        Ok(Element { tag, content, der })
    }

    /// Reads the content of the next element, which must have this tag.
    ///
    /// # Errors
    /// [`DerError`] if it has another, or is malformed.
    #[inline]
    pub fn read(&mut self, tag: u8) -> Result<&'a [u8], DerError> {
        self.element(tag).map(|element| element.content)
    }

    /// Reads the next element whole, tag and length included.
    ///
    /// # Errors
    /// [`DerError`] if it has another tag, or is malformed.
    pub fn read_tlv(&mut self, tag: u8) -> Result<&'a [u8], DerError> {
        self.element(tag).map(|element| element.der)
    }

    /// Reads the content of the next element if it has this tag; an element with another tag stays.
    ///
    /// # Errors
    /// [`DerError`] if it has this tag and is malformed.
    pub fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, DerError> {
        if self.peek() == Some(tag) { self.read(tag).map(Some) } else { Ok(None) }
    }

    /// Reads an element with this tag and everything in it; what `read_content` leaves is refused.
    ///
    /// # Errors
    /// Those of the element, of `read_content`, and [`DerError::Trailing`].
    #[inline]
    pub fn nested<T, E: From<DerError>>(
        &mut self,
        tag: u8,
        read_content: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut inner = Self::new(self.read(tag)?);
        let value = read_content(&mut inner)?;
        inner.finish()?;
        Ok(value)
    }

    /// Reads a SEQUENCE and everything in it.
    ///
    /// # Errors
    /// Those of [`nested`](Self::nested).
    #[inline]
    pub fn sequence<T, E: From<DerError>>(
        &mut self,
        read_content: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.nested(SEQUENCE, read_content)
    }

    /// Reads the content octets of an INTEGER in its shortest form, negative ones too.
    ///
    /// # Errors
    /// [`DerError::Content`] if it is empty or has needless leading octets.
    pub fn integer(&mut self) -> Result<&'a [u8], DerError> {
        let content = self.read(INTEGER)?;
        match content {
            [] => Err(DerError::Content("INTEGER")),
            [0, second, ..] if *second < 0x80 => Err(DerError::Content("INTEGER")),
            [0xFF, second, ..] if *second >= 0x80 => Err(DerError::Content("INTEGER")),
            _ => Ok(content),
        }
    }

    /// Reads an INTEGER that is not negative and fits 64 bits.
    ///
    /// # Errors
    /// [`DerError::Content`] for any other.
    pub fn unsigned(&mut self) -> Result<u64, DerError> {
        let content = self.integer()?;
        let magnitude = content.strip_prefix(&[0]).unwrap_or(content);
        if content[0] >= 0x80 || magnitude.len() > 8 {
            return Err(DerError::Content("INTEGER"));
        }
        Ok(magnitude.iter().fold(0, |value, octet| value << 8 | u64::from(*octet)))
    }

    /// Reads a BOOLEAN: `FF` or `00` and nothing between.
    ///
    /// # Errors
    /// [`DerError::Content`] for other content.
    pub fn boolean(&mut self) -> Result<bool, DerError> {
        boolean_content(self.read(BOOLEAN)?)
    }

    /// Reads a BOOLEAN DEFAULT FALSE, which DER writes only when it is TRUE (X.690 §11.5).
    ///
    /// # Errors
    /// [`DerError::Content`] if FALSE is written out.
    pub fn default_false(&mut self, tag: u8) -> Result<bool, DerError> {
        match self.optional(tag)? {
            None => Ok(false),
            Some(content) if boolean_content(content)? => Ok(true),
            Some(_) => Err(DerError::Content("BOOLEAN DEFAULT FALSE")),
        }
    }

    /// Reads the content octets of an OBJECT IDENTIFIER.
    ///
    /// # Errors
    /// [`DerError::Content`] if an arc is unfinished or has leading zeros.
    pub fn oid(&mut self) -> Result<&'a [u8], DerError> {
        let content = self.read(OID)?;
        let ends_open = content.last().is_none_or(|octet| *octet >= 0x80);
        let starts_with_zeros = |arc: &[u8]| arc.first() == Some(&0x80);
        if ends_open || content.split_inclusive(|octet| *octet < 0x80).any(starts_with_zeros) {
            return Err(DerError::Content("OBJECT IDENTIFIER"));
        }
        Ok(content)
    }

    /// Reads a NULL.
    ///
    /// # Errors
    /// [`DerError::Content`] if it is not empty.
    pub fn null(&mut self) -> Result<(), DerError> {
        if self.read(NULL)?.is_empty() { Ok(()) } else { Err(DerError::Content("NULL")) }
    }

    /// Reads the octets of an OCTET STRING.
    ///
    /// # Errors
    /// [`DerError`] if it is another element.
    pub fn octet_string(&mut self) -> Result<&'a [u8], DerError> {
        self.read(OCTET_STRING)
    }

    /// Reads a BIT STRING: the number of unused bits and the octets.
    ///
    /// # Errors
    /// [`DerError::Content`] if more than 7 bits are unused, or unused bits are set.
    pub fn bit_string(&mut self) -> Result<(u8, &'a [u8]), DerError> {
        let wrong = DerError::Content("BIT STRING");
        let (&unused, octets) = self.read(BIT_STRING)?.split_first().ok_or(wrong)?;
        let last = octets.last().copied().unwrap_or(0);
        if unused > 7 || (unused > 0 && octets.is_empty()) || last & ((1 << unused) - 1) != 0 {
            return Err(wrong);
        }
        Ok((unused, octets))
    }

    /// Reads a BIT STRING of whole octets: a key or a signature.
    ///
    /// # Errors
    /// [`DerError::Content`] if bits are unused.
    pub fn bit_octets(&mut self) -> Result<&'a [u8], DerError> {
        match self.bit_string()? {
            (0, octets) => Ok(octets),
            _ => Err(DerError::Content("BIT STRING")),
        }
    }

    /// Reads a Time as RFC 5280 §4.1.2.5 wants it: UTCTime through 2049, GeneralizedTime from 2050.
    ///
    /// # Errors
    /// [`DerError::Content`] for another form, or the wrong form for the year.
    pub fn time(&mut self) -> Result<UnixTime, DerError> {
        let (time, generalized) = match self.any()? {
            Element { tag: UTC_TIME, content, .. } => (UnixTime::from_utc_time(content), false),
            Element { tag: GENERALIZED_TIME, content, .. } => (UnixTime::from_generalized_time(content), true),
            Element { tag, .. } => return Err(DerError::Tag { expected: UTC_TIME, found: tag }),
        };
        match time {
            Ok(time) if time.needs_generalized() == generalized => Ok(time),
            _ => Err(DerError::Content("Time")),
        }
    }

    /// Reads a GeneralizedTime of whole seconds in UTC.
    ///
    /// # Errors
    /// [`DerError::Content`] for another form.
    pub fn generalized_time(&mut self) -> Result<UnixTime, DerError> {
        let content = self.read(GENERALIZED_TIME)?;
        UnixTime::from_generalized_time(content).map_err(|_| DerError::Content("GeneralizedTime"))
    }

    fn element(&mut self, tag: u8) -> Result<Element<'a>, DerError> {
        match self.peek() {
            Some(found) if found != tag => Err(DerError::Tag { expected: tag, found }),
            _ => self.any(),
        }
    }
}

/// The beginning of an element: what a reader knows that has not got its content yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The identifier octet.
    pub tag: u8,
    /// Octets of identifier and length.
    pub octets: usize,
    /// Octets of the content that follows.
    pub content: usize,
}

/// Reads the beginning of the element with which these octets begin; at most 6 of them are looked at.
///
/// # Errors
/// [`DerError`] if it is truncated, its tag has several octets, or its length is not definite and shortest.
pub fn head(octets: &[u8]) -> Result<Head, DerError> {
    let &[tag, first, ref after @ ..] = octets else { return Err(DerError::Truncated) };
    if tag & 0x1F == 0x1F {
        return Err(DerError::HighTag);
    }
    let (content, rest) = match first {
        0..=0x7F => (usize::from(first), after),
        0x80 => return Err(DerError::IndefiniteLength),
        0x81..=0x84 => long_length(usize::from(first & 0x7F), after)?,
        _ => return Err(DerError::Length),
    };
    Ok(Head { tag, octets: octets.len() - rest.len(), content })
}

/// Reads the octets of a long-form length; `count` is 1 to 4.
fn long_length(count: usize, after: &[u8]) -> Result<(usize, &[u8]), DerError> {
    let (octets, after) = after.split_at_checked(count).ok_or(DerError::Truncated)?;
    let length = octets.iter().fold(0usize, |length, octet| length << 8 | usize::from(*octet));
    if length < 0x80 || octets[0] == 0 {
        return Err(DerError::Length);
    }
    Ok((length, after))
}

fn boolean_content(content: &[u8]) -> Result<bool, DerError> {
    match content {
        [0x00] => Ok(false),
        [0xFF] => Ok(true),
        _ => Err(DerError::Content("BOOLEAN")),
    }
}

/// Checks that octets are elements all the way down, for parts that are refused or skipped but never looked into.
///
/// # Errors
/// [`DerError`] for the first malformed element, and [`DerError::TooDeep`] past [`DER_DEPTH`] levels.
pub fn well_formed(der: &[u8]) -> Result<(), DerError> {
    well_formed_to(der, DER_DEPTH)
}

fn well_formed_to(der: &[u8], levels: usize) -> Result<(), DerError> {
    let deeper = levels.checked_sub(1).ok_or(DerError::TooDeep)?;
    let mut reader = Reader::new(der);
    while !reader.is_empty() {
        let element = reader.any()?;
        if element.tag & 0x20 != 0 {
            well_formed_to(element.content, deeper)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_must_be_definite_minimal_and_covered() {
        let cases: [(&[u8], DerError); 9] = [
            (&[], DerError::Truncated),
            (&[0x04], DerError::Truncated),
            (&[0x04, 2, 1], DerError::Truncated),
            (&[0x04, 0x80, 1, 0, 0], DerError::IndefiniteLength),
            (&[0x04, 0x81, 1, 1], DerError::Length),
            (&[0x04, 0x82, 0, 0x80, 1], DerError::Length),
            (&[0x04, 0x85, 0, 0, 0, 0, 1, 1], DerError::Length),
            (&[0x04, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], DerError::Truncated),
            (&[0x1F, 1, 0], DerError::HighTag),
        ];
        for (der, fault) in cases {
            assert_eq!(Reader::new(der).any(), Err(fault), "{der:02x?}");
        }
    }

    #[test]
    fn values_have_one_encoding() {
        for bad in [&[2, 0][..], &[2, 2, 0, 1], &[2, 2, 0xFF, 0x80]] {
            assert_eq!(Reader::new(bad).integer(), Err(DerError::Content("INTEGER")), "{bad:02x?}");
        }
        for bad in [&[1, 0][..], &[1, 1, 1], &[1, 2, 0xFF, 0xFF]] {
            assert!(Reader::new(bad).boolean().is_err(), "{bad:02x?}");
        }
        assert!(Reader::new(&[1, 1, 0]).default_false(BOOLEAN).is_err(), "FALSE is the default and stays unwritten");
        for bad in [&[6, 0][..], &[6, 1, 0x80], &[6, 2, 0x2A, 0x80], &[6, 3, 0x2A, 0x80, 1]] {
            assert!(Reader::new(bad).oid().is_err(), "{bad:02x?}");
        }
        for bad in [&[3, 0][..], &[3, 1, 1], &[3, 2, 8, 0], &[3, 2, 1, 1]] {
            assert!(Reader::new(bad).bit_string().is_err(), "{bad:02x?}");
        }
        assert!(Reader::new(&[3, 2, 1, 2]).bit_octets().is_err());
        assert!(Reader::new(&[5, 1, 0]).null().is_err());
    }

    #[test]
    fn unsigned_refuses_negative_and_wide_numbers() {
        assert_eq!(Reader::new(&[2, 9, 0, 255, 255, 255, 255, 255, 255, 255, 255]).unsigned(), Ok(u64::MAX));
        assert!(Reader::new(&[2, 1, 0x80]).unsigned().is_err());
        assert!(Reader::new(&[2, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0]).unsigned().is_err());
    }

    #[test]
    fn the_form_of_a_time_follows_its_year() {
        let time = |tag: u8, text: &str| {
            let der = [&[tag, text.len() as u8], text.as_bytes()].concat();
            Reader::new(&der).time().map(|time| time.to_string())
        };
        assert_eq!(time(UTC_TIME, "491231235959Z").unwrap(), "2049-12-31T23:59:59Z");
        assert_eq!(time(GENERALIZED_TIME, "20500101000000Z").unwrap(), "2050-01-01T00:00:00Z");
        assert!(time(GENERALIZED_TIME, "20491231235959Z").is_err());
        assert!(time(INTEGER, "491231235959Z").is_err());
    }

    #[test]
    fn what_is_left_over_is_refused() {
        let two = [0x30, 6, 2, 1, 1, 2, 1, 2];
        let one_read: Result<u64, DerError> = Reader::new(&two).sequence(Reader::unsigned);
        assert_eq!(one_read, Err(DerError::Trailing));
        assert_eq!(Reader::new(&two[..2]).finish(), Err(DerError::Trailing));
    }

    #[test]
    fn depth_is_bounded() {
        let nest = |levels: usize| {
            (0..levels).fold(vec![5, 0], |inner, _| [&[SEQUENCE, inner.len() as u8][..], inner.as_slice()].concat())
        };
        assert_eq!(well_formed(&nest(DER_DEPTH - 1)), Ok(()));
        assert_eq!(well_formed(&nest(DER_DEPTH)), Err(DerError::TooDeep));
        assert_eq!(well_formed(&[0x30, 2, 4, 1]), Err(DerError::Truncated));
    }
}
