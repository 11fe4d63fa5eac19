//! `Approval::open`: what a second person signed.

use std::sync::OnceLock;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jitsuin::{
    audit::approval::{APPROVAL, Approval},
    ca::jws,
    kind::Kind,
    limits::{APPROVAL_OCTETS, APPROVAL_SUMMARY_CHARACTERS},
};
use serde_json::{Value, json};

use super::desk::{House, KnownKey};

/// A statement as it should be.
pub const STATEMENT: &str = r#"{"act":"ca-compromise","digest":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","summary":"JITSUIN-TEST","iat":1793581200,"exp":1793584800}"#;

/// The first octet chooses. A whole line; or a payload, or a header, which the known person truly signs, so that the fuzzer comes past
/// the signature. Nothing is an approval that nobody signed; what is one has exactly its members, within their bounds.
pub fn check(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    match mode % 3 {
        0 => check_line(rest),
        1 => check_payload(rest),
        _ => check_header(rest),
    }
}

/// DER of a certificate whose key everybody knows.
fn certificate() -> &'static str {
    static CERTIFICATE: OnceLock<String> = OnceLock::new();
    CERTIFICATE.get_or_init(|| STANDARD.encode(&House::open().authority(Kind::Auth).certificate))
}

fn header() -> Value {
    json!({ "alg": "ES256", "typ": APPROVAL, "x5c": [certificate()] })
}

fn signed(header: &[u8], payload: &[u8]) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    jws::complete(&input, &KnownKey::One.signer()).expect("a key")
}

fn check_line(octets: &[u8]) {
    let Ok(line) = std::str::from_utf8(octets) else { return };
    assert!(Approval::open(line).is_err(), "nobody but the check has the key, and it signs nothing here");
}

fn check_payload(payload: &[u8]) {
    let line = signed(header().to_string().as_bytes(), payload);
    let Ok(approval) = Approval::open(&line) else { return };
    assert!(line.len() <= APPROVAL_OCTETS);
    let said: Value = serde_json::from_slice(payload).expect("JSON");
    assert_eq!(
        said,
        serde_json::to_value(&approval.statement).expect("JSON"),
        "no member more, and none that means another"
    );
    let statement = &approval.statement;
    let digits = statement.digest.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit));
    assert!(statement.digest.len() == 64 && digits && statement.iat < statement.exp);
    assert!(statement.summary.chars().count() <= APPROVAL_SUMMARY_CHARACTERS);
    assert!(!statement.summary.contains(char::is_control));
    for at in [0, line.len() / 2, line.len() - 1] {
        let mut other = line.clone().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        assert!(Approval::open(&String::from_utf8(other).expect("ASCII")).is_err(), "octet {at}");
    }
}

fn check_header(head: &[u8]) {
    if Approval::open(&signed(head, STATEMENT.as_bytes())).is_ok() {
        assert_eq!(serde_json::from_slice::<Value>(head).expect("JSON"), header());
    }
}
