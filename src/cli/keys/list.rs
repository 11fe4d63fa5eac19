//! `jitsuin keys list|check`: every key with its place, its public half and its certificate.

use std::sync::Arc;

use ring::digest::{SHA256, digest};
use serde::Serialize;

use super::{
    apart,
    causes::Causes,
    roster::{Member, Place, Purpose, roster},
    token,
};
use crate::{
    cli::{Output, failure::Failure, layout::Layout},
    config::{Config, tokens::KeyName},
    ports::{AuthorityRecord, Signer},
    revocation::serial::SerialPermutation,
    signer::{KeyFileError, SerialKey, keyfile},
    x509::{CertificateView, SubjectPublicKey, UnixTime, hex},
};

/// A key as it was found. What could not be looked at is `null`.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Found {
    /// Its name.
    pub(in crate::cli) name: String,
    /// What it is for.
    pub(in crate::cli) purpose: Purpose,
    /// The path of its file, if it is in one.
    pub(in crate::cli) file: Option<String>,
    /// Its URI, if it is in a token.
    pub(in crate::cli) token: Option<String>,
    /// The algorithm and size of its public half.
    pub(in crate::cli) algorithm: Option<String>,
    /// SHA-256 of its SubjectPublicKeyInfo: the private half's where it was opened, else the certificate's.
    pub(in crate::cli) public_key_sha256: Option<String>,
    /// SHA-256 of its certificate.
    pub(in crate::cli) certificate_sha256: Option<String>,
    /// The last instant of its certificate.
    pub(in crate::cli) not_after: Option<UnixTime>,
    /// Whether it was opened and signed once (the serial key: was opened).
    pub(in crate::cli) opened: bool,
    /// Whether it is its certificate's (the serial key: the one that certificates were numbered with). Only an opened one
    /// can tell.
    pub(in crate::cli) matches: Option<bool>,
    /// What is wrong.
    pub(in crate::cli) problems: Vec<String>,
}

/// What opening a key gave.
enum Opened {
    Signs(Arc<dyn Signer>),
    Serial(SerialKey),
}

/// Looks at every key: with the passphrase each is opened and signs once, without it only what lies open is read.
pub(in crate::cli) fn survey(
    (layout, config): (&Layout, &Config),
    records: &[AuthorityRecord],
    passphrase: Option<&str>,
    causes: &mut Causes,
) -> Vec<Found> {
    let members = roster(layout, config, records);
    let responders: Vec<_> = members.iter().filter(|member| member.purpose == Purpose::Responder).cloned().collect();
    let look = |member: Member| {
        let mut found = outside(&member);
        let opened = match passphrase {
            Some(passphrase) => open(&member, config, passphrase, causes),
            None => unopened(&member),
        };
        match opened {
            Ok(Some(opened)) => inside(&mut found, &member, &opened, &responders),
            Ok(None) => {}
            Err(problem) => found.problems.push(problem),
        }
        for problem in &found.problems {
            // A passphrase that opens nothing is told once, by `causes` itself.
            if !problem.starts_with(LOCKED) {
                causes.note(format!("{}: {problem}", found.name));
            }
        }
        found
    };
    let found: Vec<Found> = members.into_iter().map(look).collect();
    let opened = found.iter().filter(|one| one.opened);
    let keys = opened.filter_map(|one| Some((one.name.clone(), one.public_key_sha256.clone()?)));
    apart::note_shared(keys, causes);
    found
}

/// How the problem of a key begins that the passphrase does not open.
const LOCKED: &str = "the passphrase does not open ";

/// What can be seen without the private half.
fn outside(member: &Member) -> Found {
    let (file, token) = match &member.place {
        Place::File(path) => (Some(path.display().to_string()), None),
        Place::Token(_, uri) => (None, Some(uri.to_string())),
    };
    let mut found = Found {
        name: member.name.clone(),
        purpose: member.purpose,
        file,
        token,
        algorithm: (member.purpose == Purpose::Serial).then(|| "AES-128".into()),
        public_key_sha256: None,
        certificate_sha256: None,
        not_after: None,
        opened: false,
        matches: None,
        problems: member.problem.iter().cloned().collect(),
    };
    if let Some(der) = &member.certificate {
        found.certificate_sha256 = Some(sha256(der));
        match CertificateView::from_der(der) {
            Ok(view) => {
                found.not_after = Some(view.tbs.not_after);
                show_public(&mut found, view.tbs.spki);
            }
            Err(error) => found.problems.push(format!("its certificate cannot be read: {error}")),
        }
    }
    found
}

fn show_public(found: &mut Found, spki: &[u8]) {
    found.public_key_sha256 = Some(sha256(spki));
    found.algorithm = SubjectPublicKey::from_der(spki).ok().map(|key| key.algorithm().to_string());
}

