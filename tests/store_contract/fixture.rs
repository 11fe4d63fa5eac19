//! Records with nothing special about them, and everything a store can be asked.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use jitsuin::{
    audit::{AuditEntry, Draft},
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{
        AccessListRecord, AnswerRecord, ApplicationNumber, ApplicationRecord, AuthorityRecord, CardNumber, CardRecord,
        CertificateRecord, CertificateStub, Change, ConsentRecord, CredentialRecord, CrlRecord, DisclosureRecord,
        Dossier, EndingCount, EndingRecord, EventNumber, ExceptionRecord, Follower, History, HolderRecord,
        HolderReference, ListedEvent, LostCertificate, NoticeRecord, RegisterEntry, RegisterTextRecord,
        RelyingPartyRecord, Revocation, Role, SignedDeclaration, StatusEvent, Step, Store, StoreError, UsageRecord,
        store::StateCount, written,
    },
    rules::{
        Cause, CertificateState, ConsentScope, Day, DraftNumber, Purpose, Query, Terms, application::ApplicationState,
    },
    scope::CrlScope,
    x509::{RevocationReason, Serial, UnixTime, crl::CrlEntry},
};
use time::macros::date;

pub(crate) fn at(second: i64) -> UnixTime {
    UnixTime::from_seconds(1_800_000_000 + second).unwrap()
}

pub(crate) fn suginami() -> MunicipalityCode {
    "13115".parse().unwrap()
}

pub(crate) fn itami() -> MunicipalityCode {
    "28207".parse().unwrap()
}

pub(crate) fn reference(number: u64) -> HolderReference {
    HolderReference::parse(format!("TEST-{number:06}")).unwrap()
}

pub(crate) fn card_number(number: u64) -> CardNumber {
    CardNumber::parse(format!("CARD-{number:06}")).unwrap()
}

/// Holder `number` as a new one.
pub(crate) fn holder(number: u64) -> HolderRecord {
    HolderRecord {
        reference: reference(number),
        municipality: suginami(),
        moving_to: None,
        birth: date!(1980 - 02 - 29),
        ward: false,
        registered: true,
        version: 0,
    }
}

/// Card `number` of holder `of`.
pub(crate) fn card(number: u64, of: u64) -> CardRecord {
    CardRecord {
        number: card_number(number),
        holder: reference(of),
        issue_day: date!(2026 - 01 - 15),
        application_day: date!(2025 - 12 - 01),
        last_day: date!(2036 - 02 - 28),
        void: false,
        face_authentication: false,
    }
}

/// Application `number` as a new one, at Suginami, of a holder whom nobody knows.
pub(crate) fn application(number: u8) -> ApplicationRecord {
    ApplicationRecord {
        number: ApplicationNumber([number; 16]),
        place: 0,
        municipality: suginami(),
        holder: reference(900 + u64::from(number)),
        card: card_number(900 + u64::from(number)),
        asked: format!("{{\"asked\":{number}}}"),
        received: at(number.into()),
        state: ApplicationState::Received,
        changed: at(number.into()),
        due: None,
        inquiry: None,
        defect: None,
        rule: None,
        issuing: None,
        version: 0,
    }
}

/// A reservation on card `of` of holder `of`; key and serial follow from kind and index.
pub(crate) fn reservation(kind: Kind, index: u64, of: u64) -> CertificateRecord {
    let mut key_digest = [kind.id(); 32];
    key_digest[..8].copy_from_slice(&index.to_be_bytes());
    // Neither in order of the index nor all of one length.
    let scrambled = (index.wrapping_mul(0x9E37_79B9) & 0xFFFF_FFFF) as u32;
    let octets = [&[0x7F - kind.id()][..], &scrambled.to_be_bytes(), &index.to_be_bytes()].concat();
    let serial = Serial::from_octets(&octets[usize::from(index % 3 == 1)..]);
    CertificateRecord {
        kind,
        generation: 1,
        index,
        serial: serial.unwrap_or_else(|_| Serial::from_octets(&octets).unwrap()),
        holder: reference(of),
        card: card_number(of),
        municipality: suginami(),
        not_before: at(0),
        not_after: at(1_000_000),
        state: CertificateState::Reserved,
        revocation: None,
        pair: None,
        predecessor: None,
        successor: None,
        key_digest,
        tbs: format!("tbs {kind} {index}").into_bytes(),
        certificate: None,
    }
}

pub(crate) fn reserve(record: CertificateRecord) -> Step {
    Step::Reserve(Box::new(record))
}

