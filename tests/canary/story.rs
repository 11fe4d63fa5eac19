//! The story of a canary, and who may not be in it.

use std::{sync::Arc, time::Duration};

use jitsuin::{
    authority::{Actor, Authority, Parts, StoryError, canary::NoCanary},
    cli::canary::throw_away_key,
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{CardNumber, HolderReference},
    rules::CertificateState,
    scope::CrlScope,
    store::{Fault, MemoryStore, SqliteStore},
    x509::{CertificateView, UnixTime},
};

use crate::{
    aviary::{canary, listed},
    house::{House, ITAMI, Person, SUGINAMI, municipality, operator, refusal, relying_party},
};

fn place(code: &str) -> CrlScope {
    CrlScope::Municipality(code.parse().unwrap())
}

fn houses() -> (tempfile::TempDir, [House; 2]) {
    let directory = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(&directory.path().join("jitsuin.db")).unwrap();
    (directory, [House::new(), House::on(Arc::new(sqlite))])
}

fn actions(house: &House) -> Vec<String> {
    let entries = house.store.audit_after(0, usize::MAX).unwrap();
    entries.into_iter().map(|entry| entry.draft.action).filter(|action| action.starts_with("canary")).collect()
}

#[test]
fn a_canary_is_reserved_signed_recorded_and_revoked_like_any_certificate() {
    let (_directory, houses) = houses();
    for house in houses {
        for kind in Kind::BOTH {
            let one = canary(&house, kind).unwrap();
            let record = house.store.certificate(kind, &one.serial).unwrap().unwrap();
            assert_eq!((record.state, record.municipality.to_string()), (CertificateState::Live, SUGINAMI.into()));
            assert_eq!(record.holder.as_str(), "jitsuin.canary-2025-10-27");
            assert_eq!(one.not_after, "2025-10-29T14:59:59Z".parse().unwrap(), "the second day after, 23:59:59 JST");
            let gone = house.authority.revoke_canary(&one).unwrap();
            assert_eq!(gone.revoked, Some(house.now()));
            let record = house.store.certificate(kind, &one.serial).unwrap().unwrap();
            assert_eq!(record.state, CertificateState::Revoked);
            assert_eq!(house.authority.revoke_canary(&one).unwrap(), gone, "a second time tells of the first");
        }
        assert_eq!(actions(&house), ["canary.reserved", "canary.issued", "canary.revoked"].repeat(2));
        assert_eq!(house.store.holder_of_card(&card()).unwrap(), Some(holder()), "read back as it was written");
        house.check();
    }
}

fn holder() -> HolderReference {
    HolderReference::own("canary-2025-10-27").unwrap()
}

fn card() -> CardNumber {
    CardNumber::own("canary-2025-10-27").unwrap()
}

#[test]
fn its_name_says_what_it_is_and_tells_of_no_person() {
    let house = House::new();
    for kind in Kind::BOTH {
        let one = canary(&house, kind).unwrap();
        let der = house.store.certificate(kind, &one.serial).unwrap().unwrap().certificate.unwrap();
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
        assert!(parsed.subject().to_string().starts_with("C=JP, CN=JITSUIN-CANARY-"), "{}", parsed.subject());
        assert!(parsed.subject_alternative_name().unwrap().is_none());
        let view = CertificateView::from_der(&der).unwrap();
        view.verify(house.authority.parts().issuers.current(kind).public_key()).unwrap();
    }
}

#[test]
fn openssl_takes_it_while_it_stands_and_refuses_it_when_it_is_on_the_list() {
    let directory = tempfile::tempdir().unwrap();
    let openssl = |arguments: &str| {
        let run = std::process::Command::new("openssl").args(arguments.split(' ')).current_dir(&directory).output();
        let run = run.unwrap();
        (run.status.success(), String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned())
    };
    let pem = |form: &str, name: &str, der: &[u8]| {
        std::fs::write(directory.path().join(format!("{name}.der")), der).unwrap();
        let (done, said) = openssl(&format!("{form} -inform DER -in {name}.der -out {name}.pem"));
        assert!(done, "{said}");
    };
    let house = House::new();
    let list = |kind| house.authority.parts().lists.find(&(kind, 1, place(SUGINAMI))).unwrap().der.clone();
    for kind in Kind::BOTH {
        let one = canary(&house, kind).unwrap();
        pem("x509", "ca", house.authority.parts().issuers.current(kind).certificate());
        pem("x509", "one", &house.store.certificate(kind, &one.serial).unwrap().unwrap().certificate.unwrap());
        let verify = || {
            let now = house.now().seconds() + 1;
            openssl(&format!("verify -x509_strict -crl_check -attime {now} -CAfile ca.pem -CRLfile list.pem one.pem"))
        };
        house.authority.publish(&operator()).unwrap();
        pem("crl", "list", &list(kind));
        assert_eq!(verify(), (true, "one.pem: OK\n".into()));
        house.authority.revoke_canary(&one).unwrap();
        house.clock.set(house.now() + Duration::from_secs(60));
        house.authority.publish(&operator()).unwrap();
        pem("crl", "list", &list(kind));
        let (accepted, said) = verify();
        assert!(!accepted && said.contains("certificate revoked"), "{said}");
    }
}

