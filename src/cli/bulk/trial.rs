//! A trial for `--dry-run`: a little of each kind of work that a file would make, done here and now with throw-away keys and a
//! throw-away store beside the result file. What it took is what the estimate rests on, and is told with it.
//!
//! The trial's store is new and nearly empty; one of millions is slower where its pages do not fit into memory.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{
    audit::Draft,
    cli::{failure::Failure, world::SystemClock},
    kind::Kind,
    ports::{
        AnswerRecord, AuthorityRecord, CardNumber, CardRecord, CertificateRecord, Change, Clock, HolderRecord,
        HolderReference, Revocation, Signer, Step, Store,
    },
    revocation::crl::{self, Changes, ListOrder, Witnesses},
    rules::{Cause, CertificateState, calendar::day_of},
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    store::{SqliteOptions, SqliteStore},
    x509::{Attribute, CrlEntry, CrlSnapshot, Name, RevocationReason, Serial, SubjectPublicKey, UnixTime},
};

/// Signatures of a trial.
const SIGNATURES: u32 = 50;
/// Pairs of a trial; they are stored in as many commits as a load of lines has.
const PAIRS: u64 = 256;
/// Pairs that one commit of the writer takes together.
const AT_ONCE: usize = 32;
/// Entries of the list of a trial.
const ENTRIES: u32 = 20_000;
/// Octets of a certificate, about.
const CERTIFICATE: usize = 1500;

/// Seconds that one of each takes here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Rates {
    /// A pair's reservation, certificates and answer in the store, durable.
    pub(super) pair: f64,
    /// The end of a pair and its answer in the store, durable.
    pub(super) revocation: f64,
    /// An entry of a list: written, hashed, signed, read back by the gate, and durable, among many.
    pub(super) list_entry: f64,
}

/// Seconds of a signature.
pub(super) fn signature(kind: KeyKind) -> Result<f64, Failure> {
    let signer = signer(kind)?;
    let began = Instant::now();
    for _ in 0..SIGNATURES {
        signer.sign(&[0x30; CERTIFICATE]).map_err(Failure::fault)?;
    }
    Ok(began.elapsed().as_secs_f64() / f64::from(SIGNATURES))
}

fn signer(kind: KeyKind) -> Result<SoftwareSigner, Failure> {
    let key = PrivateKey::generate(kind).map_err(Failure::fault)?;
    SoftwareSigner::new(&key).map_err(Failure::fault)
}

/// Tries the store on the disk of the result file, and the lists of a CA with that kind of key. Nothing is left behind.
pub(super) fn rates(result: &Path, key: KeyKind) -> Result<Rates, Failure> {
    let mut place = result.as_os_str().to_owned();
    place.push(".trial");
    let place = PathBuf::from(place);
    let at = |error| Failure::fault(format!("{}: {error}", place.display()));
    fs::create_dir(&place).map_err(at)?;
    let measured = measure(&place.join("trial.db"), key);
    fs::remove_dir_all(&place).map_err(at)?;
    measured
}

fn measure(path: &Path, key: KeyKind) -> Result<Rates, Failure> {
    let options = SqliteOptions { long_list: 1, ..SqliteOptions::default() };
    let store = SqliteStore::open_with(path, options).map_err(Failure::fault)?;
    let trial = Trial { store: &store, now: SystemClock::default().now() };
    trial.open()?;
    let [reserved, issued, ended] = trial.pairs()?;
    let (reserving, issuing) = (trial.each(reserved)?, trial.each(issued)?);
    Ok(Rates { pair: reserving + issuing, revocation: trial.each(ended)?, list_entry: trial.list(key)? })
}

struct Trial<'a> {
    store: &'a SqliteStore,
    now: UnixTime,
}

