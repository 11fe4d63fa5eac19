//! `SignedMessage::from_der` and `verify`, and `Declaration::parse` of what was signed.

use std::sync::OnceLock;

use jitsuin::{
    limits::{CMS_ATTRIBUTES, CMS_OCTETS},
    ports::Signer,
    rules::Declaration,
    x509::{
        Attribute, CertificateView, CmsError, Name, SignatureAlgorithm, SignedMessage, SignerIdentifier, UnixTime,
        assemble,
        der::{self as ours, OCTET_STRING, OID, SEQUENCE, SET, build, context_constructed, integer, nested, time, tlv},
        extension, oid,
    },
};
use ring::digest::{SHA256, digest};

use super::desk::KnownKey;

/// What is signed where only the attributes are the fuzzer's.
pub const CONTENT: &[u8] = b"JITSUIN-TEST\r\n";

/// The first octet chooses. A whole message; or a content, or the signed attributes over [`CONTENT`], which get a message
/// around them that the known holder truly signs, so that the fuzzer comes past the signature. A signature that the holder
/// did not make is never good; a content that was signed comes out to the octet; attributes that pass are in order, none
/// twice, and carry the digest of the content and its type.
pub fn check(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    match mode % 3 {
        0 => check_whole(rest),
        1 => check_content(rest),
        _ => check_attributes(rest),
    }
}

fn check_whole(der: &[u8]) {
    let Ok(message) = SignedMessage::from_der(der) else { return };
    assert!(der.len() <= CMS_OCTETS);
    ours::well_formed(der).expect("DER all the way down");
    let content = message.claimed_content();
    let inside = |part: &[u8]| part.is_empty() || der.windows(part.len()).any(|window| window == part);
    assert!(inside(content), "the content is borrowed from the message");
    match message.signer() {
        SignerIdentifier::IssuerAndSerial { issuer, serial } => assert!(inside(issuer) && inside(serial.octets())),
        SignerIdentifier::KeyIdentifier(id) => assert!(inside(id)),
    }
    // Nobody but the check has the key, and it signs nothing here.
    assert!(message.verify(&certificate().tbs).is_err());
    // Who is not the signer does not get to hear what else is wrong.
    let fault = message.verify(&stranger().tbs);
    assert!(matches!(fault, Err(CmsError::OtherSigner)), "{fault:?}");
}

fn check_content(content: &[u8]) {
    let message = message(content, &attributes(content));
    let verified = SignedMessage::from_der(&message).and_then(|read| read.verify(&certificate().tbs));
    if message.len() > CMS_OCTETS {
        assert_eq!(verified, Err(CmsError::TooLong));
        return;
    }
    assert_eq!(verified, Ok(content));
    if let Ok(declaration) = Declaration::parse(content) {
        assert_eq!(declaration.text().as_bytes(), content);
        assert!(declaration.particulars().drafted < declaration.until());
    }
}

fn check_attributes(attributes: &[u8]) {
    let message = message(CONTENT, attributes);
    let Ok(read) = SignedMessage::from_der(&message) else { return };
    let verified = read.verify(&certificate().tbs);
    let mut rest = ours::Reader::new(attributes);
    let mut all = Vec::new();
    while !rest.is_empty() {
        all.push(rest.read_tlv(SEQUENCE).expect("attributes"));
    }
    assert!(all.len() <= CMS_ATTRIBUTES);
    assert!(all.is_sorted_by(|one, next| one < next), "DER has one order");
    let of = |oid: &[u8], value: &[u8]| all.iter().any(|one| **one == *attribute(oid, value));
    assert!(of(oid::CMS_CONTENT_TYPE, &element(OID, oid::CMS_DATA)));
    let own = of(oid::CMS_MESSAGE_DIGEST, &element(OCTET_STRING, digest(&SHA256, CONTENT).as_ref()));
    assert_eq!(verified, if own { Ok(CONTENT) } else { Err(CmsError::OtherContent) });
}

