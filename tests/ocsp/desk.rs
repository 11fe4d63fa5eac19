//! A desk to ask at, and what its answers say.

use std::sync::Arc;

use der::{Decode, Encode};
use jitsuin::{
    ports::Clock,
    revocation::answer::Answer,
    x509::{CertificateView, SubjectPublicKey, UnixTime, ocsp::ErrorStatus},
};
use x509_ocsp::{BasicOcspResponse, CertStatus, OcspResponse, OcspResponseStatus, SingleResponse};

use crate::support::{House, TestClock};

pub(crate) const NOW: &str = "2026-04-01T00:00:00Z";
pub(crate) const EXTENDED_REVOKE: &str = "1.3.6.1.5.5.7.48.1.9";
pub(crate) const NONCE: &str = "1.3.6.1.5.5.7.48.1.2";
pub(crate) const ARCHIVE_CUTOFF: &str = "1.3.6.1.5.5.7.48.1.6";

pub(crate) fn house() -> House {
    House::new(TestClock::at(NOW))
}

pub(crate) fn ask(house: &House, request: &[u8]) -> Result<Arc<Answer>, ErrorStatus> {
    house.desk.answer(request, house.clock.now())
}

pub(crate) fn read(answer: &Answer) -> BasicOcspResponse {
    let response = OcspResponse::from_der(&answer.der()).unwrap();
    assert_eq!(response.response_status, OcspResponseStatus::Successful);
    BasicOcspResponse::from_der(response.response_bytes.unwrap().response.as_bytes()).unwrap()
}

/// The one answer to a request about one certificate, and whether extended-revoke was there.
pub(crate) fn single(house: &House, request: &[u8]) -> (SingleResponse, bool) {
    let basic = read(&ask(house, request).unwrap());
    let extended = extensions(&basic).iter().any(|oid| oid == EXTENDED_REVOKE);
    assert_eq!(basic.tbs_response_data.responses.len(), 1);
    (basic.tbs_response_data.responses[0].clone(), extended)
}

pub(crate) fn extensions(basic: &BasicOcspResponse) -> Vec<String> {
    let extensions = basic.tbs_response_data.response_extensions.iter().flatten();
    extensions.map(|extension| extension.extn_id.to_string()).collect()
}

/// State, reason code and time as plain values.
pub(crate) fn status(single: &SingleResponse) -> (&'static str, Option<u8>, u64) {
    match &single.cert_status {
        CertStatus::Good(_) => ("good", None, 0),
        CertStatus::Unknown(_) => ("unknown", None, 0),
        CertStatus::Revoked(info) => (
            "revoked",
            info.revocation_reason.map(|reason| reason as u8),
            info.revocation_time.0.to_unix_duration().as_secs(),
        ),
    }
}

pub(crate) fn seconds(at: UnixTime) -> u64 {
    at.seconds() as u64
}

/// Whether the answer's own certificate was signed by that issuer, and the answer by the certificate's key.
pub(crate) fn signed_by(house: &House, issuer: usize, answer: &Answer) -> bool {
    let basic = read(answer);
    let certificate = basic.certs.as_ref().unwrap()[0].to_der().unwrap();
    let view = CertificateView::from_der(&certificate).unwrap();
    let ca = CertificateView::from_der(&house.authorities[issuer].certificate).unwrap();
    let key = SubjectPublicKey::from_der(view.tbs.spki).unwrap();
    let signed = basic.tbs_response_data.to_der().unwrap();
    view.verify(&SubjectPublicKey::from_der(ca.tbs.spki).unwrap()).is_ok()
        && key.verify(key.signature_algorithm(), &signed, basic.signature.raw_bytes()).is_ok()
}
