//! What holds in every house at all times after recovery, and what a house looks like from outside.

use std::{collections::BTreeSet, fmt::Write, sync::Arc};

use jitsuin::{
    authority::publish::verify::Listed,
    kind::Kind,
    ports::{ApplicationFilter, CertificateRecord, HolderReference},
    revocation::index::{Status, StatusIndex},
    rules::{
        CertificateState,
        application::ApplicationState::{self, DiscardedBeforeDelivery, Issued, SentToCa, WrittenToCard},
    },
    x509::CertificateView,
};

use crate::house::{House, ITAMI, SUGINAMI};

/// Every certificate that the store knows.
pub(crate) fn certificates(house: &House) -> Vec<CertificateRecord> {
    Kind::BOTH.iter().flat_map(|kind| house.store.certificates(*kind, 0, 10_000).unwrap().0).collect()
}

fn holders(house: &House) -> BTreeSet<HolderReference> {
    certificates(house).into_iter().map(|one| one.holder).collect()
}

/// Fails unless the chain is whole, nothing is left reserved, and every certificate is known, signed by its CA, in the state that
/// is answered, with its pair, and the only one of its kind.
pub(crate) fn check(house: &House, case: &str) {
    house.check();
    assert!(house.store.reserved().unwrap().is_empty(), "{case}: a reservation is left");
    let fresh = Arc::new(StatusIndex::default());
    house.store.follow(0, Arc::clone(&fresh) as Arc<_>).unwrap();
    let all = certificates(house);
    for one in &all {
        let expected = match (&one.state, &one.revocation) {
            (CertificateState::Live | CertificateState::Expired, _) => Status::Good,
            (_, Some(end)) => Status::Revoked(end.clone()),
            other => panic!("{case}: {other:?}"),
        };
        for index in [&house.authority.parts().index, &fresh] {
            assert_eq!(index.status(one.kind, one.index), expected, "{case}: {}", one.serial);
        }
        match &one.certificate {
            Some(der) => {
                let view = CertificateView::from_der(der).unwrap();
                assert_eq!(view.tbs.serial, one.serial, "{case}");
                let issuer = house.authority.parts().issuers.generation(one.kind, one.generation).unwrap();
                view.verify(issuer.public_key()).unwrap();
            }
            None => assert!(one.is_discarded(), "{case}: {} has no certificate and is {:?}", one.serial, one.state),
        }
        let other = all.iter().find(|other| other.kind != one.kind && Some(other.index) == one.pair);
        if let Some(other) = other.filter(|other| other.not_before == one.not_before) {
            assert_eq!(one.certificate.is_some(), other.certificate.is_some(), "{case}: half a pair");
        }
    }
    for holder in holders(house) {
        for kind in Kind::BOTH {
            let standing = all.iter().filter(|one| one.holder == holder && one.kind == kind);
            let standing = standing.filter(|one| one.is_current(house.now()));
            assert!(standing.count() <= 1, "{case}: two {kind}");
        }
    }
    check_applications(house, case);
}

/// Every list is the newest of its scope, good, follows the one before it, tells of every event, and is the one that is served.
pub(crate) fn check_lists(house: &House, case: &str) {
    for record in house.store.newest_crls().unwrap() {
        let served = house.authority.parts().lists.find(&(record.kind, record.generation, record.scope)).unwrap();
        assert_eq!((served.number, &served.der), (record.number, &record.der), "{case}");
        let verdict = Listed::stored(&*house.store, record).unwrap().verify(house.now()).unwrap();
        assert_eq!((verdict.newest, verdict.faults), (true, Vec::new()), "{case}");
    }
}

fn applications(house: &House) -> Vec<jitsuin::ports::ApplicationRecord> {
    let select = |state| {
        let filter = ApplicationFilter { state, ..ApplicationFilter::default() };
        house.store.applications().select(&filter, 0, 1000).unwrap()
    };
    let ended = ApplicationState::ALL.into_iter().filter(|state| state.is_final());
    select(None).into_iter().chain(ended.flat_map(|state| select(Some(state)))).collect()
}

