//! What the resident register reports, and what it does to the pair.

use jitsuin::{
    authority::{
        Actor, StoryError,
        change::{RegisterChange, RegisterEvent},
        end::Effects,
    },
    kind::Kind,
    revocation::index::Status,
    rules::{
        Asked,
        CertificateState::{self, *},
    },
    x509::RevocationReason::{self, *},
};

use crate::house::{House, ITAMI, Person, SUGINAMI, at, day, municipality, operator, relying_party, rule};

fn housed() -> (House, Person) {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    house.pair(&person);
    house.set_clock("2026-04-01T03:00:00Z");
    (house, person)
}

fn states(house: &House, person: &Person) -> (CertificateState, CertificateState) {
    (house.state(person, Kind::Auth), house.state(person, Kind::Sign))
}

fn reason(house: &House, person: &Person, kind: Kind) -> Option<RevocationReason> {
    house.newest(person, kind).revocation.map(|end| end.reason)
}

fn report(house: &House, from: &str, change: &RegisterChange) -> Result<Effects, StoryError> {
    house.authority.change(&municipality(from), &house.once(), change)
}

#[test]
fn r_13_a_move_ends_sign_and_keeps_auth() {
    for event in [RegisterEvent::Move, RegisterEvent::NameChange, RegisterEvent::Correction] {
        let (house, person) = housed();
        let effects = house.change(&person, event).unwrap();
        assert_eq!((effects.rule.as_str(), effects.changes.len()), ("R-13", 1));
        assert_eq!(states(&house, &person), (Live, Revoked));
        assert_eq!(reason(&house, &person, Kind::Sign), Some(AffiliationChanged));
        assert_eq!(house.newest(&person, Kind::Sign).revocation.unwrap().revocation_date, house.now());
        house.check();
    }
}

#[test]
fn r_04_c_14_from_its_recording_on_the_status_is_revoked_and_not_from_the_next_day() {
    let (house, person) = housed();
    let status = |kind| house.authority.parts().index.status(kind, house.newest(&person, kind).index);
    assert_eq!(status(Kind::Sign), Status::Good);
    house.change(&person, RegisterEvent::Move).unwrap();
    assert!(matches!(status(Kind::Sign), Status::Revoked(end) if end.revocation_date == house.now()));
    assert_eq!(status(Kind::Auth), Status::Good);
}

#[test]
fn sign_is_issued_again_after_a_move_until_the_end_of_auth() {
    let (house, person) = housed();
    house.change(&person, RegisterEvent::Move).unwrap();
    let again = house.issue(&municipality(SUGINAMI), Asked::New, &person.enrolment(&[Kind::Sign])).unwrap();
    assert_eq!(again.certificates[0].not_after, at("2030-02-17T14:59:59Z"), "not the fifth birthday, 2031");
    assert_eq!(states(&house, &person), (Live, Live));
}

#[test]
fn r_14_a_minor_correction_ends_nothing_and_is_recorded() {
    let (house, person) = housed();
    let effects = house.change(&person, RegisterEvent::MinorCorrection).unwrap();
    assert!(effects.changes.is_empty());
    assert_eq!(states(&house, &person), (Live, Live));
    let last = house.store.audit_after(0, usize::MAX).unwrap().pop().unwrap();
    assert_eq!(last.draft.action, "register.changed");
}

#[test]
fn r_15_death_ends_both_without_telling_that_it_was_death() {
    let (house, person) = housed();
    house.change(&person, RegisterEvent::Death).unwrap();
    assert_eq!(states(&house, &person), (Revoked, Revoked));
    for kind in Kind::BOTH {
        assert_eq!(reason(&house, &person, kind), Some(CessationOfOperation));
    }
    let dossier = house.dossier(&person);
    assert!(dossier.cards[0].void && !dossier.holder.registered);
    let enrolment = person.enrolment(&Kind::BOTH);
    assert_eq!(rule(house.issue(&municipality(SUGINAMI), Asked::New, &enrolment)), "E-01");
    assert_eq!(rule(house.change(&person, RegisterEvent::Move)), "E-01");
    house.check();
}

