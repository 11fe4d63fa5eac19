//! A card that is lost and found.

use std::sync::Arc;

use jitsuin::{
    authority::{
        StoryError,
        change::{RegisterChange, RegisterEvent},
        end::Effects,
        hold::HoldRequest,
    },
    kind::Kind,
    revocation::index::{Status, StatusIndex},
    rules::{Asked, Cause, CertificateState::*, Policy},
    store::MemoryStore,
    x509::{RevocationReason::*, UnixTime},
};

use crate::house::{House, ITAMI, Person, SUGINAMI, at, day, municipality, operator, relying_party, rule};

fn housed() -> (House, Person) {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    house.pair(&person);
    house.set_clock("2026-04-01T03:00:00Z");
    (house, person)
}

fn status(house: &House, person: &Person, kind: Kind) -> Status {
    house.authority.parts().index.status(kind, house.newest(person, kind).index)
}

#[test]
fn r_21_r_22_a_hold_suspends_both_and_a_release_revives_auth_alone() {
    let (house, person) = housed();
    assert_eq!(house.hold(&person).unwrap().changes.len(), 2);
    for kind in Kind::BOTH {
        let held = house.newest(&person, kind);
        assert_eq!((held.state, held.revocation.unwrap().reason), (Held, CertificateHold));
        assert!(matches!(status(&house, &person, kind), Status::Revoked(end) if end.reason == CertificateHold));
    }
    house.set_clock("2026-04-02T03:00:00Z");
    house.release(&person).unwrap();
    let [auth, sign] = Kind::BOTH.map(|kind| house.newest(&person, kind));
    assert_eq!((auth.state, auth.revocation), (Live, None));
    assert_eq!((sign.state, sign.revocation.map(|end| end.reason)), (Revoked, Some(CessationOfOperation)));
    assert_eq!(status(&house, &person, Kind::Auth), Status::Good);
    house.check();
}

#[test]
fn a_released_auth_can_be_held_again() {
    let (house, person) = housed();
    house.hold(&person).unwrap();
    house.release(&person).unwrap();
    let again = house.hold(&person).unwrap();
    assert_eq!(again.changes.iter().map(|change| change.kind).collect::<Vec<_>>(), [Kind::Auth]);
    assert_eq!((house.state(&person, Kind::Auth), house.state(&person, Kind::Sign)), (Held, Revoked));
}

#[test]
fn a_second_hold_or_release_is_refused() {
    let (house, person) = housed();
    assert_eq!(rule(house.release(&person)), "R-22", "nothing is held");
    house.hold(&person).unwrap();
    assert_eq!(rule(house.hold(&person)), "R-21");
    house.release(&person).unwrap();
    assert_eq!(rule(house.release(&person)), "R-22");
    house.check();
}

#[test]
fn c_08_a_policy_may_make_every_hold_final() {
    let policy = Policy { auth_hold_releasable: false, ..Policy::default() };
    let (house, person) = (House::with_policy(Arc::new(MemoryStore::new()), policy), Person::new("TEST-1"));
    house.pair(&person);
    house.hold(&person).unwrap();
    house.release(&person).unwrap();
    assert_eq!((house.state(&person, Kind::Auth), house.state(&person, Kind::Sign)), (Revoked, Revoked));
}

#[test]
fn the_telephone_desk_holds_and_only_the_counter_releases() {
    let (house, person) = housed();
    let request = HoldRequest { card: person.card() };
    for stranger in [municipality(ITAMI), relying_party()] {
        assert_eq!(rule(house.authority.hold(&stranger, &house.once(), &request)), "E-02");
    }
    house.authority.hold(&operator(), &house.once(), &request).unwrap();
    for stranger in [municipality(ITAMI), relying_party(), operator()] {
        assert_eq!(rule(house.authority.release(&stranger, &house.once(), &request)), "E-02");
    }
    house.authority.release(&municipality(SUGINAMI), &house.once(), &request).unwrap();
}

#[test]
fn an_unknown_card_is_neither_held_nor_revoked() {
    let (house, stranger) = (House::new(), Person::new("TEST-9"));
    assert_eq!(rule(house.hold(&stranger)), "T-09");
    assert_eq!(rule(house.release(&stranger)), "T-09");
    assert_eq!(rule(house.revoke(&stranger, Cause::CardReturned, None)), "T-09");
}

#[test]
fn a_held_pair_is_issued_again_and_not_renewed() {
    let house = House::new();
    house.set_clock("2020-08-01T03:00:00Z");
    let person = Person::new("TEST-1").born("1990-07-07").with_card("CARD-1", "2020-08-01");
    house.pair(&person);
    house.set_clock("2025-05-01T03:00:00Z");
    house.hold(&person).unwrap();
    let suginami = municipality(SUGINAMI);
    assert_eq!(rule(house.issue(&suginami, Asked::Renewal, &person.enrolment(&Kind::BOTH))), "V-14");
    let same_card = house.issue(&suginami, Asked::New, &person.enrolment(&Kind::BOTH));
    assert_eq!(rule(same_card), "E-03", "a suspended card takes no certificates");
    let old = house.newest(&person, Kind::Sign);
    let person = person.with_card("CARD-2", "2025-05-01");
    let again = house.issue(&suginami, Asked::New, &person.enrolment(&Kind::BOTH)).unwrap();
    assert_eq!(again.certificates[0].not_after, at("2029-07-07T14:59:59Z"), "example 46: the fifth birthday");
    let old = house.dossier(&person).certificates.into_iter().find(|one| one.serial == old.serial).unwrap();
    assert_eq!((old.state, old.revocation.unwrap().reason), (Revoked, Superseded));
    assert_eq!(rule(house.release(&person)), "R-22", "the hold is over");
}

