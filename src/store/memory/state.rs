//! Everything the store knows, and what each step makes of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::{
    applications::Applications, consents::Consents, ledger::Ledger, register::Feed, registration::Registration,
};
use crate::{
    audit::{AuditEntry, GENESIS, Marks, Of},
    kind::Kind,
    limits,
    municipality::MunicipalityCode,
    ports::{
        AccessListRecord, AnswerRecord, AuthorityRecord, CardRecord, CertificateRecord, CertificateStub, Change,
        Compromise, CredentialRecord, CrlRecord, Dossier, Duplicate, History, HolderRecord, HolderReference, Leap,
        ListedEvent, Revocation, StatusEvent, Step, StoreError, store::StateCount, written::Written,
    },
    rules::CertificateState::{self, Expired, Held, Live, Reserved, Revoked},
    scope::CrlScope,
    store::refusal,
    x509::{Serial, UnixTime, crl::CrlEntry},
};

/// Everything; lists are in order of recording.
#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) holders: BTreeMap<HolderReference, HolderRecord>,
    pub(super) cards: Vec<CardRecord>,
    pub(super) certificates: Vec<CertificateRecord>,
    pub(super) events: Vec<StatusEvent>,
    pub(super) audit: Vec<AuditEntry>,
    pub(super) answers: Vec<Answered>,
    /// What is left of certificates that were erased; their records name nobody any more.
    pub(super) erased: BTreeMap<(Kind, u64), (CertificateStub, UnixTime)>,
    pub(super) crls: Vec<CrlRecord>,
    pub(super) authorities: Vec<AuthorityRecord>,
    pub(super) municipalities: BTreeSet<MunicipalityCode>,
    pub(super) credentials: Vec<CredentialRecord>,
    /// The newest list of the access CA.
    pub(super) access_list: Option<AccessListRecord>,
    pub(super) consents: Consents,
    pub(super) ledger: Ledger,
    pub(super) feed: Feed,
    pub(super) applications: Applications,
    pub(super) registration: Registration,
    next_index: BTreeMap<Kind, u64>,
    /// Numbers of lists up to these are never given again.
    number_floors: BTreeMap<Kind, u64>,
    /// By how much the fence has risen.
    fence_leaps: u64,
    /// When what happens now is recorded.
    pub(super) recorded: Option<UnixTime>,
}

/// An answer, its place among them, and when it was given.
#[derive(Clone)]
pub(super) struct Answered {
    pub(super) record: AnswerRecord,
    pub(super) place: u64,
    pub(super) at: UnixTime,
}

pub(super) type Done = Result<(), StoreError>;

pub(super) fn conflict(what: &'static str) -> Done {
    Err(StoreError::Conflict(what))
}

fn duplicate(what: Duplicate) -> Done {
    Err(StoreError::Duplicate(what))
}

/// Refuses with `refusal` unless `holds`.
pub(super) fn unless(holds: bool, refusal: fn() -> Done) -> Done {
    if holds { Ok(()) } else { refusal() }
}

impl State {
    /// Does a change, or leaves everything as it is.
    pub(super) fn try_change(&mut self, change: Change) -> Done {
        let mut changed = self.clone();
        changed.change(change)?;
        *self = changed;
        Ok(())
    }

