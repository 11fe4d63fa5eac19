//! Certificates with every extension of the profile.

use jitsuin::x509::{
    Attribute, CertificateView, GeneralName, Name,
    extension::{self, usage},
    oid,
};

use crate::ca::{Ca, assert_says, serial};

const SERIAL: &str = "0A0B0C0D0E0F101112131415161718191A";

/// The signing profile's extensions with the two that `open` adds.
fn holder(ca: &Ca) -> Vec<u8> {
    let subject = Name::new(vec![
        Attribute::country("JP"),
        Attribute::locality("Tokyo-to"),
        Attribute::locality("Suginami-ku"),
        Attribute::common_name("2025102710354200000131150001"),
    ]);
    let crldp = Name::new(vec![Attribute::country("JP"), Attribute::common_name("Suginami-ku CRLDP")]);
    let key_id = ca.spki.key_id();
    let facts = [
        (oid::FACT_NAME, "公的　太郎"),
        (oid::FACT_BIRTH, "319800217"),
        (oid::FACT_SEX, "1"),
        (oid::FACT_ADDRESS, "東京都杉並区"),
        (oid::FACT_NAME_FLAGS, "00000"),
        (oid::FACT_ADDRESS_FLAGS, "000000"),
    ]
    .map(|(oid, value)| GeneralName::Other { oid, value });
    let list = "http://127.0.0.1:8080/crl/sign/13115.crl";
    let (ocsp, issuer) = ("http://127.0.0.1:8080/ocsp", "http://127.0.0.1:8080/ca/sign.cer");
    ca.certify(
        &subject.expect("a name"),
        SERIAL,
        &[
            (oid::KEY_USAGE, true, extension::key_usage(usage::DIGITAL_SIGNATURE | usage::NON_REPUDIATION)),
            (oid::SUBJECT_ALT_NAME, false, extension::general_names(&facts)),
            (
                oid::CERTIFICATE_POLICIES,
                true,
                extension::certificate_policies(oid::POLICY_SIGN_TEST, Some("http://cps.example")),
            ),
            (oid::ISSUER_ALT_NAME, false, extension::general_names(&[GeneralName::Directory(&ca.name)])),
            (
                oid::CRL_DISTRIBUTION_POINTS,
                false,
                extension::distribution_point(&[
                    GeneralName::Directory(crldp.as_ref().expect("a name")),
                    GeneralName::Uri(list),
                ]),
            ),
            (oid::AUTHORITY_INFO_ACCESS, false, extension::authority_info_access(Some(ocsp), Some(issuer))),
            (
                oid::AUTHORITY_KEY_IDENTIFIER,
                false,
                extension::authority_key_identifier(&key_id, Some((&ca.name, &serial("01")))),
            ),
            (oid::SUBJECT_KEY_IDENTIFIER, false, extension::subject_key_identifier(&key_id)),
            (oid::EXTENDED_KEY_USAGE, false, extension::extended_key_usage(&[oid::CLIENT_AUTH, oid::OCSP_SIGNING])),
        ],
    )
}

#[test]
fn openssl_reads_every_extension_as_meant_and_verifies_the_chain() {
    let ca = Ca::new();
    ca.write("holder.der", &holder(&ca));
    ca.openssl("x509 -inform DER -in holder.der -out holder.pem");
    assert_says(&ca.openssl("verify -x509_strict -CAfile ca.pem holder.pem"), &["holder.pem: OK"]);
    let text = ca.openssl("x509 -in holder.pem -noout -text -nameopt RFC2253");
    assert_says(
        &text,
        &[
            "Signature Algorithm: ecdsa-with-SHA256",
            "Issuer: OU=Test Agency,OU=JPKI for digital signature,O=JITSUIN-TEST,C=JP",
            "Not After : Dec 31 23:59:59 2099 GMT",
            "Subject: CN=2025102710354200000131150001,L=Suginami-ku,L=Tokyo-to,C=JP",
            "X509v3 Key Usage: critical",
            "Digital Signature, Non Repudiation",
            "1.2.392.200149.8.5.5.1",
            "1.2.392.200149.8.5.5.4",
            "1.2.392.200149.8.5.5.6",
            "X509v3 Certificate Policies: critical",
            "Policy: 1.2.392.200149.8.5.1.0.20",
            "CPS: http://cps.example",
            "X509v3 Issuer Alternative Name",
            "DirName:/C=JP/O=JITSUIN-TEST/OU=JPKI for digital signature/OU=Test Agency",
            "X509v3 CRL Distribution Points",
            "DirName:C = JP, CN = Suginami-ku CRLDP",
            "URI:http://127.0.0.1:8080/crl/sign/13115.crl",
            "OCSP - URI:http://127.0.0.1:8080/ocsp",
            "CA Issuers - URI:http://127.0.0.1:8080/ca/sign.cer",
            "X509v3 Authority Key Identifier",
            "serial:01",
            "X509v3 Subject Key Identifier",
            "TLS Web Client Authentication, OCSP Signing",
        ],
    );
}

#[test]
fn x509_parser_reads_the_six_facts_in_their_order() {
    use x509_parser::prelude::*;

    let ca = Ca::new();
    let der = holder(&ca);
    let (rest, certificate) = X509Certificate::from_der(&der).unwrap();
    assert!(rest.is_empty());
    let (_, authority) = X509Certificate::from_der(&ca.certificate).unwrap();
    certificate.verify_signature(Some(authority.public_key())).unwrap();
    let names = &certificate.subject_alternative_name().unwrap().unwrap().value.general_names;
    let arcs: Vec<String> = names
        .iter()
        .map(|name| match name {
            GeneralName::OtherName(oid, _) => oid.to_id_string(),
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(arcs, ["1", "4", "3", "5", "2", "6"].map(|arc| format!("1.2.392.200149.8.5.5.{arc}")));
    assert!(certificate.extensions().iter().all(|extension| !extension.parsed_extension().unsupported()));
}

#[test]
fn our_own_walk_agrees_and_a_flipped_byte_is_noticed() {
    let ca = Ca::new();
    let der = holder(&ca);
    let view = CertificateView::from_der(&der).unwrap();
    assert_eq!(view.verify(&ca.spki), Ok(()));
    assert_eq!(view.tbs.serial.to_string(), SERIAL);
    assert_eq!((view.tbs.issuer, view.tbs.spki), (ca.name.der(), ca.spki.der()));
    assert_eq!(view.tbs.extensions.len(), 9);
    for at in 0..der.len() {
        let mut bad = der.clone();
        bad[at] ^= 4;
        let noticed = CertificateView::from_der(&bad).map_or(true, |view| view.verify(&ca.spki).is_err());
        assert!(noticed, "octet {at}");
    }
}
