//! The profile, written down a third time: as the octets that the golden certificates and lists must hold.

use jitsuin::{
    kind::Kind,
    x509::{CertificateView, CrlView, Name},
};

use crate::golden;

const KEY_USAGE: &str = "2.5.29.15 critical";
const BASIC_CONSTRAINTS: &str = "2.5.29.19 critical";
const POLICIES: &str = "2.5.29.32 critical";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const SUBJECT_ALT_NAME: &str = "2.5.29.17";
const ISSUER_ALT_NAME: &str = "2.5.29.18";
const DISTRIBUTION_POINTS: &str = "2.5.29.31";
const ACCESS: &str = "1.3.6.1.5.5.7.1.1";
const AUTHORITY_KEY: &str = "2.5.29.35";
const SUBJECT_KEY: &str = "2.5.29.14";
const NO_CHECK: &str = "1.3.6.1.5.5.7.48.1.5";

/// Which extensions in which order, with their criticality.
const ORDER: &[(&str, &[&str])] = &[
    (
        "compat/holder-sign",
        &[KEY_USAGE, SUBJECT_ALT_NAME, POLICIES, ISSUER_ALT_NAME, DISTRIBUTION_POINTS, AUTHORITY_KEY, SUBJECT_KEY],
    ),
    (
        "open/holder-sign",
        &[
            KEY_USAGE,
            SUBJECT_ALT_NAME,
            POLICIES,
            ISSUER_ALT_NAME,
            DISTRIBUTION_POINTS,
            ACCESS,
            AUTHORITY_KEY,
            SUBJECT_KEY,
        ],
    ),
    ("compat/holder-auth", HOLDER_AUTH),
    ("open/holder-auth", HOLDER_AUTH),
    ("compat/ca-sign", CA),
    ("open/ca-sign", CA),
    ("compat/ca-auth", CA),
    ("open/ca-auth", CA),
    ("open/responder-sign", &[KEY_USAGE, EXTENDED_KEY_USAGE, NO_CHECK, AUTHORITY_KEY, SUBJECT_KEY]),
    ("access/ca", &[KEY_USAGE, BASIC_CONSTRAINTS, SUBJECT_KEY]),
    ("access/server", &[KEY_USAGE, EXTENDED_KEY_USAGE, SUBJECT_ALT_NAME, AUTHORITY_KEY, SUBJECT_KEY]),
    ("access/client", &[KEY_USAGE, EXTENDED_KEY_USAGE, DISTRIBUTION_POINTS, AUTHORITY_KEY, SUBJECT_KEY]),
];
const HOLDER_AUTH: &[&str] = &[
    KEY_USAGE,
    EXTENDED_KEY_USAGE,
    POLICIES,
    ISSUER_ALT_NAME,
    DISTRIBUTION_POINTS,
    ACCESS,
    AUTHORITY_KEY,
    SUBJECT_KEY,
];
const CA: &[&str] = &[KEY_USAGE, SUBJECT_ALT_NAME, BASIC_CONSTRAINTS, DISTRIBUTION_POINTS, SUBJECT_KEY];

/// The octets inside extnValue, as x509-parser finds them.
fn extension(der: &[u8], oid: &str) -> Vec<u8> {
    let (rest, certificate) = x509_parser::parse_x509_certificate(der).expect("a certificate");
    assert!(rest.is_empty());
    let found = certificate.extensions().iter().find(|one| one.oid.to_id_string() == oid);
    found.unwrap_or_else(|| panic!("no {oid}")).value.to_vec()
}

#[test]
fn extensions_are_in_their_order_with_their_criticality() {
    for (name, expected) in ORDER {
        let der = golden(name);
        let (_, certificate) = x509_parser::parse_x509_certificate(&der).expect("a certificate");
        let found: Vec<String> = certificate
            .extensions()
            .iter()
            .map(|one| format!("{}{}", one.oid.to_id_string(), if one.critical { " critical" } else { "" }))
            .collect();
        assert_eq!(&found, expected, "{name}");
    }
}

