//! OCSP: requests that OpenSSL makes, answers that OpenSSL and x509-ocsp read.

use der::Decode as _;
use jitsuin::x509::{
    RevocationReason, UnixTime,
    ocsp::{
        CertIdHash, ErrorStatus, OcspRequest, SingleResponse, SingleStatus, basic_response, error_response,
        response_data,
    },
};

use crate::ca::{ALGORITHM, Ca, assert_says, at, serial};

/// An OCSP request that OpenSSL writes; `arguments` name the certificates.
fn request(ca: &Ca, arguments: &str) -> Vec<u8> {
    ca.openssl(&format!("ocsp -issuer ca.pem {arguments} -reqout request.der"));
    ca.read("request.der")
}

fn answer(ca: &Ca, request: &OcspRequest<'_>, statuses: &[SingleStatus], extended_revoke: bool) -> Vec<u8> {
    let (this_update, next_update) = (at("2026-04-01T00:00:00Z"), at("2099-04-02T00:00:00Z"));
    let mut singles: Vec<_> = request
        .cert_ids
        .iter()
        .zip(statuses)
        .map(|(id, status)| SingleResponse::new(id, *status, this_update, next_update))
        .collect();
    singles[0].archive_cutoff = Some(at("2020-01-01T00:00:00Z"));
    let tbs = response_data(&ca.spki.key_id(), this_update, &singles, request.nonce, extended_revoke);
    basic_response(&tbs, ALGORITHM, &ca.sign(&tbs), &[&ca.certificate])
}

#[test]
fn requests_of_openssl_are_read_with_both_hashes_and_the_nonce() {
    let ca = Ca::new();
    let der = request(&ca, "-serial 0x0F -sha256 -serial 0x8001");
    let read = OcspRequest::from_der(&der).unwrap();
    let hashes: Vec<_> = read.cert_ids.iter().map(|id| id.hash).collect();
    assert_eq!(hashes, [CertIdHash::Sha1, CertIdHash::Sha256]);
    assert_eq!((read.cert_ids[0].serial(), read.cert_ids[1].serial()), (Ok(serial("0F")), Ok(serial("8001"))));
    assert_eq!(
        (read.cert_ids[0].key_hash, read.cert_ids[1].key_hash),
        (&ca.spki.key_id()[..], &ca.spki.key_sha256()[..])
    );
    assert_eq!(read.cert_ids[1].name_hash, ring::digest::digest(&ring::digest::SHA256, ca.name.der()).as_ref());
    assert!(read.nonce.is_some());
    let der = request(&ca, "-serial 0x0F -no_nonce");
    assert_eq!(OcspRequest::from_der(&der).unwrap().nonce, None);
}

#[test]
fn openssl_verifies_the_answer_and_reads_every_status() {
    let ca = Ca::new();
    let der = request(&ca, "-serial 0x0F -serial 0x8001 -serial 0x11 -serial 0x12");
    let request = OcspRequest::from_der(&der).unwrap();
    let statuses = [
        SingleStatus::Good,
        SingleStatus::Revoked { at: at("2026-03-31T09:00:00Z"), reason: RevocationReason::Superseded },
        SingleStatus::Unknown,
        SingleStatus::Revoked { at: UnixTime::EPOCH, reason: RevocationReason::CertificateHold },
    ];
    ca.write("response.der", &answer(&ca, &request, &statuses, true));
    // With -reqin, -no_nonce only says to add no second nonce; the one in the file is compared.
    let said = ca.openssl(
        "ocsp -respin response.der -reqin request.der -issuer ca.pem -serial 0x0F -serial 0x8001 -serial 0x11 -serial 0x12 \
         -CAfile ca.pem -resp_text -no_nonce",
    );
    assert_says(
        &said,
        &[
            "OCSP Response Status: successful",
            "Responder Id:",
            "Produced At: Apr  1 00:00:00 2026 GMT",
            "Cert Status: good",
            "This Update: Apr  1 00:00:00 2026 GMT",
            "Next Update: Apr  2 00:00:00 2099 GMT",
            "OCSP Archive Cutoff",
            "Jan  1 00:00:00 2020 GMT",
            "Cert Status: revoked",
            "Revocation Time: Mar 31 09:00:00 2026 GMT",
            "Revocation Reason: superseded (0x4)",
            "Cert Status: unknown",
            "Revocation Time: Jan  1 00:00:00 1970 GMT",
            "Revocation Reason: certificateHold (0x6)",
            "OCSP Nonce",
            // OpenSSL's name for id-pkix-ocsp-extended-revoke.
            "valid:",
        ],
    );
    assert!(said.contains("Response verify OK"), "{said}");
    assert!(!said.contains("WARNING"), "the nonce is echoed and no time is off: {said}");
}

