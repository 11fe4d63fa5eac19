//! «Checked»: what the store, not the caller, guarantees. Every refusal also leaves nothing behind.

use std::io::Write;

use jitsuin::{
    audit::Of,
    kind::Kind::{self, Auth, Sign},
    municipality::MunicipalityCode,
    ports::{
        AuthorityRecord, Compromise, CredentialRecord, CredentialRevocation, CrlRecord, Duplicate, HolderRecord, Leap,
        Links, Step, Store, StoreError, store::Beginning,
    },
    rules::CertificateState::{self, Expired, Held, Live, Reserved, Revoked},
    scope::CrlScope,
    x509::RevocationReason,
};

use crate::{Open, fixture::*};

/// The change is refused with `error`, and nothing of it stays.
#[track_caller]
fn refuses(store: &dyn Store, steps: Vec<Step>, error: &StoreError) {
    let before = everything(store);
    assert_eq!(commit(store, steps).as_ref(), Err(error));
    assert_eq!(everything(store), before);
}

#[track_caller]
fn refuses_as_duplicate(store: &dyn Store, steps: Vec<Step>, what: Duplicate) {
    refuses(store, steps, &StoreError::Duplicate(what));
}

#[track_caller]
fn refuses_as_conflict(store: &dyn Store, steps: Vec<Step>) {
    let before = everything(store);
    assert!(matches!(commit(store, steps), Err(StoreError::Conflict(_))));
    assert_eq!(everything(store), before);
}

pub(crate) fn a_holder_has_one_reservation_of_a_kind(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    commit(&*store, vec![reserve(reservation(Sign, 0, 1))]).unwrap();
    refuses_as_duplicate(&*store, vec![reserve(reservation(Sign, 1, 1))], Duplicate::Standing(Sign));
    commit(&*store, vec![reserve(reservation(Auth, 0, 1))]).unwrap();
    refuses_as_duplicate(&*store, vec![reserve(reservation(Auth, 1, 1))], Duplicate::Standing(Auth));
    enrol(&*store, 2);
    commit(&*store, vec![reserve(reservation(Sign, 1, 2))]).unwrap();
}

pub(crate) fn a_live_or_held_certificate_stands_in_the_way_of_another(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    live(&*store, Auth, 0, 1);
    refuses_as_duplicate(&*store, vec![reserve(reservation(Auth, 1, 1))], Duplicate::Standing(Auth));
    commit(&*store, vec![status(Auth, 0, Live, Held)]).unwrap();
    refuses_as_duplicate(&*store, vec![reserve(reservation(Auth, 1, 1))], Duplicate::Standing(Auth));
}

pub(crate) fn what_is_over_stands_in_nobodys_way(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    for (index, end) in
        [vec![(Live, Revoked)], vec![(Live, Held), (Held, Revoked)], vec![(Live, Expired)]].into_iter().enumerate()
    {
        let index = index as u64;
        live(&*store, Sign, index, 1);
        commit(&*store, end.into_iter().map(|(from, to)| status(Sign, index, from, to)).collect()).unwrap();
    }
    commit(&*store, vec![reserve(reservation(Sign, 3, 1))]).unwrap();
    commit(&*store, vec![status(Sign, 3, Reserved, Revoked)]).unwrap();
    commit(&*store, vec![reserve(reservation(Sign, 4, 1))]).unwrap();
}

pub(crate) fn a_renewal_is_reserved_beside_its_predecessor_and_issued_in_its_place(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    live(&*store, Sign, 0, 1);
    let mut renewal = reservation(Sign, 1, 1);
    renewal.predecessor = Some(0);
    commit(&*store, vec![reserve(renewal)]).unwrap();
    assert_eq!(one(&*store, Sign, 0, 1).successor, None);
    refuses_as_duplicate(&*store, vec![issue(Sign, 1)], Duplicate::Standing(Sign));
    refuses_as_duplicate(&*store, vec![issue(Sign, 1), status(Sign, 0, Live, Revoked)], Duplicate::Standing(Sign));
    commit(&*store, vec![status(Sign, 0, Live, Revoked), issue(Sign, 1)]).unwrap();
    assert_eq!(one(&*store, Sign, 0, 1).successor, Some(1));
    assert_eq!(one(&*store, Sign, 1, 1).predecessor, Some(0));
    assert_eq!(state_of(&*store, Sign, 1, 1), Live);
}

