//! What is true: the store's events, as the store inside has them, and what was acknowledged. Everything signed is held
//! against both.

use std::{fs, path::Path, process::Command};

use jitsuin::{
    kind::Kind,
    ports::{CertificateRecord, Clock, ListedEvent, Store},
    profile::{Profile, Variant},
    revocation::census::{self, Base, Kept, Ledger},
    rules::CertificateState,
    scope::CrlScope,
    x509::{
        CertificateView, CrlView, Name, RevocationReason, Serial, SubjectPublicKey,
        ocsp::{ErrorStatus, ResponseView, SingleStatus, cert_id, request},
    },
};

use crate::{
    tale::{Node, Told},
    world::{FOUND, LIVE, LOST, RETURNED, STOLEN, World},
};

/// Looks at everything that the node would serve now.
pub(crate) fn check(node: &mut Node<'_>, at: &str) {
    if node.house.is_none() {
        return;
    }
    let events = node.store.inner.listed_events(0, usize::MAX).unwrap();
    let mut ledger = Ledger::default();
    assert_eq!(ledger.take(&events), [], "{at}");
    for kind in Kind::BOTH {
        let (rows, position) = node.store.inner.certificates(kind, 0, usize::MAX).unwrap();
        let now = node.clock.now();
        for row in &rows {
            assert_eq!(census::examine_row(&ledger, row, (position, now)), None, "{at}");
        }
    }
    answers(node, &ledger, &events, at);
    lists(node, &ledger, at);
}

/// What a certificate's last event says, by the plainest of folds.
fn last(events: &[ListedEvent], serial: Serial) -> Option<&ListedEvent> {
    events.iter().rfind(|row| row.serial == serial)
}

fn issuer(node: &Node<'_>, kind: Kind) -> (Name, SubjectPublicKey) {
    let parts = node.house.as_ref().unwrap().authority.parts();
    let issuer = parts.issuers.current(kind);
    (issuer.name().clone(), issuer.public_key().clone())
}

fn is_of(row: &CertificateRecord, resident: u32) -> bool {
    row.holder.as_str().ends_with(&format!("{resident:06}"))
}

/// OCSP about every certificate: all in one request with a nonce, and those that change in the tale each alone without one,
/// whose answer may be a kept one.
fn answers(node: &mut Node<'_>, ledger: &Ledger, events: &[ListedEvent], at: &str) {
    for kind in Kind::BOTH {
        let (rows, _) = node.store.inner.certificates(kind, 0, usize::MAX).unwrap();
        let (name, key) = issuer(node, kind);
        let never = node.house.as_ref().unwrap().authority.parts().serials.serial(kind, 1_000_000);
        let mut asked: Vec<_> = rows.iter().map(|row| row.serial).collect();
        asked.push(never);
        let id = |serial: &Serial| cert_id(name.der(), &key.key_id(), serial);
        let together: Vec<_> = asked.iter().map(id).collect();
        let moved =
            |row: &&CertificateRecord| [FOUND, STOLEN, LOST, RETURNED].iter().any(|resident| is_of(row, *resident));
        let alone: Vec<_> = rows.iter().filter(moved).map(|row| row.serial).chain([never]).collect();
        let alone = alone.iter().map(|serial| (request(&[id(serial)], None), vec![*serial]));
        let requests = [(request(&together, Some(b"nonce")), asked.clone())].into_iter().chain(alone);
        for (request, asked) in requests.collect::<Vec<_>>() {
            let now = node.clock.now();
            let der = match node.house.as_ref().unwrap().desk.answer(&request, now) {
                Ok(answer) => answer.der(),
                // Unsigned: nobody is told anything.
                Err(ErrorStatus::TryLater | ErrorStatus::InternalError) => {
                    node.answers.1 += 1;
                    continue;
                }
                Err(other) => panic!("{at}: {other:?}"),
            };
            node.answers.0 += 1;
            let view = ResponseView::verified(&der, &key, now).expect(at);
            for (serial, answer) in asked.iter().zip(&view.answers) {
                is_true(node, (ledger, events), (kind, *serial), &answer.status, at);
            }
        }
    }
}

fn is_true(
    node: &Node<'_>,
    (ledger, events): (&Ledger, &[ListedEvent]),
    (kind, serial): (Kind, Serial),
    status: &SingleStatus,
    at: &str,
) {
    let index = node.house.as_ref().unwrap().authority.parts().serials.index(kind, serial.octets());
    let position = ledger.position();
    let found = census::examine_answer(ledger, (kind, index), serial, (status, position, position));
    assert_eq!(found, None, "{at}");
    // The same again without the census.
    match last(events, serial).map(|row| (row.event.state, row.event.revocation.as_ref())) {
        Some((CertificateState::Live, None)) => assert_eq!(*status, SingleStatus::Good, "{at}: {serial}"),
        Some((_, Some(end))) => {
            let says = SingleStatus::Revoked { at: end.revocation_date, reason: end.reason };
            assert_eq!(*status, says, "{at}: {serial}");
        }
        _ => assert_ne!(*status, SingleStatus::Good, "{at}: {serial} was never issued"),
    }
    if let Some(state) = node.ended.get(&serial) {
        assert_ne!(*status, SingleStatus::Good, "{at}: {serial} was acknowledged as {state}");
    }
}

