//! What integration tests share: keys of the occasion, a clock that stands still, and a small house of CAs.
#![allow(clippy::allow_attributes, dead_code, unreachable_pub, reason = "each test file uses a part")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use jitsuin::{
    ca::{ceremony, issuer::Issuer},
    kind::Kind,
    ports::{AuthorityRecord, Clock, Follower, Revocation, Signer, SignerError, StatusEvent},
    profile::{Profile, Variant},
    revocation::{
        answer::AnswerDesk,
        index::StatusIndex,
        responder::{Delegate, IssuerEntry, NeverIssued, Responder, ResponsePolicy},
        serial::SerialPermutation,
    },
    rules::{Cause, CertificateState},
    x509::{
        CertificateView, RevocationReason, Serial, SignatureAlgorithm, SubjectPublicKey, UnixTime,
        der::{INTEGER, NULL, OCTET_STRING, OID, SEQUENCE, bit_string, build, context_constructed, nested, tlv},
        extension, oid,
    },
};
use ring::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};

/// A key that lives as long as its test.
pub struct TestSigner {
    key: TestKey,
    spki: Vec<u8>,
}

enum TestKey {
    P256(Box<EcdsaKeyPair>),
    Rsa(Box<aws_lc_rs::rsa::KeyPair>),
    /// Has a public half and signs nothing.
    Broken,
}

impl TestSigner {
    pub fn p256() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let spki = spki(key.public_key().as_ref(), |out| {
            tlv(out, OID, oid::EC_PUBLIC_KEY);
            tlv(out, OID, oid::P256);
        });
        Self { key: TestKey::P256(Box::new(key)), spki }
    }

    pub fn rsa() -> Self {
        use aws_lc_rs::signature::KeyPair as _;
        let key = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let spki = spki(key.public_key().as_ref(), |out| {
            tlv(out, OID, oid::RSA_ENCRYPTION);
            tlv(out, NULL, &[]);
        });
        Self { key: TestKey::Rsa(Box::new(key)), spki }
    }

    /// The same public key, but the private one is gone.
    pub fn broken(self) -> Self {
        Self { key: TestKey::Broken, spki: self.spki }
    }

    pub fn public_key(&self) -> SubjectPublicKey {
        SubjectPublicKey::from_der(&self.spki).unwrap()
    }
}

fn spki(key: &[u8], algorithm: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    build(SEQUENCE, |out| {
        nested(out, SEQUENCE, algorithm);
        bit_string(out, key);
    })
}

impl Signer for TestSigner {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.public_key().signature_algorithm()
    }

    fn spki(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        match &self.key {
            TestKey::P256(key) => Ok(key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()),
            TestKey::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let random = aws_lc_rs::rand::SystemRandom::new();
                key.sign(&aws_lc_rs::signature::RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                Ok(signature)
            }
            TestKey::Broken => Err(SignerError::Failed("the token is gone".into())),
        }
    }

    fn sign_digest(&self, _digest: &[u8]) -> Result<Vec<u8>, SignerError> {
        Err(SignerError::Failed("not in this test".into()))
    }
}

