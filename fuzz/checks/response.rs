//! `ResponseView::verified`: what a client of ours trusts.

use der::Decode;
use jitsuin::{
    ports::Signer,
    x509::{
        RevocationReason, SignatureAlgorithm,
        der::{self as ours, ENUMERATED, SEQUENCE, context, context_constructed},
        ocsp::{AnswerView, ResponseView, SingleStatus, basic_response},
    },
};
use x509_ocsp::{BasicOcspResponse, CertStatus, OcspResponse};

use super::desk::{House, KnownKey, KnownSigner, now};

/// The first octet chooses: even, the rest is a whole response; odd, it is a ResponseData that gets a true signature, so
/// that the fuzzer comes past it. What is trusted is found in the octets as it would be written, and means the same to
/// x509-ocsp.
pub fn check(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    let authority = &House::open().authorities[0];
    let signed;
    let response = if mode % 2 == 0 {
        rest
    } else {
        let signer: KnownSigner = KnownKey::Two.signer();
        let signature = signer.sign(rest).expect("a signature");
        signed = basic_response(rest, SignatureAlgorithm::EcdsaP256Sha256, &signature, &[&authority.responder]);
        &signed
    };
    let Ok(view) = ResponseView::verified(response, &authority.key, now()) else { return };
    ours::well_formed(response).expect("DER all the way down");
    // A reason `unspecified` may be written out; we leave it out.
    let open = |answer: &&AnswerView<'_>| {
        !matches!(answer.status, SingleStatus::Revoked { reason: RevocationReason::Unspecified, .. })
    };
    for answer in view.answers.iter().filter(open) {
        let written = written(answer);
        assert!(response.windows(written.len()).any(|window| window == written), "it is there as it would be written");
    }
    compare(&view, response);
}

/// The single response up to its extensions.
fn written(answer: &AnswerView<'_>) -> Vec<u8> {
    let mut out = answer.cert_id.to_vec();
    match answer.status {
        SingleStatus::Good => out.extend([context(0), 0]),
        SingleStatus::Unknown => out.extend([context(2), 0]),
        SingleStatus::Revoked { at, reason } => ours::nested(&mut out, context_constructed(1), |out| {
            ours::generalized_time(out, at);
            if reason != RevocationReason::Unspecified {
                out.extend([context_constructed(0), 3, ENUMERATED, 1, reason.code()]);
            }
        }),
    }
    ours::generalized_time(&mut out, answer.this_update);
    ours::nested(&mut out, context_constructed(0), |out| ours::generalized_time(out, answer.next_update));
    assert_eq!(answer.cert_id[0], SEQUENCE);
    out
}

fn compare(view: &ResponseView<'_>, response: &[u8]) {
    // x509-ocsp reads no serial number, time or name of the responder that it does not know; what it reads is the same.
    let Some(basic) = OcspResponse::from_der(response).ok().and_then(|whole| whole.response_bytes) else { return };
    let Ok(basic) = BasicOcspResponse::from_der(basic.response.as_bytes()) else { return };
    let data = &basic.tbs_response_data;
    assert_eq!(data.produced_at.0.to_unix_duration().as_secs() as i64, view.produced_at.seconds());
    assert_eq!(data.responses.len(), view.answers.len());
    assert_eq!(basic.nonce().map(|nonce| nonce.0.as_bytes().to_vec()).as_deref(), view.nonce);
    for (theirs, answer) in data.responses.iter().zip(&view.answers) {
        match (&theirs.cert_status, answer.status) {
            (CertStatus::Good(_), SingleStatus::Good) | (CertStatus::Unknown(_), SingleStatus::Unknown) => (),
            (CertStatus::Revoked(info), SingleStatus::Revoked { at, reason }) => {
                assert_eq!(info.revocation_time.0.to_unix_duration().as_secs() as i64, at.seconds());
                assert_eq!(info.revocation_reason.map_or(0, |reason| reason as u8), reason.code());
            }
            (theirs, ours) => panic!("x509-ocsp reads {theirs:?}, we {ours:?}"),
        }
        assert_eq!(theirs.this_update.0.to_unix_duration().as_secs() as i64, answer.this_update.seconds());
        let next = theirs.next_update.map(|next| next.0.to_unix_duration().as_secs() as i64);
        assert_eq!(next, Some(answer.next_update.seconds()));
    }
}
