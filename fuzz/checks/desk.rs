//! A small house whose keys never change, so that a committed request names its issuers on every machine.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use jitsuin::{
    ca::{ceremony, issuer::Issuer},
    kind::Kind,
    ports::{AuthorityRecord, Follower, Revocation, Signer, SignerError, StatusEvent},
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
        der::{OID, SEQUENCE, bit_string, build, nested, tlv},
        ocsp::{SingleStatus, cert_id},
        oid,
    },
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair},
};

/// P-256 keys that everybody knows: the private number and the point, in hex.
pub enum KnownKey {
    /// The example of RFC 6979 A.2.5: the signing CA.
    Rfc6979,
    /// 1: the authentication CA.
    One,
    /// 2: both responders.
    Two,
    /// 3: a holder.
    Three,
}

impl KnownKey {
    const fn numbers(&self) -> (&'static str, &'static str) {
        match self {
            Self::Rfc6979 => (
                "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
                "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6\
                 7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
            ),
            Self::One => (
                "0000000000000000000000000000000000000000000000000000000000000001",
                "6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296\
                 4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5",
            ),
            Self::Two => (
                "0000000000000000000000000000000000000000000000000000000000000002",
                "7CF27B188D034F7E8A52380304B51AC3C08969E277F21B35A60B48FC47669978\
                 07775510DB8ED040293D9AC69F7430DBBA7DADE63CE982299E04B79D227873D1",
            ),
            Self::Three => (
                "0000000000000000000000000000000000000000000000000000000000000003",
                "5ECBE4D1A6330A44C8F7EF951D4BF165E6C6B721EFADA985FB41661BC6E7FD6C\
                 8734640C4998FF7E374B06CE1A64A2ECD82AB036384FB83D9A79B127A27D5032",
            ),
        }
    }

    /// The key as the service takes it.
    #[must_use]
    pub fn signer(&self) -> KnownSigner {
        let (private, public) = self.numbers();
        let point = [vec![4], octets(public)].concat();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &octets(private), &point, &random);
        let spki = build(SEQUENCE, |out| {
            nested(out, SEQUENCE, |out| {
                tlv(out, OID, oid::EC_PUBLIC_KEY);
                tlv(out, OID, oid::P256);
            });
            bit_string(out, &point);
        });
        KnownSigner { key: key.expect("a pair"), spki }
    }
}

fn octets(hex: &str) -> Vec<u8> {
    let octet = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(octet).collect()
}

/// Signs with a key that everybody knows.
pub struct KnownSigner {
    key: EcdsaKeyPair,
    spki: Vec<u8>,
}

impl KnownSigner {
    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> SubjectPublicKey {
        SubjectPublicKey::from_der(&self.spki).expect("a key")
    }
}

impl Signer for KnownSigner {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaP256Sha256
    }

    fn spki(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let signature = self.key.sign(&SystemRandom::new(), message);
        signature.map(|signature| signature.as_ref().to_vec()).map_err(|_| SignerError::Failed("no randomness".into()))
    }

    fn sign_digest(&self, _: &[u8]) -> Result<Vec<u8>, SignerError> {
        Err(SignerError::Failed("nobody asks for it here".into()))
    }
}

/// A CA of the house.
pub struct Authority {
    /// Which.
    pub kind: Kind,
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
    /// Its subject, DER.
    pub name: Vec<u8>,
    /// Its key.
    pub key: SubjectPublicKey,
    /// The certificate of its responder, DER.
    pub responder: Vec<u8>,
    /// Its own serial number and its responder's.
    own: [Serial; 2],
}

/// Two CAs, eight indexes each in every state, and the desk that answers for them.
pub struct House {
    /// What is checked.
    pub desk: AnswerDesk,
    /// The signing CA, then the authentication CA.
    pub authorities: [Authority; 2],
    permutation: SerialPermutation,
    /// What is true of each certificate, kept apart from what the desk looks up.
    truth: HashMap<(Kind, Serial), SingleStatus>,
}

/// How long answers live.
pub const LIFE: Duration = Duration::from_secs(3600);
/// Indexes of each CA that [`House::serial`] is asked for; every fourth was never issued.
pub const INDEXES: std::ops::Range<u64> = 0..8;

/// The instant at which everything happens.
#[must_use]
pub fn now() -> UnixTime {
    "2026-04-01T00:00:00Z".parse().expect("a time")
}

