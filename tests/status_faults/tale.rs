//! The tale: the steps of a status node's life that ask the store, in an order in which each has something to do.

use std::{collections::BTreeMap, sync::Arc};

use jitsuin::{
    authority::{StoryError, change::Outcome as Line, end::Effects},
    cli::house::House,
    http::{
        metrics::Metrics,
        status::{StatusService, StatusSources},
    },
    revocation::lists::ListKey,
    rules::CertificateState,
    x509::Serial,
};

use crate::{
    faulty::{Call, Faulty, When},
    truth,
    ward::Warded,
    world::{FOUND, Hands, LOST, RETURNED, STOLEN, World, hold, municipality, once, operator, revocation, try_open},
};

/// What a step may use.
pub(crate) struct Node<'a> {
    directory: &'a std::path::Path,
    pub(crate) store: Arc<Warded<Faulty>>,
    pub(crate) clock: Arc<Hands>,
    /// Absent until it has started.
    pub(crate) house: Option<House>,
    /// Certificates whose revocation or hold was acknowledged and not taken back since.
    pub(crate) ended: BTreeMap<Serial, CertificateState>,
    /// The newest number that was served of each list.
    pub(crate) served: BTreeMap<ListKey, u64>,
    /// Signed answers, and unsigned errors.
    pub(crate) answers: (u64, u64),
    /// Lists that were looked at.
    pub(crate) lists: u64,
}

type Outcome = Result<(), String>;

/// A step of the tale; done again, it does what the first time did not.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// How long after the step before, in seconds.
    after: i64,
    does: fn(&mut Node<'_>) -> Outcome,
}

const fn step(name: &'static str, after: i64, does: fn(&mut Node<'_>) -> Outcome) -> Step {
    Step { name, after, does }
}

pub(crate) const STEPS: &[Step] = &[
    step("start", 0, start),
    step("status listener", 0, status_listener),
    step("publish due", 1, |node| told(node.house().authority.publish_due())),
    step("revoke", 60, |node| {
        let effects = node.house().authority.revoke(&municipality(), &once("tale-1"), &revocation(STOLEN));
        node.acknowledged(effects)
    }),
    step("revoke by file", 0, |node| {
        let line = (once("tale-5 1"), Ok(revocation(RETURNED)));
        let outcomes = node.house().authority.revoke_each(&operator(), &[line]).map_err(|error| error.to_string())?;
        outcomes.into_iter().try_for_each(|outcome| match outcome {
            Line::Done(effects) => node.acknowledged(Ok(*effects)),
            Line::Refused(refusal) => Err(refusal.to_string()),
        })
    }),
    step("hold", 0, |node| {
        let effects = node.house().authority.hold(&municipality(), &once("tale-2"), &hold(LOST));
        node.acknowledged(effects)
    }),
    step("publish changed", 61, |node| told(node.house().authority.publish_changed())),
    step("release", 5, |node| {
        let effects = node.house().authority.release(&municipality(), &once("tale-3"), &hold(FOUND));
        node.acknowledged(effects)
    }),
    step("deltas due", 901, |node| told(node.house().authority.publish_due())),
    step("publish on demand", 5, |node| told(node.house().authority.publish_once(&operator(), &once("tale-4")))),
    step("recover", 5, |node| told(node.house().authority.recover(std::time::Duration::ZERO))),
    step("lists due", 90_000, |node| told(node.house().authority.publish_due())),
    // Until they are renewed, nothing is signed for them.
    step("renew responders", 31 * 86_400, |node| node.house().renew_delegates().map_err(|failure| failure.to_string())),
    step("start again", 5, start),
    step("publish again", 90_000, |node| told(node.house().authority.publish_due())),
    // A delta that failed beside its complete list is made up for at once.
    step("deltas again", 5, |node| told(node.house().authority.publish_due())),
];

fn told<T>(outcome: Result<T, StoryError>) -> Outcome {
    outcome.map(drop).map_err(|error| error.to_string())
}

fn start(node: &mut Node<'_>) -> Outcome {
    node.house = None;
    node.house = Some(try_open(node.store.clone(), node.directory, node.clock.clone())?);
    Ok(())
}

/// As the doors open it.
fn status_listener(node: &mut Node<'_>) -> Outcome {
    let house = node.house();
    let authorities = house.store.authorities().map_err(|error| error.to_string())?;
    let lists = Arc::clone(&house.authority.parts().lists);
    let sources = StatusSources::new(Arc::clone(&house.desk), lists, authorities, Arc::clone(&house.clock));
    StatusService::new(sources, &Metrics::new()).map(drop).map_err(|error| error.to_string())
}

impl Node<'_> {
    fn house(&self) -> &House {
        self.house.as_ref().expect("the first step starts it")
    }

    fn acknowledged(&mut self, effects: Result<Effects, StoryError>) -> Outcome {
        for change in effects.map_err(|error| error.to_string())?.changes {
            match change.state {
                CertificateState::Held | CertificateState::Revoked => self.ended.insert(change.serial, change.state),
                _ => self.ended.remove(&change.serial),
            };
        }
        Ok(())
    }
}

/// What came of a telling.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Every call.
    pub(crate) trace: Vec<Call>,
    /// The call that failed.
    pub(crate) failed: Option<Call>,
    /// Why the step was done again, if it was.
    pub(crate) again: Option<String>,
    pub(crate) answers: (u64, u64),
    pub(crate) lists: u64,
    /// The full list of the signing CA at the end, a certificate that is on it, and one that is not; DER.
    pub(crate) last: Option<[Vec<u8>; 3]>,
}

/// Tells the tale; panics where something signed is not true.
pub(crate) fn tell(world: &World, when: When) -> Told {
    let directory = world.copy();
    let mut node = Node {
        directory: directory.path(),
        store: Faulty::new(world.store(), when),
        clock: Hands::at(world.begins),
        house: None,
        ended: BTreeMap::new(),
        served: BTreeMap::new(),
        answers: (0, 0),
        lists: 0,
    };
    let mut again = None;
    for step in STEPS {
        node.clock.advance(step.after);
        node.store.step(step.name);
        if let Err(cause) = (step.does)(&mut node) {
            assert!(again.is_none(), "{when:?}: {} failed without cause: {cause}", step.name);
            truth::check(&mut node, &format!("{when:?} after the failure of {}", step.name));
            node.store.mend();
            let second = (step.does)(&mut node);
            assert_eq!(second, Ok(()), "{when:?}: {} failed the second time, after {cause}", step.name);
            again = Some(cause);
        }
        node.store.mend();
        // Up to the call that fails, every telling is the same as the calm one.
        if when == When::Never || node.store.failed().is_some() {
            truth::check(&mut node, &format!("{when:?} after {}", step.name));
        }
    }
    truth::is_complete(&node);
    Told {
        trace: node.store.trace(),
        failed: node.store.failed(),
        again,
        answers: node.answers,
        lists: node.lists,
        last: Some(truth::last_of(&node)),
    }
}
