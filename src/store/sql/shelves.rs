//! Where long lists lie.

use crate::ports::ListOctets;

/// Long lists by their digest, where a row speaks of them.
pub(in crate::store) trait Shelves: Sync {
    /// The list of a row. Whether it is there is seen when it is read.
    fn list(&self, digest: [u8; 32], length: u64) -> ListOctets;
}
