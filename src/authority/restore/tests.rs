use std::sync::{Arc, Mutex};

use super::*;
use crate::{
    audit::GENESIS,
    ports::{
        AccessListRecord, AuthorityRecord, CardNumber, CardRecord, CertificateRecord, HolderRecord, HolderReference,
        StoreError,
    },
    rules::CertificateState::{Expired, Held, Live, Reserved, Revoked},
    store::MemoryStore,
};

fn at(second: i64) -> UnixTime {
    UnixTime::from_seconds(1_800_000_000 + second).unwrap()
}

/// A time that asks for no numbers of its own.
fn beginning() -> UnixTime {
    UnixTime::from_seconds(0).unwrap()
}

fn marks(fence: u64, indexes: (u64, u64), lists: (u64, u64)) -> Marks {
    let of = |(sign, auth)| Of { sign, auth };
    Marks { fence, at: at(0), entry: 9, seal: GENESIS, event: 3, indexes: of(indexes), lists: of(lists) }
}

fn record(state: CertificateState) -> CertificateRecord {
    CertificateRecord {
        kind: Kind::Sign,
        generation: 1,
        index: 0,
        serial: serial(1),
        holder: HolderReference::parse("TEST-1").unwrap(),
        card: CardNumber::parse("CARD-1").unwrap(),
        municipality: "13115".parse().unwrap(),
        not_before: at(0),
        not_after: at(1000),
        state,
        revocation: None,
        pair: None,
        predecessor: None,
        successor: None,
        key_digest: [7; 32],
        tbs: vec![1],
        certificate: None,
    }
}

fn serial(octet: u8) -> Serial {
    Serial::from_octets(&[octet]).unwrap()
}

fn said(reason: RevocationReason) -> Revocation {
    Revocation { revocation_date: at(5), reason, invalidity_date: None, cause: cause_of(reason) }
}

fn entry(octet: u8, reason: RevocationReason) -> CrlEntry {
    CrlEntry { serial: serial(octet), revocation_date: at(5), reason, invalidity_date: Some(at(4)) }
}

/// A store with one live certificate of SIGN.
fn store() -> MemoryStore {
    filled(MemoryStore::default())
}

fn filled(store: MemoryStore) -> MemoryStore {
    let one = record(Reserved);
    let day = crate::rules::calendar::day_of(at(0));
    let holder = HolderRecord {
        reference: one.holder.clone(),
        municipality: one.municipality,
        moving_to: None,
        birth: day,
        ward: false,
        registered: true,
        version: 0,
    };
    let card = CardRecord {
        number: one.card.clone(),
        holder: one.holder.clone(),
        issue_day: day,
        application_day: day,
        last_day: day,
        void: false,
        face_authentication: false,
    };
    let issue = Step::Issue { kind: Kind::Sign, index: 0, certificate: vec![2] };
    commit(&store, vec![Step::Holder(holder), Step::Card(card), Step::Reserve(Box::new(one)), issue]).unwrap();
    store
}

fn commit(store: &MemoryStore, steps: Vec<Step>) -> Result<(), StoreError> {
    let word = String::new;
    let audit = Draft { at: at(0), actor: word(), action: word(), subject: word(), detail: word() };
    store.commit(Change { steps, audit })
}

const LIST: GivenList = GivenList { kind: Kind::Sign, number: 7, municipality: None };

/// What is learnt of these entries.
fn learn(store: &MemoryStore, entries: &[CrlEntry]) -> Vec<(Outcome, Serial)> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let mut tell = |lesson: &Lesson| told.lock().unwrap().push((lesson.outcome, lesson.serial));
    let mut pupil = Pupil::new(store, None, at(10), &mut tell);
    entries.iter().for_each(|one| pupil.entry(LIST, one).unwrap());
    pupil.commit().unwrap();
    told.lock().unwrap().clone()
}

fn state(store: &MemoryStore) -> (CertificateState, Option<Revocation>) {
    let one = store.certificate(Kind::Sign, &serial(1)).unwrap().unwrap();
    (one.state, one.revocation)
}

