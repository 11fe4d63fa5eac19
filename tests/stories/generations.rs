//! A new generation of a CA: the same name, another key, other lists.

use std::{process::Command, sync::Arc, time::Duration};

use jitsuin::{
    ca::{Issuer, IssuerError, Issuers},
    kind::Kind,
    ports::AuthorityRecord,
    profile::{Profile, Variant},
    rules::{Asked, Cause, CertificateState::*},
    scope::CrlScope,
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    store::{Fault, MemoryStore},
    x509::CertificateView,
};

use crate::house::{House, Person, SUGINAMI, at, authority, municipality, operator, profile};

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
