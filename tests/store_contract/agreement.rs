//! Random changes against two engines: they accept the same, refuse the same, and can be asked nothing that differs.

use jitsuin::{
    kind::Kind,
    ports::{
        AnswerRecord, CertificateRecord, ConsentEnd, ConsentEndCause, DisclosureRecord, ExceptionRecord,
        HolderReference, NoticeRecord, RegisterTextRecord, RelyingPartyRecord, Step, Store,
    },
    rules::{
        Cause,
        CertificateState::{self, Expired, Held, Live, Reserved, Revoked},
        DraftNumber, Query,
    },
    scope::CrlScope,
    store::{MemoryStore, SqliteStore},
};
use proptest::prelude::*;
use time::macros::date;

use crate::{Open, fixture::*};

/// A step in the rough: small numbers, made into a step that mostly fits what is there.
#[derive(Clone, Debug)]
enum Rough {
    Holder { of: u64, stale: bool, moving: bool },
    Card { number: u64, of: u64, void: bool },
    Reserve { kind: Kind, index: u64, of: u64, key: u64, chained: bool, paired: bool, itami: bool },
    Issue { kind: Kind, index: u64 },
    Status { kind: Kind, index: u64, from: Option<CertificateState>, to: CertificateState },
    Answer { key: u64 },
    Forget { key: u64 },
    Crl { scope: CrlScope, ahead: u64 },
    Authority { kind: Kind, generation: u8 },
    Municipality(bool),
    Credential { octet: u8, name: u8 },
    Consent { number: u8, of: u64, party: bool, text: Option<u8> },
    EndConsent { number: u8, text: Option<u8> },
    UnderConsent { number: u8, stale: bool },
    Party { name: u8, stale: bool, quota: u32 },
    Disclosure { name: u8, stale: bool, index: Option<u64>, second: i64 },
    Refused { name: u8, second: i64 },
    Entry { of: u64, number: Option<u8> },
    Deadline { of: u64, days: Option<u8> },
    Notice { of: u64, death: bool },
    NoticeSent { number: u64 },
    Move { of: u64, itami: bool },
    Text { index: u64, empty: bool },
    Exception { octet: u8, stale: bool, approver: Option<bool>, used: Option<u64> },
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Sign), Just(Kind::Auth)]
}

fn states() -> impl Strategy<Value = CertificateState> {
    prop_oneof![Just(Reserved), Just(Live), Just(Held), Just(Revoked), Just(Expired)]
}

fn scopes() -> impl Strategy<Value = CrlScope> {
    prop_oneof![
        Just(CrlScope::Full),
        Just(CrlScope::FullDelta),
        Just(CrlScope::Municipality(suginami())),
        Just(CrlScope::Authorities)
    ]
}

fn rough() -> impl Strategy<Value = Rough> {
    let seldom = || prop::bool::weighted(0.1);
    let often = || prop::bool::weighted(0.7);
    prop_oneof![
        3 => (0..3u64, seldom(), any::<bool>()).prop_map(|(of, stale, moving)| Rough::Holder { of, stale, moving }),
        3 => (0..3u64, seldom(), any::<bool>())
            .prop_map(|(of, stray, void)| Rough::Card { number: of, of: of + u64::from(stray), void }),
        8 => (kinds(), 0..12u64, 0..3u64, prop::option::weighted(0.1, 0..12u64), often(), any::<bool>(), any::<bool>())
            .prop_map(|(kind, index, of, key, chained, paired, itami)| Rough::Reserve {
                kind, index, of, key: key.unwrap_or(index), chained, paired, itami }),
        8 => (kinds(), 0..12u64).prop_map(|(kind, index)| Rough::Issue { kind, index }),
        8 => (kinds(), 0..12u64, prop::option::weighted(0.2, states()), states())
            .prop_map(|(kind, index, from, to)| Rough::Status { kind, index, from, to }),
        1 => (0..4u64).prop_map(|key| Rough::Answer { key }),
        1 => (0..4u64).prop_map(|key| Rough::Forget { key }),
        2 => (scopes(), 0..3u64).prop_map(|(scope, ahead)| Rough::Crl { scope, ahead }),
        1 => (kinds(), 0..4u8).prop_map(|(kind, generation)| Rough::Authority { kind, generation }),
        1 => any::<bool>().prop_map(Rough::Municipality),
        2 => (0..12u8, 0..3u64, any::<bool>(), prop::option::weighted(0.1, 0..12u8))
            .prop_map(|(number, of, party, text)| Rough::Consent { number, of, party, text }),
        2 => (0..12u8, prop::option::of(0..24u8)).prop_map(|(number, text)| Rough::EndConsent { number, text }),
        1 => (0..12u8, seldom()).prop_map(|(number, stale)| Rough::UnderConsent { number, stale }),
        2 => (0..4u8, 0..4u8).prop_map(|(octet, name)| Rough::Credential { octet, name }),
        2 => (0..4u8, seldom(), 0..4u32).prop_map(|(name, stale, quota)| Rough::Party { name, stale, quota }),
        3 => (0..4u8, seldom(), prop::option::weighted(0.8, 0..12u64), 0..90_000i64)
            .prop_map(|(name, stale, index, second)| Rough::Disclosure { name, stale, index, second }),
        1 => (0..4u8, 0..90_000i64).prop_map(|(name, second)| Rough::Refused { name, second }),
        2 => (0..3u64, prop::option::of(0..6u8)).prop_map(|(of, number)| Rough::Entry { of, number }),
        2 => (0..3u64, prop::option::of(0..6u8)).prop_map(|(of, days)| Rough::Deadline { of, days }),
        2 => (0..3u64, seldom()).prop_map(|(of, death)| Rough::Notice { of, death }),
        1 => (0..6u64).prop_map(|number| Rough::NoticeSent { number }),
        2 => (0..3u64, any::<bool>()).prop_map(|(of, itami)| Rough::Move { of, itami }),
        3 => (0..12u64, seldom()).prop_map(|(index, empty)| Rough::Text { index, empty }),
        3 => (0..3u8, seldom(), prop::option::weighted(0.7, seldom()), prop::option::weighted(0.2, 0..3u64))
            .prop_map(|(octet, stale, approver, used)| Rough::Exception { octet, stale, approver, used }),
    ]
}

