//! Which number the next list of a family bears.

use crate::scope::CrlScope;

/// Whether a list of `scope` may bear `number` when the newest complete list bears `complete` and the newest delta to that
/// scope `delta`, 0 where there is none.
///
/// Both share one sequence; a delta that is made beside a complete list has its number (RFC 5280 §5.2.3).
pub(super) fn follows(scope: CrlScope, number: u64, complete: u64, delta: u64) -> bool {
    let next = complete.max(delta) + 1;
    if scope.is_delta() {
        complete > 0 && (number == next || (number == complete && delta < complete))
    } else {
        number == next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_lists_and_deltas_share_one_sequence() {
        let (complete, delta) = (CrlScope::Full, CrlScope::FullDelta);
        assert!(follows(complete, 1, 0, 0) && follows(delta, 2, 1, 0) && follows(complete, 3, 1, 2));
        assert!(follows(delta, 3, 3, 2), "made beside the complete list");
        for (scope, number, newest) in [
            (delta, 1, (0, 0)),
            (complete, 2, (0, 0)),
            (complete, 2, (1, 2)),
            (complete, 4, (1, 2)),
            (delta, 3, (3, 3)),
            (delta, 2, (3, 2)),
            (delta, 5, (3, 2)),
        ] {
            assert!(!follows(scope, number, newest.0, newest.1), "{scope:?} {number} after {newest:?}");
        }
    }
}
