//! Which number the next list of a family bears.

use crate::scope::CrlScope;

/// Whether a list of `scope` may bear `number` when the newest complete list bears `complete` and the newest delta to that
/// scope `delta`, 0 where there is none; and numbers up to `floor` may have been given by a copy that is lost.
///
/// Both share one sequence; a delta that is made beside a complete list has its number (RFC 5280 §5.2.3).
pub(in crate::store) fn follows(scope: CrlScope, number: u64, (complete, delta): (u64, u64), floor: u64) -> bool {
    let next = complete.max(delta).max(floor) + 1;
    if scope.is_delta() {
        complete > 0 && (number == next || (number == complete && delta < complete && floor < complete))
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
        let follows = |scope, number, newest| super::follows(scope, number, newest, 0);
        assert!(follows(complete, 1, (0, 0)) && follows(delta, 2, (1, 0)) && follows(complete, 3, (1, 2)));
        assert!(follows(delta, 3, (3, 2)), "made beside the complete list");
        for (scope, number, newest) in [
            (delta, 1, (0, 0)),
            (complete, 2, (0, 0)),
            (complete, 2, (1, 2)),
            (complete, 4, (1, 2)),
            (delta, 3, (3, 3)),
            (delta, 2, (3, 2)),
            (delta, 5, (3, 2)),
        ] {
            assert!(!follows(scope, number, newest), "{scope:?} {number} after {newest:?}");
        }
    }

    #[test]
    fn above_the_floor_the_sequence_goes_on_and_below_it_nothing_does() {
        let (complete, delta) = (CrlScope::Full, CrlScope::FullDelta);
        for (scope, number, newest, floor) in [
            (complete, 101, (0, 0), 100),
            (complete, 101, (7, 9), 100),
            (delta, 101, (7, 7), 100),
            (delta, 101, (101, 9), 100),
            (complete, 103, (101, 102), 100),
        ] {
            assert!(follows(scope, number, newest, floor), "{scope:?} {number} after {newest:?}, floor {floor}");
        }
        for (scope, number, newest, floor) in [
            (complete, 1, (0, 0), 100),
            (complete, 100, (7, 9), 100),
            (complete, 102, (7, 9), 100),
            (delta, 9, (9, 8), 100),
            (delta, 100, (100, 9), 100),
            (delta, 101, (0, 0), 100),
        ] {
            assert!(!follows(scope, number, newest, floor), "{scope:?} {number} after {newest:?}, floor {floor}");
        }
    }
}