#[test]
fn r_19_r_20_an_overseas_move_depends_on_continued_use() {
    let (house, person) = housed();
    house.change(&person, RegisterEvent::OverseasMove).unwrap();
    assert_eq!(states(&house, &person), (Revoked, Revoked));
    let (house, person) = housed();
    house.change(&person, RegisterEvent::OverseasMoveWithContinuedUse).unwrap();
    assert_eq!(states(&house, &person), (Live, Revoked));
}

#[test]
fn r_16_a_holder_who_moves_out_and_in_changes_the_municipality_that_acts() {
    let (house, person) = housed();
    let out = RegisterChange { to: Some(ITAMI.parse().unwrap()), ..person.change(RegisterEvent::MoveOut) };
    let arrival = person.change(RegisterEvent::MoveIn);
    assert_eq!(rule(report(&house, ITAMI, &arrival)), "E-02", "not announced yet");
    report(&house, SUGINAMI, &out).unwrap();
    assert_eq!(states(&house, &person), (Live, Revoked));
    assert_eq!(house.dossier(&person).holder.municipality.to_string(), SUGINAMI, "until the arrival");
    assert_eq!(rule(report(&house, SUGINAMI, &arrival)), "E-02", "only where it was announced to");

    house.set_clock("2026-04-10T03:00:00Z");
    report(&house, ITAMI, &arrival).unwrap();
    assert_eq!(rule(house.issue(&municipality(SUGINAMI), Asked::New, &person.enrolment(&[Kind::Sign]))), "E-02");
    house.issue(&municipality(ITAMI), Asked::New, &person.enrolment(&[Kind::Sign])).unwrap();
    let [auth, sign] = Kind::BOTH.map(|kind| house.newest(&person, kind));
    assert_eq!((auth.municipality.to_string(), sign.municipality.to_string()), (SUGINAMI.into(), ITAMI.into()));
    assert_eq!(rule(report(&house, ITAMI, &arrival)), "E-02", "arrived already");
    house.check();
}

#[test]
fn r_17_an_announced_move_that_never_arrives_ends_auth_too() {
    let (house, person) = housed();
    let out = RegisterChange { to: Some(ITAMI.parse().unwrap()), ..person.change(RegisterEvent::MoveOut) };
    report(&house, SUGINAMI, &out).unwrap();
    house.change(&person, RegisterEvent::MoveInMissed).unwrap();
    assert_eq!(states(&house, &person), (Revoked, Revoked));
    assert_eq!(reason(&house, &person, Kind::Auth), Some(CessationOfOperation));
    assert_eq!(reason(&house, &person, Kind::Sign), Some(AffiliationChanged));
}

#[test]
fn the_dead_do_not_arrive() {
    let (house, person) = housed();
    let out = RegisterChange { to: Some(ITAMI.parse().unwrap()), ..person.change(RegisterEvent::MoveOut) };
    report(&house, SUGINAMI, &out).unwrap();
    house.change(&person, RegisterEvent::Death).unwrap();
    assert_eq!(rule(report(&house, ITAMI, &person.change(RegisterEvent::MoveIn))), "E-01");
}

#[test]
fn reports_that_cannot_be_are_refused_and_change_nothing() {
    let (house, person) = housed();
    let before = house.dossier(&person);
    let change = |event| person.change(event);
    let to = |code: &str| Some(code.parse().unwrap());
    for (expected, from, report_of) in [
        ("E-02", ITAMI, change(RegisterEvent::Move)),
        ("E-02", ITAMI, change(RegisterEvent::Death)),
        ("R-16", SUGINAMI, change(RegisterEvent::MoveOut)),
        ("R-16", SUGINAMI, RegisterChange { to: to(SUGINAMI), ..change(RegisterEvent::MoveOut) }),
        ("R-16", SUGINAMI, RegisterChange { to: to(ITAMI), ..change(RegisterEvent::Move) }),
        ("E-02", SUGINAMI, RegisterChange { to: to("99999"), ..change(RegisterEvent::MoveOut) }),
        ("R-13", SUGINAMI, RegisterChange { birth: Some(day("1980-02-18")), ..change(RegisterEvent::Move) }),
        ("R-01", SUGINAMI, RegisterChange { event_day: Some(day("2026-04-02")), ..change(RegisterEvent::Death) }),
        ("T-09", SUGINAMI, Person::new("TEST-9").change(RegisterEvent::Death)),
    ] {
        assert_eq!(rule(report(&house, from, &report_of)), expected, "{report_of:?}");
    }
    let by_operator = house.authority.change(&operator(), &house.once(), &change(RegisterEvent::Death));
    assert_eq!(rule(by_operator), "E-02");
    assert_eq!(house.dossier(&person), before);
    house.check();
}

