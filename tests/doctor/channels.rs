//! Each channel made to lie, one at a time: the doctor tells that lie and nothing else.

use std::sync::Arc;

use jitsuin::{
    cli::doctor::Channel,
    kind::Kind,
    ports::{Follower, ListedEvent, StatusEvent},
    revocation::index::StatusIndex,
    rules::CertificateState,
    scope::CrlScope,
    x509::{CrlEntry, RevocationReason},
};

use crate::{
    house::{ITAMI, Person, SUGINAMI, at},
    scene::{Scene, lines, place},
};

/// What is told is these lines: each begins and goes on as said.
#[track_caller]
fn only(told: &[String], expected: &[(&str, &str)]) {
    let fits = |line: &String, (begins, contains): &(&str, &str)| line.starts_with(begins) && line.contains(contains);
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for expected in expected {
        assert!(told.iter().any(|line| fits(line, expected)), "{expected:?} is not in {told:#?}");
    }
}

#[test]
fn where_nothing_is_wrong_nothing_is_found_and_everything_was_compared() {
    let scene = Scene::new();
    let findings = scene.examine(Some(&scene.listen()));
    assert_eq!(lines(&findings), Vec::<String>::new());
    for (channel, least) in [
        (Channel::Events, 25),
        (Channel::Table, 17),
        (Channel::Index, 17),
        (Channel::Ocsp, 17),
        (Channel::NeverIssued, 20),
        (Channel::FullLists, 8),
        (Channel::FullDeltas, 10),
        (Channel::MunicipalLists, 8),
        (Channel::MunicipalDeltas, 10),
    ] {
        assert!(findings.channels[&channel].compared >= least, "{channel}: {findings}");
    }
    assert_eq!(findings.channels[&Channel::AuthorityLists].asked, 2);
    assert_eq!((findings.not_asked.as_slice(), findings.contradictions()), (&[][..], 0));
}

#[test]
fn without_the_service_the_store_is_compared_and_what_was_not_asked_is_told() {
    let scene = Scene::new();
    let findings = scene.examine(None);
    assert_eq!(lines(&findings), Vec::<String>::new());
    assert_eq!(findings.not_asked, [Channel::Ocsp, Channel::NeverIssued]);
    assert!(!findings.channels.contains_key(&Channel::Ocsp));
    assert!(findings.channels[&Channel::FullDeltas].compared > 0);
    assert!(findings.to_string().contains("OCSP, never issued       not asked"), "{findings}");
}

// --- the table ---------------------------------------------------------------

#[test]
fn a_row_with_another_reason_than_its_event_is_found() {
    let scene = Scene::new();
    let serial = scene.serial(&scene.people.revoked, Kind::Sign);
    scene.sql(&format!("UPDATE certificate SET reason = 4 WHERE serial = x'{serial}'"));
    let begin = format!("sign {serial} table: revoked since 2026-03-31T03:00:00Z (superseded");
    only(&scene.told(), &[(&begin, "events: revoked since 2026-03-31T03:00:00Z (keyCompromise")]);
}

#[test]
fn a_row_that_was_brought_back_to_life_is_found() {
    let scene = Scene::new();
    let serial = scene.serial(&scene.people.held, Kind::Auth);
    scene.sql(&format!(
        "UPDATE certificate SET state = 'live', reason = NULL, revocation_date = NULL, invalidity_date = NULL, cause = NULL
         WHERE serial = x'{serial}'"
    ));
    only(&scene.told(), &[(&format!("auth {serial} table: good; "), "events: held since 2026-03-31")]);
}

#[test]
fn a_row_that_expired_before_its_time_is_found() {
    let scene = Scene::new();
    let serial = scene.serial(&scene.people.late, Kind::Auth);
    scene.sql(&format!("UPDATE certificate SET state = 'expired' WHERE serial = x'{serial}'"));
    only(&scene.told(), &[(&format!("auth {serial} table: expired"), "events: good")]);
}

