//! CertificateList: written as a stream, read without allocating (RFC 5280 §5).
//!
//! Why a stream: every length in the DER follows from the number and the total size of the entries, so a first pass adds
//! them up ([`CrlTotals`]) and a second one writes ([`CrlWriter`]); no list of any size is ever held. What is written is
//! read the same way ([`CrlStream`]). The entries themselves are held packed ([`CrlSnapshot`]), some 25 octets each.

mod decode;
mod encode;
mod snapshot;
mod stream;
mod view;
mod write;

pub use snapshot::{CrlSnapshot, SnapshotEntries, SnapshotIndex};
pub use stream::{CrlStream, CrlTail};
pub use view::{CrlFault, CrlView, Entries};
pub use write::{CrlHeader, CrlTotals, CrlWriteError, CrlWriter, outer_header, outer_trailer};

use super::{RevocationReason, Serial, UnixTime};

/// One revoked certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlEntry {
    /// userCertificate.
    pub serial: Serial,
    /// revocationDate: when the revocation was recorded (rule R-01).
    pub revocation_date: UnixTime,
    /// reasonCode; `Unspecified` is written by leaving the extension out (RFC 5280 §5.3.1).
    pub reason: RevocationReason,
    /// invalidityDate: when the event happened, where that is earlier than its recording.
    pub invalidity_date: Option<UnixTime>,
}
