//! The story of a restore: a store that comes from a backup goes on where no copy of it can have been, and learns again what it
//! forgot.
//!
//! A backup is older than the service that was lost. What happened in between (the loss window) the store does not know: it would
//! give the same serial numbers and CRL numbers again, and call certificates good that were revoked. So it *leaps*: under a higher
//! fence it leaves out every index and number that may have been given. Then it learns revocations and holds from what others
//! kept: the lists that were published, and a snapshot of the status index.
//!
//! It needs no key: nothing is signed here.

use std::time::Duration;

use serde::Serialize;

use super::{StoryError, access::serial_of};
use crate::{
    audit::{Draft, Marks, Of},
    kind::Kind,
    limits::{
        LEAP_INDEXES, LEAP_INDEXES_A_SECOND, LEAP_NUMBERS, LEAP_NUMBERS_A_SECOND, LEAP_WINDOW_INDEXES, LEARN_PAGE,
    },
    municipality::MunicipalityCode,
    ports::{AccessListRecord, Change, CredentialRecord, CredentialRevocation, Leap, Revocation, Step, Store},
    revocation::{index::Status, serial::SerialPermutation, snapshot::Snapshot},
    rules::{Cause, CertificateState},
    x509::{CrlEntry, RevocationReason, Serial, UnixTime},
};

/// Who does it, in the audit.
const ACTOR: &str = "restore";

/// Where a store with these marks goes on at `now`: above them, above what others know was given, and above what may have been given
/// beyond that in a window of that length; with its lists also above every copy that was restored at an earlier second.
#[must_use]
pub fn decide_leap(own: &Marks, known: &[Marks], lists: Of, (now, window): (UnixTime, Duration)) -> Leap {
    let highest = |of: &dyn Fn(&Marks) -> u64| known.iter().chain([own]).map(of).max().unwrap_or(0);
    let in_window = window.as_secs().saturating_mul(LEAP_INDEXES_A_SECOND).min(LEAP_WINDOW_INDEXES);
    let of_now = u64::try_from(now.seconds()).unwrap_or(0).saturating_mul(LEAP_NUMBERS_A_SECOND);
    let each = |number: &dyn Fn(Kind) -> u64| Of { sign: number(Kind::Sign), auth: number(Kind::Auth) };
    Leap {
        fence: highest(&|marks| marks.fence) + 1,
        indexes: each(&|kind| highest(&|marks| marks.indexes.of(kind)) + LEAP_INDEXES + in_window),
        numbers: each(&|kind| (highest(&|marks| marks.lists.of(kind)).max(lists.of(kind)) + LEAP_NUMBERS).max(of_now)),
    }
}

/// Leaps. `detail` is JSON of what is known of the backup; it goes into the audit with a word that no other restore has, so that
/// two copies of one backup never have the same history.
///
/// # Errors
/// [`StoryError`]; then nothing was changed.
pub fn leap(store: &dyn Store, now: UnixTime, leap: Leap, detail: String) -> Result<(), StoryError> {
    let subject = format!("fence/{}", leap.fence);
    let audit = Draft { at: now, actor: ACTOR.into(), action: "store.restored".into(), subject, detail };
    Ok(store.commit(Change { steps: vec![Step::Leap(leap)], audit })?)
}

/// A list that was given, verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenList {
    /// Which CA.
    pub kind: Kind,
    /// cRLNumber.
    pub number: u64,
    /// Whose certificates alone it speaks for, if it is known.
    pub municipality: Option<MunicipalityCode>,
}

/// Who says that a certificate was revoked or held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Witness {
    /// A published list, by its number.
    List {
        /// Which CA.
        kind: Kind,
        /// cRLNumber.
        number: u64,
    },
    /// A snapshot of the status index, by the position of its last event.
    Snapshot {
        /// The position.
        position: u64,
    },
}

/// What became of one thing that a witness says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is revoked again.
    Revoked,
    /// It is held again.
    Held,
    /// The store does not have the certificate: it was issued in the loss window.
    Lost,
    /// Nor does it have this one; it is held or revoked, and stands on lists again.
    Listed,
    /// The store has it reserved only, and a hold cannot be put on that: it is for people to decide.
    Open,
}

/// One thing that a witness says and the store did not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lesson {
    /// Which CA.
    pub kind: Kind,
    /// Which certificate.
    pub serial: Serial,
    /// What became of it.
    pub outcome: Outcome,
    /// Who issued it, where a list of theirs tells of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub municipality: Option<MunicipalityCode>,
    /// When it was revoked or held; none of a lost certificate that was good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation: Option<Revocation>,
    /// Who says so.
    pub witness: Witness,
}