#[test]
fn an_arrival_gives_neither_destination_nor_date_of_birth() {
    let (house, person) = housed();
    let itami = Some(ITAMI.parse().unwrap());
    report(&house, SUGINAMI, &RegisterChange { to: itami, ..person.change(RegisterEvent::MoveOut) }).unwrap();
    let arrival = person.change(RegisterEvent::MoveIn);
    let elsewhere = RegisterChange { to: itami, ..arrival.clone() };
    let reborn = RegisterChange { birth: Some(day("1980-02-18")), ..arrival };
    assert_eq!(rule(report(&house, ITAMI, &elsewhere)), "R-16");
    assert_eq!(rule(report(&house, ITAMI, &reborn)), "R-13");
    assert_eq!(house.dossier(&person).holder.municipality.to_string(), SUGINAMI);
}

#[test]
fn r_01_an_event_of_an_earlier_day_has_an_invalidity_date_and_one_of_today_has_none() {
    let (house, person) = housed();
    let effects = house.change(&person.clone().on("2026-03-20"), RegisterEvent::Move).unwrap();
    // The first instant of the day in Japan.
    assert_eq!(effects.changes[0].invalidity_date, Some(at("2026-03-19T15:00:00Z")));
    let end = house.newest(&person, Kind::Sign).revocation.unwrap();
    assert_eq!((end.revocation_date, end.invalidity_date), (house.now(), Some(at("2026-03-19T15:00:00Z"))));

    let (house, person) = housed();
    house.change(&person.clone().on("2026-04-01"), RegisterEvent::Move).unwrap();
    assert_eq!(house.newest(&person, Kind::Sign).revocation.unwrap().invalidity_date, None);
}

#[test]
fn a_corrected_date_of_birth_is_the_one_that_counts_from_then_on() {
    let (house, person) = housed();
    let corrected = person.clone().born("1980-03-17");
    let change = RegisterChange { birth: Some(corrected.birth), ..person.change(RegisterEvent::Correction) };
    report(&house, SUGINAMI, &change).unwrap();
    let suginami = municipality(SUGINAMI);
    assert_eq!(rule(house.issue(&suginami, Asked::New, &person.enrolment(&[Kind::Sign]))), "R-26");
    house.issue(&suginami, Asked::New, &corrected.enrolment(&[Kind::Sign])).unwrap();
}

/// The announcement of a move to Itami.
fn to_itami(person: &Person) -> RegisterChange {
    RegisterChange { to: Some(ITAMI.parse().unwrap()), ..person.change(RegisterEvent::MoveOut) }
}

#[test]
fn a_date_of_birth_to_come_corrects_nothing() {
    let (house, person) = housed();
    let before = house.dossier(&person);
    // 2026-04-01 in Japan.
    let born = |birth| RegisterChange { birth: Some(day(birth)), ..person.change(RegisterEvent::Correction) };
    assert_eq!(rule(report(&house, SUGINAMI, &born("2026-04-02"))), "E-01");
    assert_eq!(rule(report(&house, SUGINAMI, &born("9999-12-31"))), "E-01");
    assert_eq!(house.dossier(&person), before);
    report(&house, SUGINAMI, &born("2026-04-01")).unwrap();
    assert_eq!(house.dossier(&person).holder.birth, day("2026-04-01"));
}

