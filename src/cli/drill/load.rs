//! Counters that issue and revoke side by side, and what was acknowledged to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::super::{failure::Failure, house::House};
use crate::{
    authority::{Actor, Once, StoryError, enrol::Enrolment, revoke::RevocationRequest},
    kind::Kind,
    ports::{Role, Signer},
    rules::Asked,
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    x509::{Attribute, Name, Serial, assemble, csr::request_info},
};

/// The municipality of the drill.
pub(super) const PLACE: &str = "13115";
const COUNTERS: usize = 4;

/// A pair that was acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) serials: Vec<(Kind, Serial)>,
    /// Before the backup (0), while it was made (1), after it (2), after the restore (3).
    pub(super) phase: usize,
    /// The phase in which its revocation was acknowledged.
    pub(super) revoked: Option<usize>,
}

/// What was acknowledged.
#[derive(Default)]
pub(super) struct Ledger {
    pairs: Mutex<BTreeMap<u64, Pair>>,
    count: AtomicU64,
    phase: AtomicU64,
}

impl Ledger {
    pub(super) fn pairs(&self) -> MutexGuard<'_, BTreeMap<u64, Pair>> {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is acknowledged from now on is of the next phase.
    pub(super) fn next_phase(&self) {
        self.phase.fetch_add(1, Ordering::SeqCst);
    }

    fn phase(&self) -> usize {
        usize::try_from(self.phase.load(Ordering::SeqCst)).unwrap_or(usize::MAX)
    }

    /// How many pairs were acknowledged in each phase before the loss.
    pub(super) fn phases(&self) -> [usize; 3] {
        let pairs = self.pairs();
        [0, 1, 2].map(|phase| pairs.values().filter(|pair| pair.phase == phase).count())
    }
}

/// The counters of a service.
pub(super) struct Counters<'a> {
    house: &'a House,
    ledger: &'a Arc<Ledger>,
}

impl<'a> Counters<'a> {
    pub(super) fn of(house: &'a House, ledger: &'a Arc<Ledger>) -> Self {
        Self { house, ledger }
    }

    /// Issues so many pairs, side by side.
    pub(super) fn issue(&self, count: usize) -> Result<(), Failure> {
        let left = AtomicU64::new(count as u64);
        let take = || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        self.side_by_side(&take)
    }

    /// Issues pairs for as long as `work` takes.
    pub(super) fn issue_while(&self, work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        let going = AtomicBool::new(true);
        thread::scope(|scope| {
            let counters = scope.spawn(|| self.side_by_side(&|| going.load(Ordering::SeqCst)));
            let done = work();
            going.store(false, Ordering::SeqCst);
            let issued = counters.join().unwrap_or_else(|_| Err(Failure::fault("a counter panicked")));
            done.and(issued)
        })
    }

    fn side_by_side(&self, take: &(dyn Fn() -> bool + Sync)) -> Result<(), Failure> {
        thread::scope(|scope| {
            let counter = || {
                while take() {
                    self.issue_one()?;
                }
                Ok(())
            };
            let counters: Vec<_> = (0..COUNTERS).map(|_| scope.spawn(counter)).collect();
            let mut joined = counters.into_iter().map(|one| one.join());
            joined.try_for_each(|ended| ended.unwrap_or_else(|_| Err(Failure::fault("a counter panicked"))))
        })
    }

    fn issue_one(&self) -> Result<(), Failure> {
        let number = self.ledger.count.fetch_add(1, Ordering::SeqCst);
        let enrolment: Enrolment = serde_json::from_value(application(number)?).map_err(Failure::fault)?;
        let actor = self.actor(Role::Municipality)?;
        let issuance =
            told(|| self.house.authority.issue(&actor, &once(&format!("issue-{number}")), Asked::New, &enrolment))?;
        let serials = issuance.certificates.iter().map(|one| (one.kind, one.serial)).collect();
        let pair = Pair { serials, phase: self.ledger.phase(), revoked: None };
        self.ledger.pairs().insert(number, pair);
        Ok(())
    }

