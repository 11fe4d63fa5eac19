//! The keys of virtual cards: made by the libraries that make this service's own, and kept in the card's image as PKCS#8.

use std::fmt;

use zeroize::Zeroizing;

use crate::{
    card::{CardKey, KeyFault, RsaPrivate, plain_ecdsa},
    ports::Signer,
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    x509::KeyAlgorithm,
};

/// A private key in a card that this process plays.
pub struct SoftKey {
    key: PrivateKey,
    signer: SoftwareSigner,
    algorithm: KeyAlgorithm,
    /// For RSA, which the signer pads and the card too.
    bare: Option<RsaPrivate>,
}

impl SoftKey {
    /// Makes a key pair: RSA-2048, P-256 or P-384.
    ///
    /// # Errors
    /// [`KeyFault`] for other kinds, and where the library makes none.
    pub fn generate(kind: KeyKind) -> Result<Self, KeyFault> {
        Self::new(PrivateKey::generate(kind).map_err(|_| KeyFault)?)
    }

    /// The key of the octets that [`CardKey::secret`] gave.
    ///
    /// # Errors
    /// [`KeyFault`].
    pub fn load(pkcs8: &[u8]) -> Result<Self, KeyFault> {
        Self::new(PrivateKey::from_pkcs8(Zeroizing::new(pkcs8.to_vec())).map_err(|_| KeyFault)?)
    }

    fn new(key: PrivateKey) -> Result<Self, KeyFault> {
        let signer = SoftwareSigner::new(&key).map_err(|_| KeyFault)?;
        let (algorithm, bare) = match signer.kind() {
            KeyKind::Rsa2048 => (KeyAlgorithm::Rsa(2048), Some(RsaPrivate::from_pkcs8(key.pkcs8())?)),
            KeyKind::P256 => (KeyAlgorithm::P256, None),
            KeyKind::P384 => (KeyAlgorithm::P384, None),
            KeyKind::Rsa3072 | KeyKind::Rsa4096 => return Err(KeyFault),
        };
        Ok(Self { key, signer, algorithm, bare })
    }
}

impl CardKey for SoftKey {
    fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    fn spki(&self) -> &[u8] {
        self.signer.spki()
    }

    fn apply(&self, operand: &[u8]) -> Result<Vec<u8>, KeyFault> {
        match &self.bare {
            Some(rsa) => rsa.apply(operand),
            None => plain_ecdsa(&self.signer.sign_digest(operand).map_err(|_| KeyFault)?, self.algorithm),
        }
    }

    fn secret(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.key.pkcs8().to_vec())
    }
}

impl fmt::Debug for SoftKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SoftKey({})", self.algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        card::Card,
        kind::Kind,
        x509::{Attribute, CertificationRequest, Name},
    };

    #[test]
    fn every_kind_of_card_key_signs_its_own_request_and_survives_its_image() {
        let name = Name::new(vec![Attribute::common_name("JITSUIN-TEST")]).unwrap();
        for kind in [KeyKind::Rsa2048, KeyKind::P256, KeyKind::P384] {
            let mut card = Card::blank(*b"0000000000000001");
            let request = card.make_key(Kind::Auth, &name, || SoftKey::generate(kind)).unwrap();
            assert!(CertificationRequest::from_der(&request).unwrap().verify().is_ok(), "{kind}");
            let again = Card::of_image(&card.image(), SoftKey::load).unwrap();
            assert_eq!(again.image(), card.image(), "{kind}");
        }
    }

    #[test]
    fn a_card_takes_no_longer_rsa_key() {
        assert_eq!(SoftKey::generate(KeyKind::Rsa3072).unwrap_err(), KeyFault);
        let longer = PrivateKey::generate(KeyKind::Rsa3072).unwrap();
        assert_eq!(SoftKey::load(longer.pkcs8()).unwrap_err(), KeyFault);
        assert_eq!(SoftKey::load(b"").unwrap_err(), KeyFault);
    }

    #[test]
    fn debug_output_names_the_kind_only() {
        assert_eq!(format!("{:?}", SoftKey::generate(KeyKind::P256).unwrap()), "SoftKey(P-256)");
    }
}