#[test]
fn key_usages_are_the_octets_seen() {
    for (name, expected) in [
        ("open/holder-sign", [3, 2, 0x06, 0xC0]),
        ("compat/holder-auth", [3, 2, 0x07, 0x80]),
        ("open/ca-sign", [3, 2, 0x01, 0x06]),
    ] {
        assert_eq!(extension(&golden(name), "2.5.29.15"), expected, "{name}");
    }
}

#[test]
fn a_holder_s_issuer_alt_name_is_the_ca_s_subject_alt_name_octet_for_octet() {
    for variant in ["open", "compat"] {
        for kind in Kind::BOTH {
            let ca = extension(&golden(&format!("{variant}/ca-{kind}")), SUBJECT_ALT_NAME);
            assert_eq!(extension(&golden(&format!("{variant}/holder-{kind}")), ISSUER_ALT_NAME), ca);
            assert_eq!((ca[2], ca.len()), (0xA4, 4 + usize::from(ca[3])), "one directoryName and nothing else");
        }
    }
}

#[test]
fn the_authority_key_identifier_has_three_fields_and_they_are_the_ca_s() {
    for (holder, ca) in [
        ("open/holder-sign", "open/ca-sign"),
        ("open/holder-auth", "open/ca-auth"),
        ("compat/holder-sign", "compat/ca-sign"),
        ("compat/holder-auth", "compat/ca-auth"),
        ("open/responder-sign", "open/ca-sign"),
    ] {
        let (der, ca) = (golden(holder), golden(ca));
        let ca = CertificateView::from_der(&ca).unwrap().tbs;
        let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
        let identifier = certificate
            .iter_extensions()
            .find_map(|one| match one.parsed_extension() {
                x509_parser::extensions::ParsedExtension::AuthorityKeyIdentifier(found) => Some(found),
                _ => None,
            })
            .unwrap();
        let subject_key = ca.extension(jitsuin::x509::oid::SUBJECT_KEY_IDENTIFIER).unwrap().value;
        assert_eq!(identifier.key_identifier.as_ref().unwrap().0, &subject_key[2..], "{holder}");
        assert_eq!(identifier.authority_cert_serial, Some(ca.serial.octets()), "{holder}");
        let names = identifier.authority_cert_issuer.as_ref().unwrap();
        let [x509_parser::extensions::GeneralName::DirectoryName(name)] = names.as_slice() else { panic!("{names:?}") };
        assert_eq!(name.as_raw(), ca.subject, "{holder}");
    }
}

#[test]
fn a_list_s_distribution_point_holds_the_very_names_of_its_certificates() {
    for variant in ["open", "compat"] {
        for (certificate, list, only) in
            [("holder-sign", "crl-sign-13115", 0x81), ("ca-sign", "crl-empty-sign-ca", 0x82)]
        {
            // SEQUENCE { SEQUENCE { [0] … } } against SEQUENCE { [0] …, [1 or 2] TRUE }.
            let names = extension(&golden(&format!("{variant}/{certificate}")), DISTRIBUTION_POINTS);
            let der = golden(&format!("{variant}/{list}"));
            let scope = CrlView::from_der(&der).unwrap().issuing_distribution_point.unwrap();
            let at = names.iter().position(|octet| *octet == 0xA0).expect("[0]");
            assert!(scope.ends_with(&[&names[at..], &[only, 1, 0xFF][..]].concat()), "{variant} {list}");
        }
    }
}

