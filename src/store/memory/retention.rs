//! What is kept of one person, its erasure, and old answers, in the plain model.

use std::collections::BTreeSet;

use ring::digest::{SHA256, digest};

use super::state::{Done, State, conflict, unless};
use crate::{
    kind::Kind,
    ports::{
        AnswerRecord, CardNumber, CertificateRecord, CertificateStub, DisclosureRecord, DisclosureStub,
        ErasedCertificate, HolderReference, LostCertificate, OWN_CLIENT, OldAnswer, Retained, RetainedApplication,
        StoreError,
    },
    rules::{CertificateState, calendar::day_of},
    store::refusal,
    x509::{Serial, UnixTime},
};

impl State {
    /// Every certificate that was not erased.
    pub(super) fn known(&self) -> impl Iterator<Item = &CertificateRecord> {
        self.certificates.iter().filter(|one| !self.erased.contains_key(&(one.kind, one.index)))
    }

    /// What is left of a certificate, in the state that it is in.
    pub(super) fn erased(&self, kind: Kind, serial: &Serial) -> Option<ErasedCertificate> {
        let record = self.certificates.iter().find(|one| one.kind == kind && one.serial == *serial)?;
        let (stub, erased) = self.erased.get(&(kind, record.index))?;
        let stub = CertificateStub { state: record.state, ..stub.clone() };
        Some(ErasedCertificate { stub, erased: *erased, revocation: record.revocation.clone() })
    }

    pub(super) fn answer_to(&self, client: &str, key: &str) -> Option<&AnswerRecord> {
        self.answers.iter().map(|known| &known.record).find(|known| known.client == client && known.key == key)
    }

    pub(super) fn old_answers(&self, before: UnixTime, after: u64, limit: usize) -> Vec<OldAnswer> {
        let rests = |client: &str, key: &str| {
            let issuing = self.applications.0.iter().filter_map(|one| one.issuing.as_ref());
            issuing.into_iter().any(|made| made.client == client && made.key == key)
        };
        let old = self
            .answers
            .iter()
            .filter(|one| one.record.client != OWN_CLIENT)
            .filter(|one| one.place > after && one.at < before && !rests(&one.record.client, &one.record.key));
        let told = |one: &super::state::Answered| OldAnswer {
            place: one.place,
            client: one.record.client.clone(),
            key: one.record.key.clone(),
            at: one.at,
        };
        old.take(limit).map(told).collect()
    }

    pub(super) fn retained_after(&self, after: Option<&HolderReference>, limit: usize) -> Vec<Retained> {
        let mut references: BTreeSet<&HolderReference> = self.holders.keys().collect();
        references.extend(self.applications.0.iter().map(|one| &one.holder));
        references.extend(self.registration.exceptions.iter().map(|one| &one.holder));
        let later = references.into_iter().filter(|one| after.is_none_or(|after| *one > after));
        later.take(limit).map(|holder| self.retained(holder)).collect()
    }

    fn retained(&self, holder: &HolderReference) -> Retained {
        let its = |one: &&CertificateRecord| one.holder == *holder;
        let mut certificates: Vec<_> = self.known().filter(its).map(stub).collect();
        certificates.sort_by_key(|one| (one.kind.id(), one.index));
        let sign = certificates.iter().filter(|one| one.kind == Kind::Sign);
        let texts = sign.map(|one| one.index).filter(|index| self.registration.text_of(*index).is_some()).collect();
        let mut cards: Vec<(CardNumber, _)> = self
            .cards
            .iter()
            .filter(|card| card.holder == *holder)
            .map(|card| (card.number.clone(), Some(card.last_day).filter(|_| !card.void)))
            .collect();
        cards.sort();
        let consents = self.consents.of_holder(holder);
        Retained {
            holder: holder.clone(),
            registered: self.holders.get(holder).map(|known| known.registered),
            cards,
            texts,
            certificates,
            applications: self.applications.0.iter().filter(|one| one.holder == *holder).map(application).collect(),
            exceptions: self
                .registration
                .exceptions
                .iter()
                .filter(|one| one.holder == *holder)
                .map(|one| (one.digest, one.asked))
                .collect(),
            consents: consents
                .iter()
                .map(|one| (one.number, one.ended.as_ref().map_or(one.ends, |end| end.at.min(one.ends))))
                .collect(),
            entries: self
                .feed
                .entries
                .iter()
                .filter(|one| one.holder == *holder)
                .map(|one| (one.id, one.day))
                .collect(),
            deadline: self.feed.deadlines.get(holder).copied(),
            notices: self
                .feed
                .notices
                .iter()
                .filter(|one| one.holder == *holder)
                .map(|one| (one.number, one.at))
                .collect(),
            disclosures: self.ledger.disclosures.iter().filter_map(|one| disclosure(one, holder)).collect(),
        }
    }

