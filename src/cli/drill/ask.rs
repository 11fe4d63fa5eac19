//! What is answered for a certificate, asked and verified as a relying party does.

use super::super::{failure::Failure, house::House};
use crate::{
    kind::Kind,
    x509::{
        Serial, SubjectPublicKey, UnixTime,
        ocsp::{ResponseView, SingleStatus, cert_id, request},
    },
};

/// An answer as it was given.
pub(super) struct Given {
    pub(super) der: Vec<u8>,
    /// Of the CA generation that was asked.
    pub(super) key: SubjectPublicKey,
}

/// What an answer says, and from when until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) status: SingleStatus,
    pub(super) this_update: UnixTime,
    pub(super) next_update: UnixTime,
}

/// Asks a service for a certificate that it may know; nothing if it does not.
pub(super) fn ask(house: &House, (kind, serial): (Kind, Serial)) -> Result<Option<Given>, Failure> {
    let Some(record) = house.store.certificate(kind, &serial).map_err(Failure::fault)? else { return Ok(None) };
    let issuer = house.authority.parts().issuers.generation(kind, record.generation);
    let issuer = issuer.ok_or_else(|| Failure::fault("a certificate of no generation"))?;
    let key = issuer.public_key();
    let asked = request(&[cert_id(issuer.name().der(), &key.key_id(), &serial)], None);
    let answer = house.desk.answer(&asked, house.clock.now());
    let answer = answer.map_err(|status| Failure::fault(format!("OCSP answers {status:?}")))?;
    Ok(Some(Given { der: answer.der(), key: key.clone() }))
}

impl Given {
    /// What a relying party takes from it at that time.
    pub(super) fn read(&self, now: UnixTime) -> Result<Said, Failure> {
        let view = ResponseView::verified(&self.der, &self.key, now).map_err(Failure::fault)?;
        let one = view.answers.first().ok_or_else(|| Failure::fault("an answer about nothing"))?;
        Ok(Said { status: one.status, this_update: one.this_update, next_update: one.next_update })
    }
}

impl Said {
    pub(super) fn is_revoked(&self) -> bool {
        matches!(self.status, SingleStatus::Revoked { .. })
    }
}
