//! The lines of a file as they are approved.

use std::path::Path;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::lines::Lines;
use crate::{
    audit::lines::{Node, Tree, leaf},
    cli::failure::Failure,
};

/// A file that was approved, on its way to the service.
#[derive(Debug)]
pub(super) struct ApprovedFile {
    approvals: Vec<String>,
    tree: Tree,
    /// The numbers of its lines, in order.
    numbers: Vec<u64>,
}

impl ApprovedFile {
    /// The file with these approvals.
    ///
    /// # Errors
    /// As for [`tree`].
    pub(super) fn read(path: &Path, approvals: Vec<String>) -> Result<Self, Failure> {
        let mut numbers = Vec::new();
        let tree = tree_of(path, |number| numbers.push(number))?;
        Ok(Self { approvals, tree, numbers })
    }

    /// What a request for these lines has to have: each line, with the leaves of those between them, and the proof that all of them are
    /// of the file.
    pub(super) fn body(&self, load: &[(u64, Value)]) -> Option<Value> {
        let place = |number: u64| self.numbers.binary_search(&number).ok();
        let (first, last) = (place(load.first()?.0)?, place(load.last()?.0)?);
        let mut asked = load.iter();
        let mut next = asked.next();
        let mut lines = Vec::new();
        for (number, at) in self.numbers.get(first..=last)?.iter().zip(first as u64..) {
            match next {
                Some((line, request)) if line == number => {
                    lines.push(json!({ "line": line, "request": request }));
                    next = asked.next();
                }
                _ => lines.push(json!({ "done": text(&self.tree.leaf(at)?) })),
            }
        }
        let proof: Vec<String> = self.tree.proof(&(first as u64..last as u64 + 1)).iter().map(text).collect();
        let approved = json!({ "approvals": self.approvals, "count": self.tree.len(), "from": first, "proof": proof });
        Some(json!({ "lines": lines, "approved": approved }))
    }
}

fn text(node: &Node) -> String {
    URL_SAFE_NO_PAD.encode(node)
}

/// The tree over the lines of a file that ask for something.
///
/// # Errors
/// [`Failure`] for a file that cannot be read, and for one with lines that cannot be sent: what is approved is what is done, and
/// nothing else stands in the file.
pub fn tree(path: &Path) -> Result<Tree, Failure> {
    tree_of(path, |_| ())
}

fn tree_of(path: &Path, mut numbered: impl FnMut(u64)) -> Result<Tree, Failure> {
    let named = |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", path.display()));
    let mut tree = Tree::default();
    for line in Lines::open(path).map_err(|error| named(&error))? {
        let line = line.map_err(|error| named(&error))?;
        let wish = line.wish.map_err(|refusal| named(&format!("line {}: {refusal}", line.number)))?;
        numbered(line.number);
        tree.push(leaf(wish.to_string().as_bytes()));
    }
    if tree.is_empty() {
        return Err(named(&"it asks for nothing"));
    }
    Ok(tree)
}