    pub(super) fn erase(&mut self, expected: &Retained) -> Done {
        let holder = &expected.holder;
        unless(self.retained(holder) == *expected, || conflict(refusal::RETAINED))?;
        let newest = self.audit.iter().map(|entry| entry.draft.at).max().unwrap_or(UnixTime::EPOCH);
        let over = expected.records().all(|(term, of)| term.is_over(of, day_of(newest)));
        unless(over && expected.has_ended(), || conflict(refusal::KEPT))?;
        let erased = self.recorded.unwrap_or(UnixTime::EPOCH);
        for stub in &expected.certificates {
            let left = (stub.clone(), erased);
            self.erased.insert((stub.kind, stub.index), left);
        }
        let nobody = HolderReference::own("erased").map_err(|_| StoreError::Conflict(refusal::OUTSIDE))?;
        for one in self.certificates.iter_mut().filter(|one| one.holder == *holder) {
            (one.holder, one.tbs, one.certificate) = (nobody.clone(), Vec::new(), None);
        }
        self.registration.texts.retain(|one| !expected.texts.contains(&one.index));
        self.applications.0.retain(|one| one.holder != *holder);
        self.registration.exceptions.retain(|one| one.holder != *holder);
        self.consents.erase(holder);
        self.feed.entries.retain(|one| one.holder != *holder);
        self.feed.notices.retain(|one| one.holder != *holder);
        self.feed.deadlines.remove(holder);
        for one in &mut self.ledger.disclosures {
            one.of.take_if(|(_, of)| of == holder);
        }
        self.cards.retain(|one| one.holder != *holder);
        self.holders.remove(holder);
        Ok(())
    }
}

impl State {
    /// A certificate of which others tell.
    pub(super) fn lost(&mut self, lost: LostCertificate) -> Done {
        let LostCertificate { stub, revocation } = lost;
        let is_it = |one: &CertificateRecord| {
            one.kind == stub.kind && (one.index == stub.index || one.serial == stub.serial)
                || one.key_digest == stub.key_digest
        };
        let has_end = matches!(stub.state, CertificateState::Held | CertificateState::Revoked);
        let is_given = stub.index < self.marks().indexes.of(stub.kind);
        unless(has_end && is_given && !self.certificates.iter().any(is_it), || conflict(refusal::LOST))?;
        let nobody = || HolderReference::own("lost").map_err(|_| StoreError::Conflict(refusal::OUTSIDE));
        let card = CardNumber::recorded("lost".to_owned()).map_err(|_| StoreError::Conflict(refusal::OUTSIDE))?;
        self.certificates.push(CertificateRecord {
            kind: stub.kind,
            generation: stub.generation,
            index: stub.index,
            serial: stub.serial,
            holder: nobody()?,
            card,
            municipality: stub.municipality,
            not_before: stub.not_before,
            not_after: stub.not_after,
            state: stub.state,
            revocation: Some(revocation.clone()),
            pair: None,
            predecessor: None,
            successor: None,
            key_digest: stub.key_digest,
            tbs: Vec::new(),
            certificate: None,
        });
        let (of, state) = ((stub.kind, stub.index), stub.state);
        let erased = self.recorded.unwrap_or(UnixTime::EPOCH);
        self.erased.insert(of, (stub, erased));
        self.event(of, state, Some(revocation));
        Ok(())
    }
}

fn stub(one: &CertificateRecord) -> CertificateStub {
    let sha256 = |octets: &Vec<u8>| {
        let mut value = [0; 32];
        value.copy_from_slice(digest(&SHA256, octets).as_ref());
        value
    };
    CertificateStub {
        kind: one.kind,
        generation: one.generation,
        index: one.index,
        serial: one.serial,
        municipality: one.municipality,
        not_before: one.not_before,
        not_after: one.not_after,
        state: one.state,
        pair: one.pair,
        predecessor: one.predecessor,
        key_digest: one.key_digest,
        digest: one.certificate.as_ref().map(sha256),
    }
}

fn application(one: &crate::ports::ApplicationRecord) -> RetainedApplication {
    let (number, place, received) = (one.number, one.place, one.received);
    RetainedApplication { number, place, received, has_ended: one.state.is_final() }
}

fn disclosure(one: &DisclosureRecord, holder: &HolderReference) -> Option<DisclosureStub> {
    let (index, _) = one.of.as_ref().filter(|(_, of)| of == holder)?;
    Some(DisclosureStub {
        number: one.number,
        at: one.at,
        party: one.party.clone(),
        query: one.query,
        kind: one.kind,
        index: *index,
        withheld: one.withheld.clone(),
    })
}
