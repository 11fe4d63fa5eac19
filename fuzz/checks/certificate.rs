//! `CertificateView::from_der`, and the keys inside.

use jitsuin::x509::{
    CertificateView, Name, SubjectPublicKey, assemble,
    der::{self as ours, BOOLEAN, OCTET_STRING, OID, SEQUENCE, context_constructed},
};
use x509_parser::prelude::{FromDer, X509Certificate};

/// What is accepted is assembled again from its fields to the same octets, and means the same to x509-parser; the key
/// inside is refused or keeps its octets.
pub fn check(data: &[u8]) {
    let Ok(view) = CertificateView::from_der(data) else { return };
    let tbs = &view.tbs;
    assert_eq!(assemble(tbs.der, tbs.algorithm, view.signature), data);
    let again = ours::build(SEQUENCE, |out| {
        ours::nested(out, context_constructed(0), |out| ours::integer(out, 2));
        ours::tlv(out, ours::INTEGER, tbs.serial.octets());
        out.extend_from_slice(tbs.algorithm.algorithm_identifier());
        out.extend_from_slice(tbs.issuer);
        ours::nested(out, SEQUENCE, |out| {
            ours::time(out, tbs.not_before);
            ours::time(out, tbs.not_after);
        });
        out.extend_from_slice(tbs.subject);
        out.extend_from_slice(tbs.spki);
        ours::nested(out, context_constructed(3), |out| {
            ours::nested(out, SEQUENCE, |out| {
                for extension in &tbs.extensions {
                    ours::nested(out, SEQUENCE, |out| {
                        ours::tlv(out, OID, extension.oid);
                        if extension.critical {
                            ours::tlv(out, BOOLEAN, &[0xFF]);
                        }
                        ours::tlv(out, OCTET_STRING, extension.value);
                    });
                }
            });
        });
    });
    assert_eq!(again, tbs.der);
    if let Ok(key) = SubjectPublicKey::from_der(tbs.spki) {
        assert_eq!(key.der(), tbs.spki);
        let _ = view.verify(&key);
    }
    // The walk keeps names and keys whole and does not look into them; x509-parser stops in the middle of a broken one.
    let whole = SubjectPublicKey::from_der(tbs.spki).is_ok();
    if whole && [tbs.issuer, tbs.subject].iter().all(|name| Name::from_der(name).is_ok()) {
        compare(&view, data);
    }
}

fn compare(view: &CertificateView<'_>, data: &[u8]) {
    let Ok((rest, theirs)) = X509Certificate::from_der(data) else { return };
    let tbs = &view.tbs;
    assert!(rest.is_empty());
    assert_eq!(theirs.tbs_certificate.as_ref(), tbs.der);
    assert_eq!(theirs.raw_serial(), tbs.serial.octets());
    assert_eq!((theirs.issuer().as_raw(), theirs.subject().as_raw()), (tbs.issuer, tbs.subject));
    assert_eq!(theirs.public_key().raw, tbs.spki);
    let validity = theirs.validity();
    let times = (validity.not_before.timestamp(), validity.not_after.timestamp());
    assert_eq!(times, (tbs.not_before.seconds(), tbs.not_after.seconds()));
    let extensions = theirs.extensions().iter().map(|one| (one.oid.as_bytes(), one.critical, one.value));
    assert!(extensions.eq(tbs.extensions.iter().map(|one| (one.oid, one.critical, one.value))));
    assert_eq!(&*theirs.signature_value.data, view.signature);
}
