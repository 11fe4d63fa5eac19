//! What is published when, by whom, and what is in it.

use std::time::Duration;

use jitsuin::{
    authority::StoryError,
    kind::Kind,
    rules::Cause,
    scope::CrlScope,
    x509::{CrlEntry, CrlView, RevocationReason, Serial},
};

use crate::{
    bench::{entries, list, numbers, place, two_towns},
    house::{House, ITAMI, Person, SUGINAMI, at, municipality, operator, relying_party, rule},
};

#[test]
fn a_list_for_every_scope_appears_and_is_empty_where_nothing_ended() {
    let house = House::new();
    let published = house.authority.publish(&operator()).unwrap();
    assert_eq!(published.len(), 8, "two CAs, each full, ca and two municipalities");
    for (key, list) in house.authority.parts().lists.all() {
        let view = CrlView::from_der(&list.der).unwrap();
        assert_eq!((view.number, list.number, list.entries, view.entries().count()), (1, 1, 0, 0), "{key:?}");
        assert_eq!(view.next_update, view.this_update + Duration::from_secs(2 * 86_400));
        assert_eq!(view.issuing_distribution_point.is_none(), key.2 == CrlScope::Full, "{key:?}");
    }
    house.check();
}

#[test]
fn only_an_operator_or_the_service_publishes() {
    let house = House::new();
    for stranger in [municipality(SUGINAMI), relying_party()] {
        assert_eq!(rule(house.authority.publish(&stranger)), "T-08");
    }
    assert!(house.authority.parts().lists.all().is_empty());
    assert_eq!(house.authority.publish_due().unwrap().len(), 8);
}

#[test]
fn lists_and_deltas_appear_when_they_are_due_and_share_their_numbers() {
    let (house, one, _) = two_towns();
    let due = || house.authority.publish_due().unwrap();
    let complete = ["full", "ca", SUGINAMI, ITAMI];
    assert_eq!(numbers(&due(), Kind::Sign), complete.map(|scope| (scope, 1)));
    assert_eq!(due().len(), 0, "a delta is not made in the second of its base");
    house.set_clock("2026-04-01T03:00:01Z");
    assert_eq!(numbers(&due(), Kind::Sign), [("delta", 2), ("13115-delta", 2), ("28207-delta", 2)]);
    house.set_clock("2026-04-01T03:15:00Z");
    assert_eq!(due().len(), 0);
    house.set_clock("2026-04-01T03:15:01Z");
    assert_eq!(numbers(&due(), Kind::Sign), [("delta", 3), ("13115-delta", 3), ("28207-delta", 3)]);
    house.set_clock("2026-04-02T02:59:59Z");
    assert_eq!(numbers(&due(), Kind::Auth)[0], ("delta", 4));
    house.set_clock("2026-04-02T03:00:00Z");
    house.revoke(&one, Cause::CardDamaged, None).unwrap();
    let second = due();
    let expected =
        [("full", 5), ("delta", 5), ("ca", 2), ("13115", 5), ("13115-delta", 5), ("28207", 5), ("28207-delta", 5)];
    assert_eq!(numbers(&second, Kind::Sign), expected, "each complete list with the delta that leads to it");
    assert_eq!(
        numbers(&house.authority.publish(&operator()).unwrap(), Kind::Auth)[..3],
        [("full", 6), ("delta", 6), ("ca", 3)]
    );
    house.check();
}

#[test]
fn a_missed_day_is_made_up_at_once() {
    let (house, ..) = two_towns();
    house.authority.publish_due().unwrap();
    house.set_clock("2026-04-09T12:34:56Z");
    let published = house.authority.publish_due().unwrap();
    assert!(published.iter().all(|one| one.number == 2 && one.this_update == house.now()), "{published:?}");
    assert_eq!(published.len(), 14, "eight complete lists and six deltas");
}

#[test]
fn a_municipality_s_list_has_its_own_only_and_the_full_list_all() {
    let (house, one, other) = two_towns();
    house.revoke(&one, Cause::CardDamaged, None).unwrap();
    let end = other.revocation(Cause::KeyCompromise, Some(&[Kind::Sign]));
    house.authority.revoke(&municipality(ITAMI), &house.once(), &end).unwrap();
    house.authority.publish(&operator()).unwrap();
    for kind in Kind::BOTH {
        let serials = |scope| entries(&list(&house, kind, scope).der).iter().map(|one| one.serial).collect::<Vec<_>>();
        let (mine, theirs) = (house.newest(&one, kind).serial, house.newest(&other, kind).serial);
        assert_eq!(serials(place(SUGINAMI)), [mine]);
        assert_eq!(serials(CrlScope::Authorities), []);
        let mut all = vec![mine];
        if kind == Kind::Sign {
            assert_eq!(serials(place(ITAMI)), [theirs]);
            all.push(theirs);
            all.sort();
        } else {
            assert_eq!(serials(place(ITAMI)), []);
        }
        assert_eq!(serials(CrlScope::Full), all);
    }
    house.check();
}

