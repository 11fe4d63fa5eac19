use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};

use super::*;
use crate::x509::{
    SignatureAlgorithm, assemble,
    der::{
        INTEGER, NULL, OID, SEQUENCE, bit_string, build, context, context_constructed, integer, nested, null, time, tlv,
    },
    extension,
};

const TEXT: &[u8] = b"JITSUIN-TEST\r\n";

/// A key and its certificate.
struct Signer {
    key: EcdsaKeyPair,
    certificate: Vec<u8>,
}

fn name() -> Vec<u8> {
    super::super::Name::new(vec![super::super::Attribute::common_name("JITSUIN-TEST")]).unwrap().der().to_vec()
}

impl Signer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let tbs = build(SEQUENCE, |out| {
            nested(out, context_constructed(0), |out| integer(out, 2));
            integer(out, 7);
            out.extend_from_slice(SignatureAlgorithm::EcdsaP256Sha256.algorithm_identifier());
            out.extend(name());
            nested(out, SEQUENCE, |out| {
                time(out, UnixTime::EPOCH);
                time(out, UnixTime::EPOCH);
            });
            out.extend(name());
            nested(out, SEQUENCE, |out| {
                nested(out, SEQUENCE, |out| {
                    tlv(out, OID, oid::EC_PUBLIC_KEY);
                    tlv(out, OID, oid::P256);
                });
                bit_string(out, key.public_key().as_ref());
            });
            nested(out, context_constructed(3), |out| {
                nested(out, SEQUENCE, |out| {
                    extension::write(out, oid::SUBJECT_KEY_IDENTIFIER, false, &[OCTET_STRING, 2, 7, 7]);
                });
            });
        });
        Self { key, certificate: assemble(&tbs, SignatureAlgorithm::EcdsaP256Sha256, &[1]) }
    }

    fn verify<'a>(&self, message: &'a [u8]) -> Result<&'a [u8], CmsError> {
        let view = crate::x509::CertificateView::from_der(&self.certificate).unwrap();
        SignedMessage::from_der(message)?.verify(&view.tbs)
    }
}

/// The parts of a message, each to be spoilt by a test. Attributes are signed as they stand.
struct Shape {
    content_type: Vec<u8>,
    version: u64,
    digests: Vec<u8>,
    encapsulated: Vec<u8>,
    /// certificates and crls.
    between: Vec<u8>,
    signer_version: u64,
    signer: Vec<u8>,
    digest: Vec<u8>,
    attributes: Option<Vec<Vec<u8>>>,
    algorithm: Vec<u8>,
    after: Vec<u8>,
    signers: usize,
}

fn algorithm(oid: &[u8], with_null: bool) -> Vec<u8> {
    build(SEQUENCE, |out| {
        tlv(out, OID, oid);
        if with_null {
            null(out);
        }
    })
}

fn attribute(oid: &[u8], values: &[u8]) -> Vec<u8> {
    build(SEQUENCE, |out| {
        tlv(out, OID, oid);
        tlv(out, SET, values);
    })
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    build(tag, |out| out.extend_from_slice(content))
}

fn data(content: Option<&[u8]>) -> Vec<u8> {
    build(SEQUENCE, |out| {
        tlv(out, OID, oid::CMS_DATA);
        if let Some(content) = content {
            nested(out, context_constructed(0), |out| tlv(out, OCTET_STRING, content));
        }
    })
}

fn content_type() -> Vec<u8> {
    attribute(oid::CMS_CONTENT_TYPE, &element(OID, oid::CMS_DATA))
}

fn message_digest(of: &[u8]) -> Vec<u8> {
    let digest = digest::digest(&digest::SHA256, of);
    attribute(oid::CMS_MESSAGE_DIGEST, &element(OCTET_STRING, digest.as_ref()))
}

impl Shape {
    fn good() -> Self {
        Self {
            content_type: oid::CMS_SIGNED_DATA.to_vec(),
            version: 1,
            digests: algorithm(oid::SHA256, false),
            encapsulated: data(Some(TEXT)),
            between: Vec::new(),
            signer_version: 1,
            signer: build(SEQUENCE, |out| {
                out.extend(name());
                integer(out, 7);
            }),
            digest: algorithm(oid::SHA256, true),
            attributes: Some(vec![content_type(), message_digest(TEXT)]),
            algorithm: algorithm(oid::ECDSA_SHA256, false),
            after: Vec::new(),
            signers: 1,
        }
    }

    fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut shape = Self::good();
        change(&mut shape);
        shape
    }

    fn sign(&self, signer: &Signer) -> Vec<u8> {
        let attributes = self.attributes.as_ref().map(|list| list.concat());
        let signed = attributes.as_ref().map_or(TEXT.to_vec(), |list| element(SET, list));
        let signature = signer.key.sign(&SystemRandom::new(), &signed).unwrap();
        let info = build(SEQUENCE, |out| {
            integer(out, self.signer_version);
            out.extend_from_slice(&self.signer);
            out.extend_from_slice(&self.digest);
            if let Some(list) = &attributes {
                tlv(out, context_constructed(0), list);
            }
            out.extend_from_slice(&self.algorithm);
            tlv(out, OCTET_STRING, signature.as_ref());
            out.extend_from_slice(&self.after);
        });
        build(SEQUENCE, |out| {
            tlv(out, OID, &self.content_type);
            nested(out, context_constructed(0), |out| {
                nested(out, SEQUENCE, |out| {
                    integer(out, self.version);
                    tlv(out, SET, &self.digests);
                    out.extend_from_slice(&self.encapsulated);
                    out.extend_from_slice(&self.between);
                    tlv(out, SET, &info.repeat(self.signers));
                });
            });
        })
    }
}

#[test]
fn a_message_is_verified_under_the_certificate_it_names() {
    let signer = Signer::new();
    let message = Shape::good().sign(&signer);
    assert_eq!(signer.verify(&message), Ok(TEXT));
    let stranger = Signer::new();
    assert_eq!(stranger.verify(&message), Err(CmsError::BadSignature), "same name and number, another key");
    let by_key = |id: &[u8]| {
        Shape::with(|shape| {
            (shape.version, shape.signer_version, shape.signer) = (3, 3, element(context(0), id));
        })
        .sign(&signer)
    };
    assert_eq!(signer.verify(&by_key(&[7, 7])), Ok(TEXT));
    assert_eq!(signer.verify(&by_key(&[7, 8])), Err(CmsError::OtherSigner));
    let other = Shape::with(|shape| {
        shape.signer = build(SEQUENCE, |out| {
            out.extend(name());
            integer(out, 8);
        });
    });
    assert_eq!(signer.verify(&other.sign(&signer)), Err(CmsError::OtherSigner));
}

#[test]
fn what_the_signer_says_of_the_time_is_kept_as_a_claim() {
    let at: UnixTime = "2026-11-02T01:00:00Z".parse().unwrap();
    let mut when = Vec::new();
    time(&mut when, at);
    let message = Shape::with(|shape| {
        let when = attribute(oid::CMS_SIGNING_TIME, &when);
        shape.attributes = Some(vec![content_type(), when, message_digest(TEXT)]);
    });
    let signer = Signer::new();
    let message = message.sign(&signer);
    assert_eq!(signer.verify(&message), Ok(TEXT));
    assert_eq!(SignedMessage::from_der(&message).unwrap().claimed_signing_time(), Some(at));
}