/// A certificate that a restore lost, and others know.
pub(crate) fn lost(kind: Kind, index: u64, state: CertificateState) -> Step {
    let one = reservation(kind, index, 1);
    let reason = match state {
        CertificateState::Held => RevocationReason::CertificateHold,
        _ => RevocationReason::KeyCompromise,
    };
    let of = (kind, one.generation, index);
    let stub = CertificateStub::of_lost(of, one.serial, one.municipality, (at(0), at(1_000_000)), state);
    Step::Lost(Box::new(LostCertificate { stub, revocation: revocation(reason) }))
}

pub(crate) fn issue(kind: Kind, index: u64) -> Step {
    Step::Issue { kind, index, certificate: format!("certificate {kind} {index}").into_bytes() }
}

pub(crate) fn status(kind: Kind, index: u64, from: CertificateState, to: CertificateState) -> Step {
    let revocation = match to {
        CertificateState::Held => Some(revocation(RevocationReason::CertificateHold)),
        CertificateState::Revoked => Some(revocation(RevocationReason::KeyCompromise)),
        _ => None,
    };
    Step::Status { kind, index, from, to, revocation }
}

pub(crate) fn revocation(reason: RevocationReason) -> Revocation {
    Revocation { revocation_date: at(10), reason, invalidity_date: Some(at(5)), cause: Cause::KeyCompromise }
}

pub(crate) fn crl(scope: CrlScope, number: u64) -> CrlRecord {
    CrlRecord {
        kind: Kind::Sign,
        generation: 1,
        scope,
        number,
        this_update: at(0),
        next_update: at(86_400),
        position: 0,
        entries: 0,
        der: format!("list {number}").into_bytes().into(),
    }
}

pub(crate) fn authority(kind: Kind, generation: u8) -> AuthorityRecord {
    AuthorityRecord { first_index: 999, ..AuthorityRecord::new(kind, generation, vec![generation; 8]) }
}

pub(crate) fn credential(octet: u8, name: &str) -> CredentialRecord {
    CredentialRecord {
        fingerprint: [octet; 32],
        role: Role::RelyingParty,
        name: name.into(),
        municipality: None,
        active: true,
        revocation: None,
        certificate: vec![octet],
    }
}

/// A list of the access CA behind that of number `after`.
pub(crate) fn access_list(after: u64, number: u64) -> Step {
    let der = format!("access list {number}").into_bytes();
    let record = AccessListRecord { number, this_update: at(0), next_update: at(86_400), entries: 1, der };
    Step::AccessList { after, record }
}

pub(crate) fn answer(client: &str, key: &str, outcome: &[u8]) -> AnswerRecord {
    AnswerRecord { client: client.into(), key: key.into(), digest: [7; 32], outcome: outcome.to_vec() }
}

/// Consent `number` of holder `of`, to everything.
pub(crate) fn consent(number: u8, of: u64, party: &str) -> ConsentRecord {
    ConsentRecord {
        number: DraftNumber([number; 16]),
        holder: reference(of),
        party: party.into(),
        scopes: ConsentScope::ALL.to_vec(),
        serial: reservation(Kind::Sign, 1, of).serial,
        given: at(0),
        ends: at(1_000_000),
        declaration: signed(number),
        ended: None,
    }
}

pub(crate) fn signed(octet: u8) -> SignedDeclaration {
    SignedDeclaration { digest: [octet; 32], message: vec![octet; 3] }
}

/// A party with that quota, as a new one.
pub(crate) fn party(name: &str, daily_quota: u32) -> RelyingPartyRecord {
    RelyingPartyRecord {
        name: name.into(),
        title: "電子申告 e-filing".into(),
        terms: Terms {
            purposes: BTreeSet::from(Purpose::ALL),
            queries: BTreeSet::from([Query::Status, Query::Pair]),
            daily_quota,
            recognised_until: date!(2027 - 12 - 31),
        },
        suspended: None,
        version: 0,
    }
}

/// A look-up of the authentication certificate `of.0` of holder `of.1`.
pub(crate) fn disclosure(party: &str, of: Option<(u64, u64)>, second: i64, version: u64) -> Step {
    disclosure_of(Query::Status, party, of, second, version)
}

pub(crate) fn disclosure_of(query: Query, party: &str, of: Option<(u64, u64)>, second: i64, version: u64) -> Step {
    let withheld = of.is_none().then(|| "T-09".to_owned());
    let of = of.map(|(index, holder)| (index, reference(holder)));
    let record =
        DisclosureRecord { number: 99, at: at(second), party: party.into(), query, kind: Kind::Auth, of, withheld };
    Step::Disclosure { record, version }
}

pub(crate) fn usage_record(party: &str, day: Day, query: Query, answered: u64, refused: u64) -> UsageRecord {
    UsageRecord { party: party.into(), day, query, answered, refused }
}

/// A change at second 0.
pub(crate) fn change(steps: Vec<Step>) -> Change {
    change_at(0, steps)
}

