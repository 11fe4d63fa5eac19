//! Relying parties with which terms are agreed.

use std::collections::BTreeSet;

use jitsuin::{
    ports::{RelyingPartyRecord, Role, Step},
    rules::{
        Purpose, Query, Terms,
        calendar::{day_of, plus_months},
    },
    x509::UnixTime,
};

use crate::{
    desk::Desk,
    house::{Open, commit},
};

/// Agrees terms from today, or anew.
pub(crate) fn agree(open: &Open, name: &str, queries: &[Query]) {
    agree_as(open, name, queries, |_| {});
}

pub(crate) fn agree_as(open: &Open, name: &str, queries: &[Query], change: impl FnOnce(&mut RelyingPartyRecord)) {
    let (store, clock) = (&*open.house.store, &*open.house.authority.parts().clock);
    let version = store.relying_party(name).unwrap().map_or(0, |known| known.version);
    let mut record = record(name, queries, clock.now(), version);
    change(&mut record);
    commit(store, clock, vec![Step::RelyingParty(record)]);
}

/// Usual terms for a year.
pub(crate) fn record(name: &str, queries: &[Query], now: UnixTime, version: u64) -> RelyingPartyRecord {
    RelyingPartyRecord {
        name: name.into(),
        title: format!("試験用 {name}"),
        terms: Terms {
            purposes: BTreeSet::from(Purpose::ALL),
            queries: queries.iter().copied().collect(),
            daily_quota: 1000,
            recognised_until: plus_months(day_of(now), 12).unwrap(),
        },
        suspended: None,
        version,
    }
}

/// A client that may ask everything.
pub(crate) fn agreed<'a>(open: &'a Open, name: &str) -> Desk<'a> {
    let desk = Desk::new(open, Role::RelyingParty, name);
    agree(open, name, &Query::ALL);
    desk
}
