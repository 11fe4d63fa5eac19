//! Events of a feed for the tests, and what they leave.

use std::sync::Arc;

use jitsuin::{
    authority::{
        StoryError,
        change::{Presented, RegisterChange, RegisterEvent},
        end::Effects,
    },
    kind::Kind,
    ports::{EventNumber, NoticeRecord, Store},
    rules::CertificateState,
};

use crate::house::{House, Person, day, municipality};

/// A resident of Suginami with a pair of 2025-10-27; it is noon of 2026-04-01 in Japan.
pub(crate) fn housed() -> (House, Person) {
    housed_on(Arc::new(jitsuin::store::MemoryStore::new()))
}

pub(crate) fn housed_on(store: Arc<dyn Store>) -> (House, Person) {
    let (house, person) = (House::on(store), Person::new("TEST-1"));
    house.pair(&person);
    house.set_clock("2026-04-01T03:00:00Z");
    (house, person)
}

/// Event `number` of a day.
pub(crate) fn event(person: &Person, number: &str, on: &str, what: RegisterEvent) -> RegisterChange {
    RegisterChange {
        number: Some(EventNumber::parse(number).unwrap()),
        event_day: Some(day(on)),
        ..RegisterChange::new(person.holder(), what)
    }
}

pub(crate) fn out(person: &Person, number: &str, on: &str, to: &str, planned: &str) -> RegisterChange {
    RegisterChange {
        to: Some(to.parse().unwrap()),
        planned: Some(day(planned)),
        ..event(person, number, on, RegisterEvent::MoveOut)
    }
}

/// The same, with the notice of the same day: what was issued later stays.
pub(crate) fn noticed(change: RegisterChange) -> RegisterChange {
    RegisterChange { notified: change.event_day, ..change }
}

/// The card, as it has to be.
pub(crate) fn presented(person: &Person) -> Option<Presented> {
    Some(Presented { card: person.card(), register_pin: true, face_authentication: None, addendum_has_room: true })
}

pub(crate) fn continued(person: &Person, number: &str, on: &str) -> RegisterChange {
    RegisterChange { presented: presented(person), ..event(person, number, on, RegisterEvent::ContinuedUse) }
}

pub(crate) fn report(house: &House, from: &str, change: &RegisterChange) -> Result<Effects, StoryError> {
    house.authority.change(&municipality(from), &house.once(), change)
}

/// AUTH and SIGN.
pub(crate) fn states(house: &House, person: &Person) -> (CertificateState, CertificateState) {
    (house.state(person, Kind::Auth), house.state(person, Kind::Sign))
}

/// Everything that must not depend on the way in which events came: the record, the cards, the states, what is due.
pub(crate) fn outcome(house: &House, person: &Person) -> String {
    let mut dossier = house.dossier(person);
    dossier.holder.version = 0;
    let states: Vec<_> = dossier.certificates.iter().map(|one| (one.kind, one.state)).collect();
    let due = house.store.register().deadline(&person.holder()).unwrap();
    format!("{:?} {:?} {states:?} {due:?}", dossier.holder, dossier.cards)
}

pub(crate) fn notices(house: &House, of: &str) -> Vec<NoticeRecord> {
    house.store.register().notices(of.parse().unwrap(), 0, 1000).unwrap()
}

/// The action of the last audit entry.
pub(crate) fn last_action(house: &House) -> String {
    house.store.audit_after(0, usize::MAX).unwrap().pop().unwrap().draft.action
}
