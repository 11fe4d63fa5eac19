//! Counting refused questions without letting a party that is refused all the time fill the disk.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{limits::REFUSAL_NOTES, ports::Step, rules::Query, x509::UnixTime};

/// The refusals of each party that are not written yet; parties are few, for each has a credential.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<String, Window>>);

#[derive(Debug)]
struct Window {
    since: UnixTime,
    noted: u32,
    waiting: BTreeMap<Query, u32>,
}

const MINUTE: Duration = Duration::from_secs(60);

impl Refusals {
    /// Counts a refusal. True if it is to be written now; otherwise it waits for the next that is.
    pub(super) fn add(&self, party: &str, query: Query, now: UnixTime) -> bool {
        let mut windows = self.lock();
        let fresh = || Window { since: now, noted: 0, waiting: BTreeMap::new() };
        let window = windows.entry(party.to_owned()).or_insert_with(fresh);
        if now >= window.since + MINUTE || now < window.since {
            (window.since, window.noted) = (now, 0);
        }
        *window.waiting.entry(query).or_default() += 1;
        window.noted += 1;
        window.noted <= REFUSAL_NOTES
    }

    /// Takes what waits for a party, to be written. What then is not written is put back.
    pub(super) fn take(&self, party: &str) -> BTreeMap<Query, u32> {
        self.lock().get_mut(party).map(|window| std::mem::take(&mut window.waiting)).unwrap_or_default()
    }

    /// Puts back what could not be written.
    pub(super) fn put_back(&self, party: &str, counts: BTreeMap<Query, u32>) {
        if let Some(window) = self.lock().get_mut(party) {
            for (query, count) in counts {
                *window.waiting.entry(query).or_default() += count;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Window>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The steps that write counts.
pub(super) fn steps(party: &str, at: UnixTime, counts: &BTreeMap<Query, u32>) -> Vec<Step> {
    let step = |(query, count): (&Query, &u32)| Step::Refused { party: party.into(), query: *query, at, count: *count };
    counts.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> UnixTime {
        UnixTime::from_seconds(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn beyond_so_many_a_minute_refusals_wait_and_none_is_lost() {
        let refusals = Refusals::default();
        let mut written = 0;
        for number in 0..REFUSAL_NOTES + 100 {
            if refusals.add("e-filing", Query::Pair, at(i64::from(number % 60))) {
                written += refusals.take("e-filing")[&Query::Pair];
            }
        }
        assert_eq!(written, REFUSAL_NOTES);
        assert!(refusals.add("other", Query::Pair, at(0)), "each party has its own count");
        assert!(refusals.add("e-filing", Query::Status, at(60)), "a minute later it is written again");
        let waiting = refusals.take("e-filing");
        assert_eq!(waiting, BTreeMap::from([(Query::Status, 1), (Query::Pair, 100)]));
        assert!(refusals.take("e-filing").is_empty());
        refusals.put_back("e-filing", waiting.clone());
        assert_eq!(refusals.take("e-filing"), waiting);
    }
}
