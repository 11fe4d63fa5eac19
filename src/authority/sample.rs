//! Test certificates of a test service: one of each kind in each state, for who builds something that checks them.
//!
//! # Why
//! A service is a test service by its name: its organisation is [`TEST`] or begins with it, which is what `init` and `demo` write unless
//! told otherwise, and what stands in every certificate. All its certificates are test certificates then, and there is nobody whose name
//! they would tell. Of every other service there are no samples, whoever asks.

use super::{Actor, Authority, StoryError};
use crate::{
    kind::Kind,
    limits::SAMPLES_SOUGHT,
    ports::{CertificateRecord, Role},
    rules::{CertificateState, Refusal},
    x509::{Serial, UnixTime},
};

/// The organisation of test services.
pub const TEST: &str = "JITSUIN-TEST";

/// The states in which there are samples.
pub const STATES: [CertificateState; 4] =
    [CertificateState::Live, CertificateState::Revoked, CertificateState::Held, CertificateState::Expired];

/// A test certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Which CA.
    pub kind: Kind,
    /// Its state now: one of [`STATES`].
    pub state: CertificateState,
    /// Its serial number.
    pub serial: Serial,
    /// Its last instant.
    pub not_after: UnixTime,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// The certificate of the CA that issued it, DER.
    pub issuer: Vec<u8>,
}

/// Whether a service of that organisation is a test service.
#[must_use]
pub fn is_test_service(organization: &str) -> bool {
    organization.strip_prefix(TEST).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '-']))
}

impl Authority {
    /// A test certificate of each kind and state, as far as the first certificates of the service have one.
    ///
    /// # Errors
    /// `T-08` unless a relying party, an operator or an auditor asks; `T-09` where the service is no test service; as for all reading.
    pub fn samples(&self, actor: &Actor) -> Result<Vec<Sample>, StoryError> {
        if actor.role() != Some(Role::RelyingParty) {
            actor.overseer()?;
        }
        if !is_test_service(&self.parts().profile.organization) {
            return Err(Refusal::new("T-09", "this is no test service: it has no test certificates")
                .with_ja("試験用のサービスではないため、試験用の電子証明書はありません。")
                .into());
        }
        let now = self.parts().clock.now();
        let authorities = self.store().authorities()?;
        let mut samples = Vec::new();
        for kind in Kind::BOTH {
            let (records, _) = self.store().certificates(kind, 0, SAMPLES_SOUGHT)?;
            for state in STATES {
                let Some(record) = records.iter().find(|one| shown_as(one, now) == Some(state)) else { continue };
                let issuer = authorities.iter().find(|one| (one.kind, one.generation) == (kind, record.generation));
                if let (Some(issuer), Some(certificate)) = (issuer, &record.certificate) {
                    samples.push(Sample {
                        kind,
                        state,
                        serial: record.serial,
                        not_after: record.not_after,
                        certificate: certificate.clone(),
                        issuer: issuer.certificate.clone(),
                    });
                }
            }
        }
        Ok(samples)
    }
}

/// The state that a relying party finds; none of what was never signed. What was ended before its last day is revoked after it too.
fn shown_as(record: &CertificateRecord, now: UnixTime) -> Option<CertificateState> {
    record.certificate.as_ref()?;
    match record.state {
        CertificateState::Live if record.not_after < now => Some(CertificateState::Expired),
        CertificateState::Reserved => None,
        state => Some(state),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_service_is_one_by_its_whole_first_word() {
        assert!(["JITSUIN-TEST", "JITSUIN-TEST 2", "JITSUIN-TEST-2"].iter().all(|name| is_test_service(name)));
        let others = ["", "JPKI", "JITSUIN", "JITSUIN-TESTED", "My JITSUIN-TEST", "jitsuin-test"];
        assert!(!others.iter().any(|name| is_test_service(name)));
    }
}
