//! `jitsuin keys replace`: another key for the OCSP responder of a generation in use, because the old one may be in other hands.
//!
//! A CA's key is never replaced, a generation ends with it; its responder is only delegated, and another key does as well. The next
//! start certifies it. The old certificate cannot be revoked, for nobody would look (id-pkix-ocsp-nocheck, RFC 6960 §4.2.2.2.1):
//! whoever has the old key can answer in its name until it ends, which the command tells.

use std::fs;

use serde::Serialize;
use zeroize::Zeroizing;

use super::{causes::Causes, examine::records, generate, list::sha256};
use crate::{
    audit::Draft,
    cli::{checkpoints, failure::Failure, files, layout::Layout, stores, world::SystemClock},
    config::{Config, tokens::KeyName},
    ports::{Change, Clock, Signer},
    signer::{PrivateKey, SoftwareSigner, keyfile},
    x509::{CertificateView, UnixTime},
};

/// What became of it.
#[derive(Debug, Serialize)]
pub(super) struct Replaced {
    name: String,
    /// Of the new key; absent where it is in a token, which the next start looks into.
    public_key_sha256: Option<String>,
    /// Until when the old key's certificate is believed, if there was one.
    old_not_after: Option<UnixTime>,
}

impl Replaced {
    /// For people.
    pub(super) fn text(&self) -> String {
        let Self { name, public_key_sha256, old_not_after } = self;
        let made = match public_key_sha256 {
            Some(digest) => format!("{name} is a new key, public key SHA-256 {digest}"),
            None => format!("{name} is the key that the configuration names in a token"),
        };
        let until = match old_not_after {
            Some(until) => format!(
                "\nWhoever has the old key can answer in its name until {until}: nobody looks whether a responder was revoked.\n\
                 Tell relying parties to take answers of the old certificate for nothing until then."
            ),
            None => String::new(),
        };
        format!("{made}; the next start certifies it.{until}")
    }
}

/// Makes another key for a responder, and takes its certificate away so that the next start makes one.
///
/// # Errors
/// [`Failure`] while the service runs; for a key that is no responder's of a generation in use; for a passphrase that does not
/// open the other keys. If it is a refusal nothing was changed; after a fault the same again ends it.
pub(super) fn replace(
    (layout, config): (&Layout, &Config),
    passphrase: &Zeroizing<String>,
    name: KeyName,
) -> Result<Replaced, Failure> {
    let _hold = generate::hold(layout.keys())?;
    let mut causes = Causes::default();
    let known = records(layout, config, &mut causes);
    if !name.responder {
        causes.note(format!(
            "{name} is the key of a CA: it is not replaced; `jitsuin generation compromised` ends it, `jitsuin generation add` begins another"
        ));
    } else if !known.iter().any(|record| (record.kind, record.generation) == (name.kind, name.generation)) {
        causes.note(format!("there is no generation {} of the {} CA", name.generation, name.kind));
    }
    let ca = KeyName::ca(name.kind, name.generation);
    if config.tokens.find(ca).is_none() && !layout.key(ca).exists() {
        causes.note(format!("the key of {ca} is lost, and nobody else could certify another responder"));
    }
    causes.key(keyfile::read_serial_key(&layout.serial_key(), passphrase));
    causes.finish()?;
    let store = stores::alone(config).map_err(|shared| shared.advise("stop the service first"))?;
    checkpoints::guard(&*store, (layout, config))?;
    let certificate = layout.certificate(&name.to_string());
    let old = files::read_certificate(&certificate).ok();
    let old = old.and_then(|der| CertificateView::from_der(&der).ok().map(|view| view.tbs.not_after));
    let tell = |action: &str, detail: serde_json::Value| {
        let (actor, subject) = ("console".into(), format!("key/{name}"));
        let audit = Draft {
            at: SystemClock::default().now(),
            actor,
            action: action.into(),
            subject,
            detail: detail.to_string(),
        };
        store.commit(Change { steps: Vec::new(), audit }).map_err(Failure::from)
    };
    tell("key.replacing", serde_json::json!({ "old_not_after": old }))?;
    let fresh = match config.tokens.find(name) {
        Some(_) => None,
        None => Some(fresh_key((layout, config), passphrase, name)?),
    };
    // The certificate first: a new key beside the old key's certificate would not start.
    files::remove(&certificate).map_err(Failure::fault)?;
    if fresh.is_some() {
        let (from, to) = (next(layout, name), layout.key(name));
        let put = fs::rename(&from, &to).and_then(|()| fs::File::open(layout.keys())?.sync_all());
        put.map_err(|error| Failure::fault(format!("{}: {error}", to.display())))?;
    }
    tell("key.replaced", serde_json::json!({ "public_key_sha256": fresh }))?;
    Ok(Replaced { name: name.to_string(), public_key_sha256: fresh, old_not_after: old })
}

/// Where the new key lies until it takes the old one's place.
fn next(layout: &Layout, name: KeyName) -> std::path::PathBuf {
    layout.keys().join(format!("{name}.next.pem"))
}

/// Makes the new key; the SHA-256 of its public half.
fn fresh_key(
    (layout, config): (&Layout, &Config),
    passphrase: &Zeroizing<String>,
    name: KeyName,
) -> Result<String, Failure> {
    // What a command left that was cut off.
    let path = next(layout, name);
    files::remove(&path).map_err(Failure::fault)?;
    let key = PrivateKey::generate(config.keys.responder).map_err(Failure::fault)?;
    let signer = SoftwareSigner::new(&key).map_err(Failure::fault)?;
    keyfile::write_encrypted(&path, &key, passphrase).map_err(Failure::fault)?;
    Ok(sha256(signer.spki()))
}
