//! `[counters.every]`, `[counters.desks]`, `[counters.fees]`, and for single municipalities `[counters.towns.CODE]`, which may
//! have any key of the three.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    reader::Reader,
    section::{Documented, Key, Section},
    sections::{Desks, Every, Fees},
};
use crate::{
    municipality::{MunicipalityCode, find, issuing_place},
    rules::{counter, desk::Capabilities, fee_table::FeeTable, procedure::CounterPolicy},
};

/// The section after which the template goes on with the towns.
pub(super) const LAST: &str = "counters.fees";

/// What counters do, everywhere and in single municipalities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// `[counters.every]`
    pub every: Every,
    /// `[counters.desks]`
    pub desks: Desks,
    /// `[counters.fees]`
    pub fees: Fees,
    /// `[counters.towns.28207]`: what is left out there is as above.
    pub towns: BTreeMap<MunicipalityCode, Town>,
}

/// What one municipality's counter does, whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Town {
    /// Its switches.
    pub every: Every,
    /// Its desks.
    pub desks: Desks,
    /// What is charged there.
    pub fees: Fees,
}

impl Counters {
    /// Reads the sections; what is wrong is noted.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let everywhere = Town {
            every: reader.section("counters.every"),
            desks: reader.section("counters.desks"),
            fees: reader.section(LAST),
        };
        let (mut towns, mut written) = (BTreeMap::new(), BTreeSet::new());
        for (text, line, keys) in reader.sections("counters.towns") {
            let name = format!("counters.towns.{text}");
            let mut table = reader.inner(name.clone(), keys);
            let base = everywhere.clone();
            let town = Town {
                every: Section::read_over(base.every, &mut table),
                desks: Section::read_over(base.desks, &mut table),
                fees: Section::read_over(base.fees, &mut table),
            };
            table.refuse_others(&[Every::NAMES, Desks::NAMES, Fees::NAMES].concat());
            match text.parse().and_then(issuing_place) {
                Ok(place) if written.insert(place.code) => drop(towns.insert(place.code, town)),
                Ok(place) => reader.refuse(Some(line), name, format!("{} is there twice", place.code)),
                Err(error) => reader.refuse(Some(line), name, error.to_string()),
            }
        }
        let Town { every, desks, fees } = everywhere;
        Self { every, desks, fees, towns }
    }

    /// As the rules take it.
    #[must_use]
    pub fn rules(&self) -> counter::Counters {
        let towns = self.towns.iter().map(|(code, town)| (*code, town.rules()));
        counter::Counters { every: self.everywhere().rules(), towns: towns.collect() }
    }

    /// The towns as the template has them: of each what differs, or an example where there are none.
    pub(super) fn towns_text(&self) -> String {
        let mut text = format!("\n{ABOUT_TOWNS}");
        if self.towns.is_empty() {
            return text + EXAMPLE;
        }
        let everywhere = self.everywhere().keys();
        for (code, town) in &self.towns {
            let place = find(*code).map_or(String::new(), |place| format!("{}{}", place.prefecture, place.name));
            text += &format!("# {place}\n[counters.towns.{code}]\n");
            for (own, every) in town.keys().iter().zip(&everywhere).filter(|(own, every)| own.value != every.value) {
                own.doc.iter().for_each(|line| text += &format!("#{line}\n"));
                text += &format!("{} = {}\n", every.name, own.value.as_deref().unwrap_or_default());
            }
        }
        text
    }

    /// What single towns do otherwise: the code, the key and its value as TOML.
    pub(super) fn differences(&self) -> Vec<(MunicipalityCode, &'static str, String)> {
        let everywhere = self.everywhere().keys();
        let differs = |(code, town): (&MunicipalityCode, &Town)| {
            let keys = town.keys().into_iter().zip(&everywhere).filter(|(own, every)| own.value != every.value);
            keys.map(|(own, _)| (*code, own.name, own.value.unwrap_or_default())).collect::<Vec<_>>()
        };
        self.towns.iter().flat_map(differs).collect()
    }

    fn everywhere(&self) -> Town {
        Town { every: self.every.clone(), desks: self.desks.clone(), fees: self.fees.clone() }
    }
}

const ABOUT_TOWNS: &str = "\
# What single municipalities do otherwise, by code: any key of the three sections above. What is left out is as there.
";

const EXAMPLE: &str = "\
# An example, 兵庫県伊丹市:
# [counters.towns.28207]
# branches = false
# by_appointment = true
";

impl Town {
    fn keys(&self) -> Vec<Key> {
        [self.every.keys(), self.desks.keys(), self.fees.keys()].into_iter().flatten().collect()
    }

    fn rules(&self) -> counter::Town {
        let Self { every, desks, fees } = self;
        counter::Town {
            counter: CounterPolicy {
                agent_same_day_with_enclosed_reply: every.agent_same_day_with_enclosed_reply,
                strict_first_visit: every.strict_first_visit,
                reply_days: every.reply_days.into(),
                family_register_months: Some(every.family_register_months).filter(|months| *months > 0),
                closed_days_carry_over: every.closed_days_carry_over,
                exception_path: every.exception_path,
                seal: every.seal,
                translation: every.translation,
            },
            desks: Capabilities {
                branches: desks.branches,
                post_offices: desks.post_offices,
                other_municipalities: desks.other_municipalities,
                by_appointment: desks.by_appointment,
            },
            fees: FeeTable {
                card_yen: fees.card_yen,
                certificates_yen: fees.certificates_yen,
                renewal_yen: fees.renewal_yen,
                ..FeeTable::default()
            },
        }
    }
}
