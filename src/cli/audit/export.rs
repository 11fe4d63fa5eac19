//! `jitsuin audit export`: what anybody needs to check the chain without this program. `docs/audit.md` says how.

use std::{
    fs,
    io::{BufWriter, Write},
    path::Path,
};

use ring::digest::{SHA256, digest};
use serde::Serialize;

use super::{Audited, Output, certificate, verify};
use crate::{
    audit::AuditEntry,
    cli::{checkpoints, failure::Failure, files::FileError},
    x509::hex,
};

/// A line of the file.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    /// The certificate of the audit key, PEM.
    AuditCertificate(String),
    /// An entry.
    Entry {
        position: u64,
        /// Seconds since 1970.
        at: i64,
        actor: &'a str,
        action: &'a str,
        subject: &'a str,
        detail: &'a str,
        /// SHA-256 of what the change wrote; absent for entries of before schema 10.
        #[serde(skip_serializing_if = "Option::is_none")]
        written_sha256: Option<String>,
        seal: String,
    },
    /// A checkpoint, as it was signed.
    Checkpoint(String),
}

#[derive(Debug, Serialize)]
struct Exported {
    entries: u64,
    checkpoints: u64,
}

/// Writes the file.
///
/// # Errors
/// [`Failure`]; also if there is such a file.
pub(super) fn run(audited: &Audited, to: &Path, out: &Output) -> Result<(), Failure> {
    if audited.key.is_none()
        && let Some(left) = checkpoints::left_without_key(&audited.layout, &audited.config)?.first()
    {
        return Err(Failure::fault(verify::missing(left, audited)));
    }
    let failed = |error: std::io::Error| Failure::refused(format!("{}: {error}", to.display()));
    let made = fs::File::create_new(to).map_err(|error| Failure::refused(FileError::of_new(to, &error)));
    let mut file = BufWriter::new(made?);
    let mut put = |line: &Line<'_>| {
        serde_json::to_writer(&mut file, line)
            .map_err(std::io::Error::from)
            .and_then(|()| file.write_all(b"\n"))
            .map_err(failed)
    };
    let mut exported = Exported { entries: 0, checkpoints: 0 };
    if audited.key.is_some() {
        put(&Line::AuditCertificate(fs::read_to_string(certificate(&audited.layout)).map_err(Failure::fault)?))?;
    }
    audited.each_entry(1, |entry| {
        exported.entries += 1;
        put(&line(entry)).map(|()| true)
    })?;
    if let Some(key) = &audited.key {
        let places = audited.places(key)?;
        // The keeper has the same lines, and more where somebody shortened those beside the store.
        let path = places.keeper.as_ref().unwrap_or(&places.own);
        for text in checkpoints::lines(path).map_err(Failure::fault)? {
            exported.checkpoints += 1;
            put(&Line::Checkpoint(text.map_err(Failure::fault)?))?;
        }
    }
    file.flush().and_then(|()| file.get_ref().sync_all()).map_err(failed)?;
    let Exported { entries, checkpoints } = exported;
    out.print(&exported, || format!("{entries} entries and {checkpoints} checkpoints in {}", to.display()))
}

fn line(entry: &AuditEntry) -> Line<'_> {
    let draft = &entry.draft;
    Line::Entry {
        position: entry.position,
        at: draft.at.seconds(),
        actor: &draft.actor,
        action: &draft.action,
        subject: &draft.subject,
        detail: &draft.detail,
        written_sha256: entry.written.as_deref().map(|written| hex(digest(&SHA256, written).as_ref())),
        seal: hex(&entry.seal),
    }
}