pub(crate) fn a_predecessor_is_the_holders_own_and_of_the_kind(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    enrol(&*store, 2);
    live(&*store, Sign, 0, 1);
    live(&*store, Auth, 1, 2);
    for (index, of) in [(9, 1), (0, 2), (1, 2)] {
        let mut stray = reservation(Sign, 5, of);
        stray.predecessor = Some(index);
        refuses_as_conflict(&*store, vec![reserve(stray)]);
    }
}

pub(crate) fn a_key_is_certified_once_ever(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    enrol(&*store, 2);
    commit(&*store, vec![reserve(reservation(Sign, 0, 1))]).unwrap();
    let with_that_key = |kind, of| {
        let mut record = reservation(kind, 7, of);
        record.key_digest = reservation(Sign, 0, 1).key_digest;
        vec![reserve(record)]
    };
    refuses_as_duplicate(&*store, with_that_key(Sign, 2), Duplicate::Key);
    refuses_as_duplicate(&*store, with_that_key(Auth, 1), Duplicate::Key);
    // Not even after the reservation came to nothing.
    commit(&*store, vec![status(Sign, 0, Reserved, Revoked)]).unwrap();
    refuses_as_duplicate(&*store, with_that_key(Sign, 1), Duplicate::Key);
}

pub(crate) fn an_index_and_a_serial_are_unique_within_the_kind(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    enrol(&*store, 2);
    commit(&*store, vec![reserve(reservation(Sign, 3, 1))]).unwrap();
    let mut same_index = reservation(Sign, 4, 2);
    same_index.index = 3;
    refuses_as_duplicate(&*store, vec![reserve(same_index)], Duplicate::Serial);
    let mut same_serial = reservation(Sign, 4, 2);
    same_serial.serial = reservation(Sign, 3, 1).serial;
    refuses_as_duplicate(&*store, vec![reserve(same_serial.clone())], Duplicate::Serial);
    same_serial.kind = Auth;
    same_serial.index = 3;
    commit(&*store, vec![reserve(same_serial)]).unwrap();
}

pub(crate) fn a_reservation_needs_its_holder_and_card_and_is_nothing_more(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    enrol(&*store, 2);
    refuses_as_conflict(&*store, vec![reserve(reservation(Sign, 0, 3))]);
    let mut on_foreign_card = reservation(Sign, 0, 1);
    on_foreign_card.card = card_number(2);
    refuses_as_conflict(&*store, vec![reserve(on_foreign_card)]);
    let mut issued = reservation(Sign, 0, 1);
    issued.certificate = Some(vec![1]);
    refuses_as_conflict(&*store, vec![reserve(issued)]);
    let mut at_once_live = reservation(Sign, 0, 1);
    at_once_live.state = Live;
    refuses_as_conflict(&*store, vec![reserve(at_once_live)]);
}

pub(crate) fn a_pair_is_linked_both_ways_in_either_order(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let pair = |first: u64, holder: u64| {
        let mut auth = reservation(Auth, first, holder);
        let mut sign = reservation(Sign, first + 1, holder);
        auth.pair = Some(first + 1);
        sign.pair = Some(first);
        (auth, sign)
    };
    for (of, leave_out) in [(1, None), (2, Some(Auth)), (3, Some(Sign))] {
        enrol(&*store, of);
        let (mut auth, mut sign) = pair(of * 2, of);
        match leave_out {
            Some(Auth) => auth.pair = None,
            Some(Sign) => sign.pair = None,
            None => {}
        }
        commit(&*store, vec![reserve(auth), reserve(sign)]).unwrap();
        assert_eq!(one(&*store, Auth, of * 2, of).pair, Some(of * 2 + 1), "{leave_out:?}");
        assert_eq!(one(&*store, Sign, of * 2 + 1, of).pair, Some(of * 2), "{leave_out:?}");
    }
}

pub(crate) fn a_pair_of_two_cards_or_with_nothing_is_refused(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    enrol(&*store, 2);
    live(&*store, Auth, 0, 2);
    for other in [0, 9] {
        let mut sign = reservation(Sign, 0, 1);
        sign.pair = Some(other);
        refuses_as_conflict(&*store, vec![reserve(sign)]);
    }
    let (mut auth, mut sign) = (reservation(Auth, 5, 1), reservation(Sign, 5, 2));
    (auth.pair, sign.pair) = (Some(5), Some(5));
    refuses_as_conflict(&*store, vec![reserve(auth), reserve(sign)]);
}

