//! Consents: given once, ended once, kept.

use jitsuin::{
    ports::{ConsentEnd, ConsentEndCause, Duplicate, Step, Store, StoreError},
    rules::{ConsentScope, DraftNumber},
};

use crate::{Open, fixture::*};

fn end(number: u8, declaration: Option<u8>) -> Step {
    let declaration = declaration.map(signed);
    let end = ConsentEnd { at: at(20), cause: ConsentEndCause::Withdrawn, declaration };
    Step::EndConsent { number: DraftNumber([number; 16]), end }
}

fn under(number: u8, version: u64) -> Step {
    Step::UnderConsent { number: DraftNumber([number; 16]), version }
}

fn give(record: jitsuin::ports::ConsentRecord) -> Step {
    Step::Consent(Box::new(record))
}

#[track_caller]
fn conflicts(store: &dyn Store, steps: Vec<Step>) {
    let before = everything(store);
    assert!(matches!(commit(store, steps), Err(StoreError::Conflict(_))));
    assert_eq!(everything(store), before);
}

#[track_caller]
fn is_used(store: &dyn Store, steps: Vec<Step>) {
    let before = everything(store);
    assert_eq!(commit(store, steps), Err(StoreError::Duplicate(Duplicate::Declaration)));
    assert_eq!(everything(store), before);
}

pub(crate) fn a_holder_has_one_standing_consent_for_each_party(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    enrol(&*store, 2);
    commit(&*store, vec![give(consent(1, 1, "a"))]).unwrap();
    conflicts(&*store, vec![give(consent(2, 1, "a"))]);
    commit(&*store, vec![give(consent(2, 1, "b")), give(consent(3, 2, "a"))]).unwrap();
    let kept = store.consents(&reference(1)).unwrap();
    assert_eq!(kept, [consent(1, 1, "a"), consent(2, 1, "b")]);
    // Both kept, one standing.
    commit(&*store, vec![end(1, None), give(consent(4, 1, "a"))]).unwrap();
    let kept = store.consents(&reference(1)).unwrap();
    assert_eq!(kept.iter().map(|one| one.ended.is_some()).collect::<Vec<_>>(), [true, false, false]);
    assert!(kept[2].allows("a", ConsentScope::Facts, at(30)) && !kept[0].allows("a", ConsentScope::Facts, at(0)));
    assert!(!kept[2].allows("b", ConsentScope::Facts, at(30)));
    assert!(!kept[2].allows("a", ConsentScope::Facts, at(1_000_001)), "it is over");
}

pub(crate) fn a_consent_is_ended_once_and_does_not_come_back(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    conflicts(&*store, vec![end(1, None)]);
    conflicts(&*store, vec![under(1, 1)]);
    commit(&*store, vec![give(consent(1, 1, "a"))]).unwrap();
    commit(&*store, vec![under(1, 1)]).unwrap();
    conflicts(&*store, vec![under(1, 0)]);
    conflicts(&*store, vec![under(1, 2)]);
    commit(&*store, vec![end(1, Some(9))]).unwrap();
    assert_eq!(store.consents(&reference(1)).unwrap()[0].ended.as_ref().unwrap().declaration, Some(signed(9)));
    conflicts(&*store, vec![end(1, None)]);
    conflicts(&*store, vec![end(1, Some(8))]);
    conflicts(&*store, vec![under(1, 1)]);
}

pub(crate) fn a_declaration_is_good_for_one_use(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    enrol(&*store, 2);
    commit(&*store, vec![give(consent(1, 1, "a"))]).unwrap();
    let mut same_text = consent(2, 2, "b");
    same_text.declaration = signed(1);
    is_used(&*store, vec![give(same_text)]);
    is_used(&*store, vec![give(consent(1, 2, "b"))]);
    is_used(&*store, vec![end(1, Some(1))]);
    commit(&*store, vec![end(1, Some(9))]).unwrap();
    is_used(&*store, vec![give(consent(1, 1, "a"))]);
    commit(&*store, vec![give(consent(3, 1, "a"))]).unwrap();
    is_used(&*store, vec![end(3, Some(9))]);
    is_used(&*store, vec![give(consent(9, 2, "b"))]);
    let mut same_number = consent(1, 2, "b");
    same_number.declaration = signed(7);
    is_used(&*store, vec![give(same_number)]);
}

pub(crate) fn a_new_consent_is_the_holders_and_allows_something(open: Open) {
    let (_dir, store) = crate::fresh(open);
    conflicts(&*store, vec![give(consent(1, 1, "a"))]);
    enrol(&*store, 1);
    let (mut over, mut nothing, mut twice, mut ended) =
        (consent(1, 1, "a"), consent(1, 1, "a"), consent(1, 1, "a"), consent(1, 1, "a"));
    over.ends = at(-1);
    nothing.scopes.clear();
    twice.scopes = vec![ConsentScope::Facts; 2];
    ended.ended = Some(ConsentEnd { at: at(0), cause: ConsentEndCause::Replaced, declaration: None });
    for bad in [over, nothing, twice, ended] {
        conflicts(&*store, vec![give(bad)]);
    }
}