/// The cause that a list's reason speaks of. A list does not tell causes; the audit says that this one is concluded.
#[must_use]
pub const fn cause_of(reason: RevocationReason) -> Cause {
    match reason {
        RevocationReason::KeyCompromise => Cause::KeyCompromise,
        RevocationReason::CaCompromise => Cause::CaKeyCompromise,
        RevocationReason::AffiliationChanged => Cause::RegisterEntryChanged,
        RevocationReason::Superseded => Cause::Renewal,
        RevocationReason::CertificateHold => Cause::CardLost,
        RevocationReason::Unspecified => Cause::DiscardedBeforeDelivery,
        _ => Cause::HolderApplication,
    }
}

/// What a store does when a witness says so of a certificate that it has in this state; none if it knows.
fn decide_lesson(
    (kind, index, from): (Kind, u64, CertificateState),
    said: &Revocation,
) -> Option<(Outcome, Option<Step>)> {
    use CertificateState::{Expired, Held, Live, Reserved, Revoked};
    let is_hold = said.reason == RevocationReason::CertificateHold;
    let to = match (from, is_hold) {
        (Revoked | Expired, _) | (Held, true) => return None,
        (Reserved, true) => return Some((Outcome::Open, None)),
        (Live, true) => Held,
        (Live | Held | Reserved, false) => Revoked,
    };
    let step = Step::Status { kind, index, from, to, revocation: Some(said.clone()) };
    Some((if is_hold { Outcome::Held } else { Outcome::Revoked }, Some(step)))
}

/// A pupil: takes down what witnesses say, and commits it a page at a time.
pub struct Pupil<'a> {
    store: &'a dyn Store,
    issuers: Option<&'a Issuers<'a>>,
    now: UnixTime,
    waiting: Vec<Change>,
    told: &'a mut dyn FnMut(&Lesson),
}

impl<'a> Pupil<'a> {
    /// One that writes to that store, and tells of every lesson. Without issuers, for want of the serial key, certificates of the
    /// loss window are told of only.
    pub fn new(
        store: &'a dyn Store,
        issuers: Option<&'a Issuers<'a>>,
        now: UnixTime,
        told: &'a mut dyn FnMut(&Lesson),
    ) -> Self {
        Self { store, issuers, now, waiting: Vec::new(), told }
    }

    /// Learns from an entry of a list. Lists of municipalities come first: they alone tell who issued a certificate that was lost.
    ///
    /// # Errors
    /// [`StoryError`].
    pub fn entry(&mut self, list: GivenList, entry: &CrlEntry) -> Result<(), StoryError> {
        if entry.reason == RevocationReason::RemoveFromCrl {
            // A hold that ended; that it ended is not learnt: a certificate stays held until somebody knows better.
            return Ok(());
        }
        let said = Revocation {
            revocation_date: entry.revocation_date,
            reason: entry.reason,
            invalidity_date: entry.invalidity_date,
            cause: cause_of(entry.reason),
        };
        let GivenList { kind, number, municipality } = list;
        self.learn((kind, entry.serial), said, municipality, Witness::List { kind, number })
    }

    /// Learns from a snapshot of the status index of this service, everything that it knows of a CA.
    ///
    /// # Errors
    /// [`StoryError`].
    pub fn snapshot(&mut self, kind: Kind, snapshot: &Snapshot, serials: &SerialPermutation) -> Result<(), StoryError> {
        let position = snapshot.position();
        let mut next = 0;
        loop {
            let (records, _) = self.store.certificates(kind, next, LEARN_PAGE)?;
            let end = records.last().map_or(snapshot.end(kind), |last| last.index + 1);
            let mut records = records.iter().peekable();
            for index in next..end {
                let is_here = records.next_if(|record| record.index == index).is_some();
                let (witness, serial) = (Witness::Snapshot { position }, serials.serial(kind, index));
                match snapshot.status(kind, index) {
                    Status::Revoked(said) => self.learn((kind, serial), said, None, witness)?,
                    Status::Good if !is_here && self.known(kind, &serial)?.is_none() => {
                        let (outcome, municipality, revocation) = (Outcome::Lost, None, None);
                        (self.told)(&Lesson { kind, serial, outcome, municipality, revocation, witness });
                    }
                    Status::Good | Status::NeverIssued => {}
                }
            }
            if end >= snapshot.end(kind) {
                return self.commit();
            }
            next = end;
        }
    }

    /// The certificate, or what is left of it, by its index, and its state.
    fn known(&self, kind: Kind, serial: &Serial) -> Result<Option<(u64, CertificateState)>, StoryError> {
        if let Some(record) = self.store.certificate(kind, serial)? {
            return Ok(Some((record.index, record.state)));
        }
        Ok(self.store.erased(kind, serial)?.map(|left| (left.stub.index, left.stub.state)))
    }