pub(crate) fn a_new_signing_certificate_takes_over_the_link_of_the_kept_one(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    live(&*store, Auth, 0, 1);
    let mut first = reservation(Sign, 0, 1);
    first.pair = Some(0);
    commit(&*store, vec![reserve(first), issue(Sign, 0), status(Sign, 0, Live, Revoked)]).unwrap();
    let mut second = reservation(Sign, 1, 1);
    (second.pair, second.predecessor) = (Some(0), Some(0));
    commit(&*store, vec![reserve(second)]).unwrap();
    assert_eq!(one(&*store, Auth, 0, 1).pair, Some(1));
    assert_eq!(one(&*store, Sign, 0, 1).pair, Some(0));
}

pub(crate) fn a_holder_changes_only_at_the_version_that_was_read(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let mut record = holder(1);
    record.version = 1;
    refuses_as_conflict(&*store, vec![Step::Holder(record.clone())]);
    commit(&*store, vec![Step::Holder(holder(1))]).unwrap();
    refuses_as_conflict(&*store, vec![Step::Holder(holder(1))]);
    record.moving_to = Some(itami());
    commit(&*store, vec![Step::Holder(record.clone())]).unwrap();
    let stored = store.dossier(&reference(1)).unwrap().unwrap().holder;
    assert_eq!((stored.version, stored.moving_to), (2, Some(itami())));
    for stale in [0, 1, 3] {
        record.version = stale;
        refuses_as_conflict(&*store, vec![Step::Holder(record.clone())]);
    }
}

pub(crate) fn a_card_stays_with_its_holder(open: Open) {
    let (_dir, store) = crate::fresh(open);
    refuses_as_conflict(&*store, vec![Step::Card(card(1, 1))]);
    enrol(&*store, 1);
    enrol(&*store, 2);
    refuses_as_duplicate(&*store, vec![Step::Card(card(1, 2))], Duplicate::Card);
    let mut void = card(1, 1);
    void.void = true;
    commit(&*store, vec![Step::Card(void.clone()), Step::Card(card(3, 1))]).unwrap();
    assert_eq!(store.dossier(&reference(1)).unwrap().unwrap().cards, [void, card(3, 1)]);
    assert_eq!(store.holder_of_card(&card_number(3)).unwrap(), Some(reference(1)));
    assert_eq!(store.holder_of_card(&card_number(4)).unwrap(), None);
}

pub(crate) fn a_request_about_a_card_begins_with_its_answer_or_the_holder_of_the_card(open: Open) {
    let (_dir, store) = crate::fresh(open);
    (1..=2).for_each(|number| enrol(&*store, number));
    live(&*store, Sign, 0, 1);
    let told = answer("client", "told", b"x");
    commit(&*store, vec![Step::Answer(told.clone())]).unwrap();
    let cards = [1, 2, 9].map(card_number);
    let asked = [
        ("told", Some(&cards[0])),
        ("new", Some(&cards[0])),
        ("newer", Some(&cards[1])),
        ("new", Some(&cards[2])),
        ("told", None),
        ("new", None),
    ];
    let of = |number| Beginning::Card(store.dossier(&reference(number)).unwrap().map(Box::new));
    let told = Beginning::Told(told);
    let expected = [told.clone(), of(1), of(2), Beginning::Card(None), told, Beginning::Card(None)];
    assert_eq!(store.beginnings("client", &asked).unwrap(), expected);
    assert_eq!(store.beginnings("another", &asked[..1]).unwrap(), [of(1)], "each client has keys of its own");
    assert!(store.beginnings("client", &[]).unwrap().is_empty());
}

pub(crate) fn a_state_changes_only_from_the_expected_one(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    live(&*store, Sign, 0, 1);
    refuses_as_conflict(&*store, vec![status(Sign, 0, Held, Revoked)]);
    refuses_as_conflict(&*store, vec![status(Sign, 0, Reserved, Revoked)]);
    refuses_as_conflict(&*store, vec![status(Auth, 0, Live, Revoked)]);
    refuses_as_conflict(&*store, vec![status(Sign, 1, Live, Revoked)]);
    refuses_as_conflict(&*store, vec![issue(Sign, 0)]);
    refuses_as_conflict(&*store, vec![issue(Sign, 1)]);
    refuses_as_conflict(&*store, vec![status(Sign, 0, Live, Held), status(Sign, 0, Live, Revoked)]);
}

