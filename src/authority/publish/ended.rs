//! What a list is held against of a certificate: also of one that is erased, and of one that a restore lost.

use crate::{
    kind::Kind,
    ports::{Revocation, Store, StoreError},
    rules::CertificateState,
    x509::{Serial, UnixTime},
};

/// A certificate as far as lists go.
pub(super) struct Ended {
    pub(super) state: CertificateState,
    pub(super) not_after: UnixTime,
    /// When and why it was revoked or is held.
    pub(super) revocation: Option<Revocation>,
}

/// What the store has of the certificate with that serial number.
pub(super) fn ended(store: &dyn Store, kind: Kind, serial: &Serial) -> Result<Option<Ended>, StoreError> {
    if let Some(one) = store.certificate(kind, serial)? {
        return Ok(Some(Ended { state: one.state, not_after: one.not_after, revocation: one.revocation }));
    }
    let left = store.erased(kind, serial)?;
    Ok(left.map(|one| Ended { state: one.stub.state, not_after: one.stub.not_after, revocation: one.revocation }))
}
