//! How a status node follows its store, and what it does when it cannot.
//!
//! Each turn, a second apart, asks the store how far it has come and whether its history is the node's: the node's last event must be
//! an event of the store. What it then has taken in is confirmed as of the beginning of the turn. A store that is away, is behind, or is
//! another one confirms nothing; the node goes on with what it has, which ends by itself ([`Confirmed`]).
//!
//! [`Confirmed`]: crate::revocation::confirmed::Confirmed

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use super::{Node, authorities, kept::Kept};
use crate::{
    cli::world::comes_about,
    kind::Kind,
    limits::{NODE_ENTRIES, NODE_LOOKS, NODE_SILENCE},
    ports::{AccessListRecord, Follower, OWN_CLIENT, StatusEvent, Store, StoreError},
    revocation::{lists::ListKey, responder::Delegate, snapshot::Lineage},
    scope::CrlScope,
    x509::{CrlView, UnixTime},
};

/// Opens the store; may fail as often as it must.
pub type Connect = Arc<dyn Fn() -> Result<Arc<dyn Store>, String> + Send + Sync>;

/// How a node comes to its store.
#[derive(Clone)]
pub struct Reach {
    /// Opens it.
    pub connect: Connect,
    /// Whether it is opened to read, and anew at every look: a file that another process writes.
    pub afresh: bool,
}

/// What stands between a node and its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Since when.
    pub since: UnixTime,
    /// What, in a sentence.
    pub cause: String,
    /// Whether it is another store than it should be: it will not pass by waiting.
    pub is_grave: bool,
}

/// What a node knows of its store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hearing {
    /// When it last answered as it should.
    pub heard: Option<UnixTime>,
    /// Events that it had then and the node had not.
    pub lag: u64,
    /// What is wrong now.
    pub trouble: Option<Trouble>,
}

impl Hearing {
    /// What it is at an instant: a store that hangs in the middle of an answer is away too.
    pub(super) fn seen_at(self, now: UnixTime) -> Self {
        let silent = self.heard.filter(|heard| now > *heard + NODE_SILENCE);
        let silent = silent.map(|since| Trouble { since, cause: "it does not answer".into(), is_grave: false });
        Self { trouble: self.trouble.or(silent), ..self }
    }
}

/// The node's end of the line.
pub(super) struct Link {
    reach: Reach,
    line: Mutex<Line>,
    hearing: Mutex<Hearing>,
    access: Mutex<Option<Arc<AccessListRecord>>>,
}

#[derive(Default)]
struct Line {
    store: Option<Arc<dyn Store>>,
    /// Takes the store's events in, as long as it is trusted.
    valve: Option<Arc<Valve>>,
    /// The last audit entry that was looked at for news; none before the first look.
    looked: Option<u64>,
    /// Looks that were had.
    looks: u64,
}

/// Hands events on while it is open.
struct Valve {
    kept: Arc<Kept>,
    is_open: AtomicBool,
}

impl Follower for Valve {
    fn apply(&self, events: &[StatusEvent]) {
        if self.is_open.load(SeqCst) {
            self.kept.apply(events);
        }
    }
}

/// Why a turn did not end well.
enum Silence {
    /// The store cannot be reached, or does not answer.
    Away(String),
    /// It is not the one that the node knows.
    Other(String),
}

impl From<StoreError> for Silence {
    fn from(error: StoreError) -> Self {
        Self::Away(error.to_string())
    }
}

impl Link {
    pub(super) fn new(reach: Reach) -> Self {
        Self { reach, line: Mutex::default(), hearing: Mutex::default(), access: Mutex::default() }
    }

    pub(super) fn hearing(&self) -> Hearing {
        locked(&self.hearing).clone()
    }

    /// The store, if it is there now; for what only it has.
    pub(super) fn store(&self) -> Option<Arc<dyn Store>> {
        locked(&self.line).store.clone()
    }

    /// The access CA's newest list that the store gave.
    pub(super) fn access_list(&self) -> Option<Arc<AccessListRecord>> {
        locked(&self.access).clone()
    }

    /// Takes nothing in any more.
    pub(super) fn let_go(&self) {
        locked(&self.line).let_go();
    }
}

impl Line {
    fn let_go(&mut self) {
        if let Some(valve) = self.valve.take() {
            valve.is_open.store(false, SeqCst);
        }
        self.store = None;
    }
}