pub(crate) fn revoked_and_expired_are_final(open: Open) {
    let (_dir, store) = crate::fresh(open);
    const ALL: [CertificateState; 5] = [Reserved, Live, Held, Revoked, Expired];
    enrol(&*store, 1);
    live(&*store, Sign, 0, 1);
    commit(&*store, vec![status(Sign, 0, Live, Revoked)]).unwrap();
    live(&*store, Sign, 1, 1);
    commit(&*store, vec![status(Sign, 1, Live, Expired)]).unwrap();
    for to in ALL {
        refuses_as_conflict(&*store, vec![status(Sign, 0, Revoked, to)]);
        refuses_as_conflict(&*store, vec![status(Sign, 1, Expired, to)]);
    }
    refuses_as_conflict(&*store, vec![issue(Sign, 0)]);
    commit(&*store, vec![reserve(reservation(Sign, 2, 1))]).unwrap();
    for to in [Reserved, Live, Held, Expired] {
        refuses_as_conflict(&*store, vec![status(Sign, 2, Reserved, to)]);
    }
}

pub(crate) fn held_and_revoked_carry_a_revocation_and_others_none(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    live(&*store, Auth, 0, 1);
    let (kind, index, from) = (Auth, 0, Live);
    for to in [Held, Revoked] {
        refuses_as_conflict(&*store, vec![Step::Status { kind, index, from, to, revocation: None }]);
    }
    let extra = Some(revocation(RevocationReason::Superseded));
    refuses_as_conflict(&*store, vec![Step::Status { kind, index, from, to: Expired, revocation: extra }]);
    commit(&*store, vec![status(Auth, 0, Live, Held)]).unwrap();
    assert_eq!(one(&*store, Auth, 0, 1).revocation, Some(revocation(RevocationReason::CertificateHold)));
    commit(&*store, vec![status(Auth, 0, Held, Live)]).unwrap();
    assert_eq!(one(&*store, Auth, 0, 1).revocation, None);
}

pub(crate) fn list_numbers_rise_by_one_in_each_scope(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let scopes = [CrlScope::Full, CrlScope::Municipality(suginami()), CrlScope::Authorities];
    for scope in scopes {
        refuses_as_conflict(&*store, vec![Step::Crl(crl(scope, 0))]);
        refuses_as_conflict(&*store, vec![Step::Crl(crl(scope, 2))]);
        commit(&*store, vec![Step::Crl(crl(scope, 1))]).unwrap();
        refuses_as_conflict(&*store, vec![Step::Crl(crl(scope, 1))]);
        commit(&*store, vec![Step::Crl(crl(scope, 2)), Step::Crl(crl(scope, 3))]).unwrap();
    }
    assert_eq!(store.newest_crls().unwrap(), scopes.map(|scope| crl(scope, 3)));
    let mut second_generation = crl(CrlScope::Full, 1);
    second_generation.generation = 2;
    commit(&*store, vec![Step::Crl(second_generation)]).unwrap();
}

