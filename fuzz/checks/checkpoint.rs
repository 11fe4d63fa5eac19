//! Checkpoints: lines that an outside keeper gives back.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jitsuin::{
    audit::{AuditKey, Checkpoint},
    ports::Signer,
    x509::{SignatureAlgorithm, jws},
};

use super::desk::{House, KnownKey};

/// The first octet chooses: 0, a line as it is; any other, a payload that is signed here first.
///
/// What is opened is what is written again.
pub fn check(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    let line = if *mode == 0 { String::from_utf8(data.to_vec()).ok() } else { signed(data) };
    let Some(line) = line else { return };
    let Some(checkpoint) = opened(&line) else { return };
    let again = complete(&checkpoint.signing_input(&key()).expect("JSON"));
    assert_eq!(opened(&again).as_ref(), Some(&checkpoint));
    assert!(checkpoint.misfits(&checkpoint.lineage, &checkpoint.marks, Some(checkpoint.marks.seal)).is_empty());
}

/// The audit key of nobody: that of the signing CA, which everybody knows.
#[must_use]
pub fn key() -> AuditKey {
    AuditKey::of_certificate(&House::open().authorities[0].certificate).expect("a key on P-256")
}

/// The checkpoint of a line.
#[must_use]
pub fn opened(line: &str) -> Option<Checkpoint> {
    let key = key();
    let named = key.is_named_by(line);
    let opened = Checkpoint::open(line, &key).ok();
    assert!(named || opened.is_none(), "what is signed names its key");
    opened
}

fn complete(input: &str) -> String {
    let signature = KnownKey::Rfc6979.signer().sign(input.as_bytes()).expect("a signature");
    jws::complete(input, SignatureAlgorithm::EcdsaP256Sha256, signature).expect("a line")
}

/// A line with the header of a true checkpoint and with this payload.
#[must_use]
pub fn signed(payload: &[u8]) -> Option<String> {
    let input = super::seeds::files::checkpoint().signing_input(&key()).expect("JSON");
    let (header, _) = input.split_once('.')?;
    Some(complete(&format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload))))
}
