//! The switches of the rule book: where its sources contradict each other, an operator may choose the other side.

use serde::{Deserialize, Serialize};

/// The settings that decisions depend on; the default is the chosen side of every conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Days between "three months before the last day" and the opening of the renewal window (V-11, C-06).
    ///
    /// 1 is 翌日, the first day on which less than three months remain, as 規13 and 規49 read. 0 is 「3か月前から」, 2 is 翌々日.
    pub renewal_offset_days: u8,
    /// Whether a held AUTH may come back to life at the counter (C-08). If not, releasing it revokes it, as always for
    /// SIGN.
    pub auth_hold_releasable: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { renewal_offset_days: 1, auth_hold_releasable: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_the_default_and_what_is_unknown_is_refused() {
        let policy: Policy = serde_json::from_str(r#"{"renewal_offset_days":2}"#).unwrap();
        assert_eq!(policy, Policy { renewal_offset_days: 2, auth_hold_releasable: true });
        assert!(serde_json::from_str::<Policy>(r#"{"renewal_offset":2}"#).is_err());
        assert!(serde_json::from_str::<Policy>(r#"{"renewal_offset_days":-1}"#).is_err());
    }
}
