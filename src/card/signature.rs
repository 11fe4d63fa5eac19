//! COMPUTE DIGITAL SIGNATURE: what P1 makes of the octets that were sent (profile, "The card").

use ring::digest::{Algorithm, SHA256, SHA384, digest};

use super::{KeyFault, Randomness, StatusWord, rsa::RSA_OCTETS};
use crate::x509::{
    KeyAlgorithm,
    der::{DerError, Reader, SEQUENCE, build, unsigned_integer},
};

/// Octets of SHA-256, and of the salt of PSS.
const SHA256_OCTETS: usize = 32;
/// The most octets that padding of type 1 has room for: 00 01, eight times FF, and 00 come before them (RFC 8017 §9.2).
pub(super) const MOST_RAW_OCTETS: usize = RSA_OCTETS - 11;
/// DigestInfo of SHA-256 up to the digest (RFC 8017 §9.2, note 1).
const SHA256_DIGEST_INFO: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// What P1 asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `00` PKCS#1 v1.5 over what was sent; the client sends the DigestInfo.
    Raw,
    /// `01` PKCS#1 v1.5 over the bare SHA-256 of what was sent.
    Bare,
    /// `02` PKCS#1 v1.5 over the DigestInfo of the digest that was sent.
    Digest,
    /// `03` PKCS#1 v1.5 over the DigestInfo of the SHA-256 of what was sent.
    Message,
    /// `04` PSS over the digest that was sent.
    DigestPss,
    /// `05` PSS over the SHA-256 of what was sent.
    MessagePss,
}

impl Form {
    /// # Errors
    /// [`StatusWord::WRONG_PARAMETERS`] for any other P1.
    pub(super) const fn of_p1(p1: u8) -> Result<Self, StatusWord> {
        Ok(match p1 {
            0 => Self::Raw,
            1 => Self::Bare,
            2 => Self::Digest,
            3 => Self::Message,
            4 => Self::DigestPss,
            5 => Self::MessagePss,
            _ => return Err(StatusWord::WRONG_PARAMETERS),
        })
    }

    /// What the key's bare operation is done over: a padded message, or for ECDSA a digest.
    ///
    /// # Errors
    /// [`StatusWord::CONDITIONS`] for a number of octets that the form does not take; [`StatusWord::WRONG_PARAMETERS`] for a form
    /// that ECDSA does not have; [`StatusWord::NO_DIAGNOSIS`] without randomness for the salt.
    pub(super) fn operand(
        self,
        algorithm: KeyAlgorithm,
        data: &[u8],
        random: &dyn Randomness,
    ) -> Result<Vec<u8>, StatusWord> {
        match algorithm {
            KeyAlgorithm::Rsa(_) => self.padded(data, random),
            KeyAlgorithm::P256 => self.digested(data, &SHA256),
            KeyAlgorithm::P384 => self.digested(data, &SHA384),
        }
    }

    fn padded(self, data: &[u8], random: &dyn Randomness) -> Result<Vec<u8>, StatusWord> {
        let hash = || digest(&SHA256, data);
        let sent = || <&[u8; SHA256_OCTETS]>::try_from(data).map_err(|_| StatusWord::CONDITIONS);
        match self {
            Self::Raw if data.len() > MOST_RAW_OCTETS => Err(StatusWord::CONDITIONS),
            Self::Raw => Ok(type_1(data)),
            Self::Bare => Ok(type_1(hash().as_ref())),
            Self::Digest => Ok(type_1(&[&SHA256_DIGEST_INFO[..], sent()?].concat())),
            Self::Message => Ok(type_1(&[&SHA256_DIGEST_INFO[..], hash().as_ref()].concat())),
            Self::DigestPss => pss(sent()?, random),
            Self::MessagePss => pss(hash().as_ref(), random),
        }
    }