#[test]
fn a_leap_is_above_everything_that_is_known_and_may_have_been_given() {
    let (own, known) = (marks(2, (100, 5), (10, 3)), marks(1, (5000, 1), (4, 40)));
    let to = decide_leap(&own, &[known], Of { sign: 12, auth: 8 }, (beginning(), Duration::from_secs(60)));
    let gap = LEAP_INDEXES + 60 * LEAP_INDEXES_A_SECOND;
    assert_eq!(to.fence, 3);
    assert_eq!(to.indexes, Of { sign: 5000 + gap, auth: 5 + gap });
    assert_eq!(to.numbers, Of { sign: 12 + LEAP_NUMBERS, auth: 40 + LEAP_NUMBERS });
    let superseded = decide_leap(&own, &[marks(9, (0, 0), (0, 0))], Of::default(), (beginning(), Duration::ZERO));
    assert_eq!(superseded.fence, 10, "above the fence of another copy");
}

#[test]
fn copies_that_know_nothing_of_each_other_give_different_numbers_to_their_lists() {
    let own = marks(1, (9, 9), (3, 3));
    let restored = |second| decide_leap(&own, &[], Of::default(), (at(second), Duration::ZERO)).numbers;
    let (first, second) = (restored(0), restored(1));
    // As many lists as can be in a second lie between them.
    assert_eq!(second.sign - first.sign, LEAP_NUMBERS_A_SECOND);
    assert_eq!(first.auth, 1_800_000_000 * LEAP_NUMBERS_A_SECOND);
    // A clock that is behind takes nothing back.
    let ahead = marks(1, (9, 9), (u64::MAX >> 8, 3));
    assert!(decide_leap(&ahead, &[], Of::default(), (at(0), Duration::ZERO)).numbers.sign > u64::MAX >> 8);
}

#[test]
fn a_window_of_a_century_leaves_out_no_more_than_there_are_people() {
    let to = decide_leap(
        &marks(1, (0, 0), (0, 0)),
        &[],
        Of::default(),
        (beginning(), Duration::from_secs(100 * 366 * 86_400)),
    );
    assert_eq!(to.indexes.sign, LEAP_INDEXES + LEAP_WINDOW_INDEXES);
}

#[test]
fn the_store_leaps_once_under_a_fence() {
    let store = store();
    let to = decide_leap(&store.marks().unwrap(), &[], Of::default(), (beginning(), Duration::ZERO));
    leap(&store, at(10), to.clone(), "{}".into()).unwrap();
    let marks = store.marks().unwrap();
    assert_eq!((marks.fence, marks.indexes, marks.lists), (2, to.indexes, to.numbers));
    assert!(leap(&store, at(10), to, "{}".into()).is_err());
    let last = store.audit_after(0, 9).unwrap().pop().unwrap().draft;
    assert_eq!((last.action.as_str(), last.subject.as_str()), ("store.restored", "fence/2"));
}

/// A restore that is told of a failure throws its copy away and begins again from the backup; so no failure may go unnoticed,
/// and what is left behind is whole all the same.
#[test]
fn whichever_write_of_a_restore_fails_it_is_told_and_nothing_is_half_done() {
    use crate::store::Fault;
    for (number, fault) in [(1, Fault::Lost), (1, Fault::Kept), (2, Fault::Lost), (2, Fault::Kept)] {
        // The first write fills the store.
        let bad = move |write| if write == number + 1 { fault } else { Fault::None };
        let store = filled(MemoryStore::with_faults(bad));
        let to = decide_leap(&store.marks().unwrap(), &[], Of::default(), (beginning(), Duration::ZERO));
        let leapt = leap(&store, at(10), to.clone(), "{}".into());
        assert_eq!(leapt.is_err(), number == 1, "{fault:?}");
        let has_leapt = number == 2 || fault == Fault::Kept;
        let marks = store.marks().unwrap();
        assert_eq!(
            (marks.fence == 2, marks.indexes == to.indexes, marks.lists == to.numbers),
            (has_leapt, has_leapt, has_leapt)
        );
        if number == 2 {
            let (one, mut tell) = (entry(1, RevocationReason::KeyCompromise), |_: &Lesson| ());
            let mut pupil = Pupil::new(&store, None, at(10), &mut tell);
            pupil.entry(LIST, &one).unwrap();
            assert!(pupil.commit().is_err(), "{fault:?}");
            assert_eq!(state(&store).0, if fault == Fault::Kept { Revoked } else { Live });
        }
        if number == 2 {
            // One of the loss window: whoever learns again after a failure has it once.
            let armed = std::sync::atomic::AtomicBool::new(false);
            let armed: &'static std::sync::atomic::AtomicBool = Box::leak(Box::new(armed));
            let once =
                move |_| if armed.swap(false, std::sync::atomic::Ordering::SeqCst) { fault } else { Fault::None };
            let (store, records) = generations(filled(MemoryStore::with_faults(once)));
            let said = [(None, of_index(2, RevocationReason::KeyCompromise))];
            armed.store(true, std::sync::atomic::Ordering::SeqCst);
            assert!(learn_by_key((&store, &records), &said).is_err(), "{fault:?}");
            learn_by_key((&store, &records), &said).unwrap();
            let events = store.listed_events(0, 9).unwrap();
            assert_eq!(events.iter().filter(|one| one.event.index == 2).count(), 1, "{fault:?}");
        }
        let entries = store.audit_after(0, 9).unwrap();
        assert!(crate::audit::follow(&entries, 0, GENESIS).is_ok(), "{fault:?}");
    }
}

