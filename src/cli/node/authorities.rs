//! The CA generations as the store had them, in a file: a certificate alone does not say which serial numbers its generation issued.

use std::{fs, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::{
    cli::{failure::Failure, files, layout::Layout},
    kind::Kind,
    ports::{AuthorityRecord, Compromise, Links},
    x509::UnixTime,
};

/// One of them, as the file has it: certificates in base64 of their DER.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    kind: Kind,
    generation: u8,
    first_index: u64,
    certificate: String,
    old_with_new: Option<String>,
    new_with_old: Option<String>,
    compromised: Option<UnixTime>,
    settled: bool,
}

/// Where they are.
pub(super) fn path(layout: &Layout) -> PathBuf {
    layout.certificates().join("authorities.json")
}

/// Reads them.
///
/// # Errors
/// [`Failure`] if there are none, or what is there cannot be read.
pub(super) fn read(layout: &Layout) -> Result<Vec<AuthorityRecord>, Failure> {
    let path = path(layout);
    let unreadable = |cause: String| Failure::refused(format!("{}: {cause}", path.display()));
    let octets = fs::read(&path).map_err(|error| {
        unreadable(format!("{error}; a status node's directory is made by `jitsuin node export` where the CA keys are"))
    })?;
    let lines: Vec<Line> = serde_json::from_slice(&octets).map_err(|error| unreadable(error.to_string()))?;
    let records = lines.into_iter().map(record).collect::<Option<Vec<_>>>();
    let records = records.ok_or_else(|| unreadable("a certificate in it is not base64".into()))?;
    let has_first = |kind| records.iter().any(|record| (record.kind, record.generation) == (kind, 1));
    match Kind::BOTH.into_iter().all(has_first) {
        true => Ok(records),
        false => Err(unreadable("the first generation of a CA is missing".into())),
    }
}

/// Writes them, in the place of the earlier ones.
///
/// # Errors
/// [`Failure`] of the file system.
pub(super) fn write(layout: &Layout, records: &[AuthorityRecord]) -> Result<(), Failure> {
    let lines: Vec<_> = records.iter().map(line).collect();
    let octets = serde_json::to_vec_pretty(&lines).map_err(Failure::fault)?;
    files::replace_octets(&path(layout), &octets).map_err(Failure::fault)
}

fn line(record: &AuthorityRecord) -> Line {
    let AuthorityRecord { kind, generation, first_index, certificate, links, compromise } = record;
    Line {
        kind: *kind,
        generation: *generation,
        first_index: *first_index,
        certificate: STANDARD.encode(certificate),
        old_with_new: links.as_ref().map(|links| STANDARD.encode(&links.old_with_new)),
        new_with_old: links.as_ref().map(|links| STANDARD.encode(&links.new_with_old)),
        compromised: compromise.map(|compromise| compromise.at),
        settled: compromise.is_some_and(|compromise| compromise.is_settled),
    }
}

fn record(line: Line) -> Option<AuthorityRecord> {
    let octets = |text: String| STANDARD.decode(text).ok();
    let links = match (line.old_with_new, line.new_with_old) {
        (Some(old_with_new), Some(new_with_old)) => {
            Some(Links { old_with_new: octets(old_with_new)?, new_with_old: octets(new_with_old)? })
        }
        _ => None,
    };
    Some(AuthorityRecord {
        kind: line.kind,
        generation: line.generation,
        first_index: line.first_index,
        certificate: octets(line.certificate)?,
        links,
        compromise: line.compromised.map(|at| Compromise { at, is_settled: line.settled }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_comes_back_as_it_was_written() {
        let at = UnixTime::from_seconds(1_800_000_000).unwrap();
        let first = AuthorityRecord::new(Kind::Sign, 1, vec![1, 2, 3]);
        let second = AuthorityRecord {
            first_index: 77,
            links: Some(Links { old_with_new: vec![4], new_with_old: vec![5, 6] }),
            compromise: Some(Compromise { at, is_settled: true }),
            ..AuthorityRecord::new(Kind::Sign, 2, vec![9; 300])
        };
        for record in [first, second] {
            assert_eq!(super::record(line(&record)), Some(record));
        }
    }
}
