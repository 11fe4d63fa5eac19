//! `jitsuin audit show`.

use std::{
    collections::VecDeque,
    io::{self, Write},
};

use serde::Serialize;

use super::{Audited, Output};
use crate::{audit::AuditEntry, authority::approval::Approved, cli::failure::Failure, x509::UnixTime};

/// An entry, as it is shown.
#[derive(Debug, Serialize)]
pub(super) struct Shown<'a> {
    pub(super) position: u64,
    pub(super) at: UnixTime,
    pub(super) actor: &'a str,
    pub(super) action: &'a str,
    pub(super) subject: &'a str,
    pub(super) detail: serde_json::Value,
}

impl<'a> Shown<'a> {
    pub(super) fn new(entry: &'a AuditEntry) -> Self {
        let draft = &entry.draft;
        let detail = serde_json::from_str(&draft.detail).unwrap_or_else(|_| draft.detail.clone().into());
        Self {
            position: entry.position,
            at: draft.at,
            actor: &draft.actor,
            action: &draft.action,
            subject: &draft.subject,
            detail,
        }
    }

    pub(super) fn text(&self) -> String {
        let Self { position, at, actor, action, subject, detail } = self;
        let detail = &readable(detail);
        let detail = if matches!(detail, serde_json::Value::Object(fields) if fields.is_empty()) {
            String::new()
        } else {
            format!(" {detail}")
        };
        let approvals = self.approvals().into_iter().map(|one| format!("\n    {}", one.text())).collect::<String>();
        format!("{position} {at} {actor} {action} {subject}{detail}{approvals}")
    }

    /// The approvals that allowed it.
    pub(super) fn approvals(&self) -> Vec<ApprovedBy> {
        let read = |one: &serde_json::Value| serde_json::from_value::<Approved>(one.clone()).ok();
        let all = self.detail["approvals"].as_array().into_iter().flatten().filter_map(read);
        all.map(|Approved { by, digest, summary, .. }| ApprovedBy { by, digest, summary, entry: self.position })
            .collect()
    }
}

/// An approval, as it is shown: the entry has the signed statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ApprovedBy {
    by: String,
    digest: String,
    summary: String,
    entry: u64,
}

impl ApprovedBy {
    pub(super) fn text(&self) -> String {
        let Self { by, digest, summary, entry } = self;
        format!("Approved by {by}: {summary} (digest {digest}, signed in entry {entry}).")
    }
}

/// A detail without what only machines read: signed statements are some thousand characters.
fn readable(detail: &serde_json::Value) -> serde_json::Value {
    let mut detail = detail.clone();
    if let Some(fields) = detail.as_object_mut() {
        fields.remove("approvals");
    }
    detail
}

/// Prints entries in their order: from a position on, or else the newest, at most so many.
///
/// # Errors
/// [`Failure`] when the store cannot be read.
pub(super) fn run(
    audited: &Audited,
    (from, limit): (Option<u64>, usize),
    subject: Option<&str>,
    out: &Output,
) -> Result<(), Failure> {
    match from {
        Some(from) => onward(audited, (from, limit), subject, out),
        None => newest(audited, limit, subject, out),
    }
}

fn newest(audited: &Audited, limit: usize, subject: Option<&str>, out: &Output) -> Result<(), Failure> {
    let (mut last, mut earlier) = (VecDeque::new(), 0_u64);
    audited.each_entry(1, |entry| {
        if subject.is_none_or(|subject| entry.draft.subject.starts_with(subject)) {
            last.push_back(entry.clone());
            if last.len() > limit {
                last.pop_front();
                earlier += 1;
            }
        }
        Ok(true)
    })?;
    let mut sequence = out.sequence();
    for entry in &last {
        let shown = Shown::new(entry);
        sequence.print(&shown, || shown.text())?;
    }
    sequence.end("no such entry")?;
    if earlier > 0 {
        // Beside the result, so that the JSON stays what it is.
        let _ =
            writeln!(io::stderr(), "{earlier} earlier; begin with the first by --from 1, or show more with --limit");
    }
    Ok(())
}

fn onward(audited: &Audited, (from, limit): (u64, usize), subject: Option<&str>, out: &Output) -> Result<(), Failure> {
    let (mut sequence, mut left) = (out.sequence(), limit);
    let (mut further, mut next) = (0_u64, None);
    audited.each_entry(from, |entry| {
        if !subject.is_none_or(|subject| entry.draft.subject.starts_with(subject)) {
            return Ok(true);
        }
        if left == 0 {
            further += 1;
            next.get_or_insert(entry.position);
            return Ok(true);
        }
        left -= 1;
        let shown = Shown::new(entry);
        sequence.print(&shown, || shown.text())?;
        Ok(true)
    })?;
    sequence.end("no such entry")?;
    if let Some(next) = next {
        let _ = writeln!(io::stderr(), "{further} more; go on with --from {next}, or show more with --limit");
    }
    Ok(())
}
