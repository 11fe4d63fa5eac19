//! The walk's last part: list by list.

use std::{collections::HashMap, time::Instant};

use super::{
    Channel,
    walk::{Issuer, Walk},
};
use crate::{
    cli::failure::Failure,
    ports::CrlRecord,
    profile::locations::crl_path,
    revocation::{
        census::{self, Base, Contradiction, Kept},
        crl::Outline,
        lists::ListKey,
    },
    scope::CrlScope,
    x509::{Name, extension::GeneralName},
};

impl Walk<'_> {
    /// Every list that was ever published, as it is served now, and those that should have been.
    pub(super) fn lists(&mut self) -> Result<(), Failure> {
        let highest = self.highest()?;
        let kept = self.doctor.store.newest_crls().map_err(Failure::fault)?;
        let kept: HashMap<ListKey, CrlRecord> =
            kept.into_iter().map(|list| ((list.kind, list.generation, list.scope), list)).collect();
        let places = self.doctor.store.municipalities().map_err(Failure::fault)?;
        let due: Vec<_> = [CrlScope::Full, CrlScope::Authorities]
            .into_iter()
            .chain(places.into_iter().map(CrlScope::Municipality))
            .collect();
        let mut keys: Vec<ListKey> = kept.keys().copied().collect();
        for issuer in self.issuers.iter().filter(|issuer| !issuer.is_over) {
            keys.extend(due.iter().map(|scope| (issuer.kind, issuer.generation, *scope)));
        }
        for (key, number) in highest {
            if let Some(newest) = kept.get(&key).filter(|newest| newest.number < number) {
                let path = crl_path(key.0, key.1, &key.2);
                let says = format!("number {} is the newest, though {number} was published", newest.number);
                self.findings.note(channel(key.2), [Contradiction::of_channel(key.0, path, says)]);
            }
        }
        let over: Vec<_> =
            self.issuers.iter().filter(|one| one.is_over).map(|one| (one.kind, one.generation)).collect();
        keys.retain(|key| !over.contains(&(key.0, key.1)));
        keys.sort_unstable();
        keys.dedup();
        let count = keys.len() as u64;
        for (at, key) in keys.into_iter().enumerate() {
            let (began, channel) = (Instant::now(), channel(key.2));
            let (found, compared) = self.list(key, kept.get(&key))?;
            self.findings.note(channel, found);
            self.findings.count(channel, (1, compared as u64), began.elapsed());
            (self.progress)(channel, at as u64, count);
        }
        Ok(())
    }

    /// The highest number of each scope that has a newest list; read before what the newest are, so that one that is
    /// published in between is no contradiction.
    fn highest(&self) -> Result<Vec<(ListKey, u64)>, Failure> {
        let last = |key: &ListKey| self.doctor.store.crl_before(key.0, key.1, key.2, u64::MAX).map_err(Failure::fault);
        let number = |key: &ListKey| Ok(last(key)?.map(|list| (*key, list.number)));
        self.numbers.keys().filter_map(|key| number(key).transpose()).collect()
    }

    fn list(&mut self, key: ListKey, kept: Option<&CrlRecord>) -> Result<(Vec<Contradiction>, usize), Failure> {
        let (kind, generation, scope) = key;
        let path = crl_path(kind, generation, &scope);
        let whole = |says: String| Ok((vec![Contradiction::of_channel(kind, path.clone(), says)], 0));
        let Some(kept) = kept else { return whole("it was never published".into()) };
        let before = self.doctor.clock.now();
        let list = match self.doctor.service {
            None => kept.der.clone(),
            Some(service) => match service.list(&path)? {
                Ok(list) => list,
                Err(says) => return whole(says),
            },
        };
        let fetched = (before, self.doctor.clock.now());
        let outline = match Outline::read(&list) {
            Ok(outline) => outline,
            Err(error) => return whole(error.to_string()),
        };
        let number = outline.number();
        if self.numbers.get(&key).is_some_and(|known| number < *known) {
            return whole(format!("number {number} is served, and {} was there before", self.numbers[&key]));
        }
        let store = self.doctor.store;
        let Some(record) = store.crl(kind, generation, scope, number).map_err(Failure::fault)? else {
            return whole(format!("number {number} is served, which the store does not have"));
        };
        let previous = store.crl_before(kind, generation, scope, number).map_err(Failure::fault)?;
        let base = self.base(&record, outline.delta_base())?;
        self.read_events()?;
        let is_it = |issuer: &&Issuer| (issuer.kind, issuer.generation) == (kind, generation);
        let Some(issuer) = self.issuers.iter().find(is_it) else {
            return whole("nobody's: there is no such CA".into());
        };
        let partition = self.partition(key)?;
        let known = Kept {
            record: &record,
            previous: previous.as_ref(),
            base: base.as_ref().map(|(record, previous)| Base { record, previous: previous.as_ref() }),
            issuer: (&issuer.name, &issuer.key),
            partition: partition.as_ref(),
            authorities: self.authorities,
            fetched,
        };
        Ok(census::examine_read(&self.ledger, (&list, &outline), &known))
    }

    /// The complete list that a delta names, with the one before it.
    fn base(&self, record: &CrlRecord, number: Option<u64>) -> Result<Option<(CrlRecord, Option<CrlRecord>)>, Failure> {
        let Some(number) = number else { return Ok(None) };
        let (kind, generation, scope) = (record.kind, record.generation, record.scope.complete());
        let base = self.doctor.store.crl(kind, generation, scope, number).map_err(Failure::fault)?;
        let Some(base) = base else { return Ok(None) };
        let previous = self.doctor.store.crl_before(kind, generation, scope, number).map_err(Failure::fault)?;
        Ok(Some((base, previous)))
    }

    /// The directory name of the certificates that a list speaks for.
    fn partition(&self, (kind, generation, scope): ListKey) -> Result<Option<Name>, Failure> {
        if scope.complete() == CrlScope::Full {
            return Ok(None);
        }
        let names = self.doctor.profile.distribution_names(kind, generation, &scope).map_err(Failure::fault)?;
        Ok(names.general_names().into_iter().find_map(|name| match name {
            GeneralName::Directory(name) => Some(name.clone()),
            _ => None,
        }))
    }
}

const fn channel(scope: CrlScope) -> Channel {
    match scope {
        CrlScope::Full => Channel::FullLists,
        CrlScope::FullDelta => Channel::FullDeltas,
        CrlScope::Municipality(_) => Channel::MunicipalLists,
        CrlScope::MunicipalityDelta(_) => Channel::MunicipalDeltas,
        CrlScope::Authorities => Channel::AuthorityLists,
    }
}
