//! Certification requests made by OpenSSL: which are taken, and what the others are told.

use std::{path::Path, process::Command};

use jitsuin::x509::{
    CertificationRequest, CsrError, KeyAlgorithm, UnsupportedSignature, VerifiedRequest, WeakKey,
    der::{DerError, OID, SEQUENCE, build, tlv},
    oid,
};

fn openssl(arguments: &[&str], directory: &Path) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).current_dir(directory).output().expect("openssl is installed");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A request of a new key; `arguments` choose key, digest and padding.
fn request(arguments: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let fixed = "req -new -nodes -keyout key.pem -subj /CN=ignored -outform DER";
    let arguments: Vec<&str> = fixed.split(' ').chain(arguments.split(' ')).collect();
    openssl(&arguments, directory.path())
}

fn read(der: &[u8]) -> Result<VerifiedRequest, CsrError> {
    CertificationRequest::from_der(der)?.verify()
}

#[test]
fn the_keys_of_cards_are_taken_whatever_the_request_says_besides() {
    let p256 = "-newkey ec -pkeyopt ec_paramgen_curve:P-256";
    let p384 = "-newkey ec -pkeyopt ec_paramgen_curve:P-384";
    for (arguments, algorithm) in [
        ("-newkey rsa:2048", KeyAlgorithm::Rsa(2048)),
        (p256, KeyAlgorithm::P256),
        (p384, KeyAlgorithm::P384),
        (&format!("{p384} -sha384"), KeyAlgorithm::P384),
        (&format!("{p256} -sha384"), KeyAlgorithm::P256),
        (&format!("{p256} -addext subjectAltName=DNS:ignored.example"), KeyAlgorithm::P256),
        (&format!("{p256} -subj /CN=several+OU=in-one-rdn"), KeyAlgorithm::P256),
    ] {
        let verified = read(&request(arguments)).unwrap_or_else(|fault| panic!("{arguments}: {fault}"));
        assert_eq!(verified.spki().algorithm(), algorithm, "{arguments}");
    }
}

#[test]
fn the_key_identifier_is_the_one_openssl_computes() {
    let directory = tempfile::tempdir().unwrap();
    let make = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -subj /CN=a -addext subjectKeyIdentifier=hash -out certificate.pem";
    openssl(&make.split(' ').collect::<Vec<_>>(), directory.path());
    let key = openssl(&["pkey", "-in", "key.pem", "-pubout", "-outform", "DER"], directory.path());
    let text = openssl(&["x509", "-in", "certificate.pem", "-noout", "-ext", "subjectKeyIdentifier"], directory.path());
    let key_id = jitsuin::x509::SubjectPublicKey::from_der(&key).unwrap().key_id();
    let expected = key_id.map(|octet| format!("{octet:02X}")).join(":");
    assert!(String::from_utf8(text).unwrap().contains(&expected), "{expected}");
}

#[test]
fn weak_and_foreign_keys_are_refused_by_name() {
    let curve = |name: &str| format!("-newkey ec -pkeyopt ec_paramgen_curve:{name}");
    for (arguments, fault) in [
        ("-newkey rsa:1024", WeakKey::ModulusBits(1024)),
        ("-newkey rsa:2047", WeakKey::ModulusBits(2047)),
        ("-newkey rsa:3072", WeakKey::NotForHolder("RSA-3072".to_owned())),
        ("-newkey rsa:2048 -pkeyopt rsa_keygen_pubexp:3", WeakKey::Exponent),
        (&curve("P-521"), WeakKey::Curve("1.3.132.0.35".to_owned())),
        (&curve("secp256k1"), WeakKey::Curve("1.3.132.0.10".to_owned())),
        (&format!("{} -pkeyopt ec_param_enc:explicit", curve("P-256")), WeakKey::Parameters),
        ("-newkey ed25519", WeakKey::Algorithm("1.3.101.112".to_owned())),
        ("-newkey rsa-pss -pkeyopt rsa_keygen_bits:2048", WeakKey::Algorithm("1.2.840.113549.1.1.10".to_owned())),
    ] {
        assert_eq!(read(&request(arguments)), Err(CsrError::Key(fault)), "{arguments}");
    }
}

#[test]
fn weak_and_foreign_signatures_are_refused_by_name() {
    for (arguments, fault) in [
        ("-newkey rsa:2048 -sha1", UnsupportedSignature::Sha1),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha1", UnsupportedSignature::Sha1),
        ("-newkey rsa:2048 -sigopt rsa_padding_mode:pss", UnsupportedSignature::Pss),
        ("-newkey rsa:2048 -sha512", UnsupportedSignature::Unknown("1.2.840.113549.1.1.13".to_owned())),
    ] {
        assert_eq!(read(&request(arguments)), Err(CsrError::Signature(fault)), "{arguments}");
    }
}

#[test]
fn a_request_must_be_der_from_end_to_end() {
    let good = request("-newkey ec -pkeyopt ec_paramgen_curve:P-256");
    assert!(read(&good).is_ok());
    assert_eq!(read(&[&good[..], &[0]].concat()), Err(CsrError::Der(DerError::Trailing)));
    for length in 0..good.len() {
        assert!(matches!(read(&good[..length]), Err(CsrError::Der(_))), "truncated to {length}");
    }
    assert_eq!(good[1], 0x81, "a P-256 request has a length of two octets");
    let indefinite = [&[0x30, 0x80], &good[3..], &[0, 0]].concat();
    assert_eq!(read(&indefinite), Err(CsrError::Der(DerError::IndefiniteLength)));
    let longer_length = [&[0x30, 0x82, 0], &good[2..]].concat();
    assert_eq!(read(&longer_length), Err(CsrError::Der(DerError::Length)));
    assert_eq!(read(&vec![0x30; 5000]), Err(CsrError::TooLong));
    let mut version_2 = good.clone();
    let version = good.windows(3).position(|octets| octets == [2, 1, 0]).unwrap();
    version_2[version + 2] = 1;
    assert_eq!(read(&version_2), Err(CsrError::Version));
}

