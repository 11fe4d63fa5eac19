//! What OpenSSL makes of the lists.

use std::path::Path;

use jitsuin::{kind::Kind, rules::Cause, scope::CrlScope};
use tempfile::TempDir;

use crate::{
    bench::{list, place, two_towns},
    house::{House, ITAMI, Person, SUGINAMI, operator},
};

/// Runs `openssl` in a directory; gives whether it succeeded and what it said.
fn openssl(directory: &Path, arguments: &str) -> (bool, String) {
    let output = std::process::Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output();
    let output = output.expect("openssl is installed");
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    (output.status.success(), said)
}

/// A directory with the CA of a kind as `ca.pem`.
struct Desk {
    directory: TempDir,
    kind: Kind,
}

impl Desk {
    fn new(house: &House, kind: Kind) -> Self {
        let desk = Self { directory: tempfile::tempdir().unwrap(), kind };
        desk.pem("x509", "ca", house.authority.parts().issuers.current(kind).certificate());
        desk
    }

    fn run(&self, arguments: &str) -> (bool, String) {
        openssl(self.directory.path(), arguments)
    }

    fn pem(&self, form: &str, name: &str, der: &[u8]) {
        std::fs::write(self.directory.path().join(format!("{name}.der")), der).unwrap();
        let (done, said) = self.run(&format!("{form} -inform DER -in {name}.der -out {name}.pem"));
        assert!(done, "{said}");
    }

    /// Takes the list that is served now under that name.
    fn fetch(&self, house: &House, name: &str, scope: CrlScope) {
        self.pem("crl", name, &list(house, self.kind, scope).der);
    }

    /// Verifies a person's certificate, with more options, against lists by name.
    fn verify(&self, house: &House, person: &Person, options: &str, lists: &[&str]) -> (bool, String) {
        self.pem("x509", "holder", &house.newest(person, self.kind).certificate.unwrap());
        let bundle: String = lists
            .iter()
            .map(|name| std::fs::read_to_string(self.directory.path().join(format!("{name}.pem"))).unwrap())
            .collect();
        std::fs::write(self.directory.path().join("lists.pem"), bundle).unwrap();
        let now = house.now().seconds() + 1;
        self.run(&format!("verify -x509_strict {options} -attime {now} -CAfile ca.pem -CRLfile lists.pem holder.pem"))
    }
}

const COMPLETE: &str = "-crl_check";
const DELTAS: &str = "-crl_check -extended_crl -use_deltas";

#[test]
fn openssl_agrees_with_the_state_under_the_partition_and_the_full_list() {
    let (house, one, other) = two_towns();
    house.revoke(&one, Cause::KeyCompromise, Some(&[Kind::Sign])).unwrap();
    house.hold(&one).unwrap();
    let neighbour = Person::new("TEST-3").with_card("CARD-3", "2026-04-01");
    house.pair(&neighbour);
    house.authority.publish(&operator()).unwrap();
    for kind in Kind::BOTH {
        let desk = Desk::new(&house, kind);
        for (name, scope) in [("suginami", place(SUGINAMI)), ("itami", place(ITAMI)), ("full", CrlScope::Full)] {
            desk.fetch(&house, name, scope);
            let (verified, said) = desk.run(&format!("crl -in {name}.pem -noout -text -CAfile ca.pem"));
            assert!(verified && said.contains("verify OK"), "{said}");
            assert!(desk.run(&format!("asn1parse -in {name}.pem")).0);
            assert_eq!(said.contains("Issuing Distribution Point: critical"), scope != CrlScope::Full, "{said}");
            assert!(said.contains("X509v3 Freshest CRL"), "{said}");
        }
        for list in ["suginami", "full"] {
            let (good, said) = desk.verify(&house, &neighbour, COMPLETE, &[list]);
            assert!(good && said.contains("holder.pem: OK"), "{kind} {list}: {said}");
            let (good, said) = desk.verify(&house, &one, COMPLETE, &[list]);
            assert!(!good && said.contains("certificate revoked"), "{kind} {list}: {said}");
        }
        let (good, said) = desk.verify(&house, &other, COMPLETE, &["itami"]);
        assert!(good, "{kind}: {said}");
        let (good, said) = desk.verify(&house, &neighbour, COMPLETE, &["itami"]);
        assert!(!good && said.contains("different CRL scope"), "the list of another municipality: {kind}: {said}");
    }
}

