//! The store: state tables, status events and sealed audit entries that change together or not at all.
//!
//! # Contract
//!
//! - **Atomic**: a [`Change`] happens whole or not at all; its audit entry is sealed into the chain in the same
//!   transaction. A refused step leaves nothing of the change behind.
//! - **Durable**: when [`Store::commit`] or [`Store::allocate`] returns `Ok`, the change survives a power cut.
//! - **Serial**: changes happen one after the other, also across processes; reading sees every change that was
//!   acknowledged before the reading began, and a [`Dossier`] is read at one instant.
//! - **Checked**: the store, not the caller, guarantees one standing certificate of a kind per holder (E-04), one
//!   certificate per key, unique indexes and serials, rising CRL numbers, state changes only from the expected state,
//!   and holders changed only at the version that the caller read.
//! - **Append-only**: status events, audit entries and disclosures are never changed; positions have no gaps.
//! - **Settled**: once an entry of an instant is in the chain, no status event is ever recorded before that instant.
//! - **Counted**: of concurrent disclosures to one relying party no more are accepted in a day than its quota allows.
//! - **Followed**: followers get every event in order, before the commit that caused it is acknowledged.
//! - **Open about its queue**: [`Store::queue_wait`] tells who comes how long they would wait; whoever is already being
//!   served is never turned away for it.
//! - **Alive**: when the engine cannot write (full disk, lock), the answer is [`StoreError::Unavailable`], nothing is
//!   half done, and the next call tries again by itself.

use std::{ops::Range, sync::Arc, time::Duration};

use super::{
    AccessListRecord, AnswerRecord, ApplicationStore, AuthorityRecord, CardNumber, CertificateRecord, Change,
    ConsentRecord, CredentialRecord, CrlRecord, DisclosureRecord, Dossier, ErasedCertificate, ExceptionRecord, History,
    HolderReference, ListDraft, ListedEvent, OldAnswer, RegisterStore, RegisterTextRecord, RelyingPartyRecord,
    Retained, StatusEvent, UsageRecord,
};
use crate::{
    audit::{AuditEntry, Marks},
    kind::Kind,
    municipality::MunicipalityCode,
    rules::{CertificateState, Day},
    scope::CrlScope,
    x509::{Serial, UnixTime, crl::CrlEntry},
};

/// Gets status events as they happen.
pub trait Follower: Send + Sync {
    /// Takes events in order of position, without gaps; quick, and without calling the store.
    fn apply(&self, events: &[StatusEvent]);
}

/// What must exist only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicate {
    /// A standing certificate of this kind (reserved, live or held) for this holder (rule E-04).
    Standing(Kind),
    /// A public key: it has been certified before.
    Key,
    /// A card number: it is another holder's.
    Card,
    /// A serial number or an index.
    Serial,
    /// The name of a credential.
    Credential,
    /// A text that a holder signed: it is good for one use.
    Declaration,
}

/// Why the store did not do it. In every case nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Something changed since it was read: read again and decide again.
    #[error("changed since it was read: {0}")]
    Conflict(&'static str),
    /// A second of what must be one.
    #[error("there must be only one: {0:?}")]
    Duplicate(Duplicate),
    /// The idempotency key is taken: read the answer.
    #[error("the idempotency key is taken")]
    Repeated,
    /// The time of the change lies before what was recorded last (more than the tolerance of `limits`).
    #[error("the clock went back: the last entry is of {last}")]
    ClockWentBack {
        /// The time of the last entry.
        last: UnixTime,
    },
    /// The relying party has used up its quota of the day.
    #[error("the quota of the day is used up")]
    OverQuota,
    /// The engine cannot do it now; try again later.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// Nothing is written any more, and why: see [`Store::stop_writing`].
    #[error("{0}")]
    Stopped(String),
    /// Stored data contradicts itself: stop writing.
    #[error("the stored data contradicts itself: {0}")]
    Corrupt(String),
}

/// Certificates counted by kind and state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateCount {
    /// Which CA.
    pub kind: Kind,
    /// The recorded state.
    pub state: CertificateState,
    /// How many.
    pub count: u64,
}

