//! The lines of a file under one digest, so that a part of them can be shown to belong to it (RFC 6962 §2.1, Merkle tree).
//!
//! ```text
//! of one line        SHA-256(0x00 ‖ line)
//! of n > 1 lines     SHA-256(0x01 ‖ tree of the first k ‖ tree of the others), k the greatest power of two below n
//! of none            SHA-256()
//! ```
//!
//! A line is its JSON in the shortest form, members in the order of their names: what `jq --compact-output --sort-keys .` prints.
//!
//! # Why a tree
//! A file of a million revocations goes in thousands of requests. By the tree each of them brings its own proof, a few hundred octets,
//! that its lines are those that were approved: whoever checks keeps nothing between requests, and loses nothing by a restart.

use std::ops::Range;

use ring::digest::{Context, SHA256};

/// A SHA-256 in the tree.
pub type Node = [u8; 32];

/// Lines of a file: a hundred for everybody on earth fit, and the arithmetic has room.
const MOST: u64 = 1 << 40;

/// The node of a line.
#[must_use]
pub fn leaf(line: &[u8]) -> Node {
    hash(&[&[0], line])
}

fn parent(left: &Node, right: &Node) -> Node {
    hash(&[&[1], left, right])
}

fn hash(parts: &[&[u8]]) -> Node {
    let mut hash = Context::new(&SHA256);
    parts.iter().for_each(|part| hash.update(part));
    let mut node = [0; 32];
    node.copy_from_slice(hash.finish().as_ref());
    node
}

/// How many of `count` lines, more than one, are in the left half.
fn split(count: u64) -> u64 {
    count.next_power_of_two() / 2
}

/// The tree over all lines of a file; 64 octets a line.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// The nodes of whole subtrees: at level k each speaks for 2^k lines.
    levels: Vec<Vec<Node>>,
}

impl Tree {
    /// Takes the next line's [`leaf`].
    pub fn push(&mut self, leaf: Node) {
        let mut node = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let nodes = &mut self.levels[level];
            nodes.push(node);
            match nodes.as_slice() {
                [.., left, right] if nodes.len().is_multiple_of(2) => node = parent(left, right),
                _ => break,
            }
        }
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The leaf of a line, from 0.
    #[must_use]
    pub fn leaf(&self, at: u64) -> Option<Node> {
        self.levels.first()?.get(usize::try_from(at).ok()?).copied()
    }

    /// The node that speaks for all lines.
    #[must_use]
    pub fn root(&self) -> Node {
        if self.is_empty() { hash(&[]) } else { self.node(0, self.len()) }
    }

    /// The nodes by which the lines of a range can be shown to be those of this tree, from left to right.
    #[must_use]
    pub fn proof(&self, range: &Range<u64>) -> Vec<Node> {
        let mut proof = Vec::new();
        if !self.is_empty() {
            self.prove((0, self.len()), range, &mut proof);
        }
        proof
    }

    fn prove(&self, (at, count): (u64, u64), range: &Range<u64>, proof: &mut Vec<Node>) {
        if range.end <= at || at + count <= range.start {
            proof.push(self.node(at, count));
        } else if count > 1 {
            let left = split(count);
            self.prove((at, left), range, proof);
            self.prove((at + left, count - left), range, proof);
        }
    }

    /// The node of so many lines from one on; `at` is a multiple of the power of two at or above `count`.
    fn node(&self, at: u64, count: u64) -> Node {
        if count.is_power_of_two() {
            let (level, place) = (count.trailing_zeros() as usize, at / count);
            return self.levels[level][usize::try_from(place).unwrap_or(usize::MAX)];
        }
        let left = split(count);
        parent(&self.node(at, left), &self.node(at + left, count - left))
    }
}

