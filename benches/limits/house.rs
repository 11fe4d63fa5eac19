//! A registration authority with throw-away keys, on any store.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use jitsuin::{
    audit::Draft,
    authority::{
        Actor, Authority, DualControl, Once, Parts,
        enrol::{Card, Enrolment, Facts, Person, RequestDer, Requests},
        issue::Issuance,
        publish::Schedule,
    },
    ca::{Issuer, Issuers, ceremony},
    cli::world::{SystemClock, SystemEntropy},
    kind::Kind,
    ports::{AuthorityRecord, CardNumber, Change, Clock, CredentialRecord, HolderReference, Role, Signer, Step, Store},
    profile::{Profile, Variant},
    revocation::{
        answer::AnswerDesk,
        crl::ListOrder,
        index::StatusIndex,
        lists::PublishedLists,
        responder::{Delegate, IssuerEntry, NeverIssued, Responder, ResponsePolicy},
        serial::SerialPermutation,
    },
    rules::{Asked, Counters, Policy, calendar::day_of},
    signer::KeyKind,
    store::{MemoryStore, SqliteStore},
    x509::{
        Attribute, CertificateView, Name, Serial, SubjectPublicKey, UnixTime, assemble,
        csr::request_info,
        der::{INTEGER, NULL, OCTET_STRING, OID, SEQUENCE, build, context_constructed, nested, tlv},
        extension, oid,
    },
};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::raw;

/// The counter that asks for everything.
pub(crate) const PLACE: &str = "13115";

pub(crate) struct House {
    pub(crate) clock: Arc<SystemClock>,
    pub(crate) authority: Authority,
    pub(crate) desk: Arc<AnswerDesk>,
    pub(crate) index: Arc<StatusIndex>,
    pub(crate) serials: SerialPermutation,
    pub(crate) authorities: Vec<AuthorityRecord>,
    actor: Actor,
}

fn profile() -> Profile {
    Profile {
        variant: Variant::Open,
        organization: "JITSUIN-TEST".into(),
        agency: "JITSUIN-TEST Agency".into(),
        sign_name_ja: "署名用電子証明書試験認証局".into(),
        auth_name_ja: "利用者証明用電子証明書試験認証局".into(),
        sign_policy: oid::parse("2.999.1.1").unwrap(),
        auth_policy: oid::parse("2.999.1.2").unwrap(),
        cps_uri: "https://jitsuin.example/cps".into(),
        base_uri: "http://127.0.0.1:8080".into(),
    }
}

/// From an hour ago for thirty years.
fn validity() -> (UnixTime, UnixTime) {
    let now = SystemClock::default().now();
    let from = UnixTime::from_seconds(now.seconds() - 3600).unwrap();
    (from, now + Duration::from_secs(30 * 365 * 86_400))
}

/// A CA of a kind with a new key.
pub(crate) fn issuer(kind: Kind, key: KeyKind) -> Issuer {
    let (profile, signer) = (profile(), Arc::new(raw::signer(key)));
    let serial = Serial::from_octets(&[0x40 + kind.id()]).unwrap();
    let certificate = ceremony::certificate_authority(&profile, (kind, 1), &*signer, &serial, validity()).unwrap();
    Issuer::open(&AuthorityRecord::new(kind, 1, certificate), signer, &profile).unwrap()
}

/// A full list of a CA as of that instant, good for a day.
pub(crate) fn full_list(issuer: &Issuer, now: UnixTime) -> ListOrder<'_> {
    ListOrder {
        issuer: issuer.name(),
        public_key: issuer.public_key(),
        number: 1,
        this_update: now,
        next_update: now + Duration::from_secs(86_400),
        scope: None,
        delta_base: None,
        freshest: None,
    }
}

/// The secret between indexes and serials.
pub(crate) fn serials() -> SerialPermutation {
    SerialPermutation::new(1, b"JITSUIN-TEST-KEY").unwrap()
}