    /// The next generation of cards (chosen): a digest of the curve's own hash, sent or made; there is nothing to pad.
    fn digested(self, data: &[u8], hash: &'static Algorithm) -> Result<Vec<u8>, StatusWord> {
        match self {
            Self::Raw | Self::Digest if data.len() == hash.output_len() => Ok(data.to_vec()),
            Self::Raw | Self::Digest => Err(StatusWord::CONDITIONS),
            Self::Message => Ok(digest(hash, data).as_ref().to_vec()),
            Self::Bare | Self::DigestPss | Self::MessagePss => Err(StatusWord::WRONG_PARAMETERS),
        }
    }
}

/// Octets of a signature: of RSA as long as the modulus, of ECDSA r and s one after the other.
pub(super) const fn signature_octets(algorithm: KeyAlgorithm) -> usize {
    match algorithm {
        KeyAlgorithm::Rsa(_) => RSA_OCTETS,
        KeyAlgorithm::P256 => 64,
        KeyAlgorithm::P384 => 96,
    }
}

/// EMSA-PKCS1-v1_5 of a T that is there already (RFC 8017 §9.2, steps 4 and 5): 00 01 FF … FF 00 T.
pub(super) fn type_1(t: &[u8]) -> Vec<u8> {
    let mut padded = vec![0xFF; RSA_OCTETS - t.len()];
    padded[0] = 0x00;
    padded[1] = 0x01;
    padded[RSA_OCTETS - t.len() - 1] = 0x00;
    padded.extend_from_slice(t);
    padded
}

/// EMSA-PKCS1-v1_5 of a message, with SHA-256: what certification requests are signed with.
pub(super) fn message_padded(message: &[u8]) -> Vec<u8> {
    type_1(&[&SHA256_DIGEST_INFO[..], digest(&SHA256, message).as_ref()].concat())
}

/// EMSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 octets (RFC 8017 §9.1.1).
fn pss(hash: &[u8], random: &dyn Randomness) -> Result<Vec<u8>, StatusWord> {
    let mut salt = [0; SHA256_OCTETS];
    random.fill(&mut salt).map_err(|_| StatusWord::NO_DIAGNOSIS)?;
    let h = digest(&SHA256, &[&[0; 8][..], hash, &salt].concat());
    let mut masked = vec![0; RSA_OCTETS - SHA256_OCTETS - 1];
    let length = masked.len();
    masked[length - SHA256_OCTETS - 1] = 0x01;
    masked[length - SHA256_OCTETS..].copy_from_slice(&salt);
    for (counter, block) in (0_u32..).zip(masked.chunks_mut(SHA256_OCTETS)) {
        let mask = digest(&SHA256, &[h.as_ref(), &counter.to_be_bytes()].concat());
        block.iter_mut().zip(mask.as_ref()).for_each(|(octet, mask)| *octet ^= mask);
    }
    masked[0] &= 0x7F; // one bit shorter than the modulus
    masked.extend_from_slice(h.as_ref());
    masked.push(0xBC);
    Ok(masked)
}

/// r and s of an Ecdsa-Sig-Value (RFC 3279 §2.2.3), one after the other and each as long as the curve's field: the form that cards and
/// PKCS#11 use.
///
/// # Errors
/// [`KeyFault`] for anything else.
pub fn plain_ecdsa(der: &[u8], algorithm: KeyAlgorithm) -> Result<Vec<u8>, KeyFault> {
    let field = signature_octets(algorithm) / 2;
    let mut reader = Reader::new(der);
    let (r, s) = reader.sequence(|pair| Ok::<_, DerError>((pair.integer()?, pair.integer()?)))?;
    reader.finish()?;
    let mut plain = vec![0; 2 * field];
    for (half, number) in plain.chunks_mut(field).zip([r, s]) {
        let magnitude = number.strip_prefix(&[0]).unwrap_or(number);
        let from = field.checked_sub(magnitude.len()).ok_or(KeyFault)?;
        half[from..].copy_from_slice(magnitude);
    }
    Ok(plain)
}

/// The Ecdsa-Sig-Value of r and s that come one after the other.
#[must_use]
pub fn der_ecdsa(plain: &[u8]) -> Vec<u8> {
    let (r, s) = plain.split_at(plain.len() / 2);
    build(SEQUENCE, |out| {
        unsigned_integer(out, r);
        unsigned_integer(out, s);
    })
}
