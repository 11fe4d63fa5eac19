//! The audit of the whole rehearsal.

use std::{collections::BTreeMap, path::Path};

use jitsuin::{
    audit::{self, GENESIS},
    store::SqliteStore,
};

use crate::{ask::Tally, letters::LetterBook, lists::ListBook, stage::Timed, world::World};

/// Every row is what the entry that wrote it last says.
pub(crate) fn check_rows(database: &Path) {
    let examined = SqliteStore::open_read_only(database).and_then(|store| Ok(store.examine(&[], 99)?));
    let examined = examined.expect("the store reads");
    assert_eq!(examined.findings, []);
    assert!(examined.not_covered.is_empty() && examined.rows > 0);
}

/// The chain is whole, and tells of every request once: a story each, two for an issue, one for a refusal.
pub(crate) fn check_audit(
    world: &World,
    (tally, lists): (&Tally, &ListBook),
    (letters, timed): (&LetterBook, &Timed),
) -> u64 {
    let (mut position, mut seal, mut acts) = (0, GENESIS, BTreeMap::<String, u64>::new());
    loop {
        let page = world.store.audit_after(position, 10_000).expect("the store reads");
        let Some(last) = page.last() else { break };
        audit::follow(&page, position, seal).expect("the chain is whole");
        (position, seal) = (last.position, last.seal);
        page.iter().for_each(|entry| *acts.entry(entry.draft.action.clone()).or_default() += 1);
    }
    let of = |action: &str| acts.get(action).copied().unwrap_or(0);
    let done = |words: &[&str]| -> u64 {
        let counted = tally
            .0
            .iter()
            .filter(|((chapter, word), _)| *chapter == "done" && words.iter().any(|begin| word.starts_with(begin)));
        counted.map(|(_, count)| count).sum()
    };
    let again = |word: &str| tally.0.get(&("told again", word.to_owned())).copied().unwrap_or(0);
    let again_issued = again("certificates of an application");
    let again_told = tally.of("told again") - again_issued;
    let filed = done(&["filed application"]) - again_issued;
    assert_eq!(of("pair.issued"), done(&["application"]) + filed + 1, "and the keeper's");
    assert_eq!(of("pair.discarded"), tally.of("key failed"));
    assert_eq!(of("pair.reserved"), of("pair.issued") + of("pair.discarded"));
    assert_eq!(of("certificate.revoked"), done(&["revocation"]));
    assert_eq!(of("certificate.held") + of("certificate.released"), done(&["hold", "release"]));
    assert_eq!(of("register.waiting"), tally.of("waited by"));
    assert_eq!(of("register.repeated"), again_told);
    let reported = done(&["register", "feed"]) + tally.of("waits");
    assert_eq!(of("register.changed") + of("register.waiting") + of("register.repeated"), reported);
    assert_eq!(of("deadline.passed"), timed.passed);
    assert_eq!(of("notice.sent"), letters.sent);
    assert_eq!(of("application.received"), done(&["filed:"]));
    assert_eq!(of("application.advanced"), done(&["step"]) + timed.lapsed);
    assert_eq!(of("application.repeated"), again_issued);
    assert_eq!(of("request.refused"), tally.of("refused"));
    assert_eq!(of("crl.published"), lists.published);
    position
}
