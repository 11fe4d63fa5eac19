//! RSASP1 (RFC 8017 §5.2.1): the private operation over whatever was padded before.
//!
//! # Why
//! A card pads whatever it is sent (P1 `00`), and the libraries of this service pad only digests that they made or know. So the
//! padding is done beside this ([`signature`](super::signature)), and here is one exponentiation by crypto-bigint, in constant time
//! for the exponent and the message. It does without the primes: an error in one of two halves would give the key away (Boneh,
//! DeMillo, Lipton), and a card has no hurry. What comes out is still checked with the public exponent before it leaves.

use std::fmt;

use crypto_bigint::{
    BoxedUint, Odd,
    modular::{BoxedMontyForm, BoxedMontyParams},
};
use zeroize::{Zeroize, Zeroizing};

use super::KeyFault;
use crate::x509::{
    der::{DerError, Reader},
    oid,
};

/// Bits of the modulus: today's cards have no others (profile, "Keys and signatures").
const BITS: u32 = 2048;
/// Octets of the modulus, of every padded message and of every signature.
pub const RSA_OCTETS: usize = BITS as usize / 8;
/// The public exponent.
const EXPONENT: u32 = 65537;

/// An RSA-2048 private key that is asked for the bare operation. Wiped when dropped, never printed.
pub struct RsaPrivate {
    modulus: BoxedMontyParams,
    exponent: BoxedUint,
}

impl RsaPrivate {
    /// Reads a PKCS#8 PrivateKeyInfo (RFC 5958) with an RSAPrivateKey of two primes (RFC 8017 A.1.2).
    ///
    /// # Errors
    /// [`KeyFault`] for other keys, other sizes, other public exponents, and numbers that do not belong together: a trial shows it.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyFault> {
        let (modulus, exponent) = numbers(der)?;
        let modulus = BoxedUint::from_be_slice(&modulus, BITS).map_err(|_| KeyFault)?;
        let exponent = BoxedUint::from_be_slice(&exponent, BITS).map_err(|_| KeyFault)?;
        let has_all_bits = modulus.bits_vartime() == BITS;
        let modulus = Option::<Odd<_>>::from(Odd::new(modulus)).filter(|_| has_all_bits).ok_or(KeyFault)?;
        let key = Self { modulus: BoxedMontyParams::new_vartime(modulus), exponent };
        key.apply(&[0x5A; RSA_OCTETS - 1])?;
        Ok(key)
    }

    /// The message to the power of the private exponent, as long as the modulus.
    ///
    /// # Errors
    /// [`KeyFault`] where the message is not smaller than the modulus, or the result is wrong.
    pub fn apply(&self, message: &[u8]) -> Result<Vec<u8>, KeyFault> {
        let message = BoxedUint::from_be_slice(message, BITS).map_err(|_| KeyFault)?;
        if message >= *self.modulus.modulus().as_ref() {
            return Err(KeyFault);
        }
        let signature = BoxedMontyForm::new(message.clone(), &self.modulus).pow(&self.exponent);
        let public = BoxedUint::from(EXPONENT);
        let is_right = signature.pow_bounded_exp(&public, u32::BITS).retrieve() == message;
        if is_right { Ok(signature.retrieve().to_be_bytes().into_vec()) } else { Err(KeyFault) }
    }
}

impl Drop for RsaPrivate {
    fn drop(&mut self) {
        self.exponent.zeroize();
    }
}

impl fmt::Debug for RsaPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaPrivate(..)")
    }
}

/// Modulus and private exponent.
fn numbers(pkcs8: &[u8]) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>), KeyFault> {
    let mut reader = Reader::new(pkcs8);
    let key = reader.sequence(|info| {
        info.unsigned()?;
        let is_rsa = info.sequence(|algorithm| {
            let oid = algorithm.oid()?;
            algorithm.null()?;
            Ok::<_, DerError>(oid == oid::RSA_ENCRYPTION)
        })?;
        let key = info.octet_string()?;
        is_rsa.then_some(key).ok_or(KeyFault)
    })?;
    reader.finish()?;
    let mut reader = Reader::new(key);
    let numbers = reader.sequence(|numbers| {
        let version = numbers.unsigned()?;
        let modulus = magnitude(numbers.integer()?);
        let public = numbers.unsigned()?;
        let private = Zeroizing::new(magnitude(numbers.integer()?));
        // Two primes, two exponents and the coefficient, which follow from the rest.
        for _ in 0..5 {
            numbers.integer()?;
        }
        let is_ours = version == 0 && public == u64::from(EXPONENT);
        is_ours.then_some((modulus, private)).ok_or(KeyFault)
    })?;
    reader.finish()?;
    Ok(numbers)
}

/// An INTEGER's octets without the one that is there for the sign.
fn magnitude(content: &[u8]) -> Vec<u8> {
    content.strip_prefix(&[0]).unwrap_or(content).to_vec()
}