#[test]
fn a_list_says_when_and_why_and_never_why_not() {
    let (house, one, other) = two_towns();
    house.revoke(&one.clone().on("2026-03-01"), Cause::KeyCompromise, Some(&[Kind::Sign])).unwrap();
    // Discarded before delivery: on the list, without a reason.
    house.fuse.store(1, std::sync::atomic::Ordering::SeqCst);
    let third = Person::new("TEST-3").with_card("CARD-3", "2026-04-01");
    let enrolment = third.enrolment(&Kind::BOTH);
    house.issue(&municipality(SUGINAMI), jitsuin::rules::Asked::New, &enrolment).unwrap_err();
    house
        .authority
        .hold(&municipality(ITAMI), &house.once(), &jitsuin::authority::hold::HoldRequest { card: other.card() })
        .unwrap();
    house.authority.publish(&operator()).unwrap();
    let full = entries(&list(&house, Kind::Sign, CrlScope::Full).der);
    let of = |serial: Serial| *full.iter().find(|one| one.serial == serial).expect("an entry");
    let leaked = of(house.newest(&one, Kind::Sign).serial);
    assert_eq!((leaked.reason, leaked.revocation_date), (RevocationReason::KeyCompromise, house.now()));
    assert_eq!(leaked.invalidity_date, Some(at("2026-02-28T15:00:00Z")));
    assert_eq!(of(house.newest(&other, Kind::Sign).serial).reason, RevocationReason::CertificateHold);
    let discarded = house.dossier(&third).certificates.into_iter().find(|one| one.kind == Kind::Sign).unwrap();
    let discarded = of(discarded.serial);
    assert_eq!((discarded.reason, discarded.invalidity_date), (RevocationReason::Unspecified, None));
    assert_eq!(full.len(), 3);
}

#[test]
fn a_released_hold_leaves_the_next_list_and_a_revoked_one_stays() {
    let (house, one, _) = two_towns();
    house.hold(&one).unwrap();
    house.authority.publish(&operator()).unwrap();
    assert_eq!(list(&house, Kind::Auth, CrlScope::Full).entries, 1);
    house.release(&one).unwrap();
    house.authority.publish(&operator()).unwrap();
    assert_eq!(list(&house, Kind::Auth, CrlScope::Full).entries, 0);
    let sign = entries(&list(&house, Kind::Sign, CrlScope::Full).der);
    assert_eq!(sign.iter().map(|one| one.reason).collect::<Vec<_>>(), [RevocationReason::CessationOfOperation]);
}

#[test]
fn a_hold_that_becomes_a_revocation_keeps_its_date_on_the_list() {
    let (house, one, _) = two_towns();
    house.hold(&one).unwrap();
    house.authority.publish(&operator()).unwrap();
    let held = |kind| entries(&list(&house, kind, CrlScope::Full).der);
    let before = Kind::BOTH.map(held);
    house.set_clock("2026-05-01T03:00:00Z");
    house.release(&one).unwrap();
    house.revoke(&one, Cause::KeyCompromise, Some(&[Kind::Auth])).unwrap();
    house.authority.publish(&operator()).unwrap();
    for scope in [CrlScope::Full, place(SUGINAMI)] {
        let [auth, sign] = Kind::BOTH.map(|kind| entries(&list(&house, kind, scope).der));
        let ended = CrlEntry { reason: RevocationReason::CessationOfOperation, ..before[1][0] };
        assert_eq!(sign, [ended], "held, released, and over since the hold");
        let anew = CrlEntry { reason: RevocationReason::KeyCompromise, revocation_date: house.now(), ..before[0][0] };
        assert_eq!(auth, [anew], "it was good again in between");
    }
}

#[test]
fn an_expired_entry_leaves_only_after_a_list_made_past_its_end() {
    let (house, one, _) = two_towns();
    house.revoke(&one, Cause::HolderApplication, Some(&[Kind::Sign])).unwrap();
    let mut counts = Vec::new();
    // Before its end, at its last second, past it for the first time, and after that.
    for now in ["2026-04-01T04:00:00Z", "2030-02-17T14:59:59Z", "2030-02-17T15:00:00Z", "2030-02-18T15:00:00Z"] {
        house.set_clock(now);
        house.authority.publish(&operator()).unwrap();
        counts.push(list(&house, Kind::Sign, CrlScope::Full).entries);
        assert_eq!(list(&house, Kind::Sign, place(SUGINAMI)).entries, *counts.last().unwrap());
    }
    assert_eq!(counts, [1, 1, 1, 0]);
}

#[test]
fn lists_survive_a_restart_and_go_on_in_number() {
    let (house, one, _) = two_towns();
    house.authority.publish(&operator()).unwrap();
    house.revoke(&one, Cause::CardDamaged, None).unwrap();
    house.authority.publish(&operator()).unwrap();
    let served = house.authority.parts().lists.all();
    house.authority.load_lists().unwrap();
    assert_eq!(house.authority.parts().lists.all(), served);
    let records = house.store.newest_crls().unwrap();
    assert!(records.len() == 14 && records.iter().all(|record| record.number == 2), "{:?}", records.len());
}

#[test]
fn a_clock_that_went_back_publishes_nothing() {
    let (house, ..) = two_towns();
    house.authority.publish(&operator()).unwrap();
    let served = house.authority.parts().lists.all();
    house.set_clock("2026-04-01T02:59:59Z");
    assert_eq!(house.authority.publish_due(), Ok(Vec::new()), "nothing is due before what there is");
    let outcome = house.authority.publish(&operator());
    assert!(matches!(&outcome, Err(StoryError::Fault(detail)) if detail.contains("older")), "{outcome:?}");
    assert_eq!(house.authority.parts().lists.all(), served);
}