#[test]
fn its_entry_leaves_the_lists_with_the_first_after_its_end() {
    let house = House::new();
    house.authority.publish_due().unwrap();
    let one = canary(&house, Kind::Auth).unwrap();
    house.authority.revoke_canary(&one).unwrap();
    let scopes = [CrlScope::Full, place(SUGINAMI)];
    let on_lists = |expected: bool| {
        house.authority.publish_due().unwrap();
        for scope in scopes {
            assert_eq!(listed(&house, Kind::Auth, scope).contains(&one.serial), expected, "{} {scope:?}", house.now());
        }
        assert_eq!(house.authority.publication_failures(), []);
    };
    // Days later it is on the lists, also on the first one after its end, and then never again.
    for (now, expected) in [
        ("2025-10-28T02:00:00Z", true),
        ("2025-10-29T03:00:00Z", true),
        ("2025-10-30T04:00:00Z", true),
        ("2025-10-31T05:00:00Z", false),
        ("2025-11-01T06:00:00Z", false),
    ] {
        house.set_clock(now);
        on_lists(expected);
    }
    assert!(!listed(&house, Kind::Auth, place(ITAMI)).contains(&one.serial));
}

#[test]
fn no_request_can_name_its_holder_or_its_card() {
    for text in [holder().as_str(), card().as_str(), "jitsuin.canary-2025-10-27"] {
        assert!(HolderReference::parse(text).is_err() && CardNumber::parse(text).is_err());
        for body in [
            serde_json::json!({ "card": text, "cause": "key-compromise", "kinds": ["auth"] }),
            serde_json::json!({ "card": text }),
        ] {
            assert!(serde_json::from_value::<jitsuin::authority::hold::HoldRequest>(body.clone()).is_err());
            assert!(serde_json::from_value::<jitsuin::authority::revoke::RevocationRequest>(body).is_err());
        }
        let body = serde_json::json!({ "holder": text, "change": "death" });
        assert!(serde_json::from_value::<jitsuin::authority::change::RegisterChange>(body).is_err());
    }
}

#[test]
fn no_counter_and_no_relying_party_finds_it_even_by_its_serial_number_and_none_acts_on_it() {
    let house = House::new();
    let one = canary(&house, Kind::Auth).unwrap();
    for outsider in [municipality(SUGINAMI), municipality(ITAMI), relying_party()] {
        let found = house.authority.look_up_certificate(&outsider, Kind::Auth, &one.serial);
        assert_eq!(refusal(found).rule, "T-09");
        assert_eq!(refusal(house.authority.look_up_holder(&outsider, &holder())).rule, "T-09");
        assert_eq!(refusal(house.authority.look_up_card(&outsider, &card())).rule, "T-09");
        // Were there a way to name the card, the rules would still say no.
        let hold = jitsuin::authority::hold::HoldRequest { card: card() };
        let release = house.authority.release(&outsider, &house.once(), &hold);
        assert_eq!(refusal(release).rule, "E-02");
        assert_eq!(refusal(house.authority.hold(&outsider, &house.once(), &hold)).rule, "E-02");
    }
    let found = house.authority.look_up_certificate(&operator(), Kind::Auth, &one.serial).unwrap();
    assert_eq!(found.holder, holder(), "an operator sees what it is");
    assert!(Actor::service().municipality().is_err());
}

#[test]
fn a_second_turn_takes_the_canary_that_stands_and_makes_no_other() {
    let house = House::new();
    let first = canary(&house, Kind::Sign).unwrap();
    assert_eq!(canary(&house, Kind::Sign).unwrap(), first);
    house.authority.revoke_canary(&first).unwrap();
    assert_ne!(canary(&house, Kind::Sign).unwrap(), first);
}

#[test]
fn of_many_turns_at_once_one_issues_and_no_two_canaries_stand() {
    let (_directory, houses) = houses();
    for house in houses {
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let turns: Vec<_> = (0..8).map(|_| scope.spawn(|| canary(&house, Kind::Auth))).collect();
            turns.into_iter().map(|turn| turn.join().unwrap()).collect()
        });
        let mut serials: Vec<_> = outcomes.iter().flatten().map(|one| one.serial).collect();
        serials.dedup();
        assert_eq!(serials.len(), 1, "{outcomes:?}");
        for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            let busy = [StoryError::InProgress, StoryError::Conflict].map(NoCanary::Story);
            assert!(busy.contains(refused), "{refused}");
        }
        let dossier = house.store.dossier(&holder()).unwrap().unwrap();
        let standing = dossier.certificates.iter().filter(|one| one.state == CertificateState::Live).count();
        assert_eq!(standing, 1);
        house.check();
    }
}