/// A message with these signed attributes, signed by the known holder.
#[must_use]
pub fn message(content: &[u8], attributes: &[u8]) -> Vec<u8> {
    let signature = KnownKey::Three.signer().sign(&element(SET, attributes)).expect("a signature");
    let sha256 = element(SEQUENCE, &element(OID, oid::SHA256));
    build(SEQUENCE, |out| {
        tlv(out, OID, oid::CMS_SIGNED_DATA);
        nested(out, context_constructed(0), |out| {
            nested(out, SEQUENCE, |out| {
                integer(out, 1);
                tlv(out, SET, &sha256);
                nested(out, SEQUENCE, |out| {
                    tlv(out, OID, oid::CMS_DATA);
                    nested(out, context_constructed(0), |out| tlv(out, OCTET_STRING, content));
                });
                nested(out, SET, |out| {
                    nested(out, SEQUENCE, |out| {
                        integer(out, 1);
                        nested(out, SEQUENCE, |out| {
                            out.extend_from_slice(name("JITSUIN-TEST").der());
                            integer(out, 7);
                        });
                        out.extend_from_slice(&sha256);
                        tlv(out, context_constructed(0), attributes);
                        tlv(out, SEQUENCE, &element(OID, oid::ECDSA_SHA256));
                        tlv(out, OCTET_STRING, &signature);
                    });
                });
            });
        });
    })
}

/// The two attributes that there must be.
#[must_use]
pub fn attributes(content: &[u8]) -> Vec<u8> {
    let digest = element(OCTET_STRING, digest(&SHA256, content).as_ref());
    let content_type = attribute(oid::CMS_CONTENT_TYPE, &element(OID, oid::CMS_DATA));
    [content_type, attribute(oid::CMS_MESSAGE_DIGEST, &digest)].concat()
}

/// An Attribute.
#[must_use]
pub fn attribute(oid: &[u8], values: &[u8]) -> Vec<u8> {
    build(SEQUENCE, |out| {
        tlv(out, OID, oid);
        tlv(out, SET, values);
    })
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    build(tag, |out| out.extend_from_slice(content))
}

fn name(text: &str) -> Name {
    Name::new(vec![Attribute::common_name(text)]).expect("a name")
}

/// The known holder's certificate, which the message names.
fn certificate() -> CertificateView<'static> {
    static DER: OnceLock<Vec<u8>> = OnceLock::new();
    let der = DER.get_or_init(|| made_out_to("JITSUIN-TEST", KnownKey::Three.signer().spki()));
    CertificateView::from_der(der).expect("a certificate")
}

/// A certificate that no message names.
fn stranger() -> CertificateView<'static> {
    static DER: OnceLock<Vec<u8>> = OnceLock::new();
    let der = DER.get_or_init(|| made_out_to("JITSUIN-TEST STRANGER 5A5A5A5A5A5A5A5A", KnownKey::Two.signer().spki()));
    CertificateView::from_der(der).expect("a certificate")
}

fn made_out_to(issuer: &str, spki: &[u8]) -> Vec<u8> {
    let tbs = build(SEQUENCE, |out| {
        nested(out, context_constructed(0), |out| integer(out, 2));
        integer(out, 7);
        out.extend_from_slice(SignatureAlgorithm::EcdsaP256Sha256.algorithm_identifier());
        out.extend_from_slice(name(issuer).der());
        nested(out, SEQUENCE, |out| {
            time(out, UnixTime::EPOCH);
            time(out, UnixTime::EPOCH);
        });
        out.extend_from_slice(name("JITSUIN-TEST").der());
        out.extend_from_slice(spki);
        nested(out, context_constructed(3), |out| {
            nested(out, SEQUENCE, |out| {
                let id = element(OCTET_STRING, &digest(&SHA256, issuer.as_bytes()).as_ref()[..20]);
                extension::write(out, oid::SUBJECT_KEY_IDENTIFIER, false, &id);
            });
        });
    });
    assemble(&tbs, SignatureAlgorithm::EcdsaP256Sha256, &[1])
}
