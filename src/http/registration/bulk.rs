//! The routes of files: many revocations in one request, and what a file's lines would come to.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Audience, Route,
    answer::{Outcomes, Reply},
    body::{self, read},
    call::{Call, Stop},
    post,
    register::read_part,
    what_if,
};
use crate::{
    audit::lines::{Node, leaf},
    authority::{
        Once, StoryError,
        bulk::{Foreseen, OfFile, RevocationLine, Wish},
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
    #[serde(default)]
    approved: Option<ApprovedFile>,
}

/// A line of a file; it is read for itself, and refused alone where it cannot be. Of an approved file, the leaf of a line that came
/// before may stand in its place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// Its number, from 1.
    #[serde(default)]
    line: Option<u64>,
    #[serde(default)]
    request: Option<Value>,
    #[serde(default)]
    done: Option<NodeText>,
}

/// By what the lines are those of a file that was approved.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApprovedFile {
    approvals: Vec<String>,
    /// How many lines the file has.
    count: u64,
    /// Which of them is the first here, from 0.
    from: u64,
    proof: Vec<NodeText>,
}

/// A SHA-256 in base64url: digits by themselves, as in hexadecimal, could pass for a number of a person.
struct NodeText(Node);

impl<'de> Deserialize<'de> for NodeText {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        let octets = URL_SAFE_NO_PAD.decode(text).ok().and_then(|octets| octets.try_into().ok());
        octets.map(Self).ok_or_else(|| serde::de::Error::custom("a SHA-256 is 43 characters of base64url"))
    }
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

/// Lines of a file of revocations. The Idempotency-Key names the file; with its number, it is the key of each line. The lines of an
/// approved file have theirs from the approved content, whatever the Idempotency-Key.
pub(super) const REVOKE: Route = post("/v1/bulk/revocations", "bulk-revoke", Audience::Staff, |call| {
    let Revocations { lines, approved } = read(call.body)?;
    few_enough(lines.len())?;
    let (file, mut asked, mut leaves, mut places) =
        (call.once()?, Vec::with_capacity(lines.len()), Vec::new(), Vec::new());
    for line in lines {
        match (line.line, line.request, line.done) {
            (Some(number), Some(request), None) => {
                places.push(leaves.len());
                asked.push(revocation(&file, number, request, &mut leaves));
            }
            (None, None, Some(done)) if approved.is_some() => leaves.push(done.0),
            _ => return Err(Problem::refused("T-01", "a line has a number and a request").into()),
        }
    }
    let of = approved.map(|ApprovedFile { approvals, count, from, proof }| {
        let proof = proof.into_iter().map(|node| node.0).collect();
        OfFile { approvals, count, from, leaves, asked: places, proof }
    });
    Reply::ok(&Outcomes::of(call.authority.revoke_file(call.actor, of.as_ref(), &asked)?))
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

fn revocation(file: &Once, line: u64, request: Value, leaves: &mut Vec<Node>) -> RevocationLine {
    // No key from outside has a space.
    let key = format!("{} {line}", file.key);
    let text = request.to_string();
    leaves.push(leaf(text.as_bytes()));
    let digest = body::digest(&[b"bulk revoke", text.as_bytes()]);
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
