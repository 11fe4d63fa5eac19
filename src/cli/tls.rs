//! What the registration listener shows and trusts.

use std::time::Duration;

use super::{
    failure::Failure,
    files,
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

impl Tls {
    /// Reads the files as they are.
    ///
    /// # Errors
    /// [`Failure`] for a file that is missing, unreadable or not opened by the passphrase.
    pub fn read(layout: &Layout, passphrase: &str) -> Result<Self, Failure> {
        let certificate = |name| files::read_certificate(&layout.certificate(name)).map_err(Failure::refused);
        let key = keyfile::read_encrypted(&layout.tls_key(), passphrase).map_err(Failure::refused)?;
        let tls = Self { authority: certificate("access")?, certificate: certificate("registration")?, key };
        let authority = CertificateView::from_der(&tls.authority).map_err(Failure::refused)?;
        let authority = SubjectPublicKey::from_der(authority.tbs.spki).map_err(Failure::refused)?;
        let own = CertificateView::from_der(&tls.certificate).map_err(Failure::refused)?;
        let foreign = |_| Failure::refused("the listener's certificate was not issued by the access CA");
        own.verify(&authority).map_err(foreign)?;
        let access = keyfile::read_signer(&layout.access_key(), passphrase).map_err(Failure::refused)?;
        if access.spki() == authority.der() {
            Ok(tls)
        } else {
            Err(Failure::refused("the key of the access CA does not match its certificate"))
        }
    }

    /// Reads the files, and makes a new certificate where the one on file ends soon or names other hosts than the
    /// configuration.
    ///
    /// # Errors
    /// As for [`Tls::read`]; [`Failure`] when no new one can be made.
    pub fn open(layout: &Layout, config: &Config, passphrase: &str, now: UnixTime) -> Result<Self, Failure> {
        let mut tls = Self::read(layout, passphrase)?;
        let names = server_names(config);
        if tls.is_due(&names, now)? {
            let access = keyfile::read_signer(&layout.access_key(), passphrase).map_err(Failure::refused)?;
            let access = AccessCa { organization: config.service.organisation.as_str(), signer: &access };
            tls.certificate = certify(&access, layout, config, (&tls.key, now))?;
        }
        Ok(tls)
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

fn server_names(config: &Config) -> Vec<ServerName> {
    let name = |text: &str| text.parse().map_or_else(|_| ServerName::Dns(text.into()), ServerName::Ip);
    config.listen.registration_names.iter().map(|text| name(text.as_str())).collect()
}
