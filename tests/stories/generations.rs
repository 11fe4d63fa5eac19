//! A new generation of a CA: the same name, another key, other lists.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jitsuin::{
    audit::Draft,
    authority::{
        StoryError,
        compromise::{CompromiseRequest, Compromised, fingerprint},
        publish::verify::Listed,
    },
    ca::{Issuer, IssuerError, Issuers, ceremony},
    kind::Kind,
    limits::{COMPROMISE_PAGE, COMPROMISE_PAGES},
    ports::{AuthorityRecord, CardRecord, CertificateRecord, Change, HolderRecord, Step},
    profile::{Profile, Variant},
    revocation::crl::ListEntries,
    rules::{Asked, Cause, CertificateState::*, Policy},
    scope::CrlScope,
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    store::{Fault, MemoryStore, SqliteStore},
    x509::{CertificateView, CrlEntry, RevocationReason},
};

use crate::house::{
    House, Person, Plan, SUGINAMI, at, authority, meanwhile, municipality, operator, profile, refusal, relying_party,
    rule,
};

fn signer() -> Arc<SoftwareSigner> {
    Arc::new(SoftwareSigner::new(&PrivateKey::generate(KeyKind::P256).unwrap()).unwrap())
}

#[test]
fn the_newest_generation_issues_and_the_old_one_goes_on_listing() {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    house.pair(&person);
    house.authority.publish(&operator()).unwrap();
    house.set_clock("2029-12-01T00:00:00Z");
    let house = house.next_generation();
    house.issue(&municipality(SUGINAMI), Asked::Renewal, &person.enrolment(&Kind::BOTH)).unwrap();
    let dossier = house.dossier(&person);
    let found: Vec<_> = dossier.certificates.iter().map(|one| (one.generation, one.state)).collect();
    assert_eq!(found, [(1, Revoked), (1, Revoked), (2, Live), (2, Live)]);

    let published = house.authority.publish(&operator()).unwrap();
    assert_eq!(published.len(), 22, "four scopes of four generations, and deltas to the lists that there were");
    for kind in Kind::BOTH {
        for (generation, number, entries) in [(1, 2, 1), (2, 1, 0)] {
            let list = house.authority.parts().lists.find(&(kind, generation, CrlScope::Full)).unwrap();
            assert_eq!((list.number, list.entries), (number, entries), "{kind} {generation}");
        }
    }
    house.revoke(&person, Cause::KeyCompromise, Some(&[Kind::Sign])).unwrap();
    house.authority.publish(&operator()).unwrap();
    let entries = |generation| {
        let key = (Kind::Sign, generation, CrlScope::Municipality(SUGINAMI.parse().unwrap()));
        house.authority.parts().lists.find(&key).unwrap().entries
    };
    assert_eq!((entries(1), entries(2)), (1, 1));
    house.check();
}

#[test]
fn a_reservation_is_finished_by_the_generation_it_was_made_for() {
    let store = MemoryStore::with_faults(|number| if number == 5 { Fault::Lost } else { Fault::None });
    let (house, person) = (House::on(Arc::new(store)), Person::new("TEST-1"));
    assert!(house.issue(&municipality(SUGINAMI), Asked::New, &person.enrolment(&Kind::BOTH)).is_err());
    assert_eq!(house.store.reserved().unwrap().len(), 2);
    let house = house.next_generation();
    assert_eq!(house.authority.recover(Duration::ZERO), Ok(2));
    for kind in Kind::BOTH {
        let one = house.newest(&person, kind);
        assert_eq!((one.generation, one.state), (1, Live));
        let old = house.authority.parts().issuers.generation(kind, 1).unwrap();
        CertificateView::from_der(&one.certificate.unwrap()).unwrap().verify(old.public_key()).unwrap();
    }
}

