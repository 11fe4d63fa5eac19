//! What the registration listener shows and trusts.

use std::{sync::Arc, time::Duration};

use super::{
    credential::access_ca,
    failure::Failure,
    files,
    keys::causes::Causes,
    layout::Layout,
    world::{SystemEntropy, random_serial},
};
use crate::{
    ca::ceremony::AccessCa,
    config::Config,
    ports::Signer,
    profile::access::ServerName,
    signer::{PrivateKey, SoftwareSigner, keyfile},
    x509::{CertificateView, GeneralName, SubjectPublicKey, UnixTime, extension, oid},
};

/// How long the listener's certificate is valid.
const LIFE: Duration = Duration::from_secs(825 * 86_400);
/// How long before its end a start makes a new one.
const EARLY: Duration = Duration::from_secs(90 * 86_400);

/// The listener's side of mutual TLS.
pub struct Tls {
    /// The access CA's certificate, DER.
    pub authority: Vec<u8>,
    /// The listener's certificate, DER.
    pub certificate: Vec<u8>,
    /// The listener's key.
    pub key: PrivateKey,
}

/// What [`Tls::read`] read.
pub(super) struct TlsFiles {
    /// The listener's side.
    pub(super) tls: Tls,
    /// The key of the access CA.
    pub(super) access: Arc<SoftwareSigner>,
}

impl TlsFiles {
    /// Makes a new certificate where the one on file ends soon or names other hosts than the configuration.
    ///
    /// # Errors
    /// [`Failure`] when no new one can be made.
    pub(super) fn renewed(self, layout: &Layout, config: &Config, now: UnixTime) -> Result<Tls, Failure> {
        let Self { mut tls, access } = self;
        if tls.is_due(&server_names(config), now)? {
            let access = access_ca(config, &*access);
            tls.certificate = certify(&access, layout, config, (&tls.key, now))?;
        }
        Ok(tls)
    }
}

impl Tls {
    /// Reads the files as they are: both certificates with their keys. What does not fit is noted.
    pub(super) fn read(layout: &Layout, passphrase: &str, causes: &mut Causes) -> Option<TlsFiles> {
        let mut certificate = |name| causes.keep(files::read_certificate(&layout.certificate(name)));
        let (authority, certificate) = (certificate("access"), certificate("registration"));
        let access = causes.key(keyfile::read_signer(&layout.access_key(), passphrase));
        let key = causes.key(keyfile::read_encrypted(&layout.tls_key(), passphrase));
        let own = key.as_ref().and_then(|key| {
            let named = |cause| format!("{}: {cause}", layout.tls_key().display());
            causes.keep(SoftwareSigner::new(key).map_err(named))
        });
        if let (Some(authority), Some(access)) = (&authority, &access) {
            causes.keep(matches(authority, access, "access CA"));
        }
        if let (Some(certificate), Some(own)) = (&certificate, &own) {
            causes.keep(matches(certificate, own, "registration listener"));
        }
        if let (Some(authority), Some(certificate)) = (&authority, &certificate) {
            causes.keep(issued_by(certificate, authority));
        }
        own?;
        let tls = Self { authority: authority?, certificate: certificate?, key: key? };
        Some(TlsFiles { tls, access: Arc::new(access?) })
    }

    /// The last instant of the listener's certificate.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be read.
    pub fn not_after(&self) -> Result<UnixTime, Failure> {
        Ok(CertificateView::from_der(&self.certificate).map_err(Failure::refused)?.tbs.not_after)
    }

    fn is_due(&self, names: &[ServerName], now: UnixTime) -> Result<bool, Failure> {
        let view = CertificateView::from_der(&self.certificate).map_err(Failure::refused)?;
        let wanted: Vec<GeneralName<'_>> = names.iter().map(ServerName::general_name).collect();
        let wanted = extension::general_names(&wanted);
        let same = view.tbs.extension(oid::SUBJECT_ALT_NAME).is_some_and(|found| found.value == wanted);
        Ok(!same || now + EARLY >= view.tbs.not_after)
    }
}

/// Makes the certificate of the registration listener for its key and the configured names, and writes it.
///
/// # Errors
/// [`Failure`].
pub fn certify(
    access: &AccessCa<'_>,
    layout: &Layout,
    config: &Config,
    (key, now): (&PrivateKey, UnixTime),
) -> Result<Vec<u8>, Failure> {
    let signer = SoftwareSigner::new(key).map_err(Failure::fault)?;
    let public = SubjectPublicKey::from_der(signer.spki()).map_err(Failure::fault)?;
    let serial = random_serial(&SystemEntropy::default()).map_err(Failure::fault)?;
    let names = server_names(config);
    let certificate = access.server(&names, &public, &serial, (now, now + LIFE)).map_err(Failure::fault)?;
    let path = layout.certificate("registration");
    files::replace(&path, &files::certificate_pem(&certificate)).map_err(Failure::fault)?;
    Ok(certificate)
}

/// Whether the key is the certificate's.
pub(super) fn matches(certificate: &[u8], key: &SoftwareSigner, whose: &str) -> Result<(), String> {
    let view =
        CertificateView::from_der(certificate).map_err(|error| format!("the certificate of the {whose}: {error}"))?;
    let other = || format!("the key of the {whose} does not match its certificate");
    if view.tbs.spki == key.spki() { Ok(()) } else { Err(other()) }
}

fn issued_by(certificate: &[u8], authority: &[u8]) -> Result<(), String> {
    // Unreadable ones are told by `matches`, where there is a key to match.
    let unreadable = |error: &dyn std::fmt::Display| format!("a certificate of the registration listener: {error}");
    let authority = CertificateView::from_der(authority).map_err(|error| unreadable(&error))?;
    let authority = SubjectPublicKey::from_der(authority.tbs.spki).map_err(|error| unreadable(&error))?;
    let own = CertificateView::from_der(certificate).map_err(|error| unreadable(&error))?;
    own.verify(&authority).map_err(|_| "the listener's certificate was not issued by the access CA".to_owned())
}

fn server_names(config: &Config) -> Vec<ServerName> {
    let name = |text: &str| text.parse().map_or_else(|_| ServerName::Dns(text.into()), ServerName::Ip);
    config.listen.registration_names.iter().map(|text| name(text.as_str())).collect()
}
