//! The whole way of an OCSP request: `AnswerDesk::answer`.

use std::sync::Arc;

use der::Decode;
use jitsuin::{
    kind::Kind,
    revocation::answer::Answer,
    x509::ocsp::{CertId, CertIdHash, ErrorStatus, OcspRequest, ResponseView, SingleStatus, error_response},
};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

use super::desk::{House, LIFE, now};

/// Whatever is asked, the answer is one: an error that x509-ocsp reads, or a signed answer about exactly what was asked,
/// by a responder of the CA that every CertID names, with the states that are true.
pub fn check(data: &[u8]) {
    let house = House::open();
    let request = OcspRequest::from_der(data);
    let answer = match (house.desk.answer(data, now()), &request) {
        (Err(status), _) => return check_error(status, request.is_err()),
        (Ok(_), Err(fault)) => panic!("answered what cannot be read: {fault}"),
        (Ok(answer), Ok(_)) => answer,
    };
    let Ok(request) = request else { return };
    let kind = answer.first.0;
    assert!(request.cert_ids.iter().all(|id| names(id, kind)), "one CA speaks for its own certificates only");
    check_signed(&answer, &request, data);
    let again = house.desk.answer(data, now()).expect("it was answered");
    assert_eq!(Arc::ptr_eq(&answer, &again), answer.etag.is_some(), "what may be kept is kept, and nothing else");
}

fn check_error(status: ErrorStatus, malformed: bool) {
    let expected = if malformed { ErrorStatus::MalformedRequest } else { ErrorStatus::Unauthorized };
    assert_eq!(status, expected);
    let theirs = x509_ocsp::OcspResponse::from_der(error_response(status)).expect("an error");
    assert!(theirs.response_bytes.is_none());
}

/// Whether a CertID names the CA by both its hashes, computed anew.
fn names(id: &CertId<'_>, kind: Kind) -> bool {
    let authority = House::open().authority(kind);
    let algorithm = match id.hash {
        CertIdHash::Sha1 => &SHA1_FOR_LEGACY_USE_ONLY,
        CertIdHash::Sha256 => &SHA256,
        CertIdHash::Other => return false,
    };
    id.name_hash == digest(algorithm, &authority.name).as_ref()
        && id.key_hash == digest(algorithm, authority.key.key()).as_ref()
}

fn check_signed(answer: &Answer, request: &OcspRequest<'_>, data: &[u8]) {
    let house = House::open();
    let kind = answer.first.0;
    let key = &house.authority(kind).key;
    let der = answer.der();
    let read = ResponseView::verified(&der, key, now()).expect("a client of ours trusts it");
    let other = &house.authority(kind.other()).key;
    assert!(ResponseView::verified(&answer.der(), other, now()).is_err(), "the other CA did not say so");
    assert_eq!((read.produced_at, read.nonce), (now(), request.nonce));
    assert_eq!((answer.this_update, answer.next_update), (now(), now() + LIFE));
    assert_eq!(read.answers.len(), request.cert_ids.len());
    for (single, id) in read.answers.iter().zip(&request.cert_ids) {
        assert_eq!(single.cert_id, id.der, "in order and to the octet");
        assert_eq!(single.status, house.truth(kind, id.serial_octets));
        assert_eq!((single.this_update, single.next_update), (now(), now() + LIFE));
    }
    let never = |id: &CertId<'_>| {
        let issued = |index| house.serial(kind, index).octets() == id.serial_octets && index % 4 != 3;
        !super::desk::INDEXES.into_iter().any(issued)
    };
    let keepable = request.nonce.is_none() && request.cert_ids.len() == 1 && !request.cert_ids.iter().any(never);
    assert_eq!(answer.etag.is_some(), keepable);
    for (single, id) in read.answers.iter().zip(&request.cert_ids) {
        assert!(single.status != SingleStatus::Good || !never(id), "never good for what was never issued");
    }
    // x509-ocsp reads no serial number that no certificate can have.
    if x509_ocsp::OcspRequest::from_der(data).is_ok() {
        let response = x509_ocsp::OcspResponse::from_der(&answer.der()).expect("x509-ocsp reads the answer");
        let basic = response.response_bytes.expect("with content").response;
        let basic = x509_ocsp::BasicOcspResponse::from_der(basic.as_bytes()).expect("x509-ocsp reads its content");
        assert_eq!(basic.tbs_response_data.responses.len(), request.cert_ids.len());
    }
}
