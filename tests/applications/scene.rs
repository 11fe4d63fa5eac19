//! A town, a resident, and an application of theirs that can be brought to any state.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use jitsuin::{
    audit::AuditEntry,
    authority::{
        Once, StoryError,
        application::{Advanced, ApplicationRequest, EventRequest, Received},
        enrol::Enrolment,
        issue::Issuance,
    },
    kind::Kind,
    ports::{ApplicationNumber, ApplicationRecord, CertificateRecord},
    rules::{
        Asked, CertificateState,
        application::{ApplicationEvent as On, ApplicationState as At, ApplicationState::*},
    },
    store::{MemoryStore, SqliteStore},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::town::{ADDRESS, House, Person, SUGINAMI, municipality, once};

pub(crate) const AGENT: &str = "AGENT-7";

/// A store of each engine, with the directory that must outlive it.
pub(crate) fn engines() -> Vec<(Option<TempDir>, House)> {
    let room = TempDir::new().unwrap();
    let sqlite = SqliteStore::open(&room.path().join("jitsuin.db")).unwrap();
    vec![(None, House::on(Arc::new(MemoryStore::new()))), (Some(room), House::on(Arc::new(sqlite)))]
}

/// An Idempotency-Key that no test has used, also after a restart of the house.
pub(crate) fn fresh() -> Once {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    once(&format!("fresh-{}", NEXT.fetch_add(1, Ordering::SeqCst)))
}

/// The application of a resident for both kinds, by an agent: two visits, but for what `change` makes of it.
pub(crate) fn asked(person: &Person, change: &Value) -> ApplicationRequest {
    let mut request = json!({
        "procedure": "new-issue", "applicant": "agent", "agent": AGENT,
        "holder": {"reference": person.reference, "birth": person.birth.to_string(), "ward": person.ward},
        "card": {"number": person.card, "issue_day": person.card_issue_day.to_string()},
        "kinds": ["sign", "auth"],
    });
    for (name, value) in change.as_object().unwrap() {
        request[name] = value.clone();
    }
    if let Some(last) = person.card_last_day {
        request["card"]["last_day"] = last.to_string().into();
    }
    if request["agent"].is_null() {
        request.as_object_mut().unwrap().remove("agent");
    }
    serde_json::from_value(request).unwrap()
}

/// By the holder in person: one visit.
pub(crate) fn in_person(procedure: &str) -> Value {
    json!({"procedure": procedure, "applicant": "holder", "agent": null})
}

/// The body that an event needs, and nothing wrong in it.
pub(crate) fn body(event: On) -> Value {
    let mut body = json!({ "event": event });
    match event {
        On::SendInquiry => body["inquiry"] = json!({"address": ADDRESS, "confirmed": true}),
        On::ReplyHandedIn => body["reply"] = reply(),
        On::DefectFound => body["defect"] = "no-pin".into(),
        On::Reject => body["rule"] = "E-03".into(),
        _ => {}
    }
    body
}

pub(crate) fn reply() -> Value {
    json!({"agent": AGENT, "sealed": true, "pin_fits": true, "facts_agree": true, "application_is_there": true})
}

pub(crate) fn event(body: &Value) -> EventRequest {
    serde_json::from_value(body.clone()).unwrap()
}

/// How each state is reached over two visits; `Issue` stands for the enrolment.
pub(crate) fn way(state: At) -> Vec<On> {
    let with = |state, event| [way(state), vec![event]].concat();
    match state {
        Received => Vec::new(),
        InquirySent => vec![On::SendInquiry],
        InquiryReturned => with(InquirySent, On::MailReturned),
        ReplyReceived => with(InquirySent, On::ReplyHandedIn),
        ReplyDefective => with(ReplyReceived, On::DefectFound),
        Verified => with(ReplyReceived, On::Verify),
        KeyGenerated => with(Verified, On::GenerateKey),
        SentToCa => with(KeyGenerated, On::Send),
        Issued => with(SentToCa, On::Issue),
        WrittenToCard => with(Issued, On::WriteToCard),
        Delivered => with(WrittenToCard, On::HandOver),
        Withdrawn => vec![On::Withdraw],
        Rejected => vec![On::Reject],
        Lapsed => with(InquiryReturned, On::Lapse),
        DiscardedBeforeDelivery => with(Issued, On::WriteFailed),
    }
}

