//! The public half of a key in a token, and the forms of what goes in and comes out.

use cryptoki::{
    mechanism::Mechanism,
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::Session,
};

use super::{fault::TokenError, library::Keyed, uri::TokenUri};
use crate::x509::{
    SignatureAlgorithm, SubjectPublicKey,
    der::{NULL, OCTET_STRING, OID, Reader, SEQUENCE, bit_string, build, nested, tlv, unsigned_integer},
    oid,
};

/// DigestInfo (RFC 8017 §9.2, note 1) of SHA-256 up to the digest.
const SHA256_INFO: &[u8] = b"\x30\x31\x30\x0D\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";

/// e = 65537; anything else is an accident, not a choice.
const EXPONENT: &[u8] = &[1, 0, 1];

/// The mechanism by which a digest is signed: the token never sees a message.
pub(super) const fn mechanism(algorithm: SignatureAlgorithm) -> Mechanism<'static> {
    match algorithm {
        SignatureAlgorithm::RsaSha256 => Mechanism::RsaPkcs,
        SignatureAlgorithm::EcdsaP256Sha256 | SignatureAlgorithm::EcdsaP384Sha384 => Mechanism::Ecdsa,
    }
}

/// What that mechanism takes for a digest: a DigestInfo for RSA, the digest itself for ECDSA.
pub(super) fn input(algorithm: SignatureAlgorithm, digest: &[u8]) -> Vec<u8> {
    match algorithm {
        SignatureAlgorithm::RsaSha256 => [SHA256_INFO, digest].concat(),
        SignatureAlgorithm::EcdsaP256Sha256 | SignatureAlgorithm::EcdsaP384Sha384 => digest.to_vec(),
    }
}

/// The signature as X.509 has it: as it is for RSA; for ECDSA, of which tokens give r and s one after the other (PKCS#11,
/// CKM_ECDSA), the DER of an ECDSA-Sig-Value.
pub(super) fn output(algorithm: SignatureAlgorithm, signature: Vec<u8>) -> Vec<u8> {
    if algorithm == SignatureAlgorithm::RsaSha256 {
        return signature;
    }
    let (r, s) = signature.split_at(signature.len() / 2);
    build(SEQUENCE, |out| {
        unsigned_integer(out, r);
        unsigned_integer(out, s);
    })
}

/// The public half of a private key.
///
/// An RSA private key carries it; for an EC key it is the public key object with the same CKA_ID, or label where it has
/// none. That both belong together is not believed: a trial signature tells.
pub(super) fn read(keyed: &Keyed, uri: &TokenUri) -> Result<SubjectPublicKey, TokenError> {
    let own = Attributes::of(&keyed.session, keyed.key)?;
    let unsupported = |cause: String| TokenError::Unsupported { wanted: uri.key_words(), cause };
    let spki = match own.kind {
        Some(KeyType::RSA) if own.modulus.is_some() && own.exponent.is_some() => own.rsa(),
        Some(KeyType::RSA) => own.beside(&keyed.session, uri)?.rsa(),
        Some(KeyType::EC) => own.beside(&keyed.session, uri)?.ec(),
        _ => return Err(unsupported("neither RSA nor EC".into())),
    };
    let spki = spki.map_err(|cause| unsupported(cause.into()))?;
    let key = SubjectPublicKey::from_der(&spki).and_then(SubjectPublicKey::ca_key);
    key.map_err(|cause| unsupported(cause.to_string()))
}

/// What an object says of itself.
#[derive(Default)]
struct Attributes {
    kind: Option<KeyType>,
    id: Vec<u8>,
    label: Vec<u8>,
    modulus: Option<Vec<u8>>,
    exponent: Option<Vec<u8>>,
    curve: Option<Vec<u8>>,
    point: Option<Vec<u8>>,
}

impl Attributes {
    /// What is not there, or not shown, is left out.
    fn of(session: &Session, object: ObjectHandle) -> Result<Self, TokenError> {
        use AttributeType as Type;
        let wanted =
            [Type::KeyType, Type::Id, Type::Label, Type::Modulus, Type::PublicExponent, Type::EcParams, Type::EcPoint];
        let mut found = Self::default();
        for attribute in session.get_attributes(object, &wanted)? {
            match attribute {
                Attribute::KeyType(kind) => found.kind = Some(kind),
                Attribute::Id(id) => found.id = id,
                Attribute::Label(label) => found.label = label,
                Attribute::Modulus(modulus) => found.modulus = Some(modulus).filter(|octets| !octets.is_empty()),
                Attribute::PublicExponent(exponent) => {
                    found.exponent = Some(exponent).filter(|octets| !octets.is_empty())
                }
                Attribute::EcParams(curve) => found.curve = Some(curve),
                Attribute::EcPoint(point) => found.point = Some(point),
                _ => {}
            }
        }
        Ok(found)
    }

    /// The public key object that belongs to this private key.
    fn beside(&self, session: &Session, uri: &TokenUri) -> Result<Self, TokenError> {
        let name =
            if self.id.is_empty() { Attribute::Label(self.label.clone()) } else { Attribute::Id(self.id.clone()) };
        let mut template = vec![Attribute::Class(ObjectClass::PUBLIC_KEY), name];
        template.extend(self.kind.map(Attribute::KeyType));
        match session.find_objects(&template)?.as_slice() {
            [public] => Self::of(session, *public),
            _ => Err(TokenError::PublicAbsent { wanted: uri.key_words() }),
        }
    }