/// All certificates in the store; the index asked for, or where it is not there, the one that comes round to it.
fn pick(store: &dyn Store, kind: Kind, index: u64) -> Option<CertificateRecord> {
    let dossiers = (0..3).filter_map(|of| store.dossier(&reference(of)).unwrap());
    let mut all: Vec<_> = dossiers.flat_map(|dossier| dossier.certificates).filter(|one| one.kind == kind).collect();
    let at = usize::try_from(index).unwrap() % all.len().max(1);
    (at < all.len()).then(|| all.swap_remove(at))
}

/// The step that fits what `store` has now.
fn refine(store: &dyn Store, rough: Rough) -> Step {
    match rough {
        Rough::Holder { of, stale, moving } => {
            let known = store.dossier(&reference(of)).unwrap().map_or(0, |dossier| dossier.holder.version);
            let mut record = holder(of);
            record.version = known.saturating_sub(u64::from(stale));
            record.moving_to = moving.then(itami);
            Step::Holder(record)
        }
        Rough::Card { number, of, void } => {
            let mut record = card(number, of);
            record.void = void;
            record.face_authentication = number % 2 == 1 && !void;
            Step::Card(record)
        }
        Rough::Reserve { kind, index, of, key, chained, paired, itami: moved } => {
            let mut record = reservation(kind, index, of);
            record.key_digest = reservation(kind, key, of).key_digest;
            let dossier = store.dossier(&reference(of)).unwrap();
            let newest =
                |kind| dossier.as_ref().and_then(|dossier| dossier.newest(kind)).map(|certificate| certificate.index);
            record.predecessor = newest(kind).filter(|_| chained);
            record.pair = newest(kind.other()).filter(|_| paired);
            if moved {
                record.municipality = itami();
            }
            reserve(record)
        }
        Rough::Issue { kind, index } => {
            let reserved: Vec<_> = store.reserved().unwrap().into_iter().filter(|one| one.kind == kind).collect();
            let at = usize::try_from(index).unwrap() % reserved.len().max(1);
            issue(kind, reserved.get(at).map_or(index, |one| one.index))
        }
        Rough::Status { kind, index, from, to } => {
            let known = pick(store, kind, index);
            let (index, state) = known.map_or((index, Live), |one| (one.index, one.state));
            status(kind, index, from.unwrap_or(state), to)
        }
        Rough::Answer { key } => Step::Answer(AnswerRecord { digest: [key as u8; 32], ..numbered_answer(key) }),
        Rough::Forget { key } => Step::Forget { client: "client".into(), key: format!("key-{key}") },
        Rough::Crl { scope, ahead } => {
            let newest = store.newest_crls().unwrap();
            let newest = newest.iter().filter(|one| one.scope.complete() == scope.complete()).map(|one| one.number);
            Step::Crl(crl(scope, newest.max().unwrap_or(0) + ahead))
        }
        Rough::Authority { kind, generation } => Step::Authority(authority(kind, generation)),
        Rough::Municipality(here) => Step::Municipality(if here { itami() } else { suginami() }),
        Rough::Consent { number, of, party, text } => {
            let mut record = consent(number, of, if party { "a" } else { "b" });
            record.declaration = signed(text.unwrap_or(number));
            Step::Consent(Box::new(record))
        }
        Rough::EndConsent { number, text } => {
            let end = ConsentEnd { at: at(5), cause: ConsentEndCause::Withdrawn, declaration: text.map(signed) };
            Step::EndConsent { number: DraftNumber([number; 16]), end }
        }
        Rough::UnderConsent { number, stale } => {
            let number = DraftNumber([number; 16]);
            let mut all = (0..3).filter_map(|of| store.dossier(&reference(of)).unwrap());
            let has = |holder: &HolderReference| store.consents(holder).unwrap().iter().any(|one| one.number == number);
            let version =
                all.find(|dossier| has(&dossier.holder.reference)).map_or(1, |dossier| dossier.holder.version);
            Step::UnderConsent { number, version: version.saturating_sub(u64::from(stale)) }
        }
        Rough::Party { name, stale, quota } => {
            let name = format!("name-{name}");
            let version = version(store, &name).saturating_sub(u64::from(stale));
            Step::RelyingParty(RelyingPartyRecord { version, ..party(&name, quota) })
        }
        Rough::Disclosure { name, stale, index, second } => {
            let name = format!("name-{name}");
            let version = version(store, &name).saturating_sub(u64::from(stale));
            let known = index.and_then(|index| pick(store, Kind::Auth, index));
            let of = known.map(|one| (one.index, one.holder));
            let Step::Disclosure { record, .. } = disclosure(&name, None, second, 0) else { unreachable!() };
            Step::Disclosure { record: DisclosureRecord { of, ..record }, version }
        }
        Rough::Entry { of, number } => {
            let number = number.map(|number| format!("E-{number}"));
            Step::Register(Box::new(register_entry(of, number.as_deref())))
        }
        Rough::Deadline { of, days } => Step::Deadline {
            holder: reference(of),
            day: days.map(|days| date!(2028 - 02 - 25) + time::Duration::days(i64::from(days))),
        },
        Rough::Notice { of, death } => {
            let cause = if death { Cause::Death } else { Cause::MoveOut };
            Step::Notice(Box::new(NoticeRecord { cause, ..notice(of) }))
        }
        Rough::NoticeSent { number } => Step::NoticeSent { number, at: at(30) },
        Rough::Move { of, itami: moved } => {
            let known = store.dossier(&reference(of)).unwrap();
            let mut record = known.map_or_else(|| holder(of), |dossier| dossier.holder);
            record.municipality = if moved { itami() } else { suginami() };
            Step::Holder(record)
        }
        Rough::Text { index, empty } => {
            let index = pick(store, Kind::Sign, index).map_or(index, |found| found.index);
            let record = crate::registration::text(index);
            let name = if empty { String::new() } else { record.name };
            Step::RegisterText(Box::new(RegisterTextRecord { name, ..record }))
        }
        Rough::Exception { octet, stale, approver, used } => {
            let Some(known) = store.exception(&[octet; 32]).unwrap() else {
                return Step::Exception(Box::new(crate::registration::exception(octet)));
            };
            let by = |own: bool| if own { known.asked_by.clone() } else { "operator/o".to_owned() };
            let approved = approver.map(|own| (by(own), at(9)));
            let version = known.version.saturating_sub(u64::from(stale));
            Step::Exception(Box::new(ExceptionRecord { approved, used, version, ..known }))
        }
        Rough::Refused { name, second } => {
            Step::Refused { party: format!("name-{name}"), query: Query::Facts, at: at(second), count: 2 }
        }
        Rough::Credential { octet, name } => Step::Credential(credential(octet, &format!("name-{name}"))),
    }
}

