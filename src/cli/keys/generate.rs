//! `jitsuin keys generate`: a key for a generation to come.
//!
//! Nothing uses it until a generation begins with it, which the audit then tells; the service may be running.

use std::{
    fmt,
    fs::{File, TryLockError},
    path::Path,
    str::FromStr,
};

use pkcs8::der::pem::{LineEnding, encode_string};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{causes::Causes, examine::records, list::sha256};
use crate::{
    cli::{failure::Failure, house::profile, layout::Layout},
    config::{Config, tokens::KeyName},
    ports::{AuthorityRecord, Signer},
    profile::access::access_ca_name,
    signer::{KeyKind, PrivateKey, SoftwareSigner, keyfile},
    x509::{Attribute, Name, assemble, csr::request_info},
};

/// A name under which a key can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NewKey {
    /// Of a CA generation or of its responder.
    Generation(KeyName),
    /// Of an access CA to come: `access-2`.
    Access(u8),
    /// For the audit: `audit-1`.
    Audit(u8),
}

impl FromStr for NewKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |prefix| {
            let number = text.strip_prefix(prefix)?.parse::<u8>().ok()?;
            (number > 0 && format!("{prefix}{number}") == text).then_some(number)
        };
        if let Some(number) = number("access-").filter(|number| *number > 1) {
            return Ok(Self::Access(number));
        }
        if let Some(number) = number("audit-") {
            return Ok(Self::Audit(number));
        }
        text.parse().map(Self::Generation).map_err(|_| {
            "a new key is called sign-2, auth-2 (a CA generation), responder-sign-2 (its responder), access-2 or audit-1".into()
        })
    }
}

impl fmt::Display for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Generation(name) => name.fmt(f),
            Self::Access(number) => write!(f, "access-{number}"),
            Self::Audit(number) => write!(f, "audit-{number}"),
        }
    }
}

/// The public half of what was made.
#[derive(Debug, Serialize)]
pub(super) struct Made {
    name: String,
    kind: KeyKind,
    file: String,
    public_key_sha256: String,
    public_key: String,
    certification_request: String,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, file, public_key_sha256, public_key, certification_request } = self;
        write!(
            f,
            "{name} ({kind}) is in {file}\npublic key SHA-256 {public_key_sha256}\n{public_key}{certification_request}"
        )
    }
}

/// Makes a key under the passphrase of the others.
///
/// # Errors
/// [`Failure`] where there is such a key already, in a file or a token, where the generation is not the next, or where the
/// passphrase is not that of the other keys.
pub(super) fn generate(
    (layout, config): (&Layout, &Config),
    passphrase: &Zeroizing<String>,
    (name, kind): (NewKey, Option<KeyKind>),
) -> Result<Made, Failure> {
    let _hold = hold(layout.keys())?;
    let mut causes = Causes::default();
    let records = records(layout, config, &mut causes);
    let path = layout.keys().join(format!("{name}.pem"));
    if path.symlink_metadata().is_ok() {
        causes.note(format!("{} exists already; a key file is never overwritten", path.display()));
    }
    if let NewKey::Generation(name) = name {
        causes.keep(is_to_come(name, config, &records));
    }
    causes.key(keyfile::read_serial_key(&layout.serial_key(), passphrase));
    causes.finish()?;
    let subject = subject(name, config)?;
    let kind = kind.unwrap_or(match name {
        NewKey::Generation(KeyName { responder: true, .. }) => config.keys.responder,
        NewKey::Generation(name) if name.kind == crate::kind::Kind::Sign => config.keys.sign_ca,
        NewKey::Generation(_) => config.keys.auth_ca,
        NewKey::Access(_) | NewKey::Audit(_) => KeyKind::P256,
    });
    let key = PrivateKey::generate(kind).map_err(Failure::fault)?;
    let signer = SoftwareSigner::new(&key).map_err(Failure::fault)?;
    let request = request(&subject, &signer)?;
    keyfile::write_encrypted(&path, &key, passphrase).map_err(Failure::refused)?;
    Ok(Made {
        name: name.to_string(),
        kind,
        file: path.display().to_string(),
        public_key_sha256: sha256(signer.spki()),
        public_key: pem("PUBLIC KEY", signer.spki()),
        certification_request: pem("CERTIFICATE REQUEST", &request),
    })
}

