//! The issuer channel: what a municipal terminal does to a card and APDUs do not offer.
//!
//! How a real terminal does it is not public, and guessing APDUs for it would teach software what no card understands. So these are
//! functions, which only whoever holds the card's sealed file can call; each leaves the card without a verified PIN.

use super::{BadPin, Card, CardKey, Half, KeyFault, Session, reference::Reference, signature};
use crate::{
    kind::Kind,
    x509::{CertificateView, KeyAlgorithm, Name, SignatureAlgorithm, assemble, csr::request_info},
};

/// Octets of a certificate on a card: offsets of READ BINARY reach 32 KiB, OpenSC reads certificates of up to 4 KiB, and ours have
/// about 2 KiB.
pub const CARD_CERTIFICATE_OCTETS: usize = 4096;

/// Why the terminal may not do it; the card is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerRefusal {
    /// A face-authentication card holds no SIGN (E-09).
    #[error("E-09: a face-authentication card holds no SIGN certificate")]
    NoSignOnFaceAuthentication,
    /// A face-authentication card has no PIN (P-10).
    #[error("P-10: a face-authentication card has no PIN")]
    NoPinOnFaceAuthentication,
    /// The card is one already.
    #[error("the card is set for face authentication already")]
    FaceAuthenticationAlready,
    /// The card is none.
    #[error("the card is not set for face authentication")]
    NoFaceAuthentication,
    /// Face authentication needs AUTH, which the card does not hold.
    #[error("face authentication needs an AUTH certificate, and the card holds none")]
    NoAuthCertificate,
    /// No PIN of that form.
    #[error("{0}")]
    Pin(#[from] BadPin),
    /// The key could not be made, or does not sign.
    #[error("{0}")]
    Key(#[from] KeyFault),
    /// The octets are no certificate, or too many.
    #[error("the {0} is no certificate of at most {CARD_CERTIFICATE_OCTETS} octets")]
    NotACertificate(&'static str),
    /// The certificate is for another key than those that the card holds for that purpose.
    #[error("the certificate is for another key than the card's")]
    OtherKey,
    /// The CA certificate's key did not sign the certificate.
    #[error("the certificate is not signed by this CA")]
    OtherCa,
}

/// What a PIN that was entered at the terminal came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented {
    /// It is the card's.
    Hit,
    /// It is another.
    Missed {
        /// Tries that are left.
        left: u8,
    },
    /// The card's is locked, or it has none.
    Unusable,
}

impl<K: CardKey> Card<K> {
    /// A card from the factory: no keys, no PINs, no certificates; 16 characters tell it from others (EF `0006`).
    #[must_use]
    pub fn blank(serial: [u8; 16]) -> Self {
        Self {
            serial,
            auth: Half::empty(),
            sign: Half::empty(),
            face_authentication: false,
            suspended: false,
            session: Session::default(),
        }
    }

    /// Has a key pair made inside, and gives a PKCS#10 request for it that it signed itself (E-03).
    ///
    /// The key waits beside the one in use, which goes on until a certificate for the new one is
    /// [written](Self::write_certificates): what breaks off in between takes nothing from the holder. Asked again, it makes another.
    ///
    /// # Errors
    /// [`IssuerRefusal::NoSignOnFaceAuthentication`], [`IssuerRefusal::Key`].
    pub fn make_key(
        &mut self,
        kind: Kind,
        subject: &Name,
        make: impl FnOnce() -> Result<K, KeyFault>,
    ) -> Result<Vec<u8>, IssuerRefusal> {
        self.may_hold(kind)?;
        let key = make()?;
        let info = request_info(subject, key.spki());
        let (algorithm, signature) = sign(&key, &info)?;
        self.half_mut(kind).next_key = Some(key);
        self.session = Session::default();
        Ok(assemble(&info, algorithm, &signature))
    }

    /// Forgets a key that was made and will get no certificate.
    pub fn forget_waiting_key(&mut self, kind: Kind) {
        self.half_mut(kind).next_key = None;
        self.session = Session::default();
    }

    /// Writes a certificate and its CA's, and puts the key that they are for in use: all three or none.
    ///
    /// # Errors
    /// [`IssuerRefusal::NoSignOnFaceAuthentication`], [`IssuerRefusal::NotACertificate`]; [`IssuerRefusal::OtherKey`] unless it is for
    /// the key that waits or the one in use; [`IssuerRefusal::OtherCa`].
    pub fn write_certificates(&mut self, kind: Kind, certificate: &[u8], ca: &[u8]) -> Result<(), IssuerRefusal> {
        self.may_hold(kind)?;
        let read = |der, what| {
            let view = CertificateView::from_der(der).ok().filter(|_| fits_a_file(der));
            view.ok_or(IssuerRefusal::NotACertificate(what))
        };
        let (holder, issuer) = (read(certificate, "certificate")?, read(ca, "CA certificate")?);
        let key_of = |view: &CertificateView<'_>| crate::x509::SubjectPublicKey::from_der(view.tbs.spki);
        let issuer_key = key_of(&issuer).map_err(|_| IssuerRefusal::NotACertificate("CA certificate"))?;
        holder.verify(&issuer_key).map_err(|_| IssuerRefusal::OtherCa)?;
        let half = self.half_mut(kind);
        let is_for = |key: &Option<K>| key.as_ref().is_some_and(|key| key.spki() == holder.tbs.spki);
        if is_for(&half.next_key) {
            half.key = half.next_key.take();
        } else if !is_for(&half.key) {
            return Err(IssuerRefusal::OtherKey);
        }
        (half.certificate, half.ca_certificate) = (certificate.to_vec(), ca.to_vec());
        self.session = Session::default();
        Ok(())
    }

    /// Sets a PIN and gives all its tries: when the card is handed out, and when the holder forgot or locked it (P-05, P-07).
    ///
    /// # Errors
    /// [`IssuerRefusal::NoPinOnFaceAuthentication`], [`IssuerRefusal::Pin`].
    pub fn set_pin(&mut self, kind: Kind, pin: &[u8]) -> Result<(), IssuerRefusal> {
        if self.face_authentication {
            return Err(IssuerRefusal::NoPinOnFaceAuthentication);
        }
        self.half_mut(kind).reference = Some(Reference::new(kind, pin)?);
        self.session = Session::default();
        Ok(())
    }

    /// Has the holder enter a PIN at the terminal, which also a suspended card takes there: a miss costs a try, a hit gives all of
    /// them back, as VERIFY does; nothing stays verified.
    pub fn present_pin(&mut self, kind: Kind, pin: &[u8]) -> Presented {
        self.session = Session::default();
        let Some(reference) = self.half_mut(kind).reference.as_mut().filter(|reference| reference.tries() > 0) else {
            return Presented::Unusable;
        };
        if reference.present(kind, pin) { Presented::Hit } else { Presented::Missed { left: reference.tries() } }
    }

    /// 顔認証マイナンバーカード: takes both PINs and everything of SIGN from the card (rules §1.5).
    ///
    /// # Errors
    /// [`IssuerRefusal::FaceAuthenticationAlready`], [`IssuerRefusal::NoAuthCertificate`].
    pub fn face_authentication_on(&mut self) -> Result<(), IssuerRefusal> {
        match () {
            () if self.face_authentication => Err(IssuerRefusal::FaceAuthenticationAlready),
            () if self.auth.certificate.is_empty() => Err(IssuerRefusal::NoAuthCertificate),
            () => {
                (self.auth.reference, self.sign) = (None, Half::empty());
                (self.face_authentication, self.session) = (true, Session::default());
                Ok(())
            }
        }
    }

    /// Back to a card with a PIN for AUTH. SIGN is empty, and may be issued anew.
    ///
    /// # Errors
    /// [`IssuerRefusal::NoFaceAuthentication`], [`IssuerRefusal::Pin`].
    pub fn face_authentication_off(&mut self, auth_pin: &[u8]) -> Result<(), IssuerRefusal> {
        if !self.face_authentication {
            return Err(IssuerRefusal::NoFaceAuthentication);
        }
        self.auth.reference = Some(Reference::new(Kind::Auth, auth_pin)?);
        (self.face_authentication, self.session) = (false, Session::default());
        Ok(())
    }

    /// Deactivates the application or activates it again: while it is suspended, no PIN is taken and no key is used; what may be read
    /// freely, may be read.
    ///
    /// 一時停止 by telephone does not reach a card: the service holds the certificates. This is for a card that lies on the counter.
    pub fn suspend(&mut self, suspended: bool) {
        (self.suspended, self.session) = (suspended, Session::default());
    }

    /// What is on the card that the issuer may see.
    #[must_use]
    pub fn summary(&self) -> Summary<'_> {
        Summary {
            serial: &self.serial,
            face_authentication: self.face_authentication,
            suspended: self.suspended,
            auth: self.auth.summary(),
            sign: self.sign.summary(),
        }
    }

    fn may_hold(&self, kind: Kind) -> Result<(), IssuerRefusal> {
        let refused = self.face_authentication && kind == Kind::Sign;
        if refused { Err(IssuerRefusal::NoSignOnFaceAuthentication) } else { Ok(()) }
    }

    /// Whether face authentication can be on: no PINs, no SIGN, and AUTH.
    pub(super) fn fits_face_authentication(&self) -> bool {
        let sign = &self.sign;
        self.auth.reference.is_none()
            && !self.auth.certificate.is_empty()
            && (sign.reference.is_none() && sign.key.is_none() && sign.next_key.is_none())
            && sign.certificate.is_empty()
    }
}