#[test]
fn openssl_tells_the_generations_apart_by_key_identifier() {
    let (house, old) = (House::new(), Person::new("TEST-1"));
    house.pair(&old);
    let house = house.next_generation();
    let new = Person::new("TEST-2");
    house.pair(&new);
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(directory.path()).output();
        let output = output.expect("openssl is installed");
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
        (output.status.success(), said)
    };
    let pem = |name: &str, der: &[u8]| {
        std::fs::write(directory.path().join("in.der"), der).unwrap();
        assert!(run(&format!("x509 -inform DER -in in.der -out {name}.pem")).0);
        std::fs::read(directory.path().join(format!("{name}.pem"))).unwrap()
    };
    let now = house.now().seconds();
    for kind in Kind::BOTH {
        let mut bundle = Vec::new();
        for generation in [2, 1] {
            let issuer = house.authority.parts().issuers.generation(kind, generation).unwrap();
            bundle.extend(pem(&format!("ca-{generation}"), issuer.certificate()));
        }
        std::fs::write(directory.path().join("both.pem"), bundle).unwrap();
        for (person, own, other) in [(&old, 1, 2), (&new, 2, 1)] {
            pem("holder", &house.newest(person, kind).certificate.unwrap());
            for (file, expected) in
                [("both".to_owned(), true), (format!("ca-{own}"), true), (format!("ca-{other}"), false)]
            {
                let (good, said) = run(&format!("verify -x509_strict -attime {now} -CAfile {file}.pem holder.pem"));
                assert_eq!(good, expected, "{kind}, generation {own}, {file}: {said}");
            }
            let text = run("x509 -in holder.pem -noout -text").1;
            let path = if own == 1 { format!("/crl/{kind}/13115.crl") } else { format!("/crl/{kind}/2/13115.crl") };
            assert!(text.contains(&path), "{text}");
        }
    }
}