    fn learn(
        &mut self,
        (kind, serial): (Kind, Serial),
        said: Revocation,
        municipality: Option<MunicipalityCode>,
        witness: Witness,
    ) -> Result<(), StoryError> {
        let subject = format!("certificate/{kind}/{serial}");
        // A certificate may stand on several lists of one page.
        if self.waiting.iter().any(|change| change.audit.subject == subject) {
            self.commit()?;
        }
        let lesson = match self.known(kind, &serial)? {
            Some((index, state)) => decide_lesson((kind, index, state), &said),
            None => {
                let lost = self.issuers.and_then(|issuers| issuers.lost((kind, serial), municipality, &said));
                let given = self.store.marks()?.indexes.of(kind);
                let step = lost.filter(|lost| lost.stub.index < given).map(|lost| Step::Lost(Box::new(lost)));
                Some((if step.is_some() { Outcome::Listed } else { Outcome::Lost }, step))
            }
        };
        let Some((outcome, step)) = lesson else { return Ok(()) };
        let lesson = Lesson { kind, serial, outcome, municipality, revocation: Some(said), witness };
        (self.told)(&lesson);
        if let Some(step) = step {
            let detail = serde_json::to_string(&lesson).map_err(|error| StoryError::Fault(error.to_string()))?;
            let action = "revocation.learnt".into();
            let audit = Draft { at: self.now, actor: ACTOR.into(), action, subject, detail };
            self.waiting.push(Change { steps: vec![step], audit });
        }
        if self.waiting.len() >= LEARN_PAGE { self.commit() } else { Ok(()) }
    }

    /// Commits what waits. To be called at the end.
    ///
    /// # Errors
    /// [`StoryError`]; some of it may be done.
    pub fn commit(&mut self) -> Result<(), StoryError> {
        let outcomes = self.store.commit_each(std::mem::take(&mut self.waiting))?;
        Ok(outcomes.into_iter().collect::<Result<(), _>>()?)
    }
}

/// A credential that the access CA's list revokes, and the store did not know of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CredentialLesson {
    /// Its serial number under the access CA.
    pub serial: Serial,
    /// Its name; none if the store does not have it: it was given out in the loss window, and is not admitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When and why it was revoked.
    pub revocation: CredentialRevocation,
}

/// Learns from a list of the access CA, which must be verified, which credentials were revoked: an older copy of the store does
/// not let them in again.
///
/// # Errors
/// [`StoryError`]; some of it may be done.
pub fn learn_credentials(
    store: &dyn Store,
    now: UnixTime,
    entries: &[CrlEntry],
) -> Result<Vec<CredentialLesson>, StoryError> {
    let mut lessons = Vec::new();
    let known = store.credentials()?;
    for entry in entries {
        let revocation = CredentialRevocation { at: entry.revocation_date, reason: entry.reason };
        let of_serial = |one: &&CredentialRecord| serial_of(one).is_ok_and(|serial| serial == entry.serial);
        let Some(record) = known.iter().find(of_serial) else {
            lessons.push(CredentialLesson { serial: entry.serial, name: None, revocation });
            continue;
        };
        if record.revocation.is_some() {
            continue;
        }
        let lesson = CredentialLesson { serial: entry.serial, name: Some(record.name.clone()), revocation };
        let detail = serde_json::to_string(&lesson).map_err(|error| StoryError::Fault(error.to_string()))?;
        let subject = format!("credential/{}", record.name);
        let audit = Draft { at: now, actor: ACTOR.into(), action: "credential.learnt".into(), subject, detail };
        let ended = CredentialRecord { active: false, revocation: Some(revocation), ..record.clone() };
        store.commit(Change { steps: vec![Step::Credential(ended)], audit })?;
        lessons.push(lesson);
    }
    Ok(lessons)
}

/// Takes over the newest list of the access CA that is known, which must be verified, if it is newer than the store's: the next one
/// bears a number that no list of the lost service had (RFC 5280 §5.2.3), also within the same second.
///
/// # Errors
/// [`StoryError`].
pub fn learn_access_list(store: &dyn Store, now: UnixTime, list: &AccessListRecord) -> Result<(), StoryError> {
    let after = store.access_list()?.map_or(0, |last| last.number);
    if list.number <= after {
        return Ok(());
    }
    let detail = serde_json::json!({ "number": list.number, "entries": list.entries }).to_string();
    let (action, subject) = ("access-list.learnt".into(), "crl/access".into());
    let audit = Draft { at: now, actor: ACTOR.into(), action, subject, detail };
    Ok(store.commit(Change { steps: vec![Step::AccessList { after, record: list.clone() }], audit })?)
}

mod lost;
#[cfg(test)]
mod tests;

pub use lost::Issuers;
