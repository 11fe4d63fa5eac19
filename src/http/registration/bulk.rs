//! The routes of files: many revocations in one request, and what a file's lines would come to.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Audience, Route,
    answer::{Outcomes, Reply},
    body::{self, read},
    door::{Call, Stop},
    post,
    register::read_part,
    what_if,
};
use crate::{
    authority::{
        Once, StoryError,
        bulk::{Foreseen, RevocationLine, Wish},
    },
    http::problem::Problem,
    limits::BULK_LINES,
    revocation::lists::ListKey,
    scope::CrlScope,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revocations {
    lines: Vec<Line>,
}

/// A line of a file; it is read for itself, and refused alone where it cannot be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// Its number, from 1.
    line: u64,
    request: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wishes {
    lines: Vec<Value>,
}

#[derive(Serialize)]
struct Foresights {
    outcomes: Vec<ForesightJson>,
    /// The full list of each CA as it is now.
    lists: Vec<ListSize>,
}

/// What one line would come to; a refusal is the answer that it would be alone.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum ForesightJson {
    Foreseen(Foreseen),
    Refused(Problem),
}

#[derive(Serialize)]
struct ListSize {
    kind: crate::kind::Kind,
    entries: u64,
    /// Held and revoked by now, or held once: at most so many entries the next list has.
    recorded: u64,
    octets: usize,
}

/// Lines of a file of revocations. The Idempotency-Key names the file; with its number, it is the key of each line.
pub(super) const REVOKE: Route = post("/v1/bulk/revocations", "bulk-revoke", Audience::Staff, |call| {
    let Revocations { lines } = read(call.body)?;
    few_enough(lines.len())?;
    let file = call.once()?;
    let lines: Vec<RevocationLine> = lines.into_iter().map(|line| revocation(&file, line)).collect();
    Reply::ok(&Outcomes::of(call.authority.revoke_each(call.actor, &lines)?))
});

/// What lines of a file would come to.
pub(super) const FORESEE: Route = what_if("/v1/bulk/foresight", "bulk-foresee", Audience::Staff, &[], |call| {
    let Wishes { lines } = read(call.body)?;
    few_enough(lines.len())?;
    let outcomes = lines.into_iter().map(|wish| foresee(call, wish)).collect::<Result<_, _>>()?;
    Reply::ok(&Foresights { outcomes, lists: lists(call) })
});

fn few_enough(lines: usize) -> Result<(), Problem> {
    if lines > BULK_LINES {
        return Err(Problem::refused("T-03", format!("{lines} lines in one request; send at most {BULK_LINES}")));
    }
    Ok(())
}

fn revocation(file: &Once, Line { line, request }: Line) -> RevocationLine {
    // No key from outside has a space.
    let key = format!("{} {line}", file.key);
    let digest = body::digest(&[b"bulk revoke", request.to_string().as_bytes()]);
    (Once { key, digest }, read_part(request))
}

fn foresee(call: &Call<'_>, wish: Value) -> Result<ForesightJson, Stop> {
    let foreseen =
        read_part::<Wish>(wish).map_err(StoryError::from).and_then(|wish| call.authority.foresee(call.actor, &wish));
    match foreseen {
        Ok(foreseen) => Ok(ForesightJson::Foreseen(foreseen)),
        Err(StoryError::Refused(refusal)) => Ok(ForesightJson::Refused(refusal.into())),
        Err(other) => Err(other.into()),
    }
}

fn lists(call: &Call<'_>) -> Vec<ListSize> {
    let parts = call.authority.parts();
    let size = |kind| {
        let key: ListKey = (kind, parts.issuers.current(kind).generation(), CrlScope::Full);
        let list = parts.lists.find(&key)?;
        let recorded = parts.index.revocations(kind).max(list.entries);
        Some(ListSize { kind, entries: list.entries, recorded, octets: list.der.len() })
    };
    crate::kind::Kind::BOTH.into_iter().filter_map(size).collect()
}
