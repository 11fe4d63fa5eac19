//! The golden files read by others: OpenSSL, x509-parser, x509-ocsp and rustls-webpki.

use std::{path::Path, process::Command, time::Duration};

use der::Decode;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, OwnedCertRevocationList, RevocationCheckDepth,
    RevocationOptionsBuilder, UnknownStatusPolicy, anchor_from_trusted_cert,
};

use crate::{golden, house::at};

/// 2026-04-02 00:30 UTC: every golden object is valid then, but the empty lists.
fn now() -> i64 {
    at("2026-04-02T00:30:00Z").seconds()
}

fn openssl(directory: &Path, arguments: &str) -> (bool, String) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output();
    let output = output.expect("openssl is installed");
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    (output.status.success(), said)
}

/// A directory with these golden certificates and lists in PEM, by their last names.
fn bench(names: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for name in names {
        let file = name.rsplit('/').next().expect("a name");
        std::fs::write(directory.path().join(format!("{file}.der")), golden(name)).expect("a file");
        let form = if file.starts_with("crl") { "crl" } else { "x509" };
        let (done, said) = openssl(directory.path(), &format!("{form} -inform DER -in {file}.der -out {file}.pem"));
        assert!(done, "{name}: {said}");
    }
    directory
}

#[test]
fn openssl_verifies_every_certificate_strictly() {
    for variant in ["open", "compat"] {
        for kind in ["sign", "auth"] {
            let (ca, holder) = (format!("ca-{kind}"), format!("holder-{kind}"));
            let bench = bench(&[&format!("{variant}/{ca}"), &format!("{variant}/{holder}")]);
            for file in [&ca, &holder] {
                let (good, said) = openssl(
                    bench.path(),
                    &format!("verify -x509_strict -attime {} -CAfile {ca}.pem {file}.pem", now()),
                );
                assert!(good && said.contains("OK"), "{variant} {file}: {said}");
            }
            let (good, said) = openssl(
                bench.path(),
                &format!(
                    "verify -x509_strict -attime {} -CAfile {ca}.pem {holder}.pem",
                    at("2030-02-17T15:00:00Z").seconds()
                ),
            );
            assert!(!good && said.contains("expired"), "{said}");
        }
    }
}

#[test]
fn openssl_verifies_tls_certificates_for_their_purpose_only() {
    let bench = bench(&["access/ca", "access/server", "access/client"]);
    for (file, purpose, expected) in [
        ("server", "sslserver", true),
        ("server", "sslclient", false),
        ("client", "sslclient", true),
        ("client", "sslserver", false),
    ] {
        let command = format!("verify -x509_strict -purpose {purpose} -attime {} -CAfile ca.pem {file}.pem", now());
        let (good, said) = openssl(bench.path(), &command);
        assert_eq!(good, expected, "{file} as {purpose}: {said}");
    }
}

