use std::sync::{Arc, Mutex};

use time::macros::date;

use super::*;
use crate::{
    kind::Kind,
    ports::{
        AnswerRecord, ApplicationNumber, CardNumber, CardRecord, CertificateRecord, CertificateStub, HolderRecord,
        RetainedApplication,
    },
    rules::DraftNumber,
    store::{Fault, MemoryStore},
    x509::Serial,
};

const TODAY: Day = date!(2045 - 06 - 01);

fn at(day: Day) -> UnixTime {
    last_instant(day)
}

fn person(name: &str) -> HolderReference {
    HolderReference::parse(name).unwrap()
}

fn stub() -> CertificateStub {
    CertificateStub {
        kind: Kind::Sign,
        generation: 1,
        index: 0,
        serial: Serial::from_octets(&[1]).unwrap(),
        municipality: "13115".parse().unwrap(),
        not_before: at(date!(2026 - 02 - 01)),
        not_after: at(date!(2031 - 02 - 17)),
        state: Live,
        pair: None,
        predecessor: None,
        key_digest: [7; 32],
        digest: Some([8; 32]),
    }
}

fn kept() -> Retained {
    Retained {
        holder: person("TEST-1"),
        registered: Some(true),
        cards: vec![(CardNumber::parse("CARD-1").unwrap(), Some(date!(2036 - 02 - 17)))],
        certificates: vec![stub()],
        texts: vec![0],
        applications: Vec::new(),
        exceptions: Vec::new(),
        consents: Vec::new(),
        entries: Vec::new(),
        deadline: None,
        notices: Vec::new(),
        disclosures: Vec::new(),
    }
}

#[test]
fn a_person_is_due_when_everything_is_over_and_not_before() {
    let last = date!(2041 - 02 - 17);
    assert_eq!([last, date!(2041 - 02 - 18)].map(|day| is_due(&kept(), day)), [false, true]);
    assert!(is_due(&kept(), TODAY));
    let application = |received, has_ended| {
        vec![RetainedApplication { number: ApplicationNumber([1; 16]), place: 1, received: at(received), has_ended }]
    };
    let due = |change: fn(&mut Retained)| {
        let mut person = kept();
        change(&mut person);
        is_due(&person, TODAY)
    };
    assert!(!due(|one| one.certificates[0].state = Reserved), "it may yet be issued");
    assert!(due(|one| one.certificates[0].state = Held), "a hold ends with the validity");
    assert!(
        !due(|one| one.certificates[0].not_after = at(date!(2035 - 06 - 01))),
        "the tenth year has its last day today"
    );
    assert!(due(|one| one.certificates[0].not_after = at(date!(2035 - 05 - 31))));
    assert!(!due(|one| one.consents = vec![(DraftNumber([1; 16]), at(date!(2036 - 01 - 01)))]));
    assert!(!due(|one| one.notices = vec![(1, at(date!(2036 - 01 - 01)))]));
    assert!(!due(|one| one.entries = vec![(1, date!(2036 - 01 - 01))]));
    assert!(!due(|one| one.exceptions = vec![([1; 32], at(date!(2030 - 06 - 02)))]));
    assert!(
        due(|one| one.exceptions = vec![([1; 32], at(date!(2030 - 06 - 01)))]),
        "fifteen years from that day, which counts"
    );
    assert!(!due(|one| one.deadline = Some(TODAY)));
    assert!(due(|one| one.deadline = Some(date!(2045 - 05 - 31))));
    assert!(!due(|one| one.cards[0].1 = Some(TODAY)), "the card is valid today");
    assert!(due(|one| one.cards[0].1 = None), "a void card holds nothing");
    assert!(!due(|one| one.holder = HolderReference::own("canary").unwrap()));
    for (received, has_ended, is_over) in [
        (date!(2030 - 06 - 01), true, true),
        (date!(2030 - 06 - 02), true, false),
        (date!(2026 - 06 - 01), false, false),
    ] {
        let person = Retained { applications: application(received, has_ended), ..kept() };
        assert_eq!(is_due(&person, TODAY), is_over, "{received} {has_ended}");
    }
    let bare = Retained { certificates: Vec::new(), texts: Vec::new(), ..kept() };
    assert!(!is_due(&bare, TODAY), "who lives here may come tomorrow");
    assert!(is_due(&Retained { registered: Some(false), ..bare }, TODAY));
}

#[test]
fn answers_are_old_after_a_year_and_a_leap_day_is_no_exception() {
    for (day, first_kept) in [
        (date!(2027 - 03 - 01), date!(2026 - 03 - 01)),
        (date!(2028 - 02 - 29), date!(2027 - 02 - 28)),
        (date!(2028 - 03 - 01), date!(2027 - 03 - 01)),
        (date!(2029 - 02 - 28), date!(2028 - 02 - 28)),
        (date!(2029 - 03 - 01), date!(2028 - 03 - 01)),
    ] {
        let bound = answered_before(day);
        assert_eq!(day_of(bound), first_kept, "{day}");
        let before = first_kept.previous_day().unwrap();
        assert_eq!(bound.seconds(), last_instant(before).seconds() + 1);
        assert!(Term::Answer.is_over(before, day), "{day}");
    }
}

