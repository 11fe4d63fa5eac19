//! Whether the four facts changed since a certificate, and the latest if so, under the holder's consent (section 8.1).
//!
//! Both are read from the certificates themselves, the older that the relying party has and the one that is live: the
//! service keeps the facts nowhere else. While no signing certificate is live, nothing is told.

use serde::Serialize;

use super::Question;
use crate::{
    authority::{Actor, Authority, StoryError, wording::facts_in},
    kind::Kind,
    rules::{AskedTimes, ConsentScope, FourFacts, Query},
    x509::Serial,
};

/// The four facts since a certificate. It does not say in which certificate the latest stand: that takes a consent of its
/// own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FactsAnswer {
    /// Whether a fact, or how it is written, is another now.
    pub changed: bool,
    /// The latest four facts, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<FourFacts>,
}

impl Authority {
    /// Tells whether the four facts changed since a signing certificate, and the latest if they did.
    ///
    /// # Errors
    /// [`StoryError::Refused`] by an `L-` rule or `T-09`; otherwise as the error says.
    pub fn tell_facts(&self, actor: &Actor, serial: &Serial) -> Result<FactsAnswer, StoryError> {
        let question = Question { query: Query::Facts, kind: Kind::Sign, serial, times: AskedTimes::default() };
        self.ask(actor, &question, |found| {
            let known = self.under_consent(actor, found, ConsentScope::Facts)?;
            let newest = known.live(Kind::Sign, found.now);
            found.decide(|subject| {
                subject.consent = known.consent.is_some();
                subject.newer = newest.is_some();
            })?;
            let newest = newest.ok_or_else(|| StoryError::Fault("facts were decided that are not there".into()))?;
            let (before, latest) = (facts_in(found.certificate())?, facts_in(newest)?);
            let changed = before != latest;
            Ok(FactsAnswer { changed, facts: Some(latest).filter(|_| changed) })
        })
    }
}
