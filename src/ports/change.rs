//! What can change in the store: a change is its steps in order, and happens whole or not at all.
//!
//! Each step says what it needs; where that does not hold, the [`StoreError`](super::StoreError) that it names is the answer, and
//! nothing of the change happens.

use super::{
    AccessListRecord, AnswerRecord, ApplicationRecord, AuthorityRecord, CardRecord, CertificateRecord, CertificateStub,
    ConsentEnd, ConsentRecord, CredentialRecord, CrlRecord, DisclosureRecord, ExceptionRecord, HolderRecord,
    HolderReference, NoticeRecord, RegisterEntry, RegisterTextRecord, RelyingPartyRecord, Retained, Revocation,
};
use crate::{
    audit::{Draft, Of},
    kind::Kind,
    municipality::MunicipalityCode,
    rules::{CertificateState, Day, DraftNumber, Query},
    x509::UnixTime,
};

/// One change: its steps in order, and the audit entry that tells of it.
#[derive(Clone, Debug)]
pub struct Change {
    /// What changes; may be empty where only the entry matters (a refusal).
    pub steps: Vec<Step>,
    /// Who did what to whom, when; sealed by the store.
    pub audit: Draft,
}

/// One step of a change.
#[derive(Clone, Debug)]
pub enum Step {
    /// A new holder, or the holder as it is from now on. `record.version` is the version that was read (0 for a new
    /// one); the store raises it by one. [`StoreError::Conflict`](super::StoreError::Conflict) if it has risen since.
    Holder(HolderRecord),
    /// A new card, or the card as it is from now on. [`Duplicate::Card`](super::Duplicate::Card) if the number is another holder's.
    Card(CardRecord),
    /// A serial number and the octets to be signed, in state [`CertificateState::Reserved`]. Where `predecessor` is
    /// set, the store sets that one's `successor` when this one is issued; where `pair` is set, it links both ways (the
    /// other may follow in the same change). [`Duplicate::Standing`](super::Duplicate::Standing) if the holder has another reservation of the kind,
    /// or a live or held one that is not the predecessor; [`Duplicate::Key`](super::Duplicate::Key).
    Reserve(Box<CertificateRecord>),
    /// The signed certificate of a reservation: reserved → live, with a status event. [`StoreError::Conflict`](super::StoreError::Conflict) if it is not
    /// reserved, or its CA generation is compromised; [`Duplicate::Standing`](super::Duplicate::Standing) if another of the kind is still
    /// live or held.
    Issue {
        /// Which CA.
        kind: Kind,
        /// Which reservation.
        index: u64,
        /// DER.
        certificate: Vec<u8>,
    },
    /// A change of state, with a status event unless `to` is expired. [`StoreError::Conflict`](super::StoreError::Conflict) if the state is not `from`.
    Status {
        /// Which CA.
        kind: Kind,
        /// Which certificate.
        index: u64,
        /// The state it must be in.
        from: CertificateState,
        /// The state from now on.
        to: CertificateState,
        /// Present when `to` is held or revoked.
        revocation: Option<Revocation>,
    },
    /// The first answer to an idempotent request. [`StoreError::Repeated`](super::StoreError::Repeated) if the client used the key before.
    Answer(AnswerRecord),
    /// Forgets an answer, because its story came to nothing or its term is over; the key may be used again.
    Forget {
        /// Who asked.
        client: String,
        /// The `Idempotency-Key`.
        key: String,
    },
    /// A published list. [`StoreError::Conflict`](super::StoreError::Conflict) unless its number is one more than the last among the complete lists and
    /// the deltas of its scope together; or, for a delta that is made beside a complete list, that list's own number
    /// (RFC 5280 §5.2.3). A delta has a complete list before it. Where the floor of the CA's numbers
    /// ([`Store::number_floor`](super::Store::number_floor)) is higher than the last, the number is one more than the floor.
    ///
    /// Its octets are in memory, or kept in a file by a draft of this store ([`Store::draft_list`](super::Store::draft_list)).
    ///
    /// The number is a compare-and-swap: of two publishers that make the same list, one is refused and nothing is lost.
    Crl(CrlRecord),
    /// A new CA generation; its number is one more than the last. The store sets `first_index` to the next index. A new one is
    /// not compromised.
    Authority(AuthorityRecord),
    /// The key of a CA generation is compromised, from now on and for good: the store takes no more [`Step::Issue`] of its
    /// certificates. With `settled` nothing of it stands any more. [`StoreError::Conflict`](super::StoreError::Conflict) if the generation is not there, is
    /// compromised already, or, with `settled`, is not compromised or settled already.
    Compromise {
        /// Which CA.
        kind: Kind,
        /// Which generation.
        generation: u8,
        /// Since when it is known; with `settled` it stays as it is.
        at: UnixTime,
        /// Whether this is the end of it.
        settled: bool,
    },
    /// A municipality takes part from now on. No step twice: a known one is left as it is.
    Municipality(MunicipalityCode),
    /// A client certificate, new or as it is from now on. [`StoreError::Conflict`](super::StoreError::Conflict) if it was revoked and
    /// would not be, or otherwise; [`Duplicate::Credential`](super::Duplicate::Credential) if the name is another's.
    Credential(CredentialRecord),
    /// A list of the access CA. [`StoreError::Conflict`](super::StoreError::Conflict) unless the last one has the number `after`, and this
    /// one a greater number.
    AccessList {
        /// The number of the list that it follows; 0: it is the first.
        after: u64,
        /// The list.
        record: AccessListRecord,
    },
    /// A new consent. [`StoreError::Conflict`](super::StoreError::Conflict) if the holder has another to the same relying party that was not ended
    /// before, or is not there; [`Duplicate::Declaration`](super::Duplicate::Declaration) if its text was used before.
    Consent(Box<ConsentRecord>),
    /// The end of a consent before its time. [`StoreError::Conflict`](super::StoreError::Conflict) if there is none of that number, or it was ended
    /// before; [`Duplicate::Declaration`](super::Duplicate::Declaration) if the text of the withdrawal was used before.
    EndConsent {
        /// The consent.
        number: DraftNumber,
        /// How it ends.
        end: ConsentEnd,
    },
    /// Nothing changes; what else the change does rests on this consent and on what was read of its holder.
    /// [`StoreError::Conflict`](super::StoreError::Conflict) if the consent was ended, or the holder has changed since.
    UnderConsent {
        /// The consent.
        number: DraftNumber,
        /// The version of the holder that was read.
        version: u64,
    },
    /// A new relying party, or as it is from now on. `record.version` is the version that was read (0 for a new one); the
    /// store raises it by one. [`StoreError::Conflict`](super::StoreError::Conflict) if it has risen since, or if no relying party's credential bears
    /// the name.
    RelyingParty(RelyingPartyRecord),
    /// A look-up for a relying party, counted against its quota of that day of Japan. [`StoreError::Conflict`](super::StoreError::Conflict) unless the
    /// party is there at `version`; [`StoreError::OverQuota`](super::StoreError::OverQuota) if the quota is used up.
    Disclosure {
        /// Who was told what of which certificate; its number is ignored.
        record: DisclosureRecord,
        /// The version of the party under which it was decided.
        version: u64,
    },
    /// What the register reported; its id is ignored. [`StoreError::Conflict`](super::StoreError::Conflict) if the municipality used the number before, or
    /// the holder is not there.
    Register(Box<RegisterEntry>),
    /// The first day on which something of a holder ends by itself, from now on; none: nothing does.
    /// [`StoreError::Conflict`](super::StoreError::Conflict) if the holder is not there.
    Deadline {
        /// Whose.
        holder: HolderReference,
        /// When.
        day: Option<Day>,
    },
    /// A new notice; its number is ignored. [`StoreError::Conflict`](super::StoreError::Conflict) if the holder is not there, or if it is sent already,
    /// names no certificate, or names a death.
    Notice(Box<NoticeRecord>),
    /// A notice was sent. [`StoreError::Conflict`](super::StoreError::Conflict) if there is none of that number that waits.
    NoticeSent {
        /// Which.
        number: u64,
        /// When.
        at: UnixTime,
    },
    /// Questions of a registered relying party that were refused without a look-up, counted. [`StoreError::Conflict`](super::StoreError::Conflict) if
    /// there is no such party.
    Refused {
        /// Who asked.
        party: String,
        /// What.
        query: Query,
        /// When; counted to that day of Japan.
        at: UnixTime,
        /// How many.
        count: u32,
    },
    /// A new application, or as it is from now on. `record.version` is the version that was read (0 for a new one); the store
    /// raises it by one, and keeps number, place, municipality, holder, card, what was asked and the time of receipt as they
    /// are. [`StoreError::Conflict`](super::StoreError::Conflict) if it has risen since, for an ended application, for a new one that is more than received,
    /// and for an ended one that keeps an address or a last day.
    Application(Box<ApplicationRecord>),
    /// The register's text of a SIGN that is reserved in this change or before. [`StoreError::Conflict`](super::StoreError::Conflict) if it is not reserved, or
    /// has such a text.
    RegisterText(Box<RegisterTextRecord>),
    /// A new exception, or as it is from now on. `record.version` is the version that was read (0 for a new one); the store raises
    /// it by one, and keeps what was asked as it is. [`StoreError::Conflict`](super::StoreError::Conflict) if it has risen since, for one that is used, one
    /// that is approved otherwise, a new one that is more than asked for, and one that who asked approved.
    Exception(Box<ExceptionRecord>),
    /// Nothing is kept of a holder any more but what names nobody: every row under the reference goes, and of certificates and of what
    /// relying parties were told stays what is left of them (rules §8.3). [`StoreError::Conflict`](super::StoreError::Conflict) unless exactly this is
    /// kept, every certificate of it is revoked or expired, and the term of every row is over by the day of the newest entry.
    Erase(Box<Retained>),
    /// The store goes on where no copy of it can have been, and under a higher fence: the first thing after a restore.
    /// [`StoreError::Conflict`](super::StoreError::Conflict) unless the fence rises and no number falls.
    Leap(Leap),
    /// A certificate that the store does not have, because a restore lost it, is held or revoked, as somebody else knows; with a
    /// status event. [`StoreError::Conflict`](super::StoreError::Conflict) if the store has it, its CA has not given that index, or
    /// the state is neither.
    Lost(Box<LostCertificate>),
}

/// A certificate of the time that a restore lost, as far as a list and its serial number tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostCertificate {
    /// What is known of it, held or revoked: [`CertificateStub::of_lost`].
    pub stub: CertificateStub,
    /// Since when, and why.
    pub revocation: Revocation,
}

/// Where a restored store goes on, so that it gives nothing that the one that is lost may have given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leap {
    /// The fence from now on.
    pub fence: u64,
    /// The next index that each CA gives.
    pub indexes: Of,
    /// The number that every coming list of each CA exceeds.
    pub numbers: Of,
}