/// Certificates stand beside an application exactly where it says that they were issued.
fn check_applications(house: &House, case: &str) {
    for record in applications(house) {
        let Some(issuing) = &record.issuing else {
            assert!(!matches!(record.state, Issued | WrittenToCard), "{case}: {record:?}");
            continue;
        };
        let all = certificates(house);
        for (kind, index) in issuing.certificates() {
            let own = all.iter().find(|one| (one.kind, one.index) == (kind, index)).unwrap();
            let signed = own.certificate.is_some();
            assert!(!signed || record.state != SentToCa, "{case}: {record:?}");
            let after = matches!(record.state, Issued | WrittenToCard | DiscardedBeforeDelivery);
            assert!(signed || !after, "{case}: {record:?}");
        }
    }
}

/// Everything that does not depend on the engine, nor on which indexes and numbers were drawn.
pub(crate) fn state(house: &House) -> String {
    let mut text = String::new();
    for holder in holders(house) {
        let mut dossier = house.store.dossier(&holder).unwrap().unwrap();
        dossier.holder.version = 0;
        writeln!(text, "{:?} {:?}", dossier.holder, dossier.cards).unwrap();
        for one in &dossier.certificates {
            let links = [one.pair, one.predecessor, one.successor].map(|link| link.is_some());
            let end = one.revocation.as_ref();
            writeln!(text, "{} {:?} {end:?} {} {links:?} {}", one.kind, one.state, one.card, one.not_after).unwrap();
        }
        for consent in house.store.consents(&holder).unwrap() {
            writeln!(text, "{} {:?} {:?}", consent.party, consent.scopes, consent.ended.map(|end| end.cause)).unwrap();
        }
        let register = house.store.register();
        let entries = register.register_entries(&holder).unwrap().len();
        let due = register.deadline(&holder).unwrap();
        let asked = house.store.disclosures(&holder, u64::MAX, 1000).unwrap();
        let asked: Vec<_> = asked.iter().map(|one| (&one.party, one.query, &one.withheld)).collect();
        writeln!(text, "{entries} {due:?} {asked:?}").unwrap();
    }
    for record in applications(house) {
        let (state, due, rule, version) = (record.state, record.due, record.rule, record.version);
        writeln!(text, "{} {state:?} {due:?} {rule:?} {version}", record.holder).unwrap();
    }
    for town in [SUGINAMI, ITAMI].map(|code| code.parse().unwrap()) {
        let notices = house.store.register().notices(town, 0, 1000).unwrap();
        let notices: Vec<_> = notices.iter().map(|one| (one.number, one.cause, one.sent)).collect();
        let asked = house.store.exceptions(town, jitsuin::x509::UnixTime::EPOCH, 1000).unwrap();
        let asked: Vec<_> = asked.iter().map(|one| (&one.approved, one.used.is_some())).collect();
        writeln!(text, "{town} {notices:?} {asked:?}").unwrap();
    }
    let mut parties = house.store.relying_parties().unwrap();
    parties.iter_mut().for_each(|party| party.version = 0);
    let ended: Vec<_> = house.store.authorities().unwrap().iter().map(|one| one.compromise).collect();
    writeln!(text, "{ended:?}").unwrap();
    let credentials = house.store.credentials().unwrap();
    let credentials: Vec<_> = credentials.iter().map(|one| (&one.name, one.active, one.revocation)).collect();
    let access = house.store.access_list().unwrap().map(|list| (list.entries, list.this_update));
    writeln!(text, "{parties:?} {credentials:?} {access:?}").unwrap();
    let lists = house.store.newest_crls().unwrap();
    let lists: Vec<_> = lists.iter().map(|one| (one.kind, one.scope.word(), one.number, one.entries)).collect();
    writeln!(text, "{lists:?}").unwrap();
    text
}

/// What the audit tells, but for the numbers in it, and who: recovery finishes in the name of the service what another began.
pub(crate) fn acts(house: &House) -> Vec<String> {
    let entries = house.store.audit_after(0, usize::MAX).unwrap();
    let told = entries.into_iter().map(|entry| entry.draft);
    let word = |subject: &str| subject.split('/').next().unwrap().to_owned();
    told.map(|draft| format!("{} {}", draft.action, word(&draft.subject))).collect()
}
