use super::*;
use crate::{
    audit::Draft,
    kind::Kind,
    ports::{
        AuthorityRecord, CardNumber, CardRecord, CertificateRecord, Change, HolderRecord, HolderReference, Revocation,
        Step,
    },
    rules::{Cause, Day},
    store::MemoryStore,
};

const TOWNS: [&str; 3] = ["13101", "13102", "28207"];

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds as i64).unwrap()
}

fn town(number: u64) -> CrlScope {
    CrlScope::Municipality(TOWNS[number as usize % TOWNS.len()].parse().unwrap())
}

/// A certificate and its holder, in one of the towns in turn.
fn certificate(number: u64) -> Vec<Step> {
    let reference = HolderReference::parse(format!("TEST-{number}")).unwrap();
    let (card, municipality) =
        (CardNumber::parse(format!("CARD-{number}")).unwrap(), town(number).municipality().unwrap());
    let day = Day::MIN;
    let holder = HolderRecord {
        reference: reference.clone(),
        municipality,
        moving_to: None,
        birth: day,
        ward: false,
        registered: true,
        version: 0,
    };
    let record = CertificateRecord {
        kind: Kind::Auth,
        generation: 1,
        index: number,
        serial: Serial::from_octets(&[1, 255 - number as u8]).unwrap(),
        holder: reference.clone(),
        card: card.clone(),
        municipality,
        not_before: at(0),
        not_after: at(1_000_000 + number),
        state: CertificateState::Reserved,
        revocation: None,
        pair: None,
        predecessor: None,
        successor: None,
        key_digest: [number as u8; 32],
        tbs: vec![1],
        certificate: None,
    };
    let card = CardRecord {
        number: card,
        holder: reference,
        issue_day: day,
        application_day: day,
        last_day: day,
        void: false,
        face_authentication: false,
    };
    let issue = Step::Issue { kind: Kind::Auth, index: number, certificate: vec![2] };
    vec![Step::Holder(holder), Step::Card(card), Step::Reserve(Box::new(record)), issue]
}

fn turn(index: u64, from: CertificateState, to: CertificateState) -> Step {
    let reason = match to {
        CertificateState::Held => Some(RevocationReason::CertificateHold),
        CertificateState::Revoked => Some(RevocationReason::KeyCompromise),
        _ => None,
    };
    let revocation = reason.map(|reason| Revocation {
        revocation_date: at(1000 + index),
        reason,
        invalidity_date: None,
        cause: Cause::KeyCompromise,
    });
    Step::Status { kind: Kind::Auth, index, from, to, revocation }
}

/// Forty certificates: of four in turn one stays, one is revoked, one is held and released, one is held and revoked.
fn store() -> MemoryStore {
    use CertificateState::{Held, Live, Revoked};
    let store = MemoryStore::new();
    let commit = |steps| {
        let word = || "test".to_owned();
        let audit = Draft { at: at(1), actor: word(), action: word(), subject: word(), detail: word() };
        store.commit(Change { steps, audit }).unwrap();
    };
    let authority = AuthorityRecord::new(Kind::Auth, 1, vec![3]);
    commit(vec![Step::Authority(authority)]);
    commit(TOWNS.iter().map(|town| Step::Municipality(town.parse().unwrap())).collect());
    let indexes = store.allocate(Kind::Auth, 40).unwrap();
    indexes.clone().for_each(|number| commit(certificate(number)));
    for number in indexes {
        let turns = match number % 4 {
            0 => vec![],
            1 => vec![(Live, Revoked)],
            2 => vec![(Live, Held), (Held, Live)],
            _ => vec![(Live, Held), (Held, Revoked)],
        };
        turns.into_iter().for_each(|(from, to)| commit(vec![turn(number, from, to)]));
    }
    store
}

/// Every scope, and from where on its list looks.
fn scopes() -> Vec<(ListKey, u64)> {
    let key = |scope| (Kind::Auth, 1, scope);
    let mut scopes = vec![(key(CrlScope::Full), 0), (key(CrlScope::Authorities), 5)];
    scopes.extend((0..3).map(|number| (key(town(number)), 10 * number + 37)));
    scopes
}

const ALL: (u64, UnixTime) = (u64::MAX, UnixTime::EPOCH);

#[test]
fn rounds_of_any_size_say_of_every_scope_what_one_journal_says_of_all() {
    let store = store();
    let (whole, count) = Journal::read_within(&store, scopes(), usize::MAX).unwrap();
    assert_eq!(count, scopes().len());
    let last = whole.reached;
    let mut alone = 0;
    for most in [0, 1, 2, 5, 13, 20, 49, 50, 51, 1000] {
        let (scopes, mut told) = (scopes(), Vec::new());
        let mut rest = &scopes[..];
        while !rest.is_empty() {
            let (journal, count) = Journal::read_within(&store, rest.iter().copied(), most).unwrap();
            assert!(count > 0 && journal.rows.len() <= most, "{most}: {} rows for {count}", journal.rows.len());
            for (key, after) in &rest[..count] {
                let entries = if journal.speaks_for(*key) {
                    assert_eq!(journal.reached, last);
                    journal.entries(*key, ALL).copied().collect::<Vec<_>>()
                } else {
                    alone += 1;
                    let (mut entries, span) = (Vec::new(), (*after, last, UnixTime::EPOCH));
                    each_entry(&store, *key, span, &mut |entry| entries.push(*entry)).unwrap();
                    assert!(entries.len() > most, "it would have had room");
                    entries
                };
                told.push((*key, entries));
            }
            rest = &rest[count..];
        }
        let wanted = scopes.iter().map(|(key, _)| (*key, whole.entries(*key, ALL).copied().collect()));
        assert_eq!(told, wanted.collect::<Vec<_>>(), "{most}");
    }
    assert!(alone > 3, "hardly any scope was too long: {alone}");
}

#[test]
fn changes_beside_a_list_are_those_of_all_events_however_they_are_kept() {
    let store = store();
    let (journal, _) = Journal::read_within(&store, scopes(), usize::MAX).unwrap();
    for (key, after) in scopes() {
        let span = (after, journal.reached, at(1_000_009));
        let plain = changes(&store, key, span).unwrap();
        let same: Changes = journal.entries(key, (span.1, span.2)).copied().collect();
        assert_eq!(plain, same, "{key:?}");
        assert!(plain.values().all(|entry| entry.serial.octets()[1] <= 255 - 9), "what was over is not told");
    }
    let ends = last_ends(&store, 0).unwrap();
    assert_eq!(ends.get(&(Kind::Auth, 1, CrlScope::Full)), Some(&journal.reached), "the last is a revocation");
    assert_eq!(ends.len(), 1 + TOWNS.len());
}

#[test]
fn an_event_that_is_not_there_is_missed() {
    let (store, key) = (store(), (Kind::Auth, 1, CrlScope::Full));
    let (mut journal, _) = Journal::read(&store, [(key, 0)]).unwrap();
    let beyond = journal.reached + 1;
    let missing = |outcome: Result<(), StoryError>| matches!(outcome, Err(StoryError::Corrupt(_)));
    assert!(missing(journal.read_to(&store, beyond)));
    assert!(missing(each_entry(&store, key, (0, beyond, UnixTime::EPOCH), &mut |_| {})));
}