#[test]
fn a_row_that_moved_to_another_partition_is_found_in_the_lists_of_both() {
    let scene = Scene::new();
    let serial = scene.serial(&scene.people.revoked, Kind::Sign);
    scene.sql(&format!("UPDATE certificate SET municipality = '{ITAMI}' WHERE serial = x'{serial}'"));
    let told = scene.told();
    let of = |place: &str, says: &str| {
        told.iter().any(|line| line.starts_with(&format!("sign {serial} {place} list 1/")) && line.contains(says))
    };
    assert!(
        of(SUGINAMI, ": revoked since 2026-03-31T03:00:00Z") && of(ITAMI, ": nothing; events: revoked"),
        "{told:#?}"
    );
    assert!(told.iter().all(|line| line.contains(&serial.to_string())), "{told:#?}");
}

#[test]
fn a_row_under_the_index_of_another_serial_is_found_where_the_key_is_known() {
    let scene = Scene::new();
    let serial = scene.serial(&scene.people.late, Kind::Auth);
    scene.sql(&format!("UPDATE certificate SET ca_index = 200 WHERE serial = x'{serial}'; UPDATE status_event SET ca_index = 200 WHERE kind = 2 AND ca_index = {}", index(&scene, &serial)));
    let told = scene.told();
    let begin = format!("auth {serial} table: it stands at index 200, whose serial is another");
    assert!(told.contains(&begin), "{told:#?}");
}

fn index(scene: &Scene, serial: &jitsuin::x509::Serial) -> u64 {
    scene.house.store.certificate(Kind::Auth, serial).unwrap().unwrap().index
}

/// What is said of the row of one certificate after a column of it was changed.
fn rewritten(change: &str) -> (String, Vec<String>) {
    let scene = Scene::new();
    let serial = scene.serial(&scene.people.late, Kind::Auth);
    scene.sql(&format!("UPDATE certificate SET {change} WHERE serial = x'{serial}'"));
    (format!("auth {serial} table: "), lines(&scene.examine(None)))
}

#[test]
fn a_row_that_does_not_fit_its_signed_certificate_is_found() {
    for (change, says) in [
        ("not_after = not_after + 86400", "its certificate has another notAfter"),
        ("not_before = not_before - 1", "its certificate has another notBefore"),
        ("tbs = x'3000'", "its certificate has another tbsCertificate"),
        ("certificate = x'3000'", "its certificate cannot be read"),
        (
            "certificate = (SELECT max(certificate) FROM certificate WHERE kind = 2 AND state = 'held')",
            "another serial",
        ),
        ("generation = 9", "generation 9 has certificates, but no CA certificate"),
    ] {
        let (begin, told) = rewritten(change);
        only(&told, &[(&begin, says)]);
    }
}

#[test]
fn a_row_with_the_certificate_of_the_other_ca_is_found() {
    let (begin, told) = rewritten("certificate = (SELECT max(certificate) FROM certificate WHERE kind = 1)");
    only(&told, &[(&begin, "its certificate has another serial number")]);
}

// --- the events --------------------------------------------------------------

fn events(scene: &Scene) -> Vec<ListedEvent> {
    scene.house.store.listed_events(0, 1000).unwrap()
}

#[test]
fn a_lost_event_is_found_as_a_gap_and_in_whatever_it_had_brought_about() {
    let scene = Scene::new();
    let serial = scene.serial(&scene.people.revoked, Kind::Sign);
    let lost = events(&scene)
        .iter()
        .find(|row| row.serial == serial && row.event.revocation.is_some())
        .unwrap()
        .event
        .position;
    scene.sql(&format!("DELETE FROM status_event WHERE position = {lost}"));
    let told = scene.told();
    let gap = format!("those at positions {lost} to {lost} are missing");
    assert!(told.iter().any(|line| line.contains(" events: ") && line.ends_with(&gap)), "{told:#?}");
    for channel in ["table: revoked", "OCSP: revoked", "full list 1/3: revoked", "13115 list 1/3: revoked"] {
        assert!(told.iter().any(|line| line.starts_with(&format!("sign {serial} {channel}"))), "{channel}: {told:#?}");
    }
    assert!(told.iter().all(|line| line.contains(&serial.to_string()) || line.ends_with(&gap)), "{told:#?}");
}

