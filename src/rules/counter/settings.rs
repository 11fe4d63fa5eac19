//! The settings that a counter's decision depends on: the agency's, and what single municipalities have set otherwise.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    municipality::MunicipalityCode,
    rules::{Policy, desk::Capabilities, fee_table::FeeTable, procedure::CounterPolicy},
};

/// The settings that the decision depends on: the agency's and the municipality's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CounterSettings {
    /// Of the agency.
    pub policy: Policy,
    /// Of the municipality.
    pub counter: CounterPolicy,
    /// Of the agency, which sets them; a municipality that collects others is named (C-11).
    pub fees: FeeTable,
    /// Of the municipality.
    pub desks: Capabilities,
}

/// What one municipality's counter does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Town {
    /// Its switches.
    pub counter: CounterPolicy,
    /// What is charged there.
    pub fees: FeeTable,
    /// What its desks can do.
    pub desks: Capabilities,
}

/// What every counter does, and those that do otherwise (the conflicts of section 10).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Where nothing else is said.
    pub every: Town,
    /// Each whole: what it leaves as it is everywhere stands in it too.
    pub towns: BTreeMap<MunicipalityCode, Town>,
}

impl Counters {
    /// The settings of a municipality under the agency's policy; without one, those of every counter.
    #[must_use]
    pub fn settings(&self, policy: Policy, municipality: Option<MunicipalityCode>) -> CounterSettings {
        let town = municipality.and_then(|code| self.towns.get(&code));
        let &Town { counter, fees, desks } = town.unwrap_or(&self.every);
        CounterSettings { policy, counter, fees, desks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_01_a_town_has_its_own_settings_and_all_others_those_of_every_counter() {
        let itami: MunicipalityCode = "28207".parse().unwrap();
        let other = "13115".parse().unwrap();
        let strict = CounterPolicy { agent_same_day_with_enclosed_reply: false, ..CounterPolicy::default() };
        let town = Town { counter: strict, ..Town::default() };
        let counters = Counters { towns: [(itami, town)].into(), ..Counters::default() };
        let policy = Policy { renewal_offset_days: 2, ..Policy::default() };
        assert_eq!(counters.settings(policy, Some(itami)).counter, strict);
        for elsewhere in [None, Some(other)] {
            assert_eq!(counters.settings(policy, elsewhere), CounterSettings { policy, ..CounterSettings::default() });
        }
    }
}