/// A resident and their application.
pub(crate) struct Case {
    pub(crate) person: Person,
    pub(crate) number: ApplicationNumber,
    pub(crate) enrolment: Enrolment,
    pub(crate) asked: Asked,
}

impl Case {
    pub(crate) fn new(person: Person, received: &Received, kinds: &[Kind]) -> Self {
        let number = received.application;
        let enrolment = Enrolment { application: Some(number), ..person.enrolment(kinds) };
        Self { person, number, enrolment, asked: Asked::New }
    }
}

pub(crate) fn receive(house: &House, person: &Person, change: &Value) -> Result<Received, StoryError> {
    house.authority.receive(&municipality(SUGINAMI), &fresh(), &asked(person, change))
}

pub(crate) fn advance(house: &House, case: &Case, body: &Value) -> Result<Advanced, StoryError> {
    house.authority.advance(&municipality(SUGINAMI), &fresh(), &case.number, &event(body))
}

pub(crate) fn issue(house: &House, case: &Case, once: &Once) -> Result<Issuance, StoryError> {
    house.authority.issue(&municipality(SUGINAMI), once, case.asked, &case.enrolment)
}

/// Goes these steps, all of which must be possible.
pub(crate) fn go(house: &House, case: &Case, way: &[On]) {
    for event in way {
        match event {
            On::Issue => drop(issue(house, case, &fresh()).unwrap()),
            event => drop(advance(house, case, &body(*event)).unwrap()),
        }
    }
}

/// A new resident's application over two visits, brought to a state.
pub(crate) fn bring(house: &House, reference: &str, state: At) -> Case {
    let person = Person::new(reference);
    let received = receive(house, &person, &json!({})).unwrap();
    let case = Case::new(person, &received, &Kind::BOTH);
    go(house, &case, &way(state));
    assert_eq!(record(house, &case).state, state);
    case
}

pub(crate) fn record(house: &House, case: &Case) -> ApplicationRecord {
    house.store.applications().application(&case.number).unwrap().unwrap()
}

pub(crate) fn entries(house: &House) -> Vec<AuditEntry> {
    house.store.audit_after(0, usize::MAX).unwrap()
}

/// Entries that tell of an application's own steps.
pub(crate) fn steps_told(house: &House, case: &Case) -> Vec<String> {
    let subject = format!("application/{}", case.number);
    let own = entries(house).into_iter().filter(|entry| entry.draft.subject == subject);
    own.map(|entry| entry.draft.action).collect()
}

pub(crate) fn certificates(house: &House, person: &Person) -> Vec<CertificateRecord> {
    house.store.dossier(&person.holder()).unwrap().map(|dossier| dossier.certificates).unwrap_or_default()
}

/// What must hold of an application and its holder's certificates at any moment between two commits.
pub(crate) fn check_bound(house: &House, case: &Case) {
    let (record, certificates) = (record(house, case), certificates(house, &case.person));
    for kind in Kind::BOTH {
        let stands = |one: &&CertificateRecord| {
            one.kind == kind
                && matches!(one.state, CertificateState::Reserved | CertificateState::Live | CertificateState::Held)
        };
        assert!(certificates.iter().filter(stands).count() <= 1, "two of a kind: {record:?}");
    }
    let signed = certificates.iter().filter(|one| one.certificate.is_some()).count();
    let after = matches!(record.state, Issued | WrittenToCard | Delivered | DiscardedBeforeDelivery);
    assert_eq!(after, signed > 0, "{record:?} with {signed} certificates");
    assert!(signed <= 2, "{record:?} with {signed} certificates");
    let reserved = certificates.iter().any(|one| one.state == CertificateState::Reserved);
    assert!(!reserved || record.state == SentToCa, "{record:?}");
    house.check();
}
