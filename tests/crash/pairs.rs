//! Issuing, revoking and reporting on one person, with the write lost, or kept and yet reported as failed, and with signatures
//! that fail, alone and together with the write after them; publishing; a file of revocations; recovery itself.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use jitsuin::{
    audit::Draft,
    authority::{
        StoryError,
        change::{RegisterChange, RegisterEvent},
        hold::HoldRequest,
        issue::Issuance,
    },
    kind::Kind,
    ports::{Change, Step},
    rules::{Asked, Cause, CertificateState},
    store::{Fault, MemoryStore},
};

use crate::{
    house::{self, AWAY, House, ITAMI, Person, SUGINAMI, municipality, once, operator},
    invariants::check,
    table,
};

/// What befalls the n-th write from now on.
#[derive(Clone, Default)]
struct Weather {
    writes: Arc<AtomicU64>,
    lost_at: Arc<AtomicU64>,
    kept_at: Arc<AtomicU64>,
}

impl Weather {
    fn house(&self) -> House {
        let Self { writes, lost_at, kept_at } = self.clone();
        House::on(Arc::new(MemoryStore::with_faults(move |_| {
            let number = writes.fetch_add(1, SeqCst) + 1;
            match number {
                _ if number == lost_at.load(SeqCst) => Fault::Lost,
                _ if number == kept_at.load(SeqCst) => Fault::Kept,
                _ => Fault::None,
            }
        })))
    }

    /// From here on, writes are counted from 1.
    fn turn(&self, bad: Option<(u64, Fault)>) {
        self.writes.store(0, SeqCst);
        for (at, fault) in [(&self.lost_at, Fault::Lost), (&self.kept_at, Fault::Kept)] {
            at.store(bad.filter(|bad| bad.1 == fault).map_or(0, |bad| bad.0), SeqCst);
        }
    }
}

type Told = Result<Option<Issuance>, StoryError>;
pub(crate) type Story = Box<dyn Fn(&House) -> Told>;