#[test]
fn x509_ocsp_reads_the_same_answer() {
    use x509_ocsp::{BasicOcspResponse, CertStatus, OcspResponse, OcspResponseStatus, ResponderId};

    let ca = Ca::new();
    let der = request(&ca, "-serial 0x0F -serial 0x8001");
    let request = OcspRequest::from_der(&der).unwrap();
    let unspecified = SingleStatus::Revoked { at: UnixTime::EPOCH, reason: RevocationReason::Unspecified };
    let response = answer(&ca, &request, &[SingleStatus::Good, unspecified], false);
    let response = OcspResponse::from_der(&response).unwrap();
    assert_eq!(response.response_status, OcspResponseStatus::Successful);
    let basic = BasicOcspResponse::from_der(response.response_bytes.unwrap().response.as_bytes()).unwrap();
    let data = basic.tbs_response_data;
    assert!(matches!(&data.responder_id, ResponderId::ByKey(key) if key.as_bytes() == ca.spki.key_id()));
    assert_eq!(data.nonce().unwrap().0.as_bytes(), request.nonce.unwrap());
    assert_eq!(data.produced_at.0.to_unix_duration().as_secs() as i64, at("2026-04-01T00:00:00Z").seconds());
    assert!(matches!(data.responses[0].cert_status, CertStatus::Good(_)));
    assert!(data.responses[0].single_extensions.is_some() && data.responses[1].single_extensions.is_none());
    assert!(matches!(&data.responses[1].cert_status, CertStatus::Revoked(info) if info.revocation_reason.is_none()));
    assert_eq!(basic.certs.map(|certs| certs.len()), Some(1));
}

#[test]
fn an_answer_without_extensions_or_certificates_is_read_too() {
    let ca = Ca::new();
    let der = request(&ca, "-serial 0x0F -no_nonce");
    let request = OcspRequest::from_der(&der).unwrap();
    let now = at("2026-04-01T00:00:00Z");
    let single = SingleResponse::new(&request.cert_ids[0], SingleStatus::Good, now, at("2099-04-02T00:00:00Z"));
    let tbs = response_data(&ca.spki.key_id(), now, &[single], None, false);
    ca.write("response.der", &basic_response(&tbs, ALGORITHM, &ca.sign(&tbs), &[]));
    let said = ca.openssl("ocsp -respin response.der -issuer ca.pem -serial 0x0F -VAfile ca.pem -no_nonce");
    assert_says(&said, &["0x0F: good"]);
    assert!(said.contains("Response verify OK"), "{said}");
}

#[test]
fn openssl_names_the_error_statuses() {
    let ca = Ca::new();
    for (status, name) in [
        (ErrorStatus::MalformedRequest, "malformedrequest (1)"),
        (ErrorStatus::InternalError, "internalerror (2)"),
        (ErrorStatus::TryLater, "trylater (3)"),
        (ErrorStatus::SigRequired, "sigrequired (5)"),
        (ErrorStatus::Unauthorized, "unauthorized (6)"),
    ] {
        ca.write("error.der", error_response(status));
        let (success, said) = ca.ask_openssl("ocsp -respin error.der -resp_text -noverify");
        assert!(!success && said.contains(name), "{said}");
    }
}