#[test]
fn a_held_certificate_dies_of_what_ends_its_kind() {
    let (house, person) = housed();
    house.hold(&person).unwrap();
    house.change(&person, RegisterEvent::Move).unwrap();
    assert_eq!((house.state(&person, Kind::Auth), house.state(&person, Kind::Sign)), (Held, Revoked));
    let effects = house.release(&person).unwrap();
    assert_eq!(effects.changes.len(), 1);
    let sign = house.newest(&person, Kind::Sign).revocation.unwrap();
    assert_eq!(sign.reason, AffiliationChanged, "what ended before is not touched by the release");
}

#[test]
fn a_hold_past_the_end_of_validity_is_refused() {
    let (house, person) = housed();
    house.set_clock("2030-02-17T14:59:59Z");
    house.hold(&person).unwrap();
    house.set_clock("2030-02-17T15:00:00Z");
    let late: Result<_, StoryError> = house.release(&person);
    assert_eq!(rule(late), "R-22");
}

/// Held on 2026-04-01, on a clock of a month later.
fn held_a_month_ago() -> (House, Person, UnixTime) {
    let (house, person) = housed();
    house.hold(&person).unwrap();
    let since = house.now();
    house.set_clock("2026-05-01T03:00:00Z");
    (house, person, since)
}

/// Ends what is held, and says whose certificates ended.
type End = Box<dyn Fn(&House, &Person) -> Effects>;

/// Everything that a counter, an operator or the register can report and that revokes.
fn every_end() -> Vec<(String, End)> {
    let reported = |cause: Cause| {
        let actor = if matches!(cause, Cause::RecordError | Cause::DuplicateIssue) {
            operator()
        } else {
            municipality(SUGINAMI)
        };
        let end: End = Box::new(move |house, person| {
            let kinds = cause.applies_per_kind().then_some(&Kind::BOTH[..]);
            house.authority.revoke(&actor, &house.once(), &person.revocation(cause, kinds)).unwrap()
        });
        (cause.to_string(), end)
    };
    let events = [RegisterEvent::Move, RegisterEvent::NameChange, RegisterEvent::Death, RegisterEvent::OverseasMove];
    let register = events.map(|event| -> (String, End) {
        (format!("{event:?}"), Box::new(move |house, person| house.change(person, event).unwrap()))
    });
    let release: End = Box::new(|house, person| house.release(person).unwrap());
    let void: End = Box::new(|house, person| {
        // 転入届 of yesterday, two months after moving.
        let said = |change, event_day, notified| RegisterChange {
            event_day: Some(day(event_day)),
            notified: Some(day(notified)),
            ..person.change(change)
        };
        let leaving = said(RegisterEvent::MoveOut, "2026-03-01", "2026-03-01");
        let leaving = RegisterChange { to: Some(ITAMI.parse().unwrap()), planned: Some(day("2026-03-01")), ..leaving };
        house.authority.change(&municipality(SUGINAMI), &house.once(), &leaving).unwrap();
        let arrival = said(RegisterEvent::MoveIn, "2026-03-01", "2026-04-30");
        house.authority.change(&municipality(ITAMI), &house.once(), &arrival).unwrap();
        let request = person.revocation(Cause::CardVoidAfterMove, None);
        house.authority.revoke(&municipality(ITAMI), &house.once(), &request).unwrap()
    });
    let void = (Cause::CardVoidAfterMove.to_string(), void);
    let causes = [
        Cause::HolderApplication,
        Cause::KeyCompromise,
        Cause::CardDamaged,
        Cause::CardReissuedAfterLoss,
        Cause::CardReissuedAfterDamage,
        Cause::CardReturned,
        Cause::RecordError,
        Cause::DuplicateIssue,
        Cause::DiscardedBeforeDelivery,
        Cause::FaceAuthenticationOn,
    ];
    causes.into_iter().map(reported).chain(register).chain([void, ("a release".into(), release)]).collect()
}

#[test]
fn whatever_ends_a_held_certificate_it_is_over_since_the_hold() {
    for (name, end) in every_end() {
        let (house, person, since) = held_a_month_ago();
        let effects = end(&house, &person);
        assert_eq!(effects.recorded_at, house.now(), "{name}: when it was recorded is told too");
        let fresh = Arc::new(StatusIndex::default());
        house.store.follow(0, Arc::clone(&fresh) as Arc<_>).unwrap();
        let mut ended = effects.changes.iter().filter(|change| change.state == Revoked).peekable();
        assert!(ended.peek().is_some(), "{name}: nothing ended");
        for change in ended {
            let kind = change.kind;
            let one = house.newest(&person, kind);
            let end = one.revocation.unwrap();
            assert_eq!((one.state, end.revocation_date), (Revoked, since), "{name}: {kind}");
            assert_ne!(end.reason, CertificateHold, "{name}: {kind}");
            for index in [&house.authority.parts().index, &fresh] {
                assert_eq!(index.status(kind, one.index), Status::Revoked(end.clone()), "{name}: {kind}");
            }
        }
        house.check();
    }
}

