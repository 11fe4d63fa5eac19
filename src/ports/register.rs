//! What the store keeps of the resident register's events, of the deadlines that follow from them, and of the notices to
//! holders; and the part of the store's contract that reads them.

use super::{CardNumber, EventNumber, HolderReference, StoreError};
use crate::{
    kind::Kind,
    municipality::MunicipalityCode,
    rules::{Cause, Day},
    x509::{Serial, UnixTime},
};

/// What the register reported of a holder. It never changes; what it amounts to follows from all of them together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterEntry {
    /// Place in the one order of arrival, from 1; the store gives it.
    pub id: u64,
    /// Whom it is about.
    pub holder: HolderReference,
    /// Who reported it.
    pub municipality: MunicipalityCode,
    /// The register's own number for it, unique in the municipality; none for what a counter reports by hand.
    pub number: Option<EventNumber>,
    /// 届出日, the day on which the register recorded it: its place in the register's order.
    pub day: Day,
    /// What it says, JSON.
    pub said: String,
}

/// A letter to a holder whose certificates ended. It never names a death.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeRecord {
    /// Place in the one order of notices, from 1; the store gives it.
    pub number: u64,
    /// When the certificates ended.
    pub at: UnixTime,
    /// The municipality of residence then, which sends it.
    pub municipality: MunicipalityCode,
    /// To whom.
    pub holder: HolderReference,
    /// What ended them.
    pub cause: Cause,
    /// The day it happened, where that was reported.
    pub event_day: Option<Day>,
    /// The SIGN that ended.
    pub sign: Option<Serial>,
    /// The AUTH that ended.
    pub auth: Option<Serial>,
    /// When it was sent.
    pub sent: Option<UnixTime>,
}

/// A live certificate with what the letter before its end depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndingRecord {
    /// Which kind.
    pub kind: Kind,
    /// Its index within the CA.
    pub index: u64,
    /// Its serial number.
    pub serial: Serial,
    /// The holder.
    pub holder: HolderReference,
    /// The holder's date of birth.
    pub birth: Day,
    /// The card.
    pub card: CardNumber,
    /// The card's last day.
    pub card_last_day: Day,
    /// Its last instant.
    pub not_after: UnixTime,
}

/// Live certificates of one kind that end at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndingCount {
    /// Their last instant.
    pub not_after: UnixTime,
    /// Which kind.
    pub kind: Kind,
    /// How many.
    pub count: u64,
}

/// The last instant, kind and index of an [`EndingRecord`]: where the next page begins.
pub type EndingPlace = (UnixTime, Kind, u64);

/// The register's part of the [`Store`](super::Store), under the same contract. Every query is answered by an index.
pub trait RegisterStore {
    /// Everything the register reported of a holder, in order of arrival.
    ///
    /// # Errors
    /// As for all reading: [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    fn register_entries(&self, holder: &HolderReference) -> Result<Vec<RegisterEntry>, StoreError>;

    /// What a municipality reported under a number.
    ///
    /// # Errors
    /// As for all reading.
    fn register_entry(
        &self,
        municipality: MunicipalityCode,
        number: &EventNumber,
    ) -> Result<Option<RegisterEntry>, StoreError>;

    /// Holders of whom something ends by itself on `day` or before, the longest overdue first, at most `limit`.
    ///
    /// # Errors
    /// As for all reading.
    fn deadlines(&self, day: Day, limit: usize) -> Result<Vec<HolderReference>, StoreError>;

    /// The day on which something of a holder ends by itself.
    ///
    /// # Errors
    /// As for all reading.
    fn deadline(&self, holder: &HolderReference) -> Result<Option<Day>, StoreError>;

    /// Notices of a municipality that are not sent yet, by number from after `after` on, at most `limit`.
    ///
    /// # Errors
    /// As for all reading.
    fn notices(
        &self,
        municipality: MunicipalityCode,
        after: u64,
        limit: usize,
    ) -> Result<Vec<NoticeRecord>, StoreError>;

    /// A notice by its number, sent or not.
    ///
    /// # Errors
    /// As for all reading.
    fn notice(&self, number: u64) -> Result<Option<NoticeRecord>, StoreError>;

    /// Live certificates of residents that end from the first instant to the second, in order of end, kind and index, from
    /// after a place on, at most `limit`.
    ///
    /// # Errors
    /// As for all reading.
    fn endings(
        &self,
        municipality: MunicipalityCode,
        between: (UnixTime, UnixTime),
        after: Option<EndingPlace>,
        limit: usize,
    ) -> Result<Vec<EndingRecord>, StoreError>;

    /// The same counted, by end and kind.
    ///
    /// # Errors
    /// As for all reading.
    fn ending_counts(
        &self,
        municipality: MunicipalityCode,
        between: (UnixTime, UnixTime),
    ) -> Result<Vec<EndingCount>, StoreError>;
}
