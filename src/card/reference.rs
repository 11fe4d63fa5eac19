//! A PIN and the tries that it has left (P-01 to P-03).

use ring::hmac;
use zeroize::Zeroizing;

use crate::kind::Kind;

/// The new PIN cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPin {
    /// AUTH has 4 characters, SIGN 6 to 16.
    #[error("the PIN has another number of characters: AUTH has 4, SIGN 6 to 16")]
    Length,
    /// AUTH has digits, SIGN has digits and capital letters.
    #[error("the PIN has other characters: AUTH has digits, SIGN has A-Z and 0-9")]
    Characters,
}

/// What the card compares with, and how often it may still be missed in a row. Wiped when dropped, never printed.
#[derive(PartialEq, Eq)]
pub(super) struct Reference {
    value: Zeroizing<Vec<u8>>,
    tries: u8,
}

/// Misses in a row that lock the PIN (P-03).
pub(super) const fn most_tries(kind: Kind) -> u8 {
    match kind {
        Kind::Auth => 3,
        Kind::Sign => 5,
    }
}

impl Reference {
    /// A new PIN with all its tries.
    ///
    /// The card checks what the profile's table says of it; that SIGN needs a letter and a digit (P-01) is for the software that
    /// asks a person for one.
    ///
    /// # Errors
    /// [`BadPin`]; the length is looked at first.
    pub(super) fn new(kind: Kind, pin: &[u8]) -> Result<Self, BadPin> {
        let (lengths, is_allowed): (_, fn(&u8) -> bool) = match kind {
            Kind::Auth => (4..=4, u8::is_ascii_digit),
            Kind::Sign => (6..=16, |octet| octet.is_ascii_digit() || octet.is_ascii_uppercase()),
        };
        match pin {
            _ if !lengths.contains(&pin.len()) => Err(BadPin::Length),
            _ if !pin.iter().all(is_allowed) => Err(BadPin::Characters),
            _ => Ok(Self { value: Zeroizing::new(pin.to_vec()), tries: most_tries(kind) }),
        }
    }

    /// What was read from the card's memory, if it can have been written there.
    pub(super) fn of_memory(kind: Kind, pin: &[u8], tries: u64) -> Option<Self> {
        let tries = u8::try_from(tries).ok().filter(|tries| *tries <= most_tries(kind))?;
        Self::new(kind, pin).ok().map(|reference| Self { tries, ..reference })
    }

    /// How many tries are left; 0: locked, and nothing but the issuer opens it again.
    pub(super) const fn tries(&self) -> u8 {
        self.tries
    }

    /// What goes into the card's memory.
    pub(super) fn value(&self) -> &[u8] {
        &self.value
    }

    /// Takes one try: a hit gives all tries back, a miss costs one. Not to be asked when locked.
    pub(super) fn present(&mut self, kind: Kind, pin: &[u8]) -> bool {
        let hit = self.tries > 0 && is_equal(&self.value, pin);
        self.tries = if hit { most_tries(kind) } else { self.tries.saturating_sub(1) };
        hit
    }
}

/// Compares without telling by time where two PINs begin to differ: their HMACs are compared in constant time. The key is no secret,
/// for nothing is kept.
fn is_equal(one: &[u8], other: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"comparison of PINs");
    hmac::verify(&key, one, hmac::sign(&key, other).as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_of_another_form_are_refused() {
        let refused = |kind, pin: &[u8]| Reference::new(kind, pin).err();
        for bad in [&b""[..], b"123", b"12345", b"123456"] {
            assert_eq!(refused(Kind::Auth, bad), Some(BadPin::Length));
        }
        for bad in [&b"123A"[..], b"12 4", b"\x001\x002"] {
            assert_eq!(refused(Kind::Auth, bad), Some(BadPin::Characters));
        }
        for bad in [&b""[..], b"ABC12", b"ABCDEFGHIJKLMNO12"] {
            assert_eq!(refused(Kind::Sign, bad), Some(BadPin::Length));
        }
        for bad in [&b"abc123"[..], b"ABC 12", b"ABC-12", b"ABC12\xFF", b"ABC12\0"] {
            assert_eq!(refused(Kind::Sign, bad), Some(BadPin::Characters));
        }
        for good in [&b"ABC123"[..], b"ABCDEF", b"123456", b"ABCDEFGHIJKLMN12"] {
            assert_eq!(refused(Kind::Sign, good), None);
        }
    }

    #[test]
    fn memory_that_says_more_tries_than_there_are_is_not_believed() {
        assert!(Reference::of_memory(Kind::Auth, b"1234", 4).is_none());
        assert!(Reference::of_memory(Kind::Sign, b"ABC123", 6).is_none());
        assert!(Reference::of_memory(Kind::Sign, b"ABC123", 256).is_none());
        assert_eq!(Reference::of_memory(Kind::Sign, b"ABC123", 0).map(|reference| reference.tries()), Some(0));
    }

    #[test]
    fn a_locked_pin_is_hit_by_nothing() {
        let mut reference = Reference::new(Kind::Auth, b"1234").unwrap();
        for left in [2, 1, 0] {
            assert!(!reference.present(Kind::Auth, b"0000"));
            assert_eq!(reference.tries(), left);
        }
        assert!(!reference.present(Kind::Auth, b"1234"));
        assert_eq!(reference.tries(), 0);
    }
}