#[test]
fn the_whole_chain_is_checked_with_the_list_of_the_ca_s_own_certificates() {
    let (house, one, _) = two_towns();
    house.authority.publish(&operator()).unwrap();
    for kind in Kind::BOTH {
        let desk = Desk::new(&house, kind);
        for (name, scope) in [("place", place(SUGINAMI)), ("ca-list", CrlScope::Authorities), ("full", CrlScope::Full)]
        {
            desk.fetch(&house, name, scope);
        }
        for lists in [&["place", "ca-list"][..], &["full"]] {
            let (good, said) = desk.verify(&house, &one, "-crl_check_all", lists);
            assert!(good, "{kind} {lists:?}: {said}");
        }
        let (good, said) = desk.verify(&house, &one, "-crl_check_all", &["place"]);
        assert!(!good && said.contains("different CRL scope"), "nothing speaks for the CA: {said}");
    }
}

#[test]
fn a_revocation_and_a_release_that_only_the_delta_knows_are_seen() {
    let (house, held, _) = two_towns();
    let [leaked, neighbour, held_later] = ["3", "4", "5"].map(|number| {
        let person = Person::new(&format!("TEST-{number}")).with_card(&format!("CARD-{number}"), "2026-04-01");
        house.pair(&person);
        person
    });
    house.hold(&held).unwrap();
    house.authority.publish(&operator()).unwrap();
    house.set_clock("2026-04-01T04:00:00Z");
    house.release(&held).unwrap();
    house.revoke(&leaked, Cause::KeyCompromise, Some(&Kind::BOTH)).unwrap();
    house.hold(&held_later).unwrap();
    let published = house.authority.publish_due().unwrap();
    assert!(published.iter().all(|one| one.scope.ends_with("delta")), "{published:?}");
    let desk = Desk::new(&house, Kind::Auth);
    for (base, delta) in [(CrlScope::Full, CrlScope::FullDelta), (place(SUGINAMI), place(SUGINAMI).delta().unwrap())] {
        desk.fetch(&house, "base", base);
        desk.fetch(&house, "delta", delta);
        let (verified, said) = desk.run("crl -in delta.pem -noout -text -CAfile ca.pem");
        assert!(verified, "{said}");
        for part in ["X509v3 Delta CRL Indicator: critical", "Remove From CRL", "Certificate Hold", "Key Compromise"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!said.contains("Freshest"), "{said}");
        for (person, alone, together) in
            [(&held, false, true), (&leaked, true, false), (&neighbour, true, true), (&held_later, true, false)]
        {
            for (options, lists, expected) in
                [(COMPLETE, &["base"][..], alone), (DELTAS, &["base", "delta"], together), (DELTAS, &["base"], alone)]
            {
                let (good, said) = desk.verify(&house, person, options, lists);
                assert_eq!(good, expected, "{} {options} {lists:?}: {said}", person.reference);
                assert!(good || said.contains("certificate revoked"), "{said}");
            }
            assert!(!desk.verify(&house, person, DELTAS, &["delta"]).0, "a delta alone proves nothing");
        }
    }
}

#[test]
fn who_has_the_base_before_comes_to_the_new_one_by_the_delta_beside_it() {
    let (house, one, other) = two_towns();
    house.authority.publish(&operator()).unwrap();
    let desk = Desk::new(&house, Kind::Sign);
    desk.fetch(&house, "old", CrlScope::Full);
    house.set_clock("2026-04-02T03:00:00Z");
    house.revoke(&one, Cause::CardDamaged, None).unwrap();
    house.authority.publish_due().unwrap();
    desk.fetch(&house, "new", CrlScope::Full);
    desk.fetch(&house, "delta", CrlScope::FullDelta);
    for (person, expected) in [(&one, false), (&other, true)] {
        for lists in [["old", "delta"], ["new", "delta"]] {
            let (good, said) = desk.verify(&house, person, DELTAS, &lists);
            assert_eq!(good, expected, "{lists:?}: {said}");
        }
    }
    assert!(desk.verify(&house, &one, DELTAS, &["old"]).0, "the old base alone does not know yet");
}
