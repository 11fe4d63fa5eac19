//! A small house with certificates in every state, its status and operator listeners, and the means to make a channel lie.

use std::sync::Arc;

use jitsuin::{
    audit::Draft,
    authority::change::RegisterEvent,
    ca::ceremony,
    cli::doctor::{Doctor, Findings, Service, Urls},
    http::{
        metrics::{Metrics, show_position},
        operator::OperatorService,
        server::{Bounds, ShutdownTrigger, Workers, shutdown},
        status::{StatusService, StatusSources},
    },
    kind::Kind,
    ports::{AuthorityRecord, CertificateRecord, Change, Clock, CrlRecord, Signer, Step},
    profile::Variant,
    revocation::{
        answer::AnswerDesk,
        crl::{self, ListOrder},
        index::StatusIndex,
        lists::ListKey,
        responder::{Delegate, IssuerEntry, NeverIssued, Responder, ResponsePolicy},
        serial::SerialPermutation,
    },
    rules::{Asked, Cause, CertificateState},
    scope::CrlScope,
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    store::SqliteStore,
    x509::{CrlEntry, CrlView, Serial, SubjectPublicKey},
};
use tempfile::TempDir;

use crate::house::{House, ITAMI, Person, SUGINAMI, at, municipality, operator, profile};

pub(crate) fn serials() -> SerialPermutation {
    SerialPermutation::new(1, b"JITSUIN-TEST-KEY").unwrap()
}

pub(crate) fn place(code: &str) -> CrlScope {
    CrlScope::Municipality(code.parse().unwrap())
}

/// The people of the scene, by what became of their certificates.
pub(crate) struct People {
    pub(crate) live: Person,
    /// Before the complete lists.
    pub(crate) revoked: Person,
    /// Held before the complete lists.
    pub(crate) held: Person,
    /// Held before the complete lists, released after them: SIGN is revoked then.
    pub(crate) released: Person,
    /// In Itami, after the complete lists.
    pub(crate) late: Person,
}

/// Listeners that end when dropped.
pub(crate) struct Listening {
    pub(crate) urls: Urls,
    trigger: ShutdownTrigger,
    workers: Vec<Workers>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.trigger.stop();
        self.workers.drain(..).for_each(|workers| workers.join().unwrap());
    }
}

pub(crate) struct Scene {
    pub(crate) directory: TempDir,
    pub(crate) house: House,
    pub(crate) people: People,
}

