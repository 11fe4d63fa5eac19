//! What the store keeps of applications on their way (rules §1.4).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{CardNumber, HolderReference, StoreError};
use crate::{
    kind::Kind,
    municipality::MunicipalityCode,
    rules::{
        Day,
        application::{ApplicationState, Defect},
    },
    x509::UnixTime,
};

/// The number of an application: sixteen random octets. Text and JSON form is 32 upper-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicationNumber(pub [u8; 16]);

/// A text that is no number of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the number of an application has 32 hexadecimal digits")]
pub struct NoApplicationNumber;

impl fmt::Display for ApplicationNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

impl FromStr for ApplicationNumber {
    type Err = NoApplicationNumber;

    fn from_str(text: &str) -> Result<Self, NoApplicationNumber> {
        let hexadecimal = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).ok().filter(|_| hexadecimal);
        number.map(|number| Self(number.to_be_bytes())).ok_or(NoApplicationNumber)
    }
}

impl Serialize for ApplicationNumber {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ApplicationNumber {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(de::Error::custom)
    }
}

/// An application, from its receipt to its end. What was asked never changes; the rest changes with each step.
#[derive(Clone, PartialEq, Eq)]
pub struct ApplicationRecord {
    /// Its number.
    pub number: ApplicationNumber,
    /// Place in the one order of all applications, from 1; the store gives it.
    pub place: u64,
    /// The municipality that took it; only it leads it on.
    pub municipality: MunicipalityCode,
    /// For whom. The store need not know the holder before certificates are issued.
    pub holder: HolderReference,
    /// Onto which card.
    pub card: CardNumber,
    /// What was asked, as the story serialised it.
    pub asked: String,
    /// When it was received.
    pub received: UnixTime,
    /// Where it stands.
    pub state: ApplicationState,
    /// When it came there.
    pub changed: UnixTime,
    /// The last day for what is awaited from outside; after it the application lapses. None once it has ended.
    pub due: Option<Day>,
    /// The inquiry that was posted last. None once it has ended: the address is needed no longer.
    pub inquiry: Option<InquiryRecord>,
    /// What is wrong with the reply that was handed in last.
    pub defect: Option<Defect>,
    /// The rule by which it was rejected.
    pub rule: Option<String>,
    /// The certificates that were reserved for it.
    pub issuing: Option<IssuingRecord>,
    /// Rises by one with every write; what a story read must still hold when it commits.
    pub version: u64,
}

/// An inquiry (照会書兼回答書) that went to the holder. It holds an address and does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct InquiryRecord {
    /// The first, the second …
    pub round: u16,
    /// The day it was posted.
    pub posted: Day,
    /// The address of the register at that moment.
    pub address: String,
}

/// What is being issued, or was issued, for an application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IssuingRecord {
    /// Index of the AUTH.
    pub auth: Option<u64>,
    /// Index of the SIGN.
    pub sign: Option<u64>,
    /// Who asked for it: the credential's name.
    pub client: String,
    /// Under which `Idempotency-Key`: there is the first answer.
    pub key: String,
}

impl IssuingRecord {
    /// Kind and index of each, AUTH first.
    pub fn certificates(&self) -> impl Iterator<Item = (Kind, u64)> {
        [(Kind::Auth, self.auth), (Kind::Sign, self.sign)].into_iter().filter_map(|(kind, index)| Some((kind, index?)))
    }
}

impl ApplicationRecord {
    /// Whether it is as a new one must be: received, and nothing more.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.version == 0
            && self.state == ApplicationState::Received
            && self.due.is_none()
            && self.inquiry.is_none()
            && self.defect.is_none()
            && self.rule.is_none()
            && self.issuing.is_none()
    }

    /// Whether nothing is left in it that an ended one must not have: no address, nothing awaited.
    #[must_use]
    pub fn is_tidy(&self) -> bool {
        !self.state.is_final() || (self.due.is_none() && self.inquiry.is_none())
    }
}

impl fmt::Debug for ApplicationRecord {
    /// Names the application and where it stands, and nobody.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, state, version, due, .. } = self;
        write!(f, "ApplicationRecord({number} {state:?} due {due:?} version {version})")
    }
}

/// Which applications are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplicationFilter {
    /// Those that this municipality took; none: of all.
    pub municipality: Option<MunicipalityCode>,
    /// Those in this state; none: those that have not ended.
    pub state: Option<ApplicationState>,
    /// Those whose last day is before this one; none: whether or not they have one.
    pub due_before: Option<Day>,
    /// Those for this holder, and those about this card, where one is named; none: for anybody.
    pub about: Option<(HolderReference, Option<CardNumber>)>,
}

impl ApplicationFilter {
    /// Whether an application is one of those.
    #[must_use]
    pub fn admits(&self, record: &ApplicationRecord) -> bool {
        self.municipality.is_none_or(|own| own == record.municipality)
            && self.state.map_or(!record.state.is_final(), |state| state == record.state)
            && self.due_before.is_none_or(|day| record.due.is_some_and(|due| due < day))
            && self
                .about
                .as_ref()
                .is_none_or(|(holder, card)| *holder == record.holder || card.as_ref() == Some(&record.card))
    }
}

/// The applications' part of the [`Store`](super::Store), under the same contract. Every query is answered by an index.
pub trait ApplicationStore {
    /// An application by its number.
    ///
    /// # Errors
    /// As for all reading.
    fn application(&self, number: &ApplicationNumber) -> Result<Option<ApplicationRecord>, StoreError>;

    /// The application for which a certificate was reserved, unless the reservation was taken back.
    ///
    /// # Errors
    /// As for all reading.
    fn application_of(&self, kind: Kind, index: u64) -> Result<Option<ApplicationRecord>, StoreError>;

    /// Applications that the filter admits, at a place greater than `after`, at most `limit`, in order of place.
    ///
    /// # Errors
    /// As for all reading.
    fn select(
        &self,
        filter: &ApplicationFilter,
        after: u64,
        limit: usize,
    ) -> Result<Vec<ApplicationRecord>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_reads_as_it_is_written_in_either_case_and_nothing_else_is_one() {
        let number = ApplicationNumber([0xA5; 16]);
        assert_eq!(number.to_string().parse(), Ok(number));
        assert_eq!(number.to_string().to_lowercase().parse(), Ok(number));
        assert_eq!(serde_json::to_value(number).unwrap(), "A5".repeat(16));
        for bad in ["", "A5", &"A5".repeat(17), &"+5".repeat(16), &"G5".repeat(16), &"５".repeat(32)] {
            assert_eq!(bad.parse::<ApplicationNumber>(), Err(NoApplicationNumber), "{bad}");
        }
    }
}
