//! The walk: event by event, row by row, answer by answer; list by list it goes on beside.

use std::{collections::BTreeMap, time::Instant};

use super::{Channel, Findings, Service};
use crate::{
    cli::{failure::Failure, world::SystemEntropy},
    kind::Kind,
    limits::OCSP_CERT_IDS,
    ports::{AuthorityRecord, CertificateRecord, Clock, Entropy, Store},
    profile::Profile,
    revocation::{
        census::{self, Contradiction, Ledger},
        lists::ListKey,
        serial::SerialPermutation,
    },
    x509::{
        CertificateView, Name, Serial, SubjectPublicKey, UnixTime,
        ocsp::{ResponseView, cert_id, request},
    },
};

/// Rows and events read at a time.
const PAGE: usize = 1024;

/// What is looked at, and with what.
pub struct Doctor<'a> {
    /// The store; reading is enough.
    pub store: &'a dyn Store,
    /// The running service; without it OCSP is not asked, and lists are taken from the store.
    pub service: Option<&'a Service>,
    /// What the names in lists are.
    pub profile: &'a Profile,
    /// The time of the service.
    pub clock: &'a dyn Clock,
    /// About how many certificates of each CA OCSP is asked; all if it is not said.
    pub sample: Option<u64>,
    /// The secret between serials and indexes, where it is known.
    pub serials: Option<SerialPermutation>,
}

/// Told now and then how far the walk has come: the channel, what is done, and of how many.
pub(super) type Progress<'a> = &'a mut dyn FnMut(Channel, u64, u64);

/// What OCSP is asked about: a serial, and its index if a certificate may have it.
type Asked = (Serial, Option<u64>);

/// A CA generation as clients know it.
pub(super) struct Issuer {
    pub(super) kind: Kind,
    pub(super) generation: u8,
    pub(super) name: Name,
    pub(super) key: SubjectPublicKey,
}

impl Issuer {
    fn new(record: &AuthorityRecord) -> Result<Self, Failure> {
        let view = CertificateView::from_der(&record.certificate).map_err(Failure::fault)?;
        Ok(Self {
            kind: record.kind,
            generation: record.generation,
            name: Name::from_der(view.tbs.subject).map_err(Failure::fault)?,
            key: SubjectPublicKey::from_der(view.tbs.spki).map_err(Failure::fault)?,
        })
    }
}

impl Doctor<'_> {
    /// Compares everything.
    ///
    /// # Errors
    /// [`Failure`] where the store cannot be read, or the service stops answering in the middle.
    pub fn examine(&self, progress: &mut dyn FnMut(Channel, u64, u64)) -> Result<Findings, Failure> {
        let issuers = self.store.authorities().map_err(Failure::fault)?;
        let issuers = issuers.iter().map(Issuer::new).collect::<Result<Vec<_>, _>>()?;
        let numbers = self.store.newest_crls().map_err(Failure::fault)?;
        let numbers = numbers.iter().map(|list| ((list.kind, list.generation, list.scope), list.number)).collect();
        let (ledger, findings) = Default::default();
        let mut walk = Walk { doctor: self, issuers: &issuers, numbers, ledger, findings, progress };
        walk.read_events()?;
        let began = walk.ledger.position();
        for kind in Kind::BOTH {
            walk.certificates(kind)?;
        }
        walk.lists()?;
        walk.read_events()?;
        let mut findings = walk.findings;
        findings.position = walk.ledger.position();
        findings.arrived = findings.position - began;
        if self.service.is_none() {
            findings.not_asked.extend([Channel::Ocsp, Channel::NeverIssued]);
        }
        Ok(findings)
    }
}

pub(super) struct Walk<'a> {
    pub(super) doctor: &'a Doctor<'a>,
    pub(super) issuers: &'a [Issuer],
    /// The newest lists of the store when the walk began; what is served later is not older.
    pub(super) numbers: BTreeMap<ListKey, u64>,
    pub(super) ledger: Ledger,
    pub(super) findings: Findings,
    pub(super) progress: Progress<'a>,
}