    /// The SubjectPublicKeyInfo of an RSA key (RFC 3279 §2.3.1).
    fn rsa(&self) -> Result<Vec<u8>, &'static str> {
        let (Some(modulus), Some(exponent)) = (&self.modulus, &self.exponent) else {
            return Err("it shows no modulus");
        };
        let leading = exponent.iter().take_while(|octet| **octet == 0).count();
        if &exponent[leading..] != EXPONENT {
            return Err("its exponent is not 65537");
        }
        let key = build(SEQUENCE, |out| {
            unsigned_integer(out, modulus);
            unsigned_integer(out, EXPONENT);
        });
        Ok(build(SEQUENCE, |out| {
            nested(out, SEQUENCE, |out| {
                tlv(out, OID, oid::RSA_ENCRYPTION);
                tlv(out, NULL, &[]);
            });
            bit_string(out, &key);
        }))
    }

    /// The SubjectPublicKeyInfo of an EC key (RFC 5480 §2.1).
    fn ec(&self) -> Result<Vec<u8>, &'static str> {
        let (Some(curve), Some(point)) = (&self.curve, &self.point) else { return Err("it shows no point") };
        let mut reader = Reader::new(curve);
        let named = reader.oid().ok().filter(|_| reader.is_empty()).ok_or("its curve is not named by an OID")?;
        Ok(build(SEQUENCE, |out| {
            nested(out, SEQUENCE, |out| {
                tlv(out, OID, oid::EC_PUBLIC_KEY);
                tlv(out, OID, named);
            });
            bit_string(out, bare(point));
        }))
    }
}

/// A point without the OCTET STRING that PKCS#11 2.40 puts around it and some tokens do not. The length tells: 0x04 begins
/// both, and a point alone has an odd number of octets like one in its string.
fn bare(point: &[u8]) -> &[u8] {
    let string = || {
        let mut reader = Reader::new(point);
        reader.read(OCTET_STRING).ok().filter(|_| reader.is_empty())
    };
    if [65, 97].contains(&point.len()) { point } else { string().unwrap_or(point) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_and_s_become_der_whatever_their_first_octets() {
        let raw = |r: [u8; 2], s: [u8; 2]| {
            let half = |head: [u8; 2]| [&head[..], &[0x11; 30]].concat();
            output(SignatureAlgorithm::EcdsaP256Sha256, [half(r), half(s)].concat())
        };
        let der = raw([0x7F, 1], [0x80, 1]);
        assert_eq!((&der[..4], der.len()), (&[0x30, 69, 0x02, 32][..], 71));
        assert_eq!(der[36..40], [0x02, 33, 0x00, 0x80]);
        let der = raw([0x00, 1], [0x00, 0x80]);
        assert_eq!((&der[..5], der.len()), (&[0x30, 67, 0x02, 31, 0x01][..], 69));
        assert_eq!(der[35..39], [0x02, 32, 0x00, 0x80]);
    }

    #[test]
    fn an_rsa_signature_stays_as_it_is() {
        assert_eq!(output(SignatureAlgorithm::RsaSha256, vec![0; 256]), [0; 256]);
    }

    #[test]
    fn a_signature_of_any_length_makes_no_panic() {
        for length in [0, 1, 63, 65, 200] {
            let der = output(SignatureAlgorithm::EcdsaP384Sha384, vec![9; length]);
            assert_eq!(der[0], 0x30);
        }
    }

    #[test]
    fn only_rsa_gets_a_digest_info() {
        let info = input(SignatureAlgorithm::RsaSha256, &[7; 32]);
        assert_eq!((info.len(), usize::from(info[1]), &info[19..]), (51, 49, &[7; 32][..]));
        assert_eq!(input(SignatureAlgorithm::EcdsaP256Sha256, &[7; 32]), [7; 32]);
    }

    #[test]
    fn a_point_is_found_with_its_string_and_without() {
        for length in [65_u8, 97] {
            for second in [0, length - 2, 0xFF] {
                let mut point = vec![7; length.into()];
                (point[0], point[1]) = (4, second);
                assert_eq!(bare(&point), point);
                assert_eq!(bare(&[&[4, length][..], &point].concat()), point);
            }
        }
        for odd in [&[][..], &[4], &[4, 5, 1], &[3, 1, 0]] {
            assert_eq!(bare(odd), odd);
        }
    }

    #[test]
    fn keys_that_show_half_of_themselves_or_another_exponent_are_refused() {
        let rsa = |exponent: &[u8]| Attributes {
            modulus: Some(vec![0xC1; 256]),
            exponent: Some(exponent.to_vec()),
            ..Attributes::default()
        };
        assert!(rsa(&[1, 0, 1]).rsa().is_ok());
        assert_eq!(rsa(&[1, 0, 1]).rsa(), rsa(&[0, 0, 0, 0, 0, 1, 0, 1]).rsa());
        for exponent in [&[3][..], &[], &[0], &[1, 0, 1, 0]] {
            assert!(rsa(exponent).rsa().is_err(), "{exponent:?}");
        }
        assert!(Attributes { modulus: None, ..rsa(&[1, 0, 1]) }.rsa().is_err());
        let ec = |curve: &[u8]| Attributes {
            curve: Some(curve.to_vec()),
            point: Some(vec![4; 65]),
            ..Attributes::default()
        };
        assert!(ec(b"\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07").ec().is_ok());
        for curve in [&b""[..], b"\x06", b"\x30\x00", b"\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07\x00", b"\x13\x01a"] {
            assert!(ec(curve).ec().is_err(), "{curve:?}");
        }
        assert!(Attributes::default().ec().is_err());
    }
}