impl Node {
    /// Looks once whether the store has something new, and takes it up; run it every second.
    pub fn turn(&self) {
        let began = self.clock.now();
        let mut line = locked(&self.link.line);
        let heard = self.hear(&mut line, began);
        let (cause, is_grave) = match heard {
            Ok(lag) => {
                let before = std::mem::replace(
                    &mut *locked(&self.link.hearing),
                    Hearing { heard: Some(began), lag, trouble: None },
                );
                if let Some(trouble) = before.trouble {
                    tracing::info!(since = %trouble.since, "the store is there again");
                }
                return;
            }
            Err(Silence::Away(cause)) => (cause, false),
            Err(Silence::Other(cause)) => (cause, true),
        };
        if is_grave || self.link.reach.afresh {
            line.let_go();
        }
        drop(line);
        self.note_trouble(began, cause, is_grave);
    }

    fn note_trouble(&self, now: UnixTime, cause: String, is_grave: bool) {
        let mut hearing = locked(&self.link.hearing);
        let before = hearing.trouble.take();
        if before.as_ref().is_none_or(|before| before.cause != cause) {
            tracing::warn!(cause, is_grave, "the store is not followed; going on with what there is");
        }
        let since = before.map_or(now, |before| before.since);
        hearing.trouble = Some(Trouble { since, cause, is_grave });
    }

    /// Events that the store has and this node has not.
    fn hear(&self, line: &mut Line, began: UnixTime) -> Result<u64, Silence> {
        let store = self.connected(line)?;
        let known = (self.kept.index.position(), self.kept.index.last_event());
        store.vouch()?;
        // Nothing is dated by a clock that is far from the store's: what is known goes on as of when it was right.
        store.check_time(began)?;
        let marks = store.marks()?;
        same_history(&*store, known, marks.event)?;
        if self.link.reach.afresh {
            self.read_events(&*store)?;
        } else if line.valve.is_none() {
            let valve = Arc::new(Valve { kept: Arc::clone(&self.kept), is_open: AtomicBool::new(true) });
            store.follow(self.kept.index.position(), Arc::clone(&valve) as _)?;
            line.valve = Some(valve);
        }
        // Under load there is always an event on its way.
        comes_about(|| self.kept.index.position() >= marks.event);
        let lag = marks.event.saturating_sub(self.kept.index.position());
        if lag == 0 {
            self.kept.confirmed.confirm(began);
        }
        self.look(line, &*store, marks.entry)?;
        Ok(lag)
    }

    /// Takes in what is new, where nobody tells.
    fn read_events(&self, store: &dyn Store) -> Result<(), StoreError> {
        loop {
            let events = store.listed_events(self.kept.index.position(), NODE_ENTRIES)?;
            let count = events.len();
            let events: Vec<_> = events.into_iter().map(|listed| listed.event).collect();
            self.kept.apply(&events);
            if count < NODE_ENTRIES {
                return Ok(());
            }
        }
    }

    fn connected(&self, line: &mut Line) -> Result<Arc<dyn Store>, Silence> {
        if self.link.reach.afresh {
            line.let_go();
        }
        if let Some(store) = &line.store {
            return Ok(Arc::clone(store));
        }
        let store = (self.link.reach.connect)().map_err(Silence::Away)?;
        let records = store.authorities()?;
        if Lineage::new(&records, &self.serials) != self.lineage {
            return Err(Silence::Other("the store is that of another service: its CAs are others".into()));
        }
        line.store = Some(Arc::clone(&store));
        Ok(store)
    }

    /// Takes up what audit entries tell of since the last look.
    fn look(&self, line: &mut Line, store: &dyn Store, entry: u64) -> Result<(), Silence> {
        self.take_delegates(|_| None);
        line.looks += 1;
        let is_thorough = line.looked.is_none() || line.looks.is_multiple_of(NODE_LOOKS);
        if !is_thorough && line.looked == Some(entry) {
            return Ok(());
        }
        match line.looked.filter(|_| !is_thorough).map(|looked| news(store, looked)).transpose()?.flatten() {
            Some(keys) => {
                for (kind, generation, scope) in keys {
                    if let Some(record) = store.crl_before(kind, generation, scope, u64::MAX)? {
                        let highest = record.number;
                        self.take_list(record, highest);
                    }
                }
            }
            None => {
                for record in store.newest_crls()? {
                    let last = store.crl_before(record.kind, record.generation, record.scope, u64::MAX)?;
                    let highest = last.map_or(record.number, |last| last.number);
                    self.take_list(record, highest);
                }
            }
        }
        self.take_access_list(store)?;
        let told = |(kind, generation): (Kind, u8)| {
            let noted = store.answer(OWN_CLIENT, &Delegate::place(kind, generation)).ok()??;
            Some(noted.outcome)
        };
        self.take_delegates(told);
        let records = store.authorities()?;
        self.take_authorities(&records);
        line.looked = Some(entry);
        Ok(())
    }

