//! The state at T as known at K, for random histories, against a naive re-computation; and that what was settled stays.

use std::collections::BTreeMap;

use jitsuin::{
    audit::Draft,
    kind::Kind,
    ports::{
        CardNumber, CardRecord, CertificateRecord, Change, History, HolderRecord, HolderReference, Revocation, Step,
        Store,
    },
    revocation::state_at::{NotKnownYet, StateAt, StatusAt},
    rules::{AskedTimes, Cause, CertificateState, decide_moment},
    store::MemoryStore,
    x509::{RevocationReason, Serial, UnixTime},
};
use proptest::prelude::*;
use time::macros::date;

/// The first and the last second of the certificate, and the last that a test knows.
const NOT_BEFORE: i64 = 100;
const NOT_AFTER: i64 = 700;
const END: i64 = 1000;

fn at(second: i64) -> UnixTime {
    UnixTime::from_seconds(1_800_000_000 + second).unwrap()
}

fn second(instant: UnixTime) -> i64 {
    instant.seconds() - 1_800_000_000
}

/// What can happen to it.
#[derive(Clone, Copy, Debug)]
enum Act {
    Hold,
    Release,
    /// Because of something so many seconds before.
    Revoke(Option<i64>),
    /// Somewhere else in the service.
    Elsewhere,
}

/// What happens so many seconds after the last, by a clock that is so far behind.
type Happening = (i64, i64, Act);

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let act = prop_oneof![
        3 => Just(Act::Hold),
        3 => Just(Act::Release),
        1 => prop::option::of(0..300i64).prop_map(Act::Revoke),
        1 => Just(Act::Elsewhere),
    ];
    prop::collection::vec((prop_oneof![Just(0), 0..90i64], prop_oneof![Just(0), Just(60), 0..60i64], act), 0..12)
}

/// A store with one certificate, and what a bystander wrote down of it.
struct Scene {
    store: MemoryStore,
    clock: i64,
    last_entry: i64,
    state: CertificateState,
    held_since: i64,
    /// What happened: the state from then on, from when in law, known since when, doubt from.
    seen: Vec<(CertificateState, i64, i64, Option<i64>)>,
}

impl Scene {
    fn new() -> Self {
        let scene = Self {
            store: MemoryStore::new(),
            clock: NOT_BEFORE,
            last_entry: NOT_BEFORE + 3,
            state: CertificateState::Live,
            held_since: 0,
            seen: vec![(CertificateState::Live, NOT_BEFORE, NOT_BEFORE + 3, None)],
        };
        let holder = HolderReference::parse("TEST-1").unwrap();
        let card = CardNumber::parse("CARD-1").unwrap();
        scene.commit(
            NOT_BEFORE,
            vec![
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
                    number: card.clone(),
                    holder: holder.clone(),
                    issue_day: date!(2026 - 01 - 15),
                    application_day: date!(2026 - 01 - 15),
                    last_day: date!(2036 - 02 - 17),
                    void: false,
                    face_authentication: false,
                }),
                Step::Reserve(Box::new(CertificateRecord {
                    kind: Kind::Auth,
                    generation: 1,
                    index: 0,
                    serial: serial(),
                    holder,
                    card,
                    municipality: "13115".parse().unwrap(),
                    not_before: at(NOT_BEFORE),
                    not_after: at(NOT_AFTER),
                    state: CertificateState::Reserved,
                    revocation: None,
                    pair: None,
                    predecessor: None,
                    successor: None,
                    key_digest: [1; 32],
                    tbs: vec![1],
                    certificate: None,
                })),
            ],
        );
        scene.commit(NOT_BEFORE + 3, vec![Step::Issue { kind: Kind::Auth, index: 0, certificate: vec![1] }]);
        scene
    }

    fn commit(&self, second: i64, steps: Vec<Step>) {
        let word = str::to_owned;
        let audit =
            Draft { at: at(second), actor: word("x"), action: word("x"), subject: word("x"), detail: word("{}") };
        self.store.commit(Change { steps, audit }).unwrap();
    }

    /// Lets it happen, as the stories do, if it can.
    fn let_happen(&mut self, (later, behind, act): Happening) {
        use CertificateState::{Held, Live, Revoked};
        self.clock += later;
        let now = (self.clock - behind).max(self.last_entry - 60);
        let to = match (act, self.state) {
            (Act::Hold, Live) => Some(Held),
            (Act::Release, Held) => Some(Live),
            (Act::Revoke(_), Live | Held) => Some(Revoked),
            _ => None,
        };
        let recorded = self.last_entry.max(now);
        self.last_entry = recorded;
        let Some(to) = to else { return self.commit(now, Vec::new()) };
        let effective = match (self.state, to) {
            (Held, Revoked) => self.held_since,
            (_, Live) => recorded,
            _ => now,
        };
        let doubt = match act {
            Act::Revoke(Some(before)) => Some(effective - before),
            _ => None,
        };
        let revocation = (to != Live).then(|| Revocation {
            revocation_date: at(effective),
            reason: if to == Held { RevocationReason::CertificateHold } else { RevocationReason::KeyCompromise },
            invalidity_date: doubt.map(at),
            cause: Cause::KeyCompromise,
        });
        self.commit(now, vec![Step::Status { kind: Kind::Auth, index: 0, from: self.state, to, revocation }]);
        if to == Held {
            self.held_since = now;
        }
        self.state = to;
        self.seen.push((to, effective, recorded, doubt));
    }

    fn history(&self) -> History {
        self.store.history(Kind::Auth, &serial()).unwrap().unwrap()
    }

    /// The oracle: paints each second from an event's effect on, event after event. With it the effect of the last, and since
    /// when it leaves in doubt.
    fn painted(&self, k: Option<i64>) -> Option<Painted> {
        let known: Vec<_> = self.seen.iter().filter(|(_, _, recorded, _)| k.is_none_or(|k| *recorded <= k)).collect();
        let mut seconds = vec![StateAt::NotYetValid; usize::try_from(END).unwrap()];
        for (state, effective, ..) in &known {
            for (second, colour) in seconds.iter_mut().enumerate() {
                let second = i64::try_from(second).unwrap();
                if second < *effective || second < NOT_BEFORE {
                    continue;
                }
                *colour = match state {
                    CertificateState::Revoked => StateAt::Revoked,
                    _ if second > NOT_AFTER => StateAt::Expired,
                    CertificateState::Held => StateAt::Held,
                    _ => StateAt::Live,
                };
            }
        }
        let (_, effective, _, doubt) = known.last()?;
        Some(Painted { seconds, effective: *effective, doubt: *doubt })
    }
}