    /// Does a change; where a step is refused, the caller throws this copy away.
    pub(super) fn change(&mut self, change: Change) -> Done {
        let last = self.audit.iter().map(|entry| entry.draft.at).max();
        if let Some(last) = last
            && change.audit.at + limits::CLOCK_TOLERANCE < last
        {
            return Err(StoreError::ClockWentBack { last });
        }
        self.recorded = last.max(Some(change.audit.at));
        let pairs: Vec<_> = change
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Reserve(record) => record.pair.map(|other| (record.kind, record.index, other)),
                _ => None,
            })
            .collect();
        let (written, mut given) = (Written::of(&change.steps), Vec::new());
        for step in change.steps {
            let numbers = self.numbers();
            if let Step::Authority(record) = &step {
                given.push(self.next_index.get(&record.kind).copied().unwrap_or(0));
            }
            self.step(step)?;
            given.extend(numbers.iter().zip(self.numbers()).filter(|(before, now)| now > *before).map(|(_, now)| now));
        }
        pairs.into_iter().try_for_each(|(kind, index, other)| self.link(kind, index, other))?;
        let (position, seal) = self.audit.last().map_or((0, GENESIS), |entry| (entry.position, entry.seal));
        self.audit.push(change.audit.seal(Some(written.complete(&given)), position + 1, &seal));
        Ok(())
    }

    /// The last number of everything that the store counts; a step gives one of one kind at most.
    fn numbers(&self) -> [u64; 5] {
        let events = self.events.len() as u64;
        let [entries, notices] = self.feed.counts();
        [events, entries, notices, self.ledger.count(), self.applications.count()]
    }

    fn step(&mut self, step: Step) -> Done {
        match step {
            Step::Holder(record) => self.holder(record),
            Step::Card(record) => self.card(record),
            Step::Reserve(record) => self.reserve(*record),
            Step::Issue { kind, index, certificate } => self.issue(kind, index, certificate),
            Step::Status { kind, index, from, to, revocation } => self.status((kind, index), from, to, revocation),
            Step::Answer(record) => self.answer(record),
            Step::Forget { client, key } => {
                self.answers.retain(|known| known.record.client != client || known.record.key != key);
                Ok(())
            }
            Step::Crl(record) => self.crl(record),
            Step::Authority(record) => self.authority(record),
            Step::Leap(leap) => self.leap(&leap),
            Step::Lost(lost) => self.lost(*lost),
            Step::Erase(retained) => self.erase(&retained),
            Step::Compromise { kind, generation, at, settled } => self.compromise((kind, generation), at, settled),
            Step::Municipality(code) => {
                self.municipalities.insert(code);
                Ok(())
            }
            Step::Credential(record) => self.credential(record),
            Step::AccessList { after, record } => self.access_list(after, record),
            Step::Consent(record) if !self.holders.contains_key(&record.holder) => conflict(refusal::NO_HOLDER),
            Step::Consent(record) => self.consents.give(*record),
            Step::EndConsent { number, end } => self.consents.end(number, end),
            Step::UnderConsent { number, version } => {
                let known = self.consents.standing(number)?.holder.clone();
                let same = self.holders.get(&known).is_some_and(|holder| holder.version == version);
                unless(same, || conflict(refusal::CONSENT))
            }
            Step::Register(entry) if !self.holders.contains_key(&entry.holder) => conflict(refusal::NO_HOLDER),
            Step::Register(entry) => self.feed.take(*entry),
            Step::Deadline { holder, .. } if !self.holders.contains_key(&holder) => conflict(refusal::NO_HOLDER),
            Step::Deadline { holder, day } => self.feed.deadline(holder, day),
            Step::Notice(record) if !self.holders.contains_key(&record.holder) => conflict(refusal::NO_HOLDER),
            Step::Notice(record) => self.feed.notice(*record),
            Step::NoticeSent { number, at } => self.feed.sent(number, at),
            Step::RelyingParty(record) => self.ledger.party(record, &self.credentials),
            Step::Disclosure { record, version } => self.ledger.disclosure(record, version, &self.certificates),
            Step::Refused { party, query, at, count } => self.ledger.refused(&party, query, at, count),
            Step::Application(record) => self.applications.put(*record),
            Step::RegisterText(record) => {
                let reserved =
                    |one: &CertificateRecord| (one.kind, one.index, one.state) == (Kind::Sign, record.index, Reserved);
                unless(self.any(reserved), || conflict(refusal::REGISTER_TEXT))?;
                self.registration.text(*record)
            }
            Step::Exception(record) => self.registration.put(*record),
        }
    }

    fn holder(&mut self, mut record: HolderRecord) -> Done {
        let version = self.holders.get(&record.reference).map_or(0, |known| known.version);
        unless(record.version == version, || conflict(refusal::HOLDER))?;
        record.version += 1;
        self.holders.insert(record.reference.clone(), record);
        Ok(())
    }

    fn card(&mut self, record: CardRecord) -> Done {
        let known = self.cards.iter().position(|known| known.number == record.number);
        match known {
            Some(at) if self.cards[at].holder != record.holder => return duplicate(Duplicate::Card),
            Some(at) => self.cards[at] = record,
            None if !self.holders.contains_key(&record.holder) => return conflict(refusal::NO_HOLDER),
            None => self.cards.push(record),
        }
        Ok(())
    }

    fn find(&mut self, kind: Kind, index: u64) -> Option<&mut CertificateRecord> {
        self.certificates.iter_mut().find(|one| one.kind == kind && one.index == index)
    }

    fn any(&self, is: impl Fn(&CertificateRecord) -> bool) -> bool {
        self.certificates.iter().any(is)
    }

    fn reserve(&mut self, new: CertificateRecord) -> Done {
        let bare = new.state == Reserved && new.certificate.is_none() && new.revocation.is_none();
        unless(bare, || conflict(refusal::NOT_A_RESERVATION))?;
        let is_predecessor = |one: &CertificateRecord| one.kind == new.kind && Some(one.index) == new.predecessor;
        let replaces_own = self.any(|one| is_predecessor(one) && one.holder == new.holder);
        unless(new.predecessor.is_none() || replaces_own, || conflict(refusal::NO_PREDECESSOR))?;
        let on_own_card = self.cards.iter().any(|card| card.number == new.card && card.holder == new.holder);
        unless(on_own_card, || conflict(refusal::NO_CARD))?;
        if self.any(|one| one.kind == new.kind && (one.index == new.index || one.serial == new.serial)) {
            return duplicate(Duplicate::Serial);
        }
        if self.any(|one| one.key_digest == new.key_digest) {
            return duplicate(Duplicate::Key);
        }
        let in_the_way = |one: &CertificateRecord| match one.state {
            Reserved => true,
            Live | Held => !is_predecessor(one),
            Revoked | Expired => false,
        };
        if self.any(|one| one.holder == new.holder && one.kind == new.kind && in_the_way(one)) {
            return duplicate(Duplicate::Standing(new.kind));
        }
        self.certificates.push(CertificateRecord { successor: None, ..new });
        Ok(())
    }

    /// Links a new reservation and the other certificate of its card both ways.
    fn link(&mut self, kind: Kind, index: u64, other: u64) -> Done {
        let place = |one: &CertificateRecord| (one.holder.clone(), one.card.clone());
        let own = self.find(kind, index).map(|one| place(one));
        let theirs = self.find(kind.other(), other).map(|one| place(one));
        if theirs.is_none() || own != theirs {
            return conflict(refusal::NO_PAIR);
        }
        for (kind, index, other) in [(kind, index, other), (kind.other(), other, index)] {
            if let Some(record) = self.find(kind, index) {
                record.pair = Some(other);
            }
        }
        Ok(())
    }

    fn issue(&mut self, kind: Kind, index: u64, certificate: Vec<u8>) -> Done {
        let Some(record) = self.find(kind, index).filter(|one| one.state == Reserved) else {
            return conflict(refusal::STATE);
        };
        let (holder, predecessor) = (record.holder.clone(), record.predecessor);
        let issuer = (record.kind, record.generation);
        if self.authorities.iter().any(|one| (one.kind, one.generation) == issuer && one.compromise.is_some()) {
            return conflict(refusal::COMPROMISED);
        }
        if self.any(|one| one.holder == holder && one.kind == kind && matches!(one.state, Live | Held)) {
            return duplicate(Duplicate::Standing(kind));
        }
        if let Some(record) = self.find(kind, index) {
            record.state = Live;
            record.certificate = Some(certificate);
        }
        if let Some(old) = predecessor.and_then(|predecessor| self.find(kind, predecessor)) {
            old.successor = Some(index);
        }
        self.event((kind, index), Live, None);
        Ok(())
    }

    fn status(
        &mut self,
        of: (Kind, u64),
        from: CertificateState,
        to: CertificateState,
        revocation: Option<Revocation>,
    ) -> Done {
        let possible = match from {
            Reserved => to == Revoked,
            Live => [Held, Revoked, Expired].contains(&to),
            Held => [Live, Revoked, Expired].contains(&to),
            Revoked | Expired => false,
        };
        unless(possible, || conflict(refusal::NO_TRANSITION))?;
        let wanted = to == Held || to == Revoked;
        unless(wanted == revocation.is_some(), || conflict(refusal::REVOCATION))?;
        let Some(record) = self.find(of.0, of.1).filter(|one| one.state == from) else {
            return conflict(refusal::STATE);
        };
        record.state = to;
        record.revocation.clone_from(&revocation);
        if to != Expired {
            self.event(of, to, revocation);
        }
        Ok(())
    }

    pub(super) fn event(
        &mut self,
        (kind, index): (Kind, u64),
        state: CertificateState,
        revocation: Option<Revocation>,
    ) {
        let position = self.events.len() as u64 + 1;
        let recorded = self.recorded.unwrap_or(UnixTime::EPOCH);
        self.events.push(StatusEvent { position, kind, index, state, revocation, recorded });
    }

    fn answer(&mut self, record: AnswerRecord) -> Done {
        if self.answer_to(&record.client, &record.key).is_some() {
            return Err(StoreError::Repeated);
        }
        let place = self.answers.last().map_or(1, |last| last.place + 1);
        self.answers.push(Answered { record, place, at: self.recorded.unwrap_or(UnixTime::EPOCH) });
        Ok(())
    }

    fn crl(&mut self, record: CrlRecord) -> Done {
        let family = |one: &CrlRecord| (one.kind, one.generation, one.scope.complete());
        let last = self.crls.iter().rev().find(|known| family(known) == family(&record));
        let floor = self.number_floor(record.kind);
        let follows = match last {
            None => !record.scope.is_delta() && record.number == floor + 1,
            // A delta may be made beside the complete list that was made last.
            Some(last) => {
                let is_beside = record.scope.is_delta() && !last.scope.is_delta() && record.number > floor;
                record.number == last.number.max(floor) + 1 || record.number == last.number && is_beside
            }
        };
        unless(follows, || conflict(refusal::CRL_NUMBER))?;
        self.crls.push(record);
        Ok(())
    }

    fn authority(&mut self, record: AuthorityRecord) -> Done {
        let generations = self.authorities.iter().filter(|known| known.kind == record.kind).count();
        unless(usize::from(record.generation) == generations + 1, || conflict(refusal::GENERATION))?;
        let first_index = self.next_index.get(&record.kind).copied().unwrap_or(0);
        self.authorities.push(AuthorityRecord { first_index, compromise: None, ..record });
        Ok(())
    }

    fn compromise(&mut self, of: (Kind, u8), at: UnixTime, settled: bool) -> Done {
        let found = self.authorities.iter_mut().find(|known| (known.kind, known.generation) == of);
        match found.map(|known| &mut known.compromise) {
            Some(known @ None) if !settled => *known = Some(Compromise { at, is_settled: false }),
            Some(Some(known)) if settled && !known.is_settled && known.at == at => known.is_settled = true,
            _ => return conflict(refusal::COMPROMISE),
        }
        Ok(())
    }

    fn credential(&mut self, record: CredentialRecord) -> Done {
        let same = |known: &CredentialRecord| known.fingerprint == record.fingerprint;
        if self.credentials.iter().any(|known| known.name == record.name && !same(known)) {
            return duplicate(Duplicate::Credential);
        }
        let was = self.credentials.iter().find(|known| same(known)).and_then(|known| known.revocation);
        if record.revocation.is_some() && record.active || was.is_some() && was != record.revocation {
            return conflict(refusal::CREDENTIAL);
        }
        match self.credentials.iter_mut().find(|known| same(known)) {
            Some(known) => *known = record,
            None => self.credentials.push(record),
        }
        Ok(())
    }

    fn access_list(&mut self, after: u64, record: AccessListRecord) -> Done {
        let last = self.access_list.as_ref().map_or(0, |last| last.number);
        if last != after || record.number <= last {
            return conflict(refusal::ACCESS_LIST);
        }
        self.access_list = Some(record);
        Ok(())
    }

    pub(super) fn allocate(&mut self, kind: Kind, count: u64) -> Result<Range<u64>, StoreError> {
        let next = self.next_index.entry(kind).or_default();
        // 2^63 is where the other engine's integers end.
        let end = next.checked_add(count).filter(|end| i64::try_from(*end).is_ok());
        let end = end.ok_or(StoreError::Conflict(refusal::OUTSIDE))?;
        Ok(std::mem::replace(next, end)..end)
    }

    pub(super) fn number_floor(&self, kind: Kind) -> u64 {
        self.number_floors.get(&kind).copied().unwrap_or(0)
    }

    fn leap(&mut self, leap: &Leap) -> Done {
        let marks = self.marks();
        let falls =
            |kind| leap.indexes.of(kind) < marks.indexes.of(kind) || leap.numbers.of(kind) < marks.lists.of(kind);
        if leap.fence <= marks.fence || Kind::BOTH.into_iter().any(falls) {
            return conflict(refusal::LEAP);
        }
        let numbers = [leap.indexes.sign, leap.indexes.auth, leap.numbers.sign, leap.numbers.auth, leap.fence];
        if numbers.iter().any(|number| i64::try_from(*number).is_err()) {
            return conflict(refusal::OUTSIDE);
        }
        self.fence_leaps = leap.fence - 1;
        for kind in Kind::BOTH {
            self.next_index.insert(kind, leap.indexes.of(kind));
            self.number_floors.insert(kind, leap.numbers.of(kind));
        }
        Ok(())
    }

    pub(super) fn marks(&self) -> Marks {
        let each = |number: &dyn Fn(Kind) -> u64| Of { sign: number(Kind::Sign), auth: number(Kind::Auth) };
        let highest = |kind| self.crls.iter().filter(|one| one.kind == kind).map(|one| one.number).max();
        let last = self.audit.last();
        Marks {
            fence: 1 + self.fence_leaps,
            at: last.map_or(UnixTime::EPOCH, |entry| entry.draft.at),
            entry: last.map_or(0, |entry| entry.position),
            seal: last.map_or(GENESIS, |entry| entry.seal),
            event: self.events.len() as u64,
            indexes: each(&|kind| self.next_index.get(&kind).copied().unwrap_or(0)),
            lists: each(&|kind| self.number_floor(kind).max(highest(kind).unwrap_or(0))),
        }
    }

    pub(super) fn dossier(&self, holder: &HolderReference) -> Option<Dossier> {
        Some(Dossier {
            holder: self.holders.get(holder)?.clone(),
            cards: self.cards.iter().filter(|card| card.holder == *holder).cloned().collect(),
            certificates: self.certificates.iter().filter(|one| one.holder == *holder).cloned().collect(),
        })
    }

    pub(super) fn history(&self, kind: Kind, serial: &Serial) -> Option<History> {
        let certificate = self.known().find(|one| one.kind == kind && one.serial == *serial)?.clone();
        let its = |event: &&StatusEvent| (event.kind, event.index) == (kind, certificate.index);
        let events = self.events.iter().filter(its).cloned().collect();
        Some(History { events, position: self.events.len() as u64, certificate })
    }

    pub(super) fn revoked(
        &self,
        kind: Kind,
        generation: u8,
        scope: CrlScope,
        not_over_before: UnixTime,
    ) -> (Vec<CrlEntry>, u64) {
        let in_scope = |one: &&CertificateRecord| {
            let place = match scope.complete() {
                CrlScope::Authorities => false,
                complete => complete.municipality().is_none_or(|code| one.municipality == code),
            };
            place && one.kind == kind && one.generation == generation && one.not_after >= not_over_before
        };
        let entry = |one: &CertificateRecord| {
            let last_event =
                || self.events.iter().rev().find(|event| (event.kind, event.index) == (one.kind, one.index));
            let end = match one.state {
                Held | Revoked => one.revocation.as_ref(),
                // A hold that the end of validity overtook.
                Expired => last_event().filter(|last| last.state == Held).and_then(|last| last.revocation.as_ref()),
                Reserved | Live => None,
            }?;
            Some(CrlEntry {
                serial: one.serial,
                revocation_date: end.revocation_date,
                reason: end.reason,
                invalidity_date: end.invalidity_date,
            })
        };
        let mut entries: Vec<_> = self.certificates.iter().filter(in_scope).filter_map(entry).collect();
        entries.sort_by_key(|entry| entry.serial);
        (entries, self.events.len() as u64)
    }

    pub(super) fn certificates(&self, kind: Kind, from: u64, limit: usize) -> (Vec<CertificateRecord>, u64) {
        let mut found: Vec<_> = self.known().filter(|one| one.kind == kind && one.index >= from).cloned().collect();
        found.sort_by_key(|one| one.index);
        found.truncate(limit);
        (found, self.events.len() as u64)
    }

    pub(super) fn listed_events(&self, after: u64, limit: usize) -> Vec<ListedEvent> {
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        let listed = |(at, event): (usize, &StatusEvent)| {
            let of = |kind: Kind, index: u64| (kind, index) == (event.kind, event.index);
            let certificate = self.certificates.iter().find(|one| of(one.kind, one.index))?;
            let before = self.events[..at].iter().rev().find(|one| of(one.kind, one.index));
            let hold = before.filter(|_| event.state == Live).and_then(|hold| hold.revocation.as_ref());
            Some(ListedEvent {
                event: event.clone(),
                generation: certificate.generation,
                serial: certificate.serial,
                municipality: certificate.municipality,
                not_after: certificate.not_after,
                released: hold.map(|hold| hold.revocation_date),
            })
        };
        self.events.iter().enumerate().skip(after).take(limit).filter_map(listed).collect()
    }

    pub(super) fn newest_crls(&self) -> Vec<CrlRecord> {
        let newest: BTreeMap<_, _> = self.crls.iter().map(|one| ((one.kind, one.generation, one.scope), one)).collect();
        newest.into_values().cloned().collect()
    }

    pub(super) fn counts(&self) -> Vec<StateCount> {
        let mut counts = BTreeMap::new();
        for one in &self.certificates {
            *counts.entry((one.kind, one.state)).or_default() += 1;
        }
        counts.into_iter().map(|((kind, state), count)| StateCount { kind, state, count }).collect()
    }
}
