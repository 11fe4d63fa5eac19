//! A card as octets, for whoever keeps it sealed. DER, so that one value has one encoding:
//!
//! ```text
//! Card      ::= SEQUENCE { version INTEGER (1), serial OCTET STRING (SIZE(16)), faceAuthentication BOOLEAN, suspended BOOLEAN,
//!                          auth Half, sign Half }
//! Half      ::= SEQUENCE { key [0] OCTET STRING OPTIONAL, nextKey [1] OCTET STRING OPTIONAL, pin [2] Pin OPTIONAL,
//!                          certificate OCTET STRING, caCertificate OCTET STRING }     -- empty: none; keys: as their port has them
//! Pin       ::= SEQUENCE { value OCTET STRING, triesLeft INTEGER }
//! ```

use zeroize::Zeroizing;

use super::{Card, CardKey, Half, KeyFault, Session, issuer, reference::Reference};
use crate::{
    kind::Kind,
    x509::der::{
        DerError, OCTET_STRING, Reader, SEQUENCE, boolean, context, context_constructed, integer, nested, tlv,
    },
};

/// The version that is written and read.
const VERSION: u64 = 1;
/// Room for any card, so that no key is left behind by a buffer that grew.
const CAPACITY: usize = 32 * 1024;

/// Octets are no card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACard {
    /// They are no DER of the right shape.
    #[error("it is no card: {0}")]
    Der(#[from] DerError),
    /// A card of another version.
    #[error("it is a card of another version of this program")]
    Version,
    /// A value that no card has.
    #[error("it is no card: its {0} cannot be")]
    Content(&'static str),
    /// A key that cannot be loaded.
    #[error("it is no card: {0}")]
    Key(#[from] KeyFault),
}

impl<K: CardKey> Card<K> {
    /// Everything that outlives a power cut; private keys and PINs stand in it.
    #[must_use]
    pub fn image(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Vec::with_capacity(CAPACITY);
        nested(&mut out, SEQUENCE, |out| {
            integer(out, VERSION);
            tlv(out, OCTET_STRING, &self.serial);
            boolean(out, self.face_authentication);
            boolean(out, self.suspended);
            for half in [&self.auth, &self.sign] {
                half.write(out);
            }
        });
        Zeroizing::new(out)
    }

    /// The card of such octets, without power until it is [reset](Card::reset).
    ///
    /// # Errors
    /// [`NotACard`]; the octets are read strictly.
    pub fn of_image(image: &[u8], load: impl Fn(&[u8]) -> Result<K, KeyFault>) -> Result<Self, NotACard> {
        let mut reader = Reader::new(image);
        let card = reader.sequence(|card| {
            if card.unsigned()? != VERSION {
                return Err(NotACard::Version);
            }
            let serial = card.octet_string()?.try_into().map_err(|_| NotACard::Content("serial number"))?;
            let (face_authentication, suspended) = (card.boolean()?, card.boolean()?);
            let auth = Half::read(card, Kind::Auth, &load)?;
            let sign = Half::read(card, Kind::Sign, &load)?;
            Ok(Self { serial, auth, sign, face_authentication, suspended, session: Session::default() })
        })?;
        reader.finish()?;
        if card.face_authentication && !card.fits_face_authentication() {
            return Err(NotACard::Content("face authentication"));
        }
        Ok(card)
    }
}

impl<K: CardKey> Half<K> {
    fn write(&self, out: &mut Vec<u8>) {
        nested(out, SEQUENCE, |out| {
            for (number, key) in [(0, &self.key), (1, &self.next_key)] {
                if let Some(key) = key {
                    tlv(out, context(number), &key.secret());
                }
            }
            if let Some(reference) = &self.reference {
                nested(out, context_constructed(2), |out| {
                    tlv(out, OCTET_STRING, reference.value());
                    integer(out, u64::from(reference.tries()));
                });
            }
            tlv(out, OCTET_STRING, &self.certificate);
            tlv(out, OCTET_STRING, &self.ca_certificate);
        });
    }

    fn read(card: &mut Reader<'_>, kind: Kind, load: &impl Fn(&[u8]) -> Result<K, KeyFault>) -> Result<Self, NotACard> {
        let half = card.sequence(|half| {
            let key = half.optional(context(0))?.map(load).transpose()?;
            let next_key = half.optional(context(1))?.map(load).transpose()?;
            let reference = half.optional(context_constructed(2))?.map(|pin| read_pin(pin, kind)).transpose()?;
            let (certificate, ca_certificate) = (half.octet_string()?.to_vec(), half.octet_string()?.to_vec());
            Ok::<_, NotACard>(Self { key, next_key, reference, certificate, ca_certificate })
        })?;
        let is_readable = |certificate: &Vec<u8>| certificate.is_empty() || issuer::fits_a_file(certificate);
        if !is_readable(&half.certificate) || !is_readable(&half.ca_certificate) {
            return Err(NotACard::Content("certificate"));
        }
        Ok(half)
    }
}

fn read_pin(content: &[u8], kind: Kind) -> Result<Reference, NotACard> {
    let mut pin = Reader::new(content);
    let (value, tries) = (pin.octet_string()?, pin.unsigned()?);
    pin.finish()?;
    Reference::of_memory(kind, value, tries).ok_or(NotACard::Content("PIN"))
}
