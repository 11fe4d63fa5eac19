//! `jitsuin card show|list`: what is on cards.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    EXTENSION,
    file::{CardFile, CardFileError},
    key::SoftKey,
};
use crate::{
    card::{Card, HalfSummary},
    cli::{
        Output,
        failure::Failure,
        passphrase::{Purpose, Sources},
    },
    kind::Kind,
    rules::{self, Policy},
    x509::{CertificateView, Name},
};

/// A card as it is shown.
#[derive(Debug, Serialize)]
pub struct Shown {
    serial: String,
    face_authentication: bool,
    suspended: bool,
    auth: ShownHalf,
    sign: ShownHalf,
}

/// What belongs to one of the two certificates.
#[derive(Debug, Serialize)]
pub struct ShownHalf {
    /// `RSA-2048`, `P-256`, `P-384`; none: no key in use.
    key: Option<String>,
    /// A key was made, and waits for its certificate.
    key_waits: bool,
    /// None: there is no PIN.
    tries_left: Option<u8>,
    certificate: Option<ShownCertificate>,
}

/// A certificate on a card.
#[derive(Debug, Serialize)]
pub struct ShownCertificate {
    /// Upper-case hex.
    serial: String,
    subject: String,
    issuer: String,
    /// The first instant of validity, RFC 3339.
    not_before: String,
    /// The last second of validity, RFC 3339.
    not_after: String,
    /// The last day of validity in Japan.
    last_day: String,
    /// The first day on which it can be renewed (V-11).
    renewal_opens: String,
}

impl Shown {
    fn of(card: &Card<SoftKey>) -> Result<Self, Failure> {
        let summary = card.summary();
        Ok(Self {
            serial: String::from_utf8_lossy(summary.serial).into_owned(),
            face_authentication: summary.face_authentication,
            suspended: summary.suspended,
            auth: ShownHalf::of(&summary.auth)?,
            sign: ShownHalf::of(&summary.sign)?,
        })
    }

    fn text(&self) -> String {
        let mut lines = vec![format!("card {}", self.serial)];
        if self.face_authentication {
            lines.push("  face authentication: no PINs, no SIGN".into());
        }
        if self.suspended {
            lines.push("  suspended".into());
        }
        for (kind, half) in [(Kind::Auth, &self.auth), (Kind::Sign, &self.sign)] {
            lines.push(format!("{}: {}", kind.word().to_uppercase(), half.text()));
            if let Some(certificate) = &half.certificate {
                lines.extend(certificate.lines());
            }
        }
        lines.join("\n")
    }
}

impl ShownHalf {
    fn of(half: &HalfSummary<'_>) -> Result<Self, Failure> {
        Ok(Self {
            key: half.key.map(|key| key.to_string()),
            key_waits: half.key_waits,
            tries_left: half.tries_left,
            certificate: half.certificate.map(ShownCertificate::of).transpose()?,
        })
    }

    fn text(&self) -> String {
        let key = self.key.as_deref().unwrap_or("no key");
        let waits = if self.key_waits { ", a new key waits for its certificate" } else { "" };
        let pin = match self.tries_left {
            None => "no PIN".to_owned(),
            Some(0) => "PIN locked".to_owned(),
            Some(1) => "1 try left".to_owned(),
            Some(tries) => format!("{tries} tries left"),
        };
        format!("{key}{waits}, {pin}")
    }
}

impl ShownCertificate {
    fn of(der: &[u8]) -> Result<Self, Failure> {
        let view = CertificateView::from_der(der).map_err(Failure::fault)?;
        let name = |der| Name::from_der(der).map(|name| name.to_string()).map_err(Failure::fault);
        let last_day = rules::calendar::day_of(view.tbs.not_after);
        Ok(Self {
            serial: view.tbs.serial.to_string(),
            subject: name(view.tbs.subject)?,
            issuer: name(view.tbs.issuer)?,
            not_before: view.tbs.not_before.to_string(),
            not_after: view.tbs.not_after.to_string(),
            last_day: last_day.to_string(),
            renewal_opens: rules::renewal_window(last_day, &Policy::default()).start().to_string(),
        })
    }

    fn lines(&self) -> [String; 4] {
        [
            format!("  serial {}", self.serial),
            format!("  subject {}", self.subject),
            format!("  issuer {}", self.issuer),
            format!(
                "  valid from {} until {} (JST), can be renewed from {} on",
                self.not_before, self.last_day, self.renewal_opens
            ),
        ]
    }
}

/// Prints one card.
///
/// # Errors
/// [`Failure`] where a certificate on it is none of ours.
pub fn show(file: &CardFile, out: &Output) -> Result<(), Failure> {
    let shown = Shown::of(file.card())?;
    out.print(&shown, || shown.text())
}

#[derive(Serialize)]
struct Listed {
    file: PathBuf,
    /// Why it is not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_shown: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<Shown>,
}

/// Prints the cards of a directory, by the names of their files.
///
/// # Errors
/// [`Failure`] where the directory cannot be read, or there is no passphrase. A card that cannot be opened is told in its line.
pub fn list(directory: &Path, passphrase_file: Option<PathBuf>, out: &Output) -> Result<(), Failure> {
    let entries =
        fs::read_dir(directory).map_err(|cause| Failure::fault(format!("{}: {cause}", directory.display())))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(Failure::fault)?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            files.push(path);
        }
    }
    files.sort();
    let mut lines = out.sequence();
    if !files.is_empty() {
        let passphrase = Sources::of_process(passphrase_file).read(Purpose::Open).map_err(Failure::fault)?;
        for file in files {
            let listed = listed(file, &passphrase)?;
            lines.print(&listed, || listed.text())?;
        }
    }
    lines.end("no cards here")
}

fn listed(file: PathBuf, passphrase: &str) -> Result<Listed, Failure> {
    Ok(match CardFile::open(&file, passphrase) {
        Ok(open) => Listed { file, not_shown: None, card: Some(Shown::of(open.card())?) },
        Err(CardFileError::InUse(_)) => Listed { file, not_shown: Some("another program plays it".into()), card: None },
        Err(refused) => Listed { file, not_shown: Some(refused.to_string()), card: None },
    })
}

impl Listed {
    fn text(&self) -> String {
        let told = match (&self.card, &self.not_shown) {
            (Some(card), _) => {
                let day = |half: &ShownHalf| match &half.certificate {
                    Some(certificate) => format!("until {}", certificate.last_day),
                    None => "none".to_owned(),
                };
                format!("card {}, AUTH {}, SIGN {}", card.serial, day(&card.auth), day(&card.sign))
            }
            // Most reasons name the file themselves.
            (None, Some(why)) if why.starts_with(&*self.file.to_string_lossy()) => return why.clone(),
            (None, Some(why)) => why.clone(),
            (None, None) => String::new(),
        };
        format!("{}: {told}", self.file.display())
    }
}