pub(crate) fn a_leap_raises_the_fence_and_leaves_numbers_out(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let of = |sign, auth| Of { sign, auth };
    commit(&*store, vec![Step::Crl(crl(CrlScope::Full, 1)), Step::Crl(crl(CrlScope::Full, 2))]).unwrap();
    assert_eq!(store.allocate(Sign, 5).unwrap(), 0..5);
    let leap = |fence, indexes, numbers| Step::Leap(Leap { fence, indexes, numbers });
    for (fence, indexes, numbers) in [
        (1, of(5, 0), of(2, 2)),
        (0, of(9, 9), of(9, 9)),
        (2, of(4, 9), of(9, 9)),
        (2, of(9, 9), of(1, 9)),
        (2, of(u64::MAX, 9), of(9, 9)),
        (u64::MAX, of(9, 9), of(9, 9)),
    ] {
        refuses_as_conflict(&*store, vec![leap(fence, indexes, numbers)]);
    }
    commit(&*store, vec![leap(4, of(1000, 70), of(500, 60))]).unwrap();
    let marks = store.marks().unwrap();
    assert_eq!((marks.fence, marks.indexes, marks.lists), (4, of(1000, 70), of(500, 60)));
    assert_eq!(store.allocate(Sign, 1).unwrap(), 1000..1001);
    assert_eq!(store.allocate(Auth, 2).unwrap(), 70..72);
    refuses_as_conflict(&*store, vec![Step::Crl(crl(CrlScope::Full, 3))]);
    refuses_as_conflict(&*store, vec![Step::Crl(crl(CrlScope::Full, 502))]);
    commit(&*store, vec![Step::Crl(crl(CrlScope::Full, 501))]).unwrap();
    refuses_as_conflict(&*store, vec![leap(4, of(2000, 2000), of(2000, 2000))]);
    refuses_as_conflict(&*store, vec![leap(5, of(2000, 2000), of(500, 2000))]);
    // Where it stands it may stay: only the fence must rise.
    let Of { sign, auth } = store.marks().unwrap().lists;
    commit(&*store, vec![leap(5, of(1001, 72), of(sign, auth))]).unwrap();
    assert_eq!(store.marks().unwrap().fence, 5);
}

pub(crate) fn a_lost_certificate_stands_on_lists_and_nowhere_else(open: Open) {
    let (_dir, store) = crate::fresh(open);
    enrol(&*store, 1);
    commit(&*store, vec![Step::Municipality(suginami()), Step::Municipality(itami())]).unwrap();
    store.allocate(Sign, 9).unwrap();
    live(&*store, Sign, 0, 1);
    // The number was not given; it is here; it is neither held nor revoked.
    for step in [lost(Sign, 9, Revoked), lost(Auth, 0, Revoked), lost(Sign, 0, Revoked), lost(Sign, 4, Live)] {
        refuses_as_conflict(&*store, vec![step]);
    }
    commit(&*store, vec![lost(Sign, 4, Revoked)]).unwrap();
    commit(&*store, vec![lost(Sign, 5, Held)]).unwrap();
    for again in [lost(Sign, 4, Revoked), lost(Sign, 5, Revoked), reserve(reservation(Sign, 4, 1))] {
        assert!(commit(&*store, vec![again]).is_err());
    }
    let [revoked, held] = [4, 5].map(|index| reservation(Sign, index, 1).serial);
    for serial in [&revoked, &held] {
        assert_eq!(store.certificate(Sign, serial).unwrap(), None, "nobody here has it");
        assert!(store.erased(Sign, serial).unwrap().unwrap().stub.is_lost());
    }
    assert_eq!(store.certificates(Sign, 0, 99).unwrap().0.len(), 1);
    let on = |scope| {
        let mut told = Vec::new();
        store.each_revoked(Sign, 1, scope, at(0), &mut |entry| told.push((entry.serial, entry.reason))).unwrap();
        told.sort();
        told
    };
    let mut both = vec![(revoked, RevocationReason::KeyCompromise), (held, RevocationReason::CertificateHold)];
    both.sort();
    assert_eq!(on(CrlScope::Full), both);
    assert_eq!(on(CrlScope::Municipality(suginami())), both);
    assert_eq!(on(CrlScope::Municipality(itami())), []);
    let states: Vec<_> = store.listed_events(1, 9).unwrap().iter().map(|one| (one.serial, one.event.state)).collect();
    assert_eq!(states, [(revoked, Revoked), (held, Held)]);
    let counts = store.counts().unwrap();
    let count = |state| counts.iter().find(|one| (one.kind, one.state) == (Sign, state)).map(|one| one.count);
    assert_eq!((count(Live), count(Revoked), count(Held)), (Some(1), Some(1), Some(1)));
    // Whoever knows better says so.
    commit(&*store, vec![status(Sign, 5, Held, Revoked)]).unwrap();
    assert_eq!(on(CrlScope::Full).iter().filter(|(_, reason)| *reason == RevocationReason::KeyCompromise).count(), 2);
}