/// What a request about a card begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// The first answer under its key.
    Told(AnswerRecord),
    /// There is none; everything about the holder of the card, if the card is known.
    Card(Option<Box<Dossier>>),
}

/// The store. See the module's contract.
pub trait Store: Send + Sync {
    /// Does a change and returns when it is durable and followed.
    ///
    /// # Errors
    /// As each [`Step`](super::Step) says; [`StoreError::Unavailable`] when the engine cannot write.
    fn commit(&self, change: Change) -> Result<(), StoreError>;

    /// Does changes one after the other, each for itself: one that is refused leaves nothing of itself and does not keep
    /// the others from being done. Returns when all that was done is durable and followed; what became of each, in order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the engine cannot write; then nothing is to be taken as done. A refusal of one
    /// change stands in its place.
    fn commit_each(&self, changes: Vec<Change>) -> Result<Vec<Result<(), StoreError>>, StoreError>;

    /// How long a change that came now would wait before its own transaction begins, by the transactions of late; zero
    /// while nothing is being written. Cheap, and never waits.
    fn queue_wait(&self) -> Duration;

    /// Takes the next `count` indexes of a CA out of use; they are never given again, whether or not they are used.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    fn allocate(&self, kind: Kind, count: u64) -> Result<Range<u64>, StoreError>;

    /// Gives `follower` every event after position `after`, and from then on each new one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    fn follow(&self, after: u64, follower: Arc<dyn Follower>) -> Result<(), StoreError>;

    /// What it keeps of the resident register's events, under the same contract.
    fn register(&self) -> &dyn RegisterStore;

    /// What is read of applications on their way.
    fn applications(&self) -> &dyn ApplicationStore;

    /// Everything about a holder, at one instant.
    ///
    /// # Errors
    /// As for all reading: [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    fn dossier(&self, holder: &HolderReference) -> Result<Option<Dossier>, StoreError>;

    /// Who holds a card.
    ///
    /// # Errors
    /// As for all reading.
    fn holder_of_card(&self, card: &CardNumber) -> Result<Option<HolderReference>, StoreError>;

    /// A certificate by its serial number; none that was erased.
    ///
    /// # Errors
    /// As for all reading.
    fn certificate(&self, kind: Kind, serial: &Serial) -> Result<Option<CertificateRecord>, StoreError>;

    /// A certificate that was erased, by its serial number.
    ///
    /// # Errors
    /// As for all reading.
    fn erased(&self, kind: Kind, serial: &Serial) -> Result<Option<ErasedCertificate>, StoreError>;

    /// Everything that is kept under each of the next references of the register after `after`, at most `limit`, in order: what
    /// an erasure decides about.
    ///
    /// # Errors
    /// As for all reading.
    fn retained(&self, after: Option<&HolderReference>, limit: usize) -> Result<Vec<Retained>, StoreError>;

    /// First answers that were given before a time and that no application rests on, after a place, at most `limit`, oldest first.
    ///
    /// # Errors
    /// As for all reading.
    fn old_answers(&self, before: UnixTime, after: u64, limit: usize) -> Result<Vec<OldAnswer>, StoreError>;

    /// Reservations without a certificate, oldest first: what start-up finishes.
    ///
    /// # Errors
    /// As for all reading.
    fn reserved(&self) -> Result<Vec<CertificateRecord>, StoreError>;

    /// The first answer to an idempotent request.
    ///
    /// # Errors
    /// As for all reading.
    fn answer(&self, client: &str, key: &str) -> Result<Option<AnswerRecord>, StoreError>;

    /// What requests of one client begin with, each with a key and the card that it is about, in order; each at one instant. It
    /// is what [`Self::answer`], [`Self::holder_of_card`] and [`Self::dossier`] say, in as few readings as the store can.
    ///
    /// # Errors
    /// As for all reading.
    fn beginnings(&self, client: &str, asked: &[(&str, Option<&CardNumber>)]) -> Result<Vec<Beginning>, StoreError> {
        let begin = |(key, card): &(&str, Option<&CardNumber>)| {
            if let Some(answer) = self.answer(client, key)? {
                return Ok(Beginning::Told(answer));
            }
            let holder = card.map_or(Ok(None), |card| self.holder_of_card(card))?;
            let dossier = holder.map_or(Ok(None), |holder| self.dossier(&holder))?;
            Ok(Beginning::Card(dossier.map(Box::new)))
        };
        asked.iter().map(begin).collect()
    }