#[test]
fn a_lost_last_event_is_found_though_no_gap_shows_it() {
    let scene = Scene::new();
    let last = events(&scene).pop().unwrap();
    scene.sql(&format!("DELETE FROM status_event WHERE position = {}", last.event.position));
    let told = scene.told();
    let begin = format!("{} {} table: held", last.event.kind, last.serial);
    assert!(told.iter().any(|line| line.starts_with(&begin) && line.contains("events: good")), "{told:#?}");
    let ahead = format!(
        "OCSP: it has taken in event {0}, and the last one is {1}",
        last.event.position,
        last.event.position - 1
    );
    assert!(told.iter().any(|line| line.ends_with(&ahead)), "{told:#?}");
}

#[test]
fn an_event_that_was_rewritten_is_found_by_everything_that_had_heard_it() {
    let scene = Scene::new();
    let serial = scene.serial(&scene.people.revoked, Kind::Auth);
    let row = events(&scene).into_iter().rfind(|row| row.serial == serial).unwrap();
    scene.sql(&format!("UPDATE status_event SET reason = 5 WHERE position = {}", row.event.position));
    let told = scene.told();
    for channel in ["table", "OCSP", "full list 1/3", "13115 list 1/3"] {
        let begin = format!("auth {serial} {channel}: revoked since 2026-03-31T03:00:00Z (keyCompromise");
        assert!(
            told.iter().any(|line| line.starts_with(&begin) && line.contains("(cessationOfOperation")),
            "{channel}: {told:#?}"
        );
    }
    assert!(told.iter().all(|line| line.contains(&serial.to_string())), "{told:#?}");
}

#[test]
fn an_event_that_is_said_to_be_known_before_its_time_is_found() {
    let scene = Scene::new();
    let last = events(&scene).pop().unwrap().event;
    let before = events(&scene).iter().rev().nth(1).unwrap().event.recorded;
    scene.sql(&format!("UPDATE status_event SET recorded = recorded - 7200 WHERE position = {}", last.position));
    let begin = format!("{} events: the one at position {} is known since ", last.kind, last.position);
    only(&scene.told(), &[(&begin, &format!("the one before it since {before}"))]);
}

#[test]
fn an_event_that_took_effect_after_it_was_known_is_found() {
    let scene = Scene::new();
    let last = events(&scene).pop().unwrap().event;
    scene.sql(&format!(
        "UPDATE status_event SET revocation_date = revocation_date + 7200 WHERE position = {}",
        last.position
    ));
    let told = scene.told();
    let begin = format!("{} events: the one at position {} took effect ", last.kind, last.position);
    assert!(told.iter().any(|line| line.starts_with(&begin)), "{told:#?}");
}

// --- OCSP ---------------------------------------------------------------------

/// An index that heard all events but those of one certificate that match.
fn deaf_to(scene: &Scene, serial: jitsuin::x509::Serial, state: CertificateState) -> Arc<StatusIndex> {
    let index = Arc::new(StatusIndex::default());
    let heard = events(scene).into_iter().filter(|row| row.serial != serial || row.event.state != state);
    let mut heard: Vec<_> = heard.map(|row| row.event).collect();
    // An event of a certificate that nobody asks about, so that it has heard as many.
    let position = events(scene).len() as u64;
    if let Some(last) = heard.last().cloned().filter(|last| last.position < position) {
        heard.push(StatusEvent { position, ..last });
    }
    index.apply(&heard);
    index
}

#[test]
fn an_answer_that_says_good_of_a_revoked_certificate_is_found() {
    let scene = Scene::new();
    let serial = scene.serial(&scene.people.revoked, Kind::Sign);
    let listening = scene.listen_with(&deaf_to(&scene, serial, CertificateState::Revoked));
    let told = lines(&scene.examine(Some(&listening)));
    only(&told, &[(&format!("sign {serial} OCSP: good; "), "events: revoked since 2026-03-31T03:00:00Z")]);
}

