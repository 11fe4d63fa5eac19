//! The story of an erasure: what is kept of persons goes when every term of it is over (rules §8.3, 規80).
//!
//! A person is erased whole or not at all: a reference of the register that stays in one table names its bearer to who has the
//! register. What is left names nobody ([`CertificateStub`](crate::ports::CertificateStub), [`DisclosureStub`](crate::ports::DisclosureStub)): numbers are never
//! given twice, the status of every certificate is told on, and one that somebody shows is known as issued.
//!
//! # Order
//! First an entry says which day it is and what is due; the store holds every deletion against the newest entry. Then persons go, a
//! page of them a commit, each page with an entry of how many rows of which tables, and never whose; last old answers, which rest
//! on nobody's application any more. What broke off goes on when it is told again: it begins with what is left.
//!
//! It needs no key: nothing is signed here.

use std::collections::BTreeMap;

use serde::Serialize;

use super::StoryError;
use crate::{
    audit::Draft,
    limits::{ERASED_ANSWERS, ERASED_PERSONS},
    ports::{Change, HolderReference, Retained, Step, Store},
    rules::{
        CertificateState::{Expired, Held, Live, Reserved, Revoked},
        Day,
        calendar::{day_of, day_text, last_instant, minus_months},
        retention::{Term, kept_until},
    },
    x509::UnixTime,
};

/// Who does it, in the audit.
const ACTOR: &str = "retention";

/// What is due on a day, or was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Erasure {
    /// The day by which terms are counted.
    #[serde(with = "day_text")]
    pub day: Day,
    /// References of the register under which something goes.
    pub persons: u64,
    /// Rows by table; of certificates and disclosures those of which only what names nobody is left.
    pub rows: BTreeMap<&'static str, u64>,
    /// The last day on which what is longest overdue had to be kept.
    #[serde(with = "day_text::option", skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Day>,
}

impl Erasure {
    fn none(day: Day) -> Self {
        Self { day, persons: 0, rows: BTreeMap::new(), oldest: None }
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn add(&mut self, person: &Retained) {
        self.persons += 1;
        for (table, count) in person.rows() {
            *self.rows.entry(table).or_default() += count;
        }
        let last = kept_until(person.records());
        self.oldest = self.oldest.into_iter().chain(last).min();
    }

    fn add_answers(&mut self, count: usize) {
        if count > 0 {
            *self.rows.entry("answer").or_default() += count as u64;
        }
    }

    fn detail(&self) -> String {
        serde_json::json!({ "rows": self.rows, "persons": self.persons }).to_string()
    }
}

/// Whether everything that is kept of a person may go on `today`: every term is over, nothing is under way, no card is valid, and no
/// deadline is to come. The service's own holders stay.
#[must_use]
pub fn is_due(person: &Retained, today: Day) -> bool {
    let begun = person.certificates.iter().any(|one| one.state == Reserved);
    let under_way = begun || person.applications.iter().any(|one| !one.has_ended);
    let ahead = person.cards.iter().filter_map(|(_, last)| *last).chain(person.deadline).any(|day| day >= today);
    if person.holder.is_own() || under_way || ahead {
        return false;
    }
    match person.records().next() {
        // Nobody's issuance is on record: who is in the register may come tomorrow.
        None => person.registered == Some(false),
        Some(_) => kept_until(person.records()).is_some_and(|last| last < today),
    }
}

/// What is due on `day`; nothing is written.
///
/// # Errors
/// As the store says.
pub fn survey(store: &dyn Store, day: Day) -> Result<Erasure, StoryError> {
    let mut found = Erasure::none(day);
    let mut after: Option<HolderReference> = None;
    while let Some(page) = next(store, &mut after)? {
        page.iter().filter(|person| is_due(person, day)).for_each(|person| found.add(person));
    }
    let mut place = 0;
    loop {
        let old = store.old_answers(answered_before(day), place, ERASED_ANSWERS)?;
        let Some(last) = old.last() else { return Ok(found) };
        place = last.place;
        found.add_answers(old.iter().filter(|answer| Term::Answer.is_over(day_of(answer.at), day)).count());
    }
}

/// Erases what is due on `day`, which must not be after that of `now`. What was erased; told again it goes on.
///
/// # Errors
/// As the store says; what was done stays done. [`StoryError::Conflict`] where somebody wrote of a person meanwhile.
pub fn erase(store: &dyn Store, now: UnixTime, day: Day) -> Result<Erasure, StoryError> {
    let due = survey(store, day)?;
    let mut done = Erasure::none(day);
    if due.is_empty() {
        return Ok(done);
    }
    let entry = |action: &str, what: &Erasure| Draft {
        at: now,
        actor: ACTOR.into(),
        action: action.into(),
        subject: format!("retention/{day}"),
        detail: what.detail(),
    };
    store.commit(Change { steps: Vec::new(), audit: entry("retention.begun", &due) })?;
    let mut commit = |steps: Vec<Step>, page: Erasure| -> Result<(), StoryError> {
        store.commit(Change { steps, audit: entry("retention.erased", &page) })?;
        done.persons += page.persons;
        page.rows.into_iter().for_each(|(table, count)| *done.rows.entry(table).or_default() += count);
        done.oldest = done.oldest.into_iter().chain(page.oldest).min();
        Ok(())
    };
    let mut after = None;
    while let Some(people) = next(store, &mut after)? {
        let (mut page, mut steps) = (Erasure::none(day), Vec::new());
        for person in people.into_iter().filter(|person| is_due(person, day)) {
            page.add(&person);
            steps.extend(forgotten(person));
        }
        if !steps.is_empty() {
            commit(steps, page)?;
        }
    }
    loop {
        let mut old = store.old_answers(answered_before(day), 0, ERASED_ANSWERS)?;
        old.retain(|answer| Term::Answer.is_over(day_of(answer.at), day));
        if old.is_empty() {
            return Ok(done);
        }
        let mut page = Erasure::none(day);
        page.add_answers(old.len());
        let steps = old.into_iter().map(|answer| Step::Forget { client: answer.client, key: answer.key });
        commit(steps.collect(), page)?;
    }
}

/// The next page of persons, and where the one behind it begins.
fn next(store: &dyn Store, after: &mut Option<HolderReference>) -> Result<Option<Vec<Retained>>, StoryError> {
    let page = store.retained(after.as_ref(), ERASED_PERSONS)?;
    let Some(last) = page.last() else { return Ok(None) };
    *after = Some(last.holder.clone());
    Ok(Some(page))
}

/// The first instant of whose day, or later, no answer's term is over.
fn answered_before(day: Day) -> UnixTime {
    let before = minus_months(day, 12 * Term::Answer.years()).and_then(Day::previous_day).map(last_instant);
    before.and_then(|last| UnixTime::from_seconds(last.seconds() + 1).ok()).unwrap_or(UnixTime::EPOCH)
}

/// The steps by which a person is forgotten: certificates whose validity ended end in the record too, and then all of it goes.
fn forgotten(mut person: Retained) -> Vec<Step> {
    let mut steps = Vec::new();
    for one in &mut person.certificates {
        match one.state {
            Live | Held => {
                let (kind, index, from) = (one.kind, one.index, one.state);
                steps.push(Step::Status { kind, index, from, to: Expired, revocation: None });
                one.state = Expired;
            }
            Reserved | Revoked | Expired => {}
        }
    }
    steps.push(Step::Erase(Box::new(person)));
    steps
}

#[cfg(test)]
mod tests;
