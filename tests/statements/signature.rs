//! Whether others can check a statement: a JOSE library, OpenSSL, and a path library for the chain.

use std::{fs, path::Path, process::Command};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jitsuin::{authority::disclose::SignedStatus, kind::Kind, rules::AskedTimes, signer::KeyKind, x509::UnixTime};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use rustls_pki_types::{CertificateDer, UnixTime as PkiTime};
use serde_json::Value;
use webpki::{EndEntityCert, KeyUsage};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{
    bench::{Responders, furnish},
    house::{House, Person, relying_party},
};

const KEYS: [(KeyKind, Algorithm); 3] =
    [(KeyKind::P256, Algorithm::ES256), (KeyKind::P384, Algorithm::ES384), (KeyKind::Rsa2048, Algorithm::RS256)];

/// A statement about a new person's signing certificate.
fn stated(key: KeyKind) -> (House, SignedStatus) {
    let house = House::new();
    furnish(&house, &Responders { key, ..Responders::default() });
    let person = Person::new("TEST-1");
    house.pair(&person);
    let serial = house.newest(&person, Kind::Sign).serial;
    let asked = AskedTimes::default();
    let told = house.authority.tell_status(&relying_party(), (Kind::Sign, &serial), asked).unwrap();
    (house, told)
}

fn part(statement: &str, number: usize) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(statement.split('.').nth(number).unwrap()).unwrap()
}

/// The chain in the header: responder and CA, DER.
fn chain(statement: &str) -> [Vec<u8>; 2] {
    let header: Value = serde_json::from_slice(&part(statement, 0)).unwrap();
    let x5c = header["x5c"].as_array().unwrap();
    assert_eq!((x5c.len(), &header["typ"]), (2, &"jitsuin-status+jwt".into()));
    [0, 1].map(|number| STANDARD.decode(x5c[number].as_str().unwrap()).unwrap())
}

/// The public key of a certificate as the JOSE library wants it.
fn decoding_key(certificate: &[u8]) -> DecodingKey {
    let (_, certificate) = X509Certificate::from_der(certificate).unwrap();
    let key = &certificate.public_key().subject_public_key.data;
    match certificate.public_key().parsed().unwrap() {
        x509_parser::public_key::PublicKey::RSA(_) => DecodingKey::from_rsa_der(key),
        _ => DecodingKey::from_ec_der(key),
    }
}

fn validation(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.set_audience(&["e-filing"]);
    validation.set_issuer(&["http://127.0.0.1:8080"]);
    validation
}

#[test]
fn a_jose_library_reads_what_each_kind_of_key_signed() {
    for (key, algorithm) in KEYS {
        let (_, told) = stated(key);
        let [responder, _] = chain(&told.statement);
        let key = decoding_key(&responder);
        let mut expected = validation(algorithm);
        let read = jsonwebtoken::decode::<Value>(&told.statement, &key, &expected).unwrap();
        assert_eq!(read.claims, serde_json::to_value(&told.status).unwrap(), "{algorithm:?}");
        assert_eq!(read.header.typ.as_deref(), Some("jitsuin-status+jwt"));
        expected.set_audience(&["somebody-else"]);
        assert!(jsonwebtoken::decode::<Value>(&told.statement, &key, &expected).is_err());
    }
}

#[test]
fn a_statement_that_is_changed_anywhere_is_refused() {
    let (_, told) = stated(KeyKind::P256);
    let key = decoding_key(&chain(&told.statement)[0]);
    let mut refused = 0;
    for at in (0..told.statement.len()).step_by(7) {
        let mut changed = told.statement.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        if changed != told.statement {
            let read = jsonwebtoken::decode::<Value>(&changed, &key, &validation(Algorithm::ES256));
            assert!(read.is_err(), "octet {at}");
            refused += 1;
        }
    }
    assert!(refused > 100);
}

#[test]
fn the_chain_in_the_statement_leads_to_the_ca() {
    for (key, _) in KEYS {
        let (house, told) = stated(key);
        let [responder, ca] = chain(&told.statement);
        assert_eq!(ca, house.authority.parts().issuers.current(Kind::Sign).certificate());
        let anchor = CertificateDer::from(ca);
        let anchors = [webpki::anchor_from_trusted_cert(&anchor).unwrap()];
        let responder = CertificateDer::from(responder);
        let entity = EndEntityCert::try_from(&responder).unwrap();
        let now = PkiTime::since_unix_epoch(std::time::Duration::from_secs(house.now().seconds() as u64));
        let ocsp_signing = KeyUsage::required(&[0x2B, 6, 1, 5, 5, 7, 3, 9]);
        let verified =
            entity.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, &[], now, ocsp_signing, None, None);
        assert!(verified.is_ok(), "{:?}", verified.err());
    }
}

fn openssl(room: &Path, arguments: &str) -> String {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(room).output().unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert!(output.status.success(), "openssl {arguments}: {said}");
    said
}

/// r ‖ s as OpenSSL reads ECDSA.
fn der(joined: &[u8]) -> Vec<u8> {
    let integer = |half: &[u8]| {
        let digits: Vec<u8> = half.iter().copied().skip_while(|octet| *octet == 0).collect();
        let digits = if digits[0] & 0x80 == 0 { digits } else { [vec![0], digits].concat() };
        [vec![2, digits.len() as u8], digits].concat()
    };
    let content = joined.chunks(joined.len() / 2).map(integer).collect::<Vec<_>>().concat();
    [vec![0x30, content.len() as u8], content].concat()
}

#[test]
fn openssl_verifies_signature_and_chain() {
    for (key, algorithm) in KEYS {
        let (house, told) = stated(key);
        let room = tempfile::tempdir().unwrap();
        let write = |name: &str, octets: &[u8]| fs::write(room.path().join(name), octets).unwrap();
        let [responder, ca] = chain(&told.statement);
        write("responder.der", &responder);
        write("ca.der", &ca);
        for name in ["responder", "ca"] {
            openssl(room.path(), &format!("x509 -inform DER -in {name}.der -out {name}.pem"));
        }
        openssl(room.path(), "x509 -in responder.pem -noout -pubkey -out key.pem");
        let (signed, _) = told.statement.rsplit_once('.').unwrap();
        write("signed", signed.as_bytes());
        let signature = part(&told.statement, 2);
        write("signature", &if algorithm == Algorithm::RS256 { signature } else { der(&signature) });
        let hash = if algorithm == Algorithm::ES384 { "sha384" } else { "sha256" };
        let said = openssl(room.path(), &format!("dgst -{hash} -verify key.pem -signature signature signed"));
        assert!(said.contains("Verified OK"), "{said}");
        let now: UnixTime = house.now();
        let said = openssl(
            room.path(),
            &format!("verify -x509_strict -attime {} -CAfile ca.pem responder.pem", now.seconds()),
        );
        assert!(said.contains("OK"), "{said}");
    }
}