#[test]
fn what_a_list_says_is_learnt_with_its_date_and_reason() {
    let store = store();
    let entries = [entry(1, RevocationReason::KeyCompromise), entry(1, RevocationReason::KeyCompromise)];
    assert_eq!(learn(&store, &entries), [(Outcome::Revoked, serial(1))], "once, on however many lists it stands");
    let (state, revocation) = state(&store);
    let revocation = revocation.unwrap();
    assert_eq!((state, revocation.reason), (Revoked, RevocationReason::KeyCompromise));
    assert_eq!((revocation.revocation_date, revocation.invalidity_date), (at(5), Some(at(4))));
    assert_eq!(learn(&store, &entries), [], "what is known is no lesson");
    let last = store.audit_after(0, 9).unwrap().pop().unwrap().draft;
    assert_eq!((last.action.as_str(), last.subject.as_str()), ("revocation.learnt", "certificate/sign/01"));
}

#[test]
fn a_hold_is_learnt_and_its_end_is_not() {
    let store = store();
    assert_eq!(learn(&store, &[entry(1, RevocationReason::CertificateHold)]), [(Outcome::Held, serial(1))]);
    assert_eq!(state(&store).0, Held);
    assert_eq!(learn(&store, &[entry(1, RevocationReason::RemoveFromCrl)]), []);
    assert_eq!(state(&store).0, Held, "held until somebody knows better");
    let twice = [entry(1, RevocationReason::CertificateHold), entry(1, RevocationReason::Superseded)];
    assert_eq!(learn(&store, &twice), [(Outcome::Revoked, serial(1))]);
    assert_eq!(state(&store).0, Revoked);
}

#[test]
fn a_hold_and_a_revocation_of_one_page_are_learnt_one_after_the_other() {
    let store = store();
    let both = [entry(1, RevocationReason::CertificateHold), entry(1, RevocationReason::Superseded)];
    assert_eq!(learn(&store, &both), [(Outcome::Held, serial(1)), (Outcome::Revoked, serial(1))]);
    assert_eq!(state(&store).0, Revoked);
}

#[test]
fn what_the_store_does_not_have_is_lost_and_told() {
    let store = store();
    let before = store.marks().unwrap();
    assert_eq!(learn(&store, &[entry(9, RevocationReason::Superseded)]), [(Outcome::Lost, serial(9))]);
    assert_eq!(store.marks().unwrap(), before, "nothing is written for it");
}

fn permutation() -> SerialPermutation {
    SerialPermutation::new(1, b"JITSUIN-TEST-KEY").unwrap()
}

/// A store whose SIGN CA has two generations, the second from index 3 on, and gave six indexes.
fn of_two_generations() -> (MemoryStore, Vec<AuthorityRecord>) {
    generations(store())
}

fn generations(store: MemoryStore) -> (MemoryStore, Vec<AuthorityRecord>) {
    for generation in [1, 2] {
        let valid = (at(-10), at(1000 * i64::from(generation)));
        let record = AuthorityRecord {
            kind: Kind::Sign,
            generation,
            first_index: 0,
            certificate: root(valid),
            links: None,
            compromise: None,
        };
        commit(&store, vec![Step::Authority(record)]).unwrap();
        store.allocate(Kind::Sign, 3).unwrap();
    }
    let records = store.authorities().unwrap();
    (store, records)
}