    /// Revokes the oldest so many pairs that stand, and the newest one.
    pub(super) fn revoke(&self, count: usize) -> Result<(), Failure> {
        let actor = self.actor(Role::Operator)?;
        let numbers: Vec<_> = {
            let pairs = self.ledger.pairs();
            let standing = || pairs.iter().filter(|(_, pair)| pair.revoked.is_none()).map(|(number, _)| *number);
            standing().take(count).chain(standing().next_back()).collect::<BTreeSet<_>>().into_iter().collect()
        };
        for number in numbers {
            let request = json!({ "card": card(number), "cause": "card-returned" });
            let request: RevocationRequest = serde_json::from_value(request).map_err(Failure::fault)?;
            told(|| self.house.authority.revoke(&actor, &once(&format!("revoke-{number}")), &request))?;
            let phase = self.ledger.phase();
            if let Some(pair) = self.ledger.pairs().get_mut(&number) {
                pair.revoked = Some(phase);
            }
        }
        Ok(())
    }

    /// Issues a certificate of that kind anew to every holder, side by side; how many have one.
    pub(super) fn reissue(&self, kind: Kind) -> Result<usize, Failure> {
        let numbers: Vec<u64> = self.ledger.pairs().keys().copied().collect();
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let actor = self.actor(Role::Municipality)?;
        let counter = || {
            while let Some(number) = numbers.get(next.fetch_add(1, Ordering::SeqCst)) {
                let mut wanted = application(*number)?;
                wanted["requests"][kind.other().word()] = Value::Null;
                let enrolment: Enrolment = serde_json::from_value(wanted).map_err(Failure::fault)?;
                let key = once(&format!("reissue-{number}"));
                let issuance = told(|| self.house.authority.issue(&actor, &key, Asked::New, &enrolment))?;
                done.fetch_add(issuance.certificates.iter().filter(|one| one.kind == kind).count(), Ordering::SeqCst);
            }
            Ok(())
        };
        thread::scope(|scope| {
            let counters: Vec<_> = (0..COUNTERS).map(|_| scope.spawn(counter)).collect();
            let mut joined = counters.into_iter().map(|one| one.join());
            joined.try_for_each(|ended| ended.unwrap_or_else(|_| Err(Failure::fault("a counter panicked"))))
        })?;
        Ok(done.load(Ordering::SeqCst))
    }

    fn actor(&self, role: Role) -> Result<Actor, Failure> {
        let credentials = self.house.store.credentials().map_err(Failure::fault)?;
        let credential = credentials.iter().find(|one| one.role == role);
        credential.map(Actor::client).ok_or_else(|| Failure::fault("the drill has no credential"))
    }
}

/// Asks again where a client is told to.
fn told<T>(mut ask: impl FnMut() -> Result<T, StoryError>) -> Result<T, Failure> {
    loop {
        match ask() {
            Err(StoryError::InProgress | StoryError::Conflict) => thread::yield_now(),
            told => return told.map_err(Failure::from),
        }
    }
}

fn once(key: &str) -> Once {
    let digest = ring::digest::digest(&ring::digest::SHA256, key.as_bytes());
    Once { key: key.into(), digest: std::array::from_fn(|at| digest.as_ref()[at]) }
}

fn card(number: u64) -> String {
    format!("CARD-DRILL-{number}")
}

fn application(number: u64) -> Result<Value, Failure> {
    let request = || {
        let key = PrivateKey::generate(KeyKind::P256).map_err(Failure::fault)?;
        let signer = SoftwareSigner::new(&key).map_err(Failure::fault)?;
        let subject = Name::new(vec![Attribute::common_name("card")]).map_err(Failure::fault)?;
        let info = request_info(&subject, signer.spki());
        let signature = signer.sign(&info).map_err(Failure::fault)?;
        Ok::<_, Failure>(STANDARD.encode(assemble(&info, signer.algorithm(), &signature)))
    };
    Ok(json!({
        "holder": { "reference": format!("DRILL-{number}"), "birth": "1980-02-17" },
        "card": { "number": card(number), "issue_day": "2026-01-05" },
        "facts": { "name": "試験　花子", "address": "東京都杉並区試験町１丁目", "sex": "2" },
        "requests": { "auth": request()?, "sign": request()? },
    }))
}