#[test]
fn every_other_shape_is_refused_by_name() {
    let certificates = |count: usize, tag: u8| element(context_constructed(0), &element(tag, &[]).repeat(count));
    let list = |attributes: Vec<Vec<u8>>| move |shape: &mut Shape| shape.attributes = Some(attributes);
    let other_type = attribute(oid::CMS_CONTENT_TYPE, &element(OID, oid::CMS_SIGNED_DATA));
    let two_types = attribute(oid::CMS_CONTENT_TYPE, &element(OID, oid::CMS_DATA).repeat(2));
    let two_times = attribute(oid::CMS_SIGNING_TIME, &element(der_time(), b"261102010000Z").repeat(2));
    let late = attribute(oid::CMS_SIGNING_TIME, &element(der_time(), b"2611020100Z"));
    let (good, sha1) = (content_type(), algorithm(oid::SHA1, true));
    let many: Vec<_> = (0..17u8).map(|arc| attribute(&[0x2A, arc], &[NULL, 0])).collect();
    type Change = Box<dyn FnOnce(&mut Shape)>;
    let cases: Vec<(Change, CmsError)> = vec![
        (
            Box::new(|shape| shape.content_type = oid::CMS_DATA.to_vec()),
            CmsError::NotSigned("1.2.840.113549.1.7.1".into()),
        ),
        (Box::new(|shape| shape.version = 3), CmsError::Version),
        (Box::new(|shape| shape.version = 4), CmsError::Version),
        (Box::new(|shape| shape.signer_version = 3), CmsError::Version),
        (Box::new(|shape| shape.signer = element(context(0), &[7, 7])), CmsError::Version),
        (Box::new(|shape| shape.encapsulated = data(None)), CmsError::Detached),
        (
            Box::new(|shape| {
                shape.encapsulated = build(SEQUENCE, |out| tlv(out, OID, oid::CMS_SIGNED_DATA));
            }),
            CmsError::ContentType("1.2.840.113549.1.7.2".into()),
        ),
        (Box::new(|shape| shape.encapsulated = data(Some(b"other"))), CmsError::OtherContent),
        (
            Box::new(|shape| shape.digests = [algorithm(oid::SHA256, false), algorithm(oid::SHA384, false)].concat()),
            CmsError::DigestAlgorithms,
        ),
        (Box::new(|shape| shape.digests = algorithm(oid::SHA384, false)), CmsError::DigestAlgorithms),
        (Box::new(|shape| shape.digests = Vec::new()), DerError::Truncated.into()),
        (Box::new(move |shape| shape.digests = sha1), CmsError::Digest("1.3.14.3.2.26".into())),
        (Box::new(move |shape| shape.between = certificates(5, SEQUENCE)), CmsError::Certificates),
        (Box::new(move |shape| shape.between = certificates(1, context_constructed(1))), CmsError::Certificates),
        (Box::new(|shape| shape.between = element(context_constructed(1), &[])), CmsError::RevocationInfo),
        (Box::new(|shape| shape.signers = 0), CmsError::Signers),
        (Box::new(|shape| shape.signers = 2), CmsError::Signers),
        (Box::new(|shape| shape.attributes = None), CmsError::NoSignedAttributes),
        (Box::new(|shape| shape.after = element(context_constructed(1), &[])), CmsError::UnsignedAttributes),
        (Box::new(|shape| shape.after = vec![NULL, 0]), CmsError::UnsignedAttributes),
        (
            Box::new(|shape| shape.algorithm = algorithm(oid::ECDSA_SHA384, false)),
            CmsError::Signature("1.2.840.10045.4.3.3".into(), DigestAlgorithm::Sha256),
        ),
        (
            Box::new(|shape| shape.algorithm = algorithm(oid::RSA_PSS, false)),
            CmsError::Signature("1.2.840.113549.1.1.10".into(), DigestAlgorithm::Sha256),
        ),
        (
            Box::new(|shape| shape.algorithm = algorithm(oid::RSA_ENCRYPTION, true)),
            CmsError::Signature("RSA under a key of P-256".into(), DigestAlgorithm::Sha256),
        ),
        (Box::new(|shape| shape.algorithm = algorithm(oid::ECDSA_SHA256, true)), DerError::Trailing.into()),
        (Box::new(list(vec![])), CmsError::Attributes("the content type is missing")),
        (Box::new(list(vec![good.clone()])), CmsError::Attributes("the digest of the message is missing")),
        (Box::new(list(vec![message_digest(TEXT)])), CmsError::Attributes("the content type is missing")),
        (
            Box::new(list(vec![message_digest(TEXT), good.clone()])),
            CmsError::Attributes("they are not in the order of DER"),
        ),
        (Box::new(list(vec![good.clone(), good.clone()])), CmsError::Attributes("they are not in the order of DER")),
        (
            Box::new(list(vec![good.clone(), message_digest(b""), message_digest(TEXT)].into_iter().fold(
                vec![],
                |mut list, one| {
                    list.push(one);
                    list.sort();
                    list
                },
            ))),
            CmsError::Attributes("one is there twice"),
        ),
        (
            Box::new(list(vec![other_type, message_digest(TEXT)])),
            CmsError::Attributes("the content type is not plain data"),
        ),
        (
            Box::new(list(vec![two_types, message_digest(TEXT)])),
            CmsError::Attributes("the content type is not plain data"),
        ),
        (
            Box::new(list(vec![attribute(oid::CMS_SIGNING_TIME, &[]), good.clone(), message_digest(TEXT)])),
            CmsError::Attributes("one has no value"),
        ),
        (Box::new(list(vec![good.clone(), two_times, message_digest(TEXT)])), DerError::Trailing.into()),
        (Box::new(list(vec![good.clone(), late, message_digest(TEXT)])), DerError::Content("Time").into()),
        (Box::new(list(vec![good, message_digest(b"other")])), CmsError::OtherContent),
        (Box::new(list(many)), CmsError::Attributes("there are too many")),
    ];
    let signer = Signer::new();
    for (number, (change, error)) in cases.into_iter().enumerate() {
        assert_eq!(signer.verify(&Shape::with(change).sign(&signer)), Err(error), "case {number}");
    }
}

const fn der_time() -> u8 {
    crate::x509::der::UTC_TIME
}

#[test]
fn every_truncation_and_every_flipped_octet_is_refused() {
    let signer = Signer::new();
    let message = Shape::good().sign(&signer);
    for length in 0..message.len() {
        assert!(signer.verify(&message[..length]).is_err(), "cut to {length}");
    }
    for at in 0..message.len() {
        for change in [0x01, 0x20, 0x80, 0xFF] {
            let mut other = message.clone();
            other[at] ^= change;
            assert!(signer.verify(&other).is_err(), "octet {at} changed by {change:#04x}");
        }
    }
    assert_eq!(signer.verify(&[&message[..], &[NULL, 0]].concat()), Err(DerError::Trailing.into()));
}

#[test]
fn ber_and_long_messages_are_refused_by_name() {
    let streamed = [SEQUENCE, 0x80, INTEGER, 1, 1, 0, 0];
    assert_eq!(SignedMessage::from_der(&streamed).map(|_| ()), Err(CmsError::Streamed));
    assert_eq!(SignedMessage::from_der(&vec![0; CMS_OCTETS + 1]).map(|_| ()), Err(CmsError::TooLong));
    let signer = Signer::new();
    let whole = Shape::with(|shape| shape.encapsulated = data(Some(&vec![b'x'; CMS_OCTETS])));
    assert_eq!(signer.verify(&whole.sign(&signer)), Err(CmsError::TooLong));
}