fn root(valid: (UnixTime, UnixTime)) -> Vec<u8> {
    use crate::{ca::ceremony::AccessCa, signer};
    let key = signer::PrivateKey::generate(signer::KeyKind::P256).unwrap();
    let signer = signer::SoftwareSigner::new(&key).unwrap();
    let ca = AccessCa { organization: "JITSUIN-TEST", base_uri: "http://localhost", signer: &signer };
    ca.certificate(&serial(1), valid).unwrap()
}

/// What is learnt of these entries with the serial key, each of a list with its municipality.
fn learn_by_key(
    (store, records): (&MemoryStore, &[AuthorityRecord]),
    entries: &[(Option<&str>, CrlEntry)],
) -> Result<Vec<(Outcome, Serial)>, StoryError> {
    let permutation = permutation();
    let issuers = Issuers::new(&permutation, records).unwrap();
    let mut told = Vec::new();
    let mut tell = |lesson: &Lesson| told.push((lesson.outcome, lesson.serial));
    let mut pupil = Pupil::new(store, Some(&issuers), at(10), &mut tell);
    for (place, one) in entries {
        pupil.entry(GivenList { municipality: place.map(|code| code.parse().unwrap()), ..LIST }, one)?;
    }
    pupil.commit()?;
    Ok(told)
}

fn of_index(index: u64, reason: RevocationReason) -> CrlEntry {
    CrlEntry { serial: permutation().serial(Kind::Sign, index), ..entry(1, reason) }
}

#[test]
fn what_was_issued_and_revoked_in_the_loss_window_is_kept_with_what_its_number_and_the_list_tell() {
    use RevocationReason::{CertificateHold, KeyCompromise};
    let (store, records) = of_two_generations();
    let [first, second] = [of_index(2, KeyCompromise), of_index(4, CertificateHold)];
    let said = [(Some("28207"), first), (None, second), (None, first)];
    let lessons = learn_by_key((&store, &records), &said).unwrap();
    assert_eq!(lessons, [(Outcome::Listed, first.serial), (Outcome::Listed, second.serial)], "once");
    let left = |one: &CrlEntry| store.erased(Kind::Sign, &one.serial).unwrap().unwrap().stub;
    let (one, other) = (left(&first), left(&second));
    assert!(one.is_lost() && other.is_lost());
    assert_eq!((one.index, one.generation, one.state, one.municipality), (2, 1, Revoked, "28207".parse().unwrap()));
    assert_eq!((other.index, other.generation, other.state), (4, 2, Held));
    assert_eq!(other.municipality, MunicipalityCode::NOWHERE);
    assert_eq!((one.not_after, other.not_after), (at(1000), at(2000)), "the end of its CA");
    let events = store.listed_events(0, 9).unwrap();
    let last = events.last().unwrap();
    assert_eq!((last.serial, last.event.index, last.event.state), (second.serial, 4, Held));
    let end = events[events.len() - 2].event.revocation.clone().unwrap();
    assert_eq!((end.reason, end.revocation_date, end.invalidity_date), (KeyCompromise, at(5), Some(at(4))));
    // A newer list says that the one that was held is revoked; and what is known is no lesson.
    let over = of_index(4, KeyCompromise);
    let again = learn_by_key((&store, &records), &[(None, over), (None, first)]).unwrap();
    assert_eq!(again, [(Outcome::Revoked, second.serial)]);
    assert_eq!(left(&second).state, Revoked);
}

#[test]
fn a_number_that_no_ca_of_this_service_gave_is_kept_nowhere() {
    let (store, records) = of_two_generations();
    let before = store.marks().unwrap();
    let beyond = of_index(6, RevocationReason::Superseded);
    let foreign = entry(9, RevocationReason::Superseded);
    let lessons = learn_by_key((&store, &records), &[(None, beyond), (None, foreign)]).unwrap();
    assert_eq!(lessons, [(Outcome::Lost, beyond.serial), (Outcome::Lost, foreign.serial)]);
    assert_eq!(store.marks().unwrap(), before);
}

