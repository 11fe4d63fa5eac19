//! Which keys a service has, and where.

use std::{fs, path::PathBuf};

use serde::Serialize;

use crate::{
    cli::{files, layout::Layout},
    config::{Config, tokens::KeyName},
    ports::AuthorityRecord,
    signer::TokenUri,
};

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::cli) enum Purpose {
    /// It signs certificates and lists.
    Ca,
    /// It signs answers.
    Responder,
    /// It permutes indexes into serial numbers.
    Serial,
    /// It certifies clients and the registration listener.
    Access,
    /// The registration listener's.
    Registration,
    /// It signs what the audit says.
    Audit,
    /// Of a generation to come, or not this service's at all.
    NotInUse,
}

impl Purpose {
    /// For people.
    pub(in crate::cli) const fn words(self) -> &'static str {
        match self {
            Self::Ca => "CA",
            Self::Responder => "OCSP responder",
            Self::Serial => "serial numbers",
            Self::Access => "access CA",
            Self::Registration => "registration listener",
            Self::Audit => "audit",
            Self::NotInUse => "not in use",
        }
    }
}

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Place {
    /// In a file.
    File(PathBuf),
    /// In a token.
    Token(KeyName, TokenUri),
}

/// One key of the service.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Member {
    /// Its name, which is its file's too.
    pub(in crate::cli) name: String,
    /// What it is for.
    pub(in crate::cli) purpose: Purpose,
    /// Where it is.
    pub(in crate::cli) place: Place,
    /// The certificate of its public half, DER: `None` where it has none.
    pub(in crate::cli) certificate: Option<Vec<u8>>,
    /// What is wrong with that certificate, if it should have one.
    pub(in crate::cli) problem: Option<String>,
}

/// Every key: those in use by the CA generations of the database, then whatever else lies in the key directory or is named
/// by the configuration.
pub(in crate::cli) fn roster(layout: &Layout, config: &Config, records: &[AuthorityRecord]) -> Vec<Member> {
    let mut members = Vec::new();
    for record in records {
        let name = KeyName::ca(record.kind, record.generation);
        let certificate = Some(record.certificate.clone());
        let place = place(layout, config, name);
        members.push(Member { name: name.to_string(), purpose: Purpose::Ca, place, certificate, problem: None });
    }
    for record in records {
        let name = KeyName::responder(record.kind, record.generation);
        members.push(certified(layout, (name.to_string(), Purpose::Responder), place(layout, config, name)));
    }
    let serial = Place::File(layout.serial_key());
    members.push(Member {
        name: "serial-1".into(),
        purpose: Purpose::Serial,
        place: serial,
        certificate: None,
        problem: None,
    });
    members.push(certified(layout, ("access".into(), Purpose::Access), Place::File(layout.access_key())));
    members.push(certified(layout, ("registration".into(), Purpose::Registration), Place::File(layout.tls_key())));
    let more = others(layout, config, &members);
    members.extend(more);
    members
}

/// What no generation of the database has.
fn others(layout: &Layout, config: &Config, known: &[Member]) -> Vec<Member> {
    let mut names: Vec<String> = config.tokens.iter().map(|(name, _)| name.to_string()).collect();
    for entry in fs::read_dir(layout.keys()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        names.extend(name.to_str().and_then(|name| name.strip_suffix(".pem")).map(str::to_owned));
    }
    names.retain(|name| known.iter().all(|member| member.name != *name));
    names.sort();
    names.dedup();
    let member = |name: String| {
        let place = match name.parse() {
            Ok(key) => place(layout, config, key),
            Err(_) => Place::File(layout.keys().join(format!("{name}.pem"))),
        };
        let has_certificate = layout.certificate(&name).exists();
        let purpose = if has_certificate && name.starts_with("audit-") { Purpose::Audit } else { Purpose::NotInUse };
        if has_certificate {
            certified(layout, (name, purpose), place)
        } else {
            Member { name, purpose, place, certificate: None, problem: None }
        }
    };
    names.into_iter().map(member).collect()
}

fn place(layout: &Layout, config: &Config, name: KeyName) -> Place {
    config.tokens.find(name).map_or_else(|| Place::File(layout.key(name)), |uri| Place::Token(name, uri.clone()))
}

/// A key whose certificate is on file.
fn certified(layout: &Layout, (name, purpose): (String, Purpose), place: Place) -> Member {
    let (certificate, problem) = match files::read_certificate(&layout.certificate(&name)) {
        Ok(certificate) => (Some(certificate), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Member { name, purpose, place, certificate, problem }
}
