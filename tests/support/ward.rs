//! A store behind somebody who watches every call: who counts them, lets some fail, or changes what is answered.

use std::{
    ops::{Deref, Range},
    sync::Arc,
    time::Duration,
};

use jitsuin::{
    audit::{AuditEntry, Marks},
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{
        AccessListRecord, AnswerRecord, ApplicationFilter, ApplicationNumber, ApplicationRecord, ApplicationStore,
        AuthorityRecord, CardNumber, CertificateRecord, Change, ConsentRecord, CredentialRecord, CrlRecord,
        DisclosureRecord, Dossier, EndingCount, EndingPlace, EndingRecord, ErasedCertificate, EventNumber,
        ExceptionRecord, Follower, History, HolderReference, ListDraft, ListedEvent, NoticeRecord, OldAnswer,
        RegisterEntry, RegisterStore, RegisterTextRecord, RelyingPartyRecord, Retained, Store, StoreError, UsageRecord,
        store::StateCount,
    },
    rules::Day,
    scope::CrlScope,
    x509::{CrlEntry, Serial, UnixTime},
};

/// Who watches. Without a word of its own everything is as the store has it.
pub(crate) trait Ward: Send + Sync {
    /// The engine inside.
    type Inner: Store + RegisterStore + ApplicationStore;

    /// The store inside.
    fn inner(&self) -> &Self::Inner;

    /// Is told of every change that is asked for, before it is met.
    fn changing(&self, _change: &Change) {}

    /// Makes a call, or does not; `method` is its name in the trait.
    fn meet<T>(
        &self,
        method: &'static str,
        call: impl FnOnce(&Self::Inner) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let _ = method;
        call(self.inner())
    }

    /// What a question about entries is answered with.
    fn revoked(&self, _scope: CrlScope, entries: Vec<CrlEntry>) -> Vec<CrlEntry> {
        entries
    }

    /// The lists that are said to be the newest.
    fn newest_crls(&self, lists: Vec<CrlRecord>) -> Vec<CrlRecord> {
        lists
    }

    /// The list of a number.
    fn crl(&self, found: Option<CrlRecord>) -> Option<CrlRecord> {
        found
    }

    /// The list before a number.
    fn crl_before(&self, found: Option<CrlRecord>) -> Option<CrlRecord> {
        found
    }

    /// The events that are told.
    fn listed_events(&self, events: Vec<ListedEvent>) -> Vec<ListedEvent> {
        events
    }

    /// The history of a certificate.
    fn history(&self, history: Option<History>) -> Option<History> {
        history
    }
}

/// The store that is watched.
pub(crate) struct Warded<W>(pub(crate) W);

impl<W> Deref for Warded<W> {
    type Target = W;

    fn deref(&self) -> &W {
        &self.0
    }
}

/// Writes each method of a part of the contract so that it passes by [`Ward::meet`]; `then` names who may change the answer.
macro_rules! watched {
    (
        $methods:ident of $part:ident;
        $(fn $name:ident(&self $(, $argument:ident: $type:ty)*) -> $outcome:ty $(, then $change:ident)?;)*
        $(also $($also:literal),+ { $($rest:item)* })?
    ) => {
        /// The name of every method of this part that can fail. The compiler asks for each of them.
        const $methods: &[&str] = &[$($($also,)+)? $(stringify!($name)),*];

        impl<W: Ward> $part for Warded<W> {
            $(fn $name(&self $(, $argument: $type)*) -> Result<$outcome, StoreError> {
                let answer = self.0.meet(stringify!($name), |store| $part::$name(store $(, $argument)*));
                $(let answer = answer.map(|answer| self.0.$change(answer));)?
                answer
            })*

            $($($rest)*)?
        }
    };
}

/// The name of every method of the store that can fail.
pub(crate) fn methods() -> impl Iterator<Item = &'static str> {
    STORE.iter().chain(REGISTER).chain(APPLICATIONS).copied()
}