/// People whose terms are over, one whose are not, and answers; then something long after.
fn town(store: MemoryStore) -> MemoryStore {
    let began = at(date!(2026 - 02 - 01));
    let audit = |at| Draft { at, actor: "t".into(), action: "t".into(), subject: "t".into(), detail: "{}".into() };
    for number in 0..70_u8 {
        let (holder, card) =
            (person(&format!("TEST-{number:03}")), CardNumber::parse(format!("CARD-{number}")).unwrap());
        let not_after = at(if number == 7 { date!(2040 - 02 - 17) } else { date!(2031 - 02 - 17) });
        let certificate = CertificateRecord {
            kind: Kind::Sign,
            generation: 1,
            index: number.into(),
            serial: Serial::from_octets(&[1, number]).unwrap(),
            holder: holder.clone(),
            card: card.clone(),
            municipality: "13115".parse().unwrap(),
            not_before: began,
            not_after,
            state: Reserved,
            revocation: None,
            pair: None,
            predecessor: None,
            successor: None,
            key_digest: [number; 32],
            tbs: vec![1],
            certificate: None,
        };
        let steps = vec![
            Step::Holder(HolderRecord {
                reference: holder.clone(),
                municipality: "13115".parse().unwrap(),
                moving_to: None,
                birth: date!(1980 - 02 - 17),
                ward: false,
                registered: true,
                version: 0,
            }),
            Step::Card(CardRecord {
                number: card,
                holder,
                issue_day: date!(2026 - 02 - 01),
                application_day: date!(2026 - 02 - 01),
                last_day: date!(2036 - 02 - 17),
                void: false,
                face_authentication: false,
            }),
            Step::Reserve(Box::new(certificate)),
            Step::Issue { kind: Kind::Sign, index: number.into(), certificate: vec![number] },
            Step::Answer(AnswerRecord {
                client: "13115".into(),
                key: format!("key-{number}"),
                digest: [1; 32],
                outcome: vec![number],
            }),
        ];
        store.commit(Change { steps, audit: audit(began) }).unwrap();
    }
    store
}

#[test]
fn a_day_is_surveyed_as_it_is_erased_and_entries_count_and_name_nobody() {
    let store = town(MemoryStore::new());
    assert!(survey(&store, date!(2026 - 02 - 28)).unwrap().is_empty());
    let before = store.audit_after(0, 999).unwrap().len();
    let early = erase(&store, at(date!(2026 - 02 - 28)), date!(2026 - 02 - 28)).unwrap();
    assert!(early.is_empty() && store.audit_after(0, 999).unwrap().len() == before, "nothing due is no entry");
    let due = survey(&store, TODAY).unwrap();
    let rows: Vec<_> = due.rows.iter().map(|(table, count)| (*table, *count)).collect();
    assert_eq!(rows, [("answer", 70), ("card", 69), ("certificate", 69), ("holder", 69)]);
    assert_eq!((due.persons, due.oldest), (69, Some(date!(2041 - 02 - 17))));
    assert_eq!(erase(&store, at(TODAY), TODAY).unwrap(), due);
    assert!(survey(&store, TODAY).unwrap().is_empty());
    assert_eq!(store.retained(None, 99).unwrap().len(), 1);
    let entries = store.audit_after(before as u64, 999).unwrap();
    let told: Vec<_> =
        entries.iter().map(|entry| (entry.draft.action.as_str(), entry.draft.subject.as_str())).collect();
    let page = ("retention.erased", "retention/2045-06-01");
    assert_eq!(told, [("retention.begun", page.1), page, page, page]);
    let detail = |at: usize| entries[at].draft.detail.as_str();
    assert_eq!(detail(1), r#"{"persons":63,"rows":{"card":63,"certificate":63,"holder":63}}"#);
    assert!(
        entries.iter().all(|entry| !entry.draft.detail.contains("TEST-") && !entry.draft.subject.contains("TEST-"))
    );
    assert!(crate::audit::follow(&store.audit_after(0, 999).unwrap(), 0, crate::audit::GENESIS).is_ok());
}

#[test]
fn an_erasure_by_an_earlier_day_leaves_what_was_to_be_kept_then() {
    let store = town(MemoryStore::new());
    let erased = erase(&store, at(TODAY), date!(2041 - 02 - 17)).unwrap();
    assert_eq!((erased.persons, erased.rows.len()), (0, 1), "answers alone: {erased:?}");
    assert_eq!(erase(&store, at(TODAY), date!(2041 - 02 - 18)).unwrap().persons, 69);
}

#[test]
fn whichever_write_of_an_erasure_fails_it_is_told_and_goes_on_when_it_is_told_again() {
    let calm = town(MemoryStore::new());
    erase(&calm, at(TODAY), TODAY).unwrap();
    // The town is seventy writes; the entry, two pages of persons and one of answers follow.
    for (number, fault) in (71..=74).flat_map(|number| [(number, Fault::Lost), (number, Fault::Kept)]) {
        let met = Arc::new(Mutex::new(false));
        let seen = Arc::clone(&met);
        let store = town(MemoryStore::with_faults(move |write| {
            if write != number {
                return Fault::None;
            }
            *seen.lock().unwrap() = true;
            fault
        }));
        let first = erase(&store, at(TODAY), TODAY);
        assert!(matches!(first, Err(StoryError::Unavailable(_))), "{number} {fault:?}: {first:?}");
        assert!(*met.lock().unwrap());
        erase(&store, at(TODAY), TODAY).unwrap();
        assert_eq!(store.retained(None, 99).unwrap(), calm.retained(None, 99).unwrap(), "{number} {fault:?}");
        assert!(survey(&store, TODAY).unwrap().is_empty());
        let entries = store.audit_after(0, 999).unwrap();
        assert!(crate::audit::follow(&entries, 0, crate::audit::GENESIS).is_ok());
        let erased = entries.iter().filter(|entry| entry.draft.action == "retention.erased");
        let of = |entry: &crate::audit::AuditEntry| {
            let detail: serde_json::Value = serde_json::from_str(&entry.draft.detail).unwrap();
            detail["persons"].as_u64().unwrap()
        };
        assert_eq!(erased.map(of).sum::<u64>(), 69, "each is counted once: {number} {fault:?}");
    }
}
