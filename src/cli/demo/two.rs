//! What takes two: a file of revocations.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    super::{approve::private_key, failure::Failure, files},
    stage::Stage,
};
use crate::{
    audit::{
        approval::Content,
        lines::{Tree, leaf},
    },
    ca,
    ports::Clock,
    signer::SoftwareSigner,
};

const REVOKE: &str = "/v1/bulk/revocations";

/// The operator asks for the revocation of cards by a file: alone in vain, then with the approval of a second operator.
pub(super) fn revokes_by_a_file(stage: &Stage, cards: &[&str]) -> Result<(), Failure> {
    let lines: Vec<Value> = cards.iter().map(|card| json!({ "card": card, "cause": "card-returned" })).collect();
    let mut tree = Tree::default();
    lines.iter().for_each(|line| tree.push(leaf(line.to_string().as_bytes())));
    let file = |lines: &[Value]| {
        let lines = lines.iter().zip(1..).map(|(line, number)| json!({ "line": number, "request": line }));
        json!({ "lines": lines.collect::<Vec<_>>() })
    };
    let (status, refused) = stage.post("operator", REVOKE, &file(&lines))?;
    stage.check("one operator alone is refused (T-16)", status == 403 && refused["rule"] == "T-16");

    let approval = approved(stage, &Content::bulk_revocation(tree.len(), &tree.root()))?;
    let proof = tree.proof(&(0..tree.len()));
    let proof: Vec<String> = proof.iter().map(|node| URL_SAFE_NO_PAD.encode(node)).collect();
    let with_approval = |lines: &[Value]| {
        let mut body = file(lines);
        body["approved"] = json!({ "approvals": [approval], "count": tree.len(), "from": 0, "proof": proof });
        body
    };
    let mut other = lines.clone();
    other[0]["card"] = "CARD-HANAKO".into();
    let (status, refused) = stage.post("operator", REVOKE, &with_approval(&other))?;
    let is_void = status == 403 && (&refused["rule"], &refused["case"]) == (&"T-16".into(), &"content".into());
    stage.check("the approval of another file is void", is_void);
    stage.must("operator", REVOKE, &with_approval(&lines)).map(drop)
}

/// The second operator looks at it, and signs with a key of their own.
fn approved(stage: &Stage, content: &Content) -> Result<String, Failure> {
    let file = |end: &str| stage.house.layout.credentials().join(format!("operator-2.{end}"));
    let certificate = files::read_certificate(&file("pem")).map_err(Failure::fault)?;
    let signer = SoftwareSigner::new(&private_key(&file("key"), None)?).map_err(Failure::fault)?;
    let now = stage.clock.now();
    let statement = content.approve(now, now + Duration::from_secs(3600));
    ca::approval::sign(&statement, &certificate, &signer).map_err(Failure::fault)
}