impl Scene {
    /// Complete lists of 2026-04-01, a delta of the day's hour, and certificates in every state.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("jitsuin.sqlite")).unwrap();
        let house = House::on(Arc::new(store));
        let [live, revoked, held, released, expired, died] =
            ["1", "2", "3", "4", "5", "6"].map(|number| Person::new(&format!("TEST-{number}")));
        for person in [&live, &revoked, &held, &released, &died] {
            house.pair(person);
        }
        let expired = Person { card_last_day: Some(time::macros::date!(2026 - 01 - 31)), ..expired };
        house.pair(&expired);
        let late = Person::new("TEST-7");
        house.issue(&municipality(ITAMI), Asked::New, &late.enrolment(&Kind::BOTH)).unwrap();
        house.revoke(&expired, Cause::CardDamaged, None).unwrap();
        reservations(&house, &live);
        for now in ["2026-02-01T03:00:00Z", "2026-03-31T03:00:00Z"] {
            house.set_clock(now);
            house.authority.publish(&operator()).unwrap();
        }
        let end = revoked.clone().on("2026-03-15");
        house.revoke(&end, Cause::KeyCompromise, Some(&Kind::BOTH)).unwrap();
        house.hold(&held).unwrap();
        house.hold(&released).unwrap();
        house.set_clock("2026-04-01T03:00:00Z");
        house.authority.publish(&operator()).unwrap();
        house.release(&released).unwrap();
        house.change(&died, RegisterEvent::Death).unwrap();
        let end = late.revocation(Cause::KeyCompromise, Some(&[Kind::Sign]));
        house.authority.revoke(&municipality(ITAMI), &house.once(), &end).unwrap();
        house.set_clock("2026-04-01T04:00:00Z");
        house.authority.publish_due().unwrap();
        house.hold(&live).unwrap();
        Self { directory, house, people: People { live, revoked, held, released, late } }
    }

    pub(crate) fn serial(&self, person: &Person, kind: Kind) -> Serial {
        self.house.newest(person, kind).serial
    }

    /// Runs SQL on the database behind the store's back.
    pub(crate) fn sql(&self, statements: &str) {
        let sql = rusqlite::Connection::open(self.directory.path().join("jitsuin.sqlite")).unwrap();
        let triggers = "SELECT name FROM sqlite_schema WHERE type = 'trigger'";
        let triggers: Vec<String> =
            sql.prepare(triggers).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        for trigger in triggers {
            sql.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
        }
        sql.execute_batch(&format!("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; {statements}"))
            .unwrap();
    }

    /// Opens the listeners, answering from the house's index.
    pub(crate) fn listen(&self) -> Listening {
        self.listen_with(&self.house.authority.parts().index)
    }

    /// Opens the listeners, answering from this index.
    pub(crate) fn listen_with(&self, index: &Arc<StatusIndex>) -> Listening {
        let (house, metrics) = (&self.house, Arc::new(Metrics::new()));
        show_position(&metrics, Arc::clone(index));
        let desk = Arc::new(desk(house, index));
        let lists = Arc::clone(&house.authority.parts().lists);
        let clock = || Arc::clone(&house.clock) as Arc<dyn Clock>;
        let sources = StatusSources::new(desk, lists, house.store.authorities().unwrap(), clock());
        let status = StatusService::new(sources, &metrics).unwrap();
        let operator = OperatorService::new(metrics, Vec::new(), clock());
        let (trigger, shutdown) = shutdown();
        let any = "127.0.0.1:0".parse().unwrap();
        let status = Workers::start(any, 1, move |()| status.clone(), Bounds::default(), &shutdown).unwrap();
        let operator = Workers::start(any, 1, move |()| operator.clone(), Bounds::default(), &shutdown).unwrap();
        let urls =
            Urls { status: format!("http://{}", status.address()), operator: format!("http://{}", operator.address()) };
        Listening { urls, trigger, workers: vec![status, operator] }
    }

    /// What the doctor finds, with the service listening or without it.
    pub(crate) fn examine(&self, listening: Option<&Listening>) -> Findings {
        let service = listening.map(|listening| Service::find(listening.urls.clone()).unwrap().unwrap());
        let store = SqliteStore::open_read_only(&self.directory.path().join("jitsuin.sqlite")).unwrap();
        let doctor = Doctor {
            store: &store,
            service: service.as_ref(),
            profile: &profile(Variant::Open),
            clock: &*self.house.clock,
            sample: None,
            serials: Some(serials()),
        };
        doctor.examine(&mut |_, _, _| {}).unwrap()
    }

    /// What the doctor tells, a line each, with the service listening.
    pub(crate) fn told(&self) -> Vec<String> {
        lines(&self.examine(Some(&self.listen())))
    }

    /// Publishes a next list of a family whose entries are changed before they are signed: what no gate has seen.
    pub(crate) fn forge(&self, key: ListKey, change: impl FnOnce(&mut Vec<CrlEntry>)) {
        let record = self.forged(key, change);
        commit(&self.house, vec![Step::Crl(record.clone())]);
        self.house.authority.parts().lists.put(record);
    }

    pub(crate) fn forged(&self, key: ListKey, change: impl FnOnce(&mut Vec<CrlEntry>)) -> CrlRecord {
        let parts = self.house.authority.parts();
        let (kind, generation, scope) = key;
        let families = [Some(scope.complete()), scope.complete().delta()].into_iter().flatten();
        let newest = families.filter_map(|scope| parts.lists.find(&(kind, generation, scope)));
        let number = newest.map(|list| list.number).max().unwrap() + 1;
        let served = parts.lists.find(&key).unwrap();
        let view = CrlView::from_der(&served.der).unwrap();
        let mut entries: Vec<_> = view.entries().map(Result::unwrap).collect();
        change(&mut entries);
        entries.sort_by_key(|entry| entry.serial);
        let issuer = parts.issuers.generation(kind, generation).unwrap();
        let order = ListOrder {
            issuer: issuer.name(),
            public_key: issuer.public_key(),
            number,
            this_update: self.house.now(),
            next_update: served.next_update,
            scope: view.issuing_distribution_point,
            delta_base: view.delta_base,
            freshest: view.freshest_crl,
        };
        let der = crl::sign(&order, &entries, issuer.signer()).unwrap();
        let (this_update, next_update, position) = (order.this_update, order.next_update, served.position);
        let entries = entries.len() as u64;
        CrlRecord { kind, generation, scope, number, this_update, next_update, position, entries, der: der.into() }
    }
}