fn delegate(issuer: &Issuer, key: KeyKind) -> Delegate {
    let signer = raw::signer(key);
    let public = SubjectPublicKey::from_der(signer.spki()).unwrap();
    let serial = Serial::from_octets(&[0x50 + issuer.kind().id()]).unwrap();
    let certificate = ceremony::ocsp_responder(&profile(), issuer, &public, &serial, validity()).unwrap();
    Delegate::new(Arc::new(signer), certificate).unwrap()
}

impl House {
    /// On a store in memory, to answer for certificates that only the index knows.
    pub(crate) fn to_answer(responder: KeyKind) -> Self {
        Self::over(Arc::default(), responder)
    }

    /// The same over an index that knows everything already.
    pub(crate) fn over(index: Arc<StatusIndex>, responder: KeyKind) -> Self {
        Self::new(Arc::new(MemoryStore::new()), index, KeyKind::P256, responder)
    }

    /// On a SQLite database in that directory, to issue and revoke.
    pub(crate) fn durable(directory: &Path, ca: KeyKind) -> Self {
        let store = Arc::new(SqliteStore::open(&directory.join("jitsuin.db")).unwrap());
        Self::new(store, Arc::default(), ca, KeyKind::P256)
    }

    /// On a store that others use too.
    pub(crate) fn shared(store: Arc<dyn Store>, ca: KeyKind) -> Self {
        Self::new(store, Arc::default(), ca, KeyKind::P256)
    }

    fn new(store: Arc<dyn Store>, index: Arc<StatusIndex>, ca: KeyKind, responder: KeyKind) -> Self {
        let clock = Arc::new(SystemClock::default());
        let mut steps = vec![Step::Municipality(PLACE.parse().unwrap())];
        let (mut issuers, mut entries, mut authorities) = (Vec::new(), Vec::new(), Vec::new());
        for kind in Kind::BOTH {
            let issuer = issuer(kind, ca);
            let certificate = issuer.certificate().to_vec();
            let record = AuthorityRecord::new(kind, 1, certificate);
            entries.push(IssuerEntry::new(&record, delegate(&issuer, responder)).unwrap());
            issuers.push(Arc::new(issuer));
            steps.push(Step::Authority(record.clone()));
            authorities.push(record);
        }
        let word = str::to_owned;
        let (actor, subject) = (word("service"), word("x"));
        let audit = Draft { at: clock.now(), actor, action: word("bench"), subject, detail: word("{}") };
        store.commit(Change { steps, audit }).unwrap();
        // One that knows everything already has nothing to learn from an empty store.
        if index.position() == 0 {
            store.follow(0, Arc::clone(&index) as _).unwrap();
        }
        let authority = Authority::new(Parts {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock) as _,
            entropy: Arc::new(SystemEntropy::default()),
            issuers: Arc::new(Issuers::new(issuers).unwrap()),
            serials: serials(),
            profile: Arc::new(profile()),
            policy: Policy::default(),
            counters: Counters::default(),
            substitutes: Arc::default(),
            index: Arc::clone(&index),
            lists: Arc::new(PublishedLists::default()),
            schedule: Schedule::default(),
            control: DualControl::Off,
        });
        let policy = ResponsePolicy { life: Duration::from_secs(3600), never_issued: NeverIssued::Revoked };
        let responder = Responder::new(entries, serials(), Arc::clone(&index), policy);
        let desk = Arc::new(AnswerDesk::new(responder));
        Self { clock, authority, desk, index, serials: serials(), authorities, actor: actor_of_the_place() }
    }

    /// An OCSP request for one certificate: DER.
    pub(crate) fn request(&self, kind: Kind, serial: &Serial, nonce: Option<&[u8]>) -> Vec<u8> {
        let record = self.authorities.iter().find(|record| record.kind == kind).unwrap();
        let tbs = CertificateView::from_der(&record.certificate).unwrap().tbs;
        let key = SubjectPublicKey::from_der(tbs.spki).unwrap();
        ocsp_request((tbs.subject, key.key()), serial, nonce)
    }

    /// Issues a pair for each enrolment, on so many threads at a time; the pairs in order.
    pub(crate) fn issue(&self, enrolments: &[Enrolment], threads: usize) -> Vec<Issuance> {
        each(enrolments.len(), threads, |number| {
            let enrolment = &enrolments[number];
            let once = once("issue", enrolment.card.number.as_str());
            self.authority.issue(&self.actor, &once, Asked::New, enrolment).unwrap()
        })
    }

    /// The counter.
    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }
}