pub(crate) fn a_complete_list_and_its_deltas_share_one_sequence(open: Open) {
    let (_dir, store) = crate::fresh(open);
    for complete in [CrlScope::Full, CrlScope::Municipality(suginami())] {
        let delta = complete.delta().unwrap();
        for number in [0, 1, 2] {
            refuses_as_conflict(&*store, vec![Step::Crl(crl(delta, number))]);
        }
        commit(&*store, vec![Step::Crl(crl(complete, 1)), Step::Crl(crl(delta, 2)), Step::Crl(crl(delta, 3))]).unwrap();
        for taken in [2, 3, 5] {
            refuses_as_conflict(&*store, vec![Step::Crl(crl(complete, taken))]);
            refuses_as_conflict(&*store, vec![Step::Crl(crl(delta, taken))]);
        }
        // A delta beside its complete list bears its number, once.
        commit(&*store, vec![Step::Crl(crl(complete, 4)), Step::Crl(crl(delta, 4))]).unwrap();
        refuses_as_conflict(&*store, vec![Step::Crl(crl(delta, 4))]);
        refuses_as_conflict(&*store, vec![Step::Crl(crl(complete, 4))]);
        commit(&*store, vec![Step::Crl(crl(complete, 5)), Step::Crl(crl(delta, 6))]).unwrap();
        refuses_as_conflict(&*store, vec![Step::Crl(crl(delta, 5))]);
    }
    let newest: Vec<_> = store.newest_crls().unwrap().iter().map(|one| (one.scope.is_delta(), one.number)).collect();
    assert_eq!(newest, [(false, 5), (false, 5), (true, 6), (true, 6)]);
}

pub(crate) fn every_list_is_found_by_its_number_and_by_its_successor(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let (complete, delta) = (CrlScope::Full, CrlScope::FullDelta);
    let numbers = [(complete, 1), (delta, 2), (complete, 3), (delta, 3), (delta, 4), (complete, 5)];
    commit(&*store, numbers.map(|(scope, number)| Step::Crl(crl(scope, number))).into()).unwrap();
    for (scope, number) in numbers {
        assert_eq!(store.crl(Sign, 1, scope, number).unwrap(), Some(crl(scope, number)));
        assert_eq!(store.crl(Sign, 2, scope, number).unwrap(), None);
        assert_eq!(store.crl(Auth, 1, scope, number).unwrap(), None);
    }
    for (scope, missing) in [(complete, 2), (delta, 1), (delta, 5), (complete, 0), (complete, u64::MAX)] {
        assert_eq!(store.crl(Sign, 1, scope, missing).unwrap(), None);
    }
    let before = |scope, number| store.crl_before(Sign, 1, scope, number).unwrap().map(|one| one.number);
    assert_eq!(
        [1, 2, 3, 5, u64::MAX].map(|number| before(complete, number)),
        [None, Some(1), Some(1), Some(3), Some(5)]
    );
    assert_eq!([2, 3, 4, 9].map(|number| before(delta, number)), [None, Some(2), Some(3), Some(4)]);
    assert_eq!(before(CrlScope::Authorities, 9), None);
}

pub(crate) fn generations_follow_each_other_and_begin_at_the_next_index(open: Open) {
    let (_dir, store) = crate::fresh(open);
    for stray in [0, 2] {
        refuses_as_conflict(&*store, vec![Step::Authority(authority(Sign, stray))]);
    }
    commit(&*store, vec![Step::Authority(authority(Sign, 1)), Step::Authority(authority(Auth, 1))]).unwrap();
    let first = store.allocate(Sign, 7).unwrap();
    commit(&*store, vec![Step::Authority(authority(Sign, 2))]).unwrap();
    refuses_as_conflict(&*store, vec![Step::Authority(authority(Sign, 2))]);
    let known: Vec<_> =
        store.authorities().unwrap().iter().map(|one| (one.kind, one.generation, one.first_index)).collect();
    assert_eq!(known, [(Sign, 1, first.start), (Sign, 2, first.end), (Auth, 1, 0)]);
    let links = Links { old_with_new: vec![1], new_with_old: vec![2] };
    let linked = AuthorityRecord { links: Some(links.clone()), ..authority(Auth, 2) };
    commit(&*store, vec![Step::Authority(linked)]).unwrap();
    let known = store.authorities().unwrap();
    assert_eq!(known.iter().filter_map(|one| one.links.as_ref()).collect::<Vec<_>>(), [&links]);
}