impl House {
    /// The one house of this process.
    pub fn open() -> &'static Self {
        static HOUSE: OnceLock<House> = OnceLock::new();
        HOUSE.get_or_init(Self::build)
    }

    fn build() -> Self {
        let permutation = SerialPermutation::new(1, b"JITSUIN-TEST-KEY").expect("a serial key");
        let index = Arc::new(StatusIndex::default());
        let mut truth = HashMap::new();
        let mut position = 0;
        for kind in [Kind::Sign, Kind::Auth] {
            for number in INDEXES {
                let Some((state, revocation, status)) = state(number) else { continue };
                position += 1;
                index.apply(&[StatusEvent {
                    position,
                    kind,
                    index: number,
                    state,
                    revocation,
                    recorded: UnixTime::EPOCH,
                }]);
                truth.insert((kind, permutation.serial(kind, number)), status);
            }
        }
        let built =
            [(Kind::Sign, KnownKey::Rfc6979), (Kind::Auth, KnownKey::One)].map(|(kind, key)| authority(kind, &key));
        let [(sign, sign_entry), (auth, auth_entry)] = built;
        let policy = ResponsePolicy { life: LIFE, never_issued: NeverIssued::Revoked };
        let responder = Responder::new(vec![sign_entry, auth_entry], permutation.clone(), index, policy);
        Self { desk: AnswerDesk::new(responder), authorities: [sign, auth], permutation, truth }
    }

    /// The serial number of an index.
    #[must_use]
    pub fn serial(&self, kind: Kind, index: u64) -> Serial {
        self.permutation.serial(kind, index)
    }

    /// A CA by its kind.
    #[must_use]
    pub fn authority(&self, kind: Kind) -> &Authority {
        &self.authorities[usize::from(kind == Kind::Auth)]
    }

    /// A CertID with SHA-1 as clients send it.
    #[must_use]
    pub fn cert_id(&self, kind: Kind, serial: &Serial) -> Vec<u8> {
        let authority = self.authority(kind);
        cert_id(&authority.name, &authority.key.key_id(), serial)
    }

    /// What is to be answered for a serial number of a CA.
    #[must_use]
    pub fn truth(&self, kind: Kind, serial: &[u8]) -> SingleStatus {
        let never = SingleStatus::Revoked { at: UnixTime::EPOCH, reason: RevocationReason::CertificateHold };
        let Ok(serial) = Serial::from_octets(serial) else { return never };
        if self.authority(kind).own.contains(&serial) {
            return SingleStatus::Unknown;
        }
        self.truth.get(&(kind, serial)).copied().unwrap_or(never)
    }
}

/// The state of an index: good, held, revoked, never issued, and again.
fn state(index: u64) -> Option<(CertificateState, Option<Revocation>, SingleStatus)> {
    let ended = |state, reason| {
        let at = now();
        let revocation = Revocation { revocation_date: at, reason, invalidity_date: None, cause: Cause::CardLost };
        Some((state, Some(revocation), SingleStatus::Revoked { at, reason }))
    };
    match index % 4 {
        0 => Some((CertificateState::Live, None, SingleStatus::Good)),
        1 => ended(CertificateState::Held, RevocationReason::CertificateHold),
        2 => ended(CertificateState::Revoked, RevocationReason::KeyCompromise),
        _ => None,
    }
}

fn authority(kind: Kind, key: &KnownKey) -> (Authority, IssuerEntry) {
    let (signer, profile) = (key.signer(), profile());
    let own = [0x40, 0x50].map(|first| Serial::from_octets(&[first, kind.id(), 1]).expect("a serial"));
    let days = |count: u64| (now(), now() + Duration::from_secs(count * 86_400));
    let certificate = ceremony::certificate_authority(&profile, (kind, 1), &signer, &own[0], days(3650));
    let record = AuthorityRecord::new(kind, 1, certificate.expect("a CA"));
    let issuer = Issuer::open(&record, Arc::new(signer), &profile).expect("an issuer");
    let responder = KnownKey::Two.signer();
    let certificate = ceremony::ocsp_responder(&profile, &issuer, &responder.public_key(), &own[1], days(30));
    let certificate = certificate.expect("a responder");
    let delegate = Delegate::new(Arc::new(responder), certificate.clone()).expect("a delegate");
    let entry = IssuerEntry::new(&record, delegate).expect("an entry");
    let name = CertificateView::from_der(&record.certificate).expect("our own").tbs.subject.to_vec();
    (
        Authority {
            kind,
            certificate: record.certificate,
            name,
            key: issuer.public_key().clone(),
            responder: certificate,
            own,
        },
        entry,
    )
}

fn profile() -> Profile {
    Profile {
        variant: Variant::Open,
        organization: "JITSUIN-TEST".into(),
        agency: "JITSUIN-TEST agency".into(),
        sign_name_ja: "署名用試験認証局".into(),
        auth_name_ja: "利用者証明用試験認証局".into(),
        sign_policy: oid::POLICY_SIGN_TEST.to_vec(),
        auth_policy: oid::POLICY_AUTH.to_vec(),
        cps_uri: "http://127.0.0.1/cps".into(),
        base_uri: "http://127.0.0.1:8080".into(),
    }
}
