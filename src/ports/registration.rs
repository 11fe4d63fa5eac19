//! What the store keeps of registration beside certificates: the register's text of a signing certificate, and exceptions
//! that two officers made.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{CardNumber, HolderReference};
use crate::{municipality::MunicipalityCode, x509::UnixTime};

/// SHA-256 of a request for certificates, which names an exception. Text and JSON form is 64 upper-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestDigest(pub [u8; 32]);

/// A text that is no digest of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the digest of a request has 64 hexadecimal digits")]
pub struct NoRequestDigest;

impl fmt::Display for RequestDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

impl FromStr for RequestDigest {
    type Err = NoRequestDigest;

    fn from_str(text: &str) -> Result<Self, NoRequestDigest> {
        let half = |at: usize| {
            let digits = text.get(at..at + 32)?;
            let hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            u128::from_str_radix(digits, 16).ok().filter(|_| hexadecimal)
        };
        let whole = half(0).zip(half(32)).filter(|_| text.len() == 64).ok_or(NoRequestDigest)?;
        let mut digest = [0; 32];
        digest[..16].copy_from_slice(&whole.0.to_be_bytes());
        digest[16..].copy_from_slice(&whole.1.to_be_bytes());
        Ok(Self(digest))
    }
}

impl Serialize for RequestDigest {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RequestDigest {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(de::Error::custom)
    }
}

/// The register's text beside what a signing certificate says (N-04). It holds personal data and does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct RegisterTextRecord {
    /// The index of the SIGN within its CA.
    pub index: u64,
    /// 氏名 as the register writes it.
    pub name: String,
    /// 住所 as the register writes it.
    pub address: String,
    /// What stands for what in the certificate (代替文字情報), as the story serialised it.
    pub substituted: String,
}

impl fmt::Debug for RegisterTextRecord {
    /// Names the certificate, and nobody.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegisterTextRecord(SIGN {})", self.index)
    }
}

/// An exception of rule E-07: asked for by one officer, approved by another, used once. Its digest is that of the exact request
/// for certificates, and its name.
#[derive(Clone, PartialEq, Eq)]
pub struct ExceptionRecord {
    /// SHA-256 of the request.
    pub digest: [u8; 32],
    /// The municipality that asked.
    pub municipality: MunicipalityCode,
    /// For whom.
    pub holder: HolderReference,
    /// On which card.
    pub card: CardNumber,
    /// Why, in the officer's words.
    pub reason: String,
    /// Who asked: the actor's name in the audit.
    pub asked_by: String,
    /// When.
    pub asked: UnixTime,
    /// Who approved and when; never who asked.
    pub approved: Option<(String, UnixTime)>,
    /// The index of the SIGN that was reserved by it.
    pub used: Option<u64>,
    /// Rises by one with every write; what a story read must still hold when it commits.
    pub version: u64,
}

impl ExceptionRecord {
    /// Whether it is as a new one must be: asked for, and nothing more.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.version == 0 && self.approved.is_none() && self.used.is_none()
    }

    /// Whether its parts agree: approved by another than asked for it, and used only after that.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let by_another = self.approved.as_ref().is_none_or(|(by, _)| *by != self.asked_by);
        by_another && (self.used.is_none() || self.approved.is_some())
    }
}

impl fmt::Debug for ExceptionRecord {
    /// Says how far it is, and nothing of whom and why.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { approved, used, version, .. } = self;
        let approved = approved.is_some();
        write!(f, "ExceptionRecord(approved {approved} used {used:?} version {version})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_as_it_is_written_in_either_case_and_nothing_else_is_one() {
        let digest = RequestDigest(std::array::from_fn(|at| at as u8 * 7));
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(digest.to_string().to_lowercase().parse(), Ok(digest));
        for bad in ["", "A5", &"A5".repeat(33), &"+5".repeat(32), &"G5".repeat(32), &"５".repeat(64), &"é".repeat(32)]
        {
            assert_eq!(bad.parse::<RequestDigest>(), Err(NoRequestDigest), "{bad}");
        }
    }
}
