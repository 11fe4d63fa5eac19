//! The table of contents of a backup: `manifest.json`, the first file in it.

use serde::{Deserialize, Serialize};

use crate::{audit::Marks, x509::UnixTime};

/// The form of a backup.
pub const FORMAT: &str = "jitsuin-backup/1";
/// The name of the table of contents.
pub const NAME: &str = "manifest.json";
/// The configuration.
pub const CONFIGURATION: &str = "jitsuin.toml";
/// The configuration as it was, where its paths lead elsewhere than a restored service has its files.
pub const ORIGINAL: &str = "jitsuin.toml.original";
/// The database.
pub const DATABASE: &str = "jitsuin.sqlite";
/// The directory of its long lists.
pub const LISTS: &str = "jitsuin.sqlite.crl";
/// The snapshot of the status index.
pub const SNAPSHOT: &str = "status.snapshot";
/// The checkpoints.
pub const CHECKPOINTS: &str = "checkpoints";
/// The table of substitute characters.
pub const SUBSTITUTES: &str = "substitutes";
/// The directory of the public certificates.
pub const CERTIFICATES: &str = "certificates";
/// The directory of the keys.
pub const KEYS: &str = "keys";

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// The version of the program that made it.
    pub version: String,
    /// When its making began: what was acknowledged before is in it.
    pub made_at: UnixTime,
    /// Of which service: the certificates of both CAs.
    pub service: Service,
    /// How far the copied store had come.
    pub marks: Marks,
    /// Whether the private keys are in it.
    pub keys: bool,
    /// The files, in the order in which they follow.
    pub members: Vec<Member>,
}

/// Which service: SHA-256 of the first certificate of each CA, as `openssl x509 -fingerprint -sha256` prints it, in lower case
/// and without colons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Of SIGN.
    pub sign: String,
    /// Of AUTH.
    pub auth: String,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its path in the directory of a service.
    pub name: String,
    /// Its length.
    pub octets: u64,
    /// SHA-256 of it, in hexadecimal digits.
    pub sha256: String,
}

/// Why a table of contents is not believed.
#[derive(Debug, thiserror::Error)]
pub enum BadManifest {
    /// It is no JSON of this form.
    #[error("the table of contents cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// It is of another form, such as of a later program.
    #[error("the backup has the form {0}, and this program reads {FORMAT}")]
    Format(String),
    /// A file that no backup has, or in a place where none belongs.
    #[error("a backup has no file {0}")]
    Name(String),
    /// A file is named twice.
    #[error("the file {0} is named twice")]
    Twice(String),
    /// A file without which there is no service.
    #[error("the file {0} is missing")]
    Missing(&'static str),
}

impl Manifest {
    /// Reads it.
    ///
    /// # Errors
    /// [`BadManifest`].
    pub fn parse(json: &[u8]) -> Result<Self, BadManifest> {
        #[derive(Deserialize)]
        struct Form {
            format: String,
        }
        // Of another form is the better answer than the field that it has more.
        let form: Form = serde_json::from_slice(json)?;
        if form.format != FORMAT {
            return Err(BadManifest::Format(form.format));
        }
        let manifest: Self = serde_json::from_slice(json)?;
        let mut names = std::collections::BTreeSet::new();
        for member in &manifest.members {
            if !is_a_place(&member.name) {
                return Err(BadManifest::Name(member.name.clone()));
            }
            if !names.insert(member.name.as_str()) {
                return Err(BadManifest::Twice(member.name.clone()));
            }
        }
        match [CONFIGURATION, DATABASE].into_iter().find(|name| !names.contains(name)) {
            Some(name) => Err(BadManifest::Missing(name)),
            None => Ok(manifest),
        }
    }

    /// Octets of everything in it; where it claims more than a number holds, the highest one, for which there is no room.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.members.iter().fold(0, |sum: u64, member| sum.saturating_add(member.octets))
    }

