//! `jitsuin audit verify`.

use std::path::Path;

use super::{Audited, Output, certificate};
use crate::{
    audit::{Examination, Finding, Misfit},
    cli::{checkpoints, failure::Failure, stores, words::counted},
};

/// Follows the chain, and holds checkpoints and tables against it.
///
/// # Errors
/// [`Failure`] with the number of findings, if there are any: exit code 1.
pub(super) fn run(audited: &Audited, told: usize, out: &Output) -> Result<(), Failure> {
    let (known, wrong) = match &audited.key {
        None => (Vec::new(), Vec::new()),
        Some(key) => audited.places(key)?.all(key).map_err(Failure::fault)?,
    };
    let mut examined = stores::examine(&audited.config, &known, told)?;
    for (place, what) in wrong {
        examined.find("checkpoints", place, what, None);
    }
    checkpoints(audited, &mut examined)?;
    out.print(&examined, || text(&examined, audited.key.is_some()))?;
    match examined.findings.len() as u64 + examined.further {
        0 => Ok(()),
        count => {
            let count = counted(count, "finding", "findings");
            Err(Failure::fault(format!("{count}: the database is not what its audit says")))
        }
    }
}

/// What the newest checkpoint knows beside the chain: numbers that must not be given again, and the fence.
fn checkpoints(audited: &Audited, examined: &mut Examination) -> Result<(), Failure> {
    let Some(key) = &audited.key else {
        for left in checkpoints::left_without_key(&audited.layout, &audited.config)? {
            examined.find("checkpoints", "", missing(&left, audited), None);
        }
        return Ok(());
    };
    let (newest, causes) = audited.places(key)?.newest(key);
    let told = !causes.is_empty();
    for cause in causes {
        examined.find("checkpoints", "", cause, None);
    }
    let Some(newest) = newest else {
        if told {
            // What cannot be read is there all the same.
            return Ok(());
        }
        let what =
            format!("there are none, and the audit key has a certificate: {}", certificate(&audited.layout).display());
        examined.find("checkpoints", "", what, None);
        return Ok(());
    };
    let marks = audited.store.marks().map_err(Failure::fault)?;
    for misfit in newest.misfits(&newest.lineage, &marks, Some(newest.marks.seal)) {
        // The chain itself has been held against every checkpoint.
        if !matches!(misfit, Misfit::EntriesMissing { .. } | Misfit::OtherHistory { .. }) {
            examined.find("checkpoints", "the newest", misfit.to_string(), None);
        }
    }
    Ok(())
}

/// What is told of checkpoints that cannot be held against anything.
pub(super) fn missing(left: &Path, audited: &Audited) -> String {
    let gone = certificate(&audited.layout);
    format!("{} has checkpoints, but the audit key is gone: {} is missing", left.display(), gone.display())
}

fn text(examined: &Examination, has_key: bool) -> String {
    let Examination { entries, seal, checkpoints, rows, .. } = examined;
    let mut text = format!(
        "{}, sealed {seal}; {}; {}",
        counted(*entries, "entry", "entries"),
        counted(*checkpoints, "checkpoint", "checkpoints"),
        counted(*rows, "row", "rows")
    );
    text += &match (examined.vouched, has_key) {
        (Some(at), _) => format!("\nthe newest checkpoint is of {at}; nobody vouches for what came after"),
        (None, true) => "\nno checkpoint: nobody vouches for the chain".to_owned(),
        (None, false) if !examined.is_clean() => "\nno audit certificate: nobody vouches for the chain".to_owned(),
        (None, false) => "\nno audit key: nobody vouches for the chain (the next start makes one)".to_owned(),
    };
    for (table, count) in &examined.not_covered {
        let rows = counted(*count, "row", "rows");
        text += &format!("\nnot covered: {rows} of {table}, which entries before schema 10 wrote");
    }
    examined.findings.iter().for_each(|finding| text += &format!("\n{}", line(finding)));
    if examined.further > 0 {
        text += &format!("\nand {} more", counted(examined.further, "finding", "findings"));
    }
    if examined.is_clean() { text + "\nnothing was found" } else { text }
}

fn line(finding: &Finding) -> String {
    let Finding { table, key, what, entry } = finding;
    let entry = entry.map(|entry| format!(" (entry {entry})")).unwrap_or_default();
    format!("{table} {key}: {what}{entry}")
}