/// Does numbers 0 to `count` on so many threads; the results in order.
pub(crate) fn each<T: Send>(count: usize, threads: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicU64::new(0);
    let mut all: Vec<(usize, T)> = thread::scope(|scope| {
        let run = || {
            let mut mine = Vec::new();
            loop {
                let number = next.fetch_add(1, SeqCst) as usize;
                if number >= count {
                    return mine;
                }
                mine.push((number, work(number)));
            }
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    all.sort_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, result)| result).collect()
}

pub(crate) fn once(what: &str, card: &str) -> Once {
    Once { key: format!("{what}-{card}"), digest: [1; 32] }
}

pub(crate) fn actor_of_the_place() -> Actor {
    Actor::client(&CredentialRecord {
        fingerprint: [0; 32],
        role: Role::Municipality,
        name: PLACE.into(),
        municipality: Some(PLACE.parse().unwrap()),
        active: true,
        revocation: None,
        certificate: Vec::new(),
    })
}

/// Applications of that many residents for a pair, each with two new P-256 keys.
pub(crate) fn enrolments(count: usize) -> Vec<Enrolment> {
    let today = day_of(SystemClock::default().now());
    each(count, raw::cores(), |number| Enrolment {
        holder: Person {
            reference: HolderReference::parse(format!("TEST-{number:07}")).unwrap(),
            birth: time::macros::date!(1980 - 02 - 17),
            ward: Some(false),
        },
        card: Card {
            number: CardNumber::parse(format!("CARD-{number:07}")).unwrap(),
            issue_day: today,
            application_day: None,
            last_day: None,
            stay_last_day: None,
        },
        facts: Some(
            Facts {
                name: "実印　太郎".into(),
                name_flags: None,
                address: "東京都杉並区阿佐谷南１丁目１５番１号".into(),
                address_flags: None,
                sex: "1".into(),
            }
            .into(),
        ),
        requests: Requests { auth: Some(csr()), sign: Some(csr()) },
        application: None,
    })
}

/// A PKCS#10 request of a new P-256 key.
fn csr() -> RequestDer {
    let signer = raw::signer(KeyKind::P256);
    let info = request_info(&Name::new(vec![Attribute::common_name("card")]).unwrap(), signer.spki());
    RequestDer(assemble(&info, signer.algorithm(), &signer.sign(&info).unwrap()))
}

pub(crate) fn ocsp_request(
    (issuer_name, issuer_key): (&[u8], &[u8]),
    serial: &Serial,
    nonce: Option<&[u8]>,
) -> Vec<u8> {
    let cert_id = build(SEQUENCE, |out| {
        nested(out, SEQUENCE, |out| {
            tlv(out, OID, oid::SHA1);
            tlv(out, NULL, &[]);
        });
        tlv(out, OCTET_STRING, digest(&SHA1_FOR_LEGACY_USE_ONLY, issuer_name).as_ref());
        tlv(out, OCTET_STRING, digest(&SHA1_FOR_LEGACY_USE_ONLY, issuer_key).as_ref());
        tlv(out, INTEGER, serial.octets());
    });
    build(SEQUENCE, |out| {
        nested(out, SEQUENCE, |out| {
            nested(out, SEQUENCE, |out| tlv(out, SEQUENCE, &cert_id));
            if let Some(nonce) = nonce {
                let value = build(OCTET_STRING, |out| out.extend_from_slice(nonce));
                nested(out, context_constructed(2), |out| {
                    nested(out, SEQUENCE, |out| extension::write(out, oid::OCSP_NONCE, false, &value));
                });
            }
        });
    })
}
