//! Serial numbers as permuted dense indexes.
//!
//! A serial is 17 octets: the number of the serial key (`0x01..=0x7F`), then one AES-128 block,
//! `E_k( CA id (1) ‖ zeros (7) ‖ index (8, big-endian) )`. Outside it is unpredictable (CA/B BR §7.1 asks for 64 bits of
//! it); inside it decodes to a dense index, so that the state of every certificate is a bit array and a serial that
//! was never given out is recognised by its zeros without any look-up.

use aes::{
    Aes128,
    cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit},
};

use crate::{kind::Kind, x509::Serial};

/// Octets of a permuted serial.
const OCTETS: usize = 17;

/// The secret permutation between indexes and serials of both CAs.
#[derive(Clone)]
pub struct SerialPermutation {
    number: u8,
    cipher: Aes128,
}

/// A serial key's number is not in `1..=127`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the number of a serial key is 1 to 127, so that every serial is positive and 17 octets long")]
pub struct NotASerialKey;

impl SerialPermutation {
    /// The permutation under the serial key of that number (1 to 127).
    ///
    /// # Errors
    /// [`NotASerialKey`] for another number.
    pub fn new(number: u8, key: &[u8; 16]) -> Result<Self, NotASerialKey> {
        if !(1..=0x7F).contains(&number) {
            return Err(NotASerialKey);
        }
        Ok(Self { number, cipher: Aes128::new(&Array::from(*key)) })
    }

    /// The serial of an index.
    #[must_use]
    pub fn serial(&self, kind: Kind, index: u64) -> Serial {
        let mut block = Array::from([0; 16]);
        block[0] = kind.id();
        block[8..].copy_from_slice(&index.to_be_bytes());
        self.cipher.encrypt_block(&mut block);
        let mut octets = [self.number; OCTETS];
        octets[1..].copy_from_slice(&block);
        Serial::from_octets(&octets).expect("first octet 1..=127 makes 17 octets a minimal positive number")
    }

    /// The index of a serial, or nothing if no certificate of this CA can bear it.
    ///
    /// Takes the content octets of any INTEGER, as requests carry them.
    #[must_use]
    pub fn index(&self, kind: Kind, serial: &[u8]) -> Option<u64> {
        let (&number, block) = serial.split_first()?;
        let mut block = Array::from(<[u8; 16]>::try_from(block).ok()?);
        if number != self.number {
            return None;
        }
        self.cipher.decrypt_block(&mut block);
        let (head, index) = block.split_at(8);
        let index = u64::from_be_bytes(index.try_into().ok()?);
        (head == [kind.id(), 0, 0, 0, 0, 0, 0, 0]).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn permutation() -> SerialPermutation {
        SerialPermutation::new(1, b"JITSUIN-TEST-KEY").unwrap()
    }

    #[test]
    fn key_numbers_outside_1_to_127_are_refused() {
        for number in [0, 0x80, 0xFF] {
            assert!(SerialPermutation::new(number, &[0; 16]).is_err());
        }
    }

    proptest! {
        #[test]
        fn a_serial_decodes_to_its_index_and_to_none_of_the_other_ca(index: u64) {
            let permutation = permutation();
            let serial = permutation.serial(Kind::Sign, index);
            prop_assert_eq!(serial.octets().len(), 17);
            prop_assert_eq!(permutation.index(Kind::Sign, serial.octets()), Some(index));
            prop_assert_eq!(permutation.index(Kind::Auth, serial.octets()), None);
        }

        #[test]
        fn random_octets_are_nobody_s_serial(octets in proptest::collection::vec(any::<u8>(), 0..24)) {
            prop_assert_eq!(permutation().index(Kind::Sign, &octets), None);
        }

        #[test]
        fn a_flipped_bit_is_nobody_s_serial(index: u64, bit in 0usize..136) {
            let permutation = permutation();
            let mut octets = permutation.serial(Kind::Auth, index).octets().to_vec();
            octets[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(permutation.index(Kind::Auth, &octets), None);
        }
    }
}