fn version(store: &dyn Store, name: &str) -> u64 {
    store.relying_party(name).unwrap().map_or(0, |known| known.version)
}

fn numbered_answer(key: u64) -> AnswerRecord {
    answer("client", &format!("key-{key}"), b"outcome")
}

pub(crate) fn random_changes_end_as_in_the_model(open: Open) {
    let change = (prop::collection::vec(rough(), 0..3), -70..30i64);
    let story = prop::collection::vec(change, 1..40);
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
    let accepted = std::cell::Cell::new(0);
    proptest!(config, |(story in story)| {
        let (dir, store) = crate::fresh(open);
        let model = MemoryStore::new();
        let mut enrolled = vec![Step::Holder(holder(0)), Step::Card(card(0, 0))];
        enrolled.extend([Step::Holder(holder(1)), Step::Card(card(1, 1))]);
        prop_assert_eq!(commit(&*store, enrolled.clone()), commit(&model, enrolled));
        for (second, (rough, skew)) in (0..).zip(story) {
            let steps: Vec<_> = rough.into_iter().map(|rough| refine(&model, rough)).collect();
            // Mostly in order, sometimes back within the tolerance, seldom beyond it.
            let change = change_at(second * 10 + skew, steps);
            let expected = model.commit(change.clone());
            prop_assert_eq!(store.commit(change.clone()), expected.clone(), "{:?}", change);
            accepted.set(accepted.get() + u32::from(expected.is_ok()));
            let kind = Kind::BOTH[(second % 2) as usize];
            prop_assert_eq!(store.allocate(kind, second as u64 % 3), model.allocate(kind, second as u64 % 3));
        }
        prop_assert_eq!(everything(&*store), everything(&model));
        let database = dir.path().join("jitsuin.db");
        if database.exists() {
            drop(store);
            let examined = SqliteStore::open_read_only(&database).unwrap().examine(&[], 99).unwrap();
            // The indexes of these certificates are made up.
            let wrong = examined.findings.iter().find(|finding| !finding.what.contains("none that its CA has given"));
            prop_assert_eq!(wrong, None);
        }
    });
    assert!(accepted.get() > 48, "nearly all changes were refused");
}
