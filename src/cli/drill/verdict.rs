//! What was restored, held against what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    super::{failure::Failure, house::House},
    load::{Ledger, Pair},
};
use crate::{
    audit::{self, GENESIS},
    authority::publish::Publication,
    kind::Kind,
    rules::CertificateState,
};

/// Something that must hold.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) what: String,
    pub(super) holds: bool,
}

impl Check {
    pub(super) fn that(what: &str, holds: bool) -> Self {
        Self { what: what.to_owned(), holds }
    }
}

/// A line for each.
pub(super) fn write_checks(f: &mut std::fmt::Formatter<'_>, checks: &[Check]) -> std::fmt::Result {
    let line = |check: &Check| format!("{} {}", if check.holds { "ok  " } else { "FAIL" }, check.what);
    f.write_str(&checks.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// All of it.
pub(super) struct Verdict {
    pub(super) checks: Vec<Check>,
    pub(super) lost_pairs: usize,
    pub(super) learnt: usize,
}

/// Numbers of lists by CA, generation and scope.
pub(super) type Numbers = BTreeMap<(Kind, u8, String), u64>;

/// The numbers of lists that were published.
pub(super) fn published(published: Vec<Publication>) -> Numbers {
    published.into_iter().map(|one| ((one.kind, one.generation, one.scope), one.number)).collect()
}

/// Holds the restored service against the ledger and the lists of the lost one.
pub(super) fn reach(house: &House, ledger: &Ledger, (before, after): (&Numbers, &Numbers)) -> Result<Verdict, Failure> {
    let mut checks = Vec::new();
    let mut check = |what: &str, wrong: usize| {
        let what = if wrong == 0 { what.to_owned() } else { format!("{what}: {wrong} times not") };
        checks.push(Check { what, holds: wrong == 0 });
    };
    let states = |pair: &Pair| -> Result<Vec<Option<CertificateState>>, Failure> {
        let state = |(kind, serial)| house.store.certificate(kind, &serial).map(|found| found.map(|one| one.state));
        pair.serials.iter().copied().map(state).collect::<Result<_, _>>().map_err(Failure::fault)
    };
    let (mut missing, mut revived, mut forgotten, mut lost_pairs, mut learnt) = (0, 0, 0, 0, 0);
    let mut serials = BTreeSet::new();
    let mut repeated = 0;
    for pair in ledger.pairs().values() {
        repeated += pair.serials.iter().filter(|one| !serials.insert(**one)).count();
        let states = states(pair)?;
        let is_lost = states.iter().any(Option::is_none);
        let is_revoked = states.iter().all(|state| *state == Some(CertificateState::Revoked));
        match (pair.phase, pair.revoked) {
            (0 | 3, _) if is_lost => missing += 1,
            (_, Some(0 | 1)) if !is_revoked => revived += 1,
            (_, Some(2)) if !is_lost && !is_revoked => forgotten += 1,
            (_, Some(2)) if !is_lost => learnt += states.len(),
            (1 | 2, _) if is_lost => lost_pairs += 1,
            _ => {}
        }
    }
    check("every pair that was acknowledged before the backup is there", missing);
    check("what was revoked before the backup is revoked", revived);
    check("what was revoked in the loss window, and is there, is revoked", forgotten);
    check("no serial number was given twice", repeated);
    let not_risen = before.iter().filter(|(key, number)| after.get(*key).is_none_or(|new| new <= number)).count();
    check("every list has a higher number than the one that was lost", not_risen);
    check("the audit is unbroken from its first entry on", usize::from(!is_unbroken(house)?));
    Ok(Verdict { checks, lost_pairs, learnt })
}

/// Whether the chain of the audit is whole.
pub(super) fn is_unbroken(house: &House) -> Result<bool, Failure> {
    let (mut position, mut seal) = (0, GENESIS);
    loop {
        let page = house.store.audit_after(position, 10_000).map_err(Failure::fault)?;
        if page.is_empty() {
            return Ok(true);
        }
        match audit::follow(&page, position, seal) {
            Ok(end) => (position, seal) = end,
            Err(_) => return Ok(false),
        }
    }
}
