//! The story of publishing: what has ended becomes lists, of every CA generation one for all certificates, one per
//! municipality and one for the CA's own, and deltas between them.
//!
//! A list is made from one reading of the store, read back, held against the one before and against the events, stored, and
//! only then served. If anything is wrong the old list stays, the reason is kept for readiness, the other lists go on, and
//! the timer tries again.
//!
//! # Numbers
//! A complete list and the deltas to it share one sequence (RFC 5280 §5.2.3). Every new complete list N+1 is accompanied by
//! a delta of the same number, thisUpdate and content against the complete list before, so that whoever has that one comes to
//! the same knowledge without fetching all anew; the deltas that follow name N+1 as their base. Where the delta beside it
//! fails, the first that follows is due at the next turn. So each list tells no less than any list of its scope with a lesser
//! number.
//!
//! # Who publishes
//! One run of one process at a time, by a lock; the lists of a run are made by several hands side by side, and stored by one in
//! their order, so that numbers, audit log and failures are those of making them one after the other. Over a store that several nodes
//! share, whoever made the last list of a sequence makes the next one, and another takes over once that is late (`lead`). The number of
//! a list is a compare-and-swap ([`Step::Crl`](crate::ports::Step::Crl)): of two nodes that make the same list all the same one is
//! refused, loads what the other stored, and serves that. No list is lost or forked, and no leader has to be elected.
//!
//! # At once
//! [`Authority::publish_changed`] makes the deltas (or partitions) of scopes in which something was revoked or held. The
//! commit of a revocation only notes that there is something; a stream of revocations makes one list a pause
//! ([`PROMPT_PAUSE`](crate::limits::PROMPT_PAUSE)).

mod belt;
mod ended;
mod journal;
mod lead;
mod load;
mod plan;
mod press;
mod shelve;
pub mod verify;

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{
        Arc, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};

use self::{
    journal::Journal,
    lead::Lead,
    plan::{Occasion, Served, Task},
    press::Press,
    shelve::Shelver,
};
use super::{Actor, Authority, Once, StoryError};
use crate::{
    ca::Issuer,
    kind::Kind,
    limits::CONFLICT_RETRIES,
    ports::{Change, Follower, Hands, StatusEvent},
    revocation::{
        authorities,
        lists::{ListKey, PublishedList},
    },
    rules::CertificateState,
    scope::CrlScope,
    x509::UnixTime,
};

pub use plan::{OnRevocation, Schedule};

/// A list that was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// Which CA.
    pub kind: Kind,
    /// Which generation.
    pub generation: u8,
    /// The word of its [`CrlScope`]: `full`, `ca`, the municipality's code, `delta`, or the code with `-delta`.
    pub scope: String,
    /// cRLNumber.
    pub number: u64,
    /// Entries.
    pub entries: u64,
    /// thisUpdate.
    pub this_update: UnixTime,
    /// nextUpdate.
    pub next_update: UnixTime,
}

/// Why a list was not published the last time it should have been; the one before is still served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: UnixTime,
    /// Why, in a sentence.
    pub cause: String,
}

/// What the publisher remembers between runs.
#[derive(Default)]
pub(super) struct Publisher {
    /// The position up to which nothing waits to be published on change; held while lists are made.
    running: std::sync::Mutex<u64>,
    failures: std::sync::Mutex<BTreeMap<ListKey, Failure>>,
    urgent: Arc<Urgent>,
    lead: Lead,
    hands: OnceLock<Arc<dyn Hands>>,
}

impl Publisher {
    fn failures(&self) -> MutexGuard<'_, BTreeMap<ListKey, Failure>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows the store and notes that something was revoked or held; quick, because acknowledgements wait for it.
#[derive(Default)]
struct Urgent(AtomicU64);

impl Follower for Urgent {
    fn apply(&self, events: &[StatusEvent]) {
        let ends = |event: &&StatusEvent| event.state != CertificateState::Live;
        if let Some(last) = events.iter().rev().find(ends) {
            self.0.fetch_max(last.position, Ordering::SeqCst);
        }
    }
}

/// One scope of a run and the lists of it that are served.
struct Family<'a> {
    issuer: &'a Issuer,
    /// Of the complete list.
    key: ListKey,
    complete: Option<Arc<PublishedList>>,
    delta: Option<Arc<PublishedList>>,
    /// The highest number of its sequence that is given and not served.
    withheld: u64,
    /// The floor of its CA's numbers.
    floor: u64,
    /// Whether what is served does not tell of every end that it must: only lists of CAs' own certificates are asked.
    is_behind: bool,
}