fn open(member: &Member, config: &Config, passphrase: &str, causes: &mut Causes) -> Result<Option<Opened>, String> {
    let path = match &member.place {
        Place::Token(name, _) => {
            let signer = token(config, *name).map_err(|error| strip(&error, *name))?;
            return Ok(Some(Opened::Signs(Arc::new(signer))));
        }
        Place::File(path) => path,
    };
    let opened = if member.purpose == Purpose::Serial {
        keyfile::read_serial_key(path, passphrase).map(Opened::Serial)
    } else {
        keyfile::read_signer(path, passphrase).map(|signer| Opened::Signs(Arc::new(signer)))
    };
    match opened {
        // It is noted here already, among all that do not open.
        Err(error @ KeyFileError::Passphrase { .. }) => {
            let problem = error.to_string();
            causes.key::<()>(Err(error));
            Err(problem)
        }
        Err(error) => Err(error.to_string()),
        Ok(opened) => Ok(causes.key(Ok(opened))),
    }
}

/// `sign-1 (pkcs11:…): cause` without the name, which stands before it anyway.
fn strip(problem: &str, name: KeyName) -> String {
    problem.strip_prefix(&format!("{name} ")).unwrap_or(problem).to_owned()
}

/// What can be said of a file that is not opened; a token is not asked, for that takes its PIN.
fn unopened(member: &Member) -> Result<Option<Opened>, String> {
    match &member.place {
        Place::File(path) => keyfile::look(path).map(|()| None).map_err(|error| error.to_string()),
        Place::Token(..) => Ok(None),
    }
}

/// Compares the private half with what its certificate says.
fn inside(found: &mut Found, member: &Member, opened: &Opened, responders: &[Member]) {
    found.opened = true;
    match opened {
        Opened::Signs(signer) => {
            show_public(found, signer.spki());
            let certified = member.certificate.as_deref().and_then(|der| CertificateView::from_der(der).ok());
            found.matches = certified.map(|view| view.tbs.spki == signer.spki());
            if found.matches == Some(false) {
                found.problems.push("the key does not match its certificate".into());
            }
        }
        Opened::Serial(key) => {
            found.matches = numbered(key, responders);
            if found.matches == Some(false) {
                found.problems.push("it is not the serial key that the certificates were issued with".into());
            }
        }
    }
}

/// Whether the responders' certificates were numbered with this key; `None` where there is none to ask.
fn numbered(key: &SerialKey, responders: &[Member]) -> Option<bool> {
    let serials = SerialPermutation::new(1, key.octets()).ok()?;
    let mut told = None;
    for responder in responders {
        let kind = responder.name.parse::<KeyName>().ok()?.kind;
        let Some(view) = responder.certificate.as_deref().and_then(|der| CertificateView::from_der(der).ok()) else {
            continue;
        };
        told = Some(told.unwrap_or(true) && serials.index(kind, view.tbs.serial.octets()).is_some());
    }
    told
}

pub(in crate::cli) fn sha256(octets: &[u8]) -> String {
    hex(digest(&SHA256, octets).as_ref())
}

/// Lists every key; with a passphrase, whether each is its certificate's.
///
/// # Errors
/// [`Failure`] when the configuration cannot be read; what is wrong with a key stands in the list.
pub(super) fn list(place: (&Layout, &Config), passphrase: Option<&str>, out: &Output) -> Result<(), Failure> {
    let (found, _) = look(place, passphrase);
    out.print(&found, || text(&found))
}

/// Opens every key, has it sign once and compares it with its certificate.
///
/// # Errors
/// [`Failure`], refused, with everything that is wrong.
pub(super) fn check(place: (&Layout, &Config), passphrase: &str, out: &Output) -> Result<(), Failure> {
    let (found, causes) = look(place, Some(passphrase));
    out.print(&found, || text(&found))?;
    causes.finish()
}

fn look(place: (&Layout, &Config), passphrase: Option<&str>) -> (Vec<Found>, Causes) {
    let mut causes = Causes::default();
    let records = super::examine::records(place.0, place.1, &mut causes);
    let found = survey(place, &records, passphrase, &mut causes);
    (found, causes)
}

fn text(found: &[Found]) -> String {
    let mut text = String::new();
    for one in found {
        let state = match (one.opened, one.matches) {
            (true, Some(true)) => "opens, signs, matches",
            (true, Some(false)) => "opens, DOES NOT MATCH",
            // No key pair: it permutes serial numbers, and signs nothing.
            (true, None) if matches!(one.purpose, Purpose::Serial) => "opens",
            (true, None) => "opens, signs",
            (false, _) => "not opened",
        };
        let until = one.not_after.map_or_else(|| "no certificate".into(), |end| format!("until {end}"));
        text += &format!(
            "{:<18} {:<22} {:<9} {:<22} {until}\n",
            one.name,
            one.purpose.words(),
            one.algorithm.as_deref().unwrap_or("?"),
            state
        );
        text += &format!("    {}\n", one.file.as_deref().or(one.token.as_deref()).unwrap_or_default());
        for (what, value) in [("public key ", &one.public_key_sha256), ("certificate", &one.certificate_sha256)] {
            if let Some(value) = value {
                text += &format!("    {what} SHA-256 {value}\n");
            }
        }
        for problem in &one.problems {
            text += &format!("    WRONG: {problem}\n");
        }
    }
    text.trim_end().to_owned()
}
