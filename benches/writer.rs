//! Issuing and revoking many at a time, beside what the hardware and the bare store do: `cargo bench --bench writer`.
//!
//! | measure | limit, of the same run |
//! |---|---|
//! | pairs issued, durable, from many threads | the signatures and verifications of a pair, on every core |
//! | revocations by file, loads side by side | the same changes, decided beforehand, committed in the same loads |

#![expect(clippy::unwrap_used, reason = "a measurement that fails has no figure")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Instant,
};

use jitsuin::{
    audit::Draft,
    authority::{bulk::RevocationLine, enrol::Enrolment},
    kind::Kind,
    limits::{BULK_LINES, BULK_REVOCATIONS_AT_ONCE, STORIES_IN_FLIGHT},
    ports::{Change, Dossier, Revocation, Signer, Step},
    profile::Variant,
    rules::{Asked, Cause, CertificateState, Policy},
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    store::SqliteStore,
    x509::{CertificationRequest, RevocationReason},
};

#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the crates")]
#[allow(dead_code, reason = "each crate uses its part of the house")]
#[path = "../tests/stories/house.rs"]
mod house;

use house::{House, Person, SUGINAMI, at, municipality, once, operator};

fn open(directory: &std::path::Path, name: &str) -> House {
    let key = |_| SoftwareSigner::new(&PrivateKey::generate(KeyKind::Rsa2048).unwrap()).unwrap();
    let plan = house::Plan {
        variant: Variant::Open,
        validity: (at("2019-01-01T00:00:00Z"), at("2059-01-01T00:00:00Z")),
        key: &key,
    };
    let store = Arc::new(SqliteStore::open(&directory.join(name)).unwrap());
    House::build(store, Policy::default(), &plan)
}

/// Runs `work` for each number below `count`, on so many threads; how many a second.
fn rate(count: usize, threads: usize, work: impl Fn(usize) + Sync) -> f64 {
    let (next, began) = (AtomicUsize::new(0), Instant::now());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Relaxed);
                    if number >= count {
                        return;
                    }
                    work(number);
                }
            });
        }
    });
    count as f64 / began.elapsed().as_secs_f64()
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn tell(name: &str, ours: f64, limit: f64, goal: f64) {
    println!("bench {name} ours={ours:.0}/s limit={limit:.0}/s ratio={:.2} goal={goal}", ours / limit);
}

fn people(count: usize, word: &str) -> (Vec<Person>, Vec<Enrolment>) {
    let people: Vec<_> = (0..count).map(|number| Person::new(&format!("{word}-{number}"))).collect();
    let enrolments = people.iter().map(|person| person.enrolment(&Kind::BOTH)).collect();
    (people, enrolments)
}

/// What a pair costs in keys alone: two proofs of possession and two signatures.
fn keys_alone(enrolment: &Enrolment) -> f64 {
    let signer = SoftwareSigner::new(&PrivateKey::generate(KeyKind::Rsa2048).unwrap()).unwrap();
    let requests = Kind::BOTH.map(|kind| enrolment.requests.of(kind).unwrap().0.clone());
    rate(1000, cores(), |_| {
        for request in &requests {
            CertificationRequest::from_der(request).unwrap().verify().unwrap();
            signer.sign(&[0x30; 1200]).unwrap();
        }
    })
}

fn issue(house: &House, enrolments: &[Enrolment], threads: usize) -> f64 {
    rate(enrolments.len(), threads, |number| {
        let once = once(&format!("{threads}-{number}"));
        house.authority.issue(&municipality(SUGINAMI), &once, Asked::New, &enrolments[number]).unwrap();
    })
}

/// The change that a revocation by file is.
fn change(dossier: &Dossier, number: usize, now: jitsuin::x509::UnixTime) -> Change {
    let mut steps: Vec<Step> = dossier
        .certificates
        .iter()
        .map(|one| Step::Status {
            kind: one.kind,
            index: one.index,
            from: CertificateState::Live,
            to: CertificateState::Revoked,
            revocation: Some(Revocation {
                revocation_date: now,
                reason: RevocationReason::CessationOfOperation,
                invalidity_date: None,
                cause: Cause::CardReturned,
            }),
        })
        .collect();
    steps.push(Step::Holder(dossier.holder.clone()));
    let mut card = dossier.cards[0].clone();
    card.void = true;
    steps.push(Step::Card(card));
    steps.push(Step::Answer(jitsuin::ports::AnswerRecord {
        client: "operator-1".into(),
        key: format!("bare {number}"),
        digest: [0; 32],
        outcome: vec![b'x'; 400],
    }));
    let word = str::to_owned;
    let audit = Draft {
        at: now,
        actor: word("operator/operator-1"),
        action: word("certificate.revoked"),
        subject: format!("card/{}", dossier.cards[0].number),
        detail: "x".repeat(400),
    };
    Change { steps, audit }
}

fn main() {
    let count = std::env::var("PAIRS").ok().and_then(|count| count.parse().ok()).unwrap_or(8000);
    let directory = tempfile::TempDir::new().unwrap();
    let house = open(directory.path(), "one.db");
    let (first, enrolments) = people(count, "A");
    let limit = keys_alone(&enrolments[0]);
    let ours = issue(&house, &enrolments, STORIES_IN_FLIGHT);
    tell("issue-pair", ours, limit.max(keys_alone(&enrolments[0])), 0.9);
    println!("  alone, one after the other: {:.0}/s", issue(&house, &people(300, "B").1, 1));

    let half = count / 2;
    let dossiers: Vec<Dossier> = first[..half].iter().map(|person| house.dossier(person)).collect();
    let now = house.now();
    let loads: Vec<Vec<Change>> = (0..half)
        .step_by(BULK_LINES)
        .map(|from| (from..half.min(from + BULK_LINES)).map(|number| change(&dossiers[number], number, now)).collect())
        .collect();
    let bare = rate(loads.len(), BULK_REVOCATIONS_AT_ONCE, |load| {
        assert!(house.store.commit_each(loads[load].clone()).unwrap().iter().all(Result::is_ok));
    }) * half as f64
        / loads.len() as f64;
    let lines: Vec<RevocationLine> = (half..count)
        .map(|number| (once(&format!("file {number}")), Ok(first[number].revocation(Cause::CardReturned, None))))
        .collect();
    let loads: Vec<&[RevocationLine]> = lines.chunks(BULK_LINES).collect();
    let ours = rate(loads.len(), BULK_REVOCATIONS_AT_ONCE, |load| {
        house.authority.revoke_each(&operator(), loads[load]).unwrap();
    }) * lines.len() as f64
        / loads.len() as f64;
    tell("mass-revocation", ours, bare, 0.5);
    println!("  each ends two certificates: {:.0} status events a second", 2.0 * ours);
}
