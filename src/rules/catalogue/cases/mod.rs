//! What a rule says in a case of its own, where the words of the rule are those of another.

use super::Case;

mod applying;
mod certificates;

/// By id and case; one file goes on where the other ends.
pub(super) const PARTS: [&[Case]; 2] = [applying::CASES, certificates::CASES];

/// A row: id and case; English; Japanese; the way in both.
const fn case(
    (id, case): (&'static str, &'static str),
    (says, says_ja): (&'static str, &'static str),
    (way, way_ja): (&'static str, &'static str),
) -> Case {
    Case { id, case, says, says_ja, way, way_ja }
}
