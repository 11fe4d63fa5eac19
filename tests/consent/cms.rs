//! The reader of signed messages beside OpenSSL: what we take, it takes; what it writes in other shapes is refused.

use std::fs;

use jitsuin::x509::{CertificateView, CmsError, DigestAlgorithm, SignedMessage};
use tempfile::TempDir;

use crate::citizen::{openssl, words};

const TEXT: &str = "同意 / consent\r\nJITSUIN-TEST\r\n";

/// A key with a certificate of its own, and a text to sign.
struct Key {
    room: TempDir,
    certificate: Vec<u8>,
}

impl Key {
    fn new(key: &str) -> Self {
        let room = TempDir::new().unwrap();
        fs::write(room.path().join("text"), TEXT).unwrap();
        for name in ["own", "other"] {
            let line =
                format!("req -x509 -newkey {key} -noenc -keyout {name}.pem -subj /CN=JITSUIN-TEST -out {name}.crt");
            openssl(&room, &words(&line)).unwrap();
        }
        let certificate = openssl(&room, &words("x509 -in own.crt -outform DER")).unwrap();
        Self { room, certificate }
    }

    fn sign(&self, options: &str) -> Vec<u8> {
        let line = format!("cms -sign -in text -signer own.crt -inkey own.pem -outform DER {options}");
        openssl(&self.room, &words(&line)).unwrap()
    }

    fn verify(&self, message: &[u8]) -> Result<Vec<u8>, CmsError> {
        let view = CertificateView::from_der(&self.certificate).unwrap();
        SignedMessage::from_der(message)?.verify(&view.tbs).map(<[u8]>::to_vec)
    }

    fn openssl_verifies(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        fs::write(self.room.path().join("message"), message).unwrap();
        let line = "cms -verify -binary -noverify -nointern -inform DER -in message -certfile own.crt";
        openssl(&self.room, &words(line))
    }
}

fn p256() -> Key {
    Key::new("ec -pkeyopt ec_paramgen_curve:P-256")
}

fn p384() -> Key {
    Key::new("ec -pkeyopt ec_paramgen_curve:P-384")
}

fn rsa() -> Key {
    Key::new("rsa:2048")
}

#[test]
fn what_openssl_signs_is_read_and_openssl_verifies_the_same() {
    for (key, digests) in
        [(p256(), &["sha256", "sha384"][..]), (p384(), &["sha256", "sha384"]), (rsa(), &["sha256", "sha384", "sha512"])]
    {
        for digest in digests {
            for options in
                ["", "-binary", "-nocerts", "-keyid", "-nosmimecap -nocerts -keyid", "-certfile other.crt", "-cades"]
            {
                let message = key.sign(&format!("-nodetach -md {digest} {options}"));
                assert_eq!(key.verify(&message).as_deref(), Ok(TEXT.as_bytes()), "{digest} {options}");
                assert_eq!(key.openssl_verifies(&message).as_deref(), Ok(TEXT.as_bytes()), "{digest} {options}");
                assert!(SignedMessage::from_der(&message).unwrap().claimed_signing_time().is_some());
            }
        }
    }
}

#[test]
fn what_openssl_writes_in_other_shapes_is_refused_by_name() {
    let (ec, rsa) = (p256(), rsa());
    let refused = |key: &Key, options: &str| key.verify(&key.sign(options)).unwrap_err();
    assert_eq!(refused(&ec, "-nodetach -noattr"), CmsError::NoSignedAttributes);
    assert_eq!(refused(&ec, "-nodetach -stream"), CmsError::Streamed);
    assert!(CmsError::Streamed.to_string().contains("-stream"), "says what to do");
    assert_eq!(refused(&ec, ""), CmsError::Detached);
    assert_eq!(refused(&ec, "-nodetach -md sha1"), CmsError::Digest("1.3.14.3.2.26".into()));
    assert_eq!(refused(&ec, "-nodetach -md sha224"), CmsError::Digest("2.16.840.1.101.3.4.2.4".into()));
    let with_sha512 = CmsError::Signature("1.2.840.10045.4.3.4".into(), DigestAlgorithm::Sha512);
    assert_eq!(refused(&ec, "-nodetach -md sha512"), with_sha512);
    let pss = CmsError::Signature("1.2.840.113549.1.1.10".into(), DigestAlgorithm::Sha256);
    assert_eq!(refused(&rsa, "-nodetach -keyopt rsa_padding_mode:pss"), pss);
    assert_eq!(refused(&ec, "-nodetach -signer other.crt -inkey other.pem"), CmsError::Signers);
    let receipt = "-nodetach -receipt_request_all -receipt_request_to a@jitsuin.test";
    assert_eq!(ec.verify(&ec.sign(receipt)).as_deref(), Ok(TEXT.as_bytes()), "further signed attributes mean nothing");
    let typed = refused(&ec, "-nodetach -econtent_type 1.2.3.4");
    assert_eq!(typed, CmsError::ContentType("1.2.3.4".into()));
    let compressed = openssl(&ec.room, &words("cms -data_create -in text -outform DER")).unwrap();
    assert_eq!(ec.verify(&compressed).unwrap_err(), CmsError::NotSigned("1.2.840.113549.1.7.1".into()));
    let pem = ec.sign("-nodetach -outform PEM");
    assert!(matches!(ec.verify(&pem), Err(CmsError::Der(_))));
}

#[test]
fn another_key_or_certificate_is_refused_whatever_comes_with_the_message() {
    let key = p256();
    let line = "cms -sign -nodetach -in text -signer other.crt -inkey other.pem -certfile own.crt -outform DER";
    let foreign = openssl(&key.room, &words(line)).unwrap();
    assert_eq!(key.verify(&foreign), Err(CmsError::OtherSigner));
    // The own name and number under another key.
    let line = "x509 -in own.crt -noout -serial";
    let serial = String::from_utf8(openssl(&key.room, &words(line)).unwrap()).unwrap();
    let serial = serial.trim().trim_start_matches("serial=").to_owned();
    let line = format!("req -x509 -key other.pem -subj /CN=JITSUIN-TEST -set_serial 0x{serial} -out forged.crt");
    openssl(&key.room, &words(&line)).unwrap();
    let line = "cms -sign -nodetach -in text -signer forged.crt -inkey other.pem -outform DER";
    let forged = openssl(&key.room, &words(line)).unwrap();
    assert_eq!(key.verify(&forged), Err(CmsError::BadSignature));
}

#[test]
fn no_octet_of_what_openssl_signs_can_be_changed() {
    for key in [p256(), rsa()] {
        let message = key.sign("-nodetach -nocerts");
        for at in 0..message.len() {
            for change in [0x01, 0x20, 0x80, 0xFF] {
                let mut other = message.clone();
                other[at] ^= change;
                assert!(key.verify(&other).is_err(), "octet {at} changed by {change:#04x}");
            }
        }
    }
}
