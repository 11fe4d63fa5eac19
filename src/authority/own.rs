//! A holder comes in by the AUTH certificate of the own card, to the own records and no others.
//!
//! The handshake proved the key; whether the certificate stands is asked of the store, at every request.

use ring::digest::{SHA256, digest};

use super::{Actor, Authority, StoryError};
use crate::{
    kind::Kind,
    ports::CertificateRecord,
    rules::{
        CertificateState, Refusal,
        online::{WindowFacts, decide_window},
    },
    x509::{RevocationReason, Serial, UnixTime},
};

impl Authority {
    /// The holder of the AUTH certificate of that serial number whose DER has that SHA-256.
    ///
    /// # Errors
    /// `T-08` for one that this service did not issue, octet for octet; `O-05` and `P-10` as [`decide_window`] says.
    pub fn admit_holder(&self, serial: &Serial, fingerprint: &[u8; 32]) -> Result<Actor, StoryError> {
        let stranger = || {
            Refusal::new("T-08", "this service did not issue the certificate that was shown")
                .with_ja("提示された電子証明書は、このサービスが発行したものではありません。")
        };
        let record = self.store().certificate(Kind::Auth, serial)?.ok_or_else(stranger)?;
        let shown = |der: &Vec<u8>| digest(&SHA256, der).as_ref() == fingerprint;
        record.certificate.as_ref().filter(|der| shown(der)).ok_or_else(stranger)?;
        let dossier = self.store().dossier(&record.holder)?;
        let dossier = dossier.ok_or_else(|| StoryError::Corrupt("a certificate without a holder".into()))?;
        let card = dossier.card(&record.card);
        let card = card.ok_or_else(|| StoryError::Corrupt("a certificate without a card".into()))?;
        decide_window(&WindowFacts {
            state: state(&record, self.parts().clock.now()),
            replaced: is_replaced(&record),
            face_authentication: card.face_authentication,
        })?;
        Ok(Actor::holder_of(&record))
    }
}

/// The state now: what stands has expired past its last instant (V-09).
fn state(record: &CertificateRecord, now: UnixTime) -> CertificateState {
    match record.state {
        CertificateState::Live | CertificateState::Held if now > record.not_after => CertificateState::Expired,
        state => state,
    }
}

fn is_replaced(record: &CertificateRecord) -> bool {
    record.revocation.as_ref().is_some_and(|revocation| revocation.reason == RevocationReason::Superseded)
}