/// What is known, second by second.
struct Painted {
    seconds: Vec<StateAt>,
    effective: i64,
    doubt: Option<i64>,
}

impl Painted {
    /// Which colour T has, and since when it is in doubt.
    fn at(&self, t: i64) -> (StateAt, Option<i64>) {
        let doubt = self.doubt.filter(|from| *from <= t && t < self.effective);
        (self.seconds[usize::try_from(t).unwrap()], doubt)
    }
}

fn serial() -> Serial {
    Serial::from_octets(&[0x11; 17]).unwrap()
}

/// What is stated of T as known at K.
fn stated(history: &History, t: i64, k: Option<i64>, now: i64) -> Result<StatusAt, NotKnownYet> {
    let asked = AskedTimes { at: Some(at(t)), known_at: k.map(at) };
    StatusAt::of(history, decide_moment(asked, at(now)).unwrap(), at(now))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_state_is_what_a_naive_re_computation_finds(
        story in happenings(),
        questions in prop::collection::vec((0..END, prop::option::weighted(0.8, 0..END)), 20),
    ) {
        let mut scene = Scene::new();
        story.into_iter().for_each(|happening| scene.let_happen(happening));
        let history = scene.history();
        // Every instant at which something changed, and its neighbours, as T and as K.
        let edges: Vec<i64> = scene.seen.iter().flat_map(|(_, effective, recorded, _)| [*effective, *recorded])
            .chain([NOT_BEFORE, NOT_AFTER]).flat_map(|edge| [edge - 1, edge, edge + 1])
            .filter(|edge| (0..END).contains(edge)).collect();
        let crossed = edges.iter().flat_map(|t| edges.iter().map(|k| (*t, Some(*k))));
        let alone = edges.iter().map(|t| (*t, None));
        let mut paintings = BTreeMap::new();
        for (t, k) in questions.into_iter().chain(crossed).chain(alone) {
            let t = k.map_or(t, |k| t.min(k));
            let stated = stated(&history, t, k, 5000);
            let found = stated.as_ref().ok().map(|one| (one.state, one.doubtful_from.map(second)));
            let painted = paintings.entry(k).or_insert_with(|| scene.painted(k)).as_ref();
            prop_assert_eq!(found, painted.map(|painted| painted.at(t)), "T {} K {:?} {:?}", t, k, &scene.seen);
            let Ok(stated) = stated else { continue };
            prop_assert_eq!(stated.position.is_some(), k.is_none());
            prop_assert!(stated.events.iter().all(|event| k.is_none_or(|k| event.recorded <= at(k))));
        }
    }

    #[test]
    fn what_is_stated_as_known_at_a_settled_time_is_stated_the_same_ever_after(
        before in happenings(),
        after in happenings(),
        age in prop_oneof![Just(60), 60..400i64],
        reach in 0..400i64,
    ) {
        let mut scene = Scene::new();
        before.into_iter().for_each(|happening| scene.let_happen(happening));
        // The record of the question is an entry of now; the history is read after it.
        let now = scene.clock;
        scene.let_happen((0, 0, Act::Elsewhere));
        let k = now - age;
        let first = stated(&scene.history(), k - reach, Some(k), now);
        after.into_iter().for_each(|happening| scene.let_happen(happening));
        let again = stated(&scene.history(), k - reach, Some(k), scene.clock.max(now));
        prop_assert_eq!(first, again);
    }

    #[test]
    fn asked_of_now_nothing_that_is_recorded_is_left_out(story in happenings(), behind in 0..60i64) {
        let mut scene = Scene::new();
        story.into_iter().for_each(|happening| scene.let_happen(happening));
        // The clock of who asks may be a little behind that of who recorded last.
        let now = at(scene.last_entry - behind);
        let stated = StatusAt::of(&scene.history(), decide_moment(AskedTimes::default(), now).unwrap(), now).unwrap();
        let over = second(stated.at) > NOT_AFTER;
        let expected = match scene.state {
            CertificateState::Revoked => StateAt::Revoked,
            _ if over => StateAt::Expired,
            CertificateState::Held => StateAt::Held,
            _ => StateAt::Live,
        };
        prop_assert_eq!(stated.state, expected);
        prop_assert_eq!(stated.events.len(), scene.seen.len());
        prop_assert_eq!(stated.position, Some(scene.seen.len() as u64));
    }
}