impl Family<'_> {
    /// Whether what is served is from before a restore, so that whoever has the list of a lost copy has a higher number.
    fn is_of_a_backup(&self) -> bool {
        self.complete.as_ref().is_some_and(|list| list.number <= self.floor)
    }

    fn served(&self) -> Served<'_> {
        Served { complete: self.complete.as_deref(), delta: self.delta.as_deref(), withheld: self.withheld }
    }

    /// The last number of its sequence that is given.
    fn last(&self) -> u64 {
        self.served().next_number() - 1
    }

    fn base_position(&self) -> u64 {
        self.complete.as_ref().map_or(0, |list| list.position)
    }
}

impl Authority {
    /// Has these hands make the lists of a run side by side; the first ones given stay. Until then they are made one after
    /// the other, with the same outcome.
    pub fn publish_with(&self, hands: Arc<dyn Hands>) {
        let _kept = self.publisher.hands.set(hands);
    }

    /// From now on leaves the next list of a sequence to whoever made the last one, for a while: others publish from the same store.
    /// What they made has to be loaded again and again.
    pub fn publish_beside_others(&self) {
        self.publisher.lead.share();
    }

    /// From now on notes revocations and holds, so that [`Self::publish_changed`] has something to do: start-up.
    ///
    /// # Errors
    /// As the store says.
    pub fn watch_changes(&self) -> Result<(), StoryError> {
        let urgent = &self.publisher.urgent;
        let known = self.parts().index.position();
        // What came before may not be on a list yet; the first run looks.
        urgent.0.fetch_max(known, Ordering::SeqCst);
        Ok(self.store().follow(known, Arc::clone(urgent) as Arc<_>)?)
    }

    /// Publishes every list now.
    ///
    /// # Errors
    /// `T-08` unless an operator or the service itself asks; otherwise as for [`Self::publish_due`].
    pub fn publish(&self, actor: &Actor) -> Result<Vec<Publication>, StoryError> {
        if actor.role().is_some() {
            actor.operator()?;
        }
        let _running = self.running();
        let (mut published, mut only) = (Vec::new(), None);
        for _ in 0..CONFLICT_RETRIES {
            let run = self.run(actor, (Occasion::Demand, only.as_deref()))?;
            published.extend(run.published);
            // Whoever asks has every change of before on the lists that are there afterwards, whoever made them.
            if run.overtaken.is_empty() {
                return Ok(published);
            }
            only = Some(run.overtaken);
        }
        Err(StoryError::Unavailable("others published at the same time too often; ask again".into()))
    }

    /// Publishes every list now, once for each `Idempotency-Key`.
    ///
    /// # Errors
    /// As for [`Authority::publish`].
    pub fn publish_once(&self, actor: &Actor, once: &Once) -> Result<Vec<Publication>, StoryError> {
        self.tell(actor, once, "crl", |telling| {
            let published = self.publish(actor)?;
            let detail = serde_json::json!({ "lists": published.len() }).to_string();
            let steps = vec![telling.answer(&published)?];
            self.store().commit(Change { steps, audit: telling.audit("crl.demanded", "crl", detail) })?;
            Ok(published)
        })
    }

    /// Publishes every list whose period has passed, or that was never published. Run on a timer; a missed run is made up
    /// by the next.
    ///
    /// # Errors
    /// The first fault of key, gate or store. Every other list that was due is published all the same, unless the store
    /// failed.
    pub fn publish_due(&self) -> Result<Vec<Publication>, StoryError> {
        let _running = self.running();
        self.run(&Actor::service(), (Occasion::Schedule, None)).map(|run| run.published)
    }

    /// Publishes what the schedule says about revocations and holds that no list tells of yet. Run it every few seconds; it
    /// costs nothing while there is nothing to tell.
    ///
    /// # Errors
    /// As for [`Self::publish_due`].
    pub fn publish_changed(&self) -> Result<Vec<Publication>, StoryError> {
        let mut told = self.running();
        let urgent = self.publisher.urgent.0.load(Ordering::SeqCst);
        if self.parts().schedule.on_revocation == OnRevocation::Off || urgent <= *told {
            return Ok(Vec::new());
        }
        let run = self.run(&Actor::service(), (Occasion::Change, None))?;
        if !run.waiting && run.overtaken.is_empty() {
            *told = urgent;
        }
        Ok(run.published)
    }