#[test]
fn a_move_that_nobody_announced_is_neither_missed_nor_cancelled() {
    for (event, expected) in [(RegisterEvent::MoveInMissed, "R-17"), (RegisterEvent::MoveOutCancelled, "R-16")] {
        let (house, person) = housed();
        let before = house.dossier(&person);
        assert_eq!(rule(house.change(&person, event)), expected);
        assert_eq!(house.dossier(&person), before, "{event:?}");
        report(&house, SUGINAMI, &to_itami(&person)).unwrap();
        for actor in [municipality(ITAMI), operator(), relying_party()] {
            let refused = house.authority.change(&actor, &house.once(), &person.change(event));
            assert_eq!(rule(refused), "E-02", "{event:?} {actor:?}");
        }
        let elsewhere = RegisterChange { to: Some(ITAMI.parse().unwrap()), ..person.change(event) };
        assert_eq!(rule(report(&house, SUGINAMI, &elsewhere)), "R-16", "{event:?}");
        house.change(&person, event).unwrap();
        if event == RegisterEvent::MoveOutCancelled {
            assert_eq!(rule(house.change(&person, event)), expected, "{event:?}: once");
        }
        house.check();
    }
}

#[test]
fn after_a_cancelled_move_the_holder_does_not_arrive() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &to_itami(&person)).unwrap();
    house.change(&person, RegisterEvent::MoveOutCancelled).unwrap();
    assert_eq!(house.dossier(&person).holder.moving_to, None);
    assert_eq!(rule(report(&house, ITAMI, &person.change(RegisterEvent::MoveIn))), "E-02");
    report(&house, SUGINAMI, &to_itami(&person)).unwrap();
    report(&house, ITAMI, &person.change(RegisterEvent::MoveIn)).unwrap();
    assert_eq!(house.dossier(&person).holder.municipality.to_string(), ITAMI, "announced again");
}

#[test]
fn after_a_missed_arrival_the_holder_can_still_arrive_late() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &to_itami(&person)).unwrap();
    house.change(&person, RegisterEvent::MoveInMissed).unwrap();
    assert_eq!(states(&house, &person), (Revoked, Revoked));
    report(&house, ITAMI, &person.change(RegisterEvent::MoveIn)).unwrap();
    assert_eq!(house.dossier(&person).holder.municipality.to_string(), ITAMI);
    house.check();
}

#[test]
fn a_ward_stays_one_until_the_counter_says_otherwise() {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    let suginami = municipality(SUGINAMI);
    let with = |ward, kinds: &[Kind]| {
        let mut enrolment = person.enrolment(kinds);
        enrolment.holder.ward = ward;
        enrolment
    };
    house.issue(&suginami, Asked::New, &with(Some(true), &[Kind::Auth])).unwrap();
    assert_eq!(rule(house.issue(&suginami, Asked::New, &with(None, &[Kind::Sign]))), "E-06");
    house.issue(&suginami, Asked::New, &with(Some(false), &[Kind::Sign])).unwrap();
}

#[test]
fn a_known_card_has_the_days_that_were_recorded() {
    let (house, person) = housed();
    house.change(&person, RegisterEvent::Move).unwrap();
    let suginami = municipality(SUGINAMI);
    let with = |edit: fn(&mut jitsuin::authority::enrol::Card)| {
        let mut enrolment = person.enrolment(&[Kind::Sign]);
        edit(&mut enrolment.card);
        enrolment
    };
    let issued = with(|card| card.issue_day = card.issue_day.previous_day().unwrap());
    let applied = with(|card| card.application_day = card.issue_day.previous_day());
    let stay = with(|card| card.stay_last_day = Some(time::macros::date!(2027 - 03 - 01)));
    for (enrolment, expected) in [(issued, "E-03"), (applied, "E-03"), (stay, "E-10")] {
        assert_eq!(rule(house.issue(&suginami, Asked::New, &enrolment)), expected);
    }
    house.issue(&suginami, Asked::New, &person.enrolment(&[Kind::Sign])).unwrap();
}