#[test]
fn an_answer_that_says_good_of_a_held_certificate_is_found() {
    let scene = Scene::new();
    let serial = scene.serial(&scene.people.live, Kind::Auth);
    let listening = scene.listen_with(&deaf_to(&scene, serial, CertificateState::Held));
    let told = lines(&scene.examine(Some(&listening)));
    only(&told, &[(&format!("auth {serial} OCSP: good; "), "events: held since 2026-04-01T04:00:00Z")]);
}

#[test]
fn an_answer_that_knows_nothing_of_a_certificate_is_found() {
    let scene = Scene::new();
    let serial = scene.serial(&scene.people.late, Kind::Auth);
    let listening = scene.listen_with(&deaf_to(&scene, serial, CertificateState::Live));
    let told = lines(&scene.examine(Some(&listening)));
    only(&told, &[(&format!("auth {serial} OCSP: never issued; "), "events: good")]);
}

#[test]
fn an_answer_that_says_good_of_what_was_only_reserved_is_found() {
    let scene = Scene::new();
    let reserved = scene.house.store.reserved().unwrap().remove(0);
    // In the place of the last event, one that never was.
    let mut heard: Vec<_> = events(&scene).into_iter().map(|row| row.event).collect();
    let last = heard.pop().unwrap();
    heard.push(StatusEvent {
        kind: Kind::Auth,
        index: reserved.index,
        state: CertificateState::Live,
        revocation: None,
        ..last.clone()
    });
    let index = Arc::new(StatusIndex::default());
    index.apply(&heard);
    let told = lines(&scene.examine(Some(&scene.listen_with(&index))));
    let unheard = scene.serial(&scene.people.live, last.kind);
    only(
        &told,
        &[
            (&format!("auth {} OCSP: good; events: never issued", reserved.serial), ""),
            (&format!("{} {unheard} OCSP: good; ", last.kind), "events: held"),
        ],
    );
}

// --- lists ----------------------------------------------------------------------

const FULL: (Kind, u8, CrlScope) = (Kind::Sign, 1, CrlScope::Full);

#[test]
fn a_list_that_lost_an_entry_is_found() {
    let scene = Scene::new();
    let serial = scene.serial(&scene.people.revoked, Kind::Sign);
    scene.forge(FULL, |entries| entries.retain(|entry| entry.serial != serial));
    only(&scene.told(), &[(&format!("sign {serial} full list 1/5: nothing; "), "events: revoked since 2026-03-31")]);
}

#[test]
fn a_municipal_list_that_lost_an_entry_is_found() {
    let scene = Scene::new();
    let serial = scene.serial(&scene.people.held, Kind::Auth);
    scene.forge((Kind::Auth, 1, place(SUGINAMI)), |entries| entries.retain(|entry| entry.serial != serial));
    only(&scene.told(), &[(&format!("auth {serial} 13115 list 1/5: nothing; "), "events: held since 2026-03-31")]);
}

#[test]
fn a_list_with_an_entry_of_a_good_certificate_is_found() {
    let scene = Scene::new();
    let serial = scene.serial(&scene.people.live, Kind::Sign);
    let date = at("2026-03-01T00:00:00Z");
    let entry = CrlEntry { serial, revocation_date: date, reason: RevocationReason::Superseded, invalidity_date: None };
    scene.forge(FULL, |entries| entries.push(entry));
    let begin = format!("sign {serial} full list 1/5: revoked since 2026-03-01T00:00:00Z (superseded); ");
    only(&scene.told(), &[(&begin, "events: nothing (position")]);
}

