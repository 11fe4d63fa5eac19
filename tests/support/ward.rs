//! A store in memory behind somebody who watches every call: who counts them, lets some fail, or changes what is answered.

use std::{
    ops::{Deref, Range},
    sync::Arc,
};

use jitsuin::{
    audit::AuditEntry,
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{
        AnswerRecord, AuthorityRecord, CardNumber, CertificateRecord, Change, ConsentRecord, CredentialRecord,
        CrlRecord, DisclosureRecord, Dossier, Follower, History, HolderReference, ListedEvent, RegisterStore,
        RelyingPartyRecord, Store, StoreError, UsageRecord, store::StateCount,
    },
    rules::Day,
    scope::CrlScope,
    store::MemoryStore,
    x509::{CrlEntry, Serial, UnixTime},
};

/// Who watches. Without a word of its own everything is as the store has it.
pub(crate) trait Ward: Send + Sync {
    /// The store inside.
    fn inner(&self) -> &MemoryStore;

    /// Makes a call, or does not; `method` is its name in the trait.
    fn meet<T>(
        &self,
        method: &'static str,
        call: impl FnOnce(&MemoryStore) -> Result<T, StoreError>,
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

/// Writes each method so that it passes by [`Ward::meet`]; `then` names who may change the answer.
macro_rules! every_method_but_revoked {
    ($(fn $name:ident(&self $(, $argument:ident: $type:ty)*) -> $outcome:ty $(, then $change:ident)?;)*) => {
        /// The name of every method of the store. The compiler asks for each of them.
        pub(crate) const METHODS: &[&str] = &["revoked", $(stringify!($name)),*];

        impl<W: Ward> Store for Warded<W> {
    fn register(&self) -> &dyn RegisterStore {
        self.0.inner().register()
    }

            $(fn $name(&self $(, $argument: $type)*) -> Result<$outcome, StoreError> {
                let answer = self.0.meet(stringify!($name), |store| store.$name($($argument),*));
                $(let answer = answer.map(|answer| self.0.$change(answer));)?
                answer
            })*

            fn revoked(
                &self,
                kind: Kind,
                generation: u8,
                scope: CrlScope,
                not_over_before: UnixTime,
            ) -> Result<(Vec<CrlEntry>, u64), StoreError> {
                let call = |store: &MemoryStore| store.revoked(kind, generation, scope, not_over_before);
                let (entries, position) = self.0.meet("revoked", call)?;
                Ok((self.0.revoked(scope, entries), position))
            }
        }
    };
}

every_method_but_revoked! {
    fn commit(&self, change: Change) -> ();
    fn allocate(&self, kind: Kind, count: u64) -> Range<u64>;
    fn follow(&self, after: u64, follower: Arc<dyn Follower>) -> ();
    fn dossier(&self, holder: &HolderReference) -> Option<Dossier>;
    fn holder_of_card(&self, card: &CardNumber) -> Option<HolderReference>;
    fn certificate(&self, kind: Kind, serial: &Serial) -> Option<CertificateRecord>;
    fn reserved(&self) -> Vec<CertificateRecord>;
    fn answer(&self, client: &str, key: &str) -> Option<AnswerRecord>;
    fn newest_crls(&self) -> Vec<CrlRecord>, then newest_crls;
    fn crl(&self, kind: Kind, generation: u8, scope: CrlScope, number: u64) -> Option<CrlRecord>;
    fn crl_before(&self, kind: Kind, generation: u8, scope: CrlScope, number: u64) -> Option<CrlRecord>;
    fn certificates(&self, kind: Kind, from: u64, limit: usize) -> (Vec<CertificateRecord>, u64);
    fn listed_events(&self, after: u64, limit: usize) -> Vec<ListedEvent>, then listed_events;
    fn authorities(&self) -> Vec<AuthorityRecord>;
    fn municipalities(&self) -> Vec<MunicipalityCode>;
    fn credentials(&self) -> Vec<CredentialRecord>;
    fn credential(&self, fingerprint: &[u8; 32]) -> Option<CredentialRecord>;
    fn consents(&self, holder: &HolderReference) -> Vec<ConsentRecord>;
    fn history(&self, kind: Kind, serial: &Serial) -> Option<History>, then history;
    fn relying_parties(&self) -> Vec<RelyingPartyRecord>;
    fn relying_party(&self, name: &str) -> Option<RelyingPartyRecord>;
    fn disclosures(&self, holder: &HolderReference, before: u64, limit: usize) -> Vec<DisclosureRecord>;
    fn usage(&self, party: Option<&str>, first: Day, last: Day) -> Vec<UsageRecord>;
    fn counts(&self) -> Vec<StateCount>;
    fn audit_after(&self, position: u64, limit: usize) -> Vec<AuditEntry>;
    fn last_recorded(&self) -> Option<UnixTime>;
    fn check_writable(&self) -> ();
}
