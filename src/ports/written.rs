//! What a change wrote, row by row, as its audit entry seals it: so that a table can be held against the chain.
//!
//! An item says which row has which content from then on, the content by its SHA-256 or, where it is shorter, itself. The last
//! item of a row is what the row must be now. Items follow from the steps alone, but for the numbers that the store gives, so
//! whoever commits makes them beside the writer; it fills the numbers in.
//!
//! What is about a person is a commitment under a secret of the row ([`Blind`]): the audit is kept for ever, the row is not.
//!
//! ```text
//! item     facet (1 octet), octets of the key (2), key, octets of the content (1), content; none: the row is gone
//! numbers  8 octets, big-endian; a number that the store gave ends the key
//! ```

mod blind;
mod content;
mod facet;

use super::{CertificateRecord, CertificateStub, LostCertificate, Retained, Revocation, Step};
use crate::{
    audit::Of,
    kind::Kind,
    rules::{CertificateState, Day, DraftNumber, calendar::day_of},
    x509::UnixTime,
};

pub use blind::{Blind, is_blinded};
pub use content::Digest;
pub use facet::Facet;

/// The items of one change, with room for the numbers that the store gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    octets: Vec<u8>,
    /// Where numbers that the store gives are filled in, in order.
    blanks: Vec<usize>,
    /// The blinds of the rows that are about a person, in the order of the steps.
    blinds: Vec<Blind>,
}

/// One item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// What it tells.
    pub facet: Facet,
    /// Of which row.
    pub key: &'a [u8],
    /// What it is from then on; empty: it is gone.
    pub content: &'a [u8],
}

/// Octets that are no items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what the entry says that it wrote cannot be read")]
pub struct NotItems;

/// Reads the items of an entry.
pub fn items(mut octets: &[u8]) -> impl Iterator<Item = Result<Item<'_>, NotItems>> {
    let next = move || {
        let rest = octets;
        octets = &[];
        if rest.is_empty() {
            return None;
        }
        let read = || {
            let (head, rest) = rest.split_first_chunk::<3>()?;
            let (key, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([head[1], head[2]])))?;
            let (length, rest) = rest.split_first()?;
            let (content, rest) = rest.split_at_checked(usize::from(*length))?;
            Some((Item { facet: Facet::from_id(head[0])?, key, content }, rest))
        };
        let read = read().map(|(item, rest)| {
            octets = rest;
            item
        });
        Some(read.ok_or(NotItems))
    };
    std::iter::from_fn(next)
}

impl Written {
    /// What the steps of a change write, in rows without blinds.
    #[must_use]
    pub fn of(steps: &[Step]) -> Self {
        Self::blinded(steps, Vec::new())
    }

    /// What the steps of a change write, each row that is about a person under the next of these blinds: see [`is_blinded`].
    #[must_use]
    pub fn blinded(steps: &[Step], blinds: Vec<Blind>) -> Self {
        let mut written = Self { blinds, ..Self::default() };
        let mut next = 0;
        for step in steps {
            let blind = if is_blinded(step) { written.blinds.get(next).copied() } else { None };
            next += usize::from(is_blinded(step));
            written.step(step, blind);
        }
        written
    }

    /// The blinds of the rows, in the order of the steps.
    #[must_use]
    pub fn blinds(&self) -> &[Blind] {
        &self.blinds
    }

    /// The octets with the numbers that the store gave, in the order of the steps: positions of status events, numbers of
    /// disclosures and notices, ids of register entries, places of new applications, first indexes of CA generations.
    #[must_use]
    pub fn complete(&self, given: &[u64]) -> Vec<u8> {
        let mut octets = self.octets.clone();
        for (at, number) in self.blanks.iter().zip(given) {
            octets[*at..at + 8].copy_from_slice(&number.to_be_bytes());
        }
        octets
    }

