//! Relying parties and what they were told, as a plain model.

use std::collections::BTreeMap;

use super::state::{Done, conflict, unless};
use crate::{
    ports::{
        CertificateRecord, CredentialRecord, DisclosureRecord, HolderReference, RelyingPartyRecord, Role, StoreError,
        UsageRecord,
    },
    rules::{Day, Query, calendar::day_of},
    store::refusal,
    x509::UnixTime,
};

/// Answered and refused.
type Counts = (u64, u64);

#[derive(Clone, Default)]
pub(super) struct Ledger {
    pub(super) parties: BTreeMap<String, RelyingPartyRecord>,
    pub(super) disclosures: Vec<DisclosureRecord>,
    usage: BTreeMap<(Day, String, Query), Counts>,
}

impl Ledger {
    pub(super) fn party(&mut self, mut record: RelyingPartyRecord, credentials: &[CredentialRecord]) -> Done {
        let has = |one: &CredentialRecord| one.name == record.name && one.role == Role::RelyingParty;
        unless(credentials.iter().any(has), || conflict(refusal::NO_CREDENTIAL))?;
        let version = self.parties.get(&record.name).map_or(0, |known| known.version);
        unless(record.version == version, || conflict(refusal::PARTY))?;
        record.version += 1;
        self.parties.insert(record.name.clone(), record);
        Ok(())
    }

    pub(super) fn disclosure(
        &mut self,
        record: DisclosureRecord,
        version: u64,
        certificates: &[CertificateRecord],
    ) -> Done {
        let known = self.parties.get(&record.party).filter(|known| known.version == version);
        let Some(known) = known else { return conflict(refusal::PARTY) };
        let day = day_of(record.at);
        let today = self.usage.iter().filter(|((on, party, _), _)| *on == day && *party == record.party);
        let answered: u64 = today.map(|(_, (answered, _))| answered).sum();
        if answered >= u64::from(known.terms.daily_quota) {
            return Err(StoreError::OverQuota);
        }
        let known = record.of.as_ref().is_none_or(|(index, holder)| {
            let is = |one: &CertificateRecord| (one.kind, one.index) == (record.kind, *index) && one.holder == *holder;
            certificates.iter().any(is)
        });
        unless(known, || conflict(refusal::NO_CERTIFICATE))?;
        self.usage.entry((day, record.party.clone(), record.query)).or_default().0 += 1;
        let number = self.disclosures.len() as u64 + 1;
        self.disclosures.push(DisclosureRecord { number, ..record });
        Ok(())
    }

    /// How many disclosures there are.
    pub(super) fn count(&self) -> u64 {
        self.disclosures.len() as u64
    }

    pub(super) fn refused(&mut self, party: &str, query: Query, at: UnixTime, count: u32) -> Done {
        unless(self.parties.contains_key(party), || conflict(refusal::PARTY))?;
        self.usage.entry((day_of(at), party.to_owned(), query)).or_default().1 += u64::from(count);
        Ok(())
    }

    pub(super) fn disclosures(&self, holder: &HolderReference, before: u64, limit: usize) -> Vec<DisclosureRecord> {
        let about =
            |one: &&DisclosureRecord| one.number < before && one.of.as_ref().is_some_and(|(_, of)| of == holder);
        self.disclosures.iter().rev().filter(about).take(limit).cloned().collect()
    }

    pub(super) fn usage(&self, party: Option<&str>, first: Day, last: Day) -> Vec<UsageRecord> {
        let asked = self
            .usage
            .iter()
            .filter(|((day, name, _), _)| (first..=last).contains(day) && party.is_none_or(|party| party == name));
        asked
            .map(|((day, name, query), (answered, refused))| UsageRecord {
                party: name.clone(),
                day: *day,
                query: *query,
                answered: *answered,
                refused: *refused,
            })
            .collect()
    }
}