pub(crate) fn change_at(second: i64, steps: Vec<Step>) -> Change {
    let word = str::to_owned;
    let audit =
        Draft { at: at(second), actor: word("system"), action: word("test"), subject: word("x"), detail: word("{}") };
    Change { steps, audit }
}

pub(crate) fn commit(store: &dyn Store, steps: Vec<Step>) -> Result<(), StoreError> {
    store.commit(change(steps))
}

/// Holder and card of that number.
pub(crate) fn enrol(store: &dyn Store, number: u64) {
    commit(store, vec![Step::Holder(holder(number)), Step::Card(card(number, number))]).unwrap();
}

/// An event of the register about holder `of`.
pub(crate) fn register_entry(of: u64, number: Option<&str>) -> RegisterEntry {
    RegisterEntry {
        id: 0,
        holder: reference(of),
        municipality: suginami(),
        number: number.map(|number| EventNumber::parse(number).unwrap()),
        day: date!(2028 - 02 - 29),
        said: "{}".into(),
    }
}

/// A notice to holder `of`.
pub(crate) fn notice(of: u64) -> NoticeRecord {
    NoticeRecord {
        number: 0,
        at: at(10),
        municipality: suginami(),
        holder: reference(of),
        cause: Cause::MoveInMissed,
        event_day: Some(date!(2028 - 02 - 29)),
        sign: None,
        auth: Some(reservation(Kind::Auth, 0, of).serial),
        sent: None,
    }
}

/// A live certificate for an enrolled holder.
pub(crate) fn live(store: &dyn Store, kind: Kind, index: u64, of: u64) {
    commit(store, vec![reserve(reservation(kind, index, of))]).unwrap();
    commit(store, vec![issue(kind, index)]).unwrap();
}

/// The state of a certificate in the store.
pub(crate) fn state_of(store: &dyn Store, kind: Kind, index: u64, of: u64) -> CertificateState {
    one(store, kind, index, of).state
}

pub(crate) fn one(store: &dyn Store, kind: Kind, index: u64, of: u64) -> CertificateRecord {
    let certificates = store.dossier(&reference(of)).unwrap().unwrap().certificates;
    certificates.into_iter().find(|one| one.kind == kind && one.index == index).unwrap()
}

/// A follower that keeps what it gets.
#[derive(Default)]
pub(crate) struct Log(Mutex<Vec<StatusEvent>>);

impl Log {
    pub(crate) fn following(store: &dyn Store, after: u64) -> Arc<Self> {
        let log = Arc::new(Self::default());
        store.follow(after, log.clone()).unwrap();
        log
    }

    pub(crate) fn events(&self) -> Vec<StatusEvent> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn positions(&self) -> Vec<u64> {
        self.events().iter().map(|event| event.position).collect()
    }
}

impl Follower for Log {
    fn apply(&self, events: &[StatusEvent]) {
        self.0.lock().unwrap().extend_from_slice(events);
    }
}

/// Everything a store can be asked about the first holders, cards, certificates, answers and credentials.
#[derive(Debug, PartialEq)]
pub(crate) struct Everything {
    dossiers: Vec<Option<Dossier>>,
    holders_of_cards: Vec<Option<HolderReference>>,
    by_serial: Vec<Option<CertificateRecord>>,
    by_index: Vec<(Vec<CertificateRecord>, u64)>,
    reserved: Vec<CertificateRecord>,
    answers: Vec<Option<AnswerRecord>>,
    lists: Vec<(Vec<CrlEntry>, u64)>,
    crls: Vec<CrlRecord>,
    crls_by_number: Vec<Option<CrlRecord>>,
    listed_events: Vec<ListedEvent>,
    authorities: Vec<AuthorityRecord>,
    municipalities: Vec<MunicipalityCode>,
    credentials: Vec<CredentialRecord>,
    by_fingerprint: Vec<Option<CredentialRecord>>,
    access_list: Option<AccessListRecord>,
    consents: Vec<ConsentRecord>,
    register: Vec<(Vec<RegisterEntry>, Option<Day>)>,
    deadlines: Vec<HolderReference>,
    waiting: [Vec<NoticeRecord>; 2],
    notices: Vec<Option<NoticeRecord>>,
    endings: [(Vec<EndingRecord>, Vec<EndingCount>); 2],
    histories: Vec<Option<History>>,
    applications: Vec<Option<ApplicationRecord>>,
    texts: Vec<Option<RegisterTextRecord>>,
    exceptions: Vec<Option<ExceptionRecord>>,
    parties: Vec<RelyingPartyRecord>,
    disclosures: Vec<Vec<DisclosureRecord>>,
    usage: Vec<UsageRecord>,
    counts: Vec<StateCount>,
    pub(crate) audit: Vec<AuditEntry>,
    pub(crate) events: Vec<StatusEvent>,
}

/// Holders, cards, certificates, … of which [`everything`] asks.
pub(crate) const FIRST: u64 = 12;