#[test]
fn a_generation_opens_only_with_its_own_key_and_name() {
    let (own, foreign) = (signer(), signer());
    let profile = profile(Variant::Open);
    let validity = (at("2025-04-01T00:00:00Z"), at("2035-03-31T14:59:59Z"));
    let (record, issuer) = authority((Kind::Sign, 1), Arc::clone(&own) as Arc<_>, &profile, validity);
    let open = |record: &AuthorityRecord, key: &Arc<SoftwareSigner>, profile| {
        Issuer::open(record, Arc::clone(key) as Arc<_>, profile).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(open(&record, &own, &profile), Ok(()));
    assert!(open(&record, &foreign, &profile).unwrap_err().contains("does not match its certificate"));
    let renamed = Profile { agency: "Another Agency".into(), ..profile.clone() };
    assert!(open(&record, &own, &renamed).unwrap_err().contains("Another Agency"));
    let other_kind = AuthorityRecord { kind: Kind::Auth, ..record.clone() };
    assert!(open(&other_kind, &own, &profile).unwrap_err().contains("auth CA"));
    let cut = AuthorityRecord { certificate: record.certificate[1..].to_vec(), ..record };
    assert!(open(&cut, &own, &profile).unwrap_err().contains("cannot be read"));
    let missing = Issuers::new(vec![Arc::new(issuer)]).err().unwrap();
    assert!(missing.to_string().contains("auth"), "{missing}");
}

#[test]
fn a_ca_opens_only_under_the_japanese_name_in_its_certificate() {
    let named = profile(Variant::Open);
    let validity = (at("2025-04-01T00:00:00Z"), at("2035-03-31T14:59:59Z"));
    let renamed = |kind| match kind {
        Kind::Sign => Profile { sign_name_ja: "別名署名用認証局".into(), ..named.clone() },
        Kind::Auth => Profile { auth_name_ja: "別名利用者証明用認証局".into(), ..named.clone() },
    };
    for kind in Kind::BOTH {
        let key = signer();
        let (record, _) = authority((kind, 1), Arc::clone(&key) as Arc<_>, &named, validity);
        let open = |profile: &Profile| Issuer::open(&record, Arc::clone(&key) as Arc<_>, profile).map(|_| ());
        let refused = open(&renamed(kind)).unwrap_err();
        assert!(matches!(refused, IssuerError::JapaneseName(found) if found == kind), "{kind}: {refused}");
        open(&renamed(kind.other())).unwrap();
        open(&named).unwrap();
    }
}

#[test]
fn with_a_link_openssl_comes_from_either_root_to_what_the_other_generation_signed() {
    let (house, old) = (House::new(), Person::new("TEST-1"));
    house.pair(&old);
    house.set_clock("2026-04-01T00:00:00Z");
    let house = house.next_generation();
    let new = Person::new("TEST-2");
    house.pair(&new);
    let parts = house.authority.parts();
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, der: &[u8]| {
        let pem = pkcs8::der::pem::encode_string("CERTIFICATE", pkcs8::der::pem::LineEnding::LF, der).unwrap();
        std::fs::write(directory.path().join(name), pem).unwrap();
    };
    let verifies = |root: &str, link: Option<&str>| {
        let mut openssl = Command::new("openssl");
        openssl.args(["verify", "-x509_strict", "-attime", &house.now().seconds().to_string(), "-CAfile", root]);
        openssl.args(link.into_iter().flat_map(|link| ["-untrusted", link])).arg("holder.pem");
        openssl.current_dir(directory.path()).output().expect("openssl is installed").status.success()
    };
    for kind in Kind::BOTH {
        let [older, newer] = [1, 2].map(|generation| parts.issuers.generation(kind, generation).unwrap());
        let links = ceremony::links(&parts.profile, older, newer).unwrap();
        write("1.pem", older.certificate());
        write("2.pem", newer.certificate());
        write("old-with-new.pem", &links.old_with_new);
        write("new-with-old.pem", &links.new_with_old);
        let validity = |der: &[u8]| {
            let view = CertificateView::from_der(der).unwrap();
            (view.tbs.not_before, view.tbs.not_after)
        };
        assert_eq!(validity(&links.old_with_new), older.validity());
        assert_eq!(validity(&links.new_with_old), (newer.validity().0, older.validity().1));
        for (person, own, other, link, wrong) in [
            (&new, "2.pem", "1.pem", "new-with-old.pem", "old-with-new.pem"),
            (&old, "1.pem", "2.pem", "old-with-new.pem", "new-with-old.pem"),
        ] {
            write("holder.pem", &house.newest(person, kind).certificate.unwrap());
            assert!(verifies(own, None), "{kind}");
            assert!(!verifies(other, None), "{kind}: without the link");
            assert!(!verifies(other, Some(wrong)), "{kind}: with the wrong link");
            assert!(verifies(other, Some(link)), "{kind}: with {link}");
        }
    }
}

fn asked(house: &House, kind: Kind, generation: u8) -> CompromiseRequest {
    let records = house.store.authorities().unwrap();
    let record = records.iter().find(|one| (one.kind, one.generation) == (kind, generation));
    CompromiseRequest { kind, generation, confirm: record.map(fingerprint).unwrap_or_default(), approvals: Vec::new() }
}

fn compromise(house: &House, request: &CompromiseRequest) -> Result<Compromised, StoryError> {
    house.authority.compromise(&operator(), &house.once(), request)
}

#[test]
fn a_compromised_generation_ends_whole_and_issues_nothing_more_and_the_other_ca_goes_on() {
    let house = House::new();
    let people: Vec<_> = (0..5).map(|number| Person::new(&format!("TEST-{number}"))).collect();
    people.iter().for_each(|person| drop(house.pair(person)));
    house.hold(&people[1]).unwrap();
    let held_since = house.now();
    house.revoke(&people[2], Cause::KeyCompromise, Some(&[Kind::Sign])).unwrap();
    house.set_clock("2026-04-01T00:00:00Z");
    let told = compromise(&house, &asked(&house, Kind::Sign, 1)).unwrap();
    assert_eq!((told.revoked, told.more, told.compromised_at), (4, false, house.now()));
    for (number, person) in people.iter().enumerate() {
        let (sign, auth) = (house.newest(person, Kind::Sign), house.newest(person, Kind::Auth));
        let end = sign.revocation.unwrap();
        assert_eq!(sign.state, Revoked);
        match number {
            2 => assert_eq!(end.cause, Cause::KeyCompromise, "what was over stays as it was"),
            1 => assert_eq!((end.cause, end.revocation_date), (Cause::CaKeyCompromise, held_since)),
            _ => assert_eq!((end.cause, end.revocation_date), (Cause::CaKeyCompromise, house.now())),
        }
        assert_eq!(auth.state, if number == 1 { Held } else { Live });
    }
    house.authority.publish(&operator()).unwrap();
    let entries = |kind| house.authority.parts().lists.find(&(kind, 1, CrlScope::Full)).unwrap().entries;
    assert_eq!((entries(Kind::Sign), entries(Kind::Auth)), (5, 1));
    let asks = |house: &House, kinds: &[Kind]| {
        house.issue(&municipality(SUGINAMI), Asked::New, &Person::new("TEST-9").enrolment(kinds)).map(drop)
    };
    assert_eq!(rule(asks(&house, &Kind::BOTH)), "T-14");
    let again = house.reopen();
    assert_eq!(rule(asks(&again, &Kind::BOTH)), "T-14", "also after a restart");
    asks(&house, &[Kind::Auth]).unwrap();
    let house = house.next_generation();
    asks(&house, &[Kind::Sign]).unwrap();
    assert_eq!(house.newest(&Person::new("TEST-9"), Kind::Sign).generation, 2);
    house.check();
}

#[test]
fn a_compromise_is_refused_for_what_is_not_there_is_not_meant_or_is_over() {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    house.pair(&person);
    let good = asked(&house, Kind::Sign, 1);
    let other = asked(&house, Kind::Auth, 1).confirm;
    assert_eq!(rule(compromise(&house, &asked(&house, Kind::Sign, 2))), "T-09");
    assert_eq!(rule(compromise(&house, &asked(&house, Kind::Sign, 0))), "T-09");
    for confirm in [String::new(), "sign-1".into(), good.confirm[..63].into(), other] {
        assert_eq!(rule(compromise(&house, &CompromiseRequest { confirm, ..good.clone() })), "T-01");
    }
    for actor in [municipality(SUGINAMI), relying_party()] {
        assert_eq!(rule(house.authority.compromise(&actor, &house.once(), &good)), "T-08");
    }
    assert_eq!(house.newest(&person, Kind::Sign).state, Live, "nothing changed");
    house.issue(&municipality(SUGINAMI), Asked::New, &Person::new("TEST-2").enrolment(&Kind::BOTH)).unwrap();
    compromise(&house, &good).unwrap();
    assert_eq!(rule(compromise(&house, &good)), "R-01", "twice");
    assert_eq!(house.authority.settle_compromises(), Ok(0));
    house.check();
}

#[test]
fn what_a_compromised_key_signs_meanwhile_is_not_recorded() {
    let (house, person) = (Arc::new(House::new()), Person::new("TEST-1"));
    let other = Arc::clone(&house);
    meanwhile(move || {
        let _ = compromise(&other, &asked(&other, Kind::Sign, 1)).unwrap();
    });
    let told = house.issue(&municipality(SUGINAMI), Asked::New, &person.enrolment(&Kind::BOTH));
    assert!(told.is_err(), "{told:?}");
    house.authority.recover(Duration::ZERO).unwrap();
    assert_eq!(house.store.reserved().unwrap().len(), 0);
    for kind in Kind::BOTH {
        let found = house.dossier(&person).certificates.into_iter().find(|one| one.kind == kind).unwrap();
        assert!(found.certificate.is_none() && found.state == Revoked, "{kind}");
    }
    house.check();
}

#[test]
fn whichever_write_of_a_compromise_fails_asking_again_and_starting_again_end_it() {
    for (lost, number) in [true, false].into_iter().flat_map(|lost| (1..=3).map(move |number| (lost, number))) {
        for start_first in [true, false] {
            let case = format!("write {number}, lost: {lost}, start first: {start_first}");
            let writes = Arc::new(AtomicU64::new(u64::MAX / 2));
            let counted = Arc::clone(&writes);
            let house = House::on(Arc::new(MemoryStore::with_faults(move |_| {
                match counted.fetch_add(1, Ordering::SeqCst) + 1 {
                    at if at == number && lost => Fault::Lost,
                    at if at == number => Fault::Kept,
                    _ => Fault::None,
                }
            })));
            let person = Person::new("TEST-1");
            house.pair(&person);
            let (request, once) = (asked(&house, Kind::Sign, 1), house.once());
            writes.store(0, Ordering::SeqCst);
            let told = house.authority.compromise(&operator(), &once, &request);
            assert!(matches!(told, Err(StoryError::Unavailable(_))), "{case}: {told:?}");
            let house = house.reopen();
            if start_first {
                house.authority.settle_compromises().unwrap();
            }
            let again = house.authority.compromise(&operator(), &once, &request);
            // A start that ended it leaves nothing to ask for, unless the answer was kept.
            assert!(again.is_ok() || start_first && rule(again.clone()) == "R-01", "{case}: {again:?}");
            let record = house.store.authorities().unwrap().into_iter().find(|one| one.kind == Kind::Sign).unwrap();
            assert!(record.compromise.unwrap().is_settled, "{case}");
            assert_eq!(house.newest(&person, Kind::Sign).revocation.unwrap().cause, Cause::CaKeyCompromise, "{case}");
            assert_eq!(house.newest(&person, Kind::Auth).state, Live, "{case}");
            let entries = house.store.audit_after(0, usize::MAX).unwrap();
            for action in ["generation.compromised", "generation.revoked", "generation.ended"] {
                assert_eq!(entries.iter().filter(|one| one.draft.action == action).count(), 1, "{case}: {action}");
            }
            house.check();
        }
    }
}

#[test]
fn the_links_over_a_compromised_key_are_on_the_list_of_who_signed_them_and_openssl_refuses_the_chain() {
    let (house, old) = (House::new(), Person::new("TEST-1"));
    house.pair(&old);
    house.set_clock("2026-04-01T00:00:00Z");
    let house = house.linked_generation();
    house.authority.publish(&operator()).unwrap();
    let entries = |kind, generation| {
        let list = house.authority.parts().lists.find(&(kind, generation, CrlScope::Authorities)).unwrap();
        ListEntries::of(&list.der).unwrap().collect::<Result<Vec<_>, _>>().unwrap()
    };
    assert!(entries(Kind::Sign, 1).is_empty() && entries(Kind::Sign, 2).is_empty());
    house.set_clock("2026-04-01T12:00:00Z");
    let at = house.now();
    compromise(&house, &asked(&house, Kind::Sign, 1)).unwrap();
    // What is on no list yet is due at the next turn, not at the next day.
    house.set_clock("2026-04-01T12:01:00Z");
    let due = house.authority.publish_due().unwrap();
    let of_authorities: Vec<_> = due.iter().filter(|one| one.scope == "ca").collect();
    assert_eq!(
        of_authorities.iter().map(|one| (one.kind, one.generation)).collect::<Vec<_>>(),
        [(Kind::Sign, 1), (Kind::Sign, 2)]
    );
    let records = house.store.authorities().unwrap();
    let record =
        |generation| records.iter().find(|one| (one.kind, one.generation) == (Kind::Sign, generation)).unwrap();
    let links = record(2).links.clone().unwrap();
    let serial = |der: &[u8]| CertificateView::from_der(der).unwrap().tbs.serial;
    let told = |entries: Vec<CrlEntry>| {
        entries.into_iter().map(|one| (one.serial, one.reason, one.revocation_date)).collect::<Vec<_>>()
    };
    let ended = |der: &[u8]| (serial(der), RevocationReason::CaCompromise, at);
    assert_eq!(told(entries(Kind::Sign, 2)), [ended(&links.old_with_new)], "the newer one's link over the key");
    let mut own = vec![ended(&record(1).certificate), ended(&links.new_with_old)];
    own.sort_by_key(|one| one.0);
    assert_eq!(told(entries(Kind::Sign, 1)), own, "what the key itself signed");
    assert!(entries(Kind::Auth, 1).is_empty() && entries(Kind::Auth, 2).is_empty());
    assert_eq!(house.authority.publish_due().unwrap(), [], "told once");
    for list in house.store.newest_crls().unwrap() {
        let verdict = Listed::stored(&*house.store, list).unwrap().verify(house.now()).unwrap();
        assert_eq!(verdict.faults, Vec::<String>::new());
    }

    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, label: &str, ders: &[Vec<u8>]| {
        let pem = |der: &Vec<u8>| pkcs8::der::pem::encode_string(label, pkcs8::der::pem::LineEnding::LF, der).unwrap();
        std::fs::write(directory.path().join(name), ders.iter().map(pem).collect::<String>()).unwrap();
    };
    write("root.pem", "CERTIFICATE", &[record(2).certificate.clone()]);
    write("link.pem", "CERTIFICATE", std::slice::from_ref(&links.old_with_new));
    let list = |generation, scope| {
        house.authority.parts().lists.find(&(Kind::Sign, generation, scope)).unwrap().der.whole().unwrap().to_vec()
    };
    write("lists.pem", "X509 CRL", &[list(2, CrlScope::Authorities), list(2, CrlScope::Full)]);
    let verified = |crls: &[&str]| {
        let mut openssl = Command::new("openssl");
        openssl.args(["verify", "-attime", &house.now().seconds().to_string(), "-CAfile", "root.pem"]);
        let output = openssl.args(crls).arg("link.pem").current_dir(directory.path()).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert!(verified(&[]).0, "who looks at no list still takes the link");
    let (good, said) = verified(&["-crl_check_all", "-CRLfile", "lists.pem"]);
    assert!(!good && said.contains("error 23 at 0 depth lookup: certificate revoked"), "{said}");
    house.check();
}

#[test]
fn a_generation_that_is_over_is_listed_no_more_and_what_it_said_last_is_no_fault() {
    let key = |_| SoftwareSigner::new(&PrivateKey::generate(KeyKind::P256).unwrap()).unwrap();
    let validity = (at("2019-01-01T00:00:00Z"), at("2033-01-01T00:00:00Z"));
    let plan = Plan { variant: Variant::Open, validity, key: &key };
    let house = House::build(Arc::new(MemoryStore::new()), Policy::default(), &plan);
    house.pair(&Person::new("TEST-1"));
    let house = house.next_generation();
    let generations = |house: &House| {
        let all = house.authority.parts().lists.all();
        all.iter().map(|((_, generation, _), _)| *generation).collect::<std::collections::BTreeSet<_>>()
    };
    house.set_clock("2033-01-01T00:00:00Z");
    house.authority.publish(&operator()).unwrap();
    assert_eq!(generations(&house), [1, 2].into(), "in its last second it lists still");
    house.set_clock("2033-01-01T00:00:01Z");
    house.authority.publish_due().unwrap();
    assert_eq!(generations(&house), [2].into());
    house.set_clock("2033-02-01T00:00:00Z");
    let published = house.authority.publish(&operator()).unwrap();
    assert!(published.iter().all(|one| one.generation == 2), "{published:?}");
    assert_eq!(house.authority.check_publishing(), Ok(()));
    let house = house.reopen();
    house.authority.load_lists().unwrap();
    assert_eq!(generations(&house), [2].into(), "nor after a restart");
    let kept = house.store.newest_crls().unwrap();
    assert!(kept.iter().any(|list| list.generation == 1), "they are kept");
    for list in kept {
        let verdict = Listed::stored(&*house.store, list).unwrap().verify(house.now()).unwrap();
        assert_eq!(verdict.faults, Vec::<String>::new());
    }
}

/// So many SIGN certificates more, each a holder's of its own: copies of one that was issued.
fn crowd(house: &House, like: &Person, count: usize) {
    let dossier = house.dossier(like);
    let one = house.newest(like, Kind::Sign);
    let from = house.store.allocate(Kind::Sign, count as u64).unwrap().start;
    let audit = house.store.audit_after(0, 1).unwrap().remove(0).draft;
    let mut steps = Vec::new();
    for number in 0..count as u64 {
        let (index, person) = (from + number, Person::new(&format!("CROWD-{number}")));
        let mut key_digest = [7; 32];
        key_digest[..8].copy_from_slice(&index.to_be_bytes());
        let record = CertificateRecord {
            index,
            serial: house.authority.parts().serials.serial(Kind::Sign, index),
            holder: person.holder(),
            card: person.card(),
            state: Reserved,
            pair: None,
            key_digest,
            certificate: None,
            ..one.clone()
        };
        steps.extend([
            Step::Holder(HolderRecord { reference: person.holder(), version: 0, ..dossier.holder.clone() }),
            Step::Card(CardRecord { number: person.card(), holder: person.holder(), ..dossier.cards[0].clone() }),
            Step::Reserve(Box::new(record)),
            Step::Issue { kind: Kind::Sign, index, certificate: one.certificate.clone().unwrap() },
        ]);
    }
    house.store.commit(Change { steps, audit: Draft { at: house.now(), ..audit } }).unwrap();
}

/// With `JITSUIN_CROWD=100000` it tells how long that takes (docs/generations.md).
#[test]
fn a_compromise_on_sqlite_ends_every_page_and_its_list_has_them_all() {
    let crowd_of = std::env::var("JITSUIN_CROWD").ok().map_or(2 * COMPROMISE_PAGE + 7, |text| text.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let house = House::on(Arc::new(SqliteStore::open(&directory.path().join("jitsuin.db")).unwrap()));
    let person = Person::new("TEST-1");
    house.pair(&person);
    crowd(&house, &person, crowd_of);
    house.authority.publish(&operator()).unwrap();
    house.set_clock("2025-10-28T00:00:00Z");
    let (request, began, mut revoked) = (asked(&house, Kind::Sign, 1), Instant::now(), 0);
    loop {
        let told = compromise(&house, &request).unwrap();
        revoked += told.revoked;
        if !told.more {
            break;
        }
    }
    let ended = began.elapsed();
    assert_eq!(revoked, crowd_of as u64 + 1);
    house.authority.publish(&operator()).unwrap();
    println!("{revoked} certificates ended after {ended:?}, every list told of them after {:?}", began.elapsed());
    let list = house.authority.parts().lists.find(&(Kind::Sign, 1, CrlScope::Full)).unwrap();
    assert_eq!(list.entries, revoked);
    house.check();
}

#[test]
fn a_compromise_of_more_than_one_request_may_end_says_so_and_goes_on_under_another_key() {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    house.pair(&person);
    let most = COMPROMISE_PAGE * COMPROMISE_PAGES;
    // One less with the one that was issued: what is left over does not fill a page.
    crowd(&house, &person, most + 9);
    let (request, first) = (asked(&house, Kind::Sign, 1), house.once());
    let told = house.authority.compromise(&operator(), &first, &request).unwrap();
    assert_eq!((told.revoked, told.more), (most as u64, true));
    let entries = || house.store.audit_after(0, usize::MAX).unwrap();
    let acts = |action: &str| entries().iter().filter(|one| one.draft.action == action).count();
    assert_eq!((acts("generation.ending"), acts("generation.ended")), (1, 0));
    let noted = || house.store.authorities().unwrap().into_iter().find_map(|one| one.compromise).unwrap();
    assert!(!noted().is_settled);
    assert_eq!(house.authority.compromise(&operator(), &first, &request), Ok(told), "the first answer once more");
    let told = compromise(&house, &request).unwrap();
    assert_eq!((told.revoked, told.more), (10, false));
    assert!(noted().is_settled);
    assert_eq!((acts("generation.compromised"), acts("generation.ending"), acts("generation.ended")), (1, 1, 1));
    assert_eq!(acts("generation.revoked"), COMPROMISE_PAGES + 1);
    let (all, _) = house.store.certificates(Kind::Sign, 0, most + 100).unwrap();
    assert_eq!(all.iter().filter(|one| one.state == Revoked).count(), most + 10);
    house.check();
}

#[test]
fn a_certificate_that_would_outlive_its_ca_is_refused_until_the_ca_is_rolled_over() {
    let key = |_| SoftwareSigner::new(&PrivateKey::generate(KeyKind::P256).unwrap()).unwrap();
    let validity = (at("2019-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    let plan = Plan { variant: Variant::Open, validity, key: &key };
    let house = House::build(Arc::new(MemoryStore::new()), Policy::default(), &plan);
    let ask =
        |house: &House| house.issue(&municipality(SUGINAMI), Asked::New, &Person::new("TEST-1").enrolment(&Kind::BOTH));
    let refused = refusal(ask(&house));
    assert_eq!(refused.rule, "T-14");
    assert!(refused.detail.contains("roll the CA over") && refused.detail.contains("2027-01-01"), "{refused}");
    assert!(house.store.dossier(&Person::new("TEST-1").holder()).unwrap().is_none(), "nothing is reserved");
    ask(&house.next_generation()).unwrap();
}