#[test]
fn a_held_pair_that_is_superseded_is_over_since_the_hold() {
    let (house, person, since) = held_a_month_ago();
    let old = Kind::BOTH.map(|kind| house.newest(&person, kind));
    let person = person.with_card("CARD-2", "2025-10-27");
    house.issue(&municipality(SUGINAMI), Asked::New, &person.enrolment(&Kind::BOTH)).unwrap();
    for one in old {
        let dossier = house.dossier(&person);
        let end = dossier.certificates.iter().find(|other| other.serial == one.serial).unwrap().revocation.clone();
        let end = end.unwrap();
        assert_eq!((end.reason, end.revocation_date), (Superseded, since));
        assert_eq!(house.authority.parts().index.status(one.kind, one.index), Status::Revoked(end));
    }
}

#[test]
fn a_hold_that_is_over_dates_nothing() {
    let (house, person, _) = held_a_month_ago();
    house.release(&person).unwrap();
    house.set_clock("2026-06-01T03:00:00Z");
    house.revoke(&person, Cause::HolderApplication, Some(&[Kind::Auth])).unwrap();
    assert_eq!(house.newest(&person, Kind::Auth).revocation.unwrap().revocation_date, house.now());
}

#[test]
fn a_second_hold_counts_from_its_own_day() {
    let (house, person, _) = held_a_month_ago();
    house.release(&person).unwrap();
    house.set_clock("2026-06-01T03:00:00Z");
    house.hold(&person).unwrap();
    let again = house.now();
    house.set_clock("2026-07-01T03:00:00Z");
    house.revoke(&person, Cause::CardDamaged, None).unwrap();
    assert_eq!(house.newest(&person, Kind::Auth).revocation.unwrap().revocation_date, again);
}

#[test]
fn a_revocation_has_no_invalidity_date_after_the_hold_it_is_dated_by() {
    // The hold was at noon of 2026-04-01 in Japan.
    for (event_day, expected) in [("2026-04-20", None), ("2026-04-01", Some("2026-03-31T15:00:00Z"))] {
        let (house, person, since) = held_a_month_ago();
        let effects = house.revoke(&person.clone().on(event_day), Cause::CardDamaged, None).unwrap();
        for change in effects.changes {
            let end = house.newest(&person, change.kind).revocation.unwrap();
            assert_eq!((end.revocation_date, end.invalidity_date), (since, expected.map(at)), "{event_day}");
            assert_eq!(change.invalidity_date, end.invalidity_date, "{event_day}: what is told is what is stored");
        }
    }
}

/// An application for what is missing on a known card, which leaves out the day on which the card was applied for.
#[test]
fn the_day_of_the_application_for_a_card_is_not_forgotten_where_it_is_left_out_later() {
    let (house, person) = (House::new(), Person::new("TEST-1").with_card("CARD-1", "2022-05-01"));
    let apply = |kinds: &[Kind], application_day| {
        let mut enrolment = person.enrolment(kinds);
        enrolment.card.application_day = application_day;
        house.issue(&municipality(SUGINAMI), Asked::New, &enrolment)
    };
    let (right, wrong) = (Some(day("2022-03-31")), Some(day("2022-05-01")));
    apply(&[Kind::Auth], right).unwrap();
    apply(&[Kind::Sign], None).unwrap();
    let card = house.dossier(&person).cards.remove(0);
    assert_eq!((Some(card.application_day), card.issue_day), (right, day("2022-05-01")));
    house.revoke(&person, Cause::HolderApplication, Some(&[Kind::Sign])).unwrap();
    assert_eq!(rule(apply(&[Kind::Sign], wrong)), "E-03");
    apply(&[Kind::Sign], right).unwrap();
}

/// V-05: under majority at 20 a card of somebody of 19 ends with the fifth birthday, or the sixth if it was exchanged.
#[test]
fn a_printed_end_is_judged_by_the_recorded_day_of_application() {
    let house = House::new();
    let person = Person::new("TEST-1").born("2003-02-01").with_card("CARD-1", "2022-05-01");
    let mut first = person.enrolment(&[Kind::Auth]);
    first.card.application_day = Some(day("2022-03-31"));
    house.issue(&municipality(SUGINAMI), Asked::New, &first).unwrap();
    assert_eq!(house.dossier(&person).cards[0].last_day, day("2027-02-01"));
    let mut second = person.enrolment(&[Kind::Sign]);
    second.card.last_day = Some(day("2032-02-01"));
    assert_eq!(rule(house.issue(&municipality(SUGINAMI), Asked::New, &second)), "V-05");
}