#[test]
fn a_list_with_the_entry_of_another_municipality_is_found() {
    let scene = Scene::new();
    let serial = scene.serial(&scene.people.revoked, Kind::Sign);
    let date = at("2026-03-31T03:00:00Z");
    let invalidity_date = Some(at("2026-03-14T15:00:00Z"));
    let entry = CrlEntry { serial, revocation_date: date, reason: RevocationReason::KeyCompromise, invalidity_date };
    scene.forge((Kind::Sign, 1, place(ITAMI)), |entries| entries.push(entry));
    only(&scene.told(), &[(&format!("sign {serial} 28207 list 1/5: revoked"), "events: nothing")]);
}

#[test]
fn a_list_with_another_reason_date_or_invalidity_is_found() {
    type Edit = fn(&mut CrlEntry);
    let changes: [(Edit, &str); 3] = [
        (|entry| entry.reason = RevocationReason::CaCompromise, "(cACompromise"),
        (|entry| entry.revocation_date = at("2026-03-30T03:00:00Z"), "revoked since 2026-03-30T03:00:00Z"),
        (|entry| entry.invalidity_date = None, "(keyCompromise); "),
    ];
    for (change, says) in changes {
        let scene = Scene::new();
        let serial = scene.serial(&scene.people.revoked, Kind::Sign);
        scene.forge(FULL, |entries| {
            entries.iter_mut().filter(|entry| entry.serial == serial).for_each(change);
        });
        only(&scene.told(), &[(&format!("sign {serial} full list 1/5: revoked"), says)]);
    }
}

#[test]
fn a_list_of_other_octets_than_the_store_s_is_found() {
    let scene = Scene::new();
    let parts = scene.house.authority.parts();
    let record = scene.forged(FULL, |_| {});
    crate::scene::commit(&scene.house, vec![jitsuin::ports::Step::Crl(record.clone())]);
    // The same list, signed again: ECDSA signs no two times alike.
    parts.lists.put(scene.forged(FULL, |_| {}));
    only(&scene.told(), &[("sign full list 1/5: it is not the list of this number in the store", "")]);
}

#[test]
fn a_list_that_the_store_does_not_have_is_found() {
    let scene = Scene::new();
    let record = scene.forged(FULL, |_| {});
    scene.house.authority.parts().lists.put(record);
    only(&scene.told(), &[("sign /crl/sign/full.crl: number 5 is served, which the store does not have", "")]);
}

#[test]
fn an_old_list_that_is_still_served_is_found() {
    let scene = Scene::new();
    let record = scene.forged(FULL, |_| {});
    crate::scene::commit(&scene.house, vec![jitsuin::ports::Step::Crl(record)]);
    only(&scene.told(), &[("sign /crl/sign/full.crl: number 3 is served, and 5 was there before", "")]);
}

#[test]
fn lists_past_their_end_are_found() {
    let scene = Scene::new();
    scene.house.set_clock("2026-04-01T06:00:00Z");
    let told = scene.told();
    assert!(
        told.len() == 6 && told.iter().all(|line| line.contains("delta.crl: it is answered with 503")),
        "{told:#?}"
    );
    assert!(lines(&scene.examine(None)).iter().all(|line| line.ends_with("it is past its nextUpdate")));
}

#[test]
fn a_list_signed_by_another_key_is_found() {
    let scene = Scene::new();
    let mut record = scene.forged(FULL, |_| {});
    let mut der = record.der.to_vec();
    *der.last_mut().unwrap() ^= 1;
    record.der = der.into();
    crate::scene::commit(&scene.house, vec![jitsuin::ports::Step::Crl(record.clone())]);
    scene.house.authority.parts().lists.put(record);
    only(&scene.told(), &[("sign full list 1/5: its signature does not verify", "")]);
}

#[test]
fn a_partition_in_the_place_of_another_is_found() {
    let scene = Scene::new();
    let record = scene.forged((Kind::Sign, 1, place(SUGINAMI)), |entries| entries.clear());
    let record = jitsuin::ports::CrlRecord { scope: place(ITAMI), position: 0, ..record };
    crate::scene::commit(&scene.house, vec![jitsuin::ports::Step::Crl(record.clone())]);
    scene.house.authority.parts().lists.put(record);
    let told = scene.told();
    assert!(told.contains(&"sign 28207 list 1/5: it speaks for another partition".to_owned()), "{told:#?}");
    assert!(told.contains(&"sign 28207 list 1/5: it does not follow the list before".to_owned()), "{told:#?}");
}

