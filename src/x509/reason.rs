//! CRLReason: why a certificate was revoked (RFC 5280 §5.3.1).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The reasons this service may store or write. `privilegeWithdrawn` (9) and `aACompromise` (10) are not in use (rule
///
///
/// Text form is the word of RFC 5280, as `openssl ca` takes it: `keyCompromise`. DER form is an ENUMERATED of
/// [`code`](Self::code).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RevocationReason {
    /// 0: discarded before delivery. Stored, but never written: RFC 5280 §5.3.1 wants the extension left out instead.
    Unspecified,
    /// 1: the holder's private key is, or may be, in other hands.
    KeyCompromise,
    /// 2: the private key of the issuing CA is, or may be, in other hands.
    CaCompromise,
    /// 3: what the certificate says of its holder no longer holds.
    AffiliationChanged,
    /// 4: another certificate took its place.
    Superseded,
    /// 5: it is no longer needed.
    CessationOfOperation,
    /// 6: suspended; the only reason a later release may take back.
    CertificateHold,
    /// 8: released again; in delta CRLs only (RFC 5280 §5.2.4).
    RemoveFromCrl,
}

impl RevocationReason {
    /// Every reason, by rising code.
    pub const ALL: [Self; 8] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::RemoveFromCrl,
    ];

    /// The number of the CRLReason ENUMERATED.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::RemoveFromCrl => 8,
        }
    }

    /// The reason with that number; none for 7, which RFC 5280 leaves unused, and for those not in use here.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// The word of RFC 5280.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
        }
    }
}

/// The word or number names no reason that is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a revocation reason is a word of RFC 5280 §5.3.1 that this service uses, such as `keyCompromise`")]
pub struct NotAReason;

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for RevocationReason {
    type Err = NotAReason;

    fn from_str(word: &str) -> Result<Self, NotAReason> {
        Self::ALL.into_iter().find(|reason| reason.word() == word).ok_or(NotAReason)
    }
}

impl Serialize for RevocationReason {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for RevocationReason {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let word = std::borrow::Cow::<str>::deserialize(input)?;
        word.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_rfc_5280() {
        assert_eq!(RevocationReason::ALL.map(RevocationReason::code), [0, 1, 2, 3, 4, 5, 6, 8]);
    }

    #[test]
    fn code_and_word_name_the_same_reason() {
        for reason in RevocationReason::ALL {
            assert_eq!(RevocationReason::from_code(reason.code()), Some(reason));
            assert_eq!(reason.word().parse(), Ok(reason));
        }
    }

    #[test]
    fn codes_not_in_use_and_other_spellings_are_refused() {
        for code in [7, 9, 10, 11, 255] {
            assert_eq!(RevocationReason::from_code(code), None, "{code}");
        }
        for word in ["", "KeyCompromise", "caCompromise", "privilegeWithdrawn", "1"] {
            assert_eq!(word.parse::<RevocationReason>(), Err(NotAReason), "{word}");
        }
    }
}