/// A card as the terminal shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary<'a> {
    /// The 16 characters of EF `0006`.
    pub serial: &'a [u8; 16],
    /// 顔認証マイナンバーカード.
    pub face_authentication: bool,
    /// Deactivated at the counter.
    pub suspended: bool,
    /// What belongs to user authentication.
    pub auth: HalfSummary<'a>,
    /// What belongs to signatures.
    pub sign: HalfSummary<'a>,
}

impl<'a> Summary<'a> {
    /// The half of that kind.
    #[must_use]
    pub fn half(&self, kind: Kind) -> &HalfSummary<'a> {
        match kind {
            Kind::Auth => &self.auth,
            Kind::Sign => &self.sign,
        }
    }
}

/// One kind's part of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HalfSummary<'a> {
    /// Kind and strength of the key in use.
    pub key: Option<KeyAlgorithm>,
    /// Whether another key waits for its certificate.
    pub key_waits: bool,
    /// Tries left, unless there is no PIN.
    pub tries_left: Option<u8>,
    /// The certificate, DER.
    pub certificate: Option<&'a [u8]>,
    /// The CA's certificate, DER.
    pub ca_certificate: Option<&'a [u8]>,
}

impl<K: CardKey> Half<K> {
    const fn empty() -> Self {
        Self { key: None, next_key: None, reference: None, certificate: Vec::new(), ca_certificate: Vec::new() }
    }