#[test]
fn a_list_that_is_said_to_be_the_newest_and_is_not_is_found() {
    let scene = Scene::new();
    scene.sql("UPDATE crl_newest SET number = 2 WHERE kind = 1 AND scope = 'full'");
    let told = lines(&scene.examine(None));
    only(&told, &[("sign /crl/sign/full.crl: number 2 is the newest, though 3 was published", "")]);
}

// --- deltas ----------------------------------------------------------------------

#[test]
fn a_delta_that_does_not_take_a_released_hold_back_is_found() {
    let scene = Scene::new();
    let serial = scene.serial(&scene.people.released, Kind::Auth);
    scene.forge((Kind::Auth, 1, CrlScope::FullDelta), |entries| {
        let before = entries.len();
        entries.retain(|entry| entry.serial != serial);
        assert_eq!(entries.len(), before - 1);
    });
    let begin = format!("auth {serial} delta 1/5: nothing; events: released, held since 2026-03-31T03:00:00Z");
    only(&scene.told(), &[(&begin, "")]);
}

#[test]
fn a_delta_that_takes_a_revocation_back_is_found() {
    let scene = Scene::new();
    let serial = scene.serial(&scene.people.revoked, Kind::Auth);
    scene.forge((Kind::Auth, 1, place(SUGINAMI).delta().unwrap()), |entries| {
        let revocation_date = at("2026-03-31T03:00:00Z");
        let reason = RevocationReason::RemoveFromCrl;
        entries.push(CrlEntry { serial, revocation_date, reason, invalidity_date: None });
    });
    let begin = format!("auth {serial} 13115 delta 1/5: released, held since 2026-03-31T03:00:00Z");
    only(&scene.told(), &[(&begin, "events: nothing")]);
}

#[test]
fn a_delta_that_does_not_tell_of_a_revocation_is_found() {
    let scene = Scene::new();
    let serial = scene.serial(&scene.people.late, Kind::Sign);
    scene.forge((Kind::Sign, 1, place(ITAMI).delta().unwrap()), Vec::clear);
    only(&scene.told(), &[(&format!("sign {serial} 28207 delta 1/5: nothing; "), "events: revoked since 2026-04-01")]);
}

#[test]
fn a_delta_whose_base_the_store_has_lost_is_found() {
    let scene = Scene::new();
    scene.sql("DELETE FROM crl WHERE kind = 1 AND scope = 'full' AND number = 3");
    let told = scene.told();
    assert!(told.contains(&"sign delta 1/4: its base is not in the store".to_owned()), "{told:#?}");
}

// --- generations -------------------------------------------------------------------

#[test]
fn two_generations_of_the_cas_are_told_apart_and_agree() {
    let Scene { directory, house, people } = Scene::new();
    let house = house.next_generation();
    let newcomer = Person::new("TEST-10").with_card("CARD-10", "2026-04-01");
    house.pair(&newcomer);
    house.hold(&newcomer).unwrap();
    house.set_clock("2026-04-01T04:30:00Z");
    house.authority.publish_due().unwrap();
    let scene = Scene { directory, house, people };
    assert_eq!(scene.house.newest(&newcomer, Kind::Auth).generation, 2);
    let findings = scene.examine(Some(&scene.listen()));
    assert_eq!(lines(&findings), Vec::<String>::new());
    assert_eq!(findings.channels[&Channel::Ocsp].compared, findings.channels[&Channel::Table].compared);
    assert_eq!(findings.channels[&Channel::AuthorityLists].asked, 4);
    // The older generation is asked about the newer one's certificates too, and each about the other CA's.
    assert!(findings.channels[&Channel::NeverIssued].compared > 100, "{findings}");
}
