//! The stories, one file each: what happens from an authorised request to its durable outcome.
//!
//! A story is synchronous and speaks to ports only. It reads the clock once, reads the holder's dossier at one instant,
//! lets the rules decide, and commits at the version that it read; if another write came first it is told again from
//! the reading on.

use std::sync::{Arc, OnceLock};

use crate::{
    ca::Issuers,
    ports::{Clock, Entropy, Store},
    profile::Profile,
    revocation::{answer::AnswerDesk, index::StatusIndex, lists::PublishedLists, serial::SerialPermutation},
    rules::{Counters, Policy, substitution::Substitutes},
};

pub mod access;
mod actor;
pub mod adoption;
pub mod application;
pub mod approval;
pub mod at_counter;
pub mod bulk;
pub mod canary;
pub mod change;
pub mod compromise;
pub mod consent;
pub mod credential;
pub mod deadline;
mod decisions;
pub mod disclose;
mod enclosed;
pub mod end;
pub mod enrol;
pub mod erase;
pub mod exception;
pub mod glance;
pub mod hold;
pub mod home;
mod indexes;
pub mod issue;
mod letter;
pub mod lookup;
pub mod municipality;
mod note;
pub mod notice;
mod once;
pub mod oversee;
mod own;
mod places;
pub mod publish;
pub mod recover;
mod refusals;
pub mod relying_party;
pub mod restore;
pub mod revoke;
pub mod sample;
pub mod wording;

pub use actor::Actor;
pub use approval::DualControl;
pub use note::TurnedAway;
pub use once::{Once, StoryError};
pub use wording::Wording;

use indexes::Indexes;
use places::Places;

/// What the stories work with.
pub struct Parts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Random octets.
    pub entropy: Arc<dyn Entropy>,
    /// The open CA generations.
    pub issuers: Arc<Issuers>,
    /// The secret between indexes and serials.
    pub serials: SerialPermutation,
    /// What certificates contain.
    pub profile: Arc<Profile>,
    /// The switches of the rules.
    pub policy: Policy,
    /// What counters do, everywhere and in single municipalities.
    pub counters: Counters,
    /// The operator's table of substitutes (代替文字).
    pub substitutes: Arc<Substitutes>,
    /// The status index, which follows the store.
    pub index: Arc<StatusIndex>,
    /// The lists that the status listener serves.
    pub lists: Arc<PublishedLists>,
    /// How often lists appear and how long they are good.
    pub schedule: publish::Schedule,
    /// Whether acts that take two do.
    pub control: DualControl,
}

/// The registration authority: tells the stories.
pub struct Authority {
    parts: Parts,
    indexes: Indexes,
    places: Places,
    publisher: publish::Publisher,
    refusals: refusals::Refusals,
    compromises: compromise::Progress,
    desk: OnceLock<Arc<AnswerDesk>>,
    access: OnceLock<access::AccessDesk>,
}

impl Authority {
    /// An authority that works with these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            parts,
            indexes: Indexes::default(),
            places: Places::default(),
            publisher: publish::Publisher::default(),
            refusals: refusals::Refusals::default(),
            compromises: compromise::Progress::default(),
            desk: OnceLock::new(),
            access: OnceLock::new(),
        }
    }

    /// Takes the OCSP responders, whose certificates the authority has made, to sign statements with; the first one given
    /// stays. Until then no status is stated.
    pub fn speak_through(&self, desk: Arc<AnswerDesk>) {
        let _kept = self.desk.set(desk);
    }

    /// What it works with.
    #[must_use]
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    fn store(&self) -> &dyn Store {
        &*self.parts.store
    }
}
