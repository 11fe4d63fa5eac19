//! A certificate on its way to the lint, put together without the code that builds certificates.

use time::macros::date;

use super::super::{
    Expectation, IssuerReference, Kind, LintError, Profile, SEQUENCE, SignatureAlgorithm, SubjectPublicKey, UnixTime,
    Variant, WeakKey, context_constructed, holder, oid,
};
use crate::{
    municipality::{self, Municipality},
    profile::{
        Content, Extension, canary,
        holder::{Holding, content},
    },
    rules::{FourFacts, FourFactsForm},
    x509::{
        Serial,
        der::{self, INTEGER, NULL, OID},
        extension,
    },
};

/// The base point of P-256: the public key of the private key 1.
pub(super) const POINT: [u8; 65] = [
    0x04, 0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5, 0x63, 0xA4, 0x40, 0xF2, 0x77, 0x03,
    0x7D, 0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4, 0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96, 0x4F, 0xE3, 0x42, 0xE2, 0xFE,
    0x1A, 0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E, 0x16, 0x2B, 0xCE, 0x33, 0x57, 0x6B, 0x31, 0x5E, 0xCE,
    0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5,
];

pub(super) fn p256() -> Vec<u8> {
    der::build(SEQUENCE, |out| {
        der::nested(out, SEQUENCE, |out| {
            der::tlv(out, OID, oid::EC_PUBLIC_KEY);
            der::tlv(out, OID, oid::P256);
        });
        der::bit_string(out, &POINT);
    })
}

/// An RSA key of that many bits, whose modulus has no small factor; nobody has the private half.
pub(super) fn rsa(bits: usize, exponent: &[u8]) -> Vec<u8> {
    let mut modulus = vec![0; bits / 8 + 1];
    modulus[1] = 0x80;
    for last in (1..=255).step_by(2) {
        modulus[bits / 8] = last;
        let fair = SubjectPublicKey::from_der(&rsa_spki(&modulus, &[1, 0, 1]));
        if !matches!(fair, Err(WeakKey::ModulusFactor(_))) {
            return rsa_spki(&modulus, exponent);
        }
    }
    panic!("every odd octet makes a small factor");
}

pub(super) fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = der::build(SEQUENCE, |out| {
        der::tlv(out, INTEGER, modulus);
        der::tlv(out, INTEGER, exponent);
    });
    der::build(SEQUENCE, |out| {
        der::nested(out, SEQUENCE, |out| {
            der::tlv(out, OID, oid::RSA_ENCRYPTION);
            der::tlv(out, NULL, &[]);
        });
        der::bit_string(out, &key);
    })
}

pub(super) fn at(text: &str) -> UnixTime {
    text.parse().unwrap()
}

pub(super) fn profile(variant: Variant) -> Profile {
    Profile {
        variant,
        organization: "JITSUIN-TEST".into(),
        agency: "JITSUIN-TEST Agency".into(),
        sign_name_ja: "ジツイン試験署名用認証局".into(),
        auth_name_ja: "ジツイン試験利用者証明用認証局".into(),
        sign_policy: oid::POLICY_SIGN_TEST.to_vec(),
        auth_policy: oid::POLICY_AUTH.to_vec(),
        cps_uri: "http://127.0.0.1:8080/cps.html".into(),
        base_uri: "http://127.0.0.1:8080".into(),
    }
}

pub(super) fn facts(name: &str, address: &str) -> FourFacts {
    FourFacts::parse(&FourFactsForm {
        name: name.into(),
        name_flags: None,
        birth: date!(1980 - 02 - 17),
        sex: "1".into(),
        address: address.into(),
        address_flags: None,
    })
    .unwrap()
}

/// A certificate on its way to the lint; a test breaks one thing of it.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) profile: Profile,
    pub(super) issuer: IssuerReference,
    pub(super) issuer_validity: (UnixTime, UnixTime),
    /// What the tbs says; the expectation is always ECDSA on P-256.
    pub(super) algorithm: SignatureAlgorithm,
    pub(super) serial: Serial,
    pub(super) spki: Vec<u8>,
    pub(super) content: Content,
}

