//! Certificates that the service makes for itself: the CAs', their responders', and those of the access CA.

use super::{
    issuer::Issuer,
    tbs::{self, BuildError},
};
use crate::{
    kind::Kind,
    ports::{Links, Signer, SignerError},
    profile::{
        Content, Profile,
        access::{self, KeyIds, ServerName},
        authority::{self, Side},
        holder::{IssuerReference, LayoutError},
        locations,
    },
    x509::{Serial, SignatureAlgorithm, SubjectPublicKey, UnixTime, WeakKey, certificate},
};

/// Why the service could not certify itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CeremonyError {
    /// A configured value does not fit a name.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The octets could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A key is not fit to be certified.
    #[error(transparent)]
    Key(#[from] WeakKey),
    /// The transcript is no JSON object.
    #[error("a transcript is a JSON object")]
    NotATranscript,
    /// The key did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// Makes the self-signed certificate of a CA generation, DER.
///
/// # Errors
/// [`CeremonyError`].
pub fn certificate_authority(
    profile: &Profile,
    (kind, generation): (Kind, u8),
    signer: &dyn Signer,
    serial: &Serial,
    validity: (UnixTime, UnixTime),
) -> Result<Vec<u8>, CeremonyError> {
    let key = SubjectPublicKey::from_der(signer.spki())?.ca_key()?;
    let content = authority::certificate_authority(profile, kind, generation, &key.key_id(), validity)?;
    certify(&content, serial, &key, signer)
}

/// Makes the two link certificates between a generation and the one before it, DER (RFC 4210 §4.4).
///
/// The older key under the newer one holds from its beginning to its end, for as long as what it signed may be looked at; the newer
/// under the older from the newer one's beginning to the older one's end.
///
/// # Why they bear the serial numbers of the self-signed certificates
/// Holders' certificates name their CA by key identifier and by issuer and serial number, as those of the model do
/// (RFC 5280 §4.2.1.1). Validators that compare all of it, OpenSSL among them, take a link for the CA's certificate only if it
/// bears that number. A list that revokes a link so revokes the key, which is what is meant.
///
/// # Errors
/// [`CeremonyError`].
pub fn links(profile: &Profile, older: &Issuer, newer: &Issuer) -> Result<Links, CeremonyError> {
    let make = |subject: &Issuer, issuer: &Issuer, validity: (UnixTime, UnixTime)| {
        let (of, by) = (side(subject), side(issuer));
        let content = authority::link(profile, subject.kind(), of, by, validity)?;
        certify(&content, of.serial, subject.public_key(), issuer.signer())
    };
    let ((old_start, old_end), (new_start, _)) = (older.validity(), newer.validity());
    Ok(Links {
        old_with_new: make(older, newer, (old_start, old_end))?,
        new_with_old: make(newer, older, (new_start, old_end))?,
    })
}

fn side(issuer: &Issuer) -> Side<'_> {
    let IssuerReference { generation, key_id, serial, .. } = issuer.reference();
    Side { generation: *generation, key_id, serial }
}

/// Makes the certificate of a CA generation's delegated OCSP responder for the key `responder`, DER.
///
/// # Errors
/// [`CeremonyError`].
pub fn ocsp_responder(
    profile: &Profile,
    issuer: &Issuer,
    responder: &SubjectPublicKey,
    serial: &Serial,
    validity: (UnixTime, UnixTime),
) -> Result<Vec<u8>, CeremonyError> {
    let content = authority::ocsp_responder(profile, issuer.reference(), &responder.key_id(), validity)?;
    certify(&content, serial, responder, issuer.signer())
}

/// The access CA at work: its key, and the organisation in its names.
pub struct AccessCa<'a> {
    /// O of every name.
    pub organization: &'a str,
    /// Where the status listener is reached, which has its list: every client certificate says so.
    pub base_uri: &'a str,
    /// Its key.
    pub signer: &'a dyn Signer,
}

impl AccessCa<'_> {
    /// Its self-signed certificate, DER.
    ///
    /// # Errors
    /// [`CeremonyError`].
    pub fn certificate(&self, serial: &Serial, validity: (UnixTime, UnixTime)) -> Result<Vec<u8>, CeremonyError> {
        let key = self.key()?;
        let content = access::access_ca(self.organization, &key.key_id(), validity)?;
        certify(&content, serial, &key, self.signer)
    }

    /// A certificate for the registration listener, DER.
    ///
    /// # Errors
    /// [`CeremonyError`].
    pub fn server(
        &self,
        names: &[ServerName],
        subject: &SubjectPublicKey,
        serial: &Serial,
        validity: (UnixTime, UnixTime),
    ) -> Result<Vec<u8>, CeremonyError> {
        let keys = KeyIds { issuer: &self.key()?.key_id(), subject: &subject.key_id() };
        let content = access::tls_server(self.organization, names, keys, validity)?;
        certify(&content, serial, subject, self.signer)
    }

    /// A client certificate for a role and name, DER.
    ///
    /// # Errors
    /// [`CeremonyError`].
    pub fn client(
        &self,
        client: (&str, &str),
        subject: &SubjectPublicKey,
        serial: &Serial,
        validity: (UnixTime, UnixTime),
    ) -> Result<Vec<u8>, CeremonyError> {
        let keys = KeyIds { issuer: &self.key()?.key_id(), subject: &subject.key_id() };
        let list = locations::access_crl_uri(self.base_uri);
        let content = access::tls_client(self.organization, client, (keys, &list), validity)?;
        certify(&content, serial, subject, self.signer)
    }

    fn key(&self) -> Result<SubjectPublicKey, WeakKey> {
        SubjectPublicKey::from_der(self.signer.spki())?.ca_key()
    }
}

/// Signs the transcript of a key ceremony: a JSON object, as it is, so that `openssl dgst -verify` checks it.
///
/// # Errors
/// [`CeremonyError::NotATranscript`] for anything but an object; [`CeremonyError::Signer`].
pub fn transcript(signer: &dyn Signer, text: &str) -> Result<Vec<u8>, CeremonyError> {
    // What a CA key signs here must never pass for a certificate, a list or an answer: those begin with 0x30.
    if !text.starts_with('{') {
        return Err(CeremonyError::NotATranscript);
    }
    Ok(signer.sign(text.as_bytes())?)
}

/// Builds a certificate and has it signed, DER.
pub(super) fn certify(
    content: &Content,
    serial: &Serial,
    subject: &SubjectPublicKey,
    signer: &dyn Signer,
) -> Result<Vec<u8>, CeremonyError> {
    let algorithm: SignatureAlgorithm = signer.algorithm();
    let tbs = tbs::build(content, serial, subject.der(), algorithm)?;
    let signature = signer.sign(&tbs)?;
    Ok(certificate::assemble(&tbs, algorithm, &signature))
}