#[test]
fn every_flipped_byte_spoils_the_proof_or_the_form() {
    let good = request("-newkey ec -pkeyopt ec_paramgen_curve:P-256");
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(read(&bad).is_err(), "octet {at}");
    }
    let mut other_signature = good.clone();
    *other_signature.last_mut().unwrap() ^= 1;
    assert_eq!(read(&other_signature), Err(CsrError::NoProofOfPossession));
}

#[test]
fn openssl_knows_our_object_identifiers_by_the_same_names() {
    let expected = [
        (oid::KEY_USAGE, "X509v3 Key Usage"),
        (oid::SUBJECT_KEY_IDENTIFIER, "X509v3 Subject Key Identifier"),
        (oid::SUBJECT_ALT_NAME, "X509v3 Subject Alternative Name"),
        (oid::ISSUER_ALT_NAME, "X509v3 Issuer Alternative Name"),
        (oid::BASIC_CONSTRAINTS, "X509v3 Basic Constraints"),
        (oid::CRL_NUMBER, "X509v3 CRL Number"),
        (oid::REASON_CODE, "X509v3 CRL Reason Code"),
        (oid::INVALIDITY_DATE, "Invalidity Date"),
        (oid::DELTA_CRL_INDICATOR, "X509v3 Delta CRL Indicator"),
        (oid::ISSUING_DISTRIBUTION_POINT, "X509v3 Issuing Distribution Point"),
        (oid::CRL_DISTRIBUTION_POINTS, "X509v3 CRL Distribution Points"),
        (oid::CERTIFICATE_POLICIES, "X509v3 Certificate Policies"),
        (oid::AUTHORITY_KEY_IDENTIFIER, "X509v3 Authority Key Identifier"),
        (oid::EXTENDED_KEY_USAGE, "X509v3 Extended Key Usage"),
        (oid::FRESHEST_CRL, "X509v3 Freshest CRL"),
        (oid::AUTHORITY_INFO_ACCESS, "Authority Information Access"),
        (oid::CPS_QUALIFIER, "Policy Qualifier CPS"),
        (oid::SERVER_AUTH, "TLS Web Server Authentication"),
        (oid::CLIENT_AUTH, "TLS Web Client Authentication"),
        (oid::OCSP_SIGNING, "OCSP Signing"),
        (oid::ACCESS_OCSP, "OCSP"),
        (oid::ACCESS_CA_ISSUERS, "CA Issuers"),
        (oid::OCSP_BASIC, "Basic OCSP Response"),
        (oid::OCSP_NONCE, "OCSP Nonce"),
        (oid::OCSP_CRL_ID, "OCSP CRL ID"),
        (oid::OCSP_RESPONSE, "Acceptable OCSP Responses"),
        (oid::OCSP_NO_CHECK, "OCSP No Check"),
        (oid::OCSP_ARCHIVE_CUTOFF, "OCSP Archive Cutoff"),
        (oid::OCSP_SERVICE_LOCATOR, "OCSP Service Locator"),
        (oid::COUNTRY, "countryName"),
        (oid::ORGANIZATION, "organizationName"),
        (oid::ORGANIZATIONAL_UNIT, "organizationalUnitName"),
        (oid::LOCALITY, "localityName"),
        (oid::STATE_OR_PROVINCE, "stateOrProvinceName"),
        (oid::COMMON_NAME, "commonName"),
        (oid::SERIAL_NUMBER, "serialNumber"),
        (oid::RSA_ENCRYPTION, "rsaEncryption"),
        (oid::RSA_SHA1, "sha1WithRSAEncryption"),
        (oid::RSA_PSS, "rsassaPss"),
        (oid::RSA_SHA256, "sha256WithRSAEncryption"),
        (oid::EC_PUBLIC_KEY, "id-ecPublicKey"),
        (oid::P256, "prime256v1"),
        (oid::P384, "secp384r1"),
        (oid::ECDSA_SHA1, "ecdsa-with-SHA1"),
        (oid::ECDSA_SHA256, "ecdsa-with-SHA256"),
        (oid::ECDSA_SHA384, "ecdsa-with-SHA384"),
        (oid::SHA1, "sha1"),
        (oid::SHA256, "sha256"),
    ];
    let directory = tempfile::tempdir().unwrap();
    let list = build(SEQUENCE, |out| expected.iter().for_each(|(octets, _)| tlv(out, OID, octets)));
    std::fs::write(directory.path().join("list.der"), list).unwrap();
    let text = openssl(&["asn1parse", "-inform", "DER", "-in", "list.der"], directory.path());
    let text = String::from_utf8(text).unwrap();
    let names: Vec<&str> =
        text.lines().skip(1).filter_map(|line| line.rsplit_once(":").map(|(_, name)| name)).collect();
    assert_eq!(names, expected.map(|(_, name)| name));
}
