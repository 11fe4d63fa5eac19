//! What the tests of lists share.

use std::sync::Arc;

use jitsuin::{
    authority::publish::Publication,
    kind::Kind,
    revocation::lists::PublishedList,
    rules::Asked,
    scope::CrlScope,
    x509::{CrlEntry, CrlView},
};

use crate::house::{House, ITAMI, Person, municipality};

pub(crate) fn list(house: &House, kind: Kind, scope: CrlScope) -> Arc<PublishedList> {
    house.authority.parts().lists.find(&(kind, 1, scope)).expect("a list")
}

pub(crate) fn place(code: &str) -> CrlScope {
    CrlScope::Municipality(code.parse().unwrap())
}

pub(crate) fn entries(der: &[u8]) -> Vec<CrlEntry> {
    CrlView::from_der(der).unwrap().entries().collect::<Result<_, _>>().unwrap()
}

/// A pair in Suginami and one in Itami, on a day in 2026.
pub(crate) fn two_towns() -> (House, Person, Person) {
    let (house, one, other) = (House::new(), Person::new("TEST-1"), Person::new("TEST-2"));
    house.pair(&one);
    let enrolment = other.enrolment(&Kind::BOTH);
    house.issue(&municipality(ITAMI), Asked::New, &enrolment).unwrap();
    house.set_clock("2026-04-01T03:00:00Z");
    (house, one, other)
}

/// Scope and number of what was published, in order.
pub(crate) fn numbers(published: &[Publication], kind: Kind) -> Vec<(&str, u64)> {
    published.iter().filter(|one| one.kind == kind).map(|one| (one.scope.as_str(), one.number)).collect()
}