/// The root of `count` lines of which these, from `from` on, are known, and the others by a [proof](Tree::proof); none unless the proof
/// has exactly the nodes that it needs.
///
/// A root does not tell how many lines there are: what is proven of `count` is proven of another that shapes the tree alike. Whoever
/// approves a root approves the count with it.
#[must_use]
pub fn root(count: u64, from: u64, leaves: &[Node], proof: &[Node]) -> Option<Node> {
    let end =
        from.checked_add(leaves.len() as u64).filter(|end| !leaves.is_empty() && *end <= count && count <= MOST)?;
    let mut climb = Climb { range: from..end, leaves: leaves.iter(), proof: proof.iter() };
    let root = climb.node(0, count)?;
    (climb.leaves.next().is_none() && climb.proof.next().is_none()).then_some(root)
}

struct Climb<'a> {
    range: Range<u64>,
    leaves: std::slice::Iter<'a, Node>,
    proof: std::slice::Iter<'a, Node>,
}

impl Climb<'_> {
    /// No deeper than a number has bits, and no wider than the lines that are known.
    fn node(&mut self, at: u64, count: u64) -> Option<Node> {
        if self.range.end <= at || at + count <= self.range.start {
            return self.proof.next().copied();
        }
        if count == 1 {
            return self.leaves.next().copied();
        }
        let left = split(count);
        Some(parent(&self.node(at, left)?, &self.node(at + left, count - left)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u64) -> Vec<Node> {
        (0..count).map(|number| leaf(format!("{{\"card\":\"CARD-{number}\"}}").as_bytes())).collect()
    }

    fn tree(count: u64) -> Tree {
        let mut tree = Tree::default();
        leaves(count).into_iter().for_each(|leaf| tree.push(leaf));
        tree
    }

    /// The definition, as RFC 6962 §2.1 writes it.
    fn defined(leaves: &[Node]) -> Node {
        match leaves {
            [] => hash(&[]),
            [leaf] => *leaf,
            _ => {
                let mut k = 1;
                while k * 2 < leaves.len() {
                    k *= 2;
                }
                parent(&defined(&leaves[..k]), &defined(&leaves[k..]))
            }
        }
    }

    #[test]
    fn the_root_is_that_of_rfc_6962() {
        for count in 0..70 {
            assert_eq!(tree(count).root(), defined(&leaves(count)), "{count}");
        }
        // The test vectors of Certificate Transparency: the tree of the one empty leaf, and of none.
        let text = |node: Node| crate::x509::hex(&node);
        assert_eq!(text(leaf(b"")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        assert_eq!(text(tree(0).root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn every_range_of_lines_is_shown_to_belong_to_the_tree() {
        for count in 1..20 {
            let (tree, all) = (tree(count), leaves(count));
            for from in 0..count {
                for to in from + 1..=count {
                    let known = &all[from as usize..to as usize];
                    let proof = tree.proof(&(from..to));
                    assert_eq!(root(count, from, known, &proof), Some(tree.root()), "{count}: {from}..{to}");
                }
            }
        }
    }

    #[test]
    fn lines_that_are_others_stand_elsewhere_or_have_another_proof_have_another_root() {
        let (tree, all) = (tree(13), leaves(13));
        let (known, proof) = (&all[4..7], tree.proof(&(4..7)));
        let belongs =
            |count, from, known: &[Node], proof: &[Node]| root(count, from, known, proof) == Some(tree.root());
        assert!(belongs(13, 4, known, &proof));
        for at in 0..3 {
            let mut other = known.to_vec();
            other[at][31] ^= 1;
            assert!(!belongs(13, 4, &other, &proof), "line {at}");
        }
        let swapped = [known[1], known[0], known[2]];
        assert!(!belongs(13, 4, &swapped, &proof));
        for (count, from) in [(13, 3), (13, 5), (6, 4), (13, 11), (13, u64::MAX), (0, 0), (u64::MAX, 4)] {
            assert!(!belongs(count, from, known, &proof), "{count} from {from}");
        }
        assert!(!belongs(13, 4, &[], &proof) && !belongs(13, 4, known, &proof[1..]));
        assert!(!belongs(13, 4, known, &[proof.as_slice(), &[proof[0]]].concat()), "more than it needs");
    }
}