pub(crate) fn a_compromise_is_noted_once_and_settled_once_and_ends_issuing(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let both = Kind::BOTH.map(|kind| Step::Authority(authority(kind, 1)));
    commit(&*store, both.into()).unwrap();
    let reserve = Step::Reserve(Box::new(reservation(Sign, 1, 1)));
    commit(&*store, vec![Step::Holder(HolderRecord { version: 0, ..holder(1) }), Step::Card(card(1, 1)), reserve])
        .unwrap();
    let compromise =
        |generation, second, settled| vec![Step::Compromise { kind: Sign, generation, at: at(second), settled }];
    refuses_as_conflict(&*store, compromise(2, 5, false));
    refuses_as_conflict(&*store, compromise(1, 5, true));
    let known = || store.authorities().unwrap().into_iter().map(|one| one.compromise).collect::<Vec<_>>();
    assert_eq!(known(), [None, None]);
    commit(&*store, compromise(1, 5, false)).unwrap();
    assert_eq!(known(), [Some(Compromise { at: at(5), is_settled: false }), None]);
    refuses_as_conflict(&*store, compromise(1, 5, false));
    refuses_as_conflict(&*store, compromise(1, 6, true));
    refuses_as_conflict(&*store, vec![Step::Issue { kind: Sign, index: 1, certificate: vec![1] }]);
    commit(&*store, compromise(1, 5, true)).unwrap();
    assert_eq!(known(), [Some(Compromise { at: at(5), is_settled: true }), None]);
    refuses_as_conflict(&*store, compromise(1, 5, true));
    refuses_as_conflict(&*store, compromise(1, 5, false));
}

pub(crate) fn the_first_answer_is_the_answer_until_forgotten(open: Open) {
    let (_dir, store) = crate::fresh(open);
    commit(&*store, vec![Step::Answer(answer("client", "key-1", b"first"))]).unwrap();
    refuses(&*store, vec![Step::Answer(answer("client", "key-1", b"second"))], &StoreError::Repeated);
    commit(&*store, vec![Step::Answer(answer("other", "key-1", b"")), Step::Answer(answer("client", "key-2", b"x"))])
        .unwrap();
    assert_eq!(store.answer("client", "key-1").unwrap(), Some(answer("client", "key-1", b"first")));
    assert_eq!(store.answer("other", "key-1").unwrap(), Some(answer("other", "key-1", b"")));
    let forget = || Step::Forget { client: "client".into(), key: "key-1".into() };
    commit(&*store, vec![forget()]).unwrap();
    assert_eq!(store.answer("client", "key-1").unwrap(), None);
    assert!(store.answer("client", "key-2").unwrap().is_some());
    // What is not there is forgotten already.
    commit(&*store, vec![forget(), Step::Answer(answer("client", "key-1", b"again"))]).unwrap();
    assert_eq!(store.answer("client", "key-1").unwrap(), Some(answer("client", "key-1", b"again")));
}

pub(crate) fn a_credential_has_a_name_of_its_own(open: Open) {
    let (_dir, store) = crate::fresh(open);
    commit(&*store, vec![Step::Credential(credential(2, "b")), Step::Credential(credential(1, "c"))]).unwrap();
    refuses_as_duplicate(&*store, vec![Step::Credential(credential(3, "b"))], Duplicate::Credential);
    refuses_as_duplicate(&*store, vec![Step::Credential(credential(1, "b"))], Duplicate::Credential);
    let mut barred = credential(1, "a");
    barred.active = false;
    commit(&*store, vec![Step::Credential(barred.clone())]).unwrap();
    assert_eq!(store.credentials().unwrap(), [barred.clone(), credential(2, "b")]);
    assert_eq!(store.credential(&[1; 32]).unwrap(), Some(barred));
    assert_eq!(store.credential(&[9; 32]).unwrap(), None);
}

pub(crate) fn a_revoked_credential_stays_as_it_was_revoked(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let end = CredentialRevocation { at: at(5), reason: RevocationReason::KeyCompromise };
    let revoked = CredentialRecord { active: false, revocation: Some(end), ..credential(1, "a") };
    // One that is revoked and admitted contradicts itself.
    refuses_as_conflict(&*store, vec![Step::Credential(CredentialRecord { active: true, ..revoked.clone() })]);
    commit(&*store, vec![Step::Credential(credential(1, "a"))]).unwrap();
    commit(&*store, vec![Step::Credential(revoked.clone())]).unwrap();
    assert_eq!(store.credential(&[1; 32]).unwrap(), Some(revoked.clone()));
    commit(&*store, vec![Step::Credential(revoked.clone())]).unwrap();
    refuses_as_conflict(&*store, vec![Step::Credential(credential(1, "a"))]);
    refuses_as_conflict(&*store, vec![Step::Credential(CredentialRecord { revocation: None, ..revoked.clone() })]);
    let later = CredentialRevocation { at: at(6), ..end };
    refuses_as_conflict(&*store, vec![Step::Credential(CredentialRecord { revocation: Some(later), ..revoked })]);
}

