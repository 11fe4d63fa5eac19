//! A throw-away CA on P-256 with a self-signed certificate in a temporary directory, and OpenSSL to ask about it.

use std::process::Command;

use jitsuin::x509::{
    Attribute, GeneralName, Name, Serial, SignatureAlgorithm, SubjectPublicKey, UnixTime, assemble,
    der::{self, SEQUENCE, context_constructed},
    extension::{self, usage},
    oid,
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use tempfile::TempDir;

pub(crate) const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::EcdsaP256Sha256;

pub(crate) struct Ca {
    key: EcdsaKeyPair,
    pub(crate) name: Name,
    pub(crate) spki: SubjectPublicKey,
    pub(crate) certificate: Vec<u8>,
    directory: TempDir,
}

pub(crate) fn at(text: &str) -> UnixTime {
    text.parse().expect("a time")
}

pub(crate) fn serial(hex: &str) -> Serial {
    hex.parse().expect("a serial")
}

impl Ca {
    pub(crate) fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).expect("the key");
        let spki = der::build(SEQUENCE, |out| {
            der::nested(out, SEQUENCE, |out| {
                der::tlv(out, der::OID, oid::EC_PUBLIC_KEY);
                der::tlv(out, der::OID, oid::P256);
            });
            der::bit_string(out, key.public_key().as_ref());
        });
        let spki = SubjectPublicKey::from_der(&spki).expect("a P-256 key");
        let name = Name::new(vec![
            Attribute::country("JP"),
            Attribute::organization("JITSUIN-TEST"),
            Attribute::organizational_unit("JPKI for digital signature"),
            Attribute::organizational_unit("Test Agency"),
        ]);
        let directory = tempfile::tempdir().expect("a temporary directory");
        let name = name.expect("a name");
        let mut ca = Self { key, name, spki, certificate: Vec::new(), directory };
        ca.certificate = ca.certify(&ca.name, "01", &ca.own_extensions());
        ca.write("ca.der", &ca.certificate);
        ca.openssl("x509 -inform DER -in ca.der -out ca.pem");
        ca
    }

    fn own_extensions(&self) -> Vec<(&'static [u8], bool, Vec<u8>)> {
        let directory = [GeneralName::Directory(&self.name)];
        vec![
            (oid::KEY_USAGE, true, extension::key_usage(usage::KEY_CERT_SIGN | usage::CRL_SIGN)),
            (oid::SUBJECT_ALT_NAME, false, extension::general_names(&directory)),
            (oid::BASIC_CONSTRAINTS, true, extension::basic_constraints(true, None)),
            (oid::CRL_DISTRIBUTION_POINTS, false, extension::distribution_point(&directory)),
            (oid::SUBJECT_KEY_IDENTIFIER, false, extension::subject_key_identifier(&self.spki.key_id())),
        ]
    }

    /// A certificate of the CA's own key for this subject.
    pub(crate) fn certify(&self, subject: &Name, serial_hex: &str, extensions: &[(&[u8], bool, Vec<u8>)]) -> Vec<u8> {
        let tbs = der::build(SEQUENCE, |out| {
            der::nested(out, context_constructed(0), |out| der::integer(out, 2));
            der::tlv(out, der::INTEGER, serial(serial_hex).octets());
            out.extend_from_slice(ALGORITHM.algorithm_identifier());
            out.extend_from_slice(self.name.der());
            der::nested(out, SEQUENCE, |out| {
                der::time(out, at("2020-01-01T00:00:00Z"));
                der::time(out, at("2099-12-31T23:59:59Z"));
            });
            out.extend_from_slice(subject.der());
            out.extend_from_slice(self.spki.der());
            der::nested(out, context_constructed(3), |out| {
                der::nested(out, SEQUENCE, |out| {
                    extensions.iter().for_each(|(oid, critical, value)| extension::write(out, oid, *critical, value));
                });
            });
        });
        assemble(&tbs, ALGORITHM, &self.sign(&tbs))
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec()
    }

    pub(crate) fn write(&self, file: &str, content: &[u8]) {
        std::fs::write(self.directory.path().join(file), content).expect("a file");
    }

    pub(crate) fn read(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.directory.path().join(file)).expect("the file")
    }

    /// Runs `openssl` in the CA's directory; gives whether it succeeded and what it said on both channels.
    pub(crate) fn ask_openssl(&self, arguments: &str) -> (bool, String) {
        let output = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(self.directory.path())
            .output()
            .expect("openssl is installed");
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
        (output.status.success(), said)
    }

    /// Like [`ask_openssl`](Self::ask_openssl), but it must succeed.
    pub(crate) fn openssl(&self, arguments: &str) -> String {
        let (success, said) = self.ask_openssl(arguments);
        assert!(success, "openssl {arguments}: {said}");
        said
    }
}

/// Fails with the whole text unless every part is in it, in this order.
pub(crate) fn assert_says(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => panic!("{part:?} is missing, or not where it was expected, in:\n{text}"),
        }
    }
}
