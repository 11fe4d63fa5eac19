//! `OcspRequest::from_der`.

use der::Decode;
use jitsuin::{
    limits::{OCSP_CERT_IDS, OCSP_NONCE_OCTETS, OCSP_REQUEST_OCTETS},
    x509::{
        der::{self as ours, Element, Reader},
        ocsp::{OcspRequest, request},
    },
};

/// What is accepted is within the bounds and DER all the way down, is asked again in the plainest form to the same
/// meaning, and means the same to x509-ocsp.
pub fn check(data: &[u8]) {
    let Ok(read) = OcspRequest::from_der(data) else { return };
    assert!(data.len() <= OCSP_REQUEST_OCTETS);
    assert!((1..=OCSP_CERT_IDS).contains(&read.cert_ids.len()));
    assert!(read.nonce.is_none_or(|nonce| OCSP_NONCE_OCTETS.contains(&nonce.len())));
    ours::well_formed(data).expect("DER all the way down");
    let ids: Vec<Vec<u8>> = read.cert_ids.iter().map(|id| id.der.to_vec()).collect();
    assert_eq!(OcspRequest::from_der(&request(&ids, read.nonce)).as_ref(), Ok(&read));
    for id in &read.cert_ids {
        assert!(ours::well_formed(id.der).is_ok());
        let Ok(Element { content, .. }) = Reader::new(id.der).any() else { panic!("a CertID is one element") };
        let mut fields = Reader::new(content);
        let hash = fields.any().expect("hashAlgorithm").der;
        let mut again = hash.to_vec();
        ours::tlv(&mut again, ours::OCTET_STRING, id.name_hash);
        ours::tlv(&mut again, ours::OCTET_STRING, id.key_hash);
        ours::tlv(&mut again, ours::INTEGER, id.serial_octets);
        assert_eq!(again, content);
        assert!(id.serial().is_err() || id.serial().is_ok_and(|serial| serial.octets() == id.serial_octets));
    }
    if let Ok(theirs) = x509_ocsp::OcspRequest::from_der(data) {
        let serials = theirs.tbs_request.request_list.iter().map(|one| one.req_cert.serial_number.as_bytes().to_vec());
        assert!(serials.eq(read.cert_ids.iter().map(|id| id.serial_octets.to_vec())));
        let nonce = theirs.nonce().map(|nonce| nonce.0.as_bytes().to_vec());
        assert_eq!(nonce.as_deref(), read.nonce);
    }
}