impl Draft {
    pub(super) fn new(kind: Kind, variant: Variant) -> Self {
        let place = municipality::find("13115".parse().unwrap()).unwrap();
        Self::of(kind, variant, place, &facts("公的　太郎", "東京都杉並区阿佐谷南１丁目"), 0)
    }

    pub(super) fn of(
        kind: Kind,
        variant: Variant,
        place: &'static Municipality,
        facts: &FourFacts,
        index: u64,
    ) -> Self {
        let profile = profile(variant);
        let issuer = IssuerReference { kind, generation: 1, key_id: [0x5A; 20], serial: "4A54".parse().unwrap() };
        let serial = Serial::from_octets(&[7; 17]).unwrap();
        let spki = p256();
        let holding = Holding {
            place,
            facts: (kind == Kind::Sign).then_some(facts),
            key_id: SubjectPublicKey::from_der(&spki).unwrap().key_id(),
            not_before: at("2025-10-27T01:35:42Z"),
            not_after: at("2030-02-17T14:59:59Z"),
            serial,
            index,
        };
        let content = content(&profile, &issuer, &holding).unwrap();
        Self {
            profile,
            issuer,
            issuer_validity: (at("2025-04-01T00:00:00Z"), at("2035-03-31T14:59:59Z")),
            algorithm: SignatureAlgorithm::EcdsaP256Sha256,
            serial,
            spki,
            content,
        }
    }

    /// A canary's, of the day of 2025-10-27.
    pub(super) fn canary(kind: Kind, variant: Variant) -> Self {
        let draft = Self::new(kind, variant);
        let holding = Holding {
            place: municipality::find("13115".parse().unwrap()).unwrap(),
            facts: None,
            key_id: SubjectPublicKey::from_der(&draft.spki).unwrap().key_id(),
            not_before: draft.content.not_before,
            not_after: at("2025-10-29T14:59:59Z"),
            serial: draft.serial,
            index: 0,
        };
        Self { content: canary::content(&draft.profile, &draft.issuer, &holding).unwrap(), ..draft }
    }

    /// What the lint of canaries says.
    pub(super) fn lint_as_canary(&self) -> Result<(), LintError> {
        super::super::canary(&self.tbs(), &self.expectation())
    }

    pub(super) fn tbs(&self) -> Vec<u8> {
        der::build(SEQUENCE, |out| {
            der::nested(out, context_constructed(0), |out| der::integer(out, 2));
            der::tlv(out, INTEGER, self.serial.octets());
            out.extend_from_slice(self.algorithm.algorithm_identifier());
            out.extend_from_slice(self.content.issuer.der());
            der::nested(out, SEQUENCE, |out| {
                der::time(out, self.content.not_before);
                der::time(out, self.content.not_after);
            });
            out.extend_from_slice(self.content.subject.der());
            out.extend_from_slice(&self.spki);
            der::nested(out, context_constructed(3), |out| {
                der::nested(out, SEQUENCE, |out| {
                    for one in &self.content.extensions {
                        extension::write(out, one.oid, one.critical, &one.value);
                    }
                });
            });
        })
    }

    pub(super) fn lint(&self) -> Result<(), LintError> {
        self.lint_octets(&self.tbs())
    }

    pub(super) fn lint_octets(&self, tbs: &[u8]) -> Result<(), LintError> {
        holder(tbs, &self.expectation())
    }

    fn expectation(&self) -> Expectation<'_> {
        Expectation {
            profile: &self.profile,
            issuer: &self.issuer,
            issuer_validity: self.issuer_validity,
            algorithm: SignatureAlgorithm::EcdsaP256Sha256,
        }
    }

    pub(super) fn extension(&mut self, oid: &[u8]) -> &mut Extension {
        self.content.extensions.iter_mut().find(|one| one.oid == oid).unwrap()
    }

    /// Changes the value of an extension.
    pub(super) fn value(&mut self, oid: &[u8], value: Vec<u8>) {
        self.extension(oid).value = value;
    }
}

/// Every layout there is.
pub(super) fn drafts() -> [Draft; 4] {
    [
        Draft::new(Kind::Sign, Variant::Open),
        Draft::new(Kind::Sign, Variant::Compat),
        Draft::new(Kind::Auth, Variant::Open),
        Draft::new(Kind::Auth, Variant::Compat),
    ]
}
