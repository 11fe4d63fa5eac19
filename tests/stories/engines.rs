//! The same stories on both engines, and many tellers at once.

use std::{
    collections::BTreeSet,
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use jitsuin::{
    authority::{Once, StoryError, change::RegisterEvent},
    kind::Kind,
    ports::Store,
    rules::{Asked, Cause, CertificateState},
    store::{MemoryStore, SqliteStore},
};

use crate::house::{House, Person, SUGINAMI, municipality, once, operator, refusal, rule};

/// A life with a card, and what is left of it.
fn life(store: Arc<dyn Store>) -> String {
    let house = House::on(store);
    let suginami = municipality(SUGINAMI);
    let person = Person::new("TEST-1");
    let reissue = |person: &Person, asked, kinds: &[Kind]| house.issue(&suginami, asked, &person.enrolment(kinds));
    house.pair(&person);
    house.set_clock("2026-04-01T03:00:00Z");
    house.change(&person.clone().on("2026-03-20"), RegisterEvent::Move).unwrap();
    assert_eq!(rule(reissue(&person, Asked::New, &Kind::BOTH)), "E-04");
    reissue(&person, Asked::New, &[Kind::Sign]).unwrap();
    house.set_clock("2027-04-01T03:00:00Z");
    house.hold(&person).unwrap();
    house.release(&person).unwrap();
    house.fuse.store(1, std::sync::atomic::Ordering::SeqCst);
    assert!(matches!(reissue(&person, Asked::New, &[Kind::Sign]), Err(StoryError::Fault(_))));
    reissue(&person, Asked::New, &[Kind::Sign]).unwrap();
    house.authority.publish(&operator()).unwrap();
    house.set_clock("2029-12-01T03:00:00Z");
    let exchanged = person.with_card("CARD-2", "2029-12-01");
    reissue(&exchanged, Asked::Renewal, &Kind::BOTH).unwrap();
    house.authority.publish(&operator()).unwrap();
    house.revoke(&exchanged, Cause::KeyCompromise, Some(&[Kind::Auth])).unwrap();
    house.change(&exchanged, RegisterEvent::Death).unwrap();
    let lists = house.authority.publish(&operator()).unwrap();
    house.check();
    let lists: Vec<_> = lists.iter().map(|list| (list.kind, &list.scope, list.number, list.entries)).collect();
    format!("{}\n{lists:#?}", house.shape(&exchanged))
}

#[test]
fn a_whole_life_leaves_the_same_on_both_engines() {
    let directory = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(&directory.path().join("jitsuin.db")).unwrap();
    assert_eq!(life(Arc::new(sqlite)), life(Arc::new(MemoryStore::new())));
}

/// Tells `story` eight times at once.
fn at_once<T: Send>(story: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(8);
    let (barrier, story) = (&barrier, &story);
    thread::scope(|scope| {
        let tellers: Vec<_> = (0..8)
            .map(|number| {
                scope.spawn(move || {
                    barrier.wait();
                    story(number)
                })
            })
            .collect();
        tellers.into_iter().map(|teller| teller.join().unwrap()).collect()
    })
}

fn engines(directory: &tempfile::TempDir) -> [House; 2] {
    let sqlite = SqliteStore::open(&directory.path().join("jitsuin.db")).unwrap();
    [House::new(), House::on(Arc::new(sqlite))]
}

#[test]
fn a_request_whose_certificates_were_discarded_is_told_so_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    for house in engines(&directory) {
        let person = Person::new("TEST-1");
        let (suginami, enrolment) = (municipality(SUGINAMI), person.enrolment(&Kind::BOTH));
        let ask = || house.authority.issue(&suginami, &once("a"), Asked::New, &enrolment);
        house.fuse.store(2, std::sync::atomic::Ordering::SeqCst);
        assert!(matches!(ask(), Err(StoryError::Fault(_))));
        let entries = house.store.audit_after(0, usize::MAX).unwrap().len();
        let first = refusal(ask());
        assert_eq!(first.rule, "R-29");
        let other = Once { digest: [2; 32], ..once("a") };
        assert_eq!(rule(house.authority.issue(&suginami, &other, Asked::New, &enrolment)), "T-07");
        assert_eq!(house.authority.recover(Duration::ZERO), Ok(0));
        assert_eq!(refusal(ask()), first, "after a recovery");
        assert_eq!(house.store.audit_after(0, usize::MAX).unwrap().len(), entries, "answers are no acts");
        house.pair(&person);
        house.set_clock("2029-12-01T03:00:00Z");
        assert_eq!(refusal(ask()), first, "years after another request brought a pair");
        assert_eq!(house.dossier(&person).certificates.len(), 4);
        house.check();
    }
}

#[test]
fn the_same_request_from_many_at_once_is_one_pair_and_one_answer() {
    let directory = tempfile::tempdir().unwrap();
    for house in engines(&directory) {
        let person = Person::new("TEST-1");
        let (suginami, enrolment) = (municipality(SUGINAMI), person.enrolment(&Kind::BOTH));
        let answers = at_once(|_| house.authority.issue(&suginami, &once("a"), Asked::New, &enrolment));
        let serials: BTreeSet<_> = answers
            .iter()
            .filter_map(|answer| answer.as_ref().ok())
            .map(|issuance| issuance.certificates.iter().map(|one| one.serial).collect::<Vec<_>>())
            .collect();
        assert_eq!(serials.len(), 1, "{answers:?}");
        for answer in &answers {
            assert!(matches!(answer, Ok(_) | Err(StoryError::InProgress)), "{answer:?}");
        }
        let states: Vec<_> = house.dossier(&person).certificates.iter().map(|one| one.state).collect();
        assert_eq!(states, [CertificateState::Live; 2]);
        house.check();
    }
}

#[test]
fn many_requests_for_one_holder_end_in_one_pair() {
    let directory = tempfile::tempdir().unwrap();
    for house in engines(&directory) {
        let person = Person::new("TEST-1");
        let enrolments: Vec<_> = (0..8).map(|_| person.enrolment(&Kind::BOTH)).collect();
        let suginami = municipality(SUGINAMI);
        let answers = at_once(|number| house.issue(&suginami, Asked::New, &enrolments[number]));
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        for answer in answers {
            match answer {
                Ok(_) | Err(StoryError::InProgress) => {}
                refused => assert_eq!(rule(refused), "E-04"),
            }
        }
        assert_eq!(house.dossier(&person).certificates.len(), 2);
        house.check();
    }
}

#[test]
fn a_renewal_and_a_death_at_once_leave_nothing_live() {
    let directory = tempfile::tempdir().unwrap();
    for house in engines(&directory) {
        let people: Vec<_> = (0..4).map(|number| Person::new(&format!("TEST-{number}"))).collect();
        people.iter().for_each(|person| drop(house.pair(person)));
        house.set_clock("2029-12-01T03:00:00Z");
        let enrolments: Vec<_> = people.iter().map(|person| person.enrolment(&Kind::BOTH)).collect();
        let suginami = municipality(SUGINAMI);
        let told = at_once(|number| match number {
            0..4 => house.issue(&suginami, Asked::Renewal, &enrolments[number]).map(drop),
            _ => house.change(&people[number - 4], RegisterEvent::Death).map(drop),
        });
        assert!(told[4..].iter().all(Result::is_ok), "{told:?}");
        for person in &people {
            let dossier = house.dossier(person);
            let dead = dossier.certificates.iter().all(|one| one.state == CertificateState::Revoked);
            assert!(dead && house.store.reserved().unwrap().is_empty(), "{dossier:?}");
        }
        house.check();
    }
}