    /// What a complete list has to carry, one entry after the other, all of one instant: every certificate of the scope that
    /// is held or revoked, or expired while it was held, whose notAfter is `not_over_before` or later, in order of serial
    /// number; and the position of the last event seen. A delta's scope stands for that of its complete list.
    ///
    /// `take` does not call the store. After an error what it was given counts for nothing.
    ///
    /// # Errors
    /// As for all reading.
    fn each_revoked(
        &self,
        kind: Kind,
        generation: u8,
        scope: CrlScope,
        not_over_before: UnixTime,
        take: &mut dyn FnMut(&CrlEntry),
    ) -> Result<u64, StoreError>;

    /// As [`Self::each_revoked`], all at once.
    ///
    /// # Errors
    /// As for all reading.
    fn revoked(
        &self,
        kind: Kind,
        generation: u8,
        scope: CrlScope,
        not_over_before: UnixTime,
    ) -> Result<(Vec<CrlEntry>, u64), StoreError> {
        let mut entries = Vec::new();
        let position =
            self.each_revoked(kind, generation, scope, not_over_before, &mut |entry| entries.push(*entry))?;
        Ok((entries, position))
    }

    /// Makes room for a list of at most so many octets, where [`Step::Crl`](super::Step::Crl) will find it: a short one in memory, for its row; a
    /// long one in a file. What is not kept leaves nothing behind, also after a crash.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    fn draft_list(&self, octets: u64) -> Result<Box<dyn ListDraft>, StoreError>;

    /// The newest list of every kind, generation and scope.
    ///
    /// # Errors
    /// As for all reading.
    fn newest_crls(&self) -> Result<Vec<CrlRecord>, StoreError>;

    /// One published list, by its number. It is found by an index, however many there are: lists are kept for ten years
    /// (rules §8.3).
    ///
    /// # Errors
    /// As for all reading.
    fn crl(&self, kind: Kind, generation: u8, scope: CrlScope, number: u64) -> Result<Option<CrlRecord>, StoreError>;

    /// The newest list of the scope whose number is less: what a list followed.
    ///
    /// # Errors
    /// As for all reading.
    fn crl_before(
        &self,
        kind: Kind,
        generation: u8,
        scope: CrlScope,
        number: u64,
    ) -> Result<Option<CrlRecord>, StoreError>;

    /// Certificates of a CA from an index on, at most `limit`, in order of index, whatever their state, erased ones left out; and the position of
    /// the last event, both at one instant.
    ///
    /// # Errors
    /// As for all reading.
    fn certificates(&self, kind: Kind, from: u64, limit: usize) -> Result<(Vec<CertificateRecord>, u64), StoreError>;

    /// Status events after a position, at most `limit`, in order, each with what lists must know of its certificate.
    ///
    /// # Errors
    /// As for all reading.
    fn listed_events(&self, after: u64, limit: usize) -> Result<Vec<ListedEvent>, StoreError>;

    /// Every CA generation, by kind and generation.
    ///
    /// # Errors
    /// As for all reading.
    fn authorities(&self) -> Result<Vec<AuthorityRecord>, StoreError>;

    /// Every municipality that takes part, by code.
    ///
    /// # Errors
    /// As for all reading.
    fn municipalities(&self) -> Result<Vec<MunicipalityCode>, StoreError>;

    /// Every client certificate, by name.
    ///
    /// # Errors
    /// As for all reading.
    fn credentials(&self) -> Result<Vec<CredentialRecord>, StoreError>;

    /// A client certificate by its fingerprint.
    ///
    /// # Errors
    /// As for all reading.
    fn credential(&self, fingerprint: &[u8; 32]) -> Result<Option<CredentialRecord>, StoreError>;

    /// The newest list of the access CA.
    ///
    /// # Errors
    /// As for all reading.
    fn access_list(&self) -> Result<Option<AccessListRecord>, StoreError>;