#[test]
fn openssl_checks_the_golden_pair_against_the_golden_lists() {
    for variant in ["open", "compat"] {
        let names = ["ca-sign", "holder-sign", "crl-sign-13115"].map(|name| format!("{variant}/{name}"));
        let bench = bench(&names.each_ref().map(String::as_str));
        let command = format!(
            "verify -x509_strict -crl_check -attime {} -CAfile ca-sign.pem -CRLfile crl-sign-13115.pem holder-sign.pem",
            now()
        );
        let (good, said) = openssl(bench.path(), &command);
        assert!(good, "{variant}: {said}");
        let (good, said) = openssl(bench.path(), "crl -in crl-sign-13115.pem -noout -text -CAfile ca-sign.pem");
        assert!(good && said.contains("verify OK"), "{said}");
        for part in ["Certificate Hold", "Affiliation Changed", "Invalidity Date", "Only User Certificates"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}

#[test]
fn openssl_applies_the_golden_deltas() {
    for (variant, delta) in [("open", "delta"), ("open", "13115-delta"), ("compat", "13115-delta")] {
        let names = ["ca-auth", "holder-auth", &format!("crl-auth-{delta}")].map(|name| format!("{variant}/{name}"));
        let bench = bench(&names.each_ref().map(String::as_str));
        let command = format!("crl -in crl-auth-{delta}.pem -noout -text -CAfile ca-auth.pem");
        let (good, said) = openssl(bench.path(), &command);
        assert!(good && said.contains("verify OK"), "{said}");
        for part in ["X509v3 Delta CRL Indicator: critical", "Remove From CRL", "Certificate Hold"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}

#[test]
fn openssl_and_x509_ocsp_read_every_answer() {
    let bench = bench(&["open/ca-sign", "open/holder-sign"]);
    for (name, expected) in [
        ("good", "Cert Status: good"),
        ("good-sha256-nonce", "OCSP Nonce"),
        ("revoked", "Revocation Reason: affiliationChanged (0x3)"),
        ("held", "Revocation Reason: certificateHold (0x6)"),
        ("never-issued", "Revocation Time: Jan  1 00:00:00 1970 GMT"),
        ("unknown", "Cert Status: unknown"),
        ("two", "Cert Status: revoked"),
    ] {
        let der = golden(&format!("open/ocsp-{name}"));
        std::fs::write(bench.path().join("answer.der"), &der).unwrap();
        let command = format!("ocsp -respin answer.der -CAfile ca-sign.pem -attime {} -resp_text", now());
        let (good, said) = openssl(bench.path(), &command);
        assert!(good && said.contains("Response verify OK") && said.contains(expected), "{name}: {said}");

        let response = x509_ocsp::OcspResponse::from_der(&der).unwrap();
        let basic = response.response_bytes.unwrap().response;
        let basic = x509_ocsp::BasicOcspResponse::from_der(basic.as_bytes()).unwrap();
        assert_eq!(basic.tbs_response_data.responses.len(), if name == "two" { 2 } else { 1 }, "{name}");
        assert_eq!(basic.certs.map(|certs| certs.len()), Some(1), "{name}: the responder's certificate goes along");
    }
}

#[test]
fn x509_parser_verifies_every_certificate() {
    for (name, ca) in [
        ("open/ca-sign", "open/ca-sign"),
        ("open/holder-sign", "open/ca-sign"),
        ("open/holder-auth", "open/ca-auth"),
        ("compat/ca-auth", "compat/ca-auth"),
        ("compat/holder-sign", "compat/ca-sign"),
        ("compat/holder-auth", "compat/ca-auth"),
        ("open/responder-sign", "open/ca-sign"),
        ("access/client", "access/ca"),
    ] {
        let (der, ca_der) = (golden(name), golden(ca));
        let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
        let (_, ca) = x509_parser::parse_x509_certificate(&ca_der).unwrap();
        certificate.verify_signature(Some(ca.public_key())).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(certificate.issuer().as_raw(), ca.subject().as_raw(), "{name}");
    }
}

#[test]
fn webpki_builds_paths_to_clients_servers_and_the_responder() {
    let client = KeyUsage::client_auth();
    let ocsp = KeyUsage::required(&[0x2B, 6, 1, 5, 5, 7, 3, 9]);
    for (name, ca, usage) in [
        ("access/client", "access/ca", client),
        ("access/server", "access/ca", KeyUsage::server_auth()),
        ("open/responder-sign", "open/ca-sign", ocsp),
    ] {
        assert_eq!(path(name, ca, usage, None), Ok(()), "{name}");
        assert!(path(name, "open/ca-auth", usage, None).is_err(), "{name} under another CA");
    }
    assert!(path("access/server", "access/ca", KeyUsage::client_auth(), None).is_err());
    let server = golden("access/server");
    let server = CertificateDer::from(server.as_slice());
    let server = EndEntityCert::try_from(&server).unwrap();
    for (name, expected) in [("registration.example", true), ("127.0.0.1", true), ("other.example", false)] {
        let valid = server.verify_is_valid_for_subject_name(&ServerName::try_from(name).unwrap()).is_ok();
        assert_eq!(valid, expected, "{name}");
    }
}

/// webpki knows no certificatePolicies and so refuses what holds them critical: it can never take a holder's certificate.
#[test]
fn webpki_refuses_holders_for_the_critical_policy_alone() {
    let outcome = path("open/holder-auth", "open/ca-auth", KeyUsage::client_auth(), None);
    assert_eq!(outcome, Err("UnsupportedCriticalExtension".to_owned()));
}

#[test]
fn webpki_reads_the_lists_and_finds_what_is_on_them() {
    for name in ["open/crl-sign-full", "open/crl-empty-sign-full", "open/crl-sign-13115", "compat/crl-sign-13115"] {
        let der = golden(name);
        let list = OwnedCertRevocationList::from_der(&der).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let view = jitsuin::x509::CrlView::from_der(&der).unwrap();
        let list = CertRevocationList::from(list);
        for entry in view.entries() {
            let serial = entry.unwrap().serial;
            assert!(list.find_serial(serial.octets()).unwrap().is_some(), "{name}: {serial}");
        }
        assert!(list.find_serial(&[1, 2, 3]).unwrap().is_none());
    }
    // The responder is not on the full list, and webpki agrees with its signature and its dates.
    let ocsp = KeyUsage::required(&[0x2B, 6, 1, 5, 5, 7, 3, 9]);
    assert_eq!(path("open/responder-sign", "open/ca-sign", ocsp, Some("open/crl-sign-full")), Ok(()));
    let over = path("open/responder-sign", "open/ca-sign", ocsp, Some("open/crl-empty-sign-full"));
    assert!(over.is_err_and(|error| error.starts_with("CrlExpired")), "the list of the year before");
}

fn path(name: &str, ca: &str, usage: KeyUsage, list: Option<&str>) -> Result<(), String> {
    let (der, ca) = (golden(name), golden(ca));
    let (der, ca) = (CertificateDer::from(der.as_slice()), CertificateDer::from(ca.as_slice()));
    let certificate = EndEntityCert::try_from(&der).map_err(|error| format!("{error:?}"))?;
    let anchors = [anchor_from_trusted_cert(&ca).expect("an anchor")];
    let lists: Vec<CertRevocationList<'_>> =
        list.map(|list| OwnedCertRevocationList::from_der(&golden(list)).expect("a list").into()).into_iter().collect();
    let lists: Vec<&CertRevocationList<'_>> = lists.iter().collect();
    let revocation = RevocationOptionsBuilder::new(&lists).ok().map(|builder| {
        builder
            .with_depth(RevocationCheckDepth::EndEntity)
            .with_status_policy(UnknownStatusPolicy::Deny)
            .with_expiration_policy(ExpirationPolicy::Enforce)
            .build()
    });
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now().unsigned_abs()));
    let algorithms = webpki::ALL_VERIFICATION_ALGS;
    let built = certificate.verify_for_usage(algorithms, &anchors, &[], now, usage, revocation, None);
    built.map(|_| ()).map_err(|error| format!("{error:?}"))
}