    fn step(&mut self, step: &Step, blind: Option<Blind>) {
        match step {
            Step::Holder(record) => {
                self.item(Facet::Holder, record.reference.as_str(), Digest::holder(record, 1).under(blind))
            }
            Step::Card(record) => self.item(Facet::Card, record.number.as_str(), Digest::card(record).under(blind)),
            Step::Reserve(record) => {
                self.item(Facet::Reserved, certificate_key(record.kind, record.index), reserved(record));
            }
            Step::Issue { kind, index, certificate } => {
                self.item(Facet::Signed, certificate_key(*kind, *index), Digest::octets(certificate));
                self.event((*kind, *index), &state(CertificateState::Live, None));
            }
            Step::Status { kind, index, to, revocation, .. } => match to {
                CertificateState::Expired => {
                    self.item(Facet::State, certificate_key(*kind, *index), state(*to, revocation.as_ref()));
                }
                _ => self.event((*kind, *index), &state(*to, revocation.as_ref())),
            },
            Step::Answer(record) => {
                self.item(Facet::Answer, answer_key(&record.client, &record.key), Digest::answer(record).under(blind));
            }
            Step::Forget { client, key } => self.item(Facet::Answer, answer_key(client, key), []),
            Step::Crl(record) => self.item(Facet::List, list_key(record), Digest::list(record)),
            Step::Authority(record) => {
                self.given(Facet::Authority, [record.kind.id(), record.generation], Digest::authority(record));
            }
            Step::Compromise { kind, generation, at, settled } => {
                self.item(Facet::Compromise, [kind.id(), *generation], compromise(*at, *settled));
            }
            Step::Municipality(code) => self.item(Facet::Municipality, code.to_string(), [1]),
            Step::Credential(record) => {
                self.item(Facet::Credential, record.fingerprint, Digest::credential(record));
            }
            Step::AccessList { record, .. } => {
                self.item(Facet::AccessList, record.number.to_be_bytes(), Digest::access_list(record));
            }
            Step::Consent(record) => self.item(Facet::Consent, record.number.0, Digest::consent(record).under(blind)),
            Step::EndConsent { number: DraftNumber(number), end } => {
                self.item(Facet::ConsentEnd, number, Digest::consent_end(end));
            }
            Step::UnderConsent { .. } => {}
            Step::Leap(to) => self.item(Facet::Fence, [], leap(to.fence, to.indexes, to.numbers)),
            Step::RelyingParty(record) => self.item(Facet::RelyingParty, &record.name, Digest::party(record, 1)),
            Step::Disclosure { record, .. } => {
                self.given(Facet::Disclosure, [], Digest::disclosure(record).under(blind))
            }
            Step::Register(entry) => self.given(Facet::RegisterEntry, [], Digest::register_entry(entry).under(blind)),
            Step::Deadline { holder, day: on } => {
                let content = on.map(|on| deadline(on, blind)).unwrap_or_default();
                self.item(Facet::Deadline, holder.as_str(), content);
            }
            Step::Notice(record) => self.given(Facet::Notice, [], Digest::notice(record).under(blind)),
            Step::NoticeSent { number, at } => {
                self.item(Facet::NoticeSent, number.to_be_bytes(), at.seconds().to_be_bytes());
            }
            Step::Refused { party, query, at, count } => {
                let key = [party.as_bytes(), query.word().as_bytes(), &content::day(day_of(*at))].join(&0);
                self.item(Facet::Refused, key, count.to_be_bytes());
            }
            Step::Application(record) => {
                if record.version == 0 {
                    self.given(Facet::Application, record.number.0, Digest::application(record).under(blind));
                }
                self.item(Facet::ApplicationState, record.number.0, Digest::application_state(record, 1).under(blind));
            }
            Step::RegisterText(record) => {
                self.item(Facet::RegisterText, record.index.to_be_bytes(), Digest::register_text(record).under(blind));
            }
            Step::Erase(retained) => self.erased(retained),
            Step::Lost(lost) => {
                let LostCertificate { stub, revocation } = &**lost;
                self.item(Facet::Reserved, certificate_key(stub.kind, stub.index), erased(stub));
                self.event((stub.kind, stub.index), &state(stub.state, Some(revocation)));
            }
            Step::Exception(record) => {
                if record.version == 0 {
                    self.item(Facet::Exception, record.digest, Digest::exception(record).under(blind));
                }
                self.item(Facet::ExceptionState, record.digest, Digest::exception_state(record, 1));
            }
        }
    }

    /// Rows that go have no content any more; certificates and the ledger have what is left of them.
    fn erased(&mut self, gone: &Retained) {
        for stub in &gone.certificates {
            self.item(Facet::Reserved, certificate_key(stub.kind, stub.index), erased(stub));
        }
        gone.disclosures.iter().for_each(|stub| {
            self.item(Facet::Disclosure, stub.number.to_be_bytes(), Digest::disclosure_stub(stub));
        });
        gone.texts.iter().for_each(|index| self.gone(Facet::RegisterText, index.to_be_bytes()));
        for one in &gone.applications {
            self.gone(Facet::Application, [&one.number.0[..], &one.place.to_be_bytes()].concat());
            self.gone(Facet::ApplicationState, one.number.0);
        }
        for (digest, _) in &gone.exceptions {
            self.gone(Facet::Exception, digest);
            self.gone(Facet::ExceptionState, digest);
        }
        for (DraftNumber(number), _) in &gone.consents {
            self.gone(Facet::Consent, number);
            self.gone(Facet::ConsentEnd, number);
        }
        for (number, _) in &gone.notices {
            self.gone(Facet::Notice, number.to_be_bytes());
            self.gone(Facet::NoticeSent, number.to_be_bytes());
        }
        gone.entries.iter().for_each(|(id, _)| self.gone(Facet::RegisterEntry, id.to_be_bytes()));
        if gone.deadline.is_some() {
            self.gone(Facet::Deadline, gone.holder.as_str());
        }
        gone.cards.iter().for_each(|(number, _)| self.gone(Facet::Card, number.as_str()));
        if gone.registered.is_some() {
            self.gone(Facet::Holder, gone.holder.as_str());
        }
    }