#[test]
fn a_cancelled_move_ends_nothing_and_brings_nothing_back() {
    let (house, person) = housed();
    report(&house, SUGINAMI, &to_itami(&person)).unwrap();
    let sign = house.newest(&person, Kind::Sign);
    let effects = house.change(&person, RegisterEvent::MoveOutCancelled).unwrap();
    assert!(effects.changes.is_empty());
    assert_eq!(states(&house, &person), (Live, Revoked));
    assert_eq!(house.newest(&person, Kind::Sign), sign);
    house.issue(&municipality(SUGINAMI), Asked::New, &person.enrolment(&[Kind::Sign])).unwrap();
    house.check();
}

#[test]
fn who_is_recorded_is_not_recorded_again() {
    let (house, person) = housed();
    let before = house.dossier(&person);
    let again = person.change(RegisterEvent::Registration);
    for from in [SUGINAMI, ITAMI] {
        assert_eq!(rule(report(&house, from, &again)), "E-01", "{from}");
    }
    assert_eq!(house.dossier(&person), before);
    let stranger = Person::new("TEST-9").change(RegisterEvent::Registration);
    assert_eq!(rule(report(&house, SUGINAMI, &stranger)), "T-09", "who was never known comes with an application");
    house.check();
}

#[test]
fn only_a_municipality_that_takes_part_records_again() {
    let (house, person) = housed();
    house.change(&person, RegisterEvent::Death).unwrap();
    let before = house.dossier(&person);
    let again = person.change(RegisterEvent::Registration);
    for actor in [operator(), relying_party(), Actor::service(), municipality("13113")] {
        assert_eq!(rule(house.authority.change(&actor, &house.once(), &again)), "E-02", "{actor:?}");
    }
    for (expected, more) in [
        ("R-16", RegisterChange { to: Some(ITAMI.parse().unwrap()), ..again.clone() }),
        ("R-13", RegisterChange { birth: Some(person.birth), ..again.clone() }),
        ("R-01", RegisterChange { event_day: Some(day("2026-04-02")), ..again.clone() }),
    ] {
        assert_eq!(rule(report(&house, ITAMI, &more)), expected, "{more:?}");
    }
    assert_eq!(house.dossier(&person), before);
    house.takes_part("13113");
    let refusal = rule(report(&house, "13113", &again));
    assert_eq!(refusal, "E-01", "of two municipalities nobody knows which came first on a day");
    house.set_clock("2026-04-02T03:00:00Z");
    report(&house, "13113", &again).unwrap();
    house.check();
}

#[test]
fn who_is_recorded_again_lives_where_that_was_and_gets_nothing_back() {
    for removal in [RegisterEvent::Death, RegisterEvent::OverseasMove] {
        let (house, person) = housed();
        report(&house, SUGINAMI, &to_itami(&person)).unwrap();
        house.change(&person, removal).unwrap();
        let ended = house.dossier(&person).certificates;
        let effects = report(&house, SUGINAMI, &person.change(RegisterEvent::Registration)).unwrap();
        assert!(effects.changes.is_empty(), "{removal:?}");
        assert_eq!(house.dossier(&person).certificates, ended, "{removal:?}");
        assert_eq!(rule(report(&house, ITAMI, &person.change(RegisterEvent::MoveIn))), "E-02", "an old announcement");

        house.change(&person, removal).unwrap();
        house.set_clock("2026-04-02T03:00:00Z");
        report(&house, ITAMI, &person.change(RegisterEvent::Registration)).unwrap();
        let holder = house.dossier(&person).holder;
        assert_eq!((holder.municipality.to_string().as_str(), holder.registered), (ITAMI, true), "{removal:?}");
        let next = person.clone().with_card("CARD-2", "2026-04-01");
        let pair = || next.enrolment(&Kind::BOTH);
        assert_eq!(rule(house.issue(&municipality(SUGINAMI), Asked::New, &pair())), "E-02", "{removal:?}");
        let on_the_void_card = person.enrolment(&Kind::BOTH);
        assert_eq!(rule(house.issue(&municipality(ITAMI), Asked::New, &on_the_void_card)), "E-03", "{removal:?}");
        house.issue(&municipality(ITAMI), Asked::New, &pair()).unwrap();
        assert_eq!(states(&house, &person), (Live, Live), "{removal:?}");
        house.check();
    }
}