    /// Which lists could not be published the last time, and why.
    #[must_use]
    pub fn publication_failures(&self) -> Vec<(ListKey, Failure)> {
        let failures = self.publisher.failures();
        failures.iter().map(|(key, failure)| (*key, failure.clone())).collect()
    }

    /// Whether every list could be published the last time that it was tried: for readiness.
    ///
    /// # Errors
    /// How many could not, and of the first when and why, in a sentence.
    pub fn check_publishing(&self) -> Result<(), String> {
        let failures = self.publication_failures();
        let Some(((kind, generation, scope), Failure { at, cause })) = failures.first() else { return Ok(()) };
        let (count, scope) = (failures.len(), scope.word());
        Err(format!("{count} lists could not be published, first {kind} {generation} {scope} at {at}: {cause}"))
    }

    /// One publisher at a time: two would make two lists of one number, and the store would refuse the second.
    fn running(&self) -> MutexGuard<'_, u64> {
        self.publisher.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what the occasion asks for, perhaps of some lists only, in as many rounds as the journal needs. The caller holds
    /// [`Self::running`].
    fn run(&self, actor: &Actor, (occasion, only): (Occasion, Option<&[ListKey]>)) -> Result<Run, StoryError> {
        let families = self.families()?;
        let (mut tasks, waiting) = self.tasks(&families, occasion)?;
        if matches!(occasion, Occasion::Schedule) {
            self.forget_overtaken(&families, &tasks)?;
        }
        tasks.retain(|(family, _)| only.is_none_or(|only| only.contains(&family.key)));
        let (mut rest, mut shelver) = (&tasks[..], Shelver::new(self, actor));
        let (mut published, mut fault) = (Vec::new(), None);
        while let [(first, _), ..] = rest {
            let since = rest.iter().map(|(family, _)| (family.key, family.base_position()));
            let journal = Journal::read(self.store(), since);
            let (journal, count) = journal.inspect_err(|error| self.note_outcome(first.key, Some(error)))?;
            let (round, later) = rest.split_at(count);
            rest = later;
            for outcome in self.round(round, journal, &mut shelver) {
                match outcome {
                    Ok(publication) => published.extend(publication),
                    // Without the store nothing that follows can succeed.
                    Err(error) if shelve::is_final(&error) => return Err(error),
                    Err(error) => fault = fault.or(Some(error)),
                }
            }
        }
        let overtaken = shelver.overtaken();
        fault.map_or(Ok(Run { published, waiting, overtaken }), Err)
    }