#[test]
fn no_more_are_issued_than_a_day_may_have_and_the_next_day_begins_anew() {
    let house = House::new();
    let key = || throw_away_key().unwrap();
    for _ in 0..3 {
        let one = house.authority.canary(Kind::Sign, 3, &key()).unwrap();
        house.authority.revoke_canary(&one).unwrap();
    }
    assert_eq!(house.authority.canary(Kind::Sign, 3, &key()), Err(NoCanary::Enough(3)));
    assert!(house.authority.canary(Kind::Auth, 3, &key()).is_ok(), "of each CA");
    // Midnight in Tokyo.
    house.set_clock("2025-10-27T15:00:00Z");
    let next = house.authority.canary(Kind::Sign, 3, &key()).unwrap();
    let holder = house.store.certificate(Kind::Sign, &next.serial).unwrap().unwrap().holder;
    assert_eq!(holder.as_str(), "jitsuin.canary-2025-10-28");
}

#[test]
fn one_left_standing_yesterday_is_the_canary_of_today() {
    let house = House::new();
    let left = canary(&house, Kind::Auth).unwrap();
    for (now, known) in
        [("2025-10-28T03:00:00Z", true), ("2025-10-29T14:59:59Z", true), ("2025-10-29T15:00:00Z", false)]
    {
        house.set_clock(now);
        assert_eq!(house.authority.canaries().unwrap().contains(&left), known, "{now}");
    }
    assert_ne!(canary(&house, Kind::Auth).unwrap().serial, left.serial, "what is over is left alone");
}

#[test]
fn it_is_issued_by_the_first_municipality_by_code_and_without_one_not_at_all() {
    let house = House::new();
    house.takes_part("01101");
    assert_eq!(canary(&house, Kind::Auth).unwrap().municipality, code("01101"));
    let parts = house.authority.parts();
    let empty = Authority::new(Parts {
        store: Arc::new(MemoryStore::new()),
        clock: Arc::clone(&parts.clock),
        entropy: Arc::clone(&parts.entropy),
        issuers: Arc::clone(&parts.issuers),
        serials: parts.serials.clone(),
        profile: Arc::clone(&parts.profile),
        policy: parts.policy,
        counters: parts.counters.clone(),
        substitutes: Arc::clone(&parts.substitutes),
        index: Arc::default(),
        lists: Arc::default(),
        schedule: parts.schedule,
        control: parts.control.clone(),
    });
    assert_eq!(empty.canary(Kind::Auth, 30, &throw_away_key().unwrap()), Err(NoCanary::NoPlace));
}

fn code(text: &str) -> MunicipalityCode {
    text.parse().unwrap()
}

#[test]
fn a_store_that_fails_at_any_write_leaves_no_second_canary_and_nothing_half_done() {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
    for fault in [Fault::Lost, Fault::Kept] {
        for at in 1..=4 {
            let countdown = Arc::new(AtomicU64::new(0));
            let counter = Arc::clone(&countdown);
            let store = MemoryStore::with_faults(move |_| {
                let due = counter.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)) == Ok(1);
                if due { fault } else { Fault::None }
            });
            let house = House::on(Arc::new(store));
            countdown.store(at, SeqCst);
            // Writes: a block of indexes, the reservation, the certificate, the revocation.
            let first = canary(&house, Kind::Auth);
            let revoked = first.as_ref().map(|one| house.authority.revoke_canary(one));
            assert!(!matches!(revoked, Ok(Ok(_))), "{fault:?} at {at}: one of them fails");
            house.clock.set(house.now() + Duration::from_secs(60));
            house.authority.recover(Duration::from_secs(10)).unwrap();
            let next = canary(&house, Kind::Auth).unwrap();
            house.authority.revoke_canary(&next).unwrap();
            let dossier = house.store.dossier(&holder()).unwrap().unwrap();
            assert!(dossier.certificates.iter().all(|one| one.state == CertificateState::Revoked), "{fault:?} at {at}");
            assert!(dossier.certificates.len() <= 2);
            house.check();
        }
    }
}

#[test]
fn a_key_that_does_not_sign_discards_the_canary_and_the_next_is_another() {
    let house = House::new();
    house.fuse.store(1, std::sync::atomic::Ordering::SeqCst);
    let failed = canary(&house, Kind::Sign);
    assert!(matches!(&failed, Err(NoCanary::Story(StoryError::Fault(cause))) if cause.contains("the test said so")));
    assert_eq!(actions(&house), ["canary.reserved", "canary.discarded"]);
    assert!(house.authority.canaries().unwrap().is_empty());
    assert!(canary(&house, Kind::Sign).is_ok());
}

#[test]
fn a_clock_that_went_back_makes_no_canary_and_revokes_none() {
    let house = House::new();
    let one = canary(&house, Kind::Auth).unwrap();
    house.pair(&Person::new("TEST-1"));
    house.set_clock("2025-10-27T01:00:00Z");
    assert!(matches!(house.authority.revoke_canary(&one), Err(StoryError::ClockWentBack(_))));
    assert!(matches!(canary(&house, Kind::Sign), Err(NoCanary::Story(StoryError::ClockWentBack(_)))));
    assert_eq!(house.now(), "2025-10-27T01:00:00Z".parse::<UnixTime>().unwrap());
}