    fn summary(&self) -> HalfSummary<'_> {
        let some = |octets: &'_ Vec<u8>| !octets.is_empty();
        HalfSummary {
            key: self.key.as_ref().map(CardKey::algorithm),
            key_waits: self.next_key.is_some(),
            tries_left: self.reference.as_ref().map(Reference::tries),
            certificate: some(&self.certificate).then_some(self.certificate.as_slice()),
            ca_certificate: some(&self.ca_certificate).then_some(self.ca_certificate.as_slice()),
        }
    }
}

/// Whether octets are a certificate that clients can read from an EF: they look for `30 82` and a length of two octets.
pub(super) fn fits_a_file(der: &[u8]) -> bool {
    matches!(der, [0x30, 0x82, high, low, rest @ ..]
        if usize::from(u16::from_be_bytes([*high, *low])) == rest.len() && der.len() <= CARD_CERTIFICATE_OCTETS)
}

/// A signature of the key's own algorithm over a CertificationRequestInfo.
fn sign<K: CardKey>(key: &K, message: &[u8]) -> Result<(SignatureAlgorithm, Vec<u8>), KeyFault> {
    let algorithm = match key.algorithm() {
        KeyAlgorithm::Rsa(_) => {
            return Ok((SignatureAlgorithm::RsaSha256, key.apply(&signature::message_padded(message))?));
        }
        KeyAlgorithm::P256 => SignatureAlgorithm::EcdsaP256Sha256,
        KeyAlgorithm::P384 => SignatureAlgorithm::EcdsaP384Sha384,
    };
    let digest = ring::digest::digest(algorithm.digest(), message);
    Ok((algorithm, signature::der_ecdsa(&key.apply(digest.as_ref())?)))
}