impl Trial<'_> {
    fn change(&self, steps: Vec<Step>) -> Change {
        let word = || "trial".to_owned();
        let audit = Draft { at: self.now, actor: word(), action: word(), subject: word(), detail: word().repeat(40) };
        Change { steps, audit }
    }

    fn open(&self) -> Result<(), Failure> {
        let authority = |kind| {
            let certificate = vec![0x30; CERTIFICATE];
            Step::Authority(AuthorityRecord::new(kind, 1, certificate))
        };
        let mut steps = Kind::BOTH.map(authority).to_vec();
        steps.push(Step::Municipality("13115".parse().map_err(Failure::fault)?));
        self.store.commit(self.change(steps)).map_err(Failure::fault)
    }

    /// What stores pairs, what makes them certificates, and what ends them.
    fn pairs(&self) -> Result<[Vec<Change>; 3], Failure> {
        let indexes = self.store.allocate(Kind::Auth, PAIRS).map_err(Failure::fault)?;
        let _same = self.store.allocate(Kind::Sign, PAIRS).map_err(Failure::fault)?;
        let (mut reserved, mut issued, mut ended) = (Vec::new(), Vec::new(), Vec::new());
        for index in indexes {
            let [auth, sign] = Kind::BOTH.map(|kind| self.certificate(kind, index));
            let (auth, sign) = (auth?, sign?);
            let today = day_of(self.now);
            let holder = HolderRecord {
                reference: auth.holder.clone(),
                municipality: auth.municipality,
                moving_to: None,
                birth: today,
                ward: false,
                registered: true,
                version: 0,
            };
            let card = CardRecord {
                number: auth.card.clone(),
                holder: auth.holder.clone(),
                issue_day: today,
                application_day: today,
                last_day: today,
                void: false,
                face_authentication: false,
            };
            let pair = [auth, sign].map(|one| Step::Reserve(Box::new(one)));
            reserved.push(self.change([vec![Step::Holder(holder), Step::Card(card)], pair.into()].concat()));
            let issue = |kind| Step::Issue { kind, index, certificate: vec![0x30; CERTIFICATE] };
            issued.push(self.change([Kind::BOTH.map(issue).to_vec(), vec![answer("issue", index)]].concat()));
            let end = |kind| Step::Status {
                kind,
                index,
                from: CertificateState::Live,
                to: CertificateState::Revoked,
                revocation: Some(self.revocation()),
            };
            ended.push(self.change([Kind::BOTH.map(end).to_vec(), vec![answer("end", index)]].concat()));
        }
        Ok([reserved, issued, ended])
    }

    fn revocation(&self) -> Revocation {
        let (reason, cause) = (RevocationReason::KeyCompromise, Cause::KeyCompromise);
        Revocation { revocation_date: self.now, reason, invalidity_date: None, cause }
    }

    fn certificate(&self, kind: Kind, index: u64) -> Result<CertificateRecord, Failure> {
        let mut key_digest = [kind.id(); 32];
        key_digest[..8].copy_from_slice(&index.to_be_bytes());
        Ok(CertificateRecord {
            kind,
            generation: 1,
            index,
            serial: Serial::from_octets(&[&[0x40; 9][..], &spread(index)].concat()).map_err(Failure::fault)?,
            holder: HolderReference::parse(format!("trial-{index}")).map_err(Failure::fault)?,
            card: CardNumber::parse(format!("TRIAL-{index}")).map_err(Failure::fault)?,
            municipality: "13115".parse().map_err(Failure::fault)?,
            not_before: self.now,
            not_after: self.now + Duration::from_secs(86_400),
            state: CertificateState::Reserved,
            revocation: None,
            pair: Some(index),
            predecessor: None,
            successor: None,
            key_digest,
            tbs: vec![0x30; CERTIFICATE],
            certificate: None,
        })
    }

    /// Seconds of one of these changes among many.
    fn each(&self, changes: Vec<Change>) -> Result<f64, Failure> {
        let (count, began) = (changes.len() as f64, Instant::now());
        for load in changes.chunks(AT_ONCE) {
            for outcome in self.store.commit_each(load.to_vec()).map_err(Failure::fault)? {
                outcome.map_err(Failure::fault)?;
            }
        }
        Ok(began.elapsed().as_secs_f64() / count)
    }

    /// Seconds of an entry of a list.
    fn list(&self, key: KeyKind) -> Result<f64, Failure> {
        let signer = signer(key)?;
        let key = SubjectPublicKey::from_der(signer.spki()).map_err(Failure::fault)?;
        let name = Name::new(vec![Attribute::country("JP")]).map_err(Failure::fault)?;
        let order = ListOrder {
            issuer: &name,
            public_key: &key,
            number: 1,
            this_update: self.now,
            next_update: self.now + Duration::from_secs(86_400),
            scope: None,
            delta_base: None,
            freshest: None,
        };
        let mut entries = CrlSnapshot::default();
        for number in 0..ENTRIES {
            entries.push(&CrlEntry {
                serial: Serial::from_octets(&[&[0x40; 13][..], &number.to_be_bytes()].concat())
                    .map_err(Failure::fault)?,
                revocation_date: self.now,
                reason: RevocationReason::KeyCompromise,
                invalidity_date: None,
            });
        }
        let (changes, ended) = (Changes::new(), |_: &CrlEntry| true);
        let witnesses = Witnesses { previous: None, changes: &changes, is_over: &ended, is_ended: &ended };
        let began = Instant::now();
        let draft = crl::print(&order, &entries, &signer, |octets| self.store.draft_list(octets));
        let mut draft = draft.map_err(Failure::fault)?;
        let list = draft.read_back().map_err(Failure::fault)?;
        let digest = crl::gate(&list, &order, &entries, witnesses).map_err(Failure::fault)?;
        draft.keep(digest).map_err(Failure::fault)?;
        Ok(began.elapsed().as_secs_f64() / f64::from(ENTRIES))
    }
}

/// Serial numbers lie as far apart as permuted ones, so that an index of the store grows in many places.
fn spread(index: u64) -> [u8; 8] {
    index.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes()
}

fn answer(what: &str, index: u64) -> Step {
    Step::Answer(AnswerRecord {
        client: "trial".to_owned(),
        key: format!("{what}-{index}"),
        digest: [0; 32],
        outcome: vec![b'{'; 2 * CERTIFICATE],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_measures_every_kind_of_work_and_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let result = directory.path().join("result.jsonl");
        let rates = rates(&result, KeyKind::P256).unwrap();
        assert!(rates.pair > 0.0 && rates.revocation > 0.0 && rates.list_entry > 0.0, "{rates:?}");
        assert!(signature(KeyKind::P256).unwrap() > 0.0);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_trial_that_cannot_be_made_says_where() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("result.jsonl.trial")).unwrap();
        let refused = rates(&directory.path().join("result.jsonl"), KeyKind::P256).unwrap_err();
        assert!(refused.to_string().contains("result.jsonl.trial"), "{refused}");
    }
}
