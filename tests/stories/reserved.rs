//! Between reservation and record: the certificates are on their way, and the card has to wait or to stay as it is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use jitsuin::{
    audit::Draft,
    authority::{StoryError, change::RegisterEvent, enrol::Enrolment, hold::HoldRequest, issue::Issuance},
    kind::Kind,
    ports::{CardRecord, Change, HolderRecord, Step},
    rules::{Asked, CertificateState::*},
    store::{Fault, MemoryStore},
};

use crate::house::{House, Person, SUGINAMI, day, meanwhile, municipality, once, operator, rule};

type Before = fn(&House, &Person);

fn nothing(_: &House, _: &Person) {}

fn after_a_move(house: &House, person: &Person) {
    house.pair(person);
    house.set_clock("2026-04-01T03:00:00Z");
    house.change(person, RegisterEvent::Move).unwrap();
}

fn a_pair_to_renew(house: &House, person: &Person) {
    house.pair(person);
    house.set_clock("2029-12-01T03:00:00Z");
}

fn story(house: &House, asked: Asked, enrolment: &Enrolment) -> Result<Issuance, StoryError> {
    house.authority.issue(&municipality(SUGINAMI), &once("story"), asked, enrolment)
}

/// An issue for [`Person::new`] whose certificates are reserved, and whose record is lost.
fn reserved(before: Before, asked: Asked, enrolment: &Enrolment) -> (House, Person) {
    let person = Person::new("TEST-1");
    // The last write records; which one it is depends on the indexes at hand.
    let last = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&last);
    let count = move |number| {
        seen.store(number, SeqCst);
        Fault::None
    };
    let spare = House::on(Arc::new(MemoryStore::with_faults(count)));
    before(&spare, &person);
    story(&spare, asked, enrolment).unwrap();
    let last = last.load(SeqCst);

    let lost = move |number| if number == last { Fault::Lost } else { Fault::None };
    let house = House::on(Arc::new(MemoryStore::with_faults(lost)));
    before(&house, &person);
    assert!(matches!(story(&house, asked, enrolment), Err(StoryError::Unavailable(_))));
    assert!(!house.store.reserved().unwrap().is_empty());
    (house, person)
}

/// What is issued on the card of [`Person::new`].
const ON_ONE_CARD: [(&str, Before, Asked, &[Kind]); 4] = [
    ("a first pair", nothing, Asked::New, &Kind::BOTH),
    ("a renewed pair", a_pair_to_renew, Asked::Renewal, &Kind::BOTH),
    ("AUTH renewed alone", a_pair_to_renew, Asked::Renewal, &[Kind::Auth]),
    ("SIGN again after a move", after_a_move, Asked::New, &[Kind::Sign]),
];

#[test]
fn a_card_is_not_held_while_its_certificates_are_on_their_way_and_is_once_they_are_there() {
    for (name, before, asked, kinds) in ON_ONE_CARD {
        let (house, person) = reserved(before, asked, &Person::new("TEST-1").enrolment(kinds));
        let hold = HoldRequest { card: person.card() };
        let shape = house.shape(&person);
        for actor in [operator(), municipality(SUGINAMI)] {
            for _ in 0..2 {
                let told = house.authority.hold(&actor, &once("hold"), &hold);
                assert_eq!(told, Err(StoryError::InProgress), "{name}");
            }
            assert_eq!(house.store.answer(actor.name(), "hold").unwrap(), None, "{name}");
        }
        assert_eq!(house.shape(&person), shape, "{name}: nothing is stored");

        house.authority.recover(Duration::ZERO).unwrap();
        let held = house.authority.hold(&operator(), &once("hold"), &hold).unwrap();
        assert_eq!(held.changes.len(), 2, "{name}: the same request now holds both");
        for kind in Kind::BOTH {
            assert_eq!(house.state(&person, kind), Held, "{name}");
        }
        house.check();
    }
}

#[test]
fn a_hold_that_waited_for_what_was_then_discarded_strikes_what_is_left() {
    for (name, before, asked, kinds) in ON_ONE_CARD {
        let (house, person) = reserved(before, asked, &Person::new("TEST-1").enrolment(kinds));
        let hold = || house.authority.hold(&operator(), &once("hold"), &HoldRequest { card: person.card() });
        assert_eq!(hold(), Err(StoryError::InProgress), "{name}");
        house.fuse.store(1, SeqCst);
        house.authority.recover(Duration::ZERO).unwrap();
        let left = house.dossier(&person).certificates.iter().filter(|one| one.state == Live).count();
        match left {
            0 => assert_eq!(rule(hold()), "R-21", "{name}"),
            left => assert_eq!(hold().unwrap().changes.len(), left, "{name}"),
        }
        house.check();
    }
}