    /// How many of its files lie in that directory.
    #[must_use]
    pub fn count_in(&self, directory: &str) -> usize {
        self.members
            .iter()
            .filter(|member| member.name.split_once('/').is_some_and(|(in_, _)| in_ == directory))
            .count()
    }
}

/// Whether a backup may have a file of that name: none leads out of the directory.
fn is_a_place(name: &str) -> bool {
    let plain = |stem: &str| {
        !stem.is_empty() && stem.bytes().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == b'-')
    };
    match name.split_once('/') {
        None => [CONFIGURATION, ORIGINAL, DATABASE, SNAPSHOT, CHECKPOINTS, SUBSTITUTES].contains(&name),
        Some((CERTIFICATES | KEYS, file)) => file.strip_suffix(".pem").is_some_and(plain),
        Some((LISTS, file)) => file.strip_suffix(".crl").is_some_and(|stem| stem.len() == 64 && plain(stem)),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{GENESIS, Of};

    fn manifest(names: &[&str]) -> Manifest {
        let member = |name: &&str| Member { name: (*name).into(), octets: 1, sha256: "00".repeat(32) };
        Manifest {
            format: FORMAT.into(),
            version: "0".into(),
            made_at: UnixTime::EPOCH,
            service: Service { sign: "s".into(), auth: "a".into() },
            marks: Marks {
                fence: 1,
                at: UnixTime::EPOCH,
                entry: 0,
                seal: GENESIS,
                event: 0,
                indexes: Of::default(),
                lists: Of::default(),
            },
            keys: false,
            members: names.iter().map(member).collect(),
        }
    }

    fn parse(names: &[&str]) -> Result<Manifest, BadManifest> {
        let names = [&[CONFIGURATION, DATABASE], names].concat();
        Manifest::parse(&serde_json::to_vec(&manifest(&names)).unwrap())
    }

    #[test]
    fn what_was_written_is_read() {
        let list = format!("{LISTS}/{}.crl", "0a".repeat(32));
        let read = parse(&[&list, "certificates/sign-1.pem", "keys/audit-1.pem"]).unwrap();
        assert_eq!((read.members.len(), read.count_in(KEYS), read.count_in(LISTS), read.octets()), (5, 1, 1, 5));
    }

    #[test]
    fn no_name_leads_elsewhere() {
        for name in [
            "../jitsuin.toml",
            "/etc/passwd",
            "keys/../x.pem",
            "keys/a/b.pem",
            "keys/.pem",
            "keys/A.pem",
            "keys/x",
            "credentials/x.pem",
            "jitsuin.sqlite-wal",
            "jitsuin.sqlite.crl/1.draft",
            "",
            "keys",
            "certificates//x.pem",
            "restore-report.json",
        ] {
            assert!(matches!(parse(&[name]), Err(BadManifest::Name(told)) if told == name), "{name}");
        }
        assert!(matches!(parse(&[DATABASE]), Err(BadManifest::Twice(_))));
    }

    #[test]
    fn without_configuration_or_database_there_is_no_service() {
        let json = |names: &[&str]| serde_json::to_vec(&manifest(names)).unwrap();
        assert!(matches!(Manifest::parse(&json(&[DATABASE])), Err(BadManifest::Missing(CONFIGURATION))));
        assert!(matches!(Manifest::parse(&json(&[CONFIGURATION])), Err(BadManifest::Missing(DATABASE))));
    }

    #[test]
    fn another_form_is_named_whatever_else_it_has() {
        let refused = Manifest::parse(br#"{"format":"jitsuin-backup/2","more":1}"#).unwrap_err();
        assert!(matches!(refused, BadManifest::Format(form) if form == "jitsuin-backup/2"));
        let mut more = serde_json::to_value(manifest(&[CONFIGURATION, DATABASE])).unwrap();
        more["more"] = 1.into();
        assert!(matches!(Manifest::parse(more.to_string().as_bytes()), Err(BadManifest::Json(_))));
        assert!(matches!(Manifest::parse(b"{"), Err(BadManifest::Json(_))));
    }
}
