//! People who approve, and the statements that they sign.
#![allow(dead_code, clippy::allow_attributes, reason = "each test takes what it needs")]

use base64::{Engine, engine::general_purpose::STANDARD};
use jitsuin::{
    audit::approval::{APPROVAL, Content},
    ca,
    signer::{PrivateKey, SoftwareSigner},
    x509::{UnixTime, jws},
};
use serde_json::{Value, json};

/// Somebody with a certificate and its key.
pub(crate) struct Approver {
    pub(crate) certificate: Vec<u8>,
    pub(crate) signer: SoftwareSigner,
}

impl Approver {
    /// Of a certificate and a key, PEM.
    pub(crate) fn of_pem(certificate: &str, key: &str) -> Self {
        let der = |text: &str| pkcs8::der::pem::decode_vec(text.as_bytes()).unwrap().1;
        let key = PrivateKey::from_pkcs8(der(key).into()).unwrap();
        Self { certificate: der(certificate), signer: SoftwareSigner::new(&key).unwrap() }
    }

    /// Approves from one second to another.
    pub(crate) fn approve(&self, content: &Content, from: i64, until: i64) -> String {
        let at = |second| UnixTime::from_seconds(second).unwrap();
        ca::approval::sign(&content.approve(at(from), at(until)), &self.certificate, &self.signer).unwrap()
    }

    /// The header that it signs under.
    pub(crate) fn header(&self) -> Value {
        json!({ "alg": "ES256", "typ": APPROVAL, "x5c": [STANDARD.encode(&self.certificate)] })
    }

    /// Signs whatever it is.
    pub(crate) fn sign(&self, header: &Value, payload: &Value) -> String {
        ca::jws::sign(header, payload, &self.signer).unwrap()
    }

    /// A text of the same form that nobody signed.
    pub(crate) fn unsigned(header: &Value, payload: &Value) -> String {
        format!("{}.", jws::signing_input(header, payload).unwrap())
    }
}