/// A clock that moves only when it is told to.
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn at(text: &str) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(time(text).seconds())))
    }

    /// A clock at the real time, for clients that look at theirs.
    pub fn real() -> Arc<Self> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Arc::new(Self(AtomicI64::new(now.as_secs() as i64)))
    }

    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_seconds(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

pub fn time(text: &str) -> UnixTime {
    text.parse().unwrap()
}

pub fn profile() -> Profile {
    Profile {
        variant: Variant::Open,
        organization: "JITSUIN-TEST".into(),
        agency: "JITSUIN-TEST agency".into(),
        sign_name_ja: "署名用試験認証局".into(),
        auth_name_ja: "利用者証明用試験認証局".into(),
        sign_policy: oid::parse("1.2.392.200149.8.5.1.0.20").unwrap(),
        auth_policy: oid::parse("1.2.392.200149.8.5.1.3.30").unwrap(),
        cps_uri: "http://127.0.0.1/cps".into(),
        base_uri: "http://127.0.0.1:8080".into(),
    }
}

/// CA generations with their responders: signing 1 (indexes 0 to 999), signing 2 (from 1000) and authentication 1.
pub struct House {
    pub clock: Arc<TestClock>,
    pub permutation: SerialPermutation,
    pub index: Arc<StatusIndex>,
    pub authorities: Vec<AuthorityRecord>,
    pub issuers: Vec<Issuer>,
    pub desk: Arc<AnswerDesk>,
    position: AtomicU64,
}

pub const SIGN_1: usize = 0;
pub const SIGN_2: usize = 1;
pub const AUTH_1: usize = 2;

/// How long answers live in these tests.
pub const LIFE: Duration = Duration::from_secs(3600);

impl House {
    /// A house with P-256 responders and `revoked` for what was never issued.
    pub fn new(clock: Arc<TestClock>) -> Self {
        Self::with(clock, NeverIssued::Revoked, TestSigner::p256)
    }

    pub fn with(clock: Arc<TestClock>, never_issued: NeverIssued, responder_key: fn() -> TestSigner) -> Self {
        let now = clock.now();
        let generations = [(Kind::Sign, 1, 0), (Kind::Sign, 2, 1000), (Kind::Auth, 1, 0)];
        let issuers: Vec<_> =
            generations.into_iter().map(|(kind, generation, first)| issuer(kind, generation, first, now)).collect();
        let authorities: Vec<_> = issuers.iter().map(record).collect();
        let entries = issuers
            .iter()
            .zip(&authorities)
            .map(|(issuer, record)| IssuerEntry::new(record, delegate(issuer, responder_key(), now, 30)).unwrap());
        let permutation = SerialPermutation::new(1, b"JITSUIN-TEST-KEY").unwrap();
        let index = Arc::new(StatusIndex::default());
        let policy = ResponsePolicy { life: LIFE, never_issued };
        let responder = Responder::new(entries.collect(), permutation.clone(), Arc::clone(&index), policy);
        let desk = Arc::new(AnswerDesk::new(responder));
        Self { clock, permutation, index, authorities, issuers, desk, position: AtomicU64::new(0) }
    }

    pub fn serial(&self, kind: Kind, index: u64) -> Serial {
        self.permutation.serial(kind, index)
    }

    pub fn live(&self, kind: Kind, index: u64) {
        self.event(kind, index, CertificateState::Live, None);
    }

    pub fn hold(&self, kind: Kind, index: u64) {
        self.event(kind, index, CertificateState::Held, Some(RevocationReason::CertificateHold));
    }

    pub fn revoke(&self, kind: Kind, index: u64, reason: RevocationReason) {
        self.event(kind, index, CertificateState::Revoked, Some(reason));
    }

    fn event(&self, kind: Kind, index: u64, state: CertificateState, reason: Option<RevocationReason>) {
        let revocation = reason.map(|reason| Revocation {
            revocation_date: self.clock.now(),
            reason,
            invalidity_date: None,
            cause: Cause::CardLost,
        });
        let position = self.position.fetch_add(1, Ordering::SeqCst) + 1;
        self.index.apply(&[StatusEvent { position, kind, index, state, revocation, recorded: UnixTime::EPOCH }]);
    }

    /// A CertID as clients make it, from the CA's certificate.
    pub fn cert_id(&self, issuer: usize, hash: Hash, serial: &[u8]) -> Vec<u8> {
        let tbs = CertificateView::from_der(&self.authorities[issuer].certificate).unwrap().tbs;
        let key = SubjectPublicKey::from_der(tbs.spki).unwrap();
        cert_id(hash, tbs.subject, key.key(), serial)
    }

    /// A request for one index of an issuer, without nonce.
    pub fn request(&self, issuer: usize, index: u64) -> Vec<u8> {
        let serial = self.serial(self.authorities[issuer].kind, index);
        ocsp_request(&[self.cert_id(issuer, Hash::Sha1, serial.octets())], None)
    }
}

fn issuer(kind: Kind, generation: u8, first_index: u64, now: UnixTime) -> Issuer {
    let signer = TestSigner::p256();
    let serial = Serial::from_octets(&[0x40 + kind.id(), generation]).unwrap();
    let validity = (now, now + Duration::from_secs(10 * 365 * 86_400));
    let certificate =
        ceremony::certificate_authority(&profile(), (kind, generation), &signer, &serial, validity).unwrap();
    let record = AuthorityRecord { first_index, ..AuthorityRecord::new(kind, generation, certificate) };
    Issuer::open(&record, Arc::new(signer), &profile()).unwrap()
}

fn record(issuer: &Issuer) -> AuthorityRecord {
    let certificate = issuer.certificate().to_vec();
    let record = AuthorityRecord::new(issuer.kind(), issuer.generation(), certificate);
    AuthorityRecord { first_index: issuer.first_index(), ..record }
}

/// A responder for a CA generation from `now` for some days.
pub fn delegate(issuer: &Issuer, signer: TestSigner, now: UnixTime, days: u64) -> Delegate {
    let serial = Serial::from_octets(&[0x50, issuer.kind().id(), issuer.generation()]).unwrap();
    let validity = (now, now + Duration::from_secs(days * 86_400));
    let certificate = ceremony::ocsp_responder(&profile(), issuer, &signer.public_key(), &serial, validity).unwrap();
    Delegate::new(Arc::new(signer), certificate).unwrap()
}

/// The hash algorithm of a CertID, and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    Sha1,
    Sha1WithoutNull,
    Sha256,
    /// In nobody's use here.
    Sha384,
}