#[test]
fn until_an_exchange_is_recorded_the_old_card_is_valid_and_can_be_held() {
    let new = Person::new("TEST-1").with_card("CARD-2", "2029-12-01");
    let (house, old) = reserved(a_pair_to_renew, Asked::Renewal, &new.enrolment(&Kind::BOTH));
    let void = |person: &Person| house.dossier(person).card(&person.card()).unwrap().void;
    assert_eq!((void(&old), void(&new)), (false, false));
    let stood =
        Kind::BOTH.map(|kind| house.dossier(&old).certificates.into_iter().find(|one| one.kind == kind).unwrap());
    assert!(stood.iter().all(|one| one.state == Live && one.card == old.card()));
    let hold = HoldRequest { card: new.card() };
    assert_eq!(house.authority.hold(&operator(), &house.once(), &hold), Err(StoryError::InProgress), "the new card");
    house.hold(&old).unwrap();
    let since = house.now();

    house.set_clock("2029-12-02T03:00:00Z");
    house.authority.recover(Duration::ZERO).unwrap();
    assert_eq!((void(&old), void(&new)), (true, false));
    for one in stood {
        let dossier = house.dossier(&old);
        let old = dossier.certificates.iter().find(|other| other.serial == one.serial).unwrap();
        assert_eq!(old.state, Revoked);
        assert_eq!(old.revocation.as_ref().unwrap().revocation_date, since, "over since the hold");
        assert_eq!(dossier.newest(one.kind).unwrap().state, Live, "found on the new card");
    }
    house.check();
}

#[test]
fn an_exchange_that_recovery_cannot_sign_leaves_the_old_card_valid() {
    let new = Person::new("TEST-1").with_card("CARD-2", "2029-12-01");
    let enrolment = new.enrolment(&Kind::BOTH);
    let (house, old) = reserved(a_pair_to_renew, Asked::Renewal, &enrolment);
    house.fuse.store(2, SeqCst);
    house.authority.recover(Duration::ZERO).unwrap();
    assert!(!house.dossier(&old).card(&old.card()).unwrap().void);
    assert!(Kind::BOTH.iter().all(|kind| house.state(&old, *kind) == Live));
    let issuance = story(&house, Asked::Renewal, &enrolment).unwrap();
    assert_eq!(rule(house.authority.issued(&issuance)), "R-29");
    house.issue(&municipality(SUGINAMI), Asked::Renewal, &old.enrolment(&Kind::BOTH)).unwrap();
    house.check();
}

#[test]
fn what_changes_while_the_keys_sign_is_found_by_the_record_and_not_undone() {
    let (house, old) = (House::new(), Person::new("TEST-1"));
    house.pair(&old);
    house.set_clock("2029-12-01T03:00:00Z");
    let last_day = day("2029-12-24");
    let (store, reference, now) = (Arc::clone(&house.store), old.holder(), house.now());
    meanwhile(move || {
        let dossier = store.dossier(&reference).unwrap().unwrap();
        let holder = HolderRecord { ward: true, ..dossier.holder };
        let card = CardRecord { last_day, ..dossier.cards[0].clone() };
        let word = str::to_owned;
        let (actor, action, subject, detail) = (word("system"), word("test"), word("x"), word("{}"));
        let audit = Draft { at: now, actor, action, subject, detail };
        store.commit(Change { steps: vec![Step::Holder(holder), Step::Card(card)], audit }).unwrap();
    });
    let new = Person::new("TEST-1").with_card("CARD-2", "2029-12-01");
    story(&house, Asked::Renewal, &new.enrolment(&Kind::BOTH)).unwrap();

    let dossier = house.dossier(&old);
    assert!(dossier.holder.ward, "the holder");
    let card = dossier.card(&old.card()).unwrap();
    assert_eq!((card.last_day, card.void), (last_day, true), "the old card");
    let states: Vec<_> = dossier.certificates.iter().map(|one| one.state).collect();
    assert_eq!(states, [Revoked, Revoked, Live, Live]);
    house.check();
}