impl Walk<'_> {
    /// Takes in every event that there is by now.
    pub(super) fn read_events(&mut self) -> Result<(), Failure> {
        let began = Instant::now();
        let mut count = 0;
        loop {
            let page = self.doctor.store.listed_events(self.ledger.position(), PAGE).map_err(Failure::fault)?;
            if page.is_empty() {
                break;
            }
            count += page.len() as u64;
            let found = self.ledger.take(&page);
            self.findings.note(Channel::Events, found);
            (self.progress)(Channel::Events, self.ledger.position(), self.ledger.position());
        }
        self.findings.count(Channel::Events, (count, count), began.elapsed());
        Ok(())
    }

    /// Every certificate of a CA, a page at a time: its row, the index, OCSP.
    fn certificates(&mut self, kind: Kind) -> Result<(), Failure> {
        let counts = self.doctor.store.counts().map_err(Failure::fault)?;
        let total: u64 = counts.iter().filter(|count| count.kind == kind).map(|count| count.count).sum();
        let stride = self.doctor.sample.map_or(1, |sample| total.div_ceil(sample).max(1));
        let (mut from, mut seen) = (0, 0);
        let mut strangers = Vec::new();
        loop {
            let (rows, position) = self.doctor.store.certificates(kind, from, PAGE).map_err(Failure::fault)?;
            let Some(last) = rows.last() else { break };
            let gaps = self.unused(kind, from, &rows);
            from = last.index.saturating_add(1);
            self.read_events()?;
            self.rows(&rows, position);
            self.index(&rows);
            let mut asked: BTreeMap<u8, Vec<Asked>> = BTreeMap::new();
            for (at, row) in rows.iter().enumerate() {
                if (seen + at as u64).is_multiple_of(stride) {
                    asked.entry(row.generation).or_default().push((row.serial, Some(row.index)));
                }
            }
            seen += rows.len() as u64;
            for (generation, asked) in &asked {
                self.answers(Channel::Ocsp, (kind, *generation), asked, (seen, total))?;
            }
            if strangers.len() < OCSP_CERT_IDS {
                strangers.extend(self.neighbours(&rows)?);
            }
            strangers.extend(gaps);
            strangers.truncate(OCSP_CERT_IDS);
        }
        let next = self.doctor.serials.as_ref().map(|serials| (serials.serial(kind, from), Some(from)));
        strangers.truncate(OCSP_CERT_IDS - 1);
        strangers.extend(next);
        let newest = self.issuers.iter().filter(|issuer| issuer.kind == kind).map(|issuer| issuer.generation).max();
        for issuer in self.issuers.iter().filter(|issuer| issuer.kind == kind) {
            // An index that is free now may be the newest generation's a moment later; it is never another's.
            let may_issue = newest == Some(issuer.generation);
            let asked: Vec<_> =
                strangers.iter().map(|(serial, index)| (*serial, index.filter(|_| may_issue))).collect();
            self.answers(Channel::NeverIssued, (kind, issuer.generation), &asked, (seen, total))?;
            self.answers_of_others(issuer)?;
        }
        Ok(())
    }

    fn rows(&mut self, rows: &[CertificateRecord], position: u64) {
        let (began, now) = (Instant::now(), self.doctor.clock.now());
        for row in rows {
            let found = census::examine_row(&self.ledger, row, (position, now));
            self.findings.note(Channel::Table, found);
            let is_it = |issuer: &&Issuer| (issuer.kind, issuer.generation) == (row.kind, row.generation);
            let signed = match self.issuers.iter().find(is_it) {
                Some(issuer) => census::examine_signed(row, &issuer.name),
                None => {
                    let says = format!("generation {} has certificates, but no CA certificate", row.generation);
                    Some(Contradiction {
                        serial: Some(row.serial),
                        ..Contradiction::of_channel(row.kind, "table", says)
                    })
                }
            };
            self.findings.note(Channel::Table, signed);
            let serial = self.doctor.serials.as_ref().map(|serials| serials.serial(row.kind, row.index));
            if serial.is_some_and(|serial| serial != row.serial) {
                let says = format!("it stands at index {}, whose serial is another", row.index);
                let about = (row.kind, row.serial);
                let found =
                    Contradiction { serial: Some(about.1), ..Contradiction::of_channel(about.0, "table", says) };
                self.findings.note(Channel::Table, [found]);
            }
        }
        self.findings.count(Channel::Table, (rows.len() as u64, rows.len() as u64), began.elapsed());
    }

    fn index(&mut self, rows: &[CertificateRecord]) {
        let began = Instant::now();
        let found =
            rows.iter().filter_map(|row| census::examine_index(&self.ledger, (row.kind, row.index), row.serial));
        let found: Vec<_> = found.collect();
        self.findings.note(Channel::Index, found);
        self.findings.count(Channel::Index, (rows.len() as u64, rows.len() as u64), began.elapsed());
    }

    /// Indexes that no row of a page has, where their serials can be known.
    fn unused(&self, kind: Kind, from: u64, rows: &[CertificateRecord]) -> Vec<Asked> {
        let Some(serials) = &self.doctor.serials else { return Vec::new() };
        let mut gaps = Vec::new();
        let mut next = from;
        for row in rows {
            gaps.extend((next..row.index).take(OCSP_CERT_IDS).map(|index| (serials.serial(kind, index), Some(index))));
            next = row.index.saturating_add(1);
        }
        gaps.truncate(OCSP_CERT_IDS / 2);
        // What is left of an erased certificate is no row here, and yet it was issued.
        gaps.retain(|(serial, _)| self.doctor.store.erased(kind, serial).is_ok_and(|erased| erased.is_none()));
        gaps
    }

    /// Serials one bit beside those of a page, which nobody bears.
    fn neighbours(&self, rows: &[CertificateRecord]) -> Result<Vec<Asked>, Failure> {
        let mut found = Vec::new();
        for row in rows.iter().step_by(PAGE / 16) {
            let mut octets = row.serial.octets().to_vec();
            if let Some(last) = octets.last_mut() {
                *last ^= 1;
            }
            let Ok(serial) = Serial::from_octets(&octets) else { continue };
            if self.doctor.store.certificate(row.kind, &serial).map_err(Failure::fault)?.is_none() {
                found.push((serial, None));
            }
        }
        Ok(found)
    }

    /// Asks one CA generation about certificates of every other: it never issued them.
    fn answers_of_others(&mut self, issuer: &Issuer) -> Result<(), Failure> {
        let mut asked = Vec::new();
        for kind in Kind::BOTH {
            let (rows, _) = self.doctor.store.certificates(kind, 0, OCSP_CERT_IDS / 2).map_err(Failure::fault)?;
            let others = rows.iter().filter(|row| (row.kind, row.generation) != (issuer.kind, issuer.generation));
            asked.extend(others.map(|row| (row.serial, None)));
        }
        self.answers(Channel::NeverIssued, (issuer.kind, issuer.generation), &asked, (0, 0))
    }

    /// Asks OCSP, as many at a time as one request may carry.
    fn answers(
        &mut self,
        channel: Channel,
        (kind, generation): (Kind, u8),
        asked: &[Asked],
        (done, of): (u64, u64),
    ) -> Result<(), Failure> {
        let Some(service) = self.doctor.service else { return Ok(()) };
        let is_it = |issuer: &&Issuer| (issuer.kind, issuer.generation) == (kind, generation);
        // That a row names a generation that is not there was told with the row.
        let Some(issuer) = self.issuers.iter().find(is_it) else { return Ok(()) };
        for asked in asked.chunks(OCSP_CERT_IDS) {
            let began = Instant::now();
            let found = self.exchange(service, issuer, asked)?;
            self.findings.note(channel, found);
            self.findings.count(channel, (1, asked.len() as u64), began.elapsed());
            (self.progress)(channel, done, of);
        }
        Ok(())
    }

    /// One request and its answer, which lies between the index's position before and the last event after.
    fn exchange(&mut self, service: &Service, issuer: &Issuer, asked: &[Asked]) -> Result<Vec<Contradiction>, Failure> {
        let id = |(serial, _): &Asked| cert_id(issuer.name.der(), &issuer.key.key_id(), serial);
        let ids: Vec<_> = asked.iter().map(id).collect();
        let mut nonce = [0; 16];
        SystemEntropy::default().fill(&mut nonce).map_err(Failure::fault)?;
        let whole = |says: String| vec![Contradiction::of_channel(issuer.kind, "OCSP", says)];
        let (from, before) = (service.position()?, self.doctor.clock.now());
        let (status, reply) = service.ocsp(request(&ids, Some(&nonce)))?;
        let after = self.doctor.clock.now();
        self.read_events()?;
        let to = self.ledger.position();
        if !status.is_success() {
            return Ok(whole(format!("it answers {status} to a request about {} certificates", ids.len())));
        }
        let view = match ResponseView::verified(&reply, &issuer.key, after) {
            Ok(view) => view,
            Err(error) => return Ok(whole(error.to_string())),
        };
        if from > to {
            return Ok(whole(format!("it has taken in event {from}, and the last one is {to}")));
        }
        let is_current = |(this, next): (UnixTime, UnixTime)| this <= after && before < next;
        let current = view.answers.iter().all(|answer| is_current((answer.this_update, answer.next_update)));
        let same = view.nonce == Some(&nonce) && view.answers.iter().map(|answer| answer.cert_id).eq(&ids);
        if !same || !current || view.produced_at > after {
            return Ok(whole("the answer is of another time, or to another question".into()));
        }
        let answers = asked.iter().zip(&view.answers);
        let examined = answers.filter_map(|((serial, index), answer)| {
            census::examine_answer(&self.ledger, (issuer.kind, *index), *serial, (&answer.status, from, to))
        });
        Ok(examined.collect())
    }
}