pub fn cert_id(hash: Hash, issuer_name: &[u8], issuer_key: &[u8], serial: &[u8]) -> Vec<u8> {
    let (algorithm, identifier) = match hash {
        Hash::Sha1 | Hash::Sha1WithoutNull => (&digest::SHA1_FOR_LEGACY_USE_ONLY, oid::SHA1.to_vec()),
        Hash::Sha256 => (&digest::SHA256, oid::SHA256.to_vec()),
        Hash::Sha384 => (&digest::SHA384, oid::parse("2.16.840.1.101.3.4.2.2").unwrap()),
    };
    build(SEQUENCE, |out| {
        nested(out, SEQUENCE, |out| {
            tlv(out, OID, &identifier);
            if hash != Hash::Sha1WithoutNull {
                tlv(out, NULL, &[]);
            }
        });
        tlv(out, OCTET_STRING, digest::digest(algorithm, issuer_name).as_ref());
        tlv(out, OCTET_STRING, digest::digest(algorithm, issuer_key).as_ref());
        tlv(out, INTEGER, serial);
    })
}

/// An OCSPRequest for these CertIDs.
pub fn ocsp_request(cert_ids: &[Vec<u8>], nonce: Option<&[u8]>) -> Vec<u8> {
    build(SEQUENCE, |out| {
        nested(out, SEQUENCE, |out| {
            nested(out, SEQUENCE, |out| cert_ids.iter().for_each(|id| tlv(out, SEQUENCE, id)));
            if let Some(nonce) = nonce {
                nested(out, context_constructed(2), |out| {
                    nested(out, SEQUENCE, |out| {
                        extension::write(
                            out,
                            oid::OCSP_NONCE,
                            false,
                            &build(OCTET_STRING, |out| {
                                out.extend_from_slice(nonce);
                            }),
                        );
                    });
                });
            }
        });
    })
}

/// An extension of an OCSP request: its identifier as text, whether it is critical, and its value.
pub type RequestExtension<'a> = (&'a str, bool, &'a [u8]);

/// An OCSPRequest as seldom clients write it.
#[derive(Default)]
pub struct UnusualRequest<'a> {
    /// CertIDs with their singleRequestExtensions.
    pub list: Vec<(Vec<u8>, Vec<RequestExtension<'a>>)>,
    /// requestExtensions.
    pub extensions: Vec<RequestExtension<'a>>,
    /// A requestorName, and a signature that nobody can verify.
    pub signed: bool,
}

impl UnusualRequest<'_> {
    pub fn der(&self) -> Vec<u8> {
        let write = |out: &mut Vec<u8>, extensions: &[RequestExtension<'_>]| {
            nested(out, SEQUENCE, |out| {
                for (oid, critical, value) in extensions {
                    extension::write(out, &oid::parse(oid).unwrap(), *critical, value);
                }
            });
        };
        build(SEQUENCE, |out| {
            nested(out, SEQUENCE, |out| {
                if self.signed {
                    nested(out, context_constructed(1), |out| tlv(out, 0x82, b"portal.invalid"));
                }
                nested(out, SEQUENCE, |out| {
                    for (id, extensions) in &self.list {
                        nested(out, SEQUENCE, |out| {
                            out.extend_from_slice(id);
                            if !extensions.is_empty() {
                                nested(out, context_constructed(0), |out| write(out, extensions));
                            }
                        });
                    }
                });
                if !self.extensions.is_empty() {
                    nested(out, context_constructed(2), |out| write(out, &self.extensions));
                }
            });
            if self.signed {
                nested(out, context_constructed(0), |out| {
                    nested(out, SEQUENCE, |out| {
                        nested(out, SEQUENCE, |out| tlv(out, OID, oid::ECDSA_SHA256));
                        bit_string(out, &[7; 70]);
                    });
                });
            }
        })
    }
}