/// Keys are made and rotated one after the other: who makes one while another process moves the directory would lose it.
pub(in crate::cli) fn hold(keys: &Path) -> Result<File, Failure> {
    let keys = keys.canonicalize().map_err(|error| Failure::refused(format!("{}: {error}", keys.display())))?;
    let parent = keys.parent().unwrap_or(&keys);
    let file = File::open(parent).map_err(|error| Failure::refused(format!("{}: {error}", parent.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Failure::refused(format!("another jitsuin is at work on the keys in {}", keys.display())))
        }
        Err(TryLockError::Error(error)) => Err(Failure::fault(format!("{}: {error}", parent.display()))),
    }
}

fn is_to_come(name: KeyName, config: &Config, records: &[AuthorityRecord]) -> Result<(), String> {
    if let Some(uri) = config.tokens.find(name) {
        return Err(format!("{name} is in a token by the configuration ({uri})"));
    }
    let newest = records.iter().filter(|record| record.kind == name.kind).map(|record| record.generation).max();
    let next = newest.unwrap_or(0).saturating_add(1);
    let kind = name.kind;
    if name.generation > next {
        return Err(format!("the next generation of the {kind} CA is {next}, so {name} is not its key"));
    }
    if name.generation < next {
        return Err(format!(
            "generation {} of the {kind} CA is in use already; another key than its own would not do. The next is {next}",
            name.generation
        ));
    }
    Ok(())
}

/// What the request calls it. Whoever certifies it decides the name.
fn subject(name: NewKey, config: &Config) -> Result<Name, Failure> {
    match name {
        NewKey::Generation(KeyName { responder: false, kind, .. }) => profile(config)?.ca_name(kind),
        NewKey::Access(_) => access_ca_name(config.service.organisation.as_str()),
        NewKey::Generation(_) | NewKey::Audit(_) => Name::new(vec![
            Attribute::country("JP"),
            Attribute::organization(config.service.organisation.as_str()),
            Attribute::common_name(&name.to_string()),
        ]),
    }
    .map_err(Failure::fault)
}

/// A PKCS#10 request, which shows that the private half is there.
fn request(subject: &Name, signer: &SoftwareSigner) -> Result<Vec<u8>, Failure> {
    let info = request_info(subject, signer.spki());
    let signature = signer.sign(&info).map_err(Failure::fault)?;
    Ok(assemble(&info, signer.algorithm(), &signature))
}

fn pem(label: &str, der: &[u8]) -> String {
    encode_string(label, LineEnding::LF, der).expect("a label of capitals and a few kilobytes can be encoded")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_new_keys_go_both_ways() {
        for text in ["sign-2", "auth-7", "responder-sign-2", "access-2", "audit-1", "audit-255"] {
            assert_eq!(text.parse::<NewKey>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_names_are_no_new_keys() {
        for text in [
            "",
            "sign",
            "sign-0",
            "access",
            "access-1",
            "access-02",
            "audit-0",
            "audit-256",
            "registration",
            "serial-2",
        ] {
            assert!(text.parse::<NewKey>().unwrap_err().contains("sign-2"), "{text}");
        }
        assert!("../sign-2".parse::<NewKey>().is_err());
    }

    #[test]
    fn who_is_at_work_on_the_keys_keeps_others_out() {
        let room = tempfile::tempdir().unwrap();
        let keys = room.path().join("keys");
        std::fs::create_dir(&keys).unwrap();
        let held = hold(&keys).unwrap();
        assert!(hold(&keys).unwrap_err().to_string().contains("another jitsuin"));
        drop(held);
        hold(&keys).unwrap();
    }
}