#[test]
fn a_delta_has_the_scope_of_its_base_and_the_base_says_where_it_is() {
    for (base, delta, uri) in [
        ("open/crl-sign-13115", "open/crl-sign-13115-delta", Some("http://127.0.0.1:8080/crl/sign/13115-delta.crl")),
        ("open/crl-sign-full", "open/crl-sign-delta", Some("http://127.0.0.1:8080/crl/sign/delta.crl")),
        ("compat/crl-sign-13115", "compat/crl-sign-13115-delta", None),
    ] {
        let (base, delta) = (golden(base), golden(delta));
        let (base, delta) = (CrlView::from_der(&base).unwrap(), CrlView::from_der(&delta).unwrap());
        assert_eq!(delta.issuing_distribution_point, base.issuing_distribution_point);
        assert_eq!((delta.number, delta.delta_base, delta.freshest_crl), (2, Some(1), None));
        let freshest = base.freshest_crl.unwrap();
        // SEQUENCE { SEQUENCE { [0] { [0] { [4] directoryName, [6] URI } } } }, all in short or long form of length.
        let ends = |end: &[u8]| freshest.ends_with(end);
        match uri {
            Some(uri) => assert!(ends(&[&[0x86, uri.len() as u8], uri.as_bytes()].concat()), "{uri}"),
            None => assert!(!freshest.windows(4).any(|window| window == b"http")),
        }
        let names = base.issuing_distribution_point.map(|point| {
            let at = point.iter().position(|octet| *octet == 0xA4).expect("[4]");
            point[at..at + 20].to_vec()
        });
        assert!(names.is_none_or(|names| freshest.windows(20).any(|window| window == names)), "the same entry");
    }
}

#[test]
fn n_09_subjects_hold_the_place_and_an_identifier_and_neither_facts_nor_number() {
    let rows = [("sign", "C=JP, L=Tokyo-to, L=Suginami-ku, CN="), ("auth", "C=JP, CN=")];
    for (variant, (kind, begin)) in ["open", "compat"].into_iter().flat_map(|one| rows.map(|row| (one, row))) {
        let der = golden(&format!("{variant}/holder-{kind}"));
        let (_, certificate) = x509_parser::parse_x509_certificate(&der).expect("a certificate");
        let (subject, issuer) = (certificate.subject().to_string(), certificate.issuer().to_string());
        let identifier = subject.strip_prefix(begin).unwrap_or_else(|| panic!("{subject}"));
        assert!(identifier.bytes().all(|octet| octet.is_ascii_alphanumeric()), "{subject}");
        assert!(issuer.starts_with("C=JP, O=") && issuer.matches("OU=").count() == 2, "{issuer}");
    }
}

#[test]
fn n_09_common_names_have_their_shapes() {
    for variant in ["open", "compat"] {
        let common_name = |kind: &str| {
            let der = golden(&format!("{variant}/holder-{kind}"));
            let tbs = CertificateView::from_der(&der).unwrap().tbs;
            Name::from_der(tbs.subject).unwrap().common_name().unwrap().to_owned()
        };
        assert_eq!(common_name("sign"), "202510271035420000013115000A");
        let auth = common_name("auth");
        assert_eq!(auth.len(), 23);
        assert!(auth.bytes().all(|octet| octet.is_ascii_digit() || octet.is_ascii_uppercase()), "{auth}");
        assert_eq!(&auth[14..], "13115000A");
    }
}

#[test]
fn n_01_n_09_nothing_of_the_holder_is_in_the_authentication_certificate() {
    for variant in ["open", "compat"] {
        let der = golden(&format!("{variant}/holder-auth"));
        for fact in ["吉野", "実印", "杉並", "19800217"] {
            let octets = fact.as_bytes();
            assert!(!der.windows(octets.len()).any(|window| window == octets), "{fact}");
        }
    }
}

#[test]
fn times_are_utc_time_and_algorithms_carry_null() {
    for (name, _) in ORDER {
        let text = std::fs::read_to_string(crate::directory().join(format!("{name}.txt"))).unwrap();
        assert_eq!(text.matches("UTCTime").count(), 2, "{name}");
        assert!(!text.contains("GeneralizedTime"), "{name}");
        assert_eq!(text.matches("(sha256WithRSAEncryption)\n").count(), 2, "{name}");
        for (line, next) in text.lines().zip(text.lines().skip(1)) {
            if line.contains("RSAEncryption)") || line.contains("(rsaEncryption)") {
                assert_eq!(next.trim(), "NULL", "{name}");
            }
        }
    }
}