    /// Makes the lists for which the journal speaks; what became of each, up to the first after which nothing can be stored.
    fn round(
        &self,
        tasks: &[(&Family<'_>, Task)],
        journal: Journal,
        shelver: &mut Shelver<'_>,
    ) -> Vec<Result<Option<Publication>, StoryError>> {
        let (press, mut outcomes) = (Press::new(self, journal), Vec::new());
        let make = |(family, task): &(&Family<'_>, Task)| press.make(family, *task);
        belt::carry(self.publisher.hands.get().map(AsRef::as_ref), tasks, make, |made| {
            let mut flow = ControlFlow::Continue(());
            for (key, outcome) in shelver.shelve(made.into_iter().flatten()) {
                self.note_outcome(key, outcome.as_ref().err());
                if outcome.as_ref().is_err_and(shelve::is_final) {
                    flow = ControlFlow::Break(());
                }
                outcomes.push(outcome);
            }
            flow
        });
        outcomes
    }

    /// Every scope of every generation that can sign lists, with the lists of it that are served.
    fn families(&self) -> Result<Vec<Family<'_>>, StoryError> {
        let places = self.store().municipalities()?;
        let partitions: Vec<_> = places.into_iter().map(CrlScope::Municipality).collect();
        let (records, now) = (self.store().authorities()?, self.parts().clock.now());
        let mut families = Vec::new();
        for issuer in self.parts().issuers.iter() {
            if !issuer.lists(now) {
                self.retire(issuer);
                continue;
            }
            let floor = self.store().number_floor(issuer.kind())?;
            for scope in [CrlScope::Full, CrlScope::Authorities].iter().chain(&partitions) {
                let find = |scope| self.parts().lists.find(&(issuer.kind(), issuer.generation(), scope));
                let key = (issuer.kind(), issuer.generation(), *scope);
                let delta = scope.delta().and_then(find);
                let withheld = |scope| self.parts().lists.withheld(&(issuer.kind(), issuer.generation(), scope));
                // Numbers up to the floor are taken too: by a copy that is lost.
                let withheld = withheld(*scope).max(scope.delta().and_then(withheld)).max(Some(floor)).unwrap_or(0);
                let complete = find(*scope);
                let is_behind = *scope == CrlScope::Authorities
                    && complete.as_ref().is_some_and(|list| {
                        let ended = authorities::revoked(&records, (issuer.kind(), issuer.generation()), now);
                        ended.is_ok_and(|ended| ended.len() as u64 != list.entries)
                    });
                families.push(Family { issuer, key, complete, delta, withheld, floor, is_behind });
            }
        }
        Ok(families)
    }

    /// Nothing of a generation is served or missed any more: it has ended, and everything that it issued before it; or its key is
    /// lost, and its last lists do not tell that everything ended.
    fn retire(&self, issuer: &Issuer) {
        let (kind, generation) = (issuer.kind(), issuer.generation());
        self.parts().lists.retire(kind, generation);
        self.publisher.failures().retain(|key, _| (key.0, key.1) != (kind, generation));
    }

    /// What the occasion asks for.
    fn tasks<'f, 'a>(&self, families: &'f [Family<'a>], occasion: Occasion) -> Result<Tasks<'f, 'a>, StoryError> {
        let (schedule, now) = (&self.parts().schedule, self.parts().clock.now());
        let all = families.iter();
        match occasion {
            Occasion::Demand => Ok((all.map(|family| (family, Task::Complete)).collect(), false)),
            Occasion::Schedule => {
                let due = |family: &'f Family<'a>| match family.is_of_a_backup() {
                    _ if family.is_behind => Some((family, Task::Complete)),
                    true => Some((family, Task::Complete)),
                    false => {
                        let patience = self.publisher.lead.patience(family.key, family.last()).as_secs();
                        let then = UnixTime::from_seconds(now.seconds() - patience.cast_signed()).unwrap_or(now);
                        Some((family, schedule.due(family.key.2, family.served(), then)?))
                    }
                };
                Ok((all.filter_map(due).collect(), false))
            }
            Occasion::Change => {
                let after = all.clone().map(|family| family.served().position()).min().unwrap_or(0);
                let ends = journal::last_ends(self.store(), after)?;
                let changed = |family: &&Family<'_>| {
                    ends.get(&family.key).is_some_and(|position| *position > family.served().position())
                };
                let prompted = |family: &'f Family<'a>| Some((family, schedule.prompted(family.key.2)?));
                let lead = &self.publisher.lead;
                let (now, later): (Vec<_>, Vec<_>) =
                    all.filter(changed).filter_map(prompted).partition(|(family, task)| {
                        lead.tells(family.key, family.last(), now) && schedule.may_prompt(*task, family.served(), now)
                    });
                lead.wait_in(&later.iter().map(|(family, _)| family.key).collect::<Vec<_>>());
                Ok((now, !later.is_empty()))
            }
        }
    }

    fn note_outcome(&self, key: ListKey, error: Option<&StoryError>) {
        match error {
            None => drop(self.publisher.failures().remove(&key)),
            Some(error) => self.note_failure(key, Failure { at: self.parts().clock.now(), cause: error.to_string() }),
        }
    }

    fn note_failure(&self, key: ListKey, failure: Failure) {
        self.publisher.failures().insert(key, failure);
    }
}

/// What is to be made of which scopes, and whether something waits for its pause to end.
type Tasks<'f, 'a> = (Vec<(&'f Family<'a>, Task)>, bool);

/// What a run did.
struct Run {
    published: Vec<Publication>,
    /// Whether changes wait for the pause of their lists to end.
    waiting: bool,
    /// Families of which another node made the list first, and begun before this one, by their complete lists.
    overtaken: Vec<ListKey>,
}