    /// Every consent of a holder, ended ones too, oldest first.
    ///
    /// # Errors
    /// As for all reading.
    fn consents(&self, holder: &HolderReference) -> Result<Vec<ConsentRecord>, StoreError>;

    /// The register's text of a SIGN, by the index within its CA; none if it was asked for without.
    ///
    /// # Errors
    /// As for all reading.
    fn register_text(&self, index: u64) -> Result<Option<RegisterTextRecord>, StoreError>;

    /// An exception, by the digest of its request.
    ///
    /// # Errors
    /// As for all reading.
    fn exception(&self, digest: &[u8; 32]) -> Result<Option<ExceptionRecord>, StoreError>;

    /// Exceptions that a municipality asked for at `since` or later, oldest first, at most `limit`.
    ///
    /// # Errors
    /// As for all reading.
    fn exceptions(
        &self,
        municipality: MunicipalityCode,
        since: UnixTime,
        limit: usize,
    ) -> Result<Vec<ExceptionRecord>, StoreError>;

    /// A certificate by its serial number, with all its status events.
    ///
    /// # Errors
    /// As for all reading.
    fn history(&self, kind: Kind, serial: &Serial) -> Result<Option<History>, StoreError>;

    /// Every relying party with which terms are agreed, by name.
    ///
    /// # Errors
    /// As for all reading.
    fn relying_parties(&self) -> Result<Vec<RelyingPartyRecord>, StoreError>;

    /// A relying party by name.
    ///
    /// # Errors
    /// As for all reading.
    fn relying_party(&self, name: &str) -> Result<Option<RelyingPartyRecord>, StoreError>;

    /// Disclosures about a holder, newest first, at most `limit`, of those with a lesser number than `before`.
    ///
    /// # Errors
    /// As for all reading.
    fn disclosures(
        &self,
        holder: &HolderReference,
        before: u64,
        limit: usize,
    ) -> Result<Vec<DisclosureRecord>, StoreError>;

    /// How often one relying party, or each, asked on the days from `first` to `last`; by day, party and query. What never
    /// was is left out.
    ///
    /// # Errors
    /// As for all reading.
    fn usage(&self, party: Option<&str>, first: Day, last: Day) -> Result<Vec<UsageRecord>, StoreError>;

    /// Certificates by kind and recorded state.
    ///
    /// # Errors
    /// As for all reading.
    fn counts(&self) -> Result<Vec<StateCount>, StoreError>;

    /// Audit entries after a position, at most `limit`, in order.
    ///
    /// # Errors
    /// As for all reading.
    fn audit_after(&self, position: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError>;

    /// The latest time among the last audit entries: a change of an earlier time, beyond the tolerance, is refused.
    ///
    /// # Errors
    /// As for all reading.
    fn last_recorded(&self) -> Result<Option<UnixTime>, StoreError>;

    /// How far the store has come, at one instant.
    ///
    /// # Errors
    /// As for all reading.
    fn marks(&self) -> Result<Marks, StoreError>;

    /// Whether what is read here is what everybody reads: false hopes of a server that others may have left behind are refused.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] as for all reading, and where the server should have a standby that takes part in every write, and
    /// has none: somebody may have made that one the primary.
    fn vouch(&self) -> Result<(), StoreError>;

    /// Whether a change made at that time, which is this machine's now, would be taken: a store that several machines write has a
    /// clock of its own, and takes nothing of who is far from it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] as for all reading, and with by how much the two are apart.
    fn check_time(&self, now: UnixTime) -> Result<(), StoreError>;

    /// The number that every list of a CA recorded from now on must exceed, beside those before it in its sequence; 0 unless
    /// a restore raised it.
    ///
    /// # Errors
    /// As for all reading.
    fn number_floor(&self, kind: Kind) -> Result<u64, StoreError>;

    /// From now on every write is [`StoreError::Stopped`] with this cause, as long as the store is open; reading goes on. What was
    /// handed over before may still be done. The first cause stays.
    fn stop_writing(&self, cause: &str);

    /// Whether a change could be written now, without writing one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with the cause.
    fn check_writable(&self) -> Result<(), StoreError>;
}
