//! `CertificationRequest::from_der` and `verify`.

use jitsuin::{
    limits::CSR_OCTETS,
    ports::Signer,
    x509::{
        CertificationRequest, KeyAlgorithm, SignatureAlgorithm, SubjectPublicKey, assemble,
        der::{self as ours},
    },
};
use x509_parser::prelude::{FromDer, X509CertificationRequest};

use super::desk::KnownKey;

/// The first octet chooses: even, the rest is a whole request; odd, it is the signed part, which gets a true signature by
/// the known holder's key, so that the fuzzer comes past it. Only a request for the key that signed it is verified; the key
/// is one a holder may have; x509-parser finds the same key, and the same signature good.
pub fn check(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    let holder = KnownKey::Three.signer();
    let ours_to_sign = mode % 2 == 1;
    let whole = if ours_to_sign {
        let signature = holder.sign(rest).expect("a signature");
        assemble(rest, SignatureAlgorithm::EcdsaP256Sha256, &signature)
    } else {
        rest.to_vec()
    };
    let Ok(request) = CertificationRequest::from_der(&whole) else { return };
    assert!(whole.len() <= CSR_OCTETS);
    ours::well_formed(&whole).expect("DER all the way down");
    let verified = request.verify();
    if ours_to_sign {
        let asked = verified.as_ref().map(|verified| verified.spki().der());
        assert!(asked.is_err() || asked == Ok(holder.spki()), "the proof is of the key that is asked for");
        assert!(asked.is_ok() || !rest.windows(holder.spki().len()).any(|window| window == holder.spki()));
    }
    let Ok(verified) = verified else { return };
    let key = verified.spki();
    let again = SubjectPublicKey::from_der(key.der()).and_then(SubjectPublicKey::holder_key);
    assert_eq!(again.as_ref(), Ok(key));
    assert!(matches!(key.algorithm(), KeyAlgorithm::Rsa(2048) | KeyAlgorithm::P256 | KeyAlgorithm::P384));
    assert!(whole.windows(key.der().len()).any(|window| window == key.der()));
    if let Ok((rest, theirs)) = X509CertificationRequest::from_der(&whole) {
        assert!(rest.is_empty());
        assert_eq!(theirs.certification_request_info.subject_pki.raw, key.der());
        let usual = theirs.signature_algorithm.algorithm.as_bytes() == key.signature_algorithm().oid();
        assert!(!usual || theirs.verify_signature().is_ok(), "x509-parser finds the signature good too");
    }
}
