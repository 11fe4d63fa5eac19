//! What if: a counter's case on a day, decided under its settings. Nothing is stored, and nobody is named.

use super::{Actor, Authority, StoryError};
use crate::{
    municipality::MunicipalityCode,
    rules::{CounterDecision, CounterFacts, Refusal, decide_counter},
};

impl Authority {
    /// Decides a case: for a municipality by its own settings, for an operator or an auditor by those of every counter, or of the
    /// municipality that it names. A decision that is no is an answer, not an error.
    ///
    /// # Errors
    /// `E-02` for a municipality that names another, and for who is neither.
    pub fn decide(
        &self,
        actor: &Actor,
        named: Option<MunicipalityCode>,
        facts: &CounterFacts,
    ) -> Result<CounterDecision, StoryError> {
        let municipality = if actor.oversees() { named } else { Some(own(actor, named)?) };
        let parts = self.parts();
        Ok(decide_counter(facts, &parts.counters.settings(parts.policy, municipality)))
    }
}

fn own(actor: &Actor, named: Option<MunicipalityCode>) -> Result<MunicipalityCode, Refusal> {
    let own = actor.municipality()?;
    match named.filter(|other| *other != own) {
        Some(_) => {
            let detail = format!("municipality {own} is decided by its own settings; name no other");
            Err(Refusal::new("E-02", detail).with_ja("判定は自分の市区町村の設定で行います。").in_case("own-settings"))
        }
        None => Ok(own),
    }
}