/// Every list that is served and not over: the store has it, it says what the events up to its position say, and none is older
/// than one that was served before.
fn lists(node: &mut Node<'_>, ledger: &Ledger, at: &str) {
    let now = node.clock.now();
    for (key, list) in node.house.as_ref().unwrap().authority.parts().lists.all() {
        let (kind, generation, scope) = key;
        let before = node.served.insert(key, list.number).unwrap_or(0);
        assert!(before <= list.number, "{at}: {key:?} went back from {before} to {}", list.number);
        if list.next_update <= now {
            continue;
        }
        node.lists += 1;
        let inner = &node.store.inner;
        let kept = inner.crl(kind, generation, scope, list.number).unwrap();
        let record = kept.unwrap_or_else(|| panic!("{at}: the store has no {key:?} {}", list.number));
        let previous = inner.crl_before(kind, generation, scope, list.number).unwrap();
        let base = CrlView::from_der(&list.der).unwrap().delta_base;
        let base = base.map(|base| inner.crl(kind, generation, scope.complete(), base).unwrap().expect("its base"));
        let on =
            base.as_ref().and_then(|base| inner.crl_before(kind, generation, scope.complete(), base.number).unwrap());
        let (name, key) = issuer(node, kind);
        let authorities = inner.authorities().unwrap();
        let partition = partition(&node.house.as_ref().unwrap().authority.parts().profile, kind, scope);
        let known = Kept {
            record: &record,
            previous: previous.as_ref(),
            base: base.as_ref().map(|base| Base { record: base, previous: on.as_ref() }),
            issuer: (&name, &key),
            partition: partition.as_ref(),
            authorities: &authorities,
            fetched: (now, now),
        };
        let (found, _) = census::examine(ledger, &list.der, &known);
        assert_eq!(found, [], "{at}");
    }
}

fn partition(profile: &Profile, kind: Kind, scope: CrlScope) -> Option<Name> {
    assert_eq!(profile.variant, Variant::Open);
    if scope.complete() == CrlScope::Full {
        return None;
    }
    let names = profile.distribution_names(kind, 1, &scope).unwrap();
    names.general_names().into_iter().find_map(|name| match name {
        jitsuin::x509::extension::GeneralName::Directory(name) => Some(name.clone()),
        _ => None,
    })
}

/// At the end nothing was lost: every end that was acknowledged is on the full list, every list was published, and none of
/// the failures remains.
pub(crate) fn is_complete(node: &Node<'_>) {
    let house = node.house.as_ref().unwrap();
    assert_eq!(house.authority.publication_failures(), []);
    let lists = house.authority.parts().lists.all();
    let served: Vec<_> = lists.iter().map(|(key, _)| *key).collect();
    assert_eq!(served.len(), 10, "{served:?}");
    let mut listed = Vec::new();
    for kind in Kind::BOTH {
        let full = house.authority.parts().lists.find(&(kind, 1, CrlScope::Full)).unwrap();
        listed.extend(CrlView::from_der(&full.der).unwrap().entries().map(Result::unwrap));
    }
    for (serial, state) in &node.ended {
        let entry = listed.iter().find(|entry| entry.serial == *serial);
        let held = entry.unwrap_or_else(|| panic!("{serial} is {state} and not listed")).reason
            == RevocationReason::CertificateHold;
        assert_eq!(held, *state == CertificateState::Held, "{serial}");
    }
}

/// The full list of the signing CA, a certificate on it, and one that is not.
pub(crate) fn last_of(node: &Node<'_>) -> [Vec<u8>; 3] {
    let parts = node.house.as_ref().unwrap().authority.parts();
    let full = parts.lists.find(&(Kind::Sign, 1, CrlScope::Full)).unwrap();
    let of = |resident: u32| {
        let (rows, _) = node.store.inner.certificates(Kind::Sign, 0, usize::MAX).unwrap();
        let row = rows.into_iter().find(|row| is_of(row, resident));
        row.unwrap().certificate.unwrap()
    };
    [full.der.to_vec(), of(STOLEN), of(LIVE)]
}

/// OpenSSL finds the revoked certificate revoked and the live one good, by the list that was served last.
pub(crate) fn openssl_agrees(world: &World, told: &Told) {
    let [list, revoked, live] = told.last.as_ref().unwrap();
    let room = tempfile::tempdir().unwrap();
    let file = |name: &str, label: &str, der: &[u8]| {
        let path = room.path().join(name);
        let pem = pkcs8::der::pem::encode_string(label, pkcs8::LineEnding::LF, der).unwrap();
        fs::write(&path, pem).unwrap();
        path
    };
    let crl = file("list.pem", "X509 CRL", list);
    let time = CrlView::from_der(list).unwrap().this_update.seconds().to_string();
    let verify = |certificate: &Path| {
        let mut command = Command::new("openssl");
        command.args(["verify", "-crl_check", "-attime", &time, "-CAfile"]).arg(world.ca(Kind::Sign));
        let output = command.arg("-CRLfile").arg(&crl).arg(certificate).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (good, said) = verify(&file("live.pem", "CERTIFICATE", live));
    assert!(good, "{:?}: {said}", told.failed);
    let (good, said) = verify(&file("revoked.pem", "CERTIFICATE", revoked));
    assert!(!good && said.contains("certificate revoked"), "{:?}: {said}", told.failed);
    assert!(CertificateView::from_der(revoked).is_ok());
}
