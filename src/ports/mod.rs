//! What the house asks of the world: a clock, entropy, keys and a store, with their contracts in prose.
//!
//! A story (floor 4) knows only these. Adapters (floor 5) keep the contracts; `tests/store_contract.rs` is the
//! store's contract as a suite that every engine runs.

pub mod application;
pub mod change;
pub mod consent;
pub mod hands;
pub mod identifier;
pub mod list;
pub mod record;
pub mod register;
pub mod registration;
pub mod retention;
pub mod signer;
pub mod store;
pub mod world;
pub mod written;

pub use application::{
    ApplicationFilter, ApplicationNumber, ApplicationRecord, ApplicationStore, InquiryRecord, IssuingRecord,
    NoApplicationNumber,
};
pub use change::{Change, Leap, LostCertificate, Step};
pub use consent::{ConsentEnd, ConsentEndCause, ConsentRecord, SignedDeclaration};
pub use hands::{Hands, NoHands};
pub use identifier::{
    AgentReference, CardNumber, CredentialName, EventNumber, HolderReference, NotACredentialName, NotAnIdentifier,
};
pub use list::{ListDraft, ListFile, ListOctets, ListReader, ListSource, MemoryDraft};
pub use record::{
    AccessListRecord, AnswerRecord, AuthorityRecord, CardRecord, CertificateRecord, Compromise, CredentialRecord,
    CredentialRevocation, CrlRecord, DisclosureRecord, Dossier, History, HolderRecord, Links, ListedEvent,
    RelyingPartyRecord, Revocation, Role, StatusEvent, Suspension, UsageRecord,
};
pub use register::{EndingCount, EndingPlace, EndingRecord, NoticeRecord, RegisterEntry, RegisterStore};
pub use registration::{ExceptionRecord, NoRequestDigest, RegisterTextRecord, RequestDigest};
pub use retention::{
    CertificateStub, DisclosureStub, ErasedCertificate, OWN_CLIENT, OldAnswer, Retained, RetainedApplication,
};
pub use signer::{Signer, SignerError};
pub use store::{Duplicate, Follower, Store, StoreError};
pub use world::{Clock, Entropy, EntropyError};

pub use crate::audit::Marks;