    fn gone(&mut self, facet: Facet, key: impl AsRef<[u8]>) {
        self.item(facet, key, []);
    }

    fn event(&mut self, (kind, index): (Kind, u64), state: &[u8]) {
        self.given(Facet::Event, [], event(kind, index, state));
    }

    fn item(&mut self, facet: Facet, key: impl AsRef<[u8]>, content: impl AsRef<[u8]>) {
        let (key, content) = (key.as_ref(), content.as_ref());
        self.octets.push(facet as u8);
        self.octets.extend_from_slice(&u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes());
        self.octets.extend_from_slice(key);
        self.octets.push(u8::try_from(content.len()).unwrap_or(u8::MAX));
        self.octets.extend_from_slice(content);
    }

    /// As [`Self::item`], with a key that ends with the number that the store will give.
    fn given(&mut self, facet: Facet, key: impl AsRef<[u8]>, content: impl AsRef<[u8]>) {
        let key = [key.as_ref(), &[0; 8]].concat();
        self.blanks.push(self.octets.len() + 3 + key.len() - 8);
        self.item(facet, key, content);
    }
}

/// The key of a certificate's items.
#[must_use]
pub fn certificate_key(kind: Kind, index: u64) -> [u8; 9] {
    let mut key = [kind.id(); 9];
    key[1..].copy_from_slice(&index.to_be_bytes());
    key
}

/// The key of an answer's.
#[must_use]
pub fn answer_key(client: &str, key: &str) -> Vec<u8> {
    [client.as_bytes(), key.as_bytes()].join(&0)
}

/// The key of a list's.
#[must_use]
pub fn list_key(record: &super::CrlRecord) -> Vec<u8> {
    let head = [record.kind.id(), record.generation];
    [&head[..], &record.number.to_be_bytes(), record.scope.word().as_bytes()].concat()
}

/// The content of a certificate as it was reserved: the digest of what never changes, and the other of the pair.
#[must_use]
pub fn reserved(record: &CertificateRecord) -> Vec<u8> {
    let mut content = Digest::reserved(record).as_ref().to_vec();
    content.extend(record.pair.iter().flat_map(|pair| pair.to_be_bytes()));
    content
}

/// The content of a certificate that was erased: the digest of what is left of it, and the other of the pair.
#[must_use]
pub fn erased(stub: &CertificateStub) -> Vec<u8> {
    let mut content = Digest::certificate_stub(stub).as_ref().to_vec();
    content.extend(stub.pair.iter().flat_map(|pair| pair.to_be_bytes()));
    content
}

/// The content of a compromise: since when, and whether it is settled.
#[must_use]
pub fn compromise(at: UnixTime, is_settled: bool) -> Vec<u8> {
    [&at.seconds().to_be_bytes()[..], &[is_settled.into()]].concat()
}

/// The content of a status event: of which certificate, and the state.
#[must_use]
pub fn event(kind: Kind, index: u64, state: &[u8]) -> Vec<u8> {
    [&certificate_key(kind, index), state].concat()
}

/// The content of a restore's item: the fence, the next indexes and the floors of CRL numbers from then on.
#[must_use]
pub fn leap(fence: u64, indexes: Of, floors: Of) -> Vec<u8> {
    [fence, indexes.sign, indexes.auth, floors.sign, floors.auth].map(u64::to_be_bytes).concat()
}

/// The content of a deadline: the day, or what hides it.
#[must_use]
pub fn deadline(on: Day, blind: Option<Blind>) -> Vec<u8> {
    let day = content::day(on);
    blind.map_or(day.clone(), |_| Digest::octets(&day).under(blind).as_ref().to_vec())
}

/// A state with its revocation.
#[must_use]
pub fn state(state: CertificateState, revocation: Option<&Revocation>) -> Vec<u8> {
    let id = match state {
        CertificateState::Reserved => 0,
        CertificateState::Live => 1,
        CertificateState::Held => 2,
        CertificateState::Revoked => 3,
        CertificateState::Expired => 4,
    };
    let mut content = vec![id];
    if let Some(end) = revocation {
        content.extend(end.revocation_date.seconds().to_be_bytes());
        content.push(end.reason.code());
        content.extend(end.invalidity_date.map_or(i64::MIN, |date| date.seconds()).to_be_bytes());
        content.extend(end.cause.word().bytes());
    }
    content
}
