//! What a certificate revocation list speaks for, and whether it is a complete list or a delta to one.

use crate::municipality::MunicipalityCode;

/// A family of lists: complete lists of one scope, or the deltas to them.
///
/// A delta speaks for the same certificates as its complete list and shares its numbers (RFC 5280 §5.2.3, §5.2.4); it is a
/// family of its own because it has its own path, period and place in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CrlScope {
    /// All certificates of the CA generation.
    Full,
    /// Those issued by one municipality.
    Municipality(MunicipalityCode),
    /// The CA's own certificates.
    Authorities,
    /// Delta to [`Full`](Self::Full).
    FullDelta,
    /// Delta to [`Municipality`](Self::Municipality).
    MunicipalityDelta(MunicipalityCode),
}

impl CrlScope {
    /// `full`, the municipality's code, `ca`, `delta`, or the code with `-delta`: the file's name in the path and the word in
    /// the store.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Full => "full".into(),
            Self::Municipality(code) => code.to_string(),
            Self::Authorities => "ca".into(),
            Self::FullDelta => "delta".into(),
            Self::MunicipalityDelta(code) => format!("{code}-delta"),
        }
    }

    /// The scope of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let place = |code: &str| (code.len() == 5).then(|| code.parse().ok())?;
        match word {
            "full" => Some(Self::Full),
            "ca" => Some(Self::Authorities),
            "delta" => Some(Self::FullDelta),
            _ => match word.strip_suffix("-delta") {
                Some(code) => place(code).map(Self::MunicipalityDelta),
                None => place(word).map(Self::Municipality),
            },
        }
    }

    /// The deltas to a complete list. The lists of the CAs' own certificates have none: they change once in years.
    #[must_use]
    pub fn delta(&self) -> Option<Self> {
        match self {
            Self::Full => Some(Self::FullDelta),
            Self::Municipality(code) => Some(Self::MunicipalityDelta(*code)),
            Self::Authorities | Self::FullDelta | Self::MunicipalityDelta(_) => None,
        }
    }

    /// The complete list that speaks for the same certificates: of a delta its base, otherwise itself.
    #[must_use]
    pub fn complete(&self) -> Self {
        match self {
            Self::FullDelta => Self::Full,
            Self::MunicipalityDelta(code) => Self::Municipality(*code),
            Self::Full | Self::Municipality(_) | Self::Authorities => *self,
        }
    }

    /// Whether it is the family of deltas.
    #[must_use]
    pub fn is_delta(&self) -> bool {
        matches!(self, Self::FullDelta | Self::MunicipalityDelta(_))
    }

    /// The municipality whose certificates alone it speaks for.
    #[must_use]
    pub fn municipality(&self) -> Option<MunicipalityCode> {
        match self {
            Self::Municipality(code) | Self::MunicipalityDelta(code) => Some(*code),
            Self::Full | Self::Authorities | Self::FullDelta => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> [CrlScope; 5] {
        let code = "28207".parse().unwrap();
        [
            CrlScope::Full,
            CrlScope::Authorities,
            CrlScope::Municipality(code),
            CrlScope::FullDelta,
            CrlScope::MunicipalityDelta(code),
        ]
    }

    #[test]
    fn scopes_are_read_as_written_and_other_words_are_none() {
        for scope in all() {
            assert_eq!(CrlScope::from_word(&scope.word()), Some(scope));
        }
        for bad in
            ["", "Full", "1311", "131156", "../ca", "13a15", "-delta", "full-delta", "ca-delta", "13115-delta-delta"]
        {
            assert_eq!(CrlScope::from_word(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_delta_speaks_for_what_its_complete_list_speaks_for() {
        for scope in all() {
            match scope.delta() {
                Some(delta) => assert_eq!((delta.complete(), delta.is_delta(), delta.delta()), (scope, true, None)),
                None => assert!(scope.is_delta() || scope == CrlScope::Authorities),
            }
            assert_eq!(scope.complete().municipality(), scope.municipality());
        }
    }
}