/// Its name, what comes before it, and the story; all ask under one key.
pub(crate) type Row = (&'static str, fn(&House, &Person), fn(&Person) -> Story);

fn nothing(_: &House, _: &Person) {}

fn a_pair(house: &House, person: &Person) {
    house.pair(person);
    house.set_clock("2026-04-01T03:00:00Z");
}

fn a_pair_to_renew(house: &House, person: &Person) {
    house.pair(person);
    house.set_clock("2029-12-01T03:00:00Z");
}

fn a_held_pair(house: &House, person: &Person) {
    a_pair(house, person);
    house.hold(person).unwrap();
}

fn after_a_move(house: &House, person: &Person) {
    a_pair(house, person);
    house.change(person, RegisterEvent::Move).unwrap();
}

fn issue(person: &Person, asked: Asked, kinds: &[Kind]) -> Story {
    let enrolment = person.enrolment(kinds);
    Box::new(move |house| house.authority.issue(&municipality(SUGINAMI), &once("story"), asked, &enrolment).map(Some))
}

fn change(person: &Person, event: RegisterEvent) -> Story {
    let to = (event == RegisterEvent::MoveOut).then(|| ITAMI.parse().unwrap());
    let change = RegisterChange { to, ..person.change(event) };
    Box::new(move |house| house.authority.change(&municipality(SUGINAMI), &once("story"), &change).map(|_| None))
}

fn revoke(person: &Person, cause: Cause, kinds: Option<&[Kind]>) -> Story {
    let request = person.revocation(cause, kinds);
    Box::new(move |house| house.authority.revoke(&municipality(SUGINAMI), &once("story"), &request).map(|_| None))
}

pub(crate) const TABLE: &[Row] = &[
    ("a first pair", nothing, |person| issue(person, Asked::New, &Kind::BOTH)),
    ("AUTH alone", nothing, |person| issue(person, Asked::New, &[Kind::Auth])),
    ("a renewed pair", a_pair_to_renew, |person| issue(person, Asked::Renewal, &Kind::BOTH)),
    ("AUTH renewed alone", a_pair_to_renew, |person| issue(person, Asked::Renewal, &[Kind::Auth])),
    ("SIGN again after a move", after_a_move, |person| issue(person, Asked::New, &[Kind::Sign])),
    ("a held pair issued again on a new card", a_held_pair, |person| {
        issue(&person.clone().with_card("CARD-2", "2025-10-27"), Asked::New, &Kind::BOTH)
    }),
    ("an exchanged card", a_pair_to_renew, |person| {
        issue(&person.clone().with_card("CARD-2", "2029-12-01"), Asked::Renewal, &Kind::BOTH)
    }),
    ("an issue that is refused", a_pair, |person| issue(person, Asked::New, &Kind::BOTH)),
    ("a hold", a_pair, |person| {
        let request = HoldRequest { card: person.card() };
        Box::new(move |house| house.authority.hold(&operator(), &once("story"), &request).map(|_| None))
    }),
    ("a release", a_held_pair, |person| {
        let request = HoldRequest { card: person.card() };
        Box::new(move |house| house.authority.release(&municipality(SUGINAMI), &once("story"), &request).map(|_| None))
    }),
    ("a revocation", a_pair, |person| revoke(person, Cause::HolderApplication, Some(&[Kind::Sign]))),
    ("a returned card", a_pair, |person| revoke(person, Cause::CardReturned, None)),
    ("a move", a_pair, |person| change(person, RegisterEvent::Move)),
    ("a move announced", a_pair, |person| change(person, RegisterEvent::MoveOut)),
    ("a death", a_pair, |person| change(person, RegisterEvent::Death)),
];

/// The same for the table of all stories.
pub(crate) fn rows() -> Vec<table::Row> {
    let of = |name: &str| match name {
        "a hold" => "hold",
        "a release" => "release",
        "a revocation" | "a returned card" => "revoke",
        "a move" | "a move announced" | "a death" => "change",
        _ => "issue",
    };
    let row = |(name, before, story): &Row| {
        let (before, story) = (*before, *story);
        table::Row::new(name, of(name), move |house| {
            let person = Person::new("TEST-1");
            before(house, &person);
            let story = story(&person);
            Box::new(move |house| {
                let told = story(house)?;
                Ok(told.map_or_else(|| table::Told::Words(String::new()), table::Told::Pair))
            })
        })
    };
    TABLE.iter().map(row).collect()
}

/// Every answer that was given is kept: its certificates are there.
fn delivered(house: &House, told: &Told, case: &str) {
    if let Ok(Some(issuance)) = told {
        let issued = house.authority.issued(issuance).unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(issued.len(), issuance.certificates.len(), "{case}");
    }
}

#[test]
fn whichever_write_fails_the_repeated_request_ends_as_if_none_had() {
    for (name, before, story) in TABLE {
        let (weather, person) = (Weather::default(), Person::new("TEST-1"));
        let house = weather.house();
        before(&house, &person);
        weather.turn(None);
        let expected_told = story(&person)(&house);
        let writes = weather.writes.load(SeqCst);
        check(&house, name);
        let expected = house.shape(&person);
        assert!((1..=4).contains(&writes), "{name}: {writes} writes");

        for number in 1..=writes {
            for (fault, recover_first) in
                [(Fault::Lost, true), (Fault::Lost, false), (Fault::Kept, true), (Fault::Kept, false)]
            {
                let case = format!("{name}, write {number} {fault:?}, recovery first: {recover_first}");
                let weather = Weather::default();
                let house = weather.house();
                before(&house, &person);
                let story = story(&person);
                weather.turn(Some((number, fault)));
                let told = story(&house);
                assert!(matches!(told, Err(StoryError::Unavailable(_))), "{case}: {told:?}");
                if recover_first {
                    house.authority.recover(std::time::Duration::ZERO).unwrap();
                    check(&house, &case);
                }
                let again = story(&house);
                house.authority.recover(std::time::Duration::ZERO).unwrap();
                check(&house, &case);
                delivered(&house, &again, &case);
                assert_eq!(again.is_ok(), expected_told.is_ok(), "{case}: {again:?}");
                assert_eq!(house.shape(&person), expected, "{case}");
                assert_eq!(story(&house), again, "{case}: the answer changed");
            }
        }
    }
}

/// Takes the story's answer back, as if its Idempotency-Key had been another.
fn forget(house: &House) {
    let client = municipality(SUGINAMI).name().to_owned();
    let step = Step::Forget { client, key: "story".into() };
    let word = || String::from("test");
    let audit = Draft { at: house.now(), actor: word(), action: word(), subject: word(), detail: word() };
    house.store.commit(Change { steps: vec![step], audit }).unwrap();
}

#[test]
fn whichever_signature_fails_nothing_is_half() {
    for (name, before, story) in TABLE {
        for nth in [1, 2] {
            let case = format!("{name}, signature {nth}");
            let (house, person) = (House::new(), Person::new("TEST-1"));
            before(&house, &person);
            let standing = |house: &House| {
                let dossier = house.store.dossier(&person.holder()).unwrap();
                dossier.map(|dossier| Kind::BOTH.map(|kind| dossier.current(kind, house.now()).map(|one| one.serial)))
            };
            let stood = standing(&house);
            let (first, second) = (story(&person), story(&person));
            house.fuse.store(nth, SeqCst);
            let told = first(&house);
            let burnt = house.fuse.swap(0, SeqCst) == 0;
            check(&house, &case);
            if !burnt || !matches!(told, Err(StoryError::Fault(_))) {
                continue;
            }
            assert_eq!(standing(&house).unwrap_or_default(), stood.unwrap_or_default(), "{case}: something changed");
            // The keys are spent, so the same request is told to come back with new ones, whenever it asks.
            assert_eq!(house::rule(first(&house)), "R-29", "{case}");
            // The next try brings keys of its own, and stands here for one with another Idempotency-Key.
            forget(&house);
            let again = second(&house);
            delivered(&house, &again, &case);
            assert!(again.is_ok(), "{case}: {again:?}");
            check(&house, &case);

            house.authority.publish(&operator()).unwrap();
            let discarded = house.dossier(&person).certificates.into_iter().filter(|one| one.is_discarded());
            for one in discarded {
                let (entries, _) = house
                    .store
                    .revoked(one.kind, 1, jitsuin::scope::CrlScope::Full, jitsuin::x509::UnixTime::EPOCH)
                    .unwrap();
                let entry = entries.iter().find(|entry| entry.serial == one.serial);
                let reason = entry.map(|entry| entry.reason);
                assert_eq!(reason, Some(jitsuin::x509::RevocationReason::Unspecified), "{case}");
            }
        }
    }
}

/// The key is away from the first or the second signature on, so that a pair may be half signed; then it is back. The process
/// went on, or ended in between; and the write that records the signatures is made, lost, or made and reported as failed.
#[test]
fn whichever_signature_finds_the_key_away_the_same_request_issues_to_the_same_keys_when_it_is_back() {
    for (name, before, story) in TABLE {
        for nth in [1, 2] {
            for (dead, fault) in [false, true]
                .into_iter()
                .flat_map(|dead| [(dead, None), (dead, Some(Fault::Lost)), (dead, Some(Fault::Kept))])
            {
                let case = format!("{name}, away at signature {nth}, process ended: {dead}, record {fault:?}");
                let (weather, person) = (Weather::default(), Person::new("TEST-1"));
                let house = weather.house();
                before(&house, &person);
                let tell = story(&person);
                house.fuse.store(AWAY + nth, SeqCst);
                let told = tell(&house);
                if !matches!(told, Err(StoryError::Unavailable(_))) {
                    continue;
                }
                let left = house.dossier(&person).certificates;
                let reserved = || left.iter().filter(|one| one.state == CertificateState::Reserved);
                assert!(reserved().count() > 0, "{case}: {told:?}");
                house.check();
                // As long as it is away nobody gets anything, and nothing is given up.
                delivered_not(&house, &tell(&house), &case);
                assert!(house.authority.recover(std::time::Duration::ZERO).is_err(), "{case}");
                assert_eq!(house.dossier(&person).certificates, left, "{case}");

                house.fuse.store(0, SeqCst);
                weather.turn(fault.map(|fault| (1, fault)));
                // A start finishes what is left before the doors open; a process that went on does when it is asked.
                let finished = match dead {
                    true => house.authority.recover(std::time::Duration::ZERO).map(drop),
                    false => {
                        tell(&house).and_then(|told| told.map_or(Ok(()), |one| house.authority.issued(&one).map(drop)))
                    }
                };
                assert_eq!(finished.is_ok(), fault.is_none(), "{case}: {finished:?}");
                let again = tell(&house);
                delivered(&house, &again, &case);
                assert!(again.is_ok(), "{case}: {again:?}");
                let now = house.dossier(&person).certificates;
                for one in reserved() {
                    let same = now.iter().find(|other| (other.kind, other.serial) == (one.kind, one.serial)).unwrap();
                    let issued = (same.state, same.key_digest, same.certificate.is_some());
                    assert_eq!(issued, (CertificateState::Live, one.key_digest, true), "{case}");
                }
                assert_eq!(now.len(), left.len(), "{case}: nothing was made beside");
                check(&house, &case);
            }
        }
    }
}

/// Nobody gets what is reserved while the key is away.
fn delivered_not(house: &House, told: &Told, case: &str) {
    if let Ok(Some(issuance)) = told {
        let issued = house.authority.issued(issuance);
        assert!(matches!(issued, Err(StoryError::Unavailable(_))), "{case}: {issued:?}");
    }
}

#[test]
fn a_signature_and_the_write_after_it_may_both_fail() {
    for (name, before, story) in TABLE.iter().filter(|(name, ..)| !name.contains("refused")).take(7) {
        for (nth, fault) in [(1, Fault::Lost), (2, Fault::Lost), (1, Fault::Kept), (2, Fault::Kept)] {
            let case = format!("{name}, signature {nth}, discard {fault:?}");
            let (weather, person) = (Weather::default(), Person::new("TEST-1"));
            let house = weather.house();
            before(&house, &person);
            weather.turn(None);
            let first = story(&person);
            // The write that comes after the reservation: which one it is depends on the indexes at hand.
            let spare = weather.house();
            before(&spare, &person);
            weather.turn(None);
            story(&person)(&spare).unwrap();
            let last = weather.writes.load(SeqCst);
            weather.turn(Some((last, fault)));
            house.fuse.store(nth, SeqCst);
            let told = first(&house);
            let burnt = house.fuse.swap(0, SeqCst) == 0;
            assert!(told.is_err(), "{case}: {told:?}");
            house.authority.recover(std::time::Duration::ZERO).unwrap();
            check(&house, &case);
            let again = first(&house);
            delivered(&house, &again, &case);
            if burnt && fault == Fault::Kept {
                // Discarded after all; the keys of that try are spent.
                assert_eq!(house::rule(again), "R-29", "{case}");
            } else {
                assert!(again.is_ok(), "{case}: {again:?}");
            }
            check(&house, &case);
        }
    }
}

#[test]
fn whichever_write_of_publishing_fails_the_next_run_publishes_all() {
    let weather = Weather::default();
    let house = weather.house();
    let person = Person::new("TEST-1");
    a_held_pair(&house, &person);
    house.authority.publish(&operator()).unwrap();
    weather.turn(None);
    house.authority.publish(&operator()).unwrap();
    let writes = weather.writes.load(SeqCst);
    assert_eq!(writes, 14, "eight complete lists and six deltas");
    for number in 1..=writes {
        for fault in [Fault::Lost, Fault::Kept] {
            let case = format!("write {number} {fault:?}");
            weather.turn(Some((number, fault)));
            let told = house.authority.publish(&operator());
            match fault {
                Fault::Lost => assert!(matches!(told, Err(StoryError::Unavailable(_))), "{case}: {told:?}"),
                // It is found to be there.
                _ => assert_eq!(told.as_ref().map(Vec::len), Ok(14), "{case}: {told:?}"),
            }
            let published = house.authority.publish(&operator());
            assert_eq!(published.as_ref().map(Vec::len), Ok(14), "{case}: {published:?}");
            for record in house.store.newest_crls().unwrap() {
                let key = (record.kind, record.generation, record.scope);
                let served = house.authority.parts().lists.find(&key).unwrap();
                assert_eq!((served.number, &served.der), (record.number, &record.der), "{case}: {key:?}");
            }
            house.check();
        }
    }
}

#[test]
fn a_recovery_that_fails_itself_is_made_up_for_by_the_next() {
    for fault in [Fault::Lost, Fault::Kept] {
        let (weather, person) = (Weather::default(), Person::new("TEST-1"));
        let house = weather.house();
        let story = issue(&person, Asked::New, &Kind::BOTH);
        weather.turn(Some((4, Fault::Lost)));
        assert!(story(&house).is_err());
        assert_eq!(house.store.reserved().unwrap().len(), 2);
        assert_eq!(house.authority.recover(std::time::Duration::from_secs(60)), Ok(0), "not old enough");
        weather.turn(Some((1, fault)));
        assert!(matches!(house.authority.recover(std::time::Duration::ZERO), Err(StoryError::Unavailable(_))));
        house.authority.recover(std::time::Duration::ZERO).unwrap();
        check(&house, &format!("{fault:?}"));
        delivered(&house, &story(&house), "again");
    }
}

#[test]
fn a_recovery_whose_key_does_not_sign_discards_the_pair() {
    let (weather, person) = (Weather::default(), Person::new("TEST-1"));
    let house = weather.house();
    let story = issue(&person, Asked::New, &Kind::BOTH);
    weather.turn(Some((4, Fault::Lost)));
    assert!(story(&house).is_err());
    house.fuse.store(2, SeqCst);
    assert_eq!(house.authority.recover(std::time::Duration::ZERO), Ok(2));
    check(&house, "discarded");
    let issuance = story(&house).unwrap().unwrap();
    assert_eq!(house::rule(house.authority.issued(&issuance)), "R-29", "the first answer is kept, its end is told");
    let again = house.pair(&person);
    assert_eq!(house.authority.issued(&again).unwrap().len(), 2);
}

#[test]
fn an_event_between_reservation_and_record_ends_both_of_the_pair() {
    let (weather, person) = (Weather::default(), Person::new("TEST-1"));
    let house = weather.house();
    let story = issue(&person, Asked::New, &Kind::BOTH);
    weather.turn(Some((4, Fault::Lost)));
    assert!(story(&house).is_err());
    house.change(&person, RegisterEvent::Move).unwrap();
    house.authority.recover(std::time::Duration::ZERO).unwrap();
    check(&house, "moved");
    assert!(house.dossier(&person).certificates.iter().all(|one| one.is_discarded()));
    house.pair(&person);
}

#[test]
fn whichever_write_of_a_file_of_revocations_fails_each_line_is_done_once() {
    let people: Vec<Person> = (0..4).map(|number| Person::new(&format!("TEST-{number}"))).collect();
    let lines = || {
        let revoked = people.iter().map(|person| person.revocation(Cause::CardReturned, None));
        // The second line of the third person finds nothing that stands, and the first decides that.
        let again = people[2].revocation(Cause::HolderApplication, Some(&[Kind::Sign]));
        let unknown = Person::new("TEST-9").revocation(Cause::CardReturned, None);
        let requests: Vec<_> = revoked.chain([again, unknown]).map(Ok).collect();
        (1..).zip(requests).map(|(line, request)| (once(&format!("file {line}")), request)).collect::<Vec<_>>()
    };
    let house_of = |weather: &Weather| {
        let house = weather.house();
        people.iter().for_each(|person| a_pair(&house, person));
        weather.turn(None);
        house
    };
    let calm = Weather::default();
    let house = house_of(&calm);
    let expected = house.authority.revoke_each(&operator(), &lines()).unwrap();
    let (writes, entries) = (calm.writes.load(SeqCst), house.store.audit_after(0, usize::MAX).unwrap().len());
    assert_eq!(writes, 2, "one commit for all, and one for the line that an earlier one came before");
    for number in 1..=writes {
        for fault in [Fault::Lost, Fault::Kept] {
            let case = format!("write {number} {fault:?}");
            let weather = Weather::default();
            let house = house_of(&weather);
            weather.turn(Some((number, fault)));
            let told = house.authority.revoke_each(&operator(), &lines());
            assert!(matches!(told, Err(StoryError::Unavailable(_))), "{case}: {told:?}");
            // In other company: the sender goes on with other loads.
            let (first, rest) = (lines().split_off(3), lines());
            let mut again = house.authority.revoke_each(&operator(), &rest[..3]).unwrap();
            again.extend(house.authority.revoke_each(&operator(), &first).unwrap());
            assert_eq!(again, expected, "{case}");
            assert_eq!(house.store.audit_after(0, usize::MAX).unwrap().len(), entries, "{case}");
            check(&house, &case);
            assert!(people.iter().all(|person| house.state(person, Kind::Auth) == CertificateState::Revoked), "{case}");
        }
    }
}