watched! {
    STORE of Store;
    fn allocate(&self, kind: Kind, count: u64) -> Range<u64>;
    fn follow(&self, after: u64, follower: Arc<dyn Follower>) -> ();
    fn dossier(&self, holder: &HolderReference) -> Option<Dossier>;
    fn holder_of_card(&self, card: &CardNumber) -> Option<HolderReference>;
    fn certificate(&self, kind: Kind, serial: &Serial) -> Option<CertificateRecord>;
    fn erased(&self, kind: Kind, serial: &Serial) -> Option<ErasedCertificate>;
    fn retained(&self, after: Option<&HolderReference>, limit: usize) -> Vec<Retained>;
    fn old_answers(&self, before: UnixTime, after: u64, limit: usize) -> Vec<OldAnswer>;
    fn reserved(&self) -> Vec<CertificateRecord>;
    fn answer(&self, client: &str, key: &str) -> Option<AnswerRecord>;
    fn draft_list(&self, octets: u64) -> Box<dyn ListDraft>;
    fn newest_crls(&self) -> Vec<CrlRecord>, then newest_crls;
    fn crl(&self, kind: Kind, generation: u8, scope: CrlScope, number: u64) -> Option<CrlRecord>, then crl;
    fn crl_before(&self, kind: Kind, generation: u8, scope: CrlScope, number: u64) -> Option<CrlRecord>, then crl_before;
    fn certificates(&self, kind: Kind, from: u64, limit: usize) -> (Vec<CertificateRecord>, u64);
    fn listed_events(&self, after: u64, limit: usize) -> Vec<ListedEvent>, then listed_events;
    fn authorities(&self) -> Vec<AuthorityRecord>;
    fn municipalities(&self) -> Vec<MunicipalityCode>;
    fn credentials(&self) -> Vec<CredentialRecord>;
    fn credential(&self, fingerprint: &[u8; 32]) -> Option<CredentialRecord>;
    fn access_list(&self) -> Option<AccessListRecord>;
    fn consents(&self, holder: &HolderReference) -> Vec<ConsentRecord>;
    fn register_text(&self, index: u64) -> Option<RegisterTextRecord>;
    fn exception(&self, digest: &[u8; 32]) -> Option<ExceptionRecord>;
    fn exceptions(&self, municipality: MunicipalityCode, since: UnixTime, limit: usize) -> Vec<ExceptionRecord>;
    fn history(&self, kind: Kind, serial: &Serial) -> Option<History>, then history;
    fn relying_parties(&self) -> Vec<RelyingPartyRecord>;
    fn relying_party(&self, name: &str) -> Option<RelyingPartyRecord>;
    fn disclosures(&self, holder: &HolderReference, before: u64, limit: usize) -> Vec<DisclosureRecord>;
    fn usage(&self, party: Option<&str>, first: Day, last: Day) -> Vec<UsageRecord>;
    fn counts(&self) -> Vec<StateCount>;
    fn audit_after(&self, position: u64, limit: usize) -> Vec<AuditEntry>;
    fn last_recorded(&self) -> Option<UnixTime>;
    fn marks(&self) -> Marks;
    fn vouch(&self) -> ();
    fn check_time(&self, now: UnixTime) -> ();
    fn number_floor(&self, kind: Kind) -> u64;
    fn check_writable(&self) -> ();

    also "commit", "commit_each", "each_revoked" {
        fn commit(&self, change: Change) -> Result<(), StoreError> {
            self.0.changing(&change);
            self.0.meet("commit", |store| store.commit(change))
        }

        fn commit_each(&self, changes: Vec<Change>) -> Result<Vec<Result<(), StoreError>>, StoreError> {
            changes.iter().for_each(|change| self.0.changing(change));
            self.0.meet("commit_each", |store| store.commit_each(changes))
        }

        fn register(&self) -> &dyn RegisterStore {
            self
        }

        fn stop_writing(&self, cause: &str) {
            self.0.inner().stop_writing(cause);
        }

        fn applications(&self) -> &dyn ApplicationStore {
            self
        }

        fn queue_wait(&self) -> Duration {
            self.0.inner().queue_wait()
        }

        fn each_revoked(
            &self,
            kind: Kind,
            generation: u8,
            scope: CrlScope,
            not_over_before: UnixTime,
            take: &mut dyn FnMut(&CrlEntry),
        ) -> Result<u64, StoreError> {
            let call = |store: &W::Inner| store.revoked(kind, generation, scope, not_over_before);
            let (entries, position) = self.0.meet("each_revoked", call)?;
            self.0.revoked(scope, entries).iter().for_each(take);
            Ok(position)
        }
    }
}

watched! {
    REGISTER of RegisterStore;

    fn register_entries(&self, holder: &HolderReference) -> Vec<RegisterEntry>;
    fn register_entry(&self, municipality: MunicipalityCode, number: &EventNumber) -> Option<RegisterEntry>;
    fn deadlines(&self, day: Day, limit: usize) -> Vec<HolderReference>;
    fn deadline(&self, holder: &HolderReference) -> Option<Day>;
    fn notices(&self, municipality: MunicipalityCode, after: u64, limit: usize) -> Vec<NoticeRecord>;
    fn notice(&self, number: u64) -> Option<NoticeRecord>;
    fn endings(
        &self,
        municipality: MunicipalityCode,
        between: (UnixTime, UnixTime),
        after: Option<EndingPlace>,
        limit: usize
    ) -> Vec<EndingRecord>;
    fn ending_counts(&self, municipality: MunicipalityCode, between: (UnixTime, UnixTime)) -> Vec<EndingCount>;
}

watched! {
    APPLICATIONS of ApplicationStore;
    fn application(&self, number: &ApplicationNumber) -> Option<ApplicationRecord>;
    fn application_of(&self, kind: Kind, index: u64) -> Option<ApplicationRecord>;
    fn select(&self, filter: &ApplicationFilter, after: u64, limit: usize) -> Vec<ApplicationRecord>;
}