    fn take_list(&self, record: crate::ports::CrlRecord, highest: u64) {
        let is_made = |scope: CrlScope| !scope.is_delta() || self.schedule.delta_of(scope.complete()) == Some(scope);
        // A generation of which this node has no keys yet is another check's.
        let issuer = (record.kind, record.generation);
        if is_made(record.scope) && self.knows(issuer) && !self.is_over(issuer) {
            self.shelf.take(record, highest);
        }
    }

    fn take_access_list(&self, store: &dyn Store) -> Result<(), StoreError> {
        let (Some(key), Some(list)) = (&self.access_key, store.access_list()?) else { return Ok(()) };
        let mut standing = locked(&self.link.access);
        if standing.as_ref().is_some_and(|standing| standing.number >= list.number) {
            return Ok(());
        }
        match CrlView::from_der(&list.der).is_ok_and(|view| view.verify(key).is_ok()) {
            true => *standing = Some(Arc::new(list)),
            false => tracing::error!(number = list.number, "the access CA's list of the store does not verify"),
        }
        Ok(())
    }

    /// Takes up responder certificates that end later than those in use: of the files, or what `told` has.
    fn take_delegates(&self, told: impl Fn((Kind, u8)) -> Option<Vec<u8>>) {
        for (issuer, delegate) in self.desk.responder().delegates(self.clock.now()) {
            let path = self.layout.certificate(&format!("responder-{}-{}", issuer.0, issuer.1));
            let (found, is_on_file) = match told(issuer) {
                Some(found) => (found, false),
                None => match crate::cli::files::read_certificate(&path) {
                    Ok(found) => (found, true),
                    Err(_) => continue,
                },
            };
            if found == delegate.certificate() {
                continue;
            }
            // One for another key, or an older one, is not this node's.
            let Ok(fresh) = Delegate::new(delegate.shared_signer(), found.clone()) else { continue };
            if fresh.not_after() <= delegate.not_after() {
                continue;
            }
            let until = fresh.not_after();
            match self.desk.responder().replace_delegate(issuer, fresh) {
                Ok(()) => {
                    tracing::info!(kind = %issuer.0, generation = issuer.1, %until, "took up a responder certificate")
                }
                Err(error) => {
                    tracing::error!(%error, "a responder certificate is not taken up");
                    continue;
                }
            }
            let text = crate::cli::files::certificate_pem(&found);
            if let (false, Err(error)) = (is_on_file, crate::cli::files::replace(&path, &text)) {
                tracing::error!(%error, "a responder certificate is in use, and not on file");
            }
        }
    }

    /// Keeps the CA generations that the store has: the next start knows them, and needs the keys of their responders.
    fn take_authorities(&self, records: &[crate::ports::AuthorityRecord]) {
        let mut newest = locked(&self.newest);
        if *newest == records {
            return;
        }
        match authorities::write(&self.layout, records) {
            Ok(()) => *newest = records.to_vec(),
            Err(error) => tracing::error!(%error, "the CA generations could not be kept"),
        }
    }
}

/// Refuses a store that is behind what this node knows, or tells another story of it.
fn same_history(store: &dyn Store, known: (u64, Option<StatusEvent>), end: u64) -> Result<(), Silence> {
    let (position, last) = known;
    if end < position {
        return Err(Silence::Other(format!(
            "the store is behind: its last event is {end}, and this node knows event {position}; it is an older copy"
        )));
    }
    let Some(last) = last else { return Ok(()) };
    let there = store.listed_events(last.position - 1, 1)?;
    match there.first().filter(|found| found.event.position == last.position) {
        Some(found) if found.event != last => {
            let position = last.position;
            Err(Silence::Other(format!(
                "the store has another history: event {position} is not the one this node knows"
            )))
        }
        _ => Ok(()),
    }
}

/// The lists that audit entries after a position tell of; none if there are too many entries to read.
fn news(store: &dyn Store, after: u64) -> Result<Option<BTreeSet<ListKey>>, StoreError> {
    let entries = store.audit_after(after, NODE_ENTRIES)?;
    if entries.len() >= NODE_ENTRIES {
        return Ok(None);
    }
    let published = entries.iter().filter(|entry| entry.draft.action == "crl.published");
    Ok(published.map(|entry| list_key(&entry.draft.subject)).collect())
}

/// Which list `crl/sign/1/full` is.
fn list_key(subject: &str) -> Option<ListKey> {
    let mut words = subject.strip_prefix("crl/")?.split('/');
    let (kind, generation, scope) = (words.next()?, words.next()?, words.next()?);
    Some((kind.parse().ok()?, generation.parse().ok()?, CrlScope::from_word(scope)?))
}

pub(super) fn locked<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}