#[test]
fn what_is_over_stays_as_it_is_and_what_is_reserved_is_never_made_good() {
    let revoked = said(RevocationReason::Superseded);
    let held = said(RevocationReason::CertificateHold);
    for state in [Revoked, Expired] {
        assert!(
            decide_lesson((Kind::Sign, 0, state), &revoked).is_none()
                && decide_lesson((Kind::Sign, 0, state), &held).is_none()
        );
    }
    assert!(decide_lesson((Kind::Sign, 0, Held), &held).is_none());
    let outcome =
        |state, said| decide_lesson((Kind::Sign, 0, state), said).map(|(outcome, step)| (outcome, step.is_some()));
    assert_eq!(outcome(Reserved, &revoked), Some((Outcome::Revoked, true)));
    assert_eq!(outcome(Reserved, &held), Some((Outcome::Open, false)));
    assert_eq!(outcome(Live, &held), Some((Outcome::Held, true)));
    assert_eq!(outcome(Held, &revoked), Some((Outcome::Revoked, true)));
}

/// A client certificate of that serial number; nobody verifies it here.
fn client(octet: u8, name: &str) -> CredentialRecord {
    use crate::{ca::ceremony::AccessCa, ports::Signer, signer, x509::SubjectPublicKey};
    let key = signer::PrivateKey::generate(signer::KeyKind::P256).unwrap();
    let signer = signer::SoftwareSigner::new(&key).unwrap();
    let ca = AccessCa { organization: "JITSUIN-TEST", base_uri: "http://localhost", signer: &signer };
    let public = SubjectPublicKey::from_der(signer.spki()).unwrap();
    let certificate = ca.client(("operator", name), &public, &serial(octet), (at(0), at(1000))).unwrap();
    let (role, name) = (crate::ports::Role::Operator, name.to_owned());
    let (municipality, revocation) = (None, None);
    CredentialRecord { fingerprint: [octet; 32], role, name, municipality, active: true, certificate, revocation }
}

fn clients(store: MemoryStore) -> MemoryStore {
    let records = [client(1, "operator-1"), client(2, "operator-2")];
    commit(&store, records.map(Step::Credential).into()).unwrap();
    store
}

#[test]
fn a_credential_that_was_revoked_after_the_backup_does_not_come_in_again() {
    let store = clients(MemoryStore::default());
    let said = [entry(2, RevocationReason::KeyCompromise), entry(9, RevocationReason::Unspecified)];
    let lessons = learn_credentials(&store, at(10), &said).unwrap();
    let told: Vec<_> = lessons.iter().map(|one| (one.serial, one.name.as_deref())).collect();
    assert_eq!(told, [(serial(2), Some("operator-2")), (serial(9), None)]);
    let [first, second] = store.credentials().unwrap().try_into().unwrap();
    assert!(first.active && first.revocation.is_none());
    assert!(!second.active);
    let end = CredentialRevocation { at: at(5), reason: RevocationReason::KeyCompromise };
    assert_eq!(second.revocation, Some(end), "since then, not since the restore");
    // What is known is not learnt twice.
    let again = learn_credentials(&store, at(11), &said[..1]).unwrap();
    assert_eq!(again, []);
}

#[test]
fn a_write_that_fails_while_credentials_are_learnt_is_told_and_the_next_try_makes_up_for_it() {
    use crate::store::Fault;
    let said = [entry(1, RevocationReason::KeyCompromise), entry(2, RevocationReason::Superseded)];
    for fault in [Fault::Lost, Fault::Kept] {
        // The first write fills the store.
        for nth in [2, 3, 4] {
            let store = clients(MemoryStore::with_faults(move |write| if write == nth { fault } else { Fault::None }));
            let list =
                AccessListRecord { number: 7, this_update: at(9), next_update: at(99), entries: 2, der: vec![1] };
            let learn = || {
                learn_credentials(&store, at(10), &said)?;
                learn_access_list(&store, at(10), &list)
            };
            assert!(learn().is_err(), "{fault:?} {nth}");
            learn().unwrap();
            learn().unwrap();
            assert_eq!(store.access_list().unwrap().unwrap(), list);
            assert!(store.credentials().unwrap().iter().all(|one| !one.active && one.revocation.is_some()));
            let entries = store.audit_after(0, usize::MAX).unwrap();
            assert_eq!(entries.iter().filter(|one| one.draft.action == "credential.learnt").count(), 2);
        }
    }
}
