//! Every generation, as it is listed.

use serde::Serialize;

use super::super::failure::Failure;
use crate::{
    authority::compromise::fingerprint,
    kind::Kind,
    ports::AuthorityRecord,
    x509::{CertificateView, UnixTime},
};

/// A line of `generation list`.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    kind: Kind,
    generation: u8,
    state: State,
    certificate_sha256: String,
    not_before: UnixTime,
    not_after: UnixTime,
    /// Whether it is linked with the one before.
    linked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    compromised_at: Option<UnixTime>,
}

/// What a generation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// It issues.
    Issuing,
    /// It answers for what it issued, and lists it.
    Answering,
    /// Others may have its key.
    Compromised,
    /// It is over, and everything that it issued.
    Ended,
}

pub(super) fn lines(records: &[AuthorityRecord], now: UnixTime) -> Result<Vec<Line>, Failure> {
    let newest = |kind: Kind| records.iter().filter(|one| one.kind == kind).map(|one| one.generation).max();
    let line = |record: &AuthorityRecord| {
        let tbs = CertificateView::from_der(&record.certificate).map_err(Failure::fault)?.tbs;
        let state = match record.compromise {
            _ if tbs.not_after < now => State::Ended,
            Some(_) => State::Compromised,
            None if newest(record.kind) == Some(record.generation) => State::Issuing,
            None => State::Answering,
        };
        Ok(Line {
            kind: record.kind,
            generation: record.generation,
            state,
            certificate_sha256: fingerprint(record),
            not_before: tbs.not_before,
            not_after: tbs.not_after,
            linked: record.links.is_some(),
            compromised_at: record.compromise.map(|known| known.at),
        })
    };
    records.iter().map(line).collect()
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match (self.state, self.compromised_at) {
            (State::Issuing, _) => "issues".to_owned(),
            (State::Answering, _) => "answers".to_owned(),
            (State::Ended, _) => "has ended".to_owned(),
            (State::Compromised, at) => format!("COMPROMISED {}", at.map(|at| at.to_string()).unwrap_or_default()),
        };
        let linked = if self.linked { ", linked with the one before" } else { "" };
        let Self { kind, generation, not_before, not_after, certificate_sha256, .. } = self;
        write!(
            f,
            "{kind} {generation}: {state}, {not_before} to {not_after}{linked}\n    certificate SHA-256 {certificate_sha256}"
        )
    }
}