/// Every contradiction as it is printed.
pub(crate) fn lines(findings: &Findings) -> Vec<String> {
    findings.told.iter().map(ToString::to_string).collect()
}

/// A pair whose signature failed, so that it was discarded, and a reservation that nobody finished.
fn reservations(house: &House, like: &Person) {
    let person = Person::new("TEST-9");
    house.fuse.store(1, std::sync::atomic::Ordering::SeqCst);
    house.issue(&municipality(SUGINAMI), Asked::New, &person.enrolment(&Kind::BOTH)).unwrap_err();
    assert!(house.dossier(&person).certificates.iter().all(CertificateRecord::is_discarded));
    let index = house.store.allocate(Kind::Auth, 1).unwrap().start;
    let reservation = CertificateRecord {
        index,
        serial: serials().serial(Kind::Auth, index),
        holder: person.holder(),
        card: person.card(),
        state: CertificateState::Reserved,
        revocation: None,
        pair: None,
        key_digest: [9; 32],
        certificate: None,
        ..house.newest(like, Kind::Auth)
    };
    commit(house, vec![Step::Reserve(Box::new(reservation))]);
}

pub(crate) fn commit(house: &House, steps: Vec<Step>) {
    let audit = house.store.audit_after(0, 1).unwrap().remove(0).draft;
    house.store.commit(Change { steps, audit: Draft { at: house.now(), ..audit } }).unwrap();
}

/// An OCSP desk over an index, with a responder for each CA generation of the house.
pub(crate) fn desk(house: &House, index: &Arc<StatusIndex>) -> AnswerDesk {
    let validity = (at("2026-01-01T00:00:00Z"), at("2028-01-01T00:00:00Z"));
    let entry = |record: &AuthorityRecord| {
        let issuer = house.authority.parts().issuers.generation(record.kind, record.generation).unwrap();
        let signer = SoftwareSigner::new(&PrivateKey::generate(KeyKind::P256).unwrap()).unwrap();
        let key = SubjectPublicKey::from_der(signer.spki()).unwrap();
        let serial = Serial::from_octets(&[0x50, record.kind.id(), record.generation]).unwrap();
        let certificate = ceremony::ocsp_responder(&profile(Variant::Open), issuer, &key, &serial, validity).unwrap();
        IssuerEntry::new(record, Delegate::new(Arc::new(signer), certificate).unwrap()).unwrap()
    };
    let entries = house.store.authorities().unwrap().iter().map(entry).collect();
    let policy = ResponsePolicy { life: std::time::Duration::from_secs(3600), never_issued: NeverIssued::Revoked };
    AnswerDesk::new(Responder::new(entries, serials(), Arc::clone(index), policy))
}