pub(crate) fn a_list_of_the_access_ca_follows_the_last_one(open: Open) {
    let (_dir, store) = crate::fresh(open);
    assert_eq!(store.access_list().unwrap(), None);
    refuses_as_conflict(&*store, vec![access_list(1, 5)]);
    refuses_as_conflict(&*store, vec![access_list(0, 0)]);
    commit(&*store, vec![access_list(0, 5)]).unwrap();
    // Numbers may be left out, and never fall; whoever made a list after another than the last is refused.
    for (after, number) in [(0, 6), (5, 5), (5, 4), (4, 6), (6, 7)] {
        refuses_as_conflict(&*store, vec![access_list(after, number)]);
    }
    commit(&*store, vec![access_list(5, 9), access_list(9, 10)]).unwrap();
    let Step::AccessList { record, .. } = access_list(9, 10) else { unreachable!() };
    assert_eq!(store.access_list().unwrap(), Some(record));
}

pub(crate) fn a_municipality_takes_part_once(open: Open) {
    let (_dir, store) = crate::fresh(open);
    let step = |code: MunicipalityCode| Step::Municipality(code);
    commit(&*store, vec![step(itami()), step(suginami()), step(itami())]).unwrap();
    assert_eq!(store.municipalities().unwrap(), [suginami(), itami()]);
}

pub(crate) fn a_clock_that_went_back_stops_writing(open: Open) {
    let (_dir, store) = crate::fresh(open);
    store.commit(change_at(1000, vec![])).unwrap();
    // Within the tolerance, and not a step to creep back by.
    store.commit(change_at(940, vec![])).unwrap();
    let before = everything(&*store);
    let refused = store.commit(change_at(939, vec![Step::Holder(holder(1))]));
    assert_eq!(refused, Err(StoreError::ClockWentBack { last: at(1000) }));
    assert_eq!(everything(&*store), before);
    store.commit(change_at(1000, vec![Step::Holder(holder(1))])).unwrap();
}

pub(crate) fn a_drafted_list_is_given_back_and_one_that_was_not_kept_leaves_nothing(open: Open) {
    let (dir, store) = crate::fresh(open);
    for (number, octets) in [(1, &b"short"[..]), (2, b"a list that is long")] {
        let mut draft = store.draft_list(octets.len() as u64).unwrap();
        draft.write_all(b"?").unwrap();
        draft.begin_digest(&ring::digest::SHA384);
        draft.write_all(&octets[1..]).unwrap();
        let digest = draft.end_digest().unwrap();
        assert_eq!(digest.as_ref(), ring::digest::digest(&ring::digest::SHA384, &octets[1..]).as_ref());
        assert!(draft.end_digest().is_err(), "none was begun");
        draft.overwrite_front(&octets[..1]).unwrap();
        assert_eq!(*draft.read_back().unwrap().whole().unwrap(), *octets);
        let sha256 = ring::digest::digest(&ring::digest::SHA256, octets);
        let der = draft.keep(sha256.as_ref().try_into().unwrap()).unwrap();
        assert_eq!((der.length(), &*der.whole().unwrap()), (octets.len() as u64, octets));
        commit(&*store, vec![Step::Crl(CrlRecord { der: der.clone(), ..crl(CrlScope::Full, number) })]).unwrap();
        let kept = store.crl(Sign, 1, CrlScope::Full, number).unwrap().unwrap().der;
        assert_eq!((&kept, &*kept.whole().unwrap()), (&der, octets));
        let mut forgotten = store.draft_list(octets.len() as u64).unwrap();
        forgotten.write_all(octets).unwrap();
    }
    let files = std::fs::read_dir(dir.path().join("jitsuin.db.crl")).map_or(0, Iterator::count);
    assert!(files <= 1, "the list that was kept");
}
