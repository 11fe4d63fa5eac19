//! Storing what was made, in order, and serving it: the one place where a list becomes a list.
//!
//! Lists that are ready at a time are stored in one go, each a change of its own: the order of entries in the audit log, and what
//! becomes of a list that is refused, are those of storing them one after the other. A delta goes in no sooner than its
//! complete list is there.

use super::{
    Publication,
    press::{Made, Passed},
};
use crate::{
    audit::Draft,
    authority::{Actor, Authority, StoryError},
    ports::{Change, CrlRecord, Step, StoreError},
    revocation::lists::ListKey,
};

/// What became of a list: published, made by another node meanwhile, or neither.
pub(super) type Outcome = (ListKey, Result<Option<Publication>, StoryError>);

/// Whoever stores the lists of one run.
pub(super) struct Shelver<'a> {
    authority: &'a Authority,
    actor: &'a Actor,
    /// Whether the last list is there, so that the delta beside it may follow.
    follows: bool,
    /// The families instead of whose lists another node's are served that tell of less: they were begun earlier.
    overtaken: Vec<ListKey>,
}

/// Whether nothing can be stored after this.
pub(super) fn is_final(error: &StoryError) -> bool {
    use StoryError::{ClockWentBack, Corrupt, Stopped, Unavailable};
    matches!(error, Unavailable(_) | ClockWentBack(_) | Stopped(_) | Corrupt(_))
}

impl<'a> Shelver<'a> {
    pub(super) fn new(authority: &'a Authority, actor: &'a Actor) -> Self {
        Self { authority, actor, follows: false, overtaken: Vec::new() }
    }

    /// The families, by their complete lists, whose lists another node's took the place of, which tell of less.
    pub(super) fn overtaken(self) -> Vec<ListKey> {
        self.overtaken
    }

    /// Stores lists in order and serves them; what became of each, up to the first after which nothing can be stored.
    pub(super) fn shelve(&mut self, made: impl IntoIterator<Item = Made>) -> Vec<Outcome> {
        let (mut outcomes, mut ready) = (Vec::new(), Vec::new());
        for Made { key, is_beside, list } in made {
            // A file is made to last only when everything before it is stored.
            if is_beside || list.as_ref().is_ok_and(Passed::is_long) {
                self.store(&mut ready, &mut outcomes);
            }
            if has_ended(&outcomes) {
                return outcomes;
            }
            if is_beside && !self.follows {
                continue;
            }
            match list.and_then(Passed::keep).and_then(|record| Ok((self.change(&record)?, record))) {
                Ok(kept) => ready.push(kept),
                Err(error) => {
                    self.store(&mut ready, &mut outcomes);
                    if !has_ended(&outcomes) {
                        self.follows = false;
                        outcomes.push((key, Err(error)));
                    }
                }
            }
        }
        self.store(&mut ready, &mut outcomes);
        outcomes
    }

    /// Stores what is ready, unless nothing can be stored any more.
    fn store(&mut self, ready: &mut Vec<(Change, CrlRecord)>, outcomes: &mut Vec<Outcome>) {
        if has_ended(outcomes) {
            return;
        }
        let (changes, records): (Vec<_>, Vec<_>) = ready.drain(..).unzip();
        for (stored, record) in self.commit(changes).into_iter().zip(records) {
            let key = (record.kind, record.generation, record.scope);
            let outcome = self.settle(record, stored);
            self.follows = matches!(outcome, Ok(Some(_)));
            outcomes.push((key, outcome));
            if has_ended(outcomes) {
                return;
            }
        }
    }

    /// One by itself, or several in one go.
    fn commit(&self, mut changes: Vec<Change>) -> Vec<Result<(), StoreError>> {
        let (store, count) = (self.authority.store(), changes.len());
        match changes.pop() {
            None => Vec::new(),
            Some(change) if count == 1 => vec![store.commit(change)],
            Some(last) => {
                changes.push(last);
                // Where the whole of it failed, any of it may be there all the same.
                store.commit_each(changes).unwrap_or_else(|error| vec![Err(error); count])
            }
        }
    }

    fn change(&self, record: &CrlRecord) -> Result<Change, StoryError> {
        let detail = serde_json::to_string(&Publication::new(record));
        let audit = Draft {
            // Not its thisUpdate: others may have been recorded while it was made, and while it waited for those before it.
            at: self.authority.parts().clock.now().max(record.this_update),
            actor: self.actor.audit_name(),
            action: "crl.published".into(),
            subject: format!("crl/{}/{}/{}", record.kind, record.generation, record.scope.word()),
            detail: detail.map_err(|error| StoryError::Fault(error.to_string()))?,
        };
        Ok(Change { steps: vec![Step::Crl(record.clone())], audit })
    }

    /// Serves a list that was stored; none if another node stored one of the same number first, which is served then.
    fn settle(&mut self, record: CrlRecord, stored: Result<(), StoreError>) -> Result<Option<Publication>, StoryError> {
        let (lists, publication) = (&self.authority.parts().lists, Publication::new(&record));
        let lead = &self.authority.publisher.lead;
        let sequence = (record.kind, record.generation, record.scope.complete());
        let Err(error) = stored else {
            lead.note(sequence, record.number);
            lists.put(record);
            return Ok(Some(publication));
        };
        // It may be there all the same, or another node's; then that is served, and the next one follows it.
        self.authority.load_lists()?;
        match lists.find(&(record.kind, record.generation, record.scope)) {
            Some(served) if served.number >= record.number => {
                if served.position < record.position {
                    self.overtaken.push(sequence);
                }
                if served.der != record.der {
                    return Ok(None);
                }
                lead.note(sequence, record.number);
                Ok(Some(publication))
            }
            Some(served) if matches!(error, StoreError::Conflict(_)) => Err(StoryError::Fault(format!(
                "number {} does not follow what the store has, though {} is served",
                record.number, served.number
            ))),
            _ => Err(error.into()),
        }
    }
}

fn has_ended(outcomes: &[Outcome]) -> bool {
    outcomes.last().is_some_and(|(_, outcome)| outcome.as_ref().is_err_and(is_final))
}

impl Publication {
    fn new(record: &CrlRecord) -> Self {
        Self {
            kind: record.kind,
            generation: record.generation,
            scope: record.scope.word(),
            number: record.number,
            entries: record.entries,
            this_update: record.this_update,
            next_update: record.next_update,
        }
    }
}