/// An entry with the keys of what it wrote: blinds are random, so contents and seals differ from store to store.
fn unblinded(entry: AuditEntry) -> AuditEntry {
    let keys = |octets: Vec<u8>| {
        let items = written::items(&octets).map(|item| item.unwrap());
        items.flat_map(|item| [&[item.facet as u8], item.key, &[u8::from(item.content.is_empty())]].concat()).collect()
    };
    AuditEntry { written: entry.written.map(keys), seal: [0; 32], ..entry }
}

pub(crate) fn everything(store: &dyn Store) -> Everything {
    let both = |index| Kind::BOTH.map(|kind| (kind, index));
    let scopes =
        [CrlScope::Full, CrlScope::Municipality(suginami()), CrlScope::Municipality(itami()), CrlScope::Authorities];
    let lists = Kind::BOTH.into_iter().flat_map(|kind| [1, 2].into_iter().map(move |generation| (kind, generation)));
    Everything {
        dossiers: (0..FIRST).map(|number| store.dossier(&reference(number)).unwrap()).collect(),
        holders_of_cards: (0..FIRST).map(|number| store.holder_of_card(&card_number(number)).unwrap()).collect(),
        by_serial: (0..4 * FIRST)
            .flat_map(both)
            .map(|(kind, index)| store.certificate(kind, &reservation(kind, index, 0).serial).unwrap())
            .collect(),
        by_index: Kind::BOTH.map(|kind| store.certificates(kind, 1, 2 * FIRST as usize).unwrap()).into(),
        reserved: store.reserved().unwrap(),
        answers: (0..FIRST).map(|number| store.answer("client", &format!("key-{number}")).unwrap()).collect(),
        lists: lists
            .flat_map(|list| scopes.map(|scope| (list, scope)))
            .flat_map(|(list, scope)| [at(0), at(1_000_000), at(1_000_001)].map(|bound| (list, scope, bound)))
            .map(|((kind, generation), scope, bound)| store.revoked(kind, generation, scope, bound).unwrap())
            .collect(),
        crls: store.newest_crls().unwrap(),
        crls_by_number: (0..FIRST)
            .flat_map(|number| [CrlScope::Full, CrlScope::FullDelta].map(|scope| (scope, number)))
            .flat_map(|(scope, number)| {
                [store.crl(Kind::Sign, 1, scope, number), store.crl_before(Kind::Sign, 1, scope, number)]
            })
            .map(Result::unwrap)
            .collect(),
        listed_events: store.listed_events(0, usize::MAX).unwrap(),
        authorities: store.authorities().unwrap(),
        municipalities: store.municipalities().unwrap(),
        credentials: store.credentials().unwrap(),
        by_fingerprint: (0..FIRST).map(|number| store.credential(&[number as u8; 32]).unwrap()).collect(),
        access_list: store.access_list().unwrap(),
        consents: (0..FIRST).flat_map(|number| store.consents(&reference(number)).unwrap()).collect(),
        register: (0..FIRST)
            .map(|number| {
                let (register, holder) = (store.register(), reference(number));
                (register.register_entries(&holder).unwrap(), register.deadline(&holder).unwrap())
            })
            .collect(),
        deadlines: store.register().deadlines(Day::MAX, 999).unwrap(),
        waiting: [suginami(), itami()].map(|place| store.register().notices(place, 0, 999).unwrap()),
        notices: (0..FIRST).map(|number| store.register().notice(number).unwrap()).collect(),
        endings: [suginami(), itami()].map(|place| {
            let (register, always) = (store.register(), (UnixTime::EPOCH, at(1_000_000_000)));
            (register.endings(place, always, None, 999).unwrap(), register.ending_counts(place, always).unwrap())
        }),
        texts: (0..FIRST).map(|index| store.register_text(index).unwrap()).collect(),
        exceptions: (0..FIRST).map(|number| store.exception(&[number as u8; 32]).unwrap()).collect(),
        histories: (0..FIRST)
            .flat_map(both)
            .map(|(kind, index)| store.history(kind, &reservation(kind, index, 0).serial).unwrap())
            .collect(),
        applications: (0..FIRST)
            .map(|number| store.applications().application(&ApplicationNumber([number as u8; 16])).unwrap())
            .collect(),
        parties: store.relying_parties().unwrap(),
        disclosures: (0..FIRST).map(|number| store.disclosures(&reference(number), u64::MAX, 999).unwrap()).collect(),
        usage: store.usage(None, date!(2026 - 01 - 01), date!(2030 - 01 - 01)).unwrap(),
        counts: store.counts().unwrap(),
        audit: store.audit_after(0, usize::MAX).unwrap().into_iter().map(unblinded).collect(),
        events: Log::following(store, 0).events(),
    }
}
