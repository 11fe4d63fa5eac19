//! A list that the store gives back, held against what was put there.
//!
//! Why what passed the gate is looked at again: between the day it was stored and the day it is sent lie disks, copies and
//! restored backups. Whoever verifies a list refuses a damaged one, so that it does harm enough that it takes the place of
//! one that could be verified; and an old list in the place of the newest one verifies.

use super::said::Said;
use crate::{
    ports::{CrlRecord, ListOctets},
    x509::{CrlFault, CrlStream, CrlView, Name, SubjectPublicKey},
};

/// Why a list of the store is not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeptError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] CrlFault),
    /// Its signature does not verify under the CA's key.
    #[error("the signature does not verify")]
    Signature,
    /// It is another list than the one that its row speaks of.
    #[error("its {0} is not that of its record")]
    Another(&'static str),
    /// It is said to be the newest, and is not.
    #[error("number {0} was published after it")]
    Superseded(u64),
}

/// Reads a list of the store back: signed by the CA generation, and the one that its record says it is.
///
/// # Errors
/// [`KeptError`], the first thing found wrong.
pub fn check_kept(record: &CrlRecord, issuer: &Name, key: &SubjectPublicKey) -> Result<(), KeptError> {
    let said = match &record.der {
        ListOctets::Memory(octets) => {
            let view = CrlView::from_der(octets)?;
            view.verify(key).map_err(|_| KeptError::Signature)?;
            Said::from(&view)
        }
        ListOctets::File(file) => {
            let (said, tail) = Said::of(CrlStream::open_hashing(record.der.reader())?)?;
            said.verify(&record.der, key, &tail).map_err(|_| KeptError::Signature)?;
            if tail.list_digest != Some(file.digest) {
                return Err(KeptError::Another("digest"));
            }
            said
        }
    };
    let says = [
        ("issuer", said.issuer == issuer.der()),
        ("cRLNumber", said.number == record.number),
        ("thisUpdate", said.this_update == record.this_update),
        ("nextUpdate", said.next_update == record.next_update),
        ("deltaCRLIndicator", said.delta_base.is_some() == record.scope.is_delta()),
    ];
    let wrong = says.into_iter().find(|(_, holds)| !holds);
    wrong.map_or(Ok(()), |(field, _)| Err(KeptError::Another(field)))
}
